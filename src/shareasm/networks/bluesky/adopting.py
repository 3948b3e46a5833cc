"""Finding a post of ours by the address that a person copied (Finder): of bsky.app or the like, or an `at://` address."""

import msgspec

from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Receipt
from shareasm.errors import ConfigError, Rejected, Unreachable
from shareasm.networks.bluesky.answers import failure, refusal
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.syntax import POST_COLLECTION, PostAddress, is_cid, is_handle, is_record_key
from shareasm.networks.bluesky.translate import MALFORMED
from shareasm.networks.ports import FoundPost


class _Post(msgspec.Struct):
    text: str = ""


class _Record(msgspec.Struct):
    uri: str
    cid: str
    value: _Post


class _Resolved(msgspec.Struct):
    did: str


class BlueskyFinder:
    """Finds posts of the account that `server` is signed in with."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def find_at(self, url: str) -> FoundPost:
        """Return our post at `url`. Raises Rejected where it is not there, or not ours."""
        whose, key = _read(url)
        assert self._server.session
        did = self._server.session.tokens().did
        if did not in {whose, self._resolve(whose)}:
            raise Rejected("this post is not by our account", server=self._server.base_url, ref=url)
        address = PostAddress(did, key)
        params = [("repo", did), ("collection", POST_COLLECTION), ("rkey", key)]
        reply = self._server.ask("GET", "com.atproto.repo.getRecord", params=params, ref=url)
        if reply.error == "RecordNotFound":
            raise Rejected("there is no such post", server=self._server.base_url, ref=url)
        if not reply.is_success:
            raise refusal(reply, self._server.base_url, self._server.now(), ref=url)
        try:
            found = msgspec.json.decode(reply.body, type=_Record)
        except MALFORMED as error:
            raise failure(error, self._server.base_url, self._server.now(), ref=url) from error
        if found.uri != address.uri or not is_cid(found.cid):
            raise Unreachable("the answer is about another post", server=self._server.base_url, ref=url)
        ref = PostRef(Network.BLUESKY, address.uri)
        return FoundPost(Receipt(ref, address.url, key, version=found.cid, visibility="public"), found.value.text)

    def _resolve(self, handle: str) -> str | None:
        if not is_handle(handle):
            return None
        reply = self._server.ask("GET", "com.atproto.identity.resolveHandle", params=[("handle", handle)])
        try:
            return msgspec.json.decode(reply.body, type=_Resolved).did if reply.is_success else None
        except MALFORMED:
            return None


def _read(url: str) -> tuple[str, str]:
    """Return the DID or handle and the record key in `url`. Raises ConfigError for what is no address of a post."""
    match url.split("?")[0].rstrip("/").split("/"):
        case ["https:", "", _, "profile", whose, "post", key] if is_record_key(key):
            return whose.removeprefix("@"), key
        case ["at:", "", whose, kind, key] if kind == POST_COLLECTION and is_record_key(key):
            return whose, key
    raise ConfigError(f"{url!r} is no address of a post: copy it from the post's own page on bsky.app")
