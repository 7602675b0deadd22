"""Makes what was told of a call's end a row: at the door, or off the queue.

From then on nothing is lost. Whether it goes into the history at once is another question: an
account that tells of more than its allowance has rows that are due, which reconcile takes in turn
with those of all others.
"""

from collections.abc import Collection

from shared.altegio.rate_limit import Bounds, Paused
from shared.aws.dynamodb import StaleWrite
from shared.calls import call as rules_of
from shared.calls import phone_numbers, recording_links
from shared.calls.call import CallState, Leg
from shared.calls.event import Finished
from shared.calls.queue import CallWakeUps
from shared.calls.settings import CallPolicy
from shared.calls.table import Calls
from shared.clock import Clock
from shared.telemetry import logger

_TRIES = 5


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
    ) -> None:
        self._calls = calls
        self._wake_ups = wake_ups
        self._of_account = of_account
        self._of_all = of_all
        self._clock = clock
        self._rules = rules
        self._recording_hosts = recording_hosts

    def hear(self, event: Finished, account_id: str, country: str) -> None:
        """Writes the row; wakes it for the history while the account is within its allowance.

        Args:
            event: what was told, of a location of the account.
            account_id: whose call it is.
            country: of numbers that name none.

        Raises:
            StaleWrite: the row is written by others again and again; nothing was stored.
        """
        leg = self._leg(event, country)
        for _ in range(_TRIES):
            key, now = rules_of.key(account_id, event.call_id), self._clock()
            known = self._calls.get(key)
            heard = rules_of.heard(
                known,
                account_id,
                event.call_id,
                leg,
                ended=not event.leg,
                now=now,
                rules=self._rules,
            )
            if heard == known:
                return
            try:
                self._calls.save(heard)
            except StaleWrite:
                continue
            due_at = heard.due_at if heard.state is CallState.WAITING and heard.ended else None
            if due_at is not None and self._allowed(account_id):
                self._wake_ups.wake(key, due_at - now)
            return
        raise StaleWrite(event.call_id)

    def _allowed(self, account_id: str) -> bool:
        try:
            self._of_account.take(account_id)
            self._of_all.take()
        except Paused:
            return False
        return True

    def _leg(self, event: Finished, country: str) -> Leg:
        link = recording_links.fit(event.recording_url, self._recording_hosts)
        if event.recording_url and not link:
            logger.warning("recording link left out", extra={"location_id": event.location_id})
        return Leg(
            location_id=event.location_id,
            answered=event.answered,
            duration_s=round(event.duration_s),
            started_at=event.started_at,
            direction=event.direction,
            phone=phone_numbers.normal(event.phone, country),
            line=phone_numbers.normal(event.line, country) or event.line[:32],
            extension=event.extension,
            link=link,
        )
