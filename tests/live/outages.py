"""What a salon's telephones and its records suffer when the stack does not answer: little."""

import os
import subprocess
import time
from pathlib import Path

from tests.docs import pages
from tests.live.calls import talk
from tests.live.judge import Right
from tests.live.stage import Stage
from tests.live.switch import PAGE, Switch

# A telephone waits for the pop-up so long, and on a busy machine a little longer.
LONGEST_WAIT_S = 3
_MARGIN_S = 1.5
_SPOOL = "/var/spool/asterisk"


def unanswered(stage: Stage, switch: Switch, caller: str, *, pop_up: bool = False) -> Right:
    """One call whose end nobody takes.

    Raises:
        RuntimeError: the telephone rang too late, or the record of the call is not kept.
    """
    call = stage.call("dial", caller)
    waited = stage.heard(caller, "101").rang_at - stage.began[caller]
    talk(call, 2)
    if waited > LONGEST_WAIT_S + _MARGIN_S:
        raise RuntimeError(f"the telephone rang after {waited:.1f} s")
    until = time.monotonic() + 15
    while not _kept(switch.undelivered, caller):
        if time.monotonic() > until:
            raise RuntimeError("its record is not kept")
        time.sleep(0.2)
    return Right(2, "101", pop_up=pop_up)


def _kept(undelivered: Path, caller: str) -> bool:
    return undelivered.exists() and caller.removeprefix("+") in undelivered.read_text()


def deliver_later(switch: Switch, host: str, key: str, authority: Path) -> None:
    """Runs the loop of the page as it stands there, with one record more that nobody ever takes.

    Raises:
        RuntimeError: it left another one.
    """
    [loop] = [block for language, block in pages.blocks(PAGE) if language == "sh"]
    spool = switch.undelivered.parent
    refused = "event=hangup&location_id=no-number\n"
    with switch.undelivered.open("a") as kept:
        kept.write(refused)
    ended = subprocess.run(
        ["bash", "-c", loop.replace(_SPOOL, str(spool))],
        env={
            **os.environ,
            "API": f"https://{host}",
            "PBX_KEY": key,
            "CURL_CA_BUNDLE": str(authority),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    left = {each.name: each.read_text() for each in spool.glob("altegio.*")}
    for name in left:
        (spool / name).unlink()
    if ended.returncode != 0 or left != {"altegio.refused": refused}:
        raise RuntimeError(f"the loop left {sorted(left)}, {ended.stderr}")
