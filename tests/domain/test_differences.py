"""A changed plan against the queue: told apart as a person reads it, and nothing is left of it once it is carried out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, campaign, minutes, schedule, slot
from shareasm.domain.differences import Difference, difference, parts_changed, parts_that_stay
from shareasm.domain.queue import (
    Add,
    Cancel,
    Change,
    DraftCard,
    DraftMedia,
    PlannedEntry,
    QueueEntry,
    State,
    plan_entries,
)
from shareasm.domain.schedules import Slot


def planned(*slots: Slot) -> list[PlannedEntry]:
    return plan_entries(campaign(), schedule(*slots))


def queued(entries: Sequence[PlannedEntry], state: State = State.WAITING, **changes: object) -> list[QueueEntry]:
    """The queue as it is after `entries` were planned."""
    return [
        replace(
            QueueEntry(number, "day", e.key, e.network, e.due_at, e.expires_at, e.draft, f"key {number}", state),
            **changes,  # type: ignore[arg-type]
        )
        for number, e in enumerate(entries)
    ]


def carried_out(found: Difference, before: Sequence[QueueEntry]) -> list[QueueEntry]:
    """The queue after the intents; what `storage.queue.apply` does, without a store."""
    after = {entry.key: entry for entry in before}
    for number, intent in enumerate(found.intents):
        match intent:
            case Add(plan):
                [after[plan.key]] = queued([plan], id=1000 + number)
            case Change(entry, plan):
                values = {"draft": plan.draft, "due_at": plan.due_at, "expires_at": plan.expires_at}
                after[entry.key] = replace(entry, state=State.WAITING, attempt_count=0, **values)  # type: ignore[arg-type]
            case Cancel(entry):
                after[entry.key] = replace(entry, state=State.CANCELLED)
    return list(after.values())


def test_the_same_plan_is_no_difference() -> None:
    plan = planned(slot(), slot("more", "One #shareASM", "Two #shareASM"))
    assert difference(plan, queued(plan)) == Difference()


def test_new_moved_changed_and_taken_out_are_told_apart() -> None:
    before = planned(slot("moved"), slot("changed", "Old #shareASM"), slot("out"), slot("adjusted"))
    after = planned(
        slot("moved", at=NOON + minutes(5)),
        slot("changed", "New #shareASM"),
        slot("adjusted", late_for=timedelta(hours=2)),
        slot("new"),
    )
    found = difference(after, queued(before))
    assert [entry.key.slot for entry in found.new] == ["new"]
    assert [change.entry.key.slot for change in found.moved] == ["moved"]
    assert [change.entry.key.slot for change in found.changed] == ["changed"]
    assert [change.entry.key.slot for change in found.adjusted] == ["adjusted"]
    assert [entry.key.slot for entry in found.taken_out] == ["out"]
    assert found.sent_changed == found.sent_moved == found.in_doubt == found.back == ()


def test_what_is_moved_and_changed_is_both() -> None:
    found = difference(planned(slot("welcome", "New #shareASM", at=NOON + minutes(5))), queued(planned(slot())))
    assert len(found.moved) == len(found.changed) == len(found.intents) == 1


def test_what_was_taken_out_and_is_planned_again_is_back() -> None:
    plan = planned(slot())
    found = difference(plan, queued(plan, State.CANCELLED))
    assert [change.entry.key.slot for change in found.back] == ["welcome"]
    assert found.changed == found.moved == ()


def test_what_a_person_took_back_does_not_return_with_the_plan() -> None:
    plan = planned(slot())
    assert difference(plan, queued(plan, State.CANCELLED, withdraw_reason="a wrong name")).is_nothing
    assert difference(plan, queued(plan, State.WITHDRAWN, withdraw_reason="a wrong name")).is_nothing


def test_what_is_sent_again_keeps_its_time_and_takes_new_words() -> None:
    entry = queued(planned(slot("welcome", "Old #shareASM")), resent_at=NOON, expires_at=None)
    later = planned(slot("welcome", "New #shareASM", at=NOON + minutes(90)))
    found = difference(later, entry)
    assert found.moved == found.adjusted == ()
    [change] = found.changed
    assert (change.planned.due_at, change.planned.expires_at) == (NOON, None)
    assert difference(later, carried_out(found, entry)).is_nothing


def test_what_was_sent_stays_sent_and_its_new_words_are_named_apart() -> None:
    before = planned(slot("welcome", "Old #shareASM"))
    after = planned(slot("welcome", "New #shareASM", at=NOON + minutes(5)))
    found = difference(after, queued(before, State.PUBLISHED))
    assert found.is_nothing
    assert [change.planned.draft.text for change in found.sent_changed] == ["New #shareASM"]
    assert len(found.sent_moved) == 1


@pytest.mark.parametrize("state", [State.CLAIMED, State.UNKNOWN])
def test_what_may_be_out_is_left_as_it_is_and_named(state: State) -> None:
    before = queued(planned(slot("welcome", "Old #shareASM")), state, attempt_count=1)
    found = difference(planned(slot("welcome", "New #shareASM")), before)
    assert found.is_nothing
    assert len(found.in_doubt) == 1


@pytest.mark.parametrize("state", [State.CLAIMED, State.UNKNOWN, State.PUBLISHED])
def test_what_may_be_out_and_is_taken_out_of_the_plan_is_named(state: State) -> None:
    found = difference([], queued(planned(slot()), state, attempt_count=1))
    assert (found.is_nothing, [entry.key.slot for entry in found.left]) == (True, ["welcome"])


def test_what_was_refused_is_named_and_keeps_its_words_until_a_person_sends_it_again() -> None:
    before = queued(planned(slot("welcome", "Old #shareASM")), State.FAILED, attempt_count=1)
    found = difference(planned(slot("welcome", "New #shareASM")), before)
    assert (found.is_nothing, len(found.refused), found.in_doubt) == (True, 1, ())


def test_what_changed_is_named_in_words() -> None:
    [plan] = planned(slot())
    [entry] = queued([plan])
    other = replace(plan.draft, text="x", media=(DraftMedia("a.png", "a"),), content_warning="w")
    assert parts_changed(Change(entry, replace(plan, draft=other))) == ["text", "pictures", "content warning"]
    assert parts_that_stay(Change(entry, replace(plan, draft=replace(other, visibility="unlisted")))) == ["visibility"]


def test_what_a_linked_page_says_of_itself_is_nobodys_edit() -> None:
    [plan] = planned(slot())
    [entry] = queued([replace(plan, draft=replace(plan.draft, card=DraftCard("https://a.example", "Old")))])
    fetched = replace(plan, draft=replace(plan.draft, card=DraftCard("https://a.example", "New", "and more", "x.jpg")))
    assert parts_changed(Change(entry, fetched)) == []
    elsewhere = replace(plan, draft=replace(plan.draft, card=DraftCard("https://b.example", "New")))
    assert parts_changed(Change(entry, elsewhere)) == ["link"]


slots = st.lists(
    st.builds(
        lambda number, text, after, late, parts: slot(
            f"slot-{number}",
            *[f"{text} {part} #shareASM" for part in range(parts)],
            at=NOON + minutes(after),
            late_for=minutes(late),
        ),
        st.integers(0, 5),
        st.sampled_from("abc"),
        st.integers(0, 2),
        st.sampled_from([30, 60]),
        st.integers(1, 3),
    ),
    unique_by=lambda made: made.id,
    max_size=5,
)
states = st.tuples(
    st.sampled_from(list(State)), st.integers(0, 1), st.sampled_from([None, "a reason"]), st.sampled_from([None, NOON])
)


@given(slots, slots, st.lists(states, min_size=20, max_size=20))
def test_a_plan_taken_twice_means_nothing_the_second_time(
    before: list[Slot], after: list[Slot], fates: list[tuple[State, int, str | None, None]]
) -> None:
    entries = [
        replace(entry, state=state, attempt_count=tries, withdraw_reason=reason, resent_at=resent)
        for entry, (state, tries, reason, resent) in zip(queued(planned(*before)), fates, strict=False)
    ]
    plan = planned(*after)
    first = difference(plan, entries)
    assert difference(plan, carried_out(first, entries)).is_nothing
    named = [*first.new, *first.changed, *first.moved, *first.adjusted, *first.back, *first.taken_out]
    assert bool(named) == bool(first.intents)  # nothing happens that is not named
    sent = {entry.key for entry in entries if entry.state in {State.PUBLISHED, State.WITHDRAWING, State.WITHDRAWN}}
    assert not {intent.entry.key for intent in first.intents if not isinstance(intent, Add)} & sent


@pytest.mark.parametrize("is_still_planned", [True, False])
def test_only_what_a_sender_has_in_hand_may_come_back(is_still_planned: bool) -> None:
    before, after = planned(slot()), planned(slot("welcome", "Good evening")) if is_still_planned else []
    assert difference(after, queued(before, State.CLAIMED)).may_come_back
    assert not difference(after, queued(before, State.PUBLISHED)).may_come_back
    assert not difference(before, queued(before, State.CLAIMED)).may_come_back
