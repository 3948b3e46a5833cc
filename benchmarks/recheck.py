"""Asking again before a recap: 12,000 posts of one Mastodon server, within its limits, in ten minutes.

The stand-in server has the limits that Mastodon documents (300 requests in 5 minutes for each token and for each address), in
windows that lie along the clock. It begins where the worker begins, twelve and a half minutes before a full hour, in the
middle of a window; and at the worst instant, as a window has just begun. Where limits make us wait, the clock of both sides is
set ahead, and by 150 ms at each request: so far away lies the server. One post in a hundred has been deleted meanwhile,
one in a hundred edited. Not one request may be answered with 429.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
from race import Claim, rounds, table, tell
from workload import TAG, campaign, source

from shareasm import collect
from shareasm.clock import SystemClock
from shareasm.collect import Desk
from shareasm.domain.campaigns import Campaign, Source
from shareasm.domain.robots import Notices
from shareasm.networks.mastodon.pace import Pacing
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.mastodon.translate import decode_page
from shareasm.networks.ports import Page
from shareasm.rehearsal.mastodon import MastodonServer
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade

POSTS = 12_000
DELETED, EDITED = slice(0, None, 100), slice(1, None, 100)
WINDOW = timedelta(minutes=5)
FAR = timedelta(milliseconds=150)


class LeapingClock(SystemClock):
    """Real time, but that it is set ahead instead of being waited for."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def leap_into_window(self, begins: timedelta) -> None:
        """Go on so far into the next window."""
        self._ahead += WINDOW - timedelta(seconds=self.now().timestamp() % WINDOW.total_seconds()) + begins

    def leap(self, instant: datetime) -> bool:
        self._ahead += max(instant - self.now(), timedelta())
        return True


class Counted(httpx.HTTPTransport):
    """Counts requests, and those that were refused for coming too fast. Each takes as long as one to a far server."""

    def __init__(self, clock: LeapingClock) -> None:
        super().__init__()
        self._clock = clock
        self.asked = self.refused = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self._clock.leap(self._clock.now() + FAR)
        self.asked += 1
        self.refused += response.status_code == 429
        return response


@dataclass(frozen=True)
class Result:
    """What one round took."""

    took: timedelta
    asked: int
    foreseen: timedelta


def main() -> None:
    count = rounds(1)
    ways = {
        "without sign-in, as the worker begins": (False, WINDOW / 2),
        "with a token, as the worker begins": (True, WINDOW / 2),
        "without sign-in, at the worst instant": (False, timedelta(seconds=1)),
    }
    results = {name: max((check(*way) for _ in range(count)), key=lambda one: one.took) for name, way in ways.items()}
    table(
        (f"{POSTS:,} posts, of them 1 % deleted, 1 % edited", "time", "requests", "foreseen"),
        *(
            (name, f"{minutes(one.took):.1f} min", one.asked, f"{minutes(one.foreseen):.0f} min")
            for name, one in results.items()
        ),
    )
    tell(*(Claim(name, minutes(one.took), 10, "min", is_at_most=True) for name, one in results.items()))


def minutes(time_: timedelta) -> float:
    return time_ / timedelta(minutes=1)


def check(has_token: bool, begins: timedelta) -> Result:
    """Ask about everything once, in a world of its own."""
    clock = LeapingClock()
    with standing_in(clock) as server, tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/store.db")
        upgrade(engine)
        at = Source(source().id, source().kind, server.url)
        desk = Desk(engine, on(at, clock.now()), clock)
        said = fill(desk, at, server)
        for status in said[DELETED]:
            server.delete(status)
        for status in said[EDITED]:
            server.edit(status, f"Edited #{TAG}")
        token = server.token(server.account("reader", "Reader"), "read") if has_token else None
        counted = Counted(clock)
        pace = Pacing(now=clock.now, notices=Notices(clock.now)).of(server.url)
        reader = MastodonReader(
            server.url, user_agent="bench", now=clock.now, token=token, pace=pace, transport=counted
        )
        foreseen = collect.time_to_confirm(desk, {at.id: reader})
        clock.leap_into_window(begins)
        began = clock.now()
        asked = collect.confirm(desk, {at.id: reader}, clock.leap)
        result = Result(clock.now() - began, counted.asked, foreseen)
        assert (asked.tally.gone, asked.tally.changed) == (len(said[DELETED]), len(said[EDITED])), asked.tally
        assert collect.count_unconfirmed(desk, began) == 0
        assert counted.refused == 0, f"{counted.refused} requests came too fast"
        engine.dispose()
        return result


def on(at: Source, now: datetime) -> Campaign:
    """Return a day of which it is the evening, with one source."""
    return replace(campaign(), sources=(at,), opens_at=now - timedelta(hours=16), closes_at=now + timedelta(hours=1))


def fill(desk: Desk, at: Source, server: MastodonServer) -> list[dict[str, object]]:
    """Let people say something, and store it as if it had been read; return the statuses."""
    people = [server.account(f"person{number}", f"Person {number}") for number in range(POSTS // 20)]
    said = [server.say(people[number % len(people)], f"Voice {number} #{TAG}") for number in range(POSTS)]
    seen = [status | {"application": None} for status in said]  # what only their authors see
    for first in range(0, POSTS, 1000):
        page = decode_page(msgspec.json.encode(seen[first : first + 1000]), server.url, server.instance.domain)
        collect.store(desk, at, Page(posts=tuple(page.posts)), TAG)
    assert collect.count_unconfirmed(desk, desk.clock.now()) == POSTS
    return said


@contextmanager
def standing_in(clock: LeapingClock) -> Iterator[MastodonServer]:
    server = MastodonServer(clock, seed=1)
    server.start()
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    main()
