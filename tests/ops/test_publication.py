"""Whether the stack is ready: what the platform refuses is blamed on what is wrong."""

from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

import pytest

from local.listener import Listener, show
from ops import publication, site
from tests.deployment import Deployment
from tests.ops.operator import Operator, stack_of

pytestmark = pytest.mark.usefixtures("logged")
TAKES = "the platform takes the partner token"
OF_US = "the token is of application 102"
LIST = "the list of calls may be read"


@pytest.fixture
def failed(connected: Deployment, operator: Operator, anna: pytest.MonkeyPatch) -> Any:
    """What of the platform does not pass; nobody listens at the stack's own addresses."""
    names = ("RedirectUrl", "WebhookUrl", "CallsUrl")
    outputs = dict.fromkeys(names, "http://127.0.0.1:9/")
    stack = replace(stack_of(connected), outputs=outputs)
    anna.setattr(site, "find", lambda _options: stack)

    def asked() -> dict[str, str]:
        checks = operator.json("publication")["checks"]
        assert operator.code == 1
        known = {TAKES, OF_US, LIST, "there is a user token"}
        return {it["what"]: it["seen"] for it in checks if not it["passed"] and it["what"] in known}

    return asked


def test_of_a_stack_that_is_ready_the_platform_refuses_nothing(failed: Any) -> None:
    assert failed() == {}


def test_a_wrong_token_is_blamed(connected: Deployment, failed: Any) -> None:
    connected.set_token("another")
    # Asked, and then while nobody asks.
    for _ in range(2):
        [(what, seen)] = failed().items()
        assert (what, seen[:25]) == (TAKES, "401 Authentication needed")
    assert "; no call to the platform before " in seen


def test_a_wrong_application_is_not_blamed_on_the_token(connected: Deployment, failed: Any) -> None:
    connected.environments["reconcile"]["APPLICATION_ID"] = "102"
    assert failed() == {OF_US: "403 Access denied."}
    # While nobody asks, too.
    site.Site(stack_of(connected)).pace.brake(60, "403 Access denied.")
    assert failed()[OF_US].startswith("403 Access denied; no call to the platform before ")


def test_a_list_of_calls_that_is_refused_is_seen(connected: Deployment, failed: Any) -> None:
    connected.simulator.fault("calls", "status", status=403, message="No right.")
    assert failed() == {LIST: "location 4564: 403 No right."}


def test_the_verdict_comes_first_and_a_local_stack_is_said_to_be_one(
    connected: Deployment, operator: Operator, failed: Any, anna: pytest.MonkeyPatch
) -> None:
    connected.simulator.fault("calls", "status", status=403, message="No right.", times=9)
    shown = operator("publication")
    verdict, checks = shown.split("\n\n")[:2]
    assert [it.split()[0] for it in checks.splitlines()[1:8]] == ["FAILED"] * 7
    assert "the list of calls may be read (location 4564: 403 No right)." in (
        " ".join(verdict.split())
    )
    assert verdict.startswith("A local stack, which only this machine reaches, so it is not")
    assert "Of 10 checks, 7 do not hold: the webhook answers GET (ConnectError); " in " ".join(
        verdict.split()
    )
    assert "the addresses are https" not in shown
    assert set(failed()) == {LIST}
    outputs = dict.fromkeys(("RedirectUrl", "WebhookUrl", "CallsUrl"), "http://nobody.invalid/")
    stack = replace(stack_of(connected), outputs=outputs)
    anna.setattr(site, "find", lambda _options: stack)
    shown = operator("publication")
    assert operator.code == 1
    verdict, checks = shown.split("\n\n")[:2]
    assert " ".join(verdict.split()).startswith(
        "Not ready. Of 11 checks, 8 do not hold: the addresses"
    )
    assert "FAILED  the addresses are https " in checks


class Proxy(BaseHTTPRequestHandler):
    """By which a company reaches the world: it is asked for whole addresses."""

    def do_GET(self) -> None:
        status = 200 if self.path == "http://nobody.invalid/webhook" else 502
        show(self, "text/plain", "", status)

    def log_message(self, *_args: Any) -> None:
        """Not on the terminal."""


def test_what_is_deployed_is_reached_by_the_proxy_of_the_environment(
    connected: Deployment, operator: Operator, anna: pytest.MonkeyPatch
) -> None:
    names = ("RedirectUrl", "WebhookUrl", "CallsUrl")
    outputs = {name: f"http://nobody.invalid/{name.removesuffix('Url').lower()}" for name in names}
    stack = replace(stack_of(connected), outputs=outputs)
    anna.setattr(site, "find", lambda _options: stack)
    proxy = Listener(0, Proxy)
    Thread(target=proxy.serve, daemon=True).start()
    anna.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_port}")
    checks = operator.json("publication")["checks"]
    proxy.stop()
    [seen] = [it for it in checks if it["what"] == "the webhook answers GET"]
    assert (seen["passed"], seen["seen"]) == (True, "200")


def test_a_stack_that_is_ready_says_so_first(
    connected: Deployment, operator: Operator, anna: pytest.MonkeyPatch
) -> None:
    outputs = dict.fromkeys(("RedirectUrl", "WebhookUrl", "CallsUrl"), "https://nobody.invalid/")
    stack = replace(stack_of(connected), outputs=outputs)
    anna.setattr(site, "find", lambda _options: stack)
    anna.setattr(
        publication,
        "_asked",
        lambda what, *_: publication.Check(what, passed=True, seen="so it is"),
    )
    shown = operator("publication")
    assert (operator.code, shown.splitlines()[0]) == (
        0,
        "Ready, as far as it can be looked at. Of 11 checks, all hold.",
    )
