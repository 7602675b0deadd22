"""Each page once, whoever saw it; and pictures of them, without what the mask takes out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest

from local import chromium
from local.listener import Listener
from local.rehearsal.album import Album
from local.rehearsal.browser import Page
from local.rehearsal.camera import LEAST_HEIGHT, Picture
from local.rehearsal.mask import Mask
from local.rehearsal.stage import Sight

needs_chromium = pytest.mark.skipif(chromium.executable() is None, reason="no Chromium")


def page(title: str, standings: Mapping[int, str], **more: object) -> Page:
    shown = Page("http://127.0.0.1:1/connect", 200, title, "", standings, None, html="<h1>Hello")
    return replace(shown, **more)  # type: ignore[arg-type]  # a few fields of several types


def sights(*pages: Page) -> list[Sight]:
    return [Sight(datetime.now(UTC), "came from Altegio", each) for each in pages]


@pytest.fixture
def album() -> Album:
    return Album(Mask(["a secret"]).text)


def test_pages_that_differ_in_who_and_where_only_are_one(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(album, "why_none", "none wanted")
    anna, boris = (
        page("Welcome back, Anna", {1: "ready"}),
        page("Welcome back, Boris", {2: "ready"}),
    )
    done, partly = page("Done", {1: "connected"}), page("Done", {1: "connected", 2: "failed"})
    with album:
        album.add(1, "Anna", sights(anna, done, done))
        album.add(2, "Boris", sights(boris, partly, replace(done, status=403)))
    assert [(each.page, each.checks) for each in album.pages()] == [
        (anna, [1, 2]),
        (done, [1, 1]),
        (partly, [2]),
        (replace(done, status=403), [2]),
    ]
    assert album.place(boris, "Boris") == 1
    assert album.pictures() == []


@needs_chromium
def test_a_picture_is_of_the_whole_page_by_its_own_policy(album: Album) -> None:
    tall = '<body style="margin: 0"><p style="margin: 0; height: 1000px">'
    script = f"{tall}<script>document.querySelector('p').style.height = '2000px'</script>"
    policy = {"content-type": "text/html", "content-security-policy": "script-src 'none'"}
    with album:
        album.add(1, "", sights(page("a", {}), page("b", {}, html=tall)))
        album.add(2, "", sights(page("c", {}, html=script), page("d", {}, html=script)))
        album.add(3, "", sights(page("e", {}, html=script, headers=policy)))
        pictures = album.pictures()
    assert [each.height for each in pictures] == [LEAST_HEIGHT, 1000, 2000, 2000, 1000]
    assert all(size(each)[0] == 1.25 * each.width for each in pictures)
    assert [size(each)[1] for each in pictures] == [1.25 * each.height for each in pictures]
    assert all(each.jpeg.startswith(b"\xff\xd8") for each in pictures)


class _Logo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/svg+xml")
        self.end_headers()
        self.wfile.write(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="900"/>')

    def log_message(self, *_words: object) -> None:
        """Nobody reads it."""


@needs_chromium
def test_the_providers_logo_is_in_the_picture(album: Album) -> None:
    server = Listener(0, _Logo)
    Thread(target=server.serve, daemon=True).start()
    logo = f'<body style="margin: 0"><img src="http://localhost:{server.server_port}/logo.svg">'
    with album:
        album.add(1, "", sights(page("a", {}, html=logo)))
        [picture] = album.pictures()
    server.stop()
    assert picture.height >= 900


def size(picture: Picture) -> tuple[int, int]:
    """Of a JPEG, from the first marker that says it."""
    at = picture.jpeg.index(b"\xff\xc0")
    height, width = (int.from_bytes(picture.jpeg[at + n : at + n + 2]) for n in (5, 7))
    return width, height


@needs_chromium
def test_a_secret_is_in_no_picture(album: Album) -> None:
    """The browser never gets it: a page that says it is the same picture as one that is masked."""
    told = "<p>{}, {}, {}"
    secrets = ("a secret", "zoe@example.com", "+15551230000")
    with album:
        album.add(1, "", sights(page("a", {}, html=told.format(*secrets))))
        album.add(1, "", sights(page("b", {}, html=told.format("***", "***", "***"))))
        album.add(1, "", sights(page("c", {}, html=told.format("x", "***", "***"))))
        secret, masked, other = album.pictures()
    assert secret == masked
    assert masked != other


@needs_chromium
def test_it_is_printed_on_paper(album: Album, tmp_path: Path) -> None:
    html, pdf = tmp_path / "a.html", tmp_path / "a.pdf"
    html.write_text('<p style="break-after: page">one<p>two')
    with album:
        assert album.print(html, pdf, "the foot")
    assert pdf.read_bytes().count(b"/Type /Page\n") == 2


@pytest.mark.parametrize("named", ["/bin/false", "/nowhere/chromium"])
def test_a_browser_that_does_not_start_is_told_in_a_line(
    named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHROMIUM", named)
    with Album(str) as album:
        album.add(1, "", sights(page("a", {})))
        assert album.pictures() == []
        assert album.why_none.startswith("Chromium failed: ")
        assert "\n" not in album.why_none
        assert not album.print(tmp_path / "a.html", tmp_path / "a.pdf", "")


def test_where_there_is_no_browser_it_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chromium, "executable", lambda: None)
    with Album(str) as album:
        album.add(1, "", sights(page("a", {})))
        assert album.pictures() == []
        assert "make build/chromium/.done" in album.why_none
        assert not album.print(tmp_path / "a.html", tmp_path / "a.pdf", "")
    assert len(album.pages()) == 1
