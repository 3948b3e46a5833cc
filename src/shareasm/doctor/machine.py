"""The machine looked over: database, worker, disk, recap folder, time zones. Asks no network."""

import shutil
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import Engine

from shareasm.doctor.findings import Finding, Light
from shareasm.domain.campaigns import Campaign
from shareasm.storage import accounts, days
from shareasm.storage.engine import place, reading, transaction

DISK_YELLOW, DISK_RED = 2_000_000_000, 300_000_000
"""Free bytes. Two copies of each picture have some 150 kB, a post with its JSON some 10: 10,000 posts need about 1 GB."""

ALIVE_FOR = timedelta(minutes=2)
ZONES_OLD_AFTER = 2
"""Years. Every year some countries change their clocks."""


def judge_database(engine: Engine, revision: str) -> Finding:
    """Return whether the database can be read and written. Raises StorageError where it cannot."""
    owner = f"doctor-{uuid.uuid4()}"
    with transaction(engine) as connection:
        days.take_lease(connection, owner, owner, _epoch(), timedelta(0))
        days.release_leases(connection, owner)
    return Finding(
        Light.GREEN, "database", "writing", f"{place(engine)} is read and written; its tables are at {revision}"
    )


def _epoch() -> datetime:
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def judge_day(engine: Engine, campaign: Campaign, now: datetime) -> Iterator[Finding]:
    """Yield how the day stands: whether a worker is at it, and whether somebody holds everything."""
    with reading(engine) as connection:
        state = days.state(connection, campaign.slug)
        stopped = accounts.states(connection, campaign.slug)
    if state.paused_at:
        words = f"paused since {state.paused_at:%Y-%m-%d %H:%M} UTC: {state.pause_reason or 'no reason was given'}"
        yield Finding(Light.YELLOW, "worker", "pause", words, "shareasm resume")
    alive = state.heartbeat_at is not None and now - state.heartbeat_at <= ALIVE_FOR
    if alive:
        yield Finding(Light.GREEN, "worker", "at work", "a worker is running")
    elif campaign.opens_at <= now < campaign.closes_at:
        yield Finding(Light.RED, "worker", "at work", "the day is on, and no worker is running", "shareasm run")
    else:
        yield Finding(Light.GREEN, "worker", "at work", "none is running, and none need be yet")
    for each in stopped.values():
        words = f"stopped since {each.stopped_at:%Y-%m-%d %H:%M} UTC, tried again at {each.try_again_at:%H:%M}: {each.reason}"
        yield Finding(Light.YELLOW, each.account, "stopped", words, "give it another secret, or wait until then")
    if state.note:
        yield Finding(Light.YELLOW, "worker", "note", state.note, "mend the plan: `shareasm check` shows how")


def judge_disk(data: Path) -> Finding:
    """Return whether there is room for the day."""
    data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(data).free
    words = f"{free / 1e9:,.1f} GB free below {data}"
    if free >= DISK_YELLOW:
        return Finding(Light.GREEN, "disk", "room", words)
    light = Light.RED if free < DISK_RED else Light.YELLOW
    return Finding(
        light, "disk", "room", f"{words}; a day of 10,000 posts needs about 1", "make room, or move SHAREASM_DATA"
    )


def judge_folder(recap: Path) -> Finding:
    """Return whether the recap can be written. Raises OSError where it cannot."""
    recap.mkdir(parents=True, exist_ok=True)
    trial = recap / f".doctor-{uuid.uuid4()}"
    try:
        trial.write_bytes(b"x")
    finally:
        trial.unlink(missing_ok=True)
    return Finding(Light.GREEN, "recap", "writing", f"{recap} can be written")


# ---- time zones --------------------------------------------------------------------------------------------------------


def judge_zones(keys: Iterable[str], year: int) -> Iterator[Finding]:
    """Yield whether the zones of the plan are known here, and by which release of the time zone data."""
    unknown = sorted(key for key in set(keys) if not _is_known(key))
    if unknown:
        words = f"not known on this machine: {', '.join(unknown)}"
        yield Finding(Light.RED, "time zones", "known", words, "install the package tzdata anew")
    release = zone_release()
    if release and year - int(release[:4]) > ZONES_OLD_AFTER:
        words = f"their data are of {release}, and the day is in {year}"
        yield Finding(Light.YELLOW, "time zones", "age", words, "update tzdata, of the system too")
    elif not unknown:
        yield Finding(Light.GREEN, "time zones", "known", f"all known; data of {release or 'no told release'}")


def _is_known(key: str) -> bool:
    try:
        ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zone_release() -> str | None:
    """Return the release that counts, such as 2026a: the system's where it has zones, else the package's; None where untold."""
    for folder in map(Path, TZPATH):
        if (folder / "Europe" / "London").exists():
            return _system_release(folder)
    try:
        year, number = version("tzdata").split(".")[:2]
    except (PackageNotFoundError, ValueError):
        return None
    return f"{year}{chr(ord('a') + int(number) - 1)}" if number.isdecimal() else year


def _system_release(folder: Path) -> str | None:
    try:
        with (folder / "tzdata.zi").open(encoding="ascii", errors="replace") as file:
            words = file.readline().split()  # "# version 2026a"
    except OSError:
        return None
    return words[2] if len(words) >= 3 and words[2][:4].isdecimal() else None
