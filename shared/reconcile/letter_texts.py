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
        moment: How a date with its time is written, as strftime has it.
        lead: Above the callers, with when they may have begun to call.
        more: Below them, if there are too many for a letter.
        page: Where it stands who was called back since.
        stop: Before the address at which no more letters are asked for.
    """

    subject: str
    location: str
    moment: str
    lead: str
    more: str
    page: str
    stop: str


ENGLISH = Texts(
    subject="Missed callers to call back: {number} – {location}",
    location="Location {id}",
    moment="%b %-d, %Y, %-I:%M %p",
    lead="Missed since {since} ({zone}) and not called back yet:",
    more="More callers: {number}",
    page="Open the app in Altegio to see who has been called back since.",
    stop="To stop these emails, open this address and press the button:",
)
SPANISH = Texts(
    subject="Llamadas perdidas por devolver: {number} – {location}",
    location="Sucursal {id}",
    moment="%d/%m/%Y, %H:%M",
    lead="Llamaron sin respuesta desde el {since} ({zone}) y aún esperan:",
    more="Otras personas que esperan: {number}",
    page="Abra la aplicación en Altegio para ver a quién se ha llamado desde entonces.",
    stop="Para dejar de recibir estos correos, abra esta dirección y pulse el botón:",
)
GERMAN = Texts(
    subject="Ausstehende Rückrufe: {number} – {location}",
    location="Filiale {id}",
    moment="%d.%m.%Y, %H:%M",
    lead="Seit {since} ({zone}) verpasst und noch nicht zurückgerufen:",
    more="Weitere Anrufer: {number}",
    page="Öffnen Sie die App in Altegio, um zu sehen, wer seither zurückgerufen wurde.",
    stop="Um diese E-Mails abzubestellen, öffnen Sie diese Adresse und klicken Sie dort:",
)
RUSSIAN = Texts(
    subject="Клиенты, которым не перезвонили: {number} – {location}",
    location="Филиал {id}",
    moment="%d.%m.%Y, %H:%M",
    lead="Не дозвонились с {since} ({zone}), и им ещё не перезвонили:",
    more="Ещё клиентов: {number}",
    page="Откройте приложение в Altegio, чтобы увидеть, кому перезвонили с тех пор.",
    stop="Чтобы больше не получать эти письма, откройте этот адрес и нажмите кнопку:",
)
TEXTS: Mapping[str, Texts] = {"en": ENGLISH, "es": SPANISH, "de": GERMAN, "ru": RUSSIAN}
