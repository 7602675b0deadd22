"""The letter of each morning: who was missed at a location since the last, and waits for a call.

Nothing is sent when nobody waits. A letter that SES does not take is counted and not sent again:
the next morning has its own, and the page has everybody.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from shared.aws.ses import Letter, Mail
from shared.calls.letter_wishes import LetterWishes, Wish, morning_before
from shared.calls.missed import Episode
from shared.calls.missed_calls import MissedCalls
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection, State
from shared.connections.table import Connections
from shared.one_line import one_line
from shared.reconcile.letter_texts import ENGLISH, TEXTS
from shared.telemetry import logger

# In one letter: as many as the page shows.
MOST_CALLERS = 100
# A call that rang, or was not told yet, when the last letter was written is in the next one. So who
# called in these minutes, and still waits, may be in both.
_OVERLAP = timedelta(minutes=10)
_MINUTES = "%Y-%m-%d %H:%M"


class MissedLetters:
    """The use case of the letters that owners have asked for."""

    def __init__(
        self,
        *,
        wishes: LetterWishes,
        connections: Connections,
        accounts: Accounts,
        missed: MissedCalls,
        mail: Mail | None,
        zone: ZoneInfo,
    ) -> None:
        """Of one deployment; without `mail`, nothing is due."""
        self._wishes = wishes
        self._connections = connections
        self._accounts = accounts
        self._missed = missed
        self._mail = mail
        self._zone = zone

    def due(self, limit: int) -> list[int]:
        """Locations whose letter is overdue, the oldest first."""
        return self._wishes.due(limit) if self._mail else []

    def send(self, location_id: int) -> None:
        """Sends the letter of a location, if it is due and says anything; at most once a morning.

        Raises:
            StaleWrite: somebody else has it at this moment.
        """
        wish = self._wishes.claim(location_id)
        if wish is None or wish.due_at is None or self._mail is None:
            return
        connection = self._connections.get(location_id)
        account = self._accounts.of_id(wish.account_id)
        if connection is None or account is None or _has_left(wish, connection):
            self._wishes.stop_by(location_id, wish.secret)
            return
        since = morning_before(wish.due_at, self._zone) - _OVERLAP
        callers = self._missed.of(connection, since=since).missed.open
        if not callers:
            return
        told = {**connection.names, "callers": len(callers)}
        letter = written(wish, connection, callers, since, self._zone)
        if self._mail.send(account.email, letter):
            logger.info("missed callers told", extra=told)


def written(
    wish: Wish,
    connection: Connection,
    callers: tuple[Episode, ...],
    since: datetime,
    zone: ZoneInfo,
) -> Letter:
    """The letter, in plain text.

    Args:
        wish: whose language it is in, and how it is stopped.
        connection: of the location, which its owner may have named.
        callers: who wait for a call.
        since: when the first of them may have called.
        zone: of the location's clock.
    """
    texts = TEXTS.get(wish.language, ENGLISH)
    where = one_line(connection.name) or texts.location.format(id=connection.location_id)

    def told(moment: datetime) -> str:
        return f"{moment.astimezone(zone):{_MINUTES}}"

    rows = [
        f"{it.phone}   {told(it.last)}" + (f"   {len(it.misses)}x" if len(it.misses) > 1 else "")
        for it in callers[:MOST_CALLERS]
    ]
    if len(callers) > MOST_CALLERS:
        rows.append(texts.more.format(number=len(callers) - MOST_CALLERS))
    parts = (
        f"{where}\n{texts.lead.format(since=told(since), zone=zone.key)}",
        "\n".join(rows),
        texts.page,
        f"{texts.stop}\n{wish.address}",
    )
    subject = texts.subject.format(number=len(callers), location=where)
    return Letter(subject, "\n\n".join(parts) + "\n")


def _has_left(wish: Wish, connection: Connection) -> bool:
    return connection.account_id != wish.account_id or connection.state is State.DISABLED
