"""Commands before the day: init, check, rehearse."""

import re
from datetime import date, datetime
from pathlib import Path
from shlex import quote

import click

from shareasm.cli.ending import ended_by_ctrl_c
from shareasm.cli.folders import FOLDER, NEW_FOLDER

_SEVERITY = re.compile(r":\d+:\d+: (error|warning): ")
_COLOURS = {"error": "red", "warning": "yellow"}


def _day(_context: click.Context, _option: click.Parameter, words: str | None) -> date | None:
    """Return a date that is written as 2027-05-12. Another is refused, with what it may mean: 3/2 is not one day everywhere."""
    if words is None:
        return None
    try:
        return datetime.strptime(words, "%Y-%m-%d").date()  # noqa: DTZ007  a day, no instant
    except ValueError:
        from shareasm.campaign_files.days import guess_day, said_day

        meant = guess_day(words)
        example = f"If {said_day(meant)} is meant: --on {meant}" if meant else "Such as: --on 2027-05-12"
        raise click.BadParameter(f"“{words}” is not a day as year-month-day. {example}") from None


@click.command()
@NEW_FOLDER
@click.option("--name", help="What the day is called. Default: made from the folder's name.")
@click.option("--hashtag", help="The leading hashtag, without #. Default: made from the folder's name.")
@click.option(
    "--on", callback=_day, metavar="YYYY-MM-DD", help="The day, as year-month-day. Default: 30 days from today."
)
@click.option("--zone", help="The time zone that the plan is written in, such as Africa/Accra. Default: UTC.")
@click.option(
    "--language", "languages", multiple=True, help="A language of the day, such as en; give it several times."
)
@click.option(
    "--from",
    "from_campaign",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Carry last year's accounts, partners and look over.",
)
def init(
    folder: Path,
    name: str | None,
    hashtag: str | None,
    on: date | None,
    zone: str | None,
    languages: tuple[str, ...],
    from_campaign: Path | None,
) -> None:
    """Make a new campaign folder that you can rehearse at once and then change line by line.

    \b
    Example:  shareasm init config/campaigns/my-day --hashtag myDay --on 2027-05-12
    """
    from datetime import UTC

    from shareasm.init import Wishes
    from shareasm.init import init as make

    wishes = Wishes(name, hashtag, on, zone, languages)
    for path in make(folder, wishes, datetime.now(UTC), from_campaign):
        click.echo(f"made {path}")
    click.echo(f"Next: shareasm check {quote(str(folder))}, then shareasm rehearse {quote(str(folder))}")


@click.command()
@FOLDER
@click.option(
    "--online", is_flag=True, help="Also open every link of the plan, and ask the accounts' servers what they take."
)
@click.option("--json", "as_json", is_flag=True, help="Print findings and running order as JSON.")
def check(folder: Path | None, *, online: bool, as_json: bool) -> None:
    """Read a campaign and say everything that is wrong with it, then the running order.

    With --online the pages that the plan links to are looked at too, and kept as link cards for Bluesky; no account is
    needed, nothing is posted. Exits 2 when something must be mended before the day.

    \b
    Example:  shareasm check config/campaigns/shareasm-2027 --online
    """
    from datetime import UTC

    from shareasm.check import check as read
    from shareasm.check import check_lines, check_to_json
    from shareasm.cli.telling import campaign_folder
    from shareasm.settings import read_settings

    result = read(campaign_folder(folder, read_settings()), datetime.now(UTC))
    if online:
        from shareasm.cli.online import look_around

        result = look_around(result)
    from shareasm.cli.story import look_back

    result = look_back(result)
    if as_json:
        click.echo(check_to_json(result))
    else:
        for line in check_lines(result):
            found = _SEVERITY.search(line)
            click.secho(line, fg=_COLOURS[found[1]] if found else None)
    if result.error_count:
        raise click.exceptions.Exit(2)


@click.command()
@FOLDER
@click.option(
    "--seconds",
    type=click.FloatRange(5, 3600),
    default=60,
    show_default=True,
    help="How long the day lasts here, work not counted.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another audience.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/rehearsals"),
    show_default=True,
    help="Where the rehearsal's store and recap go.",
)
def rehearse(folder: Path | None, seconds: float, seed: int, out: Path) -> None:
    """Live through the whole day in about a minute, on networks that run inside this program.

    The real program, real HTTP on loopback, an invented audience. Nothing leaves this machine, no account is needed.

    \b
    Example:  shareasm rehearse config/campaigns/shareasm-2027
    """
    from shareasm.cli.telling import campaign_folder, load_plan, teller
    from shareasm.rehearsal.day import rehearse as live
    from shareasm.settings import read_settings

    plan = load_plan(campaign_folder(folder, read_settings()))
    click.echo(
        f"Rehearsing {plan.campaign.name}: {len(plan.schedule.slots)} slots, the day in about {seconds:.0f} seconds; longer on "
        "a small or busy computer."
    )
    with ended_by_ctrl_c("The rehearsal is broken off, and nothing of it runs any more. The next one begins anew."):
        outcome = live(
            plan,
            out / plan.campaign.slug,
            seconds=seconds,
            seed=seed,
            tell=teller(plan.campaign.zone),
        )
    click.echo("")
    click.echo(f"Recap: {outcome.recap}")
    click.echo(
        f"Planned {outcome.planned} · sent {outcome.sent} · collected {outcome.collected} · shown {outcome.shown}"
    )
    click.echo(f"For your browser: {outcome.recap.resolve().as_uri()}")
    where = quote(str(out / plan.campaign.slug))
    click.echo(f"To practise on it:  SHAREASM_DATA={where} shareasm status {quote(str(plan.folder))}")
    if not outcome.is_clean:
        raise click.exceptions.Exit(1)
