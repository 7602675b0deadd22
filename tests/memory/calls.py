"""What the clients share: how a call is made, and how one is refused."""

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, Concatenate

from botocore.exceptions import ClientError

type Asked = Mapping[str, Any]
type Hook = Callable[[str, Asked], None]


class Calls:
    """The one way into a world: each call takes the lock, and hooks run before and after it.

    A hook gets the operation as botocore names it ("PutItem") and its parameters. It may raise, to
    kill or to refuse, or let another thread run: it does not hold the lock. `after` follows calls
    that were answered.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.now = clock
        self.before: Hook | None = None
        self.after: Hook | None = None
        self.lock = Lock()


class Client:
    """A stand-in of a boto3 client."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls


class Refused(Exception):
    """An answer that is an error; the client raises it as botocore does."""

    def __init__(self, code: str, message: str, **rest: Any) -> None:
        super().__init__(message)
        self.code = code
        self.rest = rest


def refusal(operation: str, code: str, message: str, **rest: Any) -> ClientError:
    """The error that boto3 raises for an answer with this code."""
    response: Any = {"Error": {"Code": code, "Message": message}, **rest}
    return ClientError(response, operation)


def operation[C: Client](
    name: str, *parameters: str
) -> Callable[[Callable[[C, Asked], Any]], Callable[Concatenate[C, ...], Any]]:
    """Makes a method of what an operation does with its parameters; others are not understood."""
    known = frozenset(parameters)

    def made(answer: Callable[[C, Asked], Any]) -> Callable[Concatenate[C, ...], Any]:
        def call(client: C, **asked: Any) -> Any:
            if not asked.keys() <= known:
                raise NotImplementedError(f"{name} with {', '.join(asked.keys() - known)}")
            calls = client._calls
            if calls.before is not None:
                calls.before(name, asked)
            try:
                with calls.lock:
                    answered = answer(client, asked)
            except Refused as refused:
                raise refusal(name, refused.code, str(refused), **refused.rest) from None
            if calls.after is not None:
                calls.after(name, asked)
            return answered

        return call

    return made
