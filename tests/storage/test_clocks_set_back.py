"""A clock that was an hour ahead and is set right: nothing waits for the hour to come again, and nothing goes out twice."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, campaign, schedule, slot
from shareasm.domain.queue import CLAIM_FOR, State
from shareasm.domain.schedules import Late
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Repeat, Ties
from shareasm.publish import Press, Result, bring_in_line, publish_due
from shareasm.storage import claims, days, queue
from shareasm.storage.engine import transaction

HOUR = timedelta(hours=1)


class Office:
    """One slot, always in time, and a clock that is an hour ahead."""

    def __init__(self, engine: Engine, repeat: Repeat) -> None:
        self.engine = engine
        self.clock = FixedClock(NOON + HOUR)
        self.network = MemoryNetwork(repeat=repeat)
        bring_in_line(engine, campaign(), schedule(slot(late=Late.ALWAYS)))

    def send(self) -> None:
        said: list[Result] = []
        press = Press(self.engine, campaign(), Path(), {"ours": self.network}, self.clock, "one")
        publish_due(press, "ours", said.append, lambda: False)

    @property
    def states(self) -> list[State]:
        with transaction(self.engine) as connection:
            return [entry.state for entry in queue.of_campaign(connection, campaign().slug)]


@pytest.fixture(params=list(Repeat))
def office(engine: Engine, request: pytest.FixtureRequest) -> Office:
    return Office(engine, request.param)


def test_a_claim_of_an_hour_that_was_not_is_taken_over_at_once(office: Office) -> None:
    with transaction(office.engine) as connection:
        assert claims.claim_due(connection, campaign().slug, "dead", office.clock.now(), accounts=["ours"])
    office.clock.advance(-HOUR)
    office.send()
    assert office.states == [State.PUBLISHED]
    assert len(office.network.posts) == 1


def test_a_claim_by_a_clock_that_is_a_little_ahead_stays(office: Office) -> None:
    with transaction(office.engine) as connection:
        assert claims.claim_due(connection, campaign().slug, "alive", office.clock.now(), accounts=["ours"])
    office.clock.advance(timedelta(seconds=-30))
    office.send()
    assert (office.states, len(office.network.posts)) == ([State.CLAIMED], 0)


@pytest.mark.parametrize("office", [Repeat.AN_HOUR, Repeat.NEVER], indirect=True)
def test_a_call_of_that_hour_is_looked_for_further_back_and_not_repeated_by_its_age(office: Office) -> None:
    """Its server has it under an earlier time than ours, and nobody knows whether it still remembers the key."""
    network = office.network
    asked: list[datetime] = []
    with transaction(office.engine) as connection:
        entry = claims.claim_due(connection, campaign().slug, "dead", office.clock.now(), accounts=["ours"])
        assert entry
        prepared = network.prepare(entry.draft, Path())
        payload = network.freeze(entry.draft, entry.publish_key, prepared, Ties(), office.clock.now())
        claims.freeze(connection, entry.id, "dead", payload, office.clock.now())
        claims.begin_attempt(connection, replace(entry, payload=payload), "dead", "publish", office.clock.now())
    network.publish = lambda *given: pytest.fail("repeated")  # type: ignore[method-assign]
    network.find = lambda payload, key, since: asked.append(since)  # type: ignore[method-assign]
    office.clock.advance(-HOUR)
    office.send()
    assert asked == [NOON - timedelta(days=1)]


def test_what_is_overdue_does_not_wait_for_the_space_after_a_post_of_that_hour(engine: Engine) -> None:
    office = Office(engine, Repeat.SAFE)
    bring_in_line(engine, campaign(), schedule(slot(late=Late.ALWAYS), slot("second", "Two", late=Late.ALWAYS)))
    office.send()
    assert office.states == [State.PUBLISHED, State.WAITING]
    office.clock.advance(timedelta(minutes=5) - HOUR)
    office.send()
    assert office.states == [State.PUBLISHED, State.PUBLISHED]


def test_a_lease_of_an_hour_that_was_not_is_free(engine: Engine) -> None:
    with transaction(engine) as connection:
        assert days.take_lease(connection, "close", "dead", NOON + HOUR, CLAIM_FOR)
        assert not days.take_lease(connection, "close", "us", NOON + HOUR, CLAIM_FOR)
        assert days.take_lease(connection, "close", "us", NOON, CLAIM_FOR)


def test_what_a_wrong_clock_gave_up_waits_again_for_its_time(office: Office) -> None:
    bring_in_line(office.engine, campaign(), schedule(slot(at=NOON + timedelta(minutes=10), late=Late.WITHIN)))
    office.send()
    assert office.states == [State.MISSED]
    office.clock.advance(-HOUR)
    office.send()
    assert office.states == [State.WAITING]
    office.clock.advance(timedelta(minutes=10))
    office.send()
    assert office.states == [State.PUBLISHED]
