"""The letters of missed callers: no crowd delays another's, and none is sent twice or lost."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from local.simulator import Owner
from shared.aws.ses import Fate, Letter, Mail
from shared.aws.session import Aws
from shared.aws.sightings import Sightings
from shared.calls.letter_wishes import next_morning
from shared.connections.connection import Hint, State
from shared.reconcile import schedule
from tests.connect.test_missed_callers import NUMBER, OTHER, miss
from tests.connect.test_one_time_code import ANNA, BORIS
from tests.deployment import Clock, Deployment, http_event
from tests.memory import Memory
from tests.reconcile.test_missed_letters import BERLIN, MAIL, REST, link, morning, wanted, wishes_of

GREEDY = range(5000, 5150)
PAGE = "https://api.example/connect"


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.clock.at = deployment.clock.at.replace(hour=12)
    deployment.restart(**MAIL)
    return deployment


@pytest.fixture
def key(deployment: Deployment) -> str:
    return deployment.connect(4564, owner=ANNA).pbx_key


def post() -> Any:
    """SES in memory."""
    return boto3.Session().client("sesv2")


def told(deployment: Deployment) -> list[str]:
    """The callers in each letter, in the order in which they were sent."""
    rows = [
        [line for line in it["text"].splitlines() if line[:1] == "+"] for it in deployment.letters
    ]
    return [" ".join(row.split()[0] for row in each) for each in rows]


def wish_in_bulk(deployment: Deployment, key: str, locations: range) -> None:
    """As if the owner had pressed the button of each, and somebody was missed there."""
    wishes = wishes_of(deployment)
    for place, location_id in enumerate(locations):
        assert wishes.want(deployment.connection(location_id), "en", PAGE)
        miss(deployment, key, f"g-{place}", phone=f"+1315555{place:04}", location_id=location_id)


# No account's crowd delays another's letter


def test_an_account_of_many_locations_delays_nobody(deployment: Deployment, key: str) -> None:
    """It has asked first, all are due at the same second, and it alone would fill several runs."""
    greedy = deployment.connect(*GREEDY, owner=BORIS)
    wish_in_bulk(deployment, greedy.pbx_key, GREEDY)
    wanted(deployment)
    miss(deployment, key, "c-1", phone=NUMBER)
    morning(deployment)
    first = [it["to"] for it in deployment.letters]
    assert first[0] == [ANNA.email]
    assert len(first) == schedule._MOST_LETTERS < len(GREEDY)
    deployment.let_time_pass(5)
    sent = Counter(told(deployment))
    assert len(sent) == sent.total() == 1 + len(GREEDY)


def test_a_crowd_of_crowds_delays_nobody_either(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More accounts of several locations than letters in a run: whoever has one comes first."""
    monkeypatch.setattr(schedule, "_MOST_LETTERS", 2)
    for place in range(4):
        several = range(5000 + 10 * place, 5003 + 10 * place)
        owner = Owner(id=100 + place, name=f"G {place}", email=f"g-{place}@salon.example")
        wish_in_bulk(deployment, deployment.connect(*several, owner=owner).pbx_key, several)
    wanted(deployment)
    miss(deployment, key, "c-1")
    morning(deployment)
    assert deployment.letters[0]["to"] == [ANNA.email]


def test_rows_that_fail_are_in_nobodys_way(deployment: Deployment, key: str) -> None:
    """Whoever owns them: a run takes others instead, and tries them again in an hour."""
    locations = GREEDY[:80]
    greedy = deployment.connect(*locations, owner=BORIS)
    wish_in_bulk(deployment, greedy.pbx_key, locations)
    for location_id in locations:
        connection = deployment.connection(location_id)
        table = deployment.environments["reconcile"]["CONNECTIONS_TABLE"]
        item = deployment._dynamodb.get_item(
            TableName=table, Key={"location_id": {"N": str(connection.location_id)}}
        )["Item"]
        item["state"] = {"S": "by hand"}
        deployment._dynamodb.put_item(TableName=table, Item=item)
    wanted(deployment)
    miss(deployment, key, "c-1")
    deployment.clock.at = next_morning(deployment.clock(), BERLIN) + REST
    for _ in range(2):
        with pytest.raises(schedule.ReconcileFailed):
            deployment.invoke("reconcile", {})
        deployment.clock.advance(minutes=1)
    assert [it["to"] for it in deployment.letters] == [[ANNA.email]]
    assert wishes_of(deployment).due() == []
    deployment.clock.advance(hours=1)
    [again] = wishes_of(deployment).due()
    assert len(again) == len(locations)


# Never twice, and never lost


def _kills(after: int) -> tuple[Callable[[str, Mapping[str, Any]], None], list[str]]:
    """A hook that ends the process at so many calls from the first that reads a wish."""
    seen: list[str] = []

    def hook(operation: str, asked: Mapping[str, Any]) -> None:
        is_wish = str(asked.get("Key", {}).get("key", {}).get("S", "")).startswith("letter#")
        if seen or is_wish:
            seen.append(operation)
        if len(seen) == after + 1:
            raise KeyboardInterrupt

    return hook, seen


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", range(12))
def test_killed_anywhere_no_letter_is_sent_twice_and_no_caller_is_forgotten(
    deployment: Deployment, key: str, memory: Memory, place: int, when: str
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    hook, seen = _kills(place)
    deployment.clock.at = next_morning(deployment.clock(), BERLIN) + REST
    setattr(memory, when, hook)
    try:
        deployment.invoke("reconcile", {})
    except KeyboardInterrupt:
        pass
    else:
        assert len(seen) <= place
    setattr(memory, when, None)
    deployment.let_time_pass(5)
    assert told(deployment) in ([], [NUMBER])
    was_sent = bool(deployment.letters)
    # Whoever was in a letter that was perhaps not sent is in the next.
    miss(deployment, key, "c-2", phone=OTHER)
    morning(deployment)
    deployment.let_time_pass(5)
    assert len(deployment.letters) == 1 + was_sent
    assert NUMBER in " ".join(told(deployment))
    assert OTHER in told(deployment)[-1]


def test_what_surely_was_not_sent_is_sent_the_same_morning(
    deployment: Deployment, key: str
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    post().refuses = "TooManyRequestsException"
    morning(deployment)
    deployment.let_time_pass(2)
    post().refuses = ""
    deployment.let_time_pass(50)
    assert deployment.letters == []
    deployment.let_time_pass(20)
    assert told(deployment) == [NUMBER]
    deployment.let_time_pass(300, step=10)
    assert told(deployment) == [NUMBER]


def test_what_ses_does_not_take_until_noon_is_in_the_next_letter(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    post().refuses = "MessageRejected"
    logged()
    morning(deployment)
    deployment.let_time_pass(12 * 60, step=5)
    log = logged()
    untold = [line for line in log.splitlines() if '"mail not sent"' in line]
    assert len(untold) == 4
    assert all('"location_id":4564' in line and '"account_id"' in line for line in untold)
    assert NUMBER not in log
    post().refuses = ""
    miss(deployment, key, "c-2", phone=OTHER)
    morning(deployment)
    assert told(deployment) == [f"{OTHER} {NUMBER}"]


def test_what_ses_may_have_taken_is_not_sent_again_and_is_in_the_next_letter(
    deployment: Deployment, key: str
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    post().refuses = "InternalServiceError"
    morning(deployment)
    post().refuses = ""
    deployment.let_time_pass(12 * 60, step=5)
    assert deployment.letters == []
    morning(deployment)
    assert told(deployment) == [NUMBER]
    morning(deployment)
    assert told(deployment) == [NUMBER]


@pytest.mark.parametrize("refuses", ["", "MessageRejected"])
def test_stopped_while_it_is_sent_it_stays_stopped(
    deployment: Deployment, key: str, memory: Memory, refuses: str
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    post().refuses = refuses

    def stops(operation: str, _asked: Mapping[str, Any]) -> None:
        if operation == "SendEmail":
            assert wishes_of(deployment).stop(deployment.connection(4564))

    memory.before = stops
    morning(deployment)
    memory.before = None
    [row] = rows(deployment)
    assert "due_at" not in row


# Who has left, or seems to have


@pytest.mark.parametrize("hint", [Hint.UNINSTALL, Hint.UNPROVEN, Hint.GONE])
def test_whoever_is_said_to_have_left_gets_none_until_the_platform_was_asked(
    deployment: Deployment, key: str, hint: Hint
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    deployment.clock.at = next_morning(deployment.clock(), BERLIN) + REST
    before = deployment.connection(4564)
    deployment.connections.save(replace(before, hint=hint, due_at=deployment.clock() + 10 * REST))
    deployment.reconcile()
    assert deployment.letters == []
    deployment.connections.save(replace(deployment.connection(4564), hint=None))
    deployment.clock.advance(hours=1)
    deployment.reconcile()
    assert told(deployment) == [NUMBER]


def test_another_account_of_the_location_has_a_wish_of_its_own(
    deployment: Deployment, key: str
) -> None:
    """And the letters of who had it before stop nothing of it."""
    wanted(deployment)
    miss(deployment, key, "c-1")
    morning(deployment)
    [letter] = deployment.letters
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(3)
    assert deployment.connection(4564).state is State.DISABLED
    other = deployment.connect(4564, owner=BORIS).pbx_key
    wishes = wishes_of(deployment)
    connection = deployment.connection(4564)
    assert not wishes.is_wanted(connection)
    assert wishes.want(connection, "de", PAGE)
    deployment.invoke("connect", http_event("POST", "/connect", query=link(letter)))
    assert wishes.is_wanted(connection)
    deployment.clock.advance(minutes=5)
    miss(deployment, other, "c-2", phone=OTHER)
    morning(deployment)
    assert [it["to"] for it in deployment.letters] == [[ANNA.email], [BORIS.email]]
    assert told(deployment)[1] == OTHER


# One press in the reader's program (RFC 8058)


def test_a_letter_says_how_a_program_stops_it(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    morning(deployment)
    [letter] = deployment.letters
    address = f"{PAGE}?{link(letter)}"
    assert letter["headers"] == {
        "List-Unsubscribe": f"<{address}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    # As SES takes them: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html
    assert all(it.isascii() and len(it) <= 870 for it in letter["headers"].values())
    event = http_event("POST", "/connect", query=link(letter), body="List-Unsubscribe=One-Click")
    answer = deployment.invoke("connect", event)
    # No redirect, which such a program would not follow.
    assert answer["statusCode"] == 200
    miss(deployment, key, "c-2")
    morning(deployment)
    assert len(deployment.letters) == 1


def test_it_is_sent_to_ses_once_whatever_ses_answers(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By botocore itself, which would send what got a 500, or no answer, again."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client, sent = Aws().ses_once, list[dict[str, Any]]()

    class Body:
        def stream(self) -> Iterator[bytes]:
            yield b"{}"

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent.append(json.loads(request.body))
        return AWSResponse(request.url, 500, HTTPHeaders(), Body())

    client.meta.events.register("before-send", answer)
    letter = Letter("Missed", "Anna", "https://api.example/connect?stop=1.a")
    sightings = Sightings(Memory(clock).client("dynamodb"), "no table", clock)
    mail = Mail(lambda: client, "a@b.example", sightings)
    assert mail.send("c@d.example", letter, "a-1") is Fate.UNCLEAR
    [body] = sent
    assert body["Content"]["Simple"]["Headers"] == [
        {"Name": "List-Unsubscribe", "Value": "<https://api.example/connect?stop=1.a>"},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]


def test_a_letter_with_a_code_has_nothing_to_stop(deployment: Deployment, key: str) -> None:
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    deployment.post({**page.fields, "action": "code"})
    assert [it["headers"] for it in deployment.letters] == [{}]
    assert key


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_stops_a_letter_is_neither_logged_nor_opens_anything_else(
    deployment: Deployment, key: str, logged: Callable[[], str], method: str
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    logged()
    morning(deployment)
    query = link(deployment.letters[0])
    secret = query.rpartition(".")[2]
    page = deployment.invoke("connect", http_event(method, "/connect", query=query))
    for name in ("ticket", "wait"):
        asked = http_event("GET", "/connect", query=f"{name}={secret}")
        assert deployment.invoke("connect", asked)["statusCode"] in (400, 410)
    status, _answer = deployment.call({"event": "ended"}, secret)
    assert status == 401
    assert secret not in logged()
    assert "ticket" not in page["body"]
    assert page["headers"]["referrer-policy"] == "no-referrer"
    assert page["headers"]["cache-control"] == "no-store"


def rows(deployment: Deployment) -> list[dict[str, Any]]:
    return [it for it in deployment.rows("CALLS_TABLE") if it.get("state") == "letter"]
