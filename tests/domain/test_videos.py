"""Videos: read from their boxes, whatever bytes come; nothing in them says afterwards where they were made."""

import time
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mp4 import PLACE, QUARTER_TURN, SOUND, box, mp4, mvhd, number, picture_track, track
from shareasm.domain.pictures import Refusal
from shareasm.domain.videos import MOST_BOXES, VideoFacts, blank, read_video


def facts(data: bytes) -> VideoFacts:
    found = read_video(BytesIO(data))
    assert isinstance(found, VideoFacts), found
    return found


def refusal(data: bytes) -> str:
    found = read_video(BytesIO(data))
    assert isinstance(found, Refusal)
    assert found.reason[0].islower()  # it follows the name of the file
    assert found.cure.endswith((".", ".mp4"))
    return found.reason


def test_a_video_says_how_large_and_long_it_is() -> None:
    assert facts(mp4(seconds=12.5)) == VideoFacts(640, 360, 12.5, has_sound=True)
    assert facts(mp4([picture_track()])) == VideoFacts(640, 360, 2, has_sound=False)


def test_a_video_taken_upright_is_upright() -> None:
    found = facts(mp4([picture_track((1920, 1080), matrix=QUARTER_TURN)]))
    assert (found.width, found.height) == (1080, 1920)


def test_the_length_of_the_track_counts_where_the_file_says_none() -> None:
    assert facts(mp4([picture_track(seconds=7)], seconds=0)).seconds == 7


def test_the_table_of_contents_may_stand_at_the_end_behind_a_large_size() -> None:
    whole = mp4()
    ftyp, moov = whole[:24], whole[24 : whole.index(b"mdat") - 4]
    large = number(1) + b"mdat" + number(16 + 50, 8) + bytes(50)
    assert facts(ftyp + large + moov).width == 640


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "damaged"),
        (b"RIFF\0\0\0\0AVI ", "damaged"),
        (box(b"moov") + box(b"mdat"), "not an MP4"),
        (mp4(brand=b"qt  "), "QuickTime"),
        (mp4()[:-1], "damaged"),
        (mp4()[:400], "damaged"),
        (box(b"ftyp", b"isom", number(0)) + box(b"mdat"), "damaged"),
        (mp4(after=box(b"moof")), "pieces"),
        (mp4(in_moov=box(b"mvex")), "pieces"),
        (mp4(in_moov=box(b"cmov")), "compressed"),
        (box(b"ftyp", b"isom") + box(b"mdat") + box(b"moov", box(b"mvhd")), "damaged"),
        (mp4([picture_track(codec=b"hvc1")]), "HEVC"),
        (mp4([picture_track(codec=b"x\x00<y")]), "“x??y”"),
        (mp4([picture_track(), track(b"soun", b"ac-3")]), "Dolby"),
        (mp4([SOUND]), "no pictures"),
        (mp4([picture_track((0, 0))]), "0 × 0"),
        (mp4([picture_track((7680, 4320))]), "7680 × 4320"),
        (mp4([picture_track(seconds=0)], seconds=0), "damaged"),
        (mp4([picture_track(), track(b"meta", b"gpmd")]), "meta: gpmd"),
        (mp4([picture_track(), track(b"text", b"tx3g")]), "text: tx3g"),
        (mp4([picture_track(), track(b"camm", b"camm")]), "where they are"),
    ],
)  # fmt: skip
def test_what_the_networks_do_not_show_is_refused_with_a_cure(data: bytes, words: str) -> None:
    assert words in refusal(data)


_XYZ = box(b"udta", box(b"\xa9xyz", number(len(PLACE), 2), number(0x15C7, 2), PLACE))
_LOCI = box(b"udta", box(b"loci", number(0), b"\x15\xc7Accra\0", PLACE))
_APPLE = box(b"meta", box(b"keys", b"com.apple.quicktime.location.ISO6709"), box(b"ilst", PLACE))


@pytest.mark.parametrize(
    "data",
    [
        mp4(in_moov=_XYZ), mp4(in_moov=_LOCI), mp4(in_moov=_APPLE), mp4(after=_XYZ),
        mp4(after=box(b"uuid", bytes(16), b"<x:xmpmeta>", PLACE)),
        mp4([picture_track(extra=_XYZ), SOUND]), mp4([picture_track(extra=box(b"mdia", _XYZ))]),
        mp4(in_moov=box(b"free", PLACE)), mp4(after=box(b"skip", PLACE)),
        mp4(after=number(0) + b"udta" + PLACE),
    ],
)  # fmt: skip
def test_where_it_was_made_is_blanked_and_every_other_byte_stays_where_it_was(data: bytes) -> None:
    before = facts(data)
    assert before.metadata
    blanked = bytearray(data)
    blank(blanked, before.metadata)
    assert len(blanked) == len(data)
    assert PLACE not in blanked
    assert b"location" not in blanked
    untouched = [at for at in range(len(data)) if not any(start <= at < end for start, _, end in before.metadata)]
    assert all(blanked[at] == data[at] for at in untouched)
    after = facts(bytes(blanked))
    assert (after.width, after.height, after.seconds) == (before.width, before.height, before.seconds)


def test_a_file_of_countless_boxes_is_left_soon() -> None:
    began = time.process_time()
    assert "damaged" in refusal(mp4(after=box(b"free") * (MOST_BOXES * 20)))
    assert "damaged" in refusal(mp4(in_moov=box(b"trak") * (MOST_BOXES * 20)))
    assert time.process_time() - began < 3


def test_only_a_few_bytes_of_a_large_file_are_read() -> None:
    class Counting(BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            self.count += len(found)
            return found

    file = Counting(mp4(media=bytes(5_000_000)))
    assert isinstance(read_video(file), VideoFacts)
    assert file.count < 2000


_KINDS = [
    b"ftyp",
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"stsd",
    b"hdlr",
    b"tkhd",
    b"mvhd",
    b"mdhd",
    b"mdat",
    b"udta",
]
_trees = st.recursive(
    st.binary(max_size=60),
    lambda inner: st.lists(st.tuples(st.sampled_from(_KINDS), inner), max_size=5).map(
        lambda boxes: b"".join(box(kind, body) for kind, body in boxes)
    ),
    max_leaves=20,
)


@given(st.one_of(st.binary(max_size=300), _trees))
def test_any_bytes_are_a_video_or_refused(data: bytes) -> None:
    for start in (b"", box(b"ftyp", b"isom")):
        found = read_video(BytesIO(start + data))
        assert isinstance(found, Refusal | VideoFacts)


@given(st.integers(0, 900), st.binary(min_size=1, max_size=8))
def test_a_video_with_wrong_bytes_is_a_video_or_refused_and_blanking_stays_inside(place: int, noise: bytes) -> None:
    data = bytearray(mp4(in_moov=_XYZ))
    data[place : place + len(noise)] = noise
    found = read_video(BytesIO(bytes(data)))
    if isinstance(found, VideoFacts):
        length = len(data)
        blank(data, found.metadata)
        assert len(data) == length


def test_a_header_says_its_length_in_either_version() -> None:
    long = box(b"mvhd", b"\1\0\0\0", number(0, 8) * 2, number(1000), number(5000, 8), bytes(80))
    data = mp4().replace(mvhd(2), long)
    moov = data.index(b"moov") - 4
    size = int.from_bytes(data[moov : moov + 4]) + len(long) - len(mvhd(2))
    assert facts(data[:moov] + number(size) + data[moov + 4 :]).seconds == 5
