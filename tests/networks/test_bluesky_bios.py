"""A wish in a Bluesky bio is read with the posts that are asked about again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from factories import seen
from networks.bluesky_pds import NOW
from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import Network, PostRef
from shareasm.errors import NetworkError
from shareasm.networks.bluesky.bios import KNOWN_FOR, Bios, ConversationsWithBios, SearchWithBios, tags_of_bios
from shareasm.networks.bluesky.client import Server
from shareasm.networks.ports import Conversation, Page, Window

State = dict[PostRef, Seen | Gone]


def by(*names: str) -> State:
    states: State = {}
    for name in names:
        item = seen(network=Network.BLUESKY, uri=f"at://did:plc:{name}/app.bsky.feed.post/3k")
        author = replace(item.post.author, ref=f"did:plc:{name}", bio_tags=frozenset({"mining"}))
        states[item.post.ref] = replace(item, post=replace(item.post, author=author))
    return states


class AppView:
    def __init__(self, **bios: str) -> None:
        self.bios = bios
        self.asked: list[int] = []
        self.now = NOW

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith("app.bsky.actor.getProfiles")
        dids = request.url.params.get_list("actors")
        self.asked.append(len(dids))
        known = {f"did:plc:{name}": bio for name, bio in self.bios.items()}
        profiles = [{"did": did, "description": known[did]} for did in dids if did in known]
        return httpx.Response(200, json={"profiles": profiles})


def reader(answer: Callable[[httpx.Request], httpx.Response], now: Callable[[], object] = lambda: NOW) -> Bios:
    server = Server("https://appview.example", now=now, transport=httpx.MockTransport(answer))  # type: ignore[arg-type]
    return Bios(server)


def tags(states: State) -> dict[str, set[str]]:
    found = (state.post.author for state in states.values() if isinstance(state, Seen))
    return {author.ref.removeprefix("did:plc:"): set(author.bio_tags) for author in found}


def test_what_a_bio_asks_for_is_added_to_the_hashtags_of_the_name_and_nothing_else_of_it() -> None:
    found = reader(AppView(amina="#Miner. #NoBot please", bakari="")).complete(by("amina", "bakari"))
    assert tags(found) == {"amina": {"mining", "nobot"}, "bakari": {"mining"}}


def test_authors_are_asked_for_25_at_a_time_once_an_hour() -> None:
    names = [f"a{number}" for number in range(30)]
    appview = AppView(**dict.fromkeys(names, "#noindex"))
    bios = reader(appview, lambda: appview.now)
    assert all("noindex" in said for said in tags(bios.complete(by(*names))).values())
    bios.complete(by(*names))
    assert appview.asked == [25, 5]
    appview.bios, appview.now = dict.fromkeys(names, "gone"), NOW + KNOWN_FOR + timedelta(seconds=1)
    assert tags(bios.complete(by("a1"))) == {"a1": {"mining"}}


def test_a_post_is_left_out_where_nobody_knows_what_its_author_asks_for() -> None:
    assert tags(reader(AppView(amina="")).complete(by("amina", "bakari"))) == {"amina": {"mining"}}


def test_what_is_gone_needs_no_bio() -> None:
    appview = AppView()
    ref = PostRef(Network.BLUESKY, "at://did:plc:amina/app.bsky.feed.post/3k")
    assert reader(appview).complete({ref: Gone(ref, "deleted")}) == {ref: Gone(ref, "deleted")}
    assert appview.asked == []


@pytest.mark.parametrize("status", [404, 501])
def test_an_appview_that_has_no_profiles_tells_no_bios_and_the_posts_count(status: int) -> None:
    assert tags(reader(lambda _: httpx.Response(status, json={})).complete(by("amina"))) == {"amina": {"mining"}}


@pytest.mark.parametrize("answer", [httpx.Response(502), httpx.Response(200, content=b"<html>")])
def test_where_nobody_answers_the_posts_were_not_asked_about(answer: httpx.Response) -> None:
    with pytest.raises(NetworkError):
        reader(lambda _: answer).complete(by("amina"))


@pytest.mark.parametrize("answer", [None, [], {"profiles": "?"}, {"profiles": [None, {"did": 7, "description": 7}]}])
def test_no_answer_breaks_the_reading(answer: object) -> None:
    assert set(tags_of_bios(answer)) <= {""}


class Lists:
    """A search and a thread that hold the same posts."""

    def __init__(self, *names: str) -> None:
        self.posts = tuple(state for state in by(*names).values() if isinstance(state, Seen))

    def read_tag(self, *_: object) -> Iterator[Page]:
        yield Page(posts=self.posts, checkpoint="7")

    def sweep_tag(self, *_: object) -> Iterator[Page]:
        yield Page(posts=self.posts)

    def read_conversation(self, *_: object) -> Conversation:
        return Conversation(answers=self.posts, quotes=self.posts)


def everywhere(lists: Lists, bios: Bios) -> list[Seen]:
    """What search, sweep and conversation give."""
    search, day = SearchWithBios(lists, bios), Window(NOW, NOW)
    [read], [swept] = search.read_tag("x", day, None), search.sweep_tag("x", day)
    said = ConversationsWithBios(lists, bios).read_conversation(lists.posts[0].post, "")
    assert read.checkpoint == "7"
    return [*read.posts, *swept.posts, *said.answers, *said.quotes]


def test_what_search_and_conversations_find_is_whole_with_what_its_author_asks_for() -> None:
    appview = AppView(amina="#nobot")
    found = everywhere(Lists("amina"), reader(appview))
    assert [(one.is_complete, "nobot" in one.post.author.bio_tags) for one in found] == [(True, True)] * 4
    assert appview.asked == [1]


@pytest.mark.parametrize("answer", [AppView(), lambda _: httpx.Response(502)], ids=["it is left out", "out of order"])
def test_what_they_find_is_no_whole_post_where_nobody_knows_what_its_author_asks_for(
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    lists = Lists("amina")
    assert everywhere(lists, reader(answer)) == [replace(lists.posts[0], is_complete=False)] * 4
