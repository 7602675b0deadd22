"""What doors note for the operator: bounded, written some times a minute, and never an error."""

from collections import Counter
from datetime import timedelta

import pytest

from shared.aws import sightings
from shared.aws.sightings import POP_UP, WEBHOOK, Sightings
from tests.deployment import Deployment
from tests.memory import Memory, refusal
from tests.memory.calls import Asked

HOUR = timedelta(hours=1)


@pytest.fixture
def seen(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Sightings:
    monkeypatch.setattr(sightings, "_EVERY_S", 0)
    return another(deployment)


def another(deployment: Deployment) -> Sightings:
    """Of another environment of the function."""
    table = deployment.environments["calls"]["PACE_TABLE"]
    return Sightings(deployment._dynamodb, table, deployment.clock)


def test_the_last_ones_are_told_and_none_hides_all_others(
    deployment: Deployment, seen: Sightings
) -> None:
    for number in range(100):
        seen.note(WEBHOOK, f"who-{number}", "once")
        deployment.clock.advance(seconds=1)
    for _ in range(100):
        seen.note(WEBHOOK, "often", "again")
    told = [it.who for it in seen.lately(WEBHOOK, HOUR)]
    assert told[0] == "often"
    assert 8 < len(told) <= 16
    assert len(deployment.rows("PACE_TABLE")) == 102
    last = seen.last(WEBHOOK, "who-7")
    assert last is not None
    assert (last.who, last.why) == ("who-7", "once")
    deployment.clock.advance(hours=1)
    assert seen.lately(WEBHOOK, HOUR) == []


def test_pop_ups_are_counted_by_hour_and_by_all_environments(
    deployment: Deployment, seen: Sightings
) -> None:
    other = another(deployment)
    for who, why in (("4564", "sent"), ("4564", "too late"), ("4564", "sent"), ("4232", "sent")):
        seen.count(POP_UP, who, why)
        other.count(POP_UP, who, why)
    assert seen.counts(POP_UP, "4564") == Counter({"sent": 4, "too late": 2})
    assert seen.counts(POP_UP) == Counter({"sent": 6, "too late": 2})
    deployment.clock.advance(hours=1)
    assert seen.counts(POP_UP, "4232") == Counter({"sent": 2})
    deployment.clock.advance(hours=1)
    assert seen.counts(POP_UP) == Counter()


def test_what_a_reception_has_in_a_minute_is_counted_at_once(deployment: Deployment) -> None:
    """Also the last ones, after which nothing comes any more that would bring them."""
    it = another(deployment)
    for why in ("sent", "sent", "too late", "sent", "sent", "sent", "sent"):
        it.count(POP_UP, "4564", why)
    assert it.counts(POP_UP, "4564") == it.counts(POP_UP) == Counter({"sent": 6, "too late": 1})
    assert it.crowded(POP_UP, "4564", deployment.clock() - HOUR) is None


def test_however_many_there_are_a_row_is_written_some_times_a_minute(
    deployment: Deployment, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    memory.before = lambda name, _asked: asked.append(name)
    it, now = another(deployment), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for _ in range(1000):
        it.count(POP_UP, "4564", "sent")
        it.note(WEBHOOK)
    # Ten of each row, that there are more, and the webhook.
    assert asked == ["UpdateItem"] * 24
    assert it.counts(POP_UP, "4564") == Counter({"sent": 10})
    # That some are missing is told.
    for who in ("4564", ""):
        assert it.crowded(POP_UP, who, deployment.clock() - HOUR) == deployment.clock()
        assert it.crowded(POP_UP, who, deployment.clock() + HOUR) is None
    now[0] += 60
    # What was not written then, is written now.
    it.count(POP_UP, "4564", "sent")
    assert it.counts(POP_UP, "4564") == Counter({"sent": 1001})


def test_what_is_over_is_written_at_once(deployment: Deployment) -> None:
    """Also where nothing comes any more that minute: else a row says for long what was mended."""
    it = another(deployment)
    for why in ("too late",) * 20 + ("sent",):
        it.count(POP_UP, "4564", why)
    assert it.counts(POP_UP, "4564") == Counter({"too late": 20, "sent": 1})


def test_when_one_was_counted_last_is_told_for_an_hour_or_two(
    deployment: Deployment, seen: Sightings
) -> None:
    assert seen.last_counted(POP_UP, "4564") is None
    seen.count(POP_UP, "4564", "sent")
    first = deployment.clock()
    deployment.clock.advance(minutes=5)
    seen.count(POP_UP, "4564", "too late")
    at = seen.last_counted(POP_UP, "4564")
    assert at is not None
    assert at - first == timedelta(minutes=5)
    assert seen.last_counted(POP_UP, "4232") is None
    deployment.clock.advance(hours=2)
    assert seen.last_counted(POP_UP, "4564") is None


def test_whoever_cannot_write_it_goes_on(seen: Sightings, memory: Memory) -> None:
    def before(name: str, _asked: Asked) -> None:
        raise refusal(name, "ThrottlingException", "Slow down.")

    memory.before = before
    seen.note(WEBHOOK)
    seen.count(POP_UP, "4564", "sent")
    memory.before = None
    assert seen.last(WEBHOOK) is None
