"""Who lives in the rehearsal and what they say, read from `voices.yaml`; the file explains its keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec
from ruamel.yaml import YAML


class Place(StrEnum):
    """The server on which somebody lives."""

    BLUESKY = "bluesky"
    HOME = "home"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Member:
    """One of the cast."""

    on: Place
    handle: str  # Bluesky: the whole handle; Mastodon: the name before the @
    name: str
    place: str
    speaks: tuple[str, ...]
    bio: str
    labels: tuple[str, ...] = ()
    flags: Mapping[str, bool] = field(default_factory=dict)
    is_scripted: bool = False  # takes no part in the chorus and answers nobody


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture to draw; an empty `alt` is one that its poster forgot."""

    draw: str
    alt: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A link with its card."""

    url: str
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the script: something said, or done to something that was said (`of`)."""

    at: float  # fraction of the campaign's window
    who: str
    say: str = ""
    language: str | None = None  # `in` in the file; else the speaker's first
    id: str | None = None
    to: str | None = None
    quote: str | None = None
    of: str | None = None
    edit: str | None = None
    delete: bool = False
    bridge: bool = False
    leave: bool = False  # deactivate the account
    pictures: tuple[Drawn, ...] = ()
    card: Preview | None = None
    warning: str = ""
    visibility: str | None = None
    labels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    poll: tuple[str, ...] = ()
    hours_ago: float = 0
    likes: int = 0
    boosts: int = 0
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Voices:
    """Everything in the file. Chorus, answers and thanks are by language."""

    cast: Mapping[str, Member]
    script: tuple[Line, ...]
    chorus: Mapping[str, tuple[str, ...]]
    answers: Mapping[str, tuple[str, ...]]
    thanks: Mapping[str, tuple[str, ...]]


@cache
def load_voices() -> Voices:
    """Return the voices that ship with shareasm."""
    text = (files("shareasm.rehearsal") / "voices.yaml").read_text(encoding="utf-8")
    data = YAML(typ="safe").load(text)
    for line in data["script"]:
        if "in" in line:
            line["language"] = line.pop("in")
    return msgspec.convert(data, Voices)
