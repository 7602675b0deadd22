"""Which write is which fact: rules of the row before and the row after."""

import json
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack.filters import passes
from shared.connections.connection import LIVE, State
from shared.events.change import Changes, Unreadable
from shared.events.event import Event, Kind
from shared.payments.entry import EntryState
from tests.deployment import TEMPLATE
from tests.house.source import PROJECT

WIRED = TEMPLATE.wire({"ApplicationId": "101"}, endpoint_url="http://sqs", api_url="")
PATTERNS = {mapping.table: mapping.patterns for mapping in WIRED.streams}
CHANGES = Changes(
    *(WIRED.tables[name].name for name in ("ConnectionsTable", "PaymentsTable", "CallsTable"))
)
AT = "2026-11-01T10:10:00.000000Z"
FACTS = {
    "amount": {"S": "990.99"},
    "currency": {"S": "EUR"},
    "paid_at": {"S": AT},
    "period_from": {"S": AT},
    "period_to": {"S": AT},
}


def record(table: str, before: Any, after: Any, **changes: Any) -> dict[str, Any]:
    """As Lambda brings it: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""
    images = {"OldImage": before, "NewImage": after}
    name = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
    written = {
        "ApproximateCreationDateTime": 1793527800,
        "Keys": {},
        "SequenceNumber": "1",
        **{image: row for image, row in images.items() if row is not None},
        **changes,
    }
    arn = f"arn:aws:dynamodb:eu-central-1:123456789012:table/{WIRED.tables[table].name}/stream/2026"
    return {"eventID": "1", "eventName": name, "dynamodb": written, "eventSourceARN": arn}


def entry(state: str | None, key: str = "payment#inv-1", **changes: Any) -> Any:
    if state is None:
        return None
    facts = {"M": FACTS if key.startswith("payment") else {"payment_event_id": {"S": "inv-1"}}}
    own = {"key": {"S": key}, "state": {"S": state}, "attempt": {"N": "1"}}
    told = {"location_id": {"N": "4564"}, "changed_at": {"S": AT}, "facts": facts}
    return {**own, **told, **changes}


def location(state: str | None, generation: int = 1, **changes: Any) -> Any:
    if state is None:
        return None
    own = {"location_id": {"N": "4564"}, "state": {"S": state}, "account_id": {"S": "a"}}
    numbers = {"generation": {"N": str(generation)}, "version": {"N": "7"}}
    return {**own, **numbers, "verdict": {"S": "active: proof"}, **changes}


def call(state: str, settled_as: str, key: str = "a#c-1") -> Any:
    own = {"key": {"S": key}, "state": {"S": state}, "settled_as": {"S": settled_as}}
    whose = {"account_id": {"S": "a"}, "location_id": {"N": "4564"}, "call_id": {"S": "c-1"}}
    times = {"received_at": {"S": AT}, "started_at": {"S": AT}, "version": {"N": "2"}}
    return {**own, **whose, **times}


def told(table: str, before: Any, after: Any) -> Event | None:
    """The event, which a filter may not keep from the function."""
    keys = {"key": after["key"]} if after and "key" in after else {}
    change = record(table, before, after, Keys=keys)
    event = CHANGES.event(change)
    assert event is None or passes(PATTERNS[table], change)
    return event


def kind(table: str, before: Any, after: Any) -> str:
    event = told(table, before, after)
    return event.kind if event else ""


ENTRY_STATES = [None, *EntryState]


@pytest.mark.parametrize(("before", "after"), [*product(ENTRY_STATES, EntryState)])
def test_an_entry_tells_where_it_has_come_to_and_once(
    before: EntryState | None, after: EntryState
) -> None:
    named = {"SENT": "sent", "REJECTED": "rejected", "NEEDS_HUMAN": "needs_person"}
    expected = named.get(after, "") if before != after else ""
    payment = kind("PaymentsTable", entry(before), entry(after))
    assert payment == (f"payment.{expected}" if expected else "")
    refund = kind("PaymentsTable", entry(before, "refund#r"), entry(after, "refund#r"))
    assert refund == (f"refund.{expected.replace('sent', 'done')}" if expected else "")


LOCATION_STATES = [None, *State]


@pytest.mark.parametrize(("before", "after"), [*product(LOCATION_STATES, State)])
def test_a_location_tells_what_it_has_become(before: State | None, after: State) -> None:
    found = kind("ConnectionsTable", location(before), location(after))
    match before in LIVE, after in LIVE:
        case False, True:
            assert found == Kind.CONNECTED
        case True, False:
            assert found == Kind.DISCONNECTED
        case True, True if before is not after:
            assert found == (Kind.FROZEN if after is State.FROZEN else Kind.THAWED)
        case _:
            assert found == ""


@pytest.mark.parametrize(("before", "after"), [*product(LIVE, LIVE)])
def test_what_was_installed_anew_is_connected_once_more(before: State, after: State) -> None:
    """Whatever its verdict says: a hint that is looked at meanwhile has the last word on that."""
    now = location(after, 2)
    assert kind("ConnectionsTable", location(before), now) == Kind.CONNECTED
    assert kind("ConnectionsTable", now, now) == ""


def test_a_payment_of_the_platform_s_own_page_is_recorded() -> None:
    key = "payment#hosted-12"
    before, after = entry("REPORTED_BY_PLATFORM", key), entry("SENT", key, platform_id={"N": "12"})
    event = told("PaymentsTable", before, after)
    assert event is not None
    assert (event.kind, event.told["event_id"], event.told["platform_id"]) == (
        Kind.PAYMENT_RECORDED,
        "hosted-12",
        12,
    )


@pytest.mark.parametrize(
    "row",
    [
        {"key": {"S": "platform#1"}, "entry_key": {"S": "payment#inv-1"}},
        {"key": {"S": "given-back#payment#inv-1"}, "entry_key": {"S": "refund#ref-1"}},
        {"key": {"S": "echo"}, "entry_key": {"S": "payment#inv-1"}},
    ],
)
def test_rows_that_are_no_entries_tell_nothing(row: Any) -> None:
    assert kind("PaymentsTable", None, row) == ""


@pytest.mark.parametrize("table", ["PaymentsTable", "ConnectionsTable", "CallsTable"])
def test_what_is_deleted_tells_nothing(table: str) -> None:
    assert kind(table, entry("SENT"), None) == ""


@pytest.mark.parametrize("before", ["", "missed", "other"])
@pytest.mark.parametrize("after", ["", "missed", "other"])
def test_a_call_is_missed_once_when_it_is_settled(before: str, after: str) -> None:
    found = told("CallsTable", call("waiting", before), call("sending", after))
    is_told = (before, after) == ("", "missed")
    assert (found and found.kind) == (Kind.CALL_MISSED if is_told else None)
    if found:
        assert found.told == {
            "location_id": 4564,
            "account_id": "a",
            "call_id": "c-1",
            "started_at": AT,
        }
        # Of an older version, which did not write that down.
        old = call("waiting", "")
        del old["settled_as"]
        assert told("CallsTable", old, call("held", "missed"))


def test_what_stands_beside_the_calls_tells_only_what_is_refused() -> None:
    key = "pbx-key-refused#a-1#2026-11-01T10"
    row = {"key": {"S": key}, "state": {"S": "pbx-key-refused"}}
    change = record("CallsTable", None, row, Keys={"key": {"S": key}})
    event = CHANGES.event(change)
    assert event
    assert event.told["account_id"] == "a-1"
    assert passes(PATTERNS["CallsTable"], change)


def test_the_same_write_has_the_same_id_and_no_two_share_one() -> None:
    def ids(*changes: tuple[str, Any, Any]) -> list[str]:
        events = [told(*change) for change in changes]
        return [event.id for event in events if event]

    again: dict[str, Any] = {"changed_at": {"S": AT.replace("10:10", "11:10")}}
    changes: list[tuple[str, Any, Any]] = [
        ("PaymentsTable", entry("SENDING"), entry("SENT")),
        ("PaymentsTable", entry("SENDING"), entry("REJECTED")),
        ("PaymentsTable", entry("SENDING"), entry("REJECTED", **again)),
        ("PaymentsTable", entry("SENDING", "payment#2"), entry("SENT", "payment#2")),
        ("PaymentsTable", entry("SENDING", "refund#2"), entry("SENT", "refund#2")),
        ("ConnectionsTable", location("pending"), location("active")),
        ("ConnectionsTable", location("active"), location("frozen")),
        ("ConnectionsTable", location("frozen"), location("active")),
        ("ConnectionsTable", location("frozen"), location("active", version={"N": "9"})),
        ("ConnectionsTable", location("disabled"), location("active", 2)),
        ("CallsTable", call("waiting", ""), call("held", "missed")),
        ("CallsTable", call("waiting", "", "a#2"), call("held", "missed", "a#2")),
    ]
    first = ids(*changes)
    assert first == ids(*changes)
    assert len(set(first)) == len(changes)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["S", "N", "M", "state", "key", "dynamodb", "facts"]), inner
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["PaymentsTable", "ConnectionsTable", "CallsTable"]),
)
def test_what_cannot_be_read_is_said_to_be_so(garbled: Any, table: str) -> None:
    """Whatever a row may hold, it ends as an event, as none, or as unreadable."""
    for change in (record(table, garbled, garbled), record(table, None, garbled), garbled):
        with suppress(Unreadable):
            event = CHANGES.event(change)
            assert event is None or isinstance(event, Event)


# The schemas


SCHEMAS = {path.stem: path for path in (PROJECT / "schemas" / "1").glob("*.json")}
# The promise of version 1: what its readers may rely on.
ALWAYS = {"version", "id", "at", "application_id"}
OF_LOCATION = {"location_id", "state", "generation", "sequence"}
OF_FACTS = {"amount", "currency", "paid_at", "period_from", "period_to"}
OF_PAYMENT = {"event_id", "location_id", *OF_FACTS}
PROMISED: dict[Kind, set[str]] = {
    Kind.CONNECTED: OF_LOCATION,
    Kind.DISCONNECTED: OF_LOCATION,
    Kind.FROZEN: OF_LOCATION,
    Kind.THAWED: OF_LOCATION,
    Kind.PAYMENT_SENT: OF_PAYMENT | {"platform_id"},
    Kind.PAYMENT_RECORDED: OF_PAYMENT | {"platform_id"},
    Kind.PAYMENT_REJECTED: OF_PAYMENT,
    Kind.PAYMENT_NEEDS_PERSON: OF_PAYMENT,
    Kind.REFUND_DONE: {"event_id", "payment_event_id"},
    Kind.REFUND_REJECTED: {"event_id", "payment_event_id"},
    Kind.REFUND_NEEDS_PERSON: {"event_id", "payment_event_id"},
    Kind.CALL_MISSED: {"location_id", "account_id", "call_id", "started_at"},
    Kind.KEY_REFUSED: {"account_id"},
}
# Nobody's name, phone, address, token or key.
PERSONAL = ("name", "phone", "mail", "token", "key", "why", "verdict", "user")


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_schema_and_keeps_its_promise(kind: Kind) -> None:
    assert set(SCHEMAS) == set(Kind)
    schema = json.loads(SCHEMAS[kind].read_text("utf-8"))
    assert schema["properties"]["detail-type"] == {"enum": [kind]}
    detail = schema["properties"]["detail"]
    assert set(detail["required"]) == ALWAYS | PROMISED[kind]
    # A field that is added has to be added here, and is then one that readers may get.
    assert detail["additionalProperties"] is False
    assert detail["properties"]["version"]["enum"] == [1]
    for name, field in detail["properties"].items():
        assert len(field["description"]) > 5
        assert not any(word in name for word in PERSONAL), name
