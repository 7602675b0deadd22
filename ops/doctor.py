"""By which construction a signature was made: of a redirect, or of a payment event."""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from ops import screen, site
from shared.altegio.signature_doctor import Diagnosis, fingerprint, of_payment_event, of_redirect

_OTHER = "the other key"
_ALONE = "no stack"


def doctor(options: argparse.Namespace) -> int:
    """Prints the verdict and what was tried; 1 if the signature is not right.

    Raises:
        NoStack: As `site.find`, unless there is another key to try; or the token cannot be read.
    """
    text = _read(options.what).strip()
    other = getpass.getpass("Other key: ") if options.ask else os.environ.get("OTHER_KEY")
    site, accepted = _accepted(options, alone=bool(other))
    names = {fingerprint(key): f"the partner token of {site}" for key in accepted}
    if other:
        names.setdefault(fingerprint(other), _OTHER)
    what, found = _diagnosed(text, (*accepted, other) if other else accepted)
    wrong = found.wrong
    if site != _ALONE and found.match and names.get(found.match.key) == _OTHER:
        wrong.append(f"the key is the other one, not the partner token of {site}")
    verdict = "; ".join(wrong) or "the signature is right"
    print(f"{what} ({site})\n\n{screen.facts([('verdict', verdict), *_facts(found, names)])}")
    if found.tried:
        print(f"\n{screen.table(('SIGNED', 'TEXT'), list(_rows(found)))}")
    if found.match is None and not other:
        print("\nIs the token another one in Altegio's Cabinet? Enter that with --ask.")
    return 1 if wrong else 0


def _diagnosed(text: str, keys: tuple[str, ...]) -> tuple[str, Diagnosis]:
    if text.startswith("{"):
        body = text.encode("utf-8", "surrogateescape")
        return "sign of a payment event", of_payment_event(body, keys)
    query = text.partition("?")[2] if "?" in text else text
    found = of_redirect(query.partition("#")[0], keys)
    return "user_data_sign of a redirect", found


def _read(what: str) -> str:
    """What was given: the text itself, the name of a file, or - for standard input."""
    if what == "-":
        return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if os.path.isfile(what):  # noqa: PTH113 - unlike Path, it takes a long address for no file
        return Path(what).read_text("utf-8", "surrogateescape")
    return what


def _accepted(options: argparse.Namespace, *, alone: bool) -> tuple[str, tuple[str, ...]]:
    """The stack's name and its tokens; none, if no stack runs here and a key can do without."""
    try:
        opened = site.opened(site.find(options))
    except site.NoStack:
        if not alone or options.stack_name:
            raise
        return _ALONE, ()
    try:
        return opened.name, opened.token.accepted()
    except GetParameterError as error:
        raise site.NoStack(f"the partner token of {opened.name} cannot be read: {error}") from None


def _facts(found: Diagnosis, names: dict[str, str]) -> list[tuple[str, str]]:
    match = found.match
    return [
        ("made as", f"HMAC-{match.algorithm}, {match.encoding}, key {match.key}" if match else "-"),
        ("right is", f"HMAC-sha256 in hex of {found.right}"),
        *(("key", f"{key}, {names[key]}") for key in found.keys),
        *found.facts.items(),
    ]


def _rows(found: Diagnosis) -> Iterator[tuple[str, str]]:
    signed = found.match and found.match.text
    for name, same in found.tried.items():
        yield "yes" if name == signed else "same" if same and same == signed else "no", name
