"""Makes what was told of a call's end a row: at the door, or off the queue.

From then on nothing is lost. Whether it goes into the history at once is another question: an
account that tells of more than its allowance has rows that are due, which reconcile takes in turn
with those of all others.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace

from shared.altegio.rate_limit import Bounds, Paused
from shared.aws.dynamodb import StaleWrite
from shared.aws.sightings import RECORDING_LEFT_OUT, Sightings
from shared.calls import call as rules_of
from shared.calls import dialled, identity, lines, phone_numbers, recording_links
from shared.calls.call import Call, CallState
from shared.calls.directory import Place
from shared.calls.event import Finished
from shared.calls.identity import Report
from shared.calls.leg import Leg
from shared.calls.phone_numbers import Kind, Number
from shared.calls.queue import CallWakeUps
from shared.calls.settings import CallPolicy
from shared.calls.table import Calls
from shared.clock import Clock
from shared.telemetry import logger

_TRIES = 5
LEFT_WAITING = (
    "line: nobody has entered it, so the call waits until somebody says which location it is"
)
NONE_TOLD = (
    "line: the PBX told none, and no extension, so the call waits until somebody says which"
    " location such calls are of, and has entered a number of that location"
)
_LONGEST_LINE = 32


class TooManyWaiting(Exception):
    """So many calls of the account wait for this line, or for others, that no more are kept."""


class Hearing:
    """The use case of a call that has ended, or a leg of it."""

    def __init__(
        self,
        *,
        calls: Calls,
        wake_ups: CallWakeUps,
        of_account: Bounds,
        of_all: Bounds,
        clock: Clock,
        rules: CallPolicy,
        recording_hosts: Collection[str],
        sightings: Sightings,
    ) -> None:
        self._sightings = sightings
        self._calls = calls
        self._wake_ups = wake_ups
        self._of_account = of_account
        self._of_all = of_all
        self._clock = clock
        self._rules = rules
        self._recording_hosts = recording_hosts

    def hear(self, event: Finished, account_id: str, where: Place, country: str) -> list[str]:
        """Writes the row; wakes it for the history while the account is within its allowance.

        Args:
            event: what was told.
            account_id: whose call it is.
            where: its location, one of the account's; or under what its line is to be entered.
            country: of numbers that name none.

        Returns:
            What of it will be left out, and why.

        Raises:
            StaleWrite: the row is written by others again and again; nothing was stored.
            TooManyWaiting: nothing was stored.
        """
        phone = phone_numbers.read(event.phone, country)
        line = line_of(event.line, country)
        report = _report(event, phone, line)
        for _ in range(_TRIES):
            now = self._clock()
            key, known = self._calls.place(account_id, report)
            place = where.beside(known, leg=event.leg)
            if known is None and place.location_id is None:
                self._check_room(account_id, place.key)
            leg = self._leg(event, phone, line, place)
            call = known or rules_of.ringing(key, account_id, event.call_id, place.location_id, now)
            heard = rules_of.heard(
                identity.joined(call, report),
                _as_read_before(leg, call, report),
                ended=not event.leg,
                now=now,
                rules=self._rules,
                line_key=place.key,
            )
            if heard != known:
                try:
                    self._calls.save(heard)
                except StaleWrite:
                    continue
                self.wake(heard)
            return self._left_out(event, phone, leg, heard)
        raise StaleWrite(event.call_id)

    def _check_room(self, account_id: str, line_key: str) -> None:
        if self._calls.is_full(account_id, line_key):
            raise TooManyWaiting

    def wake(self, heard: Call) -> None:
        """Has a call sent when it is due, while its account is within its allowance."""
        due_at = heard.due_at if heard.state is CallState.WAITING and heard.ended else None
        if due_at is not None and self._allowed(heard.account_id):
            self._wake_ups.wake(heard.key, due_at - self._clock())

    def _allowed(self, account_id: str) -> bool:
        try:
            self._of_account.take(account_id)
            self._of_all.take()
        except Paused:
            return False
        return True

    def _leg(self, event: Finished, phone: Number, line: str, place: Place) -> Leg:
        return Leg(
            location_id=place.location_id,
            answered=event.answered,
            duration_s=round(event.duration_s),
            started_at=event.started_at,
            direction=event.direction,
            phone=_told(phone, event.direction),
            line=line or place.line(event.extension),
            extension=event.extension,
            link=recording_links.fit(event.recording_url, self._recording_hosts),
            written=_written(event.phone, phone, event.direction),
        )

    def _left_out(self, event: Finished, phone: Number, leg: Leg, heard: Call) -> list[str]:
        left_out = list(event.unread)
        if heard.location_id is None:
            left_out.append(NONE_TOLD if event.line == lines.UNTOLD else LEFT_WAITING)
        if is_nobodys(phone, event.direction):
            logger.warning("no number of a country", extra=heard.names)
            left_out.append("phone: no country's number, so the call is saved without it")
        if event.line not in ("", lines.UNTOLD) and not _is_number(leg.line):
            cut = f"at most {_LONGEST_LINE} characters"
            left_out.append(f"line: no number, so it is sent as it was written, {cut}")
        if event.recording_url and not leg.link:
            logger.warning("recording link left out", extra=heard.names)
            whose = str(heard.location_id or heard.account_id)
            why = recording_links.wrong(event.recording_url, self._recording_hosts)
            self._sightings.note(RECORDING_LEFT_OUT, whose, why)
            left_out.append("recording_url: not https, or not on a host of RecordingHosts")
        return left_out


def line_of(written: str, country: str) -> str:
    """A line as the platform is told of it: its number, or else what was written, if anything."""
    if written == lines.UNTOLD:
        return ""
    number = phone_numbers.read(written, country)
    return number.text if number.kind is Kind.E164 else written[:_LONGEST_LINE]


def read_anew(call: Call, country: str, account_id: str | None = None) -> Call:
    """A call that was not told yet, its numbers as they are read by now.

    Whoever told it may have written them as another country does than was chosen then. Of a call
    of another account than this, they stay as they are.
    """
    leg = call.leg
    if leg is None or call.account_id != (account_id or call.account_id):
        return call
    phone, caller, line = leg.phone, call.caller, leg.line
    if leg.written:
        number = phone_numbers.read(leg.written, country)
        phone = _told(number, leg.direction)
        # A leg may have shown a colleague instead.
        if caller in (leg.phone, leg.written, f"?{leg.written}"):
            caller = _caller(number)
    # What stands for a line that was not told is none that was written.
    if line and line != leg.extension:
        is_own = line == call.own_line
        line = line_of((is_own and call.written_line) or line, country)
    own_line = line if leg.line == call.own_line else call.own_line
    return replace(call, leg=replace(leg, phone=phone, line=line), caller=caller, own_line=own_line)


def unread(calls: Iterable[Call]) -> Counter[str]:
    """How many callers, and how many lines, have no number in the country they were read in."""
    legs = [it.leg for it in calls if it.leg]
    callers = sum(it.is_unread for it in legs)
    return +Counter(caller=callers, line=sum(not lines.is_number(it.line) for it in legs))


def _told(phone: Number, direction: str) -> str:
    """What the platform is told of the other party of a call; empty if it cannot be."""
    return "" if is_nobodys(phone, direction) else phone.text


def _written(text: str, phone: Number, direction: str) -> str:
    """What is kept of the other party's number, beside what it was read as."""
    if is_nobodys(phone, direction):
        return phone.text
    if phone.kind is not Kind.E164:
        return ""
    bare = phone_numbers.bare(text)
    names_it = bare.startswith("+") and dialled.digits_of(bare) == phone.text[1:]
    return "" if names_it else bare


def _caller(phone: Number) -> str:
    """As a call's caller is kept: whatever was written instead of a number tells him, too."""
    return f"?{phone.text}" if phone.kind is Kind.UNUSABLE else phone.text


def _is_number(line: str) -> bool:
    return line.removeprefix("+").isdecimal()


def is_nobodys(phone: Number, direction: str) -> bool:
    """Whether the platform cannot be told of the other party of a call by its number.

    A short one is a colleague's in a call among colleagues; outside it is one of many cities'.
    """
    is_short = phone.kind is Kind.INTERNAL and direction != "internal"
    return is_short or phone.kind is Kind.UNUSABLE


def _report(event: Finished, phone: Number, line: str) -> Report:
    """Of a leg, a short number may be a colleague's, and the line another's."""
    digits = dialled.digits_of(event.phone)
    if event.leg:
        caller = phone.text if phone.kind is Kind.E164 else None
        return Report(event.call_id, caller, None, event.started_at, leg=True, digits=digits)
    return Report(
        event.call_id,
        _caller(phone),
        line or None,
        event.started_at,
        digits=digits,
        written_line=event.line,
    )


def _as_read_before(leg: Leg, call: Call, report: Report) -> Leg:
    """With the numbers that the platform may have been told, by which it is looked for."""
    before = call.leg
    if before is None or not identity.was_read_otherwise(call, report):
        return leg
    return replace(leg, phone=before.phone, line=before.line, written=before.written)
