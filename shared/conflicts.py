"""A write that meets a transaction on the same item is refused, and botocore does not repeat it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TRIES = 6


def pause(tries: int) -> None:
    """Waits for the other transaction, which takes milliseconds; longer each time."""
    # Spreads two workers; nothing secret depends on it.
    time.sleep(random.uniform(0.01, 0.05) * 2**tries)  # noqa: S311


def retried[Answer](write: Callable[[], Answer]) -> Answer:
    """Writes, again and again while another transaction is at the item.

    Raises:
        ClientError: whatever else refuses the write, or the conflict if it does not end.
    """
    for tries in range(TRIES - 1):
        try:
            return write()
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionConflictException":
                raise
            pause(tries)
    return write()


def transacted(dynamodb: "DynamoDBClient", items: list[Any]) -> list[str]:
    """Writes all or nothing; returns why not, a code per item, empty when written.

    Conflicts with another transaction on the same item are tried again: they pass within
    milliseconds.

    Raises:
        ClientError: whatever else refuses it, or the conflict if it does not end.
    """
    for tries in range(TRIES):
        try:
            dynamodb.transact_write_items(TransactItems=items)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = [
                reason.get("Code", "None")
                for reason in error.response.get("CancellationReasons", ())
            ]
            if "ConditionalCheckFailed" in reasons:
                return reasons
            if "TransactionConflict" not in reasons or tries == TRIES - 1:
                raise
            pause(tries)
        else:
            return []
    return []
