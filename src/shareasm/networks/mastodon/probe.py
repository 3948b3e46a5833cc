"""Looks an account of a Mastodon-API server over before the day: whose token it is, what it may do, what the server takes.

Whether the token has a scope is asked with calls that change nothing, because no server tells: they are about ids that nobody
has, and a server looks at the scope first (Mastodon 4.6 `base_controller.rb`: 403, before 404).
"""

import statistics
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx
import msgspec

from shareasm.domain.posts import Post
from shareasm.domain.queue import Receipt
from shareasm.errors import NotThere, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Answer, Asked, refusal
from shareasm.networks.mastodon.authors import user_at_host
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.entities import Author, Unfit
from shareasm.networks.mastodon.library import Call, Library
from shareasm.networks.mastodon.limits import read_limits
from shareasm.networks.mastodon.translate import decode_page, parse_time
from shareasm.networks.ports import AccountFacts, Limits

NOBODYS_ID = "0"
CANNOT_DELETE = frozenset({"snac"})
NARROWEST = {"pixelfed": "private"}
"""The visibility that fewest people see. A direct status that names nobody is seen by its author; Pixelfed has none such."""


def ask_limits(api: Api) -> Limits:
    """Return what a server takes in a post, by its own word; open to all. Raises NetworkError where it does not answer."""
    for path in ("/api/v2/instance", "/api/v1/instance"):
        try:
            instance = api.get_object(path)
        except (Rejected, Unauthorized):
            continue
        return read_limits(instance, api.software() or "")
    return read_limits({}, api.software() or "")


class _Own(msgspec.Struct):
    id: str | int
    bot: bool | None = None


class MastodonProbe:
    """AccountProbe for one account. `token` is asked anew whenever it is needed. Raises only our NetworkErrors."""

    def __init__(
        self,
        server: str,
        token: Callable[[], str],
        *,
        user_agent: str,
        now: Callable[[], datetime],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(server, user_agent=user_agent, now=now, transport=transport)  # for what is open to all
        self._library = Library(self._api, token=token)
        self._now = now
        self._ahead_s: list[float] = []

    def examine(self) -> AccountFacts:
        """Ask whose token it is, then what it may do, then what the server takes."""
        answer = self._ask(lambda speaker: speaker.account_verify_credentials())
        if not answer.is_good:
            raise refusal(answer, self._asked())
        own, author = self._decoded(answer)
        software = self._api.software() or ""
        missing = tuple(self._missing_scopes(str(own.id)))
        return AccountFacts(
            handle=self._handle(author),
            limits=ask_limits(self._api),
            software=software,
            missing_scopes=missing,
            clock_ahead_s=statistics.median(self._ahead_s) if self._ahead_s else None,
            calls_left=_number(answer.headers.get("x-ratelimit-remaining", "")),
            calls_renew_at=parse_time(answer.headers.get("x-ratelimit-reset", "")),
            is_marked_automated=own.bot,
            can_delete=software not in CANNOT_DELETE,
            narrowest=NARROWEST.get(software, "direct"),
        )

    def mark_automated(self) -> None:
        """Set the account's bot flag. Raises Unauthorized without the scope write:accounts."""
        answer = self._ask(lambda speaker: speaker.account_update_credentials(bot=True))
        if not answer.is_good:
            raise refusal(answer, self._asked())

    def read_back(self, receipt: Receipt) -> Post | None:
        """Return a status of ours as the collector translates it; None where the server does not show it."""
        answer = self._ask(lambda speaker: speaker.status(quote(receipt.local_id, safe="")))
        if not answer.is_good:
            error = refusal(answer, self._asked())
            if isinstance(error, NotThere):
                return None
            raise error
        try:
            decoded = decode_page(b"[" + answer.body + b"]", self._api.server, self._api.domain())
        except ValueError as error:
            raise Unreachable("its answer about our post is not readable", server=self._api.server) from error
        return next((seen.post for seen in decoded.posts if seen.post.ref == receipt.ref), None)

    # ---- parts ---------------------------------------------------------------------------------------------------------

    def _missing_scopes(self, own_id: str) -> Iterator[str]:
        """Yield the scopes for want of which the server refuses a call that would change nothing."""
        calls: tuple[tuple[str, Call], ...] = (
            ("read:statuses", lambda speaker: speaker.account_statuses(quote(own_id, safe=""))),
            ("write:media", lambda speaker: speaker.media(NOBODYS_ID)),
            ("write:statuses", lambda speaker: speaker.status_update(NOBODYS_ID, "x")),
        )
        for scope, call in calls:
            answer = self._ask(call)
            if answer.status == 403 and not answer.is_web_page:
                yield scope
            elif answer.status in {401, 429}:
                raise refusal(answer, self._asked())

    def _handle(self, author: Author) -> str:
        try:
            return user_at_host(author, self._api.server, None if "@" in author.acct else self._api.domain())
        except Unfit as unfit:
            raise Unreachable("its answer about our account is not readable", server=self._api.server) from unfit

    def _decoded(self, answer: Answer) -> tuple[_Own, Author]:
        try:
            return msgspec.json.decode(answer.body, type=_Own), msgspec.json.decode(answer.body, type=Author)
        except (ValueError, RecursionError) as error:
            raise Unreachable("its answer about our account is not readable", server=self._api.server) from error

    def _asked(self) -> Asked:
        return Asked(self._api.server, self._now(), has_token=True)

    def _ask(self, call: Call) -> Answer:
        """Return the answer whatever its status, and note how the server's clock stands to ours."""
        sent_at = self._now()
        answer = self._library.ask(call)
        self._compare_clocks(answer, sent_at, self._now())
        return answer

    def _compare_clocks(self, answer: Answer, sent_at: datetime, read_at: datetime) -> None:
        """Note how far the server is ahead. Its Date is cut to the second: on average it is half a second later."""
        try:
            said = parsedate_to_datetime(answer.headers.get("date", ""))
            ahead = said + timedelta(seconds=0.5) - (sent_at + (read_at - sent_at) / 2)
        except (TypeError, ValueError):
            return  # it tells no time, or one without a zone
        self._ahead_s.append(ahead.total_seconds())


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() and len(text) < 10 else None
