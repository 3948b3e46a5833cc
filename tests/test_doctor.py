"""The doctor's judgement without a network: what is green, yellow and red, and how it is told."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import NOON, campaign, schedule, slot
from shareasm.doctor import Finding, Light, Materials, examine, lines, machine, to_facts, worst
from shareasm.doctor.accounts import judge_account, judge_posts
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.pictures import PreparedImage
from shareasm.domain.posts import Network
from shareasm.domain.queue import Draft, DraftMedia, DraftPoll, DraftVideo, PlannedEntry, plan_entries
from shareasm.errors import ConfigError, RateLimited, StorageError, Unauthorized, Unreachable
from shareasm.networks.ports import AccountFacts, Limits, Page, PollLimits
from shareasm.storage import accounts, days, steering
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade

LIMITS = Limits(text_length=20, url_length=23, alt_length=10, media_count=1, polls=PollLimits())
OURS = CampaignAccount("ours", Network.MASTODON, "https://memory.example", "us@memory.example", ("en",))
WELL = AccountFacts("us@memory.example", LIMITS, "mastodon", (), 0.1, 300, NOON, is_marked_automated=False)


def light_of(findings: Iterator[Finding] | list[Finding], check: str) -> Light:
    return next(finding.light for finding in findings if finding.check == check)


# ---- an account --------------------------------------------------------------------------------------------------------


def test_an_account_as_it_should_be_is_green_all_over() -> None:
    findings = [*judge_account(OURS, WELL)]
    assert {finding.light for finding in findings} == {Light.GREEN}
    assert [finding.check for finding in findings] == ["sign-in", "scopes", "clock", "calls left", "bot mark"]


@pytest.mark.parametrize(
    ("seconds", "light"),
    [
        (None, Light.GREEN),
        (2, Light.GREEN),
        (-2, Light.GREEN),
        (2.1, Light.YELLOW),
        (-30, Light.YELLOW),
        (31, Light.RED),
        (-86_400, Light.RED),
    ],
)
def test_clocks_may_differ_by_two_seconds_and_must_not_by_thirty(seconds: float | None, light: Light) -> None:
    assert light_of(judge_account(OURS, replace(WELL, clock_ahead_s=seconds)), "clock") is light


@pytest.mark.parametrize(
    ("left", "light"), [(None, Light.GREEN), (50, Light.GREEN), (49, Light.YELLOW), (0, Light.YELLOW)]
)
def test_few_calls_left_are_yellow(left: int | None, light: Light) -> None:
    assert light_of(judge_account(OURS, replace(WELL, calls_left=left)), "calls left") is light


@pytest.mark.parametrize(
    ("said", "planned", "is_it"),
    [
        ("us@memory.example", "us@memory.example", True),
        ("US@web.memory.example", "@us@memory.example", True),  # the host in handles may be another than the server's
        ("them@memory.example", "us@memory.example", False),
        ("iied.example", "iied.example", True),
        ("iied.example", "amina.example", False),
    ],
)
def test_an_account_is_known_by_its_name(said: str, planned: str, is_it: bool) -> None:
    assert replace(WELL, handle=said).is_account(planned) is is_it


def entry(**changes: object) -> PlannedEntry:
    (planned,) = plan_entries(campaign(), schedule(slot("welcome", "Good")))
    draft = Draft(network=Network.MASTODON, text="Good", language="en")
    return replace(planned, draft=replace(draft, **changes))  # type: ignore[arg-type]


def prepared(path: Path, _: Limits) -> PreparedImage:
    if path.name == "broken.png":
        raise ConfigError("the picture cannot be sent", file=str(path))
    return PreparedImage(b"x", "image/png", 1, 1)


@pytest.mark.parametrize(
    ("changes", "limits", "check", "light"),
    [
        ({}, LIMITS, "posts", Light.GREEN),
        ({"text": "x" * 21}, LIMITS, "text", Light.RED),
        ({"text": "é" * 15}, replace(LIMITS, text_bytes=29), "text", Light.RED),
        ({"media": (DraftMedia("a.png", "a"), DraftMedia("b.png", "b"))}, LIMITS, "pictures", Light.RED),
        ({"media": (DraftMedia("a.png", "x" * 11),)}, LIMITS, "pictures", Light.YELLOW),
        ({"media": (DraftMedia("broken.png", "a"),)}, LIMITS, "pictures", Light.RED),
        ({"video": DraftVideo("a.mp4", "a")}, LIMITS, "video", Light.RED),
        ({"video": DraftVideo("a.mp4", "a")}, replace(LIMITS, video_bytes=1), "posts", Light.GREEN),
        ({"poll": DraftPoll(("a", "b"), timedelta(hours=1))}, replace(LIMITS, polls=None), "poll", Light.YELLOW),
    ],
)
def test_what_does_not_fit_the_server_is_named(
    changes: dict[str, object], limits: Limits, check: str, light: Light
) -> None:
    findings = [*judge_posts(OURS, limits, [entry(**changes)], Path("media"), prepared)]
    assert [(finding.check, finding.light) for finding in findings] == [(check, light)]


# ---- the machine -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "light"), [(2_000_000_000, Light.GREEN), (1_999_999_999, Light.YELLOW), (299_999_999, Light.RED)]
)
def test_a_day_needs_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, light: Light) -> None:
    class Usage:
        def __init__(self) -> None:
            self.free = free

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage())
    assert machine.judge_disk(tmp_path / "data").light is light


def test_looking_whether_a_folder_can_be_written_leaves_nothing_in_it(tmp_path: Path) -> None:
    assert machine.judge_folder(tmp_path / "recaps" / "day").light is Light.GREEN
    assert [*(tmp_path / "recaps" / "day").iterdir()] == []


def test_a_zone_that_nobody_knows_is_red() -> None:
    (found,) = (each for each in machine.judge_zones(["Africa/Accra", "Mars/Olympus"], 2027) if each.check == "known")
    assert (found.light, "Mars/Olympus" in found.message) == (Light.RED, True)


@pytest.mark.parametrize(("release", "light"), [("2025b", Light.GREEN), ("2024a", Light.YELLOW), (None, Light.GREEN)])
def test_old_time_zone_data_are_yellow(monkeypatch: pytest.MonkeyPatch, release: str | None, light: Light) -> None:
    monkeypatch.setattr(machine, "zone_release", lambda: release)
    (found,) = machine.judge_zones(["Africa/Accra"], 2027)
    assert found.light is light


def test_the_release_of_the_time_zone_data_is_told() -> None:
    release = machine.zone_release()
    assert release is None or release[:4].isdecimal()


# ---- the whole ---------------------------------------------------------------------------------------------------------


class Probe:
    def __init__(self, facts: AccountFacts | Exception) -> None:
        self.facts = facts

    def examine(self) -> AccountFacts:
        if isinstance(self.facts, Exception):
            raise self.facts
        return self.facts


class Reader:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def read_tag(self, *_: object) -> Iterator[Page]:
        if self.error:
            raise self.error
        yield Page()
        raise AssertionError("one page is enough")


class Stream:
    def __init__(self) -> None:
        self.is_stopped = False

    def read(self, tags: Sequence[str], *_: object) -> Iterator[Page]:
        yield Page()

    def stop(self) -> None:
        self.is_stopped = True


def materials(tmp_path: Path, **changes: object) -> Materials:
    def open_store() -> object:
        engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
        upgrade(engine)
        return engine

    day = campaign(accounts=(OURS,))
    given: dict[str, object] = {
        "campaign": day,
        "schedule": schedule(),
        "media": tmp_path,
        "data": tmp_path,
        "recap": tmp_path / "recap",
        "now": FixedClock(day.opens_at - timedelta(days=1)).now,
        "open_store": open_store,
        "probe": lambda _: Probe(replace(WELL, limits=replace(LIMITS, text_length=500))),
        "publisher": lambda _: None,
        "reader": lambda _: Reader(),
        "prepare": prepared,
    }
    return Materials(**given | changes)  # type: ignore[arg-type]


def found(tmp_path: Path, **changes: object) -> list[Finding]:
    return examine(materials(tmp_path, **changes), lambda _: None)


def trouble(findings: list[Finding]) -> list[tuple[str, str, Light]]:
    return [(each.about, each.check, each.light) for each in findings if each.light is not Light.GREEN]


def test_a_healthy_day_is_green(tmp_path: Path) -> None:
    assert trouble(found(tmp_path)) == []


@pytest.mark.parametrize(
    ("error", "check", "light"),
    [
        (Unauthorized("refused", server="s"), "sign-in", Light.RED),
        (Unreachable("away", server="s"), "asking", Light.RED),
        (RateLimited("patience", server="s", until=NOON), "asking", Light.YELLOW),
        (ConfigError("others may read it: chmod 600 x"), "sign-in", Light.RED),
        (ZeroDivisionError("planted"), "asking", Light.RED),
    ],
)
def test_an_account_that_cannot_be_asked_is_a_finding(
    tmp_path: Path, error: Exception, check: str, light: Light
) -> None:
    findings = found(tmp_path, probe=lambda _: Probe(error))
    assert trouble(findings) == [("ours", check, light)]
    assert "planted" not in "".join(each.message for each in findings)


@pytest.mark.parametrize(
    ("error", "check", "light"),
    [
        (Unauthorized("closed", server="s"), "reading", Light.RED),
        (Unreachable("away", server="s"), "asking", Light.RED),
        (RateLimited("patience", server="s", until=NOON), "asking", Light.YELLOW),
    ],
)
def test_a_source_that_cannot_be_read_is_a_finding(tmp_path: Path, error: Exception, check: str, light: Light) -> None:
    findings = found(tmp_path, reader=lambda _: Reader(error))
    assert trouble(findings) == [("mastodon:memory.example", check, light)]


def test_a_stream_is_let_go_after_its_first_sign_of_life(tmp_path: Path) -> None:
    stream = Stream()
    assert trouble(found(tmp_path, reader=lambda _: lambda: stream)) == []
    assert stream.is_stopped


def test_a_database_that_is_away_is_red(tmp_path: Path) -> None:
    def away() -> object:
        raise StorageError("nothing answers there")

    assert trouble(found(tmp_path, open_store=away)) == [("database", "asking", Light.RED)]


def test_a_folder_that_cannot_be_written_is_red(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert trouble(found(tmp_path, recap=tmp_path / "file" / "recap")) == [("disk", "writing", Light.RED)]


def test_a_pause_a_stop_and_a_note_are_yellow(tmp_path: Path) -> None:
    given = materials(tmp_path)
    engine, now = given.open_store(), given.now()
    with transaction(engine) as connection:
        slug = given.campaign.slug
        days.beat(connection, slug, now)
        days.set_note(connection, slug, "the new plan has mistakes")
        steering.pause(connection, slug, "a storm", now)
        accounts.stop(connection, slug, "ours", "its token is refused", now)
    engine.dispose()
    findings = found(tmp_path)
    assert {check for _, check, _ in trouble(findings)} == {"pause", "stopped", "note"}
    assert "a storm" in next(each.message for each in findings if each.check == "pause")
    assert light_of(findings, "at work") is Light.GREEN


def test_on_the_day_itself_somebody_must_be_at_work(tmp_path: Path) -> None:
    on_the_day = FixedClock(NOON).now
    assert trouble(found(tmp_path, now=on_the_day)) == [("worker", "at work", Light.RED)]


# ---- told --------------------------------------------------------------------------------------------------------------

SOME = [
    Finding(Light.GREEN, "ours", "sign-in", "signed in as us"),
    Finding(Light.YELLOW, "ours", "bot mark", "it does not say so", "mark it"),
    Finding(Light.RED, "database", "writing", "away", "start it"),
]


def test_the_worst_light_is_the_light_of_the_whole() -> None:
    assert (worst(SOME), worst(SOME[:2]), worst(SOME[:1]), worst([])) == (
        Light.RED,
        Light.YELLOW,
        Light.GREEN,
        Light.GREEN,
    )


def test_findings_stand_in_columns_with_their_cure_below() -> None:
    assert [*lines(SOME)] == [
        "green   ours      sign-in   signed in as us",
        "yellow  ours      bot mark  it does not say so",
        "                            → mark it",
        "red     database  writing   away",
        "                            → start it",
        "",
        "1 green, 1 yellow, 1 red. Not ready: mend what is red, then ask again.",
    ]


def test_as_data_they_have_the_documented_keys() -> None:
    facts = to_facts(SOME, "shareasm-2027", NOON)
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["campaign"], facts["at"], facts["light"]) == ("shareasm-2027", NOON.isoformat(), "red")
    assert isinstance(facts["findings"], list)
    assert facts["findings"][1] == {
        "light": "yellow",
        "about": "ours",
        "check": "bot mark",
        "message": "it does not say so",
        "cure": "mark it",
    }
