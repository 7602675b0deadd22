"""The signature doctor: by which construction a signature was made that does not fit.

Others lost days of moderation to a test link signed over the base64 text instead of the JSON inside
it, or with a token that ended in a newline. A diagnosis tries such mistakes and names the one that
gives the signature. It explains a refusal and never lifts one, names a key by its fingerprint only,
and repeats no value of what came.

Sources: of `user_data_sign`, see `shared.redirect`; of a payment event's `sign`, `paymentSignature`
in https://github.com/altegio/altegio-integrations-hub-mcp/blob/main/src/tools.ts
"""

import base64
import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations
from typing import Any
from urllib.parse import quote, unquote, unquote_plus, urlencode

from shared.altegio import redirect

# API Gateway takes 10 KB of query. What is longer is not tried, so that a diagnosis stays cheap.
_LONGEST = 16 * 1024

_REDIRECT_TEXT = "the decoded JSON"
_EVENT_TEXT = "salon_id, amount, discount; shortest numbers"
_HEX = ("lower-case hex", "hex with capitals")
_ALGORITHMS = {16: "md5", 20: "sha1", 32: "sha256", 64: "sha512"}  # by bytes of the digest

# What a shell, an editor or a settings file leaves around a key.
_AROUND = {
    "": ("", ""),
    "with a newline after it": ("", "\n"),
    "with a Windows line end after it": ("", "\r\n"),
    "with a space after it": ("", " "),
    "with a space before it": (" ", ""),
    "in quotes": ('"', '"'),
}
# How others write JSON: \u escapes, separators, escaped slashes.
_JSON_FORMS = {
    "compact": (False, (",", ":"), False),
    "compact, \\u escapes": (True, (",", ":"), False),
    "compact, slashes escaped": (False, (",", ":"), True),
    "as PHP does (\\u escapes, slashes escaped)": (True, (",", ":"), True),
    "as Python does (\\u escapes, spaces)": (True, (", ", ": "), False),
    "with spaces": (False, (", ", ": "), False),
}

# Names that may be shown: any other could be a value that lost its place.
_QUERY_NAMES = frozenset(
    ("salon_id", "salon_ids", "salon_group_id", "crm_token", "user_data", "user_data_sign")
)
_OWNER_NAMES = frozenset(
    ("id", "user_id", "name", "phone", "email", "is_approved", "avatar", "salon_name")
)
_EVENT_NAMES = frozenset(
    ("salon_id", "application_id", "event", "partner_token", "payment_id", "amount", "discount",
     "currency_iso", "period_from", "period_to", "payment_date", "tariff_option_id", "sign")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """The construction that gives the signature.

    Attributes:
        text: What was signed, in words.
        key: The fingerprint of the key.
        around: What stands around the key, in words; empty if nothing does.
        algorithm: Of the HMAC, as hashlib names it.
        encoding: Of the signature, in words.
    """

    text: str
    key: str
    around: str
    algorithm: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about one signature; no secret and nothing personal is in it.

    Attributes:
        right: The text that has to be signed, in words.
        match: What gives the signature; None if nothing that was tried does.
        tried: Each text that was tried; with the earlier one that reads the same here, if any.
        keys: The fingerprints of the keys that were tried.
        facts: What came, described.
    """

    right: str
    match: Match | None
    tried: Mapping[str, str]
    keys: tuple[str, ...]
    facts: Mapping[str, str]

    @property
    def wrong(self) -> list[str]:
        """All that is wrong with the signature, in words; empty if it is the documented one."""
        match = self.match
        if match is None:
            return ["nothing that was tried gives this signature"]
        wrong = []
        if match.text != self.right:
            wrong.append(f"signed is {match.text}, instead of {self.right}")
        if match.key == fingerprint(""):
            wrong.append("the key is empty")
        if match.around:
            wrong.append(f"the key {match.key} is taken {match.around}")
        if match.algorithm != "sha256":
            wrong.append(f"it is an HMAC of {match.algorithm}, instead of sha256")
        if match.encoding not in _HEX:
            wrong.append(f"it is written as {match.encoding}, instead of hex")
        return wrong

    def fields(self) -> dict[str, Any]:
        """For a structured log."""
        match = self.match
        return {
            "wrong": self.wrong,
            "text": match and match.text,
            "key": match and match.key,
            "around_key": match and match.around,
            "algorithm": match and match.algorithm,
            "encoding": match and match.encoding,
            "keys": self.keys,
            "tried": len(self.tried),
            **self.facts,
        }


def fingerprint(secret: str) -> str:
    """Which secret it is, without the secret: 8 hex digits, the beginning of its SHA-256."""
    return hashlib.sha256(_bytes(secret)).hexdigest()[:8]


def of_redirect(raw_query: str, keys: Iterable[str]) -> Diagnosis:
    """How `user_data_sign` in the query of `GET /connect` came about; raises nothing.

    Args:
        raw_query: As it came, still percent-encoded.
        keys: The partner tokens that are accepted, and any other worth a try.
    """
    if len(raw_query) > _LONGEST:
        facts = {"query": f"{len(raw_query)} characters, too long to be tried"}
        return _diagnosis(_REDIRECT_TEXT, "", {}, keys, facts)
    fields = [part.partition("=") for part in raw_query.split("&") if part]
    given = [(unquote_plus(name), value) for name, _equals, value in fields]
    data = [value for name, value in given if name == "user_data"]
    signs = [unquote_plus(value) for name, value in given if name == "user_data_sign"]
    names = [name.partition("[")[0] for name, _value in given]
    rest = "&".join(
        name + equals + value
        for name, equals, value in fields
        if unquote_plus(name) != "user_data_sign"
    )
    decoded = _decoded(data[0]) if data else None
    facts = {
        "query": f"{len(raw_query)} characters; {_named(names, _QUERY_NAMES)}",
        "user_data": _described(data),
        "json": _json_described(decoded),
        "user_data_sign": _sign_described(signs),
    }
    texts = _redirect_texts(data[0] if data else "", decoded, rest)
    return _diagnosis(_REDIRECT_TEXT, signs[0] if signs else "", texts, keys, facts)


def of_payment_event(body: bytes, keys: Iterable[str]) -> Diagnosis:
    """How `sign` in the body of a lifecycle event `payment` came about; raises nothing.

    Args:
        body: As it came.
        keys: The partner tokens that are accepted, and any other worth a try.
    """
    values = None if len(body) > _LONGEST else _json(body)
    if not isinstance(values, dict):
        why = "too long to be tried" if len(body) > _LONGEST else "not a JSON object"
        return _diagnosis(_EVENT_TEXT, "", {}, keys, {"body": f"{len(body)} bytes, {why}"})
    written = _json(body, as_written=True)
    sign, token = values.get("sign"), values.get("partner_token")
    signs = [sign] if isinstance(sign, str) else []
    facts = {
        "body": f"{len(body)} bytes; {_named(values, _EVENT_NAMES)}",
        **{name: _kind(written, name) for name in ("salon_id", "amount", "discount")},
        "partner_token": fingerprint(token) if isinstance(token, str) else "missing",
        "sign": _sign_described(signs),
    }
    texts = _event_texts(written, values)
    return _diagnosis(_EVENT_TEXT, signs[0] if signs else "", texts, keys, facts)


def _diagnosis(
    right: str,
    sign: str,
    texts: Mapping[str, bytes],
    keys: Iterable[str],
    facts: Mapping[str, str],
) -> Diagnosis:
    keys = tuple(dict.fromkeys(keys))
    first: dict[bytes, str] = {}
    tried = {}
    for name, text in texts.items():
        tried[name] = first.get(text, "")
        first.setdefault(text, name)
    return Diagnosis(
        right=right,
        match=_match(sign, first, keys),
        tried=tried,
        keys=tuple(map(fingerprint, keys)),
        facts=facts,
    )


def _match(sign: str, texts: Mapping[bytes, str], keys: Sequence[str]) -> Match | None:
    read = _digest(sign)
    if read is None:
        return None
    encoding, digest = read
    algorithm = _ALGORITHMS[len(digest)]
    for key, around, secret in _keys(keys):
        for text, name in texts.items():
            if hmac.compare_digest(hmac.digest(secret, text, algorithm), digest):
                return Match(name, fingerprint(key), around, algorithm, encoding)
    return None


def _keys(keys: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
    """The bytes that a signer may have taken for a key: the likeliest first."""
    for around, (before, after) in _AROUND.items():
        for key in keys:
            yield key, around, _bytes(f"{before}{key}{after}")
    for key in keys:
        if key != key.strip():
            yield key, "without the whitespace around it", _bytes(key.strip())
    yield "", "", b""


def _digest(sign: str) -> tuple[str, bytes] | None:
    """How a signature is written, and its bytes; None if it is none."""
    bare = sign.strip().removeprefix("sha256=")
    if re.fullmatch(r"([0-9a-fA-F]{2})+", bare):
        encoding, digest = _HEX[bare != bare.lower()], bytes.fromhex(bare)
    else:
        try:
            digest = redirect.decoded(bare)
        except redirect.BadSignature:
            return None
        encoding = "base64url" if set(bare) & set("-_") else "base64"
        if re.fullmatch(rb"([0-9a-fA-F]{2})+", digest):
            encoding, digest = f"{encoding} of the hex", bytes.fromhex(digest.decode())
    if bare != sign:
        encoding += " with something around it"
    return (encoding, digest) if len(digest) in _ALGORITHMS else None


def _redirect_texts(raw: str, decoded: bytes | None, rest: str) -> dict[str, bytes]:
    """What may have been signed, in words; `raw` is `user_data` as it stands in the query."""
    kept = unquote(raw)  # unlike in a form, its plus signs stay
    base = "user_data as it is" if decoded is None else "the base64 text"
    texts = {} if decoded is None else {_REDIRECT_TEXT: decoded}
    texts |= {
        base: _bytes(kept),
        f"{base}, as in the query": _bytes(raw),
        f"{base}, percent-encoded": quote(_bytes(kept), safe="").encode(),
        f"{base}, each + turned into a space": _bytes(kept.replace("+", " ")),
        f"{base} and a newline": _bytes(f"{kept}\n"),
    }
    if decoded is not None:
        standard, url_safe = base64.b64encode(decoded), base64.urlsafe_b64encode(decoded)
        alphabet = "the base64 text in the standard alphabet"
        texts |= {
            alphabet: standard,
            f"{alphabet}, unpadded": standard.rstrip(b"="),
            f"{alphabet}, percent-encoded": quote(standard, safe="").encode(),
            f"{alphabet}, each + turned into a space": standard.replace(b"+", b" "),
            "the base64 text in the URL-safe alphabet": url_safe,
            "the base64 text in the URL-safe alphabet, unpadded": url_safe.rstrip(b"="),
            f"{_REDIRECT_TEXT} and a newline": decoded + b"\n",
            f"{_REDIRECT_TEXT} without the whitespace around it": decoded.strip(),
            **_rewritten("the JSON", _json(decoded)),
        }
    texts["the query without user_data_sign"] = _bytes(rest)
    return texts


def _event_texts(written: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, bytes]:
    """What may have been signed, in words; `written` has numbers as they stand in the body."""
    names = ("salon_id", "amount", "discount")
    given = {name: written[name] for name in names if isinstance(written.get(name), str)}
    right = {name: _shortest(value) for name, value in given.items()}
    cents = {name: value if name == "salon_id" else _cents(value) for name, value in given.items()}
    without = {name: value for name, value in right.items() if name != "discount"}
    texts = {
        _EVENT_TEXT: _joined(right),
        "the same, numbers as they stand in the body": _joined(given),
        "the same, sums with two decimals": _joined(cents),
        "the same without discount": _joined(without),
        "the same, discount= left empty": _joined({**without, "discount": ""}),
        "the same, discount=null": _joined({**without, "discount": "null"}),
        "the same, discount=0": _joined({**without, "discount": "0"}),
    }
    for order in list(permutations(names))[1:]:
        in_order = {name: right[name] for name in order if name in right}
        texts[f"the same, in the order {', '.join(order)}"] = _joined(in_order)
    rest = {name: value for name, value in values.items() if name != "sign"}
    plain = {name: written[name] for name in rest if isinstance(written[name], str)}
    texts["all fields but sign, as a query"] = urlencode(
        {_bytes(name): _bytes(value) for name, value in plain.items()}
    ).encode()
    return texts | _rewritten("the body without sign", rest)


class _Written(str):
    """A number of a JSON text, as it stands there."""

    __slots__ = ()


def _json(text: bytes, *, as_written: bool = False) -> Any:
    """The value of a JSON text; None if it is none."""
    number = _Written if as_written else None
    try:
        return json.loads(text, parse_int=number, parse_float=number)
    except (ValueError, RecursionError):
        return None


def _rewritten(what: str, value: Any) -> dict[str, bytes]:
    texts = {}
    if isinstance(value, dict):
        for form, (is_ascii, separators, slashes) in _JSON_FORMS.items():
            try:
                text = json.dumps(value, ensure_ascii=is_ascii, separators=separators)
            except RecursionError:
                break
            name = f"{what}, written again {form}"
            texts[name] = _bytes(text.replace("/", "\\/") if slashes else text)
    return texts


def _joined(fields: Mapping[str, str]) -> bytes:
    return _bytes("&".join(f"{name}={value}" for name, value in fields.items()))


def _shortest(value: str) -> str:
    """A number as JavaScript writes it: 100.0 is 100, 990.90 is 990.9.

    https://tc39.es/ecma262/#sec-numeric-types-number-tostring
    """
    if not isinstance(value, _Written) or not math.isfinite(float(value)):
        return value
    shortest = Decimal(repr(float(value))).normalize()
    return format(shortest, "f" if -7 < shortest.adjusted() < 21 else "e")  # noqa: PLR2004


def _cents(value: str) -> str:
    return f"{float(value):.2f}" if isinstance(value, _Written) else value


def _decoded(raw: str) -> bytes | None:
    try:
        return redirect.decoded(unquote_plus(raw))
    except redirect.BadSignature:
        return None


def _described(values: Sequence[str]) -> str:
    """The form of `user_data`, of which `values` are all that stand in the query."""
    if not values:
        return "missing"
    text, often = unquote_plus(values[0]), ""
    if len(values) > 1:
        often = f", given {len(values)} times"
    if _decoded(values[0]) is None:
        form = "JSON without base64" if isinstance(_json(_bytes(text)), dict) else "not base64"
        return f"{len(text)} characters, {form}{often}"
    url_safe, standard = set(text) & set("-_"), set(text) & set("+/ ")
    alphabet = "URL-safe" if url_safe else "standard" if standard else "either"
    if url_safe and standard:
        alphabet = "a mixed"
    padded = "padded" if text.endswith("=") else "needs no padding"
    if len(text.rstrip("=")) % 4 and not text.endswith("="):
        padded = "padding left out"
    damage = ", with spaces" if " " in text else ""
    return f"{len(text)} characters, {alphabet} alphabet, {padded}{damage}{often}"


def _json_described(decoded: bytes | None) -> str:
    if decoded is None:
        return "missing"
    value = _json(decoded)
    if not isinstance(value, dict):
        return "not a JSON object"
    return f"an object with {_named(value, _OWNER_NAMES)}"


def _sign_described(signs: Sequence[str]) -> str:
    if not signs or not signs[0]:
        return "missing"
    read = _digest(signs[0])
    form = f"{read[0]} of {8 * len(read[1])} bits" if read else "neither hex nor base64 of a digest"
    return f"{len(signs[0])} characters, {form}"


def _kind(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, ...)
    if isinstance(value, _Written):
        return f"a number, decimals: {len(value.partition('.')[2])}"
    kinds = {str: "a text", type(None): "null", type(...): "missing"}
    return kinds.get(type(value), "neither number nor text")


def _named(names: Iterable[str], known: frozenset[str]) -> str:
    """Those of the names that are known, and how many others there are."""
    given = list(dict.fromkeys(names))
    others = len(set(given) - known)
    listed = [name for name in given if name in known]
    return ", ".join([*listed, f"{others} unknown"] if others else listed) or "nothing"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
