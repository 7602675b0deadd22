"""The AWS services the functions call: ministack on loopback, empty at each start.

It holds tables, queues and parameters. It never runs our functions: `local.stack.functions` does.
"""

import json
import os
import socket
import time
import urllib.request
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from local import PROJECT
from local.stack import processes
from local.stack.wiring import Queue, Table

if TYPE_CHECKING:
    import boto3

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SERVICES = "cloudwatch,dynamodb,dynamodbstreams,events,ses,sqs,ssm"
"""What the functions and the operator's commands call."""
START_S = 180.0
"""Seconds it may live without an answer; on an idle machine it takes a third of one."""

_PYTHON = PROJECT / "build" / "venvs" / "emulator" / "bin" / "python"
_TABLE_REQUEST = {
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
}
"""What CreateTable takes under CloudFormation's name, of what concerns an emulator."""
_MAKING = Lock()


class EmulatorError(RuntimeError):
    """The emulator cannot be started."""


class Emulator:
    """A ministack of our own. Starts when made, is ready after `wait`, ends with `close`."""

    def __init__(self, *, log: Path, services: str = SERVICES) -> None:
        if not _PYTHON.exists():
            message = f"{_PYTHON.relative_to(PROJECT)} is missing: run `make setup` first"
            raise EmulatorError(message)
        port = _free_port()
        self.endpoint_url = f"http://127.0.0.1:{port}"
        # Its pid file, and whatever else it may write, stays out of the home and of /tmp.
        home = log.with_name(".emulator")
        home.mkdir(exist_ok=True)
        self._pid_file = home / f"ministack-{port}.pid"
        self._log = log
        log.unlink(missing_ok=True)  # another stack may still be writing the old one
        with log.open("wb") as output:
            self._process = processes.start(
                _PYTHON,
                "ministack",
                environment={
                    "BIND_HOST": "127.0.0.1",
                    "GATEWAY_PORT": str(port),
                    "HOME": str(home),
                    "IOT_MTLS_ENABLED": "0",
                    "LOG_LEVEL": "WARNING",
                    "MINISTACK_HOST": "127.0.0.1",
                    "MINISTACK_REGION": REGION,
                    "PATH": os.defpath,
                    "PERSIST_STATE": "0",
                    "S3_DATA_DIR": str(home / "s3"),
                    "SERVICES": services,
                    "SFTP_ENABLED": "0",
                    "STATE_DIR": str(home / "state"),
                    "TMPDIR": str(home),
                },
                folder=home,
                output=output,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def wait(self) -> None:
        """Return once it answers.

        Raises:
            EmulatorError: It ended, or said nothing for `START_S` seconds.
        """
        late = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < late:
            try:
                # No proxy of the environment may come between.
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                with opener.open(f"{self.endpoint_url}/_ministack/health", timeout=START_S):
                    return
            except OSError:
                time.sleep(0.02)  # not listening yet
        message = f"the emulator does not start; it says: {self._log.read_text(errors='replace')}"
        raise EmulatorError(message)

    def close(self) -> None:
        """End it, with everything it holds."""
        processes.kill(self._process)
        self._pid_file.unlink(missing_ok=True)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client that talks to the emulator.

        Args:
            service: As boto3 calls it, such as "dynamodb"; one of those it was started with.
            options: Of botocore's Config.
        """
        # Imported here: a quarter of a second, while the emulator is starting.
        from botocore.config import Config  # noqa: PLC0415

        config = Config(**{"proxies": {}, "max_pool_connections": 50, **options})
        with _MAKING:  # a session makes one client at a time
            # The name is a variable, and the overloads of the stubs want a literal.
            return _session().client(service, endpoint_url=self.endpoint_url, config=config)  # type: ignore[call-overload]


@cache
def _session() -> "boto3.Session":
    """The one of all emulators: each reads the models of its services, most of a start's time."""
    import boto3  # noqa: PLC0415

    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def create_table(dynamodb: Any, table: Table) -> None:
    """Make a table as CloudFormation would.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    """
    request = {key: value for key, value in table.properties.items() if key in _TABLE_REQUEST}
    if stream := table.properties.get("StreamSpecification"):
        request["StreamSpecification"] = {"StreamEnabled": True, **stream}
    dynamodb.create_table(TableName=table.name, **request)
    if ttl := table.properties.get("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=ttl)


def create_queues(sqs: Any, queues: Mapping[str, Queue]) -> None:
    """Make queues as CloudFormation would, their dead-letter queues among them.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html

    Raises:
        EmulatorError: The emulator puts one at another address than the functions are told.
    """
    ordered = sorted(queues.values(), key=lambda queue: "RedrivePolicy" in queue.properties)
    for queue in ordered:
        attributes = {
            key: _as_attribute(value)
            for key, value in queue.properties.items()
            if key not in ("QueueName", "Tags")
        }
        url = sqs.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
        if url != queue.url:
            message = f"the emulator has {queue.name} at {url}, not at {queue.url}"
            raise EmulatorError(message)


def _as_attribute(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
