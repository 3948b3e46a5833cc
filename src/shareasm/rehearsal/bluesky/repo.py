"""The stand-in's memory: accounts, their records and blobs, and the numbered log of everything that happened.

What the PDS keeps in real life. Every method is one atomic step and may be called from any thread; time comes from the clock
that the rehearsal runs on.
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from shareasm.clock import Clock
from shareasm.rehearsal.bluesky.lexicon import (
    RAW,
    Invalid,
    Json,
    Record,
    blob_cids,
    check_record,
    cid_of,
    in_stored_order,
    record_cid,
    shown,
)
from shareasm.rehearsal.bluesky.xrpc import bad_request, internal_error

Status = Literal["", "deactivated", "takendown", "suspended", "deleted"]  # "" is active

_TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_CLOCK_ID = 23  # of this server's own TIDs


def tid(microseconds: int, clock_id: int = _CLOCK_ID) -> str:
    """Return the TID of a unix time in microseconds; TIDs sort as their times do."""
    number = (microseconds & (1 << 53) - 1) << 10 | clock_id & 1023
    return "".join(_TID_LETTERS[number >> 5 * place & 31] for place in range(12, -1, -1))


def microseconds(instant: datetime) -> int:
    """Return the unix time of `instant` in microseconds."""
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond


def network_time(instant: datetime) -> str:
    """Return `instant` as Bluesky's servers write times: UTC, milliseconds, Z."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03}Z"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that an account uploaded."""

    content: bytes
    mime_type: str

    @property
    def cid(self) -> str:
        """The address that the content gives it."""
        return cid_of(self.content, RAW)

    def ref(self) -> Record:
        """Return what a record says to name this blob."""
        return {"$type": "blob", "ref": {"$link": self.cid}, "mimeType": self.mime_type, "size": len(self.content)}


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as its repo keeps it. A change makes a new one."""

    did: str
    collection: str
    rkey: str
    value: Record
    cid: str
    arrived_at: datetime  # the first time that something was written under this key

    @property
    def uri(self) -> str:
        """Its address, with the DID."""
        return f"at://{self.did}/{self.collection}/{self.rkey}"


@dataclass(slots=True)
class Repo:
    """One account on the server."""

    did: str
    handle: str
    password: str
    email: str
    created_at: datetime
    app_passwords: list[str] = field(default_factory=list)
    status: Status = ""
    records: dict[tuple[str, str], StoredRecord] = field(default_factory=dict)  # (collection, rkey)
    blobs: dict[str, Blob] = field(default_factory=dict)

    def of(self, collection: str) -> list[StoredRecord]:
        """Return the records of a collection, the highest key first."""
        found = [record for (name, _), record in self.records.items() if name == collection]
        return sorted(found, key=lambda record: record.rkey, reverse=True)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. `body` is what Jetstream puts beside `did` (commit) or inside the kind's own object."""

    seq: int  # 1, 2, 3 …
    at_us: int  # unix microseconds, strictly rising
    kind: Literal["commit", "identity", "account", "sync"]
    did: str
    body: Record


@dataclass(frozen=True, slots=True)
class Write:
    """One change of a record. `swap` is the CID that must be there now; None: nothing may be there; UNSET: no condition."""

    action: Literal["create", "put", "update", "delete"]
    collection: str
    rkey: str | None = None
    value: Json = None
    swap: str | None = "unset"
    validate: bool | None = None  # None: what has a lexicon is checked

    UNSET: ClassVar[str] = "unset"


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did; `action` is None when there was nothing to do."""

    uri: str
    cid: str | None
    action: Literal["create", "update", "delete"] | None  # what the stream tells
    validation: str | None = None
    value: Record | None = None


class Repos:
    """All accounts of the network, and what happened to them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.by_did: dict[str, Repo] = {}
        self.events: list[Event] = []
        self.listeners: list[Callable[[], None]] = []  # told after every event; must not block
        self._last_us = 0

    def wipe(self) -> None:
        """Forget all accounts and events; record keys go on rising."""
        with self.lock:
            self.by_did.clear()
            self.events.clear()

    # ---- accounts ----

    def create(self, handle: str, password: str, email: str) -> Repo:
        """Open an account; the stream tells it."""
        with self.lock:
            if self.find(handle) is not None:
                raise bad_request(f"Handle already taken: {handle}", "HandleNotAvailable")
            digest = hashlib.sha256(handle.lower().encode()).digest()
            did = "did:plc:" + base64.b32encode(digest).decode().lower()[:24]
            repo = Repo(did, handle.lower(), password, email, self.clock.now())
            self.by_did[did] = repo
            self._tell("identity", did, {"did": did, "handle": repo.handle})
            self._tell("account", did, {"active": True, "did": did})
            self._tell("sync", did, self._sync(did))
            return repo

    def find(self, actor: str) -> Repo | None:
        """Return the account with this DID or handle, whatever its status but deleted."""
        with self.lock:
            repo = self.by_did.get(actor) or next(
                (repo for repo in self.by_did.values() if repo.handle == actor.lower()), None
            )
            return repo if repo is not None and repo.status != "deleted" else None

    def active(self) -> Iterator[Repo]:
        """Yield the accounts that are shown to others."""
        return (repo for repo in list(self.by_did.values()) if not repo.status)

    def set_status(self, repo: Repo, status: Status) -> None:
        """Deactivate, take down, suspend, delete, or ("") bring back; the stream tells it."""
        with self.lock:
            repo.status = status
            if status == "deleted":
                repo.records.clear()
                repo.blobs.clear()
            body: Record = {"active": not status, "did": repo.did}
            self._tell("account", repo.did, {**body, "status": status} if status else body)
            if not status:
                self._tell("identity", repo.did, {"did": repo.did, "handle": repo.handle})
                self._tell("sync", repo.did, self._sync(repo.did))

    def rename(self, repo: Repo, handle: str) -> None:
        """Change the handle; the stream tells it."""
        with self.lock:
            repo.handle = handle.lower()
            self._tell("identity", repo.did, {"did": repo.did, "handle": repo.handle})

    def add_blob(self, repo: Repo, content: bytes, mime_type: str) -> Blob:
        """Keep `content`; the same bytes again are the same blob, of the type that was said first."""
        with self.lock:
            blob = Blob(content, mime_type)
            repo.blobs.setdefault(blob.cid, blob)
            return repo.blobs[blob.cid]

    # ---- records ----

    def record(self, uri: str) -> StoredRecord | None:
        """Return the record at `uri` (with a DID or a handle), of whatever account."""
        actor, _, path = uri.removeprefix("at://").partition("/")
        collection, _, rkey = path.partition("/")
        repo = self.find(actor)
        return repo.records.get((collection, rkey)) if repo else None

    def write(self, repo: Repo, writes: Iterable[Write]) -> tuple[list[Written], Record | None]:
        """Do all of `writes` or none. Return what each did, and the commit: None when nothing was to be done."""
        with self.lock:
            records = dict(repo.records)
            rev = self._next_tid()
            done = [self._apply(repo, records, write) for write in writes]
            repo.records = records
            changed = [written for written in done if written.action is not None]
            for written in changed:
                self._tell("commit", repo.did, _commit_body(written, rev))
            return done, {"cid": record_cid({"did": repo.did, "rev": rev}), "rev": rev} if changed else None

    def _apply(self, repo: Repo, records: dict[tuple[str, str], StoredRecord], write: Write) -> Written:
        """Apply one write to `records`. The order of the checks is the real PDS's."""
        key = (write.collection, write.rkey or self._next_tid())
        there = records.get(key)
        uri = f"at://{repo.did}/{key[0]}/{key[1]}"
        if write.action == "delete":
            _check_swap(write, there)
            return Written(uri, None, "delete" if records.pop(key, None) else None)
        validation = _validated(write)
        value = _with_type(write)
        for cid in blob_cids(value):
            if cid not in repo.blobs:
                raise bad_request(f"Could not find blob: {cid}", "BlobNotFound")
        cid = record_cid(value)
        if write.action == "put":
            if there is not None and there.cid == cid and write.swap in (None, there.cid, Write.UNSET):
                return Written(uri, cid, None, validation)
            _check_swap(write, there)
        elif (there is None) == (write.action == "update"):
            raise internal_error()
        arrived_at = there.arrived_at if there else self.clock.now()
        records[key] = StoredRecord(repo.did, *key, in_stored_order(value), cid, arrived_at)  # type: ignore[arg-type]
        return Written(uri, cid, "update" if there else "create", validation, records[key].value)

    # ---- the log ----

    def _tell(self, kind: Literal["commit", "identity", "account", "sync"], did: str, body: Record) -> None:
        now = self.clock.now()
        self._last_us = max(microseconds(now), self._last_us + 1)
        if kind != "commit":
            body = {**body, "seq": len(self.events) + 1, "time": network_time(now)}
        self.events.append(Event(len(self.events) + 1, self._last_us, kind, did, body))
        for listener in list(self.listeners):
            listener()

    def _sync(self, did: str) -> Record:
        """Return a `#sync` without blocks: the SDK's client cannot read any, and nobody else looks into them."""
        return {"did": did, "rev": self._next_tid(), "blocks": {"$bytes": "oWVyb290c4A"}}

    def _next_tid(self) -> str:
        self._last_us = max(microseconds(self.clock.now()), self._last_us + 1)
        return tid(self._last_us)


def _commit_body(written: Written, rev: str) -> Record:
    _, _, _, collection, rkey = written.uri.split("/")
    body: Record = {"rev": rev, "operation": written.action, "collection": collection, "rkey": rkey}
    return body if written.action == "delete" else {**body, "record": written.value, "cid": written.cid}


def _check_swap(write: Write, there: StoredRecord | None) -> None:
    found = there.cid if there else None
    if write.swap not in (Write.UNSET, found):
        raise bad_request(f"Record was at {found or 'null'}", "InvalidSwap")


def _validated(write: Write) -> str | None:
    if write.validate is False:
        return None
    try:
        return check_record(write.collection, write.rkey, write.value, must_be_known=write.validate is True)
    except Invalid as no:
        raise bad_request(str(no)) from None


def _with_type(write: Write) -> Record:
    if not isinstance(write.value, dict):
        raise bad_request(f"Expected object value type (got {shown(write.value)}) at $.record")
    return {**write.value, "$type": write.collection}
