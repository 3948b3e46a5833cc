"""Videos on their way out: what leaves this machine says nothing of camera and place; what cannot go out says why."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mp4 import PLACE, box, mp4, picture_track
from shareasm.errors import ConfigError
from shareasm.videos import prepare_captions, prepare_video


@dataclass(frozen=True)
class Bounds:
    video_bytes: int | None = 50_000


def file(folder: Path, data: bytes, name: str = "dialogue.mp4") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_video_goes_out_without_its_place_and_otherwise_as_it_is(tmp_path: Path) -> None:
    data = mp4(in_moov=box(b"udta", box(b"\xa9xyz", PLACE)))
    video = prepare_video(file(tmp_path, data), Bounds())
    assert (video.mime, video.width, video.height, video.seconds) == ("video/mp4", 640, 360, 2.0)
    assert PLACE not in video.data
    assert len(video.data) == len(data)
    assert video.data[-208:] == data[-208:]  # the media themselves
    assert prepare_video(tmp_path / "dialogue.mp4", Bounds()) == video


def test_a_video_of_a_real_encoder_is_read_and_says_nothing_of_its_place(data: Path) -> None:
    video = prepare_video(data / "videos" / "upright.mp4", Bounds())
    assert (video.width, video.height, video.seconds) == (64, 96, 1.0)
    assert b"+05.6037" in (data / "videos" / "upright.mp4").read_bytes()
    assert not any(words in video.data for words in (b"+05.6037", b"Where we dig", b"Lavf"))


@pytest.mark.parametrize(
    ("data", "bounds", "words"),
    [
        (mp4(), Bounds(None), "takes no videos"),
        (mp4(), Bounds(500), "larger than the 500 bytes"),
        (b"hello", Bounds(), "the video is damaged"),
        (mp4([picture_track(codec=b"hev1")]), Bounds(), "HEVC.*Export it as MP4 with H.264"),
    ],
)
def test_a_video_that_cannot_go_out_is_the_team_s_to_mend(
    tmp_path: Path, data: bytes, bounds: Bounds, words: str
) -> None:
    path = file(tmp_path, data)
    with pytest.raises(ConfigError, match=words) as caught:
        prepare_video(path, bounds)
    assert caught.value.file == str(path)


def test_a_missing_video_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        prepare_video(tmp_path / "none.mp4", Bounds())


def test_captions_go_out_without_a_byte_order_mark(tmp_path: Path) -> None:
    words = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHabari"
    assert prepare_captions(file(tmp_path, b"\xef\xbb\xbf" + words, "sw.vtt")) == words
    with pytest.raises(ConfigError, match="no pair of times"):
        prepare_captions(file(tmp_path, b"WEBVTT\n\n1 --> 2\nHabari", "sw.vtt"))
