"""Each record that a PBX sends, beside siblings that differ from it in one thing.

No family signs its reports: all show the account's key. So the siblings are other keys; what comes
again is the same call.
"""

import base64
from datetime import timedelta
from typing import Any

import pytest

from local.simulator import Owner
from shared.connections import pbx_key
from tests.calls.pbx import test_itoolabs, test_threecx
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import (
    ASTERISK,
    FORM,
    FREESWITCH,
    LIVE,
    UUID,
    by_line,
    fences,
    form,
    itoolabs_form,
    record,
    threecx_record,
)
from tests.calls.telling import calls_in
from tests.deployment import Deployment

JSON = "application/json"
OTHER = Owner(id=7002, name="Ivo", phone="49301234567", email="ivo@example.com")

type Record = tuple[str, bytes, str, str]

# Address, body, type and query of each call that has ended.
ENDED: dict[str, Record] = {
    **{
        f"freeswitch {it}": ("/calls/freeswitch", record(it), JSON, f"uuid={UUID}")
        for it in FREESWITCH
    },
    **{f"asterisk {it}": ("/calls/asterisk", form(it), FORM, "") for it in ASTERISK},
    **{
        f"itoolabs {it}": ("/calls/itoolabs", itoolabs_form(it, ""), FORM, "")
        for it in test_itoolabs.SAVED
    },
    **{f"3cx {it}": ("/calls/3cx", threecx_record(it), JSON, "") for it in test_threecx.SAVED},
    "json": ("/calls", fences("json")[1].encode(), JSON, ""),
}
RINGS: dict[str, Record] = {
    "asterisk": ("/calls/asterisk", form("ringing"), FORM, ""),
    "itoolabs": ("/calls/itoolabs", itoolabs_form("event-incoming", ""), FORM, ""),
    "3cx": ("/calls/3cx", threecx_record("look-up"), JSON, ""),
    "json": ("/calls", fences("json")[0].encode(), JSON, ""),
}


def send(deployment: Deployment, told: Record, key: str | None) -> tuple[int, Any]:
    path, body, content_type, query = told
    basic = "Basic " + base64.b64encode(f"pbx:{key}".encode()).decode()
    return deployment.call(
        body,
        path=path,
        content_type=content_type,
        query=query,
        authorization=basic if key is not None else "",
    )


@pytest.mark.parametrize("wrong", ["none", "one letter off", "an old one", "of nobody"])
@pytest.mark.parametrize("name", [*ENDED, *(f"{it} rings" for it in RINGS)])
def test_another_key_is_401_and_stores_nothing(
    deployment: Deployment, key: str, name: str, wrong: str
) -> None:
    keys = {
        "none": None,
        "one letter off": key[:-1] + ("A" if key[-1] != "A" else "B"),
        "an old one": key,
        "of nobody": f"pbx_{'0' * 8}-0000-4000-8000-{'0' * 12}_{'A' * 43}",
    }
    if wrong == "an old one":
        _make_a_new_key(deployment)
    told = ENDED.get(name) or RINGS[name.removesuffix(" rings")]
    status, answer = send(deployment, told, keys[wrong])
    assert (status, answer["success"]) == (401, False)
    deployment.drain_calls()
    assert calls_in(deployment) == []
    assert (deployment.simulator.saved_calls(), deployment.simulator.pop_ups()) == ([], [])


def _make_a_new_key(deployment: Deployment) -> None:
    """And voids the old one at once."""
    account = deployment.accounts.of_id(deployment.connection(4564).account_id or "")
    assert account is not None
    new = pbx_key.digest(pbx_key.made(account.account_id))
    assert deployment.accounts.give_key(account, new, deployment.clock(), voids=True)


@pytest.mark.parametrize("name", ENDED)
def test_a_call_that_is_told_again_is_one(
    deployment: Deployment, key: str, switch: Switch, name: str
) -> None:
    for _ in range(3):
        assert send(deployment, ENDED[name], key)[0] in (200, 202)
    assert len(switch.history()) == 1
    # Hours later, as from a disk.
    deployment.clock.advance(hours=3)
    assert send(deployment, ENDED[name], key)[0] in (200, 202)
    assert len(switch.history()) == 1


@pytest.mark.parametrize("name", ENDED)
def test_a_call_that_names_no_location_is_of_the_accounts_whose_key_it_has(
    deployment: Deployment, key: str, name: str
) -> None:
    """Another's key moves it to the other's location, as any call of his own; none is mixed up."""
    assert key
    other = deployment.connect(4777, owner=OTHER).pbx_key
    path, body, content_type, query = ENDED[name]
    told = by_line(body).replace(b'"location_id": 4564', b'"location_id": ""')
    assert send(deployment, (path, told, content_type, query), other)[0] in (200, 202)
    deployment.clock.advance(seconds=11)
    assert {row["location_id"] for row in deployment.rows("CALLS_TABLE")} == {4777}


def test_no_live_record_is_taken_with_another_key(deployment: Deployment, key: str) -> None:
    for name in LIVE:
        body = record(name)
        status, _ = send(deployment, ("/calls/freeswitch", body, FORM, "uuid=1"), key[:-1] + "?")
        assert status == 401
    deployment.clock.at += timedelta(minutes=1)
    assert calls_in(deployment) == []
