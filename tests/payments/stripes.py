"""Invoices and credit notes as Stripe's webhooks bring them, and its own way of signing them."""

import json
from datetime import datetime
from typing import Any

from stripe import WebhookSignature

SECRET = "whsec_" + "made-up-for-tests-of-32-signs-0001"
# 2026-11-01 and 2026-12-01, midnight in UTC.
START, END = 1_793_491_200, 1_796_083_200


def line(
    location: str | None = "4564",
    amount: int = 99099,
    line_id: str = "il_1Paid",
    *,
    old: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    """A line of an invoice; `old` is of an endpoint from before 2025-03-31."""
    values = {
        "id": line_id,
        "object": "line_item",
        "amount": amount,
        "currency": "eur",
        "discount_amounts": [],
        "metadata": {} if location is None else {"altegio_location_id": location},
        "period": {"start": START, "end": END},
    }
    if old:
        values |= {"type": "subscription", "proration": False, "tax_amounts": []}
    else:
        details = {"subscription": "sub_1Abc", "proration": False, "subscription_item": "si_1Abc"}
        values |= {
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": details,
                "invoice_item_details": None,
            },
            "taxes": [],
            "pretax_credit_amounts": [],
        }
    return {**values, **changes}


def invoice(*lines: dict[str, Any], old: bool = False, **changes: Any) -> dict[str, Any]:
    """An invoice that is paid."""
    of = lines or (line(old=old),)
    values: dict[str, Any] = {
        "id": "in_1Abc",
        "object": "invoice",
        "amount_paid": sum(it["amount"] for it in of),
        "billing_reason": "subscription_cycle",
        "currency": "eur",
        "customer_email": "anna@salon.example",
        "lines": {"object": "list", "data": list(of), "has_more": False},
        "livemode": True,
        "metadata": {},
        "status": "paid",
        "status_transitions": {"finalized_at": START + 60, "paid_at": START + 600},
        "total": sum(it["amount"] for it in of),
    }
    if old:
        values |= {"subscription": "sub_1Abc", "subscription_details": {"metadata": {}}}
    else:
        details = {"metadata": {}, "subscription": "sub_1Abc"}
        values["parent"] = {"type": "subscription_details", "subscription_details": details}
    return {**values, **changes}


def credit(amount: int = 99099, of: str | None = "il_1Paid", **changes: Any) -> dict[str, Any]:
    """A line of a credit note."""
    return {
        "id": f"cnli_{amount}",
        "object": "credit_note_line_item",
        "amount": amount,
        "invoice_line_item": of,
        "type": "custom_line_item" if of is None else "invoice_line_item",
        **changes,
    }


def credit_note(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A credit note of an invoice that was paid; the money was given back."""
    of = lines or (credit(),)
    total = sum(it["amount"] for it in of)
    return {
        "id": "cn_1Abc",
        "object": "credit_note",
        "amount": total,
        "currency": "eur",
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "invoice": "in_1Abc",
        "lines": {"object": "list", "data": list(of), "has_more": False},
        "livemode": True,
        "metadata": {},
        "out_of_band_amount": None,
        "post_payment_amount": total,
        "pre_payment_amount": 0,
        "refunds": [{"amount_refunded": total, "refund": "re_1Abc"}],
        "status": "issued",
        "total": total,
        "type": "post_payment",
        **changes,
    }


def event(kind: str, about: Any, event_id: str = "evt_1Abc", **changes: Any) -> dict[str, Any]:
    """A snapshot event."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": START + 601,
        "data": {"object": about},
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **changes,
    }


def paid(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return event("invoice.paid", invoice(*lines, **changes))


def given_back(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return event("credit_note.created", credit_note(*lines, **changes))


def signed(told: Any, at: datetime, *secrets: str) -> tuple[str, str]:
    """The body, and the header that Stripe's own library makes of it."""
    body = told if isinstance(told, str) else json.dumps(told, indent=2, ensure_ascii=False)
    seconds = int(at.timestamp())
    headers = [
        WebhookSignature.generate_signature_header(body, secret, seconds)
        for secret in secrets or (SECRET,)
    ]
    return body, ",".join([headers[0], *(it.partition(",")[2] for it in headers[1:])])
