"""Schedule: the plan. Slots in the team's words become due instants and drafts; nothing here knows a file or a network call.

Local times that do not exist (spring) or exist twice (autumn) in their zone are refused with both readings named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo


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
        """Return the alt text in `language`, else the one for all, else the first."""
        return _in_language(self.alt, language)


@dataclass(frozen=True, slots=True)
class Video:
    """A video of ours. The alt text is mandatory, per language where it differs."""

    file: str  # path below the campaign folder's media/
    alt: dict[str, str]  # language → text; the key "" holds for every language
    credit: str
    licence: str
    captions: dict[str, str] = field(default_factory=dict)  # language → WebVTT file below media/

    def alt_in(self, language: str) -> str:
        """Return the alt text in `language`, else the one for all, else the first."""
        return _in_language(self.alt, language)


def _in_language(said: Mapping[str, str], language: str) -> str:
    return said.get(language) or said.get("") or next(iter(said.values()))


@dataclass(frozen=True, slots=True)
class Poll:
    """A question's answers to choose from."""

    options: dict[str, tuple[str, ...]]  # language → answers in order; the key "" holds for every language
    open_for: timedelta
    is_multiple: bool = False

    def options_in(self, language: str) -> tuple[str, ...]:
        """Return the answers in `language`, else those for all. Raises KeyError where there are neither."""
        return self.options[language if language in self.options else ""]


class Label(StrEnum):
    """What a post says of its own content, in Bluesky's words (lexicon com.atproto.label.defs, self-labels)."""

    NUDITY = "nudity"
    PORN = "porn"
    SEXUAL = "sexual"
    GRAPHIC_MEDIA = "graphic-media"


class WhoMayReply(StrEnum):
    """Whose replies a post takes, where the network lets its author say so (Bluesky's threadgate)."""

    EVERYONE = "everyone"
    FOLLOWED = "accounts we follow"
    MENTIONED = "accounts it mentions"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Part:
    """One post of a slot: most slots have one, a thread has several. `texts` is language → network or "" → text.

    It carries pictures, or a video, or a poll: never two of them, since no server takes that everywhere.
    """

    texts: dict[str, dict[str, str]]
    pictures: tuple[Picture, ...] = ()
    video: Video | None = None
    poll: Poll | None = None

    def text_for(self, language: str, network: str) -> str:
        """Return the words for one language and network. Raises KeyError where the part is not in `language`."""
        by_network = self.texts[language]
        return by_network.get(network) or by_network[""]


class Late(StrEnum):
    """What happens to a slot whose time has passed unsent."""

    WITHIN = "within"  # send while it is at most `late_for` late
    ALWAYS = "always"
    NEVER = "never"  # an instant later is too late (but for the seconds that a call takes)


class Due(NamedTuple):
    """When something is due, and on whose clock the team wrote the time."""

    at: datetime  # aware UTC
    zone: str  # IANA name


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of the plan, and one item everywhere: its languages, accounts and times are the same news.

    Each language's text goes to every named account that speaks the language.
    """

    id: str
    due_at: datetime  # aware UTC; the earliest, where each account has its own
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
    own_dues: dict[str, Due] = field(default_factory=dict)  # account id → its own, for "in each partner's zone"
    reply_to: str | None = None  # id of the slot whose first post its own first post answers, on every account
    quotes: str | None = None  # id of the slot whose first post its own first post shows
    labels: tuple[Label, ...] = ()
    who_may_reply: WhoMayReply = WhoMayReply.EVERYONE
    may_be_quoted: bool = True  # Bluesky's postgate, Mastodon's quote policy (from 4.5 on)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages the slot speaks, in the plan's order."""
        return tuple(self.parts[0].texts)

    def due_for(self, account: str) -> Due:
        """Return when the slot goes out on the account of this id."""
        return self.own_dues.get(account) or Due(self.due_at, self.zone)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The whole plan."""

    slots: tuple[Slot, ...]  # in order of due instant, then of the file


# ---- local times -------------------------------------------------------------------------------------------------------


class Gap(NamedTuple):
    """A local time that never comes: clocks jump over it. All parts are naive, in the zone."""

    jumps_from: datetime
    jumps_to: datetime
    earlier: datetime  # what the time may have meant: read with the offset after the jump …
    later: datetime  # … or before it


class Fold(NamedTuple):
    """A local time that comes twice: clocks go back over it. Both readings, aware in the zone."""

    first: datetime
    second: datetime


def read_local(local: datetime, zone: ZoneInfo) -> datetime | Gap | Fold:
    """Return the instant (aware UTC) at which clocks in `zone` show `local`; a Gap or a Fold where there is not just one.

    A time that ends a jump exists, one that begins it does not (platform facts 12).
    """
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        return _gap(local, zone)
    if first.utcoffset() != second.utcoffset():
        return Fold(first, second)
    return instant


def _gap(local: datetime, zone: ZoneInfo) -> Gap:
    """Return the jump over `local`. There fold=0 reads with the offset before the jump, fold=1 with the one after (PEP 495)."""
    late, early = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    before, after = early, late  # the jump lies in between; close in on its first second
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            before = middle
        else:
            after = middle
    earlier, later = (instant.astimezone(zone).replace(tzinfo=None) for instant in (early, late))
    offset = early.astimezone(zone).utcoffset() or timedelta(0)
    return Gap((after + offset).replace(tzinfo=None), after.astimezone(zone).replace(tzinfo=None), earlier, later)


def day_bounds(on: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when the date begins and ends in `zone`, aware UTC. Where clocks jump over midnight it begins after the jump."""
    return _midnight(on, zone), _midnight(on + timedelta(days=1), zone)


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    reading = read_local(datetime.combine(on, time.min), zone)
    if isinstance(reading, Gap):
        return reading.jumps_to.replace(tzinfo=zone).astimezone(UTC)
    return (reading.first if isinstance(reading, Fold) else reading).astimezone(UTC)


def day_everywhere(on: date) -> tuple[datetime, datetime]:
    """Return the 50 hours that the date lasts on earth, aware UTC: it begins at UTC+14 (Kiritimati), and ends at UTC−12."""
    midnight = datetime.combine(on, time.min, tzinfo=UTC)
    return midnight - timedelta(hours=14), midnight + timedelta(hours=36)
