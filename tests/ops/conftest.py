"""An operator at a terminal."""

import pytest

from ops import site
from shared.aws import letter_box
from tests.deployment import Deployment, payment
from tests.ops.operator import Operator, stack_of
from tests.ops.states import KNOWN


@pytest.fixture
def anna(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Who is logged in."""
    monkeypatch.setenv("LOGNAME", "anna")
    # So that it is put back: a command sets it, for its own process.
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    return monkeypatch


@pytest.fixture
def operator(
    deployment: Deployment, anna: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    found = Operator(deployment, capsys)
    here = stack_of(deployment, found.watch)
    anna.setattr(site, "find", lambda _options: here)
    anna.setattr(letter_box, "_WAIT_S", 0)
    return found


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    """With a payment whose id is known, so that the list can show how it reads back."""
    deployment.connect(4564)
    deployment.bill(payment(**KNOWN))
    deployment.reconcile()
    return deployment


@pytest.fixture
def trial(deployment: Deployment) -> Deployment:
    """Connected, and looked at by reconcile: the trial ends in seven days."""
    deployment.connect(4564)
    deployment.reconcile()
    return deployment
