"""Collecting reads every source from its checkpoint, survives each one's failures, and asks again about what it has."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import NOON, SourceKind, campaign, minutes, post, source
from shareasm import collect
from shareasm.collect import Desk, Tally
from shareasm.domain.posts import Network, PostRef, Visibility
from shareasm.errors import NetworkError, RateLimited, Unauthorized, Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import CheckpointTooOld, Page
from shareasm.storage import posts, sources
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade

SERVER = "https://memory.example"
DOWN = Unreachable("connection refused", server=SERVER)


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork(page_size=2)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return Desk(engine, campaign(), FixedClock(NOON))


def shown(desk: Desk) -> list[str]:
    with transaction(desk.engine) as connection:
        return [item.post.text for item in posts.of_campaign(connection, desk.campaign.slug) if not item.gone_reason]


def state(desk: Desk) -> sources.SourceState:
    with transaction(desk.engine) as connection:
        return sources.states(connection, desk.campaign.slug)[source().id]


def test_every_page_is_read_and_the_next_run_goes_on_behind_it(desk: Desk, network: MemoryNetwork) -> None:
    for number in range(5):
        network.say(f"{number} #shareASM", at=NOON + minutes(number))
    assert collect.read(desk, source(), network).tally == Tally(new=5)
    network.say("5 #shareASM", at=NOON + minutes(5))
    assert collect.read(desk, source(), network).tally == Tally(new=1)
    assert shown(desk) == [f"{number} #shareASM" for number in range(6)]


def test_what_arrives_below_the_cursor_is_found_by_a_sweep(desk: Desk, network: MemoryNetwork) -> None:
    collect.read(desk, source(), network)
    network.say("late #shareASM", at=NOON)
    with transaction(desk.engine) as connection:
        sources.set_checkpoint(connection, desk.campaign.slug, source().id, "shareasm", "99", NOON)
    assert collect.read(desk, source(), network).tally == Tally()
    assert collect.sweep(desk, source(), network, NOON - minutes(60)).tally == Tally(new=1)


def test_a_page_that_was_stored_stays_stored_when_the_next_one_fails(desk: Desk, network: MemoryNetwork) -> None:
    for number in range(4):
        network.say(f"{number} #shareASM", at=NOON)
    pages = network.read_tag

    def one_page_then_down(*given: object) -> object:
        yield next(pages(*given))  # type: ignore[arg-type]
        raise DOWN

    network.read_tag = one_page_then_down  # type: ignore[method-assign, assignment]
    outcome = collect.read(desk, source(), network)
    assert (outcome.tally, outcome.error) == (Tally(new=2), DOWN)
    network.read_tag = pages  # type: ignore[method-assign]
    desk.clock.advance(minutes=1)  # type: ignore[attr-defined]
    assert collect.read(desk, source(), network).tally == Tally(new=2)


@pytest.mark.parametrize(
    ("errors", "rests_for"),
    [
        ([DOWN], timedelta(seconds=30)),
        ([DOWN, DOWN, DOWN], timedelta(seconds=120)),
        ([DOWN] * 12, timedelta(minutes=15)),
        ([RateLimited("slow down", server=SERVER, until=NOON + minutes(7))], minutes(7)),
        ([Unauthorized("token revoked", server=SERVER)], minutes(15)),
    ],
    ids=["once", "three times", "for hours", "rate limited", "unauthorized"],
)
def test_a_source_that_fails_rests_as_long_as_its_failure_asks_for(
    desk: Desk, network: MemoryNetwork, errors: list[NetworkError], rests_for: timedelta
) -> None:
    for error in errors:
        collect.note_failure(desk, source(), error)
    assert (state(desk).next_read_at or NOON) - NOON == rests_for
    assert state(desk).failed_at == NOON
    network.say("#shareASM", at=NOON)
    assert collect.read(desk, source(), network).tally == Tally()
    assert network.calls == []
    desk.clock.advance(rests_for)  # type: ignore[attr-defined]
    assert collect.read(desk, source(), network).tally == Tally(new=1)
    assert (state(desk).failed_at, state(desk).note) == (None, None)


def test_a_failure_says_in_words_what_it_was(desk: Desk, network: MemoryNetwork) -> None:
    network.say("#shareASM", at=NOON)
    network.fail_next("read", DOWN)
    assert collect.read(desk, source(), network).error is DOWN
    assert state(desk).note == "https://memory.example: connection refused"


def test_asking_again_finds_edits_deletions_and_what_was_made_private(desk: Desk, network: MemoryNetwork) -> None:
    kept, edited, deleted, hidden = (
        network.say(f"{word} #shareASM", at=NOON) for word in ("kept", "was", "deleted", "hidden")
    )
    collect.read(desk, source(), network)
    network.posts[edited.ref] = replace(edited, text="edited #shareASM", edited_at=NOON + minutes(1))
    network.posts[hidden.ref] = replace(hidden, visibility=Visibility.PRIVATE)
    del network.posts[deleted.ref]
    desk.clock.advance(minutes=5)  # type: ignore[attr-defined]
    tally = collect.verify(desk, {source().id: network}, before=desk.clock.now())
    assert tally == Tally(same=1, changed=1, gone=2)
    assert sorted(shown(desk)) == ["edited #shareASM", "kept #shareASM"]
    assert kept.text in shown(desk)


def test_what_was_asked_about_is_not_asked_about_again_at_once(desk: Desk, network: MemoryNetwork) -> None:
    network.say("#shareASM", at=NOON)
    collect.read(desk, source(), network)
    desk.clock.advance(minutes=5)  # type: ignore[attr-defined]
    before = desk.clock.now()
    assert collect.count_unconfirmed(desk, before) == 1
    collect.verify(desk, {source().id: network}, before)
    assert collect.count_unconfirmed(desk, before) == 0
    collect.verify(desk, {source().id: network}, before)
    assert network.calls.count("check") == 1


def test_a_network_that_does_not_answer_leaves_its_posts_unconfirmed(desk: Desk, network: MemoryNetwork) -> None:
    network.say("#shareASM", at=NOON)
    collect.read(desk, source(), network)
    network.fail_next("check", DOWN)
    desk.clock.advance(minutes=5)  # type: ignore[attr-defined]
    collect.verify(desk, {source().id: network}, before=desk.clock.now())
    assert collect.count_unconfirmed(desk, desk.clock.now()) == 1
    assert shown(desk) == ["#shareASM"]


def test_the_posts_own_server_is_asked_rather_than_another(desk: Desk, network: MemoryNetwork) -> None:
    away = source("other.example")
    desk = replace(desk, campaign=campaign(sources=(source(), away)))
    original = network.say("#shareASM", at=NOON)
    copy = MemoryNetwork(posts=dict(network.posts))
    collect.read(desk, away, copy)
    collect.read(desk, source(), network)
    del network.posts[original.ref]
    desk.clock.advance(minutes=5)  # type: ignore[attr-defined]
    collect.verify(desk, {source().id: network, away.id: copy}, before=desk.clock.now())
    assert shown(desk) == []
    assert "check" not in copy.calls


def test_a_post_that_any_asked_server_still_shows_is_still_there(desk: Desk, network: MemoryNetwork) -> None:
    one, other = source("one.example"), source("other.example")
    desk = replace(desk, campaign=campaign(sources=(one, other)))
    original = network.say("#shareASM", at=NOON)
    copy = MemoryNetwork(posts=dict(network.posts))
    collect.read(desk, one, network)
    collect.read(desk, other, copy)
    del network.posts[original.ref]
    desk.clock.advance(minutes=5)  # type: ignore[attr-defined]
    collect.verify(desk, {one.id: network, other.id: copy}, before=desk.clock.now())
    assert shown(desk) == ["#shareASM"]


class Stream:
    """A stream that yields what it was given."""

    def __init__(self, *pages: Page, error: Exception | None = None) -> None:
        self.pages, self.error = pages, error
        self.began_at: str | None = None
        self.since: datetime | None = None

    def read(self, tags: object, checkpoint: str | None, since: datetime) -> object:
        self.began_at, self.since = checkpoint, since
        yield from self.pages
        if self.error:
            raise self.error

    def stop(self) -> None: ...


def silent(_: Tally) -> None: ...


def test_a_stream_goes_on_from_its_checkpoint_and_begins_anew_when_that_is_too_old(desk: Desk) -> None:
    sky = source("jetstream.example", SourceKind.JETSTREAM)
    collect.follow(desk, sky, Stream(Page(checkpoint="1"), Page(checkpoint="2")), silent)  # type: ignore[arg-type]
    second = Stream(error=CheckpointTooOld())
    with pytest.raises(CheckpointTooOld):
        collect.follow(desk, sky, second, silent)  # type: ignore[arg-type]
    assert second.began_at == "2"
    collect.forget_checkpoint(desk, sky)
    third = Stream()
    collect.follow(desk, sky, third, silent)  # type: ignore[arg-type]
    assert third.began_at is None
    assert third.since == desk.campaign.opens_at


def test_a_bare_record_of_the_stream_is_looked_up_by_any_checker_of_its_network(desk: Desk) -> None:
    from shareasm.domain.changes import Seen

    sky, search = source("jetstream.example", SourceKind.JETSTREAM), source("pds.example", SourceKind.SEARCH)
    desk = replace(desk, campaign=campaign(sources=(sky, search)))
    record = post(network=Network.BLUESKY)
    bare = Seen(replace(record, author=replace(record.author, handle="", name="")), b"{}", "3k", is_complete=False)
    told: list[Tally] = []
    collect.follow(desk, sky, Stream(Page(posts=(bare,))), told.append)  # type: ignore[arg-type]
    assert told == [Tally(new=1)]
    network = MemoryNetwork(Network.BLUESKY, posts={record.ref: record})
    collect.verify(desk, {search.id: network}, before=NOON)
    with transaction(desk.engine) as connection:
        [stored] = posts.of_campaign(connection, desk.campaign.slug)
    assert stored.post.author.name == "Amina"
    assert stored.checked_at
    assert isinstance(stored.post.ref, PostRef)
