"""Whose report it is that came to a wrong address: by the fields that only its sender uses.

Each family of PBXes has an address of its own. A report at another's would look there like a call
of no location, or like nothing at all, and be lost without a word; so it is answered with its own.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.calls.event import BadEvent, values
from shared.calls.pbx import asterisk, freeswitch, itoolabs, threecx
from shared.calls.pbx.fields import Reply, form_of

JSON = "/calls"
# Asked for with GET, it answers with the file that makes 3CX report there.
TEMPLATE = "/calls/3cx"
# Kcell is said to post to the root of the host, whatever address it is given. Untried.
ROOT = "/"

# Body, its type and the fields of the query; an event to be checked, an answer to a question, None
# of a call of no location or of what tells nothing new.
type Translation = Callable[[bytes, str, Mapping[str, str]], dict[str, Any] | Reply | None]
# Headers, body and query; what may be the key, none of it checked.
type Keys = Callable[[Mapping[str, str], bytes, bytes], tuple[str, ...]]

NOT_KNOWN = (
    f"not a report of this address's PBX: any other posts `ringing` and `finished` to {JSON}"
)


@dataclass(frozen=True, slots=True)
class Sender:
    """A family of PBXes, or a service.

    Attributes:
        name: as its vendor writes it.
        fields: sets of names; one that is there as a whole gives it away.
        address: where its reports go; empty if there is none for them.
        read: makes an event of a report; None where it is one already.
        keys: finds the key where it stands in no header `Authorization`; None if nowhere else.
        taken: the status that tells its PBX that all is well.
    """

    name: str
    fields: tuple[frozenset[str], ...]
    address: str = ""
    read: Translation | None = None
    keys: Keys | None = None
    taken: int = 202


def _all_of(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(each.split()) for each in sets)


# The first that fits counts.
SENDERS = (
    # https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_json_cdr_6587490
    Sender(
        "FreeSWITCH",
        _all_of("variables callflow", "core-uuid variables", "uuid caller_id_number", "cdr"),
        "/calls/freeswitch",
        freeswitch.read,
    ),
    Sender(
        "the recipe of Asterisk",
        _all_of("event linkedid"),
        "/calls/asterisk",
        asterisk.read,
    ),
    # https://www.twilio.com/docs/voice/api/call-resource#statuscallback, and what is compatible.
    Sender("Twilio", _all_of("CallSid AccountSid", "CallSid CallStatus")),
    # https://developers.telnyx.com/api-reference/callbacks/call-hangup
    Sender("Telnyx", _all_of("data.event_type")),
    # https://novofon.com/instructions/api/
    Sender("Zadarma or Novofon", _all_of("event pbx_call_id", "event call_start", "zd_echo")),
    # https://help.yeastar.com/en/p-series-software-edition/developer-guide/ (webhooks)
    Sender("Yeastar", _all_of("type sn msg", "event callid sn")),
    # https://ru.scribd.com/document/534022584/Crm-Rest-API, which asks for 200.
    Sender(
        "ITooLabs (MegaFon, Gravitel, Kcell, Moldcell)",
        _all_of("cmd crm_token", "cmd callid"),
        "/calls/itoolabs",
        itoolabs.read,
        itoolabs.keys,
        taken=200,
    ),
    # What our own template makes of https://www.3cx.com/docs/server-side-crm-template-xml-description/
    Sender(
        "the template of 3CX",
        _all_of("call_type started_at_utc", "call_direction number"),
        TEMPLATE,
        threecx.read,
        taken=200,
    ),
    # https://doc.didww.com/phone-systems/Settings/webhooks/
    Sender("DIDWW phone.systems", _all_of("id type global_tag")),
    Sender(
        "PortSIP", _all_of("event_type session_id", "event_type tenant_id", "event_type cdr_id")
    ),
    Sender("sipgate or Zammad", _all_of("event callId")),
    Sender("Kazoo", _all_of("hook_event", "call_id hangup_cause account_id")),
    Sender("Binotel", _all_of("generalCallID")),
    Sender("this service", _all_of("type call_id line", "type call_id location_id"), JSON),
)

TRANSLATED = {each.address: each for each in SENDERS if each.read is not None}
ADDRESSES = (JSON, *TRANSLATED)


def address(path: str) -> str:
    """The address that a path is another name of; itself if it is none."""
    return "/calls/itoolabs" if path == ROOT else path


def sender(body: bytes, query: Mapping[str, str]) -> Sender | None:
    """Whose report it is, wherever it came; None if nothing here knows it."""
    for names in _names(body, query):
        for each in SENDERS:
            if any(fields <= names for fields in each.fields):
                return each
    return None


def is_from(path: str, body: bytes, query: Mapping[str, str]) -> bool:
    """Whether it is a report whose address is `path`."""
    found = sender(body, query)
    return found is not None and found.address == path


def elsewhere(path: str, body: bytes, query: Mapping[str, str]) -> str:
    """Where a report should have gone, in a sentence; empty if it is where it should be.

    Args:
        path: the address that it came to, which could make nothing of it.
        body: as it came.
        query: its fields.
    """
    found = sender(body, query)
    if found is None or found.address == path:
        return ""
    if found.address:
        return f"this is a report of {found.name}: its address is {found.address}"
    return (
        f"this is a report of {found.name}, which has no address here:"
        f" post `ringing` and `finished` to {JSON}"
    )


def _names(body: bytes, query: Mapping[str, str]) -> Iterator[frozenset[str]]:
    """The names of its fields; of an object in a field, with the field's before them."""
    if query.keys() - {"uuid"}:
        yield frozenset(query)
    with suppress(BadEvent):
        record = values(body)
        yield frozenset(_with_inner(record))
        return
    with suppress(BadEvent):
        yield frozenset(form_of(body))


def _with_inner(record: Mapping[str, Any]) -> Iterator[str]:
    for name, value in record.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}.{inner}" for inner in value)
