"""Printing needs a browser; what keeps it from printing is said in a sentence."""

import os
from pathlib import Path

import pytest

from shareasm.cli.telling import keep_off_the_plan
from shareasm.errors import ConfigError, StorageError
from shareasm.printing import print_pdf


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program of ours in a browser's place."""
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/bin{os.pathsep}/usr/bin")
    return program


def script(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_without_a_browser_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="install chromium"):
        print_pdf(tmp_path / "page.html", tmp_path / "page.pdf")


@pytest.mark.parametrize(
    ("text", "words"),
    [("echo no display >&2; exit 1", "did not print .*: no display"), ("exit 0", "it said nothing")],
)
def test_a_browser_that_does_not_print_is_named(browser: Path, tmp_path: Path, text: str, words: str) -> None:
    script(browser, text)
    with pytest.raises(ConfigError, match=words):
        print_pdf(tmp_path / "page.html", tmp_path / "page.pdf")
    assert not (tmp_path / "page.pdf").exists()


def test_a_browser_that_hangs_is_ended(browser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareasm.printing.ENDS_WITHIN_S", 0.2)
    script(browser, "exec sleep 60")
    with pytest.raises(ConfigError, match="within 0 s"):
        print_pdf(tmp_path / "page.html", tmp_path / "page.pdf")


def test_a_place_that_takes_no_file_is_said(browser: Path, tmp_path: Path) -> None:
    script(browser, 'for word in "$@"; do case $word in --print-to-pdf=*) echo pdf > "${word#*=}";; esac; done')
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written"):
        print_pdf(tmp_path / "page.html", tmp_path / "taken" / "page.pdf")


def test_the_teams_own_files_are_not_written_over(tmp_path: Path) -> None:
    keep_off_the_plan(tmp_path / "day", None, tmp_path / "day.pdf")
    with pytest.raises(ConfigError, match="campaign's own folder"):
        keep_off_the_plan(tmp_path / "day", tmp_path / "day" / "campaign.yaml")
