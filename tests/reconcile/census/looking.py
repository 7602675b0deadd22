"""How the tests of the census look at what it found."""

import re

from shared.reconcile.census.table import CensusTable, Found, Head, Stage
from tests.deployment import Deployment

DAY_MIN = 24 * 60


def roll(deployment: Deployment) -> CensusTable:
    return CensusTable(deployment._dynamodb, deployment.environments["reconcile"]["CENSUS_TABLE"])


def head(deployment: Deployment) -> Head:
    found = roll(deployment).head()
    assert found is not None
    return found


def taken(deployment: Deployment) -> list[Found]:
    """The next day's census, and what it found."""
    deployment.clock.advance(days=1)
    before = head(deployment).began_at
    deployment.reconcile()
    deployment.let_time_pass(5)
    assert head(deployment).began_at > before
    assert head(deployment).stage is Stage.DONE
    return found(deployment)


def found(deployment: Deployment) -> list[Found]:
    parts = map(roll(deployment).part, range(head(deployment).parts))
    return [it for part in parts for it in part.found]


def kinds(findings: list[Found]) -> list[tuple[int, str]]:
    return [(it.finding.location_id, it.finding.difference.name) for it in findings]


def counted(log: str, metric: str) -> int:
    """How often a metric was counted, also several times in one invocation."""
    # With a space where there were too many for one line.
    values = re.findall(rf'"{metric}": ?\[([0-9., ]+)\]', log)
    return sum(int(float(value)) for group in values for value in group.split(","))


def connect(deployment: Deployment, *location_ids: int) -> None:
    deployment.connect(*location_ids)
    deployment.reconcile()
    deployment.clock.advance(minutes=5)
