"""What is wired: a plan as it was read, everything that a worker runs on, and where the world differs from the real one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import Engine

from shareasm import recap
from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign
from shareasm.domain.schedules import Schedule
from shareasm.domain.stories import StoryPlan
from shareasm.domain.watches import UNBROKEN
from shareasm.keeping import LetGo
from shareasm.networks.ports import ConversationReader, PostChecker, Publisher, TagReader, TagStream


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign as its folder describes it, read without errors."""

    folder: Path
    campaign: Campaign
    schedule: Schedule
    story: StoryPlan | None

    @property
    def media(self) -> Path:
        return self.folder / "media"


@dataclass(slots=True)
class Newest:
    """The plan as it was last read without mistakes. A watch brings it up to date; the recap is made from it."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a worker runs on."""

    engine: Engine
    campaign: Campaign
    schedule: Schedule
    media: Path
    clock: Clock
    readers: Mapping[str, TagReader]  # by source id
    streams: Mapping[str, Callable[[], TagStream]]  # by source id; a stream object is read once
    checkers: Mapping[str, PostChecker]  # by source id
    publishers: Mapping[str, Publisher]  # by account id
    left_out: tuple[str, ...]  # what is not done for want of a token, in sentences
    make_recap: Callable[[Callable[[str], object]], recap.Made]  # given who hears how far it is
    newest: Newest | None = None  # what the recap is made from
    let_go: Callable[[], LetGo] = LetGo  # of what has had its time, before the recap is made again
    recap: Path | None = None  # where it lies once it is made
    deliver_again: Callable[[], str | None] = lambda: (
        None
    )  # to its readers, where it was delivered before: to which place
    unbroken: timedelta = UNBROKEN
    conversations: Mapping[str, ConversationReader] = field(default_factory=dict)  # by source id
    forgive: Callable[[], None] = lambda: None  # before a last look: who is left alone is tried again


@dataclass(frozen=True, slots=True)
class World:
    """Where the world differs from the real one: in a rehearsal its hosts lie on loopback."""

    clock: Clock
    reachable: frozenset[tuple[str, int]] = (
        frozenset()
    )  # hosts and ports that pictures may come from although they are private
    unbroken: timedelta = UNBROKEN  # where a day lasts a minute, reads lie further apart
    video_service: str | None = None  # what takes the place of Bluesky's
