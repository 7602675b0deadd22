"""The checklist of the moderation: per point a verdict, and one sentence of what proves it.

The numbers in the sentences are counted in the platform's records and in the pages seen, as the
verdicts are.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from local.rehearsal import telephony
from local.rehearsal.bill import PERIOD
from local.rehearsal.missed import UNANSWERED
from local.rehearsal.play import Failure, Outcome, Played
from local.rehearsal.stage import answered, number
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
        return Point(name, FAILED, _why(steps, failure))
    return Point(name, PASSED, sentence(outcome))


def _why(steps: Sequence[Played], failure: Failure) -> str:
    """Of what failed: where, and why; each in a line of its own."""
    failed = next((each for each in steps if each.failure), None)
    where = f"At “{failed.step.name}”" if failed else "When all steps were over"
    return f"{where}\nexpected: {failure.expected}\nfound: {failure.recorded}"


def _connects(outcome: Outcome) -> str:
    active = sum(each.state == "active" for each in outcome.records)
    locations = number(len(outcome.records), "location")
    callbacks = _calls(outcome, "callback")
    taken, failed = sum(it.recorded for it in callbacks), sum(bool(it.fault) for it in callbacks)
    return (
        f"{active} of {locations} are active in Altegio, by {number(taken, 'accepted callback')}:"
        f" one alone, three together, and two together, of whose callbacks {failed} failed on"
        f" purpose and was repeated.{_trial(outcome)}"
    )


def _trial(outcome: Outcome) -> str:
    """When that of the first location ends, for which nothing is paid in this check."""
    platform = outcome.stage.platform.platform
    if not platform.trial_days or not outcome.records:
        return ""
    until = platform.covered_until(outcome.records[0].location_id)
    return f" The trial of the first ends {until} {platform.zone}."


def _pays(outcome: Outcome) -> str:
    billed, listed = _billed(outcome), sum(len(each.payments) for each in outcome.records)
    calls = _calls(outcome, "payment")
    lost = sum(bool(each.fault) for each in calls)
    return (
        f"{number(billed, 'payment')} billed, {listed} in Altegio's list, by"
        f" {number(len(calls), 'request')}, with sum, currency, date and period as billed:"
        f" {PERIOD.days} days from the day of payment. Events told twice made no second payment,"
        f" nor did {number(lost, 'answer')} lost on purpose."
    )


def _refunds(outcome: Outcome) -> str:
    payments = [each for record in outcome.records for each in record.payments]
    refunded = sum(each.is_refunded for each in payments)
    frozen = sum(any(it.status_to == "freezed" for it in each.log) for each in outcome.records)
    calls = _calls(outcome, "refund")
    return (
        f"{refunded} of {number(len(payments), 'payment')} were refunded, by"
        f" {number(len(calls), 'refund request')}{answered(calls)}: each names a payment in its"
        " path and has no body, which refunds the full sum. Altegio's list marks these and no"
        f" other. {number(frozen, 'location')} with nothing paid left froze; the next payment"
        f" thawed {'it' if frozen == 1 else 'them'}."
    )


def _follows(outcome: Outcome) -> str:
    ended = [{it.status_to for it in each.log} for each in outcome.records]
    gone = sum("uninstalled" in each for each in ended)
    expired = sum("freezed" in each for each in ended)
    active = sum(each.state == "active" for each in outcome.records)
    told = Counter(each.event for each in outcome.webhooks)
    slowest = ceil(100 * max(each.elapsed for each in outcome.webhooks)) / 100
    return (
        f"{number(gone, 'location')} disabled, {number(expired, 'period')} ended."
        f" {number(told.total(), 'webhook')} answered within {slowest:.2f} s: {told['uninstall']}"
        f" uninstall (one late, one twice), {told['freeze']} freeze. One uninstall without a"
        " webhook was found by asking. Payments waited for the reconnect, then went out once."
        f" {active} are active again. Telephony stayed on for the rest of the chain."
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
        " were connected together."
    )
    again = len(calls) - first
    why = "Altegio does not document whether that ends the telephony of the other"
    return f"{words} {again} more when one left, as {why}." if again else words


def _disables(outcome: Outcome) -> str:
    requests = number(len(_switches(outcome, "disable")), "request")
    return (
        f"{requests}, when the last location of the chain left. None when the first left: the other"
        " was still connected."
    )


def _notifies(outcome: Outcome) -> str:
    shown = outcome.stage.platform.pop_ups(outcome.stage.token)
    off = ", and none once telephony was off" if outcome.has_passed else ""
    return (
        f"{number(len(shown), 'pop-up')} for {number(len(shown), 'call')} that rang, one of them at"
        f" four telephones; none for a call that rang a minute ago{off}."
    )


def _saves(outcome: Outcome) -> str:
    saved = outcome.stage.platform.saved_calls(telephony.RUNG)
    ways = Counter(each.direction for each in saved)
    recorded = sum(bool(each.link) for each in saved)
    missed = sum(each.status == "missed" for each in saved)
    lost = sum(bool(each.fault) for each in _calls(outcome, "history"))
    return (
        f"{number(len(saved), 'call')} in the client's history, each once: {ways['incoming']}"
        f" incoming, {ways['outgoing']} outgoing; {recorded} answered, with the recording's link,"
        f" {missed} missed. {number(lost, 'answer')} went wrong on purpose, so Altegio's list was"
        " compared."
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
