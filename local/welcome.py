"""What `make up` tells: where everything is, and what a terminal and the pages of docs/ call it.

https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#dot is how a shell reads
the file of names.
"""

import json
import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from local import PROJECT
from local.simulator.commands import FRESH, NOW, curl
from local.simulator.neighbours import Asked

if TYPE_CHECKING:
    from local.stack.stack import Stack

_WELCOME = """\
The local stack serves; Ctrl-C ends it.

  HTTP API        {api}
  platform        {platform}
  AWS emulator    {aws_endpoint_url}  (region {region}, credentials test/test)
  billing queue   {billing_queue_url}
  letters         {letters}
  events out      {events}
  alarms          {alarms}
  logs            {logs}

The pages of docs/ call these $API, $BILLING_KEY and so on. In a second terminal, this sets them:
  . {names}
The billing system reports a payment:
  {payment}
Or puts it on the queue:
  {queued}
Somebody calls, and his card pops up (set PBX_KEY to the key that the page shows after Connect):
  {ringing}
The platform asks whether the webhook is there:
  curl --head $API/webhooks/altegio
{page}"""
# Last, where the eye is: what stands above it may have left the screen.
_PAGE = """
Begin here. Open this page in a browser; it leads through the first five minutes:
  {url}
"""


def names(stack: "Stack") -> Mapping[str, str]:
    """What the pages of docs/ call the addresses and keys of a stack."""
    return {
        "API": stack.api,
        "PLATFORM": stack.platform_url,
        "BILLING_KEY": stack.billing_key,
        "BILLING_QUEUE": stack.billing_queue_url,
        "PORTAL_KEY": stack.portal_key,
        "STRIPE_SECRET": stack.stripe_secret,
    }


def exports(stack: "Stack") -> str:
    """The same, as a file that a shell reads."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in names(stack).items()]
    return "\n".join(["# Written by `make up`, removed when it ends.", *lines, ""])


def text(
    stack: "Stack", pages: Mapping[str, str], file: Path, now: datetime, *, is_simulated: bool
) -> str:
    """What is printed once everything serves.

    Args:
        stack: It serves.
        pages: Addresses of the pages of letters, events and alarms.
        file: With the names.
        now: The present moment.
        is_simulated: Whether the platform is a simulator.
    """
    return _WELCOME.format(
        page=_PAGE.format(url=stack.platform_url) if is_simulated else "",
        api=stack.api,
        platform=stack.platform_url + ("  (a simulator)" if is_simulated else ""),
        aws_endpoint_url=stack.aws_endpoint_url,
        region=stack.region,
        billing_queue_url=stack.billing_queue_url,
        logs=stack.logs,
        **pages,
        names=_short(file),
        payment=_named(curl(Asked("@API@/billing", "billing:@BILLING_KEY@", _payment(now)))),
        queued=_named(
            curl(
                Asked(
                    "@BILLING_QUEUE@",
                    form=(("Action", "SendMessage"), ("MessageBody", _payment(now))),
                )
            )
        ),
        ringing=_named(curl(Asked("@API@/calls", "pbx:@PBX_KEY@", _RINGING))),
    )


def _payment(now: datetime) -> str:
    """Paid now, for thirty days: a period that is over already would keep nobody connected."""
    until = (now + timedelta(days=30)).isoformat(timespec="seconds")
    return json.dumps(
        {
            "type": "payment",
            "event_id": f"inv-{FRESH}",
            "location_id": 4564,
            "amount": "990.99",
            "currency": "EUR",
            "paid_at": NOW,
            "period_from": NOW,
            "period_to": until,
        },
        separators=(",", ":"),
    )


_RINGING = json.dumps(
    {
        "type": "ringing",
        "call_id": f"c-{FRESH}",
        "location_id": 4564,
        "phone": "+13155550175",
        "line": "+13155550176",
        "at": NOW,
    },
    separators=(",", ":"),
)


def _named(command: str) -> str:
    """The command with the names of the file instead of what they stand for."""
    for name in ("API", "BILLING_KEY", "BILLING_QUEUE", "PBX_KEY"):
        command = command.replace(f"@{name}@", f"${name}")
    return command


def _short(path: Path) -> Path:
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path
