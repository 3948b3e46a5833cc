"""How much of what is said on the real Bluesky network the program finds: a day of its own, with killed programs and cut lines.

The network is the truth: what its servers show at the end under the tag is compared with the store.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bluesky_network.network import BlueskyNetwork
from product import hasty
from product.days import TAG, Day, a_day
from product.grounds import MovedClock
from product.hasty import Haste
from product.program import Program, wait_until
from product.recall import Outcome, version
from product.relay import Relay

SPELLINGS = (f"#{TAG}", f"#{TAG.upper()}", "#ｓｍａｌｌＤａｙ", "#smállDay", "#smallDay2")
OTHERS = ("#smallDayX", "#small_Day", "#smаllDay", "smallDay", "https://iied.example/#smallDay", "")  # а: Cyrillic
SHARES = {
    "said": 8,
    "edited": 3,
    "deleted": 3,
    "deleted and drafted again": 1,
    "tag added by an edit": 3,
    "tag removed by an edit": 3,
    "under a tag that looks alike": 3,
    "tag in bare words, without a facet": 1,
    "dated an hour earlier": 1,
    "dated before the window": 1,
    "hidden by a moderator": 1,
}
SINCE, LASTS = timedelta(hours=2), timedelta(hours=1)
ENOUGH = timedelta(seconds=50)  # for a dead worker's leases
VIEWS, WRITES = 25, 200  # in one call
KEPT = """SELECT posts.uri, posts.content FROM posts JOIN campaign_posts ON campaign_posts.post_id = posts.id
    LEFT JOIN author_states ON author_states.author_ref = posts.author_ref
    WHERE posts.gone_at IS NULL AND posts.checked_at IS NOT NULL
    AND (author_states.is_active IS NULL OR author_states.is_active)"""


@dataclass(frozen=True)
class Case:
    """A day to be measured. A burst is said in as few commits as the network allows."""

    size: int = 90
    seed: int = 1
    kills: int = 2
    burst: int = 30
    cuts: int = 3  # of them every third lets the servers be away for a round


class Crowd:
    """People of the real network, and what they say in short stories."""

    def __init__(self, network: BlueskyNetwork, case: Case) -> None:
        self.network = network
        self.chance = random.Random(f"recall on the real network {case.seed}")
        self.people = [network.account(f"{name}-recall") for name in ("amina", "bakari", "chipo", "leaving")]
        self.opens_at = datetime.now(UTC) - SINCE
        self.stories: Counter[str] = Counter()
        self.burst_s = 0.0
        self._later: list[Callable[[], object]] = []

    def say(self, number: int) -> None:
        """Let somebody say something; what becomes of it comes `later`."""
        network, who = self.network, self.people[number % len(self.people)]
        story = self.chance.choices(list(SHARES), list(SHARES.values()))[0]
        kinds = OTHERS if story in ("tag added by an edit", "under a tag that looks alike") else SPELLINGS
        text, tags = self._words(number, 1, kinds)
        earlier = {"dated an hour earlier": timedelta(hours=1), "dated before the window": timedelta(days=30)}.get(
            story
        )
        dated = {"createdAt": _instant(datetime.now(UTC) - earlier)} if earlier else {}
        said = network.post(who, text, tags=[] if "without a facet" in story else tags, **dated)
        self.stories[story] += 1
        if story.startswith("deleted"):
            self._later.append(partial(network.delete, who, said["uri"]))
        if story.endswith("drafted again"):
            text, tags = self._words(number, 2, SPELLINGS)
            self._later.append(partial(network.post, who, text, tags=tags))
        elif story.startswith(("edited", "tag added", "tag removed")):
            text, tags = self._words(number, 2, OTHERS if story.startswith("tag removed") else SPELLINGS)
            self._later.append(partial(network.edit, who, said["uri"], text, tags=tags))
        elif story.startswith("hidden"):
            self._later.append(partial(network.take_down, said))

    def burst(self, first: int, count: int) -> None:
        """Let somebody say many things in one second."""
        began, who = datetime.now(UTC), self.people[0]
        for start in range(first, first + count, WRITES):
            numbers = range(start, min(start + WRITES, first + count))
            values = [
                {"$type": POST, "createdAt": _instant(began), "text": f"No {each}.1 was said #{TAG}"}
                for each in numbers
            ]
            writes = [{"$type": f"{APPLY}#create", "collection": POST, "value": value} for value in values]
            self.network.call(APPLY, body={"repo": who.did, "writes": writes}, token=who.token)
        self.stories["in a burst"] += count
        self.burst_s = (datetime.now(UTC) - began).total_seconds()

    def go_on(self, count: int) -> None:
        """Let the oldest stories have their end, but for so many."""
        while len(self._later) > count:
            self._later.pop(0)()

    def leave(self) -> None:
        self.network.deactivate(self.people.pop())

    def _words(self, number: int, version: int, kinds: tuple[str, ...]) -> tuple[str, list[str]]:
        tag = self.chance.choice(kinds)
        return f"No {number}.{version} was said {tag}".strip(), [tag[1:]] if tag[:1] == "#" else []

    def shown(self) -> dict[str, str]:
        """Return what the network shows under the tag, within the window: words by uri."""
        records = [record for who in self.people for record in self.network.records(who)]
        tagged = {record["uri"]: record["value"] for record in records if self._belongs(record["value"])}
        return {uri: tagged[uri]["text"] for uri in self._visible(list(tagged))}

    def _belongs(self, value: dict[str, Any]) -> bool:
        return value["text"].split()[-1] in SPELLINGS and datetime.fromisoformat(value["createdAt"]) >= self.opens_at

    def _visible(self, uris: list[str]) -> Iterator[str]:
        for first in range(0, len(uris), VIEWS):
            asked = {"uris": uris[first : first + VIEWS]}
            answer = self.network.call("app.bsky.feed.getPosts", asked, base=self.network.appview)
            yield from (post["uri"] for post in answer["posts"])


POST, APPLY = "app.bsky.feed.post", "com.atproto.repo.applyWrites"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class BlueskyDay:
    """A day on the real network, and the program on it, behind lines that can be cut."""

    def __init__(self, network: BlueskyNetwork, day: Day, case: Case, relays: dict[str, Relay]) -> None:
        self.network, self.day, self.case, self.relays = network, day, case, relays
        ours = network.account("iied-recall")
        made = network.call("com.atproto.server.createAppPassword", body={"name": "shareasm"}, token=ours.token)
        day.environment |= {
            "SHAREASM_TOKEN_OUR_BLUESKY": str(made["password"]),
            "PYTHONPATH": str(Path(hasty.__file__).parents[1]),
        }
        day.addresses |= {
            "pds": f"http://localhost:{relays['pds'].port}",
            "appview": f"http://localhost:{relays['appview'].port}",
            "jetstream": f"ws://localhost:{relays['jetstream'].port}",
            "bluesky_handle": ours.handle,
        }
        self.clock = MovedClock(day.folder / "clock")
        self.chance = random.Random(f"trouble on the real network {case.seed}")
        self.deaths: Counter[str] = Counter()
        day.plan(since=SINCE.total_seconds(), lasts=LASTS.total_seconds())
        self.crowd = Crowd(network, case)
        self.said = 0
        self.late_count = 0

    def __str__(self) -> str:
        return f"{self.said} of {self.case.size} planted, {self.deaths.total()} kills, {self._count('cut_count')} lines cut"

    def live_through(self) -> Outcome:
        """Let the whole day happen, to the recap."""
        case, crowd = self.case, self.crowd
        program = self._begin(dies=True)
        singles = case.size - case.burst
        cuts_at = {singles * number // (case.cuts + 1): number for number in range(1, case.cuts + 1)}
        burst_at = singles // 2
        for number in range(singles):
            crowd.say(number)
            crowd.go_on(singles // 9)
            self.said = crowd.stories.total()
            if number == burst_at:
                crowd.burst(singles, case.burst)
            if number in cuts_at:
                self._disturb(is_away=not cuts_at[number] % 3)
            if program.has_ended:
                program = self._begin_again()
            if self.deaths.total() < case.kills and number % (singles // (case.kills + 1)) == 0 and number:
                program.ended(90)
                program = self._begin_again()
        crowd.go_on(0)
        crowd.leave()
        with suppress(AssertionError):  # an index that lagged is asked again at the end of the day
            wait_until(lambda: crowd.shown().keys() <= self._kept().keys(), 20)
        self.late_count = len(crowd.shown().keys() - self._kept().keys())
        program.kill()
        self.deaths["after the last post"] += 1
        self.clock.pass_by(LASTS + timedelta(minutes=1))
        assert self._begin(dies=False).ended(300) == 0, self.day.programs[-1].said
        return self._outcome()

    def _begin(self, *, dies: bool) -> Program:
        dies_at = self.chance.randrange(30, 60 + self.case.size // 3) if dies else None
        haste = Haste(str(self.clock.file), dies_at, is_before=self.chance.random() < 0.5)
        return self.day.start("worker", "--until-closed", running=[sys.executable, hasty.__file__, haste.text()])

    def _begin_again(self) -> Program:
        self.deaths["while it collected"] += 1
        self.clock.pass_by(ENOUGH)
        return self._begin(dies=self.deaths.total() < self.case.kills)

    def _disturb(self, *, is_away: bool) -> None:
        with ExitStack() as stack:
            for relay in self.relays.values():
                relay.cut()
                if is_away:
                    stack.enter_context(relay.away())
            if is_away:
                refused = self._count("refused_count")
                program = self.day.programs[-1]
                self.clock.pass_by(timedelta(minutes=1))  # who rests after a failure tries again
                wait_until(lambda: self._count("refused_count") > refused or program.has_ended, 90)

    def _count(self, what: str) -> int:
        return sum(getattr(relay, what) for relay in self.relays.values())

    def _kept(self) -> dict[str, str]:
        rows = self.day.rows(KEPT)
        kept = {row.uri: str(json.loads(row.content)["text"]) for row in rows}
        assert len(kept) == len(rows), "a post is stored twice"
        return kept

    def _outcome(self) -> Outcome:
        shown, kept = self.crowd.shown(), self._kept()
        old = [uri for uri in shown.keys() & kept.keys() if version(shown[uri]) != version(kept[uri])]
        return Outcome(
            planted=self.crowd.stories.total(),
            shown=len(shown),
            found=len(shown.keys() & kept.keys()),
            kept=len(kept),
            beyond_reach=0,
            missing=sorted(f"{shown[uri]!r}: {uri}" for uri in shown.keys() - kept.keys()),
            unfit=sorted(f"{kept[uri]!r}: {uri}" for uri in kept.keys() - shown.keys()),
            stale=sorted(f"{shown[uri]!r}, stored {kept[uri]!r}" for uri in old),
            deaths=self.deaths,
            requests=self._count("taken_count"),
            stories=self.crowd.stories,
            troubles=Counter(
                {"line cut": self._count("cut_count"), "connection refused, servers away": self._count("refused_count")}
            ),
            facts=Counter(
                {
                    f"in a burst on the real network, within {self.crowd.burst_s:.1f} s": self.case.burst,
                    "on the real network, right only after the last look": self.late_count,
                }
            ),
        )


@contextmanager
def a_bluesky_day(network: BlueskyNetwork, folder: Path, case: Case) -> Iterator[BlueskyDay]:
    """Give a day on the network."""
    addresses = {"pds": network.pds, "appview": network.appview, "jetstream": network.jetstream}
    with ExitStack() as stack:
        relays = {name: stack.enter_context(Relay(urlsplit(url).port or 0)) for name, url in addresses.items()}
        yield BlueskyDay(network, stack.enter_context(a_day(folder)), case, relays)
