"""Reading Mastodon: the bytes of a timeline's page become clean posts, against the library's own conversion alone.

Both get the same pages of 40 statuses, 3.2 kB each. Mastodon.py only parses and converts; ours also sanitises the HTML, derives
the plain text, folds the hashtags and keeps each status's own bytes. Claim: 25 × Mastodon.py and more.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

from mastodon.return_types import NonPaginatableList, Status
from mastodon.types_base import try_cast_recurse
from race import Claim, Spent, per_second, race_both, rounds, spent, table, tell
from workload import SERVER, statuses

from shareasm.domain.changes import Seen
from shareasm.networks.mastodon.translate import decode_page

PAGE_SIZE = 40
PAGES = 50
PAGES_OF_MASTODON_PY = 5

OURS, LIBRARY, BARE = "ours: clean posts", "Mastodon.py: its own entities", "json.loads: dictionaries"


def main() -> None:
    turns = rounds()
    assert_the_same(next(pages(1)))
    seeds = count(2)  # other people and other links in each run: what ours remembers of one is of no use in the next
    taken = race_both(
        {
            OURS: lambda: per_status(ours, pages(PAGES, next(seeds))),
            LIBRARY: lambda: per_status(mastodon_py, pages(PAGES_OF_MASTODON_PY)),
            BARE: lambda: per_status(json.loads, pages(PAGES)),
        },
        turns,
    )
    rates = [(name, *(per_second(1, seconds) for seconds in each)) for name, each in taken.items()]
    table(("way", "statuses a second", "by processor time"), *rates)
    tell(
        Claim(
            "bytes to clean posts, against Mastodon.py's conversion alone",
            taken[LIBRARY].clock / taken[OURS].clock,
            25,
            "×",
        ),
        Claim("the same by processor time", taken[LIBRARY].processor / taken[OURS].processor, 25, "×"),
    )


def pages(number: int, seed: int = 1) -> Iterator[bytes]:
    made = statuses(number * PAGE_SIZE, seed)
    for start in range(0, len(made), PAGE_SIZE):
        yield json.dumps(made[start : start + PAGE_SIZE], ensure_ascii=False).encode()


def per_status(read: Callable[[bytes], list[Any]], pages: Iterable[bytes]) -> Spent:
    bodies = list(pages)
    counts: list[int] = []
    taken = spent(lambda: counts.extend(len(read(page)) for page in bodies))
    assert counts == [PAGE_SIZE] * len(bodies)
    return taken.each(sum(counts))


def ours(page: bytes) -> list[Seen]:
    """Read a page as the collector does."""
    return decode_page(page, SERVER).posts


def mastodon_py(page: bytes) -> list[Any]:
    """Read a page as the library does behind `timeline_hashtag`: requests' JSON, then the cast."""
    converted = try_cast_recurse(NonPaginatableList[Status], json.loads(page))
    assert isinstance(converted[0], Status)
    return list(converted)


def assert_the_same(page: bytes) -> None:
    """Hold both to the same posts, in the same order."""
    for seen, status in zip(ours(page), mastodon_py(page), strict=True):
        post = seen.post
        assert (post.ref.uri, post.url, post.created_at) == (status.uri, status.url, status.created_at)
        assert (seen.local_id, post.author.ref, post.counts.likes) == (
            status.id,
            status.account.uri,
            status.favourites_count,
        )
        assert [media.url for media in post.media] == [attachment.url for attachment in status.media_attachments]
        assert [tag.label.lower() for tag in post.hashtags] == [tag.name for tag in status.tags]
        assert json.loads(seen.raw)["content"] == status.content


if __name__ == "__main__":
    main()
