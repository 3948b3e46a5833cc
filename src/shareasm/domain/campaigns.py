"""Campaign: one digital day with its tags, window, accounts, sources, partners and resources; and what belongs to it.

Made by `campaign_files` from `campaign.yaml`; every use case takes it as it is. No secret is ever in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from shareasm.domain.keeping import Keep
from shareasm.domain.posts import Network, Post, PostRef
from shareasm.domain.richtext import fold_hashtag


class Moderation(StrEnum):
    """Who decides what is shown: everything the rules allow (`open`), or only what a person approved (`approve`)."""

    OPEN = "open"
    APPROVE = "approve"


class Effect(StrEnum):
    """What a rule of `domain.moderation` does to a post that it applies to, the mildest first."""

    SHOW = "show"
    COVER = "cover"  # shown folded behind its warning, without its media
    HOLD = "hold"  # not shown until a person approves it
    HIDE = "hide"  # stored and counted, never shown
    NEVER_STORE = "never store"  # counted; nothing of it is kept

    def is_stricter_than(self, other: "Effect") -> bool:
        """Return whether it shows less than `other`."""
        return _STRICTNESS[self] > _STRICTNESS[other]


_STRICTNESS = {effect: place for place, effect in enumerate(Effect)}


class SourceKind(StrEnum):
    """How a source is read."""

    TAG_TIMELINE = "mastodon"  # GET /api/v1/timelines/tag/:tag of one Mastodon-API server
    SEARCH = "bluesky"  # app.bsky.feed.searchPosts through an account's server, or an open AppView
    JETSTREAM = "jetstream"  # the live stream
    FEED = "feed"  # RSS or Atom, of a partner's blog or channel


@dataclass(frozen=True, slots=True)
class CampaignAccount:
    """An account that the campaign publishes from. Its secret is `SHAREASM_TOKEN_<ID>` in the environment."""

    id: str
    network: Network
    server: str  # base URL: the Mastodon-API server, or the Bluesky PDS or entryway
    handle: str  # Bluesky: the handle; Mastodon: user@host
    languages: tuple[str, ...]  # the languages it speaks, the first one leads
    appview: str | None = None  # Bluesky: where to read, when not through `server` (self-hosted networks)
    limit: int | None = None  # characters that its server takes in a post; None: the network's usual number
    partner: str | None = None  # id of the partner whose account it is
    zone: ZoneInfo | None = None  # the clock of its readers; None: its partner's, else the campaign's
    is_automated: bool = False  # the team says that a program posts here, so the network should tell people


@dataclass(frozen=True, slots=True)
class Source:
    """One place that is read for the campaign's tags."""

    id: str  # stable key of checkpoints and gap log, such as "mastodon:mastodon.social"
    kind: SourceKind
    server: str  # base URL; wss:// or ws:// for a Jetstream; the feed's own address
    account: str | None = None  # id of the CampaignAccount whose sign-in is used; None reads what is open
    appview: str | None = None  # JETSTREAM: where its posts are looked up (getPosts needs no sign-in)
    takes_all: bool = False  # FEED: its entries belong to the day with or without a tag
    language: str | None = None  # FEED: of its entries, where the feed does not say

    @property
    def network(self) -> Network:
        """Where its posts are from."""
        return _NETWORKS[self.kind]

    @property
    def is_watched_by_stream(self) -> bool:
        """True where a stream misses nothing while it delivers, and goes on from where it was.

        Mastodon's does neither: its timeline is read beside it, and that alone says how well it was watched.
        """
        return self.kind is SourceKind.JETSTREAM


_NETWORKS = {
    SourceKind.TAG_TIMELINE: Network.MASTODON,
    SourceKind.SEARCH: Network.BLUESKY,
    SourceKind.JETSTREAM: Network.BLUESKY,
    SourceKind.FEED: Network.WEB,
}


class Role(StrEnum):
    """What a partner is, in its own word in the plan."""

    MINERS = "miners' organisation"
    GOVERNMENT = "government"
    CIVIL_SOCIETY = "civil society"
    ACADEMIA = "academia"
    INDUSTRY = "industry"
    DONOR = "donor"
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class Partner:
    id: str
    name: str
    role: Role
    country: str | None = None  # ISO 3166-1 alpha-2
    url: str | None = None
    zone: ZoneInfo | None = None
    accounts: tuple[str, ...] = ()  # handles as people write them: "@iied.example" or "@iied@mastodon.example"

    def handle_on(self, network: Network) -> str | None:
        """Return its first handle on `network`, with the @ in front; None where it has none there."""
        at_signs = 2 if network is Network.MASTODON else 1
        return next((handle for handle in self.accounts if handle.count("@") == at_signs), None)


@dataclass(frozen=True, slots=True)
class Edition:
    """A resource in one language."""

    language: str
    title: str
    url: str


RESOURCE_TYPES = (
    "article", "blog", "book", "briefing paper", "case study", "film", "flyer", "guide", "handbook", "illustration",
    "interview", "issue brief", "map", "online resource", "paper", "photo essay", "podcast", "policy brief", "policy report",
    "presentation", "quick reference guide", "report series", "report", "toolkit", "training course", "video interviews",
    "video", "working paper",
)  # fmt: skip
"""Types of resources that our pages know in each of their languages; any other stands as the team wrote it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A piece of research, apart from the posts about it. Several slots may point to one resource."""

    id: str
    editions: tuple[Edition, ...]  # at least one, in the plan's order
    authors: tuple[str, ...] = ()  # in the order of the title page
    organisation: str | None = None
    year: int | None = None
    type: str | None = None  # one of RESOURCE_TYPES, or a word of the team's
    countries: tuple[str, ...] = ()
    area: str | None = None  # knowledge area

    def edition(self, language: str) -> Edition:
        """Return the edition in `language`, else the first one."""
        return next((edition for edition in self.editions if edition.language == language), self.editions[0])


@dataclass(frozen=True, slots=True)
class Look:
    """How the pages look. `accent` is #rrggbb; pages use the nearest shade of it that can be read (domain.colours)."""

    accent: str | None = None
    logo: str | None = None  # path below the campaign folder
    logo_alt: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """Where readers open the recap, and how it comes there: a folder, or a command that carries it."""

    url: str | None = None  # ends in "/"
    folder: str | None = None  # absolute
    command: tuple[str, ...] = ()  # program and arguments; "{folder}" stands for the recap's folder

    @property
    def has_place(self) -> bool:
        """Return whether there is a place to bring it to."""
        return bool(self.folder or self.command)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Whom the team wants to see nothing of; all as they are compared."""

    names: frozenset[str] = frozenset()  # handles without @, with their twins beyond a bridge, and identities
    hosts: frozenset[str] = frozenset()  # whole servers and domains, with all that is below them


@dataclass(frozen=True, slots=True)
class EarlierEdition:
    title: str
    year: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """One digital day."""

    slug: str  # the folder's name
    name: str
    hashtags: tuple[str, ...]  # as spelled by the team, without #; the first one leads
    on: date
    zone: ZoneInfo
    opens_at: datetime  # aware UTC; posts from here …
    closes_at: datetime  # … until here belong to the day; the recap is written then
    languages: tuple[str, ...]
    host: str  # the organisation that runs the day
    contact: str  # e-mail or URL where people ask to be removed
    accounts: tuple[CampaignAccount, ...]
    sources: tuple[Source, ...]
    policy: str | None = None
    about: str = ""  # one paragraph, Markdown
    moderation: Moderation = Moderation.OPEN
    rules: Mapping[str, Effect] = field(default_factory=dict)  # by a rule's name, where the team wants another effect
    blocked: Blocked = field(default_factory=Blocked)
    follows_replies: bool = True  # answers to its posts are read also without the tag (domain.conversations)
    partners: tuple[Partner, ...] = ()
    resources: tuple[Resource, ...] = ()
    look: Look = field(default_factory=Look)
    publication: Publication = field(default_factory=Publication)
    keep: Keep = field(default_factory=Keep)
    earlier: tuple[EarlierEdition, ...] = ()

    def account(self, account_id: str) -> CampaignAccount:
        return next(account for account in self.accounts if account.id == account_id)

    def zone_of(self, account: CampaignAccount) -> ZoneInfo | None:
        """Return the clock of the account's readers: its own, else its partner's; None where neither is said."""
        partner = next((one for one in self.partners if one.id == account.partner), None)
        return account.zone or (partner.zone if partner else None)

    def resource(self, resource_id: str) -> Resource:
        return next(resource for resource in self.resources if resource.id == resource_id)


def belongs(campaign: Campaign, post: Post, declared: Mapping[PostRef, str] = MappingProxyType({})) -> str | None:
    """Return the rule by which `post` belongs to `campaign`, or None. Only what was made within its window does.

    "tag": it carries one of the tags, however spelled. Others are `declared`: "ours", for we sent it, such as a thread's
    part without the tag; "feed", for it is in a feed that the campaign takes whole; "reply" and "quote", for it answers or
    quotes a post that belongs (domain.conversations).
    """
    if not campaign.opens_at <= post.created_at < campaign.closes_at:
        return None
    tags = _folded(campaign.hashtags)
    if any(tag.name in tags for tag in post.hashtags):
        return "tag"
    return declared.get(post.ref)


@lru_cache(maxsize=64)  # a few campaigns, and every post that comes
def _folded(hashtags: tuple[str, ...]) -> frozenset[str]:
    return frozenset(fold_hashtag(tag) for tag in hashtags)
