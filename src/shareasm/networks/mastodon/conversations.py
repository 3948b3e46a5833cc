"""Reads what was said to a post on a Mastodon-API server: its thread, and who quotes it (ConversationReader).

`GET /api/v1/statuses/:id/context` is open: it shows 60 descendants, 20 deep, to anonymous readers and 4,096 to those who
sign in (Mastodon 4.6 `statuses_controller.rb`); snac shows direct replies alone. `GET /api/v1/statuses/:id/quotes` is there
since 4.5 and wants a token that may read (`statuses/quotes_controller.rb`). A server knows what has reached it, so the
post's own is asked where we read that one (collect.conversations).
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

import httpx
import msgspec

from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.posts import Post, Visibility
from shareasm.errors import Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.client import Api, Query, Token
from shareasm.networks.mastodon.pace import Pace
from shareasm.networks.mastodon.pages import decode_list
from shareasm.networks.ports import Conversation

QUOTES_PAGE = 40
"""The most that Mastodon gives at once; one page is read."""


class _Context(msgspec.Struct):
    descendants: msgspec.Raw = msgspec.Raw(b"[]")


class MastodonConversations:
    """ConversationReader of one server."""

    def __init__(
        self,
        server: str,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        token: Token | None = None,
        pace: Pace | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(server, user_agent=user_agent, now=now, token=token, pace=pace, transport=transport)
        self._may_ask_for_quotes = token is not None

    def read_conversation(self, post: Post, local_id: str) -> Conversation:
        """Return what the server has of it. Posts that not everybody sees are left out: nobody counts our private mail."""
        place = f"/api/v1/statuses/{quote(local_id, safe='')}"
        answers = self._public(self._context(place, post)) if post.counts.replies else ((), ())
        quotes = self._public(self._quotes(place, post)) if post.counts.quotes else ((), ())
        quoting = tuple(seen for seen in quotes[0] if seen.post.quote == post.ref)
        return Conversation(answers[0], quoting, answers[1] + quotes[1])

    def _context(self, place: str, post: Post) -> bytes:
        body = self._get(f"{place}/context", (), post)
        try:
            return bytes(msgspec.json.decode(body, type=_Context).descendants) if body else b"[]"
        except (ValueError, RecursionError) as error:
            raise self._unreadable() from error

    def _quotes(self, place: str, post: Post) -> bytes:
        if not self._may_ask_for_quotes:
            return b"[]"
        return self._get(f"{place}/quotes", [("limit", str(QUOTES_PAGE))], post) or b"[]"

    def _get(self, path: str, query: Query, post: Post) -> bytes | None:
        """Return an answer; None where the post is not there any more, or the server does not say such things to us."""
        try:
            return self._api.get(path, query, ref=post.ref.uri)
        except (Rejected, Unauthorized):
            return None

    def _public(self, statuses: bytes) -> tuple[tuple[Seen, ...], tuple[Skipped, ...]]:
        try:
            decoded = decode_list(self._api, statuses)
        except ValueError as error:
            raise self._unreadable() from error
        public = (seen for seen in decoded.posts if seen.post.visibility is not Visibility.PRIVATE)
        return tuple(public), tuple(decoded.skipped)

    def _unreadable(self) -> Unreachable:
        return Unreachable("its answer is no conversation", server=self._api.server)
