"""Other people's words made safe and comparable: clean HTML, plain text, hashtags, lengths.

Used at the door of the collecting line (translators call it once per post) and, for lengths, at the head of the
publishing line. Everything here is pure, takes any string, and never raises on one. `read_html` and `linked_html` are
the only makers of `SafeHtml`.
"""

from shareasm.domain.richtext.characters import clean_line, clean_text, is_blank, safe_url, url_host
from shareasm.domain.richtext.hashtags import (
    find_facet_hashtags,
    find_hashtags,
    fold_hashtag,
    hashtag_spellings,
    named_hashtag,
)
from shareasm.domain.richtext.lengths import bluesky_length, find_urls, grapheme_length, mastodon_length, truncate
from shareasm.domain.richtext.markup import (
    DEPTH_LIMIT,
    HTML_LIMIT,
    RichText,
    linked_html,
    read_html,
    sanitise,
    to_text,
)

__all__ = [
    "DEPTH_LIMIT",
    "HTML_LIMIT",
    "RichText",
    "bluesky_length",
    "clean_line",
    "clean_text",
    "find_facet_hashtags",
    "find_hashtags",
    "find_urls",
    "fold_hashtag",
    "grapheme_length",
    "hashtag_spellings",
    "is_blank",
    "linked_html",
    "mastodon_length",
    "named_hashtag",
    "read_html",
    "safe_url",
    "sanitise",
    "to_text",
    "truncate",
    "url_host",
]
