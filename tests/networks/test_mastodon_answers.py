"""Every error of httpx, and every refusal of a server, is one of ours."""

import inspect

import httpx
import pytest

from networks.mastodon_fakes import NOW, SERVER
from shareasm.errors import NotThere, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Act, Answer, Asked, network_error, refusal

READ = Asked(SERVER, NOW)
UPLOAD = Asked(SERVER, NOW, Act.UPLOAD, has_token=True)
WRITE = Asked(SERVER, NOW, Act.WRITE, ref="x", has_token=True)

CLIENT = sorted(
    {
        kind
        for _, kind in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(kind, httpx.HTTPError | httpx.StreamError | httpx.InvalidURL | httpx.CookieConflict)
    },
    key=lambda kind: kind.__name__,
)

EXPECTED = {
    "InvalidURL": Rejected,
    "UnsupportedProtocol": Rejected,
}
"""All others are Unreachable: no usable answer."""


def made(kind):
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("GET", SERVER)
        return kind("x", request=request, response=httpx.Response(500, request=request))
    if issubclass(kind, httpx.StreamConsumed | httpx.StreamClosed | httpx.ResponseNotRead | httpx.RequestNotRead):
        return kind()
    return kind("x")


@pytest.mark.parametrize("kind", CLIENT, ids=lambda kind: kind.__name__)
def test_every_exception_of_the_library_is_one_of_ours(kind):
    error = network_error(made(kind), WRITE)
    assert type(error) is EXPECTED.get(kind.__name__, Unreachable)
    assert error.server == SERVER
    assert error.ref == "x"


def test_the_reflection_finds_the_exceptions():
    assert len(CLIENT) >= 20


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("busy"),
    ],
)
def test_what_was_never_sent_was_not_done(error):
    found = network_error(error, WRITE)
    assert isinstance(found, Unreachable)
    assert not found.is_outcome_unknown
    assert "cannot be reached" in str(found)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout("slow"), "in time"),
        (httpx.ReadError("reset"), "broke"),
        (httpx.RemoteProtocolError("cut"), "broke"),
    ],
)
def test_what_was_sent_and_not_answered_may_be_done(error, words):
    found = network_error(error, WRITE)
    assert isinstance(found, Unreachable)
    assert found.is_outcome_unknown
    assert words in str(found)
    assert not network_error(error, UPLOAD).is_outcome_unknown
    assert not network_error(error, READ).is_outcome_unknown


def answered(status, body=b"", headers=None):
    return Answer(status, headers or {}, body)


@pytest.mark.parametrize(
    ("answer", "read", "upload", "write"),
    [
        (answered(400, b'{"error":"param is missing"}'), Rejected, Rejected, Rejected),
        (answered(400, b"Unauthorized"), Rejected, Unauthorized, Unauthorized),
        (answered(401, b'{"error":"The access token is invalid"}'), Unauthorized, Unauthorized, Unauthorized),
        (answered(403, b'{"error":"outside the authorized scopes"}'), Unauthorized, Unauthorized, Unauthorized),
        (answered(403, b"<html>blocked</html>"), Unreachable, Unreachable, Unreachable),
        (answered(404, b'{"error":"Record not found"}'), NotThere, NotThere, NotThere),
        (answered(406), Rejected, Rejected, Rejected),
        (answered(410, b'{"error":"Gone"}'), NotThere, NotThere, NotThere),
        (answered(422, b'{"error":"Validation failed: too long"}'), Unauthorized, Rejected, Rejected),
        (answered(422), Unauthorized, Unauthorized, Unauthorized),
        (answered(422, b'{"error":"Duplicate record"}'), Unauthorized, Rejected, Unreachable),
        (answered(400, b'{"error":"Duplicate idempotency key."}'), Rejected, Rejected, Unreachable),
        (answered(429), RateLimited, RateLimited, RateLimited),
        (answered(500), Unreachable, Unreachable, Unreachable),
        (answered(503, headers={"retry-after": "30"}), RateLimited, RateLimited, Unreachable),
        (answered(302, headers={"location": "https://new.example/"}), Rejected, Rejected, Rejected),
    ],
)
def test_a_refusal_means_what_the_request_was_for(answer, read, upload, write):
    assert type(refusal(answer, READ)) is read
    assert type(refusal(answer, UPLOAD)) is upload
    assert type(refusal(answer, WRITE)) is write


@pytest.mark.parametrize(
    ("answer", "is_unknown"),
    [
        (answered(500), True),  # Mastodon 4.6.0 to 4.7.1 answers a repeated key so: the post stands
        (answered(503), True),  # the loser of its lock on a key
        (answered(400, b'{"error":"Duplicate idempotency key."}'), True),
        (answered(403, b"<!DOCTYPE html>"), False),  # a firewall before the server
    ],
)
def test_only_a_write_that_reached_the_server_may_be_done(answer, is_unknown):
    assert refusal(answer, WRITE).is_outcome_unknown is is_unknown
    assert not refusal(answer, UPLOAD).__dict__.get("is_outcome_unknown")


def test_the_words_of_the_server_are_handed_on_cleaned():
    body = b'{"error":"Validation failed:\\n\\u001b[31m Text \\u202e limit of 500 exceeded"}'
    assert "Validation failed: [31m Text limit of 500 exceeded" in str(refusal(answered(422, body), WRITE))
    assert str(refusal(answered(418, b"I am a teapot"), READ)).endswith("(418: I am a teapot)")
    assert str(refusal(answered(418, b'{"error":5}'), READ)).endswith("(418)")
    assert str(refusal(answered(418, b"[" * 100_000), READ)).count("[") < 200
