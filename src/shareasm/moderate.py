"""Moderating: what waits for a person, and what a person decided, with its line in the audit trail.

A decision is about a post with all its copies (domain.joins), or hides an account: all of theirs, also what comes later.
It is kept apart from what the networks say and cannot outweigh that: `domain.moderation` has the last word. Published pages
are the caller's to write again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection, Engine

from shareasm import showing
from shareasm.domain.campaigns import Campaign
from shareasm.domain.forgetting import Kind, Wanted, digests, kind_of, names_it_may_be_forgotten_by
from shareasm.domain.moderation import Choice, Decision, Reason, Verdict, decision_about, of_author
from shareasm.domain.posts import Post, PostRef
from shareasm.errors import ConfigError
from shareasm.showing import Judged, asked_last_since, judge
from shareasm.storage import decisions, forgetting
from shareasm.storage.acts import Act, record
from shareasm.storage.collected import StoredPost
from shareasm.storage.engine import reading, transaction


class Outcome(StrEnum):
    """What came of one address."""

    APPROVED = "approved"
    HIDDEN = "hidden"
    UNHIDDEN = "hidden as a whole no longer"  # an account
    AS_BEFORE = "decided so before"


@dataclass(frozen=True, slots=True)
class Target:
    """What one address names among the day's posts."""

    words: str
    kind: Kind
    posts: tuple[Post, ...]  # of a post: with all its copies; of an account: all that is stored of it


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision about one address."""

    target: Target
    outcome: Outcome
    withheld_by: Reason | None = None  # why a post that is approved is not shown all the same


@dataclass(frozen=True, slots=True)
class Hand:
    """Who decides, when and why."""

    by: str
    at: datetime
    reason: str = ""


def waiting(engine: Engine, campaign: Campaign) -> list[Judged]:
    """Return what waits for a person, the newest last."""
    return showing.waiting(judge(engine, campaign))


def approve(engine: Engine, campaign: Campaign, addresses: Iterable[str], hand: Hand) -> list[Decided]:
    """Approve the posts at `addresses`; an account there that was hidden as a whole is so no more.

    Raises ConfigError, and does nothing, where one of them names nothing that is stored.
    """
    targets = _find(engine, campaign, addresses)
    with transaction(engine) as connection:
        outcomes = [_approve(connection, campaign, target, hand) for target in targets]
    judged = judge(engine, campaign, confirmed_since=asked_last_since(campaign, hand.at))
    verdicts = {item.stored.post.ref: item.verdict for item in judged}
    return [
        Decided(target, outcome, _why_not_shown(target, [verdicts[post.ref] for post in target.posts]))
        for target, outcome in zip(targets, outcomes, strict=True)
    ]


def hide(engine: Engine, campaign: Campaign, addresses: Iterable[str], hand: Hand) -> list[Decided]:
    """Hide the posts and the accounts at `addresses`.

    Raises ConfigError, and does nothing, where one of them names nothing that is stored.
    """
    targets = _find(engine, campaign, addresses)
    with transaction(engine) as connection:
        return [Decided(target, _hide(connection, campaign, target, hand)) for target in targets]


def _approve(connection: Connection, campaign: Campaign, target: Target, hand: Hand) -> Outcome:
    decided = decisions.all_decisions(connection)
    if target.kind is Kind.POST:
        refs = _unlike(Choice.APPROVE, target.posts, decided)
        return Outcome.APPROVED if _decide(connection, campaign, refs, Choice.APPROVE, hand) else Outcome.AS_BEFORE
    by_address = {PostRef(post.author.network, post.author.ref) for post in target.posts}  # as it was kept before
    hidden = sorted((_authors(target.posts) | by_address) & decided.keys())
    for ref in hidden:
        decisions.lift(connection, ref)
        record(connection, campaign.slug, Act(hand.at, hand.by, "unhide", ref.uri, hand.reason or None))
    return Outcome.UNHIDDEN if hidden else Outcome.AS_BEFORE


def _hide(connection: Connection, campaign: Campaign, target: Target, hand: Hand) -> Outcome:
    decided = decisions.all_decisions(connection)
    refs = _unlike(Choice.HIDE, target.posts, decided)
    if target.kind is Kind.ACCOUNT:  # also where all that there is was hidden one by one: more may come
        shown = [post for post in target.posts if post.ref in refs]
        refs = _authors(shown) | (_authors(target.posts) - decided.keys())
    return Outcome.HIDDEN if _decide(connection, campaign, refs, Choice.HIDE, hand) else Outcome.AS_BEFORE


def _unlike(choice: Choice, said: Iterable[Post], decided: Mapping[PostRef, Decision]) -> set[PostRef]:
    """Return those of the posts about which something else was decided before, or nothing."""
    found = ((post.ref, decision_about(post, decided)) for post in said)
    return {ref for ref, decision in found if decision is None or decision.verdict is not choice}


def _decide(connection: Connection, campaign: Campaign, refs: Collection[PostRef], choice: Choice, hand: Hand) -> int:
    for ref in sorted(refs):
        decisions.decide(connection, Decision(ref, choice, hand.by, hand.at, hand.reason))
        record(connection, campaign.slug, Act(hand.at, hand.by, choice, ref.uri, hand.reason or None))
    return len(refs)


def _authors(said: Iterable[Post]) -> set[PostRef]:
    return {of_author(post.author) for post in said}


def _why_not_shown(target: Target, verdicts: Sequence[Verdict]) -> Reason | None:
    """Return what an approval did not outweigh; None where the post, or a copy of it, is shown."""
    if target.kind is Kind.ACCOUNT or any(verdict.show for verdict in verdicts):
        return None
    reasons = [verdict.reason for verdict in verdicts]
    return next((reason for reason in reasons if reason is not Reason.COPY), Reason.COPY)


# ---- what an address names ---------------------------------------------------------------------------------------------


def _find(engine: Engine, campaign: Campaign, addresses: Iterable[str]) -> list[Target]:
    judged = judge(engine, campaign)
    found = {words: _target(words, judged) for words in addresses}
    if unknown := [words for words, target in found.items() if target is None]:
        with reading(engine) as connection:
            forgotten = forgetting.all_digests(connection)
        raise ConfigError(f"{'; '.join(_why_unknown(words, forgotten) for words in unknown)}. Nothing was changed")
    return [target for target in found.values() if target]


def _why_unknown(words: str, forgotten: frozenset[bytes]) -> str:
    if digests(names_it_may_be_forgotten_by(words)) & forgotten:
        return f"{words} was forgotten, as somebody asked: nothing of it is stored, shown or taken in again"
    return (
        f"nothing that is stored of this day has the address {words}: give the address under a post's time, or an "
        "account's handle; an account that has not posted yet can stand under “blocked” in campaign.yaml"
    )


def _target(words: str, judged: Sequence[Judged]) -> Target | None:
    kinds = {item.stored.post.ref: kind_of(words, item.stored.post) for item in judged}
    if Kind.ACCOUNT in kinds.values():
        return Target(words, Kind.ACCOUNT, _all_of_account(words, [item.stored.post for item in judged]))
    leads = {item.lead for item in judged if kinds[item.stored.post.ref] or _is_seen_at(words, item.stored)}
    said = tuple(item.stored.post for item in judged if item.lead in leads)
    return Target(words, Kind.POST, said) if said else None


def _is_seen_at(words: str, stored: StoredPost) -> bool:
    """Return whether `words` is the page of a post on a server that showed it to us: every server has its own for it."""
    address = urlsplit(words.strip())
    last = address.path.rstrip("/").rpartition("/")[2]
    return bool(address.netloc) and any(
        (at.server, at.local_id) == (address.netloc.lower(), last) for at in stored.sightings
    )


def _all_of_account(words: str, posts: Sequence[Post]) -> tuple[Post, ...]:
    """Return all posts of the account that `words` name, and of its twin beyond a bridge."""
    wanted, found = Wanted(words), dict[PostRef, Post]()
    is_more = True
    while is_more:  # a twin that is met late may have said something early
        is_more = False
        for post in posts:
            if wanted.kind_of(post) is Kind.ACCOUNT:
                found[post.ref] = post
                is_more |= wanted.learn(post, Kind.ACCOUNT)
    return tuple(found.values())
