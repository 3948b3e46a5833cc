"""Commands about the accounts: connect mastodon, connect bluesky, doctor."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from shareasm.cli.folders import FOLDER, pasteable
from shareasm.cli.groups import Commands
from shareasm.errors import ConfigError

if TYPE_CHECKING:
    from shareasm.accounts import Accounts
    from shareasm.domain.campaigns import CampaignAccount

ACCOUNT = click.option("--account", metavar="ID", help="Which account of the plan, where it has several there.")


@click.group(cls=Commands)
def connect() -> None:
    """Let the program use an account, and store its secret where only you can read it."""


@connect.command()
@FOLDER
@ACCOUNT
def mastodon(folder: Path | None, account: str | None) -> None:
    """Get a token from a Mastodon-API server: you say yes on its page, and paste the code that it shows.

    \b
    Example:  shareasm connect mastodon config/campaigns/shareasm-2027 --account iied-mastodon
    """
    from shareasm.connect import connect_mastodon

    with _chosen(folder, "mastodon", account) as (ours, accounts):
        connect_mastodon(
            ours, accounts.secrets, accounts.sign_in(ours), lambda token: accounts.try_token(ours, token), _Terminal()
        )


@connect.command()
@FOLDER
@ACCOUNT
def bluesky(folder: Path | None, account: str | None) -> None:
    """Take an app password, sign in once with it, and keep both.

    \b
    Example:  shareasm connect bluesky config/campaigns/shareasm-2027
    """
    from shareasm.connect import connect_bluesky
    from shareasm.secret_files import write_secret

    with _chosen(folder, "bluesky", account) as (ours, accounts):
        connect_bluesky(
            ours,
            accounts.secrets,
            lambda password, keep: accounts.try_password(ours, password, keep),
            lambda session: write_secret(accounts.session_file(ours), session),
            _Terminal(),
        )


@click.command()
@FOLDER
@click.option("--post", is_flag=True, help="Also send one real post on each account, read it back, and take it back.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def doctor(folder: Path | None, *, post: bool, as_json: bool) -> None:
    """Look everything over before the day: each thing green, yellow or red, with what to do. Exits 1 for red.

    \b
    Example:  shareasm doctor config/campaigns/shareasm-2027
    """
    from shareasm import doctor as practice
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.settings import read_settings
    from shareasm.wiring import World, doctor_materials

    settings = read_settings()
    plan = load_plan(campaign_folder(folder, settings))
    materials, examined = doctor_materials(plan, settings, World(SystemClock())), practice.Examined()
    findings = practice.take_back_leftovers(materials)
    findings += practice.examine(materials, _progress, examined)
    if post:
        findings += practice.try_posts(materials, examined, _progress)
    if as_json:
        facts = practice.to_facts(findings, plan.campaign.slug, materials.now())
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for line in practice.lines(findings):
            click.secho(pasteable(line), fg=_COLOURS.get(line.partition(" ")[0]))
    if practice.worst(findings) is practice.Light.RED:
        raise click.exceptions.Exit(1)


_COLOURS = {"green": "green", "yellow": "yellow", "red": "red"}


def _progress(words: str) -> None:
    click.echo(words, err=True)


@contextmanager
def _chosen(
    folder: Path | None, network: Literal["mastodon", "bluesky"], wanted: str | None
) -> "Iterator[tuple[CampaignAccount, Accounts]]":
    from shareasm.accounts import Accounts
    from shareasm.campaign_files import load_campaign
    from shareasm.cli.telling import campaign_folder, load_plan
    from shareasm.clock import SystemClock
    from shareasm.connect import account_to_connect, let_go_on
    from shareasm.domain.posts import Network
    from shareasm.errors import StorageError
    from shareasm.settings import read_settings
    from shareasm.wiring import open_store

    settings = read_settings()
    where = campaign_folder(folder, settings)
    campaign = load_campaign(where).campaign or load_plan(where).campaign  # a schedule full of mistakes is no hindrance
    account = account_to_connect(campaign.accounts, Network(network), wanted)
    yield account, Accounts(campaign, settings, SystemClock().now)
    try:
        engine = open_store(settings)
        if let_go_on(engine, campaign.slug, account):
            click.echo(f"{account.id} was stopped, and goes on now.")
        engine.dispose()
    except StorageError as error:  # the secret is stored all the same
        click.echo(f"Whether {account.id} was stopped could not be seen: {error}", err=True)


class _Terminal:
    """Who sits before us."""

    def tell(self, words: str) -> None:
        click.echo(words)

    def ask(self, words: str, *, is_secret: bool) -> str:
        if sys.stdin.isatty():
            return str(click.prompt(words, hide_input=is_secret, type=str))
        click.echo(f"{words}:")  # a pipe shows nothing anyway, and getpass would warn that it might
        if typed := sys.stdin.readline():
            return typed
        raise ConfigError(
            "nobody can be asked here, for this is no terminal, and nothing was stored: call it in a terminal, or put the "
            "secret into the environment as SHAREASM_TOKEN_<ACCOUNT>"
        )

    def agrees(self, words: str) -> bool:
        return click.confirm(words, default=True)
