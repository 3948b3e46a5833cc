"""Bluesky's JSON → Post. Pure, and tolerant item by item: what cannot be taken becomes Skipped with a reason.

The first step of the collecting line. A *view* is a post as an AppView shows it, with author, counts and labels; a
*record* is the bare words as their author wrote them, which is all that the live stream carries. Nothing here asks the
network anything.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import msgspec

from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.posts import Account, Counts, Hashtag, Network, Post, PostRef
from shareasm.domain.richtext import (
    clean_line,
    clean_text,
    find_facet_hashtags,
    find_hashtags,
    fold_hashtag,
    linked_html,
    safe_url,
)
from shareasm.networks.bluesky.embeds import Embed, read_embed
from shareasm.networks.bluesky.json_values import LIST_LIMIT, count_in, datetime_in, items_in, mapping_in, text_in
from shareasm.networks.bluesky.syntax import (
    POST_COLLECTION,
    PostAddress,
    is_cid,
    is_did,
    is_handle,
    is_language,
    profile_url,
    read_post_address,
)

TEXT_LIMIT = 10_000
"""Code points of a text that are kept; the lexicon allows 3,000 bytes, so a longer one is not from an honest server."""
NAME_LIMIT = 640
ITEM_LIMIT = 500_000
"""Bytes of one item's JSON; the largest real one in our corpora has 12,000."""
RAW_KEPT_OF_SKIPPED = 4096  # bytes

_FACET = "app.bsky.richtext.facet#"
_SENSITIVE_LABELS = frozenset({"porn", "sexual", "nudity", "graphic-media", "gore", "nsfl"})

MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on a text that is not the JSON asked for."""


class Unusable(ValueError):
    """The item cannot become a Post; the message says why."""


# ---- pages -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewPage:
    """One answer of searchPosts or getPosts."""

    posts: tuple[Seen, ...]
    skipped: tuple[Skipped, ...]
    cursor: str | None = None  # the network's; None where the paging ends
    hit_count: int | None = None  # how many the search counts in all, where it says so


class _Answer(msgspec.Struct):
    posts: list[msgspec.Raw]
    cursor: object = None
    hitsTotal: object = None  # noqa: N815  the network's name


_answers = msgspec.json.Decoder(_Answer)


def decode_search_page(body: bytes, now: datetime) -> ViewPage:
    """Return the posts of a searchPosts answer. A cursor that is no non-empty text ends the paging.

    `now` decides which labels have expired. Raises one of `MALFORMED` when the answer as a whole is not what it should
    be.
    """
    try:
        answer = _answers.decode(body)
    except MALFORMED:
        answer = _decode_apart(body)
    posts, skipped = _each(answer.posts, lambda view, raw: translate_view(view, raw, now))
    cursor = answer.cursor if isinstance(answer.cursor, str) and answer.cursor else None
    return ViewPage(posts, skipped, cursor, count_in(answer.hitsTotal) or None)


_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def _decode_apart(body: bytes) -> _Answer:
    """Return an answer that cannot be decoded as a whole, with the objects of its `posts` cut out by their brackets.

    One post that nests a thousand deep, or holds half of a surrogate pair, would otherwise cost the others of its page.
    """
    items: list[msgspec.Raw] = []
    depth = begins_at = 0
    key = b""
    opens_at = closes_at = 0  # the inside of the list
    for token in _TOKEN.finditer(body):
        match token.group():
            case b"{" | b"[" as bracket:
                if depth == 1 and bracket == b"[" and key == b'"posts"' and not opens_at:
                    opens_at = token.end()
                elif depth == 2 and opens_at and not closes_at:
                    begins_at = token.start()
                depth += 1
            case b"}" | b"]":
                depth -= 1
                is_inside = opens_at and not closes_at
                if is_inside and depth == 2:
                    items.append(msgspec.Raw(body[begins_at : token.end()]))
                closes_at = token.start() if is_inside and depth == 1 else closes_at
            case text:
                key = text if depth == 1 else key
    rest = _answers.decode(body[:opens_at] + body[closes_at:] if closes_at else body)
    return _Answer(items, rest.cursor, rest.hitsTotal)


def decode_get_posts(body: bytes, now: datetime) -> ViewPage:
    """Return the posts of a getPosts answer; those that are gone are simply not in it."""
    return decode_search_page(body, now)


def _each(
    items: Iterable[msgspec.Raw], translate: Callable[[object, bytes], Seen]
) -> tuple[tuple[Seen, ...], tuple[Skipped, ...]]:
    posts: list[Seen] = []
    skipped: list[Skipped] = []
    for item in items:
        raw = bytes(item)
        taken = take_item(raw, translate)
        if isinstance(taken, Seen):
            posts.append(taken)
        else:
            skipped.append(taken)
    return tuple(posts), tuple(skipped)


def take_item(raw: bytes, translate: Callable[[object, bytes], Seen]) -> Seen | Skipped:
    """Return what `translate` makes of one item's JSON, or Skipped with the reason. Never raises on any bytes."""
    decoded: object = None
    try:
        if len(raw) > ITEM_LIMIT:
            raise Unusable(f"larger than {ITEM_LIMIT:,} bytes")
        decoded = msgspec.json.decode(raw)
        return translate(decoded, raw)
    except Unusable as finding:
        reason = str(finding)
    except MALFORMED as error:
        reason = f"not readable: {error}"
    uri = mapping_in(decoded).get("uri")
    ref = clean_line(uri, 300) if isinstance(uri, str) else ""
    return Skipped(clean_line(reason, 300), raw[:RAW_KEPT_OF_SKIPPED], ref or None)


# ---- one post --------------------------------------------------------------------------------------------------------


def translate_view(view: object, raw: bytes, now: datetime) -> Seen:
    """Return a post as an AppView shows it. Raises Unusable."""
    fields = mapping_in(view)
    address = _address(fields.get("uri"))
    record = _record(fields.get("record"))
    author = _author(fields.get("author"), now)
    if author.ref != address.did:
        raise Unusable("its author is not the one in its address")
    counts = Counts(*(count_in(fields.get(f"{name}Count")) for name in ("reply", "repost", "like", "quote")))
    indexed_at = datetime_in(fields.get("indexedAt"))
    labels = active_labels(items_in(fields.get("labels")), now)
    embed = read_embed(fields.get("embed"))
    post = _post(address, fields.get("cid"), record, author, indexed_at, labels, embed, counts)
    return Seen(post, raw, address.rkey)


def translate_record(
    address: PostAddress, cid: object, record: object, raw: bytes, seen_at: datetime | None, revision: str | None
) -> Seen:
    """Return a post as its bare record, as the live stream carries it: without name, counts, pictures and others'
    labels.

    `seen_at` is when the stream saw it: a record that claims a later time was not written then. Raises Unusable.
    """
    author = Account(Network.BLUESKY, ref=address.did, handle="", name="", url=profile_url(address.did))
    embed = read_embed(mapping_in(record).get("embed"))
    post = _post(address, cid, _record(record), author, seen_at, frozenset(), embed, Counts(), revision)
    return Seen(post, raw, address.rkey, is_complete=False)


def _post(
    address: PostAddress,
    cid: object,
    record: Mapping[str, object],
    author: Account,
    seen_at: datetime | None,
    labels: frozenset[str],
    embed: Embed,
    counts: Counts,
    revision: str | None = None,
) -> Post:
    text = record.get("text")
    if not isinstance(text, str):
        raise Unusable("has no text")
    text = text[:TEXT_LIMIT]
    times = [at for at in (datetime_in(record.get("createdAt")), seen_at) if at]
    if not times:
        raise Unusable("has no date")
    ref = PostRef(Network.BLUESKY, address.uri)
    labels |= _self_labels(record.get("labels"))
    facets = items_in(record.get("facets"))
    return Post(
        ref=ref,
        url=address.url,
        author=author,
        created_at=min(times),  # the network's own sortAt: an author may claim an earlier time, never a later one
        text=clean_text(text, TEXT_LIMIT),
        html=linked_html(text, facet_spans(text, facets)),
        revision=revision,
        version=cid if isinstance(cid, str) and is_cid(cid) else None,
        languages=_languages(record.get("langs")),
        hashtags=read_hashtags(text, facets, items_in(record.get("tags"))),
        media=embed.media,
        card=embed.card,
        reply_to=_reply_to(record.get("reply")),
        is_reply=bool(mapping_in(record.get("reply"))),
        quote=embed.quote if embed.quote != ref else None,
        quote_url=embed.quote_url if embed.quote != ref else None,
        is_sensitive=bool(labels & _SENSITIVE_LABELS),
        labels=labels,
        bridged_from=safe_url(record.get("bridgyOriginalUrl")),
        counts=counts,
    )


def _address(uri: object) -> PostAddress:
    address = read_post_address(uri) if isinstance(uri, str) else None
    if address is None:
        raise Unusable("its address is not that of a post by a DID")
    return address


def _record(record: object) -> Mapping[str, object]:
    fields = mapping_in(record)
    if fields.get("$type", POST_COLLECTION) != POST_COLLECTION or not fields:
        raise Unusable("its record is not a post")
    return fields


def _author(author: object, now: datetime) -> Account:
    fields = mapping_in(author)
    did = fields.get("did")
    if not isinstance(did, str) or not is_did(did):
        raise Unusable("its author has no DID")
    handle = text_in(fields.get("handle"))
    name = clean_line(text_in(fields.get("displayName")), NAME_LIMIT)
    labels = active_labels(items_in(fields.get("labels")), now)
    bio = f"{name}\n{clean_text(text_in(fields.get('description')), 4 * NAME_LIMIT)}"
    return Account(
        Network.BLUESKY,
        ref=did,
        handle=handle if is_handle(handle) and handle != "handle.invalid" else did,
        name=name,
        url=profile_url(did),
        avatar_url=safe_url(fields.get("avatar")),
        is_bot="bot" in labels,
        is_suspended=bool(labels & {"!suspend", "!takedown"}),
        is_blocked=_is_blocked(fields.get("viewer")),
        labels=labels,
        bio_tags=frozenset(tag.name for tag in find_hashtags(bio)),
    )


def _is_blocked(viewer: object) -> bool | None:
    """Return whether the account that reads blocks or mutes the author, or is blocked; None where nobody is signed in.

    `viewerState` in app.bsky.actor.defs, read November 2026. A mute of reposts or quotes alone is none of the posts.
    """
    if not isinstance(viewer, dict):
        return None
    said = ("blocking", "blockingByList", "mutedByList")
    return any(viewer.get(name) for name in said) or any(viewer.get(name) is True for name in ("muted", "blockedBy"))


def _reply_to(reply: object) -> PostRef | None:
    parent = mapping_in(mapping_in(reply).get("parent")).get("uri")
    address = read_post_address(parent) if isinstance(parent, str) else None
    return PostRef(Network.BLUESKY, address.uri) if address else None


def _languages(langs: object) -> tuple[str, ...]:
    given = (tag for tag in items_in(langs)[:10] if isinstance(tag, str) and is_language(tag))
    return tuple(dict.fromkeys(given))


# ---- words: facets and hashtags --------------------------------------------------------------------------------------


def facet_spans(text: str, facets: Iterable[object]) -> list[tuple[int, int, str]]:
    """Return (start, end, address) in code points of `text` for each facet that leads somewhere.

    Facets count UTF-8 bytes and no server checks them: one that is empty, outside of the text or that cuts a code point
    is left out. Overlaps are settled by `linked_html`: the first one wins.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    spans = []
    for facet in facets:
        fields = mapping_in(facet)
        index = mapping_in(fields.get("index"))
        href = _facet_href(items_in(fields.get("features")))
        span = _code_points(encoded, index.get("byteStart"), index.get("byteEnd"))
        if href and span:
            spans.append((*span, href))
    return spans


def _code_points(encoded: bytes, start: object, end: object) -> tuple[int, int] | None:
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(encoded):
        return None
    cuts_code_point = any(at < len(encoded) and encoded[at] & 0xC0 == 0x80 for at in (start, end))
    if cuts_code_point:
        return None
    before = len(encoded[:start].decode("utf-8", "surrogatepass"))
    return before, before + len(encoded[start:end].decode("utf-8", "surrogatepass"))


def _facet_href(features: Iterable[object]) -> str | None:
    for feature in features:
        fields = mapping_in(feature)
        href = None
        match fields.get("$type"):
            case "app.bsky.richtext.facet#link":
                href = safe_url(fields.get("uri"))
            case "app.bsky.richtext.facet#mention":
                did = text_in(fields.get("did"))
                href = profile_url(did) if is_did(did) else None
            case "app.bsky.richtext.facet#tag":
                tag = read_hashtag(fields.get("tag"))
                href = safe_url(f"https://bsky.app/hashtag/{quote(tag.label, safe='')}") if tag else None
        if href:
            return href
    return None


def read_hashtags(text: str, facets: Iterable[object], outline: Iterable[object]) -> tuple[Hashtag, ...]:
    """Return the hashtags of a post, each name once: those of its facets, its hidden `tags`, and those that only stand
    in its text.
    """
    features = (mapping_in(feature) for facet in facets for feature in items_in(mapping_in(facet).get("features")))
    labels = [feature.get("tag") for feature in features if feature.get("$type") == f"{_FACET}tag"]
    labels += outline
    tags = [tag for tag in map(read_hashtag, labels) if tag]
    tags += (_named(tag.label) for tag in find_facet_hashtags(text))
    return tuple({tag.name: tag for tag in reversed(tags)}.values())[::-1][:LIST_LIMIT]


def read_hashtag(label: object) -> Hashtag | None:
    """Return a hashtag as a facet or the hidden list names it; some clients leave the # on."""
    if not isinstance(label, str):
        return None
    label = clean_line(label[:640], 640).removeprefix("#").removeprefix("＃")
    return _named(label) if label else None


def _named(label: str) -> Hashtag:
    """Return the hashtag of `label`, named as it is compared.

    On Bluesky a tag reaches to the next white space and "shareASM-day" is one: where the common fold would drop such a
    character and make two tags one, the tag keeps it in its name.
    """
    whole = unicodedata.normalize("NFKC", label).lower()
    folded = fold_hashtag(label)
    return Hashtag(folded if len(folded) == len(whole) else whole, label)


# ---- labels ----------------------------------------------------------------------------------------------------------


def active_labels(labels: Iterable[object], now: datetime) -> frozenset[str]:
    """Return the values that hold at `now`: neither taken back later by the same labeler nor expired."""
    states: dict[tuple[str, str], bool] = {}
    for fields in sorted(map(mapping_in, labels), key=lambda label: text_in(label.get("cts"))):
        value = clean_line(text_in(fields.get("val")), 128)
        expires_at = datetime_in(fields.get("exp"))
        if value:
            is_active = fields.get("neg") is not True and not (expires_at and expires_at <= now)
            states[text_in(fields.get("src")), value] = is_active
    return frozenset(value for (_, value), is_active in states.items() if is_active)


def _self_labels(labels: object) -> frozenset[str]:
    values = (mapping_in(label).get("val") for label in items_in(mapping_in(labels).get("values")))
    return frozenset(clean_line(value, 128) for value in values if isinstance(value, str) and value)
