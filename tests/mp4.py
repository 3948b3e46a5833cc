"""Builds small MP4 files, box by box: no camera needed, nobody's rights in them."""

from collections.abc import Sequence

PLACE = b"+05.6037-000.1870/"  # ISO 6709, as telephones write it


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4) + kind + body


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size)


UPRIGHT = b"".join(map(number, (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)))
QUARTER_TURN = b"".join(map(number, (0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000)))


def mvhd(seconds: float) -> bytes:
    return box(b"mvhd", number(0), number(0) * 2, number(1000), number(round(seconds * 1000)), bytes(80))


def track(
    handler: bytes,
    codec: bytes,
    *,
    size: tuple[int, int] = (0, 0),
    matrix: bytes = UPRIGHT,
    seconds: float = 2,
    extra: bytes = b"",
) -> bytes:
    entry = box(codec, bytes(24), number(size[0], 2), number(size[1], 2), bytes(50))
    stbl = box(b"stbl", box(b"stsd", number(0), number(1), entry), box(b"stts", bytes(8)))
    shown = number(size[0] << 16) + number(size[1] << 16)
    return box(
        b"trak",
        box(b"tkhd", number(7), bytes(36), matrix, shown),
        box(
            b"mdia",
            box(b"mdhd", number(0), number(0) * 2, number(600), number(round(seconds * 600)), bytes(4)),
            box(b"hdlr", number(0) * 2, handler, bytes(13)),
            box(b"minf", stbl),
        ),
        extra,
    )


def picture_track(size: tuple[int, int] = (640, 360), codec: bytes = b"avc1", **more: object) -> bytes:
    return track(b"vide", codec, size=size, **more)  # type: ignore[arg-type]


SOUND = track(b"soun", b"mp4a")


def mp4(
    tracks: Sequence[bytes] = (picture_track(), SOUND),
    *,
    seconds: float = 2,
    brand: bytes = b"isom",
    in_moov: bytes = b"",
    after: bytes = b"",
    media: bytes = bytes(range(200)),
) -> bytes:
    moov = box(b"moov", mvhd(seconds), *tracks, in_moov)
    return box(b"ftyp", brand, number(0), b"isomavc1") + moov + box(b"mdat", media) + after
