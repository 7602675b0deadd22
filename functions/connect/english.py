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
            "Altegio has paused the application in this location, as it is not paid for.",
        ),
        Standing.IN_PROGRESS: (
            "In progress",
            (
                "We are working on it; you need not do anything. Press the button to see how far "
                "we are."
            ),
        ),
        Standing.FAILED: (
            "Not yet",
            "Altegio did not confirm the connection. We will try again on our own; you can, too.",
        ),
        Standing.EXPIRED: (
            "Expired",
            (
                "Too much time has passed since access was granted. In Altegio, open the "
                "application's page, press Disconnect and then Connect again."
            ),
        ),
        Standing.NOT_GRANTED: (
            "No access",
            "Access is not granted. In Altegio, open the application's page and press Connect.",
        ),
        Standing.TAKEN: (
            "Another account",
            (
                "This location is connected to another account with us. Disconnect it in Altegio "
                "and connect again, or write to us."
            ),
        ),
        Standing.INSTALLED: (
            "Not by this page",
            (
                "The application is installed in Altegio, but this page did not connect it. In "
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
            "Telephony is not on yet: Altegio has not taken our request several times. We keep "
            "trying, and calls are kept for a few days. Write to us if it lasts."
        ),
        TelephonyStanding.STOPPED: (
            "Telephony is stopped, as a saved call did not appear in this location's list of "
            "calls. Check the routing under Telephony in Altegio and write to us; or press "
            "Disconnect there, and then Connect again."
        ),
        TelephonyStanding.PAUSED: (
            "Telephony is paused: your team does not see who is calling. We keep calls for a few "
            "days and save them once the payment has reached Altegio; after that, everything "
            "works again on its own."
        ),
        TelephonyStanding.NONE: (
            "Connected without telephony, as Altegio named no CRM token. Make one in Altegio "
            "under Telephony, Integration; then press Disconnect and Connect again."
        ),
        TelephonyStanding.OTHER_TOKEN: (
            "This link names another CRM token than the one in use, and nothing was changed. If "
            "you have made a new one in Altegio, press Disconnect there, and then Connect again."
        ),
        TelephonyStanding.NEW_TOKEN: (
            "Telephony is on, with another CRM token than this chain had before. If you did not "
            "make a new one in Altegio, press Disconnect there and write to us."
        ),
    },
    covered="The trial, or what was paid for, ends on",
    location="Location {id}",
    connect="Connect",
    try_again="Try again",
    labels={
        "name": "Your name",
        "email": "E-mail",
        "phone": "Phone (optional)",
        "country": "Country of your telephones",
    },
    errors={
        "name": "Please enter your name.",
        "email": "Please enter your e-mail address.",
        "phone": (
            "We cannot read this phone number. Please check the country below it, or leave it "
            "empty."
        ),
        "country": "Please choose the country of your telephones.",
    },
    country=(
        (
            "Numbers that your telephone system writes without a country are read as numbers of "
            "this one."
        ),
        "Save the country",
        "Saved: from now on, numbers without a country are read as numbers of this one.",
    ),
    terms=("By connecting you accept our", "terms of service"),
    contact="Write to us",
    help="Help",
    key=(
        "Key of your telephone system.",
        (
            "It is shown this once: whoever sets up your telephone system needs it to report your "
            "calls."
        ),
    ),
    connected=Heading("You are connected", "You can go back to Altegio now."),
    connected_before=Heading("You are connected", "Nothing is left to do."),
    frozen=Heading(
        "Paused until it is paid for",
        "In a location that is paused, calls are neither shown nor saved in Altegio. Please pay, "
        "or write to us if you have paid; nothing has to be connected again.",
    ),
    mute=Heading("Connected, but telephony does not work", "See below what is missing."),
    needs_altegio=Heading("This needs you in Altegio", "See below what to press there."),
    welcome_back=Heading(
        "Welcome back, {name}",
        "You are already registered with us. One button connects your locations.",
    ),
    welcome=Heading("Connect your telephony", "Check your details and press Connect."),
    to_correct=Heading("Please check your details", "Nothing was connected yet."),
    partly=Heading("Not everything is connected yet", "See below which locations need a look."),
    under_way=Heading("We are connecting it", "This takes a little longer than usual."),
    not_yet=Heading("Not connected yet", "See below what is missing."),
    forged=Heading(
        "This link is not from Altegio",
        "Its signature is not valid, so we have stored nothing. Open the application in Altegio "
        "and press Connect.",
    ),
    too_old=Heading(
        "This page is too old", "Nothing was changed. Open the application in Altegio again."
    ),
    incomplete="This link is not complete",
    reasons={
        "user_data is missing": (
            "The link does not say who you are. If you are setting this application up: switch "
            "on “Transmit user data when connecting” in the Altegio Developer Cabinet."
        ),
        "salon_id is missing": "The link does not say which location to connect.",
        "too many locations": (
            "The link names more than 300 locations. Choose fewer in Altegio, and connect the "
            "others afterwards."
        ),
    },
    damaged="Something in it is missing or damaged.",
    open_again="Open the application in Altegio and press Connect.",
    working="One moment, please…",
    others="Your other locations",
    more={"one": "And one more.", "other": "And {number} more."},
    proof={
        Proof.OFFERED: (
            "For your lines, your last calls and payments, and a new key for your telephone "
            "system, you need a code: we send it to your e-mail address."
        ),
        Proof.SENT: (
            "We have sent a code to your e-mail address. It is valid for half an hour, and once."
        ),
        Proof.NOT_SENT: "We could not send an e-mail just now. Please try again later.",
        Proof.WRONG: (
            "This code is not the one that we sent, or it is too old, or was used. After five "
            "tries, open this page in Altegio again."
        ),
        Proof.TOO_MANY: (
            "An e-mail with a code is in your mailbox already: it came within the last half hour, "
            "whoever asked for it. Its code is valid; enter it here. If you cannot find the "
            "e-mail, ask for another one in half an hour."
        ),
    },
    link=(
        "We know your e-mail address from another account. If it is yours, we can let you into it "
        "with a code that we send there; nothing is linked without it."
    ),
    send_code="Send me a code",
    code="Code from the e-mail",
    prove="Go on",
    letter=(
        "Your code for {provider}",
        (
            "Your code is {code}\n\nEnter it on the page that you have opened in Altegio. It is "
            "valid for half an hour, and once.\n\nIf you did not ask for it, somebody else did. "
            "Nothing has happened: without this code nobody can do anything, and only you have "
            "it. You need not do anything. Never tell anybody this code.\n\n{provider}"
        ),
    ),
    rotate=(
        (
            "After a new key is made, the old one works for 24 hours more: put the new one into "
            "your telephone system until then. If somebody else may know the old one, void it at "
            "once; no call is reported then until your telephone system has the new one."
        ),
        "Make a new key",
        "Make a new key and void the old one at once",
    ),
    pbx_title="Your telephone system",
    pbx={
        PbxNote.NO_KEY: "It has no key yet, so it cannot report calls. Make one below.",
        PbxNote.UNUSED: (
            "Nothing has come from it yet. Enter the key there, let a telephone ring, and look "
            "again here."
        ),
        PbxNote.REFUSED: (
            "It was refused, as it has another key than the one that was made last. Enter the "
            "right key there, or make a new one below. Last refused:"
        ),
        PbxNote.REPLACED: "It still has the old key. Enter the new one there before",
        PbxNote.LATE: (
            "It reported a call so late that nobody was shown who was calling. Check its clock and "
            "its connection. Last seen:"
        ),
    },
    pbx_works="It reports calls with the right key.",
    look="Look again",
    lines=(
        "Your lines",
        (
            "Where your telephone system does not say which location a call is of, its line says "
            "it, or the extension if it tells no line. With a single location you need not enter "
            "anything."
        ),
    ),
    needs_lines=(
        "See below what your telephone system has to tell.",
        (
            "With more than one location, your telephone system has to tell which one a call is "
            "of: by its line, or by the extension. Calls for which it tells neither, or a line "
            "that you have not entered under “Your lines”, wait, and nobody is shown who is "
            "calling."
        ),
    ),
    line="Line: its number, or its name; or an extension",
    location_of_line="Location",
    enter_line="Save the line",
    forget_line="Remove",
    dead_line="Location {id} is not yours any more: enter the line again",
    unknown_line={
        "one": "Which location is it? One call waits for it, from",
        "other": "Which location is it? {number} calls wait for it, the last one from",
    },
    untold_line=(
        "No line was told",
        "Enter the number of that location as well: Altegio takes no call without one.",
    ),
    entered={
        Entered.DONE: "Saved. What has waited for this line is sent to Altegio now.",
        Entered.NO_LINE: "Please enter the line.",
        Entered.NOT_ITS_LOCATION: "Please choose one of your locations.",
        Entered.TOO_MANY: "No more than 500 lines can be entered. Remove those that are not used.",
        Entered.GONE: "Your account was being changed at this very moment. Please press again.",
    },
    calls=("Last calls", "No call yet."),
    call={
        CallState.RINGING: "Rings",
        CallState.UNROUTED: "Waits for its line",
        CallState.WAITING: "On its way to Altegio",
        CallState.HELD: "On hold for now",
        CallState.SENDING: "On its way to Altegio",
        CallState.UNKNOWN: "Being checked",
        CallState.SENT: "Sent to Altegio",
        CallState.CONFIRMED: "In Altegio",
        CallState.UNCONFIRMED: "Sent, not seen there",
        CallState.REFUSED: "Not taken by Altegio",
        CallState.EXPIRED: "Too old, not sent",
    },
    directions={"incoming": "Incoming", "outgoing": "Outgoing", "internal": "Internal"},
    hidden="number withheld",
    recording="Recording (ready late, not in Altegio)",
    payments=("Last payments", "No payment yet."),
    payment={
        EntryState.PENDING: "On its way to Altegio",
        EntryState.SENDING: "On its way to Altegio",
        EntryState.HELD: "Waits for the location",
        EntryState.UNKNOWN: "Being checked",
        EntryState.SENT: "In Altegio",
        EntryState.REJECTED: "Refused, we look into it",
        EntryState.NEEDS_HUMAN: "We look into it",
        EntryState.CLOSED: "Closed by us",
        EntryState.REPORTED_BY_PLATFORM: "Paid in Altegio",
    },
    refund=("Refund", "Waits for its payment"),
    settings=Heading("Your account", "The state of your locations."),
    too_many=Heading(
        "Please come back later",
        "Too many locations were asked about that are not yours. Try again in an hour.",
    ),
    busy=Heading(
        "Please press once more",
        "Your account was being changed at this very moment. Go back and press the button again.",
    ),
    later=Heading(
        "Please come back in a minute",
        "We cannot check this link just now. Nothing was changed; open the page again in a minute.",
    ),
    failed=Heading(
        "Something went wrong",
        "We have been told, and will see to it. Please try again in a few minutes.",
    ),
    portal=Heading(
        "One more step on our own pages",
        "Log in or sign up there. We show you what is to be connected, and ask you.",
    ),
    portal_button="Go on",
    first_minutes=FIRST_MINUTES,
    missed=MISSED_CALLERS,
)
