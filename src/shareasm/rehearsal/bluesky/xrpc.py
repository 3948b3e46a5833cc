"""XRPC over HTTP, as Bluesky's servers speak it: a call's parameters and body, an answer, a refusal in the servers' words.

The PDS and the AppView of the stand-in are tables of handlers served by `Xrpc`. Knows nothing of accounts or posts.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shareasm.rehearsal.bluesky.lexicon import Json, Record, shown


class Refusal(Exception):
    """An answer that is not 200, with the error's name and message in the body, or a `page` for people."""

    def __init__(
        self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None, page: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = dict(headers or {})
        self.page = page


def bad_request(message: str, error: str = "InvalidRequest") -> Refusal:
    """Return the usual 400."""
    return Refusal(400, error, message)


def internal_error() -> Refusal:
    """Return what the servers answer to anything that they did not foresee, among it a record key used twice."""
    return Refusal(500, "InternalServerError", "Internal Server Error")


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200, or what says no in a shape of its own. `body` is JSON, or bytes with their `media_type`; None is an empty body."""

    body: Record | bytes | None = None
    media_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the method `nsid`; readers raise the Refusal that the real servers would answer."""

    nsid: str
    is_post: bool
    query: QueryParams
    headers: Headers
    body: bytes = b""

    def text(self, name: str, check: Callable[[str], bool] | None = None, form: str = "") -> str:
        """Return a required parameter, of the format `form` as `check` knows it."""
        value = self.query.get(name)
        if not value:
            raise self._bad(f'Missing required key "{name}"')
        self._must_be(value, check, form)
        return value

    def texts(self, name: str, maximum: int, check: Callable[[str], bool] | None = None, form: str = "") -> list[str]:
        """Return a required repeated parameter."""
        values = self.query.getlist(name)
        if not values:
            raise self._bad(f'Missing required key "{name}"')
        if len(values) > maximum:
            raise self._bad(f"array too big (maximum {maximum}, got {len(values)})")
        for value in values:
            self._must_be(value, check, form)
        return values

    def whole(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """Return an optional integer."""
        value = self.query.get(name)
        if value is None:
            return default
        if not value.lstrip("-").isdigit():
            raise self._bad(f"Expected integer value type (got {shown(value)})")
        if int(value) > maximum:
            raise self._bad(f"integer too big (maximum {maximum}, got {value})")
        if int(value) < minimum:
            raise self._bad(f"integer too small (minimum {minimum}, got {value})")
        return int(value)

    def input(self, *required: str) -> Record:
        """Return the JSON body, in which the keys `required` are there."""
        if not self.headers.get("content-type"):
            raise bad_request("Request encoding (Content-Type) required but not provided")
        try:
            body: Json = json.loads(self.body)
        except ValueError:
            raise bad_request(
                "Expected property name or '}' in JSON at position 1 (line 1 column 2)", "SyntaxError"
            ) from None
        if not isinstance(body, dict):
            raise bad_request(f"Expected object value type (got {shown(body)}) at $")
        for key in required:
            if key not in body:
                raise bad_request(f'Missing required key "{key}" at $')
        return body

    def no_input(self) -> None:
        """Insist that there is no body, as procedures without input do."""
        if self.body:
            raise bad_request("A request body was provided when none was expected")

    def _must_be(self, value: str, check: Callable[[str], bool] | None, form: str) -> None:
        if check is not None and not check(value):
            raise self._bad(f"Invalid {form} (got {shown(value)})")

    def _bad(self, problem: str) -> Refusal:
        return bad_request(f"Invalid {self.nsid} params: {problem}")


Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Method:
    """One XRPC method: a query (GET) or a procedure (POST)."""

    handler: Handler
    is_procedure: bool = False
    body_limit: int = 150_000  # bytes; of JSON bodies, as dev-env's PDS has it


class Xrpc:
    """The ASGI app of one server: `/xrpc/<nsid>` goes to `find`, other paths to `page`."""

    def __init__(
        self,
        lock: AbstractContextManager[object],
        find: Callable[[Call], Method],
        page: Callable[[str], Answer],
        extra_headers: Callable[[Call], Mapping[str, str]],
    ) -> None:
        self._lock = lock
        self._find = find
        self._page = page
        self._extra_headers = extra_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        await _response(self._answer(request, await request.body()))(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Answer | Refusal:
        call = Call("", request.method == "POST", request.query_params, request.headers, body)
        headers: dict[str, str] = {}
        try:
            if not request.url.path.startswith("/xrpc/"):
                return self._page(request.url.path)
            call = Call(request.url.path.removeprefix("/xrpc/"), call.is_post, call.query, call.headers, body)
            with self._lock:
                headers |= self._extra_headers(call)
                answer = self._run(call)
        except Refusal as no:
            no.headers = {**headers, **no.headers}
            return no
        return replace(answer, headers={**headers, **answer.headers})

    def _run(self, call: Call) -> Answer:
        method = self._find(call)
        if call.is_post != method.is_procedure:
            used, wanted = ("POST", "GET") if call.is_post else ("GET", "POST")
            raise bad_request(f"Incorrect HTTP method ({used}) expected {wanted}")
        if len(call.body) > method.body_limit:
            raise Refusal(413, "PayloadTooLarge", "request entity too large")
        return method.handler(call)


def no_such_method() -> Refusal:
    """Return the answer to a method that the server does not have."""
    return Refusal(501, "MethodNotImplemented", "Method Not Implemented")


def queries(handlers: Mapping[str, Handler]) -> dict[str, Method]:
    """Return `handlers` as methods called by GET."""
    return {nsid: Method(handler) for nsid, handler in handlers.items()}


def procedures(handlers: Mapping[str, Handler]) -> dict[str, Method]:
    """Return `handlers` as methods called by POST."""
    return {nsid: Method(handler, is_procedure=True) for nsid, handler in handlers.items()}


def objects(items: Sequence[Record]) -> list[Json]:
    """Return `items` as a JSON list."""
    return list(items)


def _response(answer: Answer | Refusal) -> Response:
    if isinstance(answer, Refusal) and answer.page is not None:
        return Response(answer.page, status_code=answer.status, media_type="text/html", headers=answer.headers)
    if isinstance(answer, Refusal):
        body: Record = {"error": answer.error, "message": answer.message}
        return Response(
            json.dumps(body, ensure_ascii=False),
            status_code=answer.status,
            media_type="application/json; charset=utf-8",
            headers=answer.headers,
        )
    content = (
        answer.body
        if answer.body is None or isinstance(answer.body, bytes)
        else json.dumps(answer.body, ensure_ascii=False)
    )
    return Response(content, answer.status, dict(answer.headers), answer.media_type)
