"""Which reports are of one call, and under which key it is kept: pure rules of (call, report).

A PBX's own id is not enough. It counts anew after a restart, and two switches of one account count
alike. So a call is known by its account, its id, who called, which line, and when: what was told of
another caller or line, or of a time more than an hour away, is another call. A leg is of the call
that has its id and began some hours before it at most, as no report says how long a caller waited.
A transfer shows the colleague's line and number, so of a leg neither tells a call from others; only
where it may be of several, it is the one's whose caller it shows. Numbers are compared as they were
read and as they were written: the owner may change the country that they are read in.

The first call of an id has a key of account and id, each further one also its date. As rows are
deleted after some days, the first may be gone while further ones are there: so those of the date
are looked for in any case. Where a report was taken in once it is taken in again: the nearest call
is chosen, and no call changes its caller.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from shared.calls.call import LONGEST_CALL, Call, CallState

# Two whole reports of one id that are further apart are of two calls.
_REUSED_AFTER = timedelta(hours=1)
# Two reports of one call are no further apart, whichever came first.
_FARTHEST = LONGEST_CALL + _REUSED_AFTER
# A PBX that gives more calls of a day one id has none; then each report is a call of its own.
MOST_OF_ONE_ID = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What tells one call from another, of one report.

    Attributes:
        call_id: the PBX's own.
        caller: the outside party's number in its normal form, empty if it hides; None if the report
            does not tell.
        own_line: the location's own line; None if the report does not tell.
        at: when it began.
        leg: whether it is of a leg only.
        digits: of the outside party's number as it was written; empty if there are none.
        written_line: the line as it was written; empty if the report does not tell.
    """

    call_id: str
    caller: str | None
    own_line: str | None
    at: datetime
    leg: bool = False
    digits: str = ""
    written_line: str = ""


def place(
    get: Callable[[str], Call | None], account_id: str, report: Report
) -> tuple[str, Call | None]:
    """The key of the call that a report is of, and the call, if there is one already.

    Args:
        get: reads the call under a key.
        account_id: whose call it is.
        report: of the call.
    """
    known: list[Call] = []
    free: dict[date | None, str] = {}
    today = _day(report.at)
    # If another report has made it, its key may have the day before or after.
    for day in (None, *sorted({_day(report.at - _FARTHEST), today, _day(report.at + _FARTHEST)})):
        for each in _keys(account_id, report, day):
            found = get(each)
            if found is None:
                free[day] = each
                break
            if is_surely(found, report):
                return each, found
            known.append(found)
    if found := nearest(known, report):
        return found.key, found
    return free.get(None) or free[today], None


def _keys(account_id: str, report: Report, day: date | None) -> Iterator[str]:
    """Of the first call of an id, or of its further ones of a day."""
    if day is None:
        yield key(account_id, report.call_id)
        return
    for number in range(1, MOST_OF_ONE_ID + 1):
        yield key(account_id, report.call_id, (day, number))
    yield key_alone(account_id, report)


def key(account_id: str, call_id: str, further: tuple[date, int] | None = None) -> str:
    """The key of an account's call: the first of its id, or a further one by day and number.

    What follows the account is the call's id for the platform, so that no two calls of an account
    have one. An id that looks as if it were of a further call ends in another mark.
    """
    if further is None:
        return f"{account_id}#{call_id}~" if "~" in call_id else f"{account_id}#{call_id}"
    day, number = further
    return f"{account_id}#{call_id}~{day.isoformat()}" + (f".{number}" if number > 1 else "")


def key_alone(account_id: str, report: Report) -> str:
    """The key of one of too many calls of one id and day: of its own report."""
    told = f"{report.caller}|{report.own_line}|{report.at.isoformat()}|{report.leg}"
    return f"{account_id}#{report.call_id}~{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def nearest(known: Iterable[Call], report: Report) -> Call | None:
    """The call that a report is of, of those that have its id; None if it is another one's."""
    same = [call for call in known if _same(call, report)]
    return min(
        same,
        key=lambda call: (_is_a_strangers(call, report), _apart(call, report), call.key),
        default=None,
    )


def is_surely(call: Call, report: Report) -> bool:
    """Whether no other call of the id can be nearer, as one caller's are an hour apart."""
    is_known = None not in (call.caller, report.caller) and not _is_a_strangers(call, report)
    return is_known and _same(call, report) and 2 * _apart(call, report) <= _REUSED_AFTER


def joined(call: Call, report: Report) -> Call:
    """The call, with what a report of it tells of who it is."""
    first_at = call.first_at
    if first_at is None or not (report.leg or call.ended):
        first_at = report.at
    told = replace(call, first_at=first_at)
    if call.caller is None and not report.leg:
        told = replace(told, caller=report.caller, digits=report.digits)
    if call.own_line is None:
        told = replace(told, own_line=report.own_line, written_line=report.written_line)
    return told


def was_read_otherwise(call: Call, report: Report) -> bool:
    """Whether a number of the report was told of the call before, and read as another one."""
    caller = _are_written(call.digits, report.digits) and call.caller != report.caller
    line = _are_written(call.written_line, report.written_line)
    return caller or (line and call.own_line != report.own_line)


def _same(call: Call, report: Report) -> bool:
    if report.call_id != call.call_id:
        return False
    if _is_a_strangers(call, report) and not report.leg:
        return False
    if _is_another_line(call, report):
        return False
    late = report.at - _beginning(call)
    before, after = _within(call, report)
    return -before <= late <= after


def _is_a_strangers(call: Call, report: Report) -> bool:
    if None in (call.caller, report.caller) or call.caller == report.caller:
        return False
    return not _are_written(call.digits, report.digits)


def _is_another_line(call: Call, report: Report) -> bool:
    if None in (call.own_line, report.own_line) or call.own_line == report.own_line:
        return False
    return not _are_written(call.written_line, report.written_line)


def _are_written(before: str, now: str) -> bool:
    return before == now != ""


def _within(call: Call, report: Report) -> tuple[timedelta, timedelta]:
    """How long before, and how long after the call's beginning a report's may be."""
    if report.leg and _only_legs(call):
        return LONGEST_CALL, LONGEST_CALL
    if report.leg:
        return _REUSED_AFTER, LONGEST_CALL
    # As long as only legs were told, nobody knows when it began.
    return LONGEST_CALL if _only_legs(call) else _REUSED_AFTER, _REUSED_AFTER


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _only_legs(call: Call) -> bool:
    return call.state is not CallState.RINGING and not call.ended


def _beginning(call: Call) -> datetime:
    return call.first_at or call.received_at


def _apart(call: Call, report: Report) -> timedelta:
    return abs(report.at - _beginning(call))
