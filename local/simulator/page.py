"""The page of the local stack: who plays what, the first minutes, and what Altegio has of it."""

from functools import cache
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from local.simulator import guide, records
from local.simulator.guard import POLICY
from local.simulator.redirect import OWNERS
from local.simulator.wire import Answer, Request

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

FORMS: Final = ("auto", "salon_ids[]", "salon_ids[] encoded", "comma", "indexed")

_FOLDER: Final = Path(__file__).parent
_FILES: Final = {"/page.css": "text/css", "/page.js": "text/javascript"}
_KEPT_NOWHERE: Final = (("Cache-Control", "no-store"),)


def answer(request: Request, simulator: "Simulator") -> Answer | None:
    """The page and what belongs to it; None for a request that is for none of that."""
    path = urlsplit(request.target).path
    if request.method not in {"GET", "HEAD"}:
        return None
    if path == "/":
        return shown(simulator)
    if path in _FILES:
        return Answer(HTTPStatus.OK, _file(path), f"{_FILES[path]}; charset=utf-8", _KEPT_NOWHERE)
    return None


def shown(simulator: "Simulator", notice: str = "") -> Answer:
    """The page as it is now; with a notice, the answer to a press that was refused."""
    text = (
        _file("/page.html")
        .decode()
        .format(
            introduction=guide.introduction(simulator),
            notice=f'<p class="notice" role="alert">{escape(notice)}</p>' if notice else "",
            guide=guide.steps(simulator),
            owners=_owners(),
            forms="".join(f"<option>{escape(each)}</option>" for each in FORMS),
            cards=records.cards(simulator),
            telephony=records.telephony(simulator),
            calls=records.calls(simulator),
            webhooks=records.webhooks(simulator),
            application=simulator.application_id,
            chain=simulator.salon_group_id,
            redirect=escape(simulator.redirect_url or "not set"),
            callback=escape(simulator.callback_url or "not set"),
        )
    )
    return framed(text, HTTPStatus.BAD_REQUEST if notice else HTTPStatus.OK)


def framed(text: str, status: int) -> Answer:
    """A page of ours, which no other site can show."""
    policy = (("Content-Security-Policy", POLICY), *_KEPT_NOWHERE)
    return Answer(status, text.encode(), "text/html; charset=utf-8", policy)


def _owners() -> str:
    return "".join(
        f'<option value="{n}">{escape(each.name)}, {escape(each.email)}</option>'
        for n, each in enumerate(OWNERS)
    )


@cache
def _file(path: str) -> bytes:
    return (_FOLDER / path.removeprefix("/")).read_bytes()
