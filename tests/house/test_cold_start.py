"""What a function loads before it can serve: each is cold start."""

import ast
import json
import os
import subprocess
import sys
from functools import cache

import pytest

from tests.house.source import FUNCTIONS, NAMES, PROJECT, SHARED, imports, tree
from tests.house.template import TEMPLATE

HEAVY = {
    "billing": {"botocore"},
    "connect": {"httpx", "jinja2", "botocore"},
    "payments": {"httpx", "botocore"},
    "disable": {"botocore"},
    "calls": {"httpx", "botocore", "phonenumbers"},
    "reconcile": {"httpx", "botocore"},
    "events": {"botocore"},
}

# boto3 brings all that uploads to S3 need.
WATCHED = {"httpx", "pydantic", "jinja2", "botocore", "boto3", "s3transfer", "aws_xray_sdk",
           "jsonschema", "fastjsonschema", "email_validator", "dns", "phonenumbers"}  # fmt: skip

# Tracing, a router for what has two or three routes, and readers of parameters of every kind.
COSTLY = {"Tracer", "aws_xray_sdk", "APIGatewayHttpResolver", "event_handler", "SSMProvider"}


@cache
def loaded(name: str) -> frozenset[str]:
    """The packages that a function has loaded once its initialisation is over, as in Lambda."""
    function = TEMPLATE["Resources"][f"{name.capitalize()}Function"]["Properties"]
    variables = {
        **TEMPLATE["Globals"]["Function"]["Environment"]["Variables"],
        **function.get("Environment", {}).get("Variables", {}),
    }
    environment = {
        variable: str(
            TEMPLATE["Parameters"].get(value["Ref"], {}).get("Default", "1")
            if isinstance(value, dict)
            else value
        )
        for variable, value in variables.items()
    }
    program = (
        "import importlib, json, sys; importlib.import_module(sys.argv[1]);"
        "print(json.dumps(sorted(sys.modules)))"
    )
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, f"functions.{name}.app"],
        cwd=PROJECT,
        env={
            **environment,
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        capture_output=True,
        check=True,
    )
    return frozenset(json.loads(ended.stdout))


def test_every_function_has_a_budget() -> None:
    assert set(HEAVY) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_loads_no_more_than_it_needs(name: str) -> None:
    modules = loaded(name)
    assert f"functions.{name}.wiring" in modules
    assert "botocore.session" in modules, "the builder did not run"
    assert {module.split(".")[0] for module in modules} & WATCHED == HEAVY[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_function_loads_no_other_s_use_case(name: str) -> None:
    own = {
        "billing": "shared.payments.door",
        "connect": "shared.connect.flow",
        "payments": "shared.payments.report",
        "disable": "shared.reconcile.webhook",
        "reconcile": "shared.reconcile.schedule",
        "calls": "shared.calls.pop_up",
        "events": "shared.events.tell",
    }
    assert loaded(name) & set(own.values()) == {own[name]}


@pytest.mark.parametrize("name", NAMES)
def test_only_a_refusal_loads_the_signature_doctor(name: str) -> None:
    assert "shared.altegio.signature_doctor" not in loaded(name)


def test_nothing_that_costs_cold_start_for_nothing() -> None:
    for path in (*SHARED, *FUNCTIONS):
        names = {name.split(".")[-1] for name in imports(path)}
        assert not names & COSTLY, path


@pytest.mark.parametrize("name", NAMES)
def test_no_exception_of_a_handler_goes_unseen(name: str) -> None:
    """What is expected has its own clause; all else goes through the one last resort."""
    path = PROJECT / "functions" / name / "app.py"
    assert "shared.doors" in imports(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert "Exception" not in ast.unparse(node.type).split(".")


def test_garbage_is_collected_again_once_a_function_is_built() -> None:
    program = (
        "import os; os.environ['AWS_LAMBDA_RUNTIME_API'] = '127.0.0.1:9'; import gc, shared;"
        "off = gc.isenabled(); from shared.aws.session import once; once(lambda environ: 1);"
        "print(off, gc.isenabled())"
    )
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["False", "True"]
