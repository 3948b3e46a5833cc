"""The queue: entries brought in line with the plan, read, and rows ⇄ records. Sending them is in `storage.claims`."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import (
    NEXT,
    Add,
    Cancel,
    Change,
    Draft,
    EntryKey,
    Intent,
    PlannedEntry,
    QueueEntry,
    Receipt,
    State,
)
from shareasm.storage.engine import insert_ignoring
from shareasm.storage.tables import entries

# ---- bringing the queue in line with the plan --------------------------------------------------------------------------


def apply(
    connection: Connection,
    campaign: str,
    intents: Iterable[Intent],
    keys: dict[EntryKey, str],
    order: Sequence[EntryKey],
) -> None:
    """Carry out what `reconcile` decided. `keys` gives each new entry its publish key, `order` the plan's order."""
    position = {key: number for number, key in enumerate(order)}
    new = []
    for intent in intents:
        match intent:
            case Add(planned):
                new.append(_new_row(campaign, planned, keys[planned.key], position[planned.key]))
            case Change(entry, planned):
                _change(connection, entry, planned, position[planned.key])
            case Cancel(entry):
                _step(connection, entry.id, entry.state, State.CANCELLED, note="taken out of the plan")
    insert_ignoring(connection, entries, new)


def _change(connection: Connection, entry: QueueEntry, planned: PlannedEntry, position: int) -> None:
    """Let an entry of which nothing is out follow the plan. Its key stays: under it nothing can be sent twice."""
    if State.WAITING not in NEXT[entry.state] and entry.state is not State.WAITING:
        raise ValueError(f"an entry cannot go from {entry.state} to {State.WAITING}")
    values = _plan_columns(planned, position) | _BEGIN_AGAIN
    if planned.draft != entry.draft:
        values |= {"prepared": None, "prepared_at": None}
    query = entries.update().where(entries.c.id == entry.id, entries.c.state == entry.state)
    connection.execute(query.where(entries.c.attempt_count == entry.attempt_count), values)


_BEGIN_AGAIN: dict[str, Any] = {
    "state": State.WAITING,
    "attempt_count": 0,
    "first_attempt_at": None,
    "lookup_count": 0,
    "next_attempt_at": None,
    "payload": None,
    "frozen_at": None,
    "note": None,
}


def _step(connection: Connection, entry_id: int, before: State, after: State, *, note: str) -> bool:
    if after not in NEXT[before]:
        raise ValueError(f"an entry cannot go from {before} to {after}")
    query = entries.update().where(entries.c.id == entry_id, entries.c.state == before)
    return connection.execute(query, {"state": after, "note": note}).rowcount == 1


# ---- reading -----------------------------------------------------------------------------------------------------------


def of_campaign(connection: Connection, campaign: str) -> list[QueueEntry]:
    """Return the whole queue of `campaign` in the plan's order."""
    query = sa.select(entries).where(entries.c.campaign == campaign)
    return [to_entry(row) for row in connection.execute(query.order_by(entries.c.due_at, entries.c.position))]


def sent(connection: Connection, campaign: str) -> set[PostRef]:
    """Return which posts `campaign` has sent."""
    query = sa.select(entries.c.receipt).where(entries.c.campaign == campaign, entries.c.receipt.is_not(None))
    return {decode_receipt(text).ref for text in connection.scalars(query)}


class Anchors(NamedTuple):
    """The posts of ours on which another one hangs. `root` is there whenever `parent` is."""

    root: Receipt | None = None
    parent: Receipt | None = None
    quoted: Receipt | None = None


def tried_as(connection: Connection, planned: Iterable[PlannedEntry], campaign: str) -> str | None:
    """Return the name of another day of this store under which some of `planned` was tried already, at the same time."""
    at = {(entry.key, entry.due_at) for entry in planned}
    if not at:
        return None
    times = sorted(due_at for _, due_at in at)
    query = sa.select(entries).where(entries.c.campaign != campaign, entries.c.attempt_count > 0)
    for row in connection.execute(query.where(entries.c.due_at.between(times[0], times[-1])).order_by(entries.c.id)):
        if (to_entry(row).key, row.due_at) in at:
            return str(row.campaign)
    return None


def anchors_of(connection: Connection, entry: QueueEntry) -> Anchors:
    """Return what `entry` hangs on; all of it is published when it is its turn."""
    quoted = _post_of(connection, entry, entry.draft.quotes) if entry.draft.quotes else None
    if entry.key.part > 0:
        first, before = _part(connection, entry, 0), _part(connection, entry, entry.key.part - 1)
        return Anchors(_root(connection, first), _receipt(before), quoted and _receipt(quoted))
    parent = _post_of(connection, entry, entry.draft.reply_to) if entry.draft.reply_to else None
    return Anchors(parent and _root(connection, parent), parent and _receipt(parent), quoted and _receipt(quoted))


def target_of(connection: Connection, campaign: str, account: str, language: str, slot: str) -> Row[Any] | None:
    """Return the row of the first post of `slot` on `account`: in that language if it is or will be out, else in any."""
    query = sa.select(entries).where(
        entries.c.campaign == campaign, entries.c.account == account, entries.c.slot == slot, entries.c.part == 0
    )
    is_same = sa.case((entries.c.language == language, 0), else_=1)
    is_out = sa.case(
        (entries.c.state == State.PUBLISHED, 0),
        (entries.c.state.in_([State.WAITING, State.CLAIMED, State.UNKNOWN]), 1),
        else_=2,
    )
    will_not_be = sa.case((is_out == 2, 1), else_=0)
    return connection.execute(query.order_by(will_not_be, is_same, is_out, entries.c.position)).first()


def _post_of(connection: Connection, entry: QueueEntry, slot: str) -> Row[Any] | None:
    return target_of(connection, entry.campaign, entry.key.account, entry.key.language, slot)


def _part(connection: Connection, entry: QueueEntry, number: int) -> Row[Any]:
    query = sa.select(entries).where(
        entries.c.campaign == entry.campaign,
        entries.c.slot == entry.key.slot,
        entries.c.language == entry.key.language,
        entries.c.account == entry.key.account,
        entries.c.part == number,
    )
    return connection.execute(query).one()


def _root(connection: Connection, row: Row[Any]) -> Receipt | None:
    """Return the first post of the conversation that a slot's first post is in: what it answers, and so on upwards."""
    seen = {row.id}
    while row.reply_to:
        above = target_of(connection, row.campaign, row.account, row.language, row.reply_to)
        if above is None or above.receipt is None or above.id in seen:
            break
        row = above
        seen.add(row.id)
    return _receipt(row)


def _receipt(row: Row[Any]) -> Receipt | None:
    return decode_receipt(row.receipt) if row.receipt else None


# ---- rows ⇄ records ----------------------------------------------------------------------------------------------------


def _plan_columns(planned: PlannedEntry, position: int) -> dict[str, Any]:
    return {
        "due_at": planned.due_at,
        "expires_at": planned.expires_at,
        "draft": encode(planned.draft),
        "reply_to": planned.draft.reply_to,
        "quotes": planned.draft.quotes,
        "position": position,
    }


def _new_row(campaign: str, planned: PlannedEntry, publish_key: str, position: int) -> dict[str, Any]:
    slot, part, language, account = planned.key
    return {
        "campaign": campaign,
        "slot": slot,
        "part": part,
        "language": language,
        "account": account,
        "network": planned.network,
        "publish_key": publish_key,
        "state": State.WAITING,
        "attempt_count": 0,
        "lookup_count": 0,
    } | _plan_columns(planned, position)


def to_entry(row: Row[Any]) -> QueueEntry:
    """Return a row of `entries` as its record."""
    return QueueEntry(
        id=row.id,
        campaign=row.campaign,
        key=EntryKey(row.slot, row.part, row.language, row.account),
        network=Network(row.network),
        due_at=row.due_at,
        expires_at=row.expires_at,
        draft=msgspec.json.decode(row.draft, type=Draft),
        publish_key=row.publish_key,
        state=State(row.state),
        prepared=row.prepared,
        prepared_at=row.prepared_at,
        payload=row.payload,
        frozen_at=row.frozen_at,
        attempt_count=row.attempt_count,
        first_attempt_at=row.first_attempt_at,
        next_attempt_at=row.next_attempt_at,
        lookup_count=row.lookup_count,
        receipt=decode_receipt(row.receipt) if row.receipt else None,
        published_at=row.published_at,
        note=row.note,
        withdraw_reason=row.withdraw_reason,
        resent_at=row.resent_at,
    )


def encode(record: Draft | Receipt) -> str:
    """Return a record as the JSON that its column holds."""
    return msgspec.json.encode(record, order="deterministic").decode()


def decode_receipt(text: str) -> Receipt:
    """Return the receipt that a column holds."""
    return msgspec.json.decode(text, type=Receipt)
