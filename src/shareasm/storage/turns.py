"""Turns: what is due on an account, what waits for something else, and what is given up. `domain.turns` has the rule.

Who asks for a turn takes it by `storage.claims`; an instant that is returned here is only when to ask again.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from shareasm.domain.queue import CLAIM_FOR, CLOCKS_DIFFER_BY, QueueEntry, State
from shareasm.domain.turns import Due, Turn, is_overdue, next_turn
from shareasm.storage import accounts
from shareasm.storage.queue import target_of, to_entry
from shareasm.storage.tables import attempts, campaign_states, entries

OUT_OF_REACH = frozenset({State.FAILED, State.MISSED, State.CANCELLED, State.WITHDRAWING, State.WITHDRAWN})
"""What will not be out, unless a person does something: what answers or quotes it waits in vain."""


def turn(connection: Connection, campaign: str, account: str, due: Sequence[Due], now: datetime) -> Turn:
    """Return whose turn it is among `due`, and where nobody's, when it will be somebody's."""
    is_late = any(is_overdue(entry, now) for entry in due)
    return next_turn(due, now, last_sent_at(connection, campaign, account) if is_late else None)


def due(connection: Connection, campaign: str, account: str, now: datetime) -> list[Due]:
    """Return what may be tried on `account` now: earliest first, then the plan's order.

    While the day is paused that is what settles a lost answer, and nothing else. Nothing while a living worker has an entry
    of the account in hand: the next goes after it, whoever sends it.
    """
    in_hand = sa.and_(_before.c.state == State.CLAIMED, sa.not_(_has_run_out(now, _before)))
    is_in_use = sa.select(_before.c.id).where(_before.c.campaign == campaign, _before.c.account == account, in_hand)
    query = sa.select(entries).where(entries.c.campaign == campaign, entries.c.account == account)
    query = query.where(is_ready(now), _is_in_time(now), _is_turn(), sa.not_(is_in_use.exists()))
    query = query.order_by(entries.c.due_at, entries.c.position)
    rows = [
        row for row in connection.execute(query) if row.state != State.WAITING or _obstacle(connection, row) is None
    ]
    held = State.WAITING if rows and is_paused(connection, campaign) else None
    return [Due(row.id, row.due_at, row.expires_at, _may_wait(row)) for row in rows if row.state != held]


def _may_wait(row: Row[tuple[object, ...]]) -> bool:
    """Whether spacing may hold an entry up: not the rest of a conversation, nor what a person sends, nor a lost answer."""
    stands_alone = row.part == 0 and row.reply_to is None
    return bool(row.state == State.WAITING and stands_alone and row.resent_at is None)


def next_due(connection: Connection, campaign: str, account: str, now: datetime) -> datetime | None:
    """Return the instant at which an entry of `account` may be tried next; None when there is none to be seen.

    None also for what waits for another entry, for the end of a pause or of somebody's claim: look again now and then.
    """
    when = sa.func.coalesce(entries.c.next_attempt_at, entries.c.due_at)
    settling = sa.and_(entries.c.state == State.UNKNOWN, entries.c.next_attempt_at.is_not(None))
    is_open = settling if is_paused(connection, campaign) else sa.or_(entries.c.state == State.WAITING, settling)
    query = sa.select(sa.func.min(when)).where(entries.c.campaign == campaign, entries.c.account == account)
    upcoming: datetime | None = connection.execute(query.where(is_open, when > now, _is_turn())).scalar_one()
    present = turn(connection, campaign, account, due(connection, campaign, account, now), now)
    at_turn = present.at if present.id is None else now
    earliest = min((at for at in (upcoming, at_turn) if at), default=None)
    stopped = accounts.state(connection, campaign, account)
    return max(earliest, stopped.try_again_at) if earliest and stopped else earliest


def last_sent_at(connection: Connection, campaign: str, account: str) -> datetime | None:
    """Return when `account` was last asked to make a post that stands by itself; None: never."""
    query = sa.select(sa.func.max(attempts.c.started_at)).join(entries, entries.c.id == attempts.c.entry_id)
    query = query.where(entries.c.campaign == campaign, entries.c.account == account)
    latest: datetime | None = connection.execute(
        query.where(entries.c.part == 0, attempts.c.act == "publish")
    ).scalar_one()
    return latest


def is_paused(connection: Connection, campaign: str, *, until_commit: bool = False) -> bool:
    """Return whether the day is paused. With `until_commit` a pause that begins now waits for the end of the transaction."""
    query = sa.select(campaign_states.c.paused_at).where(campaign_states.c.campaign == campaign)
    return connection.execute(query.with_for_update(read=True) if until_commit else query).scalar() is not None


# ---- what waits in vain ------------------------------------------------------------------------------------------------


def mark_missed(connection: Connection, campaign: str, account: str, now: datetime) -> list[QueueEntry]:
    """Give up entries whose time has passed and of which nothing can be out there; return them. None while paused.

    A later part of a thread that has begun is never too late: half a thread is worse than a late one. What a clock that was
    set back since had given up before its time waits again.
    """
    too_soon = entries.update().where(
        entries.c.campaign == campaign,
        entries.c.account == account,
        entries.c.state == State.MISSED,
        entries.c.expires_at > now + CLOCKS_DIFFER_BY,
    )
    connection.execute(too_soon.values(state=State.WAITING, note=None))
    is_idle = sa.or_(entries.c.state == State.WAITING, sa.and_(entries.c.state == State.CLAIMED, _has_run_out(now)))
    query = sa.select(entries.c.id).where(
        entries.c.campaign == campaign,
        entries.c.account == account,
        is_idle,
        sa.not_(_is_in_time(now)),
    )
    late = list(connection.scalars(query))
    if not late or is_paused(connection, campaign):
        return []
    stopped = accounts.state(connection, campaign, account)
    words = f"{_TOO_LATE}; the account is stopped: {stopped.reason}" if stopped else _TOO_LATE
    missed = (
        entries.update()
        .where(entries.c.id.in_(late), is_idle)
        .values(
            state=State.MISSED,
            claimed_by=None,
            claimed_until=None,
            note=sa.case((entries.c.note.is_(None), words), else_=sa.literal(words + "; ") + entries.c.note),
        )
    )
    rows = connection.execute(missed.returning(entries)).all()
    return [to_entry(row) for row in sorted(rows, key=lambda row: (row.due_at, row.position))]


def note_obstacles(connection: Connection, campaign: str, account: str, now: datetime) -> list[QueueEntry]:
    """Note on each due entry that it answers or quotes what is not out and will not be; return those that it is new of."""
    hangs = sa.or_(entries.c.reply_to.is_not(None), entries.c.quotes.is_not(None))
    query = sa.select(entries).where(entries.c.campaign == campaign, entries.c.account == account, hangs)
    query = query.where(entries.c.state == State.WAITING, entries.c.due_at <= now)
    noted: list[Row[tuple[object, ...]]] = []
    for row in connection.execute(query).all():
        words = _obstacle(connection, row)
        if words and words != row.note:
            noted += connection.execute(
                entries.update()
                .where(entries.c.id == row.id, entries.c.state == State.WAITING)
                .values(note=words)
                .returning(entries)
            ).all()
    return [to_entry(row) for row in noted]


def _obstacle(connection: Connection, row: Row[tuple[object, ...]]) -> str | None:
    """Return which post is in the way of an entry that answers or quotes it, in words; "" while that only waits its turn."""
    for slot, verb in ((row.reply_to if row.part == 0 else None, "answers"), (row.quotes, "quotes")):
        if slot is None:
            continue
        target = target_of(connection, row.campaign, row.account, row.language, slot)
        if target is None:
            return f"it {verb} {slot}, which is not planned for this account"
        if target.state in OUT_OF_REACH:
            return f"it {verb} {slot}, which is {target.state}"
        if target.state != State.PUBLISHED:
            return ""
    return None


# ---- conditions --------------------------------------------------------------------------------------------------------

_TOO_LATE = "its time had passed before it could be sent"
_before = entries.alias("before")


def is_ready(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that an entry may be claimed: it is due, its wait is over, and nobody living has it in hand."""
    waits = sa.or_(entries.c.next_attempt_at.is_(None), entries.c.next_attempt_at <= now)
    return sa.or_(
        sa.and_(entries.c.state == State.WAITING, entries.c.due_at <= now, waits),
        sa.and_(entries.c.state == State.UNKNOWN, entries.c.next_attempt_at <= now),
        sa.and_(entries.c.state == State.CLAIMED, _has_run_out(now)),
    )


def _is_in_time(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that an entry is not too late. What may be out, or the rest of a begun thread, never is."""
    return sa.or_(
        entries.c.expires_at.is_(None),
        entries.c.expires_at >= now,
        entries.c.state == State.UNKNOWN,
        is_open_attempt().exists(),
        _has_begun_before(),
    )


def _has_run_out(now: datetime, rows: sa.FromClause = entries) -> sa.ColumnElement[bool]:
    """Return the condition that a claim is a dead worker's: over, or of a time that our clock was set back from."""
    return sa.or_(rows.c.claimed_until < now, rows.c.claimed_until > now + CLAIM_FOR + CLOCKS_DIFFER_BY)


def is_open_attempt() -> sa.Select[tuple[int]]:
    """Return the attempts of an entry that wait for an outcome: it may be out there."""
    return sa.select(attempts.c.id).where(
        attempts.c.entry_id == entries.c.id, attempts.c.act == "publish", attempts.c.finished_at.is_(None)
    )


def _same_thread() -> sa.ColumnElement[bool]:
    return sa.and_(
        _before.c.campaign == entries.c.campaign,
        _before.c.slot == entries.c.slot,
        _before.c.language == entries.c.language,
        _before.c.account == entries.c.account,
    )


def _is_turn() -> sa.ColumnElement[bool]:
    """No part of the same thread before this one is unpublished. What may be out is settled whatever became of those."""
    earlier = sa.select(_before.c.id).where(
        _same_thread(), _before.c.part < entries.c.part, _before.c.state != State.PUBLISHED
    )
    return sa.or_(entries.c.part == 0, entries.c.state != State.WAITING, sa.not_(earlier.exists()))


def _has_begun_before() -> sa.ColumnElement[bool]:
    out_there = [State.PUBLISHED, State.UNKNOWN, State.CLAIMED]  # or perhaps, or just now
    begun = sa.select(_before.c.id).where(
        _same_thread(), _before.c.part < entries.c.part, _before.c.state.in_(out_there)
    )
    return begun.exists()
