"""Files that people upload to a stand-in instance: what is taken, what is refused, what takes a while.

Sources: Mastodon 4.6.5 `media_attachment.rb`, `api/v2/media_controller.rb`, `api/v1/media_controller.rb:39-49`.
"""

import io
from collections.abc import Mapping

from shareasm.rehearsal.mastodon.flavours import Behaviours, is_at_least
from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.model import Account, ApiError, Attachment
from shareasm.rehearsal.mastodon.params import Upload

IMAGE_BYTES = 16 * 1024 * 1024
VIDEO_BYTES = 99 * 1024 * 1024
MATRIX = 33_177_600  # pixels of an image
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
FILMS = ("video/mp4", "video/webm", "video/quicktime")
SLOW = ("video", "audio")
SOUNDS = ("audio/mpeg", "audio/ogg", "audio/wav", "audio/flac")


def description_limit(rules: Behaviours) -> int:
    """Return how long an image description may be: 1,500 up to 4.5.x, 10,000 from 4.6.0."""
    return 10_000 if rules.software == "mastodon" and is_at_least(rules.version, 4, 6) else 1_500


def taken_types(rules: Behaviours) -> list[str]:
    """Return the types of file that the server says it takes."""
    return [*PICTURES, *FILMS, *SOUNDS] if rules.takes_films else [*PICTURES]


def upload(instance: Instance, owner: Account, file: Upload | None, words: Mapping[str, str]) -> Attachment:
    """Take a file. Images are ready at once, video and sound after some asking. Raises ApiError."""
    if file is None:
        raise ApiError(422, "Validation failed: File can't be blank")
    rules = instance.rules
    kind, mime_type, size = _recognise(file, rules)
    if len(file.data) > (IMAGE_BYTES if kind == "image" else VIDEO_BYTES):
        raise ApiError(422, f"Validation failed: File file size must be less than {IMAGE_BYTES >> 20} MB")
    description = _described(words.get("description"), rules)
    id_, _ = instance.new_id(instance.clock.now(), f"media {len(instance.attachments)}")
    attachment = Attachment(
        id=id_,
        account=owner,
        kind=kind,
        mime_type=mime_type,
        data=file.data,
        created_at=instance.clock.now(),
        width=size[0] if size else None,
        height=size[1] if size else None,
        description=description,
        focus=_focus(words.get("focus")),
        polls_left=instance.slow_media_polls if kind in SLOW else 0,
    )
    if kind in SLOW and instance.fails_next_media:
        attachment.polls_left, instance.fails_next_media = None, False
    instance.attachments[id_] = attachment
    return attachment


def ask(instance: Instance, owner: Account, id_: str) -> Attachment:
    """Return an attachment that is not yet in a status, one step nearer to being ready. Raises ApiError 404 or 422."""
    attachment = instance.attachments.get(id_)
    if attachment is None or attachment.account is not owner or attachment.is_attached:
        raise ApiError(404, "Record not found")
    if attachment.polls_left is None:
        raise ApiError(422, "Error processing thumbnail for uploaded media")
    return attachment


def redescribe(instance: Instance, owner: Account, id_: str, words: Mapping[str, str]) -> Attachment:
    """Change the description or focus of an attachment that is not yet in a status."""
    attachment = ask(instance, owner, id_)
    if "description" in words:
        attachment.description = _described(words["description"], instance.rules)
    if "focus" in words:
        attachment.focus = _focus(words["focus"])
    return attachment


def _recognise(file: Upload, rules: Behaviours) -> tuple[str, str, tuple[int, int] | None]:
    """Return kind, type and size in pixels, from the bytes and not from what the client calls them."""
    picture = _open_picture(file.data)
    if picture is not None:
        mime_type, size = picture
        if size[0] * size[1] > MATRIX:
            raise ApiError(422, f"Validation failed: {size[0]}x{size[1]} images are not supported")
        return "image", rules.stored_type or mime_type, size
    for kind, known in (("video", FILMS), ("audio", SOUNDS)) if rules.takes_films else ():
        if file.mime_type in known and _looks_like_film_or_sound(file.data):
            return kind, file.mime_type, (640, 360) if kind == "video" else None
    if rules.takes_any_file:
        return "unknown", file.mime_type, None
    status, message = rules.bad_file
    raise ApiError(status, message, text=message if status == 500 else None)


def _open_picture(data: bytes) -> tuple[str, tuple[int, int]] | None:
    from PIL import Image  # heavy, and only uploads need it

    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            mime_type = Image.MIME.get(picture.format or "", "")
            return (mime_type, picture.size) if mime_type in PICTURES else None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _looks_like_film_or_sound(data: bytes) -> bool:
    starts = (b"\x1aE\xdf\xa3", b"ID3", b"\xff\xfb", b"OggS", b"RIFF", b"fLaC")
    return data[4:8] == b"ftyp" or data.startswith(starts)


def _described(description: str | None, rules: Behaviours) -> str | None:
    if description is not None and len(description) > description_limit(rules):
        limit = description_limit(rules)
        raise ApiError(422, f"Validation failed: Description is too long (maximum is {limit} characters)")
    return description or None


def _focus(words: str | None) -> tuple[float, float] | None:
    if not words:
        return None
    try:
        x, y = (float(part) for part in words.split(","))
    except ValueError:
        return None
    return max(-1.0, min(1.0, x)), max(-1.0, min(1.0, y))
