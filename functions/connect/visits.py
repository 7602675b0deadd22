"""What of a visit the page shows, beside what the visit says itself."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared import clock, countries
from shared.calls.lines import UNTOLD, Listed
from shared.chains.switching import TelephonyStanding
from shared.connect.view import LocationStanding, Standing, Visit, covered_until
from shared.connections.connection import State

INSTALLED = {Standing.CONNECTED, Standing.FROZEN}
_WILL_BE_HIS = INSTALLED | {Standing.READY, Standing.IN_PROGRESS, Standing.FAILED}
_MUTE = (TelephonyStanding.NONE, TelephonyStanding.STOPPED, TelephonyStanding.LATE)
# As many lines as one looks through.
_MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines as they are shown: `unknown` with how many calls wait, and since when."""

    entries: tuple[Listed, ...]
    unknown: tuple[tuple[str, int, datetime], ...]
    more: int
    choices: tuple[int, ...]
    untold: str = UNTOLD


def is_under_way(visit: Visit) -> bool:
    """Whether nothing is missing but time."""
    standings = {location.standing for location in visit.locations}
    return Standing.IN_PROGRESS in standings <= {Standing.IN_PROGRESS, *INSTALLED}


def is_mute(visit: Visit) -> bool:
    """Whether a location of the link is connected and no call of it gets to Altegio."""
    return any(location.telephony in _MUTE for location in visit.locations)


def of_his(visit: Visit) -> int:
    """A location to write into an example: one that his telephone system may name, if any is."""
    own = [it.location_id for it in visit.locations if it.standing in INSTALLED]
    own += visit.belongings.choices if visit.belongings else ()
    return (own or [visit.locations[0].location_id])[0]


def known(visit: Visit) -> Visit:
    """The same with those locations only that something is known of, as nothing can be asked."""
    told = (it for it in visit.locations if it.standing is not Standing.NOT_ASKED)
    return replace(visit, locations=tuple(told))


def phone(visit: Visit | None) -> str:
    """As the owner has typed it; at first as Altegio has it, with its country's code."""
    typed = visit.owner.phone if visit else ""
    is_altegios = visit is not None and not visit.wrong and typed.isdecimal()
    return f"+{typed}" if is_altegios and countries.of_phone(typed) else typed


def lines(visit: Visit | None) -> Lines | None:
    """The account's lines, and those that calls wait for, for whoever may see them."""
    belongings = visit.belongings if visit and visit.ticket else None
    if belongings is None or belongings.lines is None:
        return None
    entries, unknown = belongings.lines.entries, belongings.lines.unknown
    return Lines(
        entries[:_MOST_LINES],
        tuple((it.key, it.calls, it.last_at) for it in unknown[:_MOST_LINES]),
        more=len(entries[_MOST_LINES:]) + len(unknown[_MOST_LINES:]),
        choices=belongings.choices,
    )


def needs_lines(visit: Visit | None) -> bool:
    """Whether calls will wait that do not tell their location, as it is not the only one."""
    if visit is None:
        return False
    asked = {it.location_id for it in visit.locations if it.standing in _WILL_BE_HIS}
    own = asked | {*(visit.belongings.choices if visit.belongings else ())}
    entered = {*(visit.account.lines.values() if visit.account else ())}
    return len(own) > 1 and not own <= entered


def others(visit: Visit | None) -> list[LocationStanding]:
    """The account's other locations, as our own table has them."""
    belongings, now = visit.belongings if visit else None, clock.now()
    return [
        LocationStanding(
            connection.location_id,
            Standing.FROZEN if connection.state is State.FROZEN else Standing.CONNECTED,
            telephony,
            covered_until(connection, now),
            connection.name,
        )
        for connection, telephony in (belongings.locations if belongings else ())
    ]
