"""StoryPlan: the editor's wish for the recap, chapter by chapter. Which posts it finds is decided in `domain.recaps`.

Made by `campaign_files` from `story.yaml`. A campaign without one gets chapters that the recap makes by itself.
"""

from dataclasses import dataclass
from enum import StrEnum

MOST_SHOWN = 12
"""Posts that a chapter shows when its plan does not say how many."""


class RuleKind(StrEnum):
    """What a rule looks at; the word is the key in `story.yaml`."""

    SLOT = "slot"  # our post of this slot, and its thread; the value is a slot's id
    POST = "post"  # exactly this post; the value is its address as a browser shows it, or its at:// URI
    KIND = "kind"  # our posts of this kind of slot, and the answers to them; a `schedules.Kind`
    THEME = "theme"  # our posts of slots with this theme, and the answers to them; the theme's word
    HOUR = "hour"  # what was said in this hour; "14:00", in the campaign's zone
    LANGUAGE = "language"  # what was said in this language; a tag such as "fr"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a chapter's `show`: a post that fits any of its rules belongs to the chapter."""

    kind: RuleKind
    value: str
    most: int | None = None  # posts after which this rule ends; None: the chapter's own number


@dataclass(frozen=True, slots=True)
class ChapterPlan:
    """One chapter as the editor wants it."""

    heading: str
    text: str = ""  # the narrator's, Markdown
    show: tuple[Rule, ...] = ()  # in the editor's order; empty: a chapter of words only
    most: int = MOST_SHOWN


@dataclass(frozen=True, slots=True)
class StoryPlan:
    """What `story.yaml` says. Every part may be missing; what is missing the recap fills by itself."""

    title: str | None = None
    lede: str = ""  # Markdown
    chapters: tuple[ChapterPlan, ...] = ()  # none: the recap makes its own
    ahead: str = ""  # what comes next, Markdown
    reading: tuple[str, ...] = ()  # resource ids, background reading
