"""The connect page in English."""

from functions.connect.first_minutes.english import ENGLISH as FIRST_MINUTES
from functions.connect.missed_callers.english import ENGLISH as MISSED_CALLERS
from functions.connect.words import Heading, Words
from shared.calls.call import CallState
from shared.calls.line_entry import Entered
from shared.chains.switching import TelephonyStanding
from shared.connect.pbx_notes import PbxNote
from shared.connect.view import Proof, Standing
from shared.payments.entry import EntryState

ENGLISH = Words(
    language="en",
    standings={
        Standing.READY: ("Ready", "Access is granted."),
        Standing.CONNECTED: ("Connected", "Altegio has confirmed it."),
        Standing.FROZEN: (
            "Paused",
            "Altegio has paused the app at this location because it has not been paid for.",
        ),
        Standing.IN_PROGRESS: (
            "In progress",
            (
                "We are working on it; you do not need to do anything. Press the button to see "
                "how it is going."
            ),
        ),
        Standing.FAILED: (
            "Not yet",
            (
                "Altegio did not confirm the connection. We will try again automatically; you "
                "can also try again yourself."
            ),
        ),
        Standing.EXPIRED: (
            "Expired",
            (
                "Too much time has passed since access was granted. In Altegio, open the app's "
                "page, press Disconnect and then Connect again."
            ),
        ),
        Standing.NOT_GRANTED: (
            "No access",
            "Access is not granted. In Altegio, open the app's page and press Connect.",
        ),
        Standing.TAKEN: (
            "Another account",
            (
                "This location is connected to another account with us. Disconnect it in Altegio "
                "and connect it again, or write to us."
            ),
        ),
        Standing.INSTALLED: (
            "Not connected here",
            (
                "The app is installed in Altegio, but it was not connected from this page. In "
                "Altegio, press Disconnect and then Connect again, or write to us."
            ),
        ),
        Standing.NOT_ASKED: (
            "Not checked yet",
            "We have not heard from Altegio about this location yet. Press the button.",
        ),
    },
    telephony={
        TelephonyStanding.ON: (
            "Telephony is on: your team sees who is calling, and calls are saved in Altegio."
        ),
        TelephonyStanding.STARTING: (
            "Telephony is being switched on, which may take a few minutes."
        ),
        TelephonyStanding.LATE: (
            "Telephony is not on yet: Altegio has not accepted our request after several "
            "tries. We keep trying, and store your calls for a few days. If this goes on, "
            "write to us."
        ),
        TelephonyStanding.STOPPED: (
            "Telephony has stopped because a saved call did not appear in this location's list "
            "of calls. Check the routing under Telephony in Altegio and write to us; or press "
            "Disconnect there, and then Connect again."
        ),
        TelephonyStanding.PAUSED: (
            "Telephony is paused: your team does not see who is calling. We store calls for "
            "a few days and save them in Altegio once the payment has arrived there; after "
            "that, everything works again on its own."
        ),
        TelephonyStanding.NONE: (
            "Connected without telephony, because Altegio gave us no CRM token. Create one in "
            "Altegio under Telephony\u00a0> Integration; then press Disconnect and Connect again."
        ),
        TelephonyStanding.OTHER_TOKEN: (
            "This link has a different CRM token from the one in use, and nothing was changed. "
            "If you have created a new one in Altegio, press Disconnect there, and then Connect "
            "again."
        ),
        TelephonyStanding.NEW_TOKEN: (
            "Telephony is on, with a different CRM token from the one this chain had before. If "
            "you did not create a new one in Altegio, press Disconnect there and write to us."
        ),
    },
    covered="The trial or paid period ends on",
    location="Location {id}",
    connect="Connect",
    try_again="Try again",
    labels={
        "name": "Your name",
        "email": "Email",
        "phone": "Phone (optional)",
        "country": "Country of your phone numbers",
    },
    errors={
        "name": "Please enter your name.",
        "email": "Please enter your email address.",
        "phone": (
            "We cannot read this phone number. Please check the country below it, or leave the "
            "field empty."
        ),
        "country": "Please choose the country of your phone numbers.",
    },
    country=(
        (
            "We treat numbers that your telephone system sends without a country code as "
            "numbers from this country."
        ),
        "Save the country",
        (
            "Saved: from now on, we treat numbers without a country code as numbers from "
            "this country."
        ),
    ),
    terms=("By connecting, you accept our", "terms of service"),
    contact="Write to us",
    help="Help",
    key=(
        "The key for your telephone system.",
        (
            "It is shown only this once. Whoever sets up your telephone system needs it, so "
            "that the system can report your calls."
        ),
    ),
    connected=Heading("You are connected", "You can go back to Altegio now."),
    connected_before=Heading("You are connected", "Nothing is left to do."),
    frozen=Heading(
        "Paused until you pay",
        (
            "While a location is paused, calls are neither shown nor saved in Altegio. "
            "Please pay, or write to us if you have already paid; nothing has to be "
            "connected again."
        ),
    ),
    mute=Heading("Connected, but telephony is not working", "See below why."),
    needs_altegio=Heading("One more step in Altegio", "See below what to press there."),
    welcome_back=Heading(
        "Welcome back, {name}",
        "You are already registered with us. One button connects your locations.",
    ),
    welcome=Heading("Connect your telephony", "Check your details and press Connect."),
    to_correct=Heading("Please check your details", "Nothing has been connected yet."),
    partly=Heading("Not everything is connected yet", "See below which locations need attention."),
    under_way=Heading("We are connecting it", "This takes a little longer than usual."),
    not_yet=Heading("Not connected yet", "See below why."),
    forged=Heading(
        "This link is not from Altegio",
        (
            "Its signature is not valid, so we have stored nothing. Open the app in Altegio and "
            "press Connect."
        ),
    ),
    too_old=Heading(
        "This page is out of date", "Nothing was changed. Open the app in Altegio again."
    ),
    incomplete="This link is incomplete",
    reasons={
        "user_data is missing": (
            "The link does not say who you are. If you are setting this app up: switch on "
            "“Transmit user data when connecting” in the Altegio Developer Cabinet."
        ),
        "salon_id is missing": "The link does not say which location to connect.",
        "too many locations": (
            "The link names more than 300 locations. Choose fewer in Altegio, and connect the "
            "others afterwards."
        ),
    },
    damaged="Something is missing from it or damaged.",
    open_again="Open the app in Altegio and press Connect.",
    working="One moment, please…",
    others="Your other locations",
    more={"one": "And one more.", "other": "And {number} more."},
    proof={
        Proof.OFFERED: (
            "To see your lines, latest calls and payments, or to make a new key for your "
            "telephone system, you need a code: we send it to your email address."
        ),
        Proof.SENT: (
            "We have sent a code to your email address. It is valid for half an hour and works "
            "once."
        ),
        Proof.NOT_SENT: "We could not send an email just now. Please try again later.",
        Proof.WRONG: (
            "This is not the code that we sent, or it has expired or has already been used. "
            "After five tries, open this page in Altegio again."
        ),
        Proof.TOO_MANY: (
            "You already have an email with a code: it was sent within the last half hour, "
            "whoever asked for it. That code is valid; enter it here. If you cannot find the "
            "email, ask for another one in half an hour."
        ),
    },
    link=(
        "Your email address already belongs to another account. If that account is yours, we can "
        "let you in with a code that we send there; without it, nothing is linked."
    ),
    send_code="Send me a code",
    code="Code from the email",
    prove="Continue",
    letter=(
        "Your code for {provider}",
        (
            "Your code is {code}\n\nEnter it on the page that you have opened in Altegio. It "
            "is valid for half an hour and works once.\n\nIf you did not ask for it, somebody "
            "else did. Nothing has happened: without this code nobody can do anything, and "
            "only you have it. You do not need to do anything. Do not share this code with "
            "anybody.\n\n{provider}"
        ),
    ),
    rotate=(
        (
            "After you make a new key, the old one still works for 24 hours: enter the new "
            "one in your telephone system by then. If somebody else may know the old one, "
            "cancel it at once; no calls are reported then until your telephone system has "
            "the new one."
        ),
        "Make a new key",
        "Make a new key and cancel the old one at once",
    ),
    pbx_title="Your telephone system",
    pbx={
        PbxNote.NO_KEY: "It has no key yet, so it cannot report calls. Make one below.",
        PbxNote.UNUSED: (
            "Nothing has come from it yet. Enter the key there, call your number, and check "
            "again here."
        ),
        PbxNote.REFUSED: (
            "We refused it because it does not have the newest key. Enter the right key "
            "there, or make a new one below. Last refused:"
        ),
        PbxNote.REPLACED: "It still has the old key. Enter the new one there before",
        PbxNote.LATE: (
            "It reported a call so late that nobody saw who was calling. Check its clock and "
            "its connection. Last seen:"
        ),
    },
    pbx_works="It reports calls with the right key.",
    look="Check again",
    lines=(
        "Your lines",
        (
            "If your telephone system does not say which location a call belongs to, we go "
            "by the line, or by the extension if no line is given. If you have only one "
            "location, you do not need to enter anything."
        ),
    ),
    needs_lines=(
        "See below what your telephone system has to tell us.",
        (
            "With more than one location, your telephone system has to say which one a call "
            "belongs to: by its line or by the extension. If it gives neither, or a line "
            "that you have not entered under “Your lines”, the call waits, and nobody sees "
            "who is calling."
        ),
    ),
    line="Line (its number or name) or extension",
    location_of_line="Location",
    enter_line="Save the line",
    forget_line="Remove",
    dead_line="Location {id} is no longer yours: enter the line again",
    unknown_line={
        "one": "Which location does it belong to? One call is waiting, from",
        "other": "Which location does it belong to? {number} calls are waiting, the last one from",
    },
    untold_line=(
        "No line given",
        (
            "Enter the phone number of that location as a line, too: Altegio accepts no call "
            "without a number."
        ),
    ),
    entered={
        Entered.DONE: (
            "Saved. The calls that were waiting for this line are being sent to Altegio."
        ),
        Entered.NO_LINE: "Please enter the line.",
        Entered.NOT_ITS_LOCATION: "Please choose one of your locations.",
        Entered.TOO_MANY: "No more than 500 lines can be entered. Remove those that are not used.",
        Entered.GONE: "Your account was being changed at that very moment. Please press again.",
    },
    calls=("Latest calls", "No calls yet."),
    call={
        CallState.RINGING: "Ringing",
        CallState.UNROUTED: "Line not entered yet",
        CallState.WAITING: "On its way to Altegio",
        CallState.HELD: "Not sent yet",
        CallState.SENDING: "On its way to Altegio",
        CallState.UNKNOWN: "Being checked",
        CallState.SENT: "Sent to Altegio",
        CallState.CONFIRMED: "In Altegio",
        CallState.UNCONFIRMED: "Sent, not found there",
        CallState.REFUSED: "Not accepted by Altegio",
        CallState.EXPIRED: "Not sent to Altegio",
    },
    directions={"incoming": "Incoming", "outgoing": "Outgoing", "internal": "Internal"},
    hidden="number withheld",
    recording="Recording (came late, not in Altegio)",
    payments=("Latest payments", "No payments yet."),
    payment={
        EntryState.PENDING: "On its way to Altegio",
        EntryState.SENDING: "On its way to Altegio",
        EntryState.HELD: "Waiting for the location to be connected",
        EntryState.UNKNOWN: "Being checked",
        EntryState.SENT: "In Altegio",
        EntryState.REJECTED: "Refused, we are looking into it",
        EntryState.NEEDS_HUMAN: "We are looking into it",
        EntryState.CLOSED: "Closed by us",
        EntryState.REPORTED_BY_PLATFORM: "Paid in Altegio",
    },
    refund=("Refund", "Waiting for its payment"),
    settings=Heading("Settings", "The status of your locations."),
    too_many=Heading(
        "Please come back later",
        "There were too many requests about locations that are not yours. Try again in an hour.",
    ),
    needs_code=Heading(
        "Please show that it is you",
        "Too many requests about locations that are not yours came with this link. With a code "
        "from our email you go on at once; without it, try again in an hour.",
    ),
    later=Heading(
        "Please come back in a minute",
        "We cannot check this link just now. Nothing was changed; open the page again in a minute.",
    ),
    failed=Heading(
        "Something went wrong",
        "We have been notified and will look into it. Please try again in a few minutes.",
    ),
    portal=Heading(
        "One more step on our website",
        (
            "Log in or sign up there. We will show you what will be connected, and ask you to "
            "confirm."
        ),
    ),
    portal_button="Continue",
    first_minutes=FIRST_MINUTES,
    missed=MISSED_CALLERS,
)
