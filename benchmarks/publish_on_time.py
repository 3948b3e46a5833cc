"""Publishing on time: 500 slots over ten minutes; how long after its due instant the first byte of a post is on the wire.

The real worker on a SQLite file sends through the real Mastodon publisher, every fifth post with four pictures. Beside it, in
the same minutes and to the same server, run what others do: APScheduler with a job for each slot in a SQLite job store, and a
loop that looks into a table each second. Their posts are bare words. The server is another process; it notes when the first
byte of each post arrives.
"""

import argparse
import asyncio
import multiprocessing
import re
import sqlite3
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote_plus

import msgspec
from apscheduler.schedulers.background import BackgroundScheduler
from PIL import Image
from race import Claim, table, tell
from workload import campaign, statuses

from shareasm.clock import SystemClock
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.posts import Network
from shareasm.domain.schedules import Kind, Part, Picture, Schedule, Slot
from shareasm.networks.mastodon.publisher import MastodonPublisher
from shareasm.pictures import prepare
from shareasm.publish import bring_in_line
from shareasm.recap import Made
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade
from shareasm.wiring import Parts
from shareasm.worker import Worker

SLOTS = 500
AHEAD_S = 60  # before the first slot: the programs start, and pictures are uploaded
OURS, JOBS, POLL = "ours: a thread that wakes", "APScheduler, a job a slot in SQLite", "a look each second"
WAYS: dict[str, Callable[[str, list[float], Path], None]] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="how often all of it is done")
    parser.add_argument("--seconds", type=float, default=600, help="over how long the slots are spread")
    asked = parser.parse_args()
    late: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(max(1, asked.rounds)):
        for way, values in run(asked.seconds).items():
            late[way] += values
    rows = {way: (statistics.median(values), share(values, 0.99), max(values)) for way, values in late.items()}
    table(
        ("first byte after the due instant", "median", "99 of 100", "worst"),
        *((way, *(f"{value * 1000:,.1f} ms" for value in values)) for way, values in rows.items()),
    )
    print(f"{SLOTS} slots over {asked.seconds:.0f} s, every fifth of ours with four pictures, prepared ahead.\n")
    median, worst, _ = rows[OURS]
    tell(
        Claim("median", median * 1000, 20, "ms", is_at_most=True),
        Claim("99 of 100", worst * 1000, 150, "ms", is_at_most=True),
        Claim("median, against a look each second", rows[POLL][0] / median, 25, "×"),
    )


def share(values: list[float], part: float) -> float:
    """Return the value below which `part` of all lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def run(seconds: float) -> dict[str, list[float]]:
    """Let all ways send side by side; return by how many seconds each post was late."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    address = f"http://127.0.0.1:{ours.recv()}"
    step = seconds / SLOTS
    begins = time.time() + AHEAD_S
    # Not at the same instants: three that wake at once would wait for each other's disk.
    due = {way: [begins + step * (n + k / len(WAYS)) for n in range(SLOTS)] for k, way in enumerate(WAYS)}
    with TemporaryDirectory() as folder:
        senders = []
        for number, way in enumerate(WAYS):
            (place := Path(folder, str(number))).mkdir()
            senders.append(context.Process(target=WAYS[way], args=(address, due[way], place)))
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    ours.send("enough")
    arrived: list[tuple[str, float]] = ours.recv()
    server.join()
    return {way: lateness(number, due[way], arrived) for number, way in enumerate(WAYS)}


def lateness(number: int, due: list[float], arrived: list[tuple[str, float]]) -> list[float]:
    names = [name for name, _ in arrived if name.startswith(f"{number}-")]
    assert sorted(names) == sorted(f"{number}-{n}" for n in range(SLOTS)), "not every slot came exactly once"
    return [at - due[int(name.split("-")[1])] for name, at in arrived if name.startswith(f"{number}-")]


def name_of(way: str, slot: int) -> str:
    return f"{list(WAYS).index(way)}-{slot}"


# ---- the server --------------------------------------------------------------------------------------------------------


def serve(pipe: Connection) -> None:
    """Take uploads and posts until told that it is enough; then tell when the first byte of each post came."""
    arrived: list[tuple[str, float]] = []
    answer = msgspec.json.encode(statuses(1)[0])
    instance = b'{"version":"4.6.3","configuration":{"statuses":{"max_characters":500},"media_attachments":{}}}'

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while first := await reader.read(1):
                at = time.time()
                head = first + await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                path = head.split(b" ", 2)[1]
                if path == b"/api/v1/statuses":
                    name = re.search(r"slot (\d+-\d+)", unquote_plus(body.decode()))
                    assert name
                    arrived.append((name[1], at))
                    said = answer
                else:
                    said = (
                        b'{"id":"1","type":"image","url":"https://files.example/1"}' if b"media" in path else instance
                    )
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(said), said))
                await writer.drain()
        writer.close()

    async def stay() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)

    asyncio.run(stay())
    pipe.send(arrived)


def post(address: str, name: str) -> None:
    """Post bare words, as the simplest program would."""
    body = f"status=slot+{name}&visibility=public".encode()
    with urllib.request.urlopen(urllib.request.Request(f"{address}/api/v1/statuses", body), timeout=30) as answer:
        answer.read()


# ---- the ways ----------------------------------------------------------------------------------------------------------


def ours(address: str, due: list[float], folder: Path) -> None:
    """The real worker with the whole plan in its queue."""
    for number in range(4):
        colours = [Image.effect_noise((1000, 750), 20 + number) for _ in range(3)]
        Image.merge("RGB", colours).save(folder / f"{number}.jpg", quality=80)
    account = CampaignAccount("ours", Network.MASTODON, address, "day@127.0.0.1", ("en",))
    ends = datetime.fromtimestamp(due[-1], UTC) + timedelta(hours=1)
    day = replace(campaign(), accounts=(account,), sources=(), opens_at=datetime.now(UTC), closes_at=ends)
    schedule = Schedule(tuple(slot(number, at) for number, at in enumerate(due)))
    engine = open_engine(f"sqlite:///{folder / 'day.db'}")
    upgrade(engine)
    bring_in_line(engine, day, schedule)
    publisher = MastodonPublisher(address, "token", user_agent="bench", now=lambda: datetime.now(UTC), prepare=prepare)
    parts = Parts(engine, day, schedule, folder, SystemClock(), {}, {}, {}, {"ours": publisher}, (), never)
    sent = threading.Semaphore(0)
    worker = Worker(parts, lambda event: sent.release() if event.kind == "sent" else print(event))
    worker.start()
    for _ in due:
        assert sent.acquire(timeout=due[-1] - time.time() + 60)
    worker.stop()


def slot(number: int, at: float) -> Slot:
    pictures = tuple(Picture(f"{n}.jpg", {"": "a mine"}, "us", "CC0-1.0") for n in range(4)) if number % 5 == 0 else ()
    words = Part({"en": {"": f"slot {name_of(OURS, number)} #shareASM"}}, pictures)
    return Slot(f"slot-{number}", datetime.fromtimestamp(at, UTC), "Europe/London", Kind.NEWS, (words,), ("ours",))


def never() -> Made:
    raise AssertionError("the day does not end here")


def jobs(address: str, due: list[float], folder: Path) -> None:
    """APScheduler with its own job store, set so that no job is dropped."""
    scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None})
    scheduler.add_jobstore("sqlalchemy", url=f"sqlite:///{folder / 'jobs.db'}")
    scheduler.start(paused=True)
    for number, at in enumerate(due):
        scheduler.add_job(post, "date", run_date=datetime.fromtimestamp(at, UTC), args=(address, name_of(JOBS, number)))
    scheduler.resume()
    while scheduler.get_jobs():
        time.sleep(1)
    scheduler.shutdown(wait=True)


def poll(address: str, due: list[float], folder: Path) -> None:
    """A table, and a look into it each second."""
    store = sqlite3.connect(folder / "posts.db", isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE posts (number INTEGER PRIMARY KEY, due REAL, is_sent INTEGER DEFAULT 0)")
    store.execute("BEGIN")
    store.executemany("INSERT INTO posts (number, due) VALUES (?, ?)", enumerate(due))
    store.execute("COMMIT")
    left = len(due)
    while left:
        rows = store.execute("SELECT number FROM posts WHERE NOT is_sent AND due <= ? ORDER BY due", (time.time(),))
        for (number,) in rows.fetchall():
            post(address, name_of(POLL, number))
            store.execute("UPDATE posts SET is_sent = 1 WHERE number = ?", (number,))
            left -= 1
        time.sleep(1)


WAYS |= {OURS: ours, JOBS: jobs, POLL: poll}


if __name__ == "__main__":
    main()
