"""Loopback servers: an app that runs beside the tests on real sockets."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from clocks import FixedClock
from shareasm.rehearsal.serving import ABORT, LoopbackServer


async def _hello(request: Request) -> Response:
    return PlainTextResponse(f"hello from {request.url.netloc}")


async def _die(request: Request) -> Response:
    await request.body()  # a client that is still writing meets the reset there, and sees less of it
    request.scope["extensions"][ABORT]()
    return PlainTextResponse("never read")


async def _die_live(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("one")
    websocket.scope["extensions"][ABORT]()


APP = Starlette(routes=[Route("/", _hello), Route("/die", _die, methods=["POST"]), WebSocketRoute("/live", _die_live)])


def test_several_servers_run_side_by_side() -> None:
    with LoopbackServer(APP) as one, LoopbackServer(APP) as other:
        assert httpx.get(one.url).text == f"hello from {one.host}"
        assert httpx.get(other.url).text == f"hello from {other.host}"


def test_a_stopped_server_refuses_and_comes_back_on_its_port() -> None:
    server = LoopbackServer(APP)
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
    with server:
        assert httpx.get(server.url).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
    with server:
        assert httpx.get(server.url).status_code == 200


def test_an_aborted_request_is_a_reset_connection() -> None:
    with LoopbackServer(APP) as server, pytest.raises(httpx.ReadError, match="reset by peer"):
        httpx.post(f"{server.url}/die", content=b"x" * 1000)


def test_an_aborted_websocket_is_a_reset_connection() -> None:
    with LoopbackServer(APP) as server, connect(server.url.replace("http", "ws") + "/live") as live:
        assert live.recv() == "one"
        with pytest.raises(ConnectionClosedError):
            live.recv()


def test_the_date_of_an_answer_is_the_rehearsals() -> None:
    with LoopbackServer(APP, clock=FixedClock("2027-02-03T09:00:00+00:00")) as server:
        assert httpx.get(server.url).headers.get_list("date") == ["Wed, 03 Feb 2027 09:00:00 GMT"]


def test_a_port_in_use_is_an_error_at_once() -> None:
    first = LoopbackServer(APP)
    with first, pytest.raises(OSError, match="in use"):
        LoopbackServer(APP, port=first.port)
