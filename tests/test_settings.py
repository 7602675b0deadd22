"""Settings: what a function needs is what template.yaml gives it, no more and no less."""

from dataclasses import MISSING
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.billing.wiring import Settings as BillingSettings
from functions.calls.wiring import Settings as CallsSettings
from functions.connect.wiring import Settings as ConnectSettings
from functions.disable.wiring import Settings as DisableSettings
from functions.payments.wiring import Settings as PaymentsSettings
from functions.reconcile.wiring import Settings as ReconcileSettings
from shared import delays
from shared import settings as config
from shared.settings import ConfigError
from tests.house.template import TEMPLATE

SETTINGS: dict[str, type] = {
    "ConnectFunction": ConnectSettings,
    "PaymentsFunction": PaymentsSettings,
    "BillingFunction": BillingSettings,
    "DisableFunction": DisableSettings,
    "CallsFunction": CallsSettings,
    "ReconcileFunction": ReconcileSettings,
}
CONSTANTS = {
    name: value
    for kind in SETTINGS.values()
    for name, value in config.variables(kind).items()
    if value is not MISSING
}
ENVIRONMENT = {
    **dict.fromkeys(config.variables(ReconcileSettings), "1"),
    "APPLICATION_ID": "101",
    "PLATFORM_TIMEZONE": "Europe/Berlin",
    "HTTP_TOTAL_S": "10",
    "ABSENCE_DELAY_S": "2",
    "BILLING_QUEUE_URL": "https://sqs.invalid/billing",
    "RETRY_BASE_S": "0.5",
    "HINT_RECHECKS_S": "60,300,1800.5",
    "TRIAL_DAYS": "-1",
    "SOMETHING_ELSE": "ignored",
}


def environment_of(function: str) -> dict[str, Any]:
    """The variables that template.yaml gives to a function, but for Powertools' own."""
    common = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = TEMPLATE["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
    return {
        name: value
        for name, value in {**common, **own}.items()
        if not name.startswith("POWERTOOLS_")
    }


def needed(settings: type) -> set[str]:
    """The variables that have no default."""
    return {name for name, value in config.variables(settings).items() if value is MISSING}


def test_every_function_has_its_settings() -> None:
    functions = {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert functions == set(SETTINGS)


@pytest.mark.parametrize("function", sorted(SETTINGS))
def test_the_template_gives_a_function_exactly_its_variables(function: str) -> None:
    assert set(environment_of(function)) == needed(SETTINGS[function])


def test_a_constant_is_the_same_in_every_function() -> None:
    told = {
        (name, value)
        for settings in SETTINGS.values()
        for name, value in config.variables(settings).items()
        if value is not MISSING
    }
    shared = {name: value for name, value in vars(delays).items() if name.isupper()}
    assert shared.items() <= told
    assert len(told) == len(dict(told))


@pytest.mark.parametrize("function", sorted(SETTINGS))
def test_a_variable_overrides_a_constant_and_its_default_reads_back(function: str) -> None:
    """As an operator reads it in docs/configuration.md."""
    settings = SETTINGS[function]
    environ = {**ENVIRONMENT, **dict.fromkeys(needed(settings) - set(ENVIRONMENT), "1")}
    environ = {name: environ[name] for name in needed(settings)}
    shown = {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in config.variables(settings).items()
        if value is not MISSING
    }
    assert config.read(settings, environ) == config.read(settings, {**environ, **shown})
    for name in shown:
        assert config.read(settings, environ) != config.read(settings, {**environ, name: "77"})


@pytest.mark.parametrize("function", sorted(SETTINGS))
def test_the_defaults_of_the_template_are_of_the_right_kind(function: str) -> None:
    parameters = TEMPLATE["Parameters"]
    environ = {}
    for name, value in environment_of(function).items():
        referred = value["Ref"]
        default = parameters[referred].get("Default", 1) if referred in parameters else referred
        environ[name] = str(default)
    assert isinstance(config.read(SETTINGS[function], environ), SETTINGS[function])


def test_settings_are_read_with_their_kinds() -> None:
    settings = config.read(ReconcileSettings, ENVIRONMENT)
    assert settings.platform.application_id == 101
    assert settings.platform.http_total_s == 10.0
    assert settings.platform.platform_timezone == ZoneInfo("Europe/Berlin")
    assert settings.lifecycle.hint_rechecks_s == (60.0, 300.0, 1800.5)
    assert settings.lifecycle.retry_base_s == settings.ledger.retry_base_s == 0.5
    assert settings.cover.trial_days == -1
    assert settings.billing_queue_url == "https://sqs.invalid/billing"


def test_one_delay_is_enough() -> None:
    settings = config.read(ReconcileSettings, {**ENVIRONMENT, "HINT_RECHECKS_S": "60"})
    assert settings.lifecycle.hint_rechecks_s == (60.0,)


@pytest.mark.parametrize("settings", sorted(SETTINGS.values(), key=repr))
def test_all_that_is_missing_is_named_at_once(settings: type) -> None:
    with pytest.raises(ConfigError) as caught:
        config.read(settings, {})
    assert set(str(caught.value).split("; ")) == {f"{name} is not set" for name in needed(settings)}


def test_one_missing_variable_is_named_alone() -> None:
    for name in needed(ReconcileSettings):
        environ = {key: value for key, value in ENVIRONMENT.items() if key != name}
        with pytest.raises(ConfigError) as caught:
            config.read(ReconcileSettings, environ)
        assert str(caught.value) == f"{name} is not set"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APPLICATION_ID", ""),
        ("APPLICATION_ID", "one"),
        ("APPLICATION_ID", "1.5"),
        ("HTTP_TOTAL_S", ""),
        ("HTTP_TOTAL_S", "10 s"),
        ("LEASE_S", "1,5"),
        ("LEASE_S", "nan"),
        ("ABSENCE_DELAY_S", "inf"),
        ("TRIAL_DAYS", "7.5"),
        ("HINT_RECHECKS_S", ""),
        ("HINT_RECHECKS_S", "60,"),
        ("HINT_RECHECKS_S", "60;300"),
        ("HINT_RECHECKS_S", "60,five"),
        ("HINT_RECHECKS_S", "60,nan"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.read(ReconcileSettings, {**ENVIRONMENT, name: value})
    assert f"{name} has a value of the wrong kind" in str(caught.value)
    assert "is not set" not in str(caught.value)
    assert not value or value not in str(caught.value)


BOUNDS = "has to be above 0, and at most 31536000"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("LEASE_S", "0", BOUNDS),
        ("LEASE_S", "-1", BOUNDS),
        ("LEASE_S", "1e300", BOUNDS),
        ("ABSENCE_DELAY_S", "-5", BOUNDS),
        ("ABSENCE_DELAY_S", "31536001", BOUNDS),
        ("HINT_RECHECKS_S", "300,60,-10", BOUNDS),
        ("HINT_RECHECKS_S", "0,60", BOUNDS),
        ("HINT_RECHECKS_S", "300,60", "has to name the shorter delay first"),
        ("ABSENCE_DELAY_S", "60", "has to be longer than LEASE_S"),
        ("ABSENCE_DELAY_S", "2", "has to be longer than LEASE_S"),
    ],
)
def test_an_override_out_of_bounds_is_told_in_a_sentence(name: str, value: str, rule: str) -> None:
    """A lease that has passed when it begins is none: a payment might be sent twice."""
    with pytest.raises(ConfigError) as caught:
        config.read(ReconcileSettings, {**ENVIRONMENT, "LEASE_S": "60", name: value})
    assert f"{name} {rule}" in str(caught.value).split("; ")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (settings, name)
        for settings in SETTINGS.values()
        for name in sorted(set(CONSTANTS) & set(config.variables(settings)))
    ],
)
def test_no_constant_becomes_nothing(settings: type, name: str) -> None:
    environ = {**ENVIRONMENT, **dict.fromkeys(needed(settings) - set(ENVIRONMENT), "1")}
    with pytest.raises(ConfigError, match=f"^{name} {BOUNDS}$"):
        config.read(settings, {**environ, name: "0"})


def test_what_a_local_run_shortens_is_read() -> None:
    environ = {"LEASE_S": "1", "ABSENCE_DELAY_S": "2", "HINT_RECHECKS_S": "1,1,1"}
    read = config.read(ReconcileSettings, {**ENVIRONMENT, **environ})
    assert (read.ledger.lease_s, read.ledger.absence_delay_s) == (1, 2)
    assert read.lifecycle.hint_rechecks_s == (1, 1, 1)


def test_missing_and_wrong_are_told_together() -> None:
    environ = {key: value for key, value in ENVIRONMENT.items() if key != "CONNECTIONS_TABLE"}
    with pytest.raises(ConfigError) as caught:
        config.read(ReconcileSettings, {**environ, "HTTP_TOTAL_S": "soon", "REFUND_WAIT_S": "-"})
    assert set(str(caught.value).split("; ")) == {
        "CONNECTIONS_TABLE is not set",
        "HTTP_TOTAL_S has a value of the wrong kind",
        "REFUND_WAIT_S has a value of the wrong kind",
    }


@pytest.mark.parametrize("settings", sorted(SETTINGS.values(), key=repr))
def test_no_secret_is_a_setting(settings: type) -> None:
    for name in config.variables(settings):
        assert not name.endswith(("TOKEN", "SECRET", "KEY", "PASSWORD"))
