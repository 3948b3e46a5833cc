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
from shareasm.collect.storing import sighting_by, store_posts
from shareasm.domain.changes import Gone, Seen
from shareasm.domain.conversations import BY_REPLY
from shareasm.domain.posts import Account, Media, MediaKind, Network
from shareasm.errors import ConfigError, StorageError
from shareasm.export import COLUMNS, Cleaned, Form, clean, export, export_to
from shareasm.networks.ports import Page
from shareasm.storage import posts
from shareasm.storage.engine import open_engine, transaction
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


# ---- files ---------------------------------------------------------------------------------------------------------------


def test_a_copy_names_the_post_that_it_is_a_copy_of(desk: Desk) -> None:
    original, copy = number(1), seen(uri="https://bridge.example/1", bridged_from=number(1).post.ref.uri)
    put(desk, original, copy)
    assert [json.loads(line)["copy_of"] for line in exported(desk).splitlines()] == [None, original.post.ref.uri]


def test_an_answer_without_the_hashtag_is_marked(desk: Desk) -> None:
    question, answer = number(1), number(2, "Only where it is wet", reply_to=number(1).post.ref)
    put(desk, question)
    with transaction(desk.engine) as connection:
        declared = {answer.post.ref: BY_REPLY}
        store_posts(connection, desk.campaign, sighting_by(source()), (answer,), CLOSES, declared)
    assert [json.loads(line)["without_tag"] for line in exported(desk).splitlines()] == [False, True]


def test_files_of_ours_are_brought_up_to_date_and_others_named(desk: Desk, tmp_path: Path) -> None:
    put(desk, number(1), number(2))
    ours, lost, elsewhere = (tmp_path / name for name in ("exports/posts.jsonl", "exports/posts.csv", "elsewhere.csv"))
    ours.parent.mkdir()
    for path, form in ((ours, Form.JSONL), (lost, Form.CSV), (elsewhere, Form.CSV)):
        assert export_to(desk.engine, desk.campaign, path, AFTER, form=form) == 2
    lost.unlink()
    with transaction(desk.engine) as connection:
        posts.mark_gone(connection, [Gone(number(1).post.ref, "deleted")], AFTER)
    cleaned = clean(desk.engine, desk.campaign, ours.parent, AFTER)
    assert cleaned == Cleaned(rewritten=(ours,), elsewhere=(elsewhere,))
    assert len(ours.read_text().splitlines()) == 1
    assert not lost.exists()
    assert {file.name for file in ours.parent.iterdir()} == {"posts.jsonl"}


def test_files_of_another_day_are_removed_where_its_plan_is_not_at_hand(desk: Desk, tmp_path: Path) -> None:
    put(desk, number(1))
    file = tmp_path / "addresses.csv"
    other = campaign(slug="other")
    export_to(desk.engine, other, file, AFTER, form=Form.CSV, dehydrated=True)
    assert clean(desk.engine, desk.campaign, tmp_path, AFTER) == Cleaned()
    assert clean(desk.engine, desk.campaign, tmp_path, AFTER, ["other"]) == Cleaned(removed=(file,))
    assert clean(desk.engine, desk.campaign, tmp_path, AFTER, ["other"]) == Cleaned()
    assert not file.exists()


def test_a_file_that_cannot_be_written_or_removed_is_said(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        export_to(desk.engine, desk.campaign, tmp_path / "no" / "x.csv", AFTER, form=Form.CSV)
    file = tmp_path / "posts.csv"
    export_to(desk.engine, campaign(slug="other"), file, AFTER, form=Form.CSV)
    file.unlink()
    file.mkdir()
    with pytest.raises(StorageError, match="remove it by hand"):
        clean(desk.engine, desk.campaign, tmp_path, AFTER, ["other"])
