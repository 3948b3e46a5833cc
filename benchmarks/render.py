"""The recap: a day's posts become files, against writing the very same bytes.

The posts are as the store gives them, their HTML clean already; the limit writes one ready string a post and, as ours does, has
each file on the disk before it goes on. Claims: a first render (arranging, templates, files) at 10 % of
the speed of writing ready strings; memory above the data within 20 MB, however long the day.
"""

import gc
import multiprocessing
import os
import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from race import Claim, per_second, race, rounds, table, tell, timed
from workload import campaign, posts

from shareasm.domain.items import ShownPost
from shareasm.domain.posts import decode_post, encode_post
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.render import render_page, write_recap
from shareasm.render.pages import editions
from shareasm.render.whole_day import day_pages

SIZES = (1_000, 10_000)
MEMORY_SIZES = (1_000, 10_000, 100_000)
PER_SEED = 10_000  # posts made in one go
FIRST, ARRANGE, TEMPLATES, LIMIT = (
    "first render: arrange, templates, files",
    "arranging alone",
    "templates alone",
    "limit: writing the same bytes, ready",
)


def main() -> None:
    turns = rounds()
    taken: dict[tuple[str, int], float] = {}
    sizes: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            contest = Contest(Path(folder), size)
            taken |= {(name, size): seconds for name, seconds in race(contest.contestants(), turns).items()}
            sizes[size] = sum(map(len, contest.ready.values()))
    names = (FIRST, ARRANGE, TEMPLATES, LIMIT)
    table(
        ("posts a second", *(f"{size:,} posts" for size in SIZES)),
        *((name, *(per_second(size, taken[name, size]) for size in SIZES)) for name in names),
    )
    peaks = {size: peak_above_the_data(size) for size in MEMORY_SIZES}
    print(f"{sizes[SIZES[-1]] / SIZES[-1] / 1000:.1f} kB of HTML a post.\n")
    tell(
        *(
            Claim(f"{size:,} posts: of the limit", 100 * taken[LIMIT, size] / taken[FIRST, size], 10, "%")
            for size in SIZES
        ),
        *(
            Claim(f"{size:,} posts: memory above the data", peaks[size], 20, "MB", is_at_most=True)
            for size in MEMORY_SIZES
        ),
    )


def facts(size: int) -> Facts:
    """A day of `size` shown posts."""
    shown = [ShownPost(seen.post, number, seen.post.created_at) for number, seen in enumerate(posts(size), start=1)]
    return Facts(campaign=campaign(), posts=shown)


class Contest:
    """One day, rendered into a new folder each time. Its bytes are what the limit writes, and what every run is held to."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder / str(size)
        self._number = 0
        self._facts = facts(size)
        self._recap = arrange(self._facts)
        write_recap(self._recap, self._folder / "first")
        self.ready = read(self._folder / "first")
        self._strings = {name: re.split(r"(?=<article)", content.decode()) for name, content in self.ready.items()}
        pages = b"".join(self.ready.values()).decode()
        missing = [item.anchor for item in self._recap.items if f'id="{item.anchor}"' not in pages]
        assert len(self._recap.items) == size, "posts were lost on the way"
        assert not missing, f"{len(missing)} posts are on no page"

    def contestants(self) -> dict[str, Callable[[], float]]:
        return {
            FIRST: partial(self._written, lambda folder: write_recap(arrange(self._facts), folder)),
            ARRANGE: lambda: timed(lambda: arrange(self._facts)),
            TEMPLATES: lambda: timed(lambda: rendered(self._recap)),
            LIMIT: partial(self._written, self._write_ready),
        }

    def _written(self, write: Callable[[Path], object]) -> float:
        self._number += 1
        folder = self._folder / str(self._number)
        seconds = timed(lambda: write(folder))
        assert read(folder) == self.ready, "the files differ"
        return seconds

    def _write_ready(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name, pieces in self._strings.items():
            with (folder / name).open("wb") as file:
                for piece in pieces:
                    file.write(piece.encode())
                file.flush()
                os.fsync(file.fileno())


def rendered(recap: Recap) -> int:
    """Let the templates say the whole recap, to nowhere; return how much they said."""
    every = editions(recap.campaign.languages)
    said = {"recap": recap, "parts": recap.parts, "editions": every}
    pages = [page.said for page in day_pages(recap, every)]
    count = sum(len(render_page("recap/day.html", edition, **page)) for edition in every for page in pages)
    return count + sum(len(render_page("recap/index.html", edition, **said)) for edition in every)


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# ---- memory ------------------------------------------------------------------------------------------------------------


def peak_above_the_data(size: int) -> float:
    """Return the MB by which a process of its own grows while it arranges and writes a day that it holds already."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "posts"
        with lines.open("wb") as file:
            for seed in range(max(1, size // PER_SEED)):
                file.writelines(encode_post(seen.post) + b"\n" for seen in posts(min(size, PER_SEED), seed=seed + 1))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(grown, (lines, Path(folder)))


def grown(lines: Path, folder: Path) -> float:
    write_recap(arrange(Facts(campaign=campaign(), posts=[])), folder / "warm")
    with lines.open("rb") as file:  # line by line: nothing is left over that would hide what rendering takes
        shown = [
            ShownPost(post, number, post.created_at) for number, post in enumerate(map(decode_post, file), start=1)
        ]
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak begins anew
    before = _memory("VmRSS")
    write_recap(arrange(Facts(campaign=campaign(), posts=shown)), folder / "day")
    return _memory("VmHWM") - before


def _memory(name: str) -> float:
    [kilobytes] = re.findall(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kilobytes) / 1024


if __name__ == "__main__":
    main()
