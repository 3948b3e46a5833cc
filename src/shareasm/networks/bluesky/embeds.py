"""What a post carries beside its words: pictures, a video, a link card, a quoted post.

Part of `translate`. The types are those of lexicons/app/bsky/embed, as an AppView shows them (`…#view`) and, for cards and
quotes, as the author's record has them: pictures have no address there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shareasm.domain.posts import Card, Media, MediaKind, Network, PostRef
from shareasm.domain.richtext import clean_line, clean_text, safe_url
from shareasm.networks.bluesky.json_values import count_in, items_in, mapping_in, text_in
from shareasm.networks.bluesky.syntax import read_post_address, read_record_address

ALT_LIMIT = 10_000
"""Code points of an alt text that are kept; servers take any length."""


@dataclass(frozen=True, slots=True)
class Embed:
    """What was found. At most one kind of media, one card and one quote stand together in a post."""

    media: tuple[Media, ...] = ()
    card: Card | None = None
    quote: PostRef | None = None
    quote_url: str | None = None


def read_embed(embed: object) -> Embed:
    """Return what a post carries. A type that we do not know carries nothing: the link to the post leads there."""
    fields = mapping_in(embed)
    match text_in(fields.get("$type")).removeprefix("app.bsky.embed."):
        case "images#view":
            return Embed(media=_pictures(fields.get("images"), "thumb"))
        case "gallery#view":
            return Embed(media=_pictures(fields.get("items"), "thumbnail"))
        case "video#view":
            return Embed(media=_video(fields))
        case "external#view" | "external":
            return Embed(card=_card(mapping_in(fields.get("external"))))
        case "record#view" | "record":
            return _quote_or_card(mapping_in(fields.get("record")))
        case "recordWithMedia#view" | "recordWithMedia":
            beside = read_embed(fields.get("media"))
            quoted = _quote_or_card(mapping_in(mapping_in(fields.get("record")).get("record")))
            return Embed(beside.media, beside.card or quoted.card, quoted.quote, quoted.quote_url)
    return Embed()


def _pictures(images: object, preview_key: str) -> tuple[Media, ...]:
    pictures = []
    for fields in map(mapping_in, items_in(images)):
        preview = safe_url(fields.get(preview_key))
        url = safe_url(fields.get("fullsize")) or preview
        if url:
            pictures.append(Media(MediaKind.IMAGE, url, _alt(fields), preview, *_size(fields)))
    return tuple(pictures)


def _video(fields: Mapping[str, object]) -> tuple[Media, ...]:
    playlist = safe_url(fields.get("playlist"))
    preview = safe_url(fields.get("thumbnail"))
    if not playlist:
        return ()
    return (Media(MediaKind.VIDEO, playlist, _alt(fields), preview, *_size(fields)),)


def _alt(fields: Mapping[str, object]) -> str | None:
    return clean_text(text_in(fields.get("alt")), ALT_LIMIT).strip() or None


def _size(fields: Mapping[str, object]) -> tuple[int | None, int | None]:
    ratio = mapping_in(fields.get("aspectRatio"))
    width, height = count_in(ratio.get("width")), count_in(ratio.get("height"))
    return (width, height) if width and height else (None, None)


def _card(external: Mapping[str, object]) -> Card | None:
    url = safe_url(external.get("uri"))
    if not url:
        return None
    title = clean_line(text_in(external.get("title")), 300) or url
    description = clean_line(text_in(external.get("description")), 1000)
    return Card(url, title, description, safe_url(external.get("thumb")))


_PAGES = {  # what else can be quoted: its page for people, by collection
    "app.bsky.feed.generator": "https://bsky.app/profile/{did}/feed/{rkey}",
    "app.bsky.graph.list": "https://bsky.app/profile/{did}/lists/{rkey}",
    "app.bsky.graph.starterpack": "https://bsky.app/starter-pack/{did}/{rkey}",
}


def _quote_or_card(record: Mapping[str, object]) -> Embed:
    """Return the quoted post, or a card for another quoted thing. What is not found, blocked or detached is shown
    without the quote.
    """
    kind = text_in(record.get("$type")).removeprefix("app.bsky.embed.record#")
    uri = text_in(record.get("uri"))
    if kind in {"viewNotFound", "viewBlocked", "viewDetached"}:
        return Embed()
    if address := read_post_address(uri):
        return Embed(quote=PostRef(Network.BLUESKY, address.uri), quote_url=address.url)
    for collection, page in _PAGES.items():
        if found := read_record_address(uri, collection):
            url = page.format(did=found[0], rkey=found[1])
            title = record.get("displayName") or record.get("name") or mapping_in(record.get("record")).get("name")
            description = clean_line(text_in(record.get("description")), 1000)
            return Embed(
                card=Card(url, clean_line(text_in(title), 300) or url, description, safe_url(record.get("avatar")))
            )
    return Embed()
