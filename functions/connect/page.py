"""The connect page: every state in which an owner can find it, as HTML that works anywhere.

It runs inside Altegio's frame, so it needs no cookie, and no script: each step is a form. The
script that it brings only adds to that.
https://support.alteg.io/hc/en-us/articles/6756353811357-How-to-set-up-registration-via-iframe
"""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, ModuleLoader, StrictUndefined
from markupsafe import Markup

from functions.connect import visits, words, written
from functions.connect.brand import brand
from functions.connect.english import ENGLISH
from functions.connect.german import GERMAN
from functions.connect.recipes import Recipe, Values, filled
from functions.connect.russian import RUSSIAN
from functions.connect.spanish import SPANISH
from functions.connect.wiring import Settings
from functions.connect.words import Heading, Words, preferred
from shared import clock, countries
from shared.aws import http
from shared.aws.ses import Letter
from shared.calls.line_entry import Entered
from shared.calls.lines import is_number
from shared.calls.missed_calls import Closed
from shared.calls.shown import PopUp
from shared.clock import stamp
from shared.connect.first_ring import FirstRing, Watched
from shared.connect.missed_callers import Shown
from shared.connect.view import Proof, Standing, Visit
from shared.payments.meanings import waits_for_payment
from shared.telemetry import logger

if TYPE_CHECKING:
    from functions.connect.missed_view import View

_FOLDER = Path(__file__).parent
_SCRIPT = Markup((_FOLDER / "page.js").read_text("utf-8"))  # noqa: S704 - our own
# The artifact holds the template as Python, made by `local.build`; beside the sources is none.
TEMPLATES = Environment(
    loader=ChoiceLoader([ModuleLoader(_FOLDER), FileSystemLoader(_FOLDER)]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["stamp"] = stamp
_TEMPLATE = TEMPLATES.get_template("page.html")

# Made once, as there are more of them than of all else on the page. Their names, in the visitor's
# language, are the browser's: the script writes them in.
_COUNTRIES = "".join(
    f'<option value="{code}">{code} +{dialled}</option>'
    for code, dialled in sorted(countries.CODES.items())
)

# As postMessage takes them: a source of a policy may have a wildcard, or be a keyword.
_ORIGIN = re.compile(r"(?<!\S)https?://[A-Za-z0-9.\-]+(?::[0-9]+)?(?!\S)")


def spoken(others: Iterable[Words]) -> tuple[Words, ...]:
    """The languages beside English, which stands in for words that are missing; they are logged."""
    completed = [words.completed(each, ENGLISH) for each in others]
    for language, missing in completed:
        if missing:
            told = {"language": language.language, "number": len(missing), "missing": missing}
            logger.warning("words are missing", extra=told)
    return tuple(language for language, _ in completed)


OTHERS = (SPANISH, GERMAN, RUSSIAN)
# The first one is for whoever speaks none of them.
LANGUAGES = (ENGLISH, *spoken(OTHERS))

# The page that waits looks again so often, in seconds; and so often once it has waited for long.
_SOON_S, _LATER_S, _EAGER = 5, 20, timedelta(minutes=10)
_MINUTE_S = 60

# Made beforehand, and in all languages: whatever fails, this does not.
FAILED = http.answer(
    500,
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>500</title>'
    + "".join(
        f'<section lang="{words.language}"><h1>{words.failed.title}</h1>'
        f"<p>{words.failed.lead}</p></section>"
        for words in LANGUAGES
    ),
    {"content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff"},
)


# When, what, its fate, that as a word for machines, and a link that Altegio lacks.
type _Shown = tuple[datetime, str, str, str, str]


class Page:
    """Answers with the page in one of its states, in the visitor's `language`, at its `address`."""

    def __init__(self, settings: Settings, accept_language: str, origin: str) -> None:
        """For one visitor; `origin` is the address that he came to, which his PBX has to know."""
        self._settings = settings
        self._words = preferred(accept_language, LANGUAGES)
        self._origin = origin
        self.language, self.address = self._words.language, f"{origin}/connect"

    def visit(self, visit: Visit) -> dict[str, Any]:
        """The owner has arrived, or has pressed a button that connects nothing."""
        standings = {location.standing for location in visit.locations}
        is_wrong = visit.wrong or visit.entered not in (None, Entered.DONE)
        status = 422 if is_wrong else 200
        if visit.has_asked_too_many and visit.proof is not Proof.GIVEN:
            has_code = visit.proof is not Proof.IMPOSSIBLE
            heading = self._words.needs_code if has_code else self._words.too_many
            return self._answer(429, heading, visits.known(visit))
        if visit.proof not in (Proof.IMPOSSIBLE, Proof.OFFERED):
            heading = self._words.settings
        elif standings == {Standing.CONNECTED}:
            is_mute = visits.is_mute(visit)
            heading = self._words.mute if is_mute else self._words.connected_before
            if not is_mute and visits.needs_lines(visit):
                heading = Heading(heading.title, self._words.needs_lines[0])
        elif Standing.FROZEN in standings and standings <= visits.INSTALLED:
            heading = self._words.frozen
        elif visits.is_under_way(visit):
            return self._answer(status, self._words.under_way, visit, self._words.look)
        elif not visit.can_connect:
            heading = self._words.needs_altegio
        elif visit.account is not None:
            heading = self._words.welcome_back
        else:
            heading = self._words.welcome
        return self._answer(status, heading, visit, self._words.connect)

    def result(self, visit: Visit) -> dict[str, Any]:
        """The owner has pressed the button."""
        if visit.wrong:
            return self._answer(422, self._words.to_correct, visit, self._words.connect)
        standings = {location.standing for location in visit.locations}
        toast = "error"
        if Standing.FROZEN in standings and standings <= visits.INSTALLED:
            heading = self._words.frozen
        elif standings == {Standing.CONNECTED} and visits.is_mute(visit):
            heading = self._words.mute
        elif standings == {Standing.CONNECTED}:
            heading, toast = self._words.connected, "success"
            if visit.pbx_key:
                heading = Heading(heading.title, self._words.first_minutes.needs_key)
            elif visits.needs_lines(visit):
                heading = Heading(heading.title, self._words.needs_lines[0])
        elif visits.is_under_way(visit):
            return self._answer(200, self._words.under_way, visit, self._words.look)
        elif Standing.CONNECTED in standings:
            heading = self._words.partly
        else:
            heading = self._words.not_yet
        return self._answer(200, heading, visit, self._words.try_again, toast=toast)

    def portal(self, ticket: str, *, is_framed: bool) -> dict[str, Any]:
        """The owner goes on to the company's own pages, which know him only outside a frame."""
        address = f"{self._settings.portal_url}?{urlencode({'ticket': ticket})}"
        if is_framed:
            return self._answer(200, self._words.portal, address=address)
        return http.answer(303, "", {"location": address, "referrer-policy": "no-referrer"})

    def to_wait(self, watch: str) -> dict[str, Any]:
        """On to the page that waits for the first ring, which has an address of its own."""
        address = f"?{urlencode({'wait': watch})}"
        return http.answer(303, "", {"location": address, "referrer-policy": "no-referrer"})

    def waiting(self, watched: Watched) -> dict[str, Any]:
        """What came last of the telephone system; it looks again by itself until it rang."""
        age = watched.now - watched.since
        soon = age < _EAGER
        every_s = 0 if watched.ring.rang else _SOON_S if soon else _LATER_S
        heading = self._words.first_minutes.ring[watched.ring.what]
        return self._answer(200, heading, ring=watched.ring, every_s=every_s)

    def too_often(self) -> dict[str, Any]:
        """The pages that wait have asked too often."""
        return self._answer(429, self._words.first_minutes.too_often)

    def missed(self, shown: Shown | Visit, *, is_file: bool = False) -> dict[str, Any]:
        """Who was missed at a location, or a file of it; the settings, if he may not see that."""
        if isinstance(shown, Visit):
            return self.visit(shown)
        from functions.connect import missed_view  # noqa: PLC0415 - few visits see it

        if is_file:
            return _file(shown.location_id, missed_view.table(shown, self._words))
        view = missed_view.view(shown, self._words, clock.now(), self._settings.call_days)
        status = 200 if shown.closed in (None, Closed.DONE) else 422
        return self._answer(status, self._words.missed.page, missed=view)

    def stop_letter(self, letter: str) -> dict[str, Any]:
        """Somebody has opened the link with which a letter is stopped."""
        return self._answer(200, self._words.missed.stop, letter=letter)

    def letter_stopped(self) -> dict[str, Any]:
        """He has pressed the button as well."""
        return self._answer(200, self._words.missed.stopped)

    def letter(self, code: str) -> Letter:
        """What is sent to somebody who has to prove that an account is his."""
        named = {"code": code, "provider": self._settings.provider_name}
        subject, text = (each.format(**named) for each in self._words.letter)
        return Letter(subject, f"{text}\n")

    def too_many(self) -> dict[str, Any]:
        """Somebody asks about the locations of others."""
        return self._answer(429, self._words.too_many)

    def later(self) -> dict[str, Any]:
        """Nothing can be proven now, as the partner token cannot be read."""
        answer = self._answer(503, self._words.later)
        answer["headers"]["retry-after"] = http.RETRY_AFTER
        return answer

    def bad_signature(self) -> dict[str, Any]:
        """Somebody, not Altegio, wrote the link; or the partner token is not the right one."""
        return self._answer(403, self._words.forged)

    def bad_redirect(self, why: str) -> dict[str, Any]:
        """The link is incomplete or damaged."""
        words = self._words
        lead = f"{words.reasons.get(why, words.damaged)} {words.open_again}"
        return self._answer(400, Heading(words.incomplete, lead))

    def unknown_ticket(self) -> dict[str, Any]:
        """The form comes from a page that is too old, or from elsewhere."""
        return self._answer(410, self._words.too_old)

    def _answer(
        self,
        status: int,
        heading: Heading,
        visit: Visit | None = None,
        button: str = "",
        *,
        toast: str = "",
        address: str = "",
        ring: FirstRing | None = None,
        every_s: int = 0,
        missed: "View | None" = None,
        letter: str = "",
    ) -> dict[str, Any]:
        nonce = secrets.token_urlsafe(16)
        name = visit.account.name if visit and visit.account else ""
        html = _TEMPLATE.render(
            title=heading.title.format(name=name),
            lead=heading.lead,
            visit=visit,
            phone=visits.phone(visit),
            countries=_countries(visit.country if visit else ""),
            others=visits.others(visit),
            lines=visits.lines(visit),
            moment=partial(written.moment, self._words.language),
            counted=partial(written.counted, self._words.language),
            recipes=self._recipes(visit),
            ring=ring,
            ring_location=self._where(ring),
            late=self._late(ring),
            aside=Markup(' target="_blank" rel="noopener"') if visit and visit.pbx_key else "",
            every_s=every_s,
            missed=missed,
            letter=letter,
            needs_lines=visits.needs_lines(visit),
            names=visit.belongings.names if visit and visit.belongings else {},
            calls=self._calls(visit),
            payments=self._payments(visit),
            button=button,
            words=self._words,
            nonce=nonce,
            script=_SCRIPT,
            hosts=" ".join(_ORIGIN.findall(self._settings.frame_ancestors)),
            toast=toast,
            address=address,
            provider=self._settings.provider_name,
            terms_url=self._settings.terms_url,
            contact_url=self._settings.contact_url,
            help_url=self._settings.help_url,
            logo_url=self._settings.logo_url,
            brand=brand(self._settings.brand_color),
        )
        logo_origin = "/".join(self._settings.logo_url.split("/")[:3])
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            f"connect-src {"'self'" if every_s else "'none'"}; "
            f"form-action 'self'; base-uri 'none'; img-src {logo_origin or "'none'"}; "
            f"frame-ancestors {self._settings.frame_ancestors}"
        )
        return http.answer(
            status,
            html,
            {
                "content-type": "text/html; charset=utf-8",
                "content-language": self._words.language,
                "content-security-policy": policy,
                "referrer-policy": "no-referrer",
                "x-content-type-options": "nosniff",
            },
        )

    def _recipes(self, visit: Visit | None) -> tuple[Recipe, ...]:
        """For whoever sees the key, or may make a new one."""
        if visit is None or visit.account is None:
            return ()
        if not visit.pbx_key and visit.proof is not Proof.GIVEN:
            return ()
        numbers = [key for key in visit.account.lines if is_number(key)]
        values = Values(
            origin=self._origin,
            key=visit.pbx_key or "",
            number=numbers[0].removeprefix("+") if len(numbers) == 1 else "",
            location_id=visits.of_his(visit),
        )
        return filled(values)

    def _where(self, ring: FirstRing | None) -> str:
        """Where it rang, or which location was named."""
        if ring is None or ring.location_id is None:
            return ""
        return f"{ring.name} ({ring.location_id})" if ring.name else str(ring.location_id)

    def _late(self, ring: FirstRing | None) -> str:
        """By how much a ring was told too late."""
        words = self._words.first_minutes
        if ring is None or ring.what is not PopUp.LATE:
            return ""
        if ring.late_s < 2 * _MINUTE_S:
            return words.seconds.format(number=ring.late_s)
        return words.minutes.format(number=round(ring.late_s / _MINUTE_S))

    def _calls(self, visit: Visit | None) -> list[_Shown]:
        """The last calls, as they are visits."""
        happened = visit.belongings.happened if visit and visit.belongings else None
        return [
            (
                call.entry.started_at,
                (
                    f"{self._words.directions[call.leg.direction]}, "
                    f"{call.leg.phone or call.leg.written or self._words.hidden}"
                ),
                self._words.call[call.state],
                call.state,
                call.late_link,
            )
            for call in (happened.calls if happened else ())
            if call.leg is not None
        ]

    def _payments(self, visit: Visit | None) -> list[_Shown]:
        """The last payments and refunds, as they are visits."""
        happened = visit.belongings.happened if visit and visit.belongings else None
        return [
            (
                entry.received_at,
                self._words.refund[0]
                if entry.is_refund
                else written.total(
                    self._words.language, entry.payment.amount, entry.payment.currency
                ),
                self._words.refund[1]
                if waits_for_payment(entry)
                else self._words.payment[entry.state],
                entry.state,
                "",
            )
            for entry in (happened.payments if happened else ())
        ]


def _countries(chosen: str) -> Markup:
    """All of them; what is no country changes nothing."""
    option = f'value="{chosen}"'
    # Our own table's, as whatever is put in stands there already.
    return Markup(_COUNTRIES.replace(option, f"selected {option}"))  # noqa: S704


def _file(location_id: int, text: str) -> dict[str, Any]:
    """For a program for tables."""
    return http.answer(
        200,
        text,
        {
            "content-type": "text/csv; charset=utf-8",
            "content-disposition": f'attachment; filename="missed-{location_id}.csv"',
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        },
    )
