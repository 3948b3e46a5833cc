"""Whose conversation is read next: ours first, then those that grew most, and none that did not."""

from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, campaign, minutes, seen, source
from shareasm.collect import Desk, store
from shareasm.collect.storing import sighting_by, store_posts
from shareasm.domain.posts import Counts, Network, PostRef
from shareasm.networks.ports import Page
from shareasm.storage import conversations
from shareasm.storage.conversations import Due
from shareasm.storage.engine import transaction


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine, campaign(), FixedClock(NOON))


def put(desk: Desk, name: str, replies: int, quotes: int = 0, **changes: object) -> PostRef:
    uri = f"https://memory.example/{name}"
    item = seen(uri=uri, counts=Counts(replies=replies, quotes=quotes))
    store(desk, source(), Page(posts=(replace(item, **changes),)), "shareasm")  # type: ignore[arg-type]
    return PostRef(Network.MASTODON, uri)


def due(desk: Desk, *ours: PostRef, limit: int = 9) -> list[Due]:
    with transaction(desk.engine) as connection:
        return conversations.due(connection, desk.campaign.slug, ours, limit)


def names(found: list[Due]) -> list[str]:
    return [item.post.ref.uri.rpartition("/")[2] for item in found]


def test_ours_come_first_then_what_grew_most_and_nothing_that_nobody_answered(desk: Desk) -> None:
    put(desk, "quiet", 0)
    put(desk, "small", 1)
    put(desk, "large", 2, 3)
    ours = put(desk, "ours", 1)
    put(desk, "bare", 9, is_complete=False)  # the stream's word alone: nobody knows its author yet
    assert names(due(desk, ours)) == ["ours", "large", "small"]
    assert names(due(desk, ours, limit=2)) == ["ours", "large"]
    assert names(due(desk)) == ["large", "small", "ours"]


def test_what_was_read_comes_again_when_it_has_grown_since(desk: Desk) -> None:
    put(desk, "one", 2)
    [item] = due(desk)
    assert (item.answer_count, item.sightings[0].local_id) == (2, "1")
    with transaction(desk.engine) as connection:
        conversations.note_read(connection, desk.campaign.slug, item)
    assert due(desk) == []
    put(desk, "one", 1)
    assert due(desk) == []
    put(desk, "one", 2, 1)
    assert names(due(desk)) == ["one"]


def put_without_tag(desk: Desk, name: str, rule: str, replies: int) -> PostRef:
    answer = seen("Two dollars.", uri=f"https://memory.example/{name}", counts=Counts(replies=replies))
    with transaction(desk.engine) as connection:
        store_posts(connection, desk.campaign, sighting_by(source()), [answer], NOON, {answer.post.ref: rule})
    return answer.post.ref


def test_an_answer_is_followed_where_it_got_more_answers_than_came_with_it(desk: Desk) -> None:
    answer = put_without_tag(desk, "answer", "reply", 2)
    with transaction(desk.engine) as connection:
        assert conversations.count_without_tag(connection, desk.campaign.slug) == 1
        conversations.note_thread(connection, desk.campaign.slug, {answer: 2})
    assert due(desk) == []
    put_without_tag(desk, "answer", "reply", 3)
    [item] = due(desk)
    assert item.is_in_thread
    with transaction(desk.engine) as connection:
        conversations.note_thread(connection, desk.campaign.slug, {answer: 1})  # what is known does not shrink
        assert conversations.in_threads(connection, desk.campaign.slug, NOON, 9) == [item.id]
        assert conversations.in_threads(connection, desk.campaign.slug, NOON + minutes(1), 9) == []
    assert [found.answer_count for found in due(desk)] == [3]


def test_what_is_here_for_quoting_or_is_not_to_be_followed_is_not(desk: Desk) -> None:
    put_without_tag(desk, "quote", "quote", 5)
    put(desk, "elsewhere", 5)
    [item] = due(desk)
    with transaction(desk.engine) as connection:
        conversations.note_read(connection, desk.campaign.slug, item, is_followed=False)
    put(desk, "elsewhere", 6)
    assert due(desk) == []
    with transaction(desk.engine) as connection:  # until it is met in a conversation of the day
        conversations.note_thread(connection, desk.campaign.slug, {item.post.ref: 0})
    assert names(due(desk)) == ["elsewhere"]
