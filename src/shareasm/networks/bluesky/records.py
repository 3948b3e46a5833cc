"""Draft → the records that Bluesky stores: the post, and its gates. Pure: uploads and handles are done by the publisher.

The publishing line's counterpart of `translate`. What stands here is frozen before the first call and sent byte for
byte. Types: lexicons app.bsky.feed.{post,threadgate,postgate}, app.bsky.embed.* and com.atproto.label.defs (atproto,
read November 2026).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache

import msgspec
from linkify_it import LinkifyIt

from shareasm.domain.queue import Draft, Receipt, WhoMayReply
from shareasm.domain.richtext import find_facet_hashtags, safe_url
from shareasm.networks.bluesky.syntax import POST_COLLECTION, PostAddress, is_handle, write_datetime
from shareasm.networks.ports import Ties

POSTGATE_COLLECTION = "app.bsky.feed.postgate"
THREADGATE_COLLECTION = "app.bsky.feed.threadgate"
COVERED = "graphic-media"
"""The label that covers pictures until a reader asks for them."""

Json = dict[str, object]
Blob = dict[str, object]
"""A server's answer to an upload, put into the record as it is."""

Resolve = Callable[[str], str | None]
"""Returns the DID of a handle, None where there is no such account."""


class Uploaded(msgspec.Struct, frozen=True):
    """A picture or video that the server already has."""

    blob: Blob
    alt: str
    width: int
    height: int


class Prepared(msgspec.Struct, frozen=True):
    """What came of preparing a post: everything that had to be asked for."""

    did: str  # ours
    dids: dict[str, str] = {}  # handle → account, of whom it mentions
    images: list[Uploaded] = []
    video: Uploaded | None = None
    captions: list[tuple[str, Blob]] = []  # language, WebVTT
    thumb: Blob | None = None  # the card's picture


def write_records(draft: Draft, key: str, prepared: Prepared, ties: Ties, now: datetime) -> dict[str, Json]:
    """Return what makes `draft` a post under `key`: a record for each collection, in the order of writing.

    A postgate belongs to every post, also to one that anybody may quote. It is the trace that is left when a person
    deletes the post: see the publisher.
    """
    uri = PostAddress(prepared.did, key).uri
    records = {POST_COLLECTION: write_record(draft, prepared, ties, now)}
    gate: Json = {"post": uri, "createdAt": write_datetime(now)}
    if draft.who_may_reply is not WhoMayReply.EVERYONE and ties.thread is None:  # the root's holds for the thread
        records[THREADGATE_COLLECTION] = {
            "$type": THREADGATE_COLLECTION,
            **gate,
            "allow": [{"$type": f"{THREADGATE_COLLECTION}#{rule}"} for rule in _MAY_REPLY[draft.who_may_reply]],
        }
    forbidden = [] if draft.may_be_quoted else [{"$type": f"{POSTGATE_COLLECTION}#disableRule"}]
    records[POSTGATE_COLLECTION] = {"$type": POSTGATE_COLLECTION, **gate, "embeddingRules": forbidden}
    return records


_MAY_REPLY: Mapping[
    WhoMayReply, tuple[str, ...]
] = {  # whom the author mentions or follows; none: nobody but the author
    WhoMayReply.FOLLOWED: ("followingRule",),
    WhoMayReply.MENTIONED: ("mentionRule",),
    WhoMayReply.NOBODY: (),
}


def write_record(draft: Draft, prepared: Prepared, ties: Ties, now: datetime) -> Json:
    """Return `draft` as an `app.bsky.feed.post` record, written at `now`.

    Bluesky has no words for a content warning: those of the post stay as they are, and its pictures or video are covered by
    a label, unless the plan names labels itself.
    """
    record: Json = {
        "$type": POST_COLLECTION,
        "text": draft.text,
        "createdAt": write_datetime(now),
        "langs": [draft.language],
    }
    if facets := write_facets(draft.text, prepared.dids.get):
        record["facets"] = facets
    if embed := _embed(draft, prepared, ties):
        record["embed"] = embed
    if ties.thread:
        record["reply"] = {"root": _strong_ref(ties.thread.root), "parent": _strong_ref(ties.thread.parent)}
    is_covered = draft.content_warning and (prepared.images or prepared.video)
    if labels := draft.labels or ((COVERED,) if is_covered else ()):
        record["labels"] = _self_labels(labels)
    return record


def _self_labels(values: tuple[str, ...]) -> Json:
    """Return labels that an author puts on their own record."""
    return {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": value} for value in values]}


def _embed(draft: Draft, prepared: Prepared, ties: Ties) -> Json | None:
    """Return what the post carries: a video, pictures or a card (the first of them that there is), a quoted post, or both."""
    media = _media(draft, prepared)
    if ties.quoted is None:
        return media
    quoted: Json = {"$type": "app.bsky.embed.record", "record": _strong_ref(ties.quoted)}
    if media is None:
        return quoted
    return {"$type": "app.bsky.embed.recordWithMedia", "record": quoted, "media": media}


def _media(draft: Draft, prepared: Prepared) -> Json | None:
    if prepared.video:
        video: Json = {"$type": "app.bsky.embed.video", "video": prepared.video.blob, **_shown(prepared.video)}
        if prepared.captions:
            video["captions"] = [{"lang": language, "file": file} for language, file in prepared.captions]
        return video
    if prepared.images:
        images = [{"image": image.blob, **_shown(image)} for image in prepared.images]
        return {"$type": "app.bsky.embed.images", "images": images}
    if draft.card:
        card: Json = {"uri": draft.card.url, "title": draft.card.title, "description": draft.card.description}
        return {
            "$type": "app.bsky.embed.external",
            "external": {**card, "thumb": prepared.thumb} if prepared.thumb else card,
        }
    return None


def _shown(media: Uploaded) -> Json:
    return {"alt": media.alt, "aspectRatio": {"width": media.width, "height": media.height}}


def _strong_ref(receipt: Receipt) -> dict[str, str]:
    if receipt.version is None:
        raise ValueError(f"{receipt.ref.uri} has no version, and a reply or quote must name one")
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
