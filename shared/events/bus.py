"""The event bus of the stack.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
"""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.clock import stamp
from shared.events.event import VERSION, Event

SOURCE = "altegio-telephony"
MOST_EVENTS = 10
"""Of one request, which may have 256 KB; none of ours has two."""
_HOPELESS = ("InvalidArgument", "MalformedDetail")


class Bus:
    """Tells events."""

    def __init__(self, events: Any, name: str, application_id: int) -> None:
        self._events = events
        self._name = name
        self._application_id = application_id

    def put(self, told: Sequence[Event]) -> list[str]:
        """Tells up to `MOST_EVENTS`; says of each why it was not taken, nothing if it was."""
        try:
            answer = self._events.put_events(Entries=[self._entry(event) for event in told])
        except ClientError as error:
            return [error.response["Error"]["Code"]] * len(told)
        except BotoCoreError as error:
            return [type(error).__name__] * len(told)
        return [entry.get("ErrorCode", "") for entry in answer["Entries"]]

    def _entry(self, event: Event) -> dict[str, Any]:
        detail = {
            "version": VERSION,
            "id": event.id,
            "at": stamp(event.at),
            "application_id": self._application_id,
            **event.told,
        }
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": str(event.kind),
            "Time": event.at,
            "Detail": json.dumps(detail, ensure_ascii=False),
        }


def is_hopeless(why: str) -> bool:
    """Whether the event will never be taken, as it is what is wrong, and not the bus."""
    return why in _HOPELESS
