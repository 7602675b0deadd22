"""What an attack is, and what several of them begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from local.simulator import Owner
from tests.deployment import Deployment, Page

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")

MALLORY = Owner(id=666, name="Mallory", phone="4915187654321", email="mallory@evil.example")

PORTAL = "https://my.provider.example/altegio"

KEY = "portal-key-of-more-than-32-characters"

type Attack = Callable[[Deployment], bool]

type Removal = Callable[[pytest.MonkeyPatch, Deployment], object]


@dataclass(frozen=True)
class Threat:
    """What somebody tries, and what there is against it.

    Attributes:
        title: As docs/threats.md has it.
        attack: Tries it; returns whether it worked.
        remove: Takes the defence away.
    """

    title: str
    attack: Attack
    remove: Removal


def threat(title: str, remove: Removal) -> Callable[[Attack], Threat]:
    return lambda attack: Threat(title, attack, remove)


def patch(target: Any, name: str, value: Any) -> Removal:
    return lambda patches, _deployment: patches.setattr(target, name, value)


def setting(**values: str) -> Removal:
    return lambda _patches, deployment: deployment.restart(
        **{"MAIL_FROM": "codes@provider.example", **values}
    )


def act(deployment: Deployment, page: Page, action: str, **typed: str) -> Page:
    return deployment.post({**page.fields, "action": action, **typed})


def captured(deployment: Deployment, *location_ids: int) -> str:
    """A link with Anna's pair, which never changes, and any location beside it."""
    return deployment.simulator.redirect(*location_ids, owner=ANNA)
