"""The one client that opens addresses which others wrote: pictures in posts and on link cards, pages that we link to.

Anyone can post an address that points into our own network, at a cloud's metadata service, or at a host that answers
for ever. So: http(s) on its usual port only; a name is looked up once, every answer must be a public unicast address, and
the connection goes to exactly the address that was checked; the same again at each redirect; one deadline for everything; no
more bytes than `MOST_BYTES`; nothing from the environment (proxies), no cookies, no compression, no connection used twice.

Stated limits: 20 MB (of a page its first 512 kB), 30 s in all, 3 redirects (a page 5: identifiers of publications lead
over several), never from https to http, ports 80 and 443. Which addresses are public, `domain.addresses` says.
"""

import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import httpcore
import httpx

from shareasm.domain.addresses import is_public
from shareasm.domain.pictures import Refusal
from shareasm.domain.robots import Notices

MOST_BYTES = 20_000_000
TOTAL_S = 30.0
CONNECT_S = 5.0
MOST_REDIRECTS = 3
PAGE_BYTES = 512 * 1024
PAGE_REDIRECTS = 5
USUAL_PORTS = {"http": 80, "https": 443}
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
LONGEST_PAUSE_S = 3600.0

Resolve = Callable[[str, int], Sequence[str]]  # host and port → addresses as text; OSError where the name has none


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave: bytes, and what its server calls them (a claim, not a fact)."""

    data: bytes
    content_type: str
    charset: str = ""  # as its server says it, in lower case
    url: str = ""  # where it was found in the end, after redirects


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an answer may be."""

    types: frozenset[str]
    most_bytes: int
    redirects: int = MOST_REDIRECTS
    is_page: bool = False  # its beginning is enough, and an answer of another type is one, unread


class StrangerClient:
    """Opens strangers' addresses. `allow` names loopback stand-ins of a rehearsal by exact host and port.

    `resolve`, `backend` and `clock` are there for tests; `agent` is what we call ourselves to servers; `notices` is what they
    write in their robots.txt, heeded for pages.
    """

    def __init__(
        self,
        *,
        agent: str = "shareasm",
        notices: Notices | None = None,
        allow: frozenset[tuple[str, int]] = frozenset(),
        resolve: Resolve | None = None,
        backend: httpcore.NetworkBackend | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._agent = agent
        self._notices = notices
        self._allow = allow
        self._resolve = resolve or _resolve
        self._backend = backend or httpcore.SyncBackend()
        self._clock = clock
        self._left_alone_until: dict[str, float] = {}  # host → clock: it asked for patience

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()  # reads the system's certificates, 20 ms: only when something is opened

    def fetch(
        self, url: str, *, types: frozenset[str] = IMAGE_TYPES, most_bytes: int = MOST_BYTES
    ) -> Fetched | Refusal:
        """Return what `url` gives where it is public, small and quick enough and of one of `types`; else why not.

        Never raises for anything that a stranger's address or server does.
        """
        return self._fetch_or_refuse(url, _Wanted(types, most_bytes))

    def open_page(self, url: str) -> Fetched | Refusal:
        """Return the beginning of the page at `url`; without bytes where there is something else, such as a PDF; or why not.

        Never raises, as `fetch`. Not where a robots.txt asks programs to stay away; one that cannot be read forbids nothing.
        """
        return self._fetch_or_refuse(url, _Wanted(PAGE_TYPES, PAGE_BYTES, PAGE_REDIRECTS, is_page=True))

    def _fetch_or_refuse(self, url: str, wanted: _Wanted) -> Fetched | Refusal:
        try:
            return self._fetch(url, wanted)
        except _Refused as refused:
            return Refusal(str(refused), status=refused.status, is_private=refused.is_private)
        except (httpcore.TimeoutException, TimeoutError):
            return Refusal(f"no answer in time ({TOTAL_S:.0f} s)", is_silence=True)
        except socket.gaierror:
            return Refusal("its name is not known", is_silence=True)
        except (httpcore.ProtocolError, httpcore.NetworkError, OSError, ValueError) as error:
            return Refusal(f"no usable answer: {str(error) or type(error).__name__}", is_silence=True)

    def _fetch(self, url: str, wanted: _Wanted) -> Fetched:
        deadline = self._clock() + TOTAL_S
        address = _checked_url(url, self._allow)
        for hop in range(wanted.redirects + 1):
            self._respect_pause(address.host)
            if wanted.is_page:
                self._heed_robots(str(address))
            backend = _CheckedBackend(self._backend, self._resolve, self._allow, deadline, self._clock)
            with httpcore.ConnectionPool(
                ssl_context=self._tls, network_backend=backend, max_keepalive_connections=0, http2=False
            ) as pool:
                answer = self._ask(pool, address, wanted)
            if isinstance(answer, Fetched):
                return replace(answer, url=url) if hop == 0 else answer
            address = _next_hop(address, answer, self._allow)
        raise _Refused(f"more than {wanted.redirects} redirects")

    def _ask(self, pool: httpcore.ConnectionPool, address: httpx.URL, wanted: _Wanted) -> Fetched | str:
        """Return what one hop gave: the bytes, or where it says to go on."""
        url = httpcore.URL(scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path)
        headers = [
            ("Host", address.netloc.decode("ascii")),
            ("User-Agent", self._agent),
            ("Accept", ", ".join(sorted(wanted.types)) + (", */*;q=0.5" if wanted.is_page else "")),
            ("Accept-Encoding", "identity"),
        ]
        with pool.stream("GET", url, headers=headers) as answer:
            said = httpx.Headers(answer.headers)
            if answer.status in {301, 302, 303, 307, 308}:
                return _location(said)
            self._note_pause(address.host, answer.status, said)
            if answer.status != 200:
                raise _Refused(f"the server answers {answer.status}", status=answer.status)
            content_type, charset = _content_type(said.get("content-type", ""))
            if content_type not in wanted.types:
                if wanted.is_page:
                    return Fetched(b"", content_type[:60], url=str(address))
                raise _Refused(f"its type is {content_type[:60] or 'not given'}")
            packing = said.get("content-encoding", "").strip().lower()
            if packing not in {"", "identity"} and not (wanted.is_page and packing in {"gzip", "x-gzip", "deflate"}):
                raise _Refused("it is compressed, although we asked for it as it is")
            data = _read(answer.iter_stream(), said.get("content-length"), wanted)
            return Fetched(_unpacked(data, packing), content_type, charset, str(address))

    def _heed_robots(self, url: str) -> None:
        if self._notices and (robots := self._notices.of(url, self._ask_for_robots)) and not robots.allows(url):
            raise _Refused("its robots.txt asks programs to stay away from it")

    def _ask_for_robots(self, url: str) -> tuple[int, bytes] | None:
        found = self._fetch_or_refuse(url, _Wanted(frozenset({"text/plain"}), PAGE_BYTES, PAGE_REDIRECTS))
        silence = None if isinstance(found, Refusal) and found.is_silence else (404, b"")
        return (200, found.data) if isinstance(found, Fetched) else silence

    def _respect_pause(self, host: str) -> None:
        if self._clock() < self._left_alone_until.get(host, 0.0):
            raise _Refused("the server asked for patience a while ago")

    def _note_pause(self, host: str, status: int, said: httpx.Headers) -> None:
        if status in {429, 503}:
            wait = said.get("retry-after", "")
            pause = min(float(wait), LONGEST_PAUSE_S) if re.fullmatch(r"\d{1,9}", wait) else 60.0
            self._left_alone_until[host] = self._clock() + pause


class _Refused(Exception):
    """Why an address is not opened or its answer not taken."""

    def __init__(self, reason: str, *, status: int | None = None, is_private: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.is_private = is_private


def _content_type(header: str) -> tuple[str, str]:
    """Return type and charset, in lower case; "" for what is not said."""
    kind, _, rest = header.partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", rest, re.IGNORECASE | re.ASCII)
    return kind.strip().lower(), charset[1].lower() if charset else ""


def _read(chunks: Iterable[bytes], length: str | None, wanted: _Wanted) -> bytes:
    most = wanted.most_bytes
    if length and not wanted.is_page and (not length.isdecimal() or int(length) > most):
        raise _Refused(f"it says that it is larger than {most:,} bytes")
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > most and wanted.is_page:
            break
        if len(data) > most:
            raise _Refused(f"it is larger than {most:,} bytes")
    return bytes(data[:most])


def _unpacked(data: bytes, packing: str) -> bytes:
    """Return the beginning of a page that came packed, unasked: never more than a page may have."""
    if packing in {"", "identity"}:
        return data
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)  # 32: gzip or zlib, as it says
        return unpacker.decompress(data, PAGE_BYTES)
    except zlib.error as error:
        raise _Refused("it is compressed, and damaged") from error


# ---- addresses that may be opened ------------------------------------------------------------------------------------

_ODD = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_NEVER_PUBLIC = frozenset({"local", "localhost", "internal", "onion", "test", "invalid", "lan", "home", "corp", "alt"})


def _checked_url(url: str, allow: frozenset[tuple[str, int]]) -> httpx.URL:
    """Return `url` parsed once, for the check and the connection alike. Raises _Refused."""
    if len(url) > 4000 or _ODD.search(url):
        raise _Refused("the address has characters that no address has, or is too long")
    if not re.match(r"https?://[^/]", url, re.IGNORECASE):
        raise _Refused("it is no http(s) address")
    try:
        address = httpx.URL(url)
        host = address.raw_host.decode("ascii").lower()
        port = address.port or USUAL_PORTS[address.scheme]
    except (httpx.InvalidURL, ValueError, KeyError) as error:
        raise _Refused("it is no address that can be read") from error
    if address.userinfo or "@" in url.partition("://")[2].partition("/")[0]:
        raise _Refused("the address carries a user name")
    if (host, port) in allow:
        return address
    if port != USUAL_PORTS[address.scheme] or re.match(r"https?://[^/?#]*:0*(?:[/?#]|$)", url, re.IGNORECASE):
        raise _Refused("its port is not the usual one")
    _check_host(host)
    return address


def _check_host(host: str) -> None:
    """Raise _Refused unless `host` is a public address in its usual spelling, or a name that could be public."""
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        try:
            address = ipaddress.ip_address(host)
        except ValueError as error:
            raise _Refused("its host is neither a name nor an address in its usual spelling") from error
        if "%" in host or not is_public(address):
            raise _Refused("its host is not a public address", is_private=True)
        return
    labels = host.removesuffix(".").split(".")
    if not _NAME.fullmatch(".".join(labels)):  # also refuses 0x7f000001, 127.1 and names of one word
        raise _Refused("its host is neither a name nor an address in its usual spelling")
    if labels[-1] in _NEVER_PUBLIC or host.endswith(".home.arpa"):
        raise _Refused("its host is a name that is never public", is_private=True)


def _location(said: httpx.Headers) -> str:
    places = said.get_list("location")
    if len(places) != 1 or not places[0]:
        raise _Refused("a redirect that names no place, or two")
    return places[0]


def _next_hop(address: httpx.URL, location: str, allow: frozenset[tuple[str, int]]) -> httpx.URL:
    if _ODD.search(location):
        raise _Refused("a redirect to what is no address")
    try:
        joined = str(address.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise _Refused("a redirect to what is no address") from error
    hop = _checked_url(joined, allow)
    if address.scheme == "https" and hop.scheme == "http":
        raise _Refused("a redirect from https to http")
    return hop


# ---- connecting to what was checked ----------------------------------------------------------------------------------


class _CheckedBackend(httpcore.NetworkBackend):
    """Looks a host up, checks every answer, and connects to one of exactly these; all within one deadline."""

    def __init__(
        self,
        inner: httpcore.NetworkBackend,
        resolve: Resolve,
        allow: frozenset[tuple[str, int]],
        deadline: float,
        clock: Callable[[], float],
    ):
        self._inner = inner
        self._resolve = resolve
        self._allow = allow
        self._deadline = deadline
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  there is one deadline for everything
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        options = list(socket_options or ())
        error: Exception | None = None
        for address in self._addresses(host, port)[:4]:
            try:
                stream = self._inner.connect_tcp(address, port, self._remaining(CONNECT_S), local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
            else:
                return _Stream(stream, self._remaining)
        raise error or _Refused("its name has no address")

    def _addresses(self, host: str, port: int) -> list[str]:
        bare = host.strip("[]").lower()
        addresses = list(self._resolve(bare, port)) if not _is_address(bare) else [bare]
        if (bare, port) in self._allow:
            return addresses
        if not all(_is_address(address) and is_public(ipaddress.ip_address(address)) for address in addresses):
            raise _Refused("its name leads to an address that is not public", is_private=True)
        return addresses

    def _remaining(self, most: float | None) -> float:
        left = self._deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        return left if most is None else min(left, most)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step gets what is left until the deadline: a byte every five seconds ends there too."""

    def __init__(self, inner: httpcore.NetworkStream, remaining: Callable[[float | None], float]):
        self._inner = inner
        self._remaining = remaining

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._remaining(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._remaining(timeout))
        return _Stream(inner, self._remaining)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, which knows no time-out of its own, and wait at most CONNECT_S for it."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_S)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer
