"""What is broken at this moment, in sentences: for the page, and for who has just broken it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from local.simulator.faults import Fault

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

_KINDS: Final[Mapping[str, str]] = {
    "drop_answer": "The answer to {what} will be lost.",
    "drop_request": "Altegio will not get {what}.",
    "delay": "Altegio will take {seconds:g} s more for {what}.",
    "late_answer": "The answer to {what} will come {seconds:g} s late.",
    "cut_answer": "Half of the answer to {what} will arrive.",
    "status": "Altegio will answer {status} to {what}, and do nothing.",
    "success_false": "Altegio will answer 200 to {what}, say that it failed, and do nothing.",
    "html": "Altegio will answer a web page to {what}, and do nothing.",
    "html_done": "Altegio will do what {what} asks, and answer a web page.",
    "empty": "Altegio will do what {what} asks, and answer nothing.",
    "trickle": "The answer to {what} will come byte by byte.",
}
_WEBHOOKS: Final[Mapping[str, str]] = {
    "now": "Altegio sends its webhooks at once.",
    "late": "Altegio keeps its webhooks back.",
    "never": "Altegio's webhooks are lost.",
    "twice": "Altegio sends each webhook twice.",
}


def all_of(simulator: "Simulator") -> list[str]:
    """All that is broken; empty if nothing is."""
    said = [fault(each) for each in simulator.faults()]
    if simulator.webhook_mode != "now":
        said.append(webhooks(simulator))
    if simulator.clock_ahead:
        said.append(clock(simulator))
    if not simulator.may_list_calls:
        said.append(calls(simulator))
    return said


def fault(planted: Fault) -> str:
    """What a fault will do."""
    route = {"any": "request", "payment": "payment", "refund": "refund"}.get(
        planted.route, f"{planted.route} request"
    )
    what = f"the next {route}" if planted.times == 1 else f"the next {planted.times} {route}s"
    if planted.times > 1:
        what = f"each of {what}"
    if planted.location_id is not None:
        what += f" of location {planted.location_id}"
    if planted.crm_token:
        what += " of one chain"
    return _KINDS[planted.kind].format(what=what, seconds=planted.seconds, status=planted.status)


def examples() -> dict[str, str]:
    """What each kind would do to a payment."""
    return {
        kind: words.format(what="the next payment", seconds=3, status=500)
        for kind, words in _KINDS.items()
    }


def webhooks(simulator: "Simulator") -> str:
    """What becomes of webhooks."""
    return _WEBHOOKS[simulator.webhook_mode]


def clock(simulator: "Simulator") -> str:
    """What Altegio's clock shows."""
    ahead = simulator.clock_ahead
    if not ahead:
        return "Altegio's clock shows the time of this machine."
    return f"Altegio's clock is {abs(ahead)} {'ahead' if ahead > timedelta() else 'behind'}."


def zone(simulator: "Simulator") -> str:
    """Where Altegio's times are of."""
    return f"Altegio's times are of {simulator.platform.zone}."


def calls(simulator: "Simulator") -> str:
    """Whether the list of calls is shown."""
    return f"Altegio {'shows' if simulator.may_list_calls else 'refuses'} the list of calls."


def token(_simulator: "Simulator") -> str:
    """That it was changed; not to what."""
    return "Altegio has another partner token."
