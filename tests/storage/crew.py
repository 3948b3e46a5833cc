"""A crew of workers on one store and one network, each moved on by hand from moment to moment, in any order.

A worker is a coroutine: it stops before each transaction, before each call, and after the network has acted before the answer
is there. So a test decides who goes on, who dies where, and what a person does meanwhile; nothing is left to threads.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from greenlet import getcurrent, greenlet
from sqlalchemy import event
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, campaign, minutes, slot
from shareasm import steer
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import NEXT, EntryKey, QueueEntry, Receipt, State
from shareasm.domain.schedules import Schedule, Slot
from shareasm.errors import Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Repeat
from shareasm.publish import Press, Result, bring_in_line, publish_due
from shareasm.steer import Choice
from shareasm.storage import queue
from shareasm.storage.engine import open_engine, reading
from shareasm.storage.tables import metadata

MEMORY_OF_KEYS = timedelta(hours=1)
FINAL = frozenset({State.PUBLISHED, State.FAILED, State.MISSED, State.CANCELLED, State.WITHDRAWN})


class Dead(BaseException):
    """The process is gone: nothing of it runs any more, no handler either."""


class Ledger(MemoryNetwork):
    """A network that keeps count of what was made under which key, and forgets keys as Mastodon does."""

    def __init__(self, repeat: Repeat, clock: FixedClock, stop: Callable[[], None]) -> None:
        super().__init__(network=Network.BLUESKY if repeat is Repeat.SAFE else Network.MASTODON, repeat=repeat)
        self.made: Counter[str] = Counter()
        self.key_of: dict[PostRef, str] = {}
        self.taken_back: Counter[str] = Counter()
        self.index_lags = timedelta()  # how long a post is there before looking finds it
        self._clock = clock
        self._stop = stop

    def publish(self, payload: str, key: str) -> Receipt:
        taken_back = self.taken_back[key]
        self._stop()
        if self.taken_back[key] > taken_back:
            # A whole process that stood still right before its first byte, while another sent the post and a person took it
            # back, would make it again: docs/notes/why-exactly-once-holds.md names it. A call by itself does not last so long.
            raise Unreachable("timed out", server="https://memory.example", is_outcome_unknown=True)
        if self.repeat is Repeat.AN_HOUR and key in self._keys:
            post = self.posts.get(self._keys[key])
            if post and self._clock.now() - self._born[post.ref] >= MEMORY_OF_KEYS:
                del self._keys[key]
        before = set(self.posts)
        try:
            receipt = super().publish(payload, key)
        finally:
            for ref in self.posts.keys() - before:
                self.made[key] += 1
                self.key_of[ref] = key
                self._born[ref] = self._clock.now()
                self._stop()
        return receipt

    def find(self, payload: str, key: str, since: datetime) -> Receipt | None:
        self._stop()
        found = super().find(payload, key, since)
        if found and self.repeat is not Repeat.SAFE:
            born = self._born[found.ref]
            if not since - minutes(2) <= born <= self._clock.now() - self.index_lags:
                return None
        return found

    def delete(self, receipt: Receipt) -> None:
        self._stop()
        super().delete(receipt)
        self.taken_back[self.key_of[receipt.ref]] += 1
        self._stop()

    @property
    def _born(self) -> dict[PostRef, datetime]:
        return self.__dict__.setdefault("born", {})


@dataclass
class Worker:
    """A process: None at work means that it sleeps until its next look."""

    name: str
    at_work: greenlet | None = None
    is_dead: bool = False


class Crew:
    """Everything of one day: plan, store, network, clock, two workers and a person."""

    def __init__(self, repeat: Repeat) -> None:
        self.engine = _empty_store()
        self.clock = FixedClock(NOON)
        self.network = Ledger(repeat, self.clock, self._stop)
        self.account = "sky" if repeat is Repeat.SAFE else "ours"
        self.campaign = campaign()
        self.slots: dict[str, Slot] = {}
        self.told: list[Result] = []
        self.resent: Counter[str] = Counter()
        self.deleted: set[PostRef] = set()  # by hand, on the network
        self._names = count(1)
        self.workers = [self._hire(), self._hire()]
        event.listen(self.engine, "engine_connect", lambda _: self._stop())  # before its transaction begins

    def close(self) -> None:
        for worker in self.workers:
            self.kill(worker)
        self.engine.dispose()

    # ---- workers -------------------------------------------------------------------------------------------------------

    def _hire(self) -> Worker:
        return Worker(f"worker {next(self._names)}")

    def go_on(self, number: int, moments: int) -> None:
        """Let a worker go on past so many moments; one that sleeps wakes and looks at the queue."""
        worker = self.workers[number]
        if worker.at_work is None:
            worker.at_work = greenlet(lambda: self._look(worker))
        for _ in range(moments):
            worker.at_work.switch()
            if worker.at_work.dead:
                worker.at_work = None
                return

    def _look(self, worker: Worker) -> None:
        press = self.press(worker.name)
        publish_due(press, self.account, self.told.append, lambda: False)
        steer.take_back_pending(press, self.account, self.told.append)

    def finish(self, number: int) -> None:
        """Let a worker come to the end of its look at the queue."""
        self.go_on(number, 10_000)

    def die(self, number: int) -> None:
        """Let a worker die where it is; another is hired."""
        self.kill(self.workers[number])
        self.workers[number] = self._hire()

    def kill(self, worker: Worker) -> None:
        worker.is_dead = True
        if worker.at_work and not worker.at_work.dead:
            with suppress(Dead):
                worker.at_work.throw(Dead)
        worker.at_work = None

    def _stop(self) -> None:
        """Where a worker may be stopped: the others and the test go on, until it is switched to again."""
        here = getcurrent()
        worker = (
            next((each for each in self.workers if each.at_work is here), None) if hasattr(self, "workers") else None
        )
        if worker is None:
            return  # a person, or the test itself
        if worker.is_dead:
            raise Dead
        here.parent.switch()

    def press(self, by: str) -> Press:
        return Press(
            self.engine, self.campaign, Path(), {self.account: self.network}, self.clock, by, chance=lambda: 0.0
        )

    # ---- the plan and the person ---------------------------------------------------------------------------------------

    def plan(self, *slots: Slot) -> None:
        """Load this plan."""
        self.slots = {each.id: each for each in slots}
        bring_in_line(self.engine, self.campaign, Schedule(slots))

    def slot(self, id_: str, *texts: str, **changes: object) -> Slot:
        return slot(id_, *(texts or (f"This is {id_}",)), accounts=(self.account,), **changes)

    def entries(self) -> list[QueueEntry]:
        with reading(self.engine) as connection:
            return queue.of_campaign(connection, self.campaign.slug)

    def resend(self, entry: QueueEntry) -> None:
        """A careful person lets an entry go again that is not on the network."""
        if self.living(entry.publish_key):
            return
        choice = Choice(entry.key.slot, part=entry.key.part + 1)
        chosen = steer.to_resend(steer.chosen(self.press("a person"), choice))
        if any(decided.is_taken for decided in steer.resend(self.press("a person"), chosen, None, choice)):
            self.resent[entry.publish_key] += 1

    def adopt(self, entry: QueueEntry) -> None:
        """A person shows where the post is."""
        (ref,) = self.living(entry.publish_key) or (None,)
        if ref and entry.state in steer.TAKES_A_RECEIPT:
            steer.adopt(self.press("a person"), entry, self.network.find_at(self.network.posts[ref].url).receipt)

    def withdraw(self, id_: str) -> None:
        press, choice = self.press("a person"), Choice(id_)
        with reading(self.engine) as connection:
            queued = queue.of_campaign(connection, self.campaign.slug)
        chosen = steer.with_what_follows(queued, steer.choose(queued, choice))
        steer.withdraw(press, chosen, "a mistake", choice)

    def delete_by_hand(self, entry: QueueEntry) -> None:
        if entry.receipt and self.network.posts.pop(entry.receipt.ref, None):
            self.deleted.add(entry.receipt.ref)

    def living(self, key: str) -> list[PostRef]:
        """Return the posts that stand under a key."""
        return [ref for ref in self.network.posts if self.network.key_of.get(ref) == key]

    # ---- what must always hold -----------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check what holds at every moment, whoever is in the middle of what."""
        entries = self.entries()
        for entry in entries:
            key, about = entry.publish_key, self._about(entry)
            assert len(self.living(key)) <= 1, f"twice: {about}"
            assert self.network.made[key] <= 1 + self.resent[key], f"made again: {about}"
            if entry.state is State.PUBLISHED:
                assert entry.receipt, about
                assert entry.receipt.ref in self.network.posts or entry.receipt.ref in self.deleted, f"lost: {about}"
            if entry.state is State.WITHDRAWN:
                assert not self.living(key), f"still there: {about}"
            if entry.state is State.UNKNOWN and entry.next_attempt_at is None:
                assert entry.note, f"unexplained: {about}"
        self._check_threads(entries)
        self._check_steps()

    def _check_threads(self, entries: Sequence[QueueEntry]) -> None:
        """A part hangs on the part before it."""
        refs = {entry.key: self.living(entry.publish_key) for entry in entries}
        for entry in entries:
            if entry.key.part and refs[entry.key]:
                post = self.network.posts[refs[entry.key][0]]
                before = refs[entry.key._replace(part=entry.key.part - 1)]
                assert post.reply_to, self._about(entry)
                assert not before or post.reply_to == before[0], self._about(entry)

    def _check_steps(self) -> None:
        """Every step that any statement took is in the table."""
        with reading(self.engine) as connection:
            steps = connection.execute(sa.text("SELECT DISTINCT before, after FROM steps")).all()
        for before, after in steps:
            assert State(after) in NEXT[State(before)], f"{before} → {after}"

    def settle(self) -> None:
        """Let everything that still happens by itself happen: nothing fails any more, and time passes."""
        self.network._faults.clear()
        self.network.index_lags = timedelta()
        steer.resume(self.engine, self.campaign.slug, "a person", self.clock.now())
        for number in range(len(self.workers)):  # whoever is in the middle of something
            self.finish(number)
        for _ in range(60):
            self.finish(0)
            self.check()
            open_ones = self._open_entries()
            if not open_ones:
                return
            ahead = [
                when - self.clock.now() for entry in open_ones for when in (entry.next_attempt_at, entry.due_at) if when
            ]
            self.clock.advance(min((each for each in ahead if each > timedelta()), default=timedelta(seconds=31)))
        raise AssertionError("open for ever: " + "\n".join(map(self._about, self._open_entries())))

    def _open_entries(self) -> list[QueueEntry]:
        """Return what is neither at its end nor explained."""
        entries = {entry.key: entry for entry in self.entries()}
        return [entry for entry in entries.values() if not self._is_explained(entry, entries)]

    def _is_explained(self, entry: QueueEntry, entries: Mapping[EntryKey, QueueEntry]) -> bool:
        if entry.state is State.UNKNOWN:
            return entry.next_attempt_at is None
        if entry.state is not State.WAITING:
            return entry.state in FINAL
        before = [entries[entry.key._replace(part=part)] for part in range(entry.key.part)]
        waits = any(each.state is not State.PUBLISHED and self._is_explained(each, entries) for each in before)
        target = entries.get(EntryKey(entry.draft.reply_to, 0, *entry.key[2:])) if entry.draft.reply_to else None
        hangs = entry.draft.reply_to and (target is None or target.state is not State.PUBLISHED)
        return waits or bool(hangs and (target is None or self._is_explained(target, entries)))

    def _about(self, entry: QueueEntry) -> str:
        with reading(self.engine) as connection:
            query = sa.text("SELECT * FROM attempts WHERE entry_id = :id")
            tried = "\n".join(str(dict(row)) for row in connection.execute(query, {"id": entry.id}).mappings())
        said = "\n".join(f"{each.entry.key.name}: {each.words}" for each in self.told)
        return f"{entry}\n{tried}\n{said}\n{list(self.network.posts)}"


def _empty_store() -> Engine:
    """Return a store in memory that writes down every step of every entry."""
    engine = open_engine("sqlite:///:memory:")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE steps (before TEXT, after TEXT)")
        connection.exec_driver_sql(
            "CREATE TRIGGER step AFTER UPDATE OF state ON entries WHEN old.state <> new.state "
            "BEGIN INSERT INTO steps VALUES (old.state, new.state); END"
        )
    return engine
