"""The key of a PBX: what it names, and what opens."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from shared.connections import pbx_key

ACCOUNT = str(uuid.UUID(int=7))


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
