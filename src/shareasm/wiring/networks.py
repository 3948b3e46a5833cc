"""The network parts of a campaign: who reads, checks, follows, publishes and finds, by source and account."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from shareasm.accounts import Accounts, user_agent
from shareasm.domain.campaigns import CampaignAccount, Source, SourceKind
from shareasm.domain.posts import Network
from shareasm.domain.robots import Notices
from shareasm.errors import ConfigError
from shareasm.networks.ports import (
    AccountProbe,
    ConversationReader,
    Finder,
    Limits,
    PostChecker,
    PreparedImage,
    Publisher,
    TagReader,
    TagStream,
)
from shareasm.settings import Settings
from shareasm.wiring.parts import Plan, World

if TYPE_CHECKING:
    from shareasm.networks.bluesky.client import Server
    from shareasm.networks.feeds.reader import FeedReader
    from shareasm.networks.mastodon.pace import Pace, Pacing
    from shareasm.networks.mastodon.reader import MastodonReader

OPEN_APPVIEW = (
    "https://public.api.bsky.app"  # looks posts up without sign-in (platform rule: getPosts is open, search is not)
)


class NetworkParts:
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
        self._pacing: Pacing | None = None
        self._notices = Notices(self._now)

    def forgive(self) -> None:
        """Let every server be tried again that is left alone, for a last look."""
        if self._pacing:
            self._pacing.forgive()

    def _pace(self, server: str) -> "Pace":
        """Return the pace of a Mastodon-API server: one for all that asks it."""
        from shareasm.networks.mastodon.pace import Pacing

        if self._pacing is None:
            self._pacing = Pacing(now=self._now, notices=self._notices)
        return self._pacing.of(server)

    # ---- reading -------------------------------------------------------------------------------------------------------

    def reader(self, source: Source) -> TagReader | None:
        """Return the reader of a source; None for a stream, and for a search that wants a sign-in which is not there."""
        match source.kind:
            case SourceKind.TAG_TIMELINE:
                return self._mastodon_reader(source)
            case SourceKind.SEARCH:
                from shareasm.networks.bluesky.bios import Bios, SearchWithBios
                from shareasm.networks.bluesky.client import BlueskySearch

                server = self._bluesky_server(source)
                return SearchWithBios(BlueskySearch(server), Bios(server)) if server else None
            case SourceKind.FEED:
                return self._feed_reader(source)
            case SourceKind.JETSTREAM:
                return None

    def conversations(self, source: Source) -> ConversationReader | None:
        """Return who reads what was said to the posts of a source; None where nobody can."""
        if source.kind is SourceKind.FEED:
            return None
        if source.kind is SourceKind.TAG_TIMELINE:
            from shareasm.networks.mastodon.conversations import MastodonConversations

            token = self._source_token(source)
            return MastodonConversations(
                source.server, token=token, user_agent=self._agent, now=self._now, pace=self._pace(source.server)
            )
        from shareasm.networks.bluesky.bios import Bios, ConversationsWithBios
        from shareasm.networks.bluesky.conversations import BlueskyConversations

        server = self._bluesky_server(source)
        return ConversationsWithBios(BlueskyConversations(server), Bios(server)) if server else None

    def checker(self, source: Source) -> PostChecker | None:
        """Return who can be asked about the posts of a source."""
        if source.kind is SourceKind.TAG_TIMELINE:
            return self._mastodon_reader(source)
        if source.kind is SourceKind.FEED:
            return self._feed_reader(source)
        from shareasm.networks.bluesky.bios import Bios
        from shareasm.networks.bluesky.checker import BlueskyChecker

        server = self._bluesky_server(source)
        return BlueskyChecker(server, Bios(server)) if server else None

    def stream(self, source: Source) -> Callable[[], TagStream] | None:
        """Return a maker of connections to a live stream; None where a source has none, or has one for accounts only."""
        if source.kind is SourceKind.JETSTREAM:
            return self.jetstream(source)
        token = self._source_token(source)
        return self._mastodon_stream(source, token) if source.kind is SourceKind.TAG_TIMELINE and token else None

    def _mastodon_stream(self, source: Source, token: Callable[[], str]) -> Callable[[], TagStream]:
        from shareasm.networks.mastodon.client import Api
        from shareasm.networks.mastodon.streaming import MastodonStream

        api = Api(source.server, token=token, user_agent=self._agent, now=self._now, pace=self._pace(source.server))
        return lambda: MastodonStream(api, token=token, user_agent=self._agent, now=self._now)

    def jetstream(self, source: Source) -> Callable[[], TagStream]:
        """Return a maker of connections to a Jetstream."""
        from shareasm.networks.bluesky.jetstream import JetstreamStream

        return lambda: JetstreamStream(source.server, now=self._now, user_agent=self._agent)

    def _mastodon_reader(self, source: Source) -> "MastodonReader":
        from shareasm.networks.mastodon.reader import MastodonReader

        if source.id not in self._readers:  # one a source: it remembers what its server can do
            token = self._source_token(source)
            reader = MastodonReader(
                source.server,
                token=token,
                user_agent=self._agent,
                now=self._now,
                pace=self._pace(source.server),
                open_feed=self._open_feed,
            )
            self._readers[source.id] = reader
        return self._readers[source.id]

    def _open_feed(self, url: str) -> "FeedReader":
        from shareasm.networks.feeds.reader import FeedReader

        return FeedReader(
            url, takes_all=False, language=None, user_agent=self._agent, now=self._now, notices=self._notices
        )

    def _feed_reader(self, source: Source) -> "FeedReader":
        from shareasm.networks.feeds.reader import FeedReader

        if source.id not in self._feeds:
            takes_all, language = source.takes_all, source.language
            self._feeds[source.id] = FeedReader(
                source.server,
                takes_all=takes_all,
                language=language,
                user_agent=self._agent,
                now=self._now,
                notices=self._notices,
            )
        return self._feeds[source.id]

    def _bluesky_server(self, source: Source) -> "Server | None":
        if source.kind is SourceKind.JETSTREAM:
            return self._server(source.appview or OPEN_APPVIEW)
        if source.account and self._accounts.has_token(source.account):
            account = self._campaign.account(source.account)
            return self._server(source.server, account)
        return self._server(source.appview) if source.appview else None

    def _server(self, address: str, account: CampaignAccount | None = None) -> "Server":
        """Return a server of Bluesky's network, open or through an account's sign-in."""
        from shareasm.networks.bluesky.client import Server

        session = self._accounts.session(account) if account else None
        return Server(address, now=self._now, session=session, user_agent=self._agent, notices=self._notices)

    # ---- publishing ----------------------------------------------------------------------------------------------------

    def finder(self, account: CampaignAccount) -> Finder | None:
        """Return who finds posts of an account by their address; None where the environment holds no secret for it."""
        if not self._accounts.has_token(account.id):
            return None
        if account.network is Network.MASTODON:
            from shareasm.networks.mastodon.adopting import MastodonFinder

            return MastodonFinder(account.server, self._accounts.token(account), user_agent=self._agent, now=self._now)
        from shareasm.networks.bluesky.adopting import BlueskyFinder

        return BlueskyFinder(self._server(account.server, account))

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
                prepare=prepare,
                prepare_video=prepare_video,
                user_agent=self._agent,
                now=self._now,
                pace=self._pace(account.server),
            )
        from shareasm.networks.bluesky.publisher import BlueskyPublisher
        from shareasm.networks.bluesky.video import VIDEO_SERVICE, VideoService
        from shareasm.videos import prepare_captions, prepare_video

        server = self._server(account.server, account)
        return BlueskyPublisher(
            server,
            prepare=prepare,
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


def prepare(path: Path, limits: Limits) -> PreparedImage:
    """Return a picture of ours ready for a server. Raises ConfigError where it is not there, or is none."""
    try:
        return _prepared(path, path.stat().st_mtime_ns, limits)
    except FileNotFoundError as error:
        raise ConfigError(f"the picture {path} is not there") from error


@lru_cache(maxsize=32)  # one picture goes to several accounts in the same minute
def _prepared(path: Path, _changed_at: int, limits: Limits) -> PreparedImage:
    from shareasm.pictures import prepare

    return prepare(path, limits)
