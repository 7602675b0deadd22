"""The whole backend on this machine, as template.yaml describes it.

State is in an emulator, compute in AWS's own runtime client, and what AWS puts in front of the
functions (HTTP API, queue mappings, schedules) is played by the modules of this package.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from local import PROJECT, build
from local.stack.cloudwatch import CloudWatch, Say
from local.stack.emulator import CREDENTIALS, REGION, Emulator, create_queues, create_table
from local.stack.environment import Environment, InvokeResult
from local.stack.front_door import FrontDoor
from local.stack.functions import Functions
from local.stack.pollers import Poller
from local.stack.schedules import Clockwork, event_of
from local.stack.streams import StreamReader
from local.stack.template import STACK_NAME, Template
from local.stack.wiring import StreamMapping, Wiring
from shared import settings as config

SCHEDULE_SETTING = "RECONCILE_EVERY_S"
"""Seconds between the runs of every schedule, in place of the template's rates; 0 is never."""


class Stack:
    """Everything that `sam deploy` would make, running from `__enter__` to `__exit__`.

    Attributes:
        api: Address of the HTTP API.
        aws_endpoint_url: Address of the emulator, for boto3 (credentials test/test).
        region: Region of everything.
        platform_url: The platform it talks to.
        tables: Physical names by logical names.
        queues: Addresses by logical names.
        outputs: The template's outputs, by name.
        alarms: The template's, by logical name.
        functions: What the template says of each function, by logical name.
        variables: What every function gets beside that: region, credentials, endpoint.
        artifact: The folder that they run from.
        logs: Folder with one file per function, and the emulator's.
        billing_key: With which `/billing` is asked.
        portal_key: With which a portal asks, if there is one.
        stripe_secret: With which Stripe signs.
        billing_queue_url: Address of `BillingQueue`; empty if the template has none.
        calls_queue_url: Address of `CallsQueue`; empty if the template has none.
    """

    def __init__(
        self,
        *,
        platform_url: str,
        partner_token: str = "local-partner-token",  # noqa: S107  # opens nothing
        user_token: str = "local-user-token",  # noqa: S107  # opens nothing
        portal_key: str = "local-portal-key-for-nothing-real",
        billing_key: str = "local-billing-key-for-nothing-real",
        stripe_secret: str = "whsec_local-secret-for-nothing-real",  # noqa: S107  # opens nothing
        application_id: int = 101,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        root: Path = PROJECT,
        artifact: Path | None = None,
        logs: Path | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            platform_url: Goes into every PLATFORM_..._URL of the template.
            partner_token: Value of the parameter that PartnerTokenParameter names.
            user_token: Value of the parameter that UserTokenParameter names, if there is one.
            portal_key: Value of the parameter that PortalKeyParameter names, if there is one.
            billing_key: Value of the parameter that BillingKeyParameter names, if there is one.
            stripe_secret: Value of the parameter that StripeSecretParameter names, if there is one.
            application_id: Value of ApplicationId.
            port: Of the HTTP API; 0 takes a free one.
            settings: By name of an environment variable or of a template parameter; they go
                before all of the above.
            root: The project with template.yaml.
            artifact: A built artifact; None builds the project's if it is stale.
            logs: Folder of the logs; None is `build/local/logs` in the project.
        """
        self.platform_url = platform_url
        self.billing_key = billing_key
        self.portal_key = portal_key
        self.stripe_secret = stripe_secret
        self.region = REGION
        self._port = port
        self._root = root
        self._artifact = artifact
        self.logs = logs or root / "build" / "local" / "logs"
        self._application_id = application_id
        self._settings = dict(settings or {})
        self._tokens = {
            "PartnerTokenParameter": partner_token,
            "UserTokenParameter": user_token,
            "PortalKeyParameter": portal_key,
            "BillingKeyParameter": billing_key,
            "StripeSecretParameter": stripe_secret,
        }
        self._heard: Callable[[str, Any, InvokeResult], None] = _nobody
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Start everything; return when it serves.

        Raises:
            OSError: The port is taken.
            RuntimeError: Something is not set up, or the emulator does not start.
            ValueError: The template says what is not understood here.
            subprocess.CalledProcessError: The artifact cannot be built.
        """
        with ExitStack() as opened:
            self._open(opened)
            self._closing = opened.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        """End everything at once; no process stays behind."""
        self._closing.close()

    def _open(self, opened: ExitStack) -> None:
        # Closed from the last to the first: sources stop, what runs is ended, and then the sources,
        # which were waiting for that, are waited for.
        sources: list[Poller | Clockwork | StreamReader] = []
        opened.callback(lambda: [source.join() for source in sources])
        self.logs.mkdir(parents=True, exist_ok=True)
        front_door = FrontDoor(port=self._port)
        opened.callback(front_door.close)
        self.api = front_door.url
        self._emulator = emulator = opened.enter_context(Emulator(log=self.logs / "emulator.log"))
        # While it starts: whatever does not need it.
        self.artifact = self._artifact or build.artifact(self._root)
        wiring, every_s, parameters = self._configure(Template.read(self._root / "template.yaml"))
        self._wiring = wiring
        sqs = emulator.client("sqs", retries={"total_max_attempts": 1})
        emulator.wait()
        self._create(wiring, sqs, parameters)

        self.functions = wiring.functions
        self.variables = {
            **CREDENTIALS,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": emulator.endpoint_url,
            "AWS_REGION": self.region,
        }
        self._functions = functions = Functions(
            self.functions, artifact=self.artifact, logs=self.logs, variables=self.variables
        )
        opened.callback(functions.close)
        front_door.open(wiring.routes, self._run)
        opened.callback(lambda: [source.stop() for source in sources])
        sources += [
            Poller(mapping, wiring.queues[mapping.queue], sqs, self._run, region=self.region)
            for mapping in wiring.mappings
        ]
        sources += [self._reader(mapping, sqs) for mapping in wiring.streams]
        sources += [
            Clockwork(
                schedule,
                self._run,
                every_s=schedule.every_s if every_s is None else every_s,
                region=self.region,
            )
            for schedule in wiring.schedules
            if every_s != 0
        ]

        self.aws_endpoint_url = emulator.endpoint_url
        self.tables = {name: table.name for name, table in wiring.tables.items()}
        self.outputs = dict(wiring.outputs)
        self.alarms = wiring.alarms
        self.queues = {name: queue.url for name, queue in wiring.queues.items()}
        self.billing_queue_url = self.queues.get("BillingQueue", "")
        self.calls_queue_url = self.queues.get("CallsQueue", "")

    def _run(self, function: str, event: Any) -> InvokeResult:
        """One run for AWS, which measures it."""
        result = self._functions.invoke(function, event)
        self._heard(function, event, result)
        return result

    @contextmanager
    def watched(self, say: Say) -> Iterator[CloudWatch]:
        """While it lasts, its alarms are evaluated; `say` is told when one changes."""
        kinds = self._wiring.resources.items()
        [api] = [name for name, kind in kinds if kind == "AWS::ApiGatewayV2::Api"]
        watch = CloudWatch(
            self.client("cloudwatch"),
            self.client("sqs"),
            alarms=self.alarms,
            queues=self._wiring.queues.values(),
            functions={name: it.name for name, it in self.functions.items()},
            api=f"{STACK_NAME}-{api}",
            logs=self.logs,
            say=say,
        )
        with watch:
            self._heard = watch.take
            try:
                yield watch
            finally:
                self._heard = _nobody

    def _reader(self, mapping: StreamMapping, sqs: Any) -> StreamReader:
        table = self._wiring.tables[mapping.table].name
        told = self._emulator.client("dynamodb").describe_table(TableName=table)["Table"]
        return StreamReader(
            mapping,
            told["LatestStreamArn"],
            self._wiring.queues[mapping.dead_letters],
            streams=self._emulator.client("dynamodbstreams", retries={"total_max_attempts": 1}),
            sqs=sqs,
            invoke=self._run,
            region=self.region,
        )

    def _configure(self, template: Template) -> tuple[Wiring, float | None, Mapping[str, str]]:
        """Give the template its values; also the schedules' seconds, and parameters' values."""
        variables = template.variables
        platform_urls = {
            name: self.platform_url
            for name in variables
            if name.startswith("PLATFORM_") and name.endswith("_URL")
        }
        settings = {"ApplicationId": str(self._application_id), **platform_urls}
        every_s = self._settings.get(SCHEDULE_SETTING)
        known = {SCHEDULE_SETTING, *variables, *template.parameters}
        unknown = self._settings.keys() - known
        unread = sorted(unknown - _constants()) if unknown else []
        if unread:
            print(f"warning: nothing reads {', '.join(unread)}", file=sys.stderr)
        values, direct = {}, {}
        for name, value in {**settings, **self._settings}.items():
            parameter = name if name in template.parameters else variables.get(name)
            if parameter:
                values[parameter] = value
            elif name not in ("ApplicationId", SCHEDULE_SETTING):
                direct[name] = value
        wiring = template.wire(
            values,
            endpoint_url=self._emulator.endpoint_url,
            api_url=self.api,
            region=self.region,
        )
        functions = {
            name: replace(function, environment={**function.environment, **direct})
            for name, function in wiring.functions.items()
        }
        secrets = {
            values.get(name, template.parameters[name]): token
            for name, token in self._tokens.items()
            if name in template.parameters
        }
        return (
            replace(wiring, functions=functions),
            None if every_s is None else float(every_s),
            secrets,
        )

    def _create(self, wiring: Wiring, sqs: Any, secrets: Mapping[str, str]) -> None:
        create_queues(sqs, wiring.queues)
        if wiring.tables:
            dynamodb = self._emulator.client("dynamodb")
            for table in wiring.tables.values():
                create_table(dynamodb, table)
        for bus in wiring.buses.values():
            self._emulator.client("events").create_event_bus(Name=bus)
        if secrets:
            ssm = self._emulator.client("ssm")
            for name, value in secrets.items():
                ssm.put_parameter(Name=name, Value=value, Type="SecureString")
        senders = {it.environment.get("MAIL_FROM") for it in wiring.functions.values()} - {None, ""}
        for sender in senders:  # verified at once, as nobody here owns a mailbox
            self._emulator.client("sesv2").create_email_identity(EmailIdentity=sender)

    def invoke(self, function: str, event: object) -> InvokeResult:
        """Invoke a function and wait for the end.

        Args:
            function: Its logical name, or that in short: `connect` is `ConnectFunction`.
            event: JSON.

        Raises:
            KeyError: There is no such function.
        """
        return self._functions.invoke(self._find(function), event)

    def run_schedules(self) -> list[str]:
        """Run every schedule once, ahead of its time, and wait for the ends.

        Returns:
            The logical names of the functions that ran; those that failed say so in their logs.
        """
        schedules = self._wiring.schedules
        for schedule in schedules:
            self._run(schedule.function, event_of(schedule, self.region))
        return [schedule.function for schedule in schedules]

    def environments(self, function: str) -> list[Environment]:
        """The processes of a function at this moment, for whoever wants one of them to die.

        Raises:
            KeyError: There is no such function.
        """
        return self._functions.environments(self._find(function))

    def client(self, service: str) -> Any:
        """A boto3 client for a service of the emulator, such as "dynamodb"; see `SERVICES`."""
        return self._emulator.client(service)

    def function_log(self, function: str) -> str:
        """All that a function has printed until now.

        Raises:
            KeyError: There is no such function.
        """
        return self._functions.log(self._find(function))

    def _find(self, function: str) -> str:
        for name in self._wiring.functions:
            if function.lower() in (name.lower(), name.lower().removesuffix("function")):
                return name
        names = ", ".join(self._wiring.functions)
        message = f"no function {function}; the template has {names}"
        raise KeyError(message)


def _nobody(_function: str, _event: Any, _result: InvokeResult) -> None:
    """Nobody watches."""


def _constants() -> set[str]:
    """The variables that the functions read and the template does not give, such as LEASE_S."""
    found: set[str] = set()
    for name in ("billing", "calls", "connect", "disable", "events", "payments", "reconcile"):
        # Imported here: only who changes a constant waits for it.
        found |= config.variables(import_module(f"functions.{name}.wiring").Settings).keys()
    return found
