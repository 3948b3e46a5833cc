"""News: what a worker has to say, each event one line for a person, the same trouble told once.

Jobs run in several threads; what they say comes out one after the other.
"""

import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from shareasm.clock import Clock
from shareasm.collect import Asked, Outcome, Tally
from shareasm.domain.campaigns import Source
from shareasm.domain.queue import State
from shareasm.publish import Result


class Event(NamedTuple):
    """Something that a person may want to read as it happens."""

    at: datetime  # aware UTC, campaign clock
    kind: str  # sent, missed, withdrawn, collected, gone, trouble, plan, recap, closed, fault
    text: str


class News:
    """Turns what came of jobs into events and hands them to `tell`, one call at a time."""

    def __init__(self, tell: Callable[[Event], None], clock: Clock) -> None:
        self.faults: list[BaseException] = []
        self._tell = tell
        self._clock = clock
        self._telling = threading.Lock()
        self._told: dict[str, str] = {}

    def say(self, kind: str, text: str) -> None:
        with self._telling:
            self._tell(Event(self._clock.now(), kind, text))

    def is_well(self, name: str) -> None:
        """Forget the trouble of `name`: when it comes again it is told again."""
        self._told.pop(name, None)

    def trouble(self, name: str, text: str) -> None:
        if self._told.get(name) != text:  # the same trouble is told once, not at every tick
            self._told[name] = text
            self.say("trouble", f"{name}: {text}")

    def fault(self, name: str, fault: BaseException) -> None:
        self.faults.append(fault)
        trace = "".join(traceback.format_exception(fault))
        if self._told.get(name) != trace:
            self._told[name] = trace
            self.say("fault", f"{name}: a fault of the program, please report it\n{trace}")

    def asked(self, answers: Asked) -> None:
        for source, error in answers.silent.items():
            self.trouble(f"asking {source}", str(error))
        if gone := answers.tally.gone:
            self.say("gone", _gone(gone))

    def outcome(self, source: Source, read: Outcome) -> None:
        if read.error:
            self.trouble(source.id, str(read.error))
        elif not read.was_resting:
            self.is_well(source.id)
        self.tally(source, read.tally)

    def tally(self, source: Source, stored: Tally) -> None:
        if stored.new or stored.changed:
            bits = [count_of(stored.new, "new post", "new posts")] if stored.new else []
            bits += [f"{stored.changed} changed"] if stored.changed else []
            self.say("collected", f"{source.id}: {', '.join(bits)}")
        if stored.gone:  # a stream tells of deletions, and a timeline shows who made a post private
            self.say("gone", f"{source.id}: {_gone(stored.gone)}")

    def result(self, tried: Result) -> None:
        kind = "sent" if tried.receipt else _KINDS.get(tried.entry.state, "trouble")
        self.say(kind, f"{tried.entry.key.name}: {tried.words}")


def _gone(number: int) -> str:
    return f"{count_of(number, 'post is', 'posts are')} not public any more, and not shown any more"


_KINDS = {State.MISSED: "missed", State.WITHDRAWN: "withdrawn"}


def count_of(number: int, one: str, many: str) -> str:
    """Return a number with its noun.

    >>> count_of(1, "post", "posts"), count_of(0, "post", "posts")
    ('1 post', '0 posts')
    """
    return f"{number} {one if number == 1 else many}"
