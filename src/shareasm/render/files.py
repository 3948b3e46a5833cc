"""Files that readers see whole: the old bytes or the new ones, never a half; what would be the same is left alone."""

import os
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

_BLOCK = 1 << 20  # bytes


def write_file(path: Path, pieces: Iterable[str]) -> bool:
    """Write `pieces` to `path` so that readers see the old text or the new one; return whether they differ."""
    return write_bytes(path, encoded(pieces))


def write_bytes(path: Path, pieces: Iterable[bytes]) -> bool:
    """Write `pieces` to `path` so that readers see the old bytes or the new ones; return whether they differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            if path.is_file() and _are_same(fresh, path):
                return False
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


def _are_same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        return all(block == second.read(_BLOCK) for block in iter(partial(first.read, _BLOCK), b""))
