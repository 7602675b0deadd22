"""The first minutes in German: from the key to the first ring."""

from functions.connect.recipes import How
from functions.connect.words import FirstMinutes, Heading
from shared.calls.shown import PopUp
from shared.connect.first_ring import Came

GERMAN = FirstMinutes(
    copy=("Kopieren", "Kopiert"),
    stays=(
        "Sie können diese Seite offen lassen, bis Ihre Telefonanlage den Schlüssel hat: Was Sie "
        "unten anklicken, öffnet sich in einem eigenen Tab."
    ),
    needs_key="Jetzt braucht Ihre Telefonanlage noch den Schlüssel.",
    recipes=(
        "Telefonanlage einrichten",
        (
            "Wählen Sie Ihre Anlage aus und kopieren Sie jeden Text an die richtige Stelle. "
            "Ihre Angaben sind schon eingesetzt."
        ),
        (
            "Wählen Sie Ihre Anlage aus und kopieren Sie jeden Text an die richtige Stelle. "
            "Ersetzen Sie KEY durch den Schlüssel."
        ),
    ),
    any_other="Eine andere Telefonanlage",
    own_number="Ihre Nummer, wie Kunden sie wählen, mit Landesvorwahl",
    how={
        How.INTO: "Fügen Sie das in {place} ein:",
        How.ENTER: "Tragen Sie das unter {place} ein:",
        How.BEFORE_DIAL: (
            "Fügen Sie eine Zeile dort ein, wo Anrufe hereinkommen, und eine, wo sie "
            "hinausgehen, beide vor Dial() oder Queue():"
        ),
        How.OPTION: "Geben Sie jedem Dial() diese Option:",
        How.OUTGOING: (
            "Für ausgehende Anrufe fügen Sie auch das in {place} ein (ab FreePBX 17 mit "
            "Return() als letzter Zeile):"
        ),
        How.MODULES: "Laden Sie unter {place} diese beiden Module:",
        How.RUN: "Führen Sie danach diesen Befehl aus:",
        How.PRESS: "Klicken Sie danach auf: {place}.",
        How.OPEN: (
            "Öffnen Sie diese Adresse in einem Browser, um eine Datei herunterzuladen "
            "(Benutzername: pbx, Passwort: der Schlüssel):"
        ),
        How.ADD: "Fügen Sie diese Datei unter {place} hinzu.",
        How.SWITCH_ON: "Schalten Sie {place} ein und speichern Sie.",
        How.OWN_CRM: (
            "Wählen Sie im Kundenkonto Ihres Anbieters unter „Integrationen“ ein eigenes CRM (REST "
            "API) und tragen Sie diese Adresse und diesen Schlüssel ein:"
        ),
        How.POST: (
            "Ein eigenes Programm schickt diese beiden JSON-Objekte per POST an diese Adresse, mit "
            "dem Schlüssel als Bearer-Token: eines, wenn es klingelt, und eines, wenn das Gespräch "
            "vorbei ist."
        ),
    },
    wait=(
        (
            "Um zu sehen, ob alles klappt, öffnen Sie die Seite, die auf den ersten Anruf "
            "wartet, und rufen Sie Ihre Nummer mit dem Handy an."
        ),
        "Auf den ersten Anruf warten",
    ),
    ring={
        PopUp.SENT: Heading(
            "Es hat geklingelt",
            "Ihr Team hat gesehen, wer anruft. Ihre Telefonanlage ist eingerichtet.",
        ),
        PopUp.HIDDEN: Heading(
            "Es hat geklingelt, mit unterdrückter Nummer",
            (
                "Der Schlüssel stimmt, aber wer anruft, lässt sich so nicht anzeigen. Rufen Sie "
                "noch einmal von einem Telefon an, das seine Nummer übermittelt."
            ),
        ),
        PopUp.UNUSABLE: Heading(
            "Es hat geklingelt, mit unvollständiger Nummer",
            (
                "Der Schlüssel stimmt, aber unter dieser Nummer könnte niemand zurückrufen; "
                "vielleicht ist es eine Nebenstelle. Rufen Sie noch einmal mit dem Handy an."
            ),
        ),
        PopUp.UNKNOWN_LINE: Heading(
            "Es hat geklingelt, aber wir wissen nicht, wo",
            (
                "Ihre Telefonanlage hat eine Leitung gemeldet, die niemand eingetragen hat, oder "
                "gar keine. Tragen Sie in den Einstellungen unter „Ihre Leitungen“ ein, zu "
                "welcher Filiale sie gehört."
            ),
        ),
        PopUp.LATE: Heading(
            "Es hat geklingelt, aber wir haben es zu spät erfahren",
            (
                "Deshalb hat niemand gesehen, wer anruft. Ist die Verspätung immer etwa gleich, "
                "geht die Uhr Ihrer Telefonanlage falsch: Lassen Sie sie übers Netz stellen (NTP). "
                "Sonst ist ihre Verbindung zu langsam."
            ),
        ),
        PopUp.CROWDED: Heading(
            "Es hat geklingelt, aber es kamen zu viele Anrufe auf einmal",
            "Diesen hat Ihr Team nicht gesehen. Rufen Sie noch einmal an.",
        ),
        PopUp.CLOSED: Heading(
            "Es hat geklingelt, aber die Telefonie ist pausiert oder aus",
            (
                "Deshalb hat niemand gesehen, wer anruft. Öffnen Sie die App in Altegio: Auf "
                "ihrer Seite steht, warum die Telefonie nicht läuft."
            ),
        ),
        PopUp.FAILED: Heading(
            "Es hat geklingelt, aber Altegio hat den Anruf nicht angenommen",
            (
                "Wir konnten ihn nicht weitergeben. Rufen Sie noch einmal an; hilft das nicht, "
                "schreiben Sie uns."
            ),
        ),
        Came.NOTHING: Heading(
            "Noch ist nichts gekommen",
            (
                "Rufen Sie jetzt Ihre Nummer mit dem Handy an. Kommt nichts, erreicht Ihre "
                "Telefonanlage unsere Adresse nicht, oder sie sendet einen Schlüssel, der nicht "
                "von uns ist."
            ),
        ),
        Came.NO_KEY: Heading(
            "Ihre Telefonanlage hat noch keinen Schlüssel",
            (
                "Erstellen Sie in den Einstellungen einen und tragen Sie ihn in der "
                "Telefonanlage ein."
            ),
        ),
        Came.WRONG_KEY: Heading(
            "Ein Anruf kam mit falschem Schlüssel",
            (
                "Wir haben ihn abgewiesen: Ihre Telefonanlage hat nicht den neuesten Schlüssel. "
                "Tragen Sie dort den richtigen ein oder erstellen Sie in den Einstellungen einen "
                "neuen."
            ),
        ),
        Came.WRONG_LOCATION: Heading(
            "Ein Anruf nannte eine Filiale, die nicht Ihnen gehört",
            (
                "Wir haben den Anruf abgewiesen. Entfernen Sie die Filiale aus der Konfiguration "
                "oder berichtigen Sie sie; die Leitung genügt, um die Filiale zu erkennen."
            ),
        ),
        Came.ONLY_ENDED: Heading(
            "Wir haben von einem Anruf erst nach seinem Ende erfahren",
            (
                "In der Anrufliste von Altegio wird er stehen, aber niemand hat gesehen, wer "
                "anruft: Ihre Telefonanlage meldet nicht, dass es klingelt. Prüfen Sie den Teil "
                "der Konfiguration für eingehende Anrufe."
            ),
        ),
    },
    facts={
        "at": "Zeit",
        "location": "Filiale",
        "line": "Leitung",
        "extension": "Nebenstelle",
        "caller": "Anrufer",
        "late": "Verspätet um",
    },
    seconds="{number}\u00a0s",
    minutes="{number}\u00a0min",
    looks="Diese Seite aktualisiert sich alle paar Sekunden von selbst.",
    too_often=Heading(
        "Bitte kommen Sie später wieder",
        (
            "Diese Seite wurde in der letzten Stunde zu oft aktualisiert. Anrufe werden trotzdem "
            "gemeldet."
        ),
    ),
)
