"""Asked to be forgotten: what a person's words name, and the little that is kept so that it does not come back.

Kept are digests alone: they recognise what returns and tell nobody who it was.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b

from shareasm.domain.posts import Post

_BLUESKY_PAGE = re.compile(r"https?://bsky\.app/profile/([^/?#]+)(?:/post/([^/?#]+))?/?", re.ASCII | re.IGNORECASE)
_ACCOUNT_WORDS = re.compile(r"did:[a-z]+:\S+|@?[\w.-]+@[\w.-]+|@?[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)


class Kind(StrEnum):
    """What is forgotten."""

    ACCOUNT = "account"
    POST = "post"

    @property
    def with_article(self) -> str:
        """The kind in a sentence."""
        return {Kind.ACCOUNT: "an account", Kind.POST: "a post"}[self]


def kind_of(words: str, post: Post) -> Kind | None:
    """Return what `words`, an address or a handle that a person gave, name of `post`: it, its author, or neither."""
    wanted = words.strip().rstrip("/")
    if page := _BLUESKY_PAGE.fullmatch(wanted):
        who, record_key = page[1].lower(), page[2]
        if who not in {post.author.ref.lower(), post.author.handle.lower()}:
            return None
        if record_key is None:
            return Kind.ACCOUNT
        return Kind.POST if post.ref.uri.endswith(f"/{record_key}") else None
    if wanted in {post.ref.uri, post.url.rstrip("/")}:
        return Kind.POST
    return Kind.ACCOUNT if _fold(wanted) in {_fold(name) for name in names_of_author(post)} else None


def kind_by_words(words: str) -> Kind | None:
    """Return what `words` name where nothing of it is stored; None where that cannot be told."""
    wanted = words.strip().rstrip("/")
    if page := _BLUESKY_PAGE.fullmatch(wanted):
        return Kind.POST if page[2] else Kind.ACCOUNT
    if _ACCOUNT_WORDS.fullmatch(wanted):
        return Kind.ACCOUNT
    if wanted.startswith("at://"):
        return Kind.POST if wanted.count("/") > 2 else Kind.ACCOUNT
    return None


def names_by_words(words: str) -> tuple[str, ...]:
    """Return the names under which what `words` name would come, where nothing of it is stored yet."""
    wanted = words.strip().rstrip("/")
    page = _BLUESKY_PAGE.fullmatch(wanted)
    if page and page[2]:
        return (wanted, f"at://{page[1]}/app.bsky.feed.post/{page[2]}")
    return (page[1] if page else wanted.removeprefix("at://") if kind_by_words(wanted) is Kind.ACCOUNT else wanted,)


def names_of_author(post: Post) -> tuple[str, ...]:
    """Return every name that the author of `post` has here: identity, handle, page."""
    return tuple(name for name in (post.author.ref, post.author.handle, post.author.url) if name)


def names_of(post: Post) -> tuple[str, ...]:
    """Return every name by which `post` or its author can be recognised, its bridged original among them."""
    original = (post.bridged_from,) if post.bridged_from else ()
    return (post.ref.uri, post.url, *original, *names_of_author(post))


def digests(names: Iterable[str]) -> set[bytes]:
    """Return what is kept of `names`."""
    return {blake2b(_fold(name).encode(), digest_size=16, person=b"shareasm-forget").digest() for name in names}


def _fold(name: str) -> str:
    return name.strip().rstrip("/").removeprefix("@").lower()
