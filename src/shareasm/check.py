"""Check: the whole plan read, every mistake named, and the running order of the day. Changes nothing, asks no network."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from shareasm.campaign_files import Finding, Loaded, Severity, load_campaign
from shareasm.domain.queue import PlannedEntry, plan_entries
from shareasm.domain.schedules import Kind

FIRST_WORDS = 48
"""Characters of a text in the running order."""


@dataclass(frozen=True, slots=True)
class Posting:
    """How one slot reaches its readers on one account: in these languages, as so many posts each."""

    account: str
    languages: tuple[str, ...]
    part_count: int


@dataclass(frozen=True, slots=True)
class RunningOrderRow:
    """One slot of the day."""

    slot: str
    kind: Kind
    due_at: datetime  # aware UTC
    local: datetime  # the same in the campaign's zone
    postings: tuple[Posting, ...]
    words: str  # how its first text begins


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found."""

    loaded: Loaded
    findings: tuple[Finding, ...]  # the files' own and those that depend on the present time
    zone: ZoneInfo | None  # the campaign's
    rows: tuple[RunningOrderRow, ...]  # none where the plan has errors that make an order impossible
    post_count: int  # posts that will go out, parts of threads and languages counted each

    @property
    def error_count(self) -> int:
        """How many findings stop every command that acts."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def warning_count(self) -> int:
        """How many findings a person should look at."""
        return len(self.findings) - self.error_count


def check(folder: Path, now: datetime) -> CheckResult:
    """Read the campaign in `folder` and judge it at the instant `now` (aware UTC)."""
    loaded = load_campaign(folder)
    if loaded.campaign is None or loaded.schedule is None:
        return CheckResult(loaded, loaded.findings, None, (), 0)
    findings = sorted((*loaded.findings, *_past(loaded, now)), key=lambda finding: finding.place)
    entries = plan_entries(loaded.campaign, loaded.schedule)
    rows = tuple(_row(slot.id, slot.kind, loaded.campaign.zone, entries) for slot in loaded.schedule.slots)
    return CheckResult(
        loaded, tuple(findings), loaded.campaign.zone, tuple(row for row in rows if row is not None), len(entries)
    )


def _past(loaded: Loaded, now: datetime) -> Iterator[Finding]:
    if loaded.campaign is None or loaded.schedule is None or not loaded.schedule.slots:
        return
    past = [slot for slot in loaded.schedule.slots if slot.due_at <= now]
    if loaded.campaign.closes_at <= now:
        place = replace(loaded.where[past[0].id], line=1, column=1) if past else None
        if place:
            yield Finding(
                Severity.WARNING,
                place,
                f"The whole day is over: it closed on {loaded.campaign.closes_at:%Y-%m-%d %H:%M} UTC.",
                "For a new edition use “shareasm init --from”.",
            )
        return
    for slot in past:
        yield Finding(
            Severity.WARNING,
            loaded.where[slot.id],
            f"“{slot.id}” lies in the past ({slot.due_at:%Y-%m-%d %H:%M} UTC); what is not sent yet counts as missed.",
            "Move it to a later time if it should still go out.",
        )


def _row(slot: str, kind: Kind, zone: ZoneInfo, entries: list[PlannedEntry]) -> RunningOrderRow | None:
    own = [entry for entry in entries if entry.key.slot == slot]
    if not own:
        return None
    accounts = dict.fromkeys(entry.key.account for entry in own)
    postings = tuple(
        Posting(
            account=account,
            languages=tuple(dict.fromkeys(entry.key.language for entry in own if entry.key.account == account)),
            part_count=1 + max(entry.key.part for entry in own if entry.key.account == account),
        )
        for account in accounts
    )
    words = " ".join(own[0].draft.text.split())
    words = words if len(words) <= FIRST_WORDS else words[: FIRST_WORDS - 1].rstrip() + "…"
    return RunningOrderRow(slot, kind, own[0].due_at, own[0].due_at.astimezone(zone), postings, words)


# ---- shown -------------------------------------------------------------------------------------------------------------


def check_lines(result: CheckResult) -> Iterator[str]:
    """Yield the findings, the running order and a summary, as lines of text."""
    for finding in result.findings:
        yield f"{finding.file}:{finding.line}:{finding.column}: {finding.severity}: {finding.message}"
        if finding.cure:
            yield f"    {finding.cure}"
    if result.rows:
        if result.findings:
            yield ""
        yield from _order_lines(result)
    yield ""
    yield _summary(result)


def _order_lines(result: CheckResult) -> Iterator[str]:
    zone = result.zone.key if result.zone else "UTC"
    days = {row.local.date() for row in result.rows} | {row.due_at.date() for row in result.rows}
    clock = "%H:%M:%S" if any(row.due_at.second for row in result.rows) else "%H:%M"
    local_clock, utc_clock = (f"%a %d {clock}", f"%a %d {clock}") if len(days) > 1 else (clock, clock)
    first = result.rows[0].local
    yield f"Running order of {first:%d %B %Y}, times in {zone} and UTC:"
    width = max(len(row.slot) for row in result.rows)
    kind_width = max(len(row.kind) for row in result.rows)
    for row in result.rows:
        where = ", ".join(_posting(posting) for posting in row.postings)
        yield (
            f"  {row.local:{local_clock}}  {row.due_at:{utc_clock}} UTC  {row.slot:{width}}  {row.kind:{kind_width}}  {row.words}"
        )
        yield f"  {'':{len(row.local.strftime(local_clock))}}  → {where}"


def _posting(posting: Posting) -> str:
    parts = f", {posting.part_count} parts" if posting.part_count > 1 else ""
    return f"{posting.account} ({' '.join(posting.languages)}{parts})"


def _summary(result: CheckResult) -> str:
    errors, warnings = (
        _count(number, word) for number, word in ((result.error_count, "error"), (result.warning_count, "warning"))
    )
    if result.error_count:
        return f"{errors}, {warnings}. Nothing is sent before the errors are mended."
    plan = f"{_count(len(result.rows), 'slot')}, {_count(result.post_count, 'post')}"
    return f"The plan is good: {plan}, {warnings}." if result.warning_count else f"The plan is good: {plan}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def check_to_text(result: CheckResult) -> str:
    """Return all lines as one text that ends with a line end."""
    return "".join(f"{line}\n" for line in check_lines(result))


def check_to_json(result: CheckResult) -> str:
    """Return the result as JSON, for other programs."""
    return json.dumps(
        {
            "findings": [
                {
                    "severity": finding.severity,
                    "file": finding.file,
                    "line": finding.line,
                    "column": finding.column,
                    "message": finding.message,
                    "cure": finding.cure,
                }
                for finding in result.findings
            ],
            "zone": result.zone.key if result.zone else None,
            "running_order": [
                {
                    "slot": row.slot,
                    "kind": row.kind,
                    "due_at": row.due_at.isoformat(),
                    "local": row.local.isoformat(),
                    "postings": [
                        {"account": one.account, "languages": one.languages, "parts": one.part_count}
                        for one in row.postings
                    ],
                    "words": row.words,
                }
                for row in result.rows
            ],
            "error_count": result.error_count,
            "warning_count": result.warning_count,
            "post_count": result.post_count,
        },
        ensure_ascii=False,
        indent=2,
    )
