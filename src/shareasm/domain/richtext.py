"""Other people's words made safe and comparable: clean HTML, plain text, hashtags, lengths.

Used at the door of the collecting line (translators call it once per post) and, for lengths, at the head of the
publishing line. Everything here is pure, takes any string, and never raises on one. `read_html` and `linked_html` are
the only makers of `SafeHtml`. Limits that are cut to are the constants below.

Over 400 lines: five short parts (characters, addresses, HTML, hashtags, lengths) that every room knows under this one name.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import grapheme  # type: ignore[import-untyped]
import nh3

from shareasm.domain.posts import Hashtag, SafeHtml

HTML_LIMIT = 100_000
"""Characters of HTML that are looked at; what follows is cut off. The longest real post in our corpus has 11,000."""

DEPTH_LIMIT = 32
"""Nesting that is parsed; deeper HTML is shown as its bare words (100,000 levels take the parser 54 s)."""

URL_LIMIT = 4096

_SETTLING = 3
_REL = "nofollow noopener ugc"

# ---- characters ------------------------------------------------------------------------------------------------------

# C0 and C1 controls but tab and line feed, surrogates, and the code points that no text may hold.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ufff9-\ufffb]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BIDI_OR_LINE_END = re.compile("[\u202a-\u202e\u2066-\u2069\n\u2028\u2029]")
_CLOSES = {"\u202c": "\u202a\u202b", "\u2069": "\u2066\u2067\u2068"}  # PDF ends embeddings, PDI isolates
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0\u034f\u180b"
_OVERRIDES = "\u202d\u202e"


def clean_text(text: str, limit: int) -> str:
    """Return `text` without control characters and with its direction marks in balance, at most `limit` code points.

    Every line end becomes a line feed. A direction isolate or embedding that is not closed in its line is taken out, as
    are all overrides: none can reach the text that follows.
    """
    if _FORBIDDEN.search(text):
        text = _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _balance(text[:limit])


def clean_line(text: str, limit: int) -> str:
    """Return `text` cleaned and on one line: names, titles, labels."""
    return " ".join(clean_text(text[: 4 * limit], 4 * limit).split())[:limit].rstrip()


def is_blank(text: str) -> bool:
    """Return whether nothing of `text` can be seen: spaces, format characters and fillers only."""
    return all(char in _FILLERS or unicodedata.category(char) in {"Zs", "Zl", "Zp", "Cf", "Cc"} for char in text)


def _balance(text: str) -> str:
    if not _BIDI.search(text):
        return text
    surplus: list[int] = []
    open_marks: list[int] = []
    for match in _BIDI_OR_LINE_END.finditer(text):
        at, mark = match.start(), match.group()
        if mark in _CLOSES:
            if open_marks and text[open_marks[-1]] in _CLOSES[mark]:
                open_marks.pop()
            else:
                surplus.append(at)
        elif mark in _OVERRIDES:
            surplus.append(at)
        elif _BIDI.match(mark):
            open_marks.append(at)
        else:  # the end of a paragraph closes whatever is open, so nothing that is open has its closer
            surplus += open_marks
            open_marks.clear()
    dropped = {*surplus, *open_marks}
    return "".join(char for at, char in enumerate(text) if at not in dropped)


# ---- addresses -------------------------------------------------------------------------------------------------------

_WEB_URL = re.compile(
    r"""https?://(?P<host>[^\s/?\#@\\<>"'`{}|^%\[\]:]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:[/?\#][^\s<>"]*)?""",
    re.IGNORECASE,
)
_LOOKS_LIKE_URL = re.compile(
    r"(?:https?:/*)?(?P<host>(?:[^\s/?#@:…]+\.)+[^\W\d_][^\s/?#@:….]+)(?P<rest>[/?#:@…].*)?|https?:.*",
    re.IGNORECASE | re.DOTALL,
)


_SCHEME = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)


def safe_url(url: object) -> str | None:
    """Return `url` when it is an http(s) address with a host and without credentials or odd characters, else None.

    Says nothing about where the address leads; `shareasm.strangers` checks that when it connects.
    """
    if not isinstance(url, str) or len(url) > URL_LIMIT:
        return None
    url = url.strip()
    if _FORBIDDEN.search(url) or _BIDI.search(url):
        return None
    return url if _WEB_URL.fullmatch(url) else None


def url_host(url: str) -> str:
    """Return the lower-case host of an address that `safe_url` accepted; "" for anything else."""
    match = _WEB_URL.fullmatch(url)
    return match["host"].lower() if match else ""


def _link_label(label: str, href: str, *, is_shortened: bool) -> str:
    """Return what a link shows: its own words, but never an address that is not the one it leads to."""
    seen = _LOOKS_LIKE_URL.fullmatch(label.strip())
    if label.strip() and not seen and not is_shortened:
        return label
    host = ((seen and seen["host"]) or "").lower().removeprefix("www.")
    if (
        host
        and host == url_host(href).removeprefix("www.")
        and not is_shortened
        and len(label) <= 60
        and "@" not in label
    ):
        return label
    shown = _SCHEME.sub("", href, count=1)
    return f"{shown[:30]}…" if len(shown) > 30 else shown.rstrip("/") or href


# ---- HTML ------------------------------------------------------------------------------------------------------------

_INLINE = {"em", "strong", "i", "b", "u", "del", "s", "code", "ruby", "rt", "rp"}
_BLOCKS = {"p", "blockquote", "pre", "ul", "ol", "li"}
_KEPT = _INLINE | _BLOCKS
_LINE_ENDERS = {
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "tr",
    "section",
    "article",
    "figure",
    "figcaption",
    "dt",
    "dd",
}
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
_TOKEN = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z]+="[^"]*")*)>')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_SPACE = re.compile(r"[ \t\r\n\f]{2,}|[\t\r\n\f]")  # all but the single spaces, which stay as they are
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
    if _FORBIDDEN.search(html):
        html = _FORBIDDEN.sub("", html)
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
        label = _link_label(text[start:end], href, is_shortened=False)
        pieces.append(f'<a href="{escape(href)}" rel="{_REL}">{_escaped(label)}</a>')
        at = end
    pieces.append(_escaped(text[at:]))
    paragraphs = re.split(r"\n[ \t]*\n\s*", "".join(pieces).strip())
    return SafeHtml("".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in paragraphs if part.strip()))


def _escaped(text: str) -> str:
    """Return `text` as HTML, spelled as nh3 spells it."""
    return escape(clean_text(text, HTML_LIMIT), quote=False).replace("\u00a0", "&nbsp;")


def _bare_words(html: str) -> RichText:
    longest = HTML_LIMIT // 6  # so that the words fit although each letter may be written as an entity
    words = clean_text(_SPACE.sub(" ", _plain(_ANY_TAG.sub(" ", html))), longest).strip()
    return RichText(linked_html(words, ()), words, words)


def _depth(html: str) -> int:
    """Return how deep `html` may nest when parsed, counted without parsing it."""
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


def _plain(text: str) -> str:
    """Undo the escapes that nh3 writes into text."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u00a0").replace("&amp;", "&")


class _Reader:
    """Walks once over what nh3 returned (well-formed, known tags and attributes only) and writes HTML and text."""

    def __init__(self, clean: str) -> None:
        self.is_plain = True  # paragraphs, links and line breaks in their usual places: nothing that could settle
        self._html: list[str] = []
        self._text: list[str] = []
        self._prose: list[str] = []
        self._open: list[str] = []
        self._href: str | None = None  # of the link that is open
        self._label: list[str] = []
        self._is_shortened = False
        self._has_code = False
        self._is_odd = bool(_FORBIDDEN.search(clean) or _BIDI.search(clean))
        self._skipped_depth = 0  # inside <p class="quote-inline">
        pieces = iter(_TOKEN.split(clean))  # words, then "/" or "", tag, attributes, words, …
        self._words(next(pieces))
        for closing, tag, attributes, words in zip(pieces, pieces, pieces, pieces, strict=True):
            if closing:
                self._close(tag)
            else:
                self._start(tag, attributes)
            if words:
                self._words(words)
        self.html = "".join(self._html)

    def result(self) -> RichText:
        text = _tidy(self._text)
        prose = _tidy(self._prose) if self._has_code else text
        return RichText(SafeHtml(_LAST_BREAKS.sub("", self.html)), text, prose)

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
        if "pre" not in self._open:
            text = _SPACE.sub(" ", text)
            if not self._text or self._text[-1].endswith("\n"):
                text = text.lstrip(" ")
        self._text.append(text)
        if "pre" not in self._open and "code" not in self._open:
            self._prose.append(text)

    def _break(self, lines: str) -> None:
        self._text.append(lines)
        self._prose.append(lines)

    def _start(self, tag: str, attributes: str) -> None:
        found = dict(_ATTRIBUTE.findall(attributes)) if attributes else {}
        if self._skipped_depth or (tag == "p" and found.get("class") == "quote-inline"):
            self._skipped_depth += tag != "br"
        elif tag == "br":
            self._html.append("<br>")
            self._break("\n")
        elif tag == "a":
            self._start_link(found.get("href"))
        elif tag == "span":
            self._is_shortened |= found.get("class") == "invisible"
        elif tag in _KEPT:
            self.is_plain &= tag == "p" and not self._open
            self._has_code |= tag in {"pre", "code"}
            self._open.append(tag)
            self._html.append(f"<{tag}{_direction(found) if found else ''}>")
            if tag in _BLOCKS:
                self._break("\n• " if tag == "li" else "\n\n")
        else:
            self.is_plain = False

    def _start_link(self, attribute: str | None) -> None:
        href = safe_url(_plain(attribute)) if attribute and "&quot;" not in attribute else None
        if href is None or self._href is not None:
            self.is_plain = False
        if href is not None and self._href is None:
            self._href, self._label, self._is_shortened = href, [], False

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

    def _end_link(self) -> None:
        if self._href is None:
            return
        href, label = self._href, _plain("".join(self._label))
        self._href = None
        label = _SPACE.sub(" ", label)
        shown = _link_label(label, href, is_shortened=self._is_shortened)
        self._html.append(f'<a href="{escape(href)}" rel="{_REL}">{_escaped(shown)}</a>')
        if label.strip()[:1] in ("#", "＃", "@"):
            self._say(label)
        elif shown != label or _LOOKS_LIKE_URL.fullmatch(label.strip()):
            self._say(href)
        else:
            self._say(f"{label} ({href})")


def _direction(attributes: dict[str, str]) -> str:
    """Return the attributes that say how words are to be read, as far as they are well-formed."""
    way, language = attributes.get("dir"), attributes.get("lang")
    return (f' dir="{way}"' if way in _DIRECTIONS else "") + (
        f' lang="{language}"' if language and _LANG.fullmatch(language) else ""
    )


def _tidy(parts: list[str]) -> str:
    return _MANY_LINES.sub("\n\n", _SPACE_BEFORE_LINE.sub("\n", "".join(parts))).strip()


_SPACE_BEFORE_LINE = re.compile(r"[ \t]+\n")
_MANY_LINES = re.compile(r"\n{3,}")


# ---- hashtags --------------------------------------------------------------------------------------------------------

_SIGNS = "#＃"
_SEPARATORS = "_\u00b7\u30fb\u200c"  # middle dots and the zero-width non-joiner belong to a word


def _ascii_fold() -> dict[int, str]:
    """Return Mastodon's folding: the Latin letters from À to ž to their ASCII base; æ, œ, ß, þ and ĳ stay."""
    folding = dict(zip(map(ord, "ÐðĐđĦħıĸĿŀŁłŉŊŋØøſŦŧ"), "DdDdHhikLlLlnNnOosTt", strict=True))
    for code in range(0xC0, 0x17F):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii() and base.isalpha():
            folding.setdefault(code, base)
    return folding


_ASCII_FOLD = _ascii_fold()


def fold_hashtag(label: str) -> str:
    """Return the form under which two spellings of a hashtag are the same, as Mastodon folds it.

    NFKC, lower case (not case-folded: ß stays), Latin accents off, then all but letters, marks, digits and word
    separators dropped. A leading # is not part of the name. Source: Mastodon 4.6 `hashtag_normalizer.rb`.

    >>> fold_hashtag("#ShareASM"), fold_hashtag("Łódź"), fold_hashtag("Straße")
    ('shareasm', 'lodz', 'straße')
    """
    if label.isascii():
        return "".join(char for char in label.lower() if char.isalnum() or char == "_")
    folded = unicodedata.normalize("NFKC", label).lower().translate(_ASCII_FOLD)
    name = "".join(char for char in folded if char in _SEPARATORS or unicodedata.category(char) in _NAME_CATEGORIES)
    return name if name == label else fold_hashtag(name)  # what was dropped may let its neighbours join


_LETTER_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me"})
_NAME_CATEGORIES = _LETTER_CATEGORIES | {"Nd"}
_WORD_CATEGORIES = _NAME_CATEGORIES | {"Pc"}


def find_hashtags(text: str) -> list[Hashtag]:
    """Return the hashtags of plain `text` by Mastodon's rule, in order, each name once.

    A tag begins at the start of the text or after white space, reaches as far as letters, marks, digits and separators
    do, and needs a letter: so `#16` is none, `C++` is `C`, what stands inside an address is none. Source: `tag.rb` of
    Mastodon 4.6.
    """
    return _unique(_mastodon_label(run) for run in _tag_runs(text))


def find_facet_hashtags(text: str) -> list[Hashtag]:
    """Return the hashtags of plain `text` by Bluesky's rule: up to the next white space, closing punctuation cut off.

    Needs a character that is neither digit nor punctuation; at most 64 characters. Source: AT Protocol
    packages/api/src/rich-text/util.ts.
    """
    return _unique(_bluesky_label(run) for run in _tag_runs(text))


def _tag_runs(text: str) -> Iterator[str]:
    """Yield what follows each # that stands at the start of a word."""
    if "#" not in text and "＃" not in text:
        return
    for word in text.split():
        if word[0] in _SIGNS:
            yield word[1:]


def _mastodon_label(run: str) -> str:
    length = 0
    for char in run:
        if char not in _SEPARATORS and unicodedata.category(char) not in _WORD_CATEGORIES:
            break
        length += 1
    label = run[:length].rstrip("\u00b7\u30fb\u200c")
    if not label or label[0] in "\u00b7\u30fb\u200c":
        return ""
    if any(char in _SEPARATORS or unicodedata.category(char) in _LETTER_CATEGORIES for char in label[1:-1]):
        return label
    head = re.split("[\u00b7\u30fb\u200c]", label)[0]
    return head if any(unicodedata.category(char) in _LETTER_CATEGORIES for char in head) else ""


_FACET_ENDERS = re.compile("[\u00ad\u2060\u200a\u200b\u200c\u200d\u20e2\ufeff]")


def _bluesky_label(run: str) -> str:
    label = _FACET_ENDERS.split(run)[0]
    if label.startswith("\ufe0f"):
        return ""
    if all((char.isascii() and char.isdigit()) or unicodedata.category(char)[0] == "P" for char in label):
        return ""
    while label and unicodedata.category(label[-1])[0] == "P":
        label = label[:-1]
    return label if len(label) <= 64 else ""


def _unique(labels: Iterable[str]) -> list[Hashtag]:
    found: dict[str, Hashtag] = {}
    for label in labels:
        name = fold_hashtag(label)
        if name and name not in found:
            found[name] = Hashtag(name, label)
    return list(found.values())


# ---- lengths ---------------------------------------------------------------------------------------------------------

_COUNTED_URL = re.compile(r"(?<![\w/@])https?://[^\s<>\"]*[^\s<>\".,:;!?'()\[\]{}…]", re.IGNORECASE)
_COUNTED_MENTION = re.compile(r"(^|[^/\w])(@[a-z0-9_]+)@[a-z0-9.\-]+[a-z0-9]", re.IGNORECASE)


def grapheme_length(text: str) -> int:
    """Return how many characters a person would count (grapheme clusters)."""
    return len(text) if text.isascii() and "\r" not in text else int(grapheme.length(text))


def bluesky_length(text: str) -> tuple[int, int]:
    """Return (graphemes, UTF-8 bytes): Bluesky takes 300 and 3,000 (lexicon app.bsky.feed.post)."""
    return grapheme_length(text), len(text.encode("utf-8", "replace"))


def mastodon_length(text: str, url_length: int | None = 23) -> int:
    """Return how many characters Mastodon counts in `text`: graphemes, every http(s) address as `url_length`, a mention
    without its server. None: addresses count as long as they are. Source: Mastodon 4.6 status_length_validator.rb.
    """
    if url_length is not None:
        text = _COUNTED_URL.sub("x" * url_length, text)
    return grapheme_length(_COUNTED_MENTION.sub(r"\1\2", text))


def find_urls(text: str) -> list[str]:
    """Return the http(s) addresses in `text`, in order, as Mastodon counts them: without the marks that end a sentence."""
    return _COUNTED_URL.findall(text)


def truncate(text: str, graphemes: int) -> str:
    """Return `text`, or what fits into `graphemes` with an ellipsis as the last; cut between words where that costs little."""
    if grapheme_length(text) <= graphemes:
        return text
    cut = str(grapheme.slice(text, 0, max(graphemes - 1, 0)))
    at_space = max(cut.rfind(" "), cut.rfind("\n"))
    if at_space > len(cut) * 2 // 3 and not text[len(cut)].isspace():
        cut = cut[:at_space]
    return f"{_balance(cut).rstrip()}…" if graphemes > 0 else ""
