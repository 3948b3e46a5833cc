"""Local times and instants: what does not exist or comes twice is told, in every zone there is."""

# ruff: noqa: DTZ001  a local time is written without its zone

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.schedules import Fold, Gap, Part, Picture, Slot, day_bounds, day_everywhere, read_local
from shareasm.domain.schedules import Kind as SlotKind

LONDON = ZoneInfo("Europe/London")
ZONES = sorted(available_timezones())
zones = st.sampled_from(ZONES).map(ZoneInfo)
times = st.datetimes(datetime(1975, 1, 1), datetime(2037, 12, 31)).map(lambda local: local.replace(microsecond=0))


@given(times, zones)
def test_an_instant_is_shown_as_the_local_time_that_was_written(local: datetime, zone: ZoneInfo) -> None:
    reading = read_local(local, zone)
    if isinstance(reading, datetime):
        assert reading.tzinfo is UTC
        assert reading.astimezone(zone).replace(tzinfo=None) == local


@given(times, zones)
def test_only_one_instant_is_shown_as_a_time_that_comes_once(local: datetime, zone: ZoneInfo) -> None:
    """The other reading of PEP 495 leads to the same instant, or to another local time."""
    reading = read_local(local, zone)
    if isinstance(reading, datetime):
        assert local.replace(tzinfo=zone, fold=1).astimezone(UTC) == reading


@given(times, zones)
def test_every_instant_can_be_written_as_a_local_time(instant: datetime, zone: ZoneInfo) -> None:
    at = instant.replace(tzinfo=UTC)
    reading = read_local(at.astimezone(zone).replace(tzinfo=None), zone)
    assert not isinstance(reading, Gap)
    assert at in ([one.astimezone(UTC) for one in reading] if isinstance(reading, Fold) else [reading])


def changes(zone: ZoneInfo, year: int) -> list[tuple[datetime, timedelta]]:
    """Return (first instant after it, by how much) of each change of the clocks in a year."""
    found = []
    step, at = timedelta(hours=1), datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        before, after = ((instant.astimezone(zone).utcoffset() or timedelta()) for instant in (at, at + step))
        if before != after:
            minute = next(
                at + timedelta(minutes=count)
                for count in range(61)
                if (at + timedelta(minutes=count)).astimezone(zone).utcoffset() == after
            )
            found.append((minute, after - before))
        at += step
    return found


@pytest.mark.parametrize(
    "name",
    [
        "Europe/London",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Chatham",
        "America/Santiago",
    ],
)
@given(part=st.floats(0, 0.999))
def test_every_time_that_clocks_jump_over_or_repeat_is_told(name: str, part: float) -> None:
    zone = ZoneInfo(name)
    for change, by in CHANGES[name]:
        second = timedelta(seconds=int(abs(by).total_seconds() * part))
        if by > timedelta(0):
            local = change.astimezone(zone).replace(tzinfo=None) - by + second
            gap = read_local(local, zone)
            assert isinstance(gap, Gap)
            assert gap.jumps_from <= local < gap.jumps_to
            assert gap.jumps_to - gap.jumps_from == by
            assert gap.jumps_to == change.astimezone(zone).replace(tzinfo=None)
            assert isinstance(read_local(gap.jumps_to, zone), datetime)
            assert (gap.earlier, gap.later) == (local - by, local + by)
        else:
            local = change.astimezone(zone).replace(tzinfo=None) + second
            fold = read_local(local, zone)
            assert isinstance(fold, Fold)
            assert fold.second.astimezone(UTC) - fold.first.astimezone(UTC) == -by


CHANGES = {
    name: changes(ZoneInfo(name), 2027)
    for name in (
        "Europe/London",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Chatham",
        "America/Santiago",
    )
}


def test_a_gap_names_the_jump_and_both_readings() -> None:
    assert read_local(datetime(2027, 3, 28, 1, 30), LONDON) == Gap(
        jumps_from=datetime(2027, 3, 28, 1, 0),
        jumps_to=datetime(2027, 3, 28, 2, 0),
        earlier=datetime(2027, 3, 28, 0, 30),
        later=datetime(2027, 3, 28, 2, 30),
    )


def test_a_day_that_an_island_skipped_is_a_gap() -> None:
    gap = read_local(datetime(2011, 12, 30, 12, 0), ZoneInfo("Pacific/Apia"))
    assert isinstance(gap, Gap)
    assert (gap.jumps_from, gap.jumps_to) == (datetime(2011, 12, 30), datetime(2011, 12, 31))


@given(st.dates(date(1975, 1, 2), date(2037, 12, 30)), zones)
def test_days_follow_each_other_without_a_hole(on: date, zone: ZoneInfo) -> None:
    opens_at, closes_at = day_bounds(on, zone)
    assert day_bounds(on + timedelta(days=1), zone)[0] == closes_at
    assert opens_at <= closes_at  # a day that was skipped has no time in it


def test_a_day_whose_midnight_is_jumped_over_begins_after_the_jump() -> None:
    opens_at, closes_at = day_bounds(date(2027, 9, 5), ZoneInfo("America/Santiago"))
    assert opens_at.astimezone(ZoneInfo("America/Santiago")).hour == 1
    assert closes_at - opens_at == timedelta(hours=23)


def test_a_day_whose_midnight_comes_twice_begins_with_the_first() -> None:
    opens_at, closes_at = day_bounds(date(2027, 11, 7), ZoneInfo("America/Havana"))
    assert closes_at - opens_at == timedelta(hours=25)


def test_a_date_lasts_fifty_hours_on_earth() -> None:
    opens_at, closes_at = day_everywhere(date(2027, 2, 3))
    assert opens_at == day_bounds(date(2027, 2, 3), ZoneInfo("Pacific/Kiritimati"))[0]
    assert closes_at == day_bounds(date(2027, 2, 3), ZoneInfo("Etc/GMT+12"))[1]
    assert closes_at - opens_at == timedelta(hours=50)


def test_an_alt_text_is_in_the_readers_language_where_there_is_one() -> None:
    picture = Picture("a.png", {"en": "a disc", "fr": "un disque"}, "me", "CC0 1.0")
    assert picture.alt_in("fr") == "un disque"
    assert picture.alt_in("es") == "a disc"
    assert Picture("a.png", {"": "for all", "fr": "un disque"}, "me", "CC0 1.0").alt_in("es") == "for all"


def test_a_text_is_the_networks_own_where_there_is_one() -> None:
    part = Part({"en": {"": "for all", "bluesky": "for Bluesky"}})
    assert part.text_for("en", "bluesky") == "for Bluesky"
    assert part.text_for("en", "mastodon") == "for all"


def test_a_slot_speaks_the_languages_of_its_first_post() -> None:
    part = Part({"fr": {"": "oui"}, "en": {"": "yes"}})
    slot = Slot("one", datetime(2027, 2, 3, tzinfo=UTC), "UTC", SlotKind.NEWS, (part,), ("us",))
    assert slot.languages == ("fr", "en")
