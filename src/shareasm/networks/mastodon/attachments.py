"""What hangs on a status: pictures, videos and sounds as Media. Pure."""

from shareasm.domain.posts import Media, MediaKind
from shareasm.domain.richtext import clean_text, safe_url
from shareasm.networks.mastodon.entities import Attachment, Focus, Size

MEDIA_LIMIT = 20
ALT_LIMIT = 10_000

_KINDS = {
    "image": MediaKind.IMAGE,
    "gifv": MediaKind.VIDEO,
    "video": MediaKind.VIDEO,
    "audio": MediaKind.AUDIO,
}


def media_of(attachments: list[Attachment] | None) -> tuple[Media, ...]:
    """Return the attachments with a usable address.

    `remote_url`, the file at its origin, goes before `url`, which is the asked server's own copy and is purged.
    """
    media = []
    for attachment in (attachments or ())[:MEDIA_LIMIT]:
        url = safe_url(attachment.remote_url) or safe_url(attachment.url)
        if url is None:
            continue
        size = (attachment.meta and attachment.meta.original) or Size()
        media.append(
            Media(
                kind=_KINDS.get(attachment.type or "", MediaKind.UNKNOWN),
                url=url,
                alt=clean_text(attachment.description or "", ALT_LIMIT).strip() or None,
                preview_url=safe_url(attachment.preview_remote_url) or safe_url(attachment.preview_url),
                width=_pixels(size.width),
                height=_pixels(size.height),
                focus=_focus(attachment.meta.focus if attachment.meta else None),
            )
        )
    return tuple(media)


def _pixels(size: float | None) -> int | None:
    return int(size) if size and 0 < size <= 65_535 else None


def _focus(said: Focus | None) -> tuple[float, float] | None:
    """Return the point that stays in view; None for the middle, which servers say or leave out as they like."""
    point = [min(max(value or 0.0, -1.0), 1.0) for value in (said.x, said.y)] if said else [0.0, 0.0]
    x, y = (round(value, 2) for value in point)
    return (x, y) if x or y else None
