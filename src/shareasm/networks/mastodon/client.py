"""Asking a Mastodon-API server: GET requests with every cap, and what kind of server it is. Reader and publisher share it."""

import re
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import httpx
import msgspec

from shareasm.domain.richtext import clean_line
from shareasm.errors import NetworkError, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Answer, Asked, network_error, refusal, retry_at

BODY_LIMIT = 10_000_000
"""Bytes of one answer, unpacked. Forty statuses have about 130 kB."""

TOTAL_TIME_S = 30
_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=10)

_NODEINFO = re.compile(r"https?://[^/]+(/[\w./-]{1,200})")

_HOST = re.compile(r"[\w-][\w.-]{0,252}(?::\d{1,5})?")

Query = Sequence[tuple[str, str]]


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
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self.now = now
        self.has_token = token is not None
        headers = {"User-Agent": user_agent, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        encoded = [
            (name.encode(), value.encode()) for name, value in headers.items()
        ]  # an odd token is the server's to refuse
        self._client = httpx.Client(headers=encoded, timeout=_TIMEOUT, transport=transport)
        weakref.finalize(self, self._client.close)
        self._rests_until: datetime | None = None
        self._software: str | None = None
        self._domain: str | None = None

    def get(self, path: str, query: Query = (), *, ref: str | None = None) -> bytes:
        """Return the JSON body of a good answer. Redirects are not followed: the token goes to no other server."""
        self._keep_to_the_limit()
        asked = Asked(self.server, self.now(), ref=ref, has_token=self.has_token)
        answer = self._send(f"{self.server}{path}", query, asked)
        self._note_limit(answer)
        if not 200 <= answer.status < 300:
            raise refusal(answer, asked)
        if answer.is_web_page:
            message = (
                f"answered with a web page instead of JSON: {answer.words!r}; is this the address of the server itself?"
            )
            raise Unreachable(message, server=self.server, ref=ref)
        if not answer.body.strip():
            raise Unreachable(f"answered with nothing ({answer.status})", server=self.server, ref=ref)
        return answer.body

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

    def _keep_to_the_limit(self) -> None:
        until = self._rests_until
        if until and self.now() < until:
            raise RateLimited("the requests of this window are used up", server=self.server, until=until)

    def _note_limit(self, answer: Answer) -> None:
        if answer.status < 300 and answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            self._rests_until = retry_at(answer, self.now())

    def _send(self, url: str, query: Query, asked: Asked) -> Answer:
        deadline = time.monotonic() + TOTAL_TIME_S
        body = bytearray()
        try:
            with self._client.stream("GET", url, params=list(query)) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > BODY_LIMIT:
                        raise Unreachable(f"its answer is larger than {BODY_LIMIT:,} bytes", server=self.server)
                    if time.monotonic() > deadline:
                        raise Unreachable(f"its answer takes longer than {TOTAL_TIME_S} s", server=self.server)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise network_error(error, asked) from error
        return Answer(response.status_code, _lower(response.headers), bytes(body))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
