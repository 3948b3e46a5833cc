"""Reads a tag timeline of a Mastodon-API server and asks again about posts. First station of the collecting line.

Three facts shape it (Mastodon 4.6 `paginable.rb`, `snowflake.rb`; snac and GoToSocial as seen running). `min_id` gives the page
right above a cursor, so a loop over it misses nothing that has a newer id. But a post that reached the server late gets an old
id and appears below every cursor: the sweep finds it. And some servers have no cursor that holds: there the newest page is
read down to a post that is known.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

import httpx
import msgspec

from shareasm.domain.changes import Gone, Seen, Skipped
from shareasm.domain.posts import PostRef, Visibility
from shareasm.domain.richtext import hashtag_spellings
from shareasm.errors import NetworkError, NotThere, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon import cursor
from shareasm.networks.mastodon.checker import NOT_PUBLIC, MastodonChecker
from shareasm.networks.mastodon.client import Api, Token
from shareasm.networks.mastodon.pace import Pace
from shareasm.networks.mastodon.pages import decode_answer
from shareasm.networks.mastodon.tag_feed import SEES_LITTLE, OpenFeed, TagFeed, is_of_a_feed
from shareasm.networks.mastodon.translate import Decoded
from shareasm.networks.ports import Page, Rest, Window

PAGE_SIZE = 40
"""The most that Mastodon gives at once; it cuts larger wishes in silence."""

READ_PAGES = 25
"""Pages of one read: 1,000 posts, then the next read goes on. Mastodon allows 300 paged requests in 15 minutes."""

SWEEP_PAGES = 250
"""Pages of one way down: 10,000 posts, and fewer requests than Mastodon allows in 15 minutes, so that a way can be finished."""

LATE = timedelta(hours=1)
"""How much older than the window a whole page must be before a sweep ends: ids follow the arrival, not the author's clock."""

FOLDS_TAGS = frozenset({"mastodon", "hometown"})
"""Keep a hashtag without its accents, so that all its spellings are one timeline. All others are asked for each of them."""


class Checkpoint(msgspec.Struct):
    """What the next read begins from: a cursor, or on servers without one the posts of the newest page."""

    min_id: str | None = None
    newest: list[str] = []
    other: "Checkpoint | msgspec.UnsetType" = (
        msgspec.UNSET
    )  # of the tag's other spelling, where that is another timeline


class MastodonReader:
    """TagReader and PostChecker for one server, for several threads at once: reading, sweeping and checking share it.

    `server` is its base URL; `token` is needed where timelines are closed.
    """

    def __init__(
        self,
        server: str,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        token: Token | None = None,
        pace: Pace | None = None,
        open_feed: OpenFeed | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`open_feed` makes readers of the feeds that are read where timelines are closed and there is no token."""
        self._api = Api(server, user_agent=user_agent, now=now, token=token, pace=pace, transport=transport)
        self._feed = TagFeed(self._api, open_feed) if open_feed and not token else None
        self._is_closed = False  # so that the feed was read the last time
        self._cursor_holds: bool | None = None  # None: not known yet
        self._checker = MastodonChecker(self._api)

    # ---- reading a tag -------------------------------------------------------------------------------------------------

    def read_tag(self, tag: str, window: Window, checkpoint: str | None) -> Iterator[Page]:
        """Yield what is new since `checkpoint`; without one everything back to the window's opening.

        The checkpoint moves with every page where a cursor works, else with the last page only.
        """
        timeline = _once(self._read_spellings(tag, window, _checkpoint(checkpoint)))
        yield from self._or_feed(timeline, lambda feed: feed.read(tag, window, checkpoint))

    def sweep_tag(self, tag: str, window: Window) -> Iterator[Page]:
        """Yield the whole window again, newest page first."""
        timeline = _once(self._sweep_spellings(tag, window))
        yield from self._or_feed(timeline, lambda feed: feed.sweep(tag, window))

    def _or_feed(self, timeline: Iterator[Page], feed_of: Callable[[TagFeed], Iterator[Page]]) -> Iterator[Page]:
        """Yield the timeline, or what the tag's feed shows where the timeline is for people who are signed in."""
        try:
            yield from timeline
            self._is_closed = False
        except Unauthorized as closed:
            if self._feed is None or not self._feed.is_open():
                raise
            try:
                for page in feed_of(self._feed):
                    self._is_closed = True
                    yield page
            except Rejected as missing:  # Mastodon alone has such feeds, and for tags that somebody has used
                if not isinstance(missing, NotThere) or self._api.software() not in FOLDS_TAGS:
                    raise closed from missing
                self._is_closed = True

    def _spellings(self, tag: str) -> Sequence[str]:
        """Return the names under which the tag is to be asked for: one where the server folds them as we do."""
        names = hashtag_spellings(tag)
        return (tag,) if len(names) == 1 or self._api.software() in FOLDS_TAGS else names

    def _read_spellings(self, tag: str, window: Window, known: Checkpoint) -> Iterator[Page]:
        """Yield what is new under each spelling; the checkpoint remembers how far each was read."""
        first, *others = self._spellings(tag)
        for page in self._read(first, window, known):
            if page.checkpoint:
                found = _checkpoint(page.checkpoint)
                known = Checkpoint(found.min_id, found.newest, known.other)
            yield _with_checkpoint(page, known)
        for name in others:
            for page in self._read(name, window, known.other or Checkpoint()):
                if page.checkpoint:
                    known = Checkpoint(known.min_id, known.newest, _checkpoint(page.checkpoint))
                yield _with_checkpoint(page, known)

    def _sweep_spellings(self, tag: str, window: Window) -> Iterator[Page]:
        for name in self._spellings(tag):
            for decoded in self._pages_down(name, window):
                yield _page(decoded)

    def _read(self, name: str, window: Window, known: Checkpoint) -> Iterator[Page]:
        if known.min_id is not None:
            return self._read_up(name, known.min_id)
        return self._read_down(name, window, frozenset(known.newest))

    def _read_up(self, tag: str, min_id: str) -> Iterator[Page]:
        met: set[str] = set()
        for _ in range(READ_PAGES):
            decoded = self._timeline(tag, ("min_id", min_id))
            if met.issuperset(decoded.ids):
                return
            met.update(decoded.ids)
            min_id = decoded.ids[0]
            yield _page(decoded, Checkpoint(min_id))
            if len(decoded.ids) < PAGE_SIZE:
                return

    def _read_down(self, tag: str, window: Window, known: frozenset[str]) -> Iterator[Page]:
        newest: Decoded | None = None
        for decoded in self._pages_down(tag, window):
            newest = newest or decoded
            yield _page(decoded)
            if known.intersection(seen.post.ref.uri for seen in decoded.posts):
                break
        if newest:
            yield Page(checkpoint=msgspec.json.encode(self._checkpoint_at(tag, newest)).decode())

    def _checkpoint_at(self, tag: str, newest: Decoded) -> Checkpoint:
        if self._has_cursor(tag, newest.ids):
            return Checkpoint(newest.ids[0])
        return Checkpoint(newest=[seen.post.ref.uri for seen in newest.posts])  # this way works everywhere

    def _has_cursor(self, tag: str, ids: Sequence[str]) -> bool:
        """Return whether the server's cursor is known to hold."""
        if self._cursor_holds is None:
            software = self._api.software()
            if software in cursor.KEEPS | cursor.KEEPS_NONE:
                self._cursor_holds = software in cursor.KEEPS
            elif software is not None:  # else it may be asked the next time
                self._cursor_holds = self._try_cursor(tag, ids)
        return bool(self._cursor_holds)

    def _try_cursor(self, tag: str, ids: Sequence[str]) -> bool | None:
        try:
            return cursor.holds(ids, lambda bound: self._timeline(tag, ("min_id", bound), limit=1).ids)
        except RateLimited:
            return None
        except NetworkError:
            return False  # it cannot stand what it does not know

    def _pages_down(self, tag: str, window: Window) -> Iterator[Decoded]:
        """Yield pages from the newest one on. Where it ends before the window is through, that is said or raised."""
        met: set[str] = set()
        bound: tuple[str, str] | None = None
        for _ in range(SWEEP_PAGES):
            decoded = self._timeline(tag, bound)
            if met.issuperset(decoded.ids):
                if (
                    len(decoded.ids) >= PAGE_SIZE
                ):  # a cache before it; a short one is all that a server without paging has
                    raise Unreachable("gives the same page again instead of the next one", server=self._api.server)
                return
            met.update(decoded.ids)
            yield decoded
            times = [seen.post.created_at for seen in decoded.posts]
            if times and max(times) < window.opens_at - LATE:
                return
            bound = ("max_id", decoded.ids[-1])
        reason = f"reading #{tag} ended after {len(met):,} posts; what is older and came late is not found here"
        yield Decoded([], [Skipped(reason, b"")], [])

    def _timeline(self, tag: str, bound: tuple[str, str] | None, *, limit: int = PAGE_SIZE) -> Decoded:
        """Return one page. Links of the server are not followed: they drop parameters and may lead anywhere."""
        # Pixelfed shows posts with media only, unless it is told not to.
        query = [("limit", str(limit)), ("only_media", "false"), *([bound] if bound else [])]
        path = f"/api/v1/timelines/tag/{quote(tag.lstrip('#＃'), safe='')}"
        try:
            return decode_answer(self._api, self._api.get(path, query))
        except NotThere:
            # GoToSocial: a tag that nobody has used yet. Elsewhere: there are no such timelines, or this is no such server.
            if self._api.software() != "gotosocial":
                raise
            return Decoded([], [], [])

    # ---- asking again --------------------------------------------------------------------------------------------------

    def check(self, refs: Sequence[tuple[PostRef, str]]) -> Mapping[PostRef, Seen | Gone]:
        """Return what the server says now of posts that it showed before; see `checker`."""
        return self._checker.check([(ref, local_id) for ref, local_id in refs if not is_of_a_feed(local_id)])

    # ---- its pace (Paced) ----------------------------------------------------------------------------------------------

    def rest(self) -> Rest | None:
        """Return how long to wait after a round, see `client.Api.rest`; where only the feed was open, that too."""
        rest = self._api.rest()
        return Rest(rest.until if rest else self._api.now(), SEES_LITTLE) if self._is_closed else rest

    def posts_a_minute(self) -> float:
        """Return about how many posts can be asked about within what the server allows."""
        return self._checker.posts_a_minute()


def _checkpoint(text: str | None) -> Checkpoint:
    """Return what was stored; an unreadable checkpoint means to begin anew, which identity makes harmless."""
    try:
        return msgspec.json.decode(text or "{}", type=Checkpoint)
    except ValueError:
        return Checkpoint()


def _once(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield pages without the posts that an earlier one showed: where two spellings are one timeline, or it moved meanwhile."""
    met: set[tuple[PostRef, datetime | None]] = set()
    for page in pages:
        fresh = [seen for seen in page.posts if (seen.post.ref, seen.post.edited_at) not in met]
        met.update((seen.post.ref, seen.post.edited_at) for seen in fresh)
        yield page if len(fresh) == len(page.posts) else replace(page, posts=tuple(fresh))


def _with_checkpoint(page: Page, known: Checkpoint) -> Page:
    """Return a page whose checkpoint, if it has one, speaks of all spellings."""
    return replace(page, checkpoint=msgspec.json.encode(known).decode()) if page.checkpoint else page


def _page(decoded: Decoded, checkpoint: Checkpoint | None = None) -> Page:
    """Return a page for the collector, oldest first. What is not public is counted, and leaves the store if it was there."""
    public = [seen for seen in reversed(decoded.posts) if seen.post.visibility is not Visibility.PRIVATE]
    private = [seen.post.ref for seen in decoded.posts if seen.post.visibility is Visibility.PRIVATE]
    return Page(
        posts=tuple(public),
        skipped=(*decoded.skipped, *(Skipped(NOT_PUBLIC, b"", secret=ref.uri) for ref in private)),
        gone=tuple(Gone(ref, NOT_PUBLIC) for ref in private),
        checkpoint=msgspec.json.encode(checkpoint).decode() if checkpoint else None,
    )
