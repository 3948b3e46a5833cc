"""A campaign's accent colour, made readable: the nearest mixture that has enough contrast on each page colour.

Pure arithmetic of WCAG 2.2 (relative luminance, contrast ratio; www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
"""

from collections.abc import Iterable
from dataclasses import dataclass

PAPER = "#fcfbf8"
"""The page colour in the light; text of ours on it is nearly black."""

NIGHT = "#15171a"
"""The page colour in the dark."""

ACCENT = "#8a4b08"
"""The accent of a campaign that names none: the brown of worked earth."""

READABLE = 4.5
"""The contrast ratio that text needs (WCAG 1.4.3, level AA)."""


@dataclass(frozen=True, slots=True)
class Palette:
    """One accent for each page colour, as #rrggbb, readable as text on it and on its slightly raised surfaces."""

    on_paper: str
    on_night: str


def palette(accent: str | None) -> Palette:
    """Return the readable shades of `accent` (#rrggbb); of our own when there is none or it is not a colour."""
    wanted = accent if accent and _is_colour(accent) else ACCENT
    # 0.8 more than WCAG asks: cards and marks lie on surfaces a little off the page colour.
    return Palette(shade(wanted, PAPER, READABLE + 0.8), shade(wanted, NIGHT, READABLE + 0.8))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two #rrggbb colours, from 1 (none) to 21 (black on white).

    >>> round(contrast("#ffffff", "#000000"), 1)
    21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def shade(colour: str, background: str, ratio: float) -> str:
    """Return `colour`, mixed with as little white or black as gives it at least `ratio` on `background`.

    Mixing keeps a dark accent calm on a dark page, where a brighter one of full colour would shout.
    """
    towards = 0.0 if _luminance(background) > 0.18 else 1.0
    mixtures = (_hex(part + (towards - part) * share / 100 for part in _channels(colour)) for share in range(1, 101))
    if contrast(colour, background) >= ratio:
        return colour
    return next(mixed for mixed in mixtures if contrast(mixed, background) >= ratio)


def _is_colour(text: str) -> bool:
    return len(text) == 7 and text[0] == "#" and all(letter in "0123456789abcdefABCDEF" for letter in text[1:])


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _hex(channels: Iterable[float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def _luminance(colour: str) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
