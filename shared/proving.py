"""The second proof: a one-time code, sent to the address of the account.

A link from Altegio says who its holder is, but never changes: whoever has seen it can open it
again. So it connects what was granted, and shows which locations there are. What tells of calls and
payments, gives the PBX a new key, or lets another Altegio user into an account, needs the code.

Another user is let in by the address alone, so it has to be the account's in truth: whoever has
registered with somebody else's address, to have him walk into the account, has never proven it.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace

from shared.accounts import Account, Accounts
from shared.clock import Clock
from shared.connecting import Connecting
from shared.mail import Letter, Mail
from shared.redirect import Redirect
from shared.telemetry import count, logger
from shared.tickets import Tickets
from shared.visit import Proof, Visit

# In an hour and for one account: its owner is neither flooded, nor are all codes tried.
MOST_CODES = 5
DIGITS = 8


class Proving:
    """The use case of the buttons beside Connect."""

    def __init__(
        self,
        *,
        connecting: Connecting,
        accounts: Accounts,
        tickets: Tickets,
        mail: Mail,
        clock: Clock,
    ) -> None:
        self._connecting = connecting
        self._accounts = accounts
        self._tickets = tickets
        self._mail = mail
        self._clock = clock

    def send_code(self, ticket: str, write: Callable[[str], Letter]) -> Visit:
        """Sends a code to the owner of the visitor's account, or of that with his address.

        Args:
            ticket: The visitor's.
            write: Makes a letter of a code.

        Raises:
            UnknownTicket, TooMany: see `Connecting`.
        """
        arrived = self._connecting.opened(ticket).redirect
        own = self._accounts.of_user(arrived.owner.altegio_user_id)
        account = own or self._accounts.of_email(arrived.owner.email)
        if account is None or not self._connecting.proves:
            return self._shown(arrived, own, ticket, Proof.IMPOSSIBLE)
        proof = self._send(ticket, account, write)
        return self._shown(arrived, own, ticket, proof)

    def prove(self, ticket: str, code: str) -> Visit:
        """Takes a code. An Altegio user without an account is let into the one that it proves.

        Raises:
            UnknownTicket, TooMany: see `Connecting`.
        """
        arrived = self._connecting.opened(ticket).redirect
        user_id = arrived.owner.altegio_user_id
        digits = "".join(filter(str.isdecimal, code))
        proven = self._tickets.prove(ticket, digits, self._clock())
        own = self._accounts.of_user(user_id)
        if proven is None:
            count("CodeWrong")
            return self._shown(arrived, own, ticket, Proof.WRONG)
        if own is not None and own.account_id == proven:
            self._accounts.own_email(own)
        if own is None and (account := self._accounts.of_id(proven)):
            if self._accounts.link(account, user_id, self._clock()):
                count("AccountLinked")
                logger.info("account linked", extra={"account_id": account.account_id})
            own = self._accounts.of_user(user_id)
        if own is None or own.account_id != proven:
            # Erased or registered meanwhile, elsewhere: what was proven is of no use.
            return self._shown(arrived, own, ticket, Proof.OFFERED)
        return self._shown(arrived, own, ticket, Proof.GIVEN)

    def rotate(self, ticket: str) -> Visit:
        """Gives the account's PBX another key, which voids the one before at once.

        Raises:
            UnknownTicket, TooMany: see `Connecting`.
        """
        opened = self._connecting.opened(ticket)
        arrived = opened.redirect
        account = self._accounts.of_user(arrived.owner.altegio_user_id)
        if account is None or opened.proven != account.account_id:
            return self._shown(arrived, account, ticket, Proof.OFFERED)
        visit = self._shown(arrived, account, ticket, Proof.GIVEN)
        return replace(visit, pbx_key=self._connecting.renewed_key(account))

    def _send(self, ticket: str, account: Account, write: Callable[[str], Letter]) -> Proof:
        now = self._clock()
        if self._tickets.tally(f"codes#{account.account_id}", 1, now) > MOST_CODES:
            count("CodesTooMany")
            return Proof.TOO_MANY
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        self._tickets.challenge(ticket, account.account_id, code, now)
        sent = self._mail.send(account.email, write(f"{code[:4]} {code[4:]}"))
        return Proof.SENT if sent else Proof.NOT_SENT

    def _shown(self, arrived: Redirect, own: Account | None, ticket: str, proof: Proof) -> Visit:
        is_proven = proof is Proof.GIVEN
        visit = self._connecting.look(arrived, own, is_proven=is_proven)
        return replace(visit, ticket=ticket, proof=proof)
