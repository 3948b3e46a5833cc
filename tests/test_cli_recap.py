"""What `shareasm recap` writes beside the folder, and what it says of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shareasm import wiring
from shareasm.cli import main
from shareasm.settings import Settings
from shareasm.wayback import Archived
from shareasm.wiring.parts import Plan


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a new campaign in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PORT", "SHAREASM_CAMPAIGN", "SHAREASM_DATA"):
        monkeypatch.delenv(name, raising=False)
    assert call("init", "my-day").exit_code == 0
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_fragment_and_one_file_are_written_where_somebody_asks_for_them(folder: Path) -> None:
    done = call("recap", "--no-check", "--fragment", "story.html", "--single-file", "day.html", "my-day")
    assert done.exit_code == 0, done.output
    assert "Fragment: story.html, " in done.output
    assert "Paste a fragment into a “Custom HTML” block." in done.output
    assert (folder / "story.html").read_text("utf-8").startswith('<div class="shareasm"')
    assert (folder / "day.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_copies_at_the_internet_archive_are_asked_for_on_request_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def keep(_plan: Plan, settings: Settings) -> Iterator[Archived]:
        asked.append(settings.data)
        yield Archived("https://a.example/", "https://web.archive.org/web/20270204080000/https://a.example/")
        yield Archived("https://b.example/", None, "the Internet Archive asks for patience (429)")

    monkeypatch.setattr(wiring, "keep_at_the_archive", keep)
    assert call("recap", "--no-check", "my-day").exit_code == 0
    assert asked == []
    done = call("recap", "--no-check", "--wayback", "my-day")
    assert done.exit_code == 0, done.output
    assert len(asked) == 1
    assert "Kept: https://a.example/ → https://web.archive.org/" in done.output
    assert "Not kept: https://b.example/: the Internet Archive asks for patience (429)" in done.output
    assert "Recap: " in done.output, "it is written all the same"
