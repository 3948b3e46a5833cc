"""Looks a Bluesky account over before the day: whose app password it is, what is left of its calls, what it says of itself.

Signs in only where no session is stored: servers count sign-ins (platform facts 6.4).
"""

import base64
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from shareasm.domain.posts import Post
from shareasm.domain.queue import Receipt
from shareasm.errors import Unauthorized
from shareasm.networks.bluesky.answers import Reply, failure, refusal
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.publisher import LIMITS
from shareasm.networks.bluesky.translate import MALFORMED, decode_get_posts
from shareasm.networks.bluesky.writing import Repository
from shareasm.networks.ports import AccountFacts

PROFILE = "app.bsky.actor.profile"
SELF_LABELS = "com.atproto.label.defs#selfLabels"
BOT = "bot"
"""The label by which an account says that a program writes it (docs.bsky.app, labels; platform facts 5.5)."""

MAIN_PASSWORD_SCOPE = "com.atproto.access"  # noqa: S105  a name, not a secret
"""`scope` of a session that was made with the account's own password; with an app password it is `com.atproto.appPass…`."""

SEEN_WAITS_S = (0.5, 1, 1, 2, 3, 5, 8, 10)
"""Between looks for a post that the AppView does not show yet: half a minute in all."""


T = TypeVar("T")


class _Own(msgspec.Struct):
    did: str
    handle: str
    active: bool = True


class _Record(msgspec.Struct):
    value: dict[str, object]
    cid: str | None = None


class BlueskyProbe:
    """AccountProbe for one account. Raises only our NetworkErrors."""

    def __init__(
        self, server: Server, *, appview: Server | None = None, wait: Callable[[float], None] = time.sleep
    ) -> None:
        """`server` is signed in; `appview` is who shows posts, where `server` does not pass reads on."""
        if server.session is None:
            raise ValueError("an account is looked over with its session")
        self._server = server
        self._session = server.session
        self._appview = appview or server
        self._wait = wait
        self._ahead_s: list[float] = []

    def examine(self) -> AccountFacts:
        """Ask who we are, then what our profile says, then the server about itself."""
        reply = self._ask("GET", "com.atproto.server.getSession")
        own = self._decoded(reply, _Own)
        if not own.active:
            raise Unauthorized("the account is deactivated", server=self._server.base_url, ref=own.handle)
        profile = self._profile()
        self._ask("GET", "com.atproto.server.describeServer")  # one more look at its clock
        return AccountFacts(
            handle=own.handle,
            limits=LIMITS,
            software="bluesky",
            clock_ahead_s=statistics.median(self._ahead_s) if self._ahead_s else None,
            calls_left=_number(reply.headers.get("ratelimit-remaining", "")),
            calls_renew_at=_instant(reply.headers.get("ratelimit-reset", "")),
            is_marked_automated=profile is not None and BOT in _labels(profile.value),
            has_main_password=_scope(self._session.tokens().access) == MAIN_PASSWORD_SCOPE,
        )

    def mark_automated(self) -> None:
        """Add the label `bot` to the profile; what else it says stays. Raises Occupied where somebody changes it meanwhile."""
        profile = self._profile()
        value: dict[str, object] = dict(profile.value) if profile else {"$type": PROFILE}
        kept = sorted({*_labels(value), BOT})
        value["labels"] = {"$type": SELF_LABELS, "values": [{"val": label} for label in kept]}
        Repository(self._server).put(PROFILE, "self", value, over=profile.cid if profile else None, ref=PROFILE)

    def read_back(self, receipt: Receipt) -> Post | None:
        """Return a post of ours as readers see it, once they do; None where they do not within half a minute."""
        for seconds in (*SEEN_WAITS_S, None):
            reply = self._appview.ask("GET", "app.bsky.feed.getPosts", params=[("uris", receipt.ref.uri)])
            if not reply.is_success:
                raise refusal(reply, self._appview.base_url, self._server.now(), ref=receipt.ref.uri)
            try:
                page = decode_get_posts(reply.body, self._server.now())
            except MALFORMED as error:
                raise failure(error, self._appview.base_url, self._server.now()) from error
            found = next((seen.post for seen in page.posts if seen.post.ref == receipt.ref), None)
            if found is not None or seconds is None:
                return found
            self._wait(seconds)
        return None

    # ---- parts ---------------------------------------------------------------------------------------------------------

    @property
    def _did(self) -> str:
        return self._session.tokens().did

    def _profile(self) -> _Record | None:
        params = [("repo", self._did), ("collection", PROFILE), ("rkey", "self")]
        reply = self._ask("GET", "com.atproto.repo.getRecord", params)
        return None if reply.error == "RecordNotFound" else self._decoded(reply, _Record)

    def _ask(self, method: str, nsid: str, params: list[tuple[str, str]] | None = None) -> Reply:
        """Return the answer whatever its status, and note how the server's clock stands to ours."""
        sent_at = self._server.now()
        reply = self._server.ask(method, nsid, params=params or [])
        read_at = self._server.now()
        try:
            said = parsedate_to_datetime(reply.headers.get("date", ""))
            ahead = said + timedelta(seconds=0.5) - (sent_at + (read_at - sent_at) / 2)  # Date is cut to the second
        except (TypeError, ValueError):
            return reply  # it tells no time, or one without a zone
        self._ahead_s.append(ahead.total_seconds())
        return reply

    def _decoded(self, reply: Reply, kind: type[T]) -> T:
        if not reply.is_success:
            raise refusal(reply, self._server.base_url, self._server.now())
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except MALFORMED as error:
            raise failure(error, self._server.base_url, self._server.now()) from error


def _labels(profile: dict[str, object]) -> list[str]:
    """Return what a profile says of itself."""
    labels = profile.get("labels")
    values = labels.get("values") if isinstance(labels, dict) else None
    rows = [row.get("val") for row in values if isinstance(row, dict)] if isinstance(values, list) else []
    return [value for value in rows if isinstance(value, str)]


def _scope(token: str) -> str | None:
    """Return what a session may do, by its own word; it is only read here, the server is who checks it."""
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return None
    scope = claims.get("scope") if isinstance(claims, dict) else None
    return scope if isinstance(scope, str) else None


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() and len(text) < 10 else None


def _instant(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if text.strip().isdecimal() and len(text) < 11 else None
