"""Cards of the pages that we link to: what is asked for and how often, what is kept, and what a draft becomes."""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy.engine import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from factories import campaign, schedule, slot
from recap_day import a_picture
from shareasm.campaign_files import Loaded, load_campaign
from shareasm.cards import GOOD_FOR, REFUSED_FOR, Album, Looked, fetch, fetch_missing, findings
from shareasm.domain.campaigns import Edition, Resource
from shareasm.domain.cards import PageCard, linked_urls
from shareasm.domain.pictures import Refusal
from shareasm.domain.posts import Network
from shareasm.domain.queue import DraftCard, State, plan_entries
from shareasm.publish import bring_in_line
from shareasm.rehearsal.serving import LoopbackServer
from shareasm.storage import cards, claims, queue
from shareasm.storage.engine import open_engine, reading, transaction
from shareasm.storage.tables import metadata
from shareasm.strangers import StrangerClient

pytestmark = pytest.mark.loopback
NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)


@dataclass
class Site:
    """A web site on loopback: pages by path, and what was asked of it."""

    pages: dict[str, Response] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    most_at_once: int = 0
    url: str = ""
    pause_s: float = 0.0
    _inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, path: str, head: str = "", *, kind: str = "text/html; charset=utf-8", status: int = 200) -> str:
        self.pages[path] = Response(f"<html><head>{head}</head>", status, {"Content-Type": kind})
        return self.url + path

    def picture(self, path: str, data: bytes) -> str:
        self.pages[path] = Response(data, 200, {"Content-Type": "image/png"})
        return self.url + path

    def answer(self, request: Request) -> Response:
        with self._lock:
            self.asked.append(request.url.path)
            self.agents.add(request.headers["user-agent"])
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
        time.sleep(self.pause_s)
        with self._lock:
            self._inside -= 1
        return self.pages.get(request.url.path) or Response("no", 404)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    app = Starlette(routes=[Route("/{path:path}", made.answer)])
    with LoopbackServer(app) as server:
        made.url = server.url
        yield made


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'day.db'}")
    metadata.create_all(made)
    yield made
    made.dispose()


@dataclass
class Office:
    """A store, a folder of cards, and a clock that stands still until it is moved."""

    album: Album
    times: list[datetime]

    def passes(self, time: timedelta) -> None:
        self.times[0] += time

    def known(self, url: str) -> PageCard:
        with reading(self.album.engine) as connection:
            return cards.find(connection, [url])[url]


@pytest.fixture
def office(engine: Engine, site: Site, tmp_path: Path) -> Office:
    port = int(site.url.rpartition(":")[2])
    strangers = StrangerClient(
        agent="shareasm/test (#shareASM; x@iied.example)", allow=frozenset({("127.0.0.1", port)})
    )
    times = [NOW]
    return Office(Album(engine, tmp_path / "cards", strangers, lambda: times[0]), times)


COVER = '<meta property="og:title" content="Dirty work?"><meta property="og:image" content="/cover.png">'


def test_a_page_gives_title_description_and_a_picture_made_ready(office: Office, site: Site) -> None:
    site.picture("/cover.png", a_picture(size=(1600, 1000)))
    url = site.page("/17403", COVER + '<meta name="description" content="A briefing.">')
    [looked] = fetch(office.album, [url])
    card = office.known(url)
    assert (card.title, card.description, card.refusal) == ("Dirty work?", "A briefing.", None)
    assert looked.card == card
    thumb = office.album.folder / (card.thumb or "none")
    assert Image.open(BytesIO(thumb.read_bytes())).size == (1200, 750)
    assert thumb.stat().st_size <= 976_000


def test_a_picture_loses_where_it_was_taken(office: Office, site: Site) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera of Amina"
    exif.get_ifd(0x8825)[2] = (2.0, 52.0, 12.0)
    out = BytesIO()
    Image.effect_noise((300, 200), 60).convert("RGB").save(out, "PNG", exif=exif)
    assert b"Amina" in out.getvalue()
    site.picture("/cover.png", out.getvalue())
    fetch(office.album, [site.page("/17403", COVER)])
    [file] = office.album.folder.iterdir()
    assert b"Amina" not in file.read_bytes()
    assert not Image.open(BytesIO(file.read_bytes())).getexif()


def test_a_pdf_answers_and_has_no_card(office: Office, site: Site) -> None:
    url = site.page("/report.pdf", "<title>not read</title>", kind="application/pdf")
    [looked] = fetch(office.album, [url])
    assert (looked.refusal, looked.content_type) == (None, "application/pdf")
    assert office.known(url) == PageCard(NOW)


@pytest.mark.parametrize("data", [b"<svg/>", b"", a_picture(size=(40, 30))], ids=["no picture", "nothing", "an icon"])
def test_a_picture_that_is_none_costs_only_itself(office: Office, site: Site, data: bytes) -> None:
    site.picture("/cover.png", data)
    url = site.page("/17403", COVER)
    fetch(office.album, [url])
    assert (office.known(url).title, office.known(url).thumb) == ("Dirty work?", None)


def test_a_picture_on_a_private_address_is_not_asked_for(office: Office, site: Site) -> None:
    url = site.page("/17403", '<title>T</title><meta property="og:image" content="http://127.0.0.1:1/admin.png">')
    fetch(office.album, [url])
    assert office.known(url).thumb is None


def test_a_page_that_leads_to_a_private_address_is_refused(office: Office, site: Site) -> None:
    site.pages["/away"] = RedirectResponse("http://169.254.169.254/latest/meta-data/")
    [looked] = fetch(office.album, [site.url + "/away"])
    assert looked.refusal
    assert looked.refusal.is_private
    assert office.known(site.url + "/away").refusal == "its host is not a public address"


def test_a_page_that_is_not_there_says_so(office: Office, site: Site) -> None:
    [looked] = fetch(office.album, [site.url + "/gone"])
    assert looked.refusal
    assert looked.refusal.status == 404


def test_a_page_that_does_not_answer_today_keeps_the_card_of_yesterday(office: Office, site: Site) -> None:
    url = site.page("/17403", "<title>Dirty work?</title>")
    fetch(office.album, [url])
    site.page("/17403", status=503)
    office.passes(timedelta(days=1))
    fetch(office.album, [url])
    card = office.known(url)
    assert (card.title, card.refusal) == ("Dirty work?", "the server answers 503")
    assert card.fetched_at == NOW + timedelta(days=1)


def test_a_picture_whose_host_fails_today_stays_the_one_of_yesterday(office: Office, site: Site) -> None:
    site.picture("/cover.png", a_picture(size=(300, 200)))
    url = site.page("/17403", COVER)
    fetch(office.album, [url])
    thumb = office.known(url).thumb
    site.page("/cover.png", status=500)
    fetch(office.album, [url])
    assert office.known(url).thumb == thumb
    site.page("/cover.png", status=404)
    fetch(office.album, [url])
    assert office.known(url).thumb is None


@pytest.mark.parametrize(
    ("status", "after", "is_asked"),
    [
        (200, GOOD_FOR - timedelta(minutes=1), False), (200, GOOD_FOR, True),
        (404, REFUSED_FOR - timedelta(minutes=1), False), (404, REFUSED_FOR, True),
    ],
)  # fmt: skip
def test_good_pages_are_asked_again_after_a_week_and_refused_ones_after_an_hour(
    office: Office, site: Site, status: int, after: timedelta, is_asked: bool
) -> None:
    url = site.page("/17403", status=status)
    fetch_missing(office.album, [url])
    office.passes(after)
    assert bool(fetch_missing(office.album, [url])) is is_asked


def test_a_card_whose_picture_is_lost_is_fetched_again(office: Office, site: Site) -> None:
    site.picture("/cover.png", a_picture())
    url = site.page("/17403", COVER)
    fetch_missing(office.album, [url])
    for file in office.album.folder.iterdir():
        file.unlink()
    fetch_missing(office.album, [url])
    assert len(list(office.album.folder.iterdir())) == 1


def test_one_page_at_a_time_is_asked_of_a_host_and_each_once(office: Office, site: Site) -> None:
    site.pause_s = 0.02
    urls = [site.page(f"/{number}") for number in range(6)]
    told: list[Looked] = []
    fetch(office.album, [*urls, *urls], told.append)
    assert site.most_at_once == 1
    assert sorted(site.asked) == sorted(f"/{number}" for number in range(6))
    assert sorted(looked.url for looked in told) == sorted(urls)
    assert site.agents == {"shareasm/test (#shareASM; x@iied.example)"}


def test_a_host_that_does_not_answer_is_asked_once(office: Office) -> None:
    asked: list[str] = []

    class Silent(StrangerClient):
        def open_page(self, url: str) -> Refusal:
            asked.append(url)
            return Refusal("no answer in time", is_silence=True)

    album = replace(office.album, strangers=Silent())
    told: list[Looked] = []
    found = fetch(album, ["https://a.example/1", "https://a.example/2", "https://b.example/1"], told.append)
    assert sorted(asked) == sorted(looked.url for looked in told)
    assert sorted(asked) == ["https://a.example/1", "https://b.example/1"]
    assert [looked.url for looked in found] == ["https://a.example/1", "https://a.example/2", "https://b.example/1"]
    assert all(looked.refusal for looked in found)


# ---- in the drafts -----------------------------------------------------------------------------------------------------

URL = "https://library.example/17403"
GUIDE = Resource("guide", (Edition("en", "Our own title", URL),), authors=("Josephine Singo",), type="guide", year=2021)
PAGE = PageCard(NOW, "The page's title", "What it is about.", "0123.jpg")


def card_in_queue(engine: Engine, page: PageCard | None, *, link: str | None = None) -> DraftCard | None:
    """Return the card of the first Bluesky draft in the queue, after the plan was loaded with `page` known."""
    day = campaign(resources=(GUIDE,))
    if page:
        with transaction(engine) as connection:
            cards.put(connection, URL, page)
    bring_in_line(engine, day, schedule(slot(accounts=("sky", "ours"), link=link, resource=None if link else "guide")))
    with reading(engine) as connection:
        entries = queue.of_campaign(connection, day.slug)
    return next(entry.draft.card for entry in entries if entry.network is Network.BLUESKY)


def test_the_team_s_title_and_authors_stay_and_the_page_gives_the_rest(engine: Engine) -> None:
    card = card_in_queue(engine, PAGE)
    by = "guide · Josephine Singo · 2021"
    assert card == DraftCard(URL, "Our own title", f"{by} · What it is about.", "0123.jpg")


def test_a_bare_link_takes_the_title_of_its_page(engine: Engine) -> None:
    assert card_in_queue(engine, PAGE, link=URL) == DraftCard(URL, "The page's title", "What it is about.", "0123.jpg")


def test_a_page_that_says_nothing_leaves_the_card_as_the_plan_made_it(engine: Engine) -> None:
    assert card_in_queue(engine, PageCard(NOW)) == card_in_queue(engine, None)
    assert card_in_queue(engine, PageCard(NOW), link=URL) == DraftCard(URL, URL)


def test_what_nobody_fetched_is_not_waited_for(engine: Engine) -> None:
    card = card_in_queue(engine, None)
    assert card == DraftCard(URL, "Our own title", "guide · Josephine Singo · 2021")


def test_a_card_fetched_later_changes_what_is_waiting_and_the_second_time_nothing(engine: Engine) -> None:
    plan = schedule(slot(accounts=("sky", "ours"), link=URL))
    bring_in_line(engine, campaign(), plan)
    with transaction(engine) as connection:
        cards.put(connection, URL, PAGE)
    assert len(bring_in_line(engine, campaign(), plan)) == 1  # Mastodon's servers make their own card
    assert bring_in_line(engine, campaign(), plan) == []


def test_a_card_fetched_later_leaves_alone_what_was_tried(engine: Engine) -> None:
    plan = schedule(slot(accounts=("sky",), link=URL))
    bring_in_line(engine, campaign(), plan)
    with transaction(engine) as connection:
        claimed = claims.claim_due(connection, "shareasm-2027", "w", slot().due_at, accounts=["sky"])
        assert claimed
        cards.put(connection, URL, PAGE)
    assert bring_in_line(engine, campaign(), plan) == []
    with reading(engine) as connection:
        [entry] = queue.of_campaign(connection, "shareasm-2027")
    assert (entry.state, entry.draft.card) == (State.CLAIMED, DraftCard(URL, URL))


# ---- what a team should know -------------------------------------------------------------------------------------------

PLAN = """\
defaults: {accounts: [iied-mastodon]}
slots:
  - id: guide
    at: "10:00"
    kind: publication
    resource: osh-guide
    text: {en: "A guide #shareASM"}
  - id: film
    at: "11:00"
    kind: video
    link: https://film.example/1
    text: {en: "A film #shareASM"}
  - id: words
    at: "12:00"
    kind: news
    text:
      en: "Read https://words.example/a, and https://film.example/2. #shareASM"
"""
GUIDE_URL = "https://iied.example/en"


@pytest.fixture
def loaded(tmp_path: Path, data: Path) -> Loaded:
    folder = Path(shutil.copytree(data / "schedules" / "good", tmp_path / "day"))
    (folder / "schedule.yaml").write_text(PLAN)
    (folder / "story.yaml").unlink()
    found = load_campaign(folder)
    assert [str(finding) for finding in found.findings if finding.severity == "error"] == []
    return found


def told(loaded: Loaded, *looked: Looked) -> list[tuple[str, int, int, str, str]]:
    return [(one.severity, one.line, one.column, one.message, one.cure) for one in findings(loaded, looked)]


def test_all_addresses_of_the_day_are_looked_at_whoever_shows_them(loaded: Loaded) -> None:
    assert loaded.campaign
    assert loaded.schedule
    assert list(linked_urls(plan_entries(loaded.campaign, loaded.schedule))) == [
        GUIDE_URL, "https://film.example/1", "https://words.example/a", "https://film.example/2",
    ]  # fmt: skip


def test_good_pages_give_no_findings(loaded: Loaded) -> None:
    pages = (
        (GUIDE_URL, "https://www.iied.example/en"), ("https://film.example/1", "https://film.example/1/watch"),
        ("https://words.example/a", "https://words.example/a"),
    )  # fmt: skip
    assert told(loaded, *(Looked(url, leads_to=there) for url, there in pages)) == []


def test_a_page_that_is_not_there_is_an_error_where_the_plan_names_it(loaded: Loaded) -> None:
    gone = Refusal("the server answers 404", status=404)
    where = {GUIDE_URL: (6, 15), "https://film.example/1": (11, 11), "https://words.example/a": (17, 11)}
    cure = "Look it up, and write {} where it is now."
    assert told(loaded, *(Looked(url, gone) for url in where)) == [
        ("error", *place, f"There is no page at {url} (404).", cure.format(_NAMED if url == GUIDE_URL else "here"))
        for url, place in where.items()
    ]


_NAMED = "under “osh-guide” in campaign.yaml"
_PRIVATE = Refusal("its host is not a public address", is_private=True)
_FORBIDDEN = Refusal("the server answers 403", status=403)


@pytest.mark.parametrize(
    ("looked", "severity", "words", "cure"),
    [
        (Looked(GUIDE_URL, _PRIVATE), "error", "Nobody outside can open", f"{_NAMED} the address that the public uses"),
        (Looked(GUIDE_URL, _FORBIDDEN), "warning", "answers 403", "let only people in"),
        (Looked(GUIDE_URL, Refusal("more than 5 redirects")), "warning", "more than 5", "browser"),
        (Looked(GUIDE_URL, leads_to="https://b.example/en"), "warning", "another site: https://b.example/en", _NAMED),
        (Looked(GUIDE_URL, leads_to="https://iied.example/"), "warning", "first page", _NAMED),
    ],
)
def test_what_may_be_well_for_people_is_a_warning(
    loaded: Loaded, looked: Looked, severity: str, words: str, cure: str
) -> None:
    [finding] = findings(loaded, [looked])
    assert finding.severity == severity
    assert words in finding.message
    assert cure in finding.cure


def test_identifiers_of_publications_may_lead_elsewhere(loaded: Loaded) -> None:
    (loaded.folder / "schedule.yaml").write_text(PLAN.replace("https://film.example/1", "https://doi.org/10.1/x"))
    again = load_campaign(loaded.folder)
    assert told(again, Looked("https://doi.org/10.1/x", leads_to="https://publisher.example/x")) == []


def test_a_bare_link_without_a_title_is_a_warning_where_bluesky_shows_its_card(loaded: Loaded) -> None:
    pdf = Looked(
        "https://film.example/1", leads_to="https://film.example/1", content_type="application/pdf", card=PageCard(NOW)
    )
    assert told(loaded, pdf) == []  # Mastodon's servers make their own cards
    (loaded.folder / "schedule.yaml").write_text(PLAN.replace("[iied-mastodon]", "[iied-bluesky]"))
    again = load_campaign(loaded.folder)
    [(severity, line, _, message, cure)] = told(again, pdf)
    assert (severity, line) == ("warning", 11)
    assert message.endswith("says no title for its card on Bluesky (application/pdf): its address stands there.")
    assert "resources" in cure
    assert told(again, pdf._replace(card=PageCard(NOW, "A title"))) == []


def test_a_host_in_other_letters_is_the_same_site(loaded: Loaded) -> None:
    (loaded.folder / "schedule.yaml").write_text(PLAN.replace("https://film.example/1", "https://bücher.example/a"))
    again = load_campaign(loaded.folder)
    assert told(again, Looked("https://bücher.example/a", leads_to="https://www.xn--bcher-kva.example/b")) == []


def test_a_silent_host_is_told_once(loaded: Loaded) -> None:
    silent = Refusal("its name is not known", is_silence=True)
    found = told(
        loaded, *(Looked(url, silent) for url in ("https://film.example/1", "https://film.example/2", GUIDE_URL))
    )
    assert [(severity, line) for severity, line, *_ in found] == [("warning", 11), ("warning", 6)]
    assert found[0][3].startswith("film.example gives no answer")
