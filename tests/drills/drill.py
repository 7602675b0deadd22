"""One drill: the incident is planted, told, and mended; what is not so is its wrong."""

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ops.screen import NOT_YET
from ops.trouble import Grade
from tests.drills.incidents import ANNA, Incident
from tests.drills.stage import Stage, opened, printed_commands

_LOOKS = ("less ", "grep ", "build/venvs/sam/bin/sam ")
_OURS = ".venv/bin/python -m ops "
_MOST_TYPED = 3
# Whatever takes longer is looked at once an hour, and when an alarm rings.
_WATCHED_MIN = 240


@dataclass(slots=True)
class Drill:
    """What came of one: `wrongs` is empty if all is as it must be."""

    incident: Incident
    wrongs: list[str] = field(default_factory=list)
    rang: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    shown: str = ""
    told_min: int = 0
    well_min: int = 0


def run(incident: Incident) -> Drill:
    """Plays an incident on a new stage."""
    drill = Drill(incident)
    with opened() as stage:
        try:
            _play(stage, drill)
        except Exception as error:  # noqa: BLE001 - it is told, and the next one is played
            drill.wrongs.append("".join(traceback.format_exception(error)[-2:]))
        drill.shown = stage.run("status")
    return drill


def _play(stage: Stage, drill: Drill) -> None:
    incident = drill.incident
    play = incident.play(stage)
    next(play)
    _is_well(stage, drill, "before it is planted")
    _told(stage, drill, next(play))
    if drill.told:
        next(play)
        shown = _type(stage, drill, str(drill.told["command"]))
        try:
            play.send(shown)
        except StopIteration:
            pass
        except AssertionError as error:
            [*_others, place] = traceback.extract_tb(error.__traceback__)
            drill.wrongs.append(f"in the end it is not so: {place.line}")
        _falls(stage, drill)


def _is_well(stage: Stage, drill: Drill, when: str) -> None:
    told = stage.status()
    ringing = stage.ringing()
    if told["troubles"] or ringing:
        words = [f"{it['whom']}: {it['what']}" for it in told["troubles"]]
        drill.wrongs.append(f"not well {when}: {'; '.join([*words, *ringing])}")


def _told(stage: Stage, drill: Drill, whom: list[str]) -> None:
    """Time passes until its alarm rings and `status` names it."""
    incident = drill.incident
    began = stage.clock()
    until = began + timedelta(minutes=incident.within_min)
    while stage.clock() < until:
        stage.pass_minutes(1) if incident.within_min <= _WATCHED_MIN else stage.leap(hours=1)
        rang = [name for name in stage.rang if re.search(incident.alarm, name)]
        if not drill.told:
            drill.told = _named(stage.status(), incident, whom) or {}
            _is_shown(stage, drill)
        drill.rang = rang[0] if rang and incident.alarm else ""
        if drill.told and (drill.rang or not incident.alarm):
            drill.told_min = round((stage.clock() - began) / timedelta(minutes=1))
            break
    if incident.alarm and not drill.rang:
        drill.wrongs.append(
            f"no alarm of {incident.alarm}; rang: {', '.join(stage.rang) or 'none'}"
        )
    if not incident.alarm and stage.rang:
        drill.wrongs.append(f"rang: {', '.join(stage.rang)}")
    if not drill.told:
        lines = [f"{it['whom']}: {it['what']}" for it in stage.status()["troubles"]]
        facts = stage.status()["facts"]
        drill.wrongs.append(f"status does not name {incident.cause} and {whom}: {lines} {facts}")


def _is_shown(stage: Stage, drill: Drill) -> None:
    """What a machine reads, a person reads as well."""
    shown = " ".join(stage.run("status").replace("\\\n", "").split())
    # Beside the ids, a person reads names as well.
    for name in (f"({ANNA.name}) of", f"({ANNA.salon_name})"):
        shown = shown.replace(f" {name}", name.partition(")")[2])
    # What it says of ages, and of a brake that asking has pulled, may be another by now.
    for name in ("whom", "command"):
        if drill.told and " ".join(drill.told[name].split()) not in shown:
            drill.wrongs.append(f"the screen does not show {drill.told[name]!r}")
    if drill.told and stage.ended_with < Grade[drill.told["grade"].upper()]:
        drill.wrongs.append(f"status ends with {stage.ended_with}")


def _named(
    status: Mapping[str, Any], incident: Incident, whom: list[str]
) -> Mapping[str, Any] | None:
    for it in status["troubles"]:
        line = f"{it['whom']}: {it['what']}"
        # What only echoes is told as over, and an alarm's own text is no cause.
        if it["what"].startswith("rings") or (it["until"] and not incident.settled):
            continue
        if re.search(incident.cause, line) and all(
            re.search(re.escape(each) if "|" not in each else each, line) for each in whom
        ):
            found: Mapping[str, Any] = it
            return found
    return None


def _type(stage: Stage, drill: Drill, command: str) -> str:
    """Types what it says, and what that says then; returns all that was shown."""
    shown = ""
    while command and len(drill.typed) < _MOST_TYPED:
        for word, value in stage.fills.items():
            command = re.sub(rf"\b{word}\b", value, command)
        if command in drill.typed:
            break
        drill.typed.append(command)
        if " ssm put-parameter " in command:
            stage.write_parameter(command)
            break
        if " update-event-source-mapping " in command:
            stage.disabled.clear()
            break
        if command.startswith("make deploy"):
            stage.deploy()
            break
        if command.startswith(_LOOKS):
            break
        told = stage.run(command)
        shown += told
        if NOT_YET in told:
            command = f"{command} --do"
            continue
        further = [it.removeprefix(_OURS) for it in printed_commands(told)]
        further = [re.sub(r" --stack-name \S+", "", it) for it in further]
        command = further[0] if further and "--do" not in command else ""
    return shown


def _falls(stage: Stage, drill: Drill) -> None:
    """Time passes until nothing is wrong and nothing rings."""
    began = stage.clock()
    step = max(1, drill.incident.falls_min // 30)
    for _ in range(0, drill.incident.falls_min + 1, step):
        stage.pass_minutes(step)
        if not stage.status()["troubles"] and not stage.ringing():
            drill.well_min = round((stage.clock() - began) / timedelta(minutes=1))
            return
    _is_well(stage, drill, "after it was mended")
