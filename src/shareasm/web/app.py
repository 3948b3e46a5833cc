"""The web application: routes, headers, and calm pages for what is not there.

It asks its questions through callables, so that it knows no storage: `Questions` is what `wiring` fills in. Every
page is plain HTML with a Content-Security-Policy that allows no script and nothing from elsewhere.
"""

import mimetypes
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shareasm.domain.campaigns import Campaign
from shareasm.domain.recaps import Facts, arrange
from shareasm.errors import StorageError
from shareasm.render import look, render_page
from shareasm.render.pages import Edition, editions
from shareasm.web.readers import edition_for

NEWEST_SHOWN = 100
"""Posts on the page of what has come in so far."""

KEPT_S = 5.0
"""How long one page of what has come in so far serves everybody who asks."""

WORKER_SILENT_AFTER = timedelta(minutes=2)
"""A worker beats at least every few seconds; one that has not for so long is dead or stuck."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
    "Cache-Control": "no-cache",  # ask again each time: a post that was taken back must not live on in a cache
}

BY_LANGUAGE = {"Vary": "Accept-Language"}

mimetypes.add_type("image/webp", ".webp")  # Python 3.11 does not know it everywhere


@dataclass(frozen=True, slots=True)
class Questions:
    """What the pages ask. Each is called in a thread of its own, and may raise StorageError."""

    campaign: Campaign
    so_far: Callable[[], Facts]  # what may be shown now, by the same rules as the recap; the newest posts are enough
    is_database_reachable: Callable[[], bool]
    worker_seen_at: Callable[[], datetime | None]  # the worker's last beat; None: never
    now: Callable[[], datetime]


def make_app(questions: Questions, recaps: Path) -> Starlette:
    """Return the application. `recaps` holds one folder per campaign; it need not exist yet."""
    pages = _Pages(questions, recaps)
    return Starlette(
        routes=[
            Route("/", pages.front, name="front"),
            Route("/recap.css", pages.style),
            Route("/healthz", pages.health),
            Mount("/recap", _RecapFiles(directory=recaps, html=True, check_dir=False)),
        ],
        middleware=[Middleware(_Headers)],
        exception_handlers={
            HTTPException: pages.not_there,
            StorageError: pages.unavailable,
            Exception: pages.broken,
        },
    )


class _Pages:
    def __init__(self, questions: Questions, recaps: Path):
        self._ask = questions
        self._recaps = recaps
        self._editions = editions(questions.campaign.languages)
        self._so_far = {one: _Kept(partial(self._make_so_far, one)) for one in self._editions}

    def front(self, request: Request) -> Response:
        """The recap when there is one; else what has come in so far, newest first. In the reader's language if we speak it."""
        campaign, edition = self._ask.campaign, self._edition_for(request)
        index = self._recaps / campaign.slug / edition.index
        # A page older than the day is a trial's: it does not stand in for the day itself.
        if index.is_file() and index.stat().st_mtime >= campaign.opens_at.timestamp():
            place = f"/recap/{campaign.slug}/{'' if edition.is_first else edition.index}"
            return RedirectResponse(place, status_code=302, headers=BY_LANGUAGE)
        return HTMLResponse(self._so_far[edition](), headers=BY_LANGUAGE)

    def _edition_for(self, request: Request) -> Edition:
        return edition_for(request.headers.get("accept-language", ""), self._editions)

    def _make_so_far(self, edition: Edition) -> str:
        recap = arrange(self._ask.so_far())
        newest = recap.items[-NEWEST_SHOWN:][::-1]
        is_all = len(recap.items) < NEWEST_SHOWN  # else there may be older ones that nobody asked the store for
        return render_page("web/sofar.html", edition, recap=recap, items=newest, is_all=is_all, now=self._ask.now())

    def style(self, _: Request) -> Response:
        """The recap's style sheet, for the pages that are made here."""
        return Response(
            render_page("recap/recap.css", **look(self._ask.campaign.look.accent, hours=1)), media_type="text/css"
        )

    def health(self, _: Request) -> Response:
        """Whether the parts are alive. 503 when the database does not answer.

        A silent worker is said, but no reason to restart the web process that says it.
        """
        is_reachable = self._ask.is_database_reachable()
        seen_at = self._ask.worker_seen_at() if is_reachable else None
        age = self._ask.now() - seen_at if seen_at else None
        is_worker_alive = age is not None and age <= WORKER_SILENT_AFTER
        words = (
            "ok" if is_reachable and is_worker_alive else "worker silent" if is_reachable else "database unreachable"
        )
        return JSONResponse(
            {
                "status": words,
                "database": is_reachable,
                "worker": {
                    "alive": is_worker_alive,
                    "last_seen_at": seen_at.isoformat() if seen_at else None,
                    "seconds_ago": round(age.total_seconds()) if age is not None else None,
                },
            },
            status_code=200 if is_reachable else 503,
        )

    # ---- what is not there, or broken ------------------------------------------------------------------------------------

    async def not_there(self, request: Request, error: Exception) -> Response:
        """Where an address leads nowhere."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        return self._message(request, status, "not there", headers)

    async def unavailable(self, request: Request, _: Exception) -> Response:
        """Where the store does not answer."""
        return self._message(request, 503, "unavailable")

    async def broken(self, request: Request, _: Exception) -> Response:
        """Where we made a mistake."""
        return self._message(request, 500, "broken")

    def _message(self, request: Request, status: int, trouble: str, headers: dict[str, str] | None = None) -> Response:
        page = render_page("web/message.html", self._edition_for(request), trouble=trouble)
        return HTMLResponse(page, status_code=status, headers={**HEADERS, **BY_LANGUAGE, **(headers or {})})


class _Kept:
    """Keeps a page for KEPT_S: a crowd that asks at once costs the store and this process one page, not one each."""

    def __init__(self, make: Callable[[], str]):
        self._make = make
        self._lock = threading.Lock()
        self._page: str | None = None
        self._made_s = 0.0  # of the monotonic clock

    def __call__(self) -> str:
        with self._lock:
            if self._page is None or time.monotonic() - self._made_s >= KEPT_S:
                self._page = None  # where making it fails, nobody gets an old one
                self._page = self._make()
                self._made_s = time.monotonic()
            return self._page


class _RecapFiles(StaticFiles):
    """The files of written recaps. Names that begin with a dot are half-written, or nobody's business."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if any(part.startswith(".") for part in Path(path).parts):
            return "", None
        return super().lookup_path(path)

    def file_response(
        self,
        full_path: "str | os.PathLike[str]",
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        if Path(full_path).parent.name == "media":
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"  # named by their bytes
        return response


class _Headers:
    """Puts HEADERS on every answer that does not say otherwise."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name.lower() for name, _ in message["headers"]}
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in said)]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
