"""What is on time goes at once; what is overdue goes oldest first and spaced, and never misses its limit by waiting."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, minutes
from shareasm.domain.turns import CALL, SPACE, Due, Turn, next_turn, turns_from

SECOND = timedelta(seconds=1)
HALF_AN_HOUR = timedelta(minutes=30)


def due(number: int, late: timedelta, limit: timedelta | None = HALF_AN_HOUR, *, may_wait: bool = True) -> Due:
    """An entry that was due `late` ago, and may be so late."""
    return Due(number, NOON - late, NOON - late + limit if limit else None, may_wait)


def test_nothing_due_is_nobodys_turn() -> None:
    assert next_turn([], NOON, NOON) == Turn()


def test_what_is_on_time_goes_in_order_however_recently_something_was_sent() -> None:
    assert next_turn([due(1, SECOND), due(2, SECOND)], NOON, NOON).id == 1


def test_what_is_on_time_is_not_held_up_by_what_is_overdue() -> None:
    assert next_turn([due(1, minutes(20)), due(2, SECOND)], NOON, NOON).id == 2


def test_what_is_overdue_waits_a_while_after_the_last_one() -> None:
    overdue = [due(1, minutes(20), None), due(2, minutes(10), None)]
    assert next_turn(overdue, NOON, None) == Turn(1)
    assert next_turn(overdue, NOON, NOON - SECOND) == Turn(at=NOON - SECOND + SPACE)
    assert next_turn(overdue, NOON, NOON - SPACE) == Turn(1)


def test_a_thread_that_has_begun_and_a_lost_answer_do_not_wait() -> None:
    assert next_turn([due(1, minutes(20), may_wait=False)], NOON, NOON) == Turn(1)


def test_a_clock_that_was_set_back_keeps_nothing_waiting_for_hours() -> None:
    assert next_turn([due(1, minutes(20))], NOON, NOON + minutes(60)).id == 1


def test_the_space_shrinks_where_waiting_would_miss_the_limit() -> None:
    ten = [due(number, minutes(29)) for number in range(10)]  # a minute is left for all of them
    turns = turns_from(ten, NOON, None)
    assert turns[0] == NOON
    assert turns[-1] <= NOON + minutes(1)
    assert all(after - before > SECOND for before, after in pairwise(turns))


@given(
    st.lists(st.tuples(st.integers(61, 40 * 60), st.one_of(st.none(), st.integers(0, 60 * 60))), max_size=30),
    st.one_of(st.none(), st.integers(0, 120)),
)
def test_overdue_posts_keep_their_order_and_those_that_can_be_in_time_are(
    lates: list[tuple[int, int | None]], ago: int | None
) -> None:
    overdue = [
        Due(
            number,
            NOON - late * SECOND,
            NOON + CALL + left * SECOND if left is not None else None,
            may_wait=True,
        )
        for number, (late, left) in enumerate(sorted(lates, key=lambda pair: -pair[0]))
    ]
    turns = turns_from(overdue, NOON, None if ago is None else NOON - ago * SECOND)
    assert turns == sorted(turns)
    assert all(at <= entry.expires_at for entry, at in zip(overdue, turns, strict=True) if entry.expires_at)
    assert all(at <= NOON + SPACE * (number + 1) for number, at in enumerate(turns))
