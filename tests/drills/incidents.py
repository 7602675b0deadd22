"""The incidents: each is planted where it comes from, never in what is to detect it.

Each is told as a generator, which yields three times: when all is well; when the incident is
planted, with the things that `status` has to name; and when what is outside of our reach was put
right, so that what `status` says can be typed. It is sent what was shown then, and ends.
"""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local.simulator import Owner
from shared.clock import stamp
from shared.connections.connection import State
from shared.connections.crm_token import CrmTokenState
from shared.payments.entry import EntryState
from tests.calls import telling
from tests.deployment import finished, payment, refund, ringing
from tests.drills.stage import Stage
from tests.payments.stripes import SECRET, paid, signed

EVER = 10**9
ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
LINE = "+13155550176"

type Play = Generator[Any, Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident, and what has to be seen of it.

    Attributes:
        name: in words.
        play: plants it.
        cause: how `status` names it, as a regular expression over what it says is wrong.
        alarm: that rings, as a regular expression; empty if none does by design.
        silent: why none does.
        outside: what is put right where the command cannot reach.
        within_min: after which at the latest it has to be told, in minutes.
        falls_min: after which at the latest all is well again, and no alarm rings.
        settled: whether it is over by the time that it is told, so that `status` tells an echo.
        quick: whether it is one of those that the tests play.
    """

    name: str
    play: Callable[[Stage], Play]
    cause: str
    alarm: str = ""
    silent: str = ""
    outside: str = ""
    within_min: int = 15
    falls_min: int = 125
    settled: bool = False
    quick: bool = False


def healthy(stage: Stage, *location_ids: int, proven: bool = True) -> str:
    """Connected for a while, paid for a month, telephony proven; returns the account's key."""
    key = stage.connect(*location_ids, owner=ANNA).pbx_key
    stage.pass_minutes(3)
    now = stage.clock()
    for location_id in location_ids:
        pay(stage, f"first-{location_id}", location_id, "1.00")
    if proven:
        for location_id in location_ids:
            end(stage, key, f"first-{location_id}", location_id, f"+1315555{location_id}")
    stage.pass_minutes(20)
    assert stage.clock() > now
    return key


def pay(
    stage: Stage, event_id: str, location_id: int = 4564, amount: str = "990.99", **more: Any
) -> None:
    """The billing system puts a payment for a month on the queue."""
    now = stage.clock()
    put(
        stage,
        payment(
            event_id,
            location_id,
            amount=amount,
            paid_at=stamp(now),
            period_from=stamp(now),
            period_to=stamp(now + timedelta(days=30)),
            **more,
        ),
    )


def put(stage: Stage, event: Any, queue: str = "BillingQueue") -> None:
    body = event if isinstance(event, str) else json.dumps(event)
    stage.sqs.send_message(QueueUrl=stage.queues[queue], MessageBody=body)


def named(stage: Stage, words: str) -> list[str]:
    """What `status` still says is wrong, in such words, whatever rings yet."""
    told = [it["what"] for it in stage.status()["troubles"]]
    return [it for it in told if words in it and not it.startswith("rings")]


def end(
    stage: Stage, key: str, call_id: str, location_id: int, line: str = LINE, **more: Any
) -> int:
    event = {**finished(call_id, location_id), "started_at": telling.at(stage, 90), "line": line}
    return stage.call({**event, **more}, key)[0]


def ring(stage: Stage, key: str, call_id: str, ago_s: float = 0, **more: Any) -> tuple[int, Any]:
    return stage.call({**ringing(call_id), "at": telling.at(stage, ago_s), **more}, key)


# Clocks


def clock_ahead(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.simulator.platform.now = lambda: stage.clock() + timedelta(hours=2)
    stage.connect(4777)
    yield ["4777"]
    stage.simulator.platform.now = stage.clock
    yield
    # By the time of its answers, before anything else has happened.
    assert not named(stage, "in the future")
    assert "right again" in stage.status()["facts"]["clock"]
    stage.simulator.disconnect(4777)
    stage.pass_minutes(130)
    assert stage.connection(4777).state is State.DISABLED


def zone_ahead(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.simulator.platform.zone = ZoneInfo("Asia/Dubai")
    stage.connect(4777)
    yield ["4777"]
    stage.deploy(PLATFORM_TIMEZONE="Asia/Dubai")
    yield
    assert not named(stage, "in the future")
    stage.simulator.disconnect(4777)
    stage.pass_minutes(250)
    assert stage.connection(4777).state is State.DISABLED


# Telephony


def misrouted(stage: Stage) -> Play:
    key = healthy(stage, 4232, 4777, proven=False)
    yield
    stage.simulator.route(4232, line="+13155559999")
    end(stage, key, "c-1", 4232)
    stage.pass_minutes(10)
    yield ["4232", "4777"]
    stage.simulator.route(4232, line=LINE)
    yield
    end(stage, key, "c-2", 4232)
    stage.pass_minutes(15)
    assert stage.connection(4232).telephony is CrmTokenState.PROVEN


def rerouted(stage: Stage) -> Play:
    """The token is proven, and then somebody changes the routing in Altegio."""
    key = healthy(stage, 4564)
    end(stage, key, "c-0", 4564)
    stage.pass_minutes(20)
    yield
    stage.simulator.route(4777, line=LINE)
    end(stage, key, "c-1", 4564)
    stage.pass_minutes(20)
    yield ["4564", LINE]
    stage.simulator.route(4564, line=LINE)
    end(stage, key, "c-2", 4564)
    stage.pass_minutes(20)
    yield
    assert not named(stage, "list of this location")


def legs_only(stage: Stage) -> Play:
    """Somebody changes what the PBX sends, and each report is as of one telephone of a group."""
    key = healthy(stage, 4564)
    yield
    calls = iter(range(10**6))
    stage.meanwhile = lambda: end(stage, key, f"y-{next(calls)}", 4564, leg=True)
    yield ["4564"]
    stage.meanwhile = lambda: None
    end(stage, key, "x-0", 4564)
    yield
    stage.pass_minutes(5)
    assert not named(stage, "for the end of the whole call")
    assert telling.state(stage, "y-0") == "waiting"
    stage.pass_minutes(245)
    assert telling.state(stage, "y-0") == "confirmed"


def old_key(stage: Stage) -> Play:
    old = healthy(stage, 4564)
    account_id = str(stage.connection(4564).account_id)
    words = stage.run(f"account {account_id} --new-key --do").split()
    new = next(it for it in words if it.startswith("pbx_"))
    stage.leap(days=8)
    yield
    calls = iter(range(10**6))
    stage.meanwhile = lambda: ring(stage, old, f"c-{next(calls)}")
    yield [account_id, "by anna"]
    stage.meanwhile = lambda: ring(stage, new, f"d-{next(calls)}")
    yield
    stage.pass_minutes(2)
    assert not named(stage, "with an old key, void since")
    stage.pass_minutes(70)
    assert ring(stage, new, "e-1")[1]["pop_up"] == "sent"


def list_refused(stage: Stage) -> Play:
    key = healthy(stage, 4564, proven=False)
    yield
    stage.simulator.may_list_calls = False
    end(stage, key, "c-1", 4564)
    yield ["4564"]
    stage.simulator.may_list_calls = True
    yield


def unknown_line(stage: Stage) -> Play:
    key = healthy(stage, 4564, 4232)
    yield
    stage.fills["LOCATION"] = "4232"
    ring(stage, key, "c-1", location_id=None, line="+13155550199")
    assert named(stage, "pop-ups were dropped")
    telling.end(stage, key, call_id="c-1", location_id=None, line="+13155550199")
    yield ["4232", "+13155550199"]
    yield
    assert not named(stage, "+13155550199")


def pop_ups_refused(stage: Stage) -> Play:
    key = healthy(stage, 4564)
    yield
    stage.simulator.fault("event", "status", status=422, message="No such user.", times=EVER)
    calls = iter(range(10**6))
    stage.meanwhile = lambda: ring(stage, key, f"c-{next(calls)}")
    yield ["4564", "No such user"]
    stage.simulator.clear_faults()
    yield
    stage.pass_minutes(60)


def pbx_clock(stage: Stage) -> Play:
    key = healthy(stage, 4564)
    yield
    calls = iter(range(10**6))
    stage.meanwhile = lambda: ring(stage, key, f"c-{next(calls)}", ago_s=300)
    yield ["4564"]
    stage.meanwhile = lambda: ring(stage, key, f"d-{next(calls)}")
    yield
    stage.pass_minutes(60)


# The token, and what the platform answers


def token_changed(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.simulator.partner_token = "another-token-of-the-cabinet"
    stage.simulator.disconnect(4564)
    yield ["/altegio/partner-token"]
    yield
    stage.leap(days=1.1)
    assert stage.connection(4564).state is State.DISABLED


def wrong_application(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.set("all", APPLICATION_ID="102")
    pay(stage, "inv-1")
    yield ["102"]
    stage.deploy()
    yield
    stage.pass_minutes(60)
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def answering(status: int) -> Callable[[Stage], Play]:
    """The platform answers everything with that, and payments keep coming."""

    def play(stage: Stage) -> Play:
        healthy(stage, 4564)
        yield
        stage.simulator.fault("any", "status", status=status, times=EVER)
        pay(stage, "inv-1")
        stage.meanwhile = lambda: pay(stage, f"inv-{stage.clock():%d%H%M}", 4564, "2.00")
        yield [str(status)]
        stage.meanwhile = lambda: None
        stage.simulator.clear_faults()
        yield
        stage.pass_minutes(60)

    return play


def slow(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.set("all", HTTP_TOTAL_S="0.3")
    stage.simulator.fault("any", "delay", seconds=0.6, times=EVER)
    stage.meanwhile = lambda: stage.look_at(4564)
    pay(stage, "inv-1")
    yield []
    stage.meanwhile = lambda: None
    stage.simulator.clear_faults()
    stage.deploy()
    yield
    stage.pass_minutes(60)


def braked(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.simulator.fault("any", "status", status=429, retry_after=1800)
    pay(stage, "inv-1")
    yield ["429"]
    yield
    stage.pass_minutes(35)
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def pace_too_low(stage: Stage) -> Play:
    key = healthy(stage, 4564)
    yield
    stage.set("all", PACE_PER_S="0.2", PACE_PER_MIN="10")
    calls = iter(range(10**6))

    def busy_hour() -> None:
        for _ in range(12):
            number = next(calls)
            end(stage, key, f"c-{number}", 4564, f"+1315556{number % 10**4:04}")

    stage.meanwhile = busy_hour
    yield []
    stage.meanwhile = lambda: None
    stage.deploy()
    yield
    stage.pass_minutes(60)


# Money


def held(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.fills["REASON"] = "cancelled"
    pay(stage, "inv-1", 4801)
    stage.pass_minutes(200)
    yield ["payment#inv-1", "4801"]
    yield
    assert stage.entry("payment#inv-1").state is EntryState.CLOSED


def needs_human(stage: Stage) -> Play:
    # Nothing was paid yet, so no listed payment shows how the platform writes one that it has.
    stage.connect(4564)
    stage.pass_minutes(20)
    yield
    stage.simulator.fault("payment", "drop_request")
    pay(stage, "inv-1")
    yield ["payment#inv-1", "4564"]
    pay(stage, "inv-2", amount="2.00")
    stage.pass_minutes(3)
    yield
    stage.pass_minutes(60)
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def rejected(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.simulator.fault("payment", "status", status=422, message="Period is closed.", times=2)
    pay(stage, "inv-1")
    yield ["payment#inv-1", "4564", "Period is closed"]
    yield
    stage.pass_minutes(3)
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def refund_waits(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    put(stage, refund("ref-1", of="inv-9"))
    yield ["refund#ref-1"]
    pay(stage, "inv-9")
    stage.pass_minutes(2)
    yield
    stage.leap(hours=6)
    assert stage.entry("refund#ref-1").state is EntryState.SENT


def switch_off_near(stage: Stage) -> Play:
    stage.connect(4564)
    stage.pass_minutes(20)
    yield
    stage.leap(days=6.5)
    yield ["4564"]
    pay(stage, "inv-1")
    yield


def frozen(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.simulator.expire(4564)
    yield ["4564"]
    pay(stage, "inv-2")
    yield


# Queues


def letter_contradicts(stage: Stage) -> Play:
    healthy(stage, 4564)
    month = {"period_from": stamp(stage.clock())}
    month["period_to"] = stamp(stage.clock() + timedelta(days=30))
    put(stage, payment("inv-1", 4564, **month))
    stage.pass_minutes(5)
    yield
    put(stage, payment("inv-1", 4564, amount="1.23", **month))
    yield ["inv-1", "4564"]
    put(stage, refund("ref-1", "inv-1"))
    put(stage, payment("inv-2", 4564, amount="1.23", **month))
    stage.pass_minutes(3)
    yield
    assert stage.entry("payment#inv-2").state is EntryState.SENT


def letter_malformed(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    put(stage, payment("inv-1", currency="eur!"))
    # Corrected: before, nobody else has the money that the letter brings, so `letters` has no
    # command that deletes it (`tests/ops/test_dead_letters.py`).
    pay(stage, "inv-1")
    yield ["inv-1", "4564"]
    yield
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def letter_of_calls(stage: Stage) -> Play:
    healthy(stage, 4564)
    account_id = stage.connection(4564).account_id
    yield
    event = {**finished("c-9", 4999), "started_at": telling.at(stage, 90)}
    put(stage, {**event, "account_id": account_id}, "CallsQueue")
    yield ["c-9"]
    yield


def table_missing(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.missing.add(stage.wiring.tables["PaymentsTable"].name)
    pay(stage, "inv-1")
    yield ["ResourceNotFoundException"]
    stage.missing.clear()
    yield
    stage.pass_minutes(5)
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def calls_stuck(stage: Stage) -> Play:
    """Somebody has changed a variable of one function by hand."""
    key = healthy(stage, 4564)
    yield
    stage.set("calls", CONNECTIONS_TABLE="gone")
    event = {**finished("c-1", 4564), "started_at": telling.at(stage, 90)}
    put(stage, {**event, "account_id": stage.connection(4564).account_id}, "CallsQueue")
    assert end(stage, key, "c-2", 4564) == 500
    yield ["CONNECTIONS_TABLE of CallsFunction", "gone"]
    yield
    stage.pass_minutes(5)
    assert not named(stage, "could not be stored")
    assert telling.state(stage, "c-1") == "confirmed"


def switched_off(stage: Stage) -> Play:
    """Somebody has disabled the event source of a queue, and forgot it."""
    healthy(stage, 4564)
    yield
    stage.disabled.add("BillingQueue")
    pay(stage, "inv-1")
    yield ["BillingQueue"]
    yield
    stage.pass_minutes(5)
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def throttled(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.throttled = {"payments"}
    pay(stage, "inv-1")
    yield ["aymentsFunction|payments"]
    stage.throttled = set()
    yield
    stage.pass_minutes(5)
    assert not named(stage, "waits until it is allowed")
    assert stage.entry("payment#inv-1").state is EntryState.SENT


def events_out(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    bus = stage.client("events")
    bus.refuses = lambda _entry: "InternalFailure"
    pay(stage, "inv-1")
    yield ["vents"]
    bus.refuses = lambda _entry: ""
    yield
    stage.pass_minutes(5)
    assert any(it["detail"].get("event_id") == "inv-1" for it in stage.told)


# What does not run


def reconcile_stopped(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.stopped = {"ReconcileFunction"}
    yield ["reconcile"]
    stage.stopped = set()
    yield


def census_stopped(stage: Stage) -> Play:
    healthy(stage, 4564)
    stage.leap(days=1.1)
    yield
    stage.set("reconcile", CENSUS_EVERY_S="0")
    stage.leap(days=2.2)
    yield ["census", "CENSUS_EVERY_S of ReconcileFunction is 0"]
    yield
    stage.leap(days=2.2)
    assert not named(stage, "none was taken")


# Webhooks


def uninstall_lost(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    stage.simulator.disconnect(4564, webhook="never")
    yield ["4564"]
    yield


def webhook_address(stage: Stage) -> Play:
    healthy(stage, 4564, 4232)
    yield
    stage.arrives = lambda _letter: False
    stage.simulator.disconnect(4564)
    stage.simulator.disconnect(4232)
    yield ["4564", "4232"]
    stage.arrives = lambda _letter: True
    yield


def other_install(stage: Stage) -> Play:
    healthy(stage, 4564)
    yield
    account_id = str(stage.connection(4564).account_id)
    stage.fills.update(ACCOUNT=account_id, TEXT="'ticket 812, seen in their cabinet'")
    stage.simulator.platform.grant([4777], private=True)
    stage.leap(days=1)
    yield ["4777"]
    yield
    stage.pass_minutes(5)
    assert stage.connection(4777).state is State.ACTIVE


# The doors


def stripe_secret(stage: Stage) -> Play:
    stage.set_stripe_secret(SECRET)
    healthy(stage, 4564)
    yield
    stage.set_stripe_secret(SECRET.replace("0001", "0002"))
    stage.recycle()
    numbers = iter(range(10**6))

    def tell() -> None:
        told = {**paid(), "id": f"evt_{next(numbers)}"}
        stage.post_stripe(*signed(told, stage.clock()))

    stage.meanwhile = tell
    yield ["/altegio/stripe-secret"]
    yield
    stage.pass_minutes(65)


def portal_key(stage: Stage) -> Play:
    key, query = SECRET.replace("0001", "0002"), "ticket=t&account_id=acme-1"
    healthy(stage, 4564)
    stage.set_portal_key(key)
    stage.set("connect", PORTAL_URL="https://my.provider.example")
    yield
    stage.meanwhile = lambda: stage.ask("GET", "/connections", query=query, key=SECRET)
    yield ["/altegio/portal-key"]
    yield
    stage.pass_minutes(65)


def letters_not_sent(stage: Stage) -> Play:
    stage.set("all", MAIL_FROM="codes@provider.example")
    healthy(stage, 4564)
    yield
    stage.client("sesv2").refuses = "MessageRejected"
    page = stage.visit(stage.simulator.redirect(4564, owner=ANNA))
    stage.post({**page.fields, "action": "code"})
    yield []
    stage.client("sesv2").refuses = ""
    yield
    stage.pass_minutes(60)


ALL = (
    Incident(
        "the platform's clock is ahead",
        clock_ahead,
        "in the future",
        "PlatformClock",
        outside="the platform's clock is set right",
    ),
    Incident(
        "the platform's zone is another",
        zone_ahead,
        "PlatformTimezone",
        "PlatformClock",
        outside="PlatformTimezone is deployed right",
    ),
    Incident(
        "a misrouted line stops its chain",
        misrouted,
        "telephony is stopped, as a saved call",
        "TelephonyStopped",
        outside="the owner routes the line",
        quick=True,
    ),
    Incident(
        "a proven line is routed elsewhere",
        rerouted,
        "not in Altegio's list of this location, where others were until",
        "CallUnlisted",
        outside="the owner routes the line, and it rings again",
        within_min=40,
    ),
    Incident(
        "a PBX tells of legs only",
        legs_only,
        "calls wait for the end of the whole call: of the last .*, the PBX told legs only",
        silent="nothing is lost: each call goes out by itself, hours later",
        outside="the PBX tells the end of the next call",
        within_min=20,
    ),
    Incident(
        "a PBX has an old key",
        old_key,
        "with an old key, void since",
        "Key.*Refused",
        outside="the PBX is given the key",
    ),
    Incident(
        "the partner token was changed",
        token_changed,
        "token",
        "WebhooksRefused|PlatformBlocked",
        outside="the file TOKEN has what the Cabinet shows",
        quick=True,
    ),
    Incident(
        "a dead letter of payments",
        letter_contradicts,
        "dead letter",
        "BillingDeadLetters|NewLetter",
        outside="billing gives the first sum back, and sends the right one under another id",
        quick=True,
    ),
    Incident(
        "a dead letter of calls", letter_of_calls, "dead letter", "CallsDeadLetters|NewLetter"
    ),
    Incident(
        "a malformed billing event", letter_malformed, "dead letter", "BillingDeadLetters|NewLetter"
    ),
    Incident(
        "payments fail on a missing table",
        table_missing,
        "ResourceNotFound",
        "BillingQueueOld|NotDurable",
        outside="the table is restored",
        within_min=30,
    ),
    Incident(
        "an event source is switched off",
        switched_off,
        "is not read",
        "BillingQueueOld",
        quick=True,
    ),
    Incident(
        "the calls queue is stuck",
        calls_stuck,
        "changed by hand",
        "CallsQueueOld|NotDurable",
        within_min=30,
    ),
    Incident(
        "a payment of no connected location",
        held,
        "HELD",
        "PaymentLate",
    ),
    Incident(
        "the application id is wrong",
        wrong_application,
        "refuses application 102",
        "PlatformBlocked",
        outside="ApplicationId is deployed right",
    ),
    Incident(
        "the list of calls is refused",
        list_refused,
        "the list of calls is refused: 403",
        "CallListRefused",
        outside="the application gets the right to view calls",
    ),
    Incident(
        "the platform answers 5xx",
        answering(502),
        "5\\d\\d",
        "PlatformFailing",
        outside="the platform is well again",
        within_min=30,
    ),
    Incident(
        "the platform answers 429",
        answering(429),
        "called too often",
        "PlatformThrottled",
        outside="the platform is well again",
        within_min=30,
    ),
    Incident(
        "the platform is slow",
        slow,
        "does not answer as it should|Timeout|time",
        "PlatformFailing|PaymentUnknown",
        outside="the platform is well again",
        within_min=10,
    ),
    Incident(
        "the brake is pulled",
        braked,
        "called too often",
        silent="the platform asked for a pause, and it ends by itself",
        quick=True,
    ),
    Incident(
        "the pace is too low",
        pace_too_low,
        "pace|keep up|queue",
        "CallsBehind",
        outside="a higher pace is deployed",
        within_min=30,
    ),
    Incident(
        "reconcile does not run",
        reconcile_stopped,
        "does not run to its end",
        "ReconcileSilent",
        outside="its schedule is enabled",
        within_min=20,
    ),
    Incident(
        "no census is taken",
        census_stopped,
        "census|last",
        silent="it repairs what a webhook has lost; nothing is lost by its delay",
    ),
    Incident(
        "an uninstall's webhook is lost",
        uninstall_lost,
        "webhook did not come|no webhook came",
        "LostWebhook",
        settled=True,
        within_min=1500,
    ),
    Incident(
        "the webhook's address is wrong",
        webhook_address,
        "webhook did not come|no webhook came",
        "LostWebhook",
        outside="the Cabinet gets the right address",
        within_min=1500,
    ),
    Incident(
        "a location that paid is frozen",
        frozen,
        "has frozen it, though it is paid",
        silent="the platform's own decision, told at once by its webhook",
        outside="the next period is billed",
    ),
    Incident(
        "a payment needs a person", needs_human, "NEEDS_HUMAN", "PaymentNeedsHuman", within_min=90
    ),
    Incident("a payment is rejected", rejected, "REJECTED", "PaymentRejected", quick=True),
    Incident(
        "a refund waits for its payment",
        refund_waits,
        "payment",
        "PaymentNeedsHuman|PaymentLate",
        outside="billing sends the payment",
        within_min=60 * 24 * 8,
    ),
    Incident(
        "a line of nobody",
        unknown_line,
        "nobody has entered",
        silent="the calls wait for days, and the account's owner is told nothing wrong",
    ),
    Incident(
        "pop-ups are refused",
        pop_ups_refused,
        "pop-up|No such user",
        silent="one PBX's or location's affair",
        outside="the owner adds the user",
    ),
    Incident(
        "switch-off is near",
        switch_off_near,
        "cover ends",
        "SwitchOffNear",
        outside="the next period is billed",
    ),
    Incident(
        "installed by another way",
        other_install,
        "census|connected by nobody|found what is not repaired",
        "CensusDifference",
        within_min=60,
    ),
    Incident(
        "payments are throttled",
        throttled,
        "it has no limit of its own, and the account's is 10",
        "PaymentsThrottles",
        outside="the account's concurrency is raised",
        within_min=30,
    ),
    Incident(
        "Stripe's secret is wrong",
        stripe_secret,
        "[Ss]tripe",
        "Stripe|BillingRefused|Refused",
    ),
    Incident(
        "the portal has another key",
        portal_key,
        "portal",
        "PortalRefused",
        quick=True,
    ),
    Incident(
        "a PBX's clock is late",
        pbx_clock,
        "too late|clock",
        silent="one PBX's affair",
        outside="the PBX's clock is set right",
    ),
    Incident(
        "the event bus takes nothing",
        events_out,
        "event",
        "EventsLate",
        outside="EventBridge is well again",
        within_min=30,
    ),
    Incident(
        "SES sends no letters",
        letters_not_sent,
        "e-mail to its owner was not sent",
        "MailNotSent",
        outside="SES is well again",
    ),
)
