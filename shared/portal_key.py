"""The key with which the company's portal speaks for its customers."""

import hmac
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from shared.partner_token import MAX_AGE_S

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

# Less could be guessed, and an empty parameter would let everybody in.
SHORTEST = 32


class PortalKey:
    """Read from an SSM SecureString when first needed, and at most every five minutes.

    While it is changed, the parameter holds the new one and the old one, a line each.
    """

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._provider = SSMProvider(boto3_client=ssm)
        self._parameter = parameter

    def fits(self, given: str) -> bool:
        """Whether it is the key; compared in constant time. Without a parameter, nothing is."""
        try:
            value = self._provider.get(self._parameter, max_age=MAX_AGE_S, decrypt=True)
        except GetParameterError:
            return False
        said = given.encode(errors="replace")
        keys = [line.strip().encode() for line in str(value).splitlines()]
        fitting = [hmac.compare_digest(key, said) for key in keys if len(key) >= SHORTEST]
        return any(fitting)
