"""Runs the program with quick jobs on a test's clock, and lets it die by SIGKILL: `hasty.py <Haste as JSON> <command> …`.

It dies right before or right after one of its commits: what a page brought, with the checkpoint behind it, is stored or is not.
"""

import json
import mmap
import os
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from shareasm import worker
from shareasm.cli import main
from shareasm.clock import SystemClock
from shareasm.domain import patience


@dataclass(frozen=True)
class Haste:
    """How a life goes. `shift` is a file with one double: by how many seconds its clock is ahead of the machine's."""

    shift: str
    dies_at: int | None = None  # which commit; None: it lives
    is_before: bool = False
    read_s: float = 0.5
    sweep_s: float = 3
    verify_s: float = 1

    def text(self) -> str:
        return json.dumps(asdict(self))


def arm(haste: Haste) -> None:
    """Make this process quick and mortal, its clock the test's."""
    with Path(haste.shift).open("rb") as file:
        shift = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    real_now = SystemClock.now

    def now(clock: SystemClock) -> datetime:
        return real_now(clock) + timedelta(seconds=struct.unpack("d", shift[:8])[0])

    SystemClock.now = now  # type: ignore[method-assign]
    rhythm = worker.Rhythm(read_s=haste.read_s, sweep_s=haste.sweep_s, verify_s=haste.verify_s, beat_s=1)
    worker.Worker = partial(worker.Worker, rhythm=rhythm)  # type: ignore[assignment,misc]
    patience.TRY_AGAIN_AFTER = timedelta(seconds=0.5)
    if haste.dies_at is not None:
        _die_at(haste.dies_at, is_before=haste.is_before)


def _die_at(number: int, *, is_before: bool) -> None:
    commits, do_commit = count(1), DefaultDialect.do_commit

    def commit(dialect: Any, connection: Any) -> None:
        is_last = next(commits) == number
        if not (is_last and is_before):
            do_commit(dialect, connection)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultDialect.do_commit = commit  # type: ignore[method-assign]


def live(haste: Haste, arguments: Sequence[str]) -> None:
    """Run a command until it ends or dies."""
    arm(haste)
    main(list(arguments), prog_name="shareasm")


if __name__ == "__main__":
    live(Haste(**json.loads(sys.argv[1])), sys.argv[2:])
