"""What customers and their locations are called, beside the ids that a screen names."""

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from ops import screen
from ops.parameters import HOW_TO_WRITE
from ops.site import Site, side_by_side
from ops.trouble import Trouble
from shared.aws.dynamodb import UnreadableRow
from shared.connections.connection import Connection

_LOCATIONS = re.compile(r"(?<=\blocation )\d+|(?<=\blocations )\d+(?:, \d+)*")
_ACCOUNT = re.compile(r"(?<=\baccount )[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?! \()")
_LONGEST = 40


def beside(id_: object, name: str) -> str:
    """An id with the name that belongs to it, as far as there is one."""
    cut = f"{name[: _LONGEST - 1]}…" if len(name) > _LONGEST else name
    return f"{id_} ({screen.printable(cut)})" if name else f"{id_}"


def place(location_id: int | None, connection: Connection | None) -> str:
    """A location with what its row calls it; a dash if there is none."""
    return beside(location_id or "-", connection.name if connection else "")


def told(
    site: Site,
    troubles: Sequence[Trouble],
    now: datetime,
    options: argparse.Namespace,
    here: str = "",
) -> list[str]:
    """Troubles as a person reads them; see `Trouble.told`."""
    text = "\n".join(it.whom for it in troubles)
    ids = {int(it) for found in _LOCATIONS.findall(text) for it in found.split(", ")}
    called = {str(it.location_id): it.name for it in read(site.connections.get, ids)}
    accounts = read(site.accounts.of_id, {*_ACCOUNT.findall(text)})
    called |= {it.account_id: it.name for it in accounts}

    def all_of(found: re.Match[str]) -> str:
        return ", ".join(beside(it, called.get(it, "")) for it in found[0].split(", "))

    said, typed = list[str](), set[str]()
    for it in troubles:
        named = replace(it, whom=_ACCOUNT.sub(all_of, _LOCATIONS.sub(all_of, it.whom)))
        if it.first in typed:
            # How a parameter is written anew, a screen tells once.
            what = it.what.replace(HOW_TO_WRITE, "Write it anew, as is told above")
            named = replace(named, what=what, first="", command="")
        said.append(named.told(now, options, here))
        typed |= {it.first} - {""}
    return said


def read[Id, Row](get: Callable[[Id], Row | None], ids: Iterable[Id]) -> list[Row]:
    """What can be read; of what cannot, a name is the least that is missing."""

    def one(id_: Id) -> Row | None:
        with suppress(UnreadableRow, BotoCoreError, ClientError):
            return get(id_)
        return None

    return [it for it in side_by_side(one, ids) if it is not None]
