"""New rows in bulk: what is there already stays as it is, and a refusal is one of our errors, on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from factories import NOON
from shareasm.errors import StorageError
from shareasm.storage.bulk import Row, insert_new, insert_unless_there
from shareasm.storage.engine import reading, transaction
from shareasm.storage.tables import posts, raws


def row(number: int, uri: str, source: str = "mastodon:social.example") -> Row:
    return {
        "id": number,
        "network": "mastodon",
        "uri": uri,
        "author_ref": "https://social.example/users/amina",
        "created_at": NOON + timedelta(minutes=number),
        "first_seen_at": NOON,
        "checked_at": None,
        "source": source,
        "fingerprint": b"\x00\\\t\n\xff",
        "content": 'tab\t line\n quote" \\N 日本',
        "answer_count": number,
    }


def stored(engine: Engine) -> list[Row]:
    names = list(row(1, ""))
    with reading(engine) as connection:
        found = connection.execute(sa.select(*(posts.c[name] for name in names)).order_by(posts.c.id))
        return [dict(zip(names, values, strict=True)) for values in found]


def test_rows_come_back_as_they_went_in(engine: Engine) -> None:
    rows = [row(number, f"https://social.example/{number}") for number in range(1, 50)]
    with transaction(engine) as connection:
        assert insert_unless_there(connection, posts, rows)
        assert insert_unless_there(connection, posts, [])
    assert stored(engine) == rows


def test_what_is_there_already_is_left_out_and_the_rest_goes_in(engine: Engine) -> None:
    first, second = row(1, "https://social.example/1"), row(2, "https://social.example/2")
    with transaction(engine) as connection:
        insert_new(connection, posts, [first])
        insert_new(connection, posts, [])
        assert not insert_unless_there(connection, posts, [row(3, first["uri"], source="another"), second])
    assert stored(engine) == [first, second]


def test_what_the_database_refuses_is_one_of_our_errors(engine: Engine) -> None:
    orphan = {"post_id": 99, "source": "x", "server": "x", "query": "x", "fetched_at": NOON, "body": b""}
    with pytest.raises(StorageError), transaction(engine) as connection:
        insert_new(connection, raws, [orphan])
    with pytest.raises(StorageError), transaction(engine) as connection:
        insert_unless_there(connection, raws, [orphan])
