"""The way through a portal of the company's own, in a real browser with its cookies."""

from collections.abc import Iterator

import pytest

from local.examples.portal import Portal
from local.simulator import Owner
from tests.browser.conftest import Site
from tests.browser.test_states import found_by_axe

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
KEY = "portal-key-of-more-than-32-characters"


@pytest.fixture
def portal(site: Site) -> Iterator[Portal]:
    with Portal(KEY, api=site.api) as portal:
        site.deployment.set_portal_key(KEY)
        site.deployment.restart(FRAME_ANCESTORS=site.host, PORTAL_URL=portal.url)
        yield portal


def test_the_customer_logs_in_is_asked_and_is_connected(site: Site, portal: Portal) -> None:
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA))
    assert window.title() == "Log in"
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Log in").click()
    assert window.title() == "Connect to Altegio?"
    assert "Anna Schmidt" in window.page.locator("body").inner_text()
    assert site.deployment.simulator.calls("callback") == []
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Connect").click()
    assert window.title() == "Done"
    assert window.page.locator("li[data-standing=connected]").count() == 1
    assert portal.pbx_keys["polina.popova"].startswith("pbx_")
    assert window.wrong == []


def test_from_altegios_frame_it_opens_in_a_tab(site: Site, portal: Portal) -> None:
    address = site.deployment.simulator.grant(4564, owner=ANNA)
    window = site.open(address, framed_by=site.host)
    assert window.title() == "One more step on our website"
    assert found_by_axe(window.shown) == []
    with window.page.expect_popup() as opened:
        window.shown.get_by_role("link", name="Continue").click()
    tab = opened.value
    tab.wait_for_load_state()
    assert tab.url.startswith(f"{portal.url}?ticket=")
    assert tab.locator("h1").inner_text() == "Log in"
    assert tab.evaluate("[opener, document.referrer]") == [None, ""]


@pytest.mark.parametrize("path", ["/altegio", "/login"])
def test_another_site_cannot_press_for_the_customer(site: Site, portal: Portal, path: str) -> None:
    window = site.open(site.deployment.simulator.grant(4564, owner=ANNA))
    ticket = window.page.locator("input[name=ticket]").input_value()
    window.page.locator("input[name=name]").fill("acme")
    window.page.get_by_role("button", name="Log in").click()
    window.page.wait_for_selector("text=Connect to Altegio?")
    # The same browser, with the customer's cookies, on a page of somebody else.
    window.page.goto(site.host)
    target = portal.url.replace("/altegio", path)
    with window.page.expect_navigation():
        window.page.evaluate(
            f"""() => {{
                const form = Object.assign(document.createElement("form"),
                    {{ method: "post", action: "{target}" }});
                for (const [name, value] of [["ticket", "{ticket}"], ["name", "mallory"]])
                    form.append(Object.assign(document.createElement("input"), {{ name, value }}));
                document.body.append(form);
                form.submit();
            }}"""
        )
    assert window.title() == "This form is not ours"
    assert site.deployment.simulator.calls("callback") == []
    assert set(portal.sessions.values()) == {"acme"}
