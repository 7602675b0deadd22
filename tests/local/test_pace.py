"""Turns that many ask for at the same moment: the emulator judges the race, as moto cannot."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local import PROJECT
from local.stack.emulator import Emulator, create_table
from local.stack.template import Template
from shared.altegio.rate_limit import Busy, Pace
from shared.altegio.settings import PacePolicy

NOW = datetime(2026, 11, 1, tzinfo=UTC)
RULES = PacePolicy(pace_per_s=5, pace_per_min=200, retry_base_s=30)
INTERVAL_S = RULES.interval.total_seconds()


def test_no_two_calls_share_a_place(tmp_path: Path) -> None:
    table = (
        Template.read(PROJECT / "template.yaml")
        .wire({"ApplicationId": "1"}, endpoint_url="http://127.0.0.1", api_url="")
        .tables["PaceTable"]
    )
    with Emulator(log=tmp_path / "emulator.log") as emulator:
        emulator.wait()
        create_table(emulator.client("dynamodb"), table)
        together = threading.Barrier(8)

        def pace(waits: list[float], patience_s: float) -> Pace:
            return Pace(
                emulator.client("dynamodb"),
                table.name,
                clock=lambda: NOW,
                sleep=waits.append,
                rules=RULES,
                ahead_s=0,
                patience_s=patience_s,
            )

        def worker(number: int) -> list[float]:
            waits: list[float] = []
            mine = pace(waits, patience_s=60)
            together.wait()
            for _ in range(5):
                # Half of them as payments do, half as questions.
                if number % 2:
                    mine.take(60)
                else:
                    claim(mine)
            return waits

        def claim(mine: Pace) -> None:
            try:
                transact(mine._dynamodb, mine.at_once())
                mine._sleep(0)
            except Busy:
                mine.wait()
                transact(mine._dynamodb, mine.in_turn())

        with ThreadPoolExecutor(8) as pool:
            waits = sorted(wait for each in pool.map(worker, range(8)) for wait in each)
        assert [round(wait, 3) for wait in waits] == [round(INTERVAL_S * n, 3) for n in range(40)]


def transact(dynamodb: Any, item: Any) -> None:
    """As the ledger does it: a conflict is tried again, a refusal is not our turn."""
    while True:
        try:
            dynamodb.transact_write_items(TransactItems=[item])
        except dynamodb.exceptions.TransactionCanceledException as error:
            [reason] = error.response["CancellationReasons"]
            if reason["Code"] == "ConditionalCheckFailed":
                raise Busy from None
        else:
            return
