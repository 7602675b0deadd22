"""The page in a frame of another site, as in Altegio, with and without scripts; and by keyboard."""

import json
from dataclasses import replace
from typing import Any

import pytest

from local.simulator import Owner
from shared import countries
from tests.browser.conftest import PHONE, SCREENSHOTS, Site, Window

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"


def standings(window: Window) -> dict[str, str]:
    found: dict[str, str] = window.shown.locator("li[data-location]").evaluate_all(
        "all => Object.fromEntries(all.map(li => [li.dataset.location, li.dataset.standing]))"
    )
    return found


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_whole_way_inside_the_frame(site: Site, scripts: bool) -> None:  # noqa: FBT001
    address = site.deployment.simulator.grant(4564, 4232, owner=ANNA)
    window = site.open(address, framed_by=site.host, scripts=scripts)
    assert window.title() == "Connect your telephony"
    window.press("connect")
    assert window.title() == "You are connected"
    assert window.shown.locator("li[data-standing=connected]").count() == 2
    key = window.shown.locator("#pbx-key").inner_text()
    assert key.startswith("pbx_")
    # What is pressed beside a key that is shown once does not take it away.
    settings = window.press_aside("button[value=code]")
    assert window.shown.locator("#pbx-key").inner_text() == key
    settings.shown.locator("input[name=code]").fill(site.deployment.code())
    settings.press("prove")
    settings.press("rotate")
    assert settings.shown.locator("#pbx-key").inner_text().startswith("pbx_")
    assert window.wrong == settings.wrong == []
    assert window.page.context.cookies() == []
    window.page.screenshot(path=SCREENSHOTS / f"frame-{'with' if scripts else 'no'}-scripts.png")


def test_there_are_no_cookies_in_the_frame(site: Site) -> None:
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA), framed_by=site.host)
    assert window.shown.evaluate("document.cookie = 'probe=1'; document.cookie") == ""
    own = site.open(site.deployment.simulator.grant(4232, owner=ANNA))
    assert own.shown.evaluate("document.cookie = 'probe=1'; document.cookie") == "probe=1"


def test_altegio_is_told_how_it_went(site: Site) -> None:
    address = site.deployment.simulator.grant(*range(4500, 4515), owner=ANNA)
    window = site.open(address, framed_by=site.host)
    # The page is longer than the frame: it asks for room.
    room = {"action": "show_modal", "payload": {"maximized": True, "scrollIntoView": True}}
    assert window.told() == [{"origin": site.api, **room}]
    window.press("connect")
    toast = {"type": "success", "options": {"message": "You are connected"}}
    # The first time, there is a key to copy, so it stays as it is.
    assert window.told()[1:] == [
        {"origin": site.api, "action": "show_toast", "payload": toast},
        {"origin": site.api, **room},
    ]
    # Who connects his only location again has nothing to read.
    boris = Owner(id=9, name="Boris", phone="4915187654321", email="boris@salon.example")
    site.deployment.connect(4564, owner=boris)
    site.deployment.simulator.disconnect(4564)
    window = site.open(site.deployment.simulator.grant(4564, owner=boris), framed_by=site.host)
    before = len(window.told())
    window.press("connect")
    assert window.told()[before:] == [
        {"origin": site.api, "action": "show_toast", "payload": toast},
        {"origin": site.api, "action": "close_modal"},
    ]


def test_altegio_is_told_that_something_is_missing(site: Site) -> None:
    address = site.deployment.simulator.grant(4564, owner=ANNA)
    site.deployment.simulator.fault("callback", "status", status=500, location_id=4564)
    window = site.open(address, framed_by=site.host)
    window.press("connect")
    toasts = [told["payload"]["type"] for told in window.told() if told["action"] == "show_toast"]
    assert toasts == ["error"]


def test_outside_a_frame_nobody_is_told_anything(site: Site) -> None:
    window = site.open(site.deployment.simulator.grant(*range(4500, 4515), owner=ANNA))
    window.press("connect")
    assert window.wrong == []


def test_any_other_site_shows_an_empty_frame(site: Site) -> None:
    # The same server, under another name, is another origin.
    stranger = site.host.replace("localhost", "127.0.0.1")
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA), framed_by=stranger)
    assert window.shown.url.startswith("chrome-error:")
    assert window.shown.locator("form").count() == 0
    assert any("frame-ancestors" in wrong for wrong in window.wrong)


OFFSET = {"top": -900, "height": 3000, "windowHeight": 800}


def post(window: Window, origin: str, **payload: Any) -> str:
    """The host tells where the frame is; returns where the notice stands then."""
    told = json.dumps({"action": "send_iframe_offset", "payload": payload})
    window.page.evaluate(f"frames[0].postMessage({told}, '{origin}')")
    window.shown.evaluate("new Promise(done => setTimeout(done, 50))")
    return str(window.shown.evaluate("document.getElementById('working').style.top"))


def test_the_notice_stands_where_the_owner_looks(site: Site) -> None:
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA), framed_by=site.host)
    assert post(window, site.api, **OFFSET) == "1300px"
    garbage: dict[str, Any]
    for garbage in ({}, {"top": "x"}, {"top": None, "height": {}, "windowHeight": []}):
        assert post(window, site.api, **garbage) == "1300px"
    assert window.wrong == []


def test_a_message_of_another_origin_is_not_heard(site: Site) -> None:
    # It may frame the page, but is not the one that is spoken to.
    stranger = site.host.replace("localhost", "127.0.0.1")
    site.deployment.restart(FRAME_ANCESTORS=f"http://127.0.0.1:* {site.host}")
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA), framed_by=stranger)
    assert window.title() == "Connect your telephony"
    assert post(window, site.api, **OFFSET) == ""
    assert window.told() == []


def test_a_message_of_another_frame_is_not_heard(site: Site) -> None:
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA), framed_by=site.host)
    told = json.dumps({"action": "send_iframe_offset", "payload": OFFSET})
    # A window of the host's own origin that is not the one around the page.
    window.page.evaluate(
        f"""() => new Promise(done => {{
            const beside = document.createElement("iframe");
            beside.src = "/";
            beside.onload = () => {{
                beside.contentWindow.eval(`parent.frames[0].postMessage({told}, "{site.api}")`);
                setTimeout(done, 50);
            }};
            document.body.append(beside);
        }})"""
    )
    assert window.shown.evaluate("document.getElementById('working').style.top") == ""


def test_pressing_twice_connects_once(site: Site) -> None:
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA))
    site.deployment.simulator.fault("status", "delay", seconds=0.4)
    with window.page.expect_navigation():
        meanwhile = window.page.evaluate(
            """() => new Promise(done => {
                const button = document.querySelector("button[value=connect]");
                button.click();
                button.click();
                const notice = document.getElementById("working");
                setTimeout(() => done([button.disabled, notice.innerText]), 50);
            })"""
        )
    assert meanwhile == [True, "One moment, please…"]
    assert window.title() == "You are connected"
    assert len(site.deployment.simulator.calls("callback")) == 1


def test_a_keyboard_is_enough(site: Site) -> None:
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA), size=PHONE)
    reached = []
    for _ in range(6):
        window.page.keyboard.press("Tab")
        reached.append(
            window.page.evaluate(
                "[document.activeElement.name || document.activeElement.tagName,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    order = ("name", "email", "phone", "country", "action", "A")
    assert reached == [[name, "solid"] for name in order]
    window.page.locator("input[name=email]").focus()
    with window.page.expect_navigation():
        window.page.keyboard.press("Enter")
    assert window.title() == "You are connected"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_times_are_told_as_the_owner_reads_them(site: Site, scripts: bool) -> None:  # noqa: FBT001
    site.deployment.connect(4564, owner=ANNA)
    site.deployment.bill({**PAYMENT, "event_id": "inv-1"})
    window = site.open(
        site.deployment.simulator.redirect(4564, owner=ANNA), language="ru", scripts=scripts
    )
    window.press("code")
    window.shown.locator("input[name=code]").fill(site.deployment.code())
    window.press("prove")
    [time] = window.shown.locator("time").all_inner_texts()
    assert "2026\u202fг." in time  # noqa: RUF001 - Russian; with an ordinary space, a line may break there
    assert time.endswith(" UTC") is not scripts


@pytest.mark.parametrize(
    ("language", "germany"), [("en", "Germany +49"), ("ru", "Германия +49")], ids=["en", "ru"]
)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_countries_are_called_as_the_owner_calls_them(
    site: Site,
    language: str,
    germany: str,
    scripts: bool,  # noqa: FBT001
) -> None:
    window = site.open(
        site.deployment.simulator.grant(4564, owner=ANNA), language=language, scripts=scripts
    )
    select = window.shown.locator("select[name=country]")
    assert select.input_value() == "DE"
    chosen = select.locator("option:checked").inner_text()
    assert chosen == (germany if scripts else "DE +49")
    # The first is empty, for whoever has not chosen yet.
    names = select.locator("option").all_inner_texts()[1:]
    assert len(set(names)) == len(names) == len(countries.CODES)
    select.select_option("US")
    window.shown.locator("input[name=phone]").fill("(315) 555-0100")
    window.press("connect")
    [account] = [row for row in site.deployment.rows("ACCOUNTS_TABLE") if "phone" in row]
    assert (account["country"], account["phone"]) == ("US", "+13155550100")


PAYMENT = {
    "type": "payment",
    "location_id": 4564,
    "amount": "990.99",
    "currency": "EUR",
    "paid_at": "2026-11-01T10:10:00+00:00",
    "period_from": "2026-11-01T00:00:00+00:00",
    "period_to": "2026-11-30T23:59:59+00:00",
}


def test_nothing_that_anybody_types_is_run(site: Site) -> None:
    owner = replace(ANNA, name=HOSTILE, email=HOSTILE, phone=HOSTILE, salon_name=HOSTILE)
    window = site.open(site.deployment.simulator.grant(4564, owner=owner))
    dialogs: list[str] = []
    window.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    assert window.page.locator("input[name=name]").input_value() == HOSTILE
    window.page.locator("input[name=email]").fill("anna@salon.example")
    window.page.locator("input[name=phone]").fill("")
    window.page.locator("select[name=country]").select_option("DE")
    window.press("connect")
    address = site.deployment.simulator.grant(4232, owner=owner)
    window.page.goto(site.local(address))
    assert HOSTILE in window.title()
    assert window.page.locator("img:not([src$='/logo.svg'])").count() == 0
    assert (dialogs, window.wrong) == ([], [])
