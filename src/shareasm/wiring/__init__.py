"""The composition root: settings and a campaign become the parts that run. The only place that knows every part.

Networks are imported in `networks`, when they are needed: loading them takes a second that `check` and `--help` should not pay.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.engine import Engine

from shareasm import deliver, export, keeping, recap
from shareasm.accounts import user_agent
from shareasm.campaign_files.words import is_loopback
from shareasm.domain.campaigns import Campaign, SourceKind
from shareasm.domain.pictures import Refusal
from shareasm.domain.posts import Network
from shareasm.domain.robots import Notices
from shareasm.errors import NetworkError
from shareasm.keeping import LetGo
from shareasm.networks.ports import Finder, Limits
from shareasm.publish import Press
from shareasm.settings import Settings
from shareasm.storage.engine import open_engine
from shareasm.wayback import Archived, InternetArchive, addresses
from shareasm.wiring.networks import NetworkParts, prepare
from shareasm.wiring.parts import Newest as Newest
from shareasm.wiring.parts import Parts as Parts
from shareasm.wiring.parts import Plan as Plan
from shareasm.wiring.parts import World as World

if TYPE_CHECKING:
    from shareasm import doctor
    from shareasm.cards import Album
    from shareasm.strangers import StrangerClient


def open_store(settings: Settings) -> Engine:
    """Open the database and bring its tables up to date."""
    from shareasm.storage.schema import upgrade  # Alembic: 10 MB that a web process never needs

    engine = open_engine(settings.database_url)
    upgrade(engine)
    return engine


def wire(plan: Plan, settings: Settings, world: World) -> Parts:
    """Make every part of a running campaign. Nothing is asked of any network yet."""
    engine = open_store(settings)
    wiring, newest = NetworkParts(plan, settings, world), Newest(plan)
    sources = plan.campaign.sources
    return Parts(
        engine=engine,
        campaign=plan.campaign,
        schedule=plan.schedule,
        media=plan.media,
        clock=world.clock,
        readers={source.id: reader for source in sources if (reader := wiring.reader(source))},
        streams={source.id: stream for source in sources if (stream := wiring.stream(source))},
        checkers={source.id: checker for source in sources if (checker := wiring.checker(source))},
        publishers={account.id: made for account in plan.campaign.accounts if (made := wiring.publisher(account))},
        left_out=tuple(wiring.left_out()),
        make_recap=lambda tell: recap.make_recap(
            materials(newest.plan, engine, settings, world), recap_folder(plan.campaign, settings), tell
        ),
        newest=newest,
        let_go=lambda: _let_go(newest.plan, engine, settings, world),
        recap=recap_folder(plan.campaign, settings) / "index.html",
        deliver_again=lambda: deliver_again(newest.plan.campaign, settings),
        unbroken=world.unbroken,
        conversations={source.id: found for source in sources if (found := wiring.conversations(source))},
        forgive=wiring.forgive,
    )


def wire_press(
    plan: Plan, settings: Settings, world: World, by: str, *, with_accounts: bool
) -> tuple[Press, dict[str, Finder]]:
    """Return what a person steers the day with, and who finds posts, by account; without accounts no network is loaded."""
    wiring = NetworkParts(plan, settings, world)
    accounts = plan.campaign.accounts if with_accounts else ()
    publishers = {account.id: made for account in accounts if (made := wiring.publisher(account))}
    finders = {account.id: found for account in accounts if (found := wiring.finder(account))}
    return Press(open_store(settings), plan.campaign, plan.media, publishers, world.clock, by), finders


def materials(plan: Plan, engine: Engine, settings: Settings, world: World) -> recap.Materials:
    """Return what making the recap of a campaign needs."""
    return recap.Materials(
        engine=engine,
        campaign=plan.campaign,
        schedule=plan.schedule,
        story=plan.story,
        campaign_folder=plan.folder,
        files=settings.data / "pictures",
        archived=settings.data / "archived.json",
        fetch=picture_fetcher(plan.campaign, world),
        now=world.clock.now,
        unbroken=world.unbroken,
    )


def _let_go(plan: Plan, engine: Engine, settings: Settings, world: World) -> LetGo:
    """Let go of what has had its time, and bring exports and report in line with what may still be shown."""
    now = world.clock.now()
    gone = keeping.let_go(engine, plan.campaign, settings.data / "pictures", now)
    export.clean(engine, plan.campaign, exports_folder(settings), now)
    report_again(plan, engine, settings, world)
    return gone


def report_again(plan: Plan, engine: Engine, settings: Settings, world: World) -> Path | None:
    """Write the report again where one was written, for its evidence quotes posts as the pages do; return where."""
    from shareasm.report import is_written, make_report

    folder = report_folder(plan.campaign, settings)
    return make_report(materials(plan, engine, settings, world), folder).folder if is_written(folder) else None


def report_folder(campaign: Campaign, settings: Settings) -> Path:
    """Return where the report of a campaign is kept up to date."""
    return settings.data / "reports" / campaign.slug


def exports_folder(settings: Settings) -> Path:
    """Return where exports lie that are kept up to date."""
    return settings.data / "exports"


def deliver_again(campaign: Campaign, settings: Settings) -> str | None:
    """Bring the recap to where a person published it before; return where. None: nobody has, or the campaign names no place."""
    folder = recap_folder(campaign, settings)
    if not (campaign.publication.has_place and deliver.is_delivered(folder)):
        return None
    return deliver.deliver(folder, campaign.publication).place


def keep_at_the_archive(plan: Plan, settings: Settings) -> Iterator[Archived]:
    """Ask the Internet Archive for copies of the research that the recap links to; yield what came of each address."""
    archive = InternetArchive(user_agent(plan.campaign), sleep)
    return archive.keep(addresses(plan.campaign, plan.story), settings.data / "archived.json")


def recap_folder(campaign: Campaign, settings: Settings) -> Path:
    """Return where the recap of a campaign lies."""
    return settings.data / "recaps" / campaign.slug


def card_album(campaign: Campaign, engine: Engine, settings: Settings, world: World) -> "Album":
    """Return where link cards are kept, with what looks at their pages. Before the day; the day itself asks no page."""
    from shareasm.cards import Album

    return Album(engine, settings.data / "cards", _strangers(campaign, world), world.clock.now)


def ask_limits(campaign: Campaign, world: World) -> dict[str, Limits | NetworkError]:
    """Ask the server of each account what it takes in a post, without signing in; by account id. Bluesky's is written down."""
    from shareasm.networks.bluesky.publisher import LIMITS
    from shareasm.networks.mastodon.client import Api
    from shareasm.networks.mastodon.probe import ask_limits as ask

    said: dict[str, Limits | NetworkError] = {}
    for server in dict.fromkeys(account.server for account in campaign.accounts if account.network is Network.MASTODON):
        try:
            said[server] = ask(Api(server, user_agent=user_agent(campaign), now=world.clock.now))
        except NetworkError as error:
            said[server] = error
    return {account.id: said.get(account.server, LIMITS) for account in campaign.accounts}


def _strangers(campaign: Campaign, world: World) -> "StrangerClient":
    from shareasm.strangers import StrangerClient

    allow = world.reachable | _on_this_machine(campaign)
    return StrangerClient(agent=user_agent(campaign), notices=Notices(world.clock.now), allow=allow)


def picture_fetcher(campaign: Campaign, world: World) -> Callable[[str], bytes | Refusal]:
    """Return what fetches strangers' pictures."""
    strangers = _strangers(campaign, world)

    def fetch(url: str) -> bytes | Refusal:
        fetched = strangers.fetch(url)
        return fetched if isinstance(fetched, Refusal) else fetched.data

    return fetch


def _on_this_machine(campaign: Campaign) -> frozenset[tuple[str, int]]:
    """Return those of the campaign's own servers that lie on loopback: the team named them, so they are tried out here."""
    named = [address for account in campaign.accounts for address in (account.server, account.appview) if address]
    named += [address for source in campaign.sources for address in (source.server, source.appview) if address]
    parts = [urlsplit(address) for address in named]
    return frozenset((host, part.port) for part in parts if part.port and is_loopback(host := part.hostname or ""))


def doctor_materials(plan: Plan, settings: Settings, world: World) -> "doctor.Materials":
    """Return what looking everything over needs. Nothing is asked of anybody yet."""
    from shareasm import doctor

    wiring = NetworkParts(plan, settings, world)
    return doctor.Materials(
        campaign=plan.campaign,
        schedule=plan.schedule,
        media=plan.media,
        data=settings.data,
        recap=recap_folder(plan.campaign, settings),
        now=world.clock.now,
        open_store=lambda: open_store(settings),
        probe=wiring.probe,
        publisher=wiring.publisher,
        reader=lambda source: (
            wiring.jetstream(source) if source.kind is SourceKind.JETSTREAM else wiring.search(source)
        ),
        prepare=prepare,
        stream=lambda source: None if source.kind is SourceKind.JETSTREAM else wiring.stream(source),
    )
