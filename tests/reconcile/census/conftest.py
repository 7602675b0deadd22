"""The census, where tests look on."""

import pytest

from tests.deployment import Deployment


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    """With a census a day, and one that has been: the next is due in a day."""
    deployment.restart(CENSUS_EVERY_S="86400")
    deployment.reconcile()
    return deployment
