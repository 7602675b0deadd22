"""Pictures and paper, by a Chromium: what a browser makes of a page.

Whatever goes wrong with it is an OSError of one line. All calls must come from one thread.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Error, Page, Playwright, Route, sync_playwright

from local import chromium
from local.rehearsal import browser

# Pixels as CSS counts them: a page about as wide as a phone shows it, and its picture is sharper.
WIDTH, LEAST_HEIGHT = 440, 560
_SHARPNESS = 1.25
_QUALITY = 50
_PATIENCE_S, _LOGO_S = 15.0, 4.0
_FOOT = (
    '<p style="width:100%;margin:0 14mm;font:7px sans-serif;color:#555">'
    '{} <span style="float:right">page <span class="pageNumber"></span> of'
    ' <span class="totalPages"></span></span></p>'
)


class Picture(NamedTuple):
    """Of a whole page; its size is in the pixels that CSS counts."""

    jpeg: bytes
    width: int
    height: int


class Camera:
    """A Chromium, once something is asked of it.

    Args:
        mask: Applied to each page of an owner before the browser sees it.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._driver: Playwright | None = None
        self._browser: Browser | None = None

    def shoot(self, page: browser.Page) -> Picture:
        """Take a picture of the very answer that the owner got, by its own policy.

        Raises:
            OSError: It cannot be taken.
        """
        html = self._mask(page.html)
        kept = ("content-type", "content-security-policy")
        headers = {name: page.headers[name] for name in kept if name in page.headers}

        def answer(route: Route) -> None:
            if route.request.is_navigation_request():
                route.fulfill(status=page.status, headers=headers, body=html)
                return
            # The provider's logo. Of a page that nobody served, the browser would not fetch it from
            # a network of his own.
            try:
                route.fulfill(response=route.fetch(timeout=_LOGO_S * 1000))
            except Error:
                route.abort()

        with self._tab() as tab:
            tab.route("**/*", answer)
            tab.goto(page.address)
            height = tab.evaluate("document.documentElement.scrollHeight")
            jpeg = tab.screenshot(type="jpeg", quality=_QUALITY, full_page=True)
            return Picture(jpeg, WIDTH, max(height, LEAST_HEIGHT))

    def print(self, page: Path, to: Path, foot: str) -> None:
        """Make a PDF of a page, as its own style says for paper.

        Args:
            page: HTML.
            to: The PDF.
            foot: A line for the foot of each page, beside its number; HTML.

        Raises:
            OSError: It cannot be made.
        """
        with self._tab() as tab:
            tab.goto(page.resolve().as_uri())
            tab.pdf(
                path=to,
                format="A4",
                print_background=True,
                display_header_footer=True,
                header_template="<p></p>",
                footer_template=_FOOT.format(foot),
                margin={"top": "12mm", "bottom": "15mm", "left": "14mm", "right": "14mm"},
            )

    def close(self) -> None:
        """End the browser."""
        with suppress(Error):  # after Ctrl-C it may be gone already
            if self._browser:
                self._browser.close()
            if self._driver:
                self._driver.stop()

    @contextmanager
    def _tab(self) -> Iterator[Page]:
        try:
            with self._open().new_context(
                locale="en",
                color_scheme="light",
                device_scale_factor=_SHARPNESS,
                viewport={"width": WIDTH, "height": LEAST_HEIGHT},
            ) as context:
                tab = context.new_page()
                tab.set_default_timeout(_PATIENCE_S * 1000)
                yield tab
        except Error as error:
            raise OSError(error.message.strip().splitlines()[0]) from error

    def _open(self) -> Browser:
        if self._browser is None:
            self._driver = self._driver or sync_playwright().start()
            self._browser = self._driver.chromium.launch(
                executable_path=chromium.executable(),
                env=dict(chromium.environment()),
                # Ctrl-C is ours: we close it.
                handle_sigint=False,
                handle_sigterm=False,
                **chromium.LAUNCHING,
            )
        return self._browser
