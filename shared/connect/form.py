"""What a new owner fills in."""

import re
from dataclasses import dataclass

_LONGEST_FIELD = 200
_PHONE = re.compile(r"[0-9+() \-.]{0,40}")


@dataclass(frozen=True, slots=True)
class Form:
    """What the owner filled in; ignored for an owner who is already registered."""

    ticket: str
    name: str
    email: str
    phone: str


def wrong(form: Form) -> frozenset[str]:
    """The fields that have to be filled in differently."""
    right = {
        "name": 1 <= len(form.name) <= _LONGEST_FIELD,
        "email": _is_email(form.email) and len(form.email) <= _LONGEST_FIELD,
        "phone": _PHONE.fullmatch(form.phone),
    }
    return frozenset(field for field, fits in right.items() if not fits)


def _is_email(text: str) -> bool:
    """Whether it may be an address; whether it is the owner's, only a letter would tell."""
    from email_validator import (  # noqa: PLC0415 - only who fills in the form pays for it
        EmailNotValidError,
        validate_email,
    )

    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True
