"""What has had its time is let go: raw copies, posts that no page shows, and where the campaign says so the rest.

Done when the recap is looked over: nightly by a worker, else by `shareasm sweep`. How long is `domain.keeping`'s and the
campaign's to say; what a page shows stays as long as the page does, else nobody could ask whether it still may be shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection, Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.items import picture_addresses
from shareasm.domain.keeping import is_over, is_raw_over
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Post
from shareasm.pictures import remove
from shareasm.showing import Judged, asked_last_since, judge
from shareasm.storage import keeping, pictures, queue
from shareasm.storage.engine import reading, transaction


@dataclass(frozen=True, slots=True)
class LetGo:
    """How much was let go."""

    raw_count: int = 0
    post_count: int = 0
    picture_count: int = 0

    def __bool__(self) -> bool:
        return bool(self.raw_count or self.post_count or self.picture_count)

    def __str__(self) -> str:
        counts = f"raw copies {self.raw_count}, posts {self.post_count}, picture files {self.picture_count}"
        return f"Kept no longer, as the campaign says: {counts}"


def let_go(engine: Engine, campaign: Campaign, kept_pictures: Path, now: datetime) -> LetGo:
    """Let go of everything of `campaign` that has had its time by `now`; nothing while the day goes on."""
    if now < campaign.closes_at:
        return LetGo()
    with reading(engine) as connection:
        ours = {entry.receipt.ref for entry in queue.of_campaign(connection, campaign.slug) if entry.receipt}
    judged = judge(engine, campaign, confirmed_since=asked_last_since(campaign, now))
    over = [
        item
        for item in judged
        if is_over(
            campaign.keep,
            closes_at=campaign.closes_at,
            unshown_since=_unshown_since(item),
            is_ours=item.stored.post.ref in ours,
            now=now,
        )
    ]
    with transaction(engine) as connection:
        raw_count = (
            keeping.let_go_of_raws(connection, campaign.slug, now)
            if is_raw_over(campaign.keep, campaign.closes_at, now)
            else 0
        )
        reasons = {item.stored.arrival: (item.stored.post.ref, item.verdict.reason) for item in over}
        gone = set(keeping.let_go(connection, campaign.slug, reasons, now))
        strays = keeping.let_go_of_strays(connection, now - campaign.keep.unshown)
        left = [item.stored.post for item in judged if item.stored.arrival in gone]
        staying = [item.stored.post for item in judged if item.stored.arrival not in gone]
        picture_count = _remove_pictures(connection, [*left, *strays], staying, kept_pictures)
    return LetGo(raw_count, len(gone) + len(strays), picture_count)


_NOT_CONFIRMED = {Reason.UNCONFIRMED, Reason.INCOMPLETE}


def _unshown_since(item: Judged) -> datetime | None:
    """Return since when a post is not shown, as far as we know; None where it is. What may come back is given its time."""
    if item.verdict.show:
        return None
    stored = item.stored
    if item.verdict.reason in _NOT_CONFIRMED:
        return stored.checked_at or stored.first_seen_at
    return stored.gone_at or stored.first_seen_at


def _remove_pictures(connection: Connection, gone: Iterable[Post], staying: Iterable[Post], folder: Path) -> int:
    """Remove the copies of pictures that only posts show which are gone from the store, where no other day has them."""
    addresses, still = ({url for post in posts for url in picture_addresses(post)} for posts in (gone, staying))
    return remove(pictures.take(connection, addresses - still), folder)
