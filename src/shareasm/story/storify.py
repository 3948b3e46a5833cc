"""Storify's own exports: its JSON of 2012 to 2018 and of 2011, and its HTML, as it was or as a browser saved it.

What was seen of them, and where, stands in docs/notes/what-storify-left.md. All of it is other people's words: nothing is taken
for granted, one bad element never costs the story, and every piece of HTML goes through `domain.richtext`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from shareasm.domain.posts import SafeHtml
from shareasm.domain.richtext import clean_line, find_urls, linked_html, safe_url, sanitise, to_text
from shareasm.errors import ConfigError
from shareasm.story.outline import Element, read_outline

SIZE_LIMIT = 20_000_000
"""Characters of an export. The largest saved page that was seen has 2 million, for 717 elements."""

ELEMENT_LIMIT = 5_000
NAME_LENGTH = 120

_PLACES = {"twitter": "Twitter", "facebook": "Facebook", "youtube": "YouTube", "flickr": "Flickr", "instagram": "Instagram",
           "google": "the web", "storify": "Storify", "soundcloud": "SoundCloud", "vimeo": "Vimeo"}  # fmt: skip
_OLD_TYPES = {"photo": "image", "website": "link"}
"""What the JSON of 2011 called an element's class; what has no name here is read as a quotation."""


@dataclass(frozen=True, slots=True)
class OldText:
    """The narrator's words."""

    html: SafeHtml


@dataclass(frozen=True, slots=True)
class OldPost:
    """What somebody posted, as Storify kept it."""

    html: SafeHtml
    link: str = ""  # the original's address, http(s) or nothing
    name: str = ""
    handle: str = ""  # without @
    place: str = ""  # where it was posted: "Twitter", or a host
    at: datetime | None = None  # aware UTC
    picture: str = ""  # an address, http(s) or nothing
    title: str = ""  # of a page or a video


@dataclass(frozen=True, slots=True)
class OldChapter:
    """One chapter; the first one of a story may have no heading."""

    heading: str
    blocks: tuple[OldText | OldPost, ...]


@dataclass(frozen=True, slots=True)
class OldStory:
    """A story that was told on Storify."""

    title: str
    lede: SafeHtml
    chapters: tuple[OldChapter, ...]
    author: str = ""
    link: str = ""  # its address on storify.com
    at: datetime | None = None  # published

    @property
    def posts(self) -> tuple[OldPost, ...]:
        """Return every post, in order."""
        return tuple(block for chapter in self.chapters for block in chapter.blocks if isinstance(block, OldPost))


def read_storify(text: str) -> OldStory:
    """Return the story that an export tells. Raises ConfigError for a file that is none."""
    if len(text) > SIZE_LIMIT:
        raise ConfigError(f"the file is larger than {SIZE_LIMIT // 1_000_000} MB: no story of Storify's was")
    begin = text.lstrip("\ufeff \t\r\n")
    if not begin.startswith(("{", "[", "<")) and (call := re.match(r"[\w.$]+\((.*)\);?\s*$", begin, re.DOTALL)):
        begin = call[1]  # JSON with padding, as scripts asked for it
    story = _from_json(begin) if begin.startswith("{") else _from_page(read_outline(begin))
    if story is None or not story.chapters:
        raise ConfigError(
            "this is no story of Storify's: its JSON has a list “elements”, its HTML has elements of the class “s-element”"
        )
    return story


def _chaptered(pieces: Iterable[str | OldText | OldPost]) -> tuple[OldChapter, ...]:
    """Return pieces as chapters; a piece that is bare text is a heading."""
    chapters: list[tuple[str, list[OldText | OldPost]]] = [("", [])]
    for piece in pieces:
        if isinstance(piece, str):
            chapters.append((piece, []))
        else:
            chapters[-1][1].append(piece)
    return tuple(OldChapter(heading, tuple(blocks)) for heading, blocks in chapters if heading or blocks)


_HEADING = re.compile(r"<h[1-6]\b[^>]*>(.*?)</h[1-6]\s*>", re.IGNORECASE | re.DOTALL)


def _narrated(html: str) -> Iterator[str | OldText]:
    """Yield the headings and the texts of the narrator's HTML."""
    for place, part in enumerate(_HEADING.split(html)):
        words = clean_line(to_text(part), 300)
        if words:
            yield words if place % 2 else OldText(sanitise(part))


# ---- JSON ----------------------------------------------------------------------------------------------------------------


def _from_json(text: str) -> OldStory | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the JSON is broken: {error}. Export the story again, or take the HTML") from error
    root = _block(data, "content") or data
    elements = root.get("elements")
    if isinstance(elements, dict):  # 2011: by number
        elements = [value for _, value in sorted(elements.items(), key=lambda one: (len(one[0]), one[0]))]
    if not isinstance(elements, list):
        return None
    author, dates = _block(root, "author"), _block(root, "date")
    pieces = [piece for one in elements[:ELEMENT_LIMIT] if isinstance(one, dict) for piece in _element(one)]
    return OldStory(
        title=clean_line(to_text(_words(root, "title")), 300) or "Storify",
        lede=sanitise(_words(root, "description")),
        chapters=_chaptered(pieces),
        author=clean_line(_words(author, "name", "username"), NAME_LENGTH),
        link=_address(root.get("permalink")),
        at=_instant(dates.get("published") or root.get("published_at") or dates.get("created")),
    )


def _element(one: dict[str, Any]) -> Iterator[str | OldText | OldPost]:
    """Yield what one element of the JSON says."""
    kind = _words(one, "type") or _words(one, "elementClass")
    kind = _OLD_TYPES.get(kind, kind)
    data = _block(one, "data")
    if kind == "text":
        yield from _narrated(_words(data, "text") or _words(one, "description"))
        return
    source, by = _block(one, "source"), _block(one, "attribution") or _block(one, "author")
    inner, meta = _block(data, kind) or _block(data, "quote"), _block(one, "metadata")
    html = _words(inner, "text", "caption", "description") or _words(one, "description")
    link = _address(one.get("permalink")) or _address(inner.get("href"))
    source_name = _words(source, "name") or (one["source"] if isinstance(one.get("source"), str) else "")
    post = OldPost(
        html=_said(html),
        link=link,
        name=_name(_words(by, "name") or _words(_block(data, "oembed"), "author_name") or _words(source, "username")),
        handle=_name(_words(source, "username") or _words(by, "username")).lstrip("@"),
        place=_place(source_name, link),
        at=_instant(one.get("posted_at") or one.get("created_at")),
        picture=_address(inner.get("src") if kind == "image" else inner.get("thumbnail"))
        or _address(meta.get("url_m")),
        title=clean_line(to_text(_words(inner, "title")), 300),
    )
    if post.html or post.link or post.title:
        yield post


def _said(words: str) -> SafeHtml:
    """Return what a post said: as HTML where it is, else as lines with its addresses made links."""
    if "<" in words:
        return sanitise(words)
    text, spans, at = unescape(words), [], 0
    for url in find_urls(text):
        at = text.index(url, at)
        spans.append((at, at + len(url), url))
        at += len(url)
    return linked_html(text, spans)


def _block(data: Any, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _words(data: dict[str, Any], *keys: str) -> str:
    """Return the first of the keys that holds text."""
    return next((value for key in keys if isinstance(value := data.get(key), str) and value.strip()), "")


# ---- HTML ----------------------------------------------------------------------------------------------------------------


def _from_page(page: Element) -> OldStory | None:
    elements = [one for one in page.walk() if "s-element" in one.classes][:ELEMENT_LIMIT]
    if not elements:
        return None
    title, lede, author = page.first("s-title"), page.first("s-description"), page.first("s-author-name")
    date = page.first("s-published-date")
    return OldStory(
        title=clean_line(title.words(), 300) if title else "Storify",
        lede=sanitise(lede.inner()) if lede else SafeHtml(""),
        chapters=_chaptered(piece for one in elements for piece in _page_element(one)),
        author=_name(author.words()) if author else "",
        link=_address(date.attributes.get("href")) if date else "",
        at=_instant(date.attributes.get("data-timestamp")) if date else None,
    )


def _page_element(one: Element) -> Iterator[str | OldText | OldPost]:
    """Yield what one element of the page says."""
    kind = one.attributes.get("data-type", "")
    said = one.first(
        "s-text", "s-quote-text", "s-image-caption", "s-video-title", "s-video-description", "s-link-description"
    )
    title = one.first("s-link-title")
    if kind == "text":
        yield from _narrated(said.inner()) if said else ()
        return
    names = ("s-quote-author-name", "s-author-twitter-name", "s-author-name", "s-author")
    name = next((found for each in names if (found := one.first(each))), None)
    handle = one.first("s-quote-author-username", "s-author-twitter-handle")
    content, posted = one.first("s-image-content", "s-link-thumbnail"), one.first("timestamp")
    image = next((inner for inner in content.walk() if inner.tag == "img"), None) if content else None
    link = _address(one.attributes.get("data-permalink"))
    post = OldPost(
        html=sanitise(said.inner()) if said else SafeHtml(""),
        link=link,
        name=_name(name.words()) if name else "",
        handle=_name(handle.words()).lstrip("@") if handle else "",
        place=_place(one.attributes.get("data-source", ""), link),
        at=_instant(posted.attributes.get("data-timestamp")) if posted else None,
        picture=_address(image.attributes.get("src")) if image else "",
        title=clean_line(title.words(), 300) if title else "",
    )
    if post.html or post.link or post.title:
        yield post


# ---- single values -------------------------------------------------------------------------------------------------------


def _name(words: str) -> str:
    return clean_line(to_text(words), NAME_LENGTH)


def _address(value: Any) -> str:
    """Return an http(s) address; Storify left the scheme away where it could."""
    if not isinstance(value, str):
        return ""
    return safe_url(f"https:{value}" if value.startswith("//") else value) or ""


def _place(source: str, link: str) -> str:
    host = (urlsplit(link).hostname or "").removeprefix("www.")
    return _PLACES.get(source.casefold()) or host or clean_line(source, 40)


def _instant(value: Any) -> datetime | None:
    """Return when something was, from an ISO date or from seconds since 1970."""
    try:
        if isinstance(value, (int, float)) or (isinstance(value, str) and re.fullmatch(r"\d{9,11}", value)):
            return datetime.fromtimestamp(float(value), UTC)
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at.astimezone(UTC) if at else None
