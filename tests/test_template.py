"""The rules of the house for template.yaml: what a deployment could get wrong without a word."""

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # ships no types

from functions.reconcile import app as reconcile_app
from shared import telemetry
from shared.altegio.order import HISTORY_OF_ALL
from shared.altegio.rate_limit import Bounds, First, Pace, Paused
from shared.altegio.redirect import Owner, Redirect
from shared.altegio.settings import PacePolicy
from shared.altegio.tokens import PartnerToken, UserToken
from shared.aws.dead_letters import DeadLetters
from shared.aws.dynamodb import to_item
from shared.aws.ses import Letter, Mail
from shared.calls import call as rules_of
from shared.calls.call import CallState
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.chains.chain import Chain, ChainState
from shared.chains.queue import Releases
from shared.chains.table import Chains
from shared.clock import stamp
from shared.connect.portal_key import PortalKey
from shared.connect.tickets import LENGTH, Tickets
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection, State
from shared.connections.journal import Journal, Line
from shared.connections.table import Connections
from shared.payments.entry import Entry, EntryState
from shared.payments.ledger import Ledger
from shared.payments.queue import BillingEvents, WakeUps
from shared.reconcile.census.table import CensusTable, Head, Part, Stage
from shared.reconcile.hint_queue import Hints
from tests.deployment import Deployment

PROJECT = Path(__file__).parents[1]
SOURCE = (PROJECT / "template.yaml").read_text("utf-8")
TEMPLATE: dict[str, Any] = yaml_parse(SOURCE)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Properties of every resource of a type, by logical name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in RESOURCES.items()
        if resource["Type"] == kind
    }


def merged(function: dict[str, Any]) -> dict[str, Any]:
    """A function's properties over the globals, as SAM merges them."""
    common = TEMPLATE["Globals"]["Function"]
    merged = {**common, **function}
    for name in ("Environment", "LoggingConfig"):
        merged[name] = {**common.get(name, {}), **function.get(name, {})}
    variables = (
        common["Environment"]["Variables"],
        function.get("Environment", {}).get("Variables", {}),
    )
    merged["Environment"] = {"Variables": {**variables[0], **variables[1]}}
    return merged


FUNCTIONS = {name: merged(f) for name, f in of_type("AWS::Serverless::Function").items()}
TABLES = of_type("AWS::DynamoDB::Table")
QUEUES = of_type("AWS::SQS::Queue")
ALARMS = of_type("AWS::CloudWatch::Alarm")
LOG_GROUPS = of_type("AWS::Logs::LogGroup")
ROLES = of_type("AWS::IAM::Role")


def target(value: Any) -> str:
    """The logical name that `!Ref` or `!GetAtt` refers to."""
    [(_how, name)] = value.items()
    return str(name[0] if isinstance(name, list) else name)


def events(function: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["Properties"] for e in function["Events"].values() if e["Type"] == kind]


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


# Messages that say nothing that is not a due row, too.
WAKE_UPS_ONLY = {"HintsQueue"}
DEAD_LETTERS = {
    target(queue["RedrivePolicy"]["deadLetterTargetArn"]): name
    for name, queue in QUEUES.items()
    if "RedrivePolicy" in queue
}
MAPPINGS = [(name, mapping) for name, f in FUNCTIONS.items() for mapping in events(f, "SQS")]
ROUTES = {
    f"{route['Method']} {route['Path']}"
    for function in FUNCTIONS.values()
    for route in events(function, "HttpApi")
}


def test_there_is_something_to_test() -> None:
    assert set(FUNCTIONS) >= {
        "ConnectFunction",
        "PaymentsFunction",
        "DisableFunction",
        "ReconcileFunction",
        "CallsFunction",
    }
    assert len(MAPPINGS) >= 1
    assert len(ROUTES) >= 5
    assert DEAD_LETTERS


# Queues: nothing is lost by a setting


@pytest.mark.parametrize(("function", "mapping"), MAPPINGS)
def test_a_failed_message_comes_again_alone(function: str, mapping: dict[str, Any]) -> None:
    """Without ReportBatchItemFailures the handler's list of failures would read as success."""
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 1
    assert "MaximumBatchingWindowInSeconds" not in mapping
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert target(mapping["Queue"]) in QUEUES
    queue = QUEUES[target(mapping["Queue"])]
    assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[function]["Timeout"]


def test_the_queues_leave_room_in_a_new_account() -> None:
    """It has ten concurrent runs in all, of which HTTP and the schedule need four."""
    at_once = [mapping["ScalingConfig"]["MaximumConcurrency"] for _, mapping in MAPPINGS]
    assert len(at_once) == 3
    assert sum(at_once) <= 6


def test_concurrency_is_reserved_by_choice_only_and_then_enough() -> None:
    """Reserving too little throttles the pollers, and good messages end as dead letters."""
    parameter = PARAMETERS["ReservedConcurrency"]
    assert parameter["Default"] == 0
    reserved = {name for name, f in FUNCTIONS.items() if "ReservedConcurrentExecutions" in f}
    assert reserved == {"PaymentsFunction", "DisableFunction", "ReconcileFunction"}
    for name in reserved:
        assert FUNCTIONS[name]["ReservedConcurrentExecutions"] == {
            "Fn::If": [
                "ReservesConcurrency",
                {"Ref": "ReservedConcurrency"},
                {"Ref": "AWS::NoValue"},
            ]
        }
        own = [
            mapping["ScalingConfig"]["MaximumConcurrency"] for f, mapping in MAPPINGS if f == name
        ]
        # Beside its queues' runs, one of the schedule or of the front door.
        assert min(set(parameter["AllowedValues"]) - {0}) > sum(own)
    assert TEMPLATE["Conditions"]["ReservesConcurrency"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "0"]}]
    }


@pytest.mark.parametrize("name", sorted(set(QUEUES) - set(DEAD_LETTERS) - WAKE_UPS_ONLY))
def test_every_queue_keeps_what_cannot_be_processed(name: str) -> None:
    queue = QUEUES[name]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert queue["VisibilityTimeout"] >= 6 * TEMPLATE["Globals"]["Function"]["Timeout"]
    assert queue["SqsManagedSseEnabled"] is True
    assert not queue.get("FifoQueue")


@pytest.mark.parametrize("name", sorted(WAKE_UPS_ONLY))
def test_a_wake_up_is_over_when_the_schedule_has_long_come(name: str) -> None:
    queue = QUEUES[name]
    assert queue["VisibilityTimeout"] < queue["MessageRetentionPeriod"] <= 600
    assert queue["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize(("name", "source"), sorted(DEAD_LETTERS.items()))
def test_a_dead_letter_outlives_its_queue_and_rings(name: str, source: str) -> None:
    queue = QUEUES[name]
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["MessageRetentionPeriod"] > QUEUES[source]["MessageRetentionPeriod"]
    assert queue["SqsManagedSseEnabled"] is True
    [alarm] = [
        alarm
        for alarm in ALARMS.values()
        if {"Name": "QueueName", "Value": {"Fn::GetAtt": [name, "QueueName"]}}
        in alarm["Dimensions"]
    ]
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
    )
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
        1,
        "GreaterThanOrEqualToThreshold",
    )


def test_no_alarm_watches_what_dead_letters_do_not_count() -> None:
    """What SQS moves there by itself is no NumberOfMessagesSent."""
    assert "NumberOfMessagesSent" not in SOURCE


# Functions


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_is_of_the_house(name: str) -> None:
    function = FUNCTIONS[name]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert RESOURCES[name]["Metadata"] == {"BuildMethod": "makefile"}
    assert re.search(
        rf"^build-(%|{name}):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    assert function["Timeout"] > PARAMETERS["HttpTotalS"]["Default"]
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert "RetentionInDays" in LOG_GROUPS[target(function["LoggingConfig"]["LogGroup"])]
    assert "Tracing" not in function
    assert "Layers" not in function
    assert "Policies" not in function


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_handler_is_there(name: str) -> None:
    module, _, attribute = FUNCTIONS[name]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_no_two_functions_share_a_role_or_a_log() -> None:
    roles = [target(function["Role"]) for function in FUNCTIONS.values()]
    logs = [target(function["LoggingConfig"]["LogGroup"]) for function in FUNCTIONS.values()]
    assert sorted(roles) == sorted(ROLES)
    assert len(set(roles)) == len(roles)
    assert len(set(logs)) == len(logs)


def test_the_runtime_is_the_one_that_is_tested() -> None:
    assert (PROJECT / ".python-version").read_text().strip() == "3.13"
    assert sys.version_info[:2] == (3, 13)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_no_variable_is_a_literal(name: str) -> None:
    for variable, value in FUNCTIONS[name]["Environment"]["Variables"].items():
        assert variable.startswith("POWERTOOLS_") or target(value) in {**PARAMETERS, **RESOURCES}


def test_reconcile_ends_before_it_is_due_again_and_before_it_is_killed() -> None:
    function = FUNCTIONS["ReconcileFunction"]
    [schedule] = events(function, "ScheduleV2")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert function["Timeout"] < 60
    # A step that begins at the last moment makes three calls to the platform.
    reserve_s: float = reconcile_app._RESERVE_S
    assert 3 * PARAMETERS["HttpTotalS"]["Default"] <= reserve_s < function["Timeout"]


# Tables


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_survives_the_stack(name: str) -> None:
    # Whose turn it is matters for a minute only, and the next census finds what the last one did.
    fate = "Delete" if name in ("PaceTable", "CensusTable") else "Retain"
    assert RESOURCES[name]["DeletionPolicy"] == fate
    assert RESOURCES[name]["UpdateReplacePolicy"] == fate
    table = TABLES[name]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert "ProvisionedThroughput" not in table
    assert "TableName" not in table
    # What expires by itself, and what the next run finds anew, is no loss.
    passing = {"TicketsTable", "CallsTable", "PaceTable", "CensusTable"}
    assert table.get("DeletionProtectionEnabled", False) is (name not in passing)


@pytest.mark.parametrize("name", ["ConnectionsTable", "PaymentsTable", "ChainsTable"])
def test_what_is_due_is_a_sparse_index_of_keys(name: str) -> None:
    [due] = [i for i in TABLES[name]["GlobalSecondaryIndexes"] if i["IndexName"] == "due"]
    assert due["KeySchema"] == [
        {"AttributeName": "state", "KeyType": "HASH"},
        {"AttributeName": "due_at", "KeyType": "RANGE"},
    ]
    for index in TABLES[name]["GlobalSecondaryIndexes"]:
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_attribute_of_a_table_is_a_key(name: str) -> None:
    table = TABLES[name]
    schemas = [table["KeySchema"]] + [
        index["KeySchema"] for index in table.get("GlobalSecondaryIndexes", ())
    ]
    keys = {key["AttributeName"] for schema in schemas for key in schema}
    assert {attribute["AttributeName"] for attribute in table["AttributeDefinitions"]} == keys


# Rights: each function may do what its code does, and nothing else


def statements(role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for policy in ROLES[role]["Policies"]:
        found += policy["PolicyDocument"]["Statement"]
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    named = statement["Action"]
    return named if isinstance(named, list) else [named]


# SES asks for the right on whichever identity it verified, the address or its domain, so only the
# condition can say which address letters may come from.
LETTERS = {
    "Effect": "Allow",
    "Action": "ses:SendEmail",
    "Resource": {
        "Fn::Sub": "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"
    },
    "Condition": {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}},
}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_right_is_wider_than_one_resource(role: str) -> None:
    properties = ROLES[role]
    assert "ManagedPolicyArns" not in properties
    [trust] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    for statement in statements(role):
        if statement == LETTERS:
            continue
        assert set(statement) == {"Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        assert not isinstance(statement["Resource"], list)
        for text in leaves(statement):
            assert "*" not in str(text)
        for action in actions(statement):
            assert re.fullmatch(r"[a-z]+:[A-Z][A-Za-z]+", action)


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
            self._add("".join(word.capitalize() for word in method.split("_")), f"{where}{index}")
            if self.refuses and method == "update_item":
                code = "ConditionalCheckFailedException"
                raise ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem")
            return {
                "Items": [],
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
    facts={"payment_event_id": "1"},
    state=EntryState.SENDING,
    received_at=NOW,
    platform_id=1,
)
REFUND = Entry(
    key="refund#1",
    location_id=1,
    digest="",
    facts={"payment_event_id": "1"},
    state=EntryState.SENDING,
    received_at=NOW,
)
ACCOUNT: dict[str, Any] = {
    "account_id": "a",
    "altegio_user_id": 7,
    "name": "",
    "email": "",
    "phone": "",
    "created_at": stamp(NOW),
    "last_seen_at": stamp(NOW),
}
LETTER = Letter("Your code", "1")
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
CALL = rules_of.ringing("a", "c-1", 1, NOW)
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
            "due": [lambda it: it.due(State.ACTIVE, NOW, 1)],
            "hinted": [lambda it: it.hinted("uninstall", NOW, 1)],
            "in_state": [lambda it: list(it.in_state(State.ACTIVE))],
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
            "give_key": [lambda it: it.give_key("a", "digest")],
            "register": [lambda it: it.register(7, name="", email="", phone="", now=NOW)],
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
                    2001
                )
            ],
            "naming": [
                lambda it: it._dynamodb.transact_write_items(TransactItems=[it.naming(2001, "k")])
            ],
            "due": [lambda it: it.due(NOW, 1)],
        },
    ),
    Calls: (
        "dynamodb",
        lambda aws: Calls(aws, "CALLS_TABLE", 14),
        {
            "get": [lambda it: it.get("a#c-1")],
            "save": [lambda it: it.save(CALL)],
            "claim": [lambda it: it.claim(CALL, TURN)],
            "pop": [lambda it: it.pop(CALL, NOW, TURN)],
            "due": [lambda it: it.due(CallState.WAITING, NOW, 1)],
            "of_location": [lambda it: list(it.of_location(1, NOW))],
            "latest": [lambda it: it.latest(1, 1)],
        },
    ),
    Tickets: (
        "dynamodb",
        lambda aws: Tickets(aws, "TICKETS_TABLE", 60),
        {
            "issue": [lambda it: it.issue(ARRIVED, NOW)],
            "open": [lambda it: it.open("x" * LENGTH, NOW)],
            "try_code": [lambda it: it.try_code("ticket")],
            "keep_proof": [lambda it: it.keep_proof("ticket", "a", NOW)],
            "count_letter": [lambda it: it.count_letter("a", NOW, 1)],
            "uncount_letter": [lambda it: it.uncount_letter("a", NOW)],
            "sent_code": [lambda it: it.sent_code("a", NOW)],
            "use_code": [lambda it: it.use_code("a", NOW, 0)],
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
            "look": [lambda it: it.look(1)],
            "release": [lambda it: it.release(1)],
        },
    ),
    CensusTable: (
        "dynamodb",
        lambda aws: CensusTable(aws, "CENSUS_TABLE"),
        {
            "head": [lambda it: it.head()],
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
    BillingEvents: (
        "sqs",
        lambda aws: BillingEvents(aws, "BILLING_QUEUE_URL"),
        {"put": [lambda it: it.put({})]},
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
            "in_turn": [lambda it: transacted(it, it.in_turn())],
            "wait": [lambda it: refused(it, it.wait)],
            "take": [lambda it: refused(it, lambda: it.take(1))],
            "pushed": [lambda it: it.pushed()],
            "brake": [lambda it: it.brake(0)],
        },
    ),
    Bounds: (
        "dynamodb",
        bounded,
        {"take": [lambda it: refused(it, it.take)]},
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
    Mail: (
        "ses",
        lambda aws: Mail(lambda: aws, "MAIL_FROM"),
        {
            "send": [lambda it: it.send("anna@salon.example", LETTER)],
        },
    ),
    PortalKey: (
        "ssm",
        lambda aws: PortalKey(aws, "PORTAL_KEY_PARAMETER"),
        {"fits": [lambda it: it.fits("k")]},
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


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.__name__)
def test_every_method_of_every_adapter_is_known_here(adapter: type) -> None:
    public = {name for name in dir(adapter) if not name.startswith("_")}
    assert public == set(ADAPTERS[adapter][2])
    for method in public:
        assert asked_by(adapter, method)


@cache
def classes() -> dict[str, ast.ClassDef]:
    """Every class of shared, by name."""
    return {
        node.name: node
        for path in sorted((PROJECT / "shared").rglob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }


@cache
def makers() -> dict[str, ast.FunctionDef]:
    """Every function of shared that makes one of its classes, by name: `pace_of`."""
    return {
        node.name: node
        for path in sorted((PROJECT / "shared").rglob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_of")
    }


def collaborators(definition: ast.ClassDef) -> dict[str, str]:
    """The attributes that a class keeps its arguments under, with the classes of these."""
    found = {}
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = [*node.args.args, *node.args.kwonlyargs]
            kinds = {a.arg: ast.unparse(a.annotation) for a in arguments if a.annotation}
            for line in ast.walk(node):
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.Name):
                    found[ast.unparse(line.targets[0])] = kinds[line.value.id]
    return found


def _called_in(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def needed(function: str) -> set[tuple[str, str]]:
    """What a function asks of AWS: from its wiring to the methods of its adapters."""
    folder = FUNCTIONS[function]["Handler"].split(".")[1]
    wiring = ast.parse((PROJECT / "functions" / folder / "wiring.py").read_text("utf-8"))
    called = _called_in(wiring)
    for name in called & set(makers()):
        called |= _called_in(makers()[name])
    makes = called & set(classes())
    adapters = {adapter.__name__: adapter for adapter in ADAPTERS}
    found: set[tuple[str, str]] = set()
    for made in makes:
        attributes = collaborators(classes()[made])
        for node in ast.walk(classes()[made]):
            if isinstance(node, ast.Attribute):
                kinds = attributes.get(ast.unparse(node.value), "").split(" | ")
                for kind in adapters.keys() & set(kinds):
                    found |= asked_by(adapters[kind], node.attr)
    return found


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_may_do_exactly_what_its_code_does(function: str) -> None:
    properties = FUNCTIONS[function]
    variables = properties["Environment"]["Variables"]
    wanted = set()
    for action, where in needed(function):
        named, _, index = where.partition("/")
        [variable] = {named} & set(variables) or {it for it in variables if it.endswith(named)}
        wanted.add((action, target(variables[variable]) + (f"/{index}" if index else "")))
    logs = target(properties["LoggingConfig"]["LogGroup"])
    wanted |= {("logs:CreateLogStream", logs), ("logs:PutLogEvents", logs)}
    for mapping in events(properties, "SQS"):
        wanted |= {
            (f"sqs:{action}", target(mapping["Queue"]))
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        }
    granted = {
        (action, _resource(statement))
        for statement in statements(target(properties["Role"]))
        for action in actions(statement)
    }
    missing, unused = wanted - granted, granted - wanted
    assert (missing, unused) == (set(), set())


def _resource(statement: dict[str, Any]) -> str:
    if statement == LETTERS:
        return target(statement["Condition"]["StringEquals"]["ses:FromAddress"])
    value = statement["Resource"]
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        if index := re.fullmatch(r"\$\{(\w+)\.Arn\}(/index/\w+)", text):
            return index[1] + index[2]
        [parameter] = re.findall(r":parameter\$\{(\w+)\}$", text)
        return str(parameter)
    return target(value)


# The HTTP API


def test_every_route_is_throttled_and_no_other() -> None:
    [api] = of_type("AWS::Serverless::HttpApi").values()
    assert set(api["RouteSettings"]) == ROUTES
    for throttle in (*api["RouteSettings"].values(), api["DefaultRouteSettings"]):
        assert throttle["ThrottlingRateLimit"] > 0
        assert throttle["ThrottlingBurstLimit"] >= throttle["ThrottlingRateLimit"]


def test_the_platform_is_never_throttled_by_those_who_open_the_page() -> None:
    [api] = of_type("AWS::Serverless::HttpApi").values()
    limits = {route: s["ThrottlingRateLimit"] for route, s in api["RouteSettings"].items()}
    assert limits["POST /webhooks/altegio"] >= 10 * limits["GET /connect"]


def test_the_access_log_never_holds_a_query() -> None:
    """user_data, its signature and crm_token arrive in the query."""
    [api] = of_type("AWS::Serverless::HttpApi").values()
    logged = json.loads(api["AccessLogSettings"]["Format"])
    assert set(logged.values()) == {
        "$context.requestTime",
        "$context.requestId",
        "$context.routeKey",
        "$context.path",
        "$context.status",
        "$context.responseLatency",
        "$context.identity.sourceIp",
        "$context.error.message",
    }
    destination = target(api["AccessLogSettings"]["DestinationArn"])
    assert "RetentionInDays" in LOG_GROUPS[destination]


# Alarms


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_every_alarm_tells_somebody_what_is_wrong(name: str) -> None:
    alarm = ALARMS[name]
    assert [target(action) for action in alarm["AlarmActions"]] == ["AlarmsTopic"]
    assert len(alarm["AlarmDescription"]) > 20
    assert alarm["TreatMissingData"] in ("notBreaching", "breaching")


CUSTOM = {
    alarm["MetricName"]: alarm
    for alarm in ALARMS.values()
    if alarm["Namespace"] == telemetry.NAMESPACE
}


@pytest.mark.parametrize("metric", sorted(CUSTOM))
def test_every_alarm_watches_something_that_is_counted(metric: str) -> None:
    counted = {
        node.value
        for folder in ("shared", "functions")
        for path in (PROJECT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
    }
    assert metric in counted


def test_a_metric_has_the_dimensions_that_its_alarm_watches() -> None:
    program = (
        "import json; from shared.telemetry import count, metrics; count('Doubled');"
        "print(json.dumps(metrics.serialize_metric_set()))"
    )
    written = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={"POWERTOOLS_SERVICE_NAME": "this stack", "PATH": ""},
        capture_output=True,
        check=True,
    )
    told = json.loads(written.stdout)
    [metrics] = told["_aws"]["CloudWatchMetrics"]
    assert CUSTOM
    for alarm in CUSTOM.values():
        assert alarm["Namespace"] == metrics["Namespace"]
        assert [[d["Name"] for d in alarm["Dimensions"]]] == metrics["Dimensions"]
        assert [target(d["Value"]) for d in alarm["Dimensions"]] == ["AWS::StackName"]
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert target(variables["POWERTOOLS_SERVICE_NAME"]) == "AWS::StackName"
    assert told["service"] == "this stack"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_that_fails_rings(name: str) -> None:
    watched = [
        alarm["MetricName"]
        for alarm in ALARMS.values()
        if {"Name": "FunctionName", "Value": {"Ref": name}} in alarm["Dimensions"]
    ]
    assert {"Errors", "Throttles"} <= set(watched)


def test_reconcile_is_silent_when_its_schedule_is() -> None:
    """Not when its invocations are: a webhook causes these, too."""
    alarm = ALARMS["ReconcileSilentAlarm"]
    assert alarm["MetricName"] == "ReconcileRun"
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (300, 1)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


def test_only_the_run_that_the_silent_alarm_means_is_counted(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.invoke("reconcile", {"Records": [{"messageId": "m", "body": "4564"}]})
    assert "ReconcileRun" not in logged()
    deployment.reconcile()
    assert "ReconcileRun" in logged()


# Parameters and outputs


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_is_described_and_used(name: str) -> None:
    assert len(PARAMETERS[name]["Description"]) > 10
    used = {key: value for key, value in TEMPLATE.items() if key != "Parameters"}
    texts = {str(leaf) for leaf in leaves(used)}
    assert {"Ref": name} in list(_dicts(used)) or any(f"${{{name}}}" in text for text in texts)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def test_only_the_application_id_has_to_be_given() -> None:
    required = {name for name, value in PARAMETERS.items() if "Default" not in value}
    assert required == {"ApplicationId"}


def test_a_secret_comes_in_by_its_name_only() -> None:
    secretive = {
        name for name in PARAMETERS if re.search("token|secret|password|key", name.lower())
    }
    assert secretive == {
        "PartnerTokenParameter",
        "PortalKeyParameter",
        "UserTokenParameter",
    }
    for name in secretive:
        assert PARAMETERS[name]["Default"].startswith("/")
    assert "{{resolve:" not in SOURCE
    for leaf in leaves(TEMPLATE):
        assert not re.search(r"[0-9a-fA-F]{32}|AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*KEY", str(leaf))


def test_the_outputs_are_what_an_operator_pastes() -> None:
    outputs = {name: output["Value"] for name, output in TEMPLATE["Outputs"].items()}
    for name, route in (("RedirectUrl", "GET"), ("WebhookUrl", "POST"), ("CallsUrl", "POST")):
        url = outputs[name]["Fn::Sub"]
        assert f"{route} {url.removeprefix('${HttpApi.ApiEndpoint}')}" in ROUTES
    for output in TEMPLATE["Outputs"].values():
        assert len(output["Description"]) > 10


@pytest.mark.parametrize("queue", sorted(set(QUEUES) - WAKE_UPS_ONLY))
def test_every_queue_can_be_found_in_the_outputs(queue: str) -> None:
    assert TEMPLATE["Outputs"][f"{queue}Url"]["Value"] == {"Ref": queue}
