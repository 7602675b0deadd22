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
page, a month for what it costs there. Each says what it did; 400 says why it did nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from local.simulator import page, pressed
from local.simulator.neighbours import Doing
from local.simulator.redirect import OWNERS
from local.simulator.salons import title
from local.simulator.wire import Answer, Request

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

PRICE: Final = Decimal("29.90")


_WEBHOOK: Final[Mapping[str, str]] = {
    "now": "Altegio tells your backend by a webhook.",
    "late": "Altegio keeps the webhook back that would tell your backend.",
    "never": "The webhook that would tell your backend is lost.",
    "twice": "Altegio tells your backend by a webhook, twice.",
}


def answer(request: Request, simulator: "Simulator") -> Answer | None:
    """What a button does; None for a request that is not the owner's."""
    path = urlsplit(request.target).path
    if not path.startswith("/owner/") or request.method != "POST":
        return None
    button, fields = path.removeprefix("/owner/"), parse_qs(request.body.decode())
    try:
        if button == "release":
            return pressed.done(_release(simulator), leads="/")
        # A card's own button names its location; the page's buttons take the ticked ones.
        chosen = _locations(fields.get("only", fields.get("location", [])))
        if button in {"grant", "settings"}:
            address = _address(button, chosen, fields, simulator)
            return pressed.done(f"Open this, as the owner's browser does: {address}", leads=address)
        said = _press(button, chosen, fields.get("webhook", ["now"])[0], simulator)
    except ValueError as refusal:
        return pressed.refused(request, str(refusal), partial(page.shown, simulator))
    return pressed.done(" ".join(said), leads="/")


def _locations(texts: Sequence[str]) -> list[int]:
    if not texts:
        raise ValueError("Choose a location first.")
    for text in texts:
        if not text.isascii() or not text.isdecimal():
            raise ValueError(f"A location is a number, not {text!r}.")
    return list(map(int, texts))


def _address(
    button: str, chosen: Sequence[int], fields: Mapping[str, Sequence[str]], simulator: "Simulator"
) -> str:
    if not simulator.redirect_url:
        raise ValueError("The application has no registration redirect address yet.")
    number = fields.get("owner", ["0"])[0]
    if number not in {str(each) for each in range(len(OWNERS))}:
        raise ValueError("There is no such owner.")
    owner = replace(OWNERS[int(number)], salon_name=title(chosen[0]))
    ask = simulator.grant if button == "grant" else simulator.redirect
    return ask(*chosen, owner=owner, form=fields.get("form", ["auto"])[0])


def _press(
    button: str, chosen: Sequence[int], webhook: str, simulator: "Simulator"
) -> Sequence[str]:
    """What it did, in each of the locations."""
    presses: dict[str, Callable[[Simulator, int, str], str]] = {
        "disconnect": _disconnect,
        "expire": _expire,
        "pay": _pay,
    }
    if button not in presses:
        raise ValueError("There is no such button.")
    said = list[str]()
    for each in chosen:
        try:
            said.append(presses[button](simulator, each, webhook))
        except ValueError as refusal:
            if not said:
                raise
            # Of what was done before, not even a refusal says that nothing was.
            said.append(str(refusal))
    return said


def _disconnect(simulator: "Simulator", location_id: int, webhook: str) -> str:
    if not simulator.disconnect(location_id, webhook=webhook):
        return f"{title(location_id)} is not connected, so nothing has happened."
    return f"{title(location_id)} is disconnected. {_told(simulator, webhook)}"


def _expire(simulator: "Simulator", location_id: int, webhook: str) -> str:
    status = simulator.state(location_id)
    if status != "active":
        how = "frozen already" if status == "freezed" else "not connected"
        raise ValueError(f"{title(location_id)} is {how}: no time of it can end.")
    simulator.expire(location_id, webhook=webhook)
    said = f"The paid time of {title(location_id)} is over, and Altegio has frozen it."
    return _noted(
        simulator,
        f"{said} {_told(simulator, webhook)} Once it knows, a call pops up no card."
        " Bill in step 2, and Altegio thaws it.",
        location_id,
    )


def _pay(simulator: "Simulator", location_id: int, webhook: str) -> str:
    number = simulator.pay_hosted(location_id, PRICE, webhook=webhook)
    said = f"The owner of {title(location_id)} has paid {PRICE} EUR on Altegio's own page"
    return f"{said}, as payment {number}. {_told(simulator, webhook)}"


def _release(simulator: "Simulator") -> str:
    count = simulator.release_webhooks()
    if not count:
        return _noted(simulator, "Altegio has kept no webhook back, so none is sent.")
    of_them = "the webhook" if count == 1 else f"the {count} webhooks"
    return _noted(simulator, f"Altegio sends {of_them} that it has kept back.")


def _told(simulator: "Simulator", webhook: str) -> str:
    return _WEBHOOK[simulator.webhook_mode if webhook == "now" else webhook]


def _noted(simulator: "Simulator", said: str, location_id: int = 0) -> str:
    """What time brought stands on the page, beside the button."""
    if simulator.neighbours:
        simulator.neighbours.note(Doing("time", said, datetime.now(UTC), location_id))
    return said
