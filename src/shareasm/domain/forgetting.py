"""Asked to be forgotten: what a person's words name, and the little that is kept so that it does not come back.

Kept are digests alone: they recognise what returns and tell nobody who it was.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from urllib.parse import urlsplit

from shareasm.domain.joins import is_the_bridges, own_names
from shareasm.domain.posts import Network, Post

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
    if kind_by_words(wanted) is not Kind.ACCOUNT:
        return (wanted,)
    name = page[1] if page else wanted.removeprefix("at://")
    return (name, *(twins(name) if not name.startswith("did:") else ()))


def names_it_may_be_forgotten_by(words: str) -> tuple[str, ...]:
    """Return every name by which what `words` name would be known as forgotten: its own, and that of its author."""
    wanted = words.strip().rstrip("/")
    page = _BLUESKY_PAGE.fullmatch(wanted)
    author = (page[1],) if page else _above(wanted)
    return (wanted, *names_by_words(wanted), *author)


def names_of_author(post: Post) -> tuple[str, ...]:
    """Return every name that the author of `post` has here: identity, handle, page.

    Only what is theirs: a page on another server than the identity's may be anybody's, and so may a handle that its network
    could not confirm.
    """
    author = post.author
    handle = author.handle if author.handle.lower() != _INVALID_HANDLE else ""
    is_own_page = author.network is not Network.MASTODON or _host(author.url) == _host(author.ref)
    return tuple(name for name in (author.ref, handle, author.url if is_own_page else "") if name)


def names_of(post: Post) -> tuple[str, ...]:
    """Return every name by which `post` or its author can be recognised, also as the copy that a bridge made."""
    original = (post.bridged_from, *_above(post.bridged_from)) if post.bridged_from else ()
    return (post.ref.uri, post.url, *original, *names_of_author(post))


def names_of_others(post: Post) -> tuple[str, ...]:
    """Return every name of whom `post` quotes or previews in a link card: what a server shows there are their words."""
    addresses = (post.quote.uri if post.quote else None, post.quote_url, post.card.url if post.card else None)
    return tuple(name for address in addresses if address for name in (address, *_above(address)))


def names_in(words: str) -> set[str]:
    """Return whatever in the unread `words` of an item may be a name, and the addresses above it."""
    found = set(_MAY_BE_A_NAME.findall(words.replace("\\/", "/")))
    return found.union(*(_above(one) for one in found if "://" in one))


_MAY_BE_A_NAME = re.compile(r"""[^\s"'<>()\[\]{},;\\]{4,}""")


def twins(handle: str) -> tuple[str, ...]:
    """Return the handle that the bridge gives an account on the other side (bridgy-fed `ids.py`).

    >>> twins("amina_g@m.example"), twins("amina.example")
    (('amina-g.m.example.ap.brid.gy',), ('amina.example@bsky.brid.gy',))
    """
    name = _fold(handle)
    if not name or name.endswith(_BRIDGES):
        return ()
    if "@" in name:
        return (re.sub(r"[^a-z0-9.-]", "-", name.replace("@", ".")) + f".ap{_BRIDGES}",)
    return (f"{name}@bsky{_BRIDGES}",)


def names_with_twins(post: Post) -> tuple[str, ...]:
    """Return every name of the author of `post`, here and beyond a bridge."""
    original = _original_author(post) if is_the_bridges(post) else ()
    handles = [name for name in names_of_author(post) if name == post.author.handle]
    return (*names_of_author(post), *(twin for handle in handles for twin in twins(handle)), *original)


def _above(address: str) -> tuple[str, ...]:
    """Return the addresses above `address`, one of which may be its author's: a snac post is below …/amina, too."""
    scheme, _, rest = address.rstrip("/").partition("://")
    parts = rest.split("/")
    if scheme == "at":
        return (parts[0],)
    return tuple(f"{scheme}://{'/'.join(parts[:count])}" for count in range(2, len(parts)))


_AUTHORED = re.compile(r"(https?://[^/]+/(?:@|users/)[^/]+)/.+|at://(did:[^/]+)/.+", re.IGNORECASE)


def _original_author(post: Post) -> tuple[str, ...]:
    """Return who wrote the original of a bridged copy, where its address says so beyond doubt."""
    found = _AUTHORED.fullmatch(post.bridged_from or "")
    return (found[1] or found[2],) if found else ()


_INVALID_HANDLE = "handle.invalid"
_BRIDGES = ".brid.gy"


def _host(address: str) -> str:
    return urlsplit(address).netloc.lower()


class Wanted:
    """What a request names, growing as posts are found: an account's twin beyond a bridge, copies and originals."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._accounts: set[str] = set()
        self._posts: set[str] = set()

    def kind_of(self, post: Post) -> Kind | None:
        """Return what of `post` is named: it, its author, or nothing. Who only claims to be a copy is not the author's twin."""
        if kind := kind_of(self._words, post):
            return kind
        if self._accounts & set(map(_fold, names_of_author(post))):
            return Kind.ACCOUNT
        if self._accounts & set(map(_fold, _above(post.bridged_from or ""))):
            return Kind.ACCOUNT if is_the_bridges(post) else Kind.POST
        return Kind.POST if self._posts & {post.ref.uri, post.url, post.bridged_from} else None

    def learn(self, post: Post, kind: Kind) -> bool:
        """Take in what a post that was found says of others; return whether that was anything new."""
        before = len(self._accounts) + len(self._posts)
        self._posts.update(own_names(post))
        if kind is Kind.ACCOUNT:
            self._accounts |= set(map(_fold, names_with_twins(post)))
        if post.bridged_from and is_the_bridges(post):
            self._posts.add(post.bridged_from)
        return len(self._accounts) + len(self._posts) > before


def digests(names: Iterable[str]) -> set[bytes]:
    """Return what is kept of `names`."""
    return {blake2b(_fold(name).encode(), digest_size=16, person=b"shareasm-forget").digest() for name in names}


def _fold(name: str) -> str:
    return name.strip().rstrip("/").removeprefix("@").lower()
