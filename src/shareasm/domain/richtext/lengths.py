"""How long a text is as each network counts, and texts cut to a length."""

import re

import grapheme  # type: ignore[import-untyped]

from shareasm.domain.richtext.characters import balance

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
    return f"{balance(cut).rstrip()}…" if graphemes > 0 else ""
