"""A rehearsal makes its folder anew, and takes away nothing that no rehearsal made."""

from pathlib import Path

import pytest

from factories import campaign, schedule
from shareasm.errors import ConfigError
from shareasm.rehearsal import day
from shareasm.wiring import Plan


class Begun(Exception):
    """The rehearsal has its folder and goes on."""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The team's campaign folder. A rehearsal ends where its day would begin."""

    def begin(*_: object) -> None:
        raise Begun

    monkeypatch.setattr(day, "FastClock", begin)
    folder = tmp_path / "campaigns" / "my-day"
    folder.mkdir(parents=True)
    (folder / "campaign.yaml").write_text("a week of work")
    return folder


def rehearse(team: Path, out: Path) -> None:
    day.rehearse(Plan(team, campaign(), schedule(), None), out, seconds=1, seed=1, tell=lambda _: None)


@pytest.mark.parametrize("out", [".", "..", "../..", "../link"])
def test_a_folder_that_is_or_holds_the_campaign_is_refused(team: Path, out: str) -> None:
    (team.parent / "link").symlink_to(team)
    with pytest.raises(ConfigError, match="over the campaign"):
        rehearse(team, team / out)
    assert (team / "campaign.yaml").read_text() == "a week of work"


def test_a_rehearsal_may_lie_in_the_campaigns_folder_and_takes_nothing_of_it(team: Path) -> None:
    (team / "media").mkdir()
    (team / "media" / "pan.png").write_text("a picture")
    with pytest.raises(ConfigError, match="media was not made by a rehearsal"):
        rehearse(team, team / "media")
    with pytest.raises(Begun):
        rehearse(team, team / "data" / "rehearsals" / "my-day")
    assert (team / "media" / "pan.png").read_text() == "a picture"


def test_a_folder_that_no_rehearsal_made_is_left_alone(team: Path, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "one.txt").write_text("dear all")
    with pytest.raises(ConfigError, match=r"letters was not made by a rehearsal"):
        rehearse(team, letters)
    assert (letters / "one.txt").read_text() == "dear all"


def test_an_earlier_rehearsal_makes_room_for_the_next(team: Path, tmp_path: Path) -> None:
    out = tmp_path / "rehearsals" / "my-day"
    with pytest.raises(Begun):
        rehearse(team, out)
    (out / "shareasm.db").write_text("old")
    with pytest.raises(Begun):
        rehearse(team, out)
    assert not (out / "shareasm.db").exists()
