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
_DRAWN_AS = b"2"  # changes when the drawing does
_QUIET, _INK = "#5f5b53", "#1c1b19"

_FONTS = (
    "NotoSerif-Regular.ttf",
    "LiberationSerif-Regular.ttf",
    "DejaVuSerif.ttf",
    "georgia.ttf",
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "NotoNaskhArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
)
"""Looked for in the system's own folders, the first that has all letters of the words. What none has is left out: boxes
say nothing. Without any font, Pillow's built-in letters, which are Latin ones."""


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
    top = _write(pen, poster.date, at=_MARGIN, column=column, sizes=(30, 22), room=36, fill=_QUIET) + 18
    _write(pen, poster.title, at=top, column=column, sizes=(72, 30), room=high - 236 - top, fill=_INK)
    _write_numbers(pen, poster, at=high - 220, column=column)
    _write(pen, poster.host, at=high - 92, column=column, sizes=(24, 16), room=58, fill=_QUIET)
    return image


def _write_numbers(pen: ImageDraw.ImageDraw, poster: Poster, *, at: int, column: int) -> None:
    """Write the numbers in a row, each over its words, as large as the column has room for."""
    said = "".join(number + words for number, words in poster.numbers)

    def widths(size: int) -> list[float]:
        fonts = _font(size, said), _font(_below(size), said)
        return [max(map(pen.textlength, pair, fonts)) for pair in poster.numbers]

    size = next((one for one in range(60, 28, -4) if sum(widths(one)) + one * (len(poster.numbers) - 1) <= column), 28)
    left = float(_MARGIN)
    for (number, words), width in zip(poster.numbers, widths(size), strict=True):
        pen.text((left, at + 60 - size), number, font=_font(size, said), fill=poster.accent)
        pen.text((left, at + 76), words, font=_font(_below(size), said), fill=_QUIET)
        left += width + size


def _below(size: int) -> int:
    """Return how large the words below a number of `size` are."""
    return size * 2 // 5 + 2


def _write(
    pen: ImageDraw.ImageDraw, words: str, *, at: int, column: int, sizes: tuple[int, int], room: int, fill: str
) -> int:
    """Write `words` in a column, as large as the room allows; return where the next words may stand."""
    largest, smallest = sizes
    words = _sayable(words)
    size = next(
        (size for size in range(largest, smallest, -2) if _fits(pen, words, column, size, room)),
        smallest,
    )
    font, step = _font(size, words), round(size * 1.18)
    lines = _balanced(pen, words, column, font)
    held = lines[: max(room // step, 1)]
    for number, line in enumerate(held, start=1):
        is_cut = number == len(held) < len(lines) or pen.textlength(line, font) > column
        pen.text((_MARGIN, at), _cut(pen, line, column, font) if is_cut else line, font=font, fill=fill)
        at += step
    return at


def _fits(pen: ImageDraw.ImageDraw, words: str, column: int, size: int, room: int) -> bool:
    font = _font(size, words)
    lines = _lines(pen, words, column, font)
    return len(lines) * round(size * 1.18) <= room and all(pen.textlength(line, font) <= column for line in lines)


def _cut(pen: ImageDraw.ImageDraw, line: str, column: int, font: "_Font") -> str:
    while line and pen.textlength(f"{line}…", font) > column:
        line = line[:-1]
    return f"{line}…"


def _balanced(pen: ImageDraw.ImageDraw, words: str, column: int, font: "_Font") -> list[str]:
    """Return the fewest lines that fit, about as long as each other."""
    count = len(_lines(pen, words, column, font))
    narrow = (_lines(pen, words, width, font) for width in range(column // 2, column, 12))
    return next((lines for lines in narrow if len(lines) == count), _lines(pen, words, column, font))


def _lines(pen: ImageDraw.ImageDraw, words: str, column: int, font: "_Font") -> list[str]:
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer, font) <= column:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


# ---- letters -----------------------------------------------------------------------------------------------------------

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_NO_LETTER = "\U0010fffe"  # for what no font has, fonts draw one and the same box


def _font(size: int, words: str) -> _Font:
    """Return the first font that has all letters of `words`, else the one that lacks fewest."""
    there = [font for name in _FONTS if (font := _opened(name, size))]
    return min(there, key=lambda font: len(_lacking(font, words)), default=ImageFont.load_default(size))


def _sayable(words: str) -> str:
    """Return `words` without the letters that no font has, such as emoji; nothing where most would go."""
    lacking = _lacking(_font(30, words), words)
    left = "".join(letter for letter in words if letter not in lacking).strip()
    return left if 2 * len(left) >= len(words) else ""


def _lacking(font: _Font, words: str) -> set[str]:
    box = bytes(font.getmask(_NO_LETTER))
    return {letter for letter in set(words) if not letter.isspace() and bytes(font.getmask(letter)) == box}


@cache
def _opened(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
