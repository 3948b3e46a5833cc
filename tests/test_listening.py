"""A worker hears Mastodon's hashtag live beside reading its timeline. Real threads, a real store, a server on loopback.

The timeline is read once an hour here: what comes sooner came by the stream, or by the look after a connection.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from factories import campaign, schedule
from shareasm.clock import SystemClock
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.mastodon.streaming import MastodonStream
from shareasm.news import Event
from shareasm.recap import Made
from shareasm.rehearsal.faults import Fault
from shareasm.rehearsal.mastodon import Flavour, MastodonServer, Person
from shareasm.showing import judge
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade
from shareasm.wiring import Parts
from shareasm.worker import Rhythm, Worker

pytestmark = pytest.mark.loopback

SELDOM = Rhythm(read_s=3600, sweep_s=3600, verify_s=3600, publish_s=3600, beat_s=3600)
AGENT = "shareasm-tests/1"


class Quick(SystemClock):
    """A clock on which a second takes a twentieth."""

    def pace(self, seconds: float) -> float:
        return seconds / 20


class Ear:
    """A worker that hears one server, and what it knows."""

    def __init__(self, server: MastodonServer, folder: Path) -> None:
        self.server = server
        self.amina: Person = server.account("amina", "Amina", visibility="public")
        self.told: list[Event] = []
        now = datetime.now(UTC)
        self.engine = open_engine(f"sqlite:///{folder / 'x.db'}")
        upgrade(self.engine)
        source = Source("mastodon:here", SourceKind.TAG_TIMELINE, server.url, account="ours")
        self.campaign = campaign(
            sources=(source,), accounts=(), opens_at=now - timedelta(hours=1), closes_at=now + timedelta(hours=1)
        )
        who = {"token": self.amina.token, "user_agent": AGENT, "now": SystemClock().now}
        reader, api = MastodonReader(server.url, **who), Api(server.url, **who)  # type: ignore[arg-type]
        parts = Parts(
            engine=self.engine,
            campaign=self.campaign,
            schedule=schedule(),
            media=folder,
            clock=Quick(),
            readers={source.id: reader},
            streams={source.id: partial(MastodonStream, api, **who)},  # type: ignore[arg-type]
            checkers={source.id: reader},
            publishers={},
            left_out=(),
            make_recap=_never,
        )
        self.worker = Worker(parts, self.told.append, SELDOM)

    def shown(self) -> list[str]:
        """What would be shown now."""
        return sorted(item.stored.post.text for item in judge(self.engine, self.campaign) if item.verdict.show)

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < end, (self.shown(), self.told)
            threading.Event().wait(0.02)

    def until_connected(self) -> None:
        self.until(lambda: self.server.stream.listener_count == 1)


def _never(tell: object) -> Made:
    raise AssertionError("the day is not over")


@contextmanager
def hearing(folder: Path, flavour: Flavour = Flavour.MASTODON) -> Iterator[Ear]:
    with MastodonServer(SystemClock(), flavour=flavour) as server:
        ear = Ear(server, folder)
        ear.worker.start()
        try:
            yield ear
        finally:
            ear.worker.stop()
            ear.engine.dispose()


def test_a_post_an_edit_and_a_deletion_are_known_at_once(tmp_path: Path) -> None:
    with hearing(tmp_path) as ear:
        ear.until_connected()
        said = ear.server.say(ear.amina, "Good mornin #shareASM")
        ear.until(lambda: ear.shown() == ["Good mornin #shareASM"])
        ear.server.edit(said, "Good morning #shareASM")
        ear.until(lambda: ear.shown() == ["Good morning #shareASM"])
        ear.server.delete(said)
        ear.until(lambda: ear.shown() == [])
        gone = "mastodon:here: 1 post is not public any more, and not shown any more"
        ear.until(lambda: [event.text for event in ear.told if event.kind == "gone"] == [gone])


def test_what_a_broken_connection_missed_is_read_from_the_timeline(tmp_path: Path) -> None:
    with hearing(tmp_path) as ear:
        ear.until_connected()
        ear.server.say(ear.amina, "Before #shareASM")
        ear.until(lambda: ear.shown() == ["Before #shareASM"])
        ear.server.stream.refuse()
        ear.server.stream.disconnect()
        ear.server.say(ear.amina, "Meanwhile #shareASM")
        ear.server.stream.refuse(False)
        ear.until(lambda: "Meanwhile #shareASM" in ear.shown())
        ear.until_connected()
        ear.server.say(ear.amina, "Again #shareASM")
        ear.until(lambda: ear.shown() == ["Again #shareASM", "Before #shareASM", "Meanwhile #shareASM"])


def test_a_server_that_ends_the_line_in_peace_is_called_again(tmp_path: Path) -> None:
    with hearing(tmp_path) as ear:
        ear.until_connected()
        ear.server.stream.disconnect(cleanly=True)
        ear.until(lambda: sum(asked.method == "WEBSOCKET" for asked in ear.server.faults.log) > 1)
        ear.server.say(ear.amina, "Meanwhile #shareASM")
        ear.until(lambda: ear.shown() == ["Meanwhile #shareASM"])
        ear.until(lambda: bool(ear.told))
        assert all(event.kind == "collected" for event in ear.told)  # and no trouble is told


@pytest.mark.parametrize("flavour", [Flavour.TAKAHE, Flavour.SNAC])
def test_a_server_without_a_stream_says_so_and_is_read_all_the_same(tmp_path: Path, flavour: Flavour) -> None:
    with hearing(tmp_path, flavour) as ear:
        ear.until(lambda: any("has no live stream" in event.text for event in ear.told))
        (told,) = [event for event in ear.told if event.kind == "trouble"]
        assert told.text.startswith("mastodon:here, live: ")


def test_a_stream_that_fails_does_not_let_the_timeline_rest(tmp_path: Path) -> None:
    with MastodonServer(SystemClock()) as server:
        ear = Ear(server, tmp_path)
        server.faults.add(Fault.RESET_BEFORE, "WEBSOCKET", times=3)
        server.say(ear.amina, "Read #shareASM")
        ear.worker.start()
        try:
            ear.until(lambda: ear.shown() == ["Read #shareASM"])
            ear.until_connected()
        finally:
            ear.worker.stop()
            ear.engine.dispose()
        assert [event.text for event in ear.told if event.kind == "trouble"] == [
            f"mastodon:here, live: {server.url}: its live stream broke off: InvalidMessage"
        ]
