"""However faults, deaths, two workers, a wrong clock and a person follow each other: no post stands twice, none is lost.

A walk through the states of the queue (`domain.queue.NEXT`) at random, once for each way in which servers take a repetition,
and every order of three faults on one post.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from itertools import chain, product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from factories import NOON, minutes
from shareasm import steer
from shareasm.domain.queue import CLAIM_FOR, State
from shareasm.domain.schedules import Late, Slot
from shareasm.errors import NetworkError, RateLimited, Rejected, Stale, Unauthorized, Unreachable
from shareasm.networks.ports import Repeat
from storage.crew import Crew

SERVER = "https://memory.example"
LOST = Unreachable("the line was cut", server=SERVER, is_outcome_unknown=True)
DOWN = Unreachable("connection refused", server=SERVER)


def refusals(crew: Crew) -> list[NetworkError]:
    """Return what a server says that has not done what it was asked."""
    return [
        DOWN,
        RateLimited("slow down", server=SERVER, until=crew.clock.now() + minutes(2)),
        Rejected("not like that", server=SERVER),
        Stale("the upload is gone", server=SERVER),
        Unauthorized("who are you?", server=SERVER),
    ]


workers = st.sampled_from([0, 1])
ids = st.sampled_from(["one", "thread", "late", "answer"])
WALKS = int(os.environ.get("WALKS", "12"))  # `scripts/prove walks` takes some hundred
durations = st.sampled_from([1, 6, 25, 31, 61, 301, 1801, 3601]).map(lambda seconds: timedelta(seconds=seconds))


class AnyOrder(RuleBasedStateMachine):
    """The walk; `repeat` is set by the test."""

    repeat: Repeat

    def __init__(self) -> None:
        super().__init__()
        self.crew = Crew(self.repeat)
        self.version = 0
        self.crew.plan(*self._slots())

    def _slots(self) -> list[Slot]:
        slot, more = self.crew.slot, f" v{self.version}" if self.version else ""
        return [
            slot("one", f"This is one{more}", late=Late.ALWAYS),
            slot("thread", f"First{more}", f"Second{more}", at=NOON + minutes(1)),
            slot("late", f"In half an hour{more}", at=NOON + minutes(3)),
            slot("answer", f"An answer{more}", at=NOON + minutes(4), reply_to="one", late=Late.ALWAYS),
        ]

    def teardown(self) -> None:
        self.crew.settle()
        self.crew.close()

    @invariant()
    def nothing_is_there_twice_or_lost(self) -> None:
        self.crew.check()

    # ---- the world and the workers -------------------------------------------------------------------------------------

    @rule(duration=durations, number=workers, moments=st.integers(1, 12))
    def time_passes_and_a_worker_goes_on(self, duration: timedelta, number: int, moments: int) -> None:
        self.crew.clock.advance(duration)
        self.crew.go_on(number, moments)

    @rule(duration=durations, number=workers)
    def time_passes_and_a_worker_finishes_its_look(self, duration: timedelta, number: int) -> None:
        self.crew.clock.advance(duration)
        self.crew.finish(number)

    @rule(number=workers, moments=st.integers(0, 12))
    def a_worker_dies_and_its_claims_run_out(self, number: int, moments: int) -> None:
        self.crew.go_on(number, moments)
        self.crew.die(number)
        self.crew.clock.advance(CLAIM_FOR + timedelta(seconds=1))

    @rule(act=st.sampled_from(["publish", "publish", "find", "prepare", "delete"]), number=st.integers(0, 4))
    def the_server_will_refuse(self, act: str, number: int) -> None:
        self.crew.network.fail_next(act, refusals(self.crew)[number])  # type: ignore[arg-type]

    @rule(act=st.sampled_from(["publish", "publish", "find", "delete"]), is_done=st.booleans())
    def an_answer_will_be_lost(self, act: str, is_done: bool) -> None:
        self.crew.network.fail_next(act, LOST, after_acting=is_done)  # type: ignore[arg-type]

    @rule(lag=st.sampled_from([0, 30]))
    def looking_shows_only_what_is_so_old(self, lag: int) -> None:
        self.crew.network.index_lags = timedelta(seconds=lag)

    # ---- the team ------------------------------------------------------------------------------------------------------

    @rule(without=st.sampled_from([None, None, "one", "thread", "late", "answer"]), is_changed=st.booleans())
    def the_plan_is_loaded(self, without: str | None, is_changed: bool) -> None:
        self.version += is_changed
        self.crew.plan(*(each for each in self._slots() if without not in (each.id, each.reply_to) or without is None))

    @rule(is_to_go_on=st.booleans())
    def the_day_is_paused_or_goes_on(self, is_to_go_on: bool) -> None:
        store, slug, now = self.crew.engine, self.crew.campaign.slug, self.crew.clock.now()
        if is_to_go_on:
            steer.resume(store, slug, "a person", now)
        else:
            steer.pause(store, slug, "a person", "news", now)

    @rule(id_=ids)
    def a_person_decides_about_a_slot(self, id_: str) -> None:
        """What is there is adopted, what is not there is sent again."""
        for entry in self.crew.entries():
            if entry.key.slot == id_ and entry.state in steer.GOES_AGAIN:
                self.crew.adopt(entry)
                self.crew.resend(entry)

    @rule(id_=ids)
    def a_person_takes_a_slot_back(self, id_: str) -> None:
        self.crew.withdraw(id_)

    @rule(id_=ids)
    def somebody_deletes_our_posts_by_hand(self, id_: str) -> None:
        for entry in self.crew.entries():
            if entry.key.slot == id_ and entry.state is State.PUBLISHED:
                self.crew.delete_by_hand(entry)


@pytest.mark.parametrize("repeat", list(Repeat))
def test_no_post_stands_twice_and_none_is_lost(repeat: Repeat) -> None:
    machine = type(f"AnyOrder{repeat.name.title()}", (AnyOrder,), {"repeat": repeat})
    run_state_machine_as_test(machine, settings=settings(max_examples=WALKS, stateful_step_count=30, deadline=None))


# ---- every order -------------------------------------------------------------------------------------------------------

Happening = Callable[[Crew], None]


def failing(error: Callable[[Crew], NetworkError], *, after: bool = False) -> Happening:
    def happen(crew: Crew) -> None:
        crew.network.fail_next("publish", error(crew), after_acting=after)
        crew.finish(0)

    return happen


def dying(moments: int) -> Happening:
    def happen(crew: Crew) -> None:
        crew.go_on(0, moments)
        crew.die(0)

    return happen


HAPPENINGS: dict[str, Happening] = {
    "lost, not done": failing(lambda _: LOST),
    "lost, done": failing(lambda _: LOST, after=True),
    "not reached": failing(lambda _: DOWN),
    "refused": failing(lambda crew: refusals(crew)[2]),
    "token refused": failing(lambda crew: refusals(crew)[4]),
    **{f"dies at moment {moment}": dying(moment) for moment in (4, 5, 6, 7)},
}


WORST = ("lost, not done", "lost, done", "dies at moment 5")


@pytest.mark.parametrize("repeat", list(Repeat))
def test_every_order_of_two_faults_on_one_post_and_of_three_of_the_worst(repeat: Repeat) -> None:
    for names in chain(product(HAPPENINGS, repeat=2), product(WORST, repeat=3)):
        crew = Crew(repeat)
        crew.plan(crew.slot("one", late=Late.ALWAYS))
        try:
            for name in names:
                HAPPENINGS[name](crew)
                crew.check()
                crew.clock.advance(seconds=61)
            crew.settle()
        except AssertionError as error:
            raise AssertionError(f"{repeat}: {', '.join(names)}") from error
        finally:
            crew.close()


@pytest.mark.parametrize("repeat", list(Repeat))
def test_two_workers_at_any_two_moments(repeat: Repeat) -> None:
    """One is held up until its claim has run out, another takes over and is held up, then both go on."""
    for first, second, seconds in product(range(2, 10), range(1, 6), (90,)):
        crew = Crew(repeat)
        crew.plan(crew.slot("one", late=Late.ALWAYS))
        crew.go_on(0, first)
        crew.clock.advance(seconds=seconds)
        crew.go_on(1, second)
        crew.finish(0)
        crew.finish(1)
        crew.settle()
        assert [entry.state for entry in crew.entries()] in ([State.PUBLISHED], [State.UNKNOWN])
        crew.close()
