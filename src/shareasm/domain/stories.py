"""StoryPlan: the editor's wish for the recap, chapter by chapter. Which posts it finds is decided in `domain.recaps`.

Made by `campaign_files` from `story.yaml`. A campaign without one gets chapters that the recap makes by itself.
"""

from dataclasses import dataclass
from enum import StrEnum

from shareasm.domain.schedules import Picture

MOST_SHOWN = 12
"""Posts that a chapter shows when its plan does not say how many."""


class RuleKind(StrEnum):
    """What a rule looks at; the word is the key in `story.yaml`."""

    SLOT = "slot"  # our post of this slot, and its thread; the value is a slot's id
    POST = "post"  # exactly this post; the value is its address as a browser shows it, or its at:// URI
    KIND = "kind"  # our posts of this kind of slot, and the answers to them; a `schedules.Kind`
    THEME = "theme"  # our posts of slots with this theme, and the answers to them; the theme's word
    HOUR = "hour"  # what was said in this hour; "14:00", in the campaign's zone
    PARTNER = "partner"  # what a partner's own accounts said, and our posts about it; the partner's id
    LANGUAGE = "language"  # what was said in this language; a tag such as "fr"
    TOP = "top"  # the posts that started most conversation; the value is how many


NAMING = frozenset({RuleKind.POST, RuleKind.SLOT})
"""Rules that name one post: where it cannot be shown, the page says so."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a chapter's `show` that finds posts."""

    kind: RuleKind
    value: str
    most: int | None = None  # posts after which this rule ends; None: the chapter's own number


@dataclass(frozen=True, slots=True)
class Narration:
    """The narrator's words between posts."""

    markdown: str


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words of somebody that are no post: said in an interview, or in an edition that is older than this program."""

    text: str
    name: str = ""  # who said it
    role: str = ""  # what that person is, as the editor puts it
    language: str = ""  # a tag; "" is not said
    link: str = ""  # where it can be read or heard


@dataclass(frozen=True, slots=True)
class PairPlan:
    """A question with its answer; each half names one post, or is words."""

    question: Rule | Quotation
    answer: Rule | Quotation


Wish = Rule | Narration | Quotation | PairPlan
"""One line of a chapter's `show`."""


class Order(StrEnum):
    """How the posts of a chapter stand."""

    HAND = "hand"  # as the rules are written
    TIME = "time"  # by time; between two of the narrator's texts


@dataclass(frozen=True, slots=True)
class ChapterPlan:
    """One chapter as the editor wants it."""

    heading: str
    text: str = ""  # the narrator's, Markdown
    show: tuple[Wish, ...] = ()  # in the editor's order; empty: a chapter of words only
    most: int = MOST_SHOWN
    order: Order = Order.HAND

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule of the chapter, those in pairs too."""
        halves = (half for wish in self.show for half in _halves(wish))
        return tuple(half for half in halves if isinstance(half, Rule))


def _halves(wish: Wish) -> tuple[Wish, ...]:
    return (wish.question, wish.answer) if isinstance(wish, PairPlan) else (wish,)


@dataclass(frozen=True, slots=True)
class FromTo:
    """From where, to where: two short lists side by side, such as what is to end and what is to take its place."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Background reading that is none of the campaign's resources."""

    title: str
    url: str
    by: str = ""  # who wrote or published it


@dataclass(frozen=True, slots=True)
class StoryPlan:
    """What `story.yaml` says. Every part may be missing; what is missing the recap fills by itself."""

    title: str | None = None
    lede: str = ""  # Markdown
    chapters: tuple[ChapterPlan, ...] = ()  # none: the recap makes its own
    ahead: str = ""  # what comes next, Markdown
    reading: tuple[str | Reading, ...] = ()  # background reading: ids of resources, or title and address
    from_to: FromTo | None = None
    cover: Rule | Picture | None = None  # leads the page: a post, or a file of the team; None: chosen
    is_drafted: bool = False  # it is, letter by letter, what the program drafted: no editor chose anything

    @property
    def names_posts(self) -> bool:
        """Whether it names any post, so that one may be missing."""
        return any(rule.kind in NAMING for chapter in self.chapters for rule in chapter.rules)
