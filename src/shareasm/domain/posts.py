"""Post, our one neutral record of what somebody said, and its parts.

First room of the collecting line: translators make Posts, storage keeps them, the recap shows them. A Post is what the
*network* said; what *we* decided about it lives in `domain.moderation`. Identity is `PostRef`; handles, addresses and local
ids are display data.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import NewType

import msgspec

SafeHtml = NewType("SafeHtml", str)
"""HTML that `domain.richtext.sanitise` (or `render_facets`) made; templates mark nothing else safe."""


class Network(StrEnum):
    """A network that a post can come from. `MASTODON` stands for every server with Mastodon's API, `WEB` for feeds."""

    BLUESKY = "bluesky"
    MASTODON = "mastodon"
    WEB = "web"


class Visibility(StrEnum):
    """Who the author let see a post. Unknown words of a server count as `PRIVATE`: not public."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class MediaKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class PostRef:
    """The global identity of a post.

    `uri` is the ActivityPub `uri` on Mastodon-API servers (never their local `id` or `url`), and
    `at://<did>/app.bsky.feed.post/<rkey>` on Bluesky (never with a handle); of a feed's entry, the feed's address with
    the entry's own id behind a #.
    """

    network: Network
    uri: str


@dataclass(frozen=True, slots=True)
class Account:
    """The author of a post as the network showed them. All texts are untrusted plain text."""

    network: Network
    ref: str  # DID on Bluesky, actor URI on Mastodon: the identity, stable over handle changes
    handle: str  # without leading @; on Mastodon always user@host; "" when the stream did not say (not yet hydrated)
    name: str  # display name; "" when there is none
    url: str  # the person's page, "" when unknown
    avatar_url: str | None = None
    is_bot: bool = False
    is_locked: bool = False
    is_noindex: bool = False  # Mastodon `noindex`: asked search engines to stay out
    is_indexable: bool | None = None  # Mastodon 4.3+ opt-in; None where the server does not say
    is_discoverable: bool | None = None
    is_suspended: bool = False  # suspended, limited, deactivated or taken down, as far as the network tells
    is_blocked: bool | None = None  # we block or mute them, or they us; None where it was read without our sign-in
    labels: frozenset[str] = frozenset()  # label values on the account, `!no-unauthenticated` among them
    bio_tags: frozenset[str] = frozenset()  # folded hashtags in bio, profile fields and display name: nobot, noindex, …

    @property
    def identity(self) -> str:
        """Who it is, whichever server tells: on Mastodon the handle, for GoToSocial, snac and Takahē name no actor URI."""
        is_by_handle = self.network is Network.MASTODON and "@" in self.handle
        return self.handle.casefold() if is_by_handle else self.ref


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A hashtag on a post: `name` is folded for comparing (see richtext.fold_hashtag), `label` as its author spelled it."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Media:
    """One attachment. `alt` is None where the author gave none: it is said as missing, never invented."""

    kind: MediaKind
    url: str  # full size, http(s) only; for video on Bluesky the HLS playlist
    alt: str | None = None
    preview_url: str | None = None
    width: int | None = None  # pixels
    height: int | None = None
    focus: tuple[float, float] | None = None  # what stays in view when it is cut: right and up, each in [-1, 1]


@dataclass(frozen=True, slots=True)
class Card:
    """A link preview: Bluesky's external embed, Mastodon's preview card. http(s) addresses only."""

    url: str
    title: str
    description: str = ""
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """A Mastodon poll: options with votes (None where hidden)."""

    options: tuple[tuple[str, int | None], ...]
    closes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What the network said when it was last asked; approximate for remote posts on Mastodon."""

    replies: int = 0
    reposts: int = 0
    likes: int = 0
    quotes: int = 0


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody said, translated once and for all at the door."""

    ref: PostRef
    url: str  # the human page, http(s); falls back to the uri on Mastodon when the server gives none
    author: Account
    created_at: datetime  # aware UTC; on Bluesky sortAt = min(createdAt, indexedAt)
    text: str  # plain text, derived once here
    html: SafeHtml
    edited_at: datetime | None = None
    revision: str | None = None  # Bluesky: rev of the commit or else None; a sortable guard against older news
    version: str | None = None  # Bluesky: cid of the record
    languages: tuple[str, ...] = ()  # BCP 47 as declared; empty when not declared
    hashtags: tuple[Hashtag, ...] = ()
    media: tuple[Media, ...] = ()
    card: Card | None = None
    poll: Poll | None = None
    reply_to: PostRef | None = None
    is_reply: bool = False  # also True where the parent's identity is not known (Mastodon tells only a local id)
    quote: PostRef | None = None
    quote_url: str | None = None
    visibility: Visibility = Visibility.PUBLIC
    content_warning: str = ""
    is_sensitive: bool = False
    labels: frozenset[str] = frozenset()  # label values on the post itself, self-labels among them
    bridged_from: str | None = None  # the original's uri or url, where a bridge says so
    application: str | None = None
    counts: Counts = field(default_factory=Counts)

    @property
    def said_at(self) -> datetime:
        """When this version was said, as far as its server tells of edits."""
        return self.edited_at or self.created_at


def fingerprint(post: Post) -> bytes:
    """Return 16 bytes that change when anything that a reader or a rule can see of `post` changes.

    A re-poll compares these and writes nothing where they are equal. `revision` is left out: a stream knows it, a search
    does not, and the words are the same.
    """
    return kept_form(post if post.revision is None else replace(post, revision=None))[1]


def kept_form(post: Post) -> tuple[bytes, bytes]:
    """Return `post` as the store keeps it, and its fingerprint: in one go, since each post that comes needs both."""
    content = encode_post(post)
    return content, fingerprint(post) if post.revision is not None else blake2b(content, digest_size=16).digest()


def encode_post(post: Post) -> bytes:
    """Return `post` as JSON, the form in which the store keeps it; `decode_post` is its inverse."""
    return _encoder.encode(post)


def decode_post(data: bytes | str) -> Post:
    """Return the Post that `encode_post` wrote. Fields added since then take their defaults."""
    return _decoder.decode(data)


@dataclass(frozen=True, slots=True)
class Ties:
    """Of a post only what tells which others are the same."""

    ref: PostRef
    url: str
    bridged_from: str | None = None


_encoder = msgspec.json.Encoder(order="deterministic")  # sets sorted: equal posts give equal bytes
_decoder = msgspec.json.Decoder(Post)
