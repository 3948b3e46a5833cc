"""Exporting: the posts that may be shown, as lines of JSON, as a table, or as bare addresses for others to fetch again.

What a page would not show is in no export either. `dehydrated` gives addresses only: who fetches them again gets what their
authors let them have by then. Each file that is written is noted: it is brought up to date when somebody is forgotten, and
when the recap is looked over.
"""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.cells import as_cell
from shareasm.domain.joins import join
from shareasm.domain.queue import QueueEntry
from shareasm.errors import ConfigError, StorageError
from shareasm.showing import Judged, asked_last_since, judge
from shareasm.storage import exports, queue
from shareasm.storage.collected import SeenAt, StoredPost
from shareasm.storage.engine import reading, transaction
from shareasm.storage.exports import WrittenExport


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
    "copy_of": "the identity of the post that it is a copy of: bridged, or sent on another network too",
    "reply_to": "the identity of the post that it answers, where known",
    "quote": "the identity of the post that it quotes",
    "replies": "answers, as its network said when it was last asked",
    "reposts": "reposts, likewise",
    "likes": "likes, likewise",
    "quotes": "quotes, likewise",
    "without_tag": "whether it is here only for what it answers or quotes, and has none of the day's hashtags",
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
    records = _records(campaign, [item for item in judged if item.verdict.show], entries)
    names = DEHYDRATED if dehydrated else tuple(COLUMNS)
    rows = ({name: record[name] for name in names} for record in records)  # in the columns' order
    return _write_lines(rows, out) if form is Form.JSONL else _write_table(rows, names, out)


def export_to(
    engine: Engine, campaign: Campaign, path: Path, now: datetime, *, form: Form, dehydrated: bool = False
) -> int:
    """Write the posts to the file `path` and note that it is there; return how many. Raises ConfigError where it cannot be."""
    path = path.absolute()
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            count = export(engine, campaign, file, now, form=form, dehydrated=dehydrated)
        new.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    with transaction(engine) as connection:
        exports.note(connection, WrittenExport(path, campaign.slug, form, dehydrated, now))
    return count


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of the files that were written before."""

    rewritten: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()  # of days that are not at hand: `shareasm posts export` makes them again
    elsewhere: tuple[Path, ...] = ()  # written out of our folder: who has them has to clean them


def clean(engine: Engine, campaign: Campaign, folder: Path, now: datetime, others: Collection[str] = ()) -> Cleaned:
    """Bring the exports of `campaign` below `folder` up to date, after posts were taken out; remove those of `others`."""
    with reading(engine) as connection:
        written = exports.of_campaigns(connection, {campaign.slug, *others})
    rewritten, removed, elsewhere = [], [], []
    for one in written:
        if not one.path.is_relative_to(folder.absolute()):
            elsewhere.append(one.path)
        elif one.campaign == campaign.slug and one.path.is_file():
            export_to(engine, campaign, one.path, now, form=Form(one.form), dehydrated=one.is_dehydrated)
            rewritten.append(one.path)
        else:
            removed += [one.path] if _remove(one.path) else []
            with transaction(engine) as connection:
                exports.drop(connection, one.path)
    return Cleaned(tuple(rewritten), tuple(removed), tuple(elsewhere))


def _remove(path: Path) -> bool:
    """Remove a file; return whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(f"{path} cannot be removed ({error.strerror}): remove it by hand") from error
    return True


def file_name(form: Form, *, dehydrated: bool) -> str:
    """Return how an export is called where nobody says."""
    return f"{'addresses' if dehydrated else 'posts'}.{form}"


def _records(campaign: Campaign, shown: Sequence[Judged], entries: Sequence[QueueEntry]) -> Iterator[dict[str, object]]:
    slots = {entry.receipt.ref: entry.key.slot for entry in entries if entry.receipt}
    joined = join(campaign, entries, (item.stored.post for item in shown))
    for item in shown:
        ref = item.stored.post.ref
        yield _record(item.stored) | {
            "without_tag": item.without_tag,
            "slot": slots.get(ref),
            "copy_of": joined.lead(ref).uri if joined.lead(ref) != ref else None,
        }


def _record(stored: StoredPost) -> dict[str, object]:
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
        writer.writerow({name: as_cell(value) for name, value in row.items()})
        count += 1
    return count
