"""A campaign's queue, one network in memory, and a clock to move: what publishing is tested with."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, campaign, schedule
from shareasm.domain.queue import QueueEntry, State
from shareasm.domain.schedules import Slot
from shareasm.errors import Unauthorized, Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Repeat
from shareasm.publish import Press, Result, bring_in_line, prepare_next, publish_due
from shareasm.storage import queue
from shareasm.storage.engine import transaction

SERVER = "https://memory.example"
LOST = Unreachable("the line was cut", server=SERVER, is_outcome_unknown=True)
DOWN = Unreachable("connection refused", server=SERVER)
REFUSED = Unauthorized("token revoked", server=SERVER)


class Office:
    """A campaign, its queue, one network, and a clock to move."""

    def __init__(self, engine: Engine, repeat: Repeat = Repeat.AN_HOUR, account: str = "ours") -> None:
        """`account` is "ours", on Mastodon, or "sky", on Bluesky."""
        self.engine = engine
        self.account = account
        self.clock = FixedClock(NOON)
        self.network = MemoryNetwork(campaign().account(account).network, repeat=repeat)
        self.told: list[Result] = []

    def plan(self, *slots: Slot) -> None:
        bring_in_line(self.engine, campaign(), schedule(*slots))

    def press(self, worker: str = "one") -> Press:
        return Press(
            self.engine, campaign(), Path(), {self.account: self.network}, self.clock, worker, chance=lambda: 0.0
        )

    def send(self, *, after: timedelta = timedelta(), worker: str = "one") -> datetime | None:
        self.clock.advance(after)
        return publish_due(self.press(worker), self.account, self.told.append, lambda: False)

    def prepare(self, *, after: timedelta = timedelta()) -> bool:
        self.clock.advance(after)
        return prepare_next(self.press(), self.account, self.told.append)

    def entries(self) -> list[QueueEntry]:
        with transaction(self.engine) as connection:
            return queue.of_campaign(connection, campaign().slug)

    @property
    def states(self) -> list[State]:
        return [entry.state for entry in self.entries()]

    @property
    def slots(self) -> dict[str, State]:
        return {entry.key.slot: entry.state for entry in self.entries()}

    @property
    def texts(self) -> Sequence[str]:
        return [post.text for post in self.network.posts.values()]
