"""The source as text: which modules there are, and what each imports and calls."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHARED = sorted((PROJECT / "shared").rglob("*.py"))
FUNCTIONS = sorted((PROJECT / "functions").rglob("*.py"))
LOCAL = sorted([*(PROJECT / "local").rglob("*.py"), *(PROJECT / "ops").rglob("*.py")])
TESTS = sorted((PROJECT / "tests").rglob("*.py"))
NAMES = sorted(path.parent.name for path in FUNCTIONS if path.name == "app.py")

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
    "calls.body",
    "calls.call",
    "calls.call_backs",
    "calls.dialled",
    "calls.event",
    "calls.hidden_callers",
    "calls.identity",
    "calls.leg",
    "calls.lines",
    "calls.matching",
    "calls.missed",
    "calls.phone_numbers",
    "calls.recording_links",
    "calls.replay",
    "calls.search",
    "calls.settings",
    "chains.chain",
    "chains.settings",
    "clock",
    "countries",
    "connect.codes",
    "connections.connection",
    "connections.crm_token",
    "connections.hint",
    "connections.lifecycle",
    "connections.pbx_key",
    "connections.settings",
    "connections.take",
    "delays",
    "events.event",
    "fields",
    "iso_8601",
    "one_line",
    "payments.billing_event",
    "payments.coverage",
    "payments.currencies",
    "payments.entry",
    "payments.facts",
    "payments.hosted",
    "payments.lookup",
    "payments.meanings",
    "payments.replay",
    "payments.settings",
    "payments.stripe",
    "payments.stripe_signature",
    "reconcile.census.differences",
    "reconcile.census.settings",
    "states",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
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
PURE |= {name for name in MODULES if name.startswith("calls.pbx.")}


@cache
def direct(name: str) -> set[str]:
    """The modules of shared that a module imports."""
    found = {it.removeprefix("shared.") for it in imports(MODULES[name])}
    return found & set(MODULES)


@cache
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
    yield from calls_in(tree(path))


def calls_in(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node
