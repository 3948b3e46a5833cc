"""Link cards of the pages that we link to, as they were the last time that somebody looked."""

from collections.abc import Iterable
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from shareasm.domain import cards as rules
from shareasm.domain.cards import PageCard
from shareasm.domain.queue import PlannedEntry
from shareasm.storage.engine import upsert
from shareasm.storage.tables import cards

_CHUNK = 500


def find(connection: Connection, urls: Iterable[str]) -> dict[str, PageCard]:
    """Return what is known of `urls`; those never asked for are left out."""
    wanted = list(urls)
    found: dict[str, PageCard] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(cards).where(cards.c.url.in_(wanted[start : start + _CHUNK]))
        found.update((row.url, _card(row)) for row in connection.execute(query))
    return found


def put(connection: Connection, url: str, card: PageCard) -> None:
    """Store what came of looking at `url`."""
    upsert(connection, cards, [{"url": url, **asdict(card)}], key=["url"])


def complete(connection: Connection, planned: Iterable[PlannedEntry]) -> list[PlannedEntry]:
    """Return `planned` with the cards that are known. Asks no network: what nobody fetched before is not there."""
    entries = list(planned)
    return rules.complete(entries, find(connection, rules.card_urls(entries)))


def _card(row: Row[tuple[object, ...]]) -> PageCard:
    return PageCard(row.fetched_at, row.title, row.description, row.thumb, row.refusal)
