"""The program is killed at every point of publishing and started again: each slot is there once, each thread in order.

All days run beside each other, each on networks of its own, since a restarted program waits 20 s for the dead one's claim.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from postgresql import Cluster
from product.days import TAG, Day, a_day, slot
from product.program import Program, wait_until
from shareasm.rehearsal.faults import Fault, Faults

pytestmark = pytest.mark.product

DYING = Path(__file__).with_name("dying.py")
ACCOUNTS = ("our-bluesky", "our-mastodon")
THREAD = """
    media:
      - {file: dot.png, alt: A brown field, credit: us, licence: CC0 1.0}
    thread:
      - text: {en: "Two"}
      - text: {en: "Three"}"""
ONE = f"One #{TAG}"
SINGLE = f"This is single #{TAG}"
TAKEN_OVER_WITHIN_S = 40  # 30, and a start of the program on a busy machine

# ---- how it dies -------------------------------------------------------------------------------------------------------

Death = Callable[[Day], Program]
"""Starts the program on a day and returns it dead."""


def at_commit(step: str, when: str, account: str, day: Day) -> Program:
    """It dies by itself, right before or right after publishing commits a step."""
    program = day.start("worker", running=[sys.executable, DYING, step, when, account])
    assert program.ended(60) == -signal.SIGKILL, program.said
    return program


def in_call(fault: Fault, call: str, skip: int, day: Day) -> Program:
    """It dies while a server has its request: before the server acts (HANG_BEFORE) or after it did (HANG_AFTER)."""
    faults, path = _calls(day)[call]
    rule = faults.add(fault, "POST", path, skip=skip)
    program = day.start("worker")
    assert rule.reached.wait(60), program.said
    if fault is Fault.HANG_AFTER:
        _wait_until_done(day, call, skip + 1)
    program.kill()
    if fault is Fault.HANG_BEFORE:  # a request that is on its way arrives, whoever has died
        rule.release()
    else:
        faults.clear()
    return program


def _calls(day: Day) -> dict[str, tuple[Faults, str]]:
    sky, home = day.world.bluesky.pds_faults, day.world.home.faults
    return {
        "post on Bluesky": (sky, r"/xrpc/com\.atproto\.repo\.applyWrites"),
        "picture to Bluesky": (sky, r"/xrpc/com\.atproto\.repo\.uploadBlob"),
        "post on Mastodon": (home, "/api/v1/statuses"),
        "picture to Mastodon": (home, "/api/v2/media"),
    }


def _wait_until_done(day: Day, call: str, count: int) -> None:
    """The fault is reached as the request arrives; wait until its post is there."""
    if call.startswith("post"):
        posts = day.on_bluesky if "Bluesky" in call else day.on_mastodon
        wait_until(lambda: len(posts()) == count, 10)


DEATHS: dict[str, Death] = {
    f"{account}: {when} the commit of {step}": partial(at_commit, step, when, account)
    for account in ACCOUNTS
    for step in ("claim_due", "freeze", "begin_attempt", "published")
    for when in ("before", "after")
} | {
    f"{call}, call {skip + 1}, {'not done' if fault is Fault.HANG_BEFORE else 'done'}": partial(
        in_call, fault, call, skip
    )
    for call, skip in (
        ("post on Bluesky", 0),
        ("post on Bluesky", 2),
        ("picture to Bluesky", 0),
        ("post on Mastodon", 0),
        ("post on Mastodon", 2),
        ("picture to Mastodon", 0),
    )
    for fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER)
}
ON_POSTGRESQL = [
    "our-bluesky: after the commit of begin_attempt",
    "our-mastodon: before the commit of published",
    "post on Mastodon, call 1, done",
]

# ---- what came of it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What stands on the servers after the second start."""

    bluesky: list[tuple[str, str | None]]  # each post's text, and the text that it answers
    mastodon: list[tuple[str, str | None]]
    said: str


def outlive(death: Death, folder: Path, database_url: str | None = None) -> Outcome:
    """Plan a thread and a single post, let the program die on them, start it again, and return what is there."""
    with a_day(folder, database_url) as day:
        day.plan(slot("one", 0, THREAD, en=ONE), slot("single", 0))
        death(day)
        program = day.start("worker")
        wait_until(lambda: _sent_count(day) == 8, TAKEN_OVER_WITHIN_S)
        program.signal(signal.SIGTERM)
        code = program.ended(10)
        assert code == 0, program.said
        return Outcome(_bluesky(day), _mastodon(day), program.said)


def _sent_count(day: Day) -> int:
    return int(day.rows("SELECT count(*) FROM entries WHERE state = 'published'")[0][0])


def _bluesky(day: Day) -> list[tuple[str, str | None]]:
    posts = day.world.bluesky.posts(day.bluesky)
    texts = {post.uri: str(post.value["text"]) for post in posts}
    parents = [post.value.get("reply", {}).get("parent", {}).get("uri") for post in posts]  # type: ignore[union-attr]
    return [(texts[post.uri], texts.get(parent)) for post, parent in zip(posts, parents, strict=True)]


def _mastodon(day: Day) -> list[tuple[str, str | None]]:
    statuses = day.on_mastodon()
    texts = {status["id"]: status["text"] for status in statuses}
    return [(status["text"], texts.get(status["in_reply_to_id"])) for status in statuses]


WANTED = sorted([(ONE, ""), ("Two", ONE), ("Three", "Two"), (SINGLE, "")])


def check(outcome: Outcome) -> None:
    for side in (outcome.bluesky, outcome.mastodon):
        assert sorted((text, parent or "") for text, parent in side) == WANTED, outcome.said
        texts = [text for text, _ in side]
        assert texts.index(ONE) < texts.index("Two") < texts.index("Three")


# ---- the tests ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """Begin every death that was chosen, some at a time."""
    chosen = {item.callspec.params.get("death") for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(10) as pool:
        yield {
            name: pool.submit(outlive, death, tmp_path_factory.mktemp("death") / "day")
            for name, death in DEATHS.items()
            if name in chosen
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("death", list(DEATHS))
def test_each_slot_is_sent_once_however_the_program_dies(death: str, outcomes: dict[str, Future[Outcome]]) -> None:
    check(outcomes[death].result(600))


@pytest.mark.postgresql
@pytest.mark.parametrize("death", ON_POSTGRESQL)
def test_the_same_holds_on_postgresql(death: str, cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as name:
        check(outlive(DEATHS[death], tmp_path / "day", cluster.url(name)))
