"""Tokens and passwords never reach a message, a repr or the store, whatever goes wrong with them."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import msgspec
import pytest

from clocks import FixedClock
from factories import NOON, OPENS, campaign, source
from networks.bluesky_pds import DID, NOW
from shareasm import collect
from shareasm.errors import NetworkError, Unreachable
from shareasm.networks.bluesky.client import BlueskySearch, Server
from shareasm.networks.bluesky.session import Session, SignIn, Tokens
from shareasm.networks.mastodon.publisher import MastodonPublisher
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.ports import Window
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade

ODD = ["PLANTED\nline", "PLANTED line", "PLANTED\0", "PLANTED…", "PLANTÉD", "PLANTED\r\nX-A: b"]
WINDOW = Window(NOW, NOW)
NOWHERE = "http://127.0.0.1:1"


class Refusing(BaseHTTPRequestHandler):
    """Lets nobody in: headers are written only to a server that is there."""

    def do_GET(self) -> None:
        self.send_error(401)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def there(socket_enabled: None) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def everything_said(error: BaseException) -> str:
    """Return what consoles, logs and the store may show of an error; not its traceback, which nobody is shown."""
    return f"{error} {error!r} {error.args} {getattr(error, 'message', '')}"


def shows_nothing(call: Callable[[], object], *planted: str) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        call()
    said = everything_said(caught.value)
    assert not [secret for secret in ("PLANT", *planted) if secret in said], said
    return caught.value


@pytest.mark.parametrize("token", ODD)
def test_a_token_that_breaks_the_header_is_not_shown(token: str, there: str) -> None:
    reader = MastodonReader(there, token=token, user_agent="x", now=lambda: NOW)
    shows_nothing(lambda: list(reader.sweep_tag("a", WINDOW)))
    assert "PLANT" not in repr(reader)


@pytest.mark.parametrize("token", ["PLANTED\nline", "PLANTED\r\nX-A: b"])
def test_a_post_with_such_a_token_was_certainly_not_sent(token: str, there: str) -> None:
    publisher = MastodonPublisher(there, token, user_agent="x", now=lambda: NOW, prepare=lambda *_: None)  # type: ignore[arg-type]
    error = shows_nothing(lambda: publisher.publish('{"status":"x"}', "k"))
    assert isinstance(error, Unreachable)
    assert not error.is_outcome_unknown


def session(answer: Callable[[httpx.Request], httpx.Response], password: str = "PLANTED") -> Session:
    transport = httpx.MockTransport(answer)
    return Session(
        "https://pds.example",
        "us.example",
        lambda: password,
        load=lambda: None,
        save=lambda _: None,
        now=lambda: NOW,
        transport=transport,
    )


def malformed(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"accessJwt": "eyJPLANTED" + "a" * 20, "refreshJwt": "eyJPLANTED", "did": DID})


def web_page(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, html="<html>PLANTED")


@pytest.mark.parametrize("answer", [malformed, web_page])
def test_an_odd_answer_to_a_sign_in_is_not_shown(answer: Callable[[httpx.Request], httpx.Response]) -> None:
    shows_nothing(session(answer).tokens)


@pytest.mark.parametrize("access", ODD)
def test_a_session_token_that_breaks_the_header_is_not_shown(access: str, there: str) -> None:
    tokens = Tokens(DID, access, "PLANTED", there)
    last = SignIn(there, "us.example", "PLANTED", NOW, tokens)
    kept = Session(
        there,
        "us.example",
        lambda: "PLANTED",
        load=lambda: msgspec.json.encode(last).decode(),
        save=lambda _: None,
        now=lambda: NOW,
    )
    server = Server(there, now=lambda: NOW, session=kept)
    shows_nothing(lambda: list(BlueskySearch(server).sweep_tag("a", Window(NOW.replace(hour=0), NOW))))
    server.close()
    assert "PLANT" not in f"{tokens!r}{last!r}{kept!r}{server!r}"


def test_a_token_that_breaks_the_header_is_not_stored(tmp_path: Path, there: str) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    desk = collect.Desk(engine, campaign(), FixedClock(NOON))
    for number, token in enumerate(ODD):
        reader = MastodonReader(there, token=token, user_agent="x", now=lambda: NOW)
        assert collect.sweep(desk, source(f"{number}.example"), reader, OPENS).error
    engine.dispose()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"ProtocolError" in stored
    assert b"PLANT" not in stored


def test_a_cause_is_named_by_its_kind_and_the_systems_words(socket_enabled: None) -> None:
    reader = MastodonReader(NOWHERE, user_agent="x", now=lambda: NOW)
    with pytest.raises(Unreachable, match=r"cannot be reached: ConnectError \(Connection refused\)"):
        list(reader.sweep_tag("a", WINDOW))
