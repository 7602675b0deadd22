"""What goes where in the telephone system that the owner picks, with his own values filled in.

The texts are those of docs/pbx/, which a test compares. Menus are called as the systems call them.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

_FOLDER = Path(__file__).parent / "recipe_texts"
# In the texts: the host, the key (in no other name), the salon's number, and a location.
_HOST, _KEY = "https://api.example", re.compile(r"\bKEY\b")
NUMBER = "13155550176"
_LOCATION = "4564"


class How(StrEnum):
    """What is to be done with the text of a step, or where."""

    INTO = "into"
    ENTER = "enter"
    BEFORE_DIAL = "before dial"
    OPTION = "option"
    OUTGOING = "outgoing"
    MODULES = "modules"
    RUN = "run"
    PRESS = "press"
    OPEN = "open"
    ADD = "add"
    SWITCH_ON = "switch on"
    OWN_CRM = "own crm"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how, in which place of the system, and the texts to copy there."""

    how: How
    place: str = ""
    texts: tuple[Markup, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Of one family of telephone systems, by its name."""

    name: str
    steps: tuple[Step, ...]


# Of each step: how, the place, and its texts; a file of the folder beside this, or what is copied.
type _Raw = tuple[How, str, tuple[str, ...]]

_DIALPLAN = "asterisk.conf"
_JSON_CDR = "/etc/freeswitch/autoload_configs/json_cdr.conf.xml"
_FAMILIES: tuple[tuple[str, tuple[_Raw, ...]], ...] = (
    (
        "MegaFon, Gravitel, Kcell, Moldcell (ITooLabs)",
        ((How.OWN_CRM, "", (f"{_HOST}/calls/itoolabs", "KEY")),),
    ),
    (
        "3CX",
        (
            (How.OPEN, "", (f"{_HOST}/calls/3cx?line=%2B{NUMBER}", "KEY")),
            (How.ADD, "Integrations → CRM → Server side → Add", ()),
            (How.SWITCH_ON, "Enable Call Journaling", ()),
        ),
    ),
    (
        "FreePBX, Issabel",
        (
            (
                How.INTO,
                "/etc/asterisk/extensions_custom.conf",
                (_DIALPLAN, "freepbx-incoming.conf"),
            ),
            (How.OUTGOING, "/etc/asterisk/extensions_custom.conf", ("freepbx-outgoing.conf",)),
            (
                How.ENTER,
                (
                    "Settings → Advanced Settings → Asterisk Dial Options, "
                    "Asterisk Outbound Trunk Dial Options"
                ),
                ("U(altegio-answered)",),
            ),
            (How.RUN, "", ("fwconsole reload",)),
        ),
    ),
    (
        "MikoPBX",
        (
            (
                How.INTO,
                "System → System file customization → extensions.conf",
                (_DIALPLAN, "mikopbx.conf"),
            ),
        ),
    ),
    (
        "Asterisk",
        (
            (How.INTO, "extensions.conf", (_DIALPLAN,)),
            (How.BEFORE_DIAL, "", ("asterisk-lines.conf",)),
            (How.OPTION, "", ("U(altegio-answered)",)),
            (How.INTO, "queues.conf → [queue]", ("asterisk-queue.conf",)),
            (How.RUN, "", ("asterisk -rx 'core reload'",)),
        ),
    ),
    (
        "FusionPBX",
        (
            (How.MODULES, "Advanced → Modules", ("mod_curl", "mod_json_cdr")),
            (How.ENTER, "Advanced → Variables → Add", ("altegio_key", "KEY")),
            (How.INTO, _JSON_CDR, ("freeswitch-cdr.xml",)),
            (
                How.INTO,
                "Dialplan → Dialplan Manager → Add: Context public, Order 50, Continue true",
                ("freeswitch-incoming.xml",),
            ),
            (
                How.INTO,
                "Dialplan → Dialplan Manager → Add: Order 50, Continue true",
                ("freeswitch-outgoing.xml",),
            ),
            (How.PRESS, "Status → SIP Status → Reload XML, Flush Cache", ()),
        ),
    ),
    (
        "FreeSWITCH",
        (
            (How.MODULES, "modules.conf.xml", ("mod_curl", "mod_json_cdr")),
            (How.INTO, "vars.xml", ("freeswitch-key.xml",)),
            (How.INTO, "autoload_configs/json_cdr.conf.xml", ("freeswitch-cdr.xml",)),
            (How.INTO, "dialplan/public/00_altegio.xml", ("freeswitch-incoming.xml",)),
            (How.INTO, "dialplan/default/00_altegio.xml", ("freeswitch-outgoing.xml",)),
            (How.RUN, "", ("fs_cli -x 'load mod_curl'; fs_cli -x 'load mod_json_cdr'",)),
        ),
    ),
    # Of any other; the page has a word for it.
    ("", ((How.POST, "", (f"{_HOST}/calls", "KEY", "ringing.json", "finished.json")),)),
)


@dataclass(frozen=True, slots=True)
class Values:
    """The owner's own.

    Attributes:
        origin: the address of the stack.
        key: of his telephone system; empty where it is not shown.
        number: of the salon, its digits; empty if it is not known.
        location_id: one of his.
    """

    origin: str
    key: str
    number: str
    location_id: int


def filled(values: Values) -> tuple[Recipe, ...]:
    """All recipes; the salon's number is marked, so that a script can write it in."""
    return tuple(
        Recipe(
            name,
            tuple(
                Step(how, place, tuple(_filled(text, values) for text in texts))
                for how, place, texts in steps
            ),
        )
        for name, steps in _FAMILIES
    )


def _filled(text: str, values: Values) -> Markup:
    text = _files().get(text, text).replace(_LOCATION, str(values.location_id))
    text = text.replace(_HOST, values.origin)
    # None of the values has a character of the others' marks, or one that is escaped.
    whole = str(escape(_KEY.sub(values.key or "KEY", text).rstrip("\n")))
    number = f"<span data-number>{escape(values.number or NUMBER)}</span>"
    return Markup(whole.replace(NUMBER, number))  # noqa: S704 - all parts are escaped


@cache
def _files() -> dict[str, str]:
    """Read only where recipes are shown."""
    return {file.name: file.read_text("utf-8") for file in _FOLDER.iterdir()}
