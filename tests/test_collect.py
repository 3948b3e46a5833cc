"""Collecting reads every source from its checkpoint, survives each one's failures, and asks again about what it has."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from clocks import FixedClock
from factories import NOON, campaign, minutes, post, schedule, seen, slot, source
from shareasm import collect, publish
from shareasm.collect import Desk, Tally
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.domain.changes import AuthorChange, Gone, Seen
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Network, PostRef, Visibility
from shareasm.domain.queue import tid
from shareasm.errors import NetworkError, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import CheckpointTooOld, Page, Rest
from shareasm.showing import judge
from shareasm.storage import collected, posts, sources, watches
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
    return Desk(engine, campaign(), FixedClock(NOON), chance=lambda: 0.0)


def shown(desk: Desk) -> list[str]:
    with transaction(desk.engine) as connection:
        return [
            item.post.text for item in collected.of_campaign(connection, desk.campaign.slug) if not item.gone_reason
        ]


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


@pytest.mark.parametrize("look", ["read", "sweep"])
def test_a_tag_that_a_server_refuses_costs_no_other_tag(desk: Desk, network: MemoryNetwork, look: str) -> None:
    desk = replace(desk, campaign=campaign(hashtags=("other", "shareASM")))
    network.say("#shareASM", at=NOON)
    refusal = Rejected("has no such thing (404)", server=SERVER)
    well = getattr(network, f"{look}_tag")

    def refuse(tag: str, *given: object) -> object:
        if tag == "other":
            raise refusal
        return well(tag, *given)

    setattr(network, f"{look}_tag", refuse)
    outcome = (
        collect.read(desk, source(), network)
        if look == "read"
        else collect.sweep(desk, source(), network, NOON - minutes(60))
    )
    assert outcome == collect.Outcome(Tally(new=1), refusal)
    assert state(desk).failed_at == NOON


def test_a_server_that_is_out_of_reach_is_not_asked_for_the_other_tags_too(desk: Desk, network: MemoryNetwork) -> None:
    desk = replace(desk, campaign=campaign(hashtags=("other", "shareASM")))
    network.say("#shareASM", at=NOON)
    network.fail_next("read", DOWN)
    assert collect.read(desk, source(), network).tally == Tally()
    assert network.calls == ["read"]


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
    asked = collect.verify(desk, {source().id: network}, before=desk.clock.now())
    assert asked.tally == Tally(same=1, changed=1, gone=2)
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


# ---- many posts, few answers -------------------------------------------------------------------------------------------


class Checker:
    """Answers about what is `there`, and raises what it was given first, one error a call."""

    def __init__(self, there: Iterable[Seen] = (), *errors: NetworkError | None, always: NetworkError | None = None):
        self.there = {item.post.ref: item for item in there}
        self.errors, self.always = list(errors), always
        self.asked: list[PostRef] = []
        self.calls = 0

    def check(self, refs: Sequence[tuple[PostRef, str]]) -> dict[PostRef, Seen | Gone]:
        self.calls += 1
        if error := self.always or (self.errors.pop(0) if self.errors else None):
            raise error
        self.asked += [ref for ref, _ in refs]
        return {ref: self.there.get(ref) or Gone(ref, "deleted") for ref, _ in refs}


def many(count: int, host: str = "memory.example") -> list[Seen]:
    return [
        seen(f"{number} #shareASM", uri=f"https://{host}/users/amina/statuses/{number}", local_id=str(number))
        for number in range(count)
    ]


def put(desk: Desk, by: Source, items: Sequence[Seen], **page: Any) -> None:
    collect.store(desk, by, Page(posts=tuple(items), **page), "shareasm")


def waiting(desk: Desk) -> Callable[[datetime], bool]:
    def wait_until(instant: datetime) -> bool:
        cast("FixedClock", desk.clock).set(max(instant, desk.clock.now()))
        return True

    return wait_until


def test_gone_posts_do_not_keep_the_others_from_being_confirmed(desk: Desk) -> None:
    gone, live = many(250), many(300)[250:]
    put(desk, source(), gone)
    with transaction(desk.engine) as connection:
        posts.mark_gone(connection, [Gone(item.post.ref, "deleted") for item in gone], NOON)
    cast("FixedClock", desk.clock).advance(minutes=1)
    put(desk, source(), live)
    cast("FixedClock", desk.clock).advance(minutes=1)
    checker = Checker(live[10:])
    asked = collect.confirm(desk, {source().id: checker}, waiting(desk))
    assert (asked.tally.gone, len(shown(desk)), len(checker.asked)) == (10, 40, 300)
    assert set(checker.asked[:50]) == {item.post.ref for item in live}


def test_the_last_check_finds_again_what_was_hidden_for_a_while(desk: Desk) -> None:
    items = many(2)
    other = items[1]
    put(desk, source(), items)
    cast("FixedClock", desk.clock).advance(minutes=1)
    assert collect.verify(desk, {source().id: Checker()}, desk.clock.now()).tally.gone == 2
    put(desk, source(), items)  # a list that still has it is no proof: it may lag
    assert shown(desk) == []
    cast("FixedClock", desk.clock).advance(minutes=1)
    collect.confirm(desk, {source().id: Checker([other])}, waiting(desk))
    assert shown(desk) == [other.post.text]


def test_a_silent_server_does_not_keep_the_others_from_being_confirmed(desk: Desk) -> None:
    dead, well = source("dead.example"), source()
    desk = replace(desk, campaign=campaign(sources=(dead, well)))
    put(desk, dead, many(250, "dead.example"))
    put(desk, well, many(30))
    cast("FixedClock", desk.clock).advance(minutes=1)
    silent = Checker(always=DOWN)
    asked = collect.confirm(desk, {dead.id: silent, well.id: Checker()}, waiting(desk))
    assert (asked.tally.gone, len(shown(desk))) == (30, 250)
    assert asked.silent == {dead.id: DOWN}
    assert silent.calls < 10


def test_over_the_day_a_silent_server_does_not_keep_the_others_from_being_asked(desk: Desk) -> None:
    dead, well = source("dead.example"), source()
    desk = replace(desk, campaign=campaign(sources=(dead, well)))
    put(desk, dead, many(450, "dead.example"))
    put(desk, well, many(30))
    checkers = {dead.id: Checker(always=DOWN), well.id: Checker()}
    for _ in range(4):
        cast("FixedClock", desk.clock).advance(minutes=1)
        collect.verify(desk, checkers, desk.clock.now())
    assert len(checkers[well.id].asked) == 30
    assert len(shown(desk)) == 450


def test_a_post_that_nobody_answers_about_is_not_asked_about_at_every_tick(desk: Desk) -> None:
    class Shrug(Checker):
        def check(self, refs: Sequence[tuple[PostRef, str]]) -> dict[PostRef, Seen | Gone]:
            super().check(refs)
            return {}

    put(desk, source(), many(1))
    shrug = Shrug()
    for _ in range(7):
        cast("FixedClock", desk.clock).advance(minutes=1)
        collect.verify(desk, {source().id: shrug}, desk.clock.now())
    assert shrug.calls == 2


def test_the_last_check_waits_for_a_rate_limit_and_goes_on(desk: Desk) -> None:
    items = many(250)
    put(desk, source(), items)
    now = cast("FixedClock", desk.clock).advance(minutes=1)
    limited = RateLimited("slow down", server=SERVER, until=now + minutes(4))
    checker = Checker(items[:100], None, limited)
    asked = collect.confirm(desk, {source().id: checker}, waiting(desk))
    assert (asked.tally.gone, asked.silent, len(shown(desk))) == (150, {}, 100)
    assert desk.clock.now() == now + minutes(4)


def test_the_last_check_does_not_wait_for_ever(desk: Desk) -> None:
    put(desk, source(), many(3))
    now = cast("FixedClock", desk.clock).advance(minutes=1)
    limited = RateLimited("slow down", server=SERVER, until=now + minutes(4))
    asked = collect.confirm(desk, {source().id: Checker(always=limited)}, lambda _: False)
    assert asked.silent == {source().id: limited}
    assert collect.count_unconfirmed(desk, now) == 3


def test_the_last_check_asks_a_server_again_that_was_out_of_reach_once(desk: Desk) -> None:
    put(desk, source(), many(3))
    cast("FixedClock", desk.clock).advance(minutes=1)
    assert collect.confirm(desk, {source().id: Checker((), DOWN)}, waiting(desk)).tally.gone == 3


def test_the_last_check_ends_when_the_worker_stops(desk: Desk) -> None:
    put(desk, source(), many(3))
    cast("FixedClock", desk.clock).advance(minutes=1)
    checker = Checker()
    collect.confirm(desk, {source().id: checker}, waiting(desk), lambda: True)
    assert checker.calls == 0


def test_a_check_that_is_refused_stops_no_reading(desk: Desk, network: MemoryNetwork) -> None:
    network.say("first #shareASM", at=NOON)
    collect.read(desk, source(), network)
    refused = Checker(always=Unauthorized("shown only to people who are signed in", server=SERVER))
    for _ in range(3):
        cast("FixedClock", desk.clock).advance(minutes=1)
        collect.verify(desk, {source().id: refused}, desk.clock.now())
    assert refused.calls == 1  # it rests
    network.say("second #shareASM", at=NOON)
    assert collect.read(desk, source(), network).tally == Tally(new=1)
    assert state(desk).failed_at is None
    cast("FixedClock", desk.clock).advance(minutes=15)
    refused.always = None
    collect.verify(desk, {source().id: refused}, desk.clock.now())
    with transaction(desk.engine) as connection:
        assert not sources.check_states(connection, desk.campaign.slug)[source().id].failed_at


def test_the_last_look_is_made_at_a_source_that_rests(desk: Desk, network: MemoryNetwork) -> None:
    collect.note_failure(desk, source(), DOWN)
    network.say("#shareASM", at=NOON)
    assert collect.read(desk, source(), network).was_resting
    assert collect.sweep(desk, source(), network, NOON).was_resting
    assert collect.read(desk, source(), network, is_last=True).tally == Tally(new=1)
    collect.note_failure(desk, source(), DOWN)
    assert collect.sweep(desk, source(), network, NOON, is_last=True).tally == Tally(same=1)


def test_on_bluesky_the_open_appview_is_asked_first_and_the_others_where_it_does_not_answer(desk: Desk) -> None:
    search, sky = source("pds.example", SourceKind.SEARCH), source("jetstream.example", SourceKind.JETSTREAM)
    desk = replace(desk, campaign=campaign(sources=(search, sky)))
    item = seen(network=Network.BLUESKY)
    put(desk, search, [item])
    refused, open_one = Checker(always=Unauthorized("password refused", server=SERVER)), Checker([item])
    cast("FixedClock", desk.clock).advance(minutes=1)
    assert collect.verify(desk, {search.id: refused, sky.id: open_one}, desk.clock.now()).tally == Tally(same=1)
    assert refused.calls == 0
    cast("FixedClock", desk.clock).advance(minutes=10)
    signed_in = Checker([item])
    checkers = {search.id: signed_in, sky.id: Checker(always=DOWN)}
    assert collect.verify(desk, checkers, desk.clock.now()).tally == Tally(same=1)


@pytest.mark.parametrize("is_missed", [False, True], ids=["the search lags", "the stream missed an edit"])
def test_a_search_that_shows_other_words_than_the_stream_told_is_settled_by_a_check(
    desk: Desk, *, is_missed: bool
) -> None:
    search, sky = source("pds.example", SourceKind.SEARCH), source("jetstream.example", SourceKind.JETSTREAM)
    desk = replace(desk, campaign=campaign(sources=(search, sky)))
    first = seen(network=Network.BLUESKY, version="bafyold")
    without = seen("Safer mines", network=Network.BLUESKY, version="bafynew", revision="3kb", is_complete=False)
    last = seen("Even safer mines #shareASM", network=Network.BLUESKY, version="bafylast")
    put(desk, search, [first])
    put(desk, sky, [without])
    assert shown(desk) == []  # the tag is edited away
    put(desk, search, [last if is_missed else first])
    assert [judged.verdict.reason for judged in judge(desk.engine, desk.campaign)] == [Reason.INCOMPLETE]
    cast("FixedClock", desk.clock).advance(minutes=1)
    now_there = last if is_missed else replace(without, is_complete=True, post=replace(without.post, revision=None))
    checker = Checker([now_there])
    collect.verify(desk, {sky.id: checker}, desk.clock.now() - minutes(60))
    assert shown(desk) == ([last.post.text] if is_missed else [])


def test_a_tag_that_an_edit_took_away_stays_away_although_servers_write_the_words_each_in_its_own_way(
    desk: Desk,
) -> None:
    one, other = source("one.example"), source("other.example")
    desk = replace(desk, campaign=campaign(sources=(one, other)))
    first = seen("#shareASM", uri="https://unwatched.example/1")
    edited_at = NOON + minutes(1)
    last = seen("Safer mines", uri="https://unwatched.example/1", edited_at=edited_at)
    in_other_words = seen("Safer  mines", uri="https://unwatched.example/1", edited_at=edited_at)
    put(desk, other, [first])
    cast("FixedClock", desk.clock).advance(minutes=1)
    put(desk, one, [last])
    put(desk, other, [first])  # the edit has not reached it yet
    cast("FixedClock", desk.clock).advance(minutes=10)
    collect.verify(desk, {one.id: Checker([last]), other.id: Checker([in_other_words])}, desk.clock.now())
    assert shown(desk) == []


def test_of_what_several_servers_answer_the_newest_version_counts(desk: Desk) -> None:
    one, other = source("one.example"), source("other.example")
    desk = replace(desk, campaign=campaign(sources=(one, other)))
    first = seen("#shareASM", uri="https://unwatched.example/1")
    last = seen("Safer mines", uri="https://unwatched.example/1", edited_at=NOON + minutes(1))
    put(desk, one, [first])
    put(desk, other, [first])
    cast("FixedClock", desk.clock).advance(minutes=10)
    collect.verify(desk, {one.id: Checker([first]), other.id: Checker([last])}, desk.clock.now())
    assert shown(desk) == []


def test_a_server_that_lags_alone_brings_no_tag_back_that_an_edit_took_away(desk: Desk) -> None:
    one, other = source("one.example"), source("other.example")
    desk = replace(desk, campaign=campaign(sources=(one, other)))
    first = seen("#shareASM", uri="https://unwatched.example/1")
    last = seen("Safer mines", uri="https://unwatched.example/1", edited_at=NOON + minutes(1))
    put(desk, other, [first])
    put(desk, one, [last])
    put(desk, other, [first])
    cast("FixedClock", desk.clock).advance(minutes=10)
    collect.verify(desk, {one.id: Checker(always=DOWN), other.id: Checker([first])}, desk.clock.now())
    assert shown(desk) == []


@pytest.mark.parametrize("knowing", [0, 1])
def test_what_an_author_asks_for_holds_when_one_of_several_servers_knows_of_it(desk: Desk, knowing: int) -> None:
    watched = [source("one.example"), source("other.example")]
    desk = replace(desk, campaign=campaign(sources=tuple(watched)))
    ignorant = seen("#shareASM", uri="https://unwatched.example/1", edited_at=NOON + minutes(1))
    unwilling = seen("#shareASM", uri="https://unwatched.example/1")
    author = replace(unwilling.post.author, bio_tags=frozenset({"nobot"}))
    unwilling = replace(unwilling, post=replace(unwilling.post, author=author))
    answers = [unwilling, ignorant] if knowing == 0 else [ignorant, unwilling]
    for by in watched:
        put(desk, by, [ignorant])
    cast("FixedClock", desk.clock).advance(minutes=10)
    checkers = {by.id: Checker([answer]) for by, answer in zip(watched, answers, strict=True)}
    collect.confirm(desk, checkers, waiting(desk))
    assert [one.verdict.reason for one in judge(desk.engine, desk.campaign)] == [Reason.OPTED_OUT]
    cast("FixedClock", desk.clock).advance(minutes=10)
    collect.confirm(desk, {by.id: Checker([ignorant]) for by in watched}, waiting(desk))
    assert [one.verdict.show for one in judge(desk.engine, desk.campaign)] == [True]  # it was taken back


def test_a_post_that_its_server_shows_under_another_id_is_found_again(desk: Desk) -> None:
    put(desk, source(), [seen(local_id="1")])

    class Renamed(Checker):
        def check(self, refs: Sequence[tuple[PostRef, str]]) -> dict[PostRef, Seen | Gone]:
            return {ref: seen(local_id="2") if name == "2" else Gone(ref, "deleted") for ref, name in refs}

    for expected in ([], [seen().post.text]):
        cast("FixedClock", desk.clock).advance(minutes=10)
        collect.confirm(desk, {source().id: Renamed()}, waiting(desk))
        assert shown(desk) == expected
        put(desk, source(), [seen(local_id="2")])


@pytest.mark.parametrize("minutes_ago", [1, 6])
def test_an_edit_that_the_stream_has_just_told_is_not_undone_by_an_index_that_lags(
    desk: Desk, minutes_ago: int
) -> None:
    search, sky = source("pds.example", SourceKind.SEARCH), source("jetstream.example", SourceKind.JETSTREAM)
    desk = replace(desk, campaign=campaign(sources=(search, sky)))
    before = seen(network=Network.BLUESKY, version="bafyold")
    put(desk, search, [before])
    cast("FixedClock", desk.clock).advance(minutes=20)
    edited_at = desk.clock.now() - minutes(minutes_ago)
    revision = tid(round(edited_at.timestamp() * 1e6), 0)
    put(
        desk,
        sky,
        [seen("Safer mines", network=Network.BLUESKY, version="bafynew", revision=revision, is_complete=False)],
    )
    put(desk, search, [before])
    collect.confirm(desk, {sky.id: Checker([before])}, lambda instant: False)
    is_lag = minutes_ago == 1
    assert [one.verdict.show for one in judge(desk.engine, desk.campaign)] == ([False] if is_lag else [True])


def test_an_author_whose_return_was_missed_is_shown_when_a_check_shows_them(desk: Desk) -> None:
    sky = source("jetstream.example", SourceKind.JETSTREAM)
    desk = replace(desk, campaign=campaign(sources=(sky,)))
    item = seen(network=Network.BLUESKY)
    put(desk, sky, [item], authors=(AuthorChange(item.post.author.ref, False, "account deactivated"),))

    def is_active() -> bool:
        with transaction(desk.engine) as connection:
            return all(stored.is_author_active for stored in collected.of_campaign(connection, desk.campaign.slug))

    collect.confirm(desk, {sky.id: Checker([item])}, waiting(desk))
    assert not is_active()  # asked no later than the event came
    cast("FixedClock", desk.clock).advance(minutes=1)
    collect.confirm(desk, {sky.id: Checker([item])}, waiting(desk))
    assert is_active()


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
        [stored] = collected.of_campaign(connection, desk.campaign.slug)
    assert stored.post.author.name == "Amina"
    assert stored.checked_at
    assert isinstance(stored.post.ref, PostRef)


@pytest.mark.parametrize("is_known", [False, True], ids=["not yet", "as it was before its edit"])
def test_what_the_stream_has_just_told_stands_although_the_index_lags(desk: Desk, *, is_known: bool) -> None:
    sky = source("jetstream.example", SourceKind.JETSTREAM)
    desk = replace(desk, campaign=campaign(sources=(sky,)))
    before = seen("Safer mines", network=Network.BLUESKY, version="bafyold")
    put(desk, sky, [seen("#shareASM", network=Network.BLUESKY, version="bafynew", revision="3kb", is_complete=False)])
    lagging = MemoryNetwork(Network.BLUESKY, posts={before.post.ref: before.post} if is_known else {})
    assert collect.verify(desk, {sky.id: lagging}, desk.clock.now()).tally == Tally()
    cast("FixedClock", desk.clock).advance(minutes=5)
    believed = collect.verify(desk, {sky.id: lagging}, desk.clock.now()).tally
    assert believed == (Tally(changed=1) if is_known else Tally(gone=1))


# ---- our own posts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(desk: Desk, network: MemoryNetwork) -> Desk:
    """A desk whose campaign has sent a thread; only its first part carries the tag."""
    thread = slot("welcome", "Good morning #shareASM", "And one more thing")
    publish.bring_in_line(desk.engine, desk.campaign, schedule(thread))
    press = publish.Press(desk.engine, desk.campaign, Path(), {"ours": network}, desk.clock, "one")
    publish.publish_due(press, "ours", lambda result: None, lambda: False)
    network.posts = {ref: replace(one, created_at=NOON) for ref, one in network.posts.items()}
    return desk


def test_a_part_of_our_thread_without_the_tag_belongs_to_the_day(sent: Desk, network: MemoryNetwork) -> None:
    collect.read(sent, source(), network)
    assert shown(sent) == ["Good morning #shareASM"]
    collect.verify(sent, {source().id: network}, sent.clock.now())
    assert shown(sent) == ["Good morning #shareASM", "And one more thing"]


def test_our_part_stays_in_the_day_when_its_words_change(sent: Desk, network: MemoryNetwork) -> None:
    collect.confirm(sent, {source().id: network}, waiting(sent))
    ref = next(ref for ref, one in network.posts.items() if "tag" not in one.text and "#" not in one.text)
    network.posts[ref] = replace(network.posts[ref], text="Other words", edited_at=NOON + minutes(1))
    cast("FixedClock", sent.clock).advance(minutes=2)
    collect.confirm(sent, {source().id: network}, waiting(sent))
    assert shown(sent) == ["Good morning #shareASM", "Other words"]


@pytest.mark.parametrize(("visibility", "is_kept"), [(Visibility.UNLISTED, True), (Visibility.PRIVATE, False)])
def test_a_part_of_ours_that_is_unlisted_is_kept(
    sent: Desk, network: MemoryNetwork, visibility: Visibility, *, is_kept: bool
) -> None:
    network.posts = {ref: replace(one, visibility=visibility) for ref, one in network.posts.items()}
    for _ in range(2):
        collect.confirm(sent, {source().id: network}, waiting(sent))
        assert len(shown(sent)) == (2 if is_kept else 0)
    network.say("Not ours #shareASM", at=NOON)
    network.posts = {ref: replace(one, visibility=visibility) for ref, one in network.posts.items()}
    collect.read(sent, source(), network)
    assert len(shown(sent)) == (2 if is_kept else 0)


def test_a_part_of_ours_that_a_person_deleted_is_not_asked_for_for_ever(sent: Desk, network: MemoryNetwork) -> None:
    network.posts.clear()
    collect.verify(sent, {source().id: network}, sent.clock.now())
    assert network.calls.count("check") == 1
    cast("FixedClock", sent.clock).advance(minutes=61)
    collect.verify(sent, {source().id: network}, sent.clock.now())
    assert network.calls.count("check") == 1
    assert shown(sent) == []


def test_every_entry_of_a_feed_that_is_taken_whole_belongs_to_the_day(desk: Desk, network: MemoryNetwork) -> None:
    feed = replace(source("blog.example", SourceKind.FEED), takes_all=True)
    collect.store(
        desk, feed, Page(posts=(seen("No tag at all"), seen("Yesterday", uri="u2", at=NOON - timedelta(1)))), "x"
    )
    assert shown(desk) == ["No tag at all"]


def test_a_stream_without_memory_says_nothing_of_how_well_its_source_was_watched(desk: Desk) -> None:
    collect.note_failure(desk, source(), DOWN)
    order: list[str] = []
    collect.follow(
        desk,
        source(),
        Stream(Page(), Page(), Page(posts=(seen(),))),  # type: ignore[arg-type]
        lambda tally: order.append(f"{tally.new} new"),
        lambda: order.append("caught up"),
    )
    assert order == ["caught up", "0 new", "1 new"]  # an open line is no sign of life yet, the next second is
    assert state(desk).failed_at == NOON
    with transaction(desk.engine) as connection:
        assert [gap.source for gap in watches.gaps(connection, desk.campaign, NOON)] == [source().id]


@pytest.mark.parametrize("is_deleted_everywhere", [True, False])
def test_a_deletion_by_a_servers_own_id_is_believed_until_a_check_says_otherwise(
    desk: Desk, is_deleted_everywhere: bool
) -> None:
    here, there = source("here.example"), source("there.example")
    desk = replace(desk, campaign=campaign(sources=(here, there)))
    item, other = seen("kept #shareASM"), seen("other #shareASM", uri="https://memory.example/2")
    pages: list[tuple[Source, Page]] = [(here, Page(posts=(item,))), (there, Page(posts=(other,)))]
    for by, page in pages:
        collect.follow(desk, by, Stream(page), silent)  # type: ignore[arg-type]
    collect.follow(desk, here, Stream(Page(deleted_ids=("1", "never heard of"))), silent)  # type: ignore[arg-type]
    assert shown(desk) == ["other #shareASM"]
    collect.follow(desk, there, Stream(Page(posts=(replace(item, local_id="7"),))), silent)  # type: ignore[arg-type]
    assert shown(desk) == ["other #shareASM"]  # a list may lag
    desk.clock.advance(minutes=1)  # type: ignore[attr-defined]
    left = [] if is_deleted_everywhere else [item.post]
    network = MemoryNetwork(posts={one.ref: one for one in [*left, other.post]})
    collect.confirm(desk, {here.id: MemoryNetwork(), there.id: network}, waiting(desk))
    assert shown(desk) == sorted(["other #shareASM", *(one.text for one in left)])


def test_while_nobody_can_be_asked_no_post_loses_its_turn(desk: Desk, network: MemoryNetwork) -> None:
    network.say("#shareASM", at=NOON)
    collect.read(desk, source(), network)
    desk.clock.advance(minutes=5)  # type: ignore[attr-defined]
    until = desk.clock.now() + minutes(2)
    network.fail_next("check", RateLimited("slow down", server=SERVER, until=until))
    collect.verify(desk, {source().id: network}, before=desk.clock.now())
    network.say("another #shareASM", at=NOON)
    collect.read(desk, source(), network)
    desk.clock.advance(minutes=1)  # type: ignore[attr-defined]
    assert collect.verify(desk, {source().id: network}, before=desk.clock.now()).tally == Tally()
    desk.clock.advance(minutes=1)  # type: ignore[attr-defined]
    assert collect.verify(desk, {source().id: network}, before=desk.clock.now()).tally == Tally(same=1)


class PacedNetwork(MemoryNetwork):
    """A network whose server would like to be asked less often."""

    said: Rest | None = None

    def rest(self) -> Rest | None:
        return self.said

    def posts_a_minute(self) -> float:
        return 60.0


def test_a_source_that_is_well_is_left_in_peace_as_long_as_its_server_would_like(desk: Desk) -> None:
    network = PacedNetwork(page_size=2)
    network.said = Rest(NOON + minutes(3), "asked less often")
    collect.read(desk, source(), network)
    assert (state(desk).next_read_at, state(desk).note, state(desk).failed_at) == (*network.said, None)
    assert collect.read(desk, source(), network).was_resting
    assert not collect.sweep(desk, source(), network, NOON - minutes(60)).was_resting, "late arrivals are found in time"
    assert not collect.read(desk, source(), network, is_last=True).was_resting
    desk.clock.advance(minutes=3)  # type: ignore[attr-defined]
    network.said = None
    assert not collect.read(desk, source(), network).was_resting
    assert (state(desk).next_read_at, state(desk).note) == (None, None)


def test_how_long_asking_about_everything_takes_follows_from_what_servers_allow(desk: Desk) -> None:
    network = PacedNetwork(page_size=40)
    for number in range(120):
        network.say(f"{number} #shareASM", at=NOON)
    collect.read(desk, source(), network)
    assert collect.time_to_confirm(desk, {source().id: network}) == minutes(2)
    freely = collect.time_to_confirm(desk, {source().id: MemoryNetwork()})
    assert timedelta() < freely < timedelta(seconds=2)
    assert collect.time_to_confirm(desk, {}) == timedelta()
