"""Recap → folder: one story and its day in each language, the style sheet, the pictures; what nothing shows any more goes."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from shareasm.domain.pictures import KeptPicture
from shareasm.domain.recaps import Recap
from shareasm.domain.retelling import retold
from shareasm.errors import StorageError
from shareasm.render.downloads import DOWNLOADS, as_csv, as_json, as_markdown
from shareasm.render.files import copy_file, remove_unfinished
from shareasm.render.found import FOUND, found_files
from shareasm.render.manifest import Piece, read_manifest
from shareasm.render.pages import editions, look, pieces
from shareasm.render.whole_day import day_pages


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a recap did on the disk."""

    index: Path  # the page to open
    file_count: int
    changed_count: int
    removed_count: int  # files of an earlier recap that nothing shows any more


def write_recap(recap: Recap, folder: Path, *, pictures: Path | None = None) -> Written:
    """Write `recap` into `folder`, in each of the campaign's languages that we speak, and return what changed there.

    `pictures` is the folder that `pictures.keep` filled; what the recap shows of it is copied to `folder/media`.
    Without it the pictures are expected there already. Raises ConfigError for a missing template, StorageError when
    the disk refuses.
    """
    try:
        return _write(recap, folder, pictures)
    except OSError as error:
        raise StorageError(f"the recap cannot be written to {folder}: {error.strerror or error}") from error


def _write(recap: Recap, folder: Path, pictures: Path | None) -> Written:
    folder.mkdir(parents=True, exist_ok=True)
    media = {file.path for picture in _pictures(recap) for file in picture.files}
    media |= {recap.share.path} if recap.share else set()
    changed = [_copy_picture(path, folder, pictures) for path in sorted(media)]
    manifest = read_manifest(folder)
    names: set[str] = set()
    for name, written in _pages(recap):
        names.add(name)
        changed.append(manifest.write(name, written))
    manifest.keep()
    removed_count = _remove_stale(folder, {*names, *media})
    first, *_ = editions(recap.campaign.languages)
    return Written(folder / first.index, len(names) + len(media), sum(changed), removed_count)


def _pages(recap: Recap) -> Iterator[tuple[str, Iterable[Piece]]]:
    """Yield each file's name and its pieces. The stories last: they never lead to what is not there yet."""
    yield "recap.css", _anew(pieces, "recap/recap.css", look(recap.campaign.look.accent, hours=len(recap.hours)))
    every = editions(recap.campaign.languages)
    days = list(day_pages(recap, every))
    said = {"recap": recap, "parts": recap.parts, "editions": every}
    for day, edition in product(days, every):
        yield edition.part(day.part), [Piece(day.key, partial(pieces, "recap/day.html", day.said, edition))]
    for part, edition in product(recap.bare_parts, every):
        yield edition.part(part), _anew(pieces, "recap/withdrawn.html", {**said, "part": part}, edition)
    yield from zip(DOWNLOADS, (as_json(recap, days), as_csv(recap, days)), strict=True)
    tellings = {edition: retold(recap, edition.language) for edition in every}
    for edition, telling in tellings.items():
        yield edition.named("recap", "md"), _anew(as_markdown, telling, edition)
    for name, made in found_files(recap, every):
        yield name, _anew(iter, made)
    for edition, telling in tellings.items():
        yield edition.index, _anew(pieces, "recap/index.html", {**said, "recap": telling}, edition)


def _anew(make: Callable[..., Iterable[str]], *said: Any) -> list[Piece]:
    """Return a file that is made again each time."""
    return [Piece("", partial(make, *said))]


def _pictures(recap: Recap) -> Iterator[KeptPicture]:
    if recap.logo:
        yield recap.logo
    if recap.cover:
        yield recap.cover.kept
    for item in (item for item in recap.items if item.shown.pictures):
        yield from (picture for media in item.post.media if (picture := item.shown.picture_of(media)))
        if card_picture := item.shown.card_picture:
            yield card_picture


def _copy_picture(path: str, folder: Path, pictures: Path | None) -> bool:
    """Copy one kept picture. Its name says its bytes: one that is there already is the same."""
    target = folder / path
    if target.is_file() or pictures is None:
        return False
    copy_file(pictures / path, target)
    return True


_OURS = re.compile(
    r"(day-\d+(-\d+)?|index)(\.[A-Za-z0-9-]+)?\.html|(recap|feed)(\.[A-Za-z0-9-]+)?\.(md|atom)"
    r"|media/(share-)?[0-9a-f]+(-\d+\.webp|\.png)",
    re.ASCII,
)
"""Names that an earlier recap may have left; anything else in the folder is a person's and stays."""


def is_of_a_recap(name: str) -> bool:
    """Return whether a file of this name, below a recap's folder, is one that we wrote."""
    return name in {"recap.css", *DOWNLOADS, *FOUND} or _OURS.fullmatch(name) is not None


def _remove_stale(folder: Path, wanted: set[str]) -> int:
    found = {path.relative_to(folder).as_posix() for path in (*folder.glob("*.*"), *folder.glob("media/*"))}
    stale = [name for name in found - wanted if is_of_a_recap(name)]
    for name in stale:
        (folder / name).unlink(missing_ok=True)  # another program may have been quicker
    remove_unfinished(folder, is_of_a_recap)
    return len(stale)
