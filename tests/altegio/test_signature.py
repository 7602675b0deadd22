"""What proves that Altegio wrote something."""

import hashlib
import hmac

import pytest

from shared.altegio import signature

MESSAGE = b"salon_id=55&amount=100&discount=5"
SIGN = "35d3e8d3afb94abaadc84b2261f992a01a7e7b84504ea2df4985afa8e85c6a1a"
TOKEN = "owned-partner-token"


@pytest.mark.parametrize("tokens", [(TOKEN,), ("new", TOKEN), (TOKEN, "old"), ("a", TOKEN, "b")])
@pytest.mark.parametrize("sign", [SIGN, SIGN.upper()])
def test_any_of_the_tokens_may_have_signed(tokens: tuple[str, ...], sign: str) -> None:
    assert signature.fits(MESSAGE, sign, tokens)
    assert not signature.fits(MESSAGE + b"0", sign, tokens)


@pytest.mark.parametrize("tokens", [(), ("",), ("other",), ("other", TOKEN + " ")])
def test_nobody_else_may(tokens: tuple[str, ...]) -> None:
    assert not signature.fits(MESSAGE, SIGN, tokens)


@pytest.mark.parametrize("sign", ["", "0" * 64, SIGN[:-1], SIGN + "\n", "é" * 64, "\ud800"])
def test_a_sign_of_any_form_is_compared(sign: str) -> None:
    assert not signature.fits(MESSAGE, sign, (TOKEN,))


def test_without_a_token_an_unkeyed_sign_proves_nothing() -> None:
    assert not signature.fits(MESSAGE, hmac.new(b"", MESSAGE, hashlib.sha256).hexdigest(), ())


def test_it_is_compared_in_constant_time_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        assert one == SIGN.encode()
        compared.append(other)
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    other = hmac.new(b"other", MESSAGE, hashlib.sha256).hexdigest().encode()
    assert signature.fits(MESSAGE, SIGN, (TOKEN, "other"))
    assert compared == [SIGN.encode(), other]
