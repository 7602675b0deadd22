"""Rights, by what functions call while they run, and as moto's IAM reads their policies.

test_rights.py compares the same policies with the code as text. Here neither what is called nor
what is allowed is read by us: the handlers run, SAM renders the roles, and moto decides.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from moto.iam.access_control import IAMPolicy, PermissionResult

from local.simulator import Owner, Simulator
from local.stack.template import ACCOUNT_ID, STREAM, _Resolver
from shared.payments.door import REQUESTS_AT_ONCE
from tests.calls.telling import end, prove, ring, settle
from tests.chaos import lives, runs
from tests.deployment import TEMPLATE, Clock, Deployment, payment, refund
from tests.house.called import Call, arn, recorded
from tests.memory import Memory
from tests.memory.session import Session
from tests.payments.stripes import SECRET, paid, signed

MAIL_FROM = "codes@provider.example"
BILLING_KEY = "billing-key-of-more-than-32-characters"
PORTAL_KEY = "portal-key-of-more-than-32-characters"
ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
PACE = {"PACE_PER_S": "5", "PACE_PER_MIN": "200"}
# Schedules of the money and lives of locations, which take the ways that only failures open.
SEEDS = range(8)

type Statement = dict[str, Any]


@cache
def resolver() -> _Resolver:
    values = {**TEMPLATE.parameters, "ApplicationId": "101", "MailFrom": MAIL_FROM}
    return _Resolver(TEMPLATE._document, values, "http://sqs", "https://api", "us-east-1")


def _of(kind: str) -> dict[str, Any]:
    return {
        name: resource["Properties"]
        for name, resource in TEMPLATE._document["Resources"].items()
        if resource["Type"] == kind
    }


@cache
def statements() -> dict[str, list[Statement]]:
    """All statements of the role that each function runs as, one action in each."""
    roles, found = _of("AWS::IAM::Role"), {}
    for name, function in _of("AWS::Lambda::Function").items():
        role = roles[function["Role"]["Fn::GetAtt"][0]]
        assert "ManagedPolicyArns" not in role
        found[name.removesuffix("Function").lower()] = [
            {**statement, "Action": action}
            for policy in resolver().value(role["Policies"])
            for statement in policy["PolicyDocument"]["Statement"]
            for action in _listed(statement["Action"])
        ]
    return found


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def is_allowed(call: Call, policy: list[Statement]) -> bool:
    document = {"Version": "2012-10-17", "Statement": policy}
    permitted = IAMPolicy(json.dumps(document)).is_action_permitted(
        call.action, call.resource, incoming_condition_values=dict(call.context)
    )
    return permitted is PermissionResult.PERMITTED


def by_lambda() -> Iterator[Call]:
    """What Lambda itself asks for, as the function: to write logs, to take from queues and streams.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
    """
    wired = TEMPLATE.wire({"ApplicationId": "101"}, endpoint_url="http://sqs", api_url="")
    for name, function in wired.functions.items():
        stream = arn("logs", f"log-group:{function.log_group}:log-stream:2026/11/01/[$LATEST]0")
        for action in ("CreateLogStream", "PutLogEvents"):
            yield Call(name.removesuffix("Function").lower(), f"logs:{action}", stream)
    for mapping in wired.mappings:
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            taker = mapping.function.removesuffix("Function").lower()
            yield Call(taker, f"sqs:{action}", wired.queues[mapping.queue].arn)
    for source in wired.streams:
        reader = source.function.removesuffix("Function").lower()
        where = arn("dynamodb", f"table/{wired.tables[source.table].name}/stream/{STREAM}")
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"):
            yield Call(reader, f"dynamodb:{action}", where)
        yield Call(reader, "sqs:SendMessage", wired.queues[source.dead_letters].arn)


@pytest.fixture(scope="module")
def calls() -> frozenset[Call]:
    """Of a broad run through the handlers, and of Lambda."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = Clock()
        memory = Memory(clock)
        monkeypatch.setattr("shared.clock.now", clock)
        monkeypatch.setattr("shared.clock.sleep", lambda seconds: clock.advance(seconds=seconds))
        monkeypatch.setattr("boto3.Session", lambda: memory)
        monkeypatch.setattr("shared.aws.session.get_session", lambda: Session(memory.client))
        with (
            Simulator(redirect_url="https://provider.example/connect") as simulator,
            recorded(memory) as called,
        ):
            simulator.platform.now = clock
            deployment = Deployment(simulator, clock, monkeypatch)
            live(deployment)
    with recorded(memory) as in_worlds:
        for seed in SEEDS:
            assert not runs.run(seed).wrong
            assert not lives.run(seed).wrong
    return frozenset(called | in_worlds | set(by_lambda()))


def live(deployment: Deployment) -> None:
    """From the owner's first click to the erasure of what we knew of him."""
    # As on AWS: with a census, and with turns to wait for.
    settings = {"MAIL_FROM": MAIL_FROM, "CENSUS_EVERY_S": "86400", **PACE}
    deployment.restart(**settings)
    page = deployment.connect(4564, 4232, owner=ANNA)
    deployment.reconcile()
    prove(deployment, page.pbx_key)
    ring(deployment, page.pbx_key)
    # Several at once, which wait for their turns; then the platform says 429, and nobody has one.
    for number in range(3):
        end(deployment, page.pbx_key, call_id=f"c-{number}", phone=f"+1315555020{number}")
    settle(deployment)
    deployment.simulator.fault("history", "status", status=429)
    for number in (4, 5):
        end(deployment, page.pbx_key, call_id=f"c-{number}", phone=f"+1315555020{number}")
    settle(deployment)
    deployment.let_time_pass(3)
    deployment.bill(payment())
    deployment.bill(payment("inv-2", amount="12.50"))
    deployment.bill(refund(of="inv-2"))
    deployment.bill("{")
    deployment.set_billing_key(BILLING_KEY)
    deployment.set_stripe_secret(SECRET)
    assert deployment.post_billing(payment("inv-3"), key=BILLING_KEY)[0] == 202
    assert deployment.look_up("inv-3", key=BILLING_KEY)[0] == 200
    # Until billing has used up its allowance.
    asked = {deployment.look_up("inv-3", key=BILLING_KEY)[0] for _ in range(REQUESTS_AT_ONCE)}
    assert asked == {200, 429}
    for told in (paid(), paid(amount_paid=1)):
        body, header = signed(told, deployment.clock())
        assert deployment.post_stripe(body, header)[0] == 200
    deployment.drain()
    deployment.take_call("{")
    deployment.webhook(deployment.hosted(4564))
    deployment.let_time_pass(5)
    deployment.tell()
    shown = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    sent = deployment.post({**shown.fields, "action": "code"})
    proven = deployment.post({**sent.fields, "action": "prove", "code": deployment.code()})
    for line, location_id in (("+13155550198", 4564), ("+13155550199", 4232)):
        end(deployment, page.pbx_key, call_id=line, location_id=None, line=line)
        entry = {"ticket": proven.fields["ticket"], "action": "line", "line": line}
        deployment.post({**entry, "location": str(location_id)})
    entry = {"ticket": proven.fields["ticket"], "action": "letter", "location": "4564"}
    assert 'data-letter="wanted"' in deployment.post(entry).text
    deployment.let_time_pass(3)
    portal(deployment, page.pbx_key, settings)
    missed(deployment, page.pbx_key)
    for location_id in (4564, 4232):
        deployment.simulator.disconnect(location_id, webhook="never")
        deployment.webhook(deployment.event(location_id))
    deployment.let_time_pass(5)
    deployment.clock.advance(days=31)
    deployment.let_time_pass(5)


def missed(deployment: Deployment, key: str) -> None:
    """The letter of the next morning."""
    sent = len(deployment.letters)
    waiting: Any = {"call_id": "waits", "phone": "+13155550198", "answered": False, "duration_s": 0}
    end(deployment, key, **waiting)
    deployment.clock.advance(days=1)
    deployment.let_time_pass(5)
    assert len(deployment.letters) == sent + 1


def portal(deployment: Deployment, key: str, settings: dict[str, str]) -> None:
    """A company's server looks, and is done with somebody who was missed."""
    deployment.set_portal_key(PORTAL_KEY)
    deployment.restart(**settings, PORTAL_URL="https://portal.example")
    status, _ = deployment.ask("GET", "/connections", query="ticket=t&account_id=a", key=PORTAL_KEY)
    assert status not in (401, 404)
    account = deployment.accounts.of_id(deployment.connection(4564).account_id or "")
    assert account
    assert deployment.accounts.hand_over(account, "acme-1", deployment.clock())
    end(deployment, key, call_id="missed", answered=False, duration_s=0)
    press = {"account_id": "acme-1", "location_id": 4564, "phone": "+13155550175", "name": "Zoë"}
    press["until"] = deployment.clock().isoformat()
    assert deployment.ask("POST", "/missed", press, key=PORTAL_KEY)[0] == 200


def test_whatever_a_function_calls_it_may(calls: frozenset[Call]) -> None:
    assert {call.function for call in calls} == set(statements())
    assert [it for it in sorted(calls) if not is_allowed(it, statements()[it.function])] == []


def test_each_right_that_is_taken_away_is_missed(calls: frozenset[Call]) -> None:
    """The test of the test, and more: a right that nobody misses is one too many."""
    idle = []
    for function, policy in statements().items():
        own = [call for call in calls if call.function == function]
        for gone in policy:
            rest = [statement for statement in policy if statement is not gone]
            if all(is_allowed(call, rest) for call in own):
                idle.append((function, gone["Action"], gone["Resource"]))
    assert idle == [], "\n".join(map(str, idle))


def test_what_is_of_others_is_denied(calls: frozenset[Call]) -> None:
    """The same calls, on the resources of another account; and letters in another's name."""
    for call in calls:
        of_another = call._replace(resource=call.resource.replace(ACCOUNT_ID, "999999999999"))
        assert not is_allowed(of_another, statements()[call.function])
    letters = [call for call in calls if call.action == "ses:SendEmail"]
    assert letters
    for letter in letters:
        of_another = letter._replace(context=(("ses:FromAddress", "boss@provider.example"),))
        assert not is_allowed(of_another, statements()[letter.function])
