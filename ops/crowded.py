"""Whose PBX rings so often that pop-ups are dropped for the pace, and whom else that harms."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ops import pbx, screen
from ops.site import Site
from ops.trouble import LATELY, Trouble
from shared.aws.sightings import POP_UP, POP_UP_DROPPED, Sighting
from shared.calls.shown import OWN_SHARE, PopUp

# Fewer are a busy moment, and nobody's fault.
_FLOOD = 10


@dataclass(frozen=True, slots=True)
class Crowd:
    """A location above its account's share, or with more dropped than all others together."""

    culprit: str
    counts: Mapping[str, int]  # What became of its pop-ups since the hour before this one began.
    harmed: Mapping[str, int]  # Of whom else pop-ups were dropped, and how many.
    at: datetime  # When one was dropped last, of anybody.

    def troubles(self, of: Collection[str], now: datetime) -> Iterator[Trouble]:
        """As it is told of all, or of some locations."""
        dropped, shown = (self.counts.get(it, 0) for it in (PopUp.CROWDED, PopUp.SENT))
        if (not of or self.culprit in of) and (self.harmed or dropped > shown):
            told = self._of_culprit(dropped, dropped + shown, now)
            yield pbx.unless_rested(told, self.at, now)
        for who in sorted({*of} & {*self.harmed}):
            number = screen.counted(self.harmed[who], "pop-up was", "pop-ups were")
            what = f"{number} not shown, last at {self.at:%H:%M:%S}Z, which is not its own fault:"
            what += f" the PBX of location {self.culprit} rings so often that our calls to Altegio"
            what += " were used up. What ends that stands there"
            told = Trouble(what, f"location {who}", f"location {self.culprit}")
            yield pbx.unless_rested(told, self.at, now)

    def _of_culprit(self, dropped: int, rings: int, now: datetime) -> Trouble:
        since = pbx.counted_since(now)
        what = f"its PBX told {screen.counted(rings, 'ring')} or more since {screen.moment(since)},"
        what += f" and {dropped} of them were not shown, as they were too many at once."
        what += " It is the cause, and "
        harmed = [f"location {who} ({it} not shown)" for who, it in self.harmed.items()]
        what += f"harms others: {', '.join(harmed)}" if harmed else "harms nobody else yet"
        what += f"; last at {self.at:%H:%M:%S}Z. Have whoever runs that PBX stop it. Only if he"
        what += " cannot be reached, a new key with the old one void ends it at once: then nothing"
        what += " of that account's PBX is heard, until it has the new key"
        return Trouble(what, f"location {self.culprit}", f"account {self.culprit} --new-key --void")


def found(site: Site) -> Crowd | None:
    """Who crowds the pace, or did so lately; None if nobody stands out."""
    lately = site.sightings.lately(POP_UP_DROPPED, LATELY)
    seen = {it.who: it for it in lately if is_crowded(it) and it.who.isdecimal()}
    if not seen:
        return None
    counts = {who: site.sightings.counts(POP_UP, who) for who in seen}
    # Of a busy location more are shown; of one that floods us, more are dropped.
    dropped = {who: it[PopUp.CROWDED] for who, it in counts.items()}
    culprit = max(dropped, key=lambda who: dropped[who])
    is_most = 2 * dropped[culprit] > site.sightings.counts(POP_UP)[PopUp.CROWDED]
    is_cause = is_most or OWN_SHARE in seen[culprit].why
    if not is_cause or dropped[culprit] < _FLOOD:
        return None
    others = [it for it in seen.values() if it.who != culprit and OWN_SHARE not in it.why]
    harmed = {it.who: dropped[it.who] or 1 for it in others}
    return Crowd(culprit, counts[culprit], harmed, max(it.at for it in seen.values()))


def is_crowded(seen: Sighting) -> bool:
    """Whether it was dropped for the pace."""
    return seen.why.startswith(PopUp.CROWDED)
