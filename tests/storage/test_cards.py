"""Link cards in the store, on both databases."""

from dataclasses import replace

from sqlalchemy.engine import Engine

from factories import NOON
from shareasm.domain.cards import PageCard
from shareasm.storage import cards
from shareasm.storage.engine import reading, transaction

CARD = PageCard(NOON, "Dirty work?", "A briefing: “or et mercure” ⛏️", "0123.jpg")


def test_a_card_is_found_by_its_address_as_it_was_put(engine: Engine) -> None:
    refused = PageCard(NOON, refusal="the server answers 404")
    with transaction(engine) as connection:
        cards.put(connection, "https://a.example/1", CARD)
        cards.put(connection, "https://a.example/2", refused)
    with reading(engine) as connection:
        found = cards.find(connection, [f"https://a.example/{number}" for number in range(1200)])
    assert found == {"https://a.example/1": CARD, "https://a.example/2": refused}


def test_a_card_put_again_is_what_was_put_last(engine: Engine) -> None:
    with transaction(engine) as connection:
        cards.put(connection, "https://a.example/1", CARD)
        cards.put(connection, "https://a.example/1", later := replace(CARD, title=None, thumb=None))
    with reading(engine) as connection:
        assert cards.find(connection, ["https://a.example/1"]) == {"https://a.example/1": later}
