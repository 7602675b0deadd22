"""Whether what was deployed is there and answers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
from botocore.exceptions import ClientError

from ops.publication import Check

_PATIENCE_S = 30
_ALARM = "AWS::CloudWatch::Alarm"


def tables(client: Callable[[str], Any], stack: str) -> Iterator[Check]:
    """A check for each table of a stack."""
    dynamodb = client("dynamodb")
    for name, physical in _resources(client, stack, "AWS::DynamoDB::Table"):
        what = f"{name} takes reads and writes"
        try:
            found = dynamodb.describe_table(TableName=physical)
        except ClientError as error:
            yield Check(what, passed=False, seen=error.response["Error"]["Code"])
        else:
            status = found["Table"]["TableStatus"]
            yield Check(what, status in ("ACTIVE", "UPDATING"), status)


def ringing(client: Callable[[str], Any], stack: str) -> list[str]:
    """The alarms of a stack that ring now, by the names of the template."""
    alarms = {physical: name for name, physical in _resources(client, stack, _ALARM)}
    if not alarms:
        return []
    # As many as a stack of ours can have; without names, AWS would tell all of the account.
    found = client("cloudwatch").describe_alarms(
        AlarmNames=[*alarms], StateValue="ALARM", MaxRecords=100
    )
    return sorted(alarms[each["AlarmName"]] for each in found["MetricAlarms"])


def _resources(client: Callable[[str], Any], stack: str, kind: str) -> Iterator[tuple[str, str]]:
    """Logical and physical names."""
    pages = client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == kind:
                yield resource["LogicalResourceId"], resource["PhysicalResourceId"]


def page(outputs: Mapping[str, str], http: httpx.Client) -> Check:
    """Whether the connect page's address answers, as it answers who comes without a link."""
    what, url = "the connect page answers", outputs["RedirectUrl"]
    try:
        answer = http.get(url, timeout=_PATIENCE_S)
    except httpx.HTTPError as error:
        seen = f"{url}: {type(error).__name__}"
        if target := outputs.get("DomainTarget"):
            seen += f"; does the DNS point to {target}?"
        return Check(what, passed=False, seen=seen)
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    passed = is_page and answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
    return Check(what, passed, f"{answer.status_code} {answer.headers.get('content-type', '')}")
