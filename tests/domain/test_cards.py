"""Link cards: what the team wrote stays, what the page says is added."""

from dataclasses import replace

from factories import NOON, campaign, slot
from shareasm.domain.cards import PageCard, card_urls, complete, linked_urls
from shareasm.domain.queue import DraftCard, PlannedEntry, plan_entries
from shareasm.domain.schedules import Schedule

URL = "https://press.example/paper"
PAGE = PageCard(NOON, title="A paper", description="What we found", thumb="aa.jpg")


def planned(card: DraftCard | None, account: str = "sky", text: str = "Look #shareASM") -> PlannedEntry:
    [entry] = plan_entries(campaign(), Schedule((slot("a", text, accounts=(account,)),)))
    return replace(entry, draft=replace(entry.draft, card=card))


def card_of(entry: PlannedEntry, known: dict[str, PageCard]) -> DraftCard | None:
    return complete([entry], known)[0].draft.card


def test_a_bare_address_gets_the_title_of_its_page() -> None:
    assert card_of(planned(DraftCard(URL, URL)), {URL: PAGE}) == DraftCard(URL, "A paper", "What we found", "aa.jpg")


def test_what_the_team_wrote_stays_before_what_the_page_says() -> None:
    card = DraftCard(URL, "Our title", "guide · Amina · 2021")
    assert card_of(planned(card), {URL: PAGE}) == DraftCard(
        URL, "Our title", "guide · Amina · 2021 · What we found", "aa.jpg"
    )


def test_a_page_that_was_not_read_changes_nothing() -> None:
    card = DraftCard(URL, "Our title")
    assert card_of(planned(card), {}) == card
    assert card_of(planned(None), {URL: PAGE}) is None


def test_only_bluesky_needs_cards_of_ours() -> None:
    ours, theirs = planned(DraftCard(URL, URL)), planned(DraftCard(URL, URL), account="ours")
    assert card_urls([ours, theirs, ours]) == [URL]
    assert card_of(theirs, {URL: PAGE}) == DraftCard(URL, URL)


def test_every_address_that_a_reader_may_follow_is_named_with_its_first_post() -> None:
    first = planned(DraftCard(URL, URL), text="See https://other.example/x. #shareASM")
    second = planned(None, account="ours", text="https://other.example/x again #shareASM")
    assert linked_urls([first, second]) == {URL: first.key, "https://other.example/x": first.key}
