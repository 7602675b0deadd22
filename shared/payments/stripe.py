"""What an event of Stripe means for us: pure rules, no I/O.

    invoice.paid          each line with a location becomes a payment   in_1Ab…#il_1Cd…
    credit_note.created   each line becomes a refund of that payment    cn_1Ef…#il_1Cd…

An event's own id means nothing, as the same news may come under two: the ids are those of what
was paid. Nobody is asked, so whatever an event does not tell by itself is for a person, with the
reason.

Of an endpoint made before API version 2025-03-31 the fields stand in other places; both are read.
Sources: https://docs.stripe.com/api/invoices/object, https://docs.stripe.com/api/credit_notes/object
and https://docs.stripe.com/changelog/basil/2025-03-31/adds-new-parent-field-to-invoicing-objects
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.payments import billing_event
from shared.payments.billing_event import Payment, Refund
from shared.payments.currencies import decimals

LOCATION = "altegio_location_id"
"""In the metadata of a line, or else of its subscription, or else of the invoice."""
NONE = "none"
"""There of what is known to be of no location: it is passed over without a word."""
READ = ("invoice.paid", "credit_note.created")

# Those whose amounts are in whole units, in thousandths, and in hundredths that are none any more.
# All others are in hundredths; of UGX, Stripe's pages say two things.
# https://docs.stripe.com/currencies#zero-decimal and #special-cases
_WHOLE = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
        *("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
_THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_HUNDREDTHS = frozenset({"ISK"})
_STRIPES_ID = re.compile(r"[A-Za-z0-9_]{1,90}")
_LOCATION_ID = re.compile(r"[1-9][0-9]{0,14}")
_FAR = 4_102_444_800  # 2100


class NotStripes(Exception):
    """It is no event of Stripe's."""


class Ignored(Exception):
    """There is nothing in it for us; the text says why."""


class Unclear(Exception):
    """A person has to look; the text says why, in words that quote nothing but ids."""


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened, as Stripe tells it."""

    id: str
    type: str
    is_live: bool
    object: Mapping[str, Any]
    # Of another company that takes its money by way of yours (Stripe Connect), and may write into
    # its invoices what it likes: https://docs.stripe.com/connect/webhooks
    is_of_connected: bool = False

    @property
    def letter(self) -> str:
        """What a person needs to find it at Stripe, where everything else stands.

        Not as it came: that has the customer's name and address, and may be longer than a message.
        Its fields are among those that the operator is shown (see `ops`).
        """
        ids = {"event_id": self.id, "type": self.type, "livemode": self.is_live}
        for name, at in (("object", "id"), ("invoice", "invoice")):
            if found := _id_of(self.object.get(at)):
                ids[name] = found
        return json.dumps(ids)


def read(body: bytes) -> Event:
    """The event in the body of a request.

    Raises:
        NotStripes: it is none.
    """
    try:
        values = json.loads(body)
        id_, kind, live = values["id"], values["type"], values["livemode"]
        about = values["data"]["object"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise NotStripes from None
    if not (_id_of(id_) and isinstance(kind, str) and isinstance(about, dict)):
        raise NotStripes
    kind = kind if re.fullmatch(r"[a-z0-9_.]{1,90}", kind) else "?"
    return Event(id_, kind, live is True, about, is_of_connected=bool(values.get("account")))


def events(event: Event) -> list[Payment | Refund]:
    """What it means for us, in our own words.

    Raises:
        Ignored: nothing.
        Unclear: a person has to look; none of it may be sent.
    """
    if event.is_of_connected and event.type in READ:
        raise Unclear(f"{_an_id(event.object, 'id')}: it is of a connected account, and not yours")
    match event.type:
        case "invoice.paid":
            told = _payments(event.object)
        case "credit_note.created":
            told = _refunds(event.object)
        case _:
            raise Ignored(f"only {' and '.join(READ)} are read")
    return [_checked(each) for each in told]


def _checked(told: Mapping[str, Any]) -> Payment | Refund:
    try:
        made = billing_event.read(json.dumps(told))
    except billing_event.BadEvent as error:
        raise Unclear(f"{told['event_id']}: {error}") from None
    if not isinstance(made, Payment | Refund):
        raise TypeError(told["type"])
    return made


# A paid invoice


def _payments(invoice: Mapping[str, Any]) -> list[dict[str, Any]]:
    invoice_id = _an_id(invoice, "id")
    if invoice.get("status") != "paid":
        raise Unclear(f"{invoice_id}: its status is not paid")
    amount_paid = _whole(invoice, "amount_paid")
    # Of what was paid from the customer's balance, or not by Stripe, `amount_paid` may be 0, too.
    if amount_paid == 0 and _whole(invoice, "total") == 0 and not _takes_off(invoice):
        raise Ignored("it cost nothing: what the platform makes of such a payment is not known")
    lines = [line for line in _lines(invoice) if _whole(line, "amount") != 0]
    places = [_place(line, invoice) for line in lines]
    if lines and not _goes_on(invoice) and set(places) == {NONE}:
        raise Ignored(f"its {LOCATION} says {NONE}")
    if _goes_on(invoice):
        raise Unclear(f"{invoice_id}: it has more lines than a webhook shows")
    told = [
        _payment(invoice, line, place)
        for line, place in zip(lines, places, strict=True)
        if place != NONE
    ]
    if len(told) < len(lines) and _takes_off(invoice):
        raise Unclear(f"{invoice_id}: a line of no location may take off what others cost")
    if sum(_whole(line, "amount") for line in lines) != amount_paid:
        raise Unclear(
            f"{invoice_id}: its lines do not add up to amount_paid: a discount, a tax, a balance, a"
            " credit note or a shipping cost is in it"
        )
    return told


def _payment(invoice: Mapping[str, Any], line: Mapping[str, Any], place: str) -> dict[str, Any]:
    line_id = _line_id(line)
    if not _LOCATION_ID.fullmatch(place):
        raise Unclear(f"{line_id}: {LOCATION} is " + ("no number" if place else "not in metadata"))
    if _is_prorated(line):
        raise Unclear(f"{line_id}: a proration, which is no whole period")
    if _any_of(line, "discount_amounts") or _any_of(line, "pretax_credit_amounts"):
        raise Unclear(f"{line_id}: a discount or credit, so what was paid for it is not told")
    if any(_is_on_top(tax) for tax in _listed(line, "taxes") + _listed(line, "tax_amounts")):
        raise Unclear(f"{line_id}: a tax on top, so what was paid for it is not told")
    period = _mapped(line, "period")
    start, end = _instant(period, "start"), _instant(period, "end")
    if start >= end:
        raise Unclear(f"{line_id}: it is for no period")
    return {
        "type": "payment",
        "event_id": f"{_an_id(invoice, 'id')}#{line_id}",
        "location_id": int(place),
        **_sum(invoice, _whole(line, "amount")),
        "paid_at": _instant(_mapped(invoice, "status_transitions"), "paid_at"),
        "period_from": start,
        "period_to": end,
    }


def _line_id(line: Mapping[str, Any]) -> str:
    """What a line is called by every endpoint, and by credit notes.

    Before 2019-12-03 its `id` was another and no line's alone, and this its `unique_id`.
    https://docs.stripe.com/changelog/2019-12-03/standardizes-invoice-line-item-ids
    """
    found = _id_of(line.get("unique_id")) or _an_id(line, "id")
    if not found.startswith("il_"):
        raise Unclear("id is not as Stripe's pages have it")
    return found


def _place(line: Mapping[str, Any], invoice: Mapping[str, Any]) -> str:
    """What the metadata says; empty if it says nothing."""
    parent = _mapped(invoice, "parent")
    for holder in (
        line,
        _mapped(parent, "subscription_details"),
        # Before 2025-03-31.
        _mapped(invoice, "subscription_details"),
        invoice,
    ):
        if said := _marked(holder):
            return said
    return ""


def _marked(holder: Mapping[str, Any]) -> str:
    said = _mapped(holder, "metadata").get(LOCATION)
    return said.strip() if isinstance(said, str) else ""


def _is_prorated(line: Mapping[str, Any]) -> bool:
    parent = _mapped(line, "parent")
    details = (_mapped(parent, f"{kind}_details") for kind in ("subscription_item", "invoice_item"))
    # Before 2025-03-31 in the line itself.
    return any(each.get("proration") is True for each in (line, *details))


def _is_on_top(tax: Any) -> bool:
    if not isinstance(tax, dict) or tax.get("amount") == 0:
        return False
    # Before 2025-03-31 as `inclusive`.
    return tax.get("tax_behavior") != "inclusive" and tax.get("inclusive") is not True


# A credit note


def _refunds(note: Mapping[str, Any]) -> list[dict[str, Any]]:
    note_id, invoice_id = _an_id(note, "id"), _id_of(note.get("invoice"))
    if _marked(note) == NONE:
        raise Ignored(f"its {LOCATION} says {NONE}")
    if note.get("status") == "void":
        raise Ignored("it is void")
    if not invoice_id:
        raise Unclear(f"{note_id}: it names no invoice")
    if note.get("type") != "post_payment" or note.get("pre_payment_amount"):
        raise Unclear(
            f"{note_id}: it lowered what was to be paid, so nothing was given back for it"
        )
    if note.get("customer_balance_transaction"):
        raise Unclear(f"{note_id}: it is credited to the customer's balance, and not given back")
    if _goes_on(note):
        raise Unclear(f"{note_id}: it has more lines than a webhook shows")
    credited = _credited(note)
    if sum(credited.values()) != _whole(note, "total"):
        raise Unclear(f"{note_id}: its lines do not add up to its total: a discount or a tax")
    return [
        {
            "type": "refund",
            "event_id": f"{note_id}#{line_id}",
            "payment_event_id": f"{invoice_id}#{line_id}",
            # Compared with its payment, wherever that is: a part is not given back.
            **_sum(note, amount),
        }
        for line_id, amount in credited.items()
    ]


def _credited(note: Mapping[str, Any]) -> dict[str, int]:
    """What is given back for each line of the invoice."""
    credited: dict[str, int] = {}
    for line in _lines(note):
        if amount := _whole(line, "amount"):
            line_id = _id_of(line.get("invoice_line_item"))
            if not line_id:
                raise Unclear(
                    f"{_an_id(note, 'id')}: it credits a sum, and not lines of the invoice"
                )
            credited[line_id] = credited.get(line_id, 0) + amount
    return credited


# Its fields


def _sum(about: Mapping[str, Any], amount: int) -> dict[str, str]:
    code = str(about.get("currency")).upper()
    if code in _WHOLE:
        places = 0
    elif code in _THOUSANDTHS:
        places = 3
    elif code in _HUNDREDTHS or decimals(code) == 2:  # noqa: PLR2004 - hundredths
        places = 2
    else:
        raise Unclear(
            f"{_an_id(about, 'id')}: in which unit Stripe counts its currency is not told"
        )
    return {"amount": f"{Decimal(amount).scaleb(-places):f}", "currency": code}


def _lines(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    lines = _listed(_mapped(about, "lines"), "data")
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise Unclear(f"{_an_id(about, 'id')}: it has no lines")
    return lines


def _takes_off(invoice: Mapping[str, Any]) -> bool:
    """Whether a line lowers what the others cost, such as a credit for what was not used."""
    has_lines = bool(_listed(_mapped(invoice, "lines"), "data"))
    return has_lines and any(_whole(line, "amount") < 0 for line in _lines(invoice))


def _goes_on(about: Mapping[str, Any]) -> bool:
    return _mapped(about, "lines").get("has_more") is not False


def _any_of(line: Mapping[str, Any], name: str) -> bool:
    return any(not isinstance(it, dict) or it.get("amount") != 0 for it in _listed(line, name))


def _mapped(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _listed(values: Mapping[str, Any], name: str) -> list[Any]:
    found = values.get(name)
    return found if isinstance(found, list) else []


def _whole(values: Mapping[str, Any], name: str) -> int:
    found = values.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise Unclear(f"{name} is not as Stripe's pages have it")
    return found


def _instant(values: Mapping[str, Any], name: str) -> str:
    seconds = _whole(values, name)
    if not 0 < seconds < _FAR:
        raise Unclear(f"{name} is not as Stripe's pages have it")
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _an_id(values: Mapping[str, Any], name: str) -> str:
    if found := _id_of(values.get(name)):
        return found
    raise Unclear(f"{name} is not as Stripe's pages have it")


def _id_of(value: Any) -> str:
    """What Stripe calls something, which may be there as a whole; empty if it is nothing such."""
    said = value.get("id") if isinstance(value, dict) else value
    return said if isinstance(said, str) and _STRIPES_ID.fullmatch(said) else ""
