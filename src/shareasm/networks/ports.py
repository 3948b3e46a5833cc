"""What a network can do for us: a few capabilities, each its own Protocol, and the records that pass through them.

The use cases (`collect`, `publish`, …) know this module and no adapter. An adapter offers any subset, and states its limits
as data. Every method may raise the errors of `shareasm.errors.NetworkError`, and nothing else of the network's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from shareasm.domain.changes import AuthorChange, Gone, Seen, Skipped
from shareasm.domain.pictures import PreparedImage as PreparedImage  # `pictures` makes them, publishers take them
from shareasm.domain.posts import Post, PostRef
from shareasm.domain.queue import Draft, Receipt
from shareasm.domain.richtext import grapheme_length, mastodon_length

# ---- reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """Which posts are asked for: from `opens_at` to before `closes_at`, aware UTC."""

    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One batch. `checkpoint` is stored in the same transaction as the posts; None leaves the stored one alone."""

    posts: tuple[Seen, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    gone: tuple[Gone, ...] = ()
    deleted_ids: tuple[str, ...] = ()  # what this source calls posts that are deleted, where it tells no more of them
    authors: tuple[AuthorChange, ...] = ()
    checkpoint: str | None = None  # opaque JSON of the adapter
    query: str = ""  # what was asked, where it was more than the tag or the stream; kept with what came of it


class TagReader(Protocol):
    """Reads a source for tags. Reading again what was read before is normal: identity makes it harmless."""

    def read_tag(self, tag: str, window: Window, checkpoint: str | None) -> Iterator[Page]:
        """Yield pages, oldest news first where the network allows it, until there is no more."""
        ...

    def sweep_tag(self, tag: str, window: Window) -> Iterator[Page]:
        """Yield pages of the whole `window` again, for what arrived late or out of order."""
        ...


class Rest(NamedTuple):
    """Until when a source that is well had better not be read again, and why; "" where that goes without saying."""

    until: datetime
    why: str = ""


@runtime_checkable
class Paced(Protocol):
    """A reader that knows how soon its server may be asked again, and how fast it answers about posts."""

    def rest(self) -> Rest | None:
        """Return how long to wait after the round that has just ended; None: as long as usual."""
        ...

    def posts_a_minute(self) -> float:
        """Return about how many posts can be asked about within what the server allows."""
        ...


class TagStream(Protocol):
    """A live stream. `read` returns when the connection ends or `stop` is called; the caller reconnects from its checkpoint."""

    def read(self, tags: Sequence[str], checkpoint: str | None, since: datetime) -> Iterator[Page]:
        """Yield batches as they come, also empty ones about every second: the checkpoint moves and a stop is noticed.

        Without a checkpoint it begins at `since`, or where the server's memory begins, if that is later. Raises
        CheckpointTooOld when the server no longer keeps events from there: fill the hole by search, then read again
        without it.
        """
        ...

    def stop(self) -> None:
        """Let `read` return soon; called from another thread."""
        ...


class CheckpointTooOld(Exception):  # not an error of the network: a fact that the collector acts on
    """The stream does not go back to the checkpoint any more."""


class PostChecker(Protocol):
    """Asks the network whether posts are still there and what they say now."""

    def check(self, refs: Sequence[tuple[PostRef, str]]) -> Mapping[PostRef, Seen | Gone]:
        """Return the present state of each (ref, local id) that could be asked; one that could not be asked is left out."""
        ...


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said to a post, with or without a tag; public posts alone."""

    answers: tuple[Seen, ...] = ()  # replies, and the replies to them, parents before children
    quotes: tuple[Seen, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class ConversationReader(Protocol):
    """Reads what was said to a post. Bounded: a few requests a post, however much was said."""

    def read_conversation(self, post: Post, local_id: str) -> Conversation:
        """Return the answers to `post` and who quotes it; nothing where the server does not want to say.

        `post.counts` says whether there is anything to ask for.
        """
        ...


# ---- publishing --------------------------------------------------------------------------------------------------------


class Repeat(StrEnum):
    """What a server makes of the same post sent twice under one key. Decides how a lost answer is settled."""

    SAFE = "safe"  # a no-op for ever: repeat until answered (Bluesky)
    AN_HOUR = "an hour"  # remembered for an hour: repeat within 50 minutes, then look it up (Mastodon, Hollo, Pleroma)
    NEVER = "never"  # posts twice: always look first (GoToSocial, snac, Takahē, Pixelfed)


class Counting(StrEnum):
    """What a server counts as a character."""

    GRAPHEMES = "what a person would count"
    MASTODON = "the same, but addresses have a fixed length and mentions no server"
    CODE_POINTS = "code points, everything as it stands"


@dataclass(frozen=True, slots=True)
class PollLimits:
    """What a server takes in one poll."""

    option_count: int = 4
    option_length: int = 50
    shortest: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(seconds=2_629_746)  # Mastodon's 1.month


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes in one post."""

    text_length: int  # characters, as `count` counts them
    url_length: int | None  # every http(s) address counts as this many; None: as long as it is
    text_bytes: int | None = None  # UTF-8
    media_count: int = 4
    alt_length: int = 1500
    image_bytes: int = 976_000
    image_side: int = 2000  # pixels, the longer side
    repeat: Repeat = Repeat.NEVER
    can_edit: bool = False  # our published posts can be changed
    can_quote: bool = False
    has_polls: bool = False
    video_bytes: int | None = None  # None: no video
    counting: Counting = Counting.GRAPHEMES
    counts_warning: bool = True  # the content warning is part of the text's length
    polls: PollLimits | None = None  # None: no polls

    def count(self, text: str, warning: str | None = None) -> int:
        """Return how much of `text_length` a post uses, as this server counts."""
        warned = (warning or "") if self.counts_warning else ""
        match self.counting:
            case Counting.MASTODON:  # addresses and mentions are shortened in the text alone
                return grapheme_length(warned) + mastodon_length(text, self.url_length)
            case Counting.CODE_POINTS:
                return len(warned + text)
            case Counting.GRAPHEMES:
                return grapheme_length(warned + text)


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a part of a thread belongs: its first post and the one right before it."""

    root: Receipt
    parent: Receipt


@dataclass(frozen=True, slots=True)
class Ties:
    """Which other posts of ours a post hangs on."""

    thread: Thread | None = None
    quoted: Receipt | None = None


class FoundPost(NamedTuple):
    """A post of ours that a person found: where it is, and its plain words."""

    receipt: Receipt
    text: str


class Finder(Protocol):
    """Finds a post of ours by the address that a person copied: the way out where the answer to sending it was lost."""

    def find_at(self, url: str) -> FoundPost:
        """Return our post at `url`. Raises ConfigError for what is no address of a post, Rejected where it is not
        there or not by our account.
        """
        ...


class Publisher(Protocol):
    """Sends our posts. One object per account; used by one thread at a time."""

    def load(self) -> None:
        """Load what is slow to load, while nothing is due: a network's library may take a second."""
        ...

    def limits(self) -> Limits:
        """Return what this account's server takes."""
        ...

    def prepare(self, draft: Draft, media: Path) -> str:
        """Upload the files, look up whom it mentions, and return what came of it as JSON text. `media` is their folder.

        Done ahead, so that a post with four pictures is no later than one of words. Repeating it is harmless: nothing is
        visible to anyone yet.
        """
        ...

    def freeze(self, draft: Draft, key: str, prepared: str, ties: Ties, now: datetime) -> str:
        """Return the exact content to send, as JSON text, without asking anybody."""
        ...

    def publish(self, payload: str, key: str) -> Receipt:
        """Send a frozen payload under its key. Raises Unreachable(is_outcome_unknown=True) where it may have been done."""
        ...

    def find(self, payload: str, key: str, since: datetime) -> Receipt | None:
        """Look on the account for the post that `payload` would have made since `since`; None when it is not there."""
        ...

    def edit(self, payload: str, receipt: Receipt) -> Receipt:
        """Change what a published post says to `payload`. Raises Rejected on networks that cannot."""
        ...

    def delete(self, receipt: Receipt) -> None:
        """Take our own post back. Deleting what is already gone is no error."""
        ...


# ---- looking an account over, and getting its secret -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What a server says of the account behind a secret, and of itself."""

    handle: str  # Bluesky: the handle; Mastodon: user@host
    limits: Limits
    software: str = ""  # in lower case; "" where it does not say
    missing_scopes: tuple[str, ...] = ()  # what its secret may not do and we need
    clock_ahead_s: float | None = None  # its clock minus ours, the median of a few answers; None: it tells no time
    calls_left: int | None = None
    calls_renew_at: datetime | None = None
    is_marked_automated: bool | None = None  # None: the server does not say
    has_main_password: bool = False  # we are signed in with more than an app password
    can_delete: bool = True  # what is posted here can be taken back
    narrowest: str = "public"  # the visibility with which fewest people see a post

    def is_account(self, handle: str) -> bool:
        """Return whether this is the account that the plan calls `handle`. The host may be a web domain in one of them."""
        said, planned = (name.lower().lstrip("@").partition("@") for name in (self.handle, handle))
        return said[0] == planned[0]


class AccountProbe(Protocol):
    """Looks one account over with its secret."""

    def examine(self) -> AccountFacts:
        """Ask a few harmless things. Raises Unauthorized where the secret is refused."""
        ...

    def mark_automated(self) -> None:
        """Let the account say that a program writes it: the bot flag on Mastodon, the bot label on Bluesky."""
        ...

    def read_back(self, receipt: Receipt) -> Post | None:
        """Return a post of ours as the collector would read it, also one that is not public; None while nobody sees it."""
        ...


@dataclass(frozen=True, slots=True)
class Application:
    """Ourselves, as a server has registered us."""

    server: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where a person lets us in; `verifier` proves later that the code was given to us (RFC 7636)."""

    address: str
    verifier: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What came of it."""

    token: str = field(repr=False)
    scopes: tuple[str, ...] = ()  # as far as the server says; () where it does not


class CodeSignIn(Protocol):
    """Gets a token by a code that a person reads off their server's page."""

    def register(self, *, may_change_profile: bool) -> Application:
        """Make ourselves known to the server, with no more scopes than we need."""
        ...

    def invite(self, application: Application) -> Invitation:
        """Return the page on which a person lets us in."""
        ...

    def redeem(self, application: Application, invitation: Invitation, code: str) -> Grant:
        """Return the token for a code. Raises Rejected where the server does not take it."""
        ...

    def revoke(self, application: Application, token: str) -> None:
        """Let a token be good for nothing again."""
        ...
