"""A page that would be the same is not made again; one that would not be always is."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recap_day import a_campaign, a_post, an_account, at, shown
from shareasm.domain.items import Item, ShownPost
from shareasm.domain.placing import POSTS_PER_PART
from shareasm.domain.posts import Counts, Post
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.whole_day import turning
from shareasm.render import downloads, manifest, write_recap, writing
from shareasm.render.manifest import MANIFEST, read_manifest
from shareasm.render.pages import pieces

CAMPAIGN = a_campaign(languages=("en",))


def said(count: int, clock: str = "10:00", key: str = "") -> list[Post]:
    return [a_post(f"{key}{n}", by=an_account(f"a{n}.example"), created_at=at(clock)) for n in range(count)]


def recap(posts: Iterable[Post | ShownPost], **changes: object) -> Recap:
    held = [post if isinstance(post, ShownPost) else shown(post) for post in posts]
    return arrange(replace(Facts(CAMPAIGN, posts=held), **changes))  # type: ignore[arg-type]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages of the whole day that templates were filled in for."""
    filled: list[str] = []

    def watched(name: str, context: dict[str, Any], *more: Any) -> Iterable[str]:
        if name == "recap/day.html":
            filled.append(context["part"].name)
        return pieces(name, context, *more)

    monkeypatch.setattr(writing, "pieces", watched)
    return filled


DAY = [*said(POSTS_PER_PART), *said(30, "12:00", "b"), *said(30, "14:00", "c")]


def test_a_page_that_would_be_the_same_is_not_made_again(tmp_path: Path, made: list[str]) -> None:
    write_recap(recap(DAY), tmp_path)
    assert made == ["day-5", "day-7", "day-9"]
    write_recap(recap(DAY), tmp_path)
    assert len(made) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"html": "<p>Other words #shareASM</p>"},
        {"counts": Counts(likes=3)},
        {"content_warning": "mud"},
        {"author": an_account("a1.example", "A new name")},
        {"edited_at": at("11:00")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_page_is_made_again_where_one_of_its_posts_changed(
    tmp_path: Path, made: list[str], change: dict[str, object]
) -> None:
    write_recap(recap(DAY), tmp_path)
    made.clear()
    write_recap(recap([*DAY[:-1], replace(DAY[-1], **change)]), tmp_path)  # type: ignore[arg-type]
    assert made == ["day-9"]


def test_a_page_is_made_again_where_what_it_answers_or_quotes_changed(tmp_path: Path, made: list[str]) -> None:
    first, middle, last = DAY[0], DAY[POSTS_PER_PART], DAY[-1]
    answers, quotes = replace(last, reply_to=first.ref), replace(middle, quote=first.ref)
    day = [*DAY[1:POSTS_PER_PART], quotes, *DAY[POSTS_PER_PART + 1 : -1], answers]
    write_recap(recap([first, *day]), tmp_path)
    made.clear()
    renamed = replace(first, author=replace(first.author, name="A new name"))
    write_recap(recap([renamed, *day]), tmp_path)
    assert made == ["day-5", "day-7", "day-9"]


def test_a_page_is_made_again_where_title_campaign_or_program_changed(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recap(recap(DAY), tmp_path)
    write_recap(recap(DAY, campaign=replace(CAMPAIGN, host="Another host")), tmp_path)
    assert len(made) == 6
    monkeypatch.setattr("shareasm.render.whole_day.program", lambda: "another release")
    write_recap(recap(DAY, campaign=replace(CAMPAIGN, host="Another host")), tmp_path)
    assert len(made) == 9


def test_a_file_that_a_hand_changed_or_took_away_is_made_again(tmp_path: Path, made: list[str]) -> None:
    write_recap(recap(DAY), tmp_path)
    whole = (tmp_path / "day-5.html").read_bytes()
    (tmp_path / "day-5.html").write_text("scribbles")
    (tmp_path / "day-7.html").unlink()
    made.clear()
    write_recap(recap(DAY), tmp_path)
    assert made == ["day-5", "day-7"]
    assert (tmp_path / "day-5.html").read_bytes() == whole


@pytest.mark.parametrize("broken", ["", "{", '{"day-5.html": 7}', '["x"]'])
def test_a_manifest_that_cannot_be_read_is_none(tmp_path: Path, made: list[str], broken: str) -> None:
    write_recap(recap(DAY), tmp_path)
    (tmp_path / MANIFEST).write_text(broken)
    assert read_manifest(tmp_path).before == {}
    write_recap(recap(DAY), tmp_path)
    assert len(made) == 6


def test_what_the_pages_say_does_not_depend_on_what_stood_there(tmp_path: Path) -> None:
    write_recap(recap(DAY), tmp_path / "again")
    write_recap(recap(DAY[1:]), tmp_path / "again")
    write_recap(recap(DAY[1:]), tmp_path / "new")
    for file in sorted((tmp_path / "new").iterdir()):
        if file.is_file() and file.name != MANIFEST:
            assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name


def test_a_page_leads_to_its_neighbours_and_to_both_ends() -> None:
    parts = recap(post for hour in range(6, 22) for post in said(20, f"{hour:02}:00", f"h{hour}-")).parts
    assert len(parts) == 16
    assert [turn.number for turn in turning(parts, 0, CAMPAIGN.zone)] == [1, 2, 3, 4, 16]
    assert [turn.number for turn in turning(parts, 8, CAMPAIGN.zone)] == [1, 6, 7, 8, 9, 10, 11, 12, 16]
    assert [turn.begins for turn in turning(parts, 15, CAMPAIGN.zone)] == ["06:00", "18:00", "19:00", "20:00", "21:00"]


def test_files_that_hold_all_posts_take_what_did_not_change_from_what_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recap(recap(DAY), tmp_path)
    said: list[str] = []
    whole = downloads._post

    def counted(made: Recap, item: Item) -> dict[str, object]:
        said.append(item.page)
        return whole(made, item)

    monkeypatch.setattr(downloads, "_post", counted)
    write_recap(recap(DAY[:-1]), tmp_path)
    assert said == ["9"] * 58, "29 posts, in two files"


def test_the_program_s_digest_is_of_code_and_templates() -> None:
    assert manifest.program() == manifest.program()
    assert len(manifest.program()) == 32
