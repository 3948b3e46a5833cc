"""Commands about the plan and the queue: plan show, plan apply."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shareasm.cli.folders import FOLDER, pasteable
from shareasm.cli.groups import Commands
from shareasm.cli.steering import YES, agree

if TYPE_CHECKING:
    from shareasm.domain.differences import Difference
    from shareasm.publish import Press


@click.group(cls=Commands)
def plan() -> None:
    """Look at the plan beside what became of it, and take a changed one."""


@plan.command()
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def show(folder: Path | None, *, as_json: bool) -> None:
    """Show every post of the plan: its time, its state, its address, and what persons decided on the day.

    \b
    Example:  shareasm plan show config/campaigns/shareasm-2027
    """
    from shareasm.cli.telling import campaign_folder, load_steerable, tell_other_days
    from shareasm.plan import overview_facts, overview_lines, read_overview
    from shareasm.settings import read_settings
    from shareasm.wiring import open_store

    settings = read_settings()
    campaign, schedule = load_steerable(campaign_folder(folder, settings))
    engine = open_store(settings)
    tell_other_days(engine, campaign.slug)
    overview = read_overview(engine, campaign, schedule)
    engine.dispose()
    if as_json:
        click.echo(json.dumps(overview_facts(overview), indent=2, ensure_ascii=False))
    else:
        for line in overview_lines(overview):
            click.echo(pasteable(line))


@plan.command()
@FOLDER
@click.option("--edit-sent", is_flag=True, help="Also edit what was sent and has other words now, where a network can.")
@YES
def apply(folder: Path | None, *, edit_sent: bool, yes: bool) -> None:
    """Take a changed plan: show what is new, changed, moved and taken out, ask, and bring the queue in line.

    What was sent is never sent again. A plan with a mistake changes nothing and exits 2. A running worker takes a changed
    plan by itself; this shows it first, and edits what was sent.

    \b
    Example:  shareasm plan apply config/campaigns/shareasm-2027
    """
    from shareasm.cli.online import fetch_cards
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.domain.queue import plan_entries
    from shareasm.plan import compare, difference_lines, digest_of, take
    from shareasm.settings import read_settings
    from shareasm.steer import user
    from shareasm.wiring import World, wire_press

    settings = read_settings()
    loaded = load_plan(campaign_folder(folder, settings))
    press, _ = wire_press(loaded, settings, World(SystemClock()), user(), with_accounts=edit_sent)
    fetch_cards(loaded.campaign, plan_entries(loaded.campaign, loaded.schedule), press.engine, settings)
    found = compare(press.engine, loaded.campaign, loaded.schedule)
    edits = found.sent_changed if edit_sent else ()
    for line in difference_lines(found, loaded.campaign.zone, edits=edit_sent):
        click.echo(pasteable(line))
    if not found.is_nothing or edits:
        agree("Take it?", yes=yes)
    taken = take(
        press.engine,
        loaded.campaign,
        loaded.schedule,
        digest_of(loaded.folder),
        press.clock.now(),
        by=press.worker,
    )
    _tell(taken)
    is_done = _edit(press, found) if edits else True
    press.engine.dispose()
    if not is_done:
        raise click.exceptions.Exit(1)


def _tell(found: "Difference") -> None:
    from shareasm.plan import summary

    if found.is_nothing:
        click.echo("The queue says what the plan says.")
    else:
        click.secho(f"Taken: {summary(found)}", fg="green")


def _edit(press: "Press", found: "Difference") -> bool:
    from shareasm.plan import edit_sent

    return edit_sent(
        press,
        found.sent_changed,
        lambda one: click.secho(f"{one.entry.key.name}: {one.words}", fg="green" if one.receipt else "yellow"),
    )
