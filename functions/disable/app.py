"""The lifecycle webhook, such as uninstall and freeze. Stores, answers, asks nobody."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.disable import wiring
from shared import doors
from shared.altegio import webhook
from shared.aws import http
from shared.aws.session import once
from shared.reconcile.webhook import Unproven
from shared.telemetry import logger, metrics

wired = once(wiring.build)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers an HTTP API event; the platform probes the address with GET before it saves it."""
    return doors.http(event, _answer, http.json_answer(500, {"success": False}))


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    try:
        request = http.request(event)
        if request.method != "POST":
            return http.json_answer(200, {"success": True})
        wired().take(request.body)
    except (webhook.Malformed, http.BadBody):
        return _refused(400, "malformed")
    except webhook.Forged:
        return _refused(403, "forged")
    except Unproven:
        return _refused(503, "not to be proven")
    return http.json_answer(200, {"success": True})


def _refused(status: int, why: str) -> dict[str, Any]:
    """The same words for all: a stranger learns nothing."""
    logger.warning("lifecycle event refused", extra={"why": why})
    return http.json_answer(status, {"success": False})
