"""The billing queue: reports payments and refunds to the platform."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from shared import wiring
from shared.telemetry import logger, metrics

wired = wiring.once(wiring.paying)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the records of an SQS event; answers which of them are to come again.

    Only what could not be made durable comes again: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    paying = wired()
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            paying.take(record["body"], record["messageId"])
        except (BotoCoreError, ClientError):
            logger.exception("not durable, comes again", extra={"message_id": record["messageId"]})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
