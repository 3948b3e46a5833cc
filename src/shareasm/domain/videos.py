"""Videos: what an MP4 file says of itself in its boxes, and which of its bytes are nobody's business. Pure.

Only the boxes that count are read, a few hundred bytes of files of any size (ISO/IEC 14496-12; 14496-14 for `mp4a`). No
codec is opened. Cameras write where they were into boxes of metadata: those can be blanked in place, since a player needs none.
What they write into tracks of their own (drones, action cameras) lies between picture and sound, and is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from shareasm.domain.pictures import Refusal

MOST_BOXES = 5_000
MOST_PIXELS = 3840 * 2160  # Mastodon's `video_matrix_limit` (platform facts 2.3)
MOST_SECONDS = 24 * 3600


class Span(NamedTuple):
    """Bytes of a file, from the start of a box to its end; its own header takes the first ones."""

    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video is."""

    width: int  # pixels, as it is shown: upright
    height: int
    seconds: float
    has_sound: bool
    metadata: tuple[Span, ...] = ()  # boxes of metadata and of nothing, to be blanked


def read_video(file: BinaryIO) -> VideoFacts | Refusal:
    """Return what the MP4 in `file` is, or why it is no video for the networks and what to do about it.

    Reads no more than it must, whatever the file claims. Raises nothing but what reading `file` raises.
    """
    try:
        return _read(_Boxes(file))
    except _Unfit as unfit:
        return Refusal(unfit.reason, cure=unfit.cure)


def blank(data: bytearray, spans: tuple[Span, ...]) -> None:
    """Turn boxes into empty space of the same length: every other byte stays where it was, as its tables say."""
    for span in spans:
        data[span.start + 4 : span.start + 8] = b"free"
        data[span.body : span.end] = bytes(span.end - span.body)


class _Unfit(Exception):
    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


_EXPORT = "Export it as MP4 with H.264 and AAC."
_BARE = (
    "Export it anew with nothing but picture and sound; with ffmpeg: "
    "ffmpeg -i in.mp4 -map 0:v:0 -map 0:a:0? -map_metadata -1 -c copy out.mp4"
)
_DAMAGED = _Unfit("is damaged, or only the beginning of a video", "Export or copy it again.")

_METADATA = {b"udta", b"meta", b"uuid", b"free", b"skip", b"wide"}
_VIDEO_CODECS = {b"avc1", b"avc3"}
_SOUND_CODECS = {b"mp4a"}
_HARMLESS_TRACKS = {b"tmcd", b"hint"}
_TEXT_TRACKS = {b"text", b"sbtl", b"subt", b"clcp"}
_CODEC_NAMES = {
    b"hvc1": "HEVC (H.265)", b"hev1": "HEVC (H.265)", b"av01": "AV1", b"vp09": "VP9", b"vp08": "VP8", b"mp4v": "MPEG-4 Part 2",
    b"apch": "ProRes", b"apcn": "ProRes", b"jpeg": "Motion JPEG", b"ac-3": "Dolby Digital", b"ec-3": "Dolby Digital",
    b"Opus": "Opus", b".mp3": "MP3", b"lpcm": "uncompressed sound", b"sowt": "uncompressed sound", b"alac": "Apple Lossless",
}  # fmt: skip


@dataclass(slots=True)
class _Track:
    handler: bytes = b""
    codec: bytes = b""
    seconds: float = 0.0
    size: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class _Film:
    seconds: float = 0.0
    tracks: list[_Track] = field(default_factory=list)


def _read(boxes: "_Boxes") -> VideoFacts:
    film: _Film | None = None
    metadata: list[Span] = []
    has_media = False
    for number, (kind, span) in enumerate(boxes.between(0, boxes.size)):
        if number == 0:
            _check_type(kind, boxes, span)
        if kind == b"moov":
            film = film or _film(boxes, span, metadata)
        elif kind == b"moof":
            raise _Unfit("is cut into pieces for streaming", _EXPORT)
        elif kind in _METADATA:
            metadata.append(span)
        has_media = has_media or kind == b"mdat"
    if film is None or not has_media:
        raise _DAMAGED
    return _facts(film, tuple(metadata))


def _check_type(kind: bytes, boxes: "_Boxes", span: Span) -> None:
    if kind != b"ftyp":
        raise _Unfit("is not an MP4 video, the one kind that both networks take", _EXPORT)
    if boxes.take(span.body, 4) == b"qt  ":
        raise _Unfit("is a QuickTime file (.mov), which Bluesky does not take", _EXPORT)


def _facts(film: _Film, metadata: tuple[Span, ...]) -> VideoFacts:
    pictures = [track for track in film.tracks if track.handler == b"vide"]
    sounds = [track for track in film.tracks if track.handler == b"soun"]
    for track in film.tracks:
        if track.handler not in {b"vide", b"soun", *_HARMLESS_TRACKS}:
            name = f"{_name(track.handler)}: {_name(track.codec)}"
            if track.handler in _TEXT_TRACKS:
                reason = (
                    f"carries a track of text ({name}), which is not shown, and in which drones write where they are"
                )
                raise _Unfit(reason, f"Put captions into a .vtt file of their own. {_BARE}")
            raise _Unfit(
                f"carries a track beside picture and sound ({name}), in which cameras write where they are", _BARE
            )
    if not pictures:
        raise _Unfit("has no pictures that move", _EXPORT)
    if pictures[0].codec not in _VIDEO_CODECS:
        raise _Unfit(f"is in {_codec_name(pictures[0].codec)}; the networks show H.264 everywhere", _EXPORT)
    if sounds and sounds[0].codec not in _SOUND_CODECS:
        raise _Unfit(f"has its sound in {_codec_name(sounds[0].codec)}; the networks play AAC everywhere", _EXPORT)
    width, height = pictures[0].size
    if not 0 < width * height <= MOST_PIXELS:
        raise _Unfit(f"is {width} × {height} pixels; {MOST_PIXELS:,} in all is the most", "Export it 1280 pixels wide.")
    seconds = film.seconds or pictures[0].seconds
    if not 0 < seconds <= MOST_SECONDS:
        raise _DAMAGED
    return VideoFacts(width, height, seconds, bool(sounds), metadata)


def _codec_name(codec: bytes) -> str:
    return _CODEC_NAMES.get(codec) or f"“{_name(codec)}”"


def _name(code: bytes) -> str:
    return "".join(char if char.isalnum() or char in "-." else "?" for char in code.decode("ascii", "replace")).strip(
        "?"
    )


def _film(boxes: "_Boxes", moov: Span, metadata: list[Span]) -> _Film:
    film = _Film()
    for kind, span in boxes.between(moov.body, moov.end):
        if kind == b"mvhd":
            film.seconds = _seconds(boxes, span)
        elif kind == b"trak":
            film.tracks.append(_track(boxes, span, metadata))
        elif kind == b"mvex":
            raise _Unfit("is cut into pieces for streaming", _EXPORT)
        elif kind == b"cmov":
            raise _Unfit("has a compressed table of contents", _EXPORT)
        elif kind in _METADATA:
            metadata.append(span)
    return film


def _track(boxes: "_Boxes", trak: Span, metadata: list[Span]) -> _Track:
    track = _Track()
    shown = (0, 0)
    for kind, span in boxes.between(trak.body, trak.end):
        if kind == b"tkhd":
            shown = _shown_size(boxes, span)
        elif kind == b"mdia":
            _media(boxes, span, track, metadata)
        elif kind in _METADATA:
            metadata.append(span)
    if all(shown):
        track.size = shown
    return track


def _media(boxes: "_Boxes", mdia: Span, track: _Track, metadata: list[Span]) -> None:
    for kind, span in boxes.between(mdia.body, mdia.end):
        if kind == b"mdhd":
            track.seconds = _seconds(boxes, span)
        elif kind == b"hdlr":
            track.handler = boxes.take(span.body + 8, 4)
        elif kind == b"minf":
            for inner, table in boxes.between(span.body, span.end):
                if inner == b"stbl":
                    _sample_table(boxes, table, track)
        elif kind in _METADATA:
            metadata.append(span)


def _sample_table(boxes: "_Boxes", stbl: Span, track: _Track) -> None:
    for kind, span in boxes.between(stbl.body, stbl.end):
        if kind == b"stsd" and not track.codec:
            entry = boxes.take(span.body + 8, 36)  # after version, flags and count: size, codec, …, width, height
            track.codec = entry[4:8]
            track.size = (int.from_bytes(entry[32:34]), int.from_bytes(entry[34:36]))


def _seconds(boxes: "_Boxes", span: Span) -> float:
    """Return the duration in `mvhd` or `mdhd`; 0 where it is not known."""
    head = boxes.take(span.body, 32)
    if head[0] == 1:
        scale, duration, unknown = int.from_bytes(head[20:24]), int.from_bytes(head[24:32]), 2**64 - 1
    else:
        scale, duration, unknown = int.from_bytes(head[12:16]), int.from_bytes(head[16:20]), 2**32 - 1
    return duration / scale if scale and duration != unknown else 0.0


def _shown_size(boxes: "_Boxes", tkhd: Span) -> tuple[int, int]:
    """Return width and height as a player shows them; a telephone held upright writes a quarter turn into the matrix."""
    after = tkhd.body + (52 if boxes.take(tkhd.body, 1) == b"\1" else 40)
    matrix = boxes.take(after, 36)
    width, height = (int.from_bytes(boxes.take(after + at, 4)) >> 16 for at in (36, 40))
    is_turned = not any(matrix[0:4]) and not any(matrix[16:20]) and any(matrix[4:8])
    return (height, width) if is_turned else (width, height)


class _Boxes:
    """The boxes of a file, found one after the other; at most MOST_BOXES of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MOST_BOXES
        self.size = file.seek(0, 2)

    def take(self, at: int, count: int) -> bytes:
        """Return exactly `count` bytes from `at`. Raises _Unfit where the file ends before."""
        self._file.seek(at)
        found = self._file.read(count)
        if len(found) < count:
            raise _DAMAGED
        return found

    def between(self, at: int, end: int) -> Iterator[tuple[bytes, Span]]:
        """Yield (kind, span) of each box from `at` to `end`."""
        while end - at >= 8:
            self._left -= 1
            if self._left < 0:
                raise _DAMAGED
            head = self.take(at, 8)
            size, body = int.from_bytes(head[:4]), at + 8
            if size == 1:
                size, body = int.from_bytes(self.take(body, 8)), at + 16
            elif size == 0 and end == self.size:
                size = end - at
            if at + size > end or at + size < body:
                raise _DAMAGED
            yield head[4:8], Span(at, body, at + size)
            at += size
