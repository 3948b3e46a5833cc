"""Reading Mastodon: the bytes of a timeline's page become clean posts, against the library's own conversion alone.

Both get the same pages of 40 statuses, 3.2 kB each. Mastodon.py only parses and converts; ours also sanitises the HTML, derives
the plain text, folds the hashtags and keeps each status's own bytes. Claim: 25 × Mastodon.py and more.
"""

import json
from collections.abc import Callable
from typing import Any

from mastodon.return_types import NonPaginatableList, Status
from mastodon.types_base import try_cast_recurse
from race import Claim, per_second, race, rounds, table, tell, timed
from workload import SERVER, statuses

from shareasm.domain.changes import Seen
from shareasm.networks.mastodon.translate import decode_page

PAGE_SIZE = 40
PAGES = 50
PAGES_OF_MASTODON_PY = 5

OURS, LIBRARY, BARE = "ours: clean posts", "Mastodon.py: its own entities", "json.loads: dictionaries"


def main() -> None:
    turns = rounds()
    made = statuses(PAGES * PAGE_SIZE)
    pages = [
        json.dumps(made[start : start + PAGE_SIZE], ensure_ascii=False).encode()
        for start in range(0, len(made), PAGE_SIZE)
    ]
    assert_the_same(pages[0])
    medians = race(
        {
            OURS: lambda: per_status(ours, pages),
            LIBRARY: lambda: per_status(mastodon_py, pages[:PAGES_OF_MASTODON_PY]),
            BARE: lambda: per_status(json.loads, pages),
        },
        turns,
    )
    table(("way", "statuses a second"), *((name, per_second(1, seconds)) for name, seconds in medians.items()))
    tell(
        Claim("bytes to clean posts, against Mastodon.py's conversion alone", medians[LIBRARY] / medians[OURS], 25, "×")
    )


def per_status(read: Callable[[bytes], list[Any]], pages: list[bytes]) -> float:
    counts: list[int] = []
    seconds = timed(lambda: counts.extend(len(read(page)) for page in pages))
    assert counts == [PAGE_SIZE] * len(pages)
    return seconds / sum(counts)


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
