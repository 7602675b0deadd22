"""Whether the checks after a deployment see what is wrong."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from ops.deploy import health

OUTPUTS = {"RedirectUrl": "https://altegio.provider.example/connect"}


def answering(status: int, kind: str) -> httpx.Client:
    answer = httpx.Response(status, headers={"content-type": kind})
    return httpx.Client(transport=httpx.MockTransport(lambda _request: answer))


@pytest.mark.parametrize(
    ("status", "kind", "passed"),
    [
        (400, "text/html; charset=utf-8", True),
        (200, "text/html; charset=utf-8", True),
        (500, "text/html; charset=utf-8", False),
        # As the gateway answers where there is no route, or where nothing runs.
        (404, "application/json", False),
        (503, "application/json", False),
    ],
)
def test_the_page_answers_as_a_page(status: int, kind: str, *, passed: bool) -> None:
    check = health.page(OUTPUTS, answering(status, kind))
    assert check.passed is passed
    assert str(status) in check.seen


def test_a_host_that_nobody_knows_points_at_the_dns() -> None:
    def unknown(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no such host")

    http = httpx.Client(transport=httpx.MockTransport(unknown))
    check = health.page({**OUTPUTS, "DomainTarget": "d-1.example"}, http)
    assert not check.passed
    assert "does the DNS point to d-1.example?" in check.seen
    assert "DNS" not in health.page(OUTPUTS, http).seen


class Services:
    """CloudFormation and DynamoDB in one."""

    def __call__(self, _service: str) -> "Services":
        return self

    def get_paginator(self, _name: str) -> "Services":
        return self

    def paginate(self, **_named: str) -> Iterator[dict[str, Any]]:
        for name in ("CallsTable", "GoneTable", "PaceTable"):
            yield {
                "StackResourceSummaries": [
                    {
                        "LogicalResourceId": name,
                        "PhysicalResourceId": f"stack-{name}",
                        "ResourceType": "AWS::DynamoDB::Table",
                    },
                    {"LogicalResourceId": "CallsQueue", "ResourceType": "AWS::SQS::Queue"},
                    {
                        "LogicalResourceId": f"{name}Alarm",
                        "PhysicalResourceId": f"stack-{name}-1",
                        "ResourceType": "AWS::CloudWatch::Alarm",
                    },
                ]
            }

    def describe_table(self, **named: str) -> dict[str, Any]:
        if named["TableName"] == "stack-GoneTable":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeTable")
        status = "DELETING" if named["TableName"] == "stack-PaceTable" else "ACTIVE"
        return {"Table": {"TableStatus": status}}

    def describe_alarms(self, **named: Any) -> dict[str, Any]:
        assert named["StateValue"] == "ALARM"
        return {"MetricAlarms": [{"AlarmName": each} for each in named["AlarmNames"][:2]]}


def test_an_alarm_that_rings_is_told_by_the_templates_name() -> None:
    assert health.ringing(Services(), "s") == ["CallsTableAlarm", "GoneTableAlarm"]


def test_every_table_is_asked_for() -> None:
    assert [(each.what, each.passed, each.seen) for each in health.tables(Services(), "s")] == [
        ("CallsTable takes reads and writes", True, "ACTIVE"),
        ("GoneTable takes reads and writes", False, "ResourceNotFoundException"),
        ("PaceTable takes reads and writes", False, "DELETING"),
    ]
