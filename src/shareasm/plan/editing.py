"""Editing what was sent, when a person asks for it: the network's post first, then the row.

So a sudden end leaves the difference to be seen and the same edit to be made again, which does no harm.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from shareasm.domain.differences import parts_changed, parts_that_stay
from shareasm.domain.queue import Change
from shareasm.errors import ConfigError, NetworkError
from shareasm.networks.ports import Publisher, Thread, Ties
from shareasm.publish import Press, Result
from shareasm.storage import claims, queue, steering
from shareasm.storage.acts import Act, record
from shareasm.storage.engine import reading, transaction


def edit_sent(press: Press, changes: Iterable[Change], tell: Callable[[Result], None]) -> bool:
    """Edit the posts of `changes` on their networks. False: some were left as sent; the reason was told."""
    outcomes = [_edit(press, change) for change in changes]
    for outcome in outcomes:
        tell(outcome)
    return all(outcome.error is None and outcome.receipt for outcome in outcomes)


def _edit(press: Press, change: Change) -> Result:
    entry = change.entry
    publisher = press.publishers.get(entry.key.account)
    if publisher is None:
        return Result(entry, "left as sent: there is no secret for its account")
    try:
        if not publisher.limits().can_edit:
            return Result(entry, "left as sent: its network has no edits; `shareasm withdraw` takes it back")
        if parts_that_stay(change) == parts_changed(change):
            stays = " and ".join(parts_that_stay(change))
            return Result(entry, f"left as sent: no edit changes {stays}; `shareasm withdraw` takes it back")
        return _send_edit(press, publisher, change)
    except (NetworkError, ConfigError) as error:
        return Result(entry, f"left as sent: {error}", error=error)


def _send_edit(press: Press, publisher: Publisher, change: Change) -> Result:
    entry, planned = change
    assert entry.receipt
    with reading(press.engine) as connection:
        root, parent, quoted = queue.anchors_of(connection, entry)
    ties = Ties(Thread(root, parent) if root and parent else None, quoted)
    prepared = publisher.prepare(planned.draft, press.media)
    sent_at = entry.frozen_at or entry.published_at or press.clock.now()  # an edit does not make a post younger
    payload = publisher.freeze(planned.draft, entry.publish_key, prepared, ties, sent_at)
    with transaction(press.engine) as connection:
        attempt = steering.begin_call(connection, entry, press.worker, "edit", press.clock.now())
    try:
        receipt = publisher.edit(payload, entry.receipt)
    except NetworkError as error:
        with transaction(press.engine) as connection:
            claims.end_attempt(connection, attempt, f"failed: {error}", press.clock.now())
        raise
    now = press.clock.now()
    with transaction(press.engine) as connection:
        claims.end_attempt(connection, attempt, "edited", now)
        steering.edited(connection, entry, planned, prepared, payload, receipt)
        record(connection, entry.campaign, Act(now, press.worker, "edit", entry.key.name, receipt.url))
    stays = f", but for {' and '.join(parts_that_stay(change))}" if parts_that_stay(change) else ""
    return Result(replace(entry, receipt=receipt), f"edited{stays}: {receipt.url}", receipt=receipt)
