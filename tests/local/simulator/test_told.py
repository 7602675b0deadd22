"""What the simulated platform tells: its redirect, its webhooks, its own payments."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from local.simulator import Owner, Simulator
from local.simulator.webhooks import payment_sign
from tests.local.simulator.app import (
    NORD,
    SUED,
    App,
    Inbox,
    connect,
    steps,
)

# The redirect

BEFORE = "https://app.example/connect?from=altegio&salon_group_id=2001&crm_token={}&"


@pytest.mark.parametrize(
    ("locations", "form", "spelled"),
    [
        ((4564,), "auto", "salon_id=4564"),
        ((4564, 4232), "auto", "salon_ids[]=4564&salon_ids[]=4232"),
        ((4564,), "salon_id", "salon_id=4564"),
        ((4564,), "salon_ids[]", "salon_ids[]=4564"),
        ((4564, 4232), "salon_ids[] encoded", "salon_ids%5B%5D=4564&salon_ids%5B%5D=4232"),
        ((4564, 4232), "comma", "salon_ids=4564,4232"),
        ((4564, 4232), "indexed", "salon_ids[0]=4564&salon_ids[1]=4232"),
    ],
)
def test_the_redirect_spells_its_locations(
    sim: Simulator, locations: tuple[int, ...], form: str, spelled: str
) -> None:
    address = sim.grant(*locations, form=form)
    assert address.startswith(BEFORE.format(sim.crm_token) + spelled + "&user_data=")
    assert sim.redirect(*locations, form=form) == address
    assert {sim.state(each) for each in locations} == {"pending"}
    query = dict(parse_qsl(urlsplit(address).query))
    text = base64.urlsafe_b64decode(query["user_data"])
    sign = hmac.new(b"local-partner-token", text, hashlib.sha256).hexdigest()
    assert query["user_data_sign"] == sign
    fields = ["id", "name", "phone", "email", "is_approved", "avatar", "salon_name"]
    assert list(json.loads(text)) == fields


def test_the_default_owner_needs_the_url_safe_alphabet(sim: Simulator) -> None:
    [data] = parse_qs(urlsplit(sim.redirect(NORD)).query)["user_data"]
    assert {"-", "_", "="} <= set(data)
    assert b"\\" not in base64.urlsafe_b64decode(data)


def test_a_redirect_needs_locations_and_a_known_form(sim: Simulator) -> None:
    for locations, form in [((), "auto"), ((1, 2), "salon_id"), ((1,), "json")]:
        with pytest.raises(ValueError, match=r"location|form"):
            sim.grant(*locations, form=form)
    assert sim.state(1) == "uninstalled"


def test_user_data_is_signed_as_documented() -> None:
    owner = Owner(7, "Zoë ÿÿ", "15551230000", "z@example.com", True, "", "Тест?>~")
    with Simulator(partner_token="owned-partner-token", redirect_url="https://a.example/") as sim:
        query = dict(parse_qsl(urlsplit(sim.redirect(NORD, owner=owner)).query))
    assert query["user_data"] == (
        "eyJpZCI6NywibmFtZSI6Ilpvw6sgw7_DvyIsInBob25lIjoiMTU1NTEyMzAwMDAiLCJlbWFpbCI6InpAZXhhbX"
        "BsZS5jb20iLCJpc19hcHByb3ZlZCI6dHJ1ZSwiYXZhdGFyIjoiIiwic2Fsb25fbmFtZSI6ItCi0LXRgdGCPz5-"
        "In0="
    )
    assert query["user_data_sign"] == (
        "96edc690fbfd0ee427555979a05829459c146c0befac4abf27ea3d4a6f33bc46"
    )


# Webhooks


def test_a_webhook_says_four_things(sim: Simulator, inbox: Inbox) -> None:
    sim.grant(NORD, private=True)
    sim.expire(NORD)
    sim.wait_webhooks()
    assert inbox.bodies == [
        {
            "salon_id": NORD,
            "application_id": 101,
            "event": "freeze",
            "partner_token": "local-partner-token",
        }
    ]
    [delivery] = sim.webhooks()
    assert (delivery.event, delivery.location_id) == ("freeze", NORD)
    assert (delivery.status, delivery.error) == (200, "")
    assert delivery.body == inbox.bodies[0]
    assert delivery.elapsed > 0


@pytest.mark.parametrize(
    ("mode", "before", "after"), [("now", 1, 1), ("twice", 2, 2), ("late", 0, 1), ("never", 0, 0)]
)
def test_webhooks_come_once_twice_late_or_never(
    sim: Simulator, inbox: Inbox, mode: str, before: int, after: int
) -> None:
    sim.grant(NORD)
    sim.disconnect(NORD, webhook=mode)
    assert sim.state(NORD) == "uninstalled"
    sim.wait_webhooks()
    assert len(inbox.bodies) == before
    sim.release_webhooks()
    sim.wait_webhooks()
    assert len(inbox.bodies) == after
    sim.disconnect(NORD)
    sim.wait_webhooks()
    assert len(inbox.bodies) == len(sim.webhooks()) == after


def test_a_webhook_is_never_tried_again(sim: Simulator, inbox: Inbox) -> None:
    inbox.status = 500
    sim.grant(NORD, SUED, 1, 2, private=True)
    sim.disconnect(NORD)
    sim.wait_webhooks()
    for location_id, address in [(SUED, "http://127.0.0.1:1/"), (1, ""), (2, "http://[/")]:
        sim.callback_url = address
        sim.disconnect(location_id)
        sim.wait_webhooks()
    first, refused, homeless, wrong = sim.webhooks()
    assert (first.status, first.error) == (500, "")
    assert (refused.status, refused.error.split(":")[0]) == (None, "ConnectionRefusedError")
    assert (homeless.status, homeless.error) == (None, "the application has no callback_url")
    assert (wrong.status, wrong.error.split(":")[0]) == (None, "ValueError")
    assert len(inbox.bodies) == 1


def test_an_unknown_mode_changes_nothing(sim: Simulator) -> None:
    sim.grant(NORD, private=True)
    for act in (sim.disconnect, sim.expire, partial(sim.pay_hosted, amount=Decimal(1))):
        with pytest.raises(ValueError, match="webhook mode"):
            act(NORD, webhook="soon")
    assert sim.state(NORD) == "active"
    assert sim.payments(NORD) == []


# The payment on the platform's own page


def test_a_hosted_payment_is_listed_thaws_and_is_told(
    sim: Simulator, app: App, inbox: Inbox
) -> None:
    sim.platform.now = lambda: datetime(2026, 11, 1, 10, 10, tzinfo=UTC)
    connect(sim, app)
    sim.expire(NORD, webhook="never")
    paid = sim.pay_hosted(NORD, Decimal("990.99"), "USD", discount=Decimal("15.5"), days=1)
    sim.wait_webhooks()
    assert sim.state(NORD) == "active"
    assert steps(sim)[-1] == ("freezed", "active", "marketplace")
    [listed] = app.status().json()["data"]["payments"]
    assert (listed["id"], listed["payment_sum"], listed["currency_iso"]) == (paid, 990.99, "USD")
    assert inbox.bodies == [
        {
            "salon_id": NORD,
            "application_id": 101,
            "event": "payment",
            "partner_token": "local-partner-token",
            "payment_id": paid,
            "amount": 990.99,
            "currency_iso": "USD",
            "discount": 15.5,
            "period_from": "2026-11-01 10:10:00",
            "period_to": "2026-11-02 10:09:59",
            "payment_date": "2026-11-01 10:10:00",
            "tariff_option_id": None,
            "sign": _signed(f"salon_id={NORD}&amount=990.99&discount=15.5"),
        }
    ]
    assert [delivery.event for delivery in sim.webhooks()] == ["payment"]
    assert sim.calls("payment") == []


@pytest.mark.parametrize(
    ("amount", "discount", "signed"),
    [
        ("100.00", None, "amount=100"),
        ("990.90", "0.00", "amount=990.9&discount=0"),
        ("29.90", "5", "amount=29.9&discount=5"),
    ],
)
def test_a_hosted_payment_is_signed_as_documented(
    sim: Simulator, amount: str, discount: str | None, signed: str
) -> None:
    sim.grant(NORD, private=True)
    reduced = Decimal(discount) if discount else None
    paid = sim.pay_hosted(NORD, Decimal(amount), discount=reduced, webhook="never")
    event = sim.payment_event(NORD, paid, reduced)
    assert event["sign"] == _signed(f"salon_id={NORD}&{signed}")
    sim.partner_token = "rotated"
    renewed = sim.payment_event(NORD, paid, reduced)
    assert renewed["partner_token"] == "rotated"
    assert renewed["sign"] == _signed(f"salon_id={NORD}&{signed}", b"rotated")


def test_the_sign_is_the_public_one() -> None:
    assert payment_sign(55, 100, 5, "owned-partner-token") == (
        "35d3e8d3afb94abaadc84b2261f992a01a7e7b84504ea2df4985afa8e85c6a1a"
    )


def _signed(message: str, token: bytes = b"local-partner-token") -> str:
    return hmac.new(token, message.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("mode", "before", "after"), [("now", 1, 1), ("twice", 2, 2), ("late", 0, 1), ("never", 0, 0)]
)
def test_a_hosted_payment_is_told_once_twice_late_or_never(
    sim: Simulator, inbox: Inbox, mode: str, before: int, after: int
) -> None:
    sim.grant(NORD, private=True)
    paid = sim.pay_hosted(NORD, Decimal(1), webhook=mode)
    for count in (before, after):
        sim.wait_webhooks()
        assert [body["payment_id"] for body in inbox.bodies] == [paid] * count
        sim.release_webhooks()
    assert [payment.id for payment in sim.payments(NORD)] == [paid]


def test_only_who_has_the_application_pays_for_it(sim: Simulator, inbox: Inbox) -> None:
    sim.grant(NORD)
    for location_id in (NORD, SUED):
        with pytest.raises(ValueError, match="not installed"):
            sim.pay_hosted(location_id, Decimal(1))
        assert sim.payments(location_id) == []
    sim.wait_webhooks()
    assert inbox.bodies == []
