"""A live stream is heard whatever it says, and called where its server says that it is. A server on loopback."""

import json
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from clocks import FixedClock
from factories import NOON
from shareasm.clock import SystemClock
from shareasm.errors import NetworkError, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.streaming import MastodonStream, stream_address
from shareasm.networks.ports import Page
from shareasm.rehearsal.mastodon import Access, Flavour, MastodonServer

AGENT = "shareasm-tests/1"
NOW = SystemClock().now


@pytest.fixture(scope="module")
def _mastodon() -> Iterator[MastodonServer]:
    with MastodonServer(SystemClock()) as server:
        yield server


@pytest.fixture
def mastodon(_mastodon: MastodonServer) -> MastodonServer:
    _mastodon.wipe()
    _mastodon.instance.access = Access()
    return _mastodon


def listen(server: MastodonServer, token: str, *tags: str) -> tuple[MastodonStream, Iterator[Page]]:
    """Open a line; return when it is open."""
    api = Api(server.url, token=token, user_agent=AGENT, now=NOW)
    stream = MastodonStream(api, token=token, user_agent=AGENT, now=NOW, batch_s=0.2)
    pages = stream.read(tags or ("shareASM",), None, NOW())
    assert next(pages) == Page()
    return stream, pages


def heard(pages: Iterator[Page], holds: Callable[[Page], object]) -> Page:
    """Return the first page of which that holds."""
    return next(page for page in pages if holds(page))


def status(**changes: object) -> str:
    account = {"acct": "a@b.example", "uri": "https://b.example/users/a", "url": "https://b.example/@a"}
    whole = {
        "id": "1",
        "uri": "https://b.example/users/a/statuses/1",
        "created_at": NOON.isoformat(),
        "account": account,
        "content": "<p>Good morning #shareASM</p>",
        "visibility": "public",
        "tags": [{"name": "shareasm"}],
    }
    return json.dumps(whole | changes)


def event(kind: str, payload: object) -> str:
    return json.dumps({"stream": ["hashtag", "shareasm"], "event": kind, "payload": payload})


@pytest.mark.loopback
@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 5000,
        json.dumps({"event": 7}),
        json.dumps({"event": "update"}),
        event("update", "{"),
        event("update", "[]"),
        event("update", "x" * 200),
        event("update", status(uri=None)),
        event("update", status(account=None)),
        event("delete", ""),
        event("delete", "\n"),
        event("delete", None),
        event("filters_changed", ""),
        event("status.update", "\udc00"),
    ],
)
def test_one_odd_frame_costs_only_itself(mastodon: MastodonServer, frame: str) -> None:
    amina = mastodon.account("amina")
    stream, pages = listen(mastodon, amina.token)
    mastodon.stream.interject(frame)
    mastodon.stream.interject(event("update", status()))
    page = heard(pages, lambda page: page.posts)
    stream.stop()
    assert [seen.post.text for seen in page.posts] == ["Good morning #shareASM"]
    assert page.deleted_ids == ()


@pytest.mark.loopback
@pytest.mark.parametrize("visibility", ["unlisted", "private", "direct", "limited", None])
def test_what_is_not_public_is_counted_and_leaves_the_store(mastodon: MastodonServer, visibility: str | None) -> None:
    stream, pages = listen(mastodon, mastodon.account("amina").token)
    mastodon.stream.interject(event("status.update", status(visibility=visibility)))
    page = heard(pages, lambda page: page.gone)
    stream.stop()
    assert page.posts == ()
    assert [(gone.ref.uri, gone.reason) for gone in page.gone] == [
        ("https://b.example/users/a/statuses/1", "not public")
    ]
    assert [(skip.reason, skip.raw) for skip in page.skipped] == [("not public", b"")]


@pytest.mark.loopback
def test_a_burst_comes_in_order_and_in_few_pages(mastodon: MastodonServer) -> None:
    amina = mastodon.account("amina")
    stream, pages = listen(mastodon, amina.token)
    for number in range(200):
        mastodon.say(amina, f"{number} #shareASM")
    told: list[str] = []
    page_count = 0
    while len(told) < 200:
        page = next(pages)
        page_count += bool(page.posts)
        told += [seen.post.text for seen in page.posts]
    stream.stop()
    assert told == [f"{number} #shareASM" for number in range(200)]


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("nobody's", Unauthorized, "refuses the access token"),
        ("", Unauthorized, "to nobody without a token"),
        ("tök\nen", Unauthorized, "to nobody without a token"),
    ],
)
def test_a_stream_that_is_not_for_us_says_so(
    mastodon: MastodonServer, said: str, kind: type[NetworkError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        listen(mastodon, said)


@pytest.mark.loopback
def test_a_token_that_may_not_read_is_refused(mastodon: MastodonServer) -> None:
    with pytest.raises(Unauthorized, match="refuses the access token"):
        listen(mastodon, mastodon.token(mastodon.account("amina"), "write"))


@pytest.mark.loopback
def test_an_error_in_place_of_an_event_ends_it_in_the_servers_words(mastodon: MastodonServer) -> None:
    _, pages = listen(mastodon, mastodon.account("amina").token)
    mastodon.stream.interject(json.dumps({"error": "Unknown stream type", "status": 400}))
    with pytest.raises(Rejected, match=r"refuses its live stream \(Unknown stream type\)"):
        list(pages)


@pytest.mark.loopback
def test_a_line_that_breaks_is_told_after_what_came_before_it(mastodon: MastodonServer) -> None:
    amina = mastodon.account("amina")
    _, pages = listen(mastodon, amina.token)
    mastodon.say(amina, "Last words #shareASM")
    assert heard(pages, lambda page: page.posts)
    mastodon.stream.disconnect()
    with pytest.raises(Unreachable, match="its live stream broke off"):
        list(pages)


@pytest.mark.loopback
def test_a_line_that_is_closed_in_peace_just_ends(mastodon: MastodonServer) -> None:
    _, pages = listen(mastodon, mastodon.account("amina").token)
    mastodon.stream.disconnect(cleanly=True)
    assert all(page == Page() for page in pages)


@pytest.mark.loopback
def test_a_server_in_trouble_is_out_of_reach(mastodon: MastodonServer) -> None:
    mastodon.stream.refuse()
    with pytest.raises(Unreachable, match="has trouble"):
        listen(mastodon, mastodon.account("amina").token)


@pytest.mark.loopback
def test_a_stopped_stream_ends(mastodon: MastodonServer) -> None:
    stream, pages = listen(mastodon, mastodon.account("amina").token)
    stream.stop()
    assert list(pages) == []


@pytest.mark.loopback
def test_the_token_follows_no_redirect() -> None:
    def moved(_: ServerConnection, __: Request) -> Response:
        return Response(302, "Found", Headers(Location="ws://127.0.0.1:1/", Connection="close"))

    with serve(lambda _: None, "127.0.0.1", 0, process_request=moved) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        here = Api(f"http://127.0.0.1:{port}", user_agent=AGENT, now=NOW, transport=httpx.MockTransport(_not_found))
        stream = MastodonStream(here, token="token", user_agent=AGENT, now=NOW)
        with pytest.raises(Rejected, match="its live stream has moved"):
            list(stream.read(["shareASM"], None, NOW()))


def _not_found(_: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json={"error": "Record not found"})


@pytest.mark.loopback
def test_gotosocial_connects_and_stays_silent() -> None:
    with MastodonServer(SystemClock(), flavour=Flavour.GOTOSOCIAL) as server:
        amina = server.account("amina", visibility="public")
        stream, pages = listen(server, amina.token)
        server.say(amina, "Nobody is told #shareASM")
        assert next(pages) == Page()
        stream.stop()


# ---- where it is -------------------------------------------------------------------------------------------------------


def api(**answers: object) -> Api:
    """A server at social.example.org that describes itself as told, by version; what it is not told of is not there."""

    def answer(request: httpx.Request) -> httpx.Response:
        said = answers.get(request.url.path.split("/")[2])
        return (
            httpx.Response(404, json={"error": "Record not found"}) if said is None else httpx.Response(200, json=said)
        )

    transport = httpx.MockTransport(answer)
    return Api("https://social.example.org", user_agent=AGENT, now=FixedClock(NOON).now, transport=transport)


def v2(address: object) -> dict[str, object]:
    return {"configuration": {"urls": {"streaming": address}}}


OWN = "wss://social.example.org"


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ({"v2": v2("wss://streaming.social.example.org")}, "wss://streaming.social.example.org"),
        ({"v2": v2("wss://streaming.example.org")}, "wss://streaming.example.org"),
        ({"v2": v2("wss://social.example.org:4000/api/v1/streaming/")}, "wss://social.example.org:4000"),
        ({"v1": {"urls": {"streaming_api": "wss://live.example.org"}}}, "wss://live.example.org"),
        ({"v2": {}, "v1": {"urls": {"streaming_api": "wss://live.example.org"}}}, "wss://live.example.org"),
        ({"v2": v2(None)}, OWN),
        ({"v2": {"configuration": []}}, OWN),
        ({}, OWN),
        ({"v2": v2("ws://streaming.example.org")}, OWN),
        ({"v2": v2("https://streaming.example.org")}, OWN),
        ({"v2": v2("wss://elsewhere.example")}, OWN),
        ({"v2": v2("wss://notexample.org")}, OWN),
        ({"v2": v2("wss://127.0.0.1")}, OWN),
        ({"v2": v2("wss://[")}, OWN),
        ({"v2": v2("wss:///")}, OWN),
    ],
)
def test_the_stream_is_called_where_the_server_says_but_never_at_a_stranger(
    said: dict[str, object], called: str
) -> None:
    assert stream_address(api(**said)) == called


def test_a_server_that_does_not_answer_is_not_guessed_about() -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    with pytest.raises(Unreachable):
        stream_address(Api("https://a.example", user_agent=AGENT, now=NOW, transport=httpx.MockTransport(away)))
