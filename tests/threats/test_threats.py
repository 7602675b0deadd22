"""Each threat of docs/threats.md as an attack: it fails, and works once its defence is removed."""

import re
from pathlib import Path

import pytest

from tests.deployment import Deployment
from tests.threats import billing, code, crowd, link, page
from tests.threats.threat import Threat

PROJECT = Path(__file__).parents[2]
# In the order of docs/threats.md.
THREATS = [
    it
    for module in (link, code, page, crowd, billing)
    for it in vars(module).values()
    if isinstance(it, Threat)
]


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.restart(MAIL_FROM="codes@provider.example")
    return deployment


@pytest.mark.parametrize("each", THREATS, ids=lambda each: each.attack.__name__)
def test_an_attack_fails(deployment: Deployment, each: Threat) -> None:
    assert not each.attack(deployment)


@pytest.mark.parametrize("each", THREATS, ids=lambda each: each.attack.__name__)
def test_without_its_defence_it_works(
    deployment: Deployment, each: Threat, monkeypatch: pytest.MonkeyPatch
) -> None:
    each.remove(monkeypatch, deployment)
    assert each.attack(deployment)


def test_every_threat_is_written_down() -> None:
    text = (PROJECT / "docs" / "threats.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!-|What)(.+?) \|", text, re.MULTILINE)
    assert rows == [each.title for each in THREATS]
