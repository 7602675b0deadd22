"""Once a minute, and when a webhook has come: puts what is overdue on its way again."""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.reconcile import wiring
from shared import doors
from shared.aws.session import once
from shared.telemetry import logger, metrics

wired = once(wiring.build)

# A step may take three calls to the platform; what is not begun by then is due next time.
_RESERVE_S = 32


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Takes the schedule's event, which says nothing, or locations of the hints queue."""
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE_S
    reconciling = wired()
    if "Records" in event:
        return doors.records(event, lambda body, _id: reconciling.wake(int(body), until))
    reconciling.run(until)
    return None
