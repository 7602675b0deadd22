"""Translations of a PBX's own formats: not written yet, and every request is told so."""

from collections.abc import Mapping
from typing import Any

from shared.call_event import BadEvent


def freeswitch(
    _body: bytes, _content_type: str, _query: Mapping[str, str]
) -> dict[str, Any] | None:
    """Of FreeSWITCH's mod_json_cdr.

    Raises:
        BadEvent: always, until it is written.
    """
    raise BadEvent("FreeSWITCH's own format is not read yet: use POST /calls")


def asterisk(_body: bytes, _content_type: str, _query: Mapping[str, str]) -> dict[str, Any] | None:
    """Of Asterisk's dialplan.

    Raises:
        BadEvent: always, until it is written.
    """
    raise BadEvent("Asterisk's own format is not read yet: use POST /calls")
