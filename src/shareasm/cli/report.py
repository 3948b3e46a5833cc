"""`shareasm report`: the figures of the day for whoever paid for it."""

from pathlib import Path

import click

from shareasm.cli.folders import FOLDER


@click.command()
@FOLDER
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write it. Default: reports/ in the data folder, where it is kept up to date.",
)
def report(folder: Path | None, out: Path | None) -> None:
    """Write the report for a funder: plan against actual, who acted, what was shared.

    A page, a workbook and two tables. Every figure can be counted again from evidence.csv, whose SHA-256 is printed.

    \b
    Example:  shareasm report config/campaigns/shareasm-2027
    """
    from shareasm.cli.telling import campaign_folder, load_plan, tell_other_days
    from shareasm.clock import SystemClock
    from shareasm.report import make_report
    from shareasm.settings import read_settings
    from shareasm.wiring import World, materials, open_store, report_folder

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    engine = open_store(settings)
    tell_other_days(engine, plan.campaign.slug)
    made = make_report(
        materials(plan, engine, settings, World(SystemClock())), out or report_folder(plan.campaign, settings)
    )
    for id_ in ("planned", "sent", "posts", "posts.others", "people", "organisations", "languages"):
        figure = made.evidence.figure(id_)
        click.echo(f"{figure.value:>7,}  {figure.label}")
    click.echo(f"Report: {made.folder / 'report.html'}, the same as a workbook in report.xlsx")
    click.echo(f"Evidence: {made.folder / 'evidence.csv'}, {len(made.evidence.rows):,} rows, SHA-256 {made.digest}")
    engine.dispose()
