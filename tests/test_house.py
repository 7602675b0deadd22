"""The rules of the house: who may know whom, who may pay, what a function loads, what is logged."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # ships no types

PROJECT = Path(__file__).parents[1]
SHARED = sorted((PROJECT / "shared").rglob("*.py"))
FUNCTIONS = sorted((PROJECT / "functions").rglob("*.py"))
LOCAL = sorted(path for name in ("local", "ops") for path in (PROJECT / name).rglob("*.py"))
TESTS = sorted((PROJECT / "tests").rglob("*.py"))
NAMES = sorted(path.parent.name for path in FUNCTIONS if path.name == "app.py")

# From the ground up: a room imports the rooms before it in its row, and no other.
ROOMS = {
    "": (),
    "aws": ("",),
    "altegio": ("", "aws"),
    "connections": ("", "aws", "altegio"),
    "payments": ("", "aws", "altegio", "connections"),
    "chains": ("", "aws", "altegio", "connections"),
    "calls": ("", "aws", "altegio", "connections", "chains"),
    "connect": ("", "aws", "altegio", "connections", "payments", "chains", "calls"),
    "reconcile": ("", "aws", "altegio", "connections", "payments", "chains", "calls"),
}
# Rules without I/O: of a record, an outcome and the time.
PURE = {
    "altegio.history",
    "altegio.order",
    "altegio.outcome",
    "altegio.redirect",
    "altegio.settings",
    "altegio.signature",
    "altegio.signature_doctor",
    "altegio.status",
    "altegio.webhook",
    "backoff",
    "calls.admission",
    "calls.call",
    "calls.event",
    "calls.matching",
    "calls.pbx",
    "calls.phone_numbers",
    "calls.recording_links",
    "calls.settings",
    "chains.chain",
    "chains.settings",
    "clock",
    "connect.codes",
    "connections.connection",
    "connections.crm_token",
    "connections.lifecycle",
    "connections.pbx_key",
    "connections.settings",
    "payments.billing_event",
    "payments.coverage",
    "payments.entry",
    "payments.hosted",
    "payments.lookup",
    "payments.settings",
    "reconcile.census.differences",
    "reconcile.census.settings",
    "states",
}
SPEAKS_HTTP = {"altegio.client"}
# Tables, queues, parameters and letters; and who tells from AWS's exceptions what comes again.
SPEAKS_TO_AWS = {
    "altegio.rate_limit",
    "aws.dynamodb",
    "aws.session",
    "aws.ses",
    "aws.sqs",
    "calls.table",
    "chains.table",
    "connect.tickets",
    "connections.accounts",
    "connections.table",
    "doors",
    "payments.ledger",
    "payments.report",  # an id that cannot be written is at least logged
}
AWS = {
    "accounts",
    "calls",
    "chains",
    "conflicts",
    "connections",
    "doors",  # its exceptions: what AWS refuses comes again
    "items",
    "ledger",
    "mail",
    "pace",
    "partner_token",
    "paying",  # its exceptions: an id that cannot be written is at least logged
    "queues",
    "roll",
    "tickets",
    "wiring",
}
AWS = {"boto3", "botocore"}
HTTP = {"httpx", "httpcore", "requests", "urllib3", "aiohttp"}
STANDARD_HTTP = {"urllib.request", "http.client", "socket"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, in any place, but for those that only mypy sees."""
    for_types = {
        inner
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in set(ast.walk(tree(path))) - for_types:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def named(path: Path) -> str:
    """A module of shared, by its room and its name."""
    return ".".join(path.relative_to(PROJECT / "shared").with_suffix("").parts)


MODULES = {named(path): path for path in SHARED if path.stem != "__init__"}


def direct(name: str) -> set[str]:
    """The modules of shared that a module imports."""
    found = {it.removeprefix("shared.") for it in imports(MODULES[name])}
    return found & set(MODULES)


def reached(name: str) -> set[str]:
    """All of shared that a module of shared pulls in."""
    found: set[str] = set()
    queue = {name}
    while queue:
        found |= queue
        queue = {it for module in queue for it in direct(module)} - found
    return found


def room(name: str) -> str:
    return name.split(".", maxsplit=1)[0] if "." in name else ""


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file, by the dotted name of what is called."""
    yield from _calls_in(tree(path))


def _calls_in(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


# Who may know whom


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


@pytest.mark.parametrize("name", sorted(PURE))
def test_rules_do_no_io(name: str) -> None:
    for module in reached(name):
        assert module in PURE, f"{name} reaches {module}"
        used = imports(MODULES[module])
        assert not {used_name.split(".")[0] for used_name in used} & (AWS | HTTP)
        assert not used & (STANDARD_HTTP | {"os", "pathlib", "subprocess", "threading"})
        assert "aws_lambda_powertools" not in packages(MODULES[module])


@pytest.mark.parametrize("path", [*SHARED, *FUNCTIONS], ids=lambda path: path.stem)
def test_one_module_speaks_http(path: Path) -> None:
    speaks = bool(packages(path) & HTTP or imports(path) & STANDARD_HTTP)
    assert speaks == (path in {MODULES[name] for name in SPEAKS_HTTP})


def test_only_adapters_speak_to_aws() -> None:
    assert {name for name, path in MODULES.items() if packages(path) & AWS} == SPEAKS_TO_AWS


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_function_knows_shared_and_its_own_folder(path: Path) -> None:
    own = f"functions.{path.parent.name}"
    for name in imports(path):
        assert not name.startswith("functions") or f"{name}.".startswith(f"{own}.")
        assert name.split(".")[0] not in ("local", "ops", "tests", "boto3", "botocore", "httpx")


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_shared_knows_neither_its_callers_nor_the_local_run(path: Path) -> None:
    assert not packages(path) & {"functions", "local", "ops", "tests", "moto", "pytest"}


@pytest.mark.parametrize("path", [*SHARED, *FUNCTIONS], ids=lambda path: path.stem)
def test_one_module_reads_the_environment_and_makes_clients(path: Path) -> None:
    made = {name for name, _node in calls(path) if name.startswith("boto3.")}
    if path == MODULES["aws.session"]:
        assert made == {"boto3.Session"}
    else:
        assert not made
        # The package itself looks whether it is in Lambda, and at nothing else.
        allowed = {"os"} if path == PROJECT / "shared" / "__init__.py" else set()
        assert not ({"os", "boto3"} - allowed) & imports(path)


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_no_module_keeps_a_mutable_global(path: Path) -> None:
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Global)


# Who may pay


def test_the_payment_has_one_call_site() -> None:
    """The platform has no idempotency key: a second way to pay would pay twice."""
    ours = [path for path in (*SHARED, *FUNCTIONS, *LOCAL) if "simulator" not in path.parts]
    posts = [
        (path.name, ast.unparse(node))
        for path in ours
        for _name, node in calls(path)
        for argument in node.args
        if isinstance(argument, ast.Constant) and argument.value == "/marketplace/partner/payment"
    ]
    assert [name for name, _call in posts] == ["marketplace.py"]
    assert "self._client.tell(" in posts[0][1]
    assert posts[0][1].endswith("anew=True)")
    mentions = [
        path.name
        for path in (*SHARED, *FUNCTIONS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and str(node.value).endswith("/partner/payment")
    ]
    assert mentions == ["marketplace.py"]


def test_a_payment_is_reported_from_one_place() -> None:
    places = [
        path.name
        for path in (*SHARED, *FUNCTIONS, *LOCAL)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "report_payment"
    ]
    assert places == ["report.py"]


def test_what_may_not_be_repeated_goes_out_on_a_connection_of_its_own() -> None:
    [client] = [
        node
        for node in ast.walk(tree(MODULES["altegio.client"]))
        if isinstance(node, ast.FunctionDef) and node.name == "_money"
    ]
    [(_name, made)] = [call for call in _calls_in(client) if call[0] == "httpx.Client"]
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in made.keywords}
    assert options["limits"] == "httpx.Limits(max_keepalive_connections=0)"
    assert options["trust_env"] == "False"
    assert "transport" not in options  # which could retry


# Names


def test_nothing_is_called_a_helper() -> None:
    vague = re.compile(r"utils?|helpers?|managers?|misc|common", re.IGNORECASE)
    for path in (*SHARED, *FUNCTIONS, *LOCAL, *TESTS):
        relative = path.relative_to(PROJECT).with_suffix("")
        named = {*relative.parts} | {
            node.name
            for node in ast.walk(tree(path))
            if isinstance(node, (ast.ClassDef, ast.FunctionDef))
            # The name of a test is a sentence.
            and not node.name.startswith("test_")
        }
        words = {word for name in named for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)}
        assert not {word for word in words if vague.fullmatch(word)}, relative


def test_tests_import_what_is_deployed() -> None:
    """A test with its own copy of a handler tests nothing that runs."""
    for path in TESTS:
        defined = {node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)}
        assert "handler" not in defined
    tested = {name for path in TESTS for name in imports(path)}
    own = {name for name in PURE if name != "backoff" and not name.endswith(".settings")}
    assert {f"shared.{name}" for name in own} <= tested


# What a function loads before it can serve: each is cold start


HEAVY = {
    "connect": {"httpx", "jinja2", "boto3"},
    "payments": {"httpx", "pydantic", "boto3"},
    "disable": {"boto3"},
    "calls": {"httpx", "pydantic", "boto3"},
    "reconcile": {"httpx", "boto3"},
}
WATCHED = {"httpx", "pydantic", "jinja2", "boto3", "aws_xray_sdk", "jsonschema", "fastjsonschema",
           "email_validator", "dns"}  # fmt: skip


@cache
def loaded(name: str) -> frozenset[str]:
    """The packages that a function has loaded once its initialisation is over, as in Lambda."""
    template = yaml_parse((PROJECT / "template.yaml").read_text("utf-8"))
    function = template["Resources"][f"{name.capitalize()}Function"]["Properties"]
    variables = {
        **template["Globals"]["Function"]["Environment"]["Variables"],
        **function.get("Environment", {}).get("Variables", {}),
    }
    environment = {
        variable: str(
            template["Parameters"].get(value["Ref"], {}).get("Default", "1")
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
        timeout=60,
    )
    return frozenset(json.loads(ended.stdout))


def test_every_function_has_a_budget() -> None:
    assert set(HEAVY) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_loads_no_more_than_it_needs(name: str) -> None:
    modules = loaded(name)
    assert f"functions.{name}.wiring" in modules
    assert "boto3.session" in modules, "the builder did not run"
    assert {module.split(".")[0] for module in modules} & WATCHED == HEAVY[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_function_loads_no_other_s_use_case(name: str) -> None:
    own = {
        "connect": "shared.connect.flow",
        "payments": "shared.payments.report",
        "disable": "shared.reconcile.webhook",
        "reconcile": "shared.reconcile.schedule",
        "calls": "shared.calls.pop_up",
    }
    assert loaded(name) & set(own.values()) == {own[name]}


@pytest.mark.parametrize("name", NAMES)
def test_only_a_refusal_loads_the_signature_doctor(name: str) -> None:
    assert "shared.altegio.signature_doctor" not in loaded(name)


@pytest.mark.parametrize("path", [*SHARED, *FUNCTIONS], ids=lambda path: path.stem)
def test_nothing_that_costs_cold_start_for_nothing(path: Path) -> None:
    names = {name.split(".")[-1] for name in imports(path)}
    assert not names & {"Tracer", "aws_xray_sdk", "APIGatewayHttpResolver", "event_handler"}


@pytest.mark.parametrize("name", NAMES)
def test_no_exception_of_a_handler_goes_unseen(name: str) -> None:
    """What is expected has its own clause; all else goes through the one last resort."""
    path = PROJECT / "functions" / name / "app.py"
    assert "shared.doors" in imports(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert "Exception" not in ast.unparse(node.type).split(".")


# What is logged


SECRETIVE = re.compile(
    r"token|sign|signature|user_data|phone|email|crm|recording|authorization|header|raw_query"
    r"|secret|password|ticket|body|owner",
    re.IGNORECASE,
)
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log", "append_keys"}


def log_calls(path: Path) -> Iterator[ast.Call]:
    for name, node in calls(path):
        head, _, level = name.rpartition(".")
        if head.split(".")[-1] in ("logger", "logging") and level in LEVELS:
            yield node
        assert name != "print", f"{path.name} prints"


def logged_names(node: ast.Call) -> set[str]:
    """What a log call reads: variables, attributes, and the keys of `extra`."""
    found = set()
    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
        for inner in ast.walk(argument):
            if isinstance(inner, ast.Name):
                found.add(inner.id)
            elif isinstance(inner, ast.Attribute):
                found.add(inner.attr)
            elif isinstance(inner, ast.Dict):
                found |= {str(k.value) for k in inner.keys if isinstance(k, ast.Constant)}
    return found


def test_no_log_line_holds_a_secret() -> None:
    seen = 0
    for path in (*SHARED, *FUNCTIONS):
        for node in log_calls(path):
            seen += 1
            secretive = {name for name in logged_names(node) if SECRETIVE.search(name)}
            assert not secretive, f"{path.name}:{node.lineno} logs {secretive}"
            # A plain sentence; what varies is in `extra`, under the names above.
            for inner in ast.walk(node.args[0]):
                assert not isinstance(inner, (ast.JoinedStr, ast.BinOp, ast.Call)), path.name
    assert seen > 10


def test_no_handler_logs_its_event() -> None:
    for path in FUNCTIONS:
        text = path.read_text("utf-8")
        assert "log_event" not in text
        assert "POWERTOOLS_LOGGER_LOG_EVENT" not in text
    template = (PROJECT / "template.yaml").read_text("utf-8")
    assert "POWERTOOLS_LOGGER_LOG_EVENT" not in template
    assert "POWERTOOLS_DEV" not in template


def test_httpx_does_not_log_addresses() -> None:
    text = MODULES["altegio.client"].read_text("utf-8")
    assert 'logging.getLogger("httpx").setLevel(logging.WARNING)' in text


# What is committed


LOOKS_LIKE_A_SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|gh[pousr]_[A-Za-z0-9]{36}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|Bearer [A-Za-z0-9._-]{20,}"
    r"|aws_secret_access_key\s*=\s*[\"'][A-Za-z0-9/+]{40}"
)


def test_no_secret_is_committed() -> None:
    skipped = {".git", ".venv", "build", ".aws-sam", "__pycache__", ".hypothesis"}
    seen = 0
    for folder, folders, files in os.walk(PROJECT):
        folders[:] = [name for name in folders if name not in skipped and "cache" not in name]
        for name in files:
            path = Path(folder) / name
            try:
                text = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue
            seen += 1
            assert not LOOKS_LIKE_A_SECRET.search(text), f"{path.relative_to(PROJECT)}"
    assert seen > 50


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
