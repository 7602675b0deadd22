"""The owner's browser: opens an address, reads the page, fills in nothing, presses its button.

It knows what any visitor of the page can see, and nothing of what stands behind it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

import httpx

PATIENCE_S = 30.0
"""Seconds for one page: API Gateway's own limit."""


@dataclass(frozen=True, slots=True)
class Form:
    """The first POST form of a page whose button is no second one: its main way forward.

    Attributes:
        action: As it stands in the page; empty for the page's own address.
        hidden: Values that travel along, by name.
        asked: What the owner can fill in, with its preset values, by name.
        button: Name and value of the submit button.
    """

    action: str
    hidden: Mapping[str, str]
    asked: Mapping[str, str]
    button: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """What the owner sees.

    Attributes:
        address: Where the browser ended up.
        status: Of the HTTP answer.
        title: The main heading.
        text: All that is to be read, in one line.
        standings: How each location stands, by its id.
        form: The way forward; None if nothing is left to press.
        telephony: How the telephony of each location stands, by its id.
        pbx_key: The key of the telephone system, where it is shown.
        html: As it was sent.
        headers: They came with it; its policy says what it may load.
    """

    address: str
    status: int
    title: str
    text: str
    standings: Mapping[int, str]
    form: Form | None
    telephony: Mapping[int, str] = field(default_factory=dict)
    pbx_key: str = ""
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Browser:
    """One browser; a context manager. It follows redirects and uses no proxy."""

    def __init__(self) -> None:
        self._http = httpx.Client(
            follow_redirects=True,
            timeout=PATIENCE_S,
            trust_env=False,
            # A tab of its own, as a browser says it.
            headers={"sec-fetch-dest": "document"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def open(self, address: str) -> Page:
        """Go to an address.

        Raises:
            httpx.HTTPError: Nobody answers there.
            ValueError: The page's form has no button, or several.
        """
        return _read(self._http.get(address))

    def press(self, page: Page) -> Page:
        """Press the page's one button, leaving its fields as they are.

        Raises:
            httpx.HTTPError: Nobody answers there.
            ValueError: There is nothing to press, or the next page's form is unusable.
        """
        form = page.form
        if form is None:
            raise ValueError(f"the page “{page.title}” has no button")
        name, value = form.button
        data = {**form.hidden, **form.asked, name: value}
        return _read(self._http.post(_target(page.address, form.action), data=data))

    def press_second(self, page: Page, values: Mapping[str, str]) -> Page:
        """Press a button beside the way forward, with what its form holds and the ticket.

        Raises:
            httpx.HTTPError: Nobody answers there.
            ValueError: The page has no ticket, or the next page's form is unusable.
        """
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.html)
        if ticket is None:
            raise ValueError(f"the page “{page.title}” has no ticket")
        data = {"ticket": ticket[1], **values}
        return _read(self._http.post(_target(page.address, "?"), data=data))


def _target(address: str, action: str) -> httpx.URL:
    """Where a form goes: `?` drops the page's query, which urljoin does not know before 3.14."""
    base = httpx.URL(address)
    if not action:
        return base
    return base.copy_with(query=None).join(action)


def _read(answer: httpx.Response) -> Page:
    reader = _Reader()
    reader.feed(answer.text)
    return Page(
        address=str(answer.url),
        status=answer.status_code,
        title=" ".join(reader.title.split()),
        text=" ".join(reader.text.split()),
        standings=reader.standings,
        form=reader.form(),
        telephony=reader.telephony,
        pbx_key=reader.pbx_key,
        html=answer.text,
        headers=dict(answer.headers),
    )


@dataclass
class _Reader(HTMLParser):
    """Collects what `Page` tells while the parser goes through the page."""

    title: str = ""
    text: str = ""
    standings: dict[int, str] = field(default_factory=dict)
    telephony: dict[int, str] = field(default_factory=dict)
    pbx_key: str = ""
    action: str | None = None
    hidden: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    is_second: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self._inside: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what begins."""
        values = {name: value or "" for name, value in attrs}
        self._inside.add(tag)
        if "data-location" in values:
            self.standings[int(values["data-location"])] = values.get("data-standing", "")
        if "data-telephony" in values and self.standings:
            self.telephony[list(self.standings)[-1]] = values["data-telephony"]
        if values.get("id") == "pbx-key":
            self._inside.add("the key")
        is_post = values.get("method", "").lower() == "post"
        if tag == "form" and self.action is None and is_post:
            self.action = values.get("action", "")
            self._inside.add("the form")
        if "the form" in self._inside and "name" in values:
            self._field(tag, values)
        if "the form" in self._inside and tag == "option" and "selected" in values:
            self.asked[list(self.asked)[-1]] = values.get("value", "")

    def _field(self, tag: str, values: Mapping[str, str]) -> None:
        name, value, kind = values["name"], values.get("value", ""), values.get("type", "")
        is_field = tag in {"input", "select", "textarea"}
        if (tag == "button" and kind in {"", "submit"}) or (is_field and kind == "submit"):
            if "second" in values.get("class", "").split():
                self.is_second = True
            else:
                self.buttons.append((name, value))
        elif is_field:
            (self.hidden if kind == "hidden" else self.asked)[name] = value

    def handle_endtag(self, tag: str) -> None:
        """Note what ends."""
        self._inside.discard(tag)
        self._inside.discard("the key")
        if tag == "form" and "the form" in self._inside:
            self._inside.discard("the form")
            if self.is_second and not self.buttons:
                self.action, self.hidden, self.asked = None, {}, {}
            self.is_second = False

    def handle_data(self, data: str) -> None:
        """Keep what is to be read."""
        if self._inside & {"style", "script", "title", "option"}:
            return
        self.text += f" {data}"
        if "the key" in self._inside:
            self.pbx_key += data.strip()
        if "h1" in self._inside:
            self.title += data

    def form(self) -> Form | None:
        """The form, once all was read.

        Raises:
            ValueError: It has not exactly one named submit button.
        """
        if self.action is None:
            return None
        if len(self.buttons) != 1:
            raise ValueError(f"the form has {len(self.buttons)} named submit buttons, not one")
        return Form(self.action, self.hidden, self.asked, self.buttons[0])
