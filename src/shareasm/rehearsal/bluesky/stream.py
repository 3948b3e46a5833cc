"""The stand-in's Jetstream: the log of the network as a websocket, on the v2 wire (`subscribeEvents`).

Rules from the description of Jetstream v2 (bluesky-social/jetstream 9a30defd, 2026-08): cursors are inclusive, a number
from 1e15 is a time in microseconds, what is too old is refused before the upgrade, a frame from the client ends it.
Not here: v1, the archive, compression (`getZstdDictionary` answers 501, which clients take as "uncompressed").
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from shareasm.rehearsal.bluesky.lexicon import Json, Record, is_did, is_nsid
from shareasm.rehearsal.bluesky.repo import Event, Repos, microseconds
from shareasm.rehearsal.bluesky.xrpc import Refusal, bad_request
from shareasm.rehearsal.serving import ABORT

NSID = "network.bsky.jetstream.subscribeEvents"
_SUBPROTOCOL = "xrpc.v1.json"
_KINDS = ("commit", "identity", "account", "sync")
_TIMES_FROM = 10**15


@dataclass(slots=True)
class _Subscriber:
    """One connection. Lives in the server's event loop; `wake` may be called from any thread."""

    loop: asyncio.AbstractEventLoop
    abort: Callable[[], None]
    news: asyncio.Event = field(default_factory=asyncio.Event)
    farewell: Record | None = None  # an error frame to end with
    is_closing: bool = False

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self.news.set)


@dataclass(frozen=True, slots=True)
class _Filter:
    kinds: tuple[str, ...]
    dids: frozenset[str]
    collections: tuple[str, ...]
    max_bytes: int

    def wants(self, event: Event) -> bool:
        if self.kinds and event.kind not in self.kinds:
            return False
        if self.dids and event.did not in self.dids:
            return False
        collection = str(event.body.get("collection", ""))
        return (
            event.kind != "commit"
            or not self.collections
            or any(
                collection == wanted or (wanted.endswith(".*") and collection.startswith(wanted[:-1]))
                for wanted in self.collections
            )
        )


class Jetstream:
    """The ASGI app `app`, and the ways to disturb it."""

    def __init__(self, repos: Repos) -> None:
        self._repos = repos
        self._subscribers: list[_Subscriber] = []
        self._floor = 1  # the oldest seq that is kept
        self._refuses_until: datetime | None = None
        repos.listeners.append(self._wake_all)

    # ---- for whoever rehearses; any thread ----

    @property
    def subscriber_count(self) -> int:
        """How many are connected."""
        return len(self._subscribers)

    def forget_before(self, seq: int) -> None:
        """Keep nothing below `seq`: an older cursor is too old."""
        self._floor = seq

    def refuse_until(self, instant: datetime | None) -> None:
        """Answer 503 to who connects before `instant` by the rehearsal's clock; None: welcome everybody again."""
        self._refuses_until = instant

    def disconnect(self, *, cleanly: bool, error: str | None = None, message: str = "") -> int:
        """End every connection and return how many: with close code 1000, or as a cut cable does. `error`: say it first."""
        with self._repos.lock:
            subscribers = list(self._subscribers)
        for subscriber in subscribers:
            if cleanly or error:
                subscriber.farewell = {"$type": "error", "error": error, "message": message} if error else None
                subscriber.is_closing = True
                subscriber.wake()
            else:
                subscriber.loop.call_soon_threadsafe(subscriber.abort)
        return len(subscribers)

    def wipe(self) -> None:
        """Send everybody home, and keep and welcome everything again."""
        self.disconnect(cleanly=True)
        self._floor, self._refuses_until = 1, None

    def _wake_all(self) -> None:
        for subscriber in self._subscribers:
            subscriber.wake()

    # ---- the app ----

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await _answer(501, "MethodNotImplemented", "not in this stand-in")(scope, receive, send)
        if scope["type"] != "websocket":
            return
        socket = WebSocket(scope, receive, send)
        try:
            query, start, is_clamped = self._admitted(socket)
        except Refusal as no:
            await socket.receive()
            await socket.send_denial_response(_answer(no.status, no.error, no.message))
            return
        offered = scope.get("subprotocols", [])
        await socket.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered else None)
        await self._serve(socket, query, start, is_clamped=is_clamped)

    def _admitted(self, socket: WebSocket) -> tuple[_Filter, int, bool]:
        if socket.url.path != f"/xrpc/{NSID}":
            raise Refusal(404, "NotFound", "not found")
        if self._refuses_until is not None and self._repos.clock.now() < self._refuses_until:
            raise Refusal(503, "ServiceUnavailable", "not ready")
        query = _filter(socket.query_params)
        return query, *self._start(socket.query_params.get("cursor", ""))

    def _start(self, cursor: str) -> tuple[int, bool]:
        """Return the first seq to send, and whether a time was too old."""
        log = self._repos.events
        if not cursor:
            return len(log) + 1, False
        if not cursor.isdigit():
            raise bad_request(f"not a cursor: {cursor}")
        wanted = int(cursor)
        if wanted < _TIMES_FROM:
            seq = min(max(wanted, 1), len(log) + 1)
            if seq < self._floor:
                raise bad_request(f"cursor {wanted} is no longer kept: the oldest is {self._floor}", "CursorTooOld")
            return seq, False
        if wanted > microseconds(self._repos.clock.now()):
            return len(log) + 1, False
        seq = next((event.seq for event in log if event.at_us >= wanted), len(log) + 1)
        return max(seq, self._floor), seq < self._floor

    async def _serve(self, socket: WebSocket, query: _Filter, start: int, *, is_clamped: bool) -> None:
        subscriber = _Subscriber(asyncio.get_running_loop(), socket.scope["extensions"][ABORT])
        self._subscribers.append(subscriber)
        listening = asyncio.create_task(_wait_for_client(socket, subscriber))
        try:
            if is_clamped:
                await socket.send_text(_info(f"the time asked for is no longer kept: starting at seq {start}"))
            await self._send_events(socket, subscriber, query, start)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the client went away while we were sending
        finally:
            self._subscribers.remove(subscriber)
            listening.cancel()

    async def _send_events(self, socket: WebSocket, subscriber: _Subscriber, query: _Filter, seq: int) -> None:
        while not subscriber.is_closing:
            subscriber.news.clear()
            for event in self._repos.events[seq - 1 :]:
                seq = event.seq + 1
                frame = _frame(event)
                if query.wants(event) and not (query.max_bytes and len(frame.encode()) > query.max_bytes):
                    await socket.send_text(frame)
            await subscriber.news.wait()
        if subscriber.farewell:
            await socket.send_text(json.dumps(subscriber.farewell))
        await socket.close(1000)


async def _wait_for_client(socket: WebSocket, subscriber: _Subscriber) -> None:
    """A v2 client only listens: anything from it, and its leaving, ends the connection."""
    message = await socket.receive()
    if message["type"] == "websocket.receive":
        await socket.close(1008, "this stream is server-push only")
    subscriber.is_closing = True
    subscriber.news.set()


def _filter(query: QueryParams) -> _Filter:
    for old, new in (("wantedCollections", "collections"), ("wantedDids", "dids")):
        if old in query:
            raise bad_request(f"{old} is not a parameter here: use {new}")
    if query.get("zstdDictionary"):
        raise bad_request("unknown zstd dictionary id", "UnknownZstdDictionary")
    kinds, collections, dids = query.getlist("kinds"), query.getlist("collections"), query.getlist("dids")
    for problem in _problems(kinds, collections, dids):
        raise bad_request(problem)
    limit = query.get("maxMessageSizeBytes", "0")
    return _Filter(tuple(kinds), frozenset(dids), tuple(collections), int(limit) if limit.isdigit() else 0)


def _problems(kinds: list[str], collections: list[str], dids: list[str]) -> Iterator[str]:
    yield from (f"unknown kind: {kind}" for kind in kinds if kind not in _KINDS)
    if collections and kinds and "commit" not in kinds:
        yield "collections is set but kinds excludes commit"
    yield from (f"not a collection: {name}" for name in collections if not is_nsid(name.removesuffix(".*")))
    yield from (f"not a DID: {did}" for did in dids if not is_did(did))
    if len(collections) > 100:
        yield "more than 100 collections"


def _frame(event: Event) -> str:
    time = datetime.fromtimestamp(event.at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    head: Record = {
        "$type": f"{NSID}#{event.kind}",
        "seq": event.seq,
        "did": event.did,
        "time": f"{time}.{event.at_us % 1_000_000:06}Z",
    }
    body: dict[str, Json] = event.body if event.kind == "commit" else {event.kind: event.body}
    return json.dumps({"$type": "message", "payload": {**head, **body}}, ensure_ascii=False)


def _info(message: str) -> str:
    payload = {"$type": f"{NSID}#info", "name": "OutdatedCursor", "message": message}
    return json.dumps({"$type": "message", "payload": payload})


def _answer(status: int, error: str, message: str) -> JSONResponse:
    return JSONResponse({"error": error, "message": message}, status_code=status)
