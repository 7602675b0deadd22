"""The first minutes, step by step: beside each button the command that does the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Final

from local.simulator import controls, records
from local.simulator.commands import AGO, FRESH, MADE, NOW, SAME, button, curl
from local.simulator.neighbours import Neighbours, Ringing, finished, payment, ringing
from local.simulator.salons import LOCATIONS, title

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

FIRST: Final = next(iter(LOCATIONS))
"""The salon of the first minutes."""
_EACH_MINUTE: Final = "Do what is done each minute"


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: by which the page finds it.
        title: what is to be done.
        role: as whom.
        words: what happens, and what to look at.
        controls: what is pressed.
        commands: what does the same, with what each does.
        result: what came of it.
        done: whether it was done.
    """

    name: str
    title: str
    role: str
    words: str
    controls: str
    commands: tuple[tuple[str, str], ...]
    result: str
    done: bool


def introduction(simulator: "Simulator") -> str:
    """Who plays what."""
    neighbours = simulator.neighbours
    if neighbours is None:
        return (
            "This stands in for Altegio's Marketplace. No local stack runs beside it, so nobody"
            " can bill or call here."
        )
    more = ", ".join(
        f'<a href="{escape(address)}" target="_blank">{escape(shown)}</a>'
        for shown, address in neighbours.pages.items()
    )
    return (
        "Your backend runs on this machine as it would on AWS; all others are played here."
        '</p><ul class="who">'
        "<li><b>Altegio</b> is this simulator: it takes what your backend reports, refuses whatever"
        " is not as documented, and sends webhooks.</li>"
        "<li><b>The owner</b> of a few salons is you: you connect, pay and disconnect.</li>"
        "<li><b>The billing system</b> of the telephone company is you: you tell your backend what"
        " was paid and given back, at its real doors.</li>"
        "<li><b>The PBX</b>, the salon's telephone system, is you: you ring and hang up.</li>"
        f"<li><b>Your backend</b> is real: all functions, at <code>{escape(neighbours.api)}</code>."
        "</li></ul><p>The six steps take five minutes. This page keeps itself fresh; its times are"
        " UTC." + (f" More of your backend: {more}." if more else "")
    )


def steps(simulator: "Simulator") -> str:
    """The steps, and what to try after them; empty where no stack runs."""
    neighbours = simulator.neighbours
    if neighbours is None:
        return ""
    made = [
        _connect(simulator),
        _bill(simulator, neighbours),
        _ring(simulator, neighbours),
        _refund(simulator, neighbours),
        _switch_off(simulator),
        _reconnect(simulator),
    ]
    first = next((each.name for each in made if not each.done), "")
    shown = "".join(
        _shown(each, str(number), is_next=each.name == first)
        for number, each in enumerate(made, start=1)
    )
    after = _shown(_break(simulator), "+") + _shown(_time(simulator, neighbours), "+")
    return (
        f'<section class="part" id="first"><h2>The first five minutes</h2>{shown}</section>'
        f'<section class="part" id="after"><h2>After that</h2>{after}</section>'
    )


def _shown(step: Step, number: str, *, is_next: bool = False) -> str:
    kind = "done" if step.done else "next" if is_next else "later"
    said = {"done": "done", "next": "now", "later": ""}[kind]
    commands = "".join(
        f'<p class="soft">{escape(words)}</p><div class="command"><code>{escape(command)}</code>'
        '<button type="button">Copy</button></div>'
        for words, command in step.commands
    )
    plural = "commands that do" if len(step.commands) > 1 else "command that does"
    return (
        f'<section class="card step" id="step-{step.name}">'
        f'<header id="live-{step.name}-head" data-live><h3><b class="number">{number}</b>'
        f'{escape(step.title)}</h3><span class="soft role">as {escape(step.role)}</span>'
        f'<span class="state {"active" if step.done else ""}" data-step="{kind}"'
        f"{'' if said else ' hidden'}>{said}</span></header>"
        f'<div class="sides"><div><p>{step.words}</p>{step.controls}'
        f"<details><summary>The {plural} the same</summary>"
        f'<div id="live-{step.name}-commands" data-live>{commands}</div></details></div>'
        f'<div class="result" id="live-{step.name}" role="status" data-live>{step.result}</div>'
        "</div></section>"
    )


def _connect(simulator: "Simulator") -> Step:
    fields = (("location", FIRST), ("owner", 0))
    logs = _logs(simulator)
    return Step(
        name="connect",
        title="Connect a salon",
        role="the owner",
        words=f"The owner of {title(FIRST)} finds your app in the Marketplace and presses"
        " <i>Connect</i>. Altegio sends his browser to <b>your</b> page, which opens in a new tab."
        " Press the button there, too. It then shows the key for the salon's PBX: copy it, and come"
        " back.",
        controls=controls.one_button("/owner/grant", fields, "Connect", new_tab=True),
        commands=(
            (
                "It prints the address that the owner's browser is sent to; open it.",
                button(simulator.url, "/owner/grant", fields),
            ),
        ),
        result=controls.salons(simulator, (each for each, _ in logs), past=True),
        done=any("active" in entries for _, entries in logs),
    )


def _bill(simulator: "Simulator", neighbours: Neighbours) -> Step:
    event = payment(FIRST, amount="29.90", currency="EUR", now=_midnight())
    event |= {"event_id": f"inv-{FRESH}", "paid_at": NOW, "period_from": NOW}
    paid = [each for each in simulator.platform.locations() if simulator.payments(each)]
    return Step(
        name="bill",
        title="Bill a month",
        role="the billing system",
        words="A customer has paid a month. Your backend reports that to Altegio, once, whatever"
        " fails on the way: an unpaid salon is switched off when its trial is over.",
        controls=controls.form(
            "/billing/bill",
            controls.salon("location"),
            controls.entry("amount", "Amount", "29.90", name_of_field="bill-amount"),
            controls.entry("currency", "Currency", "EUR", name_of_field="bill-currency"),
            controls.way(),
            buttons=(("", "Bill", True),),
        ),
        commands=(
            ("By HTTP:", curl(neighbours.by_http(event))),
            ("By the queue, which answers with a MessageId:", curl(neighbours.by_queue(event))),
        ),
        result=controls.doing(simulator, neighbours.last("bill"))
        or (controls.money(simulator, paid[0]) if paid else ""),
        done=bool(paid),
    )


def _ring(simulator: "Simulator", neighbours: Neighbours) -> Step:
    call = neighbours.on_the_line([each.call_id for each in simulator.saved_calls()])
    key = neighbours.pbx_key or "PASTE_THE_KEY_HERE"
    now = datetime.now(UTC)
    new = Ringing(f"c-{SAME}", FIRST, neighbours.phone, neighbours.line, now)
    rings = ringing(new) | {"at": NOW}
    missed = finished(call or new, now) | {"duration_s": 0, "answered": False}
    taken = missed | {"duration_s": 60, "answered": True}
    if call is None:
        missed, taken = missed | {"started_at": NOW}, taken | {"started_at": AGO}
    took = "talking" if call and call.taken_at else "ringing"
    on_line = f'<span class="state pending">{took}</span> {escape(call.phone)}' if call else ""
    keys = controls.entry(
        "key", "Key of the PBX", neighbours.pbx_key, name_of_field="pbx-key", wide=True
    )
    return Step(
        name="ring",
        title="Let the telephone ring",
        role="the PBX",
        words="Paste the key of step 1. The PBX tells two things of each call: that it rings, and"
        " how it ended. Press <i>Ring</i>: the caller's card pops up at the reception. Then press"
        " <i>Take the call</i>, or let nobody take it, so that it is missed; and <i>Hang up</i>:"
        " the call comes into the client's history, and this step is done. Without a number the"
        " caller hides.",
        controls=controls.form(
            "/pbx/ring",
            keys,
            controls.salon("location"),
            controls.entry(
                "phone", "Caller", neighbours.phone, name_of_field="pbx-phone", is_listed=True
            ),
            controls.entry("line", "The salon's line", neighbours.line, name_of_field="pbx-line"),
            buttons=(
                ("", "Ring", True),
                ("/pbx/take", "Take the call", False),
                ("/pbx/hang-up", "Hang up", False),
            ),
        )
        + f'<p id="live-line" data-live>{on_line}</p>',
        commands=(
            ("It rings:", MADE + curl(neighbours.by_pbx(rings, key))),
            ("It is over, after a minute of talk:", curl(neighbours.by_pbx(taken, key))),
            ("Or it is over, and nobody has taken it:", curl(neighbours.by_pbx(missed, key))),
            (
                "Lost the key? The operator makes another; the old one works for a day more:",
                f".venv/bin/python -m ops account {FIRST} --new-key --do",
            ),
        ),
        result=controls.reception(simulator, neighbours),
        done=_rang_and_was_saved(simulator),
    )


def _refund(simulator: "Simulator", neighbours: Neighbours) -> Step:
    billed = neighbours.last("bill")
    event_id = billed.name if billed else ""
    given_back = {
        "type": "refund",
        "event_id": f"ref-{FRESH}",
        "payment_event_id": event_id or "EVENT_ID",
        "location_id": billed.location_id if billed else FIRST,
    }
    return Step(
        name="refund",
        title="Give the money back",
        role="the billing system",
        words="All of the bill is given back. If no other bill pays for this day, Altegio freezes"
        " the salon.</p><ol><li>Press <i>Refund</i>, and wait until the salon is frozen here.</li>"
        '<li>Ring again in <a href="#step-ring">step 3</a>, and hang up: no card pops up.</li>'
        '<li>Bill again in <a href="#step-bill">step 2</a>: Altegio thaws the salon, and this step'
        " is done.</li></ol><p>Your backend sees that within a minute: then the card pops up again,"
        " and what rang meanwhile comes into the history.",
        controls=controls.form(
            "/billing/refund",
            controls.salon("location"),
            controls.entry("event_id", "The bill's id", event_id, name_of_field="refund-event"),
            controls.way(),
            buttons=(("", "Refund", True),),
        ),
        commands=(
            ("By HTTP:", curl(neighbours.by_http(given_back))),
            (
                "By the queue, which answers with a MessageId:",
                curl(neighbours.by_queue(given_back)),
            ),
        ),
        result=controls.doing(simulator, neighbours.last("refund")),
        done=any(
            paid.is_refunded and _has_thawed(entries)
            for each, entries in _logs(simulator)
            for paid in simulator.payments(each)
        ),
    )


def _switch_off(simulator: "Simulator") -> Step:
    fields = (("location", FIRST),)
    gone = [each for each, entries in _logs(simulator) if "uninstalled" in entries]
    return Step(
        name="off",
        title="Switch it off",
        role="the owner",
        words="He presses <i>Disconnect</i> in the Marketplace, and Altegio tells your backend"
        " by a webhook. A bill that comes now is HELD until he comes back; of a call no card pops"
        " up.",
        controls=controls.one_button("/owner/disconnect", fields, "Disconnect"),
        commands=(("", button(simulator.url, "/owner/disconnect", fields)),),
        result=controls.salons(simulator, gone, past=True)
        + (records.webhooks(simulator, FIRST) if FIRST in gone else ""),
        done=bool(gone),
    )


def _reconnect(simulator: "Simulator") -> Step:
    fields = (("location", FIRST), ("owner", 0))
    back = [
        each
        for each, entries in _logs(simulator)
        if "uninstalled" in entries and "active" in entries[entries.index("uninstalled") :]
    ]
    return Step(
        name="back",
        title="Reconnect",
        role="the owner",
        words="The same as step 1. Your page knows him, what was paid stays on record, and the key"
        " of his PBX is good as before: step 3 rings without a new one.",
        controls=controls.one_button("/owner/grant", fields, "Connect again", new_tab=True),
        commands=(
            (
                "It prints the address that the owner's browser is sent to; open it.",
                button(simulator.url, "/owner/grant", fields),
            ),
        ),
        result=controls.salons(simulator, back, past=True),
        done=bool(back),
    )


def _break(simulator: "Simulator") -> Step:
    forms = "".join(
        controls.one_button(path, tuple(fields), label, is_main=False)
        for label, path, fields in controls.BREAKS
    )
    mend = controls.one_button("/faults/mend", (), "Mend all")
    return Step(
        name="break",
        title="Break something",
        role="fate",
        words="Then bill or ring, and look: nothing may be lost, and nothing reported twice."
        " Without an answer nobody knows whether a payment was taken: it is UNKNOWN for a quarter"
        " of an hour, until your backend looks it up in Altegio's own list."
        ' <a href="/faults">What goes wrong</a> has every fault there is.',
        controls=f'<div class="buttons">{forms}{mend}</div>',
        commands=(
            *(
                (label, button(simulator.url, path, fields))
                for label, path, fields in controls.BREAKS
            ),
            ("Mend all", button(simulator.url, "/faults/mend")),
        ),
        result=controls.broken(simulator),
        done=False,
    )


def _time(simulator: "Simulator", neighbours: Neighbours) -> Step:
    fields = (("location", FIRST),)
    last = neighbours.last("time")
    return Step(
        name="time",
        title="Let time pass",
        role="fate",
        words="No clock is moved: the functions read this machine's. These buttons do what time"
        " would bring. What is done each minute, the stack does by itself, and at once if you press"
        " the first; a retry that waits for its time still waits.",
        controls='<div class="buttons">'
        + controls.one_button("/time/schedules", (), _EACH_MINUTE, is_main=False)
        + controls.one_button(
            "/owner/expire", fields, f"End the paid time of {title(FIRST)}", is_main=False
        )
        + controls.one_button("/owner/release", (), "Send the webhooks kept back", is_main=False)
        + "</div>",
        commands=(
            (_EACH_MINUTE, button(simulator.url, "/time/schedules")),
            (
                f"End the paid time of {title(FIRST)}, or its trial",
                button(simulator.url, "/owner/expire", fields),
            ),
            ("Send the webhooks kept back", button(simulator.url, "/owner/release")),
        ),
        result=(f"<p>{escape(f'{last.at:%H:%M:%S} {last.words}')}</p>" if last else "")
        + controls.salons(simulator, [FIRST])
        + records.webhooks(simulator, FIRST),
        done=False,
    )


def _logs(simulator: "Simulator") -> list[tuple[int, list[str]]]:
    """Of each salon the states that it has come to, in order."""
    return [
        (each, [entry.status_to for entry in simulator.log(each)])
        for each in simulator.platform.locations()
    ]


def _rang_and_was_saved(simulator: "Simulator") -> bool:
    """Whether a caller was shown, and a call of his is in the history."""
    return any(
        saved.phone == shown.phone and saved.at >= shown.at
        for chain in simulator.chains()
        for shown in simulator.pop_ups(chain.crm_token)
        for saved in simulator.saved_calls()
        if saved.crm_token == chain.crm_token
    )


def _has_thawed(entries: Sequence[str]) -> bool:
    """Whether a payment came after the first frost; True where other payments left none."""
    return "freezed" not in entries or "active" in entries[entries.index("freezed") :]


def _midnight() -> datetime:
    """So that the command is the same all day, and nobody's is changed while he copies it."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
