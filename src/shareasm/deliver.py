"""Delivering: the recap brought to where its readers open it, into a folder or by a command of the team's.

The first time a person does it (`shareasm recap --publish`). From then on whatever writes the recap anew brings it there
too, so that what was withdrawn leaves the public page within minutes, not only ours.
"""

import shlex
import subprocess
from collections.abc import Container, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from shareasm.campaign_files.publication import PLACE
from shareasm.domain.campaigns import Publication
from shareasm.errors import ConfigError, StorageError
from shareasm.render import is_of_a_recap
from shareasm.render.files import copy_file, remove_unfinished, write_file

MARK = ".published"  # in the recap's folder, once it was delivered, with what; never delivered itself
OURS = '<meta name="generator" content="shareasm">'
ENDS_WITHIN_S = 15 * 60.0
_WORDS_KEPT = 600


class Delivered(NamedTuple):
    """What came of it."""

    place: str
    changed_count: int | None  # files; None: the command did not tell
    removed_count: int = 0


def is_delivered(folder: Path) -> bool:
    """Return whether the recap in `folder` was delivered before."""
    return (folder / MARK).is_file()


def deliver(folder: Path, publication: Publication) -> Delivered:
    """Bring the recap in `folder` to its readers. Raises ConfigError for what the team can mend, StorageError for the disk."""
    if publication.folder:
        done = _into(folder, Path(publication.folder))
    elif publication.command:
        done = _by_command(folder, publication.command)
        (folder / MARK).touch()
    else:
        raise ConfigError(
            "the campaign does not say where its recap is published: write recap: {folder: /srv/www/my-day}, or "
            'recap: {command: "rsync -a --delete --exclude=.* {folder}/ web:/srv/www/my-day/"}, into campaign.yaml'
        )
    return done


def _into(folder: Path, target: Path) -> Delivered:
    if target.resolve() == folder.resolve():
        raise ConfigError(
            f"the recap is published to {target}, where it lies already: name another folder in campaign.yaml"
        )
    if not is_delivered(folder) and _is_somebody_elses(target / "index.html"):
        raise ConfigError(
            f"{target} holds a page already that is no recap of ours: name a folder of its own in campaign.yaml"
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        wanted = sorted((name for name in names if not _is_hidden(name)), key=_pages_last)
        before = _brought(folder, target)
        _note(folder, target, before.union(wanted))  # first: what is there half-way is looked after too
        changed = sum(_copied(folder / name, target / name) for name in wanted)
        removed = _remove(target, wanted, before)
        _note(folder, target, wanted)
    except OSError as error:
        raise StorageError(f"the recap cannot be published to {target}: {error.strerror or error}") from error
    return Delivered(str(target), changed, removed)


def _is_somebody_elses(page: Path) -> bool:
    return page.is_file() and OURS not in page.read_text("utf-8", errors="replace")


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _pages_last(name: str) -> tuple[int, str]:
    """Pictures and style before the pages that show them, the story after the pages that it leads to."""
    place = 2 if name.startswith("index") else 1 if name.endswith(".html") else 0
    return place, name


def _copied(source: Path, target: Path) -> bool:
    if (
        target.is_file()
        and target.stat().st_size == source.stat().st_size
        and target.read_bytes() == source.read_bytes()
    ):
        return False
    copy_file(source, target)
    return True


def _remove(target: Path, wanted: Iterable[str], before: Container[str]) -> int:
    """Take away what an earlier delivery brought and the recap has no more; what is a person's own stays."""
    there = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    stale = [name for name in there.difference(wanted) if name in before or is_of_a_recap(name)]
    for name in stale:
        (target / name).unlink(missing_ok=True)
    remove_unfinished(target, is_of_a_recap)
    return len(stale)


class _Mark(msgspec.Struct):
    target: str
    names: list[str]


def _brought(folder: Path, target: Path) -> frozenset[str]:
    """Return what was brought to `target` before; nothing where that is not known."""
    try:
        mark = msgspec.json.decode((folder / MARK).read_bytes(), type=_Mark)
    except (OSError, msgspec.MsgspecError):
        return frozenset()
    return frozenset(mark.names) if mark.target == str(target) else frozenset()


def _note(folder: Path, target: Path, names: Iterable[str]) -> None:
    write_file(folder / MARK, [msgspec.json.encode(_Mark(str(target), sorted(names))).decode()])


def _by_command(folder: Path, command: Iterable[str]) -> Delivered:
    words = [word.replace(PLACE, str(folder)) for word in command]
    shown = shlex.join(words)
    try:
        ended = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=ENDS_WITHIN_S, check=False
        )
    except OSError as error:
        raise ConfigError(f"the recap is not published: `{shown}` cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ConfigError(
            f"the recap is not published: `{shown}` did not end within {ENDS_WITHIN_S / 60:.0f} minutes"
        ) from error
    if ended.returncode:
        said = " ".join((ended.stderr or ended.stdout).split())[-_WORDS_KEPT:]
        raise ConfigError(
            f"the recap is not published: `{shown}` ended with {ended.returncode}: {said or 'it said nothing'}"
        )
    return Delivered(shown, None)
