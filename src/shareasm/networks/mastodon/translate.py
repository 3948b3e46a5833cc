"""One status of a Mastodon-API server becomes one Post. Pure.

Stands at the door of the collecting line. Everything that comes in is hostile: a field of the wrong type or with an odd value
falls back to its default, and an item that lacks what makes it a post (identity, author, time, words) is skipped with the
reason. One bad item never costs its page.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import langcodes
import msgspec

from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.posts import (
    Account,
    Card,
    Counts,
    Hashtag,
    Network,
    Poll,
    Post,
    PostRef,
    Visibility,
)
from shareasm.domain.richtext import (
    clean_line,
    clean_text,
    find_hashtags,
    named_hashtag,
    read_html,
    safe_url,
    url_host,
)
from shareasm.networks.mastodon.attachments import media_of
from shareasm.networks.mastodon.authors import NAME_LIMIT, author_of
from shareasm.networks.mastodon.entities import (
    PreviewCard,
    Quote,
    Status,
    StatusPoll,
    Tag,
    Unfit,
    decode_status,
    split_page,
)

TAG_LIMIT = 60
OPTION_LIMIT = 20
TEXT_LIMIT = 5_000  # code points of a content warning or a card's description
SKIPPED_LIMIT = 4_096

BRIDGE = "https://bsky.brid.gy/convert/ap/"
"""Bridgy Fed's copies of Bluesky posts carry the original's at-uri behind this (platform facts 8, rule 2)."""

# ---- a page ------------------------------------------------------------------------------------------------------------


class Decoded(NamedTuple):
    """One page as it came. `ids` are the server's own, in its order, also of items that were skipped: paging needs them."""

    posts: list[Seen]
    skipped: list[Skipped]
    ids: list[str]


def decode_page(body: bytes, server: str, domain: str | None = None) -> Decoded:
    """Return every status of a JSON list as a Post or as skipped with its reason. `server` is the base URL that was asked.

    `domain` is the host in the handles of its own accounts, where it is known.

    A boost gives the post that it boosts. Raises ValueError where `body` is no JSON list at all.
    """
    page = Decoded([], [], [])
    for item in split_page(body):
        outcome, local_id = _translate(item, server, domain)
        if local_id:
            page.ids.append(local_id)
        if isinstance(outcome, Seen):
            page.posts.append(outcome)
        else:
            page.skipped.append(outcome)
    return page


def translate_status(item: bytes, server: str) -> Seen | Skipped:
    """Return one status as a Post, or why it is none."""
    return _translate(item, server, None)[0]


_REMEMBERED = 8_000  # bytes of JSON


def _translate(item: bytes, server: str, domain: str | None) -> tuple[Seen | Skipped, str]:
    return (_translated if len(item) <= _REMEMBERED else _outcome)(item, server, domain)


def _outcome(item: bytes, server: str, domain: str | None) -> tuple[Seen | Skipped, str]:
    local_id = ""
    try:
        status = decode_status(item)
        local_id = str(status.id) if is_usable_id(status.id) else ""
        if bytes(status.reblog) != b"null":
            item = bytes(status.reblog)
            status = decode_status(item)
        return _seen(status, item, server, domain), local_id
    except Unfit as unfit:
        return _set_aside(str(unfit), item), local_id


_translated = lru_cache(maxsize=2048)(_outcome)
"""A timeline is read again and again, and most of it is what it was: then also the fingerprint is known (Seen.kept)."""


def _set_aside(reason: str, item: bytes) -> Skipped:
    """Return a skipped item, with its words and address only where it says itself that it is public."""
    match = re.search(rb'"uri":\s*"([^"\\]{1,300})"', item)
    uri = clean_line(match[1].decode("utf-8", "replace"), NAME_LIMIT) if match else ""
    reason = clean_line(reason, NAME_LIMIT)
    if not _says_public(item):
        return Skipped(reason, b"", secret=uri or item[:SKIPPED_LIMIT].decode("utf-8", "replace"))
    return Skipped(reason, item[:SKIPPED_LIMIT], uri or None)


def _says_public(item: bytes) -> bool:
    try:
        found = msgspec.json.decode(item.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("visibility") == "public" and not found.get("local_only")


_ID = re.compile(r"[!-~][ -~]{0,299}")  # printable ASCII


def is_usable_id(value: object) -> bool:
    """Return whether it is an id as servers give them: it goes into addresses, and into the store."""
    return isinstance(value, str | int) and _ID.fullmatch(str(value)) is not None


# ---- a status ----------------------------------------------------------------------------------------------------------


def _seen(status: Status, item: bytes, server: str, domain: str | None) -> Seen:
    local_id = str(status.id)
    if not is_usable_id(status.id):
        raise Unfit("it has no usable id")
    uri = normal_uri(status.uri, status.url)
    author = author_of(bytes(status.account), server, domain)
    _refuse_forgery(uri, author)
    post = _post(status, uri, author)
    if status.content is None and not (post.media or post.poll or post.content_warning):
        raise Unfit("it has neither words nor media")
    answered = str(status.in_reply_to_id) if post.is_reply and is_usable_id(status.in_reply_to_id) else None
    return Seen(post, item, local_id, parent_local_id=answered)


def _post(status: Status, uri: str, author: Account) -> Post:
    words = read_html(status.content or "")
    warning = clean_text(status.spoiler_text or "", TEXT_LIMIT).strip()
    quote = _quote(status.quote, uri)
    return Post(
        ref=PostRef(Network.MASTODON, uri),
        url=safe_url(status.url) or safe_url(uri) or "",
        author=author,
        created_at=_created_at(status.created_at),
        text=words.text,
        html=words.html,
        edited_at=parse_time(status.edited_at),
        languages=_languages(status.language),
        hashtags=_hashtags(status.tags, f"{words.prose}\n{warning}"),
        media=media_of(status.media_attachments),
        card=_card(status.card),
        poll=_poll(status.poll),
        is_reply=status.in_reply_to_id not in (None, "", status.id),
        quote=quote[0] if quote else None,
        quote_url=quote[1] if quote else None,
        visibility=_visibility(status),
        content_warning=warning,
        is_sensitive=bool(status.sensitive),
        bridged_from=uri.removeprefix(BRIDGE) if uri.startswith(f"{BRIDGE}at://") else None,
        application=clean_line((status.application and status.application.name) or "", NAME_LIMIT) or None,
        counts=_counts(status),
    )


_HTTP_URI = re.compile(r"https?://", re.IGNORECASE)
_ODD = re.compile(r"[\s\x00-\x1f\x7f-\x9f<>\"]")


def normal_uri(uri: str, url: str | None) -> str:
    """Return `uri` in its one spelling: scheme and host in lower case, no default port, no slash at the end.

    The slash stays where the server ends its pages (`url`) with one too: Takahē does. What is not http(s) stays as it is
    (`tag:` of old OStatus servers). Raises Unfit for what is no URI.
    """
    if not uri or len(uri) > 2048 or _ODD.search(uri):
        raise Unfit("its uri is not one")
    if not _HTTP_URI.match(uri):
        return uri
    scheme, _, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    scheme, host = scheme.lower(), host.lower()
    host = host.removesuffix(":443" if scheme == "https" else ":80")
    found = f"{scheme}://{host}{slash}{path}"
    return found if url and url.endswith("/") else found.rstrip("/")


def _refuse_forgery(uri: str, author: Account) -> None:
    """A post belongs to the server in its uri: an author of another server cannot have written it (security.md 2).

    Bridgy Fed's posts and accounts share its host; `tag:` uris name a server that cannot be compared.
    """
    if uri.startswith(f"{author.ref}/"):  # Mastodon's own form
        return
    home = url_host(uri)
    author_host = url_host(author.ref) or url_host(author.url)
    if home and author_host and not _is_same_site(home, author_host):
        raise Unfit("forged: its uri is of another server than its author")


def _is_same_site(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}") or "bsky.brid.gy" in (one, other)


def _created_at(value: str) -> datetime:
    when = parse_time(value)
    if when is None:
        raise Unfit("its time is not between 1990 and 2100")
    return when


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(?:[Zz]|([+-])(\d\d):?(\d\d)?)?"
)


def parse_time(value: str | None) -> datetime | None:
    """Return an ISO 8601 date-time as aware UTC; None unless it is one between 1990 and 2100. Without a zone it is UTC.

    A leap second is the second after it.
    """
    if not value or len(value) >= 64:
        return None
    when = _usual_time(value) or _odd_time(value)
    return when if when and 1990 <= when.year < 2100 else None


def _usual_time(value: str) -> datetime | None:
    """Return a time written as Mastodon does, `2027-02-03T06:00:00.000Z`: several times as fast as the general way."""
    if len(value) != 24 or value[7] != "-" or value[23] != "Z":
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _odd_time(value: str) -> datetime | None:
    match = _TIME.fullmatch(value.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, off_hours, off_minutes = match.groups()
    seconds = int(second or 0)
    leap = timedelta(seconds=1 if seconds == 60 else 0)
    micros = int((fraction or "").ljust(6, "0")[:6] or 0)
    try:
        when = datetime(int(year), int(month), int(day), int(hour), int(minute), min(seconds, 59), micros, UTC) + leap
        offset = timedelta(hours=int(off_hours or 0), minutes=int(off_minutes or 0))
        when += offset if sign == "-" else -offset
    except (ValueError, OverflowError):
        return None
    return when if seconds <= 60 else None


def _visibility(status: Status) -> Visibility:
    if status.local_only:
        return Visibility.PRIVATE
    return {"public": Visibility.PUBLIC, "unlisted": Visibility.UNLISTED}.get(
        status.visibility or "", Visibility.PRIVATE
    )


def _languages(code: str | None) -> tuple[str, ...]:
    language = normal_language(code) if code else None
    return (language,) if language else ()


@lru_cache(maxsize=512)
def normal_language(code: str) -> str | None:
    """Return a language code as BCP 47 spells it (`en_US` → `en-US`), None where it is none or says nothing."""
    if len(code) > 35:
        return None
    try:
        language = langcodes.standardize_tag(code.replace("_", "-"))
    except ValueError:
        return None
    return language if language != "und" else None


def _hashtags(tags: list[Tag] | None, text: str) -> tuple[Hashtag, ...]:
    """Return the hashtags that the server lists, in the author's own spelling; without a list those of the words.

    Servers send names folded, some sorted; the text says how they were written. A name that is no hashtag is left out.
    """
    written = {tag.name: tag for tag in find_hashtags(text)}
    if not tags:
        return tuple(written.values())[:TAG_LIMIT]
    found: dict[str, Hashtag] = {}
    for tag in tags[:TAG_LIMIT]:
        listed = named_hashtag(tag.name)
        if listed:
            found.setdefault(listed.name, written.get(listed.name, listed))
    return tuple(found.values())


def _card(card: PreviewCard | None) -> Card | None:
    url = safe_url(card.url) if card else None
    if card is None or url is None:
        return None
    return Card(
        url,
        clean_line(card.title or "", NAME_LIMIT),
        clean_text(card.description or "", TEXT_LIMIT).strip(),
        safe_url(card.image),
    )


def _poll(poll: StatusPoll | None) -> Poll | None:
    if poll is None or not poll.options:
        return None
    options = tuple(
        (clean_line(option.title, NAME_LIMIT), option.votes_count if (option.votes_count or 0) >= 0 else None)
        for option in poll.options[:OPTION_LIMIT]
    )
    return Poll(options, parse_time(poll.expires_at))


def _quote(quote: Quote | None, own_uri: str) -> tuple[PostRef, str | None] | None:
    """Return what is quoted where its author agreed. Other states (pending, revoked, unknown ones) show no quote."""
    if quote is None or quote.state != "accepted" or quote.quoted_status is None:
        return None
    try:
        uri = normal_uri(quote.quoted_status.uri, quote.quoted_status.url)
    except Unfit:
        return None
    if uri == own_uri:
        return None
    return PostRef(Network.MASTODON, uri), safe_url(quote.quoted_status.url) or safe_url(uri)


def _counts(status: Status) -> Counts:
    counts = (status.replies_count, status.reblogs_count, status.favourites_count, status.quotes_count)
    return Counts(*(min(max(count or 0, 0), 2**31 - 1) for count in counts))
