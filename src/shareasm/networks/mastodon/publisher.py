"""Sends our posts to a Mastodon-API server, once, by Mastodon.py. Last station of the publishing line.

Rules: platform facts 2 (Mastodon 4.6 `post_status_service.rb`) and what other servers were seen to do: only a few honour an
Idempotency-Key, so `limits().repeat` says what a repeat would do.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import mastodon
import msgspec

from shareasm.domain.queue import Draft, Receipt
from shareasm.errors import NotThere, Rejected, Stale, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Act
from shareasm.networks.mastodon.authors import user_at_host
from shareasm.networks.mastodon.client import Api, Token
from shareasm.networks.mastodon.drafts import (
    Payload,
    Poll,
    Prepared,
    make_payload,
    read_payload,
    receipt_from,
    receipt_of,
)
from shareasm.networks.mastodon.entities import Author, Status, Unfit, decode_status, split_page
from shareasm.networks.mastodon.library import Call, Library
from shareasm.networks.mastodon.limits import read_limits
from shareasm.networks.mastodon.matching import has_frame, is_since, pick, shows
from shareasm.networks.mastodon.pace import Pace
from shareasm.networks.mastodon.translate import parse_time
from shareasm.networks.mastodon.uploads import PrepareVideo, Uploads
from shareasm.networks.ports import Limits, PollLimits, PreparedImage, Ties

EARLIER = timedelta(minutes=2)
"""How far a server's clock may lag behind ours when a post of ours is looked for."""

LOOK_PAGES = 5


class _Self(msgspec.Struct):
    id: str | int
    account: Author


class _Id(msgspec.Struct):
    id: str | int


class _Source(msgspec.Struct):
    text: str


class MastodonPublisher:
    """Publisher for one account. `wait` sleeps for seconds; `prepare` makes a picture ready to send, `prepare_video` a video.

    `token` is asked at the beginning of every call, so that a mended one needs no restart. With a `handle` nothing is sent
    before the server has said that the token is that account's: tokens get mixed up, and the campaign must not speak with a
    stranger's voice.
    """

    def __init__(
        self,
        server: str,
        token: Token,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        prepare: Callable[[Path, Limits], PreparedImage],
        prepare_video: PrepareVideo | None = None,
        handle: str | None = None,
        wait: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._stored_token = token
        self._api = Api(
            server,
            user_agent=user_agent,
            now=now,
            token=self._taken_token,
            pace=pace,
            is_for_posts=True,
            transport=transport,
        )
        self._library = Library(self._api, token=self._taken_token)
        self._uploads = Uploads(
            self._api, self._library, limits=self.limits, prepare=prepare, prepare_video=prepare_video, wait=wait
        )
        self._handle = handle
        self._token: str | None = None
        self._is_whose_it_should = handle is None
        self._account: _Self | None = None
        self._limits: Limits | None = None

    # ---- who we are ----------------------------------------------------------------------------------------------------

    def verify(self) -> str:
        """Return the handle (user@host) that the token belongs to. Raises Unauthorized where the server refuses it."""
        try:
            account = self._own().account
            domain = None if "@" in account.acct else self._api.domain()
            return user_at_host(account, self._api.server, domain)
        except Unfit as unfit:
            raise self._unreadable("our account") from unfit

    def _take_token(self) -> None:
        """Take the token as it is now; what was known of another one's account is forgotten."""
        token = self._stored_token() if callable(self._stored_token) else self._stored_token
        if token != self._token:
            self._token, self._account, self._is_whose_it_should = token, None, self._handle is None

    def _taken_token(self) -> str:
        """Return the token that this call began with: one that is stored meanwhile was not looked at yet."""
        return self._token or ""

    def _check_whose_token(self) -> None:
        """Raise Unauthorized where the token belongs to another account than the plan names. Asked once for each token."""
        self._take_token()
        if self._is_whose_it_should or self._handle is None:
            return
        said = self.verify()
        if said.partition("@")[0].lower() != self._handle.lstrip("@").partition("@")[0].lower():
            words = f"the token is of {said}, and the plan says {self._handle}: nothing is sent with it"
            raise Unauthorized(words, server=self._api.server, ref=self._handle)
        self._is_whose_it_should = True

    def _own(self) -> _Self:
        self._take_token()
        account = self._account
        if account is None:
            body = self._api.get("/api/v1/accounts/verify_credentials")
            try:
                account = _Self(msgspec.json.decode(body, type=_Id).id, msgspec.json.decode(body, type=Author))
            except ValueError as error:
                raise self._unreadable("our account") from error
            self._account = account
        return account

    # ---- what the server is --------------------------------------------------------------------------------------------

    def limits(self) -> Limits:
        """Return what the server says it takes; asked until it is known what the server is, since `repeat` depends on that."""
        if self._limits is not None:
            return self._limits
        self._take_token()
        software = self._api.software()
        limits = read_limits(self._instance(), software or "")
        if software is not None:
            self._limits = limits
        return limits

    def _instance(self) -> Mapping[str, object]:
        for path in ("/api/v2/instance", "/api/v1/instance"):
            try:
                return self._api.get_object(path)
            except Rejected:
                continue
        return {}

    # ---- sending -------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """The library is here since this module is."""

    def prepare(self, draft: Draft, media: Path) -> str:
        """Upload pictures or video, and learn what the server takes where the content depends on it.

        An upload that no post uses dies after a day. Mentions are the server's own to find.
        """
        self._check_whose_token()
        decides = draft.quotes or draft.poll
        prepared = Prepared(self._uploads.upload(draft, media), self.limits() if decides else None)
        return msgspec.json.encode(prepared).decode()

    def freeze(self, draft: Draft, key: str, prepared: str, ties: Ties, now: datetime) -> str:  # noqa: ARG002
        """Return the parameters of the post as JSON."""
        try:
            payload = make_payload(draft, msgspec.json.decode(prepared, type=Prepared), ties)
        except ValueError as error:
            raise Rejected(str(error), server=self._api.server, ref=key) from error
        return msgspec.json.encode(payload).decode()

    def publish(self, payload: str, key: str) -> Receipt:
        """Post `payload` under `key`. Raises Unreachable(is_outcome_unknown=True) where it may have been done, and Stale where
        its uploads are there no more.
        """
        self._check_whose_token()
        wanted = read_payload(payload)
        try:
            answer = self._library.do(_post(wanted, key), Act.WRITE)
        except Rejected as refusal:
            self._tell_stale(refusal, wanted.media_ids)
            if isinstance(refusal, NotThere):  # Mastodon also says so of a post under this key that was deleted since
                words = f"{refusal.message}: a post that it answers or quotes was deleted, or it was itself"
                raise Rejected(words, server=self._api.server, ref=key) from refusal
            raise
        return self._receipt(answer.body)

    def edit(self, payload: str, receipt: Receipt) -> Receipt:
        """Change words, warning, language and pictures. Visibility, place in a thread and quote stay, and so does its poll.

        Some servers give it a new id. The same again is no error.
        """
        self._check_whose_token()
        wanted = read_payload(payload)
        present = self._as_it_is(receipt)
        poll = self._running_poll(present, wanted.poll, receipt)
        language = {"language": wanted.language} if wanted.language else {}  # the library's edits name none
        try:
            change = _change(wanted, poll, receipt.local_id)
            answer = self._library.do(change, Act.WRITE, ref=receipt.ref.uri, adding=language)
        except Rejected as refusal:
            if self._is_it(present, wanted):  # GoToSocial answers 422 "status was not changed"
                return self._receipt_of(present)
            attached = {str(attachment.id) for attachment in present.media_attachments or ()}
            self._tell_stale(refusal, [id_ for id_ in wanted.media_ids if id_ not in attached])
            if isinstance(refusal, NotThere):
                words = f"cannot change posts ({refusal.message}); take it back and send it anew"
                raise Rejected(words, server=self._api.server, ref=receipt.ref.uri) from refusal
            raise
        return self._receipt(answer.body)

    def delete(self, receipt: Receipt) -> None:
        """Take our post back, files and all; one that is gone already is no error."""
        self._check_whose_token()
        id_ = quote(receipt.local_id, safe="")
        try:  # without delete_media Mastodon keeps the files for a day (docs.joinmastodon.org/methods/statuses, 4.4)
            self._library.do(
                lambda speaker: speaker.status_delete(id_, delete_media=True), Act.WRITE, ref=receipt.ref.uri
            )
        except NotThere as missing:
            if self._is_there(receipt):
                words = f"cannot delete posts through its API ({missing.message}); delete it on its own page"
                raise Rejected(words, server=self._api.server, ref=receipt.ref.uri) from missing

    def _is_there(self, receipt: Receipt) -> bool:
        try:
            self._api.get(_path(receipt.local_id))
        except NotThere:
            return False
        return True

    def _as_it_is(self, receipt: Receipt) -> Status:
        try:
            return decode_status(self._api.get(_path(receipt.local_id), ref=receipt.ref.uri))
        except Unfit as unfit:
            raise self._unreadable("our post") from unfit

    def _tell_stale(self, refusal: Rejected, media_ids: list[str]) -> None:
        """Raise Stale where the server refused because uploads are there no more. Its words may be of any language."""
        if media_ids and self._uploads.are_gone(media_ids):
            words = f"{refusal.message}; its uploads must be made anew"
            raise Stale(words, server=refusal.server, ref=refusal.ref) from refusal

    def _running_poll(self, present: Status, wanted: Poll | None, receipt: Receipt) -> Poll | None:
        """Return the poll as an edit must name it: the same one, or its votes are lost; ending when it would have ended.

        Source: Mastodon `update_status_service.rb` update_poll!, GoToSocial `processing/status/edit.go` processPollEdit.
        """
        if present.poll is None and wanted is None:
            return None
        options = [option.title for option in present.poll.options] if present.poll else []
        if wanted is None or present.poll is None or options != wanted.options:
            raise self._would_lose_votes("an edit cannot change a poll", receipt)
        ends_at = parse_time(present.poll.expires_at) if present.poll.expires_at else None
        left = ends_at - self._api.now() if ends_at else timedelta(seconds=wanted.expires_in)
        if left < (self.limits().polls or PollLimits()).shortest:
            raise self._would_lose_votes("its poll has ended or is about to", receipt)
        return Poll(wanted.options, int(left.total_seconds()), wanted.multiple)

    def _would_lose_votes(self, why: str, receipt: Receipt) -> Rejected:
        words = f"{why}, the votes would be lost; leave the post as it is, or take it back and send it anew"
        return Rejected(words, server=self._api.server, ref=receipt.ref.uri)

    def _receipt(self, body: bytes) -> Receipt:
        try:
            return receipt_from(body)
        except ValueError as error:
            message = "took the post, but its answer is not readable"
            raise Unreachable(message, server=self._api.server, is_outcome_unknown=True) from error

    # ---- looking up ----------------------------------------------------------------------------------------------------

    def find(self, payload: str, key: str, since: datetime) -> Receipt | None:  # noqa: ARG002
        """Return the post on our account that `payload` made since `since`; `matching.pick` tells which of several equal ones.

        The newest posts are read, whatever their ids: cursors of time exist on Mastodon alone.
        """
        self._check_whose_token()
        wanted = read_payload(payload)
        found = pick([status for status in self._own_since(since - EARLIER) if self._is_it(status, wanted)], since)
        return self._receipt_of(found) if found else None

    def _receipt_of(self, status: Status) -> Receipt:
        try:
            return receipt_of(status)
        except ValueError as error:
            raise self._unreadable("our posts") from error

    def _own_since(self, since: datetime) -> Iterator[Status]:
        """Yield our own posts, newest first, back to `since`."""
        path = f"/api/v1/accounts/{self._own().id}/statuses"
        query = [("limit", "40"), ("exclude_reblogs", "true")]
        met: set[str] = set()
        for _ in range(LOOK_PAGES):
            page = self._own_page(path, query)
            fresh = [status for status in page if str(status.id) not in met]
            yield from (status for status in fresh if is_since(status, since))
            if not fresh or not is_since(fresh[-1], since):
                return
            met.update(str(status.id) for status in fresh)
            query = [*query[:2], ("max_id", str(fresh[-1].id))]

    def _own_page(self, path: str, query: list[tuple[str, str]]) -> list[Status]:
        statuses = []
        try:
            for item in split_page(self._api.get(path, query)):
                try:
                    statuses.append(decode_status(item))
                except Unfit:
                    continue  # not one of ours, then: ours were read by this very server
        except ValueError as error:
            raise self._unreadable("our posts") from error
        return statuses

    def _is_it(self, status: Status, wanted: Payload) -> bool:
        return has_frame(status, wanted, self._api.software() or "") and self._has_words(status, wanted.status)

    def _has_words(self, status: Status, words: str) -> bool:
        try:
            body = self._api.get(f"{_path(status.id)}/source")
        except Rejected:  # snac and Takahē have no sources: then by what people see
            return shows(status.content or "", words)
        try:
            return msgspec.json.decode(body, type=_Source).text.split() == words.split()
        except ValueError:
            return shows(status.content or "", words)

    def _unreadable(self, what: str) -> Unreachable:
        return Unreachable(f"its answer about {what} is not readable", server=self._api.server)


# ---- what the library is to say ----------------------------------------------------------------------------------------


def _post(wanted: Payload, key: str) -> Call:
    return lambda speaker: speaker.status_post(
        wanted.status,
        language=wanted.language,
        visibility=wanted.visibility,
        spoiler_text=wanted.spoiler_text,
        sensitive=wanted.sensitive,
        media_ids=wanted.media_ids or None,
        in_reply_to_id=wanted.in_reply_to_id,
        quoted_status_id=wanted.quoted_status_id,
        quote_approval_policy=wanted.quote_approval_policy,
        poll=_poll(speaker, wanted.poll),
        idempotency_key=key,
    )


def _change(wanted: Payload, poll: Poll | None, id_: str) -> Call:
    """An edit takes away what it does not name: pictures, warning, poll. Visibility, place in a thread and quote cannot change
    (Mastodon `statuses_controller.rb` update).
    """
    return lambda speaker: speaker.status_update(
        quote(id_, safe=""),
        wanted.status,
        spoiler_text=wanted.spoiler_text or "",
        sensitive=wanted.sensitive,
        media_ids=wanted.media_ids or None,
        quote_approval_policy=wanted.quote_approval_policy,
        poll=_poll(speaker, poll),
    )


def _poll(speaker: mastodon.Mastodon, poll: Poll | None) -> object:
    return speaker.make_poll(poll.options, poll.expires_in, poll.multiple) if poll else None


def _path(id_: str | int) -> str:
    return f"/api/v1/statuses/{quote(str(id_), safe='')}"
