"""Whoever steers may be killed at any instant: what was decided is done by whoever comes next, and nothing is half decided."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from factories import NOON, minutes, schedule, slot
from shareasm import plan, steer
from shareasm.domain.queue import State
from shareasm.errors import Rejected
from shareasm.networks.ports import Limits
from shareasm.steer import Choice
from storage.test_steering import SERVER, THREAD, Office

MOST_STEPS = 80
LATER = slot("later", at=NOON + minutes(20))
MENDED = ("One, mended #shareASM", "Two, mended #shareASM", "Three #shareASM")


class Killed(BaseException):
    """The process is gone; nothing catches it."""


class Reaper:
    """Kills at the so-many-th step: each transaction's beginning and its commit, each call before and after it acted."""

    def __init__(self, step: int) -> None:
        self._left = step
        self.has_killed = False

    def step(self, *_: object) -> None:
        if not self.has_killed:
            self._left -= 1
            if self._left < 0:
                self.has_killed = True
                raise Killed

    @contextmanager
    def at_work(self, office: Office) -> Iterator[None]:
        calls = {name: getattr(office.network, name) for name in ("delete", "edit", "prepare", "find_at")}
        for name, call in calls.items():
            setattr(office.network, name, self._deadly(call))
        for name in ("begin", "commit"):
            sa.event.listen(office.engine, name, self.step)
        try:
            yield
        except Killed:
            pass
        finally:
            for name in ("begin", "commit"):
                sa.event.remove(office.engine, name, self.step)
            for name, call in calls.items():
                setattr(office.network, name, call)

    def _deadly(self, call: Callable[..., object]) -> Callable[..., object]:
        def deadly(*given: object) -> object:
            self.step()
            answer = call(*given)
            self.step()
            return answer

        return deadly


def killed_everywhere(
    engine: Engine, prepare: Callable[[Office], None], act: Callable[[Office], object]
) -> Iterator[Office]:
    """Yield an office in which `act` was killed at its first step, one at its second, … and one in which it was not."""
    for step in range(MOST_STEPS):
        with engine.begin() as connection:
            for table in ("acts", "attempts", "entries", "posts", "campaign_states"):
                connection.execute(sa.text(f"DELETE FROM {table}"))
        office = Office(engine)
        office.network.limits = lambda: Limits(500, 23, can_edit=True)  # type: ignore[method-assign]
        prepare(office)
        reaper = Reaper(step)
        with reaper.at_work(office):
            act(office)
        yield office
        if not reaper.has_killed:
            assert step > 1  # it was killed at all
            return
    raise AssertionError("it takes more steps than that")


def sent(*slots: object) -> Callable[[Office], None]:
    def prepare(office: Office) -> None:
        office.plan(*slots)  # type: ignore[arg-type]
        office.send()

    return prepare


def test_what_was_decided_to_be_taken_back_is_taken_back_whole(engine: Engine) -> None:
    seen = set()
    for office in killed_everywhere(engine, sent(slot("welcome", *THREAD), LATER), lambda office: office.withdraw()):
        is_decided = bool(office.acts())
        seen.add(is_decided)
        office.clock.advance(minutes=10)
        steer.take_back_pending(office.press, "ours", office.told.append)
        expected = [State.WITHDRAWN] * 3 if is_decided else [State.PUBLISHED] * 3
        assert office.states == [*expected, State.WAITING]
        assert office.texts == ([] if is_decided else list(THREAD))
    assert seen == {True, False}


def test_an_edit_that_was_killed_is_made_again_and_ends_in_the_same_words(engine: Engine) -> None:
    mended = schedule(slot("welcome", *MENDED))

    def edit(office: Office) -> bool:
        found = plan.compare(office.engine, office.campaign, mended)
        return plan.edit_sent(office.press, found.sent_changed, lambda _: None)

    for office in killed_everywhere(engine, sent(slot("welcome", *THREAD)), edit):
        assert edit(office)
        assert office.texts == list(MENDED)
        assert plan.compare(office.engine, office.campaign, mended).sent_changed == ()
        assert office.states == [State.PUBLISHED] * 3
        assert len([act for act in office.acts() if act[1] == "edit"]) == 2


def test_a_plan_is_taken_whole_or_not_at_all(engine: Engine) -> None:
    def take(office: Office) -> object:
        wanted = schedule(slot("new"), slot("welcome", "Other words #shareASM", at=NOON + minutes(30)))
        return plan.take(office.engine, office.campaign, wanted, b"digest", office.clock.now(), by="amina")

    def prepare(office: Office) -> None:
        office.plan(slot(at=NOON + minutes(20)), LATER)

    for office in killed_everywhere(engine, prepare, take):
        slots = {entry.key.slot: entry.state for entry in office.entries()}
        is_taken = bool(office.acts())
        assert ("new" in slots) == is_taken
        assert (slots["later"] is State.CANCELLED) == is_taken
        take(office)
        assert len(office.acts()) == 1


@pytest.mark.parametrize("what", ["resend", "adopt"])
def test_what_is_sent_again_or_adopted_is_out_once(engine: Engine, what: str) -> None:
    def prepare(office: Office) -> None:
        office.plan(slot())
        office.network.fail_next("publish", Rejected("too long", server=SERVER))
        office.send()
        if what == "adopt":
            office.network.say("Good morning #shareASM", author="us", at=NOON)

    def act(office: Office) -> object:
        if what == "resend":
            return office.resend()
        url = next(iter(office.network.posts.values())).url
        return steer.adopt(office.press, office.chosen()[0], office.network.find_at(url).receipt)

    for office in killed_everywhere(engine, prepare, act):
        if office.states == [State.FAILED]:
            assert office.acts() == []
            act(office)
        office.send(hours=1)
        assert office.states == [State.PUBLISHED]
        assert office.texts == ["Good morning #shareASM"]
        assert len(office.acts()) == 1


def test_two_who_take_the_same_plan_at_once_take_it_once(engine: Engine) -> None:
    office = Office(engine)
    office.plan(slot(at=NOON + minutes(20)), LATER)
    wanted = schedule(slot("new", *THREAD), slot("welcome", "Other words #shareASM", at=NOON + minutes(30)))
    both, faults = threading.Barrier(2, timeout=20), []

    def take() -> None:
        try:
            both.wait()
            plan.take(office.engine, office.campaign, wanted, b"digest", office.clock.now())
        except BaseException as fault:  # noqa: BLE001  told to the test
            faults.append(fault)

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    states = {(entry.key.slot, entry.key.part): entry.state for entry in office.entries()}
    new = {("new", part): State.WAITING for part in range(3)}
    assert states == {("welcome", 0): State.WAITING, ("later", 0): State.CANCELLED} | new


def test_a_person_and_the_worker_may_take_back_the_same_post_at_once(engine: Engine) -> None:
    office = Office(engine)
    office.plan(slot("welcome", *THREAD))
    office.send()
    entries, _ = steer.to_withdraw(office.press, Choice("welcome"))
    steer.withdraw(office.press, entries, "a wrong name", Choice("welcome"))
    office.clock.advance(timedelta(seconds=1))
    threads = [
        threading.Thread(target=lambda: steer.take_back(office.press)),
        threading.Thread(target=lambda: steer.take_back_pending(office.press, "ours", office.told.append)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert office.states == [State.WITHDRAWN] * 3
    assert office.texts == []
