"""What a new owner fills in."""

from dataclasses import dataclass

from shared import countries

_LONGEST_FIELD = 200


@dataclass(frozen=True, slots=True)
class Form:
    """What the owner filled in; ignored for an owner who is already registered."""

    ticket: str
    name: str
    email: str
    phone: str
    country: str


def wrong(form: Form) -> frozenset[str]:
    """The fields that have to be filled in differently."""
    right = {
        "name": 1 <= len(form.name) <= _LONGEST_FIELD,
        "email": _is_email(form.email) and len(form.email) <= _LONGEST_FIELD,
        "phone": phone_of(form) is not None,
        "country": form.country in countries.CODES,
    }
    return frozenset(field for field, fits in right.items() if not fits)


def phone_of(form: Form) -> str | None:
    """The phone as E.164, read as one writes it in the owner's country.

    Returns:
        Empty if he gave none; None if it is no number that can be called.
    """
    if not form.phone:
        return ""
    from shared.calls.phone_numbers import (  # noqa: PLC0415 - only who fills in the form pays for it
        Kind,
        read,
    )

    number = read(form.phone, form.country)
    return number.text if number.kind is Kind.E164 else None


def _is_email(text: str) -> bool:
    """Whether it may be an address; whether it is the owner's, only a letter would tell."""
    from email_validator import (  # noqa: PLC0415 - only who fills in the form pays for it
        EmailNotValidError,
        validate_email,
    )

    try:
        # SES sends nothing to other letters than ASCII before the @.
        validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True
