"""The one logger and the one set of metrics of a function.

A log line never holds a token, a signature, a phone in full or a recording link: log ids, states
and reasons. Metrics are counts named by what happened, for the alarms of template.yaml.
"""

import logging
import warnings

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "AltegioTelephony"

logger = Logger()
metrics = Metrics(namespace=NAMESPACE)

# It tells at INFO where it found the credentials.
logging.getLogger("botocore").setLevel(logging.WARNING)
# An invocation in which nothing worth counting happened is no cause for a line in the log.
warnings.filterwarnings("ignore", message="No application metrics to publish")


def count(name: str, value: int = 1) -> None:
    """Counts what rings an alarm of template.yaml; flushed when the invocation ends.

    Everything else is a line in the log.
    """
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
