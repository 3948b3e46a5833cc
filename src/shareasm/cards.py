"""Cards: the pages that the plan links to, looked at before the day and kept, each with its picture made ready.

    plan ──card_urls──► addresses ──StrangerClient──► page ──read_page──► words ──► row     (check --online, plan apply)
    row ──complete──► draft ──► queue row                                                  (whenever a plan is loaded)

The second line asks no network. One page at a time is asked for on each host, and a host that does not answer is asked once.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import Engine

from shareasm.domain.cards import PageCard
from shareasm.domain.pages import read_page
from shareasm.domain.pictures import Refusal
from shareasm.domain.richtext import url_host
from shareasm.pictures import prepare_bytes, shelve
from shareasm.storage import cards
from shareasm.storage.engine import reading, transaction
from shareasm.strangers import Fetched, StrangerClient

GOOD_FOR = timedelta(days=7)
REFUSED_FOR = timedelta(hours=1)
HOSTS_AT_ONCE = 6
SMALLEST_THUMB = 48  # pixels of the shorter side: less is a counter or an icon


@dataclass(frozen=True, slots=True)
class ThumbLimits:
    """What Bluesky takes as a card's picture: 1,000,000 bytes (lexicon app.bsky.embed.external), with room to spare."""

    image_bytes: int = 976_000
    image_side: int = 1200


@dataclass(frozen=True, slots=True)
class Album:
    """Where cards are kept, and who looks at pages."""

    engine: Engine
    folder: Path  # of the pictures
    strangers: StrangerClient
    now: Callable[[], datetime]


class Looked(NamedTuple):
    """What came of looking at one address now."""

    url: str
    refusal: Refusal | None = None
    leads_to: str = ""  # where it was found in the end
    content_type: str = ""
    card: PageCard | None = None  # as it is kept now


Tell = Callable[[Looked], None]


def fetch_missing(album: Album, urls: Iterable[str], tell: Tell = lambda _: None) -> list[Looked]:
    """Look at those of `urls` that are unknown or were not looked at lately, and keep what they say. Never raises for a page.

    Good cards are kept for a week; what did not answer is asked again after an hour. `tell` hears of each, one at a time.
    """
    wanted = list(dict.fromkeys(urls))
    with reading(album.engine) as connection:
        known = cards.find(connection, wanted)
    now = album.now()
    return fetch(album, [url for url in wanted if not _is_fresh(known.get(url), now, album.folder)], tell)


def _is_fresh(card: PageCard | None, now: datetime, folder: Path) -> bool:
    if card is None or (card.thumb and not (folder / card.thumb).is_file()):
        return False
    return now - card.fetched_at < (REFUSED_FOR if card.refusal else GOOD_FOR)


def fetch(album: Album, urls: Iterable[str], tell: Tell = lambda _: None) -> list[Looked]:
    """Look at all of `urls` now, and keep what they say; in the order of `urls`. Never raises for a page."""
    by_host: dict[str, list[str]] = defaultdict(list)
    wanted = list(dict.fromkeys(urls))
    for url in wanted:
        by_host[url_host(url)].append(url)
    visit = _Visit(album, tell)
    with ThreadPoolExecutor(HOSTS_AT_ONCE, "cards") as pool:
        found = {looked.url: looked for batch in pool.map(visit.host, by_host.values()) for looked in batch}
    return [found[url] for url in wanted]


class _Visit:
    """One round of looking at pages, several hosts at a time."""

    def __init__(self, album: Album, tell: Tell) -> None:
        self._album = album
        self._tell = tell
        self._turn = threading.Lock()  # for telling, and for the store
        self._hosts: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def host(self, urls: Sequence[str]) -> list[Looked]:
        """Look at the pages of one host, one after the other; where it does not answer, only at the first."""
        looked: list[Looked] = []
        silence: Refusal | None = None
        for url in urls:
            page = silence or self._ask(url, self._album.strangers.open_page)
            if isinstance(page, Refusal) and page.is_silence:
                silence = page
            looked.append(self._keep(url, page))
        return looked

    def _ask(self, url: str, ask: Callable[[str], Fetched | Refusal]) -> Fetched | Refusal:
        host = url_host(url)
        with self._turn:
            lock = self._hosts[host] if host else None
        with lock or nullcontext():
            return ask(url)

    def _keep(self, url: str, page: Fetched | Refusal) -> Looked:
        if isinstance(page, Refusal):
            card = PageCard(self._album.now(), refusal=page.reason)
            looked = Looked(url, page)
        else:
            card = self._card(page)
            looked = Looked(url, leads_to=page.url, content_type=page.content_type)
        with self._turn:
            with transaction(self._album.engine) as connection:
                card = _with_what_was(card, cards.find(connection, [url]).get(url))
                cards.put(connection, url, card)
            self._tell(looked := looked._replace(card=card))
        return looked

    def _card(self, page: Fetched) -> PageCard:
        """Return what a page says of itself; what is no page, such as a PDF, says nothing."""
        said = read_page(page.data, page.url, page.charset)
        thumb = self._thumb(said.image) if said.image else None
        return PageCard(self._album.now(), said.title, said.description, thumb)

    def _thumb(self, url: str) -> str | None:
        fetched = self._ask(url, self._album.strangers.fetch)
        picture = fetched if isinstance(fetched, Refusal) else prepare_bytes(fetched.data, ThumbLimits())
        if isinstance(picture, Refusal) or min(picture.width, picture.height) < SMALLEST_THUMB:
            return None
        return shelve(picture, self._album.folder)


def _with_what_was(card: PageCard, before: PageCard | None) -> PageCard:
    """Return `card`, with what was known before where its page does not answer now."""
    return replace(before, refusal=card.refusal, fetched_at=card.fetched_at) if card.refusal and before else card
