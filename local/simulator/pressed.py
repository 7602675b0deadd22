"""The answer to a press: a browser goes back to the page, a terminal reads one line."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from local.simulator.wire import Answer, Request

_TEXT: Final = "text/plain; charset=utf-8"


def done(said: str, *, leads: str) -> Answer:
    """It did what is said; curl prints that, and a browser goes on without showing it."""
    return Answer(HTTPStatus.SEE_OTHER, f"{said}\n".encode(), _TEXT, (("Location", leads),))


def refused(request: Request, why: str, page: Callable[[str], Answer]) -> Answer:
    """It did nothing: the page with the reason for a browser, else the reason alone."""
    why = f"{why[:1].upper()}{why[1:].rstrip('.')}."
    if "text/html" in request.headers.get("accept", ""):
        return page(why)
    return Answer(HTTPStatus.BAD_REQUEST, f"{why}\n".encode(), _TEXT)
