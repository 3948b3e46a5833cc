"""What a server makes of the words that a person typed: hashtags, mentions, links, HTML, and their length.

Independent of `domain.richtext` where our own program relies on it, so that a mistake there is not repeated here: lengths
come from Mastodon.py, links from a pattern of this module. Only the fold of a hashtag's name is shared.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape

from mastodon import Mastodon

from shareasm.domain.richtext import find_hashtags, fold_hashtag
from shareasm.rehearsal.mastodon.flavours import Behaviours, Look, TagNames
from shareasm.rehearsal.mastodon.model import Account

_URL = r"https?://[^\s<>\"]*[^\s<>\".,:;!?'()\[\]{}…]"
_MENTION = r"(?<![\w/])@[A-Za-z0-9_]+(?:@[A-Za-z0-9.\-:]*[A-Za-z0-9])?"
_PREFIX = re.compile(r"https?://(www\.)?")
_SHOWN_LENGTH = 30  # of a link's address after its prefix; text_formatter.rb


@dataclass
class Wording:
    """What was found in a text, and its HTML."""

    html: str
    tags: dict[str, str] = field(default_factory=dict)  # name as this server keeps it → as typed
    mentions: list[Account] = field(default_factory=list)


def word(text: str, rules: Behaviours, base_url: str, find: Callable[[str], Account | None]) -> Wording:
    """Return what a server with `rules` makes of `text`. `find` knows accounts by `name` or `name@domain`."""
    wording = Wording(html="")
    writer = _WRITERS[rules.look](base_url)
    parts, end = [], 0
    for match in _entities(text):
        shown = _draw(match, wording, writer, rules, find)
        if shown is not None:
            parts += [writer.plain(text[end : match.start()]), shown]
            end = match.end()
    wording.html = writer.paragraphs("".join([*parts, writer.plain(text[end:])]))
    if rules.tags_are_sorted:
        wording.tags = dict(sorted(wording.tags.items()))
    return wording


def tag_name(label: str, rules: TagNames) -> str:
    """Return the name under which a server keeps the hashtag `label`; source: `hashtag_normalizer.rb` of Mastodon 4.6."""
    if rules is TagNames.FOLDED:
        return fold_hashtag(label)
    if rules is TagNames.LOWERED:
        return unicodedata.normalize("NFC", label).lower()
    return "".join(char.lower() if char.isascii() else char for char in label)


def length(text: str, spoiler: str, rules: Behaviours) -> int:
    """Return how many characters a server counts; source: `status_length_validator.rb` of Mastodon 4.6, by Mastodon.py."""
    counted = spoiler if rules.counts_warning else ""
    if rules.counts_code_points:
        return len(counted + text)
    return Mastodon.get_status_length(text, counted)


def trimmed_spoiler(spoiler: str, rules: Behaviours) -> str:
    """Return the warning as the server gives it back: GoToSocial loses the end of what looks like a tag."""
    return re.sub(r"(<\w+)>", r"\1", spoiler) if rules.cuts_spoiler_at_tag_end else spoiler


def _entities(text: str) -> Iterator[re.Match[str]]:
    """Return what becomes a link in `text`, in order."""
    labels = sorted((hashtag.label for hashtag in find_hashtags(text)), key=len, reverse=True)
    tags = "|".join(map(re.escape, labels)) or r"(?!)"
    pattern = rf"(?P<url>{_URL})|(?P<mention>{_MENTION})|(?:^|(?<=[\s#＃]))[#＃](?P<tag>{tags})(?!\w)"
    return re.finditer(pattern, text, re.IGNORECASE)


def _draw(
    match: re.Match[str],
    wording: Wording,
    writer: "_Writer",
    rules: Behaviours,
    find: Callable[[str], Account | None],
) -> str | None:
    if match["url"]:
        return writer.link(match["url"])
    if match["mention"]:
        account = find(match["mention"][1:])
        if account is None:
            return None
        if account not in wording.mentions:
            wording.mentions.append(account)
        return writer.mention(account)
    label = match["tag"]
    wording.tags.setdefault(tag_name(label, rules.tag_names), label)
    return writer.hashtag(label)


class _Writer:
    """Mastodon's own HTML; source: `text_formatter.rb:56-121` of Mastodon 4.6, and its test server's answers."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url

    def plain(self, text: str) -> str:
        return escape(text)

    def link(self, url: str) -> str:
        return f'<a href="{escape(url)}" target="_blank" rel="nofollow noopener" translate="no">{_shortened(url)}</a>'

    def mention(self, account: Account) -> str:
        return (
            f'<span class="h-card" translate="no"><a href="{escape(account.url)}" class="u-url mention">'
            f"@<span>{escape(account.username)}</span></a></span>"
        )

    def hashtag(self, label: str) -> str:
        href = escape(f"{self._base}/tags/{label}")
        return f'<a href="{href}" class="mention hashtag" rel="tag">#<span>{escape(label)}</span></a>'

    def paragraphs(self, html: str) -> str:
        if not html.strip():
            return ""
        paragraphs = re.split(r"\n{2,}", html.replace("\r\n", "\n").strip("\n"))
        return "".join(f"<p>{paragraph.replace(chr(10), '<br />')}</p>" for paragraph in paragraphs)


class _GoToSocial(_Writer):
    """GoToSocial: raw `&` and `>`, one paragraph, blank lines as `<br><br>`."""

    def plain(self, text: str) -> str:
        return text.replace("<", "&lt;")

    def link(self, url: str) -> str:
        return f'<a href="{url}" rel="nofollow noreferrer noopener" target="_blank">{url}</a>'

    def hashtag(self, label: str) -> str:
        href = f"{self._base}/tags/{label.lower()}"
        rel = "tag nofollow noreferrer noopener"
        return f'<a href="{href}" class="mention hashtag" rel="{rel}" target="_blank">#<span>{label}</span></a>'

    def paragraphs(self, html: str) -> str:
        return f"<p>{html.replace(chr(10), '<br>')}</p>" if html.strip() else ""


class _Snac(_Writer):
    """snac: nothing is escaped, no paragraphs, `*bold*` is `<i>`, `#` in links is `&#35;`."""

    def plain(self, text: str) -> str:
        return re.sub(r"\*([^*\n]+)\*", r"<i>\1</i>", text)

    def link(self, url: str) -> str:
        shown = url.replace("#", "&#35;")
        return f'<a href="{shown}" target="_blank">{shown}</a>'

    def hashtag(self, label: str) -> str:
        return f'<a href="{self._base}?t={tag_name(label, TagNames.ASCII)}" class="mention hashtag">#{label}</a>'

    def paragraphs(self, html: str) -> str:
        return html.replace("\n", "<br>")


class _Takahe(_Writer):
    """Takahē: properly escaped, a paragraph each, shortened links, hashtags without a span."""

    def hashtag(self, label: str) -> str:
        href = escape(f"{self._base}/tags/{label.lower()}/")
        return f'<a href="{href}" class="mention hashtag" rel="tag">#{escape(label)}</a>'


_WRITERS: dict[Look, type[_Writer]] = {
    Look.MASTODON: _Writer,
    Look.GOTOSOCIAL: _GoToSocial,
    Look.SNAC: _Snac,
    Look.TAKAHE: _Takahe,
}


def _shortened(url: str) -> str:
    """Return an address with its prefix and its tail in spans that stylesheets hide."""
    found = _PREFIX.match(url)
    prefix = found.group() if found else ""
    shown, tail = url[len(prefix) :][:_SHOWN_LENGTH], url[len(prefix) :][_SHOWN_LENGTH:]
    return (
        f'<span class="invisible">{escape(prefix)}</span><span class="{"ellipsis" if tail else ""}">{escape(shown)}</span>'
        f'<span class="invisible">{escape(tail)}</span>'
    )


def quote_line(url: str) -> str:
    """Return what stands in front of a quoting status for clients that draw no quotes; `text_formatter.rb:181-190`."""
    return f'<p class="quote-inline">RE: {_Writer("").link(url)}</p>'
