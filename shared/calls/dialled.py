"""Which number of the world digits are, dialled in a country.

What exists where is the library's (https://github.com/google/libphonenumber); here is what it
leaves to its callers.
"""

import re

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneMetadata, PhoneNumber, PhoneNumberType

# https://www.itu.int/rec/T-REC-E.164: fifteen digits with the country's code.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# To dial abroad, from whatever country a switch was made in; those of the account's own country
# the library knows. The first is what the ITU recommends, and what most write:
# https://en.wikipedia.org/wiki/List_of_international_call_prefixes and
# https://github.com/AfterShip/phone/issues/443
_ABROAD = ("00", "011", "0011", "010", "810")
# Dialled before numbers of Mexico until 2019, and still written:
# https://github.com/daviddrysdale/python-phonenumbers/issues/306
_OF_MEXICO = re.compile(r"\A(?:1|01|044|045)(?=[0-9]{10}$)")
_CODE_OF_MEXICO = re.compile(r"52(?:1|01|044|045)\Z")
_TRUNK = re.compile(r"\( ?0 ?\)")
# Hides the caller's number for one call: https://en.wikipedia.org/wiki/Caller_ID
_HIDING = {
    "AU": ("1831", "1832"),
    "US": ("1167", "1182"),
    "CA": ("1167", "1182"),
    "ES": ("067",),
    "FR": ("3651",),
    "GB": ("1470", "141"),
    "IE": ("141", "142"),
    "JP": ("184", "186"),
    "HK": ("133",),
    "NZ": ("0197",),
}
# Another long-distance company: https://en.wikipedia.org/wiki/Dial-around_service
_DIAL_AROUND = re.compile(r"101[0-9]{4}(?=[01])")
NORTH_AMERICA = 1
# In parentheses is an area code. What stands before it here, or apart, is a trunk prefix, also
# behind a plus: no country's code is 8 alone.
_NO_COUNTRY = re.compile(r"[+ ]*(?:[08]?[ \-]?\(|[08][ \-])")

# Without its trunk prefix, a shorter number of most countries may be a local one.
_NEVER_LOCAL = 9
# A country with numbers of so many lengths has local ones of each: there the prefix tells.
_OPEN = 3
# As short numbers elsewhere are extensions.
_SHORT = 6
_TELEPHONES = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE,
               PhoneNumberType.FIXED_LINE_OR_MOBILE)  # fmt: skip


def valid(text: str, country: str) -> PhoneNumber | None:
    """The number that exists, as far as the library knows; None if there is none.

    Args:
        text: digits and punctuation, perhaps with a plus before them.
        country: where it is dialled, ISO 3166; may be empty.
    """
    digits = digits_of(text)
    if _names_its_country(text):
        return _exists(_international(digits))
    found = _national(digits, country, may_be_abroad=not _NO_COUNTRY.match(text))
    if found or len(digits) <= _SHORT:
        return found
    for prefix in _ABROAD:
        if digits.startswith(prefix) and (found := _exists(_international(digits[len(prefix) :]))):
            return found
    rests = [digits[len(code) :] for code in _HIDING.get(country, ()) if digits.startswith(code)]
    if code_of(country) == NORTH_AMERICA and (around := _DIAL_AROUND.match(digits)):
        rests.append(digits[around.end() :])
    # A code is dialled before what would be dialled without it: with its trunk prefix, or abroad.
    return next(filter(None, (valid(rest, country) for rest in rests)), None)


def possible(text: str, country: str) -> PhoneNumber | None:
    """The number that names its country and has a length of that; None if it does not."""
    digits = digits_of(text)
    if _names_its_country(text):
        return _as_written(_fits(_international(digits)), text)
    own = _parsed(digits, country)
    if own and own.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return _as_written(_fits(own), text)
    recommended = _ABROAD[0]
    if not digits.startswith(recommended):
        return None
    return _as_written(_fits(_international(digits.removeprefix(recommended))), text)


def without_trunk(text: str) -> str:
    """Without a trunk prefix in parentheses, which some write where a country has none."""
    return _TRUNK.sub("", text)


def is_full(digits: str, country: str) -> bool:
    """Whether digits are a number of a country that has no others: none is written shorter."""
    plan = _plan(country)
    if plan is None or plan.national_prefix is not None or _is_open(plan):
        return False
    return _exists(_parsed(digits, country)) is not None


def is_service(number: PhoneNumber) -> bool:
    """Whether no single telephone has it."""
    return phonenumbers.number_type(number) not in _TELEPHONES


def is_of(number: PhoneNumber | None, country: str) -> bool:
    """Whether it is a number with the country's code."""
    return number is not None and number.country_code == code_of(country)


def code_of(country: str) -> int:
    """The country's code; 0 if there is no such country."""
    return phonenumbers.country_code_for_region(country)


def digits_of(text: str) -> str:
    """The digits of a text, in their order."""
    return "".join(char for char in text if char.isdecimal())


def e164(number: PhoneNumber) -> str:
    """With a plus."""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _names_its_country(text: str) -> bool:
    # Nor does any begin with a zero: that is a prefix behind a plus of no use.
    is_prefix = digits_of(text).startswith("0") or (
        _NO_COUNTRY.match(text) and digits_of(text).startswith("8")
    )
    return text.startswith("+") and not is_prefix


def _national(digits: str, country: str, *, may_be_abroad: bool) -> PhoneNumber | None:
    own = _exists(_parsed(_undialled(digits) if country == "MX" else digits, country))
    abroad = _exists(_international(digits)) if may_be_abroad else None
    plan = _plan(country)
    if own is None or plan is None:
        return abroad if len(digits) > _SHORT else None
    if len(digits) <= _SHORT:
        return own if _is_short(own, plan) else None
    if _is_whole(own, digits) and not _is_too_long(own, digits, plan):
        return own
    if abroad and _is_open(plan):
        return abroad
    return own if len(digits) >= min(_NEVER_LOCAL, max(_lengths(plan))) else abroad


def _lengths(plan: PhoneMetadata) -> tuple[int, ...]:
    """Of its telephones that are not mobile."""
    return (plan.fixed_line.possible_length if plan.fixed_line else ()) or (_NEVER_LOCAL,)


def _is_open(plan: PhoneMetadata) -> bool:
    return len(_lengths(plan)) >= _OPEN


def _is_whole(number: PhoneNumber, digits: str) -> bool:
    """Whether digits are all that is dialled: with the trunk prefix, where a number has one."""
    if phonenumbers.national_significant_number(number) != digits:
        return True
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return digits_of(written) == digits


def _is_too_long(number: PhoneNumber, digits: str, plan: PhoneMetadata) -> bool:
    """Whether there are such numbers of telephones on paper alone, as of Italy and Luxembourg.

    33 612345678 is one of Luxembourg and a voice mail of Italy; but it is France that calls there.
    """
    is_mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    return plan.national_prefix is None and len(digits) > _NEVER_LOCAL and not is_mobile


def _is_short(number: PhoneNumber, plan: PhoneMetadata) -> bool:
    """Whether it is a telephone in a country with such short numbers, and no extension."""
    if plan.national_prefix is not None or phonenumbers.number_type(number) not in _TELEPHONES:
        return False
    length = len(phonenumbers.national_significant_number(number))
    return length == _SHORT or max(_lengths(plan)) <= _SHORT


def _international(digits: str) -> PhoneNumber | None:
    if digits.startswith("52"):
        digits = "52" + _undialled(digits[2:])
    return _parsed(f"+{digits}", "")


def _undialled(digits: str) -> str:
    return _OF_MEXICO.sub("", digits, count=1)


def _exists(number: PhoneNumber | None) -> PhoneNumber | None:
    return number if number and phonenumbers.is_valid_number(number) and _is_e164(number) else None


def _fits(number: PhoneNumber | None) -> PhoneNumber | None:
    """By its length alone, and not if that is one of local numbers.

    https://github.com/google/libphonenumber/issues/961
    """
    if number is None or not _is_e164(number):
        return None
    why = phonenumbers.is_possible_number_with_reason(number)
    return number if why == phonenumbers.ValidationResult.IS_POSSIBLE else None


def _as_written(number: PhoneNumber | None, text: str) -> PhoneNumber | None:
    """The number, if its digits are those written; a trunk prefix in parentheses is none of it.

    The library drops a zero that it takes for a trunk prefix. Of a number that is not known to
    exist it may be a digit: Russia's 8 800 555-35-35 behind a plus would be one of Bangladesh.
    """
    if number is None:
        return None
    national = phonenumbers.national_significant_number(number)
    code = str(number.country_code)
    for digits in (digits_of(text), digits_of(without_trunk(text))):
        before = digits.removesuffix(national)
        if before != digits and (before.endswith(code) or _CODE_OF_MEXICO.search(before)):
            return number
    return None


def _is_e164(number: PhoneNumber) -> bool:
    return _E164.fullmatch(e164(number)) is not None


def _parsed(digits: str, country: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, country or None, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None


def _plan(country: str) -> PhoneMetadata | None:
    return PhoneMetadata.metadata_for_region(country, None)
