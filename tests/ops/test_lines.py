"""The lines of an account, at the desk: shown, entered, removed and imported."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Owner
from shared.aws.dynamodb import to_item
from shared.calls import lines
from tests.calls.telling import end
from tests.deployment import Deployment
from tests.ops.operator import Operator, told

pytestmark = pytest.mark.usefixtures("logged")

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
STRANGER = Owner(id=7777, email="stranger@example.com")
LINE = "+4930123456"


@pytest.fixture
def key(deployment: Deployment) -> str:
    return deployment.connect(4564, 4232, owner=ANNA).pbx_key


def entries(deployment: Deployment) -> dict[str, int]:
    account = deployment.accounts.of_id(deployment.connection(4564).account_id or "")
    assert account
    return dict(account.lines)


def states(deployment: Deployment) -> list[str]:
    return [row["state"] for row in deployment.rows("CALLS_TABLE")]


def test_what_calls_wait_for_is_listed_and_entered_once_it_was_shown(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    assert "No line is entered" in operator("lines", "4564")
    end(deployment, key, location_id=None, line="030 123456")
    shown = operator("lines", "4232")
    assert re.search(rf"unknown   1 call, last .* ago  {re.escape(LINE)}\n", shown)
    assert "nobody has entered it -> 4232" in operator("lines", "4232", "--enter", "030/123456")
    assert entries(deployment) == {}
    assert "Done: calls that have waited" in operator(
        "lines", "4232", "--enter", "030/123456", "--do"
    )
    assert entries(deployment) == {LINE: 4232}
    deployment.drain_calls()
    assert states(deployment) == ["waiting"]
    assert "4232, as before" in operator("lines", "4232", "--enter", LINE)
    assert "4232 -> 4564" in operator("lines", "4564", "--enter", LINE)
    assert "4232 -> removed" in operator("lines", "4564", "--remove", LINE)
    assert entries(deployment) == {LINE: 4232}
    operator("lines", "4564", "--remove", LINE, "--do")
    assert entries(deployment) == {}


def test_it_is_told_as_json(deployment: Deployment, operator: Operator, key: str) -> None:
    end(deployment, key, location_id=None, line=LINE)
    operator("lines", "4564", "--enter", "trunk-1", "--do")
    told: Any = operator.json("lines", "4564")
    assert told["lines"] == [{"line": "trunk-1", "location_id": 4564, "dead": False}]
    [waits] = told["unknown"]
    assert (waits["line"], waits["calls"]) == (LINE, 1)


@pytest.mark.usefixtures("key")
def test_a_file_is_imported_as_a_whole(
    deployment: Deployment, operator: Operator, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    file.write_bytes("\ufeffline,location_id\r\n030 123456,4564\r\nTrunk Süd,4232\r\n".encode())
    assert "nobody has entered it -> 4232" in operator("lines", "4564", "--import", str(file))
    assert entries(deployment) == {}
    operator("lines", "4564", "--import", str(file), "--do")
    assert entries(deployment) == {LINE: 4564, "trunk süd": 4232}
    deployment.connect(4777, owner=STRANGER)
    file.write_text("line,location_id\nx,4564\ny,4777\n")
    assert "not a location of this account" in operator(
        "lines", "4564", "--import", str(file), "--do"
    )
    assert operator.code == 1
    file.write_text("line,location_id\n" + "".join(f"t {n},4564\n" for n in range(lines.MOST)))
    assert "more than 500 lines" in operator("lines", "4564", "--import", str(file), "--do")
    assert len(entries(deployment)) == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the first row has to name line and location_id."),
        (b"line,location_id\n\xff\xfe,1\n", "not UTF-8."),
        (None, "No such file or directory."),
        (
            b"line,location_id,name\n" + b"x,4564,%b\n" % (b"n" * 100_000) * 10 + b"y,4232,n\n",
            "longer than 1000000 bytes.",
        ),
    ],
)
@pytest.mark.usefixtures("key")
def test_a_file_that_cannot_be_read_is_told(
    deployment: Deployment,
    operator: Operator,
    tmp_path: Path,
    content: bytes | None,
    why: str,
) -> None:
    file = tmp_path / "l.csv"
    if content is not None:
        file.write_bytes(content)
    said = " ".join(operator("lines", "4564", "--import", str(file), "--do").split())
    assert why in said
    assert (operator.code, entries(deployment)) == (2, {})


@pytest.mark.usefixtures("key")
def test_a_line_of_nothing_is_none(operator: Operator) -> None:
    assert "That is no line." in operator("lines", "4564", "--enter", " ")
    assert operator.code == 2
    assert "no location of one, has the id 9" in operator("lines", "9", "--enter", LINE)


def test_a_person_s_data_have_the_lines_and_what_waits(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, location_id=None, line="unknown-line")
    operator("lines", "4564", "--enter", LINE, "--do")
    operator("lines", "4232", "--enter", "trunk-9", "--do")
    account_id = deployment.connection(4564).account_id or ""
    everything = json.loads(operator("person", "export", account_id))
    assert everything["data"]["AccountsTable"][0]["lines"] == {LINE: 4564, "trunk-9": 4232}
    [call] = everything["data"]["CallsTable"]
    assert call["line_key"] == "unknown-line"
    one = json.loads(operator("person", "export", "--location", "4232"))
    assert one["data"]["AccountsTable"] == [{"line": "trunk-9", "location_id": 4232}]
    assert one["data"]["CallsTable"] == []
    deployment.clock.advance(minutes=2)
    for location_id in (4232, 4564):
        deployment.simulator.disconnect(location_id)
        deployment.webhook(deployment.event(location_id))
        deployment.reconcile()
        erase = ("person", "erase", "--location", str(location_id), "--reason", "asked", "--do")
        assert json.loads(operator(*erase))["what"] == "erased on request"
        deployment.clock.advance(minutes=2)
        if location_id == 4232:
            assert entries(deployment) == {LINE: 4564}
    assert deployment.rows("ACCOUNTS_TABLE") == deployment.rows("CALLS_TABLE") == []


def test_calls_without_any_line_are_named_and_what_they_need(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    form = (
        "cmd=history&type=in&status=Missed&phone=4930123456&diversion=&callid=c-1"
        f"&start=20261101T101000Z&crm_token={key}"
    ).encode()
    kind = "application/x-www-form-urlencoded"
    assert deployment.call(form, path="/calls/itoolabs", content_type=kind)[0] == 200
    shown = operator("lines", "4564")
    assert re.search(rf"unknown +1 call, .* {lines.UNTOLD}$", shown, re.MULTILINE)
    assert "their location needs a number as well" in " ".join(shown.split())
    operator("lines", "4232", "--enter", lines.UNTOLD, "--do")
    operator("lines", "4232", "--enter", LINE, "--do")
    deployment.let_time_pass(3)
    assert [call.line for call in deployment.simulator.saved_calls()] == [LINE]
    assert "unknown" not in operator("lines", "4564")


def test_a_line_that_begins_as_an_option_does_is_printed_as_it_can_be_typed(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, location_id=None, line="--do desk")
    shown = operator("lines", "4564")
    assert "lines LOCATION --enter='--do desk'" in shown
    assert "lines 4564 --drop='--do desk'" in shown
    operator("lines", "4564", "--enter=--do desk", "--do")
    assert entries(deployment) == {"--do desk": 4564}


def test_what_somebody_calls_himself_does_nothing_to_a_terminal(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    """The doors keep such names out; a row may be older than they, or be written by hand."""
    deployment.connect(4777, owner=STRANGER)
    operator("lines", "4777", "--enter", LINE, "--do")
    end(deployment, key, location_id=None, line=LINE)
    owner = deployment.accounts.of_id(deployment.connection(4777).account_id or "")
    assert owner
    _write(deployment, "ACCOUNTS_TABLE", {"key": f"account#{owner.account_id}"}, "Salon\x1b[2J")
    assert "Salon [2J" in " ".join(operator("lines", "4564").split())
    assert "Salon [2J" in " ".join(operator("lines", "4564", "--drop", LINE).split())
    _write(deployment, "CONNECTIONS_TABLE", {"location_id": 4777}, "Salon\x1b[2J")
    for words in (("take", "4777", "4777", "--reason", "told"), ("uninstall", "4777")):
        assert "4777 (Salon [2J)" in operator(*words)


def _write(deployment: Deployment, table: str, key: dict[str, Any], name: str) -> None:
    [found] = {each[table] for each in deployment.environments.values() if table in each}
    deployment._dynamodb.update_item(
        TableName=found,
        Key=to_item(key),
        UpdateExpression="SET #name = :name",
        ExpressionAttributeNames={"#name": "name"},
        ExpressionAttributeValues=to_item({":name": name}),
    )


def test_a_line_that_moves_is_in_the_journal_of_both_locations_and_its_calls_stay(
    deployment: Deployment, operator: Operator, key: str, tmp_path: Path
) -> None:
    operator("lines", "4232", "--enter", LINE, "--do")
    deployment.clock.advance(seconds=1)
    end(deployment, key, location_id=None, line=LINE)
    assert re.search(r"c-1 .* incoming +…\d\d +…56 ", operator("location", "4232"))
    assert operator.json("location", "4232")["calls"][0]["line"] == "…56"
    stays = "Calls that location 4232 had of it before stay in the history there, in Altegio; n"
    dry = " ".join(operator("lines", "4564", "--enter", LINE).split())
    assert f"stays {stays}" in dry
    assert stays in " ".join(operator("lines", "4564", "--enter", LINE, "--do").split())
    deployment.clock.advance(seconds=1)
    # What is as before is no change.
    operator("lines", "4564", "--enter", LINE, "--do")
    file = tmp_path / "lines.csv"
    file.write_text("line,location_id\n030 123456,4232\nTrunk,4232\n")
    operator("lines", "4564", "--import", str(file), "--do")
    deployment.clock.advance(seconds=1)
    operator("lines", "4564", "--remove", LINE, "--do")
    deployment.clock.advance(seconds=1)
    deployment.lines.enter(deployment.connection(4564).account_id or "", {LINE: 4564})

    def told(location_id: int) -> list[str]:
        lines = deployment.journal.of_location(location_id)
        return [it.words for it in lines if it.words.startswith("line ")]

    assert told(4232) == [
        "line …56 entered, by anna",
        "line …56 given to location 4564, by anna",
        "line …56 entered, which was of location 4564; line …nk entered, by anna, from a file",
        "line …56 removed, by anna",
    ]
    assert told(4564) == [
        "line …56 entered, which was of location 4232, by anna",
        "line …56 given to location 4232, by anna, from a file",
        "line …56 entered, by its owner",
    ]
    assert "line …56 given to location 4564, by anna" in operator("location", "4232", "--all")


def test_a_line_of_a_location_that_was_sold_is_never_entered_for_its_sister(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    """Its PBX has the key of the account that had it."""
    operator("lines", "4232", "--enter", LINE, "--do")
    old = str(deployment.connection(4232).account_id)
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4232)
    deployment.webhook(deployment.event(4232))
    deployment.connect(4232, owner=STRANGER)
    new = str(deployment.connection(4232).account_id)
    assert old != new
    end(deployment, key, call_id="c-1", location_id=None, line=LINE)
    sold = "has location 4232 now, and its PBX still has the old owner's key"
    [line] = told(operator)
    assert f"1 call waits for {LINE}, which is entered for location 4232" in line
    assert f"(account {new}) {sold}" in line
    assert line.endswith(f" > lines 4564 --drop {LINE}")
    [it] = operator.json("status")["troubles"]
    assert it["first"] == f"account {new}"
    for words in (("account", old), ("location", "4564")):
        assert told(operator, *words) == [line]
    shown = " ".join(operator("lines", "4564").split())
    assert sold in shown
    assert "--enter" not in shown
    assert "new line, as a rule" not in shown
    assert shown.index(f"ops account {new}") < shown.index(f"ops lines 4564 --drop {LINE}")
    assert sold in " ".join(operator("lines", "4564", "--drop", LINE).split())
    assert sold in " ".join(operator("lines", "4564", "--enter", LINE).split())
    # What is dead there does not frighten the new owner.
    assert "beware" not in operator("lines", "4232", "--enter", LINE, "--do")
    operator("lines", "4564", "--drop", LINE, "--do")
    assert told(operator) == []
