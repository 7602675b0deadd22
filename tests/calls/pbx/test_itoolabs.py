"""ITooLabs Centrex: what its carriers' PBXes post, with their own key field, to the platform."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator import Owner
from shared.calls import lines
from shared.calls.pbx import itoolabs
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import FORM, RECORDED, STARTED, fields, form, translated
from tests.calls.telling import calls_in
from tests.deployment import Deployment
from tests.docs import pages

PAGE = "docs/pbx/itoolabs.md"
ADDRESS = "/calls/itoolabs"
CALLER, LINE = "+77001234567", "+77272222222"
LINK = "https://records.example/c1.mp3"
SENT = {path.stem: path.read_text("utf-8") for path in (RECORDED / "itoolabs").iterdir()}

IN = {"direction": "incoming", "phone": CALLER, "line": LINE, "date": STARTED}
MISSED = {**IN, "status": "missed", "duration": 0, "user": "", "link": ""}
ANSWERED = {**IN, "status": "success", "duration": 90}
OUT = {**IN, "direction": "outgoing", "user": "101"}
NOT_REACHED = {**OUT, "status": "missed", "duration": 0}

# What the platform has in the end.
SAVED: dict[str, dict[str, Any]] = {
    "history-success": {**ANSWERED, "user": "101", "link": LINK},
    "history-success-no-extension": {**ANSWERED, "user": "anna@salon.vpbx.kcell.kz", "link": ""},
    "history-missed": MISSED,
    "history-missed-group": MISSED,
    "history-cancel": MISSED,
    "history-eight": MISSED,
    "history-out-success": {**OUT, "status": "success", "duration": 40},
    "history-out-busy": NOT_REACHED,
    "history-out-not-available": NOT_REACHED,
    "history-out-not-allowed": NOT_REACHED,
    "history-out-not-found": NOT_REACHED,
}
SHOWN = {"event-incoming": "101", "event-incoming-group": "", "event-incoming-eight": "101"}
NOTHING_NEW = {
    "event-by-click",
    "event-accepted",
    "event-completed",
    "event-cancelled",
    "event-outgoing",
    "event-transferred",
    "rating",
}


def told(name: str, **changes: str) -> dict[str, str]:
    return {**dict(parse_qsl(SENT[name], keep_blank_values=True)), **changes}


def event_of(name: str, **changes: str) -> Any:
    return itoolabs.read(urlencode(told(name, **changes)).encode(), FORM, {})


class Centrex:
    """A carrier's PBX, whose owner has typed in its address and the key."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self.deployment = deployment
        self._key = key

    def post(self, name: str, *, path: str = ADDRESS, **changes: str) -> tuple[int, Any]:
        body = urlencode({**told(name), "crm_token": self._key, **changes}).encode()
        return self.deployment.call(body, path=path, content_type=FORM)


@pytest.fixture
def key(deployment: Deployment) -> str:
    """Of an owner in Kazakhstan, five minutes after the calls."""
    deployment.clock.at = STARTED + timedelta(minutes=5)
    owner = Owner(id=7003, name="Aigul", phone="77011234567", email="aigul@example.com")
    return deployment.connect(4564, owner=owner).pbx_key


@pytest.fixture
def pbx(deployment: Deployment, key: str) -> Centrex:
    return Centrex(deployment, key)


def test_every_form_is_expected() -> None:
    assert set(SENT) == {*SAVED, *SHOWN, *NOTHING_NEW, "contact"}


@pytest.mark.parametrize(("name", "expected"), SAVED.items())
def test_a_call_that_has_ended_stands_in_the_history(
    pbx: Centrex, switch: Switch, name: str, expected: dict[str, Any]
) -> None:
    assert pbx.post(name) == (200, {"success": True, "left_out": []})
    [saved] = switch.history()
    assert saved.call_id == "c1"
    assert fields(saved, expected) == expected


@pytest.mark.parametrize(("name", "user"), SHOWN.items())
def test_a_caller_is_shown_while_it_rings(pbx: Centrex, name: str, user: str) -> None:
    assert pbx.post(name) == (200, {"success": True, "pop_up": "sent"})
    [shown] = pbx.deployment.simulator.pop_ups()
    assert (shown.phone, shown.line, shown.user or "") == (CALLER, LINE, user)


@pytest.mark.parametrize("name", sorted(NOTHING_NEW))
def test_what_the_history_will_tell_is_left_to_it(pbx: Centrex, switch: Switch, name: str) -> None:
    status, answer = pbx.post(name)
    assert (status, answer["success"], "ignored" in answer) == (200, True, True)
    assert switch.history() == []
    assert pbx.deployment.simulator.pop_ups() == []
    assert pbx.deployment.rows("CALLS_TABLE") == []


def test_a_colleague_was_faster(pbx: Centrex, switch: Switch) -> None:
    """The PBX calls what rings no more CANCELLED, also where somebody else took the call."""
    for name, changes in (
        ("event-incoming", {}),
        ("event-incoming", {"ext": "102", "user": "boris@salon.vpbx.kcell.kz"}),
        ("event-cancelled", {}),
        ("event-accepted", {"ext": "102"}),
        ("event-completed", {"ext": "102"}),
        ("history-success", {"ext": "102"}),
    ):
        assert pbx.post(name, **changes)[0] == 200
    [saved] = switch.history()
    assert (saved.status, saved.user) == ("success", "102")
    assert len(pbx.deployment.simulator.pop_ups()) == 1


@pytest.mark.parametrize("order", [("101", "102"), ("102", "101")])
def test_legs_of_one_callid_make_one_entry(
    pbx: Centrex, switch: Switch, order: tuple[str, str]
) -> None:
    """Whether it reports each leg is told nowhere; if it does, the one that was taken counts."""
    names = {"101": "history-missed", "102": "history-success"}
    for extension in order:
        pbx.post(names[extension], ext=extension)
    [saved] = switch.history()
    assert (saved.status, saved.duration, saved.user) == ("success", 90, "102")


def test_a_call_without_an_id_is_one_call_however_often_it_is_told(
    pbx: Centrex, switch: Switch
) -> None:
    for _ in range(3):
        pbx.post("history-success", callid="")
    [saved] = switch.history()
    assert (saved.status, len(saved.call_id)) == ("success", 32)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("77001234567", CALLER),
        ("87001234567", CALLER),
        ("7001234567", CALLER),
        ("+77001234567", CALLER),
        ("37322123456", "+37322123456"),
        ("4915112345678", "+4915112345678"),
        ("", "anonymous"),
        ("anonymous", "anonymous"),
    ],
)
def test_numbers_are_digits_with_the_country_or_with_an_eight(
    pbx: Centrex, switch: Switch, written: str, number: str
) -> None:
    pbx.post("history-missed", phone=written)
    [saved] = switch.history()
    assert saved.phone == number


def test_a_number_with_its_country_needs_no_country_of_the_account() -> None:
    event = event_of("history-missed")
    assert (event["phone"], event["line"]) == (CALLER, LINE)
    # An eight is dialled in Russia and Kazakhstan only: there the account's country says the rest.
    assert event_of("history-eight")["phone"] == "87001234567"


@pytest.mark.parametrize("number", ["+3725012345", "+84901234567", "+77001234567"])
def test_a_plus_that_nobody_has_escaped_is_one(number: str) -> None:
    """In a form it is a space: the same digits without it are of the country, or of none."""
    body = SENT["history-missed"].replace("phone=77001234567", f"phone={number}")
    assert number in body
    event: Any = itoolabs.read(body.encode(), FORM, {})
    assert event["phone"] == number


def test_of_a_call_without_a_line_its_telephone_tells_where() -> None:
    assert event_of("history-missed")["extension"] == ""
    missed = event_of("history-missed", diversion="")
    assert (missed["line"], missed["extension"]) == ("", "101")
    called = event_of("history-out-busy", diversion="")
    assert (called["line"], called["extension"]) == ("", "101")
    nameless = event_of("history-out-busy", diversion="", ext="", user="")
    assert (nameless["line"], nameless["extension"]) == ("+77010000101", "")


def test_of_two_salons_the_line_says_which_and_an_unknown_one_loses_nothing(
    deployment: Deployment, switch: Switch, pbx: Centrex
) -> None:
    owner = Owner(id=7003, name="Aigul", phone="77011234567", email="aigul@example.com")
    deployment.connect(4232, owner=owner)
    status, answer = pbx.post("history-success")
    assert (status, answer["success"]) == (200, True)
    assert answer["left_out"][0].startswith("line")
    assert switch.history() == []
    account_id = deployment.connection(4564).account_id or ""
    # As a person writes it; the PBX writes digits only.
    entry = lines.key_of("8 (727) 222-22-22", "", "KZ")
    assert deployment.lines.enter(account_id, {entry: 4232}) == "done"
    [saved] = switch.history()
    assert (saved.status, saved.line) == ("success", LINE)
    assert [row["location_id"] for row in deployment.rows("CALLS_TABLE")] == [4232]


# How it proves who it is


def test_the_history_may_be_asked_for_with_get(pbx: Centrex, switch: Switch, key: str) -> None:
    query = urlencode(told("history-success", crm_token=key))
    status, _answer = pbx.deployment.call(b"", path=ADDRESS, method="GET", query=query)
    assert status == 200
    [saved] = switch.history()
    assert (saved.status, saved.duration) == ("success", 90)


def test_kcell_posts_to_the_root(pbx: Centrex, switch: Switch) -> None:
    assert pbx.post("event-incoming", path="/") == (200, {"success": True, "pop_up": "sent"})
    assert pbx.post("history-success", path="/")[0] == 200
    assert len(switch.history()) == 1


@pytest.mark.parametrize("place", ["header", "bearer", "basic", "form beside a header of its own"])
def test_the_key_may_stand_elsewhere(
    deployment: Deployment, key: str, switch: Switch, place: str
) -> None:
    headers, token, bearer = {}, "", None
    if place == "header":
        headers = {"x-api-key": key}
    if place == "bearer":
        bearer = key
    if place.startswith("form"):
        headers, token = {"x-api-key": "a key of Kcell's", "authorization": "Bearer other"}, key
    body = urlencode(told("history-missed", crm_token=token)).encode()
    if place == "basic":
        switch.post(ADDRESS, body, FORM, taken=200)
    else:
        answer = deployment.call(body, bearer, path=ADDRESS, content_type=FORM, headers=headers)
        assert answer[0] == 200
    assert len(switch.history()) == 1


@pytest.mark.parametrize("wrong", ["", "guess", "one letter off", "of nobody", "too long"])
def test_a_wrong_key_stores_nothing(
    deployment: Deployment, key: str, logged: Callable[[], str], wrong: str
) -> None:
    token = {
        "one letter off": key[:-1] + ("A" if key[-1] != "A" else "B"),
        "of nobody": f"pbx_{'0' * 8}-0000-4000-8000-{'0' * 12}_{'A' * 43}",
        "too long": key + "A",
    }.get(wrong, wrong)
    for name, path in product(sorted(SENT), (ADDRESS, "/")):
        status, answer = Centrex(deployment, token).post(name, path=path)
        assert (status, answer["success"]) == (401, False), (name, path)
    assert calls_in(deployment) == []
    assert deployment.simulator.pop_ups() == []
    log = logged()
    assert key not in log
    assert not token or token not in log


def test_the_key_is_in_no_log(pbx: Centrex, key: str, logged: Callable[[], str]) -> None:
    for name in SENT:
        pbx.post(name)
        pbx.post(name, type="dance", status="dance", cmd="dance")
    assert key not in logged()


def test_the_page_has_the_address_and_every_word_of_a_status() -> None:
    fields_of_the_cabinet = dict(pages.rows(PAGE, "## The recipe"))
    assert fields_of_the_cabinet == {
        "address of the CRM": f"`https://api.example{ADDRESS}`",
        "key (token) of the CRM": "`KEY`",
    }
    told_of = pages.section(PAGE, "## What is told")
    for name in SAVED:
        assert f"`{told(name)['status'].capitalize()}`".lower() in told_of.lower()


# What it asks, and what it is not


def test_a_question_for_a_contact_is_answered_at_once(pbx: Centrex) -> None:
    before = len(pbx.deployment.simulator.journal)
    assert pbx.post("contact") == (200, {})
    # Nobody was asked.
    assert len(pbx.deployment.simulator.journal) == before


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("history-success", {"cmd": "dance"}, "cmd"),
        ("history-success", {"cmd": ""}, "cmd"),
        ("history-success", {"type": "sideways"}, "type"),
        ("history-success", {"status": "Perhaps"}, "status"),
        ("history-success", {"status": ""}, "status"),
        ("history-success", {"start": "2026-11-01 10:10:00"}, "start"),
        ("history-success", {"start": "20261101T1010Z"}, "start"),
        ("history-success", {"start": "20261341T101000Z"}, "start"),
        ("history-success", {"callid": "c" * 999}, "call_id"),
        ("event-incoming", {"type": ""}, "type"),
    ],
)
def test_what_is_wrong_is_named(
    pbx: Centrex, name: str, changes: dict[str, str], field: str
) -> None:
    status, answer = pbx.post(name, **changes)
    assert (status, answer["success"]) == (400, False)
    assert answer["error"].startswith(field)
    assert pbx.deployment.rows("CALLS_TABLE") == []


def test_a_form_of_another_family_is_told_its_own_address(deployment: Deployment, key: str) -> None:
    body = form("answered") + f"&crm_token={key}".encode()
    status, answer = deployment.call(body, path=ADDRESS, content_type=FORM)
    assert status == 400
    assert answer["error"].endswith("its address is /calls/asterisk")


def test_a_form_longer_than_any_is_refused(deployment: Deployment, key: str) -> None:
    tail = b"&z_flag=" + b"x" * 6 * 1024 * 1024
    body = urlencode(told("history-success", crm_token=key)).encode() + tail
    assert deployment.call(body, path=ADDRESS, content_type=FORM)[0] == 413
    # Whoever shows no key soon is not read to the end.
    body = tail[1:] + b"&" + urlencode({"crm_token": key}).encode()
    assert deployment.call(body, path=ADDRESS, content_type=FORM)[0] == 401


@given(
    st.dictionaries(
        st.sampled_from(list(told("history-success"))),
        st.text()
        | st.sampled_from(
            ["history", "event", "in", "out", "INCOMING", "Success", "20261101T101000Z"]
        ),
    )
)
def test_any_form_is_an_event_or_refused(values: dict[str, str]) -> None:
    body = "&".join(f"{name}={quote(value)}" for name, value in values.items()).encode()
    translated(itoolabs.read, body)
    assert all(isinstance(each, str) and each for each in itoolabs.keys({}, body, body))


@given(st.binary(), st.binary())
def test_any_bytes_are_an_event_or_refused(body: bytes, query: bytes) -> None:
    translated(itoolabs.read, body, FORM)
    itoolabs.keys({"x-api-key": ""}, body, query)


@given(st.sampled_from(sorted(SAVED)), st.randoms(use_true_random=False))
def test_the_case_of_a_word_means_nothing(name: str, random: Any) -> None:
    def any_case(word: str) -> str:
        return "".join(random.choice((letter.lower(), letter.upper())) for letter in word)

    plain = told(name)
    changes = {each: any_case(plain[each]) for each in ("cmd", "type", "status")}
    assert event_of(name, **changes) == event_of(name)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("", 0), ("-1", 0), ("long", 0), ("00:01:30", 0), ("99999999", 0), ("90.6", 90), (" 90 ", 90)],
)
def test_no_call_is_lost_for_its_duration(pbx: Centrex, duration: str, seconds: int) -> None:
    status, _answer = pbx.post("history-success", duration=duration)
    [call] = pbx.deployment.rows("CALLS_TABLE")
    told = (status, call["leg"]["answered"], call["leg"]["duration_s"])
    assert told == (200, True, seconds)


@given(st.integers(0, 7 * 24 * 3600), st.datetimes(STARTED.replace(tzinfo=None)))
def test_times_and_durations_are_as_they_were_told(seconds: int, at: Any) -> None:
    start = at.replace(microsecond=0)
    event = event_of(
        "history-success", start=start.strftime("%Y%m%dT%H%M%SZ"), duration=str(seconds)
    )
    assert event["duration_s"] == seconds
    assert event["started_at"] == start.isoformat() + "+00:00"
    assert event_of("history-missed", duration=str(seconds))["duration_s"] == 0
    assert timedelta(seconds=seconds) <= timedelta(days=7)
