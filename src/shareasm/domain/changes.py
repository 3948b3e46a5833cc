"""What arrived against what is stored: new, edited, unchanged, gone. The decision is pure; storage carries it out.

A stream, a search and several servers' timelines bring the same post in any order and more than once. Which news wins is
decided here and nowhere else:

- Older news never overwrites newer: Bluesky's `rev` rises with every commit of an author; Mastodon tells `edited_at`.
- A stream's bare record says nothing of its author, and of pictures only that there are some; what is known stays.
- Servers show the same post each in its own way. The post's own server leads, else the source that saw it first, so that two
  servers' versions do not replace each other at every poll; an edit counts from wherever it is seen first.
- What an author asks for in their profile counts at once, whichever server tells it; lists of others than the post's own
  server, whose copy of the profile may be old, do not take it back. A check does.
- What is gone stays gone, whatever a slow index still shows. It returns by a later commit of its author, or, where it was
  a check that found it gone, by a check that finds it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

from shareasm.domain.moderation import OPT_OUT_TAGS
from shareasm.domain.posts import Account, Network, Post, PostRef, decode_post, kept_form


@dataclass(frozen=True)  # without slots: what is derived from it is derived once
class Seen:
    """One post as one source showed it."""

    post: Post
    raw: bytes  # the item's own JSON as received, for the archive
    local_id: str  # the id under which this source knows it
    is_complete: bool = True  # False: a stream's bare record, whose author is not known yet; verify fills it in
    parent_local_id: str | None = None  # the post that it answers as this source names it, where it tells no more

    @cached_property
    def kept(self) -> tuple[bytes, bytes]:
        """The post as the store keeps it, and its fingerprint."""
        return kept_form(self.post)

    @property
    def fingerprint(self) -> bytes:
        return self.kept[1]


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item that could not be taken, with a reason that a person can read. It never costs its page."""

    reason: str
    raw: bytes  # at most the first 4 kB
    ref: str | None = None  # its uri or local id, where one could be read
    secret: str = ""  # told apart from others by this, which is digested and never stored


@dataclass(frozen=True, slots=True)
class Gone:
    """The network no longer shows this post to the public, and why as far as it says."""

    ref: PostRef
    reason: str  # "deleted", "not public", "account deactivated", …
    revision: str | None = None  # Bluesky rev of the deletion: a later create of the same key wins over it


@dataclass(frozen=True, slots=True)
class AuthorChange:
    """Every post of this author is to be hidden (or may be shown again): an account event of the stream."""

    author_ref: str
    is_active: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows of a post, as far as deciding needs it."""

    id: int
    content: str  # the Post as `encode_post` wrote it; decoded only where something differs
    fingerprint: bytes
    source: str  # whose version of it is stored
    is_complete: bool
    is_gone: bool = False
    revision: str | None = None  # of the newest news
    gone_revision: str | None = None  # of the deletion, where the stream told of it
    is_sighted: bool = False  # the source that shows it now showed it before
    belongs_by: str | None = None  # the rule by which it belongs to the campaign that asks

    @property
    def post(self) -> Post:
        return decode_post(self.content)


class Sighting(NamedTuple):
    """How a source came to show it: `host` decides who leads, `is_check` whether it was asked for this very post."""

    source: str
    host: str
    is_check: bool = False
    query: str = ""  # what it was asked, for the record of where our knowledge comes from


class New(NamedTuple):
    seen: Seen


class Changed(NamedTuple):
    """The stored version is replaced by `seen`. `is_edit`: the author changed it, not only a counter or a profile."""

    stored: Stored
    seen: Seen
    is_edit: bool


class Same(NamedTuple):
    """Nothing to write but that it was seen, and a later revision. `stored` may become complete by it."""

    stored: Stored
    seen: Seen
    is_other: bool = False  # another version than the stored one, which by itself is no news: a check has to tell


Intent = New | Changed | Same


def decide(stored: Stored | None, seen: Seen, by: Sighting) -> Intent:
    """Return what `seen` means for the store."""
    if stored is None:
        return New(seen)
    if not stored.is_gone and seen.fingerprint == stored.fingerprint:
        return Same(stored, seen)
    if not _is_news(stored, seen, by):
        return _as_the_author_wishes(stored, seen) or Same(stored, seen, is_other=True)
    merged = _keep_what_is_known(stored, seen, by)
    if not stored.is_gone and merged.fingerprint == stored.fingerprint:
        return Same(stored, merged)  # a bare record of what is known already
    return Changed(stored, merged, is_edit=_words(merged.post) != _words(stored.post))


def is_gone_now(stored: Stored, gone: Gone) -> bool:
    """Return whether `gone` is news: not of a version that was made again since, nor in the same commit.

    A commit that deletes a key and creates it (how clients edit on Bluesky) leaves the record there, whichever of the two
    events comes first.
    """
    if gone.revision and stored.revision and gone.revision <= stored.revision:
        return False
    return not stored.is_gone or gone.revision is not None


def home_host(ref: PostRef) -> str:
    """Return the host of the server that a Mastodon-API post belongs to; "" on Bluesky, where all tell the same truth."""
    return (urlsplit(ref.uri).netloc or "").lower() if ref.network is Network.MASTODON else ""


def _is_news(stored: Stored, seen: Seen, by: Sighting) -> bool:
    post = seen.post
    if stored.is_gone:
        return _is_made_again(stored, post) or (by.is_check and stored.gone_revision is None)
    if post.ref.network is Network.BLUESKY:
        return _is_bluesky_news(stored, post, by)
    is_home, was = by.host == home_host(post.ref), stored.post
    if post.ref.network is Network.MASTODON and post.said_at != was.said_at:  # the same server may answer from a cache
        return post.said_at > was.said_at or (is_home and by.is_check)
    return is_home or by.is_check or by.source == stored.source


def _is_made_again(stored: Stored, post: Post) -> bool:
    if not post.revision or not stored.revision:
        return False
    # Of the deletion's own commit: that one deleted and created. A check's finding no old commit undoes.
    return post.revision > stored.revision or post.revision == stored.gone_revision


def _is_bluesky_news(stored: Stored, post: Post, by: Sighting) -> bool:
    if post.revision and stored.revision:
        return post.revision >= stored.revision
    if stored.revision and (known := stored.post.version) and post.version != known:
        return by.is_check  # an index that lags shows the words from before an edit
    return True


def _keep_what_is_known(stored: Stored, seen: Seen, by: Sighting) -> Seen:
    if seen.is_complete or not stored.is_complete:
        post = _with_known_author(stored, seen.post, by)
    else:
        was = stored.post
        is_known = was.version and was.version == seen.post.version  # in full, pictures and all
        post = replace(was, revision=seen.post.revision) if is_known else replace(seen.post, counts=was.counts)
        author = replace(was.author, labels=was.author.labels | seen.post.author.labels)
        post = replace(post, author=author, labels=was.labels | seen.post.labels)
    if post.revision is None and stored.revision is not None:
        post = replace(post, revision=stored.revision)
    return seen if post is seen.post else replace(seen, post=post)


def _with_known_author(stored: Stored, post: Post, by: Sighting) -> Post:
    """Return `post` with what is known of its author and lists of posts leave out.

    On Bluesky only a reader that is signed in hears of blocks, and only a check reads bios (networks.bluesky.bios).
    """
    author, known = post.author, stored.post.author
    if post.ref.network is not Network.BLUESKY:
        is_told = by.is_check or by.host == home_host(post.ref)
        return post if is_told else replace(post, author=_with_wishes(author, [known]))
    is_blocked = known.is_blocked if author.is_blocked is None else author.is_blocked
    bio_tags = author.bio_tags if by.is_check else author.bio_tags | known.bio_tags
    return replace(post, author=replace(author, is_blocked=is_blocked, bio_tags=bio_tags))


def with_wishes(seen: Seen, others: Iterable[Seen]) -> Seen:
    """Return `seen` with what its author asks for by the word of `others`: each server has its own copy of a profile."""
    author = _with_wishes(seen.post.author, [other.post.author for other in others])
    return seen if author == seen.post.author else replace(seen, post=replace(seen.post, author=author))


def _with_wishes(author: Account, others: Iterable[Account]) -> Account:
    wishing = [other for other in others if _has_wish(other)]
    if not wishing:
        return author
    bio_tags = author.bio_tags.union(*(OPT_OUT_TAGS & other.bio_tags for other in wishing))
    return replace(author, bio_tags=bio_tags, is_noindex=author.is_noindex or any(one.is_noindex for one in wishing))


def _as_the_author_wishes(stored: Stored, seen: Seen) -> Changed | None:
    """Return the stored version with a wish that it does not know of yet; None where `seen` tells none."""
    if stored.is_gone or seen.post.ref.network is Network.BLUESKY or not _has_wish(seen.post.author):
        return None
    wished = with_wishes(replace(seen, post=stored.post), [seen])
    return None if wished.post == stored.post else Changed(stored, wished, is_edit=False)


def _has_wish(author: Account) -> bool:
    return author.is_noindex or not OPT_OUT_TAGS.isdisjoint(author.bio_tags)


def _words(post: Post) -> tuple[object, ...]:
    """Return what an author wrote: by this an edit is told from a new counter, profile or preview card."""
    media = tuple((item.kind, item.alt) for item in post.media)
    return (post.text, post.content_warning, media, post.visibility, tuple(tag.name for tag in post.hashtags))
