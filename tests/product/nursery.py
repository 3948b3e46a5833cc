"""Gives birth to programs: one process has everything imported, and is forked for each life.

A life is a process of its own like any other, killed by SIGKILL like any other; it only saves the two seconds of importing
libraries. `python nursery.py` is the process that is forked; `Nursery` is the test's side of it.
"""

import ctypes
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from product.mortal import Doom, live

# What a life would import by and by.
NEEDED = (
    "alembic.command",
    "alembic.runtime.migration",
    "atproto",
    "mastodon",
    "psycopg",
    "shareasm.campaign_files",
    "shareasm.networks.bluesky.client",
    "shareasm.networks.bluesky.publisher",
    "shareasm.networks.mastodon.publisher",
    "shareasm.pictures",
    "shareasm.storage.schema",
    "shareasm.wiring",
    "shareasm.worker",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
)
_PR_SET_PDEATHSIG = 1


@dataclass
class Life:
    """A running program that was born in a nursery."""

    pid: int
    output: Path
    trace: Path
    _line: socket.socket
    _status: bytes = b""

    def ended(self, seconds: float = 60) -> int:
        """Return its exit code once it has ended; minus nine where it was killed."""
        end = time.monotonic() + seconds
        while not self.has_ended(max(end - time.monotonic(), 0)):
            assert time.monotonic() < end, f"it does not end:\n{self.said}"
        return os.waitstatus_to_exitcode(int(self._status))

    def has_ended(self, within_s: float = 0) -> bool:
        """Return whether it has ended, waiting so long for it."""
        if not self._status and select.select([self._line], [], [], within_s)[0]:
            self._status = self._line.recv(64)
            assert self._status, "the nursery is gone"
        return bool(self._status)

    def kill(self) -> None:
        """End it as a power cut does."""
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)
        self.ended()
        self._line.close()

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def moments(self) -> list[str]:
        """What it lived through: a line for each moment, thread, kind, function and request between tabs."""
        return self.trace.read_text(encoding="utf-8").splitlines() if self.trace.exists() else []


@dataclass
class Nursery:
    """The test's side: asks for lives."""

    address: tuple[str, int]
    _lives: list[Life] = field(default_factory=list)

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["Nursery"]:
        """Give a nursery whose lives all end with the block."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([sys.executable, __file__], env=environment, **pipes) as process:
            assert process.stdout
            port = process.stdout.readline()  # it is said when everything is imported
            assert port, "the nursery does not open"
            nursery = cls(("127.0.0.1", int(port)))
            try:
                yield nursery
            finally:
                for life in nursery._lives:
                    life.kill()

    def bear(
        self, arguments: Sequence[str | Path], environment: dict[str, str], folder: Path, doom: Doom, output: Path
    ) -> Life:
        """Let a program live. `environment` is all that it has."""
        line = socket.create_connection(self.address)
        wish = {
            "arguments": [str(argument) for argument in arguments],
            "environment": environment,
            "folder": str(folder),
            "doom": doom.text(),
            "output": str(output),
        }
        line.sendall(json.dumps(wish).encode() + b"\n")
        life = Life(int(line.recv(64)), output, Path(doom.trace), line)
        self._lives.append(life)
        return life


# ---- the process that is forked ----------------------------------------------------------------------------------------


def serve() -> None:
    """Fork a life for each request, until standard input ends."""
    for name in NEEDED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the attendants are waited for by nobody
    with socket.create_server(("127.0.0.1", 0)) as door:
        print(door.getsockname()[1], flush=True)
        while True:
            ready, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _attend(line)
            line.close()


def _attend(line: socket.socket) -> None:
    """Bear one life, say its number, wait for its end and say how it ended. Never returns."""
    _end_with_the_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    wish = json.loads(line.makefile("rb").readline())
    born = os.fork()
    if born == 0:
        line.close()
        _begin(wish)
    line.sendall(str(born).encode())
    _, status = os.waitpid(born, 0)
    line.sendall(str(status).encode())
    os._exit(0)


def _begin(wish: dict[str, object]) -> None:
    _end_with_the_parent()
    code = 70
    try:
        os.setsid()
        output = os.open(str(wish["output"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in ((0, nothing), (1, output), (2, output)):
            os.dup2(descriptor, number)
        os.chdir(str(wish["folder"]))
        os.environ.clear()
        os.environ.update(wish["environment"])  # type: ignore[call-overload]
        live(Doom(**json.loads(str(wish["doom"]))), wish["arguments"])  # type: ignore[arg-type]
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001  the process ends here, and says why
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    serve()
