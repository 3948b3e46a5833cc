"""Pictures that we keep for the recap: which files stand for one image, or why there is none.

Made by `pictures.keep` and read by the templates. File names come from the bytes, never from a stranger's words.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureFile:
    path: str  # relative to the recap's folder: "media/<hash>-<width>.webp"
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """One image, re-encoded by us in one or two widths, the narrowest first."""

    files: tuple[PictureFile, ...]

    @property
    def largest(self) -> PictureFile:
        return self.files[-1]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an address was not opened or its bytes are no picture for us; words for a log and the method note."""

    reason: str
