"""Callers who were missed, in German."""

from functions.connect.words import Heading, MissedCallers
from shared.calls.missed_calls import Closed

GERMAN = MissedCallers(
    page=Heading(
        "Verpasste Anrufer",
        (
            "Wer angerufen hat, ohne dass jemand abnahm. Wie oft jemand auch anrief, er steht hier "
            "nur einmal."
        ),
    ),
    summary={
        "one": "Ein verpasster Anrufer wurde noch nicht zurückgerufen.",
        "other": "{number} verpasste Anrufer wurden noch nicht zurückgerufen.",
    },
    show="Verpasste Anrufer zeigen",
    back="Zurück zu den Einstellungen",
    open={
        "one": "Einer wurde nicht zurückgerufen",
        "other": "{number} wurden nicht zurückgerufen",
    },
    nobody="Niemand wartet auf einen Rückruf.",
    times={"one": "Einmal verpasst:", "other": "{number}-mal verpasst, zuletzt:"},
    first="Zum ersten Mal:",
    line="Leitung {line}",
    done=(
        (
            "Wer zurückgerufen wird, verschwindet von selbst aus dieser Liste. Ist bei jemandem "
            "auch ohne Anruf nichts mehr zu tun, geben Sie Ihren Namen ein und klicken Sie "
            "neben der Nummer."
        ),
        "Erledigt",
    ),
    name="Ihr Name",
    closed={
        Closed.DONE: "Gespeichert: Dieser Anrufer ist erledigt.",
        Closed.NO_NAME: "Bitte geben Sie Ihren Namen an, höchstens 60 Zeichen.",
        Closed.NOBODY: "Von dieser Nummer gibt es keinen verpassten Anruf mehr.",
        Closed.BUSY: (
            "Der Anruf wurde genau in diesem Moment geändert. Bitte klicken Sie noch einmal."
        ),
    },
    ended="Zurückgerufen oder erledigt",
    by={
        "our call": "Zurückgerufen",
        "his call": "Rief noch einmal an und wurde angenommen",
        "press": "Erledigt, sagt {name}:",
    },
    extension="Nebenstelle {extension}",
    hidden={
        "one": "Ein weiterer verpasster Anruf kam ohne Nummer, die man zurückrufen könnte.",
        "other": (
            "{number} weitere verpasste Anrufe kamen ohne Nummer, die man zurückrufen könnte."
        ),
    },
    numbers=(
        "Wie schnell zurückgerufen wird",
        (
            "Gezählt wird jeder, der vor mindestens einer Stunde oder vor einem Tag zum ersten Mal "
            "verpasst wurde: wie viele davon in dieser Zeit zurückgerufen wurden, oder noch einmal "
            "anriefen und angenommen wurden. Die Zeit läuft vom ersten verpassten Anruf an."
        ),
    ),
    hour="{called_back} von {missed} binnen einer Stunde",
    day="{called_back} von {missed} binnen eines Tages",
    pressed={
        "one": "Einer war binnen eines Tages ohne Anruf erledigt, was nicht zählt.",
        "other": "{number} waren binnen eines Tages ohne Anruf erledigt, was nicht zählt.",
    },
    lines=("Nach der Leitung, auf der sie zuerst anriefen", "Keine Leitung genannt"),
    extensions=(
        "Wer zurückgerufen hat",
        "Kein Telefon genannt",
        "{hour} binnen einer Stunde, {day} binnen eines Tages",
    ),
    plot=(
        "Wann Anrufer verpasst werden",
        (
            "Jedes Feld ist eine Stunde der Woche, in der Zeit von {zone}. Je mehr verpasst "
            "wurden, desto kräftiger ist es; der untere Teil sind die, die binnen einer Stunde "
            "zurückgerufen wurden."
        ),
    ),
    days=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    cell="{day} {hour} Uhr: {called_back} von {missed} binnen einer Stunde zurückgerufen",
    csv=(
        "Als Tabelle herunterladen (CSV)",
        "Nummer",
        "Wie oft verpasst",
        "Zuerst verpasst",
        "Zuletzt verpasst",
        "Leitungen",
        "Beendet durch",
        "Beendet am",
        "Wer",
    ),
    kept={
        "one": "Das sind die Anrufe des letzten Tages; ältere werden gelöscht.",
        "other": "Das sind die Anrufe der letzten {number} Tage; ältere werden gelöscht.",
    },
    cut="Es sind so viele Anrufe, dass diese erst beginnen am:",
    letter=(
        "Jeden Morgen eine E-Mail",
        (
            "Um {hour}:00 nach der Uhr von {zone}, an die Adresse Ihres Kontos: wer seit dem "
            "Morgen davor verpasst und nicht zurückgerufen wurde. War es niemand, kommt keine."
        ),
        "E-Mail schicken",
        "Keine E-Mails mehr schicken",
    ),
    stop=Heading(
        "Keine E-Mails mehr?",
        "Klicken Sie, und die E-Mail über verpasste Anrufer dieser Filiale kommt nicht mehr.",
    ),
    stopped=Heading(
        "Keine E-Mails mehr",
        (
            "Die E-Mail wird nicht mehr geschickt. Auf der Seite der verpassten Anrufer können Sie "
            "sie wieder anfordern."
        ),
    ),
)
