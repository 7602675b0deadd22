"""The telephone system of the telephony company's customer: reports calls with its key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

CALLER, LINE, EXTENSION = "+13155550175", "+13155550176", "21"


class Pbx:
    """Rings and hangs up for one customer.

    Args:
        api: Address of the HTTP API.
        key: As the owner found it on the page.
    """

    def __init__(self, api: str, key: str) -> None:
        self._address = f"{api}/calls"
        self._http = httpx.Client(auth=("pbx", key), timeout=30, trust_env=False)

    def ring(self, location_id: int, call_id: str, *, ago_s: float = 0) -> tuple[int, str]:
        """Somebody has called; the answer's status, and what it says became of the pop-up."""
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        event = {"type": "ringing", **_told(location_id, call_id), "at": at.isoformat()}
        answer = self._http.post(self._address, json=event)
        return answer.status_code, str(answer.json().get("pop_up"))

    def end(
        self,
        location_id: int,
        call_id: str,
        *,
        seconds: int,
        link: str = "",
        ago_s: float = 5,
        outgoing: bool = False,
    ) -> int:
        """A call is over, since `ago_s`, of no seconds if nobody answered; the answer's status."""
        event: dict[str, Any] = {
            "type": "finished",
            **_told(location_id, call_id),
            "direction": "outgoing" if outgoing else "incoming",
            "started_at": (datetime.now(UTC) - timedelta(seconds=seconds + ago_s)).isoformat(),
            "duration_s": seconds,
            "answered": seconds > 0,
            "recording_url": link,
        }
        return self._http.post(self._address, json=event).status_code


def _told(location_id: int, call_id: str) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "location_id": location_id,
        "phone": CALLER,
        "line": LINE,
        "extension": EXTENSION,
    }
