"""A changed plan is taken on the day, once its files are still and have no mistake; a broken one leaves the old one running."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from clocks import FixedClock
from shareasm.campaign_files import load_campaign
from shareasm.domain.queue import State
from shareasm.errors import StorageError
from shareasm.init import Wishes, init
from shareasm.plan import digest_of, take
from shareasm.storage import claims, days, queue
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade
from shareasm.watch import STILL_FOR_S, Said, Watch
from shareasm.wiring import Newest, Plan


class Desk:
    """A running campaign whose files are watched; a second passes when a test says so."""

    def __init__(self, folder: Path) -> None:
        self.clock = FixedClock("2027-05-01T09:00:00+00:00")
        self.folder = folder / "my-day"
        init(self.folder, Wishes("My day", "myDay", None, None, ()), self.clock.now(), None)
        self.engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        upgrade(self.engine)
        self.seconds = 0.0
        plan = self.load()
        take(self.engine, plan.campaign, plan.schedule, digest_of(self.folder), self.clock.now())
        self.newest = Newest(plan)
        self.watch = self.new_watch(self.engine)
        assert self.look() == []

    def new_watch(self, engine: Engine) -> Watch:
        return Watch(engine, self.newest, self.clock, monotonic=lambda: self.seconds)

    def load(self) -> Plan:
        loaded = load_campaign(self.folder)
        assert loaded.campaign
        assert loaded.schedule
        return Plan(self.folder, loaded.campaign, loaded.schedule, loaded.story)

    def look(self, watch: Watch | None = None) -> list[Said]:
        """Look twice, as far apart as the files must be still."""
        watch = watch or self.watch
        said = watch.look()
        self.seconds += STILL_FOR_S
        return [*said, *watch.look()]

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    @property
    def texts(self) -> list[str]:
        with transaction(self.engine) as connection:
            queued = queue.of_campaign(connection, "my-day")
        return [entry.draft.text for entry in queued if entry.state is State.WAITING]

    @property
    def note(self) -> str | None:
        with transaction(self.engine) as connection:
            return days.state(connection, "my-day").note


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.engine.dispose()


def test_new_words_are_taken_and_told_in_a_line(desk: Desk) -> None:
    word = desk.texts[0].split()[0]
    desk.change("schedule.yaml", word, "Habari")
    [said] = desk.look()
    assert said.kind == "plan"
    assert said.text.startswith("taken: ")
    assert "changed (" in said.text
    assert desk.texts[0].startswith("Habari")
    assert desk.newest.plan.schedule == desk.load().schedule
    assert desk.look() == []


def test_a_file_that_is_being_written_is_left_until_it_is_still(desk: Desk) -> None:
    desk.change("schedule.yaml", "\n", "\n# one\n")
    assert desk.watch.look() == []
    desk.seconds += STILL_FOR_S * 0.9
    desk.change("schedule.yaml", "# one", "# two")
    assert desk.watch.look() == []
    desk.seconds += STILL_FOR_S * 0.9
    before = desk.watch._settled
    desk.watch.look()
    assert desk.watch._settled == before
    desk.seconds += STILL_FOR_S
    desk.watch.look()
    assert desk.watch._settled == digest_of(desk.folder)


def test_a_broken_plan_leaves_the_old_one_running_and_is_told_once(desk: Desk) -> None:
    before, good = desk.texts, (desk.folder / "schedule.yaml").read_text("utf-8")
    desk.change("schedule.yaml", "kind: welcome", "kind: welcom")
    [said] = desk.look()
    assert said.kind == "trouble"
    assert "schedule.yaml:" in said.text
    assert "is not taken, the old one goes on" in said.text
    assert desk.note == said.text
    assert desk.look() == []
    assert desk.texts == before
    (desk.folder / "schedule.yaml").write_text(good, encoding="utf-8")
    assert desk.look() == []
    assert desk.note is None


def test_a_file_that_is_gone_for_a_moment_is_no_news(desk: Desk) -> None:
    path = desk.folder / "schedule.yaml"
    path.rename(desk.folder / "schedule.yaml.bak")
    assert desk.watch.look() == []
    (desk.folder / "schedule.yaml.bak").rename(path)
    assert desk.look() == []
    assert desk.note is None


def test_what_needs_a_restart_is_said_and_the_words_are_taken_all_the_same(desk: Desk) -> None:
    running = desk.newest.plan.campaign
    desk.change("campaign.yaml", "hashtags: [myDay", "hashtags: [myDay, another")
    desk.change("schedule.yaml", desk.texts[0].split()[0], "Habari")
    said = desk.look()
    assert [one.kind for one in said] == ["plan", "trouble"]
    assert said[1].text == "campaign.yaml changes hashtags: that is taken at the next start, not now"
    assert desk.newest.plan.campaign.hashtags == running.hashtags


def test_what_the_store_refused_is_taken_at_the_next_look(desk: Desk) -> None:
    desk.change("schedule.yaml", desk.texts[0].split()[0], "Habari")
    broken = open_engine(f"sqlite:///{desk.folder / 'no-tables.db'}")
    watch = desk.new_watch(broken)
    with pytest.raises(StorageError):
        desk.look(watch)
    broken.dispose()
    watch.engine = desk.engine
    assert [said.kind for said in desk.look(watch)] == ["plan"]


def test_what_a_sender_gives_back_gets_the_words_that_were_written_meanwhile(desk: Desk) -> None:
    with transaction(desk.engine) as connection:
        first = queue.of_campaign(connection, "my-day")[0]
        claimed = claims.claim_due(connection, "my-day", "w", first.due_at, accounts=[first.key.account])
        assert claimed
    word = claimed.draft.text.split()[0]
    desk.change("schedule.yaml", word, "Mended")
    assert len([said for said in desk.look() if said.kind == "plan"]) <= 1
    assert desk.look() == [], "once is enough"
    with transaction(desk.engine) as connection:
        claims.put_back(connection, claimed.id, "w", None, "not now")
    assert [said.kind for said in desk.look()] == ["plan"]
    assert any(text.startswith("Mended") for text in desk.texts)
    assert desk.look() == []


def test_what_one_worker_has_taken_means_nothing_to_the_next(desk: Desk) -> None:
    desk.change("schedule.yaml", desk.texts[0].split()[0], "Habari")
    assert desk.look()
    assert desk.look(desk.new_watch(desk.engine)) == []
