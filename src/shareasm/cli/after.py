"""Commands after the day: recap, sweep, posts export, forget, policy."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shareasm.cli.groups import Commands
from shareasm.cli.steering import YES, agree

if TYPE_CHECKING:
    from shareasm.domain.recaps import Recap

FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))


@click.command()
@FOLDER
@click.option(
    "--no-check", is_flag=True, help="Do not ask the networks first; for looking at the page while the day goes on."
)
@click.option(
    "--publish",
    is_flag=True,
    help="Bring it to where campaign.yaml says that readers open it (recap: folder or command).",
)
@click.option("--single-file", type=click.Path(path_type=Path, dir_okay=False), help="Write it as one file too.")
@click.option(
    "--pdf", type=click.Path(path_type=Path, dir_okay=False), help="Print it too, by a browser of this machine."
)
def recap(folder: Path | None, *, no_check: bool, publish: bool, single_file: Path | None, pdf: Path | None) -> None:
    """Write the recap again, after asking the networks about everything that it will show.

    Once it is published, whatever writes it again (sweep, forget, the nightly look) publishes it again too.

    \b
    Example:  shareasm recap config/campaigns/shareasm-2027
    """
    _write(folder, is_checked=not no_check, publishes=publish, single_file=single_file, pdf=pdf)


@click.command()
@FOLDER
def sweep(folder: Path | None) -> None:
    """Take out of the published recap what was deleted, hidden or made private since.

    Asks the networks about everything that it shows, lets go of what the campaign keeps no longer, and brings the exports in
    the data folder up to date. A worker that runs does it every night at half past three; this is for a scheduler of your own,
    where none runs.

    \b
    Example:  shareasm sweep config/campaigns/shareasm-2027
    """
    _write(folder, is_checked=True)


def _write(
    folder: Path | None,
    *,
    is_checked: bool,
    publishes: bool = False,
    single_file: Path | None = None,
    pdf: Path | None = None,
) -> None:
    from shareasm.cli.telling import campaign_folder, load_plan, print_event
    from shareasm.clock import SystemClock
    from shareasm.deliver import deliver
    from shareasm.settings import read_settings
    from shareasm.wiring import World, wire
    from shareasm.worker import Worker

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    parts = wire(plan, settings, World(SystemClock()))
    if is_checked:
        Worker(parts, lambda event: print_event(event, plan.campaign.zone)).once("verify")
        if gone := parts.let_go():
            click.echo(gone)
    made = parts.make_recap()
    click.echo(f"Recap: {made.written.index}")
    click.echo(
        f"{made.shown_count} posts shown, {made.not_shown_count} not shown, {made.written.changed_count} files changed"
    )
    parts.engine.dispose()
    if made.recap:
        _write_further(made.recap, settings.data / "pictures", single_file, pdf)
    place = deliver(made.written.index.parent, plan.campaign.publication).place if publishes else parts.deliver_again()
    if place:
        click.echo(f"Published: {place}")


def _write_further(recap: "Recap", pictures: Path, single_file: Path | None, pdf: Path | None) -> None:
    from tempfile import TemporaryDirectory

    from shareasm.printing import print_pdf
    from shareasm.render.single import write_single

    if single_file:
        write_single(recap, single_file, pictures)
        click.echo(f"One file: {single_file}, {single_file.stat().st_size / 1e6:.1f} MB")
    if pdf:
        with TemporaryDirectory() as between:
            page = Path(between) / "recap.html"
            write_single(recap, page, pictures)
            print_pdf(page, pdf)
        click.echo(f"Printed: {pdf}")


@click.group(cls=Commands)
def posts() -> None:
    """Work with the posts that were collected."""


@posts.command("export")
@FOLDER
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="How to write it."
)
@click.option("--dehydrated", is_flag=True, help="Addresses only, for others to fetch again: the decent way to share.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file; - for standard output. Default: in the data folder, where it is kept up to date.",
)
def export_posts(folder: Path | None, form: str, *, dehydrated: bool, out: Path | None) -> None:
    """Write down every post that the recap may show, with where and when it was seen.

    In the data folder it is rewritten when somebody is forgotten, and when the recap is looked over. A file elsewhere is
    yours to keep clean; `shareasm forget` names it.

    \b
    Example:  shareasm posts export --format csv config/campaigns/shareasm-2027
    """
    import sys

    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.export import Form, export, export_to, file_name
    from shareasm.settings import read_settings
    from shareasm.wiring import exports_folder, open_store

    settings = read_settings()
    campaign = load_plan(campaign_folder(folder, settings)).campaign
    engine, now = open_store(settings), SystemClock().now()
    if out == Path("-"):
        export(engine, campaign, sys.stdout, now, form=Form(form), dehydrated=dehydrated)
    else:
        if out is None:
            out = exports_folder(settings) / campaign.slug / file_name(Form(form), dehydrated=dehydrated)
            out.parent.mkdir(parents=True, exist_ok=True)
        count = export_to(engine, campaign, out, now, form=Form(form), dehydrated=dehydrated)
        click.echo(f"{count} posts written to {out}")
    engine.dispose()


@click.command()
@click.argument("words", metavar="WHOM")
@FOLDER
@YES
def forget(words: str, folder: Path | None, *, yes: bool) -> None:
    """Take an account or a post out of everything, for good, because a person asked for it.

    WHOM is a handle, a profile's address or a post's address; what a bridge copied from it or to it goes along. Store, raw
    copies, pictures, exports and the published pages of this campaign are cleaned; it is kept only, as a digest, that it must
    not return.

    \b
    Example:  shareasm forget @amina@mastodon.example config/campaigns/shareasm-2027
    """
    from shareasm import recap as recaps
    from shareasm.cli.story import tell_named
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.export import clean
    from shareasm.forget import find
    from shareasm.forget import forget as take_out
    from shareasm.settings import read_settings
    from shareasm.wiring import World, deliver_again, exports_folder, materials, open_store, recap_folder

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    engine, world = open_store(settings), World(SystemClock())
    target = find(engine, words)
    copies = f", {target.copy_count} of them bridged copies" if target.copy_count else ""
    click.echo(f"{words} is {target.kind.with_article}; {len(target.found)} posts of it are stored{copies}.")
    agree("Take it all out? This cannot be undone.", yes=yes)
    done = take_out(engine, target, settings.data / "pictures", world.clock.now)
    click.echo(
        f"Taken out: {done.post_count} posts, {done.raw_count} raw copies, {done.picture_count} picture files. "
        "It will not be taken in again."
    )
    page = recap_folder(plan.campaign, settings)
    if (
        page / "index.html"
    ).is_file():  # also when nothing was left to take out: an earlier try may have ended before this
        made = recaps.make_recap(materials(plan, engine, settings, world), page)
        click.echo(f"Recap written again: {made.written.index}, {made.written.changed_count} files changed.")
        if place := deliver_again(plan.campaign, settings):
            click.echo(f"Published again: {place}")
    files = clean(engine, plan.campaign, exports_folder(settings), world.clock.now(), done.campaigns)
    for path in files.rewritten:
        click.echo(f"Export written again: {path}")
    for path in files.removed:
        click.echo(f"Export of another day removed; `shareasm posts export` makes it again: {path}")
    for path in files.elsewhere:
        click.secho(f"Ours no more to reach, clean it where it lies now: {path}", fg="yellow")
    for other in done.campaigns:
        if other != plan.campaign.slug:
            click.secho(f"The day {other} had it too: write its recap again with `shareasm recap`.", fg="yellow")
    tell_named(plan.folder, page, [address for item in target.found for address in (item.post.ref.uri, item.post.url)])
    click.echo("What you gave away or put aside (copies of exports, printed pages, backups) is yours to clean.")
    engine.dispose()


@click.command()
@FOLDER
def policy(folder: Path | None) -> None:
    """Print a page that tells people what is collected, what is not shown and how to be taken off, as Markdown.

    \b
    Example:  shareasm policy config/campaigns/shareasm-2027 > privacy.md
    """
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.policy import policy as write
    from shareasm.settings import read_settings

    click.echo(write(load_plan(campaign_folder(folder, read_settings())).campaign), nl=False)
