"""Sheets of the pictures that `make pictures` takes, one for each state: what an eye goes through.

`python -m tests.browser.contact_sheets` makes build/screenshots/sheet-STATE.png of what is there:
a row for each language, in it phone and desktop, light and dark.
"""

import base64
import sys
from itertools import groupby
from pathlib import Path

from playwright.sync_api import sync_playwright

from local import chromium
from tests.browser.conftest import LAUNCHING, SCREENSHOTS

# Pixels: two phones and two desktops, each at about half its size.
_WIDTHS = {"375": 240, "1280": 520}


def main() -> None:
    """Makes the sheets anew, and says where they are."""
    taken = sorted(SCREENSHOTS.glob("*-*-*-*.png"), key=_place)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.executable(), env=dict(chromium.environment()), **LAUNCHING
        )
        page = browser.new_page(viewport={"width": 1640, "height": 800})
        for state, pictures in groupby(taken, key=lambda path: _place(path)[0]):
            rows = "".join(
                f"<tr><th>{language}{''.join(map(_cell, row))}"
                for language, row in groupby(pictures, key=lambda path: _place(path)[1])
            )
            page.set_content(f"<h1>{state}</h1><table>{rows}</table>")
            page.screenshot(path=SCREENSHOTS / f"sheet-{state}.png", full_page=True)
        browser.close()
    sys.stdout.write(f"{len(taken)} pictures, and sheet-STATE.png of each state: {SCREENSHOTS}\n")


def _place(picture: Path) -> tuple[str, ...]:
    """Of a picture: state, language, width (the phone's first), scheme."""
    state, language, width, scheme = picture.stem.rsplit("-", 3)
    return state, language, width.zfill(4), scheme


def _cell(picture: Path) -> str:
    width = _WIDTHS[picture.stem.rsplit("-", 2)[1]]
    data = base64.b64encode(picture.read_bytes()).decode()
    return f'<td valign=top><img width={width} src="data:image/png;base64,{data}">'


if __name__ == "__main__":
    main()
