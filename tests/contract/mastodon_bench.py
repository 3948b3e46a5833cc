"""Drives a stand-in Mastodon-API server, in any of its flavours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from itertools import count

from contract.bench import CLOCK, PICTURES, Call, Mishap, Ours, Traits
from shareasm.domain.posts import Network, PostRef
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.conversations import MastodonConversations
from shareasm.networks.mastodon.publisher import MastodonPublisher
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.mastodon.streaming import MastodonStream
from shareasm.networks.ports import ConversationReader, PostChecker, TagReader, TagStream
from shareasm.pictures import prepare
from shareasm.rehearsal.faults import Fault
from shareasm.rehearsal.mastodon import Budgets, Flavour, MastodonServer, Person
from shareasm.videos import prepare_video

AGENT = "shareasm-contract/1 (tests)"
FAULTS = {
    Mishap.LOST_ON_THE_WAY: Fault.RESET_BEFORE,
    Mishap.ANSWER_LOST: Fault.RESET_AFTER,
    Mishap.CUT_SHORT: Fault.CUT,
    Mishap.WEB_PAGE: Fault.HTML,
    Mishap.TOO_MANY: Fault.RATE_LIMITED,
    Mishap.OUT_OF_ORDER: Fault.UNAVAILABLE_BEFORE,
}
REQUESTS = {
    Call.PUBLISH: ("POST", "/api/v1/statuses"),
    Call.READ: ("GET", "/api/v1/timelines/tag/.*"),
    Call.CHECK: ("GET", "/api/v1/statuses.*"),
    Call.CONVERSE: ("GET", "/api/v1/statuses/.*/context"),
}


_numbers = count(1)


@contextmanager
def running(flavour: Flavour, version: str | None = None) -> Iterator[tuple[MastodonServer, Person]]:
    """Run a server with somebody on it. Its budgets are off: the suite asks for too much on purpose where it wants that."""
    budgets = Budgets(**dict.fromkeys(field.name for field in fields(Budgets)))
    with MastodonServer(CLOCK, flavour=flavour, version=version, budgets=budgets) as server:
        yield server, server.account("amina", "Amina")


@contextmanager
def bench(traits: Traits, server: MastodonServer, amina: Person) -> Iterator["MastodonBench"]:
    """Use a running server for one test."""
    try:
        yield MastodonBench(server, amina, traits)
    finally:
        server.faults.clear()


@dataclass
class MastodonBench:
    server: MastodonServer
    amina: Person
    traits: Traits
    network: Network = Network.MASTODON
    _accounts: dict[str, Person] = field(default_factory=dict)
    _said: dict[PostRef, Mapping[str, object]] = field(default_factory=dict)

    def ours(self) -> Ours:
        person = self.server.account(f"iied{next(_numbers)}", "IIED", visibility="public")
        self._accounts[person.username] = person
        publisher = MastodonPublisher(
            self.server.url,
            person.token,
            user_agent=AGENT,
            now=CLOCK.now,
            prepare=prepare,
            prepare_video=prepare_video,
            wait=lambda _: None,
        )
        return Ours(publisher, person.username)

    def person(self, ours: Ours) -> Person:
        """Return whose account it is."""
        return self._accounts[ours.name]

    def fault(self, mishap: Mishap) -> Fault:
        """Return how the stand-in does a mishap."""
        return FAULTS[mishap]

    def reader(self) -> TagReader:
        return self._reader()

    def checker(self) -> PostChecker:
        return self._reader()

    def _reader(self) -> MastodonReader:
        return MastodonReader(self.server.url, token=self.amina.token, user_agent=AGENT, now=CLOCK.now)

    def stream(self) -> TagStream:
        api = Api(self.server.url, token=self.amina.token, user_agent=AGENT, now=CLOCK.now)
        return MastodonStream(api, token=self.amina.token, user_agent=AGENT, now=CLOCK.now)

    def local_id(self, ref: PostRef) -> str:
        return str(self._said[ref]["id"])

    def conversations(self) -> ConversationReader:
        return MastodonConversations(self.server.url, token=self.amina.token, user_agent=AGENT, now=CLOCK.now)

    def quote(self, ref: PostRef) -> PostRef:
        said = self.server.say(self.amina, "Look at this", quote=self._said[ref], visibility="public")
        return PostRef(Network.MASTODON, str(said["uri"]))

    def say(self, text: str, *, language: str = "en", reply_to: PostRef | None = None) -> PostRef:
        dot = [((PICTURES / "dot.png").read_bytes(), "two fields")] if self.server.instance.rules.needs_media else []
        parent = self._said[reply_to] if reply_to else None
        said = self.server.say(self.amina, text, language=language, reply_to=parent, media=dot, visibility="public")
        ref = PostRef(Network.MASTODON, str(said["uri"]))
        self._said[ref] = said
        return ref

    def edit(self, ref: PostRef, text: str) -> None:
        self.server.edit(self._said[ref], text)

    def delete(self, ref: PostRef) -> None:
        self.server.delete(self._said[ref])

    def wait_for(self, *refs: PostRef) -> None:
        pass  # a stand-in shows everything at once

    def texts(self, ours: Ours) -> list[str]:
        url = self._accounts[ours.name].url
        mine = [
            said
            for said in self.server.statuses()
            if isinstance(said["account"], dict) and said["account"]["url"] == url
        ]
        return [str(said["text"]) for said in mine]

    def let_fail(self, call: Call, mishap: Mishap) -> None:
        self.server.faults.add(FAULTS[mishap], *REQUESTS[call])

    def expire(self, ours: Ours) -> Ours:
        raise NotImplementedError("tokens of Mastodon do not expire")

    def revoke(self, ours: Ours) -> Ours:
        self.server.revoke(self._accounts[ours.name].token)
        return ours

    def occupy(self, ours: Ours, key: str) -> None:
        raise NotImplementedError("a key of Mastodon is no place")
