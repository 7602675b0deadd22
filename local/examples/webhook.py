"""A provider's webhook, which the events out are forwarded to, and a page that shows them.

They come as on AWS, by a rule and an API destination, which the emulator plays: made here of what
docs/webhook.yaml says of them. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from http.server import BaseHTTPRequestHandler
from threading import Lock, Thread
from typing import Any, Self, cast

from local import PROJECT
from local.leaf import leaf
from local.listener import Listener, show

_TEMPLATE = PROJECT / "docs" / "webhook.yaml"
_MOST_SHOWN = 500


@dataclass(slots=True)
class Told:
    """One event, and how often it has come."""

    kind: str
    event: dict[str, Any]
    times: int = 1


class Webhook:
    """Takes each event once by its id, and shows the newest first; a context manager.

    Attributes:
        url: Of the page; `/json` below it is the same for programs.
    """

    def __init__(self, events: Any, bus: str) -> None:
        """Serve nothing yet.

        Args:
            events: The client of EventBridge.
            bus: The name of the event bus.
        """
        self._events = events
        self._bus = bus
        self._key = secrets.token_urlsafe(32)
        self._told: dict[str, Told] = {}
        self._lock = Lock()
        self._server = _Server(0, _Handler)
        self._server.webhook = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve, and have the events forwarded."""
        Thread(target=self._server.serve, daemon=True).start()
        self._forward()
        return self

    def __exit__(self, *_error: object) -> None:
        """Serve no more."""
        self._server.stop()

    def told(self) -> list[Told]:
        """All events, the newest first."""
        with self._lock:
            return sorted(self._told.values(), key=lambda it: str(it.event["at"]), reverse=True)

    def take(self, authorization: str, body: bytes) -> bool:
        """Keeps what is posted, if it comes with the key."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self._key}".encode()):
            return False
        posted = json.loads(body)
        with self._lock:
            known = self._told.get(posted["event"]["id"])
            if known is None:
                self._told[posted["event"]["id"]] = Told(posted["type"], posted["event"])
            else:
                known.times += 1
        return True

    def _forward(self) -> None:
        """Make what docs/webhook.yaml makes, without the role and the queue, which nobody asks."""
        # Imported here: only who runs this waits for it.
        from samtranslator.yaml_helper import (  # type: ignore[import-untyped]  # ships no types # noqa: PLC0415
            yaml_parse,
        )

        resources = yaml_parse(_TEMPLATE.read_text("utf-8"))["Resources"]
        connection, destination, rule = (
            resources[name]["Properties"] for name in ("Connection", "Destination", "Rule")
        )
        parameters = connection["AuthParameters"]["ApiKeyAuthParameters"]
        value = parameters["ApiKeyValue"]["Fn::Sub"].replace("${WebhookKey}", self._key)
        made = self._events.create_connection(
            Name="webhook",
            AuthorizationType=connection["AuthorizationType"],
            AuthParameters={"ApiKeyAuthParameters": {**parameters, "ApiKeyValue": value}},
        )
        told = {"ConnectionArn": made["ConnectionArn"], "InvocationEndpoint": self.url}
        made = self._events.create_api_destination(Name="webhook", **{**destination, **told})
        where = {"EventBusName": self._bus}
        self._events.put_rule(
            Name="webhook", EventPattern=json.dumps(rule["EventPattern"]), **where
        )
        [target] = rule["Targets"]
        asked = {name: target[name] for name in ("Id", "RetryPolicy", "InputTransformer")}
        targets = [{**asked, "Arn": made["ApiDestinationArn"]}]
        self._events.put_targets(Rule="webhook", Targets=targets, **where)


class _Server(Listener):
    webhook: Webhook


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_taken = self._webhook.take(self.headers.get("Authorization", ""), body)
        show(self, "text/plain", "", 200 if is_taken else 401)

    def do_GET(self) -> None:
        told = self._webhook.told()
        if self.path == "/json":
            shown = [{"type": it.kind, "times": it.times, "event": it.event} for it in told]
            show(self, "application/json", json.dumps(shown))
            return
        rows = "".join(map(_row, told[:_MOST_SHOWN]))
        names = ("When", "What, its id and version", "What was posted", "Came")
        heads = f"<tr>{''.join(f'<th>{name}' for name in names)}</tr>"
        shown_rows = f"<table>{heads}{rows}</table>" if told else "<p>None yet.</p>"
        words = "<p>As a webhook of yours gets them. Load the page anew to see more.</p>"
        show(self, "text/html; charset=utf-8", leaf("Events out", words + shown_rows))

    @property
    def _webhook(self) -> Webhook:
        return cast("_Server", self.server).webhook

    def log_message(self, *_words: object) -> None:
        """Nothing: whoever looks is here."""


def _row(told: Told) -> str:
    at = datetime.fromisoformat(told.event["at"]).astimezone(UTC)
    posted = json.dumps({"type": told.kind, "event": told.event}, ensure_ascii=False, indent=1)
    known = f"{told.event['id']}\nversion {told.event['version']}"
    came = "once" if told.times == 1 else f"{told.times} times"
    return (
        f'<tr data-id="{escape(told.event["id"])}"><td>{at:%H:%M:%S}<td><b>{escape(told.kind)}</b>'
        f"<pre>{escape(known)}</pre><td><pre>{escape(posted)}</pre><td>{came}</tr>"
    )
