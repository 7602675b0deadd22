"""The project's adapters are told the same by AWS in memory, by the emulator and by moto."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from shared.altegio.rate_limit import Busy, Pace, Paused
from shared.altegio.redirect import Owner, Redirect
from shared.altegio.settings import PacePolicy
from shared.aws.dynamodb import StaleWrite, transacted
from shared.connect.tickets import Tickets
from shared.connections.accounts import Account, Accounts, made
from shared.connections.connection import Connection, Hint, State
from shared.connections.journal import Journal
from shared.connections.table import Connections
from shared.payments import ledger
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import Facts, PaymentFacts, RefundFacts
from shared.payments.ledger import Ledger
from tests.local.stack.worlds import (
    CONNECTIONS,
    PAYMENTS,
    WIRED,
    Dice,
    Session,
    emptied,
    remembered,
)

PLAYS = 15
AT = datetime(2026, 11, 1, tzinfo=UTC)
FACTS: dict[str, Facts] = {
    "payment": PaymentFacts(Decimal("1.5"), "EUR", AT, AT, AT),
    "refund": RefundFacts("1"),
}
WAITING = [EntryState.PENDING, EntryState.SENDING, EntryState.HELD, EntryState.UNKNOWN]


class Play:
    """The project's adapters on one world, and what they are told; random, the same per seed."""

    def __init__(self, seed: int, session: Session) -> None:
        self.dice = Dice(seed)
        self.at = AT
        dynamodb = session("dynamodb")
        self.ledger = Ledger(dynamodb, PAYMENTS, CONNECTIONS)
        self.pace = Pace(
            dynamodb,
            WIRED.tables["PaceTable"].name,
            clock=lambda: self.at,
            sleep=lambda _seconds: None,
            rules=PacePolicy(0.005, 200, 30),
            ahead_s=0,
            patience_s=300,
        )
        journal = Journal(dynamodb, WIRED.tables["JournalTable"].name, 400)
        self.connections = Connections(dynamodb, CONNECTIONS, journal)
        self.accounts = Accounts(dynamodb, WIRED.tables["AccountsTable"].name)
        self.tickets = Tickets(dynamodb, WIRED.tables["TicketsTable"].name, 600)
        self.entries: dict[str, list[Entry]] = {}
        self.rows: dict[int, list[Connection]] = {}
        self.found: list[Account] = []
        self.issued: list[str] = []

    def step(self) -> Any:
        """One call of one adapter; what it returned, or how it failed."""
        self.at += timedelta(seconds=self.dice.randint(1, 300))
        acts = [
            self.pay,
            self.pay,
            self.pay,
            self.pay,
            self.pay,
            self.look,
            self.connect,
            self.connect,
            self.own,
        ]
        acts += [self.account, self.account, self.ticket, self.turn]
        try:
            return self.dice.choice(acts)()
        except (StaleWrite, ledger.IdTaken, Busy, Paused) as refused:
            return repr(refused)

    def entry(self) -> tuple[Entry | None, Entry]:
        """A version of an entry that was seen before, perhaps an old one, and one after it."""
        key = self.dice.choice(["payment#1", "payment#2", "refund#1"])
        seen = self.entries.setdefault(key, [])
        before = self.dice.choice(seen) if seen and self.dice.random() < 0.9 else None
        state = self.dice.choice(list(EntryState))
        after = Entry(
            key=key,
            digest="digest",
            facts=FACTS[key.partition("#")[0]],
            state=state,
            received_at=self.at,
            location_id=self.dice.choice([1, 2]),
            attempt=(before.attempt if before else 0) + self.dice.randint(0, 1),
            due_at=self.at if state in WAITING else None,
            platform_id=self.dice.choice([7, 8]),
        )
        seen.append(after)
        return before, after

    def pay(self) -> Any:
        before, after = self.entry()
        match self.dice.randrange(4):
            case 0:
                turns = (self.pace.at_once, self.pace.in_turn)
                state = self.dice.choice([State.ACTIVE, State.FROZEN])
                return self.ledger.claim(before, after, self.dice.choice(turns)(), state)
            case 1:
                return self.ledger.finish(before or after, after)
            case _:
                return self.ledger.move(before, after)

    def turn(self) -> Any:
        match self.dice.randrange(4):
            case 0:
                return self.pace.wait()
            case 1:
                return self.pace.brake(self.dice.randint(0, 400), "429")
            case _:
                return self.pace.take(self.dice.randint(0, 300))

    def look(self) -> Any:
        match self.dice.randrange(5):
            case 0:
                return self.ledger.get(self.dice.choice(["payment#1", "refund#1"]))
            case 1:
                return self.ledger.due(self.dice.choice(WAITING), self.at, 2)
            case 2:
                return sorted(self.ledger.of_location(1))
            case 3:
                return sorted(self.ledger.held(1, 10))
            case _:
                return self.ledger.is_owned(7), self.ledger.echo()

    def own(self) -> Any:
        _before, after = self.entry()
        self.ledger.note_echo(after)
        return self.ledger.own(self.dice.choice([7, 9]), after.key)

    def connect(self) -> Any:
        location_id = self.dice.choice([1, 2])
        seen = self.rows.setdefault(
            location_id, [Connection(location_id, State.PENDING, 1, "a", self.at)]
        )
        match self.dice.randrange(6):
            case 0:
                return self.connections.hint(location_id, Hint.UNINSTALL, self.at)
            case 1:
                return self.connections.due(self.dice.choice(list(State)), self.at, 1)
            case 2:
                return self.connections.of_account("a")
            case 3:
                if (row := self.connections.get(location_id)) is not None:
                    seen.append(row)
                return row
            case _:
                row = self.dice.choice(seen[-2:])
                state, due_at = self.dice.choice(list(State)), self.dice.choice([None, self.at])
                changed = replace(row, state=state, due_at=due_at, account_id="a")
                seen.append(saved := self.connections.save(changed))
                return saved

    def account(self) -> Any:
        if not self.found or self.dice.random() < 0.4:
            account = made(
                self.dice.choice([1, 2]),
                name="Ada",
                email="a@b.example",
                phone="",
                country="",
                now=self.at,
            )
            if transacted(self.accounts._dynamodb, self.accounts.registration(account)):
                return self.accounts.of_user(account.altegio_user_id)
            self.found.append(account)
            return account
        account = self.dice.choice(self.found)
        match self.dice.randrange(5):
            case 3:
                # What was read before may be old.
                account = self.accounts.of_id(account.account_id) or account
                self.found.append(account)
                return account.lines
            case 4:
                lines = {self.dice.choice(["+13155550176", "trunk-1"]): self.dice.choice([1, 2])}
                return self.accounts.set_lines(account, lines)
            case 0:
                return self.accounts.seen(account, self.at)
            case 1:
                since = self.at - timedelta(minutes=10)
                return self.accounts.erase(account.account_id, unless_seen_since=since)
            case _:
                return self.accounts.of_user(account.altegio_user_id)

    def ticket(self) -> Any:
        if self.issued and self.dice.random() < 0.6:
            return self.tickets.open(self.dice.choice(self.issued), self.at)
        owner = Owner(1, "Ada", "a@b.example", "")
        self.issued.append(self.tickets.issue(Redirect((1, 2), owner, None, "crm"), self.at))
        return self.issued[-1]


def test_the_adapters_are_told_the_same(other: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    emptied(other)
    told = set()
    for seed in range(PLAYS):
        worlds = remembered(), other
        transcripts = []
        for world in worlds:
            ids = Dice(seed)
            monkeypatch.setattr(
                "shared.connections.accounts.uuid",
                SimpleNamespace(uuid4=lambda ids=ids: ids.getrandbits(99)),
            )
            monkeypatch.setattr(
                "shared.connect.tickets.secrets",
                SimpleNamespace(token_urlsafe=lambda _n, ids=ids: f"{ids.getrandbits(99):043}"),
            )
            monkeypatch.setattr(
                "shared.connections.journal.secrets",
                SimpleNamespace(token_hex=lambda _n, ids=ids: f"{ids.getrandbits(32):08x}"),
            )
            play = Play(seed, world)
            transcripts.append([play.step() for _ in range(40)])
        assert transcripts[0] == transcripts[1], seed
        assert emptied(worlds[0]) == emptied(worlds[1]), seed
        told |= {str(answer)[:9] for answer in transcripts[0]}
    # Each way in which the money's rows refuse was met.
    assert {"StaleWrit", "IdTaken('", "True", "False"} <= told
