"""The outlook: what would go out now, when exactly, and what is too late; said before a paused day goes on."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection, Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.queue import QueueEntry, State
from shareasm.domain.turns import Due, is_overdue, turns_from
from shareasm.storage import queue, turns
from shareasm.storage.engine import reading


class Outlook(NamedTuple):
    """What happens to the entries whose time has come."""

    sends: tuple[
        tuple[datetime, QueueEntry], ...
    ]  # when each goes out, in order; a thread's parts follow their first at once
    missed: tuple[QueueEntry, ...]


def after_resume(engine: Engine, campaign: Campaign, now: datetime) -> Outlook:
    """Return what will go out and what is missed when the day goes on at `now`, as far as nothing comes in between.

    What answers or quotes another post of ours is listed for its own turn; it goes when that one is out.
    """
    sends: list[tuple[datetime, QueueEntry]] = []
    missed: list[QueueEntry] = []
    with reading(engine) as connection:
        waiting = [
            e for e in queue.of_campaign(connection, campaign.slug) if e.state is State.WAITING and e.due_at <= now
        ]
        for account in campaign.accounts:
            ours = [entry for entry in waiting if entry.key.account == account.id]
            _look_at(connection, ours, now, sends, missed)
    return Outlook(tuple(sorted(sends, key=lambda send: send[0])), tuple(missed))


def _look_at(
    connection: Connection,
    waiting: list[QueueEntry],
    now: datetime,
    sends: list[tuple[datetime, QueueEntry]],
    missed: list[QueueEntry],
) -> None:
    """Add what becomes of one account's waiting entries."""
    starts: dict[tuple[str, str], datetime | None] = {}  # a thread's first part → when it goes, None: not at all
    firsts = [entry for entry in waiting if entry.key.part == 0]
    dues = {entry.id: Due(entry.id, entry.due_at, entry.expires_at, _may_wait(entry)) for entry in firsts}
    overdue = [d for d in dues.values() if is_overdue(d, now) and not _is_too_late(d, now)]
    last = turns.last_sent_at(connection, waiting[0].campaign, waiting[0].key.account) if overdue else None
    at = dict.fromkeys(dues, now) | dict(zip((d.id for d in overdue), turns_from(overdue, now, last), strict=True))
    for entry in firsts:
        goes = not _is_too_late(dues[entry.id], at[entry.id])
        starts[entry.key.slot, entry.key.language] = at[entry.id] if goes else None
    for entry in waiting:
        begins = starts.get((entry.key.slot, entry.key.language), now)  # a thread that has begun is never too late
        if begins is None:
            missed.append(entry)
        else:
            sends.append((begins, entry))


def _may_wait(entry: QueueEntry) -> bool:
    return entry.resent_at is None and entry.draft.reply_to is None


def _is_too_late(due: Due, at: datetime) -> bool:
    return due.expires_at is not None and due.expires_at < at
