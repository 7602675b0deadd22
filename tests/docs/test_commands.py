"""Every command of the pages that can run on this machine runs, as it is written."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local import PROJECT
from ops.__main__ import main as operate
from tests.deployment import finished
from tests.docs import pages

# What a page leaves open, and what is there on a new local stack.
OPEN = {"LOCATION": "4564", "ACCOUNT_ID": "acme-1", "SEED": "962544230", " --stack-name NAME": ""}
# Of `tests.bench.costs`, test_costs.py compares what it prints; of `.growth`, test_speed.py a part.
MODULES = (
    "local",
    "ops",
    "tests.chaos",
    "tests.chaos.kills",
    "tests.bench.costs",
    "tests.bench.growth",
)


def filled(command: str) -> str:
    for name, value in OPEN.items():
        command = command.replace(name, value)
    return command


PYTHONS = {
    filled(command)
    for name in pages.names()
    for command in pages.commands(name)
    if command.startswith(pages.PYTHON)
}
WITHOUT_STACK = {each for each in PYTHONS if "--help" in each or "-m tests.chaos" in each}
OPERATORS = {
    each
    for each in PYTHONS - WITHOUT_STACK
    # COMMAND stands for any of them.
    if each.startswith(f"{pages.PYTHON} -m ops ") and "COMMAND" not in each
}
[UP] = [each for each in pages.commands("docs/portal.md") if f"{pages.PYTHON} -m local up" in each]


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Types a command, in bash, in the project's folder."""
    return subprocess.run(  # noqa: S603 - the pages' own commands
        ["/bin/bash", "-c", command],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The local stack, as the page about portals starts it."""
    announced = tmp_path_factory.mktemp("stack") / "stack.json"
    command = [
        "exec",
        *shlex.split(UP),
        "--set",
        "RECONCILE_EVERY_S=1",
        "--announce",
        str(announced),
    ]
    with subprocess.Popen(  # noqa: S603 - the page's own command
        ["/bin/bash", "-c", " ".join(command)], cwd=PROJECT, stdout=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 180
        while not announced.exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield {**json.loads(announced.read_text()), "announced": str(announced)}
        process.terminate()
        process.wait(180)


def test_every_program_that_is_run_is_known() -> None:
    """A new kind of command needs a test of its own here."""
    commands = [command for name in pages.names() for command in pages.commands(name)]
    known = re.compile(
        r"make|aws (?:ssm|sqs|dynamodb|lambda|cloudformation) |curl "
        rf"|{pages.PYTHON} -m pytest tests/"
        rf"|{pages.PYTHON} -m (?:{'|'.join(MODULES)})(?: |$)"
        r"|(?:build/venvs/sam/bin/)?sam (?:build|deploy|local|delete|validate)"
    )
    assert [command for command in commands if not known.match(command)] == []
    assert len(commands) > 50


@pytest.mark.parametrize("command", sorted(WITHOUT_STACK))
def test_a_command_without_a_stack(command: str) -> None:
    ended = shell(command)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


def test_the_requests_of_billing(stack: dict[str, Any]) -> None:
    # Before the operator's commands, one of which says that the tables were restored.
    known = re.search("`(local-billing-key[a-z-]*)`", pages.text("docs/billing.md"))
    assert known is not None
    environment = {"BILLING_KEY": known[1], "API": stack["api"]}
    for command, printed in pages.transcripts("docs/billing.md"):
        expected = json.loads(printed)
        until = time.monotonic() + 120
        while True:
            answered = json.loads(shell(command, **environment).stdout)
            for entry, told in (
                (answered.get(it), expected.get(it)) for it in ("payment", "refund")
            ):
                if entry and told:
                    entry |= {name: "..." for name, value in told.items() if value == "..."}
            # Its wake-up is on its way.
            if answered == expected or time.monotonic() > until:
                break
            time.sleep(0.2)
        assert answered == expected


def test_the_requests_of_stripe(stack: dict[str, Any]) -> None:
    [(_, script)] = [it for it in pages.blocks("docs/billing/stripe.md") if it[0] == "sh"]
    [(_, printed)] = [it for it in pages.blocks("docs/billing/stripe.md") if it[0] == ""]
    names = Path(stack["announced"]).with_suffix(".env")
    assert shell(f". {names}\n{script}").stdout == printed


@pytest.mark.parametrize("command", sorted(OPERATORS))
def test_a_command_of_the_operator(
    command: str,
    stack: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, pipe, rest = command.partition(" | ")
    page = tmp_path / "redirect.txt"
    page.write_text("https://provider.example/connect?salon_id=4564")
    first = f"{first.replace('redirect.txt', str(page))} --announced {stack['announced']}"
    if pipe:
        ended = shell(f"{first}{pipe}{rest}")
        out, err = ended.stdout, ended.stderr
    else:
        # In this process, as each of its own loads the same for a second; a traceback would be
        # an error here. The command sets the variable.
        monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        python, *words = shlex.split(first)
        assert (python, words[:2]) == (pages.PYTHON, ["-m", "ops"])
        operate(words[2:])
        out, err = capsys.readouterr()
    # What it says is for the tests of the operator's commands: nothing is connected here.
    assert "usage:" not in err
    assert "Traceback" not in err
    assert out or err


def operators_help(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    # In this process, as there are many: each command has its own.
    with pytest.raises(SystemExit):
        operate([*words, "--help"])
    return capsys.readouterr().out


def operators_commands(capsys: pytest.CaptureFixture[str]) -> set[str]:
    return set(re.findall(r"^    ([a-z-]+)", operators_help(capsys), re.MULTILINE))


def test_the_table_of_the_operator_has_every_command_and_option(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told: dict[str, set[str]] = {}
    for cells in pages.rows("docs/operations.md", "## The operator's commands"):
        for command in re.findall("`(.*?)`", cells[0]):
            name = command.split()[0]
            told.setdefault(name, set()).update(re.findall(r"--[a-z-]+", " ".join(cells)))
    assert set(told) == operators_commands(capsys)
    for name, options in told.items():
        assert options <= set(re.findall(r"--[a-z-]+", operators_help(capsys, name))), name


def test_an_alarm_is_answered_by_commands_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    commands = operators_commands(capsys)
    answers = [
        command
        for cells in pages.rows("docs/operations.md", "## Runbook")
        for command in re.findall(r"`([a-z-]+(?: [^`]*--[^`]*| [A-Z]+))`", cells[2])
    ]
    assert len(answers) > 5
    for command in answers:
        name, *words = command.split()
        assert name in commands, command
        options = {word for word in words if word.startswith("--")}
        assert options <= set(re.findall(r"--[a-z-]+", operators_help(capsys, name))), command


def test_the_portals_requests(stack: dict[str, Any]) -> None:
    told = dict(pages.transcripts("docs/portal.md"))
    arrived = httpx.post(
        f"{stack['platform_url']}/owner/grant",
        data={"location": "4564", "owner": "0"},
        timeout=120,
    )
    as_a_page = {"sec-fetch-dest": "document"}
    shown = httpx.get(arrived.headers["location"], headers=as_a_page, timeout=120)
    [ticket] = parse_qs(urlsplit(shown.headers["location"]).query)["ticket"]
    known = re.search("`(local-portal-key[a-z-]*)`", pages.text("docs/portal.md"))
    assert known is not None
    environment = {"PORTAL_KEY": known[1], "API": stack["api"], "TICKET": ticket}
    for command, printed in told.items():
        ended = shell(command, **environment)
        answered, expected = json.loads(ended.stdout), json.loads(printed)
        if "pbx_key" in expected:
            key = answered.pop("pbx_key")
            assert key.startswith(expected.pop("pbx_key").rstrip("."))
            _missed(stack["api"], key)
        if "open" in answered:
            environment["LAST"] = answered["open"][0]["last"]
        assert _without_times(answered) == _without_times(expected)


def _missed(api: str, key: str) -> None:
    """Who calls before the page asks: one who is called back, and another who is not."""
    now = datetime.now(UTC)
    for number, (phone, direction, ago_min) in enumerate(
        (
            ("+13155550199", "incoming", 120),
            ("+13155550199", "outgoing", 105),
            ("+13155550175", "incoming", 30),
            ("+13155550175", "incoming", 3),
        )
    ):
        event = {
            **finished(f"c-{number}", phone=phone, direction=direction),
            "answered": direction == "outgoing",
            "started_at": (now - timedelta(minutes=ago_min)).isoformat(),
        }
        headers = {"authorization": f"Bearer {key}"}
        told = httpx.post(f"{api}/calls", json=event, headers=headers, timeout=120)
        assert told.status_code == 202


def _without_times(answer: Any) -> Any:
    text = re.sub(r'"20[0-9]{2}-[0-9T:.\-]+Z"', '"AT"', json.dumps(answer))
    return json.loads(re.sub(r'"(weekday|hour)": [0-9]+', r'"\1": 0', text))


def test_invoke_answers_what_the_page_shows() -> None:
    [(command, printed)] = pages.transcripts("docs/local.md")
    ended = shell(command)
    assert ended.returncode == 0
    assert ended.stdout.rstrip("\n") == printed


def test_sam_takes_the_options_of_local_invoke() -> None:
    [command] = [each for each in pages.commands("docs/local.md") if "/sam local invoke" in each]
    sam, *_, function = command.partition(" --event")[0].split()
    if not (PROJECT / sam).exists():
        pytest.skip("brought by sam's environment: run `make test`")
    known = shell(f"SAM_CLI_TELEMETRY=0 {sam} local invoke --help").stdout
    assert set(re.findall(r"--[a-z-]+", command)) <= set(re.findall(r"--[a-z-]+", known))
    assert f"\n  {function}:\n" in (PROJECT / "template.yaml").read_text("utf-8")


# make


@pytest.mark.parametrize(
    "target",
    sorted(
        {
            target
            for name in pages.names()
            for command in pages.commands(name)
            for target in re.findall(r"(?:^|&& )make ([a-z-]+)", command)
        }
    ),
)
def test_every_target_of_make_exists(target: str) -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_by_itself_lists_every_target() -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    [targets] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    listed = shell("make --no-print-directory").stdout
    assert listed == shell("make --no-print-directory help").stdout
    assert [line.split()[0] for line in listed.splitlines()] == targets.split()
    assert all(len(line.split()) > 2 for line in listed.splitlines())


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_an_audit_tells_a_vulnerability_from_an_index_that_is_silent(tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text(
        "#!/bin/sh\n"
        "case $* in\n"
        "  *uv.txt) echo 'none found' >&2;;\n"
        "  *sam.txt) echo 'sam 1.0 CVE-1'; exit 1;;\n"
        "  *) echo 'no answer' >&2; exit 1;;\n"
        "esac\n"
    )
    uv.chmod(0o755)
    ended = shell(f"make --assume-old=.venv/.done audit UV={uv}")
    assert ended.returncode != 0
    assert "locks/uv.txt: no known vulnerability\n" in ended.stdout
    assert "locks/sam.txt: VULNERABLE\nsam 1.0 CVE-1\n" in ended.stdout
    assert "locks/app.txt: NOT AUDITED" in ended.stdout
