"""Runs ASGI apps on loopback, each in its own thread, on a port that is known before the app starts.

The stand-in networks stand on this. An app finds `scope["extensions"]["shareasm.abort"]`: a function without arguments
that resets the connection of this request or websocket, as a dying server or a cut cable does; and `shareasm.hang_up`, which
closes it after what was answered, without having said so.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from email.utils import format_datetime
from functools import partial
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shareasm.clock import Clock, SystemClock

HOST = "127.0.0.1"
ABORT = "shareasm.abort"
HANG_UP = "shareasm.hang_up"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends RST, not FIN
End = Callable[[tuple[str, int]], None]
"""Ends the connection that came from a host and port."""

_STOP_S = 10.0  # longer than uvicorn's grace; a thread that still lives then is a bug to be seen


class LoopbackServer:
    """Serves `app` at `url` between `start` and `stop`, or inside `with`; may be started again on the same port.

    The port is taken (0: a free one) when the object is made, so that the app can know its own address; connections are
    refused until `start`. The `Date` of its answers is the time of `clock`.
    """

    def __init__(self, app: ASGIApp, *, port: int = 0, clock: Clock | None = None) -> None:
        self._app = app
        self._clock = clock or SystemClock()
        self._socket: socket.socket | None = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def host(self) -> str:
        """The authority of its addresses, such as `127.0.0.1:40123`."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """Its address without a path, such as `http://127.0.0.1:40123`."""
        return f"http://{self.host}"

    def start(self) -> None:
        """Return when the app answers. Raises RuntimeError when it could not start."""
        listening = self._socket or _bound(self.port)
        self._socket = None
        self._server = server = _Server(self._app, self._clock)
        self._thread = threading.Thread(
            target=server.run_to_the_end, args=(listening,), name=f"loopback:{self.port}", daemon=True
        )
        self._thread.start()
        server.has_begun.wait()
        if not server.started:
            self._thread.join(_STOP_S)
            raise RuntimeError(f"The app on port {self.port} could not start.") from server.failure

    def stop(self) -> None:
        """Finish what is being answered, cut what hangs after a second, and give the port back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            raise RuntimeError(f"The app on port {self.port} does not stop.")
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """uvicorn in a thread: says when it has begun, and hands every request a way to reset its connection."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        super().__init__(
            uvicorn.Config(
                _with_endings(_with_date(app, clock), self.reset, self.hang_up),
                loop="asyncio",
                http="h11",
                ws="websockets-sansio",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
                server_header=False,
                date_header=False,
            )
        )
        self.has_begun = threading.Event()
        self.failure: BaseException | None = None

    def run_to_the_end(self, listening: socket.socket) -> None:
        try:
            self.run(sockets=[listening])
        except (Exception, SystemExit) as error:  # noqa: BLE001  told to whoever waits in start()
            self.failure = error
        finally:
            self.has_begun.set()
            listening.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.has_begun.set()

    def reset(self, client: tuple[str, int]) -> None:
        """Reset the connection that came from `client`; its unsent answer is lost. Only inside the server's loop."""
        for transport in self._transports(client):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()

    def hang_up(self, client: tuple[str, int]) -> None:
        """Close the connection that came from `client` once its answer is sent. Only inside the server's loop."""
        for transport in self._transports(client):
            transport.close()

    def _transports(self, client: tuple[str, int]) -> list[asyncio.Transport]:
        connections = list(self.server_state.connections)
        return [connection.transport for connection in connections if getattr(connection, "client", None) == client]


def _with_endings(app: ASGIApp, reset: End, hang_up: End) -> ASGIApp:
    async def endable(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            client = tuple(scope["client"])
            scope.setdefault("extensions", {}).update(
                {ABORT: partial(reset, client), HANG_UP: partial(hang_up, client)}
            )
        await app(scope, receive, send)

    return endable


def _with_date(app: ASGIApp, clock: Clock) -> ASGIApp:
    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(clock.now(), usegmt=True)
                message["headers"] = [*message.get("headers", []), (b"date", date.encode())]
            await send(message)

        await app(scope, receive, send_dated)

    return dated


def _bound(port: int) -> socket.socket:
    # asyncio turns Nagle's delay off only for sockets that name their protocol; with it every answer takes 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError:
        listening.close()
        raise
    return listening
