"""From the key to the first ring: copied, filled in, and waited for, with and without scripts."""

from dataclasses import replace

import pytest

from functions.connect.english import ENGLISH
from local.simulator import Owner
from shared.calls.shown import PopUp
from shared.connect.first_ring import Came
from tests.browser.conftest import PHONE, Site, Window
from tests.browser.test_states import ANNA
from tests.calls.telling import ring

RING = ENGLISH.first_minutes.ring
WAIT = "a[href^='?wait=']"


def connected(site: Site, *, scripts: bool = True, owner: Owner = ANNA) -> Window:
    window = site.open(
        site.deployment.simulator.grant(4564, owner=owner), framed_by=site.host, scripts=scripts
    )
    window.press("connect")
    return window


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "forbidden"])
def test_the_key_is_copied(site: Site, allowed: bool) -> None:  # noqa: FBT001
    window = connected(site)
    if allowed:
        window.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    key = window.shown.locator("#pbx-key").inner_text()
    button = window.shown.locator("button[data-copy=pbx-key]")
    assert button.inner_text() == ENGLISH.first_minutes.copy[0]
    button.click()
    button.filter(has_text=ENGLISH.first_minutes.copy[1]).wait_for()
    window.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<textarea></textarea>')")
    window.page.locator("textarea").focus()
    window.page.keyboard.press("Control+V")
    assert window.page.locator("textarea").input_value() == key
    button.filter(has_text=ENGLISH.first_minutes.copy[0]).wait_for()
    assert window.wrong == []


def test_without_scripts_the_key_is_selected_by_one_click(site: Site) -> None:
    window = connected(site, scripts=False)
    assert window.shown.locator("button[data-copy]:visible").count() == 0
    assert window.shown.locator("label[data-own-number]:visible").count() == 0
    select = "element => getComputedStyle(element).userSelect"
    assert window.shown.locator("#pbx-key").evaluate(select) == "all"
    summary = window.shown.locator("summary", has_text="FreeSWITCH")
    summary.click()
    texts = window.shown.locator("details[open] pre")
    assert texts.count() > 3
    assert texts.first.evaluate(select) == "all"


def test_his_number_is_written_into_all_recipes(site: Site) -> None:
    window = connected(site)
    number = window.shown.locator("label[data-own-number] input")
    number.fill("+49 30 1234-5678")
    window.shown.locator("summary", has_text="FreePBX").click()
    text = "\n".join(window.shown.locator("details[open] pre").all_inner_texts())
    assert "+493012345678" in text
    assert "13155550176" not in text
    number.fill("")
    assert "13155550176" in window.shown.locator("details[open] pre").nth(1).inner_text()
    # One at a time.
    window.shown.locator("summary", has_text="MikoPBX").click()
    assert window.shown.locator("details[open]").count() == 1


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_it_waits_for_the_first_ring(site: Site, scripts: bool) -> None:  # noqa: FBT001
    window = connected(site, scripts=scripts, owner=replace(ANNA, salon_name="Studio Nord"))
    key = window.shown.locator("#pbx-key").inner_text()
    waits = window.press_aside(WAIT)
    assert waits.title() == RING[Came.NOTHING].title
    # Asked, not waited for: the tab may load itself anew at this moment.
    assert scripts or 'http-equiv="refresh" content="5' in waits.page.content()
    ring(site.deployment, key)
    # By itself, within seconds.
    waits.becomes(RING[PopUp.SENT].title)
    assert "Studio Nord" in waits.page.locator("dl").inner_text()
    assert waits.page.locator("dl time").inner_text().endswith("UTC") is not scripts
    # Then it rests, and the key is where it was.
    assert scripts or "http-equiv" not in waits.page.content()
    assert window.shown.locator("#pbx-key").inner_text() == key
    assert waits.wrong == window.wrong == []
    assert key not in waits.page.url


def test_who_waits_is_told_by_a_screen_reader_and_keeps_his_place(site: Site) -> None:
    window = connected(site)
    key = window.shown.locator("#pbx-key").inner_text()
    waits = window.press_aside(WAIT)
    assert waits.page.locator("#ring").get_attribute("role") == "status"
    waits.page.locator("a.wide").focus()
    ring(site.deployment, key, ago_s=40)
    waits.becomes(RING[PopUp.LATE].title)
    assert waits.page.evaluate("document.activeElement.className") == "wide"
    assert RING[PopUp.LATE].title in waits.page.title()
    site.deployment.clock.advance(seconds=5)
    ring(site.deployment, key, call_id="c-2")
    waits.becomes(RING[PopUp.SENT].title)


@pytest.mark.parametrize("size", [PHONE, (640, 400)], ids=["phone", "200 % of 1280"])
def test_nothing_is_cut_when_all_recipes_are_open(site: Site, size: tuple[int, int]) -> None:
    window = connected(site)
    window.page.set_viewport_size({"width": size[0], "height": size[1]})
    for details in window.shown.locator("details").all():
        details.evaluate("element => { element.removeAttribute('name'); element.open = true; }")
    assert window.shown.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_keyboard_is_enough(site: Site) -> None:
    window = connected(site)
    window.shown.locator("button[data-copy=pbx-key]").focus()
    window.page.keyboard.press("Enter")
    window.shown.locator("button", has_text=ENGLISH.first_minutes.copy[1]).first.wait_for()
    window.page.keyboard.press("Tab")
    window.page.keyboard.type("+49 30 1234567")
    for _ in range(2):
        window.page.keyboard.press("Tab")
    window.page.keyboard.press("Enter")
    assert window.shown.locator("details[open]").get_attribute("data-recipe") == "3CX"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert window.shown.evaluate(outline) == "solid"
    # A text that is longer than its place is scrolled with the arrows.
    window.page.keyboard.press("Tab")
    assert window.shown.evaluate("document.activeElement.tagName") == "PRE"
    assert window.shown.evaluate(outline) == "solid"
    assert "%2B49301234567" in window.shown.evaluate("document.activeElement.textContent")
    window.shown.locator(WAIT).focus()
    with window.page.context.expect_page() as opened:
        window.page.keyboard.press("Enter")
    opened.value.locator("h1", has_text=RING[Came.NOTHING].title).wait_for()
