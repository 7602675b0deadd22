"""Who comes first when many call the platform, and what each kind may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How a kind of caller stands in the common queue of turns; in seconds.

    Attributes:
        reach_s: how far ahead it may reserve a place, beside the interval before it.
        stays_s: how long it waits for a place to come within its reach.
        ahead_s: by how much it goes before its turn, as a person waits; part of the reach.
    """

    reach_s: float
    stays_s: float = 0.0
    ahead_s: float = 0.0


# The order of all who call the platform, and there is no other. Behind any crowd of those below
# there is a place within the reach of those above, so nobody holds up who comes before him. The
# reach of payments leaves a place to each of their workers; that of the others is so short that a
# payment waits less than a second for all of them together, and half a second for pop-ups.
# Who stays gets the first place that comes within his reach, before those who reach less far.
PAYMENTS = Patience(3.0)
PAGES = Patience(0.35, stays_s=2.0, ahead_s=0.25)
QUESTIONS = Patience(0.3, stays_s=3.0)
POP_UPS = Patience(0.2)
HISTORY = Patience(0.1, stays_s=2.0)
CENSUS = Patience(0.0, stays_s=3.0)
ORDER = (PAYMENTS, PAGES, QUESTIONS, POP_UPS, HISTORY, CENSUS)
# Beside it, the operator's commands: a person at a terminal has the time to wait.
DESK = Patience(30.0)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each of a kind of callers may use: a part of the pace, and so many calls at once."""

    kind: str
    part: float
    burst: int


# Of one account, on however many telephones: whoever uses its key, or a copy of it, shares it.
POP_UPS_OF_ACCOUNT = Allowance("pop-up", part=0.5, burst=3)
# Of one Altegio user in however many tabs, or, apart from that, of the account that is proven.
PAGES_OF_USER = Allowance("page", part=0.5, burst=20)
# Calls that go into the history at once, of one account and of all. The other half of the pace is
# reconcile's, which takes the rest in turn by account: together no more than can be sent, so that
# the queue stays short, and nobody's call stands behind another's thousands.
HISTORY_OF_ACCOUNT = Allowance("history", part=0.25, burst=20)
HISTORY_OF_ALL = Allowance("history-of-all", part=0.5, burst=40)
