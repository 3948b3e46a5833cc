"""How commands end: by a signal in good order, at once where nothing is lost by it, and never later than they say."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import click

from shareasm.cli.folders import pasteable
from shareasm.errors import ShareasmError

INTERRUPTED = 128 + signal.SIGINT  # what shells call a program that Ctrl-C ended


class Stop(threading.Event):
    """Set by the first signal."""

    number: int | None = None

    def raise_for_ctrl_c(self) -> None:
        """End the command with the exit code of Ctrl-C, where that was it. SIGTERM is how a platform stops: all is well."""
        if self.number == signal.SIGINT:
            raise click.exceptions.Exit(INTERRUPTED)


@contextmanager
def stop_signal() -> Iterator[Stop]:
    """Set an event at Ctrl-C and SIGTERM; a second Ctrl-C ends at once."""
    stopping = Stop()

    def stop(number: int, _frame: object) -> None:
        if stopping.is_set():
            leave(128 + number)
        stopping.number = number
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_ctrl_c(words: str) -> Iterator[None]:
    """Let Ctrl-C end the process at once, with `words`: for work that may be broken off anywhere and is begun anew.

    Without it each thread would go on to speak of what the others have taken down.
    """

    def end(_number: int, _frame: object) -> None:
        os.write(2, f"\n{words}\n".encode())  # not `echo`: it may be what the signal interrupts
        leave(INTERRUPTED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def certain_end() -> Iterator[None]:
    """End the process when the command has ended: a thread that waits for a dead server would keep it for minutes."""
    code, others = 0, set(threading.enumerate())
    try:
        yield
    except click.exceptions.Exit as end:
        code = end.exit_code
        raise
    except ShareasmError as error:
        code = 1
        if set(threading.enumerate()) - others:
            click.secho(f"shareasm: {pasteable(str(error))}", fg="red", err=True)
        raise
    except KeyboardInterrupt:
        code = INTERRUPTED
        if set(threading.enumerate()) - others:
            tell_interrupted()
        raise
    except BaseException:
        code = 1
        raise
    finally:
        if set(threading.enumerate()) - others:
            leave(code)


def tell_interrupted() -> None:
    """Say that Ctrl-C ended it."""
    click.echo("\nStopped by Ctrl-C, perhaps halfway: called again, it goes on from there.", err=True)


def leave(code: int) -> NoReturn:
    """End at once, whatever else runs."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(RuntimeError, OSError, ValueError):  # a signal may have come while it was written to, or closed
            stream.flush()
    os._exit(code)
