"""Check: the whole plan read, every mistake named, and the running order of the day. Changes nothing, asks no network."""

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from shareasm.campaign_files import Finding, Loaded, Place, Severity, load_campaign
from shareasm.campaign_files.places import Places
from shareasm.campaign_files.reading import shorten
from shareasm.domain.campaigns import Campaign, CampaignAccount
from shareasm.domain.queue import DraftPoll, PlannedEntry, plan_entries
from shareasm.domain.schedules import Kind, Schedule, Slot
from shareasm.networks.ports import Limits

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
    """One slot of the day, or as much of it as goes out at one instant where each account has its own."""

    slot: str
    kind: Kind
    due_at: datetime  # aware UTC
    local: datetime  # the same in the campaign's zone
    postings: tuple[Posting, ...]
    words: str  # how its first text begins
    zones: tuple[str, ...]  # the zones in which the team's time is this instant
    remarks: tuple[str, ...] = ()  # what is more to it than words and pictures: "answers numbers", "poll"


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
    findings = sorted(
        (*loaded.findings, *_past(loaded, loaded.campaign, loaded.schedule, now)),
        key=lambda finding: finding.place,
    )
    entries = plan_entries(loaded.campaign, loaded.schedule)
    return CheckResult(
        loaded,
        tuple(findings),
        loaded.campaign.zone,
        tuple(_rows(loaded.campaign, loaded.schedule, entries)),
        len(entries),
    )


def _past(loaded: Loaded, campaign: Campaign, schedule: Schedule, now: datetime) -> Iterator[Finding]:
    """Yield a warning for each slot of which something lies in the past; only one when the whole day does."""
    places = loaded.places
    past = {slot.id: [due for due in _dues(slot) if due <= now] for slot in schedule.slots}
    past = {slot: dues for slot, dues in past.items() if dues}
    if past and campaign.closes_at <= now:
        yield Finding(
            Severity.WARNING,
            places.on or places.times[next(iter(past))],
            f"The day is over: it closed at {campaign.closes_at:%H:%M} UTC on {campaign.closes_at:%Y-%m-%d}.",
            f"Mend “on” if another day is meant. A new edition is begun by `{_next_edition(loaded.folder)}`.",
        )
        return
    for slot, dues in past.items():
        yield Finding(
            Severity.WARNING,
            places.times[slot],
            f"“{slot}” lies in the past ({', '.join(f'{due:%Y-%m-%d %H:%M}' for due in dues)} UTC).",
            "Move it to a later time if it should still go out.",
        )


def _next_edition(folder: Path) -> str:
    """Return the command that begins the next edition of the campaign in `folder`: of next year, where its name has one."""
    here = folder.resolve()
    name = re.sub(r"20\d\d", lambda year: str(int(year[0]) + 1), here.name)
    following = folder.parent / (name if name != here.name else f"{here.name}-next")
    return shlex.join(["shareasm", "init", str(following), "--from", str(folder)])


def _dues(slot: Slot) -> list[datetime]:
    """Return the instants at which a slot goes out."""
    return sorted({slot.due_for(account).at for account in slot.accounts})


def _rows(campaign: Campaign, schedule: Schedule, entries: Iterable[PlannedEntry]) -> Iterator[RunningOrderRow]:
    """Yield the running order: `entries` are in it already, here they are put together by slot and instant."""
    slots = {slot.id: slot for slot in schedule.slots}
    together: dict[tuple[datetime, str], list[PlannedEntry]] = defaultdict(list)
    for entry in entries:
        together[entry.due_at, entry.key.slot].append(entry)
    for (due_at, slot_id), own in together.items():
        slot = slots[slot_id]
        yield RunningOrderRow(
            slot=slot_id,
            kind=slot.kind,
            due_at=due_at,
            local=due_at.astimezone(campaign.zone),
            postings=_postings(own),
            words=shorten(slot.parts[0].text_for(own[0].key.language, own[0].network), FIRST_WORDS),
            zones=tuple(dict.fromkeys(slot.due_for(entry.key.account).zone for entry in own)),
            remarks=tuple(_remarks(slot)),
        )


def _remarks(slot: Slot) -> Iterator[str]:
    if slot.reply_to:
        yield f"answers {slot.reply_to}"
    if slot.quotes:
        yield f"quotes {slot.quotes}"
    if any(part.video for part in slot.parts):
        yield "video"
    if any(part.poll for part in slot.parts):
        yield "poll"


def _postings(entries: Iterable[PlannedEntry]) -> tuple[Posting, ...]:
    by_account: dict[str, list[PlannedEntry]] = defaultdict(list)
    for entry in entries:
        by_account[entry.key.account].append(entry)
    return tuple(
        Posting(account, tuple(dict.fromkeys(one.key.language for one in own)), 1 + max(one.key.part for one in own))
        for account, own in by_account.items()
    )


def with_findings(result: CheckResult, more: Iterable[Finding]) -> CheckResult:
    """Return `result` with findings that came later, in their places."""
    return replace(result, findings=tuple(sorted({*result.findings, *more}, key=lambda finding: finding.place)))


# ---- what the servers said ---------------------------------------------------------------------------------------------


def limits_findings(
    campaign: Campaign, schedule: Schedule, places: Places, limits: Mapping[str, Limits], media: Path | None = None
) -> Iterator[Finding]:
    """Yield what does not fit the servers as they are: account id → what its server said that it takes.

    `media` is the folder of the videos; without it their sizes are not judged. Pictures are made to fit when they are sent.

    Accounts that are not in `limits` could not be asked, and are left out. What fits every server in general was checked
    when the files were read.
    """
    for entry in plan_entries(campaign, schedule):
        if (its := limits.get(entry.key.account)) is not None:
            account = campaign.account(entry.key.account)
            yield from _text_misfits(entry, account, its, places)
            yield from _media_misfits(entry, account, its, places)
            yield from _video_misfits(entry, account, its, places, media)
            if entry.draft.poll:
                place = places.key(entry.key.slot, "poll", entry.key.part)
                yield from _poll_misfits(entry.draft.poll, account, its, place)


def _text_misfits(entry: PlannedEntry, account: CampaignAccount, limits: Limits, places: Places) -> Iterator[Finding]:
    slot, part, language, _ = entry.key
    text = entry.draft.text
    if entry.draft.quotes and not limits.can_quote:
        text += (
            f"\n\n{account.server}/@{account.handle.partition('@')[0]}/statuses/{'0' * 26}"  # GoToSocial's, the longest
        )
        yield Finding(
            Severity.WARNING,
            places.key(slot, "quote"),
            f"{account.server} shows no quotes: on {account.id} the address of “{entry.draft.quotes}” stands below the "
            "text instead.",
            f"If that is good enough, leave it so; else take {account.id} out of the slot's accounts.",
        )
    length = limits.count(text, entry.draft.content_warning)
    if length > limits.text_length:
        yield Finding(
            Severity.ERROR,
            places.text(slot, part, language, entry.network),
            f"The text ({language}) has {length:,} of {limits.text_length:,} characters as {account.server} counts them: "
            f"{length - limits.text_length:,} too many on {account.id}.",
            "Shorten it, or go on in a “thread”.",
        )


def _media_misfits(entry: PlannedEntry, account: CampaignAccount, limits: Limits, places: Places) -> Iterator[Finding]:
    slot, part, language, _ = entry.key
    media, video = entry.draft.media, entry.draft.video
    place = places.key(slot, "video" if video else "media", part)
    if len(media) > limits.media_count:
        yield Finding(
            Severity.ERROR,
            place,
            f"{len(media)} pictures are too many on {account.id}: {account.server} takes {limits.media_count} in a post.",
            "Put the others into a part of the “thread”.",
        )
    longest = max((len(one.alt) for one in (*media, *((video,) if video else ()))), default=0)
    if longest > limits.alt_length:
        yield Finding(
            Severity.WARNING,
            place,
            f"An alt text ({language}) has {longest:,} of the {limits.alt_length:,} characters that {account.server} "
            f"takes: it is cut on {account.id}.",
            "Say it shorter, the most important first.",
        )


def _video_misfits(
    entry: PlannedEntry, account: CampaignAccount, limits: Limits, places: Places, media: Path | None
) -> Iterator[Finding]:
    video, most = entry.draft.video, limits.video_bytes
    if video is None:
        return
    place = places.key(entry.key.slot, "video", entry.key.part)
    if most is None:
        yield Finding(
            Severity.ERROR,
            place,
            f"{account.server} takes no videos, so this one cannot go out on {account.id}.",
            f"Take {account.id} out of the slot's accounts, or send a picture of it.",
        )
    elif media and (media / video.file).is_file() and (size := (media / video.file).stat().st_size) > most:
        yield Finding(
            Severity.ERROR,
            place,
            f"“{video.file}” has {size:,} bytes; {account.server} takes {most:,}, so it cannot go out on {account.id}.",
            "Save it smaller, 1280 pixels wide, or shorter.",
        )


def _poll_misfits(poll: DraftPoll, account: CampaignAccount, limits: Limits, place: Place) -> Iterator[Finding]:
    if not limits.has_polls:
        yield Finding(
            Severity.WARNING,
            place,
            f"{account.server} has no polls: on {account.id} the words go out alone.",
            "Say in the text how to answer.",
        )
    elif (polls := limits.polls) and (
        len(poll.options) > polls.option_count
        or max(map(len, poll.options)) > polls.option_length
        or not polls.shortest <= poll.open_for <= polls.longest
    ):
        yield Finding(
            Severity.ERROR,
            place,
            f"{account.server} does not take this poll on {account.id}: at most {polls.option_count} answers of "
            f"{polls.option_length} characters, open for {_span(polls.shortest)} to {_span(polls.longest)}.",
            "Change it to what every server takes, or take the account out of the slot's accounts.",
        )


def _span(length: timedelta) -> str:
    return f"{length.days} days" if length.days > 1 else f"{length.total_seconds() / 60:.0f} min"


# ---- shown -------------------------------------------------------------------------------------------------------------


def check_lines(result: CheckResult) -> Iterator[str]:
    """Yield the findings, the running order and a summary, as lines of text."""
    for finding in result.findings:
        yield f"{finding.file}:{finding.line}:{finding.column}: {finding.severity}: {finding.message}"
        yield f"    {finding.cure}"
    if result.rows:
        if result.findings:
            yield ""
        yield from _order_lines(result)
    yield ""
    yield _summary(result)


def _order_lines(result: CheckResult) -> Iterator[str]:
    zone = result.zone.key if result.zone else "UTC"
    clock = _clock_format(result.rows)
    first = result.rows[0].local
    zones = zone if zone == "UTC" else f"{zone} and UTC"
    yield f"Running order from {first.day} {first:%B %Y}, times in {zones}:"
    slot_width, kind_width = (
        max(map(len, words)) for words in zip(*((row.slot, row.kind) for row in result.rows), strict=True)
    )
    for row in result.rows:
        times = f"{row.local:{clock}}" if zone == "UTC" else f"{row.local:{clock}}  {row.due_at:{clock}} UTC"
        yield f"  {times}  {row.slot:{slot_width}}  {row.kind:{kind_width}}  {row.words}"
        where = ", ".join(_posting(posting) for posting in row.postings)
        there = f" ({_elsewhere(row)})" if row.zones != (zone,) else ""
        yield f"  {'':{len(times)}}  → {' · '.join((where + there, *row.remarks))}"


def _elsewhere(row: RunningOrderRow) -> str:
    """Return the time as the team wrote it, where that is another zone's."""
    return ", ".join(f"{row.due_at.astimezone(ZoneInfo(zone)):%H:%M} in {zone}" for zone in row.zones)


def _clock_format(rows: tuple[RunningOrderRow, ...]) -> str:
    """Return how times are written: with the day where there is more than one, with seconds where they count."""
    clock = "%H:%M:%S" if any(row.due_at.second for row in rows) else "%H:%M"
    days = {instant.date() for row in rows for instant in (row.local, row.due_at)}
    return f"%a %d {clock}" if len(days) > 1 else clock


def _posting(posting: Posting) -> str:
    parts = f", {posting.part_count} parts" if posting.part_count > 1 else ""
    return f"{posting.account} ({' '.join(posting.languages)}{parts})"


def _summary(result: CheckResult) -> str:
    errors, warnings = (
        _count(number, word) for number, word in ((result.error_count, "error"), (result.warning_count, "warning"))
    )
    if result.error_count:
        return f"{errors}, {warnings}. Nothing is sent before the errors are mended."
    slot_count = len({row.slot for row in result.rows})
    plan = f"{_count(slot_count, 'slot')}, {_count(result.post_count, 'post')}"
    return f"The plan is good: {plan}, {warnings}." if result.warning_count else f"The plan is good: {plan}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


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
                    "remarks": row.remarks,
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
