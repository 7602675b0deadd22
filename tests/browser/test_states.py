"""Every state of the page, in each language and width: whole, readable, and usable by anybody."""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import axe_playwright_python  # type: ignore[import-untyped]  # ships no types
import pytest

from functions.connect.page import LANGUAGES
from functions.connect.words import Words
from local.simulator import Owner
from shared.calls.missed_calls import MissedCalls
from shared.calls.shown import PopUp
from shared.connect.first_ring import Came
from tests.browser.conftest import DESKTOP, PHONE, Site, Window
from tests.calls.telling import end, ring
from tests.deployment import Deployment, Page, finished, payment, refund, ringing

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
# All that it knows, also the size of what is touched, which it leaves out unless asked.
RULES = json.dumps({"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}})
# 1280 pixels at 200 % and at 400 %: https://www.w3.org/TR/WCAG22/#reflow
ZOOMED = ((640, 400), (320, 256))
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
type Arrives = tuple[str, tuple[str, ...]]


def _post(deployment: Deployment, page: Page, action: str, **typed: str) -> Page:
    return deployment.post({**page.fields, "action": action, **typed})


def new(deployment: Deployment) -> Arrives:
    return deployment.simulator.grant(4564, 4232, owner=ANNA), ()


def registered(deployment: Deployment) -> Arrives:
    deployment.connect(4564, owner=ANNA)
    return deployment.simulator.grant(4232, owner=ANNA), ()


def connected(deployment: Deployment) -> Arrives:
    return deployment.simulator.grant(4564, 4232, owner=ANNA), ("connect",)


def connected_before(deployment: Deployment) -> Arrives:
    deployment.connect(4564, owner=ANNA)
    deployment.connect(4232, owner=ANNA)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def partly_failed(deployment: Deployment) -> Arrives:
    address = deployment.simulator.grant(4564, 4232, 4777, owner=ANNA)
    for _ in range(4):
        deployment.simulator.fault("callback", "status", status=500, location_id=4232)
    return address, ("connect",)


def in_progress(deployment: Deployment) -> Arrives:
    address = deployment.simulator.grant(4564, owner=ANNA)
    page = deployment.visit(address)
    deployment.simulator.fault("callback", "status", status=500, location_id=4564)
    deployment.press(page)
    connection = deployment.connection(4564)
    lease_until = deployment.clock() + timedelta(seconds=60)
    deployment.connections.save(replace(connection, lease_until=lease_until))
    return deployment.simulator.redirect(4564, owner=ANNA), ("connect",)


def expired(deployment: Deployment) -> Arrives:
    address = deployment.simulator.grant(4564, owner=ANNA)
    deployment.clock.advance(hours=13)
    return address, ()


def not_granted(deployment: Deployment) -> Arrives:
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def taken(deployment: Deployment) -> Arrives:
    deployment.connect(4564, owner=ANNA)
    return deployment.simulator.redirect(4564, owner=BORIS), ()


def frozen(deployment: Deployment) -> Arrives:
    deployment.connect(4564, owner=ANNA)
    deployment.simulator.expire(4564)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def late(deployment: Deployment) -> Arrives:
    deployment.simulator.fault("enable", "status", status=422, times=100)
    deployment.connect(4564, owner=ANNA)
    deployment.let_time_pass(10)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def stopped(deployment: Deployment) -> Arrives:
    """With a line of another chain's, and a location beside it that has no telephony."""
    key = deployment.connect(4564, owner=ANNA).pbx_key
    deployment.connect(4232, owner=ANNA, telephony=False)
    deployment.simulator.route(4564, line="+13155559999")
    began = deployment.clock() - timedelta(minutes=7)
    assert deployment.call({**finished("c-1"), "started_at": began.isoformat()}, key)[0] == 202
    deployment.let_time_pass(15)
    return deployment.simulator.redirect(4564, owner=ANNA), ()


def forged(deployment: Deployment) -> Arrives:
    return deployment.simulator.grant(4564, owner=ANNA).replace("user_data_sign=", "&x=") + (
        "&user_data_sign=" + "0" * 64
    ), ()


def incomplete(deployment: Deployment) -> Arrives:
    return re.sub("&user_data=.*", "", deployment.simulator.grant(4564, owner=ANNA)), ()


def to_correct(deployment: Deployment) -> Arrives:
    return deployment.simulator.grant(4564, owner=ANNA), ("connect",)


def too_many(deployment: Deployment) -> Arrives:
    many = deployment.simulator.redirect(*range(1, 140), owner=ANNA)
    return many, ()


def too_many_of_an_account(deployment: Deployment) -> Arrives:
    deployment.connect(4564, owner=ANNA)
    return deployment.simulator.redirect(*range(1, 140), owner=ANNA), ()


def code_sent(deployment: Deployment) -> Arrives:
    deployment.connect(4564, owner=ANNA)
    return deployment.simulator.redirect(4564, owner=ANNA), ("code",)


def with_calls_and_payments(deployment: Deployment) -> Arrives:
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


def with_a_new_key(deployment: Deployment) -> Arrives:
    address, presses = with_calls_and_payments(deployment)
    return address, (*presses, "rotate")


def missed_callers(deployment: Deployment) -> Arrives:
    """A week of a salon in which some are called back, one by nobody, and one is done."""
    key = deployment.connect(4564, owner=ANNA).pbx_key
    silent = {"answered": False, "duration_s": 0}
    for number in range(40):
        phone, hours = f"+13155550{100 + number}", 5 + 3.7 * number
        line = "+13155550176" if number % 3 else "Reception"
        end(deployment, key, hours * 3600, call_id=f"m-{number}", phone=phone, line=line, **silent)
        if number % 4:
            later_s = hours * 3600 - (600 if number % 3 else 7200)
            told = {"direction": "outgoing", "extension": str(101 + number % 2), "phone": phone}
            end(deployment, key, later_s, call_id=f"b-{number}", **told)
    for number in range(3):
        end(deployment, key, 60 * number, call_id=f"a-{number}", phone="+13155550199", **silent)
    end(deployment, key, 30, call_id="hidden", phone="anonymous", **silent)
    connection = deployment.connection(4564)
    missed = MissedCalls(
        calls=deployment.calls,
        connections=deployment.connections,
        clock=deployment.clock,
        zone=ZoneInfo("UTC"),
        days=14,
    )
    first = missed.of(connection).missed.open[-1]
    missed.close(connection, first.phone, first.last, "Zoë Müller")
    return deployment.simulator.redirect(4564, owner=ANNA), ("code", "prove", "missed")


def no_more_letters(_deployment: Deployment) -> Arrives:
    return f"https://provider.example/connect?stop=4564.{'a' * 32}", ()


def with_lines(deployment: Deployment) -> Arrives:
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


def linkable(deployment: Deployment) -> Arrives:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    page = _post(deployment, page, "code")
    _post(deployment, page, "prove", code=deployment.code())
    return deployment.simulator.grant(4232, owner=BORIS), ()


def setting_up(deployment: Deployment) -> Arrives:
    return deployment.simulator.grant(4564, owner=ANNA), ("connect", "recipe")


def _waits(deployment: Deployment, *location_ids: int) -> tuple[str, str]:
    """A new account's key, and the address of its page that waits."""
    page = deployment.connect(*location_ids or (4564,), owner=ANNA)
    [address] = re.findall(r'href="(\?wait=[^"]+)"', page.text)
    return page.pbx_key, f"https://api.example/connect{address}"


def nothing_came(deployment: Deployment) -> Arrives:
    return _waits(deployment)[1], ()


def it_rang(deployment: Deployment) -> Arrives:
    key, address = _waits(deployment)
    ring(deployment, key, extension="101")
    return address, ()


def wrong_key(deployment: Deployment) -> Arrives:
    key, address = _waits(deployment)
    other = key[:-3] + ("aaa" if not key.endswith("aaa") else "bbb")
    assert deployment.call(ringing(), other)[0] == HTTPStatus.UNAUTHORIZED
    return address, ()


def wrong_location(deployment: Deployment) -> Arrives:
    key, address = _waits(deployment)
    assert (
        deployment.call({**ringing(location_id=4777), "at": deployment.clock().isoformat()}, key)[0]
        == HTTPStatus.FORBIDDEN
    )
    return address, ()


def late_ring(deployment: Deployment) -> Arrives:
    key, address = _waits(deployment)
    ring(deployment, key, ago_s=40)
    return address, ()


def unknown_line(deployment: Deployment) -> Arrives:
    key, address = _waits(deployment, 4564, 4232)
    event = {**ringing(line="Reception, 2nd floor"), "at": deployment.clock().isoformat()}
    del event["location_id"]
    assert deployment.call(event, key)[0] == HTTPStatus.ACCEPTED
    return address, ()


def only_ended(deployment: Deployment) -> Arrives:
    key, address = _waits(deployment)
    end(deployment, key)
    return address, ()


def closed_ring(deployment: Deployment) -> Arrives:
    key, address = _waits(deployment)
    deployment.simulator.expire(4564)
    deployment.let_time_pass(3)
    ring(deployment, key)
    return address, ()


def _came(what: PopUp | Came) -> Callable[[Words], str]:
    return lambda words: words.first_minutes.ring[what].title


# The title of each state.
STATES: dict[Callable[[Deployment], Arrives], Callable[[Words], str]] = {
    new: lambda words: words.welcome.title,
    registered: lambda words: words.welcome_back.title.format(name=ANNA.name),
    connected: lambda words: words.connected.title,
    connected_before: lambda words: words.connected_before.title,
    partly_failed: lambda words: words.partly.title,
    in_progress: lambda words: words.under_way.title,
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
    too_many_of_an_account: lambda words: words.needs_code.title,
    code_sent: lambda words: words.settings.title,
    with_calls_and_payments: lambda words: words.settings.title,
    with_a_new_key: lambda words: words.settings.title,
    missed_callers: lambda words: words.missed.page.title,
    with_lines: lambda words: words.settings.title,
    linkable: lambda words: words.welcome.title,
    setting_up: lambda words: words.connected.title,
    nothing_came: _came(Came.NOTHING),
    it_rang: _came(PopUp.SENT),
    wrong_key: _came(Came.WRONG_KEY),
    wrong_location: _came(Came.WRONG_LOCATION),
    late_ring: _came(PopUp.LATE),
    unknown_line: _came(PopUp.UNKNOWN_LINE),
    only_ended: _came(Came.ONLY_ENDED),
    closed_ring: _came(PopUp.CLOSED),
    no_more_letters: lambda words: words.missed.stop.title,
}
# The suite tries each state in one language, each in turn; `make pictures` takes all of each.
SPOKEN = dict(zip(STATES, cycle(LANGUAGES)))


def bring_about(
    site: Site, state: Callable[[Deployment], Arrives], language: str, **more: Any
) -> Window:
    """As the owner comes to it: in Altegio's frame, which is another site, and without cookies."""
    address, presses = state(site.deployment)
    window = site.open(address, language=language, framed_by=site.host, **more)
    for action in presses:
        if action == "recipe":
            window.shown.locator("summary", has_text="Asterisk").click()
            continue
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
    site: Site, state: Callable[[Deployment], Arrives], words: Words
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
    assert found_by_axe(shown) == []
    for width, height in ZOOMED:
        window.page.set_viewport_size({"width": width, "height": height})
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    # Who is made dizzy by what moves has nothing to switch off.
    assert shown.evaluate("document.getAnimations().length") == 0
    assert "transition" not in shown.locator("style").inner_text()


def test_names_without_a_space_stay_on_the_page(site: Site) -> None:
    """As an address is, or what a German salon is called; nothing is written over another."""
    name = "Friseursalonammarktplatzberlinmitte"
    owner = replace(ANNA, name=3 * name, salon_name=name)
    deployment = site.deployment
    deployment.connect(4564, owner=owner)
    deployment.lines.enter(deployment.connection(4564).account_id or "", {5 * name: 4564})
    window = site.open(deployment.simulator.redirect(4564, owner=owner), size=(320, 600))
    apart = """() => {
        const word = document.querySelector(".word").getBoundingClientRect();
        const lines = [...document.querySelector(".word + b").getClientRects()];
        return lines.every((it) => it.right <= word.left || it.top >= word.bottom);
    }"""
    assert window.shown.evaluate(apart)
    window.press("code")
    window.shown.locator("input[name=code]").fill(deployment.code())
    for action in ("prove", "missed"):
        window.press(action)
        assert window.shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), action


def test_whoever_prints_a_recipe_has_all_of_it(site: Site) -> None:
    window = bring_about(site, setting_up, "en", size=DESKTOP)
    texts = window.shown.locator("details[open] pre")
    assert texts.count() > 1
    window.page.emulate_media(media="print")
    cut = "it => it.scrollHeight > it.clientHeight || it.scrollWidth > it.clientWidth"
    assert texts.evaluate_all(f"them => them.some({cut})") is False


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_each_state_is_reached_without_scripts(
    site: Site, state: Callable[[Deployment], Arrives]
) -> None:
    words = SPOKEN[state]
    window = bring_about(site, state, words.language, size=PHONE, scripts=False)
    assert window.title() == STATES[state](words)
    assert window.wrong == [wrong for wrong in window.wrong if "responded with" in wrong]


def found_by_axe(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds, however grave: rule, and the places."""
    page.evaluate(AXE)
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in page.evaluate(f"axe.run(document, {RULES})")["violations"]
    ]


@pytest.mark.parametrize("state", [with_calls_and_payments, with_lines, missed_callers])
@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_in_the_dark_it_is_as_readable(
    site: Site, words: Words, state: Callable[[Deployment], Arrives]
) -> None:
    window = bring_about(site, state, words.language, size=PHONE, dark=True)
    window.shoot(f"dark-{state.__name__}-{words.language}.png")
    assert found_by_axe(window.shown) == []


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_a_page_is_small(deployment: Deployment, words: Words) -> None:
    deployment.accept_language = words.language
    deployment.restart(MAIL_FROM="codes@provider.example")
    page = deployment.visit(deployment.simulator.grant(*range(4500, 4560), owner=ANNA))
    assert len(page.standings) == 60
    assert len(gzip.compress(page.text.encode())) < MOST_BYTES
