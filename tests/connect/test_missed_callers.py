"""Missed callers on the owner's page, behind his proof: the list, the press, the plot, the file."""

import csv
import html
import io
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.connect.cldr import FORMS
from functions.connect.page import LANGUAGES
from local.simulator import Owner
from tests.calls.telling import end
from tests.connect.test_one_time_code import ANNA, proven
from tests.deployment import Deployment, Page, http_event

STRANGER = Owner(id=7777, email="stranger@example.com")
NUMBER, OTHER = "+13155550175", "+13155550199"


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.restart(MAIL_FROM="codes@provider.example", PLATFORM_TIMEZONE="Europe/Berlin")
    return deployment


@pytest.fixture
def key(deployment: Deployment) -> str:
    return deployment.connect(4564, 4232, owner=ANNA).pbx_key


def settings(deployment: Deployment) -> Page:
    return proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))


def send(deployment: Deployment, page: Page, action: str, **typed: str) -> Page:
    fields = {"ticket": page.fields["ticket"], "location": "4564", "action": action}
    return deployment.post({**fields, **typed})


def miss(deployment: Deployment, key: str, call_id: str, **changes: Any) -> None:
    end(deployment, key, **{"call_id": call_id, "answered": False, "duration_s": 0, **changes})


def listed(page: Page) -> list[str]:
    return re.findall(r'data-caller="([^"]*)"', page.text)


def buttons(page: Page) -> list[str]:
    """What the buttons beside the callers hold."""
    return re.findall(r'name="caller" value="([^"]*)"', page.text)


def text(page: Page) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_missed_listed_called_back_gone(deployment: Deployment, key: str, words: Any) -> None:
    deployment.accept_language = words.language
    miss(deployment, key, "c-1", ago_s=20)
    miss(deployment, key, "c-2", ago_s=10)
    miss(deployment, key, "c-3", phone="anonymous")
    page = settings(deployment)
    assert 'data-waiting="1"' in page.text
    assert 'data-waiting="0"' in page.text
    page = send(deployment, page, "missed")
    assert (page.status, listed(page), page.title) == (200, [NUMBER], words.missed.page.title)
    assert 'data-hidden="1"' in page.text
    assert "data-numbers" not in page.text
    deployment.clock.advance(minutes=30)
    end(deployment, key, call_id="c-4", direction="outgoing", extension="102", ago_s=60)
    deployment.clock.advance(minutes=31)
    page = send(deployment, settings(deployment), "missed")
    assert listed(page) == []
    assert words.missed.nobody in text(page)
    assert words.missed.extension.format(extension="102") in text(page)
    assert words.missed.hour.format(called_back=1, missed=1) in text(page)
    assert "Europe/Berlin" in text(page)
    # What the picture shows stands there in words, too.
    assert re.search(r'<svg[^>]*role="img" aria-labelledby="plot-title plot-text"', page.text)
    [said] = re.findall(r'<desc id="plot-text">([^<]*)</desc>', page.text)
    assert "1" in said
    assert page.text.count('class="reached"') == page.text.count('class="missed"') == 1


def test_a_press_with_a_name_ends_it(deployment: Deployment, key: str) -> None:
    miss(deployment, key, "c-1")
    miss(deployment, key, "c-2", phone=OTHER, ago_s=50)
    page = send(deployment, settings(deployment), "missed")
    assert listed(page) == [OTHER, NUMBER]
    nameless = send(deployment, page, "done", caller=buttons(page)[1], name="\u200b")
    assert (nameless.status, listed(nameless)) == (422, [OTHER, NUMBER])
    done = send(deployment, page, "done", caller=buttons(page)[1], name=" Zoë <b> ")
    assert (done.status, listed(done)) == (200, [OTHER])
    assert "Marked as done by Zoë <b>:" in text(done)
    # His name is there for the next one.
    assert 'name="name" value=" Zoë &lt;b&gt; "' in done.text
    again = send(deployment, page, "done", caller=buttons(page)[1], name="Boris")
    assert (again.status, listed(again)) == (200, [OTHER])
    assert "Boris:" not in text(again)
    gone = send(deployment, page, "done", caller=f"+13155550000 {deployment.clock()}", name="Zoë")
    assert gone.status == 422


def test_who_calls_after_the_page_was_made_is_not_ended_by_its_button(
    deployment: Deployment, key: str
) -> None:
    miss(deployment, key, "c-1", ago_s=90)
    page = send(deployment, settings(deployment), "missed")
    miss(deployment, key, "c-2", ago_s=5)
    done = send(deployment, page, "done", caller=buttons(page)[0], name="Zoë")
    assert (done.status, listed(done)) == (200, [NUMBER])
    assert len(deployment.rows("CALLS_TABLE")) == 2


@pytest.mark.parametrize("caller", ["", NUMBER, f"{NUMBER} soon", "\x00 \x00", "a" * 500])
def test_a_button_that_is_none_of_ours_is_refused(
    deployment: Deployment, key: str, caller: str
) -> None:
    miss(deployment, key, "c-1")
    page = settings(deployment)
    assert send(deployment, page, "done", caller=caller, name="Zoë").status == 410
    assert listed(send(deployment, page, "missed")) == [NUMBER]


@pytest.mark.parametrize("action", ["missed", "table", "done"])
def test_nothing_without_the_proof(deployment: Deployment, key: str, action: str) -> None:
    miss(deployment, key, "c-1")
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert "data-waiting" not in page.text
    caller = f"{NUMBER} {deployment.clock().isoformat()}"
    after = send(deployment, page, action, caller=caller, name="Eve")
    assert after.proof == "offered"
    assert NUMBER not in after.text
    [row] = deployment.rows("CALLS_TABLE")
    assert row["done_by"] == ""


@pytest.mark.parametrize("location", ["4777", "9999", "", "x", "9" * 30, "4564' OR 1"])
@pytest.mark.parametrize("action", ["missed", "table", "done"])
def test_only_of_his_own_locations(
    deployment: Deployment, key: str, action: str, location: str
) -> None:
    miss(deployment, key, "c-1")
    theirs = deployment.connect(4777, owner=STRANGER).pbx_key
    miss(deployment, theirs, "c-1", location_id=4777, phone=OTHER)
    page = settings(deployment)
    caller = f"{OTHER} {deployment.clock().isoformat()}"
    after = send(deployment, page, action, location=location, caller=caller, name="Eve")
    assert after.proof == "given"
    assert OTHER not in after.text
    assert not any(row["done_by"] for row in deployment.rows("CALLS_TABLE"))


def fetched(deployment: Deployment, page: Page) -> tuple[dict[str, str], str]:
    fields = {"ticket": page.fields["ticket"], "location": "4564", "action": "table"}
    event = http_event("POST", "/connect", body=urlencode(fields))
    event["headers"]["accept-language"] = deployment.accept_language
    answer = deployment.invoke("connect", event)
    assert answer["statusCode"] == 200
    return answer["headers"], answer["body"]


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_the_file_has_every_caller(deployment: Deployment, key: str, words: Any) -> None:
    deployment.accept_language = words.language
    miss(deployment, key, "c-1", ago_s=600)
    end(deployment, key, call_id="c-2", direction="outgoing", extension="102", ago_s=60)
    miss(deployment, key, "c-3", phone=OTHER, line="=HYPERLINK(1)")
    headers, body = fetched(deployment, settings(deployment))
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["content-disposition"] == 'attachment; filename="missed-4564.csv"'
    assert headers["cache-control"] == "no-store"
    assert body.startswith("\ufeff")
    apart = ";" if FORMS[words.language].decimal == "," else ","
    rows = [*csv.reader(io.StringIO(body[1:]), delimiter=apart)]
    assert rows[0] == [*words.missed.csv[1:]]
    waiting, called = rows[1:]
    assert (waiting[0], waiting[4], waiting[5:]) == (f"'{OTHER}", "'=HYPERLINK(1)", ["", "", ""])
    assert (called[0], called[1], called[7]) == (f"'{NUMBER}", "1", "102")
    assert called[5] == words.missed.by["our call"]
    began = deployment.clock() - timedelta(seconds=600)
    # On the clock of Berlin.
    assert called[2][11:16] in {f"{began + timedelta(hours=it):%H:%M}" for it in (1, 2)}


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '"=1'])
def test_no_cell_of_the_file_is_worked_out(deployment: Deployment, key: str, evil: str) -> None:
    miss(deployment, key, "c-1")
    page = send(deployment, settings(deployment), "missed")
    send(deployment, page, "done", caller=buttons(page)[0], name=evil)
    _, body = fetched(deployment, page)
    for row in csv.reader(io.StringIO(body[1:])):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row), row


def test_a_crowd_of_callers_is_cut_and_counted(deployment: Deployment, key: str) -> None:
    for number in range(120):
        miss(deployment, key, f"c-{number}", phone=f"+13155550{100 + number}")
    page = send(deployment, settings(deployment), "missed")
    assert len(listed(page)) == 100
    assert "And 20 more." in page.text
