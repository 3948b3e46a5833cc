"""Writing to an account's server through the official client library: uploads, new records, deletions.

The library makes the calls, and three of its habits are kept from them (0.0.73, read and run November 2026):

- It reads a record into its models and writes it anew: each facet and each picture gets a `$type` that we did not freeze,
  and what is null is left out. Records are handed over as its `DotDict`, in models that are built without looking inside.
- It makes connections of its own, which follow redirects with our token, and read an answer however long it is. Here it
  speaks through our `Server`, so on the connections that our reads keep warm.
- It would renew a session by itself. A token comes from our `Session` with each call, which all who use the account share.

It takes more than a second to load, and is loaded with the first write, or ahead of it by `load`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import httpx

from shareasm.networks.bluesky.answers import STALE_TOKEN, failure, reply_of
from shareasm.networks.bluesky.client import BROKEN, UPLOAD_TIMEOUT_S, Server
from shareasm.networks.bluesky.records import Blob

if TYPE_CHECKING:
    from atproto import Client  # type: ignore[import-untyped]

TIMEOUT = httpx.Timeout(30, connect=10)
UPLOAD_TIMEOUT = httpx.Timeout(UPLOAD_TIMEOUT_S, connect=10)

Options = dict[str, Any]
"""What a call of the library passes on to its connection: headers, timeout."""

T = TypeVar("T")


class Written(NamedTuple):
    """Where a new record lies, in the server's words."""

    uri: str
    cid: str


class Repository:
    """The records and blobs of the account that a server is signed in with. Raises nothing but NetworkErrors."""

    def __init__(self, server: Server) -> None:
        """Raises ValueError without a session."""
        if server.session is None:
            raise ValueError("publishing needs a session")
        self._server = server
        self._session = server.session
        self._clients: dict[str, Client] = {}  # one, but for an account that moves to another server

    def load(self) -> None:
        """Load the library now, while nothing is due."""
        import atproto  # noqa: F401

    @property
    def did(self) -> str:
        """The account's DID. Raises NetworkError where it must sign in for that, and cannot."""
        return self._session.tokens().did

    def upload(self, data: bytes, mime: str, *, ref: str) -> Blob:
        """Return the blob of `data`, as a record names it."""

        def call(client: "Client", options: Options) -> Blob:
            options["headers"]["Content-Type"] = mime
            # not as its argument, which it hands to httpx in a way that is deprecated
            answer = client.com.atproto.repo.upload_blob(None, content=data, **options | {"timeout": UPLOAD_TIMEOUT})
            blob: Blob = answer.blob.model_dump(by_alias=True, exclude_none=True)
            return blob

        return self._call(call, ref)

    def create_all(self, records: Mapping[str, object], key: str) -> list[Written]:
        """Create a record in each collection under `key`, exactly as they are: all of them, or none.

        A key that is taken fails them all.
        """
        did = self.did

        def call(client: "Client", options: Options) -> list[Written]:
            from atproto import models
            from atproto_client.models.dot_dict import DotDict  # type: ignore[import-untyped]

            kinds = models.ComAtprotoRepoApplyWrites
            writes = [
                kinds.Create.model_construct(collection=collection, rkey=key, value=DotDict(record))
                for collection, record in records.items()
            ]
            answer = client.com.atproto.repo.apply_writes(
                kinds.Data.model_construct(repo=did, writes=writes), **options
            )
            return [
                Written(made.uri, made.cid) for made in answer.results or () if isinstance(made, kinds.CreateResult)
            ]

        return self._call(call, key)

    def put(self, collection: str, key: str, record: object, *, over: str | None, ref: str) -> None:
        """Write a record over the one that has the CID `over`; None: only where there is none. Raises Occupied otherwise."""
        place = {"repo": self.did, "collection": collection, "rkey": key}

        def call(client: "Client", options: Options) -> None:
            from atproto_client.models.dot_dict import DotDict

            # not `put_record`: its model leaves out the null, and so writes over whatever there is
            body = DotDict({**place, "record": record, "swapRecord": over})
            client.invoke_procedure(
                "com.atproto.repo.putRecord", data=body, input_encoding="application/json", **options
            )

        self._call(call, ref)

    def delete_all(self, collections: Iterable[str], key: str, *, ref: str) -> None:
        """Delete the record under `key` in each collection, one after the other. What is not there is no error."""
        did = self.did
        for collection in collections:
            self._call(partial(_delete, {"repo": did, "collection": collection, "rkey": key}), ref)

    def service_token(self, audience: str, method: str, expires: int, *, ref: str) -> str:
        """Return a token with which another server, `audience`, takes a call of `method` by us; unix seconds."""
        params = {"aud": audience, "lxm": method, "exp": expires}

        def call(client: "Client", options: Options) -> str:
            token: str = client.com.atproto.server.get_service_auth(params, **options).token
            return token

        return self._call(call, ref, is_write=False)

    # -- one call

    def _call(self, call: "Callable[[Client, Options], T]", ref: str, *, is_write: bool = True) -> T:
        """Return what `call` does. A token that has expired is renewed, and the call repeated, once.

        Repeating is safe: a server looks at the token before it does anything.
        """
        from atproto.exceptions import AtProtocolError  # type: ignore[import-untyped]

        tokens, may_renew = self._session.tokens(), True
        while True:
            options = {"headers": {"Authorization": f"Bearer {tokens.access}"}, "timeout": TIMEOUT}
            try:
                return call(self._client(tokens.pds), options)
            except (AtProtocolError, *BROKEN) as error:
                reply = reply_of(error)
                if reply is None or reply.error not in STALE_TOKEN or not may_renew:
                    where = self._server.base_url if reply else tokens.pds
                    raise failure(error, where, self._server.now(), ref=ref, is_write=is_write) from error
            tokens, may_renew = self._session.renew(tokens), False

    def _client(self, pds: str) -> "Client":
        if pds not in self._clients:
            from atproto import Client, Request

            # every answer but yes is raised as it came: the library loses what a 429 said where its body is odd
            refuse = {"response": [httpx.Response.raise_for_status]}
            request = Request(transport=_ThroughServer(self._server), event_hooks=refuse)
            request.set_additional_headers({"User-Agent": self._server.user_agent})
            self._clients[pds] = Client(pds, request=request)
        return self._clients[pds]


def _delete(place: dict[str, str], client: "Client", options: Options) -> None:
    client.com.atproto.repo.delete_record(place, **options)


class _ThroughServer(httpx.BaseTransport):
    """What the library takes for its connection."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._server.send(request)
        headers = {name: value for name, value in reply.headers.items() if name != "content-encoding"}  # it is decoded
        return httpx.Response(reply.status, headers=headers, content=reply.body)
