"""The provider's colour, made readable wherever the page uses it, in the light and in the dark.

A colour that can be read is darkened, or lightened, only as far as WCAG 2.2 demands: 4.5 to 1.
https://www.w3.org/TR/WCAG22/#contrast-minimum
"""

from dataclasses import dataclass
from functools import cache

WHITE, INK = "#ffffff", "#1d2330"
# What stands behind links and frames: the card of the page, by its scheme; see page.html.
PAPER, DARK_PAPER = WHITE, "#1b202a"
LEAST = 4.5
_STEPS = 40
# Up to here a part of a colour is linear in the light that it gives.
_LINEAR = 0.04045

type _Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Brand:
    """Colours as CSS writes them: of links by scheme, and of buttons and what stands on them."""

    link: str
    dark_link: str
    button: str
    on_button: str


@cache
def brand(colour: str) -> Brand:
    """The colours of a page for a provider's own, such as #1f6feb."""
    button = colour.lower()
    on_button = max(WHITE, INK, key=lambda ink: contrast(ink, button))
    if contrast(on_button, button) < LEAST:
        button = _towards("#000000", button, on_button)
        on_button = WHITE
    return Brand(
        link=_towards("#000000", button, PAPER),
        dark_link=_towards(WHITE, button, DARK_PAPER),
        button=button,
        on_button=on_button,
    )


def contrast(one: str, other: str) -> float:
    """Between 1 and 21, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    lights = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _towards(end: str, colour: str, ground: str) -> str:
    """The first colour on the way to black or white that can be read on the ground."""
    start, stop = _rgb(colour), _rgb(end)
    for step in range(_STEPS + 1):
        part = step / _STEPS
        mixed = "#" + "".join(
            f"{round((a + (b - a) * part) * 255):02x}" for a, b in zip(start, stop, strict=True)
        )
        if contrast(mixed, ground) >= LEAST:
            return mixed
    return end


def _rgb(colour: str) -> _Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _luminance(rgb: _Rgb) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (
        part / 12.92 if part <= _LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in rgb
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
