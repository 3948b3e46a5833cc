"""Somebody asked to be forgotten: gone from store, raw copies and pictures, and it does not come back."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from clocks import FixedClock
from factories import NOON, campaign, post, seen, source
from recap_day import a_picture
from shareasm import collect
from shareasm.collect import Desk, Tally
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.domain.changes import Skipped
from shareasm.domain.forgetting import Kind
from shareasm.domain.moderation import Choice, Decision
from shareasm.domain.pictures import KeptPicture, PictureFile
from shareasm.domain.posts import Account, Card, Media, MediaKind, Network, Post, PostRef
from shareasm.errors import ConfigError, StorageError
from shareasm.forget import Done, find, forget
from shareasm.networks.ports import Page
from shareasm.pictures import keep
from shareasm.share_picture import Poster, draw
from shareasm.storage import collected, decisions, pictures, sources
from shareasm.storage.engine import open_engine, reading, transaction
from shareasm.storage.schema import upgrade
from shareasm.storage.tables import metadata
from shareasm.storage.tables import raws as raws_table
from shareasm.storage.tables import skips as skips_table

PICTURE = "https://m.example/media/1.jpg"


def by(name: str, number: int, **changes: object) -> Post:
    url = f"https://m.example/@{name}/{number}"
    author = Account(
        Network.MASTODON,
        f"https://m.example/users/{name}",
        f"{name}@m.example",
        name.title(),
        f"https://m.example/@{name}",
    )
    ref = PostRef(Network.MASTODON, f"https://m.example/users/{name}/statuses/{number}")
    return post(**{"ref": ref, "url": url, "author": author, **changes})  # type: ignore[arg-type]


AMINAS = by("amina", 1, text="secret words of amina #shareASM", media=(Media(MediaKind.IMAGE, PICTURE, "A sieve"),))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return Desk(engine, campaign(), FixedClock(NOON))


def put(desk: Desk, *said: Post) -> Tally:
    items = tuple(replace(seen(), post=one, raw=one.text.encode(), local_id=one.url) for one in said)
    return collect.store(desk, source(), Page(posts=items), "shareasm")


def stored(desk: Desk) -> list[str]:
    with reading(desk.engine) as connection:
        return [item.post.url for item in collected.of_campaign(connection, desk.campaign.slug)]


@pytest.fixture
def take_out(desk: Desk, tmp_path: Path) -> Callable[[str], Done]:
    return lambda words: forget(desk.engine, find(desk.engine, words), tmp_path, lambda: NOON)


def test_an_account_is_taken_out_with_everything_it_said_and_the_others_stay(
    desk: Desk, take_out: Callable[[str], Done]
) -> None:
    put(desk, AMINAS, by("amina", 2), by("bakari", 1))
    done = take_out("@amina@m.example")
    assert (done.kind, done.post_count, done.raw_count) == (Kind.ACCOUNT, 2, 2)
    assert stored(desk) == ["https://m.example/@bakari/1"]


def test_nothing_of_it_is_left_in_any_table_or_in_the_file(
    desk: Desk, tmp_path: Path, take_out: Callable[[str], Done]
) -> None:
    put(desk, AMINAS, by("bakari", 1))
    with transaction(desk.engine) as connection:
        decisions.decide(connection, Decision(AMINAS.ref, Choice.APPROVE, "jo", NOON))
    take_out("https://m.example/@amina")
    with reading(desk.engine) as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                assert "amina" not in str(tuple(row)), table.name
    desk.engine.dispose()
    assert all(b"secret words of amina" not in file.read_bytes() for file in tmp_path.glob("x.db*"))


def test_what_was_forgotten_does_not_come_back_and_is_counted(desk: Desk, take_out: Callable[[str], Done]) -> None:
    put(desk, AMINAS)
    take_out("@amina@m.example")
    assert put(desk, AMINAS, by("amina", 7), by("bakari", 1)) == Tally(new=1)
    assert stored(desk) == ["https://m.example/@bakari/1"]
    with reading(desk.engine) as connection:
        skips = sources.newest_skips(connection, desk.campaign.slug, 10)
    assert [(skip.ref, skip.reason) for skip in skips] == [(None, "asked to be forgotten: counted, not stored")] * 2


def test_what_an_account_says_while_a_person_still_hesitates_goes_too(desk: Desk, tmp_path: Path) -> None:
    put(desk, AMINAS, by("bakari", 1))
    target = find(desk.engine, "@amina@m.example")
    put(desk, by("amina", 2), by("bridge", 9, bridged_from=AMINAS.ref.uri))
    assert forget(desk.engine, target, tmp_path, lambda: NOON).post_count == 3
    assert stored(desk) == ["https://m.example/@bakari/1"]


def test_one_post_is_forgotten_without_its_author(desk: Desk, take_out: Callable[[str], Done]) -> None:
    put(desk, AMINAS, by("amina", 2))
    take_out(AMINAS.url)
    assert put(desk, AMINAS, by("amina", 2)) == Tally(same=1)
    assert stored(desk) == ["https://m.example/@amina/2"]


def test_a_bridged_copy_goes_with_its_original(desk: Desk, take_out: Callable[[str], Done]) -> None:
    copy = by("bridge", 9, bridged_from=AMINAS.ref.uri)
    put(desk, AMINAS, copy)
    take_out("@amina@m.example")
    assert stored(desk) == []
    assert put(desk, copy) == Tally()


def test_raw_copies_of_posts_that_quote_it_go_too(desk: Desk, take_out: Callable[[str], Done]) -> None:
    put(desk, AMINAS, by("bakari", 1, quote=AMINAS.ref))
    done = take_out(AMINAS.url)
    assert done.raw_count == 2
    assert stored(desk) == ["https://m.example/@bakari/1"]


PREVIEW = Card(AMINAS.url, "Amina", "secret words of amina", PICTURE)


@pytest.mark.parametrize("is_before", [True, False], ids=["it was stored before", "it comes afterwards"])
@pytest.mark.parametrize("words", ["@amina@m.example", AMINAS.url])
def test_a_link_card_that_previews_it_goes_and_so_does_the_raw_copy(
    desk: Desk, take_out: Callable[[str], Done], words: str, *, is_before: bool
) -> None:
    linking = by("bakari", 1, text="Read this #shareASM", card=PREVIEW)
    elsewhere = by("bakari", 2, card=Card("https://iied.example/", "A guide"))
    put(desk, AMINAS, elsewhere, *([linking] if is_before else []))
    take_out(words)
    assert put(desk, linking, elsewhere) == (Tally(same=2) if is_before else Tally(new=1, same=1))
    with reading(desk.engine) as connection:
        found = {item.post.url: item.post.card for item in collected.of_campaign(connection, desk.campaign.slug)}
        kept = [zlib.decompress(body) for body in connection.scalars(sa.select(raws_table.c.body))]
    assert found == {linking.url: None, elsewhere.url: elsewhere.card}
    assert not any(b"Read this" in body for body in kept)


def test_to_forget_who_said_much_keeps_nobody_waiting_for_the_store(
    desk: Desk, take_out: Callable[[str], Done]
) -> None:
    put(desk, *(by("amina", number) for number in range(60)), *(by("bakari", number) for number in range(60)))
    statements: list[str] = []
    sa.event.listen(desk.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert take_out("@amina@m.example").post_count == 60
    begins = max(place for place, text in enumerate(statements) if text == "BEGIN IMMEDIATE")
    held = [text for text in statements[begins:] if text.startswith(("SELECT", "DELETE", "UPDATE"))]
    assert len(held) < 20
    assert not any(" LIKE " in text and " posts" in text for text in held)


def test_items_that_could_not_be_read_go_too_where_they_name_it(desk: Desk, take_out: Callable[[str], Done]) -> None:
    odd = [Skipped("odd", raw, ref=None) for raw in (b'{"acct": "amina@m.example"}', b'{"acct": "bakari@m.example"}')]
    put(desk, AMINAS)
    with transaction(desk.engine) as connection:
        sources.add_skips(connection, desk.campaign.slug, source().id, odd, NOON)
    assert take_out("@amina@m.example").raw_count == 2
    with reading(desk.engine) as connection:
        assert connection.scalars(sa.select(skips_table.c.raw)).all() == [odd[1].raw]


@pytest.mark.parametrize("words", ["@amina@m.example", "amina.m.example.ap.brid.gy"])
def test_an_account_goes_with_its_twin_beyond_the_bridge_whichever_was_named(
    desk: Desk, take_out: Callable[[str], Done], words: str
) -> None:
    copy = twin(AMINAS.url)
    put(desk, AMINAS, by("amina", 2), by("bakari", 1))
    sky = Source("bluesky:sky.example", SourceKind.SEARCH, "https://sky.example")
    collect.store(desk, sky, Page(posts=(replace(seen(), post=copy, local_id="1"),)), "shareasm")
    assert take_out(words).post_count == 3
    assert stored(desk) == ["https://m.example/@bakari/1"]
    later = replace(seen(), post=twin("https://m.example/@amina/99", key="3later"), local_id="2")
    assert collect.store(desk, sky, Page(posts=(later,)), "shareasm") == Tally()
    assert put(desk, by("amina", 99)) == Tally()


def twin(original: str, key: str = "3kabc") -> Post:
    """What the bridge makes on Bluesky of a post of Amina's."""
    handle = "amina.m.example.ap.brid.gy"
    author = Account(Network.BLUESKY, "did:plc:bridged", handle, "Amina", "https://bsky.app/profile/did:plc:bridged")
    ref = PostRef(Network.BLUESKY, f"at://did:plc:bridged/app.bsky.feed.post/{key}")
    return post(
        ref=ref, url=f"https://bsky.app/profile/did:plc:bridged/post/{key}", author=author, bridged_from=original
    )


def test_its_pictures_leave_the_disk(desk: Desk, tmp_path: Path, take_out: Callable[[str], Done]) -> None:
    put(desk, AMINAS)
    file = tmp_path / "media" / "aa-1.webp"
    file.parent.mkdir()
    file.write_bytes(b"x")
    with transaction(desk.engine) as connection:
        pictures.put(connection, PICTURE, KeptPicture((PictureFile("media/aa-1.webp", 1, 1),)), NOON)
    done = take_out(AMINAS.url)
    assert done.picture_count == 1
    assert not file.exists()


def test_no_picture_drawn_of_its_pictures_is_left(desk: Desk, tmp_path: Path, take_out: Callable[[str], Done]) -> None:
    put(desk, AMINAS)
    photo = keep(a_picture(size=(1200, 700)), tmp_path)
    assert isinstance(photo, KeptPicture)
    with transaction(desk.engine) as connection:
        pictures.put(connection, PICTURE, photo, NOON)
    poster = Poster("A day", "3 February", (), "IIED", "#8a4b08", "#ffffff", tmp_path / photo.largest.path)
    assert (tmp_path / draw(poster, tmp_path).path).is_file()
    take_out(AMINAS.url)
    assert not list((tmp_path / "media").iterdir())


def test_pictures_that_cannot_be_removed_stop_it_before_anything_is_forgotten(
    desk: Desk, tmp_path: Path, take_out: Callable[[str], Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(desk, AMINAS)
    with transaction(desk.engine) as connection:
        pictures.put(connection, PICTURE, KeptPicture((PictureFile("aa-1.webp", 1, 1),)), NOON)
    (tmp_path / "aa-1.webp").write_bytes(b"x")

    def refuse(_: Path, **_options: bool) -> None:
        raise PermissionError(13, "no")

    with monkeypatch.context() as patched, pytest.raises(StorageError, match="nothing was taken out"):
        patched.setattr(Path, "unlink", refuse)
        take_out(AMINAS.url)
    assert take_out(AMINAS.url).picture_count == 1


def test_an_account_that_was_never_seen_is_refused_from_then_on(desk: Desk, take_out: Callable[[str], Done]) -> None:
    take_out("@amina@m.example")
    assert put(desk, AMINAS) == Tally()


def test_an_address_that_names_nothing_is_refused_with_what_to_give(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="handle"):
        find(desk.engine, "https://m.example/nothing")
