"""Every adapter of shared, and what each of its methods asks of AWS."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from shared.altegio.order import HISTORY_OF_ALL
from shared.altegio.rate_limit import Bounds, First, Pace, Paused
from shared.altegio.redirect import Owner, Redirect
from shared.altegio.settings import PacePolicy
from shared.altegio.tokens import PartnerToken, UserToken
from shared.aws.dead_letters import DeadLetters
from shared.aws.dynamodb import to_item
from shared.aws.keys import Keys, Secrets
from shared.aws.ses import Letter, Mail
from shared.aws.sightings import Sightings
from shared.calls import call as rules_of
from shared.calls.call import CallState
from shared.calls.identity import Report
from shared.calls.queue import CallWakeUps
from shared.calls.refused_keys import RefusedKeys
from shared.calls.table import Calls
from shared.chains.chain import Chain, ChainState
from shared.chains.queue import Releases
from shared.chains.table import Chains
from shared.clock import stamp
from shared.connect.tickets import LENGTH, Tickets
from shared.connections.accounts import Account, Accounts, made
from shared.connections.connection import Connection, State
from shared.connections.journal import Journal, Line
from shared.connections.table import Connections
from shared.events.bus import Bus
from shared.events.event import Event, Kind
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import PaymentFacts, RefundFacts
from shared.payments.ledger import Ledger
from shared.payments.queue import WakeUps
from shared.payments.restored import Mark, Marks
from shared.reconcile.census.table import CensusTable, Head, Part, Stage
from shared.reconcile.hint_queue import Hints

NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)


class Recorder:
    """An AWS client that does nothing and remembers what was asked of it, as IAM names it."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.asked: set[tuple[str, str]] = set()
        self._items: dict[str, Any] = {}
        self.refuses = False

    def holding(self, row: dict[str, Any]) -> "Recorder":
        """The same, in whose tables every row is this one."""
        self._items = {"Item": to_item({"key": "k", **row})}
        return self

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        service = self._service

        def ask(**request: Any) -> dict[str, Any]:
            if method == "transact_write_items":
                for item in request["TransactItems"]:
                    [(kind, what)] = item.items()
                    self._add(f"{kind}Item", what["TableName"])
                return {}
            index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
            where = request.get("TableName") or request.get("QueueUrl") or request.get("Name")
            where = where or request.get("FromEmailAddress")
            if "Entries" in request:
                [where] = {entry["EventBusName"] for entry in request["Entries"]}
            self._add("".join(word.capitalize() for word in method.split("_")), f"{where}{index}")
            if self.refuses and method == "update_item":
                code = "ConditionalCheckFailedException"
                raise ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem")
            return {
                "Items": [],
                "Count": 0,
                "Entries": [],
                "Parameter": {"Value": "t"},
                "Attributes": {"ApproximateNumberOfMessages": "0"} if service == "sqs" else {},
                **self._items,
            }

        return ask

    def _add(self, action: str, where: str) -> None:
        self.asked.add((f"{self._service}:{action}", where))


CONNECTION = Connection(
    location_id=1, state=State.ACTIVE, generation=1, account_id="a", opened_at=NOW
)

PAYMENT = Entry(
    key="payment#1",
    location_id=1,
    digest="",
    facts=PaymentFacts(Decimal(1), "EUR", NOW, NOW, NOW),
    state=EntryState.SENDING,
    received_at=NOW,
    platform_id=1,
)

REFUND = Entry(
    key="refund#1",
    location_id=1,
    digest="",
    facts=RefundFacts("1"),
    state=EntryState.SENDING,
    received_at=NOW,
)

UNNAMED = {"name": "", "email": "", "phone": "", "country": ""}
ACCOUNT: dict[str, Any] = {
    **UNNAMED,
    "account_id": "a",
    "altegio_user_id": 7,
    "created_at": stamp(NOW),
    "last_seen_at": stamp(NOW),
    "lines": {"+13155550176": 1, "trunk-1": 2},
}

LETTER = Letter("Your code", "1")

TOLD = Event(Kind.KEY_REFUSED, "1", NOW, {})

ARRIVED = Redirect((1,), Owner(7, "", "", ""), None, None)


def transacted(pace: Pace, item: Any) -> None:
    pace._dynamodb.transact_write_items(TransactItems=[item])


def refused(pace: Pace | Bounds, turn: Callable[[], None]) -> None:
    """The row says that it is not our turn, so it is looked at."""
    aws: Any = pace._dynamodb
    aws.refuses = True
    with pytest.raises(Paused):
        turn()


def paced(aws: Any) -> Pace:
    return Pace(
        aws,
        "PACE_TABLE",
        clock=lambda: NOW,
        sleep=lambda _seconds: None,
        rules=PacePolicy(5, 200, 30),
        ahead_s=0,
        patience_s=0,
    )


def bounded(aws: Any) -> Bounds:
    return Bounds(
        aws,
        "PACE_TABLE",
        clock=lambda: NOW,
        rules=PacePolicy(5, 200, 30),
        allowance=HISTORY_OF_ALL,
    )


CHAIN = Chain("k", "token", (1,), ChainState.DUE)

CHAIN_ROW: dict[str, Any] = {
    "crm_token": "token",
    "locations": [1],
    "state": "due",
}

CALL = rules_of.ringing("a#c-1", "a", "c-1", 1, NOW)

BESIDE: Any = {"Put": {"TableName": "JOURNAL_TABLE"}}

TURN: Any = {"ConditionCheck": {"TableName": "PACE_TABLE"}}

PACED: Any = {"ConditionCheck": {"TableName": "PAYMENTS_TABLE"}}

# Every adapter, its resources named by their variables, and calls of each of its methods.
type Asked = dict[str, list[Callable[[Any], object]]]

ADAPTERS: dict[type, tuple[str, Callable[[Any], object], Asked]] = {
    Connections: (
        "dynamodb",
        lambda aws: Connections(aws, "CONNECTIONS_TABLE", Journal(aws, "JOURNAL_TABLE", 1)),
        {
            "get": [lambda it: it.get(1)],
            "save": [
                lambda it: it.save(CONNECTION),
                lambda it: it.save(CONNECTION, NOW),
                lambda it: it.save(CONNECTION, None, [BESIDE]),
            ],
            "hint": [lambda it: it.hint(1, "uninstall", NOW)],
            "thaws": [lambda it: it.thaws(1, NOW)],
            "rumour": [lambda it: it.rumour(1, "freeze", NOW)],
            "suspect": [lambda it: it.suspect(1, "why", NOW)],
            "note_refund": [lambda it: it.note_refund(1, NOW)],
            "note_payment": [lambda it: it.note_payment(1, NOW)],
            "due": [lambda it: it.due(State.ACTIVE, NOW, 1)],
            "hinted": [lambda it: it.hinted("uninstall", NOW, 1)],
            "in_state": [lambda it: list(it.in_state(State.ACTIVE))],
            "noted": [lambda it: it.noted("a", "words", NOW)],
            "noted_each": [
                lambda it: it._dynamodb.transact_write_items(
                    TransactItems=it.noted_each({1: "words"}, NOW)
                )
            ],
            "owner": [lambda it: it.owner(1)],
            "of_account": [lambda it: it.of_account("a")],
        },
    ),
    Journal: (
        "dynamodb",
        lambda aws: Journal(aws, "JOURNAL_TABLE", 1),
        {
            "part": [
                lambda it: it._dynamodb.transact_write_items(
                    TransactItems=[it.part(Line(1, NOW, "told"))]
                )
            ],
            "of_location": [lambda it: it.of_location(1)],
        },
    ),
    Accounts: (
        "dynamodb",
        lambda aws: Accounts(aws.holding(ACCOUNT), "ACCOUNTS_TABLE"),
        {
            "of_user": [lambda it: it.of_user(7)],
            "of_portal": [lambda it: it.of_portal("a")],
            "of_email": [lambda it: it.of_email("anna@salon.example")],
            "own_email": [lambda it: it.own_email(Account(**ACCOUNT))],
            "link": [lambda it: it.link(Account(**ACCOUNT), 8, NOW)],
            "hand_over": [lambda it: it.hand_over(Account(**ACCOUNT), "acme-1", NOW)],
            "of_id": [lambda it: it.of_id("a")],
            "give_key": [lambda it: it.give_key(Account(**ACCOUNT), "digest", NOW)],
            "registration": [
                lambda it: it._dynamodb.transact_write_items(
                    TransactItems=it.registration(made(7, **UNNAMED, now=NOW))
                )
            ],
            "set_lines": [lambda it: it.set_lines(Account(**ACCOUNT), {})],
            "forget_lines": [lambda it: it.forget_lines("a", 1)],
            "set_country": [lambda it: it.set_country("a", "DE")],
            "seen": [lambda it: it.seen(Account(**ACCOUNT), NOW)],
            "erase": [lambda it: it.erase("a", unless_seen_since=NOW)],
        },
    ),
    Chains: (
        "dynamodb",
        lambda aws: Chains(aws.holding(CHAIN_ROW), "CHAINS_TABLE"),
        {
            "get": [lambda it: it.get("k")],
            "save": [lambda it: it.save(CHAIN)],
            "part": [lambda it: it._dynamodb.transact_write_items(TransactItems=[it.part(CHAIN)])],
            "named": [
                lambda it: Chains(it._dynamodb.holding({"chain_key": "k"}), "CHAINS_TABLE").named(
                    "a", 2001
                )
            ],
            "naming": [
                lambda it: it._dynamodb.transact_write_items(
                    TransactItems=[it.naming("a", 2001, "k")]
                )
            ],
            "due": [lambda it: it.due(NOW, 1)],
        },
    ),
    Calls: (
        "dynamodb",
        lambda aws: Calls(aws, "CALLS_TABLE", 14),
        {
            "get": [lambda it: it.get("a#c-1")],
            "place": [lambda it: it.place("a", Report("c-1", "", "1", NOW))],
            "save": [lambda it: it.save(CALL)],
            "save_all": [lambda it: it.save_all([CALL])],
            "claim": [lambda it: it.claim(CALL, TURN)],
            "pop": [lambda it: it.pop(CALL, NOW, TURN)],
            "due": [lambda it: it.due(CallState.WAITING, NOW, 1)],
            "of_location": [lambda it: list(it.of_location(1, NOW))],
            "latest": [lambda it: it.latest(1, 1)],
            "waiting": [lambda it: it.waiting("a")],
            "is_full": [lambda it: it.is_full("a", "line")],
            "waited_for": [lambda it: it.waited_for(NOW, 1)],
            "waiting_elsewhere": [lambda it: it.waiting_elsewhere("a", {"line"}, NOW, 1)],
        },
    ),
    Tickets: (
        "dynamodb",
        lambda aws: Tickets(aws, "TICKETS_TABLE", 60),
        {
            "issue": [lambda it: it.issue(ARRIVED, NOW)],
            "open": [lambda it: it.open("x" * LENGTH, NOW)],
            "keep_order": [lambda it: it.keep_order("ticket", (2, 1))],
            "watch": [lambda it: it.watch("a", NOW)],
            "watched": [lambda it: it.watched("x" * LENGTH, NOW)],
            "try_code": [lambda it: it.try_code("ticket")],
            "keep_proof": [lambda it: it.keep_proof("ticket", "a", NOW)],
            "count_letter": [lambda it: it.count_letter("a", NOW, 1)],
            "uncount_letter": [lambda it: it.uncount_letter("a", NOW)],
            "sent_code": [lambda it: it.sent_code("a", NOW)],
            "use_code": [lambda it: it.use_code("a", NOW, 0, "ticket")],
            "claim": [lambda it: it.claim("ticket", "a")],
            "tally": [lambda it: it.tally("denied#7", 1, NOW)],
            "allowance": [lambda it: it.allowance("denied#7", 1, 9, NOW)],
        },
    ),
    Ledger: (
        "dynamodb",
        lambda aws: Ledger(aws, "PAYMENTS_TABLE", "CONNECTIONS_TABLE"),
        {
            "get": [lambda it: it.get("payment#1")],
            "given_back": [lambda it: it.given_back(REFUND)],
            "giver": [lambda it: it.giver("payment#1")],
            "claim": [
                lambda it: it.claim(None, PAYMENT, PACED, State.ACTIVE),
                lambda it: it.claim(REFUND, REFUND, PACED, State.ACTIVE),
            ],
            "finish": [
                lambda it: it.finish(PAYMENT, PAYMENT),
                lambda it: it.finish(REFUND, REFUND),
            ],
            "move": [lambda it: it.move(None, PAYMENT), lambda it: it.move(PAYMENT, PAYMENT)],
            "tell": [lambda it: it.tell(PAYMENT)],
            "due": [lambda it: it.due(EntryState.PENDING, NOW, 1)],
            "in_state": [
                lambda it: list(it.in_state(EntryState.PENDING)),
                lambda it: list(it.in_state(EntryState.CLOSED)),
            ],
            "of_location": [lambda it: it.of_location(1)],
            "entries_of": [lambda it: it.entries_of(1), lambda it: it.get("payment#1")],
            "held": [lambda it: it.held(1, 1)],
            "owner": [lambda it: it.owner(1)],
            "is_owned": [lambda it: it.is_owned(1)],
            "own": [lambda it: it.own(1, "payment#1")],
            "note_echo": [lambda it: it.note_echo(PAYMENT)],
            "echo": [lambda it: it.echo()],
        },
    ),
    WakeUps: (
        "sqs",
        lambda aws: WakeUps(aws, "BILLING_QUEUE_URL"),
        {
            "send": [lambda it: it.send("payment#1", NOW)],
            "nudge": [lambda it: it.nudge(replace(PAYMENT, due_at=NOW))],
            "waiting": [lambda it: it.waiting()],
        },
    ),
    CallWakeUps: (
        "sqs",
        lambda aws: CallWakeUps(aws, "CALLS_QUEUE_URL"),
        {
            "waiting": [lambda it: it.waiting()],
            "put": [lambda it: it.put({})],
            "wake": [lambda it: it.wake("a#c-1")],
            "look": [lambda it: it.look(1, "1")],
            "release": [lambda it: it.release(1)],
            "route": [lambda it: it.route("a")],
        },
    ),
    CensusTable: (
        "dynamodb",
        lambda aws: CensusTable(aws, "CENSUS_TABLE"),
        {
            "head": [lambda it: it.head()],
            "order": [lambda it: it.order(NOW)],
            "save": [lambda it: it.save(Head(NOW, Stage.DONE, repairs=False), NOW)],
            "part": [lambda it: it.part(0)],
            "write": [lambda it: it.write(Part(0, ()))],
            "write_all": [lambda it: it.write_all(0, [1])],
        },
    ),
    Releases: (
        "sqs",
        lambda aws: Releases(aws, "CALLS_QUEUE_URL"),
        {"release": [lambda it: it.release(1)]},
    ),
    Hints: (
        "sqs",
        lambda aws: Hints(aws, "HINTS_QUEUE_URL"),
        {"wake": [lambda it: it.wake(1)]},
    ),
    DeadLetters: (
        "sqs",
        # Of which queue, the function's own variable says.
        lambda aws: DeadLetters(aws, "DEAD_LETTERS_URL"),
        {"put": [lambda it: it.put("body", "why", "m-1")]},
    ),
    Pace: (
        "dynamodb",
        paced,
        {
            "at_once": [lambda it: transacted(it, it.at_once())],
            "braked": [lambda it: it.braked()],
            "in_turn": [lambda it: transacted(it, it.in_turn())],
            "wait": [lambda it: refused(it, it.wait)],
            "take": [lambda it: refused(it, lambda: it.take(1))],
            "pushed": [lambda it: it.pushed()],
            "brake": [lambda it: it.brake(0, "429")],
        },
    ),
    Marks: (
        "dynamodb",
        lambda aws: Marks(aws, "PACE_TABLE"),
        {
            "get": [lambda it: it.get()],
            "put": [lambda it: it.put(None, Mark(NOW, NOW))],
        },
    ),
    Bounds: (
        "dynamodb",
        bounded,
        {
            "take": [lambda it: refused(it, it.take)],
            "give_back": [lambda it: it.give_back("a", taken=True)],
        },
    ),
    First: (
        "dynamodb",
        lambda aws: First(paced(aws), paced(aws)),
        {
            "at_once": [lambda it: transacted(it._all, it.at_once())],
            "in_turn": [lambda it: transacted(it._all, it.in_turn())],
            "wait": [lambda it: refused(it._all, it.wait)],
        },
    ),
    RefusedKeys: (
        "dynamodb",
        lambda aws: RefusedKeys(aws, "CALLS_TABLE"),
        {
            "note": [lambda it: it.note("a", NOW)],
            "last": [lambda it: it.last("a", NOW)],
        },
    ),
    Bus: (
        "events",
        lambda aws: Bus(aws, "EVENT_BUS", 101),
        {"put": [lambda it: it.put([TOLD])]},
    ),
    Sightings: (
        "dynamodb",
        lambda aws: Sightings(aws, "PACE_TABLE", lambda: NOW),
        {
            "note": [lambda it: it.note("webhook")],
            "failed": [lambda it: it.failed("CallsFunction", "location 1", "TypeError")],
            "last": [lambda it: it.last("webhook")],
            "lately": [lambda it: it.lately("webhook", timedelta(hours=1))],
            "count": [lambda it: it.count("pop-up", "4564", "sent")],
            "counts": [lambda it: it.counts("pop-up", "4564")],
            "first_counted": [lambda it: it.first_counted("pop-up-late", "4564")],
            "last_counted": [lambda it: it.last_counted("pop-up", "4564")],
            "told": [lambda it: it.told("pop-up", "4564")],
            "crowded": [lambda it: it.crowded("pop-up", "4564", NOW)],
        },
    ),
    Mail: (
        "ses",
        lambda aws: Mail(lambda: aws, "MAIL_FROM", Sightings(Mock(), "PACE_TABLE", lambda: NOW)),
        {
            "send": [lambda it: it.send("anna@salon.example", LETTER, "a-1")],
        },
    ),
    Keys: (
        "ssm",
        lambda aws: Keys(aws, "KEY_PARAMETER"),
        {"fits": [lambda it: it.fits("k")], "is_set": [lambda it: it.is_set()]},
    ),
    Secrets: (
        "ssm",
        lambda aws: Secrets(aws, "SECRET_PARAMETER"),
        {"known": [lambda it: it.known()], "is_set": [lambda it: it.is_set()]},
    ),
    UserToken: (
        "ssm",
        lambda aws: UserToken(aws, "USER_TOKEN_PARAMETER"),
        {"known": [lambda it: it.known()]},
    ),
    PartnerToken: (
        "ssm",
        lambda aws: PartnerToken(aws, "PARTNER_TOKEN_PARAMETER"),
        {
            "accepted": [lambda it: it.accepted()],
            "refetch": [lambda it: it.refetch()],
            "doubted": [lambda it: it.doubted()],
        },
    ),
}


@cache
def asked_by(adapter: type, method: str) -> frozenset[tuple[str, str]]:
    """What a method of an adapter asks of AWS: IAM's action, and the resource's variable."""
    service, make, calls = ADAPTERS[adapter]
    recorder = Recorder(service)
    for call in calls[method]:
        call(make(recorder))
    return frozenset(recorder.asked)
