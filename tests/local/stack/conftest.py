"""What the memory is compared with."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from moto import mock_aws

from local.stack.emulator import CREDENTIALS, REGION, Emulator
from tests.local.stack.worlds import Session, with_tables


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with Emulator(log=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        emulator.wait()
        # Thousands of calls, of which none has to say who makes it.
        clients = {
            name: emulator.client(name, signature_version=UNSIGNED)
            for name in ("dynamodb", "sqs", "ssm")
        }
        yield with_tables(clients.__getitem__)


@pytest.fixture(scope="module")
def moto() -> Iterator[Session]:
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        clients: dict[str, Any] = {
            "dynamodb": session.client("dynamodb"),
            "sqs": session.client("sqs"),
            "ssm": session.client("ssm"),
        }
        yield with_tables(clients.__getitem__)


@pytest.fixture(scope="module", params=["emulator", "moto"])
def other(request: pytest.FixtureRequest) -> Session:
    """What the memory is compared with, its tables made and empty."""
    session: Session = request.getfixturevalue(request.param)
    return session
