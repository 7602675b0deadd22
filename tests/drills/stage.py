"""The stage of the drills: all functions, AWS in memory, a platform, and time that is told to pass.

What AWS does around the functions is played here, minute by minute: the queues' and streams'
event sources, the schedule, the HTTP API, and what CloudWatch measures of all that. The operator
types commands at it as at a deployed stack.
"""

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from local.simulator import Simulator
from local.stack.alarms import Alarm, Alarms, Metric, Readings, State, embedded
from local.stack.filters import passes
from local.stack.template import STACK_NAME
from local.stack.wiring import QueueMapping, StreamMapping, Wiring
from ops.__main__ import main
from shared import clock as real_clock
from shared import telemetry
from shared.aws import letter_box
from tests.deployment import Clock, Deployment, http_event
from tests.drills import cloud
from tests.memory import Memory, refusal
from tests.memory.session import Session
from tests.payments.stripes import SECRET

MINUTE_S = 60.0
# Environments are recycled, and what they have cached of parameters is read anew: AWS says no more
# than that it happens; our own caches hold for five minutes.
_RECYCLED_MIN = 5
_API = {"ApiId": f"{STACK_NAME}-HttpApi"}
# Of SQS: what was received that often without being deleted is not counted as the oldest any more.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
_POISON = 3


class _Failed(Exception):
    """A run that AWS calls failed, or turned away."""


class Stage(Deployment):
    """A deployed stack that is watched.

    Attributes:
        throttled: functions whose runs AWS turns away.
        stopped: functions whose schedule does not run.
        missing: tables that are not there.
        disabled: queues whose event source somebody has switched off.
        arrives: whether a webhook that the platform sends does.
        alarms: of the template.
        rang: when each alarm last began to ring.
        meanwhile: what happens in each minute.
        ended_with: the exit code of the last command.
        fills: what the operator writes in the place of a word of a command.
    """

    def __init__(
        self,
        simulator: Simulator,
        clock: Clock,
        memory: Memory,
        monkeypatch: pytest.MonkeyPatch,
        log: StringIO,
    ) -> None:
        self.memory = memory
        self.throttled: set[str] = set()
        self.stopped: set[str] = set()
        self.missing: set[str] = set()
        self.disabled: set[str] = set()
        self.reserved: dict[str, int | None] = {}
        self.arrives: Callable[[dict[str, Any]], bool] = lambda _letter: True
        self.readings = Readings()
        self.rang: dict[str, datetime] = {}
        self.rings = Counter[str]()
        self.fills: dict[str, str] = {}
        self.ended_with = 0
        self._waited_s = 0.0
        self.log = log
        self.meanwhile: Callable[[], object] = lambda: None
        self._letters: list[dict[str, Any]] = []
        self._runs = 0
        self._minutes = 0
        self._asked = Counter[tuple[str, str]]()
        self._lost: dict[str, dict[str, datetime]] = {}
        self._changes: dict[str, dict[str, str]] = {}
        self._changed: dict[str, datetime] = {}
        super().__init__(simulator, clock, monkeypatch)
        # As the template has them, where other tests want none of that.
        self.set("all", CENSUS_EVERY_S="86400", PACE_PER_S="5", PACE_PER_MIN="200")
        self._deployed = {name: dict(it) for name, it in self.environments.items()}
        simulator._webhooks.send = self._post_off  # type: ignore[method-assign, assignment]  # delivered by `minute`
        memory.before, memory.after = self._refuse_missing, self._count_messages

    def _create(self, wiring: Wiring) -> None:
        super()._create(wiring)
        self.wiring = wiring
        self.alarms = Alarms((Alarm.read(*it) for it in wiring.alarms.items()), self.clock())

    # AWS around the functions

    def invoke(self, function: str, event: Any) -> Any:
        """One run, measured as AWS measures it; an HTTP API answers 5xx where it fails.

        Raises:
            _Failed: it failed, or was turned away, and nobody waits for an answer.
        """
        is_http = "requestContext" in event
        dimensions = {"FunctionName": f"{STACK_NAME}-{function.capitalize()}Function"}

        def measure(name: str, value: float = 1) -> None:
            self._measure("AWS/Lambda", name, dimensions, value)

        if is_http:
            self._measure("AWS/ApiGateway", "Count", _API)
        answer: Any = None
        failed: _Failed | None = None
        if function in self.throttled:
            measure("Throttles")
            failed = _Failed("throttled")
        else:
            measure("Invocations")
            out = StringIO()
            self._runs += 1
            try:
                with redirect_stdout(out):
                    answer = super().invoke(function, event)
            except Exception as error:  # noqa: BLE001 - so does Lambda
                failed = _Failed(repr(error))
            finally:
                self._runs -= 1
            measure("Errors", failed is not None)
            self._take_metrics(out.getvalue())
        if is_http and (failed is not None or answer["statusCode"] >= 500):
            self._measure("AWS/ApiGateway", "5xx", _API)
            return answer or {"statusCode": 503, "headers": {}, "body": "{}"}
        if failed is not None:
            raise failed
        return answer

    def _measure(
        self, space: str, name: str, dimensions: Mapping[str, str], value: float = 1
    ) -> None:
        self.readings.add(Metric.of(space, name, dimensions), value, self.clock())

    def _take_metrics(self, printed: str) -> None:
        for text in printed.splitlines():
            if '"_aws"' in text:
                for metric, value, _real in embedded(json.loads(text)):
                    self.readings.add(metric, value, self.clock())

    def _post_off(self, _address: str, body: dict[str, Any], mode: str) -> None:
        if mode != "never":
            self._letters.append(body)

    def _refuse_missing(self, name: str, asked: Mapping[str, Any]) -> None:
        if asked.get("TableName") in self.missing:
            raise refusal(name, "ResourceNotFoundException", "Requested resource not found")

    def _count_messages(self, name: str, asked: Mapping[str, Any]) -> None:
        counted = {"SendMessage": "Sent", "ReceiveMessage": "", "DeleteMessage": "Deleted"}.get(
            name
        )
        if counted:
            self._measure("AWS/SQS", f"NumberOfMessages{counted}", _queue(asked["QueueUrl"]))

    def minute(self) -> None:
        """A minute passes: all that is on its way arrives, runs and is measured."""
        began = self.clock()
        self._minutes += 1
        self.meanwhile()
        self._deliver_webhooks()
        self._poll_all()
        for schedule in self.wiring.schedules:
            if schedule.function not in self.stopped:
                self._quietly(_short(schedule.function), schedule.event or {})
        self._poll_all()
        for stream in self.wiring.streams:
            self._read_stream(stream)
        # A run that waited for its turn has let time pass.
        self.clock.at = max(self.clock.at, began + timedelta(seconds=MINUTE_S - 1))
        self._measure_queues()
        self.clock.at = max(self.clock.at, began + timedelta(seconds=MINUTE_S))
        for alarm, state in self.alarms.look(self.readings, self.clock()):
            if state is State.ALARM:
                self.rang[alarm.name] = self.clock()
                self.rings[alarm.name] += 1
        if self._minutes % _RECYCLED_MIN == 0:
            self.recycle()

    def pass_minutes(self, minutes: float) -> None:
        for _ in range(round(minutes)):
            self.minute()

    def leap(self, **span: float) -> None:
        """A long time passes, of which each hour's last minute is played; until an alarm rings."""
        until, before = self.clock() + timedelta(**span), self.rings.total()
        while self.clock() < until and self.rings.total() == before:
            self.clock.advance(minutes=59)
            self.minute()

    def _deliver_webhooks(self) -> None:
        letters, self._letters = self._letters, []
        for body in letters:
            if self.arrives(body):
                event = http_event("POST", "/webhooks/altegio", body=json.dumps(body))
                self.invoke("disable", event)

    def _quietly(self, function: str, event: Any) -> Any:
        """What AWS does with a failure of which nobody hears: it is measured."""
        try:
            return self.invoke(function, event)
        except _Failed:
            return None

    def _poll_all(self) -> None:
        for mapping in self.wiring.mappings:
            if mapping.queue not in self.disabled:
                self._poll(mapping)

    def _poll(self, mapping: QueueMapping) -> None:
        queue = self.wiring.queues[mapping.queue]
        while messages := self.sqs.receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=min(10, mapping.batch_size),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages"):
            self._measure("AWS/SQS", "NumberOfMessagesReceived", _queue(queue.url), len(messages))
            records = [{"messageId": it["MessageId"], "body": it["Body"]} for it in messages]
            answer = self._quietly(_short(mapping.function), {"Records": records})
            if answer is None:
                continue
            failed = {it["itemIdentifier"] for it in answer["batchItemFailures"]}
            for message in messages:
                if message["MessageId"] not in failed:
                    self.sqs.delete_message(
                        QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"]
                    )

    def _read_stream(self, mapping: StreamMapping) -> None:
        table = self.wiring.tables[mapping.table].name
        stream = self._dynamodb.stream(table=table)
        function = _short(mapping.function)
        dimensions = {"FunctionName": f"{STACK_NAME}-{mapping.function}"}
        while self._read[mapping.table] < len(stream):
            place = self._read[mapping.table]
            batch = stream[place : place + mapping.batch_size]
            written = batch[0]["dynamodb"]["ApproximateCreationDateTime"]
            age = self.clock().timestamp() - written
            wanted = [it for it in batch if passes(mapping.patterns, it)]
            if not wanted:
                self._read[mapping.table] += len(batch)
                continue
            self._measure("AWS/Lambda", "IteratorAge", dimensions, 1000 * age)
            answer = self._quietly(function, {"Records": wanted})
            failures = None if answer is None else answer["batchItemFailures"]
            if failures == []:
                self._read[mapping.table] += len(batch)
                continue
            if age > mapping.longest_s:
                self.sqs.send_message(
                    QueueUrl=self.wiring.queues[mapping.dead_letters].url,
                    MessageBody=json.dumps({"DDBStreamBatchInfo": {"startSequenceNumber": place}}),
                )
                self._read[mapping.table] += len(batch)
            return

    def _measure_queues(self) -> None:
        for queue in self.wiring.queues.values():
            now, messages = (
                self.clock(),
                self.memory.client("sqs")._queues[queue.url].messages.values(),
            )
            seen = [it for it in messages if it.visible_at <= now]
            flight = [it for it in messages if it.visible_at > now and it.receives]
            old = [it.sent_at for it in messages if it.receives < _POISON]
            for name, value in (
                ("ApproximateNumberOfMessagesVisible", len(seen)),
                ("ApproximateNumberOfMessagesNotVisible", len(flight)),
                ("ApproximateNumberOfMessagesDelayed", len(messages) - len(seen) - len(flight)),
                ("ApproximateAgeOfOldestMessage", (now - min(old, default=now)).total_seconds()),
            ):
                self._measure("AWS/SQS", name, _queue(queue.url), value)

    def ringing(self) -> list[str]:
        """The alarms that ring now."""
        return [name for name, state in self.alarms.states.items() if state is State.ALARM]

    def look_at(self, location_id: int) -> None:
        """The owner opens his settings, so the platform is asked."""
        self.visit(self.simulator.redirect(location_id))

    # Who changes it

    def write_parameter(self, command: str) -> None:
        """The operator has the right value in a file, and types what he was told."""
        [name] = re.findall(r"--name (\S+)", command)
        values = {
            "/altegio/partner-token": self.simulator.partner_token,
            "/altegio/user-token": self.simulator.user_token,
            "/altegio/stripe-secret": SECRET,
            "/altegio/portal-key": SECRET,
        }
        self.ssm.put_parameter(
            Name=name, Value=values[name], Type="SecureString", Overwrite="--overwrite" in command
        )

    def set(self, function: str, **variables: str) -> None:
        """Somebody changes variables of a function by hand; of all, if it is `all`."""
        for name, environment in self.environments.items():
            if function in (name, "all"):
                environment.update({k: v for k, v in variables.items() if k in environment})
                self._changed[name] = self.clock()
        self.recycle()

    def deploy(self, **values: str) -> None:
        """The template again, with what the operator answers."""
        for name, environment in self.environments.items():
            environment.update(self._deployed[name])
            environment.update({k: v for k, v in values.items() if k in environment})
            self._changed[name] = self.clock()
        self.recycle()

    def recycle(self) -> None:
        """New execution environments, which know nothing yet."""
        self.restart()

    # The operator

    def status(self) -> dict[str, Any]:
        """`status --json`, typed as it is."""
        told: dict[str, Any] = json.loads(self.run("status --json"))
        return told

    def run(self, command: str) -> str:
        """A command of ours at this stack; returns all that is shown."""
        shown = StringIO()
        with redirect_stdout(shown), redirect_stderr(shown):
            self.ended_with = main([*shlex.split(command), "--stack-name", STACK_NAME])
        return shown.getvalue()

    def sleep(self, seconds: float) -> None:
        """A function waits for its turn, or the operator's command for a function."""
        self.clock.advance(seconds=max(0.0, seconds))
        if self._runs:
            return
        self._waited_s += seconds
        while self._waited_s >= MINUTE_S:
            self._waited_s -= MINUTE_S
            self.minute()

    def client(self, service: str, **_more: Any) -> Any:
        """Takes the place of a session of boto3."""
        if service == "cloudwatch":
            return cloud.CloudWatch(self.alarms, self.readings)
        if service == "cloudformation":
            return cloud.CloudFormation(self.wiring.outputs, self.wiring.functions.keys())
        if service == "lambda":
            sources = {it.queue: f"{STACK_NAME}-{it.function}" for it in self.wiring.mappings}
            return cloud.Lambda(
                self.environments, self._changed, sources, self.disabled, self.reserved
            )
        return self.memory.client(service)


class _Session:
    """Of boto3: the functions' before there is a stage, and the operator's."""

    region_name = "us-east-1"

    def __init__(self, memory: Memory) -> None:
        self.client: Callable[..., Any] = memory.client


@contextmanager
def opened() -> Iterator[Stage]:
    """A new stage, where nothing has happened yet."""
    with ExitStack() as closing:
        patch = closing.enter_context(pytest.MonkeyPatch.context())
        clock = Clock()
        clock.at = clock.at.replace(second=0)
        memory = Memory(clock)
        session = _Session(memory)
        log = StringIO()
        [handler] = telemetry.logger.handlers
        patch.setattr(handler, "stream", log)
        # As the variable says that the functions have.
        patch.setattr(telemetry.metrics.provider, "service", STACK_NAME)
        patch.setattr(real_clock, "now", clock)
        patch.setattr("boto3.Session", lambda **_: session)
        patch.setattr("shared.aws.session.get_session", lambda: Session(session.client))
        patch.setattr(letter_box, "_WAIT_S", 0)
        patch.setenv("LOGNAME", "anna")
        patch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        simulator = closing.enter_context(
            Simulator(redirect_url="https://provider.example/connect")
        )
        simulator.platform.now = clock
        stage = Stage(simulator, clock, memory, patch, log)
        session.client = stage.client
        patch.setattr(real_clock, "sleep", stage.sleep)
        stage.recycle()
        yield stage


def _queue(url: str) -> dict[str, str]:
    return {"QueueName": url.rpartition("/")[2]}


def _short(function: str) -> str:
    return function.removesuffix("Function").lower()


def printed_commands(shown: str) -> list[str]:
    """What a command says to type, each on one line."""
    joined = re.sub(r"\\\n\s*", "", shown)
    return re.findall(r"type: (.+)", joined)
