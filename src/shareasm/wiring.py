"""The composition root: settings and a campaign become the parts that run. The only place that knows every part.

Networks are imported here, when they are needed: loading them takes a second that `check` and `--help` should not pay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.engine import Engine

from shareasm import recap
from shareasm.accounts import Accounts, user_agent
from shareasm.campaign_files.words import is_loopback
from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign, CampaignAccount, Source, SourceKind
from shareasm.domain.pictures import Refusal
from shareasm.domain.posts import Network
from shareasm.domain.schedules import Schedule
from shareasm.domain.stories import StoryPlan
from shareasm.domain.watches import UNBROKEN
from shareasm.errors import ConfigError, NetworkError
from shareasm.networks.ports import (
    AccountProbe,
    Finder,
    Limits,
    PostChecker,
    PreparedImage,
    Publisher,
    TagReader,
    TagStream,
)
from shareasm.publish import Press
from shareasm.settings import Settings
from shareasm.storage.engine import open_engine

if TYPE_CHECKING:
    from shareasm import doctor
    from shareasm.cards import Album
    from shareasm.networks.bluesky.client import Server
    from shareasm.networks.feeds.reader import FeedReader
    from shareasm.networks.mastodon.reader import MastodonReader
    from shareasm.strangers import StrangerClient

OPEN_APPVIEW = (
    "https://public.api.bsky.app"  # looks posts up without sign-in (platform rule: getPosts is open, search is not)
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign as its folder describes it, read without errors."""

    folder: Path
    campaign: Campaign
    schedule: Schedule
    story: StoryPlan | None

    @property
    def media(self) -> Path:
        return self.folder / "media"


@dataclass(slots=True)
class Newest:
    """The plan as it was last read without mistakes. A watch brings it up to date; the recap is made from it."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a worker runs on."""

    engine: Engine
    campaign: Campaign
    schedule: Schedule
    media: Path
    clock: Clock
    readers: Mapping[str, TagReader]  # by source id
    streams: Mapping[str, Callable[[], TagStream]]  # by source id; a stream object is read once
    checkers: Mapping[str, PostChecker]  # by source id
    publishers: Mapping[str, Publisher]  # by account id
    left_out: tuple[str, ...]  # what is not done for want of a token, in sentences
    make_recap: Callable[[], recap.Made]
    newest: Newest | None = None  # what the recap is made from
    recap: Path | None = None  # where it lies once it is made
    unbroken: timedelta = UNBROKEN


@dataclass(frozen=True, slots=True)
class World:
    """Where the world differs from the real one: in a rehearsal its hosts lie on loopback."""

    clock: Clock
    reachable: frozenset[tuple[str, int]] = (
        frozenset()
    )  # hosts and ports that pictures may come from although they are private
    unbroken: timedelta = UNBROKEN  # where a day lasts a minute, reads lie further apart
    video_service: str | None = None  # what takes the place of Bluesky's


def open_store(settings: Settings) -> Engine:
    """Open the database and bring its tables up to date."""
    from shareasm.storage.schema import upgrade  # Alembic: 10 MB that a web process never needs

    engine = open_engine(settings.database_url)
    upgrade(engine)
    return engine


def wire(plan: Plan, settings: Settings, world: World) -> Parts:
    """Make every part of a running campaign. Nothing is asked of any network yet."""
    engine = open_store(settings)
    wiring, newest = _Wiring(plan, settings, world), Newest(plan)
    sources = plan.campaign.sources
    return Parts(
        engine=engine,
        campaign=plan.campaign,
        schedule=plan.schedule,
        media=plan.media,
        clock=world.clock,
        readers={source.id: reader for source in sources if (reader := wiring.reader(source))},
        streams={source.id: wiring.stream(source) for source in sources if source.kind is SourceKind.JETSTREAM},
        checkers={source.id: checker for source in sources if (checker := wiring.checker(source))},
        publishers={account.id: made for account in plan.campaign.accounts if (made := wiring.publisher(account))},
        left_out=tuple(wiring.left_out()),
        make_recap=lambda: recap.make_recap(
            materials(newest.plan, engine, settings, world), recap_folder(plan.campaign, settings)
        ),
        newest=newest,
        recap=recap_folder(plan.campaign, settings) / "index.html",
        unbroken=world.unbroken,
    )


def wire_press(
    plan: Plan, settings: Settings, world: World, by: str, *, with_accounts: bool
) -> tuple[Press, dict[str, Finder]]:
    """Return what a person steers the day with, and who finds posts, by account; without accounts no network is loaded."""
    wiring = _Wiring(plan, settings, world)
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
        fetch=_picture_fetcher(plan.campaign, world),
        now=world.clock.now,
        unbroken=world.unbroken,
    )


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

    return StrangerClient(agent=user_agent(campaign), allow=world.reachable | _on_this_machine(campaign))


def _picture_fetcher(campaign: Campaign, world: World) -> Callable[[str], bytes | Refusal]:
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

    wiring = _Wiring(plan, settings, world)
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
        reader=lambda source: wiring.stream(source) if source.kind is SourceKind.JETSTREAM else wiring.search(source),
        prepare=_prepare,
    )


class _Wiring:
    """Makes the network parts of one campaign."""

    def __init__(self, plan: Plan, settings: Settings, world: World) -> None:
        self._campaign = plan.campaign
        self._settings = settings
        self._accounts = Accounts(plan.campaign, settings, world.clock.now)
        self._now = world.clock.now
        self._agent = user_agent(plan.campaign)
        self._video_service = world.video_service
        self._readers: dict[str, MastodonReader] = {}
        self._feeds: dict[str, FeedReader] = {}

    # ---- reading -------------------------------------------------------------------------------------------------------

    def reader(self, source: Source) -> TagReader | None:
        """Return the reader of a source; None for a stream, and for a search that wants a sign-in which is not there."""
        match source.kind:
            case SourceKind.TAG_TIMELINE:
                return self._mastodon_reader(source)
            case SourceKind.SEARCH:
                from shareasm.networks.bluesky.client import BlueskySearch

                server = self._bluesky_server(source)
                return BlueskySearch(server) if server else None
            case SourceKind.FEED:
                return self._feed_reader(source)
            case SourceKind.JETSTREAM:
                return None

    def checker(self, source: Source) -> PostChecker | None:
        """Return who can be asked about the posts of a source."""
        if source.kind is SourceKind.TAG_TIMELINE:
            return self._mastodon_reader(source)
        if source.kind is SourceKind.FEED:
            return self._feed_reader(source)
        from shareasm.networks.bluesky.checker import BlueskyChecker

        server = self._bluesky_server(source)
        return BlueskyChecker(server) if server else None

    def stream(self, source: Source) -> Callable[[], TagStream]:
        """Return a maker of connections to a Jetstream."""
        from shareasm.networks.bluesky.jetstream import JetstreamStream

        return lambda: JetstreamStream(source.server, now=self._now)

    def _mastodon_reader(self, source: Source) -> "MastodonReader":
        from shareasm.networks.mastodon.reader import MastodonReader

        if source.id not in self._readers:  # one a source: it remembers what its server can do
            token = self._source_token(source)
            reader = MastodonReader(source.server, token=token, user_agent=self._agent, now=self._now)
            self._readers[source.id] = reader
        return self._readers[source.id]

    def _feed_reader(self, source: Source) -> "FeedReader":
        from shareasm.networks.feeds.reader import FeedReader

        if source.id not in self._feeds:
            takes_all, language = source.takes_all, source.language
            self._feeds[source.id] = FeedReader(
                source.server, takes_all=takes_all, language=language, user_agent=self._agent, now=self._now
            )
        return self._feeds[source.id]

    def _bluesky_server(self, source: Source) -> "Server | None":
        from shareasm.networks.bluesky.client import Server

        if source.kind is SourceKind.JETSTREAM:
            return Server(source.appview or OPEN_APPVIEW, now=self._now)
        if source.account and self._accounts.has_token(source.account):
            account = self._campaign.account(source.account)
            return Server(source.server, now=self._now, session=self._accounts.session(account))
        return Server(source.appview, now=self._now) if source.appview else None

    # ---- publishing ----------------------------------------------------------------------------------------------------

    def finder(self, account: CampaignAccount) -> Finder | None:
        """Return who finds posts of an account by their address; None where the environment holds no secret for it."""
        if not self._accounts.has_token(account.id):
            return None
        if account.network is Network.MASTODON:
            from shareasm.networks.mastodon.adopting import MastodonFinder

            return MastodonFinder(account.server, self._accounts.token(account), user_agent=self._agent, now=self._now)
        from shareasm.networks.bluesky.adopting import BlueskyFinder
        from shareasm.networks.bluesky.client import Server

        return BlueskyFinder(Server(account.server, now=self._now, session=self._accounts.session(account)))

    def publisher(self, account: CampaignAccount) -> Publisher | None:
        """Return the publisher of an account; None where there is no secret for it."""
        if not self._accounts.has_token(account.id):
            return None
        if account.network is Network.MASTODON:
            from shareasm.networks.mastodon.publisher import MastodonPublisher
            from shareasm.videos import prepare_video

            return MastodonPublisher(
                account.server,
                self._accounts.token(account),
                handle=account.handle,
                prepare=_prepare,
                prepare_video=prepare_video,
                user_agent=self._agent,
                now=self._now,
            )
        from shareasm.networks.bluesky.client import Server
        from shareasm.networks.bluesky.publisher import BlueskyPublisher
        from shareasm.networks.bluesky.video import VIDEO_SERVICE, VideoService
        from shareasm.videos import prepare_captions, prepare_video

        server = Server(account.server, now=self._now, session=self._accounts.session(account))
        return BlueskyPublisher(
            server,
            prepare=_prepare,
            prepare_video=prepare_video,
            prepare_captions=prepare_captions,
            cards=self._settings.data / "cards",
            video_service=VideoService(server, base_url=self._video_service or VIDEO_SERVICE),
        )

    # ---- looking over --------------------------------------------------------------------------------------------------

    def probe(self, account: CampaignAccount) -> AccountProbe | str:
        """Return who looks an account over; in words that it has no secret."""
        is_open = self._accounts.has_token(account.id)
        return self._accounts.probe(account) if is_open else self._accounts.missing(account.id, has_cure=False)

    def search(self, source: Source) -> TagReader | str:
        """Return the reader of a source; in words why it is not read."""
        missing = self._accounts.missing(source.account, has_cure=False) if source.account else "none is named"
        return self.reader(source) or f"not searched: it wants a sign-in, and {missing}"

    def _source_token(self, source: Source) -> Callable[[], str] | None:
        """Return the token with which a source is read; None where it is read without one."""
        is_signed_in = source.account and self._accounts.has_token(source.account)
        return self._accounts.token(self._campaign.account(source.account)) if source.account and is_signed_in else None

    # ---- what is left out ----------------------------------------------------------------------------------------------

    def left_out(self) -> list[str]:
        """Return in sentences what is not done because a secret is missing."""
        silent = [account for account in self._campaign.accounts if not self._accounts.has_token(account.id)]
        sentences = [f"nothing is sent from {account.id}: {self._accounts.missing(account.id)}" for account in silent]
        for source in self._campaign.sources:
            if source.account and not self._accounts.has_token(source.account):
                missing = self._accounts.missing(source.account)
                if source.kind is SourceKind.SEARCH and not source.appview:
                    sentences.append(f"{source.id} is not searched: its search wants a sign-in, and {missing}")
                elif source.kind is SourceKind.TAG_TIMELINE:
                    sentences.append(f"{source.id} is read without sign-in, as far as it is open: {missing}")
        return sentences


def _prepare(path: Path, limits: Limits) -> PreparedImage:
    try:
        return _prepared(path, path.stat().st_mtime_ns, limits)
    except FileNotFoundError as error:
        raise ConfigError(f"the picture {path} is not there") from error


@lru_cache(maxsize=32)  # one picture goes to several accounts in the same minute
def _prepared(path: Path, _changed_at: int, limits: Limits) -> PreparedImage:
    from shareasm.pictures import prepare

    return prepare(path, limits)
