"""CloudWatch and CloudFormation of the stage, as far as the operator's commands ask them.

What is told is what the stage has measured and what the template says; nothing comes from the code
that is on trial.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from local.stack.alarms import Alarms, Metric, Readings, State
from local.stack.template import STACK_NAME

# Runs at once, of a new account.
_ALLOWED = 10


class CloudWatch:
    """The client for "cloudwatch"."""

    def __init__(self, alarms: Alarms, readings: Readings) -> None:
        self._alarms = alarms
        self._readings = readings

    def describe_alarms(self, **asked: Any) -> Any:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""
        _known(asked, "StateValue", "AlarmNamePrefix", "MaxRecords")
        state = State(asked["StateValue"])
        found: list[dict[str, Any]] = [
            {
                "AlarmName": f"{STACK_NAME}-{it.name}-1A2B3C",
                "AlarmDescription": it.words,
                "StateValue": state,
                "StateUpdatedTimestamp": self._alarms.since[it.name],
                "Namespace": it.metric.namespace,
                "MetricName": it.metric.name,
                "Dimensions": [{"Name": name, "Value": of} for name, of in it.metric.dimensions],
                "Statistic": it.statistic,
                "ComparisonOperator": it.comparison,
                "Threshold": it.threshold,
                "Period": it.period_s,
                "EvaluationPeriods": it.periods,
            }
            for it in self._alarms.known
            if self._alarms.states[it.name] is state
        ]
        return {
            "MetricAlarms": [
                it for it in found if it["AlarmName"].startswith(asked["AlarmNamePrefix"])
            ]
        }

    def get_metric_data(self, **asked: Any) -> Any:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""
        _known(asked, "MetricDataQueries", "StartTime", "EndTime")
        results = []
        for query in asked["MetricDataQueries"]:
            measured = query["MetricStat"]
            told = measured["Metric"]
            metric = Metric.of(
                told["Namespace"],
                told["MetricName"],
                {it["Name"]: it["Value"] for it in told["Dimensions"]},
            )
            values = self._readings.by_period(
                metric, measured["Stat"], asked["StartTime"], asked["EndTime"], measured["Period"]
            )
            # The latest first, unless it is asked otherwise.
            times = sorted(values, reverse=True)
            results.append(
                {"Id": query["Id"], "Timestamps": times, "Values": [values[it] for it in times]}
            )
        return {"MetricDataResults": results}


class CloudFormation:
    """The client for "cloudformation"."""

    def __init__(self, outputs: Mapping[str, str], functions: Collection[str]) -> None:
        self._outputs = outputs
        self._functions = functions

    def describe_stacks(self, **asked: Any) -> Any:
        _known(asked, "StackName")
        assert asked["StackName"] == STACK_NAME
        outputs = [{"OutputKey": key, "OutputValue": it} for key, it in self._outputs.items()]
        return {"Stacks": [{"StackName": STACK_NAME, "Outputs": outputs}]}

    def get_paginator(self, name: str) -> "CloudFormation":
        assert name == "list_stack_resources"
        return self

    def paginate(self, **asked: Any) -> Any:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html"""
        _known(asked, "StackName")
        for name in self._functions:
            yield {
                "StackResourceSummaries": [
                    {
                        "LogicalResourceId": name,
                        "PhysicalResourceId": f"{STACK_NAME}-{name}",
                        "ResourceType": "AWS::Lambda::Function",
                    }
                ]
            }


class Lambda:
    """The client for "lambda"; `environments` are those of the functions since they were `changed`.

    Of the queues in `sources`, with whose function each wakes, those in `disabled` are not read.
    Of `reserved`, each function has so many runs of its own; the operator may not ask, of None.
    """

    def __init__(
        self,
        environments: Mapping[str, Mapping[str, str]],
        changed: Mapping[str, datetime],
        sources: Mapping[str, str],
        disabled: Collection[str],
        reserved: Mapping[str, int | None],
    ) -> None:
        self._reserved = reserved
        self._environments = environments
        self._changed = changed
        self._sources = sources
        self._disabled = disabled

    def get_function_configuration(self, **asked: Any) -> Any:
        """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html"""
        _known(asked, "FunctionName")
        name = asked["FunctionName"].removeprefix(f"{STACK_NAME}-").removesuffix("Function").lower()
        return {
            "Environment": {"Variables": dict(self._environments[name])},
            "LastModified": f"{self._changed[name]:%Y-%m-%dT%H:%M:%S.000+0000}",
        }

    def get_function_concurrency(self, **asked: Any) -> Any:
        """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConcurrency.html"""
        _known(asked, "FunctionName")
        name = asked["FunctionName"].removeprefix(f"{STACK_NAME}-")
        number = self._reserved.get(name, 0)
        if number is None:
            refused = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
            raise ClientError(refused, "GetFunctionConcurrency")  # type: ignore[arg-type]  # as AWS
        return {"ReservedConcurrentExecutions": number} if name in self._reserved else {}

    def get_account_settings(self) -> Any:
        """https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html"""
        kept = sum(it or 0 for it in self._reserved.values())
        free = {"UnreservedConcurrentExecutions": _ALLOWED - kept}
        return {"AccountLimit": {"ConcurrentExecutions": _ALLOWED, **free}}

    def list_event_source_mappings(self, **asked: Any) -> Any:
        """https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html"""
        _known(asked, "FunctionName")
        found = [
            {
                "UUID": f"14e0db71-{number:04}",
                "EventSourceArn": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
                "FunctionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{function}",
                "State": "Disabled" if queue in self._disabled else "Enabled",
            }
            for number, (queue, function) in enumerate(self._sources.items())
            if function == asked["FunctionName"]
        ]
        return {"EventSourceMappings": found}


def _known(asked: Mapping[str, Any], *names: str) -> None:
    if unknown := asked.keys() - {*names}:
        raise NotImplementedError(", ".join(unknown))
