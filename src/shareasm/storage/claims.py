"""Claims: entries taken by one worker for a limited time, and what came of it, attempt by attempt.

Every change of state is one conditional UPDATE whose row count says whether it happened: "somebody was first" is a normal
outcome, and the same statements are right on SQLite and PostgreSQL. What is decided
about an entry in the meantime (the day is paused, a person wants it back) is asked in the transaction that counts.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shareasm.domain.posts import Network, PostRef, decode_post
from shareasm.domain.queue import CLAIM_FOR, QueueEntry, Receipt, State
from shareasm.storage import accounts as stops
from shareasm.storage import turns
from shareasm.storage.engine import hold
from shareasm.storage.queue import decode_receipt, encode, to_entry
from shareasm.storage.tables import attempts, entries, posts

LOOK_AGAIN_AFTER = timedelta(seconds=60)

# ---- claiming ----------------------------------------------------------------------------------------------------------


def claim_due(
    connection: Connection, campaign: str, worker: str, now: datetime, *, accounts: Sequence[str]
) -> QueueEntry | None:
    """Claim and return the next entry that is due on one of `accounts`, by the rule of `domain.turns`. None: none.

    A thread's part waits for the part before it; an entry whose worker died (claim run out) is taken over. One entry of an
    account is in hand at a time, so that several workers keep the plan's order and its spaces. While the day is paused only
    lost answers are settled, and of an account whose token is refused one entry is tried now and then.
    """
    for account in accounts:
        hold(connection, f"{campaign}: send on {account}")
        due = turns.due(connection, campaign, account, now)
        while (number := turns.turn(connection, campaign, account, due, now).id) is not None:
            is_stopped = stops.state(connection, campaign, account)
            if is_stopped and not stops.take_probe(connection, campaign, account, now):
                break
            if claimed := _claim(connection, number, worker, now):
                return claimed
            due = [entry for entry in due if entry.id != number]  # another worker was first
    return None


def _claim(connection: Connection, entry_id: int, worker: str, now: datetime) -> QueueEntry | None:
    row = connection.execute(
        entries.update().where(entries.c.id == entry_id).where(turns.is_ready(now)).returning(entries),
        {"state": State.CLAIMED, "claimed_by": worker, "claimed_until": now + CLAIM_FOR},
    ).first()
    # A claim that ran out leaves a call whose answer nobody has: it goes the way of a lost answer (see publish).
    return to_entry(row) if row else None


def renew_claims(connection: Connection, worker: str, in_hand: Collection[int], now: datetime) -> None:
    """Keep the claims of the entries that `worker` has in hand right now, also what ran out and nobody has taken."""
    mine = entries.update().where(
        entries.c.id.in_(in_hand), entries.c.state == State.CLAIMED, entries.c.claimed_by == worker
    )
    if in_hand:
        connection.execute(mine, {"claimed_until": now + CLAIM_FOR})


def open_since(connection: Connection, entry_id: int, *, is_undecided: bool = False) -> datetime | None:
    """Return since when a publish attempt of this entry waits for an outcome that nobody knows: it may be out there.

    None: whatever was tried is known not to have been done. `is_undecided` leaves out what a person decided to send again all
    the same; what came before that decision is told by the attempts' numbers, for clocks are set back.
    """
    query = sa.select(sa.func.min(attempts.c.started_at))
    query = query.where(attempts.c.entry_id == entry_id, attempts.c.act == "publish", attempts.c.finished_at.is_(None))
    if is_undecided:
        decided = sa.select(sa.func.max(attempts.c.id)).where(
            attempts.c.entry_id == entry_id, attempts.c.act == "resend"
        )
        query = query.where(attempts.c.id > sa.func.coalesce(decided.scalar_subquery(), 0))
    earliest: datetime | None = connection.execute(query).scalar_one()
    return earliest


def is_taken(connection: Connection, receipt: Receipt, entry: QueueEntry) -> bool:
    """Return whether another entry has this receipt: a post with the same words is not this entry's."""
    others = sa.select(entries.c.receipt).where(entries.c.id != entry.id, entries.c.receipt.is_not(None))
    others = others.where(entries.c.campaign == entry.campaign, entries.c.account == entry.key.account)
    return any(decode_receipt(text).ref == receipt.ref for text in connection.scalars(others))


def seen_at(connection: Connection, entry: QueueEntry) -> Receipt | None:
    """Return where the collector has seen the post of an entry, there still or gone. None where its key does not tell."""
    if entry.network is not Network.BLUESKY:
        return None
    query = sa.select(posts.c.uri, posts.c.content).where(posts.c.network == Network.BLUESKY)
    row = connection.execute(query.where(posts.c.uri.endswith(f"/{entry.publish_key}", autoescape=True))).first()
    return Receipt(PostRef(Network.BLUESKY, row.uri), decode_post(row.content).url, entry.publish_key) if row else None


# ---- what happened to a claimed entry ----------------------------------------------------------------------------------


def freeze(connection: Connection, entry_id: int, worker: str, payload: str, now: datetime) -> bool:
    """Store the exact content before the first call. False: the claim was lost, send nothing."""
    return _mine(connection, entry_id, worker, {"payload": payload, "frozen_at": now})


def prepared(connection: Connection, entry_id: int, worker: str, prepared: str, now: datetime) -> bool:
    """Store what was uploaded and looked up for a claimed entry, so that another try need not do it again."""
    return _mine(connection, entry_id, worker, {"prepared": prepared, "prepared_at": now})


def begin_attempt(connection: Connection, entry: QueueEntry, worker: str, act: str, now: datetime) -> int | None:
    """Write an attempt down before its call and return its id. None: call nothing.

    Then the claim was lost, or the day is paused, or a person wants the post taken back: the entry is put back as if it had
    not been touched, or cancelled. A lost answer may be looked up all the same.
    """
    is_publishing = act == "publish"
    is_paused = is_publishing and turns.is_paused(connection, entry.campaign, until_commit=True)
    values: dict[str, Any] = {"claimed_until": now + CLAIM_FOR}
    if is_publishing:
        first = sa.func.coalesce(entries.c.first_attempt_at, sa.literal(now, type_=entries.c.due_at.type))
        values |= {"attempt_count": entries.c.attempt_count + 1, "first_attempt_at": first}
    is_wanted = [entries.c.withdraw_reason.is_(None)] if is_publishing else []
    if is_paused or not _mine(connection, entry.id, worker, values, *is_wanted):
        _hold(connection, entry, worker, now)
        return None
    insert = attempts.insert().returning(attempts.c.id)
    row = {"entry_id": entry.id, "worker": worker, "act": act, "started_at": now}
    attempt_id: int = connection.execute(insert, row).scalar_one()
    return attempt_id


def _hold(connection: Connection, entry: QueueEntry, worker: str, now: datetime) -> None:
    """Put an entry back that may not be sent: it was not tried, and it is no trouble. What may be out is looked up on."""
    if open_since(connection, entry.id) is None:
        _mine(connection, entry.id, worker, {"next_attempt_at": None} | _released(State.WAITING))
    else:
        _mine(connection, entry.id, worker, {"next_attempt_at": now + LOOK_AGAIN_AFTER} | _released(State.UNKNOWN))


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


def published(connection: Connection, entry_id: int, receipt: Receipt, now: datetime, note: str | None = None) -> bool:
    """Store the receipt: from here on this entry is never sent again. Where a person wants it back, that is next.

    Whoever has the claim by now: an answer that comes after our claim ran out is as true, and without it the next worker
    would send again what it does not find. False: the receipt is stored already, or a person decided.
    """
    values = {"receipt": encode(receipt), "published_at": now, "note": note, "next_attempt_at": None}
    may_be_out = entries.c.state.in_([State.CLAIMED, State.UNKNOWN, State.WAITING])
    query = entries.update().where(entries.c.id == entry_id, may_be_out)
    return connection.execute(query.values(values | _released(State.PUBLISHED))).rowcount == 1


def put_back(
    connection: Connection, entry_id: int, worker: str, next_attempt_at: datetime | None, note: str | None
) -> bool:
    """Not executed: wait and try again. What an earlier attempt may have done is still not known."""
    state = State.WAITING if open_since(connection, entry_id) is None else State.UNKNOWN
    return _mine(connection, entry_id, worker, {"next_attempt_at": next_attempt_at, "note": note} | _released(state))


def forget_prepared(connection: Connection, entry_id: int, worker: str) -> None:
    """Let what is prepared for an entry be made anew: it is there no more."""
    _mine(connection, entry_id, worker, {"prepared": None, "prepared_at": None, "payload": None, "frozen_at": None})


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


def end_waits(connection: Connection, campaign: str) -> None:
    """Let every entry that was tried in vain be tried at once. A lost answer keeps the minute between its looks."""
    query = entries.update().where(entries.c.campaign == campaign, entries.c.state == State.WAITING)
    connection.execute(query, {"next_attempt_at": None})


def _mine(
    connection: Connection, entry_id: int, worker: str, values: dict[str, Any], *conditions: sa.ColumnElement[bool]
) -> bool:
    query = entries.update().where(
        entries.c.id == entry_id, entries.c.state == State.CLAIMED, entries.c.claimed_by == worker, *conditions
    )
    return connection.execute(query.values(values)).rowcount == 1


_TAKEN_BACK = {
    State.PUBLISHED: State.WITHDRAWING,
    State.WAITING: State.CANCELLED,
    State.FAILED: State.CANCELLED,
}
"""Where an entry goes instead that a person asked back while it was in hand. A lost answer is settled first."""


def _released(state: State) -> dict[str, Any]:
    instead = _TAKEN_BACK.get(state, state)
    after = sa.case((entries.c.withdraw_reason.is_(None), str(state)), else_=str(instead))
    return {"state": after, "claimed_by": None, "claimed_until": None}
