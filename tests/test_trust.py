"""Whose servers the clients talk to: a wrong one learns nothing of us, not even what we ask.

Everything is the functions' own: the clients of AWS and of the platform, with the roots as the
artifact has them and as a checkout has them. Beside certifi they trust one authority of the test.
"""

import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import certifi
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, SSLError
from botocore.session import Session

import local.roots
from shared import roots
from shared.altegio import client as platform
from shared.altegio.client import Client, NotSent
from shared.altegio.settings import PacePolicy, PlatformSettings
from shared.aws import session
from shared.aws.session import Aws
from tests.certificates import Authority

AWS_BUNDLE, OTHER_BUNDLE = "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"
SECRET = "a-secret-that-nobody-else-may-see"
TRUSTED, STRANGER = Authority("Authority of the test"), Authority("Authority of nobody")
CERTIFICATES: dict[str, Callable[[Path], Path]] = {
    "good": TRUSTED.certificate,
    "untrusted": STRANGER.certificate,
    "expired": lambda file: TRUSTED.certificate(file, expired=True),
    "another host's": lambda file: TRUSTED.certificate(file, host="dynamodb.amazonaws.com"),
}
WRONG = [name for name in CERTIFICATES if name != "good"]
AWS: dict[str, Callable[[Aws], Any]] = {
    "dynamodb": lambda aws: aws.dynamodb.get_item(TableName=SECRET, Key={"key": {"S": SECRET}}),
    "sqs": lambda aws: aws.sqs.send_message(QueueUrl="https://queue/1/q", MessageBody=SECRET),
    "ssm": lambda aws: aws.ssm.get_parameter(Name=SECRET),
    "events": lambda aws: aws.events.put_events(Entries=[{"Detail": SECRET}]),
    "ses": lambda aws: aws.ses.send_email(Content={"Raw": {"Data": SECRET}}),
    "ses_once": lambda aws: aws.ses_once.send_email(Content={"Raw": {"Data": SECRET}}),
}
PLATFORM: dict[str, Callable[[Client], Any]] = {
    "a question": lambda client: client.ask("GET", f"/{SECRET}"),
    "a pop-up": lambda client: client.tell("/", {"crm_token": SECRET}, anew=False),
    "a payment": lambda client: client.tell("/", {"crm_token": SECRET}, anew=True),
}


class Server:
    """Speaks TLS, and keeps whatever it is told inside of it."""

    def __init__(self, certificate: Path) -> None:
        self.told: list[bytes] = []
        self.greeted = 0
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                kept.greeted += 1
                # A client that does not trust us hangs up while we greet.
                with suppress(OSError):
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(certificate)
                    with context.wrap_socket(self.request, server_side=True) as connection:
                        if told := _request(connection):
                            kept.told.append(told)
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator["Server"]:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield self
        finally:
            # Waits for the threads of all connections, so that nothing is told afterwards.
            self._server.daemon_threads = False
            self._server.shutdown()
            self._server.server_close()


def _request(connection: ssl.SSLSocket) -> bytes:
    """A whole request, as who hangs up before its end takes the answer away; or what there is."""
    told = b""
    while said := connection.recv(65536):
        told += said
        head, end, body = told.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE)
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return told


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("certificates")
    return {name: make(folder / f"{name}.pem") for name, make in CERTIFICATES.items()}


@pytest.fixture(params=WRONG)
def wrong(request: pytest.FixtureRequest, certificates: dict[str, Path]) -> Iterator[Server]:
    with Server(certificates[request.param]).serving() as server:
        yield server


@pytest.fixture
def good(certificates: dict[str, Path]) -> Iterator[Server]:
    with Server(certificates["good"]).serving() as server:
        yield server


@pytest.fixture(params=["as in the artifact", "as in a checkout"])
def laid(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The roots in either form, with the test's authority among them."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(Path(certifi.where()).read_text("utf-8") + TRUSTED.pem)
    monkeypatch.setattr("botocore.httpsession.where", lambda: str(bundle))
    monkeypatch.setattr("certifi.where", lambda: str(bundle))
    monkeypatch.setattr(roots, "_FOLDER", str(tmp_path / roots.FOLDER))
    if request.param == "as in the artifact":
        local.roots.lay(bundle, tmp_path)
        with (tmp_path / roots.FOLDER / roots.OF_AWS).open("a") as file:
            file.write(TRUSTED.pem)
    platform._tls.cache_clear()
    yield request.param
    platform._tls.cache_clear()


def aws_of(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    region: str = "us-east-1",
    named: Mapping[str, Path] | None = None,
) -> Aws:
    values = {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": SECRET,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SECRET,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    for name in (AWS_BUNDLE, OTHER_BUNDLE):
        monkeypatch.delenv(name, raising=False)
    for name, bundle in (named or {}).items():
        monkeypatch.setenv(name, str(bundle))
    once = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    monkeypatch.setattr(session, "_CONFIG", once)
    monkeypatch.setattr(session, "_ONCE", once)
    return Aws()


def client_of(url: str) -> Client:
    class Token:
        def accepted(self) -> tuple[str, ...]:
            return (SECRET,)

        refetch = accepted

    class Turns:
        def take(self, _seconds: float) -> None:
            """At once."""

    settings = PlatformSettings(
        application_id=101,
        partner_token_parameter="",
        platform_app_url=url,
        platform_accept="application/json",
        platform_timezone=ZoneInfo("UTC"),
        pace_table="",
        pace=PacePolicy(5, 200),
    )
    made: Any = Client
    return made(settings, Token(), Turns())  # type: ignore[no-any-return]


def test_aws_is_told_nothing_by_a_wrong_server(
    wrong: Server, laid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = aws_of(wrong.url, monkeypatch)
    for ask in AWS.values():
        # Whether OpenSSL finds it wrong, or urllib3 that it is another host's.
        with pytest.raises(SSLError, match="SSL validation failed"):
            ask(aws)
    assert (wrong.greeted, wrong.told) == (len(AWS), []), laid


def test_aws_is_told_by_the_right_one(
    good: Server, laid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = aws_of(good.url, monkeypatch)
    for ask in AWS.values():
        with suppress(BotoCoreError, ClientError, ValueError, KeyError):  # {} is no answer of AWS's
            ask(aws)
    assert len(good.told) == len(AWS), laid
    assert all(SECRET.encode() in told for told in good.told)


def test_a_wrong_platform_is_told_nothing(wrong: Server, laid: str) -> None:
    client = client_of(wrong.url)
    for ask in PLATFORM.values():
        with pytest.raises(NotSent, match="ConnectError"):
            ask(client)
    assert (wrong.greeted, wrong.told) == (len(PLATFORM), []), laid


def test_the_right_platform_is_told(good: Server, laid: str) -> None:
    client = client_of(good.url)
    for ask in PLATFORM.values():
        assert ask(client).status == 200, laid
    assert len(good.told) == len(PLATFORM)
    assert all(SECRET.encode() in told for told in good.told)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("nowhere", ""),
    ],
)
def test_only_the_public_partition_has_few_roots(
    region: str, partition: str, laid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = aws_of("https://127.0.0.1", monkeypatch, region)._verify
    assert (file is not None) == (partition == "aws" and laid == "as in the artifact")


@pytest.mark.parametrize("variable", [AWS_BUNDLE, OTHER_BUNDLE])
def test_a_bundle_that_the_operator_names_wins(
    variable: str, good: Server, laid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "named.pem"
    bundle.write_text(STRANGER.pem)
    aws = aws_of(good.url, monkeypatch, named={variable: bundle})
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        AWS["dynamodb"](aws)
    assert good.told == [], laid


def test_every_client_is_asked_after_here() -> None:
    assert {name for name in vars(Aws) if not name.startswith("_")} == set(AWS)


def test_a_process_has_one_context_for_the_platform(laid: str) -> None:
    first, second = client_of("https://127.0.0.1"), client_of("https://127.0.0.2")
    contexts = {
        id(it._transport._pool._ssl_context)  # type: ignore[attr-defined]
        for client in (first, second)
        for it in (client._reads, client._money)
    }
    assert contexts == {id(platform._tls())}, laid
    assert platform._tls().check_hostname
    assert platform._tls().verify_mode is ssl.CERT_REQUIRED


def test_botocore_says_what_is_configured_elsewhere() -> None:
    """`ca_bundle` is also a word of a profile; the name of the variable is botocore's own."""
    assert Session.SESSION_VARIABLES["ca_bundle"][:2] == ("ca_bundle", "AWS_CA_BUNDLE")
