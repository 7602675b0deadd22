"""What a version writes: rows of every table and messages of every queue, from its handlers.

`lived` takes locations, payments and calls through their states. A row is kept whenever a handler
has ended, or speaks to the platform, and there was none of its shape and state before.
"""

import json
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.simulator import Owner
from ops.payment import payment as desk
from ops.site import Site
from shared.altegio.client import Client
from shared.calls.missed_calls import MissedCalls
from shared.clock import stamp
from shared.connections.accounts import Accounts
from shared.connections.connection import Hint
from tests.deployment import Deployment, finished, payment, refund, ringing
from tests.ops.operator import stack_of

type Tables = dict[str, list[dict[str, Any]]]

TABLES = (
    "ACCOUNTS_TABLE",
    "CALLS_TABLE",
    "CENSUS_TABLE",
    "CHAINS_TABLE",
    "CONNECTIONS_TABLE",
    "JOURNAL_TABLE",
    "PACE_TABLE",
    "PAYMENTS_TABLE",
    "TICKETS_TABLE",
)
BEGAN = datetime(2026, 9, 1, 10, tzinfo=UTC)
BOB = Owner(id=8, name="Bob", phone="4915187654321", email="bob@salon.example")
# What tells a row's kind, beside the names of what is in it.
_KINDS = ("state", "hint", "telephony", "stage")


class Recorded(Deployment):
    """A deployment that keeps what it has written."""

    def __init__(self, simulator: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
        self.messages: dict[str, dict[str, str]] = {"billing": {}, "calls": {}}
        super().__init__(simulator, clock, monkeypatch)
        tell = Client.tell

        def told(client: Client, *words: Any, **named: Any) -> Any:
            # What is on its way stands in the tables only now.
            self.keep()
            return tell(client, *words, **named)

        monkeypatch.setattr(Client, "tell", told)

    def invoke(self, function: str, event: Any) -> Any:
        answer = super().invoke(function, event)
        self.keep()
        return answer

    def bill(self, event: dict[str, Any] | str) -> list[dict[str, str]]:
        self._note("billing", event)
        return super().bill(event)

    def take_call(self, event: dict[str, Any] | str) -> list[dict[str, str]]:
        self._note("calls", event)
        return super().take_call(event)

    def _note(self, queue: str, event: dict[str, Any] | str) -> None:
        body = event if isinstance(event, str) else json.dumps(event)
        self.messages[queue].setdefault(json.loads(body)["type"], body)

    def keep(self) -> None:
        """Keeps each row of which there was none like it."""
        for name, items in stored(self).items():
            for item in items:
                kind = [str(item.get(each)) for each in _KINDS]
                prefix = str(item.get("key", {}).get("S", "")).partition("#")[0]
                whose = prefix if name in ("ACCOUNTS_TABLE", "PAYMENTS_TABLE") else ""
                self.shapes[name].setdefault(" ".join([whose, *kind, *sorted(item)]), item)


def table_of(deployment: Deployment, name: str) -> str:
    """What a table is called there."""
    [table] = {each[name] for each in deployment.environments.values() if name in each}
    return table


def stored(deployment: Deployment) -> Tables:
    """All rows, as DynamoDB has them."""
    return {
        name: deployment._dynamodb.scan(TableName=table_of(deployment, name))["Items"]
        for name in TABLES
    }


def lived(it: Recorded) -> dict[str, Any]:
    """Months of some locations; returns what others hold: a ticket, and the keys of two PBXs."""
    it.restart(MAIL_FROM="codes@provider.example")
    _long_ago(it)
    key = it.connect(4564, 4232).pbx_key
    bobs = it.connect(4801, owner=BOB).pbx_key
    _proof(it)
    _payments(it)
    _calls(it, key)
    # The first one only notes when the next begins.
    it.restart(MAIL_FROM="codes@provider.example", CENSUS_EVERY_S="600")
    it.simulator.grant(4777, private=True)
    it.let_time_pass(20)
    it.restart(MAIL_FROM="codes@provider.example")
    _standings(it)
    issued_at = stamp(it.clock())
    ticket = it.visit(it.simulator.redirect(4564)).fields["ticket"]
    _unfinished(it, key)
    return {"ticket": ticket, "issued_at": issued_at, "pbx_key": key, "pbx_key_of_bob": bobs}


def _left(it: Recorded, *location_ids: int) -> None:
    it.clock.advance(minutes=2)
    for location_id in location_ids:
        it.simulator.disconnect(location_id, webhook="never")
        it.webhook(it.event(location_id))
    it.let_time_pass(5)


def _end(it: Recorded, key: str, call_id: str, **changes: Any) -> None:
    number = 100 + len(it.messages["calls"]) + sum(map(ord, call_id)) % 800
    values = {"phone": f"+13155550{number}", "started_at": it.clock().isoformat(), **changes}
    assert it.call({**finished(call_id), **values}, key)[0] == 202
    it.drain_calls()


def _long_ago(it: Recorded) -> None:
    """A location that was erased, and its call that was never told."""
    key = it.connect(4303).pbx_key
    _left(it, 4303)
    _end(it, key, "expired", location_id=4303)
    it.let_time_pass(32 * 24 * 60, step=6 * 60)
    assert it.connection(4303).account_id is None


def _proof(it: Recorded) -> None:
    asked = it.visit(it.simulator.redirect(4564))
    again = it.post({**asked.fields, "action": "code"})
    proven = it.post({**again.fields, "action": "prove", "code": it.code()})
    wanted = {"ticket": proven.fields["ticket"], "action": "letter", "location": "4564"}
    assert 'data-letter="wanted"' in it.post(wanted).text
    it.post({**wanted, "action": "letter", "location": "4232"})
    it.post({**wanted, "action": "no letter", "location": "4232"})
    accounts = Accounts(it._dynamodb, table_of(it, "ACCOUNTS_TABLE"))
    bob = accounts.of_user(BOB.id)
    assert bob is not None
    assert accounts.link(bob, 9, it.clock())
    linked = accounts.of_user(9)
    assert linked is not None
    it.keep()
    assert accounts.hand_over(linked, "acme-1", it.clock())


def _payments(it: Recorded) -> None:
    it.simulator.fault("payment", "drop_request")
    it.bill(payment("needs-human"))
    it.let_time_pass(60, step=5)
    it.bill(payment("sent", amount="1.00"))
    it.bill(payment("given-back", amount="2.00"))
    it.let_time_pass(2)
    it.bill(refund("refund-sent", "given-back"))
    it.simulator.fault("payment", "status", status=422, message="Too early.", times=2)
    it.bill(payment("rejected", amount="3.00"))
    it.let_time_pass(5)
    it.bill(refund("refund-pending", "not-yet", location_id=4302, amount="4.00", currency="EUR"))
    it.bill(payment("closed", 4999))
    ways = {"look": False, "adopt": None, "send": False, "close": "told twice"}
    words = Namespace(key="closed", do=True, force=False, json=False, **ways)
    assert desk(Site(stack_of(it)), words) == 0
    it.webhook(it.hosted(4564))
    it.let_time_pass(5)


def _calls(it: Recorded, key: str) -> None:
    _end(it, key, "first")
    it.let_time_pass(3)
    it.simulator.fault("history", "status", status=422)
    _end(it, key, "refused")
    it.let_time_pass(2)
    _end(it, key, "odd", started_at=it.clock().replace(year=2025).isoformat())
    it.let_time_pass(2)
    it.simulator.fault("history", "drop_answer")
    _end(it, key, "unknown", recording_url="https://records.example/c-1.mp3")
    it.let_time_pass(5)
    _end(it, key, "missed", answered=False, duration_s=0)
    it.let_time_pass(2)
    _done(it)
    it.let_time_pass(5)


def _done(it: Recorded) -> None:
    """Somebody has pressed that there is nothing left to do with who was missed."""
    missed = MissedCalls(
        calls=it.calls, connections=it.connections, clock=it.clock, zone=ZoneInfo("UTC"), days=14
    )
    [caller] = missed.of(it.connection(4564)).missed.open
    missed.close(it.connection(4564), caller.phone, caller.last, "Zoë")
    it.keep()


def _standings(it: Recorded) -> None:
    """Locations that are frozen, left, taken over, doubted and not confirmed."""
    it.connect(4301, 4302, 4304, 4305, 4306, 4307, 4308)
    it.let_time_pass(3)
    _left(it, 4302, 4308)
    it.connect(4308, owner=BOB)
    it.clock.advance(minutes=2)
    it.simulator.expire(4301, webhook="never")
    it.webhook(it.event(4301, "freeze"))
    it.let_time_pass(3)
    it.simulator.fault("callback", "status", status=503, times=3)
    it.connect(4309)


def _unfinished(it: Recorded, key: str) -> None:
    """What the next version finds under way."""
    rings = {**ringing("ringing"), "at": it.clock().isoformat()}
    assert it.call(rings, key)[0] == 202
    _end(it, key, "held", location_id=4302)
    it.clock.advance(seconds=30)
    it.drain_calls()
    account_id = it.connection(4564).account_id
    assert account_id
    assert it.lines.enter(account_id, {"+13155550199": 4232}) == "done"
    _end(it, key, "unrouted", location_id=None, line="+13155550198")
    # Of a PBX that fills the queue itself.
    it.take_call({**finished("waiting"), "started_at": it.clock().isoformat()})
    it.bill(payment("held", 4302, amount="5.00"))
    it.bill(refund("refund-held", "held"))
    it.simulator.fault("payment", "drop_answer")
    it.bill(payment("unknown", amount="6.00"))
    it.clock.advance(seconds=2)
    it.simulator.fault("payment", "status", status=503, message="Busy.")
    it.bill(payment("unclear", 4232, amount="7.00"))
    it.simulator.fault("payment", "status", status=429, retry_after=60)
    it.bill(payment("pending", 4232, amount="8.00"))
    for location_id, event in ((4304, "uninstall"), (4305, "freeze")):
        it.webhook(it.event(location_id, event))
    it.webhook(it.hosted(4306))
    it.connections.suspect(4307, "status answered 404", it.clock())
    it.connections.rumour(4301, Hint.UNINSTALL, it.clock())
    it.keep()
