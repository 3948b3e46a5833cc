"""Strangers' HTML made safe, and the plain words that it says: read once, both written on the way.

nh3 takes out what is dangerous and leaves well-formed HTML of known tags; `_Reader` walks over that, once, and writes
every tag, attribute and word itself. Limits that are cut to are the constants below.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import NamedTuple

import nh3

from shareasm.domain.posts import SafeHtml
from shareasm.domain.richtext.characters import clean_text, safe_url, url_host, without_controls

HTML_LIMIT = 100_000
"""Characters of HTML that are looked at; what follows is cut off. The longest real post in our corpus has 11,000."""

DEPTH_LIMIT = 32
"""Nesting that is parsed; deeper HTML is shown as its bare words (100,000 levels take the parser 54 s)."""

_SETTLING = 3
_REL = "nofollow noopener ugc"

_INLINE = {"em", "strong", "i", "b", "u", "del", "s", "code", "ruby", "rt", "rp"}
_BLOCKS = {"p", "blockquote", "pre", "ul", "ol", "li"}
_KEPT = _INLINE | _BLOCKS
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_LINE_ENDERS = _HEADINGS | {"div", "tr", "section", "article", "figure", "figcaption", "dt", "dd"}
_VOID = {"br", "img", "hr", "wbr", "input", "link", "meta", "area", "base", "col", "embed", "source", "track", "param"}
_LANG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
_DIRECTIONS = frozenset({"ltr", "rtl", "auto"})

# Which values may stay is decided by _Reader, which writes every attribute itself: a filter here would cost a third more.
_cleaner = nh3.Cleaner(
    tags=_KEPT | _LINE_ENDERS | {"a", "br", "span"},
    attributes={"*": {"lang", "dir"}, "a": {"href"}, "span": {"class"}, "p": {"class"}},
    url_schemes={"http", "https"},
    link_rel=None,
)

_OPEN_OR_CLOSE = re.compile(r"<(/?)([a-zA-Z][^\s/>\x00]*)")
_ANY_TAG = re.compile(r"<[^>]*>?")
_TOKEN = re.compile(
    r"<(?:a((?: [a-z]+=\"[^\"]*\")*)>([^<]*(?:</?span[^<>]*>[^<]*)*)</a"  # a link that holds words and spans, as a whole:
    r"|(/?)([a-z][a-z0-9]*)((?: [a-z]+=\"[^\"]*\")*))>"  # most are such; or any one tag
)
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_SPACE = re.compile(r"[ \t\r\n\f]{2,}|[\t\r\n\f]")  # all but the single spaces, which stay as they are
_SPACE_BEFORE_LINE = re.compile(r"[ \t]+\n")
_MANY_LINES = re.compile(r"\n{3,}")
_LAST_BREAKS = re.compile(r"(?:<br>)+$")


@dataclass(frozen=True, slots=True)
class RichText:
    """What one piece of HTML says: for readers, for search and for rules."""

    html: SafeHtml
    text: str
    prose: str  # the text without code: a hashtag in a code block is none


def read_html(html: str) -> RichText:
    """Return safe HTML and plain text of a post's HTML in one pass. Applying it to its own result changes nothing."""
    html = html[:HTML_LIMIT]
    if not html.isprintable():
        html = without_controls(html)
    if _depth(html) > DEPTH_LIMIT:
        return _bare_words(html)
    reader = _Reader(_cleaner.clean(html))
    if len(reader.html) > HTML_LIMIT:
        return _bare_words(html)
    for _ in range(_SETTLING):  # what was taken out can leave a tree that reads differently the next time
        if reader.is_plain:
            return reader.result()
        again = _Reader(_cleaner.clean(reader.html))
        if again.html == reader.html:
            return reader.result()
        reader = again
    return _bare_words(html)


def sanitise(html: str) -> SafeHtml:
    """Return `html` reduced to paragraphs, line breaks, lists, quotes, code, emphasis, ruby and http(s) links.

    No class, id or style is left, links carry `rel="nofollow noopener ugc"`, and Mastodon's "RE: …" fallback of a quote
    (`<p class="quote-inline">`) is taken out. An address that a link shows is the address that it leads to.
    """
    return read_html(html).html


def to_text(html: str) -> str:
    """Return the words of `html`: a blank line between paragraphs, whole addresses instead of shortened ones."""
    return read_html(html).text


def linked_html(text: str, spans: Sequence[tuple[int, int, str]]) -> SafeHtml:
    """Return plain `text` as paragraphs with links. A span is (start, end, address), counted in code points of `text`.

    A span that is empty, out of range, over a line end, overlapping an earlier one or not http(s) is left as text.
    """
    pieces: list[str] = []
    at = 0
    for start, end, url in sorted(spans):
        href = safe_url(url)
        if href is None or not at <= start < end <= len(text) or "\n" in text[start:end]:
            continue
        pieces.append(_escaped(text[at:start]))
        pieces.append(_anchor(href, _link_label(text[start:end], href, is_shortened=False)))
        at = end
    pieces.append(_escaped(text[at:]))
    paragraphs = re.split(r"\n[ \t]*\n\s*", "".join(pieces).strip())
    return SafeHtml("".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in paragraphs if part.strip()))


def _escaped(text: str) -> str:
    """Return `text` as HTML, spelled as nh3 spells it."""
    return escape(clean_text(text, HTML_LIMIT), quote=False).replace("\u00a0", "&nbsp;")


def _plain(text: str) -> str:
    """Undo the escapes that nh3 writes into text."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u00a0").replace("&amp;", "&")


def _spaced(text: str) -> str:
    """Return `text` with one space for any white space, as a browser shows it."""
    return _SPACE.sub(" ", text) if "  " in text or not text.isprintable() else text


def _bare_words(html: str) -> RichText:
    longest = HTML_LIMIT // 6  # so that the words fit although each letter may be written as an entity
    words = clean_text(_spaced(_plain(_ANY_TAG.sub(" ", html))), longest).strip()
    return RichText(linked_html(words, ()), words, words)


def _depth(html: str) -> int:
    """Return how deep `html` may nest when parsed, counted without parsing it."""
    most = html.count("<") - html.count("</")
    if most <= DEPTH_LIMIT:  # of any post that is not strange
        return most
    open_counts: dict[str, int] = {}
    depth = deepest = 0
    for closing, name in _OPEN_OR_CLOSE.findall(html.lower()):
        if not closing:
            if name not in _VOID:
                open_counts[name] = open_counts.get(name, 0) + 1
                depth += 1
                deepest = max(deepest, depth)
        elif open_counts.get(name):
            open_counts[name] -= 1
            depth -= 1
    return deepest


# ---- links -----------------------------------------------------------------------------------------------------------

_SCHEME = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)
_LOOKS_LIKE_URL = re.compile(
    r"(?:https?:/*)?(?P<host>(?:[^\s/?#@:…]+\.)+[^\W\d_][^\s/?#@:….]+)(?P<rest>[/?#:@…].*)?|https?:.*",
    re.IGNORECASE | re.DOTALL,
)


class _Link(NamedTuple):
    html: str
    text: str


def _link(href: str, label: str, *, is_shortened: bool) -> _Link:
    """Return a link with plain words as its label, for readers and as text."""
    label = _spaced(label)
    shown = _link_label(label, href, is_shortened=is_shortened)
    if label.strip()[:1] in ("#", "＃", "@"):
        text = label
    elif shown != label or _LOOKS_LIKE_URL.fullmatch(label.strip()):
        text = href
    else:
        text = f"{label} ({href})"
    return _Link(_anchor(href, shown), text)


def _anchor(href: str, shown: str) -> str:
    return f'<a href="{escape(href)}" rel="{_REL}">{_escaped(shown)}</a>'


def _link_label(label: str, href: str, *, is_shortened: bool) -> str:
    """Return what a link shows: its own words, but never an address that is not the one it leads to."""
    if not is_shortened:
        seen = _LOOKS_LIKE_URL.fullmatch(label.strip())
        if label.strip() and not seen:
            return label
        host = ((seen and seen["host"]) or "").lower().removeprefix("www.")
        if host and host == url_host(href).removeprefix("www.") and len(label) <= 60 and "@" not in label:
            return label
    shown = _SCHEME.sub("", href, count=1)
    return f"{shown[:30]}…" if len(shown) > 30 else shown.rstrip("/") or href


def _href(attributes: str) -> str | None:
    """Return where a link leads, by the attributes of its tag; None where that is nowhere we would lead anybody."""
    value = dict(_ATTRIBUTE.findall(attributes)).get("href")
    return safe_url(_plain(value)) if value and "&quot;" not in value else None


@lru_cache(maxsize=4096)
def _usual_link(attributes: str, label: str) -> _Link | None:
    """Return a link by its attributes and the printable HTML in it: under one tag the same ones come thousands of times."""
    href = _href(attributes)
    return _link(href, _plain(_ANY_TAG.sub("", label)), is_shortened=_is_shortened(label)) if href else None


_REMEMBERED = 500  # characters


_INVISIBLE = re.compile('<span[^<>]* class="invisible"')


def _is_shortened(label: str) -> bool:
    return _INVISIBLE.search(label) is not None


# ---- reading ---------------------------------------------------------------------------------------------------------


class _Reader:
    """Walks once over what nh3 returned (well-formed, known tags and attributes only) and writes HTML and text."""

    __slots__ = (
        "_code",
        "_href",
        "_html",
        "_is_odd",
        "_is_shortened",
        "_label",
        "_open",
        "_skipped_depth",
        "_text",
        "html",
        "is_plain",
    )

    def __init__(self, clean: str) -> None:
        self.is_plain = True  # paragraphs, links and line breaks in their usual places: nothing that could settle
        self._html: list[str] = []
        self._text: list[str] = []
        self._code: set[int] = set()  # which parts of the text are code
        self._open: list[str] = []
        self._href: str | None = None  # of the link that is open
        self._label: list[str] = []
        self._is_shortened = False
        self._is_odd = not clean.isprintable()  # there may be a mark in it that turns text round
        self._skipped_depth = 0  # inside <p class="quote-inline">
        pieces = iter(
            _TOKEN.split(clean)
        )  # words, then a link's attributes and label or "/", tag, attributes, then words, …
        self._words(next(pieces))
        for where, label, closing, tag, attributes, words in zip(*[pieces] * 6, strict=True):
            if tag is None:
                self._whole_link(where, label)
            elif closing:
                self._close(tag)
            else:
                self._start(tag, attributes)
            if words:
                self._words(words)
        self.html = "".join(self._html)

    def result(self) -> RichText:
        text = _tidy(self._text)
        prose = _tidy([part for at, part in enumerate(self._text) if at not in self._code]) if self._code else text
        html = _LAST_BREAKS.sub("", self.html) if "<br>" in self.html[-5:] else self.html
        return RichText(SafeHtml(html), text, prose)

    def _words(self, words: str) -> None:
        if not words or self._skipped_depth:
            return
        if self._is_odd:
            words = clean_text(words, HTML_LIMIT)
        if self._href is not None:
            self._label.append(words)
            return
        self._html.append(words)
        self._say(_plain(words))

    def _say(self, text: str) -> None:
        is_pre = "pre" in self._open
        if not is_pre:
            text = _spaced(text)
            if not self._text or self._text[-1].endswith("\n"):
                text = text.lstrip(" ")
        if is_pre or "code" in self._open:
            self._code.add(len(self._text))
        self._text.append(text)

    def _break(self, lines: str) -> None:
        if lines != "\n\n" or self._text[-1:] != [lines]:  # two blank lines are one
            self._text.append(lines)

    def _start(self, tag: str, attributes: str) -> None:
        found = dict(_ATTRIBUTE.findall(attributes)) if attributes else {}
        if self._skipped_depth or (tag == "p" and found.get("class") == "quote-inline"):
            self._skipped_depth += tag != "br"
        elif tag == "br":
            self._html.append("<br>")
            self._break("\n")
        elif tag == "a":
            self._start_link(attributes)
        elif tag == "span":
            self._is_shortened |= found.get("class") == "invisible"
        elif tag in _KEPT:
            self.is_plain &= tag == "p" and not self._open
            self._open.append(tag)
            self._html.append(f"<{tag}{_direction(found) if found else ''}>")
            if tag in _BLOCKS:
                self._break("\n• " if tag == "li" else "\n\n")
        else:
            self.is_plain = False

    def _close(self, tag: str) -> None:
        if self._skipped_depth:
            self._skipped_depth -= 1
        elif tag == "a":
            self._end_link()
        elif tag in _KEPT:
            self._open.remove(tag)
            self._html.append(f"</{tag}>")
            if tag in _BLOCKS and tag != "li":
                self._break("\n\n")
        elif tag in _LINE_ENDERS:
            self._html.append("<br>")
            self._break("\n")

    def _whole_link(self, attributes: str, label: str) -> None:
        if self._skipped_depth:
            return
        if not self._is_odd and self._href is None and len(attributes) + len(label) <= _REMEMBERED:
            link = _usual_link(attributes, label)
            if link is not None:
                self._html.append(link.html)
                self._say(link.text)
                return
        self._start_link(attributes)
        self._is_shortened |= _is_shortened(label)
        for words in _ANY_TAG.split(label):
            self._words(words)
        self._end_link()

    def _start_link(self, attributes: str) -> None:
        href = _href(attributes)
        if href is None or self._href is not None:
            self.is_plain = False
        if href is not None and self._href is None:
            self._href, self._label, self._is_shortened = href, [], False

    def _end_link(self) -> None:
        if self._href is not None:
            link = _link(self._href, _plain("".join(self._label)), is_shortened=self._is_shortened)
            self._href = None
            self._html.append(link.html)
            self._say(link.text)


def _direction(attributes: dict[str, str]) -> str:
    """Return the attributes that say how words are to be read, as far as they are well-formed."""
    way, language = attributes.get("dir"), attributes.get("lang")
    return (f' dir="{way}"' if way in _DIRECTIONS else "") + (
        f' lang="{language}"' if language and _LANG.fullmatch(language) else ""
    )


def _tidy(parts: list[str]) -> str:
    text = "".join(parts)
    if " \n" in text or "\t\n" in text:
        text = _SPACE_BEFORE_LINE.sub("\n", text)
    return (_MANY_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()
