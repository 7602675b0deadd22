"""A stranger with the owner's link asks for codes as often as he likes: he floods nobody, and the
owner is let in all the same.
"""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.connect.english import ENGLISH
from local.simulator import Owner
from shared.connect.codes import DIGITS, windows
from shared.connect.one_time_code import MOST_LETTERS
from shared.connect.view import Proof
from tests.deployment import Deployment, Page

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    """At the beginning of a half hour, as a code is its half hour's."""
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.clock.at, _ = windows(deployment.clock.at)
    return deployment


def press(deployment: Deployment, page: Page, action: str, code: str = "") -> Page:
    return deployment.post({**page.fields, "action": action, "code": code})


def test_whoever_asks_for_hours_sends_two_letters_in_a_half_hour_and_keeps_nobody_out(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    stranger = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    for half_hour in range(1, 10):
        for _ in range(5):
            for _ in range(MOST_LETTERS):
                press(deployment, stranger, "code")
            press(deployment, stranger, "prove", "0000 0000 0000")
            deployment.clock.advance(minutes=6)
        assert len(deployment.letters) == half_hour * MOST_LETTERS
    press(deployment, stranger, "code")
    press(deployment, stranger, "code")
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    page = press(deployment, page, "code")
    assert page.proof == "too many"
    assert ENGLISH.proof[Proof.TOO_MANY] in page.text
    assert page.buttons == ["prove"]
    assert press(deployment, page, "prove", deployment.code()).proof == "given"
    # What he has used is not the last: the next comes at once.
    assert press(deployment, page, "code").proof == "sent"
    assert press(deployment, page, "prove", deployment.code()).proof == "given"


WHO_DOES_WHAT = st.lists(
    st.one_of(
        st.tuples(st.just("stranger asks"), st.integers(1, 4)),
        st.tuples(st.just("stranger tries"), st.integers(0, 10**DIGITS - 1)),
        st.tuples(st.just("owner asks and proves"), st.just(0)),
        st.tuples(st.just("owner takes his last letter"), st.just(0)),
        st.tuples(st.just("time passes"), st.integers(1, 40)),
    ),
    max_size=15,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=WHO_DOES_WHAT)
def test_the_owner_is_let_in_whatever_a_stranger_does(
    deployment: Deployment, steps: list[tuple[str, int]]
) -> None:
    world = Besieged(deployment)
    for what, number in steps:
        match what:
            case "stranger asks":
                world.stranger_asks(number)
            case "stranger tries":
                world.stranger_tries(number)
            case "owner asks and proves":
                assert world.owner_proves(asks=True)
            case "owner takes his last letter":
                assert world.owner_proves(asks=False)
            case _:
                deployment.clock.advance(minutes=number)
    assert world.owner_proves(asks=True)
    for half_hour, letters in world.letters.items():
        assert letters <= MOST_LETTERS * (1 + world.proofs[half_hour])


class Besieged:
    """One account that two ask codes for, and the letters of which one reads."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        # Each world has an owner of its own, as the tables stay.
        number = 5000 + len(deployment.rows("CONNECTIONS_TABLE"))
        owner = Owner(number, "Anna", "4915112345678", f"{number}@salon.example")
        deployment.connect(number, owner=owner)
        self._address = deployment.simulator.redirect(number, owner=owner)
        self._stranger = deployment.visit(self._address)
        self._mailbox: list[tuple[datetime, str]] = []
        self._used: list[str] = []
        # By the half hour.
        self.letters: Counter[datetime] = Counter()
        self.proofs: Counter[datetime] = Counter()

    def stranger_asks(self, times: int) -> None:
        for _ in range(times):
            self._ask(self._stranger)

    def stranger_tries(self, number: int) -> None:
        """What he has guessed, and what he has read over the owner's shoulder, too late."""
        for code in (f"{number:0{DIGITS}}", *self._used[-2:]):
            page = self._deployment.visit(self._address)
            tried = press(self._deployment, page, "prove", code)
            assert tried.proof == "wrong"

    def owner_proves(self, *, asks: bool) -> bool:
        """Whether he could, with his last letter; true if he neither asks nor has a good one."""
        page = self._deployment.visit(self._address)
        if asks:
            page = self._ask(page)
            assert page.proof in ("sent", "too many")
        now = self._deployment.clock()
        good = [code for at, code in self._mailbox if now - at < timedelta(minutes=30)]
        if not asks and (not good or good[-1] in self._used):
            return True
        code = self._mailbox[-1][1]
        self._used.append(code)
        self.proofs[windows(now)[0]] += 1
        proven = press(self._deployment, page, "prove", code)
        return proven.proof == "given"

    def _ask(self, page: Page) -> Page:
        before = len(self._deployment.letters)
        assert "code" in page.buttons
        answer = press(self._deployment, page, "code")
        now = self._deployment.clock()
        for _ in self._deployment.letters[before:]:
            self._mailbox.append((now, self._deployment.code()))
            self.letters[windows(now)[0]] += 1
        return answer
