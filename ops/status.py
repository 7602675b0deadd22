"""What is wrong right now, on one screen, worst first, each with the one command to type next.

Of every table only a bounded part is read, so it is as fast with ten thousand locations as ten.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as Unconnected

from ops import (
    accounts,
    cover,
    dead_letters,
    names,
    parameters,
    pbx,
    queues,
    rows,
    screen,
    telephony,
    trouble,
    unlisted,
)
from ops.census import SETTLED
from ops.parameters import written_last
from ops.platform import platform
from ops.site import Site, side_by_side
from ops.trouble import LATELY, Found, Grade, Trouble
from ops.watch import FAILURES, RUN, Alarm
from shared import clock
from shared.aws import sightings
from shared.aws.sightings import Sighting
from shared.connections.connection import Hint
from shared.reconcile.census.differences import REPAIRED
from shared.reconcile.census.table import Stage

_OLD = timedelta(minutes=10)
_LONGEST_WITHOUT = timedelta(days=2)
_EVERY_S = 86400  # Of a census, as template.yaml has it.
# What no row tells afterwards: each is counted by a function, whose log has more.
_COUNTED = {
    "Doubled": ("the platform lists more payments than were billed", "ReconcileFunction"),
    "LifecycleEventUnknown": ("the platform sent an event that is not known", "DisableFunction"),
    "MailNotSent": ("an e-mail to an owner was not sent", "ConnectFunction"),
    "TokenUnreadable": ("a function could not read a token", ""),
}
# Whatever came after these: somebody has to see what they were about.
_LASTING = ("Doubled", "LifecycleEventUnknown")
# Whose keys we have: what is noted of those that were taken and refused, and what is counted.
_KEYED = (
    (sightings.BILLING, sightings.BILLING_REFUSED, "BillingRefused"),
    (sightings.PORTAL, sightings.PORTAL_REFUSED, "PortalRefused"),
)
_STRANGE = (
    "come with a token that is not ours; of webhooks with ours, {}. See what the Cabinet shows: if"
    " it is ours, somebody else sends these. If not, it was changed."
)
# Which function takes what is on a queue.
_TAKES = {"PaymentsFunction": "billing", "CallsFunction": "calls"}
_ECHOES = "Alarms and counts, of what stands above or was mended. They end by themselves, the last"


def status(site: Site, options: argparse.Namespace) -> int:
    """Prints what is wrong; ends with 0, 1 (attention) or 2 (broken)."""
    now = clock.now()
    # First what a refused token explains of the others.
    parts = [_tried(platform, site, now)]
    parts += side_by_side(lambda check: _tried(check, site, now), _CHECKS)
    # Each check may have come upon the same.
    found = [*dict.fromkeys(each for part in parts for each in part), *rows.of_unreadable(site)]
    troubles = trouble.worst_first(it for it in found if isinstance(it, Trouble))
    facts = [it for it in found if not isinstance(it, Trouble)]
    own = [it for it in troubles if not it.until]
    # What was counted just now may have no other trace, so it is worth a look.
    fresh = [] if own else [it for it in troubles if not it.is_over]
    grade = max((it.grade for it in own or fresh), default=Grade.FINE)
    things = screen.counted(len(own), "thing is", "things are") if own else "nothing is"
    more = " any more" if troubles and not own else ""
    came = f"{trouble.some([it.whom for it in fresh])} came within {screen.age(_OLD)}"
    more = f", but {came}" if fresh else more
    head = screen.wrapped(f"{site.name}: {things} wrong{more}, {screen.moment(now)}")
    listed = names.told(site, troubles, now, options)
    if len(own) < len(troubles):
        ends = screen.moment(max(it.until or now for it in troubles))
        listed.insert(len(own), screen.wrapped(f"{_ECHOES} by {ends} if all is mended."))
    plain = {
        "grade": grade.name.lower(),
        "troubles": [it.plain() for it in troubles],
        "facts": dict(facts),
    }
    text = "\n\n".join(filter(None, [head, *listed, screen.facts(facts)]))
    screen.printed(options, text, plain)
    return int(grade)


def _tried(
    check: Callable[[Site, datetime], Iterable[Found]], site: Site, now: datetime
) -> list[Found]:
    found: list[Found] = []
    try:
        # What was found before stays.
        found.extend(site.as_far(check(site, now)))
    except (Unconnected, HTTPClientError) as error:
        what = f"AWS cannot be reached ({type(error).__name__}), so nobody can say what is wrong."
        what += " See whether this machine has a network, or whether the local stack still runs"
        found.append(Trouble(what, "all", "status", grade=Grade.BROKEN))
    except (BotoCoreError, ClientError) as error:
        what = f"cannot be looked at: {error}"
        whom, command = check.__name__.strip("_"), "make deploy ENV=NAME"
        found.append(Trouble(what, whom, command, grade=Grade.BROKEN))
    return found


def _alarms(site: Site, now: datetime) -> Iterator[Found]:
    alarms = [_as_seen(site, it) for it in site.watch.alarms(now)]
    for it in alarms:
        words, command = it.told
        if command in ("", "status"):
            command = f"grep {it.name} docs/operations.md"
        what = f"rings: {words.rstrip('.')}"
        what += f"; {it.falls}" if it.falls else ""
        is_over = it.lasts is False or (it.last or now) < now - _OLD
        until = it.until or now + _OLD
        yield Trouble(what, it.name, command, it.since, until, is_over)
    yield "alarms", f"{len(alarms)} ring" if alarms else "none rings"


def _as_seen(site: Site, alarm: Alarm) -> Alarm:
    """Of dead letters, the queue tells that it is over before what is measured of it does."""
    queue = alarm.name.removesuffix("DeadLettersAlarm").lower()
    is_gone = alarm.lasts and queue in dead_letters.urls(site)
    return replace(alarm, lasts=False) if is_gone and not dead_letters.count(site, queue) else alarm


def _counted(site: Site, now: datetime) -> Iterator[Found]:
    counted = site.watch.counted([*_COUNTED, RUN], now)
    ran = counted.get(RUN)
    for name, it in counted.items():
        if name == RUN:
            continue
        function, _space, failure = name.rpartition(" ")
        words, function = _COUNTED.get(name) or (FAILURES[failure], function)
        what, command = f"{words}, {it.words}", site.watch.log(function, name)
        stays, grade = name in _LASTING, Grade.ATTENTION
        if failure == "Throttles" and it.last > now - rows.OVERDUE:
            queue = _TAKES.get(function, "")
            number = dead_letters.count(site, queue, dead=False) if queue else 0
            done = site.watch.waits(site.queues[queue][0], now)[1] if number else None
            stays = bool(number) and not (done and done > it.last)
            waits = screen.counted(number, "message waits", "messages wait")
            waits = f"{waits} until it is allowed more at once: " * stays
            # What was turned away has left no line in the log.
            what += f"; {waits}{site.allowed(function)}"
            command = "grep ThrottlesAlarm docs/operations.md"
            grade = Grade.BROKEN if stays and not (done and done >= it.first) else grade
        began, until = (it.first, None) if stays else (None, it.last + LATELY)
        yield Trouble(what, name, command, began, until, it.last < now - _OLD, grade=grade)
    made = dead_letters.attributes(site, site.settings.billing_queue_url) if ran is None else {}
    old = now - dead_letters.at(made, "CreatedTimestamp") if made else LATELY
    if timedelta() <= old < rows.OVERDUE:
        yield "reconcile", "no run is counted yet, as the stack is new"
    elif ran is None or ran.last < now - rows.OVERDUE:
        since = "within an hour" if old >= LATELY else f"in the {screen.age(old)} that it is there"
        never = f"has not run to its end {since}, or, as in an emulator, nobody counts it"
        what = f"does not run to its end, {screen.due(ran.last, now)} last" if ran else never
        yield Trouble(what, "reconcile", site.watch.log("ReconcileFunction"), grade=Grade.BROKEN)
    else:
        yield "reconcile", f"ran at {screen.minute(ran.last)}"


def _seen(site: Site, now: datetime) -> Iterator[Found]:
    """What came to the doors, and was refused there: no row of its own tells."""
    kinds = (sightings.WEBHOOK, sightings.WEBHOOK_REFUSED, sightings.REDIRECT_REFUSED)
    last, refused, redirect = map(site.sightings.last, kinds)
    came = f"last {screen.due(last.at, now)}" if last else "none within a week"
    yield "webhook", came + (f"; one refused {screen.due(refused.at, now)}" if refused else "")
    # After one that was taken, one that is refused is a stranger's.
    if refused and refused.at > now - LATELY and not (last and last.at > refused.at):
        yield _strange_webhooks(site, refused, came, now)
    if redirect and redirect.at > now - LATELY and not (last and last.at > redirect.at):
        what = f"{_STRANGE.format(came)} docs/operations.md has how, under Changing the token"
        yield Trouble(what, "redirects", "doctor", redirect.at)
    for kind, refusals, counted in _KEYED:
        taken = {it.who: it.at for it in site.sightings.lately(kind, LATELY)}
        for it in site.sightings.lately(refusals, LATELY):
            if it.who not in taken or taken[it.who] < it.at:
                good = site.sightings.last(kind, it.who)
                yield parameters.of_refused(site, it, good, counted, now)
    ours = site.settings.platform.application_id
    for other in site.sightings.lately(sightings.OTHER_APPLICATION, LATELY):
        if last and last.at <= other.at:
            what = f"webhooks come for application {other.who}, and ours is {ours}"
            yield Trouble(what, f"application {ours}", "publication", other.at)


def _strange_webhooks(site: Site, seen: Sighting, came: str, now: datetime) -> Trouble:
    parameter, until = site.settings.platform.partner_token_parameter, seen.at + LATELY
    if written_last(site, parameter).at > seen.at:
        what = f"came with a token that was not ours, last {screen.due(seen.at, now)}; ours was"
        what += " written anew since. What they told, a census finds"
        return Trouble(what, "webhooks", "census --new", seen.at, until, is_over=True)
    what = f"{_STRANGE.format(came)} {parameters.HOW_TO_WRITE}"
    first, command = parameters.read(site, parameter), parameters.written(site, parameter)
    return Trouble(what, "webhooks", command, seen.at, first=first)


def _noted(site: Site, now: datetime) -> Iterator[Found]:
    """What the functions saw lately of locations and accounts."""
    ahead = rows.rows(site, rows.places(site, sightings.CLOCK_AHEAD, timedelta(days=7)))
    ahead = [it for it in ahead if trouble.ahead_until(it, now)]
    is_right = all(rows.clock_is_right(site, it) for it in ahead[: rows.ASKED])
    for connection in ahead:
        yield from trouble.of_clock(connection, now, site.platform.ahead(now), is_right=is_right)
    if ahead and is_right:
        until = max(trouble.ahead_until(it, now) for it in ahead)
        # Of one that has ended, it was believed.
        whom = trouble.some([it.location_id for it in ahead if it.live])
        may = f"; uninstalls of {whom} may be disbelieved until {until}" * bool(whom)
        yield "clock", f"right again{may}"
    if lost := site.sightings.lately(sightings.LOST_WEBHOOK, LATELY):
        yield _lost_webhooks(site, lost, now)
    for it in site.sightings.lately(sightings.OTHER_LOCATION, LATELY):
        yield pbx.of_other_location(it)
    for it in site.sightings.lately(sightings.MAIL_NOT_SENT, LATELY):
        yield from accounts.of_mail(site, it.who)
    keys = (sightings.KEY_REFUSED, sightings.KEY_REPLACED)
    whose = dict.fromkeys(it.who for kind in keys for it in site.sightings.lately(kind, LATELY))
    for told in side_by_side(lambda it: [*accounts.of_key(site, it)], whose):
        yield from told


def _lost_webhooks(site: Site, lost: Sequence[Sighting], now: datetime) -> Trouble:
    """One may be lost on its way; of several, and if none came since, the address is wrong."""
    ids, last = [int(it.who) for it in lost], site.sightings.last(sightings.WEBHOOK)
    is_wrong = bool(ids[1:]) and not (last and last.at >= lost[-1].at)
    known = rows.rows(site, ids)
    states = screen.tally(it.state for it in known)
    came = f"the last came {screen.due(last.at, now)}" if last else "none came within a week"
    why = "WebhookUrl in the Cabinet is wrong" if is_wrong else "lost on the way"
    if known and all(map(trouble.unknown_there, known)):
        is_wrong, why = False, f"{trouble.gone(known[0])[0]}; of such a one it tells none"
    at = {int(it.who): it.at for it in lost}
    back = [it for it in known if it.live and (it.settled_at or now) > at[it.location_id]]
    if not is_wrong and back == known:
        why = "over, as it is connected here again since"
    what = "Altegio ended or froze it, and its webhook did not come; it is settled by now, and"
    what += f" here: {states}. {len(ids)} missing within an hour, and {came}: likely {why}"
    command = "publication" if is_wrong else f"location {ids[0]} --all"
    over = None if is_wrong else lost[0].at + LATELY
    return Trouble(what, trouble.places(ids), command, None, over, not is_wrong)


def _census(site: Site, now: datetime) -> Iterator[Found]:
    head = site.roll.head()
    if head is None or not head.parts:
        yield "census", "none was taken yet"
        return
    since, age = head.changed_at or head.began_at, now - head.began_at
    # What it found at its very beginning, too, by whichever clock.
    lately = site.sightings.lately(sightings.CENSUS_FOUND, age + _OLD)
    left = [it for it in lately if it.at >= head.began_at]
    if head.repaired >= head.repairable:
        left = [it for it in left if it.why not in REPAIRED]
    if left:
        # Somebody has taken it since, or it has ended, or a webhook came after all.
        known = rows.rows(site, [int(it.who) for it in left])
        states = {str(it.location_id): it.state for it in known}
        # Reconcile looks at these a second time, and ends them.
        going = {str(it.location_id) for it in known if it.hint is Hint.GONE}
        left = [it for it in left if it.who not in going]
        left = [it for it in left if states.get(it.who) not in SETTLED.get(it.why, ())]
    if head.stage is not Stage.DONE and now - since > _OLD:
        what = f"stands still while {head.stage}"
        yield Trouble(what, "census", "census", since)
    elif head.blown:
        what = f"found {head.changes} locations to change, more than the fuse allows"
        yield Trouble(what, "census", "census", since, grade=Grade.BROKEN)
    elif left:
        whom = trouble.places(sorted({int(it.who) for it in left}))
        what = f"the census found what is not repaired: {trouble.causes(it.why for it in left)}"
        yield Trouble(what, whom, "census", since)
    every_s = site.settings.census.census_every_s
    is_set = f"CENSUS_EVERY_S of ReconcileFunction is {every_s:g}"
    if age > _LONGEST_WITHOUT:
        what, command = f"none was taken for {screen.age(age)}: {is_set}", "make deploy ENV=NAME"
        if every_s == _EVERY_S:
            what, command = f"{what}, so its log says why", site.watch.log("ReconcileFunction")
        else:
            what += f", and {_EVERY_S} by template.yaml: deploy that, if it is not meant so. One"
            what += " that is ordered (census --new) helps once"
        yield Trouble(what, "census", command)
    never = f"; {is_set}, so the next is one that is ordered" * (not every_s)
    yield "census", f"{head.stage}, begun {screen.due(head.began_at, now)}{never}"


_CHECKS = (
    _alarms,
    _counted,
    queues.queues,
    queues.switched_off,
    cover.cover,
    telephony.telephony,
    *rows.CHECKS,
    unlisted.lately,
    _seen,
    _noted,
    _census,
)
