"""The application's user token, which the list of calls asks for beside the partner token.

It is the one of the application's system user, from its tab *API access*, and the same for all
locations: https://alteg.io/support/en/knowledge-base/6756027118621-access-to-the-api
"""

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from shared.partner_token import MAX_AGE_S

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient


class UserToken:
    """Read from an SSM SecureString when first needed, and at most every five minutes."""

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._provider = SSMProvider(boto3_client=ssm)
        self._parameter = parameter

    def known(self) -> str | None:
        """The token; None if there is none to be had, or none that a header can carry."""
        try:
            value = self._provider.get(self._parameter, max_age=MAX_AGE_S, decrypt=True)
        except GetParameterError:
            return None
        token = str(value).strip()
        return token if token.isascii() and token.isprintable() and token else None
