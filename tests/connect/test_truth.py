"""What the page says is what is so: a state is made, its page is read, and the doors are tried."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from markupsafe import escape

from functions.connect.english import ENGLISH
from local.simulator import Owner
from shared.calls.shown import PopUp
from shared.chains.switching import TelephonyStanding as Telephony
from shared.clock import stamp
from shared.connect.codes import windows
from tests.calls.telling import end, ring
from tests.deployment import Deployment, Page, payment, refund, ringing

_DAY = timedelta(days=1)


def on(deployment: Deployment) -> str:
    return deployment.connect(4564, 4232).pbx_key


def frozen(deployment: Deployment) -> str:
    return _expired(deployment, on(deployment))


def _expired(deployment: Deployment, key: str) -> str:
    deployment.simulator.expire(4564)
    deployment.let_time_pass(3)
    return key


def _pay(deployment: Deployment) -> None:
    deployment.bill(payment())
    deployment.let_time_pass(3)


def thawed(deployment: Deployment) -> str:
    key = frozen(deployment)
    _pay(deployment)
    return key


def stopped(deployment: Deployment) -> str:
    key = on(deployment)
    deployment.simulator.route(4564, line="+13155559999")
    end(deployment, key, call_id="c-0")
    deployment.let_time_pass(15)
    return key


def without_telephony(deployment: Deployment) -> str:
    key = deployment.connect(4232).pbx_key
    deployment.connect(4564, telephony=False)
    return key


def frozen_without_telephony(deployment: Deployment) -> str:
    return _expired(deployment, without_telephony(deployment))


def frozen_and_stopped(deployment: Deployment) -> str:
    return _expired(deployment, stopped(deployment))


def late(deployment: Deployment) -> str:
    deployment.simulator.fault("enable", "status", status=422, times=100)
    key = on(deployment)
    deployment.let_time_pass(10)
    return key


def _saved(deployment: Deployment) -> int:
    return len(deployment.simulator.saved_calls())


# How a state comes about: what the page says of telephony then, what a call that rings is answered,
# and whether its end is saved within a quarter of an hour.
_STATES: dict[Callable[[Deployment], str], tuple[Telephony, str, bool]] = {
    on: (Telephony.ON, "sent", True),
    frozen: (Telephony.PAUSED, "the location takes no calls", False),
    thawed: (Telephony.ON, "sent", True),
    stopped: (Telephony.STOPPED, "the location takes no calls", False),
    without_telephony: (Telephony.NONE, "the location takes no calls", False),
    frozen_without_telephony: (Telephony.NONE, "the location takes no calls", False),
    frozen_and_stopped: (Telephony.STOPPED, "the location takes no calls", False),
    late: (Telephony.LATE, "sent", False),
}


@pytest.mark.parametrize("state", _STATES, ids=lambda state: state.__name__)
def test_the_page_and_the_door_for_calls_agree(
    deployment: Deployment, state: Callable[[Deployment], str]
) -> None:
    says, shown, is_saved = _STATES[state]
    key = state(deployment)
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert page.telephony == {4564: says}
    assert escape(ENGLISH.telephony[says]) in page.text
    # The same is said of it when another location is opened.
    beside = deployment.visit(deployment.simulator.redirect(4232))
    assert f'data-other-telephony="{says}"' in beside.text
    # Several locations without their lines need one thing more.
    says_done = ENGLISH.connected_before.title in page.text
    assert says_done == (says is Telephony.ON)
    assert ENGLISH.connected_before.lead not in page.text
    before = _saved(deployment)
    assert ring(deployment, key, call_id="c-1") == shown
    end(deployment, key, call_id="c-1")
    deployment.let_time_pass(15)
    assert _saved(deployment) - before == is_saved


def test_what_a_paused_location_missed_is_saved_as_the_page_says(deployment: Deployment) -> None:
    key = frozen(deployment)
    end(deployment, key, call_id="c-1")
    deployment.let_time_pass(15)
    assert _saved(deployment) == 0
    _pay(deployment)
    deployment.let_time_pass(15)
    assert _saved(deployment) == 1


def test_a_frozen_location_is_not_called_connected(deployment: Deployment) -> None:
    frozen(deployment)
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert (page.standings, page.title) == ({4564: "frozen"}, ENGLISH.frozen.title)
    assert ENGLISH.needs_altegio.lead not in page.text
    both = deployment.visit(deployment.simulator.redirect(4564, 4232))
    assert both.standings == {4564: "frozen", 4232: "connected"}
    assert both.title == ENGLISH.frozen.title
    _pay(deployment)
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert page.title == ENGLISH.connected_before.title


def test_what_has_stopped_is_not_called_connected_by_a_link_with_another_token(
    deployment: Deployment,
) -> None:
    stopped(deployment)
    address = deployment.simulator.redirect(4564)
    page = deployment.visit(re.sub("crm_token=[^&]*", "crm_token=another", address))
    assert (page.telephony, page.title) == ({4564: Telephony.STOPPED}, ENGLISH.mute.title)


def test_the_end_of_the_trial_and_of_what_was_paid_is_shown(deployment: Deployment) -> None:
    on(deployment)
    deployment.let_time_pass(3)
    ends = deployment.connection(4564).covered_until
    assert ends is not None
    # Seven days from now, by the template.
    assert 6 * _DAY < ends - deployment.clock() <= 7 * _DAY
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert f'{ENGLISH.covered} <time datetime="{stamp(ends)}">' in page.text
    deployment.simulator.expire(4564)
    deployment.let_time_pass(3)
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert page.text.count(ENGLISH.covered) == len([4232])


def _proven(deployment: Deployment) -> Page:
    deployment.clock.at, _ = windows(deployment.clock.at + timedelta(hours=1))
    page = deployment.visit(deployment.simulator.redirect(4564))
    sent = deployment.post({**page.fields, "action": "code"})
    return deployment.post({**sent.fields, "action": "prove", "code": deployment.code()})


@pytest.mark.parametrize("reconnects", [1, 3])
def test_payments_stay_across_a_reconnect(deployment: Deployment, reconnects: int) -> None:
    deployment.restart(MAIL_FROM="codes@provider.example")
    on(deployment)
    deployment.bill(payment())
    for _ in range(reconnects):
        deployment.clock.advance(minutes=2)
        deployment.simulator.disconnect(4564)
        deployment.connect(4564)
    assert deployment.connection(4564).generation == reconnects + 1
    assert "990.99" in _proven(deployment).text


def test_a_refund_that_waits_says_what_it_waits_for(deployment: Deployment) -> None:
    key = "billing-key-of-more-than-32-characters"
    deployment.set_billing_key(key)
    deployment.restart(MAIL_FROM="codes@provider.example")
    on(deployment)
    deployment.bill(refund(of="inv-1", location_id=4564))
    waits = ENGLISH.refund[1]
    assert waits in _proven(deployment).text
    told = deployment.look_up("ref-1", key=key)[1]["refund"]
    assert told["means"].endswith("it waits for its payment")
    # True for good, though its payment changes before it is tried again.
    assert told["why"] == "its payment was not sent by billing"
    deployment.bill(payment())
    deployment.let_time_pass(3)
    assert waits not in _proven(deployment).text
    told = deployment.look_up("ref-1", key=key)[1]["refund"]
    assert (told["state"], "why" in told) == ("SENT", False)


def test_who_has_a_second_location_is_warned_that_lines_are_needed(deployment: Deployment) -> None:
    """And so it is: a call that names no location is shown before, and waits afterwards."""

    def warned(page: Page) -> bool:
        return "data-needs-lines" in page.text

    def rings(number: int) -> str:
        event = ringing(f"c-{number}", at=deployment.clock().isoformat(), line="+13155550199")
        del event["location_id"]
        return str(deployment.call(event, key)[1]["pop_up"])

    first = deployment.visit(deployment.simulator.grant(4564))
    assert not warned(first)
    key = deployment.press(first).pbx_key
    assert not warned(deployment.visit(deployment.simulator.redirect(4564)))
    assert rings(1) == PopUp.SENT
    # While he can still go and enter the lines of the first.
    second = deployment.visit(deployment.simulator.grant(4232))
    assert warned(second)
    both = deployment.press(second)
    assert warned(both)
    # The frame stays open, as there is something to read.
    assert (ENGLISH.needs_lines[0] in both.text, 'data-modal=""' in both.text) == (True, True)
    later = deployment.visit(deployment.simulator.redirect(4564))
    # A heading that says that nothing is left to do would be wrong.
    assert (ENGLISH.needs_lines[0] in later.text, ENGLISH.connected_before.lead in later.text) == (
        True,
        False,
    )
    assert rings(2) == PopUp.UNKNOWN_LINE
    account_id = deployment.connection(4564).account_id
    assert account_id
    deployment.lines.enter(account_id, {"+13155550199": 4564})
    assert warned(deployment.visit(deployment.simulator.redirect(4564)))
    assert rings(3) == PopUp.SENT
    deployment.lines.enter(account_id, {"102": 4232})
    done = deployment.visit(deployment.simulator.redirect(4564))
    assert (warned(done), ENGLISH.connected_before.lead in done.text) == (False, True)


def test_who_connects_without_telephony_is_not_told_that_all_is_done(
    deployment: Deployment,
) -> None:
    page = deployment.connect(4564, telephony=False)
    assert (page.telephony, page.title) == ({4564: Telephony.NONE}, ENGLISH.mute.title)
    # The frame stays open, as there is something to read.
    assert 'data-modal=""' in page.text


def test_a_location_is_called_as_its_owner_calls_it(deployment: Deployment) -> None:
    """Altegio's link has the name of one location; where it names several, nobody says of which."""
    nord = Owner(salon_name="Studio Nord & Söhne")
    page = deployment.visit(deployment.simulator.grant(4564, owner=nord))
    shown = "<b>Studio Nord &amp; Söhne</b>"
    assert shown in page.text
    assert "Location 4564" in page.text
    deployment.press(page)
    deployment.connect(4232, owner=Owner(salon_name=""))
    # From now on it is so called wherever it is listed.
    for locations in ((4564,), (4232,), (4564, 4232)):
        later = deployment.visit(
            deployment.simulator.redirect(*locations, owner=Owner(salon_name=""))
        )
        assert shown in later.text
        assert later.text.count("Studio") == 1
    both = Owner(salon_name="Studio Süd")
    assert "Süd" not in deployment.visit(deployment.simulator.redirect(4564, 4232, owner=both)).text
    deployment.simulator.disconnect(4564)
    deployment.let_time_pass(3)
    deployment.connect(4564, owner=Owner(salon_name=""))
    assert deployment.connection(4564).name == nord.salon_name
