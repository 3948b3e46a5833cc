"""What may be shown: the author's wishes first, then the network's, then the campaign's own decision.

End of the collecting line's rules: `posts` row + Decision → Verdict. What the *network* said of a post is in the
post; what *we* decided is a Decision, kept apart, so that an edit does not lose it and a forgotten post cannot come
back. An approval never outweighs what an author or a network said no to. Every rule is one predicate with its source, and
`RULES` says what each does; a campaign may make any stricter, and looser those that are not `is_fixed`, by naming them. The
recap counts what each of them left out and says so in `Reason.words`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shareasm.domain.campaigns import Campaign, Effect, Moderation
from shareasm.domain.posts import Account, Post, PostRef, Visibility


class Choice(StrEnum):
    """What a person decided about a post."""

    APPROVE = "approve"
    HIDE = "hide"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of ours about one post, or to hide all of an account. It may exist before its posts, and outlives them."""

    ref: PostRef  # the post; or, of an account, its identity on its network (`of_author`)
    verdict: Choice
    by: str  # who decided: a user's name, or "policy"
    at: datetime  # aware UTC
    reason: str = ""  # in the decider's words


def of_author(author: Account) -> PostRef:
    """Return what a decision about everything of `author` is kept under. No post has an account's identity."""
    return PostRef(author.network, author.identity)


def decision_about(post: Post, decided: Mapping[PostRef, Decision]) -> Decision | None:
    """Return the decision that holds for `post`: the later one of its own and that to hide its author.

    So whoever hides an account hides also what was approved before, and may approve a single post of it afterwards.
    """
    own, author = decided.get(post.ref), post.author
    whole = decided.get(of_author(author)) or decided.get(PostRef(author.network, author.ref))  # as it was kept before
    if whole is None or whole.verdict is not Choice.HIDE or (own and own.at > whole.at):
        return own
    return whole


class Reason(StrEnum):
    """Why a post is not shown. The value is a stable word for logs and counts; `words` is for readers."""

    GONE = "gone"
    HIDDEN = "hidden"
    NOT_PUBLIC = "not public"
    SIGNED_IN_ONLY = "signed-in readers only"
    NOINDEX = "no indexing"
    OPTED_OUT = "opted out in profile"
    BLOCKED = "blocked by us"
    SUSPENDED = "account suspended"
    TAKEN_DOWN = "taken down"
    ADULT = "adult"
    HARMFUL = "labelled as harmful"
    INCOMPLETE = "author unknown"
    UNCONFIRMED = "not confirmed"
    NOT_APPROVED = "not approved"
    COPY = "copy of a post not shown"
    LOOSE = "answers what is not shown"
    OWN_RULE = "a rule of the campaign"

    @property
    def words(self) -> str:
        """The reason as the method note says it, after a number of posts: “3 posts, because …”."""
        return _WORDS[self]


_WORDS = {
    Reason.GONE: "deleted by their authors or no longer shown by their networks",
    Reason.HIDDEN: "left out by the campaign team",
    Reason.NOT_PUBLIC: "not addressed to the public",
    Reason.SIGNED_IN_ONLY: "by authors who show their posts to signed-in readers only",
    Reason.NOINDEX: "by authors who ask search engines to stay out",
    Reason.OPTED_OUT: "by authors whose profile asks not to be collected",
    Reason.BLOCKED: "by accounts that the campaign team has blocked, or that have blocked it",
    Reason.SUSPENDED: "from accounts that their server has suspended or limited",
    Reason.TAKEN_DOWN: "hidden by a moderator of their network",
    Reason.ADULT: "labelled as adult or graphic, and not approved by the campaign team",
    Reason.HARMFUL: "labelled as spam, threat or other harm, and not approved by the campaign team",
    Reason.INCOMPLETE: "whose author the network has not told us yet",
    Reason.UNCONFIRMED: "about which no server answered when we asked a last time",
    Reason.NOT_APPROVED: "that the campaign team has not looked at yet",
    Reason.OWN_RULE: "left out by a rule that this campaign set itself",
    Reason.LOOSE: "made without the hashtag, in answer to something that is not shown",
    Reason.COPY: "that are the same as a post left out for one of these reasons, on another network",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one post. `reason` says why it is not shown; None where it is."""

    show: bool
    reason: Reason | None = None
    is_covered: bool = False  # shown folded behind its content warning, without its media
    held_by: str | None = None  # it waits for a person: the name of the rule that holds it, or UNSEEN


UNSEEN = "not looked at yet"
"""What holds a post where the campaign shows only what a person approved."""


# ---- wishes and facts --------------------------------------------------------------------------------------------------


def is_not_public(post: Post) -> bool:
    """True unless everybody may read it in public timelines.

    Unlisted counts as not public: its author kept it out of public timelines (docs.joinmastodon.org/entities/Status,
    read November 2026). A visibility word that we do not know arrives here as PRIVATE.
    """
    return post.visibility is not Visibility.PUBLIC


def is_for_signed_in_readers(post: Post) -> bool:
    """True where the author labelled their account `!no-unauthenticated`: not for readers without an account.

    com.atproto.label.defs and the label's own description in the Bluesky apps, read November 2026.
    """
    return "!no-unauthenticated" in post.author.labels | post.labels


def is_taken_down(post: Post) -> bool:
    """True where a moderation service of the network hid the post or its author (com.atproto.label.defs)."""
    return bool({"!hide", "!takedown", "!suspend"} & (post.labels | post.author.labels))


def is_from_suspended_account(post: Post) -> bool:
    """True where the network says that the account is suspended, limited, deactivated or taken down.

    Mastodon `Account.suspended` and `limited` (entities/Account), Bluesky account status events; read November 2026.
    """
    return post.author.is_suspended


def asks_not_to_be_indexed(post: Post) -> bool:
    """True for Mastodon's `noindex`: the author asked search engines to stay out."""
    return post.author.is_noindex


def is_not_indexable(post: Post) -> bool:
    """True where `indexable` is off (entities/Account since 4.3): an opt-in that most accounts never set, so alone it hides
    nothing.
    """
    return post.author.is_indexable is False


def is_not_discoverable(post: Post) -> bool:
    """True where `discoverable` is off (entities/Account): an opt-in like `indexable`, so alone it hides nothing."""
    return post.author.is_discoverable is False


NOT_LISTED = frozenset({"not indexable", "not discoverable"})
"""The rules whose authors stand in no list of people, whatever the campaign makes of the rules: `may_be_listed`."""


def may_be_listed(author: Account) -> bool:
    """Return whether an author may stand in a list of people: not where they left `indexable` or `discoverable` off."""
    return author.is_indexable is not False and author.is_discoverable is not False


OPT_OUT_TAGS = frozenset({"nobot", "nobots", "noindex", "noarchive"})
"""The convention of the fediverse, in a bio, a profile field or a display name; there is no API field (Bridgy Fed
honours `#nobot`, models.py, read November 2026). `#noarchive` follows the same custom. `#nobridge` speaks of bridges
only."""


def opted_out_in_profile(post: Post) -> bool:
    """True where the author's profile carries one of OPT_OUT_TAGS."""
    return bool(OPT_OUT_TAGS & post.author.bio_tags)


def is_blocked_by_us(post: Post, campaign: Campaign) -> bool:
    """True where the team blocked the author in its plan, by name or with the whole server, or on the network.

    Bluesky tells who reads it signed in whom they block or mute, and who blocks them (`viewerState` in
    app.bsky.actor.defs, read November 2026). A Mastodon server leaves out what its reader blocks, and says nothing of it.
    """
    author, blocked = post.author, campaign.blocked
    if author.is_blocked or not (blocked.names or blocked.hosts):
        return bool(author.is_blocked)
    if not blocked.names.isdisjoint((author.handle.casefold(), author.ref.casefold())):
        return True
    return any(_is_below(domain, blocked.hosts) for domain in _domains(author))


def _domains(author: Account) -> Iterator[str]:
    """Yield the domains that an author stands under: of the handle, also of one from beyond a bridge, and of the identity.

    The bridge makes amina@m.example to amina.m.example.ap.brid.gy, and amina.example to amina.example@bsky.brid.gy
    (bridgy-fed `ids.py`, read August 2026). A handle on Bluesky is a domain itself, wherever its account is kept.
    """
    user, _, host = author.handle.casefold().rpartition("@")
    yield host
    yield host.removesuffix(".ap.brid.gy")
    if host == "bsky.brid.gy":
        yield user
    if author.ref.startswith(("https://", "http://")):
        yield author.ref.casefold().partition("://")[2].partition("/")[0]


def _is_below(domain: str, hosts: AbstractSet[str]) -> bool:
    while domain:
        if domain in hosts:
            return True
        domain = domain.partition(".")[2]
    return False


ADULT_LABELS = frozenset({"porn", "sexual", "nudity", "graphic-media", "sexual-figurative", "gore"})
"""Bluesky's adult label values (com.atproto.label.defs and the built-in labels of its apps, read November 2026)."""


def is_adult(post: Post) -> bool:
    """True where the author or a labeller called the post, or everything of its author, adult or graphic."""
    return bool(ADULT_LABELS & (post.labels | post.author.labels))


HARMFUL_LABELS = frozenset(
    {"spam", "scam", "impersonation", "intolerant", "threat", "extremist", "illicit", "self-harm", "security"}
    | {"unsafe-link", "misleading", "misinformation", "inauthentic"}
)
"""What Bluesky's own moderation service calls posts and accounts that its apps hide or warn of (its `labelerView`, read
November 2026). Whoever reads without naming other services gets its labels. `rude`, `rumor` and the like hold nothing."""


def is_harmful(post: Post) -> bool:
    """True where a labeller called the post, or everything of its author, harmful."""
    return bool(HARMFUL_LABELS & (post.labels | post.author.labels))


def has_warning(post: Post) -> bool:
    """True where the author put a content warning before it."""
    return bool(post.content_warning)


def has_sensitive_media(post: Post) -> bool:
    """True where the author marked its media as sensitive."""
    return post.is_sensitive


def is_warned_of(post: Post) -> bool:
    """True where a labeller warns of it or of its author (`!warn`, com.atproto.label.defs)."""
    return "!warn" in post.labels | post.author.labels


def is_by_a_program(post: Post) -> bool:
    """True where the author says that a program posts there."""
    return post.author.is_bot


# ---- what each does ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: whom it is about, and what it does."""

    name: str  # as a team writes it in `campaign.yaml`
    applies: Callable[[Post, Campaign], bool]
    effect: Effect
    reason: Reason
    is_fixed: bool = False  # what the network decided: no campaign may make it looser

    @property
    def about(self) -> str:
        """The posts that it is about, in words for readers: “posts …”."""
        return _ABOUT[self.name]


def _of_any(applies: Callable[[Post], bool]) -> Callable[[Post, Campaign], bool]:
    """Return a predicate that is the same in every campaign as one of those that look at it."""
    return lambda post, _campaign: applies(post)


RULES = (
    Rule("taken down", _of_any(is_taken_down), Effect.HIDE, Reason.TAKEN_DOWN, is_fixed=True),
    Rule("suspended", _of_any(is_from_suspended_account), Effect.HIDE, Reason.SUSPENDED, is_fixed=True),
    Rule("not public", _of_any(is_not_public), Effect.NEVER_STORE, Reason.NOT_PUBLIC, is_fixed=True),
    Rule("signed-in readers only", _of_any(is_for_signed_in_readers), Effect.HIDE, Reason.SIGNED_IN_ONLY),
    Rule("no indexing", _of_any(asks_not_to_be_indexed), Effect.HIDE, Reason.NOINDEX),
    Rule("opted out in profile", _of_any(opted_out_in_profile), Effect.HIDE, Reason.OPTED_OUT),
    Rule("blocked by us", is_blocked_by_us, Effect.HIDE, Reason.BLOCKED),
    Rule("adult", _of_any(is_adult), Effect.HOLD, Reason.ADULT),
    Rule("labelled as harmful", _of_any(is_harmful), Effect.HOLD, Reason.HARMFUL),
    Rule("content warning", _of_any(has_warning), Effect.COVER, Reason.OWN_RULE),
    Rule("sensitive media", _of_any(has_sensitive_media), Effect.COVER, Reason.OWN_RULE),
    Rule("labelled with a warning", _of_any(is_warned_of), Effect.COVER, Reason.OWN_RULE),
    Rule("not indexable", _of_any(is_not_indexable), Effect.SHOW, Reason.OWN_RULE),
    Rule("not discoverable", _of_any(is_not_discoverable), Effect.SHOW, Reason.OWN_RULE),
    Rule("automated", _of_any(is_by_a_program), Effect.SHOW, Reason.OWN_RULE),
)
"""In the order in which a reason is given, where several apply with the same effect."""

_ABOUT = {
    "taken down": "that a moderator of their network hid, or whose account one hid",
    "suspended": "from accounts that their server suspended or limited, or that are deactivated",
    "not public": "not addressed to everybody",
    "signed-in readers only": "by authors who show their posts on Bluesky only to people with an account",
    "no indexing": "by authors on Mastodon who ask search engines to stay out",
    "opted out in profile": "by authors with #nobot, #noindex or #noarchive in their profile",
    "blocked by us": "by accounts that the campaign team has blocked, or that have blocked it",
    "adult": "that their author or a moderation service labelled as adult or graphic",
    "labelled as harmful": "that a moderation service labelled as spam, scam, threat, hate or other harm",
    "content warning": "behind a content warning of their author",
    "sensitive media": "with pictures that their author marked as sensitive",
    "labelled with a warning": "that a moderation service warns of",
    "not indexable": "by authors who did not opt in to search engines",
    "not discoverable": "by authors who did not opt in to being suggested",
    "automated": "by accounts that say that a program posts there",
}


def is_shown_all_the_same(reason: Reason, campaign: Campaign) -> bool:
    """Return whether `campaign` has made the rule looser that would give this reason, so that it leaves nothing out."""
    loosened = [campaign.rules[rule.name] for rule in RULES if rule.reason is reason and rule.name in campaign.rules]
    return reason is not Reason.OWN_RULE and any(not effect.is_stricter_than(Effect.COVER) for effect in loosened)


def why_not_stored(post: Post, campaign: Campaign, *, is_ours: bool = False) -> Reason | None:
    """Return why nothing of `post` may be kept; None where it may. `is_ours`: see `may_show`."""
    for rule in RULES:  # asked of every post of every poll
        is_meant = campaign.rules.get(rule.name, rule.effect) is Effect.NEVER_STORE
        if is_meant and rule.applies(post, campaign) and not (is_ours and _is_our_own_affair(rule, post)):
            return rule.reason
    return None


def may_show(
    post: Post,
    *,
    is_gone: bool,
    is_complete: bool,
    decision: Decision | None,
    campaign: Campaign,
    is_ours: bool = False,
    is_confirmed: bool = True,
) -> Verdict:
    """Return whether `post` may stand on a page for everybody, and why not.

    `is_gone`: the network no longer shows it. `is_complete` False: a stream's bare record whose author's wishes are not
    known yet. `is_confirmed` False: its network did not answer when it was asked a last time. `is_ours`: one of our own
    accounts sent it (it has a receipt): it needs no approval and may be unlisted.
    """
    if is_gone:
        return Verdict(False, Reason.GONE)
    if not is_complete:
        return Verdict(False, Reason.INCOMPLETE)
    if not is_confirmed:
        return Verdict(False, Reason.UNCONFIRMED)
    if decision and decision.verdict is Choice.HIDE:
        return Verdict(False, Reason.HIDDEN)
    is_approved = decision is not None and decision.verdict is Choice.APPROVE
    rule, effect = _strictest(post, campaign, is_ours=is_ours)
    if rule and effect in {Effect.HIDE, Effect.NEVER_STORE}:
        return Verdict(False, rule.reason)
    if rule and effect is Effect.HOLD and not is_approved:
        return Verdict(False, rule.reason, held_by=rule.name)
    if campaign.moderation is Moderation.APPROVE and not is_approved and not is_ours:
        return Verdict(False, Reason.NOT_APPROVED, held_by=UNSEEN)
    return Verdict(True, is_covered=effect in {Effect.COVER, Effect.HOLD})


def _strictest(post: Post, campaign: Campaign, *, is_ours: bool) -> tuple[Rule | None, Effect]:
    """Return the rule that does most to `post`, and what it does."""
    strictest: Rule | None = None
    most = Effect.SHOW
    for rule in RULES:
        effect = campaign.rules.get(rule.name, rule.effect)
        is_exempt = is_ours and _is_our_own_affair(rule, post)
        if effect.is_stricter_than(most) and rule.applies(post, campaign) and not is_exempt:
            strictest, most = rule, effect
    return strictest, most


def _is_our_own_affair(rule: Rule, post: Post) -> bool:
    """True where the rule protects a stranger from us: our own unlisted post, our own account's `noindex`."""
    is_the_networks = rule.reason in {Reason.TAKEN_DOWN, Reason.SUSPENDED}
    is_a_wish = rule.effect in {Effect.HIDE, Effect.NEVER_STORE}
    return is_a_wish and not is_the_networks and post.visibility is not Visibility.PRIVATE


def count_reasons(verdicts: Iterable[Verdict]) -> Counter[Reason]:
    """Return how many posts each reason kept away, for the method note."""
    return Counter(verdict.reason for verdict in verdicts if not verdict.show and verdict.reason)
