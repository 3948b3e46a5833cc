"""The sign-in of one account: kept over restarts, renewed when it expires, shared by all who use the account.

A server allows 30 sign-ins in five minutes and 300 a day, failed ones included, and a locked-out account misses its day. So
one password is used once an hour at most, whatever came of it, and over restarts too: the session is stored, and so is a
refusal. Another password is tried at once, since somebody has mended it. The official client library speaks the protocol
here; it is imported when a sign-in or a renewal is due, since it takes more than a second to load.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

import httpx
import msgspec

from shareasm import __version__
from shareasm.domain.richtext import safe_url
from shareasm.errors import RateLimited, Unauthorized
from shareasm.networks.bluesky.answers import failure
from shareasm.networks.bluesky.syntax import is_did
from shareasm.networks.bluesky.tls import tls
from shareasm.networks.bluesky.translate import MALFORMED

if TYPE_CHECKING:
    from atproto import Client  # type: ignore[import-untyped]

Now = Callable[[], datetime]
"""Tells the campaign's time, aware UTC (`Clock.now`)."""

_log = logging.getLogger(__name__)

PROGRAM = f"shareasm/{__version__}"  # what we call ourselves where no campaign says whom to write to
ONE_SIGN_IN_IN = timedelta(hours=1)


class Tokens(msgspec.Struct, frozen=True):
    """A session. Secret: whoever has it can post."""

    did: str
    access: str
    refresh: str
    pds: str  # base URL of the server that holds the account

    def __repr__(self) -> str:
        return f"Tokens({self.did} on {self.pds})"


class SignIn(msgspec.Struct, frozen=True):
    """The last sign-in of an account, as it is stored: its session, or why there is none."""

    server: str  # where we signed in, and …
    login: str  # … as whom: a session of another server or handle is not ours
    password: str = ""  # its mark, not itself
    at: datetime | None = None
    tokens: Tokens | None = None
    refused: str = ""  # in the server's words
    until: datetime | None = None  # a server that had enough said so itself

    def __repr__(self) -> str:
        return f"SignIn({self.login} on {self.server})"


class Session:
    """Signs an account in once and keeps it signed in. Safe to share between threads."""

    def __init__(
        self,
        server: str,
        handle: str,
        password: Callable[[], str],
        *,
        load: Callable[[], str | None],
        save: Callable[[str], None],
        now: Now,
        user_agent: str = PROGRAM,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`load` and `save` keep the session as text between runs, secretly.

        `password` returns an app password; it is asked anew whenever one is needed, and may raise Unauthorized.
        """
        self._server = server.rstrip("/")
        self._handle = handle.removeprefix("@")
        self._password = password
        self._load = load
        self._save = save
        self._now = now
        self._user_agent = user_agent
        self._transport = transport
        self._lock = Lock()
        self._last: SignIn | None = None
        self._is_saved = True  # False: the disk refused the newest, and what is stored is older

    def __repr__(self) -> str:
        return f"Session({self._handle} on {self._server})"

    def tokens(self) -> Tokens:
        """Return the session, signing in if there is none yet. Raises NetworkError."""
        with self._lock:
            if self._last is None or self._last.tokens is None:
                self._last = self._stored() or self._last
            return self._last.tokens if self._last and self._last.tokens else self._sign_in()

    def renew(self, refused: Tokens) -> Tokens:
        """Return a session other than `refused`, whose token the server no longer takes. Raises NetworkError."""
        with self._lock:
            for known in (self._last, self._stored()):  # another thread was faster, or another process
                if known and known.tokens and known.tokens.access != refused.access:
                    self._last = known
                    return known.tokens
            return self._refresh(refused)

    def _stored(self) -> SignIn | None:
        text = self._load() if self._is_saved else None
        try:
            found = msgspec.json.decode(text, type=SignIn) if text else None
        except MALFORMED:
            return None
        is_ours = found is not None and (found.server, found.login) == (self._server, self._handle)
        return found if is_ours else None

    def _refresh(self, old: Tokens) -> Tokens:
        try:
            with self._client(old.pds) as client:
                answer = client.com.atproto.server.refresh_session(
                    headers={"Authorization": f"Bearer {old.refresh}"}, ignore_session_check=True
                )
        except Exception as error:
            mapped = failure(error, old.pds, self._now(), ref=self._handle)
            if isinstance(mapped, Unauthorized):
                return self._sign_in()
            raise mapped from error
        last = self._last or SignIn(self._server, self._handle)
        tokens = Tokens(self._somebody(answer.did), answer.access_jwt, answer.refresh_jwt, old.pds)
        return self._keep(msgspec.structs.replace(last, tokens=tokens))

    def _sign_in(self) -> Tokens:
        password = self._password()
        mark = hashlib.sha256(f"{self._handle} {password}".encode()).hexdigest()[:16]
        self._wait_for_another(mark)
        attempt = SignIn(self._server, self._handle, mark, self._now())
        try:
            with self._client(self._server) as client:
                client.login(self._handle, password, fetch_bsky_profile=False)
                _, did, access, refresh, pds = client.export_session_string().split(":::")
        except Exception as error:
            mapped = failure(error, self._server, self._now(), ref=self._handle)
            if isinstance(mapped, Unauthorized):
                self._remember(msgspec.structs.replace(attempt, refused=mapped.message))
            elif isinstance(mapped, RateLimited):
                self._remember(msgspec.structs.replace(attempt, refused=mapped.message, until=mapped.until))
            raise mapped from error
        home = (safe_url(pds) or self._server).rstrip("/").removesuffix("/xrpc")
        return self._keep(msgspec.structs.replace(attempt, tokens=Tokens(self._somebody(did), access, refresh, home)))

    def _wait_for_another(self, mark: str) -> None:
        """Raise while the password of `mark` must not be used again."""
        self._last = last = self._stored() or self._last
        if last is None or last.at is None:
            return
        if last.until is not None:  # for every password: the server counts them all
            if self._now() < last.until:
                raise RateLimited(last.refused, server=self._server, until=last.until, ref=self._handle)
        elif last.password == mark and self._now() < last.at + ONE_SIGN_IN_IN:
            ended = "our sign-in was ended, and a password is not used twice within an hour: a new one is taken at once"
            raise Unauthorized(last.refused or ended, server=self._server, ref=self._handle)

    def _somebody(self, did: str) -> str:
        if not is_did(did):
            raise Unauthorized("the server signs us in as nobody", server=self._server, ref=self._handle)
        return did

    def _keep(self, made: SignIn) -> Tokens:
        self._remember(made)
        assert made.tokens is not None
        return made.tokens

    def _remember(self, last: SignIn) -> None:
        self._last = last
        try:
            self._save(msgspec.json.encode(last).decode())
            self._is_saved = True
        except OSError as error:  # a full disk must not make us sign in at every call: the server allows few
            self._is_saved = False
            _log.warning(
                "the sign-in of %s cannot be stored (%s): a restart signs in again", self._handle, error.strerror
            )

    @contextmanager
    def _client(self, base_url: str) -> Iterator["Client"]:
        from atproto import Client, Request

        timeout = httpx.Timeout(30, connect=10)  # the library's own 5 s turns slow answers into lost ones
        hooks = {"response": [_refuse]}
        request = Request(timeout=timeout, transport=self._transport, verify=tls(), event_hooks=hooks)
        request.set_additional_headers({"User-Agent": self._user_agent})
        try:
            yield Client(base_url, request=request)
        finally:
            request.close()


def _refuse(response: httpx.Response) -> None:
    """Raise every answer but yes as it came: the library would follow a redirect, and tell a password to who knows whom."""
    if not response.is_success:
        response.read()
        response.raise_for_status()
