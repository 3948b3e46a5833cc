"""A line between programs and a server on loopback that a test can cut, and let lead nowhere for a while."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self


class Relay:
    """Passes bytes on, both ways, between `port` and `target`; inside `with`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_away = False
        self.taken_count = 0  # connections that came through
        self.cut_count = 0
        self.refused_count = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name=f"relay:{self.port}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, as a server that is killed does."""
        with self._lock:
            ends, self._open = self._open, set()
        self.cut_count += len(ends) // 2
        _end(*ends)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let the server be gone: what is open is cut, what knocks is sent away."""
        self._is_away = True
        self.cut()
        try:
            yield
        finally:
            self._is_away = False

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return  # closed
            if self._is_away:
                self.refused_count += 1
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            self.taken_count += 1
            with self._lock:
                self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while part := one.recv(65536):
                other.sendall(part)
        with self._lock:
            self._open -= {one, other}
        _end(one, other)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):  # it has ended by itself
            end.shutdown(socket.SHUT_RDWR)  # wakes whoever reads it
        end.close()
