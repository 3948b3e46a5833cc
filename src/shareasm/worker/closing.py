"""Closing: a last look, everything asked about, the recap written and brought to its readers; and so again every night."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from shareasm import collect
from shareasm.collect import Outcome
from shareasm.domain.campaigns import Source
from shareasm.domain.keeping import may_come_late
from shareasm.domain.patience import MOST_TRIES, TRY_AGAIN_AFTER, next_round_at
from shareasm.errors import StorageError
from shareasm.news import count_of
from shareasm.recap import Made
from shareasm.sender import Sender
from shareasm.storage import days
from shareasm.storage.engine import transaction
from shareasm.worker import looks
from shareasm.worker.checks import confirm_all, last_round_began_at
from shareasm.worker.shift import Shift


class Ended(NamedTuple):
    """How a day ended."""

    made: Made
    asked_early: bool  # about posts, up to an hour before the end, where the servers' limits want it


def close(shift: Shift, senders: Iterable[Sender]) -> Ended:
    """Look once more at everything, ask about everything that will be shown, write the recap, close the day."""
    parts, news = shift.parts, shift.news
    news.say("closed", "the day is over: a last look at every source, then the recap")
    for sender in senders:
        sender.send()
    parts.forgive()
    wait_until = shift.patience()
    for source in parts.campaign.sources:
        if source.id in parts.readers:
            with shift.progress(partial("still looking at {}".format, source.id)):
                shift.guarded(partial(_look_last, shift, source, wait_until), f"last look at {source.id}")
    began_at = last_round_began_at(shift)
    confirm_all(shift, since=began_at)
    # Now all know how often they were answered.
    shift.guarded(partial(looks.listen_last, shift), "last look at conversations")
    made = write(shift)
    with transaction(parts.engine) as connection:
        days.close(connection, parts.campaign.slug, parts.clock.now())
    news.say("recap", f"{made.written.index} shows {count_of(made.shown_count, 'post', 'posts')}")
    _deliver_again(shift, made)
    return Ended(made, asked_early=began_at is not None)


def _look_last(shift: Shift, source: Source, wait_until: Callable[[datetime], bool]) -> None:
    """Read and sweep, whoever holds the lease and whatever failed before: twice is harmless, not at all is not.

    What fails now is waited for: nobody looks again.
    """
    reader, campaign = shift.parts.readers[source.id], shift.parts.campaign
    left: list[Callable[[], Outcome]] = [
        partial(collect.read, shift.desk, source, reader, is_last=True),
        *(  # each by itself: what a limit let through is not asked for again
            partial(collect.sweep, shift.desk, source, reader, campaign.opens_at, tags=[tag], is_last=True)
            for tag in campaign.hashtags
        ),
    ]
    tries = 0
    while left:
        outcomes = [(look, look_patiently(shift, look, wait_until)) for look in left]
        for _, outcome in outcomes:
            shift.news.outcome(source, outcome)
        errors = [outcome.error for _, outcome in outcomes if outcome.error]
        goes_on = any(outcome.tally.new or not outcome.error for _, outcome in outcomes)
        tries = 0 if goes_on else tries + 1
        left = [look for look, outcome in outcomes if outcome.error]
        go_on_at = next_round_at(errors, shift.parts.clock.now(), tries)
        if go_on_at is None or not wait_until(go_on_at):
            return


def look_patiently(shift: Shift, look: Callable[[], Outcome], wait_until: Callable[[datetime], bool]) -> Outcome:
    """Look, a few times where the store does not take what came: another program may hold it for a moment."""
    for _ in range(MOST_TRIES):
        try:
            return look()
        except StorageError as error:
            shift.news.trouble("the last look", str(error))
            if not wait_until(shift.parts.clock.now() + TRY_AGAIN_AFTER):
                raise
    return look()


def look_again(shift: Shift, *, with_late: bool) -> None:
    """Take out of the published recap what was deleted or hidden since; put in what came late, for the first nights."""
    if not shift.was_closed() or not shift.has_lease("nightly look"):
        return
    parts = shift.parts
    if with_late and may_come_late(parts.campaign.keep, parts.campaign.closes_at, parts.clock.now()):
        for source in parts.campaign.sources:
            if source.id in parts.readers:
                shift.guarded(partial(_look_for_late, shift, source), f"late look at {source.id}")
    confirm_all(shift)
    gone = shift.parts.let_go()
    made = write(shift)
    if gone:
        shift.news.say("recap", f"{gone}")
    changed = count_of(made.written.changed_count, "file", "files")
    shift.news.say("recap", f"looked over again: {changed} of {made.written.index.parent} changed")
    _deliver_again(shift, made)


def _look_for_late(shift: Shift, source: Source) -> None:
    reader, opens_at = shift.parts.readers[source.id], shift.parts.campaign.opens_at
    shift.news.outcome(source, collect.sweep(shift.desk, source, reader, opens_at, is_last=True, is_noted=False))


def write(shift: Shift) -> Made:
    """Write the recap, and say every few seconds how far it is."""
    far = deque(["reading what was said"], maxlen=1)
    with shift.progress(lambda: f"still writing the recap: {far[0]}"):
        return shift.parts.make_recap(far.append)


def _deliver_again(shift: Shift, made: Made) -> None:
    """Bring the new pages to the readers. Where that fails the day is closed all the same; it is tried again at night."""
    for copy in made.copies:
        shift.news.say("trouble" if copy.problem else "recap", copy.words)

    def deliver() -> None:
        if place := shift.parts.deliver_again():
            shift.news.say("recap", f"published again: {place}")

    shift.guarded(deliver, "publishing the recap")
