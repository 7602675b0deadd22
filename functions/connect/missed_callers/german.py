"""Callers who were missed, in German."""

from functions.connect.words import Heading, MissedCallers
from shared.calls.missed_calls import Closed

GERMAN = MissedCallers(
    page=Heading(
        "Verpasste Anrufe",
        (
            "Wer angerufen hat, ohne dass jemand abnahm. Jeder Anrufer steht hier nur "
            "einmal, auch wenn er mehrmals angerufen hat."
        ),
    ),
    summary={
        "one": "Ein Rückruf steht noch aus.",
        "other": "{number} Rückrufe stehen noch aus.",
    },
    show="Anrufe anzeigen",
    back="Zurück zu den Einstellungen",
    open={
        "one": "Ein Rückruf steht aus",
        "other": "{number} Rückrufe stehen aus",
    },
    nobody="Niemand wartet auf einen Rückruf.",
    times={"one": "Ein verpasster Anruf:", "other": "{number} verpasste Anrufe, zuletzt:"},
    first="Zuerst:",
    line="Leitung {line}",
    done=(
        (
            "Wer zurückgerufen wird, verschwindet von selbst aus dieser Liste. Ist kein "
            "Rückruf nötig, geben Sie Ihren Namen ein und klicken Sie neben der Nummer auf "
            "„Erledigt“."
        ),
        "Erledigt",
    ),
    name="Ihr Name",
    closed={
        Closed.DONE: "Gespeichert: Hier ist kein Rückruf mehr nötig.",
        Closed.NO_NAME: "Bitte geben Sie Ihren Namen an (höchstens 60 Zeichen).",
        Closed.NOBODY: "Diese Nummer steht nicht mehr in der Liste.",
        Closed.BUSY: (
            "Der Anruf wurde genau in diesem Moment geändert. Bitte klicken Sie noch einmal."
        ),
    },
    ended="Zurückgerufen oder erledigt",
    by={
        "our call": "Zurückgerufen",
        "his call": "Hat noch einmal angerufen und jemanden erreicht",
        "press": "Als erledigt markiert von {name}:",
    },
    extension="Nebenstelle {extension}",
    hidden={
        "one": "Ein weiterer verpasster Anruf kam ohne Nummer.",
        "other": "{number} weitere verpasste Anrufe kamen ohne Nummer.",
    },
    numbers=(
        "Wie schnell zurückgerufen wird",
        (
            "Von allen, die vor mindestens einer Stunde (oder einem Tag) zum ersten Mal "
            "niemanden erreichten: wie viele in dieser Zeit zurückgerufen wurden oder bei "
            "einem weiteren Anruf jemanden erreichten. Die Zeit läuft ab dem ersten "
            "verpassten Anruf."
        ),
    ),
    hour="{called_back} von {missed} innerhalb einer Stunde",
    day="{called_back} von {missed} innerhalb eines Tages",
    pressed={
        "one": (
            "Einer wurde innerhalb eines Tages ohne Anruf als erledigt markiert; das zählt nicht."
        ),
        "other": (
            "{number} wurden innerhalb eines Tages ohne Anruf als erledigt markiert; das "
            "zählt nicht."
        ),
    },
    lines=("Nach der zuerst angerufenen Leitung", "Keine Leitung gemeldet"),
    extensions=(
        "Wer zurückgerufen hat",
        "Keine Nebenstelle gemeldet",
        "{hour} innerhalb einer Stunde, {day} innerhalb eines Tages",
    ),
    plot=(
        "Wann Anrufe verpasst werden",
        (
            "Jedes Feld ist eine Stunde der Woche (Zeitzone: {zone}). Je mehr Anrufer "
            "niemanden erreichten, desto kräftiger ist es; der untere Teil zeigt die, die "
            "innerhalb einer Stunde zurückgerufen wurden."
        ),
    ),
    days=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    cell="{day} {hour} Uhr: {called_back} von {missed} innerhalb einer Stunde zurückgerufen",
    csv=(
        "Als Tabelle herunterladen (CSV)",
        "Nummer",
        "Verpasste Anrufe",
        "Erster verpasster Anruf",
        "Letzter verpasster Anruf",
        "Leitungen",
        "Ergebnis",
        "Ergebnis am",
        "Wer",
    ),
    kept={
        "one": "Das sind die Anrufe des letzten Tages; ältere werden gelöscht.",
        "other": "Das sind die Anrufe der letzten {number} Tage; ältere werden gelöscht.",
    },
    cut="Es sind so viele Anrufe, dass die Liste nur zurückreicht bis zum:",
    letter=(
        "Jeden Morgen eine E-Mail",
        (
            "Um {hour}:00 Uhr (Zeitzone: {zone}) an die E-Mail-Adresse Ihres Kontos: wer "
            "seit dem vorigen Morgen niemanden erreicht hat und noch auf einen Rückruf "
            "wartet. Wartet niemand, kommt keine E-Mail."
        ),
        "E-Mail bestellen",
        "E-Mail abbestellen",
    ),
    stop=Heading(
        "E-Mail abbestellen?",
        (
            "Klicken Sie auf die Schaltfläche, dann schicken wir keine E-Mails über "
            "verpasste Anrufe dieser Filiale mehr."
        ),
    ),
    stopped=Heading(
        "E-Mail abbestellt",
        (
            "Wir schicken sie nicht mehr. Auf der Seite der verpassten Anrufe können Sie sie "
            "wieder bestellen."
        ),
    ),
)
