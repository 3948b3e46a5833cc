"""A feed's bytes become Posts: RSS 2.0, RSS 1.0 and Atom, with what YouTube and PeerTube add. Pure.

An entry is a partner's own work, so its words are its title and the beginning of its summary; what it links to is the card.
Sources: rssboard.org/rss-specification, RFC 4287, rssboard.org/media-rss.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin
from xml.etree import ElementTree as ET
from xml.parsers import expat

from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.posts import Account, Card, Hashtag, Media, MediaKind, Network, Post, PostRef
from shareasm.domain.richtext import clean_line, find_hashtags, fold_hashtag, linked_html, safe_url, to_text, truncate

ENTRIES_LIMIT = 200
"""Entries of one feed that are read, the first ones: feeds begin with the newest."""

SUMMARY_LENGTH = 400  # graphemes
RAW_KEPT = 64_000  # bytes of one entry's XML

_ATOM = "{http://www.w3.org/2005/Atom}"
_RSS1 = "{http://purl.org/rss/1.0/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_VIDEO_HOSTS = ("www.youtube.com", "youtube.com", "youtu.be")


class NoFeed(ValueError):
    """The bytes are no feed; the message says why."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as read: its entries, and what could not be taken."""

    title: str
    seen: tuple[Seen, ...]
    skipped: tuple[Skipped, ...]


def read_feed(data: bytes, url: str, now: datetime, language: str | None = None) -> Feed:
    """Return the entries of a feed at `url`. `language` is declared by the campaign, where the feed itself says none.

    Raises NoFeed. One bad entry never costs the others.
    """
    root = _parse(data)
    channel = root if root.tag == f"{_ATOM}feed" else _child(root, "channel", f"{_RSS1}channel")
    if channel is None:
        raise NoFeed("it is XML, but neither RSS nor Atom")
    author = _author(channel, url)
    spoken = channel.get(_XML_LANG) or _text(channel, "language", f"{_DC}language") or language or ""
    entries = [*channel.iter("item"), *root.iter(f"{_RSS1}item"), *root.iter(f"{_ATOM}entry")]
    seen: list[Seen] = []
    skipped: list[Skipped] = []
    for entry in entries[:ENTRIES_LIMIT]:
        raw = _raw(entry)
        try:
            post = _post(entry, author, url, now, spoken)
        except ValueError as finding:
            skipped.append(Skipped(clean_line(str(finding), 300), raw[:4096]))
        else:
            seen.append(Seen(post, raw, post.ref.uri))
    return Feed(author.name, tuple(seen), tuple(skipped))


def _raw(entry: ET.Element) -> bytes:
    try:
        return ET.tostring(entry)[:RAW_KEPT]
    except RecursionError:  # elements in elements, a thousand deep
        return b""


def _parse(data: bytes) -> ET.Element:
    reader = expat.ParserCreate()
    reader.EntityDeclHandler = _refuse_entity  # in whatever encoding it is written
    try:
        reader.Parse(data, True)
        return ET.fromstring(data)  # noqa: S314  expat 2.4.1 and later bound what entities unfold to
    except NoFeed:
        raise
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        raise NoFeed(f"it is not XML ({clean_line(str(error), 120)})") from error


def _refuse_entity(*_: object) -> None:
    raise NoFeed("it defines entities, as attacks do and feeds do not")


def _author(channel: ET.Element, url: str) -> Account:
    title = clean_line(to_text(_text(channel, "title", f"{_ATOM}title", f"{_RSS1}title")), 200)
    try:
        page = safe_url(urljoin(url, _link(channel))) or safe_url(url) or ""
    except ValueError:  # what it gives as its address is none
        page = safe_url(url) or ""
    host = page.partition("://")[2].partition("/")[0]
    return Account(Network.WEB, ref=url, handle=host, name=title or host, url=page)


def _post(entry: ET.Element, author: Account, url: str, now: datetime, language: str) -> Post:
    link = safe_url(urljoin(url, _link(entry)))
    if link is None:
        raise ValueError("an entry without an address that can be opened")
    identity = _text(entry, "guid", f"{_ATOM}id") or link
    title = clean_line(to_text(_text(entry, "title", f"{_ATOM}title", f"{_RSS1}title", f"{_MEDIA}title")), 300)
    summary = to_text(_summary(entry))
    words = truncate(summary, SUMMARY_LENGTH) if summary and summary != title else title
    if not words:
        raise ValueError("an entry without words")
    made_at = _instant(entry, "pubDate", f"{_ATOM}published", f"{_DC}date", f"{_ATOM}updated")
    if made_at is None:  # taken for new at each reading, it would wander through the day
        raise ValueError("an entry without a date")
    still = safe_url(_still(entry))
    is_video = link.partition("://")[2].partition("/")[0] in _VIDEO_HOSTS or _has_video(entry)
    return Post(
        ref=PostRef(Network.WEB, f"{url}#{identity}"[:2000]),
        url=link,
        author=author,
        created_at=min(made_at, now),
        text=words,
        html=linked_html(words, ()),
        languages=(language,) if language else (),
        hashtags=_hashtags(entry, f"{title} {summary}"),
        media=(Media(MediaKind.VIDEO, link, title or None, still),) if is_video else (),
        card=None if is_video else Card(link, title or words, image_url=still),
    )


def _hashtags(entry: ET.Element, words: str) -> tuple[Hashtag, ...]:
    """Return the entry's hashtags: in its words, and its categories, which are a blog's hashtags."""
    labels = [
        category.get("term") or category.text or "" for category in _children(entry, "category", f"{_ATOM}category")
    ]
    labels += [clean_line(part, 100) for part in _text(entry, f"{_MEDIA}keywords").split(",")]
    named = (Hashtag(fold_hashtag(label), clean_line(label, 100)) for label in labels)
    found = {tag.name: tag for tag in [*named, *find_hashtags(words)] if tag.name}
    return tuple(found.values())


# ---- XML ---------------------------------------------------------------------------------------------------------------


def _children(element: ET.Element, *names: str) -> Iterator[ET.Element]:
    for name in names:
        yield from element.iterfind(name)


def _child(element: ET.Element, *names: str) -> ET.Element | None:
    return next(_children(element, *names), None)


def _text(element: ET.Element, *names: str) -> str:
    """Return the words of the first of these children that has any."""
    for child in _children(element, *names):
        if words := "".join(child.itertext()).strip():
            return words
    return ""


def _link(element: ET.Element) -> str:
    """Return where an entry or a channel leads: RSS has the address as text, Atom as an attribute of one of many links."""
    for link in element.iterfind(f"{_ATOM}link"):
        if link.get("rel", "alternate") == "alternate" and link.get("href"):
            return link.get("href", "")
    return _text(element, "link", f"{_RSS1}link") or _permalink(element)


def _permalink(element: ET.Element) -> str:
    guid = element.find("guid")
    return (guid.text or "").strip() if guid is not None and guid.get("isPermaLink", "true") == "true" else ""


def _summary(entry: ET.Element) -> str:
    group = entry.find(f"{_MEDIA}group")
    own = _text(
        entry, "description", f"{_ATOM}summary", f"{_RSS1}description", f"{_ATOM}content", f"{_MEDIA}description"
    )
    return own or (_text(group, f"{_MEDIA}description") if group is not None else "")


def _still(entry: ET.Element) -> str:
    for thumbnail in entry.iter(f"{_MEDIA}thumbnail"):
        return thumbnail.get("url", "")
    for enclosure in entry.iterfind("enclosure"):
        if enclosure.get("type", "").startswith("image/"):
            return enclosure.get("url", "")
    return ""


def _has_video(entry: ET.Element) -> bool:
    kinds = [item.get("type", "") or item.get("medium", "") for item in entry.iter(f"{_MEDIA}content")]
    kinds += [item.get("type", "") for item in entry.iterfind("enclosure")]
    return any(kind.startswith("video") for kind in kinds)


def _instant(entry: ET.Element, *names: str) -> datetime | None:
    """Return an instant as RSS (RFC 822) or Atom (RFC 3339) writes it; None where there is none to read."""
    for child in _children(entry, *names):
        words = (child.text or "").strip()
        for read in (datetime.fromisoformat, parsedate_to_datetime):
            try:
                instant = read(words)
                return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
            except (ValueError, TypeError, OverflowError, IndexError):
                continue
    return None
