"""`POST /calls` in several dialects, and the calls queue: pop-ups at once, history surely."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.calls import wiring
from shared import doors
from shared.aws import http
from shared.aws.dynamodb import StaleWrite
from shared.aws.session import once
from shared.calls import body
from shared.calls import event as call_event
from shared.calls.directory import NotTheAccounts
from shared.calls.event import BadEvent, Ringing
from shared.calls.hearing import TooManyWaiting
from shared.calls.pbx import senders, threecx_template, untold
from shared.calls.pbx.fields import Reply, form_of
from shared.calls.pbx.senders import Sender
from shared.calls.pop_up import CallDoor, as_event
from shared.connections import pbx_key
from shared.connections.accounts import Account
from shared.telemetry import logger, metrics

wired = once(wiring.build)

# What a browser says of a request that a page of somebody else's makes it send. It shows a password
# that it knows from the template with that as well; no PBX says anything of the kind.
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
_OF_A_PAGE = frozenset(("cross-site", "same-site"))


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers an HTTP API event, or takes the records of an SQS event."""
    if "Records" in event:
        return doors.records(event, wired()[1].take, StaleWrite, noted=_noted)
    return doors.http(event, _answer, http.json_answer(500, {"success": False}), _noted)


def _noted(row: str, why: str) -> None:
    wired()[2].failed("CallsFunction", row, why)


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    try:
        return _told(wired()[0], http.request(event))
    except (BadEvent, http.BadBody) as error:
        return _refused(400, str(error) or "the request cannot be read")
    except body.NotPacked:
        return _refused(400, "the body is not what its Content-Encoding says")
    except NotTheAccounts:
        return _refused(403, "location_id: not a location of this account")
    except TooManyWaiting:
        return _refused(429, "line: too many calls wait for lines that nobody has entered")
    except body.TooLong:
        return _refused(413, f"the body has more than {body.LONGEST} bytes, or would unpacked")
    except body.UnknownPacking:
        answer = _refused(415, f"Content-Encoding: must be {' or '.join(body.PACKED_BY)}")
        answer["headers"]["accept-encoding"] = ", ".join(body.PACKED_BY)
        return answer


def _told(calling: CallDoor, request: http.Request) -> dict[str, Any]:
    path = senders.address(request.path)
    is_template = (request.method, path) == ("GET", senders.TEMPLATE)
    if request.headers.get("sec-fetch-site") in _OF_A_PAGE and not is_template:
        return _refused(403, "a browser sends this for another site's page")
    key = _key(request, path)
    account = calling.account(key)
    if account is None:
        answer = _refused(
            401, "the account's key is needed: as bearer, basic password or crm_token"
        )
        answer["headers"]["www-authenticate"] = 'Basic realm="calls"'
        return answer
    if is_template:
        # With a key that ends soon, the file would, too.
        if not pbx_key.fits(key, account.pbx_key_digest):
            return _refused(401, "this key was replaced by another one")
        return _template(request, account, key)
    sender = senders.TRANSLATED.get(path)
    told = _event(request, path, sender, calling.now())
    return http.json_answer(sender.taken if sender else 202, _said(calling, account, told))


def _said(calling: CallDoor, account: Account, told: Any) -> dict[str, Any]:
    if told is None:
        return {"success": True, "ignored": "this tells nothing new"}
    if isinstance(told, Reply):
        return dict(told.values)
    if isinstance(told, Ringing):
        return {"success": True, "pop_up": calling.ring(account, told)}
    return {"success": True, "left_out": calling.end(account, told)}


def _key(request: http.Request, path: str) -> str:
    """The first that has the form of a key; some PBXes have it elsewhere than in a header."""
    sender = senders.TRANSLATED.get(path)
    found = [request.key]
    if sender is not None and sender.keys is not None:
        query = request.raw_query.encode(errors="replace")
        found += sender.keys(request.headers, request.body, query)
    return next((each for each in found if pbx_key.account_of(each)), "")


def _template(request: http.Request, account: Account, key: str) -> dict[str, Any]:
    """The file that its owner loads into 3CX."""
    line = request.query().get("line", "").strip() or threecx_template.line_of(account.lines)
    if line and not threecx_template.LINE.fullmatch(line):
        raise BadEvent("line: must be a number such as +13155550176, with its + written as %2B")
    file = threecx_template.made(request.origin + senders.TEMPLATE, key, line)
    kind = {
        "content-type": "application/xml; charset=utf-8",
        "content-disposition": 'attachment; filename="altegio-3cx.xml"',
    }
    return http.answer(200, file.decode(), kind)


def _event(request: http.Request, path: str, sender: Sender | None, now: datetime) -> Any:
    """What is told; None of a call that is none of a location's.

    Raises:
        BadEvent: it cannot be read, or belongs to another address.
    """
    told = body.unpacked(request.body, request.headers.get("content-encoding", ""))
    query = form_of(request.raw_query.encode(errors="replace"))
    try:
        event = _translated(request, told, query, sender, now)
    except BadEvent as error:
        raise BadEvent(senders.elsewhere(path, told, query) or str(error)) from None
    if event is None and not senders.is_from(path, told, query):
        raise BadEvent(senders.elsewhere(path, told, query) or senders.NOT_KNOWN)
    return event


def _translated(
    request: http.Request,
    told: bytes,
    query: Mapping[str, str],
    sender: Sender | None,
    now: datetime,
) -> Any:
    if sender is None or sender.read is None:
        return as_event(call_event.values(told))
    translated = sender.read(told, request.headers.get("content-type", ""), query)
    if translated is None or isinstance(translated, Reply):
        return translated
    return as_event(untold.completed(translated, now))


def _refused(status: int, why: str) -> dict[str, Any]:
    logger.warning("call event refused", extra={"why": why})
    return http.json_answer(status, {"success": False, "error": why})
