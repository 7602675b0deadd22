"""How long the lifecycle webhook takes to be answered while the platform takes its time."""

import statistics
import time
from dataclasses import dataclass

import httpx

from local.simulator import Owner, Simulator
from local.stack.stack import Stack

PLATFORM_S = 20.0
LOCATION = 4564


@dataclass(frozen=True, slots=True)
class Answered:
    """Milliseconds from sending an event to the whole answer, of a warm function."""

    events: int
    median: float
    p99: float
    longest: float
    asked: int


def answered(stack: Stack, simulator: Simulator, events: int) -> Answered:
    """Sends uninstall events for a connected location, whose status nobody tells for 20 s.

    Raises:
        RuntimeError: an event was not answered with 200.
    """
    with httpx.Client(timeout=60, trust_env=False) as http:
        connected(http, stack, simulator, LOCATION)
        before = len(simulator.calls("status"))
        simulator.fault("status", "delay", seconds=PLATFORM_S, times=9999)
        body = {
            "salon_id": LOCATION,
            "application_id": simulator.application_id,
            "event": "uninstall",
            "partner_token": simulator.partner_token,
        }
        ms = []
        for number in range(events + 1):
            began = time.perf_counter()
            answer = http.post(f"{stack.api}/webhooks/altegio", json=body)
            took = 1000 * (time.perf_counter() - began)
            if answer.status_code != httpx.codes.OK:
                message = f"event {number} was answered with {answer.status_code}"
                raise RuntimeError(message)
            # The first one starts the function.
            if number:
                ms.append(took)
    asked = len(simulator.calls("status")) - before
    simulator.clear_faults()
    return Answered(events, statistics.median(ms), sorted(ms)[len(ms) * 99 // 100], max(ms), asked)


def connected(
    http: httpx.Client,
    stack: Stack,
    simulator: Simulator,
    location_id: int,
    owner: Owner | None = None,
) -> str:
    """The owner's way through the page, by its one form; the key of his PBX."""
    simulator.redirect_url = f"{stack.api}/connect"
    granted = simulator.grant if simulator.state(location_id) == "uninstalled" else None
    page = http.get((granted or simulator.redirect)(location_id, owner=owner)).text
    ticket = page.partition('name="ticket" value="')[2].partition('"')[0]
    typed = {"name": "Anna", "email": "anna@example.com", "phone": "", "country": "US"}
    answer = http.post(f"{stack.api}/connect", data={"ticket": ticket, **typed}).raise_for_status()
    if simulator.state(location_id) != "active":
        raise RuntimeError("the location is not connected")
    return answer.text.partition('id="pbx-key">')[2].partition("<")[0]
