"""Sending: what is due goes out, each post once.

    schedule → reconcile → queue row → claim → freeze → attempt written → call → receipt

Every arrow ends in a commit, and no transaction is open during a call. So whatever dies when, the row tells what may have
happened, and the next worker goes on from there (`domain.queue` draws the states):

- before the attempt was written: nothing was sent, begin again;
- attempt written, no outcome: the answer is lost. Where repeating is safe it is repeated under the same key; else the post is
  looked up first, and what cannot be found twice a minute apart is left `unknown` for a person. It is never guessed.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from shareasm.domain.patience import FIRST_RETRY, retry_after
from shareasm.domain.queue import CLOCKS_DIFFER_BY, QueueEntry, Receipt
from shareasm.errors import (
    ConfigError,
    NetworkError,
    RateLimited,
    Rejected,
    Stale,
    StorageError,
    Unauthorized,
    Unreachable,
)
from shareasm.networks.ports import Publisher, Repeat, Thread, Ties
from shareasm.publish.press import Press, Result, stop_account
from shareasm.storage import accounts, claims, preparations, queue, turns
from shareasm.storage.claims import LOOK_AGAIN_AFTER
from shareasm.storage.engine import reading, transaction

REPEAT_WITHIN = timedelta(minutes=50)
"""Mastodon remembers an Idempotency-Key for 3,600 s after success; ten minutes are left for clocks and slow answers."""

SURELY_OURS = timedelta(minutes=1)
"""Where repeating is safe it is repeated without looking, for so long. Later somebody may have seen and deleted what our call
made, and a repeat would make it again."""

OFF_BY = timedelta(days=1)  # a wrong clock is wrong by less: an hour of summer time, another time zone
LOOKS = 2  # not there twice, a minute apart: a person decides
FRESH_FOR = timedelta(minutes=10)
"""Content that was frozen longer ago, and surely not sent, is frozen anew: a Bluesky post carries the time of its freezing."""

DELETED_SINCE = "it was published, and somebody has deleted it: it is not made again"


def miss_late(press: Press, account: str, tell: Callable[[Result], None]) -> None:
    """Give up what is too late on an account that sends nothing here, such as one without a secret."""
    with transaction(press.engine) as connection:
        missed = turns.mark_missed(connection, press.campaign.slug, account, press.clock.now())
    for entry in missed:
        tell(Result(entry, f"missed: {entry.note}"))


def publish_due(
    press: Press, account: str, tell: Callable[[Result], None], is_stopping: Callable[[], bool]
) -> datetime | None:
    """Send what is due on `account`, one after the other; return when there is something to do next (None: not in sight)."""
    slug = press.campaign.slug
    while not is_stopping():
        now = press.clock.now()
        with transaction(press.engine) as connection:
            claimed = claims.claim_due(connection, slug, press.worker, now, accounts=[account])
            begun = _begin_at_once(connection, press, claimed) if claimed else None
        if claimed is None:
            break
        if result := _send_in_hand(press, claimed, begun):
            tell(result)
    now = press.clock.now()
    with transaction(press.engine) as connection:
        missed = turns.mark_missed(connection, slug, account, now)
        kept_back = turns.note_obstacles(connection, slug, account, now)
        upcoming = turns.next_due(connection, slug, account, now)
    for entry in missed:
        tell(Result(entry, f"missed: {entry.note}"))
    for entry in kept_back:
        tell(Result(entry, f"not sent yet: {entry.note}"))
    return upcoming


class _Begun(NamedTuple):
    """A claimed entry whose content and attempt are written down: the call is next."""

    entry: QueueEntry
    attempt: int


def _begin_at_once(connection: Connection, press: Press, entry: QueueEntry) -> _Begun | None:
    """Write content and attempt down in the transaction of the claim, which is one commit less before the first byte.

    None where more is to be done first: what was never tried, is prepared, and hangs on nothing, needs no call before it.
    """
    now = press.clock.now()
    is_alone = entry.key.part == 0 and not entry.draft.reply_to and not entry.draft.quotes
    if entry.attempt_count or not is_alone or entry.prepared is None or not _is_prepared(entry, now):
        return None
    try:
        payload = press.publishers[entry.key.account].freeze(
            entry.draft, entry.publish_key, entry.prepared, Ties(), now
        )
    except Exception:  # noqa: BLE001  whatever it is comes again on the longer way, where it is noted and holds up no other
        return None
    claims.freeze(connection, entry.id, press.worker, payload, now)
    attempt = claims.begin_attempt(connection, entry, press.worker, "publish", now)
    return _Begun(replace(entry, payload=payload), attempt) if attempt is not None else None


def _is_prepared(entry: QueueEntry, now: datetime) -> bool:
    if entry.prepared is None or entry.prepared_at is None:
        return False
    return _is_fresh(entry.prepared_at, preparations.FRESH_FOR, now)


def _send_in_hand(press: Press, entry: QueueEntry, begun: _Begun | None) -> Result | None:
    """Send a claimed entry; its claim is renewed meanwhile, and given back should an error of ours break it off."""
    press.in_hand.add(entry.id)
    try:
        return _call(press, *begun) if begun else _send(press, entry)
    except BaseException:
        with suppress(StorageError), transaction(press.engine) as connection:
            claims.let_go(connection, entry, press.worker, press.clock.now())
        raise
    finally:
        press.in_hand.discard(entry.id)


def _send(press: Press, entry: QueueEntry) -> Result | None:
    """Send one entry. None: nothing came of it that a person should read."""
    publisher = press.publishers[entry.key.account]
    open_since, undecided_since = _open_since(press, entry)
    try:
        if undecided_since:
            return _settle(press, publisher, entry, undecided_since)
        if open_since is None and not _is_frozen(press, entry):
            return _freeze_and_publish(press, publisher, entry)
    except (NetworkError, ConfigError) as error:
        return _not_sent(press, entry, error)
    return _publish(press, entry)  # what may be out is sent again as it was, or not at all


def _open_since(press: Press, entry: QueueEntry) -> tuple[datetime | None, datetime | None]:
    """Return since when an answer is missing, and since when one that no person has decided to send again.

    Who wants it back since has decided otherwise: then every missing answer is to be found.
    """
    if entry.attempt_count == 0:
        return None, None
    is_to_go_again = entry.withdraw_reason is None
    with reading(press.engine) as connection:
        since = claims.open_since(connection, entry.id)
        return since, since and claims.open_since(connection, entry.id, is_undecided=is_to_go_again)


def _is_frozen(press: Press, entry: QueueEntry) -> bool:
    if entry.payload is None or entry.frozen_at is None:
        return False
    return _is_fresh(entry.frozen_at, FRESH_FOR, press.clock.now())


def _is_fresh(made_at: datetime, lasts: timedelta, now: datetime) -> bool:
    return made_at - CLOCKS_DIFFER_BY <= now <= made_at + lasts


def _freeze_and_publish(press: Press, publisher: Publisher, entry: QueueEntry) -> Result | None:
    """Store the exact content and that it will be tried, before anybody can see anything of it; then send it."""
    ties = _ties(press, entry)
    prepared = _prepare(press, publisher, entry)
    payload = publisher.freeze(entry.draft, entry.publish_key, prepared, ties, press.clock.now())
    return _publish(press, replace(entry, payload=payload), is_new=True)


def _ties(press: Press, entry: QueueEntry) -> Ties:
    if entry.key.part == 0 and not entry.draft.reply_to and not entry.draft.quotes:
        return Ties()
    with reading(press.engine) as connection:
        root, parent, quoted = queue.anchors_of(connection, entry)
    return Ties(Thread(root, parent) if root and parent else None, quoted)


def _prepare(press: Press, publisher: Publisher, entry: QueueEntry) -> str:
    """Return what was prepared ahead, or prepare it now where that was not done, or too long ago."""
    now = press.clock.now()
    if entry.prepared is not None and _is_prepared(entry, now):
        return entry.prepared
    prepared = publisher.prepare(entry.draft, press.media)
    with transaction(press.engine) as connection:
        claims.prepared(connection, entry.id, press.worker, prepared, now)
    return prepared


def _publish(press: Press, entry: QueueEntry, *, is_new: bool = False) -> Result | None:
    """Write the attempt down, with its content where that `is_new`, and make the call. None: it may not be sent now."""
    assert entry.payload is not None
    with transaction(press.engine) as connection:
        now = press.clock.now()
        if is_new:
            claims.freeze(connection, entry.id, press.worker, entry.payload, now)
        attempt = claims.begin_attempt(connection, entry, press.worker, "publish", now)
    return None if attempt is None else _call(press, entry, attempt)


def _call(press: Press, entry: QueueEntry, attempt: int) -> Result | None:
    """Make the call whose attempt is written down, and store what came of it."""
    assert entry.payload is not None
    try:
        receipt = press.publishers[entry.key.account].publish(entry.payload, entry.publish_key)
    except Unreachable as error:
        return (
            _lost(press, entry, attempt, error) if error.is_outcome_unknown else _not_sent(press, entry, error, attempt)
        )
    except NetworkError as error:
        return _not_sent(press, entry, error, attempt)
    return _published(press, entry, receipt)


# ---- lost answers ------------------------------------------------------------------------------------------------------


def _settle(press: Press, publisher: Publisher, entry: QueueEntry, open_since: datetime) -> Result | None:
    """Find out what became of a call whose answer was lost, and go on from there."""
    repeat = publisher.limits().repeat
    now = press.clock.now()
    if open_since > now + CLOCKS_DIFFER_BY:  # our clock was set back since: how long ago it was is not known
        open_since = now - OFF_BY
    age = now - open_since
    if repeat is Repeat.SAFE and age <= SURELY_OURS and entry.withdraw_reason is None:
        return _publish(press, entry)
    found = _look_up(press, publisher, entry, open_since)
    if found is not None:
        return found
    if repeat is Repeat.SAFE:
        return _not_there(press, entry)
    if repeat is Repeat.AN_HOUR and age < REPEAT_WITHIN and entry.withdraw_reason is None:
        return _publish(press, entry)
    return _not_found(press, entry)


def _not_there(press: Press, entry: QueueEntry) -> Result:
    """It is not on the account, and its own server says so: it was not done, or it was undone.

    Where the collector has seen it, somebody deleted it, and it is not made again. Else its late policy decides.
    """
    now = press.clock.now()
    with transaction(press.engine) as connection:
        if receipt := claims.seen_at(connection, entry):
            claims.close_open_attempts(connection, entry.id, DELETED_SINCE, now)
            claims.published(connection, entry.id, receipt, now, DELETED_SINCE)
            return Result(entry, DELETED_SINCE, receipt=receipt)
        words = "the answer was lost, and it is not on the account"
        claims.close_open_attempts(connection, entry.id, f"not executed: {words}", now)
        claims.put_back(connection, entry.id, press.worker, now, words)
    return Result(entry, words)


def _look_up(press: Press, publisher: Publisher, entry: QueueEntry, open_since: datetime) -> Result | None:
    """Look for the post on its account; None when it is not there."""
    with transaction(press.engine) as connection:
        attempt = claims.begin_attempt(connection, entry, press.worker, "look up", press.clock.now())
    if attempt is None:
        return Result(entry, "another worker has taken it over")
    assert entry.payload is not None
    try:
        receipt = publisher.find(entry.payload, entry.publish_key, open_since)
    except NetworkError as error:
        return _not_looked_up(press, entry, attempt, error)
    with transaction(press.engine) as connection:
        accounts.clear(connection, press.campaign.slug, entry.key.account)
        if receipt is None or claims.is_taken(connection, receipt, entry):
            claims.end_attempt(connection, attempt, "not found", press.clock.now())
            return None
    return _published(press, entry, receipt)


def _not_looked_up(press: Press, entry: QueueEntry, attempt: int, error: NetworkError) -> Result | None:
    """The look failed: look again. A refusal is the same every time, and for a person to read."""
    now = press.clock.now()
    words = f"sent, but the answer was lost, and looking it up failed: {error}"
    again = None if isinstance(error, Rejected) else _wait(press, entry.attempt_count + entry.lookup_count, error, now)
    with transaction(press.engine) as connection:
        claims.end_attempt(connection, attempt, f"failed: {error}", now)
        claims.unknown(connection, entry.id, press.worker, again, words, lookup_count=entry.lookup_count)
        if isinstance(error, Unauthorized):
            return stop_account(connection, press, entry, error)
    return Result(entry, words, error=error)


def _not_found(press: Press, entry: QueueEntry) -> Result:
    """It is not on the account. Once may be a slow index; twice, a minute apart, is for a person to decide."""
    looks = entry.lookup_count + 1
    now = press.clock.now()
    if looks < LOOKS:
        words = "sent, but the answer was lost; not found on the account yet, looking again in a minute"
        again: datetime | None = now + LOOK_AGAIN_AFTER
    else:
        words = f"the answer was lost, and the post was not found on the account in {looks} looks; a person must decide"
        again = None
    with transaction(press.engine) as connection:
        claims.unknown(connection, entry.id, press.worker, again, words, lookup_count=looks)
    return Result(entry, words)


def _published(press: Press, entry: QueueEntry, receipt: Receipt) -> Result:
    now = press.clock.now()
    with transaction(press.engine) as connection:
        claims.close_open_attempts(connection, entry.id, f"published: {receipt.url}", now)
        claims.published(connection, entry.id, receipt, now)
        was_stopped = accounts.clear(connection, press.campaign.slug, entry.key.account)
    words = f"published: {receipt.url}"
    return Result(entry, f"{words}; the account goes on" if was_stopped else words, receipt=receipt)


def _lost(press: Press, entry: QueueEntry, attempt: int, error: Unreachable) -> Result:
    """The server may have acted. The attempt stays open, and the entry is settled soon."""
    now = press.clock.now()
    words = f"sent, but the answer was lost: {error}"
    with transaction(press.engine) as connection:
        claims.note_attempt(connection, attempt, words)
        wait = _wait(press, entry.attempt_count, error, now)
        claims.unknown(connection, entry.id, press.worker, wait, words, lookup_count=entry.lookup_count)
    return Result(entry, words, error=error)


def _not_sent(
    press: Press, entry: QueueEntry, error: NetworkError | ConfigError, attempt: int | None = None
) -> Result | None:
    """The server did not act: wait and try again, or give up where asking again cannot help."""
    now = press.clock.now()
    with transaction(press.engine) as connection:
        if attempt is not None:
            claims.end_attempt(connection, attempt, f"not executed: {error}", now)
        is_open = claims.open_since(connection, entry.id) is not None
        if isinstance(error, Unauthorized):  # the account waits, not the entry
            claims.put_back(connection, entry.id, press.worker, now, entry.note)
            return stop_account(connection, press, entry, error)
        if isinstance(error, RateLimited | Unreachable | Stale):
            words = f"not sent yet: {error}"
            # Where not even an attempt was made (an upload failed), the waits grow with the time since it was due.
            tries = entry.attempt_count if attempt is not None else _tries_by_age(now - entry.due_at)
            if isinstance(error, Stale) and not is_open:
                claims.forget_prepared(connection, entry.id, press.worker)
            claims.put_back(connection, entry.id, press.worker, _wait(press, tries, error, now), words)
        elif is_open:  # an earlier try of the same post may be out there
            words = f"an answer was lost, and repeating it was refused; a person must decide: {error}"
            claims.unknown(connection, entry.id, press.worker, None, words, lookup_count=entry.lookup_count)
        else:
            words = f"refused: {error}"
            claims.failed(connection, entry.id, press.worker, words)
    return Result(entry, words, error=error)


def _wait(press: Press, tries: int, error: NetworkError, now: datetime) -> datetime:
    """Return when to try again: when the server says, else after 5 s, 10 s, 20 s … 5 min."""
    if isinstance(error, RateLimited):
        return error.until
    if isinstance(error, Unauthorized):
        return now  # its account waits
    return now + retry_after(tries, press.chance())


def _tries_by_age(age: timedelta) -> int:
    """Return how many doubling waits from FIRST_RETRY fit into `age`.

    >>> [_tries_by_age(timedelta(seconds=s)) for s in (0, 4, 5, 16, 36)]
    [0, 0, 1, 2, 3]
    """
    return (max(age, timedelta()) // FIRST_RETRY + 1).bit_length() - 1
