"""What happened to a location: through the command line, and each gap from plain lists."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ops import history
from shared.altegio.status import Installed, ListedPayment, Status, Transition
from shared.connections.connection import Connection, State
from shared.connections.journal import Line
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import PaymentFacts, RefundFacts
from tests.deployment import Clock, Deployment, payment, refund
from tests.ops.operator import Operator

pytestmark = pytest.mark.usefixtures("logged")

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


# Through the command line


class Ticking(Clock):
    """So that what happens one after the other does not happen at the same moment."""

    def __call__(self) -> datetime:
        self.advance(milliseconds=1)
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Ticking()
    monkeypatch.setattr("shared.clock.now", clock)
    return clock


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    deployment.connect(4564)
    deployment.let_time_pass(10, step=5)
    return deployment


def told(operator: Operator, location_id: int = 4564) -> list[tuple[str, str]]:
    """Source and words of each line; the platform's proofs are left out."""
    lines = operator.json("location", str(location_id))["lines"]
    assert [line["at"] for line in lines if line["at"]] == sorted(
        line["at"] for line in lines if line["at"]
    )
    return [(line["source"], line["what"].partition(": status ")[0]) for line in lines]


def ended(operator: Operator, location_id: int = 4564) -> str:
    """The last line, which says how it stands."""
    return " ".join(operator("location", "--all", str(location_id)).split()).partition("Now: ")[2]


def test_a_life_is_told_from_three_sources(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment(paid_at=connected.clock().isoformat()))
    connected.clock.advance(minutes=5)
    connected.simulator.disconnect(4564)
    connected.clock.advance(seconds=30)
    connected.connect(4564)
    connected.clock.advance(minutes=1)
    connected.webhook(connected.event(4564))
    connected.let_time_pass(65, step=5)
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.let_time_pass(5)
    connected.bill(payment("inv-2", paid_at=connected.clock().isoformat()))
    connected.let_time_pass(12)
    first, second = [row.id for row in connected.simulator.payments(4564)]
    period = "2026-11-01 00:00:00 to 2026-11-30 23:59:59"
    lines = told(operator)
    assert lines == [
        ("platform", "uninstalled → pending"),
        ("platform", "pending → active"),
        ("journal", "pending, generation 1: opened by the owner"),
        ("journal", "active, generation 1"),
        ("platform", f"payment {first}, by its date: 990.99 for {period}"),
        ("ledger", "payment#inv-1 received: 990.99 EUR"),
        ("ledger", "payment#inv-1 claimed, attempt 1"),
        ("ledger", f"payment#inv-1 SENT with id {first}"),
        ("platform", "active → uninstalled"),
        ("platform", "uninstalled → pending"),
        ("platform", "pending → active"),
        ("journal", "disabled, generation 1: granted anew"),
        ("journal", "pending, generation 2: opened by the owner"),
        ("journal", "active, generation 2"),
        ("journal", "uninstall webhook"),
        ("journal", "active, generation 2: uninstall not seen yet"),
        ("journal", "active, generation 2: uninstall stale, changes nothing"),
        ("platform", "active → freezed"),
        ("journal", "freeze webhook"),
        ("journal", "frozen, generation 2: freeze confirmed"),
        ("platform", "freezed → active"),
        ("platform", f"payment {second}, by its date: 990.99 for {period}"),
        ("ledger", "payment#inv-2 received: 990.99 EUR"),
        ("ledger", "payment#inv-2 claimed, attempt 1"),
        ("ledger", f"payment#inv-2 SENT with id {second}"),
        ("journal", "paid while it was frozen"),
        ("journal", "active, generation 2: payment confirmed"),
    ]
    assert ended(operator).startswith("active here, active there; they agree, since 20")


def test_what_the_platform_did_and_nobody_told_is_a_gap(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.expire(4564)
    at = connected.clock()
    assert told(operator)[-1] == ("platform", "active → freezed")
    connected.clock.advance(minutes=6)
    untold = "no freeze webhook came, and no decision of ours tells of it"
    assert told(operator)[-1] == ("gap", untold)
    assert ended(operator) == (
        f"active here, freezed there; they disagree, since {at:%Y-%m-%d %H:%M:%S}Z, 6 min ago."
    )
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    assert ("gap", "freezed was told here only 6 min later") in told(operator)
    assert ended(operator).startswith("frozen here, freezed there; they agree, since ")


def test_what_stands_otherwise_in_altegio_is_wrong_after_a_while(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.expire(4564, webhook="never")
    assert operator.json("location", "4564")["troubles"] == []
    connected.clock.advance(minutes=6)
    [told] = operator.json("location", "4564")["troubles"]
    assert (told["what"], told["command"]) == (
        "is active here, but freezed in Altegio",
        "census --new",
    )


def test_what_waits_there_for_an_owner_who_does_not_get_in_says_so(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.simulator.grant(4564)
    deployment.clock.advance(minutes=6)
    [told] = operator.json("location", "4564")["troubles"]
    assert told["what"].startswith("waits in Altegio for its owner to connect it here")
    assert told["command"] == "status"


def test_what_only_one_side_has_is_a_gap(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.bill(payment())
    [row] = connected.simulator.payments(4564)
    connected.bill(refund())
    lines = told(operator)
    assert [what for source, what in lines if source == "gap"] == []
    assert any(what.endswith("30 23:59:59, refunded") for _source, what in lines)
    assert ("ledger", "refund#ref-1 received: all of payment#inv-1") in lines
    other = replace(row, id=7, payment_date="soon")
    monkeypatch.setattr(connected.simulator.platform, "payments", lambda _location: [other])
    lines = told(operator)
    missing = f"payment#inv-1 with id {row.id} is not on the platform's list"
    assert ("gap", missing) in lines
    # Without a date that can be read, it is last.
    assert lines[-1] == ("gap", "no entry of ours has the id 7")
    assert "  -   " in operator("location", "--all", "4564")


def test_what_the_platform_does_not_tell_is_said_and_the_rest_is_shown(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment())
    connected.simulator.fault("status", "status", status=500)
    text = " ".join(operator("location", "--all", "4564").split())
    assert "The platform does not tell: status answered 500" in text
    assert "payment#inv-1 SENT with id" in text
    assert "(platform)" not in text
    assert text.endswith("Now: active here.")
    connected.simulator.fault("status", "status", status=500)
    found = operator.json("location", "4564")
    assert (found["there"], found["agree"], found["since"]) == ("", None, None)


def test_an_uninstalled_location_has_no_log_but_a_history(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.disconnect(4564)
    assert ended(operator) == (
        "active here, uninstalled there; they disagree, since when is not known."
    )
    connected.webhook(connected.event(4564))
    connected.reconcile()
    text = " ".join(operator("location", "--all", "4564").split())
    assert "so the platform shows neither log nor payments" in text
    assert "disabled here, uninstalled there; they agree, since 20" in text
    # Erased, it still has its history.
    connected.let_time_pass(31 * 24 * 60, step=24 * 60)
    assert told(operator)[-1] == (
        "journal",
        "disabled, generation 1: erased, after: not installed any more",
    )


def test_a_location_that_nobody_knows(deployment: Deployment, operator: Operator) -> None:
    assert "Nothing is known of it." in operator("location", "--all", "4564")
    assert ended(operator) == "never connected here, uninstalled there; they agree."
    deployment.bill(payment())
    deployment.simulator.grant(4564, private=True)
    assert told(operator) == [
        ("gap", "our journal has nothing of it"),
        ("platform", "uninstalled → active"),
        ("ledger", "payment#inv-1 received: 990.99 EUR"),
        ("ledger", "payment#inv-1 HELD: the location is not connected"),
    ]
    assert ended(operator).startswith("never connected here, active there; they disagree, since 20")


# Each gap, from lists


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def line(minutes: float, words: str, state: str = "") -> Line:
    return Line(4564, at(minutes), words, state)


def log(*steps: tuple[float, str]) -> tuple[Transition, ...]:
    """From uninstalled to each state in turn."""
    before, found = "uninstalled", []
    for minutes, after in steps:
        found.append(Transition(at(minutes), before, after))
        before = after
    return tuple(found)


OPENED = (line(0.1, "opened by the owner", "pending"), line(0.2, "active", "active"))
CONNECTED = ((0, "pending"), (0.15, "active"))


def gaps(transitions: tuple[Transition, ...], *journal: Line) -> list[tuple[float, str]]:
    """Minutes and words of what is missing, seen from two days later."""
    status = Status(Installed(transitions[-1].after), None, transitions)
    found = history.events(journal, (), status, owned=(), now=at(48 * 60), zone=ZoneInfo("UTC"))
    return [
        ((it.at - NOON) / timedelta(minutes=1), it.what)
        for it in found
        if it.at is not None and it.source is history.Source.GAP
    ]


@pytest.mark.parametrize(
    ("steps", "journal", "missing"),
    [
        (CONNECTED, OPENED, []),
        ((*CONNECTED, (60, "uninstalled")), (*OPENED, line(64, "uninstall webhook")), []),
        # It may come before, by another clock.
        ((*CONNECTED, (60, "uninstalled")), (*OPENED, line(59.95, "uninstall webhook")), []),
        ((*CONNECTED, (60, "uninstalled")), (*OPENED, line(64, "gone", "disabled")), []),
        ((*CONNECTED, (60, "uninstalled")), (*OPENED, line(64, "freeze webhook")),
         [(60, "no uninstall webhook came, and no decision of ours tells of it")]),
        ((*CONNECTED, (60, "uninstalled")), (*OPENED, line(70, "uninstall webhook")),
         [(60, "uninstalled was told here only 10 min later")]),
        # The second one does not tell of the first one.
        ((*CONNECTED, (60, "freezed"), (90, "active"), (120, "freezed")),
         (*OPENED, line(91, "thawed", "active"), line(121, "freeze webhook")),
         [(60, "no freeze webhook came, and no decision of ours tells of it")]),
        # A thaw has no event, so it is found later.
        ((*CONNECTED, (60, "freezed"), (90, "active")),
         (*OPENED, line(61, "freeze webhook"), line(104, "thawed", "active")), []),
        ((*CONNECTED, (60, "freezed"), (90, "active")),
         (*OPENED, line(61, "freeze webhook"), line(120, "thawed", "active")),
         [(90, "active was told here only 30 min later")]),
        ((*CONNECTED, (60, "freezed"), (90, "active")), (*OPENED, line(61, "freeze webhook")),
         [(90, "no decision of ours tells of it")]),
        # A decision that names it tells of it, whatever it decides.
        ((*CONNECTED, (60, "uninstalled"), (61, "pending")),
         (*OPENED, line(60.1, "uninstall webhook"),
          line(62, "granted anew: log ends uninstalled→pending at 2026-11-02T13:01:00Z",
               "disabled")), []),
        # An owner who takes his time.
        (((-300, "pending"), (0.15, "active")), OPENED,
         [(-300, "pending was told here only 5 h later")]),
        (((0, "pending"), (0.05, "pending"), (0.15, "active")), OPENED, []),
        (((0, "pending"), (0.15, "sleeping"), (0.15, "active")), OPENED, []),
    ],
)  # fmt: skip
def test_a_transition_that_nothing_tells_of_is_a_gap(
    steps: tuple[tuple[float, str], ...], journal: tuple[Line, ...], missing: list[Any]
) -> None:
    assert gaps(log(*steps), *journal) == missing


def test_a_log_with_a_hole_is_a_gap() -> None:
    first, second, *rest = log(*CONNECTED, (60, "freezed"))
    torn = (first, second, *(replace(it, before="pending") for it in rest))
    assert gaps(torn, *OPENED, line(60, "freeze webhook")) == [
        (60, "the log has a hole: active, and next pending")
    ]


def test_what_was_before_our_journal_is_one_gap() -> None:
    earlier = ((-900, "pending"), (-899, "active"), (-800, "uninstalled"))
    nothing = "our journal has nothing before this; its lines are kept for JournalDays"
    assert gaps(log(*earlier, *CONNECTED), *OPENED) == [(0.1, nothing)]


# How it stands


def connection(state: State) -> Connection:
    return Connection(4564, state, 1, "account", NOON)


@pytest.mark.parametrize(
    ("here", "steps", "journal", "agree", "since"),
    [
        (State.ACTIVE, CONNECTED, OPENED, True, 0.2),
        (State.ACTIVE, (*CONNECTED, (60, "freezed")), OPENED, False, 60),
        (State.FROZEN, (*CONNECTED, (60, "freezed")), (*OPENED, line(65, "", "frozen")), True, 65),
        # What is left of the journal does not lead to where it is.
        (State.ACTIVE, CONNECTED, (), True, None),
        (State.FROZEN, CONNECTED, OPENED, False, None),
    ],
)
def test_since_when_both_agree_or_do_not(
    here: State,
    steps: tuple[tuple[float, str], ...],
    journal: tuple[Line, ...],
    agree: bool,  # noqa: FBT001 - a case
    since: float | None,
) -> None:
    found = log(*steps)
    stands = history.standing(
        connection(here), journal, Status(Installed(found[-1].after), None, found)
    )
    assert (stands.agree, stands.since) == (agree, None if since is None else at(since))


# Payments


SENT = Entry(
    key="payment#a",
    digest="",
    facts=PaymentFacts(Decimal(5), "EUR", at(8), at(8), at(9)),
    state=EntryState.SENT,
    received_at=at(10),
    attempt=2,
    claimed_at=at(12),
    changed_at=at(14),
    platform_id=9,
)


@pytest.mark.parametrize(
    ("installed", "entry", "missing"),
    [
        (Installed.ACTIVE, SENT, ["payment#a with id 9 is not on the platform's list"]),
        (Installed.FREEZED, SENT, ["payment#a with id 9 is not on the platform's list"]),
        # Nothing is listed before the callback.
        (Installed.PENDING, SENT, []),
        (Installed.ACTIVE, replace(SENT, state=EntryState.UNKNOWN, platform_id=None), []),
        (Installed.ACTIVE, replace(SENT, key="refund#a", facts=RefundFacts("a")), []),
    ],
)
def test_only_what_should_be_listed_is_missed(
    installed: Installed, entry: Entry, missing: list[str]
) -> None:
    status = Status(installed, None)
    found = history.events((), [entry], status, owned=(), now=at(20), zone=ZoneInfo("UTC"))
    assert [it.what for it in found if it.source is history.Source.GAP] == missing


def test_entries_and_payments_are_in_order_whatever_the_order_of_the_lists() -> None:
    sending = replace(SENT, key="payment#b", state=EntryState.SENDING, changed_at=at(12))
    row = ListedPayment(9, None, "2026-11-02 12:11:00", "x", "y", is_refunded=False)
    status = Status(Installed.ACTIVE, None, (), (row,))
    found = history.events(
        [line(13, "freeze webhook")], [sending, SENT], status,
        owned={9}, now=at(20), zone=ZoneInfo("UTC"),
    )  # fmt: skip
    assert [(it.source, it.what) for it in found] == [
        ("ledger", "payment#b received: 5.00 EUR"),
        ("ledger", "payment#a received: 5.00 EUR"),
        ("(platform)", "payment 9, by its date: an unreadable sum for x to y"),
        ("ledger", "payment#b claimed, attempt 2"),
        ("ledger", "payment#a claimed, attempt 2"),
        ("journal", "freeze webhook"),
        ("ledger", "payment#a SENT with id 9"),
    ]
