"""Cards: the pages that the plan links to, looked at before the day and kept, each with its picture made ready.

    plan ──card_urls──► addresses ──StrangerClient──► page ──read_page──► words ──► row     (check --online, plan apply)
    row ──complete──► draft ──► queue row                                                  (whenever a plan is loaded)

The second line asks no network. In the first, one page at a time is asked for on each host, and a host that does not answer is
asked once. Who looks at every link of a plan also learns which lead nowhere (`findings`).
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy.engine import Engine

from shareasm.campaign_files import Finding, Loaded, Place, Severity
from shareasm.domain.cards import PageCard, card_urls, linked_urls
from shareasm.domain.pages import read_page
from shareasm.domain.pictures import Refusal
from shareasm.domain.queue import EntryKey, plan_entries
from shareasm.domain.richtext import url_host
from shareasm.domain.schedules import Slot
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

    Good cards are kept for a week; what did not answer is asked again after an hour. `tell`
    hears of each that was asked, one at a time.
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
            if silence:
                looked.append(self._keep(url, silence))
                continue
            page = self._ask(url, self._album.strangers.open_page)
            looked.append(self._keep(url, page))
            with self._turn:
                self._tell(looked[-1])
            if isinstance(page, Refusal) and page.is_silence:
                silence = page
        return looked

    def _ask(self, url: str, ask: Callable[[str], Fetched | Refusal]) -> Fetched | Refusal:
        host = url_host(url)
        with self._turn:
            lock = self._hosts[host] if host else None
        with lock or nullcontext():
            return ask(url)

    def _keep(self, url: str, page: Fetched | Refusal) -> Looked:
        with reading(self._album.engine) as connection:
            before = cards.find(connection, [url]).get(url) or PageCard(self._album.now())
        if isinstance(page, Refusal):  # what it said before still holds
            looked = Looked(url, page)
            card = replace(before, refusal=page.reason, fetched_at=self._album.now())
        else:
            looked = Looked(url, leads_to=page.url, content_type=page.content_type)
            card = self._card(page, before)
        with self._turn, transaction(self._album.engine) as connection:
            cards.put(connection, url, card)
        return looked._replace(card=card)

    def _card(self, page: Fetched, before: PageCard) -> PageCard:
        """Return what a page says of itself; what is no page, such as a PDF, says nothing."""
        said = read_page(page.data, page.url, page.charset)
        thumb = self._thumb(said.image, before) if said.image else None
        return PageCard(self._album.now(), said.title, said.description, thumb)

    def _thumb(self, url: str, before: PageCard) -> str | None:
        """Return the name of the page's picture, made ready; of the one before where its host does not answer now."""
        fetched = self._ask(url, self._album.strangers.fetch)
        if isinstance(fetched, Refusal):
            return before.thumb if fetched.is_silence or (fetched.status or 0) >= 500 else None
        picture = prepare_bytes(fetched.data, ThumbLimits())
        if isinstance(picture, Refusal) or min(picture.width, picture.height) < SMALLEST_THUMB:
            return None
        return shelve(picture, self._album.folder)


# ---- what a team should know -------------------------------------------------------------------------------------------

_IDENTIFIERS = frozenset(
    {
        "doi.org",
        "dx.doi.org",
        "hdl.handle.net",
        "handle.net",
        "purl.org",
        "w3id.org",
        "n2t.net",
        "ark.cnrs.fr",
        "urn.fi",
    }
)
"""Hosts whose addresses are made to lead elsewhere: what a publication should be cited by."""


def findings(loaded: Loaded, looked: Iterable[Looked]) -> Iterator[Finding]:
    """Yield what is wrong with the addresses of a plan: pages that are not there, hosts that do not answer, moved ones.

    Errors are what no reader can open. What may be our own connection's fault, or refuses programs alone, is a warning.
    """
    if loaded.campaign is None or loaded.schedule is None:
        return
    planned = plan_entries(loaded.campaign, loaded.schedule)
    posts, shown = linked_urls(planned), set(card_urls(planned))
    slots = {slot.id: slot for slot in loaded.schedule.slots}
    silent: set[str] = set()
    for one in looked:
        slot = slots[posts[one.url].slot]
        host = url_host(one.url)
        told = _judged(one, host, _where(one.url, slot), is_host_told=host in silent)
        if told is None and one.url in shown and one.url == slot.link:
            told = _untitled(one)
        if told:
            place = _place(one.url, posts[one.url], slot, loaded)
            yield Finding(told.severity, place, told.message, told.cure)
        if one.refusal and one.refusal.is_silence:
            silent.add(host)


class _Told(NamedTuple):
    severity: Severity
    message: str
    cure: str


def _judged(one: Looked, host: str, where: str, *, is_host_told: bool) -> _Told | None:
    if refusal := one.refusal:
        if refusal.is_silence:
            cure = "Is this computer online? If it is, open the address in a browser."
            message = f"{host} gives no answer, so its pages could not be looked at ({refusal.reason})."
            return None if is_host_told else _Told(Severity.WARNING, message, cure)
        if refusal.is_private:
            message = f"Nobody outside can open {one.url}: {refusal.reason}."
            return _Told(Severity.ERROR, message, f"Write {where} the address that the public uses.")
        if refusal.status in {404, 410}:
            message = f"There is no page at {one.url} ({refusal.status})."
            return _Told(Severity.ERROR, message, f"Look it up, and write {where} where it is now.")
        message = f"{one.url} could not be looked at: {refusal.reason}."
        return _Told(
            Severity.WARNING, message, "Open it in a browser; some sites let only people in, then all is well."
        )
    return _moved(one, host, where)


def _untitled(one: Looked) -> _Told | None:
    """Return what to say of a bare link whose card would show its address in place of a title, as that of a PDF does."""
    if one.refusal or (one.card and one.card.title):
        return None
    message = (
        f"{one.url} says no title for its card on Bluesky ({one.content_type or 'no type'}): its address stands there."
    )
    return _Told(
        Severity.WARNING, message, "Give it one: describe it under “resources” in campaign.yaml, and name it here."
    )


def _moved(one: Looked, host: str, where: str) -> _Told | None:
    """Return what to say of a page that was found elsewhere than where the plan says."""
    if _site(host) != _site(url_host(one.leads_to)) and host not in _IDENTIFIERS:
        message = f"{one.url} leads to another site: {one.leads_to}"
        return _Told(
            Severity.WARNING, message, f"If that is right, write that address {where}: readers see where they go."
        )
    if urlsplit(one.url).path.strip("/") and not urlsplit(one.leads_to).path.strip("/"):
        message = f"{one.url} leads to the site's first page: the page itself seems to be gone."
        return _Told(Severity.WARNING, message, f"Look it up, and write {where} where it is now.")
    return None


def _site(host: str) -> str:
    """Return a host as it is compared: without www., in the letters of the name system."""
    with suppress(UnicodeError):
        host = host.encode("idna").decode("ascii")
    return host.removeprefix("www.")


def _where(url: str, slot: Slot) -> str:
    is_resource = slot.resource and slot.link != url
    return f"under “{slot.resource}” in campaign.yaml" if is_resource else "here"


def _place(url: str, post: EntryKey, slot: Slot, loaded: Loaded) -> Place:
    if slot.link == url or slot.resource:
        return loaded.places.key(slot.id, "link" if slot.link == url else "resource")
    assert loaded.campaign
    return loaded.places.text(post.slot, post.part, post.language, loaded.campaign.account(post.account).network)
