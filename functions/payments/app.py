"""The billing queue: reports payments and refunds to the platform."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.payments import wiring
from shared import doors
from shared.aws.session import once
from shared.telemetry import logger, metrics

wired = once(wiring.build)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the records of an SQS event; answers which of them are to come again."""
    return doors.records(event, wired().take, noted=_noted)


def _noted(row: str, why: str) -> None:
    wired().sightings.failed("PaymentsFunction", row, why)
