"""The stack and the platform behind TLS, and the artifacts that trust them, to be measured."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path

import botocore

from local import PROJECT, roots
from local.build import AWS_CALLS
from local.simulator import Simulator
from local.stack.stack import Stack
from local.stack.wiring import Function
from shared.roots import FOLDER as FOLDER_OF_ROOTS
from shared.roots import OF_AWS
from tests.bench import baselines
from tests.bench.exchanges import Exchanges
from tests.bench.tls import Front
from tests.certificates import Authority

FOLDER = PROJECT / "build" / "bench"
AS_SHIPPED, WITHOUT_BYTECODE, USUAL = "as shipped", "without bytecode", "untrimmed"
"""Artifacts."""


@dataclass(frozen=True)
class World:
    """A stack and its platform, and the servers for TLS before the emulator and the platform.

    What the stack itself runs speaks without TLS: what is measured has an environment of its own.
    """

    stack: Stack
    simulator: Simulator
    aws: Front
    platform: Front
    authority: Authority
    platform_ms: list[float]
    """What each exchange with the platform took."""

    @property
    def variables(self) -> Mapping[str, str]:
        """As `Stack.variables`."""
        return {**self.stack.variables, "AWS_ENDPOINT_URL": self.aws.url}

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """As `Stack.functions`; of the platform's hosts, each is a setting of its own."""
        here, there = self.simulator.url, self.platform.url
        return {
            name: replace(
                function,
                environment={k: v.replace(here, there) for k, v in function.environment.items()},
            )
            for name, function in self.stack.functions.items()
        }

    def hang_up(self) -> None:
        """Ends all connections, as AWS and the platform do with those that are idle."""
        self.aws.hang_up()
        self.platform.hang_up()


@contextmanager
def spoken_to_over_tls(settings: Mapping[str, str]) -> Iterator[World]:
    """The world; nothing runs in it by itself."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        simulator = Simulator()
        timed = simulator.exchange = Exchanges(simulator.exchange)  # type: ignore[assignment]  # same
        opened.enter_context(simulator)
        stack = opened.enter_context(
            Stack(
                platform_url=simulator.url,
                partner_token=simulator.partner_token,
                application_id=simulator.application_id,
                settings={**settings, "RECONCILE_EVERY_S": "0"},
                logs=FOLDER,
            )
        )
        authority = Authority()
        certificate = authority.certificate(FOLDER / "server.pem")
        aws, platform = (
            opened.enter_context(Front(url, certificate).serving())
            for url in (stack.aws_endpoint_url, simulator.url)
        )
        yield World(stack, simulator, aws, platform, authority, timed.ms)


@contextmanager
def variant(world: World, name: str) -> Iterator[Path]:
    """A copy of the artifact that trusts an authority, with the change of the given name."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        copy = Path(folder)
        shutil.copytree(world.stack.artifact, copy, dirs_exist_ok=True)
        for package in ("boto3", "s3transfer"):
            [original] = map(Path, import_module(package).__path__)
            if not (copy / original.name).exists():
                shutil.copytree(original, copy / original.name)
        for module, text in baselines.MODULES.items():
            (copy / f"{module}.py").write_text(text)
        _trust(copy, world.authority)
        if name == WITHOUT_BYTECODE:
            for cache in list(copy.rglob("__pycache__")):
                shutil.rmtree(cache)
        if name == USUAL:
            data = Path(botocore.__file__).parent / "data"
            shutil.rmtree(copy / "botocore" / "data")
            (copy / "botocore" / "data").mkdir()
            for path in data.iterdir():
                if path.is_file():
                    shutil.copy(path, copy / "botocore" / "data")
                elif path.name in AWS_CALLS:
                    shutil.copytree(path, copy / "botocore" / "data" / path.name)
        yield copy


def _trust(artifact: Path, authority: Authority) -> None:
    """Put an authority at the end of every form of the roots that an artifact has."""
    bundle = artifact / "certifi" / "cacert.pem"
    with bundle.open("a") as file:
        file.write(authority.pem)
    shutil.rmtree(artifact / FOLDER_OF_ROOTS)
    roots.lay(bundle, artifact)
    with (artifact / FOLDER_OF_ROOTS / OF_AWS).open("a") as file:
        file.write(authority.pem)


def peak_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
