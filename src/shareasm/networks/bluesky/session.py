"""The sign-in of one account: kept over restarts, renewed when it expires, shared by all who use the account.

A server allows 30 sign-ins in five minutes and 300 a day, failed ones included, so the session is stored and a refused
password is not tried again for an hour. The official client library speaks the protocol here; it is imported when a
sign-in or a renewal is due, since it takes more than a second to load.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

import httpx
import msgspec

from shareasm.domain.richtext import safe_url
from shareasm.errors import NetworkError, RateLimited, Unauthorized
from shareasm.networks.bluesky.answers import failure
from shareasm.networks.bluesky.syntax import is_did
from shareasm.networks.bluesky.translate import MALFORMED

if TYPE_CHECKING:
    from atproto import Client  # type: ignore[import-untyped]

Now = Callable[[], datetime]
"""Tells the campaign's time, aware UTC (`Clock.now`)."""

_log = logging.getLogger(__name__)

REFUSED_FOR = timedelta(hours=1)


class Tokens(msgspec.Struct, frozen=True):
    """A session as it is stored. Secret: whoever has it can post."""

    server: str  # where we signed in, and …
    login: str  # … as whom: a session of another server or handle is not ours
    did: str
    access: str
    refresh: str
    pds: str  # base URL of the server that holds the account

    def __repr__(self) -> str:
        return f"Tokens({self.login} on {self.server})"


class Session:
    """Signs an account in once and keeps it signed in. Safe to share between threads."""

    def __init__(
        self,
        server: str,
        handle: str,
        password: str,
        *,
        load: Callable[[], str | None],
        save: Callable[[str], None],
        now: Now,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`load` and `save` keep the session as text between runs, secretly; `password` is an app password."""
        self._server = server.rstrip("/")
        self._handle = handle.removeprefix("@")
        self._password = password
        self._load = load
        self._save = save
        self._now = now
        self._transport = transport
        self._lock = Lock()
        self._tokens: Tokens | None = None
        self._is_saved = True  # False: the disk refused the newest session, and what is stored is older
        self._refusal: tuple[datetime, NetworkError] | None = None  # until when, why

    def __repr__(self) -> str:
        return f"Session({self._handle} on {self._server})"

    def tokens(self) -> Tokens:
        """Return the session, signing in if there is none yet. Raises NetworkError."""
        with self._lock:
            if self._tokens is None:
                self._tokens = self._stored() or self._sign_in()
            return self._tokens

    def renew(self, refused: Tokens) -> Tokens:
        """Return a session other than `refused`, whose token the server no longer takes. Raises NetworkError."""
        with self._lock:
            stored = self._stored()
            if self._tokens is not None and self._tokens.access != refused.access:
                return self._tokens  # another thread was faster
            if stored is not None and stored.access != refused.access:
                self._tokens = stored  # another process was
            else:
                self._tokens = self._refresh(refused)
            return self._tokens

    def _stored(self) -> Tokens | None:
        text = self._load() if self._is_saved else None
        try:
            tokens = msgspec.json.decode(text, type=Tokens) if text else None
        except MALFORMED:
            return None
        is_ours = tokens is not None and (tokens.server, tokens.login) == (self._server, self._handle)
        return tokens if is_ours else None

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
        return self._keep(answer.did, answer.access_jwt, answer.refresh_jwt, old.pds)

    def _sign_in(self) -> Tokens:
        if self._refusal and self._now() < self._refusal[0]:
            raise self._refusal[1]
        try:
            with self._client(self._server) as client:
                client.login(self._handle, self._password, fetch_bsky_profile=False)
                _, did, access, refresh, pds = client.export_session_string().split(":::")
        except Exception as error:
            mapped = failure(error, self._server, self._now(), ref=self._handle)
            if isinstance(mapped, Unauthorized):
                self._refusal = self._now() + REFUSED_FOR, mapped
            elif isinstance(mapped, RateLimited):
                self._refusal = mapped.until, mapped
            raise mapped from error
        self._refusal = None
        return self._keep(did, access, refresh, safe_url(pds) or self._server)

    def _keep(self, did: str, access: str, refresh: str, pds: str) -> Tokens:
        if not is_did(did):
            raise Unauthorized("the server signs us in as nobody", server=self._server, ref=self._handle)
        tokens = Tokens(self._server, self._handle, did, access, refresh, pds.rstrip("/").removesuffix("/xrpc"))
        self._tokens = tokens
        try:
            self._save(msgspec.json.encode(tokens).decode())
            self._is_saved = True
        except OSError as error:  # a full disk must not make us sign in at every call: the server allows few
            self._is_saved = False
            _log.warning(
                "the sign-in of %s cannot be stored (%s): a restart signs in again", self._handle, error.strerror
            )
        return tokens

    @contextmanager
    def _client(self, base_url: str) -> Iterator["Client"]:
        from atproto import Client, Request

        timeout = httpx.Timeout(30, connect=10)  # the library's own 5 s turns slow answers into lost ones
        request = Request(timeout=timeout, transport=self._transport)
        try:
            yield Client(base_url, request=request)
        finally:
            request.close()
