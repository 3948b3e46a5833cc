"""Faults: each does to a real HTTP client what it says, and whether the server acted is never in doubt."""

from collections.abc import Iterator
from datetime import datetime
from threading import Semaphore, Thread

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidMessage
from websockets.sync.client import connect

from clocks import FixedClock
from shareasm.rehearsal.faults import Fault, Faults
from shareasm.rehearsal.serving import LoopbackServer


class Bench:
    """A server that counts what it did, behind faults."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.acted = Semaphore(0)
        self.faults = Faults(FixedClock("2027-02-03T09:00:00+00:00"), _refuse)
        routes = [Route("/post", self._post, methods=["POST"]), WebSocketRoute("/live", self._live)]
        self.server = LoopbackServer(self.faults.wrap(Starlette(routes=routes)))

    async def _post(self, request: Request) -> Response:
        self.done.append((await request.body()).decode())
        self.acted.release()
        return JSONResponse({"answer": "x" * 1000})

    async def _live(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("one")
        await websocket.close()

    def post(self, timeout: float = 5, query: str = "") -> httpx.Response:
        return httpx.post(f"{self.server.url}/post{query}", content="hello", timeout=timeout)


def _refuse(status: int, reset_at: datetime | None) -> Response:
    return JSONResponse({"status": status, "reset": reset_at.isoformat() if reset_at else None}, status_code=status)


@pytest.fixture(scope="module")
def _bench() -> Iterator[Bench]:
    bench = Bench()
    with bench.server:
        yield bench


@pytest.fixture
def bench(_bench: Bench) -> Iterator[Bench]:
    _bench.done.clear()
    _bench.acted = Semaphore(0)
    yield _bench
    _bench.faults.clear()


@pytest.mark.parametrize(
    ("fault", "status", "is_done"),
    [
        (Fault.RATE_LIMITED, 429, False),
        (Fault.REVOKED, 401, False),
        (Fault.ERROR_BEFORE, 500, False),
        (Fault.ERROR_AFTER, 500, True),
        (Fault.UNAVAILABLE_BEFORE, 503, False),
        (Fault.BAD_GATEWAY, 502, False),
        (Fault.UNAVAILABLE_AFTER, 503, True),
    ],
)
def test_a_refusal_says_its_status_once(bench: Bench, fault: Fault, status: int, is_done: bool) -> None:
    bench.faults.add(fault)
    assert bench.post().status_code == status
    assert bool(bench.done) is is_done
    assert bench.post().status_code == 200


def test_a_rate_limit_names_its_end_in_the_rehearsals_time(bench: Bench) -> None:
    bench.faults.add(Fault.RATE_LIMITED, reset_s=90)
    assert bench.post().json()["reset"] == "2027-02-03T09:01:30+00:00"


@pytest.mark.parametrize(
    ("fault", "is_done"), [(Fault.RESET_BEFORE, False), (Fault.RESET_AFTER, True), (Fault.CUT, True)]
)
def test_a_broken_connection_is_a_transport_error(bench: Bench, fault: Fault, is_done: bool) -> None:
    bench.faults.add(fault)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        bench.post()
    assert bool(bench.done) is is_done
    assert bench.post().status_code == 200


@pytest.mark.parametrize(("fault", "is_done"), [(Fault.HANG_BEFORE, False), (Fault.HANG_AFTER, True)])
def test_a_hanging_answer_comes_when_it_is_released(bench: Bench, fault: Fault, is_done: bool) -> None:
    rule = bench.faults.add(fault)
    answers: list[int] = []
    waiting = Thread(target=lambda: answers.append(bench.post().status_code))
    waiting.start()
    assert rule.reached.wait(5)
    if not is_done:
        assert bench.done == []
    rule.release()
    waiting.join(5)
    assert (answers, bench.done) == ([200], ["hello"])


def test_a_client_that_gives_up_has_still_asked(bench: Bench) -> None:
    rule = bench.faults.add(Fault.HANG_BEFORE)
    with pytest.raises(httpx.ReadTimeout):
        bench.post(timeout=0.1)
    assert bench.done == []
    rule.release()
    assert bench.acted.acquire(timeout=5)
    assert bench.done == ["hello"]


def test_nonsense_comes_with_200(bench: Bench) -> None:
    bench.faults.add(Fault.HTML)
    bench.faults.add(Fault.TRUNCATED)
    bench.faults.add(Fault.REWRITTEN, rewrite=lambda answer: {"answer": None})
    page = bench.post()
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert bench.done == []
    with pytest.raises(ValueError, match="Unterminated string"):
        bench.post().json()
    assert bench.post().json() == {"answer": None}
    assert len(bench.done) == 2


def test_a_stale_answer_is_that_of_the_same_request_before(bench: Bench) -> None:
    rule = bench.faults.add(Fault.STALE, times=2)
    rule.cached["/post", b""] = b'{"answer": "of yesterday"}'
    assert bench.post().json() == {"answer": "of yesterday"}
    rule.cached.clear()
    assert bench.post().json() == bench.post().json()
    assert len(bench.done) == 3


def test_a_repeated_answer_is_that_of_another_request_to_the_same_path(bench: Bench) -> None:
    rule = bench.faults.add(Fault.REPEATED, times=2)
    rule.cached["/post", b""] = b'{"answer": "the page before"}'
    assert [bench.post(query=query).json() for query in ("?page=2", "?page=3")] == [{"answer": "the page before"}] * 2
    assert bench.post(query="?page=3").json() != {"answer": "the page before"}


def test_a_rule_chooses_by_method_and_path_and_count(bench: Bench) -> None:
    bench.faults.add(Fault.ERROR_BEFORE, "GET")
    bench.faults.add(Fault.ERROR_BEFORE, "POST", "/pos")
    rule = bench.faults.add(Fault.UNAVAILABLE_BEFORE, "POST", "/p.*", times=2, skip=1)
    assert [bench.post().status_code for _ in range(4)] == [200, 503, 503, 200]
    assert rule.hit_count == 2


def test_a_rule_without_end_ends_when_it_is_cleared(bench: Bench) -> None:
    bench.faults.add(Fault.ERROR_BEFORE, times=None)
    assert [bench.post().status_code for _ in range(3)] == [500, 500, 500]
    bench.faults.clear()
    assert bench.post().status_code == 200


def test_a_websocket_can_be_reset_as_it_opens(bench: Bench) -> None:
    address = bench.server.url.replace("http", "ws") + "/live"
    bench.faults.add(Fault.RESET_BEFORE, "WEBSOCKET")
    with pytest.raises((ConnectionResetError, InvalidMessage)):
        connect(address)
    with connect(address) as live:
        assert live.recv() == "one"


def test_the_log_says_what_was_asked_and_answered(bench: Bench) -> None:
    bench.faults.add(Fault.RESET_BEFORE)
    with pytest.raises(httpx.TransportError):
        bench.post()
    bench.post()
    assert [(asked.method, asked.path, asked.status) for asked in bench.faults.log[-2:]] == [
        ("POST", "/post", None),
        ("POST", "/post", 200),
    ]
