"""`shareasm rehearse`: a day in seconds, from an empty folder, and the same plan for the same seed."""

import re
from pathlib import Path

import pytest

from product.program import Ended, copy_of_the_package, run

pytestmark = pytest.mark.product


def rehearse(folder: Path, out: str, *options: str) -> Ended:
    return run(["rehearse", "my-day", "--seconds", "10", "--out", out, *options], {}, folder, seconds=180)


def audience(said: str) -> list[str]:
    """Return who says what of their own accord; who answers the campaign depends on the moment."""
    lines = [line.split("audience", 1)[1].strip() for line in said.splitlines() if " audience " in line]
    return sorted(line for line in lines if "answers" not in line)


def test_a_new_campaign_is_rehearsed_and_the_same_seed_gives_the_same_day(tmp_path: Path) -> None:
    assert run(["init", "my-day"], {}, tmp_path).code == 0
    first, second = rehearse(tmp_path, "one"), rehearse(tmp_path, "two")
    for ended, out in ((first, "one"), (second, "two")):
        assert ended.code == 0, ended
        assert "Traceback" not in ended.out + ended.err
        summary = re.search(r"Planned (\d+) · sent (\d+) · collected (\d+) · shown (\d+)", ended.out)
        assert summary, ended.out
        planned, sent, collected, shown = map(int, summary.groups())
        assert planned == sent > 0
        assert collected >= shown > 50
        assert f"Recap: {out}/my-day/recaps/my-day/index.html" in ended.out
        assert (tmp_path / out / "my-day" / "recaps" / "my-day" / "index.html").is_file()
    assert audience(first.out) == audience(second.out)


def test_a_rehearsal_whose_recap_cannot_be_written_ends_and_says_so(tmp_path: Path) -> None:
    assert run(["init", "my-day"], {}, tmp_path).code == 0
    copied = copy_of_the_package(tmp_path / "copied")
    (copied / "templates" / "recap" / "day.html").unlink()
    ended = run(["rehearse", "my-day", "--seconds", "5"], {"PYTHONPATH": str(copied.parent)}, tmp_path, seconds=180)
    assert (ended.code, "day.html is missing" in ended.sentence) == (2, True)
