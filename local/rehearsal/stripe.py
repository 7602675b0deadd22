"""What Stripe posts of the bills that are paid through it.

https://docs.stripe.com/api/invoices/object
"""

import json
from decimal import Decimal
from typing import Any

from local.rehearsal.bill import Bill


def paid(bill: Bill) -> bytes:
    """The bill's invoice was paid: a subscription's, with the location in its metadata."""
    invoice_id, _, line_id = bill.event_id.partition("#")
    start, end = (int(each.timestamp()) for each in bill.period)
    details = {"subscription": "sub_1", "subscription_item": "si_1", "proration": False}
    line = {
        "id": line_id,
        "object": "line_item",
        "amount": _cents(bill),
        "currency": bill.currency.lower(),
        "discount_amounts": [],
        "metadata": {},
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": details,
        },
        "period": {"start": start, "end": end},
        "taxes": [],
    }
    metadata = {"altegio_location_id": str(bill.location_id)}
    invoice = {
        "id": invoice_id,
        "object": "invoice",
        "amount_paid": _cents(bill),
        "billing_reason": "subscription_cycle",
        "currency": bill.currency.lower(),
        "lines": {"object": "list", "data": [line], "has_more": False},
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1", "metadata": metadata},
        },
        "status": "paid",
        "status_transitions": {"paid_at": int(bill.paid_at.timestamp())},
    }
    return _event("invoice.paid", invoice)


def given_back(bill: Bill) -> bytes:
    """A credit note of the whole of the bill's invoice was created."""
    invoice_id, _, line_id = bill.event_id.partition("#")
    credited = {
        "id": "cnli_1",
        "object": "credit_note_line_item",
        "amount": _cents(bill),
        "invoice_line_item": line_id,
        "type": "invoice_line_item",
    }
    note = {
        "id": invoice_id.replace("in_", "cn_"),
        "object": "credit_note",
        "currency": bill.currency.lower(),
        "invoice": invoice_id,
        "lines": {"object": "list", "data": [credited], "has_more": False},
        "pre_payment_amount": 0,
        "post_payment_amount": _cents(bill),
        "status": "issued",
        "total": _cents(bill),
        "type": "post_payment",
    }
    return _event("credit_note.created", note)


def _event(kind: str, about: dict[str, Any]) -> bytes:
    event_id = f"evt_{about['id']}"
    values = {"id": event_id, "object": "event", "type": kind, "livemode": True}
    return json.dumps({**values, "data": {"object": about}}, indent=2).encode()


def _cents(bill: Bill) -> int:
    return int(Decimal(bill.amount) * 100)
