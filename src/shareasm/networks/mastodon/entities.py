"""What a Mastodon-API server sends, as far as we read it, decoded so that one bad field costs a field and one bad item an item.

The typed decoder takes the fast way; an item that it refuses is decoded again, field by field. Knows JSON, not posts:
`translate` makes posts of what comes out here. Shapes: Mastodon 4.6 `app/serializers/rest`.
"""

import re
from typing import get_args

import msgspec
from msgspec import Raw, Struct

ITEM_LIMIT = 1_000_000
"""Bytes of one status that are read; the largest of our corpus has 21,000."""


class Unfit(Exception):
    """An item cannot become a post; says why in words."""


# ---- what a server sends, as far as we read it --------------------------------------------------------------------------


class Part(Struct, gc=False):
    """Something that a server sends. JSON has no cycles, so the collector of those need not look here."""


class Author(Part):
    """An account."""

    acct: str
    display_name: str | None = None
    url: str | None = None
    uri: str | None = None
    note: str | None = None
    fields: list[dict[str, str | None]] | None = None
    avatar: str | None = None
    bot: bool | None = None
    locked: bool | None = None
    noindex: bool | None = None
    indexable: bool | None = None
    discoverable: bool | None = None
    suspended: bool | None = None
    limited: bool | None = None


class Size(Part):
    """Of a picture, in pixels."""

    width: float | None = None
    height: float | None = None


class Focus(Part):
    """The point of a picture that its author wants in view; the middle is 0, 0."""

    x: float | None = None
    y: float | None = None


class Meta(Part):
    """What the server measured of a file, and what its author said of it."""

    original: Size | None = None
    focus: Focus | None = None


class Attachment(Part):
    """A media attachment."""

    id: str | int | None = None
    type: str | None = None
    url: str | None = None
    remote_url: str | None = None
    preview_url: str | None = None
    preview_remote_url: str | None = None
    description: str | None = None
    meta: Meta | None = None


class Tag(Part):
    """A hashtag; `name` is folded by newer servers."""

    name: str


class PreviewCard(Part):
    """A link preview. Its `html` is left out on purpose: a stranger's iframe."""

    url: str
    title: str | None = None
    description: str | None = None
    image: str | None = None


class Option(Part):
    """One option of a poll."""

    title: str
    votes_count: int | None = None


class StatusPoll(Part):
    """A poll."""

    options: list[Option]
    expires_at: str | None = None
    multiple: bool | None = None


class Quoted(Part):
    """The status that is quoted."""

    uri: str
    url: str | None = None
    id: str | int | None = None


class Quote(Part):
    """A quote; nested one level down servers send an id in place of `quoted_status`."""

    state: str | None = None
    quoted_status: Quoted | None = None


class Application(Part):
    """The program that it was written with."""

    name: str | None = None


class Status(Part):
    """A status. `account` is decoded by itself, since the same ones come again and again; `reblog` too, one level deep."""

    id: str | int
    uri: str
    created_at: str
    content: str | None = None
    url: str | None = None
    edited_at: str | None = None
    language: str | None = None
    visibility: str | None = None
    local_only: bool | None = None  # forks: never leaves its server, so it is not ours to show
    spoiler_text: str | None = None
    sensitive: bool | None = None
    in_reply_to_id: str | int | None = None
    media_attachments: list[Attachment] | None = None
    tags: list[Tag] | None = None
    card: PreviewCard | None = None
    poll: StatusPoll | None = None
    quote: Quote | None = None
    application: Application | None = None
    replies_count: int | None = None
    reblogs_count: int | None = None
    favourites_count: int | None = None
    quotes_count: int | None = None
    account: Raw = Raw(b"null")
    reblog: Raw = Raw(b"null")


_page_decoder = msgspec.json.Decoder(list[Raw])
_status_decoder = msgspec.json.Decoder(Status)
_author_decoder = msgspec.json.Decoder(Author)


def split_page(body: bytes) -> list[bytes]:
    """Return each item of a JSON list as its own bytes. Raises ValueError where `body` is no JSON list."""
    try:
        items = _page_decoder.decode(body)
    except (ValueError, RecursionError):
        # Half of a surrogate pair anywhere makes the decoder refuse the whole page: mend and read again.
        try:
            items = _page_decoder.decode(_LONE_SURROGATE.sub(rb"\\ufffd", body))
        except RecursionError as error:
            raise ValueError("the JSON is nested too deep") from error
    return [bytes(item) for item in items]


_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def decode_status(item: bytes) -> Status:
    """Return one status. Raises Unfit where it lacks what every status has."""
    if len(item) > ITEM_LIMIT:
        raise Unfit(f"larger than {ITEM_LIMIT:,} bytes")
    try:
        status = _status_decoder.decode(item)
    except (ValueError, RecursionError):
        status = _decode_leniently(item)
    if not bytes(status.account).startswith(b"{"):
        raise Unfit("it has no author")
    return status


def decode_author(account: bytes) -> Author:
    """Return the account of a status. Raises Unfit where it lacks what every account has."""
    try:
        return _author_decoder.decode(account)
    except (ValueError, RecursionError):
        found = _object_in(account, "its author")
    try:
        return msgspec.convert(_mended(found, Author), Author)
    except msgspec.ValidationError as error:
        raise Unfit(f"its author: {error}") from error


def _object_in(item: bytes, name: str) -> dict[str, object]:
    try:
        found = msgspec.json.decode(item.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Unfit(f"not readable as JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unfit(f"{name} is no object")
    return found


def _decode_leniently(item: bytes) -> Status:
    """Decode again, field by field: what has the wrong type is left out, what cannot be left out makes the item unfit."""
    found = _object_in(item, "it")
    if not isinstance(found.get("content"), str | None):
        raise Unfit("its content is not text")
    if found.get("sensitive"):
        found["sensitive"] = True  # "true", 1, …: when in doubt it is
    try:
        status = msgspec.convert(_mended({**found, "account": None, "reblog": None}, Status), Status)
    except msgspec.ValidationError as error:
        raise Unfit(str(error)) from error
    status.account = Raw(msgspec.json.encode(found.get("account")))
    status.reblog = Raw(msgspec.json.encode(found.get("reblog")))
    return status


def _mended(found: dict[str, object], shape: type[Struct]) -> dict[str, object]:
    """Return `found` without what `shape` has no place for, and without values of the wrong type where it can do without."""
    kept: dict[str, object] = {}
    for part in msgspec.structs.fields(shape):
        value, inner = found.get(part.name), _struct_in(part.type)
        if inner and isinstance(value, dict):
            value = _mended(value, inner)
        elif inner and isinstance(value, list):
            entries = [_mended(entry, inner) for entry in value if isinstance(entry, dict)]
            value = [entry for entry in entries if _fits(entry, inner)]
        if value is not None and (part.required or _fits(value, part.type)):
            kept[part.name] = value
    return kept


def _struct_in(annotation: object) -> type[Struct] | None:
    """Return the Struct inside `X`, `X | None`, `list[X] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return annotation
    return next((found for part in get_args(annotation) if (found := _struct_in(part))), None)


def _fits(value: object, annotation: object) -> bool:
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        return False
    return True
