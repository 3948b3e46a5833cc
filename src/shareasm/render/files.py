"""Files that readers see whole: the old bytes or the new ones, never a half; what would be the same is left alone."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from secrets import token_hex

_BLOCK = 1 << 20  # bytes
_UNFINISHED = re.compile(r"\.(.+)\.\d+-[0-9a-f]{8}")
_LEFT_AFTER_S = 3600.0  # nobody writes one file for so long


def write_file(path: Path, pieces: Iterable[str]) -> bool:
    """Write `pieces` to `path` so that readers see the old text or the new one; return whether they differ."""
    return write_bytes(path, encoded(pieces))


def write_bytes(path: Path, pieces: Iterable[bytes]) -> bool:
    """Write `pieces` to `path` so that readers see the old bytes or the new ones; return whether they differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _beside(path)
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
    fresh = _beside(target)
    try:
        shutil.copyfile(source, fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def remove_unfinished(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove what somebody who was stopped half-way left of our files below `folder`: it may hold what was withdrawn since."""
    for file in [*folder.glob(".*-*"), *folder.glob("media/.*-*")]:
        name = _UNFINISHED.fullmatch(file.name)
        if name and is_ours(file.with_name(name[1]).relative_to(folder).as_posix()) and _age_s(file) > _LEFT_AFTER_S:
            file.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """Return a name for what becomes `path`; programs in containers of their own all have the same number."""
    return path.with_name(f".{path.name}.{os.getpid()}-{token_hex(4)}")


def _age_s(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:  # whoever writes it is through
        return 0.0


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
