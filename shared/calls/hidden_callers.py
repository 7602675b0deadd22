"""How switches and carriers write that a caller has no number to show, in place of one."""

import re
import unicodedata

# https://www.rfc-editor.org/rfc/rfc3323#section-4.1.1.3 and
# https://www.rfc-editor.org/rfc/rfc3325#section-7: whatever stands before it.
_HOST = ".invalid"

# The letters of a word on a keypad, which carriers send as a number, Twilio with a plus:
# https://support.twilio.com/hc/en-us/articles/223179988
_SPELLED = ("ANONYMOUS", "RESTRICTED", "BLOCKED", "UNKNOWN", "UNAVAILABLE", "PRIVATE")
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
_CODES = frozenset(word.translate(_KEYPAD) for word in _SPELLED)
# Ten digits are a number there, and are sent as one: 737 is an area code of Texas.
_OF_NORTH_AMERICA = frozenset(f"1{code}" for code in _CODES if len(code) == len("RESTRICTED"))


def _plain(text: str) -> frozenset[str]:
    """The words of a text, in small letters and without accents."""
    apart = unicodedata.normalize("NFD", text.casefold())
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    return frozenset(re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", bare)))


# As one reads them on displays and in logs; without accents. A name of two of them is one, too.
_WORDS = _plain(
    # https://www.rfc-editor.org/rfc/rfc3323, https://www.twilio.com/docs/voice/twiml
    "anonymous unknown restricted private withheld unavailable blocked hidden unidentified "
    "suppressed undisclosed unlisted coinline payphone "
    # Nothing, as programs write it; FreeSWITCH and Asterisk call themselves so:
    # https://github.com/signalwire/freeswitch/blob/master/src/include/switch_types.h and
    # https://github.com/asterisk/asterisk/blob/master/configs/samples/pjsip.conf.sample
    "none null nil undefined empty na nan asterisk freeswitch unassigned "
    # German, Dutch, the North
    "anonym anonymer unbekannt unbekannter unterdruckt unterdruckte privat anoniem onbekend "
    "afgeschermd geheim verborgen okant dolt hemligt skyddat ukjent skjult hemmelig ukendt "
    "tuntematon salainen "
    # French, Spanish, Italian, Portuguese, Romanian
    "anonyme inconnu masque cache prive secret anonimo desconocido oculto privado restringido "
    "retenido sconosciuto nascosto privato riservato desconhecido restrito confidencial "
    "necunoscut ascuns "
    # Polish, Czech, Hungarian, Turkish
    "nieznany zastrzezony ukryty prywatny anonimowy neznamy neznama nezname skryte soukrome "
    "ismeretlen rejtett titkos bilinmeyen gizli ozel anonim "
    # Russian, Ukrainian, Kazakh
    "аноним анонимно анонимный неизвестный неизвестен неизвестно скрыт скрытый скрыто "
    "засекречен определен определён неопределен неопределён недоступен невідомий прихований "
    "анонімний белгісіз жасырын "
    # Greek, Hebrew, Arabic, Chinese, Japanese, Korean
    "αγνωστος αποκρυψη חסוי חסום מוסתר مجهول محجوب 未知 未知号码 匿名 隐藏号码 私人号码 非通知 "
    "非通知設定 通知不可能 公衆電話 表示圏外 発信者不明 발신번호표시제한 발신자표시제한 알수없음"
)
# Stand beside such a word, and name nobody by themselves.
_FILLERS = _plain(
    "caller call callerid id number no not the of out area n a name user "
    "nummer numar rufnummer anrufer teilnehmer appel appelant numero non identifie identificado "
    "nao llamada chamada chiamata chiamante numer cislo numara hivo szam номер абонент не "
    "вызов звонок абонента номера"
)


def is_host(host: str) -> bool:
    """Whether the host of a SIP address says that its caller hides."""
    return host.casefold().rstrip(".").endswith(_HOST)


def is_word(text: str) -> bool:
    """Whether a text without a digit says that there is no number; nothing at all says so."""
    words = _plain(text)
    if words <= _FILLERS:
        return True
    return bool(words & _WORDS) and words <= _WORDS | _FILLERS


def is_code(digits: str) -> bool:
    """Whether digits are a word on a keypad, with or without the code of North America."""
    return digits in _CODES or digits in _OF_NORTH_AMERICA


def is_filler(digits: str) -> bool:
    """Whether digits are zeros, FreeSWITCH's own number of a caller who has none."""
    return re.fullmatch("0{2,}", digits) is not None
