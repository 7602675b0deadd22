"""The states in words are those of the page, and every one of them."""

import re

import pytest

from shared.payments.entry import EntryState
from shared.payments.meanings import MEANINGS, told
from tests.deployment import Deployment, payment
from tests.docs import pages


def test_the_page_and_the_answer_say_the_same() -> None:
    text = pages.text("docs/billing.md")
    rows = re.findall(r"^\| ([A-Z_]+) \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert {state: (means, follows) for state, means, follows in rows} == {
        str(state): words for state, words in MEANINGS.items()
    }


@pytest.mark.parametrize("state", EntryState)
def test_every_state_has_its_words(state: EntryState) -> None:
    assert all(MEANINGS[state])


def test_an_entry_says_what_it_is_waiting_for(deployment: Deployment) -> None:
    deployment.bill(payment())
    words = told(deployment.entry("payment#inv-1"))
    assert (words["state"], words["why"]) == ("HELD", "the location is not connected")
    assert words["location_id"] == 4564
    assert words["due_at"] > words["received_at"]
    assert "platform_id" not in words
    assert "`" not in "".join(map(str, words.values()))
