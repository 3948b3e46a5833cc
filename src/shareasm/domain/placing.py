"""Where each post stands on our pages, for ever: an anchor made from its identity, and a page of the whole day.

A small day is one page, "1". In a large one each hour of the window has its own, "9" for the ninth, and a full hour further
ones, "9-2". Once the day is over a post keeps the page that it was on: what goes leaves its place empty, and what comes late
takes room where there is some. Links to posts hold (docs/notes/why-posts-keep-their-address.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo

from shareasm.domain.campaigns import Campaign
from shareasm.domain.posts import Network as Network
from shareasm.domain.posts import Post, PostRef

POSTS_PER_PART = 200
"""Posts on one page of the whole day: measured 0.23 s of a browser's main thread (docs/benchmarks.md)."""

WEIGHT_PER_PART = 270_000
"""Bytes of HTML on one page of the whole day, as `_weight` reckons them: a page stays under 300 kB."""

Stood = Mapping[str, str]
"""The anchor of every post that a recap of the day ever showed → the page that it was on."""


@lru_cache(1024)
def anchor_of(ref: PostRef) -> str:
    """Return the HTML id of a post, the same for ever.

    >>> anchor_of(PostRef(Network.BLUESKY, "at://did:plc:a/app.bsky.feed.post/3k"))
    'p-7eb53d4a90e9'
    """
    return "p-" + blake2b(f"{ref.network} {ref.uri}".encode(), digest_size=6).hexdigest()


def hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which the local hour of `at` began; some zones are half an hour beside UTC's hours."""
    local = at.astimezone(zone)
    return at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def hour_page(page: str) -> str:
    """Return the first page of the hour that a page belongs to.

    >>> hour_page("9-2"), hour_page("9")
    ('9', '9')
    """
    return page.partition("-")[0]


@dataclass(slots=True)
class _Room:
    """What a page holds already."""

    count: int = 0
    weight: int = 0

    def takes(self, weight: int) -> bool:
        return not self.count or (self.count < POSTS_PER_PART and self.weight + weight <= WEIGHT_PER_PART)

    def put(self, weight: int) -> None:
        self.count += 1
        self.weight += weight


def place(campaign: Campaign, posts: Sequence[Post], kept: Stood) -> list[str]:
    """Return the page of each of `posts`, which come in order of time; those in `kept` stay where they are."""
    places = [kept.get(anchor_of(post.ref)) for post in posts] if kept else [None] * len(posts)
    rooms: dict[str, _Room] = {}
    for post, held in zip(posts, places, strict=True):
        if held is not None:
            rooms.setdefault(held, _Room()).put(_weight(post))
    is_small = _fits_one(posts) if not rooms else all(hour_page(page) == "1" for page in rooms)
    first = hour_of(campaign.opens_at, campaign.zone)
    last: dict[str, str] = {}  # hour's first page → the page that its last post so far is on
    pages = []
    for post, held in zip(posts, places, strict=True):
        page = held
        if page is None:
            hour, weight = "1" if is_small else _hour(post, campaign, first), _weight(post)
            page = _with_room(last.get(hour, hour), weight, rooms)
            rooms.setdefault(page, _Room()).put(weight)
        last[hour_page(page)] = page
        pages.append(page)
    return pages


def _fits_one(posts: Sequence[Post]) -> bool:
    return len(posts) <= POSTS_PER_PART and sum(map(_weight, posts)) <= WEIGHT_PER_PART


def _hour(post: Post, campaign: Campaign, first: datetime) -> str:
    return str(max((hour_of(post.created_at, campaign.zone) - first) // timedelta(hours=1) + 1, 1))


def _with_room(page: str, weight: int, rooms: Mapping[str, _Room]) -> str:
    while page in rooms and not rooms[page].takes(weight):
        hour, _, number = page.partition("-")
        page = f"{hour}-{int(number or 1) + 1}"
    return page


def in_order(page: str) -> tuple[int, int]:
    """Return what pages are put in order by.

    >>> sorted(["10", "9-2", "9-10", "9"], key=in_order)
    ['9', '9-2', '9-10', '10']
    """
    hour, _, number = page.partition("-")
    return int(hour), int(number or 1)


def _weight(post: Post) -> int:
    """Return about how many bytes a post takes on a page, rather more than fewer."""
    extras = 900 * len(post.media) + 700 * (post.card is not None) + 700 * (post.poll is not None)
    return 1300 + len(post.html.encode()) + 3 * len(post.author.name.encode()) + extras
