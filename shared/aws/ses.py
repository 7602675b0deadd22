"""Letters to the owners of accounts, through Amazon SES.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.telemetry import count, logger


@dataclass(frozen=True, slots=True)
class Letter:
    """What is written, in plain text."""

    subject: str
    text: str


class Mail:
    """Sends from one verified address; the client is made with the first letter."""

    def __init__(self, client: Callable[[], Any], sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, to: str, letter: Letter) -> bool:
        """Whether SES took the letter; if not, an alarm of its own tells why."""
        try:
            sesv2 = self._client()
            sesv2.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": letter.text, "Charset": "UTF-8"}},
                    }
                },
            )
        except (BotoCoreError, ClientError) as error:
            # Its message may name the address.
            code = type(error).__name__
            if isinstance(error, ClientError):
                code = error.response["Error"]["Code"]
            count("MailNotSent")
            logger.error("mail not sent", extra={"why": code})
            return False
        return True
