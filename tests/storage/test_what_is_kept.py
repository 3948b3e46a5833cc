"""Letting go, exports and forgetting on both databases."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import CLOSES, NOON, campaign, seen, source
from shareasm.collect import Desk, store
from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.forgetting import Kind
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import KeptPicture, PictureFile
from shareasm.networks.ports import Page
from shareasm.storage import collected, exports, forgetting, keeping, pictures, posts
from shareasm.storage.engine import reading, transaction
from shareasm.storage.exports import WrittenExport
from shareasm.storage.tables import raws, skips

SLUG = campaign().slug


@pytest.fixture
def two(engine: Engine) -> list[Seen]:
    """Two stored posts, and an item that could not be read."""
    both = [seen(uri=f"https://memory.example/users/amina/statuses/{number}") for number in (1, 2)]
    odd = Skipped("odd", b'{"acct": "amina@memory.example"}', ref="x")
    store(Desk(engine, campaign(), FixedClock(CLOSES)), source(), Page(posts=tuple(both), skipped=(odd,)), "shareasm")
    return both


def test_raw_copies_go_and_what_stays_says_nothing(engine: Engine, two: list[Seen]) -> None:
    with transaction(engine) as connection:
        assert keeping.let_go_of_raws(connection, "another-day", NOON) == 0
        assert (keeping.count_raws(connection, SLUG), keeping.count_raws(connection, "another-day")) == (2, 0)
        assert keeping.let_go_of_raws(connection, SLUG, NOON) == 3
        assert keeping.count_raws(connection, SLUG) == 0
        assert connection.execute(sa.select(raws)).all() == []
        assert connection.execute(sa.select(skips.c.raw, skips.c.ref)).all() == [(b"", None)]


def test_raw_copies_of_a_post_of_two_campaigns_stay_until_the_last_lets_go(engine: Engine, two: list[Seen]) -> None:
    with transaction(engine) as connection:
        first, _ = collected.of_campaign(connection, SLUG)
        posts.set_belonging(connection, "another-day", {first.arrival: "tag"})
        assert keeping.let_go_of_raws(connection, SLUG, NOON) == 2  # of the other post, and of what could not be read
        assert keeping.count_raws(connection, SLUG) == 0
        assert keeping.let_go_of_raws(connection, "another-day", NOON) == 1


def test_a_post_goes_with_all_that_hangs_on_it_and_its_reason_is_counted_once(engine: Engine, two: list[Seen]) -> None:
    with transaction(engine) as connection:
        first, second = collected.of_campaign(connection, SLUG)
        over = {first.arrival: (first.post.ref, Reason.GONE)}
        assert keeping.let_go(connection, SLUG, over, NOON) == [first.arrival]
        assert keeping.let_go(connection, SLUG, {second.arrival: (second.post.ref, None)}, NOON) == [second.arrival]
        assert keeping.let_go_reasons(connection, SLUG) == {Reason.GONE: 1}
        assert list(collected.of_campaign(connection, SLUG)) == []


def test_strays_go_when_they_are_old(engine: Engine, two: list[Seen]) -> None:
    with transaction(engine) as connection:
        ids = [stored.arrival for stored in collected.of_campaign(connection, SLUG)]
        posts.set_belonging(connection, SLUG, {ids[0]: None})
        assert keeping.let_go_of_strays(connection, CLOSES) == []
        assert len(keeping.let_go_of_strays(connection, CLOSES + timedelta(seconds=1))) == 1


def test_what_could_not_be_read_is_forgotten_where_it_names_somebody(engine: Engine, two: list[Seen]) -> None:
    with transaction(engine) as connection:
        assert forgetting.remove_skips_that_name(connection, ["x", "bakari@memory.example"]) == 0
        assert forgetting.remove_skips_that_name(connection, ["amina@memory.example"]) == 1


def test_files_are_known_until_they_are_dropped(engine: Engine) -> None:
    first = WrittenExport(Path("/exports/a.csv"), SLUG, "csv", False, NOON)
    again = WrittenExport(first.path, SLUG, "csv", True, CLOSES)
    with transaction(engine) as connection:
        exports.note(connection, first)
        exports.note(connection, again)
        assert exports.of_campaigns(connection, [SLUG, "other"]) == [again]
        assert exports.of_campaigns(connection, ["other"]) == []
        exports.drop(connection, first.path)
    with reading(engine) as connection:
        assert exports.of_campaigns(connection, [SLUG]) == []


def test_a_picture_is_taken_unless_another_address_shows_the_same(engine: Engine) -> None:
    with transaction(engine) as connection:
        for name, file in (("a", "media/50%_1.webp"), ("b", "media/50%_1.webp"), ("c", "media/2.webp")):
            pictures.put(connection, name, KeptPicture((PictureFile(file, 1, 1),)), NOON)
        assert pictures.take(connection, ["a", "c", "unknown"]) == ["media/2.webp"]
        assert pictures.take(connection, ["b"]) == ["media/50%_1.webp"]


@pytest.mark.parametrize(
    ("raw", "is_kept"),
    [
        (b'{"uri":"https:\\/\\/m.example\\/users\\/amina\\/statuses\\/1"}', False),
        (b'{"acct": "Amina@m.example"}', False),
        (b'{"acct": "bela@m.example"}', True),
    ],
)
def test_what_cannot_be_read_and_names_who_is_forgotten_is_counted_and_not_kept(
    engine: Engine, raw: bytes, *, is_kept: bool
) -> None:
    with transaction(engine) as connection:
        forgetting.remember(connection, ["amina@m.example", "https://m.example/users/amina"], Kind.ACCOUNT, NOON)
    odd = Page(skipped=(Skipped("odd", raw, ref="https://m.example/1"),))
    for _ in range(2):
        store(Desk(engine, campaign(), FixedClock(NOON)), source(), odd, "shareasm")
    with reading(engine) as connection:
        [kept] = connection.execute(sa.select(skips.c.raw, skips.c.ref)).all()
    assert kept == ((raw, "https://m.example/1") if is_kept else (b"", None))
