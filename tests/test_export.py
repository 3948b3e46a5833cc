"""An export holds what a page may show, and nothing that a spreadsheet would run."""

import csv
import io
import json
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import CLOSES, NOON, campaign, minutes, seen, source
from shareasm import collect
from shareasm.collect import Desk
from shareasm.domain.changes import Seen
from shareasm.domain.posts import Account, Media, MediaKind, Network
from shareasm.export import COLUMNS, Form, export
from shareasm.networks.ports import Page
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade

AFTER = CLOSES + minutes(5)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return Desk(engine, campaign(), FixedClock(CLOSES))


def put(desk: Desk, *items: Seen) -> None:
    collect.store(desk, source(), Page(posts=items), "shareasm")


def number(count: int, text: str = "Safer mines #shareASM", **changes: object) -> Seen:
    return seen(text, uri=f"https://memory.example/users/amina/statuses/{count}", **changes)  # type: ignore[arg-type]


def exported(desk: Desk, form: Form = Form.JSONL, *, dehydrated: bool = False) -> str:
    out = io.StringIO()
    export(desk.engine, desk.campaign, out, AFTER, form=form, dehydrated=dehydrated)
    return out.getvalue()


def test_each_post_is_a_line_with_everything_that_a_reader_may_see(desk: Desk) -> None:
    picture = Media(MediaKind.IMAGE, "https://memory.example/1.png", "A sieve")
    put(desk, number(1, media=(picture,), languages=("en",)))
    [line] = exported(desk).splitlines()
    record = json.loads(line)
    assert list(record) == list(COLUMNS)
    assert record["text"] == "Safer mines #shareASM"
    assert record["created_at"] == "2027-02-03T12:00:00Z"
    assert record["media"] == [{"kind": "image", "url": "https://memory.example/1.png", "alt": "A sieve"}]
    assert record["sources"] == [source().id]
    assert record["sightings"] == [
        {
            "source": source().id,
            "server": "memory.example",
            "query": "#shareasm",
            "fetched_at": record["first_seen_at"],
        }
    ]


def test_who_asked_to_stay_out_of_search_is_in_no_export(desk: Desk) -> None:
    author = Account(Network.MASTODON, "https://m.example/users/b", "b@m.example", "B", "", is_noindex=True)
    put(desk, number(1), seen(uri="https://m.example/users/b/statuses/1", author=author))
    assert len(exported(desk).splitlines()) == 1


def test_a_bridged_copy_of_who_asked_to_stay_out_is_in_no_export_either(desk: Desk) -> None:
    author = Account(Network.MASTODON, "https://m.example/users/b", "b@m.example", "B", "", is_noindex=True)
    original = seen(uri="https://m.example/users/b/statuses/1", author=author)
    copy = seen(uri="https://bridge.example/1", bridged_from=original.post.ref.uri)
    put(desk, original, copy)
    assert exported(desk) == ""


def test_bare_addresses_tell_nothing_of_what_was_said(desk: Desk) -> None:
    put(desk, number(1))
    assert json.loads(exported(desk, dehydrated=True)) == {"network": "mastodon", "uri": number(1).post.ref.uri}
    assert exported(desk, Form.CSV, dehydrated=True) == f"network,uri\r\nmastodon,{number(1).post.ref.uri}\r\n"


@pytest.mark.parametrize(
    "text", ["=1+1 #shareASM", "+1 #shareASM", "-1 #shareASM", "@SUM(A1) #shareASM", "＝1+1 #shareASM"]
)
def test_no_words_of_strangers_are_a_formula_in_a_spreadsheet(desk: Desk, text: str) -> None:
    put(desk, number(1, text))
    [row] = csv.DictReader(io.StringIO(exported(desk, Form.CSV), newline=""))
    assert row["text"] == f"'{text}"


def test_a_table_holds_line_ends_commas_and_every_script(desk: Desk) -> None:
    text = 'One,\n"two" ذهب #shareASM'
    put(desk, number(1, text))
    [row] = csv.DictReader(io.StringIO(exported(desk, Form.CSV), newline=""))
    assert row["text"] == text


def test_posts_come_in_the_order_in_which_they_were_said(desk: Desk) -> None:
    put(desk, number(2, at=NOON + minutes(2)), number(1, at=NOON + minutes(1)))
    assert [json.loads(line)["uri"][-1] for line in exported(desk).splitlines()] == ["1", "2"]
