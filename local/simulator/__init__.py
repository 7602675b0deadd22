"""A simulator of the Altegio Marketplace: there is no sandbox, so this stands in for it.

It has the platform's real state machine, refuses whatever is not as documented, plays the owner
who connects and disconnects, breaks on order, and keeps a journal from which verdicts can be
computed. Standard library only.

    with Simulator(redirect_url="http://127.0.0.1:3000/connect") as platform:
        address = platform.grant(4564, 4232)        # where the owner's browser goes
        platform.fault("payment", "drop_answer")    # the next payment is recorded, unanswered
        ...
        assert platform.state(4564) == "active"

Rooms: `state` (links, logs, payments, journal), `telephony` (chains, pop-ups, saved calls),
`salons` (their names and clients), `routes` and `checks` (what a request must look like), `wire`
(how one is read), `marketplace` (the operations), `redirect` (the registration address),
`webhooks`, `faults`, `server` (HTTP).

For a person with a browser, or with curl: `page` and `records` (what is shown), `guide` and
`controls` (the first minutes), `owner_page`, `neighbours_door` and `fault_door` (what the buttons
do), `neighbours` (the billing system and the PBX, which press the stack's real doors), `commands`
(what does the same), `guard` (who may look and press).
"""

from local.simulator.faults import Fault
from local.simulator.redirect import Owner
from local.simulator.simulator import Simulator
from local.simulator.state import Call, LogEntry, Payment
from local.simulator.telephony import PopUp, SavedCall
from local.simulator.webhooks import Delivery

__all__ = [
    "Call",
    "Delivery",
    "Fault",
    "LogEntry",
    "Owner",
    "Payment",
    "PopUp",
    "SavedCall",
    "Simulator",
]
