"""Where the parts of a plan stand, so that findings made later, about slots and drafts, point at what people wrote."""

from dataclasses import dataclass, field
from typing import NamedTuple

from shareasm.campaign_files.findings import Place
from shareasm.domain.stories import Rule


class TextKey(NamedTuple):
    """Which words: of this part of this slot, in this language, for this network ("" for every one)."""

    slot: str
    part: int
    language: str
    network: str


def stand_in(place: Place) -> str:
    """Return what stands for the id of a slot that has none of its own: no id of a person's has a question mark."""
    return f"?{place.line}:{place.column}"


def is_stand_in(slot: str) -> bool:
    """Return whether this is no id that a person wrote."""
    return slot.startswith("?")


class KeyOf(NamedTuple):
    """Which value: under this key of this slot, or of a further part of it."""

    slot: str
    key: str
    part: int = 0


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a plan stand."""

    on: Place | None = None  # the date in campaign.yaml
    servers: dict[str, Place] = field(default_factory=dict)  # of accounts, by id
    slots: dict[str, Place] = field(default_factory=dict)
    times: dict[str, Place] = field(default_factory=dict)
    texts: dict[TextKey, Place] = field(default_factory=dict)
    keys: dict[KeyOf, Place] = field(default_factory=dict)
    rules: dict[Rule, Place] = field(default_factory=dict)  # of the story
    untimed: set[str] = field(default_factory=set)  # slots whose time is wrong
    settled: set[str] = field(default_factory=set)  # slots that say themselves in which languages they go out

    def text(self, slot: str, part: int, language: str, network: str) -> Place:
        """Return where the words that go to `network` stand."""
        own = TextKey(slot, part, language, network)
        return self.texts.get(own) or self.texts[own._replace(network="")]

    def called(self, slot: str) -> str:
        """Return how a message calls a slot: by its id, else by its line."""
        return f"the slot on line {self.slots[slot].line}" if is_stand_in(slot) else f"“{slot}”"

    def key(self, slot: str, key: str, part: int = 0) -> Place:
        """Return where a value stands; where it comes from the defaults, where the slot begins."""
        return self.keys.get(KeyOf(slot, key, part)) or self.slots[slot]
