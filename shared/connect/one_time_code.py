"""The second proof: a one-time code, sent to the address of the account.

A link from Altegio says who its holder is, but never changes: whoever has seen it can open it
again. So it connects what was granted, and shows which locations there are. What tells of calls and
payments, gives the PBX a new key, or lets another Altegio user into an account, needs the code.

Another user is let in by the address alone, so it has to be the account's in truth: whoever has
registered with somebody else's address, to have him walk into the account, has never proven it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared import countries
from shared.altegio.redirect import Redirect
from shared.altegio.tokens import PartnerToken
from shared.aws.ses import Fate, Letter, Mail
from shared.calls import lines
from shared.calls.line_entry import Entered, EnterLines
from shared.clock import Clock
from shared.connect import codes
from shared.connect.flow import ConnectFlow
from shared.connect.locations import TooMany
from shared.connect.tickets import Tickets
from shared.connect.view import Proof, Visit
from shared.connections.accounts import Account, Accounts
from shared.connections.table import Connections
from shared.telemetry import logger

# With one code: a second in case that the first is lost, and no more, as anybody can ask for them.
MOST_LETTERS = 2


class OneTimeCode:
    """The use case of the buttons beside Connect."""

    def __init__(
        self,
        *,
        connecting: ConnectFlow,
        token: PartnerToken,
        accounts: Accounts,
        connections: Connections,
        tickets: Tickets,
        lines: EnterLines,
        mail: Mail,
        clock: Clock,
    ) -> None:
        self._connecting = connecting
        self._token = token
        self._accounts = accounts
        self._connections = connections
        self._tickets = tickets
        self._lines = lines
        self._mail = mail
        self._clock = clock

    def send_code(self, ticket: str, write: Callable[[str], Letter]) -> Visit:
        """Sends a code to the owner of the visitor's account, or of that with his address.

        Args:
            ticket: The visitor's.
            write: Makes a letter of a code.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        arrived = self._connecting.opened(ticket).redirect
        own, account = self._found(arrived)
        if account is None or not self._connecting.proves:
            return self._shown(arrived, own, ticket, Proof.IMPOSSIBLE)
        return self._shown(arrived, own, ticket, self._send(account, write))

    def prove(self, ticket: str, code: str) -> Visit:
        """Takes a code. An Altegio user without an account is let into the one that it proves.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        opened = self._connecting.opened(ticket)
        arrived = opened.redirect
        own, account = self._found(arrived)
        if own is not None and opened.proven == own.account_id:
            # He has pressed twice, or loaded the page again: the code is used up.
            return self._shown(arrived, own, ticket, Proof.GIVEN)
        if account is None or not self._takes(ticket, account.account_id, code):
            logger.warning("wrong code", extra={"account_id": account and account.account_id})
            return self._shown(arrived, own, ticket, Proof.WRONG)
        if own is not None:
            self._accounts.own_email(own)
        else:
            user_id = arrived.owner.altegio_user_id
            if self._accounts.link(account, user_id, self._clock()):
                logger.info("account linked", extra={"account_id": account.account_id})
            own = self._accounts.of_user(user_id)
        if own is None or own.account_id != account.account_id:
            # Erased or registered meanwhile, elsewhere: what was proven is of no use.
            return self._shown(arrived, own, ticket, Proof.OFFERED)
        return self._shown(arrived, own, ticket, Proof.GIVEN)

    def look(self, ticket: str) -> Visit:
        """What has become of the account since, for whoever has proven that it is his.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        opened = self._connecting.opened(ticket)
        account = self._accounts.of_user(opened.redirect.owner.altegio_user_id)
        is_proven = account is not None and opened.proven == account.account_id
        proof = Proof.GIVEN if is_proven else Proof.OFFERED
        return self._shown(opened.redirect, account, ticket, proof)

    def watch(self, ticket: str) -> Visit | str:
        """A watch for the first ring; what is to be proven instead, if nothing is yet.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        opened = self._connecting.opened(ticket)
        account = self._accounts.of_user(opened.redirect.owner.altegio_user_id)
        if account is None or opened.proven != account.account_id:
            return self._shown(opened.redirect, account, ticket, Proof.OFFERED)
        return self._tickets.watch(account.account_id, self._clock())

    def rotate(self, ticket: str, *, voids: bool) -> Visit:
        """Gives the account's PBX another key; `voids` says whether the old ones end at once.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        opened = self._connecting.opened(ticket)
        arrived = opened.redirect
        account = self._accounts.of_user(arrived.owner.altegio_user_id)
        if account is None or opened.proven != account.account_id:
            return self._shown(arrived, account, ticket, Proof.OFFERED)
        visit = self._shown(arrived, account, ticket, Proof.GIVEN)
        return replace(visit, pbx_key=self._connecting.renewed_key(account, voids=voids))

    def choose_country(self, ticket: str, country: str) -> Visit:
        """Takes the country in which the account's numbers are read that name none.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        opened = self._connecting.opened(ticket)
        arrived = opened.redirect
        account = self._accounts.of_user(arrived.owner.altegio_user_id)
        if account is None or opened.proven != account.account_id:
            return self._shown(arrived, account, ticket, Proof.OFFERED)
        if country not in countries.CODES:
            visit = self._shown(arrived, account, ticket, Proof.GIVEN)
            return replace(visit, wrong=frozenset({"country"}))
        words = f"country {account.country or '-'} -> {country}, by its owner"
        lines_of = self._connections.noted(account.account_id, words, self._clock())
        chosen = self._accounts.set_country(account.account_id, country, lines_of)
        logger.info("country chosen", extra={"account_id": account.account_id, "country": country})
        visit = self._shown(arrived, replace(account, country=country), ticket, Proof.GIVEN)
        return replace(visit, has_new_country=chosen)

    def enter_line(self, ticket: str, line: str, location: str) -> Visit:
        """Takes the location of a line, as the owner has written both.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        location_id = lines.location_of(location)
        if location_id is None:
            return self._with_line(ticket, line, lambda *_: Entered.NOT_ITS_LOCATION)
        return self._with_line(
            ticket, line, lambda account_id, key: self._lines.enter(account_id, {key: location_id})
        )

    def forget_line(self, ticket: str, line: str) -> Visit:
        """Removes a line.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        return self._with_line(
            ticket, line, lambda account_id, key: self._lines.remove(account_id, [key])
        )

    def _with_line(self, ticket: str, line: str, change: Callable[[str, str], Entered]) -> Visit:
        opened = self._connecting.opened(ticket)
        arrived = opened.redirect
        account = self._accounts.of_user(arrived.owner.altegio_user_id)
        if account is None or opened.proven != account.account_id:
            return self._shown(arrived, account, ticket, Proof.OFFERED)
        key = self._lines.key_of(account, line)
        entered = change(account.account_id, key) if key else Entered.NO_LINE
        account = self._accounts.of_id(account.account_id)
        visit = self._shown(arrived, account, ticket, Proof.GIVEN)
        return replace(visit, entered=entered, typed_line="" if entered is Entered.DONE else line)

    def _found(self, arrived: Redirect) -> tuple[Account | None, Account | None]:
        """The visitor's own account, and the one that a code is about: his, or of his address."""
        own = self._accounts.of_user(arrived.owner.altegio_user_id)
        return own, own or self._accounts.of_email(arrived.owner.email)

    def _send(self, account: Account, write: Callable[[str], Letter]) -> Proof:
        tokens = self._token.accepted()
        if not tokens:
            return Proof.NOT_SENT
        account_id = account.account_id
        # Also of whatever comes of the letter.
        logger.append_keys(account_id=account_id)
        window, _ = codes.windows(self._clock())
        serial = self._tickets.count_letter(account_id, window, MOST_LETTERS)
        if serial is None:
            logger.warning("too many codes")
            return Proof.TOO_MANY
        code = codes.code(tokens[0], account_id, window, serial)
        if self._mail.send(account.email, write(codes.spaced(code)), account_id) is Fate.TAKEN:
            return Proof.SENT
        self._tickets.uncount_letter(account_id, window)
        return Proof.NOT_SENT

    def _takes(self, ticket: str, account_id: str, code: str) -> bool:
        """Takes a code of the account, once, and keeps with the ticket what it proves."""
        if not self._tickets.try_code(ticket):
            return False
        now = self._clock()
        digits = "".join(filter(str.isdecimal, code))
        for window in codes.taken(now):
            serial = self._tickets.sent_code(account_id, window)
            if serial is None or not self._fits(digits, account_id, window, serial):
                continue
            if self._tickets.use_code(account_id, window, serial, ticket):
                self._tickets.keep_proof(ticket, account_id, now)
                return True
        return False

    def _fits(self, digits: str, account_id: str, window: datetime, serial: int) -> bool:
        # What sent the code may have read a newer token than we have.
        return any(
            codes.fits(digits, tokens(), account_id, window, serial)
            for tokens in (self._token.accepted, self._token.doubted)
        )

    def _shown(self, arrived: Redirect, own: Account | None, ticket: str, proof: Proof) -> Visit:
        is_proven = proof is Proof.GIVEN
        try:
            visit = self._connecting.look(arrived, own, is_proven=is_proven)
        except TooMany:
            # Somebody else may have asked with this link: its owner can prove himself all the same.
            visit = self._connecting.unasked(arrived, own, is_proven=is_proven)
        return replace(visit, ticket=ticket, proof=proof)
