"""A stand-in Mastodon-API server with its people and plain HTTP, for the tests that hold it to what is known."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Unpack

import httpx
from PIL import Image

from clocks import FixedClock
from shareasm.rehearsal.mastodon import Budgets, Flavour, MastodonServer, Person
from shareasm.rehearsal.mastodon.server import AccountFlags

TAG = "/api/v1/timelines/tag"
STATUSES = "/api/v1/statuses"


class Bench:
    """A running server, Amina and Bakari on it, and an HTTP client that follows nothing and retries nothing."""

    def __init__(self, server: MastodonServer, clock: FixedClock, http: httpx.Client) -> None:
        self.server = server
        self.clock = clock
        self.http = http
        self.reset()

    def reset(self) -> None:
        """Start from an empty server with the usual budgets and rules."""
        self.server.wipe()
        self.server.limits.budgets = Budgets()
        self.clock.set("2027-02-03T09:00:00+00:00")
        self.http.cookies.clear()
        self.amina = self.server.account("amina", "Amina", visibility="public")
        self.bakari = self.server.account("bakari", "Bakari", visibility="public")

    def person(self, name: str, **flags: Unpack[AccountFlags]) -> Person:
        return self.server.account(name, **flags)

    def say(self, text: str, person: Person | None = None, **how: Any) -> dict[str, Any]:
        """Post through the handle, a second later than before."""
        self.clock.advance(seconds=1)
        return self.server.say(person or self.amina, text, **how)

    def get(self, path: str, token: str | None = None, **query: Any) -> httpx.Response:
        return self.http.get(path, params=_brackets(query), headers=_bearer(token))

    def tag(self, name: str = "shareasm", token: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """Return a page of a hashtag timeline; where the program wants a token, Amina's."""
        if token is None and not self.server.instance.rules.anonymous_may_read_tags:
            token = self.amina.token
        answer = self.get(f"{TAG}/{name}", token, **query)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def ids(self, name: str = "shareasm", **query: Any) -> list[str]:
        return [status["id"] for status in self.tag(name, **query)]

    def post(self, status: str = "", token: str | None = None, key: str | None = None, **form: Any) -> httpx.Response:
        """Post as Amina, or with another token ("" for none), over HTTP."""
        headers = _bearer(self.amina.token if token is None else token) | ({"Idempotency-Key": key} if key else {})
        return self.http.post(STATUSES, data={"status": status} | _brackets(form), headers=headers)

    def upload(self, data: bytes | None = None, mime_type: str = "image/png", **form: str) -> httpx.Response:
        files = {"file": ("file", picture() if data is None else data, mime_type)}
        return self.http.post("/api/v2/media", files=files, data=form, headers=_bearer(self.amina.token))


def picture(width: int = 40, height: int = 30, colour: str = "sienna") -> bytes:
    """Return a PNG."""
    stored = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(stored, "PNG")
    return stored.getvalue()


FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(100)


@contextmanager
def running(flavour: Flavour = Flavour.MASTODON, **options: Any) -> Iterator[Bench]:
    """Start a server of `flavour`."""
    clock = FixedClock()
    fresh = httpx.Limits(max_keepalive_connections=0)  # snac closes connections that it said it would keep
    with (
        MastodonServer(clock, flavour=flavour, **options) as server,
        httpx.Client(base_url=server.url, limits=fresh) as http,
    ):
        yield Bench(server, clock, http)


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _brackets(form: dict[str, Any]) -> dict[str, Any]:
    """Give lists the brackets that Rails wants, and leave out what is None."""
    return {
        f"{key}[]" if isinstance(value, list | tuple) else key: value
        for key, value in form.items()
        if value is not None
    }
