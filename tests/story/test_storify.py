"""Storify remembered: its exports are read, whatever they hold, and become a page in the recap's look."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import html5lib
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from recap_day import a_campaign, a_picture
from shareasm.campaign_files import load_campaign
from shareasm.cli import main
from shareasm.domain.pictures import Refusal
from shareasm.errors import ConfigError, StorageError
from shareasm.story.editions import bring_home, leave_out, slug_of
from shareasm.story.storify import OldPost, OldStory, OldText, read_storify

DATA = Path(__file__).resolve().parent.parent / "data"
STORIFY = DATA / "storify"


def read(name: str) -> OldStory:
    return read_storify((STORIFY / name).read_text())


@pytest.fixture(params=["2015.json", "2015.html"])
def story(request: pytest.FixtureRequest) -> OldStory:
    return read(request.param)


# ---- reading -------------------------------------------------------------------------------------------------------------


def test_a_story_has_its_title_author_date_and_first_words(story: OldStory) -> None:
    assert story.title == "#shareASM: a day about small-scale mining"
    assert story.author == "IIED"
    assert story.at == datetime(2015, 6, 11, 16, 30, tzinfo=UTC)
    assert story.link == "https://storify.example/iied/shareasm-2015"
    assert "Research, films and interviews, shared in <b>June 2015</b>." in story.lede


def test_headings_begin_chapters(story: OldStory) -> None:
    assert [chapter.heading for chapter in story.chapters] == ["Before noon", "Interviews"]
    first = story.chapters[0].blocks[0]
    assert isinstance(first, OldText)
    assert '<a href="https://iied.example/asm"' in first.html


def test_a_post_keeps_who_said_what_when_and_where(story: OldStory) -> None:
    post = story.posts[0]
    assert (post.name, post.handle, post.place) == ("Amina", "amina_pits", "Twitter")
    assert post.at == datetime(2015, 6, 10, 8, 12, tzinfo=UTC)
    assert post.link.endswith("//twitter.example/amina_pits/status/1001")
    assert post.html.startswith("Boots that fit &amp; a say in the rules.") or "<p>Boots" in post.html


def test_pictures_videos_and_pages_are_kept_as_addresses(story: OldStory) -> None:
    picture, video, page = story.posts[1:4]
    assert (picture.picture, picture.name) == ("http://pics.example/pit.jpg", "Kwame Boateng")
    assert "Our pit, this morning" in picture.html
    assert "A miner speaks" in video.title + video.html
    assert (video.link, video.place) == ("http://youtube.example/watch?v=abc", "YouTube")
    assert (page.title, page.at) == ("Visioning workshop", None)


def test_nothing_hostile_is_left(story: OldStory) -> None:
    texts = [story.lede, *(block.html for chapter in story.chapters for block in chapter.blocks)]
    assert not any(word in text for text in texts for word in ("pwn(", "<script", "<img", "<iframe", "javascript:"))
    assert not any(post.link.startswith("javascript") for post in story.posts)
    assert "Look" in story.posts[-1].html


def test_a_shortened_link_becomes_the_address_that_it_stands_for() -> None:
    html = read("2015.html").posts[0].html
    assert 'href="https://iied.example/boots"' in html
    assert "t.example" not in html


def test_the_json_of_2011_is_read_too() -> None:
    story = read("2011.json")
    assert [type(block).__name__ for block in story.chapters[0].blocks] == ["OldText", "OldPost", "OldPost"]
    first, second = story.posts
    assert (first.html, first.handle, first.place) == ("First!", "amina", "Twitter") or "First!" in first.html
    assert first.at == datetime.fromtimestamp(1310784400, UTC)
    assert second.picture == "http://flickr.example/1.jpg"
    assert story.at == datetime.fromtimestamp(1310784583, UTC)


def test_lines_and_addresses_of_a_plain_post_stay_what_they_are() -> None:
    words = "Look &lt;here&gt;:\nhttps://iied.example/a?b=1&amp;c. And https://iied.example/a?b=1&amp;c"
    [post] = read_storify(json.dumps({"elements": [{"type": "quote", "data": {"quote": {"text": words}}}]})).posts
    assert post.html.startswith("<p>Look &lt;here&gt;:<br>")
    assert post.html.count('href="https://iied.example/a?b=1&amp;c"') == 2


def test_json_with_padding_and_a_byte_order_mark_is_read() -> None:
    text = (STORIFY / "2015.json").read_text()
    assert read_storify(f"\ufeffcbstory({text});") == read_storify(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no story of Storify's"),
        ("<p>Hello", "no story of Storify's"),
        ("{}", "no story of Storify's"),
        ('{"elements": []}', "no story of Storify's"),
        ('{"elements": 7}', "no story of Storify's"),
        ('{"elements": [', "the JSON is broken"),
        ('{"a":' * 5000, "the JSON is broken"),
        ("x" * 20_000_001, "larger than 20 MB"),
    ],
)
def test_what_is_no_story_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_storify(text)


@pytest.mark.parametrize("at", ["1310784400", 1310784400, 1310784400.0, "2011-07-16T02:46:40Z", "2011-07-16T02:46:40"])
def test_an_instant_is_read_in_each_way_that_storify_wrote_it(at: object) -> None:
    made = json.dumps({"elements": [{"type": "quote", "posted_at": at, "data": {"quote": {"text": "x"}}}]})
    assert read_storify(made).posts[0].at == datetime.fromtimestamp(1310784400, UTC)


@pytest.mark.parametrize("at", ["99999999999", "soon", None, [], 1e300])
def test_a_date_that_is_none_costs_no_post(at: object) -> None:
    made = json.dumps({"elements": [{"type": "quote", "posted_at": at, "data": {"quote": {"text": "x"}}}]})
    [post] = read_storify(made).posts
    assert post.html


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "data",
                    "quote",
                    "text",
                    "source",
                    "name",
                    "permalink",
                    "posted_at",
                    "image",
                    "src",
                    "attribution",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.lists(ANYTHING, max_size=5))
def test_no_element_costs_the_story(elements: list[object]) -> None:
    good = {"type": "quote", "data": {"quote": {"text": "still here"}}}
    story = read_storify(json.dumps({"elements": [*elements, good]}))
    assert "still here" in story.posts[-1].html


@given(st.text(alphabet="<>/=\"' abdiklps-1&;", max_size=80))
def test_no_markup_costs_the_story(broken: str) -> None:
    page = f'<li class="s-element" data-type="quote"><div class="s-quote-text">{broken}</div></li>'
    good = '<ol></ol><li class="s-element" data-type="quote"><div class="s-quote-text">still here</div></li>'
    assert any("still here" in post.html for post in read_storify(good + page).posts)


def test_a_page_that_is_nested_without_end_is_read() -> None:
    deep = "<div>" * 5_000 + '<li class="s-element" data-type="quote"><b class="s-quote-text">deep</b></li>'
    with pytest.raises(ConfigError):
        read_storify(deep)


# ---- the page ------------------------------------------------------------------------------------------------------------


def test_an_old_story_becomes_a_page_of_its_own(tmp_path: Path) -> None:
    done = bring_home(STORIFY / "2015.json", a_campaign(), tmp_path)
    assert done.index == tmp_path / "earlier" / "shareasm-2015" / "index.html"
    assert done.address == "earlier/shareasm-2015/index.html"
    page = done.index.read_text()
    assert (done.index.parent / "recap.css").is_file()
    for words in (
        "Before noon",
        "Amina",
        "Kwame Boateng",
        "https://twitter.example/kwame_pits/status/1002",
        "11 June 2015",
    ):
        assert words in page
    assert "pwn(" not in page.replace("&#39;", "'")
    assert "<img" not in page
    assert "http://pics.example/pit.jpg" in page
    assert "mailto:shareasm@iied.example" in page


@pytest.mark.parametrize("name", ["2015.json", "2015.html", "2011.json"])
def test_the_page_is_valid_html_and_asks_nobody_for_anything(tmp_path: Path, name: str) -> None:
    page = bring_home(STORIFY / name, a_campaign(), tmp_path).index.read_text()
    html5lib.HTMLParser(strict=True).parse(page)
    assert not re.search(r"<(?:script|iframe|img|link rel=\"(?!stylesheet))|@import|url\(", page)


def test_the_same_export_gives_the_same_bytes(tmp_path: Path) -> None:
    one = bring_home(STORIFY / "2015.html", a_campaign(), tmp_path / "a").index.read_bytes()
    assert one == bring_home(STORIFY / "2015.html", a_campaign(), tmp_path / "b").index.read_bytes()


def test_pictures_are_kept_where_somebody_asks_for_them(tmp_path: Path) -> None:
    def fetch(url: str) -> bytes | Refusal:
        return a_picture(size=(80, 60)) if "pit" in url else Refusal("not there")

    done = bring_home(STORIFY / "2015.json", a_campaign(), tmp_path, fetch=fetch)
    page = done.index.read_text()
    assert '<img src="media/' in page
    assert list((done.index.parent / "media").glob("*.webp"))
    assert done.missing_pictures_count == 1


def test_no_picture_of_what_is_left_out_later_stays_anywhere(tmp_path: Path) -> None:
    def fetch(url: str) -> bytes | Refusal:
        return a_picture(size=(80, 60)) if "pit" in url else Refusal("not there")

    done = bring_home(STORIFY / "2015.json", a_campaign(), tmp_path, fetch=fetch)
    (done.index.parent / "media" / "mine.txt").write_text("a person's own")
    everybody = [post.link for post in done.story.posts if post.picture]
    bring_home(STORIFY / "2015.json", a_campaign(), tmp_path, fetch=fetch, without=everybody)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"index.html", "recap.css", "mine.txt"}


@pytest.mark.parametrize("wish", ["@amina_pits", "AMINA_PITS", "http://twitter.example/amina_pits/status/1001/"])
def test_who_asks_for_it_is_left_out(wish: str) -> None:
    story = leave_out(read("2015.json"), [wish])
    assert len(story.posts) == len(read("2015.json").posts) - 1
    assert "Amina" not in {post.name for post in story.posts}


@pytest.mark.parametrize(
    ("link", "title", "file", "slug"),
    [
        ("https://storify.com/iied/ShareASM-1", "x", "y", "shareasm-1"),
        ("", "Día de la minería", "y", "dia-de-la-mineria"),
        ("", "Маҳалла", "old 2015", "old-2015"),
        ("", "", "Маҳалла", "story"),
    ],
)
def test_a_page_has_a_plain_name(link: str, title: str, file: str, slug: str) -> None:
    story = OldStory(title, read("2015.json").lede, (), link=link)
    assert slug_of(story, Path(f"{file}.json")) == slug


def test_a_page_in_an_old_encoding_is_read(tmp_path: Path) -> None:
    file = tmp_path / "old.html"
    file.write_bytes((STORIFY / "2015.html").read_text().replace("A miner speaks", "Une mineuse – é").encode("cp1252"))
    assert "Une mineuse – é" in bring_home(file, a_campaign(), tmp_path).index.read_text()


def test_a_file_that_is_not_there_and_a_disk_that_refuses_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        bring_home(tmp_path / "none.json", a_campaign(), tmp_path)
    (tmp_path / "earlier").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        bring_home(STORIFY / "2015.json", a_campaign(), tmp_path)


def test_a_post_without_any_name_is_somebody_s(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"elements": [{"type": "quote", "data": {"quote": {"text": "Hello"}}}]}')
    assert "Somebody" in bring_home(file, a_campaign(), tmp_path).index.read_text()
    assert isinstance(read_storify(file.read_text()).posts[0], OldPost)


def test_the_command_says_what_to_write_into_the_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "SHAREASM_CAMPAIGN", "SHAREASM_DATA"):
        monkeypatch.delenv(name, raising=False)
    folder = Path(shutil.copytree(DATA / "schedules" / "good", tmp_path / "day"))
    result = CliRunner().invoke(
        main, ["story", "import", str(STORIFY / "2015.json"), str(folder), "--without", "@amina_pits"]
    )
    assert result.exit_code == 0, result.output
    assert "4 posts, 1 left out" in result.output
    line = result.output.splitlines()[-1]
    campaign = (folder / "campaign.yaml").read_text()
    (folder / "campaign.yaml").write_text(re.sub(r"^earlier:.*\n", f"earlier:\n{line}\n", campaign, flags=re.MULTILINE))
    loaded = load_campaign(folder)
    assert not loaded.has_errors, loaded.findings
    assert loaded.campaign
    assert loaded.campaign.earlier[0].url == "earlier/shareasm-2015/index.html"
