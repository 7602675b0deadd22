"""The first minutes in English: from the key to the first ring."""

from functions.connect.recipes import How
from functions.connect.words import FirstMinutes, Heading
from shared.calls.shown import PopUp
from shared.connect.first_ring import Came

ENGLISH = FirstMinutes(
    copy=("Copy", "Copied"),
    stays=(
        "This page can stay open until your telephone system has the key: what you press below "
        "opens in a tab of its own."
    ),
    needs_key="Your telephone system needs the key below.",
    recipes=(
        "Set up your telephone system",
        (
            "Pick yours, and copy each text to where it belongs. Your own details are "
            "already filled in."
        ),
        "Pick yours, and copy each text to where it belongs. Put the key where it says KEY.",
    ),
    any_other="Any other telephone system",
    own_number="Your number as your clients dial it, with the country code",
    how={
        How.INTO: "Put this into {place}:",
        How.ENTER: "Enter this under {place}:",
        How.BEFORE_DIAL: (
            "Add one line where calls come in, and one where they go out, both before Dial() "
            "or Queue():"
        ),
        How.OPTION: "Add this option to every Dial():",
        How.OUTGOING: (
            "For outgoing calls, add this as well to {place} (from FreePBX 17 on, with Return() as "
            "its last line):"
        ),
        How.MODULES: "Load these two modules, under {place}:",
        How.RUN: "Then run this command:",
        How.PRESS: "Then press: {place}.",
        How.OPEN: (
            "Open this address in a browser to download a file (user name: pbx, password: the key):"
        ),
        How.ADD: "Add that file under {place}.",
        How.SWITCH_ON: "Switch on {place}, and save.",
        How.OWN_CRM: (
            "In your provider's web account, under Integrations, choose your own CRM (REST API), "
            "and enter this address and this key:"
        ),
        How.POST: (
            "A program of yours posts these two JSON objects to this address, with the key as a "
            "bearer token: one when it rings, and one when the call is over."
        ),
    },
    wait=(
        (
            "To see whether it works, open the page that waits for the first call, and call "
            "your number from a mobile phone."
        ),
        "Wait for the first call",
    ),
    ring={
        PopUp.SENT: Heading(
            "It rang",
            "Your team was shown who was calling. Your telephone system is set up.",
        ),
        PopUp.HIDDEN: Heading(
            "It rang, from a withheld number",
            (
                "The key is right, but we cannot show who is calling. Call again from a "
                "telephone that shows its number."
            ),
        ),
        PopUp.UNUSABLE: Heading(
            "It rang, from an incomplete number",
            (
                "The key is right, but nobody could call this number back; it may be an "
                "extension. Call again from a mobile phone."
            ),
        ),
        PopUp.UNKNOWN_LINE: Heading(
            "It rang, but we do not know where",
            (
                "Your telephone system gave a line that nobody has entered, or none at all. In "
                "your settings, under “Your lines”, enter the location that it belongs to."
            ),
        ),
        PopUp.LATE: Heading(
            "It rang, but we heard of it too late",
            (
                "So nobody saw who was calling. If the delay is always about the same, the clock "
                "of your telephone system is wrong: have it set over the network (NTP). "
                "Otherwise its connection is slow."
            ),
        ),
        PopUp.CROWDED: Heading(
            "It rang, but too many calls came at once",
            "This one was not shown to your team. Call again.",
        ),
        PopUp.CLOSED: Heading(
            "It rang, but telephony is paused or off",
            (
                "So nobody saw who was calling. Open the app in Altegio: its page says why "
                "telephony is not on."
            ),
        ),
        PopUp.FAILED: Heading(
            "It rang, but Altegio did not accept it",
            "We could not pass the call on. Call again; if that does not help, write to us.",
        ),
        Came.NOTHING: Heading(
            "Nothing has come yet",
            (
                "Call your number from a mobile phone now. If nothing comes, your telephone "
                "system cannot reach our address, or the key that it sends is not one of ours."
            ),
        ),
        Came.NO_KEY: Heading(
            "Your telephone system has no key yet",
            "Make one in your settings, and enter it in the telephone system.",
        ),
        Came.WRONG_KEY: Heading(
            "A call came with the wrong key",
            (
                "We refused it: your telephone system does not have the newest key. Enter the "
                "right one there, or make a new one in your settings."
            ),
        ),
        Came.WRONG_LOCATION: Heading(
            "A call named a location that is not yours",
            (
                "We refused the call. Remove the location from the configuration, or correct it; "
                "the line alone is enough to find the location."
            ),
        ),
        Came.ONLY_ENDED: Heading(
            "We heard of a call only after it had ended",
            (
                "It will be in Altegio's list of calls, but nobody saw who was calling: your "
                "telephone system does not report that a telephone is ringing. Check the part of "
                "the configuration for incoming calls."
            ),
        ),
    },
    facts={
        "at": "Time",
        "location": "Location",
        "line": "Line",
        "extension": "Extension",
        "caller": "Caller",
        "late": "Too late by",
    },
    seconds="{number}\u00a0s",
    minutes="{number}\u00a0min",
    looks="This page refreshes itself every few seconds.",
    too_often=Heading(
        "Please come back later",
        "This page was refreshed too often within the last hour. Calls are still reported.",
    ),
)
