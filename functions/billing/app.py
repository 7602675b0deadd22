"""What the company's billing system posts, and what Stripe does."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.billing import api, wiring
from shared import doors
from shared.aws import http
from shared.aws.parameters import ParameterUnreadable
from shared.aws.session import once
from shared.payments.door import NotStored
from shared.payments.stripe import NotStripes
from shared.payments.stripe_door import Forged, StripeDoor
from shared.telemetry import count, logger, metrics

wired = once(wiring.build)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers an HTTP API event, in JSON."""
    return doors.http(event, _answer, http.json_answer(500, {"success": False}), _noted)


def _noted(row: str, why: str) -> None:
    wired().sightings.failed("BillingFunction", row, why)


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    try:
        request = http.request(event)
        if request.method == "POST" and request.path == "/billing/stripe":
            return _of_stripe(wired().stripe, request)
        return api.answer(wired().door, request)
    except http.BadBody:
        return api.refused(400, "the request cannot be read")
    except ParameterUnreadable:
        count("TokenUnreadable")
        return api.later("no key can be checked now: send it again later")


def _of_stripe(door: StripeDoor, request: http.Request) -> dict[str, Any]:
    try:
        received = door.take(request.headers.get("stripe-signature", ""), request.body)
    except Forged:
        return api.refused(401, "it is not signed with the secret of this endpoint, or not now")
    except NotStripes:
        return api.refused(400, "it is no event of Stripe's")
    except NotStored:
        return api.later("it could not be stored: send it again")
    told = {"stored": received.stored, "ignored": received.ignored, "letter": received.letter}
    return http.json_answer(200, {name: value for name, value in told.items() if value})
