"""SES in memory: keeps what is sent.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from typing import Any

from tests.memory.calls import Asked, Calls, Client, Refused, operation


class Letters(Client):
    """The client for "sesv2"; `refuses` is the code with which SES refuses all, and `says` why."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.sent: list[dict[str, Any]] = []
        self.refuses = ""
        self.says = "not today"

    @operation("SendEmail", "FromEmailAddress", "Destination", "Content")
    def send_email(self, asked: Asked) -> Any:
        # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html
        is_ascii = all(address.isascii() for address in asked["Destination"]["ToAddresses"])
        if refuses := self.refuses or ("" if is_ascii else "BadRequestException"):
            status = 500 if refuses == "InternalServiceError" else 400
            raise Refused(refuses, self.says, ResponseMetadata={"HTTPStatusCode": status})
        simple = asked["Content"]["Simple"]
        self.sent.append(
            {
                "from": asked["FromEmailAddress"],
                "to": asked["Destination"]["ToAddresses"],
                "subject": simple["Subject"]["Data"],
                "text": simple["Body"]["Text"]["Data"],
                "headers": {it["Name"]: it["Value"] for it in simple.get("Headers", [])},
            }
        )
        return {"MessageId": f"letter-{len(self.sent)}"}
