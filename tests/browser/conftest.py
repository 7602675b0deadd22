"""A Chromium, the connect page over HTTP, and pages of other sites that frame it."""

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, sync_playwright

from local import chromium
from local.listener import Listener, show
from local.stack.environment import InvokeResult
from local.stack.front_door import FrontDoor
from local.stack.wiring import Route
from tests.deployment import Deployment

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PHONE, DESKTOP = (375, 667), (1280, 800)

LAUNCHING: dict[str, Any] = {
    **chromium.LAUNCHING,
    # As browsers do more and more: inside a frame of another site there are no cookies.
    "args": [*chromium.LAUNCHING["args"], "--test-third-party-cookie-phaseout"],
}
# Altegio's side of the frame: it keeps what it is told, and by whom.
_HOST = """<!doctype html><title>host</title><body style="margin:0"><script>
window.told = [];
addEventListener("message", (event) => told.push({{ origin: event.origin, ...event.data }}));
</script><iframe src="{address}" style="width: 100%; height: 600px; border: 0"></iframe>"""

_LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="96" height="28"><rect width="28" height="28"'
    ' rx="6" fill="#c2410c"/><text x="36" y="20" font-size="18" fill="#c2410c">Nordic</text></svg>'
)


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    if chromium.executable() is None:
        why = chromium.WHY_NONE.read_text("utf-8") if chromium.WHY_NONE.exists() else "none found"
        pytest.skip(f"no Chromium: {why}")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.executable(), env=dict(chromium.environment()), **LAUNCHING
        )
        yield browser
        browser.close()


class _Host(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/logo.svg":
            show(self, "image/svg+xml", _LOGO)
            return
        asked = dict(parse_qsl(urlsplit(self.path).query))
        show(self, "text/html", _HOST.format(address=escape(asked.get("frame", "about:blank"))))

    def log_message(self, *_words: object) -> None:
        """Nothing: whoever looks is here."""


@pytest.fixture
def host() -> Iterator[str]:
    """The origin of a site that is another than the page's, as its host's name differs."""
    server = Listener(0, _Host)
    Thread(target=server.serve, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.stop()


@dataclass
class Window:
    """A browser's window with the page in it, or with the host around it.

    Attributes:
        page: The whole window.
        shown: The part of it that the connect page is in.
        pictures: Whether it takes pictures, which nothing but an eye can judge.
        wrong: What the browser complained of.
        asked: The addresses that were asked for.
    """

    page: Page
    shown: Page | Frame
    pictures: bool
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.wrong.append(said.text)

    def title(self) -> str:
        return self.shown.locator("h1").inner_text()

    def press(self, action: str) -> None:
        """Presses a button and waits for the page after it."""
        with self.shown.expect_navigation():
            self.shown.locator(f"button[value={action}]").click()

    def becomes(self, title: str) -> None:
        """Waits until the page has this title, by what it does itself.

        Asked again and again, and the tab is in front, as it is for who looks at it: what waits in
        the page needs its frames and its timers, which a tab behind may not be given.
        """
        for _ in range(300):
            if self.title() == title:
                return
            self.page.bring_to_front()
            self.page.wait_for_timeout(200)
        raise AssertionError(self.page.content())

    def press_aside(self, selector: str) -> "Window":
        """Presses what opens a tab of its own; returns that."""
        with self.page.context.expect_page() as opened:
            self.shown.locator(selector).click()
        tab = opened.value
        tab.set_default_timeout(120_000)
        tab.wait_for_load_state("load")
        if "<noscript>&lt;" in tab.content():
            # Without scripts; but it was read before the new tab was told so.
            tab.reload()
        tab.bring_to_front()
        window = Window(tab, tab, self.pictures)
        tab.on("console", window.hear)
        tab.on("pageerror", lambda error: window.wrong.append(str(error)))
        return window

    def shoot(self, name: str) -> None:
        """Takes a picture of the whole connect page, if wanted; the frame is made as high."""
        if not self.pictures:
            return
        self.page.evaluate("document.querySelector('iframe').style.height = '1px'")
        height = self.shown.evaluate("document.documentElement.scrollHeight")
        self.page.evaluate(f"document.querySelector('iframe').style.height = '{height}px'")
        # A frame of another site is painted as far as the window reaches, and a little later.
        self.page.set_viewport_size({"width": self.page.evaluate("innerWidth"), "height": height})
        for _ in range(3):
            self.shown.evaluate("new Promise(requestAnimationFrame)")
        self.page.screenshot(path=SCREENSHOTS / name)

    def told(self) -> list[dict[str, Any]]:
        """What the host was told."""
        told: list[dict[str, Any]] = json.loads(self.page.evaluate("JSON.stringify(told)"))
        return told


@dataclass
class Site:
    """The connect page over HTTP, and windows that look at it."""

    api: str
    host: str
    chrome: Browser
    deployment: Deployment
    pictures: bool
    closing: list[Callable[[], None]] = field(default_factory=list)

    def local(self, address: str) -> str:
        """An address of the platform's redirect, here."""
        return f"{self.api}/connect?{urlsplit(address).query}"

    def open(
        self,
        address: str,
        *,
        language: str = "en",
        size: tuple[int, int] = DESKTOP,
        framed_by: str = "",
        scripts: bool = True,
        dark: bool = False,
    ) -> Window:
        context = self.chrome.new_context(
            locale=language,
            timezone_id="Europe/Berlin",
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
        )
        self.closing.append(context.close)
        page = context.new_page()
        page.set_default_timeout(120_000)
        window = Window(page, page, self.pictures)
        page.on("console", window.hear)
        page.on("pageerror", lambda error: window.wrong.append(str(error)))
        page.on("request", lambda request: window.asked.append(request.url))
        if framed_by:
            page.goto(f"{framed_by}/?{urlencode({'frame': self.local(address)})}")
            frame = page.frames[-1]
            frame.wait_for_load_state("load")
            window.shown = frame
        else:
            page.goto(self.local(address))
        return window


@pytest.fixture
def site(
    chrome: Browser, deployment: Deployment, host: str, request: pytest.FixtureRequest
) -> Iterator[Site]:
    """The connect page, framed by one site, with a mailbox and terms."""
    door = FrontDoor()
    routes = [
        Route(method, path, "connect")
        for method in ("GET", "POST")
        for path in ("/connect", "/connections")
    ]

    def invoke(function: str, event: Any) -> InvokeResult:
        return InvokeResult(
            deployment.invoke(function, event), None, "", 0, cold=False, request_id=""
        )

    door.open(routes, invoke)
    named = shlex.split(request.config.getoption("--with"))
    settings = {
        "FRAME_ANCESTORS": host,
        "MAIL_FROM": "codes@provider.example",
        "PROVIDER_NAME": "Nordic Voice",
        "TERMS_URL": "https://provider.example/terms",
        "CONTACT_URL": "mailto:help@provider.example",
        "HELP_URL": "https://provider.example/help",
        "LOGO_URL": f"{host}/logo.svg",
        **dict(each.split("=", 1) for each in named),
    }
    deployment.restart(**settings)
    site = Site(door.url, host, chrome, deployment, request.config.getoption("pictures"))
    yield site
    for close in site.closing:
        close()
    door.close()
