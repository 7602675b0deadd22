"""A connected location and the key of its PBX."""

import pytest

from tests.deployment import Deployment, Page


@pytest.fixture
def page(deployment: Deployment) -> Page:
    """The page that the owner sees after connecting two locations of a chain."""
    return deployment.connect(4564, 4232)


@pytest.fixture
def key(page: Page) -> str:
    return page.pbx_key
