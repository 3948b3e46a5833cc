"""What a server's answer, or its silence, means for us: the one place where HTTP errors become ours.

Sources: Mastodon 4.6 `error_handling.rb`, `rack_attack.rb`; other servers as seen running (docs of the project's bench). A
front proxy may answer with HTML and any status, so JSON is never assumed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TypedDict

import httpx
import msgspec

from shareasm.domain.richtext import clean_line, to_text
from shareasm.errors import NetworkError, NotThere, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.translate import parse_time

DEFAULT_WAIT = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, from whichever library. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the server did what was asked, whatever it says of it."""
        return 200 <= self.status < 300

    @property
    def is_web_page(self) -> bool:
        """Whether it is HTML: of a proxy, a firewall, or a site that is no such server."""
        return self.body[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<head", b"<body"))

    @property
    def words(self) -> str:
        """What the server itself says of its refusal, on one line; "" when it says nothing readable."""
        if self.is_web_page:
            return clean_line(to_text(self.body[:20_000].decode("utf-8", "replace")), 120)
        try:
            found = msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return clean_line(self.body[:400].decode("utf-8", "replace"), 120)
        error = found.get("error") if isinstance(found, dict) else None
        return clean_line(error, 300) if isinstance(error, str) else ""


class Act(Enum):
    """What a request does: the same answer means another thing to each."""

    READ = "read"
    UPLOAD = "upload"  # nothing that anyone sees: may be repeated
    WRITE = "write"  # may have been done although the answer is lost


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, as far as an error message or its meaning needs it."""

    server: str
    now: datetime
    act: Act = Act.READ
    ref: str | None = None
    has_token: bool = False


class _Place(TypedDict):
    server: str
    ref: str | None


# ---- answers that are no success ---------------------------------------------------------------------------------------


def refusal(answer: Answer, asked: Asked) -> NetworkError:
    """Return the error that an answer other than 2xx means."""
    said = f": {answer.words}" if answer.words else ""
    status = f"{answer.status}{said}"
    at = _Place(server=asked.server, ref=asked.ref)
    if answer.status == 429 or (
        answer.status == 503 and "retry-after" in answer.headers and asked.act is not Act.WRITE
    ):
        return RateLimited(f"asks for patience ({status})", until=retry_at(answer, asked.now), **at)
    if answer.status >= 500:
        return Unreachable(f"has trouble ({status})", is_outcome_unknown=asked.act is Act.WRITE, **at)
    if answer.status == 403 and answer.is_web_page:
        return Unreachable(f"a proxy or firewall in front of it refuses us ({status})", **at)
    if 300 <= answer.status < 400:
        target = clean_line(answer.headers.get("location", "another address"), 200)
        return Rejected(f"has moved to {target}: write that address into campaign.yaml", **at)
    if _is_about_the_token(answer, asked):
        return Unauthorized(_token_advice(status, asked), **at)
    if asked.act is Act.WRITE and "duplicate" in answer.words.lower():
        # Pixelfed answers 400 "Duplicate idempotency key.", Mastodon 422 "Duplicate record": the first one may stand.
        return Unreachable(f"has seen this post before ({status})", is_outcome_unknown=True, **at)
    if answer.status in {404, 410}:
        return NotThere(f"has no such thing ({status})", **at)
    return Rejected(f"refuses ({status})", **at)


def _is_about_the_token(answer: Answer, asked: Asked) -> bool:
    """401 and 403 are; 422 where reading needs a user (Mastodon) or without a word (snac); 400 in plain text (Takahē)."""
    if answer.status in {401, 403}:
        return True
    if answer.status == 422:
        return asked.act is Act.READ or not answer.body.strip()
    return answer.status == 400 and asked.has_token and not answer.body.lstrip().startswith((b"{", b"["))


def _token_advice(status: str, asked: Asked) -> str:
    if asked.has_token:
        return f"refuses the access token ({status}); make a new one with the scopes read and write"
    return (
        f"shows this only to people who are signed in ({status}); "
        "name one of your accounts there at this source in campaign.yaml (account: …)"
    )


def retry_at(answer: Answer, now: datetime) -> datetime:
    """Return when to ask again: Retry-After (seconds or a date), X-RateLimit-Reset (ISO time, epoch or seconds), else in a
    minute.

    A date is read by the server's own clock where it tells that. At least a second, at most an hour from `now`.
    """
    wait = _stated_wait(answer.headers, now)
    if wait is None:
        wait = DEFAULT_WAIT
    return now + min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)


def _stated_wait(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    server_now = _http_date(headers.get("date", "")) or now
    after = headers.get("retry-after", "").strip()
    if after.isdigit():
        return timedelta(seconds=min(int(after), 86_400)) if len(after) < 10 else LONGEST_WAIT
    reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", "")).strip()
    if reset.isascii() and reset.isdigit() and len(reset) < 8:
        return timedelta(seconds=int(reset))  # of the draft for RateLimit headers: seconds from now
    until = _http_date(after) or parse_time(reset) or _epoch(reset)
    return until - server_now if until else None


def _http_date(value: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _epoch(value: str) -> datetime | None:
    return datetime.fromtimestamp(int(value), UTC) if value.isdigit() and len(value) < 11 else None


# ---- exceptions --------------------------------------------------------------------------------------------------------


def network_error(error: Exception, asked: Asked) -> NetworkError:
    """Return what an exception of httpx means."""
    at = _Place(server=asked.server, ref=asked.ref)
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Rejected("its address is not usable", **at)
    was_sent = asked.act is Act.WRITE and not isinstance(error, _BEFORE_SENDING)
    return Unreachable(_silence(error), is_outcome_unknown=was_sent, **at)


_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.LocalProtocolError)
"""The connection was never made, or we refused to write the request: then nothing can have been done."""


def _silence(error: Exception) -> str:
    if isinstance(error, httpx.LocalProtocolError):
        return "cannot be asked with such an address or token"
    if isinstance(error, _BEFORE_SENDING):
        return "cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "does not answer in time"
    return "broke the connection off"
