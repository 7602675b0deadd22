"""Sheets of the pictures that `make pictures` takes, one for each state: what an eye goes through.

`python -m tests.browser.contact_sheets` makes build/screenshots/sheet-STATE.png of what is there:
a row for phones, in it each language in the light and in the dark; and two for desktops.
"""

import base64
import sys
from itertools import groupby
from pathlib import Path

from playwright.sync_api import sync_playwright

from local import chromium
from tests.browser.conftest import LAUNCHING, SCREENSHOTS

# Pixels: eight phones in a row, and four desktops; of a desktop the middle half, where the page is.
_WIDTHS = {"375": 196, "1280": 398}
_SIDES = {"375": 0, "1280": 199}


def main() -> None:
    """Makes the sheets anew, and says where they are."""
    taken = sorted(SCREENSHOTS.glob("*-*-*-*.png"), key=_place, reverse=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.executable(), env=dict(chromium.environment()), **LAUNCHING
        )
        page = browser.new_page(viewport={"width": 1640, "height": 800})
        for state, pictures in groupby(taken, key=lambda path: _place(path)[0]):
            rows = "".join(
                f"<div>{''.join(map(_cell, row))}</div>"
                for _row, row in groupby(pictures, key=lambda path: _place(path)[1])
            )
            page.set_content(f"<h1>{state}</h1>{rows}")
            page.screenshot(path=SCREENSHOTS / f"sheet-{state}.png", full_page=True)
        browser.close()
    sys.stdout.write(f"{len(taken)} pictures, and sheet-STATE.png of each state: {SCREENSHOTS}\n")


def _place(picture: Path) -> tuple[str, ...]:
    """Of a picture: state, row, language, scheme."""
    state, language, width, scheme = picture.stem.rsplit("-", 3)
    return state, "phones" if width == "375" else scheme, language, scheme


def _cell(picture: Path) -> str:
    size = picture.stem.rsplit("-", 2)[1]
    width, side = _WIDTHS[size], _SIDES[size]
    data = base64.b64encode(picture.read_bytes()).decode()
    return (
        f'<span style="display: inline-block; vertical-align: top; width: {width}px; overflow:'
        f' hidden"><img style="width: {width + 2 * side}px; margin-left: -{side}px"'
        f' src="data:image/png;base64,{data}"></span> '
    )


if __name__ == "__main__":
    main()
