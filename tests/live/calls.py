"""The calls that are made, each with what the platform has to have of it in the end."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.live.judge import Right
from tests.live.stage import Stage, busy, ring_on, take
from tests.live.telephone import Call

type Play = Callable[[Stage, str], Right]

HIDDEN = "anonymous"


@dataclass(frozen=True)
class Tried:
    """A call by its name in the table.

    Attributes:
        alone: it is played when no other is, as the platform cannot tell it from others.
    """

    name: str
    play: Play
    alone: bool = False


CALLS: list[Tried] = []

NOT_TRIED = (
    "Asterisk 17 to 21 and 23, as no suite of Debian has them now",
    "chan_sip (until 20), IAX2, DAHDI: the recipe reads their callers' CALLERID() only",
    "FollowMe, Page, ConfBridge and ParkedCall",
    "transfers by the switch's own feature codes, or of an outgoing call",
    "a call that is recorded (ALTEGIO_RECORDING)",
    "FreePBX and the like, whose dialplan is made by a program",
)


def tried(name: str, *, alone: bool = False) -> Callable[[Play], Play]:
    def add(play: Play) -> Play:
        CALLS.append(Tried(name, play, alone))
        return play

    return add


def talk(call: Call, seconds: float) -> None:
    """Waits until it is taken, and hangs up."""
    call.until_answered()
    time.sleep(seconds)
    call.hang_up()


# Dial


@tried("Dial, answered; the caller hangs up")
def answered(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=2))
    talk(stage.call("dial", caller), 4)
    return Right(4, "101")


@tried("Dial, answered; the telephone hangs up")
def answered_and_hung_up(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=2, talk_s=4))
    stage.call("dial", caller).until_ended()
    return Right(4, "101")


@tried("Dial, no answer")
def no_answer(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    stage.call("dial", caller).until_ended()
    return Right()


@tried("Dial, busy")
def engaged(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", busy)
    stage.call("dial", caller).until_ended()
    return Right()


@tried("Dial, the caller gives up")
def gives_up(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    call = stage.call("dial", caller)
    call.until_ringing()
    time.sleep(2)
    call.hang_up()
    call.until_ended()
    return Right()


@tried("Dial of two telephones at once (ring group)")
def group(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    stage.script(caller, "102", take(after_s=2))
    talk(stage.call("group", caller), 3)
    return Right(3, "102")


@tried("Dial, no answer, then another Dial, answered")
def cascade(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    stage.script(caller, "102", take(after_s=1))
    talk(stage.call("cascade", caller), 3)
    return Right(3, "102")


@tried("Dial(…,g), talked, then another Dial, no answer")
def goes_on(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=1, talk_s=3))
    stage.script(caller, "103", ring_on)
    stage.call("goes-on", caller).until_ended()
    return Right(3, "101")


@tried("a menu, then Dial, answered")
def menu(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=2))
    call = stage.call("menu", caller)
    stage.heard(caller, "101").until(lambda: stage.heard(caller, "101").answered_at, "answered")
    time.sleep(4)
    call.hang_up()
    return Right(4, "101")


@tried("a menu only")
def menu_only(stage: Stage, caller: str) -> Right:
    talk(stage.call("menu-only", caller), 3)
    return Right()


@tried("Dial, no answer, then voice mail")
def voice_mail(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    talk(stage.call("voice-mail", caller), 3)
    return Right()


# Queues


@tried("Queue, answered")
def queue(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=2))
    talk(stage.call("queue", caller), 4)
    return Right(4, "101")


@tried("Queue, answered; the telephone hangs up")
def queue_hung_up(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=2, talk_s=4))
    stage.call("queue", caller).until_ended()
    return Right(4, "101")


@tried("Answer, then Queue, answered")
def queue_answers(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=3))
    call = stage.call("queue-answers", caller)
    stage.heard(caller, "101").until(lambda: stage.heard(caller, "101").answered_at, "answered")
    time.sleep(3)
    call.hang_up()
    return Right(3, "101")


@tried("Queue, the caller gives up")
def queue_abandoned(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    call = stage.call("queue-answers", caller)
    stage.heard(caller, "101")
    time.sleep(2)
    call.hang_up()
    return Right()


@tried("Queue, nobody answers in time")
def queue_times_out(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    stage.call("queue-times-out", caller).until_ended()
    return Right()


@tried("Queue, the member is Local/102@agents")
def queue_local(stage: Stage, caller: str) -> Right:
    stage.script(caller, "102", take(after_s=2))
    talk(stage.call("queue-local", caller), 4)
    return Right(4, "102")


@tried("Queue, the member is PJSIP/102")
def queue_interface(stage: Stage, caller: str) -> Right:
    stage.script(caller, "102", take(after_s=2))
    talk(stage.call("queue-interface", caller), 4)
    return Right(4, "102")


# Passed on


@tried("blind transfer, answered")
def blind(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=1))
    stage.script(caller, "102", take(after_s=2))
    call = stage.call("dial", caller)
    call.until_answered()
    time.sleep(3)
    stage.heard(caller, "101").refer("102")
    second = stage.heard(caller, "102")
    second.until(lambda: second.answered_at, "answered")
    time.sleep(4)
    call.hang_up()
    return Right(7, "102")


@tried("blind transfer, no answer")
def blind_unanswered(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=1))
    stage.script(caller, "103", ring_on)
    call = stage.call("dial", caller)
    call.until_answered()
    time.sleep(3)
    stage.heard(caller, "101").refer("103")
    stage.heard(caller, "103")
    time.sleep(3)
    call.hang_up()
    return Right(3, "101")


@tried("attended transfer; the caller hangs up")
def attended(stage: Stage, caller: str) -> Right:
    call, _second = _handed_over(stage, caller, "102")
    time.sleep(3)
    call.hang_up()
    return Right(9, "102")


@tried("attended transfer; the second telephone hangs up")
def attended_hung_up(stage: Stage, caller: str) -> Right:
    call, second = _handed_over(stage, caller, "103")
    time.sleep(3)
    second.hang_up()
    call.until_ended()
    return Right(9, "103")


def _handed_over(stage: Stage, caller: str, to: str) -> tuple[Call, Call]:
    """101 takes it, asks another two seconds later, and hands it over three seconds after that."""
    stage.script(caller, "101", take(after_s=1))
    stage.script("101", to, take(after_s=1))
    call = stage.call("dial", caller)
    call.until_answered()
    time.sleep(2)
    first = stage.heard(caller, "101")
    asked = stage.telephones["101"].dial(to)
    asked.until_answered()
    time.sleep(3)
    first.refer(to, replaces=asked)
    first.until(lambda: first.notified.startswith("SIP/2.0 200"), "handed over")
    first.hang_up()
    asked.hang_up()
    return call, stage.heard("101", to)


@tried("forwarded by the telephone (302), answered")
def forwarded(stage: Stage, caller: str) -> Right:
    def on(call: Call) -> None:
        call.refuse(302, contact=f"<sip:102@{call.phone.switch}>")

    stage.script(caller, "101", on)
    stage.script(caller, "102", take(after_s=2))
    talk(stage.call("dial", caller), 3)
    return Right(3, "102")


@tried("forwarded by Dial(Local/102@agents), answered")
def local(stage: Stage, caller: str) -> Right:
    stage.script(caller, "102", take(after_s=2))
    talk(stage.call("local", caller), 4)
    return Right(4, "102")


@tried("forwarded by Dial(Local/102@agents/n), answered")
def local_unoptimised(stage: Stage, caller: str) -> Right:
    stage.script(caller, "102", take(after_s=2, talk_s=4))
    stage.call("local-unoptimised", caller).until_ended()
    return Right(4, "102")


@tried("Dial without the subroutine, answered")
def without_subroutine(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", take(after_s=2))
    talk(stage.call("without-subroutine", caller), 4)
    return Right(4, "101")


@tried("blind transfer to a number outside, answered")
def outside(stage: Stage, caller: str) -> Right:
    number = caller.replace("+1315", "+1999")
    stage.script(caller, "101", take(after_s=1))
    stage.script(number, "trunk", take(after_s=2))
    call = stage.call("dial", caller)
    call.until_answered()
    time.sleep(3)
    stage.heard(caller, "101").refer(number)
    second = stage.heard(number, "trunk")
    second.until(lambda: second.answered_at, "answered")
    time.sleep(3)
    call.hang_up()
    return Right(6, "101")


@tried("Dial, picked up by another telephone (PickupChan)", alone=True)
def picked_up(stage: Stage, caller: str) -> Right:
    stage.script(caller, "101", ring_on)
    call = stage.call("dial", caller)
    stage.heard(caller, "101")
    time.sleep(1)
    stage.telephones["102"].dial("*8101")
    talk(call, 4)
    return Right(4, "102")


# Out


@tried("outgoing, answered")
def outgoing(stage: Stage, caller: str) -> Right:
    stage.script(caller, "trunk", take(after_s=2))
    talk(stage.outgoing("101", caller), 4)
    return Right(4, "101", caller, "outgoing", pop_up=False)


@tried("outgoing, no answer")
def outgoing_unanswered(stage: Stage, caller: str) -> Right:
    stage.script(caller, "trunk", ring_on)
    stage.outgoing("102", caller).until_ended()
    return Right(0, "102", caller, "outgoing", pop_up=False)


@tried("outgoing by Originate of PJSIP/101, answered")
def clicked(stage: Stage, caller: str) -> Right:
    stage.script("101", "101", take(after_s=2))
    stage.script(caller, "trunk", take(after_s=2, talk_s=4))
    stage.click("PJSIP/101", caller)
    stage.heard(caller, "trunk").until_ended()
    return Right(4, "101", caller, "outgoing", pop_up=False)


@tried("outgoing by Originate of Local/102@agents, answered")
def clicked_local(stage: Stage, caller: str) -> Right:
    stage.script(caller, "trunk", take(after_s=2, talk_s=4))
    stage.click("Local/102@agents", caller)
    stage.heard(caller, "trunk").until_ended()
    return Right(4, "102", caller, "outgoing", pop_up=False)


@tried("outgoing by Originate of Local/103@agents, no answer")
def clicked_unanswered(stage: Stage, caller: str) -> Right:
    stage.script(caller, "trunk", ring_on)
    stage.click("Local/103@agents", caller)
    stage.heard(caller, "trunk").until_ended()
    return Right(0, "103", caller, "outgoing", pop_up=False)


# Callers


@tried("a caller's name in Latin-1")
def latin_1(stage: Stage, caller: str) -> Right:
    stage.began[caller] = time.time()
    talk(stage.telephones["trunk"].dial("+13155550176", caller, name="Zo\xeb", x_play="dial"), 2)
    return Right(2, "101")


@tried("a hidden caller: CALLERID(num-pres) of the dialplan", alone=True)
def prohibited(stage: Stage, caller: str) -> Right:
    talk(stage.call("prohibited", caller), 2)
    return Right(2, "101", HIDDEN, pop_up=False)


@tried("a hidden caller: From: Anonymous", alone=True)
def anonymous(stage: Stage, caller: str) -> Right:
    talk(stage.call("dial", caller, "anonymous"), 2)
    return Right(2, "101", HIDDEN, pop_up=False)


@tried("a hidden caller: P-Asserted-Identity and Privacy: id", alone=True)
def asserted(stage: Stage, caller: str) -> Right:
    identity = f"<sip:{caller}@192.0.2.1>"
    call = stage.call("dial", caller, p_asserted_identity=identity, privacy="id")
    talk(call, 2)
    return Right(2, "101", HIDDEN, pop_up=False)


@tried("a hidden caller: Anonymous, with the number in P-Asserted-Identity", alone=True)
def asserted_anonymous(stage: Stage, caller: str) -> Right:
    identity = f"<sip:{caller}@192.0.2.1>"
    call = stage.call("dial", caller, "anonymous", p_asserted_identity=identity, privacy="id")
    talk(call, 2)
    return Right(2, "101", HIDDEN, pop_up=False)


@tried("a hidden caller: Privacy: id from a trunk that is not trusted", alone=True)
def untrusted(stage: Stage, caller: str) -> Right:
    talk(stage.call("dial", caller, trunk="untrusted", privacy="id"), 2)
    return Right(2, "101", HIDDEN, pop_up=False)
