"""EventBridge in memory: keeps what is told.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from collections.abc import Callable
from typing import Any

from tests.memory.calls import Asked, Calls, Client, Refused, operation

_MOST_ENTRIES = 10
_MOST_BYTES = 256 * 1024


class Buses(Client):
    """The client for "events"; `refuses` says what becomes of an entry, empty if it is taken."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.told: list[Any] = []
        self.refuses: Callable[[Any], str] = lambda _entry: ""

    @operation("PutEvents", "Entries")
    def put_events(self, asked: Asked) -> Any:
        entries = asked["Entries"]
        size = sum(len(str(value).encode()) for entry in entries for value in entry.values())
        if not 1 <= len(entries) <= _MOST_ENTRIES or size > _MOST_BYTES:
            raise Refused("ValidationException", "1 to 10 entries, of 256 KB together")
        answers: list[dict[str, str]] = []
        for entry in entries:
            if code := self.refuses(entry):
                answers.append({"ErrorCode": code, "ErrorMessage": "not today"})
            else:
                self.told.append(entry)
                answers.append({"EventId": f"event-{len(self.told)}"})
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}
