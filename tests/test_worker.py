"""The worker runs a day by itself: it sends, collects, closes, and stops when told. Real threads, a network in memory."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Any

import apscheduler.executors.base as executors
import apscheduler.schedulers.base as schedulers
import pytest
import sqlalchemy as sa
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import event
from sqlalchemy.engine import Connection

import shareasm.clock
from clocks import FixedClock
from factories import campaign, schedule, slot, source
from shareasm import collect, recap
from shareasm.clock import SystemClock
from shareasm.collect import Desk, Tally
from shareasm.domain.campaigns import SourceKind
from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import Counts, Network, PostRef
from shareasm.domain.queue import State
from shareasm.errors import ConfigError, RateLimited, Rejected, StorageError, Unauthorized, Unreachable
from shareasm.keeping import LetGo
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import CheckpointTooOld, Page
from shareasm.news import Event, News
from shareasm.publish import bring_in_line, sent_before
from shareasm.render import Written
from shareasm.storage import accounts, collected, days, queue, sources
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade
from shareasm.wiring import Parts
from shareasm.worker import Rhythm, Worker, checks, looks, streams, ticks
from shareasm.worker.closing import look_patiently
from shareasm.worker.shift import Shift

QUICK = Rhythm(read_s=0.1, sweep_s=0.5, verify_s=0.2, publish_s=0.1, beat_s=0.1)
DOWN = Unreachable("connection refused", server="https://memory.example")


def wait_for_no_disk(connection: sqlite3.Connection, _record: object) -> None:
    """Nobody needs these stores after a power cut, and a busy disk would keep a worker longer than it may take to stop."""
    connection.execute("PRAGMA synchronous=OFF")


class Day:
    """A day that lasts a second or two, and its parts."""

    def __init__(self, folder: Path, lasts: float = 1.0) -> None:
        self.engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        event.listen(self.engine, "connect", wait_for_no_disk)
        upgrade(self.engine)
        now = datetime.now(
            UTC
        )  # not before the tables are made: a busy machine needs longer for them than the day lasts
        self.network = MemoryNetwork()
        self.campaign = campaign(opens_at=now, closes_at=now + timedelta(seconds=lasts))
        self.schedule = schedule(slot(at=now + timedelta(seconds=0.2)))
        self.told: list[Event] = []
        self.has_told = threading.Condition()
        self.recaps: list[int] = []
        self.parts = Parts(
            engine=self.engine,
            campaign=self.campaign,
            schedule=self.schedule,
            media=folder,
            clock=SystemClock(),
            readers={source().id: self.network},
            streams={},
            checkers={source().id: self.network},
            publishers={"ours": self.network},
            left_out=(),
            make_recap=self.make_recap,
        )
        bring_in_line(self.engine, self.campaign, self.schedule)

    def make_recap(self, tell: Callable[[str], object]) -> recap.Made:
        tell("all is made")
        with transaction(self.engine) as connection:
            self.recaps.append(collected.count_of_campaign(connection, self.campaign.slug))
        return recap.Made(Written(Path("index.html"), 1, 1, 0), self.recaps[-1], 0)

    def tell(self, event: Event) -> None:
        with self.has_told:
            self.told.append(event)
            self.has_told.notify_all()

    def wait_for(self, is_so: Callable[[Event], bool]) -> None:
        with self.has_told:
            assert self.has_told.wait_for(lambda: any(is_so(event) for event in self.told), timeout=20), self.told

    def worker(self, **changes: object) -> Worker:
        return Worker(replace(self.parts, **changes), self.tell, QUICK)  # type: ignore[arg-type]

    def states(self) -> list[State]:
        with transaction(self.engine) as connection:
            return [entry.state for entry in queue.of_campaign(connection, self.campaign.slug)]


@pytest.fixture(autouse=True)
def _servers_are_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareasm.domain.patience.TRY_AGAIN_AFTER", timedelta(seconds=0.2))


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    made = Day(tmp_path)
    yield made
    made.engine.dispose()


def test_a_day_is_run_from_plan_to_recap_without_a_hand(day: Day) -> None:
    worker = day.worker()
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC))
    worker.start()
    assert worker.closed.wait(20)
    assert worker.stop()
    assert worker.faults == []
    assert day.states() == [State.PUBLISHED]
    assert day.recaps == [2]  # Amina's post and ours
    assert next(event.kind for event in day.told if event.kind in {"sent", "closed", "recap"}) == "sent"
    with transaction(day.engine) as connection:
        assert days.state(connection, day.campaign.slug).closed_at


def test_at_the_days_end_it_says_how_far_it_is(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareasm.worker.shift.TELL_EVERY_S", 0.01)
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC))
    worker = day.worker(checkers={source().id: SlowChecker(day)})
    worker.start()
    assert worker.closed.wait(20)
    assert worker.stop()
    assert worker.faults == []
    assert any(event.text.startswith("asked about 0 of ") for event in day.told)


class SlowChecker:
    """Answers only once somebody was told how far it is."""

    def __init__(self, day: Day) -> None:
        self.day = day

    def check(self, posts: Sequence[tuple[PostRef, str]]) -> Mapping[PostRef, Seen | Gone]:
        if any(event.kind == "closed" for event in self.day.told):
            self.day.wait_for(lambda event: "asked about" in event.text)
        return self.day.network.check(posts)


def test_who_waits_for_a_server_is_told_until_when(day: Day) -> None:
    told: list[str] = []
    shift = Shift(day.parts, News(lambda event: told.append(event.text), FixedClock()), QUICK)
    shift.waits_until = datetime(2027, 2, 3, 22, 4, tzinfo=UTC)
    has_told = threading.Event()

    def words() -> str:
        if told:
            has_told.set()
        return "still looking"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shareasm.worker.shift.TELL_EVERY_S", 0.01)
        with shift.progress(words):
            assert has_told.wait(20)
    assert told[0] == "still looking; a server wants us to wait until 22:04:00 UTC"


def test_before_the_day_is_closed_answers_without_the_tag_are_heard(day: Day) -> None:
    now = datetime.now(UTC)
    question = day.network.say("What do masks cost? #shareASM", at=now, counts=Counts(replies=1))
    day.network.say("Two dollars here.", at=now, reply_to=question.ref, is_reply=True)
    worker = day.worker(conversations={source().id: day.network})
    worker.start()
    assert worker.closed.wait(20)
    assert worker.stop()
    assert worker.faults == []
    assert day.recaps == [3]  # question, answer and our own post


def test_a_beat_never_holds_an_entry_and_the_day_at_once(day: Day) -> None:
    written: list[str] = []
    worker = day.worker()
    worker.shift.in_hand.add(1)
    sa.event.listen(day.engine, "before_cursor_execute", lambda _c, _r, words, *_: written.append(words))
    sa.event.listen(day.engine, "commit", lambda _: written.append("COMMIT"))
    worker.shift.beat()
    held = [{name for name in ("entries", "campaign_states") if name in words} for words in written]
    entries, the_day = held.index({"entries"}), held.index({"campaign_states"})
    assert "COMMIT" in written[entries:the_day]


def test_a_day_that_is_closed_is_not_closed_again(day: Day) -> None:
    for _ in range(2):
        worker = day.worker()
        worker.start()
        assert worker.closed.wait(20)
        worker.stop()
    assert len(day.recaps) == 1


def test_what_was_said_in_the_last_second_is_in_the_recap(day: Day) -> None:
    late = day.network.say("At last #shareASM", at=day.campaign.closes_at - timedelta(milliseconds=1))
    hidden = day.network.posts.pop(late.ref)
    worker = day.worker()
    reads = day.network.sweep_tag
    day.network.sweep_tag = lambda *given: (day.network.posts.update({hidden.ref: hidden}), reads(*given))[1]  # type: ignore[method-assign]
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert day.recaps == [2]


@pytest.mark.parametrize("is_limit", [True, False], ids=["a rate limit", "an outage"])
def test_the_last_look_waits_for_a_server_that_fails(
    day: Day, monkeypatch: pytest.MonkeyPatch, *, is_limit: bool
) -> None:
    day.campaign = replace(day.campaign, opens_at=datetime.now(UTC) - timedelta(hours=2), closes_at=datetime.now(UTC))
    day.network.say("While nobody looked #shareASM", at=datetime.now(UTC) - timedelta(hours=1))
    limited = RateLimited("slow down", server="https://memory.example", until=datetime.now(UTC) + timedelta(seconds=1))
    for _ in range(2):
        day.network.fail_next("read", limited if is_limit else DOWN)
    worker = day.worker(campaign=day.campaign, publishers={})
    monkeypatch.setattr(looks, "read", lambda shift, source: None)  # only the last look reads
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert day.recaps == [1]


def test_a_post_deleted_before_the_recap_is_not_in_it(day: Day) -> None:
    said = day.network.say("I will regret this #shareASM", at=datetime.now(UTC))
    worker = day.worker()
    worker.start()
    day.wait_for(lambda event: event.kind == "collected")
    day.network.posts.pop(PostRef(said.ref.network, said.ref.uri))
    assert worker.closed.wait(20)
    worker.stop()
    assert day.recaps == [1]


def test_stopping_finishes_the_call_in_hand_and_starting_again_goes_on(day: Day) -> None:
    in_call, may_end = threading.Event(), threading.Event()
    publish = day.network.publish

    def slow(payload: str, key: str) -> object:
        in_call.set()
        assert may_end.wait(20)
        return publish(payload, key)

    day.network.publish = slow  # type: ignore[method-assign, assignment]
    worker = day.worker()
    worker.start()
    assert in_call.wait(20)
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(worker.stop()))
    stopping.start()
    may_end.set()
    stopping.join(20)
    assert stopped == [True]
    assert day.states() == [State.PUBLISHED]


def test_a_start_tries_again_at_once_what_a_person_may_have_mended(day: Day) -> None:
    day.network.fail_next("publish", Unauthorized("refuses the token", server="https://memory.example"))
    day.network.fail_next("read", Unauthorized("refuses the token", server="https://memory.example"))
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC))
    first = day.worker()
    first.start()
    day.wait_for(lambda event: "the account ours is stopped" in event.text)
    first.stop()
    assert day.states() == [State.WAITING]
    second = day.worker()
    second.start()
    assert second.closed.wait(20)
    second.stop()
    assert (day.states(), day.recaps) == ([State.PUBLISHED], [2])


def test_what_is_due_soon_is_prepared_before_it_is_due(day: Day) -> None:
    soon = replace(day.campaign, closes_at=datetime.now(UTC) + timedelta(seconds=2))
    bring_in_line(day.engine, soon, schedule(slot(at=soon.closes_at - timedelta(seconds=0.5))))
    seen: list[list[State]] = []
    prepare = day.network.prepare
    day.network.prepare = lambda *given: (seen.append(day.states()), prepare(*given))[1]  # type: ignore[func-returns-value, method-assign]
    worker = day.worker(campaign=soon)
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert seen == [[State.WAITING]]
    assert day.states() == [State.PUBLISHED]


def test_what_is_slow_to_load_is_loaded_while_nothing_is_due(day: Day) -> None:
    loaded = threading.Event()
    day.network.load = loaded.set  # type: ignore[method-assign]
    worker = day.worker(campaign=day.campaign)
    worker.start()
    assert loaded.wait(5)
    worker.stop()


def test_an_account_that_hangs_holds_up_no_other(day: Day) -> None:
    may_end = threading.Event()
    hanging = MemoryNetwork(Network.BLUESKY)
    hanging.publish = lambda *_: may_end.wait(20)  # type: ignore[method-assign, assignment]
    bring_in_line(day.engine, day.campaign, schedule(slot(at=datetime.now(UTC), accounts=("sky", "ours"))))
    worker = day.worker(publishers={"sky": hanging, "ours": day.network})
    worker.start()
    day.wait_for(lambda event: event.kind == "sent")
    may_end.set()
    worker.stop()
    assert [post.text for post in day.network.posts.values()] == ["Good morning #shareASM"]


def test_an_account_that_is_stopped_is_named_at_the_start(day: Day) -> None:
    with transaction(day.engine) as connection:
        accounts.stop(connection, day.campaign.slug, "ours", "the token was revoked", datetime.now(UTC))
    worker = day.worker()
    worker.start()
    day.wait_for(lambda event: event.kind == "trouble" and "the token was revoked" in event.text)
    worker.stop()


def test_one_failing_source_is_told_once_and_stops_nothing_else(day: Day) -> None:
    class Dead(MemoryNetwork):
        def read_tag(self, *given: object) -> object:  # type: ignore[override]
            raise DOWN

        sweep_tag = read_tag  # type: ignore[assignment]

    bad = source("dead.example")
    day.campaign = replace(day.campaign, sources=(bad, source()))
    worker = day.worker(campaign=day.campaign, readers={bad.id: Dead(), source().id: day.network})
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC))
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert day.recaps == [2]
    assert len([event for event in day.told if bad.id in event.text and event.kind == "trouble"]) == 1


def test_a_fault_of_the_program_is_told_with_its_trace_and_remembered(day: Day) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError

    day.network.check = broken  # type: ignore[method-assign, assignment]
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC) - timedelta(hours=2))
    day.campaign = replace(day.campaign, opens_at=datetime.now(UTC) - timedelta(hours=3))
    day.worker(campaign=day.campaign).once("collect")
    worker = day.worker(campaign=day.campaign, clock=FixedClock(datetime.now(UTC) + timedelta(hours=2)))
    worker.once("verify")
    assert [type(fault) for fault in worker.faults] == [ZeroDivisionError]
    assert any("Traceback" in event.text for event in day.told if event.kind == "fault")


def test_a_full_disk_is_told_in_a_sentence_and_the_next_tick_goes_on(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    beat = days.beat
    failures = iter([StorageError("the database x: the disk is full")])

    def full_once(*given: object) -> None:
        if failure := next(failures, None):
            raise failure
        beat(*given)  # type: ignore[arg-type]

    worker = day.worker()
    worker.start()
    monkeypatch.setattr(days, "beat", full_once)
    day.wait_for(lambda event: "the disk is full" in event.text)
    assert worker.closed.wait(20)
    worker.stop()
    assert worker.faults == []


def test_a_recap_that_could_not_be_written_is_tried_again(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([StorageError("the recap cannot be written: the disk is full")])
    make_recap = day.make_recap

    def full_once(tell: Callable[[str], object]) -> recap.Made:
        if failure := next(failures, None):
            raise failure
        return make_recap(tell)

    monkeypatch.setattr("shareasm.worker.CLOSE_AGAIN_AFTER", timedelta(seconds=0.1))
    worker = day.worker(make_recap=full_once)
    worker.start()
    day.wait_for(lambda event: "the disk is full" in event.text)
    assert worker.closed.wait(20)
    worker.stop()
    assert len(day.recaps) == 1


def test_a_dead_workers_closing_is_taken_over(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareasm.worker.CLOSE_AGAIN_AFTER", timedelta(seconds=0.1))
    with transaction(day.engine) as connection:
        now, until = datetime.now(UTC), timedelta(seconds=2)
        assert days.take_lease(connection, f"{day.campaign.slug}: close", "dead", now, until)
    worker = day.worker()
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert len(day.recaps) == 1


def test_only_one_of_two_workers_writes_the_recap(day: Day) -> None:
    workers = [day.worker(), day.worker()]
    for worker in workers:
        worker.start()
    for worker in workers:
        assert worker.closed.wait(20)
        worker.stop()
    assert len(day.recaps) == 1
    assert day.network.calls.count("publish") == 1


@pytest.mark.parametrize("job", ["collect", "publish", "verify"])
def test_a_job_can_be_run_once_for_those_who_bring_their_own_scheduler(day: Day, job: str) -> None:
    worker = day.worker(clock=FixedClock(datetime.now(UTC) + timedelta(seconds=0.5)))
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC))
    worker.once(job)  # type: ignore[arg-type]
    assert day.network.calls[:1] == {"collect": ["read"], "publish": ["prepare"], "verify": []}[job]


def test_a_store_that_somebody_holds_does_not_keep_it_from_stopping(day: Day) -> None:
    worker = day.worker(campaign=replace(day.campaign, closes_at=datetime.now(UTC) + timedelta(hours=1)))
    worker.start()
    day.wait_for(lambda event: event.kind == "sent")
    with transaction(day.engine):  # SQLite waits ten seconds for its end
        began = time.monotonic()
        worker.stop()
        assert time.monotonic() - began < 9


def test_a_worker_that_could_not_start_stops_in_peace(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StorageError("the database x: nothing answers there")

    monkeypatch.setattr(days, "beat", away)
    worker = day.worker()
    with pytest.raises(StorageError):
        worker.start()
    monkeypatch.setattr(days, "release_leases", away)
    assert worker.stop()


# ---- the closing beside another worker, and the last check -------------------------------------------------------------


def held_by_another(day: Day, *jobs: str) -> None:
    with transaction(day.engine) as connection:
        for job in jobs:
            name = f"{day.campaign.slug}: {job}"
            assert days.take_lease(connection, name, "another", datetime.now(UTC), timedelta(minutes=2))


def test_a_server_that_is_left_alone_is_tried_again_before_anything_is_shown(day: Day) -> None:
    day.network.say("#shareASM", at=datetime.now(UTC))
    collect.read(Desk(day.engine, day.campaign, SystemClock()), source(), day.network)
    forgiven: list[int] = []
    day.worker(forgive=lambda: forgiven.append(len(day.network.calls))).once("verify")
    assert forgiven == [1], "after the read, and before the check"


class SlowNetwork(MemoryNetwork):
    """Answers about a few posts a minute, by its limits."""

    def rest(self) -> None:
        return None

    def posts_a_minute(self) -> float:
        return 20.0


@pytest.mark.parametrize(("closes_in", "asked_about"), [(timedelta(minutes=40), 0), (timedelta(minutes=10), 250)])
def test_where_asking_about_everything_takes_long_it_begins_before_the_day_is_over(
    day: Day, closes_in: timedelta, asked_about: int
) -> None:
    network, now = SlowNetwork(), datetime.now(UTC)
    for number in range(250):  # at 20 a minute: twelve and a half minutes
        network.say(f"{number} #shareASM", at=now)
    closing = replace(day.campaign, opens_at=now - timedelta(hours=9), closes_at=now + closes_in)
    clock = FixedClock(now - timedelta(minutes=30))
    collect.read(Desk(day.engine, closing, clock), source(), network)
    checkers = {source().id: network}
    worker = day.worker(campaign=closing, readers={}, checkers=checkers, publishers={})
    checks.verify(worker.shift)
    assert collect.count_unconfirmed(Desk(day.engine, closing, clock), now) == 250 - asked_about
    network.calls.clear()
    checks.confirm_all(worker.shift, since=checks.last_round_began_at(worker.shift))
    assert (network.calls == []) == bool(asked_about), "what was asked about in the last round is not asked about again"


def test_what_was_asked_about_early_is_asked_about_again_once_the_page_is_there(day: Day) -> None:
    network, now = SlowNetwork(), datetime.now(UTC)
    for number in range(50):
        network.say(f"{number} #shareASM", at=now)
    closing = replace(day.campaign, opens_at=now - timedelta(hours=9), closes_at=datetime.now(UTC))
    collect.read(Desk(day.engine, closing, SystemClock()), source(), network)
    worker = day.worker(campaign=closing, readers={}, checkers={source().id: network}, publishers={})
    worker.start()
    day.wait_for(lambda event: "looked over again" in event.text)
    assert worker.stop()
    assert day.recaps == [50, 50]


def test_the_closing_looks_and_asks_whoever_holds_the_leases(day: Day) -> None:
    day.campaign = replace(day.campaign, opens_at=datetime.now(UTC) - timedelta(hours=2), closes_at=datetime.now(UTC))
    regretted = day.network.say("I will regret this #shareASM", at=datetime.now(UTC) - timedelta(hours=1))
    collect.read(Desk(day.engine, day.campaign, SystemClock()), source(), day.network)
    del day.network.posts[regretted.ref]
    day.network.say("Last words #shareASM", at=datetime.now(UTC) - timedelta(minutes=1))
    held_by_another(day, "verify", f"read {source().id}")
    worker = day.worker(campaign=day.campaign, publishers={})
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    with transaction(day.engine) as connection:
        stored = {item.post.text: item.gone_reason for item in collected.of_campaign(connection, day.campaign.slug)}
    assert stored == {"I will regret this #shareASM": "deleted", "Last words #shareASM": None}


def test_while_the_day_is_closed_only_the_last_look_uses_up_the_servers_limits(day: Day) -> None:
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC))
    worker = day.worker()
    with worker.shift.closing:
        looks.read(worker.shift, source())
        looks.sweep(worker.shift, source())
    assert day.told == []
    looks.read(worker.shift, source())
    assert [event.kind for event in day.told] == ["collected"]


def test_the_day_has_not_ended_before_its_recap_is_where_its_readers_open_it(day: Day) -> None:
    ended: list[bool] = []

    def deliver() -> str:
        worker.shift.beat()
        ended.append(worker.closed.is_set())
        return "https://days.example/"

    closing = replace(day.campaign, closes_at=datetime.now(UTC))
    worker = day.worker(campaign=closing, publishers={}, readers={}, deliver_again=deliver)
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert (ended, worker.made is None) == ([False], False)


def test_a_recap_beside_a_running_worker_asks_for_itself(day: Day) -> None:
    regretted = day.network.say("I will regret this #shareASM", at=datetime.now(UTC))
    collect.read(Desk(day.engine, day.campaign, SystemClock()), source(), day.network)
    del day.network.posts[regretted.ref]
    held_by_another(day, "verify")
    day.worker().once("verify")
    assert any(event.kind == "gone" for event in day.told)


def test_what_could_not_be_confirmed_is_told(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareasm.worker.shift.PATIENCE", timedelta(seconds=0.1))
    day.network.say("Safer mines #shareASM", at=datetime.now(UTC))
    collect.read(Desk(day.engine, day.campaign, SystemClock()), source(), day.network)
    day.network.fail_next("check", DOWN)
    day.worker().once("verify")
    silence, sentence = (event.text for event in day.told if event.kind == "trouble")
    assert silence == f"asking {source().id}: https://memory.example: connection refused"
    assert sentence.startswith("1 post was not confirmed and is shown as last seen")


# ---- the live stream ---------------------------------------------------------------------------------------------------

SKY = source("jetstream.example", SourceKind.JETSTREAM)


class Stream:
    """Opens, yields a page and ends as `endings` say, one a connection; then stays open."""

    def __init__(self, endings: list[Exception | None], opened: list[float]) -> None:
        self.endings, self.opened, self.stopped = endings, opened, threading.Event()

    def read(self, tags: object, checkpoint: str | None, since: datetime) -> Iterator[Page]:
        self.opened.append(time.monotonic())
        yield Page()
        if not self.endings:
            self.stopped.wait(20)
        elif error := self.endings.pop(0):
            raise error

    def stop(self) -> None:
        self.stopped.set()


class Seconds(SystemClock):
    """A clock on which a second takes a tenth."""

    def pace(self, seconds: float) -> float:
        return seconds / 10


def follow(day: Day, *endings: Exception | None, **parts: object) -> list[float]:
    """Follow a stream that ends so often; return when it was opened."""
    opened: list[float] = []
    left = list(endings)
    day.campaign = replace(day.campaign, sources=(SKY, source()), closes_at=datetime.now(UTC) + timedelta(hours=1))
    streams = {SKY.id: lambda: Stream(left, opened)}
    worker = day.worker(campaign=day.campaign, clock=Seconds(), streams=streams, publishers={}, **parts)
    worker.start()
    try:
        deadline = time.monotonic() + 20
        while len(opened) <= len(endings) and time.monotonic() < deadline:
            threading.Event().wait(0.02)
    finally:
        worker.stop()
    assert len(opened) == len(endings) + 1
    return opened


def test_a_stream_that_is_closed_at_once_is_opened_again_after_a_second(day: Day) -> None:
    opened = follow(day, None, None, None)
    assert all(after - before >= 0.1 for before, after in pairwise(opened))


def test_a_stream_ends_when_the_day_is_closed(day: Day) -> None:
    opened: list[float] = []
    streams = {SKY.id: lambda: Stream([], opened)}
    worker = day.worker(campaign=replace(day.campaign, sources=(SKY, source())), streams=streams)
    worker.start()
    try:
        assert worker.closed.wait(20)
        [followed] = [thread for thread in threading.enumerate() if thread.name == f"stream {SKY.id}"]
        followed.join(5)
        assert not followed.is_alive()
        assert len(opened) == 1
    finally:
        worker.stop()


def test_a_stream_that_is_asked_for_patience_waits_as_long_as_it_was_told(day: Day) -> None:
    busy = RateLimited("too many", server="https://sky.example", until=datetime.now(UTC) + timedelta(seconds=15))
    before, after = follow(day, busy)
    assert after - before >= 1  # a second takes a tenth; opening the store takes some


def test_the_only_stream_of_a_source_is_opened_again_whatever_refuses_it(day: Day) -> None:
    follow(day, Rejected("no such stream (404)", server="https://sky.example"))


def test_a_stream_survives_errors_of_the_store_wherever_they_come(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([True, True, False])

    def away_twice(*given: object) -> None:
        if next(errors, False):
            raise StorageError("the database x: another program holds it")

    monkeypatch.setattr(collect, "note_failure", away_twice)
    monkeypatch.setattr(collect, "forget_checkpoint", away_twice)
    follow(day, DOWN, CheckpointTooOld(), DOWN)
    assert any("another program holds it" in event.text for event in day.told)


def test_a_lease_that_cannot_be_asked_for_ends_no_stream(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    take, failures = days.take_lease, iter([StorageError("the database x: another program holds it")])

    def away_once(connection: Connection, name: str, *rest: Any) -> bool:
        if SKY.id in name and (failure := next(failures, None)):
            raise failure
        return take(connection, name, *rest)

    monkeypatch.setattr(days, "take_lease", away_once)
    follow(day)


@pytest.mark.parametrize(
    ("searches", "words"), [(True, "by search instead"), (False, "no search of its network is set up")]
)
def test_a_hole_in_the_stream_is_told_with_what_is_done_about_it(day: Day, words: str, *, searches: bool) -> None:
    search = source("pds.example", SourceKind.SEARCH)
    day.campaign = replace(day.campaign, sources=(SKY, search))
    network = MemoryNetwork(Network.BLUESKY)
    worker = day.worker(campaign=day.campaign, readers={search.id: network} if searches else {})
    streams.sweep_network(worker.shift, SKY)
    assert [event.text.endswith(words) for event in day.told] == [True]


def test_a_stream_goes_on_at_once_whatever_became_of_its_hole(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    search = source("pds.example", SourceKind.SEARCH)
    day.campaign = replace(day.campaign, sources=(SKY, search))
    network = MemoryNetwork(Network.BLUESKY)
    network.fail_next("read", DOWN)
    too_old = {SKY.id: lambda: Stream([CheckpointTooOld()], [])}
    worker = day.worker(campaign=day.campaign, readers={search.id: network}, streams=too_old)
    forgotten: list[str] = []
    monkeypatch.setattr(collect, "forget_checkpoint", lambda desk, source: forgotten.append(source.id))
    streams.follow_once(worker.shift, SKY, lambda tally: None)
    assert forgotten == [SKY.id], "what comes meanwhile is in the stream alone"


def test_a_store_that_is_held_for_a_moment_costs_no_last_look(day: Day) -> None:
    worker = day.worker()
    well = collect.Outcome(Tally(new=1))
    ends: list[collect.Outcome | Exception] = [
        StorageError("another program holds it"),
        StorageError("another program holds it"),
        well,
    ]

    def look() -> collect.Outcome:
        if isinstance(end := ends.pop(0), Exception):
            raise end
        return end

    assert look_patiently(worker.shift, look, lambda until: True) == well
    ends = [StorageError("the disk is full")]
    with pytest.raises(StorageError, match="full"):
        look_patiently(worker.shift, look, lambda until: False)
    ends = [StorageError("the disk is full")] * 4
    with pytest.raises(StorageError, match="full"):
        look_patiently(worker.shift, look, lambda until: True)


def test_a_day_that_a_trial_closed_earlier_is_lived_all_the_same(day: Day) -> None:
    with transaction(day.engine) as connection:
        days.close(connection, day.campaign.slug, day.campaign.opens_at - timedelta(days=1))
    worker = day.worker()
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert day.states() == [State.PUBLISHED]
    assert len(day.recaps) == 1


def test_a_day_that_is_over_says_when_it_was_closed_and_where_its_recap_lies(day: Day) -> None:
    with transaction(day.engine) as connection:
        days.close(connection, day.campaign.slug, day.campaign.closes_at + timedelta(minutes=1))
    worker = day.worker(recap=Path("recaps/shareasm-2027/index.html"))
    worker.start()
    worker.stop()
    [told] = day.told
    assert "was closed at" in told.text
    assert "its recap lies at recaps/shareasm-2027/index.html" in told.text


def test_what_a_trial_sent_for_another_time_is_named_before_the_day(day: Day) -> None:
    assert sent_before(day.engine, day.campaign, day.schedule) == []
    worker = day.worker()
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert sent_before(day.engine, day.campaign, day.schedule) == []
    real = schedule(slot(at=day.campaign.closes_at - timedelta(milliseconds=1)))
    assert sent_before(day.engine, day.campaign, real) == [slot().id]


def test_a_clock_that_is_set_back_an_hour_stops_nothing(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    class SetBack(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - timedelta(hours=1)

    now = datetime.now(UTC)
    changes = {"opens_at": now - timedelta(hours=2), "closes_at": now + timedelta(hours=2)}
    worker = day.worker(campaign=replace(day.campaign, **changes))  # type: ignore[arg-type]
    worker.start()
    day.wait_for(lambda event: event.kind == "sent")
    for module in (schedulers, executors, ticks, shareasm.clock):
        monkeypatch.setattr(module, "datetime", SetBack)
    worker._ticks._scheduler.pause()
    worker._ticks._scheduler.resume()  # what was under way by the old clock is over
    day.network.say("Said after that #shareASM", at=now)
    worker.mind_the_clock()
    day.wait_for(lambda event: event.kind == "collected" and event.at < now)
    worker.stop()


# ---- nights ------------------------------------------------------------------------------------------------------------


def test_what_was_deleted_after_the_day_leaves_the_recap_at_night(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    regretted = day.network.say("I will regret this #shareASM", at=datetime.now(UTC))
    worker = day.worker()
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    assert day.recaps == [2]
    del day.network.posts[regretted.ref]
    nights = iter([datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)])
    monkeypatch.setattr("shareasm.worker.next_night", lambda now, zone: next(nights))
    nightly = day.worker(let_go=lambda: LetGo(raw_count=2))
    nightly.start()
    day.wait_for(lambda event: "looked over again" in event.text)
    assert nightly.stop()
    assert day.recaps == [2, 1]
    assert any("Kept no longer, as the campaign says: raw copies 2" in event.text for event in day.told)
    assert nightly.faults == []


@pytest.mark.parametrize(
    ("late_for", "shown"), [(timedelta(days=1), [1, 2]), (timedelta(0), [1, 1])], ids=["the first nights", "later"]
)
def test_what_reached_a_server_late_is_in_the_recap_from_the_next_night_on(
    day: Day, monkeypatch: pytest.MonkeyPatch, late_for: timedelta, shown: list[int]
) -> None:
    worker = day.worker(publishers={})
    day.network.say("In time #shareASM", at=day.campaign.opens_at)
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    day.network.say("Said in time, and heard late #shareASM", at=day.campaign.opens_at)
    monkeypatch.setattr("shareasm.domain.keeping.LATE_FOR", late_for)
    nightly = day.worker(publishers={})
    looks_at = iter([datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)])
    monkeypatch.setattr("shareasm.worker.next_night", lambda now, zone: next(looks_at))
    nightly.start()
    day.wait_for(lambda event: "looked over again" in event.text)
    assert nightly.stop()
    assert day.recaps == shown
    assert nightly.faults == []


def test_a_source_that_fails_at_night_is_told_and_was_well_on_the_day(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> Iterator[Page]:
        raise DOWN

    worker = day.worker(publishers={})
    worker.start()
    assert worker.closed.wait(20)
    worker.stop()
    looks_at = iter([datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)])
    monkeypatch.setattr("shareasm.worker.next_night", lambda now, zone: next(looks_at))
    monkeypatch.setattr(day.network, "sweep_tag", away)
    nightly = day.worker(publishers={})
    nightly.start()
    day.wait_for(lambda event: "looked over again" in event.text)
    assert nightly.stop()
    assert any("connection refused" in event.text for event in day.told)
    with transaction(day.engine) as connection:
        assert sources.states(connection, day.campaign.slug)[source().id].failed_at is None


def test_a_recap_that_was_published_is_published_again(day: Day) -> None:
    worker = day.worker(deliver_again=lambda: "/srv/www")
    worker.start()
    assert worker.closed.wait(20)
    assert worker.stop()
    assert "published again: /srv/www" in [event.text for event in day.told]


def test_a_place_that_takes_no_recap_is_told_and_the_day_is_closed(day: Day) -> None:
    def refuse() -> str:
        raise ConfigError("the recap is not published: no route to web")

    worker = day.worker(deliver_again=refuse)
    worker.start()
    assert worker.closed.wait(20)
    assert worker.stop()
    assert any("no route to web" in event.text for event in day.told)


def test_a_job_that_orders_another_while_the_worker_stops_holds_up_nothing(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, is_shutting_down, shut_down = threading.Event(), threading.Event(), BackgroundScheduler.shutdown

    def tell_and_shut_down(scheduler: BackgroundScheduler, wait: bool = True) -> None:
        is_shutting_down.set()
        shut_down(scheduler, wait)

    def next_night(now: datetime, zone: tzinfo) -> datetime:
        if threading.current_thread() is threading.main_thread():
            return now  # at the start; afterwards by the job, which orders the next
        is_asked.set()
        assert is_shutting_down.wait(20)
        return now + timedelta(days=1)

    monkeypatch.setattr(BackgroundScheduler, "shutdown", tell_and_shut_down)
    monkeypatch.setattr("shareasm.worker.next_night", next_night)
    worker = day.worker()
    worker.start()
    assert is_asked.wait(20)
    assert worker.stop()


def test_what_an_account_without_a_secret_does_not_send_is_missed_in_time(day: Day) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    bring_in_line(day.engine, day.campaign, schedule(slot(at=long_ago)))
    worker = day.worker(publishers={})
    worker.start()
    day.wait_for(lambda event: "missed" in event.text)
    worker.stop()
    assert day.states() == [State.MISSED]
