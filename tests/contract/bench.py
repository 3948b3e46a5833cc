"""What the contract suite asks of a server under test. One driver a server hides how it is set up; the sentences are the same.

A driver acts as everybody else (people who post, a network that fails) and looks at the server behind the adapter's back.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from shareasm.clock import SystemClock
from shareasm.domain.posts import Network, PostRef
from shareasm.networks.ports import ConversationReader, PostChecker, Publisher, Repeat, TagReader, TagStream, Window

CLOCK = SystemClock()
PICTURES = Path(__file__).parent / "pictures"  # dot.png: 40 by 20 pixels, made for these tests


class Call(StrEnum):
    """A call of an adapter that can go wrong."""

    PUBLISH = "publish"
    READ = "read"
    CHECK = "check"
    CONVERSE = "converse"


class Mishap(StrEnum):
    """How it goes wrong, once."""

    LOST_ON_THE_WAY = "the connection breaks before the server has heard anything"
    ANSWER_LOST = "the server does it, and the answer is lost"
    CUT_SHORT = "the server does it, and the connection breaks in the middle of the answer"
    WEB_PAGE = "something in between answers 200 with a page for people"
    TOO_MANY = "429, try again in a minute"
    OUT_OF_ORDER = "503, nothing is done"


@dataclass(frozen=True)
class Traits:
    """Where a server differs from the plain case. Each difference was seen or read: see the stand-ins' flavours."""

    repeat: Repeat = Repeat.AN_HOUR
    posts_twice: bool = False  # it makes a second post of the same key
    keeps_language: bool = True
    shows_replies: bool = True  # in a tag timeline
    finds_accented_tags: bool = True
    asks_twice: bool = False  # for two spellings of a tag: one read may bring a post twice
    has_attributes: bool = True  # pictures, warnings, visibility, limits: all but the memory network
    has_warnings: bool = True
    has_visibility: bool = True
    tells_unlisted: bool = True  # and does not call it public
    has_cards: bool = False  # a card is part of the post, not made by the server from the address
    has_sessions: bool = False  # sign-ins expire and are renewed
    has_tokens: bool = True
    has_stream: bool = False
    has_replay: bool = False  # a stream goes on from where it was
    streams_whole: bool = False  # and tells all of a post and its author
    can_delete: bool = True
    can_edit: bool = True
    has_threads: bool = True  # shows answers to answers too, not direct ones alone
    tells_quotes: bool = False  # who quotes a post can be asked
    has_limit: bool = True  # refuses a text that is too long
    can_be_occupied: bool = False  # our key names the place of the record, where another one may lie


@dataclass(frozen=True)
class Ours:
    """An account of ours: the adapter that publishes from it, and how the driver knows it."""

    publisher: Publisher
    name: str


class Bench(Protocol):
    """A server under test."""

    network: Network
    traits: Traits

    def ours(self) -> Ours:
        """Make an account for us."""
        ...

    def reader(self) -> TagReader: ...

    def checker(self) -> PostChecker: ...

    def stream(self) -> TagStream: ...

    def conversations(self) -> ConversationReader: ...

    def say(self, text: str, *, language: str = "en", reply_to: PostRef | None = None) -> PostRef:
        """Let somebody else post. Hashtags in `text` are hashtags."""
        ...

    def local_id(self, ref: PostRef) -> str:
        """Return what the server itself calls a post that somebody said."""
        ...

    def quote(self, ref: PostRef) -> PostRef:
        """Let somebody else quote a post, without any tag."""
        ...

    def edit(self, ref: PostRef, text: str) -> None: ...

    def delete(self, ref: PostRef) -> None: ...

    def wait_for(self, *refs: PostRef) -> None:
        """Return when readers see what was last said under `refs`, or that it is gone."""
        ...

    def texts(self, ours: Ours) -> list[str]:
        """Return what stands on our account as the server itself has it, in no order."""
        ...

    def let_fail(self, call: Call, mishap: Mishap) -> None:
        """Let the next `call` meet `mishap`."""
        ...

    def expire(self, ours: Ours) -> Ours:
        """Let our sign-in expire; return the adapter to go on with."""
        ...

    def revoke(self, ours: Ours) -> Ours:
        """Take our token or password away; return the adapter to go on with."""
        ...

    def occupy(self, ours: Ours, key: str) -> None:
        """Put another record where `key` would put ours."""
        ...


def around_now() -> Window:
    """Return a window in which everything happens that a test does."""
    now = CLOCK.now()
    return Window(now - timedelta(hours=1), now + timedelta(hours=1))
