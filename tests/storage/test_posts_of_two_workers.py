"""Two workers on one PostgreSQL store news of the same post in the same moment: what came later holds."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from clocks import FixedClock
from factories import NOON, campaign, seen, source
from postgresql import Cluster
from shareasm.collect import Desk, store
from shareasm.domain.changes import Changed, Gone, Seen
from shareasm.domain.posts import Network
from shareasm.errors import StorageError
from shareasm.forget import find, forget
from shareasm.networks.ports import Page
from shareasm.storage import collected, posts
from shareasm.storage.bulk import insert_unless_there
from shareasm.storage.engine import open_engine, reading

pytestmark = pytest.mark.postgresql


@pytest.fixture
def desks(cluster: Cluster, postgresql_template: str) -> Iterator[tuple[Desk, Desk]]:
    """The desks of two workers on one store."""
    with cluster.database(template=postgresql_template) as name:
        engines = [open_engine(cluster.url(name)) for _ in range(2)]
        ours, theirs = (Desk(engine, campaign(), FixedClock(NOON)) for engine in engines)
        yield ours, theirs
        for engine in engines:
            engine.dispose()


def put(desk: Desk, *items: Seen, gone: Sequence[Gone] = ()) -> None:
    store(desk, source(), Page(posts=items, gone=tuple(gone)), "shareasm")


def is_somebody_waiting(engine: Engine) -> bool:
    with reading(engine) as connection:
        return bool(connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_a_deletion_that_comes_while_a_page_is_stored_is_not_undone(
    desks: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = desks
    first = seen(network=Network.BLUESKY, revision="3kaaaaaaaaaa1")
    put(ours, first)
    gone = [Gone(first.post.ref, "deleted", "3kaaaaaaaaaa2")]
    deletion = threading.Thread(target=put, args=(theirs,), kwargs={"gone": gone})
    update = posts.update

    def interrupted(connection: Connection, changes: Sequence[Changed], *rest: object) -> None:
        if changes:
            deletion.start()
            while deletion.is_alive() and not is_somebody_waiting(ours.engine):
                deletion.join(0.01)
        update(connection, changes, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(posts, "update", interrupted)
    put(ours, seen("Safer mines, said better #shareASM", network=Network.BLUESKY))
    deletion.join(20)
    with reading(ours.engine) as connection:
        assert [stored.gone_reason for stored in collected.of_campaign(connection, "shareasm-2027")] == ["deleted"]


def test_a_page_that_is_being_stored_while_its_author_is_forgotten_brings_nobody_back(
    desks: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours, theirs = desks
    first, second = (seen(uri=f"https://memory.example/users/amina/statuses/{n}") for n in (1, 2))
    put(ours, first)
    words = first.post.author.ref
    request = threading.Thread(target=lambda: forget(theirs.engine, find(theirs.engine, words), tmp_path, lambda: NOON))
    insert = posts.insert

    def interrupted(*news: object) -> object:
        request.start()
        while request.is_alive() and not is_somebody_waiting(ours.engine):
            request.join(0.01)
        return insert(*news)  # type: ignore[arg-type]

    monkeypatch.setattr(posts, "insert", interrupted)
    put(ours, second)
    request.join(20)
    with reading(ours.engine) as connection:
        assert list(collected.of_campaign(connection, "shareasm-2027")) == []


def test_a_page_with_news_and_deletions_and_one_with_the_same_posts_wait_for_each_other_only_one_way(
    desks: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = desks
    first, second = (seen(uri=f"https://memory.example/users/amina/statuses/{n}") for n in (1, 2))
    put(ours, first, second)
    failures: list[Exception] = []

    def read_both() -> None:
        try:
            put(theirs, first, second)
        except StorageError as error:
            failures.append(error)

    reader = threading.Thread(target=read_both)
    mark_gone = posts.mark_gone

    def interrupted(connection: Connection, gone: Sequence[Gone], now: datetime) -> int:
        if gone and not reader.ident:
            reader.start()
            while reader.is_alive() and not is_somebody_waiting(ours.engine):
                reader.join(0.01)
        return mark_gone(connection, gone, now)

    monkeypatch.setattr(posts, "mark_gone", interrupted)
    put(ours, second, gone=[Gone(first.post.ref, "deleted")])
    reader.join(20)
    assert failures == []


def test_who_stores_the_same_page_from_its_end_inserts_it_in_the_same_order(
    desks: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = [seen(uri=f"https://memory.example/users/amina/statuses/{n}") for n in range(9)]
    orders: list[list[object]] = []

    def noted(connection: Connection, table: sa.Table, rows: Sequence[dict[str, object]]) -> bool:
        orders.append([row["uri"] for row in rows])
        return insert_unless_there(connection, table, rows)

    monkeypatch.setattr("shareasm.storage.posts.insert_unless_there", noted)
    put(desks[0], *page[:6])
    put(desks[1], *reversed(page[6:]))
    assert orders == [sorted(order) for order in orders]  # type: ignore[type-var]
    with reading(desks[0].engine) as connection:
        arrived = {one.arrival: one.post.ref.uri for one in collected.of_campaign(connection, "shareasm-2027")}
    assert [arrived[number][-1] for number in sorted(arrived)] == list("012345876"), "they arrived as they came"
