"""Talking to a Mastodon-API server: requests with every cap, and what kind of server it is. Reader and library share it."""

import re
import ssl
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

import httpx
import msgspec

from shareasm.domain.patience import fresh_for
from shareasm.domain.posts import Visibility
from shareasm.domain.richtext import clean_line
from shareasm.errors import NetworkError, Rejected, StayAway, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Act, Answer, Asked, network_error, refusal
from shareasm.networks.mastodon.pace import Fare, Pace
from shareasm.networks.ports import Rest

BODY_LIMIT = 10_000_000
"""Bytes of one answer, unpacked. Forty statuses have about 130 kB."""

TOTAL_TIME_S = 30  # of reading one answer
_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=10)
_UPLOAD_TIMEOUT = httpx.Timeout(connect=10, read=120, write=30, pool=10)  # pictures are worked on before the answer

_CONNECTING, _SENDING = "connection.connect_tcp.started", "http11.send_request_headers.started"
"""What httpcore tells of a request on its way (httpx, extension `trace`)."""

_NODEINFO = re.compile(r"https?://[^/]+(/[\w./-]{1,200})")

_TURNS_PAGES = frozenset({"max_id", "min_id", "since_id", "page"})
"""What makes a request count among the pages (Mastodon 4.6 `rack_attack.rb`, throttle_authenticated_paging)."""

_TIMELINES = "/api/v1/timelines/"
_ABOUT_ITSELF = ("/api/v1/instance", "/api/v2/instance", "/.well-known/", "/nodeinfo")
"""What a server says of itself to whoever wants to speak with it; its robots.txt is about what people say there."""


_HOST = re.compile(r"[\w-][\w.-]{0,252}(?::\d{1,5})?")

Query = Sequence[tuple[str, str]]
Token = str | Callable[[], str]
"""An access token, or how to read it: asked before every request, so that a mended one needs no restart."""


def token_now(token: Token | None) -> str | None:
    """Return the token as it is at this moment; None where there is none."""
    return (token() if callable(token) else token) or None


@cache
def shared_tls() -> ssl.SSLContext:
    """Return one TLS setup for all clients: loading the certificates takes 57 ms and 4 MB each time."""
    return httpx.create_ssl_context()


class Api:
    """One server, with or without a token. Raises only our NetworkErrors. May be used by several threads at once.

    What it remembers is one value each, read and replaced whole: at worst two threads ask for the same thing. Its
    connections close with the last reference to it.
    """

    def __init__(
        self,
        server: str,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        token: Token | None = None,
        pace: Pace | None = None,
        is_for_posts: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`pace` is the server's, shared by all who ask it; without one this client keeps its own. `is_for_posts`: sending
        asks, and what is kept for posts is there for it.
        """
        self.server = server.rstrip("/")
        self.now = now
        self._token = token
        self._pace = pace or Pace(self.server, now=now)
        self._is_for_posts = is_for_posts
        headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._reading = httpx.Client(headers=headers, timeout=_TIMEOUT, transport=transport, verify=shared_tls())
        # A request to write gets a connection of its own: on a kept one that the server is closing it would be lost, and
        # nobody could tell whether it had been read.
        fresh = httpx.Limits(max_keepalive_connections=0)
        self._writing = httpx.Client(
            headers=headers, timeout=_TIMEOUT, transport=transport, verify=shared_tls(), limits=fresh
        )
        weakref.finalize(self, _close, self._reading, self._writing)
        self._read_as: str | None = None  # the token of the last request
        self._request_count = 0  # since the last rest
        self._fresh_until: datetime | None = None
        self._software: str | None = None
        self._domain: str | None = None
        self.audiences: dict[
            str, Visibility
        ] = {}  # of posts of which the API does not tell it, by local id (`audience`)

    def get(self, path: str, query: Query = (), *, ref: str | None = None, accept: str | None = None) -> bytes:
        """Return the JSON body of a good answer. Keeps to the server's pace: see `pace`. `accept`: another kind of JSON."""
        token = token_now(self._token)
        asked = Asked(self.server, self.now(), ref=ref, has_token=bool(token))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Accept": accept} if accept else {}
        is_page = any(name in _TURNS_PAGES for name, _ in query)
        fare = Fare(token, is_page=is_page, is_for_posts=self._is_for_posts)
        self._pace.admit(fare)
        self._read_as, self._request_count = token, self._request_count + 1
        if not token and not path.startswith(_ABOUT_ITSELF):
            self._heed_robots(path, asked)
        try:
            answer = self.exchange(asked, "GET", f"{self.server}{path}", headers=headers, params=list(query) or None)
        except Unreachable as error:
            self._pace.note_silence(error)
            raise
        self._pace.note(fare, answer)
        if not answer.is_good:
            raise refusal(answer, asked)
        if not token and path.startswith(_TIMELINES):
            fresh = fresh_for(answer.headers.get("cache-control", ""), answer.headers.get("age", ""))
            self._fresh_until = self.now() + fresh
        if answer.is_web_page:
            message = (
                f"answered with a web page instead of JSON: {answer.words!r}; is this the address of the server itself?"
            )
            raise Unreachable(message, server=self.server, ref=ref)
        if not answer.body.strip():
            raise Unreachable(f"answered with nothing ({answer.status})", server=self.server, ref=ref)
        return answer.body

    def _heed_robots(self, path: str, asked: Asked) -> None:
        """Raise StayAway where the server does not want programs to read this. An account's own use of it is no robot's."""
        if self._pace.notices is None:
            return
        robots = self._pace.notices.of(self.server + path, partial(self._read_robots, asked))
        if robots is None:
            raise Unreachable("its robots.txt cannot be read, so nothing else is", server=self.server)
        if not robots.allows(self.server + path):
            message = (
                f"its robots.txt asks programs not to read {path}: leave this source out, or name one of your accounts "
                "there at it in campaign.yaml (account: …)"
            )
            raise StayAway(message, server=self.server)

    def _read_robots(self, asked: Asked, url: str) -> tuple[int, bytes] | None:
        try:
            answer = self.exchange(asked, "GET", url, headers={})
        except NetworkError as error:
            self._pace.note_silence(error)
            return None
        return answer.status, answer.body

    def exchange(
        self,
        asked: Asked,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        **content: Any,
    ) -> Answer:
        """Send a request once and return the answer, whatever its status. Raises NetworkError where none comes.

        `files`: name, bytes and type of each, by field; `content`: `params`, `data` and `json` as httpx takes them.
        Redirects are not followed: token and post go to no other server.
        """
        client = self._reading if method == "GET" else self._writing
        try:
            request = client.build_request(
                method,
                url,
                # bytes, as they were set: an odd token is the server's to refuse
                headers=[(name.encode(), value.encode(errors="surrogateescape")) for name, value in headers.items()],
                files=files,
                timeout=_UPLOAD_TIMEOUT if files else _TIMEOUT,
                **content,
            )
            return self._answer(client, request, asked)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise network_error(error, asked) from error

    def _answer(self, client: httpx.Client, request: httpx.Request, asked: Asked) -> Answer:
        """Return the whole answer. What was read on a kept connection that had been closed meanwhile is read again.

        snac closes them without a word; of the others now and then one is closed just as it is used (RFC 9112, 9.3.1).
        """
        events: set[str] = set()
        request.extensions["trace"] = lambda event, _: events.add(event)
        try:
            return _read(client, request, asked)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            was_kept = _SENDING in events and _CONNECTING not in events
            if request.method != "GET" or not was_kept:
                raise
            return _read(self._writing, request, asked)

    def note_aside(self, method: str, token: str | None, answer: Answer) -> None:
        """Count what was sent past `get`, held back by nobody, and learn from the answer if it is one to a read.

        An answer to a post speaks of another limit: how many posts are left for hours (Mastodon 4.6
        `statuses_controller.rb`), or files (`rack_attack.rb`).
        """
        fare = Fare(token, is_for_posts=True)
        self._pace.spend(fare)
        if method == "GET":
            self._pace.note(fare, answer)

    def get_object(self, path: str) -> dict[str, object]:
        """Return a JSON object."""
        try:
            found = msgspec.json.decode(self.get(path))
        except (ValueError, RecursionError) as error:
            raise Unreachable("its answer is not readable", server=self.server) from error
        if not isinstance(found, dict):
            raise Unreachable(f"its answer to {path} is no object", server=self.server)
        return found

    def software(self) -> str | None:
        """Return the program's name in lower case, as nodeinfo says it; "" where it says none, None while it cannot be asked.

        Version strings lie (`4.0.0 (not true; really snac/2.75)`), so they are not asked.
        """
        if self._software is None:
            try:
                self._software = self._ask_software()
                if self._software == "gotosocial":
                    self._pace.count_by_address()
            except Rejected:
                self._software = ""  # it has no nodeinfo
            except Unreachable:
                return None  # perhaps the next time
        return self._software

    def domain(self) -> str | None:
        """Return the host in the handles of its accounts, by its own word; None where it says none. Asked until answered.

        It may be another than that of its address (Mastodon's LOCAL_DOMAIN and WEB_DOMAIN).
        """
        if self._domain is None:
            try:
                self._domain = self._ask_domain()
            except NetworkError:
                return None  # perhaps the next time
        return self._domain or None

    def _ask_domain(self) -> str:
        for path, name in (("/api/v2/instance", "domain"), ("/api/v1/instance", "uri")):
            try:
                said = self.get_object(path).get(name)
            except (Rejected, Unauthorized):
                continue
            if isinstance(said, str) and _HOST.fullmatch(said):
                return said.lower()
        return ""

    def confirm_well(self) -> None:
        """Raise NetworkError unless the server says something of itself, wherever it does that (not all know v1 or v2)."""
        for path in ("/api/v2/instance", "/api/v1/instance"):
            try:
                self.get_object(path)
            except (Rejected, Unauthorized):
                continue
            return
        self.get_object("/.well-known/nodeinfo")

    def _ask_software(self) -> str:
        links = self.get_object("/.well-known/nodeinfo").get("links")
        for link in links if isinstance(links, list) else ():
            path = self._own_path(link.get("href")) if isinstance(link, dict) else None
            if path:
                about = self.get_object(path).get("software")
                name = about.get("name") if isinstance(about, dict) else None
                return clean_line(name, 60).lower() if isinstance(name, str) else ""
        return ""

    @staticmethod
    def _own_path(href: object) -> str | None:
        """Return the path of a nodeinfo link: it is asked for on this server, whatever host the link names."""
        match = _NODEINFO.fullmatch(href) if isinstance(href, str) else None
        return match[1] if match else None

    def rest(self) -> Rest | None:
        """Return how long to leave the server in peace after a round of reading; None: as long as usual.

        As long as what is left of its allowance asks for; without sign-in at least as long as its cache would answer.
        """
        count, self._request_count = self._request_count, 0
        cached = Rest(self._fresh_until) if self._fresh_until and self._fresh_until > self.now() else None
        return self._pace.rest(self._read_as, count) or cached

    def reads_a_minute(self) -> float:
        """Return how many requests of no page the server allows."""
        return self._pace.reads_a_minute(self._read_as)


def _read(client: httpx.Client, request: httpx.Request, asked: Asked) -> Answer:
    """Read to the end. Redirects are not followed: token and post go to no other server."""
    body = bytearray()
    response = client.send(request, stream=True)
    deadline = time.monotonic() + TOTAL_TIME_S
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise _endless(f"its answer is larger than {BODY_LIMIT:,} bytes", asked)
            if time.monotonic() > deadline:
                raise _endless(f"its answer takes longer than {TOTAL_TIME_S} s", asked)
    finally:
        response.close()
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, bytes(body))


def _endless(message: str, asked: Asked) -> Unreachable:
    return Unreachable(message, server=asked.server, ref=asked.ref, is_outcome_unknown=asked.act is Act.WRITE)


def _close(*clients: httpx.Client) -> None:
    for client in clients:
        client.close()
