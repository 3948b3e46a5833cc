"""Faults on request: what networks, proxies and cables do to a client in life, done to chosen requests.

A stand-in network wraps its app in `Faults.wrap`, and whoever rehearses adds rules. Rules are tried in the order in
which they were added; one that is used up is passed over. "Before" means that the network did nothing, "after" that it
did what was asked and the answer was lost: the difference that decides whether a post may be sent again.
"""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shareasm.clock import Clock
from shareasm.rehearsal.serving import ABORT

Refuse = Callable[[int, datetime | None], Response]
"""Words a refusal as the network does: status 401, 429 (with the instant of its reset), 500 or 503."""


class Fault(StrEnum):
    """One way to go wrong. A websocket knows RESET_BEFORE and HANG_BEFORE only, both as it opens."""

    RATE_LIMITED = "429, not done"
    REVOKED = "401 as for a revoked token, not done"
    ERROR_BEFORE = "500, not done"
    ERROR_AFTER = "500, done"
    UNAVAILABLE_BEFORE = "503, not done"
    UNAVAILABLE_AFTER = "503, done"
    BAD_GATEWAY = "502 with a page for people, not done"
    RESET_BEFORE = "connection reset, not done"
    RESET_AFTER = "connection reset, done"
    HANG_BEFORE = "no answer until released, then done"
    HANG_AFTER = "done, no answer until released"
    HTML = "200 with a page for people, not done"
    TRUNCATED = "done, but half of the answer is missing"
    CUT = "done, but the connection breaks in the middle of the answer"
    REWRITTEN = "done, and the JSON answer changed by the rule's function"
    STALE = "answered as the same request was answered before, as from a cache"
    REPEATED = "answered with the page before, as from a cache that looks at the path alone"


_HTML_PAGE = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser.</body></html>"
)
_BEFORE = {
    Fault.RATE_LIMITED: 429,
    Fault.REVOKED: 401,
    Fault.ERROR_BEFORE: 500,
    Fault.UNAVAILABLE_BEFORE: 503,
}
_PAGES = {Fault.HTML: 200, Fault.BAD_GATEWAY: 502}
_AFTER = {Fault.ERROR_AFTER: 500, Fault.UNAVAILABLE_AFTER: 503}


@dataclass
class Rule:
    """A fault for the requests that match. `times_left` None: for ever."""

    fault: Fault
    method: str
    path: re.Pattern[str]
    times_left: int | None
    skip: int
    reset_s: float
    rewrite: Callable[[object], object]
    reached: threading.Event = field(default_factory=threading.Event)  # set when the first request was hit
    hit_count: int = 0
    cached: dict[tuple[str, bytes], bytes] = field(default_factory=dict)  # bodies by path and query
    _released: "Future[None]" = field(default_factory=Future)

    def release(self) -> None:
        """Let go of the requests that hang here, and of those still to come."""
        if not self._released.done():
            self._released.set_result(None)

    async def wait_for_release(self) -> None:
        """Wait in the event loop until some thread calls `release`."""
        await asyncio.shield(asyncio.wrap_future(self._released))

    def takes(self, method: str, path: str) -> bool:
        """Whether this rule wants the request; counts the ones to skip and the times."""
        if self.method not in ("*", method) or not self.path.fullmatch(path) or self.times_left == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times_left is not None:
            self.times_left -= 1
        self.hit_count += 1
        self.reached.set()
        return True


@dataclass(slots=True)
class Asked:
    """One request that arrived, as `Faults.log` keeps it."""

    method: str
    path: str
    query: str
    status: int | None = None  # None: no answer, or none yet


class Faults:
    """The rules of one stand-in, and the log of what it was asked. May be used from any thread."""

    def __init__(self, clock: Clock, refuse: Refuse) -> None:
        self._clock = clock
        self._refuse = refuse
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._log: list[Asked] = []

    def add(
        self,
        fault: Fault,
        method: str = "*",
        path: str = ".*",
        *,
        times: int | None = 1,
        skip: int = 0,
        reset_s: float = 60,
        rewrite: Callable[[object], object] = lambda answer: answer,
    ) -> Rule:
        """Do `fault` to the next `times` (None: all) requests of which the pattern matches the whole path.

        The first `skip` of them are spared. `reset_s`: campaign seconds until a rate limit ends. A websocket's method
        is `WEBSOCKET`.
        """
        rule = Rule(fault, method, re.compile(path), times, skip, reset_s, rewrite)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget all rules and release what hangs."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.release()

    @property
    def log(self) -> list[Asked]:
        """What was asked so far, in the order of arrival."""
        with self._lock:
            return list(self._log)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return `app` behind these faults."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await app(scope, receive, send)
                return
            asked = Asked(scope.get("method", "WEBSOCKET"), scope["path"], scope["query_string"].decode("latin-1"))
            with self._lock:
                self._log.append(asked)
                rule = next((rule for rule in self._rules if rule.takes(asked.method, asked.path)), None)
            noted = _noting_status(asked, send)
            if rule is None:
                await app(scope, receive, noted)
            else:
                await self._spoil(rule, app, scope, receive, noted)

        return faulty

    async def _spoil(self, rule: Rule, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if rule.fault is Fault.RESET_BEFORE:
            await _reset(scope)
        elif rule.fault is Fault.HANG_BEFORE:
            replay = await _read_whole(receive) if scope["type"] == "http" else receive
            await rule.wait_for_release()
            await app(scope, replay, send)
        elif rule.fault in _BEFORE:
            reset_at = self._clock.now() + timedelta(seconds=rule.reset_s)
            await self._refuse(_BEFORE[rule.fault], reset_at)(scope, receive, send)
        elif rule.fault in _PAGES:
            await Response(_HTML_PAGE, status_code=_PAGES[rule.fault], media_type="text/html")(scope, receive, send)
        else:
            await self._spoil_answer(rule, app, scope, receive, send)

    async def _spoil_answer(self, rule: Rule, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer()
        await app(scope, receive, answer)
        if rule.fault in _AFTER:
            await self._refuse(_AFTER[rule.fault], None)(scope, receive, send)
        elif rule.fault is Fault.RESET_AFTER:
            await _reset(scope)
        elif rule.fault is Fault.CUT:
            await answer.send_half(send)
            await _reset(scope)
        else:
            if rule.fault is Fault.HANG_AFTER:
                await rule.wait_for_release()
            elif rule.fault is Fault.TRUNCATED:
                answer.body = answer.body[: len(answer.body) // 2]
            elif rule.fault is Fault.REWRITTEN and answer.is_ok:
                answer.body = json.dumps(rule.rewrite(json.loads(answer.body))).encode()
            elif rule.fault is Fault.STALE and answer.is_ok:
                answer.body = rule.cached.setdefault((scope["path"], scope["query_string"]), answer.body)
            elif rule.fault is Fault.REPEATED and answer.is_ok:
                answer.body = rule.cached.setdefault((scope["path"], b""), answer.body)
            await answer.send_to(send)


def _noting_status(asked: Asked, send: Send) -> Send:
    async def noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            asked.status = message["status"]
        await send(message)

    return noted


async def _reset(scope: Scope) -> None:
    scope["extensions"][ABORT]()
    await asyncio.sleep(0)  # lets the server notice, or it would complain about the missing answer


class _Answer:
    """Catches an app's whole answer instead of sending it."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    @property
    def is_ok(self) -> bool:
        return self.status < 300

    async def send_to(self, send: Send) -> None:
        await send(self._start(self.headers))
        await send({"type": "http.response.body", "body": self.body})

    async def send_half(self, send: Send) -> None:
        """Send half of the body under the length of the whole."""
        await send(self._start(self.headers))
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})

    def _start(self, headers: Iterable[tuple[bytes, bytes]]) -> Message:
        length = (b"content-length", str(len(self.body)).encode())
        return {"type": "http.response.start", "status": self.status, "headers": [*headers, length]}


async def _read_whole(receive: Receive) -> Receive:
    """Read the body now, and return a `receive` that plays it back: a client that gives up has still asked."""
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
