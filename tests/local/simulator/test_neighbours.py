"""The billing system and the PBX of the page, against a stack that keeps what it is told."""

import html
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import pytest

from local.listener import Listener
from local.simulator import Simulator, controls
from local.simulator.neighbours import Doing, Neighbours
from tests.local.simulator.app import NORD, App, connect
from tests.local.simulator.test_telephony import App as Telephony


@dataclass
class Stack:
    """What was asked, and what it answers."""

    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 202
    states: list[str] = field(default_factory=lambda: ["PENDING", "SENT"])
    more: dict[str, str] = field(default_factory=dict)
    ran: int = 0

    def run_schedules(self) -> str:
        self.ran += 1
        return "ReconcileFunction"

    def posted(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.asked if body.startswith("{")]


@pytest.fixture
def stack() -> Iterator[Stack]:
    stack = Stack()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            stack.asked.append((self.path, self.headers.get("Authorization", ""), body))
            self._answer(stack.status, '{"success": true, "pop_up": "sent"}')

        def do_GET(self) -> None:
            state = stack.states.pop(0) if len(stack.states) > 1 else stack.states[0]
            told = {"state": state, "means": "so it stands", "next": "-", **stack.more}
            self._answer(200, json.dumps({"payment": told, "refund": told}))

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = Listener(0, Door)
    threading.Thread(target=server.serve, daemon=True).start()
    stack.url = f"http://127.0.0.1:{server.server_port}"
    yield stack
    server.stop()


@pytest.fixture
def neighbours(sim: Simulator, stack: Stack) -> Neighbours:
    sim.neighbours = Neighbours(
        api=stack.url,
        billing_key="the-billing-key",
        billing_queue=f"{stack.url}/queue",
        run_schedules=stack.run_schedules,
    )
    return sim.neighbours


def press(app: App, path: str, **fields: str) -> int:
    return app.http.post(path, data={"location": str(NORD), **fields}).status_code


def last(neighbours: Neighbours, kind: str) -> Doing:
    found = neighbours.last(kind)
    assert found is not None
    return found


def test_a_bill_is_posted_and_followed(app: App, stack: Stack, neighbours: Neighbours) -> None:
    assert press(app, "/billing/bill", amount="29.90", currency="EUR", way="http") == 303
    path, key, _ = stack.asked[0]
    assert (path, key) == ("/billing", "Basic YmlsbGluZzp0aGUtYmlsbGluZy1rZXk=")
    [event] = stack.posted()
    assert (event["type"], event["location_id"], event["amount"]) == ("payment", NORD, "29.90")
    begins, ends = (datetime.fromisoformat(event[it]) for it in ("period_from", "period_to"))
    assert abs(datetime.now(UTC) - begins) < timedelta(minutes=5)
    assert ends - begins == timedelta(days=30)
    until = time.monotonic() + 60
    while last(neighbours, "bill").stands != "SENT: So it stands.":
        assert time.monotonic() < until
        time.sleep(0.05)
    page = app.http.get("/").text
    assert "SENT: So it stands." in page
    # What is given back is the bill that was sent last.
    assert f'id="refund-event" name="event_id" value="{event["event_id"]}"' in page


def test_of_a_bill_that_waits_each_reason_stands_once_and_when_it_goes_on(
    sim: Simulator, app: App, stack: Stack, neighbours: Neighbours
) -> None:
    stack.states = ["REJECTED", "HELD"]
    stack.more = {"why": "so it stands", "next": "later", "due_at": "2026-11-28T14:36:05.060829Z"}
    press(app, "/billing/bill", amount="29.90", currency="EUR", way="http")
    until = time.monotonic() + 60
    while not last(neighbours, "bill").stands:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert last(neighbours, "bill").stands == "REJECTED: So it stands. Later. Next at 14:36:05."
    press(app, "/billing/bill", amount="29.90", currency="EUR", way="http")
    while not last(neighbours, "bill").stands:
        assert time.monotonic() < until
        time.sleep(0.05)
    # It waits for its owner, not for that time.
    assert last(neighbours, "bill").stands == "HELD: So it stands. Later."
    again = "The salon is connected again, so it goes out within a minute."
    assert again not in app.http.get("/").text
    connect(sim, app)
    assert again in app.http.get("/").text
    stack.states = ["SENT"]  # nobody asks any more


@pytest.mark.parametrize(
    ("state", "said"),
    [("UNKNOWN", "Altegio's answer did not arrive"), ("PENDING", "Altegio was not reached")],
)
def test_no_exceptions_name_is_shown(
    app: App, stack: Stack, neighbours: Neighbours, state: str, said: str
) -> None:
    # A reason has a full stop of its own, or none.
    stack.states, stack.more = [state], {"why": "RemoteProtocolError", "next": "Later."}
    press(app, "/billing/bill", amount="29.90", currency="EUR", way="http")
    until = time.monotonic() + 60
    while not last(neighbours, "bill").stands:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert last(neighbours, "bill").stands == f"{state}: So it stands. {said}. Later."
    stack.states = ["SENT"]


def test_a_bill_is_put_on_the_queue(app: App, stack: Stack, neighbours: Neighbours) -> None:
    assert press(app, "/billing/bill", amount="29.90", currency="EUR", way="queue") == 303
    [(path, key, body)] = stack.asked
    fields = parse_qs(body)
    assert (path, key, fields["Action"]) == ("/queue", "", ["SendMessage"])
    assert json.loads(fields["MessageBody"][0]) == json.loads(last(neighbours, "bill").sent)


def test_a_bill_is_given_back(app: App, stack: Stack, neighbours: Neighbours) -> None:
    assert press(app, "/billing/refund", event_id="inv-1", way="http") == 303
    [event] = stack.posted()
    del event["event_id"]
    assert event == {"type": "refund", "payment_event_id": "inv-1", "location_id": NORD}
    assert last(neighbours, "refund").status == 202


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_call_rings_and_ends(
    app: App, stack: Stack, neighbours: Neighbours, *, is_taken: bool
) -> None:
    call = {"phone": "+13155550177", "line": "+13155550199", "key": " pbx_key "}
    assert press(app, "/pbx/ring", **call) == 303
    assert "+13155550177" in app.http.get("/").text
    if is_taken:
        assert press(app, "/pbx/take") == 303
    assert press(app, "/pbx/hang-up") == 303
    assert {(path, key) for path, key, _ in stack.asked} == {("/calls", "Basic cGJ4OnBieF9rZXk=")}
    rang, ended = stack.posted()
    assert (rang["type"], ended["type"]) == ("ringing", "finished")
    for name in ("call_id", "phone", "line", "location_id"):
        assert rang[name] == ended[name]
    assert ended["answered"] is is_taken
    assert neighbours.call is None
    # The PBX keeps its key.
    assert 'value="pbx_key"' in app.http.get("/").text


@pytest.mark.usefixtures("neighbours")
def test_the_commands_of_a_call_are_of_one_call(app: App) -> None:
    """As a shell takes them, one after the other."""
    page = app.http.get("/").text
    commands = [html.unescape(it) for it in re.findall(r"<code>([^<]*/calls[^<]*)</code>", page)]
    rings, talked, missed = (it for it in commands if "pbx:" in it)
    shell = f'curl() {{ printf "%s\\n" "$5"; }}; {rings}; {talked}; {missed}'
    told = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert [it["type"] for it in events] == ["ringing", "finished", "finished"]
    assert len({it["call_id"] for it in events}) == 1
    assert [it["answered"] for it in events[1:]] == [True, False]
    at, began = (datetime.fromisoformat(it) for it in (events[0]["at"], events[1]["started_at"]))
    assert at - began >= timedelta(seconds=59)


def test_a_call_that_is_refused_is_on_no_line(
    app: App, stack: Stack, neighbours: Neighbours
) -> None:
    stack.status = 401
    assert press(app, "/pbx/ring", phone="+13155550177", line="", key="wrong") == 303
    assert neighbours.call is None
    assert '<b data-answer="ring">401</b>' in app.http.get("/").text


def test_the_card_of_a_call_that_is_over_says_so(
    sim: Simulator, app: App, neighbours: Neighbours
) -> None:
    def card() -> str:
        [found] = re.findall('<div class="pop-up.*?</div>', app.http.get("/").text)
        return str(found)

    backend = Telephony(sim)
    connect(sim, app)
    backend.setup()
    press(app, "/pbx/ring", phone="+13155550175", line="+13155550176", key="pbx_key")
    backend.ring()
    assert "Incoming call" in card()
    press(app, "/pbx/hang-up")
    assert 'class="pop-up over"' in card()
    assert "The call was missed, " in card()
    assert "Incoming call" not in card()
    # The next one rings; it and its end may also be told by the commands, not by the buttons.
    press(app, "/pbx/ring", phone="+13155550175", line="+13155550176", key="pbx_key")
    backend.ring()
    assert "Incoming call" in card()
    assert "ringing</span>" in app.http.get("/").text
    assert neighbours.call is not None
    backend.save(call_id=neighbours.call.call_id)
    assert "The call is over, " in card()
    assert "ringing</span>" not in app.http.get("/").text


@pytest.mark.usefixtures("neighbours")
def test_each_press_tells_a_terminal_what_it_did(app: App, stack: Stack) -> None:
    def said(path: str, **fields: str) -> str:
        return app.http.post(path, data={"location": str(NORD), **fields}).text

    answered = 'Your backend: 202 {"success": true, "pop_up": "sent"}\n'
    bill = said("/billing/bill", amount="1", currency="EUR")
    assert bill == f"A month was paid: the billing system posts it to /billing. {answered}"
    refund = said("/billing/refund", event_id="inv-1", way="queue")
    assert refund == (
        f"A payment was given back: the billing system puts it on the queue. {answered}"
    )
    assert said("/pbx/ring", phone="+1", line="+2", key="k") == (
        f"The telephone rings, and the PBX says so. {answered}"
    )
    assert said("/pbx/take").startswith("The reception has taken the call.")
    assert said("/pbx/hang-up") == f"The call is over, and the PBX says so. {answered}"
    assert said("/pbx/hang-up") == "Nobody is on the line: ring first.\n"
    ran = "The schedules ran, ahead of their time: ReconcileFunction.\n"
    assert said("/time/schedules") == ran
    stack.status = 401
    assert "Your backend: 401 " in said("/pbx/ring", phone="+1", line="+2", key="k")


@pytest.mark.usefixtures("neighbours")
def test_a_browser_is_shown_the_page_with_why_not(app: App) -> None:
    refused = app.http.post("/pbx/hang-up", headers={"accept": "text/html,*/*"})
    assert refused.status_code == 400
    assert "Nobody is on the line: ring first.</p>" in refused.text
    assert "<h1>Altegio, simulated</h1>" in refused.text


@pytest.mark.usefixtures("neighbours")
def test_a_step_says_what_came_of_it_since(sim: Simulator, app: App) -> None:
    def dds(step: str) -> list[str]:
        result = app.http.get("/").text.partition(f'id="live-{step}" ')[2].partition("</dl>")[0]
        return [re.sub(r"<.*?>|\d\d:\d\d:\d\d", "", it) for it in result.split("<dd>")[1:]]

    sim.grant(NORD)
    app.callback()
    app.paid()
    assert dds("connect")[0] == "Was connected at ."
    said = app.http.post("/owner/disconnect", data={"location": str(NORD)}).text
    assert said == "Studio Nord is disconnected. Altegio tells your backend by a webhook.\n"
    assert (
        dds("connect")
        == dds("off")
        == [
            "Was connected at , and disconnected at .",
            "Not connected.",
        ]
    )
    sim.grant(NORD)
    app.callback()
    for step in ("connect", "off", "back"):
        was, now = dds(step)
        assert was == "Was disconnected at , and connected at ."
        assert now.startswith("Connected. Paid until ")


@pytest.mark.usefixtures("neighbours")
def test_why_a_call_is_not_in_the_history_is_told(sim: Simulator, app: App, stack: Stack) -> None:
    def said() -> str:
        press(app, "/pbx/ring", phone="+13155550177", line="", key="pbx_key")
        stack.status = refused_by
        press(app, "/pbx/hang-up")
        stack.status = 202
        [words] = re.findall("<dd>(Not in the history.*?)</dd>", app.http.get("/").text)
        return str(words)

    refused_by = 202
    assert said() == "Not in the history: the salon takes no calls now. It comes once that is over."
    sim.grant(NORD)
    app.callback()
    assert said() == "Not in the history yet: it comes within a minute."
    refused_by = 401
    assert said() == "Not in the history: it was not taken."


@pytest.mark.usefixtures("neighbours")
def test_what_is_broken_stands_on_the_page_as_a_terminal_is_told(sim: Simulator, app: App) -> None:
    for _, path, fields in controls.BREAKS:
        said = app.http.post(path, data={name: str(value) for name, value in fields}).text
        assert f"<li>{html.escape(said.strip())}</li>" in app.http.get("/").text
    app.http.post("/faults/mend")
    sim.fault("payment", "status", status=500, times=2)
    app.pay()
    left = "Altegio will answer 500 to the next payment, and do nothing."
    assert f"<li>{left}</li>" in app.http.get("/").text


def test_a_sum_is_written_with_its_last_zero(sim: Simulator, app: App) -> None:
    sim.grant(NORD)
    app.callback()
    app.paid(payment_sum=29.9)
    app.paid(payment_sum=1000)
    page = app.http.get("/").text
    assert ">29.90 EUR</td>" in page
    assert ">1000 EUR</td>" in page


def test_a_stack_that_has_ended_is_told(app: App, neighbours: Neighbours) -> None:
    neighbours.api = "http://127.0.0.1:1"
    assert press(app, "/billing/bill", amount="1", currency="EUR") == 303
    assert last(neighbours, "bill").status is None
    assert "no answer: " in app.http.get("/").text


def test_the_schedules_run(app: App, stack: Stack, neighbours: Neighbours) -> None:
    assert press(app, "/time/schedules") == 303
    assert stack.ran == 1
    assert "ReconcileFunction" in last(neighbours, "time").words


@pytest.mark.usefixtures("neighbours")
def test_beside_what_time_brings_stands_what_it_brought(sim: Simulator, app: App) -> None:
    sim.grant(NORD)
    app.callback()

    def result() -> str:
        page = html.unescape(app.http.get("/").text)
        return page[page.index('id="live-time"') :].split("</section>")[0]

    sim.webhook_mode = "late"
    said = app.http.post("/owner/expire", data={"location": str(NORD)}).text
    assert said == (
        "The paid time of Studio Nord is over, and Altegio has frozen it. Altegio keeps the webhook"
        " back that would tell your backend. Once it knows, a call pops up no card. Bill in step 2,"
        " and Altegio thaws it.\n"
    )
    assert said.strip() in result()
    # Its trial would run on: nobody is told that nothing covers this day.
    assert "Its time was ended before <time>" in result()
    again = app.http.post("/owner/expire", data={"location": str(NORD)})
    assert (again.status_code, again.text) == (
        400,
        "Studio Nord is frozen already: no time of it can end.\n",
    )
    # What it did of several before it was refused, it says.
    sim.grant(4232)
    app.callback(4232)
    both = app.http.post("/owner/expire", data={"location": [str(4232), str(NORD)]})
    assert both.status_code == 303
    assert "The paid time of Studio Süd is over" in both.text
    assert "Studio Nord is frozen already" in both.text
    said = app.http.post("/owner/release").text
    assert said == "Altegio sends the 2 webhooks that it has kept back.\n"
    assert said.strip() in result()
    said = app.http.post("/owner/release").text
    assert said == "Altegio has kept no webhook back, so none is sent.\n"


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    ("path", "fields", "why"),
    [
        ("/billing/bill", {"amount": "much"}, "is no amount"),
        ("/billing/bill", {"amount": "1", "location": "x"}, "Choose a location"),
        ("/billing/refund", {}, "Name the bill"),
        ("/pbx/ring", {}, "Paste the key"),
        ("/pbx/take", {}, "Nobody is on the line"),
        ("/pbx/hang-up", {}, "Nobody is on the line"),
        ("/pbx/explode", {}, "There is no such button."),
    ],
)
def test_the_page_says_why_not(
    app: App, stack: Stack, path: str, fields: dict[str, str], why: str
) -> None:
    answer = app.http.post(path, data={"location": str(NORD), **fields})
    assert answer.status_code == 400
    assert why in answer.text
    assert stack.asked == []


def test_only_one_call_is_on_the_line(app: App, stack: Stack, neighbours: Neighbours) -> None:
    call = {"phone": "+13155550177", "line": "+13155550199", "key": "pbx_key"}
    assert [press(app, "/pbx/ring", **call) for _ in range(2)] == [303, 400]
    assert len(stack.asked) == 1
    assert neighbours.call is not None


def test_what_was_typed_and_answered_is_shown_as_text(app: App, neighbours: Neighbours) -> None:
    odd = "<img src=x onerror=alert(1)>'\""
    press(app, "/pbx/ring", phone=odd, line=odd, key=odd)
    neighbours.note(Doing("bill", odd, datetime.now(UTC), 1, odd, odd, 200, odd, odd))
    page = app.http.get("/").text
    assert "<img" not in page
    assert "onerror" in page


def test_without_a_stack_there_is_nobody_to_bill_or_call(sim: Simulator, app: App) -> None:
    assert sim.neighbours is None
    assert "step-bill" not in app.http.get("/").text
    assert press(app, "/billing/bill", amount="1") == 404
