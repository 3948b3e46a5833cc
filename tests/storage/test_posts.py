"""Posts are stored once, whoever shows them and however often; their raw JSON is kept."""

import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, campaign, post, seen, source
from shareasm.collect import Desk, Tally, store
from shareasm.collect.storing import sighting_by, store_posts
from shareasm.domain.changes import AuthorChange, Gone, New, Sighting, Skipped
from shareasm.domain.posts import Media, MediaKind, Network, PostRef, Visibility, encode_post
from shareasm.networks.ports import Page
from shareasm.storage import collected, posts, sources, ties
from shareasm.storage.engine import reading, transaction
from shareasm.storage.tables import posts as posts_table
from shareasm.storage.tables import raws, sightings, skips

BLUESKY = {"network": Network.BLUESKY}


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine, campaign(), FixedClock(NOON))


def shown(desk: Desk) -> list[collected.StoredPost]:
    with transaction(desk.engine) as connection:
        return list(collected.of_campaign(connection, desk.campaign.slug))


def put(desk: Desk, *items: object, host: str = "memory.example", **page: object) -> Tally:
    return store(desk, source(host), Page(posts=items, **page), "shareasm")  # type: ignore[arg-type]


def test_a_new_post_is_stored_with_its_raw_json_and_its_sighting(desk: Desk) -> None:
    assert put(desk, seen()) == Tally(new=1)
    [stored] = shown(desk)
    assert stored.post == post()
    assert (stored.first_seen_at, stored.checked_at, stored.gone_reason) == (NOON, NOON, None)
    assert stored.sources == ("mastodon:memory.example",)
    with transaction(desk.engine) as connection:
        assert zlib.decompress(connection.execute(sa.select(raws.c.body)).scalar_one()) == encode_post(post())


def test_each_source_is_kept_with_server_question_and_time(desk: Desk) -> None:
    put(desk, seen())
    later = replace(desk, clock=FixedClock(NOON + timedelta(minutes=5)))
    put(later, seen(), host="other.example", query="search for #shareasm")
    [stored] = shown(desk)
    assert [at[3:] for at in stored.sightings] == [
        (NOON, "memory.example", "#shareasm"),
        (NOON + timedelta(minutes=5), "other.example", "search for #shareasm"),
    ]
    with transaction(desk.engine) as connection:  # only a new version is kept raw
        [raw] = connection.execute(sa.select(raws.c.server, raws.c.query, raws.c.fetched_at)).all()
    assert tuple(raw) == ("memory.example", "#shareasm", NOON)


def test_what_came_by_a_stream_or_a_check_says_so(desk: Desk) -> None:
    store(desk, source(), Page(posts=(seen(),)), "")
    with transaction(desk.engine) as connection:
        edited = seen(text="now otherwise #shareASM")
        store_posts(connection, desk.campaign, sighting_by(source(), is_check=True), [edited], NOON)
        assert list(connection.scalars(sa.select(raws.c.query))) == ["stream", "this post"]


def test_reading_the_same_page_again_writes_nothing(desk: Desk) -> None:
    put(desk, seen())
    assert put(desk, seen()) == Tally(same=1)
    with transaction(desk.engine) as connection:
        for table in (posts_table, raws, sightings):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 1


def test_a_post_that_another_worker_stored_in_the_same_moment_is_left_out(engine: Engine) -> None:
    theirs, ours = seen(), seen(uri="https://memory.example/users/amina/statuses/2")
    with transaction(engine) as connection:
        [number] = posts.insert(connection, [New(theirs)], Sighting("theirs", "m.example"), NOON).values()
        stored = posts.insert(connection, [New(theirs), New(ours)], Sighting("ours", "m.example"), NOON)
        assert connection.scalar(sa.select(sa.func.count()).select_from(raws)) == 2
    assert list(stored) == [ours.post.ref]
    assert stored[ours.post.ref] > number


def test_a_page_that_shows_a_post_twice_stores_it_once(desk: Desk) -> None:
    assert put(desk, seen(), seen()) == Tally(new=1)


def test_the_same_post_on_two_servers_is_one_post_with_two_sightings(desk: Desk) -> None:
    put(desk, seen())
    assert put(desk, seen(local_id="99"), host="other.example") == Tally(same=1)
    assert shown(desk)[0].sources == ("mastodon:memory.example", "mastodon:other.example")


def test_an_edit_replaces_the_words_and_keeps_the_old_raw_json(desk: Desk) -> None:
    put(desk, seen())
    assert put(desk, seen("Safest mines #shareASM", edited_at=NOON + timedelta(minutes=1))) == Tally(changed=1)
    assert shown(desk)[0].post.text == "Safest mines #shareASM"
    with transaction(desk.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(raws)).scalar_one() == 2


def test_an_edit_that_takes_the_tag_away_takes_the_post_out_of_the_campaign(desk: Desk) -> None:
    put(desk, seen())
    put(desk, seen("Never mind", edited_at=NOON + timedelta(minutes=1)))
    assert shown(desk) == []


def test_an_edit_that_brings_the_tag_back_brings_the_post_back(desk: Desk) -> None:
    put(desk, seen())
    put(desk, seen("Never mind", edited_at=NOON + timedelta(minutes=1)))
    put(desk, seen("Never mind #shareASM", edited_at=NOON + timedelta(minutes=2)))
    assert [item.post.text for item in shown(desk)] == ["Never mind #shareASM"]


@pytest.mark.parametrize(
    "stranger",
    [
        seen("no tag at all"),
        seen("#shareASMtoo is another tag"),
        seen(at=NOON - timedelta(days=2)),
        seen(at=NOON + timedelta(days=2)),
        seen(visibility=Visibility.PRIVATE),
        seen(visibility=Visibility.UNLISTED),
    ],
    ids=["untagged", "look-alike", "before the day", "after the day", "private", "unlisted"],
)
def test_what_does_not_belong_is_not_stored(desk: Desk, stranger: object) -> None:
    put(desk, stranger)
    with transaction(desk.engine) as connection:
        assert connection.execute(sa.select(posts_table)).all() == []


def test_a_post_that_is_not_public_is_counted_once_and_nothing_of_it_is_kept(desk: Desk) -> None:
    for _ in range(2):
        put(desk, seen(visibility=Visibility.PRIVATE))
    with transaction(desk.engine) as connection:
        [row] = connection.execute(sa.select(skips)).all()
    assert (row.ref, row.raw, row.reason) == (None, b"", "not public: counted, not stored")


def test_a_stored_post_that_is_made_private_is_gone(desk: Desk) -> None:
    put(desk, seen())
    assert put(desk, seen(visibility=Visibility.PRIVATE)) == Tally(gone=1)
    assert shown(desk)[0].gone_reason == "not public"


def test_a_deletion_hides_a_post_and_keeps_its_row(desk: Desk) -> None:
    put(desk, seen())
    assert put(desk, gone=(Gone(post().ref, "deleted"),)) == Tally(gone=1)
    assert shown(desk)[0].gone_reason == "deleted"


def test_a_deletion_of_a_post_that_we_never_had_is_no_news(desk: Desk) -> None:
    assert (
        put(desk, gone=(Gone(PostRef(Network.BLUESKY, "at://did:plc:x/app.bsky.feed.post/1"), "deleted"),)) == Tally()
    )


def test_what_a_stream_says_is_deleted_is_found_by_its_own_id_without_reading_all_sightings(desk: Desk) -> None:
    put(desk, seen())
    asked: list[tuple[str, tuple[object, ...]]] = []
    sa.event.listen(desk.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    assert put(desk, deleted_ids=(seen().local_id,)) == Tally(gone=1)
    if desk.engine.dialect.name == "sqlite":
        [(query, given)] = [(query, given) for query, given in asked if "sightings.local_id IN" in query]
        with reading(desk.engine) as connection:
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", given).all()
        assert not [step.detail for step in steps if "SCAN" in step.detail]


def test_a_deleted_post_that_a_slow_server_still_shows_stays_gone(desk: Desk) -> None:
    put(desk, seen())
    put(desk, gone=(Gone(post().ref, "deleted"),))
    put(desk, seen(local_id="99"), host="slow.example")
    assert shown(desk)[0].gone_reason == "deleted"


def test_a_record_made_again_under_its_key_after_a_deletion_is_there_again(desk: Desk) -> None:
    put(desk, seen(revision="3k1", **BLUESKY))
    put(desk, gone=(Gone(post(**BLUESKY).ref, "deleted", revision="3k2"),))
    put(desk, seen("Again #shareASM", revision="3k3", **BLUESKY))
    assert [(item.gone_reason, item.post.text) for item in shown(desk)] == [(None, "Again #shareASM")]


def test_a_deletion_that_arrives_after_the_record_was_made_again_is_old_news(desk: Desk) -> None:
    put(desk, seen(revision="3k3", **BLUESKY))
    put(desk, gone=(Gone(post(**BLUESKY).ref, "deleted", revision="3k2"),))
    assert shown(desk)[0].gone_reason is None


@pytest.mark.parametrize("batches", ["one batch", "delete first", "create first"])
def test_an_edit_that_deletes_and_creates_in_one_commit_is_shown(desk: Desk, batches: str) -> None:
    put(desk, seen("helo #shareASM", **BLUESKY))
    edited = replace(seen("hello #shareASM", revision="3k2", **BLUESKY), is_complete=False)
    deletion = Gone(edited.post.ref, "deleted", revision="3k2")
    match batches:
        case "one batch":
            put(desk, edited, gone=(deletion,))
        case "delete first":
            put(desk, gone=(deletion,))
            put(desk, edited)
        case "create first":
            put(desk, edited)
            put(desk, gone=(deletion,))
    assert [(item.gone_reason, item.post.text) for item in shown(desk)] == [(None, "hello #shareASM")]


def test_a_replayed_bare_record_keeps_the_pictures_and_brings_its_revision(desk: Desk) -> None:
    pictures = (Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", "A mine"),)
    put(desk, seen(media=pictures, version="cid1", **BLUESKY))
    bare = replace(seen(version="cid1", revision="3k2", **BLUESKY), is_complete=False)
    assert put(desk, bare) == Tally(same=1)
    assert shown(desk)[0].post.media == pictures
    put(desk, gone=(Gone(bare.post.ref, "deleted", revision="3k1"),))
    assert shown(desk)[0].gone_reason is None


def test_older_news_of_a_stream_does_not_overwrite_newer(desk: Desk) -> None:
    put(desk, seen("new #shareASM", revision="3k2", **BLUESKY))
    put(desk, seen("old #shareASM", revision="3k1", **BLUESKY))
    assert shown(desk)[0].post.text == "new #shareASM"


def test_a_bare_record_of_a_stream_waits_to_be_looked_up(desk: Desk) -> None:
    put(desk, seen(is_complete=False, **BLUESKY))
    assert shown(desk)[0].checked_at is None
    put(desk, seen(**BLUESKY))
    assert shown(desk)[0].checked_at == NOON


def test_a_bare_record_stays_bare_while_an_index_shows_the_words_from_before_an_edit(desk: Desk) -> None:
    put(desk, seen("new #shareASM", is_complete=False, revision="3k2", version="cid2", **BLUESKY))
    put(desk, seen("old #shareASM", version="cid1", **BLUESKY))
    assert (shown(desk)[0].post.text, shown(desk)[0].checked_at) == ("new #shareASM", None)
    put(desk, seen("new #shareASM", version="cid2", **BLUESKY))
    assert shown(desk)[0].checked_at == NOON


def test_a_bare_record_keeps_what_is_known_of_its_author(desk: Desk) -> None:
    put(desk, seen(revision="3k1", **BLUESKY))
    bare = post("edited #shareASM", revision="3k2", **BLUESKY)
    unknown = replace(bare, author=replace(bare.author, handle="", name=""))
    put(desk, replace(seen(is_complete=False), post=unknown))
    assert (shown(desk)[0].post.text, shown(desk)[0].post.author.name) == ("edited #shareASM", "Amina")


def test_two_servers_that_show_a_post_differently_do_not_replace_each_other(desk: Desk) -> None:
    put(desk, seen(languages=("de",)))
    put(desk, seen(languages=("en",)), host="other.example")
    put(desk, seen(languages=("de",)))
    assert shown(desk)[0].post.languages == ("de",)
    with transaction(desk.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(raws)).scalar_one() == 1


def test_the_posts_own_server_leads_over_the_one_that_saw_it_first(desk: Desk) -> None:
    put(desk, seen(languages=("en",)), host="other.example")
    put(desk, seen(languages=("de",)))
    put(desk, seen(languages=("en",)), host="other.example")
    assert shown(desk)[0].post.languages == ("de",)


def test_an_author_who_is_deactivated_is_marked_on_all_their_posts_and_may_return(desk: Desk) -> None:
    from factories import SourceKind

    sky = source("jetstream.example", SourceKind.JETSTREAM)
    store(desk, sky, Page(posts=(seen(**BLUESKY),)), "")
    for active in (False, True):
        change = (AuthorChange("did:plc:amina", active, "deactivated"), AuthorChange("did:plc:nobody", active, "x"))
        store(desk, sky, Page(authors=change), "")
        assert shown(desk)[0].is_author_active is active


def test_the_checkpoint_moves_with_the_posts_or_not_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    put(desk, seen(), checkpoint="1")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sources, "set_checkpoint", full)
    with pytest.raises(OSError, match="disk full"):
        put(desk, seen(uri="https://memory.example/users/amina/statuses/2"), checkpoint="2")
    with transaction(desk.engine) as connection:
        assert sources.checkpoint(connection, desk.campaign.slug, source().id, "shareasm") == "1"
    assert len(shown(desk)) == 1


def test_an_item_that_could_not_be_taken_is_set_aside_once_with_its_reason(desk: Desk) -> None:
    for _ in range(2):
        put(desk, seen(), skipped=(Skipped("year 9999 is no year", b'{"id": 1}', "1"),))
    with transaction(desk.engine) as connection:
        [item] = sources.newest_skips(connection, desk.campaign.slug, 10)
        states = sources.states(connection, desk.campaign.slug)
    assert (item.reason, item.ref) == ("year 9999 is no year", "1")
    assert states == {}
    assert len(shown(desk)) == 1


def test_arrival_numbers_rise_and_two_campaigns_share_one_store(desk: Desk, engine: Engine) -> None:
    put(desk, seen(), seen(uri="https://memory.example/users/amina/statuses/2"))
    numbers = [item.arrival for item in shown(desk)]
    assert numbers == sorted(set(numbers))
    other = Desk(engine, campaign(slug="other"), FixedClock(NOON))
    assert put(other, seen()) == Tally(same=1)
    assert len(shown(other)) == 1


def test_the_newest_posts_are_those_that_came_last_and_cost_no_sorting(desk: Desk) -> None:
    for number, hours in enumerate([1, 3, 2]):
        put(desk, seen(uri=f"https://memory.example/users/amina/statuses/{number}", at=NOON + timedelta(hours=hours)))
    asked: list[tuple[str, tuple[object, ...]]] = []
    sa.event.listen(desk.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    with reading(desk.engine) as connection:
        newest = list(collected.of_campaign(connection, desk.campaign.slug, newest_first=True, limit=2))
        assert [stored.post.ref.uri[-1] for stored in newest] == ["2", "1"]
        if connection.dialect.name == "sqlite":
            [(query, given)] = [(query, given) for query, given in asked if "DESC" in query]
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", given).all()
            assert not [step for step in steps if "TEMP B-TREE" in step.detail]


def test_what_ties_posts_together_is_looked_up_and_not_searched_for(engine: Engine) -> None:
    said: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        said.append(given[2:4])

    original = replace(seen().post, url="https://memory.example/@amina/1")
    copy = replace(
        original, ref=PostRef(Network.BLUESKY, "at://x/y/1"), url="https://bsky.app/1", bridged_from=original.url
    )
    endless = replace(original, ref=PostRef(Network.BLUESKY, "at://x/y/2"), url=f"https://a.example/{'a' * 3000}")
    news = [New(replace(seen(), post=one)) for one in (original, copy, endless)]
    with transaction(engine) as connection:
        posts.insert(connection, news, sighting_by(source()), NOON)
        assert {one.ref for one in ties.ties_to(connection, [original.url])} == {original.ref, copy.ref}
        assert [one.url for one in ties.ties_to(connection, [endless.ref.uri])] == [endless.ref.uri]
        if engine.dialect.name == "sqlite":
            sa.event.listen(connection, "before_cursor_execute", note)
            list(ties.ties_to(connection, [original.url]))
            plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", marks) for words, marks in said[:3]]
            assert not [row for plan in plans for row in plan if row[3].startswith("SCAN")]
