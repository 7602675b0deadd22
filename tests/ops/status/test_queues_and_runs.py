"""Of queues and runs, `status` names what nobody takes, what rings, and what only echoes."""

import json
import re
import subprocess
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local import PROJECT
from ops import dead_letters, site
from ops.screen import moment
from ops.status import _COUNTED, _LASTING
from ops.watch import Alarm
from shared.clock import stamp
from tests.deployment import Deployment, payment
from tests.house.template import ALARMS, QUEUES
from tests.memory import Memory, refusal
from tests.memory.calls import Asked
from tests.ops.operator import Operator, facts, stack_of, told, type_what_it_says
from tests.ops.states import end, put, reject

FAILED = "HandlerFailed"

pytestmark = pytest.mark.usefixtures("logged")


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
    assert line == ("broken queue of billing: 1 message waiting > less PaymentsFunction.log")


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
    says = "is not as template.yaml has it, set by hand or by another deploy"
    late = "each message comes 15 min late, and what was sent meanwhile keeps that: the last of it"
    late += " is there 15 min after it is set back"
    types = "aws --region us-east-1 sqs set-queue-attributes --queue-url"
    back = f"The command sets it back > {types}"
    less = """--attributes '{"MessageRetentionPeriod":"1209600"}'"""
    at_once = """--attributes '{"DelaySeconds":"0"}'"""
    deleted = "letters are deleted after 60 s, not 14 d, and what was is gone"
    assert told(operator) == [
        f"broken dead letters of calls: {says}: {deleted}. {back} {letters} {less}",
        f"attention queue of billing: {says}: {late}. {back} {queue} {at_once}",
    ]
    type_for_aws(connected, operator)
    assert told(operator) == []


def test_what_a_queue_was_set_to_is_told_in_words_and_set_back_by_what_is_printed(
    connected: Deployment, operator: Operator
) -> None:
    """A script has set all queues to what somebody holds for good practice."""
    set_by_hand: Any = connected.sqs.set_queue_attributes
    queue, letters = connected.queues["BillingQueue"], connected.queues["BillingDeadLetters"]
    made = connected.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    policy = {**json.loads(made["RedrivePolicy"]), "maxReceiveCount": 3}
    good = {"RedrivePolicy": json.dumps(policy), "MaximumMessageSize": "1024"}
    set_by_hand(QueueUrl=queue, Attributes=good)
    set_by_hand(QueueUrl=letters, Attributes={"MessageRetentionPeriod": "3600"})
    refuses, deletes = told(operator)
    assert "a message is given up after 3 tries, not 1000" in refuses
    assert "a message may have 1024 bytes, not 1048576, so a longer one is refused, and" in refuses
    assert "has to come again once it is set back" in refuses
    connected.clock.advance(minutes=20)
    assert "queue of billing, for 20 min: is not as template.yaml has it" in operator("status")
    assert "letters are deleted after 60 min, not 14 d" in deletes
    assert {it.partition(" ")[0] for it in (refuses, deletes)} == {"broken"}
    type_for_aws(connected, operator)
    assert told(operator) == []
    found = connected.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    policies = [json.loads(it.pop("RedrivePolicy")) for it in (found, made)]
    del found["LastModifiedTimestamp"], made["LastModifiedTimestamp"]
    assert found == made
    assert {str(it["maxReceiveCount"]) for it in policies} == {"1000"}
    assert len({it["deadLetterTargetArn"] for it in policies}) == 1


def test_a_queue_whose_letters_go_elsewhere_is_set_back(
    connected: Deployment, operator: Operator
) -> None:
    set_by_hand: Any = connected.sqs.set_queue_attributes
    elsewhere = connected.queues["CallsDeadLetters"]
    arn = connected.sqs.get_queue_attributes(QueueUrl=elsewhere, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": "1000"}
    url = connected.queues["BillingQueue"]
    set_by_hand(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    [line] = told(operator)
    names = [
        connected.queues[it].rpartition("/")[2] for it in ("CallsDeadLetters", "BillingDeadLetters")
    ]
    assert line.startswith("attention queue of billing")
    assert "what is given up goes to {}, not {}".format(*names) in line
    type_for_aws(connected, operator)
    assert told(operator) == []


def type_for_aws(deployment: Deployment, operator: Operator) -> None:
    """What the screen prints for AWS's own command, as a shell and that command read it."""
    set_attributes: Any = deployment.sqs.set_queue_attributes
    for typed in re.findall(r"type: (aws (?:.*\\\n)*.*)", operator("status")):
        # A shell reads it as it stands there, with its lines that go on.
        shell = ["sh", "-c", f'aws() {{ printf "%s\\n" "$@"; }}; {typed}']
        words = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.split("\n")
        assert words[2:4] == ["sqs", "set-queue-attributes"]
        url, sets = (words[words.index(it) + 1] for it in ("--queue-url", "--attributes"))
        set_attributes(QueueUrl=url, Attributes=json.loads(sets))


@pytest.mark.parametrize("name", sorted(QUEUES.keys() - {"HintsQueue"}))
def test_what_a_queue_is_held_to_is_what_the_template_has(name: str) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queue.html
    properties = {"DelaySeconds": 0, "MaximumMessageSize": 1048576, **QUEUES[name]}
    properties |= properties.get("RedrivePolicy", {})
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
    assert (
        facts(operator)["queues"]
        == "billing 1 (1 taken: done with, or back, within 3 min), calls 0"
    )


def test_why_messages_come_again_is_told_with_their_queue(
    connected: Deployment, operator: Operator, memory: Memory
) -> None:
    def gone(name: str, asked: Asked) -> None:
        if asked.get("TableName") == "gone":
            raise refusal(name, "ResourceNotFoundException", "There is no such table.")

    memory.before = gone
    connected.restart(PAYMENTS_TABLE="gone")
    body = json.dumps(payment())
    connected.sqs.send_message(QueueUrl=connected.queues["BillingQueue"], MessageBody=body)
    message = {"messageId": "m-1", "body": body, "attributes": {}}
    connected.invoke("payments", {"Records": [message]})
    operator.watch.counts = {"NotDurable": 1}
    [line] = told(operator)
    why = "ResourceNotFoundException of TransactWriteItems"
    assert f"messages come again, as they could not be stored: {why} > less Payments" in line


def test_variables_that_differ_between_functions_are_told(
    connected: Deployment, operator: Operator
) -> None:
    """Of one function, somebody has changed the name of a table by hand."""
    assert told(operator) == []
    table = connected.environments["calls"]["CONNECTIONS_TABLE"]
    connected.environments["calls"]["CONNECTIONS_TABLE"] = "gone"
    [line] = told(operator)
    is_gone = f"is gone, and {table} of other functions, as template.yaml has one value for all:"
    assert line.startswith(f"broken CONNECTIONS_TABLE of CallsFunction: {is_gone} it was changed")
    assert line.endswith(" it was changed by hand. Deploy it anew > make deploy ENV=NAME")
    # Who begins with a customer that calls is told the same.
    assert told(operator, "location", "4564") == [line]
    connected.environments["calls"]["CONNECTIONS_TABLE"] = ""
    assert "CallsFunction: is empty, and " in told(operator)[0]


def test_calls_that_are_all_answered_500_are_wrong_and_no_echo(
    deployment: Deployment, operator: Operator, memory: Memory
) -> None:
    """Also where only the function knows why: its log is one command away."""
    key = deployment.connect(4564).pbx_key

    def gone(name: str, asked: Asked) -> None:
        if asked.get("TableName") == "gone":
            raise refusal(name, "ResourceNotFoundException", "There is no such table.")

    memory.before = gone
    deployment.restart(ACCOUNTS_TABLE="gone")
    for number in range(2):
        end(deployment, key, f"c-{number}", location_id=4564, status=500)
    operator.watch.counts = {"HandlerFailed": 2}
    [line] = told(operator)
    assert line.startswith(f"broken {FAILED}: a function met an error that nobody expected, 2 ")
    assert ": CallsFunction (ResourceNotFoundException of GetItem). Unless it was" in line
    assert "whoever asks is answered 500, and pop-ups and calls that are told once are lost" in line
    assert line.endswith(" > less CallsFunction.log")
    # Who asks for one location hears that it concerns all.
    assert told(operator, "location", "4564") == [line]
    deployment.clock.advance(minutes=6)
    operator.watch.at["HandlerFailed"] = (deployment.clock() - timedelta(minutes=6),) * 2
    assert [it["whom"] for it in operator.json("status")["troubles"] if it["until"]] == [FAILED]
    assert [it for it in told(operator, "location", "4564") if FAILED in it] == []


def test_what_aws_counts_of_a_function_is_told_with_its_name(
    connected: Deployment, operator: Operator
) -> None:
    assert connected
    operator.watch.counts = {"PaymentsFunction Throttles": 7, "CallsFunction Errors": 1}
    operator.watch.ages["events"] = timedelta(minutes=20)
    broken, *lines = told(operator)
    last = f"last at about {connected.clock():%H:%M}Z"
    assert broken == (
        "broken events: are not told on the event bus, the oldest for 20 min"
        " > less EventsFunction.log"
    )
    assert any(
        it.endswith(
            f"7 times in an hour, {last}; whose limit that is, Lambda tells of a deployed stack"
            " only > grep ThrottlesAlarm docs/operations.md"
        )
        for it in lines
    )
    assert any(it.endswith(f"1 time in an hour, {last} > less CallsFunction.log") for it in lines)


def test_runs_that_are_turned_away_are_wrong_for_as_long_as_messages_wait(
    connected: Deployment, operator: Operator
) -> None:
    """And no echo of what is over."""
    operator.watch.counts = {"PaymentsFunction Throttles": 4}
    url = connected.queues["BillingQueue"]
    connected.sqs.send_message(QueueUrl=url, MessageBody="{}")
    # Of another function, which is not turned away.
    connected.sqs.send_message(QueueUrl=connected.queues["CallsQueue"], MessageBody="{}")
    now = connected.clock()
    operator.watch.at["PaymentsFunction Throttles"] = (now - timedelta(minutes=8), now)
    [line] = told(operator)
    assert line.startswith("broken PaymentsFunction Throttles: runs of it were turned away")
    assert "Z; 1 message waits until it is allowed more at once: whose limit that is, La" in line
    # There is no line of a run that did not begin.
    assert line.endswith(" > grep ThrottlesAlarm docs/operations.md")
    # For as long as it goes on, and not since it was so last.
    assert "Throttles, for 8 min: runs" in operator("status")
    # Some pass, and then one later than any was turned away.
    operator.watch.dones[url] = now - timedelta(minutes=1)
    [line] = told(operator)
    assert line.startswith("attention PaymentsFunction Throttles: ")
    assert "1 message waits until it is allowed more at once" in line
    operator.watch.dones[url] = now + timedelta(minutes=1)
    assert [it for it in told(operator) if "waits until it is allowed" in it] == []
    assert "nothing is wrong" in operator("status")
    del operator.watch.dones[url]
    assert "1 thing is wrong" in operator("status")
    connected.sqs.purge_queue(QueueUrl=url)
    assert "nothing is wrong" in operator("status")


def test_a_pace_that_is_too_low_is_named(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment("inv-1", 4232))
    connected.clock.advance(hours=1)
    line = next(it for it in told(operator) if "due for five" in it)
    assert "it cannot keep up; PacePerS and PacePerMin allow" in line
    assert line.endswith(" > grep Pace docs/configuration.md")


def test_of_each_kind_that_is_overdue_the_oldest_is_named(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    for call_id in ("c-1", "c-2"):
        end(deployment, key, call_id)
        deployment.clock.advance(seconds=1)
    deployment.clock.advance(hours=1)
    [line] = [it for it in told(operator) if it.startswith("broken call ")]
    assert "#c-1: due for five" in line


def test_a_new_stack_is_not_called_broken_before_its_first_run_is_counted(
    deployment: Deployment, operator: Operator
) -> None:
    operator.watch.ran = False
    assert told(operator) == []
    # CloudWatch may tell of the first one minutes later.
    for minutes in (0, 4):
        deployment.clock.advance(minutes=minutes)
        assert told(operator) == []
        assert facts(operator)["reconcile"] == "no run is counted yet, as the stack is new"
    deployment.clock.advance(minutes=2)
    never = "broken reconcile: has not run to its end in the 6 min that it is there, or, as in an"
    assert never in told(operator)[0]
    deployment.clock.advance(hours=1)
    assert "broken reconcile: has not run to its end within an hour, or" in told(operator)[0]


def test_reconcile_that_is_silent_is_named(connected: Deployment, operator: Operator) -> None:
    operator.watch.ran = False
    connected.bill(payment("inv-1", 4232))
    connected.clock.advance(hours=1)
    overdue = "due for five minutes and not taken: reconcile does not run"
    never = "has not run to its end within an hour, or, as in an emulator, nobody counts it"
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
    operator.watch.counts = {"HandlerFailed": 1}
    rings, counted = told(operator)
    assert rings == (
        f"attention MailNotSentAlarm: rings: SES did not take a letter; last at {moment(at)}, so it"
        f" falls by {moment(until)} if that was the last"
        " > grep MailNotSentAlarm docs/operations.md"
    )
    assert counted == (
        "attention HandlerFailed: a function met an error that nobody expected, 1 time in an hour"
        f", last at about {connected.clock():%H:%M}Z"
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
    # It may not be taken for a command that helps.
    assert f"{' '.join(command)}\n          # It shows what docs/ope" in operator("status")
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
    operator.watch.counts = {"HandlerFailed": 1}
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
    # Of several, which tell their own ends, it is that of the last.
    ends = f"They end by themselves, the last by {moment(until)} if all is mended."
    assert ends in " ".join(shown.split())
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


def test_a_stream_that_nobody_reads_is_named_by_its_table(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "arn:aws:dynamodb:us-east-1:123456789012:table/mine-CallsTable-1"
    source = {
        "UUID": "14e0db71",
        "EventSourceArn": f"{where}/stream/2026-11-28T00:00:00.000",
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:mine-EventsFunction-1",
        "State": "Disabled",
    }
    sources = [source, {**source, "UUID": "other", "State": "Enabled"}]
    here = replace(stack_of(connected, operator.watch), sources=lambda: sources)
    monkeypatch.setattr(site, "find", lambda _options: here)
    [line] = told(operator)
    assert line.startswith(
        "broken mine-CallsTable-1: is not read: its event source of mine-EventsFunction-1 is"
    )
    assert line.endswith("lambda update-event-source-mapping --uuid 14e0db71 --enabled")
