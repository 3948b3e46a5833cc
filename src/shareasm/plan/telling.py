"""Telling a difference: counts and names in a line for the log; every slot with its old and new words for who applies it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import TypeVar
from zoneinfo import ZoneInfo

from shareasm.domain.differences import Difference, parts_changed
from shareasm.domain.queue import Change, EntryKey, PlannedEntry, QueueEntry, State

T = TypeVar("T")

NAMED = 6  # slots in a summary; past these it says how many more
AROUND = 30  # characters shown before and after changed words
SHOWN = 160  # characters of a change


def summary(found: Difference) -> str:
    """Return what changed in one line: counts of posts, names of slots."""
    bits = [
        _count("new", [entry.key for entry in found.new]),
        _count("changed", [change.entry.key for change in found.changed]),
        _count("moved", [change.entry.key for change in found.moved]),
        _count("back again", [change.entry.key for change in found.back]),
        _count("taken out", [entry.key for entry in found.taken_out]),
        _count("adjusted", [change.entry.key for change in found.adjusted]),
        _count("sent and left as sent", [change.entry.key for change in found.sent_changed]),
        _count("refused before", [change.entry.key for change in found.refused]),
        _count("in doubt and left as it is", [change.entry.key for change in found.in_doubt]),
        _count("not in the plan any more and left as it is", [entry.key for entry in found.left]),
    ]
    return "; ".join(filter(None, bits)) or "nothing changes"


def _count(what: str, keys: Sequence[EntryKey]) -> str:
    if not keys:
        return ""
    slots = list(dict.fromkeys(key.slot for key in keys))
    more = f" and {len(slots) - NAMED} more" if len(slots) > NAMED else ""
    return f"{len(keys)} {what} ({', '.join(slots[:NAMED])}{more})"


def difference_lines(found: Difference, zone: ZoneInfo, *, edits: bool) -> Iterator[str]:
    """Yield the whole difference, slot by slot. `edits`: what was sent and is changed will be edited."""
    for entry, where in _by_slot(found.new, _planned_key):
        yield f"new        {entry.key.slot}, {_time(entry.due_at, zone)}, {where}"
    for change, where in _by_slot(found.back, _changed_key):
        yield f"back       {change.entry.key.slot}, {_time(change.planned.due_at, zone)}, {where}: taken out before"
    for change, where in _by_slot(found.moved, _changed_key):
        times = f"{_time(change.entry.due_at, zone)} → {_time(change.planned.due_at, zone)}"
        yield f"moved      {change.entry.key.slot}, {times}, {where}"
    yield from _changes("changed", found.changed)
    for change, where in _by_slot(found.adjusted, _changed_key):
        yield f"adjusted   {change.entry.key.slot}, {where}: how late it may go, or its link card"
    for out, where in _by_slot(found.taken_out, _queued_key):
        yield f"taken out  {out.key.slot}, {_time(out.due_at, zone)}, {where}"
    yield from _changes("edited" if edits else "sent", found.sent_changed, "" if edits else "sent, and left as sent")
    for change, where in _by_slot(found.sent_moved, _changed_key):
        yield f"sent       {change.entry.key.slot}, {where}: sent, so its new time means nothing"
    yield from _changes("refused", found.refused, "`shareasm resend` sends it with the new words")
    yield from _changes("in doubt", found.in_doubt, "it was tried with its old words, may be out, and is left as it is")
    for left, where in _by_slot(found.left, _queued_key):
        remark = f"{_out(left)}, and not in the plan any more; `shareasm withdraw` takes it back"
        yield f"left       {left.key.slot}, {where}: {remark}"


def _changes(word: str, changes: Iterable[Change], remark: str = "") -> Iterator[str]:
    """Yield changed posts, those with the same old and new words together."""
    groups: dict[tuple[str, str, str, str], list[Change]] = {}
    for change in changes:
        parts = ", ".join(parts_changed(change))
        words = (change.entry.draft.text, change.planned.draft.text)
        groups.setdefault((change.entry.key.slot, parts, *words), []).append(change)
    for (slot, parts, before, after), group in groups.items():
        where = _where(change.entry.key for change in group)
        yield f"{word:<10} {slot}, {where}: {parts}{f'; {remark}' if remark else ''}"
        if before != after:
            old, new = _apart(before, after)
            yield f"             - {old}"
            yield f"             + {new}"


def _apart(before: str, after: str) -> tuple[str, str]:
    """Return two texts cut to where they differ, with a little around it.

    >>> _apart("Good morning from Accra", "Good evening from Accra")
    ('Good morning from Accra', 'Good evening from Accra')
    """
    start = max(_same(before, after) - AROUND, 0)
    end = max(_same(before[start:][::-1], after[start:][::-1]) - AROUND, 0)
    return _cut(before, start, end), _cut(after, start, end)


def _same(one: str, other: str) -> int:
    """Return how many letters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _cut(text: str, start: int, end: int) -> str:
    middle = text[start : len(text) - end]
    shown = middle if len(middle) <= SHOWN else f"{middle[: SHOWN - 1]}…"
    return " ".join(f"{'…' if start else ''}{shown}{'…' if end and shown == middle else ''}".split())


def _by_slot(items: Iterable[T], key_of: Callable[[T], EntryKey]) -> Iterator[tuple[T, str]]:
    """Yield the first of each slot's items with where all of them stand."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key_of(item).slot, []).append(item)
    for group in groups.values():
        yield group[0], _where(map(key_of, group))


def _where(keys: Iterable[EntryKey]) -> str:
    """Return where a slot's posts stand: `en, fr on iied-bluesky; en on iied-mastodon`."""
    by_account: dict[str, list[str]] = {}
    for key in keys:
        part = f" part {key.part + 1}" if key.part else ""
        by_account.setdefault(key.account, []).append(f"{key.language}{part}")
    return "; ".join(f"{', '.join(posts)} on {account}" for account, posts in by_account.items())


def _out(entry: QueueEntry) -> str:
    return "sent" if entry.state is State.PUBLISHED else "in hand or in doubt"


def _planned_key(entry: PlannedEntry) -> EntryKey:
    return entry.key


def _queued_key(entry: QueueEntry) -> EntryKey:
    return entry.key


def _changed_key(change: Change) -> EntryKey:
    return change.entry.key


def _time(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M} ({instant:%H:%M} UTC)"
