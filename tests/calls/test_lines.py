"""How a line is compared, and what a file of lines holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls import lines
from shared.calls.lines import BadEntry, Unknown, imported, key_of

NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "+1 (315) 555-0176",
        "13155550176",
        "315-555-0176",
        "sip:+13155550176@192.0.2.1:5060",
        "tel:+1-315-555-0176",
        '"Salon" <sip:3155550176@pbx.example>',
        "+13155550176.0",
    ],
)
def test_a_number_is_one_line_however_it_is_written(written: str) -> None:
    assert key_of(written, "", "US") == "+13155550176"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Trunk-1", "trunk-1"),
        ("  TRUNK-1\t", "trunk-1"),
        ("Trunk  Nord", "trunk nord"),
        ("sip:Trunk-1@192.0.2.1", "trunk-1"),
        ("ﬁliale", "filiale"),
        ("101", "101"),
        ("anonymous", "anonymous"),
        ("x" * 300, "x" * 64),
        ("", ""),
        ("\u200b", ""),
    ],
)
def test_what_is_no_number_is_compared_as_one_reads_it(written: str, key: str) -> None:
    assert key_of(written, "", "US") == key


def test_two_trunks_are_two_lines() -> None:
    assert key_of("trunk-1", "", "US") != key_of("trunk-2", "", "US")


def test_an_extension_counts_where_there_is_no_line() -> None:
    assert key_of("+13155550176", "101", "US") == "+13155550176"
    assert key_of(" ", "101", "US") == "101"
    assert key_of("", "anna@salon.vpbx.example", "US") == "anna"


@given(st.text(max_size=100), st.sampled_from(["", "US", "KZ", "DE"]))
def test_a_key_is_read_as_itself(written: str, country: str) -> None:
    """A list shows it, and whoever presses the button beside it enters the same."""
    key = key_of(written, "", country)
    assert key_of(key, "", country) == key
    assert key.isprintable()


def test_the_platform_is_told_a_line_where_none_was() -> None:
    entries = {"+13155550176": 4564, "101": 4564, "trunk-1": 4564, "+13155550199": 4232}
    assert lines.line_for(entries, 4564, "101") == "+13155550176"
    assert lines.line_for({**entries, "+13155550100": 4564}, 4564, "101") == "101"
    assert lines.line_for({}, 4564, "101") == "101"
    # Without an extension any of the location's numbers leads there.
    both = {"+13155550176": 4564, "+13155550100": 4564, "+13155550001": 4232}
    assert lines.line_for(both, 4564, "") == "+13155550100"
    assert lines.line_for({"101": 4564}, 4564, "") == ""
    assert lines.line_for({"+trunk": 4564}, 4564, "101") == "101"
    assert lines.line_for({"+trunk": 4564, "+13155550176": 4564}, 4564, "101") == "+13155550176"


def test_the_line_that_called_last_comes_first() -> None:
    earlier = NOW - timedelta(minutes=1)
    found = lines.unknown([("a", earlier), ("b", NOW), ("a", earlier - timedelta(hours=1))])
    first = earlier - timedelta(hours=1)
    assert found == (Unknown("b", 1, NOW, NOW), Unknown("a", 2, first, earlier))


@pytest.mark.parametrize(
    "text",
    [
        "line,location_id\n315-555-0176,4564\ntrunk-1,4232\n",
        "\ufeffLine , Location_ID\r\n+1 315 555 0176,4564\r\nTRUNK-1, 4232 \r\n",
        "line,location_id\n315-555-0176,4564\x1f\ntrunk-1,4232\n",
        'name,location_id,line\n"Salon, north",4564,+13155550176\nsouth,4232,trunk-1',
        "line,location_id\n3155550176,4564\n+13155550176,4564\ntrunk-1,4232\n",
    ],
)
def test_a_file_of_lines_is_read(text: str) -> None:
    assert imported(text, "US") == {"+13155550176": 4564, "trunk-1": 4232}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the first row has to name line and location_id"),
        ("number,place\n1,2", "the first row has to name line and location_id"),
        ("line,location_id\n", "it has no entry"),
        ("line,location_id\n+13155550176,\n", "row 2: a line and a location id are needed"),
        ("line,location_id\n+13155550176\n", "row 2: a line and a location id are needed"),
        ("line,location_id\n,4564\n", "row 2: a line and a location id are needed"),
        ("line,location_id\na,4564\nb,x\n", "row 3: a line and a location id are needed"),
        ("line,location_id\na,0\n", "row 2: a line and a location id are needed"),
        ("line,location_id\na,٤\n", "row 2: a line and a location id are needed"),
        (f"line,location_id\na,{'9' * 16}\n", "row 2: a line and a location id are needed"),
        ("line,location_id\na,1\nA,2\n", "row 3: the line stands above with another location"),
        (f"line,location_id\n{'a' * 200_000},1\n", "not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(text: str, why: str) -> None:
    with pytest.raises(BadEntry) as refused:
        imported(text, "US")
    assert str(refused.value) == why
