"""What a Bluesky server's answer, or the lack of one, means to us: the one place where their errors become ours.

An XRPC error is a status with `{"error": name, "message": words}`; a proxy in between answers HTML. Names and statuses
as the real servers send them (PDS 0.5.35, AppView 0.0.280, read and run November 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from shareasm.domain.richtext import clean_line
from shareasm.errors import NetworkError, Occupied, RateLimited, Rejected, Stale, Unauthorized, Unreachable
from shareasm.networks.bluesky.translate import MALFORMED

WAIT_WHEN_NOT_TOLD = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=24)

STALE_TOKEN = frozenset({"ExpiredToken", "InvalidToken"})
"""Errors that a renewed session may cure. They come with 400, not 401."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""The request cannot have reached the server, so nothing was done."""


class _ErrorBody(msgspec.Struct):
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes

    @property
    def is_success(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def error(self) -> str:
        """The XRPC error's name; "" where the answer is none."""
        return "" if self.is_success else self._error_body().error

    @property
    def words(self) -> str:
        """The server's own words about its error, for a person: one line."""
        said = self._error_body()
        words = ": ".join(part for part in (said.error, said.message) if part)
        return clean_line(words, 200) or f"HTTP {self.status}"

    def _error_body(self) -> _ErrorBody:
        try:
            return msgspec.json.decode(self.body, type=_ErrorBody)
        except MALFORMED:
            return _ErrorBody()


def refusal(
    reply: Reply, server: str, now: datetime, *, ref: str | None = None, is_write: bool = False
) -> NetworkError:
    """Return the error that an answer other than 2xx stands for.

    A 5xx to a write leaves open whether it was done: a PDS answers a bare 500 also when the record is already there.
    """
    status, words = reply.status, reply.words
    if reply.error in STALE_TOKEN or status == 401:
        return Unauthorized(f"the sign-in is refused ({words})", server=server, ref=ref)
    if status == 403:
        return Unauthorized(
            f"not allowed ({words}); searching Bluesky needs an account's sign-in", server=server, ref=ref
        )
    if status == 429:
        return RateLimited("too many requests", server=server, ref=ref, until=asked_to_wait_until(reply.headers, now))
    if reply.error == "BlobNotFound":  # servers throw away what no record names, after an hour or more
        return Stale("its pictures are not on the server any more, and must be uploaded again", server=server, ref=ref)
    if reply.error == "InvalidSwap":
        return Occupied(f"another record lives here ({words})", server=server, ref=ref)
    if status == 408 or status >= 500:
        is_unknown = is_write and status != 501
        return Unreachable(f"the server has a fault ({words})", server=server, ref=ref, is_outcome_unknown=is_unknown)
    if 300 <= status < 400:
        target = clean_line(reply.headers.get("location", ""), 200)
        return Unreachable(f"the address leads elsewhere: {target or 'nowhere'}", server=server, ref=ref)
    if status == 413:
        return Rejected("too large for this server", server=server, ref=ref)
    return Rejected(f"refused ({words})", server=server, ref=ref)


def asked_to_wait_until(headers: Mapping[str, str], now: datetime) -> datetime:
    """Return when a rate-limited server wants to be asked again: `RateLimit-Reset` (unix seconds), else `Retry-After`.

    Never in the past and at most a day ahead, whatever the server says.
    """
    until = now + WAIT_WHEN_NOT_TOLD
    try:
        if "ratelimit-reset" in headers:
            until = datetime.fromtimestamp(int(headers["ratelimit-reset"]), UTC)
        elif headers.get("retry-after", "").strip().isdecimal():
            until = now + timedelta(seconds=int(headers["retry-after"]))
        elif "retry-after" in headers:
            until = parsedate_to_datetime(headers["retry-after"]).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass  # nonsense in a header is as good as no header
    return min(max(until, now + timedelta(seconds=1)), now + LONGEST_WAIT)


def failure(
    error: Exception, server: str, now: datetime, *, ref: str | None = None, is_write: bool = False
) -> NetworkError:
    """Return the error that an exception of httpx, websockets or the official client library stands for.

    Also takes the bare ValueError that the library lets through for HTML that calls itself JSON. Raise it `from error`.
    """
    if isinstance(error, NetworkError):
        return error
    answered = reply_of(error)
    if answered is not None and not answered.is_success:
        return refusal(answered, server, now, ref=ref, is_write=is_write)
    if isinstance(error.__cause__, httpx.HTTPError):  # the library wraps some, and loses whether anything was sent
        error = error.__cause__
    if isinstance(error, httpx.InvalidURL) or type(error).__name__ == "InvalidURI":
        return Rejected("this is no server's address", server=server, ref=ref)
    if type(error).__name__ == "LoginRequiredError":
        return Unauthorized("not signed in", server=server, ref=ref)
    is_unknown = is_write and not isinstance(error, _NEVER_SENT)
    return Unreachable(_describe(error), server=server, ref=ref, is_outcome_unknown=is_unknown)


def reply_of(error: BaseException | None) -> Reply | None:
    """Return the answer that an exception of httpx, the client library or websockets carries, if it carries one."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        return None
    headers = {str(name).lower(): str(value) for name, value in dict(getattr(response, "headers", {})).items()}
    body = getattr(response, "body", None)  # websockets
    content = getattr(response, "content", None)  # the library: bytes, or its model of an error
    if isinstance(content, bytes):
        body = content
    elif isinstance(name := getattr(content, "error", None), str):
        body = msgspec.json.encode({"error": name, "message": getattr(content, "message", None) or ""})
    return Reply(status, headers, bytes(body) if isinstance(body, (bytes, bytearray)) else b"")


def _describe(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "no answer in time"
    if isinstance(error, (httpx.ConnectError, OSError)):
        return "cannot be reached"
    if isinstance(error, (ValueError, *MALFORMED)) or type(error).__name__ == "ModelError":
        return "the answer is not what it should be"
    return "the connection broke"
