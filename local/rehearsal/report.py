"""The report of a rehearsal: for a program (JSON), and for whoever reads the moderation request.

That is a page (HTML), and where there is a Chromium, the same for paper (PDF).
"""

import json
import re
import shutil
import subprocess
import tomllib
from base64 import b64encode
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from local import PROJECT
from local.rehearsal import telephony
from local.rehearsal.album import Album, Seen
from local.rehearsal.checklist import points
from local.rehearsal.mask import Mask
from local.rehearsal.play import Outcome, Rehearsal
from local.rehearsal.settings import CHANGED, Settings
from local.simulator import Call, Delivery

NAMES = ("report.pdf", "report.html", "report.json")

_PAGE = Path(__file__).with_name("report.html")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?")
# What a moderator wants to read as it was sent, once.
_ABOUT: Final = {
    1: ("callback",),
    2: ("payment",),
    3: ("refund",),
    telephony.NUMBER: ("enable", "event", "history", "disable"),
}
_HEADERS = ("accept", "authorization", "content-type")


def remove(folder: Path) -> None:
    """Take an earlier report away: what is found after a rehearsal is of that rehearsal."""
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)


def write(rehearsal: Rehearsal, album: Album, folder: Path, mask: Mask) -> list[str]:
    """Write the report, and return the names of its files.

    Args:
        rehearsal: What happened.
        album: What the owners saw.
        folder: Made if missing.
        mask: Takes out what is nobody's business.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = mask(_report(rehearsal, album))
    text = json.dumps(report, ensure_ascii=False, indent=2)
    (folder / "report.json").write_text(f"{text}\n", encoding="utf-8")
    pages = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters["unbroken"] = _unbroken
    pages.filters["compact"] = lambda value: json.dumps(value, ensure_ascii=False)
    pictures = [
        {**each._asdict(), "jpeg": b64encode(each.jpeg).decode()} for each in album.pictures()
    ]
    html = pages.from_string(_PAGE.read_text("utf-8")).render(
        report, pictures=pictures, why_no_pictures=album.why_none
    )
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    name = rehearsal.settings["PROVIDER_NAME"]
    foot = f"{name}: moderation rehearsal, {_day(rehearsal.began_at)}"
    is_printed = album.print(page, folder / "report.pdf", escape(foot))
    return list(NAMES if is_printed else NAMES[1:])


def _unbroken(text: str) -> Markup:
    """A text whose times stay on one line: at its hyphens a browser breaks a date."""
    return Markup(_TIME.sub(r"<time>\g<0></time>", str(escape(text))))  # noqa: S704  # escaped


def version() -> str:
    """The version of the project."""
    told = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    return str(told["project"]["version"])


def commit() -> str | None:
    """The commit that was rehearsed, "-dirty" if it was changed since; None outside of git."""
    git = shutil.which("git")
    if git is None:
        return None
    told = subprocess.run(
        [git, "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or None if told.returncode == 0 else None


def _provider(settings: Settings) -> dict[str, Any]:
    return {
        "name": settings["PROVIDER_NAME"],
        "is_named": settings.each["PROVIDER_NAME"].is_given,
        "color": settings["BRAND_COLOR"],
        "contact": settings["CONTACT_URL"],
        "help": settings["HELP_URL"],
        "terms": settings["TERMS_URL"],
        "trial_days": settings["TRIAL_DAYS"],
    }


def _report(rehearsal: Rehearsal, album: Album) -> dict[str, Any]:
    settings = rehearsal.settings.each
    return {
        "provider": _provider(rehearsal.settings),
        "began_at": _time(rehearsal.began_at),
        "seconds": round(rehearsal.seconds, 1),
        "has_passed": rehearsal.has_passed,
        "version": version(),
        "commit": commit(),
        "configuration": {
            "application_id": rehearsal.platform.application_id,
            "is_id_given": rehearsal.settings.is_id_given,
            "platform": "simulator of the Altegio Marketplace",
            "registration_redirect": rehearsal.platform.redirect_url,
            "webhook": rehearsal.platform.callback_url,
            "settings": {name: it.value for name, it in sorted(settings.items())},
            "changed_for_the_rehearsal": list(CHANGED),
        },
        "settings": [asdict(it) for _, it in sorted(settings.items())],
        "checks": [_check(outcome, album) for outcome in rehearsal.outcomes],
        "pages": [_page(each) for each in album.pages()],
    }


def _page(seen: Seen) -> dict[str, Any]:
    page = seen.page
    return {
        "title": page.title,
        "status": page.status,
        "is_portal": urlsplit(page.address).path != "/connect",
        "did": seen.did,
        "standings": sorted(set(page.standings.values())),
        "telephony": sorted(set(page.telephony.values())),
        "asked_for": list(page.form.asked) if page.form else [],
        "shows_a_key": bool(page.pbx_key),
        "seen_in_checks": {str(check): times for check, times in Counter(seen.checks).items()},
    }


def _check(outcome: Outcome, album: Album) -> dict[str, Any]:
    played = [
        {
            "name": each.step.name,
            "verdict": "failed" if each.failure else "passed",
            "began_at": _time(each.began_at),
            "seconds": round(each.seconds, 2),
            "evidence": [it._asdict() for it in each.evidence],
            "failure": each.failure._asdict() if each.failure else None,
        }
        for each in outcome.steps
    ]
    left_out = [
        {"name": step.name, "verdict": "not played"}
        for step in outcome.check.steps[len(outcome.steps) :]
    ]
    return {
        "number": outcome.check.number,
        "title": outcome.check.title,
        "verdict": outcome.verdict,
        "points": [asdict(each) for each in points(outcome)],
        "failure": outcome.failure._asdict() if outcome.failure else None,
        "is_of_the_end": bool(outcome.failure and outcome.failure is outcome.afterthought),
        "seconds": round(outcome.seconds, 2),
        "steps": played + left_out,
        "owner_saw": [
            {
                "at": _time(sight.at),
                "did": sight.did,
                "address": sight.page.address,
                "status": sight.page.status,
                "title": sight.page.title,
                "page": album.place(sight.page, outcome.stage.owner.name),
                "locations": {str(key): each for key, each in sight.page.standings.items()},
                "asked_for": list(sight.page.form.asked) if sight.page.form else [],
            }
            for sight in outcome.stage.sights
        ],
        "examples": [_call(call) for call in _examples(outcome)],
        "platform_calls": [_call(call) for call in outcome.calls],
        "webhooks": [_webhook(each) for each in outcome.webhooks],
        "platform_records": [
            {
                "location_id": record.location_id,
                "state": record.state,
                "log": [{**asdict(entry), "at": entry.at.isoformat()} for entry in record.log],
                "payments": [
                    asdict(payment) | {"payment_sum": str(payment.payment_sum)}
                    for payment in record.payments
                ],
            }
            for record in outcome.records
        ],
    }


def _examples(outcome: Outcome) -> list[Call]:
    """Of each kind of request that the check is about, the first that Altegio took."""
    taken = {it.route: it for it in reversed(outcome.calls) if it.recorded and not it.fault}
    return [taken[route] for route in _ABOUT.get(outcome.check.number, ()) if route in taken]


def _call(call: Call) -> dict[str, Any]:
    return {
        "at": _time(call.at),
        "method": call.method,
        "path": call.path,
        "route": call.route,
        "headers": {name: call.headers[name] for name in _HEADERS if name in call.headers},
        "body": call.body,
        "status": call.status,
        "recorded": call.recorded,
        "fault": call.fault,
        "violation": call.violation,
    }


def _webhook(delivery: Delivery) -> dict[str, Any]:
    return {
        "at": _time(delivery.sent_at),
        "body": delivery.body,
        "status": delivery.status,
        "error": delivery.error,
        "seconds": round(delivery.elapsed, 3),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _day(moment: datetime) -> str:
    return f"{moment:%F %R} UTC"
