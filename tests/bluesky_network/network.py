"""The real Bluesky network as a context manager: starts `./start`, gives the addresses, makes accounts, posts and labels.

    with BlueskyNetwork.started(jetstream=True) as network:
        amina = network.account("amina")
        post = network.post(amina, "Hello #shareASM", tags=["shareASM"])
        network.until(lambda: network.view(post["uri"]))

It speaks XRPC by itself, not through the adapters or their libraries: what it does must not depend on what is tested.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx

HERE = Path(__file__).resolve().parent
START_FOR = 900  # seconds; the first start installs everything
STOP_FOR = 30

T = TypeVar("T")


class XrpcError(Exception):
    """A server refused a call of this module."""


@dataclass(frozen=True)
class Account:
    """Somebody on the network, signed in."""

    did: str
    handle: str
    password: str
    token: str


@dataclass
class BlueskyNetwork:
    """A running network. `addresses` is the JSON line that `start.mjs` prints (see README.md)."""

    addresses: dict[str, Any]
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _moderator: Account | None = None

    @classmethod
    @contextmanager
    def started(cls, **options: str | bool | int) -> Iterator["BlueskyNetwork"]:
        """Run `start` with `options` (jetstream=True is --jetstream), wait until all of it answers, stop it at the end."""
        with tempfile.TemporaryDirectory(prefix="shareasm-bluesky-") as folder:
            ready, log = Path(folder, "ready.json"), Path(folder, "log")
            with log.open("wb") as output:
                process = subprocess.Popen(
                    # it ends with us, even if we are killed
                    ["setpriv", "--pdeathsig", "TERM", "--", HERE / "start", "--ready-file", ready, *_flags(options)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=output,
                    start_new_session=True,
                    env={**os.environ, "PYTHON": sys.executable},
                )
            try:
                _wait_for(ready, process, log)
                network = cls(json.loads(ready.read_text()))
                with network._http:
                    yield network
            finally:
                _stop(process)

    @cached_property
    def speaker(self) -> Account:
        """Somebody who is there from the first time anybody asks, and says what tests want said."""
        return self.account("speaker")

    @property
    def pds(self) -> str:
        return str(self.addresses["pds"]["url"])

    @property
    def appview(self) -> str:
        return str(self.addresses["appview"]["url"])

    @property
    def jetstream(self) -> str:
        """The address that a Jetstream v2 client takes (`ws://…/xrpc`)."""
        return str(self.addresses["jetstream"]["xrpc"])

    # ---- people and posts ----------------------------------------------------------------------------------------------

    def account(self, name: str | None = None, password: str = "pass-word-of-the-test") -> Account:
        """Sign somebody up (handle `<name>.test`) and wait until the AppView knows them: clients ask for the profile."""
        name = name or f"somebody{next(self._numbers)}"
        made = self.call(
            "com.atproto.server.createAccount",
            body={"handle": f"{name}.test", "email": f"{name}@mail.test", "password": password},
            headers={"x-ratelimit-bypass": "the test bench"},
        )
        did = str(made["did"])
        self.until(lambda: self.call("app.bsky.actor.getProfile", {"actor": did}, base=self.appview))
        return Account(did, str(made["handle"]), password, str(made["accessJwt"]))

    def post(self, who: Account, text: str, *, tags: list[str] | None = None, **fields: Any) -> dict[str, Any]:
        """Post `text`, with a facet on each of `tags` that stands in it, and return `{uri, cid, …}`."""
        facets = [facet for tag in tags or () if (facet := _tag_facet(text, tag))]
        record = {
            "$type": "app.bsky.feed.post",
            "createdAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "text": text,
            **({"facets": facets} if facets else {}),
            **fields,
        }
        return self.call(
            "com.atproto.repo.createRecord",
            body={"repo": who.did, "collection": "app.bsky.feed.post", "record": record},
            token=who.token,
        )

    def edit(self, who: Account, uri: str, text: str, *, tags: list[str] | None = None) -> dict[str, Any]:
        """Put another record in the place of `uri`, as editing clients do."""
        record = self.record(uri)
        facets = [facet for tag in tags or () if (facet := _tag_facet(text, tag))]
        return self.call(
            "com.atproto.repo.putRecord",
            body={**_place(uri), "record": {**record, "text": text, "facets": facets}},
            token=who.token,
        )

    def delete(self, who: Account, uri: str) -> None:
        self.call("com.atproto.repo.deleteRecord", body=_place(uri), token=who.token)

    def deactivate(self, who: Account) -> None:
        self.call("com.atproto.server.deactivateAccount", body={}, token=who.token)

    def record(self, uri: str) -> dict[str, Any]:
        """Return the record at `uri` as its own server has it."""
        return dict(self.call("com.atproto.repo.getRecord", _place(uri))["value"])

    def records(self, who: Account) -> list[dict[str, Any]]:
        """Return every post in the account's repository, newest first, each `{uri, cid, value}`."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"repo": who.did, "collection": "app.bsky.feed.post", "limit": 100}
            answer = self.call("com.atproto.repo.listRecords", {**query, "cursor": cursor} if cursor else query)
            found += answer["records"]
            cursor = answer.get("cursor")
            if not cursor or not answer["records"]:
                return found

    def view(self, uri: str) -> dict[str, Any] | None:
        """Return the AppView's view of a post; None where it has none (yet)."""
        posts = self.call("app.bsky.feed.getPosts", {"uris": uri}, base=self.appview)["posts"]
        return posts[0] if posts else None

    def until(self, probe: Callable[[], T], seconds: float = 20) -> T:
        """Ask `probe` until it answers something true. Indexing takes up to a second, more on a busy machine."""
        end = time.monotonic() + seconds
        while True:
            try:
                if answer := probe():
                    return answer
            except XrpcError:
                pass  # not there yet
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds} s in vain")
            time.sleep(0.05)

    # ---- the network's own moderation ----------------------------------------------------------------------------------

    def label(self, post: dict[str, Any], *values: str) -> None:
        """Put labels on a post, as the network's labeler."""
        self._moderate(
            post,
            {
                "$type": "tools.ozone.moderation.defs#modEventLabel",
                "createLabelVals": list(values),
                "negateLabelVals": [],
            },
        )

    def take_down(self, post: dict[str, Any]) -> None:
        self._moderate(post, {"$type": "tools.ozone.moderation.defs#modEventTakedown"})

    def _moderate(self, post: dict[str, Any], event: dict[str, Any]) -> None:
        ozone = self.addresses["ozone"]
        if self._moderator is None:
            session = self.call(
                "com.atproto.server.createSession", body={"identifier": ozone["handle"], "password": ozone["password"]}
            )
            self._moderator = Account(session["did"], ozone["handle"], ozone["password"], session["accessJwt"])
        subject = {"$type": "com.atproto.repo.strongRef", "uri": post["uri"], "cid": post["cid"]}
        self.call(
            "tools.ozone.moderation.emitEvent",
            body={"event": event, "subject": subject, "createdBy": self._moderator.did},
            token=self._moderator.token,
            headers={"atproto-proxy": f"{ozone['did']}#atproto_labeler"},
        )

    # ---- XRPC ----------------------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        query: dict[str, Any] | None = None,
        *,
        body: dict[str, Any] | None = None,
        base: str | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call a server (the PDS unless `base` names another). Raises XrpcError with the server's words."""
        address = f"{base or self.pds}/xrpc/{method}"
        all_headers = {**(headers or {}), **({"authorization": f"Bearer {token}"} if token else {})}
        if body is None:
            answer = self._http.get(address, params=query, headers=all_headers)
        else:
            answer = self._http.post(address, json=body, headers=all_headers)
        if answer.is_error:
            raise XrpcError(f"{method}: {answer.status_code} {answer.text[:300]}")
        return dict(answer.json()) if answer.content else {}


def _flags(options: dict[str, str | bool | int]) -> list[str]:
    flags = []
    for name, value in options.items():
        if value is not False:
            flags += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return flags


def _wait_for(ready: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_FOR
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the Bluesky network did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_FOR)
    except subprocess.TimeoutExpired:
        process.kill()  # PostgreSQL and Redis end with it (parent-death signal)
        process.wait()


def _place(uri: str) -> dict[str, str]:
    _, _, repo, collection, key = uri.split("/")
    return {"repo": repo, "collection": collection, "rkey": key}


def _tag_facet(text: str, tag: str) -> dict[str, Any] | None:
    at = text.encode().find(f"#{tag}".encode())
    if at < 0:
        return None
    end = at + len(f"#{tag}".encode())
    return {
        "index": {"byteStart": at, "byteEnd": end},
        "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": tag}],
    }
