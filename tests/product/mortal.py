"""Runs the program and lets it die by SIGKILL at one moment of its work: `mortal.py <Doom as JSON> <command> …`.

A moment is where a power cut leaves something else behind than a moment earlier: before and after a commit, before a request
is on its way, when it is, when the server has acted and its answer is not read yet, and when it is read and not stored.
They are counted, written to a trace, and looked for in the driver and the sockets: the program itself is not changed.
"""

import itertools
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

import shareasm
from shareasm.cli import main
from shareasm.clock import SystemClock

PACKAGE = f"{Path(shareasm.__file__).parent}{os.sep}"
SENDING = {"publish", "steer", "plan"}  # rooms of the package whose moments count, beside those of the main thread
ANSWERS_WITHIN_S = 20


class Kind(StrEnum):
    """What a moment is."""

    BEFORE_COMMIT = "before a commit"
    AFTER_COMMIT = "after a commit"
    BEFORE_REQUEST = "before a request"
    ON_ITS_WAY = "request on its way"
    DONE = "done, answer not read"
    ANSWERED = "answer read, not stored"


@dataclass(frozen=True)
class Doom:
    """How a life goes: `dies_at` counts the moments, or those of one `kind`, from 1 (None: it lives).

    `trace` takes a line for each moment. `shift` is a file with one double: by how many seconds the program's clock is ahead
    of the machine's.
    """

    trace: str
    shift: str
    dies_at: int | None = None
    kind: Kind | None = None

    def text(self) -> str:
        return json.dumps(asdict(self))


class Moments:
    """Counts the moments of this process, and ends it at the one that it is doomed to."""

    def __init__(self, doom: Doom) -> None:
        self._doom = doom
        self._counted = itertools.count(1)
        self._trace = os.open(doom.trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._talk = threading.local()

    def pass_by(self, kind: Kind, what: str = "") -> None:
        place = working_function()
        if place is None:
            return
        os.write(self._trace, f"{threading.get_native_id()}\t{kind}\t{place}\t{what}\n".encode())
        if self._doom.kind in (None, kind) and next(self._counted) == self._doom.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    # ---- the store -----------------------------------------------------------------------------------------------------

    def commit(self, do_commit: Callable[..., None], dialect: Any, connection: Any) -> None:
        if self._heard():
            self.pass_by(Kind.ANSWERED)
        self.pass_by(Kind.BEFORE_COMMIT)
        do_commit(dialect, connection)
        self.pass_by(Kind.AFTER_COMMIT)

    # ---- the line ------------------------------------------------------------------------------------------------------

    def send(self, send: Callable[..., Any], line: socket.socket, data: Any, *more: Any) -> Any:
        if line.family == socket.AF_INET and not self._is_asking():
            if self._heard():
                self.pass_by(Kind.ANSWERED)
            self._talk.request = bytes(data[:200]).split(b"?")[0].split(b"\r\n")[0].decode("latin-1")
            self.pass_by(Kind.BEFORE_REQUEST, self._talk.request)
            self._talk.state = "asking"
        return send(line, data, *more)

    def receive(self, receive: Callable[..., Any], line: socket.socket, *how: Any) -> Any:
        if line.family == socket.AF_INET and self._is_asking():
            self.pass_by(Kind.ON_ITS_WAY, self._talk.request)
            select.select([line], [], [], ANSWERS_WITHIN_S)
            self.pass_by(Kind.DONE, self._talk.request)
            self._talk.state = "heard"
        return receive(line, *how)

    def _is_asking(self) -> bool:
        return getattr(self._talk, "state", "") == "asking"

    def _heard(self) -> bool:
        """Return whether an answer was read since this was asked last."""
        heard = getattr(self._talk, "state", "") == "heard"
        if heard:
            self._talk.state = ""
        return heard


def working_function() -> str | None:
    """Return which function of ours is at work for sending; None where it is something else, such as a heartbeat."""
    works = list(_our_code())
    if not works or works[0] == ("storage", "reading"):  # nothing is written, so nothing can be half written
        return None
    for room, name in works:
        if room in SENDING:
            return name
    return works[0][1] if threading.current_thread() is threading.main_thread() else None


def _our_code() -> Iterator[tuple[str, str]]:
    """Yield room (module or package right below ours) and name of the functions at work, innermost first."""
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE):
            yield file.removeprefix(PACKAGE).partition(os.sep)[0].removesuffix(".py"), frame.f_code.co_name
        frame = frame.f_back


def arm(doom: Doom) -> None:
    """Make this process mortal, its clock the test's, and its jobs quick."""
    moments = Moments(doom)
    for name in ("send", "sendall"):
        _replace(socket.socket, name, moments.send)
    for name in ("recv", "recv_into"):
        _replace(socket.socket, name, moments.receive)
    _replace(DefaultDialect, "do_commit", moments.commit)

    with Path(doom.shift).open("rb") as file:
        shift = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    real_now = SystemClock.now

    def now(clock: SystemClock) -> datetime:
        return real_now(clock) + timedelta(seconds=struct.unpack("d", shift[:8])[0])

    SystemClock.now = now  # type: ignore[method-assign]

    from shareasm import worker

    rhythm = worker.Rhythm(publish_s=0.1, beat_s=0.5)
    worker.Worker = partial(worker.Worker, rhythm=rhythm)  # type: ignore[assignment,misc]


def _replace(owner: type, name: str, by: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    def replaced(self: Any, *given: Any) -> Any:
        return by(original, self, *given)

    setattr(owner, name, replaced)


def live(doom: Doom, arguments: Sequence[str]) -> None:
    """Run a command until it ends or dies."""
    arm(doom)
    main(list(arguments), prog_name="shareasm")


if __name__ == "__main__":
    live(Doom(**json.loads(sys.argv[1])), sys.argv[2:])
