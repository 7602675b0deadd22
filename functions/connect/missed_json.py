"""Who was missed and who called back, as the portal's server is told."""

from datetime import datetime
from typing import Any

from shared.calls import call_backs, missed
from shared.calls.call_backs import Shares
from shared.calls.missed import CalledBack, Episode
from shared.calls.missed_calls import Found
from shared.clock import stamp


def told(location_id: int, found: Found, now: datetime) -> dict[str, Any]:
    """The list and the numbers; docs/portal.md says what each means."""
    hidden = found.missed.hidden
    counted = call_backs.numbers(found.missed, now, found.zone)
    return {
        "location_id": location_id,
        "since": stamp(found.since),
        "complete": not found.is_cut,
        "open": [_episode(each) for each in found.missed.open],
        "ended": [{**_episode(each), **_end(each)} for each in found.missed.ended],
        "hidden": {
            "times": len(hidden),
            "last": stamp(missed.began(hidden[0])) if hidden else None,
        },
        "numbers": {
            **_shares(counted.all),
            "lines": [{"line": line, **_shares(it)} for line, it in counted.lines.items()],
            "time_zone": found.zone.key,
            "hours": [
                {"weekday": day, "hour": hour, **_shares(it)}
                for (day, hour), it in counted.hours.items()
            ],
            "extensions": [
                {"extension": extension, "within_hour": hour, "within_day": day}
                for extension, (hour, day) in counted.extensions.items()
            ],
        },
    }


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "phone": episode.phone,
        "times": len(episode.misses),
        "since": stamp(episode.since),
        "last": stamp(episode.last),
        "lines": [*episode.lines],
    }


def _end(episode: Episode) -> dict[str, Any]:
    end = episode.end
    if end is None:
        return {}
    if isinstance(end, CalledBack):
        by = "his call" if end.rang_again else "our call"
        return {"ended_at": stamp(end.at), "by": by, "extension": end.extension}
    return {"ended_at": stamp(end.at), "by": "press", "name": end.by}


def _shares(shares: Shares) -> dict[str, Any]:
    return {
        f"within_{name}": {
            "missed": it.began,
            "called_back": it.called_back,
            "pressed": it.pressed,
        }
        for name, it in (("hour", shares.hour), ("day", shares.day))
    }
