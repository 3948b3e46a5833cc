"""What an instance says of itself becomes Limits; what it says wrongly is put right here. Pure.

Sources: Mastodon 4.6 `instance_serializer.rb`; GoToSocial, snac and Takahē as seen running; `api/views/statuses.py` of Takahē.
"""

from collections.abc import Mapping
from datetime import timedelta

from shareasm.networks.ports import Counting, Limits, PollLimits, Repeat

IMAGE_SIDE = 2000
IMAGE_BYTES = 976_000
"""One picture serves both networks, so that both show the same: Bluesky's limit (platform facts 0)."""

REMEMBERS_KEYS = frozenset({"mastodon", "hometown", "hollo", "pleroma", "akkoma"})
COUNTS_WHOLE_URLS = frozenset({"gotosocial", "snac", "takahe"})
"""They say 25 or 23 characters an address, and count it whole."""

COUNTS_CODE_POINTS = frozenset({"gotosocial", "takahe"})
LEAVES_WARNING_OUT = frozenset({"takahe"})  # `len(details.status)`
WITHOUT_POLLS = frozenset({"pixelfed", "snac"})
"""Pixelfed names limits of polls, and neither of them reads a `poll` (ApiV1Controller statusCreate; snac's mastoapi.c)."""

QUOTES_SINCE = 7  # `api_versions.mastodon`: 4.5.0, docs.joinmastodon.org/methods/statuses


def read_limits(instance: Mapping[str, object], software: str) -> Limits:
    """Return the limits in `GET /api/v2/instance` or v1; Mastodon's own where it says nothing."""
    configuration = _part(instance, "configuration")
    statuses, media = _part(configuration, "statuses"), _part(configuration, "media_attachments")
    url_length = _number(statuses, "characters_reserved_per_url", 23)
    polls = _poll_limits(instance, software)
    return Limits(
        text_length=_number(statuses, "max_characters", _number(instance, "max_toot_chars", 500)),
        url_length=None if software in COUNTS_WHOLE_URLS or not url_length else url_length,
        media_count=_number(statuses, "max_media_attachments", 4),
        alt_length=_number(media, "description_limit", 1500),
        image_bytes=min(_number(media, "image_size_limit", IMAGE_BYTES), IMAGE_BYTES),
        image_side=IMAGE_SIDE,
        repeat=Repeat.AN_HOUR if software in REMEMBERS_KEYS else Repeat.NEVER,
        can_edit=True,  # every program seen or read has PUT /api/v1/statuses/:id; where one has not, `edit` says so
        can_quote=_number(_part(instance, "api_versions"), "mastodon", 0) >= QUOTES_SINCE,
        has_polls=polls is not None,
        video_bytes=_video_bytes(media),
        counting=Counting.CODE_POINTS if software in COUNTS_CODE_POINTS else Counting.MASTODON,
        counts_warning=software not in LEAVES_WARNING_OUT,
        polls=polls,
    )


def _poll_limits(instance: Mapping[str, object], software: str) -> PollLimits | None:
    said = _part(_part(instance, "configuration"), "polls")
    old = _part(instance, "poll_limits")  # Pleroma and Akkoma, in version one
    if software in WITHOUT_POLLS or not (said or old):
        return None
    return PollLimits(
        option_count=_number(said, "max_options", _number(old, "max_options", 4)),
        option_length=_number(said, "max_characters_per_option", _number(old, "max_option_chars", 50)),
        shortest=timedelta(seconds=_number(said, "min_expiration", _number(old, "min_expiration", 300))),
        longest=timedelta(seconds=_number(said, "max_expiration", _number(old, "max_expiration", 2_629_746))),
    )


def _video_bytes(media: Mapping[str, object]) -> int | None:
    kinds = media.get("supported_mime_types")
    if isinstance(kinds, list) and "video/mp4" not in kinds:
        return None
    return _number(media, "video_size_limit", 0) or None


def _part(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _number(found: Mapping[str, object], name: str, default: int) -> int:
    value = found.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else default
