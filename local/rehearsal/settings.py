"""The settings of a rehearsal: the provider's own, and what is changed so that nobody waits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from local import PROJECT
from local.examples.mailbox import SENDER
from local.rehearsal.money import SCHEDULE_S
from ops.deploy import parameters


class Change(NamedTuple):
    """A setting that differs in a rehearsal: its value there, when deployed, and what it is."""

    value: str
    deployed: str
    meaning: str


PUBLIC = ("PROVIDER_NAME", "CONTACT_URL", "HELP_URL", "TERMS_URL")
"""What the provider tells everybody: no report masks it, though it be an e-mail address."""

CHANGED = {
    "RECONCILE_EVERY_S": Change(
        f"{SCHEDULE_S:g}", "60", "Seconds between two runs of the schedule that follows things up"
    ),
    "RETRY_BASE_S": Change(
        "1", "30", "Seconds until something that surely was not done is tried again"
    ),
    "HINT_RECHECKS_S": Change(
        "0.5,0.5,0.5",
        "60,300,1800",
        "Seconds after which Altegio is asked again while its status contradicts its webhook",
    ),
    "CALL_SETTLE_S": Change(
        "0.5", "5", "Seconds after a call's end in which other telephones may still report it"
    ),
    "CALL_CHECKS_S": Change(
        "0.5,1,1.5", "10,60,300", "Seconds after which a saved call is looked for in Altegio's list"
    ),
    "RECORDING_HOSTS": Change(
        "records.example", "", "Hosts whose links to recordings are passed on to Altegio"
    ),
    "MAIL_FROM": Change(
        SENDER, "", "Whom letters with codes are from, which the seventh check asks for"
    ),
    "PACE_PER_S": Change("200", "5", "Calls to Altegio in a second, at most"),
    "PACE_PER_MIN": Change("6000", "200", "Calls to Altegio in a minute, at most"),
}
"""What differs from the deployed defaults: waits that nobody should have to watch.

Time-outs, lease and absence delay stay as they are deployed: what keeps a payment from being sent
twice is rehearsed as it is.
"""

# The rehearsal plays these itself. Nor are they told: addresses of this machine, names of secrets.
_OWN = {"PLATFORM_APP_URL", "PLATFORM_API_URL", "PORTAL_URL"}
_FREE = "-1"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, by the name of its variable.

    Attributes:
        value: In the rehearsal.
        deployed: What it is when deployed as the provider gave it.
        meaning: In a line.
        is_given: Whether the provider gave it.
    """

    name: str
    value: str
    deployed: str
    meaning: str
    is_given: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings.

    Attributes:
        application_id: Of the Developer Cabinet; the simulator's own if the provider gave none.
        is_id_given: Whether he gave one.
        each: By the name of the variable; without the application id, addresses and secrets' names.
    """

    application_id: int
    is_id_given: bool
    each: Mapping[str, Setting]

    def __getitem__(self, name: str) -> str:
        """The value of a variable."""
        return self.each[name].value

    def variables(self) -> Mapping[str, str]:
        """What the functions get, beside the defaults."""
        return {name: it.value for name, it in self.each.items() if it.is_given or name in CHANGED}


def read(given: Sequence[str] = ()) -> Settings:
    """The settings of a rehearsal in which the provider has given some.

    Args:
        given: NAME=VALUE, by the names of the variables or of the template's parameters.

    Raises:
        ValueError: There is no such setting, or it cannot have that value; one sentence.
    """
    known = {_variable(name): it for name, it in parameters.read(PROJECT / "template.yaml").items()}
    values, is_id_given = {"APPLICATION_ID": "101"}, False
    for text in given:
        name, equals, value = text.partition("=")
        name = name if name in known else _variable(name)
        if not equals:
            raise ValueError(f"{text} is no NAME=VALUE.")
        if name in _OWN:
            raise ValueError(f"{name} is the rehearsal's own: it plays with its own addresses.")
        if name not in known:
            raise ValueError(f"There is no setting {name}: docs/configuration.md lists them.")
        if wrong := known[name].wrong(value):
            raise ValueError(wrong)
        if (name, value) == ("TRIAL_DAYS", _FREE):
            raise ValueError("A free application reports no payments, which the rehearsal plays.")
        values[name] = value
        is_id_given = is_id_given or name == "APPLICATION_ID"
    each = {name: _setting(name, it, values) for name, it in known.items() if _is_told(name)}
    for name, change in CHANGED.items():
        if name in each:
            deployed = each[name].deployed
            # What the provider has given stays, but for waits.
            value = {
                "RECORDING_HOSTS": f"{deployed} {change.value}".strip(),
                "MAIL_FROM": deployed or change.value,
            }.get(name, change.value)
            is_given = name in values
            each[name] = Setting(name, value, deployed, each[name].meaning, is_given)
        else:
            each[name] = Setting(name, *change, is_given=False)
    return Settings(int(values["APPLICATION_ID"]), is_id_given, each)


def _setting(name: str, parameter: parameters.Parameter, values: Mapping[str, str]) -> Setting:
    value = values.get(name, parameter.default or "")
    return Setting(name, value, value, parameter.description, name in values)


def _is_told(name: str) -> bool:
    return name != "APPLICATION_ID" and name not in _OWN and not name.endswith("_PARAMETER")


def _variable(parameter: str) -> str:
    """`PROVIDER_NAME` of `ProviderName`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()
