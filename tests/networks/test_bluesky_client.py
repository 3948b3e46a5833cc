"""Searching, and what every kind of answer means."""

import inspect
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from networks.bluesky_pds import NOW, error
from shareasm.domain.robots import Notices
from shareasm.errors import (
    NetworkError,
    Occupied,
    RateLimited,
    Rejected,
    Stale,
    StayAway,
    Unauthorized,
    Unreachable,
)
from shareasm.networks.bluesky import client
from shareasm.networks.bluesky.answers import asked_to_wait_until, failure
from shareasm.networks.bluesky.client import BlueskySearch, Server
from shareasm.networks.bluesky.syntax import read_datetime, write_datetime
from shareasm.networks.ports import Page, Window

GOOD = json.loads((Path(__file__).parent.parent / "data/bluesky/images.json").read_text())
URL = "https://appview.example"
DAY = Window(NOW - timedelta(hours=3), NOW + timedelta(hours=20))
DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"


def view(key: str, at: datetime = NOW) -> dict[str, object]:
    record = {**GOOD["record"], "createdAt": write_datetime(at)}
    uri = f"at://{DID}/app.bsky.feed.post/{key}"
    return {**GOOD, "uri": uri, "record": record, "indexedAt": write_datetime(at)}


def server(answer: Callable[[httpx.Request], httpx.Response]) -> Server:
    """A server that has no search by hashtag."""

    def by_words_alone(request: httpx.Request) -> httpx.Response:
        return error(501, "MethodNotImplemented") if request.url.path.endswith("V2") else answer(request)

    return Server(URL, now=lambda: NOW, transport=httpx.MockTransport(by_words_alone))


def modern(answer: Callable[[httpx.Request], httpx.Response]) -> Server:
    """A server that answers every search."""
    return Server(URL, now=lambda: NOW, transport=httpx.MockTransport(answer))


def posts(pages: Iterator[Page]) -> list[str]:
    return [seen.local_id for page in pages for seen in page.posts]


class Index:
    """A search index that answers searchPosts: newest first, cursor an offset, deeper paging refused."""

    def __init__(self, times: dict[str, datetime], *, deepest: int = 10_000, page: int = 100) -> None:
        self.times = times
        self.deepest = deepest
        self.page = page
        self.queries: list[httpx.QueryParams] = []
        self.methods: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        self.methods.append(request.url.path.rpartition(".")[2])
        self.queries.append(asked)
        since, until = read_datetime(asked["since"]), read_datetime(asked["until"])
        assert since is not None
        assert until is not None
        found = sorted((at, key) for key, at in self.times.items() if since <= at < until)[::-1]
        start = int(asked.get("cursor", "0"))
        if start > self.deepest:
            return error(400, "InvalidRequest", "offset too deep")
        body: dict[str, object] = {"posts": [view(key, at) for at, key in found[start : start + self.page]]}
        if start + self.page < len(found):
            body["cursor"] = str(start + self.page)
        return httpx.Response(200, json=body)


# ---- search ----------------------------------------------------------------------------------------------------------


def test_a_tag_is_searched_in_both_spellings_newest_first_within_fixed_times() -> None:
    index = Index({"a": NOW})
    assert posts(BlueskySearch(server(index)).read_tag("shareASM", DAY, None)) == ["a"]
    assert [asked["q"] for asked in index.queries] == ["#shareASM", "#shareasm"]
    assert {asked["sort"] for asked in index.queries} == {"latest"}
    assert {asked["since"] for asked in index.queries} == {write_datetime(DAY.opens_at)} != {None}


def test_the_next_read_begins_half_an_hour_before_the_last_one_ended() -> None:
    index = Index({})
    search = BlueskySearch(server(index))
    checkpoint = list(search.read_tag("x", DAY, None))[-1].checkpoint
    list(search.read_tag("x", DAY, checkpoint))
    assert index.queries[-1]["since"] == write_datetime(NOW - timedelta(minutes=30))


def test_only_the_last_page_moves_the_checkpoint_so_that_a_broken_read_leaves_no_gap() -> None:
    pages = list(BlueskySearch(server(Index({str(i): NOW for i in range(250)}))).read_tag("x", DAY, None))
    assert [page.checkpoint is not None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert "cursor" not in str(pages[-1].checkpoint)


def test_nothing_outside_of_the_window_is_asked_for() -> None:
    index = Index({})
    past = Window(NOW - timedelta(days=2), NOW - timedelta(days=1))
    list(BlueskySearch(server(index)).read_tag("x", past, None))
    assert index.queries[0]["until"] == write_datetime(past.closes_at)
    future = Window(NOW + timedelta(days=1), NOW + timedelta(days=2))
    index.queries.clear()
    assert posts(BlueskySearch(server(index)).read_tag("x", future, None)) == []
    assert index.queries == []


@pytest.mark.parametrize("checkpoint", ["", "no json", "{}", '{"until":"soon"}'])
def test_a_checkpoint_that_cannot_be_read_means_from_the_start(checkpoint: str) -> None:
    index = Index({})
    list(BlueskySearch(server(index)).read_tag("x", DAY, checkpoint))
    assert index.queries[0]["since"] == write_datetime(DAY.opens_at)


def test_a_sweep_reads_the_whole_window_and_also_finds_a_tag_without_facet() -> None:
    index = Index({})
    list(BlueskySearch(server(index)).sweep_tag("shareASM", DAY))
    assert [asked["q"] for asked in index.queries] == ["#shareASM", "#shareasm", "shareasm"]


def test_a_window_that_cannot_be_paged_to_its_end_is_halved_until_it_can() -> None:
    times = {f"{i:04d}": NOW - timedelta(seconds=i) for i in range(900)}
    found = posts(BlueskySearch(server(Index(times, deepest=200))).sweep_tag("x", DAY))
    assert set(found) == set(times)


def test_signed_out_readers_get_all_although_every_cursor_is_refused() -> None:
    times = {f"{i:04d}": NOW - timedelta(seconds=20 * i) for i in range(300)}
    index = Index(times)

    def signed_out(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, text="<html>") if "cursor" in request.url.params else index(request)

    assert set(posts(BlueskySearch(server(signed_out)).sweep_tag("x", DAY))) == set(times)


def test_short_and_empty_pages_with_a_cursor_go_on() -> None:
    pages = iter([{"posts": [], "cursor": "1"}, {"posts": [view("a")], "cursor": "2"}, {"posts": [view("b")]}])
    search = BlueskySearch(server(lambda _: httpx.Response(200, json=next(pages, {"posts": []}))))
    assert posts(search.read_tag("x", DAY, None)) == ["a", "b"]


def test_a_cursor_that_comes_again_ends_the_paging() -> None:
    calls: list[httpx.Request] = []

    def again(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(200, json={"posts": [view("a")], "cursor": "1"})

    assert set(posts(BlueskySearch(server(again)).read_tag("x", DAY, None))) == {"a"}
    assert len(calls) == 2


def test_a_search_without_end_is_stopped_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REQUESTS_PER_READ", 25)
    numbers = iter(range(10_000))
    endless = server(lambda _: httpx.Response(200, json={"posts": [view("a")], "cursor": str(next(numbers))}))
    pages = list(BlueskySearch(endless).sweep_tag("x", DAY))
    assert next(numbers) == 24  # and one question by hashtag, which was refused
    assert "stopped after" in pages[-1].skipped[0].reason


def test_a_read_that_was_stopped_goes_on_where_it_stopped_and_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REQUESTS_PER_READ", 30)
    times = {f"{i:04d}": NOW - timedelta(seconds=5 * i) for i in range(2000)}
    search = BlueskySearch(server(Index(times, deepest=200)))
    found: set[str] = set()
    checkpoint = None
    for _ in range(12):
        pages = list(search.read_tag("x", DAY, checkpoint))
        found.update(seen.post.ref.uri.rpartition("/")[2] for page in pages for seen in page.posts)
        checkpoint = pages[-1].checkpoint
    assert found == set(times)


def test_an_empty_row_of_pages_without_end_is_given_up() -> None:
    numbers = iter(range(10_000))
    empty = server(lambda _: httpx.Response(200, json={"posts": [], "cursor": str(next(numbers))}))
    list(BlueskySearch(empty).read_tag("x", DAY, None))
    assert next(numbers) == client.EMPTY_PAGES


def test_a_post_that_two_spellings_find_comes_once() -> None:
    index = Index({f"k{i}": NOW - timedelta(minutes=i) for i in range(3)})
    assert sorted(posts(BlueskySearch(server(index)).read_tag("shareASM", DAY, None))) == ["k0", "k1", "k2"]
    assert [asked["q"] for asked in index.queries] == ["#shareASM", "#shareasm"]


# ---- search by hashtag -----------------------------------------------------------------------------------------------


def test_a_server_that_can_is_asked_by_hashtag_once_for_all_spellings_and_over_all_time() -> None:
    index = Index({"a": NOW})
    assert posts(BlueskySearch(modern(index)).read_tag("shareASM", DAY, None)) == ["a"]
    [asked] = index.queries
    assert index.methods == ["searchPostsV2"]
    assert asked.get_list("hashtags") == ["shareASM", "shareasm"]
    assert (asked["allTime"], asked["sort"], "q" in asked) == ("true", "recent", False)


def test_a_sweep_asks_by_hashtag_and_by_words_for_neither_search_is_complete() -> None:
    index = Index({"a": NOW})
    assert posts(BlueskySearch(modern(index)).sweep_tag("shareASM", DAY)) == ["a"]
    assert index.methods == ["searchPostsV2"] + ["searchPosts"] * 3


def test_what_the_index_knows_late_is_still_asked_for_by_hashtag() -> None:
    index = Index({"late": NOW - timedelta(minutes=30)})
    over = Window(NOW - timedelta(hours=5), NOW - timedelta(hours=1))
    assert posts(BlueskySearch(modern(index)).sweep_tag("x", over)) == ["late"]
    untils = dict(zip(index.methods, (asked["until"] for asked in index.queries), strict=True))
    assert untils == {
        "searchPostsV2": write_datetime(NOW),
        "searchPosts": write_datetime(over.closes_at),
    }


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_a_server_without_it_is_asked_once_and_by_words_from_then_on(status: int) -> None:
    index = Index({"a": NOW})

    def old(request: httpx.Request) -> httpx.Response:
        answer = index(request)
        return error(status, "MethodNotImplemented") if index.methods[-1] == "searchPostsV2" else answer

    search = BlueskySearch(modern(old))
    assert posts(search.read_tag("x", DAY, None)) == ["a"]
    assert posts(search.read_tag("x", DAY, None)) == ["a"]
    assert index.methods == ["searchPostsV2", "searchPosts", "searchPosts"]


@pytest.mark.parametrize("status", [403, 500, 502])
def test_where_it_fails_the_words_are_asked_for_and_it_is_tried_again_next_time(status: int) -> None:
    index = Index({"a": NOW})

    def ill(request: httpx.Request) -> httpx.Response:
        answer = index(request)
        return error(status, "Upstream") if index.methods[-1] == "searchPostsV2" else answer

    search = BlueskySearch(modern(ill))
    assert posts(search.read_tag("x", DAY, None)) == ["a"]
    assert posts(search.read_tag("x", DAY, None)) == ["a"]
    assert index.methods == ["searchPostsV2", "searchPosts"] * 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(401, "AuthMissing"), Unauthorized),
        (error(400, "ExpiredToken"), Unauthorized),
        (error(429, "RateLimitExceeded"), RateLimited),
    ],
)
def test_a_refused_sign_in_or_a_limit_holds_for_every_search(
    answer: httpx.Response, expected: type[NetworkError]
) -> None:
    calls: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return answer

    with pytest.raises(expected):
        list(BlueskySearch(modern(refuse)).read_tag("x", DAY, None))
    assert len(calls) == 1


def test_each_page_says_what_was_asked() -> None:
    index = Index({"a": NOW})
    pages = list(BlueskySearch(modern(index)).sweep_tag("shareASM", DAY))
    assert [page.query for page in pages] == [
        "searchPostsV2 #shareASM or #shareasm",
        "searchPosts #shareASM",
        "searchPosts #shareasm",
        "searchPosts shareasm",
    ]


# ---- answers ---------------------------------------------------------------------------------------------------------

ANSWERS: list[tuple[httpx.Response, type[NetworkError]]] = [
    (error(400, "InvalidRequest", "grapheme too big"), Rejected),
    (error(400, "ExpiredToken"), Unauthorized),
    (error(400, "InvalidToken"), Unauthorized),
    (error(400, "InvalidSwap"), Occupied),
    (error(400, "BlobNotFound"), Stale),
    (error(401, "AuthMissing"), Unauthorized),
    (error(401, "AccountTakedown"), Unauthorized),
    (httpx.Response(403, html="<html>Forbidden</html>"), Unauthorized),
    (httpx.Response(404, text="no"), Rejected),
    (error(413, "PayloadTooLarge"), Rejected),
    (error(429, "RateLimitExceeded"), RateLimited),
    (error(500, "InternalServerError"), Unreachable),
    (error(501, "MethodNotImplemented"), Unreachable),
    (httpx.Response(502, html="<html>"), Unreachable),
    (httpx.Response(302, headers={"location": "https://portal.example/"}), Unreachable),
    (httpx.Response(200, html="<html>welcome to the hotel</html>"), Unreachable),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS, ids=lambda value: str(getattr(value, "status_code", value)))
def test_every_answer_becomes_one_of_our_errors(answer: httpx.Response, expected: type[NetworkError]) -> None:
    with pytest.raises(NetworkError) as caught:
        list(BlueskySearch(server(lambda _: answer)).read_tag("x", DAY, None))
    assert type(caught.value) is expected
    assert "appview.example" in str(caught.value)
    assert not getattr(caught.value, "is_outcome_unknown", False), "reading changes nothing"


def test_an_answer_that_is_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BODY_LIMIT", 1000)
    with pytest.raises(Unreachable):
        server(lambda _: httpx.Response(200, content=b"x" * 2000)).query("x.y.z", [])


def test_an_answer_that_drips_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL_LIMIT_S", -1.0)
    with pytest.raises(Unreachable):
        server(lambda _: httpx.Response(200, content=b"x")).query("x.y.z", [])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ratelimit-reset": str(int((NOW + timedelta(minutes=5)).timestamp()))}, NOW + timedelta(minutes=5)),
        ({"retry-after": "288"}, NOW + timedelta(seconds=288)),
        ({"retry-after": "Wed, 03 Feb 2027 09:31:00 GMT"}, datetime(2027, 2, 3, 9, 31, tzinfo=UTC)),
        ({}, NOW + timedelta(minutes=1)),
        ({"ratelimit-reset": "soon", "retry-after": "later"}, NOW + timedelta(minutes=1)),
        ({"ratelimit-reset": "0"}, NOW + timedelta(seconds=1)),
        ({"ratelimit-reset": "99999999999999999999"}, NOW + timedelta(minutes=1)),
        ({"retry-after": "99999999999"}, NOW + timedelta(hours=24)),
    ],
)
def test_a_limited_server_is_left_alone_as_long_as_it_asks_within_reason(
    headers: dict[str, str], expected: datetime
) -> None:
    assert asked_to_wait_until(headers, NOW) == expected


def exceptions_of(module: object) -> list[type[Exception]]:
    found = [item for item in vars(module).values() if inspect.isclass(item) and issubclass(item, Exception)]
    return [item for item in found if not issubclass(item, Warning)]


def made(kind: type[Exception]) -> Exception:
    """Return an exception of `kind` whatever its constructor wants."""
    return kind.__new__(kind)


def test_every_exception_of_the_libraries_is_one_of_our_errors() -> None:
    import atproto_client.exceptions
    import websockets.exceptions

    kinds = [
        *exceptions_of(atproto_client.exceptions),
        *exceptions_of(websockets.exceptions),
        *exceptions_of(httpx),
        ValueError,
        OSError,
    ]
    assert len(kinds) > 50
    for kind in kinds:
        assert isinstance(failure(made(kind), URL, NOW, is_write=True), NetworkError), kind


STATUS_OF = {400: Rejected, 401: Unauthorized, 403: Unauthorized, 413: Rejected, 429: RateLimited, 500: Unreachable}


@pytest.mark.parametrize(("status", "expected"), STATUS_OF.items())
def test_the_client_librarys_errors_are_read_by_their_status(status: int, expected: type[NetworkError]) -> None:
    from atproto import Client, Request

    def refuse(_: httpx.Request) -> httpx.Response:
        return error(status, "SomeError")

    library = Client(URL, request=Request(transport=httpx.MockTransport(refuse)))
    with pytest.raises(Exception, match=str(status)) as caught:
        library.com.atproto.server.describe_server()
    assert type(failure(caught.value, URL, NOW)) is expected


# ---- robots.txt --------------------------------------------------------------------------------------------------------


def polite(robots: httpx.Response | Exception) -> tuple[Server, list[str]]:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path != "/robots.txt":
            return httpx.Response(200, json={"posts": []})
        if isinstance(robots, Exception):
            raise robots
        return robots

    return Server(URL, now=lambda: NOW, notices=Notices(lambda: NOW), transport=httpx.MockTransport(answer)), asked


def test_an_appview_that_wants_no_programs_is_not_asked_without_sign_in() -> None:
    server, asked = polite(httpx.Response(200, text="User-agent: *\nDisallow: /xrpc/"))
    for _ in range(2):
        with pytest.raises(StayAway, match=r"robots\.txt asks programs to stay away"):
            server.query("app.bsky.feed.getPosts", [])
    assert asked == ["/robots.txt"]


@pytest.mark.parametrize("robots", [httpx.Response(404), httpx.Response(200, text="User-agent: *\nAllow: /")])
def test_an_open_appview_is_asked_for_its_robots_txt_once(robots: httpx.Response) -> None:
    server, asked = polite(robots)
    for _ in range(2):
        server.query("app.bsky.feed.getPosts", [])
    assert asked == ["/robots.txt", *["/xrpc/app.bsky.feed.getPosts"] * 2]


@pytest.mark.parametrize("robots", [httpx.Response(503), httpx.ConnectError("refused")])
def test_an_appview_whose_robots_txt_cannot_be_read_is_tried_later(robots: httpx.Response | Exception) -> None:
    server, asked = polite(robots)
    with pytest.raises(Unreachable, match=r"robots\.txt"):
        server.query("app.bsky.feed.getPosts", [])
    assert asked == ["/robots.txt"]
