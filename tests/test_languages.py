"""The pages in other languages: every word of ours goes through a catalogue, and a catalogue says everything."""

import re
import shutil
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel import Locale
from babel.messages import Catalog
from babel.messages.pofile import write_po

from browser.full_day import a_full_day, keep_pictures
from shareasm.domain.recaps import Recap
from shareasm.render import pages, write_recap
from shareasm.render.catalogues import catalogue_of, ill_filled, lacking, languages, read_catalogue, sentences
from shareasm.render.pages import editions, render_page
from shareasm.resources import template_folder

TEMPLATES = template_folder()
CATALOGUES = sorted((TEMPLATES / "languages").glob("*.po"))


def in_brackets(templates: Path, language: str) -> None:
    """Write a catalogue in which each sentence is its own, in brackets."""
    catalogue = Catalog(locale=language, fuzzy=False)
    for message in sentences(TEMPLATES):
        if message.id:
            said = tuple(f"[[{one}]]" for one in message.id) if isinstance(message.id, tuple) else f"[[{message.id}]]"
            catalogue.add(message.id, said)
    (templates / "languages").mkdir(exist_ok=True)
    with (templates / "languages" / f"{language}.po").open("wb") as file:
        write_po(file, catalogue)


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Templates of our own, with a catalogue in Esperanto that puts brackets around what it says."""
    folder = tmp_path / "templates"
    shutil.copytree(TEMPLATES, folder)
    in_brackets(folder, "eo")
    monkeypatch.setattr(pages, "template_folder", lambda: folder)
    return folder


class Words(HTMLParser):
    """Collects the words of a page that are ours: not a post's, a person's, an address or a number."""

    THEIRS = (
        "words", "name", "handle", "card", "small-words", "said-by", "title", "work", "host", "tag", "lede", "date", "who",
    )  # fmt: skip

    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self._inside: list[bool] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        for name in ("alt", "aria-label", "title"):
            if attributes.get(name) and tag not in {"time", "img"}:
                self.found.append(attributes[name] or "")
        if tag not in {"meta", "link", "img", "br", "rect", "path", "use", "wbr"}:
            classes = set((attributes.get("class") or "").split())
            own = tag not in {"bdi", "time", "title", "style", "b"} and not {"lang", "dir"} & set(attributes)
            theirs = not own or bool(classes & set(self.THEIRS))
            self._inside.append((theirs and tag != "html") or (bool(self._inside) and self._inside[-1]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "link", "img", "br", "rect", "path", "use", "wbr"}:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._inside[-1]:
            self.found.append(data)


def bare(text: str) -> Iterator[str]:
    """Yield what stands outside of the brackets and has letters. A sentence that a link cuts in two has half of them here."""
    while (stripped := re.sub(r"\[\[[^\[\]]*\]\]", " ", text)) != text:
        text = stripped
    text = re.sub(r"\[\[[^\[\]]*$|^[^\[\]]*\]\]", " ", text)
    yield from (word for word in re.findall(r"[^\W\d_]{2,}", text))


PROPER = {
    "Bluesky", "Mastodon", "UTC", "IIED", "International", "Institute", "for", "Environment", "and", "Development",
    "shareASM", "CC", "BY", "JSON", "CSV", "Markdown", "Atom", "RSS", "kaj", "la",
}  # fmt: skip


def test_every_word_of_ours_goes_through_the_catalogue(templates: Path, tmp_path: Path) -> None:
    recap = a_full_day(keep_pictures(tmp_path / "kept"), languages=("en", "eo"))
    write_recap(recap, tmp_path / "out")
    allowed = PROPER | set(re.findall(r"[^\W\d_]{2,}", " ".join((*_words_of_the_team(recap), *_words_of_babel()))))
    for name in ("index.eo.html", "day-1.eo.html"):
        text = (tmp_path / "out" / name).read_text()
        assert 'lang="eo"' in text
        left = {word for one in Words(text).found for word in bare(one)} - allowed
        assert left == set(), (name, [one for one in Words(text).found if set(bare(one)) & left])


def _words_of_the_team(recap: Recap) -> Iterator[str]:
    campaign = recap.campaign
    yield from (partner.name for partner in campaign.partners)
    yield from (chapter.chapter.heading for chapter in recap.chapters)
    yield from (
        f"{one.organisation} {one.type} {' '.join(one.authors)}" for one in (*campaign.resources, *recap.reading)
    )
    yield from (*recap.from_to.before, *recap.from_to.after, recap.from_to.heading)
    yield from (
        f"{state.source.id} {state.problem} {' '.join(gap.reason for gap in state.gaps)}" for state in recap.sources
    )
    yield from (text for credit in recap.credits for text in credit.picture.alt.values())
    yield from (recap.title, *(edition.title for edition in campaign.earlier), "bsky social video example Esperanto")


def _words_of_babel() -> Iterator[str]:
    locale = Locale("eo")
    yield from (*locale.languages.values(), *locale.territories.values(), *locale.days["format"]["wide"].values())
    yield from (*locale.months["format"]["wide"].values(), "Londono")


def test_a_campaign_s_languages_lie_in_one_folder_and_lead_to_each_other(templates: Path, tmp_path: Path) -> None:
    recap = a_full_day(keep_pictures(tmp_path / "kept"), languages=("en", "eo", "xx"))
    written = write_recap(recap, tmp_path / "out")
    assert written.index.name == "index.html"
    assert {path.name for path in (tmp_path / "out").glob("*.html")} == {
        "index.html", "index.eo.html", "day-1.html", "day-1.eo.html",
    }  # fmt: skip
    for name, other in (("index.html", "index.eo.html"), ("index.eo.html", "index.html")):
        text = (tmp_path / "out" / name).read_text()
        assert (
            f'<a lang="{"eo" if "eo" in other else "en"}" hreflang="{"eo" if "eo" in other else "en"}" href="{other}"'
            in text
        )
        assert '<link rel="alternate" hreflang="eo" href="index.eo.html">' in text
    assert "day-1.eo.html#p-" in (tmp_path / "out" / "index.eo.html").read_text()
    assert "day-1.html#p-" not in (tmp_path / "out" / "index.eo.html").read_text()


def test_a_language_that_the_campaign_gives_up_leaves_no_page_behind(templates: Path, tmp_path: Path) -> None:
    kept = keep_pictures(tmp_path / "kept")
    write_recap(a_full_day(kept, languages=("en", "eo")), tmp_path / "out")
    written = write_recap(a_full_day(kept, languages=("en",)), tmp_path / "out")
    assert written.removed_count == 3, "the story as a page and as text, and the day"
    assert not list((tmp_path / "out").glob("*.eo.html"))


def test_a_catalogue_more_is_a_language_more(templates: Path) -> None:
    assert "eo" in languages(templates)
    assert [one.language for one in editions(("eo", "en"))] == ["eo", "en"]
    assert catalogue_of(templates, "eo").gettext("The whole day") == "[[The whole day]]"
    assert catalogue_of(templates, "xx").gettext("The whole day") == "The whole day"


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.stem)
def test_a_catalogue_says_every_sentence_and_fills_in_what_it_is_given(file: Path) -> None:
    """`scripts/languages` adds what is missing, empty; then it wants words."""
    catalogue, every = read_catalogue(file), sentences(TEMPLATES)
    assert lacking(catalogue, every) == ()
    assert ill_filled(catalogue, every) == ()


A_FOURTH = """msgid ""
msgstr ""
"Language: pt\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"
"Content-Type: text/plain; charset=utf-8\\n"

msgid "The whole day"
msgstr "O dia inteiro"

#, fuzzy
msgid "The story"
msgstr "A história?"

msgid "%(num)s post"
msgid_plural "%(num)s posts"
msgstr[0] "%(num)s publicação"
msgstr[1] "%(num)s publicações"

msgid "%(num)s account"
msgid_plural "%(num)s accounts"
msgstr[0] "%(num)s conta"
msgstr[1] ""

msgid "Original on %(network)s"
msgstr "Original em %(rede)s"

msgid "A picture, on %(network)s"
msgstr "Uma imagem"
"""


def test_a_fourth_language_is_one_file_and_is_told_what_it_lacks(templates: Path) -> None:
    file = templates / "languages" / "pt.po"
    file.write_text(A_FOURTH)
    assert editions(("pt", "en"))[0].speech.ngettext("%(num)s post", "%(num)s posts", 2150) == "2.150 publicações"
    assert render_page("web/message.html", editions(("pt",))[0], trouble="broken").startswith(
        '<!DOCTYPE html>\n<html lang="pt"'
    )
    catalogue, every = read_catalogue(file), sentences(TEMPLATES)
    lacks = lacking(catalogue, every)
    assert len(lacks) == len([message for message in every if message.id]) - 4
    assert {"The story", "How this was made", "%(num)s account"} <= set(lacks)  # doubtful, not there, half there
    assert not {"The whole day", "%(num)s post"} & set(lacks)
    assert ill_filled(catalogue, every) == ("Uma imagem", "Original em %(rede)s")


def test_a_page_marks_what_is_not_in_its_language(tmp_path: Path) -> None:
    """The team's words are in the campaign's first language, posts and titles in their own, a server's in English."""
    recap = a_full_day(keep_pictures(tmp_path / "kept"), languages=("en", "fr"))
    write_recap(recap, tmp_path / "out")
    text = (tmp_path / "out" / "index.fr.html").read_text()
    assert '<html lang="fr" dir="ltr">' in text
    assert f'<h1 lang="en" dir="auto">{recap.title}</h1>' in text
    assert re.findall(r'\(lecture impossible\u202f: <span lang="en" dir="auto">([^<]+)</span>', text)
    assert len(re.findall(r'<(?:div class="narrator"|h2) lang="en" dir="auto">', text)) > 3
    shown = {media.alt: item.language for item in recap.items for media in item.post.media if item.language}
    for alt, language in re.findall(r'<img [^>]*alt="([^"]+)"(?: lang="([^"]+)")?>', text):
        assert unescape(alt) not in shown or language == shown[unescape(alt)]
