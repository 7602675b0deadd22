"""What a provider may set for a rehearsal, and what he is told if that cannot be."""

import pytest

from local import PROJECT
from local.rehearsal import settings
from local.rehearsal.settings import CHANGED
from local.stack.template import Template
from shared.calls.settings import CallPolicy
from shared.connections.settings import LifecyclePolicy
from shared.delays import RETRY_BASE_S


def test_by_default_it_is_the_template_but_for_what_nobody_should_wait_for() -> None:
    found = settings.read()
    assert found.application_id == 101
    assert found.variables() == {name: change.value for name, change in CHANGED.items()}
    template = Template.read(PROJECT / "template.yaml")
    for name, parameter in template.variables.items():
        if parameter and name in found.each:
            assert found.each[name].deployed == str(template.parameters[parameter]), name


def test_what_is_changed_is_told_with_what_is_deployed() -> None:
    told = {name: it.deployed for name, it in settings.read().each.items() if name in CHANGED}
    calls, lives = CallPolicy(), LifecyclePolicy(erase_after_s=1)
    assert float(told["CALL_SETTLE_S"]) == calls.call_settle_s
    assert tuple(map(float, told["CALL_CHECKS_S"].split(","))) == calls.call_checks_s
    assert tuple(map(float, told["HINT_RECHECKS_S"].split(","))) == lives.hint_rechecks_s
    assert float(told["RETRY_BASE_S"]) == RETRY_BASE_S
    assert told["PACE_PER_S"] == "5"
    assert all(it.meaning for it in settings.read().each.values())


@pytest.mark.parametrize("name", ["PROVIDER_NAME", "ProviderName"])
def test_a_setting_has_the_name_of_its_variable_or_of_its_parameter(name: str) -> None:
    found = settings.read([f"{name}=Nordic = Voice", "APPLICATION_ID=4711", "TRIAL_DAYS=0"])
    assert found["PROVIDER_NAME"] == "Nordic = Voice"
    assert found.application_id == 4711
    variables = dict(found.variables())
    assert (variables["PROVIDER_NAME"], variables["TRIAL_DAYS"]) == ("Nordic = Voice", "0")


def test_the_providers_hosts_of_recordings_stand_beside_the_rehearsals() -> None:
    found = settings.read(["RECORDING_HOSTS=pbx.example.com"])
    assert found["RECORDING_HOSTS"] == "pbx.example.com records.example"
    assert found.each["RECORDING_HOSTS"].deployed == "pbx.example.com"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("PROVIDER_NAME", "no NAME=VALUE"),
        ("PROVIDERNAME=x", "no setting PROVIDERNAME"),
        ("BRAND_COLOR=red", "BrandColor must be a colour"),
        ("APPLICATION_ID=x", "ApplicationId must be the number"),
        ("PORTAL_URL=https://a.example", "the rehearsal's own"),
        ("PLATFORM_APP_URL=https://a.example", "the rehearsal's own"),
        ("TRIAL_DAYS=-1", "free application"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(given: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        settings.read([given])
    assert str(refused.value).count("\n") == 0
    assert str(refused.value).endswith(".")
