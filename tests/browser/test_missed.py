"""Missed callers in a real browser: the press without scripts, the file, and the plot in words."""

import time

import pytest
from playwright.sync_api import Download

from functions.connect.english import ENGLISH
from shared.calls.missed_calls import Closed
from tests.browser.conftest import PHONE, Site, Window
from tests.browser.test_states import bring_about, missed_callers

SAID = ENGLISH.missed


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def window(site: Site, request: pytest.FixtureRequest) -> Window:
    return bring_about(site, missed_callers, "en", size=PHONE, scripts=request.param)


def test_a_caller_is_done_by_a_press_with_a_name(window: Window) -> None:
    shown = window.shown
    assert shown.locator("[data-caller]").count() == 10
    caller = shown.locator("[data-caller='+13155550199']")
    assert SAID.times["other"].format(number=3) in caller.inner_text()
    # Without a name the browser itself does not send it.
    caller.get_by_role("button").click()
    assert shown.locator("input[name=name]").evaluate("it => it.validity.valueMissing")
    shown.locator("input[name=name]").fill("Zoë")
    caller.get_by_role("button").click()
    shown.get_by_text(SAID.closed[Closed.DONE]).wait_for()
    assert shown.locator("[data-caller]").count() == 9
    assert shown.locator("[data-caller='+13155550199']").count() == 0
    assert shown.locator("input[name=name]").input_value() == "Zoë"
    assert window.wrong == []


def test_the_enter_key_in_the_name_is_no_press_of_a_caller_s_button(window: Window) -> None:
    shown = window.shown
    shown.locator("input[name=name]").fill("Zoë")
    shown.locator("input[name=name]").press("Enter")
    # What is sent is on its way at once, and the next press is sent after it.
    with shown.expect_navigation():
        shown.locator("button[value=missed]").click()
    assert shown.locator("[data-caller]").count() == 10
    assert window.wrong == []


def test_a_letter_is_asked_for_and_stopped_from_the_letter(site: Site, window: Window) -> None:
    shown = window.shown
    shown.get_by_role("button", name=SAID.letter[2]).click()
    shown.locator("[data-letter=wanted]").wait_for()
    [row] = [it for it in site.deployment.rows("CALLS_TABLE") if it.get("state") == "letter"]
    window = site.open(f"{row['page']}?stop=4564.{row['secret']}", size=PHONE)
    assert window.title() == SAID.stop.title
    window.shown.get_by_role("button", name=SAID.letter[3]).click()
    window.shown.get_by_text(SAID.stopped.lead).wait_for()
    assert window.title() == SAID.stopped.title
    [row] = [it for it in site.deployment.rows("CALLS_TABLE") if it.get("state") == "letter"]
    assert "due_at" not in row
    assert window.wrong == []


def test_the_file_is_fetched_and_the_page_stays(window: Window) -> None:
    button = window.shown.locator("button[value=table]")
    fetched: list[Download] = []

    def fetch(file: Download) -> None:
        fetched.append(file)

    window.page.context.on("page", lambda page: page.on("download", fetch))
    window.page.on("download", fetch)
    button.click()
    until = time.monotonic() + 30
    while not fetched and time.monotonic() < until:
        window.page.wait_for_timeout(50)
    [file] = fetched
    assert file.suggested_filename == "missed-4564.csv"
    lines = file.path().read_text("utf-8-sig").splitlines()
    assert lines[0].split(",")[:2] == [*SAID.csv[1:3]]
    assert len(lines) == 1 + 41
    assert button.is_enabled()
    assert window.shown.locator("#working").is_hidden()


def test_the_plot_says_what_it_shows(window: Window) -> None:
    plot = window.shown.get_by_role("img", name=SAID.plot[0])
    assert plot.count() == 1
    said = window.shown.locator("#plot-text").text_content() or ""
    drawn = window.shown.locator("svg rect.missed").count()
    assert said.count(SAID.cell.rpartition("}")[2]) == drawn > 10
    box = plot.bounding_box()
    assert box
    assert box["width"] <= PHONE[0]
