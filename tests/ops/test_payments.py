"""The operator's commands, through the command line."""

import base64
import hashlib
import hmac
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import pytest

from local import PROJECT
from local.simulator.redirect import Owner
from local.stack.emulator import CREDENTIALS
from ops import evidence, screen
from ops.__main__ import main
from shared.altegio.marketplace import LOCATIONS_PER_PAGE, Marketplace
from shared.altegio.signature_doctor import fingerprint
from shared.aws.dead_letters import DeadLetters
from shared.clock import stamp
from shared.payments import entry as rules
from shared.payments.coverage import Effect
from shared.payments.entry import EntryState
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator, stack_of

pytestmark = pytest.mark.usefixtures("anna")


@contextmanager
def small_pages(deployment: Deployment) -> Iterator[None]:
    """Every query is answered in pages of two, of which there are several."""
    asked: list[Any] = []

    def limit(params: Any, **_: Any) -> Any:
        asked.append(params)
        return {**params, "Limit": 2}

    events = stack_of(deployment).client("dynamodb").meta.events
    events.register("provide-client-params.dynamodb.Query", limit)
    try:
        yield
    finally:
        events.unregister("provide-client-params.dynamodb.Query", limit)
    assert any("ExclusiveStartKey" in each for each in asked)


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    """With a payment whose id is known, so that the list can show how it reads back."""
    deployment.connect(4564)
    deployment.bill(payment("known", amount="1.00"))
    deployment.reconcile()
    return deployment


def reject(deployment: Deployment, event_id: str = "inv-1", message: str = "Too early.") -> None:
    # Believed the second time.
    deployment.simulator.fault("payment", "status", status=422, message=message, times=2)
    deployment.bill(payment(event_id))
    deployment.let_time_pass(2)


def need_human(deployment: Deployment, fault: str = "drop_request") -> None:
    """A payment that the list cannot settle, as nothing shows how dates read back."""
    if 4564 not in deployment.simulator.platform.installed():
        deployment.connect(4564)
    deployment.simulator.fault("payment", fault)
    deployment.bill(payment())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.payments.lookup.reads_back", lambda *_arguments: False)
        deployment.let_time_pass(20, step=5)
    assert deployment.entry("payment#inv-1").state is EntryState.NEEDS_HUMAN


def state(deployment: Deployment, key: str = "payment#inv-1") -> str:
    return str(deployment.entry(key).state)


def paid(deployment: Deployment) -> list[int]:
    """The ids of the payments of that sum, as the platform has them."""
    rows = deployment.simulator.payments(4564)
    return [row.id for row in rows if row.payment_sum == Decimal("990.99")]


# The list


def test_the_list_groups_by_state_and_cause(connected: Deployment, operator: Operator) -> None:
    reject(connected, "inv-1", "Too early for 2026-11-01.")
    connected.clock.advance(hours=3)
    reject(connected, "inv-2", "Too early for 2026-11-02.")
    reject(connected, "inv-3", "Not installed.")
    connected.bill(payment("inv-4", 4232))
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment("inv-5", amount="5"))
    rows = [line.split(maxsplit=5) for line in operator("payments").splitlines()[3:7]]
    assert sorted(map(tuple, rows)) == [
        ("HELD", "1", "0", "s", "in", "10 min  the location is not connected"),
        ("REJECTED", "1", "2", "min", "-", "Not installed."),
        ("REJECTED", "2", "3", "h", "-", "Too early for …."),
        ("UNKNOWN", "1", "0", "s", "in", "15 min  RemoteProtocolError"),
    ]
    assert operator.code == 0


def test_a_state_or_a_location_lists_its_entries(connected: Deployment, operator: Operator) -> None:
    reject(connected)
    connected.bill(payment("inv-2", 4232))
    text = operator("payments", "--state", "HELD")
    assert "payment#inv-2" in text
    assert "payment#inv-1" not in text
    assert "payment#inv-1" in operator("payments", "--location", "4564")
    [found] = operator.json("payments", "--location", "4564")
    assert (found["key"], found["state"], found["cause"]) == (
        "payment#inv-1",
        "REJECTED",
        "Too early.",
    )
    assert operator.json("payments", "--location", "9") == []


@pytest.mark.usefixtures("connected")
def test_what_is_settled_needs_no_attention_but_can_be_found(operator: Operator) -> None:
    assert "nothing is NEEDS_HUMAN, REJECTED, UNKNOWN, HELD, PENDING or SENDING" in operator(
        "payments"
    )
    [found] = operator.json("payments", "--state", "SENT", "--location", "4564")
    assert found["key"] == "payment#known"
    assert "--location" in operator("payments", "--state", "SENT")
    assert operator.code == 2


def test_what_has_no_location_and_no_due_time_is_listed(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(refund(of="never-billed"))
    connected.let_time_pass(5 * 24 * 60, step=300)
    [found] = operator.json("payments")
    assert (found["key"], found["state"], found["location_id"]) == (
        "refund#ref-1",
        "NEEDS_HUMAN",
        None,
    )


# One payment


def test_one_payment_is_told_with_what_the_list_says(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    text = operator("payment", "inv-1")
    [id_] = paid(connected)
    assert f"taken: nobody owns {id_}, which reads exactly as it" in text
    assert f"{id_}  990.99  2026-11-01 10:10:00" in text
    assert "4564, active" in text
    connected.let_time_pass(20)
    assert f"taken: its id {id_} is listed and reads back exactly" in operator("payment", "inv-1")


def test_absence_proves_nothing_before_its_time(connected: Deployment, operator: Operator) -> None:
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    assert "unsure: the list lacks it, but it is too early" in operator("payment", "inv-1")


def test_a_platform_that_does_not_tell_leaves_it_unsure(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected)
    connected.simulator.fault("status", "status", status=500, times=10)
    assert "unsure: the platform does not tell: status answered 500" in operator("payment", "inv-1")
    connected.simulator.clear_faults()
    connected.simulator.disconnect(4564)
    assert "unsure: the application is not installed there" in operator("payment", "inv-1")


def test_an_event_id_of_two_entries_asks_which(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment("both"))
    connected.bill(refund("both", of="both"))
    assert "payment#both and refund#both: which?" in operator("payment", "both")
    assert operator.code == 2
    assert "its payment is marked as refunded" in operator("payment", "refund#both")
    assert "no payment or refund is known as nothing" in operator("payment", "nothing")


# Nothing is changed by showing it


@pytest.mark.parametrize("words", [("look",), ("send",), ("close", "--reason", "gone")])
def test_a_dry_run_changes_nothing(
    connected: Deployment, operator: Operator, words: tuple[str, ...]
) -> None:
    need_human(connected)
    before = connected.entry("payment#inv-1")
    calls = len(connected.simulator.calls("payment"))
    verb, *more = words
    assert "Nothing was changed yet. Add --do to do it." in operator(verb, "inv-1", *more)
    assert operator.code == 0
    assert connected.entry("payment#inv-1") == before
    assert len(connected.simulator.calls("payment")) == calls
    assert "Done." in operator(verb, "inv-1", *more, "--do")
    assert connected.entry("payment#inv-1") != before


@pytest.mark.parametrize("words", [("look",), ("send",), ("close", "--reason", "gone")])
@pytest.mark.parametrize("fault", ["drop_answer", "drop_request"])
def test_what_may_be_on_its_way_is_nobodys_business(
    connected: Deployment, operator: Operator, words: tuple[str, ...], fault: str
) -> None:
    connected.simulator.fault("payment", fault)
    connected.bill(payment())
    verb, *more = words
    text = operator(verb, "inv-1", *more, "--do")
    assert "looked up by itself, in 15 min" in " ".join(text.split())
    assert (operator.code, state(connected)) == (1, "UNKNOWN")
    sending = replace(connected.entry("payment#inv-1"), state=EntryState.SENDING)
    connected.ledger.move(connected.entry("payment#inv-1"), sending)
    assert "Nothing was changed: it is being sent" in operator(verb, "inv-1", *more, "--do")
    assert (operator.code, state(connected)) == (1, "SENDING")


def test_a_row_that_changes_while_it_is_looked_at_is_left_alone(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_human(connected)

    def slow(*_arguments: object) -> str:
        entry = connected.entry("payment#inv-1")
        looking = rules.looked_for_again(entry, "by another", connected.clock())
        connected.ledger.move(entry, looking)
        return ""

    monkeypatch.setattr(evidence, "shown", slow)
    assert "has changed since it was shown" in operator("send", "inv-1", "--do")
    assert (operator.code, state(connected)) == (1, "UNKNOWN")


# Look


def test_a_look_settles_what_could_not_be_told_before(
    deployment: Deployment, operator: Operator
) -> None:
    need_human(deployment)
    deployment.bill(payment("known", amount="1.00"))
    operator("look", "inv-1", "--do")
    entry = deployment.entry("payment#inv-1")
    assert (entry.state, entry.why.split(":")[0]) == (
        EntryState.UNKNOWN,
        "looked up by anna; was NEEDS_HUMAN",
    )
    deployment.reconcile()
    assert (state(deployment), deployment.entry("payment#inv-1").absences) == ("UNKNOWN", 1)
    deployment.let_time_pass(3)
    assert (state(deployment), len(paid(deployment))) == ("SENT", 1)


def test_what_was_never_sent_is_not_looked_for(connected: Deployment, operator: Operator) -> None:
    connected.bill(refund(of="never-billed"))
    connected.let_time_pass(5 * 24 * 60, step=300)
    assert "it was never sent, so there is nothing to look for" in operator("look", "ref-1", "--do")
    assert operator.code == 1


# Adopt


def test_an_id_that_was_found_is_adopted(connected: Deployment, operator: Operator) -> None:
    need_human(connected, "drop_answer")
    [id_] = paid(connected)
    assert f"NEEDS_HUMAN -> SENT with id {id_}" in operator("adopt", "inv-1", str(id_), "--do")
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.platform_id, entry.due_at) == (EntryState.SENT, id_, None)
    assert entry.why.startswith("adopted by anna; was NEEDS_HUMAN: ")
    assert connected.ledger.owner(id_) == "payment#inv-1"
    connected.bill(refund())
    assert connected.simulator.payments(4564)[1].is_refunded


def test_an_id_of_another_is_never_adopted(connected: Deployment, operator: Operator) -> None:
    need_human(connected)
    known = connected.entry("payment#known").platform_id
    text = operator("adopt", "inv-1", str(known), "--force", "--do")
    assert f"Nothing was changed: {known} belongs to payment#known." in text
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def test_an_id_that_somebody_takes_meanwhile_stays_his(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_human(connected, "drop_answer")
    [id_] = paid(connected)
    shown = evidence.shown

    def slow(*arguments: Any) -> str:
        # Between the look at the owner and the write.
        monkeypatch.setattr(rules, "adopted", after_taking(rules.adopted, connected, id_))
        return shown(*arguments)

    monkeypatch.setattr(evidence, "shown", slow)
    assert "another entry has got that id" in operator("adopt", "inv-1", str(id_), "--do")
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def after_taking(
    adopted: Callable[..., Any], deployment: Deployment, id_: int
) -> Callable[..., Any]:
    def taken(*arguments: Any) -> Any:
        deployment.ledger.own(id_, "payment#other")
        return adopted(*arguments)

    return taken


def test_an_id_that_the_list_does_not_confirm_needs_force(
    connected: Deployment, operator: Operator
) -> None:
    need_human(connected)
    assert "77 is not on the list" in operator("adopt", "inv-1", "77", "--do")
    stranger = connected.simulator.platform.pay(
        4564,
        payment_sum=Decimal("990.99"),
        currency_iso="EUR",
        payment_date="2026-11-02 10:10:00",
        period_from="2026-11-01 00:00:00",
        period_to="2026-11-30 23:59:59",
    )
    assert f"{stranger} does not read back as it" in operator(
        "adopt", "inv-1", str(stranger), "--do"
    )
    connected.simulator.fault("status", "status", status=500)
    assert "the platform does not tell" in operator("adopt", "inv-1", str(stranger), "--do")
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")
    assert "in spite of" in operator("adopt", "inv-1", str(stranger), "--do", "--force")
    assert (operator.code, state(connected)) == (0, "SENT")


def test_a_refund_is_adopted_by_the_id_of_its_payment(
    connected: Deployment, operator: Operator
) -> None:
    known = connected.entry("payment#known").platform_id
    connected.simulator.fault("refund", "drop_answer")
    connected.bill(refund(of="known"))
    assert state(connected, "refund#ref-1") == "UNKNOWN"
    assert "77 is not the id of payment#known" in operator("adopt", "ref-1", "77", "--force")
    operator("adopt", "ref-1", str(known), "--do")
    assert (operator.code, state(connected, "refund#ref-1")) == (0, "SENT")


def test_an_id_that_arrives_after_all_counts_though_somebody_closed_it(
    connected: Deployment, operator: Operator
) -> None:
    need_human(connected)
    entry = connected.entry("payment#inv-1")
    operator("close", "inv-1", "--reason", "gone", "--do")
    asleep = replace(entry, state=EntryState.SENDING)
    connected.ledger.finish(asleep, rules.sent(asleep, 77, connected.clock()))
    assert state(connected) == "SENT"


# Send


def test_a_rejected_payment_is_sent_once_its_cause_is_gone(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected)
    assert "not taken: no row that nobody owns has its sum" in operator("send", "inv-1", "--do")
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.due_at) == (EntryState.PENDING, connected.clock())
    assert entry.why == "sent again by anna; was REJECTED: Too early."
    connected.reconcile()
    assert (state(connected), len(paid(connected))) == ("SENT", 1)


def test_what_the_list_has_is_not_sent(connected: Deployment, operator: Operator) -> None:
    need_human(connected, "drop_answer")
    [id_] = paid(connected)
    text = operator("send", "inv-1", "--do")
    assert f"it could be taken twice: nobody owns {id_}" in text
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def test_what_cannot_be_told_is_sent_only_by_force(
    deployment: Deployment, operator: Operator
) -> None:
    need_human(deployment)
    text = " ".join(operator("send", "inv-1", "--do").split())
    assert (
        "could be taken twice: no known payment shows how dates read back (add --force to" in text
    )
    assert (operator.code, state(deployment)) == (1, "NEEDS_HUMAN")
    operator("send", "inv-1", "--do", "--force")
    deployment.reconcile()
    assert (state(deployment), len(paid(deployment))) == ("SENT", 1)


def test_what_is_held_is_surely_not_taken(connected: Deployment, operator: Operator) -> None:
    connected.simulator.disconnect(4564)
    connected.bill(payment())
    assert state(connected) == "HELD"
    assert "whatever is HELD was surely not taken" in operator("send", "inv-1") or (
        connected.entry("payment#inv-1").attempt == 0
    )
    operator("send", "inv-1", "--do")
    connected.connect(4564)
    connected.reconcile()
    assert (state(connected), len(paid(connected))) == ("SENT", 1)


# Close


def test_what_is_closed_stays_so_until_a_person_sends_it(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected)
    operator("close", "inv-1", "--reason", "cancelled, ticket 7", "--do")
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.due_at) == (EntryState.CLOSED, None)
    assert entry.why == "closed by anna; cancelled, ticket 7; was REJECTED: Too early."
    connected.bill(payment())
    connected.let_time_pass(60, step=20)
    assert (state(connected), paid(connected)) == ("CLOSED", [])
    assert operator.json("payments") == []
    [found] = operator.json("payments", "--state", "CLOSED")
    assert found["key"] == "payment#inv-1"
    operator("send", "inv-1", "--do")
    connected.reconcile()
    assert (state(connected), len(paid(connected))) == ("SENT", 1)


def test_a_refund_of_what_is_closed_is_rejected(connected: Deployment, operator: Operator) -> None:
    reject(connected)
    operator("close", "inv-1", "--reason", "gone", "--do")
    connected.bill(refund())
    entry = connected.entry("refund#ref-1")
    assert (entry.state, entry.why) == (EntryState.REJECTED, "its payment was closed")


def test_what_the_list_has_is_not_closed(connected: Deployment, operator: Operator) -> None:
    need_human(connected, "drop_answer")
    text = operator("close", "inv-1", "--reason", "gone", "--do")
    assert "the platform took it" in text
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def test_a_reason_must_be_given(operator: Operator) -> None:
    with pytest.raises(SystemExit):
        operator("close", "inv-1")


# What is switched off next


def bought(deployment: Deployment, event_id: str, start: float, end: float, **more: Any) -> Any:
    """A payment for a period, in days from now."""
    now = deployment.clock()
    return payment(
        event_id,
        paid_at=stamp(now),
        period_from=stamp(now + timedelta(days=start)),
        period_to=stamp(now + timedelta(days=end)),
        **more,
    )


@pytest.fixture
def trial(deployment: Deployment) -> Deployment:
    """Connected, and looked at by reconcile: the trial ends in seven days."""
    deployment.connect(4564)
    deployment.reconcile()
    return deployment


def test_a_location_is_told_before_it_is_switched_off(
    trial: Deployment, operator: Operator
) -> None:
    assert operator("deadlines").splitlines() == [
        "test stack: 0 of 1 live location to look at",
        "",
        "The rest: 1 active and covered for longer.",
    ]
    trial.clock.advance(days=6.5)
    trial.reconcile()
    trial.clock.advance(minutes=30)
    asked = len(trial.simulator.calls("status"))
    lines = operator("deadlines").splitlines()
    assert len(trial.simulator.calls("status")) == asked
    ends = trial.connection(4564).covered_until
    assert ends is not None
    assert lines[0] == "test stack: 1 of 1 live location to look at"
    assert lines[3] == (
        f"  4564      active  {ends:%Y-%m-%d %H:%M:%S}Z  in 11 h  -             30 min ago"
    )
    assert "Nothing is queued." in lines
    trial.bill(bought(trial, "inv-1", 0, 30))
    assert operator.json("deadlines") == {
        "locations": [],
        "rest": {"covered": 1},
    }
    assert operator.code == 0


def test_what_is_queued_is_told_with_its_state_and_its_reason(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(days=6.5)
    trial.simulator.fault("payment", "status", status=422, message="The sum is odd.", times=2)
    trial.bill(bought(trial, "refused", 0, 30))
    trial.let_time_pass(2)
    trial.simulator.fault("payment", "drop_request")
    trial.bill(bought(trial, "lost", 0, 60))
    trial.bill(bought(trial, "gone", 0, 90, amount="1.00"))
    [told] = operator.json("deadlines", "--within", "365d")["locations"]
    assert told["covered_until"] == stamp(trial.clock() + timedelta(days=90))
    trial.bill(refund(of="gone"))
    [told] = operator.json("deadlines", "--within", "365d")["locations"]
    assert told["queued_until"] == stamp(trial.clock() + timedelta(days=60))
    assert [(it["key"], it["state"], it["why"]) for it in told["queued"]] == [
        ("payment#lost", "UNKNOWN", "RemoteProtocolError")
    ]
    assert [(it["key"], it["why"]) for it in told["rejected"]] == [
        ("payment#refused", "The sum is odd.")
    ]
    lines = [line.split(maxsplit=2) for line in operator("deadlines").splitlines()]
    assert ["4564", "payment#refused", "REJECTED  -          The sum is odd."] in lines
    assert ["4564", "payment#lost", "UNKNOWN   in 15 min  RemoteProtocolError"] in lines


def test_the_first_to_go_comes_first_and_a_limit_says_how_far_to_look(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(minutes=1)
    trial.bill(bought(trial, "inv-1", 0, 10))
    trial.connect(4232)
    trial.reconcile()

    def told(*words: str) -> list[int]:
        return [it["location_id"] for it in operator.json("deadlines", *words)["locations"]]

    assert told() == told("--within", "167h") == []
    assert told("--within", "7d") == [4232]
    assert told("--within", "240h") == [4232, 4564]
    with pytest.raises(SystemExit):
        operator("deadlines", "--within", "soon")


def test_a_frozen_location_is_told_if_something_would_bring_it_back(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(days=8)
    trial.simulator.expire(4564)
    trial.webhook(trial.event(4564, "freeze"))
    trial.reconcile()
    assert "1 frozen with nothing that would bring them back" in operator("deadlines")
    trial.simulator.fault("payment", "status", status=429)
    trial.bill(bought(trial, "inv-1", 0, 30))
    text = operator("deadlines")
    told = " ".join(text.split())
    assert "4564 the location frozen - freeze confirmed: status freezed, log ends" in told
    assert "4564 payment#inv-1 PENDING" in told
    trial.let_time_pass(60)
    assert operator.json("deadlines")["locations"] == []
    assert trial.connection(4564).state == "active"


def test_a_location_that_is_frozen_though_it_is_paid_is_told(
    trial: Deployment, operator: Operator
) -> None:
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.simulator.expire(4564)
    trial.webhook(trial.event(4564, "freeze"))
    trial.reconcile()
    [told] = operator.json("deadlines")["locations"]
    assert (told["state"], told["hours_left"], told["queued"]) == ("frozen", 720, [])


def test_what_reconcile_has_not_looked_at_is_counted(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564)
    assert operator.json("deadlines") == {"locations": [], "rest": {"not_looked_at": 1}}


def test_a_free_application_has_no_deadlines(trial: Deployment, operator: Operator) -> None:
    trial.environments["reconcile"]["TRIAL_DAYS"] = "-1"
    assert "the application is free" in operator("deadlines")
    assert operator.json("deadlines") == {"locations": [], "rest": {}}


# What a refund does


def foretold(operator: Operator, key: str) -> dict[str, str]:
    """What is shown, by its names."""
    lines = operator("payment", key, "--if-refunded").splitlines()[1:]
    pairs = (line.strip().partition(" ") for line in lines)
    return {name: words.strip() for name, _space, words in pairs}


@pytest.mark.parametrize(
    ("first", "second", "effect", "until"),
    [
        ((-1, 30), None, "DARK", None),
        ((-1, 30), (5, 60), "DARK", None),
        ((-1, 30), (-1, 20), "COVERED", 20),
        ((-30, -1), None, "NONE", None),
        ((5, 30), (-1, 10), "SHORTER", 10),
    ],
)
def test_what_is_foretold_of_a_refund_happens(  # noqa: PLR0917 - fixtures
    trial: Deployment,
    operator: Operator,
    first: tuple[float, float],
    second: tuple[float, float] | None,
    effect: str,
    until: float | None,
) -> None:
    trial.bill(bought(trial, "inv-1", *first))
    if second is not None:
        trial.bill(bought(trial, "inv-2", *second))
    calls = len(trial.simulator.journal)
    told = foretold(operator, "inv-1")
    assert {call.method for call in trial.simulator.journal[calls:]} == {"GET"}
    assert told["payment"].startswith("payment#inv-1, ")
    assert told["refund"] == "none yet; billed now, it goes out at once"
    assert told["effect"].startswith(Effect[effect])
    ends = until and screen.moment(trial.clock() + timedelta(days=until))
    assert (f"paid until {ends}" in told["left"]) == (until is not None)
    assert operator.code == 0
    trial.bill(refund())
    dark = trial.simulator.platform.state(4564) == "freezed"
    assert dark == (effect == "DARK")
    told = foretold(operator, "inv-1")
    assert told["refund"].startswith("refund#ref-1 ")
    assert told["effect"] == f"{Effect.NONE}: it is given back already"


def test_a_refund_is_foretold_in_words(trial: Deployment, operator: Operator) -> None:
    trial.bill(bought(trial, "inv-1", -1, 30))
    lines = [
        line.split(maxsplit=1)
        for line in operator("payment", "inv-1", "--if-refunded").splitlines()
    ]
    assert lines[0] == ["If", "payment#inv-1 is given back (test stack)"]
    id_ = trial.entry("payment#inv-1").platform_id
    for said in (
        ["state", f"SENT, with id {id_}"],
        ["location", "4564, active here"],
        ["runs,", "and ends in 30 d"],
        ["refund", "none yet; billed now, it goes out at once"],
        ["effect", "the location goes dark within the hour"],
        ["left", "no other paid period runs now"],
    ):
        assert said in lines


@pytest.mark.parametrize("location_id", [4564, None])
def test_the_refund_of_what_is_not_sent_waits(
    trial: Deployment, operator: Operator, location_id: int | None
) -> None:
    trial.simulator.disconnect(4564)
    trial.let_time_pass(5)
    trial.bill(bought(trial, "inv-1", -1, 30))
    told = foretold(operator, "inv-1")
    assert told["refund"].endswith("it waits: its payment is HELD")
    trial.bill(refund(location_id=location_id))
    told = foretold(operator, "ref-1")
    assert told["refund"] == "refund#ref-1 waits: its payment is HELD"
    assert told["effect"] == "nothing until it goes out"
    assert (told["payment"].partition(",")[0], told["state"]) == ("payment#inv-1", "HELD")


@pytest.mark.parametrize("was", ["rejected", "closed"])
def test_the_refund_of_what_was_not_taken_is_rejected(
    connected: Deployment, operator: Operator, was: str
) -> None:
    reject(connected)
    if was == "closed":
        operator("close", "inv-1", "--reason", "gone", "--do")
    told = foretold(operator, "inv-1")
    assert told["refund"].endswith(f"it becomes REJECTED: its payment was {was}")
    connected.bill(refund(location_id=4564))
    told = foretold(operator, "inv-1")
    assert told["refund"] == f"refund#ref-1 is REJECTED: its payment was {was}"
    assert told["effect"].startswith("nothing, ")


def test_a_refund_of_what_nobody_billed_and_an_unknown_id(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(refund(of="never-billed"))
    text = operator("payment", "ref-1", "--if-refunded")
    assert "payment  not in the ledger" in text
    assert "refund#ref-1 waits: its payment is not known" in text
    assert operator.code == 0
    assert "no payment or refund is known as nothing" in operator(
        "payment", "nothing", "--if-refunded"
    )
    assert operator.code == 2


def test_where_the_platform_does_not_tell_nothing_is_foretold(
    trial: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.bill(bought(trial, "inv-1", -1, 30))
    trial.simulator.fault("status", "status", status=500)
    told = foretold(operator, "inv-1")
    why = "cannot be told, as the platform does not tell: status answered"
    assert told["effect"].startswith(why)
    monkeypatch.setattr(trial.simulator.platform, "payments", lambda _location: [])
    assert "which is not on the platform's list" in operator("payment", "inv-1", "--if-refunded")


# Dead letters


def put(deployment: Deployment, body: str) -> None:
    url = deployment.queues["BillingDeadLetters"]
    DeadLetters(deployment.sqs, url).put(body, "as it was told", "m-1")


# What holds in a live location


def probed(operator: Operator, location_id: int = 4564) -> dict[str, tuple[str, str]]:
    found = operator.json("publication", "--location", str(location_id))
    return {it["assumption"]: (it["verdict"], it["seen"]) for it in found}


def test_all_assumptions_hold_in_the_simulated_platform(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment())
    connected.bill(refund())
    calls = [call.method for call in connected.simulator.journal]
    assert {verdict for verdict, _seen in probed(operator).values()} == {"holds"}
    assert operator.code == 0
    after = connected.simulator.journal
    assert {call.method for call in after[len(calls) :]} == {"GET"}
    assert [call.violation for call in after if call.violation] == []


ALTERED = "1 of 1 altered, such as payment#known: paid 2026-11-01 10:10:00"


def listed_with(**changes: Any) -> Callable[[Any], Any]:
    return lambda row: replace(row, **changes)


@pytest.mark.parametrize(
    ("assumption", "change", "seen"),
    [
        ("dates read back", listed_with(payment_date="2026-11-01 10:11:00"),
         f"{ALTERED} reads 2026-11-01 10:11:00"),
        ("dates read back", listed_with(payment_date="2026-11-01 13:10:00",
                                    period_from="2026-11-01 03:00:00",
                                    period_to="2026-12-01 02:59:59"),
         "the platform seems to be at UTC+03:00, but PLATFORM_TIMEZONE is UTC"),
        ("dates read back", listed_with(payment_date="2026-11-01 13:10:00"),
         f"{ALTERED} reads 2026-11-01 13:10:00"),
        ("sums read back", listed_with(payment_sum=Decimal("1.5")),
         "1 altered, such as payment#known: 1 is 1.5"),
        ("ours are listed under their ids", listed_with(id=7),
         "1 of 1 missing, such as payment#known with id {id}"),
        ("none is unknown to us", listed_with(id=7), "1 of 1, such as id 7"),
    ],
)  # fmt: skip
def test_what_reads_back_otherwise_does_not_hold(  # noqa: PLR0917 - fixtures
    connected: Deployment,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    assumption: str,
    change: Callable[[Any], Any],
    seen: str,
) -> None:
    rows = connected.simulator.payments(4564)
    monkeypatch.setattr(
        connected.simulator.platform, "payments", lambda _location: [change(row) for row in rows]
    )
    assert probed(operator)[f"payments: {assumption}"] == (
        "does not hold",
        seen.format(id=rows[0].id),
    )
    assert operator.code == 1


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        ("13:00:05", "the platform seems to be at UTC+03:00, but PLATFORM_TIMEZONE is UTC"),
        ("04:30:00", "the platform seems to be at UTC-05:30, but PLATFORM_TIMEZONE is UTC"),
    ],
)
def test_the_log_shows_in_which_zone_the_platform_lives(
    deployment: Deployment,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    seen: str,
) -> None:
    deployment.clock.at = deployment.clock.at.replace(hour=10, minute=0, second=0)
    log = deployment.simulator.platform.log
    day = f"{deployment.clock.at:%Y-%m-%d}"
    monkeypatch.setattr(
        deployment.simulator.platform,
        "log",
        lambda location: [replace(it, changed_at=f"{day} {at}") for it in log(location)],
    )
    deployment.connect(4564)
    assert probed(operator)["log: its times are in PLATFORM_TIMEZONE"] == ("does not hold", seen)


def test_a_refused_token_does_not_hold_and_hides_the_rest(
    connected: Deployment, operator: Operator
) -> None:
    connected.set_token("wrong-token")
    found = probed(operator)
    told = found["status: answers in the documented form"]
    assert told == ("does not hold", "401 Authentication needed.")
    # It is meant for all, so the next call is not even made.
    verdict, seen = found["list of locations: has it on its first page"]
    assert (verdict, seen.startswith("no call to the platform before")) == ("cannot be seen", True)
    assert found["payments: dates read back"][0] == "cannot be seen"
    assert operator.code == 1
    assert "wrong-token" not in operator("publication", "--location", "4564")


@pytest.mark.usefixtures("connected")
def test_nothing_can_be_seen_where_nothing_is_installed(operator: Operator) -> None:
    assert {verdict for verdict, _seen in probed(operator, 4232).values()} == {"cannot be seen"}
    assert operator.code == 0


@pytest.mark.parametrize(
    ("ids", "status", "verdict"),
    [
        ((1, 2), "active", "does not hold"),
        ((1, 2), "freezed", "cannot be seen"),
        (tuple(range(1, LOCATIONS_PER_PAGE + 1)), "active", "cannot be seen"),
    ],
    ids=["missing", "frozen", "further pages"],
)
def test_a_location_that_is_not_on_the_list(  # noqa: PLR0917 - fixtures
    connected: Deployment,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    ids: tuple[int, ...],
    status: str,
    verdict: str,
) -> None:
    if status == "freezed":
        connected.simulator.expire(4564)
    monkeypatch.setattr(Marketplace, "locations", lambda _self, **_page: ids)
    assert probed(operator)["list of locations: has it on its first page"][0] == verdict


# The signature doctor


def forged(deployment: Deployment, key: str, *, over_base64: bool = False) -> str:
    """The address of a redirect whose signature is made anew."""
    address = urlsplit(deployment.simulator.redirect(4564))
    fields = dict(parse_qsl(address.query))
    data = fields["user_data"]
    text = data.encode() if over_base64 else base64.urlsafe_b64decode(data)
    sign = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    return address._replace(query=urlencode({**fields, "user_data_sign": sign})).geturl()


def test_the_doctor_names_the_text_that_was_signed(
    deployment: Deployment, operator: Operator
) -> None:
    token = deployment.simulator.partner_token
    text = operator("doctor", forged(deployment, token, over_base64=True))
    assert "verdict    the signature is over the base64 text of user_data; it has to be" in text
    assert f"signed by  the partner token of test stack ({fingerprint(token)})\n" in text
    assert operator.code == 1
    owner = Owner()
    assert [it for it in (owner.name, owner.email, owner.phone, token) if it in text] == []


def test_the_doctor_ends_with_0_if_the_signature_is_right(
    deployment: Deployment,
    operator: Operator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = deployment.simulator.redirect(4564)
    file = tmp_path / "redirect.txt"
    file.write_text(f"{address}\n")
    query = urlsplit(address).query
    for words, typed in (((address,), ""), ((str(file),), ""), (("-",), query), ((), query)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        assert "verdict    the signature is right\n" in operator("doctor", *words)
        assert operator.code == 0


def test_the_doctor_reads_a_payment_event(deployment: Deployment, operator: Operator) -> None:
    token = deployment.simulator.partner_token
    for amount, code in (("100", 0), ("100.0", 1)):
        message = f"salon_id=4564&amount={amount}"
        sign = hmac.new(token.encode(), message.encode(), hashlib.sha256).hexdigest()
        values = deployment.event(4564, "payment", amount=100.0, discount=None, sign=sign)
        text = operator("doctor", json.dumps(values))
        assert text.startswith("sign of a payment event (test stack)\n")
        assert operator.code == code
    assert "the signature is over sums as they stand in the body" in text


def test_another_token_may_be_typed(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = forged(deployment, "the-new-token")
    assert "Enter it with --ask" in operator("doctor", address)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "the-new-token")
    told = operator("doctor", "--ask", address)
    assert "by the other token, and test stack does not have that one" in told
    assert f"the other token ({fingerprint('the-new-token')})\n" in told
    assert "the-new-token" not in told
    assert operator.code == 1
    # Once it is the stack's own, it is right.
    deployment.set_token("the-new-token")
    assert "the signature is right" in operator("doctor", address)
    assert operator.code == 0


# Which stack


def test_a_stack_of_another_version_is_named(connected: Deployment, operator: Operator) -> None:
    del connected.environments["reconcile"]["TRIAL_DAYS"]
    assert "test stack does not run this version" in operator("payments")
    assert operator.code == 2


@pytest.fixture
def announced(tmp_path: Path) -> Iterator[Path]:
    """A local stack, as a process of its own, without schedules."""
    file = tmp_path / "up.json"
    command = [sys.executable, "-m", "local", "up", "--announce", str(file)]
    with subprocess.Popen(
        [*command, "--set", "RECONCILE_EVERY_S=0"], cwd=PROJECT, stdout=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 60
        while not file.exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield file
        process.terminate()
        process.wait(20)
    assert not file.exists(), "it names what is gone"


def test_the_desk_of_a_local_stack(announced: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(announced.read_text())
    sqs = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=found["region"],
    ).client("sqs", endpoint_url=found["aws_endpoint_url"])
    for body in (json.dumps(payment()), "no event"):
        sqs.send_message(QueueUrl=found["billing_queue_url"], MessageBody=body)

    def run(*words: str) -> str:
        assert main([*words, "--announced", str(announced)]) == 0
        return capsys.readouterr().out

    until = time.monotonic() + 20
    while "HELD" not in run("payments") or "no event" not in run("letters"):
        assert time.monotonic() < until
    assert "HELD -> CLOSED" in run("close", "inv-1", "--reason", "gone", "--do")
    [closed] = json.loads(run("payments", "--state", "CLOSED", "--json"))
    assert closed["why"].startswith("closed by anna; gone; was HELD")
    assert "1 dead letter\n" in run("letters")  # visible again at once
    assert "cannot be seen" in run("publication", "--location", "4564")


def test_without_a_stack_it_is_told_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["payments", "--announced", str(tmp_path / "none.json")]) == 2
    assert "make up" in capsys.readouterr().err


class TestOnMoto:
    """What AWS in memory does not know: dead letters' own calls, hooks of botocore."""

    @pytest.fixture
    def deployment(self, on_moto: Deployment) -> Deployment:
        return on_moto

    def test_a_list_of_many_pages_is_whole(self, connected: Deployment, operator: Operator) -> None:
        for number in range(5):
            reject(connected, f"inv-{number}")
        with small_pages(connected):
            assert len(operator.json("payments")) == 5

    def test_a_fleet_of_many_pages_is_whole(self, trial: Deployment, operator: Operator) -> None:
        row = trial.connection(4564)
        for location_id in range(1, 8):
            trial.connections.save(replace(row, location_id=location_id, version=0))
        late = row.covered_until and row.covered_until - timedelta(days=6)
        trial.connections.save(replace(row, location_id=8, covered_until=late, version=0))
        with small_pages(trial):
            found = operator.json("deadlines")
        assert [it["location_id"] for it in found["locations"]] == [8]
        assert found["rest"] == {"covered": 8}

    def test_each_letter_is_explained_and_stays_where_it_is(
        self, connected: Deployment, operator: Operator
    ) -> None:
        bodies = [
            "no event",
            json.dumps(payment("known", amount="2.00")),
            json.dumps(payment("known", amount="1.00")),
            json.dumps(payment("new")),
            '{"type":"wake-up","key":"payment#known","due_at":"2026-11-01T00:00:00.000000Z"}',
        ]
        for body in bodies:
            put(connected, body)
        found = {letter["verdict"]: letter for letter in operator.json("letters")}
        assert {words: letter["safe"] for words, letter in found.items()} == {
            "refused again: invalid: not JSON": False,
            "refused again: contradicts what was received (amount was 1, is 2)": False,
            "safe: known with the same facts (SENT), no effect": True,
            "safe: not known yet, taken as any new event": True,
            "safe: a wake-up, void unless it is the latest": True,
        }
        assert "Safe to replay: 3 of 5" in operator("letters")
        assert len(connected.dead_letters()) == 5

    def test_only_what_is_safe_is_replayed_and_then_gone(
        self, connected: Deployment, operator: Operator
    ) -> None:
        put(connected, "no event")
        put(connected, json.dumps(payment()))
        assert "Add --do to replay 1 of 2 letters" in operator("replay", "all")
        assert paid(connected) == []
        assert "Replayed: 1 letter." in operator("replay", "all", "--do")
        connected.drain()
        assert (state(connected), len(paid(connected))) == ("SENT", 1)
        assert [body for body, _reason in connected.dead_letters()] == ["no event"]

    def test_one_letter_is_replayed_by_the_beginning_of_its_id(
        self, connected: Deployment, operator: Operator
    ) -> None:
        put(connected, json.dumps(payment("inv-1")))
        put(connected, json.dumps(payment("inv-2")))
        second = next(it for it in operator.json("letters") if it["event"] == "payment#inv-2")
        assert operator("letters").count(second["id"][:8]) == 1
        operator("replay", second["id"][:8], "--do")
        assert [body for body, _ in connected.dead_letters()] == [json.dumps(payment("inv-1"))]
        assert "no letter begins with nothing" in operator("replay", "nothing", "--do")
        assert operator.code == 1

    def test_what_would_come_back_is_replayed_by_force_only(
        self, connected: Deployment, operator: Operator
    ) -> None:
        put(connected, "no event")
        assert "they would come back" in operator("replay", "all", "--do")
        assert operator.code == 1
        operator("replay", "all", "--do", "--force")
        connected.drain()
        assert connected.dead_letters() == [("no event", "invalid: not JSON")]

    def test_a_letter_stays_until_its_copy_is_on_the_queue(
        self, connected: Deployment, operator: Operator
    ) -> None:
        put(connected, json.dumps(payment()))
        connected.environments["reconcile"]["BILLING_QUEUE_URL"] += "-gone"
        assert "AWS: " in operator("replay", "all", "--do")
        assert operator.code == 2
        assert len(connected.dead_letters()) == 1

    def test_a_letter_that_sqs_itself_moved_says_so(
        self, connected: Deployment, operator: Operator
    ) -> None:
        connected.sqs.send_message(
            QueueUrl=connected.queues["BillingDeadLetters"], MessageBody=json.dumps(payment())
        )
        [letter] = operator.json("letters")
        assert letter["reason"] == "could not be stored, again and again"

    def test_a_token_that_cannot_be_read_is_told(
        self, deployment: Deployment, operator: Operator
    ) -> None:
        deployment.ssm.delete_parameter(Name="/altegio/partner-token")
        text = operator("doctor", deployment.simulator.redirect(4564))
        assert text.startswith("the partner token of test stack cannot be read")
        assert operator.code == 2
