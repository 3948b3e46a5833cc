"""The rows of a stand-in Mastodon-API server: accounts, tokens, statuses, attachments, polls.

They are mutable, as rows are, and guarded by their instance's lock. What they look like from outside is said in
`entities`, what may be done to them in `writing`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Place = int | str
"""Where a status stands in the order of its instance: comparable within one instance only."""


class Scope(StrEnum):
    """The scopes that the stand-in knows. `read` and `write` contain theirs."""

    READ = "read"
    READ_ACCOUNTS = "read:accounts"
    READ_STATUSES = "read:statuses"
    WRITE = "write"
    WRITE_STATUSES = "write:statuses"
    WRITE_MEDIA = "write:media"
    WRITE_FAVOURITES = "write:favourites"
    WRITE_ACCOUNTS = "write:accounts"


class ApiError(Exception):
    """What the server refuses: an HTTP status, and the message for `{"error": …}`; or another body as it stands."""

    def __init__(
        self, status: int, message: str = "", *, text: str | None = None, more: dict[str, object] | None = None
    ):
        super().__init__(message or text)
        self.status = status
        self.message = message
        self.text = text  # sent as plain text instead of JSON
        self.more = more or {}


@dataclass
class Application:
    """A program that people let in, or that registered itself."""

    name: str
    client_id: str
    client_secret: str
    scopes: frozenset[str]


@dataclass
class Account:
    """A person or bot, of this instance (`domain` None) or of another one."""

    id: str
    username: str
    domain: str | None
    uri: str
    url: str
    created_at: datetime
    display_name: str = ""
    note: str = ""  # HTML
    note_source: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    avatar: str = ""
    is_bot: bool = False
    is_locked: bool = False
    is_discoverable: bool | None = None
    is_indexable: bool = False
    is_noindex: bool = False
    is_silenced: bool = False  # "limited": not in public timelines, and its public statuses become unlisted
    is_suspended: bool = False
    visibility: str = "public"  # of its statuses, when nothing is said
    language: str = "en"  # of its statuses, when nothing is said
    hidden: set[str] = field(default_factory=set)  # ids of accounts that it blocks or mutes

    @property
    def handle(self) -> str:
        """As it is named on its own instance: `name`, elsewhere `name@domain`."""
        return f"{self.username}@{self.domain}" if self.domain else self.username


@dataclass
class Token:
    """Lets an application act, for `account`, or for itself alone when there is none (client_credentials)."""

    text: str
    application: Application
    account: Account | None
    scopes: frozenset[str]
    is_revoked: bool = False

    def allows(self, scope: Scope) -> bool:
        """Whether the token has `scope`, or the one that contains it."""
        return scope in self.scopes or scope.partition(":")[0] in self.scopes


@dataclass
class Attachment:
    """An uploaded file. `polls_left`: how often the owner must still ask until it is processed; None: it failed."""

    id: str
    account: Account
    kind: str  # image, gifv, video, audio
    mime_type: str
    data: bytes
    created_at: datetime
    width: int | None = None
    height: int | None = None
    description: str | None = None
    focus: tuple[float, float] | None = None
    polls_left: int | None = 0
    is_attached: bool = False
    remote_url: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it is processed."""
        return self.polls_left == 0


@dataclass
class Poll:
    """A question with options."""

    id: str
    options: tuple[str, ...]
    expires_at: datetime
    is_multiple: bool = False
    hides_totals: bool = False
    votes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # account id → chosen options


@dataclass
class Card:
    """The preview of a link."""

    url: str
    title: str
    description: str = ""
    image: str | None = None


@dataclass(frozen=True)
class Revision:
    """What a status said at `created_at`; the last one is the present."""

    html: str
    spoiler_text: str
    is_sensitive: bool
    created_at: datetime


@dataclass
class Status:
    """A status as its instance keeps it. The same one on another instance is another row with the same `uri`."""

    id: str
    place: Place
    uri: str
    url: str
    account: Account
    created_at: datetime
    visibility: str
    text: str = ""  # as its author typed it; of remote ones the HTML
    html: str = ""
    spoiler_text: str = ""
    is_sensitive: bool = False
    language: str | None = None
    edited_at: datetime | None = None
    in_reply_to: "Status | None" = None
    reblog_of: "Status | None" = None
    quote_of: "Status | None" = None
    quote_policy: str = "public"  # who may quote it: public, followers or nobody (but its author)
    attachments: list[Attachment] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)  # name as the timeline knows it → as typed
    mentions: list[Account] = field(default_factory=list)
    poll: Poll | None = None
    card: Card | None = None
    application: Application | None = None
    favourited_by: set[str] = field(default_factory=set)  # account ids
    history: list[Revision] = field(default_factory=list)
    is_deleted: bool = False
