"""What each function asks of AWS while it runs, as IAM names it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from local.stack.template import ACCOUNT_ID
from tests.chaos.tasks import Task
from tests.chaos.world import World
from tests.deployment import Deployment
from tests.memory import Memory


class Call(NamedTuple):
    """One request, such as of payments: dynamodb:PutItem on the ARN of a table.

    `context` is what a condition of a policy may ask about.
    """

    function: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT_ID}:{resource}"


def named(function: str, operation: str, asked: Mapping[str, Any]) -> Iterator[Call]:
    """What IAM makes of a request: one call, or one for each item of a transaction.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsesv2.html
    """
    match asked:
        case {"TransactItems": items}:
            for item in items:
                [(kind, what)] = item.items()
                yield from named(function, f"{kind}Item", what)
        case {"TableName": table}:
            index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
            yield Call(function, f"dynamodb:{operation}", arn("dynamodb", f"table/{table}{index}"))
        case {"QueueUrl": url}:
            yield Call(function, f"sqs:{operation}", arn("sqs", url.rpartition("/")[2]))
        case {"Entries": entries}:
            for bus in {entry["EventBusName"] for entry in entries}:
                yield Call(function, f"events:{operation}", arn("events", f"event-bus/{bus}"))
        case {"FromEmailAddress": address}:
            # Of the address or of its domain, whichever was verified; and of the configuration set
            # that this has by default, if any. https://github.com/aws/aws-cdk/issues/34402
            domain = address.rpartition("@")[2]
            for of in (f"identity/{address}", f"identity/{domain}", "configuration-set/default"):
                where = arn("ses", of)
                yield Call(function, f"ses:{operation}", where, (("ses:FromAddress", address),))
        case {"Name": name}:
            yield Call(function, f"ssm:{operation}", arn("ssm", f"parameter{name}"))
        case _:
            message = f"{operation} of {function}: of what is it? {sorted(asked)}"
            raise AssertionError(message)


@contextmanager
def recorded(memory: Memory) -> Iterator[set[Call]]:
    """All that functions call until the end of the `with`, on this memory or in any world.

    What a test itself asks of AWS, between two invocations, is not among it.
    """
    calls: set[Call] = set()
    running = threading.local()
    invoke, before = Deployment.invoke, World._before

    def invoked(deployment: Deployment, function: str, event: Any) -> Any:
        running.function = function
        try:
            return invoke(deployment, function, event)
        finally:
            running.function = ""

    def heard(operation: str, asked: Mapping[str, Any]) -> None:
        if function := getattr(running, "function", ""):
            calls.update(named(function, operation, asked))

    def stepped(world: World, operation: str, asked: Mapping[str, Any]) -> None:
        if (task := Task.current()) is not None:
            calls.update(named(task.name, operation, asked))
        before(world, operation, asked)

    with (
        patch.object(Deployment, "invoke", invoked),
        patch.object(World, "_before", stepped),
        patch.object(memory, "before", heard),
    ):
        yield calls
