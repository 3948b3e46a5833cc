"""How much of what is said under a tag the program finds, and whether it keeps what does not belong: a day with everything.

People post on four watched servers of Mastodon's API, on one that nobody watches, and on Bluesky, while the real program
collects; lines drop, limits bite, pages repeat, the program is killed. At the end the store is compared with what the servers
themselves hold, by rules of this module: the program's own are not asked.
"""

import json
import random
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

import sqlalchemy as sa

from product import hasty
from product.grounds import MovedClock
from product.hasty import Haste
from product.planting import TAGS, UNWATCHED, BlueskyHome, Home, MastodonHome, Planter, Story, Told
from product.program import Program, wait_until
from product.troubles import Troubles
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.mastodon import Budget, Budgets, Federation, Flavour, MastodonServer, federate
from shareasm.rehearsal.mastodon.model import Status

CAMPAIGN = Template("""
name: "Everything"
hashtags: [$tags]
on: "$on"
zone: Africa/Accra
window: {opens: "$opens", closes: "$closes"}
languages: [en]
host: IIED
contact: "mailto:us@iied.example"
accounts:
  sky: {network: bluesky, server: "$pds", handle: $sky_handle, languages: [en]}
  gotosocial: {network: mastodon, server: "$gotosocial", handle: "$gotosocial_handle", languages: [en]}
  takahe: {network: mastodon, server: "$takahe", handle: "$takahe_handle", languages: [en]}
collect:
  - {mastodon: "$mastodon"}
  - {mastodon: "$gotosocial", account: gotosocial}
  - {mastodon: "$snac"}
  - {mastodon: "$takahe", account: takahe}
  - {bluesky: "$pds", account: sky}
  - {jetstream: "$jetstream", appview: "$appview"}
""")
WATCHED = (Flavour.MASTODON, Flavour.GOTOSOCIAL, Flavour.SNAC, Flavour.TAKAHE)
NAMES = frozenset(tag.lower() for tag in TAGS)
BUDGETS = Budgets(anonymous=Budget(300, 3), paging=Budget(300, 10), token=Budget(300, 3), group=Budget(300, 3))
"""As many requests as in life, in windows that are ninety times as short, as the program's rhythm is."""

ROUNDS = 36
WINDOW = timedelta(hours=6)
BEFORE = timedelta(minutes=10)
LAST_SECONDS = timedelta(seconds=8)
LITTLE = timedelta(seconds=5)
LEASES_END = timedelta(minutes=1)
LAST_ROUNDS = 3  # of which the program may see nothing but their end
LIVE_WITHIN_S = 90
RESTED = "the requests of a window were used up, and the program rested"

# ---- the world -----------------------------------------------------------------------------------------------------------


class Servers:
    """Five servers of Mastodon's API, of which four are watched, and Bluesky."""

    def __init__(self, clock: MovedClock, seed: int) -> None:
        self.watched = {
            flavour.value: MastodonServer(clock, flavour=flavour, budgets=BUDGETS, seed=seed + number)
            for number, flavour in enumerate(WATCHED, 1)
        }
        self.unwatched = MastodonServer(clock, budgets=BUDGETS, seed=seed + 9)
        self.sky = StandInBluesky(clock)
        self.links: list[Federation] = []
        self.homes: dict[str, Home] = {"bluesky": BlueskyHome("bluesky", self.sky)}
        for name, home in {**self.watched, UNWATCHED: self.unwatched}.items():
            others = [away for away in self.watched.values() if away is not home]
            links = [federate(home, away, is_backdated=home is self.unwatched) for away in others]
            self.homes[name] = MastodonHome(name, home, links)
            self.links += links

    @contextmanager
    def open(self) -> Iterator[None]:
        with ExitStack() as stack:
            for server in (*self.watched.values(), self.unwatched, self.sky):
                stack.enter_context(server)
            yield


# ---- the truth -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """What the servers show to everybody under a tag of the campaign, within its window: words by uri."""

    shown: dict[str, str]
    places: Counter[str]  # how many servers show it, by uri

    @classmethod
    def of(cls, servers: Servers, opens_at: datetime, closes_at: datetime) -> "Truth":
        shown, places = {}, Counter[str]()
        for server in servers.watched.values():
            for row in server.instance.statuses.values():
                if _is_listed(row, server) and opens_at <= row.created_at < closes_at and _is_at_home(row, servers):
                    shown[row.uri] = row.text
                    places[row.uri] += 1
        for post in servers.sky.posts():
            at = min(datetime.fromisoformat(str(post.value["createdAt"])), post.arrived_at)
            if opens_at <= at < closes_at and _names(post.value) & NAMES and servers.sky.shows(post.uri):
                shown[post.uri] = str(post.value["text"])
        return cls(shown, places)


def _is_listed(row: Status, server: MastodonServer) -> bool:
    """Whether a server's timeline of a tag has it: this day has no replies, and nobody is signed in as its author."""
    if server.instance.rules.shows_unlisted_as_public and row.account.domain is not None:
        return False  # it does not say which are unlisted, and of its own posts alone it can be found out
    is_open = row.visibility == "public" and not (row.is_deleted or row.account.is_suspended or row.account.is_silenced)
    return is_open and not row.reblog_of and bool(row.tags.keys() & NAMES)


def _is_at_home(row: Status, servers: Servers) -> bool:
    """Whether the server of its author still has it, where that one is watched: a copy elsewhere may outlive it."""
    for server in servers.watched.values():
        if row.uri.startswith(f"{server.url}/"):
            home = server.instance.by_uri[row.uri]
            return not (home.is_deleted or home.account.is_suspended)
    return True


def _names(value: Mapping[str, Any]) -> set[str]:
    """Return the hashtags of a post on Bluesky, in and outside its text, without case, width and accents."""
    tagged = f"{value['text']} {' '.join(f'#{tag}' for tag in value.get('tags', ()))}"
    plain = "".join(char for char in unicodedata.normalize("NFKD", tagged) if not unicodedata.combining(char))
    return {tag.lower() for tag in re.findall(r"(?<!\S)#(\S+)", plain)}


# ---- the outcome ---------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What the store has of what the servers show."""

    planted: int
    shown: int
    found: int
    kept: int  # stored as belonging and not gone
    beyond_reach: int  # shown, forgotten by the stream, and under a spelling that no search finds; left out of all else
    missing: list[str]
    unfit: list[str]  # kept, and not shown by any server
    stale: list[str]  # kept with words that are not the last ones
    deaths: Counter[str]  # by their moment
    requests: int
    stories: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)  # what else made it hard, in posts

    @property
    def kills(self) -> int:
        return self.deaths.total()

    @property
    def recall(self) -> float:
        return self.found / max(self.shown, 1)

    @property
    def precision(self) -> float:
        return self.found / max(self.kept, 1)

    @property
    def is_perfect(self) -> bool:
        return not (self.missing or self.unfit or self.stale)

    def __str__(self) -> str:
        head = (
            f"{self.planted} planted, {self.shown} shown at the end, {self.kept} kept: "
            f"recall {self.recall:.2%}, precision {self.precision:.2%}, {len(self.stale)} with old words; "
            f"{self.beyond_reach} beyond reach, {self.kills} kills, {self.requests} requests"
        )
        lists = [(name, getattr(self, name)) for name in ("missing", "unfit", "stale")]
        return "\n".join([head, *(f"  {name}: {line}" for name, lines in lists for line in lines[:40])])


# ---- the day -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A day to be measured."""

    size: int = 1000
    seed: int = 1
    kills: int = 4
    rounds: int = ROUNDS
    requests: int = 8  # that a round lasts
    read_s: float = 0.2
    sweep_s: float = 2
    dies_closing: bool = False  # twice more: in its last look, and between that and its recap
    is_late: bool = True  # the program is dead when the window ends, and closes the day when it lives again


class RecallDay:
    """A day with everything, and the program on it."""

    def __init__(self, case: Case, folder: Path, servers: Servers, clock: MovedClock, database_url: str | None) -> None:
        self.case, self.folder, self.servers, self.clock = case, folder, servers, clock
        self.database_url = database_url or f"sqlite:///{folder / 'data' / 'shareasm.db'}"
        self.opens_at = clock.now().replace(microsecond=0) + BEFORE
        self.closes_at = self.opens_at + WINDOW
        self.troubles = Troubles(list(servers.watched.values()), servers.sky, case.seed)
        self.chance = random.Random(f"deaths {case.seed}")
        self.planter = Planter(servers.homes, servers.links, clock, self.opens_at, case.size, case.rounds, case.seed)
        self.deaths = Counter[str]()
        self.shown_at_first: AbstractSet[str] = frozenset()
        self.lost: set[str] = set()  # said on Bluesky, and forgotten by the stream before the program was there again
        self.said: list[str] = []
        self.program: Program | None = None
        self._environment = self._write_campaign()

    def _write_campaign(self) -> dict[str, str]:
        servers, sky = self.servers.watched, self.servers.sky
        person = sky.account("iied.test", "IIED")
        members = {name: servers[name].account("iied", "IIED") for name in ("gotosocial", "takahe")}
        text = CAMPAIGN.substitute(
            {name: server.url for name, server in servers.items()},
            tags=", ".join(TAGS),
            on=f"{self.opens_at:%Y-%m-%d}",
            opens=f"{self.opens_at:%Y-%m-%d %H:%M:%S}",
            closes=f"{self.closes_at:%Y-%m-%d %H:%M:%S}",
            pds=sky.pds_url,
            appview=sky.appview_url,
            jetstream=sky.jetstream_url,
            sky_handle=person.handle,
            gotosocial_handle=members["gotosocial"].handle,
            takahe_handle=members["takahe"].handle,
        )
        campaign = self.folder / "everything"
        campaign.mkdir(parents=True)
        (campaign / "campaign.yaml").write_text(text, encoding="utf-8")
        (campaign / "schedule.yaml").write_text("slots: []\n", encoding="utf-8")
        return {
            "SHAREASM_DATA": "data",
            "DATABASE_URL": self.database_url,
            "PYTHONPATH": str(Path(hasty.__file__).parents[1]),
            "SHAREASM_TOKEN_SKY": person.password,
            "SHAREASM_TOKEN_GOTOSOCIAL": members["gotosocial"].token,
            "SHAREASM_TOKEN_TAKAHE": members["takahe"].token,
        }

    # ---- lives ---------------------------------------------------------------------------------------------------------

    def live_through(self) -> Outcome:
        """Let the whole day happen, to the recap."""
        case, planter = self.case, self.planter
        planter.say_at_the_edge(Story.BEFORE)
        if case.is_late:
            self.clock.pass_by(self.opens_at - self.clock.now())
            self._begin(dies_at=self._moment())
        else:
            self._begin(dies_at=self._moment(), is_open=False)
            self.clock.pass_by(self.opens_at - self.clock.now())
        step = (WINDOW - timedelta(minutes=5)) / case.rounds
        for number in range(1, case.rounds - LAST_ROUNDS):
            self.troubles.disturb()
            planter.play(number)
            self.clock.pass_by(step)
            self._wait_for_requests(case.requests)
            if self.program.has_ended:
                self._die("while it collected")
                if self.deaths.total() == 2:
                    self._lose_the_stream(number)
                self._begin(dies_at=self._moment())
        self._end_the_day()
        return self._outcome()

    def __str__(self) -> str:
        said = self.program.lines[-1:] if self.program else []
        return (
            f"round {self.planter.round} of {self.case.rounds}: {len(self.planter.told)} planted, {self.deaths.total()} kills, "
            f"{self.troubles.suffered().total()} faults, {self.troubles.count_requests()} requests; {' '.join(said)}"
        )

    def _moment(self) -> int | None:
        """Return with which commit the next life ends."""
        return (
            self.chance.randrange(20, 20 + 20 * self.case.requests) if self.deaths.total() < self.case.kills else None
        )

    def _begin(self, *, dies_at: int | None = None, is_open: bool = True) -> None:
        is_before = self.chance.random() < 0.5
        haste = Haste(str(self.clock.file), dies_at, is_before, read_s=self.case.read_s, sweep_s=self.case.sweep_s)
        self._start("worker", "--until-closed", haste=haste)
        wait_until(lambda: "in the queue" in self.program.said or self.program.has_ended, LIVE_WITHIN_S)
        if is_open:
            self._wait_for_requests(6)

    def _start(self, command: str, *options: str, haste: Haste | None = None) -> None:
        running = [sys.executable, hasty.__file__, (haste or Haste(str(self.clock.file))).text()]
        self.program = Program([command, self.folder / "everything", *options], self._environment, self.folder, running)

    def _die(self, moment: str) -> None:
        self.program.kill()
        self.said.append(self.program.said)
        self.deaths[moment] += 1
        self.clock.pass_by(LEASES_END)  # or the next life would wait for them

    def _wait_for_requests(self, count: int) -> None:
        """Go on when the program has asked so much more."""
        asked = self.troubles.count_requests()
        wait_until(lambda: self.troubles.count_requests() > asked + count or self.program.has_ended, LIVE_WITHIN_S)

    def _lose_the_stream(self, number: int) -> None:
        """Let a round pass while the program is dead, and the stream forget it."""
        self.planter.only_usual = True  # what only a stream could find is not said then
        self.planter.play(number + 0)
        self.planter.say_at_the_edge(Story.PLAIN)
        self.planter.only_usual = False
        self.lost |= {post.uri for post in self.servers.sky.posts_since(self._stream_position())[0]}
        self.troubles.forget_stream()

    def _stream_position(self) -> int:
        """Return the last event of Bluesky that is stored."""
        values = self._rows("SELECT value FROM checkpoints WHERE tag = ''")
        return int(json.loads(values[0].value)["seq"]) if values else 0

    # ---- the end -------------------------------------------------------------------------------------------------------

    def _end_the_day(self) -> None:
        """Start the program for the last time, and wait for the recap."""
        if self.case.is_late:
            self._die("while it collected")
        for number in range(self.case.rounds - LAST_ROUNDS, self.case.rounds):
            self.planter.play(number)
        self.planter.settle()
        if self.case.is_late:
            self.planter.say_at_the_edge(Story.LAST_SECOND)
            self.troubles.disturb_the_last_look()
            self.clock.pass_by(self.closes_at + LITTLE - self.clock.now())
            self.planter.say_at_the_edge(Story.AFTER)
            self._begin()
        else:
            self._die("while it collected")
            self.clock.pass_by(self.closes_at - LAST_SECONDS - self.clock.now())
            self._begin()
            self.planter.say_at_the_edge(Story.LAST_SECOND)
            self.program.wait_for("the day is over")
            self.troubles.disturb_the_last_look()
            self.planter.say_at_the_edge(Story.AFTER)
        if self.case.dies_closing:
            self._wait_for_requests(self.chance.randrange(10))
            self._die("in its last look")
            self._begin()
            self.program.wait_for("asking the networks", 600)  # a busy machine looks for minutes
            self._die("as it asked again")
            self._begin()
        self._end_well()
        self.shown_at_first = (
            self._kept().keys()
        )  # a large day asks in its last hour; what goes after that, the sweep takes
        self._start("sweep")
        self._end_well()

    def _end_well(self) -> None:
        code = self.program.ended(600)
        self.said.append(self.program.said)
        assert code == 0, self.program.said
        assert "Traceback" not in "\n".join(self.said), "\n".join(self.said)

    def end(self) -> None:
        if self.program:
            self.program.end()

    def _outcome(self) -> Outcome:
        truth, kept = Truth.of(self.servers, self.opens_at, self.closes_at), self._kept()
        shown = {uri: text for uri, text in truth.shown.items() if not self._is_beyond_reach(uri, text)}
        old = [uri for uri in shown.keys() & kept.keys() if version(shown[uri]) != version(kept[uri])]
        return Outcome(
            planted=len(self.planter.told),
            shown=len(shown),
            found=len(shown.keys() & kept.keys()),
            kept=len(kept),
            beyond_reach=len(truth.shown) - len(shown),
            missing=sorted(self._named(uri) for uri in shown.keys() - kept.keys()),
            unfit=sorted(self._named(uri) for uri in kept.keys() - truth.shown.keys()),
            stale=sorted(f"{self._named(uri)}: {shown[uri]!r}, stored {kept[uri]!r}" for uri in old),
            deaths=self.deaths,
            requests=self.troubles.count_requests(),
            stories=Counter(told.story.value for told in self.planter.told.values()),
            troubles=self.troubles.suffered() + Counter({RESTED: "\n".join(self.said).count("are used up")}),
            facts=self._facts(truth),
        )

    def _facts(self, truth: Truth) -> Counter[str]:
        largest, lasted = max(self.planter.bursts)
        return Counter(
            {
                f"shown by all {len(WATCHED)} watched servers": list(truth.places.values()).count(len(WATCHED)),
                "shown by several watched servers": sum(count > 1 for count in truth.places.values()),
                "withdrawn within an hour of the recap, taken out by the sweep": len(
                    self.shown_at_first - self._kept().keys()
                ),
                "at another server an hour late or later": len(self.planter.late),
                f"in the largest burst, within {lasted.total_seconds():.1f} s": largest,
            }
        )

    def _is_beyond_reach(self, uri: str, text: str) -> bool:
        is_searchable = self.planter.told[uri].story is Story.OUTSIDE or _as_typed(text) & NAMES
        return uri in self.lost and not is_searchable

    def _named(self, uri: str) -> str:
        told: Told | None = self.planter.told.get(uri)
        if told is None:
            return f"{uri}: planted by nobody, seed {self.case.seed}"
        return f"No {told.number} on {told.home}, {told.story}, round {told.round}, seed {self.case.seed}: {uri}"

    def _kept(self) -> dict[str, str]:
        """Return the words of what the store keeps as part of the day and may show, by uri."""
        rows = self._rows(
            """SELECT posts.uri, posts.content FROM posts JOIN campaign_posts ON campaign_posts.post_id = posts.id
            LEFT JOIN author_states ON author_states.network = posts.network AND author_states.author_ref = posts.author_ref
            WHERE posts.gone_at IS NULL AND posts.checked_at IS NOT NULL
            AND (author_states.is_active IS NULL OR author_states.is_active)"""
        )
        kept = {row.uri: str(json.loads(row.content)["text"]) for row in rows}
        assert len(kept) == len(rows), "a post is stored twice"
        return kept

    def _rows(self, query: str) -> list[Any]:
        engine = sa.create_engine(self.database_url.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.connect() as connection:
                return list(connection.execute(sa.text(query)))
        finally:
            engine.dispose()


def _as_typed(text: str) -> set[str]:
    return {tag.lower() for tag in re.findall(r"[#＃](\S+)", text)}


def version(text: str) -> str:
    match = re.search(r"No (\d+\.\d+)", text)
    return match[1] if match else text


@contextmanager
def a_recall_day(case: Case, folder: Path, database_url: str | None = None) -> Iterator[RecallDay]:
    """Give a day on servers of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = MovedClock(folder / "clock")
    servers = Servers(clock, case.seed)
    with servers.open():
        day = RecallDay(case, folder, servers, clock, database_url)
        try:
            yield day
        finally:
            day.end()
