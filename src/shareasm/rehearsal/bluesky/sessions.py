"""Sign-in as the PDS does it: passwords, JWTs, refresh and its grace, expiry and revocation on request, rate limits.

Tokens live by the machine's clock, not by the rehearsal's: client libraries compare `exp` with the time of their machine.
They are signed with the secret that Bluesky's dev-env uses, so a test may mint an expired one for either.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers

from shareasm.clock import Clock
from shareasm.rehearsal.bluesky.lexicon import Record
from shareasm.rehearsal.bluesky.repo import Repo, Repos
from shareasm.rehearsal.bluesky.xrpc import Refusal, bad_request

_SECRET = b"jwt-secret"
_ACCESS_S = 2 * 3600
_REFRESH_S = 90 * 24 * 3600
_ACCESS_SCOPES = ("com.atproto.access", "com.atproto.appPass", "com.atproto.appPassPrivileged")
_REFRESH_SCOPE = "com.atproto.refresh"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair of JWTs."""

    access: str
    refresh: str


@dataclass(slots=True)
class _Login:
    """One sign-in and all its refreshes."""

    scope: str
    password: str
    is_revoked: bool = False
    access: list[str] = field(default_factory=list)


class Sessions:
    """Who is signed in. Use under the lock of `repos`."""

    def __init__(self, repos: Repos, server_did: str) -> None:
        self._repos = repos
        self._server_did = server_did
        self._logins: dict[str, _Login] = {}  # refresh token → its sign-in
        self._next: dict[str, Tokens] = {}  # refresh token → what it was exchanged for
        self._stale: set[str] = set()  # access tokens that were made to expire

    def sign_in(self, identifier: str, password: str) -> tuple[Repo, Tokens]:
        """Return whose password this is, and new tokens. A deactivated account may sign in."""
        repo = self._repos.find(identifier) or self._by_email(identifier)
        if repo is None or password not in (repo.password, *repo.app_passwords):
            raise Refusal(401, "AuthenticationRequired", "Invalid identifier or password")
        if repo.status in ("takendown", "suspended"):
            raise Refusal(401, "AccountTakedown", "Account has been taken down")
        scope = "com.atproto.access" if password == repo.password else "com.atproto.appPass"
        return repo, self._issue(repo, _Login(scope, password))

    def account(self, headers: Headers) -> Repo:
        """Return whose access token the request carries."""
        token = _bearer(headers)
        payload = _verified(token)
        if payload.get("scope") not in _ACCESS_SCOPES:
            raise _bad_token()
        if token in self._stale or float(str(payload["exp"])) <= time.time():
            raise bad_request("Token has expired", "ExpiredToken")
        return self._holder(payload)

    def refresh(self, headers: Headers) -> tuple[Repo, Tokens]:
        """Exchange a refresh token. The same token again gives the same successor."""
        token = _bearer(headers)
        payload = _verified(token)
        if payload.get("scope") != _REFRESH_SCOPE:
            raise _bad_token()
        login = self._logins.get(token)
        if login is None or login.is_revoked:
            raise bad_request("Token has been revoked", "ExpiredToken")
        repo = self._holder(payload)
        if token not in self._next:
            self._next[token] = self._issue(repo, login)
        return repo, self._next[token]

    def sign_out(self, headers: Headers) -> None:
        """End the sign-in of a refresh token; its access tokens live on until they expire."""
        token = _bearer(headers)
        if token in self._logins:
            self._logins[token].is_revoked = True

    def expire_access(self, repo: Repo) -> None:
        """Make every access token of `repo` expired; its refresh tokens still work."""
        for login in self._logins_of(repo):
            self._stale.update(login.access)

    def revoke(self, repo: Repo, app_password: str | None = None) -> None:
        """End the sign-ins made with `app_password` (None: with any), as removing an app password in the settings does."""
        repo.app_passwords = [kept for kept in repo.app_passwords if app_password is not None and kept != app_password]
        for login in self._logins_of(repo):
            if app_password in (None, login.password):
                login.is_revoked = True
                self._stale.update(login.access)

    def service_token(self, repo: Repo, audience: str, method: str, expires: int | None) -> str:
        """Return a token with which another service may call `method` of `audience` for `repo`."""
        claims: Record = {"iss": repo.did, "aud": audience, "lxm": method, "exp": expires or int(time.time()) + 60}
        return _signed("JWT", claims)

    def bearer_of(self, headers: Headers, audience: str, method: str) -> Repo:
        """Return for whom a service token was made. Raises the Refusal of one for another service or method.

        Its time is not looked at: the rehearsal's clock made it.
        """
        claims = _verified(_bearer(headers))
        if (claims.get("aud"), claims.get("lxm")) != (audience, method):
            raise Refusal(401, "invalid_token", "invalid token")
        return self._holder({"sub": claims.get("iss")})

    def wipe(self) -> None:
        """Forget who is signed in."""
        self._logins.clear()
        self._next.clear()
        self._stale.clear()

    def _by_email(self, identifier: str) -> Repo | None:
        return next((repo for repo in self._repos.by_did.values() if repo.email == identifier), None)

    def _logins_of(self, repo: Repo) -> list[_Login]:
        return [login for token, login in self._logins.items() if _payload(token).get("sub") == repo.did]

    def _holder(self, payload: Mapping[str, object]) -> Repo:
        repo = self._repos.find(str(payload.get("sub")))
        if repo is None:
            raise Refusal(403, "AccountNotFound", "Account not found")
        return repo

    def _issue(self, repo: Repo, login: _Login) -> Tokens:
        now = int(time.time())
        claims: Record = {"aud": self._server_did, "sub": repo.did}
        times: Record = {"iat": now}
        access = _signed("at+jwt", {"scope": login.scope, **claims, **times, "exp": now + _ACCESS_S})
        refresh = _signed(
            "refresh+jwt",
            {"scope": _REFRESH_SCOPE, **claims, "jti": secrets.token_urlsafe(24), **times, "exp": now + _REFRESH_S},
        )
        login.access.append(access)
        self._logins[refresh] = login
        self._stale.discard(access)  # two sign-ins within one second make one and the same access token
        return Tokens(access, refresh)


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind != "Bearer" or not token:
        raise Refusal(401, "AuthMissing", "Authentication Required")
    return token


def _bad_token() -> Refusal:
    return bad_request("Token could not be verified", "InvalidToken")


def _signed(kind: str, payload: Record) -> str:
    head = ".".join(
        _encoded(json.dumps(part, separators=(",", ":")).encode()) for part in ({"typ": kind, "alg": "HS256"}, payload)
    )
    return f"{head}.{_signature(head)}"


def _signature(head: str) -> str:
    return _encoded(hmac.digest(_SECRET, head.encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _payload(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    payload = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return payload if isinstance(payload, dict) else {}


def _verified(token: str) -> dict[str, object]:
    try:
        head, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_signature(head), signature):
            raise _bad_token()
        return _payload(token)
    except (ValueError, IndexError):
        raise _bad_token() from None


# ---- rate limits -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bucket:
    """At most `points` within `window_s` seconds, counted for each key apart."""

    name: str
    points: int
    window_s: int


REQUESTS = Bucket("requests", 3000, 300)
SIGN_INS = Bucket("sign-ins", 30, 300)
SIGN_INS_A_DAY = Bucket("sign-ins a day", 300, 86_400)
WRITES = Bucket("writes", 5000, 3600)
WRITES_A_DAY = Bucket("writes a day", 35_000, 86_400)


@dataclass(frozen=True, slots=True)
class Charge:
    """Points to take from one bucket; 0 only looks."""

    bucket: Bucket
    key: str
    points: int


class RateLimits:
    """Counts points in fixed windows by the rehearsal's clock. Sizes from atproto `rate-limits.ts`, read 2026-08."""

    def __init__(self, clock: Clock, *, is_on: bool) -> None:
        self._clock = clock
        self.is_on = is_on
        self._windows: dict[tuple[Bucket, str], tuple[float, int]] = {}  # when it ends, what is spent

    def spend(self, *charges: Charge) -> dict[str, str]:
        """Take the points and return the headers of the tightest bucket. Raises the 429 when one is overdrawn."""
        if not self.is_on:
            return {}
        now = self._clock.now().timestamp()
        left, tightest, ends = min((self._take(charge, now) for charge in charges), key=lambda taken: taken[0])
        headers = {
            "ratelimit-limit": str(tightest.points),
            "ratelimit-remaining": str(max(0, left)),
            "ratelimit-reset": str(int(ends)),
            "ratelimit-policy": f"{tightest.points};w={tightest.window_s}",
        }
        if left < 0:
            headers["retry-after"] = str(max(1, int(ends - now)))
            raise Refusal(429, "RateLimitExceeded", "Rate Limit Exceeded", headers)
        return headers

    def wipe(self) -> None:
        """Begin to count anew."""
        self._windows.clear()

    def _take(self, charge: Charge, now: float) -> tuple[int, Bucket, float]:
        place = (charge.bucket, charge.key)
        ends, spent = self._windows.get(place, (0.0, 0))
        if ends <= now:
            ends, spent = now + charge.bucket.window_s, 0
        self._windows[place] = (ends, spent + charge.points)
        return charge.bucket.points - spent - charge.points, charge.bucket, ends
