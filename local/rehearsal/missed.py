"""The seventh check, which is not Altegio's: nobody who called and was missed is forgotten.

The owner sees it on his own page, behind the code that he gets by e-mail.
"""

import re
from collections.abc import Callable, Iterator

from local.rehearsal.browser import Page
from local.rehearsal.pbx import CALLER, EXTENSION, LINE, Pbx
from local.rehearsal.stage import Evidence, Finding, Look, Stage, shown

CALLED = 4770
UNANSWERED = ("m-0", "m-1", "m-2")
"""The calls of the first step."""
_HOUR_S = 3600


def lists(stage: Stage) -> Iterator[Evidence]:
    """Somebody calls three times, and nobody answers: one entry, which says so."""
    stage.platform.route(CALLED, line=LINE)
    stage.pbx = Pbx(stage.api, stage.connect(CALLED).pbx_key)
    for call_id, ago_h in zip(UNANSWERED, (3.5, 3, 2), strict=True):
        stage.pbx.end(CALLED, call_id, seconds=0, ago_s=ago_h * _HOUR_S)
    page = _missed(stage)
    yield stage.expect("one caller, missed three times", _says(page, "Missed 3 times"))
    yield stage.expect("he has not been called back", _says(page, "One still to call back"))
    yield stage.expect("none of one counted as called back", _says(page, "0 of 1 within an hour"))
    yield stage.eventually("all three in the call history", _saved(stage, 3))


def calls_back(stage: Stage) -> Iterator[Evidence]:
    """Somebody calls him back: he is gone from the list, and counted."""
    _pbx(stage).end(CALLED, "m-3", seconds=60, ago_s=2.75 * _HOUR_S, outgoing=True)
    page = _missed(stage)
    yield stage.expect(
        "called back, and from which telephone", _says(page, f"Called back, extension {EXTENSION}")
    )
    yield stage.expect("what he was missed for since is left", _says(page, "Missed once"))
    yield stage.expect("one of two counted as called back", _says(page, "1 of 2 within an hour"))
    _pbx(stage).end(CALLED, "m-4", seconds=60, ago_s=1.5 * _HOUR_S, outgoing=True)
    page = _missed(stage)
    yield stage.expect("nobody left", _says(page, "Nobody is waiting to be called back"))
    yield stage.expect("two of two counted as called back", _says(page, "2 of 2 within an hour"))
    yield stage.eventually("all five in the call history", _saved(stage, 5))


def is_done(stage: Stage) -> Iterator[Evidence]:
    """He is missed once more, and somebody says that it is done: gone, and told apart."""
    _pbx(stage).end(CALLED, "m-5", seconds=0)
    page = _missed(stage)
    yield stage.expect("missed once more, he is there again", _says(page, "One still to call back"))
    button = re.search(r'name="caller" value="([^"]+)"', page.html)
    page = stage.press_second(
        page,
        "pressed Done",
        action="done",
        location=str(CALLED),
        name="Zoë",
        caller=button[1] if button else "",
    )
    yield stage.expect("nobody left", _says(page, "Nobody is waiting to be called back"))
    yield stage.expect("gone by a word, and by whose", _says(page, "Marked as done by Zoë"))
    yield stage.expect("not counted as called back", _says(page, "2 of 2 within an hour"))
    _pbx(stage).end(CALLED, "m-6", seconds=0)
    page = _missed(stage)
    yield stage.expect(
        "missed after that, he is there again", _says(page, "One still to call back")
    )


def _missed(stage: Stage) -> Page:
    """The owner opens the page of missed callers, with a code if he needs one."""
    page = stage.open(stage.platform.redirect(CALLED, owner=stage.owner), "opened the settings")
    stage.press_second(page, "asked for a code", action="code")
    page = stage.press_second(page, "entered the code", action="prove", code=stage.code())
    return stage.press_second(
        page, "opened the missed callers", action="missed", location=str(CALLED)
    )


def _pbx(stage: Stage) -> Pbx:
    if stage.pbx is None:
        raise ValueError("no telephone system is plugged in")
    return stage.pbx


def _says(page: Page, words: str) -> Look:
    def look() -> Finding:
        reads = "reads" if words in page.text else "does not read"
        return Finding(words in page.text, f"{shown(page)} {reads} “{words}”")

    return look


def _saved(stage: Stage, wanted: int) -> Look:
    def look() -> Finding:
        saved = {it.call_id for it in stage.platform.saved_calls(CALLED) if it.phone == CALLER}
        return Finding(len(saved) == wanted, f"{len(saved)} calls of this caller are saved")

    return look


STEPS: tuple[tuple[str, Callable[[Stage], Iterator[Evidence]]], ...] = (
    ("Three calls that nobody answers are one missed caller", lists),
    ("Called back, he is gone from the list, and counted", calls_back),
    ("Done without a call, he is gone, and told apart", is_done),
)
