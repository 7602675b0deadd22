"""What the pages about billing systems give to copy: each runs here, against the real handler."""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local import PROJECT
from local.examples import portabilling
from local.listener import Listener
from local.stack.environment import InvokeResult
from local.stack.front_door import FrontDoor
from tests.deployment import TEMPLATE, Deployment

KEY = "billing-key-of-more-than-32-characters"
EXAMPLES = PROJECT / "local" / "examples"


@pytest.fixture
def api(deployment: Deployment) -> Iterator[str]:
    """`/billing` by HTTP, on the template's routes."""
    deployment.set_billing_key(KEY)
    wired = TEMPLATE.wire({"ApplicationId": "101"}, endpoint_url="http://sqs", api_url="")
    door = FrontDoor()

    def invoke(function: str, event: Any) -> InvokeResult:
        payload = deployment.invoke(function.removesuffix("Function").lower(), event)
        return InvokeResult(payload, None, "", 0, cold=False, request_id="")

    door.open(wired.routes, invoke)
    yield f"{door.url}/billing"
    door.close()


def states(deployment: Deployment) -> dict[str, str]:
    return {row["key"]: row["state"] for row in deployment.rows("PAYMENTS_TABLE") if "state" in row}


# Any event by its address


@pytest.mark.parametrize("event_id", ["inv-1", "Счёт-12/2026 #1", "a//b", "50% off", "%41", "/"])
def test_any_event_is_found_by_its_encoded_address(
    deployment: Deployment, api: str, event_id: str
) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    posted = {**payment_of(event_id)}
    assert httpx.post(api, json=posted, headers=headers).status_code == 202
    answer = httpx.get(f"{api}/{quote(event_id, safe='')}", headers=headers)
    assert (answer.status_code, answer.json()["event_id"]) == (200, event_id)
    answer = httpx.get(api, params={"event_id": event_id}, headers=headers)
    assert answer.json()["event_id"] == event_id
    assert len(states(deployment)) == 1


def payment_of(event_id: str) -> dict[str, Any]:
    return {
        "type": "payment",
        "event_id": event_id,
        "location_id": 4564,
        "amount": "990.99",
        "currency": "EUR",
        "paid_at": "2026-11-01T10:10:00+00:00",
        "period_from": "2026-11-01T00:00:00+00:00",
        "period_to": "2026-11-30T23:59:59+00:00",
    }


# The cron job


def run_cron(api: str, outbox: Path, key: str = KEY) -> subprocess.CompletedProcess[str]:
    header = outbox.parent / "key"
    header.write_text(f"Authorization: Bearer {key}\n")
    environment = {"BILLING_URL": api, "KEY_FILE": str(header), "OUTBOX": str(outbox)}
    return subprocess.run(
        [EXAMPLES / "post_outbox.sh"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_cron_job_empties_its_outbox(deployment: Deployment, api: str, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    assert run_cron(api, outbox).returncode == 0
    (outbox / "one file.json").write_text(json.dumps(payment_of("inv-1")))
    wrong = {**payment_of("inv-3"), "amount": "1.001"}
    (outbox / "several.json").write_text(json.dumps([payment_of("inv-2"), wrong]))
    (outbox / "half.json.new").write_text("[")
    # Nothing is moved while nobody can be asked, or the key is wrong.
    assert "curl" in run_cron("http://127.0.0.1:9/billing", outbox).stderr
    assert "answered 401" in run_cron(api, outbox, key="x").stderr
    assert len(list(outbox.glob("*.json"))) == 2
    ended = run_cron(api, outbox)
    assert ended.returncode == 0
    assert ended.stderr == "several.json was refused: see refused/several.json.answer\n"
    assert {path.name for path in (outbox / "sent").iterdir()} == {
        "one file.json",
        "one file.json.answer",
    }
    answer = json.loads((outbox / "refused" / "several.json.answer").read_text())
    assert [it["status"] for it in answer["results"]] == [202, 400]
    assert set(states(deployment)) == {"payment#inv-1", "payment#inv-2"}
    assert run_cron(api, outbox).stderr == ""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_no_name_of_a_file_stops_the_others(
    deployment: Deployment, api: str, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    names = ("-t.json", "--x y.json", "@.json", "$(x)'.json", "inv.json")
    for number, name in enumerate(names):
        (outbox / name).write_text(json.dumps(payment_of(f"inv-{number}")))
    run_cron(api, outbox)
    assert len(states(deployment)) == len(names)
    assert {path.name for path in (outbox / "sent").glob("*.json")} == set(names)


# WHMCS


WHMCS = """<?php
// Stands in for WHMCS: the functions that the hook calls, with the fields of its documentation.
const WHMCS = true;
$hooks = [];
function add_hook($name, $priority, $call) { global $hooks; $hooks[$name] = $call; }
function logActivity($words) { fwrite(STDERR, "$words\\n"); }
function localAPI($command, $asked) {
    $told = json_decode(file_get_contents(getenv('WHMCS')), true);
    return $told[$command . ($command === 'GetClientsProducts' ? $asked['serviceid'] : '')];
}
require getenv('HOOK');
$hooks[getenv('NAME')](['invoiceid' => 12]);
"""


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "Hosting",
        "relid": number,
        "description": "Line for one salon - acme.example (01/11/2026 - 30/11/2026)\nExtension: 5",
        "amount": "990.99",
        "taxed": 0,
        **changes,
    }


def run_hook(
    tmp_path: Path,
    name: str,
    *items: dict[str, Any],
    total: str = "990.99",
    location: str = " 4564 ",
    **failing: Any,
) -> subprocess.CompletedProcess[str]:
    field = [{"id": 1, "name": "Altegio location", "value": location}]
    told = {
        "GetInvoice": {
            "invoiceid": 12,
            "userid": 7,
            "datepaid": "2026-11-01 10:10:00",
            "total": total,
            "status": "Paid",
            "items": {"item": list(items)},
        },
        "GetClientsDetails": {"currency_code": "EUR"},
        "GetClientsProducts1": {
            "products": {"product": [{"customfields": {"customfield": field}}]}
        },
        "GetClientsProducts2": {"products": {"product": [{"customfields": {"customfield": []}}]}},
        **failing,
    }
    (tmp_path / "whmcs.json").write_text(json.dumps(told))
    (tmp_path / "whmcs.php").write_text(WHMCS)
    (tmp_path / "outbox").mkdir(exist_ok=True)
    hook = (EXAMPLES / "whmcs_hook.php").read_text("utf-8")
    (tmp_path / "hook.php").write_text(hook.replace("/var/spool/altegio", f"{tmp_path}/outbox"))
    environment = {"WHMCS": "whmcs.json", "HOOK": f"{tmp_path}/hook.php", "NAME": name}
    return subprocess.run(
        ["php", "whmcs.php"],  # noqa: S607 - whichever there is
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no PHP")
class TestWhmcs:
    def test_a_paid_invoice_and_then_a_refunded_one_become_money(
        self, deployment: Deployment, api: str, tmp_path: Path
    ) -> None:
        deployment.connect(4564)
        for name in ("InvoicePaid", "InvoicePaid", "InvoiceRefunded"):
            ended = run_hook(tmp_path, name, item(1), item(2, amount="5.00"), total="995.99")
            assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
            assert run_cron(api, tmp_path / "outbox").stderr == ""
            deployment.drain()
        assert states(deployment) == {
            "payment#whmcs-12-1": "SENT",
            "refund#whmcs-12-1-refund": "SENT",
        }
        [listed] = deployment.simulator.payments(4564)
        assert (listed.period_from, listed.period_to, str(listed.payment_sum)) == (
            "2026-11-01 00:00:00",
            "2026-11-30 23:59:59",
            "990.99",
        )

    @pytest.mark.parametrize(
        ("changes", "total", "why"),
        [
            ({"description": "Line"}, "990.99", "tells no period"),
            ({"description": "(31/02/2026 - 30/11/2026)"}, "990.99", "no date: 31/02/2026"),
            ({}, "900.00", "do not add up"),
            ({"amount": "-5.00"}, "-5.00", "takes something off"),
        ],
    )
    def test_what_is_not_clear_is_told_in_the_activity_log(
        self, tmp_path: Path, changes: dict[str, Any], total: str, why: str
    ) -> None:
        ended = run_hook(tmp_path, "InvoicePaid", item(1, **changes), total=total)
        assert ended.returncode == 0
        assert why in ended.stderr
        assert list((tmp_path / "outbox").iterdir()) == []

    @pytest.mark.parametrize(
        "location", ["4 564", "4564/4232", "4564 Salon", "Salon", "0", "4.5e3"]
    )
    def test_what_is_no_number_of_a_location_is_nobody_s(
        self, tmp_path: Path, location: str
    ) -> None:
        # PHP reads the digits that a text begins with: 4 564 would be location 4.
        ended = run_hook(tmp_path, "InvoicePaid", item(1), location=location)
        assert "item 1: its location is no number" in ended.stderr
        assert list((tmp_path / "outbox").iterdir()) == []

    @pytest.mark.parametrize("asked", ["GetInvoice", "GetClientsProducts1", "GetClientsDetails"])
    def test_what_whmcs_does_not_tell_is_not_taken_for_nothing(
        self, tmp_path: Path, asked: str
    ) -> None:
        # https://developers.whmcs.com/api/internal-api/
        failing: dict[str, Any] = {asked: {"result": "error", "message": "Client ID Not Found"}}
        ended = run_hook(tmp_path, "InvoicePaid", item(1), **failing)
        assert ended.stderr == "Altegio: invoice 12 was not reported: Client ID Not Found\n"
        assert list((tmp_path / "outbox").iterdir()) == []

    def test_a_promotion_is_an_item_of_its_own_that_takes_something_off(
        self, tmp_path: Path
    ) -> None:
        off = item(3, type="PromoHosting", relid=1, amount="-90.99", description="Promotional Code")
        ended = run_hook(tmp_path, "InvoicePaid", item(1), off, total="900.00")
        assert "item 3 takes something off" in ended.stderr
        assert list((tmp_path / "outbox").iterdir()) == []

    def test_an_invoice_of_no_location_is_nothing(self, tmp_path: Path) -> None:
        other = item(3, type="Domain", relid=9)
        ended = run_hook(tmp_path, "InvoicePaid", item(2), other, total="5")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert list((tmp_path / "outbox").iterdir()) == []


# PortaBilling


class Porta(Listener):
    """Stands in for PortaBilling's API: what is documented, under the names that were inferred."""

    def __init__(self) -> None:
        super().__init__(0, _Porta)
        self.invoice = {
            "period_from": "2026-11-01",
            "period_to": "2026-11-30",
            "period_total": 990.99,
            "amount_paid": 990.99,
        }
        self.location: Any = "4564"
        self.is_down = False
        self.hangs_up = False


class _Porta(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        porta: Any = self.server
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Authorization"] == "Bearer session"
        if porta.hangs_up:
            return
        told: Any = {
            "custom_fields_values": [{"name": "Altegio location", "db_value": porta.location}]
        }
        if self.path == "/rest/Invoice/get_invoice_info":
            assert asked == {"params": {"i_invoice": 5}}
            told = {"invoice_info": porta.invoice}
        self.send_response(500 if porta.is_down else 200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def porta() -> Iterator[Porta]:
    server = Porta()
    threading.Thread(target=server.serve, daemon=True).start()
    yield server
    server.stop()


@pytest.fixture
def agent(api: str, porta: Porta) -> Iterator[str]:
    server = portabilling.server_of(
        {
            "HOST": "127.0.0.1",
            "PORT": "0",
            "BILLING_URL": api,
            "BILLING_KEY": KEY,
            "PORTA_API": f"http://127.0.0.1:{porta.server_port}/rest",
            "PORTA_SESSION": "session",
            "PORTA_CREDENTIALS": "porta:secret",
            "PORTA_ZONE": "Europe/Berlin",
            "PORTA_CURRENCY": "EUR",
        }
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


TOLD = {
    "event_type": "Invoice/Updated",
    "variables": {"i_event": "1", "i_customer": "7", "i_invoice": "5"},
}


def tell(agent: str, told: Any = TOLD, password: str = "secret") -> tuple[int, str]:
    answer = httpx.post(agent, json=told, auth=("porta", password))
    return answer.status_code, answer.text


def test_an_invoice_is_read_back(deployment: Deployment, porta: Porta, agent: str) -> None:
    deployment.connect(4564)
    porta.invoice["amount_paid"] = 0
    assert tell(agent) == (200, "it is not paid")
    porta.invoice["amount_paid"] = "990.99000"
    assert tell(agent) == (200, "porta-5 is stored")
    deployment.drain()
    deployment.clock.advance(minutes=3)
    assert tell(agent) == (200, "porta-5 is stored already")
    [listed] = deployment.simulator.payments(4564)
    assert (listed.period_from, listed.period_to) == ("2026-10-31 23:00:00", "2026-11-30 22:59:59")
    porta.invoice["amount_paid"] = 0
    for _ in range(2):
        assert tell(agent) == (200, "porta-5-refund is stored")
    deployment.drain()
    assert states(deployment) == {"payment#porta-5": "SENT", "refund#porta-5-refund": "SENT"}


def test_what_a_person_has_to_see_is_told(
    deployment: Deployment, porta: Porta, agent: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for changes, why in (
        ({"amount_paid": 5}, "5 of 990.99 is paid"),
        ({"amount_paid": None}, "InvalidOperation"),
        ({"amount_paid": 990.99, "period_to": "30.11.2026"}, "Invalid isoformat"),
        (
            {"period_to": "2026-11-30", "period_total": 1.001, "amount_paid": 1.001},
            "refused with 400",
        ),
    ):
        porta.invoice |= changes
        assert tell(agent) == (200, "a person has to look")
        assert why in capfd.readouterr().err
    assert states(deployment) == {}
    porta.invoice |= {"period_total": 10, "amount_paid": 10}
    assert tell(agent)[1] == "porta-5 is stored"
    porta.invoice["amount_paid"] = 0
    assert tell(agent)[1] == "porta-5-refund is stored"
    porta.invoice["amount_paid"] = 10
    assert tell(agent)[1] == "a person has to look"
    assert "was given back, and is paid again" in capfd.readouterr().err


def test_what_is_of_no_location_or_no_invoice_is_nothing(
    deployment: Deployment, porta: Porta, agent: str
) -> None:
    porta.location = None
    assert tell(agent) == (200, "its customer has no Altegio location")
    assert tell(agent, {"event_type": "DID/Updated", "variables": {}})[1] == "it is of no invoice"
    assert states(deployment) == {}


def test_what_cannot_be_asked_or_stored_is_to_be_told_again(
    deployment: Deployment, porta: Porta, agent: str
) -> None:
    porta.is_down = True
    assert tell(agent)[0] == 503
    porta.is_down, porta.hangs_up = False, True
    assert tell(agent)[0] == 503
    porta.hangs_up = False
    deployment.set_billing_key("another-key-of-more-than-32-characters")
    deployment.restart()
    assert tell(agent)[0] == 503
    deployment.set_billing_key(KEY)
    deployment.restart()
    assert tell(agent)[0] == 200


def test_two_events_of_one_invoice_at_once_are_one_payment(
    deployment: Deployment, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(["2026-11-01T10:10:00+00:00", "2026-11-01T10:10:01+00:00"])
    both = threading.Barrier(2)
    real = portabilling._asked

    def asked(url: str, key: str, body: Any = None) -> tuple[int, Any]:
        if body is not None and body.get("type") == "payment":
            # Both have looked by now, unless one waits for the other.
            with suppress(threading.BrokenBarrierError):
                both.wait(timeout=1)
            body = {**body, "paid_at": next(moments)}
        return real(url, key, body)

    monkeypatch.setattr(portabilling, "_asked", asked)
    with ThreadPoolExecutor() as pool:
        answers = sorted(text for _, text in pool.map(lambda _: tell(agent), range(2)))
    assert answers == ["porta-5 is stored", "porta-5 is stored already"]
    assert set(states(deployment)) == {"payment#porta-5"}


def test_a_stranger_tells_nothing(deployment: Deployment, agent: str) -> None:
    assert tell(agent, password="guess")[0] == 401
    assert states(deployment) == {}


@pytest.mark.parametrize("length", ["-1", "x", "", "0"])
def test_a_stranger_keeps_nobody_busy(agent: str, length: str) -> None:
    address = httpx.URL(agent)
    with socket.create_connection((address.host, address.port or 0), timeout=10) as asking:
        asking.sendall(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
        # He waits for the answer, and ends nothing himself.
        assert b" 401 " in asking.makefile("rb").read()
