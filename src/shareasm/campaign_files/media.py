"""The files a plan names: below their folder, really pictures, videos or captions, and of a size that every network takes.

The sizes in a picture's header are judged before anything is decoded, so a file that unpacks to gigabytes costs nothing.
"""

import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from shareasm.campaign_files.reading import Field, nearest, shorten, text
from shareasm.campaign_files.source import inside
from shareasm.domain.captions import MOST_BYTES, Captions, read_captions
from shareasm.domain.pictures import Refusal, other_kind
from shareasm.domain.videos import VideoFacts, read_video

BYTES_LIMIT = 16_000_000
"""Bytes of one picture file. They are made smaller for each network; Mastodon's own bound is 16 MB (platform facts 2.3)."""

PIXELS_LIMIT = 40_000_000
"""Width × height of one picture."""

VIDEO_BYTES_LIMIT = 99_000_000
"""Bytes of one video file: what Mastodon takes (platform facts 2.3). Bluesky takes more."""

_FORMATS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"RIFF": "WEBP"}


def picture_below(field: Field, folder: Path) -> str | None:
    """Return the name of a picture file below `folder`, after a look into the file."""
    return _file_below(field, folder, "picture", _picture_problem)


def video_below(field: Field, folder: Path) -> str | None:
    """Return the name of a video file below `folder`, after a look at its size and first bytes."""
    return _file_below(field, folder, "video", _video_problem)


def captions_below(field: Field, folder: Path) -> str | None:
    """Return the name of a WebVTT file below `folder`, after a look into it."""
    return _file_below(field, folder, "file", _captions_problem)


Problem = tuple[str, str]
"""What is wrong with a file, as the end of a sentence that begins with its name; and the cure."""


def _file_below(field: Field, folder: Path, what: str, look: Callable[[Path], Problem | None]) -> str | None:
    name = text(field)
    if name is None:
        return None
    if name.startswith(("/", "~", "\\")) or "\\" in name or ":" in name or ".." in Path(name).parts:
        field.fail(
            f"“{shorten(name)}” leads out of the campaign's folder.",
            f"Put the {what} into “{folder.name}” and write only its name.",
        )
        return None
    path = inside(folder, name)
    if path is None:
        field.fail(
            f"“{shorten(name)}” is a link that leads out of the campaign's folder.",
            f"Put the {what} itself into the folder.",
        )
        return None
    if not path.is_file() or not _is_spelled_so(folder, name):
        field.fail(f"There is no file “{shorten(name)}” in “{folder.name}”.", _suggest_file(folder, name, what))
        return None
    problem = look(path)
    if problem:
        field.fail(f"“{shorten(name)}” {problem[0]}", problem[1])
        return None
    return name


def _is_spelled_so(folder: Path, name: str) -> bool:
    """Return whether the letters are right in case too: a server tells `Photo.JPG` from `photo.jpg` where a laptop does not."""
    parts = Path(name).parts
    return all(
        folder.joinpath(*parts[: depth + 1]) in folder.joinpath(*parts[:depth]).iterdir() for depth in range(len(parts))
    )


def _suggest_file(folder: Path, name: str, what: str) -> str:
    files = (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else ()
    names = sorted(path.relative_to(folder).as_posix() for path in files)
    near = nearest(name, names)
    if near:
        return f"Did you mean “{near}”? Capital letters count."
    return f"Put the {what} there." + (f" The folder holds: {', '.join(names[:10])}." if names else "")


# ---- pictures ----------------------------------------------------------------------------------------------------------


def _picture_problem(path: Path) -> Problem | None:
    state = path.stat()
    return _look_into(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=2000)
def _look_into(path: Path, size: int, _changed: int) -> Problem | None:
    if size > BYTES_LIMIT:
        return (
            f"has {size / 1e6:.0f} MB; {BYTES_LIMIT / 1e6:.0f} MB is the most.",
            "Save it smaller, 2,000 pixels wide.",
        )
    with path.open("rb") as file:
        head = file.read(512)
    format_ = next((name for magic, name in _FORMATS.items() if head.startswith(magic)), None)
    if format_ is None:
        if other := other_kind(head):
            return f"is {other[0]}, which the networks do not take.", other[1]
        return "is not a picture of a kind that the networks take.", "Save it as PNG, JPEG or WebP."
    return _decode(path, format_)


def _decode(path: Path, format_: str) -> Problem | None:
    # Imported here: most commands never look into a picture, and these plugins are all that is needed.
    from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged by PIXELS_LIMIT below
            with Image.open(path, formats=(format_,)) as image:
                width, height = image.size
                if width * height > PIXELS_LIMIT:
                    return f"has {width} × {height} pixels.", "Save it smaller, 2,000 pixels wide."
                if format_ != "JPEG" and getattr(image, "is_animated", False):  # telephones put a second picture behind
                    return "is animated; a post takes a still picture.", "Save one frame of it as PNG or JPEG."
                image.draft(None, (width // 8, height // 8))  # JPEG: decode an eighth, it proves as much
                image.load()
    except Image.DecompressionBombError:
        return "has far too many pixels.", "Save it smaller, 2,000 pixels wide."
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError):  # what Pillow raises for broken files
        return "cannot be read as a picture: the file is damaged.", "Export it again."
    return None


# ---- videos ------------------------------------------------------------------------------------------------------------


def _video_problem(path: Path) -> Problem | None:
    if path.stat().st_size > VIDEO_BYTES_LIMIT:
        return (
            f"has {path.stat().st_size / 1e6:.0f} MB; {VIDEO_BYTES_LIMIT / 1e6:.0f} MB is the most.",
            "Save it smaller: 1280 pixels wide, H.264, at most three minutes.",
        )
    with path.open("rb") as file:
        return _refused(read_video(file))


def _captions_problem(path: Path) -> Problem | None:
    with path.open("rb") as file:
        return _refused(read_captions(file.read(MOST_BYTES + 1)))


def _refused(found: VideoFacts | Captions | Refusal) -> Problem | None:
    return (f"{found.reason}.", found.cure) if isinstance(found, Refusal) else None
