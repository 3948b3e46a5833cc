"""Link cards: what pages that we link to say of themselves, put into the drafts that show it. Pure.

Bluesky shows the card that its author made; Mastodon's servers make their own. So pages are read before the day, and
drafts are completed from what was kept: the day itself depends on no third site.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shareasm.domain.pages import DESCRIPTION_LENGTH
from shareasm.domain.posts import Network
from shareasm.domain.queue import DraftCard, EntryKey, PlannedEntry
from shareasm.domain.richtext import find_urls, truncate


@dataclass(frozen=True, slots=True)
class PageCard:
    """What is kept of one page. Where it does not answer any more, what it said before stays, beside the refusal."""

    fetched_at: datetime
    title: str | None = None
    description: str | None = None
    thumb: str | None = None  # name of the prepared picture in the folder of cards
    refusal: str | None = None  # why it could not be read the last time


def card_urls(planned: Iterable[PlannedEntry]) -> list[str]:
    """Return the addresses that need a card of ours, in the plan's order, each once."""
    return list(dict.fromkeys(entry.draft.card.url for entry in planned if _needs_card(entry) and entry.draft.card))


def linked_urls(planned: Iterable[PlannedEntry]) -> dict[str, EntryKey]:
    """Return every address that a reader of the day may follow, and the first post that has it: in a card or in its words."""
    found: dict[str, EntryKey] = {}
    for entry in planned:
        for url in (*((entry.draft.card.url,) if entry.draft.card else ()), *find_urls(entry.draft.text)):
            found.setdefault(url, entry.key)
    return found


def complete(planned: Iterable[PlannedEntry], known: Mapping[str, PageCard]) -> list[PlannedEntry]:
    """Return `planned` with cards that say what their pages say, as far as they are `known`.

    What the team wrote stays: a resource's title, and whose work it is, before the page's own description. The picture is
    the page's, and where the plan has nothing but an address, so is the title.
    """
    return [_completed(entry, known) for entry in planned]


def _completed(entry: PlannedEntry, known: Mapping[str, PageCard]) -> PlannedEntry:
    card = entry.draft.card
    page = known.get(card.url) if card and _needs_card(entry) else None
    if card is None or page is None:
        return entry
    return replace(entry, draft=replace(entry.draft, card=_merged(card, page)))


def _merged(card: DraftCard, page: PageCard) -> DraftCard:
    has_own_title = card.title != card.url
    return DraftCard(
        url=card.url,
        title=card.title if has_own_title else page.title or card.title,
        description=truncate(" · ".join(filter(None, (card.description, page.description))), DESCRIPTION_LENGTH),
        thumb=page.thumb or card.thumb,
    )


def _needs_card(entry: PlannedEntry) -> bool:
    return entry.network is Network.BLUESKY and entry.draft.card is not None
