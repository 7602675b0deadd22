"""The page of `make up` on the real stack: its steps by HTTP, and by the commands beside them."""

import html
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from local import PROJECT, welcome
from local import __main__ as commands
from local.rehearsal.browser import Browser
from local.simulator import Simulator, controls
from local.world import World, opened
from ops.__main__ import main as operate
from shared import clock

NORD = 4564
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    # Here a step follows the other within the second, in which Altegio allows five requests.
    paced = ["TrialDays=30", "CALL_SETTLE_S=0.2", "PACE_PER_S=50", "PACE_PER_MIN=2000"]
    words = ["up", *(word for each in paced for word in ("--set", each))]
    with opened(commands._parser().parse_args(words), port=0) as world:
        yield world


@pytest.fixture
def simulator(world: World) -> Simulator:
    assert world.simulator is not None
    return world.simulator


@pytest.fixture
def http(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, timeout=PATIENCE_S, trust_env=False) as http:
        yield http


def eventually(holds: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, "it did not come to hold"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def key(world: World) -> str:
    """Of the owner's PBX, who has connected for the first time."""
    assert world.simulator is not None
    with httpx.Client(base_url=world.simulator.url, timeout=PATIENCE_S, trust_env=False) as http:
        assert done(http) == []
        return connected(http)


def connected(http: httpx.Client, location_id: int = NORD) -> str:
    """The owner has connected; his page shows the key, the first time."""
    granted = http.post("/owner/grant", data={"location": str(location_id), "owner": "0"})
    with Browser() as browser:
        return browser.press(browser.open(granted.headers["location"])).pbx_key


def done(http: httpx.Client) -> list[str]:
    """The steps that the page calls done."""
    heads = re.findall(r'id="live-(\w+)-head".*?data-step="(\w+)"', http.get("/").text)
    return [name for name, state in heads if state == "done"]


def command_of(http: httpx.Client, step: str, number: int = 0) -> str:
    """A command beside the buttons of a step, as one copies it."""
    page = http.get("/").text
    part = page.partition(f'id="live-{step}-commands"')[2].partition("</details>")[0]
    return html.unescape(re.findall("<code>(.*?)</code>", part, re.DOTALL)[number])


def typed(command: str, **names: str) -> str:
    ended = subprocess.run(
        ["/bin/bash", "-c", f"set -e; {command}"],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "NO_PROXY": "*", **names},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return ended.stdout


def test_the_first_minutes_by_the_page(simulator: Simulator, http: httpx.Client, key: str) -> None:
    assert done(http) == ["connect"]
    bill = {"location": str(NORD), "amount": "29.90", "currency": "EUR", "way": "queue"}
    http.post("/billing/bill", data=bill)
    eventually(lambda: len(simulator.payments(NORD)) == 1)
    call = {"location": str(NORD), "phone": "+13155550175", "line": "+13155550176", "key": key}
    http.post("/pbx/ring", data=call)
    page = http.get("/").text
    assert re.search(r'class="pop-up">.*Maria Lopez.*\+13155550175.*\+13155550176', page)
    # It asks for more than the ring.
    assert done(http) == ["connect", "bill"]
    http.post("/pbx/take")
    http.post("/pbx/hang-up")
    eventually(lambda: [it.status for it in simulator.saved_calls()] == ["success"])
    assert done(http) == ["connect", "bill", "ring"]
    eventually(lambda: "SENT: " in http.get("/").text)
    [event_id] = re.findall(r'id="refund-event" name="event_id" value="(.+?)"', http.get("/").text)
    http.post("/billing/refund", data={"location": str(NORD), "event_id": event_id, "way": "http"})
    eventually(lambda: simulator.state(NORD) == "freezed")
    # As the page says: some seconds later a call is refused.

    def is_refused() -> bool:
        http.post("/pbx/ring", data=call)
        http.post("/pbx/hang-up")
        return "the location takes no calls" in html.unescape(http.get("/").text)

    eventually(is_refused)
    assert "Nothing pops up at the reception." in http.get("/").text
    assert done(http) == ["connect", "bill", "ring"]
    http.post("/billing/bill", data=bill)
    eventually(lambda: simulator.state(NORD) == "active")
    assert done(http) == ["connect", "bill", "ring", "refund"]
    http.post("/owner/disconnect", data={"location": str(NORD)})
    simulator.wait_webhooks()
    assert done(http)[-1] == "off"
    connected(http)
    assert done(http) == ["connect", "bill", "ring", "refund", "off", "back"]
    # Known again: the PBX rings with the key that it has.
    pop_ups = len(simulator.pop_ups())

    def rings() -> bool:
        http.post("/pbx/ring", data=call)
        return len(simulator.pop_ups()) > pop_ups

    # A machine that stands still for a moment shows none too late.
    eventually(rings)
    http.post("/pbx/hang-up")


def test_the_first_minutes_by_the_commands(
    simulator: Simulator, http: httpx.Client, key: str
) -> None:
    http.post("/owner/disconnect", data={"location": str(NORD)})
    simulator.wait_webhooks()
    said, address = typed(command_of(http, "connect")).rsplit(maxsplit=1)
    assert said == "Open this, as the owner's browser does:"
    with Browser() as browser:
        browser.press(browser.open(address))
    assert simulator.state(NORD) == "active"
    before = len(simulator.payments(NORD))
    assert json.loads(typed(command_of(http, "bill")))["status"] == 202
    time.sleep(1.1)  # its id is the second
    assert "MessageId" in typed(command_of(http, "bill", 1))
    eventually(lambda: len(simulator.payments(NORD)) == before + 2)
    pasted = {"location": str(NORD), "phone": "+13155550175", "line": "+13155550176", "key": key}
    http.post("/pbx/ring", data=pasted)
    http.post("/pbx/hang-up")
    pop_ups, saved = len(simulator.pop_ups()), len(simulator.saved_calls())
    # The key that was pasted is in it; and one shell is typed into, as both are of one call.
    rings, missed = command_of(http, "ring"), command_of(http, "ring", 2)
    rang, ended = typed(f"{rings}; {missed}").splitlines()
    assert json.loads(rang) == {"success": True, "pop_up": "sent"}
    assert len(simulator.pop_ups()) == pop_ups + 1
    assert json.loads(ended) == {"success": True, "left_out": []}
    eventually(lambda: len(simulator.saved_calls()) > saved)
    assert simulator.saved_calls()[-1].status == "missed"
    # After a talk, which lasts a minute.
    assert json.loads(typed(command_of(http, "ring", 1))) == {"success": True, "left_out": []}
    eventually(lambda: simulator.saved_calls()[-1].status == "success")
    http.post("/billing/bill", data={"location": str(NORD), "amount": "1", "currency": "EUR"})
    eventually(lambda: len(simulator.payments(NORD)) == before + 3)
    assert json.loads(typed(command_of(http, "refund")))["status"] == 202
    eventually(lambda: any(paid.is_refunded for paid in simulator.payments(NORD)[-1:]))
    broken = [typed(command_of(http, "break", number)) for number in range(len(controls.BREAKS))]
    assert broken == [
        "The answer to the next payment will be lost.\n",
        "Altegio will answer 422 to each of the next 2 payments, and do nothing.\n",
        "Altegio will answer 503 to each of the next 20 requests, and do nothing.\n",
        "Altegio will take 3 s more for each of the next 20 requests.\n",
        "Altegio keeps its webhooks back.\n",
        "Altegio's webhooks are lost.\n",
    ]
    assert len(simulator.faults()) == 4
    assert simulator.webhook_mode == "never"
    mended = typed(command_of(http, "break", len(controls.BREAKS)))
    assert mended == "Nothing is broken any more.\n"
    assert simulator.faults() == []
    assert simulator.webhook_mode == "now"
    ran = len(simulator.journal)
    ran_now = typed(command_of(http, "time"))
    assert ran_now.startswith("The schedules ran, ahead of their time: ")
    assert ran_now.strip() in html.unescape(http.get("/").text)
    assert len(simulator.journal) >= ran
    ended = typed(command_of(http, "time", 1))
    assert ended.startswith("The paid time of Studio Nord is over, and Altegio has frozen it.")
    assert simulator.state(NORD) == "freezed"
    assert typed(command_of(http, "time", 1)).startswith("Studio Nord is frozen already")
    assert "no webhook" in typed(command_of(http, "time", 2))
    assert typed(command_of(http, "off")).startswith("Studio Nord is disconnected.")
    assert simulator.state(NORD) == "uninstalled"


def test_the_commands_that_make_up_prints(
    world: World, simulator: Simulator, http: httpx.Client, key: str, tmp_path: Path
) -> None:
    connected(http)
    names = tmp_path / "stack.env"
    names.write_text(welcome.exports(world.stack))
    pages = dict.fromkeys(("letters", "events", "alarms"), "")
    text = welcome.text(world.stack, pages, names, clock.now(), is_simulated=True)
    # What is printed last is what a terminal shows: where to begin.
    assert text.endswith(f"leads through the first five minutes:\n  {simulator.url}\n")
    sets, *others = [line.strip() for line in text.splitlines() if re.match("  (curl|[.]) ", line)]
    before = len(simulator.payments(NORD))
    printed = [typed(f"{sets}; {each}", PBX_KEY=key) for each in others]
    assert json.loads(printed[0])["status"] == 202
    assert "MessageId" in printed[1]
    assert json.loads(printed[2]) == {"success": True, "pop_up": "sent"}
    assert printed[3].startswith("HTTP/1.1 200")
    eventually(lambda: len(simulator.payments(NORD)) > before)


def test_the_trial_is_the_configured_one_for_the_desk_as_well(
    world: World,
    simulator: Simulator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    http: httpx.Client,
) -> None:
    simulator.grant(4801, private=True)
    assert "A trial of 30 days, until " in http.get("/").text
    announced = tmp_path / "stack.json"
    announced.write_text(commands._announcement(world.stack))
    capsys.readouterr()
    operate(["publication", "--json", "--announced", str(announced)])
    assert '"30 days"' in capsys.readouterr().out

    def desk() -> str:
        """Until when a salon is covered, as the operator's command says it."""
        world.stack.run_schedules()
        capsys.readouterr()
        operate(["location", "4232", "--json", "--announced", str(announced)])
        covered = json.loads(capsys.readouterr().out)["facts"]["covered"]
        return re.sub(r"^until (.*)Z,.*$", r"\1", covered)

    def page() -> str:
        return simulator.platform.covered_until(4232)

    connected(http, 4232)
    trial = page()
    assert desk() == trial
    # There is one trial, however often he comes and goes.
    http.post("/owner/disconnect", data={"location": "4232"})
    simulator.wait_webhooks()
    connected(http, 4232)
    assert desk() == page() == trial
    bill = {"location": "4232", "amount": "29.90", "currency": "EUR", "way": "http"}
    time.sleep(1.1)  # times on the wire are whole seconds
    http.post("/billing/bill", data=bill)
    eventually(lambda: len(simulator.payments(4232)) == 1)
    # A month of 30 days that began later ends later than a trial of 30.
    assert page() > trial
    eventually(lambda: desk() == page())
