"""What some PBXes do not tell of a call, and what stands in its place: id, line, and when it rang.

An id is made of what tells one call from another, so that a report that comes again has it again.
One caller makes no two calls within one second, so the reports of that second are of one call of
his, whichever telephones they name; of callers who hide there may be two, so there the telephone
counts. A ringing call has no beginning yet: what a caller does within one half of a minute by the
clock is one call, so he may be shown twice whose telephones ring across the end of it.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.calls import lines
from shared.calls.dialled import digits_of

_ONE_CALL_S = 30


def completed(event: Mapping[str, Any], received_at: datetime) -> dict[str, Any]:
    """The event with an id and a line, and if it rings with a time.

    A PBX that cannot tell a line does not read that we refuse it, and does not send it again: so
    the call waits for somebody who says where it belongs, unless that is known.

    Args:
        event: what a translation made, to be checked; what is missing is not in it at all.
        received_at: when it came.
    """
    if event["type"] == "ringing":
        event = {"at": received_at.astimezone(UTC).isoformat(), **event}
    told = {"call_id": _made(event, received_at), **event}
    is_nowhere = not (told.get("location_id") or told["line"] or told["extension"])
    return {**told, "line": lines.UNTOLD} if is_nowhere else told


def _made(event: Mapping[str, Any], received_at: datetime) -> str:
    who = digits_of(event["phone"]) or event["extension"]
    told = [event["type"], event.get("direction", ""), who, event["line"]]
    if event["type"] == "ringing":
        told.append(str(int(received_at.timestamp()) // _ONE_CALL_S))
    else:
        told.append(event["started_at"])
    return hashlib.sha256("\n".join(told).encode("utf-8", "replace")).hexdigest()[:32]
