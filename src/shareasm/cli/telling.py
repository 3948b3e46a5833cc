"""How the command line speaks: events of the day as lines with the campaign's time and UTC, plans with their findings."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NoReturn

import click

from shareasm.cli.folders import named_folder, pasteable

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from sqlalchemy.engine import Engine

    from shareasm.domain.campaigns import Campaign
    from shareasm.domain.schedules import Schedule
    from shareasm.news import Event
    from shareasm.settings import Settings
    from shareasm.wiring import Plan

_COLOURS = {
    "sent": "green",
    "collected": "cyan",
    "gone": "yellow",
    "withdrawn": "yellow",
    "plan": "cyan",
    "trouble": "yellow",
    "fault": "red",
    "recap": "magenta",
}


def event_line(event: "Event", zone: "ZoneInfo") -> str:
    """Return an event as one line: `09:00:01 · 08:00:01 UTC  sent       welcome (en) on iied-bluesky: published …`."""
    local = event.at.astimezone(zone)
    return f"{local:%H:%M:%S} · {event.at:%H:%M:%S} UTC  {event.kind:<10} {event.text}"


def teller(zone: "ZoneInfo") -> "Callable[[Event], None]":
    """Return what prints events as they happen, in whatever thread; commands in them name the folder that was named here."""
    folder = named_folder()

    def tell(event: "Event") -> None:
        click.secho(pasteable(event_line(event, zone), folder), fg=_COLOURS.get(event.kind))

    return tell


def load_plan(folder: Path) -> "Plan":
    """Return the plan of a campaign folder. A broken one is printed with every finding and exits 2; nothing was changed."""
    from shareasm.campaign_files import load_campaign
    from shareasm.wiring import Plan

    loaded = load_campaign(folder)
    if loaded.campaign is None or loaded.schedule is None or loaded.has_errors:
        for finding in loaded.findings:
            click.echo(str(finding), err=True)
        _refuse(f"the plan in {folder} has mistakes; nothing was changed. {_check(folder)} shows them")
    return Plan(folder, loaded.campaign, loaded.schedule, loaded.story)


def load_steerable(folder: Path) -> "tuple[Campaign, Schedule | None]":
    """Return what steering needs of a campaign folder: its schedule may be broken at that moment, and is None then."""
    from shareasm.campaign_files import load_campaign

    loaded = load_campaign(folder)
    if loaded.campaign is None:
        for finding in loaded.findings:
            click.echo(str(finding), err=True)
        _refuse(f"campaign.yaml in {folder} has mistakes; nothing was changed. {_check(folder)} shows them")
    return loaded.campaign, None if loaded.has_errors else loaded.schedule


def _check(folder: Path) -> str:
    return f"`shareasm check {quote(str(folder))}`"


def campaign_folder(given: Path | None, settings: "Settings", *, must_exist: bool = True) -> Path:
    """Return the campaign folder that was named, or SHAREASM_CAMPAIGN, or the only one in config/campaigns."""
    from shareasm.errors import ConfigError

    if given:
        return given
    if settings.campaign:
        if must_exist and not settings.campaign.is_dir():
            raise ConfigError(
                f"SHAREASM_CAMPAIGN names {settings.campaign}, which is no folder: mend it, or name the campaign's folder at "
                "the end of the command"
            )
        return settings.campaign
    found = sorted(path.parent for path in Path("config/campaigns").glob("*/campaign.yaml"))
    if len(found) == 1:
        return found[0]
    there = f" (there are: {', '.join(map(str, found))})" if found else ""
    raise ConfigError(f"say which campaign: name its folder at the end of the command, or set SHAREASM_CAMPAIGN{there}")


def tell_other_days(engine: "Engine", slug: str) -> bool:
    """Say so where the store knows nothing of this day and may know it by another name: its folder's, before.

    Return whether that is so.
    """
    from shareasm.status import words_of_other_days
    from shareasm.storage import days
    from shareasm.storage.engine import reading

    with reading(engine) as connection:
        others = days.others_than(connection, slug)
    if words := words_of_other_days(slug, others):
        click.secho(words, fg="yellow", err=True)
    return bool(others)


def _refuse(sentence: str) -> NoReturn:
    click.secho(f"shareasm: {sentence}", fg="red", err=True)
    raise click.exceptions.Exit(2)


def keep_off_the_plan(folder: Path, *files: Path | None) -> None:
    """Refuse to write over the files of a campaign. Raises ConfigError."""
    from shareasm.errors import ConfigError

    plan = folder.resolve()
    for file in files:
        if file and file.resolve().is_relative_to(plan):
            raise ConfigError(f"{file} lies in the campaign's own folder, which is the team's: name a file elsewhere")
