"""The signature doctor: why a signature does not fit.

Three mistakes are known to happen: the signature was made with another token, it was made with a
token that has been changed since, or it was made over the text as it was sent (base64, or sums as
they stand in the body) and not over what that text says. A diagnosis names the mistake. It explains
a refusal and never lifts one, names a token by its fingerprint only, and repeats no value of what
came.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_plus

from shared.altegio import redirect, signature, webhook

# API Gateway takes 10 KB of query. What is longer is not tried, so that a diagnosis stays cheap.
_LONGEST = 16 * 1024

_OF_BASE64 = (
    "the signature is over the base64 text of user_data; it has to be over the JSON that the base64"
    " text holds"
)
_OF_SUMS = (
    "the signature is over sums as they stand in the body, or with two decimals; it has to be over"
    " their shortest form"
)
_UNKNOWN = (
    "no token that was tried gives this signature: either it was made with another token, such as"
    " one from before a change, or what it signs was changed on its way"
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about one signature; no secret and nothing personal is in it.

    Attributes:
        wrong: The mistake, in a sentence; empty if the signature is right.
        key: The fingerprint of the token that made it; empty if that is none of those tried.
        keys: The fingerprints of the tokens that were tried.
    """

    wrong: str
    key: str
    keys: tuple[str, ...]

    def fields(self) -> dict[str, Any]:
        """For a structured log."""
        return {"wrong": self.wrong, "key": self.key, "keys": self.keys}


def fingerprint(secret: str) -> str:
    """Which secret it is, without the secret: 8 hex digits, the beginning of its SHA-256."""
    return hashlib.sha256(_bytes(secret)).hexdigest()[:8]


def of_redirect(raw_query: str, keys: Iterable[str]) -> Diagnosis:
    """How `user_data_sign` in the query of `GET /connect` came about; raises nothing.

    Args:
        raw_query: As it came, still percent-encoded.
        keys: The partner tokens that are accepted, and any other worth a try.
    """
    fields: dict[str, str] = {}
    if len(raw_query) <= _LONGEST:
        for part in raw_query.split("&"):
            name, _equals, value = part.partition("=")
            fields.setdefault(unquote_plus(name), value)
    raw = fields.get("user_data", "")
    texts = {}
    try:
        message = redirect.decoded(unquote_plus(raw))
    except redirect.BadSignature:
        pass
    else:
        standard, url_safe = base64.b64encode(message), base64.urlsafe_b64encode(message)
        # Unlike in a form, the plus signs of the first stay.
        sent = {_bytes(unquote(raw)), _bytes(unquote_plus(raw)), _bytes(raw), standard, url_safe}
        texts = {message: "", **dict.fromkeys(sent - {message}, _OF_BASE64)}
    return _diagnosis(unquote_plus(fields.get("user_data_sign", "")), texts, keys)


def of_payment_event(body: bytes, keys: Iterable[str]) -> Diagnosis:
    """How `sign` in the body of a lifecycle event `payment` came about; raises nothing.

    Args:
        body: As it came.
        keys: The partner tokens that are accepted, and any other worth a try.
    """
    values = _json(body)
    given = {name: values.get(name) for name in ("amount", "discount")}
    sums = {name: value for name, value in given.items() if value is not None}
    texts = {}
    try:
        texts[_signed(values, {name: webhook.number(value) for name, value in sums.items()})] = ""
    except webhook.Malformed:
        pass
    else:
        written = _json(body, parse_float=str)
        for other in (
            {name: str(written[name]) for name in sums},
            {name: f"{float(value):.2f}" for name, value in sums.items()},
        ):
            texts.setdefault(_signed(values, other), _OF_SUMS)
    sign = values.get("sign")
    return _diagnosis(sign if isinstance(sign, str) else "", texts, keys)


def _diagnosis(sign: str, texts: Mapping[bytes, str], keys: Iterable[str]) -> Diagnosis:
    """By the first text, and then the first token, that give the signature."""
    keys = tuple(dict.fromkeys(keys))
    tried = tuple(map(fingerprint, keys))
    for text, wrong in texts.items():
        for key in keys:
            if signature.fits(text, sign, (key,)):
                return Diagnosis(wrong, fingerprint(key), tried)
    return Diagnosis(_UNKNOWN, "", tried)


def _signed(values: Mapping[str, Any], sums: Mapping[str, str]) -> bytes:
    fields = {"salon_id": str(values.get("salon_id")), **sums}
    return _bytes("&".join(f"{name}={value}" for name, value in fields.items()))


def _json(text: bytes, **how: Any) -> dict[str, Any]:
    """The object in a JSON text; empty if there is none, or too long a text."""
    if len(text) > _LONGEST:
        return {}
    try:
        found = json.loads(text, **how)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
