"""Small pictures for the people of a rehearsal to post, drawn from a few shapes and the same every time."""

import io
import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 400
_SKY, _EARTH, _WATER, _GOLD, _DARK = "#cfe3ea", "#8a4b08", "#7a9e9f", "#d9a520", "#2d2a26"
Drawing = Callable[[ImageDraw.ImageDraw, random.Random], None]


def draw(name: str, seed: int) -> bytes:
    """Return the drawing `name` as PNG; `seed` varies its details. Raises KeyError for an unknown name."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), _SKY)
    _DRAWINGS[name](ImageDraw.Draw(picture), random.Random(seed))  # noqa: S311  a rehearsal should repeat
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _hills(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for level, colour in ((220, "#9db17c"), (270, "#7d955f"), (320, "#5d7546")):
        for _ in range(5):
            x, size = chance.randrange(-80, WIDTH), chance.randrange(120, 260)
            pen.ellipse((x, level, x + size * 2, level + size), fill=colour)
    for _ in range(12):
        x, y = chance.randrange(40, WIDTH - 40), chance.randrange(290, 380)
        pen.ellipse((x, y, x + 12, y + 8), fill=_EARTH)


def _sunrise(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 0, WIDTH, 260), fill="#f3c98b")
    x = chance.randrange(200, 400)
    pen.ellipse((x, 150, x + 180, 330), fill=_GOLD)
    pen.rectangle((0, 260, WIDTH, HEIGHT), fill=_EARTH)
    for number in range(3):
        _person(pen, 120 + number * 90 + chance.randrange(30), 330)


def _river(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 180, WIDTH, HEIGHT), fill="#7d955f")
    bend = chance.randrange(-60, 60)
    pen.polygon([(260, 180), (330, 180), (480 + bend, HEIGHT), (120 + bend, HEIGHT)], fill=_WATER)
    _person(pen, 200, 300)
    pen.ellipse((225, 320, 285, 345), fill=_DARK)


def _pan(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 0, WIDTH, HEIGHT), fill=_WATER)
    pen.ellipse((150, 50, 490, 350), fill=_DARK)
    pen.ellipse((190, 90, 450, 310), fill="#4a4137")
    for _ in range(25):
        x, y = chance.randrange(250, 390), chance.randrange(150, 260)
        pen.ellipse((x, y, x + 6, y + 6), fill=_GOLD)


def _scale(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 300, WIDTH, HEIGHT), fill=_EARTH)
    tilt = chance.randrange(-20, 20)
    pen.line((320, 120, 320, 300), fill=_DARK, width=8)
    pen.line((160, 130 + tilt, 480, 130 - tilt), fill=_DARK, width=8)
    for x, y in ((160, 130 + tilt), (480, 130 - tilt)):
        pen.chord((x - 60, y + 20, x + 60, y + 120), 0, 180, fill=_GOLD)


def _helmet(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 280, WIDTH, HEIGHT), fill=_EARTH)
    colour = chance.choice(["#e2b007", "#d0d0d0", "#c04a2b"])
    pen.pieslice((180, 110, 460, 390), 180, 360, fill=colour)
    pen.rectangle((150, 240, 490, 262), fill=colour)
    pen.ellipse((295, 130, 345, 180), fill="white", outline=_DARK, width=4)


def _chart(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 0, WIDTH, HEIGHT), fill="white")
    for number in range(29):
        x, y = 60 + number % 10 * 54, 70 + number // 10 * 90 + chance.randrange(-6, 6)
        pen.ellipse((x, y, x + 34, y + 34), fill=_EARTH if number < 25 else "#999999")


def _poster(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((190, 20, 450, 380), fill="#f3ead7", outline=_DARK, width=6)
    for row in range(2):
        pen.rectangle((220, 50 + row * 34, 420 - chance.randrange(60), 72 + row * 34), fill=_EARTH)
    pen.line((260, 340, 380, 160), fill=_DARK, width=14)
    pen.ellipse((350, 120, 420, 180), fill=_DARK)


def _pit(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 160, WIDTH, HEIGHT), fill=_EARTH)
    for step in range(4):
        edge = step * 40 + chance.randrange(8)
        pen.ellipse((140 + edge, 190 + edge // 2, 500 - edge, 360 - edge // 2), outline=_DARK, width=6)


def _night(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 0, WIDTH, HEIGHT), fill="#101a2b")
    for _ in range(80):
        x, y = chance.randrange(WIDTH), chance.randrange(280)
        pen.point((x, y), fill="white")
    pen.rectangle((0, 300, WIDTH, HEIGHT), fill="#05080e")
    pen.ellipse((300, 270, 340, 310), fill=_GOLD)


def _person(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    pen.ellipse((x, y - 60, x + 24, y - 36), fill=_DARK)
    pen.rectangle((x + 2, y - 36, x + 22, y + 10), fill=_DARK)


_DRAWINGS: Mapping[str, Drawing] = {
    "hills": _hills,
    "sunrise": _sunrise,
    "river": _river,
    "pan": _pan,
    "scale": _scale,
    "helmet": _helmet,
    "chart": _chart,
    "poster": _poster,
    "pit": _pit,
    "night": _night,
}
