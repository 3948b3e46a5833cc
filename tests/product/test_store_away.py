"""The store goes away in the middle of sending and comes back: the program says so, waits, and each slot is there once."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from postgresql import Cluster
from product.killing import Lane, MortalDay
from product.nursery import Nursery
from product.program import wait_until

pytestmark = pytest.mark.product


@pytest.fixture
def lane(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lane]:
    is_postgresql = request.node.get_closest_marker("postgresql")
    with Nursery.open() as nursery:
        made = Lane(tmp_path / "lane", nursery, request.getfixturevalue("cluster") if is_postgresql else None)
        yield made
        made.close()


def each_slot_is_there_once(day: MortalDay, away: Callable[[], None]) -> None:
    life = day.bear()
    wait_until(day.ground.standing, 30)
    away()
    day.see_through(life)
    assert not day.check()
    assert "Traceback" not in life.said


@pytest.mark.postgresql
@pytest.mark.parametrize("server", ["mastodon", "gotosocial", "bluesky"])
def test_a_postgresql_that_is_gone_for_a_while(server: str, lane: Lane, cluster: Cluster) -> None:
    with lane.day(server, "postgresql") as day:
        name = make_url(day.database_url).database or ""
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")

        def away() -> None:
            with psycopg.connect(
                dbname="postgres", user=cluster.user, host=str(cluster.folder), autocommit=True
            ) as server:
                server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
                server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
                wait_until(lambda: "the database" in day.lives[-1].said, 30)
                server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))

        each_slot_is_there_once(day, away)


def test_a_sqlite_that_somebody_holds_for_longer_than_the_program_waits(lane: Lane) -> None:
    with lane.day("gotosocial", "sqlite") as day:

        def away() -> None:
            with closing(
                sqlite3.connect(day.folder / "data" / "shareasm.db", isolation_level=None, timeout=20)
            ) as store:
                store.execute("BEGIN IMMEDIATE")
                wait_until(lambda: "another program holds it" in day.lives[-1].said, 30)

        each_slot_is_there_once(day, away)
