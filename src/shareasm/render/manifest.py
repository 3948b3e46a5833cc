"""What each file of a recap was made of, kept beside the files: what would be the same is not made again.

A page of the whole day is one piece; the files that hold all posts have a piece for each page, and what did not change is
copied from the file as it stands.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

import shareasm
from shareasm.render.files import encoded, write_bytes
from shareasm.resources import template_folder

MANIFEST = ".recap-manifest"  # hidden: it is not delivered


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one file."""

    made_of: list[tuple[str, int]]  # the key of each piece, and how many bytes it has
    state: tuple[int, int]  # size, and when it was changed, in ns: a file that a hand touched is made again

    @property
    def is_keyed(self) -> bool:
        """Whether every piece of it has a key."""
        return all(key for key, _ in self.made_of)


class Piece(NamedTuple):
    """A piece of a file: what it is made of, and what makes it. With the key "" it is made anew each time."""

    key: str
    text: Callable[[], Iterable[str]]


@dataclass(slots=True)
class Manifest:
    """The files of one folder."""

    folder: Path
    before: dict[str, Kept]
    now: dict[str, Kept] = field(default_factory=dict)

    def write(self, name: str, pieces: Iterable[Piece]) -> bool:
        """Write the file `name`, taking from the one that stands there what would be the same; return whether it changed."""
        file, wanted = self.folder / name, list(pieces)
        known = self.before.get(name)
        if known and not (file.is_file() and _state(file) == known.state):
            known = None
        if known and known.is_keyed and [key for key, _ in known.made_of] == [piece.key for piece in wanted]:
            self.now[name] = known
            return False
        made_of: list[tuple[str, int]] = []
        is_changed = write_bytes(file, _joined(wanted, file, known, made_of))
        self.now[name] = Kept(made_of, _state(file))
        return is_changed

    def keep(self) -> None:
        """Write down what was made, for the next time."""
        write_bytes(self.folder / MANIFEST, [msgspec.json.encode(self.now, order="deterministic")])


def read_manifest(folder: Path) -> Manifest:
    """Return what is known of the files in `folder`; nothing where it is not known, or cannot be read."""
    try:
        known = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict[str, Kept])
    except (OSError, msgspec.MsgspecError):
        known = {}
    return Manifest(folder, known)


def _joined(wanted: Iterable[Piece], file: Path, known: Kept | None, made_of: list[tuple[str, int]]) -> Iterator[bytes]:
    """Yield a file piece by piece, and note each piece's length in `made_of`."""
    places = _places(known) if known else {}
    with file.open("rb") if places else nullcontext() as old:
        for key, text in wanted:
            length = 0
            for piece in _taken(old, places[key]) if old and key in places else encoded(text()):
                length += len(piece)
                yield piece
            made_of.append((key, length))


def _places(known: Kept) -> dict[str, tuple[int, int]]:
    """Return where each piece with a key lies in its file: begin and length."""
    places, begin = {}, 0
    for key, length in known.made_of:
        if key:
            places[key] = begin, length
        begin += length
    return places


def _taken(old: BinaryIO, place: tuple[int, int]) -> Iterator[bytes]:
    old.seek(place[0])
    yield old.read(place[1])


def _state(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


@cache
def program() -> str:
    """Return a digest of what turns a recap into pages: our code, the templates, the libraries that say dates and fill in."""
    code = Path(shareasm.__file__).parent
    files = [*(code / "render").glob("*.py"), *(code / "domain").rglob("*.py"), *template_folder().rglob("*.*")]
    digest = blake2b(f"{version('babel')} {version('jinja2')}".encode(), digest_size=16)
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
