"""Sends our posts to a Mastodon-API server, once. Last station of the publishing line.

Mastodon.py signs in, uploads, posts, edits and deletes; what the server answered is kept by a hook of its session, since the
library's exceptions lose it. Looking up goes through `Api`. Rules: platform facts 2 (Mastodon 4.6 `post_status_service.rb`) and
what other servers were seen to do: only a few honour an Idempotency-Key, so `limits().repeat` says what a repeat would do.
"""

import re
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import mastodon
import msgspec
import requests

from shareasm.domain.queue import Draft, DraftMedia, Receipt
from shareasm.domain.richtext import to_text, truncate
from shareasm.errors import Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Act, Answer, Asked, NotThere, network_error
from shareasm.networks.mastodon.authors import user_at_host
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.drafts import receipt_from, receipt_of, status_params
from shareasm.networks.mastodon.entities import Author, Status, Unfit, decode_status, split_page
from shareasm.networks.mastodon.limits import read_limits
from shareasm.networks.mastodon.translate import parse_time
from shareasm.networks.ports import Limits, PreparedImage, Ties

TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 120.0

MEDIA_WAITS_S = (1, 1, 2, 3, 5, 5, 10, 10, 10, 15)
"""Between looks at a file that the server is still working on: a minute in all, then the post waits for a later try."""

EARLIER = timedelta(minutes=2)
"""How far a server's clock may lag behind ours when a post of ours is looked for."""

LOOK_PAGES = 5


class Prepared(msgspec.Struct, frozen=True):
    """What `prepare` hands to `freeze`."""

    media_ids: list[str]


class MastodonPublisher:
    """Publisher for one account. `wait` sleeps for seconds; `prepare` makes a picture ready to send.

    With a `handle` nothing is sent before the server has said that the token is that account's: tokens get mixed up, and
    the campaign must not speak with a stranger's voice.
    """

    def __init__(
        self,
        server: str,
        token: str,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        prepare: Callable[[Path, Limits], PreparedImage],
        handle: str | None = None,
        wait: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(server, user_agent=user_agent, now=now, token=token, transport=transport)
        self._now = now
        self._prepare = prepare
        self._handle = handle
        self._wait = wait
        self._limits: Limits | None = None
        self._account: _Self | None = None
        self._last = _LastAnswer()
        session = requests.Session()
        session.hooks["response"].append(self._last.keep)
        weakref.finalize(self, session.close)
        # A given version keeps the library from asking for it, which some servers make it do without end; with the mode
        # "none" it would be read as 1.0.0 and pictures go to the address of old servers, where they block the answer.
        self._library = mastodon.Mastodon(
            api_base_url=self._api.server,
            access_token=token,
            session=session,
            user_agent=user_agent,
            ratelimit_method="throw",
            request_timeout=TIMEOUT_S,
            version_check_mode="created",
            mastodon_version="4.0.0",
        )

    # ---- what the server is --------------------------------------------------------------------------------------------

    def verify(self) -> str:
        """Return the handle (user@host) that the token belongs to. Raises Unauthorized where the server refuses it."""
        try:
            account = self._own().account
            domain = None if "@" in account.acct else self._api.domain()
            return user_at_host(account, self._api.server, domain)
        except Unfit as unfit:
            raise self._unreadable("our account") from unfit

    def _check_whose_token(self) -> None:
        """Raise Unauthorized where the token belongs to another account than the plan names."""
        if self._handle is None:
            return
        said = self.verify()
        if said.partition("@")[0].lower() != self._handle.lstrip("@").partition("@")[0].lower():
            words = f"the token is of {said}, and the plan says {self._handle}: nothing is sent with it"
            raise Unauthorized(words, server=self._api.server, ref=self._handle)
        self._handle = None  # once is enough

    def limits(self) -> Limits:
        """Return what the server says it takes; asked until it is known what the server is, since `repeat` depends on that."""
        if self._limits is not None:
            return self._limits
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

    def _own(self) -> "_Self":
        if self._account is None:
            body = self._api.get("/api/v1/accounts/verify_credentials")
            try:
                self._account = _Self(msgspec.json.decode(body, type=_OwnId).id, msgspec.json.decode(body, type=Author))
            except ValueError as error:
                raise self._unreadable("our account") from error
        return self._account

    # ---- sending -------------------------------------------------------------------------------------------------------

    def prepare(self, draft: Draft, media: Path) -> str:
        """Upload the pictures. An upload that no post uses dies after a day."""
        self._check_whose_token()
        return msgspec.json.encode(Prepared([self._upload(item, media) for item in draft.media])).decode()

    def freeze(self, draft: Draft, key: str, prepared: str, ties: Ties, now: datetime) -> str:  # noqa: ARG002
        """Return the body of the post as JSON."""
        uploads = msgspec.json.decode(prepared, type=Prepared)
        params = status_params(draft, uploads.media_ids, ties.thread.parent.local_id if ties.thread else None)
        return msgspec.json.encode(params).decode()

    def publish(self, payload: str, key: str) -> Receipt:
        """Post `payload` under `key`. Raises Unreachable(is_outcome_unknown=True) where it may have been done."""
        self._check_whose_token()
        wanted = _payload(payload)
        with self._calls(Act.WRITE):
            self._library.status_post(
                wanted.status,
                in_reply_to_id=wanted.in_reply_to_id,
                media_ids=wanted.media_ids or None,
                sensitive=bool(wanted.spoiler_text),
                visibility=wanted.visibility,
                spoiler_text=wanted.spoiler_text or None,
                language=wanted.language,
                idempotency_key=key,
            )
        return self._receipt()

    def edit(self, payload: str, receipt: Receipt) -> Receipt:
        """Change words, warning and pictures. Visibility and place in a thread stay; some servers give it a new id."""
        wanted = _payload(payload)
        with self._calls(Act.WRITE, ref=receipt.ref.uri):
            self._library.status_update(
                receipt.local_id,
                wanted.status,
                spoiler_text=wanted.spoiler_text or "",
                sensitive=bool(wanted.spoiler_text),
                media_ids=wanted.media_ids or None,
            )
        return self._receipt()

    def delete(self, receipt: Receipt) -> None:
        """Take our post back; one that is gone already is no error."""
        try:
            with self._calls(Act.WRITE, ref=receipt.ref.uri):
                self._library.status_delete(receipt.local_id)
        except NotThere:
            if self._is_there(receipt):  # snac: the server cannot delete
                raise

    def _is_there(self, receipt: Receipt) -> bool:
        try:
            self._api.get(f"/api/v1/statuses/{receipt.local_id}")
        except NotThere:
            return False
        return True

    def _receipt(self) -> Receipt:
        try:
            return receipt_from(self._last.body)
        except ValueError as error:
            message = "took the post, but its answer is not readable"
            raise Unreachable(message, server=self._api.server, is_outcome_unknown=True) from error

    # ---- pictures ------------------------------------------------------------------------------------------------------

    def _upload(self, item: DraftMedia, folder: Path) -> str:
        image = self._prepare(folder / item.file, self.limits())
        self._library.request_timeout = UPLOAD_TIMEOUT_S
        try:
            with self._calls(Act.UPLOAD, ref=item.file):
                self._library.media_post(
                    image.data,
                    mime_type=image.mime,
                    description=truncate(item.alt, self.limits().alt_length),
                    focus=item.focus,
                    file_name=Path(item.file).name,
                )
        finally:
            self._library.request_timeout = TIMEOUT_S
        return self._until_ready(item)

    def _until_ready(self, item: DraftMedia) -> str:
        """Return the upload's id once the server has done with it: 202 and 206 mean not yet, 422 that it cannot."""
        upload = self._uploaded(item)
        for seconds in MEDIA_WAITS_S:
            if self._last.status not in {202, 206}:
                return str(upload.id)
            self._wait(seconds)
            with self._calls(Act.UPLOAD, ref=item.file):
                self._library.media(str(upload.id))
        if self._last.status in {202, 206}:
            raise Unreachable("is still working on the picture after a minute", server=self._api.server, ref=item.file)
        return str(upload.id)

    def _uploaded(self, item: DraftMedia) -> "_OwnId":
        try:
            return msgspec.json.decode(self._last.body, type=_OwnId)
        except ValueError as error:
            raise self._unreadable(f"the upload of {item.file}") from error

    # ---- looking up ----------------------------------------------------------------------------------------------------

    def find(self, payload: str, key: str, since: datetime) -> Receipt | None:  # noqa: ARG002
        """Return the post on our account that `payload` made since `since`, the oldest where several are the same.

        The newest posts are read, whatever their ids: cursors of time exist on Mastodon alone.
        """
        self._check_whose_token()
        wanted = _payload(payload)
        matches = [status for status in self._own_since(since - EARLIER) if self._is_it(status, wanted)]
        try:
            return receipt_of(matches[-1]) if matches else None
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
            yield from (status for status in fresh if _is_since(status, since))
            if not fresh or not _is_since(fresh[-1], since):
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

    def _is_it(self, status: Status, wanted: "Payload") -> bool:
        replied_to = str(status.in_reply_to_id) if status.in_reply_to_id else None
        has_same_frame = (
            _fold(status.spoiler_text or "") == _fold(wanted.spoiler_text or "")
            and len(status.media_attachments or ()) == len(wanted.media_ids)
            and replied_to == wanted.in_reply_to_id
        )
        return has_same_frame and self._has_words(status, wanted.status)

    def _has_words(self, status: Status, words: str) -> bool:
        try:
            body = self._api.get(f"/api/v1/statuses/{status.id}/source")
        except Rejected:  # snac and Takahē have no sources: then by what people see
            return shows(status.content or "", words)
        try:
            return msgspec.json.decode(body, type=_Source).text.split() == words.split()
        except ValueError:
            return shows(status.content or "", words)

    def _unreadable(self, what: str) -> Unreachable:
        return Unreachable(f"its answer about {what} is not readable", server=self._api.server)

    # ---- the library ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _calls(self, act: Act, *, ref: str | None = None) -> Iterator[None]:
        """Turn whatever goes wrong between the library and the server into one of our errors."""
        self._last.forget()
        try:
            yield
        except Exception as error:
            if 200 <= self._last.status < 300:
                return  # it was done; what the library made of the answer does not matter
            if not isinstance(error, mastodon.MastodonError | requests.RequestException):
                raise
            asked = Asked(self._api.server, self._now(), act, ref=ref, has_token=True)
            raise network_error(error, asked, self._last.answer) from error


class _LastAnswer:
    """What the server said last, whatever the library makes of it."""

    answer: Answer | None = None

    def forget(self) -> None:
        """Begin a new call."""
        self.answer = None

    def keep(self, response: requests.Response, *_args: object, **_kwargs: object) -> None:
        """Remember an answer; a hook of the session."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.answer = Answer(response.status_code, headers, response.content)

    @property
    def status(self) -> int:
        """Its status; 0 when there was none."""
        return self.answer.status if self.answer else 0

    @property
    def body(self) -> bytes:
        """Its body; nothing when there was none."""
        return self.answer.body if self.answer else b""


class Payload(msgspec.Struct):
    """What was frozen: the body of the post."""

    status: str
    language: str | None = None
    visibility: str | None = None
    spoiler_text: str | None = None
    media_ids: list[str] = []
    in_reply_to_id: str | None = None


class _OwnId(msgspec.Struct):
    id: str | int


class _Self(msgspec.Struct):
    id: str | int
    account: Author


class _Source(msgspec.Struct):
    text: str


def _payload(text: str) -> Payload:
    return msgspec.json.decode(text, type=Payload)


def _is_since(status: Status, since: datetime) -> bool:
    when = parse_time(status.created_at)
    return when is not None and when >= since


_ADDRESS = re.compile(r"\S*\w\.\w\S*")
_MENTION = re.compile(r"(@\w+)@[\w.-]+")


def shows(content: str, words: str) -> bool:
    """Return whether a server's HTML is what became of `words`: the same letters, and every address of theirs in it."""
    shown = to_text(content)
    addresses = re.findall(r"https?://[^\s)]+", words)
    return _fold(shown) == _fold(words) and all(address.rstrip("/.,") in shown for address in addresses)


def _fold(text: str) -> str:
    """Return the letters and digits of `text`: servers differ in marks, in mentions' hosts and in bare addresses."""
    return "".join(char for char in _ADDRESS.sub("", _MENTION.sub(r"\1", text)).casefold() if char.isalnum())
