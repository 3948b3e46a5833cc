"""Copies at the Internet Archive: asked for once, seldom, and not for what people may want to delete."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from recap_day import a_campaign, a_day
from shareasm.domain.recaps import arrange
from shareasm.domain.stories import Reading, StoryPlan
from shareasm.errors import StorageError
from shareasm.render import write_recap
from shareasm.wayback import PAUSE_S, InternetArchive, addresses, read_copies

COPY = "https://web.archive.org/web/20270204080000/"
OLD, NEW, LATER = "https://old.example/a?b=c", "https://new.example/guide.pdf", "https://later.example/"


@dataclass
class StandIn:
    """The Internet Archive as far as we ask it."""

    base: str = ""
    held: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # path, address, agent
    refuses: int = 0
    retry_after: str | None = None
    says_where: bool = True
    answers: Callable[[str], bytes] | None = None

    def archive(self, wait: Callable[[float], object] = lambda _: None) -> InternetArchive:
        return InternetArchive(
            "shareasm/1 (x@y.example)", wait, asked=f"{self.base}/wayback/available", saved=f"{self.base}/save/"
        )


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    held = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, agent = urlsplit(self.path), self.headers["User-Agent"]
            is_save = self.path.startswith("/save/")
            url = unquote(self.path.removeprefix("/save/")) if is_save else parse_qs(path.query)["url"][0]
            held.asked.append(("save" if is_save else "look", url, agent))
            if held.refuses and is_save:
                self.send_response(held.refuses)
                if held.retry_after:
                    self.send_header("Retry-After", held.retry_after)
                self.end_headers()
                return
            if is_save:
                self.send_response(302)
                if held.says_where:
                    self.send_header("Location", f"/web/20270204080000/{url}")
                self.end_headers()
                return
            closest = {"available": True, "status": "200", "url": held.held[url]} if url in held.held else None
            said = {"url": url, "archived_snapshots": {"closest": closest} if closest else {}}
            body = held.answers(url) if held.answers else json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield held
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_there_is_not_saved_again_and_what_is_not_is_saved_with_a_pause(
    stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.held = {OLD: f"http://web.archive.org/web/20200101000000/{OLD}"}
    waited: list[float] = []
    file = tmp_path / "archived.json"
    came = list(stand_in.archive(waited.append).keep([OLD, NEW, LATER], file))
    assert [one.copy for one in came] == [
        f"https://web.archive.org/web/20200101000000/{OLD}", COPY + NEW, COPY + LATER,
    ]  # fmt: skip
    assert [(kind, url) for kind, url, _ in stand_in.asked] == [
        ("look", OLD), ("look", NEW), ("save", NEW), ("look", LATER), ("save", LATER),
    ]  # fmt: skip
    assert waited == [PAUSE_S]
    assert {agent for *_, agent in stand_in.asked} == {"shareasm/1 (x@y.example)"}
    assert read_copies(file) == {one.url: one.copy for one in came}


def test_what_is_remembered_is_not_asked_for(stand_in: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "archived.json"
    list(stand_in.archive().keep([NEW], file))
    stand_in.asked.clear()
    assert list(stand_in.archive().keep([NEW], file)) == []
    assert stand_in.asked == []


@pytest.mark.parametrize(("status", "after", "words"), [(429, "600", "in 11 minutes"), (503, None, "tomorrow")])
def test_it_ends_where_the_archive_asks_for_patience(
    stand_in: StandIn, tmp_path: Path, status: int, after: str | None, words: str
) -> None:
    stand_in.refuses, stand_in.retry_after = status, after
    came = list(stand_in.archive().keep([NEW, LATER], tmp_path / "archived.json"))
    assert [one.url for one in came] == [NEW]
    assert words in came[0].words
    assert not [url for _, url, _ in stand_in.asked if url == LATER]


def test_one_page_that_cannot_be_saved_leaves_the_others(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.refuses = 520
    came = list(stand_in.archive().keep([NEW, LATER], tmp_path / "archived.json"))
    assert [one.copy for one in came] == [None, None]
    assert all("no usable answer" in one.words for one in came)


def test_a_copy_that_is_not_named_yet_is_looked_for_another_day(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.says_where = False
    (came,) = stand_in.archive().keep([NEW], tmp_path / "archived.json")
    assert (came.copy, "tomorrow" in came.words) == (None, True)
    assert read_copies(tmp_path / "archived.json") == {}


@pytest.mark.parametrize(
    "said", [b"", b"<html>", b"[]", b'{"archived_snapshots": []}', b'{"archived_snapshots": {"closest": 7}}']
)
def test_an_answer_that_makes_no_sense_never_raises(stand_in: StandIn, tmp_path: Path, said: bytes) -> None:
    stand_in.answers = lambda _: said
    assert len(list(stand_in.archive().keep([NEW], tmp_path / "archived.json"))) == 1


def test_an_address_that_is_no_copy_is_never_linked_to(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.held = {NEW: "javascript:pwn(1)"}
    (came,) = stand_in.archive().keep([NEW], tmp_path / "archived.json")
    assert came.copy == COPY + NEW, "it is saved, as if there were none"
    (tmp_path / "other.json").write_text(json.dumps({NEW: "javascript:pwn(1)"}))
    assert read_copies(tmp_path / "other.json") == {}


def test_a_memory_that_cannot_be_read_or_written_is_said(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(StorageError, match="Take it away"):
        read_copies(tmp_path / "broken.json")
    with pytest.raises(StorageError, match="cannot be written"):
        list(stand_in.archive().keep([NEW], tmp_path / "broken.json" / "below.json"))


def test_only_research_and_reading_are_kept_never_a_post_nor_our_page() -> None:
    campaign = a_campaign()
    story = StoryPlan(reading=("osh-guide", Reading("A book", "https://book.example/")))
    wanted = addresses(campaign, story)
    assert wanted == (
        *(edition.url for resource in campaign.resources for edition in resource.editions), "https://book.example/",
    )  # fmt: skip
    posts = {item.post.url for item in arrange(a_day()).items}
    assert not posts & set(addresses(campaign, None))


def test_the_shelf_names_the_copies(tmp_path: Path) -> None:
    made = arrange(a_day())
    first = made.shelf[0].resource.editions[0].url
    write_recap(replace(made, archived={first: COPY + first, "https://elsewhere.example/": COPY + "x"}), tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert f'href="{COPY}{first}"' in page
    assert page.count("web.archive.org") == 1
