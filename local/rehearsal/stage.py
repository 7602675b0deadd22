"""What a check is played on: the owner's hands, the billing system, the platform's records.

Verdicts come from the platform's records and from the pages the owner saw. Our own tables, logs
and answers are not on this stage, so no check can take them for proof.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from local.rehearsal.bill import terms, written
from local.rehearsal.billing import Billing
from local.rehearsal.browser import Browser, Page
from local.rehearsal.pbx import Pbx
from local.simulator import Call, Owner, Simulator
from local.simulator.records import spoken
from local.simulator.simulator import CHAIN_ID

OK = range(200, 300)
# Each location of an owner has a name of its own, as the branches of a business have.
_BRANCHES = ("Old Town", "Harbour", "Riverside", "Market Square", "Park Lane", "Station Road")

_LOOK_EVERY_S = 0.02


class NotAsExpectedError(Exception):
    """The records or the page say something else.

    Attributes:
        expected: What should be there.
        recorded: What is.
    """

    def __init__(self, expected: str, recorded: str) -> None:
        super().__init__(f"expected {expected}; recorded: {recorded}")
        self.expected = expected
        self.recorded = recorded


class OverError(Exception):
    """Somebody has ended the rehearsal; nothing was found."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at the records: whether it is as expected, and what is there in words."""

    holds: bool
    words: str


type Look = Callable[[], Finding]


class Evidence(NamedTuple):
    """What a step expected, and what was there, in words."""

    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Sight:
    """A page that the owner saw, and when."""

    at: datetime
    did: str
    page: Page


class Stage:
    """The stage of one check.

    Args:
        platform: The platform.
        billing: The telephony company's billing system.
        browser: The owner's browser.
        owner: Who presses the buttons.
        chain: All locations of the owner belong to it.
        take_census: Orders what is taken once a day.
        patience_s: Seconds that something expected may take.
        api: Where telephone systems report calls.
        code: Reads the code in the last letter to an owner.
        portal: Plays in portal mode while it is open; gives the address of its page.
        over: Set when somebody ends the rehearsal.

    Attributes:
        sights: The pages the owner saw.
        locations: All that the owner has connected, or tried to.
        pbx: The owner's telephone system, once it is plugged in.
        token: The CRM token of the chain.
        has_ordered_census: Whether what is taken once a day was ordered in this check.
    """

    def __init__(
        self,
        platform: Simulator,
        billing: Billing,
        browser: Browser,
        owner: Owner,
        *,
        chain: int = CHAIN_ID,
        take_census: Callable[[], object],
        patience_s: float,
        api: str = "",
        code: Callable[[], str] = str,
        portal: Callable[[], AbstractContextManager[str]],
        over: threading.Event | None = None,
    ) -> None:
        self.platform = platform
        self.billing = billing
        self.owner = owner
        self.token = platform.add_chain(chain)
        self._chain = chain
        self.patience_s = patience_s
        self.sights: list[Sight] = []
        self.locations: dict[int, None] = {}
        self._browser = browser
        self.api = api
        self.code = code
        self.portal = portal
        self.pbx: Pbx | None = None
        self.has_ordered_census = False
        self._take_census = take_census
        self._over = over or threading.Event()

    # What the owner does

    def grant(self, *location_ids: int, form: str = "auto", page: str = "") -> str:
        """Press Connect in the marketplace; returns where the platform sends the browser.

        Args:
            location_ids: Become pending together.
            form: How the address spells them.
            page: Of the application, if it is not the one that the platform knows.
        """
        self.locations |= dict.fromkeys(location_ids)
        self.platform.add_chain(self._chain, *location_ids)
        branch = _BRANCHES[list(self.locations).index(location_ids[0]) % len(_BRANCHES)]
        # The link names a location, if it is of one only.
        owner = replace(self.owner, salon_name=f"{self.owner.salon_name}, {branch}")
        address = self.platform.grant(*location_ids, owner=owner, form=form)
        known = self.platform.redirect_url
        return address.replace(known, page or known, 1)

    def open(self, address: str, did: str) -> Page:
        """Arrive at the connect page."""
        return self._saw(did, self._browser.open(address))

    def press(self, page: Page) -> Page:
        """Press the page's button."""
        return self._saw("pressed the button", self._browser.press(page))

    def press_second(self, page: Page, did: str, **values: str) -> Page:
        """Press a button beside the way forward, with what its form holds."""
        return self._saw(did, self._browser.press_second(page, values))

    def connect(self, *location_ids: int, form: str = "auto") -> Page:
        """Press Connect in the marketplace, then the button of the page."""
        return self.press(self.open(self.grant(*location_ids, form=form), "came from Altegio"))

    def _saw(self, did: str, page: Page) -> Page:
        self.sights.append(Sight(datetime.now(UTC), did, page))
        return page

    # What the telephony company does

    def take_census(self) -> None:
        """Order what is taken once a day."""
        self.has_ordered_census = True
        self._take_census()

    # What is expected

    def expect(self, expected: str, look: Look) -> Evidence:
        """It is so now, and stays so for one look.

        Raises:
            NotAsExpectedError: It is not.
            OverError: Nobody wants to know any more.
        """
        if self._over.is_set():
            raise OverError
        finding = look()
        if not finding.holds:
            raise NotAsExpectedError(expected, finding.words)
        return Evidence(expected, finding.words)

    def eventually(self, expected: str, look: Look) -> Evidence:
        """It becomes so within our patience.

        Raises:
            NotAsExpectedError: It does not.
        """
        late = time.monotonic() + self.patience_s
        while not (finding := look()).holds and time.monotonic() < late:
            self._wait()
        return self.expect(expected, lambda: finding)

    def throughout(self, seconds: float, expected: str, look: Look) -> Evidence:
        """It is and remains so.

        Raises:
            NotAsExpectedError: It is not, or ends.
        """
        over = time.monotonic() + seconds
        while True:
            evidence = self.expect(expected, look)
            if time.monotonic() >= over:
                return evidence._replace(found=f"{evidence.found}; still so after {seconds:g} s")
            self._wait()

    def _wait(self) -> None:
        if self._over.wait(_LOOK_EVERY_S):
            raise OverError

    # What the platform has on record

    def concerns(self, call: Call) -> bool:
        """Whether a call is about this check's owner: by location, by chain, or as its census."""
        if call.location_id is not None:
            return call.location_id in self.locations
        if isinstance(call.body, dict) and "crm_token" in call.body:
            return bool(call.body["crm_token"] == self.token)
        return call.route == "salons" and self.has_ordered_census

    def connected(self, location_id: int, *, times: int = 1, disturbed: int = 0) -> Look:
        """Active, by one callback per grant and not one too many.

        Args:
            location_id: The location.
            times: How often it was connected.
            disturbed: How many callbacks the platform failed to take, by our order.
        """

        def look() -> Finding:
            calls = self.platform.calls("callback", location_id)
            taken = sum(call.recorded for call in calls)
            failed = sum(bool(call.fault) for call in calls)
            state = self.platform.state(location_id)
            words = f"location {location_id} is {spoken(state)}, {number(taken, 'callback')} taken"
            if failed:
                words += f", {failed} disturbed"
            if refused := len(calls) - taken - failed:
                words += f", {refused} refused"
            as_expected = (taken, failed, refused) == (times, disturbed, 0)
            return Finding(state == "active" and as_expected, words)

        return look

    def paid(self, location_id: int) -> Look:
        """The platform's list holds exactly what was billed, each once and as billed."""

        def look() -> Finding:
            zone = self.platform.platform.zone
            wanted = [bill.terms(zone) for bill in self.billing.bills(location_id)]
            listed = [terms(payment) for payment in self.platform.payments(location_id)]
            return Finding(Counter(listed) == Counter(wanted), self._listed(location_id))

        return look

    def billed(self, location_id: int) -> str:
        """What was billed, in words."""
        zone = self.platform.platform.zone
        return "; ".join(written(bill.terms(zone)) for bill in self.billing.bills(location_id))

    def unpaid(self, location_id: int) -> Look:
        """The platform knows no payment of a location."""

        def look() -> Finding:
            return Finding(not self.platform.payments(location_id), self._listed(location_id))

        return look

    def _listed(self, location_id: int) -> str:
        payments = self.platform.payments(location_id)
        each = "; ".join(f"id {payment.id}, {written(terms(payment))}" for payment in payments)
        words = f"{number(len(payments), 'payment')} of location {location_id}"
        return f"{words}: {each}" if each else words

    def called_once(self, location_id: int, route: str) -> Look:
        """The application has sent one such call about a location, not more."""
        return self._called(location_id, route, 1)

    def untouched(self, location_id: int) -> Look:
        """The application has sent nothing about a location, whose grant still waits."""

        def look() -> Finding:
            calls = self.platform.calls("any", location_id)
            state = self.platform.state(location_id)
            words = (
                f"{number(len(calls), 'request')} about location {location_id}, which is {state}"
            )
            return Finding(not calls and state == "pending", words)

        return look

    def stands(self, location_id: int, state: str) -> Look:
        """The application is in this state in a location."""

        def look() -> Finding:
            found = self.platform.state(location_id)
            return Finding(found == state, f"location {location_id} is {spoken(found)}")

        return look

    def webhook_answered(self, location_id: int, event: str, *, times: int = 1) -> Look:
        """A webhook about a location was delivered so often and answered 2xx.

        How soon is told and not judged: on a busy machine it says nothing of the application.
        """

        def look() -> Finding:
            sent = [
                each
                for each in self.platform.webhooks()
                if (each.location_id, each.event) == (location_id, event)
            ]
            ends = (f"{each.status or each.error} after {each.elapsed:.2f} s" for each in sent)
            words = f"{event} webhook of location {location_id}: {', '.join(ends) or 'not yet'}"
            is_good = len(sent) == times and all(each.status in OK for each in sent)
            return Finding(is_good, words)

        return look

    def status_asked(self, location_id: int, since: datetime) -> Look:
        """The application has asked how a location stands, after `since`."""

        def look() -> Finding:
            asked = [each for each in self.platform.calls("status", location_id) if each.at > since]
            count = number(len(asked), "status request")
            words = f"{count} about location {location_id} since then{answered(asked)}"
            return Finding(bool(asked), words)

        return look

    def asked_until_sure(self, location_id: int, since: datetime, quiet_s: float) -> Look:
        """The application has asked more than once how a location stands, and asks no more."""

        def look() -> Finding:
            asked = [each for each in self.platform.calls("status", location_id) if each.at > since]
            quiet = (datetime.now(UTC) - asked[-1].at).total_seconds() if asked else 0
            # A busy machine asks slowly: what comes next has longer than any that came so far.
            waits = [(one.at - before.at).total_seconds() for before, one in pairwise(asked)]
            slowly_s = 3 * max(waits, default=0)
            count = number(len(asked), "status request")
            words = f"{count} about location {location_id} since then, none for {quiet:.1f} s"
            return Finding(len(asked) > 1 and quiet >= max(quiet_s, slowly_s), words)

        return look

    def uncalled(self, location_id: int, route: str) -> Look:
        """The application has sent no such call about a location."""
        return self._called(location_id, route, 0)

    def _called(self, location_id: int, route: str, times: int) -> Look:
        def look() -> Finding:
            calls = self.platform.calls(route, location_id)
            words = f"{number(len(calls), f'{route} request')} about location {location_id}"
            return Finding(len(calls) == times, words)

        return look


def standings(page: Page, wanted: Mapping[int, str]) -> Look:
    """The page shows exactly these locations, and each so."""

    def look() -> Finding:
        return Finding(dict(page.standings) == wanted, shown(page))

    return look


def shown(page: Page) -> str:
    """What a page says, in words."""
    shows = f" shows {stood(page.standings)}" if page.standings else ""
    return f"the page “{page.title}” (HTTP {page.status}){shows}"


def stood(standings: Mapping[int, str]) -> str:
    """How each location stands, in words."""
    return ", ".join(f"{location} as {standing}" for location, standing in standings.items())


def answered(calls: Sequence[Call]) -> str:
    """With which statuses, each once; nothing if there were no calls."""
    statuses = dict.fromkeys(str(each.status or "not at all") for each in calls)
    return f", answered {' and '.join(statuses)}" if calls else ""


def number(count: int, noun: str) -> str:
    """So many of something, in words."""
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")
