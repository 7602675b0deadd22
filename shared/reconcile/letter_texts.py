"""What the letter of missed callers says, in the languages of the connect page.

Plain text, and no sentence has a number that it would have to agree with.
"""

# ruff: noqa: RUF001  # Cyrillic letters

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """In one language.

    Attributes:
        subject: With how many callers, and where.
        location: What a location is called that its owner has not named.
        lead: Above the callers, with when they may have begun to call.
        more: Below them, if there are too many for a letter.
        page: Where it stands who was called back since.
        stop: Before the address at which no more letters are asked for.
    """

    subject: str
    location: str
    lead: str
    more: str
    page: str
    stop: str


ENGLISH = Texts(
    subject="Missed callers not called back: {number} – {location}",
    location="Location {id}",
    lead="Missed since {since} ({zone}) and not called back:",
    more="Further callers: {number}",
    page="Open the app in Altegio to see who has been called back since.",
    stop="To stop these emails, open this address and press the button:",
)
SPANISH = Texts(
    subject="Llamadas perdidas por devolver: {number} – {location}",
    location="Sucursal {id}",
    lead="Sin respuesta desde {since} ({zone}) y sin devolver:",
    more="Otras personas que llamaron: {number}",
    page="Abra la aplicación en Altegio para ver a quién se ha llamado desde entonces.",
    stop="Para no recibir más estos correos, abra esta dirección y pulse el botón:",
)
GERMAN = Texts(
    subject="Verpasste Anrufer, nicht zurückgerufen: {number} – {location}",
    location="Filiale {id}",
    lead="Seit {since} ({zone}) verpasst und nicht zurückgerufen:",
    more="Weitere Anrufer: {number}",
    page="Öffnen Sie die App in Altegio, um zu sehen, wer seither zurückgerufen wurde.",
    stop="Um keine dieser E-Mails mehr zu bekommen, öffnen Sie diese Adresse und klicken Sie:",
)
RUSSIAN = Texts(
    subject="Пропущенные, кому не перезвонили: {number} – {location}",
    location="Филиал {id}",
    lead="Не дозвонились с {since} ({zone}), и им не перезвонили:",
    more="И ещё звонивших: {number}",
    page="Откройте приложение в Altegio, чтобы увидеть, кому перезвонили с тех пор.",
    stop="Чтобы больше не получать эти письма, откройте этот адрес и нажмите кнопку:",
)
TEXTS: Mapping[str, Texts] = {"en": ENGLISH, "es": SPANISH, "de": GERMAN, "ru": RUSSIAN}
