"""The streams of the tables: tells the provider's other systems what has happened."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.events import wiring
from shared import doors
from shared.aws.session import once
from shared.telemetry import logger, metrics

wired = once(wiring.build)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the records of a stream; answers from which of them on they are to come again."""
    return doors.stream(event, wired().take)
