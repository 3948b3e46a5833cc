"""Whose conversation is read next: ours first, then those that grew most, and none that did not."""

from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, campaign, seen, source
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


def test_answers_that_came_in_this_way_are_counted_and_not_followed(desk: Desk) -> None:
    answer = seen("Two dollars.", uri="https://memory.example/answer", counts=Counts(replies=5))
    with transaction(desk.engine) as connection:
        by = sighting_by(source())
        store_posts(connection, desk.campaign, by, [answer], NOON, {answer.post.ref: "reply"})
        assert conversations.count_without_tag(connection, desk.campaign.slug) == 1
    assert due(desk) == []
