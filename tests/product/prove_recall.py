"""`scripts/prove recall`: plant thousands of posts while everything goes wrong, and compare the store with the servers.

Prints a row for each day. Exits 1 where a post is missing, kept without belonging, or stored with old words; each is named
then, with the seed that repeats it.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from postgresql import Cluster, running_cluster
from product.recall import Case, Outcome, a_recall_day

HEAD = "seed  store       planted  shown   kept   recall  precision  old words  beyond reach  kills  requests  seconds"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove recall", description=__doc__.split("\n\n")[0])
    parser.add_argument("--posts", type=int, default=10_000, help="planted on the first day (default: %(default)s)")
    parser.add_argument("--small", type=int, default=1_000, help="planted on each further day (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=4, help="how many further days, the last on PostgreSQL")
    parser.add_argument("--seed", type=int, default=1, help="of the first day (default: %(default)s)")
    wanted = parser.parse_args()
    print(HEAD, flush=True)
    stories: Counter[str] = Counter()
    wrong = []
    for case, store in _cases(wanted):
        began = time.monotonic()
        outcome = _live(case, store)
        print(_row(case, store, outcome, time.monotonic() - began), flush=True)
        stories += outcome.stories
        wrong += [] if outcome.is_perfect else [outcome]
    print("\nwhat was planted:")
    for story, number in stories.most_common():
        print(f"  {story:48} {number:6}")
    for outcome in wrong:
        print(f"\nWRONG {outcome}")
    return 1 if wrong else 0


def _cases(wanted: argparse.Namespace) -> list[tuple[Case, str]]:
    """Return the days and their stores: on every other one the program is dead when the window ends."""
    large = Case(wanted.posts, wanted.seed, kills=5, read_s=3, sweep_s=300)  # the servers are as busy as the program
    small = [
        Case(wanted.small, wanted.seed + number, is_late=bool(number % 2), dies_closing=number % 4 in (0, 1))
        for number in range(1, wanted.seeds + 1)
    ]
    stores = ["sqlite", *["sqlite"] * (len(small) - 1), *["postgresql"] * bool(small)]
    return list(zip([large, *small], stores, strict=True))


def _live(case: Case, store: str) -> Outcome:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shareasm-recall-")))
        url = None
        if store == "postgresql":
            cluster: Cluster = stack.enter_context(running_cluster())
            url = cluster.url(stack.enter_context(cluster.database()))
        return stack.enter_context(a_recall_day(case, folder / "day", url)).live_through()


def _row(case: Case, store: str, outcome: Outcome, seconds: float) -> str:
    return (
        f"{case.seed:4}  {store:10}  {outcome.planted:7}  {outcome.shown:5}  {outcome.kept:5}  {outcome.recall:7.2%}"
        f"  {outcome.precision:9.2%}  {len(outcome.stale):9}  {outcome.beyond_reach:12}  {outcome.deaths:5}"
        f"  {outcome.requests:8}  {seconds:7.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
