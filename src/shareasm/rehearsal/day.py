"""A rehearsal: the real program lives through a whole campaign day in about a minute, on networks inside this process.

The plan is the team's own; only where its accounts and sources lie is changed, to stand-ins on loopback. The clock runs
fast and stands still while the program works, so that a slow machine makes no post late. Store and recap are the
rehearsal's own, apart from the real day's.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from shareasm import wiring
from shareasm.domain.campaigns import Campaign, CampaignAccount, Source, SourceKind
from shareasm.domain.posts import Network
from shareasm.domain.queue import State
from shareasm.errors import ConfigError
from shareasm.news import Event
from shareasm.publish import bring_in_line
from shareasm.rehearsal.audience import Audience
from shareasm.rehearsal.clock import FastClock
from shareasm.rehearsal.mastodon import MastodonServer
from shareasm.rehearsal.world import World
from shareasm.settings import Settings
from shareasm.storage import collected, queue
from shareasm.storage.engine import reading
from shareasm.wiring import Plan
from shareasm.worker import Rhythm, Worker

BEFORE = timedelta(minutes=5)  # the day begins a little before its window, as a real worker would be started
RHYTHM = Rhythm(  # of a day that lasts a minute: fewer ticks than on a real one, at a thousand times the speed
    read_s=15 * 60,
    sweep_s=3 * 3600,
    sweep_back_s=4 * 3600,
    verify_s=30 * 60,
    verify_after_s=2 * 3600,
    listen_s=2 * 3600,
    publish_s=15 * 60,
    beat_s=10 * 60,
    shortest_s=0.5,
)
UNBROKEN = timedelta(hours=2)  # reads lie a quarter of an hour apart, and ticks half a real second
MARK = ".rehearsal"  # a file in every folder that a rehearsal made; no other is ever removed
WATCH_S = 0.05  # real: how often the audience looks at the clock


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a rehearsal."""

    recap: Path
    planned: int
    sent: int
    collected: int
    shown: int
    is_clean: bool  # everything planned was sent, and the program had no fault


def rehearse(plan: Plan, folder: Path, *, seconds: float, seed: int, tell: Callable[[Event], None]) -> Outcome:
    """Live through the day of `plan` in about `seconds`; store and recap go to `folder`, which is made anew.

    Raises ConfigError where that would take away what no rehearsal made.
    """
    _make_anew(folder, plan.folder)
    campaign = plan.campaign
    begins_at = campaign.opens_at - BEFORE
    clock = FastClock(begins_at, (campaign.closes_at - begins_at).total_seconds() / seconds)
    with clock.held():
        world = World.build(clock, seed=seed)
        world.start()
    try:
        return _live(plan, folder, world, clock, seed, tell)
    finally:
        world.stop()


def _make_anew(folder: Path, campaign_folder: Path) -> None:
    """Make an empty folder, in place of an earlier rehearsal's at most."""
    ours, team = folder.resolve(), campaign_folder.resolve()
    if team.is_relative_to(ours):
        raise ConfigError(
            f"the rehearsal would be written to {ours}, over the campaign in {team}: choose another --out"
        )
    if ours.exists() and any(ours.iterdir()) and not (ours / MARK).is_file():
        raise ConfigError(
            f"{ours} was not made by a rehearsal, and is not taken away for one: choose another --out, or remove it"
        )
    try:
        if ours.exists():
            shutil.rmtree(ours)
        ours.mkdir(parents=True)
        (ours / MARK).touch()
    except OSError as error:
        raise ConfigError(f"the rehearsal's folder {ours} cannot be made anew: {error.strerror}") from error


def _live(
    plan: Plan, folder: Path, world: World, clock: FastClock, seed: int, tell: Callable[[Event], None]
) -> Outcome:
    with clock.held():
        staged, tokens = stage(plan, world)
        settings = Settings(f"sqlite:///{folder / 'shareasm.db'}", folder, None, tokens, "127.0.0.1", 0)
        parts = wiring.wire(staged, settings, wiring.World(clock, reachable(world), UNBROKEN, world.bluesky.video_url))
        bring_in_line(parts.engine, parts.campaign, parts.schedule)
        audience = Audience(world, parts.campaign, clock, seed)
        worker = Worker(parts, tell, RHYTHM)
        worker.start()
    while not worker.closed.wait(WATCH_S) and worker.kept_open_by is None:
        for words in audience.step():
            tell(Event(clock.now(), "audience", words))
    worker.stop()
    if worker.kept_open_by:  # a real day is tried again, as long as it takes; here somebody waits
        raise worker.kept_open_by
    with reading(parts.engine) as connection:
        entries = queue.of_campaign(connection, plan.campaign.slug)
        collected_count = collected.count_of_campaign(connection, plan.campaign.slug)
    parts.engine.dispose()
    sent = sum(entry.state is State.PUBLISHED for entry in entries)
    made = worker.made
    return Outcome(
        recap=made.written.index if made else wiring.recap_folder(plan.campaign, settings) / "index.html",
        planned=len(entries),
        sent=sent,
        collected=collected_count,
        shown=made.shown_count if made else 0,
        is_clean=made is not None and sent == len(entries) and not worker.faults,
    )


# ---- the team's plan on the stand-in networks ----------------------------------------------------------------------------


def stage(plan: Plan, world: World) -> tuple[Plan, dict[str, str]]:
    """Return `plan` with its accounts and sources on the stand-ins, and the accounts' secrets there.

    The first Mastodon-API server that the campaign names becomes one stand-in, every other one the second; Bluesky becomes
    the stand-in Bluesky. Feeds are not read in a rehearsal.
    """
    stage_of = _Stage(plan.campaign, world)
    accounts = tuple(stage_of.account(account) for account in plan.campaign.accounts)
    sources = tuple(stage_of.source(source) for source in plan.campaign.sources if source.kind is not SourceKind.FEED)
    return replace(plan, campaign=replace(plan.campaign, accounts=accounts, sources=sources)), stage_of.tokens


def reachable(world: World) -> frozenset[tuple[str, int]]:
    """Return the hosts and ports on loopback that pictures may come from."""
    addresses = (world.home.url, world.away.url, world.bluesky.pds_url, world.bluesky.appview_url)
    parts = [urlsplit(address) for address in addresses]
    return frozenset((part.hostname or "", part.port or 80) for part in parts)


class _Stage:
    def __init__(self, campaign: Campaign, world: World) -> None:
        self._world = world
        self._campaign = campaign
        named = [account.server for account in campaign.accounts if account.network is Network.MASTODON]
        named += [source.server for source in campaign.sources if source.kind is SourceKind.TAG_TIMELINE]
        self._first = named[0] if named else ""
        self.tokens: dict[str, str] = {}

    def account(self, account: CampaignAccount) -> CampaignAccount:
        """Make the account on its stand-in, and return where it is now."""
        name = account.id.upper().replace("-", "_")
        if account.network is Network.BLUESKY:
            person = self._world.bluesky.account(account.handle, self._campaign.host)
            self.tokens[name] = person.password
            return replace(account, server=self._world.bluesky.pds_url, appview=None)
        server = self._server(account.server)
        user = account.handle.partition("@")[0]
        member = server.account(user, self._campaign.host)
        self.tokens[name] = member.token
        return replace(account, server=server.url, handle=member.handle)

    def source(self, source: Source) -> Source:
        """Return the source on its stand-in."""
        sky = self._world.bluesky
        match source.kind:
            case SourceKind.TAG_TIMELINE:
                return replace(source, server=self._server(source.server).url)
            case SourceKind.SEARCH:
                return replace(source, server=sky.pds_url, appview=None if source.account else sky.appview_url)
            case SourceKind.JETSTREAM:
                return replace(source, server=sky.jetstream_url, appview=sky.appview_url)
            case SourceKind.FEED:
                raise ValueError("no stand-in has feeds")

    def _server(self, named: str) -> MastodonServer:
        return self._world.home if named == self._first else self._world.away
