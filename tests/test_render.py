"""Recap → files: what is written, what is left alone, and that a page is valid, closed to the outside, and never half there."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import html5lib
import pytest

from recap_day import (
    A_STORY,
    OURS,
    OURS_TOO,
    a_campaign,
    a_day,
    a_picture,
    a_post,
    a_slot,
    an_account,
    an_entry,
    at,
    shown,
)
from shareasm.domain.campaigns import Look
from shareasm.domain.colours import contrast
from shareasm.domain.moderation import Reason
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.posts import Card, Media, MediaKind, Network, Post, SafeHtml
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.schedules import Picture, Schedule
from shareasm.domain.stories import StoryPlan
from shareasm.errors import ConfigError, StorageError
from shareasm.pictures import keep
from shareasm.render import Written, pages, render_page, write_recap
from shareasm.render.files import write_file
from shareasm.render.pages import Edition, editions
from shareasm.render.speech import Speech
from shareasm.render.words import host, name_of
from shareasm.resources import template_folder

GUEST = an_account("guest.example", "Guest")


def written_pages(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.html"))}


def told(*posts: object, **changes: object) -> Recap:
    held = [shown(post, number) for number, post in enumerate(posts, start=1)]  # type: ignore[arg-type]
    return arrange(replace(Facts(a_campaign(), posts=held), **changes))  # type: ignore[arg-type]


def a_small_day() -> Recap:
    """A day that fits a golden file: a highlight with an answer, a covered post, one in Arabic, a hostile name."""
    slot = a_slot("welcome", partner="iied")
    root = a_post("welcome", "<p>What would make your work safer? #shareASM</p>", by=OURS)
    answer = a_post(
        "a1",
        "<p>Boots that fit.</p>",
        by=an_account("chinara.example", "Chinara"),
        reply_to=root.ref,
        created_at=at("09:06"),
    )
    arabic = a_post(
        "ar", "<p>صباح الخير #shareASM</p>", by=an_account("salma@arabic.example", "سلمى", network=Network.MASTODON),
        languages=("ar",), created_at=at("10:00"),
    )  # fmt: skip
    covered = a_post(
        "cw", by=an_account("guest.example", "<b>Guest</b>"), content_warning="A fall", created_at=at("11:00")
    )
    posts = [shown(root, 1), shown(answer, 2), shown(arabic, 3), shown(covered, 4, is_covered=True)]
    return arrange(
        Facts(
            a_campaign(), Schedule((slot,)), None, [an_entry(slot, root)], posts, {Reason.GONE: 1}, checked_at=at("22:02")
        )
    )  # fmt: skip


# ---- pages -------------------------------------------------------------------------------------------------------------


def test_the_pages_are_the_golden_ones(tmp_path: Path, data: Path) -> None:
    """After a wanted change: SHAREASM_WRITE_GOLDEN=1, look at the difference, commit it."""
    write_recap(a_small_day(), tmp_path)
    golden = data / "recap"
    for name in ("index.html", "day-1.html", "recap.css"):
        if os.environ.get("SHAREASM_WRITE_GOLDEN"):
            (golden / name).write_bytes((tmp_path / name).read_bytes())
        assert (tmp_path / name).read_text() == (golden / name).read_text()


@pytest.mark.parametrize("story", [None, A_STORY, StoryPlan(title="Only a title")])
def test_every_page_is_valid_html(tmp_path: Path, story: StoryPlan | None) -> None:
    write_recap(arrange(a_day(story=story)), tmp_path)
    for text in written_pages(tmp_path).values():
        html5lib.HTMLParser(strict=True).parse(text)


def test_the_page_of_an_empty_day_is_valid_and_says_so(tmp_path: Path) -> None:
    write_recap(told(), tmp_path)
    (text,) = written_pages(tmp_path).values()
    html5lib.HTMLParser(strict=True).parse(text)
    assert "Nothing has been said under #shareASM" in text


class Tags(HTMLParser):
    """Collects every tag with its attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(folder: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    for text in written_pages(folder).values():
        yield from Tags(text).found


def test_no_page_has_a_script_an_inline_style_or_anything_from_elsewhere(tmp_path: Path) -> None:
    write_recap(arrange(a_day(story=A_STORY)), tmp_path)
    for tag, attributes in tags(tmp_path):
        assert tag not in {"script", "style", "iframe", "object", "embed", "form", "base"}
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("src", "srcset", "poster", "data"):
            assert not re.search(r"https?:|//", attributes.get(name) or "")
        if tag == "link":
            assert re.fullmatch(r"[\w.-]+", attributes["href"] or "")
        if tag == "a":
            assert re.match(r"(https?://|mailto:|#|(index|day-\d+(-\d+)?)(\.(fr|es))?\.html)", attributes["href"] or "")


def test_links_of_strangers_say_that_they_are_strangers(tmp_path: Path) -> None:
    write_recap(told(a_post("x", by=GUEST)), tmp_path)
    for tag, attributes in tags(tmp_path):
        if tag == "a" and "bsky.example" in (attributes["href"] or ""):
            assert set((attributes["rel"] or "").split()) == {"nofollow", "noopener", "ugc"}


def test_each_id_stands_once_on_a_page_and_each_local_link_leads_somewhere(tmp_path: Path) -> None:
    write_recap(arrange(a_day(story=A_STORY)), tmp_path)
    written = written_pages(tmp_path)
    places: dict[str, set[str | None]] = {}
    for name, text in written.items():
        ids = [attributes["id"] for _, attributes in Tags(text).found if "id" in attributes]
        assert len(ids) == len(set(ids)), name
        places[name] = set(ids)
    for name, text in written.items():
        for tag, attributes in Tags(text).found:
            target = attributes.get("href") or ""
            if tag == "a" and not re.match(r"https?:|mailto:", target):
                file, _, place = target.partition("#")
                assert not place or place in places[file or name], (name, target)
            if "aria-labelledby" in attributes:
                assert set((attributes["aria-labelledby"] or "").split()) <= places[name]


def test_a_post_speaks_its_own_language_and_direction(tmp_path: Path) -> None:
    write_recap(a_small_day(), tmp_path)
    assert ("div", {"class": "words", "lang": "ar", "dir": "auto"}) in list(tags(tmp_path))


def test_a_page_that_is_no_part_of_a_recap_leads_to_none_of_its_pages() -> None:
    one = a_post("one")
    two = a_post("two", quote=one.ref, quote_url=one.url, created_at=at("09:30"))
    recap = told(one, two, a_post("three", reply_to=one.ref, is_reply=True, created_at=at("09:40")))
    page = render_page("web/sofar.html", recap=recap, items=recap.items, is_all=True, now=at("10:00"))
    html5lib.HTMLParser(strict=True).parse(page)
    assert "day-" not in page
    assert f'<a href="{one.url}" rel="nofollow noopener ugc">' in page


def test_what_was_said_without_the_hashtag_says_so(tmp_path: Path) -> None:
    one = a_post("one")
    answer = shown(a_post("two", reply_to=one.ref, is_reply=True, created_at=at("10:00")), 2, without_tag=True)
    write_recap(arrange(Facts(a_campaign(), posts=[shown(one), answer])), tmp_path)
    written = written_pages(tmp_path)
    assert written["day-1.html"].count("without the hashtag") == 1
    assert "1 post answers or quotes another without the hashtag" in written["index.html"]


def test_a_covered_post_is_folded_and_its_pictures_are_left_out(tmp_path: Path) -> None:
    media = (Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", "Something"),)
    post = a_post("cw", content_warning="A fall", media=media)
    write_recap(arrange(Facts(a_campaign(), posts=[shown(post, is_covered=True)])), tmp_path)
    text = written_pages(tmp_path)["index.html"]
    assert '<details class="covered">' in text
    assert "A fall" in text
    assert "1 attachment left out" in text
    assert "<img" not in text


def test_a_post_without_words_says_so_where_nothing_else_of_it_stands(tmp_path: Path) -> None:
    media = (Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", "Hills"),)
    write_recap(told(a_post("bare", ""), a_post("pictured", "", media=media, created_at=at("10:00"))), tmp_path)
    assert written_pages(tmp_path)["day-1.html"].count('<p class="left-out">A post without words</p>') == 1


def test_copies_in_other_languages_stand_together_by_language(tmp_path: Path) -> None:
    slot = a_slot("welcome")
    sent = [
        (language, a_post(f"{language}-{by.network}", by=by, languages=(language,), created_at=at("09:00")))
        for language in ("en", "fr", "es")
        for by in (OURS, OURS_TOO)
    ]
    entries = [an_entry(slot, post, language=language) for language, post in sent]
    day = told(*(post for _, post in sent), entries=entries, schedule=Schedule((slot,)))
    write_recap(day, tmp_path)
    text = written_pages(tmp_path)["index.html"]
    copies = re.search(r'<span class="copies">(.*?)</span></span>', text, re.DOTALL)
    assert copies
    words = " ".join(re.sub(r"<[^>]*>", "", copies[1]).split())
    assert words == "Also: Mastodon; Spanish: Bluesky, Mastodon; French: Bluesky, Mastodon"
    assert 'aria-label="French on Bluesky"' in copies[1]


def test_on_the_page_of_another_language_our_own_posts_lead_in_it_and_links_to_both_hold(tmp_path: Path) -> None:
    recap = arrange(a_day())
    write_recap(recap, tmp_path)
    french = next(item for item in recap.items if item.ref.uri.endswith("guide-fr"))
    english = next(item for item in recap.items if item.ref.uri.endswith("/guide"))
    pages = written_pages(tmp_path)
    assert f'<article class="post ours" id="{english.anchor}"' in pages["index.html"]
    assert f'id="{french.anchor}"' not in pages["index.html"]
    assert f'<article class="post ours" id="{french.anchor}"' in pages["index.fr.html"]
    assert f'<span id="{english.anchor}"></span>' in pages["index.fr.html"]
    assert f'<article class="post ours" id="{english.anchor}"' in pages["index.es.html"], "it did not go out in Spanish"
    for name, page in pages.items():
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids)), name
    assert "Un guide de sécurité" in (tmp_path / "recap.fr.md").read_text("utf-8")
    assert "Un guide de sécurité" not in (tmp_path / "recap.md").read_text("utf-8")


def test_the_many_pages_of_an_hour_are_folded_away(tmp_path: Path) -> None:
    words = SafeHtml(f"<p>{'word ' * 54_000}</p>")  # as much as a page holds
    few, many = (told(*(replace(a_post(str(one)), html=words) for one in range(count))) for count in (3, 13))
    for day, folder, said in ((few, tmp_path / "few", None), (many, tmp_path / "many", "13 pages")):
        write_recap(day, folder)
        story = written_pages(folder)["index.html"]
        [hour] = re.findall(r'<ol class="parts">(.*?)</ol>', story, re.DOTALL)
        assert re.findall(r"<summary>(.*?)</summary>", hour) == ([said] if said else [])
        assert len(re.findall(r'<a href="day-4[^"]*" aria-label', hour)) == len(day.items)


def test_a_missing_description_is_said_as_missing(tmp_path: Path) -> None:
    picture = keep(a_picture(), tmp_path / "kept")
    assert isinstance(picture, KeptPicture)
    media = (Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", None),)
    held = shown(a_post("x", media=media), pictures={"https://cdn.example/x.jpg": picture})
    write_recap(arrange(Facts(a_campaign(), posts=[held])), tmp_path / "out", pictures=tmp_path / "kept")
    text = written_pages(tmp_path / "out")["index.html"]
    assert 'alt="Picture that its author gave no description"' in text
    assert "No description was given." in text


def test_where_a_picture_is_cut_the_point_that_its_author_named_stays_in_view(tmp_path: Path) -> None:
    picture = keep(a_picture(), tmp_path / "kept")
    assert isinstance(picture, KeptPicture)
    url = "https://cdn.example/x.jpg"
    media = (Media(MediaKind.IMAGE, url, "Hills", focus=(-0.5, 1.0)), Media(MediaKind.IMAGE, url, "Hills again"))
    held = shown(a_post("x", media=media), pictures={url: picture})
    write_recap(arrange(Facts(a_campaign(), posts=[held])), tmp_path / "out", pictures=tmp_path / "kept")
    text = written_pages(tmp_path / "out")["day-1.html"]
    assert re.findall(r'alt="(Hills[^"]*)" lang="en"( class="[^"]*")?>', text) == [
        ("Hills", ' class="at-x2 at-y0"'),
        ("Hills again", ""),
    ]
    style = (tmp_path / "out" / "recap.css").read_text()
    assert ".at-x2 { --at-x: 20%; } .at-y2 { --at-y: 20%; }" in style


def test_a_cover_that_no_post_shows_leads_the_page_with_its_words_in_each_language(tmp_path: Path) -> None:
    picture = keep(a_picture(), tmp_path / "kept")
    assert isinstance(picture, KeptPicture)
    story = StoryPlan(cover=Picture("hills.jpg", {"en": "Hills", "fr": "Des collines"}, "Ama", "CC0 1.0"))
    campaign = a_campaign(languages=("en", "fr", "es"))
    recap = arrange(Facts(campaign, story=story, cover=picture, posts=[shown(a_post("x"))]))
    write_recap(recap, tmp_path / "out", pictures=tmp_path / "kept")
    pages = written_pages(tmp_path / "out")
    found = {name: re.search(r'<figure class="cover">.*?</figure>', pages[name], re.DOTALL) for name in pages}
    said = {name: one[0] for name, one in found.items() if one}
    assert 'alt="Hills" lang="en">' in said["index.html"]
    assert 'alt="Des collines" lang="fr">' in said["index.fr.html"]
    assert 'alt="Hills" lang="en">' in said["index.es.html"]
    assert all("Ama · CC0 1.0" in page and "<a " not in page for page in said.values())
    assert (tmp_path / "out" / picture.largest.path).is_file()


def test_the_picture_of_a_card_and_the_logo_are_copied_beside_the_page(tmp_path: Path) -> None:
    picture, logo = keep(a_picture(), tmp_path / "kept"), keep(a_picture(60, (400, 200)), tmp_path / "kept")
    assert isinstance(picture, KeptPicture)
    assert isinstance(logo, KeptPicture)
    card = Card("https://iied.example/x", "A report", image_url="https://cdn.example/card.jpg")
    held = shown(a_post("x", card=card), pictures={"https://cdn.example/card.jpg": picture})
    campaign = a_campaign(look=Look(logo="media/logo.png", logo_alt="IIED"))
    out = tmp_path / "out"
    write_recap(arrange(Facts(campaign, posts=[held], logo=logo)), out, pictures=tmp_path / "kept")
    text = written_pages(out)["index.html"]
    assert f'src="{logo.largest.path}"' in text
    assert 'alt="IIED"' in text
    assert {file.path for file in (*picture.files, *logo.files)} == {
        f"media/{path.name}" for path in (out / "media").iterdir()
    }


def test_a_picture_that_could_not_be_kept_leaves_its_description(tmp_path: Path) -> None:
    media = (Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", "A pond in an old pit"),)
    write_recap(told(a_post("x", media=media)), tmp_path)
    assert "A pond in an old pit" in written_pages(tmp_path)["index.html"]


def test_a_large_day_has_a_page_for_each_hour_that_leads_to_the_others(tmp_path: Path) -> None:
    write_recap(told(*_a_large_day(450)), tmp_path)
    written = written_pages(tmp_path)
    assert set(written) == {"index.html", "day-3.html", "day-4.html", "day-4-2.html", "day-5.html"}
    assert [written[f"day-{page}.html"].count("<article") for page in ("3", "4", "4-2", "5")] == [120, 200, 10, 120]
    assert 'rel="next" href="day-4-2.html"' in written["day-4.html"]
    assert 'rel="prev" href="day-4.html"' in written["day-4-2.html"]
    assert all(len(text.encode()) < 300_000 for text in written.values())


def test_a_post_that_goes_moves_none_of_another_hour(tmp_path: Path) -> None:
    posts = _a_large_day(450)
    write_recap(told(*posts), tmp_path)
    before = written_pages(tmp_path)
    write_recap(told(*(post for post in posts if post.created_at != at("08:00"))), tmp_path)
    after = written_pages(tmp_path)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"day-3.html", "index.html"}


def test_pages_of_long_posts_stay_light(tmp_path: Path) -> None:
    words = "<p>" + "Сколько весит слово? " * 140 + "</p>"
    posts = [
        replace(post, html=SafeHtml(words), text="long")
        for post in _a_large_day(150, name="Д" * 60)
    ]  # fmt: skip
    write_recap(told(*posts), tmp_path)
    days = [len(text.encode()) for name, text in written_pages(tmp_path).items() if name.startswith("day-")]
    assert len(days) > 2
    assert max(days) < 300_000


def _a_large_day(size: int, name: str = "") -> list[Post]:
    """Posts from 08:00 on, every 30 seconds; in the second hour nearly twice as many."""
    return [
        a_post(
            f"{number}", by=an_account(f"a{number}.example", name),
            created_at=at("08:00") + timedelta(seconds=number * 30 if number < 120 else _second_hours(number)),
        )
        for number in range(size)
    ]  # fmt: skip


def _second_hours(number: int) -> int:
    return 3600 + (number - 120) * 17 if number < 330 else 7200 + (number - 330) * 30


@pytest.mark.parametrize("accent", [None, "#ffee00", "#101010", "#8a4b08"])
def test_words_and_marks_can_be_told_from_their_ground_in_both_themes(tmp_path: Path, accent: str | None) -> None:
    write_recap(arrange(Facts(a_campaign(look=Look(accent=accent)))), tmp_path)
    style = (tmp_path / "recap.css").read_text().partition("@media print")[0]
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    )
    for theme in (light, dark):
        for ground in (theme["paper"], theme["raised"]):
            assert min(contrast(theme[name], ground) for name in ("ink", "quiet", "accent")) >= 4.5
        assert contrast(theme["bar"], theme["paper"]) >= 3


# ---- files -------------------------------------------------------------------------------------------------------------


def test_the_same_recap_gives_the_same_bytes_and_writes_nothing_again(tmp_path: Path) -> None:
    first = write_recap(arrange(a_day(story=A_STORY)), tmp_path)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()}
    again = write_recap(arrange(a_day(story=A_STORY)), tmp_path)
    assert first.changed_count == first.file_count
    assert again == Written(tmp_path / "index.html", first.file_count, changed_count=0, removed_count=0)
    assert {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()
    } == before


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    write_recap(arrange(a_day(story=A_STORY)), tmp_path)
    changed = write_recap(arrange(a_day(story=replace(A_STORY, lede="Another lede."))), tmp_path)
    assert changed.changed_count == 6, "the story, as a page and as text in three languages"


def test_files_of_an_earlier_recap_go_and_a_person_s_files_stay(tmp_path: Path) -> None:
    picture = keep(a_picture(), tmp_path / "kept")
    assert isinstance(picture, KeptPicture)
    media = (Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", "Hills"),)
    held = shown(a_post("x", media=media), pictures={"https://cdn.example/x.jpg": picture})
    out = tmp_path / "out"
    write_recap(arrange(Facts(a_campaign(), posts=[held])), out, pictures=tmp_path / "kept")
    (out / "notes.txt").write_text("mine")
    (out / "day-99.html").write_text("of a larger day")
    assert len(list((out / "media").iterdir())) == 2
    written = write_recap(told(a_post("y")), out)
    assert written.removed_count == 3
    assert (out / "notes.txt").read_text() == "mine"
    assert list((out / "media").iterdir()) == []


def test_a_page_is_never_half_there(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_file(page, ["whole"])

    def broken() -> Iterator[str]:
        yield "half" * 100_000
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_file(page, broken())
    assert page.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [page]


def test_what_somebody_who_was_stopped_left_half_written_goes_an_hour_later(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    left, fresh = tmp_path / ".recap.json.7-00ff00ff", tmp_path / ".index.html.7-00ff00ff"
    picture, theirs = tmp_path / "media" / ".00ff-640.webp.7-00ff00ff", tmp_path / ".notes.txt.7-00ff00ff"
    for file in (left, picture, theirs, fresh):
        file.write_text("half")
    for file in (left, picture, theirs):
        os.utime(file, (0, 0))
    write_recap(arrange(Facts(a_campaign())), tmp_path)
    assert [file.exists() for file in (left, picture, theirs, fresh)] == [False, False, True, True]


def test_a_missing_template_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "template_folder", lambda: tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"the template recap/recap\.css is missing from .*nowhere"):
        write_recap(told(), tmp_path / "out")


def test_a_broken_template_names_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recap").mkdir()
    (tmp_path / "recap" / "recap.css").write_text("ok\n{% if %}")
    monkeypatch.setattr(pages, "template_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"templates/recap/recap\.css:2: the template does not work"):
        write_recap(told(), tmp_path / "out")


def test_a_disk_that_refuses_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="the recap cannot be written to"):
        write_recap(told(), tmp_path / "out")


def test_templates_mark_nothing_safe_but_html_that_the_domain_made() -> None:
    used = {
        found.strip()
        for path in template_folder().rglob("*.html")
        for found in re.findall(r"\{\{([^}]*?)\|\s*safe\b", path.read_text())
    }
    of_a_recap = {"post.html", "recap.lede", "recap.ahead", "block.markdown | narrate"}
    of_an_old_story = {"one.html", "story.lede", "block.html"}  # `story.storify` sanitised each
    assert used == of_a_recap | of_an_old_story


# ---- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Amina", "Amina"),
        ("", "a.example"),
        ("\u200b\u3164\u2800\u00ad", "a.example"),
        ("🙂", "🙂"),
        ("W" * 10_000, "W" * 79 + "…"),
    ],
)
def test_a_name_that_shows_nothing_gives_way_to_the_handle(name: str, expected: str) -> None:
    assert name_of(an_account("a.example", name)) == expected


def test_words_and_numbers_are_as_people_write_them() -> None:
    english = Speech("en")
    assert english.ngettext("%(num)s post", "%(num)s posts", 1) == "1 post"
    assert english.ngettext("%(num)s post", "%(num)s posts", 2150) == "2,150 posts"
    assert english.long_day(date(2027, 2, 3)) == "Wednesday, 3 February 2027"
    late = datetime(2027, 2, 3, 23, tzinfo=UTC)
    assert english.long_day(late, ZoneInfo("Asia/Ulaanbaatar")) == "Thursday, 4 February 2027"
    assert english.short_day(late, ZoneInfo("Asia/Ulaanbaatar")) == "4 Feb"
    assert english.city(ZoneInfo("Africa/Dar_es_Salaam")) == "Dar es Salaam time"
    assert english.city(ZoneInfo("UTC")) == "UTC"
    assert english.country("TZ") == "Tanzania"
    assert host("https://www.iied.example/a?b") == "iied.example"


def test_what_a_sentence_is_filled_with_is_text_whoever_wrote_it() -> None:
    english = Speech("en")
    assert english.gettext("See %(who)s", who="<b>Guest</b>") == "See &lt;b&gt;Guest&lt;/b&gt;"
    assert english.listed(["<i>", "b", "c"]) == "&lt;i&gt;, b and c"
    assert english.listed([]) == ""


@pytest.mark.parametrize(
    ("tag", "name"),
    [("fr", "French"), ("pt-BR", "Portuguese"), ("sw", "Swahili"), ("i-klingon", "i-klingon"), ("", "not declared")],
)
def test_languages_are_called_by_name_and_unknown_tags_stay(tag: str, name: str) -> None:
    assert Speech("en").language_name(tag) == name


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (("fr", "xx", "en"), [("fr", "index.html"), ("en", "index.en.html")]),
        (("xx",), [("en", "index.html")]),
        ((), [("en", "index.html")]),
    ],
)
def test_a_recap_comes_in_the_campaign_s_languages_that_we_speak_else_in_english(
    languages: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert [(one.language, one.index) for one in editions(languages)] == expected


def test_a_further_edition_lies_beside_the_first_under_its_own_names() -> None:
    (item,) = told(a_post("x")).items
    edition = Edition("fr", is_first=False)
    assert edition.index == "index.fr.html"
    assert edition.place(item) == f"day-1.fr.html#{item.anchor}"
