"""The day as data, for whoever wants to do more with it than read: recap.json, recap.csv and recap.md.

They hold what the pages show and nothing else, so a post that is withdrawn leaves them with the pages. What each key means
stands in docs/recap-json.md.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import msgspec
from markupsafe import Markup

from shareasm.domain.cells import as_cell
from shareasm.domain.chapters import Block, Pair, Passage
from shareasm.domain.items import Item
from shareasm.domain.recaps import Recap
from shareasm.domain.richtext import to_text
from shareasm.domain.stories import Narration, Quotation
from shareasm.render.manifest import Piece
from shareasm.render.pages import Edition
from shareasm.render.speech import Speech
from shareasm.render.whole_day import DayPage
from shareasm.render.words import iso, name_of, short

SCHEMA = "shareasm recap 1"
"""Changes only when a key is taken away or means something else; new keys may come."""

DOWNLOADS = ("recap.json", "recap.csv")


def as_json(recap: Recap, days: Iterable[DayPage]) -> Iterator[Piece]:
    """Yield the pieces of recap.json, a post a line."""
    head = json.dumps(_head(recap), ensure_ascii=False, indent=1)
    yield Piece("", lambda: [head.removesuffix("\n}") + ',\n "posts": ['])
    for number, day in enumerate(days):
        yield Piece(day.key, partial(_lines, recap, day.part.items, is_first=not number))
    yield Piece("", lambda: ["\n ]\n}\n"])


def _lines(recap: Recap, items: Iterable[Item], *, is_first: bool) -> Iterator[str]:
    for number, item in enumerate(items):
        yield ("\n  " if is_first and not number else ",\n  ") + msgspec.json.encode(_post(recap, item)).decode()


def as_csv(recap: Recap, days: Iterable[DayPage]) -> Iterator[Piece]:
    """Yield the pieces of recap.csv: the same posts as a table. Words that begin like a formula get an apostrophe before."""
    yield Piece("", partial(_rows, [POST_KEYS]))
    for day in days:
        yield Piece(day.key, partial(_table, recap, day.part.items))


def _table(recap: Recap, items: Iterable[Item]) -> Iterator[str]:
    return _rows([as_cell(value) for value in _post(recap, item).values()] for item in items)


def _rows(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)  # RFC 4180
    yield out.getvalue()


def _head(recap: Recap) -> dict[str, object]:
    campaign, numbers = recap.campaign, recap.numbers
    return {
        "schema": SCHEMA,
        "campaign": {
            "slug": campaign.slug,
            "name": campaign.name,
            "hashtags": list(campaign.hashtags),
            "on": campaign.on.isoformat(),
            "zone": campaign.zone.key,
            "opens_at": iso(campaign.opens_at),
            "closes_at": iso(campaign.closes_at),
            "host": campaign.host,
            "contact": campaign.contact,
            "url": campaign.publication.url,
        },
        "title": recap.title,
        "checked_at": iso(recap.checked_at) if recap.checked_at else None,
        "numbers": {
            "posts": numbers.post_count,
            "ours": numbers.ours_count,
            "accounts": numbers.author_count,
            "languages": dict(numbers.languages),
            "networks": {network.value: count for network, count in numbers.networks},
        },
        "hours": [
            {"starts_at": iso(hour.starts_at), "ours": hour.ours_count, "others": hour.others_count}
            for hour in recap.hours
        ],
        "not_shown": {reason.value: count for reason, count in recap.not_shown},
        "resources": [
            {
                "id": entry.resource.id,
                "editions": [{"language": one.language, "title": one.title, "url": one.url} for one in entry.editions],
                "shared_by": [account.handle for account in entry.sharers],
            }
            for entry in recap.shelf
        ],
    }


def _post(recap: Recap, item: Item) -> dict[str, object]:
    post, parent = item.post, recap.parent_of(item)
    values: Mapping[str, object] = {
        "anchor": item.anchor,
        "network": item.ref.network.value,
        "uri": item.ref.uri,
        "url": post.url,
        "author": post.author.handle,
        "author_name": name_of(post.author),
        "said_at": iso(post.created_at),
        "edited_at": iso(post.edited_at) if post.edited_at else None,
        "text": post.text,
        "content_warning": post.content_warning or None,
        "covered": item.shown.is_covered,
        "languages": list(post.languages),
        "hashtags": [tag.label for tag in post.hashtags],
        "link": post.card.url if post.card else None,
        "media": [{"kind": media.kind.value, "alt": media.alt or ""} for media in post.media],
        "slot": item.highlight.slot.id if item.highlight else None,
        "partner": item.partner.id if item.partner else None,
        "answers": parent.anchor if parent else None,
        "without_tag": item.without_tag,
        "copies": [copy.url for copy in item.copies],
        "replies": item.counts.replies,
        "reposts": item.counts.reposts,
        "likes": item.counts.likes,
        "quotes": item.counts.quotes,
    }
    return dict(values)


POST_KEYS = (
    "anchor", "network", "uri", "url", "author", "author_name", "said_at", "edited_at", "text", "content_warning",
    "covered", "languages", "hashtags", "link", "media", "slot", "partner", "answers", "without_tag", "copies", "replies",
    "reposts", "likes", "quotes",
)  # fmt: skip
"""The keys of a post, which are the columns of the table too."""


# ---- the story as Markdown ---------------------------------------------------------------------------------------------


def as_markdown(recap: Recap, edition: Edition) -> Iterator[str]:
    """Yield recap.md: the story's words, and the posts as quotes with their addresses; what is ours in one language.

    `recap` is as it is `retold` in that language.
    """
    campaign, speech = recap.campaign, edition.speech
    day = speech.long_day(campaign.on)
    yield f"# {_plain(recap.title)}\n\n{_plain(day)} · #{campaign.hashtags[0]} · {_plain(campaign.host)}\n\n"
    if recap.lede:
        yield f"{_plain(to_text(recap.lede))}\n\n"
    for one in recap.chapters:
        heading = one.chapter.heading if recap.is_edited else speech.said(one.chapter.heading)
        yield f"## {_plain(heading)}\n\n"
        for block in one.chapter.blocks:
            yield from _block(block, speech)
    if recap.ahead:
        yield f"## {_ours(speech.gettext('What comes next'))}\n\n{_plain(to_text(recap.ahead))}\n"


def _block(block: Block, speech: Speech) -> Iterator[str]:
    match block:
        case Narration():
            yield f"{block.markdown.strip()}\n\n"
        case Quotation():
            by = ", ".join(filter(None, (_plain(block.name), _plain(block.role))))
            yield _quoted(block.text) + (f"\n>\n> — {by}\n\n" if by else "\n\n")
        case Passage():
            for item in block.items:
                yield _said(item, speech)
        case Pair():
            yield f"**{_ours(speech.gettext('Question'))}**\n\n"
            yield from _block(block.question, speech)
            yield f"**{_ours(speech.gettext('Answer'))}**\n\n"
            yield from _block(block.answer, speech)


def _said(item: Item, speech: Speech) -> str:
    post = item.post
    who = _plain(short(name_of(post.author), 80))
    sensitive = _ours(speech.gettext("Marked as sensitive")) if item.shown.is_covered else ""
    why = _plain(post.content_warning) or sensitive
    warning = f"> ({why})\n>\n" if why else ""
    words = _quoted(post.text) if post.text.strip() else f"> *{_ours(speech.gettext('A post without words'))}*"
    return f"{warning}{words}\n>\n> — {who}, <{post.url}>\n\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {_plain(line)}".rstrip() for line in text.strip().splitlines() or [""])


def _ours(said: Markup) -> str:
    """Return a sentence of ours as words: a speech says everything ready for HTML."""
    return _plain(said.unescape())


def _plain(text: str) -> str:
    """Return words that mean nothing in Markdown: a stranger's brackets make no link and no tag, their dashes no heading."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>#|!~&" else letter for letter in text)
    return _BEGINS.sub(r"\1\\\2", " ".join(escaped.split()))


_BEGINS = re.compile(r"^(\d*)([-+=.)])")
"""What makes the line that it begins a list, or the line before it a heading."""
