"""The letter of each morning: who was missed at a location since the last, and waits for a call.

Nothing is sent when nobody waits. What surely was not sent is tried again until noon; what may have
been is not, and the next letter tells of its callers, too.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from shared.aws.ses import Fate, Letter, Mail
from shared.calls.letter_wishes import LetterWishes, Wish
from shared.calls.missed import Episode, known_since
from shared.calls.missed_calls import MissedCalls
from shared.clock import Clock
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection, Hint, State
from shared.connections.table import Connections
from shared.one_line import one_line
from shared.reconcile.letter_texts import ENGLISH, TEXTS
from shared.telemetry import logger

# In one letter: as many as the page shows.
MOST_CALLERS = 100
# A call that rang when the last letter was written, or whose legs were told, is in the next one. So
# whose call was told in these minutes, and who still waits, may be in both.
_OVERLAP = timedelta(minutes=10)
# Of the calls that a letter tells of, if none was sent for long.
_LONGEST = timedelta(days=7)
# Somebody has said that the location has left, and the platform was not asked yet.
_SEEMS_GONE = (Hint.UNINSTALL, Hint.UNPROVEN, Hint.GONE)


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
        clock: Clock,
    ) -> None:
        """Of one deployment; without `mail`, nothing is due."""
        self._wishes = wishes
        self._connections = connections
        self._accounts = accounts
        self._missed = missed
        self._mail = mail
        self._clock = clock

    def due(self) -> list[list[str]]:
        """Keys of wishes whose letter is overdue, those of each account; see `LetterWishes`."""
        return self._wishes.due() if self._mail else []

    def send(self, key: str) -> None:
        """Sends the letter of a wish, if it is due and says anything; never twice.

        Raises:
            StaleWrite: somebody else has it at this moment.
        """
        wish = self._wishes.overdue(key)
        if wish is None or self._mail is None:
            return
        try:
            connection = self._connections.get(wish.location_id)
            account = self._accounts.of_id(wish.account_id)
            if connection is None or account is None or _has_left(wish, connection):
                self._wishes.end(wish)
                return
            if connection.hint in _SEEMS_GONE or not connection.live:
                self._wishes.put_off(wish)
                return
            if self._wishes.moved(wish, connection):
                return
            letter = self._letter(wish, connection)
        except Exception:
            # A row that nobody can read must not be in the way of others each minute.
            self._wishes.put_off(wish)
            raise
        taken = self._wishes.take(wish)
        fate = Fate.TAKEN
        if letter:
            fate = self._mail.send(
                account.email, letter, account.account_id, location_id=connection.location_id
            )
        if fate is Fate.REFUSED:
            self._wishes.put_off(taken)
        elif fate is Fate.TAKEN:
            self._wishes.told(taken)
            if letter:
                logger.info("missed callers told", extra=connection.names)

    def _letter(self, wish: Wish, connection: Connection) -> Letter | None:
        """None if nobody waits."""
        first = self._clock() - _LONGEST - _OVERLAP
        since = max(wish.told_until - _OVERLAP, first)
        found = self._missed.of(connection, since=first)
        callers = known_since(found.missed.open, since)
        if not callers:
            return None
        since = min(max(since, found.since), *(it.since for it in callers))
        return written(wish, connection, callers, since, found.zone)


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
        return f"{moment.astimezone(zone):{texts.moment}}"

    rows = [
        f"{it.phone}   {told(it.last)}"
        + (f"   {len(it.misses)}\u00d7" if len(it.misses) > 1 else "")
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
    return Letter(subject, "\n\n".join(parts) + "\n", wish.address)


def _has_left(wish: Wish, connection: Connection) -> bool:
    return connection.account_id != wish.account_id or connection.state is State.DISABLED
