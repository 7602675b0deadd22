"""The partner token is rotated under way: nobody is refused, and nothing is sent twice."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from functions.connect.page import LANGUAGES
from shared.payments.entry import EntryState
from tests.deployment import Deployment, payment
from tests.docs import pages
from tests.memory import Memory, refusal

OLD, NEW = "local-partner-token", "rotated-partner-token"


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    deployment.connect(4564)
    deployment.reconcile()
    return deployment


@pytest.fixture
def fetched(memory: Memory) -> list[str]:
    """Every time that the parameter was asked for."""
    asked: list[str] = []

    def before(operation: str, given: Any) -> None:
        if operation == "GetParameter":
            asked.append(given["Name"])

    memory.before = before
    return asked


@pytest.fixture
def outage(memory: Memory) -> Callable[[], None]:
    """From when it is called, the parameter cannot be read."""

    def before(operation: str, _given: Any) -> None:
        if operation == "GetParameter":
            raise refusal(operation, "ThrottlingException", "Rate exceeded")

    def begin() -> None:
        memory.before = before

    return begin


def told(deployment: Deployment) -> list[int]:
    """What Altegio and an owner who comes from it are answered, with the token of now."""
    return [
        deployment.webhook(deployment.event(4564, "freeze")),
        deployment.webhook(deployment.hosted(4564)),
        deployment.visit(deployment.simulator.redirect(4564)).status,
    ]


def bearers(deployment: Deployment) -> list[tuple[str, int | None]]:
    """The token of each payment that was reported, and the answer."""
    return [
        (call.headers["authorization"].removeprefix("Bearer "), call.status)
        for call in deployment.simulator.calls("payment")
    ]


def test_a_rotation_as_the_runbook_has_it(connected: Deployment) -> None:
    simulator = connected.simulator
    billed: list[str] = []

    def all_goes_through() -> None:
        assert told(connected) == [200, 200, 200]
        for _ in range(2):
            billed.append(f"inv-{len(billed)}")
            assert connected.bill(payment(billed[-1], amount=f"{len(billed)}.50")) == []
            assert connected.entry(f"payment#{billed[-1]}").state is EntryState.SENT

    all_goes_through()

    # 1. Both, and Altegio knows of nothing: for functions that run, and for those that start.
    connected.set_token(NEW, OLD)
    all_goes_through()
    connected.restart()
    all_goes_through()

    # 2. Altegio has the new one. What it sent before is still on its way.
    late = [connected.event(4564), connected.hosted(4564)]
    owner = simulator.redirect(4564)
    simulator.partner_token = NEW
    all_goes_through()
    assert [connected.webhook(event) for event in late] == [200, 200]
    assert connected.visit(owner).status == 200

    # 3. The new one alone, once what was cached is old.
    connected.set_token(NEW)
    connected.restart()
    all_goes_through()
    assert [connected.webhook(event) for event in late] == [403, 403]
    assert connected.visit(owner).status == 403

    assert bearers(connected) == [
        *[(OLD, 200)] * 4,
        *[(NEW, 401), (OLD, 200), (OLD, 200)],
        *[(OLD, 401), (NEW, 200), (NEW, 200)],
        *[(NEW, 200)] * 2,
    ]
    hosted = [paid for paid in simulator.payments(4564) if str(paid.payment_sum) == "29.90"]
    reported = [str(paid.payment_sum) for paid in simulator.payments(4564) if paid not in hosted]
    assert reported == [f"{number}.5" for number in range(1, 11)]


def test_the_commands_of_the_runbook_write_what_is_read(
    connected: Deployment, tmp_path: Path
) -> None:
    """In bash, with an `aws` that only says what it was told; no token is on a command line."""
    section = pages.section("docs/operations.md", "## Changing the token")
    for command, accepted in zip(
        re.findall(r"`(aws ssm put.*)`", section), ((NEW, OLD), (NEW,)), strict=True
    ):
        told = subprocess.run(  # noqa: S603 - the page's own command
            ["/bin/bash", "-c", f"aws() {{ printf '%s\\0' \"$@\"; }}; {command}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
        assert told[:3] == ["ssm", "put-parameter", "--overwrite"]
        options = dict(zip(told[3:-1:2], told[4::2], strict=True))
        # As the AWS CLI reads such a value: the file as it is, its last newline too.
        # https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
        scheme, _, name = options.pop("--value").partition("://")
        assert scheme == "file"
        (tmp_path / "TOKEN").write_text("".join(f"{it}\n" for it in accepted))
        connected.set_token((tmp_path / name).read_text("utf-8"))
        assert options == {"--type": "SecureString", "--name": "/altegio/partner-token"}
        connected.restart()
        answers = {
            token: connected.webhook(connected.event(4564, partner_token=token))
            for token in (NEW, OLD)
        }
        assert answers == {NEW: 200, OLD: 200 if OLD in accepted else 403}


# What Altegio sends


def test_a_newer_token_is_taken_up_before_the_cache_is_old(connected: Deployment) -> None:
    assert told(connected) == [200, 200, 200]
    connected.set_token(NEW, OLD)
    connected.simulator.partner_token = NEW
    assert told(connected) == [200, 200, 200]


def test_a_sign_by_a_newer_token_is_taken_up_too(connected: Deployment) -> None:
    assert told(connected) == [200, 200, 200]
    connected.set_token(NEW, OLD)
    connected.simulator.partner_token = NEW
    assert connected.webhook(connected.hosted(4564, partner_token=OLD)) == 200


def test_a_flood_of_forgeries_is_no_flood_of_calls(
    connected: Deployment, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.restart()
    now = 1000.0
    monkeypatch.setattr("shared.altegio.tokens.time", SimpleNamespace(monotonic=lambda: now))
    forged = connected.event(4564, partner_token="guess")
    genuine = connected.simulator.redirect(4564)
    for _ in range(20):
        assert connected.webhook(forged) == 403
        assert connected.visit(genuine.replace("user_data=", "user_data=e30")).status == 403
    # Each of the two functions: once because it knew none, once because it doubted.
    assert len(fetched) == 4
    connected.set_token(NEW)
    now += 9.9
    assert connected.webhook(connected.event(4564, partner_token=NEW)) == 403
    assert len(fetched) == 4
    now += 0.2
    assert connected.webhook(connected.event(4564, partner_token=NEW)) == 200
    assert connected.webhook(forged) == 403
    assert len(fetched) == 5


def test_doubts_that_cannot_be_settled_are_forgeries(
    connected: Deployment, outage: Callable[[], None]
) -> None:
    assert told(connected) == [200, 200, 200]
    outage()
    owner = connected.simulator.redirect(4564)
    assert connected.webhook(connected.event(4564, partner_token="guess")) == 403
    assert connected.visit(owner.replace("user_data=", "user_data=e30")).status == 403
    assert told(connected) == [200, 200, 200]


# A new environment while the parameter cannot be read: nothing is proven, and nothing is lost


@pytest.fixture
def blind(connected: Deployment, outage: Callable[[], None]) -> Deployment:
    connected.clock.advance(minutes=2)
    connected.restart(PORTAL_URL="")
    outage()
    return connected


@pytest.mark.parametrize("event", ["uninstall", "freeze", "payment"])
def test_what_cannot_be_proven_makes_us_ask_and_nothing_else(
    blind: Deployment, logged: Callable[[], str], event: str
) -> None:
    before = blind.connection(4564)
    body = blind.hosted(4564) if event == "payment" else blind.event(4564, event)
    logged()
    assert blind.webhook({**body, "partner_token": "no matter which"}) == 200
    log = logged()
    assert '"TokenUnreadable":[1.0]' in log
    assert "HandlerFailed" not in log
    row = blind.connection(4564)
    hint = "unproven uninstall" if event == "uninstall" else event
    assert (row.hint, row.due_at, row.state) == (hint, blind.clock(), before.state)
    assert blind.rows("PAYMENTS_TABLE") == []
    [message] = blind.sqs.receive_message(QueueUrl=blind.queues["HintsQueue"])["Messages"]
    assert message["Body"] == "4564"
    last = blind.journal.of_location(4564)[-1].words
    assert last == f"{event} webhook, not proven"
    # The next one finds a hint, and leaves it as it is.
    blind.clock.advance(seconds=5)
    assert blind.webhook(blind.event(4564)) == 200
    assert blind.connection(4564) == row
    assert "Messages" not in blind.sqs.receive_message(QueueUrl=blind.queues["HintsQueue"])


def test_an_uninstall_that_could_not_be_proven_is_found_out(
    blind: Deployment, memory: Memory
) -> None:
    blind.simulator.disconnect(4564, webhook="never")
    assert blind.webhook(blind.event(4564)) == 200
    memory.before = None
    blind.let_time_pass(2)
    assert blind.connection(4564).state == "disabled"


def test_a_lie_that_could_not_be_proven_closes_nothing(blind: Deployment, memory: Memory) -> None:
    """Not even with an answer that is an old one or a mistake."""
    assert blind.webhook(blind.event(4564, partner_token="guess")) == 200
    memory.before = None
    blind.simulator.fault("status", "status", status=404)
    for _ in range(40):
        blind.let_time_pass(1)
        assert blind.connection(4564).state == "active"
    assert blind.connection(4564).hint is None


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"application_id": 102}, 503),
        ({"event": "unheard-of"}, 503),
        ({"salon_id": 9999}, 200),
        ({"salon_id": 0}, 400),
        ({"event": 7}, 400),
    ],
    ids=str,
)
def test_what_asking_would_not_tell_is_left_alone(
    blind: Deployment, changes: dict[str, Any], answer: int
) -> None:
    tables = ("CONNECTIONS_TABLE", "PAYMENTS_TABLE", "JOURNAL_TABLE")
    before = [blind.rows(table) for table in tables]
    assert blind.webhook(blind.event(4564, **changes)) == answer
    assert [blind.rows(table) for table in tables] == before


def test_a_location_that_is_not_live_is_left_alone(
    connected: Deployment, outage: Callable[[], None]
) -> None:
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.clock.advance(minutes=2)
    connected.reconcile()
    before = connected.connection(4564)
    assert before.state == "disabled"
    connected.restart()
    outage()
    assert connected.webhook(connected.event(4564)) == 200
    assert connected.connection(4564) == before


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda words: words.language)
def test_the_owner_is_asked_to_come_back(
    blind: Deployment, logged: Callable[[], str], language: Any
) -> None:
    blind.accept_language = language.language
    page = blind.visit(blind.simulator.redirect(4564))
    assert (page.status, page.title) == (503, language.later.title)
    assert page.headers["retry-after"] == "60"
    assert page.buttons == []
    assert '"TokenUnreadable":[1.0]' in logged()


@pytest.mark.parametrize("blank", [" ", "\n", " \n\t\n"])
def test_a_blank_parameter_lets_nobody_in(connected: Deployment, blank: str) -> None:
    connected.set_token(blank)
    connected.restart()
    assert connected.webhook(connected.event(4564, partner_token="")) == 403
    assert connected.webhook(connected.event(4564, partner_token=blank)) == 403
    assert connected.bill(payment()) == []
    assert connected.entry("payment#inv-1").state is EntryState.PENDING
    assert bearers(connected) == []


@pytest.mark.parametrize("written", [f"{NEW}\r\n{OLD}\r\n", f"\n {NEW} \n\n{OLD}", f"{NEW}\n{OLD}"])
def test_two_lines_are_two_tokens_however_they_end(connected: Deployment, written: str) -> None:
    connected.set_token(written)
    connected.restart()
    assert told(connected) == [200, 200, 200]
    assert connected.webhook(connected.event(4564, partner_token=NEW)) == 200
    assert connected.webhook(connected.event(4564, partner_token=written)) == 403


# What we send


FAULTS: list[tuple[dict[str, Any], EntryState]] = [
    *(
        ({"kind": "status", "status": status}, EntryState.PENDING)
        for status in (403, 404, 406, 429)
    ),
    *(({"kind": "status", "status": status}, EntryState.UNKNOWN) for status in (400, 409, 500)),
    *(({"kind": kind}, EntryState.UNKNOWN) for kind in ("drop_answer", "drop_request", "empty")),
    *(({"kind": kind}, EntryState.UNKNOWN) for kind in ("html", "html_done", "cut_answer")),
    ({"kind": "late_answer", "seconds": 5.5}, EntryState.UNKNOWN),
]


@pytest.mark.parametrize(("fault", "state"), FAULTS, ids=str)
@pytest.mark.parametrize("first", [[], [NEW]], ids=["taken", "401"])
def test_money_moves_on_to_the_next_token_after_a_401_only(
    connected: Deployment, first: list[str], fault: dict[str, Any], state: EntryState
) -> None:
    connected.set_token(*first, OLD, "third")
    connected.restart()
    # It stands for the token's own 401, as the simulator applies one fault to one request.
    for _token in first:
        connected.simulator.fault("payment", "status", status=401)
    connected.simulator.fault("payment", **fault)
    connected.bill(payment())
    assert [token for token, _status in bearers(connected)] == [*first, OLD]
    assert connected.entry("payment#inv-1").state is state


def test_each_token_is_tried_once_and_the_brake_comes_last(connected: Deployment) -> None:
    connected.set_token(NEW, OLD)
    connected.restart()
    assert told(connected) == [200, 200, 200]
    connected.bill(payment("inv-0"))
    before = len(bearers(connected))
    connected.set_token("third", NEW, NEW, OLD)
    connected.simulator.partner_token = "fourth"
    connected.bill(payment("inv-1"))
    connected.bill(payment("inv-2"))
    assert bearers(connected)[before:] == [(OLD, 401), ("third", 401), (NEW, 401)]
    for event_id in ("inv-1", "inv-2"):
        assert connected.entry(f"payment#{event_id}").state is EntryState.PENDING
    connected.set_token("fourth")
    connected.let_time_pass(3)
    for event_id in ("inv-1", "inv-2"):
        assert connected.entry(f"payment#{event_id}").state is EntryState.SENT
    assert len(connected.simulator.payments(4564)) == 4


def test_the_other_token_is_tried_though_the_parameter_cannot_be_read_again(
    connected: Deployment, outage: Callable[[], None]
) -> None:
    connected.set_token(NEW, OLD)
    connected.restart()
    connected.bill(payment("inv-0"))
    connected.simulator.partner_token = NEW
    outage()
    connected.bill(payment("inv-1"))
    assert bearers(connected) == [(NEW, 401), (OLD, 200), (OLD, 401), (NEW, 200)]


def test_a_token_that_no_header_can_carry_is_passed_over(connected: Deployment) -> None:
    connected.set_token("tökén", OLD)
    connected.restart()
    connected.bill(payment())
    assert bearers(connected) == [(OLD, 200)]
