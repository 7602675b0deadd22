"""A write that meets a transaction on the same item is refused, and botocore does not repeat it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
"""

import random
import time
from collections.abc import Callable

from botocore.exceptions import ClientError

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
