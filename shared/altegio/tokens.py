"""The partner token: Altegio's key to us and ours to Altegio.

It authorises our calls, comes in the body of every lifecycle webhook, and is the HMAC key of
`user_data_sign` and of a payment event's `sign`. It lives in an SSM SecureString and nowhere else.

While it is being rotated the parameter holds two, one per line: the new one, then the one from
before. Which of them Altegio uses is not known at any moment, so both are accepted.
"""

import time
from typing import TYPE_CHECKING

from shared.aws.parameters import Parameter, ParameterUnreadable

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

# Anybody can send what no token fits.
_DOUBT_AGAIN_S = 10


class PartnerToken:
    """The tokens, newest first, fetched when first needed and at most every five minutes."""

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._parameter = Parameter(ssm, parameter)
        self._doubt_from = 0.0
        self._known: tuple[str, ...] = ()

    def accepted(self) -> tuple[str, ...]:
        """All tokens that Altegio may use; empty if the parameter is blank.

        If it cannot be read now, those that were read last: an outage of SSM loses no webhook.

        Raises:
            ParameterUnreadable: it could never be read, as it is missing or may not be.
        """
        try:
            return self._fetch(force=False)
        except ParameterUnreadable:
            if not self._known:
                raise
            return self._known

    def refetch(self) -> tuple[str, ...]:
        """The tokens past the cache: after the platform answered 401, for one.

        Raises:
            ParameterUnreadable: see `accepted`.
        """
        return self._fetch(force=True)

    def doubted(self) -> tuple[str, ...]:
        """The tokens past the cache, for what none of `accepted` proves: one may be newer.

        Empty, so that nothing is proven, if they cannot be read, or if somebody doubted within the
        last 10 s: a flood of forgeries must not become a flood of calls.
        """
        now = time.monotonic()
        if now < self._doubt_from:
            return ()
        self._doubt_from = now + _DOUBT_AGAIN_S
        try:
            return self.refetch()
        except ParameterUnreadable:
            return ()

    def _fetch(self, *, force: bool) -> tuple[str, ...]:
        value = self._parameter.read(anew=force)
        # A file that was uploaded as the parameter often ends in a newline.
        lines = map(str.strip, value.splitlines())
        self._known = tuple(dict.fromkeys(line for line in lines if line))
        return self._known


class UserToken:
    """Read from an SSM SecureString when first needed, and at most every five minutes."""

    def __init__(self, ssm: "SSMClient", parameter: str) -> None:
        self._parameter = Parameter(ssm, parameter)

    def known(self) -> str | None:
        """The token; None if there is none to be had, or none that a header can carry."""
        try:
            value = self._parameter.read()
        except ParameterUnreadable:
            return None
        token = value.strip()
        return token if token.isascii() and token.isprintable() and token else None
