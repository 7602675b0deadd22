"""A connected location, the key of its PBX, and the PBX."""

from datetime import timedelta

import pytest

from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import STARTED
from tests.deployment import Deployment


@pytest.fixture
def key(deployment: Deployment) -> str:
    # The records were made at this hour.
    deployment.clock.at = STARTED + timedelta(minutes=5)
    return deployment.connect(4564).pbx_key


@pytest.fixture
def switch(deployment: Deployment, key: str) -> Switch:
    return Switch(deployment, key)
