"""`POST /calls` in three dialects, and the calls queue: pop-ups at once, history surely."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.calls import wiring
from shared import doors
from shared.aws import http
from shared.aws.dynamodb import StaleWrite
from shared.aws.session import once
from shared.calls import event as call_event
from shared.calls.event import BadEvent, Ringing
from shared.calls.pbx import asterisk, freeswitch
from shared.calls.pop_up import CallDoor, NotTheAccounts, as_event
from shared.telemetry import logger, metrics

wired = once(wiring.build)

_DIALECTS = {"/calls/freeswitch": freeswitch.read, "/calls/asterisk": asterisk.read}
# A queue takes a megabyte, and no call is that long.
_LONGEST_BODY = 256 * 1024


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers an HTTP API event, or takes the records of an SQS event."""
    if "Records" in event:
        return doors.records(event, wired()[1].take, StaleWrite)
    return doors.http(event, _answer, http.json_answer(500, {"success": False}))


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    try:
        return _told(wired()[0], http.request(event))
    except (BadEvent, http.BadBody) as error:
        return _refused(400, str(error) or "the request cannot be read")
    except NotTheAccounts:
        return _refused(403, "location_id: not a location of this account")


def _told(calling: CallDoor, request: http.Request) -> dict[str, Any]:
    account = calling.account(request.key)
    if account is None:
        answer = _refused(401, "the key of this account is needed, as bearer or basic password")
        answer["headers"]["www-authenticate"] = 'Basic realm="calls"'
        return answer
    told = _event(request)
    if told is None:
        return http.json_answer(202, {"success": True, "ignored": "this leg tells nothing new"})
    if isinstance(told, Ringing):
        return http.json_answer(202, {"success": True, "pop_up": calling.ring(account, told)})
    return http.json_answer(202, {"success": True, "left_out": calling.end(account, told)})


def _event(request: http.Request) -> Any:
    if len(request.body) > _LONGEST_BODY:
        raise BadEvent("the body is too long")
    translate = _DIALECTS.get(request.path)
    if translate is None:
        return as_event(call_event.values(request.body))
    content_type = request.headers.get("content-type", "")
    translated = translate(request.body, content_type, request.query())
    return None if translated is None else as_event(translated)


def _refused(status: int, why: str) -> dict[str, Any]:
    logger.warning("call event refused", extra={"why": why})
    return http.json_answer(status, {"success": False, "error": why})
