"""Callers who were missed, in English."""

from functions.connect.words import Heading, MissedCallers
from shared.calls.missed_calls import Closed

ENGLISH = MissedCallers(
    page=Heading(
        "Missed callers",
        "Who called and was not answered. However often somebody rang, it is one entry.",
    ),
    summary={
        "one": "One missed caller has not been called back.",
        "other": "{number} missed callers have not been called back.",
    },
    show="Show missed callers",
    back="Back to the settings",
    open={"one": "One not called back", "other": "{number} not called back"},
    nobody="Nobody is waiting to be called back.",
    times={"one": "Missed once:", "other": "Missed {number} times, last:"},
    first="For the first time:",
    line="Line {line}",
    done=(
        (
            "Whoever is called back leaves this list by itself. If there is nothing left to do "
            "with somebody without a call, enter your name and press the button beside the number."
        ),
        "Done",
    ),
    name="Your name",
    closed={
        Closed.DONE: "Saved: this caller is done.",
        Closed.NO_NAME: "Please enter your name, of at most 60 characters.",
        Closed.NOBODY: "Nobody with this number is missed any more.",
        Closed.BUSY: "The call was being changed at this very moment. Please press again.",
    },
    ended="Called back or done",
    by={
        "our call": "Called back",
        "his call": "Called again and was answered",
        "press": "Done, says {name}:",
    },
    extension="extension {extension}",
    hidden={
        "one": "One more missed call had no number to call back.",
        "other": "{number} more missed calls had no number to call back.",
    },
    numbers=(
        "How soon they are called back",
        (
            "Counted is everybody who was missed for the first time at least an hour ago, or a day "
            "ago: how many of them were called back by telephone within that time, or called "
            "again and were answered. Time runs from the first missed call."
        ),
    ),
    hour="{called_back} of {missed} within an hour",
    day="{called_back} of {missed} within a day",
    pressed={
        "one": "One was done within a day without a call, which does not count.",
        "other": "{number} were done within a day without a call, which does not count.",
    },
    lines=("By the line that they called first", "No line told"),
    extensions=(
        "Who has called them back",
        "Telephone not told",
        "{hour} within an hour, {day} within a day",
    ),
    plot=(
        "When they are missed",
        (
            "Each square is an hour of the week, in the time of {zone}. The more were missed, the "
            "stronger it is; the lower part are those who were called back within an hour."
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
        "Ended by",
        "Ended at",
        "Who",
    ),
    kept={
        "one": "These are the calls of the last day; older ones are deleted.",
        "other": "These are the calls of the last {number} days; older ones are deleted.",
    },
    cut="There are so many calls that these begin only at:",
    letter=(
        "An email each morning",
        (
            "At {hour}:00 in the time of {zone}, to the address of your account: who was missed "
            "since the morning before and has not been called back. If nobody was, none is sent."
        ),
        "Send me the email",
        "Send no more emails",
    ),
    stop=Heading(
        "No more emails?",
        "Press the button, and the email about missed callers of this location is no longer sent.",
    ),
    stopped=Heading(
        "No more emails",
        "The email is no longer sent. You can ask for it again on the page of missed callers.",
    ),
)
