"""The audience of a rehearsal: forty invented people who live through the campaign's day on the stand-in networks.

They follow a script (`voices.yaml`), join in with a chorus, and answer what the campaign posts, which they learn of as people
do: by looking. The same seed gives the same day, but for what the campaign itself does.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random

from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign
from shareasm.domain.richtext import find_hashtags, fold_hashtag
from shareasm.rehearsal.bluesky.xrpc import Refusal
from shareasm.rehearsal.drawings import draw
from shareasm.rehearsal.mastodon import ApiError
from shareasm.rehearsal.stage import Said, Stage, Words
from shareasm.rehearsal.voices import Line, Member, Place, Voices, load_voices
from shareasm.rehearsal.world import World

_LOOKS = 200  # how often in the day somebody looks for new posts of the campaign
_CHORUS_TWICE = 2
_ANSWERS = (0, 0, 0, 0, 1, 1, 1, 2)  # how many people answer one post of the campaign
_WITHOUT_TAG = 0.25  # of the answers: whoever answers a person forgets the hashtag
_SHOWN = 90  # characters of a post in the report
_NETWORKS = {Place.BLUESKY: "Bluesky", Place.HOME: "Mastodon", Place.AWAY: "Mastodon"}

Action = Callable[[], str | None]


class Audience:
    """Does what is due whenever `step` is called; `next_at` tells when that will be. Any thread may call."""

    def __init__(
        self, world: World, campaign: Campaign, clock: Clock, seed: int = 1, voices: Voices | None = None
    ) -> None:
        self._stage = Stage(world)
        self._campaign = campaign
        self._clock = clock
        self._seed = seed
        self._voices = voices or load_voices()
        self._lock = threading.Lock()
        self._number = itertools.count()
        self._todo: list[tuple[datetime, int, Action]] = []
        self._said: dict[str, tuple[Line, Said]] = {}  # script id → what was said
        self._hosts: dict[Place, Said] = {}  # the campaign's latest post on each server
        self._heard_count = 0
        self._posted_count = 0
        self._answered: set[tuple[str, str]] = set()  # who has used which sentence: nobody says a thing twice
        for name, member in self._voices.cast.items():
            self._stage.enter(name, member)
        self._stage.news()
        self._plan()

    @property
    def next_at(self) -> datetime | None:
        """When the next thing is to be done; None: the day is over for everybody."""
        with self._lock:
            return self._todo[0][0] if self._todo else None

    @property
    def posted_count(self) -> int:
        """How many posts with one of the campaign's tags were made so far; those taken back since are counted too."""
        return self._posted_count

    def step(self) -> list[str]:
        """Do what is due now and return what happened, a line each."""
        return self.run_until(self._clock.now())

    def run_until(self, now: datetime) -> list[str]:
        """Do what is due by `now` and return what happened, a line each. Time stands still meanwhile."""
        happened = []
        with self._clock.held(), self._lock:
            while self._todo and self._todo[0][0] <= now:
                _, _, action = heapq.heappop(self._todo)
                report = action()
                if report:
                    happened.append(report)
        return happened

    # ---- the plan of the day ----

    def _plan(self) -> None:
        for line in self._voices.script:
            self._at(self._instant(line.at), partial(self._perform, line))
        chance = Random(f"{self._seed}/chorus")  # noqa: S311  here and below: a rehearsal should repeat
        for language, sentences in self._voices.chorus.items():
            speakers = [
                name for name, who in self._voices.cast.items() if language in who.speaks and not who.is_scripted
            ]
            for sentence in sentences:
                for name in chance.sample(speakers, min(_CHORUS_TWICE, len(speakers))):
                    line = Line(at=chance.uniform(0.03, 0.97), who=name, say=sentence, language=language, likes=3)
                    self._at(self._instant(line.at), partial(self._perform, line))
        for look in range(1, _LOOKS):
            self._at(self._instant(look / _LOOKS), self._look)

    def _at(self, instant: datetime, action: Action) -> None:
        heapq.heappush(self._todo, (instant, next(self._number), action))

    def _instant(self, fraction: float) -> datetime:
        return self._campaign.opens_at + fraction * (self._campaign.closes_at - self._campaign.opens_at)

    def _later(self, fraction: float) -> datetime:
        """Return now and a `fraction` of the window; a day of minutes has people who answer in seconds."""
        return self._clock.now() + fraction * (self._campaign.closes_at - self._campaign.opens_at)

    # ---- doing ----

    def _perform(self, line: Line) -> str | None:
        """Do one line of the script; what has become impossible (its post is gone) is left out."""
        try:
            return self._change(line) if line.of or line.leave else self._speak(line)
        except (KeyError, ApiError, Refusal):
            return None

    def _speak(self, line: Line) -> str:
        member = self._voices.cast[line.who]
        words = self._words(line, member)
        said = self._say(line.who, words)
        if line.id:
            self._said[line.id] = (line, said)
        self._applaud(said, line)
        return _report(member, words.text, "answers" if line.to else "")

    def _change(self, line: Line) -> str:
        member = self._voices.cast[line.who]
        if line.leave:
            self._stage.leave(line.who)
            return _report(member, "", "leaves the network")
        original, said = self._said[str(line.of)]
        if line.edit:
            text = self._filled(line.edit, said.place)
            self._stage.edit(said, text)
            return _report(member, text, "corrects")
        if line.bridge:
            words = self._words(original, member)
            self._stage.bridge(line.who, member, said, words)
            self._count(words)
            return _report(member, words.text, "is bridged to Bluesky")
        self._stage.delete(said)
        return _report(member, self._filled(original.say, said.place), "takes back")

    def _say(self, name: str, words: Words) -> Said:
        said = self._stage.say(name, words)
        self._count(words)
        return said

    def _count(self, words: Words) -> None:
        used = {hashtag.name for hashtag in find_hashtags(words.text)} | {fold_hashtag(tag) for tag in words.tags}
        if not used.isdisjoint(fold_hashtag(tag) for tag in self._campaign.hashtags):
            self._posted_count += 1

    def _words(self, line: Line, member: Member) -> Words:
        answered = self._said[line.to][1] if line.to else None
        return Words(
            text=self._filled(line.say, member.on).replace("{place}", member.place),
            language=line.language or member.speaks[0],
            reply_to=answered,
            quote=self._said[line.quote][1] if line.quote else None,
            pictures=[(draw(picture.draw, self._seed), picture.alt) for picture in line.pictures],
            card=line.card,
            warning=line.warning,
            visibility=line.visibility,
            labels=line.labels,
            tags=[self._filled(tag, member.on) for tag in line.tags],
            poll=line.poll,
            created_at=self._clock.now() - timedelta(hours=line.hours_ago) if line.hours_ago else None,
            html=self._filled(line.html, member.on) if line.html else None,
        )

    def _filled(self, text: str, place: Place) -> str:
        """Return `text` with the campaign's tags, and its account on this server or near it."""
        tags = self._campaign.hashtags
        near = [Place.BLUESKY] if place is Place.BLUESKY else [place, Place.HOME, Place.AWAY]
        host = next((self._hosts[other].mention for other in near if other in self._hosts), self._campaign.name)
        return text.replace("{tag}", tags[0]).replace("{tag2}", tags[-1]).replace("{host}", host)

    def _applaud(self, said: Said, line: Line) -> None:
        """Let neighbours like and boost what was said, within the next tenth of the day."""
        chance = Random(f"{self._seed}/{line.who}/{line.at}")  # noqa: S311
        neighbours = [
            name for name, member in self._voices.cast.items() if member.on is said.place and name != line.who
        ]
        for wish, do in ((line.likes, self._stage.like), (line.boosts, self._stage.boost)):
            for name in chance.sample(neighbours, min(wish, len(neighbours))):
                self._at(self._later(chance.uniform(0.002, 0.1)), partial(_quietly, do, name, said))

    # ---- answering the campaign ----

    def _look(self) -> None:
        for said in self._stage.news():
            if not self._stage.is_cast(said):
                self._hosts[said.place] = said
                self._react(said)

    def _react(self, said: Said) -> None:
        """Plan who likes, boosts and answers a post of the campaign's; a thread's later parts are only liked."""
        self._heard_count += 1
        chance = Random(f"{self._seed}/{said.place}/{said.language}/{self._heard_count}")  # noqa: S311
        line = Line(at=self._heard_count, who="", likes=chance.randrange(3, 12), boosts=chance.randrange(0, 5))
        self._applaud(said, line)
        if said.is_reply:
            return
        language = said.language if said.language in self._voices.answers else "en"
        near = [name for name, member in self._voices.cast.items() if _is_near(member, said.place, language)]
        for name in chance.sample(near, min(chance.choice(_ANSWERS), len(near))):
            new = [text for text in self._voices.answers[language] if (name, text) not in self._answered]
            if not new:
                continue
            text = chance.choice(new)
            self._answered.add((name, text))
            self._at(
                self._later(chance.uniform(0.002, 0.03)),
                partial(self._answer, name, said, text, language, chance),
            )

    def _answer(self, name: str, said: Said, text: str, language: str, chance: Random) -> str | None:
        member = self._voices.cast[name]
        if chance.random() < _WITHOUT_TAG:
            text = text.removesuffix(" #{tag}")
        words = Words(text=self._filled(text, member.on), language=language, reply_to=said)
        try:
            answer = self._say(name, words)
        except (KeyError, ApiError, Refusal):
            return None
        if self._stage.is_cast(said):
            return _report(member, words.text, "answers")
        others = [
            other for other, who in self._voices.cast.items() if other != name and _is_near(who, said.place, language)
        ]
        if others and language in self._voices.thanks and chance.random() < 0.3:
            other, more = chance.choice(others), chance.choice(self._voices.thanks[language])
            self._at(self._later(0.01), partial(self._answer, other, answer, more, language, chance))
        return _report(member, words.text, "answers the campaign")


def _is_near(member: Member, place: Place, language: str) -> bool:
    """Whether somebody can answer there: on the same network, in the language, and free to."""
    is_same_network = (member.on is Place.BLUESKY) == (place is Place.BLUESKY)
    return is_same_network and language in member.speaks and not member.is_scripted


def _quietly(do: Callable[[str, Said], None], name: str, said: Said) -> None:
    try:
        do(name, said)
    except (KeyError, ApiError, Refusal):
        return  # the post is gone


def _report(member: Member, text: str, deed: str) -> str:
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    return f"{member.name} ({_NETWORKS[member.on]}){' ' + deed if deed else ''}{': ' + shown if shown else ''}"
