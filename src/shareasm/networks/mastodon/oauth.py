"""Gets a token from a Mastodon-API server: we register, a person lets us in on the server's page, a code becomes a token.

Done in plain HTTP: Mastodon.py has no PKCE, and its registration loses what the server says when it refuses. Everything goes to
the server that the plan names, whatever other addresses its metadata gives. Rules: platform facts 2.7 (Mastodon 4.6
`doorkeeper.rb`); docs.gotosocial.org/en/v0.20.1/api/authentication (read November 2026).
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

import httpx
import msgspec

from shareasm.errors import NetworkError, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Answer, Asked, network_error, refusal
from shareasm.networks.mastodon.client import Api
from shareasm.networks.ports import Application, Grant, Invitation

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The page shows the code, for want of an address of ours that a browser could be sent to."""

SCOPES = ("read:accounts", "read:statuses", "write:media", "write:statuses")
"""What collecting and publishing call; see `probe` for which call needs which."""

PROFILE_SCOPE = "write:accounts"
"""Only for an account that is to be marked as written by a program."""

KNOWS_NARROW_SCOPES = frozenset({"mastodon", "hometown", "gotosocial", "hollo"})
"""Others know `read` and `write` alone, and refuse what is narrower."""

NAME = "shareasm"
"""As the person reads it on the page, and later in the list of programs that they let in."""

BODY_LIMIT = 200_000
TIMEOUT_S = 30.0

T = TypeVar("T")


class _Registered(msgspec.Struct):
    client_id: str
    client_secret: str


class _Token(msgspec.Struct):
    access_token: str
    scope: str | None = None


class MastodonSignIn:
    """CodeSignIn for one server. Raises only our NetworkErrors."""

    def __init__(
        self,
        server: str,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(server, user_agent=user_agent, now=now, transport=transport)
        self._now = now
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._transport = transport

    @property
    def server(self) -> str:
        return self._api.server

    def register(self, *, may_change_profile: bool) -> Application:
        """Make ourselves known to the server. Raises Rejected where it lets no programs register."""
        scopes = self._scopes(may_change_profile=may_change_profile)
        form = {"client_name": NAME, "redirect_uris": OUT_OF_BAND, "scopes": " ".join(scopes)}
        try:
            made = self._posted("/api/v1/apps", form, _Registered)
        except Rejected as error:
            words = f"does not let programs register themselves ({error.message}); {self._way_out()}"
            raise Rejected(words, server=self.server) from error
        return Application(self.server, made.client_id, made.client_secret, scopes)

    def _scopes(self, *, may_change_profile: bool) -> tuple[str, ...]:
        if self._api.software() not in KNOWS_NARROW_SCOPES:
            return ("read", "write")
        return (*SCOPES, PROFILE_SCOPE) if may_change_profile else SCOPES

    def _way_out(self) -> str:
        software = self._api.software() or "this server"
        return f"make a token in the settings of your account, if {software} has that, and set it in the environment"

    def invite(self, application: Application) -> Invitation:
        """Return the page on which a person lets us in; with a challenge where the server takes one."""
        verifier = secrets.token_urlsafe(48) if self._has_pkce() else None
        query = {
            "client_id": application.client_id,
            "redirect_uri": OUT_OF_BAND,
            "response_type": "code",
            "scope": " ".join(application.scopes),
            "force_login": "true",  # whoever looks after several accounts chooses one
        }
        if verifier:
            query |= {"code_challenge": _challenge(verifier), "code_challenge_method": "S256"}
        return Invitation(f"{self.server}/oauth/authorize?{urlencode(query)}", verifier)

    def _has_pkce(self) -> bool:
        try:
            said = self._api.get_object("/.well-known/oauth-authorization-server")
        except NetworkError:
            return False  # not every server describes itself; one that is down says so at the next step
        methods = said.get("code_challenge_methods_supported")
        return isinstance(methods, list) and "S256" in methods

    def redeem(self, application: Application, invitation: Invitation, code: str) -> Grant:
        """Return the token for a code. Raises Rejected where the server does not take it."""
        form = _client(application) | {
            "grant_type": "authorization_code",
            "redirect_uri": OUT_OF_BAND,
            "scope": " ".join(application.scopes),
            "code": code,
        }
        if invitation.verifier:
            form["code_verifier"] = invitation.verifier
        try:
            token = self._posted("/oauth/token", form, _Token)
        except (Rejected, Unauthorized) as error:
            words = f"does not take this code ({error.message}): each works once, for some minutes; begin again"
            raise Rejected(words, server=self.server) from error
        return Grant(token.access_token, tuple((token.scope or "").split()))

    def revoke(self, application: Application, token: str) -> None:
        """Let a token be good for nothing again."""
        self._posted("/oauth/revoke", _client(application) | {"token": token}, dict[str, object])

    # ---- asking --------------------------------------------------------------------------------------------------------

    def _posted(self, path: str, form: Mapping[str, str], kind: type[T]) -> T:
        """Return the answer to a form. Nothing in it reaches a message: it holds secrets."""
        asked = Asked(self.server, self._now())
        try:
            with (
                httpx.Client(headers=self._headers, timeout=TIMEOUT_S, transport=self._transport) as client,
                client.stream("POST", f"{self.server}{path}", data=dict(form)) as response,
            ):
                body = b""
                for chunk in response.iter_bytes():
                    body += chunk[: BODY_LIMIT - len(body)]  # what is longer is not readable, and says so
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise network_error(error, asked) from error
        answer = Answer(response.status_code, {name.lower(): v for name, v in response.headers.items()}, body)
        if not response.is_success:
            raise self._refused(answer, asked)
        try:
            return msgspec.json.decode(answer.body or b"{}", type=kind)
        except (ValueError, RecursionError) as error:
            raise Unreachable(f"its answer to {path} is not readable", server=self.server) from error

    @staticmethod
    def _refused(answer: Answer, asked: Asked) -> NetworkError:
        """Return what a refusal means: here it is never about a token, since there is none yet."""
        if answer.status in {400, 401, 403, 422} and not answer.is_web_page:
            return Rejected(
                f"{answer.status}: {answer.words}" if answer.words else f"{answer.status}", server=asked.server
            )
        return refusal(answer, asked)


def _client(application: Application) -> dict[str, str]:
    return {"client_id": application.client_id, "client_secret": application.client_secret}


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
