"""How long who is left alone: every rule, without a clock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from factories import NOON, minutes
from shareasm.domain.patience import (
    MOST_TRIES,
    TRY_AGAIN_AFTER,
    fresh_for,
    last_round_begins_at,
    left_alone_until,
    next_night,
    next_read_at,
    next_round_at,
    retry_after,
)
from shareasm.errors import LeftAlone, NetworkError, RateLimited, Rejected, Unauthorized, Unreachable

SERVER = "https://memory.example"
DOWN = Unreachable("connection refused", server=SERVER)
REFUSED = Unauthorized("token revoked", server=SERVER)
NOW_AND_THEN = NOON + minutes(4)
LIMITED = RateLimited("slow down", server=SERVER, until=NOON + minutes(7))


@pytest.mark.parametrize(
    ("error", "failure_count", "wait"),
    [
        (DOWN, 0, timedelta(seconds=30)),
        (DOWN, 2, minutes(2)),
        (DOWN, 2000, minutes(15)),
        (LIMITED, 5, minutes(7)),
        (REFUSED, 0, minutes(15)),
        (LeftAlone("left alone", server=SERVER, until=NOW_AND_THEN), 0, minutes(4)),
    ],
    ids=["once", "three times", "for hours", "rate limited", "unauthorized", "left alone with its server"],
)
def test_a_source_that_fails_is_left_alone_for_a_while(
    error: NetworkError, failure_count: int, wait: timedelta
) -> None:
    assert next_read_at(error, failure_count, NOON) == NOON + wait


@pytest.mark.parametrize("error", [DOWN, REFUSED])
def test_no_two_wait_equally_long(error: NetworkError) -> None:
    waits = [next_read_at(error, 1, NOON, chance) - NOON for chance in (0.0, 0.5, 1.0)]
    assert [wait / waits[0] for wait in waits] == [1, 1.125, 1.25]


@pytest.mark.parametrize(("tries", "seconds"), [(0, 5), (1, 10), (3, 40), (6, 300), (2000, 300)])
def test_a_post_of_ours_is_tried_again_soon_and_then_less_often(tries: int, seconds: int) -> None:
    assert retry_after(tries) == timedelta(seconds=seconds)
    assert retry_after(tries, chance=1.0) == timedelta(seconds=seconds * 1.25)


@pytest.mark.parametrize(("failures", "seconds"), [(0, None), (4, None), (5, 30), (7, 120), (99, 900)])
def test_a_server_is_left_alone_after_five_failures_in_a_row(failures: int, seconds: int | None) -> None:
    until = left_alone_until(failures, NOON)
    assert until == (None if seconds is None else NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("said", "age", "seconds"),
    [
        ("max-age=15, public, stale-while-revalidate=30", "", 15),
        ("public, max-age=15", "5", 10),
        ("public, max-age=15", "90", 0),
        ("Max-Age=60", "nonsense", 60),
        ("max-age=3600", "", 300),
        ("max-age=99999999999", "", 0),
        ("private, max-age=60", "", 0),
        ("no-store, max-age=60", "", 0),
        ("no-cache, max-age=60", "", 0),
        ("", "", 0),
    ],
)
def test_a_cache_answers_the_same_for_as_long_as_the_answer_says(said: str, age: str, seconds: int) -> None:
    assert fresh_for(said, age) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("takes", "before"),
    [(timedelta(seconds=20), timedelta()), (minutes(10), timedelta(minutes=12.5)), (minutes(200), minutes(60))],
    ids=["at once", "as long as it takes", "an hour before, for what is older is not fresh"],
)
def test_asking_about_everything_begins_in_time_for_the_end_of_the_day(takes: timedelta, before: timedelta) -> None:
    assert last_round_begins_at(NOON, takes, minutes(60)) == NOON - before


@pytest.mark.parametrize(
    ("errors", "tries", "wait"),
    [
        ([], 0, timedelta()),
        ([], 1, None),
        ([REFUSED], 0, timedelta()),
        ([REFUSED], 1, None),
        ([Rejected("no", server=SERVER)], 1, None),
        ([LIMITED], 0, minutes(7)),
        ([LIMITED], 99, minutes(7)),
        ([RateLimited("slow down", server=SERVER, until=NOON)], 1, TRY_AGAIN_AFTER),
        ([DOWN, LIMITED], 1, TRY_AGAIN_AFTER),
        ([DOWN], MOST_TRIES - 1, TRY_AGAIN_AFTER),
        ([DOWN], MOST_TRIES, None),
        ([DOWN, LIMITED], MOST_TRIES, minutes(7)),
    ],
)
def test_a_round_is_followed_by_another_where_that_may_bring_an_answer(
    errors: list[NetworkError], tries: int, wait: timedelta | None
) -> None:
    assert next_round_at(errors, NOON, tries) == (None if wait is None else NOON + wait)


@pytest.mark.parametrize(
    ("now", "zone", "night"),
    [
        ("2027-02-03T22:00+00:00", "Europe/London", "2027-02-04T03:30+00:00"),
        ("2027-02-04T03:29+00:00", "Europe/London", "2027-02-04T03:30+00:00"),
        ("2027-02-04T03:30+00:00", "Europe/London", "2027-02-05T03:30+00:00"),
        ("2027-02-03T22:00+00:00", "America/Bogota", "2027-02-04T08:30+00:00"),
        ("2027-03-27T22:00+00:00", "Europe/London", "2027-03-28T02:30+00:00"),
    ],
    ids=["this evening", "a minute before", "then", "elsewhere", "the night when clocks jump"],
)
def test_the_nightly_look_is_at_half_past_three_where_the_campaign_is(now: str, zone: str, night: str) -> None:
    assert next_night(datetime.fromisoformat(now), ZoneInfo(zone)) == datetime.fromisoformat(night)
