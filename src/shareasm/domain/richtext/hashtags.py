"""Hashtags as the networks find them in words, and the form under which two spellings of one are the same."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from shareasm.domain.posts import Hashtag

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


def hashtag_spellings(label: str) -> tuple[str, ...]:
    """Return the names under which servers may keep a hashtag, the one with its accents first.

    Mastodon keeps it folded; GoToSocial, Takahē and Pleroma only lower its letters, so that `#minería` and `#mineria` are two
    timelines there.

    >>> hashtag_spellings("#Minería"), hashtag_spellings("ShareASM")
    (('minería', 'mineria'), ('shareasm',))
    """
    written = unicodedata.normalize("NFC", label.lstrip("#＃")).lower()
    return tuple(dict.fromkeys((written, fold_hashtag(label))))


_LETTER_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me"})
_NAME_CATEGORIES = _LETTER_CATEGORIES | {"Nd"}
_WORD_CATEGORIES = _NAME_CATEGORIES | {"Pc"}


def find_hashtags(text: str) -> list[Hashtag]:
    """Return the hashtags of plain `text` by Mastodon's rule, in order, each name once.

    A tag begins at the start of the text or after white space, reaches as far as letters, marks, digits and separators
    do, and needs a letter: so `#16` is none, `C++` is `C`, what stands inside an address is none. Source: `tag.rb` of
    Mastodon 4.6.
    """
    return _found(text, _mastodon_label)


def find_facet_hashtags(text: str) -> list[Hashtag]:
    """Return the hashtags of plain `text` by Bluesky's rule: up to the next white space, closing punctuation cut off.

    Needs a character that is neither digit nor punctuation; at most 64 characters. Source: AT Protocol
    packages/api/src/rich-text/util.ts.
    """
    return _found(text, _bluesky_label)


def named_hashtag(name: str) -> Hashtag | None:
    """Return the hashtag that a server names, None where no text could carry it (Mastodon's rule)."""
    tag = _read(name, _mastodon_label)
    return tag if tag and tag.label == name else None


_RUN = re.compile(r"[#＃](?<!\S[#＃])(\S*)")  # what follows a # that stands at the start of a word
_REMEMBERED = 64  # characters: a day has a few hundred tags, and each of them comes thousands of times


def _found(text: str, label_of: Callable[[str], str]) -> list[Hashtag]:
    if "#" not in text and "＃" not in text:
        return []
    found: dict[str, Hashtag] = {}
    for run in _RUN.findall(text):
        if tag := _read(run, label_of):
            found.setdefault(tag.name, tag)
    return list(found.values())


def _read(run: str, label_of: Callable[[str], str]) -> Hashtag | None:
    return _remembered(run, label_of) if len(run) <= _REMEMBERED else _hashtag(label_of(run))


@lru_cache(maxsize=8192)
def _remembered(run: str, label_of: Callable[[str], str]) -> Hashtag | None:
    return _hashtag(label_of(run))


def _hashtag(label: str) -> Hashtag | None:
    name = fold_hashtag(label)
    return Hashtag(name, label) if name else None


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
