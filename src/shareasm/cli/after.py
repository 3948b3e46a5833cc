"""Commands after the day: recap."""

from pathlib import Path

import click

FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))


@click.command()
@FOLDER
@click.option(
    "--no-check", is_flag=True, help="Do not ask the networks first; for looking at the page while the day goes on."
)
def recap(folder: Path | None, *, no_check: bool) -> None:
    """Write the recap again, after asking the networks about everything that it will show.

    \b
    Example:  shareasm recap config/campaigns/shareasm-2027
    """
    from shareasm.cli.telling import campaign_folder, load_plan, print_event
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.wiring import World, wire
    from shareasm.worker import Worker

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    parts = wire(plan, settings, World(SystemClock()))
    if not no_check:
        Worker(parts, lambda event: print_event(event, plan.campaign.zone)).once("verify")
    made = parts.make_recap()
    click.echo(f"Recap: {made.written.index}")
    click.echo(
        f"{made.shown_count} posts shown, {made.not_shown_count} not shown, {made.written.changed_count} files changed"
    )
    parts.engine.dispose()
