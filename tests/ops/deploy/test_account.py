"""Whose account: an emulator gets made-up keys, and AWS what the caller has."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import botocore.session
import pytest

from local.stack.emulator import Emulator
from ops.deploy.account import Account, NoEmulator


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def test_an_emulator_never_sees_the_callers_keys() -> None:
    account = Account(None, "http://127.0.0.1:4566")
    variables = account.variables("eu-west-1")
    assert not {"AKIAREAL", "real"} & {*variables.values()}
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    client = account.client("ssm", "eu-west-1")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client._request_signer._credentials.access_key == "test"
    assert client._request_signer._credentials.token is None


def test_aws_is_called_as_the_caller_is_logged_in() -> None:
    variables = Account(None, None).variables("eu-west-1")
    assert variables["AWS_ACCESS_KEY_ID"] == "AKIAREAL"
    assert "AWS_PROFILE" not in variables
    assert Account("acme", None).variables("eu-west-1")["AWS_PROFILE"] == "acme"
    client = Account(None, None).client("ssm", "eu-west-1")
    assert client.meta.endpoint_url == "https://ssm.eu-west-1.amazonaws.com"
    assert client._request_signer._credentials.access_key == "AKIAREAL"


def test_a_profile_that_is_named_is_that_of_sam_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Keys in the environment, as of another account, would win over its AWS_PROFILE."""
    config = tmp_path / "config"
    config.write_text("[profile acme]\naws_access_key_id = AKIAACME\naws_secret_access_key = a\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    account = Account("acme", None)
    ours = account.client("ssm", "eu-west-1")._request_signer._credentials
    for name in {*os.environ} - {*account.variables("eu-west-1")}:
        monkeypatch.delenv(name)
    for name, value in account.variables("eu-west-1").items():
        monkeypatch.setenv(name, value)
    sams = botocore.session.Session().get_credentials()
    assert sams is not None
    assert (sams.access_key, sams.token) == (ours.access_key, ours.token) == ("AKIAACME", None)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[str]:
    """An emulator as that of `make up`: it has no CloudFormation."""
    with Emulator(log=tmp_path / "emulator.log") as running:
        running.wait()
        yield running.endpoint_url


def test_an_emulator_without_cloudformation_is_told_by_a_sentence(plain: str) -> None:
    with pytest.raises(NoEmulator, match="has no CloudFormation, as the emulator of `make up`"):
        Account(None, plain).check()


def test_where_no_emulator_is_it_is_said() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(NoEmulator, match=f"No emulator answers at {url}"):
            Account(None, url).check()


def test_aws_is_not_asked_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "Session", lambda **_named: pytest.fail("nobody is asked"))
    Account(None, None).check()
