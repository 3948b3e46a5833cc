"""A post that is withdrawn: its address answers with a neutral line, nothing of it is left, and no other file is touched."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import CLOSES, campaign, minutes, schedule, seen, source
from shareasm import collect
from shareasm.collect import Desk
from shareasm.domain.changes import Seen
from shareasm.domain.pictures import Refusal
from shareasm.domain.placing import POSTS_PER_PART, anchor_of
from shareasm.forget import find, forget
from shareasm.networks.ports import Page
from shareasm.recap import Materials, make_recap
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade

LINE = "A post stood here; it is no longer shown."
SECRET = "Words that must go"


@pytest.fixture
def materials(tmp_path: Path) -> Materials:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return Materials(
        engine=engine,
        campaign=replace(campaign(), languages=("en", "fr")),
        schedule=schedule(),
        story=None,
        campaign_folder=tmp_path,
        files=tmp_path / "pictures",
        fetch=lambda _url: Refusal("no pictures here"),
        now=lambda: CLOSES + minutes(5),
    )


def posts(count: int) -> list[Seen]:
    base = "https://memory.example"
    return [
        seen(f"{SECRET if n == 1 else n} #shareASM", uri=f"{base}/users/u/statuses/{n}", url=f"{base}/@u/{n}")
        for n in range(count)
    ]


def put(materials: Materials, items: list[Seen]) -> None:
    collect.store(
        Desk(materials.engine, materials.campaign, FixedClock(CLOSES)), source(), Page(posts=tuple(items)), "shareasm"
    )


def made(materials: Materials, folder: Path) -> dict[str, bytes]:
    make_recap(materials, folder)
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")
    }


def test_its_address_answers_in_every_language_and_nothing_of_it_is_left(materials: Materials, tmp_path: Path) -> None:
    items = posts(3)
    gone, folder = items[1].post, tmp_path / "recap"
    put(materials, items)
    before = made(materials, folder)
    pages = [
        name
        for name, text in before.items()
        if f'id="{anchor_of(gone.ref)}"' in text.decode() and name.startswith("day")
    ]
    assert pages
    forget(materials.engine, find(materials.engine, gone.ref.uri), materials.files, materials.now)
    after = made(materials, folder)
    for name in pages:
        assert re.search(rf'<p class="gone" id="{anchor_of(gone.ref)}">[^<]+</p>', after[name].decode())
    assert LINE in after["day-1.html"].decode()
    assert "2 #shareASM" in after["day-1.html"].decode(), "the others are whole"
    assert not [name for name, text in after.items() if SECRET in text.decode() or gone.ref.uri in text.decode()]
    assert made(materials, tmp_path / "anew") == after, "the same store and story give the same bytes, in any folder"


def test_where_the_story_showed_it_the_story_answers_too_in_one_line(materials: Materials, tmp_path: Path) -> None:
    items = posts(30)
    folder = tmp_path / "recap"
    put(materials, items)
    before = made(materials, folder)
    anchors = {anchor_of(item.post.ref): item.post.ref.uri for item in items}
    told = [anchor for anchor in anchors if f'id="{anchor}"' in before["index.html"].decode()]
    untold = [anchor for anchor in anchors if anchor not in told]
    assert len(told) == 1, "nobody speaks twice in a row"
    for anchor in (told[0], untold[0]):
        forget(materials.engine, find(materials.engine, anchors[anchor]), materials.files, materials.now)
    after = made(materials, folder)
    for name, line in {
        "index.html": "1 post of this story is no longer shown.",
        "index.fr.html": "1 message de ce récit n’est plus montré.",
    }.items():
        assert f'<p class="gone"><span id="{told[0]}"></span>{line}</p>' in after[name].decode()
    assert made(materials, tmp_path / "anew") == after, "the same store gives the same bytes"


def test_who_looks_while_the_day_goes_on_settles_no_place(materials: Materials, tmp_path: Path) -> None:
    items = posts(POSTS_PER_PART + 5)
    put(materials, items[:3])
    early = made(replace(materials, now=lambda: CLOSES - minutes(60)), tmp_path / "recap")
    assert "day-1.html" in early
    put(materials, items)
    forget(materials.engine, find(materials.engine, items[1].post.ref.uri), materials.files, materials.now)
    after = made(materials, tmp_path / "recap")
    pages = {name for name, text in after.items() if name.startswith("day-") and b"<article" in text}
    assert pages == {f"day-{page}{ending}.html" for page in ("7", "7-2") for ending in ("", ".fr")}, (
        "each hour has its own"
    )
    assert LINE in after["day-1.html"].decode(), "who had that address finds the line"
    later = [seen("Late #shareASM", uri="https://memory.example/users/u/statuses/0000")]
    put(materials, later)
    assert {name for name in made(materials, tmp_path / "recap") if name.startswith("day-7")} == pages


def test_its_page_answers_when_no_post_is_left_on_it(materials: Materials, tmp_path: Path) -> None:
    items = posts(1)
    put(materials, items)
    made(materials, tmp_path / "recap")
    forget(materials.engine, find(materials.engine, items[0].post.ref.uri), materials.files, materials.now)
    after = made(materials, tmp_path / "recap")
    assert f'id="{anchor_of(items[0].post.ref)}">{LINE}' in after["day-1.html"].decode()
    assert b"day-1" not in after["index.html"], "nothing leads there"


def test_only_the_files_that_showed_it_are_touched(materials: Materials, tmp_path: Path) -> None:
    items = posts(2 * POSTS_PER_PART + 5)
    put(materials, items)
    folder = tmp_path / "recap"
    before = made(materials, folder)
    gone = items[1].post
    forget(materials.engine, find(materials.engine, gone.ref.uri), materials.files, materials.now)
    after = made(materials, folder)
    assert before.keys() == after.keys()
    touched = {name for name in after if after[name] != before[name]}
    showed = {name for name, text in before.items() if anchor_of(gone.ref) in text.decode()}
    counting = {name for name in after if name.startswith("index") or name == "recap.json"}
    assert touched <= showed | counting | {"recap.csv", "recap.md"}
    assert any(name.startswith("day-") and name not in touched for name in after)
