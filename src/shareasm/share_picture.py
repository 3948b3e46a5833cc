"""The picture that networks show beside a link to the recap: title, date, three numbers, and a photograph of the day.

Drawn by us from words and pictures that the page shows anyway, 1200 × 630 pixels as Open Graph readers expect, PNG because not
all of them read WebP. Its name is made from what it shows: the same day is not drawn again.
"""

import os
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from shareasm.domain.pictures import PictureFile

SIZE = (1200, 630)
_MARGIN = 72
_DRAWN_AS = b"1"  # changes when the drawing does

_FONTS = ("DejaVuSerif.ttf", "NotoSerif-Regular.ttf", "LiberationSerif-Regular.ttf", "georgia.ttf")
"""Looked for in the system's own folders; without any, Pillow's built-in letters, which are Latin ones."""


@dataclass(frozen=True, slots=True)
class Poster:
    """What the picture says."""

    title: str
    date: str
    numbers: tuple[tuple[str, str], ...]  # ("2,150", "posts")
    host: str
    accent: str  # #rrggbb
    paper: str
    photo: Path | None = None  # a kept picture
    focus: tuple[float, float] | None = None  # what of it stays in view: right and up, each in [-1, 1]


def draw(poster: Poster, folder: Path) -> PictureFile:
    """Draw `poster` into `folder`/media and return the file. Raises OSError when the disk refuses."""
    said = repr((poster.title, poster.date, poster.numbers, poster.host, poster.accent, poster.paper)).encode()
    shown = f"{poster.photo.name}{poster.focus or ''}".encode() if poster.photo else b""
    name = f"media/share-{blake2b(_DRAWN_AS + said + shown, digest_size=10).hexdigest()}.png"
    target = folder / name
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        _drawn(poster).save(fresh, "PNG", optimize=True)
        fresh.replace(target)
    return PictureFile(name, *SIZE)


def _drawn(poster: Poster) -> Image.Image:
    wide, high = SIZE
    image = Image.new("RGB", SIZE, poster.paper)
    column = wide - 2 * _MARGIN
    if poster.photo:
        with Image.open(poster.photo) as photo:
            right, up = poster.focus or (0.0, 0.0)
            in_view = ((1 + right) / 2, (1 - up) / 2)
            cut = ImageOps.fit(photo.convert("RGB"), (wide * 2 // 5, high), centering=in_view)
            image.paste(cut, (wide - wide * 2 // 5, 0))
        column = wide * 3 // 5 - 2 * _MARGIN
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 16, high), fill=poster.accent)
    at = _write(pen, poster.date, at=_MARGIN, column=column, size=30, fill="#5f5b53", most_lines=1)
    _write(pen, poster.title, at=at + 18, column=column, size=64, fill="#1c1b19", most_lines=3)
    left = _MARGIN
    for number, words in poster.numbers:
        pen.text((left, high - 220), number, font=_font(56), fill=poster.accent)
        pen.text((left, high - 148), words, font=_font(26), fill="#5f5b53")
        left += max(int(pen.textlength(number, _font(56))), int(pen.textlength(words, _font(26)))) + 44
    _write(pen, poster.host, at=high - 92, column=column, size=24, fill="#5f5b53", most_lines=2)
    return image


def _write(pen: ImageDraw.ImageDraw, words: str, *, at: int, column: int, size: int, fill: str, most_lines: int) -> int:
    """Write `words` in a column, smaller where they would not fit; return where the next words may stand."""
    while size > 20 and len(_lines(pen, words, column, size)) > most_lines:
        size -= 4
    for line in _lines(pen, words, column, size)[:most_lines]:
        pen.text((_MARGIN, at), line, font=_font(size), fill=fill)
        at += round(size * 1.2)
    return at


def _lines(pen: ImageDraw.ImageDraw, words: str, column: int, size: int) -> list[str]:
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer, _font(size)) <= column:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
