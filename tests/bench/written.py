"""The tables in docs/ that a bench has written; what stands between two marks is only its."""

import re
from pathlib import Path

from local import PROJECT

PAGE = PROJECT / "docs" / "speed.md"


def write(name: str, text: str, page: Path = PAGE) -> None:
    """Puts a text in the place of the one that a bench wrote under this name before.

    Raises:
        ValueError: the page has no place for it.
    """
    before = page.read_text("utf-8")
    mark = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
    after, places = mark.subn(lambda found: f"{found[1]}{text.strip()}\n{found[2]}", before)
    if places != 1:
        raise ValueError(f"{page.name} has {places} places for {name}")
    page.write_text(after, "utf-8")


def text(name: str, page: Path = PAGE) -> str:
    """What a bench has written under a name."""
    found = re.search(
        rf"<!-- {name}: .*? -->\n(.*?)\n<!-- end -->", page.read_text("utf-8"), re.DOTALL
    )
    assert found, name
    return found[1]
