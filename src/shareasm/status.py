"""Status: one screen that says how the day stands: what is next, what was sent, what comes in, what needs a person."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection, Engine

from shareasm.domain.campaigns import Campaign
from shareasm.domain.keeping import is_raw_over
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Post
from shareasm.domain.questions import Heard, open_questions
from shareasm.domain.queue import QueueEntry, State
from shareasm.domain.watches import Gap, Kind
from shareasm.showing import Judged, judge, waiting
from shareasm.storage import accounts, collected, days, keeping, queue, sources, watches
from shareasm.storage.accounts import AccountState
from shareasm.storage.engine import reading
from shareasm.storage.sources import SourceState, StoredSkip

ALIVE_FOR = timedelta(minutes=2)
"""A worker beats every 10 s; after two minutes without a beat nobody is at work."""

NEEDS_A_PERSON = frozenset({State.UNKNOWN, State.FAILED, State.MISSED})

AMONG = 5_000  # posts, the newest, among which open questions and what waits for a person are looked for
QUESTIONS_SHOWN, GAPS_SHOWN = 8, 3  # on the screen; `--json` has them all

OVERDUE_AFTER = timedelta(days=2)
"""What a worker lets go at night is not overdue in the evening before."""

LATE_AFTER = timedelta(minutes=1)
"""A post that is still waiting then is worth a look, also where nobody has tried: its account may have no secret."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a campaign stands at one instant."""

    campaign: Campaign
    now: datetime
    day: days.DayState
    counts: dict[State, int]
    next_entry: QueueEntry | None
    last_sent: QueueEntry | None
    troubles: tuple[QueueEntry, ...]
    collected_count: int
    sources: tuple[SourceState, ...]  # in the campaign's order, also those never read
    skips: tuple[StoredSkip, ...]  # the newest
    failing_checks: tuple[SourceState, ...] = ()  # sources that do not answer about what is stored of them
    stopped: tuple[AccountState, ...] = ()  # accounts whose token is refused
    gaps: tuple[Gap, ...] = ()  # when a source was not watched
    waiting_count: int = 0  # posts that are shown once a person approves them, among the newest
    questions: tuple[Post, ...] = ()  # to us, which nobody of ours has answered; who waits longest first
    overdue_raw_count: int = 0  # raw copies that are kept longer than the campaign says: nobody looks the recap over
    held_count: int = 0  # posts whose time has come while the day is paused
    other_days: tuple[str, ...] = ()  # that the store knows, where it knows nothing of this one
    folder: str | None = None  # as it was named on the command line, for commands to paste

    @property
    def closed_at(self) -> datetime | None:
        return self.day.closed_since(self.campaign.closes_at)

    @property
    def is_worker_alive(self) -> bool:
        beat = self.day.heartbeat_at
        return beat is not None and self.now - beat <= ALIVE_FOR

    @property
    def is_all_well(self) -> bool:
        """True when nothing needs a person now."""
        failing = any(source.failed_at for source in self.sources) or self.failing_checks or self.stopped
        at_work = self.is_worker_alive or self.closed_at is not None or self.day.opened_at is None
        return at_work and not (failing or self.troubles or self.day.note or self.day.paused_at)


def read_status(engine: Engine, campaign: Campaign, now: datetime, *, folder: str | None = None) -> Status:
    """Read how `campaign` stands."""
    judged = judge(engine, campaign, newest=AMONG)
    with reading(engine) as connection:
        entries = queue.of_campaign(connection, campaign.slug)
        states = sources.states(connection, campaign.slug)
        checks = sources.check_states(connection, campaign.slug).values()
        day = days.state(connection, campaign.slug)
        held = [e for e in entries if e.state is State.WAITING and e.due_at <= now] if day.paused_at else []
        troubles = [e for e in entries if _is_trouble(e, now) and e not in held]
        blocked = {_thread(entry) for entry in entries if entry.state in NEEDS_A_PERSON}
        return Status(
            campaign=campaign,
            now=now,
            day=day,
            counts=dict(Counter(entry.state for entry in entries)),
            next_entry=next((e for e in entries if e.state is State.WAITING and _thread(e) not in blocked), None),
            last_sent=max((e for e in entries if e.published_at), key=_published_at, default=None),
            troubles=tuple(troubles),
            collected_count=collected.count_of_campaign(connection, campaign.slug),
            sources=tuple(states.get(source.id, SourceState(source.id)) for source in campaign.sources),
            skips=tuple(sources.newest_skips(connection, campaign.slug, 10)),
            failing_checks=tuple(check for check in checks if check.failed_at),
            stopped=tuple(accounts.states(connection, campaign.slug).values()),
            gaps=tuple(watches.gaps(connection, campaign, now)),
            waiting_count=len(waiting(judged)),
            questions=_questions(campaign, judged),
            overdue_raw_count=_overdue_raws(connection, campaign, now),
            held_count=len(held),
            other_days=days.others_than(connection, campaign.slug),
            folder=folder,
        )


_NO_QUESTION_ANY_MORE = frozenset({Reason.GONE, Reason.HIDDEN, Reason.TAKEN_DOWN, Reason.SUSPENDED, Reason.BLOCKED})


def _questions(campaign: Campaign, judged: Sequence[Judged]) -> tuple[Post, ...]:
    """Return what waits for an answer; also what no page may show: whoever asks so may still be answered."""
    there = (item for item in judged if item.verdict.reason not in _NO_QUESTION_ANY_MORE)
    return open_questions(campaign, (Heard(item.stored.post, item.answers, item.is_ours) for item in there))


def _overdue_raws(connection: Connection, campaign: Campaign, now: datetime) -> int:
    is_over = is_raw_over(campaign.keep, campaign.closes_at, now - OVERDUE_AFTER)
    return keeping.count_raws(connection, campaign.slug) if is_over else 0


def _is_trouble(entry: QueueEntry, now: datetime) -> bool:
    """Whether a post needs a person, or should be out or deleted by now: tried in vain, or its time has come and nobody did."""
    if entry.state is State.WITHDRAWING:
        return entry.note is not None
    if entry.state is not State.WAITING or entry.due_at > now:
        return entry.state in NEEDS_A_PERSON
    return entry.note is not None or (entry.key.part == 0 and now - entry.due_at > LATE_AFTER)


def _thread(entry: QueueEntry) -> tuple[str, str, str]:
    """Return what the parts of one thread have in common: a part waits for the parts before it."""
    return entry.key.slot, entry.key.language, entry.key.account


def _published_at(entry: QueueEntry) -> datetime:
    assert entry.published_at is not None
    return entry.published_at


def status_lines(status: Status) -> Iterator[str]:
    """Yield the screen, line by line; the first line is enough on a good day."""
    yield _headline(status)
    if words := words_of_other_days(status.campaign.slug, status.other_days):
        yield words
    yield from _queue_lines(status)
    yield from _source_lines(status)
    yield from _question_lines(status)
    if status.skips:
        yield ""
        yield "Set aside, with reasons:"
        yield from (f"  {skip.source}  {skip.ref or '–'}  {skip.reason}" for skip in status.skips)


def words_of_other_days(slug: str, others: Sequence[str]) -> str | None:
    """Return what to say where the store knows nothing of the day `slug` and may know it by another name."""
    if not others:
        return None
    known = ", ".join(f"“{name}”" for name in others[:8]) + (", …" if len(others) > 8 else "")
    return (
        f"The store knows nothing of a day “{slug}” yet; it knows {known}. A day's name is its folder's: if this folder was "
        "called so before, give it that name again, and all is there."
    )


def status_facts(status: Status) -> dict[str, object]:
    """Return the same as plain data, for `--json`."""
    return {
        "campaign": status.campaign.slug,
        "now": status.now.isoformat(),
        "all_well": status.is_all_well,
        "worker_alive": status.is_worker_alive,
        "closed_at": _iso(status.closed_at),
        "next": _entry_facts(status.next_entry),
        "last_sent": _entry_facts(status.last_sent),
        "paused_at": _iso(status.day.paused_at),
        "pause_reason": status.day.pause_reason,
        "held": status.held_count,
        "other_days": status.other_days,
        "note": status.day.note,
        "queue": {state.value: count for state, count in status.counts.items()},
        "needs_a_person": [
            (_entry_facts(entry) or {}) | {"ways_out": [command for _, command in ways_out(status, entry)]}
            for entry in status.troubles
        ],
        "stopped_accounts": [
            {
                "account": stopped.account,
                "stopped_at": _iso(stopped.stopped_at),
                "reason": stopped.reason,
                "try_again_at": _iso(stopped.try_again_at),
            }
            for stopped in status.stopped
        ],
        "failing_checks": [
            {"id": check.source, "failing_since": _iso(check.failed_at), "note": check.note}
            for check in status.failing_checks
        ],
        "collected": status.collected_count,
        "waiting_for_a_person": status.waiting_count,
        "overdue_raw_copies": status.overdue_raw_count,
        "sources": [
            {
                "id": source.source,
                "last_ok_at": _iso(source.last_ok_at),
                "failing_since": _iso(source.failed_at),
                "next_read_at": _iso(source.next_read_at),
                "note": source.note,
                "set_aside": source.skip_count,
                "gaps": [_gap_facts(status, gap) for gap in status.gaps if gap.source == source.source],
            }
            for source in status.sources
        ],
        "questions": [
            {"asked_at": _iso(one.created_at), "by": one.author.handle, "url": one.url, "text": one.text}
            for one in status.questions
        ],
        "set_aside": [{"source": s.source, "ref": s.ref, "reason": s.reason} for s in status.skips],
    }


def _headline(status: Status) -> str:
    bits = [status.campaign.name]
    if status.closed_at:
        bits.append(f"closed {_time(status, status.closed_at)}")
    elif status.day.paused_at:
        bits.append(f"PAUSED since {_time(status, status.day.paused_at)}")
    elif status.next_entry:
        bits.append(f"next {_time(status, status.next_entry.due_at)} {status.next_entry.key.slot}")
    if status.last_sent and status.last_sent.published_at:
        bits.append(f"last sent {_time(status, status.last_sent.published_at)}")
    if status.questions:
        bits.append(f"open questions: {len(status.questions)}")
    bits.append("all well" if status.is_all_well else "needs a look")
    return ", ".join(bits)


def _queue_lines(status: Status) -> Iterator[str]:
    if status.day.paused_at:
        held = f", {status.held_count} held whose time has come" if status.held_count else ""
        yield f"Paused:    {status.day.pause_reason or 'no reason given'}{held}. To go on: {_command(status, 'resume')}"
    counts = "  ".join(f"{state.value} {count}" for state, count in sorted(status.counts.items()))
    yield f"Queue:     {counts or 'empty: `shareasm run` fills it, or `shareasm plan apply`'}"
    yield f"Collected: {status.collected_count}"
    if count := status.waiting_count:
        yield f"Waiting:   posts {count}, which a person has to look at: {_command(status, 'posts', 'waiting')}"
    if status.day.opened_at and not status.closed_at and not status.is_worker_alive:
        yield f"No worker is running: the last sign of one was at {_time(status, status.day.heartbeat_at)}"
    if count := status.overdue_raw_count:
        yield f"Overdue:   raw copies {count}, which the campaign keeps no longer: {_command(status, 'sweep')}"
    if status.day.note:
        yield f"Note:      {status.day.note}"
    for stopped in status.stopped:
        yield f"  stopped: {stopped.account} since {_time(status, stopped.stopped_at)}: {stopped.reason}"
    for entry in status.troubles:
        asked_back = f" (to be taken back: {entry.withdraw_reason})" if entry.withdraw_reason else ""
        note = entry.note or _UNSENT
        yield f"  {entry.state.value}: {entry.key.name}: {note}{asked_back}"
        yield from (f"      {when}: {command}" for when, command in ways_out(status, entry))


_UNSENT = "its time has come, and nobody has sent it: does a worker run, and has it the account's secret?"


def ways_out(status: Status, entry: QueueEntry) -> list[tuple[str, str]]:
    """Return what a person can do about an entry: when, and the command to paste."""
    key = entry.key
    only = ["--account", key.account, "--language", key.language, *(["--part", str(key.part + 1)] if key.part else [])]
    match entry.state:
        case State.UNKNOWN if entry.withdraw_reason:
            return [
                ("if you find it there", _command(status, "adopt", key.slot, "URL", *only)),
                (
                    "if it is not there",
                    _command(status, "withdraw", key.slot, *only, "--reason", entry.withdraw_reason),
                ),
            ]
        case State.UNKNOWN:
            return [
                ("if you find it there", _command(status, "adopt", key.slot, "URL", *only)),
                ("if it is not there", _command(status, "resend", key.slot, *only)),
            ]
        case State.FAILED:
            return [("once the cause is mended", _command(status, "resend", key.slot, *only))]
        case State.MISSED:
            return [("to send it after all", _command(status, "resend", key.slot, *only))]
        case _:
            return []


def _command(status: Status, name: str, *words: str) -> str:
    folder = [status.folder] if status.folder else []
    positional = [word for word in words[:2] if not word.startswith("--")]
    return shlex.join(["shareasm", name, *positional, *folder, *words[len(positional) :]])


def _source_lines(status: Status) -> Iterator[str]:
    yield ""
    for source in status.sources:
        gaps = [gap for gap in status.gaps if gap.source == source.source]
        aside = f", {source.skip_count} set aside" if source.skip_count else ""
        if source.failed_at:
            yield f"  {source.source}: failing since {_time(status, source.failed_at)}{aside}: {source.note}"
        elif source.last_ok_at:
            without = "" if gaps or not status.day.opened_at else ", watched without a gap"
            yield f"  {source.source}: read {_time(status, source.last_ok_at)}{without}{aside}"
        else:
            yield f"  {source.source}: not read yet{aside}"
        if source.note and not source.failed_at:
            yield f"      {source.note}"
        if source.last_ok_at:
            yield from _gap_lines(status, gaps)
    for check in status.failing_checks:
        yield f"  {check.source}: does not answer about what is stored since {_time(status, check.failed_at)}: {check.note}"


def _gap_lines(status: Status, gaps: list[Gap]) -> Iterator[str]:
    """Yield the last gaps of a source, each on a line, and what the earlier ones come to."""
    if earlier := gaps[:-GAPS_SHOWN]:
        found = sum(gap.found_later for gap in earlier)
        lasted = sum((gap.closes_at - gap.opens_at for gap in earlier if gap.closes_at), timedelta())
        yield f"      earlier gaps: {len(earlier)}, {_lasting(lasted)} in all{_healed(found)}"
    for gap in gaps[-GAPS_SHOWN:]:
        kind = gap.kind(is_worker_alive=status.is_worker_alive)
        until = f"to {_time(status, gap.closes_at)}" if gap.closes_at else "until now"
        why = f": {gap.reason}" if kind in {Kind.BLIND, Kind.THROTTLED} else ""
        why = why.replace(f": {kind}: ", ": ")
        yield f"      {kind} from {_time(status, gap.opens_at)} {until}{why}{_healed(gap.found_later)}"


def _healed(found: int) -> str:
    return f"; posts of that time found later: {found}" if found else ""


def _gap_facts(status: Status, gap: Gap) -> dict[str, object]:
    return {
        "from": _iso(gap.opens_at),
        "to": _iso(gap.closes_at),
        "kind": gap.kind(is_worker_alive=status.is_worker_alive).value,
        "reason": gap.reason,
        "found_later": gap.found_later,
    }


def _question_lines(status: Status) -> Iterator[str]:
    if not status.questions:
        return
    yield ""
    yield "Questions to us without an answer, the longest wait first:"
    for post in status.questions[:QUESTIONS_SHOWN]:
        waits = _lasting(max(status.now - post.created_at, timedelta()))
        words = " ".join(post.text.split())
        yield f"  {waits}  {post.author.handle}: {words[:60]}{'…' if len(words) > 60 else ''}"
        yield f"      {post.url}"
    if (more := len(status.questions) - QUESTIONS_SHOWN) > 0:
        yield f"  and {more} more: `{_command(status, 'status', '--json')}` has them all"


def _lasting(time: timedelta) -> str:
    """Return a duration for a person: `7 min`, `2 h 5 min`."""
    hours, minutes = divmod(int(time.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _entry_facts(entry: QueueEntry | None) -> dict[str, object] | None:
    if entry is None:
        return None
    return {
        "slot": entry.key.slot,
        "part": entry.key.part,
        "language": entry.key.language,
        "account": entry.key.account,
        "due_at": _iso(entry.due_at),
        "state": entry.state.value,
        "url": entry.receipt.url if entry.receipt else None,
        "note": entry.note,
    }


def _time(status: Status, instant: datetime | None) -> str:
    if instant is None:
        return "never"
    local = instant.astimezone(status.campaign.zone)
    return f"{local:%H:%M:%S} ({instant:%H:%M} UTC)"


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
