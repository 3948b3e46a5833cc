"""Drive Bluesky: the stand-in, and the real network, whose line to us is broken on request by a transport in between."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import httpx

from bluesky_network.network import Account, BlueskyNetwork, XrpcError
from contract.bench import CLOCK, Call, Mishap, Ours, Traits
from contract.mastodon_bench import FAULTS
from shareasm.domain.posts import Network, PostRef
from shareasm.networks.bluesky.bios import Bios
from shareasm.networks.bluesky.checker import BlueskyChecker
from shareasm.networks.bluesky.client import BlueskySearch, Server
from shareasm.networks.bluesky.conversations import BlueskyConversations
from shareasm.networks.bluesky.jetstream import JetstreamStream
from shareasm.networks.bluesky.publisher import BlueskyPublisher
from shareasm.networks.bluesky.session import Session
from shareasm.networks.bluesky.writing import Repository
from shareasm.networks.ports import ConversationReader, PostChecker, TagReader, TagStream
from shareasm.pictures import prepare
from shareasm.rehearsal.bluesky import Person, StandInBluesky

METHODS = {
    Call.PUBLISH: "com.atproto.repo.applyWrites",
    Call.READ: "app.bsky.feed.searchPosts",
    Call.CHECK: "app.bsky.feed.getPosts",
    Call.CONVERSE: "app.bsky.feed.getPostThread",
}


class Kept:
    """Where a sign-in is kept between runs; in life a file."""

    def __init__(self, text: str | None = None) -> None:
        self.text = text

    def load(self) -> str | None:
        return self.text

    def save(self, text: str) -> None:
        self.text = text


def _session(
    server: str, handle: str, password: str, kept: Kept, transport: httpx.BaseTransport | None = None
) -> Session:
    return Session(server, handle, lambda: password, load=kept.load, save=kept.save, now=CLOCK.now, transport=transport)


# ---- the stand-in ------------------------------------------------------------------------------------------------------

_numbers = count(1)


@contextmanager
def running() -> Iterator[tuple[StandInBluesky, Person]]:
    """Run a network with somebody on it."""
    with StandInBluesky(CLOCK, has_rate_limits=False) as standin:
        yield standin, standin.account("amina.test", "Amina")


@contextmanager
def standin_bench(traits: Traits, standin: StandInBluesky, amina: Person) -> Iterator["StandInBench"]:
    """Use a running stand-in for one test."""
    bench = StandInBench(standin, amina, traits)
    try:
        with bench.closing:
            yield bench
    finally:
        standin.pds_faults.clear()
        standin.appview_faults.clear()


@dataclass
class StandInBench:
    standin: StandInBluesky
    amina: Person
    traits: Traits
    network: Network = Network.BLUESKY
    _accounts: dict[str, Person] = field(default_factory=dict)
    closing: ExitStack = field(default_factory=ExitStack)

    def ours(self) -> Ours:
        person = self.standin.account(f"iied{next(_numbers)}.test", "IIED")
        self._accounts[person.handle] = person
        return Ours(BlueskyPublisher(self._signed_in(person), prepare=prepare), person.handle)

    def _signed_in(self, person: Person) -> Server:
        session = _session(self.standin.pds_url, person.handle, person.password, Kept())
        return self._kept(Server(self.standin.pds_url, now=CLOCK.now, session=session))

    def _kept(self, server: Server) -> Server:
        self.closing.callback(server.close)
        return server

    def reader(self) -> TagReader:
        return BlueskySearch(self._signed_in(self.amina))

    def checker(self) -> PostChecker:
        server = self._kept(Server(self.standin.appview_url, now=CLOCK.now))
        return BlueskyChecker(server, Bios(server))

    def conversations(self) -> ConversationReader:
        return BlueskyConversations(self._kept(Server(self.standin.appview_url, now=CLOCK.now)))

    def stream(self) -> TagStream:
        return JetstreamStream(self.standin.jetstream_url, now=CLOCK.now, batch_s=0.1)

    def local_id(self, ref: PostRef) -> str:
        return ref.uri

    def say(self, text: str, *, language: str = "en", reply_to: PostRef | None = None) -> PostRef:
        uri = self.standin.say(self.amina, text, [language], reply_to=reply_to.uri if reply_to else None)
        return PostRef(Network.BLUESKY, uri)

    def edit(self, ref: PostRef, text: str) -> None:
        self.standin.edit(ref.uri, text)

    def delete(self, ref: PostRef) -> None:
        self.standin.delete(ref.uri)

    def wait_for(self, *refs: PostRef) -> None:
        pass  # without an indexing delay readers see everything at once

    def texts(self, ours: Ours) -> list[str]:
        return [str(post.value["text"]) for post in self.standin.posts(self._accounts[ours.name])]

    def let_fail(self, call: Call, mishap: Mishap) -> None:
        is_open = call in (Call.CHECK, Call.CONVERSE)
        faults = self.standin.appview_faults if is_open else self.standin.pds_faults
        faults.add(FAULTS[mishap], path=f"/xrpc/{re.escape(METHODS[call])}")

    def expire(self, ours: Ours) -> Ours:
        self.standin.expire_access(self._accounts[ours.name])
        return ours

    def revoke(self, ours: Ours) -> Ours:
        self.standin.revoke(self._accounts[ours.name])
        return ours

    # ---- what only Bluesky has: see test_bluesky_posts.py

    @property
    def appview(self) -> str:
        return self.standin.appview_url

    @property
    def pds(self) -> str:
        return self.standin.pds_url

    def signed_in(self, ours: Ours) -> Server:
        return self._signed_in(self._accounts[ours.name])

    def quote(self, ref: PostRef) -> PostRef:
        return PostRef(Network.BLUESKY, self.standin.say(self.amina, "Look at this", quote=ref.uri))

    def delete_by_hand(self, ours: Ours, ref: PostRef) -> None:
        self.standin.delete(ref.uri)

    def occupy(self, ours: Ours, key: str) -> None:
        _occupy(self.signed_in(ours), key)


def _occupy(server: Server, key: str) -> None:
    record = {"$type": "app.bsky.feed.post", "text": "somebody else's words", "createdAt": "2026-11-22T09:00:00.000Z"}
    Repository(server).put("app.bsky.feed.post", key, record, over=None, ref=key)


# ---- the real network --------------------------------------------------------------------------------------------------


@contextmanager
def real_bench(traits: Traits, network: BlueskyNetwork) -> Iterator["RealBench"]:
    """Use the running network for one test."""
    bench = RealBench(network, traits)
    with bench.closing, bench.line:
        yield bench


@dataclass
class BreakingLine(httpx.BaseTransport):
    """A line to the real servers that fails on request. Clients share it, so it is closed by `with` and not by them."""

    line: httpx.BaseTransport = field(default_factory=httpx.HTTPTransport)
    mishaps: list[tuple[str, Mishap]] = field(default_factory=list)

    def close(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        method = request.url.path.rpartition("/")[2]
        mishap = next((mishap for name, mishap in self.mishaps if name == method), None)
        if mishap is None:
            return self.line.handle_request(request)
        self.mishaps.remove((method, mishap))
        match mishap:
            case Mishap.LOST_ON_THE_WAY:
                raise httpx.ReadError("Connection reset by peer", request=request)
            case Mishap.WEB_PAGE:
                return httpx.Response(200, html="<!DOCTYPE html><title>Just a moment...</title>")
            case Mishap.TOO_MANY:
                reset = str(int(CLOCK.now().timestamp()) + 60)
                return httpx.Response(429, headers={"ratelimit-reset": reset}, json={"error": "RateLimitExceeded"})
            case Mishap.OUT_OF_ORDER:
                return httpx.Response(503, json={"error": "ServiceUnavailable"})
        answer = self.line.handle_request(request)  # the server does it
        content = answer.read()
        if mishap is Mishap.ANSWER_LOST:
            raise httpx.ReadError("Connection reset by peer", request=request)
        return httpx.Response(200, content=content[: len(content) // 2], headers={"content-type": "application/json"})


@dataclass
class RealBench:
    real: BlueskyNetwork
    traits: Traits
    network: Network = Network.BLUESKY
    line: BreakingLine = field(default_factory=BreakingLine)
    _accounts: dict[str, tuple[Account, str, Kept]] = field(default_factory=dict)  # with the app password
    closing: ExitStack = field(default_factory=ExitStack)

    def ours(self) -> Ours:
        account = self.real.account()
        made = self.real.call("com.atproto.server.createAppPassword", body={"name": "shareasm"}, token=account.token)
        self._accounts[account.handle] = account, str(made["password"]), Kept()
        return self._ours(account.handle)

    def _ours(self, handle: str) -> Ours:
        return Ours(BlueskyPublisher(self._signed_in(handle), prepare=prepare), handle)

    def _signed_in(self, handle: str) -> Server:
        _, password, kept = self._accounts[handle]
        session = _session(self.real.pds, handle, password, kept, self.line)
        return self._kept(Server(self.real.pds, now=CLOCK.now, session=session, transport=self.line))

    def _kept(self, server: Server) -> Server:
        self.closing.callback(server.close)
        return server

    def reader(self) -> TagReader:
        return BlueskySearch(self._signed_in(self.ours().name))

    def checker(self) -> PostChecker:
        server = self._kept(Server(self.real.appview, now=CLOCK.now, transport=self.line))
        return BlueskyChecker(server, Bios(server))

    def conversations(self) -> ConversationReader:
        return BlueskyConversations(self._kept(Server(self.real.appview, now=CLOCK.now, transport=self.line)))

    def stream(self) -> TagStream:
        return JetstreamStream(self.real.jetstream, now=CLOCK.now, batch_s=0.1)

    def local_id(self, ref: PostRef) -> str:
        return ref.uri

    def say(self, text: str, *, language: str = "en", reply_to: PostRef | None = None) -> PostRef:
        fields: dict[str, object] = {"langs": [language]}
        if reply_to:
            parent = self.real.until(lambda: self.real.view(reply_to.uri))
            place = {"uri": reply_to.uri, "cid": parent["cid"]}
            above = self.real.record(reply_to.uri).get("reply")
            fields["reply"] = {"root": above["root"] if above else place, "parent": place}
        said = self.real.post(self.real.speaker, text, tags=_tags(text), **fields)
        return PostRef(Network.BLUESKY, said["uri"])

    def edit(self, ref: PostRef, text: str) -> None:
        self.real.edit(self.real.speaker, ref.uri, text, tags=_tags(text))

    def delete(self, ref: PostRef) -> None:
        self.real.delete(self.real.speaker, ref.uri)

    def wait_for(self, *refs: PostRef) -> None:
        for ref in refs:
            self.real.until(lambda uri=ref.uri: self._is_shown_as_it_is(uri))

    def _is_shown_as_it_is(self, uri: str) -> bool:
        view = self.real.view(uri)
        try:
            text = self.real.record(uri)["text"]
        except XrpcError:
            return view is None
        return view is not None and view["record"]["text"] == text

    def texts(self, ours: Ours) -> list[str]:
        return [str(record["value"]["text"]) for record in self.real.records(self._accounts[ours.name][0])]

    def let_fail(self, call: Call, mishap: Mishap) -> None:
        self.line.mishaps.append((METHODS[call], mishap))

    def expire(self, ours: Ours) -> Ours:
        """Two hours later: the token that was kept has expired. The network's secret is known, so one is made."""
        _, _, kept = self._accounts[ours.name]
        assert kept.text, "nobody has signed in yet"
        last = json.loads(kept.text)
        tokens = {**last["tokens"], "access": _expired(last["tokens"]["access"])}
        kept.text = json.dumps({**last, "at": (CLOCK.now() - timedelta(hours=2)).isoformat(), "tokens": tokens})
        return self._ours(ours.name)

    def revoke(self, ours: Ours) -> Ours:
        account, _, _ = self._accounts[ours.name]
        self.real.call("com.atproto.server.revokeAppPassword", body={"name": "shareasm"}, token=account.token)
        return self.expire(ours)  # until then the old token goes on working: the PDS asks no table about it

    # ---- what only Bluesky has: see test_bluesky_posts.py

    @property
    def appview(self) -> str:
        return self.real.appview

    @property
    def pds(self) -> str:
        return self.real.pds

    def signed_in(self, ours: Ours) -> Server:
        return self._signed_in(ours.name)

    def quote(self, ref: PostRef) -> PostRef:
        quoted = self.real.until(lambda: self.real.view(ref.uri))
        embed = {"$type": "app.bsky.embed.record", "record": {"uri": ref.uri, "cid": quoted["cid"]}}
        return PostRef(Network.BLUESKY, self.real.post(self.real.speaker, "Look at this", embed=embed)["uri"])

    def delete_by_hand(self, ours: Ours, ref: PostRef) -> None:
        self.real.delete(self._accounts[ours.name][0], ref.uri)

    def occupy(self, ours: Ours, key: str) -> None:
        _occupy(self.signed_in(ours), key)


def _tags(text: str) -> list[str]:
    return re.findall(r"#(\w+)", text)


def _expired(token: str) -> str:
    """Return the same token as it would be had it expired long ago, signed with the secret of dev-env's PDS."""
    head, body, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims |= {"iat": claims["iat"] - 86_400, "exp": claims["iat"] - 80_000}
    signed = f"{head}.{_base64url(json.dumps(claims).encode())}"
    signature = hmac.new(b"jwt-secret", signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64url(signature)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
