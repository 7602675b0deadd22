"""Attacks by a crowd."""

import base64
from datetime import timedelta
from itertools import chain, count
from types import SimpleNamespace
from typing import Any

import pytest

from functions.calls import app as calls
from functions.reconcile import app as reconcile
from shared.altegio.rate_limit import Bounds
from shared.calls.directory import LineDirectory
from shared.calls.lines import MOST_WAITING
from shared.calls.pbx import itoolabs
from shared.calls.table import Calls
from shared.reconcile import schedule
from tests.deployment import Deployment, finished, payment, ringing
from tests.threats.threat import ANNA, MALLORY, act, patch, threat

# The crowd


def neighbours(deployment: Deployment) -> tuple[str, str]:
    """The keys of two accounts, at the pace of the platform."""
    mallory = deployment.connect(4564, owner=MALLORY).pbx_key
    anna = deployment.connect(4777, owner=ANNA).pbx_key
    deployment.reconcile()
    deployment.clock.advance(minutes=1)
    deployment.restart(PACE_PER_S="5", PACE_PER_MIN="200")
    return mallory, anna


def _no_bounds(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    patches.setattr(Bounds, "take", lambda *_: None)


@threat("Somebody's telephones ring so often that nobody else's caller is shown", _no_bounds)
def rings_without_end(deployment: Deployment) -> bool:
    shown = 0
    mallory, anna = neighbours(deployment)
    for number in range(60):
        at = deployment.clock().isoformat()
        deployment.call({**ringing(f"m-{number}", 4564), "at": at}, mallory)
        if number % 10 == 9:
            answer = deployment.call({**ringing(f"a-{number}", 4777), "at": at}, anna)[1]
            shown += answer["pop_up"] == "sent"
        deployment.clock.advance(seconds=0.1)
    return shown < 4


@threat("Thousands of one company's calls stand in the queue before everybody's", _no_bounds)
def queues_without_end(deployment: Deployment) -> bool:
    mallory, anna = neighbours(deployment)
    at = (deployment.clock() - timedelta(seconds=90)).isoformat()
    for number in range(200):
        deployment.call({**finished(f"m-{number}", 4564), "started_at": at}, mallory)
    deployment.call({**finished("anna", 4777), "started_at": at}, anna)
    deployment.clock.advance(seconds=6)
    # As many as half a minute's pace.
    return "anna" not in deployment.woken_calls()[:100]


def _one_kind_after_the_other(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    patches.setattr(schedule, "_in_turn", lambda *kinds: chain.from_iterable(kinds))


@threat(
    "So many locations are due that nobody comes to what else is due", _one_kind_after_the_other
)
def crowds_reconcile(deployment: Deployment) -> bool:
    deployment.connect(4564)
    deployment.simulator.fault("payment", "drop_answer")
    deployment.bill(payment())
    deployment.clock.advance(minutes=20)
    deployment.crowd(300, watched_at=None, due_at=deployment.clock() - timedelta(hours=1))
    # A run has no time for more than a part of them.
    with pytest.MonkeyPatch.context() as busy:
        seconds = count()
        slow = SimpleNamespace(monotonic=lambda: next(seconds) / 6)
        busy.setattr(schedule, "time", slow)
        busy.setattr(reconcile, "time", slow)
        deployment.invoke("reconcile", {})
    return deployment.entry("payment#inv-1").state != "SENT"


def _any_location(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    def any_s(directory: LineDirectory, _account_id: str, location_id: int) -> Any:
        return directory._connections.get(location_id)

    patches.setattr(LineDirectory, "_own", any_s)


@threat(
    "Somebody enters a location of others for his line, so that his calls stand in its history",
    _any_location,
)
def enters_the_location_of_others(deployment: Deployment) -> bool:
    mallory = deployment.connect(4564, 4232, owner=MALLORY).pbx_key
    deployment.connect(4777, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=MALLORY))
    page = act(deployment, page, "code")
    page = act(deployment, page, "prove", code=deployment.code())
    line = "+13155550176"
    deployment.post(
        {"ticket": page.fields["ticket"], "action": "line", "line": line, "location": "4777"}
    )
    event = {**finished("m-1"), "started_at": deployment.clock().isoformat()}
    del event["location_id"]
    deployment.call(event, mallory)
    return any(row.get("location_id") == 4777 for row in deployment.rows("CALLS_TABLE"))


def _never_full(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    patches.setattr(Calls, "is_full", lambda *_: False)


@threat("Somebody's calls wait for their lines by the thousand", _never_full)
def waits_by_the_thousand(deployment: Deployment) -> bool:
    mallory = deployment.connect(4564, 4232, owner=MALLORY).pbx_key
    for number in range(MOST_WAITING + 5):
        event = {**finished(f"m-{number}"), "started_at": deployment.clock().isoformat()}
        del event["location_id"]
        deployment.call(event, mallory)
    return len(deployment.rows("CALLS_TABLE")) > MOST_WAITING


@threat(
    "Somebody without a key posts megabytes where the key stands in the form",
    patch(itoolabs, "_LONGEST_BEFORE_THE_KEY", 10**9),
)
def posts_megabytes(deployment: Deployment) -> bool:
    """Whether they are read to their end: a key that stands there would be found."""
    key = deployment.connect(4564, owner=ANNA).pbx_key
    body = b"cmd=rating&callid=c-1&z_flag=" + b"x" * 10**6 + b"&crm_token=" + key.encode()
    return deployment.call(body, path="/calls/itoolabs")[0] != 401


@threat(
    "A page makes a browser that has fetched 3CX's template tell of calls",
    patch(calls, "_OF_A_PAGE", frozenset()),
)
def tells_of_calls_by_another_s_browser(deployment: Deployment) -> bool:
    """A browser that knows a password shows it at all addresses beside the one that asked.

    https://www.rfc-editor.org/rfc/rfc7617#section-2.2
    """
    key = deployment.connect(4564, owner=ANNA).pbx_key
    sent: dict[str, Any] = {
        "authorization": f"Basic {base64.b64encode(f'pbx:{key}'.encode()).decode()}",
        "headers": {"sec-fetch-site": "cross-site"},
    }
    event = {**finished(), "started_at": deployment.clock().isoformat()}
    deployment.call(event, content_type="text/plain", **sent)
    query = "cmd=history&type=in&status=Missed&start=20261101T101000Z&phone=1&diversion=2&callid=x"
    deployment.call(b"", path="/calls/itoolabs", method="GET", query=query, **sent)
    return bool(deployment.rows("CALLS_TABLE"))
