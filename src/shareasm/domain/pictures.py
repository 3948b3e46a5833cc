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
