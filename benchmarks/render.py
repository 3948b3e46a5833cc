"""The recap: a day's posts become files, against writing the very same bytes.

The posts are as the store gives them, their HTML clean already; the limit writes one ready string a post and, as ours does, has
each file on the disk before it goes on. Claims: a first render (arranging, templates, files) at 10 % of
the speed of writing ready strings; the files of a day of which one post was withdrawn twenty times as fast as at first; memory
above the data within 20 MB, however long the day; no page of it over 300 kB, the story under 500 kB; and the pages of the whole
day two and a half times as fast as in the usual way with the same templates, which is to call `render()` for each page and
language, and to sanitise each post in the template.
"""

import gc
import multiprocessing
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from jinja2 import DictLoader, Environment
from race import Claim, per_second, race, rounds, table, tell, timed
from workload import campaign, posts

from shareasm.domain.items import ShownPost
from shareasm.domain.posts import decode_post, encode_post, fingerprint
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.richtext import sanitise
from shareasm.render import write_recap
from shareasm.render.files import encoded
from shareasm.render.pages import Edition, _speaking, editions, pieces
from shareasm.render.whole_day import day_pages
from shareasm.resources import template_folder

SIZES = (1_000, 10_000)
MEMORY_SIZES = (1_000, 10_000, 100_000)
PER_SEED = 10_000  # posts made in one go
FIRST, AGAIN, PAGES_FIRST, PAGES_AGAIN, ARRANGE, DAY, USUAL, LIMIT = (
    "first render: arrange, templates, files",
    "again, after one withdrawal",
    "first: the files alone, arranged before",
    "again: the files alone, arranged before",
    "arranging alone",
    "the pages of the whole day alone",
    "the same the usual way: render(), sanitising",
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
    names = (FIRST, AGAIN, PAGES_FIRST, PAGES_AGAIN, ARRANGE, DAY, USUAL, LIMIT)
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
            Claim(
                f"{size:,} posts: the files again after one withdrawal",
                taken[PAGES_FIRST, size] / taken[PAGES_AGAIN, size],
                20,
                "×",
            )
            for size in SIZES
        ),
        *(
            Claim(
                f"{size:,} posts: the pages of the day against the usual way",
                taken[USUAL, size] / taken[DAY, size],
                2.5,
                "×",
            )
            for size in SIZES
        ),
        *(
            Claim(f"{size:,} posts: memory above the data", peaks[size].grown, 20, "MB", is_at_most=True)
            for size in MEMORY_SIZES
        ),
        Claim(
            f"{MEMORY_SIZES[-1]:,} posts: the largest page of the day",
            peaks[MEMORY_SIZES[-1]].largest_page / 1000,
            300,
            "kB",
            is_at_most=True,
        ),
        Claim(
            f"{MEMORY_SIZES[-1]:,} posts: the story", peaks[MEMORY_SIZES[-1]].story / 1000, 500, "kB", is_at_most=True
        ),
    )


def facts(size: int) -> Facts:
    """A day of `size` shown posts."""
    shown = [
        ShownPost(seen.post, number, seen.post.created_at, fingerprint=seen.fingerprint)
        for number, seen in enumerate(posts(size), start=1)
    ]
    return Facts(campaign=campaign(), posts=shown)


class Contest:
    """One day, rendered into a new folder each time. Its bytes are what the limit writes, and what every run is held to."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder / str(size)
        self._number = 0
        self._facts = facts(size)
        self._recap = arrange(self._facts)
        self._kept, self._is_whole = self._folder / "first", True
        write_recap(self._recap, self._kept)
        self.ready = read(self._kept)
        stood = {item.anchor: item.page for item in self._recap.items}
        gone = self._recap.items[size // 2].shown
        left = [shown for shown in self._facts.posts if shown is not gone]
        self._facts = replace(self._facts, stood=stood, is_over=True)
        self._without_one = replace(self._facts, posts=left)
        self._strings = {name: re.split(r"(?=<article)", content.decode()) for name, content in self.ready.items()}
        there = {anchor for page in self.ready.values() for anchor in re.findall(rb'id="(p-[0-9a-f]+)"', page)}
        missing = [item.anchor for item in self._recap.items if item.anchor.encode() not in there]
        assert len(self._recap.items) == size, "posts were lost on the way"
        assert not missing, f"{len(missing)} posts are on no page"

    def contestants(self) -> dict[str, Callable[[], float]]:
        return {
            FIRST: partial(self._written, lambda folder: write_recap(arrange(self._facts), folder)),
            AGAIN: lambda: timed(lambda: write_recap(arrange(self._next()), self._kept)),
            PAGES_FIRST: partial(self._written, lambda folder: write_recap(self._recap, folder)),
            PAGES_AGAIN: self._pages_again,
            ARRANGE: lambda: timed(lambda: arrange(self._facts)),
            DAY: partial(self._made, day),
            USUAL: partial(self._made, day_as_usual),
            LIMIT: partial(self._written, self._write_ready),
        }

    def _next(self) -> Facts:
        """The day without one post, and the next time with it again: each time one page has changed."""
        self._is_whole = not self._is_whole
        return self._facts if self._is_whole else self._without_one

    def _pages_again(self) -> float:
        arranged = arrange(self._next())
        seconds = timed(lambda: write_recap(arranged, self._kept))
        assert not self._is_whole or read(self._kept) == self.ready, "the files differ"
        return seconds

    def _written(self, write: Callable[[Path], object]) -> float:
        self._number += 1
        folder = self._folder / str(self._number)
        seconds = timed(lambda: write(folder))
        assert read(folder) == self.ready, "the files differ"
        return seconds

    def _made(self, make: Callable[[Recap], dict[str, bytes]]) -> float:
        pages: dict[str, bytes] = {}
        seconds = timed(lambda: pages.update(make(self._recap)))
        assert pages == {name: page for name, page in self.ready.items() if name.startswith("day-")}, "the pages differ"
        return seconds

    def _write_ready(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name, strings in self._strings.items():
            with (folder / name).open("wb") as file:
                for piece in strings:
                    file.write(piece.encode())
                file.flush()
                os.fsync(file.fileno())


def day(recap: Recap) -> dict[str, bytes]:
    """Return the pages of the whole day as `write_recap` makes them, without waiting for the disk."""
    every = editions(recap.campaign.languages)
    return {
        edition.part(page.part): b"".join(encoded(pieces("recap/day.html", page.said, edition)))
        for page in day_pages(recap, every)
        for edition in every
    }


def day_as_usual(recap: Recap) -> dict[str, bytes]:
    """Return the same pages, made in the usual way."""
    every = editions(recap.campaign.languages)
    return {
        edition.part(page.part): usual(edition).get_template("recap/day.html").render(**page.said).encode()
        for page in day_pages(recap, every)
        for edition in every
    }


@cache
def usual(edition: Edition) -> Environment:
    """Return our templates as one would write them at first: sanitising, and each post made in each language."""
    environment = _speaking(template_folder(), edition.speech, edition.place)
    plain = {
        file.relative_to(template_folder()).as_posix(): file.read_text().replace(
            ".html | safe", ".html | sanitised | safe"
        )
        for file in template_folder().rglob("*.html")
    }
    environment.loader = DictLoader(plain)
    environment.filters["sanitised"] = sanitise
    environment.globals.update(edition=edition, speech=edition.speech)
    environment.globals["article"] = environment.get_template("post.html").module.article  # type: ignore[attr-defined]
    return environment


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


# ---- memory ------------------------------------------------------------------------------------------------------------


class Grown(NamedTuple):
    """What came of one day in a process of its own."""

    grown: float  # MB
    largest_page: int  # bytes, of the pages of the whole day
    story: int  # bytes


def peak_above_the_data(size: int) -> Grown:
    """Return by how much a process of its own grows while it arranges and writes a day that it holds already."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "posts"
        with lines.open("wb") as file:
            for seed in range(max(1, size // PER_SEED)):
                file.writelines(encode_post(seen.post) + b"\n" for seen in posts(min(size, PER_SEED), seed=seed + 1))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(grown, (lines, Path(folder)))


def grown(lines: Path, folder: Path) -> Grown:
    write_recap(arrange(Facts(campaign=campaign(), posts=[])), folder / "warm")
    with lines.open("rb") as file:  # line by line: nothing is left over that would hide what rendering takes
        shown = [
            ShownPost(post, number, post.created_at, fingerprint=fingerprint(post))
            for number, post in enumerate(map(decode_post, file), start=1)
        ]
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak begins anew
    before = _memory("VmRSS")
    write_recap(arrange(Facts(campaign=campaign(), posts=shown)), folder / "day")
    peak = _memory("VmHWM") - before
    largest = max(page.stat().st_size for page in (folder / "day").glob("day-*.html"))
    return Grown(peak, largest, max(page.stat().st_size for page in (folder / "day").glob("index*.html")))


def _memory(name: str) -> float:
    [kilobytes] = re.findall(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kilobytes) / 1024


if __name__ == "__main__":
    main()
