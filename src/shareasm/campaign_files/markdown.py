"""The narrator's Markdown: words, emphasis, lists and links. Pictures and HTML would bring in what the page must not show."""

import html
import re

from shareasm.campaign_files.reading import Field, shorten, text
from shareasm.campaign_files.unfinished import warn_unfinished

_IMAGE = re.compile(r"!\[[^\]]*\]")
_HTML = re.compile(r"</?[a-zA-Z][^<>\n]*>|<!--")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]*)|^\s{0,3}\[[^\]]+\]:\s*<?(\S+)", re.MULTILINE)
_ALLOWED = re.compile(r"https?://|mailto:|#|$", re.IGNORECASE)


def markdown(field: Field) -> str | None:
    """Return a narrator's Markdown text."""
    words = text(field)
    if words is None:
        return None
    warn_unfinished(field, words)
    if picture := _IMAGE.search(words):
        field.fail(
            f"A picture stands in the text ({picture[0]}); the page keeps only pictures of posts.",
            "Take it out. A picture of your own goes out with a slot, and the chapter shows that slot.",
        )
    for match in _LINK.finditer(words):
        address = re.sub(r"[\x00-\x20]", "", html.unescape(match[1] or match[2] or ""))
        if not _ALLOWED.match(address):
            field.fail(
                f"The link “{shorten(address, 40)}” does not lead to a web page.", "Write https://… as its address."
            )
    if found := _HTML.search(words):
        field.warn(
            f"HTML is shown as it is typed: {shorten(found[0], 40)}.", "Write Markdown: *emphasis*, [words](https://…)."
        )
    return words
