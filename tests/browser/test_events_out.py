"""The page of the local stack that shows the events out, as a webhook gets them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from local.examples.webhook import Webhook
from tests.browser.conftest import DESKTOP, PHONE, SCREENSHOTS
from tests.docs.test_events_page import EXAMPLES


class Rules:
    """EventBridge, which keeps what it is asked to make."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def __getattr__(self, method: str) -> Any:
        def ask(**asked: Any) -> Any:
            self.asked[method] = asked
            return {"ConnectionArn": "arn:c", "ApiDestinationArn": "arn:d"}

        return ask

    def deliver(self, event: dict[str, Any], key: str | None = None) -> int:
        """As an API destination does; returns the webhook's answer."""
        parameters = self.asked["create_connection"]["AuthParameters"]["ApiKeyAuthParameters"]
        url = self.asked["create_api_destination"]["InvocationEndpoint"]
        body = json.dumps({"type": event["detail-type"], "event": event["detail"]}).encode()
        headers = {parameters["ApiKeyName"]: key or parameters["ApiKeyValue"]}
        return httpx.post(url, content=body, headers=headers).status_code


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
def webhook(rules: Rules) -> Iterator[Webhook]:
    with Webhook(rules, "bus") as webhook:
        yield webhook


def test_each_event_is_shown_once_and_how_often_it_came(
    chrome: Browser, rules: Rules, webhook: Webhook
) -> None:
    page = chrome.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page.goto(webhook.url)
    assert "None yet." in page.inner_text("body")
    for example in (*EXAMPLES, EXAMPLES[0]):
        assert rules.deliver(example) == 200
    assert rules.deliver(EXAMPLES[1], "Bearer guessed") == 401
    page.reload()
    rows = page.locator("tr[data-id]")
    shown = [[cell.inner_text() for cell in row.locator("td").all()] for row in rows.all()]
    newest_first = sorted(EXAMPLES, key=lambda it: it["detail"]["at"], reverse=True)
    assert [row[3] for row in shown if "payment.sent" in row[1]] == ["2 times"]
    for row, example in zip(shown, newest_first, strict=True):
        assert row[1].split() == [example["detail-type"], example["detail"]["id"], "version", "1"]
        # The whole body, as it was posted.
        assert json.loads(row[2]) == {"type": example["detail-type"], "event": example["detail"]}
    page.screenshot(path=SCREENSHOTS / "events-out.png")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def test_what_is_posted_is_shown_as_text(chrome: Browser, rules: Rules, webhook: Webhook) -> None:
    odd = json.loads(json.dumps(EXAMPLES[0]))
    odd["detail"]["event_id"] = "<img src=x onerror=document.title='owned'>"
    rules.deliver(odd)
    page = chrome.new_page()
    page.goto(webhook.url)
    assert "onerror" in page.inner_text("tr[data-id] td:nth-child(3) pre")
    assert page.title() == "Events out"
    assert page.locator("img").count() == 0
    page.close()
