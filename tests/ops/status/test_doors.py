"""Of the doors, `status` names who came with what, and what was turned away or dropped."""

from datetime import timedelta

import boto3
import pytest

from local.simulator import Owner
from ops.screen import moment
from shared.altegio.redirect import NO_SIGN
from shared.altegio.webhook import NO_TOKEN
from shared.connections import pbx_key
from tests.calls import telling
from tests.deployment import Deployment, finished, payment, ringing
from tests.ops.operator import Operator, facts, stack_of, told, type_what_it_says
from tests.ops.states import end, reject
from tests.payments import stripes

# https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
NOT_VERIFIED = "Email address is not verified. The following identities failed the check in region"
NOT_VERIFIED += " US-EAST-1: zoe@example.com, codes@provider.example"

TOLD = ("what", "first", "command")

pytestmark = pytest.mark.usefixtures("logged")


def test_an_old_pbx_key_is_named_with_its_account(
    deployment: Deployment, operator: Operator
) -> None:
    old = deployment.connect(4564).pbx_key
    account_id = str(deployment.connection(4564).account_id)
    operator("account", "4564", "--new-key", "--void", "--do")
    end(deployment, old, "c-1", location_id=4564, status=401)
    [line] = told(operator)
    told_so = "a PBX came 0 s ago, and maybe again within the minute after, with an old key, void"
    told_so += f" since {moment(deployment.clock())}"
    assert line.startswith(f"broken account {account_id} of location 4564: {told_so}")
    # Another key is none to begin with: it would be the PBX's turn that has the right one.
    assert line.endswith(f"> account {account_id}")
    [same] = operator.json("location", "4564")["troubles"]
    assert same["command"] == f"account {account_id}"
    shown = type_what_it_says(operator, line)
    assert "PBX key    made 0 s ago by anna; no other is good" in shown
    assert "The right key was made 0 s ago by anna; no other is good." in line
    # Another one makes it the turn of whoever has the right one: it is no command to type.
    assert "type:" not in shown
    another = f"account {account_id} --new-key"
    assert f"If nobody has it any more, make another ({another})" in line
    happened = [it["what"] for it in operator.json("location", "4564")["lines"]]
    assert "new PBX key, the one before is void at once, by anna" in happened
    key = operator(*another.split(), "--do").split()[0]
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
        lately = told(operator)
        assert len(lately) == lines
        assert all(
            "with a key that is not the account's, nor one of the last" in it for it in lately
        )
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
    # Written anew, as it says: what was refused meanwhile is what is left to do.
    connected.set_token(ours["partner_token"])
    [line] = told(operator)
    assert "came with a token that was not ours, last 60 s ago; ours was written anew" in line
    assert line.endswith("What they told, a census finds > census --new")
    assert "nothing is wrong" in operator("status")
    connected.restart()
    assert connected.webhook(ours) == 200
    assert told(operator) == []


def test_how_a_token_is_written_anew_is_told_once_on_a_screen(
    connected: Deployment, operator: Operator
) -> None:
    connected.webhook({**connected.event(4564), "partner_token": "another"})
    connected.simulator.fault("salons", "status", status=401, message="No.", times=9)
    refused, webhooks = told(operator)
    assert refused.partition(" > ")[2] == webhooks.partition(" > ")[2]
    shown = " ".join(operator("status").split())
    assert shown.count("ssm get-parameter") == shown.count("ssm put-parameter") == 1
    assert shown.count("The first command writes") == 1
    assert "If not, it was changed. Write it anew, as is told above" in shown


def test_an_e_mail_that_ses_does_not_take_is_told_with_whose_it_is(
    deployment: Deployment, operator: Operator
) -> None:
    """Of whoever rings, as no code comes, too."""
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.connect(4564)
    page = deployment.visit(deployment.simulator.redirect(4564))
    ses = boto3.Session().client("sesv2")
    ses.refuses, ses.says = "MessageRejected", NOT_VERIFIED
    deployment.post({**page.fields, "action": "code"})
    account_id = deployment.connection(4564).account_id
    [line] = told(operator)
    assert line.startswith(f"attention account {account_id}: an e-mail to its owner was not sent")
    said = "MessageRejected: Email address is not verified. The following identities failed the"
    said += " check in region US-EAST-1: …, codes@provider.example. Whoever has the AWS account"
    assert f"Amazon SES did not take it: {said} looks" in line
    for screen in (("location", "4564"), ("account", "4564")):
        assert line in told(operator, *screen)
    boto3.Session().client("sesv2").refuses = ""
    deployment.clock.advance(seconds=61)
    deployment.post({**page.fields, "action": "code"})
    assert len(deployment.letters) == 1
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


def test_a_key_of_billing_that_is_not_ours_is_told_with_its_parameter(
    connected: Deployment, operator: Operator
) -> None:
    key = "k" * 40
    connected.set_billing_key(key)
    connected.set_stripe_secret(stripes.SECRET)
    connected.post_billing(payment("inv-9"), key="another")
    body, _header = stripes.signed(stripes.paid(), connected.clock())
    connected.post_stripe(body, "t=1,v1=0")
    began = connected.clock()
    operator.watch.counts["BillingRefused"] = 5
    operator.watch.at["BillingRefused"] = (began - timedelta(minutes=40), began)
    billing, stripe = sorted(told(operator))
    who = "billing comes with another key"
    assert billing.startswith(
        f"attention /altegio/billing-key: {who} than stands there, and is ref"
    )
    assert (
        "refused, 5 times in an hour, last at about 10:10Z; none with ours came within a" in billing
    )
    either = "into the file KEY. Put above it what billing has; or only give billing what stands"
    assert f"{either} there. Type the second command, and delete the file. Later" in billing
    assert billing.endswith("--name /altegio/billing-key --value file://KEY")
    # Which no person gives to Stripe.
    assert stripe.startswith("attention /altegio/stripe-secret: Stripe comes with another secret")
    assert "into the file SECRET. Put above it what its dashboard shows. Type the" in stripe
    assert "What was refused comes again by itself, for three days > aws" in stripe
    assert "give" not in stripe
    assert stripe.endswith("--name /altegio/stripe-secret --value file://SECRET")
    shown = " ".join(operator("status").replace("\\\n", "").split())
    assert "for 40 min: billing comes" in shown
    assert "get-parameter --with-decryption --name /altegio/billing-key" in shown
    connected.clock.advance(minutes=1)
    connected.restart()
    connected.post_billing(payment("inv-9"), key=key)
    connected.post_stripe(*stripes.signed(stripes.paid(), connected.clock()))
    assert [it for it in told(operator) if "stands there" in it] == []
    connected.clock.advance(minutes=20)
    connected.restart()
    connected.post_billing(payment("inv-9"), key="another")
    [line] = [it for it in told(operator) if "billing comes" in it]
    assert "the last with ours was taken 20 min ago" in line


def test_whose_doing_it_is_that_stripe_is_refused_is_told_by_when_the_secret_was_written(
    connected: Deployment, operator: Operator
) -> None:
    good, wrong = stripes.SECRET, stripes.SECRET.replace("0001", "0002")
    connected.set_stripe_secret(good)

    def comes(secret: str, status: int, **after: float) -> str:
        connected.clock.advance(**after)
        connected.restart()
        signed = stripes.signed(stripes.paid(), connected.clock(), secret)
        assert connected.post_stripe(*signed)[0] == status
        if status == 401:
            operator.watch.counts["BillingRefused"] = 1
            began = connected.clock().replace(second=0)
            operator.watch.at.setdefault("BillingRefused", (began, began))
        found = [it for it in operator.json("status")["troubles"] if it["whom"] == parameter]
        return " > ".join(filter(None, [*map(found[0].get, TOLD)])) if found else ""

    parameter = "/altegio/stripe-secret"
    assert comes(good, 200) == ""
    connected.clock.advance(minutes=9)
    comes(good, 200)
    connected.clock.advance(seconds=20)
    # A colleague tries another one.
    connected.set_stripe_secret(wrong)
    written = moment(connected.clock())
    said = comes(good, 401, seconds=5)
    assert f"{parameter} was written last at {written}, as version 2, and refused first at" in said
    assert "so most likely that writing was wrong: see who did it. The first command wr" in said
    assert "writes version 1 into the file SECRET. Type the second, and delete the file. " in said
    assert f"--name {parameter}:1 --query Parameter.Value --output text > SECRET ||" in said
    assert "give it" not in said
    # Written back: some functions have the wrong one yet.
    connected.clock.advance(seconds=50)
    connected.set_stripe_secret(good)
    [line] = [it for it in told(operator) if "Stripe comes" in it]
    anew = "as version 3, and nobody has come with that yet, as functions read it anew within 5 min"
    assert f"{anew}: look again then" in line
    assert line.endswith(" > status")
    assert comes(good, 200, minutes=1) == ""
    # Long after that, somebody has rolled it at Stripe.
    del operator.watch.at["BillingRefused"]
    said = comes(wrong, 401, minutes=20)
    assert (
        "as version 3; functions read it anew within 5 min, and refused only after that: so" in said
    )
    assert "so Stripe has another by now, unless nothing was sent in between. The first" in said
    assert "Put above it what its dashboard shows." in said


def test_a_key_of_the_portal_that_is_not_ours_is_told_with_its_parameter(
    connected: Deployment, operator: Operator
) -> None:
    key, query = "k" * 40, "ticket=t&account_id=acme-1"
    connected.set_portal_key(key)
    connected.restart(PORTAL_URL="https://my.provider.example")
    assert connected.ask("GET", "/connections", query=query, key="another")[0] == 401
    [line] = told(operator)
    assert line.startswith(
        "attention /altegio/portal-key: the portal (PortalUrl) comes with another"
    )
    assert "none with ours came within a week. /altegio/portal-key was written last at " in line
    assert "Put above it what the portal (PortalUrl) has; or only give the portal" in line
    assert "After that its owners open their link again > aws" in line
    assert line.endswith("--name /altegio/portal-key --value file://KEY")
    connected.clock.advance(minutes=1)
    assert connected.ask("GET", "/connections", query=query, key=key)[0] == 410
    assert told(operator) == []


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
    assert (operator.code, "payment#inv-8" in shown) == (2, True)
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
    another = f"{line.partition(' > ')[2]} --new-key"
    assert f"If nobody has it any more, make another ({another})" in line
    key = operator(*another.split(), "--do").split()[0]
    end(deployment, key, "c-3", location_id=4564)
