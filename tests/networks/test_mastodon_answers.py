"""Every error of httpx and Mastodon.py, and every refusal of a server, is one of ours."""

import inspect
import socket

import httpx
import mastodon
import pytest
import requests
import urllib3.exceptions

from networks.mastodon_fakes import NOW, SERVER
from shareasm.errors import NetworkError, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Act, Answer, Asked, NotThere, network_error, refusal

READ = Asked(SERVER, NOW)
UPLOAD = Asked(SERVER, NOW, Act.UPLOAD, has_token=True)
WRITE = Asked(SERVER, NOW, Act.WRITE, ref="x", has_token=True)

LIBRARY = sorted(
    (
        kind
        for _, kind in inspect.getmembers(mastodon.errors, inspect.isclass)
        if issubclass(kind, mastodon.MastodonError)
    ),
    key=lambda kind: kind.__name__,
)
CLIENT = sorted(
    {
        kind
        for _, kind in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(kind, httpx.HTTPError | httpx.StreamError | httpx.InvalidURL | httpx.CookieConflict)
    },
    key=lambda kind: kind.__name__,
)

EXPECTED = {
    "MastodonRatelimitError": RateLimited,
    "MastodonUnauthorizedError": Unauthorized,
    "MastodonNotFoundError": NotThere,
    "MastodonFileNotFoundError": Rejected,
    "MastodonIOError": Rejected,
    "MastodonIllegalArgumentError": Rejected,
    "MastodonVersionError": Rejected,
    "MastodonError": Rejected,
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


@pytest.mark.parametrize("kind", [*LIBRARY, *CLIENT], ids=lambda kind: kind.__name__)
def test_every_exception_of_both_libraries_is_one_of_ours(kind):
    error = network_error(made(kind), WRITE)
    assert type(error) is EXPECTED.get(kind.__name__, Unreachable)
    assert error.server == SERVER
    assert error.ref == "x"


def test_the_reflection_finds_the_exceptions():
    assert len(LIBRARY) >= 16
    assert len(CLIENT) >= 20


def wrapped(inner):
    """Return `inner` as Mastodon.py hands it on: as the context of its own."""
    outer = mastodon.MastodonNetworkError(f"Could not complete request: {inner}")
    outer.__context__ = inner
    return outer


POOL = urllib3.HTTPConnectionPool("mastodon.example")
REFUSED = urllib3.exceptions.NewConnectionError(POOL, "refused")
NO_NAME = urllib3.exceptions.NameResolutionError("mastodon.example", POOL, socket.gaierror())


def after_retries(error):
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(POOL, "/", error))


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        wrapped(requests.ConnectTimeout("slow")),
        wrapped(requests.exceptions.SSLError("certificate")),
        wrapped(after_retries(REFUSED)),
        wrapped(after_retries(NO_NAME)),
    ],
)  # fmt: skip
def test_what_was_never_sent_was_not_done(error):
    found = network_error(error, WRITE)
    assert isinstance(found, Unreachable)
    assert not found.is_outcome_unknown
    assert "cannot be reached" in str(found)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout("slow"), "in time"),
        (wrapped(requests.ReadTimeout("Read timed out.")), "in time"),
        (
            wrapped(requests.ConnectionError(urllib3.exceptions.ProtocolError("aborted", ConnectionResetError()))),
            "broke",
        ),
        (wrapped(requests.exceptions.ChunkedEncodingError("cut")), "broke"),
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


def test_the_answer_says_more_than_the_library():
    answer = answered(422, b'{"error":"Text character limit of 500 exceeded"}')
    error = network_error(mastodon.MastodonAPIError("Mastodon API returned error", 422, "x", None), WRITE, answer)
    assert isinstance(error, Rejected)
    assert "500 exceeded" in str(error)


def test_a_good_answer_that_nobody_can_read_may_be_a_post():
    error = network_error(mastodon.MastodonAPIError("Could not parse"), WRITE, answered(200, b"<html>"))
    assert isinstance(error, NetworkError)
    assert error.is_outcome_unknown
