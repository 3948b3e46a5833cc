"""Reads the RSS of a hashtag where its timeline is closed to us: a small door, which Mastodon keeps open for everybody.

It shows the newest posts only, in their words, time and address: not who wrote them, nor what those people wish. Posts of the
server itself are asked for by their number, and come whole where that is open. The others are stored as what their address
says; they are not shown, and are one with the post itself as soon as another source shows it (`domain.joins`). Source:
Mastodon 4.6 `tags_controller.rb`, `tags/show.rss.ruby`, `public_feed.rb`.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

from shareasm.domain.changes import Seen
from shareasm.domain.posts import Account, Network, PostRef, Visibility
from shareasm.domain.watches import NARROW
from shareasm.errors import Rejected, Unauthorized
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.pages import decode_list
from shareasm.networks.ports import Page, TagReader, Window

NEWEST = 200
"""Posts that it shows at most; there is no second page."""

ADDRESS_LIMIT = 2048  # characters of an address that names a post

SEES_LITTLE = (
    f"{NARROW}: its timelines are closed to strangers, and a tag's RSS shows the {NEWEST} newest posts, most of them without "
    "what their authors wish; name one of your accounts there at this source in campaign.yaml (account: …)"
)

NUMBERS_AT_ONCE = 20
"""Ids of one question; Mastodon answers 422 to more."""

OpenFeed = Callable[[str], TagReader]
"""Makes a reader of the feed at an address."""


class TagFeed:
    """The hashtags' feeds of one server. Remembers which of its posts came whole, so that each is asked for once."""

    def __init__(self, api: Api, open_feed: OpenFeed) -> None:
        self._api = api
        self._open_feed = open_feed
        self._feeds: dict[str, TagReader] = {}
        self._whole: set[str] = set()
        self._is_open: bool | None = None
        self._own_post = re.compile(rf"{re.escape(api.server)}/@[\w.-]+/(\d{{1,30}})")

    def is_open(self) -> bool:
        """Return False where the server says itself that strangers see nothing here: its feed would be empty for ever."""
        if self._is_open is None:
            self._is_open = self._ask_whether_open()
        return self._is_open

    def _ask_whether_open(self) -> bool:
        try:
            found: object = self._api.get_object("/api/v2/instance")
        except (Rejected, Unauthorized):
            return True  # it does not say
        for name in ("configuration", "timelines_access", "hashtag_feeds"):
            found = found.get(name) if isinstance(found, dict) else None
        return not isinstance(found, dict) or "public" in found.values()

    def read(self, tag: str, window: Window, checkpoint: str | None) -> Iterator[Page]:
        """Yield what the feed shows, if it has changed since the checkpoint. Raises Rejected where there is none."""
        for page in self._feed(tag).read_tag(tag, window, checkpoint):
            yield self._page(page, tag, self._whole)

    def sweep(self, tag: str, window: Window) -> Iterator[Page]:
        """Yield all that the feed shows."""
        for page in self._feed(tag).sweep_tag(tag, window):
            yield self._page(page, tag, frozenset())

    def _feed(self, tag: str) -> TagReader:
        url = f"{self._api.server}/tags/{quote(tag.lstrip('#＃'), safe='')}.rss?limit={NEWEST}"
        return self._feeds.setdefault(url, self._open_feed(url))

    def _page(self, page: Page, tag: str, known: Collection[str]) -> Page:
        own = {item.post.url: match[1] for item in page.posts if (match := self._own_post.fullmatch(item.post.url))}
        asked = [number for number in own.values() if number not in known]
        whole = {item.local_id: item for item in self._ask(asked)}
        self._whole |= whole.keys()
        others = [item for item in page.posts if own.get(item.post.url, "") not in self._whole]
        bare = [_bare(item) for item in others if len(item.post.url) <= ADDRESS_LIMIT]
        return replace(page, posts=(*whole.values(), *bare), query=f"#{tag} by RSS")

    def _ask(self, numbers: Sequence[str]) -> Iterator[Seen]:
        """Yield the server's own posts of these numbers, as far as it shows them to strangers."""
        for start in range(0, len(numbers), NUMBERS_AT_ONCE):
            query = [("id[]", number) for number in numbers[start : start + NUMBERS_AT_ONCE]]
            try:
                decoded = decode_list(self._api, self._api.get("/api/v1/statuses", query))
            except (Rejected, Unauthorized, ValueError):
                return
            yield from (seen for seen in decoded.posts if seen.post.visibility is Visibility.PUBLIC)


def _bare(item: Seen) -> Seen:
    """Return an entry as the post at its address. Who wrote it is not said; the address names its server, at times them."""
    url = item.post.url
    site = urlsplit(url)
    name = re.match(r"/@([\w.-]{1,100})/", site.path)
    home = f"{site.scheme}://{site.netloc}/"
    post = replace(
        item.post,
        ref=PostRef(Network.MASTODON, url),
        author=Account(
            Network.MASTODON,
            ref=f"{home}@{name[1]}" if name else home,
            handle=f"{name[1]}@{site.netloc}" if name else site.netloc,
            name="",
            url=f"{home}@{name[1]}" if name else home,
        ),
        media=(),
        card=None,
        bridged_from=url,  # what is told here is a copy of what stands there
    )
    return Seen(post, item.raw, url, is_complete=False)


def is_of_a_feed(local_id: str) -> bool:
    """Return whether a source knows a post by its address alone, so that it cannot be asked about it."""
    return "://" in local_id
