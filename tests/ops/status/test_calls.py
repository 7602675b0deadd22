"""Of calls and pop-ups, `status` names what was dropped, refused or left out, and why."""

from datetime import timedelta

import pytest

from shared.calls.recording_links import UNREADABLE
from shared.clock import stamp
from tests.calls import telling
from tests.deployment import Deployment, ringing
from tests.ops.operator import Operator, facts, told, type_what_it_says
from tests.ops.states import end

pytestmark = pytest.mark.usefixtures("logged")


def test_a_pop_up_that_was_dropped_is_told_with_its_reason(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    late = {**ringing("c-1"), "at": (deployment.clock() - timedelta(minutes=5)).isoformat()}
    # Where it is, its line tells.
    assert deployment.call({**late, "location_id": None}, key)[0] == 202
    assert facts(operator)["pop-ups"].startswith("1 not shown, as the PBX told too late, since ")
    assert (
        operator.json("location", "4564")["facts"]["dropped"]
        == "0 s ago: too late: told 300 s after it rang"
    )


@pytest.mark.parametrize("rings", ["rings", "has ended"])
def test_a_pbx_whose_clock_is_ahead_is_told_until_it_is_set(
    deployment: Deployment, operator: Operator, rings: str
) -> None:
    key = deployment.connect(4564).pbx_key
    if rings == "rings":
        telling.ring(deployment, key, ago_s=-430, call_id="c-1")
    else:
        telling.end(deployment, key, ago_s=-340, call_id="c-1", duration_s=90)
    ahead = "the clock of its PBX is 7 min ahead, so its calls stand at times to come"
    assert any(ahead in line for line in told(operator))
    assert ahead in " ".join(operator("location", "4564").split())
    deployment.clock.advance(minutes=61)
    telling.ring(deployment, key, call_id="c-2")
    for screen in (("status",), ("location", "4564")):
        assert "clock of its PBX" not in " ".join(operator(*screen).split())


@pytest.mark.parametrize(
    ("ahead_s", "by", "offset"),
    [(10790, "3 h", "+03:00"), (19770, "5 h 30 min", "+05:30"), (20700, "5 h 45 min", "+05:45")],
)
def test_a_pbx_whose_times_are_ahead_by_a_zone_is_told_so_until_a_call_is_right(
    deployment: Deployment, operator: Operator, ahead_s: int, by: str, offset: str
) -> None:
    key = deployment.connect(4564).pbx_key
    telling.end(deployment, key, ago_s=90 - ahead_s, call_id="c-1", duration_s=90)
    [line] = told(operator)
    assert line.startswith(
        f"attention location 4564: the times of its PBX are {by} ahead, so its calls stand at"
        " times to come in Altegio's history: that is a time zone, not its clock, and NTP mends"
        f" nothing. It writes local time as UTC: have it write UTC, or the offset ({offset}) with"
    )
    assert told(operator, "location", "4564") == [line]
    deployment.let_time_pass(5)
    telling.end(deployment, key, ago_s=30 - ahead_s, call_id="c-2", duration_s=90)
    assert "Mended" not in " ".join(told(operator))
    deployment.let_time_pass(5)
    telling.end(deployment, key, call_id="c-3", duration_s=90)
    for command in (("status",), ("location", "4564")):
        [it] = operator.json(*command)["troubles"]
        assert "Mended, as it seems: a call came that is not ahead 0 s ago" in it["what"]


@pytest.mark.parametrize(
    ("ahead_s", "by"), [(9600, "2 h 40 min"), (45000, "12 h 30 min"), (54000, "15 h")]
)
def test_a_pbx_that_is_ahead_by_no_zone_has_its_clock_set(
    deployment: Deployment, operator: Operator, ahead_s: int, by: str
) -> None:
    key = deployment.connect(4564).pbx_key
    telling.ring(deployment, key, ago_s=-ahead_s, call_id="c-1")
    [line] = told(operator)
    assert f"the clock of its PBX is {by} ahead" in line
    assert "have it set by NTP" in line


def test_a_call_that_nobody_took_does_not_show_that_a_clock_is_set(
    deployment: Deployment, operator: Operator
) -> None:
    """Only when it began is told: after a long wait that is past, by a clock a little ahead."""
    key = deployment.connect(4564).pbx_key
    telling.ring(deployment, key, ago_s=-430, call_id="c-1")
    deployment.let_time_pass(10)
    telling.end(deployment, key, ago_s=600 - 430, call_id="c-1", duration_s=0, answered=False)
    [line] = told(operator)
    assert "Mended" not in line


def test_links_to_recordings_that_are_left_out_are_told_with_their_host(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    link = "https://rec2.telco.example/a?token=s3cret"
    telling.end(deployment, key, call_id="c-1", location_id=4232, recording_url=link)
    [line] = told(operator)
    assert line.startswith("attention location 4232: its PBX gives recordings that are not passed")
    assert "links are on the host rec2.telco.example, which RecordingHosts does not allow" in line
    assert "Whether to allow the host, the provider decides, and that can wait" in line
    assert "RecordingHosts of this environment in samconfig.toml" in line
    assert "and then `make deploy`" in line
    assert "s3cret" not in line
    assert "host rec2.telco.example" in operator("location", "4232")
    deployment.clock.advance(hours=2)
    assert "host rec2.telco.example" not in operator("location", "4232")
    shown = " ".join(operator("call", "4232", "c-1").split())
    assert "those are left out that are on the host rec2.telco.example, which" in shown


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("http://rec.example.com/a?token=s3cret", "not https, on the host rec.example.com"),
        ("/var/spool/s3cret.wav", "not https"),
        ("https://rec.example.com:8443/s3cret", f"{UNREADABLE}, on the host rec.example.com"),
        ("https://u:s3cret@rec.example.com/a", f"{UNREADABLE}, on the host rec.example.com"),
        ("https://[s3cret", UNREADABLE),
    ],
)
def test_why_a_recording_is_left_out_is_told_with_its_host_and_no_more_of_it(
    deployment: Deployment, operator: Operator, link: str, why: str
) -> None:
    """Of an allowed host, too."""
    deployment.restart(RECORDING_HOSTS="rec.example.com")
    key = deployment.connect(4232).pbx_key
    telling.end(deployment, key, call_id="c-1", location_id=4232, recording_url=link)
    [line] = told(operator)
    assert f"not passed on, as their links are {why}; last at " in line
    assert "Z. Calls are saved without them, and get none later >" in line
    assert line.endswith("> location 4232")
    assert "s3cret" not in line
    # A good one ends it.
    deployment.clock.advance(seconds=5)
    good = "https://rec.example.com/c-2"
    telling.end(deployment, key, call_id="c-2", location_id=4232, recording_url=good)
    [over] = operator.json("location", "4232")["troubles"]
    assert "Mended, as it seems: one was passed on 0 s ago; this is told until " in over["what"]
    assert "nothing is wrong any more" in operator("status")


def test_what_a_location_is_called_by_is_seen_beside_what_its_siblings_are(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4232, 4777)
    operator("lines", "4777", "--enter", "+13155550199", "--do")
    shown = " ".join(operator("location", "4232").split())
    assert (
        "lines none is entered as its own; of its account's others: +13155550199 of 4777" in shown
    )
    assert "no call of it came, and its account's lines are entered as others'" in shown
    assert "ops lines 4232" in shown
    operator("lines", "4232", "--enter", "+13155550199", "--do")
    assert "no call of it came" not in operator("location", "4232")


def test_numbers_of_another_country_than_the_accounts_are_told(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    operator("account", "4232", "--country", "DE", "--do")
    at = deployment.clock().isoformat()
    deployment.call({**ringing("c-1", location_id=4232), "phone": "(315) 555-0180", "at": at}, key)
    [line] = told(operator)
    assert (
        "more pop-ups were dropped than shown: 1 not shown, as the caller's number is none of the"
        " account's country; at " in line
    )
    assert "Z: the caller's number is none of the account's country. Either the PBX does" in line
    assert "or it writes them as another country does: if so, say which" in line
    assert line.endswith("say which > account 4232 --country COUNTRY")
    assert "country DE +49" in " ".join(operator("location", "4232").split())
    # No call has come since it was mended.
    deployment.clock.advance(minutes=1)
    operator("account", "4232", "--country", "US", "--do")
    [line] = told(operator)
    assert "Mended, as it seems: the next call tells, as the country was chosen 0 s ago; th" in line
    assert ("nothing is wrong any more" in operator("status"), operator.code) == (True, 0)
    deployment.clock.advance(minutes=1)
    deployment.restart()
    operator("account", "4232", "--country", "DE", "--do")
    at = deployment.clock().isoformat()
    deployment.clock.advance(seconds=1)
    deployment.call({**ringing("c-2", location_id=4232), "phone": "(315) 555-0180", "at": at}, key)
    assert "1 thing is wrong" in operator("status")


def test_a_pbx_that_cuts_the_area_code_is_told_as_that_and_not_as_another_country(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    for number in range(3):
        telling.ring(deployment, key, phone="555-0175", call_id=f"c-{number}", location_id=4232)
        telling.end(deployment, key, phone="555-0175", call_id=f"c-{number}", location_id=4232)
    [line] = told(operator)
    assert "Those of its last calls are numbers of no country that it may be in, so" in line
    assert "its PBX does not write them in full, as one that cuts off the area code" in line
    assert line.endswith(" > location 4232")
    shown = " ".join(operator("status").split())
    assert "--country" not in shown
    # Which country has them can be tried.
    dry = " ".join(operator("account", "4232", "--country", "DE").split())
    assert "; of 3 calls whose caller's number could not be read, those of 0 can exist the" in dry


def test_a_country_that_has_the_numbers_of_the_last_calls_is_proposed(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    operator("account", "4232", "--country", "DE", "--do")
    deployment.clock.advance(seconds=5)
    caller = "(315) 555-0180"
    telling.ring(deployment, key, phone=caller, call_id="c-1", location_id=4232)
    telling.end(deployment, key, phone=caller, call_id="c-1", location_id=4232)
    [line] = [it for it in told(operator) if "more pop-ups were" in it]
    assert "As numbers of US +1, those of its last calls can all exist" in line
    assert line.endswith(" --country US")
    dry = " ".join(type_what_it_says(operator, line).split())
    assert "; of 1 call whose caller's number could not be read, those of 1 can exist the" in dry


def test_calls_that_the_platform_refused_are_told_with_each_of_its_reasons(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    end(deployment, key, "c-1")
    deployment.let_time_pass(15)
    for number, why in enumerate(("No such user.", "No such user.", "No such line.")):
        deployment.simulator.fault("history", "status", status=422, message=why)
        end(deployment, key, f"c-{number + 2}")
        deployment.let_time_pass(3)
    [line] = told(operator)
    assert line == (
        "attention location 4232: 3 calls refused by the platform: 422 No such user. (2);"
        " 422 No such line. (1). Numbers are read as of US +1; all can exist there. First put right"
        " what it says, then have them sent again (location 4232 --send-refused); or give them up"
        " (--drop-refused)"
        " > location 4232 --send-refused"
    )
    account_id = str(deployment.connection(4232).account_id)
    for words in (("location", "4232"), ("account", account_id)):
        [same] = operator.json(*words)["troubles"]
        assert same["command"] == "location 4232 --send-refused"
    assert "3 calls" in type_what_it_says(operator, line)
    assert "3 calls" in type_what_it_says(operator, f"{line} --do")
    deployment.let_time_pass(15)
    assert told(operator) == []


def test_a_location_whose_pop_ups_are_dropped_is_told_with_the_platforms_words(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.aws.sightings._EVERY_S", 0)
    key = deployment.connect(4564).pbx_key

    def ring(number: int) -> None:
        event = {**ringing(f"c-{number}"), "at": deployment.clock().isoformat()}
        assert deployment.call(event, key)[0] == 202

    deployment.simulator.fault("event", "status", status=422, message="No such user.", times=2)
    ring(1)
    ring(2)
    [line] = told(operator)
    what = (
        "more pop-ups were dropped than shown: 2 not shown, as the platform did not take it; at"
        f" {deployment.clock():%H:%M:%S}Z: the platform did not take it: 422 No such user. Have its"
        " owner mend in Altegio what it says, or ask Altegio"
    )
    assert line == f"attention location 4564: {what} > location 4564"
    deployment.clock.advance(minutes=1)
    ring(3)
    assert "nothing is wrong any more" in operator("status")
    assert operator.code == 0
    [it] = operator.json("status")["troubles"]
    over = f"{deployment.clock() + timedelta(minutes=59):%H:%M:%S}Z"
    assert (
        it["what"]
        == f"{what}. Mended, as it seems: one was shown 0 s ago; this is told until {over}"
    )
    assert facts(operator)["pop-ups"].startswith(
        "2 not shown, as the platform did not take it, 1 taken by Altegio, since "
    )
    assert operator.json("location", "4564")["facts"]["pop-ups"].startswith("2 not shown")


@pytest.mark.parametrize(
    ("ages", "means"),
    [
        (
            (301,),
            "If more come and are alike, the PBX's clock is about 301 s behind; if not, it tells",
        ),
        (
            (301, 310, 290, 305),
            "The PBX's clock is about 301 s behind, as its delays are alike. Have whoever runs it",
        ),
        (
            (48, 301, 95),
            "The PBX tells late, whatever its clock, as its delays differ: 40 s to 6 min. Have",
        ),
        (
            (10803,),
            "If more come and are alike, the PBX writes local time as UTC, 3 h behind; if not, it",
        ),
        (
            (10803, 10799, 10801, 10798),
            (
                "The PBX's times are 3 h behind, as its delays are alike: that is a time zone, not"
                " its clock, and NTP mends nothing. It writes local time as UTC: have it write UTC,"
                " or the offset (-03:00) with the time. Calls that were saved meanwhile stand 3 h"
                " too early"
            ),
        ),
        (
            (12605, 12603, 12608),
            "The PBX's times are 3 h 30 min behind, as its delays are alike: that is a time zone",
        ),
        (
            (9605, 9603, 9608),
            "The PBX's clock is about 9605 s behind, as its delays are alike. Have whoever runs it",
        ),
        (
            (10803, 40, 2000),
            "The PBX tells late, whatever its clock, as its delays differ: 40 s to 4 h. Have",
        ),
    ],
)
def test_of_a_pbx_that_tells_late_the_delays_show_whether_its_clock_is_wrong(
    deployment: Deployment, operator: Operator, ages: tuple[int, ...], means: str
) -> None:
    key = deployment.connect(4564).pbx_key
    began = deployment.clock()
    # What is noted of one in a minute stands with its time, as it may not be the last.
    one = f"; at {began:%H:%M:%S}Z: too late: told {ages[0]} s after it rang. "
    for number, age_s in enumerate(ages):
        deployment.call({**ringing(f"c-{number}"), "at": telling.at(deployment, age_s)}, key)
        deployment.clock.advance(seconds=1)
    for command in (("status",), ("location", "4564")):
        [it] = operator.json(*command)["troubles"]
        assert f"{one}{means}" in it["what"]
        assert it["since"] == stamp(began)


def test_a_pbx_whose_clock_is_behind_is_told_once_whatever_locations_it_serves(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.aws.sightings._EVERY_S", 0)
    key = deployment.connect(4564, 4232).pbx_key
    account_id = deployment.connection(4564).account_id

    def ring(number: int, location_id: int, late_s: int) -> None:
        event = {**ringing(f"c-{number}"), "location_id": location_id}
        deployment.call({**event, "at": telling.at(deployment, late_s)}, key)

    for number, location_id in enumerate((4564, 4564, 4232)):
        ring(number, location_id, 91)
    [line] = told(operator)
    assert line.startswith(
        f"attention the PBX of account {account_id} (Zoë Müller ÿÿ; locations 4232, 4564): more"
        " pop-ups were dropped than shown: 3 not shown, as the PBX told too late; at"
    )
    assert "The PBX's clock is about 91 s behind, as its delays are alike. Have whoever" in line
    assert "set it by NTP; if it is right, its reports come late: look at their queue" in line
    assert "meanwhile stand about 91 s too early in Altegio's history, and stay so" in line
    assert line.endswith(f" > account {account_id}")
    for each in ("4564", "4232"):
        assert told(operator, "location", each) == [line]
        assert f"  attention  the PBX of account {account_id}" in operator("location", each)
    # To whom to tell it, that command shows, beside the same; and it does not lead to itself.
    assert told(operator, "account", str(account_id)) == [line]
    deployment.clock.advance(minutes=1)
    ring(9, 4232, 0)
    assert "nothing is wrong any more" in operator("status")
    for each in ("4564", "4232"):
        [mended] = told(operator, "location", each)
        assert mended.partition(" > ")[0].endswith(
            f"one was shown 0 s ago; this is told until"
            f" {deployment.clock() + timedelta(minutes=59):%H:%M:%S}Z"
        )
        assert f"  echo  the PBX of account {account_id}" in operator("location", each)


def test_a_line_that_rings_and_that_nobody_has_entered_is_told_until_it_is_entered(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564, 4232).pbx_key
    event = {**ringing("c-1"), "at": deployment.clock().isoformat(), "line": "+13155550199"}
    deployment.call({**event, "location_id": None}, key)
    [line] = told(operator)
    assert "line is of: +13155550199. Say of which LOCATION it is, if it is this cust" in line
    assert line.endswith("> lines LOCATION --enter +13155550199")
    assert line.partition(" > ")[2] == operator.json("location", "4232")["troubles"][0]["command"]
    command = line.partition(" > ")[2].replace("LOCATION", "4232").split()
    assert "nobody has entered it -> 4232" in operator(*command)
    operator(*command, "--do")
    assert told(operator) == operator.json("location", "4232")["troubles"] == []


def test_a_line_that_only_rang_is_not_asked_about_for_long(
    deployment: Deployment, operator: Operator
) -> None:
    """Nothing waits for it, or what waited was given up."""
    key = deployment.connect(4564, 4232).pbx_key
    event = {**ringing("c-1"), "at": deployment.clock().isoformat(), "line": "+13155550199"}
    deployment.call({**event, "location_id": None}, key)
    deployment.let_time_pass(9)
    assert "1 thing is wrong" in operator("status")
    deployment.let_time_pass(2)
    assert "nothing is wrong any more" in operator("status")
    [it] = operator.json("status")["troubles"]
    assert "it rang last 11 min ago, and nothing waits for it; this is told until " in it["what"]


def test_all_pop_ups_of_the_last_minute_are_told_and_if_not_when_some_are_missing(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.clock.at = deployment.clock.at.replace(second=0)
    key = deployment.connect(4564).pbx_key
    # All of them within a minute.
    deployment.clock.advance(seconds=60 - deployment.clock.at.second)

    def ring(number: int) -> None:
        event = {**ringing(f"c-{number}"), "at": deployment.clock().isoformat()}
        assert deployment.call(event, key)[0] == 202
        deployment.clock.advance(seconds=1)

    for number in range(6):
        ring(number)
    since = f"since {deployment.clock() - timedelta(hours=1):%Y-%m-%d %H}:00:00Z"
    of_it = operator.json("location", "4564")["facts"]
    assert facts(operator)["pop-ups"] == of_it["pop-ups"] == f"6 taken by Altegio, {since}"
    for number in range(6, 12):
        ring(number)
    missing = f"and not all of the minute after {deployment.clock():%Y-%m-%d %H:%M}"
    assert facts(operator)["pop-ups"].startswith(f"10 taken by Altegio, {since}, {missing}")
