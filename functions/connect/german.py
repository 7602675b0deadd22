"""The connect page in German."""

from functions.connect.first_minutes.german import GERMAN as FIRST_MINUTES
from functions.connect.missed_callers.german import GERMAN as MISSED_CALLERS
from functions.connect.words import Heading, Words
from shared.calls.call import CallState
from shared.calls.line_entry import Entered
from shared.chains.switching import TelephonyStanding
from shared.connect.pbx_notes import PbxNote
from shared.connect.view import Proof, Standing
from shared.payments.entry import EntryState

GERMAN = Words(
    language="de",
    standings={
        Standing.READY: ("Bereit", "Der Zugriff ist freigegeben."),
        Standing.CONNECTED: ("Verbunden", "Altegio hat die Verbindung bestätigt."),
        Standing.FROZEN: (
            "Pausiert",
            "Altegio hat die App in dieser Filiale pausiert, weil sie nicht bezahlt ist.",
        ),
        Standing.IN_PROGRESS: (
            "In Arbeit",
            (
                "Wir arbeiten noch daran; Sie müssen nichts tun. Klicken Sie auf die "
                "Schaltfläche, um den aktuellen Stand zu sehen."
            ),
        ),
        Standing.FAILED: (
            "Noch nicht",
            (
                "Altegio hat die Verbindung nicht bestätigt. Wir versuchen es automatisch noch "
                "einmal; Sie können es auch selbst noch einmal versuchen."
            ),
        ),
        Standing.EXPIRED: (
            "Abgelaufen",
            (
                "Seit der Freigabe ist zu viel Zeit vergangen. Öffnen Sie in Altegio die Seite "
                "der App, klicken Sie auf „Trennen“ und dann wieder auf „Verbinden“."
            ),
        ),
        Standing.NOT_GRANTED: (
            "Kein Zugriff",
            (
                "Der Zugriff ist nicht freigegeben. Öffnen Sie in Altegio die Seite der App und "
                "klicken Sie auf „Verbinden“."
            ),
        ),
        Standing.TAKEN: (
            "Anderes Konto",
            (
                "Diese Filiale ist mit einem anderen Konto bei uns verbunden. Trennen Sie sie in "
                "Altegio und verbinden Sie sie neu, oder schreiben Sie uns."
            ),
        ),
        Standing.INSTALLED: (
            "Nicht hier verbunden",
            (
                "Die App ist in Altegio installiert, wurde aber nicht über diese Seite "
                "verbunden. Klicken Sie in Altegio auf „Trennen“ und dann wieder auf "
                "„Verbinden“, oder schreiben Sie uns."
            ),
        ),
        Standing.NOT_ASKED: (
            "Noch nicht geprüft",
            (
                "Altegio hat uns zu dieser Filiale noch nichts mitgeteilt. Klicken Sie auf die "
                "Schaltfläche."
            ),
        ),
    },
    telephony={
        TelephonyStanding.ON: (
            "Die Telefonie ist eingeschaltet: Ihr Team sieht, wer anruft, und Anrufe werden in "
            "Altegio gespeichert."
        ),
        TelephonyStanding.STARTING: (
            "Die Telefonie wird eingeschaltet, das kann einige Minuten dauern."
        ),
        TelephonyStanding.LATE: (
            "Die Telefonie ist noch nicht eingeschaltet: Altegio hat unsere Anfrage mehrmals "
            "nicht angenommen. Wir versuchen es weiter und bewahren Ihre Anrufe einige Tage "
            "auf. Bleibt es dabei, schreiben Sie uns."
        ),
        TelephonyStanding.STOPPED: (
            "Die Telefonie ist angehalten: Ein gespeicherter Anruf stand nicht in der Anrufliste "
            "dieser Filiale. Prüfen Sie in Altegio unter „Telefonie“ die Zuordnung und schreiben "
            "Sie uns; oder klicken Sie dort auf „Trennen“ und dann wieder auf „Verbinden“."
        ),
        TelephonyStanding.PAUSED: (
            "Die Telefonie pausiert: Ihr Team sieht nicht, wer anruft. Wir bewahren Anrufe "
            "einige Tage auf und speichern sie in Altegio, sobald die Zahlung dort "
            "eingegangen ist; danach läuft alles von selbst weiter."
        ),
        TelephonyStanding.NONE: (
            "Ohne Telefonie verbunden, weil Altegio kein CRM-Token übermittelt hat. Legen Sie in "
            "Altegio unter „Telefonie\u00a0> Integration“ eines an; klicken Sie dann auf „Trennen“ "
            "und wieder auf „Verbinden“."
        ),
        TelephonyStanding.OTHER_TOKEN: (
            "Dieser Link enthält ein anderes CRM-Token als das verwendete; geändert wurde "
            "nichts. Haben Sie in Altegio ein neues angelegt, klicken Sie dort auf „Trennen“ und "
            "dann wieder auf „Verbinden“."
        ),
        TelephonyStanding.NEW_TOKEN: (
            "Die Telefonie ist eingeschaltet, mit einem anderen CRM-Token als bisher in dieser "
            "Kette. Haben Sie in Altegio kein neues angelegt, klicken Sie dort auf „Trennen“ und "
            "schreiben Sie uns."
        ),
    },
    covered="Die Testphase oder der bezahlte Zeitraum endet am",
    location="Filiale {id}",
    connect="Verbinden",
    try_again="Noch einmal versuchen",
    labels={
        "name": "Ihr Name",
        "email": "E-Mail-Adresse",
        "phone": "Telefon (optional)",
        "country": "Land Ihrer Rufnummern",
    },
    errors={
        "name": "Bitte geben Sie Ihren Namen an.",
        "email": "Bitte geben Sie Ihre E-Mail-Adresse an.",
        "phone": (
            "Diese Nummer erkennen wir nicht. Prüfen Sie das Land darunter oder lassen Sie "
            "das Feld leer."
        ),
        "country": "Bitte wählen Sie das Land Ihrer Rufnummern.",
    },
    country=(
        (
            "Nummern, die Ihre Telefonanlage ohne Landesvorwahl übermittelt, gelten als Nummern "
            "dieses Landes."
        ),
        "Land speichern",
        "Gespeichert: Nummern ohne Landesvorwahl gelten ab jetzt als Nummern dieses Landes.",
    ),
    terms=("Mit dem Verbinden akzeptieren Sie unsere", "Nutzungsbedingungen"),
    contact="Schreiben Sie uns",
    help="Hilfe",
    key=(
        "Schlüssel Ihrer Telefonanlage.",
        (
            "Er wird nur dieses eine Mal angezeigt. Wer Ihre Telefonanlage einrichtet, "
            "braucht ihn, damit sie Anrufe melden kann."
        ),
    ),
    connected=Heading("Alles ist verbunden", "Sie können zu Altegio zurückkehren."),
    connected_before=Heading("Alles ist verbunden", "Sie müssen nichts weiter tun."),
    frozen=Heading(
        "Pausiert, bis Sie bezahlen",
        (
            "Solange eine Filiale pausiert ist, werden Anrufe in Altegio weder angezeigt "
            "noch gespeichert. Bitte bezahlen Sie oder schreiben Sie uns, wenn Sie schon "
            "bezahlt haben; neu verbinden müssen Sie nichts."
        ),
    ),
    mute=Heading("Verbunden, aber die Telefonie funktioniert nicht", "Unten steht, warum."),
    needs_altegio=Heading("Noch ein Schritt in Altegio", "Unten steht, was dort zu tun ist."),
    welcome_back=Heading(
        "Willkommen zurück, {name}",
        "Sie haben bei uns schon ein Konto. Ein Klick verbindet Ihre Filialen.",
    ),
    welcome=Heading(
        "Verbinden Sie Ihre Telefonie", "Prüfen Sie Ihre Angaben und klicken Sie auf „Verbinden“."
    ),
    to_correct=Heading("Bitte prüfen Sie Ihre Angaben", "Es wurde noch nichts verbunden."),
    partly=Heading("Noch ist nicht alles verbunden", "Unten steht, welche Filialen noch fehlen."),
    under_way=Heading("Die Verbindung wird hergestellt", "Es dauert etwas länger als sonst."),
    not_yet=Heading("Noch nicht verbunden", "Unten steht, warum."),
    forged=Heading(
        "Dieser Link ist nicht von Altegio",
        (
            "Seine Signatur ist ungültig, darum haben wir nichts gespeichert. Öffnen Sie die App "
            "in Altegio und klicken Sie auf „Verbinden“."
        ),
    ),
    too_old=Heading(
        "Diese Seite ist veraltet",
        "Es wurde nichts geändert. Öffnen Sie die App in Altegio noch einmal.",
    ),
    incomplete="Dieser Link ist unvollständig",
    reasons={
        "user_data is missing": (
            "Aus dem Link geht nicht hervor, wer Sie sind. Falls Sie diese App einrichten: "
            "Schalten Sie im Entwicklerbereich von Altegio ein, dass Benutzerdaten beim "
            "Verbinden übertragen werden."
        ),
        "salon_id is missing": (
            "Aus dem Link geht nicht hervor, welche Filiale verbunden werden soll."
        ),
        "too many locations": (
            "Der Link enthält mehr als 300\u00a0Filialen. Wählen Sie in Altegio weniger aus und "
            "verbinden Sie die übrigen danach."
        ),
    },
    damaged="Es fehlt etwas, oder er ist beschädigt.",
    open_again="Öffnen Sie die App in Altegio und klicken Sie auf „Verbinden“.",
    working="Einen Moment, bitte …",
    others="Ihre anderen Filialen",
    more={"one": "Und eine weitere.", "other": "Und {number} weitere."},
    proof={
        Proof.OFFERED: (
            "Um Ihre Leitungen, letzten Anrufe und Zahlungen zu sehen oder einen neuen "
            "Schlüssel für Ihre Telefonanlage zu erstellen, brauchen Sie einen Code: Wir "
            "schicken ihn an Ihre E-Mail-Adresse."
        ),
        Proof.SENT: (
            "Wir haben einen Code an Ihre E-Mail-Adresse geschickt. Er gilt eine halbe "
            "Stunde und kann nur einmal benutzt werden."
        ),
        Proof.NOT_SENT: (
            "Wir konnten gerade keine E-Mail schicken. Bitte versuchen Sie es später noch einmal."
        ),
        Proof.WRONG: (
            "Das ist nicht der Code, den wir geschickt haben, oder er ist abgelaufen oder "
            "schon benutzt. Nach fünf Versuchen öffnen Sie diese Seite bitte in Altegio neu."
        ),
        Proof.TOO_MANY: (
            "Sie haben schon eine E-Mail mit einem Code: Wir haben sie in der letzten halben "
            "Stunde geschickt, wer auch immer sie angefordert hat. Der Code darin gilt; "
            "geben Sie ihn hier ein. Finden Sie die E-Mail nicht, fordern Sie in einer "
            "halben Stunde eine neue an."
        ),
    },
    link=(
        "Ihre E-Mail-Adresse gehört schon zu einem anderen Konto. Ist es Ihres, erhalten "
        "Sie Zugang mit einem Code, den wir an diese Adresse schicken; ohne ihn wird "
        "nichts verknüpft."
    ),
    send_code="Code anfordern",
    code="Code aus der E-Mail",
    prove="Weiter",
    letter=(
        "Ihr Code für {provider}",
        (
            "Ihr Code lautet {code}\n\nGeben Sie ihn auf der Seite ein, die Sie in Altegio "
            "geöffnet haben. Er gilt eine halbe Stunde und kann nur einmal benutzt werden.\n\n"
            "Wenn Sie ihn nicht angefordert haben, war es jemand anderes. Es ist nichts "
            "passiert: Ohne diesen Code kann niemand etwas tun, und nur Sie haben ihn. Sie "
            "müssen nichts unternehmen. Geben Sie diesen Code an niemanden weiter.\n\n"
            "{provider}"
        ),
    ),
    rotate=(
        (
            "Wenn Sie einen neuen Schlüssel erstellen, gilt der alte noch 24\u00a0Stunden: Tragen "
            "Sie bis dahin den neuen in Ihrer Telefonanlage ein. Kennt womöglich jemand "
            "anderes den alten, machen Sie ihn sofort ungültig; dann wird kein Anruf "
            "gemeldet, bis Ihre Telefonanlage den neuen hat."
        ),
        "Neuen Schlüssel erstellen",
        "Neuen Schlüssel erstellen und den alten sofort ungültig machen",
    ),
    pbx_title="Ihre Telefonanlage",
    pbx={
        PbxNote.NO_KEY: (
            "Sie hat noch keinen Schlüssel und kann keine Anrufe melden. Erstellen Sie unten einen."
        ),
        PbxNote.UNUSED: (
            "Von ihr ist noch nichts gekommen. Tragen Sie dort den Schlüssel ein, rufen Sie Ihre "
            "Nummer an und prüfen Sie hier erneut."
        ),
        PbxNote.REFUSED: (
            "Sie wurde abgewiesen, weil sie nicht den neuesten Schlüssel hat. Tragen Sie "
            "dort den richtigen ein oder erstellen Sie unten einen neuen. Zuletzt abgewiesen:"
        ),
        PbxNote.REPLACED: (
            "Sie hat noch den alten Schlüssel. Tragen Sie den neuen ein, und zwar vor dem"
        ),
        PbxNote.LATE: (
            "Sie hat einen Anruf so spät gemeldet, dass niemand gesehen hat, wer anruft. "
            "Prüfen Sie ihre Uhr und ihre Verbindung. Zuletzt:"
        ),
    },
    pbx_works="Sie meldet Anrufe mit dem richtigen Schlüssel.",
    look="Erneut prüfen",
    lines=(
        "Ihre Leitungen",
        (
            "Meldet Ihre Telefonanlage nicht, zu welcher Filiale ein Anruf gehört, erkennen "
            "wir es an der Leitung oder, wenn auch die fehlt, an der Nebenstelle. Bei nur "
            "einer Filiale müssen Sie nichts eintragen."
        ),
    ),
    needs_lines=(
        "Unten steht, was Ihre Telefonanlage melden muss.",
        (
            "Bei mehr als einer Filiale muss Ihre Telefonanlage melden, zu welcher ein Anruf "
            "gehört: durch die Leitung oder die Nebenstelle. Meldet sie keine von beiden "
            "oder eine Leitung, die Sie nicht unter „Ihre Leitungen“ eingetragen haben, "
            "wartet der Anruf, und niemand sieht, wer anruft."
        ),
    ),
    line="Leitung (Nummer oder Name) oder Nebenstelle",
    location_of_line="Filiale",
    enter_line="Leitung speichern",
    forget_line="Entfernen",
    dead_line="Filiale {id} gehört nicht mehr Ihnen: Ordnen Sie die Leitung neu zu",
    unknown_line={
        "one": "Zu welcher Filiale gehört das? Ein Anruf wartet darauf, vom",
        "other": "Zu welcher Filiale gehört das? {number} Anrufe warten darauf, der letzte vom",
    },
    untold_line=(
        "Keine Leitung gemeldet",
        (
            "Tragen Sie auch die Telefonnummer dieser Filiale als Leitung ein: Ohne Nummer "
            "nimmt Altegio keinen Anruf an."
        ),
    ),
    entered={
        Entered.DONE: (
            "Gespeichert. Die Anrufe, die auf diese Leitung gewartet haben, werden jetzt an "
            "Altegio gesendet."
        ),
        Entered.NO_LINE: "Bitte geben Sie die Leitung an.",
        Entered.NOT_ITS_LOCATION: "Bitte wählen Sie eine Ihrer Filialen.",
        Entered.TOO_MANY: (
            "Es sind höchstens 500\u00a0Leitungen möglich. Entfernen Sie die, die nicht benutzt "
            "werden."
        ),
        Entered.GONE: (
            "Ihr Konto wurde genau in diesem Moment geändert. Bitte klicken Sie noch einmal."
        ),
    },
    calls=("Letzte Anrufe", "Noch keine Anrufe."),
    call={
        CallState.RINGING: "Klingelt",
        CallState.UNROUTED: "Leitung noch nicht eingetragen",
        CallState.WAITING: "Unterwegs zu Altegio",
        CallState.HELD: "Noch nicht gesendet",
        CallState.SENDING: "Unterwegs zu Altegio",
        CallState.UNKNOWN: "Wird geprüft",
        CallState.SENT: "An Altegio gesendet",
        CallState.CONFIRMED: "In Altegio",
        CallState.UNCONFIRMED: "Gesendet, dort nicht gefunden",
        CallState.REFUSED: "Von Altegio nicht angenommen",
        CallState.EXPIRED: "Nicht an Altegio gesendet",
    },
    directions={"incoming": "Eingehend", "outgoing": "Ausgehend", "internal": "Intern"},
    hidden="Nummer unterdrückt",
    recording="Aufnahme (kam spät, nicht in Altegio)",
    payments=("Letzte Zahlungen", "Noch keine Zahlungen."),
    payment={
        EntryState.PENDING: "Unterwegs zu Altegio",
        EntryState.SENDING: "Unterwegs zu Altegio",
        EntryState.HELD: "Wartet, bis die Filiale verbunden ist",
        EntryState.UNKNOWN: "Wird geprüft",
        EntryState.SENT: "In Altegio",
        EntryState.REJECTED: "Abgelehnt, wir kümmern uns darum",
        EntryState.NEEDS_HUMAN: "Wir kümmern uns darum",
        EntryState.CLOSED: "Von uns abgeschlossen",
        EntryState.REPORTED_BY_PLATFORM: "In Altegio bezahlt",
    },
    refund=("Erstattung", "Wartet auf die Zahlung"),
    settings=Heading("Einstellungen", "Der Stand Ihrer Filialen."),
    too_many=Heading(
        "Bitte kommen Sie später wieder",
        (
            "Es gab zu viele Anfragen zu Filialen, die nicht Ihnen gehören. Versuchen Sie es "
            "in einer Stunde noch einmal."
        ),
    ),
    needs_code=Heading(
        "Bitte zeigen Sie, dass Sie es sind",
        (
            "Mit diesem Link kamen zu viele Anfragen zu Filialen, die nicht Ihnen gehören. Mit "
            "einem Code aus unserer E-Mail geht es sofort weiter; ohne ihn versuchen Sie es in "
            "einer Stunde noch einmal."
        ),
    ),
    later=Heading(
        "Bitte kommen Sie in einer Minute wieder",
        "Wir können diesen Link gerade nicht prüfen. Es wurde nichts geändert; öffnen Sie die "
        "Seite in einer Minute noch einmal.",
    ),
    failed=Heading(
        "Da ist etwas schiefgegangen",
        (
            "Wir wissen davon und kümmern uns darum. Bitte versuchen Sie es in einigen Minuten "
            "noch einmal."
        ),
    ),
    portal=Heading(
        "Noch ein Schritt auf unserer Website",
        (
            "Melden Sie sich dort an oder registrieren Sie sich. Wir zeigen Ihnen, was "
            "verbunden wird, und Sie bestätigen es."
        ),
    ),
    portal_button="Weiter",
    first_minutes=FIRST_MINUTES,
    missed=MISSED_CALLERS,
)
