"""The rehearsal turns red on planted defects: a file by itself, which another worker takes."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from markupsafe import escape

from local import chromium, rehearsal

REPORT = "    def report_payment("
CONFIRM = '        reply = self._client.ask("POST", "/'
UNSENT = '''
    def report_payment(self, *_arguments):
        """Claims what it did not do."""
        import random
        return Sent(random.randrange(10**6, 10**7))

    def _report_payment('''
DOUBLED = '''
    def report_payment(self, *arguments):
        """Once too often."""
        self._report_payment(*arguments)
        return self._report_payment(*arguments)

    def _report_payment('''
COMMAND_BODY = '"type": "enable" if on else "disable", "crm_token": crm_token}'
SWITCH = "        body = {" + f'"command": "setup", {COMMAND_BODY}'
NEVER = f"        if on:\n            return Sent()\n{SWITCH}"
STAYS = "    locations = tuple(each for each in chain.locations if each != location_id)"
SKIPPED = f"        if location_id == 4777:\n            return\n{CONFIRM}"


@dataclass(frozen=True)
class Defect:
    module: str
    old: str
    new: str
    numbers: tuple[int, ...]
    failed: int
    expected: str
    recorded: str


DEFECTS = {
    "a payment is not sent": Defect(
        "altegio/marketplace",
        REPORT,
        UNSENT,
        (2, 5),
        2,
        "one payment as it was billed: 990.99 EUR",
        "no payments of location 4120",
    ),
    "a payment is sent twice": Defect(
        "altegio/marketplace",
        REPORT,
        DOUBLED,
        (2,),
        2,
        "",
        r"2 payment(s of location 412.|.requests)",
    ),
    "the second location's callback is skipped": Defect(
        "altegio/marketplace",
        CONFIRM,
        SKIPPED,
        (1,),
        1,
        "active by one callback",
        "location 4777 is pending, no callbacks taken",
    ),
    "the token of the chain is misspelt": Defect(
        "altegio/telephony",
        COMMAND_BODY,
        COMMAND_BODY.replace('"crm_token"', '"crmToken"'),
        (6,),
        6,
        "a page that says that telephony is on",
        "the page says that telephony is starting in 4660, starting in 4661",
    ),
    "telephony is not enabled": Defect(
        "altegio/telephony",
        SWITCH,
        NEVER,
        (6,),
        6,
        "enabled by one request for both locations",
        "telephony is off, no enable requests",
    ),
    "who was called back is still called missed": Defect(
        "calls/missed",
        "    answered = [call for call in calls if _is_answered(call)]",
        "    answered = list[Call]()",
        (7,),
        7,
        "called back, and from which telephone",
        "does not read “Called back, extension 21”",
    ),
    "telephony is disabled while a sibling location lives": Defect(
        "chains/chain",
        STAYS,
        "    locations: tuple[int, ...] = ()",
        (6,),
        6,
        "telephony on, no disable",
        "telephony is off, 1 disable request",
    ),
}
# Those that do not meet are planted together, as each run has a stack of its own: each turns
# another check red, which tells of it in its words. The first run has pictures of the pages.
RUNS = {
    # All that connect would be refused.
    "token": ("the token of the chain is misspelt",),
    "money and telephony": ("a payment is not sent", "telephony is not enabled"),
    "one in each": (
        "the second location's callback is skipped",
        "a payment is sent twice",
        "telephony is disabled while a sibling location lives",
        "who was called back is still called missed",
    ),
}


def test_every_defect_is_planted_once() -> None:
    assert sorted(name for run in RUNS.values() for name in run) == sorted(DEFECTS)


class TestPlantedDefects:
    @pytest.fixture(params=RUNS)
    def defects(self, request: pytest.FixtureRequest) -> list[Defect]:
        return [DEFECTS[name] for name in RUNS[request.param]]

    @pytest.fixture
    def artifact(self, defects: list[Defect], plant: Callable[[str, str, str], Path]) -> Path:
        [*_, planted] = [plant(it.module, it.old, it.new) for it in defects]
        return planted

    def test_turn_the_checks_concerned_red(
        self,
        defects: list[Defect],
        artifact: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        if len(defects) > 1:
            monkeypatch.setattr(chromium, "executable", lambda: None)
        folder = tmp_path / "rehearsal"
        numbers = {number for defect in defects for number in defect.numbers}
        # With the patience of any rehearsal: a check ends at its first failure, so not for long.
        status = rehearsal.rehearse(folder=folder, artifact=artifact, numbers=numbers)
        out = capsys.readouterr().out
        told = json.loads((folder / "report.json").read_text())
        failed = {
            check["number"]: check["failure"]
            for check in told["checks"]
            if check["verdict"] == "failed"
        }
        assert status == 1, out
        assert not told["has_passed"]
        assert sorted(failed) == sorted(defect.failed for defect in defects), out
        for defect in defects:
            failure = failed[defect.failed]
            assert defect.expected in failure["expected"]
            assert re.search(defect.recorded, failure["recorded"])
            assert failure["recorded"] in out
        assert f"{len(failed)} of {len(numbers)} checks failed" in out
        html = (folder / "report.html").read_text()
        lead = re.sub("</?time>", "", html.partition("</article>")[0])
        assert all(escape(each["recorded"]) in lead for each in failed.values())
        has_pictures = "data:image/jpeg;base64," in html
        assert has_pictures is (chromium.executable() is not None)
