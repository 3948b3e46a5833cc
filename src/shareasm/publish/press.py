"""What publishing needs, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import Engine

from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign
from shareasm.domain.queue import QueueEntry, Receipt
from shareasm.errors import ShareasmError
from shareasm.networks.ports import Publisher


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


class Result(NamedTuple):
    """What came of one try of one entry, in words; `error` where there was one."""

    entry: QueueEntry
    words: str
    receipt: Receipt | None = None
    error: ShareasmError | None = None
