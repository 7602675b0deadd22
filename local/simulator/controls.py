"""What the steps are made of: fields, and what came of a press."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from local.simulator import records
from local.simulator.commands import spaced
from local.simulator.faults import Fault
from local.simulator.neighbours import Doing, Neighbours
from local.simulator.salons import CLIENTS, LOCATIONS, title

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

#: A label, the door, and what is posted there.
BREAKS: Final[Sequence[tuple[str, str, Sequence[tuple[str, object]]]]] = (
    (
        "Lose the answer to the next payment",
        "/faults/order",
        (("route", "payment"), ("kind", "drop_answer")),
    ),
    (
        "Refuse the next payment (422, twice)",
        "/faults/order",
        (("route", "payment"), ("kind", "status"), ("status", 422), ("times", 2)),
    ),
    (
        "Altegio is down for the next 20 requests (503)",
        "/faults/order",
        (("route", "any"), ("kind", "status"), ("status", 503), ("times", 20)),
    ),
    (
        "Altegio takes 3 s for each of the next 20",
        "/faults/order",
        (("route", "any"), ("kind", "delay"), ("seconds", 3), ("times", 20)),
    ),
    ("Keep all webhooks back from now on", "/faults/set", (("webhooks", "late"),)),
    ("Lose all webhooks from now on", "/faults/set", (("webhooks", "never"),)),
)


def form(action: str, *fields: str, buttons: Sequence[tuple[str, str, bool]]) -> str:
    """A form; of each button where else it leads, its label, and whether it is the main one."""
    pressed = "".join(
        f"<button{' class="main"' if is_main else ''}"
        + (f' formaction="{leads}"' if leads else "")
        + f">{escape(label)}</button>"
        for leads, label, is_main in buttons
    )
    return (
        f'<form method="post" action="{action}"><div class="fields">{"".join(fields)}</div>'
        f'<div class="buttons">{pressed}</div></form>'
    )


def one_button(
    path: str,
    fields: tuple[tuple[str, object], ...],
    label: str,
    *,
    new_tab: bool = False,
    is_main: bool = True,
) -> str:
    """A form of one button, with what it posts."""
    hidden = "".join(
        f'<input type="hidden" name="{n}" value="{escape(str(v))}">' for n, v in fields
    )
    look = ' class="main"' if is_main else ""
    target = ' formtarget="_blank"' if new_tab else ""
    return (
        f'<form method="post" action="{path}">{hidden}'
        f"<button{look}{target}>{escape(label)}</button></form>"
    )


def entry(
    name: str,
    label: str,
    value: str,
    *,
    name_of_field: str,
    wide: bool = False,
    is_listed: bool = False,
) -> str:
    """A field that follows what happened until somebody types into it."""
    known = "".join(
        f'<option value="+{phone}">{escape(each.name)}</option>' for phone, each in CLIENTS.items()
    )
    offered = f'<datalist id="{name_of_field}-known">{known}</datalist>' if is_listed else ""
    return (
        f"<label{' class="wide"' if wide else ''}>{escape(label)}"
        f'<input id="{name_of_field}" name="{name}" value="{escape(value)}" data-follows'
        ' autocomplete="off" spellcheck="false"'
        + (f' list="{name_of_field}-known"' if is_listed else "")
        + f">{offered}</label>"
    )


def salon(name: str) -> str:
    """Which salon it is about."""
    options = "".join(
        f'<option value="{each}">{escape(words)} ({each})</option>'
        for each, words in LOCATIONS.items()
    )
    return f'<label class="salon">Salon<select name="{name}">{options}</select></label>'


def way() -> str:
    """By which door the billing system goes."""
    return (
        '<label>By<select name="way"><option value="http">POST /billing</option>'
        '<option value="queue">the queue (SQS)</option></select></label>'
    )


def salons(simulator: "Simulator", states: Mapping[int, str]) -> str:
    """How some salons stand."""
    rows = "".join(
        f"<dt>{escape(title(each))} {records.badge(state)}</dt>"
        f"<dd>{escape(records.standing(simulator, each))}</dd>"
        for each, state in states.items()
    )
    return f"<dl>{rows}</dl>" if rows else ""


def doing(simulator: "Simulator", done: Doing | None) -> str:
    """What a press of the billing system's did."""
    if done is None:
        return ""
    stands = done.stands or ("asking ..." if _is_taken(done) else "it was not taken")
    listed = "; ".join(
        f"{paid.id}: {records.amount(paid)}"
        + (f", refunded {paid.refunded_at}" if paid.is_refunded else "")
        for paid in reversed(simulator.payments(done.location_id))
    )
    standing = f"{title(done.location_id)}: {records.standing(simulator, done.location_id)}"
    return _told(done) + _rows(
        ("How it stands with your backend", stands),
        ("What Altegio has now", f"{standing}. Payments: {listed or 'none'}."),
    )


def reception(simulator: "Simulator", neighbours: Neighbours) -> str:
    """What the receptionist sees, and what the PBX was answered."""
    rang, ended = neighbours.last("ring"), neighbours.last("hang-up")
    shown = ""
    if rang:
        seen = [
            each
            for chain in simulator.chains()
            for each in simulator.pop_ups(chain.crm_token)
            if each.at >= rang.at - simulator.clock_ahead
        ]
        shown = records.pop_up(seen[-1]) if seen else "<p>Nothing pops up at the reception.</p>"
        shown = f"<p class=soft>At the reception:</p>{shown}{_told(rang)}"
    if ended and rang and ended.name == rang.name:
        saved = [each for each in simulator.saved_calls() if each.call_id == ended.name]
        words = ", ".join(
            f"{each.status}, {each.duration} s, shown to"
            f" {', '.join(map(title, each.location_ids)) or 'no salon'}"
            for each in saved
        )
        shown += _told(ended) + _rows(("What Altegio has now", words or _missing(simulator, ended)))
    return shown


def broken(simulator: "Simulator") -> str:
    """What is planted at this moment."""
    planted = [_words_of(each) for each in simulator.faults()]
    if simulator.webhook_mode != "now":
        planted.append(f"webhooks: {simulator.webhook_mode}")
    if simulator.clock_ahead:
        planted.append(f"Altegio's clock is {simulator.clock_ahead} ahead")
    if not simulator.may_list_calls:
        planted.append("the list of calls is refused")
    if not planted:
        return "<p>Nothing is broken.</p>"
    return f"<p>Broken now:</p><ul>{''.join(f'<li>{escape(it)}</li>' for it in planted)}</ul>"


def _missing(simulator: "Simulator", ended: Doing) -> str:
    """Why a call that is over is not in the history."""
    if not _is_taken(ended):
        return "not in the history: it was not taken"
    if simulator.state(ended.location_id) != "active":
        return "not in the history: the salon takes no calls now; it comes once that is over"
    return "not in the history yet: it comes within a minute"


def _words_of(fault: Fault) -> str:
    """A planted fault, in the words of its button if one plants it."""
    labels = (
        label
        for label, leads, fields in BREAKS
        if leads == "/faults/order"
        and fault.location_id is None
        and all(getattr(fault, name) == value for name, value in fields if name != "times")
    )
    what = next(labels, f"{fault.kind} of {fault.route}")
    return f"{what}: {fault.times} more time{'s' if fault.times > 1 else ''}"


def _is_taken(done: Doing) -> bool:
    return done.status is not None and done.status < 300  # noqa: PLR2004 - taken


def _told(done: Doing) -> str:
    status = "no answer" if done.status is None else str(done.status)
    return (
        f"<p>{done.at:%H:%M:%S} {escape(done.words)}</p><dl>"
        f"<dt>What was sent</dt><dd><pre>{escape(spaced(done.sent))}</pre></dd>"
        f'<dt>What was answered</dt><dd><b data-answer="{done.kind}">{status}</b>'
        f"<pre>{escape(spaced(done.answer))}</pre></dd></dl>"
    )


def _rows(*rows: tuple[str, str]) -> str:
    each = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in rows)
    return f"<dl>{each}</dl>"
