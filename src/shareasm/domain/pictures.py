"""Pictures and videos as records: what is kept for the recap, what is ready for sending, and why there is none.

Made by the modules `pictures` and `videos`; read by templates and by the networks' publishers. File names come from the bytes,
never from a stranger's words.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One file of a kept picture."""

    path: str  # relative to the recap's folder: "media/<hash>-<width>.webp"
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """One image, re-encoded by us in one or two widths, the narrowest first."""

    files: tuple[PictureFile, ...]

    @property
    def largest(self) -> PictureFile:
        """The widest copy."""
        return self.files[-1]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an address was not opened or its bytes are nothing for us; words for a log, a finding and the method note."""

    reason: str
    is_silence: bool = False  # nobody answered in time, or not usably: another address of that host will fare the same
    status: int | None = None  # what the server answered instead of 200, where that was the reason
    is_private: bool = False  # it leads to an address that is not public: nobody outside can open it
    cure: str = ""  # what a team can do, a sentence; for files of ours


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """One of our pictures, ready for a server: upright, within its limits, without metadata."""

    data: bytes
    mime: str
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True)
class PreparedVideo:
    """One of our videos, ready for a server: as it was encoded, without metadata."""

    data: bytes
    mime: str
    width: int  # pixels, upright
    height: int
    seconds: float


def other_kind(head: bytes) -> tuple[str, str] | None:
    """Return what a file that begins with `head` is, and how to make a picture of it that networks take; None: unknown.

    PNG, JPEG, GIF and WebP are what is asked for, and not found here.
    """
    if head[4:8] == b"ftyp":
        if head[8:12] in _HEIF:
            return (
                "a HEIF picture, as telephones take them",
                f"{_SAVE} On an iPhone: Settings, Camera, Formats, Most Compatible.",
            )
        if head[8:12] in {b"avif", b"avis"}:
            return "an AVIF picture", _SAVE
        return "a video", "Write it under “video”."
    for start, name in _OTHERS.items():
        if head.startswith(start):
            return name, _SAVE
    return ("an SVG drawing", "Export it as PNG.") if b"<svg" in head.lower() else None


_SAVE = "Save it as PNG, JPEG or WebP."
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # ISO/IEC 23008-12, annex B
_OTHERS = {
    b"II*\0": "a TIFF picture", b"MM\0*": "a TIFF picture", b"BM": "a BMP picture", b"%PDF": "a PDF",
    b"\xff\x0a": "a JPEG XL picture", b"\0\0\0\x0cJXL ": "a JPEG XL picture", b"8BPS": "a Photoshop file",
    b"PK\3\4": "an archive or an office document",
}  # fmt: skip
