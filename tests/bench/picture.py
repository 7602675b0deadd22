"""Curves over a logarithmic scale, as an SVG that is legible on a light and on a dark page."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 250, 40, 56
_STYLE = """
  svg { font: 13px system-ui, sans-serif; }
  .ground { fill: #ffffff; } text { fill: #24292f; } .soft { fill: #57606a; }
  .grid { stroke: #d0d7de; } .curve { fill: none; stroke-width: 2.5; }
  .c0 { stroke: #0969da; fill: #0969da; } .c1 { stroke: #bc4c00; fill: #bc4c00; }
  .c2 { stroke: #8250df; fill: #8250df; } .c3 { stroke: #1a7f37; fill: #1a7f37; }
  .c4 { stroke: #cf222e; fill: #cf222e; } .c5 { stroke: #57606a; fill: #57606a; }
  text.c0, text.c1, text.c2, text.c3, text.c4, text.c5 { stroke: none; }
  path { fill: none !important; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } text { fill: #e6edf3; } .soft { fill: #8d96a0; }
    .grid { stroke: #30363d; }
    .c0 { stroke: #4493f8; fill: #4493f8; } .c1 { stroke: #f0883e; fill: #f0883e; }
    .c2 { stroke: #ab7df8; fill: #ab7df8; } .c3 { stroke: #3fb950; fill: #3fb950; }
    .c4 { stroke: #f85149; fill: #f85149; } .c5 { stroke: #8d96a0; fill: #8d96a0; }
  }
"""
_APART = 18
"""Of two names beside their curves' ends, at least."""


def curves(
    title: str, below: str, xs: Sequence[float], named: Mapping[str, Sequence[float]]
) -> str:
    """A picture of at most six curves over the same values of x, each named at its end.

    Args:
        title: above all.
        below: what x is.
        xs: more than one, ascending.
        named: what belongs to each of these, above 0.
    """
    values = [value for ys in named.values() for value in ys]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def across(x: float) -> float:
        share = (math.log10(x) - math.log10(xs[0])) / (math.log10(xs[-1]) - math.log10(xs[0]))
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def up(y: float) -> float:
        return _HEIGHT - _BOTTOM - (math.log10(y) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    right, bottom = across(xs[-1]), _HEIGHT - _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>',
        f'<text x="{_LEFT}" y="24" font-weight="600">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        y = up(10.0**power)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right:.1f}"/>')
        parts.append(
            f'<text class="soft" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{10.0**power:,g}</text>"
        )
    for x in xs:
        parts.append(f'<path class="grid" d="M{across(x):.1f} {_TOP}V{bottom}"/>')
        parts.append(
            f'<text class="soft" x="{across(x):.1f}" y="{bottom + 20}" text-anchor="middle">'
            f"{x:,.0f}</text>"
        )
    middle = (_LEFT + right) / 2
    parts.append(
        f'<text class="soft" x="{middle:.1f}" y="{bottom + 42}" text-anchor="middle">'
        f"{escape(below)}</text>"
    )
    places = _apart({name: up(ys[-1]) for name, ys in named.items()})
    for number, (name, ys) in enumerate(named.items()):
        points = [(across(x), up(y)) for x, y in zip(xs, ys, strict=True)]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="curve c{number}" d="M{line}"/>')
        parts += [f'<circle class="c{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
        beside = f'x="{right + 12:.1f}" y="{places[name] + 4:.1f}"'
        parts.append(f'<text class="c{number}" {beside}>{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _apart(places: Mapping[str, float]) -> dict[str, float]:
    """The same places, each moved down until it does not cover the one above."""
    found: dict[str, float] = {}
    last = -math.inf
    for name, place in sorted(places.items(), key=lambda it: it[1]):
        found[name] = last = max(place, last + _APART)
    return found
