"""Checks records as Bluesky's servers do and says no in their words; makes the CIDs that they would make.

Schemas are data, written from the lexicons (bluesky-social/atproto, lexicons/, read 2026-08). The messages were compared with
`@atproto/pds` 0.5.35; `tests/rehearsal/bluesky_answers.py` holds both to the same table.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

import grapheme  # type: ignore[import-untyped]
import libipld

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Record: TypeAlias = dict[str, Json]
Check: TypeAlias = Callable[[Json, str], None]  # value and JSON path; raises Invalid

POST = "app.bsky.feed.post"
LIKE = "app.bsky.feed.like"
REPOST = "app.bsky.feed.repost"
PROFILE = "app.bsky.actor.profile"
THREADGATE = "app.bsky.feed.threadgate"
POSTGATE = "app.bsky.feed.postgate"
DAG_CBOR = 0x71
RAW = 0x55


class Invalid(Exception):
    """The value breaks its lexicon; the message ends with the place, such as `at $.record.text`."""


# ---- content addresses -------------------------------------------------------------------------------------------------


def cid_of(content: bytes, codec: int) -> str:
    """Return the CIDv1 (base32, sha-256) of `content`."""
    return "b" + base64.b32encode(
        bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(content).digest()
    ).decode().lower().rstrip("=")


def record_cid(record: Record) -> str:
    """Return the CID of `record`; the order of its keys does not matter, that of its lists does."""
    return cid_of(libipld.encode_dag_cbor(_ipld(record)), DAG_CBOR)


def in_stored_order(value: Json) -> Json:
    """Return `value` with every object's keys in the order of DAG-CBOR (by length, then bytes), as servers give it back."""
    if isinstance(value, dict):
        return {
            key: in_stored_order(value[key]) for key in sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        }
    if isinstance(value, list):
        return [in_stored_order(item) for item in value]
    return value


def blob_cids(value: Json) -> Iterator[str]:
    """Yield the CID of every blob that a record names."""
    if isinstance(value, dict):
        ref = value.get("ref")
        if value.get("$type") == "blob" and isinstance(ref, dict):
            yield str(ref.get("$link"))
        for item in value.values():
            yield from blob_cids(item)
    elif isinstance(value, list):
        for item in value:
            yield from blob_cids(item)


def _ipld(value: Json) -> object:
    if isinstance(value, list):
        return [_ipld(item) for item in value]
    if isinstance(value, dict):
        link, data = value.get("$link"), value.get("$bytes")
        if len(value) == 1 and isinstance(link, str):
            return _unpadded(base64.b32decode, link[1:].upper(), 8)
        if len(value) == 1 and isinstance(data, str):
            return _unpadded(base64.b64decode, data, 4)
        return {key: _ipld(item) for key, item in value.items()}
    return value


def _unpadded(decode: Callable[[str], bytes], text: str, block: int) -> bytes:
    return decode(text + "=" * (-len(text) % block))


# ---- formats -----------------------------------------------------------------------------------------------------------

_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]")
_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HANDLE = re.compile(rf"({_LABEL}\.)+[a-zA-Z]([a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?")
_NSID = re.compile(rf"[a-zA-Z]([a-zA-Z0-9-]{{0,62}})?(\.{_LABEL})+\.[a-zA-Z][a-zA-Z0-9]{{0,62}}")
_RKEY = re.compile(r"(?!\.\.?$)[a-zA-Z0-9_~.:-]{1,512}")
_URI = re.compile(r"\w+:(?://)?[^\s/][^\s]*")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,20})?(Z|[+-]\d\d:\d\d)")
_LANGUAGE = re.compile(r"(i|[a-zA-Z]{2,8})(-[a-zA-Z0-9]{1,8})*")


def is_did(text: str) -> bool:
    """Whether `text` has the shape of a DID."""
    return len(text) <= 2048 and _DID.fullmatch(text) is not None


def is_handle(text: str) -> bool:
    """Whether `text` has the shape of a handle."""
    return len(text) <= 253 and _HANDLE.fullmatch(text) is not None


def is_nsid(text: str) -> bool:
    """Whether `text` has the shape of a collection's name."""
    return len(text) <= 317 and _NSID.fullmatch(text) is not None


def is_at_uri(text: str) -> bool:
    """Whether `text` is `at://` with an authority, and a collection and key if any."""
    authority, _, rest = text.removeprefix("at://").partition("/")
    collection, _, key = rest.partition("/")
    return (
        text.startswith("at://")
        and (is_did(authority) or is_handle(authority))
        and (not rest or is_nsid(collection))
        and (not key or _RKEY.fullmatch(key) is not None)
    )


def is_cid(text: str) -> bool:
    """Whether `text` is a CIDv1 of a sha-256."""
    try:
        return len(libipld.decode_cid(text)["hash"]["digest"]) == 32
    except (ValueError, TypeError, binascii.Error):
        return False


def _is_datetime(text: str) -> bool:
    try:
        return _DATETIME.fullmatch(text) is not None and datetime.fromisoformat(text[:19]) is not None
    except ValueError:
        return False


_FORMATS: Mapping[str, Callable[[str], object]] = {
    "TID string": _TID.fullmatch,
    "CID string": is_cid,
    "DID": is_did,
    "at-uri": is_at_uri,
    "uri": _URI.fullmatch,
    "datetime": _is_datetime,
    "language": _LANGUAGE.fullmatch,
}


# ---- the parts that schemas are made of --------------------------------------------------------------------------------


def shown(value: Json) -> str:
    """Return `value` as the servers quote it in a message."""
    match value:
        case str():
            return json.dumps(value if len(value) < 256 else value[:255] + "…", ensure_ascii=False)
        case list():
            return f"[{', '.join(map(shown, value[:2]))}{', ...' if len(value) > 2 else ''}]"
        case dict():
            keys = [f"{json.dumps(key)}: ..." for key in value]
            return f"{{{', '.join(keys[:2])}{', ...' if len(keys) > 2 else ''}}}"
        case _:
            return json.dumps(value)


def _text(*, size: int = 0, graphemes: int = 0, form: str = "") -> Check:
    def check(value: Json, at: str) -> None:
        if not isinstance(value, str):
            raise Invalid(f"Expected string value type (got {shown(value)}) at {at}")
        if size and len(value.encode()) > size:
            raise Invalid(f"string too big (maximum {size}, got {len(value.encode())}) at {at}")
        if graphemes and len(value) > graphemes and grapheme.length(value) > graphemes:
            raise Invalid(f"grapheme too big (maximum {graphemes}, got {grapheme.length(value)}) at {at}")
        if form and not _FORMATS[form](value):
            raise Invalid(f"Invalid {form} (got {shown(value)}) at {at}")

    return check


def _whole(minimum: int) -> Check:
    def check(value: Json, at: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Invalid(f"Expected integer value type (got {shown(value)}) at {at}")
        if value < minimum:
            raise Invalid(f"integer too small (minimum {minimum}, got {value}) at {at}")

    return check


def _many(item: Check, maximum: int = 0) -> Check:
    def check(value: Json, at: str) -> None:
        if not isinstance(value, list):
            raise Invalid(f"Expected array value type (got {shown(value)}) at {at}")
        if maximum and len(value) > maximum:
            raise Invalid(f"array too big (maximum {maximum}, got {len(value)}) at {at}")
        for index, part in enumerate(value):
            item(part, f"{at}[{index}]")

    return check


def _object(properties: Mapping[str, Check]) -> Check:
    """A property whose name ends with `?` may be absent. Properties that the lexicon does not know are let through."""

    def check(value: Json, at: str) -> None:
        if not isinstance(value, dict):
            raise Invalid(f"Expected object value type (got {shown(value)}) at {at}")
        for name, inner in properties.items():
            key = name.removesuffix("?")
            if key in value:
                inner(value[key], f"{at}.{key}")
            elif key == name:
                raise Invalid(f'Missing required key "{key}" at {at}')

    return check


def _open_union(members: Mapping[str, Check]) -> Check:
    """Types that are not in `members` are let through, as in every open union."""

    def check(value: Json, at: str) -> None:
        kind = value.get("$type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            raise Invalid(
                f'Expected an object which includes the "$type" property value type (got {shown(value)}) at {at}'
            )
        if kind in members:
            members[kind](value, at)

    return check


def _blob(accept: tuple[str, ...], maximum: int) -> Check:
    def check(value: Json, at: str) -> None:
        kind = value.get("mimeType") if isinstance(value, dict) and value.get("$type") == "blob" else None
        size = value.get("size") if isinstance(value, dict) else None
        if not isinstance(kind, str) or not isinstance(size, int):
            raise Invalid(f"Expected blob value type (got {shown(value)}) at {at}")
        if not any(kind == wanted or (wanted.endswith("/*") and kind.startswith(wanted[:-1])) for wanted in accept):
            raise Invalid(f"Expected {_one_of(accept)} (got {shown(kind)}) at {at}.mimeType")
        if size > maximum:
            raise Invalid(f"blob too big (maximum {maximum}, got {size}) at {at}")

    return check


def _one_of(values: tuple[str, ...]) -> str:
    quoted = [shown(value) for value in values]
    return quoted[0] if len(quoted) == 1 else f"one of {', '.join(quoted[:-1])} or {quoted[-1]}"


# ---- the lexicons, properties in their files' order ---------------------------------------------------------------------

_IMAGE = _blob(("image/*",), 2_000_000)
_SMALL_IMAGE = _blob(("image/png", "image/jpeg"), 1_000_000)
_REF = _object({"uri": _text(form="at-uri"), "cid": _text(form="CID string")})
_RATIO = _object({"width": _whole(1), "height": _whole(1)})
_TIME = _text(form="datetime")
_SELF_LABELS = _open_union(
    {"com.atproto.label.defs#selfLabels": _object({"values": _many(_object({"val": _text(size=128)}), 10)})}
)
_PICTURE = _object({"image": _IMAGE, "alt": _text(), "aspectRatio?": _RATIO})
_CARD = _object(
    {"uri": _text(form="uri"), "title": _text(), "description": _text(), "thumb?": _blob(("image/*",), 1_000_000)}
)
_CAPTION = _object({"lang": _text(form="language"), "file": _blob(("text/vtt",), 20_000)})
_MEDIA: Mapping[str, Check] = {
    "app.bsky.embed.images": _object({"images": _many(_PICTURE, 4)}),
    "app.bsky.embed.gallery": _object({"items": _many(_open_union({"app.bsky.embed.gallery#image": _PICTURE}), 20)}),
    "app.bsky.embed.video": _object(
        {
            "video": _blob(("video/mp4",), 300_000_000),
            "captions?": _many(_CAPTION, 20),
            "alt?": _text(),
            "aspectRatio?": _RATIO,
        }
    ),
    "app.bsky.embed.external": _object({"external": _CARD}),
}
_QUOTE = _object({"record": _REF})
_EMBED = _open_union(
    {
        **_MEDIA,
        "app.bsky.embed.record": _QUOTE,
        "app.bsky.embed.recordWithMedia": _object({"record": _QUOTE, "media": _open_union(_MEDIA)}),
    }
)
_FEATURE = _open_union(
    {
        "app.bsky.richtext.facet#mention": _object({"did": _text(form="DID")}),
        "app.bsky.richtext.facet#link": _object({"uri": _text(form="uri")}),
        "app.bsky.richtext.facet#tag": _object({"tag": _text(size=640, graphemes=64)}),
    }
)
_FACET = _object({"index": _object({"byteStart": _whole(0), "byteEnd": _whole(0)}), "features": _many(_FEATURE)})
_REPLY_RULE = _open_union(
    {
        f"{THREADGATE}#mentionRule": _object({}),
        f"{THREADGATE}#followerRule": _object({}),
        f"{THREADGATE}#followingRule": _object({}),
        f"{THREADGATE}#listRule": _object({"list": _text(form="at-uri")}),
    }
)
_SUBJECT = _object({"subject": _REF, "createdAt": _TIME, "via?": _REF})

_RECORDS: Mapping[str, Check] = {
    POST: _object(
        {
            "text": _text(size=3000, graphemes=300),
            "facets?": _many(_FACET),
            "reply?": _object({"root": _REF, "parent": _REF}),
            "embed?": _EMBED,
            "langs?": _many(_text(form="language"), 3),
            "labels?": _SELF_LABELS,
            "tags?": _many(_text(size=640, graphemes=64), 8),
            "createdAt": _TIME,
        }
    ),
    THREADGATE: _object(
        {
            "post": _text(form="at-uri"),
            "allow?": _many(_REPLY_RULE, 5),
            "createdAt": _TIME,
            "hiddenReplies?": _many(_text(form="at-uri"), 300),
        }
    ),
    POSTGATE: _object(
        {
            "createdAt": _TIME,
            "post": _text(form="at-uri"),
            "detachedEmbeddingUris?": _many(_text(form="at-uri"), 50),
            "embeddingRules?": _many(_open_union({f"{POSTGATE}#disableRule": _object({})}), 5),
        }
    ),
    LIKE: _SUBJECT,
    REPOST: _SUBJECT,
    PROFILE: _object(
        {
            "displayName?": _text(size=640, graphemes=64),
            "description?": _text(size=2560, graphemes=256),
            "avatar?": _SMALL_IMAGE,
            "banner?": _SMALL_IMAGE,
            "labels?": _SELF_LABELS,
            "createdAt?": _TIME,
        }
    ),
}


def check_record(collection: str, rkey: str | None, record: Json, *, must_be_known: bool) -> str:
    """Return "valid" or, for a collection without a lexicon here, "unknown". Raises Invalid with the server's message."""
    if not isinstance(record, dict):
        raise Invalid(f"Expected object value type (got {shown(record)}) at $.record")
    kind = record.get("$type", collection)
    if kind != collection:
        raise Invalid(f"Invalid $type: expected {collection}, got {kind}")
    if collection not in _RECORDS:
        if must_be_known:
            raise Invalid(f"Unknown lexicon type: {collection}")
        return "unknown"
    try:
        _RECORDS[collection](record, "$.record")
    except Invalid as no:
        raise Invalid(f"Invalid {collection} record: {no}") from None
    if rkey is not None:
        _check_key(collection, rkey)
    return "valid"


def _check_key(collection: str, rkey: str) -> None:
    problem = ""
    if collection == PROFILE:
        problem = "" if rkey == "self" else f'Expected "self" (got {shown(rkey)})'
    elif not _TID.fullmatch(rkey):
        problem = f"Invalid TID string (got {shown(rkey)})"
    if problem:
        raise Invalid(f"Invalid record key for {collection}: {problem} at $")
