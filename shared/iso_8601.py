"""Times as other systems write them: every form of ISO 8601 and RFC 3339 that says its offset.

`datetime.fromisoformat` knows neither a space before the offset (PostgreSQL, Ruby), a lower-case
`z`, a day of the year, 24:00, a leap second nor a zone's name behind the offset (Java, JavaScript's
Temporal), and takes a time without an offset. The offset counts, and not the name behind it.

Sources: https://www.rfc-editor.org/rfc/rfc3339#section-5.6, https://www.rfc-editor.org/rfc/rfc9557,
https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-DATETIME-OUTPUT
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

EXAMPLE = "2026-11-01T10:10:00+03:00"

_FORM = re.compile(
    # 2026-11-01, 20261101, 2026-W44-7, 2026W447, 2026-305, 2026305
    r"(?P<year>[0-9]{4})-?"
    r"(?:(?P<month>[0-9]{2})-?(?P<day>[0-9]{2})|W(?P<week>[0-9]{2})-?(?P<weekday>[1-7])"
    r"|(?P<ordinal>[0-9]{3}))"
    # 10, 10:10, 1010, 10:10:00, 101000; a fraction is of the last of them
    r"[Tt ](?P<hour>[0-9]{2})(?::?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2}))?)?"
    r"(?:[.,](?P<fraction>[0-9]{1,30}))?"
    # Z, +03, +0300, +03:00, and U+2212, the minus that ISO 8601 prefers
    r" ?(?:[Zz]|UTC|GMT|(?P<sign>[+\-\u2212])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)"
    # [Europe/Moscow], [u-ca=gregory]; what begins with `!` would have to be understood
    r"(?:\[[A-Za-z0-9_./+\-=]{1,60}\]){0,4}"
)
_LAST_MINUTE, _LAST_SECOND = 59, 60


def read(text: str) -> datetime:
    """The instant that a text names, in UTC; what is finer than a microsecond is cut off.

    The 60th second of a minute is the first one of the next, and 24:00 the next day's 00:00.

    Raises:
        ValueError: it has another form, no offset, or names a time that there is not.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("no time with an offset")
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    unit_s = 1 if found["second"] else 60 if found["minute"] else 3600
    fraction = found["fraction"] or "0"
    rest_us = unit_s * 1_000_000 * int(fraction) // 10 ** len(fraction)
    since_midnight = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=rest_us)
    if minute > _LAST_MINUTE or second > _LAST_SECOND or since_midnight > timedelta(days=1):
        raise ValueError("no time of day")
    try:
        local = datetime.combine(_day(found), datetime.min.time()) + since_midnight
        return local.replace(tzinfo=_offset(found)).astimezone(UTC)
    except OverflowError:
        raise ValueError("no year that there is") from None


def _day(found: re.Match[str]) -> date:
    year = int(found["year"])
    if found["month"]:
        return date(year, int(found["month"]), int(found["day"]))
    if found["week"]:
        return date.fromisocalendar(year, int(found["week"]), int(found["weekday"]))
    day = date(year, 1, 1) + timedelta(days=int(found["ordinal"]) - 1)
    if day.year != year:
        raise ValueError("no day of that year")
    return day


def _offset(found: re.Match[str]) -> timezone:
    if not found["sign"]:
        return UTC
    minutes = int(found["minutes"] or 0)
    if minutes > _LAST_MINUTE:
        raise ValueError("no offset")
    size = timedelta(hours=int(found["hours"]), minutes=minutes)
    return timezone(size if found["sign"] == "+" else -size)
