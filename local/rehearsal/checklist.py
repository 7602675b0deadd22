"""The checklist of the moderation: per point a verdict, and one sentence of what proves it.

The numbers in the sentences are counted in the platform's records and in the pages seen, as the
verdicts are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from local.rehearsal import telephony
from local.rehearsal.missed import UNANSWERED
from local.rehearsal.play import Outcome, Played
from local.rehearsal.stage import number
from local.simulator import Call

PASSED, FAILED, NOT_PLAYED = "passed", "failed", "not played"


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the checklist; of a check with several, `name` says which."""

    name: str
    verdict: str
    evidence: str


def points(outcome: Outcome) -> list[Point]:
    """The points of a check: one, but for the telephony, which has four methods."""
    if outcome.check.number == telephony.NUMBER:
        return [_method(outcome, *each) for each in _METHODS]
    return [_point(outcome, outcome.check.title, outcome.steps, _SENTENCES[outcome.check.number])]


def _point(
    outcome: Outcome, name: str, steps: Sequence[Played], sentence: Callable[[Outcome], str]
) -> Point:
    if not steps:
        return Point(name, NOT_PLAYED, "No step of it was played.")
    failure = next((each.failure for each in steps if each.failure), None)
    if failure is None and not outcome.has_passed:
        failure = outcome.afterthought
    if failure:
        words = f"Expected {failure.expected}; recorded: {failure.recorded}."
        return Point(name, FAILED, words)
    return Point(name, PASSED, sentence(outcome))


def _connects(outcome: Outcome) -> str:
    active = sum(each.state == "active" for each in outcome.records)
    locations = number(len(outcome.records), "location")
    callbacks = _calls(outcome, "callback")
    taken, failed = sum(it.recorded for it in callbacks), sum(bool(it.fault) for it in callbacks)
    return (
        f"{active} of {locations} are active in Altegio, by {number(taken, 'accepted callback')}:"
        " one location alone, three together, and two together, of whose callbacks"
        f" {failed} failed on purpose and was repeated."
    )


def _pays(outcome: Outcome) -> str:
    billed, listed = _billed(outcome), sum(len(each.payments) for each in outcome.records)
    calls = _calls(outcome, "payment")
    lost = sum(bool(each.fault) for each in calls)
    return (
        f"{number(billed, 'payment')} billed, {listed} in Altegio's list, with sum, currency, date"
        f" and period as billed, by {number(len(calls), 'payment request')}. Events told twice made"
        f" no second one, nor did {number(lost, 'answer')} that got lost on purpose."
    )


def _refunds(outcome: Outcome) -> str:
    payments = [each for record in outcome.records for each in record.payments]
    refunded = sum(each.is_refunded for each in payments)
    frozen = sum(any(it.status_to == "freezed" for it in each.log) for each in outcome.records)
    calls = number(len(_calls(outcome, "refund")), "refund request")
    return (
        f"{refunded} of {number(len(payments), 'payment')} were refunded: they are marked so in"
        f" Altegio's list, by {calls}, and no other is. {number(frozen, 'location')} with nothing"
        f" paid left froze, and the next payment thawed {'it' if frozen == 1 else 'them'}."
    )


def _follows(outcome: Outcome) -> str:
    ended = [{it.status_to for it in each.log} for each in outcome.records]
    gone = sum("uninstalled" in each for each in ended)
    expired = sum("freezed" in each for each in ended)
    active = sum(each.state == "active" for each in outcome.records)
    webhooks = [each for each in outcome.webhooks if each.event == "uninstall"]
    slowest = ceil(100 * max(each.elapsed for each in webhooks)) / 100
    return (
        f"The owner disabled {number(gone, 'location')}. {number(len(webhooks), 'webhook')}, one"
        f" late and one twice, were answered within {slowest:.2f} s; the disabling that no webhook"
        " told was found by asking Altegio. No payment was sent meanwhile; those held back went out"
        f" once. {active} are active again, {expired} of them after its period had ended."
    )


def _recognises(outcome: Outcome) -> str:
    pages = [sight.page for sight in outcome.stage.sights]
    forged = sum(page.status == HTTPStatus.FORBIDDEN for page in pages)
    active = sum(each.state == "active" for each in outcome.records)
    return (
        "A new user fills in a form once; for his next location there is nothing to fill in, and"
        " with a portal of the provider's own he logs in there:"
        f" {number(active, 'location')} connected. {number(forged, 'forged link')} refused"
        " (HTTP 403), with nothing sent to Altegio."
    )


def _remembers(outcome: Outcome) -> str:
    location_id = next(iter(outcome.stage.locations))
    saved = outcome.stage.platform.saved_calls(location_id)
    # Those of the last step may not be saved yet.
    entry = sum(each.call_id in UNANSWERED for each in saved)
    back = sum(each.direction == "outgoing" for each in saved)
    return (
        f"Ours, not asked by Altegio. {number(entry, 'missed call')} of one caller are one entry on"
        f" the owner's page. A call back takes it off, and so does somebody who presses Done and"
        f" says who he is; only the {number(back, 'call')} back count as such."
    )


_SENTENCES = {
    1: _connects,
    2: _pays,
    3: _refunds,
    4: _follows,
    5: _recognises,
    7: _remembers,
}


def _method(
    outcome: Outcome, name: str, steps: frozenset[str], sentence: Callable[[Outcome], str]
) -> Point:
    played = [each for each in outcome.steps if each.step.name in steps]
    failed = any(each.failure for each in played)
    if len(played) < len(steps) and not failed:
        return Point(name, NOT_PLAYED, "A step before it failed.")
    return _point(outcome, name, played, sentence)


def _enables(outcome: Outcome) -> str:
    left = [each.sent_at for each in outcome.webhooks]
    calls = _switches(outcome, "enable")
    first = sum(all(call.at < at for at in left) for call in calls)
    words = (
        f"{number(first, 'request')} when {number(len(outcome.records), 'location')} of a chain"
        " were connected together; then the page said that telephony is on."
    )
    again = len(calls) - first
    return f"{words} {again} more when one location left, so that it stays on." if again else words


def _disables(outcome: Outcome) -> str:
    requests = number(len(_switches(outcome, "disable")), "request")
    return f"{requests}: when the last location of the chain left, and none when the first did."


def _notifies(outcome: Outcome) -> str:
    shown = outcome.stage.platform.pop_ups(outcome.stage.token)
    return (
        f"{number(len(shown), 'pop-up')} for {number(len(shown), 'call')} that rang, one of them at"
        " four telephones; none for a call that rang a minute ago, and none once telephony was off."
    )


def _saves(outcome: Outcome) -> str:
    saved = outcome.stage.platform.saved_calls(telephony.RUNG)
    recorded = sum(bool(each.link) for each in saved)
    missed = sum(each.status == "missed" for each in saved)
    lost = sum(bool(each.fault) for each in _calls(outcome, "history"))
    return (
        f"{number(len(saved), 'call')} in the client's history, each once: {recorded} answered,"
        f" with the recording's link, {missed} missed. Altegio's list of calls was compared, as"
        f" {number(lost, 'answer')} went wrong on purpose."
    )


_METHODS = tuple(
    (name, frozenset(telephony.STEPS[place][0] for place in places), sentence)
    for name, places, sentence in (
        ("Enable", (0,), _enables),
        ("Disable", (4, 5), _disables),
        ("Call notification", (1,), _notifies),
        ("Call history", (2, 3), _saves),
    )
)


def _calls(outcome: Outcome, route: str) -> list[Call]:
    return [each for each in outcome.calls if each.route == route]


def _switches(outcome: Outcome, command: str) -> list[Call]:
    """Of the chain that it is about."""
    return [
        each
        for each in _calls(outcome, command)
        if isinstance(each.body, dict) and each.body.get("crm_token") == outcome.stage.token
    ]


def _billed(outcome: Outcome) -> int:
    stage = outcome.stage
    return sum(len(stage.billing.bills(location_id)) for location_id in stage.locations)
