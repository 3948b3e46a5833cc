"""Schedule: the plan. Slots in the team's words become due instants and drafts; nothing here knows a file or a network call.

Local times that do not exist (spring) or exist twice (autumn) in their zone are refused with both readings named.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a slot is, for the reader's eye and the recap's chapters."""

    WELCOME = "welcome"
    PUBLICATION = "publication"
    INTERVIEW = "interview"
    VIDEO = "video"
    QUESTION_HOUR = "question hour"
    EVENT = "event"
    NEWS = "news"
    VOICES = "voices"
    THANKS = "thanks"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of ours. The alt text is mandatory, per language where it differs."""

    file: str  # path below the campaign folder's media/
    alt: dict[str, str]  # language → text; the key "" holds for every language
    credit: str
    licence: str
    focus: tuple[float, float] | None = None  # Mastodon's focal point, each in [-1, 1]

    def alt_in(self, language: str) -> str:
        return self.alt.get(language) or self.alt.get("") or next(iter(self.alt.values()))


@dataclass(frozen=True, slots=True)
class Part:
    """One post of a slot: most slots have one, a thread has several. `texts` is language → network or "" → text."""

    texts: dict[str, dict[str, str]]
    pictures: tuple[Picture, ...] = ()

    def text_for(self, language: str, network: str) -> str:
        """Return the words for one language and network. Raises KeyError where the part is not in `language`."""
        by_network = self.texts[language]
        return by_network.get(network) or by_network[""]


class Late(StrEnum):
    """What happens to a slot whose time has passed unsent."""

    WITHIN = "within"  # send while it is at most `late_for` late
    ALWAYS = "always"
    NEVER = "never"  # an instant later is too late (but for the seconds that a call takes)


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of the plan. Each language's text goes to every named account that speaks the language."""

    id: str
    due_at: datetime  # aware UTC
    zone: str  # IANA name in which the team wrote the time
    kind: Kind
    parts: tuple[Part, ...]  # the root, then the thread's further parts
    accounts: tuple[str, ...]  # account ids
    theme: str | None = None
    resource: str | None = None
    link: str | None = None  # an address for the card; `resource` gives one per language otherwise
    partner: str | None = None  # whose highlight it is
    visibility: str = "public"
    content_warning: str | None = None
    late: Late = Late.WITHIN
    late_for: timedelta = timedelta(minutes=30)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.parts[0].texts)


@dataclass(frozen=True, slots=True)
class Schedule:
    slots: tuple[Slot, ...]  # in order of due instant, then of the file
