"""The recap can be found, shared and taken along: feed, site map, oEmbed, facts, picture and data show what the pages show."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from html import escape
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from recap_day import BLUESKY, a_campaign, a_day, a_picture, a_post, an_account, at, shown
from shareasm.domain.campaigns import Publication
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import PictureFile
from shareasm.domain.posts import Media, MediaKind
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.stories import ChapterPlan, Narration, PairPlan, Quotation, Rule, RuleKind, StoryPlan
from shareasm.render import write_recap
from shareasm.render.downloads import POST_KEYS, as_csv, as_json, as_markdown
from shareasm.render.found import ENTRIES, FOUND, found_files
from shareasm.render.manifest import Piece
from shareasm.render.pages import Edition, editions
from shareasm.render.whole_day import DayPage, day_pages
from shareasm.share_picture import SIZE, Poster, draw

URL = "https://iied.example/shareasm-2027/"
ATOM = {"a": "http://www.w3.org/2005/Atom"}


def recap(facts: Facts | None = None, **changes: object) -> Recap:
    made = arrange(facts or a_day())
    campaign = replace(made.campaign, publication=Publication(url=URL))
    return replace(made, **{"campaign": campaign, "share": PictureFile("media/share-00.png", *SIZE)} | changes)  # type: ignore[arg-type]


def days(made: Recap) -> list[DayPage]:
    return list(day_pages(made, editions(made.campaign.languages)))


def joined(pieces: Iterable[Piece]) -> str:
    return "".join(text for piece in pieces for text in piece.text())


def found(made: Recap) -> dict[str, str]:
    return {name: "".join(text) for name, text in found_files(made, editions(made.campaign.languages))}


def test_without_a_public_address_nothing_claims_one(tmp_path: Path) -> None:
    made = arrange(a_day())
    assert found(made) == {}
    write_recap(made, tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "og:" not in page
    assert "canonical" not in page
    assert not any((tmp_path / name).exists() for name in FOUND)


def test_with_one_the_page_says_where_it_lies_and_what_to_show(tmp_path: Path) -> None:
    made = recap(share=None)
    write_recap(made, tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert f'<link rel="canonical" href="{URL}">' in page
    assert "<script" not in page
    assert all((tmp_path / name).is_file() for name in FOUND)


def test_each_language_says_which_it_is_and_where_the_others_lie(tmp_path: Path) -> None:
    write_recap(recap(), tmp_path)
    page = (tmp_path / "index.fr.html").read_text("utf-8")
    assert f'<link rel="canonical" href="{URL}index.fr.html">' in page
    assert '<meta property="og:locale" content="fr_FR">' in page
    assert [name for name in ("en_GB", "es_ES", "fr_FR") if f'og:locale:alternate" content="{name}">' in page] == [
        "en_GB",
        "es_ES",
    ]
    for language, name in (
        ("en", "index.html"),
        ("fr", "index.fr.html"),
        ("es", "index.es.html"),
        ("x-default", "index.html"),
    ):
        assert f'<link rel="alternate" hreflang="{language}" href="{URL}{name}">' in page


def test_the_feed_has_the_newest_posts_of_those_who_let_themselves_be_found() -> None:
    shy = an_account("shy.example", is_discoverable=False)
    posts = [
        a_post(str(n), f"<p>Word {n} #shareASM</p>", created_at=at(f"{8 + n // 60:02}:{n % 60:02}")) for n in range(60)
    ]
    posts.append(a_post("x", "<p>Not for feeds #shareASM</p>", by=shy, created_at=at("20:00")))
    feed = ET.fromstring(found(recap(Facts(a_campaign(), posts=[shown(post) for post in posts])))["feed.atom"])
    titles = [entry.text or "" for entry in feed.iterfind("a:entry/a:title", ATOM)]
    assert len(titles) == ENTRIES
    assert titles[0].endswith("Word 59 #shareASM")
    assert not any("Not for feeds" in title for title in titles)
    addresses = [link.attrib["href"] for link in feed.iterfind("a:entry/a:link", ATOM)]
    assert all(address.startswith(f"{URL}day-") for address in addresses)
    assert feed.findtext("a:updated", namespaces=ATOM) == "2027-02-03T08:59:00Z"


def test_no_word_of_a_stranger_breaks_feed_or_facts() -> None:
    evil = an_account("evil.example", "]]></title><script>\x00\x0b\ufffe&")
    post = a_post(
        "1", "<p>]]> &lt;script&gt; \x08 ]]&gt; #shareASM</p>", by=evil, text="]]> <script> \x08\ud800 #shareASM"
    )
    files = found(recap(Facts(a_campaign(), posts=[shown(post)])))
    feed = ET.fromstring(files["feed.atom"])
    assert "<script>" in (feed.findtext("a:entry/a:title", namespaces=ATOM) or "")
    ET.fromstring(files["sitemap.xml"])
    json.loads(files["oembed.json"])
    json.loads(files["recap.jsonld"])


def test_what_stands_behind_a_warning_is_not_in_the_feed() -> None:
    post = a_post("1", "<p>The secret #shareASM</p>", content_warning="An accident")
    feed = found(recap(Facts(a_campaign(), posts=[shown(post, is_covered=True)])))["feed.atom"]
    assert "An accident" in feed
    assert "The secret" not in feed


def test_what_a_labeller_or_its_author_had_covered_is_not_in_the_feed_though_no_warning_was_written() -> None:
    post = a_post("1", "<p>The secret #shareASM</p>")
    feed = found(recap(Facts(a_campaign(), posts=[shown(post, is_covered=True)])))["feed.atom"]
    assert "<title>Amina: Marked as sensitive</title>" in feed
    assert "secret" not in feed


def test_an_answer_without_the_tag_is_in_no_feed_where_it_would_stand_by_itself() -> None:
    asked, answer = a_post("1"), a_post("2", "<p>Said to you alone</p>", by=an_account("bakari.example"))
    posts = [shown(asked), shown(answer, 2, answers=asked.ref, without_tag=True)]
    made = recap(Facts(a_campaign(), posts=posts))
    assert [item.ref for item in made.items] == [asked.ref, answer.ref]
    assert "Said to you alone" not in found(made)["feed.atom"]


def test_the_site_map_names_every_page_of_every_language() -> None:
    made = recap()
    places = [place.text for place in ET.fromstring(found(made)["sitemap.xml"]).iter() if place.tag.endswith("loc")]
    assert f"{URL}index.html" in places
    assert len(places) == len(editions(made.campaign.languages)) * (1 + len(made.parts))


def test_the_facts_name_the_event_and_no_person() -> None:
    facts = json.loads(found(recap())["recap.jsonld"])
    assert facts["about"]["@type"] == "Event"
    assert facts["image"] == f"{URL}media/share-00.png"
    assert "Camila" not in json.dumps(facts)
    assert "image" not in json.loads(found(recap(share=None))["recap.jsonld"])


def test_data_and_table_hold_the_posts_that_the_pages_show() -> None:
    made = recap(replace(a_day(), not_shown={Reason.GONE: 2}))
    data = json.loads(joined(as_json(made, days(made))))
    rows = list(csv.DictReader(io.StringIO(joined(as_csv(made, days(made))))))
    assert (
        [post["anchor"] for post in data["posts"]]
        == [item.anchor for item in made.items]
        == [row["anchor"] for row in rows]
    )
    assert all(tuple(post) == POST_KEYS for post in data["posts"])
    assert data["not_shown"] == {"gone": 2}
    assert data["numbers"]["posts"] == len(made.items)


def test_a_day_without_posts_is_data_too() -> None:
    empty = replace(recap(Facts(a_campaign())), checked_at=None)
    assert json.loads(joined(as_json(empty, days(empty))))["posts"] == []
    assert joined(as_csv(empty, days(empty))).strip() == ",".join(POST_KEYS)


def test_the_story_is_text_that_a_strangers_marks_do_not_change() -> None:
    tricky = a_post(
        "1", "<p>x</p>", text="# not a heading\n[click](https://evil.example) <b>", content_warning="Odd *marks*"
    )
    show = (
        Narration("Then **this** happened."),
        Rule(RuleKind.POST, tricky.url),
        Quotation("Gold is not the point", "Ana Ríos", "miner"),
        Quotation("Nobody said this"),
        PairPlan(Quotation("Who pays?", "Kwame"), Rule(RuleKind.POST, tricky.url)),
    )
    story = StoryPlan(title="A *day*", lede="Hello", chapters=(ChapterPlan("One [x]", show=show),), ahead="More")
    text = "".join(as_markdown(recap(Facts(a_campaign(), story=story, posts=[shown(tricky)])), Edition()))
    assert text.startswith("# A \\*day\\*\n")
    assert "## One \\[x\\]" in text
    assert "Then **this** happened." in text
    assert "> \\# not a heading\n> \\[click\\](https://evil.example) \\<b\\>" in text
    assert "> (Odd \\*marks\\*)" in text
    assert "— Ana Ríos, miner" in text
    assert "> Who pays?" in text


@pytest.mark.parametrize(
    "words",
    ["Gold\n---", "Gold\n===", "- one", "+ one", "1. one", "12) one", "&lt;b&gt; &copy;", "***", "-", "~~~ x"],
)
def test_whatever_a_stranger_says_is_a_paragraph_of_the_same_words(words: str) -> None:
    said = a_post("1", "<p>x</p>", text=words)
    story = StoryPlan(chapters=(ChapterPlan("One", show=(Rule(RuleKind.POST, said.url),)),))
    text = "".join(as_markdown(recap(Facts(a_campaign(), story=story, posts=[shown(said)])), Edition()))
    assert f"<blockquote>\n<p>{escape(words)}</p>\n<p>— Amina, <a" in MarkdownIt("commonmark").render(text)


@pytest.mark.parametrize(("warning", "said"), [("Blood", "> (Blood)"), ("", "> (Marked as sensitive)")])
def test_what_is_covered_says_so_wherever_its_words_are(warning: str, said: str) -> None:
    covered, plain = a_post("1", "<p>x</p>", content_warning=warning), a_post("2", "<p>y</p>")
    story = StoryPlan(chapters=(ChapterPlan("One", show=(Rule(RuleKind.POST, covered.url),)),))
    made = recap(Facts(a_campaign(), story=story, posts=[shown(covered, is_covered=True), shown(plain, 2)]))
    posts = json.loads(joined(as_json(made, days(made))))["posts"]
    assert {one["uri"]: one["covered"] for one in posts} == {covered.ref.uri: True, plain.ref.uri: False}
    assert said in "".join(as_markdown(made, Edition()))


def test_feed_and_story_as_text_say_our_words_in_each_language_of_the_pages(tmp_path: Path) -> None:
    bare = a_post("1", "", media=(Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", "Hills"),))
    covered = a_post("2", "<p>x #shareASM</p>", created_at=at("10:00"))
    campaign = a_campaign(languages=("en", "fr"), publication=Publication(URL))
    facts = Facts(campaign, posts=[shown(bare), shown(covered, 2, is_covered=True)])
    write_recap(arrange(facts), tmp_path)
    feeds = {name: ET.parse(tmp_path / name) for name in ("feed.atom", "feed.fr.atom")}
    titles = {name: [one.text for one in feed.iterfind(".//a:title", ATOM)] for name, feed in feeds.items()}
    assert titles["feed.atom"] == [
        "#shareASM 2027: the newest posts", "Amina: Marked as sensitive", "Amina: A post without words",
    ]  # fmt: skip
    assert titles["feed.fr.atom"] == [
        "#shareASM 2027\u202f: les derniers messages",
        "Amina\u202f: Contenu sensible",
        "Amina\u202f: Un message sans texte",
    ]
    assert len({feed.findtext("a:id", namespaces=ATOM) for feed in feeds.values()}) == 2
    addresses = [link.attrib["href"] for link in feeds["feed.fr.atom"].iterfind(".//a:link", ATOM)]
    assert addresses[0] == f"{URL}feed.fr.atom"
    assert all(".fr.html" in address for address in addresses[1:])
    assert 'href="feed.fr.atom"' in (tmp_path / "index.fr.html").read_text("utf-8")
    english, french = (tmp_path / "recap.md").read_text("utf-8"), (tmp_path / "recap.fr.md").read_text("utf-8")
    assert "Wednesday, 3 February 2027 · #shareASM" in english
    assert "> *A post without words*" in english
    assert "mercredi 3 février 2027 · #shareASM" in french
    assert "## Entendu le matin" in french
    assert "> *Un message sans texte*" in french
    write_recap(arrange(replace(facts, campaign=replace(campaign, languages=("en",)))), tmp_path)
    assert not list(tmp_path.glob("*.fr.*")), "a language that is given up leaves nothing"


def test_a_question_and_its_answer_are_called_so_in_the_text() -> None:
    pair = PairPlan(Quotation("Why?"), Quotation("Because."))
    made = arrange(Facts(a_campaign(), story=StoryPlan(chapters=(ChapterPlan("One", show=(pair,)),), ahead="Soon.")))
    text = "".join(as_markdown(made, Edition("es", is_first=False)))
    assert "**Pregunta**\n\n> Why?\n\n**Respuesta**\n\n> Because." in text
    assert "## Lo que viene\n\nSoon." in text


# ---- the picture beside a link -----------------------------------------------------------------------------------------

POSTER = Poster(
    "#shareASM 2027: one day, many mines", "3 February 2027", (("2,150", "posts"),), "IIED", "#8a4b08", "#fdfcf9"
)


def test_the_picture_is_drawn_once_and_the_same_each_time(tmp_path: Path) -> None:
    first = draw(POSTER, tmp_path / "one")
    again = draw(POSTER, tmp_path / "one")
    other = draw(POSTER, tmp_path / "two")
    assert first == again == other
    assert (tmp_path / "one" / first.path).read_bytes() == (tmp_path / "two" / first.path).read_bytes()
    assert draw(replace(POSTER, title="Another"), tmp_path / "one").path != first.path
    with Image.open(tmp_path / "one" / first.path) as image:
        assert (image.format, image.size) == ("PNG", SIZE)


@pytest.mark.parametrize(
    "title", ["", "Kleinbergbaugenehmigungsverlängerungsantragsformular " * 6, "יום של כרייה", "小规模采矿"]
)
def test_any_title_beside_any_photograph_is_drawn(tmp_path: Path, title: str) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(a_picture())
    file = draw(replace(POSTER, title=title, photo=photo), tmp_path)
    with Image.open(tmp_path / file.path) as image:
        assert image.getpixel((1150, 300)) != image.getpixel((500, 20)), "the photograph stands on the right"


@pytest.mark.parametrize(
    ("title", "numbers"),
    [
        ("Kleinbergbaugenehmigungsverlängerungsantragsformularausfüllhilfenverzeichnis", (("2,150", "posts"),)),
        ("One day " * 40, (("102,150", "publications"), ("20,442", "comptes"), ("114", "langues"))),
    ],
)
def test_no_word_of_the_picture_runs_into_the_photograph(
    tmp_path: Path, title: str, numbers: tuple[tuple[str, str], ...]
) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (600, 600), POSTER.paper).save(photo)
    file = draw(replace(POSTER, title=title, numbers=numbers, photo=photo), tmp_path)
    with Image.open(tmp_path / file.path) as image:
        right = image.convert("RGB").crop((SIZE[0] * 3 // 5 - 40, 0, *SIZE))
        assert right.getcolors() == [(right.width * right.height, (253, 252, 249))]


def test_a_sign_that_no_font_has_takes_nothing_else_of_the_title_with_it(tmp_path: Path) -> None:
    bare, signed = (
        draw(replace(POSTER, title=title), tmp_path).path for title in ("One day", "One day \U0010fffd\U0010fffc")
    )
    with Image.open(tmp_path / bare) as one, Image.open(tmp_path / signed) as other:
        assert one.tobytes() == other.tobytes()


def test_of_a_photograph_that_is_cut_the_point_that_was_named_is_seen(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    wide = Image.new("RGB", (3000, 600), "#ffffff")
    wide.paste("#c00000", (0, 0, 300, 600))
    wide.save(photo)
    seen = {}
    for focus in (None, (-1.0, 0.0)):
        with Image.open(tmp_path / draw(replace(POSTER, photo=photo, focus=focus), tmp_path).path) as image:
            seen[focus] = image.getpixel((750, 300))
    assert seen == {None: (255, 255, 255), (-1.0, 0.0): (192, 0, 0)}


def test_the_picture_of_before_goes_when_the_numbers_change(tmp_path: Path) -> None:
    folder, kept = tmp_path / "recap", tmp_path / "kept"
    made = recap(Facts(a_campaign(), posts=[shown(a_post("1"))]))
    write_recap(replace(made, share=draw(POSTER, kept)), folder, pictures=kept)
    write_recap(replace(made, share=draw(replace(POSTER, date="today"), kept)), folder, pictures=kept)
    assert len(list((folder / "media").glob("share-*"))) == 1
    assert BLUESKY in {item.ref.network for item in made.items}
