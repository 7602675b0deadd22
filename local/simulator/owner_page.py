"""The owner's side for a person: one page, one form, no script.

The buttons are plain form posts, so curl can press them, too:

    curl -i URL/owner/grant      -d location=4564 -d location=4232 -d owner=1 -d form=comma
    curl -i URL/owner/settings   -d location=4564
    curl    URL/owner/disconnect -d location=4564 -d webhook=late
    curl    URL/owner/expire     -d location=4564
    curl    URL/owner/pay        -d location=4564
    curl    URL/owner/release

`grant` and `settings` answer 303 with the registration address. `owner` is 0 or 1; `form` and
`webhook` are those of `Simulator.grant` and `Simulator.disconnect`; `pay` is on the platform's own
page, a month for what it costs there. 400 says why it was refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from local.simulator.redirect import Owner
from local.simulator.telephony import Chain
from local.simulator.wire import Answer, Request

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

LOCATIONS: Final[Mapping[int, str]] = {
    4564: "Studio Nord",
    4232: "Studio Süd",
    4777: "Ателье «Zoë»",
    4801: "Barber & Sons",
}
OWNERS: Final = (
    Owner(),
    Owner(id=7002, name="Anna O'Neil", phone="15551230001", email="anna@example.com"),
)
FORMS: Final = ("auto", "salon_ids[]", "salon_ids[] encoded", "comma", "indexed")
PRICE: Final = Decimal("29.90")
LATEST: Final = 12

_FRAME: Final = Path(__file__).with_name("owner_page.html")


def title(location_id: int) -> str:
    """The name of a location; any number is a location."""
    return LOCATIONS.get(location_id, f"Location {location_id}")


def answer(request: Request, simulator: "Simulator") -> Answer | None:
    """The page, or what a button does; None for a request that is not the owner's."""
    path = urlsplit(request.target).path
    if path == "/" and request.method in {"GET", "HEAD"}:
        return _page(simulator)
    if not path.startswith("/owner/") or request.method != "POST":
        return None
    try:
        target = _press(path.removeprefix("/owner/"), parse_qs(request.body.decode()), simulator)
    except ValueError as refusal:
        return _page(simulator, notice=str(refusal))
    return Answer(HTTPStatus.SEE_OTHER, b"", headers=(("Location", target),))


def _press(button: str, fields: Mapping[str, Sequence[str]], simulator: "Simulator") -> str:
    # A card's own button names its location; the page's buttons take the ticked ones.
    chosen = [int(each) for each in fields.get("only", fields.get("location", []))]
    webhook, form = fields.get("webhook", ["now"])[0], fields.get("form", ["auto"])[0]
    if button == "release":
        simulator.release_webhooks()
        return "/"
    if not chosen:
        raise ValueError("Choose a location first.")
    if button in {"grant", "settings"}:
        if not simulator.redirect_url:
            raise ValueError("The application has no registration redirect address yet.")
        number = fields.get("owner", ["0"])[0]
        if number not in {str(each) for each in range(len(OWNERS))}:
            raise ValueError("There is no such owner.")
        owner = replace(OWNERS[int(number)], salon_name=title(chosen[0]))
        ask = simulator.grant if button == "grant" else simulator.redirect
        return ask(*chosen, owner=owner, form=form)
    presses: dict[str, Callable[..., object]] = {
        "disconnect": simulator.disconnect,
        "expire": simulator.expire,
        "pay": partial(simulator.pay_hosted, amount=PRICE),
    }
    if button not in presses:
        raise ValueError("There is no such button.")
    for location_id in chosen:
        presses[button](location_id, webhook=webhook)
    return "/"


def _page(simulator: "Simulator", notice: str = "") -> Answer:
    shown = dict.fromkeys([*LOCATIONS, *simulator.platform.locations()])
    owners = "".join(
        f'<option value="{n}">{escape(each.name)}, {escape(each.email)}</option>'
        for n, each in enumerate(OWNERS)
    )
    forms = "".join(f"<option>{escape(each)}</option>" for each in FORMS)
    calls = [
        (
            f"{each.at:%H:%M:%S}",
            each.method,
            each.path,
            "none" if each.status is None else each.status,
            each.violation or (f"fault: {each.fault}" if each.fault else ""),
        )
        for each in reversed(simulator.journal[-LATEST:])
    ]
    webhooks = [
        (
            f"{each.sent_at:%H:%M:%S}",
            each.event,
            each.location_id,
            each.error or each.status,
            f"{each.elapsed:.2f} s",
        )
        for each in reversed(simulator.webhooks()[-LATEST:])
    ]
    text = _FRAME.read_text("utf-8").format(
        application=simulator.application_id,
        chain=simulator.salon_group_id,
        redirect=escape(simulator.redirect_url or "not set"),
        callback=escape(simulator.callback_url or "not set"),
        notice=f'<p class="notice" role="alert">{escape(notice)}</p>' if notice else "",
        owners=owners,
        forms=forms,
        cards="".join(_card(simulator, each) for each in shown),
        telephony="".join(_telephony(simulator, each) for each in simulator.chains()),
        calls=_table(("at", "method", "path", "answer", "remark"), calls),
        webhooks=_table(("at", "event", "location", "answer", "took"), webhooks),
    )
    return Answer(
        HTTPStatus.BAD_REQUEST if notice else HTTPStatus.OK,
        text.encode(),
        content_type="text/html; charset=utf-8",
        headers=(("Cache-Control", "no-store"),),
    )


def _card(simulator: "Simulator", location_id: int) -> str:
    status = simulator.state(location_id)
    until = simulator.platform.covered_until(location_id) if status == "active" else ""
    log = [
        (each.changed_at, f"{each.status_from} → {each.status_to}", each.source)
        for each in reversed(simulator.log(location_id))
    ]
    payments = [
        (
            each.id,
            f"{each.payment_sum} {each.currency_iso}",
            f"{each.period_from} to {each.period_to}",
            f"refunded {each.refunded_at}" if each.is_refunded else "",
        )
        for each in reversed(simulator.payments(location_id))
    ]
    connectable = status in {"uninstalled", "pending"}
    buttons = [
        ("grant", "Continue" if status == "pending" else "Connect", connectable),
        ("settings", "Open settings", not connectable),
        ("pay", "Pay on the platform", status in {"active", "freezed"} and simulator.platform.paid),
        ("expire", "Let the period expire", status == "active" and simulator.platform.paid),
        ("disconnect", "Disconnect", status != "uninstalled"),
    ]
    pressed = "".join(
        f'<button formaction="/owner/{action}" name="only" value="{location_id}">{label}</button>'
        for action, label, possible in buttons
        if possible
    )
    tick = f'name="location" value="{location_id}"' + ("" if connectable else " disabled")
    return (
        f'<section class="card"><header><label><input type="checkbox" {tick}>'
        f" <b>{escape(title(location_id))}</b> <small>{location_id}</small></label>"
        f'<span class="state {status}">{status}</span></header>'
        + (f"<p><small>covered until {escape(until)}</small></p>" if until else "")
        + f'<p class="buttons">{pressed}</p>'
        + (_table(("payment", "sum", "period", ""), payments) if payments else "")
        + (_table(("changed", "log", "source"), log) if log else "")
        + "</section>"
    )


def _telephony(simulator: "Simulator", chain: Chain) -> str:
    enabled = simulator.telephony(chain.crm_token)
    pop_ups = [
        (f"{each.at:%H:%M:%S}", each.phone, each.line, each.user)
        for each in reversed(simulator.pop_ups(chain.crm_token)[-LATEST:])
    ]
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
            ", ".join(map(title, each.location_ids)) or "none",
        )
        for each in reversed(of_chain[-LATEST:])
    ]
    state = ("active", "enabled") if enabled else ("", "not enabled")
    heads = ("called", "type", "phone", "line", "user", "status", "took", "recording", "in list of")
    return (
        f'<div class="wide telephony"><header><b>Chain {chain.id}</b>'
        f'<span class="state {state[0]}">{state[1]}</span></header>'
        + _table(("pop-up at", "phone", "line", "user"), pop_ups)
        + _table(heads, saved)
        + "</div>"
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(each))}</td>" for each in row) + "</tr>" for row in rows
    )
    body = body or f'<tr><td colspan="{len(names)}"><small>nothing yet</small></td></tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
