"""A post without the tag stands below what it answers, and never by itself."""

import pytest

from shareasm.domain.conversations import standing
from shareasm.domain.posts import Network, PostRef

TAGGED, HIDDEN, FIRST, SECOND, OTHER = (PostRef(Network.MASTODON, f"https://one.example/{n}") for n in "abcde")


def test_an_answer_stands_below_a_post_that_is_shown() -> None:
    assert standing({FIRST: TAGGED}, {TAGGED, FIRST}) == {FIRST}


def test_an_answer_to_an_answer_stands_as_well() -> None:
    assert standing({SECOND: FIRST, FIRST: TAGGED}, {TAGGED, FIRST, SECOND}) == {FIRST, SECOND}


def test_what_answers_something_that_is_not_shown_is_not_shown_and_takes_its_answers_along() -> None:
    assert standing({FIRST: HIDDEN, SECOND: FIRST}, {TAGGED, FIRST, SECOND}) == set()


def test_an_answer_in_the_middle_that_is_not_shown_holds_nothing() -> None:
    assert standing({FIRST: TAGGED, SECOND: FIRST}, {TAGGED, SECOND}) == set()


def test_what_answers_nothing_that_we_know_is_no_voice_of_its_own() -> None:
    assert standing({FIRST: None}, {FIRST}) == set()


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_two_that_answer_each_other_hold_nothing(order: tuple[PostRef, PostRef]) -> None:
    one, other = order
    assert standing({one: other, other: one, OTHER: one}, {FIRST, SECOND, OTHER}) == set()
