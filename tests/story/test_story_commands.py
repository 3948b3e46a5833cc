"""`shareasm story`, and what `check` says of the story's posts, with a real store."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clocks import FixedClock
from factories import CLOSES, minutes, seen, source
from shareasm import collect
from shareasm.campaign_files import load_campaign
from shareasm.cli import main
from shareasm.collect import Desk
from shareasm.domain.posts import Account, Network
from shareasm.networks.ports import Page
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade
from shareasm.storage.tables import posts

GOOD = Path(__file__).resolve().parent.parent / "data" / "schedules" / "good"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign with four posts in its store."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "SHAREASM_CAMPAIGN", "SHAREASM_DATA"):
        monkeypatch.delenv(name, raising=False)
    made = Path(shutil.copytree(GOOD, tmp_path / "share-day"))
    campaign = load_campaign(made).campaign
    assert campaign
    engine = open_engine(f"sqlite:///{tmp_path / 'data' / 'shareasm.db'}")
    upgrade(engine)
    desk = Desk(engine, campaign, FixedClock(campaign.closes_at))
    said = [
        seen(
            f"{number} #shareASM",
            uri=f"https://memory.example/users/a{number}/statuses/{number}",
            url=f"https://memory.example/@a{number}/{number}",
            author=Account(
                Network.MASTODON, f"https://memory.example/users/a{number}", f"a{number}@memory.example", "A", ""
            ),
            created_at=campaign.opens_at + minutes(number),
        )
        for number in range(4)
    ]
    collect.store(desk, source(), Page(posts=tuple(said)), "shareasm")
    engine.dispose()
    return made


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_draft_shows_what_it_adds_and_writes_it(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    shown = call("story", "draft", str(folder), "--dry-run")
    assert "posts would be added to" in shown.output
    assert not (folder / "story.yaml").exists()
    written = call("story", "draft", str(folder))
    assert written.exit_code == 0, written.output
    assert '+  - heading: "Overheard in the morning"' in written.output
    assert call("check", str(folder)).exit_code == 0
    story = load_campaign(folder).story
    assert story
    assert story.is_drafted
    assert "Nothing new" in call("story", "draft", str(folder)).output


def test_a_check_names_a_post_of_the_story_that_is_gone(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    call("story", "draft", str(folder))
    assert "named here" not in call("check", str(folder)).output
    engine = open_engine(f"sqlite:///{folder.parent / 'data' / 'shareasm.db'}")
    with transaction(engine) as connection:
        connection.execute(posts.update().values(gone_reason="deleted", gone_at=CLOSES))
        connection.execute(posts.update().where(posts.c.uri.endswith("/0")).values(gone_reason=None, gone_at=None))
    engine.dispose()
    assert "The post that is named here is no longer public." in call("check", str(folder)).output
    assert "Not shown: post https://" in call("story", "draft", str(folder)).output


def test_a_check_before_the_day_makes_no_store(folder: Path) -> None:
    shutil.rmtree(folder.parent / "data")
    assert call("check", str(folder)).exit_code == 0
    assert not (folder.parent / "data").exists()


def test_a_check_goes_on_where_the_store_cannot_be_read(folder: Path) -> None:
    (folder.parent / "data" / "shareasm.db").write_bytes(b"no database at all" * 100)
    result = call("check", str(folder))
    assert result.exit_code == 0
    assert "was not looked at" in result.output


def test_who_is_forgotten_is_named_where_the_story_names_their_post(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    call("story", "draft", str(folder))
    done = call("forget", "@a2@memory.example", str(folder), "--yes")
    assert done.exit_code == 0, done.output
    [line] = [text for text in (folder / "story.yaml").read_text().splitlines() if "@a2" in text]
    number = (folder / "story.yaml").read_text().splitlines().index(line) + 1
    assert f"story.yaml:{number} names a post of it: take the line out." in done.output
    assert "Old days" not in done.output
    call("story", "import", str(GOOD.parent.parent / "storify" / "2015.json"), str(folder))
    assert "Old days lie beside the recap" in call("forget", "@a1@memory.example", str(folder), "--yes").output


def test_a_hand_in_the_story_makes_it_an_editor_s_also_after_the_next_draft(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    call("story", "draft", str(folder))
    with (folder / "story.yaml").open("a") as file:
        file.write("ahead: Soon.\n")
    for _ in range(2):
        story = load_campaign(folder).story
        assert story
        assert not story.is_drafted
        call("story", "draft", str(folder))


def test_a_draft_without_its_memory_says_what_it_cannot_know(folder: Path) -> None:
    (folder / "story.yaml").unlink()
    call("story", "draft", str(folder))
    (folder / "story.drafted.json").unlink()
    said = call("story", "draft", str(folder)).output
    assert "story.drafted.json is not there any more" in said
    assert "Nothing new for" in said
