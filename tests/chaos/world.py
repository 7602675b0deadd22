"""One deployed stack, one platform and one billing system, in time that moves when told to.

The handlers, use cases, adapters and the platform's client are the real ones. Beneath them, AWS is
in memory (or its tables in an emulator), and the platform answers without a socket.
"""

import json
import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from io import StringIO
from typing import Any, Self
from unittest.mock import patch
from urllib.parse import urlencode, urlsplit

import httpx

from local.simulator import Simulator
from local.simulator.wire import Answer, Request
from local.stack.emulator import create_queues, create_table
from shared import clock as real_clock
from shared import telemetry
from shared.altegio.client import Client
from shared.altegio.settings import PlatformSettings
from shared.aws.dynamodb import from_item
from shared.settings import variables
from tests.chaos.places import place
from tests.chaos.tasks import Task
from tests.deployment import FUNCTIONS, Clock, Context, Page, http_event, wired
from tests.memory import Memory
from tests.memory.session import Session

# What Lambda allows, by the template.
TIMEOUTS = {
    "connect": 30,
    "billing": 30,
    "payments": 30,
    "disable": 30,
    "calls": 30,
    "reconcile": 55,
    "events": 30,
}
HTTP_TOTAL_S: float = variables(PlatformSettings)["HTTP_TOTAL_S"]
# Of a platform in good health.
LATENCY_S = 0.2
# An old answer may be repeated, but not for as long as the two looks are apart.
STALE_S = 50.0
LOCATIONS = (1, 2, 3)
_ENDPOINT = "https://sqs.us-east-1.amazonaws.com"


_REFUSAL = b'{"success":false,"data":null,"meta":{}}'
_WEB_PAGE = b"<html></html>"


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


NOTHING_DONE: Mapping[str, Callable[[], httpx.Response]] = {
    **{str(code): partial(_response, code, _REFUSAL) for code in (401, 403, 429)},
    "500": partial(_response, 500, b""),
    "web page": partial(_response, 200, _WEB_PAGE),
    "false": partial(_response, 200, _REFUSAL),
}
"""Answers of a platform that did nothing."""


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next call of a route; see `World.KINDS`."""

    route: str
    kind: str
    seconds: float = 0.0
    location_id: int | None = None

    def hits(self, path: str) -> bool:
        """Whether this call goes wrong."""
        location = f"/salon/{self.location_id}/" in path if self.location_id else True
        return self.route in (_route(path), "any") and location


@dataclass(slots=True)
class Billed:
    """A message that the billing system has put on the queue."""

    body: str
    event: dict[str, Any]


@dataclass
class World:
    """All of it. `with World(...) as world` replaces the project's edges until the end."""

    #: Of a payment, a refund or a status: what may happen to the call.
    KINDS = (
        "unreachable",  # no connection: the platform sees nothing
        "lost",  # received, nothing done, no answer
        "unheard",  # done, no answer
        "late",  # no answer; done `seconds` later
        "slow",  # done, answered after some seconds
        "429",
        "500",
        "500 done",
        "web page",
        "web page done",
        "empty",
        "false",
        "401",
        "403",
        "422",
        "stale",  # of a status: the list as it was before the newest payment, for a while
    )
    #: What the protocol forbids; a mutant does it.
    ACKNOWLEDGED_FIRST = False

    settings: Mapping[str, str] = field(default_factory=dict)
    dynamodb: Any = None
    limits: tuple[int, int] = (0, 0)
    # Of the schedule: tells where and when it plays, which is the same in each run of it.
    seed: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.place = place(self.seed)
        self.clock.at = self.place.at
        if self.dynamodb is not None:
            # A real one forgets by the real time.
            self.clock.at = datetime.now(UTC)
        self.tasks: list[Task] = []
        self.billed: list[Billed] = []
        self.faults: list[Fault] = []
        self.letters: deque[dict[str, Any]] = deque()
        # What goes wrong with every call, while it lasts.
        self.outage = ""
        # Requests whose sender has given up, and when they arrive all the same.
        self.landings: list[tuple[datetime, httpx.Request]] = []
        # Locations that a callback reached after we had given it up.
        self.reached_late: set[int] = set()
        self.hosted: set[int] = set()
        self.metrics: list[str] = []
        self.story = [f"in {self.place}"]
        self.echo_at: datetime | None = None
        # By minutes, in some worlds; elsewhere by seconds.
        self.are_clocks_wrong = self.seed % 8 == 6
        # Locations at which the platform was told to say 422.
        self.refused: set[int] = set()
        # When the list of a location began to be old, which happens to it once.
        self._stale_at: dict[int | None, datetime] = {}
        # What happens to the call that is under way, and for how long.
        self._plan = ""
        self._seconds = 0.0
        self._dead_letters: list[dict[str, Any]] = []
        self._environments: dict[str, list[Any]] = {name: [] for name in FUNCTIONS}
        self._closing = ExitStack()

    # Making it

    def __enter__(self) -> Self:
        self.simulator = Simulator(
            redirect_url="https://provider.example/connect",
            per_s=self.limits[0],
            per_min=self.limits[1],
            zone=str(self.place.zone),
        )
        self.platform = self.simulator.platform
        self.platform.now = self.clock
        self.simulator._webhooks.send = self._letter  # type: ignore[method-assign, assignment]  # delivered by `post`
        self.memory = Memory(self.clock)
        self._create()
        apps = {name: import_module(f"functions.{name}.app") for name in FUNCTIONS}
        self._handlers = {name: app.handler for name, app in apps.items()}
        enter = self._closing.enter_context
        for app in apps.values():
            enter(patch.object(app, "wired", _wired))
        enter(patch.object(real_clock, "now", self._now))
        enter(patch.object(real_clock, "sleep", self.sleep))
        # No answer takes any real time, so deadlines pass in the world's own.
        enter(patch("time.monotonic", self._seconds_now))
        enter(patch("boto3.Session", lambda: self))
        enter(patch("shared.aws.session.get_session", lambda: Session(self.client)))
        enter(patch.object(httpx, "create_ssl_context", lambda **_: None))
        enter(patch.object(httpx, "Client", self._http))
        enter(patch.object(Client, "_exchange", self._exchange(Client._exchange)))
        enter(patch.object(telemetry.metrics, "add_metric", self._count))
        enter(redirect_stdout(StringIO()))
        level = telemetry.logger.log_level
        telemetry.logger.setLevel(logging.CRITICAL)
        self._closing.callback(telemetry.logger.setLevel, level)
        return self

    def __exit__(self, *_: object) -> None:
        for task in self.tasks:
            if not task.done:
                task.resume(kill=True)
        self._closing.close()

    def client(self, service: str, **_: object) -> Any:
        """Takes the place of a boto3 session."""
        if service == "dynamodb" and self.dynamodb is not None:
            return _Stepping(self.dynamodb, self._before)
        return self.memory.client(service)

    def _create(self) -> None:
        wiring = wired(
            _ENDPOINT,
            ApplicationId=str(self.simulator.application_id),
            RecordingHosts="records.example",
            CensusEveryS="0",
        )
        dynamodb = self.dynamodb or self.memory.client("dynamodb")
        # An emulator keeps the tables of the worlds before.
        tag = f"-{uuid.uuid4().hex}" if self.dynamodb else ""
        renamed = {table.name: f"{table.name}{tag}" for table in wiring.tables.values()}
        for table in wiring.tables.values():
            create_table(dynamodb, replace(table, name=renamed[table.name]))
        create_queues(self.memory.client("sqs"), wiring.queues)
        self.queues = {name: queue.url for name, queue in wiring.queues.items()}
        self.environments = {}
        for name, function in wiring.functions.items():
            zone = {"PLATFORM_TIMEZONE": str(self.place.zone)}
            environment = {**function.environment, **zone, **self.settings}
            self.environments[name.removesuffix("Function").lower()] = {
                key: renamed.get(value, value) for key, value in environment.items()
            }
        self.memory.client("ssm").put_parameter(
            Name="/altegio/partner-token", Value=self.simulator.partner_token, Type="SecureString"
        )
        self.memory.client("ssm").put_parameter(
            Name="/altegio/user-token", Value=self.simulator.user_token, Type="SecureString"
        )
        self.memory.before = self._before

    # The edges

    def _before(self, operation: str, asked: Mapping[str, Any]) -> None:
        task = Task.current()
        if task is None:
            return
        task.pause(operation)
        # Who dies there does not come here: it was not written.
        if operation == "PutItem" and asked["Item"].get("key") == {"S": "echo"}:
            self.echo_at = self.echo_at or self.clock()

    def sleep(self, seconds: float) -> None:
        """A function waits, or the platform lets it wait."""
        task = Task.current()
        if seconds <= 0:
            return
        if task is None:
            self.advance(seconds)
        else:
            task.pause("sleep", self.clock() + timedelta(seconds=seconds))

    def _exchange(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def exchange(
            altegio: Client, client: Any, method: str, path: str, *rest: Any, **more: Any
        ) -> Any:
            task = Task.current()
            if task is not None:
                task.pause(f"{method} {path}")
            fault = self._fault(path)
            self._plan = fault.kind if fault is not None else ""
            self._seconds = fault.seconds if fault is not None else 0.0
            if fault is not None:
                self.story.append(f"{fault.kind} for {method} {path}")
            try:
                return real(altegio, client, method, path, *rest, **more)
            finally:
                gave_up = fault is not None and fault.kind in ("lost", "unheard", "late")
                self.sleep(HTTP_TOTAL_S if gave_up else self._seconds or LATENCY_S)
                if task is not None:
                    task.pause(f"answer to {method} {path}")

        return exchange

    def _fault(self, path: str) -> Fault | None:
        """What goes wrong with this call; an old list is repeated for a while."""
        fault = next((it for it in self.faults if it.hits(path)), None)
        if fault is None:
            return Fault("any", self.outage) if self.outage else None
        if fault.kind != "stale":
            self.faults.remove(fault)
            return fault
        began = self._stale_at.setdefault(fault.location_id, self.clock())
        if self.clock() - began < timedelta(seconds=STALE_S):
            return fault
        self.faults.remove(fault)
        return self._fault(path)

    def _http(self, **settings: Any) -> httpx.Client:
        return _CLIENT(transport=_Transport(self), timeout=settings["timeout"], trust_env=False)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The platform, with what was planned for this call."""
        if self._plan == "unreachable":
            raise httpx.ConnectError("refused")
        request.extensions["trace"]("http11.send_request_headers.started", {})
        if self._plan in NOTHING_DONE:
            return NOTHING_DONE[self._plan]()
        if self._plan in ("lost", "late"):
            if self._plan == "late":
                at = self.clock() + timedelta(seconds=self._seconds)
                self.landings.append((at, request))
            raise httpx.ReadTimeout("no answer")
        if self._plan == "422":
            self.refused.add(self._location(request))
            return _response(422, _REFUSAL)
        return self._told(self.perform(request))

    def _told(self, answer: Answer) -> httpx.Response:
        """What is heard of the answer of a platform that did it."""
        match self._plan:
            case "unheard":
                raise httpx.ReadTimeout("no answer")
            case "500 done":
                return _response(500, b"")
            case "web page done":
                return _response(200, _WEB_PAGE)
            case "empty":
                return _response(answer.status, b"")
            case "stale":
                return _response(answer.status, self._stale(answer.body))
        return _response(answer.status, answer.body, dict(answer.headers))

    def perform(self, request: httpx.Request) -> Answer:
        """What the platform does with a request that reaches it."""
        answers: list[Answer] = []
        self.simulator.exchange(
            Request(
                request.method,
                request.url.raw_path.decode(),
                {name.lower(): value for name, value in request.headers.items()},
                request.read(),
            ),
            lambda answer, **_: answers.append(answer),
        )
        return answers[0]

    def _location(self, request: httpx.Request) -> int:
        body = request.read()
        if body:
            return int(json.loads(body).get("salon_id", 0))
        number = int(request.url.path.rsplit("/", 1)[1])
        return self.platform.location_of(number) or 0

    def _stale(self, body: bytes) -> bytes:
        answer = json.loads(body)
        if answer.get("success"):
            answer["data"]["payments"] = answer["data"]["payments"][:-1]
        return json.dumps(answer).encode()

    def _now(self) -> datetime:
        """What the clock of a function says, which is not quite right."""
        task = Task.current()
        return self.clock() + (task.skew if task is not None else timedelta())

    def _seconds_now(self) -> float:
        return self.clock.at.timestamp()

    def _letter(self, _address: str, body: dict[str, Any], mode: str) -> None:
        if mode != "never":
            self.letters.append(body)

    def _count(self, *, name: str, **_: object) -> None:
        self.metrics.append(name)

    # Tasks

    def start(self, function: str, event: Any, then: Callable[[Any], None] | None = None) -> Task:
        """An invocation begins; `then` gets what it returned, unless it died."""
        idle = self._environments[function]
        environment = idle.pop() if idle else FUNCTIONS[function](self.environments[function])

        def work() -> Any:
            result = self._handlers[function](event, Context(function))
            # Whoever invoked it may never learn of it.
            task.pause("return")
            if then is not None:
                then(result)
            idle.append(environment)
            return result

        task = Task(function, work, self.clock(), environment)
        self.tasks.append(task)
        return task

    def runnable(self) -> list[Task]:
        """The tasks that could go on now."""
        self.tasks = [task for task in self.tasks if not task.done]
        return [it for it in self.tasks if it.wake_at is None or it.wake_at <= self.clock()]

    def step(self, task: Task, *, alone: bool = False) -> None:
        """One call of one task, or all until it sleeps; its function may have timed out."""
        over = self.clock() - task.started_at > timedelta(seconds=TIMEOUTS[task.name])
        if over:
            self.story.append(f"{task.name} times out before {task.at}")
        task.resume(kill=over, alone=alone)
        self._ended(task)

    def kill(self, task: Task) -> None:
        """The machine dies."""
        self.story.append(f"{task.name} dies before {task.at}")
        task.resume(kill=True)
        self._ended(task)

    def _ended(self, task: Task) -> None:
        if task.error is not None:
            raise task.error

    def finish(self, task: Task) -> None:
        """Lets a task run to its end, and time pass while all sleep."""
        while not task.done:
            if task.wake_at is not None and task.wake_at > self.clock():
                self.advance((task.wake_at - self.clock()).total_seconds())
            self.step(task, alone=True)

    def run(self, function: str, event: Any) -> Any:
        """One invocation from its beginning to its end, if nothing kills it."""
        task = self.start(function, event)
        self.finish(task)
        return task.result

    def advance(self, seconds: float) -> None:
        """Time passes, and what was on its way arrives."""
        until = self.clock.at + timedelta(seconds=seconds)
        for at, request in sorted(self.landings, key=lambda landing: landing[0]):
            if at <= until:
                self.landings.remove((at, request))
                self.clock.at = max(self.clock.at, at)
                self.perform(request)
                if request.url.path.endswith("/callback"):
                    self.reached_late.add(self._location(request))
                self.story.append(f"{request.url.path} arrives late")
        self.clock.at = max(self.clock.at, until)

    # The billing system, and its queue

    def bill(self, event: dict[str, Any], delay_s: int = 0) -> None:
        """Puts an event on the queue, which may give out later ones before."""
        body = json.dumps(event)
        self.billed.append(Billed(body, event))
        self.memory.client("sqs").send_message(
            QueueUrl=self.queues["BillingQueue"], MessageBody=body, DelaySeconds=delay_s
        )

    def deliver(self, function: str = "payments") -> Task | None:
        """Hands the next message of the queue to a worker; None if there is none."""
        queue = self.queues[_QUEUES[function]]
        sqs = self.memory.client("sqs")
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1)
        if not answer.get("Messages"):
            return None
        [message] = answer["Messages"]
        record = {"messageId": message["MessageId"], "body": message["Body"]}

        if self.ACKNOWLEDGED_FIRST:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

        def acknowledge(result: Any) -> None:
            if not result["batchItemFailures"]:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

        return self.start(function, {"Records": [record]}, acknowledge)

    def tell_call(self, event: dict[str, Any]) -> None:
        """Puts a call that has ended on the calls queue."""
        self.memory.client("sqs").send_message(
            QueueUrl=self.queues["CallsQueue"], MessageBody=json.dumps(event)
        )

    def queued_letters(self, function: str) -> int:
        """Dead letters of the queue of a function."""
        attributes = self.memory.client("sqs").get_queue_attributes(
            QueueUrl=self.queues[_QUEUES[function].replace("Queue", "DeadLetters")],
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    def redeliver(self, billed: Billed) -> Task:
        """A message that was taken, again: queues deliver at least once."""
        record = {"messageId": "again", "body": billed.body}
        return self.start("payments", {"Records": [record]})

    # The owner and the platform

    def connect(self, location_id: int) -> Page | None:
        """The owner grants access if need be, and presses the button."""
        if self.platform.state(location_id) in ("active", "freezed"):
            url = self.simulator.redirect(location_id)
        else:
            url = self.simulator.grant(location_id)
        page = self._page(http_event("GET", "/connect", query=urlsplit(url).query))
        if page is not None and "ticket" in page.fields:
            return self._page(http_event("POST", "/connect", body=urlencode(page.fields)))
        return page

    def _page(self, event: Any) -> Page | None:
        answer = self.run("connect", event)
        return Page(answer["statusCode"], answer["headers"], answer["body"]) if answer else None

    def post(self) -> Task | None:
        """The platform sends the oldest webhook that is on its way."""
        if not self.letters:
            return None
        body = json.dumps(self.letters.popleft())
        return self.start("disable", http_event("POST", "/webhooks/altegio", body=body))

    def tell(self, location_id: int, payment_id: int) -> None:
        """The platform has a payment event on its way, be it of its own page or an echo of ours."""
        self.letters.append(self.simulator.payment_event(location_id, payment_id))

    def pay_hosted(self, location_id: int, amount: str, paid_at: str) -> int | None:
        """The owner pays on the platform's own page; None where nothing is installed."""
        if self.platform.state(location_id) not in ("active", "freezed"):
            return None
        number = self.platform.pay(
            location_id,
            payment_sum=Decimal(amount),
            currency_iso="EUR",
            payment_date=paid_at,
            period_from="2026-11-01 00:00:00",
            period_to="2026-11-30 23:59:59",
        )
        self.hosted.add(number)
        return number

    # What is in the tables

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, by the name of its variable."""
        name = self.environments["reconcile"][table]
        dynamodb = self.dynamodb or self.memory.client("dynamodb")
        return [from_item(item) for item in dynamodb.scan(TableName=name)["Items"]]

    def dead_letters(self) -> list[dict[str, Any]]:
        """All messages that the billing system's dead-letter queue ever held."""
        sqs = self.memory.client("sqs")
        while messages := sqs.receive_message(
            QueueUrl=self.queues["BillingDeadLetters"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=3600,
        ).get("Messages"):
            self._dead_letters += messages
        return self._dead_letters

    def queued(self, function: str = "payments") -> int:
        """Messages on the queue of a function, visible or not."""
        attributes = self.memory.client("sqs").get_queue_attributes(
            QueueUrl=self.queues[_QUEUES[function]],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return sum(map(int, attributes.values()))


class _Stepping:
    """A real client whose calls are steps, too."""

    def __init__(self, client: Any, before: Callable[[str, Mapping[str, Any]], None]) -> None:
        self._client = client
        self._before = before

    def __getattr__(self, method: str) -> Any:
        def call(**asked: Any) -> Any:
            self._before("".join(word.capitalize() for word in method.split("_")), asked)
            return getattr(self._client, method)(**asked)

        return call


class _Transport(httpx.BaseTransport):
    """Takes the place of the network."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._world.answer(request)


_CLIENT = httpx.Client
_QUEUES = {"payments": "BillingQueue", "calls": "CallsQueue"}


def _wired() -> Any:
    task = Task.current()
    assert task is not None
    return task.environment


def _route(path: str) -> str:
    if "/refund/" in path:
        return "refund"
    if path.endswith("/payment"):
        return "payment"
    if "/voip/" in path:
        return "voip"
    return "callback" if path.endswith("/callback") else "status"
