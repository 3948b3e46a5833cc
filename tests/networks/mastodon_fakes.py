"""A scripted Mastodon-API server without sockets, and statuses to serve."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

SERVER = "https://mastodon.example"
NOW = datetime(2027, 2, 3, 12, 0, tzinfo=UTC)
NODEINFO = {"links": [{"rel": "x", "href": f"{SERVER}/nodeinfo/2.0"}]}


def status(number: int, **changes: Any) -> dict[str, Any]:
    """Return a status whose id and minute are `number`."""
    at = datetime(2027, 2, 3, 9, 0, tzinfo=UTC) + timedelta(minutes=number)
    return {
        "id": str(number),
        "uri": f"{SERVER}/users/amina/statuses/{number}",
        "url": f"{SERVER}/@amina/{number}",
        "created_at": at.isoformat(),
        "visibility": "public",
        "language": "en",
        "spoiler_text": "",
        "content": f"<p>Voice {number} #shareASM</p>",
        "account": {"id": "1", "acct": "amina", "url": f"{SERVER}/@amina"},
        "media_attachments": [],
        "tags": [{"name": "shareasm"}],
        **changes,
    }


class Script:
    """Answers by path, or by method and path, and remembers.

    An answer is JSON, a response, an exception, or a function of the request.
    """

    def __init__(self, software: str = "mastodon", **routes: Any) -> None:
        self.routes: dict[str, Any] = {
            "/.well-known/nodeinfo": NODEINFO,
            "/nodeinfo/2.0": {"software": {"name": software}},
            "/api/v1/instance": {"version": "4.6.5"},
        }
        self.asked: list[httpx.Request] = []
        self._queues: dict[str, list[Any]] = {}

    def on(self, path: str, answer: Any) -> "Script":
        self.routes[path] = answer
        return self

    def then(self, path: str, *answers: Any) -> "Script":
        """Answer so after what was said of `path` (with or without a method before it) so far; the last one stays."""
        self._queues.setdefault(path, []).extend(answers)
        return self.on(path, lambda request: self._next(path))

    def _next(self, path: str) -> Any:
        queue = self._queues[path]
        return queue.pop(0) if len(queue) > 1 else queue[0]

    def in_turn(self, path: str, answers: Iterable[Any]) -> "Script":
        left = iter(answers)
        return self.on(path, lambda request: next(left))

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        missing = httpx.Response(404, json={"error": "Record not found"})
        answer = self.routes.get(f"{request.method} {request.url.path}", self.routes.get(request.url.path, missing))
        while isinstance(answer, Callable):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, content=json.dumps(answer).encode(), headers={"content-type": "application/json"})


def timeline(*numbers: int, page: int = 40) -> Callable[[httpx.Request], list[dict[str, Any]]]:
    """Return a tag timeline that pages as Mastodon does, over statuses with these ids."""

    def answer(request: httpx.Request) -> list[dict[str, Any]]:
        ids = sorted(numbers, reverse=True)
        params = request.url.params
        most = min(page, int(params.get("limit", page)))
        if "max_id" in params:
            ids = [one for one in ids if one < int(params["max_id"])]
        if "min_id" in params:
            return [status(one) for one in reversed(sorted(one for one in ids if one > int(params["min_id"]))[:most])]
        return [status(one) for one in ids[:most]]

    return answer
