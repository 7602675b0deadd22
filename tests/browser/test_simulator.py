"""The page of `make up` in a browser: from its first sight to "it rang", with the page alone."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from local import __main__ as commands
from local.examples.mailbox import Mailbox
from local.examples.webhook import Webhook
from local.simulator import Simulator
from local.world import World, opened
from tests.browser.conftest import DESKTOP, PHONE, SCREENSHOTS
from tests.browser.test_states import AXE

PATIENCE_MS = 60_000
ODD = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    # Here a step follows the other within the second, in which Altegio allows five requests.
    words = ["up", "--set", "PACE_PER_S=50", "--set", "PACE_PER_MIN=2000"]
    with opened(commands._parser().parse_args(words), port=0) as world:
        yield world


@pytest.fixture
def simulator(world: World) -> Simulator:
    assert world.simulator is not None
    return world.simulator


@pytest.fixture
def wrong() -> list[str]:
    """What the browser complained of."""
    return []


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def page(
    chrome: Browser, simulator: Simulator, wrong: list[str], request: pytest.FixtureRequest
) -> Iterator[Page]:
    width, height = request.param
    context = chrome.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if request.param == PHONE else "light",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(simulator.url)
    yield page
    context.close()


def press(page: Page, step: str, label: str) -> None:
    """Press it, and wait until the page has been answered and shows what came of it."""
    button = page.locator(f"#step-{step}").get_by_role("button", name=label, exact=True)
    button.click()
    # The page disables it meanwhile; what a step says from an earlier round is no answer.
    expect(button).to_be_enabled(timeout=PATIENCE_MS)


def owner_presses(page: Page, step: str, label: str) -> Page:
    """The owner's page opens in a tab of its own, and he presses its button."""
    with page.context.expect_page() as opening:
        press(page, step, label)
    tab = opening.value
    tab.locator("button[value=connect]").click()
    tab.locator("li[data-standing=connected]").first.wait_for()
    page.bring_to_front()
    page.locator(f"#step-{step} [data-step=done]").wait_for()
    return tab


def test_from_connect_to_a_refund_and_back(
    page: Page, simulator: Simulator, wrong: list[str], request: pytest.FixtureRequest
) -> None:
    is_first = simulator.state(4564) == "uninstalled" and not simulator.log(4564)
    if is_first:
        tab = owner_presses(page, "connect", "Connect")
        page.locator("#pbx-key").fill(tab.locator("#pbx-key").inner_text())
        tab.close()
    press(page, "ring", "Ring")
    card = page.locator("#step-ring .pop-up")
    card.wait_for()
    shown = card.inner_text().split("\n")
    assert shown[1:] == ["Maria Lopez", "+13155550175", "on the salon's line +13155550176"]
    if is_first:
        expect(page.locator("#step-ring [data-step]")).to_have_attribute("data-step", "later")
    press(page, "ring", "Take the call")
    page.locator("#live-line").get_by_text("talking").wait_for()
    press(page, "ring", "Hang up")
    page.locator("#live-ring").get_by_text("success, ").wait_for()
    page.locator("#step-ring .pop-up.over").get_by_text("The call is over, ").wait_for()
    assert "Incoming call" not in page.locator("#step-ring").inner_text()
    page.locator("#step-ring [data-step=done]").wait_for()
    last = page.locator("#refund-event").input_value()
    press(page, "bill", "Bill")
    expect(page.locator("#refund-event")).not_to_have_value(last, timeout=PATIENCE_MS)
    page.locator("#live-bill").get_by_text("SENT: ").wait_for()
    press(page, "refund", "Refund")
    page.locator("#live-refund").get_by_text("SENT: ").wait_for()
    if is_first:  # later another bill covers the day
        page.locator("#live-refund .state.frozen").wait_for()
        page.locator("#live-cards .state.frozen").wait_for()
        assert "freezed" not in page.locator("body").inner_text()
        expect(page.locator("#step-refund [data-step]")).to_have_attribute("data-step", "next")
        press(page, "bill", "Bill")
    page.locator("#step-refund [data-step=done]").wait_for()
    press(page, "off", "Disconnect")
    page.locator("#step-off [data-step=done]").wait_for()
    assert simulator.state(4564) == "uninstalled"
    owner_presses(page, "back", "Connect again")
    assert simulator.state(4564) == "active"
    for step in ("connect", "off", "back"):
        page.locator(f"#live-{step}").get_by_text("Was disconnected at ").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=SCREENSHOTS / f"simulator-{request.node.callspec.id}.png", full_page=True)
    assert wrong == []


def test_nobody_is_kept_out(page: Page, simulator: Simulator) -> None:
    for address in (simulator.url, f"{simulator.url}/faults"):
        page.goto(address)
        for details in page.locator("details").all():
            details.evaluate("each => { each.open = true; }")
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")["violations"]
        told = [(it["id"], [node["target"] for node in it["nodes"]]) for it in found]
        assert told == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = page.locator("button:visible").evaluate_all(
        "all => all.filter((each) => each.getBoundingClientRect().height < 44).length"
    )
    assert small == 0


NARROW, TABLET = (390, 844), (768, 1024)
# An option that is not chosen has to fit as well; the arrow and the padding take 40 pixels.
CUT = """() => {
  const pen = document.createElement("canvas").getContext("2d");
  const isCut = (each) => [...each.options].some((option) => {
    pen.font = getComputedStyle(each).font;
    return pen.measureText(option.textContent).width + 40 > each.clientWidth;
  });
  const found = [
    ...[...document.querySelectorAll(".scroll, pre, dd")].filter(
      (each) => each.scrollWidth > each.clientWidth + 1),
    ...[...document.querySelectorAll("time")].filter((each) => each.getClientRects().length > 1),
    ...[...document.querySelectorAll("select")].filter(isCut),
  ];
  return found.map((each) => `${each.tagName} ${each.textContent.slice(0, 60)}`);
}"""


@pytest.mark.parametrize("size", [NARROW, TABLET, DESKTOP], ids=str)
def test_nothing_is_cut_and_no_time_is_broken(
    chrome: Browser, simulator: Simulator, size: tuple[int, int]
) -> None:
    if simulator.state(4999) != "active":
        simulator.grant(4999, private=True)
        simulator.pay_hosted(4999, Decimal("29.90"), webhook="never")
    page = chrome.new_page(viewport={"width": size[0], "height": size[1]})
    for address in (simulator.url, f"{simulator.url}/faults"):
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")
        assert page.evaluate(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def test_that_the_stack_has_ended_is_seen_from_the_foot_of_the_page_too(
    chrome: Browser, simulator: Simulator
) -> None:
    page = chrome.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page.goto(simulator.url)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.route("**/*", lambda route: route.abort())
    page.evaluate("refresh()")
    expect(page.get_by_text("the stack has ended")).to_be_in_viewport()
    page.close()


@pytest.fixture(scope="module")
def beside(world: World) -> Iterator[list[str]]:
    """The addresses of the other pages, with an event, and the alarms the last."""
    event = {"id": "0123456789abcdef" * 2, "version": 1, "at": "2026-11-28T23:35:34Z"}
    with (
        Mailbox(world.stack.aws_endpoint_url) as post,
        Webhook(world.stack.client("events"), world.stack.outputs["EventBusName"]) as hook,
        world.stack.watched(lambda *_: None) as watch,
    ):
        posted = json.dumps({"type": "payment.sent", "event": event}).encode()
        assert hook.take(f"Bearer {hook._key}", posted)
        yield [post.url, hook.url, watch.url]


@pytest.mark.parametrize("size", [NARROW, DESKTOP], ids=str)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_beside_it_fit(
    chrome: Browser, beside: list[str], size: tuple[int, int], *, dark: bool
) -> None:
    page = chrome.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    for address in beside:
        # It loads itself anew every few seconds; here it stays until it was looked at.
        page.set_content(re.sub("<meta http-equiv=.*?>", "", httpx.get(address).text))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert page.locator("meta[name=viewport]").count() == 1
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")["violations"]
        assert [(it["id"], [node["target"] for node in it["nodes"]]) for it in found] == []
    # No name of an alarm is broken in the middle.
    lines = page.locator("td:nth-child(2)").evaluate_all("""all => all.map((each) => {
      const text = document.createRange();
      text.selectNodeContents(each);
      return text.getClientRects().length;
    })""")
    assert len(lines) > 20
    assert {*lines} == {1}
    page.close()


def test_the_end_of_the_paid_time_is_told(page: Page, simulator: Simulator) -> None:
    if simulator.state(4564) != "active":
        simulator.grant(4564, private=True)
    press(page, "time", "End the paid time of Studio Nord")
    result = page.locator("#live-time")
    result.get_by_text(
        "The paid time of Studio Nord is over, and Altegio has frozen it."
    ).wait_for()
    result.locator(".state.frozen").wait_for()
    press(page, "time", "End the paid time of Studio Nord")
    said = page.locator("#step-time .notice")
    assert said.inner_text() == "Studio Nord is frozen already: no time of it can end."
    simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    result.locator(".state.active").wait_for()


def test_it_keeps_itself_fresh_and_takes_nobodys_words_away(
    page: Page, simulator: Simulator, wrong: list[str]
) -> None:
    page.locator("#step-break details summary").click()
    box = page.locator("#live-cards input[value='4801']")
    box.check()
    page.locator("#pbx-line").fill("+1999")
    page.locator("#pbx-phone").fill("+1888")
    simulator.grant(4777, private=True)
    page.locator("#live-cards .card", has_text="4777").locator(".state.active").wait_for()
    assert page.locator("#pbx-line").input_value() == "+1999"
    assert page.locator("#pbx-phone").input_value() == "+1888"
    assert page.evaluate("document.activeElement.id") == "pbx-phone"
    assert page.locator("#step-break details").get_attribute("open") is not None
    assert box.is_checked()
    simulator.disconnect(4777, webhook="never")
    assert wrong == []


def test_why_a_press_is_refused_stands_beside_it(page: Page, simulator: Simulator) -> None:
    page.locator("#bill-amount").fill("much")
    press(page, "bill", "Bill")
    notice = page.locator("#step-bill .notice")
    notice.wait_for()
    assert notice.inner_text() == "'much' is no amount, such as 29.90."
    assert page.locator("#bill-amount").input_value() == "much"
    page.locator("#bill-amount").fill("29.90")
    simulator.fault("any", "delay", seconds=0)
    press(page, "break", "Mend all")
    page.locator("#live-break").get_by_text("Nothing is broken.").wait_for()


def test_what_is_typed_is_shown_as_text(page: Page, wrong: list[str]) -> None:
    page.locator("#bill-currency").fill(ODD)
    press(page, "bill", "Bill")
    page.locator("#live-bill [data-answer=bill]").get_by_text("400").wait_for()
    page.locator("#live-bill").get_by_text("onerror").first.wait_for()
    assert page.locator("img").count() == 0
    assert page.title() == "Altegio, simulated"
    assert wrong == []


def test_it_says_when_the_stack_has_ended(chrome: Browser) -> None:
    with Simulator() as ending:
        page = chrome.new_page()
        page.goto(ending.url)
        page.get_by_text("No local stack runs beside it").wait_for()
    page.get_by_text("the stack has ended").wait_for(timeout=PATIENCE_MS)
    page.close()


def test_every_button_works_without_scripts(chrome: Browser, simulator: Simulator) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(simulator.url)
    page.locator("#bill-amount").fill("much")
    press(page, "bill", "Bill")
    assert "is no amount" in page.locator(".notice").inner_text()
    page.goto(simulator.url)
    press(page, "bill", "Bill")
    assert page.locator("#live-bill [data-answer=bill]").count() == 1
    assert page.url.rstrip("/") == simulator.url
    context.close()
