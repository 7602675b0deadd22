"""The page that waits for the first ring says what came, and opens nothing else."""

import re
from dataclasses import replace

import pytest
from markupsafe import escape

from functions.connect.english import ENGLISH
from functions.connect.page import LANGUAGES
from functions.connect.words import Words
from shared.calls.shown import PopUp, facts
from shared.connect import first_ring
from shared.connect.codes import windows
from shared.connect.first_ring import Came
from shared.connect.tickets import WATCH
from tests.calls.telling import at, end, ring
from tests.connect.test_one_time_code import ANNA, BORIS, act, asked
from tests.deployment import Deployment, Page, finished, ringing

RING = ENGLISH.first_minutes.ring


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.clock.at, _ = windows(deployment.clock.at)
    return deployment


def watch_of(page: Page) -> str:
    [watch] = re.findall(r'href="\?wait=([^"]+)"', page.text)
    return str(watch)


def look(deployment: Deployment, watch: str) -> Page:
    return deployment.visit(f"https://api.example/connect?wait={watch}")


def came(page: Page) -> str:
    [what] = re.findall(r'data-ring="([^"]*)"', page.text)
    return str(what).replace("&#39;", "'")


def told(page: Page) -> dict[str, str]:
    """The facts by their names, but for the time."""
    return dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]+)</dd>", page.text))


def begun(deployment: Deployment, *location_ids: int) -> tuple[str, str]:
    """The key and the watch of an account that has just been made."""
    owner = replace(ANNA, salon_name="Studio Nord")
    page = deployment.connect(*location_ids or (4564,), owner=owner)
    return page.pbx_key, watch_of(page)


def wrong(key: str) -> str:
    return key[:-3] + ("aaa" if not key.endswith("aaa") else "bbb")


def test_it_says_so_at_whichever_of_very_many_locations_it_rang(deployment: Deployment) -> None:
    key, watch = begun(deployment, *range(1, 66))
    ring(deployment, key, location_id=65)
    page = look(deployment, watch)
    assert came(page) == "sent"
    assert told(page)[ENGLISH.first_minutes.facts["location"]] == "65"


def test_it_waits_and_says_that_it_rang(deployment: Deployment) -> None:
    key, watch = begun(deployment)
    page = look(deployment, watch)
    assert (page.status, came(page), page.title) == (200, "nothing", RING[Came.NOTHING].title)
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page.text
    deployment.clock.advance(seconds=20)
    ring(deployment, key, extension="101")
    page = look(deployment, watch)
    assert (came(page), page.title) == ("sent", RING[PopUp.SENT].title)
    words = ENGLISH.first_minutes.facts
    assert told(page) == {
        words["location"]: "Studio Nord (4564)",
        words["line"]: "+13155550176",
        words["extension"]: "101",
        words["caller"]: "…175",
    }
    # It has said what it is for.
    assert "http-equiv" not in page.text


def test_it_says_at_which_of_a_chain(deployment: Deployment) -> None:
    key, watch = begun(deployment, *range(4501, 4531))
    ring(deployment, key, location_id=4530)
    page = look(deployment, watch)
    assert came(page) == "sent"
    assert told(page)[ENGLISH.first_minutes.facts["location"]] == "4530"


def test_a_wrong_key_and_then_the_right_one(deployment: Deployment) -> None:
    key, watch = begun(deployment)
    assert deployment.call(ringing(), wrong(key))[0] == 401
    page = look(deployment, watch)
    assert (came(page), page.title) == ("wrong key", RING[Came.WRONG_KEY].title)
    deployment.clock.advance(seconds=10)
    ring(deployment, key)
    assert came(look(deployment, watch)) == "sent"


def test_a_clock_that_is_late(deployment: Deployment) -> None:
    key, watch = begun(deployment)
    assert ring(deployment, key, ago_s=40) == "too late"
    page = look(deployment, watch)
    assert (came(page), told(page)[ENGLISH.first_minutes.facts["late"]]) == (
        "too late",
        "40\u00a0s",
    )
    deployment.clock.advance(seconds=10)
    # In the zone of another place, it says so of each call.
    ring(deployment, key, call_id="c-2", ago_s=7200)
    assert told(look(deployment, watch))[ENGLISH.first_minutes.facts["late"]] == "120\u00a0min"
    deployment.clock.advance(minutes=61)
    assert look(deployment, watch).status == 410


def test_a_clock_that_is_hours_late(deployment: Deployment) -> None:
    key, watch = begun(deployment)
    ring(deployment, key, ago_s=7200)
    page = look(deployment, watch)
    assert told(page)[ENGLISH.first_minutes.facts["late"]] == "120\u00a0min"


def test_a_line_that_nobody_has_entered(deployment: Deployment) -> None:
    key, watch = begun(deployment, 4564, 4232)
    event = ringing(at=at(deployment), line="+13155550199")
    del event["location_id"]
    assert deployment.call(event, key)[1]["pop_up"] == PopUp.UNKNOWN_LINE
    page = look(deployment, watch)
    assert came(page) == PopUp.UNKNOWN_LINE
    assert told(page)[ENGLISH.first_minutes.facts["line"]] == "+13155550199"
    account_id = deployment.connection(4564).account_id
    assert account_id
    deployment.lines.enter(account_id, {"+13155550199": 4232})
    deployment.clock.advance(seconds=10)
    event |= {"call_id": "c-2", "at": at(deployment)}
    assert deployment.call(event, key)[1]["pop_up"] == PopUp.SENT
    page = look(deployment, watch)
    assert (came(page), told(page)[ENGLISH.first_minutes.facts["location"]]) == (
        "sent",
        "4232",
    )


@pytest.mark.parametrize("event", [ringing(), finished()], ids=["ringing", "finished"])
def test_a_location_of_somebody_else(deployment: Deployment, event: dict[str, object]) -> None:
    key, watch = begun(deployment)
    times = {"at": at(deployment), "started_at": at(deployment, 90)}
    assert deployment.call({**event, **times, "location_id": 4777}, key)[0] == 403
    page = look(deployment, watch)
    assert (came(page), page.title) == ("wrong location", RING[Came.WRONG_LOCATION].title)
    assert told(page) == {ENGLISH.first_minutes.facts["location"]: "4777"}


def test_a_call_that_is_told_after_its_end_only(deployment: Deployment) -> None:
    key, watch = begun(deployment)
    end(deployment, key)
    assert came(look(deployment, watch)) == "only ended"
    deployment.clock.advance(seconds=10)
    ring(deployment, key, call_id="c-2")
    end(deployment, key, call_id="c-2", ago_s=5)
    assert came(look(deployment, watch)) == "sent"


def test_a_location_that_takes_no_calls(deployment: Deployment) -> None:
    key, watch = begun(deployment)
    deployment.simulator.expire(4564)
    deployment.let_time_pass(3)
    assert ring(deployment, key) == PopUp.CLOSED
    assert came(look(deployment, watch)) == PopUp.CLOSED


def test_an_account_that_has_no_key(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA, telephony=False)
    page = act(deployment, asked(deployment), "prove", code=deployment.code())
    waits = act(deployment, page, "wait")
    assert came(look(deployment, waits.headers["location"].removeprefix("?wait="))) == "no key"


def test_it_stands_behind_the_proof(deployment: Deployment) -> None:
    key, _ = begun(deployment)
    sent = asked(deployment)
    refused = deployment.post({**sent.fields, "action": "wait"})
    assert (refused.status, refused.proof) == (200, "offered")
    page = act(deployment, sent, "prove", code=deployment.code())
    to = act(deployment, page, "wait")
    assert to.status == 303
    ring(deployment, key)
    assert came(look(deployment, to.headers["location"].removeprefix("?wait="))) == "sent"
    # The link that everybody may have seen brings neither a watch nor a way to one.
    deployment.clock.advance(minutes=31)
    assert act(deployment, page, "wait").proof == "offered"
    assert "wait=" not in deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)).text


def test_a_watch_opens_nothing_else_and_not_for_long(deployment: Deployment) -> None:
    _, watch = begun(deployment)
    for action in ("look", "rotate", "prove", "wait", "line", "connect"):
        assert deployment.post({"ticket": watch, "action": action}).status == 410
    page = look(deployment, watch)
    assert "ticket" not in page.text
    assert ANNA.name not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    deployment.clock.at += WATCH
    assert look(deployment, watch).status == 410


@pytest.mark.parametrize("watch", ["", "x", "é" * 43, "%00" * 15, "A" * 43, "A" * 4000])
def test_what_is_no_watch(deployment: Deployment, watch: str) -> None:
    assert look(deployment, watch).status == 410


def test_no_ticket_is_a_watch(deployment: Deployment) -> None:
    begun(deployment)
    ticket = asked(deployment).fields["ticket"]
    assert look(deployment, ticket).status == 410


def test_looking_is_bounded(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    page = deployment.connect(4564, owner=ANNA)
    monkeypatch.setattr(first_ring, "MOST_LOOKS", 3)
    watch = watch_of(page)
    assert [look(deployment, watch).status for _ in range(4)] == [200, 200, 200, 429]
    assert look(deployment, watch).title == ENGLISH.first_minutes.too_often.title
    # Nobody waits for another account's pages.
    other = watch_of(deployment.connect(4232, owner=BORIS))
    assert look(deployment, other).status == 200


def test_it_asks_less_often_after_ten_minutes(deployment: Deployment) -> None:
    _, watch = begun(deployment)
    deployment.clock.advance(minutes=11)
    assert 'content="20"' in look(deployment, watch).text


def test_a_ring_of_whoever_had_the_location_before_is_not_shown(deployment: Deployment) -> None:
    key, _ = begun(deployment)
    ring(deployment, key)
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564)
    deployment.let_time_pass(3)
    page = deployment.connect(4564)
    assert page.pbx_key
    assert came(look(deployment, watch_of(page))) == "nothing"


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_it_speaks_each_language(deployment: Deployment, words: Words) -> None:
    deployment.accept_language = words.language
    key, watch = begun(deployment)
    ring(deployment, key)
    page = look(deployment, watch)
    assert page.title == words.first_minutes.ring[PopUp.SENT].title
    assert str(escape(words.first_minutes.facts["caller"])) in page.text


def test_a_caller_is_known_by_his_last_digits_only() -> None:
    kept = facts(caller="sip:+1 (315) 555-0175@x", line="", extension="", late_s=-3.2)
    assert kept == {"caller": "175", "late_s": "0"}
    long = facts(caller="", line="1" * 200, extension="2" * 200, late_s=1.6)
    assert long == {"line": "1" * 64, "extension": "2" * 64, "late_s": "2"}


def test_a_ring_costs_no_write_more(deployment: Deployment) -> None:
    """What the page shows stands in the row that is written anyway, and some times a minute."""
    key, watch = begun(deployment)
    for number in range(3):
        ring(deployment, key, call_id=f"c-{number}")
    rows = [row for row in deployment.rows("PACE_TABLE") if "told" in row]
    assert [row["told"]["caller"] for row in rows] == ["175"]
    assert came(look(deployment, watch)) == "sent"
