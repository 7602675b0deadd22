"""The functions' own adapters, configured as the functions are, with the operator's rights.

Deployed, CloudFormation and the functions' environments tell them; local, `up` has announced it.
"""

import argparse
import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from functions.calls import wiring as calls_function
from functions.connect import wiring as connect_function
from functions.payments import wiring as payments_function
from functions.reconcile import wiring as reconcile_function
from ops.screen import Wrong
from ops.watch import CloudWatch
from shared import clock
from shared import settings as config
from shared.altegio import order
from shared.altegio.client import Client, Refused, Unreachable
from shared.altegio.marketplace import Marketplace
from shared.altegio.rate_limit import pace_of
from shared.altegio.status import Status
from shared.altegio.telephony import Telephony
from shared.altegio.tokens import PartnerToken, UserToken
from shared.aws.dynamodb import UnreadableRow
from shared.aws.sightings import Sightings
from shared.calls.letter_wishes import LetterWishes
from shared.calls.line_entry import EnterLines
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.chains.table import Chains
from shared.connections.accounts import Accounts
from shared.connections.journal import Journal
from shared.connections.table import Connections
from shared.payments.ledger import Ledger
from shared.payments.resolve_unknown import ResolveUnknown
from shared.payments.restored import Marks
from shared.reconcile.census.table import CensusTable

_FUNCTIONS = ("PaymentsFunction", "ReconcileFunction", "CallsFunction", "ConnectFunction")
_NOT_LAMBDA = "whose limit that is, Lambda tells of a deployed stack only"
NOT_TOLD = "the platform does not tell"
"""Begins why there is no word of the platform's on a location."""
# How many reads of the tables run side by side.
_AT_ONCE = 16


class NoStack(Wrong):
    """There is no such stack, or none that these commands fit; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the backend runs."""

    name: str
    environments: Mapping[str, Mapping[str, str]]  # Of functions, by their names in the template.
    outputs: Mapping[str, str]  # Those of the template, by name.
    client: Callable[[str], Any]  # Makes a client of an AWS service by its name.
    watch: CloudWatch
    aws: str  # AWS's own command, as it is typed for this stack.
    # What wakes its functions, as Lambda tells; a local stack has nobody who could change it.
    sources: Callable[[], list[dict[str, Any]]] = list
    # Whose limit keeps a function from more runs at once, as Lambda tells.
    allowed: Callable[[str], str] = lambda _function: _NOT_LAMBDA
    changed: Mapping[str, datetime] = field(default_factory=dict)  # When each function was.


class Site:
    """All that the commands work with: the functions' own adapters; `settings` are reconcile's."""

    def __init__(self, stack: Stack) -> None:
        """Of a stack; raises `NoStack` if its functions are configured for another version."""
        try:
            environments = [stack.environments[name] for name in _FUNCTIONS]
            payments = config.read(payments_function.Settings, environments[0])
            reconcile = config.read(reconcile_function.Settings, environments[1])
            calls = config.read(calls_function.Settings, environments[2])
            connect = config.read(connect_function.Settings, environments[3])
        except config.ConfigError as error:
            raise NoStack(f"{stack.name} does not run this version: {error}") from None
        self.name, self.outputs = stack.name, stack.outputs
        self.watch, self.aws = stack.watch, stack.aws
        self.sources, self.allowed = stack.sources, stack.allowed
        self.environments, self.changed = stack.environments, stack.changed
        self.settings, self.calls_settings = reconcile, calls
        dynamodb, sqs, ssm = map(stack.client, ("dynamodb", "sqs", "ssm"))
        self.dynamodb, self.sqs, self.ssm = dynamodb, sqs, ssm  # For what only a person looks for.
        self.tickets_table = connect.tickets_table
        pace_table = reconcile.platform.pace_table
        self.token = PartnerToken(ssm, reconcile.platform.partner_token_parameter)
        self.user_token = UserToken(ssm, calls.user_token_parameter)
        # In turn with the functions.
        self.pace = pace_of(dynamodb, reconcile.platform, order.DESK)
        client = Client(reconcile.platform, self.token, self.pace)
        self.platform = Marketplace(client)
        self.voip = Telephony(client, calls.chains.platform_api_url)
        rows = reconcile.connections
        self.journal = Journal(dynamodb, rows.journal_table, rows.journal_days)
        self.connections = Connections(dynamodb, rows.connections_table, self.journal)
        self.ledger = Ledger(dynamodb, reconcile.payments_table, rows.connections_table)
        self.marks = Marks(dynamodb, pace_table)
        self.roll = CensusTable(dynamodb, reconcile.census_table)
        self.sightings = Sightings(dynamodb, pace_table, clock.now)
        # Rows that a command came upon and could not read, by their keys.
        self.unreadable: dict[str, UnreadableRow] = {}
        self.accounts = Accounts(dynamodb, calls.accounts_table)
        self.chains = Chains(dynamodb, calls.chains.chains_table)
        self.calls = Calls(dynamodb, calls.calls_table, calls.call_days)
        self.wishes = LetterWishes(
            dynamodb, calls.calls_table, clock=clock.now, zone=self.platform.zone
        )
        self.call_wake_ups = CallWakeUps(sqs, calls.chains.calls_queue_url)
        self.looking = ResolveUnknown(
            ledger=self.ledger,
            marks=self.marks,
            platform=self.platform,
            clock=clock.now,
            rules=reconcile.ledger,
        )
        self.lines = EnterLines(
            accounts=self.accounts,
            connections=self.connections,
            calls=self.calls,
            wake_ups=self.call_wake_ups,
            default_country=calls.default_country,
            clock=clock.now,
        )
        # Of each, the address of the queue and that of its dead letters.
        self.queues = {
            "billing": (reconcile.billing_queue_url, payments.billing_dead_letters_url),
            "calls": (calls.chains.calls_queue_url, calls.calls_dead_letters_url),
        }

    def told(self, location_id: int) -> Status | str:
        """The platform's word on a location, or why there is none."""
        try:
            return self.platform.status(location_id)
        except (Refused, Unreachable) as error:
            return f"{NOT_TOLD}: {error}"

    def list_refused(self, location_id: int) -> Refused | Unreachable | None:
        """Why the platform does not show a location's list of calls of today; None if it does."""
        token, day = self.user_token.known(), clock.now().date()
        if token is None:
            return Unreachable(f"no user token in {self.calls_settings.user_token_parameter}")
        try:
            self.voip.calls(location_id, day, day, 1, token)
        except (Refused, Unreachable) as error:
            return error
        return None

    def as_far[Found](self, found: Iterable[Found]) -> Iterator[Found]:
        """What is found, but for rows that cannot be read, which are told later.

        What comes of a generator ends with the first of these.
        """
        it = iter(found)
        while True:
            try:
                yield next(it)
            except StopIteration:
                return
            except UnreadableRow as error:
                self.unreadable[error.key] = error

    def one[Of, Row](self, read: Callable[[Of], Row | None], key: Of) -> Row | None:
        """The row of a key; None if there is none, or it cannot be read, which is told later."""
        return next(self.as_far(map(read, [key])), None)

    def readable[Of, Row](self, read: Callable[[Of], Row | None], keys: Iterable[Of]) -> list[Row]:
        """The rows of keys, as far as there are any; what cannot be read hides no other."""
        return [it for it in side_by_side(partial(self.one, read), keys) if it is not None]


def side_by_side[Of, Told](read: Callable[[Of], Told], all_of: Iterable[Of]) -> list[Told]:
    """What is read of each, in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        return [*workers.map(read, all_of)]


def find(options: argparse.Namespace) -> Stack:
    """The stack that the command line names; raises `NoStack` if there is none, or AWS's error."""
    if options.stack_name:
        return _deployed(options.stack_name, options.profile, options.region)
    try:
        return _local(json.loads(options.announced.read_text("utf-8")))
    except FileNotFoundError:
        raise NoStack(
            "no local stack runs here: start one with `make up`, "
            "or name a deployed one with --stack-name"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        why = f"{options.announced} is not what `up --announce FILE` has written."
        raise NoStack(why) from None


def _local(found: dict[str, Any]) -> Stack:
    credentials = {name.lower(): value for name, value in found["credentials"].items()}
    session = boto3.Session(region_name=found["region"], **credentials)
    # No proxy of the environment may come between, and whoever is not there is not there.
    quick = Config(proxies={}, retries={"total_max_attempts": 1})
    client = partial(session.client, endpoint_url=found["aws_endpoint_url"], config=quick)
    by = "".join(f"{name}={value} " for name, value in found["credentials"].items())
    return Stack(
        name="local stack",
        environments=found["environments"],
        outputs=found["outputs"],
        client=client,
        watch=CloudWatch(
            client("cloudwatch"),
            found["environments"]["ReconcileFunction"]["POWERTOOLS_SERVICE_NAME"],
            found["functions"],
            Path(found["logs"]),
            found["alarms"],
        ),
        aws=f"{by}aws --endpoint-url {found['aws_endpoint_url']} --region {found['region']}",
    )


def _deployed(stack_name: str, profile: str | None, region: str | None) -> Stack:
    session = boto3.Session(profile_name=profile, region_name=region)
    cloudformation, functions = session.client("cloudformation"), session.client("lambda")
    [stack] = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    names = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::Lambda::Function"
    }
    if not names.keys() >= {*_FUNCTIONS}:
        raise NoStack(f"{stack_name} is no stack of this backend, or of another version of it")

    def configured(name: str) -> Any:
        return functions.get_function_configuration(FunctionName=name)

    # https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
    told = dict(zip(names, side_by_side(configured, names.values()), strict=True))

    def client(service: str) -> Any:
        # The name is a variable, and the overloads of the stubs want a literal.
        return session.client(service)  # type: ignore[call-overload]

    def sources() -> list[dict[str, Any]]:
        # https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
        asked = side_by_side(
            lambda name: functions.list_event_source_mappings(FunctionName=name), names.values()
        )
        return [dict(it) for answer in asked for it in answer["EventSourceMappings"]]

    def allowed(function: str) -> str:
        # https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
        name = names[function]
        try:
            own = functions.get_function_concurrency(FunctionName=name)
            if "ReservedConcurrentExecutions" in own:
                number = own["ReservedConcurrentExecutions"]
                none = ", so none of it runs" * (number == 0)
                return f"its own ReservedConcurrentExecutions is {number}{none}"
            of_all = functions.get_account_settings()["AccountLimit"]
        except ClientError as error:
            return f"whose limit that is, Lambda does not tell: {error.response['Error']['Code']}"
        free = of_all["UnreservedConcurrentExecutions"]
        told = f"it has no limit of its own, and the account's is {of_all['ConcurrentExecutions']}"
        return f"{told}, of which all functions without one share {free}"

    named = [f"--profile {shlex.quote(profile)}"] if profile else []
    return Stack(
        name=f"{stack_name} in {session.region_name}",
        environments={name: it["Environment"]["Variables"] for name, it in told.items()},
        outputs={each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])},
        client=client,
        watch=CloudWatch(client("cloudwatch"), stack_name, names),
        aws=" ".join(["aws", f"--region {session.region_name}", *named]),
        sources=sources,
        allowed=allowed,
        changed={name: clock.instant(it["LastModified"]) for name, it in told.items()},
    )
