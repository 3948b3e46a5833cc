"""Gets a token from a Mastodon-API server: we register, a person lets us in on the server's page, a code becomes a token.

Mastodon.py asks; the proof of possession (PKCE), which it does not know, is added here. Everything goes to the server that the
plan names, whatever other addresses its metadata gives. Rules: platform facts 2.7 (Mastodon 4.6 `doorkeeper.rb`);
docs.gotosocial.org/en/v0.20.1/api/authentication (read November 2026).
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

import httpx
import mastodon
import msgspec

from shareasm.errors import NetworkError, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.answers import Answer, Asked, refusal
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.library import Call, Library
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

_SAYS_NONE = ("state", "lang")
"""The library writes `state=None&lang=None` into the address."""

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
        self._library = Library(self._api)
        self._now = now

    @property
    def server(self) -> str:
        return self._api.server

    def register(self, *, may_change_profile: bool) -> Application:
        """Make ourselves known to the server. Raises Rejected where it lets no programs register."""
        scopes = self._scopes(may_change_profile=may_change_profile)

        def create(speaker: mastodon.Mastodon) -> object:
            session, server = speaker.session, self.server
            return speaker.create_app(NAME, list(scopes), OUT_OF_BAND, api_base_url=server, session=session)

        try:
            made = self._answered(create, _Registered)
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

        def address(speaker: mastodon.Mastodon) -> str:
            # whoever looks after several accounts chooses one
            return _as(application, speaker).auth_request_url(
                redirect_uris=OUT_OF_BAND, scopes=list(application.scopes), force_login=True, skip_server_info=True
            )

        page, _, said = self._library.word(address).partition("?")
        query = {name: value for name, value in parse_qsl(said) if name not in _SAYS_NONE}
        if verifier:
            query |= {"code_challenge": _challenge(verifier), "code_challenge_method": "S256"}
        return Invitation(f"{page}?{urlencode(query)}", verifier)

    def _has_pkce(self) -> bool:
        try:
            said = self._api.get_object("/.well-known/oauth-authorization-server")
        except NetworkError:
            return False  # not every server describes itself; one that is down says so at the next step
        methods = said.get("code_challenge_methods_supported")
        return isinstance(methods, list) and "S256" in methods

    def redeem(self, application: Application, invitation: Invitation, code: str) -> Grant:
        """Return the token for a code. Raises Rejected where the server does not take it."""

        def log_in(speaker: mastodon.Mastodon) -> object:
            scopes = list(application.scopes)
            return _as(application, speaker).log_in(code=code, redirect_uri=OUT_OF_BAND, scopes=scopes)

        proof = {"code_verifier": invitation.verifier} if invitation.verifier else {}
        try:
            token = self._answered(log_in, _Token, adding=proof)
        except (Rejected, Unauthorized) as error:
            words = f"does not take this code ({error.message}): each works once, for some minutes; begin again"
            raise Rejected(words, server=self.server) from error
        return Grant(token.access_token, tuple((token.scope or "").split()))

    def revoke(self, application: Application, token: str) -> None:
        """Let a token be good for nothing again."""

        def give_back(speaker: mastodon.Mastodon) -> None:
            speaker.access_token = token
            _as(application, speaker).revoke_access_token()

        self._answered(give_back, dict[str, object])

    # ---- asking --------------------------------------------------------------------------------------------------------

    def _answered(self, call: Call, kind: type[T], *, adding: Mapping[str, str] | None = None) -> T:
        """Return the answer to a call. Nothing of the call reaches a message: it holds secrets."""
        answer = self._library.ask(call, adding=adding)
        if not answer.is_good:
            raise self._refused(answer, Asked(self.server, self._now()))
        try:
            return msgspec.json.decode(answer.body or b"{}", type=kind)
        except (ValueError, RecursionError) as error:
            raise Unreachable("its answer is not readable", server=self.server) from error

    @staticmethod
    def _refused(answer: Answer, asked: Asked) -> NetworkError:
        """Return what a refusal means: here it is never about a token, since there is none yet."""
        if answer.status in {400, 401, 403, 422} and not answer.is_web_page:
            return Rejected(
                f"{answer.status}: {answer.words}" if answer.words else f"{answer.status}", server=asked.server
            )
        return refusal(answer, asked)


def _as(application: Application, speaker: mastodon.Mastodon) -> mastodon.Mastodon:
    """Let the library speak for `application`; given to its constructor, the id might be the name of a file."""
    speaker.client_id, speaker.client_secret = application.client_id, application.client_secret
    return speaker


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
