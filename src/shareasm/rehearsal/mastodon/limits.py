"""Rate limits as Mastodon has them: fixed windows along the clock, several at once, the tightest one in the headers.

Sources: Mastodon 4.6.5 `config/initializers/rack_attack.rb:69-110`, `app/lib/rate_limiter.rb:12-15`. A window is measured
in the rehearsal's time: at 1440 times the speed, five minutes are gone in a fifth of a second.
"""

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shareasm.clock import Clock
from shareasm.rehearsal.mastodon.model import Token

_PAGED = ("max_id", "min_id", "since_id", "page")
_DELETES = re.compile(r"/api/v1/statuses/[^/]+(/unreblog)?/?")
_MEDIA = re.compile(r"/api/v[12]/media/?")
_STATUS = re.compile(r"/api/v1/statuses(/[^/]+)?/?")


@dataclass(frozen=True)
class Budget:
    """So many requests in each window of so many seconds."""

    requests: int
    period_s: int


@dataclass(frozen=True)
class Budgets:
    """How much is allowed. Tests and rehearsals make some small; None switches one off."""

    token: Budget | None = Budget(300, 300)  # all API calls, for each access token
    user: Budget | None = Budget(1500, 300)  # all API calls of all tokens of a user
    anonymous: Budget | None = Budget(300, 300)  # all API calls without a token, for each address
    paging: Budget | None = Budget(300, 900)  # with max_id, min_id, since_id or page; for each user or address
    media: Budget | None = Budget(30, 1800)  # uploads, for each user
    deletes: Budget | None = Budget(30, 1800)  # deleting statuses, for each user
    statuses: Budget | None = Budget(300, 10800)  # creating and editing, for each account
    apps: Budget | None = Budget(5, 600)  # registering applications, for each address
    group: Budget | None = Budget(
        300, 300
    )  # GoToSocial alone, and nothing else there: for each address and group of routes


@dataclass(frozen=True)
class Allowance:
    """What is left of the tightest budget that a request counts in; `remaining` -1: it is refused."""

    limit: int
    remaining: int
    resets_at: datetime

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say so. Reset is a time with microseconds, and there is no Retry-After."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.remaining)),
            "X-RateLimit-Reset": self.resets_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }


class RateLimits:
    """Counts requests. May be used from any thread."""

    def __init__(self, clock: Clock, budgets: Budgets, *, is_grouped: bool = False) -> None:
        self._clock = clock
        self._is_grouped = is_grouped
        self.budgets = budgets  # may be replaced while the server runs
        self._counts: dict[tuple[str, str, int], int] = {}
        self._lock = threading.Lock()

    def wipe(self) -> None:
        """Forget what was spent."""
        with self._lock:
            self._counts.clear()

    def count(self, method: str, path: str, query: str, token: Token | None, address: str) -> Allowance | None:
        """Count one request; return the tightest allowance, None where nothing is limited."""
        now = self._clock.now()
        with self._lock:
            allowances = [
                self._spend(now, name, key, budget)
                for name, key, budget in self._applying(method, path, query, token, address)
            ]
        return min(allowances, key=lambda allowance: allowance.remaining, default=None)

    def _applying(
        self, method: str, path: str, query: str, token: Token | None, address: str
    ) -> list[tuple[str, str, Budget]]:
        if self._is_grouped:
            return [("group", f"{_group(path)} {address}", self.budgets.group)] if self.budgets.group else []
        if not path.startswith("/api/"):
            return []
        is_paged = any(f"{name}=" in query for name in _PAGED)
        user = token.account.id if token and token.account else ""
        who = user or address
        rules = [
            ("token", token.text if token else "", self.budgets.token, token is not None),
            ("user", user, self.budgets.user, bool(user)),
            ("anonymous", address, self.budgets.anonymous, token is None),
            ("paging", who, self.budgets.paging, is_paged),
            ("media", user, self.budgets.media, method == "POST" and bool(_MEDIA.fullmatch(path))),
            ("deletes", user, self.budgets.deletes, _is_delete(method, path)),
            ("statuses", user, self.budgets.statuses, method in ("POST", "PUT") and bool(_STATUS.fullmatch(path))),
            ("apps", address, self.budgets.apps, method == "POST" and path == "/api/v1/apps"),
        ]
        return [(name, key, budget) for name, key, budget, applies in rules if applies and budget is not None]

    def _spend(self, now: datetime, name: str, key: str, budget: Budget) -> Allowance:
        seconds = int(now.timestamp())
        window = seconds // budget.period_s
        spent = self._counts[name, key, window] = self._counts.get((name, key, window), 0) + 1
        resets_at = now.astimezone(UTC) + timedelta(seconds=budget.period_s - seconds % budget.period_s)
        return Allowance(budget.requests, max(-1, budget.requests - spent), resets_at)


def _group(path: str) -> str:
    """Return which routes of GoToSocial share a limit: `cmd/gotosocial/action/server/server.go`."""
    if path.startswith(("/api/", "/oauth/")):
        return "client"
    return "server" if path.startswith(("/.well-known", "/nodeinfo")) else "files"


def _is_delete(method: str, path: str) -> bool:
    is_unboost = method == "POST" and path.rstrip("/").endswith("/unreblog")
    return bool(_DELETES.fullmatch(path)) and (method == "DELETE" or is_unboost)
