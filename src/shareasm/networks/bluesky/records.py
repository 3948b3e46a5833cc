"""Draft → the record that Bluesky stores. Pure: uploads and handles are done by the publisher and come in as arguments.

The publishing line's counterpart of `translate`. What stands here is frozen before the first call and sent byte for
byte.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from linkify_it import LinkifyIt

from shareasm.domain.queue import Draft, Receipt
from shareasm.domain.richtext import find_facet_hashtags, safe_url
from shareasm.networks.bluesky.syntax import POST_COLLECTION, is_handle, write_datetime
from shareasm.networks.ports import Thread

Resolve = Callable[[str], str | None]
"""Returns the DID of a handle, None where there is no such account."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A picture that the server already has. `blob` is its answer, put into the record as it is."""

    blob: dict[str, object]
    alt: str
    width: int
    height: int


def write_record(
    draft: Draft,
    now: datetime,
    resolve: Resolve,
    *,
    images: Sequence[Uploaded] = (),
    card_image: Uploaded | None = None,
    thread: Thread | None = None,
) -> dict[str, object]:
    """Return `draft` as an `app.bsky.feed.post` record, written at `now`. Pictures win over the card: a post has one of
    both.
    """
    record: dict[str, object] = {
        "$type": POST_COLLECTION,
        "text": draft.text,
        "createdAt": write_datetime(now),
        "langs": [draft.language],
    }
    if facets := write_facets(draft.text, resolve):
        record["facets"] = facets
    if images:
        record["embed"] = {"$type": "app.bsky.embed.images", "images": [_image(image) for image in images]}
    elif draft.card:
        external: dict[str, object] = {
            "uri": draft.card.url,
            "title": draft.card.title,
            "description": draft.card.description,
        }
        if card_image:
            external["thumb"] = card_image.blob
        record["embed"] = {"$type": "app.bsky.embed.external", "external": external}
    if thread:
        record["reply"] = {"root": _strong_ref(thread.root), "parent": _strong_ref(thread.parent)}
    return record


def _image(image: Uploaded) -> dict[str, object]:
    return {
        "alt": image.alt,
        "image": image.blob,
        "aspectRatio": {"width": image.width, "height": image.height},
    }


def _strong_ref(receipt: Receipt) -> dict[str, str]:
    if receipt.version is None:
        raise ValueError(f"{receipt.ref.uri} has no version, and a reply must name one")
    return {"uri": receipt.ref.uri, "cid": receipt.version}


# ---- facets ----------------------------------------------------------------------------------------------------------

_MENTION = re.compile(r"(?:(?<=\s)|(?<=\()|^)@(?P<handle>[a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9])(?![\w@])", re.ASCII)
_WORD = re.compile(r"\S+")


def write_facets(text: str, resolve: Resolve) -> list[dict[str, object]]:
    """Return the facets of `text`, in order: http(s) addresses, hashtags, and mentions of accounts that exist.

    Offsets count UTF-8 bytes, start inclusive, end exclusive (lexicon app.bsky.richtext.facet). The first of two that
    overlap wins.
    """
    found = sorted([*_links(text), *_tags(text), *_mentions(text, resolve)], key=lambda piece: piece[:2])
    facets: list[dict[str, object]] = []
    reached = 0
    for start, end, feature in found:
        if start >= reached:
            index = {"byteStart": _bytes(text, start), "byteEnd": _bytes(text, end)}
            facets.append({"index": index, "features": [feature]})
            reached = end
    return facets


def _bytes(text: str, at: int) -> int:
    return len(text[:at].encode())


def _links(text: str) -> Iterator[tuple[int, int, dict[str, str]]]:
    for match in _linker().match(text) or ():
        url = text[match.index : match.last_index]
        if safe_url(url):
            yield match.index, match.last_index, {"$type": "app.bsky.richtext.facet#link", "uri": url}


@cache
def _linker() -> LinkifyIt:
    """Return a finder of explicit addresses only: "e.g" and "report.py" would pass for bare domains."""
    return LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})


def _tags(text: str) -> Iterator[tuple[int, int, dict[str, str]]]:
    for word in _WORD.finditer(text):
        for tag in find_facet_hashtags(word.group()):
            if not tag.label.startswith(("#", "＃")):
                end = word.start() + 1 + len(tag.label)
                yield word.start(), end, {"$type": "app.bsky.richtext.facet#tag", "tag": tag.label}


def find_mentions(text: str) -> list[str]:
    """Return the handles that `text` mentions, whether they are somebody's or not."""
    return [match["handle"] for match in _MENTION.finditer(text) if is_handle(match["handle"])]


def _mentions(text: str, resolve: Resolve) -> Iterator[tuple[int, int, dict[str, str]]]:
    for match in _MENTION.finditer(text):
        did = resolve(match["handle"]) if is_handle(match["handle"]) else None
        if did:
            yield match.start(), match.end(), {"$type": "app.bsky.richtext.facet#mention", "did": did}
