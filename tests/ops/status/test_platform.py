"""Of the platform, `status` tells our token, its clock and its webhooks from each other."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops import site
from ops.screen import moment
from shared.altegio.marketplace import Marketplace
from shared.connections.connection import State
from shared.connections.lifecycle import LAGS
from shared.reconcile.census.table import CensusTable
from tests.deployment import Deployment, payment
from tests.ops.operator import Operator, facts, stack_of, told, type_what_it_says
from tests.ops.states import end

pytestmark = pytest.mark.usefixtures("logged")


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
        at = moment(connected.clock())
        first = f"and refused first at about {at[:16]}Z; functions"
        assert f"partner-token was written last at {at}, as version 2, {first} read it" in line
        assert "anew within 5 min, so most likely that writing was wrong: see who did it" in line
        assert "If `status` says this after two minutes yet, ask Altegio's support" in line
        assert line.endswith("--name /altegio/partner-token --value file://TOKEN")
    assert "; we ask again in " in line
    # No other command leads there: a location says the same, and types the same.
    assert told(operator, "location", "4564") == [line]
    assert "needed.. " not in operator("location", "4564")
    connected.set_token(connected.simulator.partner_token)
    connected.clock.advance(minutes=2)
    assert told(operator) == []


def test_a_second_line_is_told_until_it_is_removed(
    connected: Deployment, operator: Operator, tmp_path: Path
) -> None:
    """Whoever knows the other token is taken for Altegio."""
    connected.set_token(f"{connected.simulator.partner_token}\nanother")
    [line] = told(operator)
    assert line.startswith("attention /altegio/partner-token: has two lines, and whoever knows")
    assert "Once that has used one for an hour, the first command writes both into the fil" in line
    assert line.endswith(" --name /altegio/partner-token --value file://TOKEN")
    assert len(typed(operator, tmp_path)) == 1
    connected.set_token(connected.simulator.partner_token)
    assert told(operator) == []


def test_what_the_parameter_has_now_is_written_into_the_file_of_which_it_tells(
    connected: Deployment, operator: Operator, tmp_path: Path
) -> None:
    """If it was written long before, which cannot be what it is refused for."""
    connected.set_token("another")
    began = connected.clock() + timedelta(minutes=7)
    connected.clock.at = began
    operator.watch.counts["PlatformBlocked"] = 1
    operator.watch.at["PlatformBlocked"] = (began, began)
    [trouble] = operator.json("status")["troubles"]
    assert (
        "as version 2; functions read it anew within 5 min, and refused only aft" in trouble["what"]
    )
    assert (
        "so Altegio has another by now, unless nothing was sent in between. The first command"
        in trouble["what"]
    )
    assert "(who has no login there asks whoever published the application)" in trouble["what"]
    assert trouble["command"].endswith(" file://TOKEN")
    read = ["--region us-east-1 ssm get-parameter --with-decryption --name /altegio/partner-token"]
    assert typed(operator, tmp_path) == read


def test_a_token_that_was_written_wrong_is_mended_with_the_one_before(
    connected: Deployment, operator: Operator, tmp_path: Path
) -> None:
    """Without a login of the Cabinet, which nobody may have at night."""
    at = connected.clock()
    connected.set_token("another")
    began = at + timedelta(minutes=5)
    connected.clock.advance(minutes=9)
    operator.watch.counts["PlatformBlocked"] = 1
    operator.watch.at["PlatformBlocked"] = (began, connected.clock())
    [trouble] = operator.json("status")["troubles"]
    what = trouble["what"]
    first = f"and refused first at about {moment(began)[:16]}Z; functions read"
    assert f"at {moment(at)}, as version 2, {first}" in what
    assert "writes version 1 into the file TOKEN, above what it has now. Type the" in what
    read = "--region us-east-1 ssm get-parameter --with-decryption --name /altegio/partner-token"
    assert typed(operator, tmp_path) == [f"{read}:1", read]
    # It was refused before it was written as well, with the one before, or with those before that.
    connected.clock.advance(minutes=11)
    connected.set_token("a third")
    connected.clock.advance(minutes=1)
    for before, is_said in ((5, True), (30, False)):
        at = connected.clock() - timedelta(minutes=before)
        operator.watch.at["PlatformBlocked"] = (at, connected.clock())
        [trouble] = operator.json("status")["troubles"]
        assert ("it was refused before, too, at " in trouble["what"]) is is_said
        assert ("writes version 2 into the file TOKEN" in trouble["what"]) is not is_said


def test_of_a_token_that_nobody_has_asked_with_yet_nothing_is_said(
    connected: Deployment, operator: Operator
) -> None:
    """It was mended a moment ago, and the brake is still on."""
    began = connected.clock()
    connected.set_token("another")
    connected.clock.advance(minutes=5)
    connected.restart()
    connected.bill(payment("inv-2"))
    operator.watch.counts["PlatformBlocked"] = 1
    operator.watch.at["PlatformBlocked"] = (began, connected.clock())
    connected.set_token(connected.simulator.partner_token)
    [trouble] = [it for it in operator.json("status")["troubles"] if it["whom"] == "all locations"]
    assert "as version 3, and nobody has come with that yet, as functions read" in trouble["what"]
    assert "it anew within 5 min: look again then. If" in trouble["what"]
    assert (trouble["first"], trouble["command"]) == (None, "status")
    connected.let_time_pass(5)
    operator.watch.counts.clear()
    assert operator.json("status")["troubles"] == []


def last_at(deployment: Deployment) -> str:
    """As what is counted in this minute is told."""
    return f"last at about {deployment.clock():%H:%M}Z"


def typed(operator: Operator, tmp_path: Path) -> list[str]:
    """What the first command asks of an `aws` that only says what it was told, into a file."""
    first, _then = operator("status").split("    type: ")[1:]
    program = f'aws() {{ echo "$@"; }}; {first}'
    subprocess.run(["/bin/bash", "-c", program], cwd=tmp_path, check=True)
    written = tmp_path / "TOKEN"
    assert written.stat().st_mode & 0o077 == 0
    output = " --query Parameter.Value --output text"
    return [it.removesuffix(output) for it in written.read_text("utf-8").splitlines()]


def test_a_payment_that_waits_for_the_token_does_not_go_out_in_seconds(
    connected: Deployment, operator: Operator
) -> None:
    connected.set_token("another")
    connected.restart()
    connected.bill(payment())
    shown = operator.json("payment", "inv-1")
    assert shown["says"].startswith("Altegio refuses us (401 Authentication needed). It goes on by")
    assert (shown["state"], shown["next"]) == ("PENDING", "status")
    connected.set_token(connected.simulator.partner_token)
    connected.clock.advance(minutes=2)
    assert "Nothing is to be done now: it goes out" in operator.json("payment", "inv-1")["says"]


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
    assert (
        f"{last_at(connected)} for all locations: 401 Authentication needed.; it takes our" in line
    )


def test_what_the_platform_refused_is_told_with_its_words_and_whether_it_is_over(
    connected: Deployment, operator: Operator
) -> None:
    message = "No rights to this location."
    connected.simulator.fault("status", "status", status=403, message=message)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    operator.watch.counts["PlatformBlocked"] = 1
    line = next(it for it in told(operator) if "PlatformBlocked" in it)
    first = "attention PlatformBlocked: the platform refused us, 1 time in an hour,"
    words = "of location 4564: 403 No rights to this location.;"
    last = last_at(connected)
    assert line == f"{first} {last} {words} not over for location 4564 > location 4564"
    connected.let_time_pass(10)
    [line] = told(operator)
    assert f"{last_at(connected)} {words} it takes our token now, so that is over, as it" in line
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
    for environment in connected.environments.values():
        if "APPLICATION_ID" in environment:
            environment["APPLICATION_ID"] = "102"
    [line] = told(operator)
    assert line.startswith("broken all locations: Altegio refuses application 102: 403")
    assert "Compare with the Developer Cabinet: ApplicationId, and whether the token is of" in line
    assert "application. /altegio/partner-token was never written anew, so it is not that" in line
    assert line.endswith("> publication")
    # Nor is it the token if it was written anew, and long before.
    connected.set_token(connected.simulator.partner_token)
    began = connected.clock() + timedelta(minutes=30)
    connected.clock.at = began
    operator.watch.counts["PlatformBlocked"] = 1
    [line] = told(operator)
    assert "/altegio/partner-token was written last at " in line
    assert "and refused only after that" in line


def test_what_was_deployed_as_an_application_began_to_be_refused_is_told(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = connected.clock()
    connected.environments["reconcile"]["APPLICATION_ID"] = "102"
    here = stack_of(connected, operator.watch)
    monkeypatch.setattr(site, "find", lambda _: replace(here, changed={"ReconcileFunction": at}))
    changed = f"The functions were changed last at {moment(at)}"
    for minutes, is_it in ((2, True), (60, False)):
        connected.clock.at = at + timedelta(minutes=minutes)
        [line] = [it for it in told(operator) if "refuses application 102" in it]
        assert changed in line
        assert (f"{changed}, as it began: see who did that, and deploy" in line) is is_it


def test_an_address_that_altegio_does_not_know_is_not_blamed_on_the_application(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.fault("salons", "status", status=404, message="Not found.", times=9)
    [line] = told(operator)
    assert "Altegio has nothing at http://" in line
    assert "See whether PlatformAppUrl is right > publication" in line


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
    connected.clock.advance(minutes=1)
    connected.simulator.platform.now = lambda: connected.clock() + timedelta(hours=2)
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    # Nobody knows since when, as that is after now.
    assert "they agree, since when is not known." in " ".join(operator("location", "4564").split())
    [line] = [it for it in told(operator) if "in the future: " in it]
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
        [it] = [it for it in told if "in the future" in it["what"]]
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
    # While the partner token is refused, nobody has looked at the other one.
    deployment.set_token("another")
    assert [it for it in told(operator) if "user-token" in it or "list of calls" in it] == []


def test_of_an_uninstall_that_was_believed_nothing_may_be_disbelieved(
    connected: Deployment, operator: Operator
) -> None:
    """The clock was set right meanwhile, and the owner has left."""
    connected.simulator.platform.now = lambda: connected.clock() + timedelta(hours=2)
    connected.connect(4777)
    connected.simulator.platform.now = connected.clock
    assert "uninstalls of 4777 may be disbelieved" in facts(operator)["clock"]
    connected.connections.save(replace(connected.connection(4777), state=State.DISABLED))
    assert facts(operator).get("clock", "right again") == "right again"


@pytest.mark.parametrize("by", ["its answers", "another location"])
def test_a_clock_that_is_right_again_is_a_fact_and_no_trouble(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "another location":
        # Whoever answers has a clock of its own, which tells nothing.
        monkeypatch.setattr(Marketplace, "ahead", lambda *_: timedelta())
    connected.simulator.platform.now = lambda: connected.clock() + timedelta(hours=2)
    connected.connect(4777)
    assert [it for it in told(operator) if "in the future: " in it]
    until = f"{connected.clock() + timedelta(hours=2):%Y-%m-%dT%H:%M}"
    if by == "its answers":
        connected.simulator.platform.now = connected.clock
    else:
        connected.clock.advance(minutes=2)
        connected.restart()
        connected.simulator.platform.now = connected.clock
        assert [it for it in told(operator) if "in the future: " in it]
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
    assert [it for it in told(operator) if "in the future: " in it]
    for environment in connected.environments.values():
        if "PLATFORM_TIMEZONE" in environment:
            environment["PLATFORM_TIMEZONE"] = "Asia/Dubai"
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


def test_what_has_no_command_says_so_where_it_leads_to_itself(
    connected: Deployment, operator: Operator
) -> None:
    seen_gone(connected)
    [line] = told(operator)
    shown = type_what_it_says(operator, line)
    assert "(no command: it says who does what, and below is how it stands)" in shown
    assert "(no command" not in operator("status")


def test_locations_that_wait_for_their_second_looks_are_told_once(
    connected: Deployment, operator: Operator
) -> None:
    connected.connect(4232)
    for location_id in (4564, 4232):
        connected.simulator.disconnect(location_id, webhook="never")
        row = connected.connection(location_id)
        connected.connections.save(replace(row, due_at=connected.clock()))
    connected.reconcile()
    shown = " ".join(operator("status").split())
    assert shown.count("Reconcile looks again") == 1
    assert "are active here, and not installed in Altegio, as was seen once" in shown


def test_a_second_look_that_is_late_is_still_to_come(
    connected: Deployment, operator: Operator
) -> None:
    seen_gone(connected)
    connected.clock.advance(minutes=5)
    [line] = [it for it in told(operator) if "as was seen once" in it]
    assert "Reconcile looks again in 60 s, and closes what is still so" in line


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
    assert "it is settled by now, and here: 1 frozen. 1 missing within an hour, and" in line
    assert line.partition(" > ")[0].endswith(": likely lost on the way")
    # It is settled, and wrong no more.
    assert ("nothing is wrong any more" in operator("status"), operator.code) == (True, 0)
    assert line.endswith("> location 4564 --all")


@pytest.mark.parametrize("comes", [False, True])
def test_of_webhooks_that_did_not_come_the_address_is_wrong_if_none_came_since(
    deployment: Deployment, operator: Operator, *, comes: bool
) -> None:
    deployment.connect(4564, 4232)
    deployment.reconcile()
    for location_id in (4564, 4232):
        deployment.simulator.expire(location_id, webhook="never")
    while deployment.connection(4564).state is not State.FROZEN:
        deployment.let_time_pass(12 * 60, step=12 * 60)
    if comes:
        deployment.clock.advance(seconds=9)
        deployment.webhook(deployment.event(4232, "freeze"))
    [line] = [it for it in told(operator) if "webhook did not come" in it]
    assert "here: 2 frozen. 2 missing within an hour, and " in line
    why, _, command = line.partition("likely ")[2].partition(" > ")
    if comes:
        assert (why, command[:9]) == ("lost on the way", "location ")
    else:
        assert (why, command) == ("WebhookUrl in the Cabinet is wrong", "publication")


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
