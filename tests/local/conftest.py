"""A project of four small functions that the local stack runs as it runs the real one."""

import compileall
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import PROJECT, build
from local.stack.stack import Stack

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  ApplicationId: {Type: Number}
  PartnerTokenParameter: {Type: String, Default: /test/partner-token}
  PlatformAppUrl: {Type: String, Default: "https://platform.invalid"}
  LeaseS: {Type: Number, Default: 60}
  AlarmEmail: {Type: String, Default: ""}
Conditions:
  HasAlarmEmail: !Not [!Equals [!Ref AlarmEmail, ""]]
Globals:
  Function:
    Runtime: python3.13
    Timeout: 2
    Environment:
      Variables:
        APPLICATION_ID: !Ref ApplicationId
        LEASE_S: !Ref LeaseS
        PLATFORM_APP_URL: !Ref PlatformAppUrl
        PARTNER_TOKEN_PARAMETER: !Ref PartnerTokenParameter
        THINGS_TABLE: !Ref ThingsTable
        DEAD_LETTERS_URL: !Ref DeadLetters
        FIXED: as written
Resources:
  ThingsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: key, AttributeType: S}
        - {AttributeName: due_at, AttributeType: S}
      KeySchema: [{AttributeName: key, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: due
          KeySchema: [{AttributeName: due_at, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      SSESpecification: {SSEEnabled: true}
  BillingQueue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 1
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 2}
  DeadLetters:
    Type: AWS::SQS::Queue
  CallsQueue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 30}
  Api:
    Type: AWS::Serverless::HttpApi
  WebFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: app.web
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /web}}
        Head: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: HEAD, Path: /web}}
        Post: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: POST, Path: /web}}
        Item: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: "/web/{item}"}}
  BatchFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: app.batch
      Events:
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt BillingQueue.Arn
            BatchSize: 2
            MaximumBatchingWindowInSeconds: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
  SlowFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: app.slow
      Events:
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt CallsQueue.Arn
            BatchSize: 1
            ScalingConfig: {MaximumConcurrency: 2}
  WebErrorsAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: The web function failed
      Namespace: AWS/Lambda
      MetricName: Errors
      Dimensions:
        - {Name: FunctionName, Value: !Ref WebFunction}
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching
  TickFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: app.tick
      Events:
        Every: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}}
"""

APP = '''
import json
import os
import sys
import time


def web(event, context):
    """Does what the event's body, or the event itself, says."""
    wish = json.loads(event["body"]) if event.get("body") else event
    match wish.get("do"):
        case "sleep":
            time.sleep(wish["seconds"])
        case "exit":
            os._exit(wish["status"])
        case "raise":
            raise ValueError("as asked")
        case "print":
            print(wish["text"])
        case "answer":
            return wish["answer"]
        case "environment":
            return {"environment": dict(os.environ), "path": sys.path, "pid": os.getpid(),
                    "left_ms": context.get_remaining_time_in_millis()}
    return {"statusCode": 200, "headers": {"X-Route": event.get("routeKey", "")},
            "cookies": ["a=1", "b=2"], "body": json.dumps(event)}


def batch(event, context):
    print(json.dumps(event), flush=True)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}
                                  for record in event["Records"] if record["body"] == "bad"]}


def slow(event, context):
    began = time.time()
    time.sleep(0.3)
    print(json.dumps({"began": began, "ended": time.time()}), flush=True)


def tick(event, context):
    print(json.dumps(event), flush=True)
'''


@pytest.fixture(scope="session", autouse=True)
def built() -> Path:
    """The project's artifact, so that no test meets its building: on a new clone it tells of it."""
    return build.artifact(PROJECT)


@pytest.fixture
def plant(built: Path, tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Makes a copy of the artifact with one place of one module of `shared` replaced.

    Called again, it replaces another place of the same copy.
    """
    copy = tmp_path / "artifact"

    def planted(name: str, old: str, new: str) -> Path:
        if not copy.exists():
            copy.mkdir()
            for part in built.iterdir():
                if part.name == "shared":
                    shutil.copytree(part, copy / part.name)
                else:
                    (copy / part.name).symlink_to(part)
        module = copy / "shared" / f"{name}.py"
        source = module.read_text()
        assert source.count(old) == 1
        module.write_text(source.replace(old, new))
        # Its bytecode is never compared with its source.
        for stale in (module.parent / "__pycache__").glob(f"{module.stem}.*"):
            stale.unlink()
        # As each function would at each of its starts.
        compileall.compile_file(module, quiet=1)
        return copy

    return planted


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "template.yaml").write_text(TEMPLATE)
    (root / "artifact").mkdir()
    (root / "artifact" / "app.py").write_text(APP)
    return root


@pytest.fixture(scope="session")
def stack(project: Path) -> Iterator[Stack]:
    with Stack(
        platform_url="http://127.0.0.1:9",
        partner_token="the token",
        application_id=7,
        root=project,
        artifact=project / "artifact",
        settings={"LEASE_S": "61", "FIXED": "replaced", "RECONCILE_EVERY_S": "0.5"},
    ) as running:
        yield running


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    # So long only where something is broken.
    def wait(look: Callable[[], Any], seconds: float = 180) -> Any:
        late = time.monotonic() + seconds
        while not (found := look()) and time.monotonic() < late:
            time.sleep(0.02)
        assert found, "it never happened"
        return found

    return wait
