"""Which links to recordings are passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.recording_links import fit

HOSTS = ("records.example", ".cdn.example")


@pytest.mark.parametrize(
    "link",
    [
        "https://records.example/c-1.mp3",
        "https://records.example:443/c-1.mp3?key=a%20b&x=1#t=3",
        "https://RECORDS.example/c-1.mp3",
        "https://eu.cdn.example/c-1.mp3",
        "https://records.example./c-1.mp3",
    ],
)
def test_https_on_a_named_host_passes(link: str) -> None:
    assert fit(link, HOSTS) == link


@pytest.mark.parametrize(
    "link",
    [
        "",
        "c-1.mp3",
        "//records.example/c-1.mp3",
        "http://records.example/c-1.mp3",
        "ftp://records.example/c-1.mp3",
        "javascript:alert(1)//records.example",
        "https://records.example:8443/c-1.mp3",
        "https://evil.example/c-1.mp3",
        "https://records.example.evil.example/c-1.mp3",
        "https://xrecords.example/c-1.mp3",
        "https://cdn.example/c-1.mp3",
        "https://xcdn.example/c-1.mp3",
        "https://user:secret@records.example/c-1.mp3",
        "https://evil.example@records.example/c-1.mp3",
        "https://evil.example\\@records.example/c-1.mp3",
        "https://records.example\\.evil.example/",
        "https://records.example/c-1.mp3\r\nX-Header: 1",
        "https://records.exämple/c-1.mp3",
        "https://[records.example/c-1.mp3",
        "https://records.example:port/",
        "https://records.example/" + "a" * 2000,
        "https://records.example/" + "ж" * 400,
        "https://records.example/\ud800.mp3",
        "https://records.example/\x00.mp3",
        "https://records.example/\x85.mp3",
    ],
)
def test_nothing_else_does(link: str) -> None:
    assert fit(link, HOSTS) == ""


@pytest.mark.parametrize(
    ("written", "uri"),
    [
        ("a b.mp3", "a%20b.mp3"),
        ("a\u00a0b.mp3", "a%C2%A0b.mp3"),
        ("Zoë.mp3", "Zo%C3%AB.mp3"),
        ("звонок.mp3", "%D0%B7%D0%B2%D0%BE%D0%BD%D0%BE%D0%BA.mp3"),
        ("100%.mp3", "100%25.mp3"),
        ("100%25.mp3", "100%25.mp3"),
        ("100%2525.mp3", "100%2525.mp3"),
        ("+49.mp3?sig=a+b%2Bc", "+49.mp3?sig=a+b%2Bc"),
        ('<"^`{|}>.mp3', "%3C%22%5E%60%7B%7C%7D%3E.mp3"),
    ],
)
def test_what_no_uri_holds_is_escaped_once(written: str, uri: str) -> None:
    base = "https://records.example/"
    assert fit(base + written, HOSTS) == base + uri


def test_no_host_is_allowed_unless_it_is_named() -> None:
    assert fit("https://records.example/c-1.mp3", ()) == ""


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    for link in (text, f"https://{text}", f"https://records.example{text}"):
        if uri := fit(link, HOSTS):
            assert uri.lower().startswith("https://")
            assert "@" not in uri.partition("//")[2].partition("/")[0]
            assert uri.isascii()
            assert uri.isprintable()
            # What is a URI stays as it is.
            assert fit(uri, HOSTS) == uri
