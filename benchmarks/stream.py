"""The live stream: a whole network's posts over a loopback socket, one hashtag wanted.

Another process writes ready-made frames as fast as they are taken. First a race: the SDK's client and ours find the same
tagged posts (however the tag is spelled or escaped) and all deletions; ours also translates what it finds and keeps its
checkpoint. Then a catching up: 36 hours of the network, 7.4 million events, go through the collector into a SQLite file, as
after an outage, and the memory is looked at on the way (`--events` makes it fewer). Claims: 3.5 × the SDK;
a minute; flat memory.
"""

import argparse
import base64
import hashlib
import json
import multiprocessing
import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from atproto import JetstreamClient, models
from race import Claim, Spent, per_second, race_both, table, tell
from workload import FIRST_SEQ, OPENS, TAG, campaign, events

from shareasm.clock import SystemClock
from shareasm.collect import Desk, Tally, follow
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.domain.richtext import fold_hashtag
from shareasm.networks.bluesky.jetstream import JetstreamStream
from shareasm.networks.ports import Page
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade

EVENTS = 100_000
A_DAY_AND_A_HALF = 7_400_000
OURS, SDK = "ours: JetstreamStream", "the SDK: JetstreamClient"

Found = tuple[frozenset[str], int]  # addresses of the tagged posts, and how many deletions came


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5, help="how often each contestant runs, in turns")
    parser.add_argument("--events", type=int, default=A_DAY_AND_A_HALF, help="how many are caught up")
    asked = parser.parse_args()
    frames = events(EVENTS)
    wire = b"".join(map(framed, frames))
    size = sum(map(len, frames)) / EVENTS
    del frames
    found: set[Found] = set()

    def measured(read: Callable[[str], tuple[Spent, Found]]) -> Spent:
        with fed([wire]) as url:
            seconds, result = read(url)
        found.add(result)
        return seconds

    spent = race_both({OURS: partial(measured, ours), SDK: partial(measured, sdk)}, max(1, asked.rounds))
    assert len(found) == 1, f"they found different things: {[(len(posts), gone) for posts, gone in found]}"
    [(posts, deletions)] = found
    assert posts
    assert deletions
    rates = [(name, *(per_second(EVENTS, seconds) for seconds in taken)) for name, taken in spent.items()]
    table(("client", "events a second", "by processor time"), *rates)
    print(f"{EVENTS:,} events of {size:.0f} B; both found the same {len(posts)} posts and {deletions:,} deletions.\n")
    laps = max(2, asked.events // EVENTS)
    caught_up = catch_up(wire, laps, len(posts))
    table(
        ("caught up, into the store", "memory"),
        *((f"{count:,} events", f"{memory:.1f} MB") for count, memory in caught_up.sampled(laps)),
    )
    seconds, processor = caught_up.spent
    print(
        f"{laps * EVENTS:,} events in {seconds:.0f} s ({processor:.0f} s of a processor), {laps * len(posts):,} posts stored.\n"
    )
    tell(
        Claim("events over a socket, against the SDK's client", spent[SDK].clock / spent[OURS].clock, 3.5, "×"),
        Claim("the same by processor time", spent[SDK].processor / spent[OURS].processor, 3.5, "×"),
        Claim(
            f"{A_DAY_AND_A_HALF:,} events (36 hours) caught up",
            seconds / (laps * EVENTS) * A_DAY_AND_A_HALF,
            60,
            "s",
            is_at_most=True,
        ),
        Claim("memory, what it grows by from 100,000 events on", caught_up.growth, 10, "MB", is_at_most=True),
    )


# ---- the clients -------------------------------------------------------------------------------------------------------


def ours(url: str) -> tuple[Spent, Found]:
    """Read everything as the collector does; the server closes at the end."""
    began, processor = time.perf_counter(), time.process_time()
    pages = list(JetstreamStream(url, now=lambda: datetime.now(UTC)).read([TAG], None, OPENS))
    taken = Spent(time.perf_counter() - began, time.process_time() - processor)
    assert position(pages[-1]) == FIRST_SEQ + EVENTS - 1, "some events were not read"
    posts = frozenset(seen.post.ref.uri for page in pages for seen in page.posts)
    return taken, (posts, sum(len(page.gone) for page in pages))


def sdk(url: str) -> tuple[Spent, Found]:
    """Read everything as the SDK's example does, looking for the tag in its models."""
    wanted = fold_hashtag(TAG)
    posts: set[str] = set()
    deletions = 0
    ended: list[Spent] = []
    client = JetstreamClient(
        {"kinds": ["commit", "account"], "collections": ["app.bsky.feed.post"]}, base_uri=f"{url}/xrpc", compress=False
    )

    def take(message: object) -> None:
        nonlocal deletions
        if isinstance(message, models.NetworkBskyJetstreamSubscribeEvents.Commit):
            if message.operation == "delete":
                deletions += 1
            elif wanted in tags_of(message.record):
                posts.add(f"at://{message.did}/{message.collection}/{message.rkey}")
        if getattr(message, "seq", 0) == FIRST_SEQ + EVENTS - 1:
            ended.append(Spent(time.perf_counter() - began, time.process_time() - processor))
            client.stop()

    failed: list[Exception] = []
    began, processor = time.perf_counter(), time.process_time()
    client.start(take, failed.append)
    assert ended, "some events were not read"
    assert not failed, failed[0]
    return ended[0], (frozenset(posts), deletions)


def tags_of(record: object) -> set[str]:
    facets = getattr(record, "facets", None) or ()
    labels = [feature.tag for facet in facets for feature in facet.features if hasattr(feature, "tag")]
    return {fold_hashtag(label) for label in labels}


def position(page: Page) -> int:
    """Return the number of the last event that is behind a page."""
    return int(json.loads(page.checkpoint or "")["seq"])


# ---- catching up -------------------------------------------------------------------------------------------------------

LAP = 1_000_000  # how far apart the numbers of two laps begin


class CatchingUp(JetstreamStream):
    """Our stream, which notes how much memory the process has after each page."""

    def __init__(self, url: str) -> None:
        super().__init__(url, now=lambda: datetime.now(UTC))
        self.memory: list[tuple[int, float]] = []  # after so many events, so many MB
        self.spent = Spent(0, 0)

    def read(self, tags: Iterable[str], checkpoint: str | None, since: datetime) -> Iterator[Page]:
        for page in super().read(tags, checkpoint, since):
            yield page
            lap, number = divmod(position(page) - FIRST_SEQ, LAP)
            self.memory.append((lap * EVENTS + number + 1, resident()))

    def sampled(self, laps: int) -> list[tuple[int, float]]:
        """Return the memory at each 100,000 of the first million, then at each million, then at the end."""
        marks = [
            *(EVENTS * n for n in range(1, 10)),
            *(10 * EVENTS * n for n in range(1, laps // 10 + 1)),
            laps * EVENTS,
        ]
        marks = sorted({mark for mark in marks if mark <= laps * EVENTS})
        return [(mark, next(memory for count, memory in self.memory if count >= mark)) for mark in marks]

    @property
    def growth(self) -> float:
        after = [memory for count, memory in self.memory if count >= EVENTS]
        return max(after) - after[0]


def catch_up(wire: bytes, laps: int, tagged: int) -> CatchingUp:
    """Take the same events again and again, under other numbers and with the tagged posts as new ones, into a new store."""
    stored = Tally()

    def tell_of(tally: Tally) -> None:
        nonlocal stored
        stored += tally

    with tempfile.TemporaryDirectory() as folder, fed(renumbered(wire, laps)) as url:
        engine = open_engine(f"sqlite:///{Path(folder) / 'shareasm.db'}")
        upgrade(engine)
        stream = CatchingUp(url)
        began, processor = time.perf_counter(), time.process_time()
        desk = Desk(engine, campaign(), SystemClock())
        follow(desk, Source("jetstream:bench.example", SourceKind.JETSTREAM, url), stream, tell_of)
        stream.spent = Spent(time.perf_counter() - began, time.process_time() - processor)
        engine.dispose()
    assert stored.new == laps * tagged, f"{stored.new} of {laps * tagged} posts were stored"
    assert stream.memory[-1][0] == laps * EVENTS, "some events were not read"
    return stream


def renumbered(wire: bytes, laps: int) -> Iterator[bytearray]:
    """Yield the events lap by lap: each event with a number of its own, each tagged post under a key of its own."""
    piece = bytearray(wire)
    numbers = [found.start(1) for found in re.finditer(rb'"seq":(\d\d)', wire)]
    keys = [found.start(1) for found in re.finditer(rb'"operation":"create"[^{]*"rkey":"(..)', wire)]
    for lap in range(laps):
        for at in numbers:
            piece[at : at + 2] = b"%d" % (10 + lap)
        for at in keys:
            piece[at : at + 2] = bytes((97 + lap // 26, 97 + lap % 26))
        yield piece


def resident() -> float:
    """Return how much memory the process has, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


# ---- the server --------------------------------------------------------------------------------------------------------


@contextmanager
def fed(pieces: Iterable[bytes]) -> Iterator[str]:
    """Run a server for one client in a process of its own; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        feeder = multiprocessing.get_context("fork").Process(target=feed, args=(listening, pieces), daemon=True)
        feeder.start()
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            feeder.terminate()
            feeder.join()


def feed(listening: socket.socket, pieces: Iterable[bytes]) -> None:
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
    for piece in pieces:
        line.sendall(piece)
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
