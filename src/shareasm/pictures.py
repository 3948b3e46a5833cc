"""Pictures in, safe pictures out: strangers' for the recap, our own for sending. Nothing is ever passed on as it came.

Every picture is decoded and encoded anew, which leaves behind position and camera data, comments, colour profiles (ours
are turned into the web's own colours first), further frames and whatever hides after the end: an animation becomes its
first frame. Only PNG, JPEG, GIF and WebP bytes are opened, whatever a server calls them; the size is read from the
header, and checked, before anything is unpacked.
"""

import math
import os
from collections.abc import Iterable
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageOps

from shareasm.domain.pictures import KeptPicture, PictureFile, PreparedImage, Refusal, other_kind
from shareasm.errors import ConfigError, StorageError

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")

MOST_PIXELS = 40_000_000
"""A picture of more pixels is refused unread: decoded it would take over 160 MB. Phones make 12 to 50 million."""

WIDTHS = (640, 1280)
"""Widths of the kept copies: a phone's screen, and the recap's column on a sharp one."""

SMALLEST_SIDE = 64
"""Pixels of the longer side below which a picture of ours says nothing any more."""

LEAST_SEE_THROUGH = 800
"""Pixels of the longer side down to which a picture of ours stays see-through; then it stands on white instead."""

LONGEST_STRIP = 8
"""Longer over shorter side past which a large picture is refused: a strip has no place in a column."""

Image.MAX_IMAGE_PIXELS = (
    None  # Pillow warns at 89 million and refuses at 179; `_open` refuses earlier, with its own words
)


# ---- strangers' pictures, for the recap ------------------------------------------------------------------------------


def keep(data: bytes, folder: Path) -> KeptPicture | Refusal:
    """Write `data` as WebP in one or two widths to `folder`/media and return which, or why it is no picture for us.

    Names are made from the bytes that came in: the same picture under a hundred addresses is kept once, and keeping it
    again only looks. An animation becomes its first frame.
    """
    name = blake2b(data, digest_size=10).hexdigest()
    try:
        image = _open(BytesIO(data))
    except _Unusable as refusal:
        return Refusal(str(refusal))
    wide, high = _upright_size(image)
    sizes = [(width, max(1, round(high * width / wide))) for width in _widths(wide)]
    files = [PictureFile(f"media/{name}-{width}.webp", width, height) for width, height in sizes]
    if not all((folder / file.path).is_file() for file in files):
        try:
            upright = _upright(_open(BytesIO(data)))  # opened anew: a failed look at EXIF data may leave half a picture
        except _Unusable as refusal:
            return Refusal(str(refusal))
        for file in files:
            _write(folder / file.path, _encoded(_resized(upright, (file.width, file.height)), "WEBP", 82))
    return KeptPicture(tuple(files))


def remove(names: Iterable[str], folder: Path) -> int:
    """Remove kept pictures from `folder`, and what was drawn of them; return how many there were.

    Which photograph a picture to share was drawn of nobody knows any more: all of them go, and are drawn again where a page
    has one. Raises StorageError where one cannot be removed.
    """
    there = [file for name in names if (file := folder / name).is_file()]
    for file in [*there, *(folder.glob("media/share-*") if there else ())]:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{file} cannot be removed ({error.strerror}): nothing was taken out yet; mend that, and begin again"
            ) from error
    return len(there)


def _widths(wide: int) -> list[int]:
    """Return the widths to keep of a picture `wide` pixels wide: never more than it has."""
    narrow, full = WIDTHS
    return [min(wide, narrow)] if wide <= narrow * 1.25 else [narrow, min(wide, full)]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(path)


# ---- our own pictures, for sending -----------------------------------------------------------------------------------


class Limits(Protocol):
    """What a server takes of a picture; `networks.ports.Limits` is one."""

    @property
    def image_bytes(self) -> int:
        """The most bytes of one picture."""

    @property
    def image_side(self) -> int:
        """The most pixels of its longer side."""


def prepare(path: Path, limits: Limits) -> PreparedImage:
    """Return our picture as a server with `limits` takes it: upright, without metadata, no larger than it may be.

    Raises ConfigError where the file is missing or is no picture: the team's to mend.
    """
    try:
        with path.open("rb") as file:
            return _prepared(file.read(), limits, is_ours=True)
    except OSError as error:
        raise ConfigError(f"the picture cannot be read: {error.strerror}", file=str(path)) from error
    except _Unusable as error:
        raise ConfigError(f"the picture cannot be sent: {error}", file=str(path)) from error


def prepare_bytes(data: bytes, limits: Limits) -> PreparedImage | Refusal:
    """Return a picture that came from elsewhere, such as a link card's, ready for sending; or why it is not used."""
    try:
        return _prepared(data, limits, is_ours=False)
    except _Unusable as refusal:
        return Refusal(str(refusal))


def shelve(picture: PreparedImage, folder: Path) -> str:
    """Write a prepared picture to `folder` under a name made of its bytes, once; return the name."""
    name = f"{blake2b(picture.data, digest_size=12).hexdigest()}.{_ENDINGS[picture.mime]}"
    if not (folder / name).is_file():
        _write(folder / name, picture.data)
    return name


_ENDINGS = {"image/png": "png", "image/jpeg": "jpg"}


def _prepared(data: bytes, limits: Limits, *, is_ours: bool) -> PreparedImage:
    """Return the picture as large as `limits` let it be: drawings and see-through ones as PNG, photographs as JPEG."""
    image = _upright(_open(BytesIO(data)), in_its_colours=is_ours)
    side = min(limits.image_side, max(image.size))
    if (image.mode == "RGBA" or _is_drawing(image)) and (drawn := _as_png(image, side, limits)):
        return drawn
    while side >= SMALLEST_SIDE:
        resized = _resized(image, _fitted(image.size, side))
        encoded = _encoded(resized, "JPEG", 85)
        if len(encoded) <= limits.image_bytes:
            return PreparedImage(encoded, "image/jpeg", *resized.size)
        side = _smaller(side, len(encoded), limits)
    raise _Unusable(f"it does not fit into {limits.image_bytes:,} bytes at any size that can be looked at")


def _as_png(image: Image.Image, side: int, limits: Limits) -> PreparedImage | None:
    """Return the picture as PNG; None where it does not fit, or only smaller than what is see-through in it is worth."""
    while True:
        drawn = _resized(image, _fitted(image.size, side))
        encoded = _encoded(drawn, "PNG", 0)
        if len(encoded) <= limits.image_bytes:
            return PreparedImage(encoded, "image/png", *drawn.size)
        side = _smaller(side, len(encoded), limits)
        if image.mode != "RGBA" or side < LEAST_SEE_THROUGH:
            return None


def _smaller(side: int, length: int, limits: Limits) -> int:
    """Return which side to try next: bytes go with the area, a little slower, so below the limit, and always smaller."""
    return int(side * min(0.9, 0.95 * math.sqrt(limits.image_bytes / length)))


def _is_drawing(image: Image.Image) -> bool:
    return image.getcolors(4096) is not None


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


# ---- decoding and encoding -------------------------------------------------------------------------------------------


class _Unusable(Exception):
    """These bytes are no picture that we open."""


def _open(source: BytesIO) -> Image.Image:
    """Return the picture with only its header read. Raises _Unusable."""
    try:
        image = Image.open(source, formats=FORMATS)
    except Exception as error:  # decoders raise anything on hostile bytes
        other = other_kind(source.getvalue()[:512])
        words = f"it is {other[0]}. {other[1]}" if other else "the bytes are no PNG, JPEG, GIF or WebP picture"
        raise _Unusable(words) from error
    width, height = image.size
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise _Unusable(f"{width:,} × {height:,} pixels: more than {MOST_PIXELS:,} in all, or none")
    if max(width, height) > LONGEST_STRIP * min(width, height) and max(width, height) > 2000:
        raise _Unusable(f"{width:,} × {height:,} pixels: too long a strip")
    return image


def _upright_size(image: Image.Image) -> tuple[int, int]:
    try:
        turned = image.getexif().get(0x0112) in {5, 6, 7, 8}  # EXIF orientation: lying on its side
    except Exception:  # noqa: BLE001  a broken EXIF block is none
        turned = False
    return (image.height, image.width) if turned else image.size


def _upright(image: Image.Image, *, in_its_colours: bool = False) -> Image.Image:
    """Return the first frame, decoded, turned as its camera meant it, as RGB or RGBA, with nothing else attached."""
    try:
        image.seek(0)
        image.load()
        turned = ImageOps.exif_transpose(image)
        if in_its_colours:
            turned = _in_web_colours(turned)
        if turned.mode in _DEEP_GREY:
            turned = turned.convert("I").point(lambda light: light * (1 / 256)).convert("L")
        mode = "RGBA" if turned.has_transparency_data else "RGB"
        bare = Image.new(mode, turned.size)
        bare.paste(turned.convert(mode))
    except Exception as error:  # decoders raise anything on hostile bytes
        raise _Unusable("the picture is damaged") from error
    return bare


_DEEP_GREY = {
    "I",
    "I;16",
    "I;16B",
    "I;16L",
    "I;16N",
}  # 65,536 shades: converted as they are, all but the darkest become white


def _in_web_colours(image: Image.Image) -> Image.Image:
    """Return `image` in sRGB where it says that its colours are others, as new telephones' and printers' pictures do."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not profile or image.mode not in {"RGB", "RGBA", "CMYK", "L"}:
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        web = ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(BytesIO(profile)), web, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):  # a profile that does not fit: as if there were none
        return image
    return turned or image


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def _encoded(image: Image.Image, format_name: str, quality: int) -> bytes:
    out = BytesIO()
    if format_name == "PNG":
        image.save(out, "PNG", optimize=True)
    elif format_name == "WEBP":
        image.save(out, "WEBP", quality=quality, method=4, exif=b"", xmp=b"")
    else:
        _on_white(image).save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground
