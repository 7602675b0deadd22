"""What is kept of a template is what its translation would be, until the template changes."""

from pathlib import Path
from typing import Any

import pytest

from local import PROJECT
from local.stack import translation
from local.stack.translation import KEPT, translated


@pytest.fixture
def template(tmp_path: Path) -> Path:
    copy = tmp_path / "template.yaml"
    copy.write_bytes((PROJECT / "template.yaml").read_bytes())
    return copy


@pytest.fixture
def translations(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Of which templates the translator was asked."""
    asked: list[bytes] = []
    translate = translation._translated

    def ask(source: bytes) -> dict[str, Any]:
        asked.append(source)
        return translate(source)

    monkeypatch.setattr(translation, "_translated", ask)
    return asked


def test_what_is_kept_is_the_translation(template: Path, translations: list[bytes]) -> None:
    once = translated(template)
    assert translated(template) == once
    assert len(translations) == 1
    assert once["Resources"]["ConnectFunction"]["Type"] == "AWS::Lambda::Function"
    assert [path.name for path in (template.parent / KEPT).parent.iterdir()] == [KEPT.name]


def test_a_changed_template_is_translated_anew(template: Path, translations: list[bytes]) -> None:
    translated(template)
    template.write_text(template.read_text().replace("MemorySize: 512", "MemorySize: 1024"))
    changed = translated(template)
    assert changed["Resources"]["ConnectFunction"]["Properties"]["MemorySize"] == 1024
    assert len(translations) == 2


def test_another_translator_translates_anew(
    template: Path, translations: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    translated(template)
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "0.1")
    translated(template)
    assert len(translations) == 2


@pytest.mark.parametrize("spoilt", ["", '{"of": ', "{}", "[]", "null", "\udcff"])
def test_what_is_kept_and_cannot_be_read_is_made_anew(
    template: Path, translations: list[bytes], spoilt: str
) -> None:
    once = translated(template)
    (template.parent / KEPT).write_text(spoilt, "utf-8", "surrogateescape")
    assert translated(template) == once
    assert len(translations) == 2
