"""The functions of template.yaml behind their handlers, on moto's AWS and the platform simulator.

Everything goes through the door: an HTTP API event, an SQS record, the schedule's event. Time is a
clock that tests move; the simulator's moves with it.
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import boto3
import httpx
import pytest

from functions.billing import wiring as billing
from functions.calls import wiring as calls
from functions.connect import wiring as connect
from functions.disable import wiring as disable
from functions.events import wiring as events
from functions.payments import wiring as payments
from functions.reconcile import wiring as reconcile
from local.simulator import Simulator
from local.stack.emulator import create_table
from local.stack.filters import passes
from local.stack.template import Template
from local.stack.wiring import Wiring
from shared.aws.dynamodb import from_item
from shared.calls.line_entry import EnterLines
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.chains.table import Chains
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection, State
from shared.connections.journal import Journal
from shared.connections.table import Connections
from shared.payments.entry import Entry
from shared.payments.ledger import Ledger

TEMPLATE = Template.read(Path(__file__).parents[1] / "template.yaml")
FUNCTIONS = {
    "connect": connect.build,
    "billing": billing.build,
    "payments": payments.build,
    "disable": disable.build,
    "calls": calls.build,
    "reconcile": reconcile.build,
    "events": events.build,
}
# Reading all certificates that there are is most of what a new environment costs.
_create_ssl_context = cache(httpx.create_ssl_context)
_NOT_CHOSEN = re.compile(r"<option(?![^>]* selected)[^>]*>[^<]*</option>")
# Stands in the wiring where each simulator's own address goes.
_PLATFORM = "http://platform"


@cache
def wired(endpoint_url: str, **values: str) -> Wiring:
    """The template with its values; once for all stacks, as it is most of what a new one costs."""
    values = {"PlatformAppUrl": _PLATFORM, "PlatformApiUrl": _PLATFORM, **values}
    return TEMPLATE.wire(values, endpoint_url=endpoint_url, api_url="https://provider.example")


class Clock:
    """The present moment, which only moves when told to.

    It begins in the middle of a day, hour and minute, so that no red run is the real clock's doing;
    `pytest --at 2026-12-31T23:59:50` begins at another.
    """

    BEGINS = datetime(2026, 11, 28, 10, 10, 20, tzinfo=UTC)

    def __init__(self) -> None:
        self.at = self.BEGINS

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@dataclass
class Context:
    """What the handlers read of Lambda's context."""

    function_name: str
    memory_limit_in_mb: int = 512
    aws_request_id: str = "request-1"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return 55_000


@dataclass
class Page(HTMLParser):
    """The connect page as a browser sees it: its locations and buttons.

    `fields` are those of the form that connects, or else of the first one.
    """

    status: int
    headers: dict[str, str]
    text: str
    standings: dict[int, str] = field(init=False)
    fields: dict[str, str] = field(init=False)
    buttons: list[str] = field(init=False)
    title: str = field(init=False)
    telephony: dict[int, str] = field(init=False)
    pbx_key: str = field(init=False)
    # The account's other locations, what can be done about a proof, and the fates of what happened.
    others: list[int] = field(init=False)
    proof: str = field(init=False)
    fates: list[str] = field(init=False)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Reads the page when something of it is asked for: most are only passed through."""
            if name not in type(self).__dataclass_fields__:
                raise AttributeError(name)
            self._read()
            return getattr(self, name)

    def _read(self) -> None:
        super().__init__()
        self.standings, self.fields, self.buttons = {}, {}, []
        self.telephony, self.others, self.fates = {}, [], []
        self.title = self.pbx_key = self.proof = ""
        self._in_title = self._in_key = False
        # The countries that are not chosen are most of the page.
        self.feed(_NOT_CHOSEN.sub("", self.text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "data-location" in values:
            self.standings[int(values["data-location"])] = values["data-standing"]
        if "data-telephony" in values:
            self.telephony[list(self.standings)[-1]] = values["data-telephony"]
        if "data-other" in values:
            self.others.append(int(values["data-other"]))
        if "data-fate" in values:
            self.fates.append(values["data-fate"])
        self.proof = values.get("data-proof", self.proof)
        self._in_key = values.get("id") == "pbx-key"
        self._field(tag, values)
        self._in_title = tag == "h1"

    def _field(self, tag: str, values: dict[str, str]) -> None:
        if tag == "form":
            self._form: dict[str, str] = {}
        # What only a script uses.
        if tag in ("input", "button") and "name" not in values:
            return
        if tag in ("input", "button"):
            self._form[values["name"]] = values.get("value", "")
        if tag == "select":
            self._select = values["name"]
            self._form[self._select] = ""
        if tag == "option" and "selected" in values:
            self._form[self._select] = values["value"]
        if tag == "button":
            self.buttons.append(values["value"])
            if not self.fields or values["value"] == "connect":
                self.fields = self._form

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "h1"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        if self._in_key:
            self.pbx_key += data.strip()


class Deployment:
    """One deployed stack and one platform."""

    def __init__(self, simulator: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.simulator = simulator
        self.clock = clock
        self._monkeypatch = monkeypatch
        self._message = 0
        self.invoked = 0
        # What the owner's browser says that he speaks.
        self.accept_language = ""
        wiring = wired(
            "https://sqs.us-east-1.amazonaws.com",
            ApplicationId=str(simulator.application_id),
            RecordingHosts="records.example",
            # No waiting here, but where a test is about the pace.
            PacePerS="1000000",
            PacePerMin="60000000",
            # Nor a census, but where a test is about it.
            CensusEveryS="0",
        )
        monkeypatch.setattr(httpx, "create_ssl_context", _create_ssl_context)
        self.environments = {
            name.removesuffix("Function").lower(): {
                **{
                    variable: simulator.url if value == _PLATFORM else value
                    for variable, value in function.environment.items()
                },
                "HTTP_TOTAL_S": "5",
            }
            for name, function in wiring.functions.items()
        }
        self._create(wiring)
        self.journal = Journal(self._dynamodb, self.environments["connect"]["JOURNAL_TABLE"], 400)
        self.connections = Connections(
            self._dynamodb, self.environments["connect"]["CONNECTIONS_TABLE"], self.journal
        )
        self.ledger = Ledger(
            self._dynamodb,
            self.environments["payments"]["PAYMENTS_TABLE"],
            self.environments["payments"]["CONNECTIONS_TABLE"],
        )
        calls = self.environments["calls"]
        self.calls = Calls(self._dynamodb, calls["CALLS_TABLE"], days=14)
        self.chains = Chains(self._dynamodb, calls["CHAINS_TABLE"])
        self.accounts = Accounts(self._dynamodb, calls["ACCOUNTS_TABLE"])
        self.lines = EnterLines(
            accounts=self.accounts,
            connections=self.connections,
            calls=self.calls,
            wake_ups=CallWakeUps(self.sqs, self.queues["CallsQueue"]),
            default_country=calls["DEFAULT_COUNTRY"],
            clock=self.clock,
        )
        self.restart()

    def _create(self, wiring: Wiring) -> None:
        session = boto3.Session()
        self._dynamodb: Any = session.client("dynamodb")
        self.sqs = session.client("sqs")
        self.ssm = session.client("ssm")
        for table in wiring.tables.values():
            create_table(self._dynamodb, table)
        self.queues = self._queues_of(wiring)
        told = {queue.url: self.queues[name] for name, queue in wiring.queues.items()}
        for environment in self.environments.values():
            for name, value in environment.items():
                environment[name] = told.get(value, value)
        self.set_token(self.simulator.partner_token)
        self.set_user_token(self.simulator.user_token)
        self._streams = [(it, wiring.tables[it.table].name) for it in wiring.streams]
        self._read = dict.fromkeys((it.table for it in wiring.streams), 0)

    def _queues_of(self, wiring: Wiring) -> dict[str, str]:
        """As the template sets them; each has its letters, whose address is another than there."""
        made, arns = dict[str, str](), dict[str, str]()
        with_letters_last = sorted(
            wiring.queues.items(), key=lambda it: "RedrivePolicy" in it[1].properties
        )
        for name, queue in with_letters_last:
            attributes: Any = {
                key: str(it)
                for key, it in queue.properties.items()
                if key in ("DelaySeconds", "MessageRetentionPeriod", "VisibilityTimeout")
            }
            if redrive := queue.properties.get("RedrivePolicy"):
                letters = arns[redrive["deadLetterTargetArn"]]
                attributes["RedrivePolicy"] = json.dumps(
                    {**redrive, "deadLetterTargetArn": letters}
                )
            url = self.sqs.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
            told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            made[name], arns[queue.arn] = url, told["Attributes"]["QueueArn"]
        return made

    def set_user_token(self, token: str) -> None:
        self.ssm.put_parameter(
            Name="/altegio/user-token", Value=token, Type="SecureString", Overwrite=True
        )

    def set_token(self, *tokens: str) -> None:
        """Writes the parameter: one token, or while it is rotated the new one and the old."""
        self.ssm.put_parameter(
            Name="/altegio/partner-token",
            Value="\n".join(tokens),
            Type="SecureString",
            Overwrite=True,
        )

    def restart(self, **changes: str) -> None:
        """New execution environments of all functions, with some variables changed."""
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {}
        for name, build in FUNCTIONS.items():
            app = import_module(f"functions.{name}.app")
            environment = {**self.environments[name], **changes}
            self._monkeypatch.setattr(app, "wired", cache(partial(build, environment)))
            self._handlers[name] = app.handler

    def invoke(self, function: str, event: Any) -> Any:
        self.invoked += 1
        return self._handlers[function](event, Context(function))

    # The post, and the company's portal

    @property
    def letters(self) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = boto3.Session().client("sesv2").sent
        return sent

    def code(self) -> str:
        """The code in the last letter."""
        [code] = re.findall(r"\d{4} \d{4} \d{4}", self.letters[-1]["text"])
        return str(code)

    def set_portal_key(self, *keys: str) -> None:
        self.ssm.put_parameter(
            Name="/altegio/portal-key", Value="\n".join(keys), Type="SecureString", Overwrite=True
        )

    def set_billing_key(self, *keys: str) -> None:
        self.ssm.put_parameter(
            Name="/altegio/billing-key", Value="\n".join(keys), Type="SecureString", Overwrite=True
        )

    def set_stripe_secret(self, *lines: str) -> None:
        self.ssm.put_parameter(
            Name="/altegio/stripe-secret",
            Value="\n".join(lines),
            Type="SecureString",
            Overwrite=True,
        )

    def ask(
        self, method: str, path: str, body: Any = "", *, query: str = "", key: str = ""
    ) -> tuple[int, Any]:
        """One request of the portal's server."""
        text = body if isinstance(body, str) else json.dumps(body)
        event = http_event(method, path, query=query, body=text)
        event["headers"]["authorization"] = f"Bearer {key}"
        answer = self.invoke("connect", event)
        return answer["statusCode"], json.loads(answer["body"])

    # The owner's browser

    def visit(self, url: str) -> Page:
        return self._page("GET", query=urlsplit(url).query)

    def press(self, page: Page, **typed: str) -> Page:
        return self.post({**page.fields, **typed})

    def post(self, fields: dict[str, str]) -> Page:
        return self._page("POST", body=urlencode(fields))

    def connect(self, *location_ids: int, telephony: bool = True, **grant: Any) -> Page:
        """The owner grants access and goes through the page."""
        address = self.simulator.grant(*location_ids, **grant)
        if not telephony:
            address = re.sub("crm_token=[^&]*&?", "", address)
        return self.press(self.visit(address))

    def _page(self, method: str, *, query: str = "", body: str = "") -> Page:
        event = http_event(method, "/connect", query=query, body=body)
        if self.accept_language:
            event["headers"]["accept-language"] = self.accept_language
        answer = self.invoke("connect", event)
        return Page(answer["statusCode"], answer["headers"], answer["body"])

    # The platform's webhook

    def webhook(self, body: Any, method: str = "POST") -> int:
        text = body if isinstance(body, str) else json.dumps(body)
        answer = self.invoke("disable", http_event(method, "/webhooks/altegio", body=text))
        status: int = answer["statusCode"]
        return status

    def event(self, location_id: int, event: str = "uninstall", **changes: Any) -> dict[str, Any]:
        return {
            "salon_id": location_id,
            "application_id": self.simulator.application_id,
            "event": event,
            "partner_token": self.simulator.partner_token,
            **changes,
        }

    def hosted(self, location_id: int, price: str = "29.90", **changes: Any) -> dict[str, Any]:
        """The owner pays on the platform's own page; returns the event that tells of it.

        With `changes`, it is not quite what the platform sent.
        """
        simulator = self.simulator
        payment_id = simulator.pay_hosted(location_id, Decimal(price), webhook="never")
        return {**simulator.payment_event(location_id, payment_id), **changes}

    # The billing queue

    def bill(self, event: dict[str, Any] | str) -> list[dict[str, str]]:
        """One delivery of one message; returns what SQS is asked to bring again."""
        self._message += 1
        body = event if isinstance(event, str) else json.dumps(event)
        record = {"messageId": f"m-{self._message}", "body": body, "eventSource": "aws:sqs"}
        failures: list[dict[str, str]] = self.invoke("payments", {"Records": [record]})[
            "batchItemFailures"
        ]
        return failures

    def post_billing(
        self,
        body: Any,
        *,
        key: str = "",
        path: str = "/billing",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One request of the billing system, or of Stripe; status and JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        event = http_event("POST", path, body=text)
        event["headers"] = {"content-type": "application/json", **(headers or {})}
        if key:
            event["headers"]["authorization"] = f"Bearer {key}"
        answer = self.invoke("billing", event)
        return answer["statusCode"], json.loads(answer["body"])

    def post_stripe(self, body: str, header: str) -> tuple[int, Any]:
        """One request of Stripe's."""
        headers = {"Stripe-Signature": header}
        return self.post_billing(body, path="/billing/stripe", headers=headers)

    def look_up(self, event_id: str, *, key: str = "") -> tuple[int, Any]:
        """How an event stands, as the billing system asks."""
        event = http_event("GET", f"/billing/{event_id}")
        event["headers"]["authorization"] = f"Bearer {key}"
        answer = self.invoke("billing", event)
        return answer["statusCode"], json.loads(answer["body"])

    def drain(self) -> None:
        """Delivers what is on the billing queue until nothing is."""
        while messages := self.sqs.receive_message(
            QueueUrl=self.queues["BillingQueue"], MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                if not self.bill(message["Body"]):
                    self.sqs.delete_message(
                        QueueUrl=self.queues["BillingQueue"],
                        ReceiptHandle=message["ReceiptHandle"],
                    )

    def dead_letters(self, queue: str = "BillingDeadLetters") -> list[tuple[str, str]]:
        """Body and reason of each dead letter, taken off the queue."""
        messages = self.sqs.receive_message(
            QueueUrl=self.queues[queue],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        # The longest have no room for a reason.
        none: Any = {"reason": {"StringValue": ""}}
        return [
            (it["Body"], it.get("MessageAttributes", none)["reason"]["StringValue"])
            for it in messages
        ]

    # The account's PBX, and the calls queue

    def call(
        self,
        event: dict[str, Any] | str | bytes,
        key: str | None = None,
        *,
        path: str = "/calls",
        content_type: str = "application/json",
        query: str = "",
        authorization: str = "",
        encoding: str = "",
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One request of the PBX, with its key as a bearer or as it says; status and JSON."""
        body = json.dumps(event) if isinstance(event, dict) else event
        http = http_event(method, path, query=query, body="")
        http["headers"] = {"content-type": content_type, **(headers or {})}
        if encoding:
            http["headers"]["content-encoding"] = encoding
        if key is not None or authorization:
            http["headers"]["authorization"] = authorization or f"Bearer {key}"
        if isinstance(body, bytes):
            http["body"], http["isBase64Encoded"] = base64.b64encode(body).decode(), True
        else:
            http["body"] = body
        answer = self.invoke("calls", http)
        return answer["statusCode"], json.loads(answer["body"])

    def take_call(self, event: dict[str, Any] | str) -> list[dict[str, str]]:
        """One delivery of one message of the calls queue; what SQS is asked to bring again."""
        self._message += 1
        body = event if isinstance(event, str) else json.dumps(event)
        record = {"messageId": f"m-{self._message}", "body": body, "eventSource": "aws:sqs"}
        failures: list[dict[str, str]] = self.invoke("calls", {"Records": [record]})[
            "batchItemFailures"
        ]
        return failures

    def drain_calls(self) -> int:
        """Delivers what is on the calls queue until nothing is; returns how many messages."""
        taken = 0
        while messages := self.sqs.receive_message(
            QueueUrl=self.queues["CallsQueue"], MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                taken += 1
                if not self.take_call(message["Body"]):
                    self.sqs.delete_message(
                        QueueUrl=self.queues["CallsQueue"], ReceiptHandle=message["ReceiptHandle"]
                    )
        return taken

    # The streams

    def tell(self) -> list[dict[str, Any]]:
        """Runs the events function over what was written since; returns what the bus has got.

        Only on AWS in memory.
        """
        for mapping, table in self._streams:
            stream = self._dynamodb.stream(table=table)
            records = [
                it for it in stream[self._read[mapping.table] :] if passes(mapping.patterns, it)
            ]
            self._read[mapping.table] = len(stream)
            for first in range(0, len(records), mapping.batch_size):
                batch = {"Records": records[first : first + mapping.batch_size]}
                assert self.invoke("events", batch) == {"batchItemFailures": []}
        return self.told

    @property
    def told(self) -> list[dict[str, Any]]:
        """What the bus has got until now, as a rule's target sees it."""
        return [
            {
                "source": entry["Source"],
                "detail-type": entry["DetailType"],
                "time": entry["Time"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                "detail": json.loads(entry["Detail"]),
            }
            for entry in boto3.Session().client("events").told
        ]

    # The schedule

    def reconcile(self) -> None:
        """One run, and what it woke."""
        self.invoke("reconcile", {})
        self.drain()
        self.drain_calls()

    def let_time_pass(self, minutes: float, *, step: float = 1) -> None:
        """Reconcile runs every `step` minutes meanwhile."""
        for _ in range(round(minutes / step)):
            self.clock.advance(minutes=step)
            self.reconcile()

    def woken_calls(self) -> list[str]:
        """The ids of the calls that are woken, in this order, taken off the queue."""
        queue, found = self.queues["CallsQueue"], list[str]()
        while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                found.append(json.loads(message["Body"]).get("key", "").partition("#")[2])
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def crowd(self, number: int, **changes: Any) -> None:
        """Active locations whose cover ended days ago and that are still on, looked at in turn."""
        now = self.clock()
        for place in range(number):
            share = place / number
            values: dict[str, Any] = {
                "watched_at": now - share * timedelta(days=1),
                "due_at": now + share * timedelta(hours=1),
                **changes,
            }
            location_id = 100_000 + place
            self.simulator.platform.grant([location_id], private=True)
            connection = Connection(
                location_id=location_id,
                state=State.ACTIVE,
                generation=1,
                account_id="a",
                opened_at=now - timedelta(days=10),
                first_active_at=now - timedelta(days=10),
                covered_until=now - timedelta(days=3),
                **values,
            )
            self.connections.save(connection)

    # What is in the tables

    def connection(self, location_id: int) -> Connection:
        found = self.connections.get(location_id)
        assert found is not None
        return found

    def entry(self, key: str) -> Entry:
        found = self.ledger.get(key)
        assert found is not None
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        [name] = {each[table] for each in self.environments.values() if table in each}
        items = self._dynamodb.scan(TableName=name)["Items"]
        return [from_item(item) for item in items]


def http_event(method: str, path: str, *, query: str = "", body: str = "") -> dict[str, Any]:
    """An event of the HTTP API, payload format 2.0, as of a browser's own tab."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "content-type": "application/x-www-form-urlencoded",
            "sec-fetch-dest": "document",
        },
        "requestContext": {
            "domainName": "api.example",
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def payment(event_id: str = "inv-1", location_id: int = 4564, **changes: Any) -> dict[str, Any]:
    return {
        "type": "payment",
        "event_id": event_id,
        "location_id": location_id,
        "amount": "990.99",
        "currency": "EUR",
        "paid_at": "2026-11-01T10:10:00+00:00",
        "period_from": "2026-11-01T00:00:00+00:00",
        "period_to": "2026-11-30T23:59:59+00:00",
        **changes,
    }


def refund(event_id: str = "ref-1", of: str = "inv-1", **changes: Any) -> dict[str, Any]:
    return {"type": "refund", "event_id": event_id, "payment_event_id": of, **changes}


def ringing(call_id: str = "c-1", location_id: int = 4564, **changes: Any) -> dict[str, Any]:
    return {
        "type": "ringing",
        "call_id": call_id,
        "location_id": location_id,
        "phone": "+13155550175",
        "line": "+13155550176",
        "extension": "101",
        **changes,
    }


def finished(call_id: str = "c-1", location_id: int = 4564, **changes: Any) -> dict[str, Any]:
    return {
        "type": "finished",
        "call_id": call_id,
        "location_id": location_id,
        "direction": "incoming",
        "phone": "+13155550175",
        "line": "+13155550176",
        "extension": "101",
        "duration_s": 90,
        "answered": True,
        **changes,
    }


def secrets_in(text: str, simulator: Simulator) -> list[str]:
    """Secrets of the simulated world that stand in a text."""
    secrets = [simulator.partner_token, simulator.user_token, simulator.crm_token]
    return [secret for secret in secrets if secret in text] + re.findall(r"\b[0-9a-f]{64}\b", text)


def counted(log: str) -> set[str]:
    """The metrics that a log tells of."""
    return set(re.findall(r'"Name":"(\w+)"', log))
