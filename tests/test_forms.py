"""One file, fragment and PDF: in every language, and written again whenever the recap is."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from recap_day import a_day
from shareasm.domain.recaps import Recap, arrange
from shareasm.errors import ConfigError, StorageError
from shareasm.forms import Copy, Form, write_again, write_forms
from shareasm.render.fragment import fragment
from shareasm.render.pages import Edition


@pytest.fixture
def recap() -> Recap:
    return arrange(a_day())


@pytest.fixture
def without() -> Recap:
    """The same day after somebody asked to be off it."""
    day = a_day()
    kept = [shown for shown in day.posts if "otgon" not in shown.post.author.handle]
    return arrange(replace(day, posts=kept))


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program in a browser's place that prints the page as it is, and counts."""
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text(
        """#!/bin/sh
for word in "$@"; do case $word in
  --print-to-pdf=*) pdf="${word#*=}" ;;
  file://*) page="${word#file://}" ;;
esac; done
cat "$page" > "$pdf"
echo x >> "$0.count"
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/bin{os.pathsep}/usr/bin")
    return program


def test_each_form_is_written_in_every_language_beside_the_first(recap: Recap, browser: Path, tmp_path: Path) -> None:
    wanted = {
        Form.SINGLE: tmp_path / "day.html",
        Form.FRAGMENT: tmp_path / "story.html",
        Form.PDF: tmp_path / "day.pdf",
        Form.BOOKLET: tmp_path / "small.pdf",
    }
    copies = write_forms(recap, wanted, tmp_path, tmp_path)
    names = ["day.html", "day.fr.html", "day.es.html", "story.html", "story.fr.html", "story.es.html"]
    assert [copy.file.name for copy in copies] == [
        *names, "day.pdf", "day.fr.pdf", "day.es.pdf", "small.pdf", "small.fr.pdf", "small.es.pdf",
    ]  # fmt: skip
    pages = {copy.file.name: copy.file.read_text("utf-8") for copy in copies}
    for name, page in pages.items():
        language = re.search(r"\.(fr|es)\.", name)
        assert f'lang="{language[1] if language else "en"}"' in page[:300], name
    for name in names[:3]:
        linked = set(re.findall(r'href="(day[^"#]*)"', pages[name]))
        assert linked == set(names[:3])
    assert 'href="day' not in pages["day.fr.pdf"], "paper leads nowhere"
    assert "size: A4" in pages["day.pdf"]
    assert "size: A5" in pages["small.pdf"]


def test_what_is_withdrawn_leaves_every_form_and_what_is_the_same_is_left_alone(
    recap: Recap, without: Recap, browser: Path, tmp_path: Path
) -> None:
    write_forms(recap, {Form.SINGLE: tmp_path / "day.html", Form.PDF: tmp_path / "day.pdf"}, tmp_path, tmp_path)
    assert write_again(recap, tmp_path, tmp_path) == ()
    assert browser.with_name("chromium.count").read_text().count("x") == 3, "printing takes seconds"
    assert "otgon" in (tmp_path / "day.fr.html").read_text("utf-8")
    copies = write_again(without, tmp_path, tmp_path)
    assert len(copies) == 6
    assert f"One file written again: {tmp_path / 'day.html'}" in {copy.words for copy in copies}
    assert not [copy.file for copy in copies if "otgon" in copy.file.read_text("utf-8")]


def test_what_a_hand_changed_is_left_and_named_and_what_it_removed_is_forgotten(
    recap: Recap, without: Recap, tmp_path: Path
) -> None:
    write_forms(recap, {Form.SINGLE: tmp_path / "day.html"}, tmp_path, tmp_path)
    (tmp_path / "day.fr.html").write_text("mine")
    (tmp_path / "day.es.html").unlink()
    french, first = sorted(write_again(without, tmp_path, tmp_path), key=lambda copy: copy.file)
    assert (first.problem, french.file) == ("", tmp_path / "day.fr.html")
    assert "One file not written again: " in french.words
    assert "somebody has changed it" in french.words
    assert (tmp_path / "day.fr.html").read_text() == "mine"
    assert not (tmp_path / "day.es.html").exists()
    assert "day.es.html" not in (tmp_path / "day.html").read_text("utf-8"), "no link leads nowhere"
    assert "day.es.html" not in (tmp_path / ".forms").read_text()


def test_whoever_is_stopped_half_way_takes_nothing_for_a_hands_work(
    recap: Recap, without: Recap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(BaseException):
        pass

    def second_stops(made: Recap, edition: Edition) -> str:
        if edition.language == "fr":
            raise Stopped
        return fragment(made, edition)

    write_forms(recap, {Form.FRAGMENT: tmp_path / "day.html"}, tmp_path, tmp_path)
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr("shareasm.forms.fragment", second_stops)
        write_again(without, tmp_path, tmp_path)
    assert not [copy.problem for copy in write_again(recap, tmp_path, tmp_path) if copy.problem]


def test_a_printed_page_is_never_half_there(recap: Recap, without: Recap, browser: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "day.pdf"
    write_forms(recap, {Form.PDF: pdf}, tmp_path, tmp_path)
    with pdf.open("rb") as opened:  # somebody reads it while it is printed again
        before = pdf.read_bytes()
        write_again(without, tmp_path, tmp_path)
        assert opened.read() == before
    assert pdf.read_bytes() != before


def test_a_language_that_the_campaign_gave_up_is_named(recap: Recap, tmp_path: Path) -> None:
    write_forms(recap, {Form.FRAGMENT: tmp_path / "day.html"}, tmp_path, tmp_path)
    english = replace(recap, campaign=replace(recap.campaign, languages=("en",)))
    problems = [copy.problem for copy in write_again(english, tmp_path, tmp_path) if copy.problem]
    assert len(problems) == 2
    assert {problem[:33] for problem in problems} == {f"{one} is no language of the campaign" for one in ("fr", "es")}


def test_where_no_browser_is_left_the_rest_is_written_and_the_pdf_named(
    recap: Recap, without: Recap, browser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_forms(recap, {Form.PDF: tmp_path / "day.pdf", Form.FRAGMENT: tmp_path / "day.html"}, tmp_path, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    copies = write_again(without, tmp_path, tmp_path)
    assert {copy.form for copy in copies if copy.problem} == {Form.PDF}
    assert {copy.form for copy in copies if not copy.problem} == {Form.FRAGMENT}
    assert "install chromium" in next(copy.problem for copy in copies if copy.form is Form.PDF)


def test_a_page_of_the_recap_itself_is_not_written_over(recap: Recap, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a page of the recap itself"):
        write_forms(recap, {Form.SINGLE: tmp_path / "index.html"}, tmp_path, tmp_path)


def test_a_disk_that_refuses_is_said(recap: Recap, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written"):
        write_forms(recap, {Form.SINGLE: tmp_path / "taken" / "day.html"}, tmp_path, tmp_path)
    (tmp_path / ".forms").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_forms(recap, {Form.SINGLE: tmp_path / "day.html"}, tmp_path, tmp_path)


def test_nothing_was_asked_for_nothing_is_written(recap: Recap, tmp_path: Path) -> None:
    assert write_again(recap, tmp_path, tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_what_came_of_a_file_is_said_in_a_sentence() -> None:
    assert Copy(Form.PDF, Path("day.pdf"), "no browser").words == "PDF not written again: day.pdf: no browser"
