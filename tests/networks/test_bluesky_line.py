"""A listening line: the same messages however the bytes fall, and every frame of a server understood."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Close, Frame, Opcode
from websockets.sync.server import ServerConnection, serve

from shareasm.networks.bluesky import line as module
from shareasm.networks.bluesky.line import Block, Line, Messages

LIMIT = 1000


def messages_of(blocks: Iterable[Block]) -> list[bytes]:
    return [block.data[start:end] for block in blocks for start, end in block.bounds]


def text(words: str) -> bytes:
    return Frame(Opcode.TEXT, words.encode()).serialize(mask=False)


def parts(*words: str) -> bytes:
    """A message in several frames, a ping between them."""
    ping = Frame(Opcode.PING, b"?").serialize(mask=False)
    frames = [
        Frame(Opcode.TEXT if number == 0 else Opcode.CONT, word.encode(), fin=number == len(words) - 1)
        for number, word in enumerate(words)
    ]
    return ping.join(frame.serialize(mask=False) for frame in frames)


@given(
    st.lists(st.text(max_size=300).map(lambda words: words[:250]), max_size=8),
    st.lists(st.integers(1, 400), max_size=40),
)
def test_messages_are_the_same_however_the_bytes_fall(words: list[str], cuts: list[int]) -> None:
    wire = b"".join(text(word) if number % 3 else parts(word, "!", "") for number, word in enumerate(words))
    expected = [word.encode() if number % 3 else f"{word}!".encode() for number, word in enumerate(words)]
    messages = Messages(LIMIT + 1)
    found: list[bytes] = []
    for cut in [*cuts, len(wire)]:
        messages.add(wire[:cut])
        wire = wire[cut:]
        found += messages_of(messages.take())
    assert found == expected


def test_messages_that_came_together_are_handed_on_together() -> None:
    messages = Messages(LIMIT)
    messages.add(text("x" * 200) + text("y" * 300) + text("z" * 400)[:100])
    [block] = messages.take()
    assert [block.message(number) for number in (0, 1, -1)] == [b"x" * 200, b"y" * 300, b"y" * 300]


def test_leaving_off_between_blocks_loses_none() -> None:
    messages = Messages(LIMIT)
    messages.add(text("x" * 200) + parts("one", "two") + text("three"))
    assert messages_of([next(messages.take())]) == [b"x" * 200]
    messages.add(text("y" * 200))
    assert messages_of(messages.take()) == [b"onetwo", b"three", b"y" * 200]


@pytest.mark.parametrize(
    "wire",
    [
        text("x" * 1001),
        text("x" * 70_000),
        parts("x" * 600, "x" * 600),
        b"\x81\x7f" + (1 << 62).to_bytes(8, "big"),
        Frame(Opcode.TEXT, b"x" * 8).serialize(mask=True),
    ],
    ids=["whole", "long", "in parts", "endless", "masked"],
)
def test_a_message_that_is_too_big_or_no_servers_ends_the_line(wire: bytes) -> None:
    messages = Messages(LIMIT)
    messages.add(wire + b"\0" * 20)
    with pytest.raises(ConnectionClosedError):
        list(messages.take())


def test_what_comes_behind_a_close_is_not_heard() -> None:
    messages = Messages(LIMIT)
    close = Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=False)
    messages.add(text("last") + close + text("ghost"))
    assert messages_of(messages.take()) == [b"last"]
    assert messages.controls == [(Opcode.CLOSE, b"\x03\xe8")]


# ---- over a socket -----------------------------------------------------------------------------------------------------


@contextmanager
def station(handle: Callable[[ServerConnection], None]) -> Iterator[str]:
    with serve(handle, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/x"
        finally:
            server.shutdown()
            thread.join()


def heard(line: Line, seconds: float = 5) -> list[bytes]:
    return messages_of(line.blocks(until=time.monotonic() + seconds))


def test_a_ping_is_answered_and_a_clean_end_is_told(socket_enabled: None) -> None:
    answered: list[bool] = []

    def handle(connection: ServerConnection) -> None:
        connection.send("one")
        answered.append(connection.ping().wait(5))

    with station(handle) as url, Line(url, subprotocols=[], limit=LIMIT) as line, pytest.raises(ConnectionClosedOK):
        while True:
            heard(line)
    assert answered == [True]


def test_a_refusal_keeps_its_words(socket_enabled: None) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listening.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 503 Not now\r\nContent-Length: 9\r\n\r\n")
        connection.sendall(b"not ready")
        connection.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    with listening, pytest.raises(InvalidStatus) as refusal:
        Line(f"ws://127.0.0.1:{listening.getsockname()[1]}/x", subprotocols=[], limit=LIMIT)
    thread.join()
    assert (refusal.value.response.status_code, refusal.value.response.body) == (503, b"not ready")


def test_a_silent_line_is_asked_and_given_up_when_nobody_answers(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_S", 0.05)
    held = threading.Event()

    def handle(connection: ServerConnection) -> None:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
        held.wait(10)

    with station(handle) as url, Line(url, subprotocols=[], limit=LIMIT) as line:
        monkeypatch.setattr(line, "_send", lambda frame: None)  # a ping that is lost on the way
        with pytest.raises(ConnectionClosedError, match="nobody answers"):
            while True:
                heard(line, 0.02)
        held.set()
