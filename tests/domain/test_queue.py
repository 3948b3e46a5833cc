"""The queue's rules: what a plan asks for, what may follow what, and keys that are made once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, campaign, schedule, slot
from shareasm.domain.campaigns import Edition, Partner, Resource, Role
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import (
    NEXT,
    Add,
    Cancel,
    Change,
    DraftCard,
    DraftPoll,
    DraftVideo,
    PlannedEntry,
    QueueEntry,
    Receipt,
    State,
    WhoMayReply,
    plan_entries,
    reconcile,
    tid,
    time_of_tid,
)
from shareasm.domain.schedules import Due, Label, Late, Part, Picture, Poll, Slot, Video

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
    for network in (Network.BLUESKY, Network.MASTODON):
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


def test_a_post_with_a_video_has_no_card_and_says_its_link() -> None:
    video = Video("hello.mp4", {"en": "A wave"}, "us", "CC0-1.0", {"en": "hello.en.vtt", "fr": "hello.fr.vtt"})
    part = Part({"en": {"": "Look #shareASM"}, "fr": {"": "Voyez #shareASM"}}, video=video)
    slots = slot(accounts=BOTH, parts=(part,), link="https://y.example")
    draft = on(Network.BLUESKY, slots).draft
    assert (draft.text, draft.card) == ("Look #shareASM\n\nhttps://y.example", None)
    assert draft.video == DraftVideo("hello.mp4", "A wave", (("en", "hello.en.vtt"), ("fr", "hello.fr.vtt")))
    assert entries(slots)[-1].draft.video == draft.video  # the only alt text there is


def test_a_poll_is_asked_in_the_posts_language_where_there_are_polls() -> None:
    poll = Poll({"en": ("Yes", "No"), "fr": ("Oui", "Non")}, timedelta(hours=24), is_multiple=True)
    part = Part({"en": {"": "Well? #shareASM"}, "fr": {"": "Alors ? #shareASM"}}, poll=poll)
    day = replace(DAY, accounts=(replace(DAY.accounts[0], languages=("en", "fr")), DAY.accounts[1]))
    drafts = [entry.draft for entry in plan_entries(day, schedule(slot(accounts=BOTH, parts=(part,))))]
    assert [draft.poll for draft in drafts] == [
        DraftPoll(("Yes", "No"), timedelta(hours=24), is_multiple=True),
        DraftPoll(("Oui", "Non"), timedelta(hours=24), is_multiple=True),
        None,
        None,
    ]
    assert [draft.text for draft in drafts] == ["Well? #shareASM", "Alors ? #shareASM"] * 2


def test_answers_for_all_languages_are_asked_in_each() -> None:
    assert Poll({"": ("1", "2")}, timedelta(hours=1)).options_in("fr") == ("1", "2")


def test_only_the_first_part_answers_and_quotes_and_every_part_keeps_the_slots_rules() -> None:
    planned = slot(
        "t", "one", "two", reply_to="a", quotes="b", labels=(Label.NUDITY,), who_may_reply=WhoMayReply.NOBODY,
        may_be_quoted=False,
    )  # fmt: skip
    root, further = (entry.draft for entry in entries(planned))
    assert (root.reply_to, root.quotes) == ("a", "b")
    assert (further.reply_to, further.quotes) == (None, None)
    for draft in (root, further):
        assert draft.labels == ("nudity",)
        assert draft.who_may_reply is WhoMayReply.NOBODY
        assert not draft.may_be_quoted


def test_a_partner_is_named_by_its_handle_on_each_network_else_by_its_name() -> None:
    both = Partner("arm", "Alliance", Role.CIVIL_SOCIETY, accounts=("@arm.example", "@arm@social.example"))
    one = Partner("radio", "Radio Faraba", Role.MEDIA, accounts=("@radio@social.example",))
    day = campaign(partners=(both, one))
    planned = schedule(slot("a", "With {@arm} and {@radio} #shareASM", accounts=BOTH))
    assert [entry.draft.text for entry in plan_entries(day, planned)] == [
        "With @arm@social.example and @radio@social.example #shareASM",
        "With @arm.example and Radio Faraba #shareASM",
    ]


def test_each_account_may_have_its_own_instant() -> None:
    early, late = Due(NOON - timedelta(hours=3), "Africa/Dar_es_Salaam"), Due(NOON, "Europe/London")
    welcome = slot("welcome", at=early.at, accounts=BOTH, own_dues={"sky": early, "ours": late})
    made = entries(slot("between", at=NOON - timedelta(hours=1)), welcome)
    assert [(entry.key.slot, entry.key.account, entry.due_at) for entry in made] == [
        ("welcome", "sky", early.at),
        ("between", "ours", NOON - timedelta(hours=1)),
        ("welcome", "ours", NOON),
    ]
    assert made[2].expires_at == NOON + timedelta(minutes=30)


def test_an_entry_is_named_as_people_count() -> None:
    assert [entry.key.name for entry in entries(slot("welcome", "one", "two"))] == [
        "welcome (en) on ours",
        "welcome part 2 (en) on ours",
    ]


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


@pytest.mark.parametrize("state", [State.CLAIMED, State.PUBLISHED, State.UNKNOWN])
def test_what_may_be_out_there_is_never_changed_nor_cancelled(state: State) -> None:
    was, now = entries(slot())[0], entries(slot(at=NOON + timedelta(hours=1)))[0]
    assert reconcile([now], [queued(was, state)]) == []
    assert reconcile([], [queued(was, state)]) == []


@pytest.mark.parametrize("state", [State.MISSED, State.FAILED])
def test_what_is_surely_not_out_waits_again_when_it_is_put_off(state: State) -> None:
    was, now = entries(slot())[0], entries(slot(at=NOON + timedelta(hours=1)))[0]
    assert reconcile([now], [queued(was, state, attempts=1)]) == [Change(queued(was, state, attempts=1), now)]
    assert reconcile([was], [queued(now, state, attempts=1)]) == []  # an earlier time gives no second chance


def test_what_a_person_sends_again_keeps_its_own_time() -> None:
    was, now = entries(slot())[0], entries(slot(at=NOON + timedelta(hours=1)))[0]
    again = replace(queued(was), resent_at=NOON)
    assert reconcile([now], [again]) == []
    other = entries(slot("welcome", "other #shareASM"))[0]
    assert reconcile([other], [again]) == [Change(again, other)]


def test_what_a_person_took_back_before_it_went_out_stays_so() -> None:
    planned = entries(slot())[0]
    taken_back = replace(queued(planned, State.CANCELLED), withdraw_reason="wrong day")
    assert reconcile([planned], [taken_back]) == []


def test_what_was_tried_and_surely_not_done_follows_the_plan() -> None:
    was, now = entries(slot())[0], entries(slot("welcome", "other #shareASM"))[0]
    waiting = queued(was, attempts=1)
    assert reconcile([now], [waiting]) == [Change(waiting, now)]
    assert reconcile([], [waiting]) == [Cancel(waiting)]


def test_what_a_person_sends_again_after_a_lost_answer_keeps_its_words() -> None:
    was, now = entries(slot())[0], entries(slot("welcome", "other #shareASM"))[0]
    again = replace(queued(was, attempts=1), resent_at=NOON)
    assert reconcile([now], [again]) == reconcile([], [again]) == []


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


@given(st.integers(0, 2**53 - 1), st.integers(0, 1023))
def test_a_record_key_tells_when_it_was_made(microseconds: int, clock_id: int) -> None:
    made_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert time_of_tid(tid(microseconds, clock_id)) == made_at


@pytest.mark.parametrize("text", ["", "3kb", "k" * 13, "3" + "1" * 12])
def test_what_is_no_record_key_tells_no_time(text: str) -> None:
    assert time_of_tid(text) is None


def test_a_receipt_is_equal_to_itself_read_back() -> None:
    import msgspec

    receipt = Receipt(PostRef(Network.MASTODON, "https://x.example/1"), "https://x.example/@us/1", "1")
    assert msgspec.json.decode(msgspec.json.encode(receipt), type=Receipt) == receipt
