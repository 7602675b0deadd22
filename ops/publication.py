"""What goes into Altegio's Developer Cabinet before moderation, and whether the stack is ready."""

import argparse
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ops import screen
from ops.assumptions import Verdict, assumptions, list_of_calls
from ops.site import Site
from shared import clock
from shared.altegio import webhook as lifecycle
from shared.altegio.client import Refused, Unreachable
from shared.altegio.redirect import NO_SIGN

# The instructions of a moderation request have 3 to 1000 characters.
_TEXT = range(3, 1001)
_PATIENCE_S = 30
_TOKEN = ("401", "406")
_FORGED = {"salon_id": 1, "event": "uninstall", "partner_token": lifecycle.NO_TOKEN}

# By their headings; in braces is what the stack is set to.
_SECTION = re.compile(r"# (.+)\n\n((?:[^#\n].*\n)+)")
_TEXTS = dict(_SECTION.findall(Path(__file__).with_suffix(".md").read_text("utf-8")))
_BY_HAND = f"By hand. {_TEXTS.pop('By hand')}"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to be true before the moderation."""

    what: str
    passed: bool
    seen: str


def publication(site: Site, options: argparse.Namespace) -> int:
    """Prints what to fill in, and the checks; 1 if one fails. Of a location, what holds there."""
    if options.location is not None:
        return assumptions(site, options)
    values, texts = _values(site), _texts(site)
    wrong = [name for name, text in texts.items() if len(text) not in _TEXT]
    fit = Check("the texts fit", not wrong, ", ".join(wrong) or f"{len(texts)} texts")
    # This machine may reach the world by a proxy only, and itself without one.
    with httpx.Client(timeout=_PATIENCE_S, trust_env=not _is_local(site)) as http:
        checks = [fit, *_preflight(site, http)]
    plain = {"values": values, "texts": texts, "checks": [asdict(each) for each in checks]}
    screen.printed(options, _told(site, values, texts, checks), plain)
    return int(not all(each.passed for each in checks))


def _told(site: Site, values: dict[str, str], texts: dict[str, str], checks: list[Check]) -> str:
    checks = sorted(checks, key=lambda it: it.passed)
    failed = [f"{it.what} ({it.seen.rstrip('.')})" for it in checks if not it.passed]
    verdict = "Not ready" if failed else "Ready, as far as it can be looked at"
    if _is_local(site):
        verdict = "A local stack, which only this machine reaches, so it is not what is published"
    told = f": {'; '.join(failed)}" if failed else ""
    of = f"{len(failed)} {'does' if len(failed) == 1 else 'do'} not hold" if failed else "all hold"
    verdict += f". Of {screen.counted(len(checks), 'check')}, {of}{told}."
    rows = [("ok" if it.passed else "FAILED", it.what, it.seen) for it in checks]
    parts = [
        screen.wrapped(verdict),
        *screen.below(("CHECK", "WHAT", "SEEN"), rows),
        f"\nFor the Developer Cabinet, application {values['Application']} ({site.name})",
        screen.facts([*values.items()]),
    ]
    for name, text in texts.items():
        parts.append(f"\n{name} ({len(text)} of {_TEXT[-1]} characters)\n")
        parts += [screen.wrapped(line, indent="  ") for line in text.splitlines()]
    return "\n".join([*parts, f"\n{screen.wrapped(_BY_HAND)}"])


def _is_local(site: Site) -> bool:
    return urlsplit(site.outputs["RedirectUrl"]).hostname in ("127.0.0.1", "localhost")


def _values(site: Site) -> dict[str, str]:
    cover = site.settings.cover
    return {
        "Application": str(site.settings.platform.application_id),
        "Registration Redirect Url": site.outputs["RedirectUrl"],
        "Callback Url": site.outputs["WebhookUrl"],
        "Transmit user data when connecting": "on",
        "Allow to add to several locations": "on",
        "Open the settings in a frame": "on: the same page, with how each location stands",
        "Trial": "none, the application is free" if cover.free else f"{cover.trial_days} days",
        "Right to view Overview - Calls": "on: whether a call was saved, only that list tells",
        "All other rights": "off",
    }


def _texts(site: Site) -> dict[str, str]:
    cover, erase_s = site.settings.cover, site.settings.lifecycle.erase_after_s
    trial = "no end, as the application is free" if cover.free else f"{cover.trial_days} days"
    values = {"erase_days": f"{erase_s / 86400:g}", "call_days": site.calls_settings.call_days}
    # A line per step, as it is to be pasted.
    steps = {name: re.split(r"\n(?=[0-9]\. )", text) for name, text in _TEXTS.items()}
    whole = {name: "\n".join(" ".join(it.split()) for it in each) for name, each in steps.items()}
    return {name: text.format(trial=trial, **values) for name, text in whole.items()}


def _preflight(site: Site, http: httpx.Client) -> Iterator[Check]:
    """Only what changes nothing: reads, and requests that have to be refused."""
    redirect, webhook = site.outputs["RedirectUrl"], site.outputs["WebhookUrl"]
    if not _is_local(site):
        public = all(urlsplit(url).scheme == "https" for url in (redirect, webhook))
        yield Check("the addresses are https", public, "yes" if public else redirect)
    # The platform asks so before it keeps the address.
    yield _answers("the webhook answers GET", lambda: http.get(webhook), 200)
    yield _answers("the webhook answers HEAD", lambda: http.head(webhook), 200)
    yield _answers("a forged webhook is refused", lambda: http.post(webhook, json=_FORGED), 403)
    forged = f"{redirect}?salon_id=1&user_data=e30=&user_data_sign={NO_SIGN}"
    yield _answers("a forged redirect is refused", lambda: http.get(forged), 403)
    yield _asked("Altegio may frame the page", lambda: http.get(forged), _framed)
    calls = site.outputs["CallsUrl"]
    yield _answers("calls without a key are refused", lambda: http.post(calls, json={}), 401)
    ids: list[int] = []
    takes = "the platform takes the partner token"
    knows = f"the token is of application {site.settings.platform.application_id}"
    try:
        ids = [it.id for it in site.platform.locations(page=1)]
    except (Refused, Unreachable) as error:
        # Nobody asks while it refuses us: what it had answered.
        until, why = site.pace.braked()
        seen = f"{why.rstrip('.')}; {error}" if until > clock.now() and why else str(error)
        # Of a wrong application, the token is not to be blamed.
        is_taken = seen.startswith("4") and not seen.startswith(_TOKEN)
        yield Check(knows if is_taken else takes, passed=False, seen=seen)
    else:
        yield Check(takes, passed=True, seen=f"it lists {screen.counted(len(ids), 'location')}")
    token = site.user_token.known()
    parameter = site.calls_settings.user_token_parameter
    seen = f"in {parameter}" if token else f"none in {parameter}"
    yield Check("there is a user token", token is not None, seen)
    if token is not None and ids:
        verdict, seen = list_of_calls(site, ids[0])
        yield Check("the list of calls may be read", verdict is Verdict.HOLDS, seen)


def _answers(what: str, ask: Callable[[], httpx.Response], status: int) -> Check:
    return _asked(what, ask, lambda it: (it.status_code == status, f"{it.status_code}"))


def _asked(
    what: str,
    ask: Callable[[], httpx.Response],
    judged: Callable[[httpx.Response], tuple[bool, str]],
) -> Check:
    try:
        return Check(what, *judged(ask()))
    except httpx.HTTPError as error:
        return Check(what, passed=False, seen=type(error).__name__)


def _framed(answer: httpx.Response) -> tuple[bool, str]:
    """Altegio shows the page in a frame, and nobody else may."""
    policy = answer.headers.get("content-security-policy", "")
    ancestors = policy.partition("frame-ancestors ")[2].partition(";")[0].split()
    barred = "x-frame-options" in answer.headers
    seen = "X-Frame-Options forbids it" if barred else f"{' '.join(ancestors) or 'nobody'} may"
    return bool(ancestors) and not barred and "*" not in ancestors, seen
