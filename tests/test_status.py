"""Status says on one screen what is next, what was sent, and what needs a person."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import NOON, campaign, minutes, schedule, seen, slot, source
from shareasm import collect, steer
from shareasm.domain.campaigns import Moderation
from shareasm.domain.changes import Skipped
from shareasm.domain.queue import State
from shareasm.errors import NetworkError, RateLimited, Rejected, Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Page
from shareasm.publish import Press, bring_in_line, publish_due
from shareasm.status import (
    LATE_AFTER,
    Status,
    read_status,
    status_facts,
    status_lines,
    ways_out,
    words_of_other_days,
)
from shareasm.storage import accounts, days, sources
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade
from shareasm.storage.sources import SourceState
from shareasm.storage.tables import entries


class Office:
    def __init__(self, folder: Path) -> None:
        self.engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        upgrade(self.engine)
        self.campaign = campaign()
        self.clock = FixedClock(NOON)
        self.network = MemoryNetwork()
        self.desk = collect.Desk(self.engine, self.campaign, self.clock)
        bring_in_line(
            self.engine, self.campaign, schedule(slot(), slot("next", "Next #shareASM", at=NOON + minutes(20)))
        )

    def send(self) -> None:
        press = Press(self.engine, self.campaign, Path(), {"ours": self.network}, self.clock, "one", chance=lambda: 0.0)
        publish_due(press, "ours", lambda _: None, lambda: False)

    def beat(self) -> None:
        with transaction(self.engine) as connection:
            days.beat(connection, self.campaign.slug, self.clock.now())

    def status(self) -> Status:
        return read_status(self.engine, self.campaign, self.clock.now())

    @property
    def screen(self) -> str:
        return "\n".join(status_lines(self.status()))


def test_a_day_that_the_store_knows_by_another_name_is_told_so(office: Office) -> None:
    assert "knows nothing" not in office.screen
    office.campaign = replace(office.campaign, slug="our-copy")
    assert "nothing of a day “our-copy” yet; it knows “shareasm-2027”." in office.screen
    assert status_facts(office.status())["other_days"] == ("shareasm-2027",)


def test_of_very_many_other_days_the_first_are_named(office: Office) -> None:
    words = words_of_other_days("ours", [f"day-{n}" for n in range(9)])
    assert words
    assert "“day-7”, …." in words


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.beat()
    return made


def test_a_good_day_is_one_line(office: Office) -> None:
    office.send()
    assert office.screen.splitlines()[0] == (
        "#shareASM 2027, next 12:20:00 (12:20 UTC) next, last sent 12:00:00 (12:00 UTC), all well"
    )
    assert office.status().is_all_well


def test_times_are_in_the_campaigns_zone_and_utc(office: Office) -> None:
    from zoneinfo import ZoneInfo

    office.campaign = replace(office.campaign, zone=ZoneInfo("Africa/Dar_es_Salaam"))
    assert "next 15:00:00 (12:00 UTC) welcome" in office.screen


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (
            Rejected("too long", server="https://memory.example"),
            "failed: welcome (en) on ours: refused: https://memory.example: too long",
        ),
        (
            Unreachable("cut", server="x", is_outcome_unknown=True),
            "unknown: welcome (en) on ours: sent, but the answer was lost",
        ),
    ],
)
def test_what_needs_a_person_is_named_with_its_reason(office: Office, error: Rejected, word: str) -> None:
    office.network.fail_next("publish", error)
    office.send()
    assert word in office.screen
    assert "needs a look" in office.screen


def test_a_post_that_an_account_could_not_send_is_named_with_its_reason(office: Office) -> None:
    office.network.fail_next("publish", Unreachable("connection refused", server="https://memory.example"))
    office.send()
    assert "  waiting: welcome (en) on ours: not sent yet: https://memory.example: connection refused" in office.screen
    assert not office.status().is_all_well


def test_a_post_that_nobody_sends_is_named_a_minute_after_its_time(office: Office) -> None:
    office.clock.advance(LATE_AFTER)
    office.beat()
    assert office.status().is_all_well
    office.clock.advance(seconds=1)
    assert "waiting: welcome (en) on ours: its time has come, and nobody has sent it" in office.screen


def test_a_worker_that_is_gone_is_said(office: Office) -> None:
    office.clock.advance(minutes=3)
    assert "No worker is running: the last sign of one was at 12:00:00" in office.screen
    assert not office.status().is_all_well


def test_a_failing_source_and_what_was_set_aside_are_said(office: Office) -> None:
    skip = Skipped("year 9999 is no year", b"{}", "77")
    collect.store(office.desk, source(), Page(posts=(seen(),), skipped=(skip,)), "shareasm")
    collect.note_failure(office.desk, source(), Unreachable("connection refused", server="https://memory.example"))
    assert (
        "mastodon:memory.example: failing since 12:00:00 (12:00 UTC), 1 set aside: https://memory.example"
        in office.screen
    )
    assert "77  year 9999 is no year" in office.screen
    assert "Collected: 1" in office.screen


def test_a_source_that_was_read_says_when(office: Office) -> None:
    assert "mastodon:memory.example: not read yet" in office.screen
    collect.read(office.desk, source(), office.network)
    assert "mastodon:memory.example: read 12:00:00" in office.screen


def test_before_the_first_run_the_queue_is_said_to_be_empty(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'y.db'}")
    upgrade(engine)
    assert "empty: `shareasm run` fills it" in "\n".join(status_lines(read_status(engine, campaign(), NOON)))
    engine.dispose()


def test_a_closed_day_and_a_note_are_said(office: Office) -> None:
    with transaction(office.engine) as connection:
        days.set_note(connection, office.campaign.slug, "the changed plan was not loaded")
        days.close(connection, office.campaign.slug, NOON + timedelta(hours=10))
    assert "closed 22:00:00" in office.screen
    assert "the changed plan was not loaded" in office.screen


def test_raw_copies_that_nobody_lets_go_are_said_with_the_way_out(office: Office) -> None:
    collect.store(office.desk, source(), Page(posts=(seen(),)), "shareasm")
    assert "Overdue" not in office.screen
    office.clock.advance(office.campaign.closes_at - NOON + office.campaign.keep.raw + timedelta(days=1))
    assert "Overdue" not in office.screen
    office.clock.advance(timedelta(days=1))
    assert "Overdue:   raw copies 1, which the campaign keeps no longer: shareasm sweep" in office.screen
    assert status_facts(office.status())["overdue_raw_copies"] == 1


def test_the_same_facts_come_as_data(office: Office) -> None:
    office.send()
    facts = status_facts(office.status())
    assert facts["all_well"] is True
    assert facts["queue"] == {"published": 1, "waiting": 1}
    assert facts["last_sent"]["url"] == next(iter(office.network.posts.values())).url  # type: ignore[index]
    assert facts["next"]["slot"] == "next"  # type: ignore[index]


def test_a_part_that_waits_for_one_that_needs_a_person_is_not_what_comes_next(office: Office) -> None:
    plan = schedule(slot("thread", "one", "two", "three"), slot("next", "Next #shareASM", at=NOON + minutes(20)))
    bring_in_line(office.engine, office.campaign, plan)
    office.network.fail_next("publish", Rejected("too long", server="https://memory.example"))
    office.send()
    found = office.status().next_entry
    assert found
    assert found.key.slot == "next"


def test_a_pause_stands_on_the_first_screen_with_its_reason_and_the_way_on(office: Office) -> None:
    steering_at = NOON + minutes(2)
    steer.pause(office.engine, office.campaign.slug, "amina", "an accident", steering_at)
    office.clock.set(steering_at)
    office.beat()
    assert "PAUSED since 12:02:00 (12:02 UTC), needs a look" in office.screen.splitlines()[0]
    assert "Paused:    an accident, 1 held whose time has come. To go on: shareasm resume" in office.screen
    assert "nobody has sent it" not in office.screen
    facts = status_facts(office.status())
    assert (facts["pause_reason"], facts["held"], facts["all_well"]) == ("an accident", 1, False)


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        (State.UNKNOWN, ["shareasm adopt welcome URL my-day {}", "shareasm resend welcome my-day {}"]),
        (State.FAILED, ["shareasm resend welcome my-day {}"]),
        (State.MISSED, ["shareasm resend welcome my-day {}"]),
        (State.WITHDRAWING, []),
    ],
)
def test_what_needs_a_person_comes_with_the_ways_out_to_paste(
    office: Office, state: State, commands: list[str]
) -> None:
    with transaction(office.engine) as connection:
        connection.execute(entries.update().where(entries.c.slot == "welcome"), {"state": state, "note": "because"})
    found = read_status(office.engine, office.campaign, NOON, folder="my-day")
    [entry] = found.troubles
    only = "--account ours --language en"
    assert [command for _, command in ways_out(found, entry)] == [command.format(only) for command in commands]
    assert all(command.format(only) in "\n".join(status_lines(found)) for command in commands)
    [facts] = status_facts(found)["needs_a_person"]  # type: ignore[misc]
    assert len(facts["ways_out"]) == len(commands)


def test_what_is_asked_back_and_not_found_is_adopted_or_given_up(office: Office) -> None:
    found = office.status()
    assert found.next_entry
    entry = replace(found.next_entry, state=State.UNKNOWN, withdraw_reason="a wrong name")
    assert [command.split()[1] for _, command in ways_out(found, entry)] == ["adopt", "withdraw"]
    assert ways_out(found, entry)[1][1].endswith("--reason 'a wrong name'")


def test_a_part_of_a_thread_is_named_as_people_count(office: Office) -> None:
    found = office.status()
    assert found.next_entry
    entry = replace(found.next_entry, key=found.next_entry.key._replace(part=1), state=State.MISSED)
    assert ways_out(found, entry)[0][1] == "shareasm resend welcome --account ours --language en --part 2"


def test_stopped_accounts_and_checks_that_fail_are_said(office: Office) -> None:
    with transaction(office.engine) as connection:
        accounts.stop(connection, office.campaign.slug, "ours", "the token is refused", NOON)
        check = SourceState(sources.check_name("mastodon:memory.example"))
        sources.note_failure(connection, office.campaign.slug, check, NOON, "no answer", NOON)
    assert "  stopped: ours since 12:00:00 (12:00 UTC): the token is refused" in office.screen
    assert "mastodon:memory.example: does not answer about what is stored since 12:00:00" in office.screen
    facts = status_facts(office.status())
    assert facts["stopped_accounts"][0]["account"] == "ours"  # type: ignore[index]
    assert facts["failing_checks"][0]["note"] == "no answer"  # type: ignore[index]
    assert facts["all_well"] is False


def test_a_source_that_is_well_says_what_holds_it_back(office: Office) -> None:
    with transaction(office.engine) as connection:
        sources.note_ok(connection, office.campaign.slug, source().id, NOON, note="sees little: a closed timeline")
    assert f"  {source().id}: read 12:00:00" in office.screen
    assert "      sees little: a closed timeline\n" in office.screen
    assert office.status().is_all_well


def test_what_is_taken_back_is_counted_and_no_trouble(office: Office) -> None:
    with transaction(office.engine) as connection:
        connection.execute(entries.update().where(entries.c.slot == "welcome"), {"state": State.WITHDRAWN})
    assert "Queue:     waiting 1  withdrawn 1" in office.screen
    assert office.status().is_all_well


# ---- questions to us, and when nobody watched --------------------------------------------------------------------------


class Watched(Office):
    """A day whose source is read; `network` says what people asked."""

    def read(self, at: float) -> None:
        self.clock.set(self.campaign.opens_at + minutes(at))
        self.beat()
        collect.read(self.desk, source(), self.network)

    def fail(self, at: float, error: NetworkError) -> None:
        self.clock.set(self.campaign.opens_at + minutes(at))
        collect.note_failure(self.desk, source(), error)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_question_to_us_stands_on_the_screen_with_its_link_until_it_is_answered(office: Office) -> None:
    office.send()
    [ours] = office.network.posts.values()
    asked = office.network.say("What do masks cost? #shareASM", at=NOON - minutes(65), reply_to=ours.ref, is_reply=True)
    collect.read(office.desk, source(), office.network)
    assert "open questions: 1" in office.screen.splitlines()[0]
    assert f"  1 h 5 min  amina@memory.example: What do masks cost? #shareASM\n      {asked.url}" in office.screen
    assert status_facts(office.status())["questions"] == [
        {
            "asked_at": "2027-02-03T10:55:00+00:00",
            "by": "amina@memory.example",
            "url": asked.url,
            "text": "What do masks cost? #shareASM",
        }
    ]
    office.network.say("Two dollars. #shareASM", author="us", at=NOON, reply_to=asked.ref, is_reply=True)
    collect.sweep(office.desk, source(), office.network, NOON - minutes(90))
    assert "uestions" not in office.screen


def test_posts_that_a_person_has_to_look_at_are_counted_with_the_way_there(office: Office) -> None:
    office.campaign = campaign(moderation=Moderation.APPROVE)
    assert "Waiting:" not in office.screen
    collect.store(office.desk, source(), Page(posts=(seen(),)), "shareasm")
    assert "Waiting:   posts 1, which a person has to look at: shareasm posts waiting" in office.screen
    assert status_facts(office.status())["waiting_for_a_person"] == 1


def test_many_questions_keep_to_one_screen(office: Office) -> None:
    office.send()
    [ours] = office.network.posts.values()
    for number in range(12):
        office.network.say(f"Why {number}? #shareASM", at=NOON, reply_to=ours.ref, is_reply=True)
    collect.read(office.desk, source(), office.network)
    assert office.screen.count("Why ") == 8
    assert "  and 4 more: `shareasm status --json` has them all" in office.screen
    assert len(status_facts(office.status())["questions"]) == 12  # type: ignore[arg-type]


def test_a_source_that_was_watched_all_the_time_is_one_line(watched: Watched) -> None:
    for minute in range(0, 12, 2):
        watched.read(minute)
    [line] = [line for line in watched.screen.splitlines() if "mastodon:" in line]
    assert line == "  mastodon:memory.example: read 06:10:00 (06:10 UTC), watched without a gap"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "nobody looked from 06:00:00 (06:00 UTC) to 06:20:00 (06:20 UTC)"),
        (
            Unreachable("no answer", server="https://memory.example"),
            "blind from 06:00:00 (06:00 UTC) to 06:20:00 (06:20 UTC): https://memory.example: no answer",
        ),
        (
            RateLimited("too many", server="https://memory.example", until=NOON),
            "throttled from 06:00:00 (06:00 UTC) to 06:20:00 (06:20 UTC): https://memory.example: too many",
        ),
    ],
)
def test_a_gap_says_from_when_to_when_why_and_what_a_later_look_found(
    watched: Watched, error: NetworkError | None, said: str
) -> None:
    watched.read(0)
    if error:
        watched.fail(1, error)
        with transaction(watched.engine) as connection:
            sources.end_waits(connection, watched.campaign.slug)
    watched.network.say("Meanwhile #shareASM", at=watched.campaign.opens_at + minutes(7))
    watched.read(20)
    assert f"      {said}; posts of that time found later: 1" in watched.screen.splitlines()
    [facts] = status_facts(watched.status())["sources"][0]["gaps"]  # type: ignore[index]
    assert (facts["kind"], facts["found_later"]) == (said.partition(" from")[0], 1)


def test_a_source_that_a_running_worker_has_not_read_for_long_is_late(watched: Watched) -> None:
    watched.read(0)
    watched.clock.set(watched.campaign.opens_at + minutes(30))
    watched.beat()
    assert "      late from 06:00:00 (06:00 UTC) until now" in watched.screen.splitlines()


def test_many_gaps_keep_to_one_screen(watched: Watched) -> None:
    for hour in range(6):
        watched.read(60 * hour)
    assert watched.screen.count("nobody looked from") == 3
    assert "      earlier gaps: 2, 2 h 0 min in all" in watched.screen.splitlines()
