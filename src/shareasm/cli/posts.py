"""Commands about the posts that were collected: posts waiting, posts approve, posts hide, posts export."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shareasm.cli.folders import FOLDER
from shareasm.cli.groups import Commands

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from shareasm.domain.campaigns import Campaign
    from shareasm.forms import Copy
    from shareasm.moderate import Decided, Hand
    from shareasm.settings import Settings
    from shareasm.showing import Judged
    from shareasm.wiring import Plan, World

WORDS = click.argument("words", nargs=-1, required=True, metavar="ADDRESS… [FOLDER]")

FIRST_WORDS = 100  # characters of a post that waits


@click.group(cls=Commands)
def posts() -> None:
    """Work with the posts that were collected."""


@posts.command()
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="As data, with the whole text.")
def waiting(folder: Path | None, *, as_json: bool) -> None:
    """List the posts that wait for a person: who, first words, address, what holds them; the newest last.

    That is what a rule holds (`hold` in campaign.yaml), and with `moderation: approve` what nobody has looked at yet.

    \b
    Example:  shareasm posts waiting config/campaigns/shareasm-2027
    """
    import json

    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.moderate import waiting as all_waiting
    from shareasm.settings import read_settings
    from shareasm.wiring import open_store

    settings = read_settings()
    campaign = load_plan(campaign_folder(folder, settings)).campaign
    engine = open_store(settings)
    found = all_waiting(engine, campaign)
    engine.dispose()
    if as_json:
        click.echo(json.dumps([_facts(item) for item in found], ensure_ascii=False, indent=2))
        return
    for item in found:
        for line in _lines(item, campaign):
            click.echo(line)
    click.echo(f"Posts that wait for a person: {len(found)}")


@posts.command()
@WORDS
@click.option("--reason", default="", help="Why, for the others and for the audit trail.")
def approve(words: tuple[str, ...], reason: str) -> None:
    """Approve posts that wait, so that the recap shows them. It is written again, and published again where it is.

    ADDRESS is the address of a post, on its own server or on one that you watch; copies of it on other networks go along.
    What its author, its network or a rule that hides says no to stays hidden. The handle of an account that was hidden as a
    whole takes that back.

    \b
    Example:  shareasm posts approve https://m.example/@amina/1 config/campaigns/shareasm-2027
    """
    from shareasm import moderate

    _decide(words, reason, moderate.approve)


@posts.command()
@WORDS
@click.option("--reason", required=True, help="Why, for the others and for the audit trail; nobody else reads it.")
def hide(words: tuple[str, ...], reason: str) -> None:
    """Hide posts or accounts from the recap. It is written again, and published again where it is.

    ADDRESS is a post's address, or an account's handle or page: then all of theirs is hidden, also what comes later.
    Copies on other networks go along. It is counted in the recap's method note as left out by the team.

    \b
    Example:  shareasm posts hide @troll@m.example config/campaigns/shareasm-2027 --reason "threats"
    """
    from shareasm import moderate

    _decide(words, reason, moderate.hide)


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


def _decide(
    words: tuple[str, ...],
    reason: str,
    decide: "Callable[[Engine, Campaign, tuple[str, ...], Hand], list[Decided]]",
) -> None:
    from shareasm.cli.story import tell_named
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.moderate import Hand, Outcome
    from shareasm.settings import read_settings
    from shareasm.steer import user
    from shareasm.wiring import World, open_store, recap_folder

    addresses, folder = _parted(words)
    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    engine, world = open_store(settings), World(SystemClock())
    done = decide(engine, plan.campaign, addresses, Hand(user(), world.clock.now(), reason))
    for one in done:
        _tell(one)
    hidden = [post for one in done if one.outcome is Outcome.HIDDEN for post in one.target.posts]
    bring_up_to_date(plan, engine, settings, world, takes_out=bool(hidden))
    engine.dispose()
    page = recap_folder(plan.campaign, settings)
    tell_named(plan.folder, page, [address for post in hidden for address in (post.ref.uri, post.url)])
    if any(one.withheld_by for one in done):
        raise click.exceptions.Exit(1)


def _parted(words: tuple[str, ...]) -> tuple[tuple[str, ...], Path | None]:
    """Return the addresses, and the folder behind them where one is named. No address is a folder's name."""
    *addresses, last = words
    if not Path(last).is_dir():
        return tuple(dict.fromkeys(words)), None
    if not addresses:
        raise click.UsageError(f"{last} is a folder: name the address of a post before it")
    return tuple(dict.fromkeys(addresses)), Path(last)


def _tell(one: "Decided") -> None:
    from shareasm.domain.forgetting import Kind
    from shareasm.moderate import Outcome

    target = one.target
    what = f"an account, posts stored of it: {len(target.posts)}" if target.kind is Kind.ACCOUNT else "a post"
    if target.kind is Kind.POST and len(target.posts) > 1:
        what += f", copies of it: {len(target.posts) - 1}"
    click.echo(f"{target.words} ({what}): {one.outcome}")
    if target.kind is Kind.ACCOUNT and one.outcome is not Outcome.HIDDEN:
        click.echo("  Posts that wait are approved one by one, by their own addresses.")
    if one.withheld_by:
        click.secho(f"  It is not shown all the same: it is one of the posts {one.withheld_by.words}.", fg="yellow")
        click.secho("  No approval outweighs that.", fg="yellow")


def bring_up_to_date(
    plan: "Plan",
    engine: "Engine",
    settings: "Settings",
    world: "World",
    others: tuple[str, ...] = (),
    *,
    takes_out: bool = True,
) -> None:
    """Write the recap again where there is one, publish it again where it is published; likewise report and exports.

    `others`: days that held what was taken out; their exports are removed. `takes_out`: exports elsewhere hold it still.
    """
    from shareasm import recap as recaps
    from shareasm.export import clean
    from shareasm.wiring import deliver_again, exports_folder, materials, recap_folder, report_again

    page = recap_folder(plan.campaign, settings)
    if (page / "recap.css").is_file():  # written first: one that was never finished holds posts too
        made = recaps.make_recap(materials(plan, engine, settings, world), page)
        click.echo(f"Recap written again: {made.written.index}, {made.written.changed_count} files changed.")
        tell_copies(made.copies)
        if place := deliver_again(plan.campaign, settings):
            click.echo(f"Published again: {place}")
    if written := report_again(plan, engine, settings, world):
        click.echo(f"Report written again: {written}")
    files = clean(engine, plan.campaign, exports_folder(settings), world.clock.now(), others)
    for path in files.rewritten:
        click.echo(f"Export written again: {path}")
    for path in files.removed:
        click.echo(f"Export of another day removed; `shareasm posts export` makes it again: {path}")
    for path in files.elsewhere if takes_out else ():
        click.secho(f"Ours no more to reach, clean it where it lies now: {path}", fg="yellow")


def tell_copies(copies: "Iterable[Copy]") -> None:
    """Say what came of the recap's further forms that were written before."""
    for copy in copies:
        click.secho(copy.words, fg="yellow" if copy.problem else None)


# ---- what waits --------------------------------------------------------------------------------------------------------


def _lines(item: "Judged", campaign: "Campaign") -> Iterator[str]:
    from shareasm.domain.richtext import clean_line

    post = item.stored.post
    local = post.created_at.astimezone(campaign.zone)
    words = clean_line(post.text, 2 * FIRST_WORDS)
    cut = words if len(words) <= FIRST_WORDS else f"{words[: FIRST_WORDS - 1]}…"
    yield f"{local:%H:%M} ({post.created_at:%H:%M} UTC)  {clean_line(post.author.handle, FIRST_WORDS)}: {cut}"
    yield f"    {clean_line(post.url, 2_000)}"
    yield f"    {_why(item)}"


def _why(item: "Judged") -> str:
    from shareasm.domain.moderation import UNSEEN

    held_by = item.verdict.held_by
    return "nobody has looked at it yet" if held_by == UNSEEN else f"held by the rule “{held_by}”"


def _facts(item: "Judged") -> dict[str, object]:
    post = item.stored.post
    return {
        "url": post.url,
        "uri": post.ref.uri,
        "network": post.ref.network.value,
        "author": post.author.handle,
        "created_at": post.created_at.isoformat(),
        "text": post.text,
        "content_warning": post.content_warning,
        "held_by": item.verdict.held_by,
        "why": _why(item),
    }
