"""Which links to recordings are passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.recording_links import allowed

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
    assert allowed(link, HOSTS)


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
        "https://records.example/a b.mp3",
        "https://records.example/c-1.mp3\r\nX-Header: 1",
        "https://records.exämple/c-1.mp3",
        "https://[records.example/c-1.mp3",
        "https://records.example:port/",
        "https://records.example/" + "a" * 2000,
    ],
)
def test_nothing_else_does(link: str) -> None:
    assert not allowed(link, HOSTS)


def test_no_host_is_allowed_unless_it_is_named() -> None:
    assert not allowed("https://records.example/c-1.mp3", ())


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    for link in (text, f"https://{text}", f"https://records.example{text}"):
        if allowed(link, HOSTS):
            assert link.lower().startswith("https://")
            assert "@" not in link.partition("//")[2].partition("/")[0]
