"""What drafting remembers: what it wrote last, so that drafting again knows a hand's work from its own.

It lies beside the story as `story.drafted.json`. It holds digests only: no word and no address of anybody.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from shareasm.campaign_files.drafted import FILE
from shareasm.errors import ConfigError

_WHAT = (
    "What `shareasm story draft` wrote into story.yaml, as digests. Keep this file beside it: by it a draft knows your hand "
    "from its own, and what you took out stays out."
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was drafted of one chapter. `heading` is as it stood in the file last: a hand may have changed it."""

    heading: str  # digest
    text: str  # digest
    lines: tuple[str, ...] = ()  # digests of the marks of all posts that were ever drafted for it, in order


@dataclass(frozen=True, slots=True)
class Memory:
    """What was drafted so far."""

    story: str = ""  # digest of the whole file, as long as no hand was in it; see `campaign_files.drafted`
    title: str = ""  # digest; "" where it was never drafted
    lede: str = ""
    chapters: Mapping[str, Remembered] = field(default_factory=dict)  # by `domain.chapters.Group.key`

    @property
    def marks(self) -> set[str]:
        """Return the digests of all posts that were ever drafted."""
        return {line for chapter in self.chapters.values() for line in chapter.lines}


def digest(words: str) -> str:
    """Return what is remembered of `words`."""
    return blake2b(words.strip().encode(), digest_size=6).hexdigest()


def read_memory(folder: Path) -> Memory | None:
    """Return what drafting remembers in a campaign's folder; None where it was never done, or the file is lost.

    Raises ConfigError.
    """
    path = folder / FILE
    try:
        return _memory(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        cure = "take it from a backup; or remove it, then only what came since story.yaml was last changed is added"
        raise ConfigError(f"it is not what a draft has written; {cure}", file=str(path)) from error


def _memory(data: Any) -> Memory:
    chapters = {
        str(key): Remembered(str(one["heading"]), str(one["text"]), tuple(str(line) for line in one["lines"]))
        for key, one in data["chapters"].items()
    }
    return Memory(str(data["story"]), str(data["title"]), str(data["lede"]), chapters)


def memory_text(memory: Memory) -> str:
    """Return the file that remembers `memory`."""
    return json.dumps({"what": _WHAT, **asdict(memory)}, indent=1, ensure_ascii=False) + "\n"
