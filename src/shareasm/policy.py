"""The page that a team publishes about what it collects and what not, made of the campaign's own facts and of the rules.

What it says of the rules is read from `domain.moderation`, so that the page and the program do not part.
"""

from collections.abc import Iterable, Iterator

from shareasm.domain.campaigns import Campaign, Effect, Moderation, Source, SourceKind
from shareasm.domain.keeping import in_words
from shareasm.domain.moderation import NOT_LISTED, RULES, Reason, Rule, is_shown_all_the_same

_HOW = {
    SourceKind.TAG_TIMELINE: "the public timeline of the hashtag on {host}",
    SourceKind.SEARCH: "Bluesky's search for the hashtag",
    SourceKind.JETSTREAM: "Bluesky's public stream of new posts; only those with the hashtag are kept",
    SourceKind.FEED: "the feed of {host}, as far as it carries the hashtag",
}

_PERSONS_CHOICE = (Reason.SIGNED_IN_ONLY, Reason.NOINDEX, Reason.OPTED_OUT, Reason.NOT_PUBLIC)


def policy(campaign: Campaign) -> str:
    """Return the page as Markdown."""
    tags = ", ".join(f"#{tag}" for tag in campaign.hashtags)
    opens, closes = (
        f"{at.astimezone(campaign.zone):%-d %B %Y, %H:%M}" for at in (campaign.opens_at, campaign.closes_at)
    )
    wishes = [reason for reason in _PERSONS_CHOICE if not is_shown_all_the_same(reason, campaign)]
    return f"""\
# What {campaign.name} collects, and what not

{campaign.host} runs {campaign.name}, an open online day. Posts that people made for it are shown on one
page. This page says which, why, and how to be taken off. Questions and requests: {_contact(campaign)}.

## What is collected

Public posts that carry {tags}, written between {opens} and {closes} ({campaign.zone.key} time):

{_list(_how(source) for source in campaign.sources)}

Every request says who asks, and gives the address above. Where we have no account of our own, a server's rules for programs
hold: timelines, searches and feeds that its robots.txt closes to `shareasm`, or to all programs, are not read.

{_conversations(campaign)}\
Of each post we keep what its network shows to everybody: words, addresses and descriptions of pictures, time, language, how
often it was answered, liked and reposted, and its author's name, handle and page. We keep no lists of followers, no private
messages, and nothing about people who {_others_who(campaign)}.

Pictures are copied for the page, made anew without the data that cameras put into them. Pictures behind a content warning
are never copied.

## What is not shown

These posts are counted, and nothing of them is shown. What is not addressed to the public is not even kept:

{_list(f"posts {reason.words}" for reason in wishes)}

Nor are these:

{_list(f"posts {reason.words}" for reason in _others(campaign))}

### The rules, one by one

{_table(campaign)}

Where several hold for one post, the strictest does. What a person of the team approves is shown only where its author and its
network say nothing against it.

## How long it is kept

{_list(_terms(campaign))}

## How to be taken off

- Delete your post, or make it private: before the page is written, and whenever it is written again, every network is asked
  whether the post is still there for everybody. What is not is taken out.
{_wishes(campaign)}\
- Write to {_contact(campaign)} and name the post or your account. We take it out of our records, our copies and
  the page for good, with what a bridge copied of it to another network. All that we keep is a fingerprint by which it is
  recognised if it came again, and the place of a post on the page, where links to it find a line that says that it is no
  longer shown. Neither holds your name or your words.

## The page itself

It has no scripts, no cookies and no counters, and asks no other server for anything, so nobody learns that you read it.
"""


_BECOMES = {
    Effect.SHOW: "shown",
    Effect.COVER: "shown folded, behind a warning and without pictures",
    Effect.HOLD: "not shown before a person of the team has looked at them",
    Effect.HIDE: "counted, not shown",
    Effect.NEVER_STORE: "counted, not even kept",
}


def _table(campaign: Campaign) -> str:
    """Return every rule of decency with what this campaign does by it."""
    rows = [f"| {rule.about} | {_becomes(rule, campaign)} |" for rule in RULES]
    return "\n".join(["| posts | are |", "|---|---|", *rows])


def _becomes(rule: Rule, campaign: Campaign) -> str:
    effect = campaign.rules.get(rule.name, rule.effect)
    is_about_lists = rule.name in NOT_LISTED and not effect.is_stricter_than(Effect.COVER)
    return _BECOMES[effect] + ("; their author stands in no list of people and in no feed" if is_about_lists else "")


def _terms(campaign: Campaign) -> Iterator[str]:
    keep = campaign.keep
    yield f"The networks' own answers, as they came: {in_words(keep.raw)} after the day."
    yield (
        f"Posts that the page does not show, because they were taken back or for one of the reasons above: "
        f"{in_words(keep.unshown)}\n  after the day, or after they were taken back. Then only their number is left."
    )
    if keep.posts is None:
        yield (
            "Posts that the page shows: as long as the page is there, for we go on asking whether they may still be shown:\n"
            "  every night, or when the team looks the page over."
        )
    else:
        yield f"Posts of others that the page shows: {in_words(keep.posts)} after the day. Then they leave the page too."


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _how(source: Source) -> str:
    host = source.server.partition("://")[2].rstrip("/")
    if source.kind is SourceKind.FEED and source.takes_all:
        return f"the feed of {host}, all of it"
    where = _HOW[source.kind].format(host=host)
    is_heard_live = source.kind is SourceKind.TAG_TIMELINE and source.account
    return f"{where}, and its live stream, by our account there" if is_heard_live else where


def _conversations(campaign: Campaign) -> str:
    if not campaign.follows_replies:
        return ""
    return """\
Public answers to these posts, and posts that quote them, are read too, also without the hashtag, so that a question and its
answer stand together. They are shown only below what they answer, never by themselves, and by the same rules as all others;
an answer to a conversation that somebody began without the hashtag is not read.

"""


def _others_who(campaign: Campaign) -> str:
    answered = "neither posted under the hashtag nor answered or quoted\nsuch a post"
    return answered if campaign.follows_replies else "did not post under the hashtag"


def _contact(campaign: Campaign) -> str:
    shown = campaign.contact.removeprefix("mailto:")
    return f"[{shown}]({campaign.contact})"


def _wishes(campaign: Campaign) -> str:
    if any(is_shown_all_the_same(reason, campaign) for reason in (Reason.NOINDEX, Reason.OPTED_OUT)):
        return ""  # this campaign shows them, so the page promises nothing
    return """\
- Say `#nobot` or `#noindex` in your profile, or switch on your network's own wish not to be indexed, and none of your posts
  is shown.
"""


def _others(campaign: Campaign) -> list[Reason]:
    left_out = {*_PERSONS_CHOICE, Reason.INCOMPLETE}
    left_out |= {reason for reason in Reason if is_shown_all_the_same(reason, campaign)}
    if campaign.moderation is Moderation.OPEN:
        left_out.add(Reason.NOT_APPROVED)
    if not campaign.rules:
        left_out.add(Reason.OWN_RULE)
    return [reason for reason in Reason if reason not in left_out]
