"""Commands for the story: draft one from the day; and what `check` says of posts that the story names."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from shareasm.cli.folders import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.engine import Engine

    from shareasm.check import CheckResult
    from shareasm.domain.chapters import Missing
    from shareasm.domain.recaps import Facts
    from shareasm.settings import Settings
    from shareasm.wiring import Plan

_COLOURS = {"+": "green", "-": "red"}


@click.group()
def story() -> None:
    """Write the story of the day, and bring old ones home."""


@story.command()
@FOLDER
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would be written, and write nothing.")
def draft(folder: Path | None, *, is_dry_run: bool) -> None:
    """Write a first story.yaml from the day itself; or add to yours what came since.

    Chapters by theme and kind, a balanced choice of what people said, sentences that only count. Change it as you like:
    drafting again leaves everything that you wrote, and brings nothing back that you took out.

    \b
    Example:  shareasm story draft config/campaigns/shareasm-2027
    """
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.story import draft as write
    from shareasm.wiring import open_store

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    done = write(plan.folder, _facts(plan, settings, open_store(settings)), SystemClock().now(), is_dry_run=is_dry_run)
    if done.since:
        click.secho(_lost(done.since, plan), fg="yellow")
    for line in done.changes:
        click.secho(line, fg=_COLOURS.get(line[:1]))
    told = "would be added to" if is_dry_run else "added to"
    click.echo(f"{done.added_count} posts {told} {done.path}" if done.changes else f"Nothing new for {done.path}")
    for one in done.missing:
        click.secho(f"Not shown: {_named(one)}, {one.why.words}", fg="yellow")
    if done.changes and not is_dry_run:
        where = quote(str(plan.folder))
        click.echo(f"Next: read it, change it, then shareasm check {where} and shareasm recap {where}")


@story.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@FOLDER
@click.option("--pictures", is_flag=True, help="Fetch the posts' pictures and show them; else the page links to them.")
@click.option(
    "--without", multiple=True, help="Leave out an author (@handle) or a post (its address); give it several times."
)
def import_story(file: Path, folder: Path | None, *, pictures: bool, without: tuple[str, ...]) -> None:
    """Make a page of a story that was told on Storify, from its JSON or HTML export, beside the recap.

    \b
    Example:  shareasm story import 2015.json config/campaigns/shareasm-2027
    """
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.story.editions import bring_home
    from shareasm.story.splicing import quoted
    from shareasm.wiring import World, picture_fetcher, recap_folder

    settings = read_settings()
    campaign = load_plan(campaign_folder(folder, settings)).campaign
    done = bring_home(
        file,
        campaign,
        recap_folder(campaign, settings),
        without=without,
        fetch=picture_fetcher(campaign, World(SystemClock())) if pictures else None,
    )
    click.echo(f"{done.story.title}: {len(done.story.posts)} posts, {done.left_out_count} left out")
    if done.missing_pictures_count:
        click.secho(f"{done.missing_pictures_count} pictures could not be had; the page links to them", fg="yellow")
    click.echo(f"Page: {done.index}")
    click.echo(
        "Read it before you publish it: people may have changed their minds since; --without leaves their posts out."
    )
    click.echo("Next: name it in campaign.yaml below “earlier:”, so that the recap leads to it:")
    year = done.story.at.year if done.story.at else campaign.on.year - 1
    click.echo(f"  - {{title: {quoted(done.story.title)}, year: {year}, url: {quoted(done.address)}}}")


def look_back(result: "CheckResult") -> "CheckResult":
    """Return `result` with a warning for each post that the story names and the store knows to be gone.

    Only where there is a store already: before the day nothing is missing yet.
    """
    from shareasm.settings import read_settings

    loaded, settings = result.loaded, read_settings()
    is_asked = loaded.story is not None and loaded.story.names_posts and settings.has_store
    if not is_asked or loaded.campaign is None or loaded.schedule is None:
        return result
    from shareasm.check import with_findings
    from shareasm.clock import SystemClock
    from shareasm.domain.recaps import arrange
    from shareasm.errors import StorageError
    from shareasm.storage.engine import open_engine
    from shareasm.story import missing, missing_findings
    from shareasm.wiring import Plan

    plan = Plan(loaded.folder, loaded.campaign, loaded.schedule, loaded.story)
    try:
        facts = _facts(plan, settings, open_engine(settings.database_url))  # as it is: a check changes nothing
    except StorageError as error:
        click.echo(f"Whether the story's posts are still there was not looked at: {error}", err=True)
        click.echo("If the program is newer than the store: `shareasm db upgrade` brings it up to date.", err=True)
        return result
    gone = missing(arrange(facts), SystemClock().now()) if facts.posts else ()
    return with_findings(result, missing_findings(loaded, gone))


def tell_named(folder: Path, recap: Path, addresses: "Iterable[str]") -> None:
    """Say where a campaign's story names posts that were taken out, and that old days are not cleaned by themselves."""
    from shareasm.campaign_files import load_campaign
    from shareasm.story import places_of

    for place in places_of(load_campaign(folder), addresses):
        click.secho(f"{place.file}:{place.line} names a post of it: take the line out.", fg="yellow")
    if (recap / "earlier").is_dir():
        click.secho(
            "Old days lie beside the recap: if it is in one, `shareasm story import` with --without.", fg="yellow"
        )


def _facts(plan: "Plan", settings: "Settings", engine: "Engine") -> "Facts":
    """Return what the store knows of the day and may be shown now. Closes the store."""
    from shareasm.clock import SystemClock
    from shareasm.recap import facts_so_far
    from shareasm.wiring import World, materials

    try:
        return facts_so_far(materials(plan, engine, settings, World(SystemClock())))
    finally:
        engine.dispose()


def _lost(since: "datetime", plan: "Plan") -> str:
    at = since.astimezone(plan.campaign.zone)
    return (
        "story.drafted.json is not there any more, so nobody knows what was drafted and what you took out. "
        f"Only posts that came after story.yaml was changed last, {at:%Y-%m-%d %H:%M}, are added."
    )


def _named(missing: "Missing") -> str:
    return f"{missing.rule.kind} {missing.rule.value}"
