"""Parameters: a typo is refused when the stack is deployed, and what is not refused can be read."""

import json
import re
from re import _parser as parser  # type: ignore[attr-defined]  # how wide a pattern is
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.deploy import samconfig
from shared import settings as config
from tests.house.template import FUNCTIONS, PARAMETERS, QUEUES, target
from tests.test_settings import CONSTANTS, SETTINGS, environment_of

DAY_S = 86400


def accepts(parameter: dict[str, Any], value: str) -> bool:
    """Whether CloudFormation takes a value.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        return False
    if parameter["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            return False
        return bool(
            parameter.get("MinValue", number) <= number <= parameter.get("MaxValue", number)
        )
    if len(value) > parameter.get("MaxLength", len(value)):
        return False
    return re.fullmatch(parameter.get("AllowedPattern", ".*"), value, re.DOTALL) is not None


TYPOS = [
    ("ApplicationId", "", "0", "-101", "101.5", "1e3", "my app", "101 "),
    ("PartnerTokenParameter", "", "altegio/partner-token", "/altegio/", "//token", "/a b"),
    ("BillingKeyParameter", "", "/altegio//billing-key", "0123456789abcdef0123456789abcdef"),
    ("StripeSecretParameter", "", "/altegio//stripe", "whsec_0123456789abcdef0123456789ab"),
    ("PortalKeyParameter", "", "/altegio//portal-key", "0123456789abcdef0123456789abcdef"),
    ("UserTokenParameter", "", "/", "https://app.alteg.io"),
    ("PlatformAppUrl", "", "app.alteg.io", "http://app.alteg.io", "https://app.alteg.io/"),
    ("PlatformAppUrl", "https://", "https://app", "https//app.alteg.io", "https://app.alteg.io "),
    ("PlatformAppUrl", "http://127.0.0.1.evil.example", "https://u:p@app.alteg.io", "ftp://a.b"),
    ("PlatformApiUrl", "http://api.alteg.io", "https://api.alteg.io/api/v1", "https://a_b.io"),
    ("PlatformAccept", "", "json", "application/", "application/json\nX-Other: 1"),
    ("PlatformTimezone", "", "utc", "UTC+3", "+03:00", "Berlin", "Europe/", "Europe/Berlin "),
    ("PlatformTimezone", "Europ/Berlin", "Europe Berlin", "../../etc/passwd", "Europe/../UTC"),
    ("FrameAncestors", "", "*", "app.alteg.io", "http://app.alteg.io", "https://app.alteg.io/"),
    ("FrameAncestors", "https://a.example,https://b.example", "https://a.example; script-src *"),
    ("FrameAncestors", "https://a.example  https://b.example", "https://*.alteg.io", "'self'"),
    ("ProviderName", "", " ", " Tele Co", "Tele Co ", "Tele\nCo", "Tele\x00Co", "x" * 101),
    ("TermsUrl", "http://provider.example/terms", "provider.example/terms", "javascript:alert(1)"),
    ("TermsUrl", "https://", "https://provider.example/our terms", 'https://a.example/"x'),
    ("ContactUrl", "help@provider.example", "http://provider.example", "mailto:help", "mailto:a@b"),
    (
        "ContactUrl",
        "javascript:alert(1)",
        "mailto:a@b.example?cc=c@d.example",
        "tel:+4915112345678",
    ),
    ("HelpUrl", "http://provider.example/help", "provider.example/help", "javascript:alert(1)"),
    ("LogoUrl", "http://provider.example/logo.svg", "data:image/png;base64,AA", "https://a.b/;x y"),
    ("BrandColor", "", "blue", "#fff", "1f6feb", "#1f6feb;", "#1f6feg", "rgb(0,0,0)"),
    ("MailFrom", "codes", "codes@provider", "a@b.example,c@d.example", "Codes <a@b.example>"),
    ("PortalUrl", "http://my.provider.example", "https://my.provider.example/?a=1", "my.example"),
    ("PortalUrl", "https://my.provider.example/#login", "https://my.provider.example/a b"),
    ("PacePerS", "", "0", "0.1", "101", "five", "5/s"),
    ("PacePerMin", "0", "9", "6001"),
    ("TrialDays", "", "-2", "7.5", "07", "1000", "seven"),
    ("SwitchOffWarningS", "-1", "2592001"),
    ("EraseAfterS", "", "0", "30", "3599", "315360001"),
    ("CensusEveryS", "-1", "daily", "2592001"),
    ("DefaultCountry", "de", "DEU", "D", "49"),
    ("RecordingHosts", "https://pbx.example.com", "pbx", "*.example.com", "a.example,b.example"),
    ("RecordingHosts", "pbx.example.com/calls", "pbx.example.com ", "pbx.example.com:8443"),
    ("CallDays", "", "7", "7.5", "14.5", "400"),
    ("JournalDays", "", "0", "0.5", "10000", "-1"),
    ("LogRetentionDays", "0", "2", "31", "forever"),
    ("AlarmEmail", "anna", "anna@provider", "a@b.example;c@d.example", "a b@c.example"),
    ("ReservedConcurrency", "1", "2", "-1", "5.5", "all"),
    ("DomainName", "altegio", "https://a.example", "a.example/", "A.example", "a..b", "*.b.c"),
    ("CertificateArn", "arn:aws:iam::123456789012:server-certificate/a", "arn:aws:acm:r:1:c/a"),
    ("HostedZoneId", "/hostedzone/Z0123456789ABC", "z0123", "provider.example"),
]


@pytest.mark.parametrize("typos", TYPOS, ids=lambda typos: typos[0])
def test_a_typo_is_refused(typos: tuple[str, ...]) -> None:
    name, *values = typos
    assert [value for value in values if accepts(PARAMETERS[name], value)] == []


def test_every_parameter_has_its_typos() -> None:
    assert {name for name, *_ in TYPOS} == set(PARAMETERS)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_default_is_taken(name: str) -> None:
    if "Default" in PARAMETERS[name]:
        assert accepts(PARAMETERS[name], str(PARAMETERS[name]["Default"]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ApplicationId", "101"),
        ("PlatformAppUrl", "https://api.yclients.com"),
        ("PlatformAppUrl", "http://127.0.0.1:8000"),
        ("PlatformApiUrl", "http://localhost:8000"),
        ("PlatformAccept", "application/vnd.yclients.v2+json"),
        ("PlatformTimezone", "Europe/Moscow"),
        ("PlatformTimezone", "America/Argentina/Buenos_Aires"),
        ("PlatformTimezone", "Etc/GMT-3"),
        ("FrameAncestors", "https://app.alteg.io https://yclients.com:8443"),
        ("ProviderName", "Телефония “Ромашка”"),
        ("ProviderName", "O"),
        ("TermsUrl", "https://provider.example/terms?lang=en#top"),
        ("ContactUrl", "mailto:help@provider.example"),
        ("ContactUrl", "https://provider.example/contact"),
        ("HelpUrl", "https://help.provider.example/altegio"),
        ("LogoUrl", "https://cdn.provider.example/logo.svg?v=2"),
        ("BrandColor", "#C0FFEE"),
        ("MailFrom", "codes+altegio@mail.provider.example"),
        ("PortalUrl", "https://my.provider.example/altegio"),
        ("PortalUrl", "http://127.0.0.1:8001/start"),
        ("TrialDays", "-1"),
        ("TrialDays", "0"),
        ("DefaultCountry", "DE"),
        ("RecordingHosts", "pbx.example.com .recordings.example.com"),
        ("CallDays", "8"),
        ("AlarmEmail", "o'neil@provider.example"),
        ("DomainName", "altegio.provider.example"),
        ("CertificateArn", "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b-2c"),
        ("HostedZoneId", "Z0123456789ABC"),
    ],
)
def test_what_is_right_is_taken(name: str, value: str) -> None:
    assert accepts(PARAMETERS[name], value)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_says_what_it_takes(name: str) -> None:
    parameter = PARAMETERS[name]
    # CloudFormation prints "Parameter", the name, and this.
    assert re.fullmatch(r"must be [^\n]{5,150}[^.\n]", parameter["ConstraintDescription"])
    match parameter["Type"]:
        case "Number":
            assert "AllowedValues" in parameter or {"MinValue", "MaxValue"} <= set(parameter)
        case "String":
            assert "AllowedValues" in parameter or "AllowedPattern" in parameter


# What the settings rely on of each other


def test_no_setting_can_break_a_rule() -> None:
    # Whoever works under a lease is dead when it passes, and his call over; looks come after.
    timeouts = [function["Timeout"] for function in FUNCTIONS.values()]
    assert 0 < CONSTANTS["HTTP_TOTAL_S"] < min(timeouts)
    assert max(timeouts) <= CONSTANTS["LEASE_S"] < CONSTANTS["ABSENCE_DELAY_S"]
    # Nobody is busy with a call any more when it is looked for the last time, and then told again.
    assert max(timeouts) < CONSTANTS["CALL_CHECKS_S"][-1]
    # A call is kept for longer than it waits.
    assert not accepts(PARAMETERS["CallDays"], "7")
    assert CONSTANTS["CALL_BACKFILL_S"] < 8 * DAY_S
    # 5xx of the route are for what hangs, not for what the budget allows.
    assert CONSTANTS["CONNECT_BUDGET_S"] < 30
    # A status may be a minute old, and an answer to the same question as good as the one before.
    assert min(CONSTANTS["HINT_RECHECKS_S"]) >= 60


# What is taken can be read


def _values(parameter: dict[str, Any]) -> st.SearchStrategy[str]:
    """Of a parameter: the edges of its range, all that it allows, or what its pattern fits."""
    if "AllowedValues" in parameter:
        return st.sampled_from([str(value) for value in parameter["AllowedValues"]])
    if parameter["Type"] == "Number":
        edges = [parameter["MinValue"], parameter["MaxValue"], parameter["Default"]]
        return st.sampled_from([str(value) for value in edges])
    pattern = re.compile(parameter["AllowedPattern"], re.ASCII)
    return st.from_regex(pattern, fullmatch=True).filter(lambda value: accepts(parameter, value))


DEFAULTS = {
    function: {
        variable: str(PARAMETERS.get(value["Ref"], {}).get("Default", 101))
        for variable, value in environment_of(function).items()
    }
    for function in SETTINGS
}


def _is_read(function: str, variable: str, text: str) -> bool:
    try:
        config.read(SETTINGS[function], {**DEFAULTS[function], variable: text})
    except config.ConfigError:
        return False
    return True


# Any text is read as one, so what matters here are numbers.
READ = [
    (function, variable, value["Ref"])
    for function in SETTINGS
    for variable, value in environment_of(function).items()
    if value["Ref"] in PARAMETERS and not _is_read(function, variable, "no number")
]


@pytest.mark.parametrize(("function", "variable", "name"), READ)
@given(data=st.data())
def test_whatever_is_taken_can_be_read(
    function: str, variable: str, name: str, data: st.DataObject
) -> None:
    assert _is_read(function, variable, data.draw(_values(PARAMETERS[name])))


def test_numbers_are_told_from_text() -> None:
    assert {"ApplicationId", "TrialDays", "PacePerS"} <= {name for *_, name in READ}


def longest(name: str) -> int:
    """Bytes of the longest value that CloudFormation takes for a parameter."""
    parameter = PARAMETERS[name]
    if "AllowedValues" in parameter:
        return max(len(str(value)) for value in parameter["AllowedValues"])
    if parameter["Type"] == "Number":
        return 20
    widest: int = parser.parse(parameter["AllowedPattern"]).getwidth()[1]
    # Of any script, where the pattern names no characters of its own.
    size = 4 if parameter["AllowedPattern"].startswith("^[^") else 1
    return size * min(widest, int(parameter.get("MaxLength", widest)))


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_the_longest_values_fit_into_a_functions_environment(function: str) -> None:
    """4 KB in all, measured as JSON; the name of a resource has that of the stack in it.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    stack = f"{samconfig.STACK}-second-staging"
    address = "https://sqs.ap-southeast-2.amazonaws.com/123456789012/"
    made = {}
    for variable, value in FUNCTIONS[function]["Environment"]["Variables"].items():
        name = target(value)
        if name in PARAMETERS:
            made[variable] = "x" * longest(name)
        elif name in QUEUES:
            made[variable] = f"{address}{stack}-{name}-1234567890123"
        else:
            made[variable] = f"{stack}-{name}-1234567890123"
    assert len(json.dumps(made, separators=(",", ":"))) <= 4096
