"""What Altegio has on record, as tables of the page."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final

from local.simulator import salons
from local.simulator.salons import LOCATIONS, title
from local.simulator.state import Payment
from local.simulator.telephony import Chain, PopUp

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

LATEST: Final = 12

# Of the wire, of JSON, and of a clock: no line breaks at their hyphens.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\+\d\d:\d\d)?")


def written(text: str) -> str:
    """A text as the page has it."""
    return _TIME.sub(lambda found: f"<time>{found[0]}</time>", escape(text))


def cards(simulator: "Simulator") -> str:
    """A card for each salon."""
    shown = dict.fromkeys([*LOCATIONS, *simulator.platform.locations()])
    return "".join(_card(simulator, each) for each in shown)


def spoken(status: str) -> str:
    """A status as people are told it: the wire's "freezed" is frozen."""
    return "frozen" if status == "freezed" else status


def badge(status: str) -> str:
    """A status, in its colour."""
    return f'<span class="state {spoken(status)}">{spoken(status)}</span>'


def standing(simulator: "Simulator", location_id: int) -> str:
    """How a salon stands, in sentences."""
    status = simulator.state(location_id)
    until = simulator.platform.covered_until(location_id)
    is_over = until < simulator.platform.wire_now()
    match status:
        case "pending":
            return "Pressed in the Marketplace, not yet on your page."
        case "freezed" if is_over:
            return "No payment covers this day. The next payment thaws it."
        case "freezed":
            return f"Its time was ended before {until}. The next payment thaws it."
        case "active" if not simulator.platform.paid:
            return "Connected. The application is free."
        case "active" if is_over:
            return f"Connected, but not paid since {until}: it may be frozen."
        case "active":
            paid = any(not each.is_refunded for each in simulator.payments(location_id))
            why = "Paid" if paid else f"A trial of {simulator.platform.trial_days} days,"
            return f"Connected. {why} until {until}."
    return "Not connected."


def amount(payment: Payment) -> str:
    """What was paid: JSON drops the last zero of 29.90."""
    paid = Decimal(payment.payment_sum)  # of a whole one, JSON makes an int
    number = f"{paid:.2f}" if paid.as_tuple().exponent == -1 else str(paid)
    return f"{number} {payment.currency_iso}"


def calls(simulator: "Simulator") -> str:
    """What the application asked for."""
    rows = [
        (
            f"{each.at:%H:%M:%S}",
            each.method,
            each.path,
            "none" if each.status is None else each.status,
            each.violation or (f"fault: {each.fault}" if each.fault else ""),
        )
        for each in reversed(simulator.journal[-LATEST:])
    ]
    return table(("at", "method", "path", "answer", "remark"), rows)


def webhooks(simulator: "Simulator", location_id: int | None = None) -> str:
    """What Altegio told the application; of one salon, if one is given."""
    rows = [
        (
            f"{each.sent_at:%H:%M:%S}",
            each.event,
            *(() if location_id else (title(each.location_id),)),
            each.error or each.status,
            f"{each.elapsed:.2f} s",
        )
        for each in reversed(simulator.webhooks())
        if location_id in {None, each.location_id}
    ]
    heads = ("at", "event", *(() if location_id else ("salon",)), "your answer", "took")
    of_it = '<p class="soft">Webhooks that Altegio sent about it:</p>' if location_id else ""
    return of_it + table(heads, rows[:LATEST])


def telephony(simulator: "Simulator") -> str:
    """The pop-ups and calls of each chain."""
    return "".join(_chain(simulator, each) for each in simulator.chains())


def pop_up(shown: PopUp, over: str = "") -> str:
    """The card that pops up at the reception; if the call is over, how that came."""
    client = salons.client(shown.phone)
    who = escape(client.name) if client else "New client"
    extension = f", extension {escape(shown.user)}" if shown.user else ""
    said = over or f"Incoming call, {shown.at:%H:%M:%S}"
    return (
        f'<div class="pop-up{" over" if over else ""}"><small>{escape(said)}</small><b>{who}</b>'
        f"<span>{escape(shown.phone)}</span>"
        f"<small>on the salon's line {escape(shown.line)}{extension}</small></div>"
    )


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that says so if it is empty; a phone shows each value behind its name."""
    head = "".join(f"<th>{escape(each)}</th>" for each in names)
    body = "".join(f"<tr>{_cells(names, row)}</tr>" for row in rows)
    body = body or f'<tr><td colspan="{len(names)}"><small>nothing yet</small></td></tr>'
    return (
        '<div class="scroll" tabindex="0"><table><thead>'
        f"<tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(names: Sequence[str], row: Sequence[object]) -> str:
    return "".join(
        f'<td data-name="{escape(name)}">{written(str(each))}</td>'
        for name, each in zip(names, row, strict=True)
    )


def _card(simulator: "Simulator", location_id: int) -> str:
    status = simulator.state(location_id)
    log = [
        (each.changed_at, f"{spoken(each.status_from)} → {spoken(each.status_to)}", each.source)
        for each in reversed(simulator.log(location_id))
    ]
    payments = [
        (
            each.id,
            amount(each),
            f"{each.period_from} to {each.period_to}",
            f"refunded {each.refunded_at}" if each.is_refunded else "",
        )
        for each in reversed(simulator.payments(location_id))
    ]
    connectable = status in {"uninstalled", "pending"}
    has_period = status == "active" and simulator.platform.paid
    can_pay = status in {"active", "freezed"} and simulator.platform.paid
    buttons = [
        ("grant", "Continue" if status == "pending" else "Connect", connectable),
        ("settings", "Open settings", not connectable),
        ("pay", "Pay on Altegio's page", can_pay),
        ("expire", "Let the period end", has_period),
        ("disconnect", "Disconnect", status != "uninstalled"),
    ]
    pressed = "".join(
        f'<button formaction="/owner/{action}" name="only" value="{location_id}"'
        + (' formtarget="_blank"' if action in {"grant", "settings"} else "")
        + f">{label}</button>"
        for action, label, possible in buttons
        if possible
    )
    tick = f'name="location" value="{location_id}"' + ("" if connectable else " disabled")
    return (
        f'<section class="card"><header><label><input type="checkbox" {tick}>'
        f" <b>{escape(title(location_id))}</b> <small>{location_id}</small></label>"
        f"{badge(status)}</header>"
        f"<p><small>{written(standing(simulator, location_id))}</small></p>"
        f'<p class="buttons">{pressed}</p>'
        + (table(("payment", "sum", "period", "remark"), payments) if payments else "")
        + (table(("changed", "log", "by"), log) if log else "")
        + "</section>"
    )


def _chain(simulator: "Simulator", chain: Chain) -> str:
    shown = simulator.pop_ups(chain.crm_token)[-LATEST:]
    pop_ups = [(f"{it.at:%H:%M:%S}", it.phone, it.line, it.user) for it in reversed(shown)]
    of_chain = [each for each in simulator.saved_calls() if each.crm_token == chain.crm_token]
    saved = [
        (
            f"{each.moment.astimezone(simulator.platform.zone):%Y-%m-%d %H:%M:%S}",
            each.direction,
            each.phone,
            each.line,
            each.user,
            each.status,
            f"{each.duration} s",
            each.link,
            ", ".join(map(title, each.location_ids)) or "no salon",
        )
        for each in reversed(of_chain[-LATEST:])
    ]
    is_on = simulator.telephony(chain.crm_token)
    state = ("active", "enabled") if is_on else ("", "not enabled")
    heads = ("called", "type", "phone", "line", "user", "status", "took", "recording", "shown to")
    return (
        f'<div class="card telephony"><header><b>Chain {chain.id}</b>'
        f'<span class="state {state[0]}">{state[1]}</span></header>'
        "<p><small>Telephony belongs to a chain. Altegio shows a call to every salon of the chain"
        " that has been here, until the chain's owner routes a line, or a user, to one salon in his"
        " settings.</small></p>"
        + table(("pop-up at", "phone", "line", "user"), pop_ups)
        + table(heads, saved)
        + "</div>"
    )
