"""Preparing ahead: pictures uploaded and mentions looked up before a post is due, so that one with four is no later than words.

One entry at a time, on its account's own turn, and never in the way of what is due. Harmless at any time: nobody sees
anything of it, and what fails here is tried again when the entry is sent.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from shareasm.domain.queue import QueueEntry
from shareasm.errors import ConfigError, NetworkError, RateLimited, Unauthorized
from shareasm.publish.press import Press, Result, stop_account
from shareasm.storage import accounts, preparations, turns
from shareasm.storage.engine import reading, transaction

UPLOAD = timedelta(seconds=15)
"""What four pictures may take over a slow line: with less time than that before something else is due, preparing waits."""


def prepare_next(press: Press, account: str, tell: Callable[[Result], None]) -> bool:
    """Prepare the next entry of `account` that is due soon. False: there is nothing to prepare now."""
    now = press.clock.now()
    with transaction(press.engine) as connection:
        entry = preparations.next_to_prepare(connection, press.campaign.slug, account, now)
        if entry is None or accounts.state(connection, press.campaign.slug, account):
            return False
        next_at = turns.next_due(connection, press.campaign.slug, account, now)
        if next_at and next_at < entry.due_at and next_at - now < UPLOAD:
            return False
        if not preparations.begin(connection, entry, now):
            return False
    try:
        prepared = press.publishers[account].prepare(entry.draft, press.media)
    except (NetworkError, ConfigError) as error:
        _failed(press, entry, now, error, tell)
        return True
    with transaction(press.engine) as connection:
        preparations.done(connection, entry, now, prepared)
    return True


def next_preparation(press: Press, account: str) -> datetime | None:
    """Return when there will be something to prepare on `account`, if it is not there by then; None: nothing in sight."""
    with reading(press.engine) as connection:
        return preparations.next_at(connection, press.campaign.slug, account, press.clock.now())


def _failed(
    press: Press,
    entry: QueueEntry,
    begun_at: datetime,
    error: NetworkError | ConfigError,
    tell: Callable[[Result], None],
) -> None:
    with transaction(press.engine) as connection:
        result = _note(connection, press, entry, begun_at, error)
    if result:
        tell(result)


def _note(
    connection: Connection, press: Press, entry: QueueEntry, begun_at: datetime, error: NetworkError | ConfigError
) -> Result | None:
    """Write down why it was not prepared; return what a person should read of it."""
    if isinstance(error, Unauthorized):
        preparations.put_off(connection, entry, begun_at, None)
        return stop_account(connection, press, entry, error)
    if isinstance(error, RateLimited) and error.until < entry.due_at:
        preparations.put_off(connection, entry, begun_at, error.until)
        return None
    words = f"preparing it failed, it is tried again when it is due: {error}"
    return Result(entry, words, error=error) if preparations.failed(connection, entry, begun_at, words) else None
