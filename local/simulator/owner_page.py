"""The owner's buttons: what somebody does who has the salons.

They are plain form posts, so curl can press them, too:

    curl -i URL/owner/grant      -d location=4564 -d location=4232 -d owner=1 -d form=comma
    curl -i URL/owner/settings   -d location=4564
    curl    URL/owner/disconnect -d location=4564 -d webhook=late
    curl    URL/owner/expire     -d location=4564
    curl    URL/owner/pay        -d location=4564
    curl -X POST URL/owner/release

`grant` and `settings` answer 303 with the registration address. `owner` is 0 or 1; `form` and
`webhook` are those of `Simulator.grant` and `Simulator.disconnect`; `pay` is on the platform's own
page, a month for what it costs there. 400 says why it was refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from local.simulator import page
from local.simulator.redirect import OWNERS
from local.simulator.salons import title
from local.simulator.wire import Answer, Request

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

PRICE: Final = Decimal("29.90")


def answer(request: Request, simulator: "Simulator") -> Answer | None:
    """What a button does; None for a request that is not the owner's."""
    path = urlsplit(request.target).path
    if not path.startswith("/owner/") or request.method != "POST":
        return None
    try:
        target = _press(path.removeprefix("/owner/"), parse_qs(request.body.decode()), simulator)
    except ValueError as refusal:
        return page.shown(simulator, notice=str(refusal))
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
