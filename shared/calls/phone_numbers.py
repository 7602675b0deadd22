"""Phone numbers as the platform takes them: E.164, whoever wrote them and however.

No source says which forms the platform's matching accepts; its own examples are E.164 with a plus.
https://developer.alteg.io/_bundle/en/developers/openapi.yaml (POST /voip/integration)
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from phonenumbers import PhoneNumber

from shared.calls import dialled, hidden_callers

_LONGEST = 512
_LONGEST_NUMBER = 64
_LONGEST_EXTENSION = 6

# https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1, https://www.rfc-editor.org/rfc/rfc3966,
# https://www.twilio.com/docs/whatsapp/api. Of several, the last.
_URI = re.compile(r"(?:.*\b)?(?:sips?|tel|callto|whatsapp):([^>,]*)", re.IGNORECASE)
# Without a user, an address is a host's. Norway and others write numbers with two digits each time.
_HOST = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\]?", re.IGNORECASE)
_IP_ADDRESS = re.compile(r"(?![0-9]{2}(?:\.[0-9]{2}){3})[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_CONTEXT = re.compile(r";phone-context=(\+[0-9.()\-]+)", re.IGNORECASE)
# A channel of Asterisk, with its serial number:
# https://docs.asterisk.org/Fundamentals/Key-Concepts/Channels/
_CHANNEL = re.compile(
    r"(?:(?:PJSIP|SIP|IAX2|Local|SCCP)/ ?)+(.*?)(?:-[0-9a-f]{6,8})?", re.IGNORECASE
)
# As a spreadsheet, or a program that takes it for a sum, writes a number.
_FRACTION = re.compile(r"(\+?[0-9]{7,15})\.0")
# `*67`, `*31#`, `#31#` and whatever else a telephone takes before a number:
# https://www.etsi.org/deliver/etsi_ts/122000_122099/122030/ and
# https://en.wikipedia.org/wiki/Vertical_service_code
_SERVICE = re.compile(r"(?:[*#]{1,2}(?:[0-9]{1,3}[*#]|[0-9]{2}) ?)+")
# Where one waits for a tone, and where a company of one's choice is dialled:
# https://en.wikipedia.org/wiki/Telephone_numbers_in_Russia,
# https://en.wikipedia.org/wiki/Telephone_numbers_in_Brazil
_NOT_DIALLED = re.compile(r"(?<=\A[0-9]) ?~ ?|(?<=[01])xx", re.IGNORECASE)
_PLUS = re.compile(r"\+[ (]*[0-9]")
_FIRST = re.compile(r"[*#]+[0-9]|\(?[0-9]")
_NUMBER = re.compile(r"[0-9 ()./+\-]*")
_NO_NUMBER = re.compile(r"[^0-9 ()./+\-]+")
_PHONEWORD = re.compile(r"([0-9 ()./+\-]*)([A-Z][0-9A-Z ./\-]*)")
_FEWEST_LETTERS = 3
_MOST_TOO_MANY = 3
# Digits of what stands before the letters, such as 800 or +49 800 1.
_AREA = (3, 7)
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
# Between the digits of business cards.
_DOTS = "\u00b7\u2022\u2027\u2219\u22c5"
# Digits in anything else are a part of somebody's name, as in `Anonymous123` or `trunk-1`.
_EXTENSION = re.compile(r"(?:(?:x|ext|extn|extension)[.:]? ?)?[0-9(][0-9 ()./\-]*", re.IGNORECASE)


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
            what was written, cleaned and cut to 64 characters.
    """

    kind: Kind
    text: str


def read(text: str, country: str) -> Number:
    """What a switch wrote as the number of a call.

    Args:
        text: a number, a SIP or tel address, or a name and a number in angle brackets.
        country: of numbers that name none, ISO 3166 with two letters; may be empty.
    """
    written, host = _addressed(_cleaned(text))
    digits = dialled.digits_of(written)
    if hidden_callers.is_host(host) or (not digits and hidden_callers.is_word(written)):
        return Number(Kind.HIDDEN, "")
    if hidden_callers.is_filler(digits):
        return Number(Kind.HIDDEN, "")
    start = _start(written)
    if _is_code(start, country):
        return Number(Kind.HIDDEN, "")
    number = _number(start, country)
    if number is not None:
        e164 = dialled.e164(number)
        hides = number.national_number == 0 or hidden_callers.is_code(e164[1:])
        return Number(Kind.HIDDEN, "") if hides else Number(Kind.E164, e164)
    extension = _extension(written)
    return Number(Kind.INTERNAL, extension) if extension else Number(Kind.UNUSABLE, written)


def bare(text: str) -> str:
    """A number as a switch wrote it, without the name and the address around it."""
    return _addressed(_cleaned(text))[0]


def masked(number: str) -> str:
    """The last two digits, fit for a screen or a log."""
    return f"…{number[-2:]}" if number else "hidden"


def _cleaned(text: str) -> str:
    """On one line, without marks that nobody sees, its digits and dashes those of ASCII."""
    text = text[:_LONGEST]
    for _ in range(2):
        # Once by whoever made the address, and once more by whoever sent it:
        # https://github.com/bigbluebutton/bigbluebutton/issues/1972
        text = unquote(text)
    seen = (char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    composed = unicodedata.normalize("NFKC", "".join(seen).replace("%", ""))
    return " ".join("".join(map(_plain, composed)).split())


def _plain(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if char in _DOTS:
        return "."
    return "-" if char == "\u2212" or unicodedata.category(char) == "Pd" else char


def _addressed(text: str) -> tuple[str, str]:
    """What stands for the number in an address or beside a name, and the address's host."""
    if "<" in text:
        text = text.rpartition("<")[2].partition(">")[0]
    uri = _URI.match(text)
    context = _CONTEXT.search(text)
    user, _, rest = (uri[1] if uri else text).partition("@")
    host = re.split(r"[;:?> ]", rest, maxsplit=1)[0]
    # A password may stand behind a colon.
    user = re.split("[;?:]" if uri else "[;?]", user, maxsplit=1)[0].strip()
    if context and "+" not in user:
        user = context[1] + user
    if (uri and not rest and _HOST.fullmatch(user)) or _IP_ADDRESS.fullmatch(user):
        return "", host
    if channel := _CHANNEL.fullmatch(user):
        user = channel[1]
    if fraction := _FRACTION.fullmatch(user):
        user = fraction[1]
    return user[:_LONGEST_NUMBER].strip(), host


def _start(text: str) -> str:
    """The text from where its number starts: behind a name, and at a plus if there is one."""
    found = _PLUS.search(text) or _FIRST.search(text)
    return text[found.start() :] if found else ""


def _is_code(text: str, country: str) -> bool:
    """Whether it is a hidden caller's word on a keypad, and not a number of the country as well.

    It may be a number only where all are written in full, so that no trunk prefix is missing: 266
    is an area code of Portugal, where nothing stands before it. 737 is one of Texas.
    """
    digits = dialled.digits_of(text)
    if not hidden_callers.is_code(digits):
        return False
    return text.startswith("+") or not dialled.is_full(digits, country)


def _number(text: str, country: str) -> PhoneNumber | None:
    """The number that a text starts with, or ends with; an extension is not of it.

    Only a number with its country's code may be one that the library does not know to exist.
    """
    if service := _SERVICE.match(text):
        text = text[service.end() :]
    text = _NOT_DIALLED.sub("", text)
    heads = _heads(text)
    for head in (*heads, dialled.without_trunk(heads[0])):
        if found := dialled.valid(head, country):
            return found
    if found := _of_letters(text, country):
        return found
    for head in heads:
        if found := dialled.possible(head, country):
            return found
    last = _NO_NUMBER.split(text)[-1].strip()
    return dialled.valid(last, country) if last else None


def _heads(text: str) -> list[str]:
    """What a text starts with that may be a number: all of it, or up to a stroke."""
    found = _NUMBER.match(text)
    head = found[0] if found else ""
    return list(dict.fromkeys((head, head.partition("/")[0])))


def _of_letters(text: str, country: str) -> PhoneNumber | None:
    """The number whose last digits are letters: https://en.wikipedia.org/wiki/Phoneword.

    More often letters are a name behind an extension or a local number. So they count only behind
    an area code, and one of a service unless it is written as an area code.
    """
    found = _PHONEWORD.fullmatch(text.upper())
    if found is None:
        return None
    head, letters = found[1], found[2]
    code = dialled.digits_of(head)
    of_north_america = dialled.code_of(country) == dialled.NORTH_AMERICA
    is_area = head.startswith(("+", "(")) or (of_north_america and len(code) == len("1800"))
    is_area = is_area and not dialled.digits_of(letters)
    if not _AREA[0] <= len(code) <= _AREA[1] or sum(map(str.isalpha, letters)) < _FEWEST_LETTERS:
        return None
    number = head + re.sub(r"[^0-9]", "", letters.translate(_KEYPAD))
    # Letters that are too many are dialled as well, and change nothing.
    for end in range(len(number), len(number) - _MOST_TOO_MANY - 1, -1):
        exists = dialled.valid(number[:end], country)
        # Without a plus they are of the country, if it is known.
        is_of_it = not country or head.startswith("+") or dialled.is_of(exists, country)
        if exists and is_of_it and (is_area or dialled.is_service(exists)):
            return exists
    return None


def _extension(text: str) -> str:
    """The digits of an internal number; empty if it is none."""
    digits = dialled.digits_of(text)
    return digits if _EXTENSION.fullmatch(text) and len(digits) <= _LONGEST_EXTENSION else ""
