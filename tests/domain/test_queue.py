"""The queue's rules: what a plan asks for, what may follow what, and keys that are made once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, campaign, schedule, slot
from shareasm.domain.campaigns import Edition, Resource
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import (
    NEXT,
    Add,
    Cancel,
    Change,
    DraftCard,
    PlannedEntry,
    QueueEntry,
    Receipt,
    State,
    plan_entries,
    reconcile,
    tid,
)
from shareasm.domain.schedules import Late, Part, Picture, Slot

GUIDE = Resource(
    "guide",
    (Edition("en", "The guide", "https://x.example/en"), Edition("fr", "Le guide", "https://x.example/fr")),
    authors=("Yves", "Josephine"),
    year=2021,
    type="guide",
)
DAY = campaign(resources=(GUIDE,))
PAN = Picture("pan.png", {"en": "A pan", "fr": "Une batée"}, "us", "CC0-1.0", (0.0, 0.5))


def entries(*slots: Slot) -> list[PlannedEntry]:
    return plan_entries(DAY, schedule(*slots))


def on(network: Network, *slots: Slot) -> PlannedEntry:
    return next(entry for entry in entries(*slots) if entry.network is network)


def queued(planned: PlannedEntry, state: State = State.WAITING, attempts: int = 0) -> QueueEntry:
    return QueueEntry(
        1,
        DAY.slug,
        planned.key,
        planned.network,
        planned.due_at,
        planned.expires_at,
        planned.draft,
        "key",
        state,
        attempt_count=attempts,
    )


BOTH = ("ours", "sky")


def test_each_language_goes_to_each_account_that_speaks_it() -> None:
    made = entries(slot(accounts=BOTH, parts=(Part({"en": {"": "Hello"}, "fr": {"": "Bonjour"}}),)))
    assert [(entry.key.account, entry.key.language, entry.draft.text) for entry in made] == [
        ("ours", "en", "Hello"),
        ("sky", "en", "Hello"),
        ("sky", "fr", "Bonjour"),
    ]


def test_a_text_may_differ_per_network() -> None:
    part = Part({"en": {"bluesky": "short", "": "long"}})
    assert [entry.draft.text for entry in entries(slot(accounts=BOTH, parts=(part,)))] == ["long", "short"]


def test_a_link_follows_the_text_where_the_network_makes_cards_from_texts() -> None:
    planned = slot(accounts=BOTH, resource="guide")
    assert on(Network.MASTODON, planned).draft.text == "Good morning #shareASM\n\nhttps://x.example/en"
    sky = on(Network.BLUESKY, planned).draft
    assert sky.text == "Good morning #shareASM"
    assert sky.card == DraftCard("https://x.example/en", "The guide", "guide · Yves, Josephine · 2021")


def test_a_link_stands_where_the_text_says_so_on_every_network() -> None:
    planned = slot("a", "Read {link} today #shareASM", accounts=BOTH, resource="guide")
    for network in Network:
        assert on(network, planned).draft.text == "Read https://x.example/en today #shareASM"


def test_a_link_that_the_text_has_already_is_not_said_twice() -> None:
    planned = slot("a", "https://x.example/en #shareASM", resource="guide")
    assert on(Network.MASTODON, planned).draft.text == "https://x.example/en #shareASM"


def test_a_post_with_pictures_has_no_card_and_says_its_link() -> None:
    part = Part({"en": {"": "Look #shareASM"}}, (PAN,))
    draft = on(Network.BLUESKY, slot(accounts=BOTH, parts=(part,), link="https://y.example")).draft
    assert (draft.text, draft.card) == ("Look #shareASM\n\nhttps://y.example", None)
    assert [(media.file, media.alt, media.focus) for media in draft.media] == [("pan.png", "A pan", (0.0, 0.5))]


def test_a_bare_link_makes_a_card_titled_by_itself() -> None:
    draft = on(Network.BLUESKY, slot(accounts=BOTH, link="https://y.example")).draft
    assert draft.card == DraftCard("https://y.example", "https://y.example")


def test_only_the_first_part_of_a_thread_carries_the_link_unless_another_names_it() -> None:
    made = entries(slot("t", "one", "two", "three {link}", resource="guide"))
    assert [entry.draft.text for entry in made] == [
        "one\n\nhttps://x.example/en",
        "two",
        "three https://x.example/en",
    ]


@pytest.mark.parametrize(
    ("alt", "language", "expected"),
    [
        ({"en": "A pan", "fr": "Une batée"}, "fr", "Une batée"),
        ({"": "A pan"}, "fr", "A pan"),
        ({"en": "A pan"}, "es", "A pan"),
    ],
)
def test_a_picture_is_described_in_the_posts_language_where_it_can_be(
    alt: dict[str, str], language: str, expected: str
) -> None:
    assert replace(PAN, alt=alt).alt_in(language) == expected


@pytest.mark.parametrize(
    ("late", "expected"),
    [(Late.ALWAYS, None), (Late.NEVER, NOON + timedelta(seconds=30)), (Late.WITHIN, NOON + timedelta(minutes=30))],
)
def test_lateness_becomes_an_instant(late: Late, expected: datetime | None) -> None:
    assert entries(slot(late=late))[0].expires_at == expected


def test_the_same_plan_asks_for_nothing() -> None:
    planned = entries(slot())
    assert reconcile(planned, [queued(planned[0])]) == []


def test_a_new_slot_is_added_and_a_missing_one_cancelled() -> None:
    old, new = entries(slot("old"))[0], entries(slot("new"))[0]
    assert reconcile([new], [queued(old)]) == [Add(new), Cancel(queued(old))]


def test_a_moved_slot_is_changed_while_nobody_has_tried_it() -> None:
    was, now = entries(slot())[0], entries(slot(at=NOON + timedelta(hours=1)))[0]
    assert reconcile([now], [queued(was)]) == [Change(queued(was), now)]
    assert reconcile([now], [queued(was, State.MISSED)]) == [Change(queued(was, State.MISSED), now)]


@pytest.mark.parametrize("state", [State.CLAIMED, State.PUBLISHED, State.UNKNOWN, State.FAILED])
def test_what_may_be_out_there_is_never_changed_nor_cancelled(state: State) -> None:
    was, now = entries(slot())[0], entries(slot(at=NOON + timedelta(hours=1)))[0]
    assert reconcile([now], [queued(was, state)]) == []
    assert reconcile([], [queued(was, state)]) == []


def test_a_slot_that_was_tried_and_waits_again_keeps_its_words() -> None:
    was, now = entries(slot())[0], entries(slot("welcome", "other #shareASM"))[0]
    assert reconcile([now], [queued(was, attempts=1)]) == []


def test_a_cancelled_slot_that_comes_back_waits_again() -> None:
    planned = entries(slot())[0]
    assert reconcile([planned], [queued(planned, State.CANCELLED)]) == [
        Change(queued(planned, State.CANCELLED), planned)
    ]


def test_published_is_only_ever_taken_back_and_every_state_is_in_the_table() -> None:
    assert set(NEXT) == set(State)
    assert NEXT[State.PUBLISHED] == {State.WITHDRAWING}
    assert all(state not in NEXT[state] for state in State)


def test_a_record_key_is_thirteen_characters_that_servers_take() -> None:
    assert tid(0, 0) == "2" * 13
    key = tid(int(NOON.timestamp() * 1e6), 5)
    assert len(key) == 13
    assert key[0] in "234567abcdefghij"


@given(st.integers(0, 2**53 - 2), st.integers(0, 1023), st.integers(0, 1023))
def test_record_keys_sort_as_their_times(microseconds: int, one: int, other: int) -> None:
    assert tid(microseconds, one) < tid(microseconds + 1, other)


def test_a_receipt_is_equal_to_itself_read_back() -> None:
    import msgspec

    receipt = Receipt(PostRef(Network.MASTODON, "https://x.example/1"), "https://x.example/@us/1", "1")
    assert msgspec.json.decode(msgspec.json.encode(receipt), type=Receipt) == receipt
