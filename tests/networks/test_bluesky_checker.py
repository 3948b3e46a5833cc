"""Looking posts up by address: what counts as gone, and what only looks like it."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from networks.bluesky_pds import DID, NOW, error
from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import Network, PostRef
from shareasm.errors import RateLimited, Unreachable
from shareasm.networks.bluesky.checker import BlueskyChecker
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.syntax import write_datetime

GOOD = json.loads((Path(__file__).parent.parent / "data/bluesky/images.json").read_text())


def view(key: str) -> dict[str, object]:
    record = {**GOOD["record"], "createdAt": write_datetime(NOW)}
    uri = f"at://{DID}/app.bsky.feed.post/{key}"
    return {**GOOD, "uri": uri, "record": record, "indexedAt": write_datetime(NOW)}


def server(answer: Callable[[httpx.Request], httpx.Response]) -> Server:
    return Server("https://appview.example", now=lambda: NOW, transport=httpx.MockTransport(answer))


def ref(key: str) -> PostRef:
    return PostRef(Network.BLUESKY, f"at://{DID}/app.bsky.feed.post/{key}")


def look_up(keys: list[str], answer: Callable[[list[str]], object]) -> dict[PostRef, Seen | Gone]:
    asked: list[int] = []

    def get_posts(request: httpx.Request) -> httpx.Response:
        uris = request.url.params.get_list("uris")
        asked.append(len(uris))
        return httpx.Response(200, json={"posts": answer(uris)})

    found = BlueskyChecker(server(get_posts)).check([(ref(key), key) for key in keys])
    assert all(count <= 25 for count in asked)
    return dict(found)


def test_posts_are_looked_up_25_at_a_time_and_the_missing_are_gone() -> None:
    keys = [f"k{i}" for i in range(60)]
    found = look_up(keys, lambda uris: [view(uri.rpartition("/")[2]) for uri in uris if not uri.endswith("7")])
    assert len(found) == 60
    assert found[ref("k17")] == Gone(ref("k17"), "deleted or hidden")
    assert isinstance(found[ref("k18")], Seen)


class AppView:
    """Shows the posts that it has, in getPosts while its index is up, and in feeds."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.is_index_up = True
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        method = request.url.path.rpartition(".")[2]
        self.asked.append(method)
        if method == "getAuthorFeed":
            return httpx.Response(200, json={"feed": [{"post": view(key)} for key in sorted(self.keys)]})
        keys = [uri.rpartition("/")[2] for uri in request.url.params.get_list("uris")]
        shown = [view(key) for key in keys if key in self.keys] if self.is_index_up else []
        return httpx.Response(200, json={"posts": shown})


def asks(*keys: str) -> list[tuple[PostRef, str]]:
    return [(ref(key), key) for key in keys]


@pytest.mark.parametrize("has_asked_before", [False, True])
@pytest.mark.parametrize("count", [1, 20, 60])
def test_an_index_that_shows_nothing_makes_nobody_gone(has_asked_before: bool, count: int) -> None:
    appview = AppView(*(f"k{i}" for i in range(60)))
    checker = BlueskyChecker(server(appview))
    everybody = asks(*(f"k{i}" for i in range(count)))
    if has_asked_before:
        checker.check(everybody)
    appview.is_index_up = False
    assert checker.check(everybody) == {}
    appview.is_index_up = True
    assert len(checker.check(everybody)) == count


@pytest.mark.parametrize("count", [1, 20])
def test_all_of_an_answer_are_gone_when_a_post_that_is_there_is_shown(count: int) -> None:
    appview = AppView("there")
    checker = BlueskyChecker(server(appview))
    gone = asks(*(f"k{i}" for i in range(count)))
    assert set(checker.check(gone).values()) == {Gone(at, "deleted or hidden") for at, _ in gone}
    assert appview.asked == ["getPosts", "getAuthorFeed", "getPosts"]
    checker.check(asks("there"))
    appview.asked.clear()
    assert len(checker.check(gone)) == count
    assert appview.asked == ["getPosts", "getPosts"], "the control is the post that was shown before"


def test_a_control_from_a_later_answer_counts_too() -> None:
    appview = AppView("k59")
    found = BlueskyChecker(server(appview)).check(asks(*(f"k{i}" for i in range(60))))
    assert len(found) == 60
    assert appview.asked == ["getPosts"] * 4


def test_a_control_that_is_gone_itself_is_replaced() -> None:
    appview = AppView("a", "b")
    checker = BlueskyChecker(server(appview))
    checker.check(asks("a"))
    appview.keys = {"b"}
    assert checker.check(asks("a")) == {}
    assert checker.check(asks("a")) == {ref("a"): Gone(ref("a"), "deleted or hidden")}


def test_the_only_post_of_an_author_who_is_there_is_gone_but_not_many_at_once() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        method = request.url.path.rpartition(".")[2]
        return httpx.Response(
            200, json={"getProfile": {"did": DID}, "getAuthorFeed": {"feed": []}}.get(method, {"posts": []})
        )

    assert BlueskyChecker(server(answer)).check(asks("a")) == {ref("a"): Gone(ref("a"), "deleted or hidden")}
    assert BlueskyChecker(server(answer)).check(asks("a", "b")) == {}


@pytest.mark.parametrize("feed", ["", "{}", '{"feed":[]}', '{"feed":[{"post":{"uri":"x"}}]}'])
def test_without_a_control_nothing_is_said(feed: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=feed if "getAuthorFeed" in request.url.path else '{"posts":[]}')

    assert BlueskyChecker(server(answer)).check(asks("a")) == {}


def test_a_post_that_cannot_be_read_is_not_called_gone() -> None:
    broken = {**view("b"), "record": None}
    assert look_up(["a", "b"], lambda _: [view("a"), broken]).keys() == {ref("a")}
    assert look_up(["a", "b", "c"], lambda _: [view("a"), 7]).keys() == {ref("a")}


def test_a_post_that_nobody_asked_for_is_not_taken() -> None:
    assert look_up(["a"], lambda _: [view("a"), view("z")]).keys() == {ref("a")}


def test_an_address_that_is_none_is_left_out_of_the_question() -> None:
    found = BlueskyChecker(server(lambda _: httpx.Response(500))).check([(PostRef(Network.BLUESKY, "x"), "x")])
    assert found == {}


@pytest.mark.parametrize("body", ["<html>", "{}", '{"posts":null}'])
def test_an_answer_that_is_none_makes_nobody_gone(body: str) -> None:
    checker = BlueskyChecker(server(lambda _: httpx.Response(200, text=body)))
    with pytest.raises(Unreachable):
        checker.check([(ref("a"), "a")])


def limited_after(answers: int) -> Callable[[httpx.Request], httpx.Response]:
    """Answer so many questions, and then no more."""
    left = iter(range(answers))

    def answer(request: httpx.Request) -> httpx.Response:
        if next(left, None) is None:
            return error(429, "RateLimitExceeded")
        keys = [uri.rpartition("/")[2] for uri in request.url.params.get_list("uris")]
        return httpx.Response(200, json={"posts": [view(key) for key in keys if key != "k3"]})

    return answer


def test_what_was_answered_before_a_server_had_enough_counts() -> None:
    found = BlueskyChecker(server(limited_after(1))).check(asks(*(f"k{i}" for i in range(60))))
    assert len(found) == 25
    assert found[ref("k3")] == Gone(ref("k3"), "deleted or hidden")


def test_a_server_that_had_enough_at_once_says_so() -> None:
    with pytest.raises(RateLimited):
        BlueskyChecker(server(limited_after(0))).check(asks("a"))
