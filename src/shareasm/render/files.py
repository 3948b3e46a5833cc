"""Files that readers see whole: the old bytes or the new ones, never a half; what would be the same is left alone."""

import os
import shutil
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path


def write_file(path: Path, pieces: Iterable[str]) -> bool:
    """Write `pieces` to `path` so that readers see the old text or the new one; return whether they differ."""
    return write_bytes(path, encoded(pieces))


def write_bytes(path: Path, pieces: Iterable[bytes]) -> bool:
    """Write `pieces` to `path` so that readers see the old bytes or the new ones; return whether they differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    digest = blake2b()
    try:
        with fresh.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            if path.is_file() and _digest(path) == digest.digest():
                return False
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return True
    finally:
        fresh.unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file so that readers see it whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def encoded(pieces: Iterable[str], size: int = 64 * 1024) -> Iterator[bytes]:
    """Yield text as bytes, the many small pieces of a template joined for few writes."""
    held: list[str] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield "".join(held).encode()
            held, length = [], 0
    yield "".join(held).encode()


def _digest(path: Path) -> bytes:
    digest = blake2b()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()
