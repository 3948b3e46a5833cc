"""The program is killed by SIGKILL at any moment of its work and started again: each slot is on its server once, in order.

Twenty days, made from one seed: every kind of moment, every server, both stores, two workers at once and clocks that jump.
`scripts/prove kills` takes ten times as many, of any seed, also on the real Bluesky network.
"""

import signal
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from postgresql import Cluster
from product.days import TAG
from product.killing import PARENTS, Case, Death, Lane, Outcome, cases, open_lanes
from product.mortal import Kind
from product.nursery import Nursery
from product.program import wait_until

pytestmark = [pytest.mark.product, pytest.mark.postgresql]

SEED = 2027
CASES = cases(20, SEED)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Case, Future[Outcome]]]:
    """Begin every case that was chosen, two at a time."""
    chosen = {item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")}
    with open_lanes(tmp_path_factory.mktemp("kills"), 2, cluster) as lanes:
        yield {case: lanes.begin(case) for case in CASES if case in chosen}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_slot_is_sent_once_however_the_program_dies(case: Case, outcomes: dict[Case, Future[Outcome]]) -> None:
    outcome = outcomes[case].result(600)
    assert outcome.deaths or case.trouble


@pytest.mark.parametrize("server", ["mastodon", "bluesky"])
def test_a_thread_is_taken_back_whole_however_the_command_dies(server: str, tmp_path: Path) -> None:
    """`withdraw` is killed at moments of every kind; a worker finishes what it began, or nothing was begun."""
    with Nursery.open() as nursery, closing(Lane(tmp_path / "lane", nursery)) as lane:
        for death in (Death(1, kind) for kind in Kind):
            with lane.day(server, "sqlite") as day:
                life = day.bear()
                day.see_through(life)
                command = day.bear(death, "withdraw", "one", "small-day", "--reason", "a mistake", "--yes")
                assert command.ended() == -signal.SIGKILL, command.said
                day.lane.clock.pass_by(timedelta(minutes=1))
                texts = {post.text for post in day.ground.standing()}
                if not day.is_to_be_taken_back():
                    assert len(texts) == len(PARENTS), day.story()
                    continue
                wait_until(lambda day=day: len(day.ground.standing()) == 1, 20)
                assert [post.text for post in day.ground.standing()] == [f"Single #{TAG}"], day.story()
