"""A page of a long day in a browser: how long its main thread is busy until the page is there.

A day of 100,000 posts is written as files; its largest page is opened in chromium, from a server on loopback, each time with an
empty cache and in a process of its own. Against it the same page plain: the same posts in the same markup, every picture
fetched at once, every post laid out and painted; and all posts of its hour in that way, on one page, as a recap without parts
would have them. The claim: a seventh of the main thread's time, as the browser itself counts it (DevTools protocol,
`Performance.getMetrics`). Both must show the same posts, and what is seen first must be there with its pictures. An empty page,
and our page with its first posts alone, tell how much of it no page could save.
"""

import random
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from race import Claim, race, rounds, table, tell
from workload import campaign, posts

from shareasm.domain.items import ShownPost, picture_addresses
from shareasm.domain.pictures import KeptPicture, PictureFile
from shareasm.domain.placing import hour_page
from shareasm.domain.posts import Post
from shareasm.domain.recaps import Facts, arrange
from shareasm.pictures import keep
from shareasm.render import write_recap

SIZE = 100_000
PER_SEED = 10_000  # posts made in one go
PHOTOS = 60  # different bytes; each picture of the day has a name of its own
PHOTO = (1600, 1200)
VIEW = {"width": 1280, "height": 900}
EMPTY, FEW, OURS, PLAIN, HOUR = (
    "an empty page",
    "ours, its first eight posts alone",
    "ours",
    "the same posts, plain and eager",
    "its hour, plain and eager, on one page",
)
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
SAID = "() => [...document.querySelectorAll('article')].map((one) => one.id + one.textContent)"
HOLES = """() => [...document.images].filter((one) => one.getBoundingClientRect().top < innerHeight
    && !(one.complete && one.naturalWidth)).length"""
MISSING = "() => [...document.images].filter((one) => !(one.complete && one.naturalWidth)).length"
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"


class Cost(NamedTuple):
    """What a page cost until it was there."""

    busy: float  # seconds of a processor, of the main thread
    nodes: int


def main() -> None:
    turns = rounds()
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        pages = write_pages(folder)
        counts = {name: (folder / page).read_text().count("<article") for name, page in pages.items()}
        with serving(folder) as address, chromium() as browser:
            hold_to_the_same_posts(browser, address + pages[OURS], address + pages[PLAIN])
            nodes = {}

            def busy(name: str) -> float:
                cost = opened(browser, address + pages[name])
                nodes[name] = cost.nodes
                return cost.busy

            taken = race({name: partial(busy, name) for name in pages}, turns)
    table(
        ("until it is there", "posts", "nodes", "main thread busy"),
        *((name, f"{counts[name]:,}", f"{nodes[name]:,}", f"{taken[name] * 1000:,.0f} ms") for name in pages),
    )
    tell(
        Claim("a page of the day, against the same posts plain and eager", taken[PLAIN] / taken[OURS], 7, "×"),
        Claim("a page of the day, against its hour plain and eager", taken[HOUR] / taken[OURS], 7, "×"),
    )


# ---- the pages ---------------------------------------------------------------------------------------------------------


def write_pages(folder: Path) -> dict[str, str]:
    """Write the day, and beside its largest page what it races against; return the names of all."""
    shown = [_shown(post, number) for number, post in enumerate(_all_posts(), start=1)]
    write_recap(arrange(Facts(replace(campaign(), languages=("en",)), posts=shown)), folder)
    for number in range(PHOTOS):
        (folder / f"photo-{number}").mkdir()
        _photo(number, folder / f"photo-{number}")
    largest = max(folder.glob("day-*.html"), key=lambda page: page.stat().st_size)
    sheet, hidden = re.subn(r"content-visibility: auto;", "", (folder / "recap.css").read_text())
    assert hidden, "our page hides nothing that is out of sight"
    (folder / "plain.css").write_text(sheet)
    ours = largest.read_text()
    (folder / "plain.html").write_text(_plain(ours))
    hour = hour_page(largest.stem.removeprefix("day-"))
    whole = [folder / f"day-{hour}.html", *folder.glob(f"day-{hour}-*.html")]
    head, tail = ours[: ours.index("<article")], ours[ours.rindex("</article>") + len("</article>") :]
    few = "</article>".join(_articles(ours).split("</article>", 8)[:8])
    (folder / "few.html").write_text(f"{head}{few}</article>{tail}")
    (folder / "hour.html").write_text(_plain("".join([head, *(_articles(page.read_text()) for page in whole), tail])))
    (folder / "empty.html").write_text("<!DOCTYPE html><title>Nothing</title>")
    return {EMPTY: "empty.html", FEW: "few.html", OURS: largest.name, PLAIN: "plain.html", HOUR: "hour.html"}


def _plain(page: str) -> str:
    plain, lazy = re.subn(r' loading="lazy"| decoding="async"', "", page)
    assert lazy, "our page has no lazy picture"
    return plain.replace('href="recap.css"', 'href="plain.css"')


def _articles(page: str) -> str:
    return page[page.index("<article") : page.rindex("</article>") + len("</article>")]


def _all_posts() -> Iterator[Post]:
    for seed in range(SIZE // PER_SEED):
        yield from (seen.post for seen in posts(PER_SEED, seed=seed + 1))


def _shown(post: Post, number: int) -> ShownPost:
    return ShownPost(post, number, post.created_at, pictures={one: _kept(one) for one in picture_addresses(post)})


def _kept(address: str) -> KeptPicture:
    name = f"media/{crc32(address.encode()):08x}"
    return KeptPicture(
        tuple(PictureFile(f"{name}-{wide}.webp", wide, wide * PHOTO[1] // PHOTO[0]) for wide in (640, 1280))
    )


def _photo(number: int, folder: Path) -> None:
    """Keep a picture with as much to it as a photograph, clouds of noise, as a stranger's would be."""
    dice = random.Random(number)
    noise = Image.effect_noise((PHOTO[0] // 8, PHOTO[1] // 8), 90).resize(PHOTO, Image.Resampling.BICUBIC)
    grain = Image.blend(noise, Image.effect_noise(PHOTO, 18), 0.3)
    bands = [
        grain.point([low + (230 - low) * value // 255 for value in range(256)]) for low in dice.sample(range(90), 3)
    ]
    out = BytesIO()
    Image.merge("RGB", bands).save(out, "JPEG", quality=90)
    kept = keep(out.getvalue(), folder)
    assert isinstance(kept, KeptPicture), kept


# ---- the browser -------------------------------------------------------------------------------------------------------


class _Server(SimpleHTTPRequestHandler):
    """The folder; each picture of the day is one of the photographs."""

    def translate_path(self, path: str) -> str:
        found = re.fullmatch(r"/media/([0-9a-f]{8})-(\d+)\.webp", path)
        if found is None:
            return super().translate_path(path)
        [photo] = Path(self.directory, f"photo-{int(found[1], 16) % PHOTOS}", "media").glob(f"*-{found[2]}.webp")
        return str(photo)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Server, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "this benchmark needs chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


def opened(browser: Browser, address: str) -> Cost:
    """Open a page as somebody does who was never there; return what it cost until it was loaded and painted."""
    context = browser.new_context(viewport=VIEW)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(180_000)
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})  # what others do on the machine does not count
    page.goto(address, wait_until="load")
    page.evaluate(PAINTED)
    said = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    assert page.evaluate(HOLES) == 0, f"{address} shows holes"
    context.close()
    return Cost(said["TaskDuration"], int(said["Nodes"]))


def hold_to_the_same_posts(browser: Browser, ours: str, plain: str) -> None:
    context = browser.new_context(viewport=VIEW)  # type: ignore[arg-type]
    said = []
    for address in (ours, plain):
        page = context.new_page()
        page.goto(address, wait_until="load")
        said.append(page.evaluate(SAID))
        assert address == ours or page.evaluate(MISSING) == 0, "the plain page lacks pictures"
    assert said[0], "the page has no posts"
    assert said[0] == said[1], "the pages differ"
    context.close()


if __name__ == "__main__":
    main()
