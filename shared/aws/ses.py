"""Letters to the owners of accounts, through Amazon SES.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

from shared.aws.sightings import MAIL_NOT_SENT, MAIL_SENT, Sightings
from shared.one_line import one_line
from shared.telemetry import count, logger

# Of what SES says, so much is kept.
_LONGEST = 200
_ADDRESS = re.compile(r"""[^\s,;:<>"']*@[^\s,;:<>"']*[^\s,;:<>"'.]""")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is written, in plain text.

    Attributes:
        subject, text: what its reader sees.
        stop: an address at which one POST stops all letters of its kind; empty if there is none.
            Programs for mail show a button of their own for it.
            https://www.rfc-editor.org/rfc/rfc8058
    """

    subject: str
    text: str
    stop: str = ""


class Fate(Enum):
    """What became of a letter."""

    TAKEN = auto()
    # Surely not sent.
    REFUSED = auto()
    # SES may have it: it answered nothing, or with an error of its own.
    UNCLEAR = auto()


class Mail:
    """Sends from one verified address; the client is made with the first letter."""

    def __init__(self, client: Callable[[], Any], sender: str, sightings: Sightings) -> None:
        self._client = client
        self._sightings = sightings
        self._sender = sender

    def send(self, to: str, letter: Letter, account_id: str, **names: object) -> Fate:
        """Sends it; if SES does not say that it took it, an alarm of its own tells why.

        `names` say in the log of whom it is, beside the account.
        """
        simple: dict[str, Any] = {
            "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
            "Body": {"Text": {"Data": letter.text, "Charset": "UTF-8"}},
        }
        if letter.stop:
            simple["Headers"] = [
                {"Name": "List-Unsubscribe", "Value": f"<{letter.stop}>"},
                {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
            ]
        try:
            sesv2 = self._client()
            sesv2.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [_in_ascii(to)]},
                Content={"Simple": simple},
            )
        except (BotoCoreError, ClientError) as error:
            why = self._said(error, to)
            count("MailNotSent")
            logger.error("mail not sent", extra={"account_id": account_id, **names, "why": why})
            self._sightings.note(MAIL_NOT_SENT, account_id, why)
            return Fate.REFUSED if _is_refusal(error) else Fate.UNCLEAR
        self._sightings.note(MAIL_SENT, account_id)
        return Fate.TAKEN

    def _said(self, error: BotoCoreError | ClientError, to: str) -> str:
        """Why it was not sent, without the address of anybody but the sender."""
        if not isinstance(error, ClientError):
            return type(error).__name__
        told = error.response["Error"]
        code, says = told["Code"], one_line(told.get("Message", "").replace(to, "…"))
        says = _ADDRESS.sub(lambda it: it[0] if it[0] in self._sender else "…", says)
        return ": ".join(filter(None, (code, says)))[:_LONGEST]


def _in_ascii(address: str) -> str:
    """The address as SES takes it, which knows a domain with other letters by its Punycode only.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html
    """
    if address.isascii():
        return address
    from email_validator import (  # noqa: PLC0415 - few addresses need it
        EmailNotValidError,
        validate_email,
    )

    try:
        return validate_email(address, check_deliverability=False).ascii_email or address
    except EmailNotValidError:
        return address


def _is_refusal(error: BotoCoreError | ClientError) -> bool:
    """Whether it proves that nothing was sent."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError)
