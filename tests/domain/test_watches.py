"""The gap log: what was not watched is known from when it was."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, minutes
from shareasm.domain.watches import Gap, Kind, Watch, gaps

UNTIL = NOON + minutes(600)


def watch(began: float, ended: float, reason: str = "") -> Watch:
    return Watch(NOON + minutes(began), NOON + minutes(ended), reason)


def found(*watches: Watch) -> list[Gap]:
    return list(gaps("s", watches, NOON, UNTIL))


def test_a_source_watched_all_the_time_has_no_gap() -> None:
    assert found(watch(-5, 601)) == []


def test_a_silence_between_two_watches_is_a_gap_with_the_reason_of_what_ended_it() -> None:
    assert found(watch(0, 60), watch(90, 600, "it did not answer")) == [
        Gap("s", NOON + minutes(60), NOON + minutes(90), "it did not answer")
    ]


def test_a_source_that_was_never_watched_is_one_gap_that_lasts() -> None:
    assert found() == [Gap("s", NOON, None, "nobody was looking")]


def test_a_gap_ends_where_the_window_does() -> None:
    assert found(watch(0, 60), watch(700, 800, "asleep")) == [Gap("s", NOON + minutes(60), UNTIL, "asleep")]


def test_a_pause_shorter_than_four_reads_is_no_gap() -> None:
    assert found(watch(0, 60), watch(62, 598)) == []


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), max_size=12))
def test_every_minute_is_either_watched_or_in_a_gap_or_next_to_a_watch(spans: list[tuple[int, int]]) -> None:
    watches = sorted(watch(began, began + length) for began, length in spans)
    log = found(*watches)
    for minute in range(601):
        at = NOON + minutes(minute)
        in_gap = any(gap.opens_at < at and (gap.closes_at is None or at < gap.closes_at) for gap in log)
        watched = any(one.began_at <= at <= one.ended_at for one in watches)
        near = minute == 0 or any(
            one.began_at - timedelta(minutes=3) <= at <= one.ended_at + timedelta(minutes=3) for one in watches
        )
        assert watched or in_gap or near or minute >= 597
        assert not (watched and in_gap)


def test_a_gap_says_what_kind_it_is() -> None:
    begins, ends = NOON, NOON + minutes(60)
    assert Gap("s", begins, ends, "nobody was looking").kind(is_worker_alive=True) is Kind.NOBODY
    assert Gap("s", begins, None, "nobody was looking").kind() is Kind.NOBODY
    assert Gap("s", begins, None, "nobody was looking").kind(is_worker_alive=True) is Kind.LATE
    assert Gap("s", begins, ends, "throttled: too many requests").kind() is Kind.THROTTLED
    assert Gap("s", begins, None, "connection refused").kind(is_worker_alive=True) is Kind.BLIND


def test_a_gap_tells_what_a_server_said_apart_from_our_own_words() -> None:
    begins, ends = NOON, NOON + minutes(5)
    assert Gap("s", begins, ends, "nobody was looking").was_told == ""
    assert Gap("s", begins, ends, "throttled: social.example: slow down").was_told == "social.example: slow down"
    assert Gap("s", begins, ends, "connection refused").was_told == "connection refused"
    assert Gap("s", begins, ends, "nobody was looking").kind().words == "nobody was looking"
