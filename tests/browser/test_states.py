"""Every state of the page, in each language and width: whole, readable, and usable by anybody."""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python  # type: ignore[import-untyped]  # ships no types
import pytest

from functions.connect.page import LANGUAGES
from functions.connect.words import Words
from local.simulator import Owner
from tests.browser.conftest import DESKTOP, PHONE, Site, Window
from tests.deployment import Deployment, Page, finished, payment, refund

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = json.dumps({"resultTypes": ["violations"]})
ANNA = Owner(
    id=7,
    name="Anna Schmidt",
    phone="4915112345678",
    email="anna@salon.example",
    salon_name="Studio Nord",
)
BORIS = replace(ANNA, id=8, name="Boris")
MOST_BYTES = 20 * 1024

# A state: what brings it about, and the title by which it is known. It returns where the owner
# arrives, and the buttons that he presses there.
type Came = tuple[str, tuple[str, ...]]


def _post(deployment: Deployment, page: Page, action: str, **typed: str) -> Page:
    return deployment.post({**page.fields, "action": action, **typed})


def new(deployment: Deployment) -> Came:
    return deployment.simulator.grant(4564, 4232, owner=ANNA), ()


def registered(deployment: Deployment) -> Came:
    deployment.connect(4564, owner=ANNA)
    return deployment.simulator.grant(4232, owner=ANNA), ()


def connected(deployment: Deployment) -> Came:
    return deployment.simulator.grant(4564, 4232, owner=ANNA), ("connect",)


def connected_before(deployment: Deployment) -> Came:
    deployment.connect(4564, owner=ANNA)
    deployment.connect(4232, owner=ANNA)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def partly_failed(deployment: Deployment) -> Came:
    address = deployment.simulator.grant(4564, 4232, 4777, owner=ANNA)
    for _ in range(4):
        deployment.simulator.fault("callback", "status", status=500, location_id=4232)
    return address, ("connect",)


def in_progress(deployment: Deployment) -> Came:
    address = deployment.simulator.grant(4564, owner=ANNA)
    page = deployment.visit(address)
    deployment.simulator.fault("callback", "status", status=500, location_id=4564)
    deployment.press(page)
    connection = deployment.connection(4564)
    lease_until = deployment.clock() + timedelta(seconds=60)
    deployment.connections.save(replace(connection, lease_until=lease_until))
    return deployment.simulator.redirect(4564, owner=ANNA), ("connect",)


def expired(deployment: Deployment) -> Came:
    address = deployment.simulator.grant(4564, owner=ANNA)
    deployment.clock.advance(hours=13)
    return address, ()


def not_granted(deployment: Deployment) -> Came:
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def taken(deployment: Deployment) -> Came:
    deployment.connect(4564, owner=ANNA)
    return deployment.simulator.redirect(4564, owner=BORIS), ()


def frozen(deployment: Deployment) -> Came:
    deployment.connect(4564, owner=ANNA)
    deployment.simulator.expire(4564)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def late(deployment: Deployment) -> Came:
    deployment.simulator.fault("enable", "status", status=422, times=100)
    deployment.connect(4564, owner=ANNA)
    deployment.let_time_pass(10)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def stopped(deployment: Deployment) -> Came:
    """With a line of another chain's, and a location beside it that has no telephony."""
    key = deployment.connect(4564, owner=ANNA).pbx_key
    deployment.connect(4232, owner=ANNA, telephony=False)
    deployment.simulator.route(4564, line="+13155559999")
    began = deployment.clock() - timedelta(minutes=7)
    assert deployment.call({**finished("c-1"), "started_at": began.isoformat()}, key)[0] == 202
    deployment.let_time_pass(15)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def forged(deployment: Deployment) -> Came:
    return deployment.simulator.grant(4564, owner=ANNA).replace("user_data_sign=", "&x=") + (
        "&user_data_sign=" + "0" * 64
    ), ()


def incomplete(deployment: Deployment) -> Came:
    return re.sub("&user_data=.*", "", deployment.simulator.grant(4564, owner=ANNA)), ()


def to_correct(deployment: Deployment) -> Came:
    return deployment.simulator.grant(4564, owner=ANNA), ("connect",)


def too_many(deployment: Deployment) -> Came:
    many = deployment.simulator.redirect(*range(1, 140), owner=ANNA)
    return many, ()


def code_sent(deployment: Deployment) -> Came:
    deployment.connect(4564, owner=ANNA)
    return deployment.simulator.redirect(4564, owner=ANNA), ("code",)


def with_calls_and_payments(deployment: Deployment) -> Came:
    key = deployment.connect(4564, owner=ANNA).pbx_key
    for number, phone in enumerate(("+13155550175", "+13155550142", "anonymous")):
        began = deployment.clock() - timedelta(minutes=7 * number)
        event = {**finished(f"c-{number}", phone=phone), "started_at": began.isoformat()}
        assert deployment.call(event, key)[0] == 202
    deployment.drain_calls()
    deployment.clock.advance(seconds=6)
    deployment.drain_calls()
    deployment.bill(payment())
    deployment.bill(payment("inv-2", amount="12.50"))
    deployment.bill(refund(of="inv-2"))
    return deployment.simulator.redirect(4564, owner=ANNA), ("code", "prove")


def with_a_new_key(deployment: Deployment) -> Came:
    address, presses = with_calls_and_payments(deployment)
    return address, (*presses, "rotate")


def with_lines(deployment: Deployment) -> Came:
    key = deployment.connect(4564, 4232, owner=ANNA).pbx_key
    account_id = deployment.connection(4564).account_id
    assert account_id
    deployment.lines.enter(account_id, {"+13155550100": 4564, "trunk-1": 4232})
    for number, line in enumerate(("+13155550176", "+13155550176", "Reception, 2nd floor")):
        began = deployment.clock() - timedelta(minutes=7 * number)
        event = finished(f"c-{number}", line=line, started_at=began.isoformat())
        del event["location_id"]
        assert deployment.call(event, key)[0] == 202
    return deployment.simulator.redirect(4564, owner=ANNA), ("code", "prove")


def linkable(deployment: Deployment) -> Came:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    page = _post(deployment, page, "code")
    _post(deployment, page, "prove", code=deployment.code())
    return deployment.simulator.grant(4232, owner=BORIS), ()


# The title of each state.
STATES: dict[Callable[[Deployment], Came], Callable[[Words], str]] = {
    new: lambda words: words.welcome.title,
    registered: lambda words: words.welcome_back.title.format(name=ANNA.name),
    connected: lambda words: words.connected.title,
    connected_before: lambda words: words.connected_before.title,
    partly_failed: lambda words: words.partly.title,
    in_progress: lambda words: words.not_yet.title,
    expired: lambda words: words.needs_altegio.title,
    not_granted: lambda words: words.needs_altegio.title,
    taken: lambda words: words.needs_altegio.title,
    frozen: lambda words: words.frozen.title,
    late: lambda words: words.mute.title,
    stopped: lambda words: words.mute.title,
    forged: lambda words: words.forged.title,
    incomplete: lambda words: words.incomplete,
    to_correct: lambda words: words.to_correct.title,
    too_many: lambda words: words.too_many.title,
    code_sent: lambda words: words.settings.title,
    with_calls_and_payments: lambda words: words.settings.title,
    with_a_new_key: lambda words: words.settings.title,
    with_lines: lambda words: words.settings.title,
    linkable: lambda words: words.welcome.title,
}
# The suite tries each state in one language, each in turn; `make pictures` takes all of each.
SPOKEN = dict(zip(STATES, cycle(LANGUAGES)))


def bring_about(
    site: Site, state: Callable[[Deployment], Came], language: str, **more: Any
) -> Window:
    """As the owner comes to it: in Altegio's frame, which is another site, and without cookies."""
    address, presses = state(site.deployment)
    window = site.open(address, language=language, framed_by=site.host, **more)
    for action in presses:
        if action == "prove":
            window.shown.locator("input[name=code]").fill(site.deployment.code())
        if state is to_correct:
            # What a browser takes, and we do not.
            window.shown.locator("input[name=name]").fill(" ")
            window.shown.locator("input[name=email]").fill("anna@salon")
        window.press(action)
    return window


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function is test_each_state_is_whole_and_usable_by_anybody:
        takes_all = metafunc.config.getoption("--pictures")
        tried = [
            (state, words)
            for state, own in SPOKEN.items()
            for words in (LANGUAGES if takes_all else [own])
        ]
        ids = [f"{state.__name__}-{words.language}" for state, words in tried]
        metafunc.parametrize(("state", "words"), tried, ids=ids)


def test_each_state_is_whole_and_usable_by_anybody(
    site: Site, state: Callable[[Deployment], Came], words: Words
) -> None:
    window = bring_about(site, state, words.language, size=DESKTOP)
    shown = window.shown
    assert window.title() == STATES[state](words)
    assert shown.locator("html").get_attribute("lang") == words.language
    for size in (DESKTOP, PHONE):
        window.page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in ("dark", "light"):
            window.page.emulate_media(color_scheme=scheme)
            window.shoot(f"{state.__name__}-{words.language}-{size[0]}-{scheme}.png")
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Nothing comes from elsewhere, and the policy forbids nothing that the page wants.
    origins = {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, window.asked)}
    assert origins == {site.api, site.host}
    assert [wrong for wrong in window.wrong if "responded with a status" not in wrong] == []
    assert window.page.context.cookies() == []
    assert serious(shown) == []


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_each_state_is_reached_without_scripts(
    site: Site, state: Callable[[Deployment], Came]
) -> None:
    words = SPOKEN[state]
    window = bring_about(site, state, words.language, size=PHONE, scripts=False)
    assert window.title() == STATES[state](words)
    assert window.wrong == [wrong for wrong in window.wrong if "responded with" in wrong]


def serious(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds that would keep somebody out: rule, and the places."""
    page.evaluate(AXE)
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in page.evaluate(f"axe.run(document, {RULES})")["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("state", [with_calls_and_payments, with_lines])
@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_in_the_dark_it_is_as_readable(
    site: Site, words: Words, state: Callable[[Deployment], Came]
) -> None:
    window = bring_about(site, state, words.language, size=PHONE, dark=True)
    window.shoot(f"dark-{state.__name__}-{words.language}.png")
    assert serious(window.shown) == []


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_a_page_is_small(deployment: Deployment, words: Words) -> None:
    deployment.accept_language = words.language
    deployment.restart(MAIL_FROM="codes@provider.example")
    page = deployment.visit(deployment.simulator.grant(*range(4500, 4560), owner=ANNA))
    assert len(page.standings) == 60
    assert len(gzip.compress(page.text.encode())) < MOST_BYTES
