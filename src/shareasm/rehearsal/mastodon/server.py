"""A whole stand-in Mastodon-API server: the handle for an audience, a rehearsal and tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TypedDict, Unpack

from starlette.types import Receive, Scope, Send

from shareasm.clock import Clock
from shareasm.rehearsal.faults import Faults
from shareasm.rehearsal.mastodon import entities, uploads, writing
from shareasm.rehearsal.mastodon.api import Api
from shareasm.rehearsal.mastodon.door import Door, Hold
from shareasm.rehearsal.mastodon.entities import Json
from shareasm.rehearsal.mastodon.federation import Federation
from shareasm.rehearsal.mastodon.flavours import Flavour, Idempotency, behaviours
from shareasm.rehearsal.mastodon.instance import Access, Instance
from shareasm.rehearsal.mastodon.limits import Budgets, RateLimits
from shareasm.rehearsal.mastodon.model import Account, ApiError, Application, Attachment, Card, Status, Token
from shareasm.rehearsal.mastodon.oauth import OAuth
from shareasm.rehearsal.mastodon.pages import Pages
from shareasm.rehearsal.mastodon.params import Upload
from shareasm.rehearsal.mastodon.routes import build_app
from shareasm.rehearsal.mastodon.streaming import Stream
from shareasm.rehearsal.mastodon.wording import word
from shareasm.rehearsal.mastodon.writing import PollWish, Wish
from shareasm.rehearsal.serving import LoopbackServer


class AccountFlags(TypedDict, total=False):
    """What may be said of an account beside its name; `model.Account` tells what each means."""

    is_bot: bool
    is_locked: bool
    is_discoverable: bool | None
    is_indexable: bool
    is_noindex: bool
    is_silenced: bool
    is_suspended: bool
    visibility: str
    language: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Person:
    """An account of a stand-in server, as an audience or a test holds it."""

    id: str
    username: str
    handle: str  # name@domain, as the whole network knows it
    uri: str
    url: str
    token: str  # may read and write


class MastodonServer:
    """A server at `url` while it is started; what is said through this object passes by HTTP, limits and faults.

    `seed` decides the chance in ids and orders; without one, two servers never give the same ids.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        flavour: Flavour = Flavour.MASTODON,
        version: str | None = None,
        idempotency: Idempotency | None = None,
        title: str = "A stand-in",
        access: Access | None = None,
        budgets: Budgets | None = None,
        domain: str | None = None,
        port: int = 0,
        seed: int | None = None,
    ) -> None:
        """`domain` is the host in handles where it is not that of the address."""
        rules = behaviours(flavour, version)
        if idempotency is not None:
            rules = replace(rules, idempotency=idempotency)
        self._loopback = LoopbackServer(self._answer, port=port, clock=clock)
        self.url = self._loopback.url
        self.instance = Instance(
            rules, clock, domain or self._loopback.host, self.url, access or Access(), seed or self._loopback.port
        )
        self.limits = RateLimits(clock, budgets or Budgets(), is_grouped=rules.groups_rates)
        self._links: list[Federation] = []
        self._api = Api(self.instance, self._tell)
        door = Door(self.instance, self.limits)
        self.faults = Faults(clock, door.refuse)
        self._oauth = OAuth(self.instance)
        self.stream = Stream(self.instance)
        self.instance.tell = self.stream.tell
        pages = Pages(self.instance, title)
        self._app = self.faults.wrap(build_app(rules, door, self._api, pages, self._oauth, self.stream))
        self._application = Application("Rehearsal", "client-0", "secret-0", frozenset({"read", "write"}))
        self.instance.applications["client-0"] = self._application

    def start(self) -> None:
        """Answer requests from now on."""
        self._loopback.start()

    def stop(self) -> None:
        """Answer no more; what was said is kept, and `start` goes on with it on the same port."""
        self.faults.clear()
        self._api.release_posts()
        self._loopback.stop()

    def forget_keys(self) -> None:
        """Keep what was posted and lose its keys, as a server that dies between the two: a repetition posts twice."""
        with self.instance.lock:
            self._api.forget_keys()

    def hold_posts(self) -> Hold:
        """Let the posts that come in by HTTP stay in work, their keys taken, until the hold is released."""
        with self.instance.lock:
            return self._api.hold_posts()

    def release_posts(self) -> None:
        """Finish the posts in work, and hold no more of them."""
        with self.instance.lock:
            self._api.release_posts()

    def leave_in_work(self, person: Person, key: str) -> None:
        """Let a worker of the server die with this key in its hands: nothing is posted, and the key is locked for a while."""
        with self.instance.lock:
            self._api.leave_in_work(self._row(person), key)

    def wipe(self) -> None:
        """Forget everything that was said and done, and everybody; links to other servers and budgets stay."""
        self.faults.clear()
        self._api.release_posts()
        with self.instance.lock:
            self.instance.wipe()
            self._api.wipe()
            self._oauth.wipe()
            self.limits.wipe()
        self.stream.wipe()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- people ------------------------------------------------------------------------------------------------------

    def account(
        self,
        name: str,
        display_name: str = "",
        bio: str = "",
        avatar: bytes | None = None,
        **flags: Unpack[AccountFlags],
    ) -> Person:
        """Make an account with a token of its own."""
        instance = self.instance
        with instance.lock:
            if instance.account_by_handle(name) is not None:
                raise ValueError(f"There is a {name} already.")
            id_, _ = instance.new_id(instance.clock.now(), name)
            forms = {"base": self.url, "domain": instance.domain, "account": id_, "name": name, "id": "", "time": ""}
            uri = instance.rules.actor.format(**forms)
            url = uri if instance.rules.software == "snac" else f"{self.url}/@{name}"
            settings: AccountFlags = {"visibility": instance.rules.default_visibility, **flags}
            account = Account(id_, name, None, uri, url, instance.clock.now(), display_name or name, **settings)
            account.note_source = bio
            account.note = word(bio, instance.rules, self.url, instance.account_by_handle).html
            instance.accounts[id_] = account
            if avatar is not None:
                account.avatar = entities.media_url(instance, self._upload(account, avatar, ""))
            return Person(id_, name, f"{name}@{instance.domain}", uri, url, self._new_token(account, "read write").text)

    def change(self, person: Person, **flags: Unpack[AccountFlags]) -> None:
        """Change what is said of an account; other servers hear of it with its next status."""
        with self.instance.lock:
            account = self._row(person)
            for name, value in flags.items():
                setattr(account, name, value)

    def hide(self, person: Person, other: Person) -> None:
        """Let `person` block or mute `other`."""
        with self.instance.lock:
            self._row(person).hidden.add(other.id)

    # ---- tokens ------------------------------------------------------------------------------------------------------

    def token(self, person: Person | None, scopes: str = "read write") -> str:
        """Return another token of a person, or of an application alone."""
        with self.instance.lock:
            return self._new_token(self._row(person) if person else None, scopes).text

    def authorize(self, person: Person, address: str) -> str:
        """Let a person open `address`, to which a program sent them, and say yes; return the code that they are shown.

        Raises ApiError where the page would show an error.
        """
        with self.instance.lock:
            return self._oauth.authorize(address, self._row(person))

    def revoke(self, token: str) -> None:
        """Let a token be valid no more."""
        with self.instance.lock:
            self.instance.tokens[token].is_revoked = True

    # ---- saying ------------------------------------------------------------------------------------------------------

    def say(
        self,
        person: Person,
        text: str,
        *,
        language: str | None = None,
        reply_to: Mapping[str, object] | None = None,
        quote: Mapping[str, object] | None = None,
        media: Sequence[tuple[bytes, str]] = (),
        visibility: str | None = "public",
        warning: str = "",
        is_sensitive: bool = False,
        poll: PollWish | None = None,
    ) -> Json:
        """Post as `person`, by the server's rules; return the Status. `media`: pictures, each with its description.

        `reply_to` and `quote` are Statuses that this or another server gave; they are known here by their uri. A
        `visibility` of None is the account's own. Raises ApiError where the server would refuse.
        """
        with self.instance.lock:
            author = self._row(person)
            wish = Wish(
                text=text,
                spoiler_text=warning,
                is_sensitive=is_sensitive,
                language=language,
                visibility=visibility,
                in_reply_to_id=self._local_id(reply_to),
                media_ids=tuple(self._upload(author, data, alt).id for data, alt in media),
                poll=poll,
                quoted_status_id=self._local_id(quote),
            )
            status = writing.create(self.instance, author, wish, self._application)
            self._tell(status)
            return self._drawn(status)

    def edit(self, status: Mapping[str, object], text: str, **changes: Unpack["EditedFields"]) -> Json:
        """Let the author of `status` change its words; what `changes` does not name stays."""
        with self.instance.lock:
            row = self._known(status)
            wish = Wish(
                text=text,
                spoiler_text=changes.get("warning", row.spoiler_text),
                is_sensitive=row.is_sensitive,
                language=changes.get("language", row.language),
                media_ids=tuple(attachment.id for attachment in row.attachments),
            )
            row = writing.edit(self.instance, row.account, row.id, wish, keeps_poll=True)
            self._tell(row)
            return self._drawn(row)

    def delete(self, status: Mapping[str, object]) -> None:
        """Let the author of `status` delete it; also where the server program has no call for it."""
        with self.instance.lock:
            row = self._known(status)
            self._tell(writing.delete(self.instance, row.account, row.id))

    def boost(self, person: Person, status: Mapping[str, object]) -> Json:
        """Let `person` boost a status."""
        with self.instance.lock:
            return self._drawn(writing.boost(self.instance, self._row(person), self._known(status).id))

    def favourite(self, person: Person, status: Mapping[str, object]) -> None:
        """Let `person` favour a status."""
        with self.instance.lock:
            self._known(status).favourited_by.add(person.id)

    def vote(self, person: Person, status: Mapping[str, object], *choices: int) -> None:
        """Let `person` vote in the poll of a status."""
        with self.instance.lock:
            poll = self._known(status).poll
            writing.vote(self.instance, self._row(person), poll.id if poll else "", choices)

    def give_card(self, status: Mapping[str, object], card: Card) -> None:
        """Let the server have found the preview of a link; in life that takes up to a minute."""
        with self.instance.lock:
            row = self._known(status)
            row.card = card
            self._tell(row)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def statuses(self) -> list[Json]:
        """Return everything that local people say, oldest first: their own view of it, with the source as `text`."""
        with self.instance.lock:
            rows = sorted(self.instance.living(), key=lambda row: (row.created_at, str(row.place)))
            return [self._drawn(row) | {"text": row.text} for row in rows if row.account.domain is None]

    def find(self, status: Mapping[str, object]) -> Json | None:
        """Return how this server shows a status that it or another server gave; None when it does not know it."""
        with self.instance.lock:
            row = self.instance.by_uri.get(str(status["uri"]))
            return None if row is None or row.is_deleted else self._drawn(row)

    # ---- parts -------------------------------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)  # made after the loopback server, whose address it needs

    def _tell(self, status: Status) -> None:
        self.stream.tell(status)
        for link in self._links:
            link.carry(status)

    def _row(self, person: Person) -> Account:
        return self.instance.accounts[person.id]

    def _known(self, status: Mapping[str, object]) -> Status:
        row = self.instance.by_uri.get(str(status["uri"]))
        if row is None or row.is_deleted:
            raise ApiError(404, "Record not found")
        return row

    def _local_id(self, status: Mapping[str, object] | None) -> str | None:
        return self._known(status).id if status is not None else None

    def _drawn(self, row: Status) -> Json:
        return entities.status_json(self.instance, row, row.account)

    def _upload(self, owner: Account, data: bytes, description: str) -> Attachment:
        file = Upload("picture", "application/octet-stream", data)
        return uploads.upload(self.instance, owner, file, {"description": description})

    def _new_token(self, account: Account | None, scopes: str) -> Token:
        text = f"token-{len(self.instance.tokens) + 1}-{self.instance.random.getrandbits(64):016x}"
        self.instance.tokens[text] = Token(text, self._application, account, frozenset(scopes.split()))
        return self.instance.tokens[text]

    def link_to(self, link: Federation) -> None:
        """Let `link` carry what is said here; see `federate`."""
        with self.instance.lock:
            self._links.append(link)


class EditedFields(TypedDict, total=False):
    """What an edit may change beside the text."""

    warning: str
    language: str


def federate(
    home: MastodonServer, away: MastodonServer, *, is_backdated: bool = False, is_shuffled: bool = False
) -> Federation:
    """Let `away` show what is said on `home` from now on, edits and deletions too; return the link, to hold and release.

    `is_backdated`: ids on `away` tell when a status was published, not when it arrived. `is_shuffled`: those of one second
    come in an order of chance. GoToSocial does both.
    """
    link = Federation(home.instance, away.instance, is_backdated=is_backdated, is_shuffled=is_shuffled)
    home.link_to(link)
    return link
