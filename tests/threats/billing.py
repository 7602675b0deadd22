"""Attacks on what billing systems post, and on Stripe's webhook."""

import json
from typing import Any

import pytest

from functions.billing import api
from shared.aws.keys import Keys
from shared.payments import stripe, stripe_door
from shared.payments.door import BillingDoor, TooOften
from shared.payments.stripe_signature import Secret
from tests.deployment import Deployment, payment
from tests.payments.stripes import SECRET, paid, signed
from tests.threats.threat import patch, threat

_BILLING = "billing-key-of-more-than-32-characters"


def _reported(deployment: Deployment, *location_ids: int) -> bool:
    """Whether the platform was told of any payment."""
    deployment.drain()
    deployment.let_time_pass(5)
    return any(deployment.simulator.payments(it) for it in location_ids)


@threat("Somebody else speaks for the billing system", patch(Keys, "fits", lambda *_: True))
def speaks_for_billing(deployment: Deployment) -> bool:
    deployment.set_billing_key(_BILLING)
    deployment.connect(4564)
    for key in ("", "guessed", _BILLING[:-1]):
        deployment.post_billing(payment(), key=key)
    return _reported(deployment, 4564)


def _everybody_is_counted(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    admits = BillingDoor.admits

    def counted(door: BillingDoor, key: str) -> bool:
        try:
            door.take_turn()
        except TooOften:
            return False
        return admits(door, key)

    patches.setattr(BillingDoor, "admits", counted)


@threat(
    "Strangers ask `/billing` so often that the company's own billing is turned away",
    _everybody_is_counted,
)
def asks_billing_without_end(deployment: Deployment) -> bool:
    deployment.set_billing_key(_BILLING)
    answered = []
    for number in range(10):
        for _ in range(10):
            deployment.post_billing(payment(), key="guessed")
            deployment.look_up("inv-1", key="")
        answered.append(deployment.post_billing(payment(f"inv-{number}"), key=_BILLING)[0])
        deployment.clock.advance(seconds=0.1)
    return answered != [202] * 10


def _signed_by_anybody(_secrets: Any, _header: str, _body: bytes, _now: Any) -> Secret:
    return Secret(SECRET)


@threat(
    "Somebody writes an event of Stripe's himself",
    patch(stripe_door, "signed_with", _signed_by_anybody),
)
def forges_an_event(deployment: Deployment) -> bool:
    deployment.set_stripe_secret(SECRET)
    deployment.connect(4564)
    body, header = signed(paid(), deployment.clock(), SECRET.replace("0001", "0002"))
    deployment.post_stripe(body, header)
    deployment.post_stripe(body, "")
    return _reported(deployment, 4564)


@threat(
    "A captured event of Stripe's is changed, or sent again later",
    patch(stripe_door, "signed_with", _signed_by_anybody),
)
def changes_an_event(deployment: Deployment) -> bool:
    deployment.set_stripe_secret(SECRET)
    deployment.connect(4564)
    body, header = signed(paid(), deployment.clock())
    deployment.post_stripe(body.replace("in_1Abc", "in_2Abc"), header)
    deployment.clock.advance(minutes=6)
    deployment.post_stripe(body, header)
    return _reported(deployment, 4564)


@threat(
    "An event of Stripe's test mode is taken for money",
    patch(stripe_door, "signed_with", lambda *_: Secret(SECRET, is_test=True)),
)
def pays_with_a_test(deployment: Deployment) -> bool:
    deployment.set_stripe_secret(SECRET)
    deployment.connect(4564)
    body, header = signed({**paid(), "livemode": False}, deployment.clock())
    deployment.post_stripe(body, header)
    return _reported(deployment, 4564)


@threat(
    "Somebody has payments reported that another company of your Stripe account got",
    patch(stripe, "READ", ()),
)
def pays_a_connected_account(deployment: Deployment) -> bool:
    deployment.set_stripe_secret(SECRET)
    deployment.connect(4564)
    body, header = signed({**paid(), "account": "acct_1Other"}, deployment.clock())
    deployment.post_stripe(body, header)
    return _reported(deployment, 4564)


@threat(
    "One request of a billing system holds so much that it keeps us busy",
    lambda patches, _deployment: (
        patches.setattr(api, "MOST_EVENTS", 10**9),
        patches.setattr(api, "LONGEST_BODY", 10**9),
    ),
)
def posts_a_bomb(deployment: Deployment) -> bool:
    deployment.set_billing_key(_BILLING)
    events = [payment(f"inv-{number}") for number in range(101)]
    # Until one is taken: what comes of a hundred thousand, nobody wants to wait for.
    is_taken = any(
        deployment.post_billing(body, key=_BILLING)[0] in (200, 202)
        for body in (json.dumps(events), "[" + "1," * 150_000 + "1]", "[" * 200_000)
    )
    return is_taken or bool(deployment.rows("PAYMENTS_TABLE"))
