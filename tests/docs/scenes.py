"""What has happened before each transcript of the pages: made with the simulator, on any stack."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from local.simulator import Owner
from shared.clock import stamp
from tests.deployment import Deployment, finished, payment

# The simulator's own is named so as to try what may go wrong.
OWNER = Owner(name="Zoë Müller", salon_name="Salon Zoë")
# Names of what a command is given, and what they stand for, where that is made with the scene.
type Names = Mapping[str, str]


@dataclass(frozen=True)
class Scene:
    """Before some commands, which are all of the same kind.

    Attributes:
        happens: Makes the state; returns what differs from stack to stack in the command line.
        settings: Environment variables that differ from what the template says.
        letters: Whether it is about dead letters.
    """

    happens: Callable[[Deployment], Names]
    settings: Mapping[str, str] = field(default_factory=dict)
    letters: bool = False


def until(deployment: Deployment, key: str, state: str) -> None:
    for _ in range(60):
        entry = deployment.ledger.get(key)
        if entry is not None and entry.state == state:
            return
        deployment.let_time_pass(1)
    raise AssertionError(f"{key} is not {state}")


def bought(deployment: Deployment, event_id: str, location_id: int = 4564) -> dict[str, Any]:
    """A month of the application, which runs now."""
    now = deployment.clock().replace(microsecond=0) - timedelta(seconds=2)
    return payment(
        event_id,
        location_id,
        amount="29.90",
        paid_at=stamp(now),
        period_from=stamp(now - timedelta(days=2)),
        period_to=stamp(now + timedelta(days=28)),
    )


def _attention(deployment: Deployment) -> Names:
    simulator = deployment.simulator
    deployment.connect(4564, owner=OWNER)
    simulator.fault("payment", "drop_request")
    deployment.bill(payment("inv-1002"))
    until(deployment, "payment#inv-1002", "NEEDS_HUMAN")
    for number in (3, 4):
        # Believed the second time.
        message = f"Period 2026-0{number} is closed."
        simulator.fault("payment", "status", status=422, message=message, times=2)
        deployment.bill(payment(f"inv-100{number}", amount=f"{number}.00"))
        until(deployment, f"payment#inv-100{number}", "REJECTED")
    deployment.bill(payment("inv-1005", 4232))
    until(deployment, "payment#inv-1005", "HELD")
    simulator.fault("payment", "drop_answer")
    deployment.bill(payment("inv-1008", amount="29.90"))
    until(deployment, "payment#inv-1008", "UNKNOWN")
    return {}


def _dropped(deployment: Deployment) -> Names:
    deployment.connect(4564, owner=OWNER)
    deployment.simulator.fault("payment", "drop_answer")
    deployment.bill(bought(deployment, "inv-1008"))
    until(deployment, "payment#inv-1008", "UNKNOWN")
    [listed] = deployment.simulator.payments(4564)
    return {"id": str(listed.id)}


def _sent(deployment: Deployment) -> Names:
    deployment.connect(4564, owner=OWNER)
    deployment.bill(bought(deployment, "inv-1001"))
    until(deployment, "payment#inv-1001", "SENT")
    return {}


def _letters(deployment: Deployment) -> Names:
    deployment.connect(4564, owner=OWNER)
    first = bought(deployment, "inv-1004")
    deployment.bill(first)
    until(deployment, "payment#inv-1004", "SENT")
    # As SQS itself puts it there, after some tries.
    deployment.sqs.send_message(
        QueueUrl=deployment.queues["BillingDeadLetters"],
        MessageBody=json.dumps(payment("inv-1007")),
    )
    deployment.let_time_pass(3)
    deployment.bill({**first, "amount": "1.00"})
    deployment.let_time_pass(3)
    nowhere = payment("inv-1006")
    del nowhere["location_id"]
    deployment.bill(nowhere)
    deployment.let_time_pass(3)
    return {}


def _life(deployment: Deployment) -> Names:
    simulator = deployment.simulator
    deployment.connect(4564, owner=OWNER)
    deployment.clock.advance(seconds=3)
    month = {"period_from": stamp(deployment.clock() - timedelta(days=30))}
    month["period_to"] = stamp(deployment.clock() + timedelta(hours=1))
    deployment.bill({**bought(deployment, "inv-1001"), **month})
    until(deployment, "payment#inv-1001", "SENT")
    deployment.clock.advance(minutes=1)
    simulator.disconnect(4564, webhook="never")
    deployment.clock.advance(seconds=3)
    deployment.connect(4564, owner=OWNER)
    deployment.clock.advance(seconds=3)
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(60)
    simulator.expire(4564, webhook="never")
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.let_time_pass(3)
    deployment.bill(bought(deployment, "inv-1002"))
    until(deployment, "payment#inv-1002", "SENT")
    deployment.let_time_pass(1)
    deployment.clock.advance(minutes=2)
    # Of this, nobody tells.
    simulator.expire(4564, webhook="never")
    deployment.clock.advance(minutes=6)
    return {}


def _missed(deployment: Deployment) -> Names:
    simulator = deployment.simulator
    deployment.connect(4564, 4232, 5001, 5002, 5003, 5004, 5005, 5006, 5007, owner=OWNER)
    simulator.grant(4777, private=True)
    deployment.let_time_pass(3)
    for location_id in (5001, 5002, 5003, 5004, 5005):
        simulator.disconnect(location_id, webhook="never")
    simulator.expire(5006, webhook="never")
    simulator.pay_hosted(4232, Decimal("29.90"), webhook="never")
    return {}


def _found(deployment: Deployment) -> Names:
    _missed(deployment)
    return {"before": "census --new"}


def _called(deployment: Deployment) -> Names:
    key = deployment.connect(4564, owner=OWNER).pbx_key
    began = (deployment.clock() - timedelta(seconds=90)).isoformat()
    assert deployment.call({**finished("c-1001"), "started_at": began}, key)[0] == 202
    deployment.let_time_pass(5)
    return {}


def _lined(deployment: Deployment) -> Names:
    key = deployment.connect(4564, 4232, owner=OWNER).pbx_key
    account_id = str(deployment.connection(4564).account_id)
    deployment.lines.enter(account_id, {"+13155550199": 4232})
    began = (deployment.clock() - timedelta(seconds=90)).isoformat()
    event = {**finished("c-1001"), "location_id": None, "started_at": began}
    assert deployment.call(event, key)[0] == 202
    return {}


def _reported(deployment: Deployment) -> Names:
    deployment.connect(4564, 4232, owner=OWNER)
    for number in (1, 2, 3):
        deployment.bill(bought(deployment, f"inv-100{number}"))
        until(deployment, f"payment#inv-100{number}", "SENT")
    return {}


def _signed_otherwise(deployment: Deployment) -> Names:
    """A redirect whose signature is over the base64 text, a mistake that others have made."""
    address = urlsplit(deployment.simulator.redirect(4564))
    fields = dict(parse_qsl(address.query))
    key = deployment.simulator.partner_token.encode()
    sign = hmac.new(key, fields["user_data"].encode(), hashlib.sha256).hexdigest()
    query = urlencode({**fields, "user_data_sign": sign})
    return {"redirect.txt": address._replace(query=query).geturl()}


def _private(deployment: Deployment) -> Names:
    deployment.connect(4564, owner=OWNER)
    deployment.simulator.grant(4777, private=True)
    deployment.let_time_pass(2)
    return {"id": str(deployment.connection(4564).account_id)}


def _put_back(deployment: Deployment) -> Names:
    deployment.connect(4564, owner=OWNER)
    deployment.bill(bought(deployment, "inv-1001"))
    until(deployment, "payment#inv-1001", "SENT")
    deployment.simulator.fault("payment", "status", status=429, retry_after=60)
    deployment.bill(bought(deployment, "inv-1002"))
    deployment.bill(bought(deployment, "inv-1003", 4232))
    deployment.clock.advance(hours=2)
    return {"since": stamp(deployment.clock() - timedelta(hours=1))}


def _marked(deployment: Deployment) -> Names:
    deployment.connect(4564, owner=OWNER)
    return {"before": "restored --do"}


def _left(deployment: Deployment) -> Names:
    """Nobody needs the account any more, but its grace period is not over."""
    _called(deployment)
    deployment.bill(bought(deployment, "inv-1001"))
    until(deployment, "payment#inv-1001", "SENT")
    account_id = str(deployment.connection(4564).account_id)
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(5)
    return {"id": account_id}


# By the first words of a command.
SCENES = {
    "restored --since": Scene(_put_back),
    "restored --release": Scene(_marked),
    "status": Scene(_attention, letters=True),
    "payment inv-1008": Scene(_dropped),
    "payment inv-1001": Scene(_sent),
    "letters": Scene(_letters, letters=True),
    "location": Scene(_life),
    "census --new": Scene(_missed),
    "census --do": Scene(_found),
    "call": Scene(_called),
    "lines": Scene(_lined),
    "publication": Scene(_reported),
    "doctor": Scene(_signed_otherwise),
    "take": Scene(_private),
    "person": Scene(_left),
}
