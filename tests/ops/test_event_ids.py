"""Whatever a billing system calls its invoices, the operator can type what he is shown."""

import shlex

import pytest

from ops.trouble import Grade
from tests.deployment import Deployment, payment
from tests.ops.operator import Operator
from tests.test_fields import IDS

SHORT = [id_ for id_ in IDS if len(id_) < 100]


@pytest.mark.parametrize("id_", [*SHORT, "-12/2026"], ids=ascii)
def test_the_command_that_is_shown_finds_its_entry(
    deployment: Deployment, operator: Operator, id_: str
) -> None:
    deployment.bill(payment(id_))
    shown = operator("status").partition("type: ")[2]
    python, *words = shlex.split(shown.partition("\n\n")[0])
    assert (python, words[:2]) == (".venv/bin/python", ["-m", "ops"])
    words = words[2:]
    assert words == ["payment", f"payment#{id_}"]
    assert "the location is not connected" in operator(*words)
    assert operator.code == Grade.ATTENTION
