"""An uninstall from our own side, through the command line and the webhook's door."""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import pytest

from ops import site
from shared.altegio.marketplace import Marketplace
from shared.connections import lifecycle
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator, stack_of

pytestmark = pytest.mark.usefixtures("logged")


DONE = "Done: uninstalled there. Within minutes, reconcile closes it here"


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    """Long enough for nothing to lag, and looked at by reconcile."""
    deployment.connect(4564)
    deployment.let_time_pass(10, step=5)
    return deployment


def echo(deployment: Deployment, location_id: int = 4564) -> None:
    """The platform's webhook of the uninstall."""
    assert deployment.webhook(deployment.event(location_id)) == 200


def told(deployment: Deployment, location_id: int = 4564) -> list[str]:
    lines = deployment.journal.of_location(location_id)
    return [f"{line.state} {line.words}".strip() for line in lines]


def during(call: Any, happens: Callable[[], None]) -> Callable[..., Any]:
    """The call, and what happens once it is done but not answered yet; only the first time."""
    waiting = [happens]

    def called(*arguments: Any) -> Any:
        answer = call(*arguments)
        # What the functions write meanwhile, the operator does not see.
        with redirect_stdout(io.StringIO()):
            for each in [waiting.pop() for _ in waiting]:
                each()
        return answer

    return called


def test_a_dry_run_shows_what_would_end_and_asks_for_nothing(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment(period_to="2027-11-30T23:59:59+00:00"))
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment("inv-2"))
    connected.bill(refund(of="inv-2", location_id=4564))
    before = connected.connection(4564)
    text = operator("uninstall", "4564")
    assert operator.code == 0
    words = " ".join(text.split())
    for shown in (
        "here active: status active, log ends pending→active at",
        "there status active, log ends pending→active at",
        "cover until 2027-11-30 23:59:59Z",
        "payment#inv-2 UNKNOWN cannot be looked up while nothing is installed there; then a person",
        "refund#ref-1 PENDING is sent nevertheless, once its payment is",
        "Nothing was changed yet. Add --do to do it.",
    ):
        assert shown in words
    assert "payment#inv-1" not in words
    assert connected.connection(4564) == before
    assert connected.simulator.calls("uninstall") == []


def test_it_ends_there_at_once_and_here_with_the_next_run(
    connected: Deployment, operator: Operator, logged: Callable[[], str]
) -> None:
    logged()
    assert DONE in operator("uninstall", "4564", "--do")
    assert operator.code == 0
    assert connected.simulator.state(4564) == "uninstalled"
    connected.reconcile()
    connection = connected.connection(4564)
    assert (connection.state, connection.hint, connection.generation) == ("disabled", None, 1)
    # At the same moment, here.
    assert set(told(connected)[-2:]) == {
        "active uninstall asked for by anna",
        "disabled not installed any more: status uninstalled",
    }
    [call] = connected.simulator.calls("uninstall")
    assert (call.violation, call.body) == ("", None)
    # Nobody had to tell us what we did ourselves.
    connected.let_time_pass(60, step=5)
    assert "LostWebhook" not in logged()
    # Nor has anybody to look at it again, once its telephony is off.
    connection = connected.connection(4564)
    assert (connection.chain_key, connection.due_at) == (None, connection.erase_at)


def test_a_payment_waits_and_goes_out_after_a_reconnect(
    connected: Deployment, operator: Operator
) -> None:
    operator("uninstall", "4564", "--do")
    connected.reconcile()
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state == "HELD"
    connected.connect(4564)
    connected.reconcile()
    assert connected.entry("payment#inv-1").state == "SENT"
    assert len(connected.simulator.payments(4564)) == 1


@pytest.mark.parametrize("when", ["uninstall", "settle", "afterwards"])
def test_the_webhook_of_it_changes_nothing(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    if when == "uninstall":
        there = during(Marketplace.uninstall, lambda: echo(connected))
        monkeypatch.setattr(Marketplace, "uninstall", there)
    assert DONE in operator("uninstall", "4564", "--do")
    if when == "settle":
        # After the status that it is settled by was read, and before the row is written.
        written = during(lifecycle.settled, lambda: echo(connected))
        monkeypatch.setattr(lifecycle, "settled", written)
    connected.reconcile()
    if when == "afterwards":
        echo(connected)
    connected.let_time_pass(60, step=5)
    connection = connected.connection(4564)
    assert (connection.state, connection.hint, connection.generation) == ("disabled", None, 1)
    assert connection.due_at == connection.erase_at
    assert connected.simulator.state(4564) == "uninstalled"


def test_a_webhook_that_comes_after_the_reconnect_is_stale(
    connected: Deployment, operator: Operator
) -> None:
    operator("uninstall", "4564", "--do")
    connected.clock.advance(minutes=5)
    connected.connect(4564)
    echo(connected)
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state == "SENT"
    connected.let_time_pass(60, step=5)
    connection = connected.connection(4564)
    assert (connection.state, connection.generation, connection.hint) == ("active", 2, None)
    assert any("uninstall stale, changes nothing" in line for line in told(connected))


def test_an_owner_who_reconnects_meanwhile_stays_connected(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reconnect() -> None:
        echo(connected)
        connected.connect(4564)

    monkeypatch.setattr(Marketplace, "uninstall", during(Marketplace.uninstall, reconnect))
    assert DONE in operator("uninstall", "4564", "--do")
    connected.let_time_pass(60, step=5)
    assert (connected.connection(4564).state, connected.simulator.state(4564)) == (
        "active",
        "active",
    )


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("drop_answer", "RemoteProtocolError"),
        ("html_done", "uninstall answered 200 without its envelope"),
        ("empty", "uninstall answered 200 without its envelope"),
    ],
)
def test_a_lost_answer_is_settled_by_reconcile(
    connected: Deployment, operator: Operator, fault: str, why: str
) -> None:
    connected.simulator.fault("uninstall", fault)
    text = " ".join(operator("uninstall", "4564", "--do").split())
    unsure = "Not done to its end: the platform did not answer, so it may have done it"
    said = f"{unsure}: {why}. Within minutes reconcile"
    assert said in text
    assert operator.code == 1
    assert connected.connection(4564).state == "active"
    connected.reconcile()
    assert connected.connection(4564).state == "disabled"


def test_a_crash_before_the_call_changes_nothing(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Marketplace, "uninstall", crash)
    with pytest.raises(KeyboardInterrupt):
        operator("uninstall", "4564", "--do")
    connected.let_time_pass(60, step=5)
    connection = connected.connection(4564)
    assert (connection.state, connection.hint) == ("active", None)
    assert "active uninstall asked for by anna" in told(connected)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 403, "message": "Not your application."}, "403 Not your application."),
        ({"status": 429}, "429 An error has occurred."),
    ],
)
def test_a_refusal_is_told_and_changes_nothing(
    connected: Deployment, operator: Operator, fault: dict[str, Any], said: str
) -> None:
    connected.simulator.fault("uninstall", "status", **fault)
    told = operator("uninstall", "4564", "--do")
    assert f"Nothing was changed: the platform did not do it: {said}" in told
    assert operator.code == 1
    connected.let_time_pass(60, step=5)
    assert (connected.connection(4564).state, connected.simulator.state(4564)) == (
        "active",
        "active",
    )


def test_a_success_that_is_none_is_told(connected: Deployment, operator: Operator) -> None:
    connected.simulator.fault("uninstall", "success_false", message="Try later.")
    told = operator("uninstall", "4564", "--do")
    assert "Nothing was changed: the platform did not do it: 200 Try later." in told
    assert operator.code == 1


def test_a_status_that_lags_behind_is_looked_at_again(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = site.Site(stack_of(connected)).platform.status(4564)
    with monkeypatch.context() as patch:
        patch.setattr(Marketplace, "status", lambda *_arguments: old)
        operator("uninstall", "4564", "--do")
        connected.reconcile()
    assert connected.connection(4564).verdict.startswith("uninstall not seen yet")
    connected.let_time_pass(10, step=1)
    assert connected.connection(4564).state == "disabled"


def test_what_was_connected_a_moment_ago_takes_a_minute(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564)
    operator("uninstall", "4564", "--do")
    deployment.reconcile()
    connection = deployment.connection(4564)
    told = "seems to be gone: status uninstalled"
    assert (connection.state, connection.verdict) == ("active", told)
    deployment.let_time_pass(1)
    assert deployment.connection(4564).state == "disabled"


def test_what_is_not_installed_there_any_more_is_closed_here(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.disconnect(4564, webhook="never")
    assert DONE in operator("uninstall", "4564", "--do")
    connected.reconcile()
    again = operator("uninstall", "4564", "--do")
    assert "Nothing was changed: the application is not installed in this location." in again
    assert (operator.code, len(connected.simulator.calls("uninstall"))) == (1, 1)


def test_a_location_that_nobody_connected_here(deployment: Deployment, operator: Operator) -> None:
    assert "Nothing was changed" in operator("uninstall", "4564", "--do")
    deployment.simulator.grant(4564)
    text = operator("uninstall", "4564", "--do")
    assert "Done: uninstalled there, never connected here." in text
    assert deployment.simulator.state(4564) == "uninstalled"
    deployment.simulator.grant(4564)
    deployment.simulator.fault("uninstall", "drop_answer")
    assert "`location` tells" in operator("uninstall", "4564", "--do")
    assert deployment.connections.get(4564) is None


def test_a_platform_that_does_not_tell_is_asked_nevertheless(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.fault("status", "status", status=500)
    text = " ".join(operator("uninstall", "4564", "--do").split())
    assert "there the platform does not tell: status answered 500" in text
    assert DONE in text


def test_a_row_that_changes_while_it_is_looked_at_is_left_alone(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Marketplace, "status", during(Marketplace.status, lambda: echo(connected)))
    assert "it has changed since it was shown" in operator("uninstall", "4564", "--do")
    assert (operator.code, connected.simulator.state(4564)) == (1, "active")
