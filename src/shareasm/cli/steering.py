"""Commands that steer the day: pause, resume, adopt, resend, withdraw. Each says what it will do before it does it."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from shareasm.cli.folders import FOLDER, pasteable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from shareasm.domain.queue import QueueEntry
    from shareasm.domain.schedules import Schedule
    from shareasm.networks.ports import Finder
    from shareasm.publish import Outlook, Press, Result
    from shareasm.steer import Decided

YES = click.option("--yes", is_flag=True, help="Do not ask.")


def _narrowed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which entries of a slot are meant."""
    for option in (
        click.option("--part", type=click.IntRange(1), help="Only this part of a thread; the first is 1."),
        click.option("--language", help="Only in this language, such as fr."),
        click.option("--account", help="Only on this account, by its id in campaign.yaml."),
    ):
        command = option(command)
    return command


@click.command()
@FOLDER
@click.option("--reason", required=True, help="Why, for the others and for the audit trail.")
def pause(folder: Path | None, *, reason: str) -> None:
    """Hold everything at once: nothing is sent until `shareasm resume`. Collecting goes on.

    \b
    Example:  shareasm pause config/campaigns/shareasm-2027 --reason "accident at the mine"
    """
    from shareasm import steer
    from shareasm.cli.telling import campaign_folder
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.storage import queue
    from shareasm.storage.engine import reading
    from shareasm.wiring import open_store

    settings = read_settings()
    where = campaign_folder(folder, settings, must_exist=False).resolve()
    slug = where.name  # also a day whose plan is broken, or gone, can be held
    engine = open_store(settings)
    with reading(engine) as connection:
        is_known = (where / "campaign.yaml").exists() or queue.of_campaign(connection, slug)
    if not is_known:
        _refuse(f"there is no campaign in {where}, and nothing of “{slug}” in the queue: nothing was held")
    is_new = steer.pause(engine, slug, steer.user(), reason, SystemClock().now())
    engine.dispose()
    click.secho(f"{slug} is {'paused' if is_new else 'still paused, with a new reason'}: {reason}", fg="yellow")
    click.echo(
        pasteable("Nothing is sent from now on; a call that is under way ends. `shareasm resume` lets it go on.")
    )


@click.command()
@FOLDER
@YES
def resume(folder: Path | None, *, yes: bool) -> None:
    """Let a paused day go on; says first what will go out when, and what will be missed.

    \b
    Example:  shareasm resume config/campaigns/shareasm-2027
    """
    from shareasm import steer
    from shareasm.domain.queue import State
    from shareasm.publish import after_resume
    from shareasm.storage import days, queue
    from shareasm.storage.engine import reading

    press, *_ = _at_the_wheel(folder, with_accounts=False)
    slug = press.campaign.slug
    now = press.clock.now()
    with reading(press.engine) as connection:
        day, queued = days.state(connection, slug), queue.of_campaign(connection, slug)
    if day.paused_at is None:
        click.echo(f"{slug} is not paused.")
        return
    click.echo(f"Paused since {_at(day.paused_at, press.campaign.zone)}: {day.pause_reason}")
    coming = after_resume(press.engine, press.campaign, now)
    upcoming = next((e for e in queued if e.state is State.WAITING and e.due_at > now), None)
    for line in _preview(coming, upcoming, press.campaign.zone):
        click.echo(pasteable(line))
    agree("Let it go on?", yes=yes)
    steer.resume(press.engine, slug, press.worker, press.clock.now())
    press.engine.dispose()
    click.secho("The day goes on.", fg="green")


@click.command()
@click.argument("slot")
@click.argument("url")
@FOLDER
@_narrowed
@YES
def adopt(
    slot: str,
    url: str,
    folder: Path | None,
    account: str | None,
    language: str | None,
    part: int | None,
    *,
    yes: bool,
) -> None:
    """Say where the post of a slot is that you have found: it counts as sent, and is not sent again.

    For an entry that is unknown, failed or missed, and for one that you sent by hand. The post must be by our account;
    where its words are not the plan's it asks.

    \b
    Example:  shareasm adopt welcome https://bsky.app/profile/iied.example/post/3lb2c
    """
    from shareasm import steer
    from shareasm.settings import token_name

    press, finders, _ = _at_the_wheel(folder)
    entry = steer.to_adopt(steer.chosen(press, steer.Choice(slot, account, language, part)))
    finder = finders.get(entry.key.account)
    if finder is None:
        _refuse(f"{entry.key.name} cannot be looked at: {token_name(entry.key.account)} is not set")
    found = finder.find_at(url)
    if not steer.says_the_same(entry.draft.text, found.text):
        click.secho("It does not say what the plan says:", fg="yellow")
        click.echo(f"  plan: {_line(entry.draft.text)}")
        click.echo(f"  post: {_line(found.text)}")
        agree("Is it the post of this slot all the same?", yes=yes)
    done = [steer.adopt(press, entry, found.receipt)]
    _tell(done)
    _end(press, done, steer.take_back(press), folder)


@click.command()
@click.argument("slot")
@FOLDER
@_narrowed
@YES
def resend(
    slot: str, folder: Path | None, account: str | None, language: str | None, part: int | None, *, yes: bool
) -> None:
    """Send a slot that is unknown, failed, missed or cancelled now; it is never too late any more.

    What is surely not out goes with the words that the plan has now. What may be out goes as it was, under its old key.

    \b
    Example:  shareasm resend welcome --account iied-mastodon
    """
    from shareasm import steer
    from shareasm.domain.queue import State

    choice = steer.Choice(slot, account, language, part)
    press, _, schedule = _at_the_wheel(folder, with_accounts=False)
    if schedule is None:
        click.secho("The plan has mistakes at the moment: the words that the queue has are sent.", fg="yellow")
    entries = steer.chosen(press, choice)
    again = steer.to_resend(entries)
    for entry in entries:
        words = f"{entry.state}{f': {entry.note}' if entry.note else ''}"
        click.echo(f"{entry.key.name}: {words if entry in again else f'left as it is, {entry.state}'}")
    if not again:
        _refuse("nothing to send again")
    if any(entry.state is State.UNKNOWN for entry in again):
        click.secho(pasteable(_RISK), fg="yellow")
    agree("Send now?", yes=yes)
    done = steer.resend(press, again, schedule, choice)
    _tell(done)
    click.echo(pasteable(_who_sends(press)))
    _end(press, done)


def _who_sends(press: "Press") -> str:
    from shareasm.status import read_status

    found = read_status(press.engine, press.campaign, press.clock.now())
    if found.day.paused_at:
        return "The day is paused: it goes out after `shareasm resume`."
    if found.closed_at or not found.is_worker_alive:
        why = "The day is closed" if found.closed_at else "No worker is running"
        return f"{why}: `shareasm publish` sends it."
    return "The worker sends it at its next look, within seconds. `shareasm status` tells."


_RISK = (
    "What is unknown may be out already. On Bluesky sending again is harmless: the same record under the same key. On "
    "Mastodon, within an hour of the first try, most servers answer with the post that is there; later, or on a server that "
    "does not remember, it would stand there twice. Look at the account first: if the post is there, use `shareasm adopt`."
)


@click.command()
@click.argument("slot")
@FOLDER
@click.option("--reason", required=True, help="Why, for the audit trail; the recap says only that it was taken back.")
@_narrowed
@YES
def withdraw(
    slot: str,
    folder: Path | None,
    reason: str,
    account: str | None,
    language: str | None,
    part: int | None,
    *,
    yes: bool,
) -> None:
    """Take a slot back: delete what is out on every network, at once, and send no more of it.

    With --part: that part and the parts after it. Boosts and copies on other networks are not ours to delete.

    \b
    Example:  shareasm withdraw welcome --reason "the name of the village is wrong"
    """
    from shareasm import steer

    choice = steer.Choice(slot, account, language, part)
    press, *_ = _at_the_wheel(folder)
    entries, hanging = steer.to_withdraw(press, choice)
    for entry in entries:
        click.echo(f"{entry.key.name}: {entry.state}{f', {entry.receipt.url}' if entry.receipt else ''}")
    if hanging:
        click.secho(f"These answer or quote it, and cannot go out without it: {', '.join(hanging)}", fg="yellow")
    agree("Take it back?", yes=yes)
    done = steer.withdraw(press, entries, reason, choice)
    _tell(done)
    _end(press, done, steer.take_back(press), folder)


STEERING = (pause, resume, adopt, resend, withdraw)

# ---- what they share ---------------------------------------------------------------------------------------------------


class _Wheel(NamedTuple):
    """What steering needs."""

    press: "Press"
    finders: "dict[str, Finder]"
    schedule: "Schedule | None"  # None: it is broken at the moment, and stands in nobody's way


def _at_the_wheel(folder: Path | None, *, with_accounts: bool = True) -> _Wheel:
    from shareasm.cli.telling import campaign_folder, load_steerable
    from shareasm.clock import SystemClock
    from shareasm.domain.schedules import Schedule
    from shareasm.settings import read_settings
    from shareasm.steer import user
    from shareasm.wiring import Plan, World, wire_press

    settings = read_settings()
    where = campaign_folder(folder, settings)
    campaign, schedule = load_steerable(where)
    plan = Plan(where, campaign, schedule or Schedule(()), None)
    press, finders = wire_press(plan, settings, World(SystemClock()), user(), with_accounts=with_accounts)
    return _Wheel(press, finders, schedule)


def agree(question: str, *, yes: bool) -> None:
    """Ask, unless --yes; without a terminal nobody can answer, and it says so."""
    if yes:
        return
    if not sys.stdin.isatty():
        _refuse("nobody can be asked here, for this is no terminal: add --yes if you mean it; nothing was changed")
    click.confirm(question, abort=True)


def _tell(done: "Iterable[Decided]") -> None:
    for one in done:
        click.secho(f"{one.entry.key.name}: {one.words}", fg=None if one.is_taken else "yellow")


def _end(press: "Press", done: "list[Decided]", deleted: "Sequence[Result]" = (), folder: Path | None = None) -> None:
    """Tell what was deleted, take it out of the pages, and exit 1 where something was not done."""
    silent = sorted({one.entry.key.account for one in done if one.is_to_delete} - set(press.publishers))
    for account in silent:
        click.secho(
            f"{account}: no secret for it is known here; a worker that knows it deletes what is left", fg="yellow"
        )
    for one in deleted:
        click.secho(f"{one.entry.key.name}: {one.words}", fg="red" if one.error else "green")
    if deleted or any(one.is_to_delete for one in done):
        _take_out_of_pages(press, folder)
    press.engine.dispose()
    if silent or any(one.error for one in deleted) or not any(one.is_taken for one in done):
        raise click.exceptions.Exit(1)


def _take_out_of_pages(press: "Press", folder: Path | None) -> None:
    """Bring recap, report and exports up to date, whether or not a network has deleted it yet: no page shows it from now on."""
    from shareasm.campaign_files import load_campaign
    from shareasm.cli.posts import bring_up_to_date
    from shareasm.cli.telling import campaign_folder
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.wiring import Plan, World, recap_folder

    settings = read_settings()
    loaded = load_campaign(campaign_folder(folder, settings))
    if loaded.campaign and loaded.schedule and not loaded.has_errors:
        plan = Plan(loaded.folder, loaded.campaign, loaded.schedule, loaded.story)
        bring_up_to_date(plan, press.engine, settings, World(SystemClock()))
    elif (recap_folder(press.campaign, settings) / "recap.css").is_file():
        said = (
            "The recap still shows it, for the plan has mistakes: mend them (`shareasm check`), then `shareasm recap`"
        )
        click.secho(pasteable(f"{said} writes it again without it."), fg="yellow")


def _preview(coming: "Outlook", upcoming: "QueueEntry | None", zone: "ZoneInfo") -> Iterator[str]:
    if coming.sends:
        yield "Goes out now, oldest first and spaced:"
        for at, entry in coming.sends:
            yield f"  {_at(at, zone)}  {entry.key.name}, due {_at(entry.due_at, zone)}"
    if coming.missed:
        yield "Is too late by now, and will be missed; `shareasm resend SLOT` sends one after all:"
        yield from (f"  {entry.key.name}, due {_at(entry.due_at, zone)}" for entry in coming.missed)
    if upcoming:
        yield f"Then, at its time: {upcoming.key.name}, {_at(upcoming.due_at, zone)}"
    if not coming.sends and not coming.missed and not upcoming:
        yield "Nothing is waiting to be sent."


def _line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 200 else f"{words[:199]}…"


def _at(instant: datetime, zone: "ZoneInfo") -> str:
    return f"{instant.astimezone(zone):%H:%M:%S} ({instant:%H:%M} UTC)"


def _refuse(sentence: str) -> NoReturn:
    click.secho(f"shareasm: {sentence}", fg="red", err=True)
    raise click.exceptions.Exit(2)
