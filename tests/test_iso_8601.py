"""Every form of a time that says its offset is taken, and no other."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import iso_8601

AT = datetime(2026, 11, 1, 7, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        iso_8601.EXAMPLE,
        "2026-11-01T10:10:00+03",
        "2026-11-01T10:10:00+0300",
        "2026-11-01 10:10:00+03",
        "2026-11-01 10:10:00 +0300",
        "2026-11-01 10:10:00.000000 +03:00",
        "2026-11-01t10:10:00+03:00",
        "2026-11-01T07:10:00Z",
        "2026-11-01t07:10:00z",
        "2026-11-01 07:10:00Z",
        "2026-11-01 07:10:00 UTC",
        "2026-11-01 07:10:00 GMT",
        "2026-11-01T10:10:00+03:00[Europe/Moscow]",
        "2026-11-01T07:10:00Z[Etc/UTC][u-ca=gregory]",
        "2026-11-01T07:10:00-00:00",
        "2026-11-01T07:10:00,000Z",
        "2026-11-01T07:10:00.000000000Z",
        "2026-11-01T07:10Z",
        "20261101T071000Z",
        "20261101T0710Z",
        "20261101T101000+0300",
        "2026-W44-7T10:10:00+03:00",
        "2026W447T101000+0300",
        "2026-305T10:10:00+03:00",
        "2026305T101000+0300",
        "2026-10-31T23:40:00\u221207:30",
        "2026-11-01T10,166666666666666666666666666667+03",
        "2026-11-01T07:10.0Z",
    ],
)
def test_one_instant_in_many_forms(text: str) -> None:
    assert iso_8601.read(text) - AT < timedelta(microseconds=1)
    assert iso_8601.read(text) >= AT


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01T24:00:00Z", datetime(2026, 11, 2, tzinfo=UTC)),
        ("2026-12-31T23:59:60Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-11-01T10:10:00,5Z", datetime(2026, 11, 1, 10, 10, 0, 500_000, tzinfo=UTC)),
        ("2026-11-01T10:10.5Z", datetime(2026, 11, 1, 10, 10, 30, tzinfo=UTC)),
        ("2026-11-01T10:10:00.123456789Z", datetime(2026, 11, 1, 10, 10, 0, 123_456, tzinfo=UTC)),
        ("2026-11-01T10:10:00.999999999Z", datetime(2026, 11, 1, 10, 10, 0, 999_999, tzinfo=UTC)),
        ("2026-W53-7T00:00:00Z", datetime(2027, 1, 3, tzinfo=UTC)),
        ("2028-366T00:00:00Z", datetime(2028, 12, 31, tzinfo=UTC)),
    ],
)
def test_the_edges_of_a_day_and_of_a_second(text: str, at: datetime) -> None:
    assert iso_8601.read(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-01",
        "2026-11-01T10:10:00",
        "2026-11-01 10:10:00",
        "20261101T101000",
        "1793527800",
        "01.11.2026 10:10:00+00:00",
        "11/01/2026 10:10:00Z",
        "Sun, 01 Nov 2026 10:10:00 +0000",
        "2026-11-01T10:10:00 MSK",
        "2026-11-01T10:10:00[Europe/Moscow]",
        "2026-11-01T10:10:00+03:00[!Europe/Moscow]",
        "2026-11-01T10:10:00+03:00[]",
        "2026-11-01T10:10:00+03:00[Europe/Moscow",
        "2026-11-01T10:10:00+3",
        "2026-11-01T10:10:00+03:0",
        "2026-11-01T10:10:00+03:60",
        "2026-11-01T10:10:00+24:00",
        "2026-11-01T10:10:00 +03:00 ",
        " 2026-11-01T10:10:00+03:00",
        "2026-11-01T10:10:00+03:00\n",
        "2026-11-01  10:10:00Z",
        "2026-11-01_10:10:00Z",
        "2026-11-01T10:10:00.Z",
        "2026-11-01T10:10:61Z",
        "2026-11-01T10:60:00Z",
        "2026-11-01T25:00:00Z",
        "2026-11-01T24:00:01Z",
        "2026-02-30T10:10:00Z",
        "2026-13-01T10:10:00Z",
        "2026-00-01T10:10:00Z",
        "2026-000T10:10:00Z",
        "2026-366T10:10:00Z",
        "2026-W54-1T10:10:00Z",
        "2026-W44T10:10:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T24:00:00Z",
        "+02026-11-01T10:10:00Z",
        "٢٠٢٦-11-01T10:10:00Z",
    ],
)
def test_what_has_no_offset_or_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        iso_8601.read(text)
    assert type(caught.value) is ValueError


moments = st.datetimes(
    datetime(2000, 1, 2),  # noqa: DTZ001 - zoned by `timezones`
    datetime(2099, 12, 30),  # noqa: DTZ001 - the same
    timezones=st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
        lambda minutes: timezone(timedelta(minutes=minutes))
    ),
)
dates = st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%GW%V%u", "%Y-%j", "%Y%j"])
times = st.sampled_from(["%H:%M:%S", "%H%M%S"])
fractions = st.sampled_from(["", ".%f", ",%f"])
offsets = st.sampled_from(["%:z", "%z", " %:z", " %z"])
forms = st.tuples(dates, st.sampled_from("Tt "), times, fractions, offsets)


@given(moments, forms)
def test_any_moment_in_any_form_reads_back_equal(moment: datetime, form: tuple[str, ...]) -> None:
    whole = moment.replace(microsecond=0)
    expected = moment if any("%f" in part for part in form) else whole
    assert iso_8601.read(moment.strftime("".join(form))) == expected


@given(moments.map(lambda at: at.astimezone(timezone(timedelta(hours=at.hour - 12)))), forms)
def test_an_offset_of_whole_hours_may_be_short(moment: datetime, form: tuple[str, ...]) -> None:
    written = moment.strftime("".join(form)).removesuffix("00").removesuffix(":")
    assert iso_8601.read(written) == iso_8601.read(moment.strftime("".join(form)))


@given(moments, dates, times, st.integers(0, 999), st.sampled_from(["Z", "z", " UTC", "+00"]))
def test_any_moment_in_utc_reads_back_equal_without_its_nanoseconds(
    moment: datetime, date: str, time: str, nanoseconds: int, utc: str
) -> None:
    written = moment.astimezone(UTC).strftime(f"{date}T{time}.%f{nanoseconds:03}{utc}")
    assert iso_8601.read(written) == moment


@given(st.text(st.sampled_from("0123456789-+:.,TtWwZz \u2212"), max_size=30) | st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        assert iso_8601.read(text).tzinfo is UTC
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017 - either is right
