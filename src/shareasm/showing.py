"""Which of the stored posts may be shown, and why not: what every page and every export asks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.conversations import BY_QUOTE, WITHOUT_TAG, lasting, standing
from shareasm.domain.joins import join, tied, withheld_with_others
from shareasm.domain.moderation import Choice, Reason, Verdict, decision_about, may_show
from shareasm.domain.posts import PostRef
from shareasm.domain.queue import TAKEN_BACK, QueueEntry
from shareasm.storage import collected, decisions, queue, ties
from shareasm.storage.collected import StoredPost
from shareasm.storage.engine import reading

LATELY = timedelta(hours=1)  # before the end of the day: a post that was confirmed since is shown


class Judged(NamedTuple):
    """A post with what was decided about showing it."""

    stored: StoredPost
    verdict: Verdict
    answers: PostRef | None = None  # whom it answers; of a quote that came for it alone, what it quotes
    without_tag: bool = False  # it is here only for that
    is_ours: bool = False  # we sent it
    lead: PostRef | None = None  # the post that stands for it, which is itself where it is no copy (domain.joins)


def judge(
    engine: Engine, campaign: Campaign, *, newest: int | None = None, confirmed_since: datetime | None = None
) -> list[Judged]:
    """Return the campaign's posts, each with whether it may be shown and why not; with `newest`, the so many that came last.

    With `confirmed_since`, what its network has not confirmed since then is not shown.
    """
    with reading(engine) as connection:
        entries = queue.of_campaign(connection, campaign.slug)
        decided = decisions.all_decisions(connection)
        stored = list(collected.of_campaign(connection, campaign.slug, newest_first=newest is not None, limit=newest))
        asked_for = {item.post.ref for item in stored}
        if newest is not None:  # a copy may be newer than its original, and its author's wish
            others = tied([item.post for item in stored], partial(ties.ties_to, connection))
            hidden = {ref for ref, one in decided.items() if one.verdict is Choice.HIDE}
            stored += collected.of_refs(connection, campaign.slug, others | hidden - asked_for)
    sent = {entry.receipt.ref: entry.state for entry in entries if entry.receipt}
    answered = answered_posts(campaign, entries, stored)
    judged = [
        Judged(
            item,
            may_show(
                item.post,
                is_gone=item.gone_reason is not None
                or not item.is_author_active
                or sent.get(item.post.ref) in TAKEN_BACK,  # by the queue's word, whatever a source still shows
                is_complete=item.checked_at is not None,
                decision=decision_about(item.post, decided),
                campaign=campaign,
                is_ours=item.post.ref in sent,
                is_confirmed=_is_since(item.checked_at, confirmed_since),
            ),
            item.post.quote if item.belongs_by == BY_QUOTE else item.post.reply_to or answered.get(item.post.ref),
            item.belongs_by in WITHOUT_TAG and item.post.ref not in sent,
            item.post.ref in sent,
        )
        for item in stored
    ]
    settled = _without_loose_ends(campaign, _one_wish_for_all_copies(campaign, entries, judged))
    return [item for item in settled if item.stored.post.ref in asked_for]


def _one_wish_for_all_copies(
    campaign: Campaign, entries: Iterable[QueueEntry], judged: Sequence[Judged]
) -> Iterator[Judged]:
    """Keep back what is the same as a post that may not be shown."""
    said = [item.stored.post for item in judged]
    withheld = {item.stored.post.ref: item.verdict.reason for item in judged if item.verdict.reason}
    joined = join(campaign, entries, said)
    others = withheld_with_others(said, withheld, joined)
    for item in judged:
        ref = item.stored.post.ref
        verdict = Verdict(False, Reason.COPY) if ref in others else item.verdict
        yield item._replace(verdict=verdict, lead=joined.lead(ref))


def _without_loose_ends(campaign: Campaign, judged: Iterable[Judged]) -> list[Judged]:
    """Keep back the posts without the tag whose question or topic is not shown itself; all, where none are to be followed."""
    all_judged = list(judged)
    shown = {item.stored.post.ref for item in all_judged if item.verdict.show}
    bare = {item.stored.post.ref: item.answers for item in all_judged if item.without_tag}
    stand = standing(bare, shown) if campaign.follows_replies else frozenset[PostRef]()
    loose = Verdict(False, Reason.LOOSE)
    return [
        item._replace(verdict=loose)
        if item.without_tag and item.verdict.show and item.stored.post.ref not in stand
        else item
        for item in all_judged
    ]


def waiting(judged: Iterable[Judged]) -> list[Judged]:
    """Return what waits for a person, each post once: not the copy of one that is shown, nor of one that waits too."""
    all_judged = list(judged)
    shown = {item.lead for item in all_judged if item.verdict.show}
    found: dict[PostRef | None, Judged] = {}
    for item in all_judged:
        is_lead = item.lead == item.stored.post.ref
        if item.verdict.held_by and item.lead not in shown and (is_lead or item.lead not in found):
            found[item.lead] = item
    return list(found.values())


def answered_posts(
    campaign: Campaign, entries: Iterable[QueueEntry], stored: Sequence[StoredPost]
) -> Mapping[PostRef, PostRef]:
    """Return what each post answers, where its network tells only a source's local id (Mastodon's `in_reply_to_id`)."""
    known = {(at.source, lasting(at.local_id)): item.post.ref for item in stored for at in item.sightings}
    hosts = {account.id: urlsplit(account.server).netloc for account in campaign.accounts}
    for entry in entries:
        for source in campaign.sources:
            if entry.receipt and urlsplit(source.server).netloc == hosts.get(entry.key.account):
                known[source.id, lasting(entry.receipt.local_id)] = entry.receipt.ref
    return {
        item.post.ref: known[answered]
        for item in stored
        for at in item.sightings
        if at.parent_local_id and (answered := (at.source, lasting(at.parent_local_id))) in known
    }


def asked_last_since(campaign: Campaign, now: datetime) -> datetime | None:
    """Return since when a post must have been confirmed to be shown; None while the day goes on, where all is asked in turn."""
    return campaign.closes_at - LATELY if now >= campaign.closes_at else None


def _is_since(checked_at: datetime | None, limit: datetime | None) -> bool:
    return limit is None or (checked_at is not None and checked_at >= limit)
