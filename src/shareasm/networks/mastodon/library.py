"""Mastodon.py on our own connections: the library says what is asked, `client.Api` carries it there and back.

Why it has a session of ours: docs/notes/why-mastodon-py-has-a-session-of-ours.md.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import mastodon
import requests

from shareasm.errors import NetworkError
from shareasm.networks.mastodon.answers import Act, Answer, Asked, refusal
from shareasm.networks.mastodon.client import Api, Token, token_now

Call = Callable[[mastodon.Mastodon], object]
"""One call of the library."""

_ITS_OWN = frozenset({"valid_policies", "valid_policies[]", "oauth_info"})
"""What the library sends by mistake: it takes its local variables for parameters (`statuses.py`, `authentication.py`)."""

_HEADERS = ("Authorization", "Idempotency-Key")
_METADATA = "/.well-known/oauth-authorization-server"


class Library:
    """Calls of the library to one server. Raises only our NetworkErrors. May be used by several threads at once."""

    def __init__(self, api: Api, *, token: Token | None = None) -> None:
        self._api = api
        self._token = token

    def ask(
        self, call: Call, act: Act = Act.READ, *, ref: str | None = None, adding: Mapping[str, str] | None = None
    ) -> Answer:
        """Return what the server answers to a call, whatever its status, and whatever the library makes of it.

        `adding`: fields that belong to it, and for which the library has no parameter. Raises NetworkError where no answer
        came.
        """
        session = _Session(self._api, self._asked(act, ref), adding or {})
        try:
            call(self._speaker(session))
        except Exception:
            if session.outcome is None:
                raise  # nobody was asked: the mistake is ours
        if isinstance(session.outcome, NetworkError):
            raise session.outcome
        assert session.outcome, "the call asked nobody"
        return session.outcome

    def do(
        self, call: Call, act: Act = Act.READ, *, ref: str | None = None, adding: Mapping[str, str] | None = None
    ) -> Answer:
        """Return a good answer to a call; raise what another one means. See `ask`."""
        answer = self.ask(call, act, ref=ref, adding=adding)
        if not answer.is_good:
            raise refusal(answer, self._asked(act, ref))
        return answer

    def word(self, call: Callable[[mastodon.Mastodon], str]) -> str:
        """Return what the library says without asking anybody."""
        return call(self._speaker(_Session(self._api, self._asked(Act.READ, None), {})))

    def _asked(self, act: Act, ref: str | None) -> Asked:
        return Asked(self._api.server, self._api.now(), act, ref=ref, has_token=bool(token_now(self._token)))

    def _speaker(self, session: requests.Session) -> mastodon.Mastodon:
        # A given version keeps the library from asking for it, which some servers make it do without end; with the mode
        # "none" it would be read as 1.0.0 and files go to the address of old servers, where they block the answer.
        speaker = mastodon.Mastodon(
            api_base_url=self._api.server,
            session=session,
            ratelimit_method="throw",
            version_check_mode="created",
            mastodon_version="4.0.0",
        )
        speaker.access_token = token_now(self._token)  # given to the constructor it might be the name of a file
        return speaker


class _Session(requests.Session):
    """Carries one call, which is one request. `outcome` is what came of it: the library's exceptions lose what was said."""

    def __init__(self, api: Api, asked: Asked, adding: Mapping[str, str]) -> None:
        super().__init__()
        self.outcome: Answer | NetworkError | None = None
        self._api = api
        self._asked = asked
        self._adding: dict[str, object] = dict(adding)

    def request(self, method: str | bytes, url: str | bytes, *_: Any, **said: Any) -> requests.Response:
        """Send a request, and to our server alone.

        The library sees the status of the answer, and nothing else of it: 6 MB of JSON would keep it busy for 40 s.
        """
        method, url = str(method), str(url)
        if url.endswith(_METADATA):
            return _response(404)  # whatever addresses a server gives there, all goes to the one that the plan names
        if self.outcome is not None:
            raise RuntimeError("asked already, and nothing is asked twice")
        headers = {name: value for name, value in (said.get("headers") or {}).items() if name in _HEADERS}
        try:
            answer = self._api.exchange(
                self._asked,
                method,
                url,
                headers=headers,
                files=said.get("files") or None,
                **self._content(method, said),
            )
        except NetworkError as error:
            self.outcome = error
            raise
        self.outcome = answer
        self._api.note_aside(method, headers.get("Authorization", "").removeprefix("Bearer ") or None, answer)
        return _response(answer.status)

    def _content(self, method: str, said: Mapping[str, Any]) -> dict[str, dict[str, object]]:
        """Return the fields, as the part of a request where every server looks for them."""
        if (json := said.get("json")) is not None:  # only a poll is said so
            return {"json": _in_json(_meant(json)) | self._adding}
        fields = _meant(said.get("params") or said.get("data") or {}) | self._adding
        # A body of DELETE means nothing (RFC 9110, 9.3.5), and not all servers read it.
        return {"params" if method in {"GET", "DELETE"} else "data": fields}


def _meant(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None and name not in _ITS_OWN}


def _in_json(fields: dict[str, object]) -> dict[str, object]:
    """Return fields with booleans of JSON: the library says "0" and "1", and GoToSocial takes only true and false."""
    return fields | {"sensitive": fields.get("sensitive") == "1"}


def _response(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw, response.encoding = status, BytesIO(b"{}"), "utf-8"
    return response
