"""Commands on the day: run, status; and the parts alone for platforms: worker, web, collect, publish."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from shareasm.cli.ending import certain_end, stop_signal
from shareasm.cli.folders import FOLDER, pasteable

if TYPE_CHECKING:
    from shareasm.settings import Settings
    from shareasm.wiring import Parts, Plan
    from shareasm.worker import Worker


@click.command()
@FOLDER
@click.option("--until-closed", is_flag=True, help="End by itself when the day is closed and the recap written.")
@click.option("--port", type=int, help="Port of the web pages. Default: PORT, else 8000.")
@click.option("--no-web", is_flag=True, help="Without the web pages.")
def run(folder: Path | None, *, until_closed: bool, port: int | None, no_web: bool) -> None:
    """Run the day in one process: collect, publish, re-check; at the end close the day and write the recap.

    Ctrl-C finishes the call in hand and stops; started again, it goes on where it was. A second Ctrl-C stops at once.

    \b
    Example:  shareasm run config/campaigns/shareasm-2027
    """
    with certain_end(), _worker(folder) as (worker, plan), _web(plan, port, is_wanted=not no_web) as address:
        if address:
            click.echo(f"The day so far: {address}")
        _live(worker, until_closed=until_closed)


@click.command()
@FOLDER
@click.option("--until-closed", is_flag=True, help="End by itself when the day is closed and the recap written.")
def worker(folder: Path | None, *, until_closed: bool) -> None:
    """Run only the jobs: collect, publish, re-check, close. Any number may run on one PostgreSQL.

    \b
    Example:  shareasm worker config/campaigns/shareasm-2027
    """
    with certain_end(), _worker(folder) as (jobs, _):
        _live(jobs, until_closed=until_closed)


@click.command()
@FOLDER
@click.option("--port", type=int, help="Port to listen on. Default: PORT, else 8000.")
def web(folder: Path | None, port: int | None) -> None:
    """Serve only the pages: the recap, what has come in so far, /healthz.

    \b
    Example:  shareasm web config/campaigns/shareasm-2027 --port 8000
    """
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.settings import read_settings

    plan = load_plan(campaign_folder(folder, read_settings()))
    with certain_end(), stop_signal() as stopping, _web(plan, port, is_wanted=True) as address:
        click.echo(f"Serving {plan.campaign.name} at {address}")
        stopping.wait()
        stopping.raise_for_ctrl_c()


@click.command()
@FOLDER
def collect(folder: Path | None) -> None:
    """Read every source once, now, for those who bring their own scheduler.

    \b
    Example:  shareasm collect config/campaigns/shareasm-2027
    """
    _once(folder, "collect")


@click.command()
@FOLDER
def publish(folder: Path | None) -> None:
    """Send what is due, once, now, for those who bring their own scheduler.

    \b
    Example:  shareasm publish config/campaigns/shareasm-2027
    """
    _once(folder, "publish")


@click.command()
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def status(folder: Path | None, *, as_json: bool) -> None:
    """Say on one screen how the day stands. Exits 1 when something needs a person.

    \b
    Example:  shareasm status config/campaigns/shareasm-2027
    """
    from shareasm.cli.telling import campaign_folder, load_steerable
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.status import read_status, status_facts, status_lines
    from shareasm.wiring import open_store

    settings = read_settings()
    campaign, schedule = load_steerable(campaign_folder(folder, settings))
    if schedule is None:
        words = "The plan has mistakes at the moment: `shareasm check` shows them."
        click.secho(pasteable(words), fg="yellow", err=True)
    named = str(folder) if folder else None
    found = read_status(open_store(settings), campaign, SystemClock().now(), folder=named)
    if as_json:
        click.echo(json.dumps(status_facts(found), indent=2, ensure_ascii=False))
    else:
        for line in status_lines(found):
            click.echo(pasteable(line))
    if not found.is_all_well:
        raise click.exceptions.Exit(1)


# ---- what they share ---------------------------------------------------------------------------------------------------


@contextmanager
def _worker(folder: Path | None) -> "Iterator[tuple[Worker, Plan]]":
    """Make the worker of a campaign, its queue in line with its plan."""
    from shareasm.cli.telling import campaign_folder, teller
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.watch import Watch
    from shareasm.wiring import World, wire
    from shareasm.worker import Worker

    settings = read_settings()
    plan, is_whole = _plan_to_run(campaign_folder(folder, settings), settings)
    parts = wire(plan, settings, World(SystemClock()))
    for sentence in parts.left_out:
        click.secho(pasteable(f"Left out: {sentence}"), fg="yellow")
    if is_whole:
        _take_plan(parts, plan)
    watch = Watch(parts.engine, parts.newest, parts.clock) if parts.newest else None
    yield Worker(parts, teller(plan.campaign.zone), watch=watch), plan
    parts.engine.dispose()


def _plan_to_run(folder: Path, settings: "Settings") -> "tuple[Plan, bool]":
    """Return the plan, and whether it is whole. A broken one is refused before the day; once a plan was taken, the queue goes
    on without it, for a restart in the night must not stop the day for a slip in a file.
    """
    from shareasm.campaign_files import load_campaign
    from shareasm.cli.telling import load_plan
    from shareasm.domain.schedules import Schedule
    from shareasm.wiring import Plan

    loaded = load_campaign(folder)
    if loaded.has_errors and loaded.campaign and _has_taken_a_plan(settings, loaded.campaign.slug):
        words = (
            f"The plan in {folder} has mistakes, and is not taken: the queue goes on as it is, until they are mended."
        )
        click.secho(words, fg="yellow", err=True)
        return Plan(folder, loaded.campaign, loaded.schedule or Schedule(()), loaded.story), False
    return load_plan(folder), True


def _has_taken_a_plan(settings: "Settings", slug: str) -> bool:
    from shareasm.storage import days
    from shareasm.storage.engine import reading
    from shareasm.wiring import open_store

    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).is_file():
        return False  # and none is made by asking
    engine = open_store(settings)
    with reading(engine) as connection:
        digest = days.state(connection, slug).plan_digest
    engine.dispose()
    return digest is not None


def _take_plan(parts: "Parts", plan: "Plan") -> None:
    """Bring the queue in line with the plan, as `plan apply` does without asking."""
    from shareasm.plan import digest_of, take
    from shareasm.publish import sent_before

    found = take(parts.engine, parts.campaign, parts.schedule, digest_of(plan.folder), parts.clock.now())
    click.echo(f"{parts.campaign.name}: {len(parts.schedule.slots)} slots, {len(found.intents)} changes in the queue")
    if slots := sent_before(parts.engine, parts.campaign, parts.schedule):
        noun = "slot was" if len(slots) == 1 else "slots were"
        verb = "is" if len(slots) == 1 else "are"
        words = f"{len(slots)} {noun} sent before and {verb} not sent again: {', '.join(slots)}"
        click.secho(words, fg="yellow")


def _live(worker: "Worker", *, until_closed: bool) -> None:
    """Let a worker run until a signal, or until the day is closed."""
    with stop_signal() as stopping:  # also while it stops: a second Ctrl-C then ends it at once
        try:
            worker.start()
            while not stopping.wait(0.2):
                worker.mind_the_clock()
                if until_closed and worker.closed.is_set():
                    break
            click.echo("Stopping: the calls in hand are finished first.")
        finally:
            has_ended = worker.stop()
    if not has_ended:
        click.secho(
            "A call did not come back in time. It is written down as open and looked up at the next start.",
            fg="yellow",
            err=True,
        )
    if worker.faults:
        raise click.exceptions.Exit(1)
    stopping.raise_for_ctrl_c()


@contextmanager
def _web(plan: "Plan", port: int | None, *, is_wanted: bool) -> Iterator[str | None]:
    """Serve the web pages in a thread; yield their address."""
    if not is_wanted:
        yield None
        return
    from shareasm.settings import read_settings
    from shareasm.web.serving import serve

    settings = read_settings()
    with serve(plan, settings, port=settings.port if port is None else port) as address:
        yield address


def _once(folder: Path | None, job: Literal["collect", "publish"]) -> None:
    with _worker(folder) as (jobs, _):
        jobs.once(job)
    if jobs.faults:
        raise click.exceptions.Exit(1)
