"""The report says who plays what, escapes what it was told, and tells what the provider tells."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from local import chromium
from local.rehearsal import report, settings
from local.rehearsal.album import Album
from local.rehearsal.browser import Page
from local.rehearsal.checks import CHECKS
from local.rehearsal.mask import Mask
from local.rehearsal.play import Failure, Outcome, Played, Rehearsal
from local.rehearsal.stage import Sight, Stage
from local.simulator import Owner, Simulator

NORDIC = (
    "PROVIDER_NAME=Nordic <Voice>",
    "APPLICATION_ID=4711",
    "TRIAL_DAYS=14",
    "CONTACT_URL=mailto:help@nordic.example",
    "MAIL_FROM=codes@nordic.example",
)


def written(
    folder: Path, title: str = "Hello", given: Sequence[str] = (), failure: Failure | None = None
) -> str:
    """The report of a rehearsal in which the owner saw one page, and a step may have failed."""
    found, now = settings.read(given), datetime(2026, 11, 28, 12, 15, tzinfo=UTC)
    platform, none = Simulator(application_id=found.application_id), cast("Any", None)
    stage = Stage(platform, none, none, Owner(), take_census=none, patience_s=0, portal=none)
    page = Page("http://app.test/connect", 200, title, "", {}, None, html="<h1>Hello")
    stage.sights.append(Sight(now, "came from Altegio", page))
    mask = Mask(["none"], [found[name] for name in settings.PUBLIC])
    with Album(mask.text) as album:
        album.add(1, "", stage.sights)
        played = [Played(CHECKS[0].steps[0], now, failure=failure)] if failure else []
        told = Rehearsal(now, 0, [Outcome(CHECKS[0], stage, played)], platform, found, folder)
        names = report.write(told, album, folder, mask)
    assert sorted(names) == sorted(path.name for path in folder.iterdir())
    return (folder / "report.html").read_text("utf-8")


def test_what_it_was_told_is_escaped(tmp_path: Path) -> None:
    html = written(tmp_path, "<script>alert(1)</script>", NORDIC)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "Nordic &lt;Voice&gt;" in html


def test_it_leads_with_the_provider_and_his_application(tmp_path: Path) -> None:
    lead, _, _ = written(tmp_path, given=NORDIC).partition("</article>")
    assert "id 4711 in the Developer Cabinet; paid, with a trial of 14 days" in lead
    assert "2026-11-28, 12:15 UTC" in lead
    assert f"{report.version()}, commit" in lead
    assert "0 of 1 check passed" in lead
    assert "the simulator's" not in lead
    assert lead.count("Nothing ran against Altegio itself") == 1
    assert lead.count("masked on purpose") == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "The name and the id are"),
        (("APPLICATION_ID=101",), "The name is"),
        (("PROVIDER_NAME=Nordic Voice",), "The id is"),
    ],
)
def test_what_the_provider_did_not_give_is_said_to_be_made_up(
    tmp_path: Path, given: Sequence[str], words: str
) -> None:
    lead, _, _ = written(tmp_path, given=given).partition("</article>")
    assert f"{words} the simulator's, as none was given." in lead
    assert 'make rehearse WITH="PROVIDER_NAME' in lead
    assert ("in the Developer Cabinet" in lead) is ("APPLICATION_ID=101" in given)


def test_why_a_check_failed_stands_on_the_first_page(tmp_path: Path) -> None:
    html = written(tmp_path, failure=Failure("one callback", "no callbacks of <4564>"))
    lead, _, details = html.partition("</article>")
    assert "0 of 1 check passed; failed: 1" in lead
    assert 'class="failed">At “The owner connects one location”' in lead
    assert "expected: one callback\nfound: no callbacks of &lt;4564&gt;" in lead
    assert details.count("no callbacks of &lt;4564&gt;") == 1


def test_what_the_provider_tells_everybody_is_not_masked_and_all_else_is(tmp_path: Path) -> None:
    html = written(tmp_path, given=NORDIC)
    assert '<a href="mailto:help@nordic.example">contact</a>' in html
    assert "codes@nordic.example" not in html
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert told["provider"]["contact"] == "mailto:help@nordic.example"
    assert told["configuration"]["settings"]["CONTACT_URL"] == "mailto:help@nordic.example"
    assert "mailto:***" not in html
    assert told["configuration"]["settings"]["MAIL_FROM"] == "***"
    # Whose end is public is not public.
    assert Mask(["none"], ["mailto:help@nordic.example"]).text("p@nordic.example") == "***"


def test_every_setting_says_what_it_means(tmp_path: Path) -> None:
    row = r"<code>([A-Z_]+)</code>.*?<td>([^<]+)</td></tr>"
    rows = re.findall(row, written(tmp_path), re.DOTALL)
    assert {name for name, _ in rows} == set(settings.read().each)


def test_without_a_browser_the_report_says_so_and_names_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chromium, "executable", lambda: None)
    html = written(tmp_path)
    assert "Without pictures: there is no Chromium on this machine" in html
    assert "<b>1. Hello</b>" in html
    assert "<svg" not in html
    assert not (tmp_path / "report.pdf").exists()
