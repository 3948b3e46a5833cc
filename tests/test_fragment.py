"""The fragment for WordPress: its sanitiser takes nothing from it, and nothing in it means anything to what reads on."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from browser.hostile import as_fields, as_html
from recap_day import a_campaign, a_day, a_picture, a_post, shown
from shareasm.domain.campaigns import Publication
from shareasm.domain.chapters import Chapter, Passage
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.posts import Media, MediaKind, Post
from shareasm.domain.recaps import Facts, Recap, StoryChapter, arrange
from shareasm.domain.stories import Quotation
from shareasm.pictures import keep
from shareasm.render.fragment import fragment, left_out_pictures_count
from shareasm.render.pages import editions

URL = "https://iied.example/shareasm-2027/"

EVERYWHERE = {"id", "class", "lang", "dir", "style"}
KEPT: dict[str, set[str]] = {name: set() for name in (
    "article", "b", "blockquote", "code", "del", "details", "div", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "li", "p", "pre", "rp", "rt", "ruby", "s", "section", "span", "strong", "summary", "u", "ul", "br",
)} | {"a": {"href", "rel"}, "img": {"src", "alt", "width", "height", "loading"}, "ol": {"start"}}  # fmt: skip
"""What the fragment may use of the tags and attributes that `wp_kses_post` keeps (its wp-includes/kses.php, 6.1 to 6.9)."""
STYLES = {"margin", "padding", "border-left", "font-size", "max-width", "height"}
"""Properties that its `safecss_filter_attr` keeps, of those that we use."""

HOSTILE_TO_WORDPRESS = (
    "<p>[gallery ids=1] [[embed]]</p>",
    "<p>https://video.example/watch</p>",
    "<p>one</p><p>https://video.example/a<br>https://video.example/b</p>",
    '<p><a href="https://video.example/?a[]=[embed]">[embed]https://video.example/[/embed]</a></p>',
    "<p>&lt;!-- wp:html --&gt;&lt;script&gt;pwn()&lt;/script&gt;</p>",
    '<pre>one\n[gallery]\n\nhttps://video.example/</pre><p>it\'s "quoted" -- and --more [/caption]</p>',
)  # fmt: skip


class _Used(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: dict[str, set[str]] = {}
        self.styles: set[str] = set()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.setdefault(tag, set()).update(name for name, _ in attrs)
        styles = [value or "" for name, value in attrs if name == "style"]
        self.styles |= {one.partition(":")[0].strip() for style in styles for one in style.split(";")}
        if tag not in {"br", "img", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def told(posts: Iterable[Post], url: str | None = URL) -> Recap:
    """A story that shows every one of `posts`."""
    campaign = a_campaign(publication=Publication(url=url))
    covered = [shown(post, number, is_covered=bool(post.content_warning)) for number, post in enumerate(posts)]
    made = arrange(Facts(campaign, posts=covered))
    return replace(made, chapters=(StoryChapter("chapter-1", Chapter("All", tuple(map(Passage, made.items)))),))


def assert_it_is_kept(page: str) -> None:
    used = _Used(page)
    assert used.open == []
    for tag, attributes in used.tags.items():
        assert tag in KEPT
        assert attributes <= EVERYWHERE | KEPT[tag], tag
    assert used.styles <= STYLES


def a_published_day() -> Recap:
    made = arrange(a_day())
    return replace(made, campaign=replace(made.campaign, publication=Publication(url=URL)))


def test_it_uses_only_what_the_sanitiser_keeps_and_every_inner_link_leads_somewhere() -> None:
    page = fragment(a_published_day())
    assert_it_is_kept(page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r' id="([^"]+)"', page))
    assert len(page.encode()) < 500_000


def test_no_word_of_a_stranger_means_anything_to_what_reads_the_body_on() -> None:
    page = fragment(told(a_post(str(n), html) for n, html in enumerate(HOSTILE_TO_WORDPRESS)))
    assert_it_is_kept(page)
    assert "[" not in page
    assert not re.search(r"(^|>)\s*https?://", page)
    assert "&#91;gallery ids=1&#93;" in page
    assert "<pre>one&#10;&#91;gallery&#93;&#10;" in page


def test_a_line_ends_between_blocks_only() -> None:
    blocks = r"</?(article|blockquote|details|div|figcaption|figure|h2|li|ol|p|pre|section|summary|ul)\b[^>]*>"
    page = re.sub(r"<pre>.*?</pre>", "", fragment(a_published_day()), flags=re.DOTALL)
    for line in page.splitlines():
        assert re.match(blocks, line), line
        assert re.search(rf"{blocks}$|<img [^>]*>$", line), line


def test_pictures_have_the_public_address_and_without_one_are_left_out_and_counted(tmp_path: Path) -> None:
    kept = keep(a_picture(), tmp_path)
    assert isinstance(kept, KeptPicture)
    where = "https://cdn.example/x.jpg"
    post = a_post("1", media=(Media(MediaKind.IMAGE, where, "Hills"),))
    day = Facts(a_campaign(publication=Publication(url=URL)), posts=[shown(post, pictures={where: kept})])
    page = fragment(arrange(day))
    assert f'<img src="{URL}media/' in page
    assert left_out_pictures_count(arrange(day)) == 0
    nowhere = arrange(replace(day, campaign=a_campaign()))
    assert "<img" not in fragment(nowhere)
    assert "Hills" in fragment(nowhere), "its description stands there"
    assert left_out_pictures_count(nowhere) == 1


def test_a_quotation_stands_with_its_name(tmp_path: Path) -> None:
    said = Quotation("We were asked.", name="Ama", role="miner", link="https://a.example/1")
    made = replace(told([]), chapters=(StoryChapter("chapter-1", Chapter("All", (said,))),))
    assert_it_is_kept(fragment(made))
    assert ">Ama</span></strong>, " in fragment(made)


def test_in_another_language_it_speaks_that_and_leads_to_the_published_recap_in_the_others() -> None:
    made = a_published_day()
    page = fragment(made, editions(made.campaign.languages)[1])
    assert_it_is_kept(page)
    assert 'lang="fr" dir="ltr"' in page
    assert (
        f'<a href="{URL}index.html" lang="en">English</a> · <a href="{URL}index.es.html" lang="es">Español</a>' in page
    )
    assert f'<a href="{URL}index.fr.html#method">' in page
    assert 'lang="en">English' not in fragment(arrange(a_day()), editions(("en", "fr"))[1]), "they have no address"


@pytest.mark.shared
def test_every_hostile_post_of_the_corpus_is_words(shared: Path) -> None:
    page = fragment(told([*as_html(shared), *as_fields(shared)]))
    assert_it_is_kept(page)
    assert not re.search(r"<(script|iframe|style|svg|form|object)\b", page)


# ---- WordPress's own word ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wordpress() -> Path:
    """The WordPress of this machine, of Debian's package or at $WORDPRESS."""
    folder = Path(os.environ.get("WORDPRESS", "/usr/share/wordpress"))
    if not shutil.which("php") or not (folder / "wp-includes/kses.php").is_file():
        pytest.skip(
            "no php with WordPress is here (Debian: php-cli and wordpress, or WORDPRESS=folder); the list above stands in"
        )
    return folder


def read_on(page: str, wordpress: Path, data: Path) -> dict[str, object]:
    script = data / "wordpress" / "read_on.php"
    ended = subprocess.run(
        ["php", script, wordpress], input=page, capture_output=True, text=True, check=True, timeout=60
    )
    said: dict[str, object] = json.loads(ended.stdout)
    return said


def test_wordpress_itself_leaves_it_as_it_is(wordpress: Path, data: Path) -> None:
    for made in (a_published_day(), told(a_post(str(n), html) for n, html in enumerate(HOSTILE_TO_WORDPRESS))):
        page = fragment(made)
        said = read_on(page, wordpress, data)
        assert said["kept"] == re.sub(r"&#(\d\d);", r"&#0\1;", page), "entities are spelled with three digits there"
        assert said["called"] == said["embeds"] == []
        assert said["breaks"] == page.count("<br>"), "it adds none"


@pytest.mark.shared
def test_wordpress_itself_reads_hostile_posts_as_words(wordpress: Path, data: Path, shared: Path) -> None:
    page = fragment(told([*as_html(shared), *as_fields(shared)]))
    said = read_on(page, wordpress, data)
    assert _words(str(said["kept"])) == _words(page)
    assert said["called"] == said["embeds"] == []


def _words(page: str) -> list[str]:
    return re.findall(r"<[^>]*>", page)
