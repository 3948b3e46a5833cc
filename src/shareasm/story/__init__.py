"""The story: a first one drafted from the day, drafts merged into a hand's work, what was chosen and is gone, old editions.

    Facts → arrange → Recap ──drafting──► Draft ──merging (memory, file)──► text
    Storify's export ──storify──► Edition ──editions──► a page of its own

Writes two files of the campaign's folder and nothing else; asks no network.
"""

import difflib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shareasm.campaign_files import Finding, Loaded, Place, Severity
from shareasm.campaign_files.drafted import FILE as MEMORY
from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.story import Named, read_story
from shareasm.campaign_files.tree import parse_tree
from shareasm.domain.chapters import Absence, Missing
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.stories import RuleKind, StoryPlan
from shareasm.errors import ConfigError, StorageError
from shareasm.story import memory as remembering
from shareasm.story.merging import Merged, first_story, keeps, merge, recovered, suggest
from shareasm.story.splicing import MADE_BY

FILE = "story.yaml"


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a draft did, or would do."""

    path: Path
    changes: tuple[str, ...]  # lines of the file, with + and - as a diff has them; none where nothing came since
    added_count: int  # posts
    missing: tuple[Missing, ...]  # what the editor named and is not shown
    since: datetime | None = None  # what was drafted before is not known any more: only what came after this is added


def draft(folder: Path, facts: Facts, now: datetime, *, is_dry_run: bool = False) -> Drafted:
    """Write the story that the day of `facts` suggests into a campaign's folder, into the one that is there where there is one.

    Raises ConfigError where the file cannot be added to without losing something, StorageError when the disk refuses.
    """
    path = folder / FILE
    recap = arrange(facts)
    known = remembering.read_memory(folder)
    old, ending = _read(path)
    since = None
    if known is None and facts.story is not None and MADE_BY in old:
        since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        known = recovered(facts.story, recap, since, now)
    known = known or remembering.Memory()
    suggested = suggest(recap, known)
    merged = first_story(suggested) if facts.story is None else merge(old, facts.story, recap, known, suggested)
    if facts.story is not None:
        _insist(path, facts.story, merged, known)
    if not is_dry_run and (merged.text, merged.memory) != (old, known):
        _write(path, merged.text.replace("\n", ending))
        _write(
            folder / MEMORY, remembering.memory_text(merged.memory)
        )  # last: what it does not know counts as a hand's
    return Drafted(path, tuple(_difference(old, merged.text)), merged.added_count, missing(recap, now), since)


def missing(recap: Recap, now: datetime) -> tuple[Missing, ...]:
    """Return what the editor named and the recap cannot show. What is not sent is missing only when the day is over."""
    is_over = now >= recap.campaign.closes_at
    cover = (recap.cover_missing,) if recap.cover_missing else ()
    gone = (*cover, *(one for story_chapter in recap.chapters for one in story_chapter.chapter.missing))
    return tuple(one for one in gone if is_over or one.why is not Absence.NOT_SENT)


def missing_findings(loaded: Loaded, gone: tuple[Missing, ...]) -> Iterator[Finding]:
    """Yield a warning for each post that the editor named and the recap cannot show, at its place in the file."""
    for one in gone:
        yield Finding(
            Severity.WARNING,
            loaded.places.rules[one.rule],
            f"The post that is named here is {one.why.words}.",
            "The page says that it is missing. Take the line out if you do not want it to.",
        )


def places_of(loaded: Loaded, addresses: Iterable[str]) -> list[Place]:
    """Return where a story names posts by one of these addresses."""
    wanted = {address.rstrip("/") for address in addresses}
    named = loaded.places.rules.items()
    return sorted(place for rule, place in named if rule.kind is RuleKind.POST and rule.value.rstrip("/") in wanted)


def _insist(path: Path, old: StoryPlan, merged: Merged, known: remembering.Memory) -> None:
    """Raise ConfigError unless the new file is read as the old one with additions: the last fence around a hand's work."""
    findings = Findings()
    fields = parse_tree(merged.text, str(path), findings)
    new = read_story(fields, Named(media=path.parent / "media"), findings) if fields else None
    if new is None or findings.has_errors_in(str(path)) or not keeps(old, new, known):
        raise ConfigError(
            "nothing was written: it is laid out in a way that cannot be added to without losing something. Write its "
            "chapters as the example campaign has them, one post a line",
            file=str(path),
        )


def _read(path: Path) -> tuple[str, str]:
    """Return a file's text with plain line ends, and the line ends that it has; "" where it is not there."""
    if not path.exists():
        return "", "\n"
    data = path.read_bytes()
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    ending = "\r\n" if "\r\n" in text else "\n"
    return text.replace("\r\n", "\n").replace("\r", "\n"), ending


def _write(path: Path, text: str) -> None:
    """Put a file in the place of another, so that nobody ever reads half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        fresh.unlink(missing_ok=True)


def _difference(old: str, new: str) -> Iterator[str]:
    """Yield the lines that came and went, a little of what stands around them, and a blank line between places."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    for line in lines:
        if line.startswith(("---", "+++")):
            continue
        yield "" if line.startswith("@@") else line
