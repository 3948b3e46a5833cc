"""The stand-in's Jetstream, met by the SDK's client and by a plain websocket."""

import json
from collections.abc import Iterator
from queue import Queue
from threading import Thread

import pytest
from atproto_client.models.network.bsky.jetstream.subscribe_events import Commit
from atproto_jetstream import JetstreamClient
from atproto_jetstream.exceptions import JetstreamCursorTooOldError, JetstreamError
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from clocks import FixedClock
from shareasm.rehearsal.bluesky import Person, StandInBluesky

NSID = "network.bsky.jetstream.subscribeEvents"


@pytest.fixture(scope="module")
def _network() -> Iterator[tuple[FixedClock, StandInBluesky]]:
    clock = FixedClock()
    with StandInBluesky(clock) as network:
        yield clock, network


@pytest.fixture
def clock(_network: tuple[FixedClock, StandInBluesky]) -> FixedClock:
    return _network[0]


@pytest.fixture
def network(_network: tuple[FixedClock, StandInBluesky]) -> Iterator[StandInBluesky]:
    clock, network = _network
    clock.set("2027-02-03T09:00:00+00:00")
    yield network
    network.wipe()


@pytest.fixture
def amina(network: StandInBluesky) -> Person:
    return network.account("amina.example", "Amina")


def stream(network: StandInBluesky, query: str = "") -> ClientConnection:
    return connect(f"{network.jetstream_url}/xrpc/{NSID}?{query}", subprotocols=["xrpc.v1.json"])


def next_payload(socket: ClientConnection) -> dict[str, object]:
    frame = json.loads(socket.recv(timeout=5))
    assert frame["$type"] == "message"
    payload: dict[str, object] = frame["payload"]
    return payload


def test_the_sdk_hears_of_posts_edits_deletions_and_leaving(network: StandInBluesky, amina: Person) -> None:
    heard: Queue[object] = Queue()
    client = JetstreamClient(
        {"kinds": ["commit", "identity", "account"], "collections": ["app.bsky.feed.post"], "cursor": 1},
        base_uri=f"{network.jetstream_url}/xrpc",
        compress=False,
    )
    thread = Thread(target=client.start, args=(heard.put,), daemon=True)
    thread.start()
    uri = network.say(amina, "#shareASM")
    network.edit(uri, "#shareASM!")
    network.delete(uri)
    network.set_status(amina, "deactivated")
    events = [heard.get(timeout=5) for _ in range(6)]
    assert [type(event).__name__ for event in events] == [
        "Identity",
        "Account",
        "Commit",
        "Commit",
        "Commit",
        "Account",
    ]
    commits = [event for event in events if isinstance(event, Commit)]
    assert [commit.operation for commit in commits] == ["create", "update", "delete"]
    assert events[-1].account.status == "deactivated"
    client.stop()
    network.jetstream.disconnect(cleanly=True)
    thread.join(5)
    assert not thread.is_alive()


def test_a_sequence_number_replays_from_that_event_on(network: StandInBluesky, amina: Person) -> None:
    last = network.event_count
    network.say(amina, "one")
    with stream(network, f"cursor={last}") as socket:
        assert [next_payload(socket)["seq"] for _ in range(2)] == [last, last + 1]


def test_a_time_replays_from_that_instant_on(network: StandInBluesky, clock: FixedClock, amina: Person) -> None:
    network.say(amina, "before")
    clock.advance(minutes=1)
    network.say(amina, "after")
    with stream(network, f"cursor={int(clock.now().timestamp()) * 1_000_000}") as socket:
        event = next_payload(socket)
        assert event["record"]["text"] == "after"
        assert str(event["time"]).startswith("2027-02-03T09:01:00.00000")  # the keys took the first microseconds


@pytest.mark.parametrize("cursor", ["", "99999", "1900000000000000"])
def test_no_cursor_and_one_of_the_future_are_live(network: StandInBluesky, amina: Person, cursor: str) -> None:
    network.say(amina, "before")
    with stream(network, f"cursor={cursor}" if cursor else "") as socket:
        while not network.jetstream.subscriber_count:
            pass
        network.say(amina, "live")
        assert next_payload(socket)["record"]["text"] == "live"


def test_kinds_collections_and_accounts_are_filtered(network: StandInBluesky, amina: Person) -> None:
    bakari = network.account("bakari.example")
    uri = network.say(amina, "one")
    network.like(bakari, uri)
    network.repost(bakari, uri)
    network.set_status(bakari, "takendown")
    with stream(
        network, f"cursor=1&kinds=commit&kinds=account&collections=app.bsky.feed.*&dids={bakari.did}"
    ) as socket:
        events = [next_payload(socket) for _ in range(4)]
    assert [event["$type"] for event in events] == [
        f"{NSID}#{kind}" for kind in ("account", "commit", "commit", "account")
    ]
    assert events[-1]["account"]["status"] == "takendown"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("wantedCollections=app.bsky.feed.post", "InvalidRequest"),
        ("kinds=odd", "InvalidRequest"),
        ("kinds=account&collections=app.bsky.feed.post", "InvalidRequest"),
        ("collections=odd", "InvalidRequest"),
        ("dids=odd", "InvalidRequest"),
        ("cursor=odd", "InvalidRequest"),
        ("cursor=1", "CursorTooOld"),
        ("zstdDictionary=7", "UnknownZstdDictionary"),
    ],
)
def test_a_bad_question_is_refused_before_the_upgrade(
    network: StandInBluesky, amina: Person, query: str, error: str
) -> None:
    network.jetstream.forget_before(3)
    with pytest.raises(InvalidStatus) as refused:
        stream(network, query)
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body or b"")["error"] == error


def test_a_time_that_is_too_old_starts_at_the_oldest_and_says_so(network: StandInBluesky, amina: Person) -> None:
    network.jetstream.forget_before(3)
    with stream(network, "cursor=1700000000000000") as socket:
        info = next_payload(socket)
        assert (info["$type"], info["name"]) == (f"{NSID}#info", "OutdatedCursor")
        assert next_payload(socket)["seq"] == 3


def test_the_sdk_is_told_that_its_cursor_is_too_old(network: StandInBluesky, amina: Person) -> None:
    network.jetstream.forget_before(3)
    client = JetstreamClient({"cursor": 1}, base_uri=f"{network.jetstream_url}/xrpc", compress=False)
    with pytest.raises(JetstreamCursorTooOldError):
        client.start(lambda _: None)


def test_the_sdk_stumbles_over_a_sync_as_it_does_in_life(network: StandInBluesky, amina: Person) -> None:
    client = JetstreamClient({"cursor": 1}, base_uri=f"{network.jetstream_url}/xrpc", compress=False)
    with pytest.raises(JetstreamError, match="Sync"):
        client.start(lambda _: None)


def test_a_connection_can_end_cleanly_and_like_a_cut_cable(network: StandInBluesky, amina: Person) -> None:
    with stream(network, f"cursor={network.event_count}") as socket:
        next_payload(socket)
        assert network.jetstream.disconnect(cleanly=True) == 1
        with pytest.raises(ConnectionClosedOK):
            socket.recv(timeout=5)
    with stream(network, f"cursor={network.event_count}") as socket:
        next_payload(socket)
        assert network.jetstream.disconnect(cleanly=False) == 1
        with pytest.raises(ConnectionClosedError):
            socket.recv(timeout=5)


def test_a_slow_reader_is_told_why_it_is_dropped(network: StandInBluesky, amina: Person) -> None:
    with stream(network, f"cursor={network.event_count}") as socket:
        next_payload(socket)
        network.jetstream.disconnect(cleanly=True, error="ConsumerTooSlow", message="too far behind")
        assert json.loads(socket.recv(timeout=5)) == {
            "$type": "error",
            "error": "ConsumerTooSlow",
            "message": "too far behind",
        }


def test_it_can_be_away_for_a_while(network: StandInBluesky, clock: FixedClock, amina: Person) -> None:
    network.jetstream.refuse_until(clock.advance(minutes=0).replace(minute=5))
    with pytest.raises(InvalidStatus) as refused:
        stream(network)
    assert refused.value.response.status_code == 503
    clock.advance(minutes=5)
    with stream(network, "cursor=1") as socket:
        assert next_payload(socket)["seq"] == 1


def test_a_word_from_the_client_ends_the_connection(network: StandInBluesky, amina: Person) -> None:
    with stream(network) as socket:
        socket.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
