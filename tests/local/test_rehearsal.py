"""The rehearsal passes on what is here, and shows no secret; `rehearsal/test_defects.py` plants."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from markupsafe import escape

from local import PROJECT, build, chromium, rehearsal
from local.rehearsal.browser import Browser
from local.rehearsal.checks import CHECKS
from local.rehearsal.mask import MASKED, Mask
from local.rehearsal.play import PEOPLE
from local.simulator import Owner, Simulator
from local.simulator.redirect import user_data

COMMAND = [sys.executable, "-m", "local", "rehearse"]


# First, so that the report which is there after the tests is the one of a whole rehearsal.
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rehearsal_ends_cleanly_and_leaves_no_report(end: signal.Signals) -> None:
    with subprocess.Popen(
        COMMAND, cwd=PROJECT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("1  "):
            assert process.poll() is None
        process.send_signal(end)
        out, err = process.communicate(timeout=180)
    assert process.returncode == 130
    assert "Interrupted" in out
    assert err == ""
    assert not (rehearsal.FOLDER / "report.json").exists()


def test_a_setting_that_cannot_be_is_told_at_once() -> None:
    command = [*COMMAND, "BRAND_COLOR=red"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    words = "the rehearsal cannot be played: BrandColor must be a colour such as #1f6feb.\n"
    assert done.stderr == words


@dataclass(frozen=True)
class Run:
    status: int
    out: str
    err: str
    report: dict[str, Any]
    page: str


@pytest.fixture(scope="module")
def run() -> Run:
    build.artifact()  # may need the proxy
    # What is on this machine is reached without one, whatever the environment says.
    proxy = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    done = subprocess.run(
        COMMAND,
        cwd=PROJECT,
        env=os.environ | proxy,
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(
        done.returncode,
        done.stdout,
        done.stderr,
        json.loads((rehearsal.FOLDER / "report.json").read_text()),
        (rehearsal.FOLDER / "report.html").read_text(),
    )


class TestTheRealThing:
    def test_every_check_passes(self, run: Run) -> None:
        assert run.status == 0, run.out + run.err
        assert run.report["has_passed"]
        assert [check["verdict"] for check in run.report["checks"]] == ["passed"] * 7
        assert run.err == ""

    def test_the_terminal_shows_each_step_and_where_the_report_is(self, run: Run) -> None:
        for check in CHECKS:
            assert re.search(rf"(?m)^{check.number}  {check.title} +passed", run.out)
            for step in check.steps:
                assert re.search(rf"(?m)^   ok      {re.escape(step.name)} +[0-9.]+ s$", run.out)
        assert "All 7 checks passed" in run.out
        assert re.search(
            r"(?m)^Report  build/rehearsal/report\.(pdf, report\.)?html, report\.json$", run.out
        )
        # And what comes next.
        assert run.out.splitlines()[-1].startswith("Next    look at the report; then")
        assert "\x1b" not in run.out

    def test_the_report_holds_what_proves_it(self, run: Run) -> None:
        for check in run.report["checks"]:
            assert all(step["evidence"] for step in check["steps"])
            assert all(point["verdict"] == "passed" for point in check["points"])
            assert check["owner_saw"]
            assert check["platform_calls"]
            assert check["platform_records"]
            assert not any(call["violation"] for call in check["platform_calls"])
        assert run.report["configuration"]["application_id"] == 101
        assert run.report["configuration"]["settings"]["RECONCILE_EVERY_S"] == "0.5"

    def test_each_check_has_its_own_calls(self, run: Run) -> None:
        *_, follows, _, telephony, missed = run.report["checks"]
        routes = [
            {call["route"] for call in check["platform_calls"]}
            for check in (follows, telephony, missed)
        ]
        assert "salons" in routes[0]
        assert {"enable", "disable", "event", "history"} <= routes[1]
        assert {"enable", "history"} <= routes[2]
        assert not {"disable", "event"} & routes[2]
        lost = [call for call in telephony["platform_calls"] if call["fault"]]
        assert len(lost) == 2
        assert not any(call["fault"] for call in missed["platform_calls"])

    def test_the_page_needs_nothing_from_elsewhere(self, run: Run) -> None:
        assert "<script" not in run.page
        assert not re.search(r"(src|href)=\"(?!#|data:)|url\(|@import", run.page)

    def test_the_report_leads_with_who_and_what(self, run: Run) -> None:
        lead = re.sub("</?time>", "", run.page.partition("</article>")[0])
        for words in ("IP telephony", "id 101; paid", "7 of 7 checks passed", "32 of 32 steps"):
            assert words in lead
        for check in run.report["checks"]:
            for point in check["points"]:
                assert str(escape(point["evidence"])) in lead
                assert re.fullmatch(r"[^\n]{40,300}\.", point["evidence"])

    def test_a_refund_is_told_as_it_was_sent(self, run: Run) -> None:
        check = run.report["checks"][2]
        [example] = check["examples"]
        path = r"/marketplace/partner/payment/refund/(\d+)"
        found = re.fullmatch(path, example["path"])
        assert found
        assert (example["method"], example["body"], example["status"]) == ("POST", None, 200)
        told = [each["found"] for step in check["steps"] for each in step["evidence"]]
        full = f"1 refund request, answered 200: payment {found[1]}, the full 990.99 EUR"
        assert full in told
        assert sum("the full 990.99 EUR" in each for each in told) == 6
        assert "6 refund requests, answered 200" in check["points"][0]["evidence"]
        _, _, details = run.page.partition('id="check-3"')
        row = details.partition("As it was sent to Altegio: the first request<")[2]
        assert "no body" in row.partition("</li>")[0]

    def test_what_each_kind_of_request_says_is_to_be_read(self, run: Run) -> None:
        sent = [[each["route"] for each in it["examples"]] for it in run.report["checks"]]
        telephony = ["enable", "event", "history", "disable"]
        assert sent == [["callback"], ["payment"], ["refund"], [], [], telephony, []]
        payment = run.report["checks"][1]["examples"][0]["body"]
        assert {"payment_sum", "period_from", "period_to"} <= set(payment)

    def test_its_counts_are_those_of_what_it_lists(self, run: Run) -> None:
        connects, *_, follows, _, telephony, _ = run.report["checks"]
        events = [each["body"]["event"] for each in follows["webhooks"]]
        said = follows["points"][0]["evidence"]
        assert f"{len(events)} webhooks answered" in said
        assert f"{events.count('uninstall')} uninstall (one late, one twice)" in said
        assert f"{events.count('freeze')} freeze" in said
        assert "Telephony stayed on" in said
        assert "disable" not in [each["route"] for each in follows["platform_calls"]]
        enable, disable, _, history = (each["evidence"] for each in telephony["points"])
        routes = [each["route"] for each in telephony["platform_calls"]]
        assert enable.startswith("1 request ")
        assert f"{routes.count('enable') - 1} more when one left, as Altegio does not" in enable
        assert disable.startswith(f"{routes.count('disable')} request,")
        assert "4 incoming, 2 outgoing; 4 answered" in history
        assert "2 missed. " in history
        [active] = connects["platform_records"][0]["log"][-1:]
        ends = datetime.fromisoformat(active["changed_at"]) + timedelta(days=7)
        assert f"The trial of the first ends {ends} UTC." in connects["points"][0]["evidence"]

    def test_nothing_is_doubled_and_no_name_looks_broken(self, run: Run) -> None:
        for check in run.report["checks"]:
            for step in check["steps"]:
                pairs = [(each["expected"], each["found"]) for each in step["evidence"]]
                assert all(one != other for one, other in pairwise(pairs)), pairs
                assert not any(re.search(r"\b(\w+), \1\b(?! s)", found) for _, found in pairs)
        names = {owner for check in run.report["checks"] for owner in _welcomed(check)}
        assert names <= {name for name, _ in PEOPLE}
        assert names

    @pytest.mark.skipif(chromium.executable() is None, reason="no Chromium")
    def test_there_is_a_picture_of_each_page_and_ten_pages_of_paper_at_most(self, run: Run) -> None:
        pages = run.report["pages"]
        seen = sum(sum(page["seen_in_checks"].values()) for page in pages)
        assert seen == sum(len(check["owner_saw"]) for check in run.report["checks"])
        assert run.page.count("data:image/jpeg;base64,") == len(pages)
        assert len(pages) >= 9
        # Whoever reads the first of them has seen each page.
        lead, _, _ = run.page.partition("</article>")
        assert all(f'<use href="#shot-{number}"/>' in lead for number in range(1, len(pages) + 1))
        printed = (rehearsal.FOLDER / "report.pdf").read_bytes()
        sheets = re.findall(rb"<<[^<>]*/Type /Page\b.*?endobj", printed, re.DOTALL)
        assert 3 <= len(sheets) <= 10
        # On paper, too: each picture is a link, and the first sheet has all of them.
        links = [re.search(rb"/Annots \[([^]]*)\]", sheet) for sheet in sheets]
        assert [each and each[1].count(b" R") for each in links] == [len(pages)] + [None] * (
            len(sheets) - 1
        )

    def test_nothing_shows_a_secret(self, run: Run) -> None:
        platform = Simulator()
        tokens = {platform.partner_token, platform.user_token, platform.crm_token}
        personal = {"@example.com", "15551230", "3155550175", "pbx_", "records.example/"}
        signed = {part[:40] for part in user_data(Owner(), platform.partner_token)}
        for text in (run.out, run.err, json.dumps(run.report), run.page):
            assert [each for each in tokens | personal | signed if each in text] == []
            assert re.findall(r"\b[0-9a-f]{64}\b", text) == []
        assert MASKED in run.page


def _welcomed(check: dict[str, Any]) -> set[str]:
    """The names that the page greets."""
    found = (re.match("Welcome back, (.*)", sight["title"]) for sight in check["owner_saw"])
    return {each[1] for each in found if each}


def answered(html: str, pressed: list[httpx.Request] | None = None) -> Browser:
    """A browser in front of one page."""

    def answer(request: httpx.Request) -> httpx.Response:
        if pressed is not None and request.method == "POST":
            pressed.append(request)
        return httpx.Response(200, html=html)

    browser = Browser()
    browser._http = httpx.Client(transport=httpx.MockTransport(answer))
    return browser


class TestBrowser:
    PAGE = """
      <title>not this</title><h1>Hello,
      you</h1><form method="get"><input name="search"></form>
      <li data-location="7" data-standing="in progress">Location 7</li>
      <form method="post" action="{action}">
        <input type="hidden" name="ticket" value="t"><input name="name" value="Zo&euml;">
        <button type="submit" name="action" value="connect">Go</button>
      </form>
      <form method="post"><input name="other"></form>"""

    def test_reads_title_standings_and_the_first_post_form(self) -> None:
        page = answered(self.PAGE.format(action="?")).open("http://app.test/connect?a=1")
        assert (page.title, page.standings) == ("Hello, you", {7: "in progress"})
        assert page.form is not None
        assert (page.form.hidden, page.form.asked) == ({"ticket": "t"}, {"name": "Zoë"})

    @pytest.mark.parametrize(
        ("action", "target"),
        [
            ("?", "http://app.test/connect"),
            ("", "http://app.test/connect?a=1"),
            ("/other", "http://app.test/other"),
        ],
    )
    def test_presses_the_button_as_a_browser_does(self, action: str, target: str) -> None:
        pressed: list[httpx.Request] = []
        browser = answered(self.PAGE.format(action=action), pressed)
        browser.press(browser.open("http://app.test/connect?a=1"))
        assert str(pressed[0].url).rstrip("?") == target
        assert pressed[0].content == b"ticket=t&name=Zo%C3%AB&action=connect"

    def test_a_form_with_a_second_button_is_no_main_way_forward(self) -> None:
        second = """<form method="post"><input name="code">
          <button class="second" name="action" value="send">Send me a code</button></form>"""
        page = answered(second).open("http://app.test/")
        assert page.form is None
        page = answered(second + self.PAGE.format(action="?")).open("http://app.test/")
        assert page.form is not None
        assert page.form.button == ("action", "connect")
        assert page.form.asked == {"name": "Zoë"}

    @pytest.mark.parametrize(
        "buttons", ["", '<button name="a">A</button><button name="b"></button>']
    )
    def test_a_form_without_one_clear_button_is_no_way_forward(self, buttons: str) -> None:
        with pytest.raises(ValueError, match="named submit button"):
            answered(f'<form method="post">{buttons}</form>').open("http://app.test/")


def test_the_mask_takes_names_shapes_and_values() -> None:
    mask = Mask(["opens sesame"])
    assert mask(
        {
            "partner_token": "x",
            "Authorization": "Bearer x",
            "path": "/connect?salon_id=1&user_data=abc%3D&user_data_sign=ff&crm_token=u-1&ticket=t",
            "rows": ["it opens sesame", "call +15551230000 or zoe@example.com", 4564, None],
            "written": ["+1 (555) 123-0000", "from 2026-11-28 22:00:00 to 2026-12-28 21:59:59"],
            "signed": "a" * 64,
        }
    ) == {
        "partner_token": MASKED,
        "Authorization": MASKED,
        "path": "/connect?salon_id=1&user_data=***&user_data_sign=***&crm_token=***&ticket=***",
        "rows": ["it ***", "call *** or ***", 4564, None],
        "written": [MASKED, "from 2026-11-28 22:00:00 to 2026-12-28 21:59:59"],
        "signed": MASKED,
    }
