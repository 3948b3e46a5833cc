"""Captions: whether bytes are WebVTT that the networks take (W3C WebVTT 1; lexicon app.bsky.embed.video). Pure."""

import re
from typing import NamedTuple

from shareasm.domain.pictures import Refusal

MOST_BYTES = 20_000
"""Bytes of one file (lexicon app.bsky.embed.video)."""


class Captions(NamedTuple):
    """What a captions file holds."""

    cue_count: int
    ends_after_s: float  # when its last words go


_TIME = r"(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_CUE = re.compile(rf"[ \t]*+{_TIME}[ \t]++-->[ \t]++{_TIME}(?:[ \t].*)?", re.ASCII)
_SUBRIP = re.compile(r"[ \t]*+\d+:\d\d:\d\d,\d{3}[ \t]*+-->", re.ASCII)


def read_captions(data: bytes) -> Captions | Refusal:
    """Return what the captions in `data` are, or what is wrong with them, in which line, and the cure."""
    if len(data) > MOST_BYTES:
        return Refusal(f"has more than {MOST_BYTES / 1000:.0f} kB, which Bluesky does not take", cure="Shorten it.")
    try:
        lines = re.split(r"\r\n|\r|\n", data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Refusal("is not in UTF-8", cure="Save it anew, with the encoding UTF-8.")
    if not re.match(r"WEBVTT(?:[ \t]|$)", lines[0]):
        return Refusal("is not a captions file", cure="Save it as WebVTT (.vtt): its first line is WEBVTT.")
    return _cues(lines)


def _cues(lines: list[str]) -> Captions | Refusal:
    count, begins, last = 0, 0.0, 0.0
    for number, line in enumerate(lines, 1):
        if "-->" not in line:
            continue
        cue = _CUE.fullmatch(line)
        if cue is None:
            comma = " with a point, not a comma," if _SUBRIP.match(line) else ""
            return _wrong(number, "is no pair of times", f"Write it{comma} as 00:01.500 --> 00:04.000.")
        start, end = _seconds(*cue.groups()[:4]), _seconds(*cue.groups()[4:])
        if end <= start:
            return _wrong(number, "ends before it begins", "Put the later time behind the arrow.")
        if start < begins:
            return _wrong(number, "begins before the one above it", "Put the captions in order.")
        if number == len(lines) or not lines[number].strip():
            return _wrong(number, "has no words", "Write them in the line below, with no empty line between.")
        count, begins, last = count + 1, start, max(last, end)
    return Captions(count, last) if count else Refusal("has no captions in it", cure="Write some, or leave it out.")


def _wrong(line: int, what: str, cure: str) -> Refusal:
    return Refusal(f"has a caption in line {line} that {what}", cure=cure)


def _seconds(hours: str | None, minutes: str, seconds: str, thousandths: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(thousandths) / 1000
