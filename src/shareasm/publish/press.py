"""What publishing needs, what comes of it, and what happens to an account whose token is refused."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import Connection, Engine

from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign
from shareasm.domain.queue import QueueEntry, Receipt
from shareasm.errors import ShareasmError, Unauthorized
from shareasm.networks.ports import Publisher
from shareasm.storage import accounts


@dataclass(frozen=True, slots=True)
class Press:
    """What publishing needs: the queue, the campaign and its media, a publisher for each account, a clock, a name."""

    engine: Engine
    campaign: Campaign
    media: Path
    publishers: Mapping[str, Publisher]
    clock: Clock
    worker: str
    in_hand: set[int] = field(default_factory=set)  # entries whose calls are under way: the worker renews their claims
    chance: Callable[[], float] = random.random  # spreads those who try again, see domain.patience


class Result(NamedTuple):
    """What came of one try of one entry, in words; `error` where there was one."""

    entry: QueueEntry
    words: str
    receipt: Receipt | None = None
    error: ShareasmError | None = None


def stop_account(connection: Connection, press: Press, entry: QueueEntry, error: Unauthorized) -> Result | None:
    """Stop the account of an entry whose token was refused. None: it is known already, and told."""
    account = entry.key.account
    if not accounts.stop(connection, press.campaign.slug, account, str(error), press.clock.now()):
        return None
    minutes = int(accounts.TRY_AGAIN_AFTER.total_seconds() // 60)
    words = (
        f"the account {account} is stopped, everything else goes on: {error}. Mend its token with `shareasm connect`: a new"
        f" one is taken at once, and the old one is tried every {minutes} minutes"
    )
    return Result(entry, words, error=error)
