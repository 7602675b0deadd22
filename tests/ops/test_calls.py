"""Calls that would stay where they are: read anew, sent again, or given up, at the desk."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from local.simulator import Owner
from ops.trouble import Grade
from shared import clock
from tests.calls.telling import end, ring, state
from tests.deployment import Deployment
from tests.ops.operator import Operator

pytestmark = pytest.mark.usefixtures("logged")

STRANGER = Owner(id=7777, email="stranger@example.com")
LINE, OTHER = "+13155550176", "+13155550199"
UNKNOWN = "nobody has entered which location this line is of"
ELSEWHERE: dict[str, Any] = {"location_id": None, "line": OTHER}
AGAIN = ("location", "4564", "--send-refused")


@pytest.fixture
def key(deployment: Deployment) -> str:
    """The account's numbers are read as those of a wrong country."""
    pbx_key = deployment.connect(4564, 4232).pbx_key
    end(deployment, pbx_key, call_id="first")
    deployment.let_time_pass(5)
    return pbx_key


def choose(operator: Operator, country: str) -> None:
    operator("account", "4564", "--country", country, "--do")
    assert operator.code == 0


def saved(deployment: Deployment) -> dict[str, tuple[str, str]]:
    return {
        call.call_id: (call.phone, call.line)
        for call in deployment.simulator.saved_calls()
        if call.call_id != "first"
    }


def wrong(operator: Operator, *screen: str) -> list[str]:
    """What a screen says is wrong, and what to type for it; as a person reads it, too."""
    shown = " ".join(operator(*screen).replace("\\\n", "").split())
    found = operator.json(*screen)["troubles"]
    for it in found:
        assert it["what"] in shown
    return [f"{it['what']} > {it['command']}" for it in found]


def refuse(deployment: Deployment, key: str, *call_ids: str, **changes: Any) -> None:
    deployment.simulator.fault("history", "status", status=422, times=len(call_ids))
    for call_id in call_ids:
        end(deployment, key, call_id=call_id, **changes)
        deployment.let_time_pass(1)
        assert state(deployment, call_id) == "refused"


# Numbers of another country


def test_what_was_told_is_read_in_the_country_of_now_when_it_is_sent_again(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    told: dict[str, Any] = {"phone": "0151 23456789", "line": "030 123456", "answered": False}
    end(deployment, key, call_id="c-1", duration_s=0, **told)
    deployment.let_time_pass(3)
    assert state(deployment) == "refused"
    shown = operator(*AGAIN)
    none = "numbers that do not exist there: of 1 caller, of 1 line"
    assert f"numbers     read as of US +1; {none}\n" in shown
    for screen in (("status",), ("location", "4564"), ("account", "4564")):
        [line] = wrong(operator, *screen)
        assert f"Numbers are read as of US +1; {none}. Either the PBX does not write t" in line
        assert line.endswith(" > account 4564 --country COUNTRY")
    # Once the zone of the location is known, the country that fits is.
    row = deployment.connection(4564)
    deployment.connections.save(replace(row, zone="Europe/Berlin"))
    for screen in (("status",), ("location", "4564"), ("account", "4564")):
        [line] = wrong(operator, *screen)
        fits = "As numbers of DE +49, all can exist: if the PBX writes them so, say it, then have"
        assert f"{none}. {fits}" in line
        assert line.endswith(" > account 4564 --country DE")
    shown = " ".join(operator("account", "4564", "--country", "DE").split())
    assert "of all locations of the account; of 1 call that Altegio refused, the num" in shown
    assert "numbers of 1 can exist there" in shown
    shown = " ".join(operator("account", "4564", "--country", "FR").split())
    assert "numbers of 0 can exist there" in shown
    heard = operator.json("location", "4564")["facts"]["PBX heard"]
    shown = operator("account", "4564", "--country", "DE", "--do")
    assert "Done, but calls that Altegio refused before are sent again only if you" in shown
    assert shown.endswith("    type: .venv/bin/python -m ops location 4564 --send-refused\n")
    [line] = wrong(operator, "status")
    assert (
        "Numbers are read as of DE +49; all can exist there. When they were refused, not all"
        in line
    )
    assert line.endswith(" > location 4564 --send-refused")
    for location in ("4564", "4232"):
        assert "country US -> DE, by anna" in operator("location", location)
    shown = operator(*AGAIN)
    assert "numbers     read as of DE +49; all can exist there\n" in shown
    assert "Nothing was changed yet" in shown
    assert state(deployment) == "refused"
    assert "Done: 1 call will be sent again" in operator(*AGAIN, "--do")
    deployment.let_time_pass(3)
    assert saved(deployment) == {"c-1": ("+4915123456789", "+4930123456")}
    # It was told when it was told, however often it is sent.
    assert heard == "3 min ago"
    assert operator.json("location", "4564")["facts"]["PBX heard"] == "6 min ago"
    assert re.search("received .*Z, 6 min ago\n", operator("call", "4564", "c-1"))
    # Its caller can be called back.
    assert "missed       1 not called back; …89 " in operator("location", "4564")
    # The PBX tells of it once more.
    end(deployment, key, ago_s=90 + 6 * 60, call_id="c-1", duration_s=0, **told)
    deployment.let_time_pass(3)
    assert len(saved(deployment)) == 1
    assert len(deployment.rows("CALLS_TABLE")) == 2


def test_what_was_read_as_another_country_s_number_is_no_stranger_s_when_it_is_sent_again(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    choose(operator, "FR")
    refuse(deployment, key, "c-1", phone='"Zoë" <sip:0207946000@pbx.example>')
    [row] = [it for it in deployment.rows("CALLS_TABLE") if it["call_id"] == "c-1"]
    assert (row["caller"], row["leg"]["written"]) == ("+33207946000", "0207946000")
    choose(operator, "NL")
    operator(*AGAIN, "--do")
    deployment.let_time_pass(3)
    # By this number he is looked for among who was missed.
    [row] = [it for it in deployment.rows("CALLS_TABLE") if it["call_id"] == "c-1"]
    assert row["caller"] == "+31207946000"
    assert saved(deployment) == {"c-1": ("+31207946000", LINE)}


@pytest.mark.parametrize("phone", ["+1 (315) 555-0175", "001 315 555 0175", "anonymous", ""])
def test_what_names_its_country_or_hides_stays_as_it_is(
    deployment: Deployment, operator: Operator, key: str, phone: str
) -> None:
    choose(operator, "DE")
    refuse(deployment, key, "c-1", phone=phone)
    choose(operator, "FR")
    operator(*AGAIN, "--do")
    deployment.let_time_pass(3)
    own = "+13155550175" if "315" in phone else "anonymous"
    assert saved(deployment) == {"c-1": (own, LINE)}


# What will never be taken


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("location", "4564", "--drop-refused"), 0),
        (("call", "4564", "c-1", "--drop"), 1),
    ],
)
def test_what_was_refused_is_given_up_once_it_was_shown(
    deployment: Deployment, operator: Operator, key: str, words: Sequence[str], left: int
) -> None:
    refuse(deployment, key, "c-1", "c-2")
    [line] = wrong(operator, "status")
    assert line.startswith("2 calls refused by the platform")
    assert "refused" in operator("call", "4564", "c-2")
    assert operator.code == Grade.ATTENTION
    assert "Nothing was changed yet" in operator(*words)
    assert [state(deployment, it) for it in ("c-1", "c-2")] == ["refused"] * 2
    assert f"Done: {2 - left} call" in operator(*words, "--do")
    assert [line[:6] for line in wrong(operator, "status")] == ["1 call"] * left
    assert [line[:6] for line in wrong(operator, "location", "4564")] == ["1 call"] * left
    assert "given up by anna" in operator("call", "4564", "c-1")
    assert operator.code == Grade.FINE
    assert "Nothing was changed" in operator(*words, "--do")
    assert operator.code == 1
    # Neither time nor another report sends it.
    end(deployment, key, ago_s=200, call_id="c-1", duration_s=91)
    deployment.let_time_pass(60, step=5)
    assert saved(deployment) == {}


def test_what_was_sent_meanwhile_is_not_given_up(
    deployment: Deployment, operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(deployment, key, "c-1", "c-2")
    listed = deployment.calls.latest(4564, 5)
    end(deployment, key, call_id="c-2", ago_s=120, duration_s=99, extension="102")
    monkeypatch.setattr("shared.calls.table.Calls.of_location", lambda *_args: iter(listed))
    shown = operator("location", "4564", "--drop-refused", "--do")
    assert "Not done to its end: 1 given up for good; of the others, something came" in shown
    assert operator.code == 1


@pytest.mark.usefixtures("key")
def test_what_is_sent_already_is_not_given_up(deployment: Deployment, operator: Operator) -> None:
    assert state(deployment, "first") == "confirmed"
    shown = operator("call", "4564", "first", "--drop", "--do")
    assert "no such call waits to be sent, or stands as refused" in shown
    assert operator.code == 1


def test_what_waits_for_another_s_line_is_given_up_and_told_nobody(
    deployment: Deployment, operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.aws.sightings._EVERY_S", 0)
    for call_id in ("c-1", "c-2"):
        assert ring(deployment, key, call_id=call_id, **ELSEWHERE) == UNKNOWN
        end(deployment, key, call_id=call_id, answered=False, duration_s=0, **ELSEWHERE)
    end(deployment, key, call_id="c-3", location_id=None, line="trunk-1")
    [line] = wrong(operator, "status")
    assert "See first whether it is another customer's, whose PBX then has this customer's" in line
    assert line.endswith(" > lines 4232")
    drop = ("lines", "4232", "--drop", "+1 315 555-0199")
    shown = operator(*drop)
    assert "2 calls would be given up: Altegio is never told." in shown
    assert re.search(rf"line +{re.escape(OTHER)}\n", shown)
    assert re.search("whose +no other account has entered it\n", shown)
    first = "first have it set to the key of that customer's account. Until then its calls come"
    assert first in " ".join(shown.split())
    assert len(operator.json(*drop)["calls"]) == 2
    assert "Nothing was changed yet" in shown
    deployment.tell()
    before = len(deployment.told)
    assert "Done: 2 calls given up for good" in operator(*drop, "--do")
    assert [state(deployment, f"c-{it}") for it in (1, 2, 3)] == ["expired"] * 2 + ["unrouted"]
    assert "no such call waits to be sent" in operator(*drop, "--do")
    assert operator.code == 1
    operator("lines", "4232", "--drop", "trunk-1", "--do")
    assert wrong(operator, "status") == []
    # It is asked about again when it rings again.
    deployment.clock.advance(minutes=2)
    assert ring(deployment, key, call_id="c-4", **ELSEWHERE) == UNKNOWN
    [line] = wrong(operator, "status")
    assert "Say of which LOCATION it is, if it is this customer's" in line
    assert "no call waits for one" in operator("lines", "4232")
    # Nobody knows of which location it would be.
    assert len(deployment.tell()) == before
    assert deployment.dead_letters("EventsDeadLetters") == []
    # Of the same report once more, nothing comes; nor when the line is entered after all.
    end(deployment, key, call_id="c-1", answered=False, duration_s=0, **ELSEWHERE)
    operator("lines", "4232", "--enter", OTHER, "--do")
    deployment.let_time_pass(5)
    assert saved(deployment) == {}
    # What another's PBX told is saved where it belongs, once it has the key of that account.
    theirs = deployment.connect(4777, owner=STRANGER).pbx_key
    end(deployment, theirs, call_id="c-1", **ELSEWHERE)
    deployment.let_time_pass(5)
    assert saved(deployment) == {"c-1": ("+13155550175", OTHER)}


def test_what_waits_for_a_line_as_it_was_read_before_is_given_up_as_it_is_shown(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, call_id="c-1", location_id=None, line="030 123456")
    choose(operator, "DE")
    assert operator.json("lines", "4564")["unknown"][0]["line"] == "030 123456"
    operator("lines", "4564", "--drop", "030 123456", "--do")
    assert state(deployment, "c-1") == "expired"


def test_what_has_found_its_location_meanwhile_is_not_given_up(
    deployment: Deployment, operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(deployment, key, call_id="c-1", **ELSEWHERE)
    listed = deployment.calls.waiting(str(deployment.connection(4564).account_id))
    operator("lines", "4564", "--enter", OTHER, "--do")
    deployment.drain_calls()
    monkeypatch.setattr("shared.calls.table.Calls.waiting", lambda *_args: listed)
    assert "no such call waits" in operator("lines", "4564", "--drop", OTHER, "--do")
    deployment.let_time_pass(5)
    assert saved(deployment) == {"c-1": ("+13155550175", OTHER)}


def test_one_call_that_waits_for_its_line_is_given_up(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    for call_id in ("c-1", "c-2"):
        end(deployment, key, call_id=call_id, **ELSEWHERE)
    assert "nothing by itself: `lines` says how its line is entered" in operator(
        "call", "4564", "c-1"
    )
    assert "location     -\n" in operator("call", "4564", "c-1", "--drop", "--do")
    assert [state(deployment, f"c-{it}") for it in (1, 2)] == ["expired", "unrouted"]


# Whose line it is


def test_whose_line_comes_with_another_s_key_is_told_of_it(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    theirs = deployment.connect(4777, owner=STRANGER).pbx_key
    end(deployment, theirs, call_id="own", location_id=4777, line="+13155550188")
    # Of what is no number, others may have one of the same name.
    for line in (OTHER, "trunk-1"):
        operator("lines", "4777", "--enter", line, "--do")
    account_id = str(deployment.connection(4564).account_id)
    its = deployment.connection(4777).account_id
    for number, line in enumerate((OTHER, "+13155550188", "trunk-1", "+13155550111")):
        end(deployment, key, call_id=f"c-{number}", location_id=None, line=line)
    what = (
        f"came with the key of account {account_id} (Zoë Müller ÿÿ). Give the PBX the key of"
        f" account {its}, then give up what waits there > account {account_id}"
    )
    for words in (("account", "4777"), ("lines", "4777")):
        assert wrong(operator, *words) == [f"1 call of its line {OTHER} {what}"]
    # Of a location, the lines of its calls are known as well.
    [line] = [it for it in wrong(operator, "location", "4777") if what in it]
    assert line.startswith("2 calls of its line ")
    assert not any(what in it for it in wrong(operator, "location", "4564"))
    for line in (OTHER, "+13155550188"):
        operator("lines", "4564", "--drop", line, "--do")
    assert not any(what in it for it in wrong(operator, "location", "4777"))
    assert wrong(operator, "lines", "4777") == []


def test_a_line_that_nobody_has_entered_is_a_new_one_unless_another_account_has_it(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, call_id="c-1", **ELSEWHERE)
    deployment.clock.advance(minutes=4)
    end(deployment, key, call_id="c-2", **ELSEWHERE)
    [told] = operator.json("status")["troubles"]
    name = operator.json("account", "4564")["name"]
    assert told["whom"] == f"account of {name}, locations 4232, 4564"
    first, _second = deployment.calls.waiting(str(deployment.connection(4564).account_id))
    assert told["since"] == clock.stamp(first.started_at)
    # Without reading all accounts it cannot say whose it is; what it prints says so.
    assert told["what"].index("another customer") < told["what"].index("it is new as a rule")

    def typed(shown: str) -> list[str]:
        return re.findall(r"lines \w+ (--\w+)", shown)

    shown = operator("lines", "4564")
    assert "2 calls, first 6 min ago, last 90 s ago" in shown
    assert "No other account has entered it, so it is a new line, as a rule" in shown
    assert typed(shown) == ["--enter", "--drop"]
    enter = ("lines", "4564", "--enter", OTHER)
    assert re.search("go out +2 calls\n", operator(*enter))
    assert "beware" not in operator(*enter)
    # What is no number, others may call the same.
    deployment.connect(4777, owner=STRANGER)
    for line in (OTHER, "trunk-1"):
        operator("lines", "4777", "--enter", line, "--do")
    other = operator.json("account", "4777")
    whose = f"location 4777 of {other['name']} (account {other['account']})"
    assert operator.json("lines", "4564")["entered"] == {OTHER: whose}
    shown = operator("lines", "4564")
    assert f"{OTHER} is entered for {whose}, whose PBX" in " ".join(shown.split())
    assert typed(shown) == ["--drop", "--enter"]
    drop = " ".join(operator("lines", "4564", "--drop", OTHER).split())
    assert f"waits 2 calls whose {whose} First have that PBX set to the key of account" in drop
    another = f"make another (account {other['account']} --new-key). Until then its calls come here"
    assert f"({other['name']}); only if nobody has that key any more, {another}, and wait" in drop
    assert f"type: .venv/bin/python -m ops account {other['account']} CALL" in drop
    assert f"{OTHER} is entered for {whose} as well" in " ".join(operator(*enter).split())
    assert "beware" not in operator("lines", "4564", "--enter", "trunk-1")
    end(deployment, key, call_id="c-3", location_id=None, line="trunk-1")
    shown = operator("lines", "4564")
    assert typed(shown) == ["--enter", "--drop"]
    assert "No other account" not in shown
    assert f"\n{OTHER} is entered for location 4777" in shown
    # It was told when it was told, however late it found its location.
    deployment.clock.advance(minutes=30)
    operator("lines", "4564", "--enter", OTHER, "--do")
    deployment.let_time_pass(5)
    assert saved(deployment).keys() == {"c-1", "c-2"}
    assert re.search("received .*Z, 39 min ago\n", operator("call", "4564", "c-1"))


# How it is shown


def test_refused_calls_are_told_with_since_when_and_are_shown_however_old(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    refuse(deployment, key, "c-1")
    deployment.clock.advance(minutes=20)
    for number in range(12):
        end(deployment, key, call_id=f"d-{number}", ago_s=60 - number)
    deployment.let_time_pass(10)
    shown = " ".join(operator("location", "4564").split())
    assert "attention location 4564, for 30 min: 1 call refused by the platform" in shown
    assert "c-1 20" in shown
    assert "attention location 4564, for 30 min: 1 call refused" in " ".join(
        operator("status").split()
    )
    operator(*AGAIN, "--do")
    assert wrong(operator, "status") == wrong(operator, "location", "4564") == []


def test_a_call_says_when_it_began_and_what_a_question_mark_means(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, call_id="c-1", phone="0151 234500")
    began = deployment.calls.latest(4564, 1)[0].started_at
    shown = operator("call", "4564", "c-1")
    assert f"began        {began:%Y-%m-%d %H:%M:%S}Z, 90 s ago\n" in shown
    means = "?: no number of the account's country, so Altegio is told of an anonymous caller"
    for words in (("call", "4564", "c-1"), ("location", "4564")):
        shown = operator(*words)
        assert "…00?" in shown
        assert means in shown
    assert means not in operator("call", "4564", "first")
    assert means not in operator("location", "4232")


def test_a_list_of_calls_that_is_refused_is_told_where_it_is_and_until_it_is_read(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    deployment.simulator.fault("calls", "status", status=403, message="No right.", times=99)
    end(deployment, key, call_id="c-1")
    deployment.let_time_pass(15)
    for words in (("status",), ("location", "4564")):
        [line] = wrong(operator, *words)
        assert "the list of calls is refused: 403 No right. It is read again in" in line
        assert ", for 1" in operator(*words)
    deployment.simulator.clear_faults()
    deployment.let_time_pass(60, step=5)
    assert wrong(operator, "status") == wrong(operator, "location", "4564") == []
