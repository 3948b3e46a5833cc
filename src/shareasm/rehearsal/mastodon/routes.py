"""The addresses of a stand-in instance, and the app that answers there."""

from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shareasm.rehearsal.mastodon.api import Api
from shareasm.rehearsal.mastodon.door import Door, Handler
from shareasm.rehearsal.mastodon.flavours import Behaviours
from shareasm.rehearsal.mastodon.oauth import OAuth
from shareasm.rehearsal.mastodon.pages import Pages, missing_picture
from shareasm.rehearsal.mastodon.streaming import PATH, Stream
from shareasm.rehearsal.serving import HANG_UP


def build_app(rules: Behaviours, door: Door, api: Api, pages: Pages, oauth: OAuth, stream: Stream) -> ASGIApp:
    """Return the app of one instance."""
    limited = [
        Route(path, door.open_to(handler), methods=[method])
        for method, path, handler in _api_routes(api, oauth, has_batch=rules.has_batch)
    ]
    free = [
        Route(path, door.open_to(handler, is_always_open=True), methods=[method])
        for method, path, handler in _open_routes(pages, oauth)
    ]
    app = Starlette(
        routes=[*limited, *free, WebSocketRoute(PATH, stream.endpoint)],
        exception_handlers={404: _not_found, 405: _not_found},
    )
    app.router.redirect_slashes = False
    answering: ASGIApp = _without_trailing_slash(app) if rules.takes_trailing_slash else app
    return _hanging_up(answering) if rules.closes_silently else answering


def _api_routes(api: Api, oauth: OAuth, *, has_batch: bool) -> Iterator[tuple[str, str, Handler]]:
    yield "POST", "/api/v1/statuses", api.create
    if has_batch:
        yield "GET", "/api/v1/statuses", api.read_many
    yield "GET", "/api/v1/statuses/{id}", api.read
    yield "PUT", "/api/v1/statuses/{id}", api.edit
    yield "DELETE", "/api/v1/statuses/{id}", api.delete
    yield "GET", "/api/v1/statuses/{id}/source", api.source
    yield "GET", "/api/v1/statuses/{id}/history", api.history
    yield "GET", "/api/v1/statuses/{id}/context", api.context
    yield "GET", "/api/v1/statuses/{id}/quotes", api.quotes
    yield "POST", "/api/v1/statuses/{id}/reblog", api.reblog
    yield "POST", "/api/v1/statuses/{id}/favourite", api.favourite
    yield "GET", "/api/v1/polls/{id}", api.read_poll
    yield "POST", "/api/v1/polls/{id}/votes", api.vote
    yield "GET", "/api/v1/timelines/tag/{tag}", api.tag_timeline
    yield "GET", "/api/v1/accounts/verify_credentials", api.verify_credentials
    yield "PATCH", "/api/v1/accounts/update_credentials", api.update_credentials
    yield "GET", "/api/v1/accounts/lookup", api.lookup
    yield "GET", "/api/v1/accounts/{id}", api.account
    yield "GET", "/api/v1/accounts/{id}/statuses", api.account_statuses
    yield "POST", "/api/v2/media", api.upload
    yield "POST", "/api/v1/media", api.upload
    yield "GET", "/api/v1/media/{id}", api.read_media
    yield "PUT", "/api/v1/media/{id}", api.change_media
    yield "GET", "/api/v1/apps/verify_credentials", oauth.verify_application


def _open_routes(pages: Pages, oauth: OAuth) -> Iterator[tuple[str, str, Handler]]:
    yield "GET", "/api/v1/instance", pages.instance_v1
    yield "GET", "/api/v2/instance", pages.instance_v2
    yield "GET", "/.well-known/nodeinfo", pages.nodeinfo_links
    yield "GET", "/nodeinfo/2.0", pages.nodeinfo
    yield "POST", "/api/v1/apps", oauth.register
    yield "GET", "/.well-known/oauth-authorization-server", oauth.metadata
    yield "POST", "/oauth/token", oauth.token
    yield "POST", "/oauth/revoke", oauth.revoke
    yield "GET", "/tags/{tag}.rss", pages.tag_feed
    yield "GET", "/system/media_attachments/files/{id}/original/{name}", pages.file
    yield "GET", "/system/cache/media_attachments/files/{id}/original/{name}", pages.file
    yield "GET", "/{kind}/original/missing.png", missing_picture
    yield "GET", "/{name}/p/{time}", pages.note  # where snac's are


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001  starlette's form
    return JSONResponse({"error": "Record not found"}, status_code=404)


def _hanging_up(app: ASGIApp) -> ASGIApp:
    """Close the connection after each answer, which said that it would be kept: snac without a proxy before it."""

    async def closing(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        if scope["type"] == "http":
            scope["extensions"][HANG_UP]()

    return closing


def _without_trailing_slash(app: ASGIApp) -> ASGIApp:
    """Let `/api/v2/instance/` be `/api/v2/instance`, as Rails does; Mastodon.py sends the former."""

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1:
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await app(scope, receive, send)

    return stripped
