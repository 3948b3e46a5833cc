"""The stand-in's live stream tells what Mastodon's tells, and keeps silent where that does (`streaming/index.js` of 4.6)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mastodon_bench import Bench, running
from shareasm.rehearsal.mastodon import Access, Flavour, federate

pytestmark = pytest.mark.loopback


@pytest.fixture(scope="module")
def _bench() -> Iterator[Bench]:
    with running(Flavour.MASTODON) as bench:
        yield bench


@pytest.fixture
def bench(_bench: Bench) -> Bench:
    _bench.reset()
    _bench.server.instance.access = Access()
    return _bench


@contextmanager
def line(
    bench: Bench, query: str = "stream=hashtag&tag=shareASM", token: str | None = None
) -> Iterator[ClientConnection]:
    said = bench.amina.token if token is None else token
    address = f"{bench.server.url.replace('http', 'ws')}/api/v1/streaming?{query}"
    headers = {"Authorization": f"Bearer {said}"} if said else {}
    with connect(address, additional_headers=headers, proxy=None) as opened:
        yield opened


def told(opened: ClientConnection, bench: Bench, tag: str = "shareasm") -> list[tuple[str, Any]]:
    """What was told so far: a mark is said, and all is read up to it."""
    mark = bench.say(f"mark #{tag}")
    events: list[tuple[str, Any]] = []
    while True:
        frame = json.loads(opened.recv(timeout=10))
        payload = frame["payload"] if frame["event"] == "delete" else json.loads(frame["payload"])["id"]
        if payload == mark["id"]:
            return events
        assert frame["stream"] == ["hashtag", tag]
        events.append((frame["event"], payload))


def test_what_is_new_edited_and_deleted_is_told_once_and_in_this_order(bench: Bench) -> None:
    bench.say("before anybody listens #shareASM")
    with line(bench) as opened:
        said = bench.say("new #ShareASM #other")
        bench.server.favourite(bench.bakari, said)
        bench.server.edit(said, "edited #shareasm")
        bench.server.edit(said, "edited #shareasm")  # which changes nothing
        bench.server.delete(said)
        other = bench.say("another tag #other")
        bench.server.edit(other, "brought in by an edit #shareasm")
        bench.server.edit(other, "taken out by another")
        assert told(opened, bench) == [
            ("update", said["id"]),
            ("status.update", said["id"]),
            ("delete", said["id"]),
            ("status.update", other["id"]),
        ]


def test_only_what_is_public_and_not_hidden_from_the_listener_is_told(bench: Bench) -> None:
    with line(bench) as opened:
        for visibility in ("unlisted", "private", "direct"):
            bench.say("not for all #shareasm", visibility=visibility)
        bench.say("of a limited account #shareasm", bench.person("quiet", is_silenced=True))
        bench.server.hide(bench.amina, bench.bakari)
        hidden = bench.say("of somebody blocked #shareasm", bench.bakari)
        bench.server.delete(hidden)
        assert told(opened, bench) == [("delete", hidden["id"])]  # deletions pass every filter


def test_where_topic_feeds_are_disabled_only_deletions_are_told(bench: Bench) -> None:
    with line(bench) as opened:
        bench.server.instance.access = Access(local="disabled")
        said = bench.say("nobody is told #shareasm")
        bench.server.delete(said)
        bench.server.instance.access = Access(local="authenticated")
        assert told(opened, bench) == [("delete", said["id"])]


def test_what_comes_from_elsewhere_is_told_unless_it_is_old(bench: Bench) -> None:
    with running(Flavour.MASTODON) as home, line(bench) as opened:
        link = federate(home.server, bench.server)
        home.clock.set(bench.clock.now().isoformat())
        said = home.say("from elsewhere #shareasm")
        link.hold()
        home.say("fetched much later #shareasm")
        bench.clock.advance(hours=7)
        link.release()
        here = bench.server.find(said)
        assert here
        assert told(opened, bench) == [("update", here["id"])]


def subscribe(opened: ClientConnection, tag: str) -> None:
    """Subscribe to one more tag, and wait until that is done: for the answer to nonsense said after it."""
    opened.send(json.dumps({"type": "subscribe", "stream": "hashtag", "tag": tag}))
    opened.send(json.dumps({"type": "subscribe", "stream": "nonsense"}))
    assert json.loads(opened.recv(timeout=10)) == {"error": "Unknown stream type", "status": 400}


def test_several_tags_are_subscribed_to_on_one_line(bench: Bench) -> None:
    with line(bench, query="") as opened:
        subscribe(opened, "one")
        assert told(opened, bench, "one") == []


def test_a_tag_in_a_script_with_marks_is_never_told(bench: Bench) -> None:
    with line(bench) as opened:
        subscribe(opened, "हिन्दी")
        bench.say("#हिन्दी")
        assert told(opened, bench) == []


@pytest.mark.parametrize(
    ("flavour", "token", "status"),
    [
        (Flavour.MASTODON, "", 401),
        (Flavour.MASTODON, "nobody's", 401),
        (Flavour.GOTOSOCIAL, "", 401),
        (Flavour.SNAC, None, 404),
        (Flavour.TAKAHE, None, 404),
        (Flavour.PIXELFED, None, 404),
    ],
)
def test_who_may_not_listen_is_refused_as_each_program_does(flavour: Flavour, token: str | None, status: int) -> None:
    with running(flavour) as bench, pytest.raises(InvalidStatus) as refused, line(bench, token=token):
        pass
    assert refused.value.response.status_code == status


def test_gotosocial_lets_everybody_wait_in_vain(bench: Bench) -> None:
    with running(Flavour.GOTOSOCIAL) as server, line(server) as opened:
        server.say("nobody is told #shareasm")
        with pytest.raises(TimeoutError):
            opened.recv(timeout=0.1)


def test_on_pleroma_nobody_needs_a_token(bench: Bench) -> None:
    with running(Flavour.PLEROMA) as server, line(server, "stream=hashtag&tag=shareasm", token="") as opened:
        assert told(opened, server) == []
