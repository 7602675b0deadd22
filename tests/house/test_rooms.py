"""Who may know whom: the rooms of shared, and who speaks to the world."""

import ast
from collections.abc import Mapping

import pytest

from tests.house.source import (
    FUNCTIONS,
    LOCAL,
    MODULES,
    PROJECT,
    PURE,
    SHARED,
    calls,
    direct,
    imports,
    packages,
    reached,
    room,
    tree,
)

# From the ground up: a room imports the rooms before it in its row, and no other.
ROOMS = {
    "": (),
    "aws": ("",),
    "altegio": ("", "aws"),
    "connections": ("", "aws", "altegio"),
    "payments": ("", "aws", "altegio", "connections"),
    "chains": ("", "aws", "altegio", "connections"),
    "calls": ("", "aws", "altegio", "connections", "chains"),
    "events": ("", "aws", "connections", "payments", "calls"),
    "connect": ("", "aws", "altegio", "connections", "payments", "chains", "calls"),
    "reconcile": ("", "aws", "altegio", "connections", "payments", "chains", "calls"),
}

SPEAKS_HTTP = {"altegio.client"}

# Tables, queues, parameters, buses and letters; and who tells from AWS's exceptions what comes
# again.
SPEAKS_TO_AWS = {
    "altegio.rate_limit",
    "aws.dead_letters",
    "aws.dynamodb",
    "aws.letter_box",
    "aws.session",
    "aws.ses",
    "aws.sightings",
    "aws.sqs",
    "calls.letter_wishes",
    "calls.table",
    "chains.table",
    "connect.tickets",
    "connections.accounts",
    "connections.table",
    "doors",
    "payments.door",  # what is not stored is told by event
    "events.bus",
    "payments.ledger",
    "payments.restored",
    "payments.stripe_door",  # as payments.door
    "payments.report",  # an id that cannot be written is at least logged
}

SHARED_ITSELF = PROJECT / "shared" / "__init__.py"
AWS = {"boto3", "botocore"}
HTTP = {"httpx", "httpcore", "requests", "urllib3", "aiohttp"}
STANDARD_HTTP = {"urllib.request", "http.client", "socket"}


def arrows_upward(names: Mapping[str, set[str]]) -> list[str]:
    """Imports that the table does not allow, of a module and what it imports."""
    return [
        f"{name} imports {imported}"
        for name, all_imported in names.items()
        for imported in sorted(all_imported)
        if room(imported) != room(name) and room(imported) not in ROOMS[room(name)]
    ]


def test_imports_run_downwards() -> None:
    assert {room(name) for name in MODULES} == set(ROOMS)
    assert arrows_upward({name: direct(name) for name in MODULES}) == []


@pytest.mark.parametrize(
    "planted",
    [
        ("payments.entry", "calls.call"),
        ("calls.table", "payments.ledger"),
        ("altegio.client", "connections.table"),
        ("clock", "aws.dynamodb"),
        ("connect.flow", "reconcile.schedule"),
        ("reconcile.schedule", "connect.flow"),
    ],
)
def test_an_arrow_upward_is_seen(planted: tuple[str, str]) -> None:
    assert arrows_upward({planted[0]: {planted[1]}}) == [" imports ".join(planted)]


def test_no_module_imports_itself_by_a_circle() -> None:
    for name in MODULES:
        assert name not in {it for imported in direct(name) for it in reached(imported)}, name


def test_who_says_that_he_is_pure_is_held_to_it() -> None:
    says = {
        name
        for name, path in MODULES.items()
        if "pure rules" in (ast.get_docstring(tree(path)) or "").lower()
    }
    assert says <= PURE


def test_rules_do_no_io() -> None:
    for name in PURE:
        for module in reached(name):
            assert module in PURE, f"{name} reaches {module}"
            used = imports(MODULES[module])
            assert not {used_name.split(".")[0] for used_name in used} & (AWS | HTTP), module
            assert not used & (STANDARD_HTTP | {"os", "pathlib", "subprocess", "threading"}), module
            assert "aws_lambda_powertools" not in packages(MODULES[module]), module


def test_one_module_speaks_http() -> None:
    for path in (*SHARED, *FUNCTIONS):
        speaks = bool(packages(path) & HTTP or imports(path) & STANDARD_HTTP)
        assert speaks == (path in {MODULES[name] for name in SPEAKS_HTTP}), path


def test_only_adapters_speak_to_aws() -> None:
    assert {name for name, path in MODULES.items() if packages(path) & AWS} == SPEAKS_TO_AWS


def test_a_function_knows_shared_and_its_own_folder() -> None:
    for path in FUNCTIONS:
        own = f"functions.{path.relative_to(PROJECT / 'functions').parts[0]}"
        for name in imports(path):
            assert not name.startswith("functions") or f"{name}.".startswith(f"{own}."), path
            assert name.split(".")[0] not in ("local", "tests", "boto3", "botocore", "httpx"), path


def test_shared_knows_neither_its_callers_nor_the_local_run() -> None:
    for path in SHARED:
        assert not packages(path) & {"functions", "local", "tests", "moto", "pytest"}, path


def test_the_operators_commands_know_nothing_of_the_local_run() -> None:
    commands = [path for path in LOCAL if path.is_relative_to(PROJECT / "ops")]
    assert len(commands) > 10
    for path in commands:
        assert not packages(path) & {"local", "tests", "moto", "pytest"}, path


def test_one_module_reads_the_environment_and_makes_clients() -> None:
    for path in (*SHARED, *FUNCTIONS):
        if path == MODULES["aws.session"]:
            assert {"get_session"} & {name for name, _node in calls(path)}
        else:
            # The package itself looks whether it is in Lambda, and at nothing else; and the roots
            # are found by their path.
            allowed = {"os"} if path in (SHARED_ITSELF, MODULES["roots"]) else set()
            assert not ({"os", "boto3", "botocore.session"} - allowed) & imports(path), path


def test_no_module_keeps_a_mutable_global() -> None:
    for path in SHARED:
        for node in ast.walk(tree(path)):
            assert not isinstance(node, ast.Global), path
