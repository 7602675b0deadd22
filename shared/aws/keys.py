"""Keys that somebody else gives us in an SSM SecureString: to be admitted by, or to sign with.

While one is changed, its parameter holds the new one and the old one, a line each.
"""

import hmac
import time
from typing import TYPE_CHECKING

from shared.aws.parameters import Parameter, ParameterUnreadable

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

# Less could be guessed, and an empty parameter would let everybody in.
SHORTEST = 32
# Anybody can ask with some key while there is none.
_MISSED_S = 60


class _Lines:
    """Read when first needed, and at most every five minutes; what is too short is none.

    That the parameter could not be read is remembered for a minute, in which what was read last
    counts.
    """

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._parameter = Parameter(ssm, parameter)
        self._known: tuple[str, ...] | None = None
        self._read_from = 0.0

    def is_set(self) -> bool:
        """Whether there is one at all.

        Raises:
            GetParameterError: there may be one, and it could never be read.
        """
        return bool(self._read())

    def _read(self) -> tuple[str, ...]:
        if time.monotonic() >= self._read_from:
            try:
                value = self._parameter.read()
            except ParameterUnreadable as error:
                self._read_from = time.monotonic() + _MISSED_S
                # Its words are all that tells one from the other.
                if "ParameterNotFound" in str(error):
                    self._known = ()
            else:
                lines = [line.strip() for line in value.splitlines()]
                self._known = tuple(line for line in lines if len(line) >= SHORTEST)
        if self._known is None:
            raise ParameterUnreadable("the key cannot be read")
        return self._known


class Keys(_Lines):
    """The key by which a server of the company is known."""

    def fits(self, given: str) -> bool:
        """Whether it is the key; compared in constant time. Without a parameter, nothing is.

        Raises:
            ParameterUnreadable: there may be a key, and it could never be read.
        """
        said = given.encode(errors="replace")
        fitting = [hmac.compare_digest(key.encode(), said) for key in self._read()]
        return any(fitting)


class Secrets(_Lines):
    """What another company signs with."""

    def known(self) -> tuple[str, ...]:
        """All of them, the newest first; none without a parameter.

        Raises:
            ParameterUnreadable: there may be one, and it could never be read.
        """
        return self._read()
