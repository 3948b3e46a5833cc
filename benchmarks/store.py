"""The store: pages of posts into the database through `collect.store`, as on the day, against the drivers alone.

A driver writes the very same rows: ours are made once and read back, and the bare driver writes them again, children and all,
with the same settings (SQLite: WAL and synchronous=FULL on both sides; PostgreSQL: the tests' cluster, without fsync on both).
Ours starts from posts as the reader gives them, and encodes, fingerprints, compresses and decides; the driver does not.
Claims: new posts at 30 % of the raw SQLite driver and more, and at 15 × an ORM that adds post by post; a re-poll of known
posts at 2 × the raw driver's upsert; on PostgreSQL 40 % of COPY.
"""

import shutil
import sqlite3
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import psycopg
import sqlalchemy as sa
from race import Claim, Spent, per_second, race_both, rounds, spent, table, tell
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, registry
from workload import OPENS, SERVER, campaign, posts, source

from shareasm.collect import Desk, Tally, store
from shareasm.domain.changes import Seen
from shareasm.domain.posts import encode_post, fingerprint
from shareasm.networks.mastodon.translate import decode_page
from shareasm.networks.ports import Page
from shareasm.storage import tables
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from clocks import FixedClock
from postgresql import Cluster, running_cluster

PAGE_SIZES = (40, 1000)
POST_COUNTS = {40: 4_000, 1000: 10_000}
ORM_POST_COUNT = 1_000
TIMELINE = 1_000  # posts that are polled again and again
TABLES = ("posts", "campaign_posts", "sightings", "raws")

Row = tuple[object, ...]
Rows = dict[str, list[Row]]  # by table; row n of each belongs to the same post
Contestants = dict[str, Callable[[], Spent]]  # each returns seconds a post

NEW, RAW, ORM = "SQLite, new: ours", "SQLite, new: sqlite3, the same rows", "SQLite, new: ORM, post by post"
AGAIN, UPSERT = "SQLite, known: ours, the same bytes again", "SQLite, known: sqlite3, upsert"
ANEW = "SQLite, known: ours, posts made anew"
PG_NEW, PG_COPY = "PostgreSQL, new: ours", "PostgreSQL, new: COPY of the same rows"
NAMES = (NEW, RAW, ORM, AGAIN, ANEW, UPSERT, PG_NEW, PG_COPY)


def main() -> None:
    turns = rounds()
    seen = posts(max(POST_COUNTS.values()))
    taken: dict[tuple[str, int], Spent] = {}
    with tempfile.TemporaryDirectory() as folder, running_cluster() as cluster:
        for size in PAGE_SIZES:
            some = seen[: POST_COUNTS[size]]
            with closing(PostgresqlRace(cluster, some, size)) as postgresql:
                rivals = SqliteRace(Path(folder), some, size).contestants() | postgresql.contestants()
                taken |= {(name, size): seconds for name, seconds in race_both(rivals, turns).items()}
    table(
        ("posts a second", *(f"pages of {size}" for size in PAGE_SIZES)),
        *((name, *(per_second(1, taken[name, size].clock) for size in PAGE_SIZES)) for name in NAMES),
    )
    table(
        ("µs of our processor a post", *(f"pages of {size}" for size in PAGE_SIZES)),
        *((name, *(f"{taken[name, size].processor * 1e6:.0f}" for size in PAGE_SIZES)) for name in NAMES[:-2]),
    )
    tell(*(claim for size in PAGE_SIZES for claim in claims(taken, size)))


def claims(taken: dict[tuple[str, int], Spent], size: int) -> tuple[Claim, ...]:
    def ratio(ours: str, theirs: str) -> float:
        return taken[theirs, size].clock / taken[ours, size].clock

    return (
        Claim(f"SQLite, pages of {size}: of the raw driver", 100 * ratio(NEW, RAW), 30, "%"),
        Claim(f"SQLite, pages of {size}: against the ORM", ratio(NEW, ORM), 15, "×"),
        Claim(f"SQLite, pages of {size}: re-poll against the driver's upsert", ratio(AGAIN, UPSERT), 2, "×"),
        Claim(f"PostgreSQL, pages of {size}: of COPY", 100 * ratio(PG_NEW, PG_COPY), 40, "%"),
    )


# ---- ours --------------------------------------------------------------------------------------------------------------


def store_all(engine: Engine, seen: Sequence[Seen], size: int, expected: Tally) -> Spent:
    """Store everything page by page; return the seconds a post."""
    desk = Desk(engine, campaign(), FixedClock(OPENS))
    seen = [replace(item) for item in seen]  # as they come: nothing is derived from them yet
    is_sweep = expected.new == 0  # which moves no checkpoint
    pages = [Page(posts=tuple(part), checkpoint=None if is_sweep else "a cursor") for part in paged(seen, size)]
    tallies: list[Tally] = []
    taken = spent(lambda: tallies.extend(store(desk, source(), page, "shareasm") for page in pages))
    assert sum(tallies, Tally()) == expected
    return taken.each(len(seen))


def paged(items: Sequence[Row] | Sequence[Seen], size: int) -> list[Sequence]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def rows_of(engine: Engine, after: int = 0) -> Rows:
    """Return what the tables hold of posts beyond number `after`, one row a post in each, as a driver writes it."""
    key = {"posts": "id", "raws": "post_id", "sightings": "post_id", "campaign_posts": "post_id"}
    queries = {name: f"SELECT * FROM {name} WHERE {key[name]} > {after} ORDER BY {key[name]}" for name in TABLES}
    with engine.connect() as connection:
        read = {name: connection.exec_driver_sql(query) for name, query in queries.items()}
        return {name: [tuple(row) for row in rows] for name, rows in read.items()}


# ---- SQLite ------------------------------------------------------------------------------------------------------------


class SqliteRace:
    """Each run has a file of its own. The rows that ours stored are what the bare driver stores, and what it is held to."""

    def __init__(self, folder: Path, seen: Sequence[Seen], size: int) -> None:
        self._folder, self._seen, self._size = folder, seen, size
        self._numbers = count()
        self._empty = folder / f"empty-{size}.db"
        self._full = folder / f"full-{size}.db"
        self._migrate(self._empty)
        shutil.copy(self._empty, self._full)
        engine = open_engine(f"sqlite:///{self._full}")
        store_all(engine, seen, size, Tally(new=len(seen)))
        self._rows = rows_of(engine)
        engine.dispose()
        assert all(len(rows) == len(seen) for rows in self._rows.values())

    def contestants(self) -> Contestants:
        return {
            NEW: partial(self._ours, self._empty, Tally(new=len(self._seen))),
            RAW: partial(self._driver, self._empty, self._insert),
            ORM: self._orm,
            AGAIN: self._again,
            ANEW: partial(self._ours, self._full, Tally(same=len(self._seen))),
            UPSERT: partial(self._driver, self._full, self._upsert),
        }

    @staticmethod
    def _migrate(file: Path) -> None:
        engine = open_engine(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()

    def _copy(self, template: Path) -> str:
        file = self._folder / f"run-{self._size}-{next(self._numbers)}.db"
        shutil.copy(template, file)
        return str(file)

    def _finish(self, file: str, post_count: int) -> None:
        """Hold a run to its result, and throw its file away."""
        engine = open_engine(f"sqlite:///{file}")
        expected = {name: rows[:post_count] for name, rows in self._rows.items()}
        assert rows_of(engine) == expected, "the rows differ"
        engine.dispose()
        for path in self._folder.glob(f"{Path(file).name}*"):
            path.unlink()

    def _ours(self, template: Path, expected: Tally) -> Spent:
        file = self._copy(template)
        engine = open_engine(f"sqlite:///{file}")
        with engine.connect():
            pass
        taken = store_all(engine, self._seen, self._size, expected)
        engine.dispose()
        self._finish(file, len(self._seen))
        return taken

    def _again(self) -> Spent:
        """Read a timeline again, from the bytes of its pages, that was read a moment ago."""
        file = self._copy(self._full)
        engine = open_engine(f"sqlite:///{file}")
        desk = Desk(engine, campaign(), FixedClock(OPENS))
        raws = [item.raw for item in self._seen[:TIMELINE]]
        bodies = [b"[" + b",".join(part) + b"]" for part in paged(raws, self._size)]
        tallies: list[Tally] = []

        def read() -> None:
            pages = (Page(posts=tuple(decode_page(body, SERVER).posts)) for body in bodies)
            tallies.extend(store(desk, source(), page, "shareasm") for page in pages)

        read()
        tallies.clear()
        taken = spent(lambda: [read() for _ in range(4)])
        assert sum(tallies, Tally()) == Tally(same=4 * TIMELINE)
        engine.dispose()
        self._finish(file, len(self._seen))
        return taken.each(4 * TIMELINE)

    def _driver(self, template: Path, write: Callable[[sqlite3.Connection, str, Sequence[Row]], None]) -> Spent:
        file = self._copy(template)
        connection = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
            connection.execute(f"PRAGMA {pragma}")
        pages = [{name: paged(rows, self._size) for name, rows in self._rows.items()}]
        numbers = range(len(pages[0]["posts"]))

        def work() -> None:
            for number in numbers:
                connection.execute("BEGIN IMMEDIATE")
                for name in TABLES:
                    write(connection, name, pages[0][name][number])
                connection.execute("COMMIT")

        taken = spent(work)
        connection.close()
        self._finish(file, len(self._seen))
        return taken.each(len(self._seen))

    @staticmethod
    def _insert(connection: sqlite3.Connection, name: str, rows: Sequence[Row]) -> None:
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    @staticmethod
    def _upsert(connection: sqlite3.Connection, name: str, rows: Sequence[Row]) -> None:
        """Write again what a poll shows: the post, that it was seen here, that it belongs. The archive stays."""
        if name == "raws":
            return
        columns = [column.name for column in tables.metadata.tables[name].columns]
        key = {"posts": "network, uri", "sightings": "post_id, source", "campaign_posts": "campaign, post_id"}[name]
        others = ", ".join(
            f"{column} = excluded.{column}" for column in columns if column not in key and column != "id"
        )
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {others}", rows)

    def _orm(self) -> Spent:
        """The textbook: ask for the post, else add it with its children; commit after each page."""
        file = self._copy(self._empty)
        engine = open_engine(f"sqlite:///{file}")
        some = self._seen[:ORM_POST_COUNT]

        def work() -> None:
            for page in paged(some, self._size):
                with Session(engine) as session:
                    for item in page:
                        add_with_orm(session, item)
                    session.commit()

        taken = spent(work)
        engine.dispose()
        self._finish(file, len(some))
        return taken.each(len(some))


# ---- an ORM ------------------------------------------------------------------------------------------------------------


class StoredPost:
    """The row of a post, for the ORM."""


class Belonging:
    """The row of a post in a campaign, for the ORM."""


class SeenThere:
    """The row of a sighting, for the ORM."""


class Raw:
    """The row of a raw version, for the ORM."""


_mapper = registry()
_CHILDREN = {"belonging": (Belonging, "campaign_posts"), "sightings": (SeenThere, "sightings"), "raws": (Raw, "raws")}
for _class, _table in _CHILDREN.values():
    _mapper.map_imperatively(_class, tables.metadata.tables[_table])
_mapper.map_imperatively(
    StoredPost, tables.posts, properties={name: sa.orm.relationship(one) for name, (one, _) in _CHILDREN.items()}
)


def add_with_orm(session: Session, item: Seen) -> None:
    post = item.post
    query = sa.select(StoredPost).where(tables.posts.c.network == post.ref.network, tables.posts.c.uri == post.ref.uri)
    if session.scalars(query).one_or_none() is not None:
        return
    stored = filled(
        StoredPost(),
        network=post.ref.network,
        uri=post.ref.uri,
        author_ref=post.author.ref,
        created_at=post.created_at,
        first_seen_at=OPENS,
        checked_at=OPENS,
        source=source().id,
        fingerprint=fingerprint(post),
        content=encode_post(post).decode(),
        answer_count=post.counts.replies + post.counts.quotes,
        url=post.url,
        bridged_from=post.bridged_from,
    )
    stored.belonging.append(filled(Belonging(), campaign=campaign().slug, belongs_by="tag"))
    asked = {"source": source().id, "server": "social.example", "query": "#shareasm"}
    named = {"local_id": item.local_id, "parent_local_id": item.parent_local_id}
    stored.sightings.append(filled(SeenThere(), **asked, **named, first_seen_at=OPENS))
    stored.raws.append(filled(Raw(), **asked, fetched_at=OPENS, body=zlib.compress(item.raw, 1)))
    session.add(stored)


def filled(record: object, **values: object) -> object:
    for name, value in values.items():
        setattr(record, name, value)
    return record


# ---- PostgreSQL --------------------------------------------------------------------------------------------------------


class PostgresqlRace:
    """Each run has a copy of a database that holds as many other posts, with the statistics that autovacuum would keep:
    on tables that look empty PostgreSQL plans for empty tables.
    """

    def __init__(self, cluster: Cluster, seen: Sequence[Seen], size: int) -> None:
        self._cluster, self._seen, self._size = cluster, seen, size
        self._template = ExitStack()
        self._name = self._template.enter_context(cluster.database())
        engine = open_engine(cluster.url(self._name))
        upgrade(engine)
        store_all(engine, posts(len(seen), seed=2), size, Tally(new=len(seen)))
        with engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
        engine.dispose()
        with cluster.database(template=self._name) as name:
            engine = open_engine(cluster.url(name))
            store_all(engine, seen, size, Tally(new=len(seen)))
            self._rows = rows_of(engine, after=len(seen))
            engine.dispose()
        assert all(len(rows) == len(seen) for rows in self._rows.values())

    def contestants(self) -> Contestants:
        return {PG_NEW: self._ours, PG_COPY: self._copy}

    def close(self) -> None:
        """Drop the database that the others are copied from."""
        self._template.close()

    def _ours(self) -> Spent:
        with self._cluster.database(template=self._name) as name:
            engine = open_engine(self._cluster.url(name))
            taken = store_all(engine, self._seen, self._size, Tally(new=len(self._seen)))
            self._check(engine)
        return taken

    def _copy(self) -> Spent:
        pages = {table: paged(rows, self._size) for table, rows in self._rows.items()}

        def work() -> None:
            for number in range(len(pages["posts"])):
                with connection.transaction(), connection.cursor() as cursor:
                    for table in TABLES:
                        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                            for row in pages[table][number]:
                                copy.write_row(row)

        with self._cluster.database(template=self._name) as name:
            with psycopg.connect(self._cluster.url(name), autocommit=True) as connection:
                taken = spent(work)
            self._check(open_engine(self._cluster.url(name)))
        return taken.each(len(self._seen))

    def _check(self, engine: Engine) -> None:
        assert rows_of(engine, after=len(self._seen)) == self._rows, "the rows differ"
        engine.dispose()


if __name__ == "__main__":
    main()
