"""The report of a rehearsal: for a program (JSON), and for whoever reads the moderation request."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from local import PROJECT
from local.rehearsal.mask import Mask
from local.rehearsal.play import SETTINGS, Outcome, Rehearsal
from local.simulator import Call, Delivery
from local.stack.template import Template

NAMES = ("report.json", "report.html")

_PAGE = Path(__file__).with_name("report.html")
_HEADERS = ("accept", "authorization", "content-type")
# Addresses of the emulator and of the machine: nobody else has use for them.
_SETTINGS_LEFT_OUT = frozenset({"APPLICATION_ID", "PLATFORM_APP_URL", "PLATFORM_API_URL"})


def remove(folder: Path) -> None:
    """Take an earlier report away: what is found after a rehearsal is of that rehearsal."""
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)


def write(rehearsal: Rehearsal, folder: Path, mask: Mask) -> None:
    """Write `report.json` and `report.html`.

    Args:
        rehearsal: What happened.
        folder: Made if missing.
        mask: Takes out what is nobody's business.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = mask(_report(rehearsal))
    text = json.dumps(report, ensure_ascii=False, indent=2)
    (folder / "report.json").write_text(f"{text}\n", encoding="utf-8")
    pages = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters["compact"] = lambda value: json.dumps(value, ensure_ascii=False)
    page = pages.from_string(_PAGE.read_text("utf-8")).render(report)
    (folder / "report.html").write_text(page, encoding="utf-8")


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


def _report(rehearsal: Rehearsal) -> dict[str, Any]:
    return {
        "began_at": _time(rehearsal.began_at),
        "seconds": round(rehearsal.seconds, 1),
        "has_passed": rehearsal.has_passed,
        "commit": commit(),
        "configuration": {
            "application_id": rehearsal.platform.application_id,
            "platform": "simulator of the Altegio Marketplace",
            "registration_redirect": rehearsal.platform.redirect_url,
            "webhook": rehearsal.platform.callback_url,
            "settings": _settings(),
            "changed_for_the_rehearsal": list(SETTINGS),
        },
        "checks": [_check(outcome) for outcome in rehearsal.outcomes],
    }


def _settings() -> Mapping[str, str]:
    """The functions' settings that a deployment may change, as they were in the rehearsal."""
    template = Template.read(PROJECT / "template.yaml")
    settings = {
        name: str(template.parameters[parameter])
        for name, parameter in sorted(template.variables.items())
        if parameter is not None and name not in _SETTINGS_LEFT_OUT
    }
    return {**settings, **SETTINGS}


def _check(outcome: Outcome) -> dict[str, Any]:
    played = [
        {
            "name": each.step.name,
            "verdict": "failed" if each.failure else "passed",
            "began_at": _time(each.began_at),
            "seconds": round(each.seconds, 2),
            "evidence": each.evidence,
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
        "failure": outcome.failure._asdict() if outcome.failure else None,
        "seconds": round(outcome.seconds, 2),
        "steps": played + left_out,
        "owner_saw": [
            {
                "at": _time(sight.at),
                "did": sight.did,
                "address": sight.page.address,
                "status": sight.page.status,
                "title": sight.page.title,
                "locations": {str(key): each for key, each in sight.page.standings.items()},
                "asked_for": list(sight.page.form.asked) if sight.page.form else [],
            }
            for sight in outcome.stage.sights
        ],
        "platform_calls": [_call(call) for call in outcome.calls],
        "webhooks": [_webhook(each) for each in outcome.webhooks],
        "platform_records": [
            {
                "location_id": record.location_id,
                "state": record.state,
                "log": [asdict(entry) for entry in record.log],
                "payments": [
                    asdict(payment) | {"payment_sum": str(payment.payment_sum)}
                    for payment in record.payments
                ],
            }
            for record in outcome.records
        ],
    }


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
