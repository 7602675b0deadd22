"""The address the owner's browser is sent to, with what the platform tells about the owner.

https://support.alteg.io/hc/en-us/articles/6746045060381 (parameters),
https://alteg.io/en/support/knowledge-base/6756242694429-transferring-user-data-when-connecting-the-integration/
(`user_data`), https://alteg.io/en/support/knowledge-base/6756399400477 (several locations),
https://alteg.io/en/support/knowledge-base/11125420000669 (`crm_token`, `salon_group_id`).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import quote, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Owner:
    """The person who presses Connect, field by field as `user_data` carries them.

    The order is the wire's: the signature covers the JSON text. `phone` is digits only. The
    defaults are chosen so that their base64 holds "-", "_" and "=".
    """

    id: int = 7001
    name: str = "Zoë Müller ÿÿ"
    phone: str = "15551230000"
    email: str = "zoe@example.com"
    is_approved: bool = True
    avatar: str = "https://app.alteg.io/images/no-master.png"
    salon_name: str = "Ателье «Zoë»?>"


#: Who presses on the page.
OWNERS = (
    Owner(name="Zoë Müller"),
    Owner(id=7002, name="Anna O'Neil", phone="15551230001", email="anna@example.com"),
)


def user_data(owner: Owner, partner_token: str) -> tuple[str, str]:
    """What the platform says about the owner, and its signature.

    Returns:
        `user_data`: base64, URL-safe alphabet with padding, of raw UTF-8 JSON; and
        `user_data_sign`: hex HMAC-SHA256 of the JSON bytes (not of the base64) under the token.
    """
    text = json.dumps(asdict(owner), ensure_ascii=False, separators=(",", ":")).encode()
    signature = hmac.new(partner_token.encode(), text, hashlib.sha256).hexdigest()
    return base64.urlsafe_b64encode(text).decode(), signature


def spell_locations(location_ids: Sequence[int], form: str) -> str:
    """The location part of the query in one of the spellings seen in the wild.

    Args:
        location_ids: at least one.
        form: "auto" (`salon_id` for one, `salon_ids[]` for several), "salon_id", "salon_ids[]",
            "salon_ids[] encoded", "comma" or "indexed".

    Raises:
        ValueError: no location, several in "salon_id", or an unknown form.
    """
    if not location_ids:
        raise ValueError("name at least one location")
    if form == "auto":
        form = "salon_id" if len(location_ids) == 1 else "salon_ids[]"
    if form == "salon_id" and len(location_ids) > 1:
        raise ValueError('the form "salon_id" carries one location only')
    match form:
        case "salon_id":
            return f"salon_id={location_ids[0]}"
        case "salon_ids[]":
            return "&".join(f"salon_ids[]={each}" for each in location_ids)
        case "salon_ids[] encoded":
            return "&".join(f"salon_ids%5B%5D={each}" for each in location_ids)
        case "comma":
            return "salon_ids=" + ",".join(map(str, location_ids))
        case "indexed":
            return "&".join(f"salon_ids[{n}]={each}" for n, each in enumerate(location_ids))
    raise ValueError(f"unknown form {form!r}")


def redirect_address(
    configured: str, *, locations: str, chain_id: int, crm_token: str, signed: tuple[str, str]
) -> str:
    """The configured registration address with the platform's parameters after its own.

    Args:
        configured: `registration_redirect_url`; its own query is kept.
        locations: from `spell_locations`.
        chain_id: `salon_group_id`, the chain of the locations.
        crm_token: the chain's telephony token.
        signed: from `user_data`.
    """
    data, signature = signed
    added = "&".join(
        [
            f"salon_group_id={chain_id}",
            f"crm_token={quote(crm_token)}",
            locations,
            f"user_data={quote(data)}",
            f"user_data_sign={signature}",
        ]
    )
    parts = urlsplit(configured)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))
