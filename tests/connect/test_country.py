"""The country of an account, in which numbers are read that name none."""

import json

import pytest

from local.simulator import Owner
from shared import countries
from shared.connections.accounts import Account, Accounts
from tests.connect.test_portal import KEY, PORTAL, arrive, connect, ticket_of
from tests.deployment import Deployment, Page

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")


def account(deployment: Deployment) -> Account:
    """The account of the location that was connected."""
    account_id = deployment.connection(4564).account_id
    assert account_id is not None
    found = accounts(deployment).of_id(account_id)
    assert found is not None
    return found


def accounts(deployment: Deployment) -> Accounts:
    return Accounts(deployment._dynamodb, deployment.environments["connect"]["ACCOUNTS_TABLE"])


def form(deployment: Deployment, phone: str = ANNA.phone) -> Page:
    owner = Owner(id=7, name="Anna Schmidt", phone=phone, email="anna@salon.example")
    return deployment.visit(deployment.simulator.grant(4564, owner=owner))


@pytest.mark.parametrize(
    ("phone", "country", "shown"),
    [
        ("4915112345678", "DE", "+4915112345678"),
        ("15551230000", "US", "+15551230000"),
        ("14165550175", "CA", "+14165550175"),
        ("74951234567", "RU", "+74951234567"),
        ("77011234567", "KZ", "+77011234567"),
        ("", "", ""),
        ("no phone", "", "no phone"),
    ],
)
def test_the_form_shows_the_country_of_the_owners_phone(
    deployment: Deployment, phone: str, country: str, shown: str
) -> None:
    page = form(deployment, phone)
    assert (page.fields["country"], page.fields["phone"]) == (country, shown)
    for code, dialled in countries.CODES.items():
        assert f'value="{code}">{code} +{dialled}</option>' in page.text


@pytest.mark.parametrize(
    ("country", "typed", "phone"),
    [
        ("US", "(315) 555-0100", "+13155550100"),
        ("US", "315-555-0100 x101", "+13155550100"),
        ("RU", "8 (495) 123-45-67", "+74951234567"),
        ("KZ", "8 701 123 45 67", "+77011234567"),
        ("DE", "030/1234567", "+49301234567"),
        ("GB", "+1\u00a0315\u2011555\u20110100", "+13155550100"),
        ("GB", "\u202a+1 315 555 0100\u202c", "+13155550100"),
        ("NL", "00 1 315 555 0100", "+13155550100"),
        ("US", "", ""),
    ],
)
def test_a_phone_is_read_as_it_is_written_in_the_country(
    deployment: Deployment, country: str, typed: str, phone: str
) -> None:
    result = deployment.press(form(deployment), country=country, phone=typed)
    assert result.standings == {4564: "connected"}
    assert (account(deployment).phone, account(deployment).country) == (phone, country)


@pytest.mark.parametrize(
    ("wrong", "typed"),
    [
        ("country", {"country": ""}),
        ("country", {"country": "XX"}),
        ("country", {"country": "de"}),
        ("country", {"country": "Deutschland" * 100}),
        ("phone", {"phone": "555-0100", "country": "US"}),
        ("phone", {"phone": "anonymous"}),
        ("phone", {"phone": "101"}),
        ("phone", {"phone": "<script>"}),
        ("phone", {"phone": "0" * 5000}),
    ],
)
def test_what_cannot_be_read_is_shown_again_and_connects_nothing(
    deployment: Deployment, wrong: str, typed: dict[str, str]
) -> None:
    again = deployment.press(form(deployment), **typed)
    assert again.status == 422
    assert f'id="{wrong}-error"' in again.text
    assert again.fields["phone"] == typed.get("phone", "+4915112345678")
    assert deployment.rows("ACCOUNTS_TABLE") == []
    assert deployment.press(again, country="DE", phone="").standings == {4564: "connected"}


def proven(deployment: Deployment) -> Page:
    """The page of an owner who has proven that the account is his."""
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    page = deployment.post({**page.fields, "action": "code"})
    return deployment.post({**page.fields, "action": "prove", "code": deployment.code()})


def test_an_owner_changes_it_on_his_page(deployment: Deployment) -> None:
    page = proven(deployment)
    assert '<section data-country="DE">' in page.text
    changed = deployment.post({**page.fields, "action": "country", "country": "AT"})
    assert changed.status == 200
    assert '<section data-country="AT">' in changed.text
    assert "Saved" in changed.text
    assert account(deployment).country == "AT"
    assert account(deployment).phone == "+4915112345678"
    words = [row["words"] for row in deployment.rows("JOURNAL_TABLE")]
    assert words.count("country DE -> AT, by its owner") == 1


@pytest.mark.parametrize("country", ["", "XX", "at", "\x00"])
def test_no_other_word_is_a_country(deployment: Deployment, country: str) -> None:
    page = proven(deployment)
    refused = deployment.post({**page.fields, "action": "country", "country": country})
    assert refused.status == 422
    assert 'id="country-error"' in refused.text
    assert account(deployment).country == "DE"


def test_without_a_proof_nobody_changes_it(deployment: Deployment) -> None:
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert "data-country" not in page.text
    deployment.post({**page.fields, "action": "country", "country": "AT"})
    assert account(deployment).country == "DE"


def test_a_customer_of_the_portal_has_the_country_of_his_phone(deployment: Deployment) -> None:
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL=PORTAL)
    ticket = ticket_of(arrive(deployment, deployment.simulator.grant(4564, owner=ANNA)))
    connect(deployment, ticket, "acme-1")
    assert account(deployment).country == "DE"


def test_an_account_from_before_has_the_country_of_its_phone(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    [row] = [it for it in deployment.rows("ACCOUNTS_TABLE") if "phone" in it]
    assert row["country"] == "DE"
    deployment._dynamodb.update_item(
        TableName=deployment.environments["connect"]["ACCOUNTS_TABLE"],
        Key={"key": {"S": row["key"]}},
        UpdateExpression="REMOVE country",
    )
    assert "country" not in json.dumps(deployment.rows("ACCOUNTS_TABLE"))
    assert account(deployment).country == "DE"
