"""Phone numbers as the platform takes them: E.164, whoever wrote them and however.

No source says which forms the platform's matching accepts; its own examples are E.164 with a plus.
https://developer.alteg.io/_bundle/en/developers/openapi.yaml (POST /voip/integration)
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

# Whoever hides is called so by SIP providers: https://www.rfc-editor.org/rfc/rfc3323, and by some
# switches with the letters of ANONYMOUS on a keypad.
_HIDDEN = re.compile(
    r"anonymous|unknown|restricted|private|withheld|unavailable|blocked|\+?266696687"
)
_URI = re.compile(r"(?:sips?|tel):([^@;?>]*)", re.IGNORECASE)
_SHORT = re.compile(r"[0-9]{1,6}")
_LONGEST = 64
_MOST_DIGITS = 32


class Kind(StrEnum):
    """What a written number is; there is no fifth."""

    E164 = "e164"
    HIDDEN = "hidden"
    INTERNAL = "internal"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Number:
    """A number as read.

    Attributes:
        kind: which of the four.
        text: E.164 with its plus; empty if hidden; the short digits if internal; if unusable,
            what was written, cleaned and cut.
    """

    kind: Kind
    text: str


def read(text: str, country: str) -> Number:
    """What a switch wrote as the number of a call.

    Args:
        text: a number, a SIP or tel URI, or a name and a number in angle brackets.
        country: of numbers that name none, ISO 3166 with two letters; may be empty.
    """
    written = _without_name(unicodedata.normalize("NFKC", text[: 4 * _LONGEST]))[:_LONGEST]
    if not written or _HIDDEN.fullmatch(written.lower()):
        return Number(Kind.HIDDEN, "")
    digits = "".join(str(unicodedata.digit(char)) for char in written if char.isdecimal())
    if not digits:
        return Number(Kind.HIDDEN, "")
    if _SHORT.fullmatch(digits):
        return Number(Kind.INTERNAL, digits)
    plus = "+" if written.lstrip("( ").startswith("+") else ""
    for candidate in (plus + digits, f"+{digits}"):
        number = _parsed(candidate, country)
        if number is not None and phonenumbers.is_valid_number(number):
            return Number(Kind.E164, _e164(number))
    # Invented for films, or too new for the library: what says its country has the right form.
    number = _parsed(f"{plus}{digits}", country)
    if number is not None and phonenumbers.is_possible_number(number):
        return Number(Kind.E164, _e164(number))
    return Number(Kind.UNUSABLE, digits[:_MOST_DIGITS])


def normal(text: str, country: str) -> str:
    """The text of what is read: until its callers ask for the kind."""
    return read(text, country).text


def country_of(phone: str) -> str:
    """The country of a phone as Altegio gives it, digits with the country's code; else empty."""
    digits = "".join(char for char in phone[:_LONGEST] if char.isascii() and char.isdigit())
    number = _parsed(f"+{digits}", "")
    if number is None or not number.country_code:
        return ""
    own = phonenumbers.region_code_for_number(number)
    # Of several countries with one code, the main one knows the same national forms.
    return own or phonenumbers.region_code_for_country_code(number.country_code)


def masked(number: str) -> str:
    """The last two digits, fit for a screen or a log."""
    return f"…{number[-2:]}" if number else "hidden"


def _without_name(text: str) -> str:
    bracketed = text.partition("<")[2].partition(">")[0] or text
    uri = _URI.search(bracketed)
    return (uri[1] if uri else bracketed).strip()


def _parsed(number: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, country or None)
    except phonenumbers.NumberParseException:
        return None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
