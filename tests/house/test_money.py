"""Who may pay: one place, once."""

import ast

from tests.house.source import FUNCTIONS, LOCAL, MODULES, PROJECT, SHARED, calls, calls_in, tree


def test_the_payment_has_one_call_site() -> None:
    """The platform has no idempotency key: a second way to pay would pay twice."""
    simulator = PROJECT / "local" / "simulator"
    ours = [path for path in (*SHARED, *FUNCTIONS, *LOCAL) if not path.is_relative_to(simulator)]
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
    [(_name, made)] = [call for call in calls_in(client) if call[0] == "httpx.Client"]
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in made.keywords}
    assert options["limits"] == "httpx.Limits(max_keepalive_connections=0)"
    assert options["trust_env"] == "False"
    assert "transport" not in options  # which could retry
