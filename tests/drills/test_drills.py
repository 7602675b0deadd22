"""A few incidents of `make drills`, and that a drill that goes wrong is seen."""

from dataclasses import replace

import pytest

from tests.drills import __main__ as drills
from tests.drills.drill import run
from tests.drills.incidents import ALL, Incident

QUICK = [each for each in ALL if each.quick]
REJECTED = next(each for each in ALL if each.name == "a payment is rejected")


@pytest.mark.parametrize("incident", QUICK, ids=lambda each: each.name)
def test_an_incident_is_told_and_mended(incident: Incident) -> None:
    drill = run(incident)
    assert drill.wrongs == [], drill.shown


def test_each_has_an_alarm_or_says_why_none_rings() -> None:
    assert [it.name for it in ALL if bool(it.alarm) is bool(it.silent)] == []
    assert len({it.name for it in ALL}) == len(ALL) >= 30


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"alarm": "DoubledAlarm"}, "no alarm of DoubledAlarm; rang: PaymentRejectedAlarm"),
        ({"alarm": "", "silent": "so it seems"}, "rang: PaymentRejectedAlarm"),
        ({"cause": "the weather"}, "status does not name the weather"),
    ],
)
def test_what_is_not_told_is_seen(change: dict[str, str], wrong: str) -> None:
    drill = run(replace(REJECTED, within_min=5, **change))  # type: ignore[arg-type]  # of texts
    assert any(it.startswith(wrong) for it in drill.wrongs), drill.wrongs


def test_what_is_not_mended_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.drills.drill._type", lambda *_: "")
    drill = run(replace(REJECTED, falls_min=5))
    assert any(it.startswith("not well after it was mended") for it in drill.wrongs)
    assert any("in the end it is not so" in it for it in drill.wrongs)


def test_it_prints_a_table_and_ends_by_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = replace(REJECTED, name="one that is not as told", cause="the weather", within_min=3)
    monkeypatch.setattr(drills, "ALL", (REJECTED, wrong))
    assert drills.main(["--only", "rejected"]) == 0
    shown = capsys.readouterr().out
    assert "PaymentRejectedAlarm" in shown
    assert "payment payment#inv-1 --send --do" in " ".join(shown.split())
    assert drills.main([]) == 1
    assert "status does not name the weather" in capsys.readouterr().out
