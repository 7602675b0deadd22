"""What the owner should know of his telephone system, from what its calls were answered: pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.aws.sightings import TOO_LATE, Sighting
from shared.calls.refused_keys import RefusedKey
from shared.clock import instant

_LATELY = timedelta(days=1)


class PbxNote(StrEnum):
    """Of an account's telephone system."""

    NO_KEY = "no key"
    # It has a key, and nothing has ever come with it.
    UNUSED = "unused"
    # Something came with a key that is none of its; since then no call with the right one.
    REFUSED = "refused"
    # Something came with a key that was replaced, which ends soon.
    REPLACED = "replaced"
    # Something that rang was told so late that it could not be shown.
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Noted:
    """One note, and the time that it names."""

    note: PbxNote
    at: datetime | None = None


def noted(
    *,
    has_key: bool,
    last_call_at: datetime | None,
    rang: bool,
    refused: RefusedKey | None,
    replaced: Sighting | None,
    dropped: Sighting | None,
    now: datetime,
) -> tuple[Noted, ...]:
    """The notes of an account, in the order in which they are told.

    Args:
        has_key: whether a key was ever made.
        last_call_at: the start of the last call, by the telephone system's own clock.
        rang: whether anything rang in the last hour, and was perhaps shown.
        refused: when lately another key than the account's was used.
        replaced: the last time that one was used which it has replaced; `why` is that one's end.
        dropped: the last pop-up that was not shown.
        now: the present moment.
    """
    if not has_key:
        return (Noted(PbxNote.NO_KEY),)
    notes = []
    if refused and (last_call_at is None or last_call_at < refused.at):
        notes.append(Noted(PbxNote.REFUSED, refused.at))
    elif last_call_at is None and not rang and replaced is None and dropped is None:
        notes.append(Noted(PbxNote.UNUSED))
    # A call that began since then came with the new one.
    is_used = replaced and (last_call_at is None or last_call_at < replaced.at)
    if replaced and is_used and instant(replaced.why) > now:
        notes.append(Noted(PbxNote.REPLACED, instant(replaced.why)))
    if dropped and dropped.why.startswith(TOO_LATE) and dropped.at > now - _LATELY:
        notes.append(Noted(PbxNote.LATE, dropped.at))
    return tuple(notes)
