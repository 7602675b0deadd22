"""Settings of each function, read from its environment once per cold start.

A class per function lists exactly the variables that template.yaml gives it (a test compares
them), so a missing one fails at start and by name. Secrets are never here, only where to find
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.altegio.settings import PlatformSettings
from shared.calls.settings import CallRules
from shared.chains.settings import ChainsSettings
from shared.connections.settings import ConnectionsSettings, LifecycleRules
from shared.payments.settings import CoverRules, LedgerRules
from shared.reconcile.census.settings import CensusRules
from shared.telemetry import count, logger


class ConfigError(Exception):
    """The environment lacks a variable, or one has a value of the wrong kind."""


@dataclass(frozen=True, slots=True)
class ConnectSettings:
    """Of the connect function. Seconds for times."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    chains: ChainsSettings
    accounts_table: str
    tickets_table: str
    calls_table: str
    call_days: int
    payments_table: str
    connect_budget_s: float
    ticket_ttl_s: int
    lifecycle: LifecycleRules
    frame_ancestors: str
    provider_name: str
    terms_url: str
    mail_from: str
    portal_url: str
    portal_key_parameter: str


@dataclass(frozen=True, slots=True)
class PaymentsSettings:
    """Of the payments function. Seconds for times."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    payments_table: str
    billing_dead_letters_url: str
    ledger: LedgerRules


@dataclass(frozen=True, slots=True)
class CallsSettings:
    """Of the calls function. Seconds for times, days for `call_days`."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    chains: ChainsSettings
    accounts_table: str
    calls_table: str
    calls_dead_letters_url: str
    user_token_parameter: str
    default_country: str
    recording_hosts: str
    call_days: int
    late_after_s: float
    calls: CallRules


@dataclass(frozen=True, slots=True)
class DisableSettings:
    """Of the disable function."""

    application_id: int
    partner_token_parameter: str
    connections: ConnectionsSettings
    payments_table: str
    hints_queue_url: str
    platform_timezone: ZoneInfo
    lease_s: float


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """Of the reconcile function. Seconds for times."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    chains: ChainsSettings
    accounts_table: str
    calls_table: str
    payments_table: str
    billing_queue_url: str
    late_after_s: float
    ledger: LedgerRules
    lifecycle: LifecycleRules
    cover: CoverRules
    census_table: str
    census: CensusRules


def read[T](kind: type[T], environ: Mapping[str, str]) -> T:
    """The settings of `kind` from `environ`, each field from the variable of its upper-case name.

    Raises:
        ConfigError: naming every variable that is missing or does not fit.
    """
    wrong: list[str] = []
    values = _read(kind, environ, wrong)
    if wrong:
        raise ConfigError(f"{kind.__name__}: {'; '.join(dict.fromkeys(wrong))}")
    return kind(**values)


def names(kind: type) -> set[str]:
    """The variables that `read` takes for `kind`."""
    found: set[str] = set()
    for field in fields(kind):
        if isinstance(field.type, type) and is_dataclass(field.type):
            found |= names(field.type)
        else:
            found.add(field.name.upper())
    return found


def _read(kind: Any, environ: Mapping[str, str], wrong: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields(kind):
        if isinstance(field.type, type) and is_dataclass(field.type):
            inner = _read(field.type, environ, wrong)
            values[field.name] = None if wrong else field.type(**inner)
            continue
        name = field.name.upper()
        if name not in environ:
            wrong.append(f"{name} is not set")
            continue
        try:
            values[field.name] = _value(field.type, environ[name])
        except ValueError:
            wrong.append(f"{name} has a value of the wrong kind")
    return values


def _value(kind: Any, text: str) -> Any:
    if kind is bool:
        return bool(("false", "true").index(text))
    if kind == tuple[float, ...]:
        return tuple(float(part) for part in text.split(","))
    if kind is ZoneInfo:
        return _zone(text)
    return kind(text)


def _zone(name: str) -> ZoneInfo:
    """UTC if there is none of this name, which is counted so that it alarms.

    A slip of the hand in a parameter is no reason to answer nobody.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        count("HandlerFailed")
        logger.error("PlatformTimezone names no zone: the dates are read as UTC")
        return ZoneInfo("UTC")
