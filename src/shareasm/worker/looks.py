"""Looks: every source read from its checkpoint, swept for what came late, and its conversations, where they grew."""

from datetime import datetime, timedelta

from shareasm import collect
from shareasm.domain.campaigns import Source
from shareasm.worker.shift import Shift

LAST_CONVERSATIONS = 500  # read at the end of the day, ours first


def read(shift: Shift, source: Source) -> None:
    """Read what is new since the checkpoint."""
    if _may_look(shift, source):
        shift.news.outcome(source, collect.read(shift.desk, source, shift.parts.readers[source.id]))


def sweep(shift: Shift, source: Source, since: datetime | None = None) -> None:
    """Read again what was said `since`, or within the sweeps' usual reach."""
    if _may_look(shift, source):
        back = since or shift.parts.clock.now() - timedelta(seconds=shift.rhythm.sweep_back_s)
        shift.news.outcome(source, collect.sweep(shift.desk, source, shift.parts.readers[source.id], back))


def listen(shift: Shift) -> None:
    """Read answers and quotes without the tag."""
    if shift.is_open() and shift.has_lease("conversations"):
        shift.news.asked(collect.ask_about_ours(shift.desk, shift.parts.checkers))
        shift.news.asked(collect.read_conversations(shift.desk, shift.parts.conversations))


def listen_last(shift: Shift) -> None:
    """Read all conversations that grew, whoever holds the lease."""
    found = collect.read_conversations(shift.desk, shift.parts.conversations, at_most=LAST_CONVERSATIONS)
    shift.news.asked(found)


def _may_look(shift: Shift, source: Source) -> bool:
    """Whether it is time to look, and nobody else does. The last look has the servers' limits to itself."""
    return shift.is_open() and not shift.closing.locked() and shift.has_lease(f"read {source.id}")
