"""Whatever colour a provider has: what is written in it, or on it, can be read."""

import re

from hypothesis import given
from hypothesis import strategies as st

from functions.connect.brand import DARK_PAPER, INK, LEAST, PAPER, WHITE, brand, contrast
from tests.deployment import Deployment

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(colours)
def test_any_colour_is_made_readable(colour: str) -> None:
    made = brand(colour)
    assert contrast(made.on_button, made.button) >= LEAST
    assert contrast(made.link, PAPER) >= LEAST
    assert contrast(made.dark_link, DARK_PAPER) >= LEAST
    assert made.on_button in (WHITE, INK)


@given(colours)
def test_a_colour_that_can_be_read_is_left_as_it_is(colour: str) -> None:
    made = brand(colour)
    if max(contrast(WHITE, colour), contrast(INK, colour)) >= LEAST:
        assert made.button == colour
    if contrast(colour, PAPER) >= LEAST:
        assert made.link == made.button


def test_contrast_is_that_of_the_standard() -> None:
    # https://webaim.org/resources/contrastchecker/
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    assert round(contrast("#1f6feb", "#ffffff"), 2) == 4.63


def test_the_edge_of_a_field_can_be_seen(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564)).text
    [field] = re.findall(r"input, select \{[^}]*\}", page)
    assert "border: 1px solid var(--edge)" in field
    light, dark = re.findall(r"--edge: (#[0-9a-f]{6})", page)
    # https://www.w3.org/TR/WCAG22/#non-text-contrast
    assert min(contrast(light, PAPER), contrast(dark, DARK_PAPER)) >= 3


def test_the_page_is_the_providers_own(deployment: Deployment) -> None:
    plain = deployment.visit(deployment.simulator.grant(4564))
    assert "<footer>" not in plain.text
    assert "<img" not in plain.text
    assert "img-src 'none'" in plain.headers["content-security-policy"]
    deployment.restart(
        BRAND_COLOR="#FFD400",
        LOGO_URL="https://cdn.provider.example/logo.svg?a=1&b=2",
        CONTACT_URL="mailto:help@provider.example",
        HELP_URL="https://provider.example/help",
    )
    page = deployment.visit(deployment.simulator.grant(4232))
    assert "#ffd400" in page.text
    assert 'src="https://cdn.provider.example/logo.svg?a=1&amp;b=2"' in page.text
    assert 'href="mailto:help@provider.example"' in page.text
    assert 'href="https://provider.example/help"' in page.text
    policy = page.headers["content-security-policy"]
    assert "img-src https://cdn.provider.example;" in policy
