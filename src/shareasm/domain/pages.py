"""What a web page says of itself: title, description and picture, out of the words in its head. Pure; any bytes will do.

Pages are written by others, broken or hostile: they are read as bytes of bounded number, by a scanner that goes over
every character once, and only as far as the head goes. Nothing of a page is run, and nothing but plain text comes out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin

from shareasm.domain.richtext import clean_line, is_blank, safe_url, truncate

TITLE_LENGTH = 300
DESCRIPTION_LENGTH = 1000
"""Graphemes. No network limits them; a card shows about two lines of each."""

PAGE_BYTES = 512 * 1024
VALUE_LENGTH = 16_000  # characters of one attribute or title that are looked at
MOST_ATTRIBUTES = 40


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself, as plain text on one line; None where it says nothing."""

    title: str | None = None
    description: str | None = None
    image: str | None = None  # http(s) address


_TITLES = ("og:title", "twitter:title", "citation_title", "dc.title", "<title>")
_DESCRIPTIONS = ("og:description", "twitter:description", "description", "dcterms.abstract", "dc.description")
_IMAGES = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")
"""Which word of a page counts, the first that is there: made for cards (ogp.me), for cards elsewhere, for library
catalogues (what repositories of research write), for everybody.
"""


def read_page(data: bytes, url: str, charset: str = "") -> Page:
    """Return what the page in `data`, found at `url`, says of itself. `charset` is what its server calls its encoding.

    Never raises. The title is at most 300 graphemes long, the description 1,000.
    """
    said = _said(decode_page(data[:PAGE_BYTES], charset))
    return Page(
        title=_words(said, _TITLES, TITLE_LENGTH),
        description=_words(said, _DESCRIPTIONS, DESCRIPTION_LENGTH),
        image=_image(said, url),
    )


def _words(said: Mapping[str, str], names: tuple[str, ...], length: int) -> str | None:
    for name in names:
        words = clean_line(_unescaped(said.get(name, "")), 4 * length)
        if not is_blank(words):
            return truncate(words, length)
    return None


def _image(said: Mapping[str, str], url: str) -> str | None:
    for name in _IMAGES:
        if address := _unescaped(said.get(name, "")).strip():
            try:
                return safe_url(urljoin(urljoin(url, _unescaped(said.get("<base>", ""))), address))
            except ValueError:  # brackets in the host that hold no address
                return None
    return None


_HUGE_NUMBER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")


def _unescaped(raw: str) -> str:
    """Return `raw` with its entities read. Numbers of thousands of digits would be refused by `int`."""
    return unescape(_HUGE_NUMBER.sub("\ufffd", raw[:VALUE_LENGTH]))


# ---- the head, tag by tag ----------------------------------------------------------------------------------------------

# Possessive throughout, and every step begins where the last one ended: hostile bytes cost no more than others.
_TAG = re.compile(r"<(?:(?P<comment>!--)|(?P<other>[!?/])|(?P<name>[a-zA-Z][^\s/>]{0,60}+)[^\s/>]*+)")
_GAP = re.compile(r"[\s/]*+")
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s/>][^\s/>=]*+)\s*+(?:=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s>]++)))?+"
)
_RAW = {
    "script",
    "style",
    "template",
    "textarea",
    "xmp",
    "noembed",
    "iframe",
    "svg",
}  # what they hold is not the page's


def _said(text: str) -> dict[str, str]:
    """Return the first value of each word that the head says of its page, entities and all."""
    said: dict[str, str] = {}
    for name, attributes, inner in _tags(text):
        if name == "title":
            said.setdefault("<title>", inner)
        elif name == "base":
            said.setdefault("<base>", attributes.get("href", ""))
        elif name == "meta":
            content = attributes.get("content", "")
            for key in (attributes.get("property", ""), attributes.get("name", "")):
                if key and content.strip():
                    said.setdefault(key.strip().lower(), content)
    return said


def _tags(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield (name, attributes, words inside) of each tag of the head that can say something, until the body begins."""
    at = 0
    while tag := _TAG.search(text, at):
        if tag["comment"]:
            at = _after(text, "-->", tag.end())
        elif tag["other"]:
            if text[tag.start() : tag.start() + 6].lower() == "</head":
                return
            at = _after(text, ">", tag.end())
        else:
            name = tag["name"].lower()
            if name == "body":
                return
            attributes, at = _attributes(text, tag.end())
            inner = ""
            if name in _RAW or name == "title":
                end = _closing(text, name, at)
                inner, at = text[at : min(end, at + VALUE_LENGTH)], end
            yield name, attributes, inner


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _closing(text: str, name: str, at: int) -> int:
    """Return where `</name` begins, or the end: what is never closed holds all the rest."""
    found = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(text, at)
    return found.start() if found else len(text)


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """Return the attributes that begin at `at`, the first of each name, and where their tag ends."""
    found: dict[str, str] = {}
    while True:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        if at >= len(text) or text[at] == ">":
            return found, at + 1
        attribute = _ATTRIBUTE.match(text, at)
        assert attribute  # whatever else stands here begins a name
        at = attribute.end()
        if len(found) < MOST_ATTRIBUTES:
            value = attribute["double"] or attribute["single"] or attribute["bare"] or ""
            found.setdefault(attribute["name"][:60].lower(), value[:VALUE_LENGTH])


# ---- letters out of bytes ----------------------------------------------------------------------------------------------

_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_META_CHARSET = re.compile(rb"<meta[^>]{1,200}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.IGNORECASE)
_CODECS = {
    "utf8": "utf-8", "unicode11utf8": "utf-8", "usascii": "cp1252", "ascii": "cp1252", "iso88591": "cp1252", "latin1": "cp1252",
    "iso88599": "cp1254", "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs", "shiftjis": "cp932",
    "sjis": "cp932", "xsjis": "cp932", "eucjp": "euc_jp", "iso2022jp": "iso2022_jp", "euckr": "cp949", "ksc56011987": "cp949",
    "koi8r": "koi8_r", "koi8u": "koi8_u", "macintosh": "mac_roman", "tis620": "cp874", "windows874": "cp874",
    "utf16": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be",
    **{f"windows125{n}": f"cp125{n}" for n in range(9)}, **{f"cp125{n}": f"cp125{n}" for n in range(9)},
    **{f"iso8859{n}": f"iso8859_{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
}  # fmt: skip
"""Names of encodings as pages write them, without their hyphens → Python's. No others: `punycode` takes for ever, and no
page is written in what browsers do not know (encoding.spec.whatwg.org, read November 2026).
"""


def decode_page(data: bytes, charset: str = "") -> str:
    """Return the letters of a page: by its byte order mark, else its server's word, else its own, else by a guess."""
    for mark, codec in _MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(codec, "replace")
    named = _codec(charset) or _codec_inside(data)
    if named:
        return data.decode(named, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = error.start >= len(data) - 3  # only its last letter, where reading ended
        return data.decode("utf-8" if is_cut else "cp1252", "replace")


def _codec(name: str) -> str | None:
    return _CODECS.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def _codec_inside(data: bytes) -> str | None:
    """Return what the page calls its own encoding. One that says UTF-16 in letters of one byte is UTF-8."""
    found = _META_CHARSET.search(data[:4096])
    codec = _codec(found[1].decode("ascii", "replace")) if found else None
    return "utf-8" if codec and codec.startswith("utf-16") else codec
