"""The recap comes to where its readers open it, whole; what is withdrawn leaves that place too."""

import shutil
import sys
from pathlib import Path

import pytest

from shareasm.deliver import OURS, deliver, is_delivered
from shareasm.domain.campaigns import Publication
from shareasm.errors import ConfigError, StorageError
from shareasm.render.files import copy_file


@pytest.fixture
def recap(tmp_path: Path) -> Path:
    folder = tmp_path / "recap"
    for name in ("index.html", "day-1.html", "recap.css", "media/00ff-640.webp", ".index.html.77"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_gets_what_readers_need_and_keeps_what_is_a_persons_own(recap: Path, tmp_path: Path) -> None:
    www = tmp_path / "www"
    assert not is_delivered(recap)
    first = deliver(recap, Publication(folder=str(www)))
    assert files(www) == {"index.html", "day-1.html", "recap.css", "media/00ff-640.webp"}
    assert (first.place, first.changed_count, first.removed_count) == (str(www), 4, 0)
    assert is_delivered(recap)
    (www / "robots.txt").write_text("theirs")
    (recap / "media" / "00ff-640.webp").unlink()
    (recap / "day-1.html").write_text("one post less")
    again = deliver(recap, Publication(folder=str(www)))
    assert (again.changed_count, again.removed_count) == (1, 1)
    assert files(www) == {"index.html", "day-1.html", "recap.css", "robots.txt"}


def test_whatever_was_brought_there_goes_when_it_is_taken_out_of_the_recap(recap: Path, tmp_path: Path) -> None:
    www, other = tmp_path / "www", tmp_path / "other"
    for name in ("all-in-one.html", "earlier/2015/index.html", "earlier/2015/media/00aa-640.webp"):
        (recap / name).parent.mkdir(parents=True, exist_ok=True)
        (recap / name).write_text(name)
    deliver(recap, Publication(folder=str(www)))
    (www / "about.html").write_text("theirs")
    shutil.rmtree(recap / "earlier")
    (recap / "all-in-one.html").unlink()
    assert deliver(recap, Publication(folder=str(www))).removed_count == 3
    assert files(www) == {"index.html", "day-1.html", "recap.css", "media/00ff-640.webp", "about.html"}
    (recap / "day-1.html").unlink()
    other.mkdir()
    (other / "about.html").write_text("theirs, and of a name that was ours elsewhere")
    (recap / "about.html").write_text("ours")
    deliver(recap, Publication(folder=str(www)))
    (recap / "about.html").unlink()
    deliver(recap, Publication(folder=str(other)))
    assert "about.html" in files(other), "nothing of ours was ever brought there"


def test_what_was_brought_there_half_way_is_taken_away_too(
    recap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        if source.name == "index.html":
            raise OSError(28, "No space left on device")
        copy_file(source, target)

    publication = Publication(folder=str(tmp_path / "www"))
    with monkeypatch.context() as patched, pytest.raises(StorageError, match="No space left"):
        patched.setattr("shareasm.deliver.copy_file", full)
        deliver(recap, publication)
    assert is_delivered(recap), "readers may see what is there: it is looked after from now on"
    (recap / "day-1.html").unlink()
    assert deliver(recap, publication).removed_count == 1


def test_a_page_of_somebody_elses_is_not_replaced(recap: Path, tmp_path: Path) -> None:
    www = tmp_path / "www"
    www.mkdir()
    (www / "index.html").write_text("our home page")
    with pytest.raises(ConfigError, match="holds a page already that is no recap of ours"):
        deliver(recap, Publication(folder=str(www)))
    assert files(www) == {"index.html"}
    (www / "index.html").write_text(OURS)
    assert deliver(recap, Publication(folder=str(www))).changed_count == 4


def test_a_command_is_told_where_the_recap_lies(recap: Path, tmp_path: Path) -> None:
    script = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"
    command = (sys.executable, "-c", script, "{folder}", str(tmp_path / "there"))
    assert deliver(recap, Publication(command=command)).changed_count is None
    assert (tmp_path / "there" / "index.html").is_file()
    assert is_delivered(recap)


def test_no_shell_reads_the_command(recap: Path, tmp_path: Path) -> None:
    deliver(recap, Publication(command=(sys.executable, "-c", "pass", "{folder}; touch", str(tmp_path / "pwned"))))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("publication", "words"),
    [
        (
            Publication(),
            r"campaign does not say where its recap is published.*rsync -a --delete --exclude=\.\* \{folder\}/",
        ),
        (Publication(command=("no-such-program", "{folder}")), "no-such-program.* cannot be started: No such file"),
        (
            Publication(command=(sys.executable, "-c", "raise SystemExit('no route to web')", "{folder}")),
            "ended with 1: no route to web",
        ),
        (
            Publication(command=(sys.executable, "-c", "raise SystemExit(3)", "{folder}")),
            "ended with 3: it said nothing",
        ),
    ],
)
def test_what_goes_wrong_is_told_and_nothing_counts_as_delivered(
    recap: Path, publication: Publication, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        deliver(recap, publication)
    assert not is_delivered(recap)


def test_a_command_that_does_not_end_is_ended(recap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareasm.deliver.ENDS_WITHIN_S", 0.2)
    endless = (sys.executable, "-c", "import threading; threading.Event().wait()", "{folder}")
    with pytest.raises(ConfigError, match="did not end within"):
        deliver(recap, Publication(command=endless))


def test_the_recaps_own_folder_is_no_place_to_publish_to(recap: Path) -> None:
    with pytest.raises(ConfigError, match="where it lies already"):
        deliver(recap, Publication(folder=str(recap)))


def test_a_place_that_cannot_be_written_is_said(recap: Path, tmp_path: Path) -> None:
    (tmp_path / "www").write_text("a file")
    with pytest.raises(StorageError, match="cannot be published to"):
        deliver(recap, Publication(folder=str(tmp_path / "www" / "deeper")))
