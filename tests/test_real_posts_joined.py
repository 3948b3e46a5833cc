"""Real posts: no two are taken for one, and each is known again in the copy that a bridge makes of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from factories import campaign
from shareasm.domain.joins import join
from shareasm.domain.posts import Account, Network, Post, PostRef
from shareasm.networks.mastodon.translate import decode_page

pytestmark = pytest.mark.shared


def payloads(folder: Path, shape: str) -> Iterator[object]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text("utf-8").split("\n"):
            if line and json.loads(line)["shape"] == shape:
                yield json.loads(line)["payload"]


@pytest.fixture(scope="module")
def posts(shared: Path) -> list[Post]:
    statuses = json.dumps([*payloads(shared / "corpus/real/mastodon", "mastodon.status")]).encode()
    said = [item.post for item in decode_page(statuses, "https://collect.example").posts]
    return [*{post.ref: post for post in said}.values()]


def bridged(post: Post, handle: str, *, length: int = 300) -> Post:
    """The copy that Bridgy Fed makes on Bluesky: cut where it is too long, with a card that leads to the original."""
    cut = post.text if len(post.text) <= length else f"{post.text[: length - 4]} […]"
    author = Account(Network.BLUESKY, "did:plc:bridge", handle, post.author.name, "")
    ref = PostRef(Network.BLUESKY, f"at://did:plc:bridge/app.bsky.feed.post/{abs(hash(post.ref))}")
    return replace(post, ref=ref, author=author, text=cut, bridged_from=post.url)


def test_no_two_real_posts_are_taken_for_one(posts: list[Post]) -> None:
    assert len(posts) > 100
    assert join(campaign(), (), posts).leads == {}


def test_each_is_known_again_in_its_bridged_copy(posts: list[Post]) -> None:
    copies = [bridged(post, "somebody.server.example.ap.brid.gy") for post in posts]
    leads = join(campaign(), (), posts + copies).leads
    assert leads == {copy.ref: post.ref for copy, post in zip(copies, posts, strict=True)}


def test_under_a_domain_of_its_own_a_copy_is_known_by_its_words(posts: list[Post]) -> None:
    copies = {bridged(post, "somebody.example").ref: post for post in posts}
    leads = join(campaign(), (), [*posts, *(bridged(post, "somebody.example") for post in posts)]).leads
    missed = [post.text for ref, post in copies.items() if ref not in leads]
    assert all(leads[ref] == copies[ref].ref for ref in leads)
    assert len(missed) < len(posts) / 20, missed  # too few words to tell
