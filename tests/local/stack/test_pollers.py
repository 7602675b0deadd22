"""Which messages of a batch stay in the queue."""

from typing import Any

import pytest

from local.stack.environment import InvokeResult
from local.stack.pollers import failures

BOTH, NONE = frozenset({"a", "b"}), frozenset[str]()


def failed(payload: Any, error: dict[str, Any] | None = None, *, reports: bool = True) -> Any:
    result = InvokeResult(payload, error, log="", duration_ms=1, cold=False, request_id="")
    return failures(result, ["a", "b"], reports_failures=reports)


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (None, NONE),
        ({}, NONE),
        ({"batchItemFailures": []}, NONE),
        ({"batchItemFailures": None}, NONE),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}, BOTH),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, BOTH),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, BOTH),
        ({"batchItemFailures": [{"itemIdentifier": "stranger"}]}, BOTH),
        ({"batchItemFailures": [{"wrongKey": "a"}]}, BOTH),
        ({"batchItemFailures": ["a"]}, BOTH),
        ({"batchItemFailures": "a"}, BOTH),
        ("text", BOTH),
    ],
)
def test_reported_failures(payload: Any, kept: set[str]) -> None:
    assert failed(payload) == kept


def test_a_report_nobody_asked_for_is_a_success() -> None:
    assert failed({"batchItemFailures": [{"itemIdentifier": "a"}]}, reports=False) == NONE


def test_an_error_keeps_the_whole_batch() -> None:
    assert failed(None, {"errorType": "ValueError"}) == BOTH
    assert failed(None, {"errorType": "ValueError"}, reports=False) == BOTH
