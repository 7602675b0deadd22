"""What a function is made of is made once per cold start, with one session for all clients."""

import gc
import os
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_ssm.client import SSMClient

# Within a function's 30 s there is time for a few quick tries, not for boto3's default minute.
_CONFIG = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)


class Aws:
    """The clients of a function, each made when it is first named.

    They share one session, which costs a third of what two would.
    """

    def __init__(self) -> None:
        self._session = boto3.Session()

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Tables."""
        return self._session.client("dynamodb", config=_CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Queues."""
        return self._session.client("sqs", config=_CONFIG)

    @cached_property
    def ssm(self) -> "SSMClient":
        """Parameters, which hold the secrets."""
        return self._session.client("ssm", config=_CONFIG)

    @cached_property
    def events(self) -> Any:
        """Event buses."""
        return self._session.client("events", config=_CONFIG)

    @cached_property
    def ses(self) -> Any:
        """Letters."""
        return self._session.client("sesv2", config=_CONFIG)


def once[T](build: Callable[[Mapping[str, str]], T]) -> Callable[[], T]:
    """What `build` makes of the environment, made once.

    In Lambda at once: initialisation runs on a full processor, an invocation on its memory's share.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """

    @cache
    def built() -> T:
        return build(os.environ)

    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        built()
        # What was made until now stays: it need not be looked through for garbage ever again.
        gc.freeze()
        gc.enable()
    return built
