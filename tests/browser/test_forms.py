"""The recap's other forms in a real browser: hostile posts are words in the one file and in the fragment too."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from browser.hostile import as_fields, as_html, with_neighbours
from browser.test_recap_pages import _POKE_EVERYTHING
from recap_day import a_campaign
from shareasm.domain.campaigns import Publication
from shareasm.domain.chapters import Chapter, Passage
from shareasm.domain.recaps import Facts, StoryChapter, arrange
from shareasm.render.fragment import fragment
from shareasm.render.single import single_page

pytestmark = pytest.mark.browser

NEIGHBOURS = 100  # at least, that must be found whole

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A blog</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self'">
</head><body><main id="body">{fragment}</main><p id="after">The blog goes on.</p></body></html>"""


@pytest.fixture(scope="module")
def forms(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every hostile post in the one file, and in a fragment on a page of somebody else's."""
    folder = tmp_path_factory.mktemp("forms")
    campaign = a_campaign(languages=("en",), publication=Publication(url="https://iied.example/day/"))
    made = arrange(Facts(campaign, posts=with_neighbours([*as_html(shared), *as_fields(shared)])))
    (folder / "single.html").write_text(single_page(made, folder), encoding="utf-8")
    told = replace(made, chapters=(StoryChapter("chapter-1", Chapter("All", tuple(map(Passage, made.items)))),))
    (folder / "fragment.html").write_text(PAGE.replace("{fragment}", fragment(told)), "utf-8")
    return folder


@pytest.mark.shared
@pytest.mark.parametrize("keeps_policy", [True, False])
@pytest.mark.parametrize("form", ["single.html", "fragment.html"])
def test_hostile_posts_are_words_and_their_neighbours_are_whole(
    forms: Path, serve: Callable[[Path], str], watch: Callable[..., Any], form: str, keeps_policy: bool
) -> None:
    address = serve(forms) + form
    with watch(address, keeps_policy=keeps_policy) as watched:
        watched.page.evaluate(_POKE_EVERYTHING)
        watched.page.wait_for_load_state("networkidle")
        assert watched.fired() == []
        assert watched.strange == []
        assert watched.said == []
        assert watched.page.url == address
        whole = "all => all.filter((one) => /^neighbour \\d+ is whole$/.test(one.textContent)).length"
        assert watched.page.locator("article p").evaluate_all(whole) > NEIGHBOURS
        assert watched.page.locator("script, iframe, object, form, svg script").count() == 0
        if form == "fragment.html":
            assert watched.page.locator("body > #after").count() == 1, "nothing of a post ends the page around it"
