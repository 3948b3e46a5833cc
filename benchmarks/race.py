"""How every benchmark here measures and tells.

Contestants run in turns, so that a noisy machine is noisy for all of them; medians count; the ratio of one run is what
holds anywhere. A wrong result ends a benchmark with an error; a missed target does not.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Claim:
    """One target of ours, and what this run reached."""

    words: str
    reached: float
    target: float
    unit: str  # ×, %, s, MB
    is_at_most: bool = False  # the target is an upper bound

    @property
    def is_met(self) -> bool:
        return self.reached <= self.target if self.is_at_most else self.reached >= self.target

    def __str__(self) -> str:
        bound = "≤" if self.is_at_most else "≥"
        sign = "yes" if self.is_met else "**no**"
        return f"| {self.words} | {bound} {_amount(self.target, self.unit)} | {_amount(self.reached, self.unit)} | {sign} |"


def rounds(default: int = 5) -> int:
    """Read the command line: how often each contestant runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=default, help="how often each contestant runs, in turns")
    wanted: int = parser.parse_args().rounds
    return max(1, wanted)


class Spent(NamedTuple):
    """What a run took, in seconds: by the clock, and of a processor, which is steadier where others use the machine too."""

    clock: float
    processor: float

    def each(self, count: int) -> "Spent":
        """Return what one of `count` took."""
        return Spent(self.clock / count, self.processor / count)


def spent(work: Callable[[], object]) -> Spent:
    """Return what `work` takes, in this process."""
    gc.collect()
    began, began_processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - began, time.process_time() - began_processor)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def race(contestants: Mapping[str, Callable[[], float]], count: int) -> dict[str, float]:
    """Let each contestant run `count` times, in turns; return the median of what each returned (mostly seconds)."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(count):
        turn = list(contestants.items())
        for name, run in turn if number % 2 == 0 else reversed(turn):  # nobody always runs behind the same one
            taken[name].append(run())
    return {name: statistics.median(values) for name, values in taken.items()}


def race_both(contestants: Mapping[str, Callable[[], Spent]], count: int) -> dict[str, Spent]:
    """The same for contestants that tell both; each median by itself."""
    taken: dict[str, list[Spent]] = {name: [] for name in contestants}

    def run(name: str) -> float:
        taken[name].append(contestants[name]())
        return 0

    race({name: partial(run, name) for name in contestants}, count)
    return {name: Spent(*map(statistics.median, zip(*values, strict=True))) for name, values in taken.items()}


def table(head: tuple[str, ...], *rows: tuple[object, ...]) -> None:
    """Print a small table."""
    for row in (head, ("---", *["---:"] * (len(head) - 1)), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def tell(*claims: Claim) -> None:
    """Print what was claimed and what was reached."""
    print("| claim | target | reached | met |\n|---|---:|---:|---|")
    for claim in claims:
        print(claim)
    print()


def per_second(count: int, seconds: float) -> str:
    """Return a rate as people read it: three digits say enough."""
    rate = count / seconds
    digits = max(0, len(str(int(rate))) - 3)
    return f"{round(rate, -digits):,.0f}"


def _amount(value: float, unit: str) -> str:
    number = (
        f"{value:.0f}" if value >= 20 and value == round(value) else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
    )
    return f"{number} {unit}"
