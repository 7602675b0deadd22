"""All pages that a person reads, and what stands in them: the one place that opens them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = ".venv/bin/python"


@cache
def text(name: str) -> str:
    """A page by its path below the project."""
    return (PROJECT / name).read_text("utf-8")


def names() -> list[str]:
    return [str(page.relative_to(PROJECT)) for page in PAGES]


def everything() -> str:
    return "\n".join(map(text, names()))


def section(name: str, heading: str) -> str:
    """What stands below a heading of a page, up to the next one of its level or above."""
    lines = f"\n{text(name)}".partition(f"\n{heading}\n")[2]
    assert lines, f"{name} has no {heading}"
    level = len(heading) - len(heading.lstrip("#"))
    return re.split(rf"^#{{1,{level}}} ", lines, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(name: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page, each with its language."""
    yield from FENCE.findall(text(name))


def spans(name: str) -> list[str]:
    """What stands between backticks in the prose and the tables of a page."""
    return re.findall(r"`([^`]+)`", FENCE.sub("", text(name)))


def steps(name: str, heading: str) -> list[str]:
    """The commands below a heading, in their order, each as one line."""
    found = re.findall(r"`((?:aws|\.venv/bin/python) [^`]+)`", section(name, heading))
    return [re.sub(r"\s+", " ", each) for each in found]


def transcripts(name: str) -> Iterator[tuple[str, str]]:
    """Commands after a `$` in fenced blocks, each with what it has printed."""
    for _language, block in blocks(name):
        for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = each.partition("\n")
            yield command, printed.rstrip("\n")


def commands(name: str) -> list[str]:
    """Every command line of a page, as it stands there."""
    found = [command for command, _ in transcripts(name)]
    for _language, block in blocks(name):
        found += re.findall(r"^((?:make|aws|\.venv/|build/venvs/)(?: |\S).*)$", block, re.MULTILINE)
    found += [
        re.sub(r"\s+", " ", each)
        for each in spans(name)
        if re.match(r"(make|aws|sam|\.venv/bin/\w+|build/venvs/sam/bin/sam) ", each)
    ]
    return [command.partition("  #")[0].rstrip() for command in found]


def rows(name: str, heading: str) -> list[list[str]]:
    """The cells of the tables below a heading, without the tables' own headings."""
    lines = re.findall(r"^\| (.*) \|$", section(name, heading), re.MULTILINE)
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    return [row for row, line in zip(cells[1:], lines[1:], strict=True) if set(line) - set("-| ")]
