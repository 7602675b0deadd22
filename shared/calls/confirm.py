"""Compares our calls with the platform's list of them: fills holes, and proves CRM tokens.

That a call was accepted proves nothing; that it is in its location's list proves that it was saved,
and that the location's CRM token is its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

from shared.altegio.client import NoAnswer, Refused, Unreachable
from shared.altegio.history import ListedCall, UnreadCall
from shared.altegio.telephony import CALLS_PER_PAGE, Telephony
from shared.altegio.tokens import UserToken
from shared.aws.dynamodb import StaleWrite
from shared.aws.sightings import (
    CALL_LIST_REFUSED,
    CALL_UNLISTED,
    TELEPHONY_STOPPED,
    Sightings,
)
from shared.calls import matching, search
from shared.calls.call import LOOKED_FOR, SENT_IN_VAIN, Call, CallState
from shared.calls.queue import CallWakeUps
from shared.calls.settings import CallPolicy
from shared.calls.table import Calls
from shared.chains.table import Chains
from shared.clock import Clock
from shared.connections.connection import Hint
from shared.connections.crm_token import CrmTokenState
from shared.connections.table import Connections
from shared.telemetry import count, logger

_TRIES = 5
# More than anybody calls in days; and what is not on these pages is not looked for.
_MOST_PAGES = 20
# By so much others may have begun before the one that a look is for.
_NEAR = timedelta(hours=1)
_UNDECIDED = (CrmTokenState.UNPROVEN, CrmTokenState.UNCHECKED)


class ConfirmCalls:
    """The use case of the platform's list of calls."""

    def __init__(
        self,
        *,
        calls: Calls,
        connections: Connections,
        chains: Chains,
        voip: Telephony,
        user_token: UserToken,
        wake_ups: CallWakeUps,
        sightings: Sightings,
        clock: Clock,
        rules: CallPolicy,
    ) -> None:
        self._calls = calls
        self._connections = connections
        self._chains = chains
        self._voip = voip
        self._user_token = user_token
        self._wake_ups = wake_ups
        self._sightings = sightings
        self._clock = clock
        self._rules = rules

    def recent(self, location_id: int) -> list[Call]:
        """All of a location that may matter yet."""
        since = self._clock() - search.longest_ago(self._rules)
        return list(self._calls.of_location(location_id, since))

    def beside(self, call: Call, location_id: int) -> list[Call]:
        """Those of its location that may be on their way while its token is not proven.

        What no list can show proves no token: where nobody shows his number, each call would read
        those of a fortnight. Those that began within the last hour are enough for it.
        """
        now = self._clock()
        if search.cannot_be_found(call, now, self._rules):
            return list(self._calls.of_location(location_id, now - _NEAR))
        return self.recent(location_id)

    def look(self, location_id: int, key: str = "") -> None:
        """Looks for calls of a location whose look is due, with one reading of the list.

        Args:
            location_id: the location.
            key: of one of them. Calls that began long before it are not read, so that a look costs
                the same however many there are; each is due, and has a look of its own.
        """
        now, recent = self._clock(), self._near(location_id, key)
        due = [
            call
            for call in recent
            if call.state in LOOKED_FOR and call.due_at is not None and call.due_at <= now
        ]
        if not due:
            return
        try:
            rows, unread = self._listed(location_id, due)
        except (Refused, Unreachable) as error:
            self._not_told(location_id, due, error)
            return
        owned = {call.platform_id for call in recent if call.platform_id is not None}
        sought = {call.key: call for call in recent if call.state in LOOKED_FOR}
        entries = {key: call.entry for key, call in sought.items()}
        found = matching.found(entries, rows, owned)
        seen = [call for call in recent if call.state is CallState.CONFIRMED or call.key in found]
        for name, row_id in found.items():
            self._store(search.confirmed(sought[name], row_id))
        absent = [call for call in due if call.key not in found]
        hidden = [call for call in absent if matching.is_hidden(call.entry, unread)]
        missing = [call for call in absent if call not in hidden]
        routes = {call.route for call in seen}
        if any(self._is_lost(call) and call.route not in routes for call in missing):
            # Any other of days that came the same way tells a hole from a line without a route.
            others = self.recent(location_id)
            routes |= {call.route for call in others if call.state is CallState.CONFIRMED}
        for call in missing:
            route_seen = call.route in routes
            after = search.not_seen(call, now, self._rules, route_seen=route_seen)
            self._store(after)
            if after.state is CallState.UNCONFIRMED or after.why == SENT_IN_VAIN:
                self._unlisted(location_id, after)
        self._judge(location_id, [sought[name] for name in found], missing)
        if hidden:
            self._not_read(location_id, hidden, len(unread))

    def _near(self, location_id: int, key: str) -> list[Call]:
        """Calls that a look may concern: what the list shows is another's within a minute only."""
        first = self._calls.get(key) if key else None
        if first is None or first.location_id != location_id or first.started_at is None:
            return self.recent(location_id)
        return list(self._calls.of_location(location_id, first.started_at - _NEAR))

    def _is_lost(self, call: Call) -> bool:
        """Whether it was accepted, and this was the last look for it, in vain."""
        return call.state is CallState.SENT and search.is_last_look(call, self._rules)

    def _listed(
        self, location_id: int, due: Sequence[Call]
    ) -> tuple[list[ListedCall], list[UnreadCall]]:
        """The list of the days in which the calls began, whatever the zone of its days."""
        token = self._user_token.known()
        if token is None:
            raise Refused(0, "there is no user token")
        began = [call.started_at for call in due if call.started_at is not None]
        day = timedelta(days=1)
        since, until = (min(began) - day).date(), (max(began) + day).date()
        rows: list[ListedCall] = []
        unread: list[UnreadCall] = []
        for page in range(1, _MOST_PAGES + 1):
            listed = self._voip.calls(location_id, since, until, page, token)
            rows += [row for row in listed if isinstance(row, ListedCall)]
            unread += [row for row in listed if isinstance(row, UnreadCall)]
            if len(listed) < CALLS_PER_PAGE:
                return rows, unread
        raise NoAnswer("the list of calls does not end")

    def _not_read(self, location_id: int, hidden: Sequence[Call], rows: int) -> None:
        """The list has rows that cannot be read, and each may be one of these calls."""
        now = self._clock()
        self._alarm("call list not readable", location_id, f"{rows} of its rows cannot be read")
        for call in hidden:
            self._store(search.unread(call, now, self._rules))
        self._unchecked(location_id, hidden, "rows that cannot be read")

    def _not_told(
        self, location_id: int, due: Sequence[Call], error: Refused | Unreachable
    ) -> None:
        now = self._clock()
        if isinstance(error, Refused) and not self._has_left(location_id):
            self._alarm("call list refused", location_id, str(error))
        # Too many requests are over soon; a missing right or token is not.
        lasts = isinstance(error, Refused) and error.status != HTTPStatus.TOO_MANY_REQUESTS
        after = search.no_list if lasts else search.not_told
        for call in due:
            self._store(after(call, str(error), now, self._rules))
        if isinstance(error, Refused):
            self._unchecked(location_id, due, str(error))

    def _alarm(self, what: str, location_id: int, why: str) -> None:
        count("CallListRefused")
        logger.error(what, extra={"location_id": location_id, "why": why})
        self._sightings.note(CALL_LIST_REFUSED, str(location_id), why)

    def _unchecked(self, location_id: int, due: Sequence[Call], error: str) -> None:
        """A token that no list has proven for so long keeps calls back no longer."""
        now, patience = self._clock(), timedelta(seconds=self._rules.call_checks_s[-1])
        if any(call.sent_at is not None and now - call.sent_at >= patience for call in due):
            why = f"telephony: the list of calls cannot be read: {error}"
            self._prove(
                location_id,
                due[-1].chain_key,
                among=(CrmTokenState.UNPROVEN,),
                after=CrmTokenState.UNCHECKED,
                why=why,
            )

    def _has_left(self, location_id: int) -> bool:
        """Whether it is not connected any more, or is said not to be: nobody may read its list."""
        it = self._connections.get(location_id)
        return it is None or not it.live or it.hint in (Hint.UNINSTALL, Hint.UNPROVEN, Hint.GONE)

    def _unlisted(self, location_id: int, call: Call) -> None:
        """Where the token is proven, it is the line that is routed elsewhere by now."""
        it = self._connections.get(location_id)
        if it is None or it.telephony is not CrmTokenState.PROVEN:
            return
        # Of what is sent once more, it is only noted: it may yet be there.
        self._sightings.note(CALL_UNLISTED, str(location_id))
        if call.state is CallState.UNCONFIRMED:
            count("CallUnlisted")
            logger.error("call unlisted", extra=call.names)

    def _judge(self, location_id: int, found: Sequence[Call], missing: Sequence[Call]) -> None:
        """What the list says of the CRM token that the location has now."""
        connection = self._connections.get(location_id)
        if connection is None or connection.telephony not in _UNDECIDED:
            return
        if any(call.chain_key == connection.chain_key for call in found):
            why = "telephony: a saved call is in the location's list"
            self._prove(
                location_id,
                connection.chain_key,
                among=_UNDECIDED,
                after=CrmTokenState.PROVEN,
                why=why,
            )
            return
        # Of what was not accepted, nothing is to be expected in any list.
        if not any(
            self._is_lost(call) and call.chain_key == connection.chain_key for call in missing
        ):
            return
        chain = self._chains.get(connection.chain_key) if connection.chain_key else None
        self._sightings.note(TELEPHONY_STOPPED, str(location_id))
        # All that brought the same token, but those of whom it is known to be their own.
        for each in chain.locations if chain else (location_id,):
            why = "telephony stopped: a saved call is not in the list of its location"
            if self._prove(
                each, connection.chain_key, among=_UNDECIDED, after=CrmTokenState.STOPPED, why=why
            ):
                count("TelephonyStopped")
                logger.error("telephony stopped", extra={"location_id": each})

    def _prove(
        self,
        location_id: int,
        chain_key: str | None,
        *,
        among: Collection[CrmTokenState],
        after: CrmTokenState,
        why: str,
    ) -> bool:
        """Notes what is known of a location's token, if it still has that, and less was known."""
        for _ in range(_TRIES):
            connection = self._connections.get(location_id)
            if (
                connection is None
                or connection.chain_key != chain_key
                or connection.telephony not in among
            ):
                return False
            try:
                proven = replace(connection, telephony=after, verdict=why)
                self._connections.save(proven, self._clock())
            except StaleWrite:
                continue
            if after is not CrmTokenState.STOPPED:
                self._wake_ups.release(location_id)
            return True
        return False

    def _store(self, after: Call) -> None:
        """Unless somebody was faster, who has decided as well; what he left is due."""
        try:
            stored = self._calls.save(after)
        except StaleWrite:
            logger.info("overtaken", extra=after.names)
            return
        logger.info("looked for", extra={**stored.names, "state": stored.state})
