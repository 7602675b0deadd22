"""The sixth check: the network telephony that Altegio's guide for telephony apps asks for.

https://alteg.io/en/support/knowledge-base/11125530667421 (step 2),
https://alteg.io/en/support/knowledge-base/11125420000669 (the methods).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from local.rehearsal.money import SCHEDULE_S
from local.rehearsal.pbx import CALLER, EXTENSION, LINE, Pbx
from local.rehearsal.stage import OK, Evidence, Finding, Look, Stage, answered, number

NUMBER = 6
"""Of the check."""
RUNG, SIBLING = 4660, 4661
RECORDINGS = "https://records.example/"

type Facts = tuple[str, str, int, str]
"""Of a saved call: direction, status, seconds, link of the recording."""

SAVED: Mapping[str, Facts] = {
    "c-1": ("incoming", "success", 90, f"{RECORDINGS}c-1.mp3"),
    "c-2": ("incoming", "missed", 0, ""),
    "c-3": ("outgoing", "success", 20, f"{RECORDINGS}c-3.mp3"),
    "c-4": ("outgoing", "missed", 0, ""),
}


def enables(stage: Stage) -> Iterator[Evidence]:
    """Telephony is on when the page says connected: by one call for the chain."""
    stage.platform.route(RUNG, line=LINE)
    page = stage.connect(RUNG, SIBLING)
    each = ", ".join(f"{found} in {it}" for it, found in page.telephony.items())
    look = lambda: Finding(  # noqa: E731 - as all looks are
        page.telephony == dict.fromkeys((RUNG, SIBLING), "on"),
        f"the page says that telephony is {each or 'nothing'}",
    )
    yield stage.expect("a page that says that telephony is on", look)
    yield stage.expect(
        "enabled by one request for both locations", switched(stage, "enable", on=True)
    )
    stage.pbx = Pbx(stage.api, page.pbx_key)
    status, _said = stage.pbx.ring(RUNG, "c-0", ago_s=3600)
    taken = lambda: Finding(status in OK, f"a call with this key was answered {status}")  # noqa: E731
    yield stage.expect("the telephone system's key, from the page, taken", taken)


def pops_up(stage: Stage) -> Iterator[Evidence]:
    """The card of the caller is shown while it rings: once, and never too late."""
    began_at = datetime.now(UTC)
    _pbx(stage).ring(RUNG, "c-1")
    yield stage.expect("one pop-up while it rings", _popped(stage, began_at))
    for _ in range(3):
        _pbx(stage).ring(RUNG, "c-1")
    yield stage.expect("no other one, though it rings at four telephones", _popped(stage, began_at))
    _pbx(stage).ring(RUNG, "c-late", ago_s=60)
    yield stage.expect("no other one, for a call that rang a minute ago", _popped(stage, began_at))


def saves(stage: Stage) -> Iterator[Evidence]:
    """Calls in and out stand in the client's history, answered or not, with recordings' links."""
    for call_id, (direction, _status, seconds, link) in SAVED.items():
        outgoing = direction == "outgoing"
        _pbx(stage).end(RUNG, call_id, seconds=seconds, link=link, outgoing=outgoing)
    expected = "two calls in, two out; of each, one answered, with its recording, and one not"
    yield stage.eventually(expected, _saved(stage, SAVED))


def agrees(stage: Stage) -> Iterator[Evidence]:
    """What is accepted and not saved is filled in from the list, and what is saved not doubled."""
    for kind in ("success_false", "drop_answer"):
        stage.platform.fault("history", kind, crm_token=stage.token)
    link = f"{RECORDINGS}c-5.mp3"
    wanted = dict(SAVED)
    for call_id in ("c-5", "c-6"):
        _pbx(stage).end(RUNG, call_id, seconds=30, link=link)
        wanted[call_id] = ("incoming", "success", 30, link)
    expected = "two calls more, though the platform refused one and lost the answer to the other"
    yield stage.eventually(expected, _saved(stage, wanted))
    yield stage.eventually("the list of calls in Altegio asked for", _listed(stage))
    yield stage.throughout(4 * SCHEDULE_S, "each call once", _saved(stage, wanted))


def keeps_a_sibling(stage: Stage) -> Iterator[Evidence]:
    """A location leaves, and the other's telephony stays on."""
    began_at = datetime.now(UTC)
    stage.platform.disconnect(SIBLING)
    expected = "the application asks how the location stands"
    yield stage.eventually(expected, stage.status_asked(SIBLING, began_at))
    yield stage.throughout(
        2.2 * SCHEDULE_S,
        "telephony on, no disable request",
        switched(stage, "disable", on=True, times=0),
    )
    began_at = datetime.now(UTC)
    _pbx(stage).ring(RUNG, "c-7")
    yield stage.expect("a pop-up at the other location", _popped(stage, began_at))


def disables(stage: Stage) -> Iterator[Evidence]:
    """The last one leaves, and telephony is off."""
    stage.platform.disconnect(RUNG)
    look = switched(stage, "disable", on=False)
    yield stage.eventually("disabled by one request", look)
    began_at = datetime.now(UTC)
    _status, said = _pbx(stage).ring(RUNG, "c-8")
    yield stage.expect("no pop-up any more", _silent(stage, began_at, said))


def _pbx(stage: Stage) -> Pbx:
    if stage.pbx is None:
        raise ValueError("no telephone system is plugged in")
    return stage.pbx


def switched(stage: Stage, command: str, *, on: bool, times: int = 1) -> Look:
    """Telephony of the owner's chain is on or off, after so many of these commands."""

    def look() -> Finding:
        sent = [
            call
            for call in stage.platform.calls(command)
            if isinstance(call.body, dict) and call.body.get("crm_token") == stage.token
        ]
        is_on = stage.platform.telephony(stage.token)
        words = (
            f"telephony is {'on' if is_on else 'off'}, {number(len(sent), f'{command} request')}"
        )
        return Finding(is_on is on and len(sent) == times, words)

    return look


def _popped(stage: Stage, since: datetime) -> Look:
    def look() -> Finding:
        found = [each for each in stage.platform.pop_ups(stage.token) if each.at >= since]
        after = [(each.at - since).total_seconds() for each in found]
        words = number(len(found), "pop-up") + "".join(f", {s:.2f} s after the ring" for s in after)
        right = all((it.phone, it.line, it.user) == (CALLER, LINE, EXTENSION) for it in found)
        return Finding(len(found) == 1 and right, words)

    return look


def _silent(stage: Stage, since: datetime, said: str) -> Look:
    def look() -> Finding:
        found = [each for each in stage.platform.pop_ups(stage.token) if each.at >= since]
        words = f"{number(len(found), 'pop-up')} when a call rang; its answer: {said}"
        return Finding(not found and said != "sent", words)

    return look


def _saved(stage: Stage, wanted: Mapping[str, Facts]) -> Look:
    def look() -> Finding:
        calls = stage.platform.saved_calls(RUNG)
        facts: list[tuple[str, Facts]] = [
            (each.call_id, (each.direction, each.status, each.duration, each.link))
            for each in calls
        ]
        known = {call_id for call_id, _ in facts}
        each = (
            f"{call_id} {direction} {status} ({s} s{', with recording' if link else ''})"
            for call_id, (direction, status, s, link) in sorted(facts)
        )
        words = f"{number(len(facts), 'call')} in the history: {', '.join(each)}"
        once = len(known) == len(facts)
        return Finding(once and dict(facts) == dict(wanted), words if facts else "no calls")

    return look


def _listed(stage: Stage) -> Look:
    def look() -> Finding:
        asked = stage.platform.calls("calls", RUNG)
        words = f"asked {number(len(asked), 'time')}{answered(asked)}"
        return Finding(any(each.status in OK for each in asked), words)

    return look


STEPS: tuple[tuple[str, Callable[[Stage], Iterator[Evidence]]], ...] = (
    ("Connecting switches telephony on, once for the chain", enables),
    ("While it rings, the caller's card pops up", pops_up),
    ("Calls in and out are saved, answered or not", saves),
    ("The list of calls agrees: nothing is lost, nothing doubled", agrees),
    ("A location leaves: the other's telephony stays on", keeps_a_sibling),
    ("The last one leaves: telephony is off", disables),
)
