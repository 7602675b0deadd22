"""The one logger and the one set of metrics of a function.

A log line never holds a token, a signature, a phone in full or a recording link: log ids, states
and reasons. Metrics are counts named by what happened, for the alarms of template.yaml.

What a line is about it says under the same keys in every function: `location_id`, `account_id`,
`entry` (a key of the ledger), and `call_id` (as the PBX has it). The saved queries of template.yaml
look for these.
"""

import logging
import warnings

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "AltegioTelephony"

# Powertools calls the place in the code `location`, a word that here is somebody's. Only names that
# Python's own logging knows are filled in.
# https://docs.python.org/3/library/logging.html#logrecord-attributes
logger = Logger(location=None, module="%(module)s.%(funcName)s:%(lineno)d")
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
