"""All that the connect page says, by name: a language is one file beside this one.

Buttons of Altegio are called as they are there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from functions.connect.recipes import How
from shared.calls.call import CallState
from shared.calls.line_entry import Entered
from shared.calls.missed_calls import Closed
from shared.calls.shown import PopUp
from shared.chains.switching import TelephonyStanding
from shared.connect.first_ring import Came
from shared.connect.pbx_notes import PbxNote
from shared.connect.view import Proof, Standing
from shared.payments.entry import EntryState


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of the page, and the sentence below it; `{name}` is the owner's."""

    title: str
    lead: str


# A text with `{number}` by the category of that number, with `other` at least: see `written`.
type Plural = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FirstMinutes:
    """What is said between the first key and the first ring, in one language.

    Attributes:
        copy: The button that copies a text, and what it says once that is done.
        stays: Beside a key that is shown once.
        needs_key: What is still to do once all is connected.
        recipes: Above the telephone systems to pick from, and what is filled in; the last one where
            the key is not. `any_other` is the name of one that is not among them.
        own_number: The label of a field whose number a script writes into the recipes.
        how: What is to be done with the text of a step, with a place of the system as `{place}`.
        wait: What the page that waits is for, and what opens it.
        ring: What came last, by its fate.
        facts: Before each fact of it: `at`, `location`, `line`, `extension`, `caller`, `late`.
        seconds: A time as `{number}` of them; `minutes` likewise.
        looks: While the page looks by itself.
    """

    copy: tuple[str, str]
    stays: str
    needs_key: str
    recipes: tuple[str, str, str]
    any_other: str
    own_number: str
    how: Mapping[How, str]
    wait: tuple[str, str]
    ring: Mapping[PopUp | Came, Heading]
    facts: Mapping[str, str]
    seconds: str
    minutes: str
    looks: str
    too_often: Heading


@dataclass(frozen=True, slots=True)
class MissedCallers:
    """What is said of callers who were missed, in one language.

    Attributes:
        page: Of the page of one location; its lead says what a row is.
        summary: Of one location among the settings: how many wait, and `nobody` if none does;
            `show` is the button that leads to the page, `back` the one that leads away.
        open: Above those whom nobody has called back, if there are any; else `nobody`.
        times: How often somebody was missed, up to the time of the last one; `first` is before the
            time of the first, `line` names the lines.
        done: When to press it, and the button; `name` is the label of who presses.
        closed: What became of a press.
        ended: Above the others; `by` says what ended it, up to when: a call by way, of which
            `extension` says whose telephone it was, or a press of `{name}`.
        hidden: How many calls were missed that had no number.
        numbers: Above the shares, and what is counted; `hour` and `day` are the shares, `pressed`
            how many ended by a press.
        lines: Above the shares by line, and in place of one that was not told; `extensions`
            likewise, with what is counted.
        plot: Above the plot, and what it shows, with the name of the zone as `{zone}`.
        days: Of the week, as in a calendar, from Monday on.
        cell: Of one hour of the plot.
        csv: The button that fetches the file, and the heads of its columns: the caller's number,
            how often, for the first and the last time, lines, what ended it, when, who.
        kept: For how long it is kept; `cut` says that it begins only with the time that follows.
        letter: Above the button for a letter each morning, what it is, with its hour and the name
            of the zone, the button, and the one that stops it.
        stop: Of the page that a letter leads to; `stopped` once its button was pressed.
    """

    page: Heading
    summary: Plural
    show: str
    back: str
    open: Plural
    nobody: str
    times: Plural
    first: str
    line: str
    done: tuple[str, str]
    name: str
    closed: Mapping[Closed, str]
    ended: str
    by: Mapping[str, str]
    extension: str
    hidden: Plural
    numbers: tuple[str, str]
    hour: str
    day: str
    pressed: Plural
    lines: tuple[str, str]
    extensions: tuple[str, str, str]
    plot: tuple[str, str]
    days: tuple[str, str, str, str, str, str, str]
    cell: str
    csv: tuple[str, str, str, str, str, str, str, str, str]
    kept: Plural
    cut: str
    letter: tuple[str, str, str, str]
    stop: Heading
    stopped: Heading


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        language: As BCP 47 has it, without a region.
        standings: Of each location a word, and what to do.
        telephony: The same of its telephony, in one sentence.
        covered: Before the time at which a trial or what was paid ends.
        location: With the location's id as `{id}`.
        errors: What to correct, by field of the form.
        labels: Of the form's fields.
        country: Of the account: what it is for, the button that takes it, and that it was taken.
        terms: Up to the link, and the link's words.
        contact: The link by which an owner writes to the company; `help` likewise.
        key: Title, and what it is for.
        reasons: Of a link that is not complete, by `BadRedirect`'s words; else `damaged`.
        open_again: The way out of a link that is not complete.
        working: While a button's answer is waited for.
        others: Above the account's other locations; `more` tells of those not listed, `{number}`.
        proof: What there is to do, or was done, about the second proof.
        link: Instead, for an owner whose address another account has.
        send_code: The button that sends a code; with `code`, the label of its field, and `prove`,
            the button that takes it.
        letter: Subject and text, with the code as `{code}` and the company as `{provider}`.
        rotate: What a new key does, its button, and the one that voids the old key at once.
        pbx_title: Above what is to be known of the telephone system: `pbx`, before the time of a
            note, or `pbx_works` if nothing is; `look` is the button that looks again.
        lines: Above the account's lines, and what they are for; `line` and `location_of_line` are
            the labels of the form that enters one, `enter_line` and `forget_line` the buttons.
        needs_lines: To who has several locations, or is about to, without a line of each: instead
            of a heading's text that nothing is left to do, and why.
        dead_line: Of one whose location has left the account, with the location's id as `{id}`.
        unknown_line: Of one that nobody has entered, with how many calls wait for it as `{number}`,
            up to the time of the last one.
        untold_line: Instead of a line that was not told, and what is needed for such calls.
        entered: What became of a line that was entered or removed.
        calls: Above the last calls, and if there are none; `payments` likewise.
        call: The fate of a call; `directions` its direction, `hidden` its number if there is none,
            `recording` a link that came when the call was in Altegio already.
        payment: The fate of a payment or a refund; `refund` names the latter, and
            says that it waits for its payment.
        portal: On the way to the company's own pages, and its button.
    """

    language: str
    standings: Mapping[Standing, tuple[str, str]]
    telephony: Mapping[TelephonyStanding, str]
    covered: str
    location: str
    connect: str
    try_again: str
    labels: Mapping[str, str]
    errors: Mapping[str, str]
    country: tuple[str, str, str]
    terms: tuple[str, str]
    contact: str
    help: str
    key: tuple[str, str]
    connected: Heading
    connected_before: Heading
    frozen: Heading
    mute: Heading
    needs_altegio: Heading
    welcome_back: Heading
    welcome: Heading
    to_correct: Heading
    partly: Heading
    under_way: Heading
    not_yet: Heading
    forged: Heading
    too_old: Heading
    incomplete: str
    reasons: Mapping[str, str]
    damaged: str
    open_again: str
    working: str
    others: str
    more: Plural
    proof: Mapping[Proof, str]
    link: str
    send_code: str
    code: str
    prove: str
    letter: tuple[str, str]
    rotate: tuple[str, str, str]
    pbx_title: str
    pbx: Mapping[PbxNote, str]
    pbx_works: str
    look: str
    lines: tuple[str, str]
    needs_lines: tuple[str, str]
    line: str
    location_of_line: str
    enter_line: str
    forget_line: str
    dead_line: str
    unknown_line: Plural
    untold_line: tuple[str, str]
    entered: Mapping[Entered, str]
    calls: tuple[str, str]
    call: Mapping[CallState, str]
    directions: Mapping[str, str]
    hidden: str
    recording: str
    payments: tuple[str, str]
    payment: Mapping[EntryState, str]
    refund: tuple[str, str]
    settings: Heading
    too_many: Heading
    needs_code: Heading
    later: Heading
    failed: Heading
    portal: Heading
    portal_button: str
    first_minutes: FirstMinutes
    missed: MissedCallers


# Of these, a language has the forms that it needs.
PLURALS = (
    "more",
    "unknown_line",
    "missed.summary",
    "missed.open",
    "missed.times",
    "missed.hidden",
    "missed.pressed",
    "missed.kept",
)


def completed[T: (Words, FirstMinutes, MissedCallers)](
    words: T, base: T, where: str = ""
) -> tuple[T, tuple[str, ...]]:
    """A language whose missing texts are those of another, and which these are.

    A field that is missing stops the import. What may be missing all the same is the word of a new
    state: then the page shows it in the other language, and does not fail.
    """
    missing: list[str] = []
    values: dict[str, Any] = {}
    for name in (each.name for each in fields(base)):
        own, other = getattr(words, name), getattr(base, name)
        if isinstance(other, FirstMinutes | MissedCallers):
            values[name], inner = completed(own, other, f"{name}.")
            missing += [f"{name}.{each}" for each in inner]
        elif isinstance(other, Mapping) and f"{where}{name}" not in PLURALS:
            values[name] = {**other, **own}
            missing += [f"{name}.{key}" for key in other if key not in own]
    return replace(words, **values), tuple(missing)


def preferred(accept_language: str, languages: Sequence[Words]) -> Words:
    """The first of the visitor's languages that there is; else the first of ours.

    Args:
        accept_language: the header, https://www.rfc-editor.org/rfc/rfc9110#name-accept-language
        languages: what there is.
    """
    known = {words.language: words for words in languages}
    best, weight = languages[0], 0.0
    for part in accept_language[:200].split(","):
        tag, _, parameter = part.strip().partition(";")
        words = known.get(tag.strip().partition("-")[0].lower())
        wanted = _weight(parameter)
        if words is not None and wanted > weight:
            best, weight = words, wanted
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
