"""The report that the pages show is one of the rehearsal as it is."""

import re

from local.rehearsal.checks import CHECKS
from tests.docs import pages

REPORT = pages.PROJECT / "docs" / "report.pdf"


def test_the_report_has_ten_pages_at_most_and_names_its_provider() -> None:
    printed = REPORT.read_bytes()
    assert printed.startswith(b"%PDF-")
    assert 3 <= len(re.findall(rb"/Type /Page\b", printed)) <= 10
    assert re.search(rb"/Title \(Nordic Voice: moderation rehearsal, \d{4}-\d\d-\d\d\)", printed)
    assert len(printed) < 1_000_000  # everybody clones it


def test_it_is_linked_where_its_first_page_is_shown() -> None:
    assert '<a href="report.pdf">\n<img src="report.png"' in pages.text("docs/proof.md")


def test_the_transcript_has_the_steps_of_every_check() -> None:
    [printed] = [it[1] for it in pages.transcripts("docs/proof.md") if it[0] == "make rehearse"]
    told = re.findall(r"^   ok      (.+?) +\d+\.\d s$", printed, re.MULTILINE)
    assert told[1:] == [step.name for check in CHECKS for step in check.steps]
