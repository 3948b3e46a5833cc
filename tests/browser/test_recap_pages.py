"""The recap in a real browser: closed to the outside, harmless, accessible, and whole at every width."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser.full_day import a_full_day, a_long_day, keep_logo, keep_pictures
from browser.hostile import as_fields, as_html, with_neighbours
from recap_day import a_campaign, a_day
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.printing import print_pdf
from shareasm.render import render_page, write_recap
from shareasm.render.single import single_page

pytestmark = pytest.mark.browser

ALL_RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@pytest.fixture(scope="session")
def recap_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day that has one of everything, with pictures, as files."""
    folder = tmp_path_factory.mktemp("recap")
    recap = replace(a_full_day(keep_pictures(folder / "kept")), logo=keep_logo(folder / "kept", (900, 220)))
    write_recap(recap, folder / "recap", pictures=folder / "kept")
    _write_so_far(recap, folder / "recap")
    return folder / "recap"


@pytest.fixture(scope="session")
def long_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day in numbered parts, with an upright logo."""
    folder = tmp_path_factory.mktemp("long")
    recap = replace(a_long_day(keep_pictures(folder / "kept")), logo=keep_logo(folder / "kept", (160, 900)))
    write_recap(recap, folder / "recap", pictures=folder / "kept")
    return folder / "recap"


def _write_so_far(recap: Recap, folder: Path) -> None:
    page = render_page("web/sofar.html", recap=recap, items=recap.items[:200], is_all=True, now=a_campaign().opens_at)
    (folder / "sofar.html").write_text(page.replace('href="/recap.css"', 'href="recap.css"'))


@pytest.mark.parametrize("page", ["index.html", "day-1.html"])
def test_a_page_asks_nobody_for_anything_and_breaks_no_rule_of_its_policy(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any], page: str
) -> None:
    with watch(serve(recap_folder) + page) as watched:
        _walk_down(watched.page)
        assert watched.strange == []
        assert watched.said == []
        images = watched.page.locator("img").evaluate_all("all => all.map(one => one.complete && one.naturalWidth > 0)")
        assert images
        assert all(images)


def test_the_recap_opens_from_a_disk_as_well(recap_folder: Path, watch: Callable[..., Any]) -> None:
    with watch(f"file://{recap_folder}/index.html", own="file://") as watched:
        _walk_down(watched.page)
        assert watched.said == []
        assert watched.page.evaluate("getComputedStyle(document.body).maxWidth") != "none"
        assert watched.page.locator("img").first.evaluate("one => one.naturalWidth") > 0


EVERY_PAGE = [("index.html", 1440), ("index.html", 360), ("day-1.html", 360), ("sofar.html", 768)]


@pytest.mark.parametrize(
    ("page", "width", "scheme"),
    [
        *((page, width, scheme) for page, width in EVERY_PAGE for scheme in ("light", "dark")),
        ("index.fr.html", 360, "light"),
        ("index.es.html", 1440, "dark"),
    ],
)
def test_axe_finds_nothing(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any], page: str, width: int, scheme: str
) -> None:
    with watch(serve(recap_folder) + page, width=width, scheme=scheme, keeps_policy=False) as watched:
        watched.page.add_style_tag(content="* { content-visibility: visible !important }")
        watched.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = Axe().run(watched.page, options=ALL_RULES)
        assert found.response["violations"] == [], found.generate_report()


def test_a_long_day_s_pages_lead_on_and_axe_finds_nothing_on_them(
    long_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any]
) -> None:
    address = serve(long_folder)
    with watch(address + "day-4.html", width=360, scheme="dark", keeps_policy=False) as watched:
        page = watched.page
        page.add_style_tag(content="* { content-visibility: visible !important }")
        found = Axe().run(page, options=ALL_RULES)
        assert found.response["violations"] == [], found.generate_report()
        assert _overflow(page) == 0
        page.locator("a[rel=next]").first.click()
        assert page.url == address + "day-4-2.html"
        assert page.locator("h1").inner_text() != "The whole day", "each part says which one it is"
        page.locator(".turn a[href$='#whole-day']").first.click()
        assert page.locator("#whole-day:target").is_visible()


def test_a_logo_keeps_its_measure_and_lies_on_paper_at_night(
    recap_folder: Path, long_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any]
) -> None:
    for folder, is_upright in ((recap_folder, False), (long_folder, True)):
        address = serve(folder) + "index.html"
        for scheme, ground in (("light", "rgba(0, 0, 0, 0)"), ("dark", "rgb(252, 251, 248)")):
            with watch(address, width=360, scheme=scheme) as watched:
                logo = watched.page.locator(".masthead .logo")
                assert logo.evaluate("one => getComputedStyle(one).backgroundColor") == ground
                box = logo.bounding_box()
                assert box["width"] <= 300
                assert box["height"] == pytest.approx(96 if is_upright else 48, abs=26)


def test_a_picture_alone_is_whole_never_larger_than_it_is_nor_than_the_screen(
    long_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any]
) -> None:
    with watch(serve(long_folder) + "day-4.html", width=1440) as watched:
        _walk_down(watched.page)
        sizes = watched.page.locator(".n1 img").evaluate_all(
            "all => all.map((one) => [one.offsetWidth - one.getAttribute('width'), one.offsetHeight / innerHeight])"
        )
        assert sizes
        assert all(wider <= 0 and high <= 0.9 for wider, high in sizes)


@pytest.mark.parametrize("page", ["index.html", "day-1.html", "index.fr.html", "index.es.html"])
def test_nothing_is_wider_than_the_screen_from_a_magnified_one_to_a_wide_one(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any], page: str
) -> None:
    with watch(serve(recap_folder) + page, keeps_policy=False) as watched:
        watched.page.add_style_tag(content="* { content-visibility: visible !important }")
        for width in (320, 360, 768, 1440):  # 320 is 1280 at 400 %
            watched.page.set_viewport_size({"width": width, "height": 900})
            assert _overflow(watched.page) == 0, width


def test_a_page_that_runs_from_the_right_is_no_wider_either(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any]
) -> None:
    with watch(serve(recap_folder) + "index.html", keeps_policy=False) as watched:
        watched.page.add_style_tag(content="* { content-visibility: visible !important }")
        watched.page.evaluate("document.documentElement.dir = 'rtl'")
        for width in (360, 1440):
            watched.page.set_viewport_size({"width": width, "height": 900})
            assert _overflow(watched.page) == 0, width
            heading, masthead = (watched.page.locator(name).first.bounding_box() for name in ("h1", ".masthead"))
            assert abs(heading["x"] + heading["width"] - masthead["x"] - masthead["width"]) < 1


@pytest.mark.parametrize("page", ["index.html", "day-1.html"])
def test_on_paper_nothing_is_cut_and_nothing_is_for_fingers(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any], page: str
) -> None:
    with watch(serve(recap_folder) + page, scheme="dark", keeps_policy=False) as watched:
        watched.page.emulate_media(media="print")
        assert (
            watched.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert not watched.page.locator(".masthead nav").first.is_visible()
        for width, is_grey in ((420, True), (680, False)):  # about what A5 and A4 leave between their margins
            watched.page.set_viewport_size({"width": width, "height": 900})
            assert _overflow(watched.page) == 0, width
            colours = watched.page.locator("img").first.evaluate("one => getComputedStyle(one).filter")
            assert ("grayscale" in colours) == is_grey


def test_every_post_tells_its_language_its_direction_and_where_it_stands(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any]
) -> None:
    with watch(serve(recap_folder) + "day-1.html") as watched:
        posts = watched.page.evaluate(_POSTS)
        assert len(posts) == 50
        assert {one["direction"] for one in posts if one["language"] in {"ar", "he", "fa"}} == {"rtl"}
        assert {one["direction"] for one in posts if one["language"] in {"en", "mn", "zh"}} == {"ltr"}
        for one in posts:
            assert one["place"] == f"day-1.html#{one['id']}"
            assert one["original"].startswith("https://")


def test_the_keyboard_sees_where_it_is(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any]
) -> None:
    with watch(serve(recap_folder) + "index.html") as watched:
        watched.page.keyboard.press("Tab")
        assert watched.page.evaluate("document.activeElement.className") == "skip"
        assert watched.page.locator(".skip").is_visible()
        for _ in range(12):
            watched.page.keyboard.press("Tab")
            assert watched.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_an_answer_s_place_can_be_linked_to(
    recap_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any]
) -> None:
    address = serve(recap_folder)
    with watch(address + "index.html") as watched:
        target = watched.page.locator("article .when a").first.get_attribute("href")
        watched.page.goto(address + target)
        assert watched.page.locator("article:target").is_visible()


# ---- hostile posts -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", params=["html", "fields"])
def hostile_folder(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recap made of nothing but hostile posts and their neighbours."""
    posts = as_html(shared) if request.param == "html" else as_fields(shared)
    folder = tmp_path_factory.mktemp(f"hostile-{request.param}")
    recap = arrange(Facts(a_campaign(), posts=with_neighbours(posts)))
    write_recap(recap, folder)
    _write_so_far(recap, folder)
    return folder


@pytest.mark.shared
@pytest.mark.parametrize("keeps_policy", [True, False])
def test_hostile_posts_run_nothing_ask_nobody_and_leave_their_neighbours_whole(
    hostile_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any], keeps_policy: bool
) -> None:
    address = serve(hostile_folder)
    neighbours = 0
    for file in sorted(hostile_folder.glob("*.html")):
        with watch(address + file.name, keeps_policy=keeps_policy) as watched:
            watched.page.evaluate(_POKE_EVERYTHING)
            _walk_down(watched.page)
            assert watched.fired() == [], file.name
            assert watched.strange == [], file.name
            assert watched.said == [], file.name
            assert watched.page.url == address + file.name
            broken = watched.page.evaluate(_BROKEN_NEIGHBOURS)
            assert broken == [], file.name
            if file.name.startswith("day-"):
                neighbours += watched.page.evaluate(_COUNT_NEIGHBOURS)
    assert neighbours > 100


@pytest.mark.shared
@pytest.mark.parametrize("width", [320, 1280])
def test_no_hostile_post_makes_the_page_wider_than_the_screen(
    hostile_folder: Path, serve: Callable[[Path], str], watch: Callable[..., Any], width: int
) -> None:
    address = serve(hostile_folder)
    for file in sorted(hostile_folder.glob("day-*.html")):
        with watch(address + file.name, width=width, keeps_policy=False) as watched:
            watched.page.add_style_tag(content="* { content-visibility: visible !important }")
            watched.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            assert _overflow(watched.page) == 0, file.name


_POSTS = """() => [...document.querySelectorAll('article')].map((one) => {
    const words = one.querySelector(':scope .words');
    const said = words?.querySelector('p') ?? words;
    return {
        id: one.id, language: words?.lang ?? '', direction: said ? getComputedStyle(said).direction : '',
        place: one.querySelector('.when a').getAttribute('href'), original: one.querySelector('.original').href,
    };
})"""

_POKE_EVERYTHING = """() => {
    addEventListener('click', (event) => event.preventDefault(), true);
    document.querySelectorAll('details').forEach((one) => { one.open = true });
    for (const one of document.querySelectorAll('body *')) {
        for (const name of ['mouseover', 'mouseenter', 'mousemove', 'pointerover', 'focus', 'click', 'auxclick', 'toggle'])
            one.dispatchEvent(new MouseEvent(name, { bubbles: true, cancelable: true }));
    }
}"""

_BROKEN_NEIGHBOURS = """() => [...document.querySelectorAll('article')].filter((one) => {
    const words = one.querySelector(':scope > .said > .words')?.textContent ?? '';
    if (!/^neighbour \\d+ is whole$/.test(words)) return false;
    const place = one.parentElement.className;
    const style = getComputedStyle(one);
    return !['hour', 'chapter', 'under', 'rest'].includes(place) || style.direction !== 'ltr' || style.display === 'none'
        || one.getBoundingClientRect().height === 0;
}).map((one) => one.id)"""

_COUNT_NEIGHBOURS = """() => [...document.querySelectorAll('.hour > article > .said > .words')]
    .filter((one) => /^neighbour \\d+ is whole$/.test(one.textContent)).length"""


def _overflow(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def _walk_down(page: Any) -> None:
    """Scroll through the page, so that lazy images load and hidden parts are drawn; return when all of it is still."""
    page.evaluate(
        """async () => {
            for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
                scrollTo(0, y);
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            }
            await Promise.all([...document.images].map((one) => one.decode().catch(() => null)));
        }"""
    )
    page.wait_for_load_state("networkidle")


def test_the_story_prints_on_the_paper_that_is_asked_for(tmp_path: Path) -> None:
    page, pdf = tmp_path / "recap.html", tmp_path / "out" / "recap.pdf"
    page.write_text(single_page(arrange(a_day()), tmp_path, sheet="A5"), encoding="utf-8")
    print_pdf(page, pdf)
    printed = pdf.read_bytes()
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 20_000
    boxes = {tuple(map(round, map(float, box.split()))) for box in re.findall(rb"/MediaBox \[([^]]+)\]", printed)}
    assert boxes == {(0, 0, 420, 595)}, "A5, in points"
