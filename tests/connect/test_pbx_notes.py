"""What the page says of the telephone system, as its calls are answered."""

import re

import pytest

from functions.connect.english import ENGLISH
from shared.connect.codes import windows
from shared.connect.pbx_notes import PbxNote
from tests.calls.telling import end, ring
from tests.connect.test_one_time_code import ANNA, act, asked
from tests.deployment import Deployment, Page, finished


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.clock.at, _ = windows(deployment.clock.at)
    return deployment


def proven(deployment: Deployment) -> Page:
    return act(deployment, asked(deployment), "prove", code=deployment.code())


def told(page: Page) -> list[str]:
    assert "data-pbx" in page.text
    return re.findall(r'data-note="([^"]*)"', page.text)


def again(deployment: Deployment, page: Page) -> Page:
    """Presses the button that looks again, minutes later."""
    deployment.let_time_pass(2)
    return act(deployment, page, "look")


def test_from_the_first_key_to_the_first_ring(deployment: Deployment) -> None:
    key = deployment.connect(4564, owner=ANNA).pbx_key
    page = proven(deployment)
    assert told(page) == ["unused"]
    assert ENGLISH.pbx_works not in page.text
    wrong = key[:-3] + ("aaa" if not key.endswith("aaa") else "bbb")
    assert deployment.call(finished("c-1"), wrong)[0] == 401
    page = again(deployment, page)
    assert told(page) == ["refused"]
    end(deployment, key, call_id="c-2", ago_s=10)
    page = again(deployment, page)
    assert told(page) == []
    assert ENGLISH.pbx_works in page.text
    # Whoever tries keys now makes nobody believe that his own is wrong, once a call comes again.
    assert deployment.call(finished("c-3"), wrong)[0] == 401
    deployment.let_time_pass(2)
    end(deployment, key, call_id="c-4", ago_s=10)
    assert told(again(deployment, page)) == []


def test_a_ring_is_seen_before_its_call_is_over(deployment: Deployment) -> None:
    key = deployment.connect(4564, owner=ANNA).pbx_key
    page = proven(deployment)
    ring(deployment, key, call_id="c-1")
    page = again(deployment, page)
    assert told(page) == []
    assert ENGLISH.pbx_works in page.text


def test_a_call_counts_at_whichever_of_a_chain(deployment: Deployment) -> None:
    key = deployment.connect(4564, *range(4601, 4630), owner=ANNA).pbx_key
    page = proven(deployment)
    assert told(page) == ["unused"]
    ring(deployment, key, call_id="c-1", location_id=4629)
    page = again(deployment, page)
    assert told(page) == []
    end(deployment, key, call_id="c-1", location_id=4629)
    deployment.let_time_pass(120)
    assert told(proven(deployment)) == []


def test_an_account_without_a_key_is_told_so(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA, telephony=False)
    assert told(proven(deployment)) == ["no key"]


def test_a_replaced_key_that_is_still_used_is_told_with_its_end(deployment: Deployment) -> None:
    old = deployment.connect(4564, owner=ANNA).pbx_key
    page = act(deployment, proven(deployment), "rotate")
    ring(deployment, old, call_id="c-1")
    page = again(deployment, page)
    assert told(page) == ["replaced"]
    assert ENGLISH.pbx[PbxNote.REPLACED] in page.text
    deployment.clock.advance(hours=25)
    assert told(proven(deployment)) == []


def test_a_replaced_key_is_told_no_more_once_the_new_one_is_used(deployment: Deployment) -> None:
    old = deployment.connect(4564, owner=ANNA).pbx_key
    page = act(deployment, proven(deployment), "rotate")
    end(deployment, old, call_id="c-1", ago_s=10)
    page_after = again(deployment, page)
    assert told(page_after) == ["replaced"]
    end(deployment, page.pbx_key, call_id="c-2", ago_s=10)
    assert told(again(deployment, page_after)) == []


def test_a_ring_that_comes_too_late_is_told_for_a_day(deployment: Deployment) -> None:
    key = deployment.connect(4564, owner=ANNA).pbx_key
    page = proven(deployment)
    assert ring(deployment, key, call_id="c-1", ago_s=40) == "too late"
    page = again(deployment, page)
    assert told(page) == ["late"]
    deployment.clock.advance(hours=25)
    assert told(proven(deployment)) == []


def test_nobody_looks_without_a_proof(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = proven(deployment)
    deployment.clock.advance(minutes=31)
    late = act(deployment, page, "look")
    assert (late.proof, "data-pbx" in late.text) == ("offered", False)
