"""Dead letters: explained, and replayed where that is safe."""

import json

import pytest

from shared.aws.letter_box import LetterBox
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator
from tests.ops.states import KNOWN, paid, put, state
from tests.payments import stripes

pytestmark = pytest.mark.usefixtures("anna")


def test_each_letter_is_explained_and_stays_where_it_is(
    connected: Deployment, operator: Operator
) -> None:
    bodies = [
        "no event",
        json.dumps(payment(**{**KNOWN, "amount": "2.00"})),
        json.dumps(payment(**KNOWN)),
        json.dumps(payment("new")),
        '{"type":"wake-up","key":"payment#known","due_at":"2026-11-01T00:00:00.000000Z"}',
    ]
    for body in bodies:
        put(connected, body)
    found = {letter["replay"]: letter for letter in operator.json("letters")}
    assert {words: letter["safe"] for words, letter in found.items()} == {
        "refused again: invalid: not JSON": False,
        "refused again: contradicts what was received (amount was 1, is 2)": False,
        "safe: known with the same facts (SENT), no effect": True,
        "safe: not known yet, taken as any new event": True,
        "safe: a wake-up, void unless it is the latest": True,
    }
    assert "Safe to replay: 3 of 5" in operator("letters")
    assert len(connected.dead_letters()) == 5


def test_a_letter_says_what_money_it_brings_and_whether_an_entry_has_it(
    connected: Deployment, operator: Operator
) -> None:
    lost = ", which no entry has: Altegio is not told of it"
    for body, money in (
        ("no event", f"something unreadable{lost}"),
        (json.dumps(payment(**{**KNOWN, "amount": "2.00"})),
         "payment of 2.00 EUR; payment#known is SENT, 1.00 EUR"),
        (json.dumps({**payment(), "location_id": None}), f"payment of 990.99 EUR{lost}"),
        (json.dumps(payment("x" * 3000)), f"payment of 990.99 EUR{lost}"),
        (json.dumps(payment("a\ud800")), f"payment of 990.99 EUR{lost}"),
        (json.dumps({"type": "refund", "event_id": "r-1", "payment_event_id": "known"}),
         f"refund{lost}"),
        ('{"type":"wake-up","key":"payment#known","due_at":"2026-11-01T00:00:00.000000Z"}', None),
    ):  # fmt: skip
        put(connected, body)
        [letter] = operator.json("letters")
        assert letter.get("money") == money
        assert money is None or money in " ".join(operator("letters").split())
        operator("letters", "all", "--drop", "--do", "--force")


def test_what_is_typed_next_only_shows_and_what_is_deleted_is_last(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, "no event")
    connected.clock.advance(minutes=1)
    put(connected, json.dumps(payment()))
    taken, dropped = (it["command"].split() for it in operator.json("letters"))
    assert (taken[2:], dropped[2:]) == (["--replay"], ["--drop"])
    assert "Nothing was changed yet. Add --do to do it." in operator(*dropped)
    assert len(connected.dead_letters()) == 2


def test_what_brings_money_that_nobody_else_has_is_not_offered_to_be_deleted(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, json.dumps(payment(amount="1,149.00")))
    [letter] = operator.json("letters")
    # What was sent since, the same command shows.
    assert letter["command"] == f"letters {letter['id'][:8]}"
    shown = " ".join(operator("letters").split())
    assert "Others can be deleted (--drop), once `next` is done." in shown
    assert "sent again, under the same event_id, as no entry has it; then look here" in shown
    assert f"type: .venv/bin/python -m ops {letter['command']}" in shown
    last = operator(*letter["command"].split(), "--drop").split("\n\n")[-2]
    lost = "and with it what no entry has: 1 payment of 1,149.00 EUR."
    assert " ".join(last.split()) == f"1 of 1 letter would be deleted for good, {lost}"
    connected.bill(payment(amount="1149.00"))
    [letter] = operator.json(*letter["command"].split())
    assert letter["command"].split()[2:] == ["--drop"]
    assert "next" not in letter
    assert "1 of 1 letter would be deleted for good." in operator(*letter["command"].split())


def test_an_id_of_another_locations_payment_is_told_as_that_before_it_may_be_deleted(
    connected: Deployment, operator: Operator
) -> None:
    connected.connect(4232)
    connected.bill(payment("inv-1", amount="49.00"))
    other = payment("inv-1", 4232, amount="39.00", period_to="2026-12-20T00:00:00+00:00")
    connected.bill(other)
    [letter] = operator.json("letters")
    assert letter["money"] == (
        "payment of 39.00 EUR, of location 4232; payment#inv-1 is of location 4564 (49.00 EUR,"
        " SENT), and Altegio is not told of 4232's"
    )
    assert letter["next"].startswith("have billing send this one under an event_id of its own")
    facts = "(location_id was 4564, is 4232, amount was 49, is 39, period_to was"
    assert facts in letter["replay"]
    shown = operator("letters")
    assert shown.index("money ") < shown.index("next ") < shown.index("replay ")
    assert letter["command"] == f"letters {letter['id'][:8]}"
    last = " ".join(operator(*letter["command"].split(), "--drop").split())
    assert "and with it what no entry has: 1 payment of 39.00 EUR" in last
    connected.bill({**other, "event_id": "inv-1-4232"})
    [letter] = operator.json("letters")
    assert letter["money"].endswith("4232 has the same by now: payment#inv-1-4232 is SENT")
    assert letter["command"].split()[2:] == ["--drop"]
    shown = " ".join(operator(*letter["command"].split()).split())
    assert "1 of 1 letter would be deleted for good." in shown


def test_which_of_two_sums_under_one_id_is_right_billing_says_before_one_is_deleted(
    connected: Deployment, operator: Operator
) -> None:
    first = payment("inv-1", amount="69.00")
    connected.bill(first)
    connected.bill({**first, "amount": "59.00"})
    [letter] = operator.json("letters")
    assert letter["next"] == (
        "ask billing which is right. If payment#inv-1, delete this letter (--drop). If this one,"
        " have billing give payment#inv-1 back, and have billing send it under an event_id of"
        " its own; then look here again"
    )
    assert letter["command"] == f"letters {letter['id'][:8]}"
    shown = " ".join(operator(*letter["command"].split(), "--drop").split())
    assert "deleted for good, and with it what no entry has: 1 payment of 59.00 EUR." in shown
    connected.bill(refund("ref-1", "inv-1"))
    # For a part of the period only, it is another; for all of it, it is the same.
    connected.bill(payment("inv-2", amount="59.00", period_to="2026-12-20T00:00:00+00:00"))
    [letter] = operator.json("letters")
    is_back = "payment of 59.00 EUR; payment#inv-1 is SENT, 69.00 EUR, given back by refund#ref-1"
    assert letter["money"] == f"{is_back} (SENT)"
    assert "payment#inv-2 (SENT, 59.00 EUR, " in letter["period"]
    assert "payment#inv-1 " not in letter["period"]
    assert "If this one, have billing send it under an event_id of its own;" in letter["next"]
    connected.bill({**first, "event_id": "inv-3", "amount": "59.00"})
    [letter] = operator.json("letters")
    assert letter["money"].endswith("4564 has the same by now: payment#inv-3 is SENT")
    assert (letter["command"].split()[2:], "next" in letter) == (["--drop"], False)


def test_a_corrected_payment_under_the_id_of_a_rejected_one_closes_that_first(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.fault("payment", "status", status=422, message="Currency.", times=2)
    connected.bill(payment("inv-1", currency="USD"))
    connected.let_time_pass(10)
    assert connected.entry("payment#inv-1").state == "REJECTED"
    connected.bill(payment("inv-1"))
    [letter] = operator.json("letters")
    closes = "If this one, close payment#inv-1 (`payment payment#inv-1`), and have billing send it"
    assert closes in letter["next"]
    operator("payment", "inv-1", "--close", "another currency", "--do")
    [letter] = operator.json("letters")
    assert "If this one, have billing send it under an event_id of its own" in letter["next"]


def test_two_refunds_under_one_id_are_told_as_that(
    connected: Deployment, operator: Operator
) -> None:
    for number in (1, 2):
        connected.bill(payment(f"inv-{number}", amount=f"{number}.00"))
        connected.bill(refund("ref-1", f"inv-{number}"))
    [letter] = operator.json("letters")
    assert letter["next"].startswith("ask billing which is right. If refund#ref-1, delete this")
    assert "If this one, have billing send it under an event_id of its own" in letter["next"]
    connected.bill(refund("ref-2", "inv-2"))
    [letter] = operator.json("letters")
    assert letter["money"].endswith("4564 has the same by now: refund#ref-2 is SENT")
    assert letter["command"].split()[2:] == ["--drop"]


def test_a_misspelt_field_is_named_as_one_and_what_is_paid_of_its_period_as_well(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment("inv-1"))
    wrong = payment("inv-2", period_from="2026-11-20T00:00:00+00:00")
    wrong["period_form"] = wrong.pop("period_from")
    connected.bill(json.dumps(wrong))
    reason = "invalid: period_from: is missing; period_form: no such field, perhaps period_from"
    [letter] = operator.json("letters")
    assert letter["reason"] == reason
    assert "period_form=(25 characters) (no such field)" in letter["says"]
    known, inv_1 = (connected.entry(f"payment#{it}") for it in ("known", "inv-1"))
    for it in (known, inv_1):
        assert f"{it.key} (SENT, {it.payment.sum}, 2026-11-" in letter["period"]
    assert f"dead letter: {reason}" in " ".join(operator("status").split())
    # A period that begins when the other ends has no part of it.
    operator("letters", "all", "--drop", "--do")
    wrong["period_form"], wrong["period_to"] = (
        payment()["period_to"],
        "2026-12-31T00:00:00+00:00",
    )
    connected.bill(json.dumps(wrong))
    [letter] = operator.json("letters")
    assert "period" not in letter


def test_money_is_not_settled_while_a_letter_is_being_read(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, json.dumps(payment(amount="1,149.00")))
    reader = LetterBox(connected.sqs, connected.queues["BillingDeadLetters"])
    with reader.held():
        told = operator.json("status")["facts"]["money"]
    assert "1 dead letter of billing" in told


def test_a_letter_of_stripes_shows_under_which_ids_stripe_has_it(
    connected: Deployment, operator: Operator
) -> None:
    connected.set_stripe_secret(stripes.SECRET)
    for told in (
        stripes.paid(stripes.line(period=None)),
        stripes.given_back(invoice=None),
        stripes.given_back(stripes.credit(of=None)),
    ):
        assert connected.post_stripe(*stripes.signed(told, connected.clock()))[1]["letter"]
    text = operator("letters")
    for shown in ("evt_1Abc", "invoice.paid", "object=in_1Abc", "object=cn_1Abc"):
        assert shown in text
    assert "Safe to replay: 0 of 3" in text


def test_only_what_is_safe_is_replayed_and_then_gone(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, "no event")
    put(connected, json.dumps(payment()))
    assert "1 of 2 letters would be replayed." in operator("letters", "all", "--replay")
    assert paid(connected) == []
    assert "1 letter replayed." in operator("letters", "all", "--replay", "--do")
    connected.drain()
    assert (state(connected), len(paid(connected))) == ("SENT", 1)
    assert [body for body, _reason in connected.dead_letters()] == ["no event"]


def test_one_letter_is_replayed_by_the_beginning_of_its_id(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, json.dumps(payment("inv-1")))
    put(connected, json.dumps(payment("inv-2")))
    second = next(it for it in operator.json("letters") if it["event"] == "inv-2")
    assert f"ops {second['command']}\n" in operator("letters")
    operator("letters", second["id"][:8], "--replay", "--do")
    assert [body for body, _ in connected.dead_letters()] == [json.dumps(payment("inv-1"))]
    assert "there is no such letter" in operator("letters", "nothing", "--replay", "--do")
    assert operator.code == 1


def test_what_would_come_back_is_replayed_by_force_only(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, "no event")
    assert "they would come back" in operator("letters", "all", "--replay", "--do")
    assert operator.code == 1
    operator("letters", "all", "--replay", "--do", "--force")
    connected.drain()
    assert connected.dead_letters() == [("no event", "invalid: not JSON")]


def test_a_letter_stays_until_its_copy_is_on_the_queue(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, json.dumps(payment()))
    connected.environments["reconcile"]["BILLING_QUEUE_URL"] += "-gone"
    assert "AWS: " in operator("letters", "all", "--replay", "--do")
    assert operator.code == 2
    assert len(connected.dead_letters()) == 1


def test_a_letter_that_sqs_itself_moved_says_so(connected: Deployment, operator: Operator) -> None:
    connected.sqs.send_message(
        QueueUrl=connected.queues["BillingDeadLetters"], MessageBody=json.dumps(payment())
    )
    [letter] = operator.json("letters")
    assert letter["reason"] == "could not be stored, again and again"


def test_a_letter_is_deleted_once_it_was_shown(connected: Deployment, operator: Operator) -> None:
    put(connected, "no event")
    put(connected, "nor this")
    letter, _other = operator.json("letters")
    words = ("letters", letter["id"], "--drop")
    shown = operator(*words)
    assert "1 of 1 letter would be deleted for good." in shown
    assert len(operator.json("letters")) == 2
    done = operator(*words, "--do")
    assert operator.code == 0
    assert "there is no such letter" in operator(*words, "--do")
    assert operator.code == 1
    assert "1 letter deleted for good." in done
    [(left, _reason)] = connected.dead_letters()
    [gone] = {"no event", "nor this"} - {left}
    assert f"no JSON object, {len(gone)} characters" in done


def test_a_letter_that_a_replay_would_take_is_deleted_by_force_only(
    connected: Deployment, operator: Operator
) -> None:
    put(connected, json.dumps(payment()))
    [letter] = operator.json("letters")
    assert "it is safe to --replay" in operator("letters", letter["id"], "--drop", "--do")
    assert operator.code == 1
    assert len(operator.json("letters")) == 1
    operator("letters", letter["id"], "--drop", "--do", "--force")
    assert operator.code == 0
    assert connected.dead_letters() == []


def test_what_is_to_be_changed_has_to_be_named(connected: Deployment, operator: Operator) -> None:
    put(connected, "no event")
    for verb in ("--drop", "--replay"):
        assert "say which" in operator("letters", verb, "--do")
        assert operator.code == 1
    assert len(connected.dead_letters()) == 1


def test_letters_are_found_by_location_and_by_event_and_dropped_at_once(
    connected: Deployment, operator: Operator
) -> None:
    for number, location_id in ((1, 4564), (2, 4564), (3, 4232)):
        put(connected, json.dumps(payment(f"inv-{number}", location_id, currency="eur!")))
    put(connected, "no event")
    found = operator.json("letters", "--location", "4564")
    assert [it["location_id"] for it in found] == [4564, 4564]
    [one] = operator.json("letters", "--event", "inv-3")
    assert (one["queue"], one["location_id"]) == ("billing", 4232)
    operator("letters", "--location", "4564", "--drop", "--do")
    assert len(operator.json("letters")) == 2
    assert "1 letter deleted" in operator("letters", "--event", "inv-3", "--drop", "--do")
    assert [it["location_id"] for it in operator.json("letters")] == [None]


def test_a_letter_can_be_read_without_what_is_nobodys_business(
    connected: Deployment, operator: Operator
) -> None:
    call = {"type": "finished", "call_id": "c-1", "phone": "+13155550175", "line": "5550176"}
    link = {"recording_url": "https://records.example/a.mp3", "note": "Anna is late"}
    put(connected, json.dumps({**call, **link, "location_id": 4564}))
    shown = " ".join(operator("letters").split())
    assert "call_id=c-1, phone=…75, line=…76, recording_url=(29 characters)" in shown
    assert "note=(12 characters), location_id=4564" in shown
    put(connected, "phone 13155550175")
    assert "no JSON object, 17 characters" in operator("letters")


def test_a_change_that_was_not_told_is_found_by_what_it_is_of_and_never_replayed(
    connected: Deployment, operator: Operator
) -> None:
    url = connected.queues["EventsDeadLetters"]
    for body in (
        {"stream": "arn:of:payments", "keys": {"key": {"S": "payment#inv-1"}}},
        {"stream": "arn:of:connections", "keys": {"location_id": {"N": "4564"}}},
        {"DDBStreamBatchInfo": {"batchSize": 3}},
        {"stream": "arn", "keys": {"key": "no value"}},
    ):
        connected.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    assert "4 dead letters" in operator("letters", "--queue", "events")
    [letter] = operator.json("letters", "--event", "payment#inv-1")
    assert (letter["queue"], letter["event"], letter["safe"]) == ("events", "payment#inv-1", False)
    [letter] = operator.json("letters", "--location", "4564")
    assert "the last day is told once more" in letter["replay"]
    assert "Nothing was changed" in operator("letters", "all", "--replay", "--force", "--do")
    assert operator.code == 1
    operator("letters", "--location", "4564", "--drop", "--do")
    assert operator.code == 0
    assert len(operator.json("letters")) == 3
