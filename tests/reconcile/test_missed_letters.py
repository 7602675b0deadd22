"""The letter of missed callers: asked for, sent once a morning, stopped, gone with its account."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.connect.page import LANGUAGES
from local.simulator import salons
from shared.aws.dynamodb import StaleWrite
from shared.calls.letter_wishes import HOUR, LetterWishes, last_morning, next_morning
from shared.clock import stamp
from shared.reconcile.letter_texts import TEXTS
from tests.connect.test_missed_callers import NUMBER, OTHER, STRANGER, buttons, miss, send, settings
from tests.connect.test_one_time_code import ANNA
from tests.deployment import Deployment, Page, http_event
from tests.reconcile.census.looking import taken

BERLIN = ZoneInfo("Europe/Berlin")
MAIL = {"MAIL_FROM": "codes@provider.example", "PLATFORM_TIMEZONE": "Europe/Berlin"}
REST = timedelta(minutes=1)


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    # What is missed just now is so in the middle of a letter's day.
    deployment.clock.at = deployment.clock.at.replace(hour=12)
    deployment.restart(**MAIL)
    return deployment


@pytest.fixture
def key(deployment: Deployment) -> str:
    return deployment.connect(4564, 4232, owner=ANNA).pbx_key


def wanted(deployment: Deployment) -> Page:
    """The owner has pressed the button for location 4564."""
    page = send(deployment, settings(deployment), "letter")
    assert state(page) == "wanted"
    deployment.letters.clear()
    return page


def state(page: Page) -> str:
    [said] = re.findall(r'data-letter="(\w+)"', page.text)
    return str(said)


def morning(deployment: Deployment) -> None:
    """The next one comes, a minute after the hour, and reconcile runs."""
    deployment.clock.at = next_morning(deployment.clock(), BERLIN) + REST
    deployment.reconcile()


def link(letter: dict[str, Any]) -> str:
    [query] = re.findall(r"https://\S+/connect\?(stop=\S+)", letter["text"])
    return str(query)


def opened(deployment: Deployment, query: str, method: str = "GET") -> Page:
    answer = deployment.invoke("connect", http_event(method, "/connect", query=query))
    return Page(answer["statusCode"], answer["headers"], answer["body"])


def wish(deployment: Deployment) -> dict[str, Any]:
    [row] = [it for it in deployment.rows("CALLS_TABLE") if it["key"].startswith("letter#")]
    return row


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_whoever_asks_for_it_gets_one_each_morning(
    deployment: Deployment, key: str, words: Any
) -> None:
    deployment.accept_language = words.language
    page = send(deployment, settings(deployment), "missed")
    assert state(page) == "offered"
    assert words.missed.letter[2] in page.text
    assert words.missed.letter[3] in wanted(deployment).text
    miss(deployment, key, "c-1", ago_s=20)
    miss(deployment, key, "c-2", ago_s=10)
    miss(deployment, key, "c-3", phone=OTHER)
    called_at = deployment.clock().astimezone(BERLIN)
    morning(deployment)
    deployment.let_time_pass(3)
    [letter] = deployment.letters
    texts = TEXTS[words.language]
    assert (letter["from"], letter["to"]) == (MAIL["MAIL_FROM"], [ANNA.email])
    where = texts.location.format(id=4564)
    assert letter["subject"] == texts.subject.format(number=2, location=where)
    rows = [line for line in letter["text"].splitlines() if line.startswith("+")]
    assert [row.split()[0] for row in rows] == [NUMBER, OTHER]
    assert [row.endswith("2\u00d7") for row in rows] == [True, False]
    assert any(f"{called_at - timedelta(seconds=it):{texts.moment}}" in rows[0] for it in (10, 11))
    assert texts.stop in letter["text"]
    # Nobody else was missed since, so the next morning brings none.
    morning(deployment)
    assert len(deployment.letters) == 1
    miss(deployment, key, "c-4")
    morning(deployment)
    assert len(deployment.letters) == 2


@pytest.mark.parametrize("is_known", [False, True])
def test_the_morning_is_that_of_the_location(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    """The zone comes from the platform's list, before the letter is asked for or after."""
    monkeypatch.setitem(salons.ZONES, 4564, "America/New_York")
    there = ZoneInfo("America/New_York")
    deployment.restart(**MAIL, CENSUS_EVERY_S="86400")
    # After the mornings of both, of which Berlin's comes first.
    deployment.clock.at = deployment.clock.at.replace(hour=14)
    deployment.reconcile()
    if is_known:
        taken(deployment)
    wanted(deployment)
    if not is_known:
        assert datetime.fromisoformat(wish(deployment)["due_at"]).astimezone(BERLIN).hour == HOUR
        taken(deployment)
        deployment.letters.clear()
    assert deployment.connection(4564).zone == there.key
    miss(deployment, key, "c-1", ago_s=10)
    called_at = deployment.clock().astimezone(there)
    morning(deployment)
    assert deployment.letters == []
    assert wish(deployment)["due_at"] == stamp(next_morning(deployment.clock(), there))
    deployment.clock.at = next_morning(deployment.clock(), there) + REST
    deployment.reconcile()
    [letter] = deployment.letters
    assert there.key in letter["text"]
    minutes = [called_at - timedelta(seconds=it) for it in (10, 11)]
    assert any(f"{it:{TEXTS['en'].moment}}" in letter["text"] for it in minutes)
    page = send(deployment, settings(deployment), "missed")
    assert f"(time zone: {there.key})" in page.text


def test_whoever_was_called_back_or_is_done_is_in_none(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    page = send(deployment, settings(deployment), "missed")
    send(deployment, page, "done", caller=buttons(page)[0], name="Zoë")
    deployment.letters.clear()
    morning(deployment)
    assert deployment.letters == []
    assert datetime.fromisoformat(wish(deployment)["due_at"]) > deployment.clock()


def test_a_call_that_rings_while_a_letter_is_sent_is_in_the_next(
    deployment: Deployment, key: str
) -> None:
    wanted(deployment)
    deployment.clock.at = next_morning(deployment.clock(), BERLIN)
    deployment.reconcile()
    deployment.clock.advance(seconds=20)
    miss(deployment, key, "c-1", ago_s=30)
    assert deployment.letters == []
    morning(deployment)
    assert len(deployment.letters) == 1


def test_a_call_that_is_told_after_a_morning_is_in_the_next_letter_and_in_no_other(
    deployment: Deployment, key: str
) -> None:
    """The telephone system had no connection, and tells of it when it has."""
    wanted(deployment)
    miss(deployment, key, "c-1")
    morning(deployment)
    deployment.clock.advance(hours=2)
    called_at = deployment.clock() - timedelta(hours=5)
    miss(deployment, key, "c-2", phone=OTHER, ago_s=5 * 3600)
    morning(deployment)
    morning(deployment)
    first, second = deployment.letters
    rows = [re.findall(r"^\+\d+", it["text"], re.MULTILINE) for it in (first, second)]
    assert rows == [[NUMBER], [OTHER]]
    since = f"{called_at.astimezone(BERLIN):{TEXTS['en'].moment}} (Europe/Berlin)"
    assert TEXTS["en"].lead.partition("{")[0] + since in second["text"]


def test_a_call_whose_line_is_entered_after_a_morning_is_in_the_next_letter(
    deployment: Deployment, key: str
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1", location_id=None, line="+13155550199")
    morning(deployment)
    assert deployment.letters == []
    account_id = deployment.connection(4564).account_id or ""
    deployment.lines.enter(account_id, {"+13155550199": 4564})
    deployment.let_time_pass(10)
    morning(deployment)
    morning(deployment)
    assert len(deployment.letters) == 1


def test_nobody_gets_one_who_has_not_asked(deployment: Deployment, key: str) -> None:
    send(deployment, settings(deployment), "missed")
    deployment.letters.clear()
    miss(deployment, key, "c-1")
    morning(deployment)
    assert deployment.letters == []


def test_a_second_press_changes_neither_the_hour_nor_the_link(
    deployment: Deployment, key: str
) -> None:
    page = wanted(deployment)
    before = wish(deployment)
    miss(deployment, key, "c-1")
    deployment.clock.at = next_morning(deployment.clock(), BERLIN) + REST
    send(deployment, settings(deployment), "letter")
    assert state(page) == "wanted"
    assert wish(deployment)["due_at"] == before["due_at"]
    assert wish(deployment)["secret"] == before["secret"]
    deployment.letters.clear()
    deployment.reconcile()
    assert len(deployment.letters) == 1


def test_stopped_on_the_page(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    assert state(send(deployment, settings(deployment), "no letter")) == "offered"
    deployment.letters.clear()
    morning(deployment)
    assert deployment.letters == []


@pytest.mark.parametrize("portal", ["", "https://portal.example"])
def test_stopped_from_the_letter_without_a_login(
    deployment: Deployment, key: str, portal: str
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    morning(deployment)
    deployment.restart(**MAIL, PORTAL_URL=portal)
    query = link(deployment.letters[0])
    before = wish(deployment)
    # A program that looks at mail opens the link, and stops nothing.
    shown = opened(deployment, query)
    assert (shown.status, shown.buttons) == (200, ["stop"])
    assert f'action="?{query}"' in shown.text
    assert wish(deployment) == before
    stopped = opened(deployment, query, "POST")
    assert (stopped.status, stopped.buttons, stopped.title) == (200, [], "No more emails")
    # Once more, and the day after.
    assert opened(deployment, query, "POST").status == 200
    miss(deployment, key, "c-2")
    morning(deployment)
    assert len(deployment.letters) == 1


def test_an_old_link_stops_a_new_wish(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    morning(deployment)
    query = link(deployment.letters[0])
    send(deployment, settings(deployment), "no letter")
    wanted(deployment)
    opened(deployment, query, "POST")
    miss(deployment, key, "c-2")
    morning(deployment)
    assert deployment.letters == []


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    "query",
    ["stop", "stop=", "stop=4564", "stop=4564.", "stop=x.y", "stop=4564." + "a" * 31, "stop=%00",
     "stop=4564.<script>", "stop=" + "9" * 5000 + "." + "a" * 32],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_link_of_ours_is_refused(
    deployment: Deployment, query: str, method: str
) -> None:
    wanted(deployment)
    before = wish(deployment)
    assert opened(deployment, query, method).status == 410
    assert wish(deployment) == before


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("location_id", [4564, 4232, 999])
def test_a_guessed_link_stops_nothing_and_tells_nothing(
    deployment: Deployment, location_id: int
) -> None:
    wanted(deployment)
    before = wish(deployment)
    said = opened(deployment, f"stop={location_id}.{'a' * 32}", "POST")
    assert (said.status, said.title) == (200, "No more emails")
    assert wish(deployment) == before


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("action", ["letter", "no letter"])
def test_only_of_his_own_locations_and_with_the_proof(deployment: Deployment, action: str) -> None:
    deployment.connect(4777, owner=STRANGER)
    wanted(deployment)
    before = wish(deployment)
    page = settings(deployment)
    assert send(deployment, page, action, location="4777").proof == "given"
    unproven = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert send(deployment, unproven, action).proof == "offered"
    assert wish(deployment) == before


def test_without_an_address_to_send_from_none_is_due(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    page = settings(deployment)
    deployment.letters.clear()
    deployment.restart(**{**MAIL, "MAIL_FROM": ""})
    assert "data-letter" not in send(deployment, page, "missed").text
    before = wish(deployment)
    morning(deployment)
    assert (deployment.letters, wish(deployment)) == ([], before)


@pytest.mark.usefixtures("key")
def test_of_two_who_are_at_it_one_sends(deployment: Deployment) -> None:
    wanted(deployment)
    deployment.clock.at = next_morning(deployment.clock(), BERLIN) + REST
    wishes = wishes_of(deployment)
    [[due]] = wishes.due()
    one, other = (wishes.overdue(due) for _ in range(2))
    assert one
    assert other
    assert wishes.take(one)
    assert wishes.overdue(due) is None
    with pytest.raises(StaleWrite):
        wishes.take(other)


def test_a_clock_that_is_set_back_at_the_hour_makes_no_second_letter(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    overdue = LetterWishes.overdue

    def set_back(wishes: LetterWishes, row: str) -> Any:
        found = overdue(wishes, row)
        deployment.clock.advance(seconds=-2)
        return found

    deployment.clock.at = next_morning(deployment.clock(), BERLIN) + timedelta(seconds=1)
    with monkeypatch.context() as patched:
        patched.setattr(LetterWishes, "overdue", set_back)
        deployment.reconcile()
    deployment.let_time_pass(3)
    assert len(deployment.letters) == 1
    morning(deployment)
    assert len(deployment.letters) == 1


def test_a_location_that_has_left_has_no_letter(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(5)
    morning(deployment)
    assert deployment.letters == []
    row = wish(deployment)
    assert "due_at" not in row
    # DynamoDB deletes it then, and there is nothing of a person in it until then.
    left = row["expires_at"] - deployment.clock().timestamp()
    assert 0 < left <= timedelta(days=31).total_seconds()
    assert not any(told in str(row) for told in (ANNA.email, ANNA.name, ANNA.phone, NUMBER))


def test_an_erased_account_has_no_letter(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    miss(deployment, key, "c-1")
    account_id = deployment.connection(4564).account_id or ""
    deployment.clock.advance(days=1)
    assert deployment.accounts.erase(account_id, unless_seen_since=deployment.clock()) is None
    miss_at = deployment.clock()
    deployment.reconcile()
    assert deployment.clock() == miss_at
    assert deployment.letters == []
    assert "due_at" not in wish(deployment)


def test_a_crowd_in_one_letter_is_cut_and_counted(deployment: Deployment, key: str) -> None:
    wanted(deployment)
    for number in range(103):
        miss(deployment, key, f"c-{number}", phone=f"+13155550{100 + number}")
    morning(deployment)
    [letter] = deployment.letters
    assert len(re.findall(r"^\+", letter["text"], re.MULTILINE)) == 100
    assert TEXTS["en"].more.format(number=3) in letter["text"]


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"])
def test_mornings_are_those_of_the_clock_on_the_wall(day: str) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=BERLIN)
    after = next_morning(noon.astimezone(UTC), BERLIN)
    there = after.astimezone(BERLIN)
    assert (there.hour, there.minute) == (HOUR, 0)
    assert there.date() == noon.date() + timedelta(days=1)
    assert next_morning(after, BERLIN) > after
    assert next_morning(after - timedelta(seconds=1), BERLIN) == after
    before = last_morning(after - timedelta(seconds=1), BERLIN)
    assert before.astimezone(BERLIN).date() == noon.date()
    assert next_morning(before, BERLIN) == after
    assert last_morning(after, BERLIN) == after


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Nov 8, 2026, 6:05 PM"),
        ("es", "08/11/2026, 18:05"),
        ("de", "08.11.2026, 18:05"),
        ("ru", "08.11.2026, 18:05"),
    ],
)
def test_times_are_written_as_the_reader_writes_them(language: str, told: str) -> None:
    assert f"{datetime(2026, 11, 8, 18, 5, tzinfo=UTC):{TEXTS[language].moment}}" == told


def test_the_letter_speaks_every_language_of_the_page() -> None:
    assert set(TEXTS) == {words.language for words in LANGUAGES}
    for words in LANGUAGES:
        texts = TEXTS[words.language]
        assert texts.location == words.location
        assert "{since}" in texts.lead
        assert "{zone}" in texts.lead
        assert "{number}" in texts.subject
        assert "{location}" in texts.subject


def wishes_of(deployment: Deployment) -> LetterWishes:
    table = deployment.environments["connect"]["CALLS_TABLE"]
    return LetterWishes(deployment._dynamodb, table, clock=deployment.clock, zone=BERLIN)
