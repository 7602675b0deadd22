"""AWS is slow, out of order or refuses: schedules that once lost something; each stays mended."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError

from shared.payments.entry import EntryState
from tests.deployment import Deployment, counted, payment

type Call = Callable[[Any, str, Any], Any]


@pytest.fixture
def deployment(on_moto: Deployment) -> Deployment:
    return on_moto


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Call, Any, str, Any], Any]], None]:
    """Puts something between the functions and AWS."""
    original: Call = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs

    def between(instead: Callable[[Call, Any, str, Any], Any]) -> None:
        monkeypatch.setattr(
            BaseClient,
            "_make_api_call",
            lambda client, operation, given: instead(original, client, operation, given),
        )

    return between


CONFLICT = {"Error": {"Code": "TransactionConflictException"}}


def refusing(aws: Callable[..., None], refused: str, answer: Any, *, times: int) -> list[str]:
    """AWS refuses so many of these operations, and fills the list as it does."""
    done: list[str] = []

    def refuse(call: Call, client: Any, operation: str, given: Any) -> Any:
        if operation == refused and len(done) < times:
            done.append(operation)
            raise ClientError(answer, operation)
        return call(client, operation, given)

    aws(refuse)
    return done


def test_a_token_that_cannot_be_read_sends_nothing_and_loses_nothing(
    connected: Deployment, aws: Callable[..., None]
) -> None:
    connected.restart()
    down = True

    def outage(call: Call, client: Any, operation: str, given: Any) -> Any:
        if down and operation == "GetParameter":
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, operation)
        return call(client, operation, given)

    aws(outage)
    assert connected.bill(payment()) == []
    assert connected.entry("payment#inv-1").state is EntryState.PENDING
    down = False
    connected.let_time_pass(3)
    assert connected.entry("payment#inv-1").state is EntryState.SENT


def test_a_webhook_that_meets_a_payment_is_stored(
    connected: Deployment, aws: Callable[..., None]
) -> None:
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    canceled = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    refused = refusing(aws, "TransactWriteItems", canceled, times=3)
    assert connected.webhook(connected.event(4564)) == 200
    assert connected.connection(4564).hint == "uninstall"
    assert len(refused) == 3


def test_a_payment_told_again_while_it_is_recorded_is_answered(
    connected: Deployment, aws: Callable[..., None]
) -> None:
    event = connected.hosted(4564)
    refused = refusing(aws, "PutItem", CONFLICT, times=2)
    assert connected.webhook(event) == 200
    assert (
        connected.entry(f"payment#hosted-{event['payment_id']}").state
        is EntryState.REPORTED_BY_PLATFORM
    )
    assert len(refused) == 2


def test_an_id_that_cannot_be_written_stands_in_the_log_and_is_found_again(
    connected: Deployment, aws: Callable[..., None], logged: Callable[[], str]
) -> None:
    transactions, down = 0, True

    def outage(call: Call, client: Any, operation: str, given: Any) -> Any:
        nonlocal transactions
        if operation == "TransactWriteItems":
            transactions += 1
            if down and transactions > 1:
                raise ReadTimeoutError(endpoint_url="dynamodb")
        return call(client, operation, given)

    aws(outage)
    assert connected.bill(payment()) != []
    [paid] = connected.simulator.payments(4564)
    assert f'"platform_id":{paid.id}' in logged()
    down = False
    connected.let_time_pass(30)
    assert connected.entry("payment#inv-1").platform_id == paid.id


def test_a_lost_answer_of_the_table_swallows_no_alarm(
    connected: Deployment, aws: Callable[..., None], logged: Callable[[], str]
) -> None:
    """The write is made, its answer is lost, and botocore makes it once more."""

    def twice(call: Call, client: Any, operation: str, given: Any) -> Any:
        if operation == "PutItem":
            call(client, operation, given)
        return call(client, operation, given)

    aws(twice)
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN
    assert "PaymentUnknown" in counted(logged())


def test_what_was_surely_not_taken_is_written_though_a_transaction_is_at_its_row(
    connected: Deployment, aws: Callable[..., None]
) -> None:
    """A second delivery of the message tries to claim it, at the moment of the answer."""
    connected.simulator.fault("payment", "status", status=429)
    refused = refusing(aws, "PutItem", CONFLICT, times=2)
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.PENDING
    assert len(refused) == 2


def test_an_index_of_several_pages_is_read_to_its_end(
    connected: Deployment, aws: Callable[..., None]
) -> None:
    """UNKNOWN comes last in it, so what is overlooked first is what is looked for."""
    for number in range(3):
        connected.bill(payment(f"known-{number}", amount="1.00"))
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())

    def page(call: Call, client: Any, operation: str, given: Any) -> Any:
        if operation == "Query" and given["IndexName"] == "location":
            given = {**given, "Limit": 2}
        return call(client, operation, given)

    aws(page)
    connected.let_time_pass(16)
    assert connected.entry("payment#inv-1").state is EntryState.SENT


def test_an_index_that_lags_is_waited_for(connected: Deployment, aws: Callable[..., None]) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    behind = True

    def lag(call: Call, client: Any, operation: str, given: Any) -> Any:
        answer = call(client, operation, given)
        if behind and operation == "Query" and given["IndexName"] == "location":
            answer["Items"] = []
        return answer

    aws(lag)
    connected.let_time_pass(16)
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN
    behind = False
    connected.let_time_pass(2)
    assert connected.entry("payment#inv-1").state is EntryState.SENT
