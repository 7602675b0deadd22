"""What happens is told, once by its id and in the form of its schema, whatever the bus answers."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
from botocore.exceptions import ConnectionClosedError

from shared.events.event import Kind
from tests.deployment import Deployment, payment, refund
from tests.events.test_event import SCHEMAS, entry, record
from tests.memory import Memory


def told(deployment: Deployment) -> list[str]:
    """The kinds, in their order; each event is as its schema says, and no id is there twice."""
    events = deployment.tell()
    for event in events:
        schema = json.loads(SCHEMAS[event["detail-type"]].read_text("utf-8"))
        jsonschema.Draft4Validator(
            schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
        ).validate(event)
    ids = [event["detail"]["id"] for event in events]
    assert len(set(ids)) == len(ids)
    return [event["detail-type"] for event in events]


def test_a_life_is_told(connected: Deployment) -> None:
    assert told(connected) == [Kind.CONNECTED]
    connected.bill(payment())
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.let_time_pass(2)
    connected.simulator.fault("payment", "status", status=422, times=2)
    connected.bill(payment("inv-2"))
    connected.let_time_pass(10)
    assert set(told(connected)) >= {
        Kind.PAYMENT_SENT,
        Kind.FROZEN,
        Kind.PAYMENT_REJECTED,
    }
    connected.bill(payment("inv-3"))
    connected.let_time_pass(3)
    assert Kind.THAWED in told(connected)
    connected.bill(refund())
    assert told(connected)[-1] == Kind.REFUND_DONE
    connected.simulator.disconnect(4564, webhook="never")
    connected.webhook(connected.event(4564))
    connected.let_time_pass(3)
    assert told(connected)[-1] == Kind.DISCONNECTED


def test_a_payment_says_what_it_is(connected: Deployment) -> None:
    connected.bill(payment())
    event = next(it for it in connected.tell() if "event_id" in it["detail"])
    sent = connected.entry("payment#inv-1")
    assert (event["source"], event["detail-type"]) == ("altegio-telephony", "payment.sent")
    assert event["detail"] == {
        "version": 1,
        "id": event["detail"]["id"],
        "at": sent.changed_at and sent.changed_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "application_id": 101,
        "event_id": "inv-1",
        "location_id": 4564,
        "amount": "990.99",
        "currency": "EUR",
        "paid_at": "2026-11-01T10:10:00.000000Z",
        "period_from": "2026-11-01T00:00:00.000000Z",
        "period_to": "2026-11-30T23:59:59.000000Z",
        "platform_id": sent.platform_id,
    }


def test_nothing_of_a_person_is_told(connected: Deployment) -> None:
    connected.bill(payment())
    connected.bill(refund(amount="1"))
    words = json.dumps(connected.tell(), ensure_ascii=False)
    [account] = [row for row in connected.rows("ACCOUNTS_TABLE") if "email" in row]
    for secret in (account["name"], account["email"], account["phone"], account["pbx_key_digest"]):
        assert secret
        assert secret not in words
    assert connected.simulator.crm_token not in words
    assert connected.simulator.partner_token not in words


# The bus


def change(event_id: str, number: int) -> dict[str, Any]:
    key = f"payment#{event_id}"
    return record(
        "PaymentsTable",
        entry("SENDING", key),
        entry("SENT", key, platform_id={"N": "1"}),
        SequenceNumber=str(number),
    )


CHANGES = [change(f"inv-{number}", number) for number in range(25)]


def again(deployment: Deployment, records: list[dict[str, Any]]) -> list[str]:
    answer = deployment.invoke("events", {"Records": records})
    return [failed["itemIdentifier"] for failed in answer["batchItemFailures"]]


def ids(deployment: Deployment) -> list[str]:
    return [event["detail"]["event_id"] for event in deployment.told]


def test_many_are_told_ten_by_ten(deployment: Deployment, memory: Memory) -> None:
    sizes: list[int] = []
    memory.after = lambda operation, asked: (
        sizes.append(len(asked["Entries"])) if operation == "PutEvents" else None
    )
    assert again(deployment, CHANGES) == []
    assert sizes == [10, 10, 5]
    assert ids(deployment) == [f"inv-{number}" for number in range(25)]


def test_what_the_bus_does_not_take_comes_again_from_there(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    bus = boto3.Session().client("events")
    refused = {"inv-13", "inv-17"}
    bus.refuses = lambda it: "ThrottlingException" if _id(it) in refused else ""
    assert again(deployment, CHANGES) == ["13"]
    assert "ThrottlingException" in logged()
    assert len(ids(deployment)) == 18
    bus.refuses = lambda _: ""
    assert again(deployment, CHANGES[13:]) == []
    assert set(ids(deployment)) == {f"inv-{number}" for number in range(25)}


def _id(entry: Any) -> str:
    return str(json.loads(entry["Detail"])["event_id"])


@pytest.mark.parametrize("code", ["MalformedDetail", "InvalidArgument"])
def test_what_no_bus_will_take_holds_nothing_up(deployment: Deployment, code: str) -> None:
    bus = boto3.Session().client("events")
    bus.refuses = lambda it: code if _id(it) == "inv-3" else ""
    assert again(deployment, CHANGES[:6]) == []
    assert len(ids(deployment)) == 5
    [(body, why)] = deployment.dead_letters("EventsDeadLetters")
    assert why == f"payment.sent: {code}"
    assert json.loads(body)["stream"] == CHANGES[3]["eventSourceARN"]


def test_a_bus_that_does_not_answer_has_everything_come_again(
    deployment: Deployment, memory: Memory, logged: Callable[[], str]
) -> None:
    def refuse(operation: str, _asked: Any) -> None:
        if operation == "PutEvents":
            raise ConnectionClosedError(endpoint_url="https://events.invalid")

    memory.before = refuse
    assert again(deployment, CHANGES) == ["0"]
    assert "ConnectionClosedError" in logged()
    memory.before = None
    assert again(deployment, CHANGES) == []


def test_what_cannot_be_read_is_a_dead_letter_without_what_it_says(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    spoiled = record("PaymentsTable", None, {"state": {"S": "SENT"}, "why": {"S": "+49151"}})
    spoiled["dynamodb"]["Keys"] = {"key": {"S": "payment#odd"}}
    foreign = {**CHANGES[1], "eventSourceARN": "arn:aws:dynamodb:r:1:table/other/stream/1"}
    assert again(deployment, [CHANGES[0], spoiled, foreign, {}, CHANGES[2]]) == []
    assert ids(deployment) == ["inv-0", "inv-2"]
    letters = deployment.dead_letters("EventsDeadLetters")
    assert [why for _, why in letters] == [
        "unreadable: KeyError",
        "unreadable: LookupError",
        "unreadable: KeyError",
    ]
    assert json.loads(letters[0][0])["keys"] == {"key": {"S": "payment#odd"}}
    assert "+49151" not in logged() + str(letters)


def test_dead_letters_that_cannot_be_kept_are_no_reason_to_forget(
    deployment: Deployment, memory: Memory
) -> None:
    def refuse(operation: str, _asked: Any) -> None:
        if operation == "SendMessage":
            raise ConnectionClosedError(endpoint_url="https://sqs.invalid")

    memory.before = refuse
    assert again(deployment, [CHANGES[0], {"dynamodb": {"SequenceNumber": "1"}}]) == ["0"]


def test_a_defect_of_ours_is_counted_and_loses_nothing(
    deployment: Deployment, memory: Memory, logged: Callable[[], str]
) -> None:
    def fail(operation: str, _asked: Any) -> None:
        if operation == "PutEvents":
            raise ZeroDivisionError("secret")

    memory.before = fail
    assert again(deployment, CHANGES) == ["0"]
    log = logged()
    assert "HandlerFailed" in log
    assert "secret" not in log
