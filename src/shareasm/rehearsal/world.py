"""World: the networks of a rehearsal, on loopback: two Mastodon servers that know each other's statuses, and one Bluesky."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from shareasm.clock import Clock
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.mastodon import MastodonServer, federate


@dataclass(frozen=True)
class World:
    """The stand-ins, between `start` and `stop` or inside `with`. What is said on `home` shows on `away` and back."""

    clock: Clock
    home: MastodonServer
    away: MastodonServer
    bluesky: StandInBluesky

    @classmethod
    def build(cls, clock: Clock, *, seed: int = 1) -> "World":
        """Return a world in which nobody lives yet. `seed` decides the chance in ids."""
        home = MastodonServer(clock, title="The first stand-in", domain="first.example", seed=seed)
        away = MastodonServer(clock, title="The second stand-in", domain="second.example", seed=seed + 1)
        federate(home, away)
        federate(away, home)
        return cls(clock, home, away, StandInBluesky(clock))

    def start(self) -> None:
        """Open all servers."""
        self.home.start()
        self.away.start()
        self.bluesky.start()

    def stop(self) -> None:
        """Close all servers, also when they were never opened: their ports are free again."""
        self.bluesky.stop()
        self.away.stop()
        self.home.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextmanager
def open_world(clock: Clock, *, seed: int = 1) -> Iterator[World]:
    """Give a world that is open until the block ends."""
    with World.build(clock, seed=seed) as world:
        yield world
