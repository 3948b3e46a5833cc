"""Opens the database and its transactions; the same code for SQLite and PostgreSQL.

Rules that were learned the hard way, each seen when run (SQLAlchemy 2.1, SQLite 3.40, PostgreSQL 15):

- SQLite drops the offset of a datetime without converting: `Instant` stores UTC and gives aware UTC back.
- A SQLite transaction that reads and then writes can fail at once with "database is locked", whatever the busy timeout:
  every transaction begins with BEGIN IMMEDIATE, and is short. No transaction is ever held across a network call.
- What only reads begins with a plain BEGIN (`reading`): a reader of a WAL keeps no writer waiting, however long it reads.
- WAL with synchronous=FULL costs a few percent at our batch sizes and survives a power cut: a stored receipt stays stored.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from shareasm.errors import ConfigError, StorageError


class Instant(sa.TypeDecorator[datetime]):
    """An instant: aware datetimes go in, aware UTC comes out; naive ones are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        # SQLite keeps text. Written here it is made once a value: a page of posts has thousands.
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime was about to be stored: {value!r}")
        return _as_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


_ZONELESS = len("2027-02-03 09:00:00.000000")


@lru_cache(maxsize=1024)
def _as_text(instant: datetime) -> str:
    """Return `instant` as SQLite keeps it. A page is stored at one instant, which its rows name thousands of times."""
    return instant.astimezone(UTC).isoformat(" ", "microseconds")[:_ZONELESS]


def open_engine(url: str) -> Engine:
    """Return an engine for `url` (`sqlite:///path`, `postgresql://…`). Raises ConfigError for what is no such address."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    return sa.create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 10})


def _parse(url: str) -> URL:
    # Platforms still hand out postgres://, which SQLAlchemy no longer takes.
    text = "postgresql://" + url.removeprefix("postgres://") if url.startswith("postgres://") else url
    try:
        parsed = make_url(text)
        parsed.get_dialect()
        if "[" in (parsed.host or ""):  # make_url lets it through, and the driver would stumble over it
            raise ValueError("half an IPv6 address")
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ConfigError(
            "DATABASE_URL is not an address of a database; write sqlite:///data/shareasm.db or postgresql://user@host/name"
        ) from error
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(f"DATABASE_URL names {parsed.get_backend_name()}; shareasm works on sqlite and postgresql")
    if parsed.get_driver_name() not in {"pysqlite", "psycopg"}:
        raise ConfigError(
            f"DATABASE_URL asks for the driver {parsed.get_driver_name()}, which shareasm does not use; "
            f"write {parsed.get_backend_name()}://…"
        )
    return parsed


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"the folder for the database {url.database} cannot be made: {error.strerror}"
            ) from error
    # `timeout` is SQLite's busy timeout in seconds; the driver opens no transaction of its own (isolation_level=None).
    engine = sa.create_engine(url, connect_args={"timeout": 10, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READS) else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open a short transaction; commit at the end, roll back on any error. Database errors become StorageError."""
    with storage_errors(engine), _turn(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Look at the store as it is at one moment, writing nothing: it keeps no writer waiting, and waits for none.

    What reads in order to write belongs into a `transaction`.
    """
    with storage_errors(engine), engine.connect() as connection, connection.execution_options(**{_READS: True}).begin():
        yield connection


_READS = "shareasm_reads"


def _turn(engine: Engine) -> AbstractContextManager[object]:
    """Let this process's threads write one after the other: waiting for each other in SQLite, they would sleep and starve."""
    return _turns.setdefault(engine, threading.RLock()) if engine.dialect.name == "sqlite" else nullcontext()


_turns: WeakKeyDictionary[Engine, AbstractContextManager[object]] = WeakKeyDictionary()


@contextmanager
def storage_errors(engine: Engine) -> Iterator[None]:
    """Turn what the driver raises into one sentence that says which database, what, and what to do."""
    try:
        yield
    except DBAPIError as error:
        raise StorageError(f"{place(engine)}: {_reason(error)}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"{place(engine)}: {str(error).splitlines()[0]}") from error


def place(engine: Engine) -> str:
    """Return which database this is, for a sentence; without its password."""
    return f"the database {engine.url.render_as_string(hide_password=True)}"


def _reason(error: DBAPIError) -> str:
    text = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    for sign, sentence in _SENTENCES.items():
        if sign in text:
            return f"{sentence} ({text})"
    return text


_SENTENCES = {
    "database or disk is full": "the disk is full: free some space, and it goes on by itself",
    "No space left": "the disk is full: free some space, and it goes on by itself",
    "readonly database": "it cannot be written: check who owns the file",
    "unable to open database": "the file cannot be opened: check that the folder exists and may be written",
    "file is not a database": "the file is not a SQLite database: name another one in DATABASE_URL",
    "malformed": "the file is damaged: restore a copy",
    "no such table": "it has no tables yet: run `shareasm db upgrade`",
    "does not exist": "it is not there, or has no tables yet: check DATABASE_URL, run `shareasm db upgrade`",
    "database is locked": "another program holds it: close that one",
    "Connection refused": "nothing answers there: is the server running?",
    "authentication failed": "user or password is refused: check DATABASE_URL",
}


def insert_ignoring(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
    """Insert `rows`, leaving out those whose key is there already; return how many went in."""
    return connection.execute(_insert_ignoring(connection.dialect.name, table), rows).rowcount if rows else 0


def upsert(connection: Connection, table: sa.Table, rows: list[dict[str, Any]], *, key: list[str]) -> None:
    """Insert `rows`; where the `key` is there already, the other columns of the row are overwritten."""
    if rows:
        others = tuple(name for name in rows[0] if name not in key)
        connection.execute(_upsert(connection.dialect.name, table, tuple(key), others), rows)


def take_ids(connection: Connection, table: sa.Table, count: int) -> list[int]:
    """Return numbers for `count` new rows of `table`: rising, and never given twice.

    Rows that bring their number go in by one prepared statement, however many they are.
    """
    if connection.dialect.name == "sqlite":  # nobody else writes while our transaction is open
        last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).scalar() or 0
        return list(range(last + 1, last + 1 + count))
    query = sa.text("SELECT nextval(:sequence) FROM generate_series(1, :count)")
    return list(connection.scalars(query, {"sequence": f"{table.name}_id_seq", "count": count}))


def hold(connection: Connection, name: str) -> None:
    """Wait until nobody else holds `name`, and hold it until the transaction ends. On SQLite every writer waits anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def alone_with(connection: Connection, table: sa.Table) -> None:
    """Wait until every transaction that has read `table` is over, and let nobody read it before this one is: keep it short."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(
            f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE"
        )  # a read holds its lock to the end


# Statements are made once each: to make one takes longer than to run it for a page.


@cache
def _insert_ignoring(dialect: str, table: sa.Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _upsert(dialect: str, table: sa.Table, key: tuple[str, ...], others: tuple[str, ...]) -> Any:
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(index_elements=key, set_={name: insert.excluded[name] for name in others})


def _insert(dialect: str, table: sa.Table) -> Any:
    from sqlalchemy.dialects import postgresql, sqlite

    module = sqlite if dialect == "sqlite" else postgresql
    return module.insert(table)
