"""The key of a PBX: what it names, and what opens."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.connections import pbx_key

ACCOUNT = str(uuid.UUID(int=7))
NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_a_key_names_its_account_and_fits_only_its_own_hash() -> None:
    key, other = pbx_key.made(ACCOUNT), pbx_key.made(ACCOUNT)
    assert key != other
    assert pbx_key.account_of(key) == ACCOUNT
    kept = pbx_key.digest(key)
    assert key.split("_", 2)[2] not in kept
    assert pbx_key.fits(key, kept)
    assert not pbx_key.fits(other, kept)
    # An account without a key has an empty hash, which nothing fits.
    assert not pbx_key.fits(key, "")
    assert not pbx_key.fits("", "")


@given(st.text())
def test_any_text_is_a_key_or_none(text: str) -> None:
    assert pbx_key.account_of(text) is None
    assert not pbx_key.fits(text, pbx_key.digest(pbx_key.made(ACCOUNT)))


@given(st.integers(0, 200))
def test_a_damaged_key_opens_nothing(place: int) -> None:
    key = pbx_key.made(ACCOUNT)
    kept = pbx_key.digest(key)
    cut = place % len(key)
    for damaged in (key[:cut], key[:cut] + key[cut + 1 :], key + "A", " " + key, key + "\n"):
        assert not pbx_key.fits(damaged, kept)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30))))
def test_a_replaced_key_is_good_for_a_day_of_the_last_three(hours: list[tuple[bool, int]]) -> None:
    """Compared with the plain rule: it was replaced less than a day ago, and fewer than 3 since."""
    now, keys, gone = NOW, [pbx_key.made(ACCOUNT)], dict[str, datetime]()
    before: dict[str, str] = {}
    for voids, later in hours:
        now += timedelta(hours=later)
        before = pbx_key.replaced(pbx_key.digest(keys[-1]), before, now, voids=voids)
        gone = {} if voids else {**gone, keys[-1]: now}
        keys.append(pbx_key.made(ACCOUNT))
        good = [key for key, at in gone.items() if now < at + pbx_key.GRACE][-3:]
        untils = {key: pbx_key.good_until(key, before) for key in keys}
        assert [key for key, until in untils.items() if until and until > now] == good
        assert len(before) <= pbx_key.MOST_REPLACED
    for key in keys:
        assert (pbx_key.good_until(key, before) or NOW) <= now + pbx_key.GRACE


def test_a_first_key_replaces_none() -> None:
    assert pbx_key.replaced("", {}, NOW) == {}
    assert pbx_key.good_until("", {"": "9999"}) is None
