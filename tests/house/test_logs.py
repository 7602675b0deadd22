"""What is logged: no secret, no event, no address."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import FUNCTIONS, MODULES, PROJECT, SHARED, calls

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
    found = {str(keyword.arg) for keyword in node.keywords}
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
            for sentence in node.args[:1]:
                for inner in ast.walk(sentence):
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


# What a line is about has one name in all functions, and these are the others that it had.
OTHER_NAMES = {"account", "call", "event_id", "key", "location", "payment", "refund"}


def test_a_line_says_what_it_is_about_under_the_same_keys() -> None:
    for path in (*SHARED, *FUNCTIONS):
        for node in log_calls(path):
            keys = {str(keyword.arg) for keyword in node.keywords}
            for inner in ast.walk(node):
                if isinstance(inner, ast.Dict):
                    keys |= {str(it.value) for it in inner.keys if isinstance(it, ast.Constant)}
            assert not keys & OTHER_NAMES, f"{path.name}:{node.lineno} says {keys & OTHER_NAMES}"
