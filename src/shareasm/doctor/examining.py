"""Runs every examination side by side, each in bounded time, and gathers what they find in the order of the plan."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from shareasm.doctor import machine
from shareasm.doctor.accounts import count, judge_account, judge_posts, reconnect
from shareasm.doctor.findings import Finding, Light
from shareasm.doctor.materials import Examined, Materials
from shareasm.domain.campaigns import CampaignAccount, Source
from shareasm.domain.queue import PlannedEntry, plan_entries
from shareasm.domain.watches import NARROW
from shareasm.errors import ConfigError, NetworkError, RateLimited, Rejected, ShareasmError, Unauthorized
from shareasm.networks.ports import Paced, TagReader, TagStream, Window

LIMIT_S = 120.0
"""Seconds that the whole may take, pictures made ready and all; what has not answered by then is red."""

LOOK_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Examination:
    """One thing to look at, by itself."""

    about: str
    run: Callable[[], Iterator[Finding]]


def examine(
    materials: Materials, tell: Callable[[str], None], examined: Examined | None = None, limit_s: float = LIMIT_S
) -> list[Finding]:
    """Return everything that was found; `tell` hears of each thing that is done. `examined` is filled by account id."""
    known: Examined = {} if examined is None else examined
    return _side_by_side([*_examinations(materials, known)], tell, limit_s)


def _examinations(materials: Materials, known: Examined) -> Iterator[Examination]:
    entries = plan_entries(materials.campaign, materials.schedule)
    for account in materials.campaign.accounts:
        own = [entry for entry in entries if entry.key.account == account.id]
        yield Examination(account.id, partial(_account, materials, account, own, known))
    for source in materials.campaign.sources:
        yield Examination(source.id, partial(_source, materials, source))
    yield Examination("database", partial(_store, materials))
    yield Examination("machine", partial(_machine, materials))


# ---- the examinations --------------------------------------------------------------------------------------------------


def _account(
    materials: Materials, account: CampaignAccount, entries: Sequence[PlannedEntry], known: Examined
) -> Iterator[Finding]:
    try:
        probe = materials.probe(account)
        if isinstance(probe, str):
            light = Light.RED if entries else Light.YELLOW
            yield Finding(
                light, account.id, "sign-in", f"{len(entries)} posts are planned: {probe}", reconnect(account)
            )
            return
        facts = probe.examine()
    except ConfigError as error:
        yield Finding(Light.RED, account.id, "sign-in", str(error), "do as it says")
        return
    except Unauthorized as error:
        yield Finding(Light.RED, account.id, "sign-in", str(error), reconnect(account))
        return
    known[account.id] = facts
    yield from judge_account(account, facts)
    yield from judge_posts(account, facts.limits, entries, materials.media, materials.prepare)


def _source(materials: Materials, source: Source) -> Iterator[Finding]:
    reader = materials.reader(source)
    if isinstance(reader, str):
        yield Finding(Light.YELLOW, source.id, "reading", reader, "see the line of that account")
        return
    tag, now = materials.campaign.hashtags[0], materials.now()
    try:
        words = _heard(reader(), tag, now) if callable(reader) else _read(reader, tag, now)
    except Unauthorized as error:
        yield Finding(Light.RED, source.id, "reading", str(error), "name an account of ours there, and connect it")
        return
    if NARROW in words:
        yield Finding(Light.YELLOW, source.id, "reading", words, "connect an account of ours there")
    else:
        yield Finding(Light.GREEN, source.id, "reading", words)
    if stream := materials.stream(source):
        yield _live(source, stream(), tag, now)


def _read(reader: TagReader, tag: str, now: datetime) -> str:
    """Return what the first page shows, and whether that is little of what there is."""
    window = Window(now - LOOK_BACK, now + timedelta(minutes=1))
    page = next(reader.read_tag(tag, window, None), None)
    seen = count(len(page.posts) if page else 0, "post")
    words = f"#{tag} is read; {seen} of the last day on its first page"
    rest = reader.rest() if isinstance(reader, Paced) else None
    return f"{words}; {rest.why}" if rest and rest.why.startswith(NARROW) else words


def _live(source: Source, stream: TagStream, tag: str, now: datetime) -> Finding:
    """Return whether what is heard beside a timeline runs; a day goes well without."""
    try:
        return Finding(Light.GREEN, source.id, "live", _heard(stream, tag, now))
    except Rejected as error:  # the server has none
        return Finding(Light.GREEN, source.id, "live", str(error))
    except NetworkError as error:
        return Finding(Light.YELLOW, source.id, "live", str(error), "nothing is lost; see the lines of its account")


def _heard(stream: TagStream, tag: str, now: datetime) -> str:
    """Return once the stream gives its first batch, also an empty one."""
    try:
        next(iter(stream.read([tag], None, now)), None)
    finally:
        stream.stop()
    return "the stream runs"


def _store(materials: Materials) -> Iterator[Finding]:
    from shareasm.storage.schema import newest_revision  # Alembic: 10 MB that most commands never need

    engine = materials.open_store()
    try:
        yield machine.judge_database(engine, newest_revision())
        yield from machine.judge_day(engine, materials.campaign, materials.now())
    finally:
        engine.dispose()


def _machine(materials: Materials) -> Iterator[Finding]:
    for judge, folder in ((machine.judge_disk, materials.data), (machine.judge_folder, materials.recap)):
        try:
            yield judge(folder)
        except OSError as error:
            words = f"{folder} cannot be written: {error.strerror}"
            yield Finding(Light.RED, "disk", "writing", words, "check who owns it, or set SHAREASM_DATA")
    zones = {materials.campaign.zone.key, *(slot.zone for slot in materials.schedule.slots)}
    zones |= {partner.zone.key for partner in materials.campaign.partners if partner.zone}
    yield from machine.judge_zones(zones, materials.campaign.on.year)


# ---- side by side ------------------------------------------------------------------------------------------------------


def _side_by_side(examinations: Sequence[Examination], tell: Callable[[str], None], limit_s: float) -> list[Finding]:
    """Run every examination in a thread of its own; a server that never answers costs its own examination only."""
    done: queue.SimpleQueue[tuple[int, list[Finding]]] = queue.SimpleQueue()

    def run(number: int, examination: Examination) -> None:
        done.put((number, _findings(examination)))

    for number, examination in enumerate(examinations):
        threading.Thread(target=run, args=(number, examination), daemon=True).start()
    found: dict[int, list[Finding]] = {}
    give_up_at = time.monotonic() + limit_s
    while len(found) < len(examinations):
        try:
            number, findings = done.get(timeout=max(0.0, give_up_at - time.monotonic()))
        except queue.Empty:
            break
        found[number] = findings
        tell(f"{examinations[number].about}: looked over ({len(found)} of {len(examinations)})")
    return [
        finding for number, one in enumerate(examinations) for finding in found.get(number) or [_silent(one, limit_s)]
    ]


def _findings(examination: Examination) -> list[Finding]:
    """Return what an examination found, also where it broke off."""
    findings: list[Finding] = []
    try:
        for finding in examination.run():
            findings.append(finding)  # noqa: PERF402  what was found before it broke off stays
    except RateLimited as error:
        words = f"it asks for patience until {error.until:%H:%M} UTC: {error}"
        findings.append(Finding(Light.YELLOW, examination.about, "asking", words, "ask again then"))
    except ShareasmError as error:
        findings.append(Finding(Light.RED, examination.about, "asking", str(error), _CURE))
    except Exception as error:  # noqa: BLE001  one fault of ours must not hide what the others found
        words = f"a fault of this program: {type(error).__name__}"
        findings.append(Finding(Light.RED, examination.about, "asking", words, "please report this"))
    return findings


_CURE = "is this computer online, and what campaign.yaml says of it right? Else ask again later"


def _silent(examination: Examination, limit_s: float) -> Finding:
    words = f"no answer within {limit_s:.0f} seconds"
    return Finding(Light.RED, examination.about, "asking", words, "look whether that server is up, and ask again")
