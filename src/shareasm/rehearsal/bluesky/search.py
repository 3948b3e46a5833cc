"""The stand-in's searches: which posts a query finds.

Production's search service is not published; this follows the lexicon's words for each parameter, and can imitate two
quirks: `tag` ignored (atproto#3301), and dev-env's own substring search, which heeds nothing but `q`.
"""

import json
import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from shareasm.rehearsal.bluesky.lexicon import Json, Record
from shareasm.rehearsal.bluesky.repo import StoredRecord
from shareasm.rehearsal.bluesky.xrpc import Call, bad_request

_WORD = re.compile(r"\w+")
_PART = re.compile(r'(-?)"([^"]*)"|(\S+)')
_EVER, _NEVER = "1970-01-01", "9999-01-01"

RECENT = timedelta(days=7)
"""How far back the search by hashtag looks unless it is asked for all time; production does not say."""

_KEYED = re.compile(r"(from|author|mentions|to|domain|lang|since|until):(.+)")


class SearchKind(StrEnum):
    """How faithful to its lexicon the search is."""

    FULL = "full"
    IGNORES_TAG = "ignores tag"  # `tag=` does nothing; `#tag` in q works
    SUBSTRING = "substring"  # dev-env's own: the text contains q, case and all; only q, limit and cursor are heeded


@dataclass(frozen=True, slots=True)
class Found:
    """A post as search sees it."""

    record: StoredRecord
    sorted_at: datetime
    like_count: int
    indexed_at: datetime


@dataclass(slots=True)
class _Query:
    words: list[str] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    keyed: dict[str, str] = field(default_factory=dict)  # author, mentions, domain, url, lang, since, until


def search(
    call: Call, posts: Iterator[Found], kind: SearchKind, did_of: Callable[[str], str | None]
) -> tuple[list[Found], str | None]:
    """Return one page of what `call` finds, and the cursor of the next: an offset, so that new posts shift the pages."""
    text = call.text("q")
    limit = call.whole("limit", 25, 1, 100)
    cursor = call.query.get("cursor") or "0"
    if not cursor.isdigit():
        raise bad_request("bad cursor", "BadQueryString")
    if kind is SearchKind.SUBSTRING:
        hits = [post for post in posts if text in str(post.record.value.get("text", ""))]
    else:
        query = _parsed(text, call, ignores_tag=kind is SearchKind.IGNORES_TAG)
        hits = [post for post in posts if _matches(query, post, did_of)]
    hits.sort(key=lambda post: (post.sorted_at, post.record.uri), reverse=True)
    if call.query.get("sort") == "top":
        hits.sort(key=lambda post: post.like_count, reverse=True)
    end = int(cursor) + limit
    return hits[int(cursor) : end], str(end) if end < len(hits) else None


def search_by_tag(call: Call, posts: Iterator[Found], now: datetime) -> tuple[list[Found], str | None, int]:
    """Return one page of what `searchPostsV2` finds by hashtags and words, the cursor of the next, and how many there are.

    It goes by when a post was indexed, as its lexicon says, and sees only recent ones unless asked for all time.
    """
    tags = {_folded(tag) for tag in call.query.getlist("hashtags")}
    words = _WORD.findall(_folded(call.query.get("query", "")))
    if not tags and not words:
        raise bad_request("a query or at least one filter is required")
    limit, start = call.whole("limit", 25, 1, 100), _offset(call.query.get("cursor"))
    since, until = (
        _instant(call.query.get(key, "") or otherwise) for key, otherwise in (("since", _EVER), ("until", _NEVER))
    )
    if call.query.get("allTime") != "true":
        since = max(since, now - RECENT)
    hits = [post for post in posts if since <= post.indexed_at < until and _has_any(tags, words, post)]
    hits.sort(key=lambda post: (post.indexed_at, post.record.uri), reverse=True)
    end = start + limit
    return hits[start:end], _cursor(end) if end < len(hits) else None, len(hits)


def _has_any(tags: set[str], words: list[str], post: Found) -> bool:
    theirs, _, _ = _features(post.record.value)
    text = _WORD.findall(_folded(str(post.record.value.get("text", ""))))
    return (not tags or bool(tags & theirs)) and all(word in text for word in words)


def _cursor(offset: int) -> str:
    return b64encode(json.dumps({"offset": offset}).encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(json.loads(b64decode(cursor, validate=True))["offset"])
    except (ValueError, KeyError, TypeError):
        raise bad_request("Invalid cursor format") from None


def _parsed(text: str, call: Call, *, ignores_tag: bool) -> _Query:
    query = _Query(tags=[] if ignores_tag else [_folded(tag) for tag in call.query.getlist("tag")])
    for key in ("author", "mentions", "domain", "lang", "url", "since", "until"):
        if value := call.query.get(key):
            query.keyed[key] = value
    for minus, phrase, word in _PART.findall(text):
        if not word:
            (query.excluded if minus else query.phrases).append(_folded(phrase))
        else:
            _add_word(query, word)
    for key in ("since", "until"):
        if key in query.keyed:
            _instant(query.keyed[key])
    return query


def _add_word(query: _Query, word: str) -> None:
    keyed = _KEYED.fullmatch(word)
    if word == "*":
        return
    if word.startswith("did:"):
        query.keyed["author"] = word
    elif keyed:
        query.keyed[{"from": "author", "to": "mentions"}.get(keyed[1], keyed[1])] = keyed[2].removeprefix("@")
    elif word[0] in "#＃" and len(word) > 1:
        query.tags.append(_folded(word[1:]))
    elif word[0] == "-" and len(word) > 1:
        query.excluded.append(_folded(word[1:]))
    else:
        query.words += _WORD.findall(_folded(word))


def _matches(query: _Query, post: Found, did_of: Callable[[str], str | None]) -> bool:
    record = post.record.value
    tags, links, mentions = _features(record)
    text = _folded(f"{record.get('text', '')} {' '.join(_alt_texts(record))} {' '.join(tags)}")
    words = set(_WORD.findall(text))
    return (
        all(tag in tags for tag in query.tags)
        and all(word in words for word in query.words)
        and all(phrase in text for phrase in query.phrases)
        and not any(word in words for word in query.excluded)
        and all(_keyed_match(key, value, post, links, mentions, did_of) for key, value in query.keyed.items())
    )


def _keyed_match(
    key: str, value: str, post: Found, links: list[str], mentions: set[str], did_of: Callable[[str], str | None]
) -> bool:
    match key:
        case "author":
            return did_of(value) == post.record.did
        case "mentions":
            return did_of(value) in mentions
        case "lang":
            languages = post.record.value.get("langs")
            return isinstance(languages, list) and value.split("-")[0].lower() in (
                str(language).split("-")[0].lower() for language in languages
            )
        case "domain":
            return any((urlsplit(link).hostname or "").removeprefix("www.") == value for link in links)
        case "url":
            return any(link.rstrip("/") == value.rstrip("/") for link in links)
        case "since":
            return post.sorted_at >= _instant(value)
        case _:
            return post.sorted_at < _instant(value)


def _features(record: Record) -> tuple[set[str], list[str], set[str]]:
    """Return the folded tags (facets and `tags`), the links and the mentioned DIDs of a post."""
    listed = record.get("tags")
    tags = {_folded(str(tag)) for tag in listed} if isinstance(listed, list) else set()
    links, mentions = [], set()
    for feature in _facet_features(record):
        if "tag" in feature:
            tags.add(_folded(str(feature["tag"])))
        if "uri" in feature:
            links.append(str(feature["uri"]))
        if "did" in feature:
            mentions.add(str(feature["did"]))
    for embed in _embeds(record):
        external = embed.get("external")
        if isinstance(external, dict):
            links.append(str(external.get("uri", "")))
    return tags, links, mentions


def _facet_features(record: Record) -> Iterator[Record]:
    for facet in _objects(record.get("facets")):
        yield from _objects(facet.get("features"))


def _alt_texts(record: Record) -> Iterator[str]:
    for embed in _embeds(record):
        for picture in _objects(embed.get("images")):
            yield str(picture.get("alt", ""))
        external = embed.get("external")
        if isinstance(external, dict):
            yield f"{external.get('title', '')} {external.get('description', '')}"


def _embeds(record: Record) -> Iterator[Record]:
    embed = record.get("embed")
    if isinstance(embed, dict):
        yield embed
        media = embed.get("media")
        if isinstance(media, dict):
            yield media


def _objects(items: Json) -> Iterator[Record]:
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def _instant(text: str) -> datetime:
    """Return the instant of a datetime or date; without a zone it is UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f"not a datetime: {text}", "BadQueryString") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
