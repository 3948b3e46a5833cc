"""How news of one instance reaches another: the same uri under another local id, an acct with its host, time to the second.

Sources: Mastodon 4.6.5 `lib/mastodon/snowflake.rb:7-27`, `processing_worker.rb:16`, `activitypub/activity/create.rb`; two
GoToSocial side by side. What is delivered gets an id of its arrival; what is fetched later gets an id of the time at which
it was published, and so stands below every cursor.
"""

from datetime import datetime

from shareasm.rehearsal.mastodon.entities import media_url
from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.model import Account, Attachment, Status
from shareasm.rehearsal.mastodon.wording import tag_name

CARRIED = ("public", "unlisted")


class Federation:
    """Carries what is said on `home` to `away`, one way; a second one goes the other way.

    `is_backdated`: `away` fetches statuses later, so that their ids tell the time of publishing. `is_shuffled`: statuses
    of one second arrive in an order of chance. GoToSocial does both always.
    """

    def __init__(
        self, home: Instance, away: Instance, *, is_backdated: bool = False, is_shuffled: bool = False
    ) -> None:
        is_gotosocial = away.rules.software == "gotosocial"
        self.is_backdated = is_backdated or is_gotosocial
        self.is_shuffled = is_shuffled or is_gotosocial
        self._home = home
        self._away = away
        self._is_held = False
        self._waiting: dict[str, Status] = {}  # by uri
        self._known: dict[str, Account] = {}  # of `away`, by uri

    def hold(self) -> None:
        """Keep news back until `release`."""
        with self._home.lock:
            self._is_held = True

    @property
    def waiting(self) -> tuple[Status, ...]:
        """What is kept back."""
        return tuple(self._waiting.values())

    def release(self) -> None:
        """Let the news that was kept back arrive now, as it says now, in a shuffled order if so wished."""
        with self._home.lock:
            self._is_held = False
            waiting, self._waiting = list(self._waiting.values()), {}
            if self.is_shuffled:
                self._away.random.shuffle(waiting)
            for status in waiting:
                self._arrive(status)

    def carry(self, status: Status) -> None:
        """Bring a new, edited or deleted status of `home` to `away`. The caller holds the lock."""
        if status.account.domain is not None or status.visibility not in CARRIED or status.reblog_of is not None:
            return
        if self._is_held:
            self._waiting.setdefault(status.uri, status)
            return
        self._arrive(status)

    def _arrive(self, status: Status) -> None:
        known = self._away.by_uri.get(status.uri)
        if status.is_deleted:
            if known is not None:
                self._away.delete(known)
                self._away.tell(known)
            return
        if known is None:
            known = self._new_copy(status)
        self._say_again(known, status)
        self._away.keep(known)
        self._away.tell(known)

    def _new_copy(self, status: Status) -> Status:
        created_at = _to_the_second(status.created_at)  # ActivityPub's `published` has no more
        at = created_at if self.is_backdated else self._away.clock.now()
        id_, place = self._away.new_id(at, status.uri, is_shuffled=self.is_shuffled)
        author = self._account(status.account)
        return Status(id_, place, status.uri, status.url, author, created_at, status.visibility)

    def _say_again(self, copy: Status, status: Status) -> None:
        """Let `copy` say what `status` says now."""
        away = self._away
        self._account(status.account)
        copy.text = copy.html = status.html  # elsewhere the source is not known
        copy.spoiler_text, copy.is_sensitive, copy.language = status.spoiler_text, status.is_sensitive, status.language
        copy.edited_at = _to_the_second(status.edited_at) if status.edited_at else None
        copy.tags = {tag_name(label, away.rules.tag_names): label for label in status.tags.values()}
        copy.mentions = [self._account(account) for account in status.mentions]
        copy.in_reply_to = away.by_uri.get(status.in_reply_to.uri) if status.in_reply_to else None
        copy.quote_of = away.by_uri.get(status.quote_of.uri) if status.quote_of else None
        copy.attachments = [self._attachment(attachment) for attachment in status.attachments]
        copy.poll, copy.card, copy.history = status.poll, status.card, list(status.history)

    def _account(self, account: Account) -> Account:
        """Return the account as `away` knows it, brought up to date."""
        known = self._known.get(account.uri)
        if known is None or known.id not in self._away.accounts:  # it may have forgotten everything
            known = next((other for other in self._away.accounts.values() if other.uri == account.uri), None)
        if known is None:
            id_, _ = self._away.new_id(self._away.clock.now(), account.uri)
            domain = account.domain or self._home.domain
            known = Account(id_, account.username, domain, account.uri, account.url, account.created_at)
            self._away.accounts[id_] = known
        self._known[account.uri] = known
        if known.domain is not None:
            known.display_name, known.note, known.fields = account.display_name, account.note, account.fields
            known.is_bot, known.is_locked = account.is_bot, account.is_locked
            known.is_discoverable, known.is_indexable = account.is_discoverable, account.is_indexable
            known.is_suspended = account.is_suspended
            known.avatar = account.avatar
        return known

    def _attachment(self, attachment: Attachment) -> Attachment:
        """Return the copy of a file that `away` keeps and serves itself."""
        remote_url = media_url(self._home, attachment)
        for known in self._away.attachments.values():
            if known.remote_url == remote_url:
                known.description = attachment.description
                return known
        id_, _ = self._away.new_id(self._away.clock.now(), remote_url)
        copy = Attachment(
            id=id_,
            account=self._account(attachment.account),
            kind=attachment.kind,
            mime_type=attachment.mime_type,
            data=attachment.data,
            created_at=attachment.created_at,
            width=attachment.width,
            height=attachment.height,
            description=attachment.description,
            focus=attachment.focus,
            is_attached=True,
            remote_url=remote_url,
        )
        self._away.attachments[id_] = copy
        return copy


def _to_the_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
