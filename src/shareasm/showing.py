"""Which of the stored posts may be shown, and why not: what every page and every export asks."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.moderation import Verdict, may_show
from shareasm.domain.queue import TAKEN_BACK
from shareasm.storage import decisions, posts, queue
from shareasm.storage.engine import reading
from shareasm.storage.posts import StoredPost

LATELY = timedelta(hours=1)  # before the end of the day: a post that was confirmed since is shown


class Judged(NamedTuple):
    """A post with what was decided about showing it."""

    stored: StoredPost
    verdict: Verdict


def judge(
    engine: Engine, campaign: Campaign, *, newest: int | None = None, confirmed_since: datetime | None = None
) -> list[Judged]:
    """Return the campaign's posts, each with whether it may be shown and why not; with `newest`, the so many that came last.

    With `confirmed_since`, what its network has not confirmed since then is not shown.
    """
    with reading(engine) as connection:
        sent = {e.receipt.ref: e.state for e in queue.of_campaign(connection, campaign.slug) if e.receipt}
        decided = decisions.all_decisions(connection)
        stored = list(posts.of_campaign(connection, campaign.slug, newest_first=newest is not None, limit=newest))
    return [
        Judged(
            item,
            may_show(
                item.post,
                is_gone=item.gone_reason is not None
                or not item.is_author_active
                or sent.get(item.post.ref) in TAKEN_BACK,  # by the queue's word, whatever a source still shows
                is_complete=item.checked_at is not None,
                decision=decided.get(item.post.ref),
                campaign=campaign,
                is_ours=item.post.ref in sent,
                is_confirmed=_is_since(item.checked_at, confirmed_since),
            ),
        )
        for item in stored
    ]


def asked_last_since(campaign: Campaign, now: datetime) -> datetime | None:
    """Return since when a post must have been confirmed to be shown; None while the day goes on, where all is asked in turn."""
    return campaign.closes_at - LATELY if now >= campaign.closes_at else None


def _is_since(checked_at: datetime | None, limit: datetime | None) -> bool:
    return limit is None or (checked_at is not None and checked_at >= limit)
