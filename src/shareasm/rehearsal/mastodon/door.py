"""Who is asking, and in which order the server looks at it: rate limit, token, scope; and how it words a refusal.

Sources: Mastodon 4.6.5 `concerns/api/error_handling.rb`, `api/base_controller.rb:23-29,57-67,94-96`.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.limits import Allowance, RateLimits
from shareasm.rehearsal.mastodon.model import Account, ApiError, Scope, Token
from shareasm.rehearsal.mastodon.params import Params, read_params

NEEDS_USER = "This method requires an authenticated user"


@dataclass
class Call:
    """One API request, read and recognised."""

    request: Request
    params: Params
    token: Token | None

    @property
    def viewer(self) -> Account | None:
        """The user behind the token; an application's own token has none."""
        return self.token.account if self.token else None

    def user(self, *scopes: Scope) -> Account:
        """Return the user, who must be signed in with one of `scopes`. Raises ApiError 401, 403 or 422."""
        if self.token is None:
            raise ApiError(401, "The access token is invalid")
        self.check(*scopes)
        if self.token.account is None:
            raise ApiError(422, NEEDS_USER)  # an application is not a user
        return self.token.account

    def check(self, *scopes: Scope) -> None:
        """Raise ApiError 403 when there is a token and it lacks all of `scopes`."""
        if self.token and not any(self.token.allows(scope) for scope in scopes):
            raise ApiError(403, "This action is outside the authorized scopes")

    def argument(self, name: str) -> str:
        """Return a part of the address."""
        return str(self.request.path_params[name])


@dataclass
class InWork:
    """An answer that is still worked on: `finish` makes it, after `until`."""

    until: "Future[None]"
    finish: Callable[[], Response]


class Hold:
    """Keeps requests in work until `release`."""

    def __init__(self) -> None:
        self._until: Future[None] = Future()
        self._taken = threading.Semaphore(0)

    def take(self, finish: Callable[[], Response]) -> InWork:
        """Take a request into work."""
        self._taken.release()
        return InWork(self._until, finish)

    def wait_for_one(self, timeout_s: float = 10) -> bool:
        """Return when one more request is in work; False when none comes."""
        return self._taken.acquire(timeout=timeout_s)

    def release(self) -> None:
        """Finish all of them."""
        if not self._until.done():
            self._until.set_result(None)


Handler = Callable[[Call], Response | InWork]


class Door:
    """Lets requests in to the handlers of one instance."""

    def __init__(self, instance: Instance, limits: RateLimits) -> None:
        self._instance = instance
        self._limits = limits

    def open_to(self, handler: Handler, *, is_always_open: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint for `handler`, which runs with the instance's lock held.

        `is_always_open`: also without a token on an instance that asks for one everywhere.
        """

        async def endpoint(request: Request) -> Response:
            allowance: Allowance | None = None
            try:
                params = await read_params(request)
                with self._instance.lock:
                    said = _said_token(request, params)
                    known = self._instance.tokens.get(said) if said else None
                    allowance = self._count(request, known)
                    if allowance is not None and allowance.remaining < 0:
                        return self.refuse(429, allowance.resets_at, allowance)
                    if said is not None and (known is None or known.is_revoked):
                        raise self._wrong_token(is_revoked=known is not None)
                    if known is None and not is_always_open:
                        self._check_anonymous()
                    answer = handler(Call(request, params, known))
                if isinstance(answer, InWork):
                    await asyncio.shield(asyncio.wrap_future(answer.until))
                    with self._instance.lock:
                        answer = answer.finish()
            except ApiError as error:
                answer = _error_response(error)
            else:
                answer.headers.update(_caching(known))
            answer.headers.update(allowance.headers if allowance else {})
            return answer

        return endpoint

    def refuse(self, status: int, resets_at: datetime | None, allowance: Allowance | None = None) -> Response:
        """Word a refusal as this server does: 401, 429, 500 or 503. Also for faults on request."""
        if status == 401:
            return _error_response(self._wrong_token(is_revoked=True))
        if status == 429 and resets_at is not None:
            said = "rate limit reached" if self._instance.rules.software == "gotosocial" else "Too many requests"
            headers = (allowance or Allowance(300, 0, resets_at)).headers
            return JSONResponse({"error": said}, status_code=429, headers=headers)
        messages = {500: "Internal Server Error", 503: "There was a temporary problem serving your request"}
        return JSONResponse({"error": messages.get(status, "")}, status_code=status)

    def _check_anonymous(self) -> None:
        """Raise ApiError 401 where nobody may read without a token."""
        if not self._instance.rules.anonymous_may_read:
            raise ApiError(401, "Unauthorized: token not supplied")
        if self._instance.access.needs_token_everywhere:
            raise ApiError(401, NEEDS_USER)

    def _count(self, request: Request, token: Token | None) -> Allowance | None:
        url, client = request.url, request.client
        if not self._instance.rules.limits_rates:
            return None
        address = client.host if client else ""
        return self._limits.count(request.method, url.path.rstrip("/"), url.query, token, address)

    def _wrong_token(self, *, is_revoked: bool) -> ApiError:
        status, message, is_json = self._instance.rules.wrong_token
        if self._instance.rules.software == "mastodon" and is_revoked:
            message = "The access token was revoked"
        return ApiError(status, message) if is_json else ApiError(status, text=message)


def _said_token(request: Request, params: Params) -> str | None:
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and said:
        return said.strip()
    return params.text("access_token")


def _error_response(error: ApiError) -> Response:
    if error.text is not None:
        return PlainTextResponse(error.text, status_code=error.status)
    return JSONResponse({"error": error.message, **error.more}, status_code=error.status)


def _caching(token: Token | None) -> Mapping[str, str]:
    """Anonymous answers may be cached, also for a day while the origin fails; `concerns/api/caching_concern.rb`."""
    if token is not None:
        return {"Cache-Control": "private, no-store"}
    return {"Cache-Control": "max-age=15, public, stale-while-revalidate=30, stale-if-error=86400"}
