"""Asking Bluesky's servers: calls with limits and mapped errors, and reading by tag.

The network side of the collecting line: answers go to `translate` as bytes, and nothing here knows what a post looks
like. Reading is plain HTTP rather than the official library's, which refuses a whole page for one odd post; `writing` is
its part.
"""

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

import httpx
import msgspec

from shareasm.domain.changes import Skipped
from shareasm.domain.posts import PostRef
from shareasm.domain.robots import Notices
from shareasm.errors import Rejected, StayAway, Unauthorized, Unreachable
from shareasm.networks.bluesky.answers import STALE_TOKEN, Reply, failure, refusal
from shareasm.networks.bluesky.session import PROGRAM, Now, Session
from shareasm.networks.bluesky.syntax import write_datetime
from shareasm.networks.bluesky.tls import tls
from shareasm.networks.bluesky.translate import MALFORMED, ViewPage, decode_search_page
from shareasm.networks.ports import Page, Window

BODY_LIMIT = 10_000_000
"""Bytes of an answer that are read; a full search page has 0.3 MB."""
CALL_LIMIT_S = 60.0
"""Seconds that reading one answer may take in all, however steadily it drips."""
UPLOAD_TIMEOUT_S = 120.0

BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError)
"""What a call can end with instead of an answer."""

# ---- one server ------------------------------------------------------------------------------------------------------


class Server:
    """One AT Protocol server, open or through an account's session. Raises nothing but NetworkErrors."""

    def __init__(
        self,
        base_url: str,
        *,
        now: Now,
        session: Session | None = None,
        user_agent: str = PROGRAM,
        notices: Notices | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """With a `session` every call goes to the server that holds the account, which passes `app.bsky` reads on by
        itself. `notices`: what servers write in their robots.txt, heeded without a session; None: it is not asked for.
        """
        self._notices = notices
        self.user_agent = user_agent
        self.base_url = base_url.rstrip("/")
        self.now = now
        self.session = session
        self._http = httpx.Client(
            transport=transport,
            verify=tls(),
            headers={"User-Agent": user_agent},
        )
        weakref.finalize(self, self._http.close)  # with the last reference to it

    @property
    def is_signed_in(self) -> bool:
        """True when calls go through an account."""
        return self.session is not None

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def query(self, nsid: str, params: Sequence[tuple[str, str]], *, ref: str | None = None) -> bytes:
        """Return the body of a successful GET of the method `nsid`."""
        reply = self.ask("GET", nsid, params=params, ref=ref)
        if not reply.is_success:
            raise refusal(reply, self.base_url, self.now(), ref=ref)
        return reply.body

    def ask(
        self,
        method: str,
        nsid: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        content_type: str = "application/json",
        ref: str | None = None,
        bearer: str | None = None,
    ) -> Reply:
        """Return the server's answer whatever its status. A token that has expired is renewed, and the call repeated,
        once.

        Repeating is safe: a server looks at the token before it does anything. `bearer` is a token for this one call,
        where there is no session.
        """
        tokens = self.session.tokens() if self.session else None
        base_url, token = (tokens.pds, tokens.access) if tokens else (self.base_url, bearer)
        if token is None:
            self._heed_robots(f"{base_url}/xrpc/{nsid}")
        reply = self._send(method, nsid, params, body, content_type, ref, base_url, token)
        if self.session and tokens and reply.error in STALE_TOKEN:
            renewed = self.session.renew(tokens)
            reply = self._send(method, nsid, params, body, content_type, ref, renewed.pds, renewed.access)
        return reply

    def _heed_robots(self, url: str) -> None:
        """Raise StayAway where the server does not want programs to ask this."""
        if self._notices is None:
            return
        robots = self._notices.of(url, self._read_robots)
        if robots is None:
            raise Unreachable("its robots.txt cannot be read, so nothing else is", server=self.base_url)
        if not robots.allows(url):
            raise StayAway("its robots.txt asks programs to stay away: name another one", server=self.base_url)

    def _read_robots(self, url: str) -> tuple[int, bytes] | None:
        try:
            reply = self.send(self._http.build_request("GET", url, timeout=httpx.Timeout(30, connect=10)))
        except BROKEN:
            return None
        return reply.status, reply.body

    def _send(
        self,
        method: str,
        nsid: str,
        params: Sequence[tuple[str, str]],
        body: bytes | None,
        content_type: str,
        ref: str | None,
        base_url: str,
        token: str | None,
    ) -> Reply:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        is_upload = body is not None and content_type != "application/json"
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            request = self._http.build_request(
                method,
                f"{base_url}/xrpc/{nsid}",
                params=list(params),
                content=body,
                headers=headers,
                timeout=httpx.Timeout(UPLOAD_TIMEOUT_S if is_upload else 30, connect=10),
            )
            return self.send(request)
        except BROKEN as error:
            raise failure(error, base_url, self.now(), ref=ref, is_write=method == "POST") from error

    def send(self, request: httpx.Request) -> Reply:
        """Return the answer to a ready-made request, read within limits. Raises what httpx raises."""
        give_up_at = monotonic() + CALL_LIMIT_S + (UPLOAD_TIMEOUT_S if request.method == "POST" else 0)
        response = self._http.send(request, stream=True)
        try:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise httpx.ReadError(f"the answer is longer than {BODY_LIMIT:,} bytes")
                if monotonic() > give_up_at:
                    raise httpx.ReadTimeout("the answer does not end")
            return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, bytes(body))
        finally:
            response.close()


# ---- reading by tag --------------------------------------------------------------------------------------------------

PAGE_SIZE = 100
HITS_PER_WINDOW = 5000
"""Hits after which a window is halved: search backends have refused to page deeper than 10,000."""
SMALLEST_WINDOW = timedelta(seconds=1)
REQUESTS_PER_READ = 500
EMPTY_PAGES = 10
"""Pages without a post, but with a cursor, in a row: moderation empties some, an endless row of them is a fault."""
OVERLAP = timedelta(minutes=30)
"""How far a read goes back behind the checkpoint: the index runs late at times, and posts are dated by their authors.
"""
BY_TAG = "app.bsky.feed.searchPostsV2"
"""Asks by hashtag; in the lexicons since 2026, and not on every server (bluesky-social/atproto, read August 2026)."""
MEANS_NEVER = frozenset({400, 404, 405, 501})
"""Answers of a server that has no such method. Bluesky's own AppView says 400 "Search v2 is not enabled" (seen running)."""
MEANS_NOT_NOW = frozenset({401, 429})
"""Answers that say nothing of the method: the sign-in, or too many requests."""
LATE = timedelta(hours=1)
"""How long after it was written a post may be indexed, and still be found by a question that goes by the index's time."""
AHEAD = timedelta(minutes=1)
"""How far a read looks beyond now, for clocks that differ."""


class _Checkpoint(msgspec.Struct):
    until: datetime


class _Search(NamedTuple):
    """One question to a search; `lateness` is how much later than it was written a post may be known to it."""

    nsid: str
    params: tuple[tuple[str, str], ...]
    words: str  # for people, and for the record of where a post came from
    lateness: timedelta = timedelta()


class _NotOffered(Exception):
    """The server has no such search; `is_for_good`: nor will it have it."""

    def __init__(self, *, is_for_good: bool) -> None:
        super().__init__()
        self.is_for_good = is_for_good


class BlueskySearch:
    """Reads a tag through Bluesky's searches (TagReader).

    `searchPostsV2` asks by hashtag, all spellings at once, where a server has it; `searchPosts` asks by words. Neither is
    complete or quick to know a post, and their cursors shift as posts arrive. So a read asks for a fixed window, never keeps
    a cursor, overlaps the one before, and leaves it to the collector to match the tag again.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._asks_by_tag = True  # until the server says that it cannot

    def read_tag(self, tag: str, window: Window, checkpoint: str | None) -> Iterator[Page]:
        """Yield pages of what is new in `window` since `checkpoint`; the last page carries the new one."""
        now, budget = self._server.now(), _Budget(REQUESTS_PER_READ)
        since = max(window.opens_at, _read_checkpoint(checkpoint, window.opens_at) - OVERLAP)
        yield from self._pages(tag, _by_words(_tagged(tag)), replace(window, opens_at=since), budget)
        reached = max(min(now, window.closes_at, budget.unread_since or now), window.opens_at)
        yield Page(checkpoint=msgspec.json.encode(_Checkpoint(reached)).decode())

    def sweep_tag(self, tag: str, window: Window) -> Iterator[Page]:
        """Yield pages of the whole `window` again, by hashtag and by words. Also searches for the bare word: a tag typed
        without a facet is only text.
        """
        budget = _Budget(REQUESTS_PER_READ)
        yield from self._pages(tag, _by_words([*_tagged(tag), tag.lower()]), window, budget, is_sweep=True)

    def _pages(
        self, tag: str, by_words: Sequence[_Search], window: Window, budget: "_Budget", *, is_sweep: bool = False
    ) -> Iterator[Page]:
        met: set[tuple[PostRef, str | None]] = set()  # two spellings find the same posts
        if self._asks_by_tag:
            try:
                yield from self._found_by(_by_tag(_spellings(tag)), window, met, budget)
            except _NotOffered as refusal:
                self._asks_by_tag = not refusal.is_for_good
            else:
                by_words = by_words if is_sweep else ()
        for search in by_words:
            yield from self._found_by(search, window, met, budget)

    def _found_by(
        self, search: _Search, window: Window, met: set[tuple[PostRef, str | None]], budget: "_Budget"
    ) -> Iterator[Page]:
        closes_at = min(window.closes_at + search.lateness, self._server.now() + AHEAD)
        windows = [(window.opens_at, closes_at)] if window.opens_at < min(closes_at, window.closes_at) else []
        while windows and budget.requests_left > 0:
            since, until = windows.pop()
            read = _WindowRead(self._server, search, since, until)
            for page in read.pages(budget):
                fresh = tuple(seen for seen in page.posts if (seen.post.ref, seen.post.version) not in met)
                met.update((seen.post.ref, seen.post.version) for seen in fresh)
                yield replace(page, posts=fresh, query=search.words)
            if budget.requests_left <= 0:
                budget.stopped_at = since  # the older windows are through
                reason = f"search for {search.words} stopped after {REQUESTS_PER_READ} requests; the next one goes on"
                yield Page(skipped=(Skipped(reason, b""),))
                return
            middle = since + (until - since) / 2
            if read.is_too_big and until - since > SMALLEST_WINDOW:
                windows += [(middle, until), (since, middle)]  # the older half is read first
        budget.is_once_through |= not windows


@dataclass(slots=True)
class _Budget:
    requests_left: int
    stopped_at: datetime | None = None  # where it was spent before the end
    is_once_through: bool = False  # another spelling was read to its end, and finds the same

    @property
    def unread_since(self) -> datetime | None:
        return None if self.is_once_through else self.stopped_at


class _WindowRead:
    """Pages through one window of one search, and finds out whether the window was too big for that."""

    def __init__(self, server: Server, search: _Search, since: datetime, until: datetime) -> None:
        self._server = server
        self._search = search
        self._params = [
            *search.params,
            ("since", write_datetime(since)),
            ("until", write_datetime(until)),
            ("limit", str(PAGE_SIZE)),
        ]
        self.is_too_big = False

    def pages(self, budget: _Budget) -> Iterator[Page]:
        """Yield pages until the search ends or cannot go deeper. A cursor that comes again ends it too."""
        cursor: str | None = None
        cursors: set[str] = set()
        hits = empty_pages = 0
        while budget.requests_left > 0:
            budget.requests_left -= 1
            found = self._page(cursor)
            if found is None:
                self.is_too_big = True
                return
            yield Page(found.posts, found.skipped)
            count = len(found.posts) + len(found.skipped)
            hits += count
            empty_pages = 0 if count else empty_pages + 1
            cursor = found.cursor
            if cursor is None or cursor in cursors or empty_pages >= EMPTY_PAGES:
                return
            if hits >= HITS_PER_WINDOW or (found.hit_count or 0) > HITS_PER_WINDOW:
                self.is_too_big = True
                return
            cursors.add(cursor)

    def _page(self, cursor: str | None) -> ViewPage | None:
        """Return one page; None where the server refuses the cursor: too deep, or for signed-in readers only."""
        params = [*self._params, ("cursor", cursor)] if cursor else self._params
        reply = self._server.ask("GET", self._search.nsid, params=params)
        if not reply.is_success:
            is_of_method = reply.status not in MEANS_NOT_NOW and reply.error not in STALE_TOKEN
            if self._search.nsid == BY_TAG and cursor is None and is_of_method:
                raise _NotOffered(is_for_good=reply.status in MEANS_NEVER)
            error = refusal(reply, self._server.base_url, self._server.now())
            if cursor is not None and isinstance(error, Rejected | Unauthorized):
                return None
            raise error
        try:
            return decode_search_page(reply.body, self._server.now())
        except MALFORMED as error:
            raise failure(error, self._server.base_url, self._server.now()) from error


def _by_tag(spellings: Sequence[str]) -> _Search:
    """Return the question by hashtag. It goes by when a post was indexed, and sees only recent ones unless told otherwise."""
    tags = tuple(("hashtags", spelling) for spelling in spellings)
    words = " or ".join(f"#{spelling}" for spelling in spellings)
    return _Search(BY_TAG, (*tags, ("sort", "recent"), ("allTime", "true")), f"searchPostsV2 {words}", LATE)


def _by_words(spellings: Sequence[str]) -> list[_Search]:
    """Return the questions by words: of each spelling the tag, and what has no # the bare word."""
    return [
        _Search("app.bsky.feed.searchPosts", (("q", words), ("sort", "latest")), f"searchPosts {words}")
        for words in spellings
    ]


def _spellings(tag: str) -> list[str]:
    """Return how `tag` is searched for. Case should not matter, but for days in March 2026 only the lower-case one was
    found.
    """
    return list(dict.fromkeys([tag, tag.lower()]))


def _tagged(tag: str) -> list[str]:
    return [f"#{spelling}" for spelling in _spellings(tag)]


def _read_checkpoint(checkpoint: str | None, otherwise: datetime) -> datetime:
    try:
        return msgspec.json.decode(checkpoint, type=_Checkpoint).until if checkpoint else otherwise
    except MALFORMED:
        return otherwise
