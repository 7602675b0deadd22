"""What a function is made of is made once per cold start, with one session for all clients."""

import gc
import os
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import UnknownRegionError
from botocore.session import get_session

from shared import roots

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_ssm.client import SSMClient

# Within a function's 30 s there is time for a few quick tries, not for boto3's default minute.
_CONFIG = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
_ONCE = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))


class Aws:
    """The clients of a function, each made when it is first named.

    They share one session, which costs a third of what two would. It is botocore's, as boto3 would
    load all that uploads to S3 need.
    """

    def __init__(self) -> None:
        self._session = get_session()

    def _client(self, service: str, config: Config | None = None) -> Any:
        config = config or _CONFIG
        return self._session.create_client(service, config=config, verify=self._verify)

    @cached_property
    def _verify(self) -> str | None:
        """A file of roots; None leaves it to botocore, which then reads all of certifi.

        A bundle that whoever runs this has named is the last word: `AWS_CA_BUNDLE`, or the one that
        botocore takes after it.
        """
        named = self._session.get_config_variable("ca_bundle")
        if named or "REQUESTS_CA_BUNDLE" in os.environ:
            return None
        region = self._session.get_config_variable("region")
        try:
            return roots.of_aws(self._session.get_partition_for_region(region))
        except UnknownRegionError:
            return None

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Tables."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @cached_property
    def sqs(self) -> "SQSClient":
        """Queues."""
        client: SQSClient = self._client("sqs")
        return client

    @cached_property
    def ssm(self) -> "SSMClient":
        """Parameters, which hold the secrets."""
        client: SSMClient = self._client("ssm")
        return client

    @cached_property
    def events(self) -> Any:
        """Event buses."""
        return self._client("events")

    @cached_property
    def ses(self) -> Any:
        """Letters."""
        return self._client("sesv2")

    @cached_property
    def ses_once(self) -> Any:
        """Letters that nobody may get twice: botocore would send what got no answer again."""
        return self._client("sesv2", _ONCE)


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
