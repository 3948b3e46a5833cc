"""The web application: what is served, with which headers, and what people see when something is not there."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from recap_day import a_campaign, a_day, a_post, an_account, at, shown
from shareasm.domain.recaps import Facts, arrange
from shareasm.errors import StorageError
from shareasm.render import write_recap
from shareasm.render.pages import editions
from shareasm.web.app import KEPT_S, Questions, make_app
from shareasm.web.readers import edition_for

NOW = at("14:00")


class Site:
    """Asks an application without a socket."""

    def __init__(self, app: Starlette):
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://shareasm.test") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


def a_site(recaps: Path, **changes: object) -> Site:
    questions = Questions(
        campaign=a_campaign(),
        so_far=a_day,
        is_database_reachable=lambda: True,
        worker_seen_at=lambda: NOW - timedelta(seconds=3),
        now=lambda: NOW,
    )
    app = make_app(replace(questions, **changes), recaps)  # type: ignore[arg-type]
    return Site(app)


def refuse() -> Facts:
    raise StorageError("the disk is full, at /var/lib/secret")


def fail() -> Facts:
    raise RuntimeError("a secret detail")


def test_before_the_recap_the_front_page_shows_what_has_come_in_newest_first(tmp_path: Path) -> None:
    page = a_site(tmp_path).get("/")
    assert page.status_code == 200
    assert "So far" in page.text
    assert page.text.index("21:30") < page.text.index("09:06")


def test_the_front_page_says_when_nothing_has_come_in_yet(tmp_path: Path) -> None:
    def empty() -> Facts:
        return Facts(a_campaign())

    assert "Nothing has come in yet" in a_site(tmp_path, so_far=empty).get("/").text
    assert "The day opens on" in a_site(tmp_path, so_far=empty, now=lambda: at("05:00")).get("/").text


def test_the_front_page_shows_the_newest_hundred_only(tmp_path: Path) -> None:
    many = [shown(a_post(f"k{number}", created_at=at("09:00") + timedelta(seconds=number))) for number in range(150)]
    text = a_site(tmp_path, so_far=lambda: Facts(a_campaign(), posts=many)).get("/").text
    assert text.count("<article") == 100
    assert "The newest 100 posts at 14:00" in text


def test_with_a_recap_the_front_page_leads_to_it(tmp_path: Path) -> None:
    index = write_recap(arrange(a_day()), tmp_path / "shareasm-2027").index
    os.utime(index, (at("22:05").timestamp(),) * 2)
    site = a_site(tmp_path)
    answer = site.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/recap/shareasm-2027/")
    assert "The whole day" in site.get("/recap/shareasm-2027/").text
    assert site.get("/recap/shareasm-2027/recap.css").headers["content-type"].startswith("text/css")


def test_the_front_page_speaks_the_reader_s_language_where_the_campaign_does(tmp_path: Path) -> None:
    site = a_site(tmp_path, campaign=a_campaign(languages=("en", "fr", "es")))
    page = site.get("/", **{"Accept-Language": "de, fr-CA;q=0.8, en;q=0.5"})
    assert '<html lang="fr"' in page.text
    assert "Jusqu’à présent" in page.text
    assert page.headers["vary"] == "Accept-Language"
    assert "Esta página no está aquí" in site.get("/nothing", **{"Accept-Language": "es"}).text
    index = write_recap(arrange(a_day()), tmp_path / "shareasm-2027").index
    for name in (index, index.with_name("index.fr.html")):
        os.utime(name, (at("22:05").timestamp(),) * 2)
    assert site.get("/", **{"Accept-Language": "fr"}).headers["location"] == "/recap/shareasm-2027/index.fr.html"
    assert site.get("/", **{"Accept-Language": "de"}).headers["location"] == "/recap/shareasm-2027/"


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("", "en"), ("*", "en"), ("fr", "fr"), ("FR-ca", "fr"), ("es;q=0.2, fr;q=0.9", "fr"), ("fr;q=0, es;q=0.1", "es"),
        ("de-DE,de;q=0.9", "en"), (";;q=,,=fr", "fr"), ("x" * 5000, "en"), ("es;q=0.9999999", "en"),
    ],
)  # fmt: skip
def test_a_reader_gets_the_language_that_their_browser_asks_for(said: str, language: str) -> None:
    assert edition_for(said, editions(("en", "fr", "es"))).language == language


def test_the_recap_of_a_trial_before_the_day_does_not_stand_in_for_the_day(tmp_path: Path) -> None:
    index = write_recap(arrange(a_day()), tmp_path / "shareasm-2027").index
    os.utime(index, ((at("06:00") - timedelta(days=7)).timestamp(),) * 2)
    assert "So far" in a_site(tmp_path).get("/").text


def test_the_recap_is_not_kept_by_caches_and_its_pictures_are(tmp_path: Path) -> None:
    media = tmp_path / "shareasm-2027" / "media"
    media.mkdir(parents=True)
    (media / "0011-640.webp").write_bytes(b"RIFF")
    (media.parent / "index.html").write_text("hello")
    site = a_site(tmp_path)
    picture = site.get("/recap/shareasm-2027/media/0011-640.webp")
    assert picture.headers["content-type"] == "image/webp"
    assert "immutable" in picture.headers["cache-control"]
    assert site.get("/recap/shareasm-2027/").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/recap/", "/recap/other/", "/recap/../secret.txt", "/recap/%2e%2e/secret.txt", "/recap/..%2fsecret.txt",
        "/recap/shareasm-2027/.index.html.42", "/recap/shareasm-2027/media/", "/recap//etc/passwd",
        "/recap/shareasm-2027/link.html",
        "/recap/%00", "/recap/" + "a" * 5000,
    ],
)  # fmt: skip
def test_what_is_not_there_gets_a_calm_page(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "recaps" / "shareasm-2027"
    (folder / "media").mkdir(parents=True)
    (folder / ".index.html.42").write_text("half a page")
    (folder / "link.html").symlink_to(tmp_path / "secret.txt")
    answer = a_site(tmp_path / "recaps").get(path)
    assert answer.status_code == 404
    assert "This page is not here" in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize(("so_far", "status"), [(refuse, 503), (fail, 500)])
def test_a_failure_is_a_calm_page_without_its_details(tmp_path: Path, so_far: Callable[[], Facts], status: int) -> None:
    answer = a_site(tmp_path, so_far=so_far).get("/")
    assert answer.status_code == status
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/recap.css", "/nothing", "/recap/x/"])
@pytest.mark.parametrize("so_far", [a_day, fail])
def test_every_answer_forbids_scripts_and_anything_from_elsewhere(
    tmp_path: Path, path: str, so_far: Callable[[], Facts]
) -> None:
    headers = a_site(tmp_path, so_far=so_far).get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/healthz", "/recap.css"])
def test_head_answers_as_get_without_a_body(tmp_path: Path, path: str) -> None:
    answer = a_site(tmp_path).get(path, "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")


def test_other_methods_are_refused(tmp_path: Path) -> None:
    assert a_site(tmp_path).get("/", "POST").status_code == 405


@pytest.mark.parametrize(
    ("reachable", "seen_at", "status", "words"),
    [
        (True, NOW - timedelta(seconds=3), 200, "ok"),
        (True, NOW - timedelta(minutes=5), 200, "worker silent"),
        (True, None, 200, "worker silent"),
        (False, NOW, 503, "database unreachable"),
    ],
)
def test_health_tells_the_database_from_the_worker(
    tmp_path: Path, reachable: bool, seen_at: datetime | None, status: int, words: str
) -> None:
    site = a_site(tmp_path, is_database_reachable=lambda: reachable, worker_seen_at=lambda: seen_at)
    answer = site.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (status, words)


def test_a_hostile_name_is_text_on_the_front_page(tmp_path: Path) -> None:
    guest = an_account("guest.example", "<script>pwn(1)</script>")
    text = a_site(tmp_path, so_far=lambda: Facts(a_campaign(), posts=[shown(a_post("x", by=guest))])).get("/").text
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_crowd_costs_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def count() -> Facts:
        asked.append(1)
        return a_day()

    site = a_site(tmp_path, so_far=count)
    with ThreadPoolExecutor(8) as crowd:
        pages = [answer.text for answer in crowd.map(site.get, ["/"] * 20)]
    assert len(asked) == 1
    assert len(set(pages)) == 1
    later = time.monotonic() + KEPT_S
    monkeypatch.setattr("shareasm.web.app.time.monotonic", lambda: later)
    site.get("/")
    assert len(asked) == 2


def test_a_page_that_could_not_be_made_is_asked_for_again(tmp_path: Path) -> None:
    answers = [a_day, refuse]

    def once_refused() -> Facts:
        return answers.pop()()

    site = a_site(tmp_path, so_far=once_refused)
    assert [site.get("/").status_code for _ in range(2)] == [503, 200]
