"""Writes `shared/payments/currencies.py` from ISO 4217's own list; `make locks` runs it.

What is billed depends on no library at run time, and a change of the list is seen in a diff.
"""

import textwrap
from itertools import groupby
from pathlib import Path

from iso4217 import Currency

TABLE = Path(__file__).parents[1] / "shared" / "payments" / "currencies.py"

_HEAD = '''\
"""How many decimals the sums of a currency have. Made by `make locks`; change nothing here.

The codes of ISO 4217 that are in use or were withdrawn since 2016, as what was paid before that may
be billed or given back after it. Without those that have no minor unit: metals, the IMF's, a test's
(XTS) and no currency (XXX).

Source: https://www.six-group.com/en/products-services/financial-information/data-standards.html
"""

_CODES = {
'''

_FOOT = '''\
}

MOST_DECIMALS = max(_CODES)


def decimals(code: str) -> int | None:
    """Of a currency by its code of three capital letters; None if it is no currency of these."""
    return next((places for places, codes in _CODES.items() if code in codes.split()), None)
'''

# Withdrawn since 2016, with the decimals that they had. By hand, as the library has List One only,
# and List Three, of what was withdrawn, tells no decimals. What List One drops goes here.
# https://www.six-group.com/en/products-services/financial-information/data-standards.html
WITHDRAWN = {
    "BYR": 0,
    **dict.fromkeys(("ANG", "BGN", "CUC", "HRK", "MRO", "SLL", "STD", "VEF", "ZWL"), 2),
}


def listed() -> dict[str, int]:
    """The decimals of each currency in use, as ISO 4217 lists it."""
    return {each.code: each.exponent for each in Currency if each.exponent is not None}


def table() -> str:
    """The module's text."""
    by_places = sorted((places, code) for code, places in (WITHDRAWN | listed()).items())
    rows = []
    for places, group in groupby(by_places, key=lambda it: it[0]):
        lines = textwrap.wrap(" ".join(code for _places, code in group), 88)
        if len(lines) == 1:
            rows.append(f'    {places}: "{lines[0]}",\n')
            continue
        quoted = "".join(f'        "{line} "\n' for line in lines)
        rows.append(f"    {places}: (\n{quoted}    ),\n")
    return _HEAD + "".join(rows) + _FOOT


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")
