"""How fast one server is asked: its limits, as its answers tell them, and when it is given a rest.

All who ask a server from this process share its pace. What counts together is the server's to say, and it does not. Mastodon
counts each access token (300 requests in 5 minutes), all without one by address (the same), and pages of timelines once
more (300 in 15 minutes). GoToSocial counts the address alone, whoever asks (Mastodon 4.6 `rack_attack.rb`, GoToSocial
`docs/api`). Of several limits the headers tell the tightest. So an allowance is kept for each of these purses, and a request
needs room in every one that it is paid from.

Reading stops before an allowance is used up: what is left belongs to posts of ours, and an answer of 429 is a sign of bad
manners. Writing is paid for and never held back here: it has its day to keep, and its own patience.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shareasm.domain.patience import left_alone_until
from shareasm.domain.robots import Notices
from shareasm.errors import LeftAlone, NetworkError, RateLimited
from shareasm.networks.mastodon.answers import Answer, retry_at
from shareasm.networks.ports import Rest

KEPT_FOR_POSTS = 10
"""Of an account's allowance the tenth part is not read with."""

KEPT_OF_PAGES = 60
"""Of what pages are paid from, the sixtieth part: sending turns pages only to look for a post that may be out."""

USUAL_LIMIT, WINDOW = 300, timedelta(minutes=5)
"""Requests and their window on Mastodon and GoToSocial, where no answer has told yet. How long a window is no header tells."""

SAME_WINDOW = timedelta(seconds=2)
"""Ends of one and the same window differ by less, from answer to answer: Mastodon leaves the clock's fraction in it."""

PROBE = timedelta(minutes=2)
"""How long one request that tries a server again keeps all others waiting, should it never come back."""

WORTH_SAYING = timedelta(minutes=1)
"""Rounds that lie closer together than that are not slow."""

ANYBODY = ""
"""Who asks without a token, or wherever the address alone counts."""


@dataclass(frozen=True, slots=True)
class Fare:
    """What a request to read is paid from: whose allowance, and whether it turns a page."""

    token: str | None
    is_page: bool = False
    is_for_posts: bool = False  # sending asks: what is kept is there for it, and a resting server is tried


@dataclass(slots=True)
class _Purse:
    limit: int
    left: int
    resets_at: datetime


class Pacing:
    """The pace of every server that this process asks."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
        notices: Notices | None = None,
    ) -> None:
        """`chance` draws a number from 0 to 1; `notices`: what servers write in their robots.txt; None: not asked for."""
        self._now = now
        self._notices = notices
        self._chance = chance
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()

    def of(self, server: str) -> "Pace":
        """Return the one pace of a server, by its base URL."""
        server = server.rstrip("/").lower()
        with self._lock:
            if server not in self._paces:
                self._paces[server] = Pace(server, now=self._now, chance=self._chance, notices=self._notices)
            return self._paces[server]

    def forgive(self) -> None:
        """Let everything be tried again, and keep nothing back for posts: the day is over, and this is the last look."""
        with self._lock:
            paces = list(self._paces.values())
        for pace in paces:
            pace.forgive()


class Pace:
    """What one server still allows, and whether it is left alone. May be used by several threads at once."""

    def __init__(
        self,
        server: str,
        *,
        now: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
        notices: Notices | None = None,
    ) -> None:
        """`notices`: what servers write in their robots.txt; None: it is not asked for."""
        self.notices = notices
        self._server = server
        self._now = now
        self._chance = chance
        self._lock = threading.Lock()
        self._purses: dict[tuple[str, bool], _Purse] = {}
        self._counts_addresses = False
        self._keeps_for_posts = True
        self._rests_until: datetime | None = None
        self._failure_count = 0
        self._left_alone_until: datetime | None = None
        self._probe_since: datetime | None = None
        self._trouble = ""

    def count_by_address(self) -> None:
        """Know that this server counts the address alone, whoever asks."""
        with self._lock:
            self._counts_addresses = True

    def forgive(self) -> None:
        """See `Pacing.forgive`. What a limit forbids stays forbidden."""
        with self._lock:
            self._keeps_for_posts = False
            self._failure_count, self._left_alone_until, self._probe_since = 0, None, None

    # ---- asking --------------------------------------------------------------------------------------------------------

    def admit(self, fare: Fare) -> None:
        """Let a request to read pass, and pay for it. Raises RateLimited or LeftAlone, without asking anybody."""
        with self._lock:
            now = self._now()
            if self._rests_until and now < self._rests_until and not fare.is_for_posts:
                raise self._limited("it asked for patience", self._rests_until)
            purses = [(key, purse) for key in self._keys(fare) if (purse := self._purse(key, now))]
            for key, purse in purses:
                if purse.left <= (0 if fare.is_for_posts else self._kept(key, purse)):
                    raise self._limited(_spent(key, purse), purse.resets_at)
            if not fare.is_for_posts:
                self._let_through(now)
            for _, purse in purses:
                purse.left -= 1

    def spend(self, fare: Fare) -> None:
        """Pay for a request that nothing holds back."""
        with self._lock:
            now = self._now()
            for key in self._keys(fare):
                if purse := self._purse(key, now):
                    purse.left = max(purse.left - 1, 0)

    def note(self, fare: Fare, answer: Answer) -> None:
        """Learn from an answer to a request to read."""
        with self._lock:
            now = self._now()
            if answer.status == 503 and "retry-after" in answer.headers:
                self._rests_until = retry_at(answer, now)
                self._is_well()
                return
            if answer.status >= 500:
                self._fail(f"{answer.status}", now)
                return
            self._is_well()
            limit, left = _number(answer.headers, "limit"), _number(answer.headers, "remaining")
            if answer.status == 429:
                limit, left = limit or 1, 0
            if left is not None:
                key = next(self._keys(fare))
                self._fill(key, _Purse(max(limit or 0, left), left, retry_at(answer, now)), now)

    def note_silence(self, error: NetworkError) -> None:
        """Learn that no answer came."""
        with self._lock:
            self._fail(error.message, self._now())

    def rest(self, token: str | None, request_count: int) -> Rest | None:
        """Return until when a round like the last one, of so many requests, should wait so that what is left lasts."""
        with self._lock:
            now = self._now()
            waits = [
                (wait, key, purse)
                for key in self._keys(Fare(token, is_page=True))
                if (purse := self._purse(key, now))
                and (wait := self._wait(key, purse, request_count, now)) > WORTH_SAYING
            ]
        if not waits:
            return None
        wait, key, purse = max(waits, key=lambda found: found[0])
        why = f"asked less often: {_purse_words(key)} allows {purse.left} more until {purse.resets_at:%H:%M:%S} UTC"
        return Rest(now + wait, why)

    def reads_a_minute(self, token: str | None) -> float:
        """Return how many requests that turn no page it allows, as far as it is known; else as Mastodon does by default."""
        with self._lock:
            key = next(self._keys(Fare(token)))
            purse = self._purses.get(key)
            usable = purse.limit - self._kept(key, purse) if purse else USUAL_LIMIT
        return usable / (WINDOW / timedelta(minutes=1))

    def _wait(self, key: tuple[str, bool], purse: _Purse, request_count: int, now: datetime) -> timedelta:
        """Return how far apart rounds must lie; nothing while more than half of the allowance is there."""
        if purse.left * 2 > purse.limit:
            return timedelta()
        usable = purse.left - self._kept(key, purse)
        left = purse.resets_at - now
        return min(left, left * request_count / usable) if usable > 0 else left

    # ---- allowances ----------------------------------------------------------------------------------------------------

    def _keys(self, fare: Fare) -> Iterator[tuple[str, bool]]:
        """Yield the purses that a request is paid from; the one that its answer tells of first."""
        who = ANYBODY if self._counts_addresses else fare.token or ANYBODY
        if fare.is_page and not self._counts_addresses:
            yield who, True
        yield who, False

    def _purse(self, key: tuple[str, bool], now: datetime) -> _Purse | None:
        purse = self._purses.get(key)
        if purse and now >= purse.resets_at:
            del self._purses[key]
            return None
        return purse

    def _fill(self, key: tuple[str, bool], told: _Purse, now: datetime) -> None:
        known = self._purse(key, now)
        if known and abs(known.resets_at - told.resets_at) < SAME_WINDOW:  # answers may overtake each other
            told.left = min(told.left, known.left)
        self._purses[key] = told

    def _kept(self, key: tuple[str, bool], purse: _Purse) -> int:
        who, is_page = key
        if not self._keeps_for_posts or (who == ANYBODY and not self._counts_addresses):
            return 0
        return purse.limit // (KEPT_OF_PAGES if is_page else KEPT_FOR_POSTS)

    def _limited(self, why: str, until: datetime) -> RateLimited:
        return RateLimited(why, server=self._server, until=until)

    # ---- leaving alone -------------------------------------------------------------------------------------------------

    def _let_through(self, now: datetime) -> None:
        """Raise LeftAlone while the server has its rest; then let one request try it, and the others wait for that."""
        until = self._left_alone_until
        if until is None:
            return
        if now >= until and self._probe_since and now < self._probe_since + PROBE:
            until = self._probe_since + PROBE
        if now < until:
            why = f"left alone after {self._failure_count} failures in a row ({self._trouble})"
            raise LeftAlone(why, server=self._server, until=until)
        self._probe_since = now

    def _fail(self, trouble: str, now: datetime) -> None:
        self._failure_count += 1
        self._trouble = trouble
        self._probe_since = None
        self._left_alone_until = left_alone_until(self._failure_count, now, self._chance())

    def _is_well(self) -> None:
        self._failure_count, self._left_alone_until, self._probe_since = 0, None, None


def _number(headers: Mapping[str, str], name: str) -> int | None:
    """Return what a header counts; None where it counts nothing."""
    value = headers.get(f"x-ratelimit-{name}", headers.get(f"ratelimit-{name}", "")).strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _spent(key: tuple[str, bool], purse: _Purse) -> str:
    kept = f"; the last {purse.left} are kept for posts" if purse.left else ""
    return f"{_purse_words(key)} is used up{kept}"


def _purse_words(key: tuple[str, bool]) -> str:
    who, is_page = key
    whose = "what it allows to this account" if who else "what it allows without sign-in"
    return f"{whose}, in pages," if is_page else whose
