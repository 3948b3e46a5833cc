"""The real program as a process: started, listened to, stopped, killed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import shareasm
from shareasm.resources import template_folder

RUNNING = [sys.executable, "-m", "shareasm"]


@dataclass(frozen=True)
class Ended:
    """A program that has ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What it said on standard error; refuses a trace, and anything longer than a line."""
        assert "Traceback" not in self.err, self.err
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def run(arguments: Sequence[str | Path], environment: dict[str, str], folder: Path, seconds: float = 60) -> Ended:
    """Run a command to its end."""
    ended = subprocess.run(
        [*RUNNING, *arguments],
        cwd=folder,
        env=clean(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def copy_of_the_package(folder: Path) -> Path:
    """Copy the package with its templates, as a wheel has them, into `folder` for PYTHONPATH; return where it is."""
    source, package = Path(shareasm.__file__).parent, folder / "shareasm"
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__", "templates"))
    shutil.copytree(template_folder(), package / "templates")
    return package


def clean(environment: dict[str, str]) -> dict[str, str]:
    """Return this environment without what is meant for shareasm, and with `environment`."""
    hidden = ("SHAREASM_", "DATABASE_URL", "PORT", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return kept | {"PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1"} | environment


class Program:
    """A running program. What it says is kept, line by line; a test waits for words and never for time."""

    def __init__(
        self, arguments: Sequence[str | Path], environment: dict[str, str], folder: Path, running: Sequence[str | Path]
    ) -> None:
        self.lines: list[str] = []
        self._has_said = threading.Condition()
        self._process = subprocess.Popen(
            [*running, *arguments],
            cwd=folder,
            env=clean(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stdout
        with self._process.stdout as out:
            for line in out:
                with self._has_said:
                    self.lines.append(line.rstrip("\n"))
                    self._has_said.notify_all()
        with self._has_said:
            self._has_said.notify_all()

    def wait_for(self, words: str, seconds: float = 45, times: int = 1) -> str:
        """Return the line that says `words` for the so-many-th time, once it is there."""
        with self._has_said:
            self._has_said.wait_for(lambda: len(self._found(words)) >= times or self._is_over(), timeout=seconds)
            found = self._found(words)
        assert len(found) >= times, f"{words!r} was not said:\n{self.said}"
        return found[times - 1]

    def _found(self, words: str) -> list[str]:
        return [line for line in self.lines if words in line]

    def _is_over(self) -> bool:
        return not self._listening.is_alive()

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more, however it ended."""
        return self._process.poll() is not None

    @property
    def said(self) -> str:
        """Everything that it has said."""
        return "\n".join(self.lines)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self.ended()

    def ended(self, seconds: float = 120) -> int:
        """Return its exit code once it has ended; minus nine where it was killed."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.said}") from None
        self._listening.join(10)
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._listening.join(10)


def wait_until(is_so: Callable[[], object], seconds: float) -> None:
    """Return once `is_so`; nobody tells when, so it is asked again and again."""
    never = threading.Event()
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.05)
