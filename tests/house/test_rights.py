"""Rights: each function may do what its code does, and nothing else."""

import ast
import re
from functools import cache
from typing import Any

import pytest

from tests.house.adapters import ADAPTERS, asked_by
from tests.house.template import FUNCTIONS, PROJECT, RESOURCES, ROLES, events, leaves, target

# Rights: each function may do what its code does, and nothing else


def statements(role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for policy in ROLES[role]["Policies"]:
        found += policy["PolicyDocument"]["Statement"]
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    named = statement["Action"]
    return named if isinstance(named, list) else [named]


# SES asks for the right on whichever identity it verified, the address or its domain, and on the
# identity's default configuration set, so only the condition can say which address letters may
# come from.
LETTERS = {
    "Effect": "Allow",
    "Action": "ses:SendEmail",
    "Resource": [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:ses:${{AWS::Region}}:${{AWS::AccountId}}:{kind}/*"}
        for kind in ("identity", "configuration-set")
    ],
    "Condition": {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}},
}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_right_is_wider_than_one_resource(role: str) -> None:
    properties = ROLES[role]
    assert "ManagedPolicyArns" not in properties
    [trust] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    for statement in statements(role):
        if statement == LETTERS:
            continue
        assert set(statement) == {"Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        assert not isinstance(statement["Resource"], list)
        for text in leaves(statement):
            # The streams of one table, of which a restored one has another.
            own = re.fullmatch(r"\$\{\w+Table\.Arn\}/stream/\*", str(text))
            assert own or "*" not in str(text)
        for action in actions(statement):
            assert re.fullmatch(r"[a-z]+:[A-Z][A-Za-z]+", action)


def test_the_schedule_may_start_its_function_and_nothing_else() -> None:
    role = RESOURCES["ScheduleRole"]["Properties"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    [policy] = role["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": {"Fn::GetAtt": ["ReconcileFunction", "Arn"]},
        }
    ]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.__name__)
def test_every_method_of_every_adapter_is_known_here(adapter: type) -> None:
    public = {name for name in dir(adapter) if not name.startswith("_")}
    assert public == set(ADAPTERS[adapter][2])
    for method in public:
        assert asked_by(adapter, method)


@cache
def classes() -> dict[str, ast.ClassDef]:
    """Every class of shared, by name."""
    return {
        node.name: node
        for path in sorted((PROJECT / "shared").rglob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }


@cache
def makers() -> dict[str, ast.FunctionDef]:
    """Every function of shared that makes one of its classes, by name: `pace_of`."""
    return {
        node.name: node
        for path in sorted((PROJECT / "shared").rglob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_of")
    }


def collaborators(definition: ast.ClassDef) -> dict[str, str]:
    """The attributes that a class keeps its arguments under, with the classes of these."""
    found = {}
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = [*node.args.args, *node.args.kwonlyargs]
            kinds = {a.arg: ast.unparse(a.annotation) for a in arguments if a.annotation}
            for line in ast.walk(node):
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.Name):
                    found[ast.unparse(line.targets[0])] = kinds[line.value.id]
    return found


def _called_in(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def needed(function: str) -> set[tuple[str, str]]:
    """What a function asks of AWS: from its wiring to the methods of its adapters."""
    folder = FUNCTIONS[function]["Handler"].split(".")[1]
    wiring = ast.parse((PROJECT / "functions" / folder / "wiring.py").read_text("utf-8"))
    called = _called_in(wiring)
    for name in called & set(makers()):
        called |= _called_in(makers()[name])
    makes = called & set(classes())
    adapters = {adapter.__name__: adapter for adapter in ADAPTERS}
    found: set[tuple[str, str]] = set()
    for made in makes:
        attributes = collaborators(classes()[made])
        for node in ast.walk(classes()[made]):
            if isinstance(node, ast.Attribute):
                kinds = attributes.get(ast.unparse(node.value), "").split(" | ")
                for kind in adapters.keys() & set(kinds):
                    found |= asked_by(adapters[kind], node.attr)
    return found


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_may_do_exactly_what_its_code_does(function: str) -> None:
    properties = FUNCTIONS[function]
    variables = properties["Environment"]["Variables"]
    wanted = set()
    for action, where in needed(function):
        named, _, index = where.partition("/")
        [variable] = {named} & set(variables) or {it for it in variables if it.endswith(named)}
        wanted.add((action, target(variables[variable]) + (f"/{index}" if index else "")))
    logs = target(properties["LoggingConfig"]["LogGroup"])
    wanted |= {("logs:CreateLogStream", logs), ("logs:PutLogEvents", logs)}
    for mapping in events(properties, "SQS"):
        wanted |= {
            (f"sqs:{action}", target(mapping["Queue"]))
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        }
    for mapping in events(properties, "DynamoDB"):
        # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
        wanted |= {
            (f"dynamodb:{action}", f"{target(mapping['Stream'])}/stream/*")
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        }
        wanted.add(
            ("sqs:SendMessage", target(mapping["DestinationConfig"]["OnFailure"]["Destination"]))
        )
    granted = {
        (action, _resource(statement))
        for statement in statements(target(properties["Role"]))
        for action in actions(statement)
    }
    missing, unused = wanted - granted, granted - wanted
    assert (missing, unused) == (set(), set())


def _resource(statement: dict[str, Any]) -> str:
    if statement == LETTERS:
        return target(statement["Condition"]["StringEquals"]["ses:FromAddress"])
    value = statement["Resource"]
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        if index := re.fullmatch(r"\$\{(\w+)\.Arn\}(/index/\w+|/stream/\*)", text):
            return index[1] + index[2]
        [parameter] = re.findall(r":parameter\$\{(\w+)\}$", text)
        return str(parameter)
    return target(value)
