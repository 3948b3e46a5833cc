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

from shareasm.domain.queue import (
    QueueEntry,
    Receipt,
)
from shareasm.errors import (
    ConfigError,
    NetworkError,
    RateLimited,
    StorageError,
    Unauthorized,
    Unreachable,
)
from shareasm.networks.ports import Publisher, Repeat, Thread, Ties
from shareasm.publish.press import Press, Result
from shareasm.storage import claims, queue
from shareasm.storage.engine import reading, transaction

REPEAT_WITHIN = timedelta(minutes=50)
"""Mastodon remembers an Idempotency-Key for 3,600 s after success; ten minutes are left for clocks and slow answers."""

LOOK_AGAIN_AFTER = timedelta(seconds=60)
LOOKS = 2  # not there twice, a minute apart: a person decides
FIRST_WAIT_S = 5
LONGEST_WAIT_S = 5 * 60
FRESH_FOR = timedelta(minutes=10)
"""Content that was frozen longer ago, and surely not sent, is frozen anew: a Bluesky post carries the time of its freezing, and
Mastodon forgets uploads after a day."""

STOPPED_FOR = timedelta(minutes=5)  # an account whose token is refused is tried again, in case it was mended


def publish_due(
    press: Press, account: str, tell: Callable[[Result], None], is_stopping: Callable[[], bool]
) -> datetime | None:
    """Send what is due on `account`, one after the other; return when there is something to do next (None: never)."""
    with transaction(press.engine) as connection:
        missed = claims.mark_missed(connection, press.campaign.slug, account, press.clock.now())
    for entry in missed:
        tell(Result(entry, f"missed: {entry.note}"))
    while not is_stopping():
        now = press.clock.now()
        with transaction(press.engine) as connection:
            claimed = claims.claim_due(connection, press.campaign.slug, press.worker, now, accounts=[account])
        if claimed is None:
            break
        tell(_send_in_hand(press, claimed))
    with reading(press.engine) as connection:
        return claims.next_due(connection, press.campaign.slug, [account])


def _send_in_hand(press: Press, entry: QueueEntry) -> Result:
    """Send a claimed entry; its claim is renewed meanwhile, and given back should an error of ours break it off."""
    press.in_hand.add(entry.id)
    try:
        return _send(press, entry)
    except BaseException:
        with suppress(StorageError), transaction(press.engine) as connection:
            claims.let_go(connection, entry, press.worker, press.clock.now())
        raise
    finally:
        press.in_hand.discard(entry.id)


def _send(press: Press, entry: QueueEntry) -> Result:
    publisher = press.publishers[entry.key.account]
    with reading(press.engine) as connection:
        open_since = claims.open_since(connection, entry.id)
    try:
        if open_since is not None:
            return _settle(press, publisher, entry, open_since)
        if entry.payload is None or entry.frozen_at is None or press.clock.now() - entry.frozen_at > FRESH_FOR:
            entry = _freeze(press, publisher, entry)
    except (NetworkError, ConfigError) as error:
        return _not_sent(press, entry, error)
    return _publish(press, publisher, entry)


def _freeze(press: Press, publisher: Publisher, entry: QueueEntry) -> QueueEntry:
    """Upload what belongs to an entry and store its exact content, before anybody can see anything of it."""
    with reading(press.engine) as connection:
        thread = queue.before_in_thread(connection, entry)
    ties = Ties(Thread(*thread) if thread else None)
    prepared = publisher.prepare(entry.draft, press.media)
    payload = publisher.freeze(entry.draft, entry.publish_key, prepared, ties, press.clock.now())
    with transaction(press.engine) as connection:
        claims.freeze(connection, entry.id, press.worker, payload, press.clock.now())
    return replace(entry, payload=payload)


def _publish(press: Press, publisher: Publisher, entry: QueueEntry) -> Result:
    with transaction(press.engine) as connection:
        attempt = claims.begin_attempt(connection, entry, press.worker, "publish", press.clock.now())
    if attempt is None:
        return Result(entry, "another worker has taken it over")
    assert entry.payload is not None
    try:
        receipt = publisher.publish(entry.payload, entry.publish_key)
    except Unreachable as error:
        return (
            _lost(press, entry, attempt, error) if error.is_outcome_unknown else _not_sent(press, entry, error, attempt)
        )
    except NetworkError as error:
        return _not_sent(press, entry, error, attempt)
    return _published(press, entry, receipt)


def _settle(press: Press, publisher: Publisher, entry: QueueEntry, open_since: datetime) -> Result:
    """Find out what became of a call whose answer was lost, and go on from there."""
    repeat = publisher.limits().repeat
    if repeat is Repeat.SAFE:
        return _publish(press, publisher, entry)
    found = _look_up(press, publisher, entry, open_since)
    if found is not None:
        return found
    if repeat is Repeat.AN_HOUR and press.clock.now() - open_since < REPEAT_WITHIN:
        return _publish(press, publisher, entry)
    return _not_found(press, entry)


def _look_up(press: Press, publisher: Publisher, entry: QueueEntry, open_since: datetime) -> Result | None:
    """Look for the post on its account; None when it is not there."""
    now = press.clock.now()
    with transaction(press.engine) as connection:
        attempt = claims.begin_attempt(connection, entry, press.worker, "look up", now)
    if attempt is None:
        return Result(entry, "another worker has taken it over")
    assert entry.payload is not None
    try:
        receipt = publisher.find(entry.payload, entry.publish_key, open_since)
    except NetworkError as error:
        wait = _wait(entry.attempt_count + entry.lookup_count, error, press.clock.now())
        words = f"sent, but the answer was lost, and looking it up failed: {error}"
        with transaction(press.engine) as connection:
            claims.end_attempt(connection, attempt, f"failed: {error}", press.clock.now())
            claims.unknown(connection, entry.id, press.worker, wait, words, lookup_count=entry.lookup_count)
        return Result(entry, words, error=error)
    with transaction(press.engine) as connection:
        if receipt is None or claims.is_taken(connection, receipt, entry):
            claims.end_attempt(connection, attempt, "not found", press.clock.now())
            return None
    return _published(press, entry, receipt)


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
        claims.published(connection, entry.id, press.worker, receipt, now)
    return Result(entry, f"published: {receipt.url}", receipt=receipt)


def _lost(press: Press, entry: QueueEntry, attempt: int, error: Unreachable) -> Result:
    """The server may have acted. The attempt stays open, and the entry is settled soon."""
    now = press.clock.now()
    words = f"sent, but the answer was lost: {error}"
    with transaction(press.engine) as connection:
        claims.note_attempt(connection, attempt, words)
        wait = _wait(entry.attempt_count, error, now)
        claims.unknown(connection, entry.id, press.worker, wait, words, lookup_count=entry.lookup_count)
    return Result(entry, words, error=error)


def _not_sent(press: Press, entry: QueueEntry, error: NetworkError | ConfigError, attempt: int | None = None) -> Result:
    """The server did not act: wait and try again, or give up where asking again cannot help."""
    now = press.clock.now()
    with transaction(press.engine) as connection:
        if attempt is not None:
            claims.end_attempt(connection, attempt, f"not executed: {error}", now)
        if isinstance(error, RateLimited | Unreachable | Unauthorized):
            words = f"not sent yet: {error}"
            # Where not even an attempt was made (an upload failed), the waits grow with the time since it was due.
            tries = entry.attempt_count if attempt is not None else _tries_by_age(now - entry.due_at)
            claims.put_back(connection, entry.id, press.worker, _wait(tries, error, now), words)
        elif claims.open_since(connection, entry.id):  # an earlier try of the same post may be out there
            words = f"an answer was lost, and repeating it was refused; a person must decide: {error}"
            claims.unknown(connection, entry.id, press.worker, None, words, lookup_count=entry.lookup_count)
        else:
            words = f"refused: {error}"
            claims.failed(connection, entry.id, press.worker, words)
    return Result(entry, words, error=error)


def _wait(tries: int, error: NetworkError, now: datetime) -> datetime:
    """Return when to try again: when the server says, else after 5 s, 10 s, 20 s … 5 min."""
    if isinstance(error, RateLimited):
        return error.until
    if isinstance(error, Unauthorized):
        return now + STOPPED_FOR
    return now + timedelta(seconds=min(FIRST_WAIT_S * 2 ** min(tries, 10), LONGEST_WAIT_S))


def _tries_by_age(age: timedelta) -> int:
    """Return how many doubling waits from FIRST_WAIT_S fit into `age`.

    >>> [_tries_by_age(timedelta(seconds=s)) for s in (0, 4, 5, 16, 36)]
    [0, 0, 1, 2, 3]
    """
    return (max(int(age.total_seconds()), 0) // FIRST_WAIT_S + 1).bit_length() - 1
