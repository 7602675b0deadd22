"""What no handler has foreseen: each call to AWS and to the platform fails once, in every event.

An HTTP door answers all the same and says nothing of it, a queue has the record come again, and
either is counted. Nothing secret, and no text of the exception, is logged.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from functions.connect.page import LANGUAGES
from local.simulator import Simulator
from shared import doors
from shared.aws.dynamodb import UnreadableRow, reading
from shared.connections.accounts import Accounts
from shared.reconcile.schedule import ReconcileFailed
from tests.deployment import Clock, Deployment, counted, http_event, payment, secrets_in
from tests.functions.test_events import EVENTS, admitted, load
from tests.memory import Memory
from tests.memory.session import Session

PORTAL_KEY = "portal-key-of-more-than-32-characters"
PORTAL = {"PORTAL_URL": "https://my.provider.example/altegio"}
QUOTED = "sk-what-an-exception-quotes"

type Made = Callable[[Deployment], Any]


class Unforeseen(RuntimeError):
    """What nobody catches by its name."""


@dataclass
class Failing:
    """The call that fails, by its number among all to AWS and to the platform; 0 for none."""

    at: int = 0
    made: int = 0

    def call(self, *_asked: Any) -> None:
        self.made += 1
        if self.made == self.at:
            raise Unforeseen(QUOTED)


@contextmanager
def world(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, failing: Failing
) -> Iterator[tuple[Deployment, Callable[[], None]]]:
    """A fresh one with all that an event may be about; from the second's call on, a call fails."""
    memory, send = Memory(clock), httpx.Client.send
    with (
        Simulator(redirect_url="https://provider.example/connect") as simulator,
        monkeypatch.context() as patch,
    ):
        simulator.platform.now = clock
        patch.setattr("boto3.Session", lambda: memory)
        patch.setattr("shared.aws.session.get_session", lambda: Session(memory.client))
        deployment = Deployment(simulator, clock, patch)
        deployment.set_portal_key(PORTAL_KEY)

        def sent(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
            failing.call()
            return send(client, request, **options)

        def begin() -> None:
            memory.before = failing.call
            patch.setattr(httpx.Client, "send", sent)

        yield deployment, begin


def from_file(name: str) -> tuple[str, Made]:
    def made(deployment: Deployment) -> Any:
        event = load(name)
        function = name.partition("-")[0]
        deployment.simulator.grant(4564, 4232)
        if function == "connect":
            return event
        if function == "billing":
            return admitted(deployment, event)
        key = deployment.connect(4564).pbx_key
        if name in ("calls-ringing", "calls-finished", "calls-malformed"):
            event["headers"]["authorization"] = f"Bearer {key}"
            event["body"] = event["body"].replace(
                "2026-11-01T10:10:00+00:00", deployment.clock().isoformat()
            )
        if function == "reconcile":
            deployment.simulator.fault("payment", "status", status=429)
            deployment.bill(payment())
            deployment.webhook(deployment.event(4564))
            deployment.clock.advance(hours=1)
        return event

    return name.partition("-")[0], made


def press(action: str) -> Made:
    """The owner presses a button of the page, as one who is registered if it takes that."""

    def made(deployment: Deployment) -> Any:
        deployment.restart(MAIL_FROM="codes@provider.example")
        if action != "connect":
            deployment.connect(4232)
        page = deployment.visit(deployment.simulator.grant(4564))
        fields = {**page.fields, "action": action}
        if action in ("prove", "rotate", "void"):
            deployment.post({**fields, "action": "code"})
            fields["code"] = deployment.code()
        if action in ("rotate", "void"):
            deployment.post({**fields, "action": "prove"})
        return http_event("POST", "/connect", body=urlencode(fields))

    return made


def ask(method: str, path: str) -> Made:
    """The portal's server asks."""

    def made(deployment: Deployment) -> Any:
        deployment.restart(**PORTAL)
        query = urlsplit(deployment.simulator.grant(4564)).query
        arrived = deployment.invoke("connect", http_event("GET", "/connect", query=query))
        fields = {
            "ticket": arrived["headers"]["location"].rpartition("=")[2],
            "account_id": "acme-1",
        }
        if path == "/pbx-key":
            deployment.ask("POST", "/connections", fields, key=PORTAL_KEY)
        event = http_event(method, path)
        if method == "GET":
            event["rawQueryString"] = urlencode(fields)
        else:
            event["body"] = json.dumps(fields)
        event["headers"]["authorization"] = f"Bearer {PORTAL_KEY}"
        return event

    return made


def arrive(deployment: Deployment) -> Any:
    deployment.restart(**PORTAL)
    query = urlsplit(deployment.simulator.grant(4564)).query
    return http_event("GET", "/connect", query=query)


def hint(deployment: Deployment) -> Any:
    deployment.connect(4564)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    return {"Records": [{"messageId": "hint-1", "body": "4564", "eventSource": "aws:sqs"}]}


CASES: dict[str, tuple[str, Made]] = {
    **{name: from_file(name) for name in EVENTS},
    **{f"press-{action}": ("connect", press(action)) for action in ("connect", "code", "prove")},
    "press-rotate": ("connect", press("rotate")),
    "press-void": ("connect", press("void")),
    "portal-arrive": ("connect", arrive),
    "portal-look": ("connect", ask("GET", "/connections")),
    "portal-connect": ("connect", ask("POST", "/connections")),
    "portal-key": ("connect", ask("POST", "/pbx-key")),
    "reconcile-hint": ("reconcile", hint),
}


def well_formed(answer: Any) -> None:
    assert 200 <= answer["statusCode"] < 600
    texts = [*answer["headers"], *answer["headers"].values(), answer["body"]]
    assert all(isinstance(text, str) for text in texts)
    if answer["headers"].get("content-type") == "application/json":
        assert isinstance(json.loads(answer["body"]), dict)
    told = json.dumps(answer)
    for word in (QUOTED, "Unforeseen", "Traceback", '.py"', ", line "):
        assert word not in told


@pytest.mark.parametrize("case", CASES)
def test_whatever_fails_is_answered_counted_and_logged_once(
    case: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    function, made = CASES[case]
    number = 0
    while True:
        number += 1
        failing = Failing(number)
        with world(clock, monkeypatch, failing) as (deployment, begin):
            event = made(deployment)
            logged()
            begin()
            if case == "reconcile-every-minute":
                _run(deployment, event)
            elif "Records" in event:
                _taken(deployment, function, event, logged, failing)
            else:
                _answered(deployment, function, event, logged, failing)
            assert QUOTED not in logged()
        if failing.made < number:
            return


def _answered(
    deployment: Deployment, function: str, event: Any, logged: Callable[[], str], failing: Failing
) -> None:
    answer = deployment.invoke(function, event)
    log = logged()
    well_formed(answer)
    assert QUOTED not in log
    failed = answer["statusCode"] == 500
    assert failed is ("HandlerFailed" in counted(log)) is ('"handler failed"' in log)
    if failed:
        # Nothing more is asked, but that it is noted: of everybody, and of this function.
        assert failing.made - failing.at in (0, 2)
        [line] = [json.loads(it) for it in log.splitlines() if '"handler failed"' in it]
        assert line["error"] == "Unforeseen"
        assert "test_doors.py" in line["places"][-1]
        assert secrets_in(json.dumps(line), deployment.simulator) == []
    if answer["statusCode"] == 503:
        assert "TokenUnreadable" in counted(log)


def _taken(
    deployment: Deployment, function: str, event: Any, logged: Callable[[], str], failing: Failing
) -> None:
    again = deployment.invoke(function, event)["batchItemFailures"]
    log = logged()
    assert QUOTED not in log
    assert bool(again) is ("HandlerFailed" in counted(log))
    assert log.count('"handler failed"') == len(again) <= 1
    ids = [_id(record) for record in event["Records"]]
    assert all(each["itemIdentifier"] in ids for each in again)
    # The others were taken, and so is this one as soon as nothing is in its way.
    records = [it for it in event["Records"] if {"itemIdentifier": _id(it)} in again]
    assert deployment.invoke(function, {"Records": records}) == {"batchItemFailures": []}
    assert len(deployment.simulator.payments(4564)) <= 1
    logged()
    assert failing.made >= 1 or not again


def _id(record: Any) -> str:
    """A message's, or the place of a change in its stream."""
    place: str = record.get("messageId") or record["dynamodb"]["SequenceNumber"]
    return place


def _run(deployment: Deployment, event: Any) -> None:
    """The schedule's run has no answer: an error of its own is what is counted of it."""
    with suppress(Unforeseen, ReconcileFailed):
        assert deployment.invoke("reconcile", event) is None


def test_the_500_is_the_same_whoever_asks(
    deployment: Deployment, memory: Memory, logged: Callable[[], str]
) -> None:
    deployment.restart(**PORTAL)
    query = urlsplit(deployment.simulator.grant(4564)).query

    def fail(*_asked: Any) -> None:
        raise Unforeseen(QUOTED)

    memory.before = fail
    page = deployment.invoke("connect", http_event("GET", "/connect", query=query))
    event = http_event("POST", "/connections", body="{}")
    api = deployment.invoke("connect", event)
    assert (page["statusCode"], page["headers"]["cache-control"]) == (503, "no-store")
    assert (api["statusCode"], "error" in json.loads(api["body"])) == (503, True)
    # Not even what the page is made of.
    broken = {**http_event("GET", "/connect"), "headers": 7}
    for path in ("/connect", "/connections"):
        answer = deployment.invoke("connect", {**broken, "rawPath": path})
        well_formed(answer)
        assert answer["statusCode"] == 500
        if path == "/connect":
            assert all(words.failed.title in answer["body"] for words in LANGUAGES)
        else:
            assert json.loads(answer["body"]) == {"success": False}
    assert logged().count('"handler failed"') == 2


def test_an_account_that_is_being_changed_is_told_to_the_portal(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.set_portal_key(PORTAL_KEY)
    event = ask("POST", "/pbx-key")(deployment)
    with monkeypatch.context() as patch:
        patch.setattr(Accounts, "give_key", lambda *_asked, **_more: False)
        answer = deployment.invoke("connect", event)
    assert answer["statusCode"] == 503
    assert "send it again" in json.loads(answer["body"])["error"]
    assert deployment.invoke("connect", event)["statusCode"] == 200


def test_one_record_that_fails_holds_up_no_other(
    deployment: Deployment, memory: Memory, logged: Callable[[], str]
) -> None:
    deployment.connect(4564)
    records = [
        {"messageId": f"m-{number}", "body": json.dumps(payment(f"inv-{number}"))}
        for number in range(3)
    ]

    def fail(_operation: str, asked: Any) -> None:
        if "inv-1" in json.dumps(asked, default=str):
            raise Unforeseen(QUOTED)

    memory.before = fail
    logged()
    answer = deployment.invoke("payments", {"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    log = logged()
    assert ('"HandlerFailed":[1.0]' in log, QUOTED in log) == (True, False)
    memory.before = None
    assert [deployment.entry(f"payment#inv-{number}").state for number in (0, 2)] == ["SENT"] * 2


def test_a_row_that_nobody_can_read_is_named_by_its_key() -> None:
    try:
        with reading("location 4564"):
            datetime.fromisoformat("31.12.2027")
    except UnreadableRow as error:
        told = doors.of(error)
    assert (told["error"], told["row"]) == ("UnreadableRow", "location 4564")
    assert "31.12.2027" not in json.dumps(told)
    assert "row" not in doors.of(KeyError("key"))


def test_a_zone_that_there_is_none_of_stops_nobody(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    """The pattern of the parameter cannot know all cities."""
    deployment.restart(PLATFORM_TIMEZONE="Europe/Berlinn")
    deployment.connect(4564)
    deployment.bill(payment())
    assert deployment.entry("payment#inv-1").state == "SENT"
    log = logged()
    assert "names no zone" in log
    assert '"HandlerFailed"' in log


def test_what_cannot_even_be_noted_is_answered_all_the_same(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    def wired() -> Any:
        raise Unforeseen(QUOTED)

    key = deployment.connect(4564).pbx_key
    monkeypatch.setattr("functions.calls.app.wired", wired)
    logged()
    assert deployment.call({"type": "ringing"}, key)[0] == 500
    log = logged()
    assert "HandlerFailed" in counted(log)
    assert '"not noted"' in log
    assert QUOTED not in log
