"""What may be shown of the newest posts is what may be shown of all."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import NOON, campaign, minutes, post, seen, source
from shareasm.collect import Desk, store
from shareasm.domain.campaigns import Partner, Role
from shareasm.domain.moderation import Choice, Decision, Reason
from shareasm.domain.posts import Account, Network, Post, PostRef
from shareasm.networks.ports import Page
from shareasm.showing import judge
from shareasm.storage import decisions
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade

THE_PIT = Partner("pit", "The Pit", Role.MINERS, accounts=("@pit.example", "@pit@m.example"))
DID = "did:plc:pit"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    yield Desk(engine, campaign(partners=(THE_PIT,)), FixedClock(NOON))
    engine.dispose()


def on_mastodon(**of_author: object) -> Post:
    author = Account(Network.MASTODON, "https://m.example/users/pit", "pit@m.example", "The Pit", "")
    ref = PostRef(Network.MASTODON, "https://m.example/users/pit/statuses/1")
    author = replace(author, **of_author)  # type: ignore[arg-type]
    return post(ref=ref, url="https://m.example/@pit/1", author=author, created_at=NOON)


def on_bluesky(handle: str = "pit.example", bridged_from: str | None = None) -> Post:
    ref = PostRef(Network.BLUESKY, f"at://{DID}/app.bsky.feed.post/1")
    author = Account(Network.BLUESKY, DID, handle, "The Pit", "")
    return post(
        ref=ref, url="https://bsky.app/1", author=author, created_at=NOON + minutes(1), bridged_from=bridged_from
    )


def put(desk: Desk, *said: Post) -> None:
    for one in said:
        store(desk, source(), Page(posts=(replace(seen(), post=one, local_id=one.ref.uri),)), "shareasm")


def newest(desk: Desk) -> list[tuple[PostRef, Reason | None]]:
    judged = judge(desk.engine, desk.campaign, newest=1)
    return [(item.stored.post.ref, item.verdict.reason) for item in judged]


def test_the_copy_of_a_post_that_is_older_than_the_newest_is_withheld_with_it(desk: Desk) -> None:
    original = on_mastodon(is_noindex=True)
    copy = on_bluesky("pit.m.example.ap.brid.gy", bridged_from=original.url)
    put(desk, original, copy)
    assert newest(desk) == [(copy.ref, Reason.COPY)]


def test_what_was_hidden_on_one_network_is_hidden_on_the_other_however_long_ago(desk: Desk) -> None:
    put(desk, on_mastodon(), on_bluesky())
    assert newest(desk) == [(on_bluesky().ref, None)]
    with transaction(desk.engine) as connection:
        decisions.decide(connection, Decision(on_mastodon().ref, Choice.HIDE, "yves", NOON))
    assert newest(desk) == [(on_bluesky().ref, Reason.COPY)]


def test_the_newest_posts_bring_no_others_along(desk: Desk) -> None:
    copy = on_bluesky("pit.m.example.ap.brid.gy", bridged_from=on_mastodon().url)
    put(desk, on_mastodon(), copy)
    assert newest(desk) == [(copy.ref, None)]


def test_an_answer_stays_below_a_question_whose_id_changes_with_each_edit(desk: Desk) -> None:
    """snac's ids begin with the time of a file."""
    name = "0123456789abcdef" * 2
    question = seen(uri="https://snac.example/amina/p/1", local_id=f"1795306311{name}")
    answer = seen(uri="https://snac.example/amina/p/2", local_id=f"1795306400{name[::-1]}", is_reply=True)
    for item in (question, replace(answer, parent_local_id=f"1795306399{name}")):
        store(desk, source(), Page(posts=(item,)), "shareasm")
    assert [item.answers for item in judge(desk.engine, desk.campaign)] == [None, question.post.ref]
