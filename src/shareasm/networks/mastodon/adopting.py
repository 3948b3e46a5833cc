"""Finding a post of ours by the address that a person copied (Finder).

The page's own server knows it by the number at the end of its address (`/@user/1134…`, `/users/user/statuses/1134…`); any other
address is resolved by the server's search, as its own search field does (docs.joinmastodon.org/methods/search, `resolve`).
"""

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import msgspec

from shareasm.domain.richtext import safe_url, to_text
from shareasm.errors import ConfigError, NotThere, Rejected, Unreachable
from shareasm.networks.mastodon.client import Api, Token
from shareasm.networks.mastodon.drafts import receipt_from
from shareasm.networks.ports import FoundPost

_LAST_PART = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _Owner(msgspec.Struct):
    id: str | int


class _Owned(msgspec.Struct):
    account: _Owner
    content: str = ""


class _Found(msgspec.Struct):
    statuses: list[msgspec.Raw] = []


class MastodonFinder:
    """Finds posts of one account of ours."""

    def __init__(
        self,
        server: str,
        token: Token,
        *,
        user_agent: str,
        now: Callable[[], datetime],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api = Api(server, user_agent=user_agent, now=now, token=token, transport=transport)

    def find_at(self, url: str) -> FoundPost:
        """Return our post at `url`. Raises Rejected where it is not there, or not ours."""
        if not safe_url(url):
            raise ConfigError(f"{url!r} is no address of a post: copy it from the post's own page, with https://")
        body = self._by_number(url) or self._by_search(url)
        if body is None:
            raise Rejected("there is no such post, as far as its search knows", server=self._api.server, ref=url)
        try:
            status = msgspec.json.decode(body, type=_Owned)
            own = msgspec.json.decode(self._api.get("/api/v1/accounts/verify_credentials"), type=_Owner).id
            receipt = receipt_from(body)
        except ValueError as error:
            raise Unreachable("its answer about the post is not readable", server=self._api.server, ref=url) from error
        if str(status.account.id) != str(own):
            raise Rejected("this post is not by our account", server=self._api.server, ref=url)
        return FoundPost(receipt, to_text(status.content))

    def _by_number(self, url: str) -> bytes | None:
        parts = urlsplit(url)
        number = parts.path.rstrip("/").rpartition("/")[2]
        if parts.netloc != urlsplit(self._api.server).netloc or not _LAST_PART.fullmatch(number):
            return None
        try:
            return self._api.get(f"/api/v1/statuses/{number}", ref=url)
        except NotThere:
            return None

    def _by_search(self, url: str) -> bytes | None:
        query = [("q", url), ("resolve", "true"), ("type", "statuses"), ("limit", "1")]
        try:
            found = msgspec.json.decode(self._api.get("/api/v2/search", query, ref=url), type=_Found).statuses
        except NotThere:  # a server without search
            return None
        except ValueError as error:
            raise Unreachable("its search's answer is not readable", server=self._api.server, ref=url) from error
        return bytes(found[0]) if found else None
