"""Each shape of what billing systems post, beside siblings that differ from it in one thing.

What is stale, signed with another secret, or changed is answered 401, and nothing is stored: no
row, no letter, no message. What comes again changes nothing.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from stripe import WebhookSignature

from tests.deployment import Deployment, payment, refund
from tests.payments.stripes import (
    SECRET,
    credit,
    credit_note,
    event,
    given_back,
    invoice,
    line,
    paid,
    signed,
)

KEY = "billing-key-of-more-than-32-characters"
OTHER = SECRET.replace("0001", "0002")

STRIPES: dict[str, Any] = {
    "a paid invoice": paid(),
    "one of before 2025-03-31": event("invoice.paid", invoice(old=True), api_version="2024-06-20"),
    "of two locations": paid(line("4564", 10000, "il_1"), line("4232", 5000, "il_2")),
    "in yen": paid(line(amount=8000, currency="jpy"), currency="jpy"),
    "of no cost": paid(line(amount=0)),
    "of no location": paid(line(None)),
    "that does not add up": paid(amount_paid=90000),
    "of the test mode": {**paid(), "livemode": False},
    "a credit note": given_back(),
    "of a part": given_back(credit(100)),
    "of the balance": event(
        "credit_note.created", credit_note(customer_balance_transaction="cbtxn_1")
    ),
    "another kind": event("invoice.finalized", invoice(status="open")),
    "the vector's": '{"id":"evt_1","type":"invoice.paid"}',
}
OURS: dict[str, Any] = {
    "a payment": payment(),
    "a refund": refund(),
    "a list": [payment(), refund(), payment("inv-2")],
    "no event": {"type": "dance"},
    "no JSON": "{",
}


def _stale(body: str, at: Any) -> tuple[str, str]:
    return signed(body, at - timedelta(seconds=301))


def _early(body: str, at: Any) -> tuple[str, str]:
    return signed(body, at + timedelta(seconds=301))


def _of_another(body: str, at: Any) -> tuple[str, str]:
    return signed(body, at, OTHER)


def _changed(body: str, at: Any) -> tuple[str, str]:
    return body.replace("4564", "4232").replace("evt_1", "evt_2"), signed(body, at)[1]


def _longer(body: str, at: Any) -> tuple[str, str]:
    return body + "\n", signed(body, at)[1]


def _of_another_time(body: str, at: Any) -> tuple[str, str]:
    """The old signature, and a time of now."""
    old = signed(body, at - timedelta(hours=1))[1]
    return body, f"t={int(at.timestamp())},{old.partition(',')[2]}"


def _unsigned(body: str, _at: Any) -> tuple[str, str]:
    return body, ""


def _of_an_older_scheme(body: str, at: Any) -> tuple[str, str]:
    return body, signed(body, at)[1].replace("v1=", "v0=")


SIBLINGS = (
    *(_stale, _early, _of_another, _changed, _longer),
    *(_of_another_time, _unsigned, _of_an_older_scheme),
)


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.set_stripe_secret(SECRET)
    deployment.set_billing_key(KEY)
    deployment.connect(4564, 4232)
    deployment.drain()
    return deployment


def everything(deployment: Deployment) -> list[Any]:
    deployment.drain()
    return [
        sorted(map(str, deployment.rows("PAYMENTS_TABLE"))),
        sorted(map(str, deployment.dead_letters())),
        [deployment.simulator.payments(each) for each in (4564, 4232)],
    ]


def written(told: Any) -> str:
    return told if isinstance(told, str) else json.dumps(told)


@pytest.mark.parametrize("sibling", SIBLINGS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("name", STRIPES)
def test_what_stripe_has_not_signed_so_is_401_and_stores_nothing(
    deployment: Deployment, name: str, sibling: Callable[[str, Any], tuple[str, str]]
) -> None:
    before = everything(deployment)
    body, header = sibling(written(STRIPES[name]), deployment.clock())
    assert deployment.post_stripe(body, header)[0] == 401
    assert everything(deployment) == before


@pytest.mark.parametrize("name", STRIPES)
def test_what_stripe_has_signed_is_taken_and_a_replay_changes_nothing(
    deployment: Deployment, name: str
) -> None:
    body, header = signed(written(STRIPES[name]), deployment.clock())
    answer = deployment.post_stripe(body, header)
    assert answer[0] == (400 if name == "the vector's" else 200)
    once = everything(deployment)
    deployment.clock.advance(seconds=299)
    assert deployment.post_stripe(body, header) == answer
    again = everything(deployment)
    # A person is told of it once more, and nobody else.
    assert (again[0], again[2]) == (once[0], once[2])
    assert set(again[1]) == set(once[1])
    deployment.clock.advance(seconds=2)
    assert deployment.post_stripe(body, header)[0] == 401


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("key", ["", "guess", KEY[:-1], f"{KEY}x", KEY.upper(), SECRET])
def test_whoever_has_another_key_is_401_and_stores_nothing(
    deployment: Deployment, name: str, key: str
) -> None:
    before = everything(deployment)
    assert deployment.post_billing(OURS[name], key=key)[0] == 401
    assert deployment.look_up("inv-1", key=key)[0] == 401
    assert everything(deployment) == before


def test_the_old_key_is_void_once_it_is_taken_out(deployment: Deployment) -> None:
    deployment.set_billing_key("another-key-of-more-than-32-characters")
    deployment.restart()
    before = everything(deployment)
    assert deployment.post_billing(payment(), key=KEY)[0] == 401
    assert everything(deployment) == before


def test_stripes_signature_opens_no_other_door(deployment: Deployment) -> None:
    before = everything(deployment)
    body = json.dumps(payment())
    header = WebhookSignature.generate_signature_header(
        body, SECRET, int(deployment.clock().timestamp())
    )
    headers = {"stripe-signature": header}
    assert deployment.post_billing(body, headers=headers)[0] == 401
    assert deployment.post_billing(body, key=KEY, path="/billing/stripe")[0] == 401
    assert everything(deployment) == before


@pytest.mark.parametrize("name", ["a payment", "a refund", "a list"])
def test_what_comes_again_with_the_key_changes_nothing(deployment: Deployment, name: str) -> None:
    deployment.post_billing(payment(), key=KEY)
    assert deployment.post_billing(OURS[name], key=KEY)[0] == 202
    once = everything(deployment)
    for _ in range(3):
        assert deployment.post_billing(OURS[name], key=KEY)[0] == 202
    assert everything(deployment) == once
