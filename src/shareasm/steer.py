"""Steering: what a person decides about the queue on the day: hold it, let it go on, adopt, send again, take back.

Every decision is stored before anything is done about it, in one transaction with its line in the audit trail. What is to be
deleted stands in the queue as `withdrawing` until its network said that it is gone: whoever is killed in between, the worker or
the next command takes it up, and deleting what is gone already is no error.
"""

import getpass
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import NamedTuple

from sqlalchemy.engine import Connection, Engine

from shareasm.domain.changes import Gone
from shareasm.domain.patience import retry_after
from shareasm.domain.queue import EntryKey, PlannedEntry, QueueEntry, Receipt, State
from shareasm.domain.schedules import Schedule
from shareasm.errors import ConfigError, NetworkError, RateLimited
from shareasm.publish import Press, Result
from shareasm.publish.planning import wanted_entries
from shareasm.storage import claims, posts, queue, steering
from shareasm.storage.acts import Act, record
from shareasm.storage.engine import reading, transaction

TAKES_A_RECEIPT = frozenset({State.UNKNOWN, State.FAILED, State.MISSED, State.WAITING})
GOES_AGAIN = frozenset({State.UNKNOWN, State.FAILED, State.MISSED, State.CANCELLED})


class Choice(NamedTuple):
    """Which entries of a slot are meant; None: all of them. `part` counts from 1, as people do."""

    slot: str
    account: str | None = None
    language: str | None = None
    part: int | None = None

    def takes(self, key: EntryKey) -> bool:
        """Return whether the entry `key` is meant."""
        return (
            key.slot == self.slot
            and self.account in {None, key.account}
            and self.language in {None, key.language}
            and self.part in {None, key.part + 1}
        )

    @property
    def words(self) -> str:
        """The choice as the audit trail names it."""
        narrowed = (self.account, self.language, f"part {self.part}" if self.part else None)
        return " ".join([self.slot, *filter(None, narrowed)])


class Decided(NamedTuple):
    """What a decision means for one entry, in words; `is_taken` False: it stays as it was, and why."""

    entry: QueueEntry
    words: str
    is_taken: bool = True
    is_to_delete: bool = False


def user() -> str:
    """Return who is at this machine, for the audit trail."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"


# ---- the whole day -----------------------------------------------------------------------------------------------------


def pause(engine: Engine, campaign: str, by: str, reason: str, now: datetime) -> bool:
    """Hold everything at once, also what is claimed and not yet sent. False: it was held before, and only the reason is new.

    Asks for the campaign's slug alone: also a day whose plan is broken can be held.
    """
    with transaction(engine) as connection:
        is_new = steering.pause(connection, campaign, reason, now)
        record(connection, campaign, Act(now, by, "pause", reason=reason))
    return is_new


def resume(engine: Engine, campaign: str, by: str, now: datetime) -> bool:
    """Let the day go on. False: it was not paused."""
    with transaction(engine) as connection:
        if not steering.resume(connection, campaign):
            return False
        record(connection, campaign, Act(now, by, "resume"))
    return True


# ---- choosing ----------------------------------------------------------------------------------------------------------


def choose(queued: Sequence[QueueEntry], choice: Choice) -> list[QueueEntry]:
    """Return the chosen entries. Raises ConfigError, with the nearest names, where there are none."""
    slots = dict.fromkeys(entry.key.slot for entry in queued)
    of_slot = [entry for entry in queued if entry.key.slot == choice.slot]
    if not of_slot:
        raise ConfigError(f"there is no slot “{choice.slot}” in the queue. {_nearest(choice.slot, slots)}")
    found = [entry for entry in of_slot if choice.takes(entry.key)]
    if not found:
        names = "; ".join(entry.key.name for entry in of_slot)
        raise ConfigError(f"no entry of “{choice.slot}” is like that. It has: {names}")
    return found


_EMPTY = "The queue is empty: a running worker fills it, or `shareasm plan apply`."


def _nearest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(word, names, n=3)
    if near:
        return "Did you mean " + " or ".join(f"“{name}”" for name in near) + "?"
    return f"There are: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}." if names else _EMPTY


def chosen(press: Press, choice: Choice) -> list[QueueEntry]:
    """Return the entries that a person means. Raises ConfigError where there are none."""
    with reading(press.engine) as connection:
        return choose(queue.of_campaign(connection, press.campaign.slug), choice)


# ---- adopting ----------------------------------------------------------------------------------------------------------


def to_adopt(entries: Sequence[QueueEntry]) -> QueueEntry:
    """Return the one entry that a found post can be of. Raises ConfigError where that is none or several."""
    open_ones = [entry for entry in entries if entry.state in TAKES_A_RECEIPT]
    doubtful = [entry for entry in open_ones if entry.state is not State.WAITING] or open_ones
    if not doubtful:
        words = "; ".join(f"{entry.key.name} is {entry.state}" for entry in entries)
        raise ConfigError(f"nothing to adopt: {words}")
    if len(doubtful) > 1:
        names = "; ".join(entry.key.name for entry in doubtful)
        raise ConfigError(f"say whose post it is, with --account, --language or --part: {names}")
    return doubtful[0]


def says_the_same(planned: str, found: str) -> bool:
    """Return whether two texts have the same letters; servers shorten links and leave out the hosts of mentions."""
    return _letters(planned) == _letters(found)


def _letters(text: str) -> str:
    bare = _ADDRESS.sub("", _MENTION.sub(r"\1", text))
    return "".join(char for char in bare.casefold() if char.isalnum())


_MENTION = re.compile(r"(@\w+)@[\w.-]+")
_ADDRESS = re.compile(r"\S*\w\.\w\S*")


def adopt(press: Press, entry: QueueEntry, receipt: Receipt) -> Decided:
    """Take a post that was found for the entry's: it counts as sent. Where it was to be taken back, it is now."""
    now, slug = press.clock.now(), press.campaign.slug
    with transaction(press.engine) as connection:
        if claims.is_taken(connection, receipt, entry):
            raise ConfigError(f"{receipt.url} is the post of another entry already; `shareasm plan show` tells which")
        if not steering.adopt(connection, entry, receipt, f"adopted by {press.worker}", now):
            return Decided(entry, _MOVED_ON, is_taken=False)
        claims.close_open_attempts(connection, entry.id, f"adopted by {press.worker}: {receipt.url}", now)
        record(connection, slug, Act(now, press.worker, "adopt", entry.key.name, receipt.url))
        published = replace(entry, state=State.PUBLISHED, receipt=receipt)
        if entry.withdraw_reason:
            _begin(connection, published, entry.withdraw_reason, now)
            return Decided(published, f"adopted, and to be taken back: {receipt.url}")
    return Decided(published, f"adopted: {receipt.url}")


_MOVED_ON = "it has gone on in the meantime: look at `shareasm status` and try again"


# ---- sending again -----------------------------------------------------------------------------------------------------


def to_resend(entries: Sequence[QueueEntry]) -> list[QueueEntry]:
    """Return those of the chosen entries that can go again. What was cancelled goes only where nothing else is meant: a
    language that was taken out of the plan does not return because another one was missed.
    """
    again = [entry for entry in entries if entry.state in GOES_AGAIN]
    return [entry for entry in again if entry.state is not State.CANCELLED] or again


def resend(press: Press, entries: Sequence[QueueEntry], schedule: Schedule | None, choice: Choice) -> list[Decided]:
    """Let entries go out now, never too late any more. What is surely not out takes the words of `schedule`, if there is one;
    what may be out keeps its key and content, so that a server that remembers it answers with it.
    """
    now, slug = press.clock.now(), press.campaign.slug
    with transaction(press.engine) as connection:
        wanted = wanted_entries(connection, press.campaign, schedule) if schedule else []
        planned = {entry.key: entry for entry in wanted}
        decided = [_resend(connection, entry, planned.get(entry.key), press.worker, now) for entry in entries]
        if any(one.is_taken for one in decided):
            record(connection, slug, Act(now, press.worker, "resend", choice.words))
    return decided


def _resend(connection: Connection, entry: QueueEntry, planned: PlannedEntry | None, by: str, now: datetime) -> Decided:
    if entry.state not in GOES_AGAIN:
        return Decided(entry, f"left as it is: {entry.state}", is_taken=False)
    may_be_out = entry.state is State.UNKNOWN
    if may_be_out:
        is_taken = steering.send_again(connection, entry, by, now)
    else:
        is_taken = steering.send_anew(connection, entry, planned, now)
    if not is_taken:
        return Decided(entry, _MOVED_ON, is_taken=False)
    return Decided(entry, "goes out again now" if may_be_out else "goes out now")


# ---- taking back -------------------------------------------------------------------------------------------------------


def with_what_follows(queued: Sequence[QueueEntry], entries: Sequence[QueueEntry]) -> list[QueueEntry]:
    """Return `entries` and the later parts of their threads: a thread is not left without its beginning."""
    first: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        first[_thread(entry)] = min(entry.key.part, first.get(_thread(entry), entry.key.part))
    return [entry for entry in queued if entry.key.part >= first.get(_thread(entry), entry.key.part + 1)]


def to_withdraw(press: Press, choice: Choice) -> tuple[list[QueueEntry], list[str]]:
    """Return the entries that are meant, with what follows them in their threads, and the slots that hang on them."""
    with reading(press.engine) as connection:
        queued = queue.of_campaign(connection, press.campaign.slug)
    entries = with_what_follows(queued, choose(queued, choice))
    return entries, depending(queued, entries)


def depending(queued: Sequence[QueueEntry], entries: Sequence[QueueEntry]) -> list[str]:
    """Return the slots that answer or quote one of `entries` and are still to come."""
    slots = {entry.key.slot for entry in entries}
    hanging = [
        entry.key.slot
        for entry in queued
        if entry.key.slot not in slots
        and entry.state is State.WAITING
        and slots & {entry.draft.reply_to, entry.draft.quotes}
    ]
    return list(dict.fromkeys(hanging))


def withdraw(press: Press, entries: Sequence[QueueEntry], reason: str, choice: Choice) -> list[Decided]:
    """Decide that posts are taken back: what waits is cancelled, what is out is to be deleted, what may be out follows as
    soon as it is known; asked for a second time after it was looked for in vain, it is given up. From here on no page shows
    them. `take_back` deletes them.
    """
    now, slug = press.clock.now(), press.campaign.slug
    with transaction(press.engine) as connection:
        decided = [_withdraw(connection, entry, press.worker, reason, now) for entry in entries]
        if any(one.is_taken for one in decided):
            record(connection, slug, Act(now, press.worker, "withdraw", choice.words, reason))
    return decided


def _withdraw(connection: Connection, entry: QueueEntry, by: str, reason: str, now: datetime) -> Decided:
    match entry.state:
        case State.PUBLISHED:
            if _begin(connection, entry, reason, now):
                return Decided(entry, "to be deleted", is_to_delete=True)
        case State.WITHDRAWING | State.WITHDRAWN | State.CANCELLED:
            return Decided(entry, f"left as it is: {entry.state}", is_taken=False)
        case State.UNKNOWN if entry.withdraw_reason and entry.next_attempt_at is None:
            note = f"not found on the account, and given up by {by}: {reason}"
            if steering.give_up(connection, entry, note):
                claims.close_open_attempts(connection, entry.id, note, now)
                return Decided(entry, "given up: it was not found, and is looked for no more")
        case State.WAITING | State.FAILED | State.MISSED:
            if steering.cancel(connection, entry, reason, f"withdrawn before it went out: {reason}"):
                return Decided(entry, "cancelled, it never went out")
    if steering.ask_back(connection, entry, reason, now):
        return Decided(entry, "may be out: it is looked for, and taken back when it is found")
    return Decided(entry, _MOVED_ON, is_taken=False)


def _begin(connection: Connection, entry: QueueEntry, reason: str, now: datetime) -> bool:
    if not steering.begin_taking_back(connection, entry, reason):
        return False
    _hide(connection, entry, reason, now)
    return True


def _hide(connection: Connection, entry: QueueEntry, reason: str, now: datetime) -> None:
    """Mark what the collector stored of our post as gone. The recap leaves it out by the queue's word, whatever is stored."""
    assert entry.receipt
    posts.mark_gone(connection, [Gone(entry.receipt.ref, f"withdrawn by us: {reason}")], now)


def take_back(press: Press) -> list[Result]:
    """Delete on its network, now, every post that is to be taken back: the last part of a thread first, each one tried
    whatever happens to the others. What could not be deleted stays `withdrawing` and is tried again.
    """
    with reading(press.engine) as connection:
        pending = steering.to_take_back(connection, press.campaign.slug, accounts=list(press.publishers))
    return [_take_back(press, entry) for entry in pending]


def take_back_pending(
    press: Press, account: str, tell: Callable[[Result], None], is_stopping: Callable[[], bool] = lambda: False
) -> None:
    """Delete what commands, or their sudden end, left to be taken back on `account`; for the worker, at each of its looks."""
    now = press.clock.now()
    with reading(press.engine) as connection:
        pending = steering.to_take_back(connection, press.campaign.slug, accounts=[account], now=now)
    for entry in pending:
        if is_stopping():
            return
        tell(_take_back(press, entry))


def _take_back(press: Press, entry: QueueEntry) -> Result:
    assert entry.receipt
    with transaction(press.engine) as connection:
        attempt = steering.begin_call(connection, entry, press.worker, "delete", press.clock.now())
    try:
        press.publishers[entry.key.account].delete(entry.receipt)
    except NetworkError as error:
        return _not_taken_back(press, entry, attempt, error)
    return _taken_back(press, entry, entry.receipt)


def _taken_back(press: Press, entry: QueueEntry, receipt: Receipt) -> Result:
    now, reason = press.clock.now(), entry.withdraw_reason or "no reason given"
    with transaction(press.engine) as connection:
        claims.close_open_attempts(connection, entry.id, "deleted", now)
        steering.taken_back(connection, entry, f"taken back: {reason}")
        _hide(connection, entry, reason, now)
    return Result(replace(entry, state=State.WITHDRAWN), f"taken back: {receipt.url}")


def _not_taken_back(press: Press, entry: QueueEntry, attempt: int, error: NetworkError) -> Result:
    now, words = press.clock.now(), f"not taken back yet: {error}"
    with transaction(press.engine) as connection:
        claims.end_attempt(connection, attempt, f"failed: {error}", now)
        tries = steering.tries_of(connection, entry, "delete")
        again = error.until if isinstance(error, RateLimited) else now + retry_after(tries, press.chance())
        steering.not_taken_back(connection, entry, words, again)
    return Result(entry, words, error=error)


def _thread(entry: QueueEntry) -> tuple[str, str, str]:
    return entry.key.slot, entry.key.language, entry.key.account
