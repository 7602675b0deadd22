"""The last resort of every handler: what nobody has foreseen is answered, counted and logged once.

The message of an exception may quote what was being worked on, a token or a phone, so of each only
its kind and its place are logged.
"""

from collections.abc import Callable, Sequence
from pathlib import PurePath
from traceback import walk_tb
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.telemetry import count, logger

type Noted = Callable[[str, str], None]
"""Notes what failed, for the operator: a row's key if it cannot be read, else nothing; and why."""

_MOST_PLACES = 12
# The maxReceiveCount of our queues: what is given back then comes no more, but is a dead letter.
_LAST = 1000


def http(
    event: dict[str, Any],
    answer: Callable[[dict[str, Any]], dict[str, Any]],
    failed: dict[str, Any],
    noted: Noted | None = None,
) -> dict[str, Any]:
    """The answer to a request; `failed`, which says nothing of why, if there is none."""
    try:
        return answer(event)
    except Exception as error:  # noqa: BLE001 - counted and logged, and the answer is a 500
        _tell(error, noted)
        return failed


def records(
    event: dict[str, Any],
    take: Callable[[str, str], None],
    *expected: type[Exception],
    noted: Noted | None = None,
) -> dict[str, list[dict[str, str]]]:
    """Takes each record of an SQS event; answers which of them are to come again.

    Only what could not be made durable comes again, and what could not be taken for a reason that
    nobody knows: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

    Args:
        event: as the queue brings it.
        take: takes the body and the id of one message.
        expected: what it may raise beside AWS's errors that is no fault of the program.
        noted: is told of what could not be taken, but for what is `expected`.
    """
    known: tuple[type[Exception], ...] = (BotoCoreError, ClientError, *expected)
    failed = []
    for record in event["Records"]:
        try:
            take(record["body"], record["messageId"])
        except known as error:
            told = {"message_id": record["messageId"], "error": _kind(error)}
            logger.error("not durable, comes again", extra=told)
            if is_aws(error):
                _note(noted, "", told["error"])
            _given_back(error, record)
            failed.append({"itemIdentifier": record["messageId"]})
        except Exception as error:  # noqa: BLE001 - counted and logged, and the message comes again
            _tell(error, noted, message_id=record["messageId"])
            _given_back(error, record)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def stream(event: dict[str, Any], take: Callable[[Sequence[Any]], int]) -> dict[str, Any]:
    """Takes the records of a table's stream; answers from which of them on they are to come again.

    They keep their order, so whatever fails holds up what comes after it.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html

    Args:
        event: as the stream brings it.
        take: takes the records, and returns how many it is done with, from the first on.
    """
    records = event["Records"]
    try:
        done = take(records)
    except (BotoCoreError, ClientError) as error:
        logger.error("not told, comes again", extra={"error": _kind(error)})
        count("NotDurable")
        done = 0
    except Exception as error:  # noqa: BLE001 - counted and logged, and the records come again
        _tell(error)
        done = 0
    failed = [record["dynamodb"]["SequenceNumber"] for record in records[done : done + 1]]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def of(error: Exception) -> dict[str, Any]:
    """What may be logged of an exception: its kind, its place, and the key of a row it names."""
    key = getattr(error, "key", None)
    row = {"row": key} if isinstance(key, str) else {}
    return {"error": _kind(error), "places": _places(error), **row}


def is_aws(error: Exception) -> bool:
    """Whether AWS did not do what it was asked: it may, the next time."""
    return isinstance(error, (BotoCoreError, ClientError))


def _given_back(error: Exception, record: dict[str, Any]) -> None:
    if is_aws(error):
        count("NotDurable")
    if int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)) >= _LAST:
        # It is SQS that moves it, which tells nobody.
        count("DeadLetter")


def _tell(error: Exception, noted: Noted | None = None, **about: str) -> None:
    count("HandlerFailed")
    told = of(error)
    logger.error("handler failed", extra={**told, **about})
    _note(noted, told.get("row", ""), getattr(error, "why", told["error"]))


def _note(noted: Noted | None, row: str, why: str) -> None:
    if noted is None:
        return
    try:
        noted(row, why)
    except Exception as failed:  # noqa: BLE001 - whatever fails everywhere may fail here, too
        logger.error("not noted", extra=of(failed))


def _kind(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return type(error).__name__
    # Which of them it is, AWS's code says.
    return f"{error.response.get('Error', {}).get('Code')} of {error.operation_name}"


def _places(error: Exception) -> list[str]:
    """Where it was raised, and by whom that was called, as a traceback has it."""
    return [
        f"{PurePath(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ][-_MOST_PLACES:]
