"""Once a minute: puts what is overdue on its way again."""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared import wiring
from shared.telemetry import logger, metrics

wired = wiring.once(wiring.reconciling)

# A step may take three calls to the platform; what is not begun by then is due next time.
_RESERVE_S = 32


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Takes the schedule's event, which says nothing that matters."""
    left_s = context.get_remaining_time_in_millis() / 1000
    wired().run(until=time.monotonic() + left_s - _RESERVE_S)
