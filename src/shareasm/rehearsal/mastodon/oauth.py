"""How programs get in at a stand-in instance: they register, a person lets them in, a code becomes a token.

Sources: Mastodon 4.6 `config/initializers/doorkeeper.rb`, `oauth_metadata_presenter.rb`; PKCE (S256 only) since 4.3. Nobody
here clicks on a form: the rehearsal or the test says who does (`OAuth.authorize`).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.responses import JSONResponse, Response

from shareasm.rehearsal.mastodon.door import Call
from shareasm.rehearsal.mastodon.instance import Instance
from shareasm.rehearsal.mastodon.model import Account, ApiError, Application, Scope, Token

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
GRANTS = {"authorization_code", "client_credentials"}


@dataclass
class _Grant:
    """What a person let a program do, until its code is used."""

    account: Account
    application: Application
    scopes: frozenset[str]
    challenge: str | None


class OAuth:
    """The calls of one instance about programs. Each runs with the instance's lock held."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._grants: dict[str, _Grant] = {}

    def wipe(self) -> None:
        """Forget who was let in."""
        self._grants.clear()

    def metadata(self, call: Call) -> Response:  # noqa: ARG002  every call looks the same
        """Say what the server can do (RFC 8414); Mastodon since 4.3."""
        if not self._instance.rules.has_api_versions:
            raise ApiError(404, "Record not found")
        base = self._instance.base_url
        return JSONResponse(
            {
                "issuer": f"{base}/",
                "authorization_endpoint": f"{base}/oauth/authorize",
                "token_endpoint": f"{base}/oauth/token",
                "revocation_endpoint": f"{base}/oauth/revoke",
                "scopes_supported": [*Scope],
                "response_types_supported": ["code"],
                "grant_types_supported": sorted(GRANTS),
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def authorize(self, address: str, account: Account) -> str:
        """Let `account` say yes to the program that sent it to `address`; return the code that the page shows.

        Raises ApiError where the page would show an error.
        """
        said = dict(parse_qsl(urlsplit(address).query))
        application = self._instance.applications.get(said.get("client_id", ""))
        if urlsplit(address).path != "/oauth/authorize" or application is None:
            raise ApiError(401, "invalid_client")
        scopes = frozenset(said.get("scope", "read").split())
        if said.get("redirect_uri") != OUT_OF_BAND or said.get("response_type") != "code":
            raise ApiError(400, "invalid_redirect_uri")
        if not scopes <= application.scopes:
            raise ApiError(400, "invalid_scope")
        if "code_challenge" in said and said.get("code_challenge_method") != "S256":
            raise ApiError(400, "invalid_code_challenge_method")
        code = f"code-{len(self._grants) + 1}-{self._instance.random.getrandbits(64):016x}"
        self._grants[code] = _Grant(account, application, scopes, said.get("code_challenge"))
        return code

    def register(self, call: Call) -> Response:
        """Register an application."""
        name = call.params.text("client_name")
        if not name:
            raise ApiError(422, "Validation failed: Application name can't be blank")
        scopes = frozenset((call.params.text("scopes") or "read").split())
        number = len(self._instance.applications) + 1
        application = Application(name, f"client-{number}", f"secret-{number}-{self._instance.random.random()}", scopes)
        self._instance.applications[application.client_id] = application
        return JSONResponse(
            {
                "id": str(number),
                "name": name,
                "website": None,
                "scopes": sorted(scopes),
                "redirect_uris": [OUT_OF_BAND],
                "redirect_uri": OUT_OF_BAND,
                "client_id": application.client_id,
                "client_secret": application.client_secret,
                "client_secret_expires_at": 0,
            }
        )

    def verify_application(self, call: Call) -> Response:
        """Answer with the application behind the token."""
        if call.token is None:
            raise ApiError(401, "The access token is invalid")
        scopes = sorted(call.token.application.scopes)
        return JSONResponse({"name": call.token.application.name, "website": None, "scopes": scopes, "vapid_key": ""})

    def token(self, call: Call) -> Response:
        """Give a program a token: its own one, or a person's for the code that the person was shown."""
        application = self._application(call)
        grant_type = call.params.text("grant_type")
        if grant_type not in GRANTS:  # the password grant is gone
            raise _refused("unsupported_grant_type", "The authorization grant type is not supported.")
        if grant_type == "authorization_code":
            grant = self._redeemed(call, application)
            token = self._new_token("user", application, grant.account, grant.scopes)
        else:
            scopes = frozenset((call.params.text("scope") or "read").split())
            if not scopes <= application.scopes:
                raise ApiError(400, "invalid_scope")
            token = self._new_token("app", application, None, scopes)
        return JSONResponse(
            {
                "access_token": token.text,
                "token_type": "Bearer",
                "scope": " ".join(sorted(token.scopes)),
                "created_at": int(self._instance.clock.now().timestamp()),
            }
        )

    def _redeemed(self, call: Call, application: Application) -> _Grant:
        """Return what a code stands for, once."""
        grant = self._grants.get(call.params.text("code") or "")
        if grant is None or grant.application is not application or not _is_answered(grant, call):
            raise _refused("invalid_grant", "The provided authorization grant is invalid, expired, revoked, …")
        del self._grants[call.params.text("code") or ""]
        return grant

    def _new_token(self, kind: str, application: Application, account: Account | None, scopes: frozenset[str]) -> Token:
        text = f"{kind}-{len(self._instance.tokens) + 1}-{self._instance.random.getrandbits(64):016x}"
        self._instance.tokens[text] = Token(text, application, account, scopes)
        return self._instance.tokens[text]

    def revoke(self, call: Call) -> Response:
        """Revoke a token of the application that asks; one that is not known is no error (RFC 7009)."""
        application = self._application(call)
        token = self._instance.tokens.get(call.params.text("token") or "")
        if token is not None and token.application is not application:
            raise ApiError(403, "unauthorized_client")
        if token is not None:
            token.is_revoked = True
        return JSONResponse({})

    def _application(self, call: Call) -> Application:
        application = self._instance.applications.get(call.params.text("client_id") or "")
        if application is None or application.client_secret != call.params.text("client_secret"):
            raise ApiError(401, "invalid_client")
        return application


def _is_answered(grant: _Grant, call: Call) -> bool:
    """Return whether whoever redeems a code is the one who asked for it (RFC 7636)."""
    if grant.challenge is None:
        return True
    digest = hashlib.sha256((call.params.text("code_verifier") or "").encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).decode().rstrip("="), grant.challenge)


def _refused(error: str, description: str) -> ApiError:
    return ApiError(400, error, more={"error_description": description})
