"""A line of text as people paste it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.one_line import one_line


@pytest.mark.parametrize(
    ("pasted", "line"),
    [
        ("Anna\u00a0Schmidt", "Anna Schmidt"),
        ("Anna\u3000Schmidt", "Anna Schmidt"),
        ("Anna\tSchmidt", "Anna Schmidt"),
        ("Anna\r\nSchmidt", "Anna Schmidt"),
        ("Anna\u2028Schmidt", "Anna Schmidt"),
        ("Anna\u202f\u2009 Schmidt", "Anna Schmidt"),
        ("  Anna \u00a0 Schmidt\n", "Anna Schmidt"),
        ("\u202aAnna \u202c Schmidt\u200e", "Anna Schmidt"),
        ("Anna\x00\x1b[31m", "Anna[31m"),
        ("\ufeffAnna\ud800", "Anna"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # noqa: RUF001 - Persian
        ("क्\u200dष", "क्\u200dष"),
        ("Salon 👩\u200d🦰 ❤\ufe0f", "Salon 👩\u200d🦰 ❤\ufe0f"),
        ("\u200d\u200c", ""),
        ("\u00a0\u3000", ""),
    ],
)
def test_any_white_space_is_one_space_and_only_joiners_are_unseen(pasted: str, line: str) -> None:
    assert one_line(pasted) == line


@given(st.text(st.characters()))
def test_a_line_is_a_line_whatever_was_pasted(pasted: str) -> None:
    line = one_line(pasted)
    assert one_line(line) == line
    assert line.encode().decode() == line
    assert not set("\n\r\t\x00\x1b\u00a0\u2028") & set(line)
    assert line == line.strip()
