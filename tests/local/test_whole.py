"""The real functions as processes, on the real queues of the emulator: what moto cannot judge."""

import argparse
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from local.examples.mailbox import SENDER, Mailbox
from local.examples.webhook import Webhook
from local.simulator import Owner, Simulator
from local.simulator.telephony import SavedCall
from local.stack.stack import Stack
from ops import publication, site
from ops.__main__ import main as operate
from ops.deploy import health
from ops.watch import CloudWatch
from shared.aws.dynamodb import from_item
from shared.calls.call import LOOKED_FOR, TO_BE_SENT
from shared.calls.line_entry import Entered
from shared.clock import stamp
from shared.reconcile.letter_texts import TEXTS
from tests.calls.pbx import crm
from tests.calls.recorded import (
    ASTERISK,
    FORM,
    FREESWITCH,
    LINE,
    STARTED,
    UUID,
    by_line,
    fields,
    form,
    itoolabs_form,
    record,
)
from tests.deployment import Page, finished, payment, refund
from tests.docs import pages

SETTINGS = {
    "RECONCILE_EVERY_S": "1",
    "HTTP_TOTAL_S": "2",
    "RETRY_BASE_S": "0.5",
    # Here no answer of the platform is a minute old.
    "HINT_RECHECKS_S": "2,5,30",
    "CALL_SETTLE_S": "0.2",
    # The last when nobody can be busy with the call any more, as it is where it is deployed: a
    # platform that takes seconds for one, as on a busy machine, would be told of it again.
    "CALL_CHECKS_S": "0.3,1,2,4,8,16,32,64,180",
    "RECORDING_HOSTS": "records.example",
    "MAIL_FROM": SENDER,
    # Ten times the platform's limit, as all else here is faster, too.
    "PACE_PER_S": "50",
    "PACE_PER_MIN": "2000",
}
UNSETTLED = (*TO_BE_SENT, *LOOKED_FOR)
# A call of which a letter tells.
LETTER = "letter-1"
# So long only where something is broken; a busy machine takes several times as long as an idle one.
PATIENCE_S = 180.0


class World:
    """The local stack and its platform."""

    def __init__(self, simulator: Simulator, stack: Stack) -> None:
        self.simulator = simulator
        self.stack = stack
        self.refused: list[dict[str, Any]] = []
        self._sqs = stack.client("sqs")
        self._dynamodb = stack.client("dynamodb")

    def connect(self, *location_ids: int) -> Page:
        return self.press(self.visit(self.simulator.grant(*location_ids)))

    def visit(self, address: str) -> Page:
        return self.page(httpx.get(address, timeout=PATIENCE_S))

    def press(self, page: Page) -> Page:
        answer = httpx.post(f"{self.stack.api}/connect", data=page.fields, timeout=PATIENCE_S)
        return self.page(answer)

    def page(self, answer: httpx.Response) -> Page:
        return Page(answer.status_code, dict(answer.headers), answer.text)

    def bill(self, event: dict[str, Any]) -> None:
        self._sqs.send_message(QueueUrl=self.stack.billing_queue_url, MessageBody=json.dumps(event))

    def row(self, key: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self.stack.tables["PaymentsTable"], Key={"key": {"S": key}}
        )
        return from_item(answer.get("Item", {}))

    def wish(self, location_id: int) -> dict[str, Any]:
        """The row of who wants a letter of a location's missed callers."""
        rows = self._dynamodb.scan(TableName=self.stack.tables["CallsTable"])["Items"]
        wishes = [it for it in map(from_item, rows) if it["key"].startswith("letter#")]
        return next(it for it in wishes if it["location_id"] == location_id)

    def let_the_morning_come(self, location_id: int) -> None:
        """No clock is moved: the letter of tomorrow is due now."""
        wish = self.wish(location_id)
        now = stamp(datetime.now(UTC) - timedelta(seconds=1))
        self._dynamodb.update_item(
            TableName=self.stack.tables["CallsTable"],
            Key={"key": {"S": wish["key"]}},
            UpdateExpression="SET due_at = :now",
            ExpressionAttributeValues={":now": {"S": now}},
        )
        self.stack.run_schedules()

    def dead_letters(self) -> list[dict[str, Any]]:
        """All that were ever seen there."""
        self.refused += self._sqs.receive_message(
            QueueUrl=self.stack.queues["BillingDeadLetters"], MessageAttributeNames=["All"]
        ).get("Messages", [])
        return self.refused

    def unsettled_calls(self) -> list[str]:
        """The states of calls that are to be saved, or looked for in the platform's list."""
        answer = self._dynamodb.scan(TableName=self.stack.tables["CallsTable"])
        rows = map(from_item, answer["Items"])
        return [row["state"] for row in rows if row["state"] in UNSETTLED and "due_at" in row]

    def pass_the_time(self, key: str) -> None:
        """As if what is due after a lease were so now: a lease is as long as where it is deployed.

        With a shorter one, of a busy machine's workers one would still send what is taken over.
        """
        self._dynamodb.update_item(
            TableName=self.stack.tables["PaymentsTable"],
            Key={"key": {"S": key}},
            UpdateExpression="SET due_at = :now",
            ExpressionAttributeValues={":now": {"S": stamp(datetime.now(UTC))}},
        )

    def kill(self, function: str) -> int:
        """Kills the processes of a function, as a machine that dies does; returns how many."""
        environments = self.stack.environments(function)
        for environment in environments:
            environment.kill()
        return len(environments)

    def empty(self) -> bool:
        counts = self._sqs.get_queue_attributes(
            QueueUrl=self.stack.billing_queue_url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return {*counts.values()} == {"0"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Simulator() as simulator:
        logs = tmp_path_factory.mktemp("logs")
        with Stack(platform_url=simulator.url, settings=SETTINGS, logs=logs) as stack:
            simulator.redirect_url = f"{stack.api}/connect"
            simulator.callback_url = f"{stack.api}/webhooks/altegio"
            yield World(simulator, stack)


def eventually(holds: Callable[[], Any], *, within_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, "it did not come to hold"
        time.sleep(0.1)


def test_two_and_five_locations_in_one_redirect(world: World) -> None:
    for locations in ((101, 102), (201, 202, 203, 204, 205)):
        assert world.connect(*locations).standings == dict.fromkeys(locations, "connected")
        for location_id in locations:
            assert len(world.simulator.calls("callback", location_id)) == 1


def test_an_event_sent_ten_times_is_one_payment(world: World) -> None:
    world.connect(301)
    for _ in range(10):
        world.bill(payment("ten", 301))
    eventually(world.empty)
    assert len(world.simulator.payments(301)) == 1
    assert len(world.simulator.calls("payment", 301)) == 1
    assert world.row("payment#ten")["state"] == "SENT"


def test_an_event_given_to_eight_workers_at_once_is_one_payment(world: World) -> None:
    """D14."""
    world.connect(302)
    for number in range(5):
        body = json.dumps(payment(f"race-{number}", 302))
        event = {"Records": [{"messageId": f"m-{number}", "body": body}]}
        with ThreadPoolExecutor(8) as workers:
            answers = list(workers.map(lambda it: world.stack.invoke("payments", it), [event] * 8))
        assert {json.dumps(answer.payload) for answer in answers} == {'{"batchItemFailures": []}'}
    assert len(world.simulator.payments(302)) == 5
    assert len(world.simulator.calls("payment", 302)) == 5


def test_another_amount_lands_in_the_dead_letter_queue_with_its_reason(world: World) -> None:
    world.connect(303)
    world.bill(payment("changed", 303))
    eventually(lambda: world.simulator.payments(303))
    world.bill(payment("changed", 303, amount="1.00"))
    eventually(world.dead_letters)
    [refused] = world.refused
    reason = refused["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "payment#changed was received before with other facts"
    assert len(world.simulator.payments(303)) == 1


def test_what_happens_is_told_to_a_webhook_whatever_dies(world: World) -> None:
    """By the stream, the function, the bus, a rule and an API destination, as on AWS."""
    stack = world.stack
    with Webhook(stack.client("events"), stack.outputs["EventBusName"]) as webhook:
        world.connect(320)
        for number in range(5):
            world.bill(payment(f"told-{number}", 320))
            world.kill("events")

        def told(kind: str) -> list[str]:
            events = [it.event for it in webhook.told() if it.kind == kind]
            return [it.get("event_id", "") for it in events if it["location_id"] == 320]

        eventually(lambda: len(told("payment.sent")) == 5)
        # Of another table's stream, which may come later.
        eventually(lambda: told("location.connected"))
        world.bill(refund("told-ref", of="told-3"))
        eventually(lambda: told("refund.done"))
        world.simulator.disconnect(320)
        eventually(lambda: told("location.disconnected"))
        assert sorted(told("payment.sent")) == sorted(f"told-{number}" for number in range(5))
        assert len(told("location.connected")) == 1


def test_a_payment_whose_answer_was_dropped_is_unknown_and_one(world: World) -> None:
    world.connect(304)
    world.simulator.fault("payment", "drop_answer", location_id=304)
    world.bill(payment("dropped", 304))
    eventually(lambda: world.row("payment#dropped").get("state") == "UNKNOWN")
    time.sleep(3)
    assert len(world.simulator.calls("payment", 304)) == 1
    assert len(world.simulator.payments(304)) == 1


def test_disabled_is_held_and_goes_out_after_reconnect_and_frozen_is_sent(world: World) -> None:
    world.connect(305)
    world.simulator.disconnect(305)
    world.simulator.wait_webhooks()
    world.bill(payment("held", 305))
    eventually(lambda: world.row("payment#held").get("state") == "HELD")
    world.connect(305)
    eventually(lambda: world.row("payment#held").get("state") == "SENT")
    assert len(world.simulator.payments(305)) == 1
    assert len(world.simulator.calls("callback", 305)) == 2

    world.simulator.expire(305)
    world.simulator.wait_webhooks()
    world.bill(payment("thaw", 305))
    eventually(lambda: world.row("payment#thaw").get("state") == "SENT")
    assert world.simulator.state(305) == "active"


def test_a_refund_reaches_exactly_its_payment(world: World) -> None:
    world.connect(306)
    world.bill(refund("back", of="given"))
    world.bill(payment("given", 306))
    world.bill(payment("kept", 306))
    eventually(lambda: world.row("refund#back").get("state") == "SENT")
    given = world.row("payment#given")["platform_id"]
    assert [it.id for it in world.simulator.payments(306) if it.is_refunded] == [given]


def test_a_worker_killed_while_it_sends_leaves_one_payment(world: World) -> None:
    world.connect(307)
    world.simulator.fault("payment", "late_answer", location_id=307, seconds=1.5)
    world.bill(payment("killed", 307))
    eventually(lambda: world.simulator.payments(307))
    assert world.kill("PaymentsFunction") > 0
    assert world.row("payment#killed")["state"] == "SENDING"
    world.pass_the_time("payment#killed")
    eventually(lambda: world.row("payment#killed")["state"] == "UNKNOWN")
    assert len(world.simulator.calls("payment", 307)) == 1
    world.bill(payment("after", 307))
    eventually(lambda: world.row("payment#after").get("state") == "SENT")


def test_a_code_comes_by_letter_and_opens_the_settings(world: World) -> None:
    page = world.connect(8001)
    with Mailbox(world.stack.aws_endpoint_url) as post:
        sent = world.press(page)
        assert sent.proof == "sent"
        [letter, *_] = httpx.get(f"{post.url}/json").json()
        assert (letter["to"], letter["subject"]) == (
            [Owner().email],
            "Your code for IP telephony",
        )
        [code] = re.findall(r"\d{4} \d{4} \d{4}", letter["text"])
        assert code in httpx.get(post.url).text
    sent.fields["code"] = code
    proven = world.press(sent)
    assert (proven.proof, [*dict.fromkeys(proven.buttons)]) == (
        "given",
        ["line", "missed", "look", "wait", "rotate", "void", "country"],
    )
    proven.fields["action"] = "rotate"
    assert world.press(proven).pbx_key.startswith("pbx_")


def test_a_letter_of_missed_callers_comes_in_the_morning_and_is_stopped_from_it(
    world: World,
) -> None:
    owner = Owner(id=8010, email="letters@salon.example")
    page = world.press(world.visit(world.simulator.grant(8010, owner=owner)))
    key = page.pbx_key
    with Mailbox(world.stack.aws_endpoint_url) as post:

        def newest() -> dict[str, Any]:
            letters = httpx.get(f"{post.url}/json").json()
            return next((it for it in letters if it["to"] == [owner.email]), {})

        page = world.visit(world.simulator.redirect(8010, owner=owner))
        page.fields["action"] = "code"
        sent = world.press(page)
        [code] = re.findall(r"\d{4} \d{4} \d{4}", newest()["text"])
        sent.fields.update(action="prove", code=code)
        proven = world.press(sent)
        proven.fields.update(action="letter", location="8010")
        assert 'data-letter="wanted"' in world.press(proven).text
        missed_at = datetime.now(UTC) - timedelta(seconds=60)
        call = {
            **finished(LETTER, 8010, phone="+13155550175", answered=False, duration_s=0),
            "started_at": missed_at.isoformat(),
        }
        headers = {"authorization": f"Bearer {key}"}
        told = httpx.post(f"{world.stack.api}/calls", json=call, headers=headers, timeout=60)
        assert told.status_code == 202
        world.let_the_morning_come(8010)
        eventually(lambda: "+13155550175" in newest()["text"])
        letter = newest()
        assert letter["subject"].startswith("Missed callers to call back: 1")
        assert f"+13155550175   {missed_at:{TEXTS['en'].moment}}" in letter["text"]
        [address] = re.findall(r"https?://\S+stop=\S+", letter["text"])
        # It names the host that API Gateway would; here that is the local one.
        address = f"{world.stack.api}/connect?{address.partition('?')[2]}"
        assert "<form" in httpx.get(address, timeout=PATIENCE_S).text
        assert "due_at" in world.wish(8010)
        # As a program for mail presses its own button: https://www.rfc-editor.org/rfc/rfc8058
        pressed = httpx.post(address, data={"List-Unsubscribe": "One-Click"}, timeout=PATIENCE_S)
        assert pressed.status_code == 200
        assert "due_at" not in world.wish(8010)


def test_no_secret_is_in_any_log(world: World) -> None:
    logs = "".join(
        world.stack.function_log(name) for name in ("connect", "payments", "disable", "reconcile")
    )
    assert "account registered" in logs
    secrets = [world.simulator.partner_token, world.simulator.crm_token, "user_data"]
    assert [secret for secret in secrets if secret in logs] == []


def fresh(body: bytes, call_id: str) -> bytes:
    """A record as if it were made now, of a call of its own."""
    began = int(time.time()) - 120
    recorded = int(STARTED.timestamp())

    def later(found: re.Match[bytes]) -> bytes:
        return b"%d" % (int(found[0]) - recorded + began)

    moved = re.sub(rb"\b%d[0-9]{3}" % (recorded // 1000), later, body)
    linked = re.sub(rb"linkedid=[0-9.]+", b"linkedid=" + call_id.encode(), moved)
    return linked.replace(UUID.encode(), call_id.encode())


def test_the_records_of_both_families_of_pbx_come_out_right(world: World) -> None:
    # An owner of his own, as a key is shown once.
    granted = world.simulator.grant(4564, owner=Owner(id=7100, email="pbx@example.com"))
    key = world.press(world.visit(granted)).pbx_key
    assert key
    # With one of them it is busy for longer than anybody listens, as on a busy machine.
    world.simulator.fault("history", "delay", seconds=8)
    with httpx.Client(base_url=world.stack.api, timeout=PATIENCE_S, trust_env=False) as pbx:

        def report(auth: tuple[str, str]) -> set[int]:
            statuses = set()
            # As the recipes send them, which name no location: it is the account's only one.
            for name in FREESWITCH:
                body = by_line(fresh(record(name), f"f-{name}"))
                kind = {"content-type": "application/json"}
                path = f"/calls/freeswitch?uuid=f-{name}"
                statuses.add(pbx.post(path, content=body, headers=kind, auth=auth).status_code)
            for name in ASTERISK:
                body, kind = by_line(fresh(form(name), f"a-{name}")), {"content-type": FORM}
                path = "/calls/asterisk"
                statuses.add(pbx.post(path, content=body, headers=kind, auth=auth).status_code)
            return statuses

        assert report(("pbx", key[:-1] + "?")) == {401}
        assert report(("pbx", key)) == {202}
        # A PBX that heard no answer tells it again.
        assert report(("pbx", key)) == {202}
    expected = {f"f-{name}": told for name, told in FREESWITCH.items()}
    expected |= {f"a-{name}": told for name, told in ASTERISK.items()}

    def of_both() -> list[SavedCall]:
        # Beside the letter's, as all are of one chain.
        return [it for it in world.simulator.saved_calls(4564) if it.call_id != LETTER]

    eventually(lambda: len(of_both()) >= len(expected))
    time.sleep(2)
    saved = of_both()
    assert sorted(call.call_id for call in saved) == sorted(expected)
    for call in saved:
        assert call.line == LINE
        assert fields(call, expected[call.call_id]) == expected[call.call_id]
    assert world.simulator.calls("history")[0].violation == ""


def test_a_call_without_a_location_waits_for_its_line_and_goes_out(world: World) -> None:
    owner = Owner(id=7200, email="lines@example.com")
    key = world.press(world.visit(world.simulator.grant(4571, 4572, owner=owner))).pbx_key
    operator = site.Site(running(world))
    connection = operator.connections.get(4571)
    assert connection is not None
    account_id = str(connection.account_id)
    known, unknown = "+13155550171", "+13155550172"
    assert operator.lines.enter(account_id, {known: 4571}) is Entered.DONE
    with httpx.Client(base_url=world.stack.api, timeout=PATIENCE_S, trust_env=False) as pbx:
        for line in (known, unknown):
            event = finished(f"l-{line}", line=line, started_at=datetime.now(UTC).isoformat())
            del event["location_id"]
            answer = pbx.post("/calls", json=event, auth=("pbx", key))
            assert answer.status_code == 202, answer.text
            rings = {**event, "type": "ringing", "at": event["started_at"]}
            pop_up = pbx.post("/calls", json=rings, auth=("pbx", key)).json()["pop_up"]
            assert pop_up.startswith("nobody has entered") == (line == unknown)
    eventually(lambda: "l-+13155550171" in saved(world, 4571))
    account = operator.accounts.of_id(account_id)
    assert account is not None
    assert [(it.key, it.calls) for it in operator.lines.of(account).unknown] == [(unknown, 1)]
    assert operator.lines.enter(account.account_id, {unknown: 4572}) is Entered.DONE
    eventually(lambda: "l-+13155550172" in saved(world, 4572))


def test_an_incident_that_is_planted_by_hand_rings_and_is_mended_as_status_says(
    world: World,
    eventually: Callable[[Callable[[], Any]], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The door for faults, the alarms and the operator's commands, on the stack that serves."""
    world.connect(4579)
    wish = {"route": "payment", "kind": "status", "status": "422", "message": "Period is closed."}
    fault = {**wish, "times": "2", "location_id": "4579"}
    said: list[str] = []
    with world.stack.watched(lambda alarm, state: said.append(f"{alarm.name} {state}")) as watch:
        httpx.post(f"{world.simulator.url}/faults/order", data=fault, trust_env=False)
        world.bill(payment("drill-1", 4579))
        # It is asked twice.
        eventually(lambda: world.row("payment#drill-1").get("why") == "Period is closed.")
        world.pass_the_time("payment#drill-1")
        eventually(lambda: world.row("payment#drill-1").get("state") == "REJECTED")
        watch.look()
        eventually(lambda: "PaymentRejectedAlarm ALARM" in said)
        monkeypatch.setattr(site, "find", lambda _options: running(world))
        monkeypatch.setenv("LOGNAME", "anna")
        monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        capsys.readouterr()
        operate(["status", "--json"])
        told = json.loads(capsys.readouterr().out)
        assert any(it["whom"] == "PaymentRejectedAlarm" for it in told["troubles"])
        [mine] = [it for it in told["troubles"] if "payment#drill-1" in it["whom"]]
        assert mine["what"] == "REJECTED (990.99 EUR), Period is closed."
        operate(mine["command"].split())
        assert "payment payment#drill-1 --send\n" in capsys.readouterr().out
        operate(["payment", "payment#drill-1", "--send", "--do"])
        eventually(lambda: world.row("payment#drill-1").get("state") == "SENT")


def saved(world: World, location_id: int) -> list[str]:
    return [call.call_id for call in world.simulator.saved_calls(location_id)]


def running(world: World, **outputs: str) -> site.Stack:
    environments = {name: it.environment for name, it in world.stack.functions.items()}
    return site.Stack(
        name="the stack",
        environments=environments,
        outputs={**world.stack.outputs, **outputs},
        client=world.stack.client,
        watch=CloudWatch(world.stack.client("cloudwatch"), "local", {}, alarms=world.stack.alarms),
        aws="aws",
    )


def run(page: str, world: World, key: str, folder: Path) -> str:
    """Runs the one command of a page, as it stands there; returns what it prints."""
    [command] = [block for language, block in pages.blocks(page) if language == "sh"]
    return shell(command, world, key, folder)


def shell(command: str, world: World, key: str, folder: Path) -> str:
    """Runs a command of a page on the whole stack; returns what it prints, as a page shows it."""
    ran = subprocess.run(
        ["sh", "-eu", "-c", command],  # noqa: S607
        env={
            "API": world.stack.api,
            "PBX_KEY": key,
            "PATH": os.environ["PATH"],
            "no_proxy": "*",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.removesuffix("\n")


def saved_from(world: World, phone: str, at: datetime) -> list[SavedCall]:
    """What the platform has of a caller, of calls that began then."""
    told = world.simulator.saved_calls(4701)
    return [call for call in told if (call.phone, call.date) == (phone, at)]


def test_itoolabs_needs_only_what_its_page_says(world: World, tmp_path: Path) -> None:
    owner = Owner(id=7101, phone="77011234567", email="itoolabs@example.com")
    page = world.press(world.visit(world.simulator.grant(4701, owner=owner)))
    assert run("docs/pbx/itoolabs.md", world, page.pbx_key, tmp_path) == "{}"
    for command, printed in pages.transcripts("docs/pbx/itoolabs.md"):
        assert shell(command, world, page.pbx_key, tmp_path) == printed
    cabinet = dict(pages.rows("docs/pbx/itoolabs.md", "## The recipe"))
    address = cabinet["address of the CRM"].strip("`")
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=90)
    with httpx.Client(timeout=PATIENCE_S, trust_env=False) as pbx:

        def post(name: str, key: str, **changes: str) -> httpx.Response:
            told = dict(parse_qsl(itoolabs_form(name, key).decode(), keep_blank_values=True))
            url = address.replace("https://api.example", world.stack.api)
            return pbx.post(url, data={**told, **changes})

        assert post("event-incoming", f"{page.pbx_key[:-1]}?").status_code == 401
        assert post("event-incoming", page.pbx_key).json() == {"success": True, "pop_up": "sent"}
        for name in ("event-accepted", "event-completed", "history-success"):
            start = {"start": began.strftime("%Y%m%dT%H%M%SZ")} if "history" in name else {}
            # A PBX that heard no answer tells it again.
            for _ in range(2):
                assert post(name, page.pbx_key, **start).status_code == 200
    eventually(lambda: saved_from(world, "+77001234567", began))
    [call] = saved_from(world, "+77001234567", began)
    assert (call.line, call.user) == ("+77272222222", "101")
    assert (call.status, call.duration) == ("success", 90)
    assert call.link == "https://records.example/c1.mp3"


@pytest.mark.parametrize(
    ("page", "location_id", "user"),
    [("docs/pbx/asterisk.md", 4703, "101"), ("docs/pbx/freeswitch.md", 4704, "")],
)
def test_a_recipe_is_tried_by_hand(
    world: World, tmp_path: Path, page: str, location_id: int, user: str
) -> None:
    owner = Owner(id=3000 + location_id, email=f"owner{location_id}@example.com")
    shown = world.press(world.visit(world.simulator.grant(location_id, owner=owner)))
    pop_ups, saved = len(world.simulator.pop_ups()), len(world.simulator.saved_calls())
    for command, printed in pages.transcripts(page):
        assert shell(command, world, shown.pbx_key, tmp_path) == printed
    assert len(world.simulator.pop_ups()) == pop_ups + 1
    call = "+13155550175", "+13155550176", user, "success", 50

    def came() -> set[tuple[object, ...]]:
        # A call of a test before may come after it.
        new = world.simulator.saved_calls()[saved:]
        return {(it.phone, it.line, it.user, it.status, it.duration) for it in new}

    eventually(lambda: call in came())


def test_3cx_needs_only_what_its_page_says(world: World, tmp_path: Path) -> None:
    owner = Owner(id=7102, email="3cx@example.com")
    page = world.press(world.visit(world.simulator.grant(4702, owner=owner)))
    run("docs/pbx/3cx.md", world, page.pbx_key, tmp_path)
    for command, printed in pages.transcripts("docs/pbx/3cx.md"):
        assert shell(command, world, page.pbx_key, tmp_path) == printed
    template = crm.parsed((tmp_path / "altegio-3cx.xml").read_bytes())
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=90)
    with httpx.Client(timeout=PATIENCE_S, trust_env=False) as pbx:

        def report(name: str, **values: str) -> Any:
            [url] = {each.get("Url", "") for each in template.iter("Request")}
            headers, body = crm.posted(template, name, values)
            answer = pbx.post(url, content=body, headers=headers)
            assert answer.status_code == 200
            return answer.json()

        ringing = report("", Number="+13155550174", CallDirection="Inbound")
        assert ringing == {"success": True, "pop_up": "sent"}
        for _ in range(2):
            report(
                "ReportCall",
                CallType="Inbound",
                Number="+13155550174",
                Agent="101",
                Duration="00:01:30",
                CallStartTimeUTC=f"{began:%Y-%m-%dT%H:%M:%SZ}",
            )
    eventually(lambda: saved_from(world, "+13155550174", began))
    [call] = saved_from(world, "+13155550174", began)
    assert (call.line, call.user) == (LINE, "101")
    assert (call.status, call.duration) == ("success", 90)


def publish(world: World, capsys: pytest.CaptureFixture[str], *words: str, **changes: str) -> Any:
    """The command, run against this stack; its status, and what it prints."""
    options = argparse.Namespace(json="--json" in words, location=None)
    status = publication.publication(site.Site(running(world, **changes)), options)
    return status, capsys.readouterr().out


def test_what_the_cabinet_asks_for_is_told_and_checked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    # Those of the test before.
    eventually(lambda: not world.unsettled_calls())
    before = len(world.simulator.journal)
    status, out = publish(world, capsys, "--json")
    told = json.loads(out)
    failed = [check["what"] for check in told["checks"] if not check["passed"]]
    assert (status, failed) == (0, [])
    assert told["values"]["Registration Redirect Url"] == f"{world.stack.api}/connect"
    assert told["values"]["Callback Url"] == f"{world.stack.api}/webhooks/altegio"
    assert all(3 <= len(text) <= 1000 for text in told["texts"].values())
    # Only lists were asked for, beside what reconcile may ask at any time; nothing came of
    # what was refused.
    asked = {call.route for call in world.simulator.journal[before:]}
    assert asked - {"status", "calls"} == {"salons"}
    status, text = publish(world, capsys)
    assert max(map(len, text.splitlines())) <= 100
    assert "Callback Url" in text
    assert world.simulator.partner_token not in out + text


def test_the_check_after_a_deployment_knows_our_page(world: World) -> None:
    with httpx.Client(trust_env=False) as http:
        check = health.page(world.stack.outputs, http)
        elsewhere = health.page({"RedirectUrl": f"{world.stack.api}/nowhere"}, http)
    assert (check.passed, elsewhere.passed) == (True, False), (check.seen, elsewhere.seen)


def test_what_is_not_there_fails(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    gone = "http://127.0.0.1:9/webhooks/altegio"
    _status, out = publish(world, capsys, "--json", WebhookUrl=gone)
    seen = {check["what"]: check["seen"] for check in json.loads(out)["checks"]}
    assert seen["the webhook answers GET"] == "ConnectError"
    elsewhere = f"{world.stack.api}/nowhere"
    _status, out = publish(world, capsys, "--json", WebhookUrl=elsewhere, CallsUrl=elsewhere)
    failed = {it["what"] for it in json.loads(out)["checks"] if not it["passed"]}
    assert {"the webhook answers HEAD", "a forged webhook is refused"} <= failed
    assert "calls without a key are refused" in failed
