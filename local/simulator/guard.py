"""Who may look at the page and press its buttons: this machine's own browser, and curl.

The page listens on the loopback, and yet any site that the browser has open could post a form to
it, or have a name of its own point to it and read the answer.
https://owasp.org/www-community/attacks/csrf,
https://developer.mozilla.org/en-US/docs/Web/Security/Attacks/DNS_rebinding
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from local.simulator.wire import Answer, Request

_HERE: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_OWN: Final = frozenset({"same-origin", "none"})
_DOORS: Final = [
    [name] for name in ("", "page.css", "page.js", "owner", "faults", "billing", "pbx", "time")
]
_READS: Final = frozenset({"GET", "HEAD"})

#: Nothing of another site is loaded, and none may show the page inside its own, where a visitor
#: would press a button without seeing it. The buttons lead to this machine only.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; frame-ancestors 'none'"
)


def guards(request: Request) -> bool:
    """Whether it is for the page or one of its buttons; anything else is for the platform."""
    return urlsplit(request.target).path.split("/")[1:2] in _DOORS


def refusal(request: Request) -> Answer | None:
    """The answer to a request that another site has made; None if it may go on."""
    headers = request.headers
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in _HERE and host not in _HERE:
        return _no("Open this page as http://127.0.0.1, not by another name.")
    if request.method in _READS:
        return None
    origin = headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != host
    if is_foreign or headers.get("sec-fetch-site", "none") not in _OWN:
        return _no("A button of this page is pressed on this page, or by curl.")
    return None


def _no(why: str) -> Answer:
    return Answer(
        HTTPStatus.FORBIDDEN, f"{why}\n".encode(), content_type="text/plain; charset=utf-8"
    )
