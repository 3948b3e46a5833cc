"""The queue: entries brought in line with the plan, read, and rows ⇄ records. Sending them is in `storage.claims`."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from shareasm.domain.posts import Network
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
    """Give an entry that nobody has tried its new content; a claim in the same moment wins."""
    connection.execute(
        entries.update().where(entries.c.id == entry.id, entries.c.state == entry.state, entries.c.attempt_count == 0),
        _plan_columns(planned, position)
        | {"state": State.WAITING, "prepared": None, "payload": None, "note": None, "next_attempt_at": None},
    )


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


def before_in_thread(connection: Connection, entry: QueueEntry) -> tuple[Receipt, Receipt] | None:
    """Return the receipts of the thread's first post and of the part right before `entry`; None for a first part."""
    if entry.key.part == 0:
        return None
    query = sa.select(entries.c.part, entries.c.receipt).where(
        entries.c.campaign == entry.campaign,
        entries.c.slot == entry.key.slot,
        entries.c.language == entry.key.language,
        entries.c.account == entry.key.account,
        entries.c.part.in_([0, entry.key.part - 1]),
    )
    receipts = {row.part: decode_receipt(row.receipt) for row in connection.execute(query)}
    return receipts[0], receipts[entry.key.part - 1]


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
