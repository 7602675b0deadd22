"""What a refund does, told before it is sent."""

from datetime import timedelta

import pytest

from ops import screen
from shared.payments.coverage import Effect
from tests.deployment import Deployment, refund
from tests.ops.operator import Operator
from tests.ops.states import bought, reject

pytestmark = pytest.mark.usefixtures("anna")


def foretold(operator: Operator, key: str) -> dict[str, str]:
    """What is shown, by its names."""
    lines = operator("payment", key, "--if-refunded").splitlines()[1:]
    pairs = (line.strip().partition(" ") for line in lines)
    return {name: words.strip() for name, _space, words in pairs}


@pytest.mark.parametrize(
    ("first", "second", "effect", "until"),
    [
        ((-1, 30), None, "DARK", None),
        ((-1, 30), (5, 60), "DARK", None),
        ((-1, 30), (-1, 20), "COVERED", 20),
        ((-30, -1), None, "NONE", None),
        ((5, 30), (-1, 10), "SHORTER", 10),
    ],
)
def test_what_is_foretold_of_a_refund_happens(  # noqa: PLR0917 - fixtures
    trial: Deployment,
    operator: Operator,
    first: tuple[float, float],
    second: tuple[float, float] | None,
    effect: str,
    until: float | None,
) -> None:
    trial.bill(bought(trial, "inv-1", *first))
    if second is not None:
        trial.bill(bought(trial, "inv-2", *second))
    calls = len(trial.simulator.journal)
    told = foretold(operator, "inv-1")
    assert {call.method for call in trial.simulator.journal[calls:]} == {"GET"}
    assert told["payment"].startswith("payment#inv-1, ")
    assert told["refund"] == "none yet; billed now, it goes out at once"
    assert told["effect"].startswith(Effect[effect])
    ends = until and screen.moment(trial.clock() + timedelta(days=until))
    assert (f"paid until {ends}" in told["left"]) == (until is not None)
    assert operator.code == 0
    trial.bill(refund())
    dark = trial.simulator.platform.state(4564) == "freezed"
    assert dark == (effect == "DARK")
    told = foretold(operator, "inv-1")
    assert told["refund"].startswith("refund#ref-1 ")
    assert told["effect"] == f"{Effect.NONE}: it is given back already"


def test_a_refund_is_foretold_in_words(trial: Deployment, operator: Operator) -> None:
    trial.bill(bought(trial, "inv-1", -1, 30))
    lines = [
        line.split(maxsplit=1)
        for line in operator("payment", "inv-1", "--if-refunded").splitlines()
    ]
    assert lines[0] == ["If", "payment#inv-1 is given back (test stack)"]
    id_ = trial.entry("payment#inv-1").platform_id
    for said in (
        ["state", f"SENT, with id {id_}"],
        ["location", "4564 (Ателье «Zoë»?>), active here"],
        ["refund", "none yet; billed now, it goes out at once"],
        ["effect", "the location goes dark within the hour"],
        ["left", "no other paid period runs now"],
    ):
        assert said in lines


@pytest.mark.parametrize("location_id", [4564, None])
def test_the_refund_of_what_is_not_sent_waits(
    trial: Deployment, operator: Operator, location_id: int | None
) -> None:
    trial.simulator.disconnect(4564)
    trial.let_time_pass(5)
    trial.bill(bought(trial, "inv-1", -1, 30))
    told = foretold(operator, "inv-1")
    assert told["refund"].endswith("it waits: its payment was HELD at the last try")
    trial.bill(refund(location_id=location_id))
    told = foretold(operator, "ref-1")
    assert told["refund"] == "refund#ref-1 waits: its payment was HELD at the last try"
    assert told["effect"] == "nothing until it goes out"
    assert (told["payment"].partition(",")[0], told["state"]) == ("payment#inv-1", "HELD")


@pytest.mark.parametrize("was", ["rejected", "closed"])
def test_the_refund_of_what_was_not_taken_is_rejected(
    connected: Deployment, operator: Operator, was: str
) -> None:
    reject(connected)
    if was == "closed":
        operator("payment", "inv-1", "--close", "gone", "--do")
    told = foretold(operator, "inv-1")
    assert told["refund"].endswith(f"it becomes REJECTED: its payment was {was}")
    connected.bill(refund(location_id=4564))
    told = foretold(operator, "inv-1")
    assert told["refund"] == f"refund#ref-1 is REJECTED: its payment was {was}"
    assert told["effect"].startswith("nothing, ")


def test_a_refund_of_what_nobody_billed_and_an_unknown_id(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(refund(of="never-billed"))
    text = operator("payment", "ref-1", "--if-refunded")
    assert "payment  not in the ledger" in text
    assert "refund#ref-1 waits: its payment was not sent by billing" in text
    assert operator.code == 0
    assert "no payment or refund is known as nothing" in operator(
        "payment", "nothing", "--if-refunded"
    )
    assert operator.code == 2


def test_where_the_platform_does_not_tell_nothing_is_foretold(
    trial: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.bill(bought(trial, "inv-1", -1, 30))
    trial.simulator.fault("status", "status", status=500)
    told = foretold(operator, "inv-1")
    why = "cannot be told: the platform does not tell: status answered"
    assert told["effect"].startswith(why)
    monkeypatch.setattr(trial.simulator.platform, "payments", lambda _location: [])
    assert "which is not on the platform's list" in operator("payment", "inv-1", "--if-refunded")
