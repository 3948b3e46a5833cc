"""One stand-in instance: its rows, and who may see which of them in which order.

Reading rules only; what may be written is in `writing`, what it looks like in `entities`. Every method expects the caller
to hold `lock`, or to be alone.
"""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from shareasm.clock import Clock
from shareasm.rehearsal.mastodon.flavours import Behaviours, Replies, TagNames
from shareasm.rehearsal.mastodon.ids import Ids, SnacIds, Snowflakes, TakaheNumbers, Ulids
from shareasm.rehearsal.mastodon.model import Account, ApiError, Application, Attachment, Place, Status, Token
from shareasm.rehearsal.mastodon.shelves import Shelf, Shelves, between
from shareasm.rehearsal.mastodon.wording import tag_name

PAGE = 20  # statuses, when nothing is said; `api/base_controller.rb` DEFAULT_STATUSES_LIMIT
TAGS_OF_A_FILTER = 4  # names in any[], all[], none[]; `tag_feed.rb:4`

LOCK = threading.RLock()
"""One lock for all instances of a process: news travels between them in both directions, and two locks would meet."""


@dataclass(frozen=True)
class Access:
    """Who may read hashtag timelines; `config/settings.yml` of Mastodon 4.6. Each public, authenticated or disabled."""

    local: str = "public"
    remote: str = "public"
    needs_token_everywhere: bool = False  # DISALLOW_UNAUTHENTICATED_API_ACCESS


@dataclass(frozen=True)
class TagQuery:
    """What was asked of a hashtag timeline."""

    tag: str
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    is_local: bool = False
    is_remote: bool = False
    only_media: bool = False


@dataclass(frozen=True)
class Bounds:
    """Which part of an ordered list is asked for. `limit` as asked; None: nothing was said."""

    max_id: str | None = None
    since_id: str | None = None
    min_id: str | None = None
    limit: int | None = None


@dataclass
class Instance:
    """The rows of one server and the rules of its program."""

    rules: Behaviours
    clock: Clock
    domain: str
    base_url: str
    access: Access = field(default_factory=Access)
    seed: int = 1
    lock: threading.RLock = LOCK
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)  # by local id; deleted ones too
    by_uri: dict[str, Status] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    slow_media_polls: int = 1  # how often a video answers 206 before it is ready
    fails_next_media: bool = False  # the next video is accepted, and then cannot be processed

    def __post_init__(self) -> None:
        self.ids: Ids = _ids_of(self.rules, self.seed)
        self.random = random.Random(self.seed)  # noqa: S311  a rehearsal should repeat
        self.tags_seen: set[str] = set()
        self.shelves = Shelves()
        self.tell: Callable[[Status], None] = lambda _: None  # lets who listens hear of what is new, changed or deleted

    def wipe(self) -> None:
        """Forget all rows but the applications."""
        for rows in (self.accounts, self.tokens, self.statuses, self.by_uri, self.attachments):
            rows.clear()
        self.tags_seen.clear()
        self.shelves.wipe()

    # ---- finding rows ------------------------------------------------------------------------------------------------

    def account_by_handle(self, handle: str) -> Account | None:
        """Return the account named `name` or `name@domain`."""
        username, _, domain = handle.lower().partition("@")
        here = domain in ("", self.domain.lower())
        for account in self.accounts.values():
            home = account.domain is None if here else (account.domain or "").lower() == domain
            if home and account.username.lower() == username:
                return account
        return None

    def status(self, id_: str, viewer: Account | None) -> Status:
        """Return the status that `viewer` may see under this id. Raises ApiError 404."""
        found = self.find_id(id_)
        if found is None or not self.may_see(found, viewer):
            raise ApiError(404, "Record not found")
        return found

    def find_id(self, id_: str) -> Status | None:
        """Return the status with this id; on snac also under an id that it had before an edit."""
        found = self.statuses.get(id_)
        if found is None and self.rules.edit_changes_id:
            found = self.shelves.by_tail(id_)
        return None if found is None or found.is_deleted else found

    def living(self) -> Iterator[Status]:
        """Every status that is not deleted, whoever may see it."""
        return (status for status in self.statuses.values() if not status.is_deleted)

    def may_see(self, status: Status, viewer: Account | None) -> bool:
        """Whether `viewer` (None: anybody) may open a status; `status_policy.rb`. Nobody follows anybody here."""
        if status.is_deleted or status.account.is_suspended:
            return False
        if viewer is not None and viewer.id == status.account.id:
            return True
        return status.visibility in ("public", "unlisted") or (viewer is not None and viewer in status.mentions)

    # ---- lists -------------------------------------------------------------------------------------------------------

    def tag_timeline(self, query: TagQuery, viewer: Account | None, bounds: Bounds) -> list[Status]:
        """Return a page of a hashtag timeline, newest first; `tag_feed.rb`, `public_feed.rb`.

        Public ones only (boosts carry no tags), no suspended or silenced authors, replies as the program has it, and
        for a token's owner nobody whom they block or mute.
        """
        name = tag_name(query.tag, self.rules.tag_names)
        if name not in self.tags_seen and self.rules.unknown_tag_status == 404:
            raise ApiError(404, "Not Found: target not found; please check your request and try again")
        names = {name, *self._other_names(query)}
        return self.page(
            self.shelves.tagged(names),
            bounds,
            lambda status: (
                self._is_listed(status, viewer)
                and self._matches(status, names, query)
                and self._is_open(status, viewer)
            ),
        )

    def _other_names(self, query: TagQuery) -> Iterator[str]:
        if self.rules.knows_tag_filters:
            yield from (tag_name(other, self.rules.tag_names) for other in query.any[: TAGS_OF_A_FILTER - 1])

    def _is_listed(self, status: Status, viewer: Account | None) -> bool:
        shown = ("public", "unlisted") if self.rules.shows_unlisted_as_public else ("public",)
        author = status.account
        if status.is_deleted or status.visibility not in shown or status.reblog_of:
            return False
        if author.is_suspended or author.is_silenced:
            return False
        if viewer is not None and author.id in viewer.hidden:
            return False
        if status.in_reply_to is None or self.rules.tag_replies is Replies.ALL:
            return True
        return self.rules.tag_replies is Replies.TO_ONESELF and status.in_reply_to.account is author

    def _matches(self, status: Status, wanted: set[str], query: TagQuery) -> bool:
        if self.rules.tag_names is TagNames.ASCII and not all(name.isascii() for name in wanted):
            return False
        names = set(status.tags)
        is_local = status.account.domain is None
        if (query.is_local and not is_local) or (query.is_remote and is_local):
            return False
        if query.only_media and bool(status.attachments) is self.rules.only_media_is_inverted:
            return False
        if not self.rules.knows_tag_filters:
            return bool(names & wanted)
        fold = self.rules.tag_names
        wanted_all = {tag_name(other, fold) for other in query.all[:TAGS_OF_A_FILTER]}
        refused = {tag_name(other, fold) for other in query.none[:TAGS_OF_A_FILTER]}
        return bool(names & wanted) and names >= wanted_all and not names & refused

    def _is_open(self, status: Status, viewer: Account | None) -> bool:
        half = self.access.local if status.account.domain is None else self.access.remote
        return half == "public" or (half == "authenticated" and viewer is not None)

    def account_statuses(self, account: Account, viewer: Account | None) -> list[Status]:
        """Return what `viewer` may see of an account, boosts too, oldest first."""
        return [status for status in self.shelves.of_author(account) if self.may_see(status, viewer)]

    def replies_to(self, status: Status) -> list[Status]:
        """Return the living direct replies, oldest first."""
        return [other for other in self.shelves.answers(status) if other.in_reply_to is status and not other.is_deleted]

    def boosts_of(self, status: Status) -> list[Status]:
        """Return the living boosts, oldest first."""
        return [other for other in self.shelves.boosts(status) if other.reblog_of is status and not other.is_deleted]

    def quotes_of(self, status: Status) -> list[Status]:
        """Return the living quotes, oldest first."""
        return [other for other in self.shelves.quotes(status) if other.quote_of is status and not other.is_deleted]

    def page(self, shelf: Shelf, bounds: Bounds, is_wanted: Callable[[Status], bool] = lambda _: True) -> list[Status]:
        """Return one page, newest first; `paginable.rb:7-30` of Mastodon 4.6.

        `max_id`: older than; `since_id`: the newest above it; `min_id`: the ones right above it. `min_id` wins.
        """
        limit = self._limit(bounds.limit)
        try:
            above, below = self._above(bounds), self._bound(bounds.max_id) if bounds.max_id is not None else None
        except _Unknown:
            return []
        is_upwards = bounds.min_id is not None and not self.rules.min_id_gives_newest
        found = filter(is_wanted, between(shelf, above, below, is_upwards=is_upwards))
        return sorted(islice(found, limit), key=_by_place, reverse=True)

    def _above(self, bounds: Bounds) -> Place | None:
        if bounds.min_id is not None:
            return self._bound(bounds.min_id)
        if bounds.since_id is None or not self.rules.since_id_counts:
            return None
        try:
            return self._bound(bounds.since_id)
        except _Unknown:
            return None  # snac ignores it

    def _limit(self, asked: int | None) -> int:
        wanted = PAGE if asked is None else abs(asked)
        return wanted if self.rules.max_page is None else min(wanted, self.rules.max_page)

    def _bound(self, id_: str) -> Place:
        if not self.rules.edit_changes_id:
            return self.ids.place(id_)
        found = self.shelves.by_tail(id_)
        if found is None:
            raise _Unknown
        return found.place

    # ---- rows of our own making --------------------------------------------------------------------------------------

    def new_id(self, at: datetime, uri: str = "", *, is_shuffled: bool = False) -> tuple[str, Place]:
        """Return an id for something of `at`, and its place in the order."""
        id_ = self.ids.make(at, uri, is_shuffled=is_shuffled)
        return id_, len(self.statuses) if self.rules.edit_changes_id else self.ids.place(id_)

    def keep(self, status: Status) -> Status:
        """Keep a new or changed row where it is found, and remember its tags as known."""
        self.statuses[status.id] = status
        self.by_uri[status.uri] = status
        self.tags_seen.update(status.tags)
        self.shelves.put(status)
        return status

    def delete(self, status: Status) -> None:
        """Let a row and the boosts of it be deleted."""
        for row in (status, *self.boosts_of(status)):
            if not row.is_deleted:
                row.is_deleted = True
                self.shelves.note_deleted(row)


class _Unknown(Exception):
    """A bound that this server cannot place."""


def _by_place(status: Status) -> Place:
    return status.place


def _ids_of(rules: Behaviours, seed: int) -> Ids:
    made: dict[str, Ids] = {"gotosocial": Ulids(seed), "snac": SnacIds(), "takahe": TakaheNumbers(seed)}
    return made.get(rules.software) or Snowflakes(seed)
