"""A WebSocket that only listens: frames found in what the socket gives, as fast as a stream is caught up.

The library shakes hands and writes control frames; reading its way costs a coroutine and a parser for each frame, which is
most of the time when a whole network's posts pass by (docs/benchmarks.md). A server's frames are simple: never masked, and
nothing was agreed on that would change them (RFC 6455, section 5). So the messages lie in the buffer as they are, and are
handed on where they lie: who looks for something searches them all at once, and cuts out the few that have it.
"""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from struct import Struct
from types import TracebackType
from typing import NamedTuple, Self

from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close, Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from shareasm.networks.bluesky.session import PROGRAM
from shareasm.networks.bluesky.tls import tls

CHUNK = 256 * 1024
CONNECT_S = 10.0
PING_S = 20.0
"""Silence after which we ask whether somebody is there; a line that stays silent for as long again is dead."""

_HEAD = Struct(">HH").unpack_from
_TEXT_OF_16_BITS = 0x817E  # FIN with text, its length in the next two bytes: how nearly every message begins
_WHOLE = (0x81, 0x82)  # FIN with text or binary


class Block(NamedTuple):
    """Messages that lie one behind the other in what the socket gave; there is at least one."""

    data: bytes
    bounds: list[tuple[int, int]]  # where in `data` each begins and ends

    def message(self, number: int) -> bytes:
        """Return one of the messages."""
        start, end = self.bounds[number]
        return self.data[start:end]


class Messages:
    """The bytes of a server, cut into messages. Pure: what the frames between them ask for is left in `controls`."""

    def __init__(self, limit: int) -> None:
        self.controls: list[tuple[int, bytes]] = []  # (opcode, payload) of control frames, for the line to answer
        self._limit = limit
        self._buffer = b""
        self._at = 0  # where in the buffer the next frame begins
        self._parts: list[bytes] = []  # of a message in several frames

    def add(self, data: bytes) -> None:
        """Take what the socket gave."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0

    def take(self) -> Iterator[Block]:
        """Yield the messages that are here in full, up to a close. Leaving off in between loses nothing."""
        while True:
            if bounds := self._usual():
                yield Block(self._buffer, bounds)
            frame = self._frame()
            if frame is None:
                return
            first, payload = frame
            if first & 0x08:
                self.controls.append((first & 0x0F, payload))
                if first & 0x0F == Opcode.CLOSE:
                    return
                continue
            whole = payload if first in _WHOLE else self._joined(first, payload)
            if whole is not None:
                yield Block(whole, [(0, len(whole))])

    def _usual(self) -> list[tuple[int, int]]:
        """Go over the usual frames that come next: whole messages of text. Return where each begins and ends."""
        buffer, at, here = self._buffer, self._at, len(self._buffer)
        bounds = []
        while here - at >= 4:
            head, size = _HEAD(buffer, at)
            if head != _TEXT_OF_16_BITS or size > self._limit:
                break
            start = at + 4
            end = start + size
            if end > here:
                break
            bounds.append((start, end))
            at = end
        self._at = at
        return bounds

    def _frame(self) -> tuple[int, bytes] | None:
        """Take the next frame, of whatever kind; return its first byte and its payload, None where it is not all here."""
        buffer, at, here = self._buffer, self._at, len(self._buffer)
        if here - at < 2:
            return None
        size, start = buffer[at + 1], at + 2
        if size == 126:
            size, start = int.from_bytes(buffer[start : at + 4], "big"), at + 4
        elif size > 126:  # also a masked one, which no server sends: it will be too big
            size, start = int.from_bytes(buffer[start : at + 10], "big"), at + 10
        if start > here:
            return None
        if size > self._limit:
            raise _too_big(size, self._limit)
        if start + size > here:
            return None
        self._at = start + size
        return buffer[at], buffer[start : self._at]

    def _joined(self, first: int, payload: bytes) -> bytes | None:
        """Take a part of a message; return the message when this was its last part."""
        self._parts.append(payload)
        if (size := sum(map(len, self._parts))) > self._limit:
            raise _too_big(size, self._limit)
        if not first & 0x80:
            return None
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole


def _too_big(size: int, limit: int) -> ConnectionClosedError:
    return ConnectionClosedError(None, Close(1009, f"a message of {size} bytes, over {limit}"))


class Line:
    """An open connection. Used by one thread."""

    def __init__(self, url: str, *, user_agent: str = PROGRAM, subprotocols: Sequence[str], limit: int) -> None:
        """Connect and shake hands. Raises OSError and WebSocketException; no message may have more than `limit` bytes."""
        self._messages = Messages(limit)
        uri = parse_uri(url)
        connection = socket.create_connection((uri.host, uri.port), CONNECT_S)
        try:
            self._socket = tls().wrap_socket(connection, server_hostname=uri.host) if uri.secure else connection
            offered = [Subprotocol(name) for name in subprotocols]
            protocol = ClientProtocol(uri, subprotocols=offered or None, max_size=None)
            request = protocol.connect()
            request.headers["User-Agent"] = user_agent
            protocol.send_request(request)
            self._messages.add(self._shake_hands(protocol))
        except BaseException:
            connection.close()
            raise
        self._heard_at = time.monotonic()
        self._asked_at = self._heard_at

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def _shake_hands(self, protocol: ClientProtocol) -> bytes:
        """Return the bytes that came behind the handshake."""
        self._socket.sendall(b"".join(protocol.data_to_send()))
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < CHUNK:
            answer += self._receive(CONNECT_S)
        head, end, rest = answer.partition(b"\r\n\r\n")
        protocol.receive_data(head + end)
        if head.startswith(b"HTTP/1.1 101") and protocol.handshake_exc is None:
            return rest
        protocol.receive_data(rest)  # a refusal, with words in its body
        while protocol.handshake_exc is None:
            try:
                protocol.receive_data(self._receive(CONNECT_S))
            except ConnectionClosed:
                protocol.receive_eof()
        raise protocol.handshake_exc

    def _receive(self, seconds: float) -> bytes:
        self._socket.settimeout(seconds)
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionClosedError(None, None)
        return data

    def blocks(self, until: float) -> Iterator[Block]:
        """Yield messages, as many at once as are here, until the monotonic instant `until`, or until none comes any more.

        Leaving off in between loses nothing. Raises ConnectionClosed, also where nobody answers a ping.
        """
        while True:
            yield from self._messages.take()
            self._answer()
            remaining = until - time.monotonic()
            if remaining <= 0:
                return
            try:
                self._messages.add(self._receive(remaining))
            except TimeoutError:
                self._ask_whether_somebody_is_there()
                return
            except OSError as error:
                raise ConnectionClosedError(None, None) from error
            self._heard_at = time.monotonic()

    def _answer(self) -> None:
        """Do what control frames ask for."""
        for opcode, payload in self._messages.controls:
            if opcode == Opcode.CLOSE:
                close = Close.parse(payload)
                with suppress(OSError):  # it may be gone already
                    self._send(Frame(Opcode.CLOSE, payload[:2]))
                raise (ConnectionClosedOK if close.code in (1000, 1001) else ConnectionClosedError)(close, close, True)
            if opcode == Opcode.PING:
                self._send(Frame(Opcode.PONG, payload))
        self._messages.controls.clear()

    def _ask_whether_somebody_is_there(self) -> None:
        now = time.monotonic()
        if now - self._heard_at > 2 * PING_S:
            raise ConnectionClosedError(None, Close(1011, "nobody answers"))
        if now - max(self._heard_at, self._asked_at) > PING_S:
            self._asked_at = now
            self._send(Frame(Opcode.PING, b""))

    def _send(self, frame: Frame) -> None:
        self._socket.settimeout(CONNECT_S)
        self._socket.sendall(frame.serialize(mask=True))
