"""What the steps are made of: fields, and what came of a press."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from local.simulator import records
from local.simulator.broken import all_of as all_broken
from local.simulator.commands import spaced
from local.simulator.neighbours import Doing, Neighbours
from local.simulator.salons import CLIENTS, LOCATIONS, title
from local.simulator.state import Payment
from local.simulator.telephony import PopUp, SavedCall

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
        '<option value="queue">the queue</option></select></label>'
    )


def salons(simulator: "Simulator", location_ids: Iterable[int], *, past: bool = False) -> str:
    """How some salons stand at this moment, and with their past also how that came."""
    rows = "".join(
        f"<dt>{escape(title(each))} {records.badge(simulator.state(each))}</dt>"
        + (f"<dd>{_past(simulator, each)}</dd>" if past else "")
        + f"<dd>{records.written(records.standing(simulator, each))}</dd>"
        for each in location_ids
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _past(simulator: "Simulator", location_id: int) -> str:
    """When a salon was connected and disconnected last, in this order or the other."""
    moments = [
        f"{'disconnected' if each.status_to == 'uninstalled' else 'connected'} at"
        f" {each.changed_at[11:]}"
        for each in simulator.log(location_id)
        # A payment that thaws connects nothing.
        if each.status_to == "uninstalled"
        or (each.status_to == "active" and each.status_from != "freezed")
    ]
    return f"Was {', and '.join(moments[-2:])}." if moments else ""


def doing(simulator: "Simulator", done: Doing | None) -> str:
    """What a press of the billing system's did."""
    if done is None:
        return ""
    stands = done.stands or ("asking ..." if _is_taken(done) else "It was not taken.")
    if stands.startswith("HELD") and simulator.state(done.location_id) == "active":
        stands += " The salon is connected again, so it goes out within a minute."
    return (
        _told(done)
        + _rows(("How it stands with your backend", stands))
        + money(simulator, done.location_id)
    )


def money(simulator: "Simulator", location_id: int) -> str:
    """What Altegio has now of a salon's payments."""
    paid = "".join(
        f"<li>{records.written(_of_payment(each))}</li>"
        for each in reversed(simulator.payments(location_id))
    )
    return f'<p class="soft">What Altegio has now:</p>{salons(simulator, [location_id])}' + (
        f"<ul>{paid}</ul>" if paid else "<p>No payment.</p>"
    )


def _of_payment(paid: Payment) -> str:
    refunded = f", refunded {paid.refunded_at}" if paid.is_refunded else ""
    return f"Payment {paid.id}: {records.amount(paid)}{refunded}"


def reception(simulator: "Simulator", neighbours: Neighbours) -> str:
    """What the receptionist sees, and what the PBX was answered."""
    rang, ended = neighbours.last("ring"), neighbours.last("hang-up")
    if ended and rang and ended.name != rang.name:
        ended = None  # It was another call's.
    since = rang.at - simulator.clock_ahead if rang else datetime.min.replace(tzinfo=UTC)
    seen = [
        each
        for chain in simulator.chains()
        for each in simulator.pop_ups(chain.crm_token)
        if each.at >= since
    ]
    if not rang and not seen:
        return ""
    shown = "<p>Nothing pops up at the reception.</p>"
    if seen:
        shown = records.pop_up(seen[-1], _over(simulator, seen[-1], ended))
    shown = f'<p class="soft">At the reception:</p>{shown}{_told(rang) if rang else ""}'
    if ended:
        saved = [each for each in simulator.saved_calls() if each.call_id == ended.name]
        words = " ".join(map(_of_call, saved))
        shown += _told(ended) + _rows(("What Altegio has now", words or _missing(simulator, ended)))
    return shown


def _over(simulator: "Simulator", shown: PopUp, ended: Doing | None) -> str:
    """How a call ended of which a card popped up; empty while it goes on."""
    if ended:
        return f"{ended.words.partition(',')[0]}, {ended.at:%H:%M:%S}"
    # One that was told by the command is known by what came into the history after it.
    saved = [
        each
        for each in simulator.saved_calls()
        if each.phone == shown.phone and each.at >= shown.at
    ]
    return f"The call is over, {saved[-1].at:%H:%M:%S}" if saved else ""


def _of_call(saved: SavedCall) -> str:
    """A call of the history."""
    whom = ", ".join(map(title, saved.location_ids)) or "no salon"
    return f"In the client's history: {saved.status}, {saved.duration} s, shown to {whom}."


def broken(simulator: "Simulator") -> str:
    """What is planted at this moment."""
    planted = all_broken(simulator)
    if not planted:
        return "<p>Nothing is broken.</p>"
    how = ", one after the other" if len(simulator.faults()) > 1 else ""
    return f"<p>Broken now{how}:</p><ul>{''.join(f'<li>{escape(it)}</li>' for it in planted)}</ul>"


def _missing(simulator: "Simulator", ended: Doing) -> str:
    """Why a call that is over is not in the history."""
    if not _is_taken(ended):
        return "Not in the history: it was not taken."
    if simulator.state(ended.location_id) != "active":
        return "Not in the history: the salon takes no calls now. It comes once that is over."
    return "Not in the history yet: it comes within a minute."


def _is_taken(done: Doing) -> bool:
    return done.status is not None and done.status < 300  # noqa: PLR2004 - taken


def _told(done: Doing) -> str:
    status = "no answer" if done.status is None else str(done.status)
    return (
        f"<p>{done.at:%H:%M:%S} {escape(done.words)}</p><dl>"
        f"<dt>What was sent</dt><dd><pre>{records.written(spaced(done.sent))}</pre></dd>"
        f'<dt>What was answered</dt><dd><b data-answer="{done.kind}">{status}</b>'
        f"<pre>{records.written(spaced(done.answer))}</pre></dd></dl>"
    )


def _rows(*rows: tuple[str, str]) -> str:
    each = "".join(
        f"<dt>{escape(name)}</dt><dd>{records.written(words)}</dd>" for name, words in rows
    )
    return f"<dl>{each}</dl>"
