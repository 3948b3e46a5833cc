"""How long a thing is kept, counted from the end of the day or from when it was taken back."""

from datetime import timedelta

import pytest

from factories import CLOSES
from shareasm.domain.keeping import YEAR, Keep, in_words, is_over, is_raw_over, may_come_late

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("keep", "taken_back_after", "is_ours", "over_after"),
    [
        (Keep(), -DAY, False, 30 * DAY),  # taken back on the day: counted from its end
        (Keep(), 10 * DAY, False, 40 * DAY),
        (Keep(unshown=timedelta()), 10 * DAY, False, 10 * DAY),
        (Keep(), 10 * DAY, True, 40 * DAY),  # also of ours
        (Keep(posts=2 * YEAR), None, False, 2 * YEAR),
        (Keep(posts=2 * YEAR), 10 * DAY, False, 40 * DAY),
    ],
)
def test_a_post_has_its_time(
    keep: Keep, taken_back_after: timedelta | None, is_ours: bool, over_after: timedelta
) -> None:
    since = None if taken_back_after is None else CLOSES + taken_back_after
    for moment, over in ((over_after - DAY / 24, False), (over_after, True)):
        given = {"closes_at": CLOSES, "unshown_since": since, "is_ours": is_ours, "now": CLOSES + moment}
        assert is_over(keep, **given) is over  # type: ignore[arg-type]


@pytest.mark.parametrize(("keep", "is_ours"), [(Keep(), False), (Keep(posts=YEAR), True)])
def test_what_the_page_shows_stays_and_so_does_what_we_published(keep: Keep, is_ours: bool) -> None:
    assert not is_over(keep, closes_at=CLOSES, unshown_since=None, is_ours=is_ours, now=CLOSES + 99 * YEAR)


def test_raw_copies_have_their_own_time() -> None:
    assert not is_raw_over(Keep(), CLOSES, CLOSES + 89 * DAY)
    assert is_raw_over(Keep(), CLOSES, CLOSES + 90 * DAY)


@pytest.mark.parametrize(
    ("length", "words"),
    [(90 * DAY, "90 days"), (DAY, "1 day"), (YEAR, "1 year"), (2 * YEAR, "2 years"), (400 * DAY, "400 days")],
)
def test_times_are_said_as_people_say_them(length: timedelta, words: str) -> None:
    assert in_words(length) == words


@pytest.mark.parametrize(
    ("keep", "until"),
    [(Keep(), 3 * DAY), (Keep(posts=DAY), DAY), (Keep(posts=YEAR, raw=2 * DAY), 2 * DAY), (Keep(unshown=DAY), DAY)],
)
def test_what_comes_late_is_taken_in_for_three_days_and_not_where_it_would_go_at_once(
    keep: Keep, until: timedelta
) -> None:
    assert may_come_late(keep, CLOSES, CLOSES + until - DAY / 24)
    assert not may_come_late(keep, CLOSES, CLOSES + until)
