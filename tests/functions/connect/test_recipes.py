"""The recipes of the page are those of docs/pbx/, with the owner's own values in them."""

import re
from pathlib import Path

import pytest
from markupsafe import escape

from functions.connect.page import LANGUAGES
from functions.connect.recipes import NUMBER, Recipe, Values, filled
from functions.connect.words import Words
from shared.connections import pbx_key
from tests.connect.test_one_time_code import ANNA, act, asked
from tests.deployment import Deployment

PROJECT = Path(__file__).parents[3]
PAGES = [PROJECT / "docs" / "pbx.md", *sorted((PROJECT / "docs" / "pbx").glob("*.md"))]
FILES = sorted((PROJECT / "functions" / "connect" / "recipe_texts").iterdir())
KEY = pbx_key.made("00000000-0000-4000-8000-000000000000")
OWN = Values("https://api.nordic.example", KEY, "493012345678", 4232)


def shown(recipe: Recipe) -> str:
    """Its texts as they are copied."""
    texts = "\n".join(text for step in recipe.steps for text in step.texts)
    return re.sub("<[^>]*>", "", texts).replace("&lt;", "<").replace("&amp;", "&")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_text_is_the_documented_one(file: Path) -> None:
    [page] = [
        page for page in PAGES if f"\n{file.read_text('utf-8')}```" in page.read_text("utf-8")
    ]
    assert file.name.startswith(page.stem) or page.stem == "pbx"


def test_each_family_of_the_documentation_can_be_picked() -> None:
    names = " ".join(recipe.name for recipe in filled(OWN))
    table = (PROJECT / "docs" / "pbx.md").read_text("utf-8").split("| your PBX |")[1]
    families = re.findall(r"(?m)^\| ([^|]+) \| \[[^]]+\]\(pbx/", table)
    assert len(families) >= 7
    # What VitalPBX is to be told differs; its page says how.
    wanted = {name.strip() for family in families for name in family.split(",")} - {"VitalPBX"}
    assert {name for name in wanted if name not in names} == set()


def test_the_owners_values_are_filled_in() -> None:
    for recipe in filled(OWN):
        text = shown(recipe)
        assert OWN.origin in text
        assert KEY in text
        for placeholder in ("api.example", NUMBER, "4564"):
            assert placeholder not in text
        assert not re.search(r"\bKEY\b", text)


def test_what_is_not_known_stands_as_in_the_documentation() -> None:
    for recipe in filled(Values(OWN.origin, "", "", 4232)):
        text = shown(recipe)
        assert re.search(r"\bKEY\b", text)
        assert "pbx_" not in text


def test_no_address_has_a_secret() -> None:
    for recipe in filled(OWN):
        for address in re.findall(r"https?://\S+", shown(recipe)):
            assert KEY not in address


def test_a_value_cannot_leave_its_text() -> None:
    hostile = Values("https://x.example/<script>", KEY, "1", 1)
    for recipe in filled(hostile):
        assert all("<script>" not in text for step in recipe.steps for text in step.texts)


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_who_gets_the_key_gets_the_recipes_with_it(deployment: Deployment, words: Words) -> None:
    deployment.accept_language = words.language
    page = deployment.connect(4232)
    assert page.pbx_key
    recipes = re.findall(r'data-recipe="([^"]*)"', page.text)
    assert len(recipes) == len(filled(OWN))
    assert "https://api.example/calls/itoolabs" in page.text
    assert page.text.count(page.pbx_key) > len(recipes)
    for step in words.first_minutes.how.values():
        assert str(escape(step.partition("{")[0])) in page.text
    # What is pressed there opens beside it, as the key is shown this once.
    assert re.findall(r"<form[^>]*>", page.text) == re.findall(
        r'<form[^>]* target="_blank"[^>]*>', page.text
    )
    later = deployment.visit(deployment.simulator.redirect(4232))
    assert "data-recipe" not in later.text


def test_the_settings_have_them_with_the_line_that_is_entered(deployment: Deployment) -> None:
    deployment.restart(MAIL_FROM="codes@provider.example")
    key = deployment.connect(4564, owner=ANNA).pbx_key
    account_id = deployment.connection(4564).account_id
    assert account_id
    deployment.lines.enter(account_id, {"+493012345678": 4564, "trunk-1": 4564})
    page = act(deployment, asked(deployment), "prove", code=deployment.code())
    assert page.text.count("<span data-number>493012345678</span>") > 5
    assert NUMBER not in page.text
    assert key not in page.text
    assert (
        'target="_blank"'
        not in page.text.replace('value="wait"', "")[: page.text.index("data-pbx")]
    )
