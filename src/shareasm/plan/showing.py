"""Showing the plan beside the queue: every post with its time, what became of it and where it is; then what persons did."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.differences import Difference, difference
from shareasm.domain.queue import EntryKey, PlannedEntry, QueueEntry
from shareasm.domain.schedules import Schedule
from shareasm.plan.telling import summary
from shareasm.publish.planning import wanted_entries
from shareasm.storage import acts, days, queue
from shareasm.storage.engine import reading


class Line(NamedTuple):
    """One post: what the queue has, what the plan wants; at least one of them is there."""

    queued: QueueEntry | None
    planned: PlannedEntry | None

    @property
    def key(self) -> EntryKey:
        return self._either.key

    @property
    def due_at(self) -> datetime:
        return self._either.due_at

    @property
    def _either(self) -> QueueEntry | PlannedEntry:
        either = self.queued or self.planned
        assert either
        return either


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole plan beside the whole queue."""

    campaign: Campaign
    day: days.DayState
    lines: tuple[Line, ...]  # in order of time, then as planned
    difference: Difference | None  # None: the plan is broken at the moment
    acts: tuple[acts.Act, ...]  # oldest first


def read_overview(engine: Engine, campaign: Campaign, schedule: Schedule | None) -> Overview:
    """Read the queue, the audit trail and what the plan says; `schedule` None: it is broken, and the queue stands alone."""
    slug = campaign.slug
    with reading(engine) as connection:
        queued = queue.of_campaign(connection, slug)
        planned = wanted_entries(connection, campaign, schedule) if schedule else []
        wanted = {entry.key: entry for entry in planned}
        known = {entry.key for entry in queued}
        lines = [Line(entry, wanted.get(entry.key)) for entry in queued]
        lines += [Line(None, entry) for entry in planned if entry.key not in known]
        return Overview(
            campaign=campaign,
            day=days.state(connection, slug),
            lines=tuple(sorted(lines, key=lambda line: line.due_at)),
            difference=difference(planned, queued) if schedule else None,
            acts=tuple(acts.of_campaign(connection, slug)),
        )


def overview_lines(overview: Overview) -> Iterator[str]:
    """Yield the overview for a terminal."""
    zone = overview.campaign.zone
    yield f"{overview.campaign.name}, times in {zone.key} and UTC"
    if overview.day.paused_at:
        yield f"Paused since {_time(overview, overview.day.paused_at)}: {overview.day.pause_reason}"
    on = None
    for line in overview.lines:
        if (date := line.due_at.astimezone(zone).date()) != on:
            on = date
            yield ""
            yield f"{date:%A %d %B %Y}"
        yield from _post_lines(overview, line)
    yield ""
    yield _standing(overview)
    if overview.acts:
        yield ""
        yield "What persons did:"
        for act in overview.acts:
            bits = (act.by, act.act, act.about, act.reason and f"({act.reason})")
            yield f"  {_time(overview, act.at)}  {' '.join(filter(None, bits))}"


def _post_lines(overview: Overview, line: Line) -> Iterator[str]:
    entry = line.queued
    state = str(entry.state) if entry else "planned"
    yield f"  {_time(overview, line.due_at)}  {state:<11} {line.key.name}"
    if entry is None:
        return  # said once, below
    if entry.receipt:
        yield f"      {entry.receipt.url}"
    if entry.withdraw_reason:
        yield f"      taken back: {entry.withdraw_reason}"
    if entry.note:
        yield f"      {entry.note}"


def _standing(overview: Overview) -> str:
    if not any(line.queued for line in overview.lines):
        return "Nothing is in the queue yet: `shareasm plan apply`, or a running worker, puts it all there."
    if overview.difference is None:
        return (
            "The plan has mistakes at the moment (`shareasm check` shows them): this is the queue alone, which goes on."
        )
    if overview.difference.is_nothing and not overview.difference.sent_changed:
        return "The queue says what the plan says."
    return f"The plan says something else: {summary(overview.difference)}. `shareasm plan apply` shows it all and takes it."


def overview_facts(overview: Overview) -> dict[str, object]:
    """Return the same as plain data, for `--json`."""
    day = overview.day
    return {
        "campaign": overview.campaign.slug,
        "paused_at": day.paused_at and day.paused_at.isoformat(),
        "pause_reason": day.pause_reason,
        "posts": [_post_facts(overview, line) for line in overview.lines],
        "difference": summary(overview.difference) if overview.difference else None,
        "acts": [
            {"at": act.at.isoformat(), "by": act.by, "act": act.act, "about": act.about, "reason": act.reason}
            for act in overview.acts
        ],
    }


def _post_facts(overview: Overview, line: Line) -> dict[str, object]:
    entry, key = line.queued, line.key
    return {
        "slot": key.slot,
        "part": key.part + 1,
        "language": key.language,
        "account": key.account,
        "due_at": line.due_at.isoformat(),
        "local": line.due_at.astimezone(overview.campaign.zone).isoformat(),
        "state": str(entry.state) if entry else None,
        "is_planned": line.planned is not None,
        "url": entry.receipt.url if entry and entry.receipt else None,
        "note": entry.note if entry else None,
        "withdrawn_because": entry.withdraw_reason if entry else None,
        "text": entry.draft.text if entry else line.planned and line.planned.draft.text,
    }


def _time(overview: Overview, instant: datetime) -> str:
    return f"{instant.astimezone(overview.campaign.zone):%H:%M:%S} ({instant:%H:%M} UTC)"
