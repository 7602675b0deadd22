"""Redirects as the platform signs them."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote, urlencode

from shared.altegio.redirect import Owner

# The public vector: its base64 needs `_` and `-` in the one alphabet, `/` and `+` in the other.
TOKEN = "owned-partner-token"

TOKENS = (TOKEN,)

VECTOR_JSON = (
    '{"id":7,"name":"Zoë ÿÿ","phone":"15551230000","email":"z@example.com",'
    '"is_approved":true,"avatar":"","salon_name":"Тест?>~"}'
)

VECTOR_DATA = (
    "eyJpZCI6NywibmFtZSI6Ilpvw6sgw7_DvyIsInBob25lIjoiMTU1NTEyMzAwMDAiLCJlbWFpbCI6InpAZXhhbXBsZS5j"
    "b20iLCJpc19hcHByb3ZlZCI6dHJ1ZSwiYXZhdGFyIjoiIiwic2Fsb25fbmFtZSI6ItCi0LXRgdGCPz5-In0="
)

VECTOR_SIGN = "96edc690fbfd0ee427555979a05829459c146c0befac4abf27ea3d4a6f33bc46"

OWNER = Owner(7, "Zoë ÿÿ", "z@example.com", "15551230000", "Тест?>~")


def sign(message: bytes, token: str = TOKEN) -> str:
    return hmac.new(token.encode(), message, hashlib.sha256).hexdigest()


def signed(data: bytes, **more: str) -> str:
    """A query whose `user_data` is `data`, genuine in every respect."""
    fields = {
        "salon_id": "4564",
        "user_data": base64.urlsafe_b64encode(data).decode(),
        "user_data_sign": sign(data),
        **more,
    }
    return urlencode(fields)


def owner_query(owner: Any, **more: str) -> str:
    return signed(json.dumps(owner).encode(), **more)


def with_locations(locations: str) -> str:
    return f"{locations}&user_data={quote(VECTOR_DATA)}&user_data_sign={VECTOR_SIGN}"
