"""The recap keeps what pictures it can get, asks again at the next one, and says what nobody confirmed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from PIL import Image

from clocks import FixedClock
from factories import CLOSES, NOON, OPENS, campaign, minutes, schedule, seen, source
from shareasm import collect
from shareasm.collect import Desk
from shareasm.domain.changes import Seen
from shareasm.domain.pictures import Refusal
from shareasm.domain.posts import Account, Card, Media, MediaKind, Network, PostRef
from shareasm.domain.queue import Receipt, State
from shareasm.domain.schedules import Picture
from shareasm.domain.stories import StoryPlan
from shareasm.domain.watches import NARROW
from shareasm.forget import find, forget
from shareasm.forms import Copy, Form, write_again, write_forms
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Page
from shareasm.publish import bring_in_line
from shareasm.recap import FETCHED_AT_ONCE, MOST_SILENCES, Materials, facts_so_far, make_recap
from shareasm.render import Written, write_recap
from shareasm.storage import sources
from shareasm.storage.engine import open_engine, reading, transaction
from shareasm.storage.schema import upgrade
from shareasm.storage.tables import entries
from shareasm.storage.tables import pictures as pictures_table

BROKEN = Refusal("the server answers 503")
SILENT = Refusal("no answer in time (30 s)", is_silence=True)


@pytest.fixture
def materials(tmp_path: Path) -> Materials:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return Materials(
        engine=engine,
        campaign=campaign(),
        schedule=schedule(),
        story=None,
        campaign_folder=tmp_path,
        files=tmp_path / "pictures",
        fetch=picture_of,
        now=lambda: CLOSES + minutes(5),
    )


def picture_of(url: str) -> bytes:
    """Return a picture that no other address has."""
    data = BytesIO()
    Image.new("RGB", (8, 8), (hash(url) % 256, len(url) % 256, 7)).save(data, "PNG")
    return data.getvalue()


def with_pictures(*urls: str) -> list[Seen]:
    return [
        seen(
            f"{number} #shareASM",
            uri=f"https://memory.example/users/amina/statuses/{number}",
            media=(Media(MediaKind.IMAGE, url, "A mine"),),
        )
        for number, url in enumerate(urls)
    ]


def put(materials: Materials, items: Sequence[Seen], at: datetime = CLOSES) -> None:
    desk = Desk(materials.engine, materials.campaign, FixedClock(at))
    collect.store(desk, source(), Page(posts=tuple(items)), "shareasm")


def made(materials: Materials, fetch: Callable[[str], bytes | Refusal] = picture_of) -> str:
    folder = materials.campaign_folder / "recap"
    make_recap(replace(materials, fetch=fetch), folder)
    return (folder / "index.html").read_text()


def test_making_it_tells_how_far_it_is(materials: Materials) -> None:
    put(materials, with_pictures("https://a.example/1.png", "https://a.example/2.png"))
    told: list[str] = []
    make_recap(materials, materials.campaign_folder / "recap", told.append)
    assert told == ["0 of 2 pictures fetched", "1 of 2 pictures fetched", "the pages are being made"]


def test_a_picture_that_could_not_be_had_is_asked_for_again_at_the_next_recap(materials: Materials) -> None:
    put(materials, with_pictures("https://a.example/1.png", "https://a.example/2.png"))
    asked: list[str] = []

    def one_breaks(url: str) -> bytes | Refusal:
        asked.append(url)
        return BROKEN if url.endswith("2.png") else picture_of(url)

    assert "1 picture could not be kept" in made(materials, one_breaks)
    asked.clear()

    def all_well(url: str) -> bytes:
        asked.append(url)
        return picture_of(url)

    assert "could not be kept" not in made(materials, all_well)
    assert asked == ["https://a.example/2.png"]


def test_a_host_that_is_silent_is_left_alone_for_the_rest_of_a_recap(materials: Materials) -> None:
    put(
        materials, with_pictures(*(f"https://dead.example/{number}.png" for number in range(30)), "https://a.example/1")
    )
    asked: list[str] = []

    def dead(url: str) -> bytes | Refusal:
        asked.append(url)
        return SILENT if "dead" in url else picture_of(url)

    assert "30 pictures could not be kept" in made(materials, dead)
    assert "https://a.example/1" in asked
    assert len(asked) <= MOST_SILENCES + FETCHED_AT_ONCE


def test_a_few_pictures_are_fetched_at_a_time_and_the_pages_are_the_same(materials: Materials) -> None:
    put(materials, with_pictures(*(f"https://a.example/{number}.png" for number in range(2 * FETCHED_AT_ONCE))))
    together = threading.Barrier(FETCHED_AT_ONCE, timeout=20)

    def in_company(url: str) -> bytes:
        together.wait()
        return picture_of(url)

    page = made(materials, in_company)
    assert page == made(materials)


@pytest.mark.parametrize(
    ("now", "confirmed_at", "is_shown"),
    [
        (CLOSES + minutes(600), CLOSES, True),
        (CLOSES + minutes(1), CLOSES - minutes(59), True),
        (CLOSES + minutes(1), CLOSES - minutes(61), False),
        (NOON, NOON - minutes(70), True),
    ],
    ids=["asked after the end", "asked within the last hour", "not asked within the last hour", "the day goes on"],
)
def test_what_nobody_confirmed_at_the_end_of_the_day_is_left_out(
    materials: Materials, now: datetime, confirmed_at: datetime, is_shown: bool
) -> None:
    put(materials, [seen()], at=confirmed_at)
    recap = make_recap(replace(materials, now=lambda: now), materials.campaign_folder / "recap")
    assert recap.shown_count == is_shown


@pytest.mark.parametrize("state", [State.PUBLISHED, State.WITHDRAWING, State.WITHDRAWN])
def test_what_we_took_back_is_not_shown_and_said_whatever_a_source_still_shows(
    materials: Materials, state: State
) -> None:
    put(materials, [seen()])
    bring_in_line(materials.engine, materials.campaign, materials.schedule)
    receipt = msgspec.json.encode(Receipt(seen().post.ref, "https://memory.example/1", "1")).decode()
    with transaction(materials.engine) as connection:
        connection.execute(entries.update(), {"state": state, "receipt": receipt})
    page, is_shown = made(materials), state is State.PUBLISHED
    assert ("1 of our posts was taken back afterwards." in page) is not is_shown
    assert ("Safer mines" in page) is is_shown
    assert "All were sent." in page


def test_what_we_take_back_while_pages_are_written_is_on_none(
    materials: Materials, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(materials, [seen()])
    bring_in_line(materials.engine, materials.campaign, materials.schedule)
    receipt = msgspec.json.encode(Receipt(seen().post.ref, "https://memory.example/1", "1")).decode()
    states = [State.PUBLISHED, State.WITHDRAWING]

    def next_state() -> None:  # in a process of its own
        if states:
            with transaction(materials.engine) as connection:
                connection.execute(entries.update(), {"state": states.pop(0), "receipt": receipt})

    def write(*args: object, **options: object) -> Written:
        next_state()
        return write_recap(*args, **options)  # type: ignore[arg-type]

    next_state()
    monkeypatch.setattr("shareasm.recap.write_recap", write)
    assert "Safer mines" not in made(materials)


def test_the_method_note_counts_what_nobody_confirmed_until_somebody_does(materials: Materials) -> None:
    put(materials, [seen()], at=OPENS)
    assert "<b>1 post</b> about which no server answered when we asked a last time" in made(materials)
    desk = Desk(materials.engine, materials.campaign, FixedClock(CLOSES))
    collect.verify(desk, {source().id: MemoryNetwork(posts={seen().post.ref: seen().post})}, CLOSES)
    assert "no server answered" not in made(materials)


@pytest.mark.parametrize("note", [None, "asked less often: 3 more until 12:00:00 UTC", f"{NARROW}: a closed timeline"])
def test_the_method_note_says_of_a_source_that_it_shows_us_little(materials: Materials, note: str | None) -> None:
    with transaction(materials.engine) as connection:
        sources.note_ok(connection, materials.campaign.slug, source().id, CLOSES, note=note)
    assert ("shows strangers only its newest posts" in made(materials)) is (note is not None and NARROW in note)


def test_the_page_so_far_shows_no_copy_of_a_post_that_is_withheld_though_others_came_between(
    materials: Materials,
) -> None:
    author = Account(Network.MASTODON, "https://m.example/users/b", "b@m.example", "B", "", is_noindex=True)
    withheld = seen(uri="https://m.example/users/b/statuses/1", author=author)
    copy = seen("Safer mines, bridged #shareASM", uri="https://bridge.example/1", bridged_from=withheld.post.ref.uri)
    others = [seen(f"{n} #shareASM", uri=f"https://memory.example/users/a/statuses/{n}") for n in range(9)]
    put(materials, [withheld, *others[:5], copy, *others[5:]])
    assert [shown.post.text for shown in facts_so_far(materials, 5).posts] == [f"{n} #shareASM" for n in (8, 7, 6, 5)]


@pytest.mark.parametrize("when", ["pictures are fetched", "pages are written", "forms are written"])
def test_who_is_forgotten_while_a_recap_is_made_is_on_no_page_and_leaves_no_picture(
    materials: Materials, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    others = seen("Others #shareASM", uri="https://b.example/9", url="https://b.example/@b/9")
    put(materials, [*with_pictures("https://a.example/1.png"), others])
    wishes = [seen(uri="https://memory.example/users/amina/statuses/0").post.ref.uri]

    def forget_once() -> None:
        while wishes:  # in a process of its own, which knows nothing of this recap
            forget(materials.engine, find(materials.engine, wishes.pop()), materials.files, lambda: CLOSES)

    def fetch(url: str) -> bytes:
        if when == "pictures are fetched":
            forget_once()
        return picture_of(url)

    def write(*args: object, **options: object) -> Written:
        if when == "pages are written":
            forget_once()
        return write_recap(*args, **options)  # type: ignore[arg-type]

    def write_forms_again(*args: object) -> tuple[Copy, ...]:
        copies = write_again(*args)  # type: ignore[arg-type]
        if when == "forms are written":  # of the pages as they were
            forget_once()
        return copies

    folder = materials.campaign_folder / "recap"
    if when == "forms are written":
        whole = make_recap(materials, folder).recap
        assert whole
        write_forms(whole, {Form.SINGLE: folder / "day.html"}, folder, materials.files)
    monkeypatch.setattr("shareasm.recap.write_recap", write)
    monkeypatch.setattr("shareasm.recap.write_again", write_forms_again)
    assert "Others" in made(materials, fetch)
    pages = folder.glob("*.*")
    assert not any("0 #shareASM" in page.read_text("utf-8") for page in pages)
    with reading(materials.engine) as connection:
        assert connection.execute(sa.select(pictures_table)).all() == []
    assert not list((materials.files / "media").glob("*"))


def test_pictures_that_could_not_be_had_are_counted_of_posts_that_are_shown(materials: Materials) -> None:
    photo = Media(MediaKind.IMAGE, "https://a.example/2.png", "A mine")
    others = seen("Others #shareASM", uri="https://b.example/9", url="https://b.example/@b/9", media=(photo,))
    put(materials, [*with_pictures("https://a.example/1.png"), others])
    wishes = [seen(uri="https://memory.example/users/amina/statuses/0").post.ref.uri]

    def fetch(_url: str) -> Refusal:
        while wishes:
            forget(materials.engine, find(materials.engine, wishes.pop()), materials.files, lambda: CLOSES)
        return BROKEN

    assert "1 picture could not be kept" in made(materials, fetch)


def test_the_link_card_of_a_post_that_is_not_shown_is_not_shown_either(materials: Materials) -> None:
    author = Account(Network.MASTODON, "https://m.example/users/b", "b@m.example", "B", "", is_noindex=True)
    ref = PostRef(Network.MASTODON, "https://m.example/users/b/statuses/1")
    withheld = seen("Not for search #shareASM", ref=ref, url="https://m.example/@b/1", author=author)
    card = Card("https://m.example/@b/1/", "B", "Not for search #shareASM", "https://m.example/b.png")
    put(materials, [withheld, seen("Look there #shareASM", card=card)])
    page = made(materials)
    assert "Look there" in page
    assert "Not for search" not in page
    assert not list((materials.campaign_folder / "recap" / "media").glob("*"))


def test_a_link_card_leaves_a_written_page_when_what_it_previews_turns_out_to_be_withheld(materials: Materials) -> None:
    author = Account(Network.MASTODON, "https://m.example/users/b", "b@m.example", "B", "", is_noindex=True)
    ref = PostRef(Network.MASTODON, "https://m.example/users/b/statuses/1")
    card = Card("https://m.example/@b/1/", "B", "My own words #shareASM", None)
    put(materials, [seen("Look there #shareASM", card=card)])
    made(materials)
    day = materials.campaign_folder / "recap" / "day-1.html"
    assert "My own words" in day.read_text("utf-8")
    put(materials, [seen("My own words #shareASM", ref=ref, url="https://m.example/@b/1", author=author)])
    made(materials)
    assert "Look there" in day.read_text("utf-8")
    assert "My own words" not in day.read_text("utf-8")


def test_a_cover_of_the_teams_own_lies_beside_the_page_and_one_that_is_no_picture_leads_nothing(
    materials: Materials,
) -> None:
    put(materials, with_pictures("https://files.example/1.png"))
    media = materials.campaign_folder / "media"
    media.mkdir()
    (media / "hills.png").write_bytes(picture_of("hills"))
    (media / "notes.png").write_text("no picture")
    for name, is_there in (("hills.png", True), ("notes.png", False)):
        story = StoryPlan(cover=Picture(name, {"": "Hills"}, "Ama", "CC0"))
        folder = materials.campaign_folder / name
        recap = make_recap(replace(materials, story=story), folder).recap
        assert recap
        assert (recap.cover is not None) is is_there
        assert all((folder / file.path).is_file() for file in (recap.cover.kept.files if recap.cover else ()))
