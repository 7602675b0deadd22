"""The partner token: Altegio's key to us and ours to Altegio.

It authorises our calls, comes in the body of every lifecycle webhook, and is the HMAC key of
`user_data_sign`. It lives in an SSM SecureString and nowhere else.
"""

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SSMProvider

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

MAX_AGE_S = 300


class PartnerToken:
    """The token, fetched when first needed and at most every five minutes."""

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._provider = SSMProvider(boto3_client=ssm)
        self._parameter = parameter

    def current(self) -> str:
        """The token.

        Raises:
            GetParameterError: the parameter is missing or may not be read.
        """
        return self._fetch(force=False)

    def refetch(self) -> str:
        """The token, past the cache: after the platform answered 401, it may have been rotated."""
        return self._fetch(force=True)

    def _fetch(self, *, force: bool) -> str:
        value = self._provider.get(
            self._parameter, max_age=MAX_AGE_S, decrypt=True, force_fetch=force
        )
        # A file that was uploaded as the parameter often ends in a newline.
        return str(value).strip()
