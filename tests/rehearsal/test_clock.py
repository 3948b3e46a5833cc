"""The clocks: real time, a fast day that waits for work, and the one that tests set."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clocks import FixedClock
from shareasm.clock import Clock, SystemClock
from shareasm.rehearsal.clock import BREATH, LONGEST_STAND_S, FastClock

START = datetime(2027, 2, 3, 6, tzinfo=UTC)


class Ticks:
    """Real time as a test moves it."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_every_clock_can_stand_for_the_real_one() -> None:
    clocks: list[Clock] = [SystemClock(), FastClock(START, 60), FixedClock()]
    for clock in clocks:
        assert clock.now().tzinfo is UTC
        assert clock.seconds_until(clock.now() - timedelta(hours=1)) == 0
        assert clock.pace(0) == 0
        with clock.held():
            pass


def test_the_real_clock_waits_in_real_seconds() -> None:
    clock = SystemClock()
    assert 59 < clock.seconds_until(clock.now() + timedelta(minutes=1)) <= 60
    assert clock.pace(30) == 30


def test_a_day_passes_in_a_minute() -> None:
    ticks = Ticks()
    clock = FastClock(START, 1440, ticks=ticks)
    assert clock.seconds_until(START + timedelta(days=1)) == pytest.approx(60)
    assert clock.pace(1440) == 1
    ticks.seconds += 60
    assert clock.now() == START + timedelta(days=1)


def test_a_start_in_another_zone_is_the_same_instant() -> None:
    clock = FastClock(START.astimezone(timezone(timedelta(hours=5))), 1, ticks=Ticks())
    assert clock.now() == START
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize(("start", "speed"), [(datetime(2027, 2, 3), 1), (START, 0), (START, -1)])  # noqa: DTZ001
def test_a_clock_without_zone_or_speed_is_refused(start: datetime, speed: float) -> None:
    with pytest.raises(ValueError, match="A clock"):
        FastClock(start, speed)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1000)), max_size=30), st.floats(0.1, 5000))
def test_time_passes_only_while_nobody_holds_it(moves: list[tuple[bool, float]], speed: float) -> None:
    ticks = Ticks()
    clock = FastClock(START, speed, ticks=ticks)
    free = 0.0
    with ExitStack() as blocks:
        holds: list[ExitStack] = []
        for takes_hold, seconds in moves:
            if takes_hold:
                holds.append(blocks.enter_context(ExitStack()))
                holds[-1].enter_context(clock.held())
            elif holds:
                holds.pop().close()
            before = clock.now()
            ticks.seconds += seconds
            free += 0 if holds else seconds
            assert (clock.now() == before) if holds else (clock.now() >= before)
    expected = START + timedelta(seconds=free * speed)
    assert abs(clock.now() - expected) < timedelta(milliseconds=1 + free * speed * 1e-6)


def test_holds_of_many_threads_add_up() -> None:
    ticks = Ticks()
    clock = FastClock(START, 60, ticks=ticks)
    inside, leave = Barrier(9), Barrier(9)

    def work() -> None:
        for _ in range(200):
            with clock.held():
                clock.now()
        with clock.held():
            inside.wait()
            leave.wait()

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    inside.wait()
    ticks.seconds += 1000
    assert clock.now() == START
    leave.wait()
    for thread in threads:
        thread.join()
    ticks.seconds += 1
    assert clock.now() == START + timedelta(minutes=1)


def test_work_without_a_break_lets_nobody_begin_until_a_little_of_the_day_has_passed() -> None:
    ticks = Ticks()
    clock = FastClock(START, 60, ticks=ticks)
    came: list[datetime] = []

    def come() -> None:
        with clock.held():
            came.append(clock.now())

    with clock.held():
        ticks.seconds += 2 * LONGEST_STAND_S
        late = Thread(target=come)
        late.start()
        with clock.held():  # who works already goes on
            assert clock.now() == START
    assert not came
    while late.is_alive():  # it waits for ten minutes of the day, which are ten seconds
        ticks.seconds += 0.5
        late.join(0.01)
    assert came[0] - START >= BREATH


def test_who_comes_while_the_clock_moves_again_waits_for_nobody() -> None:
    ticks = Ticks()
    clock = FastClock(START, 60, ticks=ticks)
    with clock.held():
        ticks.seconds += 2 * LONGEST_STAND_S
    with clock.held():
        assert clock.now() == START


def test_work_that_fails_lets_time_go_on() -> None:
    ticks = Ticks()
    clock = FastClock(START, 60, ticks=ticks)
    with pytest.raises(LookupError), clock.held():
        raise LookupError
    ticks.seconds += 1
    assert clock.now() == START + timedelta(minutes=1)
