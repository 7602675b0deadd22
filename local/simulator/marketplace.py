"""The operations of the partner API: a well-formed message in, an answer out.

https://developer.alteg.io/_bundle/en/developers/openapi.yaml. What the documentation leaves open
is decided here, in `state.py` and in `telephony.py`, each decision beside its line.
"""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Any, Final

from local.simulator import salons
from local.simulator.faults import Fault
from local.simulator.state import LogEntry, Payment, Platform, RefusedError
from local.simulator.telephony import SavedCall, Telephony
from local.simulator.wire import Answer, Message, accepted, failure, success, web_page

CHANGES_STATE: Final = frozenset({"callback", "payment", "refund", "uninstall"})
TELLS_TELEPHONY: Final = frozenset({"enable", "disable", "event", "history"})
#: Of a payment, what the list tells.
_KEPT: Final = ("payment_sum", "currency_iso", "payment_date", "period_from", "period_to")
#: Of a list that was asked for without one; the documentation's example.
CALLS_PER_PAGE: Final = 25


class Marketplace:
    """Performs messages on the platform.

    Args:
        platform: the records.
        emit: called with (event, location) when the platform has a lifecycle event to send.
        title: the name of a location.
        telephony: the chains and their calls.
        may_list_calls: whether the application has the right to view calls.
    """

    def __init__(
        self,
        platform: Platform,
        emit: Callable[[str, int], None],
        title: Callable[[int], str],
        *,
        telephony: Telephony,
        may_list_calls: Callable[[], bool],
    ) -> None:
        self._platform = platform
        self._emit = emit
        self._title = title
        self._telephony = telephony
        self._may_list_calls = may_list_calls
        self._lock = threading.Lock()
        self._turns: Counter[str] = Counter()

    def location_of(self, message: Message) -> int | None:
        """The location a message is about, also when it names only a payment."""
        if message.payment_id is not None:
            return self._platform.location_of(message.payment_id)
        return message.location_id

    def perform(self, message: Message) -> tuple[Answer, bool]:
        """Do what the message asks for.

        Returns:
            The answer, and whether the platform's state changed.
        """
        if message.violation:
            wrong = message.violation
            # An unknown path gets the empty `meta` of every other 404.
            text = "" if wrong.status == HTTPStatus.NOT_FOUND else wrong.message
            return failure(wrong.status, text, wrong.errors), False
        try:
            if message.route in TELLS_TELEPHONY:
                changed = self._tell(message)
                without, with_data = (accepted(with_data=each) for each in (False, True))
                return self._either(with_data, without, "telephony"), changed
            return self._perform(message), message.route in CHANGES_STATE
        except RefusedError as refusal:
            return failure(refusal.status, refusal.message), False

    def _perform(self, message: Message) -> Answer:
        fields, location_id = message.fields, message.location_id or 0
        match message.route:
            case "status":
                return success(self._status(location_id), meta=self._either([], {}))
            case "callback":
                self._platform.activate(location_id)
                # Documented without a body; both an empty one and an envelope must do.
                answer = success(None, status=HTTPStatus.CREATED, meta=[])
                return self._either(Answer(HTTPStatus.CREATED, b""), answer)
            case "payment":
                terms = {name: fields[name] for name in _KEPT}
                return success({"id": self._platform.pay(location_id, **terms)})
            case "refund":
                payment_id = message.payment_id or 0
                # Not documented whether this freeze is announced; the application must bear it.
                if self._platform.refund(payment_id):
                    self._emit("freeze", self._platform.location_of(payment_id) or 0)
                return success(None)
            case "salons":
                page, count = int(fields["page"]), int(fields["count"])
                installed = self._platform.installed()[(page - 1) * count : page * count]
                return success([self._public(each) for each in installed], meta=[])
            case "uninstall":
                if not self._platform.uninstall(location_id, "partner_api"):
                    raise RefusedError(404)
                self._emit("uninstall", location_id)
                return success(None)
            case "calls":
                return success([self._row(each) for each in self._calls(message)], meta=[])
        raise AssertionError(f"no operation for the route {message.route}")

    def _tell(self, message: Message) -> bool:
        """Do what telephony is told, which is answered before it is known whether it was done."""
        fields = message.fields
        crm_token = fields["crm_token"]
        if message.route in {"enable", "disable"}:
            return self._telephony.switch(crm_token, on=message.route == "enable")
        call = {
            name: value
            for name, value in fields.items()
            if name not in {"command", "type", "crm_token", "diversion"}
        }
        call |= {"direction": fields["type"], "line": fields["diversion"]}
        do = self._telephony.ring if message.route == "event" else self._telephony.save
        return do(crm_token, **call)

    def _calls(self, message: Message) -> list[SavedCall]:
        fields = message.fields
        listed = self._telephony.listed(
            fields["salon_id"],
            first_day=date.fromisoformat(fields["date_from"]),
            last_day=date.fromisoformat(fields["date_to"]),
            phone=fields.get("phone", ""),
            directions=fields.get("types", ()),
            statuses=fields.get("statuses", ()),
        )
        if not self._may_list_calls():
            # The right is named so in the documentation.
            raise RefusedError(
                403, 'Access denied. The right to view "Overview - Calls" is needed.'
            )
        page, limit = fields.get("page", 1), fields.get("limit", CALLS_PER_PAGE)
        return listed[(page - 1) * limit : page * limit]

    def _row(self, call: SavedCall) -> dict[str, Any]:
        client = salons.client(call.phone)
        return {
            "id": call.id,
            "client_id": client.id if client else 0,
            "caller_phone": call.phone,
            "record_link": call.link,
            "duration": call.duration,
            "status": call.status,
            "type": call.direction,
            "call_date": call.moment.astimezone(self._platform.zone).isoformat(timespec="seconds"),
        }

    def _status(self, location_id: int) -> dict[str, Any]:
        standing = self._platform.standing(location_id)
        return {
            "connection_status": {
                "status": standing.status,
                "created_at": standing.created_at,
            },
            "payments": [_listed(each) for each in standing.payments],
            "logs": [_written(each) for each in standing.logs],
        }

    def _public(self, location_id: int) -> dict[str, Any]:
        title = self._title(location_id)
        return {
            "id": location_id,
            "title": title,
            "public_title": title,
            "short_descr": "",
            "active": 1,
            "phone": "",
            "phones": [],
            "email": "",
            "timezone_name": salons.ZONES.get(location_id, str(self._platform.zone)),
        }

    def _either[T](self, even: T, odd: T, of: str = "marketplace") -> T:
        """Alternate between two forms the platform is known to send, for each API by itself."""
        with self._lock:
            self._turns[of] += 1
            return odd if self._turns[of] % 2 else even


def _written(entry: LogEntry) -> dict[str, str]:
    return {
        "changed_at": entry.changed_at,
        "status_from": entry.status_from,
        "status_to": entry.status_to,
        "source": entry.source,
    }


def _listed(payment: Payment) -> dict[str, Any]:
    listed = {
        "id": payment.id,
        "payment_sum": float(payment.payment_sum),
        "currency_iso": payment.currency_iso,
        "payment_date": payment.payment_date,
        "period_from": payment.period_from,
        "period_to": payment.period_to,
        "is_refunded": payment.is_refunded,
    }
    # Seen in production on refunded payments, documented nowhere.
    return listed | {"refunded_at": payment.refunded_at} if payment.is_refunded else listed


def disturbed(fault: Fault, answer: Answer | None) -> Answer | None:
    """What the application gets instead of, or out of, `answer`; None for nothing at all.

    Args:
        fault: the fault that hit the request.
        answer: the platform's answer; None if nothing was done.
    """
    match fault.kind:
        case "status":
            retry = fault.retry_after
            headers = () if retry is None else (("Retry-After", str(retry)),)
            envelope = failure(fault.status, fault.message or "An error has occurred.")
            return Answer(envelope.status, envelope.body, headers=headers)
        case "success_false":
            body = failure(HTTPStatus.OK, fault.message or "An error has occurred.")
            return Answer(HTTPStatus.OK, body.body)
        case "html" | "html_done":
            return web_page()
        case "empty" if answer is not None:
            return Answer(answer.status, b"")
        case "cut_answer" if answer is not None and not answer.body:
            # Half of nothing would be a whole answer.
            return success(None, status=answer.status)
        case "drop_answer" | "drop_request":
            return None
    return answer
