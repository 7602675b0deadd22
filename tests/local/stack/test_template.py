"""template.yaml as the local stack reads it."""

import json

import pytest

from local import PROJECT
from local.stack.template import Template
from local.stack.wiring import Route

ENDPOINT = "http://127.0.0.1:4566"
API = "http://127.0.0.1:8000"


def test_everything_in_the_real_template_is_understood() -> None:
    template = Template.read(PROJECT / "template.yaml")
    wiring = template.wire({"ApplicationId": "101"}, endpoint_url=ENDPOINT, api_url=API)
    source = (PROJECT / "template.yaml").read_text()

    assert len(wiring.functions) == source.count("Type: AWS::Serverless::Function")
    assert len(wiring.tables) == source.count("Type: AWS::DynamoDB::Table")
    assert len(wiring.queues) == source.count("Type: AWS::SQS::Queue")
    assert len(wiring.routes) == source.count("Type: HttpApi\n")
    assert len(wiring.mappings) == source.count("Type: SQS\n")
    assert len(wiring.schedules) == source.count("Type: ScheduleV2\n")
    assert {
        Route("GET", "/connect", "ConnectFunction"),
        Route("POST", "/connect", "ConnectFunction"),
        Route("HEAD", "/webhooks/altegio", "DisableFunction"),
    } <= set(wiring.routes)
    for function in wiring.functions.values():
        assert function.runtime == "python3.13"
        assert function.environment["CONNECTIONS_TABLE"] == wiring.tables["ConnectionsTable"].name
        assert not any("{" in value for value in function.environment.values())
    payments = wiring.functions["PaymentsFunction"].environment
    assert payments["APPLICATION_ID"] == "101"
    assert payments["BILLING_DEAD_LETTERS_URL"] == wiring.queues["BillingDeadLetters"].url
    redrive = wiring.queues["BillingQueue"].properties["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == wiring.queues["BillingDeadLetters"].arn
    assert wiring.outputs["WebhookUrl"] == f"{API}/webhooks/altegio"
    assert template.variables["TRIAL_DAYS"] == "TrialDays"


def wire(**resources: object) -> dict[str, str]:
    """The environment of one function that has them all as variables."""
    document = {
        "Parameters": {"Name": {"Default": "value"}, "Flag": {"Default": "on"}},
        "Conditions": {
            "IsOn": {"Fn::Equals": [{"Ref": "Flag"}, "on"]},
            "IsOff": {"Fn::Not": [{"Condition": "IsOn"}]},
        },
        "Resources": {
            "Fifo": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
            "Absent": {"Type": "AWS::SQS::Queue", "Condition": "IsOff"},
            "F": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Handler": "app.handler",
                    "Runtime": "python3.13",
                    "Environment": {"Variables": resources},
                },
            },
        },
    }
    wiring = Template(document).wire({}, endpoint_url=ENDPOINT, api_url=API)
    assert list(wiring.queues) == ["Fifo"]
    return dict(wiring.functions["F"].environment)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("plain", "plain"),
        (5, "5"),
        (True, "true"),
        ({"Ref": "Name"}, "value"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Fifo"}, f"{ENDPOINT}/000000000000/local-Fifo.fifo"),
        ({"Fn::GetAtt": ["Fifo", "Arn"]}, "arn:aws:sqs:us-east-1:000000000000:local-Fifo.fifo"),
        ({"Fn::GetAtt": "Fifo.QueueName"}, "local-Fifo.fifo"),
        ({"Fn::Sub": "${Name}/${Fifo.QueueName}/${!Kept}"}, "value/local-Fifo.fifo/${Kept}"),
        ({"Fn::Sub": ["${A}${AWS::AccountId}", {"A": {"Ref": "Name"}}]}, "value000000000000"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}]]}, "a-value"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::If": ["IsOn", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsOff", "yes", {"Ref": "Name"}]}, "value"),
    ],
)
def test_intrinsic_functions(value: object, resolved: str) -> None:
    assert wire(V=value) == {"V": resolved}


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Nobody"},
        {"Fn::GetAtt": ["Fifo", "Nothing"]},
        {"Fn::ImportValue": "x"},
        {"Fn::Sub": "${Absent.Arn}"},
    ],
    ids=json.dumps,
)
def test_what_is_not_understood_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"not understood|neither parameter nor resource"):
        wire(V=value)


def test_a_parameter_without_a_value_is_named() -> None:
    template = Template({"Parameters": {"ApplicationId": {"Type": "Number"}}, "Resources": {}})
    with pytest.raises(ValueError, match="ApplicationId"):
        template.wire({}, endpoint_url=ENDPOINT, api_url=API)
