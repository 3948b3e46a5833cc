"""What is said on the real Bluesky network is found, all of it and nothing else, by a program that is killed meanwhile."""

import json
import random
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bluesky_network.network import Account, BlueskyNetwork
from product import hasty
from product.days import TAG, Day, a_day
from product.grounds import MovedClock
from product.hasty import Haste
from product.program import Program, wait_until

pytestmark = pytest.mark.bluesky

SPELLINGS = (f"#{TAG}", f"#{TAG.upper()}", "#ｓｍａｌｌＤａｙ", "#smállDay", "#smallDay2")
OTHERS = ("#smallDayX", "#small_Day", "#smаllDay", "smallDay", "")  # the third has a Cyrillic а
STORIES = ("said",) * 4 + ("edited", "deleted", "tag added", "tag removed", "other")
SIZE, KILLS = 90, 2
ENOUGH = timedelta(seconds=50)  # for a dead worker's leases
KEPT = """SELECT posts.uri, posts.content FROM posts JOIN campaign_posts ON campaign_posts.post_id = posts.id
    LEFT JOIN author_states ON author_states.author_ref = posts.author_ref
    WHERE posts.gone_at IS NULL AND (author_states.is_active IS NULL OR author_states.is_active)"""


class Crowd:
    """People of the real network, and what they say in ninety short stories."""

    def __init__(self, network: BlueskyNetwork, names: tuple[str, ...]) -> None:
        self.network, self.people = network, [network.account(name) for name in names]
        self.chance = random.Random("recall on the real network")
        self._later: list[tuple[str, Account, dict[str, Any]]] = []

    def say(self, number: int) -> None:
        who, story = self.people[number % len(self.people)], self.chance.choice(STORIES)
        said = self.network.post(
            who, **self._words(number, 1, OTHERS if story in ("tag added", "other") else SPELLINGS)
        )
        self._later.append((story, who, said | {"number": number}))

    def go_on(self, count: int) -> None:
        """Let the oldest stories have their end."""
        while len(self._later) > count:
            story, who, said = self._later.pop(0)
            if story == "deleted":
                self.network.delete(who, said["uri"])
            elif story in ("edited", "tag added", "tag removed"):
                kinds = OTHERS if story == "tag removed" else SPELLINGS
                self.network.edit(who, said["uri"], **self._words(said["number"], 2, kinds))

    def _words(self, number: int, version: int, kinds: tuple[str, ...]) -> dict[str, Any]:
        tag = self.chance.choice(kinds)
        return {"text": f"No {number}.{version} was said {tag}".strip(), "tags": [tag[1:]] if tag[:1] == "#" else []}

    def shown(self) -> dict[str, str]:
        """Return what the network shows under the tag: words by uri."""
        records = [record for who in self.people for record in self.network.records(who)]
        tagged = {record["uri"]: record["value"]["text"] for record in records if _has_tag(record["value"]["text"])}
        return {uri: text for uri, text in tagged.items() if self.network.view(uri)}


def _has_tag(text: str) -> bool:
    return text.split()[-1] in SPELLINGS


def _kept(day: Day) -> dict[str, str]:
    return {row.uri: str(json.loads(row.content)["text"]) for row in day.rows(KEPT)}


def _version(text: str) -> str:
    match = re.search(r"No (\d+\.\d+)", text)
    return match[1] if match else text


def _begin(day: Day, clock: MovedClock, dies_at: int | None) -> Program:
    haste = Haste(str(clock.file), dies_at, is_before=dies_at is not None and bool(dies_at % 2))
    return day.start("worker", "--until-closed", running=[sys.executable, hasty.__file__, haste.text()])


def test_all_that_the_real_network_shows_is_stored_once_and_nothing_else(tmp_path: Path) -> None:
    with BlueskyNetwork.started(jetstream=True) as network, a_day(tmp_path) as day:
        ours = network.account("iied-recall")
        crowd = Crowd(network, ("amina-recall", "bakari-recall", "chipo-recall", "leaving-recall"))
        made = network.call("com.atproto.server.createAppPassword", body={"name": "shareasm"}, token=ours.token)
        day.environment |= {
            "SHAREASM_TOKEN_OUR_BLUESKY": str(made["password"]),
            "PYTHONPATH": str(Path(hasty.__file__).parents[1]),
        }
        day.addresses |= {
            "pds": network.pds,
            "appview": network.appview,
            "jetstream": network.jetstream.removesuffix("/xrpc"),
            "bluesky_handle": ours.handle,
        }
        clock = MovedClock(tmp_path / "clock")
        day.plan(lasts=3600)
        program, deaths = _begin(day, clock, 60), 0
        for number in range(SIZE):
            crowd.say(number)
            crowd.go_on(SIZE // 9)
            if number % (SIZE // 3) == SIZE // 3 - 1 and deaths < KILLS:
                program.ended(90)
                deaths += 1
                clock.pass_by(ENOUGH)
                program = _begin(day, clock, 60 + number if deaths < KILLS else None)
        crowd.go_on(0)
        network.deactivate(crowd.people.pop())
        wait_until(lambda: crowd.shown().keys() <= _kept(day).keys(), 60)
        program.kill()
        clock.pass_by(timedelta(hours=1, minutes=1))
        assert _begin(day, clock, None).ended() == 0, day.programs[-1].said
        shown, kept = crowd.shown(), _kept(day)
        assert {_version(text) for text in shown.values()} == {_version(text) for text in kept.values()}
        assert shown.keys() == kept.keys()
        assert len(shown) > SIZE / 3
