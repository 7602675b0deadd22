"""Numbers as switches and carriers write them, and as the platform takes them.

`written_numbers.csv` has what others have written: each row names where. Where that is a rule or a
pattern, as that of a numbering plan, its digits are ours.
"""

import csv
import re
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from shared.calls import dialled, hidden_callers
from shared.calls.phone_numbers import Kind, Number, masked, read

WRITTEN = Path(__file__).with_name("written_numbers.csv")
with WRITTEN.open(encoding="utf-8", newline="") as file:
    ROWS = [
        (row["written"], row["country"], Number(Kind(row["kind"]), row["number"]), row["source"])
        for row in csv.DictReader(file)
    ]

KINDS = {
    kind: number
    for kind, number in PhoneNumberType.__dict__.items()
    if kind in ("FIXED_LINE", "MOBILE", "TOLL_FREE")
}
EXAMPLES = [
    (country, kind, example)
    for country in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind, number in KINDS.items()
    if (example := phonenumbers.example_number_for_type(country, number)) is not None
]
# As short as extensions are: of the countries with numbers so short, only those of telephones are
# taken for numbers, and not where a switch may have longer ones.
AS_SHORT_AS_EXTENSIONS = {
    ("FO", "TOLL_FREE"),
    ("GL", "TOLL_FREE"),
    ("KI", "FIXED_LINE"),
    ("NC", "TOLL_FREE"),
    ("SB", "TOLL_FREE"),
    ("TK", "FIXED_LINE"),
    ("TK", "MOBILE"),
    ("VU", "TOLL_FREE"),
    ("WS", "TOLL_FREE"),
}
# Colombia has a trunk prefix that nobody dials before a mobile telephone's number.
NEVER_DIALLED = {("CO", "MOBILE")}


def e164(text: str) -> Number:
    return Number(Kind.E164, text)


HIDDEN = Number(Kind.HIDDEN, "")


def trunk_prefix(country: str) -> str | None:
    plan = PhoneMetadata.metadata_for_region(country)
    assert plan is not None
    prefix: str | None = plan.national_prefix
    return prefix


def formatted(number: PhoneNumber, how: int) -> str:
    return phonenumbers.format_number(number, how)


def test_what_others_have_written() -> None:
    wrong = {
        f"line {line}: {written} in {country or 'no country'}": (found, expected)
        for line, (written, country, expected, _source) in enumerate(ROWS, 2)
        if (found := read(written, country)) != expected
    }
    assert wrong == {}


def test_each_of_them_says_where_it_was_written() -> None:
    assert len(ROWS) >= 300
    assert len({row[:2] for row in ROWS}) == len(ROWS)
    assert all(source.startswith("https://") for *_row, source in ROWS)
    numbers = [number.text for _, _, number, _ in ROWS if number.kind is Kind.E164]
    countries = {phonenumbers.region_code_for_number(phonenumbers.parse(it)) for it in numbers}
    assert len(countries) >= 60


def test_a_number_of_any_country_is_read_however_it_is_written() -> None:
    """The library's own examples, whose value it says itself."""
    wrong = set()
    for country, kind, example in EXAMPLES:
        expected = e164(formatted(example, PhoneNumberFormat.E164))
        digits = expected.text[1:]
        abroad = "DE" if country != "DE" else "US"
        forms = [
            (expected.text, abroad),
            (formatted(example, PhoneNumberFormat.INTERNATIONAL), abroad),
            (formatted(example, PhoneNumberFormat.RFC3966), abroad),
            (f"00{digits}", country),
            (f"00{digits}", "US"),
            (f"00{digits}", "RU"),
            (phonenumbers.format_out_of_country_calling_number(example, "US"), "US"),
            (phonenumbers.format_out_of_country_calling_number(example, "JP"), "JP"),
            (phonenumbers.format_out_of_country_calling_number(example, "AU"), "AU"),
            (f"810{digits}", "RU"),
            (f"sip:{digits}@198.51.100.20", "") if len(digits) > 8 else (expected.text, ""),
            (f"%2B{digits}", ""),
        ]
        assert {form for form in forms if read(*form) != expected} == set(), (country, kind)
        trunk = trunk_prefix(country) or ""
        for form in (
            formatted(example, PhoneNumberFormat.NATIONAL),
            trunk + phonenumbers.national_significant_number(example),
        ):
            number = read(form, country)
            if number != expected:
                assert number.kind in (Kind.INTERNAL, Kind.UNUSABLE), form
                wrong.add((country, kind))
    assert wrong == AS_SHORT_AS_EXTENSIONS | NEVER_DIALLED


def test_a_number_without_anything_before_it_is_no_other_countrys() -> None:
    """As many switches write it: its digits alone, with the country's code or without a prefix."""
    taken_for_another = set()
    for country, _kind, example in EXAMPLES:
        expected = e164(formatted(example, PhoneNumberFormat.E164))
        for digits in (expected.text[1:], phonenumbers.national_significant_number(example)):
            number = read(digits, country)
            if number.kind is Kind.E164 and number != expected:
                taken_for_another.add((country, digits))
    # Each is a number as it stands, too.
    assert taken_for_another == {
        ("BG", "43012345"),  # of Vienna
        ("DE", "15123456789"),  # of Texas
        ("NL", "318001234"),  # of Ede
    }


@pytest.mark.parametrize(
    ("written", "country", "expected"),
    [
        # Marks that nobody sees, and digits and dashes of other scripts.
        ("\u202a+1\u00a0315\u2011555\u20110175\u202c", "", e164("+13155550175")),
        ("\u200e+1 315 555\u2009\u20130175\ufeff", "", e164("+13155550175")),
        ("+\u0661\u0663\u0661\u0665 555 \u0660\u0661\u0667\u0665", "", e164("+13155550175")),
        ("\u06f1\u06f3\u06f1\u06f5\u06f5\u06f5\u06f5 0175", "", e164("+13155550175")),
        ("\uff0b\uff11\uff13\uff11\uff15 555 0175", "", e164("+13155550175")),
        ("+1 315\u2212555\u22120175", "", e164("+13155550175")),
        # Extensions, in other words.
        *(
            (f"3155550175 {word}", "US", e164("+13155550175"))
            for word in (
                "ext.101", "extn 101", "EXT: 101", "x 101", "#101", "wew. 101", "вн. 101",
                "доб.101", "Durchwahl 101", "poste 101", "ramal 101", "anexo 101", "int. 101",
                "内线101", "내선 101", ";ext=101", ",,101#", "p101", "w101", "/101",
            )
        ),
        ("+1 555 123 0000 ext. 5", "", e164("+15551230000")),
        # Names.
        ("Anna Schmidt +1 315 555 0175", "", e164("+13155550175")),
        ("3155550175 (Anna Schmidt)", "US", e164("+13155550175")),
        ("A1 Taxi 3155550175", "US", e164("+13155550175")),
        ("9,13155550175", "US", e164("+13155550175")),
        ("+13155550175, +13155550175", "", e164("+13155550175")),
        # A sum.
        ("13155550175.0", "US", e164("+13155550175")),
        # Whose country nobody has said: an area code is none.
        ("(442) 071838750", "", Number(Kind.UNUSABLE, "(442) 071838750")),
        ("8 (495) 123-45-67", "", Number(Kind.UNUSABLE, "8 (495) 123-45-67")),
        ("8 495 123-45-67", "", Number(Kind.UNUSABLE, "8 495 123-45-67")),
        # Nor is a trunk prefix behind a plus, unless it is a country's code.
        ("+8 (495) 123-45-67", "RU", e164("+74951234567")),
        ("+8-495-123-45-67", "RU", e164("+74951234567")),
        ("+7 (8495) 123-45-67", "RU", e164("+74951234567")),
        ("+84951234567", "RU", e164("+84951234567")),
        ("+84 95 123 45 67", "RU", e164("+84951234567")),
        # Nor is a country's code a trunk prefix and the digit behind it: that would be Bangladesh.
        ("+88005553535", "RU", Number(Kind.UNUSABLE, "+88005553535")),
        ("+880 0555 3535", "", Number(Kind.UNUSABLE, "+880 0555 3535")),
        ("0088005553535", "DE", Number(Kind.UNUSABLE, "0088005553535")),
        ("81088005553535", "RU", Number(Kind.UNUSABLE, "81088005553535")),
        ("+880 5553535", "RU", e164("+8805553535")),
        ("+44 (0)10 2345 6789", "DE", e164("+441023456789")),
        ("+52 1 000 123 4567", "", e164("+520001234567")),
        # A trunk prefix in parentheses may be one of no use there.
        ("+48 (0) 22 123 45 67", "", e164("+48221234567")),
        ("+420 (0) 601 123 456", "DE", e164("+420601123456")),
        ("0034 (0)91 123 45 67", "DE", e164("+34911234567")),
        ("+1 (0) 315 555 0175", "", e164("+13155550175")),
        ("+39 (0)6 6988 3712", "", e164("+390669883712")),
        # A number that names its country may be new or invented; none of a country may.
        ("+15551230000", "DE", e164("+15551230000")),
        ("0015551230000", "DE", e164("+15551230000")),
        ("5551230000", "US", Number(Kind.UNUSABLE, "5551230000")),
        ("+123", "US", Number(Kind.UNUSABLE, "+123")),
        ("03155550175998877665", "US", Number(Kind.UNUSABLE, "03155550175998877665")),
        ("+49 30 1234567890123456", "", Number(Kind.UNUSABLE, "+49 30 1234567890123456")),
        # Letters are a number's behind its area code, and else somebody's name.
        ("(310) CALL-NOW", "US", e164("+13102255669")),
        ("1-800-MATTRESS", "US", e164("+18006288737")),
        ("315 Michael", "US", Number(Kind.UNUSABLE, "315 Michael")),
        ("5512 Bob", "IS", Number(Kind.UNUSABLE, "5512 Bob")),
        ("7183875 Bob", "US", Number(Kind.UNUSABLE, "7183875 Bob")),
        ("315-5501 ext. 12", "US", Number(Kind.UNUSABLE, "315-5501 ext. 12")),
        ("1800 FLOWERS", "AU", e164("+611800356937")),
        # A host is no number, and a number with dots no host.
        ("sip:192.168.100.200", "US", HIDDEN),
        ("192.168.100.200", "US", HIDDEN),
        ("sip:22.12.34.56", "NO", HIDDEN),
        ("22.12.34.56", "NO", e164("+4722123456")),
        ("01.23.45.67.89", "FR", e164("+33123456789")),
        # Extensions by themselves.
        ("101", "DE", Number(Kind.INTERNAL, "101")),
        ("x101", "DE", Number(Kind.INTERNAL, "101")),
        ("sip:101@pbx.example", "DE", Number(Kind.INTERNAL, "101")),
        ("Ext. 101", "DE", Number(Kind.INTERNAL, "101")),
        ("extension: 101", "DE", Number(Kind.INTERNAL, "101")),
        ("1-01", "DE", Number(Kind.INTERNAL, "101")),
        # A digit in a name, or behind a star, is none.
        *(
            (name, "DE", Number(Kind.UNUSABLE, name))
            for name in (
                "*98", "101 Anna", "Anna 101", "Anonymous123", "private123", "fax2mail", "T.38",
                "trunk-1", "berlin1", "s-1", "Restricted 101", "x1y2",
            )
        ),
        ("sip:berlin1@pbx.example", "DE", Number(Kind.UNUSABLE, "berlin1")),
        ("c8oqz84zk7z", "US", Number(Kind.UNUSABLE, "c8oqz84zk7z")),
        # Six digits of a country with numbers so short.
        ("201234", "FO", e164("+298201234")),
        ("201234", "DE", Number(Kind.INTERNAL, "201234")),
        # What was dialled before mobile telephones of Mexico is a digit of others' numbers.
        ("0015512345678", "MX", e164("+15512345678")),
        ("00 86 190 2617 2066", "MX", e164("+8619026172066")),
        ("004915764395933", "MX", e164("+4915764395933")),
        ("0052 1 55 1234 5678", "MX", e164("+525512345678")),
        ("044 55 1234 5678", "MX", e164("+525512345678")),
        # Voice mails of Italy, and numbers that Luxembourg has on paper alone, call nobody.
        ("33612345678", "LU", e164("+33612345678")),
        ("4930123456", "LU", e164("+4930123456")),
        ("26123456", "LU", e164("+35226123456")),
        ("33612345678", "IT", e164("+33612345678")),
        ("380501234567", "IT", e164("+380501234567")),
        ("3226123456", "IT", e164("+393226123456")),
        # Mobile telephones of China have no trunk prefix, those of Texas no longer numbers.
        ("13123456789", "CN", e164("+8613123456789")),
        ("13123456789", "DE", e164("+13123456789")),
        ("79161234567", "DE", e164("+79161234567")),
        ("4930123456", "DE", e164("+4930123456")),
        # Nobody's.
        ("+1 000 000 0000", "", HIDDEN),
    ],
)  # fmt: skip
def test_what_else_may_be_written(written: str, country: str, expected: Number) -> None:
    assert read(written, country) == expected


@pytest.mark.parametrize(
    "written",
    [
        "", " ", "---", "<>", "N/A", "n.a.", "null", "None", "undefined", "Unavailable",
        "PRIVATE NUMBER", "Private caller", "Unknown Caller", "Caller ID blocked", "withheld",
        "No Caller ID", "Out of area", "Blocked", "Hidden number", "Anonymous Caller",
        "Anonym", "Unbekannter Anrufer", "Rufnummer unterdrückt", "onbekend", "afgeschermd nummer",
        "okänt nummer", "skjult nummer", "salainen numero", "Numéro masqué", "Appel inconnu",
        "número oculto", "Número privado", "Anónimo", "numero sconosciuto", "Anonimo",
        "não identificado", "número desconhecido", "număr necunoscut", "numer zastrzeżony",
        "neznámé číslo", "ismeretlen szám", "gizli numara", "Bilinmeyen",
        "Неизвестный номер", "номер скрыт", "Скрытый", "Номер не определён", "невідомий",
        "прихований номер", "άγνωστος", "חסוי", "مجهول", "未知号码", "匿名", "非通知",
        "公衆電話", "발신번호표시제한", "asterisk", "sip:FreeSWITCH@198.51.100.20",
        "sip:unknown@unknown.invalid", "00", "0000000", "+00000000",
    ],
)  # fmt: skip
def test_who_hides(written: str) -> None:
    assert read(written, "US") == HIDDEN


def test_a_word_on_the_keypad_hides_wherever_it_is_no_number() -> None:
    """Only a country without a trunk prefix has numbers that look so."""
    real: dict[str, set[str]] = {}
    for code in ("266696687", "7378742833", "2562533", "8656696", "86282452253", "7748283"):
        assert hidden_callers.is_code(code)
        assert read(f"+{code}", "PT") == HIDDEN
        for country in phonenumbers.SUPPORTED_REGIONS:
            if read(code, country) != HIDDEN:
                assert trunk_prefix(country) is None
                assert dialled.is_full(code, country)
                real.setdefault(code, set()).add(country)
    # 266 is an area code of Portugal, and 737 one of Mexico.
    assert real["266696687"] >= {"PT"}
    assert real["7748283"] >= {"IS"}
    assert real["7378742833"] == {"MX"}
    assert "86282452253" not in real


def test_what_nobody_knows_is_somebodys_name_and_not_hidden() -> None:
    for name in ("anna", "sip:anna@salon.example", "Number", "Анна", "caller-anna"):
        number = read(name, "US")
        assert number.kind is (Kind.HIDDEN if name == "Number" else Kind.UNUSABLE), name


def test_of_a_number_the_last_two_digits_may_be_shown() -> None:
    assert masked("+13155550175") == "…75"
    assert masked("") == "hidden"


fragments = st.lists(
    st.sampled_from(
        ["+", "00", "011", "*67", "#31#", "sip:", "tel:", "@h", "@x.invalid", "<", ">", ";", "x",
         "ext", "%2B", "%25", "%", "315", "5550175", "1", "0", "8", "(", ")", "-", "/", " ", "~",
         "доб", "FLOWERS", "800", "anonymous", "266696687", "\u202a", "\u0661", "SIP/", "xx",
         "-0000000a", "7", "495", "1234567", "52", ";phone-context=+1", ".0", "Anna", ",", "²"]
    ),
    max_size=12,
).map("".join)  # fmt: skip
SHAPES = {
    Kind.E164: re.compile(r"\+[1-9][0-9]{6,14}"),
    Kind.HIDDEN: re.compile(""),
    Kind.INTERNAL: re.compile("[0-9]{1,6}"),
    Kind.UNUSABLE: re.compile(".{1,64}"),
}


@given(
    st.one_of(st.text(max_size=600), fragments),
    st.sampled_from(["", "US", "DE", "RU", "PT", "MX", "FO", "AR", "BR", "JP", "IT", "XX", "us"]),
)
def test_anything_is_one_of_four(written: str, country: str) -> None:
    number = read(written, country)
    assert SHAPES[number.kind].fullmatch(number.text)
    # What was read is written so.
    assert read(number.text, country) == number


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_a_number_with_its_country_needs_no_other(digits: str) -> None:
    assert read(f"+{digits}", "DE") == read(f"+{digits}", "US")
