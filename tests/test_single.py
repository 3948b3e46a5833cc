"""The recap as one file: nothing beside it is needed, and every post stands in it once."""

import re
from pathlib import Path

import pytest

from recap_day import a_campaign, a_day, a_picture, a_post, shown
from shareasm.domain.campaigns import EarlierEdition, Publication
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.posts import Media, MediaKind
from shareasm.domain.recaps import Facts, arrange
from shareasm.domain.stories import ChapterPlan, StoryPlan
from shareasm.pictures import keep
from shareasm.render import render_page
from shareasm.render.pages import editions
from shareasm.render.single import single_page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_post_stands_in_it_once_and_every_link_within_it_leads_somewhere(tmp_path: Path, language: str) -> None:
    recap = arrange(a_day())
    edition = next(one for one in editions(recap.campaign.languages) if one.language == language)
    page = single_page(recap, tmp_path, edition=edition)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {item.anchor for item in recap.items} <= set(ids)
    inner = set(re.findall(r'href="#([^"]+)"', page))
    assert inner <= set(ids)
    assert not re.search(r'(?:href|src)="(?!https?://|#|data:|mailto:)', page), "nothing lies beside it"


def test_style_and_pictures_come_with_it_and_nothing_else_is_let_in(tmp_path: Path) -> None:
    kept = keep(a_picture(), tmp_path)
    assert isinstance(kept, KeptPicture)
    where = "https://cdn.example/x.jpg"
    words = '<p>&lt;img src="media/x.webp"&gt; src="media/x.webp" #shareASM</p>'
    post = a_post("1", words, media=(Media(MediaKind.IMAGE, where, "Hills"),))
    campaign = a_campaign(publication=Publication("https://iied.example/"))
    page = single_page(arrange(Facts(campaign, posts=[shown(post, pictures={where: kept})])), tmp_path)
    assert '<img src="data:image/webp;base64,' in page
    assert "srcset" not in page
    assert "style-src 'sha256-" in page
    assert "&lt;img src=" in page, "a stranger's words are words"


def test_a_logo_of_any_shape_comes_with_it(tmp_path: Path) -> None:
    for size in ((900, 200), (200, 900)):
        logo = keep(a_picture(size=size), tmp_path)
        assert isinstance(logo, KeptPicture)
        assert re.search(
            r'<img class="logo[^"]*" src="data:', single_page(arrange(Facts(a_campaign(), logo=logo)), tmp_path)
        )


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [("https://iied.example/day/", "https://iied.example/day/earlier/2015/index.html"), (None, None)],
)
def test_an_old_day_that_lies_beside_the_recap_is_led_to_where_that_is_public(
    tmp_path: Path, url: str | None, leads_to: str | None
) -> None:
    old = EarlierEdition("The first day", 2015, "earlier/2015/index.html")
    recap = arrange(Facts(a_campaign(earlier=(old,), publication=Publication(url))))
    page = single_page(recap, tmp_path)
    assert "The first day" in page
    assert re.findall(r'href="([^"]*earlier[^"]*)"', page) == ([leads_to] if leads_to else [])
    assert 'href="earlier/2015/index.html"' in render_page(
        "recap/index.html", recap=recap, parts=(), editions=editions(["en"])
    )


def test_a_story_that_tells_all_has_no_rest(tmp_path: Path) -> None:
    assert 'id="whole-day"' not in single_page(arrange(Facts(a_campaign())), tmp_path)


def test_for_paper_the_story_stands_alone(tmp_path: Path) -> None:
    recap = arrange(a_day())
    story = single_page(recap, tmp_path, sheet="A4")
    assert "whole-day" not in story
    assert len(story) < len(single_page(recap, tmp_path))


@pytest.mark.parametrize("url", [None, "https://www.iied.example/shareasm-2027/"])
def test_on_paper_a_link_leads_to_a_post_there_or_to_the_published_day(tmp_path: Path, url: str | None) -> None:
    urls = [f"https://x.example/{n}.jpg" for n in range(3)]
    kept = {where: keep(a_picture(hue), tmp_path) for hue, where in enumerate(urls, start=20)}
    said = [a_post(where[-5], "<p>Look</p>", media=(Media(MediaKind.IMAGE, where, "Hills"),)) for where in urls]
    story = StoryPlan(chapters=(ChapterPlan("Words alone", "Nothing else.", ()),))  # the pictures are in the gallery
    posts = [shown(post, pictures=kept) for post in said]
    recap = arrange(Facts(a_campaign(publication=Publication(url=url)), posts=posts, story=story))
    page = single_page(recap, tmp_path, sheet="A5")
    assert 'href="#p-' not in page
    assert [f'href="{url}day-1.html#{item.anchor}"' in page for item in recap.items] == [bool(url)] * 3


def test_in_another_language_it_speaks_that_and_leads_to_the_others(tmp_path: Path) -> None:
    recap = arrange(a_day())
    french = editions(recap.campaign.languages)[1]
    page = single_page(
        recap, tmp_path, edition=french, beside={"en": "day.html", "fr": "day.fr.html", "es": "day.es.html"}
    )
    assert '<html lang="fr"' in page
    assert 'href="day.html">English</a>' in page
    assert 'href="day.fr.html" aria-current="page">Français</a>' in page
    assert 'rel="alternate" hreflang' not in page, "nobody finds a file by an address that it has not"


@pytest.mark.parametrize(("sheet", "is_small"), [("", False), ("A4", False), ("A5", True)])
def test_paper_of_a_kind_is_asked_for_where_it_is_printed_by_us(tmp_path: Path, sheet: str, is_small: bool) -> None:
    page = single_page(arrange(Facts(a_campaign())), tmp_path, sheet=sheet)
    assert re.findall(r"@page \{ size: (\w+);", page) == ([sheet] if sheet else [])
    assert ("@media print and (max-width: 160mm)" not in page) == is_small, "who prints on A5 by hand has a booklet too"
