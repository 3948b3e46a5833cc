"""Where posts were ever shown is remembered, and nothing else of them."""

from sqlalchemy.engine import Engine

from shareasm.storage import anchors
from shareasm.storage.engine import reading, transaction
from shareasm.storage.tables import shown_anchors


def test_places_are_remembered_by_campaign_and_the_last_one_counts(engine: Engine) -> None:
    with transaction(engine) as connection:
        anchors.remember(connection, "one", {"p-1": "1", "p-2": "1"})
        anchors.remember(connection, "other", {"p-1": "4"})
        anchors.remember(connection, "one", {"p-2": "9-2"})
        anchors.remember(connection, "one", {})
    with reading(engine) as connection:
        assert anchors.stood(connection, "one") == {"p-1": "1", "p-2": "9-2"}
        assert anchors.stood(connection, "other") == {"p-1": "4"}


def test_what_the_story_told_once_it_has_told_for_ever(engine: Engine) -> None:
    with transaction(engine) as connection:
        anchors.remember(connection, "one", {"p-1": "1", "p-2": "1"})
        assert anchors.told(connection, "one") == set()
        anchors.remember(connection, "one", {"p-1": "1"}, {"p-1", "p-9"})
        anchors.remember(connection, "one", {"p-1": "9"}, {"p-1"})
    with reading(engine) as connection:
        assert anchors.told(connection, "one") == {"p-1"}
        assert anchors.told(connection, "other") == set()


def test_an_anchor_and_its_pages_are_all_that_is_kept() -> None:
    assert set(shown_anchors.c.keys()) == {"campaign", "anchor", "page", "is_told", "is_early"}


def test_what_was_shown_while_the_day_went_on_is_told_until_it_has_its_place(engine: Engine) -> None:
    with transaction(engine) as connection:
        anchors.remember(connection, "one", {"p-1": "1", "p-2": "1"}, is_early=True)
        assert anchors.early(connection, "one") == {"p-1", "p-2"}
        anchors.remember(connection, "one", {"p-1": "1"})
        assert anchors.early(connection, "one") == {"p-2"}
        assert anchors.stood(connection, "one") == {"p-1": "1", "p-2": "1"}
        assert anchors.early(connection, "other") == set()
