"""A PDS small enough to read at a glance, answering as the real one did when it was run (November 2026)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import httpx

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
URL = "https://pds.example"
NOW = datetime(2027, 2, 3, 9, 30, tzinfo=UTC)

Answer = httpx.Response | Exception


def error(status: int, name: str, message: str = "said so", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": name, "message": message}, headers=headers)


@dataclass
class FakePds:
    """Keeps records by collection and key, and answers `plan` first: (method name, answer), each once."""

    records: dict[tuple[str, str], dict[str, object]] = field(default_factory=dict)
    password: str = "app-password"
    access: str = "access-0"
    refresh: str = "refresh-0"
    calls: list[str] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    plan: list[tuple[str, Answer]] = field(default_factory=list)
    after_acting: bool = False  # the planned answer takes the place of the real one: the deed is done

    @property
    def posts(self) -> dict[str, dict[str, object]]:
        """The posts by key."""
        return {key: record for (kind, key), record in self.records.items() if kind == "app.bsky.feed.post"}

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition(".")[2]
        self.calls.append(name)
        self.requests.append(request)
        planned = next((item for item in self.plan if item[0] == name), None)
        if planned:
            self.plan.remove(planned)
            if self.after_acting:
                self._act(name, request)
            if isinstance(planned[1], Exception):
                raise planned[1]
            return planned[1]
        return self._act(name, request)

    def _act(self, name: str, request: httpx.Request) -> httpx.Response:
        if name == "createSession":
            if json.loads(request.content)["password"] != self.password:
                return error(401, "AuthenticationRequired", "Invalid identifier or password")
            return self._session()
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name == "refreshSession":
            return self._session() if bearer == self.refresh else error(400, "ExpiredToken", "Token has been revoked")
        if bearer != self.access:
            return error(401, "AuthMissing") if not bearer else error(400, "ExpiredToken", "Token has expired")
        method: Callable[[httpx.Request], httpx.Response] = getattr(self, name)
        return method(request)

    def _session(self) -> httpx.Response:
        number = int(self.access.partition("-")[2]) + 1
        self.access, self.refresh = f"access-{number}", f"refresh-{number}"
        session = {"accessJwt": self.access, "refreshJwt": self.refresh, "handle": "iied.example", "did": DID}
        return httpx.Response(200, json=session)

    def uploadBlob(self, request: httpx.Request) -> httpx.Response:  # noqa: N802  the network's name
        ref = {"$link": sha256(request.content).hexdigest()}
        blob = {"$type": "blob", "ref": ref, "mimeType": request.headers["content-type"], "size": len(request.content)}
        return httpx.Response(200, json={"blob": blob})

    def resolveHandle(self, request: httpx.Request) -> httpx.Response:  # noqa: N802
        if request.url.params["handle"] == "bakari.example":
            return httpx.Response(200, json={"did": "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"})
        return error(400, "InvalidRequest", "Unable to resolve handle")

    def getServiceAuth(self, request: httpx.Request) -> httpx.Response:  # noqa: N802
        return httpx.Response(200, json={"token": f"{request.url.params['lxm']} at {request.url.params['aud']}"})

    def applyWrites(self, request: httpx.Request) -> httpx.Response:  # noqa: N802
        writes = json.loads(request.content)["writes"]
        if any((write["collection"], write["rkey"]) in self.records for write in writes):
            return error(500, "InternalServerError", "Internal Server Error")
        self.records |= {(write["collection"], write["rkey"]): write["value"] for write in writes}
        kind = {"$type": "com.atproto.repo.applyWrites#createResult"}
        results = [kind | self._stored(write["collection"], write["rkey"]) for write in writes]
        return httpx.Response(200, json={"results": results})

    def putRecord(self, request: httpx.Request) -> httpx.Response:  # noqa: N802
        body = json.loads(request.content)
        collection, key, record = body["collection"], body["rkey"], body["record"]
        present = self.records.get((collection, key))
        if present != record and "swapRecord" in body and body["swapRecord"] != (present and cid(present)):
            return error(400, "InvalidSwap", f"Record was at {cid(present) if present else 'null'}")
        self.records[collection, key] = record
        return httpx.Response(200, json=self._stored(collection, key))

    def getRecord(self, request: httpx.Request) -> httpx.Response:  # noqa: N802
        place = request.url.params["collection"], request.url.params["rkey"]
        if place not in self.records:
            return error(400, "RecordNotFound", "Could not locate record")
        return httpx.Response(200, json=self._stored(*place))

    def deleteRecord(self, request: httpx.Request) -> httpx.Response:  # noqa: N802
        body = json.loads(request.content)
        self.records.pop((body["collection"], body["rkey"]), None)
        return httpx.Response(200, json={})

    def _stored(self, collection: str, key: str) -> dict[str, object]:
        record = self.records[collection, key]
        return {"uri": f"at://{DID}/{collection}/{key}", "cid": cid(record), "value": record}


def cid(record: dict[str, object]) -> str:
    return "bafyrei" + sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
