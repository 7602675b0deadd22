"""The registration redirect: which locations, and who the owner is.

Altegio sends the owner's browser with GET parameters. Only `user_data` is signed; the locations,
the chain and its CRM token are not, so they are claims until the platform's status confirms them.

Sources: https://support.alteg.io/hc/en-us/articles/6746045060381 (connect),
https://alteg.io/en/support/knowledge-base/6756399400477 (several locations),
https://alteg.io/en/support/knowledge-base/6756242694429-transferring-user-data-when-connecting-the-integration/
and https://alteg.io/en/support/knowledge-base/11125420000669 (telephony).
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from shared.altegio import signature
from shared.one_line import one_line

# Seen: salon_id=1, salon_ids=1,2, salon_ids[]=1&salon_ids[]=2, salon_ids[0]=1&salon_ids[1]=2.
_LOCATIONS = re.compile(r"salon_ids?(\[[0-9]{0,4}\])?")
_ID = re.compile(r"[1-9][0-9]{0,17}")
_HEX_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# Whatever an address may hold: a UUID today, and base64 or a JWT are tokens as well.
_CRM_TOKEN = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%|{}]{1,512}")
# How languages write into an address that there is nothing, or no number.
_NOTHING = re.compile(
    r"0*|-1|\(?(?:null|none|nil)\)?|undefined|nan|false|n/?a|\[\]|\{\}|\[object object\]",
    re.IGNORECASE,
)
# API Gateway takes 10 KB of request line; more locations than this do not fit into it.
_MOST_FIELDS = 1500
_LONGEST_TEXT = 200
# More than any chain has; the owner of a larger one connects it in parts.
MOST_LOCATIONS = 300

# What `publication` tries the door with: it is refused like any other, and counted nowhere.
NO_SIGN = "0" * 64

_FROM_URL_SAFE = str.maketrans(" -_", "++/")


class BadRedirect(Exception):
    """The query is not one that Altegio sends; the message says what is wrong with it."""


class BadSignature(BadRedirect):
    """`user_data_sign` does not fit `user_data` and a partner token."""


class Tried(BadSignature):
    """Refused, as it should be: it was sent to see that."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The Altegio user who pressed Connect; texts may be empty, `phone` is as Altegio has it.

    `salon_name` is a location's title; with several in the link, nobody says of which.
    """

    altegio_user_id: int
    name: str
    email: str
    phone: str
    salon_name: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect whose owner is proven; `location_ids` in the order of the query, each once."""

    location_ids: tuple[int, ...]
    owner: Owner
    chain_id: int | None
    crm_token: str | None

    @property
    def location_name(self) -> str:
        """What the link's only location is called; empty if that is not known."""
        return self.owner.salon_name if len(self.location_ids) == 1 else ""


def parse(raw_query: str, tokens: tuple[str, ...]) -> Redirect:
    """Reads and verifies the query string of `GET /connect`, signed by any of the tokens.

    Raises:
        BadRedirect: something is missing or malformed.
        BadSignature: the signature does not fit.
    """
    try:
        fields = parse_qsl(
            raw_query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise BadRedirect("the query string cannot be read") from None
    location_ids = _location_ids(fields)
    user_data, sign = _single(fields, "user_data"), _single(fields, "user_data_sign")
    if not user_data and not sign:
        raise BadRedirect("user_data is missing")
    owner = _owner(verified(user_data, sign, tokens))
    telling = [field for field in fields if not _is_nothing(field[1])]
    return Redirect(
        location_ids=location_ids,
        owner=owner,
        chain_id=_chain_id(telling),
        crm_token=_crm_token(_single(telling, "crm_token")),
    )


def verified(user_data: str, sign: str, tokens: tuple[str, ...]) -> bytes:
    """The JSON bytes inside `user_data`, proven by `sign`.

    The signature is over the *decoded* bytes (see `signature`), by any of the tokens.

    Raises:
        BadSignature: it does not fit, or either is malformed.
    """
    message = decoded(user_data)
    if not _HEX_SHA256.fullmatch(sign):
        raise BadSignature("user_data_sign is not the hex form of a SHA-256")
    if not signature.fits(message, sign, tokens):
        error = Tried if sign == NO_SIGN else BadSignature
        raise error("user_data_sign does not fit user_data")
    return message


def decoded(user_data: str) -> bytes:
    """The bytes inside `user_data`, proven by nothing yet.

    It may use either base64 alphabet, with or without padding, and may have had each `+` turned
    into a space on its way through a query string.

    Raises:
        BadSignature: it is not base64.
    """
    encoded = user_data.translate(_FROM_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("user_data is not base64") from None


def _location_ids(fields: list[tuple[str, str]]) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for name, value in fields:
        if not _LOCATIONS.fullmatch(name):
            continue
        for part in map(str.strip, value.split(",")):
            if _is_nothing(part):
                continue
            if not _ID.fullmatch(part):
                raise BadRedirect("a location id is not a positive whole number")
            found[int(part)] = None
    if not found:
        raise BadRedirect("salon_id is missing")
    if len(found) > MOST_LOCATIONS:
        raise BadRedirect("too many locations")
    return tuple(found)


def _owner(signed: bytes) -> Owner:
    try:
        data = json.loads(signed)
    except (ValueError, RecursionError):
        raise BadRedirect("user_data is not JSON") from None
    if not isinstance(data, dict):
        raise BadRedirect("user_data is not a JSON object")
    # The help page says user_id, the wire says id.
    user_id = data.get("id") or data.get("user_id")
    if isinstance(user_id, str) and _ID.fullmatch(user_id):
        user_id = int(user_id)
    if not isinstance(user_id, int) or isinstance(user_id, bool) or not 0 < user_id < 10**18:
        raise BadRedirect("user_data holds no user id")
    return Owner(
        altegio_user_id=user_id,
        name=_text(data.get("name")),
        email=_text(data.get("email")),
        phone=_text(data.get("phone")),
        salon_name=_text(data.get("salon_name")),
    )


def _text(value: Any) -> str:
    """One line of text of bounded length; anything else is as good as nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 < abs(value) < 10**20 else ""
    return one_line(value)[:_LONGEST_TEXT].strip() if isinstance(value, str) else ""


def _chain_id(fields: list[tuple[str, str]]) -> int | None:
    """The chain, if the link names one; it is only compared, and no connect is refused for it."""
    named = {value.strip() for name, value in fields if name == "salon_group_id"}
    found = named.pop() if len(named) == 1 else ""
    return int(found) if _ID.fullmatch(found) else None


def _crm_token(value: str) -> str | None:
    if not value:
        return None
    # A plus that nobody has escaped is a space in a query.
    token = value.replace(" ", "+")
    if not _CRM_TOKEN.fullmatch(token):
        raise BadRedirect("crm_token has characters that no CRM token has")
    return token


def _single(fields: list[tuple[str, str]], name: str) -> str:
    """The one value of a field; empty if there is none."""
    values = {value for field, value in fields if field == name}
    if len(values) > 1:
        raise BadRedirect(f"{name} is given more than once with different values")
    return values.pop() if values else ""


def _is_nothing(value: str) -> bool:
    return _NOTHING.fullmatch(value.strip()) is not None
