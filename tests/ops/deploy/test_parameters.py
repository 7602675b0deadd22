"""What an operator may answer is what CloudFormation takes, and why not is a sentence."""

import pytest

from local import PROJECT
from ops.deploy import parameters
from tests.house.test_parameters import TYPOS

KNOWN = parameters.read(PROJECT / "template.yaml")


@pytest.mark.parametrize("typos", TYPOS, ids=lambda typos: typos[0])
def test_a_typo_is_told_in_the_templates_words(typos: tuple[str, ...]) -> None:
    name, *values = typos
    for value in values:
        assert KNOWN[name].wrong(value) == f"{name} {KNOWN[name].constraint}.", value


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DefaultCountry", "UK", "such as GB, and UK is none"),
        ("DefaultCountry", "GB", ""),
        ("PlatformTimezone", "Europe/Berln", "such as Europe/Berlin, and Europe/Berln is none"),
        ("PlatformTimezone", "Europe/Berlin", ""),
    ],
)
def test_what_has_the_form_but_is_not_there_is_told(name: str, value: str, told: str) -> None:
    assert told in KNOWN[name].wrong(value)
    assert bool(told) == bool(KNOWN[name].wrong(value))


@pytest.mark.parametrize("value", ["1_000", "٣٠٠", " 300", "300\n", "1e3", "nan", ""])
def test_a_number_is_what_cloudformation_takes_for_one(value: str) -> None:
    """All else is refused only once samconfig.toml and the tokens were written."""
    assert KNOWN["PacePerMin"].wrong(value)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_default_is_right(name: str) -> None:
    default = KNOWN[name].default
    assert default is None or KNOWN[name].wrong(default) == ""


@pytest.mark.parametrize(
    "value",
    ["", "eu", "Frankfurt", "eu-central", "eu-central-1 ", "EU-WEST-1", "eu-centrl-1", "eu-mars-1"],
)
def test_what_is_no_region(value: str) -> None:
    assert parameters.wrong_region(value)


@pytest.mark.parametrize("value", ["eu-centrl-1", "EU-CENTRAL-1"])
def test_a_region_that_is_meant_is_named(value: str) -> None:
    assert parameters.wrong_region(value).endswith("Is eu-central-1 meant?")
    assert "meant" not in parameters.wrong_region("somewhere")


@pytest.mark.parametrize("value", ["eu-central-1", "us-gov-west-1", "ap-southeast-2"])
def test_what_is_a_region(value: str) -> None:
    assert parameters.wrong_region(value) == ""


@pytest.mark.parametrize(
    "value", ["", "short", "with a space in it", "two\nlines-of-it", "ключ-ключ"]
)
def test_what_is_no_token_is_not_repeated(value: str) -> None:
    reason = parameters.wrong_token(value)
    assert reason
    assert not value or value not in reason


def test_a_token_of_letters_and_signs_is_one() -> None:
    assert parameters.wrong_token("a1B2-c3_d4.e5=") == ""


CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a"


@pytest.mark.parametrize(
    ("values", "region", "told"),
    [
        ({}, "eu-west-1", ""),
        ({"DomainName": ""}, "eu-west-1", ""),
        ({"DomainName": "a.example"}, "eu-west-1", "needs a CertificateArn"),
        ({"DomainName": "a.example", "CertificateArn": CERTIFICATE}, "eu-west-1", ""),
        ({"DomainName": "a.example", "CertificateArn": CERTIFICATE}, "us-east-1", "in us-east-1"),
        ({"CertificateArn": CERTIFICATE}, "eu-west-1", "belong to a DomainName"),
        ({"DomainName": "", "HostedZoneId": "Z0123456789ABC"}, "eu-west-1", "belong to a Domain"),
    ],
)
def test_a_domain_has_a_certificate_of_its_region(
    values: dict[str, str], region: str, told: str
) -> None:
    reason = parameters.wrong_together(values, region)
    assert told in reason
    assert bool(reason) == bool(told)
