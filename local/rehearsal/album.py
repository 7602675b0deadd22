"""The pages that owners saw, each once, with a picture of it where there is a Chromium.

A picture is what a browser makes of the very answer that the owner got, with its policy, without
what the mask takes out. It is taken while the rehearsal waits for something else.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from playwright.sync_api import Browser, Error, Playwright, Route, sync_playwright

from local import chromium
from local.rehearsal.browser import Page
from local.rehearsal.stage import Sight

WHY_NONE = "there is no Chromium on this machine; `make build/chromium/.done` unpacks one"

# Pixels as CSS counts them: a page about as wide as a phone shows it, and its picture is sharper.
WIDTH, LEAST_HEIGHT = 440, 560
_SHARPNESS = 1.5
_PATIENCE_S = 15.0
_QUALITY = 60
_FOOT = (
    '<p style="width:100%;margin:0 14mm;font:7px sans-serif;color:#555">'
    '{} <span style="float:right">page <span class="pageNumber"></span> of'
    ' <span class="totalPages"></span></span></p>'
)


class Picture(NamedTuple):
    """Of a whole page, `WIDTH` wide; its height counts the same pixels."""

    jpeg: bytes
    height: int


@dataclass
class Seen:
    """A page that was seen, perhaps several times: by other people, of other locations.

    Attributes:
        page: As it was seen first.
        did: What the owner had done.
        checks: The numbers of the checks in which it was seen, once per time.
        picture: When it is taken; nothing if there is no Chromium.
    """

    page: Page
    did: str
    checks: list[int] = field(default_factory=list)
    picture: Future[Picture] | None = None


class Album:
    """Sorts the pages, and takes their pictures; a context manager.

    Args:
        mask: Applied to each page before a browser sees it.

    Attributes:
        why_none: Why there are no pictures; empty if there are.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self.why_none = "" if chromium.executable() else WHY_NONE
        self._mask = mask
        self._seen: dict[tuple[object, ...], Seen] = {}
        # Playwright wants all its calls from one thread.
        self._worker = ThreadPoolExecutor(1, "pictures")
        self._driver: Playwright | None = None
        self._browser: Browser | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for each in self._seen.values():
            if each.picture:
                each.picture.cancel()  # after Ctrl-C nobody waits for it
        self._worker.submit(self._close)
        self._worker.shutdown()

    def add(self, check: int, owner: str, sights: Sequence[Sight]) -> None:
        """Sort the pages of a check, whose owner has that name; return at once."""
        for sight in sights:
            key = _likeness(sight.page, owner)
            if key not in self._seen:
                self._seen[key] = seen = Seen(sight.page, sight.did)
                if not self.why_none:
                    seen.picture = self._worker.submit(self._shoot, sight.page)
            self._seen[key].checks.append(check)

    def pages(self) -> list[Seen]:
        """Each page once, in the order in which they were seen first."""
        return list(self._seen.values())

    def place(self, page: Page, owner: str) -> int:
        """The number of a page among `pages`, from 1."""
        return list(self._seen).index(_likeness(page, owner)) + 1

    def pictures(self) -> list[Picture]:
        """One of each page; nothing at all, and `why_none`, if one could not be taken."""
        try:
            return [each.picture.result() for each in self._seen.values() if each.picture]
        except (Error, OSError) as error:
            self.why_none = f"Chromium failed: {str(error).strip().splitlines()[0]}"
            return []

    def print(self, page: Path, to: Path, foot: str) -> bool:
        """Make a PDF of a page, as its own style says for paper; whether it is there.

        Args:
            page: HTML.
            to: The PDF.
            foot: A line for the foot of each page, beside its number; HTML.
        """
        if self.why_none:
            return False
        try:
            self._worker.submit(self._print, page, to, _FOOT.format(foot)).result()
        except (Error, OSError) as error:
            self.why_none = f"Chromium failed: {str(error).strip().splitlines()[0]}"
            return False
        return True

    # In the one thread

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

    def _shoot(self, page: Page) -> Picture:
        with self._open().new_context(
            locale="en",
            color_scheme="light",
            device_scale_factor=_SHARPNESS,
            viewport={"width": WIDTH, "height": LEAST_HEIGHT},
        ) as context:
            tab = context.new_page()
            tab.set_default_timeout(_PATIENCE_S * 1000)
            html = self._mask(page.html)

            def answer(route: Route) -> None:
                if route.request.is_navigation_request():
                    kept = ("content-type", "content-security-policy")
                    headers = {it: page.headers[it] for it in kept if it in page.headers}
                    route.fulfill(status=page.status, headers=headers, body=html)
                else:  # the provider's logo
                    route.continue_()

            tab.route("**/*", answer)
            tab.goto(page.address)
            height = tab.evaluate("document.documentElement.scrollHeight")
            jpeg = tab.screenshot(type="jpeg", quality=_QUALITY, full_page=True)
            return Picture(jpeg, max(height, LEAST_HEIGHT))

    def _print(self, page: Path, to: Path, foot: str) -> None:
        with self._open().new_context(color_scheme="light") as context:
            tab = context.new_page()
            tab.goto(page.resolve().as_uri())
            tab.pdf(
                path=to,
                format="A4",
                print_background=True,
                display_header_footer=True,
                header_template="<p></p>",
                footer_template=foot,
                margin={"top": "12mm", "bottom": "15mm", "left": "14mm", "right": "14mm"},
            )

    def _close(self) -> None:
        with suppress(Error):  # after Ctrl-C they may be gone already
            if self._browser:
                self._browser.close()
            if self._driver:
                self._driver.stop()


def _likeness(page: Page, owner: str) -> tuple[object, ...]:
    """What pages have in common that differ only in who sees them, and of which location."""
    return (
        page.status,
        page.title.replace(owner, ""),
        frozenset(page.standings.values()),
        frozenset(page.telephony.values()),
        tuple(page.form.asked) if page.form else None,
        bool(page.pbx_key),
    )
