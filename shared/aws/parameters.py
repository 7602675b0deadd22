"""Parameters of AWS Systems Manager, which hold the secrets: read when needed, and then seldom."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

# For which a parameter is not read again.
MAX_AGE_S = 300


class ParameterUnreadable(Exception):
    """It is missing, or may not be read, or SSM does not answer: in AWS's words."""


class Parameter:
    """One SecureString, read at most every five minutes."""

    def __init__(self, ssm: "SSMClient", name: str) -> None:
        self._ssm = ssm
        self._name = name
        self._value = ""
        self._read_from = -float("inf")

    def read(self, *, anew: bool = False) -> str:
        """Its value, past what is remembered if `anew`.

        https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html

        Raises:
            ParameterUnreadable: there is none to be had now.
        """
        if anew or time.monotonic() >= self._read_from:
            try:
                answer = self._ssm.get_parameter(Name=self._name, WithDecryption=True)
            except Exception as error:  # noqa: BLE001 - whatever it is, what was read last may count
                raise ParameterUnreadable(str(error)) from None
            self._value = answer["Parameter"]["Value"]
            self._read_from = time.monotonic() + MAX_AGE_S
        return self._value
