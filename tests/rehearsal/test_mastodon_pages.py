"""Paging of every flavour, for any feed: what a cursor reaches and what it loses (platform facts 1.2)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clocks import FixedClock
from shareasm.rehearsal.mastodon import Flavour, MastodonServer, federate
from shareasm.rehearsal.mastodon.instance import Bounds, Instance, TagQuery

FLAVOURS = [Flavour.MASTODON, Flavour.GOTOSOCIAL, Flavour.SNAC, Flavour.TAKAHE]


def _page(instance: Instance, **bounds: Any) -> list[str]:
    asked = Bounds(**bounds)
    return [status.id for status in instance.tag_timeline(TagQuery("shareasm"), None, asked)]


def _feed(flavour: Flavour, gaps_s: list[int]) -> tuple[Instance, list[str]]:
    """Return an instance with one status after each gap, and their ids in the order of posting."""
    clock = FixedClock()
    server = MastodonServer(clock, flavour=flavour, seed=7)
    amina = server.account("amina", visibility="public")
    ids = []
    for gap_s in gaps_s:
        clock.advance(seconds=gap_s)
        ids.append(str(server.say(amina, "#shareASM")["id"]))
    server.stop()
    return server.instance, ids


@pytest.mark.parametrize("flavour", FLAVOURS)
@settings(max_examples=25, deadline=None)
@given(gaps_s=st.lists(st.integers(1, 90), min_size=1, max_size=60), limit=st.integers(1, 45))
def test_walking_either_way_reaches_everything_once(flavour: Flavour, gaps_s: list[int], limit: int) -> None:
    instance, ids = _feed(flavour, gaps_s)
    down, cursor = _page(instance, limit=limit), ""
    while page := _page(instance, limit=limit, max_id=down[-1]):
        down += page
    assert down == ids[::-1]
    up = [ids[0]]
    while page := _page(instance, limit=limit, min_id=up[-1]):
        up += page[::-1]
        assert page[0] != cursor
        cursor = page[0]
    assert up == ids


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 60), limit=st.integers(1, 40))
def test_since_id_skips_the_middle(count: int, limit: int) -> None:
    instance, ids = _feed(Flavour.MASTODON, [1] * count)
    assert _page(instance, since_id=ids[0], limit=limit) == ids[1:][::-1][:limit]


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 12), is_shuffled=st.booleans())
def test_what_is_fetched_late_is_only_found_by_looking_back(count: int, is_shuffled: bool) -> None:
    clock = FixedClock()
    home, away = MastodonServer(clock, seed=1), MastodonServer(clock, seed=2)
    link = federate(home, away, is_backdated=True, is_shuffled=is_shuffled)
    amina, bakari = home.account("amina"), away.account("bakari")
    link.hold()
    for _ in range(count):
        clock.advance(seconds=1)
        home.say(amina, "#shareASM early")
    clock.advance(seconds=1)
    cursor = str(away.say(bakari, "#shareASM")["id"])
    assert _page(away.instance) == [cursor]
    link.release()
    found = [away.find(status) or {} for status in home.statuses()]
    assert _page(away.instance, min_id=cursor) == []
    assert _page(away.instance, max_id=cursor) == [status["id"] for status in found[::-1]]
    home.stop()
    away.stop()
