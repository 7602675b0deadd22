"""The rules of the house for template.yaml: what a deployment could get wrong without a word."""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # ships no types

from functions.reconcile import app as reconcile_app
from local.stack.translation import translated
from shared.payments.door import REQUESTS_PER_S
from tests.house.template import (
    ALARMS,
    DEAD_LETTERS,
    FUNCTIONS,
    LOG_GROUPS,
    MAPPINGS,
    PARAMETERS,
    PROJECT,
    QUEUES,
    RESOURCES,
    ROLES,
    ROUTES,
    SOURCE,
    STREAM_DEAD_LETTERS,
    STREAMS,
    TABLES,
    TEMPLATE,
    WAKE_UPS_ONLY,
    events,
    leaves,
    of_type,
    target,
)
from tests.test_settings import CONSTANTS


def test_there_is_something_to_test() -> None:
    assert set(FUNCTIONS) >= {
        "ConnectFunction",
        "BillingFunction",
        "PaymentsFunction",
        "DisableFunction",
        "ReconcileFunction",
        "CallsFunction",
        "EventsFunction",
    }
    assert len(MAPPINGS) >= 1
    assert len(STREAMS) >= 1
    assert len(ROUTES) >= 5
    assert DEAD_LETTERS


# Queues: nothing is lost by a setting


@pytest.mark.parametrize(("function", "mapping"), MAPPINGS)
def test_a_failed_message_comes_again_alone(function: str, mapping: dict[str, Any]) -> None:
    """Without ReportBatchItemFailures the handler's list of failures would read as success."""
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 1
    assert "MaximumBatchingWindowInSeconds" not in mapping
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert target(mapping["Queue"]) in QUEUES
    queue = QUEUES[target(mapping["Queue"])]
    assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[function]["Timeout"]


def test_the_queues_leave_room_in_a_new_account() -> None:
    """It has ten concurrent runs in all, of which HTTP and the schedule need four."""
    at_once = [mapping["ScalingConfig"]["MaximumConcurrency"] for _, mapping in MAPPINGS]
    assert len(at_once) == 3
    assert sum(at_once) <= 6


def test_concurrency_is_reserved_by_choice_only_and_then_enough() -> None:
    """Reserving too little throttles the pollers, and good messages end as dead letters."""
    parameter = PARAMETERS["ReservedConcurrency"]
    assert parameter["Default"] == 0
    reserved = {name for name, f in FUNCTIONS.items() if "ReservedConcurrentExecutions" in f}
    assert reserved == {"PaymentsFunction", "DisableFunction", "ReconcileFunction"}
    for name in reserved:
        assert FUNCTIONS[name]["ReservedConcurrentExecutions"] == {
            "Fn::If": [
                "ReservesConcurrency",
                {"Ref": "ReservedConcurrency"},
                {"Ref": "AWS::NoValue"},
            ]
        }
        own = [
            mapping["ScalingConfig"]["MaximumConcurrency"] for f, mapping in MAPPINGS if f == name
        ]
        # Beside its queues' runs, one of the schedule or of the front door.
        assert min(set(parameter["AllowedValues"]) - {0}) > sum(own)
    assert TEMPLATE["Conditions"]["ReservesConcurrency"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "0"]}]
    }


KEPT = {**DEAD_LETTERS, **STREAM_DEAD_LETTERS}


@pytest.mark.parametrize("name", sorted(set(QUEUES) - set(KEPT) - WAKE_UPS_ONLY))
def test_every_queue_keeps_what_cannot_be_processed(name: str) -> None:
    queue = QUEUES[name]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert queue["VisibilityTimeout"] >= 6 * TEMPLATE["Globals"]["Function"]["Timeout"]
    assert queue["SqsManagedSseEnabled"] is True
    assert not queue.get("FifoQueue")


@pytest.mark.parametrize("name", sorted(WAKE_UPS_ONLY))
def test_a_wake_up_is_over_when_the_schedule_has_long_come(name: str) -> None:
    queue = QUEUES[name]
    assert queue["VisibilityTimeout"] < queue["MessageRetentionPeriod"] <= 600
    assert queue["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize(("name", "source"), sorted(KEPT.items()))
def test_a_dead_letter_outlives_its_queue_and_rings(name: str, source: str) -> None:
    queue = QUEUES[name]
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    # A stream keeps its records for a day.
    kept_s = QUEUES[source]["MessageRetentionPeriod"] if source in QUEUES else 24 * 3600
    assert queue["MessageRetentionPeriod"] > kept_s
    assert queue["SqsManagedSseEnabled"] is True
    [alarm] = [
        alarm
        for alarm in ALARMS.values()
        if {"Name": "QueueName", "Value": {"Fn::GetAtt": [name, "QueueName"]}}
        in alarm["Dimensions"]
    ]
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
    )
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
        1,
        "GreaterThanOrEqualToThreshold",
    )


def test_no_alarm_watches_what_dead_letters_do_not_count() -> None:
    """What SQS moves there by itself is no NumberOfMessagesSent."""
    assert "NumberOfMessagesSent" not in SOURCE


# Streams: nothing is lost by a setting, and nothing blocks for a day


@pytest.mark.parametrize(("function", "mapping"), STREAMS)
def test_a_stream_comes_again_from_what_failed(function: str, mapping: dict[str, Any]) -> None:
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    # From the first write on, and not from when the mapping happened to be ready.
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    # Tried for hours, and given up well before the stream forgets, for whoever is to look for it.
    assert 3600 <= mapping["MaximumRecordAgeInSeconds"] <= 12 * 3600
    assert "MaximumRetryAttempts" not in mapping
    assert mapping["DestinationConfig"]["OnFailure"]["Type"] == "SQS"
    table, attribute = mapping["Stream"]["Fn::GetAtt"]
    assert attribute == "StreamArn"
    assert TABLES[table]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    late = ALARMS["EventsLateAlarm"]
    assert late["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
    assert (late["MetricName"], late["Threshold"]) == ("IteratorAge", 600_000)


def test_a_table_has_a_stream_only_if_somebody_reads_it() -> None:
    read = {target(mapping["Stream"]) for _, mapping in STREAMS}
    assert {name for name, table in TABLES.items() if "StreamSpecification" in table} == read


# Functions


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_is_of_the_house(name: str) -> None:
    function = FUNCTIONS[name]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert RESOURCES[name]["Metadata"] == {"BuildMethod": "makefile"}
    assert re.search(
        rf"^build-(%|{name}):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert "RetentionInDays" in LOG_GROUPS[target(function["LoggingConfig"]["LogGroup"])]
    assert "Tracing" not in function
    assert "Layers" not in function
    assert "Policies" not in function


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_handler_is_there(name: str) -> None:
    module, _, attribute = FUNCTIONS[name]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_no_two_functions_share_a_role_or_a_log() -> None:
    roles = [target(function["Role"]) for function in FUNCTIONS.values()]
    logs = [target(function["LoggingConfig"]["LogGroup"]) for function in FUNCTIONS.values()]
    assert sorted(roles) == sorted(ROLES)
    assert len(set(roles)) == len(roles)
    assert len(set(logs)) == len(logs)


def test_the_runtime_is_the_one_that_is_tested() -> None:
    assert (PROJECT / ".python-version").read_text().strip() == "3.13"
    assert sys.version_info[:2] == (3, 13)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_no_variable_is_a_literal(name: str) -> None:
    for variable, value in FUNCTIONS[name]["Environment"]["Variables"].items():
        assert variable.startswith("POWERTOOLS_") or target(value) in {**PARAMETERS, **RESOURCES}


def test_reconcile_ends_before_it_is_due_again_and_before_it_is_killed() -> None:
    function = FUNCTIONS["ReconcileFunction"]
    [schedule] = events(function, "ScheduleV2")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert function["Timeout"] < 60
    # A step that begins at the last moment makes three calls to the platform.
    reserve_s: float = reconcile_app._RESERVE_S
    assert 3 * CONSTANTS["HTTP_TOTAL_S"] <= reserve_s < function["Timeout"]


# Tables


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_survives_the_stack(name: str) -> None:
    # Whose turn it is matters for a minute only, and the next census finds what the last one did.
    fate = "Delete" if name in ("PaceTable", "CensusTable") else "Retain"
    assert RESOURCES[name]["DeletionPolicy"] == fate
    assert RESOURCES[name]["UpdateReplacePolicy"] == fate
    table = TABLES[name]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert "ProvisionedThroughput" not in table
    assert "TableName" not in table
    # What expires by itself, and what the next run finds anew, is no loss.
    passing = {"TicketsTable", "CallsTable", "PaceTable", "CensusTable"}
    assert table.get("DeletionProtectionEnabled", False) is (name not in passing)


@pytest.mark.parametrize("name", ["ConnectionsTable", "PaymentsTable", "ChainsTable"])
def test_what_is_due_is_a_sparse_index_of_keys(name: str) -> None:
    [due] = [i for i in TABLES[name]["GlobalSecondaryIndexes"] if i["IndexName"] == "due"]
    assert due["KeySchema"] == [
        {"AttributeName": "state", "KeyType": "HASH"},
        {"AttributeName": "due_at", "KeyType": "RANGE"},
    ]
    for index in TABLES[name]["GlobalSecondaryIndexes"]:
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_attribute_of_a_table_is_a_key(name: str) -> None:
    table = TABLES[name]
    schemas = [table["KeySchema"]] + [
        index["KeySchema"] for index in table.get("GlobalSecondaryIndexes", ())
    ]
    keys = {key["AttributeName"] for schema in schemas for key in schema}
    assert {attribute["AttributeName"] for attribute in table["AttributeDefinitions"]} == keys


# The HTTP API


def test_every_route_is_throttled_and_no_other() -> None:
    [api] = of_type("AWS::Serverless::HttpApi").values()
    assert set(api["RouteSettings"]) == ROUTES
    for throttle in (*api["RouteSettings"].values(), api["DefaultRouteSettings"]):
        assert throttle["ThrottlingRateLimit"] > 0
        assert throttle["ThrottlingBurstLimit"] >= throttle["ThrottlingRateLimit"]


def test_what_sam_leaves_out_of_the_definition_ends_no_deployment() -> None:
    """API Gateway warns of a path's parameter without a schema, as SAM writes it.

    A route that it did not make ends the deployment all the same: its throttle has nowhere to go.
    """
    [api] = [
        it["Properties"]
        for it in translated(PROJECT / "template.yaml")["Resources"].values()
        if it["Type"] == "AWS::ApiGatewayV2::Api"
    ]
    operations = [it for path in api["Body"]["paths"].values() for it in path.values()]
    described = [it for operation in operations for it in operation.get("parameters", ())]
    assert all("schema" in it for it in described) or "FailOnWarnings" not in api


def test_the_platform_is_never_throttled_by_those_who_open_the_page() -> None:
    [api] = of_type("AWS::Serverless::HttpApi").values()
    limits = {route: s["ThrottlingRateLimit"] for route, s in api["RouteSettings"].items()}
    assert limits["POST /webhooks/altegio"] >= 10 * limits["GET /connect"]


def test_whoever_has_the_billing_key_may_ask_less_than_the_route_lets_through() -> None:
    """So he is told by us, and strangers have the rest of the route before he notices them."""
    [api] = of_type("AWS::Serverless::HttpApi").values()
    for route in ("POST /billing", "GET /billing", "GET /billing/{event_id+}"):
        assert api["RouteSettings"][route]["ThrottlingRateLimit"] >= 5 * REQUESTS_PER_S


def test_the_access_log_never_holds_a_query() -> None:
    """user_data, its signature and crm_token arrive in the query."""
    [api] = of_type("AWS::Serverless::HttpApi").values()
    logged = json.loads(api["AccessLogSettings"]["Format"])
    assert set(logged.values()) == {
        "$context.requestTime",
        "$context.requestId",
        "$context.routeKey",
        "$context.path",
        "$context.status",
        "$context.responseLatency",
        "$context.identity.sourceIp",
        "$context.error.message",
    }
    destination = target(api["AccessLogSettings"]["DestinationArn"])
    assert "RetentionInDays" in LOG_GROUPS[destination]


def test_guided_has_no_reason_to_ask_of_each_route_whether_it_is_open() -> None:
    """Enter is "no" to that question, and ends the deployment."""
    assert TEMPLATE["Globals"]["HttpApi"]["Auth"] == {"EnableIamAuthorizer": False}


def test_a_domain_is_there_by_choice_only_and_serves_the_whole_api() -> None:
    kinds = {"AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"}
    for name, resource in RESOURCES.items():
        if resource["Type"] in kinds:
            assert resource["Condition"] == "HasDomain", name
        if resource["Type"] == "AWS::Route53::RecordSet":
            assert resource["Condition"] == "HasHostedZone", name
    [mapping] = of_type("AWS::ApiGatewayV2::ApiMapping").values()
    # Below a path of its own, the functions would see other paths than the routes have.
    assert "ApiMappingKey" not in mapping
    assert mapping["Stage"] == {"Ref": "HttpApi.Stage"}


def test_no_two_stacks_of_an_account_want_the_same_name() -> None:
    """Staging beside production, and one application beside another."""
    named = {
        f"{name}: {key}"
        for name, resource in RESOURCES.items()
        for key in resource.get("Properties", {})
        if re.fullmatch(r"\w*Name", key) and key not in ("MetricName", "StageName", "DomainName")
    }
    # The name of the record is the domain's, which is a parameter. A bus has to have a name: it has
    # the stack's, of which there is one. Saved queries are in a folder of the stack's name.
    queries = {f"{name}: Name" for name in of_type("AWS::Logs::QueryDefinition")}
    assert named - queries == {
        "ApiDomainRecord: Name",
        "Dashboard: DashboardName",
        "EventBus: Name",
    }
    assert RESOURCES["EventBus"]["Properties"]["Name"] == {"Ref": "AWS::StackName"}
    [schedule] = events(FUNCTIONS["ReconcileFunction"], "ScheduleV2")
    assert schedule["Name"] == {"Fn::Sub": "${AWS::StackName}-every-minute"}
    # Dashboards have no region.
    assert RESOURCES["Dashboard"]["Properties"]["DashboardName"] == {
        "Fn::Sub": "${AWS::StackName}-${AWS::Region}"
    }


# Parameters and outputs


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_is_described_and_used(name: str) -> None:
    assert len(PARAMETERS[name]["Description"]) > 10
    used = {key: value for key, value in TEMPLATE.items() if key != "Parameters"}
    texts = {str(leaf) for leaf in leaves(used)}
    assert {"Ref": name} in list(_dicts(used)) or any(f"${{{name}}}" in text for text in texts)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def test_only_the_application_id_has_to_be_given() -> None:
    required = {name for name, value in PARAMETERS.items() if "Default" not in value}
    assert required == {"ApplicationId"}


def test_a_secret_comes_in_by_its_name_only() -> None:
    secretive = {
        name for name in PARAMETERS if re.search("token|secret|password|key", name.lower())
    }
    assert secretive == {
        "BillingKeyParameter",
        "PartnerTokenParameter",
        "PortalKeyParameter",
        "StripeSecretParameter",
        "UserTokenParameter",
    }
    for name in secretive:
        assert PARAMETERS[name]["Default"].startswith("/")
    assert "{{resolve:" not in SOURCE
    for leaf in leaves(TEMPLATE):
        assert not re.search(r"[0-9a-fA-F]{32}|AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*KEY", str(leaf))


def test_the_outputs_are_what_an_operator_pastes() -> None:
    outputs = {name: output["Value"] for name, output in TEMPLATE["Outputs"].items()}
    for name, route in (
        ("RedirectUrl", "GET"),
        ("WebhookUrl", "POST"),
        ("CallsUrl", "POST"),
        ("BillingUrl", "POST"),
        ("StripeUrl", "POST"),
    ):
        condition, own, made_up = outputs[name]["Fn::If"]
        path = made_up["Fn::Sub"].removeprefix("${HttpApi.ApiEndpoint}")
        assert f"{route} {path}" in ROUTES
        assert (condition, own) == ("HasDomain", {"Fn::Sub": f"https://${{DomainName}}{path}"})
    for output in TEMPLATE["Outputs"].values():
        assert len(output["Description"]) > 10


@pytest.mark.parametrize("queue", sorted(set(QUEUES) - WAKE_UPS_ONLY))
def test_every_queue_can_be_found_in_the_outputs(queue: str) -> None:
    assert TEMPLATE["Outputs"][f"{queue}Url"]["Value"] == {"Ref": queue}


# The linter


def test_the_linter_asks_all_and_what_it_does_not_has_its_reason() -> None:
    """`sam validate --lint` reads the file, too, as it is where the template is."""
    lines = (PROJECT / ".cfnlintrc.yaml").read_text("utf-8").splitlines()
    asked = yaml_parse("\n".join(lines))
    assert (asked["include_checks"], asked["regions"]) == (["I"], ["ALL_REGIONS"])
    off = [at for at, line in enumerate(lines) if line.startswith("  - ")]
    assert len(off) == len(asked["ignore_checks"])
    assert all(lines[at - 1].startswith("  # ") for at in off)
    assert set(asked) == {"include_checks", "regions", "ignore_checks"}
