"""Why a signature does not fit: of a redirect, or of a payment event."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from ops import screen
from ops.site import NoStack, Site
from shared.altegio.signature_doctor import Diagnosis, fingerprint, of_payment_event, of_redirect
from shared.aws.parameters import ParameterUnreadable


def doctor(site: Site, options: argparse.Namespace) -> int:
    """Prints the verdict; 1 if the signature is not right. Raises `NoStack` without a token."""
    text = _read(options.what or "-").strip()
    try:
        accepted = site.token.accepted()
    except ParameterUnreadable as error:
        raise NoStack(f"the partner token of {site.name} cannot be read: {error}") from None
    names = {fingerprint(key): f"the partner token of {site.name}" for key in accepted}
    other = getpass.getpass("Other token: ") if options.ask else ""
    if other:
        names.setdefault(fingerprint(other), "the other token")
    what, found = _diagnosed(text, (*accepted, other) if other else accepted)
    wrong = found.wrong
    if not wrong and names[found.key] == "the other token":
        wrong = f"the signature is by the other token, and {site.name} does not have that one"
    pairs = [
        ("verdict", wrong or "the signature is right"),
        *(("signed by" if key == found.key else "tried", f"{names[key]} ({key})") for key in names),
    ]
    text = f"{what} ({site.name})\n\n{screen.facts(pairs)}"
    if not found.key and not other:
        text += "\n\nIs the token in Altegio's Developer Cabinet another one? Enter it with --ask."
    screen.printed(options, text, {"what": what, **dict(pairs)})
    return 1 if wrong else 0


def _diagnosed(text: str, keys: tuple[str, ...]) -> tuple[str, Diagnosis]:
    if text.startswith("{"):
        body = text.encode("utf-8", "surrogateescape")
        return "sign of a payment event", of_payment_event(body, keys)
    query = text.partition("?")[2] if "?" in text else text
    return "user_data_sign of a redirect", of_redirect(query.partition("#")[0], keys)


def _read(what: str) -> str:
    """What was given: the text itself, the name of a file, or - for standard input."""
    if what == "-":
        return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if os.path.isfile(what):  # noqa: PTH113 - unlike Path, it takes a long address for no file
        return Path(what).read_text("utf-8", "surrogateescape")
    return what
