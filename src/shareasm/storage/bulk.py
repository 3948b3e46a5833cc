"""New rows by the hundred, into each database the shortest way: SQLite's prepared statement, PostgreSQL's COPY.

A trick, so it stands alone. SQLAlchemy turns each row into a dictionary and a tuple of its own before the driver sees it, and
PostgreSQL takes a row of COPY in half the time of an INSERT: together it is a third of what storing new posts costs
(docs/benchmarks.md). Everything else goes through SQLAlchemy.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError

from shareasm.storage.engine import insert_ignoring

Row = dict[str, Any]


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert `rows`, which all name the same columns and whose keys nobody else can have given."""
    if rows:
        _write(connection, table, rows)


def insert_unless_there(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> bool:
    """Insert `rows`, which all name the same columns. Those whose key is there already are left out: return whether none was.

    They are expected to be new: where one is not, because another worker was faster, PostgreSQL does it all again.
    """
    if not rows or connection.dialect.name == "sqlite":
        return not rows or _write(connection, table, rows) == len(rows)
    try:
        with connection.begin_nested():
            _write(connection, table, rows)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
            raise
        insert_ignoring(connection, table, list(rows))
        return False
    return True


_UNIQUE_VIOLATION = "23505"


def _write(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> int:
    """Return how many rows went in; on SQLite those that are there already are left out."""
    names = tuple(rows[0])
    values = _values(connection.dialect, table, names, rows)
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(_insert(table.name, names), values).rowcount
    _copy(connection, table, names, values)
    return len(rows)


def _values(dialect: Dialect, table: sa.Table, names: Sequence[str], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Return the rows as the driver takes them. Only our own types, as Instant is one, have a form of their own there."""
    columns = []
    for name in names:
        convert = _converter(dialect, table, name)
        columns.append([convert(row[name]) for row in rows] if convert else [row[name] for row in rows])
    return list(zip(*columns, strict=True))


def _converter(dialect: Dialect, table: sa.Table, name: str) -> Callable[[Any], Any] | None:
    kind = table.c[name].type
    return kind.bind_processor(dialect) if isinstance(kind, sa.TypeDecorator) else None


@cache
def _insert(table: str, names: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608  our own names


def _copy(connection: Connection, table: sa.Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    columns = ", ".join(f'"{name}"' for name in names)
    kinds = [table.c[name].type.compile(connection.dialect).lower() for name in names]
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(kinds)
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        raise DBAPIError(f"COPY {table.name}", None, error) from error
