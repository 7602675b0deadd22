"""The second proof, through the page: what it opens, and what stays shut without it."""

import re
from datetime import timedelta
from typing import Any

import boto3
import pytest

from functions.connect import app
from functions.connect.english import ENGLISH
from functions.connect.russian import RUSSIAN
from local.simulator import Owner
from shared.connect.codes import DIGITS, windows
from shared.connect.one_time_code import MOST_LETTERS
from shared.connect.tickets import MOST_TRIES, Tickets
from tests.deployment import Deployment, Page, finished, payment, refund
from tests.memory import Memory

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
# The same person, as another user of Altegio.
TWIN = Owner(id=8, name="Anna", phone="4915112345678", email="Anna@Salon.example ")
BORIS = Owner(id=9, name="Boris", phone="4915187654321", email="boris@salon.example")


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    """At the beginning of a half hour, as a code is its half hour's."""
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.clock.at, _ = windows(deployment.clock.at)
    return deployment


def ended(deployment: Deployment, call_id: str) -> dict[str, Any]:
    return {**finished(call_id), "started_at": deployment.clock().isoformat()}


def act(deployment: Deployment, page: Page, action: str, **typed: str) -> Page:
    """Presses one of several buttons."""
    assert action in page.buttons
    return deployment.post({**page.fields, "action": action, **typed})


def asked(deployment: Deployment, address: str = "") -> Page:
    """Opens the link, Anna's unless said otherwise, and asks for a code."""
    page = deployment.visit(address or deployment.simulator.redirect(4564, owner=ANNA))
    return act(deployment, page, "code")


def other_than(code: str) -> str:
    return f"{(int(code.replace(' ', '')) + 1) % 10**DIGITS:0{DIGITS}}"


def proven(deployment: Deployment, page: Page) -> Page:
    """Goes through the proof."""
    sent = act(deployment, page, "code")
    assert sent.proof == "sent"
    return act(deployment, sent, "prove", code=deployment.code())


def test_the_settings_show_the_other_locations_and_offer_the_rest(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    deployment.connect(4232, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert page.standings == {4564: "connected"}
    assert page.others == [4232]
    assert (page.proof, page.buttons, page.fates) == ("offered", ["code"], [])
    assert page.pbx_key == ""
    assert deployment.letters == []


def test_without_an_address_to_send_from_nothing_can_be_proven(deployment: Deployment) -> None:
    deployment.restart(MAIL_FROM="")
    page = deployment.connect(4564, owner=ANNA)
    assert (page.proof, page.buttons) == ("", [])
    ticket = deployment.visit(deployment.simulator.grant(4232, owner=ANNA)).fields["ticket"]
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert (page.proof, page.buttons) == ("", [])
    # Nor does a form that somebody has made himself send anything.
    asked = deployment.post({"ticket": ticket, "action": "code"})
    assert (asked.status, asked.proof) == (200, "")
    assert deployment.letters == []


def test_the_recipes_name_a_location_of_the_account(deployment: Deployment) -> None:
    """Not one of the link that is another's: its calls would be refused."""
    deployment.connect(4564, owner=ANNA)
    page = proven(deployment, deployment.visit(deployment.simulator.redirect(9000, owner=ANNA)))
    assert page.standings == {9000: "not granted"}
    assert "&#34;location_id&#34;: 4564," in page.text
    assert "&#34;location_id&#34;: 9000," not in page.text


def test_of_very_many_locations_all_can_be_chosen_and_none_is_counted_twice(
    deployment: Deployment,
) -> None:
    deployment.connect(*range(1, 66), owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(65, owner=ANNA))
    assert (page.standings, len(page.others)) == ({65: "connected"}, 20)
    assert ENGLISH.more["other"].format(number=44) in page.text
    page = proven(deployment, page)
    assert all(f'<option value="{each}">' in page.text for each in range(1, 66))


def test_whoever_has_asked_with_the_link_its_owner_can_prove_himself_and_connect(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    granted = deployment.simulator.grant(4232, owner=ANNA)
    hundreds = deployment.simulator.redirect(*range(9000, 9300), owner=ANNA)
    ticket = deployment.visit(hundreds).fields["ticket"]
    assert deployment.post({"ticket": ticket, "action": "connect"}).status == 429
    page = deployment.visit(granted)
    assert (page.status, page.title) == (429, ENGLISH.needs_code.title)
    assert (page.standings, page.buttons, page.others) == ({}, ["code"], [4564])
    # A code that is wrong is no end of it.
    sent = act(deployment, page, "code")
    assert (sent.status, sent.proof) == (429, "sent")
    page = act(deployment, sent, "prove", code=other_than(deployment.code()))
    assert (page.proof, page.buttons) == ("wrong", ["prove", "code"])
    page = act(deployment, sent, "prove", code=deployment.code())
    assert (page.status, page.standings) == (200, {4232: "ready"})
    assert act(deployment, page, "connect").standings == {4232: "connected"}
    # Whoever only has the link is still turned away.
    assert deployment.visit(hundreds).status == 429


def test_a_proof_has_questions_of_its_own_and_no_more_than_others(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(*range(9000, 9300), owner=ANNA))
    asked = len(deployment.simulator.calls("status"))
    page = proven(deployment, page)
    assert (page.proof, page.others) == ("given", [4564])
    for _ in range(3):
        page = deployment.post({**page.fields, "action": "look"})
    assert (page.proof, page.others) == ("given", [4564])
    assert len(deployment.simulator.calls("status")) <= asked + 120


def test_the_code_opens_calls_and_payments_and_their_fate(deployment: Deployment) -> None:
    page = deployment.connect(4564, owner=ANNA)
    deployment.call(ended(deployment, "c-1"), page.pbx_key)
    deployment.drain_calls()
    deployment.bill(payment())
    deployment.bill(payment("inv-2", amount="12.50"))
    deployment.bill(refund(of="inv-2"))
    shown = proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    assert (shown.title, shown.proof) == ("Settings", "given")
    assert "+13155550175" in shown.text
    assert "€990.99" in shown.text
    assert "€12.50" in shown.text
    assert ENGLISH.refund[0] in shown.text
    assert sorted(shown.fates) == ["SENT", "SENT", "SENT", "waiting"]
    [letter] = deployment.letters
    assert (letter["from"], letter["to"]) == ("codes@provider.example", ["anna@salon.example"])
    assert letter["subject"] == "Your code for IP telephony"
    # Neither is a proof given once more than half an hour of use.
    deployment.clock.advance(minutes=31)
    late = act(deployment, shown, "rotate")
    assert (late.proof, late.pbx_key, late.fates) == ("offered", "", [])


def test_the_code_opens_what_altegio_lacks_of_a_call(deployment: Deployment) -> None:
    """A recording that was ready late, and a number that is none; the rest is in Altegio."""
    key = deployment.connect(4564, owner=ANNA).pbx_key
    late, in_time = (f"https://records.example/{each}.mp3?a=1&b=2" for each in ("late", "in-time"))
    deployment.call(ended(deployment, "c-1"), key)
    deployment.call({**ended(deployment, "c-2"), "recording_url": in_time}, key)
    deployment.call({**ended(deployment, "c-3"), "phone": "+999123456789"}, key)
    deployment.let_time_pass(10)
    deployment.call({**ended(deployment, "c-1"), "duration_s": 91, "recording_url": late}, key)
    link = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert "records.example" not in link.text
    shown = proven(deployment, link)
    assert late.replace("&", "&amp;") in shown.text
    assert ENGLISH.recording in shown.text
    assert "in-time" not in shown.text
    assert "999123456789" in shown.text


def test_what_happened_to_the_owner_before_is_not_shown(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    deployment.bill(payment())
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564)
    deployment.connect(4564, owner=BORIS)
    # It changes the payment's row, too.
    deployment.bill(refund())
    shown = proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=BORIS)))
    assert shown.proof == "given"
    assert "990.99" not in shown.text


def test_a_new_key_leaves_the_old_one_good_for_a_day(deployment: Deployment) -> None:
    old = deployment.connect(4564, owner=ANNA).pbx_key
    shown = proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    new = act(deployment, shown, "rotate").pbx_key
    assert new not in ("", old)
    deployment.clock.advance(hours=23, minutes=59)
    for key in (old, new):
        assert deployment.call(ended(deployment, "c-1"), key)[0] == 202
    deployment.clock.advance(minutes=1)
    assert deployment.call(ended(deployment, "c-1"), old)[0] == 401
    assert deployment.call(ended(deployment, "c-1"), new)[0] == 202


def test_a_new_key_voids_the_old_ones_at_once_if_asked_to(deployment: Deployment) -> None:
    keys = [deployment.connect(4564, owner=ANNA).pbx_key]
    shown = proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    keys += [act(deployment, shown, action).pbx_key for action in ("rotate", "void")]
    journal = [it.words for it in deployment.journal.of_location(4564)]
    for when in ("good for a day", "void at once"):
        assert f"new PBX key, the one before is {when}, by its owner" in journal
    told = [deployment.call(ended(deployment, "c-1"), key)[0] for key in keys]
    assert told == [401, 401, 202]


def test_however_many_keys_are_made_four_are_good(deployment: Deployment) -> None:
    """The newest and three before it, so that whichever the PBX has, it is heard."""
    keys = [deployment.connect(4564, owner=ANNA).pbx_key]
    shown = proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    for _ in range(3):
        keys.append(act(deployment, shown, "rotate").pbx_key)
        deployment.clock.advance(seconds=1)
    assert len({*keys}) == 4
    assert {deployment.call(ended(deployment, "c-1"), key)[0] for key in keys} == {202}
    keys += [act(deployment, shown, "rotate").pbx_key for _ in range(2)]
    told = [deployment.call(ended(deployment, "c-1"), key)[0] for key in keys]
    assert told == [401, 401, 202, 202, 202, 202]
    [row] = [it for it in deployment.rows("ACCOUNTS_TABLE") if "pbx_key_at" in it]
    assert len(row["replaced_pbx_keys"]) == 3


@pytest.mark.parametrize("action", ["rotate", "void", "prove"])
def test_nothing_is_opened_by_the_link_alone(deployment: Deployment, action: str) -> None:
    old = deployment.connect(4564, owner=ANNA).pbx_key
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    tried = deployment.post({**page.fields, "action": action, "code": "0000 0000 0000"})
    assert (tried.pbx_key, tried.fates) == ("", [])
    assert deployment.call(ended(deployment, "c-1"), old)[0] == 202


def test_a_wrong_code_is_said_and_a_ticket_has_five_tries(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = asked(deployment)
    for _ in range(MOST_TRIES):
        page = act(deployment, page, "prove", code=other_than(deployment.code()))
        assert (page.status, page.proof) == (200, "wrong")
    assert act(deployment, page, "prove", code=deployment.code()).proof == "wrong"
    # Another page has tries of its own, and the letter is good there as well.
    page = asked(deployment)
    for _ in range(MOST_TRIES - 1):
        page = act(deployment, page, "prove", code=other_than(deployment.code()))
    assert act(deployment, page, "prove", code=deployment.code()).proof == "given"


@pytest.mark.parametrize("code", ["", " ", "١٢٣٤ ١٢٣٤ ١٢٣٤", "²", "\ud800", "1" * 5000])
def test_what_is_no_code_is_a_wrong_one(deployment: Deployment, code: str) -> None:
    deployment.connect(4564, owner=ANNA)
    sent = asked(deployment)
    fields = {**sent.fields, "action": "prove", "code": code.encode(errors="replace").decode()}
    tried = deployment.post(fields)
    assert (tried.status, tried.proof) == (200, "wrong")


def test_the_field_takes_the_code_as_it_is_written(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = asked(deployment)
    code = deployment.code()
    assert len(code.replace(" ", "")) == DIGITS
    [field] = re.findall('<input name="code"[^>]*>', page.text)
    assert 'inputmode="numeric"' in field
    assert 'autocomplete="one-time-code"' in field
    [longest] = re.findall('maxlength="([0-9]+)"', field)
    assert int(longest) >= len(code)
    assert act(deployment, page, "prove", code=f" {code.replace(' ', '-')} ").proof == "given"


@pytest.mark.parametrize(
    ("sent_at", "minutes", "proof"),
    [(0, 0, "given"), (0, 59, "given"), (0, 60, "wrong"), (29, 30, "given"), (29, 31, "wrong")],
)
def test_a_code_is_good_in_its_half_hour_and_in_the_next(
    deployment: Deployment, sent_at: int, minutes: int, proof: str
) -> None:
    deployment.connect(4564, owner=ANNA)
    deployment.clock.advance(minutes=sent_at)
    page = asked(deployment)
    deployment.clock.advance(minutes=minutes)
    assert act(deployment, page, "prove", code=deployment.code()).proof == proof


def test_a_code_is_good_at_once_whose_sender_has_a_clock_minutes_ahead(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    deployment.clock.advance(minutes=31)
    page = asked(deployment)
    deployment.clock.advance(minutes=-4)
    assert act(deployment, page, "prove", code=deployment.code()).proof == "given"


def test_a_code_proves_once_whichever_page_asked_for_it(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    asking, other = asked(deployment), asked(deployment)
    first, second = (letter["text"] for letter in deployment.letters)
    assert first == second
    assert act(deployment, asking, "prove", code=deployment.code()).proof == "given"
    late = act(deployment, other, "prove", code=deployment.code())
    assert late.proof == "wrong"
    # The next one is another, and that of the next half hour is not the used one either.
    used = deployment.code()
    assert proven(deployment, late).proof == "given"
    assert deployment.code() != used
    deployment.clock.advance(minutes=30)
    assert act(deployment, asked(deployment), "prove", code=used).proof == "wrong"


def test_a_code_that_is_entered_twice_was_right(deployment: Deployment) -> None:
    """As when the page is loaded again."""
    deployment.connect(4564, owner=ANNA)
    sent = asked(deployment)
    for _ in range(MOST_TRIES + 1):
        assert act(deployment, sent, "prove", code=deployment.code()).proof == "given"
    # Not for longer than the proof holds.
    deployment.clock.advance(minutes=31)
    assert act(deployment, sent, "prove", code=deployment.code()).proof == "wrong"


def test_a_lost_answer_of_the_table_loses_no_key_and_no_code(
    deployment: Deployment, memory: Memory
) -> None:
    """The write is made, its answer is lost, and AWS's client makes it once more."""
    written: list[str] = []

    def twice(operation: str, asked: Any) -> None:
        if operation == "UpdateItem":
            memory.before = None
            memory.client("dynamodb").update_item(**asked)
            memory.before = twice
            written.append(asked["TableName"])

    memory.before = twice
    page = deployment.connect(4564, owner=ANNA)
    assert page.pbx_key.startswith("pbx_")
    given = proven(deployment, page)
    assert given.proof == "given"
    assert act(deployment, given, "rotate").pbx_key.startswith("pbx_")
    assert len({*written}) > 1


def test_of_two_pages_that_bring_a_code_at_once_one_proves(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.connect(4564, owner=ANNA)
    page, other = asked(deployment), asked(deployment)
    use_code = Tickets.use_code
    proofs = []

    def used(self: Tickets, *arguments: Any) -> bool:
        monkeypatch.setattr(Tickets, "use_code", use_code)
        proofs.append(act(deployment, other, "prove", code=deployment.code()).proof)
        return use_code(self, *arguments)

    monkeypatch.setattr(Tickets, "use_code", used)
    proofs.append(act(deployment, page, "prove", code=deployment.code()).proof)
    assert proofs == ["given", "wrong"]


def test_a_code_is_of_one_account(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    deployment.connect(4232, owner=BORIS)
    asked(deployment)
    code = deployment.code()
    page = asked(deployment, deployment.simulator.redirect(4232, owner=BORIS))
    assert deployment.code() != code
    assert act(deployment, page, "prove", code=code).proof == "wrong"


def test_the_letter_says_that_somebody_else_may_have_asked(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    asked(deployment)
    text = deployment.letters[-1]["text"]
    assert "valid for half an hour" in text
    assert "somebody else did. Nothing has happened" in text


def test_a_letter_that_cannot_be_sent_is_said_and_not_logged(
    deployment: Deployment, logged: Any
) -> None:
    deployment.connect(4564, owner=ANNA)
    boto3.Session().client("sesv2").refuses = "MessageRejected"
    page = act(
        deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)), "code"
    )
    assert (page.status, page.proof) == (200, "not sent")
    said = logged()
    assert "MessageRejected" in said
    assert "anna@salon.example" not in said
    # What was not sent is not counted, and no code of it is good.
    for _ in range(MOST_LETTERS):
        assert asked(deployment).proof == "not sent"
    boto3.Session().client("sesv2").refuses = ""
    assert proven(deployment, page).proof == "given"


def test_a_domain_of_other_letters_is_written_to(deployment: Deployment) -> None:
    """SES takes it in Punycode; IDNA of 2003 would send a German one to somebody else."""
    for number, (address, sent_to) in enumerate(
        {
            "info@салон.рф": "info@xn--80awgdm.xn--p1ai",
            "Anna@Straße.example": "Anna@xn--strae-oqa.example",
        }.items()
    ):
        owner = Owner(id=70 + number, name="Anna", phone="", email="anna@salon.example")
        page = deployment.visit(deployment.simulator.grant(9001 + number, owner=owner))
        # Nobody can be written to who has such letters before the @.
        wrong = deployment.press(page, email=address.replace("@", "ñ@"), country="DE")
        assert (wrong.status, ENGLISH.errors["email"] in wrong.text) == (422, True)
        connected = deployment.press(wrong, email=address)
        assert act(deployment, connected, "code").proof == "sent"
        assert deployment.letters[-1]["to"] == [sent_to]


def test_a_code_is_in_no_table_and_no_log(deployment: Deployment, logged: Any) -> None:
    deployment.connect(4564, owner=ANNA)
    page = asked(deployment)
    code = deployment.code().replace(" ", "")

    def kept() -> str:
        return str(deployment.rows("TICKETS_TABLE")) + str(deployment.rows("ACCOUNTS_TABLE"))

    assert code not in kept()
    act(deployment, page, "prove", code=other_than(code))
    assert act(deployment, page, "prove", code=code).proof == "given"
    assert code not in kept()
    assert code not in logged().replace(" ", "")
    [row] = [row for row in deployment.rows("TICKETS_TABLE") if "letters" in row]
    assert row.keys() == {"ticket_hash", "letters", "used", "used_by", "expires_at"}
    until = deployment.clock() + timedelta(hours=1)
    assert until.timestamp() < row["expires_at"] <= (until + timedelta(hours=1)).timestamp()


def test_a_code_in_russian(deployment: Deployment) -> None:
    deployment.accept_language = "ru"
    deployment.connect(4564, owner=ANNA)
    shown = proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    assert RUSSIAN.calls[1] in shown.text
    assert re.match("Ваш код", deployment.letters[0]["text"])


# The partner token, of which a code is made


def test_a_code_outlives_a_rotation_of_the_partner_token(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.connect(4564, owner=ANNA)
    page = asked(deployment)
    old = deployment.code()
    before = app.wired
    deployment.set_token("the new one", deployment.simulator.partner_token)
    deployment.restart(MAIL_FROM="codes@provider.example")
    assert act(deployment, page, "prove", code=old).proof == "given"
    # Newly sent ones are of the new token, also where only the old one was known until now.
    page = asked(deployment)
    monkeypatch.setattr(app, "wired", before)
    assert act(deployment, page, "prove", code=deployment.code()).proof == "given"
    # Afterwards, nothing is of the old one.
    deployment.set_token(deployment.simulator.partner_token)
    deployment.restart(MAIL_FROM="codes@provider.example")
    page = asked(deployment)
    code = deployment.code()
    deployment.set_token("the new one")
    deployment.restart(MAIL_FROM="codes@provider.example")
    late = act(deployment, page, "prove", code=code)
    assert late.proof == "wrong"
    assert proven(deployment, late).proof == "given"


def test_without_a_partner_token_there_are_no_codes(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    deployment.set_token(" ")
    deployment.restart(MAIL_FROM="codes@provider.example")
    assert act(deployment, page, "code").proof == "not sent"
    assert deployment.letters == []


# An account that is registered already, of another user of Altegio


def test_an_equal_address_that_was_proven_offers_to_link(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    page = deployment.visit(deployment.simulator.grant(4232, owner=TWIN))
    assert (page.title, page.proof) == ("Connect your telephony", "offered")
    assert ENGLISH.link.split(".", maxsplit=1)[0] in page.text
    # Nothing of the other account is shown until then.
    assert page.others == []
    assert "4564" not in page.text
    linked = proven(deployment, page)
    assert linked.others == [4564]
    done = act(deployment, linked, "connect")
    assert done.standings == {4232: "connected"}
    assert deployment.connection(4232).account_id == deployment.connection(4564).account_id
    # From now on he is known, as is the first.
    assert deployment.visit(deployment.simulator.grant(4777, owner=TWIN)).title.startswith(
        "Welcome back"
    )
    assert deployment.visit(deployment.simulator.grant(4778, owner=ANNA)).title.startswith(
        "Welcome back"
    )


def test_whoever_does_not_want_to_link_registers(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    page = deployment.visit(deployment.simulator.grant(4232, owner=TWIN))
    assert act(deployment, page, "connect").standings == {4232: "connected"}
    assert deployment.connection(4232).account_id != deployment.connection(4564).account_id


def test_an_address_that_nobody_has_proven_or_a_telephone_links_nothing(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    assert deployment.visit(deployment.simulator.grant(4232, owner=TWIN)).proof == ""
    proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    stranger = Owner(id=9, name="Anna", phone=ANNA.phone, email="other@salon.example")
    assert deployment.visit(deployment.simulator.grant(4777, owner=stranger)).proof == ""


def test_a_linked_account_is_forgotten_with_all_that_leads_to_it(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))
    page = deployment.visit(deployment.simulator.redirect(4564, owner=TWIN))
    proven(deployment, page)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(40)
    deployment.clock.advance(days=31)
    deployment.reconcile()
    assert deployment.rows("ACCOUNTS_TABLE") == []
