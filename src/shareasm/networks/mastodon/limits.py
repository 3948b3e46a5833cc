"""What an instance says of itself becomes Limits; what it says wrongly is put right here. Pure."""

from collections.abc import Mapping

from shareasm.networks.ports import Limits, Repeat

IMAGE_SIDE = 2000
IMAGE_BYTES = 976_000
"""One picture serves both networks, so that both show the same: Bluesky's limit (platform facts 0)."""

REMEMBERS_KEYS = frozenset({"mastodon", "hometown", "hollo", "pleroma", "akkoma"})
COUNTS_WHOLE_URLS = frozenset({"gotosocial", "snac", "takahe"})
"""They say 25 or 23 characters an address, and count it whole."""


def read_limits(instance: Mapping[str, object], software: str) -> Limits:
    """Return the limits in `GET /api/v2/instance` or v1; Mastodon's own where it says nothing."""
    configuration = _part(instance, "configuration")
    statuses, media = _part(configuration, "statuses"), _part(configuration, "media_attachments")
    url_length = _number(statuses, "characters_reserved_per_url", 23)
    return Limits(
        text_length=_number(statuses, "max_characters", _number(instance, "max_toot_chars", 500)),
        url_length=None if software in COUNTS_WHOLE_URLS or not url_length else url_length,
        media_count=_number(statuses, "max_media_attachments", 4),
        alt_length=_number(media, "description_limit", 1500),
        image_bytes=min(_number(media, "image_size_limit", IMAGE_BYTES), IMAGE_BYTES),
        image_side=IMAGE_SIDE,
        repeat=Repeat.AN_HOUR if software in REMEMBERS_KEYS else Repeat.NEVER,
    )


def _part(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _number(found: Mapping[str, object], name: str, default: int) -> int:
    value = found.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else default
