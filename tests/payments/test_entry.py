"""The ledger's entries: the only ways in which they change."""

import ast
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.payments import entry as payment
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import PaymentFacts
from shared.payments.settings import LedgerPolicy
from shared.states import NoSuchChange

NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)

# The ledger's entries: the only ways in which they change


RULES = LedgerPolicy(
    lease_s=60, absence_delay_s=900, retry_base_s=30, held_recheck_s=600, refund_wait_s=259_200
)

ENTRY = Entry(
    key="payment#inv-1001",
    location_id=4564,
    digest="0" * 64,
    facts=PaymentFacts(Decimal("990.99"), "EUR", NOW, NOW, NOW),
    state=EntryState.PENDING,
    received_at=NOW - timedelta(hours=1),
    attempt=2,
    due_at=NOW,
)

LOOKED_FROM = NOW + timedelta(seconds=700)

CHANGES: dict[str, Callable[[Entry], Entry]] = {
    "claimed": lambda entry: payment.claimed(entry, NOW, RULES),
    "doubted": lambda entry: payment.doubted(entry, NOW - timedelta(hours=1), LOOKED_FROM, NOW),
    "sent": lambda entry: payment.sent(entry, 123, NOW),
    "rejected": lambda entry: payment.rejected(entry, "why", NOW),
    "needs_human": lambda entry: payment.needs_human(entry, "why", NOW),
    "unknown": lambda entry: payment.unknown(entry, "why", NOW, RULES),
    "released": lambda entry: payment.released(entry, "why", NOW, RULES),
    "held": lambda entry: payment.held(entry, "why", NOW, RULES),
    "absent": lambda entry: payment.absent(entry, "why", NOW, RULES),
    "looked_at": lambda entry: payment.looked_at(entry, "why", NOW, seconds=30),
    "waiting": lambda entry: payment.waiting(entry, "why", NOW, RULES),
    "woken": lambda entry: payment.woken(entry, NOW, RULES, timedelta(seconds=7)),
    "still_told": lambda entry: payment.still_told(entry, "why", NOW, RULES),
    "recorded": lambda entry: payment.recorded(entry, entry.payment, NOW),
    "known_already": lambda entry: payment.known_already(entry, "payment#inv-1", NOW),
    "put_off": lambda entry: payment.put_off(entry, "why", NOW + timedelta(seconds=5), NOW),
    "adopted": lambda entry: payment.adopted(entry, 123, "why", NOW),
    "reopened": lambda entry: payment.reopened(entry, "why", NOW),
    "looked_for_again": lambda entry: payment.looked_for_again(entry, "why", NOW),
    "closed": lambda entry: payment.closed(entry, "why", NOW),
}

# From where each is used.
STARTS = {
    **dict.fromkeys(CHANGES, EntryState.PENDING),
    **dict.fromkeys(("sent", "rejected", "unknown", "released"), EntryState.SENDING),
    **dict.fromkeys(("absent", "looked_at"), EntryState.UNKNOWN),
    **dict.fromkeys(("still_told", "recorded", "known_already"), EntryState.REPORTED_BY_PLATFORM),
    **dict.fromkeys(("adopted", "reopened", "looked_for_again", "closed"), EntryState.NEEDS_HUMAN),
}

FINAL = (EntryState.SENT, *payment.PARKED)

MAY_HAVE_BEEN_SENT = (EntryState.SENDING, EntryState.UNKNOWN)


def changed(name: str, state: EntryState) -> Entry | None:
    """What a change makes of an entry in that state; None if it refuses to."""
    final = state in FINAL
    before = replace(ENTRY, state=state, due_at=None if final else NOW)
    try:
        return CHANGES[name](before)
    except ValueError:
        return None


def test_every_change_of_an_entry_is_known_here() -> None:
    public = {
        name
        for name, value in vars(payment).items()
        if callable(value)
        and getattr(value, "__module__", "") == payment.__name__
        and not isinstance(value, type)
        and not name.startswith("_")
    }
    # The first changes no state, the second chooses among these, the third only looks.
    assert public == {*CHANGES, "refund_parked", "refund_unlike"}


@pytest.mark.parametrize("state", MAY_HAVE_BEEN_SENT)
@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"released"}))
def test_what_may_have_been_sent_is_never_sent_again(name: str, state: EntryState) -> None:
    after = changed(name, state)
    assert after is None or after.state not in (EntryState.PENDING, EntryState.SENDING)


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_was_sent_stays_sent(name: str) -> None:
    after = changed(name, EntryState.SENT)
    assert after is None or after.state is EntryState.SENT


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_only_a_claim_counts_as_an_attempt(name: str) -> None:
    for state in EntryState:
        after = changed(name, state)
        if after is not None:
            assert after.attempt == (3 if name in ("claimed", "doubted") else 2), state


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_the_unfinished_has_a_due_time_and_the_final_has_none(name: str) -> None:
    for state in EntryState:
        after = changed(name, state)
        if after is not None:
            assert (after.due_at is None) == (after.state in FINAL), state
            assert after.due_at is None or after.due_at >= NOW
            assert after.changed_at == NOW


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_no_change_touches_what_the_billing_system_said(name: str) -> None:
    after = changed(name, STARTS[name])
    assert after is not None
    for kept in ("key", "location_id", "digest", "facts", "received_at"):
        assert getattr(after, kept) == getattr(ENTRY, kept)


@pytest.mark.parametrize(
    ("name", "state", "wait_s"),
    [
        ("claimed", EntryState.SENDING, 60),
        ("unknown", EntryState.UNKNOWN, 900),
        ("doubted", EntryState.UNKNOWN, 700),
        ("held", EntryState.HELD, 600),
        ("woken", EntryState.PENDING, 67),
        ("put_off", EntryState.PENDING, 5),
        ("absent", EntryState.UNKNOWN, 60),
        ("looked_at", EntryState.UNKNOWN, 30),
        ("waiting", EntryState.PENDING, 1800),  # half of the hour that it waits already
        ("reopened", EntryState.PENDING, 0),
        ("looked_for_again", EntryState.UNKNOWN, 0),
    ],
)
def test_how_long_an_entry_waits(name: str, state: EntryState, wait_s: float) -> None:
    after = changed(name, STARTS[name])
    assert after is not None
    assert (after.state, after.due_at) == (state, NOW + timedelta(seconds=wait_s))


WAITING = {"PENDING", "HELD", "REJECTED", "NEEDS_HUMAN"}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("adopted", WAITING | {"UNKNOWN", "CLOSED"}),
        ("reopened", WAITING | {"CLOSED"}),
        ("looked_for_again", {"NEEDS_HUMAN"}),
        ("closed", WAITING | {"UNKNOWN"}),
    ],
)
def test_what_a_person_may_change(name: str, states: set[str]) -> None:
    assert {str(state) for state in EntryState if changed(name, state)} == states


@pytest.mark.parametrize("name", ["reopened", "looked_for_again"])
def test_an_absence_before_does_not_count_for_what_is_sent_or_looked_for_anew(name: str) -> None:
    seen_once = replace(ENTRY, state=EntryState.NEEDS_HUMAN, absences=1)
    assert CHANGES[name](seen_once).absences == 0


def test_what_was_never_sent_is_not_looked_for() -> None:
    """A refund that waited for its payment in vain."""
    waited = replace(ENTRY, state=EntryState.NEEDS_HUMAN, attempt=0)
    with pytest.raises(NoSuchChange):
        payment.looked_for_again(waited, "why", NOW)


def test_absence_counts_when_it_is_seen_twice_in_a_row() -> None:
    unknown = replace(ENTRY, state=EntryState.UNKNOWN)
    once = payment.absent(unknown, "why", NOW, RULES)
    assert (once.state, once.absences) == (EntryState.UNKNOWN, 1)
    twice = payment.absent(once, "why", NOW, RULES)
    assert (twice.state, twice.absences, twice.due_at) == (EntryState.PENDING, 0, NOW)
    assert payment.looked_at(once, "why", NOW, seconds=1).absences == 0


def test_it_is_known_since_when_absence_was_seen() -> None:
    later = NOW + timedelta(minutes=1)
    unknown = replace(ENTRY, state=EntryState.UNKNOWN, perhaps_since=NOW - timedelta(hours=1))
    once = payment.absent(unknown, "why", NOW, RULES)
    assert (once.absent_since, once.perhaps_since) == (NOW, unknown.perhaps_since)
    assert payment.looked_at(once, "why", later, seconds=1).absent_since is None
    twice = payment.absent(once, "why", later, RULES)
    assert (twice.absent_since, twice.perhaps_since) == (NOW, None)
    # It stays known, as long as it was not doubted anew.
    claimed = payment.claimed(twice, later, RULES)
    assert payment.released(claimed, "why", later, RULES).absent_since == NOW
    assert payment.doubted(twice, NOW, NOW, later).absent_since is None
    parked = payment.needs_human(unknown, "why", NOW)
    assert payment.reopened(parked, "why", later).absent_since == later


def test_a_doubted_entry_is_looked_for_at_once_where_that_proves_something() -> None:
    assert payment.doubted(ENTRY, NOW, NOW - timedelta(hours=1), NOW).due_at == NOW


def test_a_refund_waits_for_its_payment_up_to_a_limit() -> None:
    new = replace(ENTRY, received_at=NOW)
    assert payment.waiting(new, "why", NOW, RULES).due_at == NOW + timedelta(seconds=30)
    limit = timedelta(seconds=259_200)
    assert payment.waiting(new, "why", NOW + limit, RULES).state is EntryState.PENDING
    late = payment.waiting(new, "why", NOW + limit + timedelta(seconds=1), RULES)
    assert (late.state, late.why) == (EntryState.NEEDS_HUMAN, "why; waited long enough")


@given(st.integers(1, 1000), st.floats(0, 3600))
def test_a_release_waits_longer_each_time_and_never_less_than_asked(
    attempt: int, retry_after_s: float
) -> None:
    entry = replace(ENTRY, state=EntryState.SENDING, attempt=attempt)
    after = payment.released(entry, "why", NOW, RULES, retry_after_s=retry_after_s)
    assert after.state is EntryState.PENDING
    assert after.due_at is not None
    wait_s = (after.due_at - NOW).total_seconds()
    longest = min(30 * 2 ** min(attempt - 1, 20), 3600)
    assert wait_s >= retry_after_s - 1e-6
    assert longest / 2 - 1e-6 <= wait_s <= max(longest, retry_after_s) + 1e-6


def test_an_entry_is_released_only_after_a_clear_no() -> None:
    shared = Path(payment.__file__).parents[1]
    found = []
    for path in shared.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        calls = {node for node in ast.walk(tree) if _is_release(node)}
        for case in (node for node in ast.walk(tree) if isinstance(node, ast.match_case)):
            inside = calls & {node for line in case.body for node in ast.walk(line)}
            if inside:
                assert isinstance(case.pattern, ast.MatchClass)
                found.append((path.name, ast.unparse(case.pattern.cls)))
                calls -= inside
        assert not calls, f"{path.name} releases whatever became of the call"
    assert found == [("report.py", "NotTaken"), ("report.py", "Blocked")]


def _is_release(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "released"
