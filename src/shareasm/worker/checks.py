"""Checks: the networks asked again about what is stored; about all of it before anything is shown."""

from datetime import datetime, timedelta

from shareasm import collect
from shareasm.collect import Tally
from shareasm.domain.patience import last_round_begins_at
from shareasm.news import count_of
from shareasm.showing import LATELY
from shareasm.worker.shift import Shift


def verify(shift: Shift) -> None:
    """Ask about some posts in turn; when the end of the day is near, about all of them, so that the recap need not wait."""
    if not shift.has_lease("verify"):
        return
    clock, closes_at = shift.parts.clock, shift.parts.campaign.closes_at
    limit = clock.now() - timedelta(seconds=shift.rhythm.verify_after_s)
    is_near = closes_at - LATELY <= clock.now() < closes_at
    begins_at = _last_round_begins_at(shift) if is_near else closes_at
    if not is_near or clock.now() < begins_at:
        shift.news.asked(collect.verify(shift.desk, shift.parts.checkers, limit))
        return
    while clock.now() < closes_at and not shift.stopping.is_set():
        asked = collect.verify(shift.desk, shift.parts.checkers, max(limit, begins_at))
        shift.news.asked(asked)
        if asked.tally == Tally():
            return


def _last_round_begins_at(shift: Shift) -> datetime:
    takes = collect.time_to_confirm(shift.desk, shift.parts.checkers)
    return last_round_begins_at(shift.parts.campaign.closes_at, takes, LATELY)


def last_round_began_at(shift: Shift) -> datetime | None:
    """Return since when the day's end asks about everything; None where it begins now."""
    begins_at = _last_round_begins_at(shift)
    is_early = begins_at < shift.parts.campaign.closes_at
    return max(begins_at, shift.parts.clock.now() - LATELY) if is_early else None


def confirm_all(shift: Shift, since: datetime | None = None) -> None:
    """Ask about every post that was not confirmed `since`, else about all, and say how many nobody answered about."""
    start = since or shift.parts.clock.now()
    asked_about = collect.count_unconfirmed(shift.desk, start)
    if not asked_about:
        return
    what = count_of(asked_about, "post", "posts")
    shift.news.say("recap", f"asking the networks about {what} before anything is shown")
    shift.parts.forgive()

    def how_far() -> str:
        done = max(asked_about - collect.count_unconfirmed(shift.desk, start), 0)
        return f"asked about {done:,} of {count_of(asked_about, 'post', 'posts')} so far"

    with shift.progress(how_far):
        asked = collect.confirm(shift.desk, shift.parts.checkers, shift.patience(), shift.stopping.is_set, start)
    shift.news.asked(asked)
    closes_at = shift.parts.campaign.closes_at
    is_over = shift.parts.clock.now() >= closes_at
    if left := collect.count_unconfirmed(shift.desk, closes_at - LATELY if is_over else start):
        what = count_of(left, "post was not confirmed and is", "posts were not confirmed and are")
        fate = "left out; the recap says so" if is_over else "shown as last seen"
        shift.news.say("trouble", f"{what} {fate}, and `shareasm recap` asks again")
