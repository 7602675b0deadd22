"""The AWS account that is deployed to, or an emulator in its place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

_NO_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_KEYS = {*_NO_KEYS, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
_ANY_REGION = "us-east-1"


class NoEmulator(Exception):
    """There is none at the address, or none that a stack fits into; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose credentials are used, and where.

    Attributes:
        profile: Of the AWS CLI; None for the default one.
        endpoint_url: Of an emulator; None for AWS.
    """

    profile: str | None
    endpoint_url: str | None

    @property
    def region(self) -> str:
        """That of the profile; empty if it has none."""
        return self._session(None).region_name or ""

    def check(self) -> None:
        """See that an emulator can take a stack, before anything is asked or written.

        Raises:
            NoEmulator: It is not there, or has no CloudFormation.
        """
        if self.endpoint_url is None:
            return
        quick = Config(proxies={}, retries={"total_max_attempts": 1})
        session = self._session(_ANY_REGION)
        cloudformation = session.client(
            "cloudformation", endpoint_url=self.endpoint_url, config=quick
        )
        try:
            cloudformation.list_stacks()
        except BotoCoreError as error:
            raise NoEmulator(f"No emulator answers at {self.endpoint_url}: {error}") from None
        except (ClientError, ResponseParserError):
            # The parser's error is no BotoCoreError; it is raised of an answer that is no XML.
            raise NoEmulator(
                f"What answers at {self.endpoint_url} has no CloudFormation, as the emulator of"
                " `make up` has none. docs/deploy.md tells how to start one that has."
            ) from None

    def client(self, service: str, region: str) -> Any:
        """A client of a service, by boto3's name."""
        config = Config(proxies={}) if self.endpoint_url else None
        make: Any = self._session(region).client
        return make(service, endpoint_url=self.endpoint_url, config=config)

    def variables(self, region: str) -> Mapping[str, str]:
        """The environment of a program that deploys there: the caller's, or an emulator's."""
        if self.endpoint_url is None:
            given = {**os.environ, "AWS_DEFAULT_REGION": region}
            if self.profile is None:
                return given
            # Keys, perhaps of another account, would be taken before what AWS_PROFILE names.
            others = {name: it for name, it in given.items() if name not in _KEYS}
            return {**others, "AWS_PROFILE": self.profile}
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **own,
            **_NO_KEYS,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def _session(self, region: str | None) -> boto3.Session:
        if self.endpoint_url:
            return boto3.Session(
                aws_access_key_id=_NO_KEYS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=_NO_KEYS["AWS_SECRET_ACCESS_KEY"],
                region_name=region,
            )
        return boto3.Session(profile_name=self.profile, region_name=region)
