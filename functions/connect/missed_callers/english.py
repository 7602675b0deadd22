"""Callers who were missed, in English."""

from functions.connect.words import Heading, MissedCallers
from shared.calls.missed_calls import Closed

ENGLISH = MissedCallers(
    page=Heading(
        "Missed callers",
        "Who called and got no answer. Each caller is listed once, however often they called.",
    ),
    summary={
        "one": "One missed caller has not been called back.",
        "other": "{number} missed callers have not been called back.",
    },
    show="Show missed callers",
    back="Back to the settings",
    open={"one": "One still to call back", "other": "{number} still to call back"},
    nobody="Nobody is waiting to be called back.",
    times={"one": "Missed once:", "other": "Missed {number} times, last:"},
    first="First time:",
    line="Line {line}",
    done=(
        (
            "Callers leave this list once somebody calls them back. If no call is needed, "
            "enter your name and press Done beside the number."
        ),
        "Done",
    ),
    name="Your name",
    closed={
        Closed.DONE: "Saved: this caller does not need a call.",
        Closed.NO_NAME: "Please enter your name (at most 60 characters).",
        Closed.NOBODY: "This number is no longer on the list.",
        Closed.BUSY: "The call was being changed at that very moment. Please press again.",
    },
    ended="Called back or done",
    by={
        "our call": "Called back",
        "his call": "Called again and was answered",
        "press": "Marked as done by {name}:",
    },
    extension="extension {extension}",
    hidden={
        "one": "One more missed call came without a number.",
        "other": "{number} more missed calls came without a number.",
    },
    numbers=(
        "How soon callers are called back",
        (
            "Of the callers first missed at least an hour (or a day) ago, how many were "
            "called back by telephone within that time, or called again and were answered. "
            "The time starts with the first missed call."
        ),
    ),
    hour="{called_back} of {missed} within an hour",
    day="{called_back} of {missed} within a day",
    pressed={
        "one": "One was marked as done within a day without a call, which does not count.",
        "other": "{number} were marked as done within a day without a call, which does not count.",
    },
    lines=("By the line they called first", "No line given"),
    extensions=(
        "Who called them back",
        "No extension given",
        "{hour} within an hour, {day} within a day",
    ),
    plot=(
        "When callers are missed",
        (
            "Each square is one hour of the week (time zone: {zone}). The more callers were "
            "missed, the stronger it is; the lower part shows those who were called back "
            "within an hour."
        ),
    ),
    days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    cell="{day} {hour}:00: {called_back} of {missed} called back within an hour",
    csv=(
        "Download as a table (CSV)",
        "Number",
        "Times missed",
        "First missed",
        "Last missed",
        "Lines",
        "Outcome",
        "Outcome at",
        "Who",
    ),
    kept={
        "one": "These are the calls of the last day; older ones are deleted.",
        "other": "These are the calls of the last {number} days; older ones are deleted.",
    },
    cut="There are so many calls that this list only goes back to:",
    letter=(
        "An email each morning",
        (
            "At {hour}:00 (time zone: {zone}), to the email address of your account: who has "
            "been missed since the morning before and not called back. If nobody is waiting, "
            "no email is sent."
        ),
        "Send me the email",
        "Stop the emails",
    ),
    stop=Heading(
        "Stop the emails?",
        (
            "Press the button, and we will send no more emails about missed callers of this "
            "location."
        ),
    ),
    stopped=Heading(
        "No more emails",
        "We no longer send them. You can ask for them again on the page of missed callers.",
    ),
)
