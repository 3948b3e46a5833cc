"""Nothing is kept longer than the campaign says; what a page shows stays as long as the page does."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import CLOSES, NOON, campaign, seen, source
from shareasm import collect
from shareasm.collect import Desk
from shareasm.domain.campaigns import Campaign
from shareasm.domain.changes import AuthorChange, Gone, Seen, Skipped
from shareasm.domain.keeping import Keep
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import KeptPicture, PictureFile
from shareasm.domain.posts import Account, Media, MediaKind, Network, Post
from shareasm.keeping import LetGo, let_go
from shareasm.networks.ports import Page
from shareasm.storage import collected, keeping, pictures, posts
from shareasm.storage.engine import open_engine, reading, transaction
from shareasm.storage.tables import metadata, raws, skips
from shareasm.storage.tables import posts as posts_table

DAY = timedelta(days=1)
SHY = Account(Network.MASTODON, "https://m.example/users/b", "b@m.example", "B", "", is_noindex=True)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(engine)
    return engine


def put(engine: Engine, *items: Seen, day: Campaign | None = None, **page: object) -> None:
    desk = Desk(engine, day or campaign(), FixedClock(CLOSES))
    collect.store(desk, source(), Page(posts=items, **page), "shareasm")  # type: ignore[arg-type]


def number(count: int, text: str = "Safer mines #shareASM", **changes: object) -> Seen:
    return seen(text, uri=f"https://memory.example/users/amina/statuses/{count}", **changes)  # type: ignore[arg-type]


def stored(engine: Engine, day: Campaign | None = None) -> list[Post]:
    with reading(engine) as connection:
        return [item.post for item in collected.of_campaign(connection, (day or campaign()).slug)]


def count(engine: Engine, table: sa.Table) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def after(engine: Engine, folder: Path, days: float, **keep: timedelta | None) -> LetGo:
    return let_go(engine, campaign(keep=Keep(**keep)), folder, CLOSES + days * DAY)  # type: ignore[arg-type]


def test_raw_copies_go_after_their_time_and_the_posts_stay(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1), number(2), skipped=(Skipped("odd", b'{"odd": 1}', ref="x"),))
    assert after(engine, tmp_path, 89.9) == LetGo()
    assert after(engine, tmp_path, 90) == LetGo(raw_count=3)
    assert after(engine, tmp_path, 91) == LetGo()
    assert len(stored(engine)) == 2
    assert count(engine, raws) == 0
    with reading(engine) as connection:
        assert connection.execute(sa.select(skips.c.reason, skips.c.raw)).all() == [("odd", b"")]


def test_nothing_goes_while_the_day_goes_on(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1, author=SHY))
    zero = timedelta()
    assert after(engine, tmp_path, -0.1, raw=zero, unshown=zero, posts=zero) == LetGo()


def test_what_was_taken_back_goes_a_month_after_that_and_is_still_counted(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1, "secret words #shareASM"), number(2))
    with transaction(engine) as connection:
        posts.mark_gone(connection, [Gone(number(1).post.ref, "deleted")], CLOSES + 10 * DAY)
    assert after(engine, tmp_path, 39) == LetGo()
    assert after(engine, tmp_path, 40) == LetGo(post_count=1)
    assert [post.ref for post in stored(engine)] == [number(2).post.ref]
    with reading(engine) as connection:
        assert keeping.let_go_reasons(connection, campaign().slug) == {Reason.GONE: 1}
    engine.dispose()
    assert all(b"secret words" not in file.read_bytes() for file in tmp_path.glob("x.db*"))


def test_an_author_who_left_may_come_back_for_a_month(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1))
    with transaction(engine) as connection:
        away = AuthorChange(number(1).post.author.ref, is_active=False, reason="deactivated")
        posts.mark_authors(connection, Network.MASTODON, [away], CLOSES + 50 * DAY)
    assert after(engine, tmp_path, 79) == LetGo()
    assert after(engine, tmp_path, 80) == LetGo(post_count=1)


def test_what_a_wish_keeps_from_the_page_goes_a_month_after_the_day(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1, author=SHY), number(2))
    assert after(engine, tmp_path, 30) == LetGo(post_count=1)


def test_what_nobody_confirmed_is_given_its_time_since_it_was_last_confirmed(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1))
    with transaction(engine) as connection:
        connection.execute(posts_table.update(), {"checked_at": NOON})
    assert after(engine, tmp_path, 29) == LetGo()
    assert after(engine, tmp_path, 30) == LetGo(post_count=1)


def test_what_the_page_shows_stays_as_long_as_the_page(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1))
    assert after(engine, tmp_path, 50 * 365, raw=100 * 365 * DAY) == LetGo()


def test_where_it_sets_one_the_posts_of_others_leave_store_and_page(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1))
    two_years = timedelta(days=730)
    assert after(engine, tmp_path, 729, posts=two_years, raw=1000 * DAY) == LetGo()
    assert after(engine, tmp_path, 730, posts=two_years, raw=1000 * DAY) == LetGo(post_count=1)
    assert stored(engine) == []


def test_another_days_posts_are_its_own_affair(engine: Engine, tmp_path: Path) -> None:
    other = campaign(slug="other")
    put(engine, number(1, author=SHY))
    put(engine, number(1, author=SHY), day=other)
    put(engine, number(2, author=SHY), day=other)
    assert after(engine, tmp_path, 30) == LetGo()
    assert stored(engine) == []
    assert len(stored(engine, other)) == 2


def test_posts_of_no_day_are_strays_and_go_too(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1))
    put(engine, number(1, "Safer mines"))  # its author took the tag away
    assert count(engine, posts_table) == 1
    assert after(engine, tmp_path, 29) == LetGo()
    assert after(engine, tmp_path, 31) == LetGo(post_count=1)
    assert count(engine, posts_table) == 0


def test_pictures_of_strays_go_with_them(engine: Engine, tmp_path: Path) -> None:
    media = (Media(MediaKind.IMAGE, "https://m.example/a.jpg"),)
    put(engine, number(1, media=media))
    (tmp_path / "a.webp").write_bytes(b"x")
    with transaction(engine) as connection:
        pictures.put(connection, "https://m.example/a.jpg", KeptPicture((PictureFile("a.webp", 1, 1),)), NOON)
    put(engine, number(1, "Safer mines", media=media))
    assert after(engine, tmp_path, 31) == LetGo(post_count=1, picture_count=1)
    assert not (tmp_path / "a.webp").exists()


def test_pictures_go_with_the_last_post_that_shows_them(engine: Engine, tmp_path: Path) -> None:
    mine, shared = (Media(MediaKind.IMAGE, f"https://m.example/{name}.jpg") for name in ("mine", "shared"))
    put(engine, number(1, author=SHY, media=(mine, shared)), number(2, media=(shared,)))
    (tmp_path / "media").mkdir()
    with transaction(engine) as connection:
        for name in ("mine", "shared"):
            (tmp_path / "media" / f"{name}.webp").write_bytes(b"x")
            kept = KeptPicture((PictureFile(f"media/{name}.webp", 1, 1),))
            pictures.put(connection, f"https://m.example/{name}.jpg", kept, NOON)
    assert after(engine, tmp_path, 30) == LetGo(post_count=1, picture_count=1)
    assert [file.name for file in (tmp_path / "media").iterdir()] == ["shared.webp"]


def test_a_picture_that_another_address_shows_too_stays(engine: Engine, tmp_path: Path) -> None:
    put(engine, number(1, author=SHY, media=(Media(MediaKind.IMAGE, "https://m.example/a.jpg"),)))
    (tmp_path / "same.webp").write_bytes(b"x")
    with transaction(engine) as connection:
        for name in ("a", "b"):
            pictures.put(
                connection, f"https://m.example/{name}.jpg", KeptPicture((PictureFile("same.webp", 1, 1),)), NOON
            )
    assert after(engine, tmp_path, 30).picture_count == 0
    assert (tmp_path / "same.webp").is_file()


def test_pictures_of_a_post_that_another_day_keeps_stay(engine: Engine, tmp_path: Path) -> None:
    media = (Media(MediaKind.IMAGE, "https://m.example/a.jpg"),)
    put(engine, number(1, media=media))
    put(engine, number(1, media=media), day=campaign(slug="other"))
    (tmp_path / "a.webp").write_bytes(b"x")
    with transaction(engine) as connection:
        pictures.put(connection, "https://m.example/a.jpg", KeptPicture((PictureFile("a.webp", 1, 1),)), NOON)
    assert after(engine, tmp_path, 30, posts=DAY) == LetGo()
    assert (tmp_path / "a.webp").is_file()
