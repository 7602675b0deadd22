"""What events, a minute of reconcile and a census take, by how many locations there are.

    python -m tests.bench.growth [--locations 100 1000 10000] [--write]

All goes through the real handlers on AWS in memory, whose capacity is counted by the documented
rule (see `costs`), at the default pace. Time is that of a clock that moves by what a request is
assumed to take, and by what a function waits for its turn: nothing of it depends on the machine.
`--write` puts the tables and the picture into docs/.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import httpx

from local import PROJECT
from local.simulator import Owner
from local.simulator.wire import Answer, Request
from shared import clock as real_clock
from shared.altegio.settings import PlatformSettings
from shared.reconcile.census.table import CensusTable, Head, Stage
from shared.settings import variables
from tests.bench import costs, picture, written
from tests.bench.costs import AWS_S, MINUTES, PACE_PER_MIN, PLATFORM_S, Stack, Used
from tests.deployment import Deployment, payment

LOCATIONS = (100, 1_000, 10_000)
PICTURE = PROJECT / "docs" / "growth.svg"
CALLS_A_MONTH = (0, 100, 300, 1_000)
DAY_MIN = 24 * 60
TITLES = {
    "payment": "a payment",
    "call": "a call with its pop-up",
    "missed": "a call that is missed",
    "webhook": "a webhook",
    "minute": "a minute of reconcile",
    "census": "a census",
}
COLUMNS = {
    "write units": "write units",
    "read units": "read units",
    "AWS calls": "requests to AWS",
    "platform calls": "calls to the platform",
    "seconds": "seconds",
}
"""What is told of each: as `Used` has it, and as the table calls it."""
_FEW = 10
"""Of each event, of as many locations."""
_OF_AN_OWNER = 10
_HOUR = 60
_MONTH = timedelta(days=30)
_GOLDEN = 0.618034
"""Parts of a month that are multiples of it are spread evenly, however many there are."""
_PLENTY = {"PACE_PER_S": "1000000", "PACE_PER_MIN": "60000000", "CENSUS_EVERY_S": "0"}
_DEFAULT = {
    "PACE_PER_S": "5",
    "PACE_PER_MIN": str(PACE_PER_MIN),
    "HTTP_TOTAL_S": str(variables(PlatformSettings)["HTTP_TOTAL_S"]),
}
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Size:
    """A stack with so many locations.

    Attributes:
        locations: how many.
        rows: in all tables.
        used: by what; of a minute it is the mean of an hour, of a census what is beyond such.
        longest_s: of the runs of reconcile in that hour.
        census_min: how long the census took.
    """

    locations: int
    rows: int
    used: Mapping[str, Used]
    longest_s: float
    census_min: int


def measured(sizes: Sequence[int], tell: Callable[[str], None]) -> list[Size]:
    """A stack that grows from one size to the next."""
    found, before, key = [], 0, ""
    with costs.measured() as stack, _in_a_time_of_its_own(stack) as runs:
        for size in sizes:
            tell(f"growth: {size:,} locations connect")
            key = _grow(stack, before, size) or key
            tell("growth: what they take")
            found.append(_size(stack, size, key, runs))
            before = size
    return found


def _grow(stack: Stack, before: int, size: int) -> str:
    """Locations connect and pay, until what a connection begins with is over; the PBX's key."""
    deployment = stack.deployment
    deployment.restart(**_PLENTY)
    key = ""
    for first in range(before + 1, size + 1, _OF_AN_OWNER):
        locations = range(first, first + _OF_AN_OWNER)
        owner = Owner(id=first)
        page = deployment.connect(*locations, owner=owner, telephony=first == 1)
        key = key or page.pbx_key
        now = deployment.clock()
        for each in locations:
            # Ends evenly spread, and whoever ends soon has paid on.
            end = now + (each * _GOLDEN % 1) * _MONTH
            _pay(deployment, f"inv-{each}", each, end - _MONTH, end)
            if end < now + timedelta(days=3):
                _pay(deployment, f"next-{each}", each, end, end + _MONTH)
    deployment.let_time_pass(_HOUR)
    # A run takes a hundred of a kind at most, and all have connected at once.
    calls = 0
    while stack.platform.calls - calls > size / 100:
        calls = stack.platform.calls
        deployment.let_time_pass(_HOUR)
    # Nobody is told of what has been so far.
    for mapping, table in deployment._streams:
        deployment._read[mapping.table] = len(deployment._dynamodb.stream(table=table))
    return key


def _pay(deployment: Deployment, event: str, location: int, *period: Any) -> None:
    begins, ends = (it.replace(microsecond=0).isoformat() for it in period)
    paid = {"paid_at": deployment.clock().isoformat(), "period_from": begins, "period_to": ends}
    deployment.bill(payment(event, location, **paid))


def _size(stack: Stack, size: int, key: str, runs: list[float]) -> Size:
    deployment, used = stack.deployment, dict[str, Used]()
    deployment.restart(**_DEFAULT, CENSUS_EVERY_S="0")
    deployment.reconcile()
    runs.clear()
    stack.since()
    _let_minutes_pass(deployment, _HOUR)
    used["minute"] = costs.shared_by(_HOUR, stack.since())
    longest_s = max(runs)
    for each in range(1, _FEW + 1):
        begins = deployment.clock() + 2 * _MONTH
        _pay(deployment, f"of-{size}-{each}", each, begins, begins + _MONTH)
        deployment.tell()
    used["payment"] = costs.shared_by(_FEW, stack.since())
    # The first of all proves the location's token, too.
    costs.talk(deployment, key, f"first-{size}", listed_after_s=20)
    stack.since()
    for each in range(1, _FEW + 1):
        costs.talk(deployment, key, f"of-{size}-{each}", listed_after_s=20)
    used["call"] = costs.shared_by(_FEW, costs.beyond(stack.since(), used["minute"], _FEW))
    for each in range(1, _FEW + 1):
        silent = {"answered": False, "duration_s": 0}
        costs.talk(deployment, key, f"not-{size}-{each}", listed_after_s=20, **silent)
    used["missed"] = costs.shared_by(_FEW, costs.beyond(stack.since(), used["minute"], _FEW))
    for each in range(1, _FEW + 1):
        deployment.webhook(deployment.event(each))
    used["webhook"] = costs.shared_by(_FEW, stack.since())
    _let_minutes_pass(deployment, 10)
    stack.since()
    minutes = _census(deployment)
    used["census"] = costs.beyond(stack.since(), used["minute"], minutes)
    rows = sum(len(deployment.rows(it)) for it in _tables(deployment))
    return Size(size, rows, used, longest_s, minutes)


def _let_minutes_pass(deployment: Deployment, minutes: int) -> None:
    """Reconcile runs at each full minute, however long the run before took."""
    for _ in range(minutes):
        at = deployment.clock()
        deployment.clock.at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        deployment.reconcile()


def _census(deployment: Deployment) -> int:
    """Takes one; the minutes that it took."""
    table = CensusTable(deployment._dynamodb, deployment.environments["reconcile"]["CENSUS_TABLE"])
    now = deployment.clock()
    before = table.head()
    done = Head(now - timedelta(seconds=_DAY_S), Stage.DONE, repairs=False)
    head: Head | None = table.save(replace(done, version=before.version if before else 0), now)
    deployment.restart(**_DEFAULT, CENSUS_EVERY_S=str(_DAY_S))
    minutes = 0
    while not minutes or ((head := table.head()) and head.stage is not Stage.DONE):
        _let_minutes_pass(deployment, 1)
        minutes += 1
    assert head is not None
    assert head.looked == head.locations, head
    assert not head.found, head
    return minutes


def _tables(deployment: Deployment) -> set[str]:
    return {
        name
        for environment in deployment.environments.values()
        for name in environment
        if name.endswith("_TABLE")
    }


@contextmanager
def _in_a_time_of_its_own(stack: Stack) -> Iterator[list[float]]:
    """Requests and waits move the clock; yields the seconds of each run of reconcile."""
    deployment, runs = stack.deployment, list[float]()
    clock, simulator, meter = deployment.clock, deployment.simulator, stack.meter
    client, invoke = httpx.Client, Deployment.invoke

    class Transport(httpx.BaseTransport):
        """Takes the place of the network."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.extensions["trace"]("http11.send_request_headers.started", {})
            clock.advance(seconds=PLATFORM_S)
            asked = Request(
                request.method,
                request.url.raw_path.decode(),
                {name.lower(): value for name, value in request.headers.items()},
                request.read(),
            )
            answers: list[Answer] = []
            simulator.exchange(asked, lambda answer, **_: answers.append(answer))
            [answer] = answers
            return httpx.Response(answer.status, stream=httpx.ByteStream(answer.body))

    def connected(**_: Any) -> httpx.Client:
        return client(transport=Transport(), trust_env=False)

    def invoked(deployment: Deployment, function: str, event: Any) -> Any:
        began = clock()
        try:
            return invoke(deployment, function, event)
        finally:
            took = (clock() - began).total_seconds()
            if function == "reconcile":
                runs.append(took)
            meter.used["seconds"] += took

    def asked(_operation: str, _asked: Mapping[str, Any]) -> None:
        if meter.running:
            clock.advance(seconds=AWS_S)

    with ExitStack() as opened:
        enter = opened.enter_context
        enter(patch.object(httpx, "Client", connected))
        enter(patch.object(Deployment, "invoke", invoked))
        enter(patch.object(meter._memory, "before", asked))
        enter(patch.object(real_clock, "sleep", lambda s: clock.advance(seconds=max(0.0, s))))
        enter(patch("time.monotonic", lambda: clock().timestamp()))
        yield runs


def table(sizes: Sequence[Size]) -> str:
    """What docs/speed.md shows of each size."""
    lines = [
        f"| | | {' | '.join(f'{it.locations:,} locations' for it in sizes)} |",
        f"| --- | --- {'| --: ' * len(sizes)}|",
        _line("all tables", "rows", [it.rows for it in sizes]),
    ]
    for kind, title in TITLES.items():
        for name, measure in COLUMNS.items():
            values = [it.used[kind][name] for it in sizes]
            if any(round(value, 1) for value in values):
                lines.append(_line(title, measure, values))
    lines += [
        _line("the longest run of reconcile", "seconds", [it.longest_s for it in sizes]),
        _line("a census", "minutes", [it.census_min for it in sizes]),
    ]
    return "\n".join(lines)


def _line(title: str, measure: str, values: Sequence[float]) -> str:
    cells = [f"{it:,.0f}" if it >= 100 or it == int(it) else f"{it:,.1f}" for it in values]
    return f"| {title} | {measure} | {' | '.join(cells)} |"


def limits(census_per_min: float) -> str:
    """How many locations the platform's own limit allows, by how many calls each of them has."""
    each, days = costs.uses(), MINUTES / DAY_MIN

    def at_most(calls: int) -> float:
        asked = each["payment"]["platform calls"] * costs.PAYMENTS
        asked += each["call"]["platform calls"] * calls + each["location"]["platform calls"]
        return PACE_PER_MIN * DAY_MIN / (asked / days)

    told = [f"{calls:,}" if calls else "none" for calls in CALLS_A_MONTH]
    by_pace = [f"{at_most(calls):,.0f}" for calls in CALLS_A_MONTH]
    by_census = [f"{census_per_min * DAY_MIN:,.0f}"] * len(told)
    lines = [
        f"| calls of a location in a month | {' | '.join(told)} |",
        f"| --- {'| --: ' * len(told)}|",
        f"| locations, if all calls to the platform are to fit | {' | '.join(by_pace)} |",
        f"| locations, if a census is to end within a day | {' | '.join(by_census)} |",
    ]
    return "\n".join(lines)


def drawn(sizes: Sequence[Size]) -> str:
    """The curves of docs/growth.svg."""

    def units(kind: str) -> list[float]:
        return [it.used[kind]["read units"] + it.used[kind]["write units"] for it in sizes]

    named: dict[str, Sequence[float]] = {
        f"{title}, units": units(kind)
        for kind, title in TITLES.items()
        # It lies on that of any other call.
        if kind != "missed"
    }
    named["a census, minutes"] = [it.census_min for it in sizes]
    return picture.curves(
        "What it takes in DynamoDB, and how long a census is",
        "connected locations",
        [it.locations for it in sizes],
        named,
    )


def told(sizes: Sequence[int], tell: Callable[[str], None], *, is_written: bool) -> None:
    """Measures and prints; and writes into docs/, if that is asked for."""
    found = measured(sizes, tell)
    texts = {
        "growth": table(found),
        "limits": limits(found[-1].locations / found[-1].census_min),
    }
    for name, text in texts.items():
        print(f"\n{text}")
        if is_written:
            written.write(name, text)
    if is_written:
        PICTURE.write_text(drawn(found), "utf-8")


def main(arguments: Sequence[str]) -> int:
    """Of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth")
    parser.add_argument("--locations", type=int, nargs="+", default=LOCATIONS)
    parser.add_argument("--write", action="store_true", help="into docs/")
    options = parser.parse_args(arguments)
    told(options.locations, lambda it: print(it, file=sys.stderr), is_written=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
