"""Hears live what happens under hashtags on a Mastodon-API server. First station of the collecting line, beside the reader.

A stream makes news early and deletions known at once; it proves nothing. It never tells again what was said while nobody
listened, some servers connect and stay silent (GoToSocial), and it leaves out late arrivals: so the timeline is read as if
there were no stream, and once more after each connection. WebSocket, because Mastodon and Pleroma both speak it, and one
connection carries all tags. Sources: Mastodon 4.6 `streaming/index.js`; GoToSocial, snac and Takahē as seen running.
"""

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from time import monotonic
from urllib.parse import urlencode, urlsplit

import msgspec
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from shareasm.domain.changes import Gone, Seen, Skipped
from shareasm.domain.posts import Visibility
from shareasm.domain.richtext import clean_line, hashtag_spellings
from shareasm.errors import NetworkError, NotThere, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Answer, Asked, refusal
from shareasm.networks.mastodon.client import Api, Token, shared_tls, token_now
from shareasm.networks.mastodon.entities import ITEM_LIMIT
from shareasm.networks.mastodon.pages import decode_list
from shareasm.networks.mastodon.translate import is_usable_id
from shareasm.networks.ports import Page

PATH = "/api/v1/streaming"
CONNECT_S, CLOSE_S = 10.0, 0.5
BATCH_S = 1.0
BATCH_EVENTS = 500
FRAME_LIMIT = ITEM_LIMIT + ITEM_LIMIT // 2
"""Bytes of one frame: a status within a string has more of them, for its quotation marks."""
FRAMES_WAITING = 64  # of them, before the server has to wait for us
NOT_PUBLIC = "not public"


@dataclass(slots=True)
class _Told:
    """What has come since the last page."""

    posts: list[Seen] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    deleted_ids: list[str] = field(default_factory=list)


class _Frame(msgspec.Struct):
    """One event, or an error. `payload` is JSON in a string: a status, or the id of a deleted one."""

    event: str = ""
    payload: str | int = ""
    error: str = ""


_frames = msgspec.json.Decoder(_Frame)


class MastodonStream:
    """TagStream of one server. An object is read once; `stop` may be called from any thread and is final."""

    def __init__(
        self, api: Api, *, token: Token, user_agent: str, now: Callable[[], datetime], batch_s: float = BATCH_S
    ) -> None:
        self._api = api
        self._token = token
        self._user_agent = user_agent
        self._now = now
        self._batch_s = batch_s
        self._stop = Event()

    def stop(self) -> None:
        """Let `read` end within about a second."""
        self._stop.set()

    def read(self, tags: Sequence[str], checkpoint: str | None, since: datetime) -> Iterator[Page]:  # noqa: ARG002
        """Yield what happens under `tags` from now on, first an empty page: from there on nothing is missed.

        Checkpoint and beginning mean nothing to this stream. Raises Unauthorized and Rejected where it is not for us or
        not there at all, and Unreachable when the line breaks.
        """
        try:
            with self._line(tags) as line:
                yield Page()
                while not self._stop.is_set():
                    yield self._page(self._events(line))
        except ConnectionClosedOK:
            return
        except (WebSocketException, OSError) as error:
            raise self._failure(error) from error

    # ---- the line ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _line(self, tags: Sequence[str]) -> Iterator[ClientConnection]:
        """Hold a line on which the server tells of `tags`."""
        token = token_now(self._token)
        if not token or not token.isascii() or not token.isprintable():
            raise Unauthorized("shows its live stream to nobody without a token", server=self._api.server)
        first, *others = dict.fromkeys(name for tag in tags for name in hashtag_spellings(tag))
        address = f"{stream_address(self._api)}{PATH}?{urlencode({'stream': 'hashtag', 'tag': first})}"
        uri = parse_uri(address)
        with ExitStack() as opened:
            connection = opened.enter_context(socket.create_connection((uri.host, uri.port), CONNECT_S))
            try:
                line = opened.enter_context(self._connected(address, connection, token))
            except ValueError as error:  # it would follow a redirect; the token goes to no other server
                raise Rejected("its live stream has moved", server=self._api.server) from error
            for tag in others:  # the first one stands in the address: old Pleroma knows no other way
                line.send(msgspec.json.encode({"type": "subscribe", "stream": "hashtag", "tag": tag}).decode())
            yield line

    def _connected(
        self, address: str, connection: socket.socket, token: str
    ) -> AbstractContextManager[ClientConnection]:
        return connect(
            address,
            sock=connection,
            ssl=shared_tls() if address.startswith("wss:") else None,
            additional_headers={"Authorization": f"Bearer {token}"},
            user_agent_header=self._user_agent,  # GoToSocial answers 418 without
            compression=None,  # nothing that unfolds
            open_timeout=CONNECT_S,
            close_timeout=CLOSE_S,
            max_size=FRAME_LIMIT,
            max_queue=FRAMES_WAITING,
        )

    def _events(self, line: ClientConnection) -> list[bytes]:
        """Return what comes within about a second: as soon as there is something, with all that lies behind it."""
        events: list[bytes] = []
        end = monotonic() + self._batch_s
        while len(events) < BATCH_EVENTS:
            try:
                events.append(line.recv(timeout=0 if events else max(end - monotonic(), 0), decode=False))
            except TimeoutError:
                break
            except ConnectionClosed:
                if not events:
                    raise
                break  # it is raised again at the next look
        return events

    def _failure(self, error: Exception) -> NetworkError:
        if isinstance(error, InvalidStatus):
            reply = error.response
            headers = {name.lower(): value for name, value in reply.headers.raw_items()}
            answer = Answer(reply.status_code, headers, bytes(reply.body or b""))
            found = refusal(answer, Asked(self._api.server, self._now(), has_token=True))
            if isinstance(found, NotThere):
                return Rejected("has no live stream; its timeline is read all the same", server=self._api.server)
            return found
        return Unreachable("its live stream broke off", server=self._api.server)

    # ---- what it says --------------------------------------------------------------------------------------------------

    def _page(self, events: Sequence[bytes]) -> Page:
        told = _Told()
        for event in events:
            self._take(event, told)
        private = [seen.post.ref for seen in told.posts if seen.post.visibility is not Visibility.PUBLIC]
        return Page(
            posts=tuple(seen for seen in told.posts if seen.post.visibility is Visibility.PUBLIC),
            skipped=(*told.skipped, *(Skipped(NOT_PUBLIC, b"", secret=ref.uri) for ref in private)),
            gone=tuple(Gone(ref, NOT_PUBLIC) for ref in private),
            deleted_ids=tuple(told.deleted_ids),
        )

    def _take(self, event: bytes, told: "_Told") -> None:
        try:
            frame = _frames.decode(event)
        except (ValueError, RecursionError) as error:
            told.skipped.append(Skipped(clean_line(f"not an event: {error}", 300), b""))
            return
        if frame.error:
            raise Rejected(f"refuses its live stream ({clean_line(frame.error, 200)})", server=self._api.server)
        if frame.event == "delete" and is_usable_id(frame.payload):
            told.deleted_ids.append(str(frame.payload))
        elif frame.event in {"update", "status.update"}:  # an edit that brings the tag comes as the latter
            self._take_status(str(frame.payload).encode(errors="replace"), told)

    def _take_status(self, item: bytes, told: "_Told") -> None:
        try:
            decoded = decode_list(self._api, b"[" + item + b"]")
        except ValueError as error:
            told.skipped.append(Skipped(clean_line(f"not a status: {error}", 300), b""))
            return
        told.posts += decoded.posts
        told.skipped += decoded.skipped


# ---- where it is -------------------------------------------------------------------------------------------------------


def stream_address(api: Api) -> str:
    """Return where the server's live stream is, without a path, by its own word or as most have it.

    Mastodon's is often another machine (`configuration.urls.streaming`, before 4.0 `urls.streaming_api`). Only one of the
    server's own site is believed: the token goes there.
    """
    own = re.sub("^http", "ws", api.server)
    for path, *names in _SAID_AT:
        try:
            said: object = api.get_object(path)
        except (Rejected, Unauthorized):
            continue
        for name in names:
            said = said.get(name) if isinstance(said, dict) else None
        if isinstance(said, str):
            return said.rstrip("/").removesuffix(PATH) if _is_same_site(said, own) else own
    return own


_SAID_AT = (
    ("/api/v2/instance", "configuration", "urls", "streaming"),
    ("/api/v1/instance", "urls", "streaming_api"),
)


def _is_same_site(said: str, own: str) -> bool:
    """Return whether `said` may be trusted like `own`: as well encrypted, and the same host, one below it, or one beside it."""
    try:
        there, here = urlsplit(said), urlsplit(own)
        if there.scheme != here.scheme or not there.hostname or not here.hostname:
            return False
    except ValueError:
        return False
    parent = here.hostname.partition(".")[2]
    below = tuple(f".{name}" for name in (here.hostname, parent) if "." in name and not name.replace(".", "").isdigit())
    return there.hostname == here.hostname or there.hostname.endswith(below)
