"""Exporting: the posts that may be shown, as lines of JSON, as a table, or as bare addresses for others to fetch again.

What a page would not show is in no export either. `dehydrated` gives addresses only: who fetches them again gets what their
authors let them have by then.
"""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TextIO

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.posts import PostRef
from shareasm.domain.queue import QueueEntry
from shareasm.showing import asked_last_since, judge
from shareasm.storage import queue
from shareasm.storage.engine import reading
from shareasm.storage.posts import SeenAt, StoredPost


class Form(StrEnum):
    """How posts are written down."""

    JSONL = "jsonl"
    CSV = "csv"


COLUMNS: Mapping[str, str] = {
    "network": "bluesky or mastodon",
    "uri": "the post's identity: at:// on Bluesky, the ActivityPub uri on Mastodon-API servers",
    "url": "its page",
    "author": "the author's handle",
    "author_name": "their display name",
    "author_ref": "their identity: a DID, or the ActivityPub actor",
    "created_at": "when it was said, UTC",
    "edited_at": "when it was last changed, where its network tells",
    "text": "its words, without markup",
    "content_warning": "what its author put before it",
    "languages": "as its author declared them",
    "hashtags": "as its author spelled them",
    "media": "each picture, video or sound: kind, address, description",
    "link": "the address of its link card",
    "reply_to": "the identity of the post that it answers, where known",
    "quote": "the identity of the post that it quotes",
    "replies": "answers, as its network said when it was last asked",
    "reposts": "reposts, likewise",
    "likes": "likes, likewise",
    "quotes": "quotes, likewise",
    "slot": "the slot of our plan, where it is ours",
    "sources": "which of the campaign's sources showed it",
    "sightings": "of each of them: source, server that was asked, what it was asked, and when it was fetched first, UTC",
    "first_seen_at": "when we first saw it, UTC",
    "confirmed_at": "when its network last confirmed it, UTC",
}
"""Every column, and what it holds; the same names are the keys of the JSON."""

DEHYDRATED = ("network", "uri")


def export(
    engine: Engine, campaign: Campaign, out: TextIO, now: datetime, *, form: Form, dehydrated: bool = False
) -> int:
    """Write the posts of `campaign` that may be shown to `out`, in order of time; return how many."""
    with reading(engine) as connection:
        entries = queue.of_campaign(connection, campaign.slug)
    judged = judge(engine, campaign, confirmed_since=asked_last_since(campaign, now))
    records = _records((item.stored for item in judged if item.verdict.show), entries)
    names = DEHYDRATED if dehydrated else tuple(COLUMNS)
    rows = ({name: record[name] for name in names} for record in records)
    return _write_lines(rows, out) if form is Form.JSONL else _write_table(rows, names, out)


def _records(shown: Iterable[StoredPost], entries: Iterable[QueueEntry]) -> Iterator[dict[str, object]]:
    slots = {entry.receipt.ref: entry.key.slot for entry in entries if entry.receipt}
    for stored in shown:
        yield _record(stored, slots)


def _record(stored: StoredPost, slots: Mapping[PostRef, str]) -> dict[str, object]:
    post = stored.post
    return {
        "network": post.ref.network.value,
        "uri": post.ref.uri,
        "url": post.url,
        "author": post.author.handle,
        "author_name": post.author.name,
        "author_ref": post.author.ref,
        "created_at": _iso(post.created_at),
        "edited_at": _iso(post.edited_at),
        "text": post.text,
        "content_warning": post.content_warning,
        "languages": list(post.languages),
        "hashtags": [tag.label for tag in post.hashtags],
        "media": [{"kind": item.kind.value, "url": item.url, "alt": item.alt} for item in post.media],
        "link": post.card.url if post.card else None,
        "reply_to": post.reply_to.uri if post.reply_to else None,
        "quote": post.quote.uri if post.quote else None,
        "replies": post.counts.replies,
        "reposts": post.counts.reposts,
        "likes": post.counts.likes,
        "quotes": post.counts.quotes,
        "slot": slots.get(post.ref),
        "sources": list(stored.sources),
        "sightings": [_sighting(at) for at in stored.sightings],
        "first_seen_at": _iso(stored.first_seen_at),
        "confirmed_at": _iso(stored.checked_at),
    }


def _sighting(at: SeenAt) -> dict[str, object]:
    fetched_at = _iso(at.first_seen_at)
    return {"source": at.source, "server": at.server, "query": at.query, "fetched_at": fetched_at}


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat().replace("+00:00", "Z") if instant else None


def _write_lines(rows: Iterable[dict[str, object]], out: TextIO) -> int:
    count = 0
    for row in rows:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_table(rows: Iterable[dict[str, object]], names: Collection[str], out: TextIO) -> int:
    writer = csv.DictWriter(out, names, lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
        count += 1
    return count


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _cell(value: object) -> object:
    """Return what a spreadsheet shows as it is: a stranger's words that begin like a formula get an apostrophe before them."""
    if isinstance(value, list):
        value = " ".join(item if isinstance(item, str) else " ".join(map(str, item.values())) for item in value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
