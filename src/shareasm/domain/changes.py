"""What arrived against what is stored: new, edited, unchanged, gone. The decision is pure; storage carries it out.

A stream, a search and a timeline bring the same post in any order and more than once; here is the one place that says which
news wins.
"""

from dataclasses import dataclass

from shareasm.domain.posts import Post, PostRef


@dataclass(frozen=True, slots=True)
class Seen:
    """One post as one source showed it."""

    post: Post
    raw: bytes  # the item's own JSON as received, for the archive
    local_id: str  # the id under which this source knows it
    is_complete: bool = True  # False: a stream's bare record, whose author is not known yet; verify fills it in


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item that could not be taken, with a reason that a person can read. It never costs its page."""

    reason: str
    raw: bytes  # at most the first 4 kB
    ref: str | None = None  # its uri or local id, where one could be read


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
