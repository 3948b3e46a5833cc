"""Who says, edits and takes back what, for measuring what the program finds: seeded stories on seven servers.

Each post has a number and a version in its words (`17.2`), so that whatever is missing or old can be named.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import count
from typing import Any, Protocol

from shareasm.clock import Clock
from shareasm.rehearsal.bluesky import Card, Picture, StandInBluesky
from shareasm.rehearsal.drawings import draw
from shareasm.rehearsal.mastodon import Federation, MastodonServer
from shareasm.rehearsal.mastodon.model import Account, Status

TAGS = ("shareASM", "ShareASM2027")
UNWATCHED = "unwatched"

SPELLINGS = {
    "usual": ("#shareASM", "#shareasm", "#SHAREASM", "#ShareASM2027", "#shareASM #ShareASM2027"),
    "odd": ("#ｓｈａｒｅＡＳＭ", "#shäreÁSM", "＃shareASM"),
    "other": (
        "#shareASMx",
        "#share_ASM",
        "#shаreASM",  # with a Cyrillic а
        "#xshareASM",
        "#share #ASM",
        "shareASM",
        "https://iied.example/#shareASM",
        "mail#shareASM",
        "#shareASM2028",
    ),
    "none": ("", "#mining", "#asm"),
}
LATE = timedelta(hours=1)  # what arrives on another server so long after it was said came late
LONG_HOLD = timedelta(hours=3)


class Story(StrEnum):
    """What becomes of a post."""

    PLAIN = "said"
    ODD = "tag spelled oddly"
    BARE = "tag in bare words, without a facet"
    OUTSIDE = "tag outside the words"
    EDITED = "edited"
    DELETED = "deleted"
    DELETED_AT_ONCE = "deleted at once"
    REDRAFTED = "deleted and drafted again"
    TAG_ADDED = "tag added by an edit"
    TAG_REMOVED = "tag removed by an edit"
    TAG_BACK = "tag removed and added again"
    EARLIER = "dated earlier than it came"
    BRIDGED = "bridged to Bluesky"
    BRIDGED_BACK = "bridged from Bluesky"
    BURST = "in a burst"
    LOOKALIKE = "under a tag that looks alike"
    IN_ALT_TEXT = "tag in the description of a picture"
    IN_WARNING = "tag in the content warning, or on a link card"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    BEFORE = "before the window"
    AFTER = "after the window"
    LAST_SECOND = "in the last seconds"
    HIDDEN = "hidden by a moderator"
    LEAVING = "by somebody whose account goes"
    RETURNING = "by somebody whose account goes and comes back"


SHARES = {
    Story.PLAIN: 20,
    Story.ODD: 6,
    Story.BARE: 2,
    Story.OUTSIDE: 2,
    Story.EDITED: 10,
    Story.DELETED: 10,
    Story.DELETED_AT_ONCE: 2,
    Story.REDRAFTED: 3,
    Story.TAG_ADDED: 9,
    Story.TAG_REMOVED: 9,
    Story.TAG_BACK: 4,
    Story.EARLIER: 8,
    Story.BRIDGED: 3,
    Story.BRIDGED_BACK: 3,
    Story.LOOKALIKE: 8,
    Story.IN_ALT_TEXT: 2,
    Story.IN_WARNING: 2,
    Story.UNLISTED: 3,
    Story.PRIVATE: 3,
    Story.HIDDEN: 2,
    Story.LEAVING: 2,
    Story.RETURNING: 2,
}


ON_BLUESKY = (Story.BARE, Story.OUTSIDE, Story.EARLIER, Story.BRIDGED_BACK)
ON_MASTODON = (Story.UNLISTED, Story.PRIVATE, Story.BRIDGED)
KINDS = {
    Story.LOOKALIKE: "other",
    Story.IN_ALT_TEXT: "none",
    Story.IN_WARNING: "none",
    Story.OUTSIDE: "none",
    Story.TAG_ADDED: "none",
    Story.ODD: "odd",
}
_PICTURE = draw("river", 1)


@dataclass(frozen=True)
class Told:
    """A post as it was said: enough to say what is missing."""

    number: int
    home: str
    story: Story
    uri: str
    round: int


class Home(Protocol):
    """Where people post."""

    name: str

    def say(self, who: str, text: str, story: Story, created_at: datetime | None = None) -> str: ...
    def bridge(self, uri: str, text: str) -> str: ...
    def edit(self, uri: str, text: str) -> None: ...
    def delete(self, uri: str) -> None: ...
    def hide(self, uri: str) -> None: ...
    def leave(self, who: str) -> None: ...
    def come_back(self, who: str) -> None: ...


class MastodonHome:
    def __init__(self, name: str, server: MastodonServer, links: Sequence[Federation]) -> None:
        self.name, self.server, self._links = name, server, links
        self._people: dict[str, Any] = {}
        self._said: dict[str, Any] = {}

    def _person(self, who: str) -> Any:
        if who not in self._people:
            self._people[who] = self.server.account(who, who.title(), visibility="public")
        return self._people[who]

    def say(self, who: str, text: str, story: Story, created_at: datetime | None = None) -> str:
        visibility = {Story.UNLISTED: "unlisted", Story.PRIVATE: "private"}.get(story, "public")
        warning = f"#{TAGS[0]}" if story is Story.IN_WARNING else ""
        media = [(_PICTURE, f"#{TAGS[0]}")] if story is Story.IN_ALT_TEXT else []
        said = self.server.say(self._person(who), text, visibility=visibility, warning=warning, media=media)
        self._said[said["uri"]] = said
        return str(said["uri"])

    def bridge(self, uri: str, text: str) -> str:
        """Let this server hear from a bridge what was said on Bluesky."""
        instance, now = self.server.instance, self.server.instance.clock.now()
        with instance.lock:
            actor = "https://bsky.brid.gy/ap/did:plc:amina"
            author = instance.accounts.setdefault(
                "bridged", Account("bridged", "amina.test", "bsky.brid.gy", actor, actor, now)
            )
            copy = f"https://bsky.brid.gy/convert/ap/{uri}"
            id_, place = instance.new_id(now, copy)
            row = Status(id_, place, copy, copy.replace("/convert/ap/", "/r/"), author, now, "public")
            row.text = row.html = f"<p>{text}</p>"
            row.tags = {tag.lower(): tag for tag in TAGS}
            instance.keep(row)
        return copy

    def edit(self, uri: str, text: str) -> None:
        self.server.edit(self._said[uri], text)

    def delete(self, uri: str) -> None:
        self.server.delete(self._said[uri])

    def hide(self, uri: str) -> None:
        self.server.delete(self._said[uri])  # what a moderator takes away is gone for everybody

    def leave(self, who: str) -> None:
        self._suspend(who, is_suspended=True)

    def come_back(self, who: str) -> None:
        self._suspend(who, is_suspended=False)

    def _suspend(self, who: str, *, is_suspended: bool) -> None:
        person, instance = self._person(who), self.server.instance
        self.server.change(person, is_suspended=is_suspended)
        with instance.lock:  # the others are told (Mastodon: an Update or Delete of the actor)
            for row in instance.shelves.of_author(instance.accounts[person.id]):
                for link in self._links:
                    link.carry(row)


class BlueskyHome:
    def __init__(self, name: str, sky: StandInBluesky) -> None:
        self.name, self._sky = name, sky
        self._people: dict[str, Any] = {}

    def _person(self, who: str) -> Any:
        if who not in self._people:
            handle = f"{who}.first.example.ap.brid.gy" if who == "bridge" else f"{who}.test"
            self._people[who] = self._sky.account(handle, who.title())
        return self._people[who]

    def say(self, who: str, text: str, story: Story, created_at: datetime | None = None) -> str:
        tag = f"#{TAGS[0]}"
        return self._sky.say(
            self._person(who),
            text,
            created_at=created_at,
            images=[Picture(_PICTURE, tag)] if story is Story.IN_ALT_TEXT else (),
            card=Card("https://iied.example/", tag, tag) if story is Story.IN_WARNING else None,
            tags=TAGS[:1] if story is Story.OUTSIDE else (),
            extra={"facets": []} if story is Story.BARE else None,
        )

    def edit(self, uri: str, text: str) -> None:
        self._sky.edit(uri, text)

    def delete(self, uri: str) -> None:
        self._sky.delete(uri)

    def hide(self, uri: str) -> None:
        self._sky.take_down(uri)

    def leave(self, who: str) -> None:
        self._sky.set_status(self._person(who), "deactivated")

    def come_back(self, who: str) -> None:
        self._sky.set_status(self._person(who), "")

    def bridge(self, uri: str, text: str) -> str:
        """Let a bridge say on Bluesky what was said elsewhere."""
        return self._sky.say(self._person("bridge"), text, extra={"bridgyOriginalUrl": uri})


@dataclass
class Planter:
    """Plays `size` stories over so many rounds."""

    homes: dict[str, Home]  # "bluesky" among them
    links: list[Federation]  # that may be slow
    clock: Clock
    opens_at: datetime
    size: int
    rounds: int
    seed: int
    told: dict[str, Told] = field(default_factory=dict)  # by uri
    late: Counter[str] = field(default_factory=Counter)  # what reached another server an hour or more after it was said
    bursts: list[tuple[int, timedelta]] = field(default_factory=list)  # posts, and how long they took
    _acts: defaultdict[int, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _people: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.chance = random.Random(f"recall {self.seed}")
        self.round = 0
        self.only_usual = False  # while nobody but search can tell of it
        self._held_until: dict[int, datetime] = {}  # by the link's number
        bursts = self._bursts()
        edges = max(self.size // 50, 4)  # before and after the window, and in its last seconds
        for _ in range(self.size - sum(bursts) - 3 * edges):
            self._plan(self.chance.choices(list(SHARES), list(SHARES.values()))[0])
        for number, size in enumerate(bursts):
            home = list(self.homes)[number % len(self.homes)]
            self._acts[self.chance.randrange(1, self.rounds)].append(partial(self._burst, home, size))
        self._edges = edges

    def _bursts(self) -> list[int]:
        """Return the sizes: of 500, where there are so many posts in all."""
        return [min(500, self.size // 2)] * max(self.size // 2500, 1)

    # ---- playing -------------------------------------------------------------------------------------------------------

    def play(self, number: int) -> None:
        """Let everything of a round happen, in an order of chance."""
        self.round = number
        self._hold_some_links()
        acts = self._acts.pop(number, [])
        self.chance.shuffle(acts)
        for act in acts:
            act()

    def say_at_the_edge(self, story: Story) -> None:
        for _ in range(self._edges):
            self._say(self._home(), story)

    def settle(self) -> None:
        """Let everything arrive that is on its way."""
        for number in sorted(self._acts):
            self.play(number)
        for link in self.links:
            self._release(link)

    def _hold_some_links(self) -> None:
        """Let some news come late, and a few of it hours late."""
        now = self.clock.now()
        for number, link in enumerate(self.links):
            if now < self._held_until.get(number, now):
                continue
            if self.chance.random() < 0.3:
                link.hold()
                self._held_until[number] = now + (LONG_HOLD if self.chance.random() < 0.1 else timedelta())
            elif self.chance.random() < 0.5:
                self._release(link)

    def _release(self, link: Federation) -> None:
        now = self.clock.now()
        self.late.update(row.uri for row in link.waiting if now - row.created_at >= LATE and not row.is_deleted)
        link.release()

    # ---- stories -------------------------------------------------------------------------------------------------------

    def _plan(self, story: Story) -> None:
        home = self._home()
        if story in (ON_MASTODON if home.name == "bluesky" else ON_BLUESKY):
            story = Story.PLAIN  # there is no such thing here
        begins = self.chance.randrange(1, self.rounds)
        self._acts[begins].append(partial(self._begin, home, story, begins))

    def _begin(self, home: Home, story: Story, begins: int) -> None:
        told, who = self._say(home, story)
        later = self._later(begins)
        match story:
            case Story.EDITED | Story.TAG_ADDED:
                later.append(partial(self._edit, home, told, 2, "usual"))
            case Story.TAG_REMOVED:
                later.append(partial(self._edit, home, told, 2, "none"))
            case Story.TAG_BACK:
                self._acts[begins + 1].append(partial(self._edit, home, told, 2, "other"))
                self._acts[begins + 3].append(partial(self._edit, home, told, 3, "usual"))
            case Story.DELETED:
                later.append(partial(home.delete, told.uri))
            case Story.DELETED_AT_ONCE:
                home.delete(told.uri)
            case Story.REDRAFTED:
                later += [partial(home.delete, told.uri), partial(self._say, home, Story.REDRAFTED)]
            case Story.HIDDEN:
                later.append(partial(home.hide, told.uri))
            case Story.LEAVING:
                later.append(partial(home.leave, who))
            case Story.RETURNING:
                self._acts[begins + 1].append(partial(home.leave, who))
                self._acts[begins + 4].append(partial(home.come_back, who))
            case Story.BRIDGED:
                later.append(partial(self._bridge, told, self.homes["bluesky"]))
            case Story.BRIDGED_BACK:
                watched = [away for name, away in self.homes.items() if name not in ("bluesky", UNWATCHED)]
                later.append(partial(self._bridge, told, self.chance.choice(watched)))

    def _later(self, begins: int) -> list[Callable[[], None]]:
        return self._acts[begins + self.chance.choice((1, 1, 2, 5, max(self.rounds // 3, 1)))]

    def _say(self, home: Home, story: Story) -> tuple[Told, str]:
        if self.only_usual and story in (Story.BARE, Story.OUTSIDE):
            story = Story.PLAIN
        number = next(self._numbers)
        who = f"guest{next(self._people)}" if story in (Story.LEAVING, Story.RETURNING) else f"who{number % 9}"
        kind = KINDS.get(story, "usual")
        created_at = self._earlier(home, story)
        uri = home.say(who, self._words(number, 1, kind), story, created_at)
        told = self.told[uri] = Told(number, home.name, story, uri, self.round)
        return told, who

    def _earlier(self, home: Home, story: Story) -> datetime | None:
        """Return when a post claims to have been written: only Bluesky lets people say that."""
        if story is not Story.EARLIER or home.name != "bluesky":
            return None
        back = self.chance.choice((timedelta(minutes=20), timedelta(hours=1), timedelta(hours=3), timedelta(days=30)))
        return self.clock.now() - back

    def _words(self, number: int, version: int, kind: str) -> str:
        kind = "usual" if kind == "odd" and self.only_usual else kind
        return f"No {number}.{version} was said {self.chance.choice(SPELLINGS[kind])}".strip()

    def _edit(self, home: Home, told: Told, version: int, kind: str) -> None:
        home.edit(told.uri, self._words(told.number, version, kind))

    def _bridge(self, told: Told, away: Home) -> None:
        uri = away.bridge(told.uri, self._words(told.number, 1, "usual"))
        self.told[uri] = Told(told.number, away.name, told.story, uri, self.round)

    def _burst(self, name: str, size: int) -> None:
        began = self.clock.now()
        for _ in range(size):
            self._say(self.homes[name], Story.BURST)
        self.bursts.append((size, self.clock.now() - began))

    def _home(self) -> Home:
        weights = [4 if name == "bluesky" else 2 for name in self.homes]
        return self.chance.choices(list(self.homes.values()), weights)[0]
