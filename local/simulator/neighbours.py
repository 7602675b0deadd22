"""Who else tells the application something: the company's billing system, and a customer's PBX.

They use the stack's real doors, exactly as the command beside each button does. What each press
did is kept, with what was sent and what was answered.
"""

import json
import re
import threading
import time
import urllib.error
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import quote, urlencode

PATIENCE_S: Final = 30.0
"""Seconds for one answer: API Gateway's own limit."""
_LOOKS_S: Final = (*[1] * 60, *[5] * 700)
"""Seconds between two questions how a bill stands: a HELD one may wait an hour for its owner."""
_SETTLED: Final = frozenset({"SENT", "CLOSED"})
_ERROR: Final = re.compile("[A-Z][A-Za-z]+(?:Error|Timeout)")
"""The name of an exception of the client's, as a reason has it."""
_LOST: Final = ("Altegio was not reached", "Altegio's answer did not arrive")
"""What those say to people; the second where Altegio may have had the request."""
_MOST_KEPT: Final = 50
_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the stack: `user` is name and password, and what is sent is JSON, or a form."""

    url: str
    user: str = ""
    sent: str = ""
    form: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Doing:
    """One press of a button.

    Attributes:
        kind: the button.
        words: who did what.
        at: when (UTC).
        location_id: about which location; 0 for none.
        name: the event's id, or the call's.
        sent: what was sent; empty if nothing was.
        status: of the answer; None if there was none.
        answer: its text, or why there was none.
        stands: how a bill stands with us, in our answer's own words; empty until that is known.
    """

    kind: str
    words: str
    at: datetime
    location_id: int = 0
    name: str = ""
    sent: str = ""
    status: int | None = None
    answer: str = ""
    stands: str = ""


@dataclass(frozen=True, slots=True)
class Ringing:
    """The call that the PBX has on its line; `taken_at` is None while nobody has taken it."""

    call_id: str
    location_id: int
    phone: str
    line: str
    rang_at: datetime
    taken_at: datetime | None = None


class Neighbours:
    """The billing system, the PBX, and the hand that moves the schedules.

    Args:
        api: address of the HTTP API.
        billing_key: with which `/billing` is asked.
        billing_queue: address of the queue.
        run_schedules: runs each schedule of the stack once, and says what ran.

    Attributes:
        pbx_key: the key that the PBX has; empty until somebody enters one.
        line: the salon's number.
        phone: who called last.
        call: what the PBX has on its line; None if nobody calls.
        pages: addresses of more pages of the stack, by what they show.
    """

    def __init__(
        self,
        *,
        api: str,
        billing_key: str,
        billing_queue: str,
        run_schedules: Callable[[], str],
    ) -> None:
        self.api = api
        self.billing_key = billing_key
        self.billing_queue = billing_queue
        self.pbx_key = ""
        self.line = "+13155550176"
        self.phone = "+13155550175"
        self.call: Ringing | None = None
        self.pages: dict[str, str] = {}
        self._run_schedules = run_schedules
        self._lock = threading.Lock()
        self._doings: list[Doing] = []

    def doings(self) -> list[Doing]:
        """What was pressed, the last first."""
        with self._lock:
            return self._doings[::-1]

    def last(self, *kinds: str) -> Doing | None:
        """What the last press of one of these buttons did."""
        return next((each for each in self.doings() if each.kind in kinds), None)

    def note(self, doing: Doing) -> Doing:
        """Keep what a button did."""
        with self._lock:
            self._doings = [*self._doings, doing][-_MOST_KEPT:]
        return doing

    # The billing system

    def bill(self, location_id: int, *, amount: str, currency: str, by_queue: bool) -> Doing:
        """A month that begins now is paid.

        Raises:
            ValueError: the amount is no number.
        """
        try:
            Decimal(amount)
        except InvalidOperation:
            raise ValueError(f"{amount!r} is no amount, such as 29.90.") from None
        event = payment(location_id, amount=amount, currency=currency, now=datetime.now(UTC))
        return self._tell("bill", event, location_id, by_queue=by_queue)

    def refund(self, payment_event_id: str, location_id: int, *, by_queue: bool) -> Doing:
        """All of a bill is given back.

        Raises:
            ValueError: no bill is named.
        """
        if not payment_event_id:
            raise ValueError("Name the bill that is given back: send one first.")
        event = {
            "type": "refund",
            "event_id": f"ref-{uuid.uuid4().hex[:8]}",
            "payment_event_id": payment_event_id,
            "location_id": location_id,
        }
        return self._tell("refund", event, location_id, by_queue=by_queue)

    def by_http(self, event: Mapping[str, Any]) -> Asked:
        """An event as it is posted."""
        user = f"billing:{self.billing_key}"
        return Asked(f"{self.api}/billing", user, _compact(event))

    def by_queue(self, event: Mapping[str, Any]) -> Asked:
        """An event as it is put on the queue."""
        form = (("Action", "SendMessage"), ("MessageBody", _compact(event)))
        return Asked(self.billing_queue, form=form)

    def _tell(
        self, kind: str, event: Mapping[str, Any], location_id: int, *, by_queue: bool
    ) -> Doing:
        asked = self.by_queue(event) if by_queue else self.by_http(event)
        status, answer = ask(asked)
        where = "puts it on the queue" if by_queue else "posts it to /billing"
        what = "A month was paid" if kind == "bill" else "A payment was given back"
        name = str(event["event_id"])
        words = f"{what}: the billing system {where}."
        sent = _compact(event)
        doing = Doing(kind, words, _now(), location_id, name, sent, status, answer)
        self.note(doing)
        if status is not None and status < 300:  # noqa: PLR2004 - what was taken
            threading.Thread(target=self._follow, args=(doing,), daemon=True).start()
        return doing

    def _follow(self, doing: Doing) -> None:
        """Ask how it stands until that is settled."""
        asked = Asked(
            f"{self.api}/billing/{quote(doing.name, safe='')}", f"billing:{self.billing_key}"
        )
        for wait_s in _LOOKS_S:
            status, answer = ask(asked)
            if status is None:  # the stack has ended
                return
            told = _object(answer).get("payment" if doing.kind == "bill" else "refund", {})
            if told:
                self._replace(doing.name, _in_words(told))
                if told["state"] in _SETTLED:
                    return
            time.sleep(wait_s)

    def _replace(self, name: str, stands: str) -> None:
        with self._lock:
            self._doings = [
                replace(each, stands=stands) if each.name == name else each for each in self._doings
            ]

    # The PBX

    def ring(self, location_id: int, *, phone: str, line: str, key: str) -> Doing:
        """Somebody calls.

        Raises:
            ValueError: the PBX has no key, or somebody is on its line already.
        """
        if self.call is not None:
            raise ValueError("Somebody is on the line: hang up first.")
        if not key:
            raise ValueError("Paste the key that the page showed after Connect: the PBX needs it.")
        self.pbx_key, self.phone, self.line = key, phone, line
        call = Ringing(f"c-{uuid.uuid4().hex[:8]}", location_id, phone, line, _now())
        asked = self.by_pbx(ringing(call), key)
        status, answer = ask(asked)
        words = "The telephone rings, and the PBX says so."
        if status is not None and status < 300:  # noqa: PLR2004 - what was taken
            self.call = call
        return self.note(
            Doing(
                "ring", words, call.rang_at, location_id, call.call_id, asked.sent, status, answer
            )
        )

    def take(self) -> None:
        """Somebody at the reception takes the call; a PBX tells that when the call is over.

        Raises:
            ValueError: nobody calls.
        """
        self.call = replace(self._on_the_line(), taken_at=_now())

    def on_the_line(self, ended: Collection[str]) -> Ringing | None:
        """Who calls; nobody if a printed command has told that this call is over."""
        if self.call is not None and self.call.call_id in ended:
            self.call = None
        return self.call

    def hang_up(self) -> Doing:
        """The call is over; it was missed if nobody had taken it.

        Raises:
            ValueError: nobody calls.
        """
        call = self._on_the_line()
        asked = self.by_pbx(finished(call, _now()), self.pbx_key)
        status, answer = ask(asked)
        how = "was missed" if call.taken_at is None else "is over"
        words = f"The call {how}, and the PBX says so."
        self.call = None
        return self.note(
            Doing(
                "hang-up", words, _now(), call.location_id, call.call_id, asked.sent, status, answer
            )
        )

    def by_pbx(self, event: Mapping[str, Any], key: str) -> Asked:
        """A call's event as the PBX posts it."""
        return Asked(f"{self.api}/calls", f"pbx:{key}", _compact(event))

    def _on_the_line(self) -> Ringing:
        if self.call is None:
            raise ValueError("Nobody is on the line: ring first.")
        return self.call

    # Time

    def run_schedules(self) -> Doing:
        """Every schedule of the stack runs once, now."""
        ran = self._run_schedules()
        return self.note(Doing("time", f"The schedules ran, ahead of their time: {ran}.", _now()))


def payment(location_id: int, *, amount: str, currency: str, now: datetime) -> dict[str, Any]:
    """A month that begins now, as the billing system tells it."""
    dates = {"paid_at": now, "period_from": now, "period_to": now + timedelta(days=_DAYS)}
    return {
        "type": "payment",
        "event_id": f"inv-{uuid.uuid4().hex[:8]}",
        "location_id": location_id,
        "amount": amount,
        "currency": currency,
        **{name: date.isoformat(timespec="seconds") for name, date in dates.items()},
    }


def ringing(call: Ringing) -> dict[str, Any]:
    """That it rings, as a PBX tells it."""
    return {
        "type": "ringing",
        "call_id": call.call_id,
        "location_id": call.location_id,
        "phone": call.phone,
        "line": call.line,
        "at": call.rang_at.isoformat(timespec="seconds"),
    }


def finished(call: Ringing, now: datetime) -> dict[str, Any]:
    """How it ended, as a PBX tells it."""
    talked = now - call.taken_at if call.taken_at else timedelta()
    return {
        "type": "finished",
        "call_id": call.call_id,
        "location_id": call.location_id,
        "direction": "incoming",
        "phone": call.phone,
        "line": call.line,
        "started_at": call.rang_at.isoformat(timespec="seconds"),
        "duration_s": round(talked.total_seconds()),
        "answered": call.taken_at is not None,
    }


def ask(asked: Asked) -> tuple[int | None, str]:
    """One request, without redirects' surprises or a proxy; the status, or None and the reason."""
    headers = {}
    if asked.user:
        headers["Authorization"] = f"Basic {b64encode(asked.user.encode()).decode()}"
    body = asked.sent or urlencode(asked.form)
    if body:
        kind = "json" if asked.sent else "x-www-form-urlencoded"
        headers["Content-Type"] = f"application/{kind}"
    request = urllib.request.Request(  # noqa: S310 - of the stack's own addresses
        asked.url, body.encode() or None, headers
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return None, f"no answer: {error}"


def _in_words(told: Mapping[str, Any]) -> str:
    """How a bill stands, each reason once, as sentences."""
    if told["state"] == "PENDING" and "why" not in told:
        # By the time that somebody reads more of it, Altegio may have it.
        return "PENDING: It has come, and goes out now."
    lost = _LOST[told["state"] == "UNKNOWN"]
    words = dict.fromkeys(
        _ERROR.sub(lost, told[it]) for it in ("means", "why", "next") if told.get(it, "-") != "-"
    )
    # What has just come goes on at once: its due time is for when a worker dies. What is held waits
    # for its owner, and is only looked at then.
    is_due = "why" in told and "due_at" in told and told["state"] != "HELD"
    due = [f"next at {told['due_at'][11:19]}"] if is_due else []
    said = " ".join(f"{each[:1].upper()}{each[1:].rstrip('.')}." for each in (*words, *due))
    return f"{told['state']}: {said}"


def _now() -> datetime:
    return datetime.now(UTC)


def _compact(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
