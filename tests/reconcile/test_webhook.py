"""The lifecycle webhook: stored as a hint, settled by the platform's status."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.disable import app as disable_app
from shared.aws.parameters import ParameterUnreadable
from shared.connections.table import Connections
from tests.deployment import Deployment, http_event, secrets_in


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_probe_is_answered_and_changes_nothing(connected: Deployment, method: str) -> None:
    """F13."""
    before = connected.rows("CONNECTIONS_TABLE")
    assert connected.webhook(connected.event(4564), method=method) == 200
    assert connected.rows("CONNECTIONS_TABLE") == before


def test_an_uninstall_is_stored_before_the_answer_and_asks_nobody(connected: Deployment) -> None:
    """D2, D20: what dies after the answer loses nothing."""
    connected.simulator.disconnect(4564)
    asked = len(connected.simulator.journal)
    assert connected.webhook(connected.event(4564)) == 200
    assert len(connected.simulator.journal) == asked
    connection = connected.connection(4564)
    assert (connection.state, connection.hint) == ("active", "uninstall")
    assert connection.due_at == connected.clock()


def test_a_true_uninstall_closes_the_connection_with_its_proof(connected: Deployment) -> None:
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.reconcile()
    connection = connected.connection(4564)
    assert (connection.state, connection.hint) == ("disabled", None)
    assert connection.due_at == connection.erase_at
    assert connection.verdict.startswith("not installed any more: status uninstalled")


def test_a_true_freeze_keeps_the_link(connected: Deployment) -> None:
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    connection = connected.connection(4564)
    assert (connection.state, connection.generation) == ("frozen", 1)


@pytest.mark.parametrize("event", ["uninstall", "freeze"])
def test_a_late_event_after_a_reconnect_changes_nothing(connected: Deployment, event: str) -> None:
    """D21."""
    connected.simulator.disconnect(4564)
    connected.connect(4564)
    connected.webhook(connected.event(4564, event))
    for _ in range(40):
        connected.let_time_pass(1)
        assert connected.connection(4564).state == "active"
    connection = connected.connection(4564)
    assert (connection.generation, connection.hint) == (2, None)
    # Due for nothing but the end of its cover.
    assert connection.due_at is not None
    assert connection.due_at > connected.clock() + timedelta(days=5)
    assert "stale" in connection.verdict


def test_a_status_that_lags_behind_the_webhook_is_asked_again(connected: Deployment) -> None:
    connected.webhook(connected.event(4564))
    connected.reconcile()
    assert connected.connection(4564).state == "active"
    connected.simulator.disconnect(4564)
    connected.let_time_pass(1.5, step=0.5)
    assert connected.connection(4564).state == "disabled"


def test_two_uninstalls_an_hour_apart_both_take_effect(connected: Deployment) -> None:
    """D1."""
    for generation in (1, 2):
        assert connected.connection(4564).generation == generation
        connected.simulator.disconnect(4564)
        connected.webhook(connected.event(4564))
        connected.reconcile()
        assert connected.connection(4564).state == "disabled"
        connected.clock.advance(hours=1)
        connected.connect(4564)
        connected.clock.advance(hours=1)


def test_an_uninstall_of_our_own_open_generation_is_settled_too(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.simulator.fault("callback", "status", status=500)
    deployment.press(page)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(2)
    assert deployment.connection(4564).state == "disabled"


def test_an_event_of_a_sibling_application_changes_nothing(connected: Deployment) -> None:
    """D17."""
    before = connected.rows("CONNECTIONS_TABLE")
    assert connected.webhook(connected.event(4564, application_id=102)) == 200
    assert connected.rows("CONNECTIONS_TABLE") == before


def test_an_unknown_location_is_a_quiet_success(connected: Deployment) -> None:
    """D23."""
    before = connected.rows("CONNECTIONS_TABLE")
    assert connected.webhook(connected.event(9999)) == 200
    assert connected.rows("CONNECTIONS_TABLE") == before


def test_an_event_that_is_not_known_changes_nothing_and_is_counted(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    before = connected.rows("CONNECTIONS_TABLE")
    assert connected.webhook(connected.event(4564, "unheard-of")) == 200
    assert connected.rows("CONNECTIONS_TABLE") == before
    assert '"LifecycleEventUnknown":[1.0]' in logged()


@pytest.mark.parametrize("token", [None, "", "wrong", "local-partner-tokem", 7, True, ["x"]])
def test_without_the_partner_token_nothing_changes(connected: Deployment, token: Any) -> None:
    """D8, D15: required, not compared only if present."""
    before = connected.rows("CONNECTIONS_TABLE")
    event = connected.event(4564, partner_token=token)
    if token is None:
        del event["partner_token"]
    assert connected.webhook(event) == 403
    assert connected.rows("CONNECTIONS_TABLE") == before


@pytest.mark.parametrize(
    "changes",
    [
        {"salon_id": None},
        {"salon_id": True},
        {"salon_id": -1},
        {"salon_id": 1.5},
        {"salon_id": "x"},
        {"application_id": None},
        {"event": None},
        {"event": 7},
    ],
)
def test_a_malformed_event_is_one_generic_refusal(
    connected: Deployment, changes: dict[str, Any]
) -> None:
    before = connected.rows("CONNECTIONS_TABLE")
    assert connected.webhook(connected.event(4564, **changes)) == 400
    assert connected.rows("CONNECTIONS_TABLE") == before


@pytest.mark.parametrize("body", ["", "null", "[]", "{", '"x"', "[" * 50_000, "9" * 5000])
def test_a_body_that_is_no_event_is_refused(connected: Deployment, body: str) -> None:
    assert connected.webhook(body) in (400, 403)


# The payment that the owner made on the platform's own page


def test_a_hosted_payment_is_a_hint_and_thaws(connected: Deployment) -> None:
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    assert connected.connection(4564).state == "frozen"
    assert connected.webhook(connected.hosted(4564)) == 200
    assert connected.connection(4564).hint == "payment"
    connected.reconcile()
    assert connected.connection(4564).state == "active"
    assert connected.simulator.calls("payment") == []


@pytest.mark.parametrize("first", ["payment", "uninstall"])
def test_a_freeze_takes_the_place_of_a_payment_and_of_nothing_else(
    connected: Deployment, first: str
) -> None:
    """A status that is old says active, which ends what is said of a payment, and only that."""
    was = {
        "payment": connected.hosted(4564),
        "uninstall": connected.event(4564, "uninstall"),
    }
    before = connected.connection(4564)
    connected.webhook(was[first])
    connected.webhook(connected.event(4564, "freeze"))
    expected = "freeze" if first == "payment" else first
    assert (connected.connection(4564).hint, connected.connection(4564).hint_looks) == (expected, 0)
    assert connected.connection(4564).version == before.version + 2
    connected.reconcile()
    # Seen active once, which may be old: the freeze is looked for again.
    assert connected.connection(4564).hint == expected
    connected.simulator.expire(4564)
    connected.let_time_pass(2)
    assert connected.connection(4564).state == "frozen"


def test_a_freeze_is_kept_if_a_payment_is_settled_while_it_is_stored(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.webhook(connected.hosted(4564))
    stored, tries = Connections._hint, list[str]()

    def settled_meanwhile(self: Connections, *told: Any) -> bool:
        tries.append(told[-1])
        if len(tries) == 2:
            before = connected.connection(4564)
            self.save(replace(before, hint=None, hint_at=None), connected.clock())
        return stored(self, *told)

    monkeypatch.setattr(Connections, "_hint", settled_meanwhile)
    assert connected.webhook(connected.event(4564, "freeze")) == 200
    assert len(tries) == 3
    assert connected.connection(4564).hint == "freeze"


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"sign": "0" * 64}, 403),
        ({"sign": None}, 403),
        ({"amount": 29.91}, 403),
        ({"discount": 0}, 403),
        ({"salon_id": 4232}, 403),
        ({"partner_token": "guess"}, 403),
        ({"amount": "29.90"}, 400),
        ({"amount": None}, 400),
        ({"discount": "0"}, 400),
        ({"payment_id": None}, 400),
        ({"currency_iso": None}, 400),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_hosted_payment_that_is_not_genuine_changes_nothing(
    connected: Deployment, changes: dict[str, Any], answer: int
) -> None:
    connected.connect(4232)
    before = connected.rows("CONNECTIONS_TABLE")
    assert connected.webhook(connected.hosted(4564, **changes)) == answer
    assert connected.rows("CONNECTIONS_TABLE") == before


def test_a_hosted_payment_of_a_sibling_application_changes_nothing(connected: Deployment) -> None:
    before = connected.rows("CONNECTIONS_TABLE")
    assert connected.webhook(connected.hosted(4564, application_id=102)) == 200
    assert connected.rows("CONNECTIONS_TABLE") == before


def test_a_body_in_base64_is_read_and_a_query_cannot_override_it(connected: Deployment) -> None:
    """D12."""
    body = json.dumps(connected.event(9999)).encode()
    event = http_event("POST", "/webhooks/altegio", query="salon_id=4564&event=uninstall")
    event |= {"isBase64Encoded": True, "body": base64.b64encode(body).decode()}
    assert connected.invoke("disable", event)["statusCode"] == 200
    assert connected.connection(4564).hint is None


def test_a_sign_that_does_not_fit_is_explained_to_whoever_knows_the_token(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    number = connected.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    event = connected.simulator.payment_event(4564, number)
    message = b"salon_id=4564&amount=29.90"
    key = connected.simulator.partner_token.encode()
    signed = {**event, "sign": hmac.new(key, message, hashlib.sha256).hexdigest()}
    logged()
    assert connected.webhook(signed) == 403
    [line] = [json.loads(it) for it in logged().splitlines() if '"signature mismatch"' in it]
    assert "two decimals" in json.dumps(line["diagnosis"])
    assert secrets_in(json.dumps(line), connected.simulator) == []
    assert connected.rows("PAYMENTS_TABLE") == []
    # A stranger gets no diagnosis, as each costs a while.
    assert connected.webhook({**signed, "partner_token": "guessed"}) == 403
    assert "signature mismatch" not in logged()


def test_a_hint_wakes_reconcile_for_its_location(connected: Deployment) -> None:
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    [message] = connected.sqs.receive_message(QueueUrl=connected.queues["HintsQueue"])["Messages"]
    record = {"messageId": "m", "body": message["Body"], "eventSource": "aws:sqs"}
    connected.invoke("reconcile", {"Records": [record]})
    assert connected.connection(4564).state == "disabled"
    # Again, late, and of a location that nobody knows: nothing to do.
    asked = len(connected.simulator.calls("status"))
    connected.invoke("reconcile", {"Records": [record, {**record, "body": "99"}]})
    assert len(connected.simulator.calls("status")) == asked


def test_a_hint_counts_though_nobody_can_be_woken(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    def refuses(**_request: object) -> None:
        raise ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "SendMessage")

    connected.simulator.disconnect(4564)
    hints = disable_app.wired()._hints
    monkeypatch.setattr(hints, "_sqs", SimpleNamespace(send_message=refuses))
    assert connected.webhook(connected.event(4564)) == 200
    [line] = [it for it in logged().splitlines() if "nobody woken" in it]
    assert '"location_id":4564' in line
    connected.reconcile()
    assert connected.connection(4564).state == "disabled"


def test_what_was_told_and_decided_stands_in_the_journal(connected: Deployment) -> None:
    connected.simulator.disconnect(4564)
    for _ in range(2):
        connected.webhook(connected.event(4564))
        connected.clock.advance(seconds=1)
    connected.reconcile()
    lines = [(it.state, it.words.split(":")[0]) for it in connected.journal.of_location(4564)]
    # The first two are of one instant, as a test's clock stands still.
    assert [*sorted(lines[:2], reverse=True), *lines[2:]] == [
        ("pending", "opened by the owner"),
        ("active", "active"),
        ("", "uninstall webhook"),
        ("", "uninstall webhook"),
        ("disabled", "not installed any more"),
    ]


def test_no_other_event_cuts_the_looks_for_an_uninstall_short(connected: Deployment) -> None:
    connected.webhook(connected.event(4564))
    connected.reconcile()
    connected.webhook(connected.event(4564, "freeze"))
    row = connected.connection(4564)
    assert (row.hint, row.hint_looks, row.due_at) == ("uninstall", 1, connected.clock())
    connected.simulator.disconnect(4564, webhook="never")
    connected.let_time_pass(2)
    assert connected.connection(4564).state == "disabled"


def test_an_outage_of_the_parameter_store_loses_no_webhook(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connected.webhook(connected.event(4564, "freeze")) == 200

    def read(*, anew: bool = False) -> str:
        raise ParameterUnreadable(str(anew))

    monkeypatch.setattr(disable_app.wired()._token._parameter, "read", read)
    assert connected.webhook(connected.event(4564)) == 200
    assert connected.webhook(connected.event(4564, partner_token="guessed")) == 403
    words = [line.words for line in connected.journal.of_location(4564)]
    assert "uninstall webhook" in words
