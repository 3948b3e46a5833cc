"""Claims: entries taken by one worker for a limited time, and what came of it, attempt by attempt.

Every change of state is one conditional UPDATE whose row count says whether it happened: "somebody was first" is a normal
outcome, and the same statements are right on SQLite and PostgreSQL. Which entry is whose turn is said at the foot.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.queue import CLAIM_FOR, QueueEntry, Receipt, State
from shareasm.storage.queue import decode_receipt, encode, to_entry
from shareasm.storage.tables import attempts, entries

# ---- claiming ----------------------------------------------------------------------------------------------------------


def claim_due(
    connection: Connection, campaign: str, worker: str, now: datetime, *, accounts: Sequence[str]
) -> QueueEntry | None:
    """Claim and return the next entry that is due on one of `accounts`: earliest first, then the plan's order. None: none.

    A thread's part waits for the part before it; an entry whose worker died (claim run out) is taken over.
    """
    row = connection.execute(
        _DUE.where(entries.c.campaign == campaign, entries.c.account.in_(accounts)),
        {"now": now},
    ).first()
    if row is None:
        return None
    claimed = connection.execute(
        entries.update()
        .where(entries.c.id == row.id, entries.c.state == row.state)
        .where(sa.or_(entries.c.claimed_until.is_(None), entries.c.claimed_until < now))
        .returning(entries),
        {"state": State.CLAIMED, "claimed_by": worker, "claimed_until": now + CLAIM_FOR},
    ).first()
    # A claim that ran out leaves a call whose answer nobody has: it goes the way of a lost answer (see publish).
    return to_entry(claimed) if claimed else None


def renew_claims(connection: Connection, worker: str, in_hand: Collection[int], now: datetime) -> None:
    """Keep the claims of the entries that `worker` has in hand right now, also what ran out and nobody has taken."""
    mine = entries.update().where(
        entries.c.id.in_(in_hand), entries.c.state == State.CLAIMED, entries.c.claimed_by == worker
    )
    if in_hand:
        connection.execute(mine, {"claimed_until": now + CLAIM_FOR})


def open_since(connection: Connection, entry_id: int) -> datetime | None:
    """Return since when a publish attempt of this entry waits for an outcome that nobody knows: it may be out there.

    None: whatever was tried is known not to have been done.
    """
    earliest: datetime | None = connection.execute(
        sa.select(sa.func.min(attempts.c.started_at)).where(attempts.c.entry_id == entry_id, _is_open_attempt())
    ).scalar_one()
    return earliest


def is_taken(connection: Connection, receipt: Receipt, entry: QueueEntry) -> bool:
    """Return whether another entry has this receipt: a post with the same words is not this entry's."""
    others = sa.select(entries.c.receipt).where(entries.c.id != entry.id, entries.c.receipt.is_not(None))
    others = others.where(entries.c.campaign == entry.campaign, entries.c.account == entry.key.account)
    return any(decode_receipt(text).ref == receipt.ref for text in connection.scalars(others))


def next_due(connection: Connection, campaign: str, accounts: Sequence[str]) -> datetime | None:
    """Return the earliest instant at which an open entry may be tried; None when nothing is left to do."""
    query = sa.select(sa.func.min(sa.func.coalesce(entries.c.next_attempt_at, entries.c.due_at))).where(
        entries.c.campaign == campaign,
        entries.c.account.in_(accounts),
        sa.or_(
            entries.c.state == State.WAITING,
            sa.and_(entries.c.state == State.UNKNOWN, entries.c.next_attempt_at.is_not(None)),
        ),
        _is_turn(),
    )
    earliest: datetime | None = connection.execute(query).scalar_one()
    return earliest


# ---- what happened to a claimed entry ----------------------------------------------------------------------------------


def freeze(connection: Connection, entry_id: int, worker: str, payload: str, now: datetime) -> bool:
    """Store the exact content before the first call. False: the claim was lost, send nothing."""
    return _mine(connection, entry_id, worker, {"payload": payload, "frozen_at": now})


def begin_attempt(connection: Connection, entry: QueueEntry, worker: str, act: str, now: datetime) -> int | None:
    """Write an attempt down before its call and return its id. None: the claim was lost, call nothing."""
    values: dict[str, Any] = {"claimed_until": now + CLAIM_FOR}
    if act == "publish":
        values |= {"attempt_count": entries.c.attempt_count + 1}
        values |= {
            "first_attempt_at": sa.func.coalesce(
                entries.c.first_attempt_at, sa.literal(now, type_=entries.c.due_at.type)
            )
        }
    if not _mine(connection, entry.id, worker, values):
        return None
    insert = attempts.insert().returning(attempts.c.id)
    row = {"entry_id": entry.id, "worker": worker, "act": act, "started_at": now}
    attempt_id: int = connection.execute(insert, row).scalar_one()
    return attempt_id


def end_attempt(connection: Connection, attempt_id: int, outcome: str, now: datetime) -> None:
    """Complete an attempt with what came of it, in words."""
    connection.execute(attempts.update().where(attempts.c.id == attempt_id), {"finished_at": now, "outcome": outcome})


def note_attempt(connection: Connection, attempt_id: int, words: str) -> None:
    """Write down what is known of an attempt whose outcome is not known: it stays open."""
    connection.execute(attempts.update().where(attempts.c.id == attempt_id), {"outcome": words})


def close_open_attempts(connection: Connection, entry_id: int, outcome: str, now: datetime) -> None:
    """Complete every attempt whose outcome is known now."""
    connection.execute(
        attempts.update().where(attempts.c.entry_id == entry_id, attempts.c.finished_at.is_(None)),
        {"finished_at": now, "outcome": outcome},
    )


def published(connection: Connection, entry_id: int, worker: str, receipt: Receipt, now: datetime) -> bool:
    """Store the receipt: from here on this entry is never sent again."""
    values = {"receipt": encode(receipt), "published_at": now, "note": None, "next_attempt_at": None}
    return _mine(connection, entry_id, worker, values | _released(State.PUBLISHED))


def put_back(connection: Connection, entry_id: int, worker: str, next_attempt_at: datetime, note: str) -> bool:
    """Not executed: wait and try again."""
    values = {"next_attempt_at": next_attempt_at, "note": note}
    return _mine(connection, entry_id, worker, values | _released(State.WAITING))


def unknown(
    connection: Connection,
    entry_id: int,
    worker: str,
    next_attempt_at: datetime | None,
    note: str,
    *,
    lookup_count: int,
) -> bool:
    """The answer was lost: look it up at `next_attempt_at`; None leaves it to a person."""
    values = {"next_attempt_at": next_attempt_at, "note": note, "lookup_count": lookup_count}
    return _mine(connection, entry_id, worker, values | _released(State.UNKNOWN))


def failed(connection: Connection, entry_id: int, worker: str, note: str) -> bool:
    """Refused for good."""
    return _mine(connection, entry_id, worker, {"note": note, "next_attempt_at": None} | _released(State.FAILED))


def let_go(connection: Connection, entry: QueueEntry, worker: str, now: datetime) -> None:
    """Give back an entry whose sending was broken off by an error of ours: soon it is tried again, or settled."""
    state = State.WAITING if open_since(connection, entry.id) is None else State.UNKNOWN
    values = {"next_attempt_at": now + CLAIM_FOR, "note": "broken off by an error of the program, see the log"}
    _mine(connection, entry.id, worker, values | _released(state))


def mark_missed(connection: Connection, campaign: str, account: str, now: datetime) -> list[QueueEntry]:
    """Give up entries whose time has passed and of which nothing can be out there; return them.

    A later part of a thread that has begun is never too late: half a thread is worse than a late one.
    """
    is_idle = sa.or_(
        entries.c.state == State.WAITING, sa.and_(entries.c.state == State.CLAIMED, entries.c.claimed_until < now)
    )
    is_open = sa.select(attempts.c.id).where(attempts.c.entry_id == entries.c.id, _is_open_attempt()).exists()
    missed = entries.update().where(
        entries.c.campaign == campaign,
        entries.c.account == account,
        is_idle,
        entries.c.expires_at < now,
        sa.not_(is_open),
        sa.not_(_has_begun_before()),
    )
    note = sa.case((entries.c.note.is_(None), _TOO_LATE), else_=sa.literal(_TOO_LATE + "; ") + entries.c.note)
    rows = connection.execute(missed.values(_released(State.MISSED) | {"note": note}).returning(entries))
    return [to_entry(row) for row in rows]


def end_waits(connection: Connection, campaign: str) -> None:
    """Let every entry that was tried in vain be tried at once. A lost answer keeps the minute between its looks."""
    query = entries.update().where(entries.c.campaign == campaign, entries.c.state == State.WAITING)
    connection.execute(query, {"next_attempt_at": None})


def _mine(connection: Connection, entry_id: int, worker: str, values: dict[str, Any]) -> bool:
    query = entries.update().where(
        entries.c.id == entry_id, entries.c.state == State.CLAIMED, entries.c.claimed_by == worker
    )
    return connection.execute(query.values(values)).rowcount == 1


def _released(state: State) -> dict[str, Any]:
    return {"state": state, "claimed_by": None, "claimed_until": None}


# ---- whose turn it is --------------------------------------------------------------------------------------------------

_TOO_LATE = "its time had passed before it could be sent"
_before = entries.alias("before")


def _is_open_attempt() -> sa.ColumnElement[bool]:
    return sa.and_(attempts.c.act == "publish", attempts.c.finished_at.is_(None))


def _same_thread() -> sa.ColumnElement[bool]:
    return sa.and_(
        _before.c.campaign == entries.c.campaign,
        _before.c.slot == entries.c.slot,
        _before.c.language == entries.c.language,
        _before.c.account == entries.c.account,
    )


def _is_turn() -> sa.ColumnElement[bool]:
    """No part of the same thread before this one is unpublished."""
    earlier = sa.select(_before.c.id).where(
        _same_thread(), _before.c.part < entries.c.part, _before.c.state != State.PUBLISHED
    )
    return sa.or_(entries.c.part == 0, sa.not_(earlier.exists()))


def _has_begun_before() -> sa.ColumnElement[bool]:
    out_there = [State.PUBLISHED, State.UNKNOWN, State.CLAIMED]  # or perhaps, or just now
    begun = sa.select(_before.c.id).where(
        _same_thread(), _before.c.part < entries.c.part, _before.c.state.in_(out_there)
    )
    return begun.exists()


_NOW = sa.bindparam("now", type_=entries.c.due_at.type)
_DUE = (
    sa.select(entries.c.id, entries.c.state)
    .where(
        sa.or_(
            sa.and_(
                entries.c.state == State.WAITING,
                entries.c.due_at <= _NOW,
                sa.or_(entries.c.next_attempt_at.is_(None), entries.c.next_attempt_at <= _NOW),
            ),
            sa.and_(entries.c.state == State.UNKNOWN, entries.c.next_attempt_at <= _NOW),
            sa.and_(entries.c.state == State.CLAIMED, entries.c.claimed_until < _NOW),
        ),
        _is_turn(),
    )
    .order_by(entries.c.due_at, entries.c.position)
    .limit(1)
    .with_for_update(skip_locked=True, of=entries)  # two workers on PostgreSQL take different rows; no effect on SQLite
)
