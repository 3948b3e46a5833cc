"""The gap log is written by reading, and tells what a gap cost."""

from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, OPENS, campaign, minutes, seen, source
from shareasm import collect
from shareasm.collect import Desk
from shareasm.domain.campaigns import SourceKind
from shareasm.domain.watches import Gap
from shareasm.errors import Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Page
from shareasm.storage import watches
from shareasm.storage.engine import reading

DOWN = Unreachable("connection refused", server="https://memory.example")


class Office:
    """One source that is read, and a clock to move."""

    def __init__(self, engine: Engine) -> None:
        self.clock = FixedClock(OPENS)
        self.desk = Desk(engine, campaign(), self.clock)
        self.network = MemoryNetwork()

    def read(self, after: float = 1) -> None:
        self.clock.advance(minutes(after))
        collect.read(self.desk, source(), self.network, is_last=True)

    def read_in_vain(self) -> None:
        self.network.say("nobody hears this", at=OPENS)  # an empty page needs no call
        self.network.fail_next("read", DOWN)
        self.read()

    @property
    def gaps(self) -> list[Gap]:
        with reading(self.desk.engine) as connection:
            return watches.gaps(connection, self.desk.campaign, self.clock.now())


@pytest.fixture
def office(engine: Engine) -> Office:
    return Office(engine)


def test_reading_every_minute_leaves_no_gap(office: Office) -> None:
    for _ in range(6):
        office.read()
    assert office.gaps == []


def test_an_hour_without_anybody_at_work_is_a_gap(office: Office) -> None:
    office.read()
    office.read(after=60)
    assert office.gaps == [Gap(source().id, OPENS + minutes(1), OPENS + minutes(61), watches.NOBODY_LOOKED)]


def test_a_gap_says_what_ailed_the_source(office: Office) -> None:
    office.read()
    office.read_in_vain()
    office.read(after=10)
    [gap] = office.gaps
    assert "connection refused" in gap.reason


def test_a_gap_that_lasts_is_open(office: Office) -> None:
    office.read()
    office.read_in_vain()
    office.clock.advance(minutes(10))
    [gap] = office.gaps
    assert gap.closes_at is None
    assert "connection refused" in gap.reason


def test_what_was_found_after_a_gap_is_counted_as_healed(office: Office) -> None:
    office.read()
    office.network.say("meanwhile #shareASM", at=OPENS + minutes(30))
    office.network.say("before #shareASM", at=OPENS + minutes(1) - minutes(1))
    office.read(after=60)
    [gap] = office.gaps
    assert gap.found_later == 1


def test_a_stream_that_delivers_is_watched(office: Office) -> None:
    sky = source("jetstream.example", SourceKind.JETSTREAM)
    office.desk = replace(office.desk, campaign=campaign(sources=(sky,)))
    for _ in range(10):
        office.clock.advance(minutes(1))
        collect.store(office.desk, sky, Page(posts=(seen(at=NOON),)), collect.STREAM_TAG)
    assert office.gaps == []
