"""The languages of the connect page: each says all, and the visitor's is chosen."""

# ruff: noqa: RUF001  # some of it is in Cyrillic letters

import re
from dataclasses import fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.connect import page
from functions.connect.cldr import FORMS
from functions.connect.english import ENGLISH
from functions.connect.german import GERMAN
from functions.connect.page import LANGUAGES
from functions.connect.recipes import How
from functions.connect.russian import RUSSIAN
from functions.connect.words import (
    PLURALS,
    FirstMinutes,
    Heading,
    MissedCallers,
    Words,
    completed,
    preferred,
)
from functions.connect.written import counted
from shared.calls.call import CallState
from shared.calls.missed_calls import Closed
from shared.calls.shown import PopUp
from shared.chains.switching import TelephonyStanding
from shared.connect.first_ring import Came
from shared.connect.pbx_notes import PbxNote
from shared.connect.view import Proof, Standing
from shared.payments.entry import EntryState
from tests.deployment import Deployment

TEMPLATES = sorted((Path(__file__).parents[3] / "functions" / "connect").glob("*.html"))
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def said(words: Words) -> dict[str, str]:
    """Every text of a language, by where it stands."""
    found: dict[str, str] = {}

    def collect(where: str, value: Any) -> None:
        if where in PLURALS:
            # Their other forms are the language's own.
            value = value["other"]
        match value:
            case str():
                found[where] = value
            case Heading() | FirstMinutes() | MissedCallers():
                for each in fields(value):
                    collect(f"{where}.{each.name}", getattr(value, each.name))
            case tuple():
                for number, each in enumerate(value):
                    collect(f"{where}.{number}", each)
            case _:
                for key, each in value.items():
                    collect(f"{where}.{key}", each)

    for each in fields(Words):
        collect(each.name, getattr(words, each.name))
    return found


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_a_language_says_all_that_there_is_to_say(words: Words) -> None:
    assert set(words.standings) == set(Standing)
    assert set(words.telephony) == set(TelephonyStanding)
    assert set(words.pbx) == set(PbxNote)
    assert set(words.proof) == set(Proof) - {Proof.IMPOSSIBLE, Proof.GIVEN}
    assert set(words.call) == set(CallState)
    assert set(words.payment) == set(EntryState)
    assert set(words.directions) == {"incoming", "outgoing", "internal"}
    assert set(words.labels) == set(words.errors) == {"name", "email", "phone", "country"}
    assert set(words.first_minutes.how) == set(How)
    assert set(words.missed.closed) == set(Closed)
    assert set(words.first_minutes.ring) == {*PopUp, *Came} - {PopUp.REPEATED}
    assert said(words).keys() == said(ENGLISH).keys()
    assert all(text.strip() == text != "" for text in said(words).values())


# What is written the same in English and in another language.
TIMES = {"first_minutes.seconds", "first_minutes.minutes"}
SAME = {"es": TIMES, "de": {"call.confirmed", "payment.SENT", *TIMES}}


@pytest.mark.parametrize("words", LANGUAGES[1:], ids=lambda words: words.language)
def test_no_text_is_left_in_english(words: Words) -> None:
    same = {where for where, text in said(words).items() if text == said(ENGLISH)[where]}
    assert same == SAME.get(words.language, set())


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_a_language_is_written_in_its_letters(words: Words) -> None:
    for where, text in said(words).items():
        is_cyrillic = words.language == RUSSIAN.language and where != "language"
        assert bool(CYRILLIC.search(text)) == is_cyrillic, where


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_the_template_itself_says_nothing(template: Path) -> None:
    text = template.read_text("utf-8")
    body = text[max(text.find("<body"), 0) :]
    without_code = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", body, flags=re.DOTALL)
    shown = re.sub(r"<[^>]*>", "", without_code)
    assert re.findall(r"[^\W\d_]+", shown) == []
    assert "aria-label=" not in without_code
    assert "placeholder=" not in without_code


@pytest.mark.parametrize("words", LANGUAGES[1:], ids=lambda words: words.language)
def test_placeholders_are_kept(words: Words) -> None:
    names = re.compile(r"\{\w*\}")
    for where, text in said(words).items():
        assert names.findall(text) == names.findall(said(ENGLISH)[where]), where


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_a_language_counts_by_its_own_categories(words: Words) -> None:
    for name in PLURALS:
        texts = attrgetter(name)(words)
        assert {"other"} <= set(texts) <= {*FORMS[words.language].categories, "other"}
        for category, text in texts.items():
            # A form of more than one number has to say which.
            kinds = dict.fromkeys(FORMS[words.language].categories, "") | {
                "other": "",
                category: "x",
            }
            numbers = [it for it in range(1000) if counted(words.language, kinds, it)]
            assert ("{number}" in text) or len(numbers) == 1


@pytest.mark.parametrize("words", page.OTHERS, ids=lambda words: words.language)
def test_no_language_lacks_a_word(words: Words) -> None:
    assert completed(words, ENGLISH) == (words, ())


def test_a_word_that_is_missing_is_english_and_counted(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ring = dict(GERMAN.first_minutes.ring)
    del ring[Came.NOTHING]
    standings = dict(GERMAN.standings)
    del standings[Standing.READY]
    poor = replace(
        GERMAN, standings=standings, first_minutes=replace(GERMAN.first_minutes, ring=ring)
    )
    monkeypatch.setattr(page, "LANGUAGES", (ENGLISH, *page.spoken([poor])))
    [said_so] = [it for it in caplog.records if it.message == "words are missing"]
    assert (said_so.number, said_so.missing) == (  # type: ignore[attr-defined]  # of our own
        2,
        ("standings.ready", "first_minutes.ring.nothing"),
    )
    deployment.accept_language = "de"
    shown = deployment.visit(deployment.simulator.grant(4564))
    assert (shown.status, shown.title) == (200, GERMAN.welcome.title)
    assert ENGLISH.standings[Standing.READY][1] in shown.text


def test_each_reason_is_one_that_a_link_is_refused_for() -> None:
    source = (Path(__file__).parents[3] / "shared" / "altegio" / "redirect.py").read_text("utf-8")
    for reason in ENGLISH.reasons:
        name, _, rest = reason.partition(" ")
        assert reason in source or (f'"{name}"' in source and rest in source)


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"),
        ("en-US,en;q=0.9,ru;q=0.8", "en"),
        ("en;q=0.2, RU-kz ; q=0.7", "ru"),
        ("de-AT", "de"),
        ("es-419,es;q=0.9,en;q=0.8", "es"),
        ("tlh,zxx;q=0.9", "en"),
        ("tlh-KX,ru;q=0.1", "ru"),
        ("ru;q=0", "en"),
        ("ru;q=2, en;q=0.1", "en"),
        ("ru;q=nan", "en"),
        ("*", "en"),
        (";;,=,q=1", "en"),
    ],
)
def test_the_visitors_language_is_taken(accept_language: str, language: str) -> None:
    assert preferred(accept_language, LANGUAGES).language == language


@given(st.text())
def test_any_header_is_a_language(accept_language: str) -> None:
    assert preferred(accept_language, LANGUAGES) in LANGUAGES


def test_the_way_through_the_page_in_russian(deployment: Deployment) -> None:
    deployment.accept_language = "ru-RU,ru;q=0.9"
    first = deployment.visit(deployment.simulator.grant(4564, 4232))
    assert first.title == "Подключите телефонию"
    assert first.headers["content-language"] == "ru"
    assert '<html lang="ru">' in first.text
    wrong = deployment.press(first, email="no address")
    assert (wrong.status, wrong.title) == (422, "Проверьте, пожалуйста, данные")
    assert RUSSIAN.errors["email"] in wrong.text
    done = deployment.press(wrong, email="anna@example.com")
    assert done.title == "Всё подключено"
    assert "Филиал 4564" in done.text
    assert RUSSIAN.telephony[TelephonyStanding.ON] in done.text
    assert RUSSIAN.key[0] in done.text
    again = deployment.visit(deployment.simulator.grant(4777))
    assert again.title.startswith("С возвращением, ")
    for refused in (deployment.visit("https://x.example/connect"), deployment.post({})):
        assert refused.status in (400, 410)
        assert CYRILLIC.search(refused.title)


def test_a_name_with_braces_is_a_name(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.press(page, name="{0} {name!r}")
    assert deployment.visit(deployment.simulator.grant(4777)).title == "Welcome back, {0} {name!r}"
