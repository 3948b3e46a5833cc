"""`scripts/prove recall`: plant thousands of posts while everything goes wrong, and compare the store with the servers.

Prints a line now and then while a day goes on, and a row for each day; then what was planted, and what stood in the way. Exits
1 where a post is missing, kept without belonging, or stored with old words; each is named then, with the seed that repeats it.
"""

import argparse
import logging
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bluesky_network.network import BlueskyNetwork
from postgresql import Cluster, running_cluster
from product import bluesky_recall
from product.recall import Case, Outcome, RecallDay, a_recall_day

HEAD = (
    "seed  store         planted  shown   kept   recall  precision  old words  beyond reach  kills  faults  requests  "
    "seconds"
)
REAL = "real Bluesky"
TELL_EVERY_S = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove recall", description=__doc__.split("\n\n")[0])
    parser.add_argument("--posts", type=int, default=10_000, help="planted on the first day (default: %(default)s)")
    parser.add_argument("--small", type=int, default=1_000, help="planted on each further day (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=4, help="how many further days, the last on PostgreSQL")
    parser.add_argument("--seed", type=int, default=1, help="of the first day (default: %(default)s)")
    parser.add_argument(
        "--real", type=int, default=1_000, help="posts on the real Bluesky network (default: %(default)s)"
    )
    parser.add_argument("--no-bluesky-network", action="store_true", help="stand-ins only")
    wanted = parser.parse_args()
    logging.disable()  # the servers would tell of each connection that is broken off on purpose
    rows, outcomes = [], list[Outcome]()
    for case, store in _cases(wanted):
        print(f"\na day of {case.size:,} posts, seed {case.seed}, on {store}", flush=True)
        began = time.monotonic()
        outcome = _live_on_bluesky(case) if isinstance(case, bluesky_recall.Case) else _live(case, store)
        rows.append(_row(case.seed, store, outcome, time.monotonic() - began))
        print(f"{HEAD}\n{rows[-1]}", flush=True)
        outcomes.append(outcome)
    for title in ("stories", "facts", "troubles", "deaths"):
        print("\n".join(_table(title, outcomes)))
    print("\n".join(["", HEAD, *rows]))
    wrong = [outcome for outcome in outcomes if not outcome.is_perfect]
    for outcome in wrong:
        print(f"\nWRONG {outcome}")
    return 1 if wrong else 0


TITLES = {
    "stories": "what was planted",
    "facts": "which posts were hard to count once, or came late",
    "troubles": "what went wrong meanwhile",
    "deaths": "when the program was killed",
}


def _table(title: str, outcomes: list[Outcome]) -> Iterator[str]:
    counts = sum((getattr(outcome, title) for outcome in outcomes), Counter[str]())
    yield f"\n{TITLES[title]}:"
    for name, number in counts.most_common():
        yield f"  {name:60} {number:6}"


@contextmanager
def _told(day: RecallDay | bluesky_recall.BlueskyDay) -> Iterator[None]:
    """Print now and then how the day goes."""
    is_over, began = threading.Event(), time.monotonic()

    def tell() -> None:
        while not is_over.wait(TELL_EVERY_S):
            print(f"{time.monotonic() - began:5.0f} s  {day}"[:200], flush=True)

    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    try:
        yield
    finally:
        is_over.set()
        telling.join()


def _cases(wanted: argparse.Namespace) -> list[tuple[Case | bluesky_recall.Case, str]]:
    """Return the days and their stores: on every other one the program is dead when the window ends."""
    real = bluesky_recall.Case(wanted.real, wanted.seed, kills=6, burst=min(500, wanted.real // 2), cuts=12)
    large = Case(wanted.posts, wanted.seed, 12, rounds=60, requests=60, read_s=0.5, sweep_s=10, dies_closing=True)
    small = [
        Case(wanted.small, wanted.seed + number, is_late=bool(number % 2), dies_closing=number % 4 in (0, 1))
        for number in range(1, wanted.seeds + 1)
    ]
    stores = ["sqlite", *["sqlite"] * (len(small) - 1), *["postgresql"] * bool(small)]
    days = list(zip([large, *small], stores, strict=True))
    return days if wanted.no_bluesky_network else [*days, (real, REAL)]


def _live(case: Case, store: str) -> Outcome:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shareasm-recall-")))
        url = None
        if store == "postgresql":
            cluster: Cluster = stack.enter_context(running_cluster())
            url = cluster.url(stack.enter_context(cluster.database()))
        day = stack.enter_context(a_recall_day(case, folder / "day", url))
        stack.enter_context(_told(day))
        return day.live_through()


def _live_on_bluesky(case: bluesky_recall.Case) -> Outcome:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shareasm-recall-")))
        network = stack.enter_context(BlueskyNetwork.started(jetstream=True))
        day = stack.enter_context(bluesky_recall.a_bluesky_day(network, folder, case))
        stack.enter_context(_told(day))
        return day.live_through()


def _row(seed: int, store: str, outcome: Outcome, seconds: float) -> str:
    return (
        f"{seed:4}  {store:12}  {outcome.planted:7}  {outcome.shown:5}  {outcome.kept:5}  {outcome.recall:7.2%}"
        f"  {outcome.precision:9.2%}  {len(outcome.stale):9}  {outcome.beyond_reach:12}  {outcome.kills:5}"
        f"  {outcome.troubles.total():6}  {outcome.requests:8}  {seconds:7.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
