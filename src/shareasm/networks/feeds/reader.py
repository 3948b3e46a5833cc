"""Reading a partner's feed: its entries that carry a tag, or all of them (TagReader, PostChecker).

A feed is made to be fetched by programs; it is asked with what it gave us last (RFC 9110, conditional requests), so that an
unchanged one costs its server next to nothing.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic

import httpx
import msgspec

from shareasm.domain.changes import Gone, Seen
from shareasm.domain.patience import fresh_for
from shareasm.domain.posts import PostRef
from shareasm.domain.richtext import fold_hashtag
from shareasm.domain.robots import Notices
from shareasm.errors import NetworkError, NotThere, RateLimited, Rejected, StayAway, Unreachable
from shareasm.networks.feeds.translate import Feed, NoFeed, read_feed
from shareasm.networks.ports import Page, Rest, Window

MOST_BYTES = 5_000_000
TIMEOUT = httpx.Timeout(30, connect=10)
TOTAL_S = 60.0
"""Seconds that reading a feed may take in all, however steadily it drips: the end of the day waits for its last look."""
LEAST_REST = timedelta(minutes=2)
WAIT = timedelta(minutes=5)  # where a server asks for patience without saying how long


class Mark(msgspec.Struct, frozen=True):
    """What a feed gave us last, as a checkpoint."""

    etag: str = ""
    modified: str = ""


class FeedReader:
    """Reads one feed. With `takes_all` every entry of the window belongs, with or without a tag."""

    def __init__(
        self,
        url: str,
        *,
        takes_all: bool,
        language: str | None,
        user_agent: str,
        now: Callable[[], datetime],
        notices: Notices | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`notices`: what servers write in their robots.txt; None: it is not asked for."""
        self._notices = notices
        self._fresh_until: datetime | None = None
        self._url = url
        self._takes_all = takes_all
        self._language = language
        self._now = now
        self._client = httpx.Client(
            timeout=TIMEOUT,
            follow_redirects=True,
            max_redirects=5,
            headers={
                "User-Agent": user_agent,
                "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9",
            },
            transport=transport,
            event_hooks={"response": [partial(_stay_with_the_host, url)]},
        )
        weakref.finalize(self, self._client.close)

    def read_tag(self, tag: str, window: Window, checkpoint: str | None) -> Iterator[Page]:
        """Yield the entries of `window` under `tag`, if the feed has changed since the checkpoint."""
        feed, mark = self._fetch(_read_mark(checkpoint))
        if feed is not None:
            yield self._page(feed, tag, window, msgspec.json.encode(mark).decode())

    def sweep_tag(self, tag: str, window: Window) -> Iterator[Page]:
        """Yield the entries of `window` under `tag`, changed or not."""
        feed, _ = self._fetch(Mark())
        if feed is not None:
            yield self._page(feed, tag, window, None)

    def check(self, refs: Sequence[tuple[PostRef, str]]) -> Mapping[PostRef, Seen | Gone]:
        """Return the entries as the feed has them now.

        A feed shows its newest entries only: that an old one is missing says nothing, so it is left out, not called gone.
        """
        feed, _ = self._fetch(Mark())
        wanted = {ref for ref, _ in refs}
        return {item.post.ref: item for item in feed.seen if item.post.ref in wanted} if feed else {}

    def rest(self) -> Rest | None:
        """Return how long to leave the feed in peace: as long as caches keep it, and two minutes at least (Paced)."""
        return Rest(self._fresh_until) if self._fresh_until else None

    def posts_a_minute(self) -> float:
        """Return a number that hinders nobody: one answer has them all (Paced)."""
        return 1e6

    def _page(self, feed: Feed, tag: str, window: Window, checkpoint: str | None) -> Page:
        name = fold_hashtag(tag)
        inside = [item for item in feed.seen if window.opens_at <= item.post.created_at < window.closes_at]
        tagged = [item for item in inside if self._takes_all or any(one.name == name for one in item.post.hashtags)]
        return Page(posts=tuple(tagged), skipped=feed.skipped, checkpoint=checkpoint)

    def _fetch(self, mark: Mark) -> tuple[Feed | None, Mark]:
        """Return the feed and what it gives us to ask with next time; no feed where it has not changed."""
        self._heed_robots()
        headers = {
            name: value for name, value in (("If-None-Match", mark.etag), ("If-Modified-Since", mark.modified)) if value
        }
        try:
            with self._client.stream("GET", self._url, headers=headers) as response:
                kept_for = fresh_for(response.headers.get("cache-control", ""), response.headers.get("age", ""))
                self._fresh_until = self._now() + max(kept_for, LEAST_REST)
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return None, mark
                if not response.is_success:
                    raise self._refusal(response)
                data = self._bounded(response)
                fresh = Mark(_returnable(response, "etag", 500), _returnable(response, "last-modified", 100))
        except httpx.HTTPError as error:
            raise Unreachable("the feed does not answer", server=self._url) from error
        try:
            return read_feed(data, self._url, self._now(), self._language), fresh
        except NoFeed as finding:
            raise Rejected(f"this is no feed: {finding}", server=self._url) from finding

    def _heed_robots(self) -> None:
        """Raise StayAway where the feed's server does not want programs to fetch it, though a feed is made for them."""
        if self._notices is None:
            return
        robots = self._notices.of(self._url, self._read_robots)
        if robots is None:
            raise Unreachable("its robots.txt cannot be read, so the feed is not", server=self._url)
        if not robots.allows(self._url):
            raise StayAway("its robots.txt asks programs not to read this feed: ask its owner", server=self._url)

    def _read_robots(self, url: str) -> tuple[int, bytes] | None:
        try:
            with self._client.stream("GET", url) as response:
                return response.status_code, self._bounded(response)
        except (httpx.HTTPError, Unreachable):
            return None
        except Rejected:
            return 404, b""  # it leads elsewhere, or has no end: that is no robots.txt

    def _bounded(self, response: httpx.Response) -> bytes:
        data, give_up_at = bytearray(), monotonic() + TOTAL_S
        for piece in response.iter_bytes():
            data += piece
            if len(data) > MOST_BYTES:
                raise Rejected(f"the feed has more than {MOST_BYTES // 1_000_000} MB", server=self._url)
            if monotonic() > give_up_at:
                raise Unreachable("the feed does not end", server=self._url)
        return bytes(data)

    def _refusal(self, response: httpx.Response) -> NetworkError:
        words = f"the feed answers {response.status_code}"
        if response.status_code in {429, 503}:
            return RateLimited(words, server=self._url, until=self._until(response.headers.get("retry-after", "")))
        if response.status_code >= 500:
            return Unreachable(words, server=self._url)
        is_missing = response.status_code in {404, 410}
        return (NotThere if is_missing else Rejected)(words, server=self._url)

    def _until(self, words: str) -> datetime:
        now = self._now()
        if words.isascii() and words.isdigit():
            return now + timedelta(seconds=min(int(words), 3600))
        try:
            return min(max(parsedate_to_datetime(words).astimezone(UTC), now), now + timedelta(hours=1))
        except (ValueError, TypeError):
            return now + WAIT


def _stay_with_the_host(url: str, response: httpx.Response) -> None:
    """Follow a feed to another path or scheme, but to no other host: that could be any, also one inside our own network."""
    if not response.has_redirect_location:
        return
    try:
        target = response.request.url.join(response.headers["location"])
    except httpx.InvalidURL as error:
        raise Rejected("the feed has moved to an address that is none", server=url) from error
    if _site(target) != _site(response.request.url):
        words = f"the feed has moved to {target.host}: write its new address in campaign.yaml"
        raise Rejected(words, server=url)


def _returnable(response: httpx.Response, name: str, longest: int) -> str:
    """Return a header that is to be sent back; "" where it could not be."""
    value = response.headers.get(name, "")
    return value if value.isascii() and value.isprintable() and len(value) <= longest else ""


def _site(url: httpx.URL) -> str:
    return url.host.removeprefix("www.")


def _read_mark(checkpoint: str | None) -> Mark:
    try:
        return msgspec.json.decode(checkpoint, type=Mark) if checkpoint else Mark()
    except msgspec.DecodeError:
        return Mark()
