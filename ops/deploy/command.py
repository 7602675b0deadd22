"""The command itself: ask, write down, show the change set, execute it if told, look at the result.

Nothing is changed before all answers are right; then samconfig.toml and the stored tokens are, and
the stack only once somebody agrees to the change set.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ops import screen, site
from ops.deploy import change_set, health, parameters, samconfig
from ops.deploy.account import Account, NoEmulator
from ops.deploy.answers import Answers, File, Refused, Terminal
from ops.publication import publication
from shared.aws.parameters import ParameterUnreadable

_ASKED = ("ApplicationId", "ProviderName", "DefaultCountry", "AlarmEmail", "DomainName")
_OF_A_DOMAIN = ("CertificateArn", "HostedZoneId")
_SECRETS = {"partner_token": "PartnerTokenParameter", "user_token": "UserTokenParameter"}
_OPTIONAL = {"user_token"}
_TOLD = (Refused, samconfig.Unwritable, change_set.NotDeployed, site.NoStack, NoEmulator)
_NO_KEYS = (
    "There are no credentials of AWS here. Set the AWS CLI up (`aws configure`), or name a profile"
    " of it with PROFILE=NAME. An emulator needs none: docs/deploy.md tells how to deploy into one."
)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class _Work:
    """What all steps need."""

    account: Account
    answers: Answers
    root: Path
    known: Mapping[str, parameters.Parameter]


def main(arguments: Sequence[str], *, root: Path = change_set.PROJECT) -> int:
    """Run the command. 1 if it was declined or a check failed, 2 if it cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        known = parameters.read(root / "template.yaml")
        answers = File.read(options.answers, known) if options.answers else Terminal()
        account = Account(options.profile, options.endpoint_url)
        account.check()
        return _deploy(_Work(account, answers, root, known), options)
    except _TOLD as error:
        print(screen.wrapped(str(error)), file=sys.stderr)
    except NoCredentialsError:
        print(screen.wrapped(_NO_KEYS), file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(screen.wrapped(f"AWS: {error}"), file=sys.stderr)
    except (EOFError, KeyboardInterrupt):
        print("\nEnded. What was not said to be done was not done.", file=sys.stderr)
    return 2


def _deploy(work: _Work, options: argparse.Namespace) -> int:
    file = work.root / "samconfig.toml"
    environment = _asked(work, samconfig.read(file, options.environment), options.region)
    tokens = _tokens(work, environment)
    samconfig.write(file, environment)
    print(f"\nsamconfig.toml has [{environment.name}] now. {_what_to_do_with_it(work.account)}")
    _store(work, environment, tokens)
    sys.stdout.flush()  # SAM writes past our buffer
    changes = change_set.made(work.account, environment, work.root)
    if changes is None:
        print(f"\n{environment.stack_name} is as the template says already.")
    else:
        if not _agreed(work, changes, environment.region):
            change_set.drop(work.account, changes, environment.region)
            print("The change set was dropped, and nothing was deployed.")
            return 1
        print(f"\nExecuting; the first time this takes some minutes ({changes.stack}) ...")
        change_set.execute(work.account, changes, environment.region)
    return _looked_at(work, environment)


def _what_to_do_with_it(account: Account) -> str:
    if account.endpoint_url is None:
        return "It holds no secret: commit it to your branch."
    return "That is of an emulator: do not commit it."


def _asked(work: _Work, found: samconfig.Environment, region: str | None) -> samconfig.Environment:
    region = work.answers.value(
        "region",
        "Region of AWS that the stack is in, such as eu-central-1",
        region or found.region or work.account.region,
        parameters.wrong_region,
    )
    values = {
        **_own_secrets(found.name),
        **_deployed(work, found, region),
        **found.parameters,
    }
    if isinstance(work.answers, File):
        values |= work.answers.parameters
    for name in _ASKED:
        values[name] = _answered(work, name, values, work.known[name].wrong)
    if values["DomainName"]:
        for name in _OF_A_DOMAIN:
            values[name] = _answered(
                work, name, values, partial(_wrong, work, name, values, region)
            )
    elif isinstance(work.answers, Terminal):
        # Nobody is asked for them, and the stack keeps what it is not told.
        values |= {name: "" for name in _OF_A_DOMAIN if values.get(name)}
    for name, value in values.items():
        if name not in work.known:
            raise Refused(f"samconfig.toml sets {name}, which this version does not know any more.")
        if reason := work.known[name].wrong(value):
            raise Refused(reason)
    if reason := parameters.wrong_together(values, region):
        raise Refused(reason)
    return samconfig.Environment(found.name, found.stack_name, region, values)


def _deployed(work: _Work, found: samconfig.Environment, region: str) -> dict[str, str]:
    """What the stack has, where samconfig.toml does not say it, as that of a release's tag.

    Otherwise the template's defaults would be offered, and Enter would empty what runs.
    """
    if {*_ASKED} <= {*found.parameters}:
        return {}
    running = change_set.parameters(work.account, found.stack_name, region)
    if running is None:
        return {}
    unknown = sorted({*running} - {*work.known})
    print(
        screen.wrapped(
            f"samconfig.toml does not have all of [{found.name}], but {found.stack_name} is in"
            f" {region}: what is missing is taken from the stack."
            + (f" This version does not know its {', '.join(unknown)}." if unknown else "")
        )
    )
    return {
        name: value
        for name, value in running.items()
        # What is the template's default may follow the template.
        if name in work.known and value != work.known[name].default
    }


def _answered(
    work: _Work, name: str, values: Mapping[str, str], wrong: Callable[[str], str]
) -> str:
    parameter = work.known[name]
    default = values.get(name, parameter.default or "")
    return work.answers.value(name, parameter.description, default, wrong)


def _wrong(work: _Work, name: str, values: Mapping[str, str], region: str, value: str) -> str:
    """Why a value is wrong, by itself or beside the others."""
    together = partial(parameters.wrong_together, {**values, name: value}, region)
    return work.known[name].wrong(value) or together()


def _own_secrets(name: str) -> dict[str, str]:
    """Where an environment keeps its secrets: no two share a name."""
    return {
        "PartnerTokenParameter": f"/altegio/{name}/partner-token",
        "UserTokenParameter": f"/altegio/{name}/user-token",
        "PortalKeyParameter": f"/altegio/{name}/portal-key",
        "BillingKeyParameter": f"/altegio/{name}/billing-key",
        "StripeSecretParameter": f"/altegio/{name}/stripe-secret",
    }


def _tokens(work: _Work, environment: samconfig.Environment) -> dict[str, str]:
    """What is entered, by the name of its parameter; it is in no file and no command line."""
    ssm = work.account.client("ssm", environment.region)
    found = {}
    for secret, parameter in _SECRETS.items():
        name = environment.parameters[parameter]
        given = work.answers.secret(
            secret, is_stored=_is_stored(ssm, name), is_needed=secret not in _OPTIONAL
        )
        if given is not None:
            found[name] = given
    return found


def _store(work: _Work, environment: samconfig.Environment, tokens: Mapping[str, str]) -> None:
    ssm = work.account.client("ssm", environment.region)
    for name, token in tokens.items():
        ssm.put_parameter(Name=name, Value=token, Type="SecureString", Overwrite=True)
        print(f"Stored in {name}, encrypted.")


def _is_stored(ssm: Any, name: str) -> bool:
    try:
        ssm.get_parameter(Name=name)  # without its value, which stays encrypted
    except ssm.exceptions.ParameterNotFound:
        return False
    return True


def _agreed(work: _Work, changes: change_set.ChangeSet, region: str) -> bool:
    client = partial(work.account.client, region=region)
    ringing = [] if changes.is_new else health.ringing(client, changes.stack)
    for alarm in ringing:
        print(screen.wrapped(f"CAREFUL: {alarm} rings."))
    for note in changes.notes:
        print(screen.wrapped(f"Note: {note}"))
    for danger in changes.dangers:
        print(screen.wrapped(f"CAREFUL: {danger}"))
    questions = [
        *[("although_it_rings", "Deploy although it rings?")] * bool(ringing),
        *[("replace", "Is what would be replaced or removed meant?")] * bool(changes.dangers),
        ("execute", f"Execute this change set of {changes.stack}?"),
    ]
    return all(work.answers.agrees(*question) for question in questions)


def _looked_at(work: _Work, environment: samconfig.Environment) -> int:
    """The checks; 1 if one of them does not pass."""
    client = partial(work.account.client, region=environment.region)
    [stack] = client("cloudformation").describe_stacks(StackName=environment.stack_name)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    print(f"\nOutputs of {environment.stack_name} in {environment.region}")
    print(screen.facts([*outputs.items()]))
    checks = [*health.tables(client, environment.stack_name)]
    if work.account.endpoint_url is None:
        with httpx.Client() as http:
            checks.append(health.page(outputs, http))
    rows = [("ok" if it.passed else "FAILED", it.what, it.seen) for it in checks]
    print("\n" + screen.table(("CHECK", "WHAT", "SEEN"), rows) + "\n")
    failed = not all(each.passed for each in checks)
    if work.account.endpoint_url is not None:
        print("An emulator serves no address of the stack: neither page nor webhook was asked.")
        return int(failed)
    _prepare_publication(work, environment)
    return int(failed)


def _prepare_publication(work: _Work, environment: samconfig.Environment) -> None:
    """Print what goes into the Cabinet. What fails there keeps no stack from working."""
    named = argparse.Namespace(
        stack_name=environment.stack_name,
        profile=work.account.profile,
        region=environment.region,
        location=None,
        json=False,
    )
    try:
        ready = publication(site.Site(site.find(named)), named) == 0
    except ParameterUnreadable as error:
        print(screen.wrapped(f"A token cannot be read, so nobody can tell more: {error}"))
    else:
        if not ready:
            print("\nThe stack is deployed. What FAILED above stands before the moderation.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops deploy",
        description="Deploy an environment: an application, its stack and its secrets. It asks for"
        " what it needs, writes that into samconfig.toml, shows the change set, executes it if you"
        " agree, and checks the result. Tokens go into SSM, and nowhere else.",
    )
    parser.add_argument(
        "environment", type=_name, metavar="ENV", help="such as staging or production"
    )
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="ask nobody: the answers are in this TOML"
    )
    parser.add_argument("--profile", help="a profile of the AWS CLI")
    parser.add_argument("--region", help="the region that the question offers")
    parser.add_argument(
        "--endpoint-url",
        type=_emulator,
        metavar="URL",
        help="an emulator on this machine, instead of AWS",
    )
    return parser


def _emulator(text: str) -> str:
    """An emulator gets made-up keys and the real token, so it may be nowhere but here."""
    if urlsplit(text).hostname not in _LOOPBACK:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address on this machine, such as http://127.0.0.1:4566"
        )
    return text


def _name(text: str) -> str:
    # Of a longer one, AWS would cut the names of roles, and docs/deploy-role.json not know them.
    if text == "default" or not re.fullmatch("[a-z][a-z0-9-]{1,13}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name of an environment: at most 14 small letters, digits and - such as"
            " staging; `default` is what `sam deploy` takes by itself"
        )
    return text
