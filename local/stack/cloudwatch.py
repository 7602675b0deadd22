"""CloudWatch's side of the local stack: measures, evaluates the template's alarms, and tells them.

The emulator keeps what was measured and the states, so whoever asks CloudWatch asks the emulator.
It would evaluate alarms by rules of its own, so it is given none that it can: the states are set.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self, cast

from botocore.exceptions import BotoCoreError, ClientError

from local.leaf import leaf
from local.listener import Listener, show
from local.stack.alarms import Alarm, Alarms, Metric, Readings, State, embedded
from local.stack.environment import InvokeResult
from local.stack.measures import of_run
from local.stack.template import STACK_NAME
from local.stack.wiring import Queue

LOOK_S = 5.0
"""Between two looks; CloudWatch looks once a minute, and is a few minutes late."""
_AT_ONCE = 100  # Values in one request; the emulator takes any number.
_WAITING = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
}
_STYLE = (
    ".ALARM{background:light-dark(#fdd,#5c1f1c)}"
    ".INSUFFICIENT_DATA{color:light-dark(#595959,#a8a8a8)}"
)

type Say = Callable[[Alarm, State], None]


class CloudWatch:
    """A context manager; `take` is told each run, from any thread.

    Attributes:
        url: of a page with all alarms; `/json` below it is the same for programs.
    """

    def __init__(
        self,
        cloudwatch: Any,
        sqs: Any,
        *,
        alarms: Mapping[str, Any],
        queues: Iterable[Queue],
        functions: Mapping[str, str],
        api: str,
        logs: Path,
        say: Say,
    ) -> None:
        """Start nothing yet.

        Args:
            cloudwatch: Client of the emulator.
            sqs: Client of the emulator.
            alarms: CloudFormation's properties of each.
            queues: Whose lengths are measured.
            functions: Their names at AWS, by logical name.
            api: Id of the HTTP API.
            logs: Folder of the functions' logs.
            say: Is told when one begins to ring, and when that is over.
        """
        self._cloudwatch = cloudwatch
        self._sqs = sqs
        self._alarms = Alarms((Alarm.read(*it) for it in alarms.items()), datetime.now(UTC))
        self._queues = list(queues)
        self._functions = functions
        self._api = api
        self._logs = logs
        self._say = say
        self._readings = Readings()
        self._lock = threading.Lock()
        self._news: list[tuple[Metric, float, datetime]] = []
        self._read: dict[Path, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look_again, daemon=True)
        self._server = _Server(0, _Handler)
        self._server.alarms = self._alarms
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to look."""
        for alarm in self._alarms.known:
            self._cloudwatch.put_metric_alarm(
                AlarmName=_name(alarm),
                AlarmDescription=alarm.words,
                ComparisonOperator=alarm.comparison,
                EvaluationPeriods=alarm.periods,
            )
        self._thread.start()
        threading.Thread(target=self._server.serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Look no more."""
        self._is_over.set()
        self._thread.join()
        self._server.stop()

    def take(self, function: str, event: Any, result: InvokeResult) -> None:
        """A run is over."""
        now = datetime.now(UTC)
        runs = of_run(self._functions[function], self._api, event, result, now)
        measured = [(it, value, now) for it, value in runs]
        with self._lock:
            self._news += measured

    def _look_again(self) -> None:
        while not self._is_over.wait(LOOK_S):
            try:
                self.look()
            except (BotoCoreError, ClientError):
                # The emulator is busy, or ends before this does.
                continue

    def look(self) -> None:
        """Measures, and tells what has changed."""
        now = datetime.now(UTC)
        with self._lock:
            news, self._news = self._news, []
        news += self._counted()
        news += self._lengths(now)
        for metric, value, at in news:
            self._readings.add(metric, value, at)
        self._keep(news)
        rang = {name for name, it in self._alarms.states.items() if it is State.ALARM}
        for alarm, state in self._alarms.look(self._readings, now):
            self._cloudwatch.set_alarm_state(
                AlarmName=_name(alarm), StateValue=state, StateReason="as template.yaml says"
            )
            if state is State.ALARM or alarm.name in rang:
                self._say(alarm, state)

    def _counted(self) -> Iterator[tuple[Metric, float, datetime]]:
        """What the functions have printed since, as CloudWatch Logs reads it."""
        for file in self._logs.glob("*Function.log"):
            with file.open("rb") as log:
                log.seek(self._read.get(file, 0))
                text = log.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read[file] = self._read.get(file, 0) + len(whole)
            for line in whole.splitlines():
                if line.startswith(b"{") and b'"_aws"' in line:
                    yield from embedded(json.loads(line))

    def _lengths(self, now: datetime) -> Iterator[tuple[Metric, float, datetime]]:
        for queue in self._queues:
            found = self._sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=[*_WAITING])
            for name, metric in _WAITING.items():
                dimensions = {"QueueName": queue.name}
                yield Metric.of("AWS/SQS", metric, dimensions), int(found["Attributes"][name]), now

    def _keep(self, news: Iterable[tuple[Metric, float, datetime]]) -> None:
        by_space: dict[str, list[dict[str, Any]]] = {}
        for metric, value, at in news:
            dimensions = [{"Name": name, "Value": it} for name, it in metric.dimensions]
            datum = {"MetricName": metric.name, "Value": float(value), "Timestamp": at}
            by_space.setdefault(metric.namespace, []).append(datum | {"Dimensions": dimensions})
        for space, data in by_space.items():
            for first in range(0, len(data), _AT_ONCE):
                self._cloudwatch.put_metric_data(
                    Namespace=space, MetricData=data[first : first + _AT_ONCE]
                )


class _Server(Listener):
    alarms: Alarms


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        alarms = cast("_Server", self.server).alarms
        told = [
            {"name": it.name, "state": alarms.states[it.name], "words": it.words}
            for it in alarms.known
        ]
        told.sort(key=lambda it: it["state"] != State.ALARM)
        if self.path == "/json":
            show(self, "application/json", json.dumps(told))
            return
        rows = "".join(
            f'<tr class="{it["state"]}"><td>{it["state"]}<td>{it["name"]}<td>{_said(it["words"])}'
            for it in told
        )
        page = leaf("Alarms", f"<table>{rows}</table>", style=_STYLE, refresh_s=5)
        show(self, "text/html; charset=utf-8", page)

    def log_message(self, *_words: object) -> None:
        """Nothing: whoever looks is here."""


def _said(words: str) -> str:
    """What an alarm says, and below it what it says to type."""
    what, _, command = words.partition(" Type: ")
    return escape(what) + (f"<br>Type: <code>{escape(command)}</code>" if command else "")


def _name(alarm: Alarm) -> str:
    """As CloudFormation names it."""
    return f"{STACK_NAME}-{alarm.name}-LOCAL"
