"""Addresses that strangers gave us: what is opened, what never is, and when we stop listening."""

import gzip
import ipaddress
import json
import socket
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON
from shareasm.domain.addresses import is_public
from shareasm.domain.pictures import Refusal
from shareasm.domain.robots import Notices
from shareasm.strangers import (
    MOST_BYTES,
    MOST_REDIRECTS,
    PAGE_BYTES,
    PAGE_REDIRECTS,
    TOTAL_S,
    Fetched,
    StrangerClient,
    _content_type,
)

PUBLIC = "93.184.216.34"
PNG = b"\x89PNG\r\n\x1a\n and so on"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ScriptedStream(httpcore.NetworkStream):
    """A connection that says what it was given; what is sent to it is recorded. A pause moves the clock."""

    def __init__(
        self, chunks: Iterable[bytes], sent: list[bytes], clock: Clock, pause_s: float, names: list[str | None]
    ):
        self._chunks = iter(chunks)
        self._sent = sent
        self._clock = clock
        self._pause_s = pause_s
        self._names = names

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if timeout is not None and self._pause_s > timeout:
            self._clock.now += timeout
            raise httpcore.ReadTimeout
        self._clock.now += self._pause_s
        return next(self._chunks, b"")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._sent.append(buffer)

    def close(self) -> None: ...

    def start_tls(
        self, ssl_context: object, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._names.append(server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class Recorder(httpcore.NetworkBackend):
    """Connects to nothing: records where it would, and lets each connection say the next of `answers`."""

    def __init__(self, answers: Iterable[Iterable[bytes]] = (), clock: Clock | None = None, pause_s: float = 0.0):
        self.connections: list[tuple[str, int]] = []
        self.sent: list[bytes] = []
        self.names: list[str | None] = []  # TLS server names
        self._answers = iter(answers)
        self._clock = clock or Clock()
        self._pause_s = pause_s

    def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> httpcore.NetworkStream:
        self.connections.append((host, port))
        return ScriptedStream(next(self._answers), self.sent, self._clock, self._pause_s, self.names)


def reply(
    body: bytes = PNG, *, status: int = 200, kind: str = "image/png", length: bool = True, **headers: str | list[str]
) -> list[bytes]:
    lines = [f"HTTP/1.1 {status} So", f"Content-Type: {kind}"]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    for name, value in headers.items():
        lines += [f"{name.replace('_', '-')}: {one}" for one in ([value] if isinstance(value, str) else value)]
    return ["\r\n".join([*lines, "", ""]).encode(), body]


def table(names: dict[str, Any]) -> Callable[[str, int], list[str]]:
    """Return a resolver that answers from a made-up table; a list of lists gives one answer per look-up."""
    asked: dict[str, int] = {}

    def resolve(host: str, port: int) -> list[str]:
        decoded = host.encode().decode("idna") if host.startswith("xn--") or ".xn--" in host else host
        answer = names.get(host, names.get(decoded, []))
        if isinstance(answer, dict):
            if "after_seconds" in answer:
                raise TimeoutError
            return ["127.0.0.1"]  # an alias of a local name
        if answer and isinstance(answer[0], list):
            turn = asked.get(host, 0)
            asked[host] = turn + 1
            return list(answer[min(turn, len(answer) - 1)])
        if not answer:
            raise OSError("name not known")
        return list(answer)

    return resolve


class PlainClient(StrangerClient):
    _tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # no handshake takes place here; reading certificates is slow


def client(recorder: Recorder, names: dict[str, Any] | None = None, **options: Any) -> StrangerClient:
    return PlainClient(resolve=table(names or {"files.example": [PUBLIC]}), backend=recorder, **options)


def cases(file: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in file.read_text().splitlines())


# ---- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_every_hostile_address_of_the_corpus_is_refused_or_pinned(shared: Path) -> None:
    wrong = []
    for case in cases(shared / "corpus/hostile/ssrf-urls.jsonl"):
        recorder = Recorder(repeat(reply()))
        got = client(recorder, case.get("dns") or {}).fetch(case["url"])
        reached = {host for host, _ in recorder.connections}
        is_safe = all(is_public(ipaddress.ip_address(host)) for host in reached)
        # A name that answers differently the next time is harmless: there is no next time.
        is_as_expected = (
            isinstance(got, Fetched)
            if case["expect"] == "allowed"
            else isinstance(got, Refusal) or case["id"] == "u-096"
        )
        if not (is_safe and is_as_expected):
            wrong.append((case["id"], case["url"], got, reached))
    assert wrong == []


@pytest.mark.shared
def test_every_hostile_redirect_of_the_corpus_ends_without_a_private_connection(shared: Path) -> None:
    for case in cases(shared / "corpus/hostile/redirects.jsonl"):
        answers = []
        for hop in case["hops"]:
            extra = {"Location": hop["location"]} if "location" in hop else {}
            extra |= hop.get("headers", {})
            answers.append(
                reply(hop.get("body", "").encode(), status=hop["status"], kind=hop.get("type", "image/png"), **extra)
            )
        recorder = Recorder([*answers, *repeat(answers[-1], 10)])
        got = client(recorder, case["dns"]).fetch(case["hops"][0]["url"])
        assert isinstance(got, Refusal), case["id"]
        assert {host for host, _ in recorder.connections} <= {PUBLIC, "93.184.216.35"}, case["id"]
        assert len(recorder.connections) <= MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/", "http://169.254.169.254/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://2130706433/",
        "http://0x7f.1/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[fe80::1%25eth0]/",
        "http://localhost/", "http://db.internal/", "https://user@files.example/", "https://files.example:8443/",
        "http://files.example:0/", "ftp://files.example/", "https:files.example/", "https://files.example\\@127.0.0.1/",
        "https://files.example/\r\nX: y", "//files.example/", "",
    ],
)  # fmt: skip
def test_no_connection_is_made_to_an_address_that_is_not_public(address: str) -> None:
    recorder = Recorder()
    assert isinstance(client(recorder).fetch(address), Refusal)
    assert recorder.connections == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("::ffff:8.8.8.8", True), ("64:ff9b::8.8.8.8", True),
        ("100.64.0.1", False), ("192.88.99.1", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::", False),
        ("fec0::1", False), ("fd00:ec2::254", False), ("ff02::1", False), ("2001::1", False), ("3fff::1", False),
        ("64:ff9b:1::1", False),
        ("2606:4700::5efe:10.0.0.1", False), ("2606:4700::200:5efe:10.0.0.1", False), ("5f00::1", False),
        ("2606:4700::1111%eth0", False),
    ],
)  # fmt: skip
def test_only_global_unicast_is_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_never_more_public_than_itself(address: ipaddress.IPv4Address) -> None:
    for form in ("::ffff:{}", "64:ff9b::{}", "::{}", "2606:4700::5efe:{}"):
        if is_public(ipaddress.ip_address(form.format(address))):
            assert is_public(address)


@given(st.ip_addresses())
def test_nothing_that_the_standard_library_calls_private_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if (
        address.is_private
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or address.is_unspecified
    ):
        mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped
        assert not is_public(address) or (mapped and is_public(mapped))


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    recorder = Recorder([reply()])
    names = {"rebind.example": [[PUBLIC], ["127.0.0.1"]]}
    assert isinstance(client(recorder, names).fetch("https://rebind.example/a.png"), Fetched)
    assert recorder.connections == [(PUBLIC, 443)]


def test_host_and_server_name_stay_the_ones_of_the_address() -> None:
    recorder = Recorder([reply()])
    client(recorder).fetch("https://files.example/a.png")
    assert recorder.names == ["files.example"]
    assert b"Host: files.example\r\n" in b"".join(recorder.sent)


def test_one_private_answer_among_public_ones_refuses_the_name() -> None:
    recorder = Recorder([reply()])
    assert isinstance(
        client(recorder, {"mixed.example": [PUBLIC, "10.0.0.1"]}).fetch("https://mixed.example/"), Refusal
    )
    assert recorder.connections == []


def test_a_rehearsal_may_name_its_stand_ins_by_exact_host_and_port() -> None:
    names = {"localhost": ["127.0.0.1"]}
    allow = frozenset({("127.0.0.1", 8123), ("localhost", 8124)})
    recorder = Recorder([reply(), reply()])
    one = client(recorder, names, allow=allow)
    assert isinstance(one.fetch("http://127.0.0.1:8123/a.png"), Fetched)
    assert isinstance(one.fetch("http://localhost:8124/a.png"), Fetched)
    assert isinstance(one.fetch("http://127.0.0.1:8125/a.png"), Refusal)
    assert isinstance(one.fetch("http://127.0.0.2:8123/a.png"), Refusal)
    assert len(recorder.connections) == 2


def test_a_redirect_to_a_public_place_is_followed_with_a_check_of_its_own() -> None:
    recorder = Recorder([reply(status=302, Location="https://other.example/b.png"), reply()])
    names = {"files.example": [PUBLIC], "other.example": ["93.184.216.35"]}
    assert isinstance(client(recorder, names).fetch("https://files.example/a.png"), Fetched)
    assert recorder.connections == [(PUBLIC, 443), ("93.184.216.35", 443)]


@pytest.mark.parametrize(
    ("target", "answer"),
    [("https://169.254.169.254/latest", ""), ("https://inside.example/b.png", "10.0.0.7"), ("https://[::1]/b.png", "")],
    ids=["an address", "a name", "the machine itself"],
)
def test_a_redirect_to_a_private_place_is_refused_and_nothing_connects_to_it(target: str, answer: str) -> None:
    recorder = Recorder([reply(status=302, Location=target), reply()])
    names = {"files.example": [PUBLIC], "inside.example": [answer]}
    assert isinstance(client(recorder, names).fetch("https://files.example/a.png"), Refusal)
    assert recorder.connections == [(PUBLIC, 443)]


def test_https_never_falls_back_to_http() -> None:
    recorder = Recorder([reply(status=302, Location="http://files.example/a.png"), reply()])
    assert isinstance(client(recorder).fetch("https://files.example/a.png"), Refusal)
    assert len(recorder.connections) == 1


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    recorder = Recorder([reply()])
    client(recorder).fetch("https://files.example/a.png")
    assert recorder.connections == [(PUBLIC, 443)]


# ---- answers -----------------------------------------------------------------------------------------------------------


def test_a_declared_length_that_is_too_large_is_refused_unread() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 107374182400\r\n\r\n"
    got = client(Recorder([[head, b"\xff"]])).fetch("https://files.example/a.jpg")
    assert isinstance(got, Refusal)
    assert "larger" in got.reason


def test_an_endless_body_is_stopped_at_the_stated_size() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"
        while True:
            taken += 65536
            yield b"\xff" * 65536

    assert isinstance(client(Recorder([endless()])).fetch("https://files.example/a.jpg"), Refusal)
    assert taken <= MOST_BYTES + 3 * 65536


def test_a_byte_every_five_seconds_ends_at_the_total_time() -> None:
    clock = Clock()
    drip = [b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n", *repeat(b"x", 5000)]
    recorder = Recorder([drip], clock, pause_s=5.0)
    assert isinstance(client(recorder, clock=clock).fetch("https://files.example/a.png"), Refusal)
    assert clock.now - 1000.0 <= TOTAL_S + 0.1


@pytest.mark.parametrize(
    "chunks",
    [
        reply(kind="image/svg+xml"),
        reply(kind="text/html"),
        reply(status=404, kind="text/html"),
        reply(gzip.compress(b"\0" * 1_000_000), Content_Encoding="gzip"),
        reply(Content_Encoding="br, zstd"),
        reply(status=302),
        reply(status=302, Location=["https://files.example/b.png", "http://127.0.0.1/"]),
        [b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-A%d: 1\r\n" % number for number in range(10_000)) + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked, nonsense\r\n\r\nFFFFFFFFFFFFFFFF\r\nx"],
        [b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 500\r\n\r\nshort"],
        [b"\0\1\2\3 no http at all"],
        [b""],
    ],
)  # fmt: skip
def test_an_answer_that_is_no_picture_is_a_refusal_and_no_crash(chunks: list[bytes]) -> None:
    assert isinstance(client(Recorder([chunks])).fetch("https://files.example/a.png"), Refusal)


def test_a_server_that_asks_for_patience_is_left_alone_and_others_are_not() -> None:
    clock = Clock()
    recorder = Recorder([reply(status=429, Retry_After="3600"), reply(), reply()], clock)
    names = {"files.example": [PUBLIC], "other.example": [PUBLIC]}
    one = client(recorder, names, clock=clock)
    one.fetch("https://files.example/a.png")
    assert isinstance(one.fetch("https://files.example/b.png"), Refusal)
    assert isinstance(one.fetch("https://other.example/b.png"), Fetched)
    assert len(recorder.connections) == 2
    clock.now += 3601
    assert isinstance(one.fetch("https://files.example/b.png"), Fetched)


@given(st.text())
def test_no_text_makes_the_client_raise(address: str) -> None:
    assert isinstance(client(Recorder(repeat(reply())), {}).fetch(address), Refusal)
    assert isinstance(client(Recorder(repeat(reply())), {}).fetch("https://" + address), Refusal)


# ---- pages that we link to ---------------------------------------------------------------------------------------------

PAGE = "https://files.example/page"


def test_a_page_is_read_as_far_as_its_first_half_megabyte_whatever_it_says_of_its_length() -> None:
    recorder = Recorder([reply(b"<title>T" + b" " * PAGE_BYTES, kind="text/html; charset=ISO-8859-1")])
    page = client(recorder).open_page(PAGE)
    assert isinstance(page, Fetched)
    assert (len(page.data), page.content_type, page.charset, page.url) == (PAGE_BYTES, "text/html", "iso-8859-1", PAGE)


def test_a_page_that_never_ends_is_left_at_half_a_megabyte() -> None:
    head = reply(b"", kind="text/html", length=False)[0]
    page = client(Recorder([[head, *repeat(b"<p>on and on", PAGE_BYTES // 12 + 9)]])).open_page(PAGE)
    assert isinstance(page, Fetched)
    assert len(page.data) == PAGE_BYTES


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "text/plain", "", "x" * 500])
def test_what_is_no_page_is_there_and_is_not_read(kind: str) -> None:
    page = client(Recorder([reply(b"%PDF" * 1_000_000, kind=kind)])).open_page(PAGE)
    assert page == Fetched(b"", kind[:60], url=PAGE)


@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "gzip, gzip"])
def test_a_page_that_comes_packed_is_unpacked_as_far_as_a_page_goes(packing: str) -> None:
    bomb = b"<title>T" + bytes(60_000_000)
    data = gzip.compress(bomb) if packing == "gzip" else zlib.compress(bomb)
    page = client(Recorder([reply(data, kind="text/html", Content_Encoding=packing)])).open_page(PAGE)
    if packing in {"gzip", "deflate"}:
        assert isinstance(page, Fetched)
        assert (page.data[:8], len(page.data)) == (b"<title>T", PAGE_BYTES)
    else:
        assert isinstance(page, Refusal)


def test_a_page_that_is_packed_and_damaged_is_refused() -> None:
    page = client(Recorder([reply(b"<title>T", kind="text/html", Content_Encoding="gzip")])).open_page(PAGE)
    assert page == Refusal("it is compressed, and damaged")


def test_a_page_says_where_it_was_found_after_its_redirects() -> None:
    hops = [reply(status=302, Location=f"/hop{number}") for number in range(PAGE_REDIRECTS)]
    page = client(Recorder([*hops, reply(b"<title>T", kind="text/html")])).open_page(PAGE)
    assert isinstance(page, Fetched)
    assert page.url == f"https://files.example/hop{PAGE_REDIRECTS - 1}"
    assert isinstance(client(Recorder([*hops, hops[0]])).open_page(PAGE), Refusal)


STAY_AWAY = reply(b"User-agent: shareasm\nDisallow: /page\n", kind="text/plain")


def test_a_page_that_its_server_keeps_from_programs_is_not_opened() -> None:
    recorder = Recorder([STAY_AWAY, reply(b"<title>T", kind="text/html")])
    one = client(recorder, notices=Notices(lambda: NOON))
    assert one.open_page(PAGE) == Refusal("its robots.txt asks programs to stay away from it")
    assert isinstance(one.open_page("https://files.example/other"), Fetched)
    assert len(recorder.connections) == 2, "robots.txt once, and the page that nobody minds"


@pytest.mark.parametrize("robots", [reply(status=404), reply(status=503), reply(kind="image/png"), [b"nonsense"]])
def test_a_robots_txt_that_cannot_be_read_forbids_no_page(robots: list[bytes]) -> None:
    page = client(Recorder([robots, reply(b"<title>T", kind="text/html")]), notices=Notices(lambda: NOON)).open_page(
        PAGE
    )
    assert isinstance(page, Fetched) or page == Refusal("the server asked for patience a while ago")


def test_a_picture_in_a_post_is_opened_as_a_reader_opens_it() -> None:
    recorder = Recorder([reply()])
    assert isinstance(client(recorder, notices=Notices(lambda: NOON)).fetch("https://files.example/page.png"), Fetched)
    assert len(recorder.connections) == 1


def test_a_refusal_tells_what_the_server_answered_and_what_is_nobody_s_to_open() -> None:
    gone = client(Recorder([reply(status=404)])).open_page(PAGE)
    assert isinstance(gone, Refusal)
    assert (gone.status, gone.is_private, gone.is_silence) == (404, False, False)
    for url in ("http://10.0.0.1/", "http://intranet.local/", "https://inside.example/"):
        private = client(Recorder(), {"inside.example": ["10.0.0.1"]}).open_page(url)
        assert isinstance(private, Refusal)
        assert (private.status, private.is_private, private.is_silence) == (None, True, False)


def test_a_name_that_is_not_known_is_silence() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert PlainClient(resolve=resolve, backend=Recorder()).open_page(PAGE) == Refusal(
        "its name is not known", is_silence=True
    )


@given(st.text(max_size=80))
def test_any_content_type_is_read_without_raising(said: str) -> None:
    kind, charset = _content_type(said)
    assert kind == kind.lower()
    assert len(charset) <= 40


@pytest.mark.shared
def test_every_hostile_address_and_redirect_of_the_corpus_is_refused_as_a_page_too(shared: Path) -> None:
    for case in cases(shared / "corpus/hostile/ssrf-urls.jsonl"):
        recorder = Recorder(repeat(reply(b"<title>T", kind="text/html")))
        client(recorder, case.get("dns") or {}).open_page(case["url"])
        assert all(is_public(ipaddress.ip_address(host)) for host, _ in recorder.connections), case["id"]
    for case in cases(shared / "corpus/hostile/redirects.jsonl"):
        answers = [
            reply(
                status=hop["status"],
                **({"Location": hop["location"]} if "location" in hop else {}),
                **hop.get("headers", {}),
            )
            for hop in case["hops"]
        ]
        recorder = Recorder([*answers, *repeat(answers[-1], 10)])
        client(recorder, case["dns"]).open_page(case["hops"][0]["url"])
        assert {host for host, _ in recorder.connections} <= {PUBLIC, "93.184.216.35"}, case["id"]
