"""`POST /calls` in three dialects, and the calls queue: pop-ups at once, history surely."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.calls import wiring
from shared import doors
from shared.aws import http
from shared.aws.dynamodb import StaleWrite
from shared.aws.session import once
from shared.calls import body
from shared.calls import event as call_event
from shared.calls.event import BadEvent, Ringing
from shared.calls.pbx import senders
from shared.calls.pbx.fields import form_of
from shared.calls.pop_up import CallDoor, NotTheAccounts, as_event
from shared.calls.seen_at_door import SeenAtDoor
from shared.telemetry import logger, metrics

wired = once(wiring.build)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers an HTTP API event, or takes the records of an SQS event."""
    if "Records" in event:
        return doors.records(event, wired()[1].take, StaleWrite)
    return doors.http(event, _answer, http.json_answer(500, {"success": False}))


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    try:
        calling, _history, seen = wired()
        return _told(calling, seen, http.request(event))
    except (BadEvent, http.BadBody) as error:
        return _refused(400, str(error) or "the request cannot be read")
    except body.NotPacked:
        return _refused(400, "the body is not what its Content-Encoding says")
    except NotTheAccounts:
        return _refused(403, "location_id: not a location of this account")
    except body.TooLong:
        return _refused(413, f"the body has more than {body.LONGEST} bytes, or would unpacked")
    except body.UnknownPacking:
        answer = _refused(415, f"Content-Encoding: must be {' or '.join(body.PACKED_BY)}")
        answer["headers"]["accept-encoding"] = ", ".join(body.PACKED_BY)
        return answer


def _told(calling: CallDoor, seen: SeenAtDoor, request: http.Request) -> dict[str, Any]:
    account = calling.account(request.key)
    if account is None:
        seen.refused(request.key)
        answer = _refused(401, "the key of this account is needed, as bearer or basic password")
        answer["headers"]["www-authenticate"] = 'Basic realm="calls"'
        return answer
    told = _event(request)
    if told is None:
        return http.json_answer(202, {"success": True, "ignored": "this leg tells nothing new"})
    if isinstance(told, Ringing):
        shown = calling.ring(account, told)
        seen.rang(told.location_id, shown)
        return http.json_answer(202, {"success": True, "pop_up": shown})
    return http.json_answer(202, {"success": True, "left_out": calling.end(account, told)})


def _event(request: http.Request) -> Any:
    """What is told; None of a call that is none of a location's.

    Raises:
        BadEvent: it cannot be read, or belongs to another address.
    """
    told = body.unpacked(request.body, request.headers.get("content-encoding", ""))
    query = form_of(request.raw_query.encode(errors="replace"))
    try:
        event = _translated(request, told, query)
    except BadEvent as error:
        raise BadEvent(senders.elsewhere(request.path, told, query) or str(error)) from None
    if event is None and not senders.is_from(request.path, told, query):
        raise BadEvent(senders.elsewhere(request.path, told, query) or senders.NOT_KNOWN)
    return event


def _translated(request: http.Request, told: bytes, query: Mapping[str, str]) -> Any:
    translate = senders.TRANSLATIONS.get(request.path)
    if translate is None:
        return as_event(call_event.values(told))
    translated = translate(told, request.headers.get("content-type", ""), query)
    return None if translated is None else as_event(translated)


def _refused(status: int, why: str) -> dict[str, Any]:
    logger.warning("call event refused", extra={"why": why})
    return http.json_answer(status, {"success": False, "error": why})
