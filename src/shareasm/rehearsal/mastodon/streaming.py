"""The stand-in's live stream: what happens under a hashtag, by WebSocket, told once and never again.

Sources: Mastodon 4.6.5 `streaming/index.js:408-487,622-757,921-957`, `fan_out_on_write_service.rb:146-150`,
`remove_status_service.rb:128-131`, `activitypub/activity/create.rb:91`; GoToSocial, snac and Takahē as seen running. There is
no replay and no event has a number: what happens while nobody is connected is never told. Not here: server-sent events, which
only Mastodon speaks, and the token owner's filter of languages.
"""

import asyncio
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from shareasm.domain.richtext import fold_hashtag
from shareasm.rehearsal.mastodon import entities
from shareasm.rehearsal.mastodon.flavours import Streaming
from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.model import Account, ApiError, Scope, Status
from shareasm.rehearsal.serving import ABORT

PATH = "/api/v1/streaming"
TOLD_FOR = timedelta(hours=6)
"""A status that arrives later after it was published is not streamed at all (`create.rb:91`)."""


@dataclass(eq=False)
class _Listener:
    """One connection. It lives in the server's event loop; `tell` and `end` may be called from any thread."""

    loop: asyncio.AbstractEventLoop
    abort: Callable[[], None]
    viewer: Account | None
    tags: set[str] = field(default_factory=set)
    frames: "asyncio.Queue[str | None]" = field(default_factory=asyncio.Queue)  # None: close

    def tell(self, frame: str | None) -> None:
        self.loop.call_soon_threadsafe(self.frames.put_nowait, frame)


class Stream:
    """The hashtag streams of one instance, and the ways to disturb them."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._listeners: list[_Listener] = []
        self._told: dict[str, datetime | None] = {}  # status id → which edit of it
        self._refuses = False

    # ---- for whoever rehearses; any thread -----------------------------------------------------------------------------

    @property
    def listener_count(self) -> int:
        """How many are connected."""
        return len(self._listeners)

    def refuse(self, refuses: bool = True) -> None:
        """Answer 503 to whoever connects, until this is called with False."""
        self._refuses = refuses

    def interject(self, frame: str) -> None:
        """Say something to everybody that this server would not say by itself."""
        for listener in list(self._listeners):
            listener.tell(frame)

    def disconnect(self, *, cleanly: bool = False) -> int:
        """End every connection and return how many there were: with a close frame, or as a cut cable does."""
        with self._instance.lock:
            listeners = list(self._listeners)
        for listener in listeners:
            if cleanly:
                listener.tell(None)
            else:
                listener.loop.call_soon_threadsafe(listener.abort)
        return len(listeners)

    def wipe(self) -> None:
        """Send everybody home, and know of nothing."""
        self.disconnect(cleanly=True)
        self._told.clear()
        self._refuses = False

    def tell(self, status: Status) -> None:
        """Let those who listen hear of a status that is new, changed or deleted here. The caller holds the lock."""
        if self._instance.rules.streaming not in (Streaming.FOR_USERS, Streaming.FOR_ALL):
            return
        if status.visibility != "public" or status.reblog_of is not None:
            return
        event = self._event(status)
        if event is None:
            return
        for listener in self._listeners:
            for name in sorted(listener.tags & set(status.tags)):
                if event == "delete" or self._may_hear(listener.viewer, status):
                    listener.tell(self._frame(name, event, status))

    def _event(self, status: Status) -> str | None:
        if status.is_deleted:
            return "delete"
        is_known = status.id in self._told
        if is_known and self._told[status.id] == status.edited_at:
            return None  # a preview card came, or a counter changed: nobody is told
        is_late = self._instance.clock.now() - status.created_at > TOLD_FOR
        self._told[status.id] = status.edited_at
        if is_known or status.edited_at:
            return "status.update"
        return None if is_late else "update"

    def _may_hear(self, viewer: Account | None, status: Status) -> bool:
        half = self._instance.access.local if status.account.domain is None else self._instance.access.remote
        is_open = half == "public" or (half == "authenticated" and viewer is not None)
        is_hidden = viewer is not None and status.account.id in viewer.hidden
        return is_open and not is_hidden and not status.account.is_silenced and not status.account.is_suspended

    def _channel(self, tag: str) -> str:
        """Return the channel of a tag as it was asked for; Mastodon's is not always the one on which it tells.

        `streaming/utils.js` folds as Rails does and drops marks and ・ besides: in scripts that need them nothing ever comes.
        """
        if self._instance.rules.streaming is Streaming.FOR_ALL:
            return tag  # Pleroma's lib/pleroma/web/streamer.ex takes it as it stands
        return "".join(char for char in fold_hashtag(tag) if unicodedata.category(char)[0] != "M" and char != "\u30fb")

    def _frame(self, name: str, event: str, status: Status) -> str:
        drawn = status.id if event == "delete" else json.dumps(entities.status_json(self._instance, status, None))
        return json.dumps({"stream": ["hashtag", name], "event": event, "payload": drawn})

    # ---- the connection ------------------------------------------------------------------------------------------------

    async def endpoint(self, socket: WebSocket) -> None:
        """Serve one connection: `?stream=hashtag&tag=…`, and more by `subscribe`."""
        try:
            with self._instance.lock:
                viewer = self._admitted(socket)
        except ApiError as error:
            await socket.receive()
            await socket.send_denial_response(JSONResponse({"error": error.message}, status_code=error.status))
            return
        listener = _Listener(asyncio.get_running_loop(), socket.scope["extensions"][ABORT], viewer)
        self._subscribe(listener, dict(socket.query_params))
        with self._instance.lock:
            self._listeners.append(listener)
        await socket.accept()
        hearing = asyncio.create_task(self._hear(socket, listener))
        try:
            while (frame := await listener.frames.get()) is not None:
                await socket.send_text(frame)
            await socket.close(1000)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the client went away while we were sending
        finally:
            with self._instance.lock:
                self._listeners.remove(listener)
            hearing.cancel()

    def _admitted(self, socket: WebSocket) -> Account | None:
        """Return who listens. Raises ApiError as the server refuses."""
        streaming = self._instance.rules.streaming
        if streaming is Streaming.NONE:
            raise ApiError(404, "Record not found")
        if self._refuses:
            raise ApiError(503, "Service unavailable")
        if streaming is Streaming.SILENT and not socket.headers.get("user-agent"):
            raise ApiError(418, "I'm a teapot: no user-agent sent with request")
        said = socket.headers.get("authorization", "").removeprefix("Bearer ") or socket.query_params.get(
            "access_token"
        )
        if not said:
            if streaming is Streaming.FOR_ALL:
                return None
            raise ApiError(401, "Missing access token")
        token = self._instance.tokens.get(said)
        if token is None or token.is_revoked:
            raise ApiError(401, "Invalid access token")
        if not token.allows(Scope.READ_STATUSES):
            raise ApiError(401, "Access token does not have the required scopes")
        return token.account

    async def _hear(self, socket: WebSocket, listener: _Listener) -> None:
        while True:
            message = await socket.receive()
            if message["type"] != "websocket.receive":
                listener.frames.put_nowait(None)
                return
            wish = json.loads(message.get("text") or "{}")
            if wish.get("type") == "subscribe":
                with self._instance.lock:
                    self._subscribe(listener, wish)

    def _subscribe(self, listener: _Listener, wish: dict[str, str]) -> None:
        if wish.get("stream") == "hashtag":
            listener.tags.add(self._channel(wish.get("tag", "")))
        elif "stream" in wish:
            listener.tell(json.dumps({"error": "Unknown stream type", "status": 400}))
