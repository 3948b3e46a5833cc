"""The queue brought in line with the plan."""

import zlib
from collections.abc import Iterable, Sequence

from sqlalchemy.engine import Connection, Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.posts import Network
from shareasm.domain.queue import Intent, PlannedEntry, State, plan_entries, reconcile, tid
from shareasm.domain.schedules import Schedule
from shareasm.storage import cards, queue
from shareasm.storage.engine import reading, transaction


def bring_in_line(engine: Engine, campaign: Campaign, schedule: Schedule) -> list[Intent]:
    """Make the queue say what the plan says; return what changed. The same plan twice changes nothing.

    Link cards say what was kept of their pages; no page is asked here.
    """
    with transaction(engine) as connection:
        planned = wanted_entries(connection, campaign, schedule)
        intents = reconcile(planned, queue.of_campaign(connection, campaign.slug))
        carry_out(connection, campaign, planned, intents)
    return intents


def wanted_entries(connection: Connection, campaign: Campaign, schedule: Schedule) -> list[PlannedEntry]:
    """Return every post that the plan asks for, in its order, with what is kept of the pages that they link to."""
    return cards.complete(connection, plan_entries(campaign, schedule))


def carry_out(
    connection: Connection, campaign: Campaign, planned: Sequence[PlannedEntry], intents: Iterable[Intent]
) -> None:
    """Do to the queue what `reconcile` decided about `planned`."""
    keys = {entry.key: publish_key(campaign, entry, number) for number, entry in enumerate(planned)}
    queue.apply(connection, campaign.slug, intents, keys, [entry.key for entry in planned])


def sent_before(engine: Engine, campaign: Campaign, schedule: Schedule) -> list[str]:
    """Return the slots that were sent for another time than they are planned for now, in a trial: they stay sent."""
    due = {entry.key: entry.due_at for entry in plan_entries(campaign, schedule)}
    with reading(engine) as connection:
        queued = queue.of_campaign(connection, campaign.slug)
    moved = [e for e in queued if e.state is State.PUBLISHED and due.get(e.key, e.due_at) != e.due_at]
    return list(dict.fromkeys(entry.key.slot for entry in moved))


def publish_key(campaign: Campaign, entry: PlannedEntry, number: int) -> str:
    """Return the key under which an entry is sent, made once when it is first planned and then stored.

    Bluesky: a record key that rises with the plan's order (a TID of the due instant). Mastodon: an Idempotency-Key. Both
    are the same for the same plan: a lost database does not post a day twice within its servers' memory.
    """
    name = "/".join((campaign.slug, entry.key.slot, str(entry.key.part), entry.key.language, entry.key.account))
    if entry.network is Network.BLUESKY:
        microseconds = int(entry.due_at.timestamp() * 1_000_000) + number
        return tid(microseconds, zlib.crc32(name.encode()))
    return f"shareasm:{name}"
