"""Commands after the day: recap, sweep, forget, policy."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

import click

from shareasm.cli.folders import FOLDER
from shareasm.cli.posts import bring_up_to_date, tell_copies
from shareasm.cli.steering import YES, agree
from shareasm.errors import ConfigError

if TYPE_CHECKING:
    from shareasm.domain.recaps import Recap
    from shareasm.settings import Settings
    from shareasm.wiring import Plan


class Further(NamedTuple):
    """Files that somebody wants the recap in beside its folder."""

    single_file: Path | None = None
    fragment: Path | None = None
    pdf: Path | None = None
    booklet: Path | None = None
    wayback: bool = False  # copies of the research, at the Internet Archive


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
@click.option(
    "--single-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it as one file too, in every language.",
)
@click.option(
    "--fragment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write its story too, as HTML to paste into a WordPress post, in every language.",
)
@click.option(
    "--pdf",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Print the story too, in every language, by a browser of this machine.",
)
@click.option(
    "--booklet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Print it too for people offline: small and grey, on A5.",
)
@click.option(
    "--wayback",
    is_flag=True,
    help="Ask the Internet Archive first to keep the research that it links to, a page every 20 seconds.",
)
def recap(
    folder: Path | None,
    *,
    no_check: bool,
    publish: bool,
    single_file: Path | None,
    fragment: Path | None,
    pdf: Path | None,
    booklet: Path | None,
    wayback: bool,
) -> None:
    """Write the recap again, after asking the networks about everything that it will show.

    Once it is published, whatever writes it again (withdraw, posts hide, forget, sweep, the nightly look) publishes it
    again too.

    \b
    Example:  shareasm recap config/campaigns/shareasm-2027
    """
    _write(
        folder,
        is_checked=not no_check,
        publishes=publish,
        further=Further(single_file, fragment, pdf, booklet, wayback),
    )


@click.command()
@FOLDER
def sweep(folder: Path | None) -> None:
    """Take out of the published recap what was deleted, hidden or made private since.

    Asks the networks about everything that it shows, lets go of what the campaign keeps no longer, and brings exports and
    report in the data folder up to date. A worker that runs does it every night at half past three; this is for a scheduler
    of your own, where none runs.

    \b
    Example:  shareasm sweep config/campaigns/shareasm-2027
    """
    _write(folder, is_checked=True)


def _write(
    folder: Path | None,
    *,
    is_checked: bool,
    publishes: bool = False,
    further: Further | None = None,
) -> None:
    from shareasm.cli.telling import campaign_folder, keep_off_the_plan, load_plan, tell_other_days, teller
    from shareasm.clock import SystemClock
    from shareasm.deliver import deliver
    from shareasm.settings import read_settings
    from shareasm.wiring import World, wire
    from shareasm.worker import Worker

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    if further:
        keep_off_the_plan(plan.folder, further.single_file, further.fragment, further.pdf, further.booklet)
    parts = wire(plan, settings, World(SystemClock()))
    if tell_other_days(parts.engine, plan.campaign.slug) and publishes:
        raise ConfigError(
            "nothing was published: an empty page would have taken the place of a day's. A new day is known once its plan is "
            f"taken: `shareasm plan apply {quote(str(plan.folder))}`"
        )
    worker = Worker(parts, teller(plan.campaign.zone))
    if is_checked:
        worker.once("verify")
        if gone := parts.let_go():
            click.echo(gone)
    if further and further.wayback:
        _keep_research(plan, settings)
    made = worker.write()
    click.echo(f"Recap: {made.written.index}")
    click.echo(
        f"{made.shown_count} posts shown, {made.not_shown_count} not shown, {made.written.changed_count} files changed"
    )
    parts.engine.dispose()
    tell_copies(made.copies)
    if made.recap and further:
        _write_further(made.recap, made.written.index.parent, settings.data / "pictures", further)
    place = deliver(made.written.index.parent, plan.campaign.publication).place if publishes else parts.deliver_again()
    if place:
        click.echo(f"Published: {place}")


def _keep_research(plan: "Plan", settings: "Settings") -> None:
    from shareasm.wiring import keep_at_the_archive

    for one in keep_at_the_archive(plan, settings):
        if one.copy:
            click.echo(f"Kept: {one.url} → {one.copy}")
        else:
            click.secho(f"Not kept: {one.url}: {one.words}", fg="yellow")


def _write_further(recap: "Recap", folder: Path, pictures: Path, further: Further) -> None:
    from shareasm.forms import Form, write_forms
    from shareasm.render.fragment import left_out_pictures_count

    asked = {
        Form.SINGLE: further.single_file,
        Form.FRAGMENT: further.fragment,
        Form.PDF: further.pdf,
        Form.BOOKLET: further.booklet,
    }
    wanted = {form: file for form, file in asked.items() if file}
    for copy in write_forms(recap, wanted, folder, pictures):
        click.echo(f"{copy.form}: {copy.file}, {copy.file.stat().st_size / 1e6:.1f} MB")
    if further.fragment:
        click.echo("Paste a fragment into a “Custom HTML” block.")
        if count := left_out_pictures_count(recap):
            said = (
                f"{count} pictures are left out: a fragment shows those of the published recap. Write its address into "
            )
            click.secho(f"{said}campaign.yaml: “recap: {{url: …}}”.", fg="yellow")


@click.command()
@click.argument("words", metavar="WHOM")
@FOLDER
@YES
def forget(words: str, folder: Path | None, *, yes: bool) -> None:
    """Take an account or a post out of everything, for good, because a person asked for it.

    WHOM is a handle, a profile's address or a post's address; what a bridge copied from it or to it goes along. Store, raw
    copies, pictures, exports, the report and the published pages of this campaign are cleaned; it is kept only, as a digest,
    that it must not return.

    \b
    Example:  shareasm forget @amina@mastodon.example config/campaigns/shareasm-2027
    """
    from shareasm.cli.story import tell_named
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.forget import find
    from shareasm.forget import forget as take_out
    from shareasm.settings import read_settings
    from shareasm.wiring import World, open_store, recap_folder

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    engine, world = open_store(settings), World(SystemClock())
    target = find(engine, words)
    copies = f", {target.copy_count} of them bridged copies" if target.copy_count else ""
    click.echo(f"{words} is {target.kind.with_article}; {len(target.found)} posts of it are stored{copies}.")
    if not target.found:
        said = "Nothing of that name is here: was it taken out before, or is it spelled otherwise?"
        click.secho(f"{said} Nothing is taken out now; the name is kept out from here on.", fg="yellow", err=True)
    agree("Take it all out? This cannot be undone.", yes=yes)
    done = take_out(engine, target, settings.data / "pictures", world.clock.now)
    click.echo(
        f"Taken out: {done.post_count} posts, {done.raw_count} raw copies, {done.picture_count} picture files. "
        "It will not be taken in again."
    )
    bring_up_to_date(plan, engine, settings, world, done.campaigns)  # also where an earlier try ended before this
    _name_other_days(plan.folder, [slug for slug in done.campaigns if slug != plan.campaign.slug])
    page = recap_folder(plan.campaign, settings)
    tell_named(plan.folder, page, [address for item in target.found for address in (item.post.ref.uri, item.post.url)])
    click.echo(
        "What you gave away or put aside (copies of exports and reports, printed pages, backups) is yours to clean."
    )
    engine.dispose()


def _name_other_days(folder: Path, slugs: list[str]) -> None:
    """Print what is to be run for the other days of the store; a day is called as its folder is (campaign_files)."""
    if slugs:
        click.secho(
            "Other days had it too. Write their recaps again (and their reports, where there are some):", fg="yellow"
        )
    for slug in slugs:
        beside = folder.parent / slug
        known = (beside / "campaign.yaml").is_file()
        where = "" if known else f"  # where its folder lies: there is none at {beside}"
        click.echo(f"  shareasm recap {quote(str(beside if known else slug))}{where}")


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
