"""What is wrong right now: `status` alone names the cause and whom it concerns, and what it prints
to type mends it."""

import json
import re
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import EndpointConnectionError

from local import PROJECT
from local.simulator import Owner
from ops import dead_letters, rows, trouble
from ops.screen import moment
from ops.status import _COUNTED, _LASTING
from ops.trouble import Grade, Trouble
from ops.watch import Alarm
from shared.altegio.marketplace import Marketplace
from shared.altegio.redirect import NO_SIGN
from shared.altegio.webhook import NO_TOKEN
from shared.aws.sightings import CENSUS_FOUND, Sightings
from shared.calls.recording_links import UNREADABLE
from shared.clock import instant, stamp
from shared.connections import pbx_key
from shared.connections.connection import State
from shared.connections.crm_token import CrmTokenState
from shared.connections.lifecycle import LAGS
from shared.reconcile.census.table import CensusTable, Head, Stage
from tests.calls import telling
from tests.deployment import Deployment, finished, payment, ringing
from tests.house.template import ALARMS, QUEUES
from tests.memory import Memory, refusal
from tests.memory.calls import Asked
from tests.ops.operator import Operator, stack_of
from tests.ops.states import bought, need_human, put, reject
from tests.payments import stripes

pytestmark = pytest.mark.usefixtures("logged")


def told(operator: Operator, *words: str) -> list[str]:
    """What is wrong, and what to type for it; as a person reads it, too."""
    command = words or ("status",)
    shown = " ".join(operator(*command).replace("\\\n", "").split())
    plain = operator.json(*command)
    assert words or operator.code == Grade[plain["grade"].upper()]
    found = [
        f"{it['grade']} {it['whom']}: {it['what']} > {it['command']}" for it in plain["troubles"]
    ]
    for it in plain["troubles"]:
        assert it["command"] in shown
    return found


def type_what_it_says(operator: Operator, line: str) -> str:
    """The command of a line, as it is."""
    return operator(*line.partition(" > ")[2].split())


def facts(operator: Operator) -> dict[str, str]:
    found: dict[str, str] = operator.json("status")["facts"]
    return found


def test_a_healthy_stack_is_fine(connected: Deployment, operator: Operator) -> None:
    assert told(operator) == []
    assert operator.code == 0
    assert "nothing is wrong" in operator("status")
    assert facts(operator) == {
        "webhook": "none within a week",
        "platform": "takes our token, and no brake is on",
        "alarms": "none rings",
        "reconcile": "ran 0 s ago",
        "queues": "billing 0, calls 0",
        "money": "all is settled",
        "cover": "0 end soon, 0 frozen, of those that are looked at next",
        "census": "none was taken yet",
        "pop-ups": f"none, since {connected.clock() - timedelta(hours=1):%Y-%m-%d %H}:00:00Z",
    }


def test_the_worst_comes_first_and_of_equals_the_oldest(deployment: Deployment) -> None:
    now = deployment.clock()

    def one(grade: Grade, hours: float | None) -> Trouble:
        since = None if hours is None else now - timedelta(hours=hours)
        return Trouble(grade, "", str(hours), "", since)

    order = [
        one(Grade.BROKEN, 5),
        one(Grade.BROKEN, 1),
        one(Grade.BROKEN, None),
        one(Grade.ATTENTION, 9),
        one(Grade.ATTENTION, None),
    ]
    assert trouble.worst_first(reversed(order)) == order


def test_a_command_is_printed_as_it_is_pasted(connected: Deployment, operator: Operator) -> None:
    reject(connected)
    assert "\n    type: .venv/bin/python -m ops payment payment#inv-1\n" in operator("status")
    whole = operator("status", "--stack-name", "mine", "--region", "eu-west-1")
    assert "ops payment payment#inv-1 --stack-name mine --region eu-west-1\n" in whole
    elsewhere = operator("status", "--announced", "other.json")
    assert "ops payment payment#inv-1 --announced other.json\n" in elsewhere


# Money


def test_a_rejected_payment_is_sent_again_as_it_says(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected, "inv-1", "Period is closed.")
    [line] = told(operator)
    assert line == (
        "broken payment#inv-1 of location 4564: REJECTED, Period is closed. > payment payment#inv-1"
    )
    assert operator.code == 2
    type_what_it_says(operator, line)
    operator(*operator.json("payment", "inv-1")["next"].split(), "--do")
    connected.let_time_pass(2)
    assert told(operator) == []


def test_what_needs_a_person_is_looked_for_again_as_it_says(
    connected: Deployment, operator: Operator
) -> None:
    need_human(connected)
    line = told(operator)[0]
    assert line.startswith("broken payment#inv-1 of location 4564: NEEDS_HUMAN")
    type_what_it_says(operator, line)
    operator(*operator.json("payment", "inv-1")["next"].split(), "--do")
    connected.let_time_pass(30, step=5)
    assert told(operator) == []


def test_a_payment_of_a_location_that_nobody_connected_is_attention_only(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment("inv-1", 4232))
    connected.bill(payment("inv-2", 4232))
    [line] = told(operator)
    assert line == (
        "attention payment#inv-1, payment#inv-2 of location 4232: HELD, the location is not"
        " connected > payment --state HELD"
    )
    assert operator.code == 1
    for key in ("inv-1", "inv-2"):
        operator("payment", key, "--close", "cancelled", "--do")
    assert told(operator) == []


def test_a_location_that_is_switched_off_soon_is_named_with_what_waits_for_it(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(days=6.5)
    trial.reconcile()
    [line] = told(operator)
    assert line == "attention location 4564: cover ends in 12 h; nothing is queued > location 4564"
    trial.simulator.fault("payment", "status", status=422, message="The sum is odd.", times=2)
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.let_time_pass(2)
    lines = told(operator)
    assert "payment#inv-1 is REJECTED: The sum is odd. > payment payment#inv-1" in lines[1]
    operator("payment", "inv-1", "--send", "--do")
    trial.let_time_pass(2)
    assert told(operator) == []


def test_who_is_frozen_though_he_paid_is_named(trial: Deployment, operator: Operator) -> None:
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.simulator.expire(4564)
    trial.webhook(trial.event(4564, "freeze"))
    trial.reconcile()
    [line] = told(operator)
    assert line.startswith("broken location 4564: Altegio has frozen it, though it is paid until ")
    assert line.endswith("> location 4564 --all")


def test_a_rejection_is_as_old_as_the_answer(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment("inv-1", 4232))
    connected.clock.advance(hours=2)
    connected.simulator.fault("payment", "status", status=422, message="Too early.", times=2)
    connected.connect(4232)
    connected.let_time_pass(3)
    [it] = [it for it in operator.json("status")["troubles"] if "REJECTED" in it["what"]]
    assert connected.clock() - instant(it["since"]) < timedelta(minutes=4)


# The platform


def test_a_token_that_the_platform_refuses_is_named_and_written_anew(
    connected: Deployment, operator: Operator
) -> None:
    connected.set_token("another")
    # Asked for the first time it is told, and then while nobody asks.
    for _ in range(2):
        [line] = told(operator)
        assert "all locations: Altegio refuses the partner token of /altegio/partner-" in line
        assert "-token: 401" in line
        assert (
            "nothing goes out: payments and calls wait for the end of it, pop-ups are lost" in line
        )
        at = (
            f"was written last 0 s ago, at {moment(connected.clock())}, as version 2: if this began"
        )
        assert at in line
        assert "(who has no login there asks whoever published the application)" in line
        assert "Within two minutes `status` has this line no more" in line
        assert line.endswith("--name /altegio/partner-token --value file://TOKEN")
    assert "; we ask again in " in line
    # No other command leads there: a location says the same, and types the same.
    assert told(operator, "location", "4564") == [line]
    assert "needed.. " not in operator("location", "4564")
    connected.set_token(connected.simulator.partner_token)
    connected.clock.advance(minutes=2)
    assert told(operator) == []


def test_what_the_parameter_has_now_is_written_into_the_file_of_which_it_tells(
    connected: Deployment, operator: Operator, tmp_path: Path
) -> None:
    connected.set_token("another")
    [trouble] = operator.json("status")["troubles"]
    assert trouble["command"].endswith(" file://TOKEN")
    # As it stands on the screen, with an `aws` that only says what it was told.
    first, _then = operator("status").split("    type: ")[1:]
    program = f"aws() {{ printf '%s ' \"$@\"; }}; {first}"
    subprocess.run(["/bin/bash", "-c", program], cwd=tmp_path, check=True)
    written = tmp_path / "TOKEN"
    assert written.read_text("utf-8").split() == [
        *("--region", "us-east-1", "ssm", "get-parameter", "--with-decryption", "--name"),
        *("/altegio/partner-token", "--query", "Parameter.Value", "--output", "text"),
    ]
    assert written.stat().st_mode & 0o077 == 0


def test_a_token_that_was_refused_is_not_told_as_one_locations(
    connected: Deployment, operator: Operator
) -> None:
    token = connected.simulator.partner_token
    connected.set_token("another")
    connected.restart()
    connected.bill(payment())
    connected.set_token(token)
    connected.clock.advance(minutes=2)
    operator.watch.counts["PlatformBlocked"] = 1
    line = next(it for it in told(operator) if " PlatformBlocked: " in it)
    assert "last 2 min ago for all locations: 401 Authentication needed.; it takes our" in line


def test_what_the_platform_refused_is_told_with_its_words_and_whether_it_is_over(
    connected: Deployment, operator: Operator
) -> None:
    message = "No rights to this location."
    connected.simulator.fault("status", "status", status=403, message=message)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    operator.watch.counts["PlatformBlocked"] = 1
    line = next(it for it in told(operator) if "PlatformBlocked" in it)
    first = "attention PlatformBlocked: the platform refused us, 1 time in an hour, last 0 s ago"
    words = "of location 4564: 403 No rights to this location.;"
    assert line == f"{first} {words} not over for location 4564 > location 4564"
    connected.let_time_pass(10)
    [line] = told(operator)
    assert f"last 10 min ago {words} it takes our token now, so that is over, as it" in line
    assert "nothing is wrong any more" in operator("status")


def test_who_calls_too_often_is_told_that_it_goes_on_by_itself(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.fault("any", "status", status=429, retry_after=90)
    connected.bill(payment())
    [line] = told(operator)
    assert line.startswith("attention all locations: Altegio says that it is called too often: 429")
    assert "; we ask again in 90 s. Meanwhile nothing goes out" in line
    assert "It goes on by itself" in line
    connected.let_time_pass(4)
    assert told(operator) == []


def test_a_token_that_cannot_be_read_is_named(connected: Deployment, operator: Operator) -> None:
    connected.set_token("\n")
    [line] = told(operator)
    assert line.startswith("broken /altegio/partner-token: the partner token is missing")


def test_a_wrong_application_is_not_blamed_on_the_token(
    connected: Deployment, operator: Operator
) -> None:
    connected.environments["reconcile"]["APPLICATION_ID"] = "102"
    [line] = told(operator)
    assert line.startswith("broken all locations: Altegio refuses application 102: 403")
    assert line.endswith("> publication")


def test_a_platform_that_is_not_there_is_named(connected: Deployment, operator: Operator) -> None:
    connected.simulator.fault("salons", "drop_request", times=3)
    [line] = told(operator)
    assert line.startswith("broken all locations: Altegio does not answer as it should at http://")
    assert ": RemoteProtocolError; it was asked now. Meanwhile nothing goes out" in line
    # Since when, within the hour.
    first = connected.clock() - timedelta(minutes=20)
    operator.watch.counts["PlatformFailing"] = 7
    operator.watch.at["PlatformFailing"] = (first, connected.clock())
    assert "all locations, for 20 min: Altegio does not answer" in operator("status")


def test_a_clock_that_is_ahead_is_told(connected: Deployment, operator: Operator) -> None:
    """An uninstall is disbelieved until our clock passes the platform's."""
    connected.simulator.platform.now = lambda: connected.clock() + timedelta(hours=2)
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    [line] = [it for it in told(operator) if "which is to come" in it]
    assert line.startswith("attention location 4564: the platform's log has an entry of ")
    assert "it harms nobody yet" in line
    assert line.endswith("> publication --location 4564")
    assert line.partition("attention ")[2] in "".join(
        f"{it['whom']}: {it['what']} > {it['command']}"
        for it in operator.json("location", "4564")["troubles"]
    )


def test_a_clock_that_keeps_the_platform_from_being_believed_is_broken(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.platform.now = lambda: connected.clock() + timedelta(hours=2)
    connected.connect(4777)
    # Although it is right again: whatever it writes now is older than what is known.
    connected.simulator.platform.now = connected.clock
    lags = f"{LAGS}: status uninstalled"
    connected.connections.save(replace(connected.connection(4777), verdict=lags))
    for command in (("status",), ("location", "4777")):
        told = operator.json(*command)["troubles"]
        [it] = [it for it in told if "is to come" in it["what"]]
        assert it["grade"] == "broken"
        assert it["what"].endswith(f"Until then what it says is disbelieved, as it is now: {lags}")


def test_a_user_token_that_is_not_taken_is_told_apart_from_a_right_that_is_missing(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    deployment.simulator.fault("calls", "status", status=401, message="No such user.", times=99)
    end(deployment, key, "c-1")
    deployment.let_time_pass(5)
    [line] = [it for it in told(operator) if "list of calls" in it]
    assert "So the user token in /altegio/user-token is not taken. TOKEN is a file" in line
    assert line.endswith("--name /altegio/user-token --value file://TOKEN")


@pytest.mark.parametrize("by", ["its answers", "another location"])
def test_a_clock_that_is_right_again_is_a_fact_and_no_trouble(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "another location":
        # Whoever answers has a clock of its own, which tells nothing.
        monkeypatch.setattr(Marketplace, "ahead", lambda *_: timedelta())
    connected.simulator.platform.now = lambda: connected.clock() + timedelta(hours=2)
    connected.connect(4777)
    assert [it for it in told(operator) if "which is to come" in it]
    until = f"{connected.clock() + timedelta(hours=2):%Y-%m-%dT%H:%M}"
    if by == "its answers":
        connected.simulator.platform.now = connected.clock
    else:
        connected.clock.advance(minutes=2)
        connected.restart()
        connected.simulator.platform.now = connected.clock
        assert [it for it in told(operator) if "which is to come" in it]
        connected.connect(4232)
    assert told(operator) == []
    assert facts(operator)["clock"].startswith(
        f"right again; uninstalls of 4777 may be disbelieved until {until}"
    )
    assert operator.json("location", "4777")["troubles"] == []


def test_a_zone_that_was_deployed_right_is_seen_by_the_same_log(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.platform.zone = ZoneInfo("Asia/Dubai")
    connected.connect(4777)
    assert [it for it in told(operator) if "which is to come" in it]
    connected.environments["reconcile"]["PLATFORM_TIMEZONE"] = "Asia/Dubai"
    assert told(operator) == []
    assert "right again" in facts(operator)["clock"]


def seen_gone(deployment: Deployment) -> None:
    """Reconcile has looked once since location 4564 was uninstalled, which no webhook told."""
    deployment.simulator.disconnect(4564, webhook="never")
    row = deployment.connection(4564)
    deployment.connections.save(replace(row, due_at=deployment.clock()))
    deployment.reconcile()


def test_a_location_that_waits_for_its_second_look_is_told(
    connected: Deployment, operator: Operator
) -> None:
    seen_gone(connected)
    [line] = told(operator)
    what = (
        "is active here, and not installed in Altegio, as was seen once. Reconcile looks again in"
    )
    assert line.startswith(f"attention location 4564: {what} 60 s")
    assert line.endswith("> location 4564")
    roll = CensusTable(connected._dynamodb, connected.environments["reconcile"]["CENSUS_TABLE"])
    roll.order(connected.clock())
    connected.reconcile()
    assert what in " ".join(operator("census").split())
    assert f"nothing to repair; location 4564 {what}" in " ".join(
        operator("census", "--do").split()
    )
    connected.let_time_pass(3)
    assert connected.connection(4564).state is State.DISABLED
    assert [it for it in told(operator) if "as was seen once" in it] == []


def test_a_second_look_that_is_late_is_still_to_come(
    connected: Deployment, operator: Operator
) -> None:
    seen_gone(connected)
    connected.clock.advance(minutes=5)
    [line] = [it for it in told(operator) if "as was seen once" in it]
    assert "Reconcile looks again in 60 s, and closes it" in line


def test_a_webhook_that_did_not_come_is_told_with_its_location(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.expire(4564, webhook="never")
    connected.let_time_pass(8 * 24 * 60, step=12 * 60)
    connected.webhook(connected.event(4564, "freeze"))
    # Whoever looks just after reconcile has found it.
    connected.clock.at = connected.connection(4564).settled_at or connected.clock()
    [line] = [it for it in told(operator) if "webhook did not come" in it]
    assert line.startswith("attention location 4564: Altegio ended or froze it")
    # It is settled, and wrong no more.
    assert ("nothing is wrong any more" in operator("status"), operator.code) == (True, 0)
    assert line.endswith("> location 4564 --all")


def test_webhooks_of_another_application_are_told(
    connected: Deployment, operator: Operator
) -> None:
    connected.webhook({**connected.event(4564), "application_id": 102})
    [line] = told(operator)
    assert line == (
        "attention application 101: webhooks come for application 102, and ours is 101"
        " > publication"
    )
    connected.restart()
    connected.clock.advance(minutes=2)
    connected.webhook(connected.event(4564))
    assert told(operator) == []


# Telephony


def end(
    deployment: Deployment, key: str, call_id: str, location_id: int = 4232, status: int = 202
) -> None:
    began = (deployment.clock() - timedelta(seconds=90)).isoformat()
    event = {**finished(call_id, location_id), "started_at": began}
    assert deployment.call(event, key)[0] == status


def test_a_chain_that_was_stopped_goes_on_as_it_says(
    deployment: Deployment, operator: Operator
) -> None:
    """The line of one is routed to no location, so calls of it are in no list."""
    key = deployment.connect(4232, 4777).pbx_key
    deployment.simulator.route(4232, line="+13155559999")
    for call_id in ("c-1", "c-2"):
        end(deployment, key, call_id)
        deployment.let_time_pass(15)
    assert deployment.connection(4777).telephony is CrmTokenState.STOPPED
    [line] = told(operator)
    assert line.startswith("broken locations 4232, 4777: telephony is stopped for all of the chain")
    assert "a saved call of location 4232 (line +13155550176) was not in its list" in line
    deployment.simulator.route(4232, line="+13155550176")
    assert "Nothing was changed yet" in type_what_it_says(operator, line)
    assert "Done" in type_what_it_says(operator, f"{line} --do")
    assert told(operator) == []
    deployment.let_time_pass(15)
    assert deployment.connection(4232).telephony is CrmTokenState.PROVEN


def test_a_chain_that_the_platform_will_not_enable_is_named_with_its_words(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.simulator.fault("enable", "status", status=422, message="No such chain.", times=9)
    deployment.connect(4232)
    [line] = told(operator)
    assert "locations 4232: telephony is not enabled: 422 No such chain." in line
    deployment.simulator.clear_faults()
    deployment.let_time_pass(10)
    assert told(operator) == []


def test_a_list_of_calls_that_is_refused_is_named(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    deployment.simulator.fault("calls", "status", status=403, message="No right.", times=99)
    end(deployment, key, "c-1")
    deployment.let_time_pass(5)
    [line] = told(operator)
    assert "locations 4232: the list of calls is refused: 403 No right." in line
    assert (
        "may view Overview - Calls: it may have been taken from either. If both may, these" in line
    )
    deployment.simulator.clear_faults()
    deployment.let_time_pass(60, step=5)
    assert told(operator) == []


def test_without_a_user_token_it_says_so(connected: Deployment, operator: Operator) -> None:
    connected.set_user_token(" ")
    [line] = told(operator)
    assert line.startswith("attention /altegio/user-token: there is no user token")


def test_calls_that_wait_for_a_line_are_named(deployment: Deployment, operator: Operator) -> None:
    key = deployment.connect(4564, 4232).pbx_key
    telling.end(deployment, key, call_id="c-1", location_id=None, line="+13155550199")
    what = (
        "1 call waits, as nobody has entered of which location the line is: +13155550199. See"
        " first whether it is another customer's, whose PBX then has this customer's key: the"
        " command tells. If it is not, it is new as a rule: ask the customer of which location it"
        " is, and enter it > lines 4232"
    )
    name = operator.json("account", "4232")["name"]
    assert told(operator) == [f"attention account of {name}, locations 4232, 4564: {what}"]
    [same] = operator.json("location", "4564")["troubles"]
    assert same["command"] == "lines 4564"
    assert "--enter" in type_what_it_says(operator, told(operator)[0])
    operator("lines", "4232", "--enter", "+13155550199", "--do")
    # Although they are on their way yet.
    assert told(operator) == []
    deployment.let_time_pass(60, step=5)
    assert told(operator) == []


# The doors


def test_an_old_pbx_key_is_named_with_its_account(
    deployment: Deployment, operator: Operator
) -> None:
    old = deployment.connect(4564).pbx_key
    account_id = str(deployment.connection(4564).account_id)
    operator("account", "4564", "--new-key", "--void", "--do")
    end(deployment, old, "c-1", location_id=4564, status=401)
    [line] = told(operator)
    told_so = "a PBX came 0 s ago with a key that is not the account's"
    assert line.startswith(f"broken account {account_id} of location 4564: {told_so}")
    # Another key is none to begin with: it would be the PBX's turn that has the right one.
    assert line.endswith(f"> account {account_id}")
    [same] = operator.json("location", "4564")["troubles"]
    assert same["command"] == f"account {account_id}"
    shown = type_what_it_says(operator, line)
    assert "made 0 s ago; no other is good" in shown
    # Another one makes it the turn of whoever has the right one: that stands last, and says so.
    [same] = operator.json("account", "4564")["troubles"]
    assert same["command"] == f"account {account_id}"
    assert shown.endswith(
        "\nOnly if nobody has the key any more, make another. A PBX that has the right one has to"
        " be given\nthe new one within a day:\n"
        f"    type: .venv/bin/python -m ops account {account_id} --new-key\n"
    )
    further = operator.json("account", "4564")["next"]
    key = operator(*further.split(), "--do").split()[0]
    deployment.clock.advance(seconds=5)
    end(deployment, key, "c-1", location_id=4564)
    assert told(operator) == []
    assert operator.json("location", "4564")["troubles"] == []


def test_a_key_that_rings_again_ends_the_line_and_one_that_is_refused_again_begins_it(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.aws.sightings._EVERY_S", 0)
    key = deployment.connect(4564).pbx_key
    wrong = pbx_key.made(str(deployment.connection(4564).account_id))
    for number, (used, lines) in enumerate(((wrong, 1), (key, 0), (wrong, 1))):
        event = {**ringing(f"c-{number}"), "at": deployment.clock().isoformat()}
        deployment.call(event, used)
        assert len(told(operator)) == lines
        deployment.clock.advance(seconds=5)


def test_a_token_that_was_changed_is_told_by_the_webhooks_that_are_refused(
    connected: Deployment, operator: Operator
) -> None:
    ours = connected.event(4564)
    assert connected.webhook(ours) == 200
    connected.clock.advance(minutes=1)
    assert connected.webhook({**ours, "partner_token": "another"}) == 403
    [line] = told(operator)
    assert line.startswith("attention webhooks: come with a token that is not ours")
    assert facts(operator)["webhook"] == "last 60 s ago; one refused 0 s ago"
    connected.clock.advance(minutes=1)
    connected.restart()
    assert connected.webhook(ours) == 200
    assert told(operator) == []


def test_redirects_that_are_signed_with_another_token_are_told(
    connected: Deployment, operator: Operator
) -> None:
    connected.visit(
        connected.simulator.redirect(4232).replace("user_data_sign=", "user_data_sign=0")
    )
    [line] = told(operator)
    assert line.startswith("attention redirects: come with a token that is not ours")
    assert line.endswith("> doctor")


def test_a_pop_up_that_was_dropped_is_told_with_its_reason(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    late = {**ringing("c-1"), "at": (deployment.clock() - timedelta(minutes=5)).isoformat()}
    # Where it is, its line tells.
    assert deployment.call({**late, "location_id": None}, key)[0] == 202
    assert facts(operator)["pop-ups"].startswith("1 not shown, as the PBX told too late, since ")
    assert (
        operator.json("location", "4564")["facts"]["dropped"]
        == "0 s ago: too late: told 300 s after it rang"
    )


def test_a_key_of_billing_that_is_not_ours_is_told_with_its_parameter(
    connected: Deployment, operator: Operator
) -> None:
    key = "k" * 40
    connected.set_billing_key(key)
    connected.set_stripe_secret(stripes.SECRET)
    connected.post_billing(payment("inv-9"), key="another")
    body, _header = stripes.signed(stripes.paid(), connected.clock())
    connected.post_stripe(body, "t=1,v1=0")
    lines = told(operator)
    names = (("billing-key", "KEY"), ("stripe-secret", "SECRET"))
    for line, (name, file) in zip(sorted(lines), names, strict=True):
        assert line.startswith(f"attention /altegio/{name}: billing comes with another key")
        assert line.endswith(f"--name /altegio/{name} --value file://{file}")
        assert f": {file} is a file that you write, with his. What was refused has to" in line
        assert "none with ours came within a week" in line
    connected.clock.advance(minutes=1)
    connected.restart()
    connected.post_billing(payment("inv-9"), key=key)
    connected.post_stripe(*stripes.signed(stripes.paid(), connected.clock()))
    assert [it for it in told(operator) if "billing comes" in it] == []
    connected.clock.advance(minutes=20)
    connected.restart()
    connected.post_billing(payment("inv-9"), key="another")
    [line] = [it for it in told(operator) if "billing comes" in it]
    assert "the last with ours was taken 20 min ago" in line


def test_a_row_that_cannot_be_read_is_named_and_hides_nothing(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected, "inv-7")
    reject(connected, "inv-8")
    dynamodb = stack_of(connected).client("dynamodb")
    table = connected.environments["payments"]["PAYMENTS_TABLE"]
    found = dynamodb.get_item(TableName=table, Key={"key": {"S": "payment#inv-7"}})["Item"]
    found["facts"]["M"]["amount"] = {"S": "39,90"}
    dynamodb.put_item(TableName=table, Item=found)
    lines = told(operator)
    assert [it.partition(":")[0] for it in lines] == [
        "broken payment#inv-8 of location 4564",
        "broken payment#inv-7",
    ]
    assert "the row cannot be read (facts: InvalidOperation), in PaymentsTable." in lines[1]
    shown = operator("payment", "inv-7")
    assert (operator.code, "payment#inv-7: the row cannot be read" in shown) == (2, True)
    shown = operator("location", "4564")
    assert "payment#inv-7: the row cannot be read" in shown
    assert "payment#inv-8" in shown
    shown = operator("payment")
    assert (operator.code, "payment#inv-8" in shown) == (1, True)
    assert "payment#inv-7: the row cannot be read" in shown
    operator("payment", "--state", "PENDING")
    assert operator.code == 0


def test_a_pbx_with_the_key_of_another_account_is_told_with_both(
    deployment: Deployment, operator: Operator
) -> None:
    own = deployment.connect(4232).pbx_key
    deployment.connect(4564, owner=Owner(id=8, name="Boris", email="boris@salon.example"))
    telling.end(deployment, own, call_id="c-1", location_id=4232)
    other = {**finished("c-2"), "location_id": 4564, "started_at": telling.at(deployment, 90)}
    assert deployment.call(other, own)[0] == 403
    account_id = pbx_key.account_of(own)
    [line] = told(operator)
    assert line.startswith(
        f"attention account {account_id}: a PBX with its key names location 4564"
    )
    assert line.endswith(" > account 4564")
    assert "names location 4564, which is not its own" in " ".join(
        operator("location", "4564").split()
    )


@pytest.mark.parametrize("rings", ["rings", "has ended"])
def test_a_pbx_whose_clock_is_ahead_is_told_until_it_is_set(
    deployment: Deployment, operator: Operator, rings: str
) -> None:
    key = deployment.connect(4564).pbx_key
    if rings == "rings":
        telling.ring(deployment, key, ago_s=-430, call_id="c-1")
    else:
        telling.end(deployment, key, ago_s=-340, call_id="c-1", duration_s=90)
    ahead = "the clock of its PBX is 7 min ahead, so its calls stand at times to come"
    assert any(ahead in line for line in told(operator))
    assert ahead in " ".join(operator("location", "4564").split())
    deployment.clock.advance(minutes=61)
    telling.ring(deployment, key, call_id="c-2")
    for screen in (("status",), ("location", "4564")):
        assert "clock of its PBX" not in " ".join(operator(*screen).split())


def test_links_to_recordings_that_are_left_out_are_told_with_their_host(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    link = "https://rec2.telco.example/a?token=s3cret"
    telling.end(deployment, key, call_id="c-1", location_id=4232, recording_url=link)
    [line] = told(operator)
    assert line.startswith("attention location 4232: its PBX gives recordings that are not passed")
    assert "links are on the host rec2.telco.example, which RecordingHosts does not allow" in line
    assert "s3cret" not in line
    assert "host rec2.telco.example" in operator("location", "4232")
    deployment.clock.advance(hours=2)
    assert "host rec2.telco.example" not in operator("location", "4232")
    shown = " ".join(operator("call", "4232", "c-1").split())
    assert "those are left out that are on the host rec2.telco.example, which" in shown


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("http://rec.example.com/a?token=s3cret", "not https, on the host rec.example.com"),
        ("/var/spool/s3cret.wav", "not https"),
        ("https://rec.example.com:8443/s3cret", f"{UNREADABLE}, on the host rec.example.com"),
        ("https://u:s3cret@rec.example.com/a", f"{UNREADABLE}, on the host rec.example.com"),
        ("https://[s3cret", UNREADABLE),
    ],
)
def test_why_a_recording_is_left_out_is_told_with_its_host_and_no_more_of_it(
    deployment: Deployment, operator: Operator, link: str, why: str
) -> None:
    """Of an allowed host, too."""
    deployment.restart(RECORDING_HOSTS="rec.example.com")
    key = deployment.connect(4232).pbx_key
    telling.end(deployment, key, call_id="c-1", location_id=4232, recording_url=link)
    [line] = told(operator)
    assert f"not passed on, as their links are {why}; last at " in line
    assert "Z. Calls are saved without them, and get none later >" in line
    assert line.endswith("> location 4232")
    assert "s3cret" not in line
    # A good one ends it.
    deployment.clock.advance(seconds=5)
    good = "https://rec.example.com/c-2"
    telling.end(deployment, key, call_id="c-2", location_id=4232, recording_url=good)
    [over] = operator.json("location", "4232")["troubles"]
    assert "Mended, as it seems: one was passed on 0 s ago; this is told until " in over["what"]
    assert "nothing is wrong any more" in operator("status")


def test_what_a_location_is_called_by_is_seen_beside_what_its_siblings_are(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4232, 4777)
    operator("lines", "4777", "--enter", "+13155550199", "--do")
    shown = " ".join(operator("location", "4232").split())
    assert (
        "lines none is entered as its own; of its account's others: +13155550199 of 4777" in shown
    )
    assert "no call of it came, and its account's lines are entered as others'" in shown
    assert "ops lines 4232" in shown
    operator("lines", "4232", "--enter", "+13155550199", "--do")
    assert "no call of it came" not in operator("location", "4232")


def test_numbers_of_another_country_than_the_accounts_are_told(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    operator("account", "4232", "--country", "DE", "--do")
    at = deployment.clock().isoformat()
    deployment.call({**ringing("c-1", location_id=4232), "phone": "(315) 555-0180", "at": at}, key)
    [line] = told(operator)
    assert (
        "more pop-ups are dropped than shown: 1 not shown, as the caller's number is none of the"
        " account's country; at " in line
    )
    assert "Z: the caller's number is none of the account's country. If its PBX writes" in line
    assert line.endswith("say which > account 4232 --country COUNTRY")
    assert "country DE +49" in " ".join(operator("location", "4232").split())
    # No call has come since it was mended.
    deployment.clock.advance(minutes=1)
    operator("account", "4232", "--country", "US", "--do")
    [line] = told(operator)
    assert "Mended, as it seems: the next call tells, as the country was chosen 0 s ago; th" in line
    assert ("nothing is wrong any more" in operator("status"), operator.code) == (True, 0)
    deployment.clock.advance(minutes=1)
    deployment.restart()
    operator("account", "4232", "--country", "DE", "--do")
    at = deployment.clock().isoformat()
    deployment.clock.advance(seconds=1)
    deployment.call({**ringing("c-2", location_id=4232), "phone": "(315) 555-0180", "at": at}, key)
    assert "1 thing is wrong" in operator("status")


def test_what_publication_tries_the_doors_with_is_counted_nowhere(
    connected: Deployment, operator: Operator
) -> None:
    forged = {"salon_id": 1, "event": "uninstall", "partner_token": NO_TOKEN}
    assert connected.webhook(forged) == 403
    assert connected.visit(f"?salon_id=1&user_data=e30=&user_data_sign={NO_SIGN}").status == 403
    assert told(operator) == []
    connected.webhook({**forged, "partner_token": "another"})
    [line] = told(operator)
    assert line.startswith("attention webhooks: come with a token that is not ours")


def test_calls_that_the_platform_refused_are_told_with_each_of_its_reasons(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    end(deployment, key, "c-1")
    deployment.let_time_pass(15)
    for number, why in enumerate(("No such user.", "No such user.", "No such line.")):
        deployment.simulator.fault("history", "status", status=422, message=why)
        end(deployment, key, f"c-{number + 2}")
        deployment.let_time_pass(3)
    [line] = told(operator)
    assert line == (
        "attention location 4232: 3 calls refused by the platform: 422 No such user. (2);"
        " 422 No such line. (1). Numbers are read as of US +1; all can exist there. First put right"
        " what it says, then have them sent again (location 4232 --send-refused); or give them up"
        " (--drop-refused)"
        " > location 4232 --send-refused"
    )
    account_id = str(deployment.connection(4232).account_id)
    for words in (("location", "4232"), ("account", account_id)):
        [same] = operator.json(*words)["troubles"]
        assert same["command"] == "location 4232 --send-refused"
    assert "3 calls" in type_what_it_says(operator, line)
    assert "3 calls" in type_what_it_says(operator, f"{line} --do")
    deployment.let_time_pass(15)
    assert told(operator) == []


def test_a_location_whose_pop_ups_are_dropped_is_told_with_the_platforms_words(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.aws.sightings._EVERY_S", 0)
    key = deployment.connect(4564).pbx_key

    def ring(number: int) -> None:
        event = {**ringing(f"c-{number}"), "at": deployment.clock().isoformat()}
        assert deployment.call(event, key)[0] == 202

    deployment.simulator.fault("event", "status", status=422, message="No such user.", times=2)
    ring(1)
    ring(2)
    [line] = told(operator)
    what = (
        "more pop-ups are dropped than shown: 2 not shown, as the platform did not take it; at"
        f" {deployment.clock():%H:%M:%S}Z: the platform did not take it: 422 No such user."
    )
    assert line == f"attention location 4564: {what} > location 4564"
    deployment.clock.advance(minutes=1)
    ring(3)
    assert "nothing is wrong any more" in operator("status")
    assert operator.code == 0
    [it] = operator.json("status")["troubles"]
    over = f"{deployment.clock() + timedelta(minutes=59):%H:%M:%S}Z"
    assert (
        it["what"]
        == f"{what} Mended, as it seems: one was shown 0 s ago; this is told until {over}"
    )
    assert facts(operator)["pop-ups"].startswith(
        "2 not shown, as the platform did not take it, 1 shown, since "
    )
    assert operator.json("location", "4564")["facts"]["pop-ups"].startswith("2 not shown")


@pytest.mark.parametrize(
    ("ages", "means"),
    [
        (
            (301,),
            "If more come and are alike, the PBX's clock is about 301 s behind; if not, it tells",
        ),
        (
            (301, 310, 290, 305),
            "The PBX's clock is about 301 s behind, as its delays are alike. Have whoever runs it",
        ),
        (
            (48, 301, 95),
            "The PBX tells late, whatever its clock, as its delays differ: 40 s to 6 min. Have",
        ),
    ],
)
def test_of_a_pbx_that_tells_late_the_delays_show_whether_its_clock_is_wrong(
    deployment: Deployment, operator: Operator, ages: tuple[int, ...], means: str
) -> None:
    key = deployment.connect(4564).pbx_key
    began = deployment.clock()
    # What is noted of one in a minute stands with its time, as it may not be the last.
    one = f"; at {began:%H:%M:%S}Z: too late: told {ages[0]} s after it rang. "
    for number, age_s in enumerate(ages):
        deployment.call({**ringing(f"c-{number}"), "at": telling.at(deployment, age_s)}, key)
        deployment.clock.advance(seconds=1)
    for command in (("status",), ("location", "4564")):
        [it] = operator.json(*command)["troubles"]
        assert f"{one}{means}" in it["what"]
        assert it["since"] == stamp(began)


def test_a_pbx_whose_clock_is_behind_is_told_once_whatever_locations_it_serves(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.aws.sightings._EVERY_S", 0)
    key = deployment.connect(4564, 4232).pbx_key
    account_id = deployment.connection(4564).account_id

    def ring(number: int, location_id: int, late_s: int) -> None:
        event = {**ringing(f"c-{number}"), "location_id": location_id}
        deployment.call({**event, "at": telling.at(deployment, late_s)}, key)

    for number, location_id in enumerate((4564, 4564, 4232)):
        ring(number, location_id, 91)
    [line] = told(operator)
    assert line.startswith(
        f"attention the PBX of account {account_id} (Zoë Müller ÿÿ; locations 4232, 4564): more"
        " pop-ups are dropped than shown: 3 not shown, as the PBX told too late; at"
    )
    assert "The PBX's clock is about 91 s behind, as its delays are alike. Have whoever" in line
    assert "set it by NTP; if it is right, its reports come late: look at their queue" in line
    assert "meanwhile stand about 91 s too early in Altegio's history, and stay so" in line
    assert line.endswith(f" > account {account_id}")
    for each in ("4564", "4232"):
        assert told(operator, "location", each) == [line]
        assert f"  attention  the PBX of account {account_id}" in operator("location", each)
    # To whom to tell it, that command shows, beside the same; and it does not lead to itself.
    assert told(operator, "account", str(account_id)) == [line]
    deployment.clock.advance(minutes=1)
    ring(9, 4232, 0)
    assert "nothing is wrong any more" in operator("status")
    for each in ("4564", "4232"):
        [mended] = told(operator, "location", each)
        assert mended.partition(" > ")[0].endswith(
            f"one was shown 0 s ago; this is told until"
            f" {deployment.clock() + timedelta(minutes=59):%H:%M:%S}Z"
        )
        assert f"  echo  the PBX of account {account_id}" in operator("location", each)


def test_a_line_that_rings_and_that_nobody_has_entered_is_told_until_it_is_entered(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564, 4232).pbx_key
    event = {**ringing("c-1"), "at": deployment.clock().isoformat(), "line": "+13155550199"}
    deployment.call({**event, "location_id": None}, key)
    [line] = told(operator)
    assert "line is of: +13155550199. Say of which LOCATION it is, if it is this cust" in line
    assert line.endswith("> lines LOCATION --enter +13155550199")
    assert line.partition(" > ")[2] == operator.json("location", "4232")["troubles"][0]["command"]
    command = line.partition(" > ")[2].replace("LOCATION", "4232").split()
    assert "nobody has entered it -> 4232" in operator(*command)
    operator(*command, "--do")
    assert told(operator) == operator.json("location", "4232")["troubles"] == []


def test_a_line_that_only_rang_is_not_asked_about_for_long(
    deployment: Deployment, operator: Operator
) -> None:
    """Nothing waits for it, or what waited was given up."""
    key = deployment.connect(4564, 4232).pbx_key
    event = {**ringing("c-1"), "at": deployment.clock().isoformat(), "line": "+13155550199"}
    deployment.call({**event, "location_id": None}, key)
    deployment.let_time_pass(9)
    assert "1 thing is wrong" in operator("status")
    deployment.let_time_pass(2)
    assert "nothing is wrong any more" in operator("status")


def test_all_pop_ups_of_the_last_minute_are_told_and_if_not_when_some_are_missing(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.clock.at = deployment.clock.at.replace(second=0)
    key = deployment.connect(4564).pbx_key
    # All of them within a minute.
    deployment.clock.advance(seconds=60 - deployment.clock.at.second)

    def ring(number: int) -> None:
        event = {**ringing(f"c-{number}"), "at": deployment.clock().isoformat()}
        assert deployment.call(event, key)[0] == 202
        deployment.clock.advance(seconds=1)

    for number in range(6):
        ring(number)
    since = f"since {deployment.clock() - timedelta(hours=1):%Y-%m-%d %H}:00:00Z"
    of_it = operator.json("location", "4564")["facts"]
    assert facts(operator)["pop-ups"] == of_it["pop-ups"] == f"6 shown, {since}"
    for number in range(6, 12):
        ring(number)
    missing = f"and not all of the minute after {deployment.clock():%Y-%m-%d %H:%M}"
    assert facts(operator)["pop-ups"].startswith(f"10 shown, {since}, {missing}")


def test_a_pbx_that_still_has_the_replaced_key_is_told_before_it_is_void(
    deployment: Deployment, operator: Operator
) -> None:
    old = deployment.connect(4564).pbx_key
    end(deployment, old, "c-1", location_id=4564)
    assert told(operator) == []
    operator("account", "4564", "--new-key", "--do")
    end(deployment, old, "c-2", location_id=4564)
    [line] = told(operator)
    assert "its PBX has a key that was replaced, and is not heard any more in 24 h" in line
    further = operator.json("account", "4564")["next"]
    assert further == f"{line.partition(' > ')[2]} --new-key"
    key = operator(*further.split(), "--do").split()[0]
    end(deployment, key, "c-3", location_id=4564)


# Queues, runs and counts


def test_dead_letters_are_named_and_gone_when_they_are_dropped(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, json.dumps(payment("inv-1", currency="eur!")))
    [line] = told(operator)
    assert line == (
        "attention billing, inv-1 of location 4564: 1 dead letter: as it was told"
        " > letters --queue billing"
    )
    assert facts(operator)["money"] == "1 dead letter of billing"
    assert "location_id=4564" in type_what_it_says(operator, line)
    operator("letters", "--event", "inv-1", "--drop", "--do")
    assert told(operator) == []


def test_a_queue_that_nobody_empties_is_named(connected: Deployment, operator: Operator) -> None:
    """The payments function fails on a missing table, and counts nothing."""
    url = connected.queues["BillingQueue"]
    connected.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(payment()))
    operator.watch.ages[url] = timedelta(minutes=25)
    [line] = told(operator)
    assert line == (
        "broken queue of billing: 1 message waiting, the oldest for 25 min"
        " > less PaymentsFunction.log"
    )


def test_a_queue_that_somebody_has_set_by_hand_is_named_with_what_the_template_has(
    connected: Deployment, operator: Operator
) -> None:
    queue, letters = connected.queues["BillingQueue"], connected.queues["CallsDeadLetters"]
    set_by_hand: Any = connected.sqs.set_queue_attributes
    set_by_hand(QueueUrl=queue, Attributes={"DelaySeconds": "900"})
    set_by_hand(QueueUrl=letters, Attributes={"MessageRetentionPeriod": "60"})
    connected.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(payment()))
    assert facts(operator)["money"] == "1 message on the billing queue"
    by = f"{connected.clock() + timedelta(minutes=15):%H:%M:%S}Z at the latest"
    assert facts(operator)["queues"] == f"billing 0, and 1 delayed, there by {by}, calls 0"
    lines = told(operator)
    says = "is not as template.yaml has it, so somebody has set it by hand"
    sets = " The command sets it as the template has it"
    late = (
        ". Each message comes 15 min late, and what was sent meanwhile keeps that: the last of it"
    )
    late += f" is there 15 min after it is set back.{sets}"
    types = "> aws --region us-east-1 sqs set-queue-attributes --queue-url"
    assert lines == [
        f"attention {whom}: {says}: {name} is {old}, not {new}{then}"
        f" {types} {url} --attributes {name}={new}"
        for whom, url, name, old, new, then in (
            ("queue of billing", queue, "DelaySeconds", 900, 0, late),
            ("dead letters of calls", letters, "MessageRetentionPeriod", 60, 1209600, f".{sets}"),
        )
    ]
    for line in lines:
        words = line.partition(" > ")[2].split()
        name, _, value = words[-1].partition("=")
        set_by_hand(QueueUrl=words[6], Attributes={name: value})
    assert told(operator) == []


@pytest.mark.parametrize("name", sorted(QUEUES.keys() - {"HintsQueue"}))
def test_what_a_queue_is_held_to_is_what_the_template_has(name: str) -> None:
    properties = {"DelaySeconds": 0, **QUEUES[name]}
    if "RedrivePolicy" in properties:
        properties["RedrivePolicy"] = properties["RedrivePolicy"]["maxReceiveCount"]
    is_dead = name.endswith("Letters")
    made = dead_letters.MADE_FOR_LETTERS if is_dead else dead_letters.MADE
    assert {it: str(properties[it]) for it in made} == made


def test_messages_that_come_again_and_again_are_told_with_their_queue(
    connected: Deployment, operator: Operator
) -> None:
    url = connected.queues["BillingQueue"]
    connected.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(payment()))
    operator.watch.counts = {"NotDurable": 3}
    [line] = told(operator)
    again = "1 message waiting; messages come again, as they could not be stored"
    assert line == f"broken queue of billing: {again} > less PaymentsFunction.log"
    connected.sqs.receive_message(QueueUrl=url)
    assert facts(operator)["queues"] == "billing 1 (1 at work, or back within 3 min), calls 0"


def test_what_aws_counts_of_a_function_is_told_with_its_name(
    connected: Deployment, operator: Operator
) -> None:
    assert connected
    operator.watch.counts = {"PaymentsFunction Throttles": 7, "CallsFunction Errors": 1}
    operator.watch.ages["events"] = timedelta(minutes=20)
    broken, *lines = told(operator)
    assert broken == (
        "broken events: are not told on the event bus, the oldest for 20 min"
        " > less EventsFunction.log"
    )
    assert any(
        it.endswith("7 times in an hour, last 0 s ago > less PaymentsFunction.log") for it in lines
    )
    assert any(
        it.endswith("1 time in an hour, last 0 s ago > less CallsFunction.log") for it in lines
    )


def test_a_pace_that_is_too_low_is_named(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment("inv-1", 4232))
    connected.clock.advance(hours=1)
    line = next(it for it in told(operator) if "due for five" in it)
    assert "it cannot keep up; PacePerS and PacePerMin allow" in line
    assert line.endswith(" > grep Pace docs/configuration.md")


def test_reconcile_that_is_silent_is_named(connected: Deployment, operator: Operator) -> None:
    operator.watch.ran = False
    connected.bill(payment("inv-1", 4232))
    connected.clock.advance(hours=1)
    overdue = "due for five minutes and not taken: reconcile does not run"
    never = "has not run to its end within an hour (a new stack: two minutes), or, as in an"
    never += " emulator, nobody counts it"
    lines, log = told(operator), " > less ReconcileFunction.log"
    assert lines[:2] == [
        f"broken reconcile: {never}{log}",
        f"broken payment#inv-1: {overdue}{log}",
    ]


def test_a_table_that_is_gone_is_named(
    connected: Deployment, operator: Operator, memory: Memory
) -> None:
    def gone(name: str, asked: Asked) -> None:
        if asked.get("TableName") == connected.environments["calls"]["CHAINS_TABLE"]:
            raise refusal(name, "ResourceNotFoundException", "There is no such table.")

    memory.before = gone
    for line, name in zip(told(operator), ("telephony", "overdue"), strict=True):
        assert line.startswith(f"broken {name}: cannot be looked at: ")
        assert "ResourceNotFoundException" in line


def test_without_the_table_of_names_the_rest_is_told(
    connected: Deployment, operator: Operator, memory: Memory
) -> None:
    reject(connected)

    def gone(name: str, asked: Asked) -> None:
        if asked.get("TableName") == connected.environments["calls"]["CONNECTIONS_TABLE"]:
            raise refusal(name, "ResourceNotFoundException", "There is no such table.")

    memory.before = gone
    assert any(it.startswith("broken payment#inv-1 of location 4564: REJ") for it in told(operator))


@pytest.mark.usefixtures("connected")
def test_if_aws_cannot_be_reached_that_is_said_once(
    operator: Operator, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1/")

    memory.before = unreachable
    monkeypatch.setattr(type(operator.watch), "alarms", unreachable)
    monkeypatch.setattr(type(operator.watch), "counted", unreachable)
    said = [it for it in told(operator) if "AWS cannot be reached" in it]
    assert len(said) == 1
    assert said[0].startswith("broken all: AWS cannot be reached (EndpointConnectionError), so")
    assert operator.code == 2


def test_what_rings_and_what_was_counted_is_told(connected: Deployment, operator: Operator) -> None:
    at = connected.clock() - timedelta(minutes=5)
    until = at + timedelta(hours=1)
    operator.watch.rings = [Alarm("MailNotSentAlarm", "SES did not take a letter.", at, at, until)]
    operator.watch.counts = {"HandlerFailed": 3}
    rings, counted = told(operator)
    assert rings == (
        f"attention MailNotSentAlarm: rings: SES did not take a letter; last at {moment(at)}, so it"
        f" falls by {moment(until)} if that was the last"
        " > grep MailNotSentAlarm docs/operations.md"
    )
    assert counted == (
        "attention HandlerFailed: a function met an error that nobody expected, 3 times in an hour"
        ", last 0 s ago"
        " > grep ERROR *.log"
    )


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_what_it_says_to_type_for_an_alarm_shows_its_row_of_the_runbook_alone(
    connected: Deployment, operator: Operator, name: str
) -> None:
    operator.watch.rings = [Alarm(name, "It rings.", connected.clock())]
    [line] = told(operator)
    command = line.partition(" > ")[2].split()
    shown = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    [row] = shown.stdout.splitlines()
    assert f"`{name}`" in row.split(" | ")[0]


def test_an_alarm_of_dead_letters_is_over_once_none_is_left(
    connected: Deployment, operator: Operator
) -> None:
    at = connected.clock()
    until, name = at + timedelta(minutes=8), "BillingDeadLettersAlarm"
    operator.watch.rings = [Alarm(name, "A letter waits.", at, at, until, lasts=True)]
    put(connected, "no event")
    assert any("; it lasts, and the alarm falls within 8 min after" in it for it in told(operator))
    operator("letters", "all", "--drop", "--do")
    [line] = told(operator)
    over = f"it is over, as it seems: last at {moment(at)}, so it falls by {moment(until)}"
    assert line.startswith(f"attention {name}: rings: A letter waits; {over}")
    assert operator.code == 0


def test_after_all_is_mended_nothing_is_wrong_and_it_says_until_when_it_echoes(
    connected: Deployment, operator: Operator
) -> None:
    now = connected.clock()
    at, until = now - timedelta(minutes=12), now + timedelta(minutes=48)
    operator.watch.rings = [Alarm("MailNotSentAlarm", "SES took no letter.", at, at, until)]
    operator.watch.counts = {"HandlerFailed": 3}
    # Just now: that may be what is wrong.
    shown = operator("status")
    assert ": nothing is wrong, but HandlerFailed came within 10 min, " in " ".join(shown.split())
    # One label for all of these, whether they are over or not.
    for name in ("MailNotSentAlarm", "HandlerFailed"):
        assert re.search(rf"^  echo  {name}", shown, re.MULTILINE)
    assert operator.code == 1
    operator.watch.at["HandlerFailed"] = (at, at)
    shown = operator("status")
    assert (operator.code, "nothing is wrong any more, " in shown) == (0, True)
    assert f"They end by themselves, by {moment(until)} if all is mended." in " ".join(
        shown.split()
    )
    assert f"so it falls by {moment(until)}" in " ".join(shown.split())
    assert [it["until"] for it in operator.json("status")["troubles"]] == [stamp(until)] * 2
    # Another thing that is wrong counts alone.
    reject(connected)
    assert "1 thing is wrong," in operator("status")
    assert operator.code == 2


@pytest.mark.parametrize("name", _LASTING)
def test_what_somebody_has_to_see_is_no_echo(
    connected: Deployment, operator: Operator, name: str
) -> None:
    at = connected.clock() - timedelta(minutes=50)
    operator.watch.counts, operator.watch.at = {name: 1}, {name: (at, at)}
    assert "1 thing is wrong," in operator("status")
    assert operator.code == 1


def test_what_is_counted_is_counted_by_the_function_that_it_names() -> None:
    alarms = (PROJECT / "template.yaml").read_text()
    assert [name for name in _COUNTED if f"MetricName: {name}\n" not in alarms] == []
    functions = {function for _words, function in _COUNTED.values()} - {""}
    assert [name for name in functions if f"\n  {name}:\n" not in alarms] == []


# The census


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            {"found": {"active here, frozen there": 3}, "repairs": False},
            "attention locations 4232: the census found what is not repaired: active here, frozen ",
        ),
        ({"found": {"active here, frozen there": 3}, "blown": True}, "broken census: found 3"),
        ({"stage": Stage.LOOKING}, "attention census: stands still while looking"),
    ],
)
def test_a_census_that_waits_for_a_person_is_told(
    connected: Deployment, operator: Operator, head: dict[str, object], expected: str
) -> None:
    table = CensusTable(connected._dynamodb, connected.environments["reconcile"]["CENSUS_TABLE"])
    began = connected.clock() - timedelta(hours=1)
    whole = {"stage": Stage.DONE, "parts": 1, "repairs": True, **head}
    table.save(Head(began_at=began, **whole), began)  # type: ignore[arg-type]
    pace = connected.environments["reconcile"]["PACE_TABLE"]
    seen = Sightings(connected._dynamodb, pace, connected.clock)
    seen.note(CENSUS_FOUND, "4232", "active here, frozen there")
    [line] = told(operator)
    assert line.startswith(expected)
    assert line.endswith("> census")


def test_that_no_census_is_taken_is_told(connected: Deployment, operator: Operator) -> None:
    table = CensusTable(connected._dynamodb, connected.environments["reconcile"]["CENSUS_TABLE"])
    began = connected.clock() - timedelta(days=3)
    table.save(Head(began_at=began, repairs=True, stage=Stage.DONE, parts=1), began)
    [line] = told(operator)
    assert line.startswith("attention census: none was taken for 3 d")
    assert line.endswith("> census --new")


# Whom it concerns


def test_customers_and_locations_are_called_by_their_names_too(
    deployment: Deployment, operator: Operator
) -> None:
    anna = Owner(id=7, name="Anna Schmidt", email="anna@salon.example", salon_name="Haar & Mehr")
    old = deployment.connect(4564, owner=anna).pbx_key
    reject(deployment)
    deployment.restart()
    operator("account", "4564", "--new-key", "--void", "--do")
    end(deployment, old, "c-1", location_id=4564, status=401)
    account_id = str(deployment.connection(4564).account_id)
    for words in (("status",), ("location", "4564")):
        shown = " ".join(operator(*words).split())
        assert "payment#inv-1 of location 4564 (Haar & Mehr)" in shown
        assert f"account {account_id} (Anna Schmidt) of location 4564 (Haar & Mehr)" in shown
        # A machine reads ids.
        assert "Haar" not in str([it["whom"] for it in operator.json(*words)["troubles"]])
    for screen in (
        ("account", "4564"),
        ("payment", "inv-1"),
        ("uninstall", "4564"),
        ("location", "4564"),
    ):
        assert "Haar & Mehr" in operator(*screen)
    operator("lines", "4564", "--enter", "+13155550199", "--do")
    assert "4564 (Haar & Mehr)" in operator("lines", "4564")


# However many there are


def test_no_table_is_scanned_and_no_more_is_read_than_a_bound(
    connected: Deployment, operator: Operator, memory: Memory
) -> None:
    connected.clock.advance(days=6.5)
    row, soon = connected.connection(4564), connected.clock() + timedelta(minutes=1)
    for location_id in range(1, 100):
        connected.connections.save(
            replace(row, location_id=location_id, version=0, due_at=soon, watched_at=soon)
        )
        connected.bill(payment(f"inv-{location_id}", 9000 + location_id))
    asked: list[str] = []
    memory.before = lambda name, _asked: asked.append(name)
    lines = told(operator)
    assert set(asked) <= {"Query", "GetItem", "GetParameter", "GetQueueAttributes", "UpdateItem"}
    # Twice, as a person and as a machine read it.
    assert len(asked) / 2 < 10 * rows.MOST
    # On one screen: a line for each kind.
    assert len(lines) < 6
    [held] = [it for it in lines if "HELD" in it]
    assert "and 15 more of locations 9001, 9002" in held
    assert any("; also location " in it for it in lines if "cover end" in it)
    assert facts(operator)["money"] == "20+ HELD"
