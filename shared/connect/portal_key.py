"""The key with which the company's portal speaks for its customers."""

import hmac
import time
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from shared.altegio.tokens import MAX_AGE_S

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

# Less could be guessed, and an empty parameter would let everybody in.
SHORTEST = 32


# Anybody can ask with some key while there is none.
_MISSED_S = 60


class PortalKey:
    """Read from an SSM SecureString when first needed, and at most every five minutes.

    While it is changed, the parameter holds the new one and the old one, a line each. That it could
    not be read is remembered for a minute, in which what was read last counts.
    """

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._provider = SSMProvider(boto3_client=ssm)
        self._parameter = parameter
        self._known: tuple[bytes, ...] | None = None
        self._read_from = 0.0

    def fits(self, given: str) -> bool:
        """Whether it is the key; compared in constant time. Without a parameter, nothing is.

        Raises:
            GetParameterError: there may be a key, and it could never be read.
        """
        said = given.encode(errors="replace")
        fitting = [hmac.compare_digest(key, said) for key in self._keys()]
        return any(fitting)

    def _keys(self) -> tuple[bytes, ...]:
        if time.monotonic() >= self._read_from:
            try:
                value = self._provider.get(self._parameter, max_age=MAX_AGE_S, decrypt=True)
            except GetParameterError as error:
                self._read_from = time.monotonic() + _MISSED_S
                # Its words are all that tells one from the other.
                if "ParameterNotFound" in str(error):
                    self._known = ()
            else:
                lines = [line.strip().encode() for line in str(value).splitlines()]
                self._known = tuple(line for line in lines if len(line) >= SHORTEST)
        if self._known is None:
            raise GetParameterError("the portal's key cannot be read")
        return self._known
