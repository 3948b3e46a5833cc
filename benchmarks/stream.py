"""The live stream: a whole network's posts over a loopback socket, one hashtag wanted; ours against the SDK's client.

Another process writes ready-made frames as fast as they are taken. Both clients find the same tagged posts (however the tag is
spelled or escaped) and all deletions; ours also translates what it finds and keeps its checkpoint. Claim: 3.5 × the SDK.
"""

import base64
import hashlib
import multiprocessing
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from atproto import JetstreamClient, models
from race import Claim, per_second, race, rounds, table, tell
from workload import OPENS, TAG, events

from shareasm.domain.richtext import fold_hashtag
from shareasm.networks.bluesky.jetstream import JetstreamStream

EVENTS = 100_000
OURS, SDK = "ours: JetstreamStream", "the SDK: JetstreamClient"

Found = tuple[frozenset[str], int]  # addresses of the tagged posts, and how many deletions came


def main() -> None:
    turns = rounds()
    frames = events(EVENTS)
    wire = b"".join(map(framed, frames))
    found: set[Found] = set()

    def measured(read: Callable[[str], tuple[float, Found]]) -> float:
        with fed(wire) as url:
            seconds, result = read(url)
        found.add(result)
        return seconds

    medians = race({OURS: lambda: measured(ours), SDK: lambda: measured(sdk)}, turns)
    assert len(found) == 1, f"they found different things: {[(len(posts), gone) for posts, gone in found]}"
    [(posts, deletions)] = found
    assert posts
    assert deletions
    table(("client", "events a second"), *((name, per_second(EVENTS, medians[name])) for name in medians))
    size = sum(map(len, frames)) / EVENTS
    print(f"{EVENTS:,} events of {size:.0f} B; both found the same {len(posts)} posts and {deletions:,} deletions.\n")
    tell(Claim("events over a socket, against the SDK's client", medians[SDK] / medians[OURS], 3.5, "×"))


# ---- the clients -------------------------------------------------------------------------------------------------------


def ours(url: str) -> tuple[float, Found]:
    """Read everything as the collector does; the server closes at the end."""
    began = time.perf_counter()
    pages = list(JetstreamStream(url, now=lambda: datetime.now(UTC)).read([TAG], None, OPENS))
    seconds = time.perf_counter() - began
    assert pages[-1].checkpoint is not None
    assert f'"seq":{EVENTS}' in pages[-1].checkpoint, "some events were not read"
    posts = frozenset(seen.post.ref.uri for page in pages for seen in page.posts)
    return seconds, (posts, sum(len(page.gone) for page in pages))


def sdk(url: str) -> tuple[float, Found]:
    """Read everything as the SDK's example does, looking for the tag in its models."""
    wanted = fold_hashtag(TAG)
    posts: set[str] = set()
    deletions = 0
    ended = 0.0
    client = JetstreamClient(
        {"kinds": ["commit", "account"], "collections": ["app.bsky.feed.post"]}, base_uri=f"{url}/xrpc", compress=False
    )

    def take(message: object) -> None:
        nonlocal deletions, ended
        if isinstance(message, models.NetworkBskyJetstreamSubscribeEvents.Commit):
            if message.operation == "delete":
                deletions += 1
            elif wanted in tags_of(message.record):
                posts.add(f"at://{message.did}/{message.collection}/{message.rkey}")
        if getattr(message, "seq", 0) == EVENTS:
            ended = time.perf_counter()
            client.stop()

    failed: list[Exception] = []
    began = time.perf_counter()
    client.start(take, failed.append)
    assert ended, "some events were not read"
    assert not failed, failed[0]
    return ended - began, (frozenset(posts), deletions)


def tags_of(record: object) -> set[str]:
    facets = getattr(record, "facets", None) or ()
    labels = [feature.tag for facet in facets for feature in facet.features if hasattr(feature, "tag")]
    return {fold_hashtag(label) for label in labels}


# ---- the server --------------------------------------------------------------------------------------------------------


@contextmanager
def fed(wire: bytes) -> Iterator[str]:
    """Run a server for one client in a process of its own; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        feeder = multiprocessing.get_context("fork").Process(target=feed, args=(listening, wire), daemon=True)
        feeder.start()
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            feeder.terminate()
            feeder.join()


def feed(listening: socket.socket, wire: bytes) -> None:
    """Answer one websocket handshake, write everything, close cleanly."""
    line, _ = listening.accept()
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += line.recv(4096)
    [key] = re.findall(rb"(?i)sec-websocket-key: *(\S+)", asked)
    accepted = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    line.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: xrpc.v1.json\r\nSec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
    )
    line.sendall(wire)
    line.sendall(b"\x88\x02" + (1000).to_bytes(2, "big"))
    line.recv(4096)  # the client's own close; then it is for the server to hang up
    line.close()


def framed(payload: bytes) -> bytes:
    """Return a text frame as a server sends it."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    return b"\x81" + length + payload


if __name__ == "__main__":
    main()
