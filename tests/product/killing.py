"""A day that is killed again and again: its plan and store, its lives, and the count on the server at the end.

Each case is made from a seed: which server, which store, at which moments its lives end, and what else is wrong meanwhile.
Nothing is waited for: a dead worker's claim runs out because the clock of program and servers is moved.
"""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from string import Template
from typing import Any, NamedTuple

import sqlalchemy as sa

from postgresql import Cluster
from product.days import TAG, png
from product.grounds import Ground, MastodonGround, MovedClock, StandInGround, unlimited_mastodon
from product.mortal import Doom, Kind
from product.nursery import Life, Nursery
from shareasm.domain.queue import CLAIM_FOR
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.mastodon import MastodonServer
from shareasm.storage import tables
from shareasm.storage.engine import open_engine, reading
from shareasm.storage.schema import upgrade

CAMPAIGN = Template("""
name: "A small day"
hashtags: [$tag]
on: "$on"
zone: Africa/Accra
window: {opens: "$opens", closes: "$closes"}
languages: [en]
host: IIED
contact: "mailto:us@iied.example"
accounts:
  ours: {network: $network, server: "$server", handle: $handle, languages: [en]}
""")
SCHEDULE = Template("""
defaults: {accounts: [ours], late: always}
slots:
  - id: one
    at: "$at"
    kind: news
    text: {en: "One #$tag"}
    media: [$picture]
    thread:
      - {text: {en: "Two"}, media: [$other]}
      - {text: {en: "Three"}, media: [$other]}
  - id: single
    at: "$at"
    kind: news
    text: {en: "Single #$tag"}
    media: [$other]
""")
PICTURE = "{file: dot.png, alt: A brown field, credit: us, licence: CC0 1.0}"
ONE = f"One #{TAG}"
PARENTS = {ONE: "", "Two": ONE, "Three": "Two", f"Single #{TAG}": ""}
"""Every post of the plan, and what it answers."""

HOUR = timedelta(hours=1)
LITTLE = timedelta(seconds=30)
PATIENCE = timedelta(minutes=20)  # more than all waits after an outage together
SETTLES_WITHIN_S = 40

# ---- a lane: what cases need, one after the other ----------------------------------------------------------------------


@dataclass
class Lane:
    """A clock, servers that live by it, and stores; for one case at a time."""

    folder: Path
    nursery: Nursery
    cluster: Cluster | None = None
    real_ground: Callable[[str], Ground] | None = None  # an account on the real Bluesky network, by name
    _open: ExitStack = field(default_factory=ExitStack)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _servers: dict[str, MastodonServer] = field(default_factory=dict)
    _censuses: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clock = MovedClock(self.folder / "clock")

    def close(self) -> None:
        self._open.close()

    def ground(self, server: str) -> Ground:
        """Return a fresh account: on `bluesky`, on the `real bluesky`, or on a flavour of Mastodon's API."""
        name = f"{self.folder.name}-iied{next(self._numbers)}"
        if server == "bluesky":
            return StandInGround(self._sky, name)
        if server == "real bluesky":
            assert self.real_ground
            return self.real_ground(name)
        if server not in self._servers:
            self._servers[server] = self._open.enter_context(unlimited_mastodon(self.clock, server))
        return MastodonGround(self._servers[server], name.replace("-", "_"))

    @cached_property
    def _sky(self) -> StandInBluesky:
        return self._open.enter_context(StandInBluesky(self.clock, has_rate_limits=False))

    @contextmanager
    def day(self, server: str, store: str) -> Iterator["MortalDay"]:
        """Give a day with an empty store."""
        folder = self.folder / f"day-{next(self._numbers)}"
        (folder / "data").mkdir(parents=True)
        with ExitStack() as stack:
            if store == "sqlite":
                shutil.copy(self._sqlite_template, folder / "data" / "shareasm.db")
                url = f"sqlite:///{folder / 'data' / 'shareasm.db'}"
            else:
                assert self.cluster
                url = self.cluster.url(stack.enter_context(self.cluster.database(self._postgresql_template)))
            day = MortalDay(self, folder, self.ground(server), url)
            stack.callback(day.end)
            yield day
        shutil.rmtree(folder, ignore_errors=True)

    @cached_property
    def _sqlite_template(self) -> Path:
        file = self.folder / "template.db"
        _migrate(f"sqlite:///{file}")
        return file

    @cached_property
    def _postgresql_template(self) -> str:
        assert self.cluster
        name = self._open.enter_context(self.cluster.database())
        _migrate(self.cluster.url(name))
        return name

    def census(self, server: str) -> Counter[str]:
        """Return how many moments of each kind there are on a day on which nobody dies, up to the last receipt."""
        if server not in self._censuses:
            with self.day(server, "sqlite") as day:
                life = day.bear()
                day.see_through(life)
                life.kill()
                day.check()
                moments = [Moment.read(line) for line in life.moments]
            last = max(number for number, moment in enumerate(moments) if moment.function == "_published")
            self._censuses[server] = Counter(moment.kind for moment in moments[: last + 1])
        return self._censuses[server]


def _migrate(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()


# ---- a day that is killed ----------------------------------------------------------------------------------------------


class Moment(NamedTuple):
    """A line of a trace."""

    thread: str
    kind: str
    function: str
    request: str

    @classmethod
    def read(cls, line: str) -> "Moment":
        return cls(*line.split("\t"))

    @property
    def is_look(self) -> bool:
        """Whether the program only looks for something to do: what is done to an entry is done by private functions."""
        return self.kind in (Kind.BEFORE_COMMIT, Kind.AFTER_COMMIT) and not self.function.startswith("_")


@dataclass
class MortalDay:
    """A plan, a store and an account; programs that live and die on them."""

    lane: Lane
    folder: Path
    ground: Ground
    database_url: str
    lives: list[Life] = field(default_factory=list)
    waited: timedelta = timedelta()
    patience: timedelta = PATIENCE

    def __post_init__(self) -> None:
        self.engine = open_engine(self.database_url)
        campaign = self.folder / "small-day"
        (campaign / "media").mkdir(parents=True)
        (campaign / "media" / "dot.png").write_bytes(png(60, 40))
        began = self.lane.clock.now().replace(microsecond=0)
        words = {
            name: f"{began + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"
            for name, hours in (("opens", -3), ("at", 0), ("closes", 48))
        }
        words |= {"tag": TAG, "on": words["at"][:10], "network": self.ground.network, "server": self.ground.server}
        words |= {
            "handle": self.ground.handle,
            "picture": PICTURE,
            "other": PICTURE if self.ground.needs_pictures else "",
        }
        for name, template in (("campaign.yaml", CAMPAIGN), ("schedule.yaml", SCHEDULE)):
            (campaign / name).write_text(template.substitute(words), encoding="utf-8")

    def bear(self, dies_at: "Death | None" = None, *command: str) -> Life:
        """Start the program on the day: its worker, or another command."""
        number = len(self.lives)
        doom = Doom(str(self.folder / f"trace-{number}"), str(self.lane.clock.file), *(dies_at or ()))
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            "DATABASE_URL": self.database_url,
            "SHAREASM_DATA": "data",
            "SHAREASM_TOKEN_OURS": self.ground.secret,
        }
        said = self.folder / f"said-{number}"
        life = self.lane.nursery.bear(command or ("worker", "small-day"), environment, self.folder, doom, said)
        self.lives.append(life)
        return life

    def end(self) -> None:
        for life in self.lives:
            life.kill()
        self.engine.dispose()

    # ---- going on ------------------------------------------------------------------------------------------------------

    def see_through(self, *lives: Life) -> None:
        """Let time pass until nothing is left to do that the program does by itself; `lives` must not end meanwhile."""
        end = time.monotonic() + SETTLES_WITHIN_S
        while not self.is_settled():
            assert time.monotonic() < end, f"it does not come to an end\n{self.story()}"
            assert not any(life.has_ended() for life in lives), f"it ended\n{self.story()}"
            if all(_is_idle(life) for life in lives):
                self._let_time_pass()
            time.sleep(0.02)

    def see_die(self, life: Life) -> bool:
        """Wait until a doomed life ends; False where the day is done before it comes to its moment."""
        end = time.monotonic() + SETTLES_WITHIN_S
        while not life.has_ended(0.02):
            assert time.monotonic() < end, f"it does not die\n{self.story()}"
            if self.is_settled():
                life.kill()
                return False
            if _is_idle(life):
                self._let_time_pass()
        return True

    def is_settled(self) -> bool:
        """Return whether the program has nothing left to do by itself."""
        return self._is_planned() and not self._open_entries()

    def _is_planned(self) -> bool:
        with reading(self.engine) as connection:
            return bool(connection.scalar(sa.text("SELECT count(*) FROM entries")))

    def is_to_be_taken_back(self) -> bool:
        """Return whether a person's wish to take something back is stored."""
        with reading(self.engine) as connection:
            return bool(connection.scalar(sa.text("SELECT count(*) FROM entries WHERE withdraw_reason IS NOT NULL")))

    def _open_entries(self) -> list[sa.Row[Any]]:
        """Return what is to be sent or looked for, but not what waits for a part that a person must decide about."""
        query = "SELECT slot, part, state, due_at, next_attempt_at FROM entries"
        columns = {"due_at": tables.entries.c.due_at.type, "next_attempt_at": tables.entries.c.due_at.type}
        with reading(self.engine) as connection:
            rows = connection.execute(sa.text(query).columns(**columns)).all()
        stuck = {(row.slot, row.part) for row in rows if row.state == "unknown" and row.next_attempt_at is None}
        behind = {
            (row.slot, row.part) for row in rows if any(slot == row.slot and part < row.part for slot, part in stuck)
        }
        return [row for row in rows if row.state != "published" and (row.slot, row.part) not in stuck | behind]

    def _let_time_pass(self) -> None:
        """Go to when the next entry is to be tried, or a little on where only a claim or a turn is waited for."""
        assert self.waited < self.patience, f"it goes on and on\n{self.story()}"
        now = self.lane.clock.told
        ahead = [when - now for row in self._open_entries() if (when := row.next_attempt_at or row.due_at) > now]
        wait = min(ahead, default=LITTLE) + timedelta(milliseconds=1)
        self.waited += wait
        self.lane.clock.pass_by(wait)

    def outlast_claims(self) -> None:
        """Let the time pass after which a dead worker's claims have run out."""
        self.lane.clock.pass_by(CLAIM_FOR + timedelta(seconds=1))

    # ---- counting ------------------------------------------------------------------------------------------------------

    def check(self) -> set[str]:
        """Count on the server: each post once, in its place, with its own picture; return the texts left to a person.

        What is left to a person is not there, nor is what hangs on it: were it there, looking it up would have shown it.
        """
        left = self._undecided()
        wanted = {text: parent for text, parent in PARENTS.items() if not _line_of(text) & left}
        standing = self.ground.standing()
        assert Counter((post.text, post.parent) for post in standing) == Counter(wanted.items()), self.story()
        for post in standing:
            assert len(post.pictures) == (self.ground.needs_pictures or post.text == ONE), self.story()
            assert post.root in ("", ONE), self.story()
        uploads = Counter(upload for post in standing for upload in post.pictures)
        assert not self.ground.attaches_once or all(times == 1 for times in uploads.values()), self.story()
        return left

    def _undecided(self) -> set[str]:
        with reading(self.engine) as connection:
            drafts = connection.scalars(sa.text("SELECT draft FROM entries WHERE state = 'unknown'")).all()
        return {text for draft in drafts for text in PARENTS if f'"text":"{text}"' in draft}

    def story(self) -> str:
        """Return everything that is known of this day."""
        parts = [f"standing: {self.ground.standing()}"]
        for number, life in enumerate(self.lives):
            parts += [f"---- life {number}", life.said[-2000:], *life.moments[-12:]]
        with suppress(Exception), reading(self.engine) as connection:
            for table in ("entries", "attempts"):
                parts += [str(dict(row)) for row in connection.execute(sa.text(f"SELECT * FROM {table}")).mappings()]
        return "\n".join(parts)


def _line_of(text: str) -> set[str]:
    """Return a post and all that it hangs on."""
    return {text} | (_line_of(PARENTS[text]) if PARENTS[text] else set())


# ---- cases -------------------------------------------------------------------------------------------------------------


class Trouble(StrEnum):
    """What else is wrong while a day is killed."""

    NONE = "alone"
    TWO_WORKERS = "two workers at once"
    AHEAD = "clock jumps an hour ahead"
    BACK = "clock jumps an hour back"
    SET_RIGHT = "clock an hour ahead is set right"


SERVERS = (
    "mastodon",
    "bluesky",
    "gotosocial",
    "mastodon 4.6.5",
    "bluesky",
    "snac",
    "mastodon",
    "takahe",
    "bluesky",
    "pixelfed",
    "pleroma",
)
STORES = ("sqlite", "postgresql")
TROUBLES = (
    Trouble.NONE,
    Trouble.TWO_WORKERS,
    Trouble.NONE,
    Trouble.AHEAD,
    Trouble.NONE,
    Trouble.BACK,
    Trouble.NONE,
    Trouble.SET_RIGHT,
)


@dataclass(frozen=True)
class Case:
    """One day to kill. Everything follows from it."""

    number: int
    seed: int
    server: str
    store: str
    kind: Kind  # of the first death's moment
    trouble: Trouble

    def __str__(self) -> str:
        return f"{self.number}: {self.server}, {self.store}, {self.kind}, {self.trouble}"


def cases(number: int, seed: int, servers: Sequence[str] = SERVERS) -> list[Case]:
    """Return so many cases: every kind of moment, server, store and trouble in turn, the rest by chance."""
    chance = random.Random(seed)
    kinds = list(Kind)

    def case(each: int) -> Case:
        server, kind = servers[each % len(servers)], kinds[each % len(kinds)]
        store, trouble = STORES[each // 2 % 2], TROUBLES[(each + each // 8) % len(TROUBLES)]
        return Case(each, chance.getrandbits(32), server, store, kind, trouble)

    return [case(each) for each in range(number)]


class Death(NamedTuple):
    """At which moment a life ends: the so-many-th, or the so-many-th of a kind."""

    number: int
    kind: Kind | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the moments at which its lives ended, and how many posts are left to a person."""

    case: Case
    deaths: tuple[str, ...]
    left: int


def suffer(lane: Lane, case: Case) -> Outcome:
    """Let a case happen and count. Raises AssertionError with its whole story where a post is missing or there twice."""
    chance = random.Random(case.seed)
    first = Death(chance.randint(1, lane.census(case.server)[case.kind]), case.kind)
    moments = [first, *(Death(chance.randint(1, 40)) for _ in range(chance.choice((0, 0, 1, 2))))]
    with lane.day(case.server, case.store) as day:
        try:
            deaths = _die(day, case.trouble, moments)
        finally:
            lane.clock.mislead(timedelta())
        return Outcome(case, tuple(deaths), len(day.check()))


def _die(day: MortalDay, trouble: Trouble, moments: Sequence[Death]) -> list[str]:
    """Live and die at each of `moments`, then live to the end; return the moments of death."""
    clock, deaths = day.lane.clock, []
    clock.mislead(HOUR if trouble is Trouble.SET_RIGHT else timedelta())
    day.patience += HOUR if trouble is Trouble.BACK else timedelta()  # what was due is due in an hour then
    other = [day.bear()] if trouble is Trouble.TWO_WORKERS else []
    for moment in moments:
        life = day.bear(moment)
        if not day.see_die(life):
            break
        deaths.append(life.moments[-1])
        day.outlast_claims()
        clock.mislead({Trouble.AHEAD: HOUR, Trouble.BACK: -HOUR}.get(trouble, timedelta()))
    last = other or [day.bear()]
    if trouble is Trouble.BACK:  # what was claimed before the jump is out of reach until the clock is right again
        _wait_until_idle(last[0])
        clock.mislead(timedelta())
    day.outlast_claims()
    day.see_through(*last)
    for life in last:
        life.kill()
    return deaths


def _is_idle(life: Life) -> bool:
    """Return whether a program has looked at the queue a few times, found nothing to do, and waits for no answer."""
    moments = [Moment.read(line) for line in life.moments]
    last_of_threads = {moment.thread: moment for moment in moments}.values()
    return (
        len(moments) >= 8
        and all(moment.is_look for moment in moments[-8:])
        and not any(moment.kind in (Kind.BEFORE_REQUEST, Kind.ON_ITS_WAY) for moment in last_of_threads)
    )


def _wait_until_idle(life: Life) -> None:
    end = time.monotonic() + SETTLES_WITHIN_S
    while not _is_idle(life):
        assert time.monotonic() < end, life.said
        assert not life.has_ended(), life.said
        time.sleep(0.02)


class Lanes:
    """Some lanes beside each other; a case takes the next free one."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._free: SimpleQueue[Lane] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        self._lanes = lanes
        self._pool = ThreadPoolExecutor(len(lanes))

    def begin(self, case: Case) -> "Future[Outcome]":
        """Let a case happen as soon as there is a lane."""
        return self._pool.submit(self._suffer, case)

    def _suffer(self, case: Case) -> Outcome:
        lane = self._free.get()
        try:
            return suffer(lane, case)
        finally:
            self._free.put(lane)

    def close(self) -> None:
        """End the lanes; what has not begun will not."""
        self._pool.shutdown(cancel_futures=True)
        for lane in self._lanes:
            lane.close()


@contextmanager
def open_lanes(
    folder: Path, number: int = 2, cluster: Cluster | None = None, real_ground: Callable[[str], Ground] | None = None
) -> Iterator[Lanes]:
    """Give so many lanes, with all that they make in `folder`."""
    with Nursery.open() as nursery:
        lanes = Lanes([Lane(folder / f"lane{each}", nursery, cluster, real_ground) for each in range(number)])
        try:
            yield lanes
        finally:
            lanes.close()
