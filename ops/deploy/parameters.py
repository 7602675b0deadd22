"""The parameters of template.yaml: what an operator may answer, in the template's own words."""

import difflib
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import yaml
from samtranslator import yaml_helper  # type: ignore[import-untyped]  # ships no types

from shared import countries

# Python reads more as a number than CloudFormation does: 1_000, spaces, digits of other scripts.
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_KEY = re.compile(r"[\x21-\x7e]{8,512}")
# As samtranslator's `yaml_parse`, by the loader that is written in C: a tenth of the time.
yaml.CSafeLoader.add_multi_constructor("!", yaml_helper.intrinsics_multi_constructor)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, as CloudFormation reads it.

    Attributes:
        description: For the operator.
        default: As text; None if a value has to be given.
        constraint: What a value has to be, from "must be" on.
    """

    name: str
    description: str
    default: str | None
    constraint: str
    pattern: str | None
    most_characters: int | None
    allowed: tuple[str, ...]
    least: float | None
    most: float | None
    is_number: bool

    def wrong(self, value: str) -> str:
        """Why a value cannot be meant, as a sentence; empty if it may be.

        CloudFormation knows the form of a value, and we also which countries and zones there are.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
        """
        if not self._takes(value):
            return f"{self.name} {self.constraint}."
        if not value:
            return ""
        if self.name == "DefaultCountry" and value not in countries.CODES:
            return f"DefaultCountry must be a code of ISO 3166 such as GB, and {value} is none."
        if self.name == "PlatformTimezone" and value not in zoneinfo.available_timezones():
            return f"PlatformTimezone must be a zone such as Europe/Berlin, and {value} is none."
        return ""

    def _takes(self, value: str) -> bool:
        if self.allowed and value not in self.allowed:
            return False
        if self.is_number:
            return _is_between(value, self.least, self.most)
        if self.most_characters is not None and len(value) > self.most_characters:
            return False
        return self.pattern is None or re.fullmatch(self.pattern, value, re.DOTALL) is not None


def read(template: Path) -> Mapping[str, Parameter]:
    """All parameters of a template, by name."""
    found = yaml.load(template.read_text("utf-8"), Loader=yaml.CSafeLoader)["Parameters"]
    return {
        name: Parameter(
            name=name,
            description=each["Description"],
            default=None if "Default" not in each else str(each["Default"]),
            constraint=each["ConstraintDescription"],
            pattern=each.get("AllowedPattern"),
            most_characters=each.get("MaxLength"),
            allowed=tuple(map(str, each.get("AllowedValues", ()))),
            least=each.get("MinValue"),
            most=each.get("MaxValue"),
            is_number=each["Type"] == "Number",
        )
        for name, each in found.items()
    }


def wrong_region(value: str) -> str:
    """Why a text is no region of AWS; empty if it is one that the pinned botocore knows."""
    botocore = boto3.Session()
    partitions = botocore.get_available_partitions()
    known = {
        region
        for each in partitions
        for region in botocore.get_available_regions("cloudformation", partition_name=each)
    }
    if value in known:
        return ""
    near = difflib.get_close_matches(value.lower(), sorted(known), n=1)
    meant = f" Is {near[0]} meant?" if near else ""
    return f"The region must be one of AWS's, such as eu-central-1.{meant}"


def wrong_token(value: str) -> str:
    """Why a text is no token; empty if it may be one. The sentence never repeats it."""
    if _KEY.fullmatch(value):
        return ""
    return "A token has at least 8 letters, digits and signs, in one line and without a space."


def wrong_together(values: Mapping[str, str], region: str) -> str:
    """What is wrong with values that are right each by itself; empty if nothing is."""
    domain, certificate = values.get("DomainName", ""), values.get("CertificateArn", "")
    if not domain and (certificate or values.get("HostedZoneId")):
        return "CertificateArn and HostedZoneId belong to a DomainName, and there is none."
    if domain and not certificate:
        return "DomainName needs a CertificateArn."
    if domain and certificate.split(":")[3] != region:
        return f"CertificateArn must be of a certificate in {region}, where the stack is."
    return ""


def _is_between(value: str, least: float | None, most: float | None) -> bool:
    if not _NUMBER.fullmatch(value):
        return False
    number = float(value)
    return (least is None or least <= number) and (most is None or number <= most)
