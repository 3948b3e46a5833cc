"""What is asked of the world before the day: pages that the plan links to, servers that it posts to. Progress on stderr."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from shareasm.campaign_files import Finding, Loaded
    from shareasm.cards import Looked
    from shareasm.check import CheckResult
    from shareasm.domain.campaigns import Campaign
    from shareasm.domain.queue import PlannedEntry
    from shareasm.errors import NetworkError
    from shareasm.networks.ports import Limits
    from shareasm.settings import Settings


def look_around(result: "CheckResult") -> "CheckResult":
    """Return `result` with what servers and pages say now. Pages' cards are kept; a plan that cannot be read asks nobody."""
    from shareasm import cards
    from shareasm.check import limits_findings, with_findings
    from shareasm.clock import SystemClock
    from shareasm.domain.cards import linked_urls
    from shareasm.domain.queue import plan_entries
    from shareasm.networks.ports import Limits
    from shareasm.news import count_of
    from shareasm.settings import read_settings
    from shareasm.wiring import World, ask_limits, card_album, open_store

    loaded = result.loaded
    if loaded.campaign is None or loaded.schedule is None:
        click.echo("Nobody was asked: the plan cannot be read yet.", err=True)
        return result
    settings, world = read_settings(), World(SystemClock())
    said = ask_limits(loaded.campaign, world)
    limits = {account: takes for account, takes in said.items() if isinstance(takes, Limits)}
    urls = linked_urls(plan_entries(loaded.campaign, loaded.schedule))
    click.echo(f"Opening {count_of(len(urls), 'link', 'links')}:", err=True)
    engine = open_store(settings)
    try:
        looked = cards.fetch(card_album(loaded.campaign, engine, settings, world), urls, tell_page)
    finally:
        engine.dispose()
    more = [
        *_silent_servers(loaded, said),
        *limits_findings(loaded.campaign, loaded.schedule, loaded.places, limits, loaded.media),
        *cards.findings(loaded, looked),
    ]
    return with_findings(result, more)


def fetch_cards(campaign: "Campaign", planned: "list[PlannedEntry]", engine: "Engine", settings: "Settings") -> None:
    """Look at the pages whose cards Bluesky will show, where they are not known yet; what fails is told and harms nothing."""
    from shareasm import cards
    from shareasm.clock import SystemClock
    from shareasm.domain.cards import card_urls
    from shareasm.wiring import World, card_album

    if urls := card_urls(planned):
        cards.fetch_missing(card_album(campaign, engine, settings, World(SystemClock())), urls, tell_page)


def tell_page(looked: "Looked") -> None:
    """Print what came of looking at one page."""
    if looked.refusal:
        click.secho(f"  {looked.url}: {looked.refusal.reason}", fg="yellow", err=True)
    elif looked.card and looked.card.title:
        picture = "with a picture" if looked.card.thumb else "without a picture"
        click.echo(f"  {looked.url}: “{looked.card.title}”, {picture}", err=True)
    else:
        click.echo(f"  {looked.url}: there, says nothing for a card ({looked.content_type or 'no type'})", err=True)


def _silent_servers(loaded: "Loaded", said: "Mapping[str, Limits | NetworkError]") -> "Iterator[Finding]":
    """Yield a warning for each server that did not say what it takes."""
    from shareasm.campaign_files import Finding, Place, Severity
    from shareasm.errors import NetworkError

    silent = {error.server: (account, error) for account, error in said.items() if isinstance(error, NetworkError)}
    for server, (account, error) in silent.items():
        yield Finding(
            Severity.WARNING,
            loaded.places.servers.get(account) or Place(str(loaded.folder / "campaign.yaml")),
            f"{server} did not say what it takes in a post ({error.message}).",
            "Is this computer online, and the address right? Texts were counted by the network's usual rules instead.",
        )
