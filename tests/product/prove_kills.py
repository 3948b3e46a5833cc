"""`scripts/prove kills`: kill the program some hundred times, on every server and store, and print what stands afterwards.

Exits 1 where a post is missing, there twice or in the wrong place; the day's whole story is printed then.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import as_completed
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bluesky_network.network import BlueskyNetwork
from postgresql import running_cluster
from product.grounds import RealGround
from product.killing import SERVERS, Case, Outcome, cases, open_lanes

REAL = "real bluesky"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove kills", description=__doc__.split("\n\n")[0])
    parser.add_argument("--days", type=int, default=240, help="each is killed once or more (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="decides moments and chance (default: %(default)s)")
    parser.add_argument("--no-bluesky-network", action="store_true", help="stand-ins only")
    wanted = parser.parse_args()
    began = time.monotonic()
    servers = SERVERS if wanted.no_bluesky_network else (*SERVERS, REAL)
    outcomes, failures = suffer(cases(wanted.days, wanted.seed, servers), with_network=REAL in servers)
    print("\n".join(report(outcomes, failures, wanted.seed, time.monotonic() - began)))
    return 1 if failures else 0


def suffer(wanted: list[Case], *, with_network: bool) -> tuple[list[Outcome], list[tuple[Case, BaseException]]]:
    """Let every case happen; return what came of them, and which went wrong."""
    outcomes: list[Outcome] = []
    failures: list[tuple[Case, BaseException]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shareasm-kills-")))
        network = stack.enter_context(BlueskyNetwork.started()) if with_network else None
        cluster = stack.enter_context(running_cluster())
        real_ground = partial(RealGround, network) if network else None
        lanes = stack.enter_context(open_lanes(folder, 2, cluster, real_ground))
        begun = {lanes.begin(case): case for case in wanted}
        for number, ended in enumerate(as_completed(begun), 1):
            if error := ended.exception():
                failures.append((begun[ended], error))
                print(f"WRONG {begun[ended]}\n{error}", flush=True)
            else:
                outcomes.append(ended.result())
            if number % 20 == 0:
                print(f"{number} of {len(begun)} days, {sum(len(each.deaths) for each in outcomes)} kills", flush=True)
    return outcomes, failures


def report(
    outcomes: list[Outcome], failures: list[tuple[Case, BaseException]], seed: int, seconds: float
) -> Iterator[str]:
    """Yield the lines of a table for a closing note."""
    kills = sum(len(outcome.deaths) for outcome in outcomes)
    days = len(outcomes) + len(failures)
    verdict = f"{len(failures)} WRONG" if failures else "every post once, whole and in its place"
    yield ""
    yield f"{kills} kills by SIGKILL on {days} days, seed {seed}, {seconds:.0f} s: {verdict}"
    yield ""
    yield from _lines("killed at", (death.split("\t")[1] for each in outcomes for death in each.deaths))
    for title in ("server", "store", "trouble"):
        yield from _lines(title, (str(getattr(each.case, title)) for each in outcomes for _ in each.deaths))
    yield from _lines("left to a person, posts", (each.case.server for each in outcomes for _ in range(each.left)))


def _lines(title: str, names: Iterable[str]) -> Iterator[str]:
    yield f"{title}:"
    for name, number in sorted(Counter(names).items()):
        yield f"  {name:36} {number:5}"


if __name__ == "__main__":
    sys.exit(main())
