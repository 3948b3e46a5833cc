"""Steering: what a person decides about the day and its entries, each decision one conditional UPDATE.

False, or a row left out, means that the entry went on in the same moment: a worker claimed it, or another person was first. The
caller writes the act into the audit trail in the same transaction (`storage.acts`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.queue import NEXT, PlannedEntry, QueueEntry, Receipt, State
from shareasm.storage import claims
from shareasm.storage.engine import insert_ignoring
from shareasm.storage.queue import encode, to_entry
from shareasm.storage.tables import attempts, campaign_states, entries

# ---- the whole day -----------------------------------------------------------------------------------------------------


def pause(connection: Connection, campaign: str, reason: str, now: datetime) -> bool:
    """Hold everything from now on. False: the day was paused before, and only the reason is new."""
    insert_ignoring(connection, campaign_states, [{"campaign": campaign}])
    day = campaign_states.update().where(campaign_states.c.campaign == campaign)
    is_new = connection.execute(day.where(campaign_states.c.paused_at.is_(None)), {"paused_at": now}).rowcount == 1
    connection.execute(day, {"pause_reason": reason})
    return is_new


def resume(connection: Connection, campaign: str) -> bool:
    """Let the day go on. False: it was not paused."""
    day = campaign_states.update().where(
        campaign_states.c.campaign == campaign, campaign_states.c.paused_at.is_not(None)
    )
    return connection.execute(day, {"paused_at": None, "pause_reason": None}).rowcount == 1


# ---- entries that need a person ----------------------------------------------------------------------------------------


def adopt(connection: Connection, entry: QueueEntry, receipt: Receipt, note: str, now: datetime) -> bool:
    """Store where the post of an entry is: from here on it is never sent again."""
    values = {"receipt": encode(receipt), "published_at": now, "note": note, "next_attempt_at": None}
    return _step(connection, entry, State.PUBLISHED, values)


def send_again(connection: Connection, entry: QueueEntry, by: str, now: datetime) -> bool:
    """Let an entry whose answer was lost be sent again as it was, under the same key, never too late any more."""
    if not _step(connection, entry, State.WAITING, _AGAIN | {"resent_at": now, "lookup_count": 0}):
        return False
    number = begin_call(connection, entry, by, "resend", now)  # among the attempts: what came before it is decided
    claims.end_attempt(connection, number, "decided", now)
    return True


def send_anew(connection: Connection, entry: QueueEntry, planned: PlannedEntry | None, now: datetime) -> bool:
    """Let an entry that is surely not out be sent now, in the plan's present words, under the same key."""
    values = _AGAIN | {"resent_at": now, "lookup_count": 0, "attempt_count": 0, "first_attempt_at": None}
    values |= {"due_at": min(entry.due_at, now), "payload": None, "frozen_at": None}
    if planned:
        draft = planned.draft
        values |= {"draft": encode(draft), "reply_to": draft.reply_to, "quotes": draft.quotes, "prepared": None}
    return _step(connection, entry, State.WAITING, values)


_AGAIN: dict[str, Any] = {"expires_at": None, "next_attempt_at": None, "note": None, "withdraw_reason": None}


# ---- taking back -------------------------------------------------------------------------------------------------------


def cancel(connection: Connection, entry: QueueEntry, reason: str, note: str) -> bool:
    """Take an entry out of the day that is surely not out. False also where an answer was lost: it may be out."""
    is_open = sa.select(attempts.c.id).where(
        attempts.c.entry_id == entries.c.id, attempts.c.act == "publish", attempts.c.finished_at.is_(None)
    )
    values = {"withdraw_reason": reason, "note": note, "next_attempt_at": None}
    return _step(connection, entry, State.CANCELLED, values, sa.not_(is_open.exists()))


def begin_taking_back(connection: Connection, entry: QueueEntry, reason: str) -> bool:
    """Note that the post of a published entry is to be deleted: from here on nothing shows it."""
    return _step(connection, entry, State.WITHDRAWING, {"withdraw_reason": reason, "next_attempt_at": None})


def ask_back(connection: Connection, entry: QueueEntry, reason: str, now: datetime) -> bool:
    """Note that an entry is to be taken back as soon as it is known where it is; what was given up is looked for again."""
    query = entries.update().where(entries.c.id == entry.id)
    looked_for = {"withdraw_reason": reason, "next_attempt_at": now, "lookup_count": 0}
    if connection.execute(query.where(entries.c.state == State.UNKNOWN), looked_for).rowcount:
        return True
    in_hand = query.where(entries.c.state.in_([State.WAITING, State.CLAIMED]))
    return connection.execute(in_hand, {"withdraw_reason": reason}).rowcount == 1


def give_up(connection: Connection, entry: QueueEntry, note: str) -> bool:
    """Let an entry be that was looked for in vain: a person decided that it is not out, and need not be."""
    return _step(connection, entry, State.CANCELLED, {"note": note}, entries.c.next_attempt_at.is_(None))


def to_take_back(
    connection: Connection, campaign: str, *, accounts: Sequence[str], now: datetime | None = None
) -> list[QueueEntry]:
    """Return the entries whose posts are to be deleted, the last part of a thread first; by `now`: whose wait is over."""
    query = sa.select(entries).where(
        entries.c.campaign == campaign, entries.c.account.in_(accounts), entries.c.state == State.WITHDRAWING
    )
    if now:
        query = query.where(sa.or_(entries.c.next_attempt_at.is_(None), entries.c.next_attempt_at <= now))
    order = (entries.c.due_at.desc(), entries.c.slot, entries.c.account, entries.c.language, entries.c.part.desc())
    return [to_entry(row) for row in connection.execute(query.order_by(*order))]


def begin_call(connection: Connection, entry: QueueEntry, by: str, act: str, now: datetime) -> int:
    """Write down that an edit or a deletion is tried; return the attempt's id. `claims.end_attempt` completes it."""
    row = {"entry_id": entry.id, "worker": by, "act": act, "started_at": now}
    number: int = connection.execute(attempts.insert().returning(attempts.c.id), row).scalar_one()
    return number


def taken_back(connection: Connection, entry: QueueEntry, note: str) -> bool:
    """Note that the post is deleted. False: somebody else noted it."""
    return _step(connection, entry, State.WITHDRAWN, {"note": note, "next_attempt_at": None})


def not_taken_back(connection: Connection, entry: QueueEntry, note: str, next_attempt_at: datetime) -> None:
    """Note why a deletion failed, and when it is tried again."""
    query = entries.update().where(entries.c.id == entry.id, entries.c.state == State.WITHDRAWING)
    connection.execute(query, {"note": note, "next_attempt_at": next_attempt_at})


def tries_of(connection: Connection, entry: QueueEntry, act: str) -> int:
    """Return how often `act` was tried on an entry."""
    query = sa.select(sa.func.count()).where(attempts.c.entry_id == entry.id, attempts.c.act == act)
    return connection.execute(query).scalar_one()


# ---- edits -------------------------------------------------------------------------------------------------------------


def edited(
    connection: Connection, entry: QueueEntry, planned: PlannedEntry, prepared: str, payload: str, receipt: Receipt
) -> bool:
    """Store what a sent post says now. False: it is not published any more."""
    values = {"draft": encode(planned.draft), "prepared": prepared, "payload": payload, "receipt": encode(receipt)}
    query = entries.update().where(entries.c.id == entry.id, entries.c.state == State.PUBLISHED)
    return connection.execute(query, values).rowcount == 1


def _step(
    connection: Connection,
    entry: QueueEntry,
    after: State,
    values: dict[str, Any],
    *conditions: sa.ColumnElement[bool],
) -> bool:
    """Bring an entry from the state in which it was read to `after`, unless it has moved on meanwhile."""
    if after not in NEXT[entry.state]:
        raise ValueError(f"an entry cannot go from {entry.state} to {after}")
    query = entries.update().where(entries.c.id == entry.id, entries.c.state == entry.state, *conditions)
    released = {"state": after, "claimed_by": None, "claimed_until": None}
    return connection.execute(query, values | released).rowcount == 1
