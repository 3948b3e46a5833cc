"""The stand-in's PDS: sign-in, writing and reading records and blobs, and passing on of reads to the AppView.

Answers were compared with `@atproto/pds` 0.5.35, error names and messages included (`tests/rehearsal/bluesky_answers.py`).
"""

from collections.abc import Callable, Mapping

from shareasm.rehearsal.bluesky.lexicon import Json, Record, blob_cids, is_cid, is_did, is_handle, is_nsid, shown
from shareasm.rehearsal.bluesky.repo import Repo, Repos, Write, Written, network_time
from shareasm.rehearsal.bluesky.sessions import (
    REQUESTS,
    SIGN_INS,
    SIGN_INS_A_DAY,
    WRITES,
    WRITES_A_DAY,
    Charge,
    RateLimits,
    Sessions,
    Tokens,
)
from shareasm.rehearsal.bluesky.xrpc import (
    Answer,
    Call,
    Handler,
    Method,
    Refusal,
    Xrpc,
    bad_request,
    no_such_method,
    procedures,
    queries,
)

SERVER_DID = "did:web:localhost"
BLOB_UPLOAD_LIMIT = 5_242_880
_POINTS = {"create": 3, "update": 2, "put": 2, "delete": 1}
_WRITE_KINDS: Mapping[str, str] = {
    f"com.atproto.repo.applyWrites#{action}": action for action in ("create", "update", "delete")
}


class Pds:
    """One PDS for all accounts of the network. `app` is its ASGI app."""

    def __init__(
        self, repos: Repos, url: Callable[[], str], limits: RateLimits, appview: Callable[[str, Repo], Handler]
    ) -> None:
        self._repos = repos
        self._url = url
        self._limits = limits
        self._appview = appview
        self.sessions = Sessions(repos, SERVER_DID)
        self._methods = {
            **queries(
                {
                    "com.atproto.server.describeServer": self._describe_server,
                    "com.atproto.server.getSession": self._get_session,
                    "com.atproto.server.getServiceAuth": self._get_service_auth,
                    "com.atproto.identity.resolveHandle": self._resolve_handle,
                    "com.atproto.repo.getRecord": self._get_record,
                    "com.atproto.repo.listRecords": self._list_records,
                    "com.atproto.repo.describeRepo": self._describe_repo,
                    "com.atproto.sync.getBlob": self._get_blob,
                }
            ),
            **procedures(
                {
                    "com.atproto.server.createAccount": self._create_account,
                    "com.atproto.server.createAppPassword": self._create_app_password,
                    "com.atproto.server.revokeAppPassword": self._revoke_app_password,
                    "com.atproto.server.createSession": self._create_session,
                    "com.atproto.server.refreshSession": self._refresh_session,
                    "com.atproto.server.deleteSession": self._delete_session,
                    "com.atproto.server.deactivateAccount": self._deactivate,
                    "com.atproto.server.activateAccount": self._activate,
                    "com.atproto.repo.createRecord": self._create_record,
                    "com.atproto.repo.putRecord": self._put_record,
                    "com.atproto.repo.deleteRecord": self._delete_record,
                    "com.atproto.repo.applyWrites": self._apply_writes,
                }
            ),
            "com.atproto.repo.uploadBlob": Method(self._upload_blob, is_procedure=True, body_limit=BLOB_UPLOAD_LIMIT),
        }
        self.app = Xrpc(repos.lock, self._find, self._page, lambda _: limits.spend(Charge(REQUESTS, "", 1)))

    def _find(self, call: Call) -> Method:
        method = self._methods.get(call.nsid)
        if method is not None:
            return method
        viewer = self.sessions.account(call.headers)
        return Method(self._appview(call.nsid, viewer))

    def _page(self, path: str) -> Answer:
        if path == "/xrpc/_health":
            return Answer({"version": "0.5.35"})
        raise no_such_method()

    # ---- server and sessions ----

    def _describe_server(self, _: Call) -> Answer:
        return Answer(
            {
                "did": SERVER_DID,
                "availableUserDomains": [".test", ".example"],
                "inviteCodeRequired": False,
                "blobUploadLimit": BLOB_UPLOAD_LIMIT,
                "links": {},
                "contact": {},
            }
        )

    def _create_account(self, call: Call) -> Answer:
        body = call.input("handle")
        handle, password = str(body["handle"]), str(body.get("password", ""))
        if not is_handle(handle):
            raise bad_request(f"Invalid handle (got {shown(handle)}) at $.handle")
        repo = self._repos.create(handle, password, str(body.get("email", "")))
        repo, tokens = self.sessions.sign_in(repo.did, password)
        return Answer({"handle": repo.handle, "did": repo.did, "didDoc": self._did_doc(repo), **_jwts(tokens)})

    def _create_app_password(self, call: Call) -> Answer:
        repo = self.sessions.account(call.headers)
        name = str(call.input("name")["name"])
        password = f"{name[:4]:x<4}-{len(repo.app_passwords):04}-aaaa-bbbb".lower()
        repo.app_passwords.append(password)
        now = network_time(self._repos.clock.now())
        return Answer({"name": name, "password": password, "createdAt": now, "privileged": False})

    def _revoke_app_password(self, call: Call) -> Answer:
        repo = self.sessions.account(call.headers)
        name = str(call.input("name")["name"])
        for password in [kept for kept in repo.app_passwords if kept.startswith(f"{name[:4]:x<4}-".lower())]:
            self.sessions.revoke(repo, password)
        return Answer()

    def _create_session(self, call: Call) -> Answer:
        body = call.input("identifier", "password")
        identifier = str(body["identifier"]).lower()
        headers = self._limits.spend(
            Charge(REQUESTS, "", 0), Charge(SIGN_INS_A_DAY, identifier, 1), Charge(SIGN_INS, identifier, 1)
        )
        try:
            repo, tokens = self.sessions.sign_in(identifier, str(body["password"]))
        except Refusal as no:
            no.headers |= headers
            raise
        return Answer({**_jwts(tokens), **self._session_view(repo)}, headers=headers)

    def _refresh_session(self, call: Call) -> Answer:
        repo, tokens = self.sessions.refresh(call.headers)
        call.no_input()
        return Answer({**_jwts(tokens), **self._session_view(repo)})

    def _get_session(self, call: Call) -> Answer:
        return Answer(self._session_view(self.sessions.account(call.headers)))

    def _get_service_auth(self, call: Call) -> Answer:
        repo = self.sessions.account(call.headers)
        audience = call.text("aud")
        if not audience.startswith(("did:plc:", "did:web:")):
            raise bad_request("aud must be a valid atproto DID or did#serviceId reference")
        expires = call.whole("exp", 0, 0, 1 << 53)
        return Answer({"token": self.sessions.service_token(repo, audience, call.query.get("lxm", ""), expires)})

    def _delete_session(self, call: Call) -> Answer:
        self.sessions.sign_out(call.headers)
        return Answer()

    def _deactivate(self, call: Call) -> Answer:
        self._repos.set_status(self.sessions.account(call.headers), "deactivated")
        return Answer()

    def _activate(self, call: Call) -> Answer:
        call.no_input()
        self._repos.set_status(self.sessions.account(call.headers), "")
        return Answer()

    def _session_view(self, repo: Repo) -> Record:
        view: Record = {
            "did": repo.did,
            "didDoc": self._did_doc(repo),
            "handle": repo.handle,
            "email": repo.email,
            "emailConfirmed": False,
            "active": not repo.status,
        }
        return {**view, "status": repo.status} if repo.status else view

    def _did_doc(self, repo: Repo) -> Record:
        pds: Record = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self._url()}
        return {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": repo.did,
            "alsoKnownAs": [f"at://{repo.handle}"],
            "verificationMethod": [],
            "service": [pds],
        }

    def _resolve_handle(self, call: Call) -> Answer:
        repo = self._repos.find(call.text("handle", is_handle, "handle"))
        if repo is None or repo.status in ("takendown", "suspended"):
            raise bad_request("Unable to resolve handle", "HandleNotFound")
        return Answer({"did": repo.did})

    # ---- writing ----

    def _create_record(self, call: Call) -> Answer:
        repo, body = self._writer(call, "collection", "record")
        rkey = body.get("rkey")
        write = Write(
            "create", _nsid(body), str(rkey) if rkey is not None else None, body["record"], validate=_flag(body)
        )
        return self._one(repo, write)

    def _put_record(self, call: Call) -> Answer:
        repo, body = self._writer(call, "collection", "rkey", "record")
        write = Write("put", _nsid(body), str(body["rkey"]), body["record"], _swap(body), _flag(body))
        return self._one(repo, write)

    def _delete_record(self, call: Call) -> Answer:
        repo, body = self._writer(call, "collection", "rkey")
        return self._one(repo, Write("delete", _nsid(body), str(body["rkey"]), swap=_swap(body)))

    def _apply_writes(self, call: Call) -> Answer:
        repo, body = self._writer(call, "writes")
        items = body["writes"]
        if not isinstance(items, list):
            raise bad_request(f"Expected array value type (got {shown(items)}) at $.writes")
        writes = [_listed_write(item, _flag(body)) for item in items]
        headers = self._pay(repo, *writes)
        done, commit = self._repos.write(repo, writes)
        results: list[Json] = [
            {"$type": f"com.atproto.repo.applyWrites#{write.action}Result", **_receipt(written)}
            for write, written in zip(writes, done, strict=True)
        ]
        return Answer({**({"commit": commit} if commit else {}), "results": results}, headers=headers)

    def _one(self, repo: Repo, write: Write) -> Answer:
        """Do one write. `swapCommit` is not looked at: shareasm never sends it."""
        headers = self._pay(repo, write)
        (written,), commit = self._repos.write(repo, [write])
        receipt = _receipt(written)
        status = {"validationStatus": receipt.pop("validationStatus")} if "validationStatus" in receipt else {}
        return Answer({**receipt, **({"commit": commit} if commit else {}), **status}, headers=headers)

    def _writer(self, call: Call, *required: str) -> tuple[Repo, Record]:
        """Return whose repo is written and the body; the checks come in the real PDS's order."""
        signed_in = self.sessions.account(call.headers)
        if signed_in.status:
            raise _inactive(401, signed_in)
        body = call.input("repo", *required)
        repo = self._repos.find(str(body["repo"]))
        if repo is None:
            raise Refusal(403, "AccountNotFound", "Account not found")
        if repo is not signed_in:
            raise Refusal(401, "AuthenticationRequired", "Authentication Required")
        return repo, body

    def _pay(self, repo: Repo, *writes: Write) -> dict[str, str]:
        points = sum(_POINTS[write.action] for write in writes)
        return self._limits.spend(
            Charge(REQUESTS, "", 0), Charge(WRITES, repo.did, points), Charge(WRITES_A_DAY, repo.did, points)
        )

    def _upload_blob(self, call: Call) -> Answer:
        repo = self.sessions.account(call.headers)
        if repo.status:
            raise _inactive(401, repo)
        kind = call.headers.get("content-type", "")
        if not kind:
            raise bad_request("Request encoding (Content-Type) required but not provided")
        return Answer({"blob": self._repos.add_blob(repo, call.body, sniffed(call.body) or kind).ref()})

    # ---- reading ----

    def _readable(self, actor: str) -> Repo:
        repo = self._repos.find(actor)
        if repo is None or repo.status:
            raise bad_request(f"Could not find repo: {actor}")
        return repo

    def _get_record(self, call: Call) -> Answer:
        actor, collection, rkey = call.text("repo"), call.text("collection", is_nsid, "NSID"), call.text("rkey")
        repo = self._readable(actor)
        record = repo.records.get((collection, rkey))
        if record is None or call.query.get("cid", record.cid) != record.cid:
            uri = f"at://{repo.did}/{collection}/{rkey}"
            raise bad_request(f"Could not locate record: {uri}", "RecordNotFound")
        return Answer({"uri": record.uri, "cid": record.cid, "value": record.value})

    def _list_records(self, call: Call) -> Answer:
        actor, collection = call.text("repo"), call.text("collection", is_nsid, "NSID")
        limit, cursor = call.whole("limit", 50, 1, 100), call.query.get("cursor")
        is_reverse = call.query.get("reverse") == "true"
        records = self._readable(actor).of(collection)
        if is_reverse:
            records.reverse()
        if cursor:
            records = [record for record in records if (record.rkey > cursor) == is_reverse and record.rkey != cursor]
        page = records[:limit]
        views: list[Json] = [{"uri": record.uri, "cid": record.cid, "value": record.value} for record in page]
        return Answer({"records": views, **({"cursor": page[-1].rkey} if page else {})})

    def _describe_repo(self, call: Call) -> Answer:
        actor = call.text("repo")
        repo = self._repos.find(actor)
        if repo is None:
            raise bad_request(f"Could not find repo for DID: {actor}", "RepoNotFound")
        collections: list[Json] = [*sorted({collection for collection, _ in repo.records})]
        return Answer(
            {
                "handle": repo.handle,
                "did": repo.did,
                "didDoc": self._did_doc(repo),
                "collections": collections,
                "handleIsCorrect": True,
            }
        )

    def _get_blob(self, call: Call) -> Answer:
        did, cid = call.text("did", is_did, "DID"), call.text("cid", is_cid, "CID string")
        repo = self._repos.find(did)
        if repo is None or repo.status:
            raise bad_request(f"Could not find repo for DID: {did}", "RepoNotFound")
        if not any(cid in blob_cids(record.value) for record in repo.records.values()):  # else it may be collected
            raise bad_request("Blob not found")
        blob = repo.blobs[cid]
        return Answer(blob.content, blob.mime_type, {"content-security-policy": "default-src 'none'; sandbox"})


def sniffed(content: bytes) -> str | None:
    """Return the MIME type that the first bytes tell; the server believes the sender only where they tell nothing."""
    for start, kind in ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif")):
        if content.startswith(start):
            return kind
    if content[4:8] == b"ftyp":
        return "video/mp4"
    if content.startswith((b"WEBVTT\n", b"WEBVTT\r", b"WEBVTT ", b"WEBVTT\t")):
        return "text/vtt"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def _jwts(tokens: Tokens) -> Record:
    return {"accessJwt": tokens.access, "refreshJwt": tokens.refresh}


def _inactive(status: int, repo: Repo) -> Refusal:
    if repo.status == "deactivated":
        return Refusal(status, "AccountDeactivated", "Account is deactivated")
    return Refusal(status, "AccountTakedown", "Account has been taken down")


def _nsid(body: Record) -> str:
    collection = str(body["collection"])
    if not is_nsid(collection):
        raise bad_request(f"Invalid NSID (got {shown(collection)}) at $.collection")
    return collection


def _flag(body: Record) -> bool | None:
    flag = body.get("validate")
    return flag if isinstance(flag, bool) else None


def _swap(body: Record) -> str | None:
    """Return what `swapRecord` asks. An explicit null is a condition; a missing key is none."""
    if "swapRecord" not in body:
        return Write.UNSET
    swap = body["swapRecord"]
    if swap is not None and not (isinstance(swap, str) and is_cid(swap)):
        raise bad_request(f"Invalid CID string (got {shown(swap)}) at $.swapRecord")
    return swap


def _listed_write(item: Json, validate: bool | None) -> Write:
    kind = _WRITE_KINDS.get(str(item.get("$type"))) if isinstance(item, dict) else None
    if kind is None or not isinstance(item, dict):
        raise bad_request(f"Expected an applyWrites operation (got {shown(item)}) at $.writes")
    rkey = str(item["rkey"]) if "rkey" in item else None
    return Write(kind, _nsid(item), rkey, item.get("value"), validate=validate)  # type: ignore[arg-type]


def _receipt(written: Written) -> Record:
    if written.cid is None:
        return {}
    receipt: Record = {"uri": written.uri, "cid": written.cid}
    return receipt if written.validation is None else {**receipt, "validationStatus": written.validation}
