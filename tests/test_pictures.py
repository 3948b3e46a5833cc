"""Pictures: what is opened at all, what is left of it, and what fits into a server's limits."""

import json
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from recap_day import a_picture
from shareasm.domain.pictures import KeptPicture, Refusal
from shareasm.errors import ConfigError
from shareasm.pictures import WIDTHS, keep, prepare, prepare_bytes


@dataclass(frozen=True)
class Bounds:
    image_bytes: int = 976_000
    image_side: int = 2000


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_position(kind: str = "JPEG", orientation: int = 1, size: tuple[int, int] = (60, 40)) -> bytes:
    """Return a picture that says where it was taken, its left half red."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera of Amina"
    exif.get_ifd(0x8825)[2] = (2.0, 52.0, 12.0)
    return encoded(image, kind, exif=exif)


def kept(data: bytes, folder: Path) -> KeptPicture:
    picture = keep(data, folder)
    assert isinstance(picture, KeptPicture)
    return picture


def swapped_profile() -> bytes:
    """Return a colour profile that calls red what the web calls green."""
    web = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return web.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


def opened(picture: KeptPicture, folder: Path) -> list[Image.Image]:
    return [Image.open(BytesIO((folder / file.path).read_bytes())) for file in picture.files]


# ---- kept for the recap ------------------------------------------------------------------------------------------------


def test_a_large_picture_is_kept_in_two_widths(tmp_path: Path) -> None:
    picture = kept(a_picture(size=(1600, 1000)), tmp_path)
    assert [(file.width, file.height) for file in picture.files] == [(640, 400), (1280, 800)]
    assert [image.size for image in opened(picture, tmp_path)] == [(640, 400), (1280, 800)]
    assert {image.format for image in opened(picture, tmp_path)} == {"WEBP"}


@pytest.mark.parametrize("wide", [1, 64, WIDTHS[0]])
def test_a_small_picture_is_kept_as_wide_as_it_is(tmp_path: Path, wide: int) -> None:
    assert [file.width for file in kept(encoded(Image.new("RGB", (wide, 40))), tmp_path).files] == [wide]


def test_the_same_bytes_are_kept_once_under_a_name_made_of_them(tmp_path: Path) -> None:
    first = kept(a_picture(), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.webp")}
    assert kept(a_picture(), tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.webp")} == before
    assert kept(a_picture(hue=60), tmp_path) != first


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_of_camera_or_place_is_left(tmp_path: Path, kind: str) -> None:
    for image in opened(kept(with_position(kind), tmp_path), tmp_path):
        assert not image.getexif()
        assert set(image.info) <= {"background", "loop", "timestamp", "duration"}
    assert all(b"Amina" not in path.read_bytes() for path in tmp_path.rglob("*.webp"))


def test_a_picture_taken_sideways_stands_upright(tmp_path: Path) -> None:
    picture = kept(with_position(orientation=6), tmp_path)
    assert (picture.largest.width, picture.largest.height) == (40, 60)
    (image,) = opened(picture, tmp_path)
    assert image.size == (40, 60)
    red, _, blue = image.convert("RGB").getpixel((20, 5))  # type: ignore[misc]
    assert red > 200 > 60 > blue


def test_an_animation_becomes_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0)
    (image,) = opened(kept(gif, tmp_path), tmp_path)
    assert getattr(image, "n_frames", 1) == 1
    assert image.convert("RGB").getpixel((4, 4))[0] > 200  # type: ignore[index]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_pixel_can_be_kept(tmp_path: Path, mode: str) -> None:
    kept(encoded(Image.new(mode, (20, 10)), "JPEG" if mode == "CMYK" else "PNG"), tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"<svg xmlns='http://www.w3.org/2000/svg' onload='pwn()'/>", b"<html><script>pwn()</script></html>",
        b"%!PS\nrun\n",
        b"GIF89a\xff\xff\xff\xff\0\0\0!\xf9\x04\0\0\0\0\0;", b"RIFF$b\0\0WEBPVP8X\n\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xf0",
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_and_nothing_is_written(tmp_path: Path, data: bytes) -> None:
    assert isinstance(keep(data, tmp_path), Refusal)
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 10)) + chunk(b"IEND", b"")
    refusal = keep(bomb, tmp_path)
    assert isinstance(refusal, Refusal)
    assert "pixels" in refusal.reason


def test_a_picture_cut_in_the_middle_is_refused(tmp_path: Path) -> None:
    whole = a_picture()
    assert isinstance(keep(whole[: len(whole) // 2], tmp_path), Refusal)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_broken_bytes_never_raise(tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int) -> None:
    folder = tmp_path_factory.getbasetemp() / "noise"
    small = encoded(Image.new("RGB", (4, 4)))
    for data in (noise, b"\x89PNG\r\n\x1a\n" + noise, small[:place] + noise + small[place:]):
        assert isinstance(keep(data, folder), KeptPicture | Refusal)


_MAY_BE_KEPT = {"m-23", "m-25", "m-27", "m-31", "m-32", "m-33", "m-35", "m-36"}
_MUST_BE_KEPT = {"m-35", "m-36", "m-27"}


@pytest.mark.shared
def test_every_hostile_picture_of_the_corpus_is_refused_or_made_harmless(shared: Path, tmp_path: Path) -> None:
    folder = shared / "corpus/hostile"
    looked_at = 0
    for line in (folder / "media.jsonl").read_text().splitlines():
        case = json.loads(line)
        body = case["reply"].get("body", "")
        if isinstance(body, str):
            data = body.encode()
        elif "file" in body:
            data = (folder / "media" / body["file"]).read_bytes()
        elif "hex" in body:
            data = bytes.fromhex(body["hex"])
        else:
            continue  # about the answer, not the bytes: tests/test_strangers.py
        if case["reply"].get("status") != 200 or "raw" in case["reply"]:
            continue
        looked_at += 1
        picture = keep(data, tmp_path)
        if case["id"] in _MUST_BE_KEPT:
            assert isinstance(picture, KeptPicture), case["id"]
        elif case["id"] not in _MAY_BE_KEPT and "ok-" not in str(body):
            assert isinstance(picture, Refusal), case["id"]
    assert looked_at > 20
    for path in tmp_path.rglob("*.*"):
        data = path.read_bytes()
        assert path.suffix == ".webp"
        assert not any(word in data for word in (b"script", b"EXIF", b"Exif", b"XMP ", b"html", b"pwn"))


# ---- prepared for sending ----------------------------------------------------------------------------------------------


def prepared(tmp_path: Path, data: bytes, name: str = "dialogue.jpg") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_a_photograph_is_sent_upright_without_its_place_and_within_the_side(tmp_path: Path) -> None:
    image = prepare(prepared(tmp_path, with_position(orientation=6, size=(600, 400))), Bounds(image_side=300))
    assert (image.width, image.height) == (200, 300)
    sent = Image.open(BytesIO(image.data))
    assert sent.size == (200, 300)
    assert not sent.getexif()
    assert b"Amina" not in image.data


def test_a_drawing_stays_png_and_a_photograph_becomes_jpeg(tmp_path: Path) -> None:
    drawing = encoded(Image.new("RGB", (300, 200), "teal"))
    assert prepare(prepared(tmp_path, drawing), Bounds()).mime == "image/png"
    noise = Image.effect_noise((300, 200), 80).convert("RGB")
    photograph = Image.merge(
        "RGB", (noise.getchannel(0), noise.getchannel(1).rotate(90), noise.getchannel(2).rotate(180))
    )
    assert prepare(prepared(tmp_path, encoded(photograph)), Bounds()).mime == "image/jpeg"


@pytest.mark.parametrize("most", [976_000, 200_000, 30_000])
def test_a_picture_is_made_to_fit_the_bytes_that_a_server_takes(tmp_path: Path, most: int) -> None:
    noise = Image.effect_noise((1200, 800), 60).convert("RGB")
    image = prepare(prepared(tmp_path, encoded(noise)), Bounds(image_bytes=most))
    assert len(image.data) <= most
    assert Image.open(BytesIO(image.data)).size == (image.width, image.height)


def test_what_can_never_fit_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not fit into 10 bytes"):
        prepare(prepared(tmp_path, a_picture()), Bounds(image_bytes=10))


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    path = prepared(tmp_path, a_picture())
    assert prepare(path, Bounds()) == prepare(path, Bounds())


def test_a_see_through_picture_that_must_become_jpeg_stands_on_white(tmp_path: Path) -> None:
    noise = Image.effect_noise((400, 400), 90).convert("RGBA")
    noise.putalpha(0)
    image = prepare_bytes(encoded(noise), Bounds(image_bytes=20_000))
    assert not isinstance(image, Refusal)
    if image.mime == "image/jpeg":
        assert Image.open(BytesIO(image.data)).getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image.effect_noise((300, 200), 60).convert("RGB"), "JPEG"),
        (Image.effect_noise((300, 200), 60).convert("RGB"), "WEBP"),
        (Image.effect_noise((300, 200), 60).convert("CMYK"), "JPEG"),
        (Image.effect_noise((300, 200), 60).convert("L"), "PNG"),
        (Image.effect_noise((300, 200), 60).convert("P"), "PNG"),
        (Image.effect_noise((300, 200), 60).convert("RGBA"), "PNG"),
    ],
)
def test_no_kind_of_picture_takes_its_place_along(tmp_path: Path, image: Image.Image, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera of Amina"
    exif.get_ifd(0x8825)[2] = (2.0, 52.0, 12.0)
    data = encoded(image, kind, exif=exif)
    assert b"Amina" in data
    sent = prepare(prepared(tmp_path, data), Bounds())
    assert b"Amina" not in sent.data
    assert not Image.open(BytesIO(sent.data)).getexif()
    assert (sent.width, sent.height) == (300, 200)


def test_a_see_through_drawing_stays_see_through_even_if_smaller(tmp_path: Path) -> None:
    noise = Image.effect_noise((1000, 1000), 90).convert("RGBA")
    noise.putalpha(120)
    data = encoded(noise)
    sent = prepare(prepared(tmp_path, data), Bounds(image_bytes=len(data) - 1))
    assert sent.mime == "image/png"
    assert 800 <= sent.width < 1000
    assert Image.open(BytesIO(sent.data)).mode == "RGBA"


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path: Path) -> None:
    deep = Image.new("I;16", (64, 64), 30_000)
    sent = Image.open(BytesIO(prepare(prepared(tmp_path, encoded(deep)), Bounds()).data))
    assert sent.getpixel((5, 5)) == (117, 117, 117)


def test_colours_of_a_wider_kind_become_the_web_s(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    linear = Image.new("RGB", (64, 64), (100, 100, 100))
    as_it_is = prepare(prepared(tmp_path, encoded(linear)), Bounds())
    misfit = prepare(prepared(tmp_path, encoded(linear, icc_profile=profile.tobytes())), Bounds())
    assert misfit == as_it_is  # colours of LAB are no colours of RGB: as if nothing were said
    for broken in (b"x", b"\0" * 200):
        assert prepare(prepared(tmp_path, encoded(linear, icc_profile=broken)), Bounds()) == as_it_is
    swapped = encoded(Image.new("RGB", (64, 64), (200, 40, 40)), icc_profile=swapped_profile())
    sent = Image.open(BytesIO(prepare(prepared(tmp_path, swapped), Bounds()).data))
    red, green, _ = sent.getpixel((5, 5))  # type: ignore[misc]
    assert "icc_profile" not in sent.info
    assert green > red  # the profile says that its red is green


def test_a_photograph_with_a_second_picture_behind_is_one_picture(tmp_path: Path) -> None:
    photograph = a_picture(size=(300, 200))
    data = encoded(Image.open(BytesIO(photograph)), "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20))])
    sent = prepare(prepared(tmp_path, data), Bounds())
    assert (sent.width, sent.height) == (300, 200)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF.*Most Compatible"), (b"\0\0\0\x18ftypavif", "AVIF.*JPEG"),
        (b"\0\0\0\x18ftypisom", "a video"), (b"II*\0\x08", "TIFF"), (b"%PDF-1.7", "a PDF"), (b"<?xml?><svg", "SVG.*PNG"),
    ],
)  # fmt: skip
def test_what_telephones_and_offices_make_is_named_with_its_cure(tmp_path: Path, head: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot be sent: it is an? .*{words}|cannot be sent: it is {words}"):
        prepare(prepared(tmp_path, head + bytes(100)), Bounds())


def test_a_missing_or_broken_file_is_the_team_s_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        prepare(tmp_path / "none.jpg", Bounds())
    with pytest.raises(ConfigError, match="cannot be sent"):
        prepare(prepared(tmp_path, b"hello"), Bounds())


def test_a_card_s_picture_from_elsewhere_is_refused_without_raising() -> None:
    assert isinstance(prepare_bytes(b"<svg/>", Bounds()), Refusal)
