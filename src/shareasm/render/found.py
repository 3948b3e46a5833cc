"""What lets the recap be found and shared: a feed, a site map, oEmbed, and the facts as JSON-LD. All need its public address.

JSON-LD lies in a file of its own, which each page links to, for there is no script on our pages, not even one that holds data.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import urljoin
from xml.sax.saxutils import escape, quoteattr

from shareasm.domain.items import Item
from shareasm.domain.recaps import Recap
from shareasm.domain.sections import unlisted
from shareasm.render.pages import Edition
from shareasm.render.speech import Speech
from shareasm.render.words import iso, name_of, short

SITEMAP, OEMBED, FACTS = "sitemap.xml", "oembed.json", "recap.jsonld"
FOUND = (SITEMAP, OEMBED, FACTS)
ENTRIES = 50
"""Posts in the feed, the newest first."""


def found_files(recap: Recap, editions: Sequence[Edition]) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield each file's name and text; nothing where nobody knows the recap's public address."""
    url = recap.campaign.publication.url
    if url is None:
        return
    first = editions[0]
    for edition in editions:
        yield feed_name(edition), _feed(recap, url, edition)
    yield SITEMAP, _sitemap(recap, url, editions)
    yield OEMBED, iter([_json(_oembed(recap, url, first))])
    yield FACTS, iter([_json(_facts(recap, url, editions))])


def feed_name(edition: Edition) -> str:
    """Return what the feed is called in one language."""
    return edition.named("feed", "atom")


def picture_url(recap: Recap, url: str) -> str | None:
    """Return where the picture lies that networks show beside a link to the recap."""
    return urljoin(url, recap.share.path) if recap.share else None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


# ---- the feed (RFC 4287) -----------------------------------------------------------------------------------------------


def _feed(recap: Recap, url: str, edition: Edition) -> Iterator[str]:
    """Yield the feed of the newest posts under the tag, by those who let themselves be found; its words in one language."""
    own = urljoin(url, feed_name(edition))
    title = edition.speech.gettext("%(title)s: the newest posts", title=_line(recap.title)).unescape()
    # What was said without the tag stands below what it answers, and here nothing stands below anything.
    tagged = (item for item in recap.items if not item.without_tag)
    shy = unlisted(recap.items)
    items = [item for item in tagged if item.highlight or item.post.author.identity not in shy][-ENTRIES:]
    updated = max((_updated(item) for item in items), default=iso(recap.campaign.closes_at))
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(edition.language)}>\n'
    yield f"<id>{escape(url if edition.is_first else own)}</id>\n<title>{escape(title)}</title>\n"
    yield f"<updated>{updated}</updated>\n"
    yield f"<author><name>{escape(_line(recap.campaign.host))}</name></author>\n"
    yield f'<link rel="self" type="application/atom+xml" href={quoteattr(own)}/>\n'
    yield f'<link rel="alternate" type="text/html" href={quoteattr(urljoin(url, edition.index))}/>\n'
    for item in reversed(items):
        yield from _entry(item, urljoin(url, edition.place(item)), edition.speech)
    yield "</feed>\n"


def _entry(item: Item, address: str, speech: Speech) -> Iterator[str]:
    post = item.post
    language = f" xml:lang={quoteattr(item.language)}" if item.language else ""
    name, between = name_of(post.author), speech.gettext(": ").unescape()
    yield f"<entry{language}>\n<id>{escape(_line(post.url))}</id>\n"
    yield f"<title>{escape(f'{_line(name)}{between}{_line(_first_words(item, speech))}')}</title>\n"
    yield f"<published>{iso(post.created_at)}</published>\n<updated>{_updated(item)}</updated>\n"
    yield f"<author><name>{escape(_line(name))}</name></author>\n"
    yield f'<link rel="alternate" type="text/html" href={quoteattr(address)}/>\n'
    if not item.shown.is_covered:
        yield f'<content type="html">{escape(_printable(post.html))}</content>\n'
    yield "</entry>\n"


def _first_words(item: Item, speech: Speech) -> str:
    """Return what a post begins with; in words of ours where it has none, or none that may be said here."""
    if item.shown.is_covered:
        return short(item.post.content_warning, 80) or speech.gettext("Marked as sensitive").unescape()
    return short(item.post.text.strip(), 80) or speech.gettext("A post without words").unescape()


def _updated(item: Item) -> str:
    return iso(item.post.said_at)


def _line(text: str) -> str:
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    """Return `text` without what XML 1.0 forbids: control letters, half surrogate pairs, two that are no letters."""
    return "".join(
        letter
        for letter in text
        if letter in "\t\n\r" or " " <= letter < "\ud800" or "\ue000" <= letter not in "\ufffe\uffff"
    )


# ---- site map, oEmbed, JSON-LD -----------------------------------------------------------------------------------------


def _sitemap(recap: Recap, url: str, editions: Sequence[Edition]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    names = [edition.index for edition in editions]
    names += [edition.part(part) for edition in editions for part in recap.parts]
    for name in islice(names, 50_000):  # the format's own limit
        yield f"<url><loc>{escape(urljoin(url, name))}</loc></url>\n"
    yield "</urlset>\n"


def _oembed(recap: Recap, url: str, edition: Edition) -> dict[str, object]:
    """OEmbed 1.0, type link: whoever embeds the page shows title, organisation and picture, and links to it."""
    said: dict[str, object] = {
        "version": "1.0",
        "type": "link",
        "title": recap.title,
        "author_name": recap.campaign.host,
        "provider_name": recap.campaign.host,
        "provider_url": urljoin(url, edition.index),
    }
    if recap.share:
        size = {"thumbnail_width": recap.share.width, "thumbnail_height": recap.share.height}
        said |= {"thumbnail_url": picture_url(recap, url), **size}
    return said


def _facts(recap: Recap, url: str, editions: Sequence[Edition]) -> dict[str, object]:
    """schema.org: a report about an event. People are not named: they are on the page, where they can be taken off."""
    campaign = recap.campaign
    organiser = {"@type": "Organization", "name": campaign.host}
    said: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "Article",
        "headline": recap.title,
        "url": urljoin(url, editions[0].index),
        "inLanguage": [edition.language for edition in editions],
        "datePublished": iso(campaign.closes_at),
        "keywords": [f"#{tag}" for tag in campaign.hashtags],
        "publisher": organiser,
        "about": {
            "@type": "Event",
            "name": campaign.name,
            "startDate": iso(campaign.opens_at),
            "endDate": iso(campaign.closes_at),
            "eventAttendanceMode": "https://schema.org/OnlineEventAttendanceMode",
            "organizer": organiser,
        },
    }
    return said | ({"image": picture_url(recap, url)} if recap.share else {})
