"""A post's article is made once and said in each language: it must be what it would be if it were made for that language."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from recap_day import OURS, a_campaign, a_post, a_slot, an_account, an_entry, at, shown
from shareasm.domain.items import Item
from shareasm.domain.posts import Card, Counts, Media, MediaKind, Poll, SafeHtml
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.schedules import Schedule
from shareasm.render.articles import KEPT_ARTICLES, UNSAID
from shareasm.render.pages import Edition, _environment, _speaking, editions
from shareasm.resources import template_folder

EDITIONS = editions(("en", "fr", "es"))


def a_day(*posts: Any, **changes: Any) -> Recap:
    held = [shown(post, number) for number, post in enumerate(posts, start=1)]
    return arrange(replace(Facts(a_campaign(languages=("en", "fr", "es")), posts=held), **changes))


def said(recap: Recap, item: Item, number: int, **how: Any) -> str:
    article: Any = _environment(template_folder(), EDITIONS[number]).globals["article"]
    return str(article(item, recap, **how))


@cache
def macro_in(edition: Edition) -> Any:
    template = _speaking(template_folder(), edition.speech, edition.place).get_template("post.html")
    return template.module.article  # type: ignore[attr-defined]


def made_for(recap: Recap, item: Item, number: int, **how: Any) -> str:
    """The article as the macro makes it where it speaks one language."""
    return str(macro_in(EDITIONS[number])(item, recap, **how))


def a_full_day() -> Recap:
    slot = a_slot("welcome", partner="iied")
    root = a_post("welcome", "<p>What would make your work safer? #shareASM</p>", by=OURS)
    answer = a_post("a1", "<p>Boots.</p>", by=an_account("chinara.example", "<Chinara & co>"), reply_to=root.ref)
    further = a_post("a2", "<p>And helmets.</p>", by=answer.author, reply_to=answer.ref, created_at=at("09:40"))
    rich = a_post(
        "rich",
        "<p>Look</p>",
        counts=Counts(replies=1, likes=2000, reposts=1, quotes=2),
        media=(
            Media(MediaKind.IMAGE, "https://x.example/1.png"),
            Media(MediaKind.VIDEO, "https://x.example/2", "a film"),
        ),
        poll=Poll((("gold", 3), ("tin", 1))),
        card=Card("https://iied.example/report", "A report"),
        content_warning="mining accident",
        edited_at=at("11:00"),
    )
    return a_day(root, answer, further, rich, schedule=Schedule((slot,)), entries=[an_entry(slot, root)])


@pytest.mark.parametrize("number", range(3))
def test_an_article_is_what_it_would_be_if_it_were_made_for_its_language(number: int) -> None:
    recap = a_full_day()
    for item in recap.items:
        for how in ({}, {"kind": "answer"}, {"is_alone": True}):
            assert said(recap, item, number, **how) == made_for(recap, item, number, **how)


def test_what_stands_under_a_post_is_said_by_its_page() -> None:
    recap = a_full_day()
    under = {"caller": lambda: Markup("<p>Un texte de la page.</p>")}
    assert said(recap, recap.items[0], 1, **under) == made_for(recap, recap.items[0], 1, **under)


@given(st.text(st.sampled_from("\x02\x03019abc"), max_size=30))
def test_no_words_of_a_stranger_look_like_a_place_for_ours(words: str) -> None:
    recap = a_day(a_post("x", SafeHtml(f"<p>{words}</p>"), by=an_account("who.example", words or "Who")))
    assert said(recap, recap.items[0], 1) == made_for(recap, recap.items[0], 1)


def test_another_recap_with_the_same_post_has_an_article_of_its_own() -> None:
    first = a_day(a_post("x"))
    [item] = first.items
    assert said(first, item, 0) == said(replace(first), item, 0)


def test_a_page_of_more_posts_than_are_kept_is_said_too() -> None:
    recap = a_day(*(a_post(f"{n}", by=an_account(f"a{n}.example")) for n in range(KEPT_ARTICLES + 5)))
    for item in (*recap.items, recap.items[0]):
        assert item.anchor in said(recap, item, 2)


def test_an_article_cannot_ask_in_which_language_it_is_said() -> None:
    with pytest.raises(AttributeError, match="several languages"):
        _ = UNSAID.language
